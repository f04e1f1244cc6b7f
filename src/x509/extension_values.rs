//! The small extension values: key identifiers, extended key usage and those that few look at.
//!
//! Every `read` takes the content of `extnValue` and its offset in the outermost input, and walks
//! the value in full, so that it also answers whether a value is well-formed; what it returns
//! borrows, and cannot fail any more. Larger values have files of their own: [`super::policies`],
//! [`super::distribution_points`], [`super::information_access`], [`super::sct`].
//!
//! Left to the caller: what a value means for a path, and which values a profile asks for.

use super::der::{DerError, DerErrorKind, Element, Reader, Tag, check_integer, check_oid};
use super::general_name::GeneralNames;
use super::oid::{Oid, known};
use super::time::Time;

/// Extended key usage, `2.5.29.37` ([RFC 5280 section 4.2.1.12]): the purposes that a key may be
/// used for. At least one; repetitions are allowed.
///
/// [RFC 5280 section 4.2.1.12]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12
#[derive(Clone, Debug)]
pub struct ExtendedKeyUsage<'a> {
    purposes: Reader<'a>,
}

impl<'a> ExtendedKeyUsage<'a> {
    #[inline]
    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        let purposes = sequence_of(value, offset)?;
        let mut rest = purposes.clone();
        while !rest.is_empty() {
            rest.oid()?;
        }
        Ok(Self { purposes })
    }

    /// The one key purpose of a short value; nothing where it is any other, malformed ones included.
    #[inline]
    pub(crate) fn only_purpose(value: &'a [u8]) -> Option<Oid<'a>> {
        let [0x30, whole @ 2..0x80, 0x06, length, ref oid @ ..] = *value else { return None };
        let framed = length == whole - 2 && oid.len() == usize::from(length);
        (framed && check_oid(oid).is_ok()).then_some(Oid::trusted(oid))
    }

    /// Iterates over the key purposes in the order of the certificate.
    pub fn iter(&self) -> impl Iterator<Item = Oid<'a>> + use<'a> {
        let mut rest = self.purposes.clone();
        core::iter::from_fn(move || rest.oid().ok().map(Oid::trusted))
    }

    /// Whether `purpose` itself is among the key purposes; `anyExtendedKeyUsage` stands only for
    /// itself here.
    #[must_use]
    pub fn contains(&self, purpose: Oid<'_>) -> bool {
        self.iter().any(|own| own == purpose)
    }

    /// Whether `anyExtendedKeyUsage` is among the key purposes.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.contains(Oid::trusted(known::ANY_EXTENDED_KEY_USAGE))
    }
}

/// Authority key identifier, `2.5.29.35` ([RFC 5280 section 4.2.1.1]): which key of the issuer
/// signed. A hint for the search, never a proof.
///
/// [RFC 5280 section 4.2.1.1]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorityKeyIdentifier<'a> {
    /// `keyIdentifier`.
    pub key_identifier: Option<&'a [u8]>,
    /// `authorityCertIssuer`: names of the issuer of the issuer's certificate.
    pub issuer: Option<GeneralNames<'a>>,
    /// `authorityCertSerialNumber`: content octets of the serial number of the issuer's certificate.
    pub serial_number: Option<&'a [u8]>,
}

impl<'a> AuthorityKeyIdentifier<'a> {
    /// Reads a short `keyIdentifier` that stands alone, as it does in most certificates; nothing where
    /// it is any other value, malformed ones included.
    #[inline]
    pub(crate) fn read_short(value: &'a [u8]) -> Option<Self> {
        let [0x30, whole @ 2..0x80, 0x80, length, ref key_identifier @ ..] = *value else {
            return None;
        };
        let framed = length == whole - 2 && key_identifier.len() == usize::from(length);
        framed.then_some(Self {
            key_identifier: Some(key_identifier),
            issuer: None,
            serial_number: None,
        })
    }

    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        let whole = only(value, offset, Tag::SEQUENCE)?;
        let mut fields = whole.reader();
        let key_identifier = fields.optional(Tag::context(0))?.map(|element| element.content);
        let issuer = fields.optional(Tag::context_constructed(1))?;
        let serial_number = fields.optional(Tag::context(2))?;
        fields.finish()?;
        let issuer = issuer.as_ref().map(GeneralNames::of).transpose()?;
        if let Some(serial) = &serial_number {
            check_integer(serial.content).map_err(|kind| serial.error(kind))?;
        }
        // RFC 5280 A.2: "authorityCertIssuer and authorityCertSerialNumber MUST both be present or
        // both be absent".
        if issuer.is_some() != serial_number.is_some() {
            return Err(whole.error(DerErrorKind::Unpaired));
        }
        Ok(Self {
            key_identifier,
            issuer,
            serial_number: serial_number.map(|element| element.content),
        })
    }
}

/// Subject key identifier, `2.5.29.14` ([RFC 5280 section 4.2.1.2]).
///
/// [RFC 5280 section 4.2.1.2]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.2
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectKeyIdentifier<'a> {
    /// The octets that authority key identifiers of issued certificates repeat.
    pub key_identifier: &'a [u8],
}

impl<'a> SubjectKeyIdentifier<'a> {
    /// Reads a short value; nothing where it is any other, malformed ones included.
    #[inline]
    pub(crate) fn read_short(value: &'a [u8]) -> Option<Self> {
        let [0x04, length @ 0..0x80, ref key_identifier @ ..] = *value else { return None };
        (key_identifier.len() == usize::from(length)).then_some(Self { key_identifier })
    }

    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        let element = only(value, offset, Tag::OCTET_STRING)?;
        Ok(Self { key_identifier: element.content })
    }
}

/// Private key usage period, `2.5.29.16` (RFC 3280 section 4.2.1.4; RFC 5280 dropped it and no
/// decision depends on it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrivateKeyUsagePeriod {
    /// `notBefore`.
    pub not_before: Option<Time>,
    /// `notAfter`.
    pub not_after: Option<Time>,
}

impl PrivateKeyUsagePeriod {
    pub(crate) fn read(value: &[u8], offset: usize) -> Result<Self, DerError> {
        // RFC 3280 4.2.1.4: "CAs conforming to this profile MUST NOT generate certificates with
        // private key usage period extensions unless at least one of the two components is
        // present".
        let mut fields = sequence_of(value, offset)?;
        let not_before = fields.optional(Tag::context(0))?;
        let not_after = fields.optional(Tag::context(1))?;
        fields.finish()?;
        Ok(Self {
            not_before: not_before.as_ref().map(Time::of_generalized).transpose()?,
            not_after: not_after.as_ref().map(Time::of_generalized).transpose()?,
        })
    }
}

/// Subject directory attributes, `2.5.29.9` ([RFC 5280 section 4.2.1.8]): identification attributes
/// such as nationality. Framed, not interpreted.
///
/// [RFC 5280 section 4.2.1.8]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.8
#[derive(Clone, Debug)]
pub struct SubjectDirectoryAttributes<'a> {
    attributes: Reader<'a>,
}

impl<'a> SubjectDirectoryAttributes<'a> {
    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        let attributes = sequence_of(value, offset)?;
        let mut rest = attributes.clone();
        while !rest.is_empty() {
            attribute(&mut rest)?;
        }
        Ok(Self { attributes })
    }

    /// Iterates over the attributes: type, and the DER of the values, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = (Oid<'a>, &'a [u8])> + use<'a> {
        let mut rest = self.attributes.clone();
        core::iter::from_fn(move || attribute(&mut rest).ok())
    }
}

/// `Attribute ::= SEQUENCE { type, values SET OF AttributeValue }`, "at least one value is
/// required" (RFC 5280 appendix A.1).
fn attribute<'a>(reader: &mut Reader<'a>) -> Result<(Oid<'a>, &'a [u8]), DerError> {
    let mut fields = reader.sequence()?;
    let kind = Oid::trusted(fields.oid()?);
    let values = fields.element(Tag::SET)?;
    fields.finish()?;
    let mut rest = nonempty(&values)?;
    while !rest.is_empty() {
        rest.any()?;
    }
    Ok((kind, values.content))
}

/// No revocation available, `2.5.29.56` ([RFC 9608]): the issuer publishes no revocation
/// information about the certificate.
///
/// [RFC 9608]: https://www.rfc-editor.org/rfc/rfc9608
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoRevAvail;

impl NoRevAvail {
    pub(crate) fn read(value: &[u8], offset: usize) -> Result<Self, DerError> {
        let null = only(value, offset, Tag::NULL)?;
        if null.content.is_empty() { Ok(Self) } else { Err(null.error(DerErrorKind::InvalidNull)) }
    }
}

/// The one element in `value`, which has `tag`.
#[inline]
pub(super) fn only(value: &[u8], offset: usize, tag: Tag) -> Result<Element<'_>, DerError> {
    let mut reader = Reader::at(value, offset)?;
    let element = reader.element(tag)?;
    reader.finish()?;
    Ok(element)
}

/// The content of the one SEQUENCE in `value`, which has at least one element.
#[inline]
pub(super) fn sequence_of(value: &[u8], offset: usize) -> Result<Reader<'_>, DerError> {
    nonempty(&only(value, offset, Tag::SEQUENCE)?)
}

/// The content of an element that has at least one element in it.
#[inline]
pub(super) fn nonempty<'a>(element: &Element<'a>) -> Result<Reader<'a>, DerError> {
    if element.content.is_empty() {
        return Err(element.error(DerErrorKind::Empty));
    }
    Ok(element.reader())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::encode::tlv;
    use alloc::vec::Vec;

    fn place(error: DerError) -> (usize, DerErrorKind) {
        (error.offset(), error.kind())
    }

    #[test]
    fn extended_key_usage_is_strict() {
        let server = tlv(6, &[known::SERVER_AUTH]);
        let any = tlv(6, &[known::ANY_EXTENDED_KEY_USAGE]);
        for (case, value, expected) in [
            ("one purpose", tlv(0x30, &[&server]), Ok((1, true, false))),
            ("any among two", tlv(0x30, &[&server, &any]), Ok((2, true, true))),
            ("only any", tlv(0x30, &[&any]), Ok((1, false, true))),
            ("no purpose", tlv(0x30, &[]), Err((0, DerErrorKind::Empty))),
            (
                "not an identifier",
                tlv(0x30, &[&server, &[5, 0]]),
                Err((12, DerErrorKind::UnexpectedTag { expected: Tag::OID, found: Tag::NULL })),
            ),
            ("empty identifier", tlv(0x30, &[&[6, 0]]), Err((2, DerErrorKind::InvalidOid))),
        ] {
            let found = ExtendedKeyUsage::read(&value, 0).map_err(place).map(|usage| {
                let server = Oid::trusted(known::SERVER_AUTH);
                (usage.iter().count(), usage.contains(server), usage.has_any())
            });
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn authority_key_identifiers_are_strict() {
        let key = tlv(0x80, &[&[1, 2, 3]]);
        let issuer = tlv(0xa1, &[&tlv(0x82, &[b"a.example"])]);
        let serial = tlv(0x82, &[&[7]]);
        for (case, value, expected) in [
            ("key", tlv(0x30, &[&key]), Ok((true, false, false))),
            ("all", tlv(0x30, &[&key, &issuer, &serial]), Ok((true, true, true))),
            ("issuer and serial", tlv(0x30, &[&issuer, &serial]), Ok((false, true, true))),
            ("nothing", tlv(0x30, &[]), Ok((false, false, false))),
            ("issuer alone", tlv(0x30, &[&issuer]), Err((40, DerErrorKind::Unpaired))),
            ("serial alone", tlv(0x30, &[&key, &serial]), Err((40, DerErrorKind::Unpaired))),
            ("no issuer name", tlv(0x30, &[&[0xa1, 0], &serial]), Err((42, DerErrorKind::Empty))),
            (
                "empty serial",
                tlv(0x30, &[&issuer, &[0x82, 0]]),
                Err((55, DerErrorKind::NonMinimalInteger)),
            ),
            (
                "wrong order",
                tlv(0x30, &[&issuer, &serial, &key]),
                Err((58, DerErrorKind::TrailingData { extra: 5 })),
            ),
        ] {
            let found = AuthorityKeyIdentifier::read(&value, 40).map_err(place);
            let found = found.map(|id| {
                (id.key_identifier.is_some(), id.issuer.is_some(), id.serial_number.is_some())
            });
            assert_eq!(found, expected, "{case}");
        }
        let value = tlv(0x30, &[&key, &issuer, &serial]);
        let id = AuthorityKeyIdentifier::read(&value, 40).unwrap();
        assert_eq!((id.key_identifier, id.serial_number), (Some(&[1, 2, 3][..]), Some(&[7][..])));
        assert_eq!(id.issuer.unwrap().as_bytes(), &issuer[2..]);
    }

    #[test]
    fn scalar_values_are_strict() {
        assert_eq!(SubjectKeyIdentifier::read(&[4, 2, 8, 9], 0).unwrap().key_identifier, [8, 9]);
        assert_eq!(
            SubjectKeyIdentifier::read(&[4, 1, 8, 9], 5).map_err(place),
            Err((8, DerErrorKind::TrailingData { extra: 1 }))
        );
        assert_eq!(NoRevAvail::read(&[5, 0], 0), Ok(NoRevAvail));
        assert_eq!(
            NoRevAvail::read(&[5, 1, 0], 3).map_err(place),
            Err((3, DerErrorKind::InvalidNull))
        );
    }

    #[test]
    fn private_key_usage_periods_are_strict() {
        let from = tlv(0x80, &[b"20200101000000Z"]);
        let until = tlv(0x81, &[b"20210101000000Z"]);
        let (start, end) = (Time::from_unix(1_577_836_800), Time::from_unix(1_609_459_200));
        for (case, value, expected) in [
            ("both", tlv(0x30, &[&from, &until]), Ok((Some(start), Some(end)))),
            ("start", tlv(0x30, &[&from]), Ok((Some(start), None))),
            ("end", tlv(0x30, &[&until]), Ok((None, Some(end)))),
            ("neither", tlv(0x30, &[]), Err((0, DerErrorKind::Empty))),
            (
                "two-digit year",
                tlv(0x30, &[&tlv(0x80, &[b"200101000000Z"])]),
                Err((2, DerErrorKind::InvalidTime)),
            ),
        ] {
            let found = PrivateKeyUsagePeriod::read(&value, 0).map_err(place);
            assert_eq!(found.map(|p| (p.not_before, p.not_after)), expected, "{case}");
        }
    }

    #[test]
    fn subject_directory_attributes_are_framed() {
        let one = tlv(0x30, &[&[6, 1, 0x2a], &tlv(0x31, &[&[5, 0], &[5, 0]])]);
        let value = tlv(0x30, &[&one, &one]);
        let attributes = SubjectDirectoryAttributes::read(&value, 0).unwrap();
        let expected = (Oid::trusted(&[0x2a]), &[5, 0, 5, 0][..]);
        assert_eq!(attributes.iter().collect::<Vec<_>>(), [expected, expected]);
        for (case, value, expected) in [
            ("none", tlv(0x30, &[]), (0, DerErrorKind::Empty)),
            (
                "without a value",
                tlv(0x30, &[&tlv(0x30, &[&[6, 1, 0x2a], &[0x31, 0]])]),
                (7, DerErrorKind::Empty),
            ),
            (
                "truncated value",
                tlv(0x30, &[&tlv(0x30, &[&[6, 1, 0x2a], &[0x31, 2, 4, 1]])]),
                (9, DerErrorKind::Truncated { missing: 1 }),
            ),
        ] {
            let found = SubjectDirectoryAttributes::read(&value, 0).map(|_| ()).map_err(place);
            assert_eq!(found, Err(expected), "{case}");
        }
    }
}
