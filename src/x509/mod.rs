//! Bytes to types: certificates, names, extensions.
//!
//! This room reads DER strictly and in place. It knows no policy, no clock and no trust.

mod algorithm;
pub(crate) mod der;
pub(crate) mod oid;
mod spki;
mod time;

pub use algorithm::AlgorithmIdentifier;
pub use der::{DerError, DerErrorKind, Tag};
pub use oid::{Oid, OwnedOid, ParseOidError};
pub use spki::SubjectPublicKeyInfo;
pub use time::{ParseTimeError, Time};
