//! What was decided a moment ago, so that one handshake asks once.
//!
//! A stack asks a verifier about a chain, and later hands the application a connection with the same
//! chain; the two are joined by what they have in common: the chain, and what was required of it. An
//! entry is a ruling, which is asked whether it still holds: nothing that it rests on has changed since,
//! in trust, policy, evidence or time. So a hit is what deciding again would yield; whatever does not
//! hold or is missing is decided again.
//!
//! Only acceptances are kept: a stranger without a certificate that is accepted cannot push anything
//! out.

use alloc::sync::Arc;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use super::bounded::Bounded;
use crate::live::{Ruling, Standing};
use crate::x509::Time;

/// The SHA-256 of a chain of certificates as a peer presented them, each with its length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainDigest([u8; 32]);

impl ChainDigest {
    /// The digest of a chain, the peer's own certificate first, such as `peer_certificates()`.
    #[must_use]
    pub fn of(chain: &[CertificateDer<'_>]) -> Self {
        Self::of_parts(chain.iter().map(AsRef::as_ref))
    }

    pub(crate) fn of_parts<'c>(chain: impl Iterator<Item = &'c [u8]>) -> Self {
        let mut hash = Sha256::new();
        for certificate in chain {
            hash.update(u64::try_from(certificate.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(certificate);
        }
        Self(hash.finalize().into())
    }

    pub(crate) const fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Returns the octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ChainDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for ChainDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A chain and what was required of it. Role, label and matcher are those of the verifier that the
/// table belongs to.
pub(crate) type Key = (ChainDigest, Arc<str>);

/// An acceptance.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) ruling: Ruling,
    /// The OCSP response that came with the chain: a connection does not keep it.
    pub(crate) staple: Option<Arc<[u8]>>,
}

/// Acceptances by chain and requirement.
pub(crate) struct Table(Mutex<Bounded<Key, Accepted>>);

/// What is in the table.
pub(crate) enum Found {
    /// An acceptance that holds.
    Holds(Ruling),
    /// One that must be decided again, with the OCSP response that came with the chain.
    Outdated(Option<Arc<[u8]>>),
    Nothing,
}

impl Table {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Mutex::new(Bounded::with_capacity(capacity)))
    }

    pub(crate) fn find(&self, key: &Key, now: Time) -> Found {
        let Some(found) = self.lock().get(key).cloned() else { return Found::Nothing };
        match found.ruling.ask(now) {
            Standing::Current => Found::Holds(found.ruling),
            Standing::Lapsed(_) | Standing::AskAgain => Found::Outdated(found.staple),
        }
    }

    pub(crate) fn insert(&self, key: Key, accepted: Accepted) {
        self.lock().insert(key, accepted);
    }

    pub(crate) fn remove(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, Bounded<Key, Accepted>> {
        // What a panic elsewhere could leave behind is an entry less.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("capacity", &self.lock().capacity()).finish_non_exhaustive()
    }
}
