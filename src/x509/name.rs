//! Distinguished names, compared by RFC 5280 section 7.1.
//!
//! A [`Name`] borrows its encoding. Two names *match* where their relative distinguished names
//! match in order; two relative distinguished names match where their attributes do as multisets;
//! attributes match where the types are the same and the values are the same text (see the text
//! file of this room for what "same" means) or, for values that are no text, the same bytes.
//!
//! Matching needs no valid input: a name that is no sequence of nonempty sets of type and value, or
//! has a string outside its repertoire, matches its own bytes and nothing else. The order within a
//! SET, which DER fixes, is asked for by the check at parsing and has no say in matching.
//!
//! Enforced here: framing, string repertoires, DER order of sets. Left out: the upper bounds of
//! RFC 5280 appendix A and the string types bound to single attributes (`countryName` as two
//! PrintableString characters): no decision depends on them and the public suites have valid
//! certificates beyond them.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::der::{DerError, DerErrorKind, Element, Reader, Tag, short_sequence};
use super::oid::{Oid, known};
use super::structure::encode;
use super::text::{self, Bounded};

/// A distinguished name: `Name ::= CHOICE { rdnSequence RDNSequence }` of RFC 5280 section 4.1.2.4.
///
/// `==` compares encodings; [`Name::matches`] is the rule for certification paths.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name<'a> {
    der: &'a [u8],
}

impl<'a> Name<'a> {
    /// The name without attributes.
    pub const EMPTY: Name<'static> = Name { der: &[0x30, 0x00] };

    /// Reads a name from its DER encoding.
    ///
    /// # Errors
    /// The first violation of DER or of a string type's repertoire.
    pub fn from_der(der: &'a [u8]) -> Result<Self, DerError> {
        let name = Self { der };
        name.check(0)?;
        Ok(name)
    }

    /// Takes an encoding whose framing, one SEQUENCE, was read before.
    #[inline]
    pub(crate) const fn trusted(der: &'a [u8]) -> Self {
        Self { der }
    }

    /// Checks the whole syntax; `base_offset` is where the name begins in the outermost input.
    pub(crate) fn check(&self, base_offset: usize) -> Result<(), DerError> {
        if let Some(mut content) = short_sequence(self.der) {
            while let Some(short) = ShortRdn::read(content)
                && text::in_repertoire(short.tag, short.value)
            {
                content = content.get(short.length..).unwrap_or_default();
            }
            if content.is_empty() {
                return Ok(());
            }
        }
        let mut outer = Reader::at(self.der, base_offset)?;
        let mut sequence = outer.sequence()?;
        outer.finish()?;
        while !sequence.is_empty() {
            if let Some(short) = ShortRdn::read(sequence.rest())
                && text::in_repertoire(short.tag, short.value)
            {
                sequence.skip(short.length);
                continue;
            }
            let set = sequence.element(Tag::SET)?;
            let mut reader = set.reader();
            if reader.is_empty() {
                return Err(set.error(DerErrorKind::Empty));
            }
            let mut last: Option<&[u8]> = None;
            while !reader.is_empty() {
                let element = reader.element(Tag::SEQUENCE)?;
                Attribute::read(&element)?;
                // X.690 11.6: "The encodings of the component values of a set-of value shall
                // appear in ascending order". No encoding here is a prefix of another one.
                if last.is_some_and(|last| last > element.whole) {
                    return Err(set.error(DerErrorKind::UnorderedSet));
                }
                last = Some(element.whole);
            }
        }
        Ok(())
    }

    /// The DER encoding.
    #[must_use]
    pub const fn as_der(&self) -> &'a [u8] {
        self.der
    }

    /// Whether there are no attributes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.der, [0x30, 0x00])
    }

    /// The relative distinguished names in the order of the encoding, most significant first. Ends
    /// where the encoding is malformed.
    pub fn rdns(&self) -> impl Iterator<Item = RelativeDistinguishedName<'a>> + use<'a> {
        self.checked_rdns().map_while(Result::ok)
    }

    /// All attributes, most significant first. Ends where the encoding is malformed.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        self.rdns().flat_map(|rdn| rdn.attributes())
    }

    /// The last, thus most specific, attribute of a type.
    #[must_use]
    pub fn attribute(&self, oid: Oid<'_>) -> Option<Attribute<'a>> {
        self.attributes().filter(|attribute| attribute.oid == oid).last()
    }

    /// The `emailAddress` attributes, which name constraints treat as rfc822Name.
    pub(crate) fn email_addresses(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        self.attributes().filter(|attribute| attribute.oid.as_bytes() == known::EMAIL_ADDRESS)
    }

    /// Whether both name the same entity by RFC 5280 section 7.1.
    #[must_use]
    pub fn matches(&self, other: &Name<'_>) -> bool {
        if self.der == other.der {
            return true;
        }
        if let Some(matches) = self.matches_shortly(other) {
            return matches;
        }
        let mut left = self.checked_rdns();
        let mut right = other.checked_rdns();
        loop {
            match (left.next(), right.next()) {
                (None, None) => return true,
                (Some(Ok(a)), Some(Ok(b))) if a.matches(&b) => {}
                _ => return false,
            }
        }
    }

    /// Whether both match, where they are made of short parts as most are; nothing where one is not.
    fn matches_shortly(&self, other: &Name<'_>) -> Option<bool> {
        let (mut left, mut right) = (short_sequence(self.der)?, short_sequence(other.der)?);
        while let (Some(a), Some(b)) = (ShortRdn::read(left), ShortRdn::read(right)) {
            let same = a.kind == b.kind
                && ((a.tag == b.tag && a.value == b.value)
                    || (text::is_text(a.tag)
                        && text::is_text(b.tag)
                        && text::same((a.tag, a.value), (b.tag, b.value))));
            // What leaves its repertoire matches its own bytes only, and the bytes differ.
            if !same || !text::in_repertoire(a.tag, a.value) || !text::in_repertoire(b.tag, b.value)
            {
                return Some(false);
            }
            left = left.get(a.length..)?;
            right = right.get(b.length..)?;
        }
        (left.is_empty() && right.is_empty()).then_some(true)
    }

    /// Whether this name lies in the subtree of `base`.
    ///
    /// RFC 5280 section 7.1: "A distinguished name DN1 is within the subtree defined by the
    /// distinguished name DN2 if DN1 contains at least as many RDNs as DN2, and DN1 and DN2 are a
    /// match when trailing RDNs in DN1 are ignored." A malformed name is in no subtree.
    #[must_use]
    pub fn is_within(&self, base: &Name<'_>) -> bool {
        let mut rdns = self.checked_rdns();
        for base in base.checked_rdns() {
            match (base, rdns.next()) {
                (Ok(base), Some(Ok(rdn))) if rdn.matches(&base) => {}
                _ => return false,
            }
        }
        rdns.all(|rdn| rdn.is_ok_and(|rdn| rdn.is_sound()))
    }

    /// A number that is the same for names that match; others may share it, too.
    ///
    /// For lookup among names that one trusts to differ: an attacker can make names that collide.
    #[must_use]
    pub fn canonical_hash(&self) -> u64 {
        let mut hash = SEED;
        for rdn in self.checked_rdns() {
            match rdn.ok().and_then(|rdn| rdn.hash()) {
                Some(rdn) => hash = mix(hash, rdn),
                None => return self.der.iter().fold(SEED, |hash, &o| mix(hash, u64::from(o))),
            }
        }
        hash
    }

    /// Bytes that are the same for two names exactly where they match.
    #[must_use]
    pub fn to_canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.der.len() + 8);
        out.push(0);
        for rdn in self.checked_rdns() {
            match rdn.ok().and_then(|rdn| rdn.canonical_attributes()) {
                Some(attributes) => {
                    push_length(&mut out, attributes.len());
                    for attribute in attributes {
                        push_with_length(&mut out, &attribute);
                    }
                }
                None => return [&[1], self.der].concat(),
            }
        }
        out
    }

    /// The DER of this name with one more relative distinguished name, the content of a SET.
    pub(crate) fn joined(&self, rdn: &[u8]) -> Option<Vec<u8>> {
        let own = Reader::new(self.der).ok()?.element(Tag::SEQUENCE).ok()?.content;
        let rdn = encode(Tag::SET, rdn);
        Some(encode(Tag::SEQUENCE, &[own, &rdn].concat()))
    }

    fn checked_rdns(&self) -> CheckedRdns<'a> {
        let outer = Reader::at(self.der, 0).and_then(|mut outer| {
            let sequence = outer.sequence()?;
            outer.finish()?;
            Ok(sequence)
        });
        CheckedRdns { reader: Some(outer) }
    }
}

/// A relative distinguished name of one attribute of `id-at`, all of it shorter than 128 octets, which is
/// what most are: read as one pattern.
#[derive(Clone, Copy)]
struct ShortRdn<'a> {
    /// The last octet of the attribute type.
    kind: u8,
    tag: Tag,
    value: &'a [u8],
    /// Of the whole encoding, in octets.
    length: usize,
}

impl<'a> ShortRdn<'a> {
    /// Reads the one at the beginning of `rest`; nothing where it is any other, malformed ones
    /// included.
    #[inline]
    fn read(rest: &'a [u8]) -> Option<Self> {
        let (head, tail) = rest.split_first_chunk::<11>()?;
        let [
            set_tag,
            set,
            sequence_tag,
            attribute,
            type_tag,
            type_length,
            at1,
            at2,
            kind,
            tag,
            length,
        ] = *head;
        let value = tail.get(..usize::from(length))?;
        let framed = (set_tag == 0x31)
            & (sequence_tag == 0x30)
            & ([type_tag, type_length, at1, at2] == [0x06, 0x03, 0x55, 0x04])
            & (length <= 0x74)
            & (attribute == length.wrapping_add(7))
            & (set == length.wrapping_add(9))
            & (kind < 0x80)
            & (tag & 0x1f != 0x1f);
        framed.then_some(Self { kind, tag: Tag(tag), value, length: 11 + value.len() })
    }
}

/// Ends after the first error.
struct CheckedRdns<'a> {
    reader: Option<Result<Reader<'a>, DerError>>,
}

impl<'a> Iterator for CheckedRdns<'a> {
    type Item = Result<RelativeDistinguishedName<'a>, DerError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = match self.reader.take()? {
            Ok(reader) => reader,
            Err(error) => return Some(Err(error)),
        };
        if reader.is_empty() {
            return None;
        }
        let set = match reader.element(Tag::SET) {
            Ok(set) if set.content.is_empty() => return Some(Err(set.error(DerErrorKind::Empty))),
            Ok(set) => set,
            Err(error) => return Some(Err(error)),
        };
        self.reader = Some(Ok(reader));
        Some(Ok(RelativeDistinguishedName { set }))
    }
}

/// One relative distinguished name: a nonempty set of attributes.
#[derive(Clone, Copy, Debug)]
pub struct RelativeDistinguishedName<'a> {
    set: Element<'a>,
}

impl<'a> RelativeDistinguishedName<'a> {
    /// The attributes in the order of the encoding. Ends where the encoding is malformed.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        self.checked_attributes().map_while(Result::ok)
    }

    #[inline]
    fn checked_attributes(
        &self,
    ) -> impl Iterator<Item = Result<Attribute<'a>, DerError>> + use<'a> {
        let mut reader = Some(self.set.reader());
        core::iter::from_fn(move || {
            let here = reader.as_mut().filter(|reader| !reader.is_empty())?;
            let attribute =
                here.element(Tag::SEQUENCE).and_then(|element| Attribute::read(&element));
            if attribute.is_err() {
                reader = None;
            }
            Some(attribute)
        })
    }

    fn is_sound(&self) -> bool {
        self.checked_attributes().all(|attribute| attribute.is_ok())
    }

    fn matches(&self, other: &RelativeDistinguishedName<'_>) -> bool {
        if self.set.whole == other.set.whole {
            return self.is_sound();
        }
        if let (Some(a), Some(b)) = (self.sole(), other.sole()) {
            return a.matches(&b);
        }
        // RFC 5280 7.1: "Two relative distinguished names RDN1 and RDN2 match if they have the
        // same number of naming attributes and for each naming attribute in RDN1 there is a
        // matching naming attribute in RDN2." The hash spares most pairs the sorting.
        match (self.hash(), other.hash()) {
            (Some(a), Some(b)) if a == b => {
                let canonical = self.canonical_attributes();
                canonical.is_some() && canonical == other.canonical_attributes()
            }
            _ => false,
        }
    }

    /// The attribute, where there is exactly one and it is sound.
    #[inline]
    fn sole(&self) -> Option<Attribute<'a>> {
        let mut reader = self.set.reader();
        let element = reader.element(Tag::SEQUENCE).ok()?;
        reader.finish().ok()?;
        Attribute::read(&element).ok()
    }

    /// Nothing where malformed; independent of the order of attributes.
    fn hash(&self) -> Option<u64> {
        self.checked_attributes()
            .try_fold(0_u64, |sum, attribute| Some(sum.wrapping_add(attribute.ok()?.hash())))
    }

    /// Nothing where malformed; sorted.
    fn canonical_attributes(&self) -> Option<Vec<Vec<u8>>> {
        let mut attributes = self
            .checked_attributes()
            .map(|attribute| Some(attribute.ok()?.to_canonical()))
            .collect::<Option<Vec<_>>>()?;
        attributes.sort_unstable();
        Some(attributes)
    }
}

/// One attribute of a name: its type and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    oid: Oid<'a>,
    tag: Tag,
    value: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Attribute<'a> {
    #[inline]
    fn read(element: &Element<'a>) -> Result<Self, DerError> {
        if let Some(attribute) = Self::read_short(element.content) {
            return Ok(attribute);
        }
        let mut reader = element.reader();
        let oid = Oid::trusted(reader.oid()?);
        let value = reader.any()?;
        reader.finish()?;
        if !text::in_repertoire(value.tag, value.content) {
            return Err(value.error(DerErrorKind::InvalidString));
        }
        Ok(Self { oid, tag: value.tag, value: value.content, whole: value.whole })
    }

    /// Reads an attribute of `id-at` whose value is shorter than 128 octets, which is what most are,
    /// as one pattern; nothing where it is any other, malformed ones included.
    #[inline]
    fn read_short(content: &'a [u8]) -> Option<Self> {
        let [0x06, 0x03, rest @ ..] = content else { return None };
        let (oid, whole) = rest.split_at_checked(3)?;
        let ([0x55, 0x04, 0..0x80], &[tag, length, ref value @ ..]) = (oid, whole) else {
            return None;
        };
        let framed = length < 0x80 && usize::from(length) == value.len() && tag & 0x1f != 0x1f;
        let tag = Tag(tag);
        (framed && text::in_repertoire(tag, value)).then_some(Self {
            oid: Oid::trusted(oid),
            tag,
            value,
            whole,
        })
    }

    /// The attribute type.
    #[must_use]
    pub const fn oid(&self) -> Oid<'a> {
        self.oid
    }

    /// The tag of the value.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        self.tag
    }

    /// The content octets of the value.
    #[must_use]
    pub const fn value(&self) -> &'a [u8] {
        self.value
    }

    /// The value as text, where it has a string type of known meaning.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self.tag {
            Tag::BMP_STRING | Tag::UNIVERSAL_STRING => {
                Some(Cow::Owned(text::decode(self.tag, self.value)))
            }
            Tag::UTF8_STRING
            | Tag::PRINTABLE_STRING
            | Tag::IA5_STRING
            | Tag::NUMERIC_STRING
            | Tag::VISIBLE_STRING => core::str::from_utf8(self.value).ok().map(Cow::Borrowed),
            _ => None,
        }
    }

    /// The value of an IA5String.
    pub(crate) fn ia5(&self) -> Option<&'a str> {
        let content = (self.tag == Tag::IA5_STRING).then_some(self.value)?;
        core::str::from_utf8(content).ok().filter(|text| text.is_ascii())
    }

    /// The characters that count in a comparison, where the value is text.
    #[inline]
    fn canonical(&self) -> Option<text::Canonical<'a>> {
        text::is_text(self.tag).then(|| text::canonical(self.tag, self.value))
    }

    #[inline]
    fn matches(&self, other: &Attribute<'_>) -> bool {
        self.oid.as_bytes() == other.oid.as_bytes()
            && ((self.tag == other.tag && self.value == other.value)
                || (text::is_text(self.tag)
                    && text::is_text(other.tag)
                    && text::same((self.tag, self.value), (other.tag, other.value))))
    }

    fn hash(&self) -> u64 {
        let fold = |hash, &octet: &u8| mix(hash, u64::from(octet));
        let hash = self.oid.as_bytes().iter().fold(SEED, fold);
        match self.canonical() {
            Some(characters) => characters.fold(hash, |hash, c| mix(hash, u64::from(u32::from(c)))),
            None => self.value.iter().fold(mix(hash, u64::from(self.tag.octet())), fold),
        }
    }

    fn to_canonical(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.value.len() + 16);
        push_with_length(&mut out, self.oid.as_bytes());
        match self.canonical() {
            Some(characters) => {
                // The tag of no string that compares bytewise.
                out.push(Tag::UTF8_STRING.octet());
                for character in characters {
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            None => {
                out.push(self.tag.octet());
                out.extend_from_slice(self.value);
            }
        }
        out
    }
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

#[inline]
const fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95)
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    // Lengths are bounded to 31 bits by the reader.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn push_with_length(out: &mut Vec<u8>, octets: &[u8]) {
    push_length(out, octets.len());
    out.extend_from_slice(octets);
}

/// Short names of attribute types: RFC 4514 section 3 and descriptors of the LDAP registry.
const DESCRIPTORS: [(&[u8], &str); 15] = [
    (&[0x55, 0x04, 0x03], "CN"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x09], "STREET"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19], "DC"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01], "UID"),
    (&[0x55, 0x04, 0x04], "sn"),
    (&[0x55, 0x04, 0x05], "serialNumber"),
    (&[0x55, 0x04, 0x0c], "title"),
    (&[0x55, 0x04, 0x2a], "givenName"),
    (&[0x55, 0x04, 0x61], "organizationIdentifier"),
    (known::EMAIL_ADDRESS, "emailAddress"),
];

impl Name<'_> {
    pub(crate) fn write(&self, out: &mut impl Write) -> fmt::Result {
        if self.check(0).is_err() {
            // No string that RFC 4514 could give: all of it is hexadecimal.
            return text::hexadecimal(out, self.der);
        }
        let rdns: Vec<_> = self.rdns().collect();
        for (at, rdn) in rdns.iter().rev().enumerate() {
            for (within, attribute) in rdn.attributes().enumerate() {
                match (at, within) {
                    (0, 0) => {}
                    (_, 0) => out.write_char(',')?,
                    _ => out.write_char('+')?,
                }
                attribute.write(out)?;
            }
        }
        Ok(())
    }
}

impl Attribute<'_> {
    /// RFC 4514 section 2.3 and 2.4; every special character as hexadecimal pairs, so that no `,`
    /// of a value stands in the text.
    fn write(&self, out: &mut impl Write) -> fmt::Result {
        let descriptor = DESCRIPTORS.iter().find(|(oid, _)| *oid == self.oid.as_bytes());
        let (Some((_, descriptor)), Some(text)) = (descriptor, self.text()) else {
            match descriptor {
                Some((_, descriptor)) => write!(out, "{descriptor}=")?,
                None => write!(out, "{}=", self.oid)?,
            }
            return text::hexadecimal(out, self.whole);
        };
        write!(out, "{descriptor}=")?;
        let last = text.len().saturating_sub(1);
        text::escape(out, &text, |at, character| match character {
            ' ' => at == 0 || at == last,
            '#' => at == 0,
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => true,
            _ => false,
        })
    }
}

impl fmt::Display for Name<'_> {
    /// Writes the string of RFC 4514, at most some 500 bytes of it. Controls and bidirectional
    /// marks are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Bounded::write(f, Bounded::NAME, |out| self.write(out))
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use alloc::vec;

    const CN: &[u8] = &[0x55, 0x04, 0x03];
    const O: &[u8] = &[0x55, 0x04, 0x0a];

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let mut out = match length {
            0..0x80 => vec![tag, u8::try_from(length).unwrap()],
            _ => [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
        };
        out.extend_from_slice(content);
        out
    }

    fn attribute(oid: &[u8], tag: Tag, value: &[u8]) -> Vec<u8> {
        tlv(0x30, &[tlv(0x06, oid), tlv(tag.octet(), value)].concat())
    }

    fn name(rdns: &[&[&Vec<u8>]]) -> Vec<u8> {
        let set = |rdn: &&[&Vec<u8>]| {
            tlv(0x31, &rdn.iter().flat_map(|attribute| attribute.to_vec()).collect::<Vec<_>>())
        };
        tlv(0x30, &rdns.iter().flat_map(set).collect::<Vec<_>>())
    }

    fn cn(tag: Tag, value: &[u8]) -> Vec<u8> {
        name(&[&[&attribute(CN, tag, value)]])
    }

    #[test]
    fn matching() {
        let printable = cn(Tag::PRINTABLE_STRING, b"Test CA");
        let a = attribute(CN, Tag::UTF8_STRING, b"a");
        let b = attribute(CN, Tag::UTF8_STRING, b"B");
        let b_lower = attribute(CN, Tag::PRINTABLE_STRING, b"b");
        let broken = cn(Tag::PRINTABLE_STRING, b"a@b");
        for (case, left, right, expected) in [
            ("case and space", printable.clone(), cn(Tag::PRINTABLE_STRING, b" test  ca "), true),
            ("string type", printable.clone(), cn(Tag::UTF8_STRING, b"TEST CA"), true),
            ("wide", printable.clone(), cn(Tag::BMP_STRING, b"\0T\0e\0s\0t\0 \0C\0A"), true),
            ("other text", printable.clone(), cn(Tag::PRINTABLE_STRING, b"TestCA"), false),
            ("prefix", printable.clone(), cn(Tag::PRINTABLE_STRING, b"Test C"), false),
            (
                "other type",
                cn(Tag::UTF8_STRING, b"x"),
                name(&[&[&attribute(O, Tag::UTF8_STRING, b"x")]]),
                false,
            ),
            (
                "teletex is bytes",
                cn(Tag::TELETEX_STRING, b"a"),
                cn(Tag::TELETEX_STRING, b"A"),
                false,
            ),
            (
                "teletex is not utf8",
                cn(Tag::TELETEX_STRING, b"a"),
                cn(Tag::UTF8_STRING, b"a"),
                false,
            ),
            ("sets", name(&[&[&a, &b]]), name(&[&[&b_lower, &a]]), true),
            ("multisets", name(&[&[&a, &a, &b]]), name(&[&[&a, &b_lower, &b_lower]]), false),
            ("set is no sequence", name(&[&[&a, &a]]), name(&[&[&a], &[&a]]), false),
            ("longer", name(&[&[&a], &[&a]]), name(&[&[&a]]), false),
            (
                "folded non-ascii",
                cn(Tag::UTF8_STRING, "STRASSE".as_bytes()),
                cn(Tag::UTF8_STRING, "straße".as_bytes()),
                true,
            ),
            ("malformed matches itself", broken.clone(), broken.clone(), true),
            ("malformed matches no other", broken, cn(Tag::UTF8_STRING, b"a@b"), false),
            ("empty", Name::EMPTY.as_der().into(), printable, false),
        ] {
            let (left, right) = (Name::trusted(&left), Name::trusted(&right));
            assert_eq!(left.matches(&right), expected, "{case}");
            assert_eq!(right.matches(&left), expected, "{case}, swapped");
            assert_eq!(left.to_canonical() == right.to_canonical(), expected, "{case}, canonical");
            assert_eq!(left.canonical_hash() == right.canonical_hash(), expected, "{case}, hash");
        }
    }

    #[test]
    fn subtrees() {
        let a = attribute(O, Tag::UTF8_STRING, b"Org");
        let upper = attribute(O, Tag::PRINTABLE_STRING, b"ORG");
        let b = attribute(CN, Tag::UTF8_STRING, b"x");
        let bad = attribute(CN, Tag::IA5_STRING, b"\xff");
        for (case, left, base, expected) in [
            ("below", name(&[&[&a], &[&b]]), name(&[&[&upper]]), true),
            ("itself", name(&[&[&a]]), name(&[&[&a]]), true),
            ("all is below the empty name", name(&[&[&a]]), name(&[]), true),
            ("above", name(&[&[&a]]), name(&[&[&a], &[&b]]), false),
            ("elsewhere", name(&[&[&b]]), name(&[&[&a]]), false),
            ("malformed tail", name(&[&[&a], &[&bad]]), name(&[&[&a]]), false),
        ] {
            let (left, base) = (Name::trusted(&left), Name::trusted(&base));
            assert_eq!(left.is_within(&base), expected, "{case}");
        }
    }

    #[test]
    fn syntax() {
        let a = attribute(CN, Tag::UTF8_STRING, b"a");
        let b = attribute(CN, Tag::UTF8_STRING, b"b");
        for (case, der, expected) in [
            ("empty", name(&[]), None),
            ("ordered", name(&[&[&a, &b]]), None),
            ("unordered", name(&[&[&b, &a]]), Some((2, DerErrorKind::UnorderedSet))),
            ("empty set", name(&[&[]]), Some((2, DerErrorKind::Empty))),
            (
                "repertoire",
                cn(Tag::PRINTABLE_STRING, b"*"),
                Some((11, DerErrorKind::InvalidString)),
            ),
            (
                "trailing",
                [name(&[&[&a]]), vec![0]].concat(),
                Some((14, DerErrorKind::TrailingData { extra: 1 })),
            ),
        ] {
            let found = Name::from_der(&der).err().map(|error| (error.offset(), error.kind()));
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn printing() {
        let der = name(&[
            &[&attribute(O, Tag::UTF8_STRING, "a, CN=b\u{202e}\n".as_bytes())],
            &[&attribute(CN, Tag::UTF8_STRING, b" #x ")],
            &[&attribute(&[0x2a, 0x03], Tag::UTF8_STRING, b"x")],
        ]);
        assert_eq!(
            Name::trusted(&der).to_string(),
            "1.2.3=#0c0178,CN=\\20#x\\20,O=a\\2C CN\\3Db\\E2\\80\\AE\\0A"
        );
        let long: String = core::iter::repeat_n('x', 5_000).collect();
        let text = Name::trusted(&cn(Tag::UTF8_STRING, long.as_bytes())).to_string();
        assert!(text.len() <= Bounded::NAME + '…'.len_utf8() && text.ends_with('…'));
    }

    #[test]
    fn lookup() {
        let der = name(&[
            &[&attribute(CN, Tag::UTF8_STRING, b"first")],
            &[&attribute(CN, Tag::BMP_STRING, b"\0l\0a\0s\0t")],
        ]);
        let found = Name::trusted(&der).attribute(Oid::trusted(CN)).unwrap();
        assert_eq!(found.text().as_deref(), Some("last"));
        assert_eq!(Name::trusted(&der).attribute(Oid::trusted(O)), None);
    }
}
