//! The lists at hand: an immutable snapshot, by issuer.
//!
//! One slot holds one list: of one issuer name, one key, one scope (the octets of
//! issuingDistributionPoint), complete or delta. The newest one stays, by cRLNumber, then
//! thisUpdate, then digest; an older one is refused, so that no order of arrival and no replay
//! takes a revocation back.
//!
//! A change copies one of 256 shards and shares the others.
//!
//! Most issuers have one list, for all certificates and all reasons. Which lists are alone like that is
//! found out with each change and indexed by the octets of their issuers' names, so that most
//! questions compare no names and no scopes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha256};

use super::crl::VerifiedCrl;
use super::{
    About, Answer, EvidenceBudget, EvidenceChange, EvidenceId, Query, RevocationSource, crl_change,
    crl_status,
};
use crate::x509::{CrlNumber, Name, Time};

/// Revocation lists that answer by RFC 5280 section 6.3.3.
#[derive(Clone)]
pub struct CrlStore {
    shards: Vec<Arc<Shard>>,
    /// Lists that are alone, by a hash of the octets of the issuer's name.
    alone: Vec<Arc<Vec<Alone>>>,
    digest: EvidenceId,
}

/// The only list of its issuer, complete, for all certificates and all reasons.
#[derive(Clone, Debug)]
struct Alone {
    name_hash: u64,
    list: Arc<VerifiedCrl>,
}

/// Lists, sorted by slot.
#[derive(Debug, Default)]
struct Shard {
    lists: Vec<Arc<VerifiedCrl>>,
    digest: [u8; 32],
}

const SHARDS: usize = 256;

/// A list that is older than the one held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a newer list is held: number {held_number:?} of {held_update}, offered {offered_number:?} of {offered_update}"
)]
#[non_exhaustive]
pub struct RolledBack {
    /// cRLNumber of the list held.
    pub held_number: Option<CrlNumber>,
    /// Its thisUpdate.
    pub held_update: Time,
    /// cRLNumber of the list offered.
    pub offered_number: Option<CrlNumber>,
    /// Its thisUpdate.
    pub offered_update: Time,
}

impl RolledBack {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "revocation.rolled-back"
    }
}

impl Default for CrlStore {
    fn default() -> Self {
        Self::new()
    }
}

impl CrlStore {
    /// A store without lists.
    #[must_use]
    pub fn new() -> Self {
        let empty = Arc::new(Shard::default());
        Self::of(alloc::vec![empty; SHARDS], alloc::vec![Arc::default(); SHARDS])
    }

    fn of(shards: Vec<Arc<Shard>>, alone: Vec<Arc<Vec<Alone>>>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"bonafide-crl-store 1");
        shards.iter().for_each(|shard| hash.update(shard.digest));
        Self { shards, alone, digest: EvidenceId::from_digest(hash.finalize().into()) }
    }

    /// The store with one more list, in place of an older one of its slot.
    ///
    /// # Errors
    /// [`RolledBack`] where the list held is newer. The same list again changes nothing.
    pub fn with(&self, list: impl Into<Arc<VerifiedCrl>>) -> Result<Self, RolledBack> {
        let list = list.into();
        let at = shard_of(list.issuer_hash);
        let Some(shard) = self.shards.get(at) else { return Ok(self.clone()) };
        let mut lists = shard.lists.clone();
        match lists.binary_search_by(|held| slot(held).cmp(&slot(&list))) {
            Ok(place) => match lists.get_mut(place) {
                Some(held) if age(held) > age(&list) => {
                    return Err(RolledBack {
                        held_number: held.summary.number,
                        held_update: held.summary.this_update,
                        offered_number: list.summary.number,
                        offered_update: list.summary.this_update,
                    });
                }
                Some(held) => *held = list,
                None => {}
            },
            Err(place) => lists.insert(place, list),
        }
        Ok(self.with_shard(at, lists))
    }

    /// The store without the list of this name.
    #[must_use]
    pub fn without(&self, id: &EvidenceId) -> Self {
        let has = |shard: &Arc<Shard>| shard.lists.iter().any(|list| list.id() == *id);
        let Some((at, shard)) = self.shards.iter().enumerate().find(|(_, shard)| has(shard)) else {
            return self.clone();
        };
        self.with_shard(at, shard.lists.iter().filter(|l| l.id() != *id).cloned().collect())
    }

    fn with_shard(&self, at: usize, lists: Vec<Arc<VerifiedCrl>>) -> Self {
        let mut hash = Sha256::new();
        lists.iter().for_each(|list| hash.update(list.id().as_bytes()));
        let (mut shards, mut alone) = (self.shards.clone(), self.alone.clone());
        if let Some(shard) = shards.get_mut(at) {
            let (before, after) = (alone_among(&shard.lists), alone_among(&lists));
            for Alone { name_hash, list } in before {
                if let Some(held) = alone.get_mut(shard_of(name_hash)) {
                    Arc::make_mut(held).retain(|held| !Arc::ptr_eq(&held.list, &list));
                }
            }
            for entry in after {
                if let Some(held) = alone.get_mut(shard_of(entry.name_hash)) {
                    Arc::make_mut(held).push(entry);
                }
            }
            *shard = Arc::new(Shard { lists, digest: hash.finalize().into() });
        }
        Self::of(shards, alone)
    }

    /// The list of the issuer whose name has these octets, if it is alone.
    pub(super) fn alone(&self, name: &Name<'_>) -> Option<&VerifiedCrl> {
        let name_hash = octets_hash(name.as_der());
        let held = self.alone.get(shard_of(name_hash))?.iter();
        let mut held = held.filter(|held| held.name_hash == name_hash);
        held.find(|held| held.list.issuer().as_der() == name.as_der()).map(|held| &*held.list)
    }

    /// Iterates over the lists, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<VerifiedCrl>> {
        self.shards.iter().flat_map(|shard| &shard.lists)
    }

    /// Returns how many lists there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lists.len()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.lists.is_empty())
    }

    /// The shards that differ: lists here, and lists in the other store.
    pub(super) fn unshared<'s>(
        &'s self,
        older: &'s Self,
    ) -> impl Iterator<Item = (&'s [Arc<VerifiedCrl>], &'s [Arc<VerifiedCrl>])> {
        let shards = self.shards.iter().zip(&older.shards);
        shards
            .filter(|(a, b)| !Arc::ptr_eq(a, b))
            .map(|(a, b)| (a.lists.as_slice(), b.lists.as_slice()))
    }

    /// The lists of one issuer, in a fixed order.
    pub(super) fn of_issuer<'s, 'n, 'm>(
        &'s self,
        name: &'n Name<'m>,
    ) -> impl Iterator<Item = &'s VerifiedCrl> + use<'s, 'n, 'm> {
        let hash = name.canonical_hash();
        let lists = self.shards.get(shard_of(hash)).map_or(&[][..], |shard| &shard.lists);
        let start = lists.partition_point(|list| list.issuer_hash < hash);
        let lists = lists.get(start..).unwrap_or_default().iter();
        lists
            .take_while(move |list| list.issuer_hash == hash)
            .map(|list| &**list)
            .filter(move |list| list.issuer().matches(name))
    }
}

/// Those of the lists of a shard that are alone.
fn alone_among(lists: &[Arc<VerifiedCrl>]) -> Vec<Alone> {
    let of_one_issuer =
        lists.chunk_by(|a, b| a.issuer_hash == b.issuer_hash && a.issuer().matches(&b.issuer()));
    let alone = of_one_issuer.filter_map(|group| match group {
        [list] if list.is_plain() => {
            Some(Alone { name_hash: octets_hash(list.issuer().as_der()), list: Arc::clone(list) })
        }
        _ => None,
    });
    alone.collect()
}

/// For names as they stand, of which those of authorities are held.
#[inline]
fn octets_hash(octets: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(ODD).rotate_left(29);
    let (words, rest) = octets.as_chunks();
    let hash = words.iter().fold(ODD, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    match octets.last_chunk() {
        // The last words overlap where the length is no multiple of theirs.
        Some(last) => mix(hash, u64::from_le_bytes(*last)),
        None => rest.iter().fold(hash, |hash, octet| mix(hash, u64::from(*octet))),
    }
}

fn shard_of(issuer_hash: u64) -> usize {
    let [first, ..] = issuer_hash.to_be_bytes();
    usize::from(first)
}

/// Which lists take each other's place. Names that match have one canonical form; their hash stands
/// before it, so that lookups need no canonical form.
pub(super) fn slot(list: &VerifiedCrl) -> impl Ord + use<'_> {
    let name = list.issuer().to_canonical();
    (list.issuer_hash, name, &list.key, list.scope_der.as_deref(), list.is_delta())
}

/// Which of two lists of a slot is the newer one. A list without a number is older than any with
/// one: no issuer that began to number would stop.
fn age(list: &VerifiedCrl) -> impl Ord + use<> {
    (list.summary.number, list.summary.this_update, list.summary.id)
}

impl RevocationSource for CrlStore {
    fn name(&self) -> &'static str {
        "crl"
    }

    fn digest(&self) -> EvidenceId {
        self.digest
    }

    fn status(&self, query: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Answer {
        crl_status::status(self, query, budget)
    }

    fn digest_about(&self, about: &About<'_>) -> Option<EvidenceId> {
        crl_change::digest_about(self, about)
    }

    fn change_since(&self, older: &dyn RevocationSource) -> EvidenceChange {
        Self::of_source(older)
            .map_or_else(EvidenceChange::unknown, |older| crl_change::change_since(self, older))
    }
}

impl fmt::Debug for CrlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrlStore")
            .field("lists", &self.len())
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
