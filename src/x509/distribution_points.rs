//! CRL distribution points and freshest CRL: where to look for revocation lists.
//!
//! RFC 5280 sections 4.2.1.13 and 4.2.1.15; both have one body. The names in here are untrusted
//! data: they say where a list claims to be found and which list speaks for a certificate
//! (section 6.3.3 (b)), and nothing here follows them.

use super::der::{DerError, DerErrorKind, Element, Reader, Tag, bit_string};
use super::extension_values::{UnreadGeneralNames, nonempty, sequence_of};

/// CRL distribution points, `2.5.29.31` ([RFC 5280 section 4.2.1.13]): at least one.
///
/// [RFC 5280 section 4.2.1.13]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.13
#[derive(Clone, Debug)]
pub struct CrlDistributionPoints<'a> {
    points: Reader<'a>,
}

impl<'a> CrlDistributionPoints<'a> {
    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        let points = sequence_of(value, offset)?;
        let mut rest = points.clone();
        while !rest.is_empty() {
            DistributionPoint::read(&mut rest)?;
        }
        Ok(Self { points })
    }

    /// Iterates over the distribution points in the order of the certificate.
    pub fn iter(&self) -> impl Iterator<Item = DistributionPoint<'a>> + use<'a> {
        let mut rest = self.points.clone();
        core::iter::from_fn(move || DistributionPoint::read(&mut rest).ok())
    }
}

/// Freshest CRL, `2.5.29.46` ([RFC 5280 section 4.2.1.15]): where delta lists are found.
///
/// [RFC 5280 section 4.2.1.15]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.15
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FreshestCrl<'a> {
    /// The distribution points.
    pub distribution_points: CrlDistributionPoints<'a>,
}

impl<'a> FreshestCrl<'a> {
    pub(crate) fn read(value: &'a [u8], offset: usize) -> Result<Self, DerError> {
        Ok(Self { distribution_points: CrlDistributionPoints::read(value, offset)? })
    }
}

/// `DistributionPoint` of RFC 5280 section 4.2.1.13: names, issuer of the list, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DistributionPoint<'a> {
    /// `distributionPoint`.
    pub names: Option<DistributionPointNames<'a>>,
    /// `reasons`: the bits of `ReasonFlags`, bit 0 of the RFC first (most significant). Absent
    /// means all reasons; present it is not empty.
    pub reasons: Option<u16>,
    /// `cRLIssuer`: who signs the list, where that is not the issuer of the certificate.
    pub crl_issuer: Option<UnreadGeneralNames<'a>>,
}

/// `DistributionPointName` of RFC 5280 section 4.2.1.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "X.509 has had these two forms since 1997")]
pub enum DistributionPointNames<'a> {
    /// `fullName`: alternative names of one list.
    Full(UnreadGeneralNames<'a>),
    /// `nameRelativeToCRLIssuer`: the content of a RelativeDistinguishedName.
    RelativeToCrlIssuer(&'a [u8]),
}

impl<'a> DistributionPoint<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DerError> {
        let whole = reader.element(Tag::SEQUENCE)?;
        let mut fields = whole.reader();
        let names = fields.optional(Tag::context_constructed(0))?;
        let names = names.as_ref().map(DistributionPointNames::read).transpose()?;
        let reasons = fields.optional(Tag::context(1))?.map(reasons).transpose()?;
        let crl_issuer = fields.optional(Tag::context_constructed(2))?;
        let crl_issuer = crl_issuer.as_ref().map(UnreadGeneralNames::read).transpose()?;
        fields.finish()?;
        // RFC 5280 4.2.1.13: "While each of these fields is optional, a DistributionPoint MUST NOT
        // consist of only the reasons field; either distributionPoint or cRLIssuer MUST be
        // present."
        if names.is_none() && crl_issuer.is_none() {
            return Err(whole.error(DerErrorKind::Empty));
        }
        Ok(Self { names, reasons, crl_issuer })
    }
}

impl<'a> DistributionPointNames<'a> {
    /// Reads the content of an explicit tag: the CHOICE keeps the tags of its forms.
    fn read(wrapper: &Element<'a>) -> Result<Self, DerError> {
        let mut choice = wrapper.reader();
        let names = match choice.optional(Tag::context_constructed(1))? {
            Some(relative) => {
                check_relative_name(&relative)?;
                Self::RelativeToCrlIssuer(relative.content)
            }
            None => {
                let full = choice.element(Tag::context_constructed(0))?;
                Self::Full(UnreadGeneralNames::read(&full)?)
            }
        };
        choice.finish()?;
        Ok(names)
    }
}

/// `RelativeDistinguishedName ::= SET SIZE (1..MAX) OF AttributeTypeAndValue`.
fn check_relative_name(element: &Element<'_>) -> Result<(), DerError> {
    let mut attributes = nonempty(element)?;
    while !attributes.is_empty() {
        let mut attribute = attributes.sequence()?;
        attribute.oid()?;
        attribute.any()?;
        attribute.finish()?;
    }
    Ok(())
}

/// `ReasonFlags`: nine named bits without trailing zeros (X.690 11.2.2). The bit `unused` (0) is
/// dropped; no reason at all would make the distribution point void, so it is refused.
fn reasons(element: Element<'_>) -> Result<u16, DerError> {
    const ASSIGNED: u16 = 0x7f80;
    let (unused, octets) = bit_string(element)?;
    let invalid = element.error(DerErrorKind::InvalidBitString);
    let bits = match *octets.content {
        [] => 0,
        [high] => u16::from_be_bytes([high, 0]),
        [high, low @ (0 | 0x80)] => u16::from_be_bytes([high, low]),
        _ => return Err(invalid),
    };
    if octets.content.last().is_some_and(|last| last.trailing_zeros() != u32::from(unused)) {
        return Err(invalid);
    }
    if bits & ASSIGNED == 0 {
        return Err(element.error(DerErrorKind::Empty));
    }
    Ok(bits & ASSIGNED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::encode::tlv;
    use alloc::vec::Vec;

    fn uri() -> Vec<u8> {
        tlv(0x86, &[b"http://a.example/crl"])
    }

    fn full() -> Vec<u8> {
        tlv(0xa0, &[&tlv(0xa0, &[&uri()])])
    }

    #[test]
    fn a_point_has_names_or_an_issuer() {
        let rdn = tlv(0x30, &[&[6, 1, 0x2a], &[0x0c, 1, b'x']]);
        let relative = tlv(0xa0, &[&tlv(0xa1, &[&rdn])]);
        let issuer = tlv(0xa2, &[&tlv(0xa4, &[&[0x30, 0]])]);
        let reasons = [0x81, 2, 5, 0x60];
        let point = |parts: &[&[u8]]| tlv(0x30, &[&tlv(0x30, parts)]);
        for (case, value, expected) in [
            ("names", point(&[&full()]), Ok((true, None, false))),
            ("relative name", point(&[&relative]), Ok((true, None, false))),
            ("issuer", point(&[&issuer]), Ok((false, None, true))),
            ("all", point(&[&full(), &reasons, &issuer]), Ok((true, Some(0x6000), true))),
            ("nothing", point(&[]), Err((2, DerErrorKind::Empty))),
            ("reasons only", point(&[&reasons]), Err((2, DerErrorKind::Empty))),
            ("no point", tlv(0x30, &[]), Err((0, DerErrorKind::Empty))),
            ("no name", point(&[&[0xa0, 2, 0xa0, 0]]), Err((6, DerErrorKind::Empty))),
            ("empty relative name", point(&[&[0xa0, 2, 0xa1, 0]]), Err((6, DerErrorKind::Empty))),
            (
                "neither form",
                point(&[&[0xa0, 0]]),
                Err((6, DerErrorKind::Truncated { missing: 2 })),
            ),
            (
                "both forms",
                point(&[&tlv(0xa0, &[&tlv(0xa1, &[&rdn]), &tlv(0xa0, &[&uri()])])]),
                Err((16, DerErrorKind::TrailingData { extra: 24 })),
            ),
            (
                "wrong order",
                point(&[&issuer, &reasons]),
                Err((10, DerErrorKind::TrailingData { extra: 4 })),
            ),
        ] {
            let found = CrlDistributionPoints::read(&value, 0)
                .map(|points| points.iter().next().unwrap())
                .map(|p| (p.names.is_some(), p.reasons, p.crl_issuer.is_some()))
                .map_err(|error| (error.offset(), error.kind()));
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn names_keep_their_place() {
        let value = tlv(0x30, &[&tlv(0x30, &[&full()]), &tlv(0x30, &[&full()])]);
        let points = FreshestCrl::read(&value, 50).unwrap().distribution_points;
        let places: Vec<_> = points
            .iter()
            .map(|point| match point.names {
                Some(DistributionPointNames::Full(names)) => (names.as_bytes(), names.offset),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(places, [(&uri()[..], 58), (&uri()[..], 86)]);
    }

    #[test]
    fn reasons_are_named_bits() {
        for (case, bits, expected) in [
            ("keyCompromise", &[6, 0x40][..], Ok(0x4000)),
            ("aACompromise", &[7, 0, 0x80], Ok(0x0080)),
            ("unused bit beside another", &[6, 0xc0], Ok(0x4000)),
            ("none", &[0], Err(DerErrorKind::Empty)),
            ("only the unused bit", &[7, 0x80], Err(DerErrorKind::Empty)),
            ("trailing zero bits", &[0, 0x40], Err(DerErrorKind::InvalidBitString)),
            ("trailing zero octet", &[7, 0x40, 0], Err(DerErrorKind::InvalidBitString)),
            ("a tenth bit", &[6, 0, 0x40], Err(DerErrorKind::InvalidBitString)),
            ("three octets", &[0, 0x40, 0x80, 1], Err(DerErrorKind::InvalidBitString)),
        ] {
            let value = tlv(0x30, &[&tlv(0x30, &[&full(), &tlv(0x81, &[bits])])]);
            let found = CrlDistributionPoints::read(&value, 0)
                .map(|points| points.iter().next().and_then(|point| point.reasons).unwrap())
                .map_err(|error| error.kind());
            assert_eq!(found, expected, "{case}");
        }
    }
}
