//! Fenced resumption for clients: sessions that end with the judgement that they rest on.
//!
//! The store is told by the verifier when the server of a name was accepted: under which fence, and
//! until when that holds. A session of that name is kept only while that fence is the one in force,
//! and offered only until then. Two servers of one name may have certificates of different lives; the
//! one accepted last counts, and the wrapper judges each resumed connection besides.

use alloc::sync::Arc;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::time_provider::TimeProvider;
use rustls_pki_types::ServerName;

use super::verifier::now;
use crate::live::Live;
use crate::tls::{Bounded, Stamp};

/// A client's sessions by server name.
pub struct FencedClientSessions {
    live: Live,
    time: Arc<dyn TimeProvider>,
    names: usize,
    state: Mutex<State>,
}

struct State {
    /// The fence that all of `sessions` rest on.
    fence: u64,
    sessions: Arc<ClientSessionMemoryCache>,
    accepted: Bounded<ServerName<'static>, Stamp>,
    groups: Bounded<ServerName<'static>, NamedGroup>,
}

impl FencedClientSessions {
    /// Keeps sessions of up to `names` servers.
    pub(super) fn new(live: Live, time: Arc<dyn TimeProvider>, names: usize) -> Self {
        let state = State {
            fence: live.snapshot().fence(),
            sessions: Arc::new(ClientSessionMemoryCache::new(names)),
            accepted: Bounded::with_capacity(names),
            groups: Bounded::with_capacity(names),
        };
        Self { live, time, names, state: Mutex::new(state) }
    }

    /// Takes note that the server of a name was accepted.
    pub(super) fn note(&self, name: ServerName<'static>, stamp: Stamp) {
        self.lock().accepted.insert(name, stamp);
    }

    /// Forgets the sessions of a name.
    pub(super) fn forget(&self, name: &ServerName<'static>) {
        let mut state = self.lock();
        state.accepted.remove(name);
        let sessions = state.sessions.clone();
        drop(state);
        sessions.remove_tls12_session(name);
        while sessions.take_tls13_ticket(name).is_some() {}
    }

    /// The sessions, where those of this name rest on what is in force.
    fn current(&self, name: &ServerName<'_>) -> Option<Arc<ClientSessionMemoryCache>> {
        let fence = self.live.snapshot().fence();
        let mut state = self.lock();
        if state.fence < fence {
            state.fence = fence;
            state.sessions = Arc::new(ClientSessionMemoryCache::new(self.names));
        }
        let fence = state.fence;
        let stamp = *state.accepted.get(&name.to_owned())?;
        stamp.holds(fence, now(&*self.time).ok()?).then(|| state.sessions.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for FencedClientSessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.lock().groups.insert(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.lock().groups.get(&server_name.to_owned()).copied()
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        if let Some(sessions) = self.current(&server_name) {
            sessions.set_tls12_session(server_name, value);
        }
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.current(server_name)?.tls12_session(server_name)
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        let sessions = self.lock().sessions.clone();
        sessions.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(
        &self,
        server_name: ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        if let Some(sessions) = self.current(&server_name) {
            sessions.insert_tls13_ticket(server_name, value);
        }
    }

    fn take_tls13_ticket(
        &self,
        server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        self.current(server_name)?.take_tls13_ticket(server_name)
    }
}

impl fmt::Debug for FencedClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FencedClientSessions").field("names", &self.names).finish_non_exhaustive()
    }
}
