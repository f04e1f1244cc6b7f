//! Signs with `aws-lc-rs`.

use alloc::vec;
use alloc::vec::Vec;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, PqdsaKeyPair, RsaEncoding,
};

use super::super::KeyError;
use super::super::private_key::{Curve, Material};
use super::RSA_ALGORITHMS;
use crate::signature::SignatureAlgorithm;

/// A key pair in memory of AWS-LC.
pub(super) enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair, SignatureAlgorithm),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair, SignatureAlgorithm),
}

impl Pair {
    pub(super) fn new(material: &Material<'_>) -> Result<Self, KeyError> {
        match *material {
            Material::Rsa { pkcs1 } => RsaKeyPair::from_der(pkcs1).map(Self::Rsa),
            Material::Ec { curve, scalar, public, der } => {
                let (signing, algorithm) = curve_algorithm(curve);
                match public {
                    Some(public) => {
                        EcdsaKeyPair::from_private_key_and_public_key(signing, scalar, public)
                    }
                    None => EcdsaKeyPair::from_private_key_der(signing, der),
                }
                .map(|pair| Self::Ecdsa(pair, algorithm))
            }
            Material::Ed25519 { seed, public } => match public {
                Some(public) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
                None => Ed25519KeyPair::from_seed_unchecked(seed),
            }
            .map(Self::Ed25519),
            Material::MlDsa { set, pkcs8 } => {
                let (signing, algorithm) = match set {
                    44 => (&signature::ML_DSA_44_SIGNING, SignatureAlgorithm::MlDsa44),
                    65 => (&signature::ML_DSA_65_SIGNING, SignatureAlgorithm::MlDsa65),
                    _ => (&signature::ML_DSA_87_SIGNING, SignatureAlgorithm::MlDsa87),
                };
                PqdsaKeyPair::from_pkcs8(signing, pkcs8).map(|pair| Self::MlDsa(pair, algorithm))
            }
        }
        .map_err(|_| KeyError::Rejected)
    }

    pub(super) fn public_key(&self) -> &[u8] {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref(),
            Self::Ecdsa(pair, _) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
            Self::MlDsa(pair, _) => pair.public_key().as_ref(),
        }
    }

    pub(super) fn algorithms(&self) -> &[SignatureAlgorithm] {
        match self {
            Self::Rsa(_) => RSA_ALGORITHMS,
            Self::Ecdsa(_, algorithm) | Self::MlDsa(_, algorithm) => {
                core::slice::from_ref(algorithm)
            }
            Self::Ed25519(_) => &[SignatureAlgorithm::Ed25519],
        }
    }

    /// Signs with one of [`Pair::algorithms`].
    pub(super) fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding = padding(algorithm)?;
                pair.sign(padding, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ecdsa(pair, _) => {
                Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
            Self::MlDsa(pair, _) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature).ok()?;
                signature.truncate(length);
                Some(signature)
            }
        }
    }
}

/// The hash that TLS 1.3 binds to the curve (RFC 8446 section 4.2.3).
fn curve_algorithm(curve: Curve) -> (&'static EcdsaSigningAlgorithm, SignatureAlgorithm) {
    match curve {
        Curve::P256 => {
            (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, SignatureAlgorithm::EcdsaSha256)
        }
        Curve::P384 => {
            (&signature::ECDSA_P384_SHA384_ASN1_SIGNING, SignatureAlgorithm::EcdsaSha384)
        }
        Curve::P521 => {
            (&signature::ECDSA_P521_SHA512_ASN1_SIGNING, SignatureAlgorithm::EcdsaSha512)
        }
    }
}

fn padding(algorithm: SignatureAlgorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        SignatureAlgorithm::RsaPssSha256 => &signature::RSA_PSS_SHA256,
        SignatureAlgorithm::RsaPssSha384 => &signature::RSA_PSS_SHA384,
        SignatureAlgorithm::RsaPssSha512 => &signature::RSA_PSS_SHA512,
        SignatureAlgorithm::RsaPkcs1Sha256 => &signature::RSA_PKCS1_SHA256,
        SignatureAlgorithm::RsaPkcs1Sha384 => &signature::RSA_PKCS1_SHA384,
        SignatureAlgorithm::RsaPkcs1Sha512 => &signature::RSA_PKCS1_SHA512,
        _ => return None,
    })
}
