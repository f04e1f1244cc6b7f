//! What every part of an answer has at hand, and the last questions to a valid path: whose is it, is
//! that whom the caller expects, was anything revoked.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::identify::{Selected, check_expectation, identify};
use super::report::Report;
use super::request::Request;
use super::status::{Inquiry, Path, Signers, StatusReport};
use super::verifier::Verifier;
use crate::constraints::{Breach, Demands, PathCertificate, Reach, Violation};
use crate::decision::{CertificationPath, CertifiedPeer, Decision, Finding, Outcome, PeerRecord};
use crate::identity::PeerIdentity;
use crate::path::Means;
use crate::policy::{Budget, LimitExceeded, Purpose};
use crate::revocation::{EvidenceRequest, Revocation, Unknown};
use crate::trust::{AnchorState, TrustAnchor, Voucher};
use crate::x509::{OwnedOid, Time};

/// What stays the same, what is spent, and what was found.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) verifier: &'a Verifier,
    pub(super) request: &'a Request<'a>,
    pub(super) demands: Demands<'a>,
    pub(super) revocation: &'a Revocation,
    pub(super) budget: Budget,
    pub(super) report: Report,
    /// Certificates that the host supplied.
    pub(super) supplied: Vec<&'a [u8]>,
    /// What the host was asked for.
    pub(super) asked: Vec<EvidenceRequest>,
    /// Something was supplied since it was asked.
    pub(super) anew: bool,
}

/// Who speaks for the peer, and its path where somebody holds it.
pub(super) struct Claim<'s> {
    pub(super) selected: Selected<'s>,
    pub(super) path: Option<CertificationPath>,
}

/// What became of a valid path.
pub(super) struct Confirmed {
    pub(super) outcome: Result<CertifiedPeer, Box<Breach>>,
    /// Evidence that might mend it, or take the place of what policy let pass.
    pub(super) wants: Vec<EvidenceRequest>,
}

impl Confirmed {
    #[cold]
    fn refused(violation: Violation) -> Self {
        // No other path changes what the peer's own certificate says.
        let reach = Reach::Certificate { depth: 0 };
        let breach = Breach { violation, depth: Some(0), reach };
        Self { outcome: Err(Box::new(breach)), wants: Vec::new() }
    }
}

impl<'a> Context<'a> {
    pub(super) fn new(verifier: &'a Verifier, request: &'a Request<'a>, now: Time) -> Self {
        let purpose = request.purpose.as_ref().unwrap_or(&verifier.policy.purpose);
        Self {
            verifier,
            request,
            demands: Demands { policy: &verifier.policy, purpose: Purpose::oid(purpose), now },
            revocation: &verifier.revocation,
            budget: Budget::new(verifier.policy.limits),
            report: Report::default(),
            supplied: Vec::new(),
            asked: Vec::new(),
            anew: false,
        }
    }

    pub(super) fn means(&self) -> Means<'a> {
        Means {
            demands: self.demands,
            backend: &*self.verifier.backend,
            memo: self.verifier.memo.as_deref(),
        }
    }

    /// Confirms the claim on a valid path: identity, expectation, revocation.
    pub(super) fn confirm(
        &mut self,
        claim: Claim<'_>,
        steps: &[PathCertificate<'_, '_>],
        voucher: &Arc<Voucher>,
        policies: Vec<OwnedOid>,
    ) -> Result<Confirmed, LimitExceeded> {
        let Some(leaf) = steps.first() else {
            // A path without certificates, which no search makes.
            return Ok(Confirmed::refused(Violation::NoIdentity));
        };
        let anchor = &*voucher.anchor;
        let identified = identify(&claim.selected, leaf.certificate);
        if let Err(violation) = check_expectation(self.request.expect, &identified.identity) {
            return Ok(Confirmed::refused(*violation));
        }
        let asked = self.verifier.asks_about_revocation();
        let denies = self.revocation.deny_list().is_some();
        let mut status = StatusReport::default();
        if asked || denies || self.request.stapled_ocsp.is_some() {
            status = self.inquire(&claim, steps, anchor, &identified.identity)?;
            if let Some(breach) = status.breach {
                self.report.add_evidence(status.evidence);
                return Ok(Confirmed { outcome: Err(breach), wants: status.wants });
            }
        }

        let skew = i64::from(self.verifier.policy.clock_skew_seconds);
        let mut valid_until = status.valid_until.unwrap_or(Time::MAX);
        let anchored = if anchor.expiry_enforced { anchor.certificate() } else { None };
        let dated = steps.iter().map(|step| step.certificate).chain(anchored.as_ref());
        for certificate in dated {
            valid_until = valid_until.min(certificate.not_after().saturating_add(skew));
        }
        let noted = !status.passed.is_empty()
            || !identified.left_out.is_empty()
            || matches!(anchor.state, AnchorState::Tainted { .. });
        let peer = CertifiedPeer::new(PeerRecord {
            identity: identified.identity,
            path: claim.path.unwrap_or_else(|| {
                CertificationPath::new(steps.iter().map(|step| step.certificate))
            }),
            voucher: Arc::clone(voucher),
            policies,
            valid_until,
            decided_at: self.demands.now,
            revocation_asked: asked,
            evidence: status.evidence,
            notes: if noted {
                notes(anchor.state, steps.len(), identified.left_out, status.passed)
            } else {
                Vec::new()
            },
        });
        Ok(Confirmed { outcome: Ok(peer), wants: status.wants })
    }

    fn inquire(
        &mut self,
        claim: &Claim<'_>,
        steps: &[PathCertificate<'_, '_>],
        anchor: &TrustAnchor,
        identity: &PeerIdentity,
    ) -> Result<StatusReport, LimitExceeded> {
        let inquiry = Inquiry {
            revocation: self.revocation,
            policy: if self.verifier.asks_about_revocation() {
                &self.verifier.revocation_policy
            } else if self.request.stapled_ocsp.is_some() {
                // What a peer staples is heard even where nobody asks.
                &self.verifier.staple_policy
            } else {
                // A deny list says no to those that it names, and nothing of others.
                &self.verifier.deny_policy
            },
            signer_policy: &self.verifier.signer_policy,
            means: self.means(),
            trust_domain: claim.selected.domain.name(),
            bundle: claim.selected.domain.bundle(),
            presented: self.request.intermediates,
            supplied: &self.supplied,
            stapled_ocsp: self.request.stapled_ocsp,
            scts: self.request.scts,
        };
        let path = Path { steps, anchor, identity: Some(identity) };
        inquiry.status_of(&path, &mut Signers::default(), false, 0, &mut self.budget)
    }

    pub(super) fn reject(&mut self, cause: Finding) -> Decision {
        let report = core::mem::take(&mut self.report);
        self.decided(Outcome::Rejected(Box::new(report.into_rejection(cause))))
    }

    pub(super) fn decided(&self, outcome: Outcome) -> Decision {
        let Self { verifier, demands, budget, .. } = self;
        Decision::new(outcome, demands.now, verifier.policy_digest, budget.work())
    }
}

/// What does not stand in the way of an acceptance and is worth to be known.
#[cold]
fn notes(
    anchor: AnchorState,
    anchor_depth: usize,
    left_out: Vec<String>,
    passed: Vec<(Unknown, usize)>,
) -> Vec<Finding> {
    let tainted = match anchor {
        AnchorState::Tainted { since } => Some((Violation::Tainted { since }, anchor_depth)),
        _ => None,
    };
    let outside = left_out.into_iter().map(|name| (Violation::OutsideTrustDomain { name }, 0));
    let unknown = passed.into_iter().map(|(why, depth)| (Violation::RevocationUnknown(why), depth));
    let notes = tainted.into_iter().chain(outside).chain(unknown);
    notes.map(|(violation, depth)| Finding::new(violation, Some(depth), None)).collect()
}
