//! What a revocation list says of itself: its number, its scope, its issuer's key (RFC 5280 5.2).

use core::fmt;

use super::der::{DerError, DerErrorKind, Element, Reader, Span, Tag, check_integer};
use super::format_error::{FormatError, FormatErrorKind, Within};
use super::general_name::GeneralNames;
use super::structure::{named_bits, relative_name};

/// A cRLNumber (RFC 5280 section 5.2.3) or BaseCRLNumber (section 5.2.4): up to 20 octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrlNumber([u8; 20]);

impl CrlNumber {
    /// Takes a small number.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h])
    }

    /// Returns the number, most significant octet first.
    #[must_use]
    pub const fn to_be_bytes(self) -> [u8; 20] {
        self.0
    }

    /// Reads `CRLNumber ::= INTEGER (0..MAX)`.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        let element = reader.element(Tag::INTEGER)?;
        check_integer(element.content).map_err(|kind| element.error(kind))?;
        let magnitude = match *element.content {
            [0x80..=0xff, ..] => return Err(element.error(DerErrorKind::IntegerOutOfRange)),
            [0, ref rest @ ..] => rest,
            _ => element.content,
        };
        // RFC 5280 5.2.3: "Conforming CRL issuers MUST NOT use CRLNumber values longer than 20
        // octets."
        let mut octets = [0; 20];
        let start = octets.len().checked_sub(magnitude.len());
        match start.and_then(|start| octets.get_mut(start..)) {
            Some(low) => low.copy_from_slice(magnitude),
            None => return Err(element.error(DerErrorKind::IntegerOutOfRange)),
        }
        Ok(Self(octets))
    }
}

impl fmt::Display for CrlNumber {
    /// Writes hexadecimal with `0x` and without leading zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        let mut significant = self.0.iter().skip_while(|octet| **octet == 0);
        write!(f, "{:x}", significant.next().copied().unwrap_or(0))?;
        significant.try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for CrlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `ReasonFlags` of RFC 5280 section 4.2.1.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReasonFlags(u16);

impl ReasonFlags {
    /// No reason.
    pub const NONE: Self = Self(0);
    /// All eight assigned reasons: the `reasons_mask` of section 6.3.3 once every one is covered.
    pub const ALL: Self = Self(0x7f80);
    /// keyCompromise (1).
    pub const KEY_COMPROMISE: Self = Self(0x4000);
    /// cACompromise (2).
    pub const CA_COMPROMISE: Self = Self(0x2000);
    /// affiliationChanged (3).
    pub const AFFILIATION_CHANGED: Self = Self(0x1000);
    /// superseded (4).
    pub const SUPERSEDED: Self = Self(0x0800);
    /// cessationOfOperation (5).
    pub const CESSATION_OF_OPERATION: Self = Self(0x0400);
    /// certificateHold (6).
    pub const CERTIFICATE_HOLD: Self = Self(0x0200);
    /// privilegeWithdrawn (7).
    pub const PRIVILEGE_WITHDRAWN: Self = Self(0x0100);
    /// aACompromise (8).
    pub const AA_COMPROMISE: Self = Self(0x0080);

    /// The union of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether every reason of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no reason is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Reads `[tag] IMPLICIT ReasonFlags OPTIONAL`; the bit `unused` is dropped.
    ///
    /// A set without any reason covers nothing and is refused: with it a list would say "no
    /// certificate is listed here for no reason".
    pub(crate) fn read_optional(
        reader: &mut Reader<'_>,
        tag: Tag,
    ) -> Result<Option<Self>, DerError> {
        let Some(element) = reader.optional(tag)? else { return Ok(None) };
        let reasons = Self(named_bits(element, 9)?).intersection(Self::ALL);
        if reasons.is_empty() { Err(element.error(DerErrorKind::Empty)) } else { Ok(Some(reasons)) }
    }
}

/// `DistributionPointName` of RFC 5280 section 4.2.1.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "X.509 has had these two forms since 1997")]
pub enum DistributionPointName<'a> {
    /// `fullName`.
    FullName(GeneralNames<'a>),
    /// `nameRelativeToCRLIssuer`: the content of a RelativeDistinguishedName.
    NameRelativeToCrlIssuer(&'a [u8]),
}

/// A distribution point name as spans.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DistributionPointNameIndex {
    Full(Span),
    Relative(Span),
}

impl<'a> DistributionPointName<'a> {
    /// Reads `distributionPoint [0] DistributionPointName OPTIONAL`; being a CHOICE, it is tagged
    /// explicitly.
    pub(crate) fn read_optional(reader: &mut Reader<'a>) -> Result<Option<Self>, DerError> {
        Ok(Self::elements(reader)?.map(|(relative, name)| {
            if relative {
                Self::NameRelativeToCrlIssuer(name.content)
            } else {
                Self::FullName(GeneralNames::trusted(name.content, name.content_offset))
            }
        }))
    }

    /// The element of the form, and whether it is `nameRelativeToCRLIssuer`.
    fn elements(reader: &mut Reader<'a>) -> Result<Option<(bool, Element<'a>)>, DerError> {
        let Some(wrapper) = reader.optional(Tag::context_constructed(0))? else { return Ok(None) };
        let mut choice = wrapper.reader();
        let form = match choice.optional(Tag::context_constructed(1))? {
            Some(relative) => {
                relative_name(&relative)?;
                (true, relative)
            }
            None => {
                let full = choice.element(Tag::context_constructed(0))?;
                GeneralNames::of(&full)?;
                (false, full)
            }
        };
        choice.finish()?;
        Ok(Some(form))
    }
}

impl DistributionPointNameIndex {
    /// As [`DistributionPointName::read_optional`].
    pub(crate) fn read_optional(reader: &mut Reader<'_>) -> Result<Option<Self>, DerError> {
        Ok(DistributionPointName::elements(reader)?.map(|(relative, name)| {
            let span = name.content_span();
            if relative { Self::Relative(span) } else { Self::Full(span) }
        }))
    }

    pub(crate) fn of(self, bytes: &[u8]) -> DistributionPointName<'_> {
        match self {
            Self::Full(span) => {
                DistributionPointName::FullName(GeneralNames::trusted(span.of(bytes), span.start()))
            }
            Self::Relative(span) => DistributionPointName::NameRelativeToCrlIssuer(span.of(bytes)),
        }
    }
}

/// Which certificates a list is about, where it says that it is not about all of its issuer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CrlScope {
    /// None of the three flags: certificates of end entities and of authorities.
    AllCertificates,
    /// `onlyContainsUserCerts`.
    UserCertificates,
    /// `onlyContainsCACerts`.
    CaCertificates,
    /// `onlyContainsAttributeCerts`: no public key certificate at all.
    AttributeCertificates,
}

/// `IssuingDistributionPoint` of RFC 5280 section 5.2.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuingDistributionPoint<'a> {
    /// `distributionPoint`.
    pub distribution_point: Option<DistributionPointName<'a>>,
    /// The three `onlyContains…` flags.
    pub scope: CrlScope,
    /// `onlySomeReasons`; never empty.
    pub only_some_reasons: Option<ReasonFlags>,
    /// `indirectCRL`.
    pub indirect_crl: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct IssuingDistributionPointIndex {
    distribution_point: Option<DistributionPointNameIndex>,
    scope: CrlScope,
    only_some_reasons: Option<ReasonFlags>,
    pub(crate) indirect_crl: bool,
}

impl IssuingDistributionPointIndex {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        const FIELD: &str = "issuingDistributionPoint";
        let offset = reader.offset();
        // RFC 5280 5.2.5: "Conforming CRLs issuers MUST NOT issue CRLs where the DER encoding of
        // the issuing distribution point extension is an empty sequence."
        let element = super::structure::non_empty_sequence(reader).within(FIELD)?;
        let mut fields = element.reader();
        let distribution_point = DistributionPointNameIndex::read_optional(&mut fields)
            .within("issuingDistributionPoint.distributionPoint")?;
        let only_user = implicit_flag(&mut fields, 1).within(FIELD)?;
        let only_ca = implicit_flag(&mut fields, 2).within(FIELD)?;
        let only_some_reasons = ReasonFlags::read_optional(&mut fields, Tag::context(3))
            .within("issuingDistributionPoint.onlySomeReasons")?;
        let indirect_crl = implicit_flag(&mut fields, 4).within(FIELD)?;
        let only_attribute = implicit_flag(&mut fields, 5).within(FIELD)?;
        fields.finish().within(FIELD)?;
        let scope = match (only_user, only_ca, only_attribute) {
            (false, false, false) => CrlScope::AllCertificates,
            (true, false, false) => CrlScope::UserCertificates,
            (false, true, false) => CrlScope::CaCertificates,
            (false, false, true) => CrlScope::AttributeCertificates,
            // RFC 5280 5.2.5: "at most one of onlyContainsUserCerts, onlyContainsCACerts, and
            // onlyContainsAttributeCerts may be set to TRUE."
            _ => return Err(FormatError::new(FIELD, offset, FormatErrorKind::ConflictingScope)),
        };
        Ok(Self { distribution_point, scope, only_some_reasons, indirect_crl })
    }

    pub(crate) fn of<'a>(&self, bytes: &'a [u8]) -> IssuingDistributionPoint<'a> {
        IssuingDistributionPoint {
            distribution_point: self.distribution_point.map(|index| index.of(bytes)),
            scope: self.scope,
            only_some_reasons: self.only_some_reasons,
            indirect_crl: self.indirect_crl,
        }
    }
}

/// Reads `[number] IMPLICIT BOOLEAN DEFAULT FALSE`.
fn implicit_flag(reader: &mut Reader<'_>, number: u8) -> Result<bool, DerError> {
    match reader.optional(Tag::context(number))? {
        None => Ok(false),
        Some(element) => match super::der::boolean(element.content) {
            Ok(true) => Ok(true),
            Ok(false) => Err(element.error(DerErrorKind::EncodedDefault)),
            Err(kind) => Err(element.error(kind)),
        },
    }
}
