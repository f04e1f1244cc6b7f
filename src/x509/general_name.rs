//! General names: the nine forms of RFC 5280 section 4.2.1.6.
//!
//! Tags are checked strictly: a form that is primitive must not be constructed and the reverse. Of
//! otherName, x400Address and ediPartyName tag and length are checked and no more: nothing here
//! compares them, and a rule that is about them refuses them whatever they hold. The three text
//! forms are IA5String and borrowed as `str`; nothing here says that a dNSName is a host
//! name or that a URI has a host. Addresses in lists have 4 or 16 octets (RFC 5280 section
//! 4.2.1.6); the bases of name constraints, with 8 or 32, are read by the file that holds them.
//!
//! `Display` is for people. No comparison goes through text, and no name can be made to look like
//! two: separators within a name are written as `\2C`.

use core::fmt::{self, Write};
use core::net::{Ipv4Addr, Ipv6Addr};

use super::der::{DerError, DerErrorKind, Element, Reader, Tag};
use super::name::Name;
use super::oid::Oid;
use super::text::{self, Bounded};

/// One of the forms of a general name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the ASN.1 CHOICE has no extension marker")]
pub enum GeneralNameForm {
    /// otherName.
    OtherName,
    /// rfc822Name.
    Rfc822,
    /// dNSName.
    Dns,
    /// x400Address.
    X400,
    /// directoryName.
    Directory,
    /// ediPartyName.
    EdiParty,
    /// uniformResourceIdentifier.
    Uri,
    /// iPAddress.
    Ip,
    /// registeredID.
    RegisteredId,
}

impl GeneralNameForm {
    /// The form that a context-specific tag stands for.
    #[inline]
    pub(crate) const fn of(tag: Tag) -> Option<Self> {
        Some(match tag.octet() {
            0xa0 => Self::OtherName,
            0x81 => Self::Rfc822,
            0x82 => Self::Dns,
            0xa3 => Self::X400,
            0xa4 => Self::Directory,
            0xa5 => Self::EdiParty,
            0x86 => Self::Uri,
            0x87 => Self::Ip,
            0x88 => Self::RegisteredId,
            _ => return None,
        })
    }

    /// The name of the form in RFC 5280.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherName => "otherName",
            Self::Rfc822 => "rfc822Name",
            Self::Dns => "dNSName",
            Self::X400 => "x400Address",
            Self::Directory => "directoryName",
            Self::EdiParty => "ediPartyName",
            Self::Uri => "uniformResourceIdentifier",
            Self::Ip => "iPAddress",
            Self::RegisteredId => "registeredID",
        }
    }
}

impl fmt::Display for GeneralNameForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `GeneralName` of RFC 5280 section 4.2.1.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the ASN.1 CHOICE has no extension marker")]
pub enum GeneralName<'a> {
    /// otherName: the content octets; [`GeneralName::other_name`] reads them.
    OtherName(&'a [u8]),
    /// rfc822Name: a mailbox.
    Rfc822(&'a str),
    /// dNSName.
    Dns(&'a str),
    /// x400Address: the content octets of the ORAddress.
    X400(&'a [u8]),
    /// directoryName.
    Directory(Name<'a>),
    /// ediPartyName: the content octets.
    EdiParty(&'a [u8]),
    /// uniformResourceIdentifier.
    Uri(&'a str),
    /// iPAddress: 4 or 16 octets; as the base of a name constraint address and mask, 8 or 32.
    Ip(&'a [u8]),
    /// registeredID.
    RegisteredId(Oid<'a>),
}

impl<'a> GeneralName<'a> {
    /// Reads one element. Addresses may have any length.
    pub(crate) fn read(element: &Element<'a>) -> Result<Self, DerError> {
        let Some(form) = GeneralNameForm::of(element.tag) else {
            // The highest tag of the CHOICE stands for what was expected.
            let expected = Tag::context(8);
            return Err(element.error(DerErrorKind::UnexpectedTag { expected, found: element.tag }));
        };
        let content = element.content;
        Ok(match form {
            GeneralNameForm::OtherName => Self::OtherName(content),
            GeneralNameForm::Rfc822 => Self::Rfc822(ia5(element)?),
            GeneralNameForm::Dns => Self::Dns(ia5(element)?),
            GeneralNameForm::Uri => Self::Uri(ia5(element)?),
            GeneralNameForm::Ip => Self::Ip(content),
            GeneralNameForm::Directory => {
                // Name is a CHOICE, so the implicit tag is an explicit one (X.680 31.2.7).
                let mut reader = element.reader();
                let name = reader.element(Tag::SEQUENCE)?;
                reader.finish()?;
                let (offset, name) = (name.offset, Name::trusted(name.whole));
                name.check(offset)?;
                Self::Directory(name)
            }
            GeneralNameForm::X400 => Self::X400(content),
            GeneralNameForm::EdiParty => Self::EdiParty(content),
            GeneralNameForm::RegisteredId => Self::RegisteredId(
                Oid::from_content(content)
                    .ok_or_else(|| element.error(DerErrorKind::InvalidOid))?,
            ),
        })
    }

    /// Which form it has.
    #[must_use]
    pub const fn form(&self) -> GeneralNameForm {
        match self {
            Self::OtherName(_) => GeneralNameForm::OtherName,
            Self::Rfc822(_) => GeneralNameForm::Rfc822,
            Self::Dns(_) => GeneralNameForm::Dns,
            Self::X400(_) => GeneralNameForm::X400,
            Self::Directory(_) => GeneralNameForm::Directory,
            Self::EdiParty(_) => GeneralNameForm::EdiParty,
            Self::Uri(_) => GeneralNameForm::Uri,
            Self::Ip(_) => GeneralNameForm::Ip,
            Self::RegisteredId(_) => GeneralNameForm::RegisteredId,
        }
    }

    /// The type-id of an otherName and the DER encoding of its value; nothing for other forms, and
    /// where the content is not `SEQUENCE { type-id, [0] EXPLICIT value }`.
    #[must_use]
    pub fn other_name(&self) -> Option<(Oid<'a>, &'a [u8])> {
        let Self::OtherName(content) = self else { return None };
        let mut reader = Reader::new(content).ok()?;
        let type_id = Oid::trusted(reader.oid().ok()?);
        let explicit = reader.element(Tag::context_constructed(0)).ok()?;
        reader.finish().ok()?;
        let mut inner = explicit.reader();
        let value = inner.any().ok()?.whole;
        inner.finish().ok()?;
        Some((type_id, value))
    }

    fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::OtherName(content) => match self.other_name() {
                Some((type_id, value)) => {
                    write!(out, "othername:{type_id}=")?;
                    text::hexadecimal(out, value)
                }
                None => {
                    out.write_str("othername:")?;
                    text::hexadecimal(out, content)
                }
            },
            Self::Rfc822(mailbox) => write_text(out, "email:", mailbox),
            Self::Dns(name) => write_text(out, "DNS:", name),
            Self::Uri(uri) => write_text(out, "URI:", uri),
            Self::X400(content) => {
                out.write_str("X400Name:")?;
                text::hexadecimal(out, content)
            }
            Self::EdiParty(content) => {
                out.write_str("EdiPartyName:")?;
                text::hexadecimal(out, content)
            }
            Self::Directory(name) => {
                out.write_str("DirName:")?;
                name.write(out)
            }
            Self::Ip(octets) => {
                out.write_str("IP:")?;
                write_address(out, octets)
            }
            Self::RegisteredId(oid) => write!(out, "RID:{oid}"),
        }
    }
}

fn write_text(out: &mut impl Write, prefix: &str, name: &str) -> fmt::Result {
    out.write_str(prefix)?;
    text::escape(out, name, |_, character| matches!(character, ' ' | ',' | '\\' | '"' | ';'))
}

/// An address, or an address and the length of its prefix; other octets as hexadecimal.
fn write_address(out: &mut impl Write, octets: &[u8]) -> fmt::Result {
    let (address, mask) = match octets.len() {
        8 | 32 => octets.split_at(octets.len() / 2),
        _ => (octets, &[][..]),
    };
    if let Ok(address) = <[u8; 4]>::try_from(address) {
        write!(out, "{}", Ipv4Addr::from(address))?;
    } else if let Ok(address) = <[u8; 16]>::try_from(address) {
        write!(out, "{}", Ipv6Addr::from(address))?;
    } else {
        return text::hexadecimal(out, octets);
    }
    if mask.is_empty() {
        return Ok(());
    }
    write!(out, "/{}", mask.iter().map(|octet| octet.count_ones()).sum::<u32>())
}

impl fmt::Display for GeneralName<'_> {
    /// Writes the form and the name, at most some 500 bytes, such as `DNS:example.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Bounded::write(f, Bounded::NAME, |out| self.write(out))
    }
}

fn ia5<'a>(element: &Element<'a>) -> Result<&'a str, DerError> {
    match core::str::from_utf8(element.content) {
        Ok(text) if text.is_ascii() => Ok(text),
        _ => Err(element.error(DerErrorKind::InvalidString)),
    }
}

/// `GeneralNames ::= SEQUENCE SIZE (1..MAX) OF GeneralName`, read one by one.
#[derive(Clone, Copy, Debug)]
pub struct GeneralNames<'a> {
    content: &'a [u8],
    offset: usize,
}

impl<'a> GeneralNames<'a> {
    /// Reads a list from its DER encoding, such as the value of a subject alternative name.
    ///
    /// # Errors
    /// The first violation of DER, or [`DerErrorKind::Empty`] for a list without names.
    pub fn from_der(der: &'a [u8]) -> Result<Self, DerError> {
        let mut reader = Reader::new(der)?;
        let element = reader.element(Tag::SEQUENCE)?;
        reader.finish()?;
        let names = Self::trusted(element.content, element.content_offset);
        names.check()?;
        Ok(names)
    }

    /// Takes the content octets of a list, which begin at `offset` of the outermost input.
    #[inline]
    pub(crate) const fn trusted(content: &'a [u8], offset: usize) -> Self {
        Self { content, offset }
    }

    /// Reads the content of an element whose type is GeneralNames, under whatever tag.
    pub(crate) fn of(element: &Element<'a>) -> Result<Self, DerError> {
        if element.content.is_empty() {
            return Err(element.error(DerErrorKind::Empty));
        }
        let names = Self::trusted(element.content, element.content_offset);
        names.check()?;
        Ok(names)
    }

    /// Returns the encodings of the names, one after the other.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.content
    }

    /// Iterates over the names of the form `directoryName`.
    pub fn directory_names(&self) -> impl Iterator<Item = Name<'a>> + use<'a> {
        self.iter().filter_map(|name| match name {
            Ok(GeneralName::Directory(name)) => Some(name),
            _ => None,
        })
    }

    /// Iterates over the names of the form `uniformResourceIdentifier`.
    pub fn uris(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.iter().filter_map(|name| match name {
            Ok(GeneralName::Uri(uri)) => Some(uri),
            _ => None,
        })
    }

    /// Checks all names, and that there is one.
    pub(crate) fn check(&self) -> Result<(), DerError> {
        if self.content.is_empty() {
            return Err(DerError::new(self.offset, DerErrorKind::Empty));
        }
        if let Some((form, content)) = self.only_short()
            && is_sound_text(form, content)
        {
            return Ok(());
        }
        let mut reader = Reader::at(self.content, self.offset)?;
        while !reader.is_empty() {
            check_name(&reader.any()?)?;
        }
        Ok(())
    }

    /// Form and content octets of each name of a list that was checked; what has no form ends it.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (GeneralNameForm, &'a [u8])> + use<'a> {
        let mut rest = Reader::at(self.content, self.offset).ok();
        core::iter::from_fn(move || {
            let element = rest.as_mut().filter(|rest| !rest.is_empty())?.any().ok()?;
            Some((GeneralNameForm::of(element.tag)?, element.content))
        })
    }

    /// Form and content octets of the only name of a list, the content as it stands; nothing where there
    /// are more, or where it takes 128 octets or more.
    #[inline]
    pub(crate) fn only_short(&self) -> Option<(GeneralNameForm, &'a [u8])> {
        let [tag, length @ 0..0x80, ref content @ ..] = *self.content else { return None };
        let form = GeneralNameForm::of(Tag(tag))?;
        (content.len() == usize::from(length)).then_some((form, content))
    }

    /// The names; an error ends the list.
    pub fn iter(&self) -> impl Iterator<Item = Result<GeneralName<'a>, DerError>> + use<'a> {
        let mut rest = Some(Reader::at(self.content, self.offset));
        core::iter::from_fn(move || {
            let name = match rest.take()? {
                Err(error) => Err(error),
                Ok(reader) if reader.is_empty() => return None,
                Ok(mut reader) => {
                    let name = next_name(&mut reader);
                    rest = name.is_ok().then_some(Ok(reader));
                    name
                }
            };
            Some(name)
        })
    }
}

impl PartialEq for GeneralNames<'_> {
    /// Compares encodings, wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl Eq for GeneralNames<'_> {}

fn next_name<'a>(reader: &mut Reader<'a>) -> Result<GeneralName<'a>, DerError> {
    let element = reader.any()?;
    match GeneralName::read(&element)? {
        // RFC 5280 4.2.1.6: "the octet string MUST contain exactly four octets", or sixteen.
        GeneralName::Ip(octets) if !matches!(octets.len(), 4 | 16) => {
            Err(element.error(DerErrorKind::WrongLength { found: octets.len() }))
        }
        name => Ok(name),
    }
}

/// What [`next_name`] asks for, without reading text twice.
#[inline]
fn check_name(element: &Element<'_>) -> Result<(), DerError> {
    match GeneralNameForm::of(element.tag) {
        Some(form) if is_sound_text(form, element.content) => Ok(()),
        _ => next_name(&mut element.whole_reader()).map(|_| ()),
    }
}

/// Whether it is a form that is text, and text.
#[inline]
fn is_sound_text(form: GeneralNameForm, content: &[u8]) -> bool {
    use GeneralNameForm::{Dns, Rfc822, Uri};
    matches!(form, Rfc822 | Dns | Uri) && content.is_ascii()
}

impl fmt::Display for GeneralNames<'_> {
    /// Writes the names with `, ` between, at most some 4,000 bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Bounded::write(f, 8 * Bounded::NAME, |out| {
            for (at, name) in self.iter().enumerate() {
                if at > 0 {
                    out.write_str(", ")?;
                }
                match name {
                    Ok(name) => write!(out, "{name}")?,
                    Err(error) => write!(out, "<malformed: {error}>")?,
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn list(names: &[&[u8]]) -> Vec<u8> {
        let content = names.concat();
        [&[0x30, u8::try_from(content.len()).unwrap()], &content[..]].concat()
    }

    #[test]
    fn forms() {
        for (case, name, expected) in [
            (
                "other, value cut short",
                &b"\xa0\x07\x06\x02\x2a\x03\xa0\x01\x05"[..],
                Ok("othername:#06022a03a00105"),
            ),
            (
                "other, value without its tag",
                b"\xa0\x06\x06\x02\x2a\x03\x05\x00",
                Ok("othername:#06022a030500"),
            ),
            (
                "other, sound",
                b"\xa0\x08\x06\x02\x2a\x03\xa0\x02\x05\x00",
                Ok("othername:1.2.3=#0500"),
            ),
            (
                "other, primitive",
                b"\x80\x08\x06\x02\x2a\x03\xa0\x02\x05\x00",
                Err(unexpected(0x80)),
            ),
            ("mailbox", b"\x81\x03a@b", Ok("email:a@b")),
            ("dns", b"\x82\x01a", Ok("DNS:a")),
            ("dns, constructed", b"\xa2\x01a", Err(unexpected(0xa2))),
            ("dns, not ascii", b"\x82\x02\xc3\xa9", Err(DerErrorKind::InvalidString)),
            ("x400", b"\xa3\x02\x30\x00", Ok("X400Name:#3000")),
            (
                "directory",
                b"\xa4\x0e\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01a",
                Ok("DirName:CN=a"),
            ),
            ("directory, implicit", b"\xa4\x00", Err(DerErrorKind::Truncated { missing: 2 })),
            ("edi", b"\xa5\x05\xa1\x03\x0c\x01x", Ok("EdiPartyName:#a1030c0178")),
            ("edi, implicit party", b"\xa5\x03\x81\x01x", Ok("EdiPartyName:#810178")),
            ("edi, primitive", b"\x85\x03\x81\x01x", Err(unexpected(0x85))),
            ("uri", b"\x86\x04a:,b", Ok("URI:a:\\2Cb")),
            ("v4", b"\x87\x04\x0a\x00\x00\x01", Ok("IP:10.0.0.1")),
            ("address length", b"\x87\x01\x0a", Err(DerErrorKind::WrongLength { found: 1 })),
            ("registered", b"\x88\x02\x2a\x03", Ok("RID:1.2.3")),
            ("registered, empty", b"\x88\x00", Err(DerErrorKind::InvalidOid)),
            ("no form", b"\x89\x00", Err(unexpected(0x89))),
        ] {
            let der = list(&[name]);
            let found = GeneralNames::from_der(&der).map(|names| names.to_string());
            assert_eq!(found.as_deref().map_err(|error| error.kind()), expected, "{case}");
        }
    }

    fn unexpected(found: u8) -> DerErrorKind {
        DerErrorKind::UnexpectedTag { expected: Tag::context(8), found: Tag(found) }
    }

    #[test]
    fn a_list_is_not_empty() {
        assert_eq!(
            GeneralNames::from_der(&[0x30, 0]).map_err(|error| error.kind()),
            Err(DerErrorKind::Empty)
        );
    }

    #[test]
    fn one_name_never_prints_as_two() {
        let der = list(&[b"\x82\x08a, DNS:b", b"\x82\x02c\n"]);
        let names = GeneralNames::from_der(&der).unwrap();
        assert_eq!(names.to_string(), "DNS:a\\2C\\20DNS:b, DNS:c\\0A");
    }
}
