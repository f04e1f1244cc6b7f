//! A backend over [`aws-lc-rs`](https://docs.rs/aws-lc-rs), with keys kept parsed.
//!
//! RSA PKCS#1 with SHA-1, SHA-256 and SHA-512 from 1024 bits, with SHA-384 and RSASSA-PSS from 2048
//! bits, up to 8192; ECDSA with SHA-256, SHA-384 and SHA-512 on P-256, P-384 and P-521, with SHA-1
//! on P-256 and P-521; Ed25519; ML-DSA-44, -65 and -87 (FIPS 204, pure, empty context, as RFC 9881
//! section 3 asks for).
//!
//! Where an algorithm signs a digest, the digest is computed first and the signature verified over it:
//! that costs less than to have both done in one call, and the memo needs the same digest.
//!
//! A parsed key of `aws-lc-rs` is bound to one signature algorithm, hash included. A prepared key
//! here therefore holds one for each algorithm that fits it, parsed at first use; the one that
//! issuers use most is parsed at once, so that a key which cannot be parsed is not prepared.

use alloc::boxed::Box;
use alloc::sync::Arc;
use std::sync::OnceLock;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm};

use super::backend::{choose_verifier, recognize};
use super::{
    KeyAlgorithm, Message, PreparedKey, PublicKey, SignatureAlgorithm, SignatureBackend,
    SignatureError,
};
use crate::x509::AlgorithmIdentifier;

/// Verifies with `aws-lc-rs`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AwsLcBackend;

impl AwsLcBackend {
    /// The backend; it has no state.
    pub const NEW: Self = Self;
}

impl SignatureBackend for AwsLcBackend {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let kind = KeyAlgorithm::classify(&key.spki());
        let algorithm = recognize(kind, algorithm)?;
        let key = UnparsedPublicKey::new(verifier(kind, algorithm)?, octets(kind, key));
        match digest(algorithm, message) {
            Some(digest) => key.verify_digest(&digest, signature),
            None => key.verify(message.octets(), signature),
        }
        .map_err(|_| SignatureError::Invalid)
    }

    fn prepare(&self, key: PublicKey<'_>) -> Option<Arc<dyn PreparedKey>> {
        let kind = KeyAlgorithm::classify(&key.spki());
        let slots = usual_algorithms(kind)
            .iter()
            .map(|&algorithm| Slot { algorithm, parsed: OnceLock::new() })
            .collect();
        let prepared = Prepared { kind, octets: octets(kind, key).into(), slots };
        let first = prepared.slots.first()?;
        first.parsed(kind, &prepared.octets).ok()?;
        Some(Arc::new(prepared))
    }
}

/// The form of a key that is parsed fastest: of elliptic curves the whole SubjectPublicKeyInfo, which
/// is what `aws-lc-rs` looks for first.
const fn octets<'a>(kind: KeyAlgorithm, key: PublicKey<'a>) -> &'a [u8] {
    match kind {
        KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::P521 => key.spki().der(),
        _ => key.spki().key(),
    }
}

/// The digest of the message, for algorithms that sign one.
fn digest(algorithm: SignatureAlgorithm, message: &Message<'_>) -> Option<Digest> {
    use SignatureAlgorithm as S;
    let digest = match algorithm {
        S::EcdsaSha256 | S::RsaPkcs1Sha256 | S::RsaPssSha256 => {
            return Digest::import_less_safe(&message.sha256(), &digest::SHA256).ok();
        }
        S::EcdsaSha384 | S::RsaPkcs1Sha384 | S::RsaPssSha384 => &digest::SHA384,
        S::EcdsaSha512 | S::RsaPkcs1Sha512 | S::RsaPssSha512 => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(digest, message.octets()))
}

/// The algorithms that a prepared key of this kind holds itself ready for, the most usual first.
fn usual_algorithms(kind: KeyAlgorithm) -> &'static [SignatureAlgorithm] {
    use SignatureAlgorithm as S;
    match kind {
        KeyAlgorithm::Rsa { .. } => &[
            S::RsaPkcs1Sha256,
            S::RsaPkcs1Sha384,
            S::RsaPkcs1Sha512,
            S::RsaPssSha256,
            S::RsaPssSha384,
            S::RsaPssSha512,
            S::RsaPkcs1Sha1,
        ],
        KeyAlgorithm::RsaPss { only: Some(S::RsaPssSha512), .. } => &[S::RsaPssSha512],
        KeyAlgorithm::RsaPss { only: Some(S::RsaPssSha384), .. } => &[S::RsaPssSha384],
        KeyAlgorithm::RsaPss { only: Some(_), .. } => &[S::RsaPssSha256],
        KeyAlgorithm::RsaPss { only: None, .. } => {
            &[S::RsaPssSha256, S::RsaPssSha384, S::RsaPssSha512]
        }
        KeyAlgorithm::P256 => &[S::EcdsaSha256, S::EcdsaSha384, S::EcdsaSha512, S::EcdsaSha1],
        KeyAlgorithm::P384 => &[S::EcdsaSha384, S::EcdsaSha256, S::EcdsaSha512],
        KeyAlgorithm::P521 => &[S::EcdsaSha512, S::EcdsaSha384, S::EcdsaSha256, S::EcdsaSha1],
        KeyAlgorithm::Ed25519 => &[S::Ed25519],
        KeyAlgorithm::MlDsa44 => &[S::MlDsa44],
        KeyAlgorithm::MlDsa65 => &[S::MlDsa65],
        KeyAlgorithm::MlDsa87 => &[S::MlDsa87],
        _ => &[],
    }
}

#[derive(Debug)]
struct Prepared {
    kind: KeyAlgorithm,
    octets: Box<[u8]>,
    slots: Box<[Slot]>,
}

/// One algorithm, and the key parsed for it once somebody asked.
#[derive(Debug)]
struct Slot {
    algorithm: SignatureAlgorithm,
    parsed: OnceLock<Result<ParsedPublicKey, SignatureError>>,
}

impl Slot {
    fn parsed(
        &self,
        kind: KeyAlgorithm,
        octets: &[u8],
    ) -> Result<&ParsedPublicKey, SignatureError> {
        self.parsed
            .get_or_init(|| {
                // A key that does not parse verifies nothing, as without preparation.
                ParsedPublicKey::new(verifier(kind, self.algorithm)?, octets)
                    .map_err(|_| SignatureError::Invalid)
            })
            .as_ref()
            .map_err(|error| *error)
    }
}

impl PreparedKey for Prepared {
    fn verify(
        &self,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let algorithm = recognize(self.kind, algorithm)?;
        let Some(slot) = self.slots.iter().find(|slot| slot.algorithm == algorithm) else {
            return Err(SignatureError::UnsupportedAlgorithm);
        };
        let key = slot.parsed(self.kind, &self.octets)?;
        match digest(algorithm, message) {
            Some(digest) => key.verify_digest_sig(&digest, signature),
            None => key.verify_sig(message.octets(), signature),
        }
        .map_err(|_| SignatureError::Invalid)
    }
}

fn verifier(
    kind: KeyAlgorithm,
    algorithm: SignatureAlgorithm,
) -> Result<&'static dyn VerificationAlgorithm, SignatureError> {
    choose_verifier!(aws_lc_rs, (kind, algorithm), {
        (K::P256, S::EcdsaSha1) => (&s::ECDSA_P256_SHA1_ASN1, 0),
        (K::P256, S::EcdsaSha512) => (&s::ECDSA_P256_SHA512_ASN1, 0),
        (K::P384, S::EcdsaSha512) => (&s::ECDSA_P384_SHA512_ASN1, 0),
        (K::P521, S::EcdsaSha1) => (&s::ECDSA_P521_SHA1_ASN1, 0),
        (K::P521, S::EcdsaSha256) => (&s::ECDSA_P521_SHA256_ASN1, 0),
        (K::P521, S::EcdsaSha384) => (&s::ECDSA_P521_SHA384_ASN1, 0),
        (K::P521, S::EcdsaSha512) => (&s::ECDSA_P521_SHA512_ASN1, 0),
        (K::MlDsa44, S::MlDsa44) => (&s::ML_DSA_44, 0),
        (K::MlDsa65, S::MlDsa65) => (&s::ML_DSA_65, 0),
        (K::MlDsa87, S::MlDsa87) => (&s::ML_DSA_87, 0),
    })
}

#[cfg(test)]
mod tests {
    use super::super::vectors::{self, MESSAGE};
    use super::*;
    use crate::x509::SubjectPublicKeyInfo;
    use aws_lc_rs::signature::{
        KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
    };

    #[test]
    fn agrees_with_openssl() {
        vectors::run(&AwsLcBackend::NEW, |_| Ok(()));
    }

    #[test]
    fn compressed_points_verify() {
        let vector = vectors::named("p-256 ecdsa-sha256");
        let compressed = vector.compressed_spki();
        let key = PublicKey::new(SubjectPublicKeyInfo::from_der(&compressed).unwrap());
        let verify = |signature: &[u8]| {
            AwsLcBackend::NEW.verify(key, vector.algorithm(), &Message::new(MESSAGE), signature)
        };
        assert_eq!(verify(&vector.signature), Ok(()));
        assert_eq!(verify(&vector.signature[1..]), Err(SignatureError::Invalid));
    }

    #[test]
    fn ml_dsa_verifies() {
        let arcs = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03];
        for (last, signing) in
            [(17, &ML_DSA_44_SIGNING), (18, &ML_DSA_65_SIGNING), (19, &ML_DSA_87_SIGNING)]
        {
            let pair = PqdsaKeyPair::generate(signing).unwrap();
            let mut signature = alloc::vec![0; signing.signature_len()];
            pair.sign(MESSAGE, &mut signature).unwrap();
            let algorithm = [&[0x30, 0x0b, 0x06, 0x09][..], &arcs, &[last]].concat();
            let octets = pair.public_key().as_ref();
            let bits = u16::try_from(octets.len() + 1).unwrap();
            let spki = [
                &[0x30, 0x82][..],
                &(bits + 17).to_be_bytes(),
                &algorithm,
                &[0x03, 0x82],
                &bits.to_be_bytes(),
                &[0],
                octets,
            ]
            .concat();
            let key = PublicKey::new(SubjectPublicKeyInfo::from_der(&spki).unwrap());
            let algorithm = AlgorithmIdentifier::from_der(&algorithm).unwrap();
            let prepared = AwsLcBackend::NEW.prepare(key).unwrap();
            for (case, message, expected) in [
                ("as signed", MESSAGE, Ok(())),
                ("another message", &b"something else"[..], Err(SignatureError::Invalid)),
            ] {
                let message = Message::new(message);
                let found = AwsLcBackend::NEW.verify(key, algorithm, &message, &signature);
                assert_eq!(found, expected, "ML-DSA {last}: {case}");
                let found = prepared.verify(algorithm, &message, &signature);
                assert_eq!(found, expected, "ML-DSA {last} prepared: {case}");
            }
        }
    }

    #[test]
    fn a_point_off_the_curve_is_not_prepared() {
        let vector = vectors::named("p-256 ecdsa-sha256");
        let mut spki = vector.spki.clone();
        *spki.last_mut().unwrap() ^= 1;
        let key = PublicKey::new(SubjectPublicKeyInfo::from_der(&spki).unwrap());
        assert!(AwsLcBackend::NEW.prepare(key).is_none());
        assert_eq!(
            AwsLcBackend::NEW.verify(
                key,
                vector.algorithm(),
                &Message::new(MESSAGE),
                &vector.signature
            ),
            Err(SignatureError::Invalid)
        );
    }
}
