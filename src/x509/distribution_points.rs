//! CRL distribution points and freshest CRL: where to look for revocation lists.
//!
//! RFC 5280 sections 4.2.1.13 and 4.2.1.15; both have one body. The names in here are untrusted
//! data: they say where a list claims to be found and which list speaks for a certificate
//! (section 6.3.3 (b)), and nothing here follows them.

use super::crl_extensions::{DistributionPointName, ReasonFlags};
use super::der::{DerError, DerErrorKind, Reader, Tag};
use super::extension_values::sequence_of;
use super::general_name::GeneralNames;

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
    pub name: Option<DistributionPointName<'a>>,
    /// `reasons`; never empty. Absent means all reasons.
    pub reasons: Option<ReasonFlags>,
    /// `cRLIssuer`: who signs the list, where that is not the issuer of the certificate.
    pub crl_issuer: Option<GeneralNames<'a>>,
}

impl<'a> DistributionPoint<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DerError> {
        let whole = reader.element(Tag::SEQUENCE)?;
        let mut fields = whole.reader();
        let name = DistributionPointName::read_optional(&mut fields)?;
        let reasons = ReasonFlags::read_optional(&mut fields, Tag::context(1))?;
        let crl_issuer = fields.optional(Tag::context_constructed(2))?;
        let crl_issuer = crl_issuer.as_ref().map(GeneralNames::of).transpose()?;
        fields.finish()?;
        // RFC 5280 4.2.1.13: "While each of these fields is optional, a DistributionPoint MUST NOT
        // consist of only the reasons field; either distributionPoint or cRLIssuer MUST be
        // present."
        if name.is_none() && crl_issuer.is_none() {
            return Err(whole.error(DerErrorKind::Empty));
        }
        Ok(Self { name, reasons, crl_issuer })
    }
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
        let both = ReasonFlags::KEY_COMPROMISE.union(ReasonFlags::CA_COMPROMISE);
        let point = |parts: &[&[u8]]| tlv(0x30, &[&tlv(0x30, parts)]);
        for (case, value, expected) in [
            ("names", point(&[&full()]), Ok((true, None, false))),
            ("relative name", point(&[&relative]), Ok((true, None, false))),
            ("issuer", point(&[&issuer]), Ok((false, None, true))),
            ("all", point(&[&full(), &reasons, &issuer]), Ok((true, Some(both), true))),
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
                .map(|p| (p.name.is_some(), p.reasons, p.crl_issuer.is_some()))
                .map_err(|error| (error.offset(), error.kind()));
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn points_are_read_in_order() {
        let (rdn, issuer) = (tlv(0x30, &[&[6, 1, 0x2a], &[5, 0]]), tlv(0xa4, &[&[0x30, 0]]));
        let relative = |reasons: [u8; 2]| {
            let name = tlv(0xa0, &[&tlv(0xa1, &[&rdn])]);
            tlv(0x30, &[&name, &tlv(0x81, &[&reasons]), &tlv(0xa2, &[&issuer])])
        };
        let (uri, full) = (uri(), tlv(0x30, &[&full()]));
        // The bit `unused` alone is no reason.
        let value = tlv(0x30, &[&full, &relative([7, 0x80])]);
        let error = FreshestCrl::read(&value, 0).unwrap_err();
        assert_eq!((error.offset(), error.kind()), (43, DerErrorKind::Empty));

        let value = tlv(0x30, &[&full, &relative([6, 0x40])]);
        let points = FreshestCrl::read(&value, 0).unwrap().distribution_points;
        let expected = [
            DistributionPoint {
                name: Some(DistributionPointName::FullName(GeneralNames::trusted(&uri, 0))),
                reasons: None,
                crl_issuer: None,
            },
            DistributionPoint {
                name: Some(DistributionPointName::NameRelativeToCrlIssuer(&rdn)),
                reasons: Some(ReasonFlags::KEY_COMPROMISE),
                crl_issuer: Some(GeneralNames::trusted(&issuer, 0)),
            },
        ];
        assert_eq!(points.iter().collect::<Vec<_>>(), expected);
    }
}
