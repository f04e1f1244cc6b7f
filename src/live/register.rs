//! The register of live sessions: bounded, and indexed by what their peers rest on.
//!
//! A session stands under a key for each serial number, each issuer and each SubjectPublicKeyInfo on its path
//! (the anchor's among them), each identity, its trust domain, and the credential of one's own that was
//! presented. Evidence is about serial numbers and issuers. A publication looks up keys and compares what it finds in full, so that a
//! revocation costs what it finds, however many sessions there are.
//!
//! Sessions are spread over shards, each with a lock of its own, so that whoever registers waits for a
//! publication that looks through all sessions no longer than one shard takes.
//!
//! A session that is registered while something is published is never missed: it is entered first and
//! asked about afterwards. A publication that looks before the entry has raised its epoch before it looked,
//! and the question sees that.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::hash::BuildHasher;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::hash::RandomState;
use std::sync::Mutex;

use super::affected::{Affected, Key, Wanted, digest, for_each_claim};
use super::ruling::LivePeer;
use super::snapshot::InForce;
use super::standing::Lapse;
use crate::credential::lock;
use crate::x509::Time;

/// Names a session in the register, for as long as the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    number: u64,
    slot: u32,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// Why a session is not in the register.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The register is full.
    #[error("the register holds {max} sessions already")]
    Full {
        /// How many it holds at most.
        max: usize,
    },
    /// What the peer rests on has changed, or ran out: ask again and register the answer.
    #[error("the peer must be asked again before its session is registered")]
    AskAgain,
    /// The peer is refused.
    #[error("the peer is refused")]
    Lapsed(#[source] Lapse),
}

impl RegisterError {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full { .. } => "register.full",
            Self::AskAgain => "register.ask-again",
            Self::Lapsed(lapse) => lapse.code(),
        }
    }
}

pub(super) struct Register {
    shards: Box<[Mutex<Shard>]>,
    count: AtomicUsize,
    numbers: AtomicU64,
    max: usize,
    /// Keyed: peers choose what is hashed.
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    /// Hashes of keys, and the slots of the sessions under them.
    index: BTreeSet<(u64, u32)>,
}

struct Entry {
    number: u64,
    peer: LivePeer,
    own: Option<Box<[u8; 32]>>,
}

/// Locks that sessions are spread over.
const SHARDS: usize = 16;

impl Register {
    pub(super) fn new(max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            count: AtomicUsize::new(0),
            numbers: AtomicU64::new(1),
            max,
            hasher: RandomState::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn shard(&self, number: u64) -> Option<&Mutex<Shard>> {
        let mask = u64::try_from(SHARDS).ok()?.wrapping_sub(1);
        self.shards.get(usize::try_from(number & mask).ok()?)
    }

    /// Takes one place of the bounded number.
    fn reserve(&self) -> Result<(), RegisterError> {
        let free = |count: usize| (count < self.max).then_some(count + 1);
        match self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free) {
            Ok(_) => Ok(()),
            Err(_) => Err(RegisterError::Full { max: self.max }),
        }
    }

    pub(super) fn enter(
        &self,
        peer: &LivePeer,
        own: Option<&[u8; 32]>,
    ) -> Result<SessionId, RegisterError> {
        let full = RegisterError::Full { max: self.max };
        self.reserve()?;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let keys = self.keys(peer, own);
        let entry = Entry { number, peer: peer.clone(), own: own.copied().map(Box::new) };
        let entered = self.shard(number).and_then(|shard| lock(shard).enter(entry, &keys));
        let Some(slot) = entered else {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return Err(full);
        };
        Ok(SessionId { number, slot })
    }

    pub(super) fn remove(&self, id: SessionId, peer: &LivePeer, own: Option<&[u8; 32]>) {
        let keys = self.keys(peer, own);
        let removed = self.shard(id.number).and_then(|shard| lock(shard).remove(id, &keys));
        if removed.is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Puts another peer in the place of a session's.
    pub(super) fn replace(
        &self,
        id: SessionId,
        old: &LivePeer,
        new: &LivePeer,
        own: Option<&[u8; 32]>,
    ) {
        let (old_keys, new_keys) = (self.keys(old, own), self.keys(new, own));
        if let Some(shard) = self.shard(id.number) {
            lock(shard).replace(id, new.clone(), &old_keys, &new_keys);
        }
    }

    pub(super) fn find(&self, id: SessionId) -> Option<LivePeer> {
        lock(self.shard(id.number)?).held(id)?.as_ref().map(|entry| entry.peer.clone())
    }

    /// What a session stands under, hashed.
    fn keys(&self, peer: &LivePeer, own: Option<&[u8; 32]>) -> Vec<u64> {
        let mut keys = Vec::with_capacity(8);
        let mut add = |key: Key<'_>| keys.push(self.hash(&key));
        for certificate in peer.path().iter() {
            add(Key::Serial(certificate.serial_number()));
            add(Key::Issuer(certificate.issuer().canonical_hash()));
            if let Ok(spki) = certificate.subject_public_key_info() {
                add(Key::Spki(digest(spki.der())));
            }
        }
        add(Key::Spki(digest(peer.anchor().spki_der())));
        peer.identity().iter().for_each(|identity| add(Key::Identity(identity)));
        add(Key::Domain(peer.trust_domain()));
        for_each_claim(peer, |trust_domain| add(Key::Claim(trust_domain)));
        if let Some(own) = own {
            add(Key::Credential(*own));
        }
        keys
    }

    fn hash(&self, key: &Key<'_>) -> u64 {
        match key {
            Key::Serial(serial) => self.hasher.hash_one((0_u8, serial)),
            Key::Spki(spki) => self.hasher.hash_one((1_u8, spki)),
            Key::Identity(identity) => self.hasher.hash_one((2_u8, identity)),
            Key::Domain(name) => self.hasher.hash_one((3_u8, name)),
            Key::Claim(trust_domain) => self.hasher.hash_one((4_u8, trust_domain)),
            Key::Issuer(hash) => self.hasher.hash_one((5_u8, hash)),
            Key::Credential(digest) => self.hasher.hash_one((6_u8, digest)),
        }
    }

    /// The sessions that are affected, each once, with the most urgent advice.
    pub(super) fn affected(
        &self,
        wanted: &[Wanted],
        in_force: &InForce,
        now: Time,
    ) -> Vec<Affected> {
        if wanted.is_empty() || self.len() == 0 {
            return Vec::new();
        }
        let keys: Vec<Option<u64>> =
            wanted.iter().map(|wanted| wanted.selector.key().map(|key| self.hash(&key))).collect();
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            for (wanted, key) in wanted.iter().zip(&keys) {
                let mut look = |slot: u32, entry: &Entry| {
                    let stands = |peer: &LivePeer| peer.ruling().stands_under(in_force, now);
                    if wanted.selector.means(&entry.peer, entry.own.as_deref(), stands) {
                        found.push(Affected {
                            session: SessionId { number: entry.number, slot },
                            advice: wanted.selector.advice(&entry.peer, wanted.advice),
                            cause: wanted.cause,
                        });
                    }
                };
                match key {
                    Some(key) => shard.under(*key).for_each(|(slot, entry)| look(slot, entry)),
                    None => shard.entries().for_each(|(slot, entry)| look(slot, entry)),
                }
            }
        }
        found.sort_unstable_by_key(|affected| (affected.session, affected.advice));
        found.dedup_by_key(|affected| affected.session);
        found
    }
}

impl Shard {
    fn enter(&mut self, entry: Entry, keys: &[u64]) -> Option<u32> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(None);
                slot
            }
        };
        *self.slots.get_mut(usize::try_from(slot).ok()?)? = Some(entry);
        self.index.extend(keys.iter().map(|&key| (key, slot)));
        Some(slot)
    }

    fn held(&mut self, id: SessionId) -> Option<&mut Option<Entry>> {
        let slot = self.slots.get_mut(usize::try_from(id.slot).ok()?)?;
        slot.as_ref().is_some_and(|entry| entry.number == id.number).then_some(slot)
    }

    fn remove(&mut self, id: SessionId, keys: &[u64]) -> Option<Entry> {
        let removed = self.held(id)?.take();
        for key in keys {
            self.index.remove(&(*key, id.slot));
        }
        self.free.push(id.slot);
        removed
    }

    /// Returns the peer that was there, to be dropped without the lock.
    fn replace(
        &mut self,
        id: SessionId,
        peer: LivePeer,
        old_keys: &[u64],
        new_keys: &[u64],
    ) -> Option<LivePeer> {
        let entry = self.held(id)?.as_mut()?;
        let old = core::mem::replace(&mut entry.peer, peer);
        for key in old_keys.iter().filter(|key| !new_keys.contains(key)) {
            self.index.remove(&(*key, id.slot));
        }
        self.index.extend(new_keys.iter().map(|&key| (key, id.slot)));
        Some(old)
    }

    fn under(&self, key: u64) -> impl Iterator<Item = (u32, &Entry)> {
        self.index.range((key, 0)..=(key, u32::MAX)).filter_map(|&(_, slot)| {
            Some((slot, self.slots.get(usize::try_from(slot).ok()?)?.as_ref()?))
        })
    }

    fn entries(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (0..).zip(&self.slots).filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }
}
