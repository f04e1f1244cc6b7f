//! Audit records: a decision as versioned data that outlives the process.
//!
//! [`AuditRecord::of`] projects a [`Decision`](crate::decision::Decision) onto plain values: who,
//! by which path, under which anchor, policy and bundle, asked when, valid until when, at what cost,
//! on which revocation evidence, and every finding with its stable code. A refusal for revocation names
//! its evidence too. [`AuditRecord::to_json`] writes it, always the same bytes
//! for the same decision: fields stand in one order, lists in the order of the decision, and nothing
//! depends on a clock, a hash seed or the order in which certificates were presented.
//!
//! The form has a version, [`AuditRecord::VERSION`], which changes with every change of a field.
//! [`AuditRecord::from_json`] reads the versions it knows and nothing else: an unknown field is an
//! error, since a field that is skipped is evidence that is lost.
//!
//! Left to the caller: where records go and how they are protected there. A record names
//! certificates and evidence by digest and does not hold them; texts are for people and may change between
//! releases, codes do not. Nothing in a record proves that it was written by this crate.
//!
//! Times are POSIX seconds, which have one spelling and reach before 1970; digests are SHA-256 in
//! lower-case hexadecimal; object identifiers are dotted.

mod digest;
mod record;

pub use digest::AuditDigest;
pub use record::{
    AuditAttempt, AuditCertificate, AuditError, AuditFinding, AuditOutcome, AuditPeer, AuditRecord,
    AuditWork,
};
