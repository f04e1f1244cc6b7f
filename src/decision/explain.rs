//! Explanations: a decision in words, for people who run services.

use core::fmt;

use super::{Attempt, CertificateSummary, Decision, Outcome};
use crate::decision::CertifiedPeer;
use crate::identity::Identity;
use crate::revocation::EvidenceId;
use crate::x509::write_hex;

/// A decision in words; made by [`Decision::explain`], printed by `Display`.
///
/// The text is not stable. It never holds unescaped bytes of a certificate and is bounded: at most
/// four paths are drawn, 16 further names of a peer told and eight pieces of evidence named, and names of
/// certificates are cut off where they are long.
#[derive(Clone, Copy, Debug)]
pub struct Explanation<'d> {
    decision: &'d Decision,
}

const PATHS_DRAWN: usize = 4;
const NAMES_SHOWN: usize = 16;

const EVIDENCE_NAMED: usize = 8;

impl<'d> Explanation<'d> {
    pub(crate) const fn new(decision: &'d Decision) -> Self {
        Self { decision }
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.decision.outcome {
            Outcome::Accepted(peer) => accepted(f, peer)?,
            Outcome::Rejected(rejection) => {
                let cause = rejection.cause();
                writeln!(f, "rejected: {} ({})", cause, cause.code())?;
                writeln!(f, "  to do: {}", cause.violation().advice())?;
                for (index, attempt) in rejection.attempts().iter().take(PATHS_DRAWN).enumerate() {
                    writeln!(f, "  path {}:", index + 1)?;
                    draw_attempt(f, attempt)?;
                }
                let undrawn = rejection.attempts().len().saturating_sub(PATHS_DRAWN);
                let undrawn = u32::try_from(undrawn).unwrap_or(u32::MAX);
                match undrawn.saturating_add(rejection.omitted()) {
                    0 => {}
                    more => writeln!(f, "  and {more} more path(s)")?,
                }
                for other in rejection.others() {
                    writeln!(f, "  also presented: {} ({})", other, other.code())?;
                }
                name_evidence(f, rejection.evidence())?;
            }
        }
        let work = self.decision.work;
        writeln!(
            f,
            "  asked at {}; work: {} signature(s), {} path step(s), {} name comparison(s)",
            self.decision.now, work.signatures, work.path_steps, work.name_comparisons
        )
    }
}

fn accepted(f: &mut fmt::Formatter<'_>, peer: &CertifiedPeer) -> fmt::Result {
    match peer.identity().primary() {
        Some(identity) => writeln!(f, "accepted: {identity}")?,
        None => writeln!(f, "accepted: a peer without a name")?,
    }
    for (index, identity) in peer.identity().iter().skip(1).enumerate() {
        match identity {
            // In words: as an identity it is a row of octets.
            Identity::Subject(subject) if index < NAMES_SHOWN => {
                writeln!(f, "  also: {}", subject.as_name())?;
            }
            _ if index < NAMES_SHOWN => writeln!(f, "  also: {identity}")?,
            _ => {
                writeln!(f, "  and {} more name(s)", peer.identity().len() - 1 - NAMES_SHOWN)?;
                break;
            }
        }
    }
    write!(f, "  trust domain {}", peer.trust_domain())?;
    match peer.bundle_sequence() {
        Some(sequence) => writeln!(f, ", bundle sequence {sequence}")?,
        None => writeln!(f)?,
    }
    writeln!(f, "  holds until {}", peer.valid_until())?;
    writeln!(f, "  path:")?;
    let mut indent = 4;
    line(f, indent, "anchor", &CertificateSummary::of_anchor(peer.anchor()))?;
    for (above, certificate) in peer.path().iter().rev().enumerate() {
        let depth = peer.path().len() - 1 - above;
        indent += 2;
        let summary = CertificateSummary::of(&certificate);
        line(f, indent, depth, &summary)?;
    }
    if !peer.policies().is_empty() {
        write!(f, "  certificate policies:")?;
        for policy in peer.policies() {
            write!(f, " {policy}")?;
        }
        writeln!(f)?;
    }
    if !peer.revocation_was_asked() {
        writeln!(f, "  revocation was not asked about: there is no evidence and no demand for it")?;
    }
    name_evidence(f, peer.evidence())?;
    for note in peer.notes() {
        writeln!(f, "  note: {} ({})", note, note.code())?;
    }
    Ok(())
}

/// Names evidence by the beginning of its digest.
fn name_evidence(f: &mut fmt::Formatter<'_>, evidence: &[EvidenceId]) -> fmt::Result {
    let mut before = "  revocation evidence: sha256 ";
    for id in evidence.iter().take(EVIDENCE_NAMED) {
        f.write_str(before)?;
        write_hex(f, id.as_bytes().iter().take(8))?;
        f.write_str("…")?;
        before = ", ";
    }
    match evidence.len() {
        0 => Ok(()),
        ..=EVIDENCE_NAMED => writeln!(f),
        more => writeln!(f, " and {} more", more - EVIDENCE_NAMED),
    }
}

fn draw_attempt(f: &mut fmt::Formatter<'_>, attempt: &Attempt) -> fmt::Result {
    let top = attempt.certificates().len();
    let mut indent = 4;
    match attempt.anchor() {
        Some(anchor) => line(f, indent, "anchor", anchor)?,
        None => writeln!(f, "{:indent$}└ no anchor reached", "")?,
    }
    findings_at(f, attempt, indent, Some(top))?;
    for (depth, certificate) in attempt.certificates().iter().enumerate().rev() {
        indent += 2;
        line(f, indent, depth, certificate)?;
        findings_at(f, attempt, indent, Some(depth))?;
    }
    findings_at(f, attempt, 2, None)
}

fn findings_at(
    f: &mut fmt::Formatter<'_>,
    attempt: &Attempt,
    indent: usize,
    depth: Option<usize>,
) -> fmt::Result {
    for finding in attempt.findings().iter().filter(|finding| finding.depth() == depth) {
        writeln!(f, "{:indent$}  ✗ {} ({})", "", finding.violation(), finding.code())?;
    }
    Ok(())
}

fn line(
    f: &mut fmt::Formatter<'_>,
    indent: usize,
    label: impl fmt::Display,
    certificate: &CertificateSummary,
) -> fmt::Result {
    writeln!(f, "{:indent$}└ {label}: {certificate}", "")
}
