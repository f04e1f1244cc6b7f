//! The extensions of a certificate: which are known, which are critical, where their values stand.
//!
//! Reading a certificate frames every extension and reads basicConstraints and keyUsage, which
//! every decision needs. All other values are read where they are used, and in full by
//! [`Certificate::check`](super::Certificate::check).

use super::der::{DerError, DerErrorKind, Reader, Span, Tag, bit_string};
use super::format_error::{FormatError, Within};
use super::oid::{Oid, known};

macro_rules! known_extensions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// An extension of RFC 5280 section 4.2, RFC 6962 or RFC 9608.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ExtensionKind {
            $($(#[$doc])* $name,)*
        }

        impl ExtensionKind {
            /// All kinds, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name that RFC 5280 uses, such as `basicConstraints`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

known_extensions! {
    /// RFC 5280 4.2.1.1.
    AuthorityKeyIdentifier = "authorityKeyIdentifier",
    /// RFC 5280 4.2.1.2.
    SubjectKeyIdentifier = "subjectKeyIdentifier",
    /// RFC 5280 4.2.1.3.
    KeyUsage = "keyUsage",
    /// RFC 3280 4.2.1.4; dropped by RFC 5280.
    PrivateKeyUsagePeriod = "privateKeyUsagePeriod",
    /// RFC 5280 4.2.1.4.
    CertificatePolicies = "certificatePolicies",
    /// RFC 5280 4.2.1.5.
    PolicyMappings = "policyMappings",
    /// RFC 5280 4.2.1.6.
    SubjectAltName = "subjectAltName",
    /// RFC 5280 4.2.1.7.
    IssuerAltName = "issuerAltName",
    /// RFC 5280 4.2.1.8.
    SubjectDirectoryAttributes = "subjectDirectoryAttributes",
    /// RFC 5280 4.2.1.9.
    BasicConstraints = "basicConstraints",
    /// RFC 5280 4.2.1.10.
    NameConstraints = "nameConstraints",
    /// RFC 5280 4.2.1.11.
    PolicyConstraints = "policyConstraints",
    /// RFC 5280 4.2.1.12.
    ExtendedKeyUsage = "extKeyUsage",
    /// RFC 5280 4.2.1.13.
    CrlDistributionPoints = "cRLDistributionPoints",
    /// RFC 5280 4.2.1.14.
    InhibitAnyPolicy = "inhibitAnyPolicy",
    /// RFC 5280 4.2.1.15.
    FreshestCrl = "freshestCRL",
    /// RFC 5280 4.2.2.1.
    AuthorityInfoAccess = "authorityInfoAccess",
    /// RFC 5280 4.2.2.2.
    SubjectInfoAccess = "subjectInfoAccess",
    /// RFC 6962 3.3.
    SctList = "signedCertificateTimestampList",
    /// RFC 9608.
    NoRevAvail = "noRevAvail",
}

/// How many kinds there are.
const KINDS: usize = 20;
const _: () = assert!(ExtensionKind::ALL.len() == KINDS, "one slot for every kind");

impl ExtensionKind {
    /// The kind of an extension identifier.
    #[must_use]
    pub fn of(oid: Oid<'_>) -> Option<Self> {
        Self::from_content(oid.as_bytes())
    }

    #[inline]
    fn from_content(oid: &[u8]) -> Option<Self> {
        if let [a, b, last] = *oid
            && [a, b] == known::ID_CE
        {
            return Self::of_id_ce(last);
        }
        match oid {
            _ if oid == known::AUTHORITY_INFO_ACCESS => Some(Self::AuthorityInfoAccess),
            _ if oid == known::SUBJECT_INFO_ACCESS => Some(Self::SubjectInfoAccess),
            _ if oid == known::SCT_LIST => Some(Self::SctList),
            _ => None,
        }
    }

    /// The kind of the extension `id-ce last`.
    #[inline]
    fn of_id_ce(last: u8) -> Option<Self> {
        /// By the last octet; none is over 63.
        static KINDS: [Option<ExtensionKind>; 64] = {
            let mut kinds = [None; 64];
            let mut rest: &mut [Option<ExtensionKind>] = &mut kinds;
            let mut last = 0;
            while let [first, others @ ..] = rest {
                *first = ExtensionKind::named_by_id_ce(last);
                rest = others;
                last += 1;
            }
            kinds
        };
        KINDS.get(usize::from(last)).copied().flatten()
    }

    const fn named_by_id_ce(last: u8) -> Option<Self> {
        match last {
            9 => Some(Self::SubjectDirectoryAttributes),
            14 => Some(Self::SubjectKeyIdentifier),
            15 => Some(Self::KeyUsage),
            16 => Some(Self::PrivateKeyUsagePeriod),
            17 => Some(Self::SubjectAltName),
            18 => Some(Self::IssuerAltName),
            19 => Some(Self::BasicConstraints),
            30 => Some(Self::NameConstraints),
            31 => Some(Self::CrlDistributionPoints),
            32 => Some(Self::CertificatePolicies),
            33 => Some(Self::PolicyMappings),
            35 => Some(Self::AuthorityKeyIdentifier),
            36 => Some(Self::PolicyConstraints),
            37 => Some(Self::ExtendedKeyUsage),
            46 => Some(Self::FreshestCrl),
            54 => Some(Self::InhibitAnyPolicy),
            56 => Some(Self::NoRevAvail),
            _ => None,
        }
    }

    #[expect(clippy::as_conversions, reason = "a fieldless enum's discriminant, below KINDS")]
    const fn slot(self) -> usize {
        self as usize
    }

    const fn bit(self) -> u32 {
        1 << self.slot()
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtensionKinds(u32);

impl ExtensionKinds {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn of(mut kinds: &[ExtensionKind]) -> Self {
        let mut bits = 0;
        while let [kind, rest @ ..] = kinds {
            bits |= kind.bit();
            kinds = rest;
        }
        Self(bits)
    }

    pub(crate) const fn contains(self, kind: ExtensionKind) -> bool {
        self.0 & kind.bit() != 0
    }

    pub(crate) const fn intersects(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn union(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(crate) const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

/// Where the known extensions stand, and whether unknown ones are critical.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtensionIndex {
    values: [Span; KINDS],
    present: u32,
    critical: u32,
    /// Content octets of the identifier of the first critical extension that has no kind.
    unknown_critical: Option<Span>,
}

impl ExtensionIndex {
    pub(crate) const EMPTY: Self =
        Self { values: [Span::EMPTY; KINDS], present: 0, critical: 0, unknown_critical: None };

    #[inline]
    pub(crate) fn value(&self, kind: ExtensionKind) -> Option<Span> {
        if self.present & kind.bit() == 0 { None } else { self.values.get(kind.slot()).copied() }
    }

    #[inline]
    pub(crate) const fn kinds(&self) -> ExtensionKinds {
        ExtensionKinds(self.present)
    }

    #[inline]
    pub(crate) fn is_critical(&self, kind: ExtensionKind) -> bool {
        self.critical & kind.bit() != 0
    }

    #[inline]
    pub(crate) fn has_critical(&self, kinds: ExtensionKinds) -> bool {
        self.critical & kinds.0 != 0
    }

    pub(crate) fn unknown_critical(&self) -> Option<Span> {
        self.unknown_critical
    }

    /// Fills an empty index: frames `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension`; the reader stands in it.
    #[inline]
    pub(crate) fn read(&mut self, mut extensions: Reader<'_>) -> Result<(), ReadExtensionsError> {
        let index = self;
        let mut unknown = UnknownExtensions::default();
        if extensions.is_empty() {
            return Err(DerError::new(extensions.offset(), DerErrorKind::Empty).into());
        }
        while !extensions.is_empty() {
            let offset = extensions.offset();
            let (kind, critical, value) = match read_short(&mut extensions) {
                Some(short) => short,
                None => {
                    let extension = Extension::read(&mut extensions)?;
                    let oid = extension.oid.as_bytes();
                    let Some(kind) = ExtensionKind::from_content(oid) else {
                        if extension.critical && index.unknown_critical.is_none() {
                            index.unknown_critical = Some(extension.oid_span);
                        }
                        unknown.push(oid, offset)?;
                        continue;
                    };
                    (kind, extension.critical, extension.value_span)
                }
            };
            // RFC 5280 4.2: "A certificate MUST NOT include more than one instance of a
            // particular extension."
            if index.present & kind.bit() != 0 {
                return Err(ReadExtensionsError::Duplicate { offset });
            }
            index.present |= kind.bit();
            if critical {
                index.critical |= kind.bit();
            }
            if let Some(slot) = index.values.get_mut(kind.slot()) {
                *slot = value;
            }
        }
        unknown.finish()
    }
}

/// Reads an extension of `id-ce` with lengths below 128, which is what most are, as one pattern.
/// Reads nothing where it is any other, malformed ones included: [`Extension::read`] is for those.
#[inline]
fn read_short(reader: &mut Reader<'_>) -> Option<(ExtensionKind, bool, Span)> {
    let rest = reader.rest();
    let (head, more) = rest.split_first_chunk::<9>()?;
    let [0x30, length, type_tag, type_length, ce1, ce2, last, tag, first] = *head else {
        return None;
    };
    if [type_tag, type_length, ce1, ce2] != [0x06, 0x03, 0x55, 0x1d] {
        return None;
    }
    let (critical, header, value) = match ([tag, first], more) {
        ([0x04, value], _) => (false, 9, value),
        ([0x01, 0x01], &[0xff, 0x04, value, ..]) => (true, 12, value),
        _ => return None,
    };
    let end = header + usize::from(value);
    if length >= 0x80 || value >= 0x80 || 2 + usize::from(length) != end || rest.len() < end {
        return None;
    }
    let kind = ExtensionKind::of_id_ce(last)?;
    let span = reader.span_ahead(header, end);
    reader.skip(end);
    Some((kind, critical, span))
}

#[derive(Debug)]
pub(crate) enum ReadExtensionsError {
    Der(DerError),
    Duplicate { offset: usize },
}

impl From<DerError> for ReadExtensionsError {
    fn from(error: DerError) -> Self {
        Self::Der(error)
    }
}

/// Finds duplicates among extensions without a kind: a few by comparing, many by sorting.
#[derive(Debug, Default)]
struct UnknownExtensions<'a> {
    few: arrayvec::ArrayVec<&'a [u8], 8>,
    many: alloc::vec::Vec<(&'a [u8], usize)>,
}

impl<'a> UnknownExtensions<'a> {
    fn push(&mut self, oid: &'a [u8], offset: usize) -> Result<(), ReadExtensionsError> {
        if self.few.contains(&oid) {
            return Err(ReadExtensionsError::Duplicate { offset });
        }
        if self.few.try_push(oid).is_err() {
            self.many.push((oid, offset));
        }
        Ok(())
    }

    #[inline]
    fn finish(mut self) -> Result<(), ReadExtensionsError> {
        if self.many.is_empty() {
            return Ok(());
        }
        self.many.sort_unstable();
        for pair in self.many.windows(2) {
            if let [(first, _), (second, offset)] = *pair
                && first == second
            {
                return Err(ReadExtensionsError::Duplicate { offset });
            }
        }
        Ok(())
    }
}

/// One extension as it stands in a certificate, CRL, CRL entry or OCSP response.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Extension<'a> {
    /// `extnID`.
    pub oid: Oid<'a>,
    /// `critical`.
    pub critical: bool,
    /// Content of `extnValue`: the DER of the extension's own type.
    pub value: &'a [u8],
    pub(crate) oid_span: Span,
    pub(crate) value_span: Span,
}

impl<'a> Extension<'a> {
    /// Reads `Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue }`.
    #[inline]
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DerError> {
        let mut fields = reader.sequence()?;
        let start = fields.offset();
        let oid = fields.oid()?;
        let mut oid_span = fields.span_since(start);
        oid_span.trim_to_last(oid.len());
        let critical = fields.default_false()?;
        let value = fields.element(Tag::OCTET_STRING)?;
        fields.finish()?;
        Ok(Self {
            oid: Oid::trusted(oid),
            critical,
            value: value.content,
            oid_span,
            value_span: value.content_span(),
        })
    }

    /// Reads the one value in `extnValue` with `read`.
    #[inline]
    pub(crate) fn parse<T>(
        &self,
        field: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, FormatError>,
    ) -> Result<T, FormatError> {
        let mut reader = Reader::at(self.value, self.value_offset()).within(field)?;
        let value = read(&mut reader)?;
        reader.finish().within(field)?;
        Ok(value)
    }

    /// Offset of the value in the outermost input.
    pub(crate) fn value_offset(&self) -> usize {
        self.value_span.start()
    }
}

/// The bits of keyUsage, RFC 5280 section 4.2.1.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// digitalSignature (0).
    pub const DIGITAL_SIGNATURE: Self = Self(0x8000);
    /// nonRepudiation, or contentCommitment (1).
    pub const CONTENT_COMMITMENT: Self = Self(0x4000);
    /// keyEncipherment (2).
    pub const KEY_ENCIPHERMENT: Self = Self(0x2000);
    /// dataEncipherment (3).
    pub const DATA_ENCIPHERMENT: Self = Self(0x1000);
    /// keyAgreement (4).
    pub const KEY_AGREEMENT: Self = Self(0x0800);
    /// keyCertSign (5).
    pub const KEY_CERT_SIGN: Self = Self(0x0400);
    /// cRLSign (6).
    pub const CRL_SIGN: Self = Self(0x0200);
    /// encipherOnly (7).
    pub const ENCIPHER_ONLY: Self = Self(0x0100);
    /// decipherOnly (8).
    pub const DECIPHER_ONLY: Self = Self(0x0080);

    /// The union of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no bit is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bits, bit 0 of the RFC first (most significant).
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Takes bits in the order of [`KeyUsage::bits`]; bits 9 to 15 have no name and are dropped.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & 0xff80)
    }

    #[inline]
    pub(crate) fn read(value: &[u8], offset: usize) -> Result<Self, DerError> {
        match *value {
            [3, 2, unused @ 0..8, bits] if bits & ((1 << unused) - 1) == 0 => {
                Ok(Self(u16::from_be_bytes([bits, 0])))
            }
            _ => Self::read_any(value, offset),
        }
    }

    fn read_any(value: &[u8], offset: usize) -> Result<Self, DerError> {
        let mut reader = Reader::at(value, offset)?;
        let element = reader.element(Tag::BIT_STRING)?;
        reader.finish()?;
        let (_, bits) = bit_string(element)?;
        let high = bits.content.first().copied().unwrap_or(0);
        let low = bits.content.get(1).copied().unwrap_or(0);
        Ok(Self::from_bits(u16::from_be_bytes([high, low])))
    }
}

/// basicConstraints, RFC 5280 section 4.2.1.9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BasicConstraints {
    /// `cA`.
    pub ca: bool,
    /// `pathLenConstraint`; a value over `u32::MAX` reads as `u32::MAX`, which no path exceeds.
    pub path_len: Option<u32>,
}

impl BasicConstraints {
    #[inline]
    pub(crate) fn read(value: &[u8], offset: usize) -> Result<Self, DerError> {
        match *value {
            [0x30, 0] => Ok(Self { ca: false, path_len: None }),
            [0x30, 3, 1, 1, 0xff] => Ok(Self { ca: true, path_len: None }),
            [0x30, 6, 1, 1, 0xff, 2, 1, length @ 0..0x80] => {
                Ok(Self { ca: true, path_len: Some(length.into()) })
            }
            _ => Self::read_any(value, offset),
        }
    }

    fn read_any(value: &[u8], offset: usize) -> Result<Self, DerError> {
        let mut outer = Reader::at(value, offset)?;
        let mut fields = outer.sequence()?;
        outer.finish()?;
        let ca = fields.default_false()?;
        let path_len = if fields.is_empty() { None } else { Some(fields.saturating_unsigned()?) };
        fields.finish()?;
        Ok(Self { ca, path_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_own_slots() {
        for (index, kind) in ExtensionKind::ALL.iter().enumerate() {
            assert_eq!(kind.slot(), index);
        }
    }

    #[test]
    fn basic_constraints_are_strict() {
        for (case, value, expected) in [
            ("empty", &[0x30, 0][..], Ok((false, None))),
            ("ca", &[0x30, 3, 1, 1, 0xff], Ok((true, None))),
            ("ca 0", &[0x30, 6, 1, 1, 0xff, 2, 1, 0], Ok((true, Some(0)))),
            ("explicit FALSE", &[0x30, 3, 1, 1, 0], Err(DerErrorKind::EncodedDefault)),
            ("negative", &[0x30, 6, 1, 1, 0xff, 2, 1, 0xff], Err(DerErrorKind::IntegerOutOfRange)),
            ("huge", &[0x30, 10, 1, 1, 0xff, 2, 5, 1, 0, 0, 0, 0], Ok((true, Some(u32::MAX)))),
            (
                "trailing",
                &[0x30, 5, 1, 1, 0xff, 5, 0],
                Err(DerErrorKind::UnexpectedTag { expected: Tag::INTEGER, found: Tag::NULL }),
            ),
            ("after", &[0x30, 0, 0], Err(DerErrorKind::TrailingData { extra: 1 })),
        ] {
            let found =
                BasicConstraints::read(value, 7).map(|b| (b.ca, b.path_len)).map_err(|e| e.kind());
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn key_usage_bits_are_named_from_the_left() {
        let usage = KeyUsage::read(&[3, 2, 1, 0x06], 0).unwrap();
        assert!(usage.contains(KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN)));
        assert!(!usage.intersects(KeyUsage::DIGITAL_SIGNATURE));
        assert_eq!(KeyUsage::read(&[3, 3, 7, 0, 0x80], 0).unwrap(), KeyUsage::DECIPHER_ONLY);
        assert!(KeyUsage::read(&[3, 1, 0], 0).unwrap().is_empty());
        assert!(KeyUsage::read(&[3, 2, 1, 0x07], 0).is_err());
    }
}
