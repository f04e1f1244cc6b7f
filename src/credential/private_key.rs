//! Reads the frames of private keys: PKCS#8, SEC 1 and PKCS#1, in DER or PEM, encrypted or not.
//!
//! Frames only: which numbers belong together, the signing backend checks. What is read borrows; the
//! only copies are a decoded PEM block and a decrypted key, both wiped when dropped.
//!
//! | form | source | PEM label |
//! |---|---|---|
//! | PKCS#8, `OneAsymmetricKey` v1 and v2 | RFC 5958 section 2 | `PRIVATE KEY` |
//! | PKCS#8 encrypted with PBES2 | RFC 5958 section 3, RFC 8018 section 6.2 | `ENCRYPTED PRIVATE KEY` |
//! | SEC 1, `ECPrivateKey` | RFC 5915 section 3 | `EC PRIVATE KEY` |
//! | PKCS#1, `RSAPrivateKey` | RFC 8017 appendix A.1.2 | `RSA PRIVATE KEY` |
//!
//! The encryption of RFC 1421 (`Proc-Type: 4,ENCRYPTED`: one round of MD5) is refused.

use alloc::vec::Vec;

use rustls_pki_types::alg_id;
use zeroize::Zeroizing;

use super::KeyError;
use crate::x509::der::{DerError, DerErrorKind, Reader, Tag};
use crate::x509::{AlgorithmIdentifier, PemBlocks};

/// A private key, its parts told apart.
pub(super) struct PrivateKey<'a> {
    /// The algorithm of its `SubjectPublicKeyInfo`, without the outer SEQUENCE.
    pub(super) algorithm: &'a [u8],
    pub(super) material: Material<'a>,
}

pub(super) enum Material<'a> {
    Rsa {
        pkcs1: &'a [u8],
    },
    Ec {
        curve: Curve,
        scalar: &'a [u8],
        public: Option<&'a [u8]>,
        /// The whole of the input, for backends that compute the public half.
        #[cfg_attr(not(feature = "aws-lc-rs"), expect(dead_code, reason = "ring cannot"))]
        der: &'a [u8],
    },
    Ed25519 {
        seed: &'a [u8],
        public: Option<&'a [u8]>,
    },
    #[cfg(feature = "aws-lc-rs")]
    MlDsa {
        set: u8,
        pkcs8: &'a [u8],
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// The curve of a whole OBJECT IDENTIFIER.
    fn of(oid: &[u8]) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521]
            .into_iter()
            .find(|curve| curve.spki_algorithm().strip_prefix(EC_PUBLIC_KEY_TLV) == Some(oid))
    }

    fn spki_algorithm(self) -> &'static [u8] {
        match self {
            Self::P256 => &alg_id::ECDSA_P256,
            Self::P384 => &alg_id::ECDSA_P384,
            Self::P521 => &alg_id::ECDSA_P521,
        }
    }
}

/// DER of a private key, in memory that is wiped.
pub(super) type Secret = Zeroizing<Vec<u8>>;

/// Finds the one private key of a PEM input. Certificates and parameters around it are passed over.
pub(super) fn from_pem(input: &[u8]) -> Result<Secret, KeyError> {
    let mut found = None;
    for block in PemBlocks::new(input) {
        let block = block.map_err(KeyError::Pem)?;
        if matches!(
            block.label(),
            "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY"
        ) && found.replace(Zeroizing::new(block.into_der())).is_some()
        {
            return Err(KeyError::SeveralKeys);
        }
    }
    found.ok_or(KeyError::NoKey)
}

/// Decrypts `EncryptedPrivateKeyInfo`; nothing where the key is not encrypted.
pub(super) fn decrypt(der: &[u8], passphrase: Option<&[u8]>) -> Result<Option<Secret>, KeyError> {
    let mut outer = Reader::new(der)?;
    let mut fields = outer.sequence()?;
    outer.finish()?;
    if fields.peek() != Some(Tag::SEQUENCE) {
        return Ok(None);
    }
    let scheme = fields.any()?.whole;
    let ciphertext = fields.element(Tag::OCTET_STRING)?.content;
    fields.finish()?;
    let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
    decrypt_pbes2(scheme, ciphertext, passphrase).map(Some)
}

#[cfg(feature = "encrypted-keys")]
fn decrypt_pbes2(scheme: &[u8], ciphertext: &[u8], passphrase: &[u8]) -> Result<Secret, KeyError> {
    let scheme =
        pkcs5::EncryptionScheme::try_from(scheme).map_err(|_| KeyError::UnsupportedEncryption)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length = match scheme.decrypt_in_place(passphrase, &mut buffer) {
        Ok(plaintext) => plaintext.len(),
        Err(pkcs5::Error::DecryptFailed) => return Err(KeyError::Passphrase),
        Err(_) => return Err(KeyError::UnsupportedEncryption),
    };
    buffer.truncate(length);
    // Padding is a weak check: a wrong passphrase passes it once in 256 times, but never yields DER.
    match Reader::new(&buffer).and_then(|mut reader| {
        reader.sequence()?;
        reader.finish()
    }) {
        Ok(()) => Ok(buffer),
        Err(_) => Err(KeyError::Passphrase),
    }
}

#[cfg(not(feature = "encrypted-keys"))]
fn decrypt_pbes2(_: &[u8], _: &[u8], _: &[u8]) -> Result<Secret, KeyError> {
    Err(KeyError::UnsupportedEncryption)
}

impl<'a> PrivateKey<'a> {
    /// Reads a key that is not encrypted, whatever its form.
    pub(super) fn from_der(der: &'a [u8]) -> Result<Self, KeyError> {
        let mut outer = Reader::new(der)?;
        let mut fields = outer.sequence()?;
        outer.finish()?;
        let version = fields.unsigned()?;
        match fields.peek() {
            Some(Tag::SEQUENCE) => Self::pkcs8(der, version, fields),
            Some(Tag::OCTET_STRING) => Self::sec1(der, None),
            _ => Ok(Self::rsa(&alg_id::RSA_ENCRYPTION, der)),
        }
    }

    /// RFC 5958 2, behind `version`:
    ///
    /// ```text
    /// privateKeyAlgorithm       PrivateKeyAlgorithmIdentifier,
    /// privateKey                OCTET STRING,
    /// attributes           [0] Attributes OPTIONAL,
    /// publicKey            [1] BIT STRING OPTIONAL
    /// ```
    fn pkcs8(der: &'a [u8], version: u32, mut fields: Reader<'a>) -> Result<Self, KeyError> {
        if version > 1 {
            return Err(KeyError::Malformed(DerError::new(2, DerErrorKind::IntegerOutOfRange)));
        }
        let algorithm = AlgorithmIdentifier::read(&mut fields)?;
        let private = fields.element(Tag::OCTET_STRING)?;
        fields.optional(Tag::context_constructed(0))?;
        let public = public_half(&mut fields)?;
        fields.finish()?;

        let content = algorithm.der();
        if content == alg_id::RSA_ENCRYPTION.as_ref() || algorithm.oid().as_bytes() == RSA_PSS {
            return Ok(Self::rsa(content, private.content));
        }
        if algorithm.oid().as_bytes() == EC_PUBLIC_KEY {
            let curve = algorithm.parameters().and_then(Curve::of);
            let curve = curve.ok_or(KeyError::UnsupportedAlgorithm)?;
            let key = Self::sec1(private.content, Some(curve))?;
            return Ok(match key.material {
                Material::Ec { curve, scalar, public: inner, .. } => Self {
                    algorithm: key.algorithm,
                    material: Material::Ec { curve, scalar, public: inner.or(public), der },
                },
                _ => key,
            });
        }
        if content == alg_id::ED25519.as_ref() {
            // RFC 8410 7: "the private key is … an OCTET STRING" within `privateKey`.
            let mut inner = private.reader();
            let seed = inner.element(Tag::OCTET_STRING)?.content;
            inner.finish()?;
            let material = Material::Ed25519 { seed, public };
            return Ok(Self { algorithm: &alg_id::ED25519, material });
        }
        #[cfg(feature = "aws-lc-rs")]
        for (set, id) in
            [(44, &alg_id::ML_DSA_44), (65, &alg_id::ML_DSA_65), (87, &alg_id::ML_DSA_87)]
        {
            if content == id.as_ref() {
                return Ok(Self { algorithm: id, material: Material::MlDsa { set, pkcs8: der } });
            }
        }
        Err(KeyError::UnsupportedAlgorithm)
    }

    /// RFC 5915 3:
    ///
    /// ```text
    /// version        INTEGER { ecPrivkeyVer1(1) } (ecPrivkeyVer1),
    /// privateKey     OCTET STRING,
    /// parameters [0] ECParameters {{ NamedCurve }} OPTIONAL,
    /// publicKey  [1] BIT STRING OPTIONAL
    /// ```
    fn sec1(der: &'a [u8], outer_curve: Option<Curve>) -> Result<Self, KeyError> {
        let mut outer = Reader::new(der)?;
        let mut fields = outer.sequence()?;
        outer.finish()?;
        let start = fields.offset();
        if fields.unsigned()? != 1 {
            return Err(KeyError::Malformed(DerError::new(start, DerErrorKind::IntegerOutOfRange)));
        }
        let scalar = fields.element(Tag::OCTET_STRING)?.content;
        let mut curve = outer_curve;
        if let Some(parameters) = fields.optional(Tag::context_constructed(0))? {
            let named = Curve::of(parameters.content).ok_or(KeyError::UnsupportedAlgorithm)?;
            if curve.is_some_and(|curve| curve != named) {
                return Err(KeyError::Rejected);
            }
            curve = Some(named);
        }
        let public = public_half(&mut fields)?;
        fields.finish()?;
        // RFC 5915 3: parameters "MUST" be there, except within PKCS#8, which names the curve.
        let curve = curve.ok_or(KeyError::UnsupportedAlgorithm)?;
        Ok(Self {
            algorithm: curve.spki_algorithm(),
            material: Material::Ec { curve, scalar, public, der },
        })
    }

    const fn rsa(algorithm: &'a [u8], pkcs1: &'a [u8]) -> Self {
        Self { algorithm, material: Material::Rsa { pkcs1 } }
    }
}

/// `publicKey [1] BIT STRING`, under an IMPLICIT or an EXPLICIT tag: SEC 1 has the latter, PKCS#8 the
/// former, and writers of PKCS#8 are in use that confuse the two.
fn public_half<'a>(fields: &mut Reader<'a>) -> Result<Option<&'a [u8]>, DerError> {
    if let Some(element) = fields.optional(Tag::context_constructed(1))? {
        let mut inner = element.reader();
        let bits = inner.octet_aligned_bit_string()?.content;
        inner.finish()?;
        return Ok(Some(bits));
    }
    let Some(element) = fields.optional(Tag::context(1))? else { return Ok(None) };
    let (unused, bits) = crate::x509::der::bit_string(element)?;
    if unused == 0 {
        Ok(Some(bits.content))
    } else {
        Err(element.error(DerErrorKind::InvalidBitString))
    }
}

const EC_PUBLIC_KEY_TLV: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
