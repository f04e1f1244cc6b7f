//! What targets share: bytes as choices, and signatures that cost a hash.

#![allow(dead_code, reason = "each target takes the part it needs")]

#[path = "../../../tests/kit/mod.rs"]
pub mod kit;

use bonafide::signature::{Message, PublicKey, SignatureBackend, SignatureError};
use bonafide::x509::AlgorithmIdentifier;
use kit::{CertificateBuilder, Key, der};
use sha2::{Digest, Sha512};

/// Choices from bytes; zeros when they run out.
pub struct Choices<'d>(pub &'d [u8]);

impl<'d> Choices<'d> {
    pub fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number under `end`.
    pub fn below(&mut self, end: u8) -> usize {
        usize::from(self.next() % end)
    }

    pub fn rest(self) -> &'d [u8] {
        self.0
    }
}

/// Keys that say they are Ed25519 and sign with SHA-512 over key and message.
#[derive(Debug)]
pub struct Hashing;

impl SignatureBackend for Hashing {
    fn verify(
        &self,
        key: PublicKey<'_>,
        _: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if signature == sign(key.spki().key(), message.octets()) {
            Ok(())
        } else {
            Err(SignatureError::Invalid)
        }
    }
}

pub fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    Sha512::new().chain_update(key).chain_update(message).finalize().to_vec()
}

fn algorithm() -> Vec<u8> {
    der::sequence([der::oid("1.3.101.112")])
}

/// The octets of key `number`.
pub fn public_key(number: usize) -> [u8; 32] {
    [u8::try_from(number).expect("few keys"); 32]
}

pub fn spki(number: usize) -> Vec<u8> {
    der::sequence([algorithm(), der::bit_string(0, &public_key(number))])
}

/// The certificate that `builder` describes, signed by key `number`.
pub fn issue(builder: CertificateBuilder, number: usize) -> Vec<u8> {
    let builder = builder.inner_algorithm(&algorithm()).outer_algorithm(&algorithm());
    let unused = Key::toy(0);
    let signature = sign(&public_key(number), &builder.tbs(&unused));
    builder.signature(&signature).sign(&unused)
}
