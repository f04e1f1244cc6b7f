//! The name constraints extension of RFC 5280 section 4.2.1.10.
//!
//! Reading refuses what the profile forbids: an extension without subtrees, an empty list, an
//! encoded `minimum` or `maximum`, an address base that is not address and contiguous mask. It
//! does not judge the text of bases: one that RFC 5280 gives no meaning to (`.example.com` as a
//! dNSName, `a@b@c` as a mailbox) makes the rule refuse every name of that form, and leaves names
//! of other forms alone; see the rule in the constraints room.

use super::der::{DerError, DerErrorKind, Element, Reader, Tag};
use super::general_name::{GeneralName, GeneralNameForm};
use super::name::Name;

/// `NameConstraints` of RFC 5280 section 4.2.1.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameConstraints<'a> {
    permitted: GeneralSubtrees<'a>,
    excluded: GeneralSubtrees<'a>,
}

impl<'a> NameConstraints<'a> {
    /// Reads the value of the extension.
    ///
    /// # Errors
    /// The first violation of DER or of the profile.
    pub fn from_der(der: &'a [u8]) -> Result<Self, DerError> {
        Self::read(der, 0)
    }

    /// Reads the value of the extension, which begins at `offset` of the outermost input.
    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        let mut outer = Reader::at(value, offset)?;
        let mut reader = outer.sequence()?;
        outer.finish()?;
        // "Conforming CAs MUST NOT issue certificates where name constraints is an empty sequence.
        // That is, either the permittedSubtrees field or the excludedSubtrees MUST be present."
        if reader.is_empty() {
            return Err(DerError::new(offset, DerErrorKind::Empty));
        }
        let permitted = reader.optional(Tag::context_constructed(0))?;
        let excluded = reader.optional(Tag::context_constructed(1))?;
        reader.finish()?;
        Ok(Self {
            permitted: GeneralSubtrees::read(permitted)?,
            excluded: GeneralSubtrees::read(excluded)?,
        })
    }

    /// The permitted subtrees; empty where the field is absent.
    #[must_use]
    pub const fn permitted(&self) -> GeneralSubtrees<'a> {
        self.permitted
    }

    /// The excluded subtrees; empty where the field is absent.
    #[must_use]
    pub const fn excluded(&self) -> GeneralSubtrees<'a> {
        self.excluded
    }
}

/// `GeneralSubtrees ::= SEQUENCE SIZE (1..MAX) OF GeneralSubtree`, or none where absent.
///
/// INVARIANT: `content` was read as a whole by `GeneralSubtrees::read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneralSubtrees<'a> {
    content: &'a [u8],
    offset: usize,
    /// One bit for each form that has a base.
    forms: u16,
}

impl<'a> GeneralSubtrees<'a> {
    fn read(element: Option<Element<'a>>) -> Result<Self, DerError> {
        let Some(element) = element else {
            return Ok(Self { content: &[], offset: 0, forms: 0 });
        };
        if element.content.is_empty() {
            return Err(element.error(DerErrorKind::Empty));
        }
        let mut reader = element.reader();
        let mut forms = 0;
        while !reader.is_empty() {
            let mut subtree = reader.sequence()?;
            let base = subtree.any()?;
            // "Within this profile, the minimum and maximum fields are not used with any name
            // forms, thus, the minimum MUST be zero, and maximum MUST be absent." Zero is the
            // DEFAULT, which DER does not encode.
            subtree.finish()?;
            let name = GeneralName::read(&base)?;
            if let GeneralName::Ip(octets) = name {
                check_address_range(octets).map_err(|kind| base.error(kind))?;
            }
            forms |= bit(name.form());
        }
        Ok(Self { content: element.content, offset: element.content_offset, forms })
    }

    /// Whether there are no subtrees.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// Whether a base has this form.
    #[must_use]
    pub const fn has(&self, form: GeneralNameForm) -> bool {
        self.forms & bit(form) != 0
    }

    /// The bases of the subtrees. Addresses have 8 or 32 octets: address and mask.
    pub fn bases(&self) -> impl Iterator<Item = GeneralName<'a>> + use<'a> {
        self.base_elements().map_while(|element| Self::base(&element))
    }

    /// The name of a base that was read before.
    #[inline]
    pub(crate) fn base(element: &Element<'a>) -> Option<GeneralName<'a>> {
        // The directory name was checked with all the rest.
        if element.tag == Tag::context_constructed(4) {
            return Some(GeneralName::Directory(Name::trusted(element.content)));
        }
        GeneralName::read(element).ok()
    }

    /// The encodings of the bases.
    #[inline]
    pub(crate) fn base_elements(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let mut reader = Reader::at(self.content, self.offset).ok();
        core::iter::from_fn(move || {
            let here = reader.as_mut().filter(|reader| !reader.is_empty())?;
            here.sequence().and_then(|mut subtree| subtree.any()).ok()
        })
    }
}

const fn bit(form: GeneralNameForm) -> u16 {
    1 << match form {
        GeneralNameForm::OtherName => 0,
        GeneralNameForm::Rfc822 => 1,
        GeneralNameForm::Dns => 2,
        GeneralNameForm::X400 => 3,
        GeneralNameForm::Directory => 4,
        GeneralNameForm::EdiParty => 5,
        GeneralNameForm::Uri => 6,
        GeneralNameForm::Ip => 7,
        GeneralNameForm::RegisteredId => 8,
    }
}

/// RFC 5280 4.2.1.10: "the iPAddress field of GeneralName MUST contain eight (8) octets, encoded in
/// the style of RFC 4632 (CIDR)", and 32 for IPv6. CIDR has no masks with holes.
fn check_address_range(octets: &[u8]) -> Result<(), DerErrorKind> {
    if !matches!(octets.len(), 8 | 32) {
        return Err(DerErrorKind::WrongLength { found: octets.len() });
    }
    let (_, mask) = octets.split_at(octets.len() / 2);
    let mut after = mask.iter().skip_while(|&&octet| octet == 0xff);
    let boundary =
        after.next().is_none_or(|octet| octet.leading_ones() + octet.trailing_zeros() >= 8);
    if boundary && after.all(|&octet| octet == 0) {
        Ok(())
    } else {
        Err(DerErrorKind::InvalidAddressMask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn sequence(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn extension(subtree: &[u8]) -> Vec<u8> {
        sequence(0x30, &sequence(0xa0, &sequence(0x30, subtree)))
    }

    #[test]
    fn syntax() {
        for (case, der, expected) in [
            ("dns", extension(b"\x82\x01a"), None),
            ("all names", extension(b"\x82\x00"), None),
            ("excluded alone", sequence(0x30, &sequence(0xa1, b"\x30\x03\x82\x01a")), None),
            ("no field", sequence(0x30, b""), Some(DerErrorKind::Empty)),
            ("empty permitted", sequence(0x30, b"\xa0\x00"), Some(DerErrorKind::Empty)),
            (
                "minimum zero",
                extension(b"\x82\x01a\x80\x01\x00"),
                Some(DerErrorKind::TrailingData { extra: 3 }),
            ),
            (
                "maximum",
                extension(b"\x82\x01a\x81\x01\x02"),
                Some(DerErrorKind::TrailingData { extra: 3 }),
            ),
            ("v4 range", extension(b"\x87\x08\x0a\0\0\0\xff\xf8\0\0"), None),
            (
                "v4 without mask",
                extension(b"\x87\x04\x0a\0\0\0"),
                Some(DerErrorKind::WrongLength { found: 4 }),
            ),
            (
                "hole at an octet",
                extension(b"\x87\x08\x0a\0\0\0\xff\0\xff\0"),
                Some(DerErrorKind::InvalidAddressMask),
            ),
            (
                "hole in an octet",
                extension(b"\x87\x08\x0a\0\0\0\xff\xa0\0\0"),
                Some(DerErrorKind::InvalidAddressMask),
            ),
            ("not ascii", extension(b"\x82\x01\xff"), Some(DerErrorKind::InvalidString)),
            (
                "order of fields",
                sequence(0x30, b"\xa1\x05\x30\x03\x82\x01a\xa0\x05\x30\x03\x82\x01a"),
                Some(DerErrorKind::TrailingData { extra: 7 }),
            ),
        ] {
            let found = NameConstraints::from_der(&der).err().map(|error| error.kind());
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn forms_and_bases() {
        let der = extension(b"\x82\x01a");
        let constraints = NameConstraints::from_der(&der).unwrap();
        assert!(constraints.permitted().has(GeneralNameForm::Dns));
        assert!(!constraints.permitted().has(GeneralNameForm::Uri));
        assert!(constraints.excluded().is_empty());
        assert_eq!(constraints.permitted().bases().collect::<Vec<_>>(), [GeneralName::Dns("a")]);
    }
}
