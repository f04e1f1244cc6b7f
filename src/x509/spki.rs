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

use super::algorithm::AlgorithmIdentifier;
use super::der::{DerError, Reader, Tag};

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
        let mut reader = Reader::new(bytes)?;
        let spki = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(spki)
    }

    /// Reads the next element, which must be a SubjectPublicKeyInfo.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DerError> {
        if let Some(short) = Self::read_short(reader.rest()) {
            reader.skip(short.der.len());
            return Ok(short);
        }
        let sequence = reader.element(Tag::SEQUENCE)?;
        let mut content = sequence.reader();
        let algorithm = AlgorithmIdentifier::read(&mut content)?;
        let key = content.octet_aligned_bit_string()?.content;
        content.finish()?;
        Ok(Self { der: sequence.whole, algorithm, key })
    }

    /// The one at the beginning of `rest`, where all of it is shorter than 128 octets, as those of
    /// elliptic curves are; nothing where it is any other, malformed ones included.
    #[inline]
    pub(super) fn read_short(rest: &'a [u8]) -> Option<Self> {
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
}
