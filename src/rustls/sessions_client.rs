//! Fenced resumption for clients: sessions that end with the judgement and with the credential that they
//! rest on, see [`ClientFence`](crate::tls::ClientFence).

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
use crate::tls::{Bounded, ClientFence, Era, Speaks, Stamp};

/// A client's sessions by server name.
#[derive(Clone)]
pub struct FencedClientSessions {
    shared: Arc<Shared>,
    /// When the connection was begun that these are for alone.
    begun: Option<Era>,
}

struct Shared {
    fence: ClientFence<ClientSessionMemoryCache>,
    time: Arc<dyn TimeProvider>,
    groups: Mutex<Bounded<ServerName<'static>, NamedGroup>>,
}

impl FencedClientSessions {
    /// Keeps sessions of up to `names` servers.
    pub(super) fn new(
        live: Live,
        speaks: Speaks,
        time: Arc<dyn TimeProvider>,
        names: usize,
    ) -> Self {
        let fence = ClientFence::new(live, speaks, names, ClientSessionMemoryCache::new);
        let groups = Mutex::new(Bounded::with_capacity(names));
        Self { shared: Arc::new(Shared { fence, time, groups }), begun: None }
    }

    /// The same sessions, for one connection that begins now.
    pub(super) fn for_connection(&self) -> Self {
        Self { begun: Some(self.shared.fence.era()), ..self.clone() }
    }

    /// Takes note that the server of a name was accepted.
    pub(super) fn note(&self, name: ServerName<'static>, stamp: Stamp) {
        self.shared.fence.note(name, stamp);
    }

    /// Forgets the sessions of a name.
    pub(super) fn forget(&self, name: &ServerName<'static>) {
        let sessions = self.shared.fence.forget(name);
        sessions.remove_tls12_session(name);
        while sessions.take_tls13_ticket(name).is_some() {}
    }

    fn current(&self, name: &ServerName<'_>) -> Option<Arc<ClientSessionMemoryCache>> {
        self.shared.fence.current(name, self.begun, now(&*self.shared.time).ok()?)
    }

    fn groups(&self) -> MutexGuard<'_, Bounded<ServerName<'static>, NamedGroup>> {
        self.shared.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for FencedClientSessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.groups().insert(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.groups().get(&server_name.to_owned()).copied()
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
        self.shared.fence.sessions().remove_tls12_session(server_name);
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
        f.debug_struct("FencedClientSessions")
            .field("names", &self.shared.fence.names())
            .finish_non_exhaustive()
    }
}
