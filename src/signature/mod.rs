//! Signatures: the backend trait, algorithm sets, key and algorithm policy, the memo.
//!
//! The floor of a decision's cost is its signature checks, and most of what can go wrong with them
//! is decided before any arithmetic. Three questions, in this order:
//!
//! 1. *Is it allowed?* [`AlgorithmPolicy`] names the algorithm and the key exactly
//!    ([`SignatureAlgorithm`], [`KeyAlgorithm`]) and refuses what the relying party does not want,
//!    oversized RSA keys included.
//! 2. *Is it known to hold?* [`SignatureMemo`] remembers signatures that verified, by a
//!    [`MemoKey`] over everything that went into them. It holds mathematics, never a verdict.
//! 3. *Does it hold?* A [`SignatureBackend`] answers, with a [`PreparedKey`] where the issuer's key
//!    was parsed before.
//!
//! Whether the issuer may sign at all, for whom and until when, other rooms decide. Backends:
//! `RingBackend` (feature `ring`), `AwsLcBackend` (feature `aws-lc-rs`: P-521, more ECDSA
//! hashes, ML-DSA, prepared keys), [`PkiTypesBackend`] over any list of
//! `rustls_pki_types::SignatureVerificationAlgorithm`, or one's own.

mod algorithm;
#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
mod backend;
mod check;
mod identifier;
#[cfg(feature = "std")]
mod kept;
mod key;
mod memo;
mod message;
mod pki_types;
mod policy;
#[cfg(feature = "ring")]
mod ring;
#[cfg(test)]
mod vectors;

pub use algorithm::SignatureAlgorithm;
#[cfg(feature = "aws-lc-rs")]
#[cfg_attr(docsrs, doc(cfg(feature = "aws-lc-rs")))]
pub use aws_lc::AwsLcBackend;
pub use backend::{PreparedKey, PublicKey, SignatureBackend, SignatureError};
pub(crate) use check::SignatureCheck;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use kept::KeptKeys;
pub use key::{KeyAlgorithm, KeyKind};
#[cfg(target_has_atomic = "64")]
pub use memo::SharedMemo;
pub use memo::{MemoKey, SignatureMemo};
pub use message::Message;
pub use pki_types::PkiTypesBackend;
pub use policy::{AlgorithmPolicy, AlgorithmRefused};
#[cfg(feature = "ring")]
#[cfg_attr(docsrs, doc(cfg(feature = "ring")))]
pub use ring::RingBackend;

/// Returns the backend that comes with the features chosen: `ring` where it is on, so that adding
/// `aws-lc-rs` changes nothing for who did not ask for it.
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "ring", feature = "aws-lc-rs"))))]
#[must_use]
pub fn default_backend() -> &'static dyn SignatureBackend {
    #[cfg(feature = "ring")]
    return &RingBackend::NEW;
    #[cfg(not(feature = "ring"))]
    return &AwsLcBackend::NEW;
}
