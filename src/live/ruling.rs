//! `Ruling`: a decision and what it rests on, so that it can be asked later whether it still holds.
//!
//! A ruling remembers one number, the publication that it was made under, and digests: of the policy, of
//! the evidence about its path, of which domains speak for its names; and its anchor. It holds no bundle,
//! no list and no snapshot. [`Ruling::ask`] is answered in three steps, each only where the one before does
//! not suffice, none with a lock:
//!
//! 1. Nothing was published since the ruling was last found to hold: one load.
//! 2. Something was, but none of the parts that it rests on changed: a load for each.
//! 3. One changed: the ruling's digests are compared with those in force. A list with other entries of
//!    other certificates, an anchor added to the bundle, a deny rule about somebody else disturb nobody.
//!
//! What has changed in earnest is answered by [`Standing::AskAgain`], and the engine decides.
//!
//! Time only moves forward for a ruling: it remembers the latest time that it was asked at, and answers as
//! of that time where the clock was set back. What was found lapsed stays so.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::OnceLock;

use smallvec::SmallVec;

use super::live::Shared;
use super::part::Cell;
use super::path_memo::PathMemo;
use super::question::{Kept, Presented, Requirement};
use super::snapshot::InForce;
use super::standing::{Lapse, Standing};
use crate::decision::{CertifiedPeer, Decision, VerifiedPeer};
use crate::revocation::AcceptedPath;
use crate::trust::AnchorState;
use crate::x509::{Certificate, Time};

/// A decision that can be asked whether it still holds. Cheap to clone: clones are one and the same.
#[derive(Clone)]
pub struct Ruling(Arc<Basis>);

struct Basis {
    /// The epoch up to which it was found to hold; [`VOID`] once it lapsed.
    as_of: AtomicU64,
    /// The latest time that it was asked at.
    seen: AtomicI64,
    /// Until when it holds if nothing changes; the time of the decision where that was a no.
    valid_until: Time,
    shared: Arc<Shared>,
    grounds: Option<Grounds>,
    /// Boxed: few lapse.
    lapse: OnceLock<Box<Lapse>>,
    decision: Decision,
    requirement: Arc<Requirement>,
    /// The publication that it was made under.
    epoch: u64,
}

/// No publication has this number.
const VOID: u64 = u64::MAX;

/// What an acceptance rests on.
struct Grounds {
    domain: Arc<Cell>,
    directory: Arc<Cell>,
    /// Which domains speak for its names.
    speakers: [u8; 32],
    /// What evidence says about its path.
    evidence: [u8; 32],
    /// The end of the peer's own certificate, clock skew included.
    expires: Time,
    kept: Kept,
}

/// A peer that is not of the ruling that it was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer was accepted by another decision")]
#[non_exhaustive]
pub struct NotOfThisRuling;

impl Ruling {
    /// The ruling that a decision under `in_force` makes.
    pub(super) fn new(
        shared: &Arc<Shared>,
        in_force: &InForce,
        epoch: u64,
        requirement: &Arc<Requirement>,
        presented: &Presented<'_>,
        decision: Decision,
    ) -> Self {
        let grounds = decision.peer().and_then(|peer| {
            let label = requirement.label();
            let store = in_force.store(label)?;
            let domain = store.domain(peer.trust_domain())?;
            let kept = Kept::of(presented, peer);
            let leaf = peer.path().end_entity()?;
            let skew = i64::from(in_force.verifier.policy().clock_skew_seconds());
            Some(Grounds {
                domain: domain.cell.clone(),
                directory: store.directory_cell.clone(),
                speakers: in_force.verifier.speakers(&requirement.request(presented))?,
                evidence: evidence_about(in_force, requirement, peer, &kept, decision.now()),
                expires: leaf.not_after().saturating_add(skew),
                kept,
            })
        });
        let now = decision.now();
        let valid_until = decision.peer().map_or(now, CertifiedPeer::valid_until);
        Self(Arc::new(Basis {
            as_of: AtomicU64::new(epoch),
            seen: AtomicI64::new(now.unix()),
            valid_until,
            shared: shared.clone(),
            grounds,
            lapse: OnceLock::new(),
            decision,
            requirement: requirement.clone(),
            epoch,
        }))
    }

    /// Returns the decision.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.0.decision
    }

    /// Returns what was asked for.
    #[must_use]
    pub fn requirement(&self) -> &Arc<Requirement> {
        &self.0.requirement
    }

    /// Returns the publication that it was made under.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Says whether the decision holds at `now`. Takes no lock, checks no signature.
    ///
    /// A rejection holds for the very second and publication that it was made for; no rejection lapses.
    #[inline]
    #[must_use]
    pub fn ask(&self, now: Time) -> Standing<'_> {
        self.0.ask(now)
    }

    /// Makes a live peer of one that was proven to hold the key of the certificate decided upon.
    ///
    /// # Errors
    /// [`NotOfThisRuling`] where the peer was accepted by another decision.
    pub fn live(&self, peer: VerifiedPeer) -> Result<LivePeer, NotOfThisRuling> {
        let own = self.decision().peer().is_some_and(|certified| peer.is_of(certified));
        if own { Ok(LivePeer { ruling: self.clone(), peer }) } else { Err(NotOfThisRuling) }
    }

    /// Makes a live peer of one that was proven earlier to hold the key of the same certificate.
    pub(crate) fn proven_before(&self, peer: &VerifiedPeer) -> Option<LivePeer> {
        let peer = peer.decided_again(self.decision().peer()?)?;
        Some(LivePeer { ruling: self.clone(), peer })
    }

    /// Whether nothing that it rests on is other than it was. Whether it ran out by `now` is not asked.
    pub(super) fn stands_under(&self, in_force: &InForce, now: Time) -> bool {
        self.0.stands_under(in_force, now)
    }
}

impl Basis {
    #[inline]
    fn ask(&self, now: Time) -> Standing<'_> {
        let now = self.advance(now);
        if now <= self.valid_until
            && self.shared.epoch.load(Ordering::Acquire) == self.as_of.load(Ordering::Acquire)
        {
            return Standing::Current;
        }
        self.ask_further(now)
    }

    /// The latest time that anybody asked at, `now` included. Written once a second at most, so that
    /// threads that share a peer do not disturb one another.
    #[inline]
    fn advance(&self, now: Time) -> Time {
        let seen = self.seen.load(Ordering::Relaxed);
        if now.unix() <= seen {
            return Time::from_unix(seen);
        }
        self.seen.fetch_max(now.unix(), Ordering::Relaxed);
        now
    }

    #[cold]
    fn ask_further(&self, now: Time) -> Standing<'_> {
        // INVARIANT: read before the lapse, which is written before this becomes void: who finds no
        // lapse here has not found it void, and so puts nothing in the place of that.
        let as_of = self.as_of.load(Ordering::Acquire);
        if let Some(lapse) = self.lapse.get() {
            return Standing::Lapsed(lapse);
        }
        let Some(grounds) = &self.grounds else { return Standing::AskAgain };
        if now > grounds.expires {
            return Standing::Lapsed(self.lapse(|| Lapse::Expired { at: grounds.expires }));
        }
        if now > self.valid_until {
            return Standing::AskAgain;
        }
        // INVARIANT: cells are read after the epoch: what was published up to it is seen in them.
        let epoch = self.shared.epoch.load(Ordering::Acquire);
        let changed =
            [&grounds.domain, &grounds.directory, &self.shared.policy, &self.shared.revocation]
                .into_iter()
                .any(|cell| cell.changed_after(as_of));
        if changed {
            // What is looked at is at least as new as `epoch`: a swap comes before its number.
            let stands = self.shared.handle.look(|set| self.stands_under(set.attached(), now));
            if !stands {
                return Standing::AskAgain;
            }
        }
        // A lapse in the meantime made it void.
        match self.as_of.compare_exchange(as_of, epoch, Ordering::AcqRel, Ordering::Acquire) {
            Err(VOID) => {
                self.lapse.get().map_or(Standing::AskAgain, |lapse| Standing::Lapsed(lapse))
            }
            Ok(_) | Err(_) => Standing::Current,
        }
    }

    fn stands_under(&self, in_force: &InForce, now: Time) -> bool {
        let (Some(grounds), Some(peer)) = (&self.grounds, self.decision.peer()) else {
            return false;
        };
        let verifier = &in_force.verifier;
        let label = self.requirement.label().map(AsRef::as_ref);
        let keeps_anchor = || {
            verifier
                .trust_of(label)
                .and_then(|store| store.domain(peer.trust_domain()))
                .is_some_and(|domain| domain.bundle().keeps(peer.anchor(), peer.path().iter()))
        };
        let same_speakers = || {
            grounds.kept.present(peer, |presented| {
                verifier.speakers(&self.requirement.request(presented)) == Some(grounds.speakers)
            })
        };
        verifier.policy_digest() == self.decision.policy_digest()
            && keeps_anchor()
            && same_speakers() == Some(true)
            && evidence_about(in_force, &self.requirement, peer, &grounds.kept, now)
                == grounds.evidence
    }

    /// Ends it, for the first reason that anybody found.
    fn lapse(&self, why: impl FnOnce() -> Lapse) -> &Lapse {
        let lapse = self.lapse.get_or_init(|| Box::new(why()));
        self.as_of.store(VOID, Ordering::Release);
        lapse
    }
}

/// What deny list and sources say of the path. A deny list without a rule about it says what none says.
fn evidence_about(
    in_force: &InForce,
    requirement: &Requirement,
    peer: &CertifiedPeer,
    kept: &Kept,
    now: Time,
) -> [u8; 32] {
    let verifier = &in_force.verifier;
    let domain = verifier
        .trust_of(requirement.label().map(AsRef::as_ref))
        .and_then(|store| store.domain(peer.trust_domain()));
    let asked = verifier.asks_about_revocation();
    let certificates: SmallVec<[Certificate<'_>; 3]> = peer.path().iter().collect();
    let path = AcceptedPath {
        certificates: &certificates,
        anchor: peer.anchor(),
        trust_domain: peer.trust_domain(),
        identity: peer.identity(),
        distrusted: domain.map_or([0; 32], |domain| domain.bundle().distrusted_digest()),
    };
    verifier.revocation().digest_about(&path, kept.stapled_ocsp(), asked, now)
}

/// A peer that showed to hold the key of its certificate, under trust that changes. Cheap to clone:
/// clones are one and the same.
#[derive(Clone)]
pub struct LivePeer {
    ruling: Ruling,
    peer: VerifiedPeer,
}

impl LivePeer {
    /// Says whether the peer still is who it is, as of `now`: nanoseconds, no lock, no signature.
    #[inline]
    #[must_use]
    pub fn ask(&self, now: Time) -> Standing<'_> {
        self.ruling.ask(now)
    }

    /// Decides again, under what is in force, all but the signatures of the path: those were verified, and
    /// verifying is not what time or trust change.
    ///
    /// The answer is a new live peer; this one stays as it is. It asks for what was asked for at first, of
    /// what was presented at first: certificates beside the path, staple and timestamps are kept up to
    /// 8 KiB each.
    ///
    /// # Errors
    /// Why the peer is refused from now on.
    pub fn ask_again(&self, now: Time) -> Result<Self, Lapse> {
        let basis = &self.ruling.0;
        let now = basis.advance(now);
        if let Some(lapse) = basis.lapse.get() {
            return Err(Lapse::clone(lapse));
        }
        let kept = basis.grounds.as_ref().map(|grounds| &grounds.kept);
        let ruling = kept.and_then(|kept| {
            kept.present(&self.peer, |presented| {
                basis.shared.decide_again(&basis.requirement, presented, &self.peer, now)
            })
        });
        let ruling = ruling.unwrap_or_else(|| self.ruling.clone());
        match ruling.proven_before(&self.peer) {
            Some(peer) => Ok(peer),
            None => {
                let refused = || Lapse::Refused(ruling.decision().clone());
                Err(basis.lapse(refused).clone())
            }
        }
    }

    /// Returns the peer.
    #[must_use]
    pub const fn peer(&self) -> &VerifiedPeer {
        &self.peer
    }

    /// Returns the ruling that it rests on.
    #[must_use]
    pub const fn ruling(&self) -> &Ruling {
        &self.ruling
    }

    /// Since when the authority that vouches for the peer is tainted: about to be removed. The peer is
    /// accepted until then, and should renew its certificate under another one.
    #[must_use]
    pub fn tainted_since(&self) -> Option<Time> {
        match self.peer.anchor().state() {
            AnchorState::Tainted { since } => Some(since),
            _ => None,
        }
    }
}

impl Deref for LivePeer {
    type Target = VerifiedPeer;

    fn deref(&self) -> &VerifiedPeer {
        &self.peer
    }
}

impl Shared {
    /// Decides anew about a peer whose path is known to hold.
    fn decide_again(
        self: &Arc<Self>,
        requirement: &Arc<Requirement>,
        presented: &Presented<'_>,
        peer: &CertifiedPeer,
        now: Time,
    ) -> Ruling {
        self.handle.look(|set| {
            let in_force = set.attached();
            let memo = PathMemo::new(peer, in_force.verifier.memo().cloned());
            let verifier = in_force.verifier.clone().with_memo(Arc::new(memo));
            let decision = verifier.decide(&requirement.request(presented), now);
            Ruling::new(self, in_force, set.generation(), requirement, presented, decision)
        })
    }
}

impl fmt::Debug for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ruling")
            .field("decision", self.decision())
            .field("epoch", &self.0.epoch)
            .field("lapse", &self.0.lapse.get())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LivePeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LivePeer")
            .field("identity", self.peer.identity())
            .field("ruling", &self.ruling)
            .finish_non_exhaustive()
    }
}
