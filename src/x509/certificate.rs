//! Certificates: RFC 5280 section 4.1, parsed once into ranges over their bytes.
//!
//! [`Certificate`] borrows the bytes, [`OwnedCertificate`] shares them; both hold the same index
//! and differ in nothing else. Reading allocates nothing (certificates with more than eight
//! extensions of unknown kind excepted) and decides nothing: a certificate that RFC 5280 tells
//! *conforming CAs* not to issue is read as it stands, and the rooms above say what it is worth.
//!
//! Read at once: the whole of the structure, times, basicConstraints, keyUsage, and the framing,
//! criticality and uniqueness of every extension. Read where they are used: names and all other
//! extension values. [`Certificate::check`] reads those in full; a decision does so for every
//! certificate that it puts on a path.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;

use arrayvec::ArrayVec;

use super::der::{DerError, DerErrorKind, Reader, Span, Tag};
use super::extension::{
    BasicConstraints, Extension, ExtensionIndex, ExtensionKind, ExtensionKinds, KeyUsage,
    ReadExtensionsError,
};
use super::oid::Oid;
use super::time::Time;

/// A part of a certificate, to say where an error stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The outer `Certificate` SEQUENCE.
    Certificate,
    /// `tbsCertificate`.
    TbsCertificate,
    /// `version`.
    Version,
    /// `serialNumber`.
    SerialNumber,
    /// `signature`, the inner algorithm.
    Signature,
    /// `issuer`.
    Issuer,
    /// `validity`.
    Validity,
    /// `subject`.
    Subject,
    /// `subjectPublicKeyInfo`.
    SubjectPublicKeyInfo,
    /// `issuerUniqueID` or `subjectUniqueID`.
    UniqueId,
    /// `extensions`.
    Extensions,
    /// The value of one extension.
    Extension(ExtensionKind),
    /// `signatureAlgorithm`, the outer one.
    SignatureAlgorithm,
    /// `signatureValue`.
    SignatureValue,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "Certificate",
            Self::TbsCertificate => "tbsCertificate",
            Self::Version => "version",
            Self::SerialNumber => "serialNumber",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Validity => "validity",
            Self::Subject => "subject",
            Self::SubjectPublicKeyInfo => "subjectPublicKeyInfo",
            Self::UniqueId => "uniqueID",
            Self::Extensions => "extensions",
            Self::Extension(kind) => kind.name(),
            Self::SignatureAlgorithm => "signatureAlgorithm",
            Self::SignatureValue => "signatureValue",
        })
    }
}

/// What is wrong with a certificate's encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateErrorKind {
    /// The encoding is not DER, or not this structure.
    #[error("{0}")]
    Der(DerErrorKind),
    /// A version other than v1, v2 and v3.
    #[error("version {0} is not one of 0 (v1), 1 (v2) and 2 (v3)")]
    UnsupportedVersion(u32),
    /// Unique identifiers in a v1, or extensions in a v1 or v2 certificate.
    #[error("this field needs a later version of certificate")]
    NeedsLaterVersion,
    /// An extension that occurs twice (RFC 5280 section 4.2).
    #[error("an extension occurs more than once")]
    DuplicateExtension,
}

/// A certificate that could not be read: what is wrong, in which field, at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {field}: {kind} at byte {offset}")]
pub struct CertificateError {
    field: Field,
    offset: usize,
    kind: CertificateErrorKind,
}

impl CertificateError {
    /// The field that could not be read.
    #[must_use]
    pub const fn field(&self) -> Field {
        self.field
    }

    /// Offset in bytes from the start of the certificate.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> CertificateErrorKind {
        self.kind
    }

    pub(crate) fn der(field: Field, error: DerError) -> Self {
        Self { field, offset: error.offset(), kind: CertificateErrorKind::Der(error.kind()) }
    }
}

/// Tags a DER error with the field that was being read.
trait InField<T> {
    fn within(self, field: Field) -> Result<T, CertificateError>;
}

impl<T> InField<T> for Result<T, DerError> {
    #[inline]
    fn within(self, field: Field) -> Result<T, CertificateError> {
        self.map_err(|error| CertificateError::der(field, error))
    }
}

/// `Version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "X.509 has had three versions since 1997")]
pub enum Version {
    /// v1 (0): no unique identifiers, no extensions.
    V1,
    /// v2 (1): unique identifiers.
    V2,
    /// v3 (2): extensions.
    V3,
}

/// Ranges over the bytes of one certificate, and the values that every decision reads.
///
/// INVARIANT: filled by [`CertificateIndex::read`] from the bytes it is used with.
#[derive(Clone, Copy, Debug)]
struct CertificateIndex {
    tbs: Span,
    serial: Span,
    inner_algorithm: Span,
    issuer: Span,
    subject: Span,
    spki: Span,
    outer_algorithm: Span,
    signature: Span,
    /// Content of `extensions`; empty where there are none.
    extension_list: Span,
    extensions: ExtensionIndex,
    not_before: Time,
    not_after: Time,
    version: Version,
    key_usage: Option<KeyUsage>,
    basic_constraints: Option<BasicConstraints>,
}

impl CertificateIndex {
    const EMPTY: Self = Self {
        tbs: Span::EMPTY,
        serial: Span::EMPTY,
        inner_algorithm: Span::EMPTY,
        issuer: Span::EMPTY,
        subject: Span::EMPTY,
        spki: Span::EMPTY,
        outer_algorithm: Span::EMPTY,
        signature: Span::EMPTY,
        extension_list: Span::EMPTY,
        extensions: ExtensionIndex::EMPTY,
        not_before: Time::MIN,
        not_after: Time::MIN,
        version: Version::V1,
        key_usage: None,
        basic_constraints: None,
    };

    /// Fills an empty index (RFC 5280 4.1).
    fn read(&mut self, der: &[u8]) -> Result<(), CertificateError> {
        let mut input = Reader::new(der).within(Field::Certificate)?;
        let mut certificate = input.sequence().within(Field::Certificate)?;
        input.finish().within(Field::Certificate)?;

        let tbs = certificate.element(Tag::SEQUENCE).within(Field::TbsCertificate)?;
        let outer = certificate.element(Tag::SEQUENCE).within(Field::SignatureAlgorithm)?;
        let signature = certificate.octet_aligned_bit_string().within(Field::SignatureValue)?;
        certificate.finish().within(Field::Certificate)?;

        let mut fields = tbs.reader();
        let version = read_version(&mut fields)?;
        let serial = fields.element(Tag::INTEGER).within(Field::SerialNumber)?;
        super::der::check_integer(serial.content)
            .map_err(|kind| serial.error(kind))
            .within(Field::SerialNumber)?;
        let inner = fields.element(Tag::SEQUENCE).within(Field::Signature)?;
        let issuer = fields.element(Tag::SEQUENCE).within(Field::Issuer)?;
        [self.not_before, self.not_after] = read_validity(&mut fields).within(Field::Validity)?;
        let subject = fields.element(Tag::SEQUENCE).within(Field::Subject)?;
        let spki = fields.element(Tag::SEQUENCE).within(Field::SubjectPublicKeyInfo)?;

        for number in [1, 2] {
            if let Some(id) = fields.optional(Tag::context(number)).within(Field::UniqueId)? {
                if version == Version::V1 {
                    return Err(CertificateError {
                        field: Field::UniqueId,
                        offset: id.offset,
                        kind: CertificateErrorKind::NeedsLaterVersion,
                    });
                }
                super::der::bit_string(id).within(Field::UniqueId)?;
            }
        }

        self.tbs = tbs.span();
        self.serial = serial.content_span();
        self.inner_algorithm = inner.span();
        self.issuer = issuer.span();
        self.subject = subject.span();
        self.spki = spki.span();
        self.outer_algorithm = outer.span();
        self.signature = signature.content_span();
        self.version = version;
        if let Some(wrapper) =
            fields.optional(Tag::context_constructed(3)).within(Field::Extensions)?
        {
            if version != Version::V3 {
                return Err(CertificateError {
                    field: Field::Extensions,
                    offset: wrapper.offset,
                    kind: CertificateErrorKind::NeedsLaterVersion,
                });
            }
            let mut inner = wrapper.reader();
            let list = inner.element(Tag::SEQUENCE).within(Field::Extensions)?;
            inner.finish().within(Field::Extensions)?;
            self.extension_list = list.content_span();
            self.extensions.read(list.reader()).map_err(|error| match error {
                ReadExtensionsError::Der(error) => CertificateError::der(Field::Extensions, error),
                ReadExtensionsError::Duplicate { offset } => CertificateError {
                    field: Field::Extensions,
                    offset,
                    kind: CertificateErrorKind::DuplicateExtension,
                },
            })?;
            self.read_small_extensions(der)?;
        }
        fields.finish().within(Field::TbsCertificate)
    }

    #[inline(always)]
    fn read_small_extensions(&mut self, der: &[u8]) -> Result<(), CertificateError> {
        let kind = ExtensionKind::BasicConstraints;
        if let Some(span) = self.extensions.value(kind) {
            let value = BasicConstraints::read(span.of(der), span.start());
            self.basic_constraints = Some(value.within(Field::Extension(kind))?);
        }
        let kind = ExtensionKind::KeyUsage;
        if let Some(span) = self.extensions.value(kind) {
            let value = KeyUsage::read(span.of(der), span.start());
            self.key_usage = Some(value.within(Field::Extension(kind))?);
        }
        Ok(())
    }
}

/// RFC 5280 4.1.2.5: `Validity ::= SEQUENCE { notBefore Time, notAfter Time }`.
#[inline(always)]
fn read_validity(fields: &mut Reader<'_>) -> Result<[Time; 2], DerError> {
    if let Some(usual) = usual_validity(fields.rest()) {
        fields.skip(32);
        return Ok(usual);
    }
    let mut validity = fields.sequence()?;
    let times = [Time::read(&mut validity)?, Time::read(&mut validity)?];
    validity.finish()?;
    Ok(times)
}

/// Two UTCTimes, as all certificates that expire before 2050 have them.
#[inline(always)]
fn usual_validity(rest: &[u8]) -> Option<[Time; 2]> {
    let [0x30, 0x1e, 0x17, 0x0d, times @ ..] = rest.first_chunk::<32>()? else { return None };
    let (not_before, rest) = times.split_first_chunk::<13>()?;
    let [0x17, 0x0d, not_after @ ..] = rest.first_chunk::<15>()? else { return None };
    Some([Time::of_utc(not_before)?, Time::of_utc(not_after)?])
}

/// RFC 5280 4.1.2.1: `version [0] EXPLICIT Version DEFAULT v1`.
#[inline(always)]
fn read_version(fields: &mut Reader<'_>) -> Result<Version, CertificateError> {
    // v3, as nearly all are.
    if fields.rest().starts_with(&[0xa0, 3, 2, 1, 2]) {
        fields.skip(5);
        return Ok(Version::V3);
    }
    let Some(wrapper) = fields.optional(Tag::context_constructed(0)).within(Field::Version)? else {
        return Ok(Version::V1);
    };
    let mut inner = wrapper.reader();
    let number = inner.unsigned().within(Field::Version)?;
    inner.finish().within(Field::Version)?;
    match number {
        // X.690 11.5: the value of a DEFAULT is not encoded.
        0 => Err(wrapper.error(DerErrorKind::EncodedDefault)).within(Field::Version),
        1 => Ok(Version::V2),
        2 => Ok(Version::V3),
        other => Err(CertificateError {
            field: Field::Version,
            offset: wrapper.offset,
            kind: CertificateErrorKind::UnsupportedVersion(other),
        }),
    }
}

/// A certificate that borrows its bytes.
#[derive(Clone, Copy)]
pub struct Certificate<'a> {
    der: &'a [u8],
    index: CertificateIndex,
}

impl<'a> Certificate<'a> {
    /// Reads one certificate; nothing may follow it.
    ///
    /// # Errors
    /// The first violation of DER or of RFC 5280 section 4.1, with its field and byte offset.
    pub fn from_der(der: &'a [u8]) -> Result<Self, CertificateError> {
        let mut certificate = Self { der, index: CertificateIndex::EMPTY };
        certificate.index.read(der)?;
        Ok(certificate)
    }

    /// Reads one certificate into the next place of a list; nothing is added where it cannot be read,
    /// or where the list is full.
    pub(crate) fn read_into<const N: usize>(list: &mut ArrayVec<Self, N>, der: &'a [u8]) {
        // The index is large enough for each move to be felt.
        let unread = Self { der, index: CertificateIndex::EMPTY };
        if list.try_push(unread).is_ok()
            && list.last_mut().is_none_or(|place| place.index.read(der).is_err())
        {
            list.pop();
        }
    }

    /// Copies the bytes, so that the certificate lives on its own.
    #[must_use]
    pub fn to_owned(&self) -> OwnedCertificate {
        OwnedCertificate { bytes: self.der.into(), place: 0..self.der.len(), index: self.index }
    }

    /// Returns the whole encoding.
    #[must_use]
    pub const fn as_der(&self) -> &'a [u8] {
        self.der
    }

    /// Returns `tbsCertificate` as it is signed, identifier and length octets included.
    #[must_use]
    #[inline]
    pub fn tbs_certificate(&self) -> &'a [u8] {
        self.index.tbs.of(self.der)
    }

    /// Returns `version`.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.index.version
    }

    /// Returns the content octets of `serialNumber`: big-endian two's complement, never empty.
    #[must_use]
    pub fn serial_number(&self) -> &'a [u8] {
        self.index.serial.of(self.der)
    }

    /// Returns `notBefore`.
    #[must_use]
    pub const fn not_before(&self) -> Time {
        self.index.not_before
    }

    /// Returns `notAfter`, the last second of validity.
    #[must_use]
    pub const fn not_after(&self) -> Time {
        self.index.not_after
    }

    /// Returns the signature octets.
    #[must_use]
    #[inline]
    pub fn signature_value(&self) -> &'a [u8] {
        self.index.signature.of(self.der)
    }

    /// Whether the inner and the outer AlgorithmIdentifier are the same bytes.
    ///
    /// RFC 5280 4.1.1.2: "This field MUST contain the same algorithm identifier as the signature
    /// field in the sequence tbsCertificate."
    #[must_use]
    #[inline]
    pub fn signature_algorithms_agree(&self) -> bool {
        self.index.inner_algorithm.of(self.der) == self.index.outer_algorithm.of(self.der)
    }

    /// Returns keyUsage, if the extension is present.
    #[must_use]
    pub const fn key_usage(&self) -> Option<KeyUsage> {
        self.index.key_usage
    }

    /// Returns basicConstraints, if the extension is present.
    #[must_use]
    pub const fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.index.basic_constraints
    }

    /// Whether subject and issuer are the same bytes and not empty.
    #[must_use]
    #[inline]
    pub fn names_are_identical(&self) -> bool {
        self.index.subject.of(self.der) == self.index.issuer.of(self.der)
    }

    pub(super) fn subject_der(&self) -> &'a [u8] {
        self.index.subject.of(self.der)
    }

    pub(super) fn issuer_der(&self) -> &'a [u8] {
        self.index.issuer.of(self.der)
    }

    /// Offsets of subject and issuer.
    pub(super) fn name_offsets(&self) -> (usize, usize) {
        (self.index.subject.start(), self.index.issuer.start())
    }

    pub(super) fn outer_algorithm_with_offset(&self) -> (&'a [u8], usize) {
        (self.index.outer_algorithm.of(self.der), self.index.outer_algorithm.start())
    }

    /// `subjectPublicKeyInfo` as it stands.
    #[inline]
    pub(crate) fn public_key_der(&self) -> &'a [u8] {
        self.index.spki.of(self.der)
    }

    pub(super) fn spki_with_offset(&self) -> (&'a [u8], usize) {
        (self.index.spki.of(self.der), self.index.spki.start())
    }

    pub(super) fn extension_with_offset(&self, kind: ExtensionKind) -> Option<(&'a [u8], usize)> {
        let span = self.index.extensions.value(kind)?;
        Some((span.of(self.der), span.start()))
    }

    /// Returns the DER of an extension's value, if the extension is present.
    #[must_use]
    #[inline]
    pub fn extension(&self, kind: ExtensionKind) -> Option<&'a [u8]> {
        Some(self.index.extensions.value(kind)?.of(self.der))
    }

    /// Whether an extension is present and critical.
    #[must_use]
    #[inline]
    pub fn is_critical(&self, kind: ExtensionKind) -> bool {
        self.index.extensions.is_critical(kind)
    }

    /// The kinds of its extensions.
    #[inline]
    pub(crate) const fn extension_kinds(&self) -> ExtensionKinds {
        self.index.extensions.kinds()
    }

    /// Whether one of these kinds is present and critical.
    #[inline]
    pub(crate) fn has_critical(&self, kinds: ExtensionKinds) -> bool {
        self.index.extensions.has_critical(kinds)
    }

    /// Returns the first critical extension that [`ExtensionKind`] does not name.
    #[must_use]
    pub fn unknown_critical_extension(&self) -> Option<Oid<'a>> {
        Some(Oid::trusted(self.index.extensions.unknown_critical()?.of(self.der)))
    }

    /// All extensions in the order of the certificate.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let list = self.index.extension_list;
        let mut reader = Reader::at(list.of(self.der), list.start()).ok();
        core::iter::from_fn(move || {
            let reader = reader.as_mut()?;
            if reader.is_empty() { None } else { Extension::read(reader).ok() }
        })
    }
}

impl fmt::Debug for Certificate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("serial_number", &self.serial_number())
            .field("not_before", &self.not_before())
            .field("not_after", &self.not_after())
            .field("bytes", &self.der.len())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Certificate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate<'_> {}

/// A certificate that shares its bytes, perhaps with others.
#[derive(Clone)]
pub struct OwnedCertificate {
    /// INVARIANT: `place` lies within.
    bytes: Arc<[u8]>,
    place: Range<usize>,
    index: CertificateIndex,
}

impl OwnedCertificate {
    /// Reads one certificate; nothing may follow it.
    ///
    /// # Errors
    /// As [`Certificate::from_der`].
    pub fn from_der(der: impl Into<Arc<[u8]>>) -> Result<Self, CertificateError> {
        let bytes = der.into();
        let mut index = CertificateIndex::EMPTY;
        index.read(&bytes)?;
        let place = 0..bytes.len();
        Ok(Self { bytes, place, index })
    }

    /// A certificate that was read and stands in `bytes` from `start`.
    #[cfg(feature = "std")]
    pub(crate) fn within(bytes: Arc<[u8]>, start: usize, read: &Certificate<'_>) -> Self {
        let place = start..start.saturating_add(read.der.len());
        Self { bytes, place, index: read.index }
    }

    /// The same certificate over other bytes; nothing where they are not the same bytes.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) fn over<'a>(&self, der: &'a [u8]) -> Option<Certificate<'a>> {
        (self.as_der() == der).then_some(Certificate { der, index: self.index })
    }

    /// Borrows the certificate.
    #[must_use]
    #[inline]
    pub fn as_certificate(&self) -> Certificate<'_> {
        Certificate { der: self.as_der(), index: self.index }
    }

    /// Returns the whole encoding.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        self.bytes.get(self.place.clone()).unwrap_or(&[])
    }
}

impl fmt::Debug for OwnedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_certificate().fmt(f)
    }
}

impl PartialEq for OwnedCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.as_der() == other.as_der()
    }
}

impl Eq for OwnedCertificate {}
