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

use super::der::{DerError, Reader, Span, Tag, check_oid};
use super::oid::Oid;

/// What most certificates are signed with, as [`AlgorithmIdentifier::der`] has it.
pub(crate) mod usual {
    pub(crate) const ECDSA_WITH_SHA256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
    /// Of keys, too.
    pub(crate) const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
    pub(crate) const SHA256_WITH_RSA: &[u8] =
        b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
}

/// An algorithm with its parameters, compared by their encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlgorithmIdentifier<'a> {
    /// The content of the SEQUENCE.
    der: &'a [u8],
    /// The content octets of the object identifier within; what follows them are the parameters.
    oid: Span,
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
        if let Some((identifier, length)) = Self::read_ahead(reader.rest()) {
            reader.skip(length);
            return Ok(identifier);
        }
        let sequence = reader.element(Tag::SEQUENCE)?;
        Self::read_content(sequence.content, sequence.reader())
    }

    /// The identifier at the beginning of `rest` and its length, where it is short and of a usual form.
    #[inline]
    pub(super) fn read_ahead(rest: &'a [u8]) -> Option<(Self, usize)> {
        let [0x30, length @ 0..0x80, ref content @ ..] = *rest else { return None };
        let content = content.get(..usize::from(length))?;
        Some((Self::read_short(content)?, 2 + content.len()))
    }

    /// Reads an encoding without the outer SEQUENCE, as [`AlgorithmIdentifier::der`] returns it.
    pub(crate) fn from_content(content: &'a [u8]) -> Result<Self, DerError> {
        match Self::read_short(content) {
            Some(identifier) => Ok(identifier),
            None => Self::read_content(content, Reader::new(content)?),
        }
    }

    /// The identifier whose content was seen to be `der`.
    #[inline]
    pub(super) const fn framed(der: &'a [u8], oid: Span) -> Self {
        Self { der, oid }
    }

    fn read_content(der: &'a [u8], mut reader: Reader<'a>) -> Result<Self, DerError> {
        let length = reader.oid()?.len();
        let end = der.len() - reader.rest().len();
        if !reader.is_empty() {
            reader.any()?;
        }
        reader.finish()?;
        Ok(Self { der, oid: Span::new(end - length, end) })
    }

    /// Reads an identifier without parameters, or with NULL or another identifier as parameters, as
    /// one pattern; nothing where it is any other, malformed ones included.
    #[inline]
    fn read_short(der: &'a [u8]) -> Option<Self> {
        match der {
            usual::ECDSA_WITH_SHA256 => return Some(Self::framed(der, Span::new(2, 10))),
            usual::ED25519 => return Some(Self::framed(der, Span::new(2, 5))),
            usual::SHA256_WITH_RSA => return Some(Self::framed(der, Span::new(2, 11))),
            _ => {}
        }
        let [0x06, length @ 0..0x80, ref rest @ ..] = *der else { return None };
        let (oid, rest) = rest.split_at_checked(usize::from(length))?;
        let framed = match *rest {
            [] | [0x05, 0x00] => true,
            [0x06, length @ 0..0x80, ref named @ ..] => named.len() == usize::from(length),
            _ => false,
        };
        (framed && check_oid(oid).is_ok()).then_some(Self { der, oid: Span::new(2, 2 + oid.len()) })
    }

    /// Returns which algorithm it is.
    #[must_use]
    #[inline]
    pub fn oid(&self) -> Oid<'a> {
        Oid::trusted(self.oid.of(self.der))
    }

    /// Returns the whole encoding of the parameters, where there are any.
    #[must_use]
    #[inline]
    pub fn parameters(&self) -> Option<&'a [u8]> {
        self.der.get(self.oid.range().end..).filter(|parameters| !parameters.is_empty())
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
        match self.oid().name() {
            Some(name) => f.write_str(name),
            None => self.oid().fmt(f),
        }
    }
}

impl fmt::Debug for AlgorithmIdentifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlgorithmIdentifier")
            .field("oid", &self.oid())
            .field("parameters", &self.parameters())
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
