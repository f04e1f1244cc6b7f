//! Fenced resumption: stores and a ticketer whose sessions end with what they rest on, over the body of
//! the adapter for 0.23 ([`Fence`] for servers, [`ClientFence`] for clients).
//!
//! Ticket plaintext and values in a server's store are a stamp, then what rustls put there.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls_0_24::client::{
    ClientSessionKey, ClientSessionMemoryCache, ClientSessionStore, Tls12Session, Tls13Session,
};
use rustls_0_24::crypto::TicketProducer;
use rustls_0_24::crypto::kx::NamedGroup;
use rustls_0_24::server::{ServerSessionKey, StoresServerSessions};
use rustls_0_24::time_provider::TimeProvider;
use rustls_pki_types::ServerName;

use super::verifier::now;
use crate::live::Live;
use crate::tls::{Bounded, ClientFence, Era, Fence, Slot, Speaks, Stamp};

/// A client's sessions by server name, for all connections of an endpoint or for one.
#[derive(Clone)]
pub(super) struct FencedClientSessions {
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

    /// Forgets that the server of a name was accepted: its sessions are not found any more.
    pub(super) fn forget(&self, name: &ServerName<'static>) {
        let _sessions = self.shared.fence.forget(name);
    }

    fn current(&self, name: &ServerName<'_>) -> Option<Arc<ClientSessionMemoryCache>> {
        self.shared.fence.current(name, self.begun, now(&*self.shared.time).ok()?)
    }

    fn groups(&self) -> MutexGuard<'_, Bounded<ServerName<'static>, NamedGroup>> {
        self.shared.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for FencedClientSessions {
    fn set_kx_hint(&self, key: ClientSessionKey<'static>, group: NamedGroup) {
        self.groups().insert(key.server_name, group);
    }

    fn kx_hint(&self, key: &ClientSessionKey<'_>) -> Option<NamedGroup> {
        self.groups().get(&key.server_name.to_owned()).copied()
    }

    fn set_tls12_session(&self, key: ClientSessionKey<'static>, value: Tls12Session) {
        if let Some(sessions) = self.current(&key.server_name) {
            sessions.set_tls12_session(key, value);
        }
    }

    fn tls12_session(&self, key: &ClientSessionKey<'_>) -> Option<Tls12Session> {
        self.current(&key.server_name)?.tls12_session(key)
    }

    fn remove_tls12_session(&self, key: &ClientSessionKey<'static>) {
        self.shared.fence.sessions().remove_tls12_session(key);
    }

    fn insert_tls13_ticket(&self, key: ClientSessionKey<'static>, value: Tls13Session) {
        if let Some(sessions) = self.current(&key.server_name) {
            sessions.insert_tls13_ticket(key, value);
        }
    }

    fn take_tls13_ticket(&self, key: &ClientSessionKey<'static>) -> Option<Tls13Session> {
        self.current(&key.server_name)?.take_tls13_ticket(key)
    }
}

impl fmt::Debug for FencedClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FencedClientSessions")
            .field("names", &self.shared.fence.names())
            .finish_non_exhaustive()
    }
}

/// A server's store or ticketer whose sessions end when the fence of the snapshot moves, and with what
/// the handshake has shown that they were made in.
#[derive(Clone, Debug)]
pub(super) struct Fenced<T: ?Sized> {
    fence: Fence,
    time: Arc<dyn TimeProvider>,
    inner: Arc<T>,
}

impl<T: ?Sized> Fenced<T> {
    pub(super) fn new(inner: Arc<T>, live: Live, time: Arc<dyn TimeProvider>) -> Self {
        Self { fence: Fence::shared(live), time, inner }
    }

    /// For one handshake.
    pub(super) fn for_slot(&self, slot: Arc<Slot>) -> Self {
        let (time, inner) = (self.time.clone(), self.inner.clone());
        Self { fence: self.fence.for_slot(slot), time, inner }
    }

    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        self.fence.open(sealed, now(&*self.time).ok()?)
    }
}

impl StoresServerSessions for Fenced<dyn StoresServerSessions> {
    fn put(&self, key: ServerSessionKey<'_>, value: Vec<u8>) -> bool {
        self.fence.seal(&value).is_some_and(|sealed| self.inner.put(key, sealed))
    }

    fn get(&self, key: ServerSessionKey<'_>) -> Option<Vec<u8>> {
        self.open(&self.inner.get(key)?)
    }

    fn take(&self, key: ServerSessionKey<'_>) -> Option<Vec<u8>> {
        self.open(&self.inner.take(key)?)
    }

    fn can_cache(&self) -> bool {
        self.inner.can_cache()
    }
}

impl TicketProducer for Fenced<dyn TicketProducer> {
    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.fence.seal(plain).and_then(|sealed| self.inner.encrypt(&sealed))
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.open(&self.inner.decrypt(cipher)?)
    }

    fn lifetime(&self) -> Duration {
        self.inner.lifetime()
    }
}
