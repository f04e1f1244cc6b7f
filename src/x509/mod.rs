//! Bytes to types: certificates, names, extensions.
//!
//! This room reads DER strictly and in place. It knows no policy, no clock and no trust.

mod certificate;
pub(crate) mod der;
mod distribution_points;
#[cfg(test)]
pub(crate) mod encode;
mod extension;
mod extension_values;
mod information_access;
pub(crate) mod oid;
mod policies;
mod sct;
mod time;

pub use certificate::{
    Certificate, CertificateError, CertificateErrorKind, Field, OwnedCertificate, Version,
};
pub use der::{DerError, DerErrorKind, Tag};
pub use distribution_points::{
    CrlDistributionPoints, DistributionPoint, DistributionPointNames, FreshestCrl,
};
pub use extension::{BasicConstraints, Extension, ExtensionKind, KeyUsage};
pub use extension_values::{
    AuthorityKeyIdentifier, ExtendedKeyUsage, NoRevAvail, PrivateKeyUsagePeriod,
    SubjectDirectoryAttributes, SubjectKeyIdentifier, UnreadGeneralNames,
};
pub use information_access::{AccessDescription, AuthorityInfoAccess, SubjectInfoAccess};
pub use oid::{Oid, OwnedOid, ParseOidError};
pub use policies::{
    CertificatePolicies, InhibitAnyPolicy, PolicyConstraints, PolicyInformation, PolicyMapping,
    PolicyMappings,
};
pub use sct::{SctList, SignedCertificateTimestamp};
pub use time::{ParseTimeError, Time};
