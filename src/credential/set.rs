//! `CredentialSet`: what a holder presents at one moment; `Update`: what comes next.
//!
//! A set is immutable. [`CredentialSet::next`] makes the following one from an update, or says why
//! not, and swaps nothing: a [`CredentialHandle`](super::CredentialHandle) swaps a set on its own;
//! whoever publishes more together keeps the set within a larger snapshot. What else changes in the
//! same instant, such as the trust that came in the same message of the SPIFFE Workload API, goes along
//! as the attached part `A`, of which this room knows nothing.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::{Credential, CredentialError, CredentialEvent, Selection, Staple};
use crate::decision::Fingerprint;
use crate::x509::Time;

/// The credentials in force and what was published with them.
///
/// INVARIANT: no two credentials have the same primary identity, kind of key and hint; each staple is
/// about the leaf of one of them, and no two about the same.
pub struct CredentialSet<A = ()> {
    generation: u64,
    credentials_since: u64,
    credentials: Vec<Arc<Credential>>,
    staples: Vec<Arc<Staple>>,
    attached: Arc<A>,
}

impl<A> CredentialSet<A> {
    /// The set before the first publication, generation 0.
    #[must_use]
    pub const fn empty(attached: Arc<A>) -> Self {
        Self {
            generation: 0,
            credentials_since: 0,
            credentials: Vec::new(),
            staples: Vec::new(),
            attached,
        }
    }

    /// Returns the number of the publication; each is greater than the one before.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the publication that last changed the credentials, one that withdrew some included.
    /// Staples and what is attached change without them.
    #[must_use]
    pub const fn credentials_since(&self) -> u64 {
        self.credentials_since
    }

    /// Returns what was published together with the credentials.
    #[must_use]
    pub const fn attached(&self) -> &Arc<A> {
        &self.attached
    }

    /// Returns the credentials, the default one first, expired ones among them.
    pub fn iter(&self) -> core::slice::Iter<'_, Arc<Credential>> {
        self.credentials.iter()
    }

    /// Returns how many credentials there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.credentials.len()
    }

    /// Whether there is nothing to present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty()
    }

    /// Returns the credential to present at `now`; nothing where none is wanted that is in date.
    #[must_use]
    pub fn choose(&self, selection: Selection<'_>, now: Time) -> Option<&Arc<Credential>> {
        self.candidates(selection, now).next()
    }

    /// Returns all credentials that may be presented at `now`, the best first: those that name the
    /// server name exactly, those that cover it with a wildcard, then the others, each in the order of
    /// the set. Never one that is expired.
    pub fn candidates<'s, 'w>(
        &'s self,
        selection: Selection<'w>,
        now: Time,
    ) -> impl Iterator<Item = &'s Arc<Credential>> + use<'s, 'w, A> {
        (0..Selection::RANKS).flat_map(move |rank| {
            self.credentials.iter().filter(move |credential| {
                !credential.is_expired(now) && selection.rank(credential) == Some(rank)
            })
        })
    }

    /// Returns the OCSP response to send with a credential at `now`; never one that is out of date.
    #[must_use]
    pub fn staple(&self, credential: &Credential, now: Time) -> Option<&Arc<Staple>> {
        if self.staples.is_empty() {
            return None;
        }
        let leaf = leaf_of(credential);
        let is_for = |staple: &&Arc<Staple>| leaf == Some(staple.leaf());
        self.staples.iter().find(is_for).filter(|staple| now <= staple.valid_until())
    }

    /// Makes the set that follows, and says what changes. Nothing where nothing does.
    ///
    /// Credentials that are there already, byte for byte, stay as they are: a source that repeats
    /// itself causes no swap, no event and no signature.
    ///
    /// # Errors
    /// [`CredentialError::Expired`], [`CredentialError::Rollback`], [`CredentialError::Duplicate`] or one
    /// about a staple; the set in force is not touched.
    pub fn next(
        &self,
        update: Update<A>,
        now: Time,
    ) -> Result<Option<(Self, Vec<CredentialEvent>)>, CredentialError> {
        let generation = self.generation.saturating_add(1);
        let mut events = Vec::new();
        let mut arrived: Vec<Arc<Credential>> = Vec::with_capacity(update.credentials.len());
        for credential in update.credentials {
            if arrived.iter().any(|other| credential.replaces(other)) {
                return Err(CredentialError::Duplicate);
            }
            let old = self.credentials.iter().find(|old| credential.replaces(old));
            let credential = match old {
                Some(old) if credential.is_same(old) => old.clone(),
                old => {
                    if credential.is_expired(now) {
                        let valid_until = credential.valid_until();
                        return Err(CredentialError::Expired { valid_until, now });
                    }
                    if let (Some(old), Rollback::Refused) = (old, update.rollback) {
                        credential.check_not_older(old)?;
                    }
                    events.push(CredentialEvent::Installed {
                        generation,
                        identity: credential.identity().clone(),
                        valid_until: credential.valid_until(),
                        replaced: old.map(|old| old.generation()),
                    });
                    Arc::new(credential.in_generation(generation))
                }
            };
            arrived.push(credential);
        }
        let next = match update.scope {
            Scope::Complete => arrived,
            Scope::Additional => {
                let mut next = Vec::with_capacity(self.credentials.len() + arrived.len());
                for old in &self.credentials {
                    let place = arrived.iter().position(|new| new.replaces(old));
                    next.push(place.map_or_else(|| old.clone(), |place| arrived.remove(place)));
                }
                next.append(&mut arrived);
                next
            }
            Scope::Without(gone) => {
                self.credentials.iter().filter(|old| !gone.replaces(old)).cloned().collect()
            }
        };
        for old in &self.credentials {
            if !next.iter().any(|new| new.replaces(old)) {
                events.push(CredentialEvent::Withdrawn {
                    generation,
                    identity: old.identity().clone(),
                });
            }
        }
        let default = |set: &[Arc<Credential>]| set.first().map(|first| first.identity().clone());
        let default_identity = default(&next);
        if default_identity != default(&self.credentials) {
            events.push(CredentialEvent::DefaultChanged { generation, identity: default_identity });
        }
        let staples = self.next_staples(update.staples, &next, generation, now, &mut events)?;
        let attached = update.attached.unwrap_or_else(|| self.attached.clone());
        if !Arc::ptr_eq(&attached, &self.attached) {
            events.push(CredentialEvent::AttachedChanged { generation });
        }
        let same_order = next.len() == self.credentials.len()
            && next.iter().zip(&self.credentials).all(|(new, old)| Arc::ptr_eq(new, old));
        if events.is_empty() && same_order {
            return Ok(None);
        }
        let credentials_since = if same_order { self.credentials_since } else { generation };
        let set = Self { generation, credentials_since, credentials: next, staples, attached };
        Ok(Some((set, events)))
    }

    /// The staples of the set that follows: what arrives, and what there is for leaves that stay.
    fn next_staples(
        &self,
        arrived: Vec<Staple>,
        credentials: &[Arc<Credential>],
        generation: u64,
        now: Time,
        events: &mut Vec<CredentialEvent>,
    ) -> Result<Vec<Arc<Staple>>, CredentialError> {
        if self.staples.is_empty() && arrived.is_empty() {
            return Ok(Vec::new());
        }
        let of_leaf =
            |leaf| credentials.iter().find(|credential| leaf_of(credential) == Some(leaf));
        let stays = |staple: &&Arc<Staple>| of_leaf(staple.leaf()).is_some();
        let mut staples: Vec<Arc<Staple>> = self.staples.iter().filter(stays).cloned().collect();
        for staple in arrived {
            let credential = of_leaf(staple.leaf()).ok_or(CredentialError::StapleOfNobody)?;
            let (offered, leaf) = (staple.valid_until(), staple.leaf());
            if now > offered {
                return Err(CredentialError::StapleExpired { valid_until: offered, now });
            }
            let place = staples.iter().position(|other| other.leaf() == leaf);
            match place.and_then(|place| staples.get_mut(place)) {
                Some(held) if held.response() == staple.response() => continue,
                Some(held) if offered < held.valid_until() => {
                    let in_force = held.valid_until();
                    return Err(CredentialError::StapleOlder { in_force, offered });
                }
                Some(held) => *held = Arc::new(staple),
                None => staples.push(Arc::new(staple)),
            }
            let identity = credential.identity().clone();
            events.push(CredentialEvent::Stapled { generation, identity, valid_until: offered });
        }
        Ok(staples)
    }
}

fn leaf_of(credential: &Credential) -> Option<Fingerprint> {
    credential.chain().first().map(|leaf| Fingerprint::of(leaf.as_der()))
}

impl<A> Clone for CredentialSet<A> {
    fn clone(&self) -> Self {
        Self {
            generation: self.generation,
            credentials_since: self.credentials_since,
            credentials: self.credentials.clone(),
            staples: self.staples.clone(),
            attached: self.attached.clone(),
        }
    }
}

impl<A> fmt::Debug for CredentialSet<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialSet")
            .field("generation", &self.generation)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// What changes with one publication: all of it or nothing.
pub struct Update<A = ()> {
    scope: Scope,
    credentials: Vec<Credential>,
    staples: Vec<Staple>,
    attached: Option<Arc<A>>,
    rollback: Rollback,
}

enum Scope {
    /// What is not in the update is withdrawn.
    Complete,
    /// What is not in the update stays.
    Additional,
    /// This one is withdrawn, the others stay.
    Without(Arc<Credential>),
}

#[derive(Clone, Copy)]
enum Rollback {
    Refused,
    Allowed,
}

impl<A> Update<A> {
    /// The complete state, the default credential first: what is not in it is withdrawn, as the SPIFFE
    /// Workload API demands (sections 4.3 and 4.4).
    #[must_use]
    pub fn complete(credentials: impl IntoIterator<Item = Credential>) -> Self {
        Self::new(Scope::Complete, credentials.into_iter().collect())
    }

    /// One credential, in the place of that of the same identity, kind of key and hint, or behind the
    /// others. The others stay.
    #[must_use]
    pub fn install(credential: Credential) -> Self {
        Self::new(Scope::Additional, Vec::from([credential]))
    }

    /// No longer presents a credential, though nothing takes its place. The others stay.
    #[must_use]
    pub const fn withdraw(credential: Arc<Credential>) -> Self {
        Self::new(Scope::Without(credential), Vec::new())
    }

    /// The credentials stay; one of them has another staple.
    #[must_use]
    pub fn staple(staple: Staple) -> Self {
        Self::new(Scope::Additional, Vec::new()).with_staple(staple)
    }

    /// Publishes a staple in the same instant, for a credential that is then in force.
    #[must_use]
    pub fn with_staple(mut self, staple: Staple) -> Self {
        self.staples.push(staple);
        self
    }

    /// The credentials stay; what is attached changes.
    #[must_use]
    pub fn attach(attached: Arc<A>) -> Self {
        Self::new(Scope::Additional, Vec::new()).with_attached(attached)
    }

    /// The same update, with an attached part of another type, or none.
    #[cfg(feature = "std")]
    pub(crate) fn attaching<B>(self, attached: Option<Arc<B>>) -> Update<B> {
        let Self { scope, credentials, staples, rollback, attached: _ } = self;
        Update { scope, credentials, staples, attached, rollback }
    }

    /// Changes nothing.
    #[cfg(feature = "std")]
    pub(crate) const fn nothing() -> Self {
        Self::new(Scope::Additional, Vec::new())
    }

    const fn new(scope: Scope, credentials: Vec<Credential>) -> Self {
        let staples = Vec::new();
        Self { scope, credentials, staples, attached: None, rollback: Rollback::Refused }
    }

    /// Publishes `attached` in the same instant. Default: what is attached stays.
    #[must_use]
    pub fn with_attached(self, attached: Arc<A>) -> Self {
        Self { attached: Some(attached), ..self }
    }

    /// Accepts credentials issued before those that they replace: for an operator who goes back to an
    /// earlier state and knows why. Default: refused.
    #[must_use]
    pub fn dangerously_allow_rollback(self) -> Self {
        Self { rollback: Rollback::Allowed, ..self }
    }
}

impl<A> fmt::Debug for Update<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}
