//! The memo of verified signatures.
//!
//! That a signature verifies is mathematics: it does not expire, is not revoked and does not depend
//! on who asks. So it is remembered by a hash over everything that goes into it, and nothing else is
//! remembered: no certificate, no path, no verdict. Time, names, policy, key usage and revocation are
//! judged afresh each time, and a signature that was found under one trust domain helps no other one
//! to accept anything. Failures are not remembered, so that a stranger cannot fill a memo.
//!
//! [`MemoKey`] is SHA-256 over a separator with a version and, each with its length, the algorithm,
//! the issuer's whole SubjectPublicKeyInfo with inherited parameters, the signature and the SHA-256 of
//! the signed octets, which a backend that verifies from a digest needs as well. Keys are compared whole; two inputs with one key are a SHA-256 collision.
//!
//! What a memo says is believed. Share one only between verifiers whose backends are trusted alike:
//! a backend that accepts what is false makes it true for all of them.

use core::fmt;

use sha2::{Digest, Sha256};

use super::{Message, PublicKey};
use crate::x509::{AlgorithmIdentifier, write_hex};

/// Remembers signatures that verified.
///
/// A memo may forget at any time. It must not invent: `contains` is true only for keys inserted
/// before, all 32 octets compared.
pub trait SignatureMemo: fmt::Debug + Send + Sync {
    /// Says whether this signature is remembered.
    fn contains(&self, key: &MemoKey) -> bool;

    /// Remembers a signature that verified.
    fn insert(&self, key: MemoKey);
}

/// What a verified signature is remembered by.
///
/// Only this crate makes them, so that what is inserted was verified.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoKey([u8; 32]);

const SEPARATOR: &[u8] = b"bonafide 2";

impl MemoKey {
    /// Hashes everything that goes into one verification; allocates nothing.
    pub(crate) fn new(
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Self {
        let mut hash = Sha256::new();
        hash.update(SEPARATOR);
        // Absent and empty differ: an encoding is never empty, so absence is the empty string.
        let inherited = key.inherited_parameters().unwrap_or(&[]);
        let signed = message.sha256();
        for field in [algorithm.der(), key.spki().der(), inherited, signature, &signed] {
            // What was read as DER is shorter than 2³¹ octets, and signatures and keys stand in it.
            hash.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
            hash.update(field);
        }
        Self(hash.finalize().into())
    }

    /// Returns the octets, uniformly distributed.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MemoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoKey(")?;
        write_hex(f, &self.0)?;
        f.write_str(")")
    }
}

#[cfg(target_has_atomic = "64")]
pub use shared::SharedMemo;

#[cfg(target_has_atomic = "64")]
mod shared;

#[cfg(test)]
mod tests {
    use super::super::vectors::{self, MESSAGE};
    use super::*;
    use crate::x509::SubjectPublicKeyInfo;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    #[test]
    fn every_input_changes_the_key() {
        let vector = vectors::named("p-256 ecdsa-sha256");
        let second = vectors::named("p-256 second ecdsa-sha256");
        let other = vectors::named("p-256 ecdsa-sha384");
        let key = vector.key();
        let algorithm = vector.algorithm();
        let base = MemoKey::new(key, algorithm, &Message::new(MESSAGE), &vector.signature);
        assert_eq!(base, MemoKey::new(key, algorithm, &Message::new(MESSAGE), &vector.signature));
        let moved: Vec<u8> = [&vector.signature[..], &MESSAGE[..1]].concat();
        let keys: BTreeSet<MemoKey> = [
            base,
            MemoKey::new(second.key(), algorithm, &Message::new(MESSAGE), &vector.signature),
            MemoKey::new(key, other.algorithm(), &Message::new(MESSAGE), &vector.signature),
            MemoKey::new(key, algorithm, &Message::new(b"another"), &vector.signature),
            MemoKey::new(key, algorithm, &Message::new(MESSAGE), &second.signature),
            MemoKey::new(key, algorithm, &Message::new(&MESSAGE[1..]), &moved),
        ]
        .into();
        assert_eq!(keys.len(), 6);
    }

    #[test]
    fn inherited_parameters_change_the_key() {
        let issuer = |parameter| {
            [0x30, 0x0c, 0x30, 0x06, 0x06, 0x01, 0x2a, 0x04, 0x01, parameter, 0x03, 0x02, 0, 1]
        };
        let subject = [0x30, 0x09, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x03, 0x02, 0x00, 0x01];
        let subject = SubjectPublicKeyInfo::from_der(&subject).unwrap();
        let (one, two) = (issuer(1), issuer(2));
        let under = |issuer| {
            let issuer = PublicKey::new(SubjectPublicKeyInfo::from_der(issuer).unwrap());
            MemoKey::new(issuer.issued(subject), subject.algorithm(), &Message::new(MESSAGE), &[])
        };
        let alone =
            MemoKey::new(PublicKey::new(subject), subject.algorithm(), &Message::new(MESSAGE), &[]);
        assert_ne!(under(&one), under(&two));
        assert_ne!(under(&one), alone);
    }
}
