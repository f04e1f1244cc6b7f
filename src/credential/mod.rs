//! Own credentials: keys, chains, the handle that serves them and the schedule that renews them.
//!
//! Expired certificates, torn key and certificate pairs, silent watchers and retry storms are how
//! services fail. This room holds what a workload presents about itself, and makes the wrong states
//! unreachable rather than unlikely:
//!
//! - A [`CredentialKey`] signs; a [`KeyStore`] finds it. Memory (`SoftwareKey`), tokens and other
//!   processes stand behind the same two traits.
//! - A [`Credential`] is a chain and its key after [`CredentialChecks`]: a torn pair, a wrong order or
//!   a profile that peers refuse never becomes one.
//! - A `CredentialHandle` serves a [`CredentialSet`]: readers see all of a publication or nothing of
//!   it, and a failed one leaves what was there. An expired credential is never chosen.
//! - A [`Staple`] is an OCSP response for a leaf of one's own, checked as a peer will check it, and
//!   presented no longer than it holds.
//! - A [`RotationSchedule`] says when to renew, when to try again and when to call for help.
//!
//! Left to the host: asking an issuer, reading files, telling the time. What peers are told to trust is
//! no concern of this room, but may be published in the same instant.

mod chain;
#[expect(clippy::module_inception, reason = "the room is named after its first type")]
mod credential;
mod error;
mod event;
#[cfg(feature = "std")]
mod handle;
mod key;
mod key_error;
#[cfg(feature = "std")]
mod outbox;
mod possession;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod private_key;
mod renewal;
mod schedule;
mod selection;
mod set;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod software;
mod staple;
mod store;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod workload;

pub use credential::{Credential, CredentialChecks};
pub use error::CredentialError;
pub use event::CredentialEvent;
#[cfg(feature = "std")]
pub(crate) use handle::PublicationError;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use handle::{CredentialEvents, CredentialHandle, Draining};
pub use key::{CredentialKey, SignError};
pub use key_error::KeyError;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use outbox::EventQueue;
#[cfg(feature = "std")]
pub(crate) use outbox::{Outbox, lock};
pub use renewal::RenewalPolicy;
pub use schedule::{Action, RotationEvent, RotationSchedule, RotationState, Step, Urgency};
pub use selection::Selection;
pub use set::{CredentialSet, Update};
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "ring", feature = "aws-lc-rs"))))]
pub use software::SoftwareKey;
pub use staple::{Staple, StapleRefused};
pub use store::{KeySelector, KeyStore, KeyStoreError, MemoryKeyStore};
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "ring", feature = "aws-lc-rs"))))]
pub use workload::SvidRefused;
