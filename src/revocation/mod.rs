//! Revocation: what evidence says of a certificate, given who may say it.
//!
//! A [`RevocationSource`] is a pure function over an immutable snapshot: lists ([`CrlStore`]), OCSP
//! responses ([`OcspStore`]), the operator's [`DenyList`], or one's own. [`Revocation`] puts sources
//! together and [`RevocationPolicy`](crate::policy::RevocationPolicy) makes of their answers what
//! follows. Nothing here fetches, and no URL of a certificate is ever followed: what would help is
//! an [`EvidenceRequest`], which a host may act upon.
//!
//! Who may speak for a certificate? Its issuer, by the name and key that the path was validated
//! with. Anybody else (a separate key for lists, an issuer of indirect lists, a delegated responder)
//! must have a path of its own to the same trust anchor; validating it is the business of the
//! engine, which a source asks through [`Answer::signers`] and hears from through
//! [`SignerVerdicts`]. So an authority that is removed from trust stops speaking with the next
//! question, though its lists are still at hand.
//!
//! What is missing, stale or unreadable is [`Unknown`] with its reason, and only policy turns it
//! into a yes.

mod about;
mod answer;
mod brief;
mod crl;
mod crl_change;
mod crl_intake;
mod crl_status;
mod crl_store;
#[cfg(feature = "crlite")]
mod crlite;
mod deny;
mod entry_table;
mod exempt;
mod judge;
mod ocsp_check;
mod ocsp_store;
mod query;
mod source;

#[cfg(feature = "std")]
pub(crate) use about::AcceptedPath;
pub use about::{About, EvidenceChange};
pub(crate) use answer::bounded_uris;
pub use answer::{
    Answer, Authority, CrlSummary, EvidenceId, EvidenceRequest, Revoked, SignerId, SignerQuestion,
    SignerUsage, Unknown, Verdict,
};
pub(crate) use brief::{Brief, Cleared};
pub use crl::VerifiedCrl;
pub use crl_intake::{CrlIntake, CrlIntakeError, CrlSigner, Progress};
pub use crl_store::{CrlStore, RolledBack};
#[cfg(feature = "crlite")]
pub use crlite::{CrliteFilters, FilterError};
pub use deny::{Denied, DenyList, DenyRule};
pub use judge::{Judgement, Outcome, Revocation};
pub use ocsp_check::OcspExchange;
pub use ocsp_store::{OcspIntakeError, OcspStore};
pub(crate) use query::Clock;
pub use query::{
    EvidenceBudget, Issuer, NoSigners, Query, SignatureFailure, SignatureTools, SignerVerdict,
    SignerVerdicts,
};
pub use source::RevocationSource;
