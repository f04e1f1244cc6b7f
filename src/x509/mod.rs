//! Bytes to types: certificates, names, extensions, revocation lists, OCSP, PEM.
//!
//! This room reads DER strictly and in place. It knows no policy, no clock and no trust.

mod crl;
mod crl_entry;
mod crl_extensions;
pub(crate) mod der;
mod format_error;
mod ocsp;
mod ocsp_request;
mod ocsp_single;
pub(crate) mod oid;
mod pem;
mod pem_error;
mod structure;
mod time;

pub use crl::{CertificateRevocationList, OwnedCertificateRevocationList};
pub use crl_entry::{Entries, EntryWalker, ReasonCode, RevokedCertificate};
pub use crl_extensions::{
    CrlAuthorityKey, CrlNumber, CrlScope, DistributionPointName, IssuingDistributionPoint,
    ReasonFlags,
};
pub use der::{DerError, DerErrorKind, Tag};
pub use format_error::{FormatError, FormatErrorKind};
pub use ocsp::{BasicOcspResponse, OcspErrorStatus, OcspResponse, ResponderId};
pub use ocsp_request::{NonceLengthError, OcspRequest};
pub use ocsp_single::{CertId, CertIdHash, CertStatus, SingleResponse, SingleResponses};
pub use oid::{Oid, OwnedOid, ParseOidError};
pub use pem::{
    PemBlock, PemBlocks, certificates, certificates_from_pem_or_der, crls_from_pem_or_der,
};
pub use pem_error::{PemError, PemErrorKind, PemLabel};
pub use structure::RawGeneralNames;
pub use time::{ParseTimeError, Time};
