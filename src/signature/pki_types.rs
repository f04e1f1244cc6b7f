//! A backend over any list of `rustls_pki_types::SignatureVerificationAlgorithm`, such as the one
//! of a rustls `CryptoProvider`.
//!
//! Such an algorithm names the identifiers of key and signature that it takes, parameters included,
//! byte for byte; several may name the same pair (rustls lists one for each range of RSA sizes) and
//! all of them are tried. What this crate's own backends know beyond that (absent NULL parameters of
//! RSA, restricted RSASSA-PSS keys) works as far as the list names it.

use rustls_pki_types::SignatureVerificationAlgorithm;

use super::{KeyAlgorithm, Message, PublicKey, SignatureBackend, SignatureError};
use crate::x509::AlgorithmIdentifier;

/// Verifies with a list of algorithms.
#[derive(Clone, Copy, Debug)]
pub struct PkiTypesBackend {
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
}

impl PkiTypesBackend {
    /// Takes the algorithms, in the order in which they are tried.
    #[must_use]
    pub const fn new(algorithms: &'static [&'static dyn SignatureVerificationAlgorithm]) -> Self {
        Self { algorithms }
    }
}

impl SignatureBackend for PkiTypesBackend {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let spki = key.spki();
        let mut error = SignatureError::UnsupportedAlgorithm;
        for candidate in self.algorithms {
            if candidate.signature_alg_id().as_ref() != algorithm.der() {
                continue;
            }
            if candidate.public_key_alg_id().as_ref() != spki.algorithm().der() {
                if error != SignatureError::Invalid {
                    error = SignatureError::KeyMismatch;
                }
                continue;
            }
            // These algorithms get the octets of the key only; a key that is not what its own
            // algorithm asks for does not reach them.
            if KeyAlgorithm::classify(&spki) == KeyAlgorithm::Malformed {
                return Err(SignatureError::MalformedKey);
            }
            if candidate.verify_signature(spki.key(), message.octets(), signature).is_ok() {
                return Ok(());
            }
            error = SignatureError::Invalid;
        }
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::super::vectors::{self, MESSAGE};
    use super::*;
    use crate::x509::SubjectPublicKeyInfo;
    use rustls_pki_types::{AlgorithmIdentifier as Identifier, InvalidSignature, alg_id};

    /// Holds where the signature's first octet is `first`.
    #[derive(Debug)]
    struct FirstOctet {
        key: Identifier,
        signature: Identifier,
        first: u8,
    }

    impl SignatureVerificationAlgorithm for FirstOctet {
        fn verify_signature(
            &self,
            _: &[u8],
            _: &[u8],
            signature: &[u8],
        ) -> Result<(), InvalidSignature> {
            if signature.first() == Some(&self.first) { Ok(()) } else { Err(InvalidSignature) }
        }

        fn public_key_alg_id(&self) -> Identifier {
            self.key
        }

        fn signature_alg_id(&self) -> Identifier {
            self.signature
        }
    }

    const fn curve(first: u8) -> FirstOctet {
        FirstOctet { key: alg_id::ECDSA_P256, signature: alg_id::ECDSA_SHA256, first }
    }

    static BACKEND: PkiTypesBackend = PkiTypesBackend::new(&[
        &curve(1),
        &curve(2),
        &FirstOctet { key: alg_id::ECDSA_P384, signature: alg_id::ECDSA_SHA256, first: 3 },
    ]);

    #[test]
    fn identifiers_select_and_all_that_match_are_tried() {
        let p256 = vectors::named("p-256 ecdsa-sha256");
        let p384 = vectors::named("p-384 ecdsa-sha384");
        let rsa = vectors::named("rsa-2048 rsa-pkcs1-sha256");
        for (case, key, algorithm, signature, expected) in [
            ("first", &p256, &p256, 1, Ok(())),
            ("second", &p256, &p256, 2, Ok(())),
            ("none", &p256, &p256, 4, Err(SignatureError::Invalid)),
            ("of another key", &p256, &p256, 3, Err(SignatureError::Invalid)),
            ("other key", &p384, &p256, 3, Ok(())),
            ("unlisted key", &rsa, &p256, 1, Err(SignatureError::KeyMismatch)),
            ("unlisted algorithm", &p256, &p384, 1, Err(SignatureError::UnsupportedAlgorithm)),
        ] {
            let found = BACKEND.verify(
                key.key(),
                algorithm.algorithm(),
                &Message::new(MESSAGE),
                &[signature],
            );
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn malformed_keys_are_not_passed_on() {
        let p256 = vectors::named("p-256 ecdsa-sha256");
        let mut spki = p256.spki.clone();
        spki[26] = 0x06;
        let key = PublicKey::new(SubjectPublicKeyInfo::from_der(&spki).unwrap());
        assert_eq!(
            BACKEND.verify(key, p256.algorithm(), &Message::new(MESSAGE), &[1]),
            Err(SignatureError::MalformedKey)
        );
    }
}
