//! The fence of sessions that a client keeps, by server name.
//!
//! A session rests on two things. On the judgement of its server: the verifier says when the server of a
//! name was accepted, under which fence, and until when that holds; a session of that name is kept only
//! while that fence is the one in force, and offered only until then. Two servers of one name may have
//! certificates of different lives; the one accepted last counts, and whoever uses a session judges the
//! resumed connection besides.
//!
//! And on the credential that was presented when it began: a resumed connection speaks for that one,
//! whatever was published since, and its tickets beget tickets. So sessions end with every change of the
//! credentials in force, and what a connection brings in counts for the era in which the connection was
//! begun: one that was under way when a credential was withdrawn leaves nothing behind.

use alloc::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls_pki_types::ServerName;

use super::bounded::Bounded;
use super::slot::Stamp;
use crate::live::{Live, Part};
use crate::x509::Time;

/// What all sessions of a client rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Era {
    /// The publication that is in force.
    epoch: u64,
    /// The last one that tightened.
    fence: u64,
    /// The last one that changed own credentials; nothing where none are presented.
    credentials: Option<u64>,
}

impl Era {
    fn is_same(self, other: Self) -> bool {
        (self.fence, self.credentials) == (other.fence, other.credentials)
    }
}

/// Whether a client presents credentials, so that its sessions speak for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    ForNobody,
    ForItsCredentials,
}

/// A client's sessions; `S` keeps them.
pub(crate) struct ClientFence<S> {
    live: Live,
    speaks: Speaks,
    make: fn(usize) -> S,
    names: usize,
    state: Mutex<State<S>>,
}

struct State<S> {
    era: Era,
    sessions: Arc<S>,
    accepted: Bounded<ServerName<'static>, Stamp>,
}

impl<S> ClientFence<S> {
    /// Keeps sessions of up to `names` servers in what `make` makes for so many.
    pub(crate) fn new(live: Live, speaks: Speaks, names: usize, make: fn(usize) -> S) -> Self {
        let state = State {
            era: era(&live, speaks),
            sessions: Arc::new(make(names)),
            accepted: Bounded::with_capacity(names),
        };
        Self { live, speaks, make, names, state: Mutex::new(state) }
    }

    pub(crate) const fn names(&self) -> usize {
        self.names
    }

    /// What a session of a connection that begins now may rest on.
    pub(crate) fn era(&self) -> Era {
        era(&self.live, self.speaks)
    }

    /// Takes note that the server of a name was accepted.
    pub(crate) fn note(&self, name: ServerName<'static>, stamp: Stamp) {
        self.lock().accepted.insert(name, stamp);
    }

    /// Forgets that the server of a name was accepted; gives its sessions, to be forgotten.
    pub(crate) fn forget(&self, name: &ServerName<'static>) -> Arc<S> {
        let mut state = self.lock();
        state.accepted.remove(name);
        state.sessions.clone()
    }

    /// The sessions, in force or not.
    pub(crate) fn sessions(&self) -> Arc<S> {
        self.lock().sessions.clone()
    }

    /// The sessions, where those of this name rest on what is in force; and, for a connection that was
    /// begun in an era, where that is the one.
    pub(crate) fn current(
        &self,
        name: &ServerName<'_>,
        begun: Option<Era>,
        now: Time,
    ) -> Option<Arc<S>> {
        let latest = self.era();
        let mut state = self.lock();
        // Whoever has waited for the lock may have looked before somebody else.
        if state.era.epoch < latest.epoch {
            if !state.era.is_same(latest) {
                state.sessions = Arc::new((self.make)(self.names));
            }
            state.era = latest;
        }
        let era = state.era;
        let stamp = *state.accepted.get(&name.to_owned())?;
        (begun.is_none_or(|begun| begun.is_same(era)) && stamp.holds(era.fence, now))
            .then(|| state.sessions.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn era(live: &Live, speaks: Speaks) -> Era {
    let snapshot = live.snapshot();
    let credentials = match speaks {
        Speaks::ForNobody => None,
        Speaks::ForItsCredentials => snapshot.epoch_of(&Part::Credentials),
    };
    Era { epoch: snapshot.epoch(), fence: snapshot.fence(), credentials }
}
