//! Shapes that revocation lists and OCSP responses share: extension lists, names, bits.
//!
//! The functions check a structure to its leaves and leave its meaning to others.

use alloc::vec::Vec;

use super::der::{DerError, DerErrorKind, Element, Reader, Span, Tag, bit_string};
use super::extension::Extension;
use super::format_error::{FormatError, FormatErrorKind, Within};

/// How many extensions one list may have: those of RFC 5280 for lists are seven, for entries
/// three. Bounds the search for duplicates, which compares pairs.
pub(crate) const MAX_EXTENSIONS: usize = 64;

/// Hands every extension of a list to `each`, which sees none twice; `list` stands in the list.
#[inline]
pub(crate) fn each_extension<'a>(
    field: &'static str,
    list: Reader<'a>,
    mut each: impl FnMut(&Extension<'a>) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let mut rest = list.clone();
    let mut count = 0;
    while !rest.is_empty() {
        let offset = rest.offset();
        if count == MAX_EXTENSIONS {
            let kind = FormatErrorKind::TooManyExtensions { limit: MAX_EXTENSIONS };
            return Err(FormatError::new(field, offset, kind));
        }
        let extension = Extension::read(&mut rest).within(field)?;
        // RFC 5280 4.2: "A certificate MUST NOT include more than one instance of a particular
        // extension." Sections 5.2 and 5.3 take the syntax of extensions from there.
        let mut earlier = list.clone();
        for _ in 0..count {
            let other = Extension::read(&mut earlier).within(field)?;
            if other.oid == extension.oid {
                return Err(FormatError::new(field, offset, FormatErrorKind::DuplicateExtension));
            }
        }
        each(&extension)?;
        count += 1;
    }
    Ok(())
}

/// Reads `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension` and leaves the elements unread.
pub(crate) fn non_empty_sequence<'a>(reader: &mut Reader<'a>) -> Result<Element<'a>, DerError> {
    let element = reader.element(Tag::SEQUENCE)?;
    if element.content.is_empty() { Err(element.error(DerErrorKind::Empty)) } else { Ok(element) }
}

/// Reads `Name ::= CHOICE { rdnSequence SEQUENCE OF RelativeDistinguishedName }`.
pub(crate) fn name<'a>(reader: &mut Reader<'a>) -> Result<Element<'a>, DerError> {
    let element = reader.element(Tag::SEQUENCE)?;
    let mut names = element.reader();
    while !names.is_empty() {
        relative_name(&names.element(Tag::SET)?)?;
    }
    Ok(element)
}

/// Checks the content of `RelativeDistinguishedName ::= SET SIZE (1..MAX) OF
/// AttributeTypeAndValue`.
pub(crate) fn relative_name(element: &Element<'_>) -> Result<(), DerError> {
    let mut attributes = element.reader();
    if attributes.is_empty() {
        return Err(element.error(DerErrorKind::Empty));
    }
    while !attributes.is_empty() {
        let mut attribute = attributes.sequence()?;
        attribute.oid()?;
        attribute.any()?;
        attribute.finish()?;
    }
    Ok(())
}

/// Reads a named BIT STRING of up to `names` bits into a number, bit 0 of the RFC first (most
/// significant of 16).
///
/// X.690 11.2.2: "Where Rec. ITU-T X.680 … 22.7, applies, the bitstring shall have all trailing
/// 0 bits removed before it is encoded."
pub(crate) fn named_bits(element: Element<'_>, names: u32) -> Result<u16, DerError> {
    let (unused, octets) = bit_string(element)?;
    let invalid = element.error(DerErrorKind::InvalidBitString);
    let bits = match *octets.content {
        [] => return Ok(0),
        [high] => u16::from_be_bytes([high, 0]),
        [high, low] => u16::from_be_bytes([high, low]),
        _ => return Err(invalid),
    };
    let last_octet = octets.content.last().copied().unwrap_or(0);
    if last_octet.trailing_zeros() != u32::from(unused) || bits.trailing_zeros() < 16 - names {
        return Err(invalid);
    }
    Ok(bits)
}

/// A span's bytes where there is a span.
#[inline]
pub(crate) fn optional_bytes(span: Option<Span>, bytes: &[u8]) -> Option<&[u8]> {
    span.map(|span| span.of(bytes))
}

/// Writes one element with its length in the fewest octets.
pub(crate) fn encode(tag: Tag, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|octet| **octet == 0).count();
    let significant = length.get(zeros..).unwrap_or_default();
    let mut der = Vec::with_capacity(content.len() + 2 + significant.len());
    der.push(tag.octet());
    match *significant {
        [] => der.push(0),
        [short] if short < 0x80 => der.push(short),
        _ => {
            der.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
            der.extend_from_slice(significant);
        }
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn bits(octets: &[u8]) -> Result<u16, DerErrorKind> {
        let der = encode(Tag::BIT_STRING, octets);
        let element = Reader::new(&der).unwrap().any().unwrap();
        named_bits(element, 9).map_err(|error| error.kind())
    }

    #[test]
    fn named_bits_have_no_trailing_zeros() {
        const BAD: Result<u16, DerErrorKind> = Err(DerErrorKind::InvalidBitString);
        for (case, octets, expected) in [
            ("none", &[0x00][..], Ok(0)),
            ("bit 1", &[0x06, 0x40], Ok(0x4000)),
            ("bit 8", &[0x07, 0x00, 0x80], Ok(0x0080)),
            ("trailing zero bit", &[0x05, 0x40], BAD),
            ("zero octet", &[0x07, 0x00], BAD),
            ("bit 9", &[0x06, 0x00, 0x40], BAD),
            ("three octets", &[0x07, 0x00, 0x00, 0x80], BAD),
        ] {
            assert_eq!(bits(octets), expected, "{case}");
        }
    }

    #[test]
    fn lengths_are_written_in_the_fewest_octets() {
        for (length, header) in [
            (0, &[0x04, 0x00][..]),
            (127, &[0x04, 0x7f]),
            (128, &[0x04, 0x81, 0x80]),
            (256, &[0x04, 0x82, 0x01, 0x00]),
        ] {
            let der = encode(Tag::OCTET_STRING, &vec![0; length]);
            assert_eq!(&der[..header.len()], header);
            assert_eq!(Reader::new(&der).unwrap().any().unwrap().content.len(), length);
        }
    }

    #[test]
    fn an_extension_list_is_bounded_and_has_no_duplicates() {
        let extension = |arc: u8| {
            let oid = encode(Tag::OID, &[0x2a, arc]);
            encode(Tag::SEQUENCE, &[oid, encode(Tag::OCTET_STRING, &[])].concat())
        };
        let read = |arcs: &mut dyn Iterator<Item = u8>| {
            let list: Vec<u8> = arcs.flat_map(extension).collect();
            let mut count = 0;
            each_extension("list", Reader::new(&list).unwrap(), |_| {
                count += 1;
                Ok(())
            })
            .map_err(|error| (error.kind(), error.offset()))
            .map(|()| count)
        };
        assert_eq!(read(&mut (0..64)), Ok(64));
        let too_many = FormatErrorKind::TooManyExtensions { limit: 64 };
        assert_eq!(read(&mut (0..65)), Err((too_many, 64 * 8)));
        assert_eq!(
            read(&mut [1, 2, 1].into_iter()),
            Err((FormatErrorKind::DuplicateExtension, 16))
        );
    }
}
