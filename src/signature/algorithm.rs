//! The signature algorithms that this crate has names for, matched exactly.
//!
//! An `AlgorithmIdentifier` is one of these only with the parameters that the algorithm's own
//! specification asks for; a known object identifier with other parameters is as unknown as a
//! foreign one. Having a name says nothing about being allowed (see
//! [`AlgorithmPolicy`](super::AlgorithmPolicy)) or about being implemented by a backend: MD5, SHA-1
//! and DSA have names so that a refusal can say them.
//!
//! | algorithm | parameters | source |
//! |---|---|---|
//! | RSA PKCS#1 v1.5, SHA-2 | NULL, or absent | RFC 4055 section 5 |
//! | RSA PKCS#1 v1.5, MD5 and SHA-1 | NULL | RFC 3279 section 2.2.1 |
//! | RSASSA-PSS | SHA-256, -384 or -512, MGF1 with the same hash, salt as long as the hash | RFC 4055 section 3.1 |
//! | ECDSA | absent | RFC 5758 section 3.2, RFC 3279 section 2.2.3 |
//! | DSA | absent | RFC 3279 section 2.2.2, RFC 5758 section 3.1 |
//! | Ed25519 | absent | RFC 8410 section 3 |
//! | ML-DSA | absent | RFC 9881 section 3 |
//!
//! *Specification:* RFC 4055 section 3.1 lets RSASSA-PSS combine any two hashes and any salt length.
//! *Enforced here:* the three combinations in use, as BoringSSL and rustls-webpki do; DER leaves two
//! encodings of each hash (NULL or absent parameters), and "all implementations MUST accept both".

use core::fmt;

use crate::x509::der::{DerError, DerErrorKind, Reader, Tag};
use crate::x509::{AlgorithmIdentifier, usual};

/// A signature algorithm with its hash and parameters; the key is apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// `md5WithRSAEncryption`.
    RsaPkcs1Md5,
    /// `sha1WithRSAEncryption`.
    RsaPkcs1Sha1,
    /// `sha256WithRSAEncryption`.
    RsaPkcs1Sha256,
    /// `sha384WithRSAEncryption`.
    RsaPkcs1Sha384,
    /// `sha512WithRSAEncryption`.
    RsaPkcs1Sha512,
    /// `id-RSASSA-PSS` with SHA-256, MGF1 with SHA-256 and 32 octets of salt.
    RsaPssSha256,
    /// `id-RSASSA-PSS` with SHA-384, MGF1 with SHA-384 and 48 octets of salt.
    RsaPssSha384,
    /// `id-RSASSA-PSS` with SHA-512, MGF1 with SHA-512 and 64 octets of salt.
    RsaPssSha512,
    /// `ecdsa-with-SHA1`.
    EcdsaSha1,
    /// `ecdsa-with-SHA256`.
    EcdsaSha256,
    /// `ecdsa-with-SHA384`.
    EcdsaSha384,
    /// `ecdsa-with-SHA512`.
    EcdsaSha512,
    /// `id-Ed25519`.
    Ed25519,
    /// `id-ml-dsa-44`.
    MlDsa44,
    /// `id-ml-dsa-65`.
    MlDsa65,
    /// `id-ml-dsa-87`.
    MlDsa87,
    /// `id-dsa-with-sha1`.
    DsaSha1,
    /// `id-dsa-with-sha256`.
    DsaSha256,
}

/// PKCS#1, up to the last arc.
const PKCS1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// `ecdsa-with-SHA2`, up to the last arc (RFC 5758 section 3.2).
const ECDSA_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
const DSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03];
/// NIST signature algorithms, up to the last arc.
pub(super) const NIST_SIGNATURES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03];
pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

const NULL: &[u8] = &[0x05, 0x00];

impl SignatureAlgorithm {
    /// All algorithms that have a name, in the order of their names here.
    pub const ALL: &'static [Self] = &[
        Self::RsaPkcs1Md5,
        Self::RsaPkcs1Sha1,
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::EcdsaSha1,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
        Self::DsaSha1,
        Self::DsaSha256,
    ];

    /// Recognises an algorithm; nothing where its identifier or its parameters are unknown.
    #[must_use]
    #[inline]
    pub fn recognize(identifier: AlgorithmIdentifier<'_>) -> Option<Self> {
        match identifier.der() {
            usual::ECDSA_WITH_SHA256 => Some(Self::EcdsaSha256),
            usual::ED25519 => Some(Self::Ed25519),
            usual::SHA256_WITH_RSA => Some(Self::RsaPkcs1Sha256),
            _ => Self::recognize_by_parts(identifier),
        }
    }

    fn recognize_by_parts(identifier: AlgorithmIdentifier<'_>) -> Option<Self> {
        let oid = identifier.oid().as_bytes();
        let parameters = identifier.parameters();
        let (last, arcs) = oid.split_last()?;
        let (algorithm, sound) = match (*last, arcs) {
            (4, PKCS1) => (Self::RsaPkcs1Md5, parameters == Some(NULL)),
            (5, PKCS1) => (Self::RsaPkcs1Sha1, matches!(parameters, None | Some(NULL))),
            (last, PKCS1) => {
                let algorithm = match last {
                    10 => return recognize_pss(parameters?),
                    11 => Self::RsaPkcs1Sha256,
                    12 => Self::RsaPkcs1Sha384,
                    13 => Self::RsaPkcs1Sha512,
                    _ => return None,
                };
                // RFC 4055 5: "the parameters MUST be NULL. Implementations MUST accept the
                // parameters being absent as well as present."
                (algorithm, parameters.is_none_or(|parameters| parameters == NULL))
            }
            (2, ECDSA_SHA2) => (Self::EcdsaSha256, parameters.is_none()),
            (3, ECDSA_SHA2) => (Self::EcdsaSha384, parameters.is_none()),
            (4, ECDSA_SHA2) => (Self::EcdsaSha512, parameters.is_none()),
            (2, NIST_SIGNATURES) => (Self::DsaSha256, parameters.is_none()),
            (17, NIST_SIGNATURES) => (Self::MlDsa44, parameters.is_none()),
            (18, NIST_SIGNATURES) => (Self::MlDsa65, parameters.is_none()),
            (19, NIST_SIGNATURES) => (Self::MlDsa87, parameters.is_none()),
            _ if oid == ED25519 => (Self::Ed25519, parameters.is_none()),
            _ if oid == ECDSA_SHA1 => (Self::EcdsaSha1, parameters.is_none()),
            _ if oid == DSA_SHA1 => (Self::DsaSha1, parameters.is_none()),
            _ => return None,
        };
        sound.then_some(algorithm)
    }

    /// Returns the stable name, such as `ecdsa-sha256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaPkcs1Md5 => "rsa-pkcs1-md5",
            Self::RsaPkcs1Sha1 => "rsa-pkcs1-sha1",
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPkcs1Sha384 => "rsa-pkcs1-sha384",
            Self::RsaPkcs1Sha512 => "rsa-pkcs1-sha512",
            Self::RsaPssSha256 => "rsa-pss-sha256",
            Self::RsaPssSha384 => "rsa-pss-sha384",
            Self::RsaPssSha512 => "rsa-pss-sha512",
            Self::EcdsaSha1 => "ecdsa-sha1",
            Self::EcdsaSha256 => "ecdsa-sha256",
            Self::EcdsaSha384 => "ecdsa-sha384",
            Self::EcdsaSha512 => "ecdsa-sha512",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
            Self::DsaSha1 => "dsa-sha1",
            Self::DsaSha256 => "dsa-sha256",
        }
    }

    /// Its place in a set of algorithms.
    pub(super) const fn bit(self) -> u32 {
        1 << match self {
            Self::RsaPkcs1Md5 => 0,
            Self::RsaPkcs1Sha1 => 1,
            Self::RsaPkcs1Sha256 => 2,
            Self::RsaPkcs1Sha384 => 3,
            Self::RsaPkcs1Sha512 => 4,
            Self::RsaPssSha256 => 5,
            Self::RsaPssSha384 => 6,
            Self::RsaPssSha512 => 7,
            Self::EcdsaSha1 => 8,
            Self::EcdsaSha256 => 9,
            Self::EcdsaSha384 => 10,
            Self::EcdsaSha512 => 11,
            Self::Ed25519 => 12,
            Self::MlDsa44 => 13,
            Self::MlDsa65 => 14,
            Self::MlDsa87 => 15,
            Self::DsaSha1 => 16,
            Self::DsaSha256 => 17,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Recognises `RSASSA-PSS-params`, of a signature or of a key.
///
/// ```text
/// RSASSA-PSS-params  ::=  SEQUENCE  {
///    hashAlgorithm      [0] HashAlgorithm DEFAULT sha1Identifier,
///    maskGenAlgorithm   [1] MaskGenAlgorithm DEFAULT mgf1SHA1Identifier,
///    saltLength         [2] INTEGER DEFAULT 20,
///    trailerField       [3] INTEGER DEFAULT 1  }
/// ```
pub(super) fn recognize_pss(parameters: &[u8]) -> Option<SignatureAlgorithm> {
    let found = read_pss(parameters).ok()?;
    if found.function != MGF1 || found.hash != found.mask_hash {
        return None;
    }
    match (found.hash, found.salt_length) {
        (SHA256, 32) => Some(SignatureAlgorithm::RsaPssSha256),
        (SHA384, 48) => Some(SignatureAlgorithm::RsaPssSha384),
        (SHA512, 64) => Some(SignatureAlgorithm::RsaPssSha512),
        _ => None,
    }
}

/// The three fields that differ from their defaults in every accepted combination; identifiers as
/// content octets.
struct PssParameters<'a> {
    hash: &'a [u8],
    function: &'a [u8],
    mask_hash: &'a [u8],
    salt_length: u32,
}

const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];

fn read_pss(parameters: &[u8]) -> Result<PssParameters<'_>, DerError> {
    let mut outer = Reader::new(parameters)?;
    let mut fields = outer.sequence()?;
    outer.finish()?;

    let mut tagged = fields.element(Tag::context_constructed(0))?.reader();
    let hash = read_hash(&mut tagged)?;
    tagged.finish()?;

    let mut tagged = fields.element(Tag::context_constructed(1))?.reader();
    let mut generator = tagged.sequence()?;
    tagged.finish()?;
    let function = generator.oid()?;
    let mask_hash = read_hash(&mut generator)?;
    generator.finish()?;

    let mut tagged = fields.element(Tag::context_constructed(2))?.reader();
    let salt_length = tagged.unsigned()?;
    tagged.finish()?;
    // RFC 4055 3.1 knows one trailerField, 1, which is the default, and DER omits defaults.
    fields.finish()?;
    Ok(PssParameters { hash, function, mask_hash, salt_length })
}

/// Reads a hash algorithm and returns its identifier's content octets.
fn read_hash<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DerError> {
    let mut hash = reader.sequence()?;
    let oid = hash.oid()?;
    // RFC 4055 2.1: "All implementations MUST accept both NULL and absent parameters as legal and
    // equivalent encodings."
    if let Some(null) = hash.optional(Tag::NULL)?
        && !null.content.is_empty()
    {
        return Err(null.error(DerErrorKind::InvalidNull));
    }
    hash.finish()?;
    Ok(oid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut bytes = alloc::vec![tag, u8::try_from(content.len()).unwrap()];
        bytes.extend(content);
        bytes
    }

    fn recognize(oid: &[u8], parameters: &[u8]) -> Option<SignatureAlgorithm> {
        let der = tlv(0x30, &[&tlv(0x06, &[oid]), parameters]);
        SignatureAlgorithm::recognize(AlgorithmIdentifier::from_der(&der).unwrap())
    }

    #[test]
    fn parameters_are_part_of_the_algorithm() {
        use SignatureAlgorithm::*;
        let pkcs1 = |last| [PKCS1, &[last]].concat();
        let ecdsa = |last| [ECDSA_SHA2, &[last]].concat();
        let nist = |last| [NIST_SIGNATURES, &[last]].concat();
        // algorithm, identifier, with NULL, without parameters
        for (oid, null, absent) in [
            (pkcs1(4), Some(RsaPkcs1Md5), None),
            (pkcs1(5), Some(RsaPkcs1Sha1), Some(RsaPkcs1Sha1)),
            (pkcs1(11), Some(RsaPkcs1Sha256), Some(RsaPkcs1Sha256)),
            (pkcs1(12), Some(RsaPkcs1Sha384), Some(RsaPkcs1Sha384)),
            (pkcs1(13), Some(RsaPkcs1Sha512), Some(RsaPkcs1Sha512)),
            (pkcs1(1), None, None),
            (pkcs1(10), None, None),
            (ECDSA_SHA1.to_vec(), None, Some(EcdsaSha1)),
            (ecdsa(2), None, Some(EcdsaSha256)),
            (ecdsa(3), None, Some(EcdsaSha384)),
            (ecdsa(4), None, Some(EcdsaSha512)),
            (ED25519.to_vec(), None, Some(Ed25519)),
            (nist(17), None, Some(MlDsa44)),
            (nist(18), None, Some(MlDsa65)),
            (nist(19), None, Some(MlDsa87)),
            (nist(2), None, Some(DsaSha256)),
            (DSA_SHA1.to_vec(), None, Some(DsaSha1)),
            (alloc::vec![0x2a, 0x03], None, None),
        ] {
            assert_eq!(recognize(&oid, NULL), null, "{oid:02x?} with NULL");
            assert_eq!(recognize(&oid, &[]), absent, "{oid:02x?} without parameters");
            assert_eq!(recognize(&oid, &[0x04, 0x00]), None, "{oid:02x?} with an OCTET STRING");
        }
    }

    #[test]
    fn pss_takes_three_combinations() {
        let hash = |oid: &[u8], null: &[u8]| tlv(0x30, &[&tlv(0x06, &[oid]), null]);
        let params = |hash: &[u8], function: &[u8], mask: &[u8], rest: &[u8]| {
            let generator = tlv(0x30, &[&tlv(0x06, &[function]), mask]);
            tlv(0x30, &[&tlv(0xa0, &[hash]), &tlv(0xa1, &[&generator]), rest])
        };
        let salt = |length| [0xa2, 0x03, 0x02, 0x01, length];
        let with_null = hash(SHA256, NULL);
        let without = hash(SHA256, &[]);
        let other = hash(SHA384, NULL);
        let accepted = Some(SignatureAlgorithm::RsaPssSha256);
        let trailer = [&salt(32)[..], &[0xa3, 0x03, 0x02, 0x01, 0x01]].concat();
        for (case, parameters, expected) in [
            ("usual", params(&with_null, MGF1, &with_null, &salt(32)), accepted),
            ("NULL absent", params(&without, MGF1, &without, &salt(32)), accepted),
            ("mixed", params(&with_null, MGF1, &without, &salt(32)), accepted),
            ("salt too short", params(&with_null, MGF1, &with_null, &salt(20)), None),
            ("default salt encoded as absent", params(&with_null, MGF1, &with_null, &[]), None),
            ("another hash in MGF1", params(&with_null, MGF1, &other, &salt(32)), None),
            ("another function", params(&with_null, SHA256, &with_null, &salt(32)), None),
            (
                "trailer encoded though default",
                params(&with_null, MGF1, &with_null, &trailer),
                None,
            ),
            ("all defaults: SHA-1", tlv(0x30, &[]), None),
            (
                "SHA-512",
                params(&hash(SHA512, NULL), MGF1, &hash(SHA512, NULL), &salt(64)),
                Some(SignatureAlgorithm::RsaPssSha512),
            ),
            (
                "SHA-384",
                params(&other, MGF1, &other, &salt(48)),
                Some(SignatureAlgorithm::RsaPssSha384),
            ),
        ] {
            assert_eq!(recognize(&[PKCS1, &[10]].concat(), &parameters), expected, "{case}");
        }
    }

    #[test]
    fn names_and_places_are_distinct() {
        let mut names: Vec<_> = SignatureAlgorithm::ALL.iter().map(|a| a.name()).collect();
        let bits = SignatureAlgorithm::ALL.iter().fold(0, |bits, a| bits | a.bit());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SignatureAlgorithm::ALL.len());
        assert_eq!(bits, (1 << SignatureAlgorithm::ALL.len()) - 1);
    }
}
