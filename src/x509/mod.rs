//! Bytes to types: certificates, names, extensions.
//!
//! This room reads DER strictly and in place. It knows no policy, no clock and no trust.

pub(crate) mod der;
pub(crate) mod oid;
mod pem;
mod time;

pub use der::{DerError, DerErrorKind, Tag};
pub use oid::{Oid, OwnedOid, ParseOidError};
pub use pem::{
    PemBlock, PemBlocks, PemError, PemErrorKind, PemLabel, certificates,
    certificates_from_pem_or_der, crls_from_pem_or_der,
};
pub use time::{ParseTimeError, Time};
