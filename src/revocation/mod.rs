//! Revocation.
mod answer;
mod crl;
mod crl_intake;
mod crl_status;
mod crl_store;
mod entry_table;
mod query;
mod source;

pub use answer::{
    Answer, Authority, CrlSummary, EvidenceId, EvidenceRequest, Revoked, SignerId, SignerQuestion,
    SignerUsage, Unknown, Verdict,
};
pub use crl::VerifiedCrl;
pub use crl_intake::{CrlIntake, CrlIntakeError, CrlSigner, Progress};
pub use crl_store::{CrlStore, RolledBack};
pub use query::{
    EvidenceBudget, Issuer, NoSigners, Query, SignatureFailure, SignatureTools, SignerVerdict,
    SignerVerdicts,
};
pub use source::RevocationSource;
