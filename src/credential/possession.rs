//! Proof of possession: a signature made with the key and verified with the leaf.
//!
//! That two public keys are equal proves nothing of the private half (tokens and key files can hold
//! halves that do not match), and a token may not know its public half at all. A signature is the one
//! check that covers both, and it shows at the same time that the key can be used: that its token is
//! there and unlocked.
//!
//! What is signed begins with text of its own, which no protocol signs (TLS 1.3 begins with 64 spaces,
//! RFC 8446 section 4.4.3; certificates and revocation lists with a SEQUENCE), and never leaves this
//! process.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::{CredentialError, CredentialKey};
use crate::policy::ValidationPolicy;
use crate::signature::{KeyAlgorithm, Message, PublicKey, SignatureBackend, SignatureError};
use crate::x509::{Certificate, SubjectPublicKeyInfo};

const SEPARATOR: &[u8] = b"bonafide: proof of possession, version 1\0";

/// Verifies that `key` is the private half of `leaf`'s key.
pub(super) fn prove(
    leaf: &Certificate<'_>,
    key: &dyn CredentialKey,
    policy: &ValidationPolicy,
    backend: &dyn SignatureBackend,
) -> Result<(), CredentialError> {
    let malformed = |error| CredentialError::Malformed { depth: 0, error };
    let spki = leaf.subject_public_key_info().map_err(malformed)?;
    let message = message(leaf);
    let mut unsupported = None;
    for algorithm in usable(key, &spki, policy) {
        let Some(identifier) = algorithm.identifier() else { continue };
        let signature = key.sign(algorithm, &message).map_err(CredentialError::Sign)?;
        match backend.verify(PublicKey::new(spki), identifier, &Message::new(&message), &signature)
        {
            Ok(()) => return Ok(()),
            Err(
                error @ (SignatureError::UnsupportedAlgorithm | SignatureError::UnsupportedKey),
            ) => {
                unsupported.get_or_insert(error);
            }
            Err(_) => return Err(CredentialError::KeyMismatch),
        }
    }
    match unsupported {
        Some(error) => Err(CredentialError::ProofUnsupported(error)),
        // What the key is for tells a torn pair from a key that is of no use.
        None if !key.algorithms().is_empty() && key.public_key() != spki.der() => {
            Err(CredentialError::KeyMismatch)
        }
        None => Err(CredentialError::NoAlgorithm),
    }
}

/// The algorithms of `key` that go with the leaf's key and that the policy allows.
fn usable<'k>(
    key: &'k dyn CredentialKey,
    spki: &SubjectPublicKeyInfo<'_>,
    policy: &'k ValidationPolicy,
) -> impl Iterator<Item = crate::signature::SignatureAlgorithm> + use<'k> {
    let kind = KeyAlgorithm::classify(spki);
    key.algorithms().iter().copied().filter(move |&algorithm| {
        kind.fits(algorithm)
            && algorithm
                .identifier()
                .is_some_and(|identifier| policy.algorithms.check_signature(identifier).is_ok())
    })
}

fn message(leaf: &Certificate<'_>) -> Vec<u8> {
    [SEPARATOR, &Sha256::digest(leaf.as_der())].concat()
}
