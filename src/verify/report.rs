//! The report of a rejection: what was tried, and which finding explains it best.
//!
//! Paths whose signatures hold say more than others: of those, the gravest finding of the best path
//! is the cause. Otherwise an edge whose signature fails is, and without one the name that no
//! certificate and no anchor bears. What the peer's own certificate breaks is reported beside it.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::constraints::{Breach, Reach, Violation};
use crate::decision::{Attempt, CertificateSummary, Finding, Fingerprint, Rejection};
use crate::path::Search;
use crate::revocation::EvidenceId;
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
        breaches.sort_by_key(|breach| (breach.violation.rank(), breach.depth));
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
            for (way, violation) in search.failed_ways().take(PATHS_KEPT) {
                failed = true;
                let depth = Some(way.len().saturating_sub(1));
                let violation = violation.clone();
                let breach = Breach { violation, depth, reach: Reach::Path };
                let breaches = core::iter::once(breach).chain(target.iter().cloned()).collect();
                self.add(search, way, None, breaches);
            }
            if !failed && ended == Ended::Exhausted {
                let walk = search.dead_end();
                if let Some(last) = walk.last().and_then(|&node| search.certificate(node)) {
                    let breach = Breach {
                        violation: Violation::NoRoute { issuer: last.issuer().to_string() },
                        depth: Some(walk.len() - 1),
                        reach: Reach::Path,
                    };
                    let breaches = core::iter::once(breach).chain(target.iter().cloned()).collect();
                    self.add(search, &walk, None, breaches);
                }
            }
        }
        for &(der, error) in search.pool().malformed() {
            let fingerprint = Some(Fingerprint::of(der));
            self.others.push(Finding::new(Violation::Malformed(error), None, fingerprint));
        }
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
                Finding::new(Violation::NoRoute { issuer: "(unknown)".to_string() }, None, None)
            })
    }

    pub(super) fn into_rejection(self, cause: Finding) -> Rejection {
        Rejection::new(cause, self.attempts, self.others, self.omitted).with_evidence(self.evidence)
    }
}
