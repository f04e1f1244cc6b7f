//! What one handshake of a server has shown: the place where the objects that a TLS stack keeps apart
//! (the verifier, the session store, the ticketer) meet, because they were made for one connection.

use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::event::RejectedPeer;
use super::table::ChainDigest;
use crate::x509::Time;

/// By what a stored session is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The fence under which the peer was judged.
    pub(crate) fence: u64,
    /// The last second in which the judgement holds.
    pub(crate) until: Time,
    /// The chain whose key signed the handshake; that of no certificates where there was none.
    pub(crate) chain: ChainDigest,
}

impl Stamp {
    /// That of a peer who has shown no certificate: bounded by the fence alone.
    pub(crate) fn of_nobody(fence: u64) -> Self {
        Self { fence, until: Time::MAX, chain: ChainDigest::of(&[]) }
    }

    pub(crate) fn to_octets(self) -> Vec<u8> {
        let fence = self.fence.to_be_bytes();
        let until = self.until.unix().to_be_bytes();
        [&fence[..], &until, self.chain.as_bytes()].concat()
    }

    /// Splits a stamped value.
    pub(crate) fn split(stamped: &[u8]) -> Option<(Self, &[u8])> {
        let (fence, rest) = stamped.split_first_chunk()?;
        let (until, rest) = rest.split_first_chunk()?;
        let (chain, value) = rest.split_first_chunk()?;
        let until = Time::from_unix(i64::from_be_bytes(*until));
        let chain = ChainDigest::from_octets(*chain);
        Some((Self { fence: u64::from_be_bytes(*fence), until, chain }, value))
    }

    pub(crate) fn holds(self, fence: u64, now: Time) -> bool {
        self.fence == fence && now <= self.until
    }
}

/// The state of one handshake.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The chain that was accepted, if one was presented.
    accepted: Option<Stamp>,
    /// Whether its key signed the handshake.
    proven: bool,
    /// The sessions that were redeemed; the handshake resumes one of them or none.
    redeemed: Vec<Stamp>,
    /// The peer, where its certificates were refused.
    rejected: Option<Arc<RejectedPeer>>,
}

/// How many sessions a client may offer in one handshake; rustls offers one.
const REDEEMED: usize = 8;

impl Slot {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn accept(&self, stamp: Stamp) {
        let mut state = self.lock();
        state.accepted = Some(stamp);
        state.proven = false;
    }

    pub(crate) fn reject(&self, rejected: Arc<RejectedPeer>) {
        self.lock().rejected = Some(rejected);
    }

    pub(crate) fn rejected(&self) -> Option<Arc<RejectedPeer>> {
        self.lock().rejected.clone()
    }

    pub(crate) fn prove(&self) {
        self.lock().proven = true;
    }

    /// Takes note of a session that is redeemed; refuses the ninth.
    pub(crate) fn redeem(&self, stamp: Stamp) -> Option<()> {
        let mut state = self.lock();
        (state.redeemed.len() < REDEEMED).then(|| state.redeemed.push(stamp))
    }

    /// What bounds sessions of this connection; nothing where the peer has presented a chain and not
    /// proven it. Of several sessions redeemed nobody says which it resumes: the narrowest bounds all.
    pub(crate) fn stamp(&self, fence: u64) -> Option<Stamp> {
        let state = self.lock();
        if let Some(accepted) = state.accepted {
            return state.proven.then_some(accepted);
        }
        let narrowest = state.redeemed.iter().copied().min_by_key(|stamp| stamp.until);
        Some(narrowest.unwrap_or_else(|| Stamp::of_nobody(fence)))
    }

    /// Whether the key of exactly this chain has signed the handshake, or that of a session redeemed.
    pub(crate) fn has_shown(&self, chain: ChainDigest) -> bool {
        let state = self.lock();
        match state.accepted {
            Some(accepted) => state.proven && accepted.chain == chain,
            None => state.redeemed.iter().any(|stamp| stamp.chain == chain),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls_pki_types::CertificateDer;

    fn stamp(until: i64, chain: &[u8]) -> Stamp {
        let chain = ChainDigest::of(&[CertificateDer::from(chain)]);
        Stamp { fence: 3, until: Time::from_unix(until), chain }
    }

    #[test]
    fn stamps_are_read_back_and_end() {
        let written = stamp(-7, b"chain");
        let octets = [&written.to_octets()[..], b"value"].concat();
        assert_eq!(Stamp::split(&octets), Some((written, &b"value"[..])));
        assert_eq!(Stamp::split(&octets[..47]), None);
        for (case, fence, now, holds) in [
            ("in time", 3, -7, true),
            ("too late", 3, -6, false),
            ("fence moved", 4, -7, false),
            ("another fence", 2, -7, false),
        ] {
            assert_eq!(written.holds(fence, Time::from_unix(now)), holds, "{case}");
        }
    }

    #[test]
    fn only_what_was_shown_is_vouched_for() {
        let (one, two) = (stamp(9, b"one"), stamp(5, b"two"));
        let slot = Slot::default();
        assert_eq!(slot.stamp(3), Some(Stamp::of_nobody(3)), "nobody");
        assert!(!slot.has_shown(one.chain), "nobody");

        assert_eq!(slot.redeem(one), Some(()));
        assert_eq!(slot.redeem(two), Some(()));
        assert!(slot.has_shown(one.chain) && slot.has_shown(two.chain), "redeemed");
        assert_eq!(slot.stamp(3), Some(two), "the narrowest");
        assert!((2..REDEEMED).all(|_| slot.redeem(one).is_some()));
        assert_eq!(slot.redeem(one), None, "one too many");

        slot.accept(one);
        assert_eq!((slot.stamp(3), slot.has_shown(one.chain)), (None, false), "not proven");
        slot.prove();
        assert_eq!((slot.stamp(3), slot.has_shown(one.chain)), (Some(one), true), "proven");
        assert!(!slot.has_shown(two.chain), "a full handshake resumes nothing");
        slot.accept(two);
        assert!(!slot.has_shown(two.chain), "the proof was for another chain");
    }
}
