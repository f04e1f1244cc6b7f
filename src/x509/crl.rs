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
//! authorityKeyIdentifier, whatever their criticality says. freshestCRL is located.
//! issuerAltName, authorityInfoAccess and freshestCRL must be non-critical by the RFC; where one
//! is critical it is reported like an unknown one.

use alloc::sync::Arc;

use super::crl_entry::{Entries, EntryWalker, RevokedCertificate, entry_at};
use super::crl_extensions::{
    CrlAuthorityKey, CrlAuthorityKeyIndex, CrlNumber, IssuingDistributionPoint,
    IssuingDistributionPointIndex,
};
use super::der::{DerErrorKind, Reader, Span, Tag};
use super::format_error::{FormatError, FormatErrorKind, Within};
use super::oid::{Oid, known};
use super::structure::{
    RawExtension, algorithm_identifier, each_extension, name, non_empty_sequence, optional_bytes,
};
use super::time::Time;

/// A revocation list, parsed, over bytes that it borrows.
#[derive(Clone, Copy, Debug)]
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

    /// Whether the list is of version 2, the only one with extensions.
    #[must_use]
    pub const fn is_version_2(&self) -> bool {
        self.index.version_2
    }

    /// Returns the content of `signature`, an AlgorithmIdentifier; `signatureAlgorithm` is equal.
    #[must_use]
    pub fn signature_algorithm(&self) -> &'a [u8] {
        self.index.algorithm.of(self.der)
    }

    /// Returns the octets of `signatureValue`.
    #[must_use]
    pub fn signature_value(&self) -> &'a [u8] {
        self.index.signature.of(self.der)
    }

    /// Returns the DER of `issuer`, a Name that is not empty.
    #[must_use]
    pub fn issuer(&self) -> &'a [u8] {
        self.index.issuer.of(self.der)
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

    /// Whether entries may be of other issuers (`indirectCRL`).
    #[must_use]
    pub fn is_indirect(&self) -> bool {
        self.index.distribution_point.is_some_and(|index| index.indirect_crl)
    }

    /// Returns authorityKeyIdentifier (RFC 5280 section 5.2.1).
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<CrlAuthorityKey<'a>> {
        self.index.authority_key.map(|index| index.of(self.der))
    }

    /// Returns the value of freshestCRL (RFC 5280 section 5.2.6): the DER of
    /// CRLDistributionPoints, unread.
    #[must_use]
    pub fn freshest_crl(&self) -> Option<&'a [u8]> {
        optional_bytes(self.index.freshest_crl, self.der)
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

/// A revocation list that shares its bytes.
#[derive(Clone, Debug)]
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
    base_number: Option<CrlNumber>,
    distribution_point: Option<IssuingDistributionPointIndex>,
    authority_key: Option<CrlAuthorityKeyIndex>,
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
        let outer = algorithm_identifier(&mut list).within("signatureAlgorithm")?;
        let signature = list.octet_aligned_bit_string().within("signatureValue")?;
        list.finish().within(LIST)?;

        let mut fields = tbs.reader();
        let version_2 = read_version(&mut fields)?;
        let algorithm = algorithm_identifier(&mut fields).within("signature")?;
        // RFC 5280 5.1.1.2: "This field MUST contain the same algorithm identifier as the
        // signature field in the sequence tbsCertList".
        if algorithm.content != outer.content {
            let kind = FormatErrorKind::SignatureAlgorithmMismatch;
            return Err(FormatError::new("signatureAlgorithm", outer.offset, kind));
        }
        let issuer = name(&mut fields).within("issuer")?;
        // RFC 5280 5.1.2.3: "The issuer field MUST contain a non-empty X.500 distinguished name".
        if issuer.content.is_empty() {
            return Err(issuer.error(DerErrorKind::Empty)).within("issuer");
        }
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
            algorithm: algorithm.content_span(),
            issuer: issuer.span(),
            this_update,
            next_update,
            entries,
            number: None,
            base_number: None,
            distribution_point: None,
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

    fn read_extension(&mut self, extension: &RawExtension<'_>) -> Result<(), FormatError> {
        match extension.oid.content {
            known::CRL_NUMBER => {
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
            }
            known::AUTHORITY_KEY_IDENTIFIER => {
                let read = CrlAuthorityKeyIndex::read;
                self.authority_key = Some(extension.parse("authorityKeyIdentifier", read)?);
            }
            oid => {
                if oid == known::FRESHEST_CRL {
                    self.freshest_crl = Some(extension.value.content_span());
                }
                if extension.critical && self.unrecognized_critical.is_none() {
                    self.unrecognized_critical = Some(extension.oid.content_span());
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
