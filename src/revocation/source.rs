//! Where evidence comes from.

use core::any::Any;
use core::fmt;

use super::{About, Answer, EvidenceBudget, EvidenceChange, EvidenceId, Query};

/// An immutable snapshot of evidence that answers what it knows of a certificate.
///
/// A source is pure: no input or output, no clock, no memory of earlier questions. What it cannot
/// say is [`Unknown`](super::Unknown) with the reason, never a guess; policy decides what follows.
///
/// # Examples
/// Serial numbers that an inventory has written off:
///
/// ```
/// use bonafide::revocation::{
///     Answer, Authority, EvidenceBudget, EvidenceId, Query, RevocationSource, Revoked, Unknown,
///     Verdict,
/// };
///
/// #[derive(Debug)]
/// struct Inventory {
///     written_off: Vec<Vec<u8>>,
/// }
///
/// impl RevocationSource for Inventory {
///     fn name(&self) -> &str {
///         "inventory"
///     }
///
///     fn digest(&self) -> EvidenceId {
///         let lines: Vec<String> = self.written_off.iter().map(|s| format!("{s:?}")).collect();
///         EvidenceId::of(lines.join("\n").as_bytes())
///     }
///
///     fn status(&self, query: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Answer {
///         if let Err(limit) = budget.evidence_check() {
///             return Answer::unknown(Unknown::Limit(limit));
///         }
///         let serial_number = query.certificate.serial_number();
///         if !self.written_off.iter().any(|gone| gone == serial_number) {
///             // What is not written off may be revoked elsewhere.
///             return Answer::unknown(Unknown::NotCovered);
///         }
///         let mut answer = Answer::new(Verdict::Revoked(Revoked::new(query.now)));
///         answer.authority = Some(Authority::Other { source: self.name().into() });
///         answer.evidence.push(self.digest());
///         answer
///     }
/// }
/// ```
pub trait RevocationSource: Any + fmt::Debug + Send + Sync {
    /// A short stable name, such as `crl`.
    fn name(&self) -> &str;

    /// Names the content of the snapshot: two snapshots of one digest answer alike.
    fn digest(&self) -> EvidenceId;

    /// What the evidence says of the certificate in question.
    fn status(&self, query: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Answer;

    /// Names the part of the content that answers about one certificate come from: two snapshots with
    /// one digest answer alike about it. Nothing where an answer rests on signers other than the
    /// issuer, or where that cannot be said; whoever was accepted is then asked again after every
    /// change of any evidence. Default: nothing.
    fn digest_about(&self, about: &About<'_>) -> Option<EvidenceId> {
        let _ = about;
        None
    }

    /// What changed since `older`, an earlier snapshot of the same source. Default: cannot be said;
    /// every live session is then looked at.
    fn change_since(&self, older: &dyn RevocationSource) -> EvidenceChange {
        let _ = older;
        EvidenceChange::unknown()
    }
}
