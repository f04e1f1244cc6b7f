//! The entries of a revocation list, read one by one (RFC 5280 section 5.3).
//!
//! An entry is read in full each time: serial number, dates, reason and the shape of every
//! extension. Nothing is allocated, so that a list of a million entries costs one pass and no
//! memory beyond its bytes. [`EntryWalker`] holds a position and no bytes: whoever builds an index
//! of a large list can stop after any entry and go on later.
//!
//! *Specification: `crlEntryExtensions` has at least one extension. Enforced here: it may be
//! empty*, since deployed issuers write it so and nothing is lost.

use core::fmt;

use super::der::{DerErrorKind, Reader, Span, Tag};
use super::extension::Extension;
use super::format_error::{FormatError, FormatErrorKind, Within};
use super::general_name::GeneralNames;
use super::oid::{Oid, known};
use super::structure::each_extension;
use super::time::Time;

/// `CRLReason` of RFC 5280 section 5.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ReasonCode {
    /// unspecified (0).
    Unspecified = 0,
    /// keyCompromise (1).
    KeyCompromise = 1,
    /// cACompromise (2).
    CaCompromise = 2,
    /// affiliationChanged (3).
    AffiliationChanged = 3,
    /// superseded (4).
    Superseded = 4,
    /// cessationOfOperation (5).
    CessationOfOperation = 5,
    /// certificateHold (6).
    CertificateHold = 6,
    /// removeFromCRL (8): in a delta list only.
    RemoveFromCrl = 8,
    /// privilegeWithdrawn (9).
    PrivilegeWithdrawn = 9,
    /// aACompromise (10).
    AaCompromise = 10,
}

impl ReasonCode {
    /// Returns the name that RFC 5280 uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    /// Returns the number of `CRLReason`.
    #[expect(clippy::as_conversions, reason = "the discriminants are the numbers")]
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The reason of a number; "-- value 7 is not used".
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => return None,
        })
    }

    /// Reads `CRLReason ::= ENUMERATED`.
    pub(crate) fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, FormatError> {
        let element = reader.element(Tag::ENUMERATED).within(field)?;
        match *element.content {
            [number] => Self::from_number(number),
            _ => None,
        }
        .ok_or(FormatError::new(field, element.offset, FormatErrorKind::Unassigned))
    }
}

/// One entry of `revokedCertificates`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevokedCertificate<'a> {
    /// `userCertificate`: the content octets of the INTEGER as they stand, leading zero included.
    pub serial_number: &'a [u8],
    /// `revocationDate`.
    pub revocation_date: Time,
    /// `reasonCode`.
    pub reason: Option<ReasonCode>,
    /// `invalidityDate`; nothing also where it cannot be read and is not critical.
    pub invalidity_date: Option<Time>,
    /// `certificateIssuer` of this very entry.
    pub certificate_issuer: Option<GeneralNames<'a>>,
    /// `certificateIssuer` of this entry or of the nearest entry before that has one (RFC 5280
    /// section 5.3.3). None where the list's issuer issued the certificate, and where the entry
    /// was not read in order.
    pub issuer_in_effect: Option<GeneralNames<'a>>,
    /// The first critical extension that is none of the three above. RFC 5280 section 5.3: "If a
    /// CRL contains a critical CRL entry extension that the application cannot process, then the
    /// application MUST NOT use that CRL to determine the status of any certificates."
    pub unrecognized_critical_extension: Option<Oid<'a>>,
    /// Where the entry begins in the list's DER.
    pub offset: usize,
}

/// A position among the entries of a list.
///
/// Ends after the first error: a list with a malformed entry is malformed as a whole.
#[derive(Clone, Copy, Debug)]
pub struct EntryWalker {
    entries: Span,
    /// Bytes of `entries` that were read.
    position: usize,
    may_have_extensions: bool,
    issuer_in_effect: Option<Span>,
}

impl EntryWalker {
    pub(crate) const fn new(entries: Span, may_have_extensions: bool) -> Self {
        Self { entries, position: 0, may_have_extensions, issuer_in_effect: None }
    }

    /// Reads the next entry of the list whose DER this is, which must be the list that made this
    /// walker.
    ///
    /// # Errors
    /// [`FormatError`] where the entry is malformed; the walker then stands at the end.
    #[inline]
    pub fn next_entry<'a>(
        &mut self,
        der: &'a [u8],
    ) -> Option<Result<RevokedCertificate<'a>, FormatError>> {
        let rest = self.entries.of(der).get(self.position..).filter(|rest| !rest.is_empty())?;
        let result = self.read(rest, der);
        if result.is_err() {
            self.position = self.bytes_total();
        }
        Some(result)
    }

    /// Reads the next entry where it is as nearly all are; else stays where it is, and
    /// [`EntryWalker::next_entry`] must be asked.
    #[inline(always)]
    pub(crate) fn next_plain<'a>(&mut self, der: &'a [u8]) -> Option<PlainEntry<'a>> {
        let rest = self.entries.of(der).get(self.position..)?;
        let common = Common::usual(rest).or_else(|| Common::read(rest))?;
        if !self.allows(&common) {
            return None;
        }
        let entry = common.plain()?;
        self.position += common.length;
        Some(entry)
    }

    #[inline]
    fn read<'a>(
        &mut self,
        rest: &'a [u8],
        der: &'a [u8],
    ) -> Result<RevokedCertificate<'a>, FormatError> {
        let start = self.offset();
        if let Some(common) = Common::read(rest).filter(|common| self.allows(common))
            && let Some(mut entry) = common.entry(start)
        {
            self.position += common.length;
            entry.issuer_in_effect = self.names_in_effect(der);
            return Ok(entry);
        }
        let mut reader = Reader::at(rest, start).within(FIELD)?;
        let (mut entry, issuer) = read_entry(&mut reader, self.may_have_extensions)?;
        self.position += reader.offset() - start;
        if issuer.is_some() {
            self.issuer_in_effect = issuer;
        }
        entry.issuer_in_effect = self.names_in_effect(der);
        Ok(entry)
    }

    #[inline]
    fn names_in_effect<'a>(&self, der: &'a [u8]) -> Option<GeneralNames<'a>> {
        self.issuer_in_effect.map(|span| GeneralNames::trusted(span.of(der), span.start()))
    }

    #[inline]
    fn allows(&self, common: &Common<'_>) -> bool {
        self.may_have_extensions || common.reason.is_none()
    }

    /// Where the next entry begins in the list's DER.
    pub(crate) fn offset(&self) -> usize {
        self.entries.start() + self.position
    }

    /// Returns how many bytes of the entries were read.
    #[must_use]
    pub const fn bytes_read(&self) -> usize {
        self.position
    }

    /// Returns how many bytes all entries have.
    #[must_use]
    pub fn bytes_total(&self) -> usize {
        self.entries.range().len()
    }
}

/// What an entry says that has no extension but a reason.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainEntry<'a> {
    pub(crate) serial_number: &'a [u8],
    pub(crate) revocation_date: Time,
    pub(crate) reason: Option<ReasonCode>,
}

/// An entry as nearly all are: lengths in one octet, a UTCTime, no extension or a reason alone.
///
/// Octets are compared with those of the one encoding that DER allows, so that what is read here
/// is what the general reader reads.
#[derive(Clone, Copy)]
struct Common<'a> {
    length: usize,
    serial_number: &'a [u8],
    date: &'a [u8; 13],
    reason: Option<u8>,
}

/// The octets of an extension that is a reason, up to the reason itself.
const REASON: [u8; 13] =
    [0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01];

impl<'a> Common<'a> {
    /// As [`Common::read`], of a positive serial number of 16 octets: all stands in known places.
    #[inline(always)]
    fn usual(rest: &'a [u8]) -> Option<Self> {
        const WITHOUT: usize = 4 + 16 + 2 + 13;
        const WITH: usize = WITHOUT + REASON.len() + 1;
        // All but the length of the entry.
        const HEADERS: u32 = u32::from_le_bytes([0x30, 0, 0x02, 16]);
        let (entry, extensions) = rest.split_first_chunk::<WITHOUT>()?;
        let (headers, fields) = entry.split_first_chunk::<4>()?;
        let (serial_number, fields) = fields.split_first_chunk::<16>()?;
        let (header, date) = fields.split_first_chunk::<2>()?;
        let [_, length, ..] = *headers;
        let [first, ..] = *serial_number;
        if u32::from_le_bytes(*headers) & !0xff00 != HEADERS
            || !matches!(first, 1..0x80)
            || *header != [0x17, 0x0d]
        {
            return None;
        }
        let length = 2 + usize::from(length);
        let reason = match length {
            WITHOUT => None,
            WITH => match extensions.split_first_chunk() {
                Some((head, &[reason, ..])) if *head == REASON => Some(reason),
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { length, serial_number, date: date.first_chunk()?, reason })
    }

    #[inline(always)]
    fn read(rest: &'a [u8]) -> Option<Self> {
        // Two tags, and two lengths below 128, all at once.
        const HEADERS: u32 = u32::from_le_bytes([0x30, 0, 0x02, 0]);
        const WITHOUT_LENGTHS: u32 = u32::from_le_bytes([0xff, 0x80, 0xff, 0x80]);
        let headers @ [_, length, _, serial_length] = *rest.first_chunk()?;
        if u32::from_le_bytes(headers) & WITHOUT_LENGTHS != HEADERS {
            return None;
        }
        let length = 2 + usize::from(length);
        let fields = rest.get(4..length)?;
        let (serial_number, fields) = fields.split_at_checked(usize::from(serial_length))?;
        super::der::check_integer(serial_number).ok()?;
        let (header, fields) = fields.split_first_chunk()?;
        if *header != [0x17, 0x0d] {
            return None;
        }
        let (date, extensions) = fields.split_first_chunk()?;
        let reason = match extensions.split_first_chunk() {
            None if extensions.is_empty() => None,
            // Compared as a whole: a pattern is compared octet by octet.
            Some((head, &[reason])) if *head == REASON => Some(reason),
            _ => return None,
        };
        Some(Self { length, serial_number, date, reason })
    }

    /// Nothing where the general reader must say what is wrong.
    #[inline]
    fn plain(&self) -> Option<PlainEntry<'a>> {
        let reason = match self.reason {
            None => None,
            Some(number) => Some(ReasonCode::from_number(number)?),
        };
        let revocation_date = Time::of_utc(self.date)?;
        Some(PlainEntry { serial_number: self.serial_number, revocation_date, reason })
    }

    #[inline]
    fn entry(&self, offset: usize) -> Option<RevokedCertificate<'a>> {
        let PlainEntry { serial_number, revocation_date, reason } = self.plain()?;
        Some(RevokedCertificate {
            serial_number,
            revocation_date,
            reason,
            invalidity_date: None,
            certificate_issuer: None,
            issuer_in_effect: None,
            unrecognized_critical_extension: None,
            offset,
        })
    }
}

/// The entries of a list, in order.
#[derive(Clone)]
pub struct Entries<'a> {
    der: &'a [u8],
    walker: EntryWalker,
}

impl<'a> Entries<'a> {
    pub(crate) const fn new(der: &'a [u8], walker: EntryWalker) -> Self {
        Self { der, walker }
    }
}

impl fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entries").field(&self.walker).finish()
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<RevokedCertificate<'a>, FormatError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.walker.next_entry(self.der)
    }
}

impl core::iter::FusedIterator for Entries<'_> {}

const FIELD: &str = "revokedCertificates";
const EXTENSIONS: &str = "crlEntryExtensions";

/// Reads one entry; the span is that of its own `certificateIssuer`.
#[inline]
pub(crate) fn read_entry<'a>(
    reader: &mut Reader<'a>,
    may_have_extensions: bool,
) -> Result<(RevokedCertificate<'a>, Option<Span>), FormatError> {
    let offset = reader.offset();
    let mut fields = reader.sequence().within(FIELD)?;
    let serial_number = fields.integer().within("userCertificate")?;
    let revocation_date = Time::read(&mut fields).within("revocationDate")?;
    let mut entry = RevokedCertificate {
        serial_number,
        revocation_date,
        reason: None,
        invalidity_date: None,
        certificate_issuer: None,
        issuer_in_effect: None,
        unrecognized_critical_extension: None,
        offset,
    };
    if fields.is_empty() {
        return Ok((entry, None));
    }
    let list = fields.element(Tag::SEQUENCE).within(EXTENSIONS)?;
    fields.finish().within(FIELD)?;
    // RFC 5280 5.1 on crlEntryExtensions: "if present, version MUST be v2".
    if !may_have_extensions {
        return Err(FormatError::new(EXTENSIONS, list.offset, FormatErrorKind::VersionMismatch));
    }
    let mut issuer = None;
    each_extension(EXTENSIONS, list.reader(), |extension| {
        read_extension(extension, &mut entry, &mut issuer)
    })?;
    Ok((entry, issuer))
}

#[inline]
fn read_extension<'a>(
    extension: &Extension<'a>,
    entry: &mut RevokedCertificate<'a>,
    issuer: &mut Option<Span>,
) -> Result<(), FormatError> {
    match extension.oid.as_bytes() {
        known::CRL_REASON => {
            entry.reason = Some(
                extension.parse("reasonCode", |reader| ReasonCode::read(reader, "reasonCode"))?,
            );
        }
        known::INVALIDITY_DATE => {
            let date = extension.parse("invalidityDate", |reader| {
                Time::read_generalized(reader).within("invalidityDate")
            });
            // RFC 5280 5.3.2: "The invalidity date is a non-critical CRL entry extension". A
            // revocation is not lost over a date that cannot be read, unless its issuer insists.
            entry.invalidity_date = match date {
                Err(error) if extension.critical => return Err(error),
                date => date.ok(),
            };
        }
        known::CERTIFICATE_ISSUER => {
            const FIELD: &str = "certificateIssuer";
            let names = extension.parse(FIELD, |reader| {
                let names = reader.element(Tag::SEQUENCE).within(FIELD)?;
                GeneralNames::of(&names).within(FIELD)?;
                Ok(names)
            })?;
            // RFC 5280 5.3.3: "Conforming CRL issuers MUST mark this extension as critical since
            // an implementation that ignored this extension could not correctly attribute CRL
            // entries to certificates."
            if !extension.critical {
                let offset = extension.oid_span.start();
                return Err(FormatError::new(FIELD, offset, FormatErrorKind::NotCritical));
            }
            entry.certificate_issuer =
                Some(GeneralNames::trusted(names.content, names.content_offset));
            *issuer = Some(names.content_span());
        }
        oid if extension.critical && entry.unrecognized_critical_extension.is_none() => {
            entry.unrecognized_critical_extension = Some(Oid::trusted(oid));
        }
        _ => {}
    }
    Ok(())
}

/// Checks that an offset names an entry, for whoever kept offsets in an index.
pub(crate) fn entry_at<'a>(
    der: &'a [u8],
    entries: Span,
    offset: usize,
    may_have_extensions: bool,
) -> Result<RevokedCertificate<'a>, FormatError> {
    let range = entries.range();
    let rest = if offset < range.start { None } else { der.get(offset..range.end) };
    let truncated = || {
        let kind = FormatErrorKind::Der(DerErrorKind::Truncated { missing: 1 });
        FormatError::new(FIELD, offset, kind)
    };
    let mut reader = Reader::at(rest.ok_or_else(truncated)?, offset).within(FIELD)?;
    read_entry(&mut reader, may_have_extensions).map(|(entry, _)| entry)
}
