//! The fence of sessions that a server keeps or hands out.
//!
//! Stacks resume without asking any verifier (measured on rustls: 77-minute certificates were resumed
//! for 30 days). A session here carries a stamp: the fence under which its client was judged, the last
//! second in which that judgement holds, and which chain it was. What tightens (an authority removed,
//! a revocation, a stricter policy) moves the fence of the snapshot, and a session with another fence,
//! or past its time, is not there any more: the handshake is then a full one, with the right alert
//! where it fails.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::slot::{Slot, Stamp};
use crate::live::Live;
use crate::x509::Time;

#[derive(Clone, Debug)]
pub(crate) struct Fence {
    live: Live,
    slot: Option<Arc<Slot>>,
}

impl Fence {
    /// For many connections, of whose peers nothing is known.
    pub(crate) const fn shared(live: Live) -> Self {
        Self { live, slot: None }
    }

    pub(crate) fn for_slot(&self, slot: Arc<Slot>) -> Self {
        Self { live: self.live.clone(), slot: Some(slot) }
    }

    /// Stamps a session; nothing where it is void before it is kept.
    pub(crate) fn seal(&self, value: &[u8]) -> Option<Vec<u8>> {
        let fence = self.live.snapshot().fence();
        let stamp = match &self.slot {
            Some(slot) => slot.stamp(fence)?,
            None => Stamp::of_nobody(fence),
        };
        (stamp.fence == fence).then(|| [&stamp.to_octets()[..], value].concat())
    }

    /// Gives the session back where it still holds.
    pub(crate) fn open(&self, sealed: &[u8], now: Time) -> Option<Vec<u8>> {
        let (stamp, value) = Stamp::split(sealed)?;
        if !stamp.holds(self.live.snapshot().fence(), now) {
            return None;
        }
        if let Some(slot) = &self.slot {
            slot.redeem(stamp)?;
        }
        Some(value.to_vec())
    }
}
