//! `CredentialHandle`: the one place that a workload's credentials are served from.
//!
//! Readers take a snapshot and never wait, whatever a writer does: a token may take its time over a
//! proof of possession while handshakes go on with the credential in force. Writers come one after
//! another. Events come in the order of the publications, each after the swap it tells of, on the
//! thread of a writer; a subscriber may publish itself, its events then follow.

use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::{Credential, CredentialError, CredentialEvent, CredentialSet, Selection, Update};
use crate::identity::PeerIdentity;
use crate::x509::Time;

/// Receives events.
pub trait CredentialEvents: Send + Sync {
    /// Takes note of one event. Called on the thread that published; should be quick.
    fn on_event(&self, event: &CredentialEvent);
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
    outbox: Mutex<Outbox>,
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

/// Events on their way to subscribers.
#[derive(Default)]
struct Outbox {
    events: VecDeque<CredentialEvent>,
    subscribers: Vec<Weak<dyn CredentialEvents>>,
    /// Whether a thread is delivering; others leave it their events.
    delivering: bool,
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
            outbox: Mutex::default(),
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
        let mut writer = lock(&self.writer);
        let current = self.current.load_full();
        let result = make(&current).and_then(|update| current.next(update, now)).map_err(Arc::new);
        let mut events = Vec::new();
        let outcome = match result {
            Ok(None) => Ok(current.generation()),
            Ok(Some((next, changes))) => {
                writer.retire(&current, &next);
                let generation = next.generation();
                self.current.store(Arc::new(next));
                events = changes;
                Ok(generation)
            }
            Err(error) => {
                let generation = current.generation();
                events.push(CredentialEvent::Failed { generation, error: error.clone() });
                Err(error)
            }
        };
        drop(current);
        writer.collect(&mut events);
        // While the writer's lock is held, so that events queue in the order of publications.
        lock(&self.outbox).events.extend(events);
        drop(writer);
        self.deliver();
        outcome
    }

    /// Tells subscribers of a failure before there was anything to publish: of the issuer, of a disk.
    pub fn report(&self, error: CredentialError) {
        let generation = self.current.load().generation();
        let event = CredentialEvent::Failed { generation, error: Arc::new(error) };
        lock(&self.outbox).events.push_back(event);
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
        lock(&self.outbox).subscribers.push(Arc::downgrade(&subscriber));
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
        lock(&self.outbox).events.extend(events);
        drop(writer);
        self.deliver();
        draining
    }

    /// Calls subscribers without any lock held.
    fn deliver(&self) {
        let mut outbox = lock(&self.outbox);
        if core::mem::replace(&mut outbox.delivering, true) {
            return;
        }
        let _reset = ResetOnPanic(&self.outbox);
        while let Some(event) = outbox.events.pop_front() {
            outbox.subscribers.retain(|subscriber| subscriber.strong_count() > 0);
            let subscribers: Vec<_> = outbox.subscribers.iter().filter_map(Weak::upgrade).collect();
            drop(outbox);
            for subscriber in subscribers {
                subscriber.on_event(&event);
            }
            outbox = lock(&self.outbox);
        }
        outbox.delivering = false;
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

/// Lets another thread deliver after a subscriber panicked.
struct ResetOnPanic<'a>(&'a Mutex<Outbox>);

impl Drop for ResetOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(self.0).delivering = false;
        }
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

/// What the locks guard is whole at every moment that a panic could leave it at.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bounded queue of events, for those who would rather ask than be called.
#[derive(Debug)]
pub struct EventQueue {
    capacity: usize,
    state: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<CredentialEvent>,
    missed: u64,
}

impl EventQueue {
    /// A queue for at most `capacity` events; where more wait, the oldest are lost and counted.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    /// Takes the oldest event.
    #[must_use]
    pub fn pop(&self) -> Option<CredentialEvent> {
        lock(&self.state).events.pop_front()
    }

    /// Returns how many events were lost since the last call.
    #[must_use]
    pub fn missed(&self) -> u64 {
        core::mem::take(&mut lock(&self.state).missed)
    }
}

impl CredentialEvents for EventQueue {
    fn on_event(&self, event: &CredentialEvent) {
        let mut state = lock(&self.state);
        state.events.push_back(event.clone());
        if state.events.len() > self.capacity {
            state.events.pop_front();
            state.missed = state.missed.saturating_add(1);
        }
    }
}
