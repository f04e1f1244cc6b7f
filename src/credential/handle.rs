//! `CredentialHandle`: the one place that a workload's credentials are served from.
//!
//! Readers take a snapshot and never wait, whatever a writer does: a token may take its time over a
//! proof of possession while handshakes go on with the credential in force. Writers come one after
//! another. Events come in the order of the publications, each after the swap it tells of, on the
//! thread of a writer; a subscriber may publish itself, its events then follow.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use std::sync::Mutex;

use arc_swap::ArcSwap;

use super::outbox::{Outbox, lock};
use super::{Credential, CredentialError, CredentialEvent, CredentialSet, Selection, Update};
use crate::identity::PeerIdentity;
use crate::x509::Time;

/// Receives events.
pub trait CredentialEvents: Send + Sync {
    /// Takes note of one event. Called on the thread that published; should be quick.
    fn on_event(&self, event: &CredentialEvent);
}

/// Why a publication failed, credentials among it or not.
pub(crate) trait PublicationError: From<Arc<CredentialError>> {
    /// The error, where it is the credentials'.
    fn credential_error(&self) -> Option<&Arc<CredentialError>>;
}

impl PublicationError for Arc<CredentialError> {
    fn credential_error(&self) -> Option<&Self> {
        Some(self)
    }
}

/// Serves credentials, and what is published together with them, to any number of threads.
///
/// # Examples
/// ```
/// use bonafide::credential::{CredentialHandle, Selection, Update};
/// use bonafide::x509::Time;
///
/// let now = Time::from_unix(1_782_864_000);
/// let handle = CredentialHandle::<()>::default();
/// // Nothing is presented before there is something to present …
/// assert!(handle.choose(Selection::ANY, now).is_none());
/// // … and a publication that changes nothing is none.
/// assert_eq!(handle.publish(Update::complete([]), now)?, 0);
/// # Ok::<(), std::sync::Arc<bonafide::credential::CredentialError>>(())
/// ```
pub struct CredentialHandle<A = ()> {
    current: ArcSwap<CredentialSet<A>>,
    writer: Mutex<Writer>,
    outbox: Outbox<dyn CredentialEvents, CredentialEvent>,
}

/// What writers keep.
#[derive(Default)]
struct Writer {
    draining: Vec<Retired>,
}

struct Retired {
    generation: u64,
    identity: PeerIdentity,
    credential: Weak<Credential>,
}

/// A credential that is no longer presented, and who still holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Draining {
    /// The publication that had put it in force.
    pub generation: u64,
    /// Whose it is.
    pub identity: PeerIdentity,
    /// How many hold it: handshakes, sessions, older snapshots.
    pub holders: usize,
}

impl<A> CredentialHandle<A> {
    /// Starts without credentials, at generation 0.
    #[must_use]
    pub fn new(attached: Arc<A>) -> Self {
        Self {
            current: ArcSwap::from_pointee(CredentialSet::empty(attached)),
            writer: Mutex::default(),
            outbox: Outbox::default(),
        }
    }

    /// Returns what is in force: one consistent state, however long it is held. Never waits.
    #[must_use]
    pub fn snapshot(&self) -> Arc<CredentialSet<A>> {
        self.current.load_full()
    }

    /// Returns the credential to present at `now`; see [`CredentialSet::choose`]. Never waits.
    #[must_use]
    pub fn choose(&self, selection: Selection<'_>, now: Time) -> Option<Arc<Credential>> {
        self.current.load().choose(selection, now).cloned()
    }

    /// Puts an update in force, all of it in one instant, and returns the generation in force: the
    /// present one where the update changes nothing.
    ///
    /// # Errors
    /// As [`CredentialSet::next`]; what was in force stays in force, and subscribers learn why.
    pub fn publish(&self, update: Update<A>, now: Time) -> Result<u64, Arc<CredentialError>> {
        self.publish_with(now, |_| Ok(update))
    }

    /// Puts in force what `make` makes of the present state. Other writers wait meanwhile, so that no
    /// update gets lost; readers do not. `make` must not publish itself.
    ///
    /// # Errors
    /// Those of `make`, such as of [`CredentialChecks::check`](super::CredentialChecks::check), and
    /// those of [`CredentialHandle::publish`].
    pub fn publish_with(
        &self,
        now: Time,
        make: impl FnOnce(&CredentialSet<A>) -> Result<Update<A>, CredentialError>,
    ) -> Result<u64, Arc<CredentialError>> {
        self.publish_then(
            now,
            |current| make(current).map(|update| (update, ())).map_err(Arc::new),
            |set, (), _| set.generation(),
        )
    }

    /// [`CredentialHandle::publish_with`] for those who publish more together: `make` hands something
    /// on to `then`, which sees what is in force after the swap, and the events, while other writers
    /// still wait.
    pub(crate) fn publish_then<T, R, E: PublicationError>(
        &self,
        now: Time,
        make: impl FnOnce(&CredentialSet<A>) -> Result<(Update<A>, T), E>,
        then: impl FnOnce(&Arc<CredentialSet<A>>, T, &[CredentialEvent]) -> R,
    ) -> Result<R, E> {
        let mut writer = lock(&self.writer);
        let current = self.current.load_full();
        let mut events = Vec::new();
        let made = make(&current).and_then(|(update, more)| {
            let next = current.next(update, now).map_err(|error| E::from(Arc::new(error)))?;
            Ok((next, more))
        });
        let outcome = match made {
            Ok((next, more)) => {
                let mut in_force = current;
                if let Some((next, changes)) = next {
                    writer.retire(&in_force, &next);
                    in_force = Arc::new(next);
                    self.current.store(in_force.clone());
                    events = changes;
                }
                Ok(then(&in_force, more, &events))
            }
            Err(error) => {
                if let Some(error) = error.credential_error() {
                    let generation = current.generation();
                    events.push(CredentialEvent::Failed { generation, error: error.clone() });
                }
                drop(current);
                Err(error)
            }
        };
        writer.collect(&mut events);
        // While the writer's lock is held, so that events queue in the order of publications.
        self.outbox.push(events);
        drop(writer);
        self.deliver();
        outcome
    }

    /// Looks at what is in force, without counting as its holder.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&CredentialSet<A>) -> R) -> R {
        look(&self.current.load())
    }

    /// Tells subscribers of a failure before there was anything to publish: of the issuer, of a disk.
    pub fn report(&self, error: CredentialError) {
        let generation = self.current.load().generation();
        let error = Arc::new(error);
        self.outbox.push([CredentialEvent::Failed { generation, error }]);
        self.deliver();
    }

    /// Tells `subscriber` of everything that happens from now on, until it is dropped. Returns the
    /// state from which on it is told, so that no update falls between a look and a subscription.
    #[must_use = "the state says from where on events are told"]
    pub fn subscribe<S: CredentialEvents + 'static>(
        &self,
        subscriber: &Arc<S>,
    ) -> Arc<CredentialSet<A>> {
        let subscriber: Arc<dyn CredentialEvents> = subscriber.clone();
        let _writer = lock(&self.writer);
        // Events of earlier publications may still be on their way; they are told here as well.
        self.outbox.subscribe(&subscriber);
        self.current.load_full()
    }

    /// Returns which replaced and withdrawn credentials are still held, the oldest first, and tells
    /// subscribers of those that no longer are.
    pub fn draining(&self) -> Vec<Draining> {
        let mut writer = lock(&self.writer);
        let mut events = Vec::new();
        writer.collect(&mut events);
        let draining = writer
            .draining
            .iter()
            .map(|retired| Draining {
                generation: retired.generation,
                identity: retired.identity.clone(),
                holders: retired.credential.strong_count(),
            })
            .collect();
        self.outbox.push(events);
        drop(writer);
        self.deliver();
        draining
    }

    fn deliver(&self) {
        self.outbox.deliver(|subscriber, event| subscriber.on_event(event));
    }
}

impl<A: Default> Default for CredentialHandle<A> {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl<A> fmt::Debug for CredentialHandle<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialHandle")
            .field("current", &self.current.load())
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// Remembers the credentials of `current` that `next` does not have.
    fn retire<A>(&mut self, current: &CredentialSet<A>, next: &CredentialSet<A>) {
        for old in current.iter() {
            if !next.iter().any(|new| Arc::ptr_eq(new, old)) {
                self.draining.push(Retired {
                    generation: old.generation(),
                    identity: old.identity().clone(),
                    credential: Arc::downgrade(old),
                });
            }
        }
    }

    /// Forgets credentials that nobody holds.
    fn collect(&mut self, events: &mut Vec<CredentialEvent>) {
        self.draining.retain(|retired| {
            let held = retired.credential.strong_count() > 0;
            if !held {
                let identity = retired.identity.clone();
                events.push(CredentialEvent::Drained { generation: retired.generation, identity });
            }
            held
        });
    }
}
