//! Keys that sign what the builders write.
//!
//! All keys come from their kind and a number, so that the same number is the same key for ever.
//! Signatures of every kind but ECDSA (whose nonce `ring` draws itself) repeat as well.
//!
//! # The toy scheme
//! For millions of generated certificates a signature must cost as little as a hash. The toy key is
//! 16 octets, its *key id*, and it keeps no secret:
//!
//! ```text
//! SubjectPublicKeyInfo: algorithm  SEQUENCE { OBJECT IDENTIFIER 1.3.6.1.4.1.32473.7.1 }
//!                       key        BIT STRING, 0 unused bits, the key id
//! AlgorithmIdentifier of signatures: SEQUENCE { OBJECT IDENTIFIER 1.3.6.1.4.1.32473.7.2 }
//! signature value:      BIT STRING, 0 unused bits, SHA-256(key id || signed bytes), 32 octets
//! ```
//!
//! Both identifiers have no parameters. 32473 is the enterprise number that RFC 5612 reserves for
//! documentation. [`toy_verify`] is the check.

use ring::rand::SystemRandom;
use ring::signature::{self as rs, KeyPair};
use sha2::{Digest, Sha256};

use super::der;
use super::rng::Rng;

/// Algorithm of a toy `SubjectPublicKeyInfo`.
pub const TOY_KEY: &str = "1.3.6.1.4.1.32473.7.1";
/// Algorithm of a toy signature.
pub const TOY_SIGNATURE: &str = "1.3.6.1.4.1.32473.7.2";

const P256: [&[u8]; 6] = [
    include_bytes!("keys/p256-0.der"),
    include_bytes!("keys/p256-1.der"),
    include_bytes!("keys/p256-2.der"),
    include_bytes!("keys/p256-3.der"),
    include_bytes!("keys/p256-4.der"),
    include_bytes!("keys/p256-5.der"),
];
const P384: [&[u8]; 4] = [
    include_bytes!("keys/p384-0.der"),
    include_bytes!("keys/p384-1.der"),
    include_bytes!("keys/p384-2.der"),
    include_bytes!("keys/p384-3.der"),
];
#[cfg(feature = "aws-lc-rs")]
const P521: [&[u8]; 1] = [include_bytes!("keys/p521-0.der")];
const RSA: [&[u8]; 4] = [
    include_bytes!("keys/rsa2048-0.der"),
    include_bytes!("keys/rsa2048-1.der"),
    include_bytes!("keys/rsa2048-2.der"),
    include_bytes!("keys/rsa2048-3.der"),
];

/// What a key is made of and how it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any number of keys.
    Toy,
    /// Any number of keys.
    Ed25519,
    /// Six keys, with the feature `aws-lc-rs` any number; SHA-256.
    P256,
    /// Four keys, SHA-384.
    P384,
    /// Four keys of 2048 bits, PKCS #1 v1.5 with SHA-256.
    Rsa,
    /// The keys of [`Kind::Rsa`], PSS with SHA-256 and a salt of 32 octets.
    RsaPss,
    /// One key, SHA-512.
    #[cfg(feature = "aws-lc-rs")]
    P521,
    /// Any number of keys; 44, 65 or 87.
    #[cfg(feature = "aws-lc-rs")]
    MlDsa(u8),
}

/// A private key with the public key that belongs to it.
#[derive(Clone, Debug)]
pub struct Key {
    kind: Kind,
    /// Key id (toy), seed (Ed25519, ML-DSA) or PKCS #8.
    secret: Vec<u8>,
    spki: Vec<u8>,
}

impl Key {
    /// Key number `number` of its kind.
    ///
    /// # Panics
    /// If the kind has fewer keys.
    pub fn new(kind: Kind, number: u64) -> Self {
        let seed: [u8; 32] = Rng::new(number).bytes();
        let (secret, algorithm, public) = match kind {
            Kind::Toy => {
                let key_id = seed[..16].to_vec();
                (key_id.clone(), der::sequence([der::oid(TOY_KEY)]), key_id)
            }
            Kind::Ed25519 => {
                let pair = rs::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
                let algorithm = der::sequence([der::oid("1.3.101.112")]);
                (seed.to_vec(), algorithm, pair.public_key().as_ref().to_vec())
            }
            Kind::P256 => {
                let pkcs8 = match P256.get(number as usize) {
                    Some(pkcs8) => pkcs8.to_vec(),
                    None => p256_of(seed),
                };
                let pair = ecdsa(&rs::ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8);
                let public = pair.public_key().as_ref().to_vec();
                (pkcs8, ec_algorithm("1.2.840.10045.3.1.7"), public)
            }
            Kind::P384 => {
                let pkcs8 = P384[number as usize];
                let pair = ecdsa(&rs::ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8);
                let public = pair.public_key().as_ref().to_vec();
                (pkcs8.to_vec(), ec_algorithm("1.3.132.0.34"), public)
            }
            Kind::Rsa | Kind::RsaPss => {
                let pkcs8 = RSA[number as usize];
                let pair = rs::RsaKeyPair::from_pkcs8(pkcs8).unwrap();
                let algorithm = der::sequence([der::oid("1.2.840.113549.1.1.1"), der::null()]);
                (pkcs8.to_vec(), algorithm, pair.public_key().as_ref().to_vec())
            }
            #[cfg(feature = "aws-lc-rs")]
            Kind::P521 => {
                use aws_lc_rs::signature::KeyPair as _;
                let pkcs8 = P521[number as usize];
                let pair = aws::p521(pkcs8);
                let public = pair.public_key().as_ref().to_vec();
                (pkcs8.to_vec(), ec_algorithm("1.3.132.0.35"), public)
            }
            #[cfg(feature = "aws-lc-rs")]
            Kind::MlDsa(set) => {
                use aws_lc_rs::signature::KeyPair as _;
                let pair = aws::ml_dsa(set, &seed);
                let algorithm = der::sequence([der::oid(aws::ml_dsa_oid(set))]);
                (seed.to_vec(), algorithm, pair.public_key().as_ref().to_vec())
            }
        };
        let spki = der::sequence([algorithm, der::bit_string(0, &public)]);
        Key { kind, secret, spki }
    }

    pub fn toy(number: u64) -> Self {
        Key::new(Kind::Toy, number)
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `SubjectPublicKeyInfo`, DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Key identifier: the first 20 octets of SHA-256 over the SPKI (RFC 7093 section 2 (4)).
    pub fn key_id(&self) -> Vec<u8> {
        Sha256::digest(&self.spki)[..20].to_vec()
    }

    /// PKCS #8, for those who bring a TLS stack; none for toys.
    pub fn pkcs8(&self) -> Option<Vec<u8>> {
        match self.kind {
            Kind::Toy => None,
            Kind::Ed25519 => Some(der::sequence([
                der::unsigned(0),
                der::sequence([der::oid("1.3.101.112")]),
                der::octet_string(&der::octet_string(&self.secret)),
            ])),
            #[cfg(feature = "aws-lc-rs")]
            Kind::MlDsa(set) => Some(der::sequence([
                der::unsigned(0),
                der::sequence([der::oid(aws::ml_dsa_oid(set))]),
                der::octet_string(&der::tlv(0x80, &self.secret)),
            ])),
            _ => Some(self.secret.clone()),
        }
    }

    /// The `AlgorithmIdentifier` that goes with [`Key::sign`].
    pub fn algorithm(&self) -> Vec<u8> {
        let oid = match self.kind {
            Kind::Toy => TOY_SIGNATURE,
            Kind::Ed25519 => "1.3.101.112",
            Kind::P256 => "1.2.840.10045.4.3.2",
            Kind::P384 => "1.2.840.10045.4.3.3",
            Kind::Rsa => {
                return der::sequence([der::oid("1.2.840.113549.1.1.11"), der::null()]);
            }
            Kind::RsaPss => return pss_sha256(),
            #[cfg(feature = "aws-lc-rs")]
            Kind::P521 => "1.2.840.10045.4.3.4",
            #[cfg(feature = "aws-lc-rs")]
            Kind::MlDsa(set) => aws::ml_dsa_oid(set),
        };
        der::sequence([der::oid(oid)])
    }

    /// The signature value, without the `BIT STRING` around it.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self.kind {
            Kind::Toy => toy_sign(&self.secret, message),
            Kind::Ed25519 => {
                let pair = rs::Ed25519KeyPair::from_seed_unchecked(&self.secret).unwrap();
                pair.sign(message).as_ref().to_vec()
            }
            Kind::P256 => self.sign_ecdsa(&rs::ECDSA_P256_SHA256_ASN1_SIGNING, message),
            Kind::P384 => self.sign_ecdsa(&rs::ECDSA_P384_SHA384_ASN1_SIGNING, message),
            Kind::Rsa => self.sign_rsa(&rs::RSA_PKCS1_SHA256, message),
            Kind::RsaPss => self.sign_rsa(&rs::RSA_PSS_SHA256, message),
            #[cfg(feature = "aws-lc-rs")]
            Kind::P521 => {
                let random = aws_lc_rs::rand::SystemRandom::new();
                aws::p521(&self.secret).sign(&random, message).unwrap().as_ref().to_vec()
            }
            #[cfg(feature = "aws-lc-rs")]
            Kind::MlDsa(set) => {
                let pair = aws::ml_dsa(set, &self.secret);
                let mut out = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut out).unwrap();
                out.truncate(length);
                out
            }
        }
    }

    fn sign_ecdsa(&self, algorithm: &'static rs::EcdsaSigningAlgorithm, message: &[u8]) -> Vec<u8> {
        let pair = ecdsa(algorithm, &self.secret);
        pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    fn sign_rsa(&self, padding: &'static dyn rs::RsaEncoding, message: &[u8]) -> Vec<u8> {
        let pair = rs::RsaKeyPair::from_pkcs8(&self.secret).unwrap();
        let mut out = vec![0; pair.public().modulus_len()];
        pair.sign(padding, &SystemRandom::new(), message, &mut out).unwrap();
        out
    }
}

fn ecdsa(algorithm: &'static rs::EcdsaSigningAlgorithm, pkcs8: &[u8]) -> rs::EcdsaKeyPair {
    rs::EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new()).unwrap()
}

fn ec_algorithm(curve: &str) -> Vec<u8> {
    der::sequence([der::oid("1.2.840.10045.2.1"), der::oid(curve)])
}

/// PKCS #8 of the P-256 key with this scalar.
#[cfg(feature = "aws-lc-rs")]
fn p256_of(mut scalar: [u8; 32]) -> Vec<u8> {
    // Below the order of the group, which begins with 32 ones.
    scalar[0] &= 0x7f;
    let private =
        |rest: Vec<u8>| der::sequence([der::unsigned(1), der::octet_string(&scalar), rest]);
    let curve = der::explicit(0, &der::oid("1.2.840.10045.3.1.7"));
    let public = der::explicit(1, &der::bit_string(0, &aws::p256_public(&private(curve))));
    der::sequence([
        der::unsigned(0),
        ec_algorithm("1.2.840.10045.3.1.7"),
        der::octet_string(&private(public)),
    ])
}

#[cfg(not(feature = "aws-lc-rs"))]
fn p256_of(_: [u8; 32]) -> Vec<u8> {
    panic!("more than six P-256 keys come with aws-lc-rs")
}

/// `RSASSA-PSS-params` of RFC 4055 with SHA-256 throughout.
fn pss_sha256() -> Vec<u8> {
    let sha256 = der::sequence([der::oid("2.16.840.1.101.3.4.2.1"), der::null()]);
    let mask = der::sequence([der::oid("1.2.840.113549.1.1.8"), sha256.clone()]);
    let parameters = der::sequence([
        der::explicit(0, &sha256),
        der::explicit(1, &mask),
        der::explicit(2, &der::unsigned(32)),
    ]);
    der::sequence([der::oid("1.2.840.113549.1.1.10"), parameters])
}

/// The toy signature of `message` under the key with this id.
pub fn toy_sign(key_id: &[u8], message: &[u8]) -> Vec<u8> {
    Sha256::new().chain_update(key_id).chain_update(message).finalize().to_vec()
}

/// Whether `signature` is the toy signature of `message`; `key_id` is the content of the SPKI's
/// `BIT STRING` without its first octet.
pub fn toy_verify(key_id: &[u8], message: &[u8], signature: &[u8]) -> bool {
    Sha256::new().chain_update(key_id).chain_update(message).finalize()[..] == *signature
}

#[cfg(feature = "aws-lc-rs")]
mod aws {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
        ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
    };

    /// The public half that belongs to an `ECPrivateKey` without one.
    pub fn p256_public(sec1: &[u8]) -> Vec<u8> {
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_der(algorithm, sec1).unwrap();
        pair.public_key().as_ref().to_vec()
    }

    pub fn p521(pkcs8: &[u8]) -> EcdsaKeyPair {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P521_SHA512_ASN1_SIGNING, pkcs8).unwrap()
    }

    pub fn ml_dsa(set: u8, seed: &[u8]) -> PqdsaKeyPair {
        let algorithm = match set {
            44 => &ML_DSA_44_SIGNING,
            65 => &ML_DSA_65_SIGNING,
            87 => &ML_DSA_87_SIGNING,
            _ => panic!("no ML-DSA-{set}"),
        };
        PqdsaKeyPair::from_seed(algorithm, seed).unwrap()
    }

    pub fn ml_dsa_oid(set: u8) -> &'static str {
        match set {
            44 => "2.16.840.1.101.3.4.3.17",
            65 => "2.16.840.1.101.3.4.3.18",
            87 => "2.16.840.1.101.3.4.3.19",
            _ => panic!("no ML-DSA-{set}"),
        }
    }
}
