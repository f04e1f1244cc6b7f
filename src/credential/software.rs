//! Private keys in memory.
//!
//! The bytes of a key file are decoded, and decrypted, in memory that is wiped, and are not kept: what
//! is kept is the form that the crypto backend works with.
//!
//! *Who wipes that:* with feature `aws-lc-rs` the key lives in memory of AWS-LC, which clears whatever
//! it frees. `ring` clears nothing. Where it is the only backend, a key of a curve is overwritten in
//! place by another, public one before its memory is given back; the numbers of an RSA key lie on the
//! heap in vectors that only `ring` can reach, and stay there. Who must wipe RSA keys builds with
//! `aws-lc-rs`. Neither reaches copies that the compiler left on the stack while a key was read.

#[cfg(feature = "aws-lc-rs")]
#[path = "software/aws_lc.rs"]
mod pair;
#[cfg(not(feature = "aws-lc-rs"))]
#[path = "software/ring.rs"]
mod pair;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use self::pair::Pair;
use super::private_key::{self, PrivateKey, Secret};
use super::{CredentialKey, KeyError, SignError};
use crate::signature::{KeyAlgorithm, SignatureAlgorithm};
use crate::x509::SubjectPublicKeyInfo;
use crate::x509::der::Tag;
use crate::x509::structure::encode;

/// A private key in memory; signs with `aws-lc-rs` where that feature is on, else with `ring`.
///
/// Reads PKCS#8, SEC 1 (`EC PRIVATE KEY`) and PKCS#1 (`RSA PRIVATE KEY`), each as DER or as PEM; PKCS#8
/// encrypted with PBES2 with feature `encrypted-keys`.
///
/// # Examples
/// ```
/// use bonafide::credential::SoftwareKey;
///
/// let certificate = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
/// let error = SoftwareKey::from_pem(certificate).unwrap_err();
/// assert_eq!(error.code(), "credential.key.absent");
/// ```
pub struct SoftwareKey {
    spki: Box<[u8]>,
    algorithms: Vec<SignatureAlgorithm>,
    pair: Pair,
}

impl SoftwareKey {
    /// Reads DER.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::PassphraseNeeded`] where the key is encrypted.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::read(der, None)
    }

    /// Reads DER, with a passphrase where the key is encrypted.
    ///
    /// The file says how much work the derivation of its key is: it is to come from somebody trusted.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::Passphrase`] where the passphrase is wrong.
    pub fn from_der_with_passphrase(der: &[u8], passphrase: &[u8]) -> Result<Self, KeyError> {
        Self::read(der, Some(passphrase))
    }

    /// Reads a PEM input that has one private key; certificates and parameters may stand around it.
    ///
    /// # Errors
    /// As [`SoftwareKey::from_der`].
    pub fn from_pem(input: &[u8]) -> Result<Self, KeyError> {
        Self::read(&private_key::from_pem(input)?, None)
    }

    /// Reads a PEM input as [`SoftwareKey::from_pem`], with a passphrase where the key is encrypted.
    ///
    /// # Errors
    /// As [`SoftwareKey::from_der_with_passphrase`].
    pub fn from_pem_with_passphrase(input: &[u8], passphrase: &[u8]) -> Result<Self, KeyError> {
        Self::read(&private_key::from_pem(input)?, Some(passphrase))
    }

    fn read(der: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        let decrypted: Option<Secret> = private_key::decrypt(der, passphrase)?;
        let key = PrivateKey::from_der(decrypted.as_deref().map_or(der, Vec::as_slice))?;
        let pair = Pair::new(&key.material)?;
        let bits = [&[0], pair.public_key()].concat();
        let content = [encode(Tag::SEQUENCE, key.algorithm), encode(Tag::BIT_STRING, &bits)];
        let spki = encode(Tag::SEQUENCE, &content.concat());
        let kind = KeyAlgorithm::classify(&SubjectPublicKeyInfo::from_der(&spki)?);
        let mut algorithms = pair.algorithms().to_vec();
        algorithms.retain(|&algorithm| kind.fits(algorithm));
        Ok(Self { spki: spki.into(), algorithms, pair })
    }
}

impl CredentialKey for SoftwareKey {
    fn public_key(&self) -> &[u8] {
        &self.spki
    }

    fn algorithms(&self) -> &[SignatureAlgorithm] {
        &self.algorithms
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if !self.algorithms.contains(&algorithm) {
            return Err(SignError::UnsupportedAlgorithm(algorithm));
        }
        self.pair.sign(algorithm, message).ok_or(SignError::Failed(None))
    }
}

impl fmt::Debug for SoftwareKey {
    /// Writes the algorithms; nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareKey").field("algorithms", &self.algorithms).finish_non_exhaustive()
    }
}

/// What RSA keys sign with in both backends, the preferred one first.
const RSA_ALGORITHMS: &[SignatureAlgorithm] = &[
    SignatureAlgorithm::RsaPssSha256,
    SignatureAlgorithm::RsaPssSha384,
    SignatureAlgorithm::RsaPssSha512,
    SignatureAlgorithm::RsaPkcs1Sha256,
    SignatureAlgorithm::RsaPkcs1Sha384,
    SignatureAlgorithm::RsaPkcs1Sha512,
];

#[cfg(test)]
mod tests;
