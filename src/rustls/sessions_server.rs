//! Fenced resumption for servers: a store and a ticketer whose sessions end with the judgement that
//! they rest on.
//!
//! rustls resumes without asking any verifier (measured: 77-minute certificates were resumed for 30
//! days). A session here carries a stamp: the fence under which its client was judged and the last
//! second in which that judgement holds. What tightens (an authority removed, a revocation, a stricter
//! policy) moves the fence of the snapshot, and a session with another fence, or past its time, is not
//! there any more: the handshake is then a full one, with the right alert where it fails.
//!
//! Ticket plaintext and store values are the 16 octets of the stamp, then what rustls put there.

use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::server::{ProducesTickets, StoresServerSessions};
use rustls::time_provider::TimeProvider;

use super::slot::{Slot, Stamp};
use super::verifier::now;
use crate::live::Live;
use crate::x509::Time;

#[derive(Clone, Debug)]
struct Fence {
    live: Live,
    time: Arc<dyn TimeProvider>,
    slot: Option<Arc<Slot>>,
}

impl Fence {
    fn seal(&self, value: &[u8]) -> Option<Vec<u8>> {
        let fence = self.live.snapshot().fence();
        let nobody = Stamp { fence, until: Time::MAX };
        let stamp = self.slot.as_ref().map_or(Some(nobody), |slot| slot.stamp(nobody))?;
        // What was judged under an older fence is void before it is stored.
        (stamp.fence == fence).then(|| [&stamp.to_octets()[..], value].concat())
    }

    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (stamp, value) = Stamp::split(sealed)?;
        if !stamp.holds(self.live.snapshot().fence(), now(&*self.time).ok()?) {
            return None;
        }
        if let Some(slot) = &self.slot {
            slot.redeem(stamp);
        }
        Some(value.to_vec())
    }
}

/// A session store whose entries end when the fence of the snapshot moves.
///
/// Shared by connections it cannot know who their peers are: it stamps with the fence in force and
/// without an end in time, and whoever uses it must judge resumed connections. The configuration of
/// a [`ServerHandshake`](super::ServerHandshake) stamps exactly.
#[derive(Debug)]
pub struct FencedServerSessions {
    inner: Arc<dyn StoresServerSessions>,
    fence: Fence,
}

impl FencedServerSessions {
    /// Fences `inner`.
    #[must_use]
    pub const fn new(
        inner: Arc<dyn StoresServerSessions>,
        live: Live,
        time: Arc<dyn TimeProvider>,
    ) -> Self {
        Self { inner, fence: Fence { live, time, slot: None } }
    }

    pub(super) fn for_slot(&self, slot: Arc<Slot>) -> Self {
        let fence = Fence { slot: Some(slot), ..self.fence.clone() };
        Self { inner: self.inner.clone(), fence }
    }
}

impl StoresServerSessions for FencedServerSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.fence.seal(&value).is_some_and(|sealed| self.inner.put(key, sealed))
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.inner.get(key).and_then(|sealed| self.fence.open(&sealed))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.inner.take(key).and_then(|sealed| self.fence.open(&sealed))
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
}

impl FencedTicketer {
    /// Fences `inner`.
    #[must_use]
    pub const fn new(
        inner: Arc<dyn ProducesTickets>,
        live: Live,
        time: Arc<dyn TimeProvider>,
    ) -> Self {
        Self { inner, fence: Fence { live, time, slot: None } }
    }

    pub(super) fn for_slot(&self, slot: Arc<Slot>) -> Self {
        let fence = Fence { slot: Some(slot), ..self.fence.clone() };
        Self { inner: self.inner.clone(), fence }
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
        self.inner.decrypt(cipher).and_then(|sealed| self.fence.open(&sealed))
    }
}
