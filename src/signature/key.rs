//! What kind of key a `SubjectPublicKeyInfo` holds, read without arithmetic.
//!
//! Cheap enough to come before every policy question: no big number is computed with, no point is
//! checked to lie on its curve (backends do that). The frame is strict: an `RSAPublicKey` in DER, a
//! point of its curve's length, a key of its algorithm's length.
//!
//! *Specification:* RFC 3279 section 2.3.5 and RFC 5480 section 2.1.1 know curves given by explicit
//! parameters. *Enforced here:* named curves only (RFC 5480 section 2.1.1: "implicitCurve and
//! specifiedCurve MUST NOT be used in PKIX"); explicit parameters have a name so that a refusal can
//! say it.
//!
//! *Specification:* RFC 5480 section 2.2 lets a point be compressed. *Enforced here:* recognised;
//! whether it can be used is up to the backend.

use core::fmt;

use super::SignatureAlgorithm;
use super::algorithm::{ED25519, NIST_SIGNATURES, recognize_pss};
use crate::x509::der::{DerError, Reader};
use crate::x509::{SubjectPublicKeyInfo, usual};

/// The kind of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// `rsaEncryption`.
    #[non_exhaustive]
    Rsa {
        /// Length of the modulus in bits.
        modulus_bits: u32,
    },
    /// `id-RSASSA-PSS`: for PSS signatures only.
    #[non_exhaustive]
    RsaPss {
        /// Length of the modulus in bits.
        modulus_bits: u32,
        /// The only algorithm that the key may be used with, where it names one.
        only: Option<SignatureAlgorithm>,
    },
    /// `id-ecPublicKey` on `secp256r1`.
    P256,
    /// `id-ecPublicKey` on `secp384r1`.
    P384,
    /// `id-ecPublicKey` on `secp521r1`.
    P521,
    /// `id-Ed25519`.
    Ed25519,
    /// `id-ml-dsa-44`.
    MlDsa44,
    /// `id-ml-dsa-65`.
    MlDsa65,
    /// `id-ml-dsa-87`.
    MlDsa87,
    /// `id-dsa`, whose parameters may be inherited from the issuer.
    Dsa,
    /// `id-ecPublicKey` on another named curve.
    OtherCurve,
    /// `id-ecPublicKey` on a curve given by explicit parameters.
    ExplicitCurve,
    /// A known algorithm whose parameters or key octets are not what it asks for.
    Malformed,
    /// An algorithm that this crate has no name for.
    Unknown,
}

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];

/// Whole encodings of the parameters.
const NULL: &[u8] = &[0x05, 0x00];
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];

/// The usual algorithm with its parameters: EC with P256.
const POINT_OF_P256: &[u8] =
    b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

impl KeyAlgorithm {
    /// Says what kind of key it is.
    #[must_use]
    #[inline]
    pub fn classify(spki: &SubjectPublicKeyInfo<'_>) -> Self {
        match spki.algorithm().der() {
            POINT_OF_P256 => point(Self::P256, 32, spki.key()),
            usual::ED25519 => exactly(Self::Ed25519, 32, None, spki.key()),
            _ => Self::classify_by_parts(spki),
        }
    }

    fn classify_by_parts(spki: &SubjectPublicKeyInfo<'_>) -> Self {
        let parameters = spki.algorithm().parameters();
        let key = spki.key();
        match spki.algorithm().oid().as_bytes() {
            EC => classify_curve(parameters, key),
            // RFC 3279 2.3.1: "The parameters field MUST have ASN.1 type NULL".
            RSA if parameters == Some(NULL) => {
                modulus_bits(key).map_or(Self::Malformed, |modulus_bits| Self::Rsa { modulus_bits })
            }
            RSA => Self::Malformed,
            RSA_PSS => classify_pss(parameters, key),
            ED25519 => exactly(Self::Ed25519, 32, parameters, key),
            DSA => Self::Dsa,
            oid => match oid.split_last() {
                Some((17, NIST_SIGNATURES)) => exactly(Self::MlDsa44, 1312, parameters, key),
                Some((18, NIST_SIGNATURES)) => exactly(Self::MlDsa65, 1952, parameters, key),
                Some((19, NIST_SIGNATURES)) => exactly(Self::MlDsa87, 2592, parameters, key),
                _ => Self::Unknown,
            },
        }
    }

    /// Says whether a signature of this algorithm can be made with such a key.
    ///
    /// ECDSA takes any of its hashes on any of its curves (RFC 5758 section 3.2 binds none).
    #[must_use]
    pub fn fits(self, signature: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm as S;
        match signature {
            S::RsaPkcs1Md5
            | S::RsaPkcs1Sha1
            | S::RsaPkcs1Sha256
            | S::RsaPkcs1Sha384
            | S::RsaPkcs1Sha512 => matches!(self, Self::Rsa { .. }),
            S::RsaPssSha256 | S::RsaPssSha384 | S::RsaPssSha512 => match self {
                Self::Rsa { .. } => true,
                Self::RsaPss { only, .. } => only.is_none_or(|only| only == signature),
                _ => false,
            },
            S::EcdsaSha1 | S::EcdsaSha256 | S::EcdsaSha384 | S::EcdsaSha512 => matches!(
                self,
                Self::P256 | Self::P384 | Self::P521 | Self::OtherCurve | Self::ExplicitCurve
            ),
            S::Ed25519 => self == Self::Ed25519,
            S::MlDsa44 => self == Self::MlDsa44,
            S::MlDsa65 => self == Self::MlDsa65,
            S::MlDsa87 => self == Self::MlDsa87,
            S::DsaSha1 | S::DsaSha256 => self == Self::Dsa,
        }
    }

    /// Returns the length of an RSA modulus in bits.
    #[must_use]
    pub const fn modulus_bits(self) -> Option<u32> {
        match self {
            Self::Rsa { modulus_bits } | Self::RsaPss { modulus_bits, .. } => Some(modulus_bits),
            _ => None,
        }
    }

    /// Returns its kind; nothing where it is malformed or unknown.
    #[must_use]
    pub const fn kind(self) -> Option<KeyKind> {
        Some(match self {
            Self::Rsa { .. } => KeyKind::Rsa,
            Self::RsaPss { .. } => KeyKind::RsaPss,
            Self::P256 => KeyKind::P256,
            Self::P384 => KeyKind::P384,
            Self::P521 => KeyKind::P521,
            Self::Ed25519 => KeyKind::Ed25519,
            Self::MlDsa44 => KeyKind::MlDsa44,
            Self::MlDsa65 => KeyKind::MlDsa65,
            Self::MlDsa87 => KeyKind::MlDsa87,
            Self::Dsa => KeyKind::Dsa,
            Self::OtherCurve => KeyKind::OtherCurve,
            Self::ExplicitCurve => KeyKind::ExplicitCurve,
            Self::Malformed | Self::Unknown => return None,
        })
    }
}

impl fmt::Display for KeyAlgorithm {
    /// Writes the name, and the size of an RSA key: `rsa-2048`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.kind(), self) {
            (Some(kind), _) => kind.name(),
            (None, Self::Malformed) => "malformed",
            (None, _) => "unknown",
        })?;
        match self.modulus_bits() {
            Some(bits) => write!(f, "-{bits}"),
            None => Ok(()),
        }
    }
}

/// A kind of key that a policy can allow or refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// [`KeyAlgorithm::Rsa`].
    Rsa,
    /// [`KeyAlgorithm::RsaPss`].
    RsaPss,
    /// [`KeyAlgorithm::P256`].
    P256,
    /// [`KeyAlgorithm::P384`].
    P384,
    /// [`KeyAlgorithm::P521`].
    P521,
    /// [`KeyAlgorithm::Ed25519`].
    Ed25519,
    /// [`KeyAlgorithm::MlDsa44`].
    MlDsa44,
    /// [`KeyAlgorithm::MlDsa65`].
    MlDsa65,
    /// [`KeyAlgorithm::MlDsa87`].
    MlDsa87,
    /// [`KeyAlgorithm::Dsa`].
    Dsa,
    /// [`KeyAlgorithm::OtherCurve`].
    OtherCurve,
    /// [`KeyAlgorithm::ExplicitCurve`].
    ExplicitCurve,
}

impl KeyKind {
    /// All kinds, in the order of their names here.
    pub const ALL: &'static [Self] = &[
        Self::Rsa,
        Self::RsaPss,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
        Self::Dsa,
        Self::OtherCurve,
        Self::ExplicitCurve,
    ];

    /// Returns the stable name, such as `p-256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::RsaPss => "rsa-pss",
            Self::P256 => "p-256",
            Self::P384 => "p-384",
            Self::P521 => "p-521",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
            Self::Dsa => "dsa",
            Self::OtherCurve => "ec-other-curve",
            Self::ExplicitCurve => "ec-explicit-curve",
        }
    }

    /// Its place in a set of kinds.
    pub(super) const fn bit(self) -> u16 {
        1 << match self {
            Self::Rsa => 0,
            Self::RsaPss => 1,
            Self::P256 => 2,
            Self::P384 => 3,
            Self::P521 => 4,
            Self::Ed25519 => 5,
            Self::MlDsa44 => 6,
            Self::MlDsa65 => 7,
            Self::MlDsa87 => 8,
            Self::Dsa => 9,
            Self::OtherCurve => 10,
            Self::ExplicitCurve => 11,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn classify_curve(parameters: Option<&[u8]>, key: &[u8]) -> KeyAlgorithm {
    let (curve, field) = match parameters {
        Some(P256) => (KeyAlgorithm::P256, 32),
        Some(P384) => (KeyAlgorithm::P384, 48),
        Some(P521) => (KeyAlgorithm::P521, 66),
        Some([0x06, ..]) => return KeyAlgorithm::OtherCurve,
        Some([0x30, ..]) => return KeyAlgorithm::ExplicitCurve,
        // RFC 5480 2.1.1: "implicitCurve and specifiedCurve MUST NOT be used in PKIX."
        _ => return KeyAlgorithm::Malformed,
    };
    point(curve, field, key)
}

/// A key that is a point of a curve whose coordinates have `field` octets.
#[inline]
fn point(curve: KeyAlgorithm, field: usize, key: &[u8]) -> KeyAlgorithm {
    // RFC 5480 2.2: "The public key MUST be rejected if any other value is included in the first
    // octet."
    match key.first() {
        Some(0x04) if key.len() == 1 + 2 * field => curve,
        Some(0x02 | 0x03) if key.len() == 1 + field => curve,
        _ => KeyAlgorithm::Malformed,
    }
}

/// RFC 4055 section 3.3: absent parameters leave the key open to every hash; parameters present
/// bind it to them.
fn classify_pss(parameters: Option<&[u8]>, key: &[u8]) -> KeyAlgorithm {
    let Ok(modulus_bits) = modulus_bits(key) else { return KeyAlgorithm::Malformed };
    match parameters {
        None => KeyAlgorithm::RsaPss { modulus_bits, only: None },
        Some(parameters) => match recognize_pss(parameters) {
            Some(only) => KeyAlgorithm::RsaPss { modulus_bits, only: Some(only) },
            None => KeyAlgorithm::Unknown,
        },
    }
}

/// A key without parameters whose octets have one length.
fn exactly(
    algorithm: KeyAlgorithm,
    length: usize,
    parameters: Option<&[u8]>,
    key: &[u8],
) -> KeyAlgorithm {
    if parameters.is_none() && key.len() == length { algorithm } else { KeyAlgorithm::Malformed }
}

/// Reads `RSAPublicKey` (RFC 8017 appendix A.1.1) for the length of its modulus.
fn modulus_bits(key: &[u8]) -> Result<u32, DerError> {
    use crate::x509::DerErrorKind::IntegerOutOfRange;
    let mut outer = Reader::new(key)?;
    let mut fields = outer.sequence()?;
    outer.finish()?;
    let start = fields.offset();
    let modulus = positive_odd(fields.integer()?).ok_or(DerError::new(start, IntegerOutOfRange))?;
    let start = fields.offset();
    let exponent =
        positive_odd(fields.integer()?).ok_or(DerError::new(start, IntegerOutOfRange))?;
    fields.finish()?;
    // RFC 8017 3.1: "the RSA public exponent e is an integer between 3 and n - 1".
    if exponent == [1] {
        return Err(DerError::new(start, IntegerOutOfRange));
    }
    let leading = modulus.first().map_or(0, |octet| octet.leading_zeros());
    u32::try_from(modulus.len())
        .ok()
        .and_then(|octets| octets.checked_mul(8))
        .and_then(|bits| bits.checked_sub(leading))
        .ok_or(DerError::new(start, IntegerOutOfRange))
}

/// The magnitude of a positive odd INTEGER, without a leading zero octet.
fn positive_odd(content: &[u8]) -> Option<&[u8]> {
    let magnitude = match content {
        [0, rest @ ..] => rest,
        [first, ..] if *first >= 0x80 => return None,
        _ => content,
    };
    magnitude.last().is_some_and(|octet| octet & 1 == 1).then_some(magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    /// `tag length content`, long form where needed.
    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        let header = match length {
            [0, low] if low < 0x80 => alloc::vec![tag, low],
            [0, low] => alloc::vec![tag, 0x81, low],
            [high, low] => alloc::vec![tag, 0x82, high, low],
        };
        [header, content].concat()
    }

    fn spki(oid: &[u8], parameters: &[u8], key: &[u8]) -> Vec<u8> {
        let algorithm = tlv(0x30, &[&tlv(0x06, &[oid]), parameters]);
        tlv(0x30, &[&algorithm, &tlv(0x03, &[&[0], key])])
    }

    fn classify(oid: &[u8], parameters: &[u8], key: &[u8]) -> alloc::string::String {
        let der = spki(oid, parameters, key);
        KeyAlgorithm::classify(&SubjectPublicKeyInfo::from_der(&der).unwrap()).to_string()
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        tlv(0x30, &[&tlv(0x02, &[modulus]), &tlv(0x02, &[exponent])])
    }

    #[test]
    fn rsa_keys_are_measured() {
        let full = [&[0x00, 0x80][..], &[0; 254], &[1]].concat();
        let shorter = [&[0x40][..], &[0; 254], &[1]].concat();
        let even = [&[0x40][..], &[0; 254], &[2]].concat();
        let e = [1, 0, 1];
        let negative = [&[0x80][..], &[1; 255]].concat();
        let padded = [&[0x00, 0x40][..], &[1; 255]].concat();
        for (case, parameters, key, expected) in [
            ("2048 bits", NULL, rsa(&full, &e), "rsa-2048"),
            ("one bit less", NULL, rsa(&shorter, &e), "rsa-2047"),
            ("exponent 3", NULL, rsa(&full, &[3]), "rsa-2048"),
            ("exponent 1", NULL, rsa(&full, &[1]), "malformed"),
            ("exponent 0", NULL, rsa(&full, &[0]), "malformed"),
            ("even exponent", NULL, rsa(&full, &[4]), "malformed"),
            ("even modulus", NULL, rsa(&even, &e), "malformed"),
            ("negative modulus", NULL, rsa(&negative, &e), "malformed"),
            ("modulus not minimal", NULL, rsa(&padded, &e), "malformed"),
            ("bytes behind", NULL, [rsa(&full, &e), alloc::vec![0]].concat(), "malformed"),
            ("parameters absent", &[], rsa(&full, &e), "malformed"),
            ("no key", NULL, Vec::new(), "malformed"),
        ] {
            assert_eq!(classify(RSA, parameters, &key), expected, "{case}");
        }
        assert_eq!(classify(RSA_PSS, &[], &rsa(&full, &e)), "rsa-pss-2048");
        assert_eq!(classify(RSA_PSS, NULL, &rsa(&full, &e)), "unknown");
    }

    #[test]
    fn curves_are_named() {
        let point = |form: u8, length: usize| [&[form][..], &alloc::vec![7; length - 1]].concat();
        for (case, parameters, key, expected) in [
            ("P-256", P256, point(4, 65), "p-256"),
            ("P-256 compressed", P256, point(3, 33), "p-256"),
            ("P-256 hybrid", P256, point(6, 65), "malformed"),
            ("P-256 too short", P256, point(4, 64), "malformed"),
            ("P-384", P384, point(4, 97), "p-384"),
            ("P-384 with a P-256 point", P384, point(4, 65), "malformed"),
            ("P-521", P521, point(4, 133), "p-521"),
            (
                "secp256k1",
                &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
                point(4, 65),
                "ec-other-curve",
            ),
            ("explicit", &[0x30, 0x00], point(4, 65), "ec-explicit-curve"),
            ("implicit", NULL, point(4, 65), "malformed"),
            ("absent", &[], point(4, 65), "malformed"),
        ] {
            assert_eq!(classify(EC, parameters, &key), expected, "{case}");
        }
    }

    #[test]
    fn lengths_are_exact() {
        let ml_dsa = |last| [NIST_SIGNATURES, &[last]].concat();
        for (case, oid, parameters, length, expected) in [
            ("Ed25519", ED25519.to_vec(), &[][..], 32, "ed25519"),
            ("Ed25519 with NULL", ED25519.to_vec(), NULL, 32, "malformed"),
            ("Ed25519 too long", ED25519.to_vec(), &[], 33, "malformed"),
            ("ML-DSA-44", ml_dsa(17), &[], 1312, "ml-dsa-44"),
            ("ML-DSA-44 with NULL", ml_dsa(17), NULL, 1312, "malformed"),
            ("ML-DSA-65", ml_dsa(18), &[], 1952, "ml-dsa-65"),
            ("ML-DSA-87", ml_dsa(19), &[], 2592, "ml-dsa-87"),
            ("ML-DSA-87, key of 65", ml_dsa(19), &[], 1952, "malformed"),
            ("another", alloc::vec![0x2a, 0x03], &[], 32, "unknown"),
        ] {
            assert_eq!(classify(&oid, parameters, &alloc::vec![1; length]), expected, "{case}");
        }
    }

    #[test]
    fn signatures_fit_keys() {
        use SignatureAlgorithm as S;
        let rsa = KeyAlgorithm::Rsa { modulus_bits: 2048 };
        let pss = |only| KeyAlgorithm::RsaPss { modulus_bits: 2048, only };
        for (key, signature, expected) in [
            (rsa, S::RsaPkcs1Sha256, true),
            (rsa, S::RsaPssSha512, true),
            (rsa, S::EcdsaSha256, false),
            (pss(None), S::RsaPssSha256, true),
            (pss(None), S::RsaPkcs1Sha256, false),
            (pss(Some(S::RsaPssSha384)), S::RsaPssSha384, true),
            (pss(Some(S::RsaPssSha384)), S::RsaPssSha256, false),
            (KeyAlgorithm::P256, S::EcdsaSha512, true),
            (KeyAlgorithm::P521, S::EcdsaSha256, true),
            (KeyAlgorithm::P256, S::Ed25519, false),
            (KeyAlgorithm::Ed25519, S::Ed25519, true),
            (KeyAlgorithm::MlDsa44, S::MlDsa44, true),
            (KeyAlgorithm::MlDsa44, S::MlDsa65, false),
            (KeyAlgorithm::Dsa, S::DsaSha1, true),
            (KeyAlgorithm::Unknown, S::EcdsaSha256, false),
            (KeyAlgorithm::Malformed, S::RsaPkcs1Sha256, false),
        ] {
            assert_eq!(key.fits(signature), expected, "{key} {signature}");
        }
    }
}
