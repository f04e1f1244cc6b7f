//! What the rest of the crate asks of cryptography.
//!
//! One method verifies; one more lets a backend keep a key parsed. A backend answers for the
//! mathematics alone: which algorithms and key sizes are *allowed* is decided before it is asked (see
//! [`AlgorithmPolicy`](super::AlgorithmPolicy)), so a backend may support SHA-1 or 1024-bit RSA
//! without weakening anybody.

use alloc::sync::Arc;
use core::fmt::Debug;

use super::Message;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
use super::{KeyAlgorithm, SignatureAlgorithm};
use crate::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// Verifies signatures.
pub trait SignatureBackend: Debug + Send + Sync {
    /// Verifies that `signature` was made over `message` with `algorithm` and the private half of
    /// `key`. `signature` is the content of the BIT STRING, which had no unused bits.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] where the mathematics say no; the other values say why the
    /// mathematics were not asked.
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError>;

    /// Parses a key once, for anchors and busy issuers.
    ///
    /// Nothing where this backend keeps no keys or cannot use this one; [`verify`](Self::verify)
    /// then answers for it.
    fn prepare(&self, key: PublicKey<'_>) -> Option<Arc<dyn PreparedKey>> {
        let _ = key;
        None
    }
}

/// A key that a backend parsed.
///
/// Answers as [`SignatureBackend::verify`] of its backend does for the key it was made from.
pub trait PreparedKey: Debug + Send + Sync {
    /// Verifies that `signature` was made over `message` with `algorithm` and the private half of
    /// this key.
    ///
    /// # Errors
    /// As [`SignatureBackend::verify`].
    fn verify(
        &self,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError>;
}

/// A public key with what it may have inherited from its issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey<'a> {
    spki: SubjectPublicKeyInfo<'a>,
    inherited_parameters: Option<&'a [u8]>,
}

impl<'a> PublicKey<'a> {
    /// A key that stands on its own.
    #[must_use]
    pub const fn new(spki: SubjectPublicKeyInfo<'a>) -> Self {
        Self { spki, inherited_parameters: None }
    }

    /// A key with the parameters that [`PublicKey::issued`] once found for it.
    pub(crate) const fn with_inherited(
        spki: SubjectPublicKeyInfo<'a>,
        inherited_parameters: Option<&'a [u8]>,
    ) -> Self {
        Self { spki, inherited_parameters }
    }

    /// The key of a certificate whose issuer's key is `self`: the working public key parameters
    /// of RFC 5280 section 6.1.4 steps (d) to (f).
    ///
    /// Parameters are inherited where the subject's are NULL or absent, both keys are of one
    /// algorithm and the issuer's effective parameters are something else than NULL. In practice
    /// that is DSA (RFC 3279 section 2.3.2).
    #[must_use]
    pub fn issued(self, subject: SubjectPublicKeyInfo<'a>) -> Self {
        // RFC 5280 6.1.4 (e): "If the subjectPublicKeyInfo field of the certificate contains an
        // algorithm field with null parameters or parameters are omitted, compare the certificate
        // subjectPublicKey algorithm to the working_public_key_algorithm."
        let silent =
            subject.algorithm().parameters().is_none_or(|parameters| matches!(parameters, NULL));
        let same = || subject.algorithm().oid() == self.spki.algorithm().oid();
        let inherited_parameters = if silent && same() { self.parameters() } else { None };
        Self { spki: subject, inherited_parameters }
    }

    /// Returns the key as its certificate or trust anchor has it.
    #[must_use]
    pub const fn spki(&self) -> SubjectPublicKeyInfo<'a> {
        self.spki
    }

    /// Returns the parameters that came from the issuer: one whole encoding.
    #[must_use]
    pub const fn inherited_parameters(&self) -> Option<&'a [u8]> {
        self.inherited_parameters
    }

    /// Returns the effective parameters: its own where there are any but NULL, else the inherited
    /// ones.
    #[must_use]
    pub fn parameters(&self) -> Option<&'a [u8]> {
        self.spki
            .algorithm()
            .parameters()
            .filter(|parameters| *parameters != NULL)
            .or(self.inherited_parameters)
    }
}

const NULL: &[u8] = &[0x05, 0x00];

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature is not one over these bytes by this key.
    #[error("the signature does not verify with this key")]
    Invalid,
    /// The backend does not know the algorithm, or not with these parameters.
    #[error("the signature algorithm is not supported by the crypto backend")]
    UnsupportedAlgorithm,
    /// The backend cannot use a key of this kind or size with this algorithm.
    #[error("the issuer's key is not supported by the crypto backend for this algorithm")]
    UnsupportedKey,
    /// The algorithm is not one for this kind of key.
    #[error("the signature algorithm does not fit the issuer's key")]
    KeyMismatch,
    /// The key is not in the form that its algorithm asks for.
    #[error("the issuer's key is malformed")]
    MalformedKey,
}

impl SignatureError {
    codes!(code(self) {
        Self::Invalid => "signature.invalid",
        Self::UnsupportedAlgorithm => "signature.algorithm-unsupported",
        Self::UnsupportedKey => "signature.key-unsupported",
        Self::KeyMismatch => "signature.key-mismatch",
        Self::MalformedKey => "signature.key-malformed",
    });
}

/// What every backend over the named algorithms asks first.
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
pub(super) fn recognize(
    key: KeyAlgorithm,
    algorithm: AlgorithmIdentifier<'_>,
) -> Result<SignatureAlgorithm, SignatureError> {
    let signature =
        SignatureAlgorithm::recognize(algorithm).ok_or(SignatureError::UnsupportedAlgorithm)?;
    match key {
        KeyAlgorithm::Malformed => Err(SignatureError::MalformedKey),
        KeyAlgorithm::Unknown => Err(SignatureError::UnsupportedKey),
        key if key.fits(signature) => Ok(signature),
        _ => Err(SignatureError::KeyMismatch),
    }
}

/// Chooses among the verifiers of a crate with `ring`'s interface, `$crate_`: rows of its own first,
/// then what all such crates have under the same names, then refusals. Bounds RSA keys to what the
/// verifier chosen takes.
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
macro_rules! choose_verifier {
    ($crate_:ident, ($kind:ident, $algorithm:ident), { $($own:tt)* }) => {{
        use $crate_::signature as s;
        use KeyAlgorithm as K;
        use SignatureAlgorithm as S;
        let (verifier, least_bits): (&'static dyn s::VerificationAlgorithm, u32) =
            match ($kind, $algorithm) {
                $($own)*
                (K::P256, S::EcdsaSha256) => (&s::ECDSA_P256_SHA256_ASN1, 0),
                (K::P256, S::EcdsaSha384) => (&s::ECDSA_P256_SHA384_ASN1, 0),
                (K::P384, S::EcdsaSha256) => (&s::ECDSA_P384_SHA256_ASN1, 0),
                (K::P384, S::EcdsaSha384) => (&s::ECDSA_P384_SHA384_ASN1, 0),
                (K::Ed25519, S::Ed25519) => (&s::ED25519, 0),
                (_, S::RsaPkcs1Sha1) => (&s::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, 1024),
                (_, S::RsaPkcs1Sha256) => {
                    (&s::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, 1024)
                }
                (_, S::RsaPkcs1Sha384) => (&s::RSA_PKCS1_2048_8192_SHA384, 2048),
                (_, S::RsaPkcs1Sha512) => {
                    (&s::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, 1024)
                }
                (_, S::RsaPssSha256) => (&s::RSA_PSS_2048_8192_SHA256, 2048),
                (_, S::RsaPssSha384) => (&s::RSA_PSS_2048_8192_SHA384, 2048),
                (_, S::RsaPssSha512) => (&s::RSA_PSS_2048_8192_SHA512, 2048),
                (K::P521 | K::OtherCurve | K::ExplicitCurve, _) => {
                    return Err(SignatureError::UnsupportedKey);
                }
                _ => return Err(SignatureError::UnsupportedAlgorithm),
            };
        match $kind.modulus_bits() {
            Some(bits) if bits < least_bits || bits > 8192 => Err(SignatureError::UnsupportedKey),
            _ => Ok(verifier),
        }
    }};
}

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
pub(super) use choose_verifier;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn spki(oid: u8, parameters: &[u8]) -> Vec<u8> {
        let length = |n: usize| u8::try_from(n).unwrap();
        let parameters_length = length(parameters.len());
        let mut der = alloc::vec![0x30, 9 + parameters_length, 0x30, 3 + parameters_length];
        der.extend([0x06, 0x01, oid]);
        der.extend(parameters);
        der.extend([0x03, 0x02, 0x00, 0x01]);
        der
    }

    #[test]
    fn parameters_are_inherited_within_one_algorithm() {
        let own: &[u8] = &[0x04, 0x01, 0x07];
        let other: &[u8] = &[0x04, 0x01, 0x08];
        for (case, issuer, subject, effective) in [
            ("subject has its own", spki(0x2a, own), spki(0x2a, other), Some(other)),
            ("subject silent", spki(0x2a, own), spki(0x2a, &[]), Some(own)),
            ("subject says NULL", spki(0x2a, own), spki(0x2a, NULL), Some(own)),
            ("another algorithm", spki(0x2a, own), spki(0x2b, &[]), None),
            ("issuer has none", spki(0x2a, &[]), spki(0x2a, &[]), None),
            ("issuer says NULL", spki(0x2a, NULL), spki(0x2a, NULL), None),
        ] {
            let issuer = PublicKey::new(SubjectPublicKeyInfo::from_der(&issuer).unwrap());
            let key = issuer.issued(SubjectPublicKeyInfo::from_der(&subject).unwrap());
            assert_eq!(key.parameters(), effective, "{case}");
            let grandchild = spki(0x2a, &[]);
            let next = key.issued(SubjectPublicKeyInfo::from_der(&grandchild).unwrap());
            assert_eq!(next.parameters(), effective, "{case}, one further down");
        }
    }
}
