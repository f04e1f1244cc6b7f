//! `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7), borrowed.
//!
//! ```text
//! SubjectPublicKeyInfo  ::=  SEQUENCE  {
//!      algorithm            AlgorithmIdentifier,
//!      subjectPublicKey     BIT STRING  }
//! ```
//!
//! Every key format that RFC 3279, 4055, 5480, 8410 and 9881 define fills whole octets, so that a
//! key with unused bits is malformed whatever its algorithm. What the octets hold, the signature
//! room reads.

use core::ops::Range;

use super::algorithm::AlgorithmIdentifier;
use super::der::{DerError, Reader, Span, Tag};

/// Usual encodings up to the octets of the key: a point of P-256, a key of Ed25519.
const P256: &[u8; 26] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
    \x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const ED25519: &[u8; 12] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// What stands between the lengths of an RSA key of 256 octets and more.
const RSA: &[u8; 17] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82";

/// A public key and the algorithm that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubjectPublicKeyInfo<'a> {
    der: &'a [u8],
    algorithm: AlgorithmIdentifier<'a>,
    key: &'a [u8],
}

impl<'a> SubjectPublicKeyInfo<'a> {
    /// Parses a whole encoding, the outer SEQUENCE included.
    ///
    /// # Errors
    /// A [`DerError`] where `bytes` are not exactly one SubjectPublicKeyInfo in DER.
    pub fn from_der(bytes: &'a [u8]) -> Result<Self, DerError> {
        if let Some(usual) = Self::read_usual(bytes)
            && usual.der.len() == bytes.len()
        {
            return Ok(usual);
        }
        let mut reader = Reader::new(bytes)?;
        let spki = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(spki)
    }

    /// Reads the next element, which must be a SubjectPublicKeyInfo.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DerError> {
        if let Some(usual) = Self::read_usual(reader.rest()) {
            reader.skip(usual.der.len());
            return Ok(usual);
        }
        let sequence = reader.element(Tag::SEQUENCE)?;
        let mut content = sequence.reader();
        let algorithm = AlgorithmIdentifier::read(&mut content)?;
        let key = content.octet_aligned_bit_string()?.content;
        content.finish()?;
        Ok(Self { der: sequence.whole, algorithm, key })
    }

    /// The one at the beginning of `rest`, seen at a glance where it is of a usual algorithm or short;
    /// nothing where it is any other, malformed ones included.
    #[inline]
    pub(super) fn read_usual(rest: &'a [u8]) -> Option<Self> {
        match *rest {
            [0x30, 0x59, ..] if rest.starts_with(P256) => Self::framed(rest, 26..91, 4..23, 7),
            [0x30, 0x2a, ..] if rest.starts_with(ED25519) => Self::framed(rest, 12..44, 4..9, 3),
            [0x30, 0x82, high @ 1..=0xff, low, ref content @ ..] if content.starts_with(RSA) => {
                let [key_high @ 1..=0xff, key_low, 0x00, ..] = *content.get(RSA.len()..)? else {
                    return None;
                };
                let length = usize::from(u16::from_be_bytes([high, low]));
                let key_length = usize::from(u16::from_be_bytes([key_high, key_low]));
                let fits = length == RSA.len() + 2 + key_length;
                if fits { Self::framed(rest, 24..4 + length, 6..19, 9) } else { None }
            }
            _ => Self::read_short(rest),
        }
    }

    /// The one whose key and algorithm are known to stand there, if all of it does.
    #[inline]
    fn framed(
        rest: &'a [u8],
        key: Range<usize>,
        algorithm: Range<usize>,
        oid: usize,
    ) -> Option<Self> {
        let der = rest.get(..key.end)?;
        let algorithm = AlgorithmIdentifier::framed(der.get(algorithm)?, Span::new(2, 2 + oid));
        Some(Self { der, algorithm, key: der.get(key)? })
    }

    /// The one at the beginning of `rest`, where all of it is shorter than 128 octets.
    fn read_short(rest: &'a [u8]) -> Option<Self> {
        let [0x30, length @ 0..0x80, ref content @ ..] = *rest else { return None };
        let content = content.get(..usize::from(length))?;
        let (algorithm, read) = AlgorithmIdentifier::read_ahead(content)?;
        let [0x03, length, 0x00, ref key @ ..] = *content.get(read..)? else { return None };
        let framed = usize::from(length) == key.len() + 1;
        framed.then_some(Self { der: rest.get(..2 + content.len())?, algorithm, key })
    }

    /// Returns the whole encoding.
    #[must_use]
    pub const fn der(&self) -> &'a [u8] {
        self.der
    }

    /// Returns the algorithm that the key is for.
    #[must_use]
    pub const fn algorithm(&self) -> AlgorithmIdentifier<'a> {
        self.algorithm
    }

    /// Returns the octets of the key: the content of the BIT STRING, without its count of unused
    /// bits.
    #[must_use]
    pub const fn key(&self) -> &'a [u8] {
        self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::der::DerErrorKind;

    #[test]
    fn frames_are_strict() {
        let sound = [0x30, 0x09, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x03, 0x02, 0x00, 0xaa];
        let spki = SubjectPublicKeyInfo::from_der(&sound).unwrap();
        assert_eq!(spki.der(), sound);
        assert_eq!(spki.key(), [0xaa]);
        assert_eq!(spki.algorithm().der(), [0x06, 0x01, 0x2a]);

        for (case, place, octet, offset, kind) in [
            ("unused bits in the key", 9, 0x01, 7, DerErrorKind::InvalidBitString),
            (
                "OCTET STRING as key",
                7,
                0x04,
                7,
                DerErrorKind::UnexpectedTag { expected: Tag::BIT_STRING, found: Tag::OCTET_STRING },
            ),
            ("key longer than the input", 8, 0x03, 7, DerErrorKind::Truncated { missing: 1 }),
            ("bytes behind the key", 8, 0x01, 10, DerErrorKind::TrailingData { extra: 1 }),
        ] {
            let mut bytes = sound;
            bytes[place] = octet;
            let error = SubjectPublicKeyInfo::from_der(&bytes).unwrap_err();
            assert_eq!((error.offset(), error.kind()), (offset, kind), "{case}");
        }
    }

    /// What is seen at a glance is what the full reader reads, whatever octet is another one.
    #[test]
    fn usual_forms_are_read_as_any_other() {
        let rsa = |octets: u16| {
            let key = octets + 1;
            let lengths = [(key + 19).to_be_bytes(), key.to_be_bytes()];
            [&[0x30, 0x82][..], &lengths[0], RSA, &lengths[1], &[0]].concat()
        };
        for (case, head, key) in [
            ("P-256", P256.to_vec(), 65),
            ("Ed25519", ED25519.to_vec(), 32),
            ("RSA-2048", rsa(270), 270),
            ("RSA too short for its form", rsa(254), 254),
            ("RSA with one octet more", rsa(270), 271),
            ("RSA with one octet less", rsa(270), 269),
        ] {
            let sound = [&head[..], &alloc::vec![0xa5; key]].concat();
            for place in 0..head.len() {
                for octet in 0..=255 {
                    let mut bytes = sound.clone();
                    bytes[place] = octet;
                    let mut reader = Reader::new(&bytes).unwrap();
                    let sequence = reader.element(Tag::SEQUENCE);
                    let full = sequence.and_then(|sequence| {
                        let mut content = sequence.reader();
                        let algorithm = content.element(Tag::SEQUENCE)?;
                        let identifier = AlgorithmIdentifier::from_content(algorithm.content)?;
                        let key = content.octet_aligned_bit_string()?.content;
                        content.finish()?;
                        Ok((sequence.whole, identifier, identifier.oid(), key))
                    });
                    let usual = SubjectPublicKeyInfo::read_usual(&bytes).map(|spki| {
                        (spki.der(), spki.algorithm(), spki.algorithm().oid(), spki.key())
                    });
                    if let Some(usual) = usual {
                        assert_eq!(Ok(usual), full, "{case}: {octet:#04x} at {place}");
                    } else if octet == sound[place] {
                        assert!(case.starts_with("RSA "), "{case} is not seen");
                    }
                }
            }
        }
    }
}
