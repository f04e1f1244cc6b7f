//! The report of a rejection: what was tried, and which finding explains it best.
//!
//! Paths whose signatures hold say more than others: of those, the gravest finding of the best path
//! is the cause. Otherwise an edge whose signature fails is, and without one the name that no
//! certificate and no anchor bears. What the peer's own certificate breaks is reported beside it.
//!
//! Authorities that rotate keep their name. Where a signature fails with the key of a namesake, and
//! the certificate names a key that neither an anchor nor a certificate at hand has, nobody touched
//! the certificate: its issuer is missing, and the failed signature is reported beside that.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::constraints::{Breach, Reach, Violation};
use crate::decision::{Attempt, CertificateSummary, Finding, Fingerprint, Rejection};
use crate::path::{FailedWay, Search};
use crate::revocation::EvidenceId;
use crate::signature::{AlgorithmRefused, SignatureError};
use crate::trust::TrustAnchor;

/// How many paths are kept.
const PATHS_KEPT: usize = 8;

/// How many findings of one path are kept.
const FINDINGS_KEPT: usize = 32;

/// How many names of evidence are kept.
const EVIDENCE_KEPT: usize = 32;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It looked everywhere.
    Exhausted,
    /// A limit stopped it.
    ByLimit,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Paths whose signatures hold, then others.
    attempts: Vec<Attempt>,
    others: Vec<Finding>,
    /// Revocation evidence that refused paths rest on.
    evidence: Vec<EvidenceId>,
    omitted: u32,
    complete: bool,
}

impl Report {
    /// Whether a path whose signatures hold was reported.
    pub(super) const fn has_paths(&self) -> bool {
        self.complete
    }

    /// Adds revocation evidence that a path was refused by; as much as there are paths.
    pub(super) fn add_evidence(&mut self, evidence: Vec<EvidenceId>) {
        for id in evidence {
            if self.evidence.len() < EVIDENCE_KEPT && !self.evidence.contains(&id) {
                self.evidence.push(id);
            }
        }
    }

    /// Adds a path whose signatures hold.
    pub(super) fn add_path(
        &mut self,
        search: &Search<'_>,
        nodes: &[usize],
        anchor: Option<&TrustAnchor>,
        breaches: Vec<Breach>,
    ) {
        self.complete = true;
        self.add(search, nodes, anchor, breaches);
    }

    fn add(
        &mut self,
        search: &Search<'_>,
        nodes: &[usize],
        anchor: Option<&TrustAnchor>,
        mut breaches: Vec<Breach>,
    ) {
        if self.attempts.len() >= PATHS_KEPT {
            self.omitted = self.omitted.saturating_add(1);
            return;
        }
        // Where nothing leads on, that comes first: what was tried instead says less.
        breaches.sort_by_key(|Breach { violation, depth, .. }| {
            (!matches!(violation, Violation::NoRoute { .. }), violation.rank(), *depth)
        });
        breaches.truncate(FINDINGS_KEPT);
        let certificates: Vec<CertificateSummary> = nodes
            .iter()
            .filter_map(|&node| search.certificate(node))
            .map(CertificateSummary::of)
            .collect();
        let anchor = anchor.map(CertificateSummary::of_anchor);
        let findings = breaches
            .into_iter()
            .map(|breach| {
                let named = breach.depth.and_then(|depth| {
                    let beyond = if depth == certificates.len() { anchor.as_ref() } else { None };
                    certificates.get(depth).or(beyond)
                });
                let fingerprint = named.map(CertificateSummary::fingerprint);
                Finding::new(breach.violation, breach.depth, fingerprint)
            })
            .collect();
        self.attempts.push(Attempt::new(certificates, anchor, findings));
    }

    /// Whether any path was reported.
    pub(super) const fn has_findings(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Adds what the search knows beyond complete paths: edges whose signatures failed, the place
    /// where it found no issuer if it looked everywhere, certificates that cannot be read.
    pub(super) fn add_failures(&mut self, search: &Search<'_>, target: &[Breach], ended: Ended) {
        if !self.complete {
            let mut failed = false;
            for FailedWay { way, why, missing } in search.failed_ways().take(PATHS_KEPT) {
                failed = true;
                let failure = at_end_of(way, why.clone());
                match missing.filter(|_| is_of_another_key(why)) {
                    Some(way) => {
                        let missing = no_route(search, &way);
                        self.add_end(search, &way, missing.into_iter().chain([failure]), target);
                    }
                    None => self.add_end(search, way, [failure], target),
                }
            }
            if !failed && ended == Ended::Exhausted {
                let walk = search.dead_end();
                self.add_end(search, &walk, no_route(search, &walk), target);
            }
        }
        for &(der, error) in search.pool().malformed() {
            let fingerprint = Some(Fingerprint::of(der));
            self.others.push(Finding::new(Violation::Malformed(error), None, fingerprint));
        }
    }

    /// Adds a way that leads to no anchor, and what the target breaks on its own.
    fn add_end(
        &mut self,
        search: &Search<'_>,
        way: &[usize],
        breaches: impl IntoIterator<Item = Breach>,
        target: &[Breach],
    ) {
        let breaches = breaches.into_iter().chain(target.iter().cloned()).collect();
        self.add(search, way, None, breaches);
    }

    /// The finding that explains the rejection best.
    pub(super) fn cause(&self) -> Finding {
        let of_attempt = |attempt: &Attempt| {
            let mut findings = attempt.findings().iter();
            let first = findings.next();
            if self.complete {
                return first.cloned();
            }
            // Without a path the failure to find one outweighs what the peer's certificate
            // breaks on its own.
            attempt
                .findings()
                .iter()
                .find(|finding| {
                    matches!(
                        finding.violation(),
                        Violation::Signature(_)
                            | Violation::NoRoute { .. }
                            | Violation::Algorithm(_)
                    )
                })
                .or(first)
                .cloned()
        };
        self.attempts
            .iter()
            .filter_map(of_attempt)
            .min_by_key(|finding| finding.violation().rank())
            .unwrap_or_else(|| {
                let issuer = "(unknown)".to_string();
                Finding::new(Violation::NoRoute { issuer, key_id: None }, None, None)
            })
    }

    pub(super) fn into_rejection(self, cause: Finding) -> Rejection {
        Rejection::new(cause, self.attempts, self.others, self.omitted).with_evidence(self.evidence)
    }
}

/// Whether the right key of the issuer would have made it hold.
const fn is_of_another_key(violation: &Violation) -> bool {
    matches!(
        violation,
        Violation::Signature(SignatureError::Invalid | SignatureError::KeyMismatch)
            | Violation::Algorithm(AlgorithmRefused::Mismatch { .. })
    )
}

/// Nothing leads on from the last certificate of `way`.
fn no_route(search: &Search<'_>, way: &[usize]) -> Option<Breach> {
    let last = search.certificate(*way.last()?)?;
    Some(at_end_of(way, Violation::no_route(last)))
}

/// A breach by the last certificate of `way`.
const fn at_end_of(way: &[usize], violation: Violation) -> Breach {
    Breach { violation, depth: Some(way.len().saturating_sub(1)), reach: Reach::Path }
}
