//! Bytes to types: certificates, names, extensions.
//!
//! This room reads DER strictly and in place. It knows no policy, no clock and no trust.

mod certificate;
mod algorithm;
pub(crate) mod der;
mod extension;
mod general_name;
pub(crate) mod name;
mod name_constraints;
pub(crate) mod oid;
mod text;
mod policies;
mod time;

pub use certificate::{
    Certificate, CertificateError, CertificateErrorKind, Field, OwnedCertificate, Version,
};
mod spki;
mod time;

pub use algorithm::AlgorithmIdentifier;
pub use der::{DerError, DerErrorKind, Tag};
pub use extension::{BasicConstraints, Extension, ExtensionKind, KeyUsage};
pub use general_name::{GeneralName, GeneralNameForm, GeneralNames};
pub use name::{Attribute, Name, RelativeDistinguishedName};
pub use name_constraints::{GeneralSubtrees, NameConstraints};
pub use oid::{Oid, OwnedOid, ParseOidError};
pub use policies::{
    CertificatePolicies, InhibitAnyPolicy, PolicyConstraints, PolicyInformation, PolicyMapping,
    PolicyMappings,
};
pub use spki::SubjectPublicKeyInfo;
pub use time::{ParseTimeError, Time};
