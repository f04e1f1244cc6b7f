//! Where evidence comes from.

use core::fmt;

use super::{Answer, EvidenceBudget, EvidenceId, Query};

/// An immutable snapshot of evidence that answers what it knows of a certificate.
///
/// A source is pure: no input or output, no clock, no memory of earlier questions. What it cannot
/// say is [`Unknown`](super::Unknown) with the reason, never a guess; policy decides what follows.
pub trait RevocationSource: fmt::Debug + Send + Sync {
    /// A short stable name, such as `crl`.
    fn name(&self) -> &str;

    /// Names the content of the snapshot: two snapshots of one digest answer alike.
    fn digest(&self) -> EvidenceId;

    /// What the evidence says of the certificate in question.
    fn status(&self, query: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Answer;
}
