//! Bytes to types: certificates, names, extensions, revocation lists, OCSP, PEM.
//!
//! This room reads DER strictly and in place. It knows no policy, no clock and no trust.

mod algorithm;
mod certificate;
mod certs_only;
mod crl;
mod crl_entry;
mod crl_extensions;
pub(crate) mod der;
mod distribution_points;
#[cfg(test)]
pub(crate) mod encode;
pub(crate) mod extension;
mod extension_values;
mod format_error;
mod general_name;
mod information_access;
pub(crate) mod name;
mod name_constraints;
mod ocsp;
mod ocsp_request;
mod ocsp_single;
pub(crate) mod oid;
mod pem;
mod pem_error;
mod policies;
mod sct;
mod spki;
pub(crate) mod structure;
pub(crate) mod text;
mod time;
mod values;

pub use algorithm::AlgorithmIdentifier;
pub(crate) use algorithm::usual;
pub use certificate::{
    Certificate, CertificateError, CertificateErrorKind, Field, OwnedCertificate, Version,
};
pub use certs_only::certificates_of_issuers;
pub use crl::{CertificateRevocationList, OwnedCertificateRevocationList};
pub(crate) use crl_entry::PlainEntry;
pub use crl_entry::{Entries, EntryWalker, ReasonCode, RevokedCertificate};
pub(crate) use crl_extensions::IssuingDistributionPointIndex;
pub use crl_extensions::{
    CrlNumber, CrlScope, DistributionPointName, IssuingDistributionPoint, ReasonFlags,
};
pub use der::{DerError, DerErrorKind, Tag};
pub use distribution_points::{CrlDistributionPoints, DistributionPoint, FreshestCrl};
pub use extension::{BasicConstraints, Extension, ExtensionKind, KeyUsage};
pub use extension_values::{
    AuthorityKeyIdentifier, ExtendedKeyUsage, NoRevAvail, PrivateKeyUsagePeriod,
    SubjectDirectoryAttributes, SubjectKeyIdentifier,
};
pub use format_error::{FormatError, FormatErrorKind};
pub use general_name::{GeneralName, GeneralNameForm, GeneralNames};
pub use information_access::{AccessDescription, AuthorityInfoAccess, SubjectInfoAccess};
pub use name::{Attribute, Name, RelativeDistinguishedName};
pub use name_constraints::{GeneralSubtrees, NameConstraints};
pub use ocsp::{BasicOcspResponse, OcspErrorStatus, OcspResponse, ResponderId};
pub use ocsp_request::{NonceLengthError, OcspRequest};
pub use ocsp_single::{CertId, CertIdHash, CertStatus, SingleResponse, SingleResponses};
pub use oid::{Oid, OwnedOid, ParseOidError};
pub use pem::{
    PemBlock, PemBlocks, certificates, certificates_from_pem_or_der, crls_from_pem_or_der,
};
pub use pem_error::{PemError, PemErrorKind, PemLabel};
pub use policies::{
    CertificatePolicies, InhibitAnyPolicy, PolicyConstraints, PolicyInformation, PolicyMapping,
    PolicyMappings,
};
pub use sct::{SctList, SignedCertificateTimestamp};
pub use spki::SubjectPublicKeyInfo;
pub(crate) use text::write_hex;
pub use time::{ParseTimeError, Time};
