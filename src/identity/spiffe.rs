//! SPIFFE IDs, by SPIFFE-ID.md, valid by construction.
//!
//! ```text
//! spiffe-id    = "spiffe" "://" trust-domain [ path ]
//! trust-domain = 1*255( a-z / 0-9 / "." / "-" / "_" )
//! path         = 1*( "/" segment )
//! segment      = 1*( a-z / A-Z / 0-9 / "." / "-" / "_" )   ; and neither "." nor ".."
//! ```
//!
//! The reader is one pass over bytes, not a URI parser: nothing is decoded, removed or completed, so
//! two IDs are equal exactly if their bytes are.
//!
//! *Specification*: section 2.1 wants the host in lower case (ID-05), section 2.4 compares scheme and
//! trust domain without case (ID-10). *Enforced here*: [`SpiffeId::parse`] refuses upper case there;
//! [`SpiffeId::parse_lenient`] takes it and stores lower case. Certificates are read strictly.
//! *Specification*: IDs up to 2,048 bytes must be supported (ID-16). *Enforced here*: longer ones are
//! refused.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use super::text::serde_as_text;
use super::trust_domain::{TrustDomainRef, id_text, split_trust_domain};
use crate::x509::text::Alphabet;

/// Scheme and delimiter before the trust domain.
pub(super) const SCHEME: &str = "spiffe://";

/// What is wrong with a SPIFFE ID or a trust domain name, without the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpiffeIdErrorKind {
    /// The text does not begin with `spiffe://` (ID-01).
    #[error("a SPIFFE ID begins with \"spiffe://\"")]
    Scheme,
    /// Nothing stands where the trust domain belongs (ID-02).
    #[error("the trust domain is empty")]
    EmptyTrustDomain,
    /// The trust domain has more than 255 bytes (ID-17).
    #[error("the trust domain is longer than {} bytes", TrustDomainRef::MAX_LENGTH)]
    TrustDomainTooLong,
    /// An upper-case letter in the trust domain (ID-05).
    #[error("the trust domain is not in lower case")]
    UpperCase,
    /// An `@` in the trust domain (ID-04).
    #[error("userinfo is not allowed")]
    UserInfo,
    /// A `:` in the trust domain (ID-04).
    #[error("a port is not allowed")]
    Port,
    /// A `?` (ID-03).
    #[error("a query is not allowed")]
    Query,
    /// A `#` (ID-03).
    #[error("a fragment is not allowed")]
    Fragment,
    /// A `%` (ID-07, ID-11).
    #[error("percent-encoding is not allowed")]
    PercentEncoding,
    /// Another byte that no trust domain name holds (ID-06, ID-09).
    #[error("byte 0x{0:02x} is not allowed in a trust domain")]
    TrustDomainCharacter(u8),
    /// Another byte that no path segment holds (ID-14).
    #[error("byte 0x{0:02x} is not allowed in a path segment")]
    SegmentCharacter(u8),
    /// Two slashes in a row, or an empty segment to join (ID-12).
    #[error("a path segment is empty")]
    EmptySegment,
    /// A segment `.` or `..` (ID-12).
    #[error("a path segment is \".\" or \"..\"")]
    DotSegment,
    /// The ID ends with a slash (ID-13).
    #[error("the path ends with a slash")]
    TrailingSlash,
    /// The ID has more than 2,048 bytes (ID-16).
    #[error("the SPIFFE ID is longer than {} bytes", SpiffeIdRef::MAX_LENGTH)]
    TooLong,
}

impl SpiffeIdErrorKind {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Scheme => "spiffe-id.scheme",
            Self::EmptyTrustDomain => "spiffe-id.empty-trust-domain",
            Self::TrustDomainTooLong => "spiffe-id.trust-domain-too-long",
            Self::UpperCase => "spiffe-id.upper-case",
            Self::UserInfo => "spiffe-id.userinfo",
            Self::Port => "spiffe-id.port",
            Self::Query => "spiffe-id.query",
            Self::Fragment => "spiffe-id.fragment",
            Self::PercentEncoding => "spiffe-id.percent-encoding",
            Self::TrustDomainCharacter(_) => "spiffe-id.trust-domain-character",
            Self::SegmentCharacter(_) => "spiffe-id.segment-character",
            Self::EmptySegment => "spiffe-id.empty-segment",
            Self::DotSegment => "spiffe-id.dot-segment",
            Self::TrailingSlash => "spiffe-id.trailing-slash",
            Self::TooLong => "spiffe-id.too-long",
        }
    }
}

/// A text is no SPIFFE ID or trust domain name: which rule, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct SpiffeIdError {
    offset: usize,
    kind: SpiffeIdErrorKind,
}

impl SpiffeIdError {
    pub(crate) const fn new(offset: usize, kind: SpiffeIdErrorKind) -> Self {
        Self { offset, kind }
    }

    /// The byte offset of the first byte at fault.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong there.
    #[must_use]
    pub const fn kind(&self) -> SpiffeIdErrorKind {
        self.kind
    }

    /// Returns the stable, machine-readable name of the rule.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    const fn shifted(self, by: usize) -> Self {
        Self { offset: self.offset.saturating_add(by), kind: self.kind }
    }
}

/// A SPIFFE ID, borrowed; reading one allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeIdRef<'a> {
    // INVARIANT: a strict SPIFFE ID.
    text: &'a str,
    // INVARIANT: the first byte after the trust domain; follows from `text`, so that comparing both
    // is comparing `text`.
    path: usize,
}

impl<'a> SpiffeIdRef<'a> {
    /// Longest SPIFFE ID, in bytes (SPIFFE-ID section 2.3; ID-16).
    pub const MAX_LENGTH: usize = 2_048;

    /// Reads a SPIFFE ID strictly.
    ///
    /// # Errors
    ///
    /// [`SpiffeIdError`] with the first byte at fault and the rule it breaks.
    ///
    /// # Examples
    ///
    /// ```
    /// use bonafide::identity::SpiffeIdRef;
    ///
    /// let id = SpiffeIdRef::parse("spiffe://example.org/ns/prod/sa/web")?;
    /// assert_eq!(id.trust_domain().as_str(), "example.org");
    /// assert_eq!(id.segments().last(), Some("web"));
    ///
    /// let error = SpiffeIdRef::parse("spiffe://example.org/ns/").unwrap_err();
    /// assert_eq!((error.offset(), error.code()), (23, "spiffe-id.trailing-slash"));
    /// # Ok::<(), bonafide::identity::SpiffeIdError>(())
    /// ```
    pub fn parse(id: &'a str) -> Result<Self, SpiffeIdError> {
        let path = check(id.as_bytes())?;
        Ok(Self { text: id, path })
    }

    /// Reads a SPIFFE ID strictly from bytes, as a certificate holds it.
    ///
    /// # Errors
    ///
    /// As [`SpiffeIdRef::parse`]; a byte outside ASCII is a wrong character.
    pub fn parse_bytes(id: &'a [u8]) -> Result<Self, SpiffeIdError> {
        let path = check(id)?;
        // Cannot fail: `check` lets only ASCII through.
        match core::str::from_utf8(id) {
            Ok(text) => Ok(Self { text, path }),
            Err(error) => Err(SpiffeIdError::new(error.valid_up_to(), SpiffeIdErrorKind::Scheme)),
        }
    }

    /// Returns the ID as text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.text
    }

    /// Returns the trust domain.
    #[must_use]
    pub fn trust_domain(self) -> TrustDomainRef<'a> {
        TrustDomainRef::from_checked(self.text.get(SCHEME.len()..self.path).unwrap_or_default())
    }

    /// Returns the path with its leading slash; empty if there is none.
    #[must_use]
    pub fn path(self) -> &'a str {
        self.text.get(self.path..).unwrap_or_default()
    }

    /// Whether the ID names something within its trust domain, not the trust domain itself.
    #[must_use]
    pub const fn has_path(self) -> bool {
        self.path < self.text.len()
    }

    /// Returns the segments of the path, without slashes.
    pub fn segments(self) -> impl DoubleEndedIterator<Item = &'a str> + Clone {
        // A path begins with a slash, so the first piece is empty and is no segment.
        let mut segments = self.path().split('/');
        segments.next();
        segments
    }

    /// Returns the ID without its last segment; `None` for the ID of a trust domain.
    ///
    /// That is arithmetic on names only: the standard gives a parent no meaning (ID-15).
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        let (parent, _) = self.path().rsplit_once('/')?;
        let text = self.text.get(..self.path + parent.len())?;
        Some(Self { text, path: self.path })
    }

    /// Copies the ID.
    #[must_use]
    pub fn to_owned(self) -> SpiffeId {
        SpiffeId { text: Arc::from(self.text), path: self.path }
    }
}

impl fmt::Display for SpiffeIdRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text)
    }
}

/// A SPIFFE ID; a clone shares the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId {
    // INVARIANT: as `SpiffeIdRef`.
    text: Arc<str>,
    path: usize,
}

impl SpiffeId {
    /// Reads a SPIFFE ID strictly.
    ///
    /// # Errors
    ///
    /// As [`SpiffeIdRef::parse`].
    pub fn parse(id: &str) -> Result<Self, SpiffeIdError> {
        SpiffeIdRef::parse(id).map(SpiffeIdRef::to_owned)
    }

    /// Reads a SPIFFE ID whose scheme and trust domain may be in any case, and stores lower case.
    ///
    /// The standard asks for lower case in section 2.1 (ID-05) and for comparison without case in
    /// section 2.4 (ID-10). Use this for what people type; everything else, the case of the path
    /// included, is as strict as in [`SpiffeId::parse`].
    ///
    /// # Errors
    ///
    /// As [`SpiffeIdRef::parse`], without the rule on case.
    pub fn parse_lenient(id: &str) -> Result<Self, SpiffeIdError> {
        if id.len() > SpiffeIdRef::MAX_LENGTH {
            return Err(SpiffeIdError::new(SpiffeIdRef::MAX_LENGTH, SpiffeIdErrorKind::TooLong));
        }
        let scheme = id.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
        let Some(scheme) = scheme else { return Self::parse(id) };
        let path = id.bytes().skip(scheme.len()).position(|byte| byte == b'/');
        let end = path.map_or(id.len(), |path| scheme.len() + path);
        let mut text = String::from(id);
        if let Some(head) = text.get_mut(..end) {
            head.make_ascii_lowercase();
        }
        Self::parse(&text)
    }

    /// Returns the ID of a trust domain itself, which has no path.
    #[must_use]
    pub fn from_trust_domain(domain: TrustDomainRef<'_>) -> Self {
        let text = id_text(domain, 0);
        Self { path: text.len(), text: Arc::from(text) }
    }

    /// Makes an ID of a trust domain and segments, which hold no slash.
    ///
    /// # Errors
    ///
    /// [`SpiffeIdError`] if a segment is none, or the whole is too long; the offset counts in the ID
    /// that would have been made.
    pub fn from_segments<'a>(
        domain: TrustDomainRef<'_>,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, SpiffeIdError> {
        Self::from_trust_domain(domain).join_all(segments)
    }

    /// Appends one segment.
    ///
    /// A slash within it is refused, so that a name from elsewhere cannot become a deeper ID.
    ///
    /// # Errors
    ///
    /// As [`SpiffeId::from_segments`].
    pub fn join(&self, segment: &str) -> Result<Self, SpiffeIdError> {
        self.join_all([segment])
    }

    /// Appends segments.
    ///
    /// # Errors
    ///
    /// As [`SpiffeId::from_segments`].
    pub fn join_all<'a>(
        &self,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, SpiffeIdError> {
        let mut text = String::from(&*self.text);
        for segment in segments {
            text.push('/');
            check_segment(segment.as_bytes()).map_err(|error| error.shifted(text.len()))?;
            // ID-16: longer IDs SHOULD NOT be made.
            if segment.len() > SpiffeIdRef::MAX_LENGTH.saturating_sub(text.len()) {
                let offset = SpiffeIdRef::MAX_LENGTH;
                return Err(SpiffeIdError::new(offset, SpiffeIdErrorKind::TooLong));
            }
            text.push_str(segment);
        }
        Ok(Self { text: Arc::from(text), path: self.path })
    }

    /// Returns the ID, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> SpiffeIdRef<'_> {
        SpiffeIdRef { text: &self.text, path: self.path }
    }

    /// Returns the ID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the trust domain.
    #[must_use]
    pub fn trust_domain(&self) -> TrustDomainRef<'_> {
        self.borrowed().trust_domain()
    }

    /// Returns the path with its leading slash; empty if there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        self.borrowed().path()
    }

    /// Whether the ID names something within its trust domain, not the trust domain itself.
    #[must_use]
    pub fn has_path(&self) -> bool {
        self.borrowed().has_path()
    }

    /// Returns the segments of the path, without slashes.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.borrowed().segments()
    }

    /// Returns the ID without its last segment; `None` for the ID of a trust domain.
    #[must_use]
    pub fn parent(&self) -> Option<SpiffeIdRef<'_>> {
        self.borrowed().parent()
    }
}

impl From<SpiffeIdRef<'_>> for SpiffeId {
    fn from(id: SpiffeIdRef<'_>) -> Self {
        id.to_owned()
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(id: &str) -> Result<Self, SpiffeIdError> {
        Self::parse(id)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl PartialEq<SpiffeIdRef<'_>> for SpiffeId {
    fn eq(&self, other: &SpiffeIdRef<'_>) -> bool {
        *self.text == *other.text
    }
}

serde_as_text!(SpiffeId, "a SPIFFE ID");

/// Checks a whole SPIFFE ID and returns where its path begins.
fn check(id: &[u8]) -> Result<usize, SpiffeIdError> {
    // ID-01
    if !id.starts_with(SCHEME.as_bytes()) {
        let same = id.iter().zip(SCHEME.as_bytes()).take_while(|(a, b)| a == b).count();
        return Err(SpiffeIdError::new(same, SpiffeIdErrorKind::Scheme));
    }
    // ID-16
    if id.len() > SpiffeIdRef::MAX_LENGTH {
        return Err(SpiffeIdError::new(SpiffeIdRef::MAX_LENGTH, SpiffeIdErrorKind::TooLong));
    }
    let rest = id.get(SCHEME.len()..).unwrap_or_default();
    let (domain, mut rest) =
        split_trust_domain(rest).map_err(|error| error.shifted(SCHEME.len()))?;
    let path = SCHEME.len() + domain.len();
    while let [b'/', tail @ ..] = rest {
        let start = id.len() - tail.len();
        // ID-13: "paths … MUST NOT include a trailing /".
        if tail.is_empty() {
            return Err(SpiffeIdError::new(start - 1, SpiffeIdErrorKind::TrailingSlash));
        }
        let segment = segment_of(tail, Some(b'/')).map_err(|error| error.shifted(start))?;
        rest = tail.get(segment.len()..).unwrap_or_default();
    }
    Ok(path)
}

/// What a path segment is made of.
static SEGMENT: Alphabet =
    Alphabet::of(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

/// SPIFFE-ID section 2.2: the segment that `text` begins with, which goes on to its end or to `until`;
/// offsets count from its first byte.
fn segment_of(text: &[u8], until: Option<u8>) -> Result<&[u8], SpiffeIdError> {
    let end = text.iter().position(|&byte| !SEGMENT.contains(byte)).unwrap_or(text.len());
    let (segment, behind) = text.split_at_checked(end).unwrap_or((text, &[]));
    if let Some(&byte) = behind.first()
        && Some(byte) != until
    {
        let kind = match byte {
            // ID-11
            b'%' => SpiffeIdErrorKind::PercentEncoding,
            // ID-03
            b'?' => SpiffeIdErrorKind::Query,
            b'#' => SpiffeIdErrorKind::Fragment,
            // ID-14
            _ => SpiffeIdErrorKind::SegmentCharacter(byte),
        };
        return Err(SpiffeIdError::new(end, kind));
    }
    // ID-12
    match segment {
        b"" => Err(SpiffeIdError::new(0, SpiffeIdErrorKind::EmptySegment)),
        b"." | b".." => Err(SpiffeIdError::new(0, SpiffeIdErrorKind::DotSegment)),
        _ => Ok(segment),
    }
}

/// SPIFFE-ID section 2.2 on one segment; offsets count from its first byte.
pub(super) fn check_segment(segment: &[u8]) -> Result<(), SpiffeIdError> {
    segment_of(segment, None).map(|_| ())
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn an_id_is_taken_apart_and_put_together() {
        let cases: [(&str, &str, &str, &str, &[&str]); 6] = [
            ("trust domain alone", "spiffe://td", "td", "", &[]),
            (
                "id-15 hierarchy",
                "spiffe://td/ns/a/sa/b",
                "td",
                "/ns/a/sa/b",
                &["ns", "a", "sa", "b"],
            ),
            ("id-10 path keeps case", "spiffe://td/A/a", "td", "/A/a", &["A", "a"]),
            ("id-12 three dots", "spiffe://td/...", "td", "/...", &["..."]),
            ("id-12 hidden name", "spiffe://td/.a", "td", "/.a", &[".a"]),
            ("id-14 alphabet", "spiffe://t_d/a-Z_0.9", "t_d", "/a-Z_0.9", &["a-Z_0.9"]),
        ];
        for (case, text, domain, path, segments) in cases {
            let id = SpiffeId::parse(text).unwrap();
            assert_eq!(id.trust_domain().as_str(), domain, "{case}");
            assert_eq!(id.path(), path, "{case}");
            assert_eq!(id.has_path(), !path.is_empty(), "{case}");
            assert_eq!(id.segments().collect::<Vec<_>>(), segments, "{case}");
            let domain = id.trust_domain();
            assert_eq!(
                SpiffeId::from_segments(domain, segments.iter().copied()).as_ref(),
                Ok(&id),
                "{case}"
            );
            assert_eq!(id.to_string().parse(), Ok(id.clone()), "{case}");
            assert_eq!(id, SpiffeIdRef::parse_bytes(text.as_bytes()).unwrap(), "{case}");
        }
    }

    #[test]
    fn a_text_that_is_no_id_is_refused_at_the_byte_at_fault() {
        let cases: [(&str, &[u8], usize, &str); 24] = [
            ("id-01 nothing", b"", 0, "spiffe-id.scheme"),
            ("id-01 other scheme", b"https://td", 0, "spiffe-id.scheme"),
            ("id-01 one slash", b"spiffe:/td", 8, "spiffe-id.scheme"),
            ("id-01 leading blank", b" spiffe://td", 0, "spiffe-id.scheme"),
            ("id-05 upper-case scheme", b"Spiffe://td", 0, "spiffe-id.scheme"),
            ("id-05 upper-case domain", b"spiffe://tD/a", 10, "spiffe-id.upper-case"),
            ("id-02 no domain", b"spiffe://", 9, "spiffe-id.empty-trust-domain"),
            ("id-02 path alone", b"spiffe:///a", 9, "spiffe-id.empty-trust-domain"),
            ("id-03 query", b"spiffe://td/a?b", 13, "spiffe-id.query"),
            ("id-03 empty query", b"spiffe://td?", 11, "spiffe-id.query"),
            ("id-03 empty fragment", b"spiffe://td/a#", 13, "spiffe-id.fragment"),
            ("id-04 port", b"spiffe://td:1/a", 11, "spiffe-id.port"),
            ("id-04 empty userinfo", b"spiffe://@td", 9, "spiffe-id.userinfo"),
            ("id-06 not ascii", b"spiffe://\xff/a", 9, "spiffe-id.trust-domain-character"),
            ("id-07", b"spiffe://t%64", 10, "spiffe-id.percent-encoding"),
            ("id-09", b"spiffe://[::1]/a", 9, "spiffe-id.trust-domain-character"),
            ("id-11", b"spiffe://td/%61", 12, "spiffe-id.percent-encoding"),
            ("id-12 empty", b"spiffe://td//a", 12, "spiffe-id.empty-segment"),
            ("id-12 dot", b"spiffe://td/./a", 12, "spiffe-id.dot-segment"),
            ("id-12 dots", b"spiffe://td/a/..", 14, "spiffe-id.dot-segment"),
            ("id-13 root", b"spiffe://td/", 11, "spiffe-id.trailing-slash"),
            ("id-13", b"spiffe://td/a/", 13, "spiffe-id.trailing-slash"),
            ("id-14 line feed", b"spiffe://td/a\n", 13, "spiffe-id.segment-character"),
            ("id-14 not utf-8", b"spiffe://td/\xc3", 12, "spiffe-id.segment-character"),
        ];
        for (case, text, offset, code) in cases {
            let error = SpiffeIdRef::parse_bytes(text).unwrap_err();
            assert_eq!((error.offset(), error.code()), (offset, code), "{case}");
            if let Ok(text) = core::str::from_utf8(text) {
                assert_eq!(SpiffeId::parse(text), Err(error), "{case}");
            }
        }
    }

    #[test]
    fn id_05_and_id_10_only_the_lenient_parser_takes_upper_case() {
        for text in ["SPIFFE://td/A", "spiffe://TD/A", "sPiFFe://Td/A"] {
            assert!(SpiffeId::parse(text).is_err(), "{text}");
            assert_eq!(SpiffeId::parse_lenient(text).unwrap().as_str(), "spiffe://td/A");
        }
        let error = SpiffeId::parse_lenient("SPIFFE://TD//A").unwrap_err();
        assert_eq!((error.offset(), error.code()), (12, "spiffe-id.empty-segment"));
        assert_eq!(SpiffeId::parse_lenient("spïffe://td").unwrap_err().code(), "spiffe-id.scheme");
    }

    #[test]
    fn id_16_an_id_has_at_most_2048_bytes() {
        let stem = "spiffe://td/";
        let longest = format!("{stem}{}", "a".repeat(2_048 - stem.len()));
        assert_eq!(SpiffeId::parse(&longest).unwrap().as_str().len(), 2_048);
        for parse in [SpiffeId::parse, SpiffeId::parse_lenient] {
            let error = parse(&format!("{longest}a")).unwrap_err();
            assert_eq!((error.offset(), error.code()), (2_048, "spiffe-id.too-long"));
        }
        let shouted = format!("{longest}a").to_ascii_uppercase();
        assert_eq!(SpiffeId::parse_lenient(&shouted).unwrap_err().code(), "spiffe-id.too-long");
        let id = SpiffeId::parse(&longest).unwrap();
        assert_eq!(id.join("a").unwrap_err().code(), "spiffe-id.too-long");
        let short = SpiffeId::parse("spiffe://td").unwrap();
        assert!(short.join(&"a".repeat(2_036)).is_ok());
        assert_eq!(short.join(&"a".repeat(2_037)).unwrap_err().code(), "spiffe-id.too-long");
    }

    #[test]
    fn join_takes_whole_segments_and_parent_takes_them_off() {
        let root = SpiffeId::parse("spiffe://td").unwrap();
        let id = root.join("ns").unwrap().join("a").unwrap();
        assert_eq!(id.as_str(), "spiffe://td/ns/a");
        assert_eq!(id.parent().unwrap().as_str(), "spiffe://td/ns");
        assert_eq!(root, id.parent().and_then(SpiffeIdRef::parent).unwrap());
        assert_eq!(root.parent(), None);
        let refused = [
            ("deeper by a slash", "a/b", 13, "spiffe-id.segment-character"),
            ("empty", "", 12, "spiffe-id.empty-segment"),
            ("up", "..", 12, "spiffe-id.dot-segment"),
        ];
        for (case, segment, offset, code) in refused {
            let error = root.join(segment).unwrap_err();
            assert_eq!((error.offset(), error.code()), (offset, code), "{case}");
        }
    }

    #[test]
    fn every_single_byte_is_judged_alike_in_text_and_alphabet() {
        for byte in 0..=u8::MAX {
            let segment = [b"spiffe://td/a".as_slice(), &[byte], b"b"].concat();
            let allowed = byte.is_ascii_alphanumeric() || b".-_/".contains(&byte);
            assert_eq!(SpiffeIdRef::parse_bytes(&segment).is_ok(), allowed, "path 0x{byte:02x}");
            let domain = [b"spiffe://t".as_slice(), &[byte], b"d"].concat();
            let allowed = allowed && !byte.is_ascii_uppercase();
            assert_eq!(SpiffeIdRef::parse_bytes(&domain).is_ok(), allowed, "domain 0x{byte:02x}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serde_reads_and_writes_text() {
        let id = SpiffeId::parse("spiffe://td/a").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"spiffe://td/a\"");
        assert_eq!(serde_json::from_str::<SpiffeId>("\"spiffe://td/a\"").unwrap(), id);
        assert!(serde_json::from_str::<SpiffeId>("\"spiffe://td/\"").is_err());
    }
}
