//! Events on their way to subscribers, and a queue for those who would rather ask than be called.
//!
//! Writers add events while they hold their own lock, so that events queue in the order of
//! publications, and deliver them without any lock held: one thread at a time, others leave it theirs.

use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{CredentialEvent, CredentialEvents};

/// Events `E` on their way to subscribers `S`.
pub(crate) struct Outbox<S: ?Sized, E>(Mutex<Waiting<S, E>>);

struct Waiting<S: ?Sized, E> {
    events: VecDeque<E>,
    subscribers: Vec<Weak<S>>,
    /// Whether a thread is delivering; others leave it their events.
    delivering: bool,
}

impl<S: ?Sized, E> Default for Outbox<S, E> {
    fn default() -> Self {
        let (events, subscribers) = (VecDeque::new(), Vec::new());
        Self(Mutex::new(Waiting { events, subscribers, delivering: false }))
    }
}

impl<S: ?Sized, E> Outbox<S, E> {
    /// Tells `subscriber` of events until it is dropped.
    pub(crate) fn subscribe(&self, subscriber: &Arc<S>) {
        lock(&self.0).subscribers.push(Arc::downgrade(subscriber));
    }

    /// Adds events; [`Outbox::deliver`] delivers them.
    pub(crate) fn push(&self, events: impl IntoIterator<Item = E>) {
        lock(&self.0).events.extend(events);
    }

    /// Calls subscribers without any lock held.
    pub(crate) fn deliver(&self, call: impl Fn(&S, &E)) {
        let mut waiting = lock(&self.0);
        if core::mem::replace(&mut waiting.delivering, true) {
            return;
        }
        let _reset = ResetOnPanic(&self.0);
        while let Some(event) = waiting.events.pop_front() {
            waiting.subscribers.retain(|subscriber| subscriber.strong_count() > 0);
            let subscribers: Vec<_> =
                waiting.subscribers.iter().filter_map(Weak::upgrade).collect();
            drop(waiting);
            for subscriber in subscribers {
                call(&subscriber, &event);
            }
            waiting = lock(&self.0);
        }
        waiting.delivering = false;
    }
}

/// Lets another thread deliver after a subscriber panicked.
struct ResetOnPanic<'a, S: ?Sized, E>(&'a Mutex<Waiting<S, E>>);

impl<S: ?Sized, E> Drop for ResetOnPanic<'_, S, E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(self.0).delivering = false;
        }
    }
}

/// What the locks guard is whole at every moment that a panic could leave it at.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bounded queue of events, for those who would rather ask than be called.
pub struct EventQueue<E = CredentialEvent> {
    capacity: usize,
    state: Mutex<Queue<E>>,
}

struct Queue<E> {
    events: VecDeque<E>,
    missed: u64,
}

impl<E> EventQueue<E> {
    /// A queue for at most `capacity` events; where more wait, the oldest are lost and counted.
    #[must_use]
    pub const fn with_capacity(capacity: usize) -> Self {
        Self { capacity, state: Mutex::new(Queue { events: VecDeque::new(), missed: 0 }) }
    }

    /// Takes the oldest event.
    #[must_use]
    pub fn pop(&self) -> Option<E> {
        lock(&self.state).events.pop_front()
    }

    /// Returns how many events were lost since the last call.
    #[must_use]
    pub fn missed(&self) -> u64 {
        core::mem::take(&mut lock(&self.state).missed)
    }

    pub(crate) fn add(&self, event: E) {
        let mut state = lock(&self.state);
        state.events.push_back(event);
        if state.events.len() > self.capacity {
            state.events.pop_front();
            state.missed = state.missed.saturating_add(1);
        }
    }
}

impl<E> fmt::Debug for EventQueue<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = lock(&self.state).events.len();
        f.debug_struct("EventQueue")
            .field("capacity", &self.capacity)
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}

impl CredentialEvents for EventQueue<CredentialEvent> {
    fn on_event(&self, event: &CredentialEvent) {
        self.add(event.clone());
    }
}
