//! Authority and subject information access: where issuers, responders and repositories claim to be.
//!
//! RFC 5280 sections 4.2.2.1 and 4.2.2.2; both have one body. Locations are untrusted data and
//! nothing here follows them.

use super::der::{DerError, Reader};
use super::extension_values::sequence_of;
use super::general_name::GeneralName;
use super::oid::Oid;

/// Authority information access, `1.3.6.1.5.5.7.1.1` ([RFC 5280 section 4.2.2.1]): at least one
/// description.
///
/// [RFC 5280 section 4.2.2.1]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.2.1
#[derive(Clone, Debug)]
pub struct AuthorityInfoAccess<'a> {
    descriptions: Reader<'a>,
}

impl<'a> AuthorityInfoAccess<'a> {
    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        Ok(Self { descriptions: descriptions(value, offset)? })
    }

    /// Iterates over the descriptions in the order of the certificate.
    pub fn iter(&self) -> impl Iterator<Item = AccessDescription<'a>> + use<'a> {
        each(&self.descriptions)
    }
}

/// Subject information access, `1.3.6.1.5.5.7.1.11` ([RFC 5280 section 4.2.2.2]): at least one
/// description.
///
/// [RFC 5280 section 4.2.2.2]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.2.2
#[derive(Clone, Debug)]
pub struct SubjectInfoAccess<'a> {
    descriptions: Reader<'a>,
}

impl<'a> SubjectInfoAccess<'a> {
    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        Ok(Self { descriptions: descriptions(value, offset)? })
    }

    /// Iterates over the descriptions in the order of the certificate.
    pub fn iter(&self) -> impl Iterator<Item = AccessDescription<'a>> + use<'a> {
        each(&self.descriptions)
    }
}

/// `AccessDescription`: what is found where.
#[derive(Clone, Copy, Debug)]
pub struct AccessDescription<'a> {
    method: Oid<'a>,
    location: GeneralName<'a>,
}

impl<'a> AccessDescription<'a> {
    /// `accessMethod`, such as `id-ad-ocsp`.
    #[must_use]
    pub const fn method(&self) -> Oid<'a> {
        self.method
    }

    /// `accessLocation`.
    #[must_use]
    pub const fn location(&self) -> GeneralName<'a> {
        self.location
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, DerError> {
        let mut fields = reader.sequence()?;
        let method = Oid::trusted(fields.oid()?);
        let location = GeneralName::read(&fields.any()?)?;
        fields.finish()?;
        Ok(Self { method, location })
    }
}

fn descriptions(value: &[u8], offset: usize) -> Result<Reader<'_>, DerError> {
    let descriptions = sequence_of(value, offset)?;
    let mut rest = descriptions.clone();
    while !rest.is_empty() {
        AccessDescription::read(&mut rest)?;
    }
    Ok(descriptions)
}

fn each<'a>(descriptions: &Reader<'a>) -> impl Iterator<Item = AccessDescription<'a>> + use<'a> {
    let mut rest = descriptions.clone();
    core::iter::from_fn(move || AccessDescription::read(&mut rest).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::Name;
    use crate::x509::der::{DerErrorKind, Tag};
    use crate::x509::encode::tlv;
    use alloc::vec::Vec;

    const METHOD: &[u8] = &[6, 2, 0x2a, 3];

    #[test]
    fn descriptions_are_read_in_order() {
        let ocsp = tlv(0x86, &[b"http://ocsp.example"]);
        let directory = tlv(0xa4, &[&[0x30, 0]]);
        let value = tlv(0x30, &[&tlv(0x30, &[METHOD, &ocsp]), &tlv(0x30, &[METHOD, &directory])]);
        let method = Oid::trusted(&[0x2a, 3]);
        let name = Name::from_der(&[0x30, 0]).unwrap();
        let expected = [
            (method, GeneralName::Uri("http://ocsp.example")),
            (method, GeneralName::Directory(name)),
        ];
        let authority = AuthorityInfoAccess::read(&value, 0).unwrap();
        let found: Vec<_> = authority.iter().map(|d| (d.method(), d.location())).collect();
        assert_eq!(found, expected);
        let subject = SubjectInfoAccess::read(&value, 0).unwrap();
        let found: Vec<_> = subject.iter().map(|d| (d.method(), d.location())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn malformed_descriptions_are_refused() {
        let uri = tlv(0x86, &[b"http://ocsp.example"]);
        for (case, value, expected) in [
            ("none", tlv(0x30, &[]), (9, DerErrorKind::Empty)),
            (
                "without a location",
                tlv(0x30, &[&tlv(0x30, &[METHOD])]),
                (17, DerErrorKind::Truncated { missing: 2 }),
            ),
            (
                "two locations",
                tlv(0x30, &[&tlv(0x30, &[METHOD, &uri, &uri])]),
                (38, DerErrorKind::TrailingData { extra: 21 }),
            ),
            (
                "location of no form",
                tlv(0x30, &[&tlv(0x30, &[METHOD, &[5, 0]])]),
                (17, DerErrorKind::UnexpectedTag { expected: Tag::context(8), found: Tag::NULL }),
            ),
            (
                "text beyond ASCII",
                tlv(0x30, &[&tlv(0x30, &[METHOD, &[0x86, 1, 0xe9]])]),
                (17, DerErrorKind::InvalidString),
            ),
        ] {
            let found = AuthorityInfoAccess::read(&value, 9).unwrap_err();
            assert_eq!((found.offset(), found.kind()), expected, "{case}");
        }
    }
}
