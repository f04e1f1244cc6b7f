//! `AlgorithmIdentifier` (RFC 5280 section 4.1.1.2), borrowed.
//!
//! ```text
//! AlgorithmIdentifier  ::=  SEQUENCE  {
//!      algorithm               OBJECT IDENTIFIER,
//!      parameters              ANY DEFINED BY algorithm OPTIONAL  }
//! ```
//!
//! What the parameters mean, and which of their encodings are allowed, the signature room knows;
//! here they are one element of which only the frame was checked. Two identifiers are equal where
//! their encodings are equal, which is what RFC 5280 section 4.1.1.2 asks of the inner and the
//! outer one of a certificate.

use core::fmt;

use super::der::{DerError, Reader, Tag, check_oid};
use super::oid::Oid;

/// An algorithm with its parameters, compared by their encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlgorithmIdentifier<'a> {
    der: &'a [u8],
    oid: Oid<'a>,
    parameters: Option<&'a [u8]>,
}

impl<'a> AlgorithmIdentifier<'a> {
    /// Parses a whole encoding, the outer SEQUENCE included.
    ///
    /// # Errors
    /// A [`DerError`] where `bytes` are not exactly one AlgorithmIdentifier in DER.
    pub fn from_der(bytes: &'a [u8]) -> Result<Self, DerError> {
        let mut reader = Reader::new(bytes)?;
        let identifier = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(identifier)
    }

    /// Reads the next element, which must be an AlgorithmIdentifier.
    #[inline]
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DerError> {
        let sequence = reader.element(Tag::SEQUENCE)?;
        Self::read_content(sequence.content, sequence.reader())
    }

    /// Reads an encoding without the outer SEQUENCE, as [`AlgorithmIdentifier::der`] returns it.
    pub(crate) fn from_content(content: &'a [u8]) -> Result<Self, DerError> {
        Self::read_content(content, Reader::new(content)?)
    }

    #[inline]
    fn read_content(der: &'a [u8], mut reader: Reader<'a>) -> Result<Self, DerError> {
        if let Some(identifier) = Self::read_short(der) {
            return Ok(identifier);
        }
        let oid = Oid::trusted(reader.oid()?);
        let parameters = if reader.is_empty() { None } else { Some(reader.any()?.whole) };
        reader.finish()?;
        Ok(Self { der, oid, parameters })
    }

    /// Reads an identifier without parameters, or with NULL or another identifier as parameters, as
    /// one pattern; nothing where it is any other, malformed ones included.
    #[inline]
    fn read_short(der: &'a [u8]) -> Option<Self> {
        let [0x06, length @ 0..0x80, ref rest @ ..] = *der else { return None };
        let (oid, rest) = rest.split_at_checked(usize::from(length))?;
        let parameters = match *rest {
            [] => None,
            [0x05, 0x00] => Some(rest),
            [0x06, length @ 0..0x80, ref named @ ..] if named.len() == usize::from(length) => {
                Some(rest)
            }
            _ => return None,
        };
        check_oid(oid).is_ok().then_some(Self { der, oid: Oid::trusted(oid), parameters })
    }

    /// Returns which algorithm it is.
    #[must_use]
    pub const fn oid(&self) -> Oid<'a> {
        self.oid
    }

    /// Returns the whole encoding of the parameters, where there are any.
    #[must_use]
    pub const fn parameters(&self) -> Option<&'a [u8]> {
        self.parameters
    }

    /// Returns the encoding without the outer SEQUENCE: object identifier and parameters, as
    /// `rustls_pki_types::AlgorithmIdentifier` has it.
    #[must_use]
    pub const fn der(&self) -> &'a [u8] {
        self.der
    }
}

impl fmt::Display for AlgorithmIdentifier<'_> {
    /// Writes the registered name of the algorithm, or its identifier in dotted decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.oid.name() {
            Some(name) => f.write_str(name),
            None => self.oid.fmt(f),
        }
    }
}

impl fmt::Debug for AlgorithmIdentifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlgorithmIdentifier")
            .field("oid", &self.oid)
            .field("parameters", &self.parameters)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::der::DerErrorKind;
    use alloc::string::ToString;

    #[test]
    fn frames_are_strict() {
        let rsa = [
            0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05,
            0x00,
        ];
        let identifier = AlgorithmIdentifier::from_der(&rsa).unwrap();
        assert_eq!(identifier.oid().to_string(), "1.2.840.113549.1.1.11");
        assert_eq!(identifier.parameters(), Some(&[0x05, 0x00][..]));
        assert_eq!(identifier.der(), &rsa[2..]);
        assert_eq!(identifier.to_string(), "sha256WithRSAEncryption");

        let ed25519 = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
        let identifier = AlgorithmIdentifier::from_der(&ed25519).unwrap();
        assert_eq!(identifier.parameters(), None);

        for (case, bytes, offset, kind) in [
            ("empty", &[0x30, 0x00][..], 2, DerErrorKind::Truncated { missing: 2 }),
            (
                "two parameters",
                &[0x30, 0x07, 0x06, 0x01, 0x2a, 0x05, 0x00, 0x05, 0x00],
                7,
                DerErrorKind::TrailingData { extra: 2 },
            ),
            (
                "BER length",
                &[0x30, 0x81, 0x03, 0x06, 0x01, 0x2a],
                0,
                DerErrorKind::NonMinimalLength,
            ),
            (
                "bytes behind",
                &[0x30, 0x03, 0x06, 0x01, 0x2a, 0x00],
                5,
                DerErrorKind::TrailingData { extra: 1 },
            ),
        ] {
            let error = AlgorithmIdentifier::from_der(bytes).unwrap_err();
            assert_eq!((error.offset(), error.kind()), (offset, kind), "{case}");
        }
    }
}
