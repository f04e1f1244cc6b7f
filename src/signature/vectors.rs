//! Signatures made by OpenSSL, for the tests of every backend.

use alloc::vec::Vec;

use super::PublicKey;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
use super::{Message, SignatureBackend, SignatureError};
use crate::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// What every vector signs.
pub(super) const MESSAGE: &[u8] = b"to be signed";

pub(super) struct Vector {
    pub(super) name: &'static str,
    pub(super) spki: Vec<u8>,
    pub(super) algorithm: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl Vector {
    pub(super) fn key(&self) -> PublicKey<'_> {
        PublicKey::new(SubjectPublicKeyInfo::from_der(&self.spki).unwrap())
    }

    pub(super) fn algorithm(&self) -> AlgorithmIdentifier<'_> {
        AlgorithmIdentifier::from_der(&self.algorithm).unwrap()
    }

    #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
    /// The key with its point compressed; P-256 only.
    pub(super) fn compressed_spki(&self) -> Vec<u8> {
        let octets = self.key().spki().key();
        let form = 0x02 | (octets.last().unwrap() & 1);
        let algorithm = &self.spki[2..23];
        [&[0x30, 0x39][..], algorithm, &[0x03, 0x22, 0x00, form], &octets[1..33]].concat()
    }
}

pub(super) fn all() -> Vec<Vector> {
    include_str!("vectors.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut fields = line.split('|');
            let name = fields.next().unwrap();
            let mut bytes = || hex(fields.next().unwrap());
            Vector { name, spki: bytes(), algorithm: bytes(), signature: bytes() }
        })
        .collect()
}

pub(super) fn named(name: &str) -> Vector {
    all().into_iter().find(|vector| vector.name == name).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
/// Runs every vector, whole and damaged, with and without preparation; `expected` says what the
/// backend answers to the sound one.
pub(super) fn run(
    backend: &dyn SignatureBackend,
    expected: impl Fn(&str) -> Result<(), SignatureError>,
) {
    let vectors = all();
    assert_eq!(vectors.len(), 20);
    for vector in &vectors {
        let sound = expected(vector.name);
        let damaged = sound.and(Err(SignatureError::Invalid));
        let mut flipped = vector.signature.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let longer = [&vector.signature[..], &[0]].concat();
        for (case, message, signature, expected) in [
            ("sound", MESSAGE, &vector.signature, sound),
            ("another message", &b"to be Signed"[..], &vector.signature, damaged),
            ("last bit flipped", MESSAGE, &flipped, damaged),
            ("one octet more", MESSAGE, &longer, damaged),
            ("empty", MESSAGE, &Vec::new(), damaged),
        ] {
            let name = vector.name;
            let message = &Message::new(message);
            let found = backend.verify(vector.key(), vector.algorithm(), message, signature);
            assert_eq!(found, expected, "{name}: {case}");
            if let Some(prepared) = backend.prepare(vector.key()) {
                let found = prepared.verify(vector.algorithm(), message, signature);
                assert_eq!(found, expected, "{name}, prepared: {case}");
            }
        }
    }

    let message = &Message::new(MESSAGE);
    let (rsa, curve) = (named("rsa-2048 rsa-pkcs1-sha256"), named("p-256 ecdsa-sha256"));
    for (case, key, algorithm, expected) in [
        ("RSA algorithm, curve key", &curve, &rsa, SignatureError::KeyMismatch),
        ("ECDSA, RSA key", &rsa, &curve, SignatureError::KeyMismatch),
        ("another hash", &rsa, &named("rsa-2048 rsa-pkcs1-sha512"), SignatureError::Invalid),
        ("another padding", &rsa, &named("rsa-2048 rsa-pss-sha256"), SignatureError::Invalid),
        ("another key", &named("rsa-1024 rsa-pkcs1-sha256"), &rsa, SignatureError::Invalid),
    ] {
        let found = backend.verify(key.key(), algorithm.algorithm(), message, &rsa.signature);
        assert_eq!(found, Err(expected), "{case}");
    }
    let second = named("p-256 second ecdsa-sha256");
    assert_eq!(
        backend.verify(second.key(), curve.algorithm(), message, &curve.signature),
        Err(SignatureError::Invalid),
        "another key of the same kind"
    );
    let unknown = [0x30, 0x03, 0x06, 0x01, 0x2a];
    let unknown = AlgorithmIdentifier::from_der(&unknown).unwrap();
    assert_eq!(
        backend.verify(rsa.key(), unknown, message, &rsa.signature),
        Err(SignatureError::UnsupportedAlgorithm)
    );
}
