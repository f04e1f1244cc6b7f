//! Decisions: a value that says who, why, by which path, under which trust, and until when.
//!
//! A "no" is a decision, not a failure: it carries everything that was found on every path that was
//! tried. A "yes" is a [`CertifiedPeer`]: its certificates speak for an identity. It is not yet a
//! peer: whoever forwards a certificate has not shown to hold its key. A [`VerifiedPeer`] exists
//! only once possession was shown.

mod explain;
mod finding;
mod path;
mod peer;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub use crate::constraints::Violation;
pub use crate::policy::Work;
pub use explain::Explanation;
pub use finding::{Attempt, CertificateSummary, Finding, Fingerprint};
pub use path::CertificationPath;
pub(crate) use peer::PeerRecord;
pub use peer::{CertifiedPeer, ProofError, VerifiedPeer};

use crate::revocation::EvidenceId;
use crate::x509::Time;

/// The answer to one request.
#[derive(Clone, Debug)]
pub struct Decision {
    outcome: Outcome,
    now: Time,
    policy_digest: [u8; 32],
    work: Work,
}

/// Either of the two.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle both")]
pub enum Outcome {
    /// The certificates speak for an identity that the request accepts.
    Accepted(CertifiedPeer),
    /// They do not.
    Rejected(Box<Rejection>),
}

impl Decision {
    pub(crate) const fn new(
        outcome: Outcome,
        now: Time,
        policy_digest: [u8; 32],
        work: Work,
    ) -> Self {
        Self { outcome, now, policy_digest, work }
    }

    /// Returns the outcome.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Turns the decision into a result.
    ///
    /// # Errors
    /// The rejection.
    pub fn into_result(self) -> Result<CertifiedPeer, Box<Rejection>> {
        match self.outcome {
            Outcome::Accepted(peer) => Ok(peer),
            Outcome::Rejected(rejection) => Err(rejection),
        }
    }

    /// Returns the peer, if it is accepted.
    #[must_use]
    pub const fn peer(&self) -> Option<&CertifiedPeer> {
        match &self.outcome {
            Outcome::Accepted(peer) => Some(peer),
            Outcome::Rejected(_) => None,
        }
    }

    /// Returns the rejection, if it is one.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.outcome {
            Outcome::Accepted(_) => None,
            Outcome::Rejected(rejection) => Some(rejection),
        }
    }

    /// Whether the peer is accepted.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted(_))
    }

    /// Returns `accepted`, or the code of the cause of the rejection.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.outcome {
            Outcome::Accepted(_) => "accepted",
            Outcome::Rejected(rejection) => rejection.cause().code(),
        }
    }

    /// Everything that was found: of an acceptance the notes, of a rejection the cause first and
    /// then all findings of all paths.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let (notes, rejection) = match &self.outcome {
            Outcome::Accepted(peer) => (peer.notes(), None),
            Outcome::Rejected(rejection) => ([].as_slice(), Some(rejection)),
        };
        let found = rejection.into_iter().flat_map(|rejection| {
            core::iter::once(&rejection.cause)
                .chain(rejection.attempts.iter().flat_map(|attempt| attempt.findings()))
                .chain(&rejection.others)
        });
        notes.iter().chain(found)
    }

    /// Returns the time that the decision was asked for.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Returns the digest of the policy that was in force, see
    /// [`ValidationPolicy::digest`](crate::policy::ValidationPolicy::digest).
    #[must_use]
    pub const fn policy_digest(&self) -> &[u8; 32] {
        &self.policy_digest
    }

    /// Returns the work that was demanded.
    #[must_use]
    pub const fn work(&self) -> &Work {
        &self.work
    }

    /// Explains the decision to people.
    #[must_use]
    pub const fn explain(&self) -> Explanation<'_> {
        Explanation::new(self)
    }
}

/// Why a peer is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct Rejection {
    cause: Finding,
    attempts: Vec<Attempt>,
    others: Vec<Finding>,
    omitted: u32,
    evidence: Vec<EvidenceId>,
}

impl Rejection {
    pub(crate) const fn new(
        cause: Finding,
        attempts: Vec<Attempt>,
        others: Vec<Finding>,
        omitted: u32,
    ) -> Self {
        Self { cause, attempts, others, omitted, evidence: Vec::new() }
    }

    pub(crate) fn with_evidence(self, evidence: Vec<EvidenceId>) -> Self {
        Self { evidence, ..self }
    }

    /// The finding that explains the rejection best.
    #[must_use]
    pub const fn cause(&self) -> &Finding {
        &self.cause
    }

    /// Paths that were tried, the most promising first.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// Findings that belong to no path: certificates presented that cannot be read.
    #[must_use]
    pub fn others(&self) -> &[Finding] {
        &self.others
    }

    /// The revocation evidence by which paths were refused, by digest; empty where no path was
    /// refused for revocation.
    #[must_use]
    pub fn evidence(&self) -> &[EvidenceId] {
        &self.evidence
    }

    /// How many paths were tried beyond those in [`Rejection::attempts`].
    #[must_use]
    pub const fn omitted(&self) -> u32 {
        self.omitted
    }
}
