//! Certificate revocation lists (RFC 5280 section 5): bytes to an index of ranges.
//!
//! A list is read strictly once, down to the extensions of the list; its entries are framed as one
//! range and read by [`entries`](CertificateRevocationList::entries) or an [`EntryWalker`]. So
//! opening a list costs the same whatever its size, and nobody may conclude "not listed" before a
//! walk came to its end: a malformed entry makes the whole list malformed, and shows only there.
//!
//! Left to the caller: the signature, who may sign, dates against a clock, whether the scope
//! covers a certificate, what a delta list adds to which base, and every critical extension that
//! is reported as unrecognized. RFC 5280 section 5.2: "If a CRL contains a critical extension that
//! the application cannot process, then the application MUST NOT use that CRL to determine the
//! status of certificates."
//!
//! Read and acted upon are cRLNumber, deltaCRLIndicator, issuingDistributionPoint and
//! authorityKeyIdentifier, whatever their criticality says, and freshestCRL.
//! issuerAltName, authorityInfoAccess and freshestCRL must be non-critical by the RFC; where one
//! is critical it is reported like an unknown one.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;

use super::algorithm::AlgorithmIdentifier;
use super::crl_entry::{Entries, EntryWalker, RevokedCertificate, entry_at};
use super::crl_extensions::{CrlNumber, IssuingDistributionPoint, IssuingDistributionPointIndex};
use super::der::{Reader, Span, Tag};
use super::distribution_points::FreshestCrl;
use super::extension::Extension;
use super::extension_values::AuthorityKeyIdentifier;
use super::format_error::{FormatError, FormatErrorKind, Within};
use super::name::Name;
use super::oid::{Oid, known};
use super::structure::{each_extension, name, non_empty_sequence, optional_bytes};
use super::time::Time;

/// A revocation list, parsed, over bytes that it borrows.
#[derive(Clone, Copy)]
pub struct CertificateRevocationList<'a> {
    der: &'a [u8],
    index: CrlIndex,
}

impl<'a> CertificateRevocationList<'a> {
    /// Reads a list whose DER is exactly `der`.
    ///
    /// # Errors
    /// [`FormatError`] where anything but an entry is malformed.
    pub fn from_der(der: &'a [u8]) -> Result<Self, FormatError> {
        Ok(Self { der, index: CrlIndex::read(der)? })
    }

    /// Copies the bytes and keeps the index.
    #[must_use]
    pub fn to_owned(&self) -> OwnedCertificateRevocationList {
        OwnedCertificateRevocationList { der: self.der.into(), index: self.index }
    }

    /// Returns the whole DER.
    #[must_use]
    pub const fn as_der(&self) -> &'a [u8] {
        self.der
    }

    /// Returns the DER of `tbsCertList`: the signed bytes.
    #[must_use]
    pub fn tbs_cert_list(&self) -> &'a [u8] {
        self.index.tbs.of(self.der)
    }

    /// Where the signed bytes stand in the DER.
    pub(crate) fn tbs_cert_list_range(&self) -> Range<usize> {
        self.index.tbs.range()
    }

    /// Whether the list is of version 2, the only one with extensions.
    #[must_use]
    pub const fn is_version_2(&self) -> bool {
        self.index.version_2
    }

    /// Returns `signature`; `signatureAlgorithm` is equal.
    ///
    /// # Errors
    /// Never for a list that was read: the value is kept as its place.
    pub fn signature_algorithm(&self) -> Result<AlgorithmIdentifier<'a>, FormatError> {
        const FIELD: &str = "signature";
        let span = self.index.algorithm;
        let mut reader = Reader::at(span.of(self.der), span.start()).within(FIELD)?;
        AlgorithmIdentifier::read(&mut reader).within(FIELD)
    }

    /// Returns the octets of `signatureValue`.
    #[must_use]
    pub fn signature_value(&self) -> &'a [u8] {
        self.index.signature.of(self.der)
    }

    /// Returns `issuer`.
    ///
    /// RFC 5280 section 5.1.2.3: it "MUST contain a non-empty X.500 distinguished name". Not
    /// enforced here: a list of an empty name is one of an authority without a name.
    #[must_use]
    pub fn issuer(&self) -> Name<'a> {
        Name::trusted(self.index.issuer.of(self.der))
    }

    /// Returns `thisUpdate`.
    #[must_use]
    pub const fn this_update(&self) -> Time {
        self.index.this_update
    }

    /// Returns `nextUpdate`, which RFC 5280 demands of issuers and X.509 leaves optional.
    #[must_use]
    pub const fn next_update(&self) -> Option<Time> {
        self.index.next_update
    }

    /// Returns cRLNumber (RFC 5280 section 5.2.3).
    #[must_use]
    pub const fn crl_number(&self) -> Option<CrlNumber> {
        self.index.number
    }

    /// Whether cRLNumber is critical, which RFC 5280 section 5.2.3 forbids.
    #[must_use]
    pub const fn is_crl_number_critical(&self) -> bool {
        self.index.number_critical
    }

    /// Returns the BaseCRLNumber of deltaCRLIndicator (RFC 5280 section 5.2.4); a list that has
    /// one is a delta list.
    #[must_use]
    pub const fn base_crl_number(&self) -> Option<CrlNumber> {
        self.index.base_number
    }

    /// Returns issuingDistributionPoint (RFC 5280 section 5.2.5).
    #[must_use]
    pub fn issuing_distribution_point(&self) -> Option<IssuingDistributionPoint<'a>> {
        self.index.distribution_point.map(|index| index.of(self.der))
    }

    /// The value of issuingDistributionPoint, to tell scopes apart.
    pub(crate) fn issuing_distribution_point_der(&self) -> Option<&'a [u8]> {
        optional_bytes(self.index.distribution_point_value, self.der)
    }

    /// Whether entries may be of other issuers (`indirectCRL`).
    #[must_use]
    pub fn is_indirect(&self) -> bool {
        self.index.distribution_point.is_some_and(|index| index.indirect_crl)
    }

    /// Returns authorityKeyIdentifier (RFC 5280 section 5.2.1).
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<AuthorityKeyIdentifier<'a>> {
        let span = self.index.authority_key?;
        AuthorityKeyIdentifier::read(span.of(self.der), span.start()).ok()
    }

    /// Returns freshestCRL (RFC 5280 section 5.2.6).
    #[must_use]
    pub fn freshest_crl(&self) -> Option<FreshestCrl<'a>> {
        let span = self.index.freshest_crl?;
        FreshestCrl::read(span.of(self.der), span.start()).ok()
    }

    /// Returns the first critical extension that this crate does not process.
    #[must_use]
    pub fn unrecognized_critical_extension(&self) -> Option<Oid<'a>> {
        optional_bytes(self.index.unrecognized_critical, self.der).map(Oid::trusted)
    }

    /// Reads the entries in order; none after the first error.
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        Entries::new(self.der, self.entry_walker())
    }

    /// Returns a walker that stands before the first entry.
    #[must_use]
    pub const fn entry_walker(&self) -> EntryWalker {
        EntryWalker::new(self.index.entries, self.index.version_2)
    }

    /// Reads the entry that begins at `offset`, as [`RevokedCertificate::offset`] told it before.
    ///
    /// # Errors
    /// [`FormatError`] where no sound entry begins there.
    pub fn entry_at(&self, offset: usize) -> Result<RevokedCertificate<'a>, FormatError> {
        entry_at(self.der, self.index.entries, offset, self.index.version_2)
    }
}

impl fmt::Debug for CertificateRevocationList<'_> {
    /// Leaves the bytes out: a list may have megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateRevocationList")
            .field("length", &self.der.len())
            .field("this_update", &self.this_update())
            .field("next_update", &self.next_update())
            .field("crl_number", &self.crl_number())
            .field("base_crl_number", &self.base_crl_number())
            .finish_non_exhaustive()
    }
}

/// A revocation list that shares its bytes.
#[derive(Clone)]
pub struct OwnedCertificateRevocationList {
    der: Arc<[u8]>,
    index: CrlIndex,
}

impl OwnedCertificateRevocationList {
    /// Reads a list whose DER is exactly `der`.
    ///
    /// # Errors
    /// As [`CertificateRevocationList::from_der`].
    pub fn from_der(der: impl Into<Arc<[u8]>>) -> Result<Self, FormatError> {
        let der = der.into();
        let index = CrlIndex::read(&der)?;
        Ok(Self { der, index })
    }

    /// Borrows the list.
    #[must_use]
    pub fn as_crl(&self) -> CertificateRevocationList<'_> {
        CertificateRevocationList { der: &self.der, index: self.index }
    }
}

impl fmt::Debug for OwnedCertificateRevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_crl().fmt(f)
    }
}

/// Where the parts of a list stand.
#[derive(Clone, Copy, Debug)]
struct CrlIndex {
    tbs: Span,
    version_2: bool,
    algorithm: Span,
    issuer: Span,
    this_update: Time,
    next_update: Option<Time>,
    entries: Span,
    number: Option<CrlNumber>,
    number_critical: bool,
    base_number: Option<CrlNumber>,
    distribution_point: Option<IssuingDistributionPointIndex>,
    distribution_point_value: Option<Span>,
    authority_key: Option<Span>,
    freshest_crl: Option<Span>,
    unrecognized_critical: Option<Span>,
    signature: Span,
}

impl CrlIndex {
    fn read(der: &[u8]) -> Result<Self, FormatError> {
        const LIST: &str = "CertificateList";
        let mut reader = Reader::new(der).within(LIST)?;
        let mut list = reader.sequence().within(LIST)?;
        reader.finish().within(LIST)?;
        let tbs = list.element(Tag::SEQUENCE).within("tbsCertList")?;
        let outer = list.element(Tag::SEQUENCE).within("signatureAlgorithm")?;
        let signature = list.octet_aligned_bit_string().within("signatureValue")?;
        list.finish().within(LIST)?;

        let mut fields = tbs.reader();
        let version_2 = read_version(&mut fields)?;
        let algorithm = fields.element(Tag::SEQUENCE).within("signature")?;
        AlgorithmIdentifier::read(&mut algorithm.whole_reader()).within("signature")?;
        // RFC 5280 5.1.1.2: "This field MUST contain the same algorithm identifier as the
        // signature field in the sequence tbsCertList".
        if algorithm.content != outer.content {
            let kind = FormatErrorKind::SignatureAlgorithmMismatch;
            return Err(FormatError::new("signatureAlgorithm", outer.offset, kind));
        }
        let issuer = name(&mut fields).within("issuer")?;
        let this_update = Time::read(&mut fields).within("thisUpdate")?;
        let next_update = match fields.peek() {
            Some(Tag::UTC_TIME | Tag::GENERALIZED_TIME) => {
                Some(Time::read(&mut fields).within("nextUpdate")?)
            }
            _ => None,
        };
        // RFC 5280 5.1.2.6: "When there are no revoked certificates, the revoked certificates
        // list MUST be absent."
        let entries = match fields.peek() {
            Some(Tag::SEQUENCE) => {
                non_empty_sequence(&mut fields).within("revokedCertificates")?.content_span()
            }
            _ => Span::EMPTY,
        };
        let mut index = Self {
            tbs: tbs.span(),
            version_2,
            algorithm: algorithm.span(),
            issuer: issuer.span(),
            this_update,
            next_update,
            entries,
            number: None,
            number_critical: false,
            base_number: None,
            distribution_point: None,
            distribution_point_value: None,
            authority_key: None,
            freshest_crl: None,
            unrecognized_critical: None,
            signature: signature.content_span(),
        };
        if let Some(wrapper) = fields.optional(Tag::context_constructed(0)).within(EXTENSIONS)? {
            index.read_extensions(wrapper.reader())?;
        }
        fields.finish().within("tbsCertList")?;
        Ok(index)
    }

    fn read_extensions(&mut self, mut wrapper: Reader<'_>) -> Result<(), FormatError> {
        let list = non_empty_sequence(&mut wrapper).within(EXTENSIONS)?;
        wrapper.finish().within(EXTENSIONS)?;
        // RFC 5280 5.1.2.1: "When extensions are used, as required by this profile, this field
        // MUST be present and MUST specify version 2".
        if !self.version_2 {
            let kind = FormatErrorKind::VersionMismatch;
            return Err(FormatError::new(EXTENSIONS, list.offset, kind));
        }
        each_extension(EXTENSIONS, list.reader(), |extension| self.read_extension(extension))
    }

    fn read_extension(&mut self, extension: &Extension<'_>) -> Result<(), FormatError> {
        match extension.oid.as_bytes() {
            known::CRL_NUMBER => {
                self.number_critical = extension.critical;
                self.number =
                    Some(extension.parse("cRLNumber", |reader| {
                        CrlNumber::read(reader).within("cRLNumber")
                    })?);
            }
            known::DELTA_CRL_INDICATOR => {
                self.base_number = Some(extension.parse("deltaCRLIndicator", |reader| {
                    CrlNumber::read(reader).within("deltaCRLIndicator")
                })?);
            }
            known::ISSUING_DISTRIBUTION_POINT => {
                let read = IssuingDistributionPointIndex::read;
                self.distribution_point = Some(extension.parse("issuingDistributionPoint", read)?);
                self.distribution_point_value = Some(extension.value_span);
            }
            known::AUTHORITY_KEY_IDENTIFIER => {
                let (value, offset) = (extension.value, extension.value_offset());
                AuthorityKeyIdentifier::read(value, offset).within("authorityKeyIdentifier")?;
                self.authority_key = Some(extension.value_span);
            }
            oid => {
                if oid == known::FRESHEST_CRL {
                    FreshestCrl::read(extension.value, extension.value_offset())
                        .within("freshestCRL")?;
                    self.freshest_crl = Some(extension.value_span);
                }
                if extension.critical && self.unrecognized_critical.is_none() {
                    self.unrecognized_critical = Some(extension.oid_span);
                }
            }
        }
        Ok(())
    }
}

const EXTENSIONS: &str = "crlExtensions";

/// RFC 5280 5.1: `version Version OPTIONAL, -- if present, MUST be v2`; v2 is 1.
fn read_version(fields: &mut Reader<'_>) -> Result<bool, FormatError> {
    if fields.peek() != Some(Tag::INTEGER) {
        return Ok(false);
    }
    let offset = fields.offset();
    match fields.unsigned().within("version")? {
        1 => Ok(true),
        _ => Err(FormatError::new("version", offset, FormatErrorKind::UnsupportedVersion)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::crl_entry::ReasonCode;
    use super::super::crl_extensions::{CrlScope, DistributionPointName, ReasonFlags};
    use super::super::structure::encode;
    use super::*;
    use crate::x509::DerErrorKind;
    use alloc::vec::Vec;

    const ALGORITHM: &[u8] = &[0x30, 0x03, 0x06, 0x01, 0x2a];
    const NAME: &[u8] =
        &[0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x13, 0x01, b'a'];
    const POINTS: &[u8] = &[0x30, 0x09, 0x30, 0x07, 0xa0, 0x05, 0xa0, 0x03, 0x86, 0x01, b'u'];
    const VERSION_2: &[u8] = &[0x02, 0x01, 0x01];

    fn sequence(parts: &[&[u8]]) -> Vec<u8> {
        encode(Tag::SEQUENCE, &parts.concat())
    }

    fn time(text: &str) -> Vec<u8> {
        encode(Tag::UTC_TIME, text.as_bytes())
    }

    fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
        let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
        sequence(&[&encode(Tag::OID, oid), critical, &encode(Tag::OCTET_STRING, value)])
    }

    fn entry(serial: u8, extensions: &[&[u8]]) -> Vec<u8> {
        let list = if extensions.is_empty() { Vec::new() } else { sequence(extensions) };
        sequence(&[&[0x02, 0x01, serial], &time("260101000000Z"), &list])
    }

    /// A list with these parts between `thisUpdate` and the end.
    fn list(version: &[u8], rest: &[&[u8]]) -> Vec<u8> {
        let tbs = sequence(&[version, ALGORITHM, NAME, &time("260101000000Z"), &rest.concat()]);
        sequence(&[&tbs, ALGORITHM, &[0x03, 0x02, 0x00, 0xaa]])
    }

    fn with_extensions(extensions: &[&[u8]]) -> Vec<u8> {
        let wrapped = encode(Tag::context_constructed(0), &sequence(extensions));
        list(VERSION_2, &[&time("260201000000Z"), &wrapped])
    }

    fn fault(der: &[u8]) -> Option<(&'static str, FormatErrorKind)> {
        let error = match CertificateRevocationList::from_der(der) {
            Ok(list) => list.entries().find_map(Result::err)?,
            Err(error) => error,
        };
        Some((error.field(), error.kind()))
    }

    #[test]
    fn a_list_is_read() {
        let number = extension(known::CRL_NUMBER, false, &[0x02, 0x02, 0x00, 0x80]);
        let base = extension(known::DELTA_CRL_INDICATOR, true, &[0x02, 0x01, 0x07]);
        let key = extension(known::AUTHORITY_KEY_IDENTIFIER, false, &[0x30, 0x03, 0x80, 0x01, 9]);
        let freshest = extension(known::FRESHEST_CRL, false, POINTS);
        let unknown = extension(&[0x2a, 0x03], false, &[]);
        let der = with_extensions(&[&number, &base, &key, &freshest, &unknown]);
        let owned = OwnedCertificateRevocationList::from_der(der.clone()).unwrap();
        let list = owned.as_crl();
        assert!(list.is_version_2());
        assert_eq!(list.as_der(), der);
        assert_eq!(list.issuer().as_der(), NAME);
        assert_eq!(list.signature_algorithm().unwrap().der(), &ALGORITHM[2..]);
        assert_eq!(list.signature_value(), [0xaa]);
        assert_eq!(list.tbs_cert_list(), &der[3..der.len() - 9]);
        assert_eq!(list.next_update().unwrap().seconds_since(list.this_update()), 31 * 86_400);
        assert_eq!(list.crl_number(), Some(CrlNumber::from_u64(128)));
        assert_eq!(list.base_crl_number(), Some(CrlNumber::from_u64(7)));
        assert_eq!(list.authority_key_identifier().unwrap().key_identifier, Some(&[9][..]));
        let freshest = list.freshest_crl().unwrap().distribution_points;
        assert_eq!(freshest.iter().count(), 1);
        assert_eq!(list.unrecognized_critical_extension(), None);
        assert_eq!(list.entries().count(), 0);
        assert!(!list.is_indirect());
    }

    #[test]
    fn the_frame_is_strict() {
        use DerErrorKind as D;
        use FormatErrorKind as K;
        let number = extension(known::CRL_NUMBER, false, &[0x02, 0x01, 0x01]);
        let long = [&[0x02, 0x15, 0x01][..], &[0; 20]].concat();
        let twenty = [&[0x02, 0x15, 0x00][..], &[0xff; 20]].concat();
        let wrapped = encode(Tag::context_constructed(0), &sequence(&[&number]));
        let empty_name = sequence(&[
            &sequence(&[ALGORITHM, &[0x30, 0x00], &time("260101000000Z")]),
            ALGORITHM,
            &[0x03, 0x01, 0x00],
        ]);
        let mut other_algorithm = list(&[], &[]);
        let at = other_algorithm.len() - 5;
        other_algorithm[at] = 0x2b;
        for (case, der, expected) in [
            ("version 1", list(&[], &[]), None),
            ("no nextUpdate", list(VERSION_2, &[]), None),
            (
                "version 1, written",
                list(&[0x02, 0x01, 0x00], &[]),
                Some(("version", K::UnsupportedVersion)),
            ),
            ("version 3", list(&[0x02, 0x01, 0x02], &[]), Some(("version", K::UnsupportedVersion))),
            (
                "no entry",
                list(VERSION_2, &[&[0x30, 0x00]]),
                Some(("revokedCertificates", K::Der(D::Empty))),
            ),
            (
                "version 1 with extensions",
                list(&[], &[&wrapped]),
                Some(("crlExtensions", K::VersionMismatch)),
            ),
            ("no extension", with_extensions(&[]), Some(("crlExtensions", K::Der(D::Empty)))),
            (
                "twice",
                with_extensions(&[&number, &number]),
                Some(("crlExtensions", K::DuplicateExtension)),
            ),
            (
                "number of 20 octets",
                with_extensions(&[&extension(known::CRL_NUMBER, false, &twenty)]),
                None,
            ),
            (
                "number of 21 octets",
                with_extensions(&[&extension(known::CRL_NUMBER, false, &long)]),
                Some(("cRLNumber", K::Der(D::IntegerOutOfRange))),
            ),
            (
                "negative number",
                with_extensions(&[&extension(known::CRL_NUMBER, false, &[0x02, 0x01, 0xff])]),
                Some(("cRLNumber", K::Der(D::IntegerOutOfRange))),
            ),
            (
                "key id: issuer alone",
                with_extensions(&[&extension(
                    known::AUTHORITY_KEY_IDENTIFIER,
                    false,
                    &[0x30, 0x05, 0xa1, 0x03, 0x86, 0x01, b'a'],
                )]),
                Some(("authorityKeyIdentifier", K::Der(D::Unpaired))),
            ),
            ("empty issuer", empty_name, None),
            (
                "two algorithms",
                other_algorithm,
                Some(("signatureAlgorithm", K::SignatureAlgorithmMismatch)),
            ),
            (
                "more",
                [list(&[], &[]), [0].into()].concat(),
                Some(("CertificateList", K::Der(D::TrailingData { extra: 1 }))),
            ),
        ] {
            assert_eq!(fault(&der), expected, "{case}");
        }
        let whole = with_extensions(&[&number]);
        for end in 0..whole.len() {
            assert_eq!(
                CertificateRevocationList::from_der(&whole[..end]).unwrap_err().code(),
                "format.der"
            );
        }
    }

    #[test]
    fn critical_extensions_without_meaning_here_are_named() {
        let issuer_alt_name: &[u8] = &[0x55, 0x1d, 18];
        for (oid, critical, named) in [
            (&[0x2a, 0x03][..], true, true),
            (&[0x2a, 0x03], false, false),
            (issuer_alt_name, true, true),
            (known::FRESHEST_CRL, true, true),
        ] {
            let der = with_extensions(&[&extension(oid, critical, POINTS)]);
            let list = CertificateRevocationList::from_der(&der).unwrap();
            let expected = named.then_some(Oid::trusted(oid));
            assert_eq!(list.unrecognized_critical_extension(), expected);
        }
    }

    #[test]
    fn the_distribution_point_says_one_thing() {
        use DerErrorKind as D;
        use FormatErrorKind as K;
        const POINT: &str = "issuingDistributionPoint";
        const REASONS: &str = "issuingDistributionPoint.onlySomeReasons";
        let bad = |field, kind| Some((field, kind));
        for (case, value, expected) in [
            ("users", &[0x30, 0x03, 0x81, 0x01, 0xff][..], None),
            ("empty", &[0x30, 0x00], bad(POINT, K::Der(D::Empty))),
            ("false", &[0x30, 0x03, 0x81, 0x01, 0x00], bad(POINT, K::Der(D::EncodedDefault))),
            (
                "users and authorities",
                &[0x30, 0x06, 0x81, 0x01, 0xff, 0x82, 0x01, 0xff],
                bad(POINT, K::ConflictingScope),
            ),
            (
                "users and attributes",
                &[0x30, 0x06, 0x81, 0x01, 0xff, 0x85, 0x01, 0xff],
                bad(POINT, K::ConflictingScope),
            ),
            ("no reason", &[0x30, 0x03, 0x83, 0x01, 0x00], bad(REASONS, K::Der(D::Empty))),
            ("no octet", &[0x30, 0x02, 0x83, 0x00], bad(REASONS, K::Der(D::InvalidBitString))),
            (
                "unused reason alone",
                &[0x30, 0x04, 0x83, 0x02, 0x07, 0x80],
                bad(REASONS, K::Der(D::Empty)),
            ),
            ("some reason", &[0x30, 0x04, 0x83, 0x02, 0x06, 0x40], None),
            (
                "order",
                &[0x30, 0x06, 0x84, 0x01, 0xff, 0x81, 0x01, 0xff],
                bad(POINT, K::Der(D::TrailingData { extra: 3 })),
            ),
            (
                "no name",
                &[0x30, 0x04, 0xa0, 0x02, 0xa0, 0x00],
                bad("issuingDistributionPoint.distributionPoint", K::Der(D::Empty)),
            ),
        ] {
            let der =
                with_extensions(&[&extension(known::ISSUING_DISTRIBUTION_POINT, true, value)]);
            assert_eq!(fault(&der), expected, "{case}");
        }
        let read = |value: &[u8]| {
            let der =
                with_extensions(&[&extension(known::ISSUING_DISTRIBUTION_POINT, true, value)]);
            let list = OwnedCertificateRevocationList::from_der(der).unwrap();
            let point = list.as_crl().issuing_distribution_point().unwrap();
            let uri = match point.distribution_point {
                Some(DistributionPointName::FullName(names)) => {
                    names.uris().next().map(|uri| uri.as_bytes().to_vec())
                }
                Some(DistributionPointName::NameRelativeToCrlIssuer(content)) => {
                    Some(content.to_vec())
                }
                None => None,
            };
            (uri, point.scope, point.only_some_reasons, point.indirect_crl)
        };
        let reasons = ReasonFlags::KEY_COMPROMISE.union(ReasonFlags::AA_COMPROMISE);
        let full = [
            0x30, 0x12, 0xa0, 0x05, 0xa0, 0x03, 0x86, 0x01, b'u', 0x82, 0x01, 0xff, 0x83, 0x03,
            0x07, 0x40, 0x80, 0x84, 0x01, 0xff,
        ];
        assert_eq!(
            read(&full),
            (Some(b"u".to_vec()), CrlScope::CaCertificates, Some(reasons), true)
        );
        let relative = [&[0x30, 0x0e, 0xa0, 0x0c, 0xa1, 0x0a][..], &NAME[4..]].concat();
        assert_eq!(
            read(&relative),
            (Some(NAME[4..].to_vec()), CrlScope::AllCertificates, None, false)
        );
    }

    #[test]
    fn entries_are_read_in_order_with_their_issuer() {
        let issuer = [&[0x30, 0x10, 0xa4, 0x0e][..], NAME].concat();
        let indirect = extension(known::CERTIFICATE_ISSUER, true, &issuer);
        let reason = extension(known::CRL_REASON, false, &[0x0a, 0x01, 0x01]);
        let date = [&[0x18, 0x0f][..], b"20251231000000Z"].concat();
        let date = extension(known::INVALIDITY_DATE, false, &date);
        let unknown = extension(&[0x2a, 0x03], true, &[]);
        let entries = sequence(&[
            &entry(1, &[]),
            &entry(2, &[&reason, &date, &indirect]),
            &entry(0xff, &[&unknown]),
            &sequence(&[&[0x02, 0x01, 4], &time("260101000000Z"), &[0x30, 0x00]]),
        ]);
        let der = list(VERSION_2, &[&entries]);
        let list = CertificateRevocationList::from_der(&der).unwrap();
        let found: Vec<_> = list.entries().map(Result::unwrap).collect();
        let [first, second, third, fourth] = found[..] else { panic!("{found:?}") };
        assert_eq!((first.serial_number, first.reason), (&[1][..], None));
        assert_eq!((first.certificate_issuer, first.issuer_in_effect), (None, None));
        assert_eq!(second.reason, Some(ReasonCode::KeyCompromise));
        assert_eq!(second.revocation_date.seconds_since(second.invalidity_date.unwrap()), 86_400);
        assert_eq!(
            second.certificate_issuer.unwrap().directory_names().next(),
            Some(Name::trusted(NAME))
        );
        assert_eq!(third.serial_number, [0xff]);
        assert_eq!(third.certificate_issuer, None);
        assert_eq!(third.issuer_in_effect, second.certificate_issuer);
        assert_eq!(third.unrecognized_critical_extension, Some(Oid::trusted(&[0x2a, 0x03])));
        assert_eq!(fourth.unrecognized_critical_extension, None);
        assert_eq!(list.entry_at(first.offset), Ok(first));
        assert_eq!(list.entry_at(fourth.offset).unwrap().serial_number, [4]);
        for offset in [0, first.offset + 1, der.len(), usize::MAX] {
            assert_eq!(list.entry_at(offset).unwrap_err().code(), "format.der", "{offset}");
        }

        let mut walker = list.entry_walker();
        assert_eq!((walker.bytes_read(), walker.bytes_total()), (0, entries.len() - 3));
        walker.next_entry(&der).unwrap().unwrap();
        assert_eq!(walker.bytes_read(), second.offset - first.offset);
        // Another buffer than that of the list ends in an error or an early end, never a panic.
        assert!(walker.next_entry(&[]).is_none());
        assert!(walker.next_entry(&alloc::vec![0; der.len()]).unwrap().is_err());
        assert_eq!(walker.bytes_read(), walker.bytes_total());
        assert!(walker.next_entry(&der).is_none());
    }

    #[test]
    fn entries_are_strict() {
        use DerErrorKind as D;
        use FormatErrorKind as K;
        let reason = |code| extension(known::CRL_REASON, false, &[0x0a, 0x01, code]);
        let issuer = [&[0x30, 0x10, 0xa4, 0x0e][..], NAME].concat();
        let utc = [&[0x17, 0x0d][..], b"251231000000Z"].concat();
        let twice = [reason(1), reason(1)].concat();
        for (case, version, extensions, expected) in [
            ("reason 10", VERSION_2, reason(10), None),
            ("reason 7", VERSION_2, reason(7), Some(("reasonCode", K::Unassigned))),
            ("reason 11", VERSION_2, reason(11), Some(("reasonCode", K::Unassigned))),
            ("version 1", &[], reason(1), Some(("crlEntryExtensions", K::VersionMismatch))),
            ("twice", VERSION_2, twice, Some(("crlEntryExtensions", K::DuplicateExtension))),
            (
                "critical issuer",
                VERSION_2,
                extension(known::CERTIFICATE_ISSUER, true, &issuer),
                None,
            ),
            (
                "issuer",
                VERSION_2,
                extension(known::CERTIFICATE_ISSUER, false, &issuer),
                Some(("certificateIssuer", K::NotCritical)),
            ),
            (
                "no issuer",
                VERSION_2,
                extension(known::CERTIFICATE_ISSUER, true, &[0x30, 0x00]),
                Some(("certificateIssuer", K::Der(D::Empty))),
            ),
            ("UTCTime", VERSION_2, extension(known::INVALIDITY_DATE, false, &utc), None),
            (
                "critical UTCTime",
                VERSION_2,
                extension(known::INVALIDITY_DATE, true, &utc),
                Some((
                    "invalidityDate",
                    K::Der(D::UnexpectedTag {
                        expected: Tag::GENERALIZED_TIME,
                        found: Tag::UTC_TIME,
                    }),
                )),
            ),
        ] {
            let der = list(version, &[&sequence(&[&entry(1, &[&extensions])])]);
            assert_eq!(fault(&der), expected, "{case}");
        }
        // An entry behind a malformed one is never handed out.
        let entries = sequence(&[&entry(1, &[&reason(7)]), &entry(2, &[])]);
        let der = list(VERSION_2, &[&entries]);
        let list = CertificateRevocationList::from_der(&der).unwrap();
        assert_eq!(list.entries().count(), 1);
    }

    #[test]
    fn every_changed_octet_ends_within_the_list() {
        let reason = extension(known::CRL_REASON, false, &[0x0a, 0x01, 0x01]);
        let point = [0x30, 0x07, 0x83, 0x02, 0x06, 0x40, 0x84, 0x01, 0xff];
        let point = sequence(&[&extension(known::ISSUING_DISTRIBUTION_POINT, true, &point)]);
        let entries = sequence(&[&entry(1, &[&reason]), &entry(2, &[])]);
        let mut der = list(VERSION_2, &[&entries, &encode(Tag::context_constructed(0), &point)]);
        assert_eq!(fault(&der), None);
        for at in 0..der.len() {
            let good = der[at];
            for changed in 0..=u8::MAX {
                der[at] = changed;
                match CertificateRevocationList::from_der(&der) {
                    // Two entries, and an error where the extensions are taken for a third.
                    Ok(list) => assert!(list.entries().count() <= 3, "{changed} at {at}"),
                    Err(error) => assert!(error.offset() <= der.len(), "{changed} at {at}"),
                }
            }
            der[at] = good;
        }
    }
}
