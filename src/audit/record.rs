//! The record itself, version 2.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::digest::AuditDigest;
use crate::decision::{
    Attempt, CertificateSummary, CertifiedPeer, Decision, Finding, Outcome, Rejection, Work,
};
use crate::identity::PeerIdentity;
use crate::revocation::EvidenceId;

/// A decision as plain data, see the [module documentation](super).
///
/// # Examples
/// ```
/// use bonafide::audit::{AuditError, AuditRecord};
///
/// let error = AuditRecord::from_json(r#"{"bonafide_audit": 7}"#).unwrap_err();
/// assert!(matches!(error, AuditError::Version { found: 7 }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditRecord {
    /// The version of this form.
    pub bonafide_audit: u32,
    /// Accepted or rejected.
    pub outcome: AuditOutcome,
    /// `accepted`, or the stable code of the cause of the rejection.
    pub code: String,
    /// The time that was asked for, in POSIX seconds.
    pub now: i64,
    /// The digest of the policy that was in force.
    pub policy_digest: AuditDigest,
    /// Who was accepted, and on what ground; nothing for a rejection.
    pub peer: Option<AuditPeer>,
    /// Why the peer was rejected; nothing for an acceptance.
    pub cause: Option<AuditFinding>,
    /// Of a rejection, the paths that were tried.
    pub attempts: Vec<AuditAttempt>,
    /// Of a rejection, how many more paths were tried.
    pub attempts_omitted: u32,
    /// Findings that belong to no attempt: of an acceptance its notes, of a rejection certificates
    /// that could not be read.
    pub findings: Vec<AuditFinding>,
    /// Of a rejection, the revocation evidence by which paths were refused, by digest; what an
    /// acceptance rests on stands with the peer.
    pub evidence: Vec<AuditDigest>,
    /// The work that was demanded.
    pub work: AuditWork,
}

/// Either of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "a reader must handle both")]
pub enum AuditOutcome {
    /// The certificates speak for an identity that the request accepts.
    Accepted,
    /// They do not.
    Rejected,
}

/// Who was accepted, and on what ground.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditPeer {
    /// The identities, the primary one first.
    pub identities: PeerIdentity,
    /// The trust domain that speaks for them.
    pub trust_domain: String,
    /// The digest of its bundle.
    pub bundle_digest: AuditDigest,
    /// The sequence number of its bundle, where the publisher gave one.
    pub bundle_sequence: Option<u64>,
    /// The anchor that the path ends at.
    pub anchor: AuditCertificate,
    /// The path, the peer's own certificate first, without the anchor.
    pub path: Vec<AuditCertificate>,
    /// The certificate policies under which the path is valid, as object identifiers.
    pub policies: Vec<String>,
    /// The last second in which the answer holds, in POSIX seconds.
    pub valid_until: i64,
    /// Whether revocation was part of the question.
    pub revocation_asked: bool,
    /// The revocation evidence that the answer rests on, by digest.
    pub evidence: Vec<AuditDigest>,
}

/// A certificate, or an anchor without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditCertificate {
    /// The SHA-256 of the certificate; of an anchor without one, of its name and key.
    pub sha256: AuditDigest,
    /// The subject as RFC 4514 writes it, cut off where it is long.
    pub subject: String,
}

/// A path that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditAttempt {
    /// The certificates, the peer's own first.
    pub path: Vec<AuditCertificate>,
    /// The anchor, where the path reached one with all signatures holding.
    pub anchor: Option<AuditCertificate>,
    /// What is wrong with it, the gravest first.
    pub findings: Vec<AuditFinding>,
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditFinding {
    /// The stable code.
    pub code: String,
    /// Where on the path, 0 is the peer's own certificate; nothing for the path as a whole.
    pub depth: Option<u64>,
    /// The certificate that breaks the rule.
    pub sha256: Option<AuditDigest>,
    /// The finding in words, which are not stable.
    pub text: String,
}

/// Work demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditWork {
    /// Signature checks.
    pub signatures: u32,
    /// Partial paths made.
    pub path_steps: u32,
    /// Comparisons of one name with one constraint.
    pub name_comparisons: u32,
    /// Policy graph nodes made.
    pub policy_nodes: u32,
    /// Revocation lists and responses consulted.
    pub evidence_checks: u32,
}

/// A text that is no record of a version this crate reads.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// No JSON, or no record.
    #[error("not an audit record")]
    Malformed(#[source] serde_json::Error),
    /// A record of another version.
    #[error("audit record of version {found}, {} is known", AuditRecord::VERSION)]
    Version {
        /// The version found.
        found: u64,
    },
}

impl AuditRecord {
    /// The version that is written.
    pub const VERSION: u32 = 2;

    /// Projects a decision.
    #[must_use]
    pub fn of(decision: &Decision) -> Self {
        let (outcome, peer) = match decision.outcome() {
            Outcome::Accepted(peer) => (AuditOutcome::Accepted, Some(peer)),
            Outcome::Rejected(_) => (AuditOutcome::Rejected, None),
        };
        let rejection = decision.rejection();
        let loose = peer.map(CertifiedPeer::notes).or(rejection.map(|r| r.others()));
        Self {
            bonafide_audit: Self::VERSION,
            outcome,
            code: decision.code().to_string(),
            now: decision.now().unix(),
            policy_digest: decision.policy_digest().into(),
            peer: peer.map(AuditPeer::of),
            cause: rejection.map(|rejection| AuditFinding::of(rejection.cause())),
            attempts: rejection
                .map(|rejection| rejection.attempts().iter().map(AuditAttempt::of).collect())
                .unwrap_or_default(),
            attempts_omitted: rejection.map_or(0, |rejection| rejection.omitted()),
            findings: loose.unwrap_or_default().iter().map(AuditFinding::of).collect(),
            evidence: digests(rejection.map(Rejection::evidence).unwrap_or_default()),
            work: AuditWork::of(decision.work()),
        }
    }

    /// Writes JSON on one line: the same bytes for the same decision.
    #[must_use]
    pub fn to_json(&self) -> String {
        // No map with keys that are no text, no value that refuses to be written: it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`AuditRecord::to_json`] wrote.
    ///
    /// # Errors
    /// [`AuditError`] where it is no record, or one of another version.
    pub fn from_json(text: &str) -> Result<Self, AuditError> {
        #[derive(Deserialize)]
        struct Versioned {
            bonafide_audit: u64,
        }

        let Versioned { bonafide_audit: found } =
            serde_json::from_str(text).map_err(AuditError::Malformed)?;
        if found != u64::from(Self::VERSION) {
            return Err(AuditError::Version { found });
        }
        serde_json::from_str(text).map_err(AuditError::Malformed)
    }
}

impl AuditPeer {
    fn of(peer: &CertifiedPeer) -> Self {
        let path = peer.path().iter();
        Self {
            identities: peer.identity().clone(),
            trust_domain: peer.trust_domain().to_string(),
            bundle_digest: peer.bundle_digest().into(),
            bundle_sequence: peer.bundle_sequence(),
            anchor: AuditCertificate::of(&CertificateSummary::of_anchor(peer.anchor())),
            path: path.map(|c| AuditCertificate::of(&CertificateSummary::of(&c))).collect(),
            policies: peer.policies().iter().map(ToString::to_string).collect(),
            valid_until: peer.valid_until().unix(),
            revocation_asked: peer.revocation_was_asked(),
            evidence: digests(peer.evidence()),
        }
    }
}

fn digests(evidence: &[EvidenceId]) -> Vec<AuditDigest> {
    evidence.iter().map(|id| id.as_bytes().into()).collect()
}

impl AuditCertificate {
    fn of(certificate: &CertificateSummary) -> Self {
        Self {
            sha256: certificate.fingerprint().into(),
            subject: certificate.subject().to_string(),
        }
    }
}

impl AuditAttempt {
    fn of(attempt: &Attempt) -> Self {
        Self {
            path: attempt.certificates().iter().map(AuditCertificate::of).collect(),
            anchor: attempt.anchor().map(AuditCertificate::of),
            findings: attempt.findings().iter().map(AuditFinding::of).collect(),
        }
    }
}

impl AuditFinding {
    fn of(finding: &Finding) -> Self {
        Self {
            code: finding.code().to_string(),
            depth: finding.depth().and_then(|depth| u64::try_from(depth).ok()),
            sha256: finding.certificate().map(AuditDigest::from),
            text: finding.violation().to_string(),
        }
    }
}

impl AuditWork {
    const fn of(work: &Work) -> Self {
        Self {
            signatures: work.signatures,
            path_steps: work.path_steps,
            name_comparisons: work.name_comparisons,
            policy_nodes: work.policy_nodes,
            evidence_checks: work.evidence_checks,
        }
    }
}
