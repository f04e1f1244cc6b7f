//! What one handshake of a server has shown: the place where the objects that rustls keeps apart (the
//! verifier, the session store, the ticketer) meet, because they were made for one connection.

use alloc::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::table::{Accepted, ChainDigest};
use crate::x509::Time;

/// By what a stored session is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The fence under which the peer was judged.
    pub(super) fence: u64,
    /// The last second in which the judgement holds.
    pub(super) until: Time,
}

impl Stamp {
    pub(super) const OCTETS: usize = 16;

    pub(super) const fn of(accepted: &Accepted, until: Time) -> Self {
        Self { fence: accepted.fence, until }
    }

    pub(super) fn to_octets(self) -> [u8; Self::OCTETS] {
        let mut octets = [0; Self::OCTETS];
        let (fence, until) = octets.split_at_mut(8);
        fence.copy_from_slice(&self.fence.to_be_bytes());
        until.copy_from_slice(&self.until.unix().to_be_bytes());
        octets
    }

    /// Splits a stamped value.
    pub(super) fn split(stamped: &[u8]) -> Option<(Self, &[u8])> {
        let (fence, rest) = stamped.split_first_chunk()?;
        let (until, value) = rest.split_first_chunk()?;
        let until = Time::from_unix(i64::from_be_bytes(*until));
        Some((Self { fence: u64::from_be_bytes(*fence), until }, value))
    }

    pub(super) fn holds(self, fence: u64, now: Time) -> bool {
        self.fence == fence && now <= self.until
    }

    fn narrowed(self, other: Self) -> Self {
        Self { fence: self.fence.min(other.fence), until: self.until.min(other.until) }
    }
}

/// The state of one handshake.
#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The chain that was accepted, if one was presented.
    accepted: Option<(ChainDigest, Stamp)>,
    /// Whether its key signed the handshake.
    proven: bool,
    /// What bounds the session that was redeemed.
    redeemed: Option<Stamp>,
}

impl Slot {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn accept(&self, chain: ChainDigest, accepted: &Accepted) {
        let mut state = self.lock();
        state.accepted = Some((chain, Stamp::of(accepted, accepted.peer.valid_until())));
        state.proven = false;
    }

    pub(super) fn prove(&self) {
        self.lock().proven = true;
    }

    /// A client may offer several sessions: the narrowest bounds stay.
    pub(super) fn redeem(&self, stamp: Stamp) {
        let mut state = self.lock();
        state.redeemed = Some(state.redeemed.map_or(stamp, |other| other.narrowed(stamp)));
    }

    /// What bounds sessions of this connection; `nobody` where the peer has shown no certificate.
    /// Nothing where it has and did not prove it.
    pub(super) fn stamp(&self, nobody: Stamp) -> Option<Stamp> {
        let state = self.lock();
        match state.accepted {
            Some((_, stamp)) => state.proven.then_some(stamp),
            None => Some(state.redeemed.unwrap_or(nobody)),
        }
    }

    /// Whether the key of exactly this chain signed the handshake.
    pub(super) fn has_proven(&self, chain: ChainDigest) -> bool {
        let state = self.lock();
        state.proven && state.accepted.is_some_and(|(accepted, _)| accepted == chain)
    }

    /// Whether a session was redeemed.
    pub(super) fn has_redeemed(&self) -> bool {
        self.lock().redeemed.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
