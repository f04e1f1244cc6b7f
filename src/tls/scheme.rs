//! TLS signature schemes and what they ask of algorithm and key.
//!
//! TLS 1.3 binds the curve to the scheme (RFC 8446 section 4.2.3) and forbids PKCS#1 v1.5 in
//! handshake signatures; TLS 1.2 binds neither: its ECDSA code points name a hash (RFC 5246 section
//! 7.4.1.4.1), any curve goes with it. ML-DSA is for TLS 1.3 only. Schemes with SHA-1, and those for
//! keys that are restricted to RSASSA-PSS, are not known here.

use alloc::vec::Vec;

use crate::signature::{
    AlgorithmPolicy, KeyAlgorithm, KeyKind, Message, PublicKey, SignatureAlgorithm,
    SignatureBackend, SignatureError,
};
use crate::x509::SubjectPublicKeyInfo;
use crate::x509::der::Tag;
use crate::x509::structure::encode;

/// The version of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Tls12,
    Tls13,
}

/// A `SignatureScheme` as it goes over the wire (RFC 8446 section 4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scheme(pub(crate) u16);

/// A scheme, its algorithm, and the keys that it goes with.
struct Row {
    scheme: Scheme,
    algorithm: SignatureAlgorithm,
    tls12: &'static [KeyKind],
    tls13: &'static [KeyKind],
}

const CURVES: &[KeyKind] = &[KeyKind::P256, KeyKind::P384, KeyKind::P521];

const fn row(
    code: u16,
    algorithm: SignatureAlgorithm,
    tls12: &'static [KeyKind],
    tls13: &'static [KeyKind],
) -> Row {
    Row { scheme: Scheme(code), algorithm, tls12, tls13 }
}

/// All schemes that this crate has names for, the preferred one first.
const ROWS: &[Row] = {
    use KeyKind as K;
    use SignatureAlgorithm as A;
    &[
        row(0x0403, A::EcdsaSha256, CURVES, &[K::P256]),
        row(0x0503, A::EcdsaSha384, CURVES, &[K::P384]),
        row(0x0603, A::EcdsaSha512, CURVES, &[K::P521]),
        row(0x0807, A::Ed25519, &[K::Ed25519], &[K::Ed25519]),
        row(0x0904, A::MlDsa44, &[], &[K::MlDsa44]),
        row(0x0905, A::MlDsa65, &[], &[K::MlDsa65]),
        row(0x0906, A::MlDsa87, &[], &[K::MlDsa87]),
        row(0x0804, A::RsaPssSha256, &[K::Rsa], &[K::Rsa]),
        row(0x0805, A::RsaPssSha384, &[K::Rsa], &[K::Rsa]),
        row(0x0806, A::RsaPssSha512, &[K::Rsa], &[K::Rsa]),
        row(0x0401, A::RsaPkcs1Sha256, &[K::Rsa], &[]),
        row(0x0501, A::RsaPkcs1Sha384, &[K::Rsa], &[]),
        row(0x0601, A::RsaPkcs1Sha512, &[K::Rsa], &[]),
    ]
};

impl Row {
    const fn keys(&self, version: Version) -> &'static [KeyKind] {
        match version {
            Version::Tls12 => self.tls12,
            Version::Tls13 => self.tls13,
        }
    }
}

/// What a key of this kind signs with when it has this algorithm, the same in both versions: the
/// scheme that TLS 1.3 binds to the curve.
pub(crate) fn scheme_of(kind: KeyKind, algorithm: SignatureAlgorithm) -> Option<Scheme> {
    ROWS.iter()
        .filter(|row| row.algorithm == algorithm)
        .find(|row| {
            let bound = if row.tls13.is_empty() { row.tls12 } else { row.tls13 };
            bound.contains(&kind)
        })
        .map(|row| row.scheme)
}

/// Why the signature of a handshake is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignatureRefused {
    /// The scheme was not offered in this version: `illegal_parameter`.
    NotOffered,
    /// The scheme does not go with the key: `decrypt_error`.
    Key {
        /// Content of the identifier of the signature's algorithm.
        signature_algorithm: Vec<u8>,
        /// Content of the identifier of the key's algorithm.
        key_algorithm: Vec<u8>,
    },
    /// The certificate or its key cannot be read: `bad_certificate`.
    Malformed,
    /// The policy refuses the algorithm or the key: `bad_certificate`.
    Policy,
    /// Key usage lacks digitalSignature: `unsupported_certificate`.
    KeyUsage,
    /// The backend does not know the algorithm or the key: `unsupported_certificate`.
    Unsupported,
    /// It does not hold: `decrypt_error`.
    Invalid,
}

/// A signature of a handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandshakeSignature<'a> {
    pub(crate) version: Version,
    pub(crate) scheme: Scheme,
    /// What is signed, not hashed.
    pub(crate) message: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl HandshakeSignature<'_> {
    /// Verifies it with the key of the peer.
    pub(crate) fn verify(
        &self,
        key: SubjectPublicKeyInfo<'_>,
        backend: &dyn SignatureBackend,
        policy: &AlgorithmPolicy,
    ) -> Result<(), SignatureRefused> {
        // RFC 8446 4.4.3: "the signature algorithm MUST be one offered in the client's
        // "signature_algorithms" extension", "RSA signatures MUST use an RSASSA-PSS algorithm".
        let offered = |row: &&Row| row.scheme == self.scheme && !row.keys(self.version).is_empty();
        let row = ROWS.iter().find(offered).ok_or(SignatureRefused::NotOffered)?;
        let identifier = row.algorithm.identifier().ok_or(SignatureRefused::NotOffered)?;
        let kind = KeyAlgorithm::classify(&key).kind();
        if !kind.is_some_and(|kind| row.keys(self.version).contains(&kind)) {
            return Err(SignatureRefused::Key {
                signature_algorithm: identifier.oid().as_bytes().to_vec(),
                key_algorithm: key.algorithm().oid().as_bytes().to_vec(),
            });
        }
        policy.check(identifier, &key).map_err(|_| SignatureRefused::Policy)?;
        let key = PublicKey::new(key);
        let message = Message::new(self.message);
        backend.verify(key, identifier, &message, self.signature).map_err(|error| match error {
            SignatureError::UnsupportedAlgorithm | SignatureError::UnsupportedKey => {
                SignatureRefused::Unsupported
            }
            _ => SignatureRefused::Invalid,
        })
    }
}

/// The schemes that a backend verifies and a policy allows, found out by asking the backend about a
/// signature of each that cannot hold: it answers [`SignatureError::Invalid`] where it did the
/// arithmetic.
pub(crate) fn supported(backend: &dyn SignatureBackend, policy: &AlgorithmPolicy) -> Vec<Scheme> {
    let verifies = |row: &Row, kind: KeyKind| {
        let (Some(spki), Some(identifier)) = (sample_key(kind), row.algorithm.identifier()) else {
            return false;
        };
        let Ok(key) = SubjectPublicKeyInfo::from_der(&spki) else { return false };
        policy.check(identifier, &key).is_ok()
            && matches!(
                backend.verify(PublicKey::new(key), identifier, &Message::new(b""), &[0; 64]),
                Ok(()) | Err(SignatureError::Invalid | SignatureError::MalformedKey)
            )
    };
    let offers = |row: &&Row| {
        let bound = if row.tls13.is_empty() { row.tls12 } else { row.tls13 };
        bound.iter().any(|&kind| verifies(row, kind))
    };
    ROWS.iter().filter(offers).map(|row| row.scheme).collect()
}

/// A public key of a kind that nobody has the private half of: base points of curves, and numbers of
/// the right length. Nothing for kinds that no scheme has.
fn sample_key(kind: KeyKind) -> Option<Vec<u8>> {
    // Contents of AlgorithmIdentifiers.
    use rustls_pki_types::alg_id;
    let (algorithm, key): (&[u8], Vec<u8>) = match kind {
        KeyKind::P256 => (&alg_id::ECDSA_P256, [&[4][..], P256_BASE].concat()),
        KeyKind::P384 => (&alg_id::ECDSA_P384, [&[4][..], P384_BASE].concat()),
        KeyKind::P521 => (&alg_id::ECDSA_P521, [&[4][..], P521_BASE].concat()),
        KeyKind::Ed25519 => (&alg_id::ED25519, [&[0x58][..], &[0x66; 31]].concat()),
        KeyKind::MlDsa44 => (&alg_id::ML_DSA_44, alloc::vec![0; 1312]),
        KeyKind::MlDsa65 => (&alg_id::ML_DSA_65, alloc::vec![0; 1952]),
        KeyKind::MlDsa87 => (&alg_id::ML_DSA_87, alloc::vec![0; 2592]),
        KeyKind::Rsa => {
            let modulus = encode(Tag::INTEGER, &[&[0][..], &[0xff; 256]].concat());
            let exponent = encode(Tag::INTEGER, &[1, 0, 1]);
            (&alg_id::RSA_ENCRYPTION, encode(Tag::SEQUENCE, &[modulus, exponent].concat()))
        }
        _ => return None,
    };
    let bits = encode(Tag::BIT_STRING, &[&[0][..], &key].concat());
    Some(encode(Tag::SEQUENCE, &[encode(Tag::SEQUENCE, algorithm), bits].concat()))
}

/// Base points (SEC 2 sections 2.4.2, 2.5.1, 2.6.1): both coordinates.
const P256_BASE: &[u8] = &[
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
    0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];
const P384_BASE: &[u8] = &[
    0xaa, 0x87, 0xca, 0x22, 0xbe, 0x8b, 0x05, 0x37, 0x8e, 0xb1, 0xc7, 0x1e, 0xf3, 0x20, 0xad, 0x74,
    0x6e, 0x1d, 0x3b, 0x62, 0x8b, 0xa7, 0x9b, 0x98, 0x59, 0xf7, 0x41, 0xe0, 0x82, 0x54, 0x2a, 0x38,
    0x55, 0x02, 0xf2, 0x5d, 0xbf, 0x55, 0x29, 0x6c, 0x3a, 0x54, 0x5e, 0x38, 0x72, 0x76, 0x0a, 0xb7,
    0x36, 0x17, 0xde, 0x4a, 0x96, 0x26, 0x2c, 0x6f, 0x5d, 0x9e, 0x98, 0xbf, 0x92, 0x92, 0xdc, 0x29,
    0xf8, 0xf4, 0x1d, 0xbd, 0x28, 0x9a, 0x14, 0x7c, 0xe9, 0xda, 0x31, 0x13, 0xb5, 0xf0, 0xb8, 0xc0,
    0x0a, 0x60, 0xb1, 0xce, 0x1d, 0x7e, 0x81, 0x9d, 0x7a, 0x43, 0x1d, 0x7c, 0x90, 0xea, 0x0e, 0x5f,
];
const P521_BASE: &[u8] = &[
    0x00, 0xc6, 0x85, 0x8e, 0x06, 0xb7, 0x04, 0x04, 0xe9, 0xcd, 0x9e, 0x3e, 0xcb, 0x66, 0x23, 0x95,
    0xb4, 0x42, 0x9c, 0x64, 0x81, 0x39, 0x05, 0x3f, 0xb5, 0x21, 0xf8, 0x28, 0xaf, 0x60, 0x6b, 0x4d,
    0x3d, 0xba, 0xa1, 0x4b, 0x5e, 0x77, 0xef, 0xe7, 0x59, 0x28, 0xfe, 0x1d, 0xc1, 0x27, 0xa2, 0xff,
    0xa8, 0xde, 0x33, 0x48, 0xb3, 0xc1, 0x85, 0x6a, 0x42, 0x9b, 0xf9, 0x7e, 0x7e, 0x31, 0xc2, 0xe5,
    0xbd, 0x66, 0x01, 0x18, 0x39, 0x29, 0x6a, 0x78, 0x9a, 0x3b, 0xc0, 0x04, 0x5c, 0x8a, 0x5f, 0xb4,
    0x2c, 0x7d, 0x1b, 0xd9, 0x98, 0xf5, 0x44, 0x49, 0x57, 0x9b, 0x44, 0x68, 0x17, 0xaf, 0xbd, 0x17,
    0x27, 0x3e, 0x66, 0x2c, 0x97, 0xee, 0x72, 0x99, 0x5e, 0xf4, 0x26, 0x40, 0xc5, 0x50, 0xb9, 0x01,
    0x3f, 0xad, 0x07, 0x61, 0x35, 0x3c, 0x70, 0x86, 0xa2, 0x72, 0xc2, 0x40, 0x88, 0xbe, 0x94, 0x76,
    0x9f, 0xd1, 0x66, 0x50,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::AlgorithmIdentifier;

    /// A backend that has one answer.
    #[derive(Debug)]
    struct Answers(Result<(), SignatureError>);

    impl SignatureBackend for Answers {
        fn verify(
            &self,
            _: PublicKey<'_>,
            _: AlgorithmIdentifier<'_>,
            _: &Message<'_>,
            _: &[u8],
        ) -> Result<(), SignatureError> {
            self.0
        }
    }

    fn verify(
        version: Version,
        code: u16,
        kind: KeyKind,
        backend: &Answers,
        policy: &AlgorithmPolicy,
    ) -> Result<(), &'static str> {
        let spki = sample_key(kind).unwrap();
        let key = SubjectPublicKeyInfo::from_der(&spki).unwrap();
        let signature =
            HandshakeSignature { version, scheme: Scheme(code), message: b"m", signature: b"s" };
        signature.verify(key, backend, policy).map_err(|refused| match refused {
            SignatureRefused::NotOffered => "not offered",
            SignatureRefused::Key { signature_algorithm, key_algorithm } => {
                assert!(!signature_algorithm.is_empty() && !key_algorithm.is_empty());
                "key"
            }
            SignatureRefused::Malformed => "malformed",
            SignatureRefused::Policy => "policy",
            SignatureRefused::KeyUsage => "key usage",
            SignatureRefused::Unsupported => "unsupported",
            SignatureRefused::Invalid => "invalid",
        })
    }

    #[test]
    fn schemes_bind_what_their_version_binds() {
        use KeyKind as K;
        let (yes, default) = (Answers(Ok(())), AlgorithmPolicy::DEFAULT);
        // Scheme, key, TLS 1.2, TLS 1.3.
        for (case, code, kind, tls12, tls13) in [
            ("ecdsa sha-256, p-256", 0x0403, K::P256, Ok(()), Ok(())),
            ("ecdsa sha-256, p-384", 0x0403, K::P384, Ok(()), Err("key")),
            ("ecdsa sha-384, p-256", 0x0503, K::P256, Ok(()), Err("key")),
            ("ecdsa sha-512, p-521", 0x0603, K::P521, Ok(()), Ok(())),
            ("ecdsa sha-256, rsa", 0x0403, K::Rsa, Err("key"), Err("key")),
            ("ecdsa sha-1", 0x0203, K::P256, Err("not offered"), Err("not offered")),
            ("ed25519", 0x0807, K::Ed25519, Ok(()), Ok(())),
            ("ed25519, p-256", 0x0807, K::P256, Err("key"), Err("key")),
            ("pss", 0x0804, K::Rsa, Ok(()), Ok(())),
            ("pss, p-256", 0x0804, K::P256, Err("key"), Err("key")),
            ("pss with pss key", 0x0809, K::Rsa, Err("not offered"), Err("not offered")),
            ("pkcs#1", 0x0401, K::Rsa, Ok(()), Err("not offered")),
            ("pkcs#1 sha-512", 0x0601, K::Rsa, Ok(()), Err("not offered")),
            ("pkcs#1 sha-1", 0x0201, K::Rsa, Err("not offered"), Err("not offered")),
            ("ml-dsa-65", 0x0905, K::MlDsa65, Err("not offered"), Ok(())),
            ("ml-dsa-65, key 44", 0x0905, K::MlDsa44, Err("not offered"), Err("key")),
            ("unknown", 0xfefe, K::P256, Err("not offered"), Err("not offered")),
        ] {
            assert_eq!(verify(Version::Tls12, code, kind, &yes, &default), tls12, "{case}, 1.2");
            assert_eq!(verify(Version::Tls13, code, kind, &yes, &default), tls13, "{case}, 1.3");
        }
    }

    #[test]
    fn policy_and_backend_have_their_say() {
        use SignatureError as E;
        let default = AlgorithmPolicy::DEFAULT;
        let no_curve = default.refuse_key(KeyKind::P256);
        let no_hash = default.refuse_signature(SignatureAlgorithm::EcdsaSha256);
        for (case, answer, policy, expected) in [
            ("holds", Ok(()), default, Ok(())),
            ("key refused", Ok(()), no_curve, Err("policy")),
            ("algorithm refused", Ok(()), no_hash, Err("policy")),
            ("does not hold", Err(E::Invalid), default, Err("invalid")),
            ("unknown algorithm", Err(E::UnsupportedAlgorithm), default, Err("unsupported")),
            ("unknown key", Err(E::UnsupportedKey), default, Err("unsupported")),
            ("malformed key", Err(E::MalformedKey), default, Err("invalid")),
        ] {
            let found = verify(Version::Tls13, 0x0403, KeyKind::P256, &Answers(answer), &policy);
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn what_signs_is_what_the_other_end_accepts() {
        let (yes, policy) = (Answers(Ok(())), AlgorithmPolicy::DEFAULT);
        for row in ROWS {
            for &kind in KeyKind::ALL {
                let Some(scheme) = scheme_of(kind, row.algorithm) else { continue };
                // PKCS#1 is for TLS 1.2 alone.
                let version = if row.tls13.is_empty() { Version::Tls12 } else { Version::Tls13 };
                let found = verify(version, scheme.0, kind, &yes, &policy);
                assert_eq!(found, Ok(()), "{kind}, {}", row.algorithm);
            }
        }
        assert_eq!(scheme_of(KeyKind::P384, SignatureAlgorithm::EcdsaSha256), None);
    }

    #[test]
    fn the_offer_is_what_backend_and_policy_leave() {
        let offer = |answer, policy: AlgorithmPolicy| supported(&Answers(answer), &policy).len();
        let default = AlgorithmPolicy::DEFAULT;
        assert_eq!(offer(Err(SignatureError::Invalid), default), ROWS.len());
        assert_eq!(offer(Err(SignatureError::UnsupportedKey), default), 0);
        assert_eq!(offer(Err(SignatureError::Invalid), default.refuse_key(KeyKind::Rsa)), 7);
        assert_eq!(offer(Err(SignatureError::Invalid), AlgorithmPolicy::NOTHING), 0);
    }
}
