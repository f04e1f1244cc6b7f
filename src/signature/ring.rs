//! A backend over [`ring`](https://docs.rs/ring).
//!
//! RSA PKCS#1 with SHA-1, SHA-256 and SHA-512 from 1024 bits, with SHA-384 and RSASSA-PSS from 2048
//! bits, up to 8192; ECDSA with SHA-256 and SHA-384 on P-256 and P-384, uncompressed points only;
//! Ed25519. No P-521, no ECDSA with SHA-512, no ML-DSA, and no way to keep a key parsed. Public
//! exponents have at most 33 bits.

use ring::signature::{UnparsedPublicKey, VerificationAlgorithm};

use super::backend::{choose_verifier, recognize};
use super::{
    KeyAlgorithm, Message, PublicKey, SignatureAlgorithm, SignatureBackend, SignatureError,
};
use crate::x509::AlgorithmIdentifier;

/// Verifies with `ring`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RingBackend;

impl RingBackend {
    /// The backend; it has no state.
    pub const NEW: Self = Self;
}

impl SignatureBackend for RingBackend {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let octets = key.spki().key();
        let kind = KeyAlgorithm::classify(&key.spki());
        let verifier = verifier(kind, octets, recognize(kind, algorithm)?)?;
        UnparsedPublicKey::new(verifier, octets)
            .verify(message.octets(), signature)
            .map_err(|_| SignatureError::Invalid)
    }
}

fn verifier(
    kind: KeyAlgorithm,
    octets: &[u8],
    algorithm: SignatureAlgorithm,
) -> Result<&'static dyn VerificationAlgorithm, SignatureError> {
    choose_verifier!(ring, (kind, algorithm), {
        (K::P256 | K::P384, _) if octets.first() != Some(&0x04) => {
            return Err(SignatureError::UnsupportedKey);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;

    #[test]
    fn agrees_with_openssl() {
        vectors::run(&RingBackend::NEW, |name| match name {
            "p-256 ecdsa-sha1" | "p-256 ecdsa-sha512" | "p-384 ecdsa-sha512" => {
                Err(SignatureError::UnsupportedAlgorithm)
            }
            _ if name.starts_with("p-521") => Err(SignatureError::UnsupportedKey),
            _ => Ok(()),
        });
    }

    #[test]
    fn small_rsa_keys_are_for_some_algorithms_only() {
        let small =
            KeyAlgorithm::classify(&vectors::named("rsa-1024 rsa-pkcs1-sha256").key().spki());
        for (algorithm, supported) in [
            (SignatureAlgorithm::RsaPkcs1Sha256, true),
            (SignatureAlgorithm::RsaPkcs1Sha384, false),
            (SignatureAlgorithm::RsaPssSha256, false),
        ] {
            let found = verifier(small, &[], algorithm).map(|_| ());
            let expected = if supported { Ok(()) } else { Err(SignatureError::UnsupportedKey) };
            assert_eq!(found, expected, "{algorithm}");
        }
    }

    #[test]
    fn compressed_points_are_not_supported() {
        let vector = vectors::named("p-256 ecdsa-sha256");
        let message = Message::new(vectors::MESSAGE);
        let compressed = vector.compressed_spki();
        let key = PublicKey::new(crate::x509::SubjectPublicKeyInfo::from_der(&compressed).unwrap());
        assert_eq!(
            RingBackend::NEW.verify(key, vector.algorithm(), &message, &vector.signature),
            Err(SignatureError::UnsupportedKey)
        );
    }
}
