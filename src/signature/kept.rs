//! A backend that keeps the keys of busy issuers parsed.
//!
//! The anchors of a bundle can be prepared once
//! ([`TrustBundle::prepared_by`](crate::trust::TrustBundle::prepared_by)). Issuers between them and the
//! peers become known as their certificates come: [`KeptKeys`] prepares a key once a signature was
//! found to hold under it, and keeps it while it is in use. The engine asks about keys that are vouched
//! for and no others, so that a stranger's keys are never kept.
//!
//! Keys are found by a few of their octets and compared whole. Keys with inherited parameters are left
//! to the backend.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::{Message, PreparedKey, PublicKey, SignatureBackend, SignatureError};
use crate::table::{SharedTable, tag};
use crate::x509::AlgorithmIdentifier;

/// A backend and the keys that it prepared, a bounded number; shared between threads without a lock.
#[derive(Debug)]
pub struct KeptKeys {
    backend: Arc<dyn SignatureBackend>,
    keys: SharedTable<Kept>,
}

#[derive(Debug)]
struct Kept {
    spki: Box<[u8]>,
    key: Arc<dyn PreparedKey>,
}

impl KeptKeys {
    /// Keeps about `capacity` keys that `backend` prepares, rounded up to a power of two, at least
    /// four. The bound is of the caller's choosing: the issuers whose peers are expected.
    #[must_use]
    pub fn new(backend: Arc<dyn SignatureBackend>, capacity: usize) -> Self {
        Self { backend, keys: SharedTable::with_capacity(capacity) }
    }

    /// Counts the keys that it keeps; looks at the whole table.
    #[must_use]
    pub fn count(&self) -> usize {
        self.keys.count()
    }
}

impl SignatureBackend for KeptKeys {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if key.inherited_parameters().is_some() {
            return self.backend.verify(key, algorithm, message, signature);
        }
        let spki = key.spki().der();
        let tag = tag(spki);
        let is_it = |kept: &Kept| *kept.spki == *spki;
        let verify = |kept: &Kept| kept.key.verify(algorithm, message, signature);
        if let Some(verified) = self.keys.find(tag, is_it, verify) {
            return verified;
        }
        self.backend.verify(key, algorithm, message, signature)?;
        if let Some(prepared) = self.backend.prepare(key) {
            self.keys.insert(tag, Kept { spki: spki.into(), key: prepared });
        }
        Ok(())
    }

    fn prepare(&self, key: PublicKey<'_>) -> Option<Arc<dyn PreparedKey>> {
        self.backend.prepare(key)
    }
}

#[cfg(all(test, feature = "aws-lc-rs"))]
mod tests {
    use super::super::vectors::{self, MESSAGE};
    use super::*;
    use crate::signature::AwsLcBackend;

    #[test]
    fn answers_as_its_backend_does() {
        let kept = KeptKeys::new(Arc::new(AwsLcBackend::NEW), 64);
        for round in 0..2 {
            vectors::run(&kept, |_| Ok(()));
            assert!(kept.count() > 4, "round {round}");
        }
    }

    #[test]
    fn only_keys_under_which_something_held_are_kept() {
        let kept = KeptKeys::new(Arc::new(AwsLcBackend::NEW), 4);
        let vector = vectors::named("p-256 ecdsa-sha256");
        let verify = |message| {
            kept.verify(vector.key(), vector.algorithm(), &Message::new(message), &vector.signature)
        };
        for (case, message, expected, count) in [
            ("false", &b"another"[..], Err(SignatureError::Invalid), 0),
            ("holds", MESSAGE, Ok(()), 1),
            ("holds again", MESSAGE, Ok(()), 1),
            ("false again", b"another", Err(SignatureError::Invalid), 1),
        ] {
            assert_eq!(verify(message), expected, "{case}");
            assert_eq!(kept.count(), count, "{case}");
        }
    }
}
