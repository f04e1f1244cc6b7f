//! Strict DER, read in place.
//!
//! X.690 section 10 and 11: definite, minimal lengths; minimal integers; BOOLEAN `TRUE` is `0xff`;
//! unused bits of a BIT STRING are zero; a value equal to its `DEFAULT` is not encoded. Only
//! low-tag-number identifiers occur in the structures of RFC 5280, so a high-tag-number
//! identifier is an error. Lengths are bounded to 2³¹ − 1, so that offsets fit 32 bits everywhere.
//!
//! Nothing here allocates or copies. Every error carries the byte offset, counted from the first
//! byte of the outermost input.

use core::fmt;
use core::ops::Range;

/// Identifier octets used by the structures of RFC 5280, 5912 and 6960.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub(crate) u8);

impl Tag {
    /// BOOLEAN.
    pub const BOOLEAN: Self = Self(0x01);
    /// INTEGER.
    pub const INTEGER: Self = Self(0x02);
    /// BIT STRING.
    pub const BIT_STRING: Self = Self(0x03);
    /// OCTET STRING.
    pub const OCTET_STRING: Self = Self(0x04);
    /// NULL.
    pub const NULL: Self = Self(0x05);
    /// OBJECT IDENTIFIER.
    pub const OID: Self = Self(0x06);
    /// ENUMERATED.
    pub const ENUMERATED: Self = Self(0x0a);
    /// UTF8String.
    pub const UTF8_STRING: Self = Self(0x0c);
    /// NumericString.
    pub const NUMERIC_STRING: Self = Self(0x12);
    /// PrintableString.
    pub const PRINTABLE_STRING: Self = Self(0x13);
    /// TeletexString (T61String).
    pub const TELETEX_STRING: Self = Self(0x14);
    /// IA5String.
    pub const IA5_STRING: Self = Self(0x16);
    /// UTCTime.
    pub const UTC_TIME: Self = Self(0x17);
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: Self = Self(0x18);
    /// VisibleString.
    pub const VISIBLE_STRING: Self = Self(0x1a);
    /// UniversalString.
    pub const UNIVERSAL_STRING: Self = Self(0x1c);
    /// BMPString.
    pub const BMP_STRING: Self = Self(0x1e);
    /// SEQUENCE, constructed.
    pub const SEQUENCE: Self = Self(0x30);
    /// SET, constructed.
    pub const SET: Self = Self(0x31);

    /// Context-specific, primitive tag `[number]`; `number` is at most 30.
    #[must_use]
    pub const fn context(number: u8) -> Self {
        Self(0x80 | (number & 0x1f))
    }

    /// Context-specific, constructed tag `[number]`; `number` is at most 30.
    #[must_use]
    pub const fn context_constructed(number: u8) -> Self {
        Self(0xa0 | (number & 0x1f))
    }

    /// Returns the identifier octet.
    #[must_use]
    pub const fn octet(self) -> u8 {
        self.0
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::BOOLEAN => "BOOLEAN",
            Self::INTEGER => "INTEGER",
            Self::BIT_STRING => "BIT STRING",
            Self::OCTET_STRING => "OCTET STRING",
            Self::NULL => "NULL",
            Self::OID => "OBJECT IDENTIFIER",
            Self::ENUMERATED => "ENUMERATED",
            Self::UTF8_STRING => "UTF8String",
            Self::NUMERIC_STRING => "NumericString",
            Self::PRINTABLE_STRING => "PrintableString",
            Self::TELETEX_STRING => "TeletexString",
            Self::IA5_STRING => "IA5String",
            Self::UTC_TIME => "UTCTime",
            Self::GENERALIZED_TIME => "GeneralizedTime",
            Self::VISIBLE_STRING => "VisibleString",
            Self::UNIVERSAL_STRING => "UniversalString",
            Self::BMP_STRING => "BMPString",
            Self::SEQUENCE => "SEQUENCE",
            Self::SET => "SET",
            Self(octet) if octet & 0xc0 == 0x80 => return write!(f, "[{}]", octet & 0x1f),
            Self(octet) => return write!(f, "tag 0x{octet:02x}"),
        };
        f.write_str(name)
    }
}

/// What is wrong with an encoding, without the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DerErrorKind {
    /// The input ends inside a value.
    #[error("the input ends {missing} byte(s) too early")]
    Truncated {
        /// Bytes missing at least.
        missing: usize,
    },
    /// Bytes follow the last expected element.
    #[error("{extra} byte(s) follow the last element")]
    TrailingData {
        /// How many bytes follow.
        extra: usize,
    },
    /// Another type stands here.
    #[error("{found} found where {expected} belongs")]
    UnexpectedTag {
        /// The tag that the structure asks for.
        expected: Tag,
        /// The tag in the input.
        found: Tag,
    },
    /// A tag number over 30.
    #[error("a high-tag-number identifier is not allowed here")]
    HighTagNumber,
    /// A BER indefinite length.
    #[error("indefinite length is not DER")]
    IndefiniteLength,
    /// A length with more octets than it needs.
    #[error("length is not encoded in the fewest octets")]
    NonMinimalLength,
    /// A length over 2³¹ − 1.
    #[error("length exceeds 2147483647 bytes")]
    LengthTooLarge,
    /// An INTEGER with no content or with redundant leading octets.
    #[error("integer is not encoded in the fewest octets")]
    NonMinimalInteger,
    /// An INTEGER outside the range of its field.
    #[error("integer is out of range for this field")]
    IntegerOutOfRange,
    /// A BOOLEAN that is neither `00` nor `ff`, or not one octet long.
    #[error("boolean is neither 00 nor ff")]
    InvalidBoolean,
    /// A value that equals its DEFAULT and so must be absent.
    #[error("a value equal to its DEFAULT is encoded")]
    EncodedDefault,
    /// A BIT STRING whose unused-bits octet or unused bits are wrong.
    #[error("bit string has wrong unused bits")]
    InvalidBitString,
    /// A NULL with content.
    #[error("null has content")]
    InvalidNull,
    /// An OBJECT IDENTIFIER that is empty, truncated or not minimal.
    #[error("object identifier is malformed")]
    InvalidOid,
    /// A time that RFC 5280 section 4.1.2.5 does not allow.
    #[error("time is not in the form of RFC 5280 section 4.1.2.5")]
    InvalidTime,
    /// A string with characters outside its type's repertoire.
    #[error("string has characters outside its type")]
    InvalidString,
    /// An address mask whose ones are not all before its zeros.
    #[error("address mask is not contiguous")]
    InvalidAddressMask,
    /// A SEQUENCE OF or SET OF with fewer elements than its SIZE asks for.
    #[error("an element is missing")]
    Empty,
    /// A SET OF whose elements are not in DER order.
    #[error("set elements are not in DER order")]
    UnorderedSet,
    /// An element whose value may occur once and occurs again.
    #[error("a value that may occur once is repeated")]
    Duplicate,
    /// One of two fields that are present or absent together.
    #[error("of two fields that belong together one is missing")]
    Unpaired,
    /// A length in the input that does not fit its field.
    #[error("value has a wrong length: {found} bytes")]
    WrongLength {
        /// The length found.
        found: usize,
    },
}

/// A violation of DER and the place where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct DerError {
    offset: usize,
    kind: DerErrorKind,
}

impl DerError {
    pub(crate) const fn new(offset: usize, kind: DerErrorKind) -> Self {
        Self { offset, kind }
    }

    /// The same, away from where all goes well. It takes values, so that whoever calls it can keep them
    /// in registers.
    #[cold]
    #[inline(never)]
    const fn rare(offset: usize, kind: DerErrorKind) -> Self {
        Self::new(offset, kind)
    }

    /// Offset in bytes from the start of the outermost input.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> DerErrorKind {
        self.kind
    }
}

/// A range of bytes in a parsed object, 8 bytes small.
///
/// INVARIANT: `start <= end`; a span made while reading an input lies within that input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0 };

    /// Callers pass offsets within an input that a [`Reader`] took.
    #[inline]
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start: narrow(start), end: narrow(end) }
    }

    #[inline]
    pub(crate) fn range(self) -> Range<usize> {
        widen(self.start)..widen(self.end)
    }

    #[inline]
    pub(crate) fn start(self) -> usize {
        widen(self.start)
    }

    /// Keeps the last `length` bytes.
    #[inline]
    pub(crate) fn trim_to_last(&mut self, length: usize) {
        self.start = self.end.saturating_sub(narrow(length)).max(self.start);
    }

    /// The bytes of this span in `bytes`, or nothing where it does not lie within (which the
    /// invariant excludes for the object that the span was made from).
    #[inline]
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.range()).unwrap_or(&[])
    }
}

#[expect(
    clippy::as_conversions,
    reason = "u32 fits usize on every platform with alloc and 32-bit pointers or more"
)]
#[inline]
const fn widen(n: u32) -> usize {
    n as usize
}

#[expect(clippy::as_conversions, reason = "callers pass offsets bounded by MAX_LENGTH")]
#[inline]
const fn narrow(n: usize) -> u32 {
    n as u32
}

const MAX_LENGTH: usize = 0x7fff_ffff;

/// One element: identifier, content, and where they stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: Tag,
    /// The content octets.
    pub(crate) content: &'a [u8],
    /// Offset of the first content octet.
    pub(crate) content_offset: usize,
    /// Identifier, length and content octets.
    pub(crate) whole: &'a [u8],
    /// Offset of the identifier octet.
    pub(crate) offset: usize,
}

impl<'a> Element<'a> {
    #[inline(always)]
    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader { rest: self.content, offset: self.content_offset }
    }

    /// A reader that stands before this element.
    #[inline]
    pub(crate) fn whole_reader(&self) -> Reader<'a> {
        Reader { rest: self.whole, offset: self.offset }
    }

    #[inline]
    pub(crate) fn content_span(&self) -> Span {
        Span {
            start: narrow(self.content_offset),
            end: narrow(self.content_offset + self.content.len()),
        }
    }

    #[inline]
    pub(crate) fn span(&self) -> Span {
        Span { start: narrow(self.offset), end: narrow(self.offset + self.whole.len()) }
    }

    #[inline(always)]
    pub(crate) fn error(&self, kind: DerErrorKind) -> DerError {
        DerError::rare(self.offset, kind)
    }
}

/// The content of one SEQUENCE that is shorter than 128 octets, with nothing behind it; nothing where
/// it is anything else.
#[inline]
pub(crate) fn short_sequence(der: &[u8]) -> Option<&[u8]> {
    let [0x30, length @ 0..0x80, ref content @ ..] = *der else { return None };
    (content.len() == usize::from(length)).then_some(content)
}

/// A cursor over DER.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    /// What was not read yet.
    rest: &'a [u8],
    /// Where that begins in the outermost input.
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of an outermost input.
    ///
    /// # Errors
    /// [`DerErrorKind::LengthTooLarge`] where the input has 2³¹ bytes or more.
    #[inline]
    pub(crate) fn new(input: &'a [u8]) -> Result<Self, DerError> {
        Self::at(input, 0)
    }

    /// Starts at the first byte of `input`, which stands at `base` of its outermost input.
    #[inline]
    pub(crate) fn at(input: &'a [u8], base: usize) -> Result<Self, DerError> {
        if input.len() > MAX_LENGTH - base.min(MAX_LENGTH) {
            return Err(DerError::new(base, DerErrorKind::LengthTooLarge));
        }
        Ok(Self { rest: input, offset: base })
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// An error about what stands here.
    #[inline(always)]
    fn error(&self, kind: DerErrorKind) -> DerError {
        DerError::rare(self.offset, kind)
    }

    /// Bytes of `input` from `start` up to here.
    #[inline]
    pub(crate) fn span_since(&self, start: usize) -> Span {
        Span { start: narrow(start), end: narrow(self.offset()) }
    }

    /// What was not read yet.
    #[inline(always)]
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The octets from `start` to `end`, counted from here.
    #[inline]
    pub(crate) fn span_ahead(&self, start: usize, end: usize) -> Span {
        let here = self.offset();
        Span { start: narrow(here + start), end: narrow(here + end) }
    }

    /// Goes on behind `count` octets, which the caller has looked at.
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) {
        let count = count.min(self.rest.len());
        self.rest = self.rest.get(count..).unwrap_or_default();
        self.offset += count;
    }

    /// Fails unless everything was read.
    #[inline(always)]
    pub(crate) fn finish(&self) -> Result<(), DerError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(DerErrorKind::TrailingData { extra: self.rest.len() }))
        }
    }

    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<Tag> {
        self.rest.first().map(|&octet| Tag(octet))
    }

    /// Reads the next element, whatever its tag.
    #[inline(always)]
    pub(crate) fn any(&mut self) -> Result<Element<'a>, DerError> {
        let (rest, offset) = (self.rest, self.offset);
        let (tag, header, length) = match *rest {
            [tag, length, ..] if length < 0x80 => (tag, 2, usize::from(length)),
            [tag, 0x81, length, ..] if length >= 0x80 => (tag, 3, usize::from(length)),
            [tag, 0x82, high, low, ..] if high != 0 => {
                (tag, 4, usize::from(u16::from_be_bytes([high, low])))
            }
            _ => long_header(rest, offset)?,
        };
        if tag & 0x1f == 0x1f {
            return Err(self.error(DerErrorKind::HighTagNumber));
        }
        let end = header + length;
        let (Some((whole, after)), Some(content)) =
            (rest.split_at_checked(end), rest.get(header..end))
        else {
            return Err(self.error(DerErrorKind::Truncated { missing: end - rest.len() }));
        };
        (self.rest, self.offset) = (after, offset + end);
        Ok(Element { tag: Tag(tag), content, content_offset: offset + header, whole, offset })
    }

    /// Reads the next element, which must have `tag`.
    #[inline(always)]
    pub(crate) fn element(&mut self, tag: Tag) -> Result<Element<'a>, DerError> {
        match self.peek() {
            Some(found) if found == tag => self.any(),
            Some(found) => Err(self.error(DerErrorKind::UnexpectedTag { expected: tag, found })),
            None => Err(self.error(DerErrorKind::Truncated { missing: 2 })),
        }
    }

    /// Reads the next element if it has `tag`.
    #[inline(always)]
    pub(crate) fn optional(&mut self, tag: Tag) -> Result<Option<Element<'a>>, DerError> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// Reads a SEQUENCE and returns a reader of its content.
    #[inline(always)]
    pub(crate) fn sequence(&mut self) -> Result<Reader<'a>, DerError> {
        Ok(self.element(Tag::SEQUENCE)?.reader())
    }

    /// Reads an OBJECT IDENTIFIER and returns its content octets.
    #[inline(always)]
    pub(crate) fn oid(&mut self) -> Result<&'a [u8], DerError> {
        let element = self.element(Tag::OID)?;
        check_oid(element.content).map_err(|kind| element.error(kind))?;
        Ok(element.content)
    }

    /// Reads a BOOLEAN.
    #[inline]
    pub(crate) fn boolean(&mut self) -> Result<bool, DerError> {
        let element = self.element(Tag::BOOLEAN)?;
        boolean(element.content).map_err(|kind| element.error(kind))
    }

    /// Reads `BOOLEAN DEFAULT FALSE`.
    #[inline]
    pub(crate) fn default_false(&mut self) -> Result<bool, DerError> {
        if self.peek() != Some(Tag::BOOLEAN) {
            return Ok(false);
        }
        let offset = self.offset;
        if self.boolean()? {
            Ok(true)
        } else {
            Err(DerError::new(offset, DerErrorKind::EncodedDefault))
        }
    }

    /// Reads an INTEGER of any size and returns its content octets.
    #[inline]
    pub(crate) fn integer(&mut self) -> Result<&'a [u8], DerError> {
        let element = self.element(Tag::INTEGER)?;
        check_integer(element.content).map_err(|kind| element.error(kind))?;
        Ok(element.content)
    }

    /// Reads an INTEGER between 0 and `u32::MAX`.
    pub(crate) fn unsigned(&mut self) -> Result<u32, DerError> {
        let element = self.element(Tag::INTEGER)?;
        unsigned(element.content).map_err(|kind| element.error(kind))
    }

    /// Reads a non-negative INTEGER; values over `u32::MAX` read as `u32::MAX`.
    pub(crate) fn saturating_unsigned(&mut self) -> Result<u32, DerError> {
        let element = self.element(Tag::INTEGER)?;
        saturating_unsigned(element.content).map_err(|kind| element.error(kind))
    }

    /// Reads a BIT STRING that holds whole octets, such as a key or a signature.
    #[inline(always)]
    pub(crate) fn octet_aligned_bit_string(&mut self) -> Result<Element<'a>, DerError> {
        let element = self.element(Tag::BIT_STRING)?;
        match *element.content {
            [0, ref octets @ ..] => {
                let content_offset = element.content_offset + 1;
                Ok(Element { content: octets, content_offset, ..element })
            }
            _ => Err(element.error(DerErrorKind::InvalidBitString)),
        }
    }
}

/// Tag, octets of the header and length of the element at the beginning of `rest`, which stands at
/// `offset`, where that is none of the usual ones.
#[cold]
fn long_header(rest: &[u8], offset: usize) -> Result<(u8, usize, usize), DerError> {
    let error = |kind| Err(DerError::new(offset, kind));
    let truncated = |missing| error(DerErrorKind::Truncated { missing });
    let &[tag, first, ref octets @ ..] = rest else { return truncated(2 - rest.len()) };
    let count = usize::from(first & 0x7f);
    match count {
        0 => return error(DerErrorKind::IndefiniteLength),
        1..=4 => {}
        _ => return error(DerErrorKind::LengthTooLarge),
    }
    let Some(octets) = octets.get(..count) else { return truncated(count - octets.len()) };
    let length = octets.iter().fold(0_usize, |n, &octet| (n << 8) | usize::from(octet));
    if octets.first() == Some(&0) || length < 0x80 {
        return error(DerErrorKind::NonMinimalLength);
    }
    if length > MAX_LENGTH {
        return error(DerErrorKind::LengthTooLarge);
    }
    Ok((tag, 2 + count, length))
}

/// Splits the content of a BIT STRING element; the returned element's content is without the
/// unused-bits octet.
#[inline]
pub(crate) fn bit_string(element: Element<'_>) -> Result<(u8, Element<'_>), DerError> {
    let invalid = || element.error(DerErrorKind::InvalidBitString);
    let (&unused, octets) = element.content.split_first().ok_or_else(invalid)?;
    // X.690 11.2.1: "Each unused bit in the final octet of the encoding of a bit string value
    // shall be set to zero."
    let sound = unused == 0
        || octets
            .last()
            .is_some_and(|last| unused < 8 && last.trailing_zeros() >= u32::from(unused));
    if !sound {
        return Err(invalid());
    }
    let inner = Element { content: octets, content_offset: element.content_offset + 1, ..element };
    Ok((unused, inner))
}

/// X.690 8.3.2: the first nine bits of a multi-octet integer are neither all ones nor all zero.
#[inline]
pub(crate) fn check_integer(content: &[u8]) -> Result<(), DerErrorKind> {
    match *content {
        [] => Err(DerErrorKind::NonMinimalInteger),
        [0, second, ..] if second < 0x80 => Err(DerErrorKind::NonMinimalInteger),
        [0xff, second, ..] if second >= 0x80 => Err(DerErrorKind::NonMinimalInteger),
        _ => Ok(()),
    }
}

/// The value of an INTEGER's content octets, between 0 and `u32::MAX`.
pub(crate) fn unsigned(content: &[u8]) -> Result<u32, DerErrorKind> {
    check_integer(content)?;
    let magnitude = match *content {
        [first, ..] if first >= 0x80 => return Err(DerErrorKind::IntegerOutOfRange),
        [0, ref rest @ ..] => rest,
        _ => content,
    };
    if magnitude.len() > 4 {
        return Err(DerErrorKind::IntegerOutOfRange);
    }
    Ok(magnitude.iter().fold(0, |n, &octet| (n << 8) | u32::from(octet)))
}

/// The value of a non-negative INTEGER's content octets; values over `u32::MAX` read as `u32::MAX`.
pub(crate) fn saturating_unsigned(content: &[u8]) -> Result<u32, DerErrorKind> {
    match unsigned(content) {
        Err(DerErrorKind::IntegerOutOfRange)
            if content.first().is_some_and(|&first| first < 0x80) =>
        {
            Ok(u32::MAX)
        }
        other => other,
    }
}

pub(crate) fn boolean(content: &[u8]) -> Result<bool, DerErrorKind> {
    match *content {
        [0x00] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(DerErrorKind::InvalidBoolean),
    }
}

/// X.690 8.19: at least one subidentifier, each minimal, the last one complete.
#[inline]
pub(crate) fn check_oid(content: &[u8]) -> Result<(), DerErrorKind> {
    // Identifiers are short, and nearly all have no octet 0x80: then each subidentifier is minimal.
    let (first, last) = match content {
        [a, b, c] => (u64::from(a | b | c) & 0x80, 0),
        _ => match (content.first_chunk::<4>(), content.last_chunk::<4>()) {
            (Some(first), Some(last)) if content.len() <= 8 => {
                (u64::from(u32::from_be_bytes(*first)), u64::from(u32::from_be_bytes(*last)))
            }
            _ => match (content.first_chunk::<8>(), content.last_chunk::<8>()) {
                (Some(first), Some(last)) if content.len() <= 16 => {
                    (u64::from_be_bytes(*first), u64::from_be_bytes(*last))
                }
                _ => return check_any_oid(content),
            },
        },
    };
    let complete = last & 0x80 == 0;
    if complete && !has_octet_80(first) && !has_octet_80(last) {
        return Ok(());
    }
    check_any_oid(content)
}

/// Whether one of eight octets is 0x80.
#[inline]
const fn has_octet_80(octets: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let zero_where = octets ^ (0x80 * EACH);
    zero_where.wrapping_sub(EACH) & !zero_where & (0x80 * EACH) != 0
}

fn check_any_oid(content: &[u8]) -> Result<(), DerErrorKind> {
    let mut starting = true;
    for &octet in content {
        if starting && octet == 0x80 {
            return Err(DerErrorKind::InvalidOid);
        }
        starting = octet < 0x80;
    }
    if content.is_empty() || !starting {
        return Err(DerErrorKind::InvalidOid);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_definite_and_minimal() {
        for (case, input, expected) in [
            ("short", &[0x04, 0x01, 0xaa][..], Ok(1)),
            ("indefinite", &[0x30, 0x80, 0, 0], Err(DerErrorKind::IndefiniteLength)),
            (
                "long form of a short length",
                &[0x04, 0x81, 0x01, 0xaa],
                Err(DerErrorKind::NonMinimalLength),
            ),
            ("leading zero", &[0x04, 0x82, 0x00, 0x81], Err(DerErrorKind::NonMinimalLength)),
            ("truncated header", &[0x04], Err(DerErrorKind::Truncated { missing: 1 })),
            ("truncated content", &[0x04, 0x03, 0], Err(DerErrorKind::Truncated { missing: 2 })),
            ("nothing", &[], Err(DerErrorKind::Truncated { missing: 2 })),
            ("high tag", &[0x1f, 0x01, 0x00], Err(DerErrorKind::HighTagNumber)),
            ("2^31", &[0x04, 0x84, 0x80, 0, 0, 0], Err(DerErrorKind::LengthTooLarge)),
            ("2^40", &[0x04, 0x85, 1, 0, 0, 0, 0], Err(DerErrorKind::LengthTooLarge)),
        ] {
            let found =
                Reader::new(input).unwrap().any().map(|e| e.content.len()).map_err(|e| e.kind());
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn scalars_are_canonical() {
        assert_eq!(unsigned(&[0x00]), Ok(0));
        assert_eq!(unsigned(&[0x00, 0xff, 0xff, 0xff, 0xff]), Ok(u32::MAX));
        assert_eq!(unsigned(&[0x01, 0, 0, 0, 0]), Err(DerErrorKind::IntegerOutOfRange));
        assert_eq!(unsigned(&[0xff]), Err(DerErrorKind::IntegerOutOfRange));
        assert_eq!(unsigned(&[0x00, 0x01]), Err(DerErrorKind::NonMinimalInteger));
        assert_eq!(check_integer(&[0xff, 0x80]), Err(DerErrorKind::NonMinimalInteger));
        assert_eq!(check_integer(&[]), Err(DerErrorKind::NonMinimalInteger));
        assert_eq!(boolean(&[0x01]), Err(DerErrorKind::InvalidBoolean));
        assert_eq!(check_oid(&[]), Err(DerErrorKind::InvalidOid));
        assert_eq!(check_oid(&[0x55, 0x80, 0x01]), Err(DerErrorKind::InvalidOid));
        assert_eq!(check_oid(&[0x55, 0x81]), Err(DerErrorKind::InvalidOid));
        assert_eq!(check_oid(&[0x55, 0x1d]), Ok(()));
    }

    #[test]
    fn identifiers_of_every_length_are_judged_alike() {
        for length in 1..20 {
            for (place, octet) in (0..length)
                .flat_map(|place| [0x00, 0x01, 0x7f, 0x80, 0x81, 0xff].map(|octet| (place, octet)))
            {
                for filler in [0x01, 0x81] {
                    let mut content = alloc::vec![filler; length];
                    content[length - 1] = 0x02;
                    content[place] = octet;
                    let found = check_oid(&content);
                    assert_eq!(found, check_any_oid(&content), "{content:02x?}");
                }
            }
        }
    }

    #[test]
    fn bit_strings_have_zero_unused_bits() {
        for (case, input, sound) in [
            ("empty", &[0x03, 0x01, 0x00][..], true),
            ("empty with unused bits", &[0x03, 0x01, 0x01], false),
            ("no unused-bits octet", &[0x03, 0x00], false),
            ("unused bit set", &[0x03, 0x02, 0x01, 0x01], false),
            ("eight unused bits", &[0x03, 0x02, 0x08, 0x00], false),
            ("seven bits", &[0x03, 0x02, 0x01, 0x02], true),
        ] {
            assert_eq!(
                bit_string(Reader::new(input).unwrap().any().unwrap()).is_ok(),
                sound,
                "{case}"
            );
        }
    }

    #[test]
    fn errors_name_the_byte() {
        let mut outer = Reader::new(&[0x30, 0x05, 0x02, 0x01, 0x01, 0x01, 0x00]).unwrap();
        let mut inner = outer.sequence().unwrap();
        inner.integer().unwrap();
        let error = inner.element(Tag::INTEGER).unwrap_err();
        assert_eq!(error.offset(), 5);
        assert_eq!(
            error.kind(),
            DerErrorKind::UnexpectedTag { expected: Tag::INTEGER, found: Tag::BOOLEAN }
        );
    }
}
