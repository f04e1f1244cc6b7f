//! Which algorithms and keys a relying party allows, asked before any arithmetic.
//!
//! A policy is a few bits and two numbers: copied, not shared. The default allows what RFC 9155 and
//! the CA/Browser Forum's requirements leave: hashes from SHA-256 up, RSA from 2048 to 8192 bits,
//! the NIST curves, Ed25519 and ML-DSA. The upper bound on RSA keeps a stranger's key from costing
//! more than the one check it is worth (verification grows with the square of the modulus); ring and
//! aws-lc-rs stop at the same 8192 bits.

use core::fmt;

use super::{KeyAlgorithm, KeyKind, SignatureAlgorithm};
use crate::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// Allowed signature algorithms and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlgorithmPolicy {
    signatures: u32,
    keys: u16,
    min_rsa_bits: u32,
    max_rsa_bits: u32,
    unrecognized: bool,
}

impl AlgorithmPolicy {
    /// SHA-256 and longer, RSA with 2048 to 8192 bits, P-256, P-384, P-521, Ed25519, ML-DSA.
    pub const DEFAULT: Self = {
        use SignatureAlgorithm as S;
        Self::NOTHING
            .allow_signature(S::RsaPkcs1Sha256)
            .allow_signature(S::RsaPkcs1Sha384)
            .allow_signature(S::RsaPkcs1Sha512)
            .allow_signature(S::RsaPssSha256)
            .allow_signature(S::RsaPssSha384)
            .allow_signature(S::RsaPssSha512)
            .allow_signature(S::EcdsaSha256)
            .allow_signature(S::EcdsaSha384)
            .allow_signature(S::EcdsaSha512)
            .allow_signature(S::Ed25519)
            .allow_signature(S::MlDsa44)
            .allow_signature(S::MlDsa65)
            .allow_signature(S::MlDsa87)
            .allow_key(KeyKind::Rsa)
            .allow_key(KeyKind::RsaPss)
            .allow_key(KeyKind::P256)
            .allow_key(KeyKind::P384)
            .allow_key(KeyKind::P521)
            .allow_key(KeyKind::Ed25519)
            .allow_key(KeyKind::MlDsa44)
            .allow_key(KeyKind::MlDsa65)
            .allow_key(KeyKind::MlDsa87)
    };

    /// No algorithm and no key, to build up from; RSA bits as in [`DEFAULT`](Self::DEFAULT).
    pub const NOTHING: Self = Self {
        signatures: 0,
        keys: 0,
        min_rsa_bits: 2048,
        max_rsa_bits: 8192,
        unrecognized: false,
    };

    /// Allows one more signature algorithm.
    #[must_use]
    pub const fn allow_signature(mut self, algorithm: SignatureAlgorithm) -> Self {
        self.signatures |= algorithm.bit();
        self
    }

    /// Refuses one signature algorithm.
    #[must_use]
    pub const fn refuse_signature(mut self, algorithm: SignatureAlgorithm) -> Self {
        self.signatures &= !algorithm.bit();
        self
    }

    /// Allows one more kind of key.
    #[must_use]
    pub const fn allow_key(mut self, kind: KeyKind) -> Self {
        self.keys |= kind.bit();
        self
    }

    /// Refuses one kind of key.
    #[must_use]
    pub const fn refuse_key(mut self, kind: KeyKind) -> Self {
        self.keys &= !kind.bit();
        self
    }

    /// Allows SHA-1 under RSA PKCS#1, ECDSA and DSA. Collisions of SHA-1 are practical: whoever
    /// gets a certificate issued can choose another one to the same signature.
    #[must_use]
    pub const fn allow_sha1(self) -> Self {
        self.allow_signature(SignatureAlgorithm::RsaPkcs1Sha1)
            .allow_signature(SignatureAlgorithm::EcdsaSha1)
            .allow_signature(SignatureAlgorithm::DsaSha1)
    }

    /// Allows DSA keys, and DSA with SHA-256; no backend of this crate verifies them.
    #[must_use]
    pub const fn allow_dsa(self) -> Self {
        self.allow_key(KeyKind::Dsa).allow_signature(SignatureAlgorithm::DsaSha256)
    }

    /// Allows signature algorithms and keys that have no name here, for backends of one's own. Keys
    /// that have one must still be of an allowed kind. Nobody but the backend then says no to an
    /// algorithm: whatever it verifies is allowed, present and future. Default: refused.
    #[must_use]
    pub const fn dangerously_allow_unrecognized(mut self) -> Self {
        self.unrecognized = true;
        self
    }

    /// Allows RSA keys from `bits` up. Default 2048.
    #[must_use]
    pub const fn allow_rsa_from(mut self, bits: u32) -> Self {
        if bits < self.min_rsa_bits {
            self.min_rsa_bits = bits;
        }
        self
    }

    /// Refuses RSA keys under `bits`.
    #[must_use]
    pub const fn refuse_rsa_under(mut self, bits: u32) -> Self {
        if bits > self.min_rsa_bits {
            self.min_rsa_bits = bits;
        }
        self
    }

    /// Allows RSA keys up to `bits`. Default 8192.
    #[must_use]
    pub const fn allow_rsa_up_to(mut self, bits: u32) -> Self {
        if bits > self.max_rsa_bits {
            self.max_rsa_bits = bits;
        }
        self
    }

    /// Refuses RSA keys over `bits`.
    #[must_use]
    pub const fn refuse_rsa_over(mut self, bits: u32) -> Self {
        if bits < self.max_rsa_bits {
            self.max_rsa_bits = bits;
        }
        self
    }

    /// Says whether a signature algorithm is allowed, whatever the key.
    ///
    /// # Errors
    /// [`AlgorithmRefused::Unknown`] or [`AlgorithmRefused::Signature`].
    #[inline]
    pub fn check_signature(
        &self,
        identifier: AlgorithmIdentifier<'_>,
    ) -> Result<SignatureAlgorithm, AlgorithmRefused> {
        let algorithm =
            SignatureAlgorithm::recognize(identifier).ok_or(AlgorithmRefused::Unknown)?;
        if self.signatures & algorithm.bit() == 0 {
            return Err(AlgorithmRefused::Signature { algorithm });
        }
        Ok(algorithm)
    }

    /// Says whether a key is allowed, whatever it signs.
    ///
    /// # Errors
    /// An [`AlgorithmRefused`] about the key.
    #[inline]
    pub fn check_key(
        &self,
        spki: &SubjectPublicKeyInfo<'_>,
    ) -> Result<KeyAlgorithm, AlgorithmRefused> {
        let key = KeyAlgorithm::classify(spki);
        let Some(kind) = key.kind() else {
            return Err(match key {
                KeyAlgorithm::Malformed => AlgorithmRefused::KeyMalformed,
                _ if self.unrecognized => return Ok(key),
                _ => AlgorithmRefused::KeyUnknown,
            });
        };
        if self.keys & kind.bit() == 0 {
            return Err(AlgorithmRefused::Key { kind });
        }
        match key.modulus_bits() {
            Some(bits) if bits < self.min_rsa_bits => {
                Err(AlgorithmRefused::KeyTooSmall { bits, minimum: self.min_rsa_bits })
            }
            Some(bits) if bits > self.max_rsa_bits => {
                Err(AlgorithmRefused::KeyTooLarge { bits, maximum: self.max_rsa_bits })
            }
            _ => Ok(key),
        }
    }

    /// Says whether a signature made with this algorithm and this key may be verified at all; gives
    /// the two, the algorithm as far as it has a name here.
    ///
    /// # Errors
    /// An [`AlgorithmRefused`]: first about the algorithm, then about the key, then about the two
    /// together.
    #[inline]
    pub fn check(
        &self,
        identifier: AlgorithmIdentifier<'_>,
        key: &SubjectPublicKeyInfo<'_>,
    ) -> Result<(Option<SignatureAlgorithm>, KeyAlgorithm), AlgorithmRefused> {
        let algorithm = match self.check_signature(identifier) {
            Ok(algorithm) => Some(algorithm),
            Err(AlgorithmRefused::Unknown) if self.unrecognized => None,
            Err(refused) => return Err(refused),
        };
        let key = self.check_key(key)?;
        match algorithm {
            Some(algorithm) if !key.fits(algorithm) => {
                Err(AlgorithmRefused::Mismatch { algorithm, key })
            }
            _ => Ok((algorithm, key)),
        }
    }
}

impl Default for AlgorithmPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for AlgorithmPolicy {
    /// Writes the canonical form: equal policies have equal texts, different ones different texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signatures = SignatureAlgorithm::ALL
            .iter()
            .filter(|algorithm| self.signatures & algorithm.bit() != 0)
            .map(|algorithm| algorithm.name());
        list(f, "signatures=", signatures)?;
        let keys =
            KeyKind::ALL.iter().filter(|kind| self.keys & kind.bit() != 0).map(|kind| kind.name());
        list(f, " keys=", keys)?;
        write!(f, " rsa-bits={}..{}", self.min_rsa_bits, self.max_rsa_bits)?;
        if self.unrecognized { f.write_str(" unrecognized=allow") } else { Ok(()) }
    }
}

fn list(
    f: &mut fmt::Formatter<'_>,
    label: &str,
    names: impl Iterator<Item = &'static str>,
) -> fmt::Result {
    f.write_str(label)?;
    for (place, name) in names.enumerate() {
        if place > 0 {
            f.write_str(",")?;
        }
        f.write_str(name)?;
    }
    Ok(())
}

/// Why policy keeps a signature from being verified, or a key from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum AlgorithmRefused {
    /// The signature algorithm has no name here, or not with these parameters.
    #[error("the signature algorithm or its parameters are unknown")]
    Unknown,
    /// Policy does not allow the signature algorithm.
    #[error("signature algorithm {algorithm} is not allowed")]
    #[non_exhaustive]
    Signature {
        /// The algorithm found.
        algorithm: SignatureAlgorithm,
    },
    /// The key's algorithm has no name here.
    #[error("the key is of an unknown algorithm")]
    KeyUnknown,
    /// The key is not in the form that its algorithm asks for.
    #[error("the key is malformed")]
    KeyMalformed,
    /// Policy does not allow keys of this kind.
    #[error("{kind} keys are not allowed")]
    #[non_exhaustive]
    Key {
        /// The kind found.
        kind: KeyKind,
    },
    /// An RSA key with a modulus under policy's bound.
    #[error("the rsa key has {bits} bits where at least {minimum} are asked for")]
    #[non_exhaustive]
    KeyTooSmall {
        /// Length of the modulus in bits.
        bits: u32,
        /// What policy asks for.
        minimum: u32,
    },
    /// An RSA key with a modulus over policy's bound.
    #[error("the rsa key has {bits} bits where at most {maximum} are allowed")]
    #[non_exhaustive]
    KeyTooLarge {
        /// Length of the modulus in bits.
        bits: u32,
        /// What policy allows.
        maximum: u32,
    },
    /// The algorithm is not one for this kind of key.
    #[error("signature algorithm {algorithm} does not fit a key of kind {key}")]
    #[non_exhaustive]
    Mismatch {
        /// The algorithm of the signature.
        algorithm: SignatureAlgorithm,
        /// The issuer's key.
        key: KeyAlgorithm,
    },
}

impl AlgorithmRefused {
    codes!(code(self) {
        Self::Unknown => "algorithm.unknown",
        Self::Signature { .. } => "algorithm.signature-refused",
        Self::KeyUnknown => "algorithm.key-unknown",
        Self::KeyMalformed => "algorithm.key-malformed",
        Self::Key { .. } => "algorithm.key-refused",
        Self::KeyTooSmall { .. } => "algorithm.key-too-small",
        Self::KeyTooLarge { .. } => "algorithm.key-too-large",
        Self::Mismatch { .. } => "algorithm.key-mismatch",
    });
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;
    use alloc::string::ToString;

    fn check(policy: AlgorithmPolicy, name: &str) -> Result<(), &'static str> {
        let vector = vectors::named(name);
        let key = vector.key().spki();
        policy.check(vector.algorithm(), &key).map(|_| ()).map_err(AlgorithmRefused::code)
    }

    #[test]
    fn each_choice_accepts_and_refuses() {
        let default = AlgorithmPolicy::DEFAULT;
        let weak = default.allow_sha1().allow_rsa_from(1024);
        for (case, policy, vector, expected) in [
            ("default", default, "p-256 ecdsa-sha256", Ok(())),
            ("default", default, "rsa-2048 rsa-pss-sha512", Ok(())),
            ("SHA-1", default, "p-256 ecdsa-sha1", Err("algorithm.signature-refused")),
            ("SHA-1", default, "rsa-2048 rsa-pkcs1-sha1", Err("algorithm.signature-refused")),
            ("SHA-1 allowed", weak, "p-256 ecdsa-sha1", Ok(())),
            ("SHA-1 allowed", weak, "rsa-2048 rsa-pkcs1-sha1", Ok(())),
            ("small", default, "rsa-1024 rsa-pkcs1-sha256", Err("algorithm.key-too-small")),
            ("small allowed", weak, "rsa-1024 rsa-pkcs1-sha256", Ok(())),
            (
                "large",
                default.refuse_rsa_over(2047),
                "rsa-2048 rsa-pkcs1-sha256",
                Err("algorithm.key-too-large"),
            ),
            (
                "floor raised",
                default.refuse_rsa_under(3072),
                "rsa-2048 rsa-pkcs1-sha256",
                Err("algorithm.key-too-small"),
            ),
            (
                "key refused",
                default.refuse_key(KeyKind::P521),
                "p-521 ecdsa-sha512",
                Err("algorithm.key-refused"),
            ),
            (
                "signature refused",
                default.refuse_signature(SignatureAlgorithm::Ed25519),
                "ed25519 ed25519",
                Err("algorithm.signature-refused"),
            ),
            (
                "nothing allowed",
                AlgorithmPolicy::NOTHING,
                "p-256 ecdsa-sha256",
                Err("algorithm.signature-refused"),
            ),
        ] {
            assert_eq!(check(policy, vector), expected, "{case}: {vector}");
        }
    }

    #[test]
    fn the_pair_must_fit() {
        let rsa = vectors::named("rsa-2048 rsa-pkcs1-sha256");
        let curve = vectors::named("p-256 ecdsa-sha256");
        let refused =
            AlgorithmPolicy::DEFAULT.check(rsa.algorithm(), &curve.key().spki()).unwrap_err();
        assert_eq!(refused.code(), "algorithm.key-mismatch");
        assert_eq!(
            refused.to_string(),
            "signature algorithm rsa-pkcs1-sha256 does not fit a key of kind p-256"
        );
    }

    #[test]
    fn what_has_no_name_is_refused() {
        let curve = vectors::named("p-256 ecdsa-sha256");
        let rsa = vectors::named("rsa-2048 rsa-pkcs1-sha256");
        let sound = curve.key().spki();
        let unknown_key = [0x30, 0x09, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x03, 0x02, 0x00, 0x01];
        let unknown_key = SubjectPublicKeyInfo::from_der(&unknown_key).unwrap();
        let mut hybrid = curve.spki.clone();
        hybrid[26] = 0x06;
        let hybrid = SubjectPublicKeyInfo::from_der(&hybrid).unwrap();
        let with_null =
            [0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x05, 0x00];
        let with_null = AlgorithmIdentifier::from_der(&with_null).unwrap();
        let absent = [0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
        let absent = AlgorithmIdentifier::from_der(&absent).unwrap();
        for (case, algorithm, key, expected) in [
            ("sound", curve.algorithm(), sound, Ok(())),
            ("RSA without NULL", absent, rsa.key().spki(), Ok(())),
            ("ECDSA with NULL", with_null, sound, Err("algorithm.unknown")),
            ("unknown key", curve.algorithm(), unknown_key, Err("algorithm.key-unknown")),
            ("hybrid point", curve.algorithm(), hybrid, Err("algorithm.key-malformed")),
        ] {
            let found = AlgorithmPolicy::DEFAULT.check(algorithm, &key).map(|_| ());
            assert_eq!(found.map_err(AlgorithmRefused::code), expected, "{case}");
        }
    }

    #[test]
    fn unrecognized_algorithms_are_left_to_the_backend_where_that_was_said() {
        let curve = vectors::named("p-256 ecdsa-sha256");
        let rsa = vectors::named("rsa-1024 rsa-pkcs1-sha256");
        let foreign_key = [0x30, 0x09, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x03, 0x02, 0x00, 0x01];
        let foreign_key = SubjectPublicKeyInfo::from_der(&foreign_key).unwrap();
        let foreign = AlgorithmIdentifier::from_der(&[0x30, 0x03, 0x06, 0x01, 0x2b]).unwrap();
        let open = AlgorithmPolicy::DEFAULT.dangerously_allow_unrecognized();
        let small = rsa.key().spki();
        for (case, policy, algorithm, key, expected) in [
            ("both", open, foreign, foreign_key, Ok(())),
            ("not said", AlgorithmPolicy::DEFAULT, foreign, foreign_key, Err("algorithm.unknown")),
            ("allowed key", open, foreign, curve.key().spki(), Ok(())),
            ("refused key", open, foreign, small, Err("algorithm.key-too-small")),
            ("known", open, curve.algorithm(), foreign_key, Err("algorithm.key-mismatch")),
            (
                "known and refused",
                open.refuse_signature(SignatureAlgorithm::EcdsaSha256),
                curve.algorithm(),
                curve.key().spki(),
                Err("algorithm.signature-refused"),
            ),
        ] {
            let found = policy.check(algorithm, &key).map(|_| ());
            assert_eq!(found.map_err(AlgorithmRefused::code), expected, "{case}");
        }
        assert_eq!(open.check_key(&foreign_key), Ok(KeyAlgorithm::Unknown));
        assert!(open.to_string().ends_with("rsa-bits=2048..8192 unrecognized=allow"));
    }

    #[test]
    fn text_is_canonical() {
        assert_eq!(
            AlgorithmPolicy::DEFAULT.to_string(),
            "signatures=rsa-pkcs1-sha256,rsa-pkcs1-sha384,rsa-pkcs1-sha512,rsa-pss-sha256,\
             rsa-pss-sha384,rsa-pss-sha512,ecdsa-sha256,ecdsa-sha384,ecdsa-sha512,ed25519,\
             ml-dsa-44,ml-dsa-65,ml-dsa-87 keys=rsa,rsa-pss,p-256,p-384,p-521,ed25519,ml-dsa-44,\
             ml-dsa-65,ml-dsa-87 rsa-bits=2048..8192"
        );
        let one = AlgorithmPolicy::DEFAULT.allow_sha1().allow_dsa();
        let other = AlgorithmPolicy::DEFAULT.allow_dsa().allow_sha1();
        assert_eq!(one, other);
        assert_eq!(one.to_string(), other.to_string());
        assert_ne!(one.to_string(), AlgorithmPolicy::DEFAULT.to_string());
    }
}
