//! Fenced resumption for servers: a store and a ticketer whose sessions end with the judgement that
//! they rest on.
//!
//! Ticket plaintext and store values are a stamp, then what rustls put there; see
//! [`Fence`](crate::tls::Fence).

use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::server::{ProducesTickets, StoresServerSessions};
use rustls::time_provider::TimeProvider;

use super::verifier::now;
use crate::live::Live;
use crate::tls::{Fence, Slot};

/// A session store whose entries end when the fence of the snapshot moves.
///
/// Shared by connections it cannot know who their peers are: it stamps with the fence in force and
/// without an end in time, and whoever uses it must judge resumed connections. The configuration of
/// a [`ServerHandshake`](super::ServerHandshake) stamps exactly.
#[derive(Debug)]
pub struct FencedServerSessions {
    inner: Arc<dyn StoresServerSessions>,
    fence: Fence,
    time: Arc<dyn TimeProvider>,
}

impl FencedServerSessions {
    /// Fences `inner`.
    #[must_use]
    pub const fn new(
        inner: Arc<dyn StoresServerSessions>,
        live: Live,
        time: Arc<dyn TimeProvider>,
    ) -> Self {
        Self { inner, fence: Fence::shared(live), time }
    }

    pub(super) fn for_slot(&self, slot: Arc<Slot>) -> Self {
        let fence = self.fence.for_slot(slot);
        Self { inner: self.inner.clone(), fence, time: self.time.clone() }
    }
}

impl StoresServerSessions for FencedServerSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.fence.seal(&value).is_some_and(|sealed| self.inner.put(key, sealed))
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.fence.open(&self.inner.get(key)?, now(&*self.time).ok()?)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.fence.open(&self.inner.take(key)?, now(&*self.time).ok()?)
    }

    fn can_cache(&self) -> bool {
        self.inner.can_cache()
    }
}

/// A ticketer whose tickets end when the fence of the snapshot moves; else as
/// [`FencedServerSessions`].
#[derive(Debug)]
pub struct FencedTicketer {
    inner: Arc<dyn ProducesTickets>,
    fence: Fence,
    time: Arc<dyn TimeProvider>,
}

impl FencedTicketer {
    /// Fences `inner`.
    #[must_use]
    pub const fn new(
        inner: Arc<dyn ProducesTickets>,
        live: Live,
        time: Arc<dyn TimeProvider>,
    ) -> Self {
        Self { inner, fence: Fence::shared(live), time }
    }

    pub(super) fn for_slot(&self, slot: Arc<Slot>) -> Self {
        let fence = self.fence.for_slot(slot);
        Self { inner: self.inner.clone(), fence, time: self.time.clone() }
    }
}

impl ProducesTickets for FencedTicketer {
    fn enabled(&self) -> bool {
        self.inner.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.inner.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.fence.seal(plain).and_then(|sealed| self.inner.encrypt(&sealed))
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.fence.open(&self.inner.decrypt(cipher)?, now(&*self.time).ok()?)
    }
}
