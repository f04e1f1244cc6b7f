//! Signs with `ring`: no P-521, no ML-DSA, and no key of a curve without its public half.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;

use ring::rand::SystemRandom;
use ring::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair,
};

use super::super::KeyError;
use super::super::private_key::{Curve, Material};
use super::RSA_ALGORITHMS;
use crate::signature::SignatureAlgorithm;

/// A key pair in memory of this process.
///
/// Boxed at once: a value that is moved leaves copies, and an enum of values of several sizes carries
/// along what was on the stack behind the smaller ones.
pub(super) enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
    P384(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl Pair {
    pub(super) fn new(material: &Material<'_>) -> Result<Self, KeyError> {
        match *material {
            Material::Rsa { pkcs1 } => {
                RsaKeyPair::from_der(pkcs1).map(|pair| Self::Rsa(Box::new(pair)))
            }
            Material::Ec { curve: Curve::P521, .. } => return Err(KeyError::UnsupportedAlgorithm),
            Material::Ec { curve, scalar, public, .. } => {
                let public = public.ok_or(KeyError::NoPublicKey)?;
                match curve {
                    Curve::P256 => {
                        ecdsa(P256, scalar, public).map(|pair| Self::P256(Box::new(pair)))
                    }
                    _ => ecdsa(P384, scalar, public).map(|pair| Self::P384(Box::new(pair))),
                }
            }
            Material::Ed25519 { seed, public } => match public {
                Some(public) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
                None => Ed25519KeyPair::from_seed_unchecked(seed),
            }
            .map(|pair| Self::Ed25519(Box::new(pair))),
        }
        .map_err(|_| KeyError::Rejected)
    }

    pub(super) fn public_key(&self) -> &[u8] {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref(),
            Self::P256(pair) | Self::P384(pair) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    pub(super) const fn algorithms(&self) -> &'static [SignatureAlgorithm] {
        match self {
            Self::Rsa(_) => RSA_ALGORITHMS,
            Self::P256(_) => &[SignatureAlgorithm::EcdsaSha256],
            Self::P384(_) => &[SignatureAlgorithm::EcdsaSha384],
            Self::Ed25519(_) => &[SignatureAlgorithm::Ed25519],
        }
    }

    /// Signs with one of [`Pair::algorithms`].
    pub(super) fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let padding = padding(algorithm)?;
                pair.sign(padding, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
            Self::P256(pair) | Self::P384(pair) => {
                Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl Drop for Pair {
    /// Puts a key that is no secret in the place of one that is.
    ///
    /// `ring` keeps the scalar in the value itself and clears nothing, so that storing another value
    /// there is the one way to wipe it that needs no `unsafe`. `black_box` keeps the compiler from
    /// seeing that nobody reads what is stored.
    fn drop(&mut self) {
        match self {
            // Its numbers lie behind pointers; see the module's documentation.
            Self::Rsa(_) => {}
            Self::P256(pair) => {
                if let Ok(public) = ecdsa(P256, &ONE_256, &P256_GENERATOR) {
                    **pair = public;
                    black_box(pair);
                }
            }
            Self::P384(pair) => {
                if let Ok(public) = ecdsa(P384, &ONE_384, &P384_GENERATOR) {
                    **pair = public;
                    black_box(pair);
                }
            }
            Self::Ed25519(pair) => {
                if let Ok(public) = Ed25519KeyPair::from_seed_unchecked(&[0; 32]) {
                    **pair = public;
                    black_box(pair);
                }
            }
        }
    }
}

const P256: &EcdsaSigningAlgorithm = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
const P384: &EcdsaSigningAlgorithm = &signature::ECDSA_P384_SHA384_ASN1_SIGNING;

fn ecdsa(
    algorithm: &'static EcdsaSigningAlgorithm,
    scalar: &[u8],
    public: &[u8],
) -> Result<EcdsaKeyPair, ring::error::KeyRejected> {
    let random = SystemRandom::new();
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, public, &random)
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

/// The scalar 1, and its public half: the generator of the curve (FIPS 186-4 section D.1.2).
const ONE_256: [u8; 32] = {
    let mut scalar = [0; 32];
    scalar[31] = 1;
    scalar
};
const ONE_384: [u8; 48] = {
    let mut scalar = [0; 48];
    scalar[47] = 1;
    scalar
};
const P256_GENERATOR: [u8; 65] = [
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40,
    0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2,
    0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e,
    0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51,
    0xf5,
];
const P384_GENERATOR: [u8; 97] = [
    0x04, 0xaa, 0x87, 0xca, 0x22, 0xbe, 0x8b, 0x05, 0x37, 0x8e, 0xb1, 0xc7, 0x1e, 0xf3, 0x20, 0xad,
    0x74, 0x6e, 0x1d, 0x3b, 0x62, 0x8b, 0xa7, 0x9b, 0x98, 0x59, 0xf7, 0x41, 0xe0, 0x82, 0x54, 0x2a,
    0x38, 0x55, 0x02, 0xf2, 0x5d, 0xbf, 0x55, 0x29, 0x6c, 0x3a, 0x54, 0x5e, 0x38, 0x72, 0x76, 0x0a,
    0xb7, 0x36, 0x17, 0xde, 0x4a, 0x96, 0x26, 0x2c, 0x6f, 0x5d, 0x9e, 0x98, 0xbf, 0x92, 0x92, 0xdc,
    0x29, 0xf8, 0xf4, 0x1d, 0xbd, 0x28, 0x9a, 0x14, 0x7c, 0xe9, 0xda, 0x31, 0x13, 0xb5, 0xf0, 0xb8,
    0xc0, 0x0a, 0x60, 0xb1, 0xce, 0x1d, 0x7e, 0x81, 0x9d, 0x7a, 0x43, 0x1d, 0x7c, 0x90, 0xea, 0x0e,
    0x5f,
];
