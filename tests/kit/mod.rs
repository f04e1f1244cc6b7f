//! The test kit: writes every certificate, CRL and OCSP response that a test wants, right or wrong.
//!
//! It knows nothing of the library and shares no code with it: the library reads DER, the kit writes
//! it. Integration tests say `mod kit;`, everything else `#[path = "../tests/kit/mod.rs"] mod kit;`.
//! It needs `ring` and `sha2`; P-521 and ML-DSA keys come with the feature `aws-lc-rs`.
//!
//! ```ignore
//! let estate = Estate::new();
//! let other = estate.leaf_for(&[GeneralName::uri("spiffe://example.org/other")]);
//! let wrong = CertificateBuilder::authority(&Name::cn("CA"), &Key::toy(7))
//!     .with(ext::basic_constraints(true, Some(0)))   // a second one
//!     .validity(NOW + 1, FAR)
//!     .issued_by(&estate.root);
//! ```
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each user takes the part it needs")]
#![allow(
    clippy::as_conversions,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::should_implement_trait,
    clippy::unwrap_used,
    missing_docs,
    reason = "test code"
)]

pub mod certificate;
pub mod crl;
pub mod der;
pub mod ext;
pub mod key;
pub mod name;
pub mod ocsp;
pub mod rng;

pub use certificate::{Authority, CertificateBuilder, When};
pub use crl::{CrlBuilder, Revoked};
pub use ext::Extension;
pub use key::{Key, Kind};
pub use name::{Attribute, GeneralName, Name, StringType};
pub use ocsp::{IdHash, OcspResponseBuilder, Responder, SingleResponse, Status};
pub use rng::Rng;

/// 2020-01-01T00:00:00Z, where the periods of all builders begin.
pub const LONG_AGO: i64 = 1_577_836_800;
/// 2026-07-01T00:00:00Z, the time of tests.
pub const NOW: i64 = 1_782_864_000;
/// 2040-01-01T00:00:00Z, where the periods of all builders end.
pub const FAR: i64 = 2_208_988_800;

/// A root (serial number 1), an intermediate (2) and a leaf (3) that should be accepted at [`NOW`].
#[derive(Clone, Debug)]
pub struct Estate {
    pub root: Authority,
    pub intermediate: Authority,
    pub leaf: Vec<u8>,
    pub leaf_key: Key,
}

impl Estate {
    /// Ed25519 keys, the leaf named `leaf.example.test`: the same bytes each time.
    pub fn new() -> Self {
        Estate::seeded(0)
    }

    /// Another estate of the same names with other keys.
    pub fn seeded(seed: u64) -> Self {
        let keys = [0, 1, 2].map(|number| Key::new(Kind::Ed25519, seed * 3 + number));
        Estate::of(keys, &[GeneralName::dns("leaf.example.test")])
    }

    /// Keys of root, intermediate and leaf; names of the leaf.
    pub fn of([root, intermediate, leaf_key]: [Key; 3], names: &[GeneralName]) -> Self {
        let root = Authority::root(&Name::cn("Example Root"), &root);
        let intermediate =
            root.intermediate(&Name::cn("Example Intermediate"), &intermediate, |builder| {
                builder.serial(&[2]).replace(ext::basic_constraints(true, Some(0)))
            });
        let leaf =
            intermediate.leaf(&Name::cn("Example Leaf"), &leaf_key, names, |b| b.serial(&[3]));
        Estate { root, intermediate, leaf, leaf_key }
    }

    /// Another leaf of the same key and serial number.
    pub fn leaf_for(&self, names: &[GeneralName]) -> Vec<u8> {
        self.intermediate.leaf(&Name::cn("Example Leaf"), &self.leaf_key, names, |b| b.serial(&[3]))
    }

    /// What the peer presents: the leaf, then the intermediate.
    pub fn chain(&self) -> Vec<Vec<u8>> {
        vec![self.leaf.clone(), self.intermediate.certificate.clone()]
    }
}

/// PEM of one certificate.
pub fn certificate_pem(der: &[u8]) -> String {
    der::pem("CERTIFICATE", der)
}
