//! SHA-256 digests as records write them.

use core::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decision::Fingerprint;
use crate::x509::write_hex;

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditDigest([u8; 32]);

impl AuditDigest {
    /// Returns the octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 lower-case hexadecimal digits, and no other spelling.
    fn from_hex(text: &str) -> Option<Self> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut octets = [0; 32];
        if pairs.len() != octets.len() || !rest.is_empty() {
            return None;
        }
        for (octet, &[high, low]) in octets.iter_mut().zip(pairs) {
            *octet = digit(high)? << 4 | digit(low)?;
        }
        Some(Self(octets))
    }
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

impl From<&[u8; 32]> for AuditDigest {
    fn from(octets: &[u8; 32]) -> Self {
        Self(*octets)
    }
}

impl From<Fingerprint> for AuditDigest {
    fn from(fingerprint: Fingerprint) -> Self {
        Self(*fingerprint.as_bytes())
    }
}

impl fmt::Display for AuditDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for AuditDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for AuditDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AuditDigest {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Hex;

        impl Visitor<'_> for Hex {
            type Value = AuditDigest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("64 lower-case hexadecimal digits")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AuditDigest, E> {
                AuditDigest::from_hex(text)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        input.deserialize_str(Hex)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn digests_have_one_spelling() {
        let octets = core::array::from_fn(|index| u8::try_from(index * 8).unwrap());
        let text = serde_json::to_string(&AuditDigest(octets)).unwrap();
        assert_eq!(serde_json::from_str::<AuditDigest>(&text).unwrap().as_bytes(), &octets);
        for (case, text) in [
            ("upper case", text.to_uppercase()),
            ("a digit short", text.replacen("f8", "f", 1)),
            ("an octet short", text.replacen("f8", "", 1)),
            ("an octet more", text.replacen("f8", "f8f8", 1)),
            ("no digit", text.replacen("f8", "fg", 1)),
            ("number", format!("{}", 7)),
        ] {
            assert!(serde_json::from_str::<AuditDigest>(&text).is_err(), "{case}");
        }
    }
}
