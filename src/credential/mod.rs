//! Own credentials: keys, chains, the handle that serves them and the schedule that renews them.
//!
//! Expired certificates, torn key and certificate pairs, silent watchers and retry storms are how
//! services fail. This room holds what a workload presents about itself, and makes the wrong states
//! unreachable rather than unlikely:
//!
//! - A [`CredentialKey`] signs; a [`KeyStore`] finds it. Memory ([`SoftwareKey`]), tokens and other
//!   processes stand behind the same two traits.

mod chain;
#[expect(clippy::module_inception, reason = "the room is named after its first type")]
mod credential;
mod error;
mod key;
mod key_error;
mod possession;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod private_key;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod software;
mod store;

pub use credential::{Credential, CredentialChecks};
pub use error::CredentialError;
pub use key::{CredentialKey, SignError};
pub use key_error::KeyError;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "ring", feature = "aws-lc-rs"))))]
pub use software::SoftwareKey;
pub use store::{KeySelector, KeyStore, KeyStoreError, MemoryKeyStore};
