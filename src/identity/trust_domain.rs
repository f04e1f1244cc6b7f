//! Trust domain names.
//!
//! A trust domain name is an opaque label: it has no hierarchy (ID-18: a bundle of `example.org` says
//! nothing of `sub.example.org`) and is not treated differently for looking like a DNS name or an IP
//! address (ID-08), so no function here asks for a parent, a suffix or an address.

use alloc::string::String;
use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;
use core::str::FromStr;

use super::spiffe::{SCHEME, SpiffeId, SpiffeIdError, SpiffeIdErrorKind};
use super::text::serde_as_text;
use crate::x509::text::Alphabet;

/// A trust domain name, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomainRef<'a>(
    // INVARIANT: 1 to 255 bytes of `a-z 0-9 . - _`.
    &'a str,
);

impl<'a> TrustDomainRef<'a> {
    /// Longest trust domain name, in bytes (SPIFFE-ID section 2.3; ID-17).
    pub const MAX_LENGTH: usize = 255;

    /// Reads a trust domain name, without `spiffe://`.
    ///
    /// # Errors
    ///
    /// [`SpiffeIdError`] if the name is empty, too long or holds a byte other than `a-z 0-9 . - _`;
    /// the offset counts from the first byte of the name.
    pub fn parse(name: &'a str) -> Result<Self, SpiffeIdError> {
        check_trust_domain(name.as_bytes()).map(|()| Self(name))
    }

    /// For a name already checked.
    pub(crate) const fn from_checked(name: &'a str) -> Self {
        Self(name)
    }

    /// Returns the name.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Copies the name.
    #[must_use]
    pub fn to_owned(self) -> TrustDomain {
        TrustDomain(Arc::from(self.0))
    }

    /// Returns the SPIFFE ID of the trust domain itself, which has no path (ID-19).
    #[must_use]
    pub fn id(self) -> SpiffeId {
        SpiffeId::from_trust_domain(self)
    }
}

impl fmt::Display for TrustDomainRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// A trust domain name; a clone shares the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomain(
    // INVARIANT: as `TrustDomainRef`.
    Arc<str>,
);

impl TrustDomain {
    /// Reads a trust domain name, without `spiffe://`.
    ///
    /// # Errors
    ///
    /// As [`TrustDomainRef::parse`].
    ///
    /// # Examples
    ///
    /// ```
    /// use bonafide::identity::TrustDomain;
    ///
    /// assert!(TrustDomain::parse("example.org").is_ok());
    /// assert_eq!(TrustDomain::parse("Example.org").unwrap_err().code(), "spiffe-id.upper-case");
    /// ```
    pub fn parse(name: &str) -> Result<Self, SpiffeIdError> {
        TrustDomainRef::parse(name).map(TrustDomainRef::to_owned)
    }

    /// Reads a trust domain name in any case and stores it in lower case.
    ///
    /// See [`SpiffeId::parse_lenient`] for why this exists.
    ///
    /// # Errors
    ///
    /// As [`TrustDomainRef::parse`], without the rule on case.
    pub fn parse_lenient(name: &str) -> Result<Self, SpiffeIdError> {
        if name.len() > TrustDomainRef::MAX_LENGTH {
            let kind = SpiffeIdErrorKind::TrustDomainTooLong;
            return Err(SpiffeIdError::new(TrustDomainRef::MAX_LENGTH, kind));
        }
        Self::parse(&name.to_ascii_lowercase())
    }

    /// Returns the name, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> TrustDomainRef<'_> {
        TrustDomainRef(&self.0)
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the SPIFFE ID of the trust domain itself, which has no path (ID-19).
    #[must_use]
    pub fn id(&self) -> SpiffeId {
        self.borrowed().id()
    }
}

impl Borrow<str> for TrustDomain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<TrustDomainRef<'_>> for TrustDomain {
    fn from(name: TrustDomainRef<'_>) -> Self {
        name.to_owned()
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeIdError;

    fn from_str(name: &str) -> Result<Self, SpiffeIdError> {
        Self::parse(name)
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl PartialEq<TrustDomainRef<'_>> for TrustDomain {
    fn eq(&self, other: &TrustDomainRef<'_>) -> bool {
        *self.0 == *other.0
    }
}

serde_as_text!(TrustDomain, "a trust domain name");

/// What a trust domain name is made of.
static ALPHABET: Alphabet = Alphabet::of(b"abcdefghijklmnopqrstuvwxyz0123456789.-_");

/// The trust domain that `text` begins with, and what follows: a path, or nothing.
pub(super) fn split_trust_domain(text: &[u8]) -> Result<(&[u8], &[u8]), SpiffeIdError> {
    let split_at = |end: usize| text.split_at_checked(end).unwrap_or((text, &[]));
    let end = text.iter().position(|&byte| !ALPHABET.contains(byte)).unwrap_or(text.len());
    let (name, rest) = split_at(end);
    if (1..=TrustDomainRef::MAX_LENGTH).contains(&end) && matches!(rest, [] | [b'/', ..]) {
        return Ok((name, rest));
    }
    // Something is wrong with what stands before the path.
    let end = text.iter().position(|&byte| byte == b'/').unwrap_or(text.len());
    let (name, rest) = split_at(end);
    check_trust_domain(name)?;
    Ok((name, rest))
}

/// SPIFFE-ID section 2.1, on the bytes of a trust domain name; offsets count from its first byte.
pub(super) fn check_trust_domain(name: &[u8]) -> Result<(), SpiffeIdError> {
    // ID-02: "The trust domain name … MUST NOT be empty."
    if name.is_empty() {
        return Err(SpiffeIdError::new(0, SpiffeIdErrorKind::EmptyTrustDomain));
    }
    // ID-17
    let bounded = name.get(..TrustDomainRef::MAX_LENGTH).unwrap_or(name);
    let wrong = bounded.iter().position(|&byte| !ALPHABET.contains(byte));
    if let Some((offset, &byte)) = wrong.and_then(|offset| Some((offset, name.get(offset)?))) {
        let kind = match byte {
            // ID-05, against ID-10: see `SpiffeId::parse_lenient`.
            b'A'..=b'Z' => SpiffeIdErrorKind::UpperCase,
            // ID-04: "the userinfo and port … MUST be empty", their delimiters included.
            b'@' => SpiffeIdErrorKind::UserInfo,
            b':' => SpiffeIdErrorKind::Port,
            // ID-07
            b'%' => SpiffeIdErrorKind::PercentEncoding,
            // ID-03
            b'?' => SpiffeIdErrorKind::Query,
            b'#' => SpiffeIdErrorKind::Fragment,
            // ID-06; `[` of an IPv6 literal ends here too (ID-09).
            _ => SpiffeIdErrorKind::TrustDomainCharacter(byte),
        };
        return Err(SpiffeIdError::new(offset, kind));
    }
    if bounded.len() < name.len() {
        return Err(SpiffeIdError::new(bounded.len(), SpiffeIdErrorKind::TrustDomainTooLong));
    }
    Ok(())
}

/// The text `spiffe://` and the name.
pub(super) fn id_text(name: TrustDomainRef<'_>, capacity: usize) -> String {
    let mut text = String::with_capacity(SCHEME.len() + name.0.len() + capacity);
    text.push_str(SCHEME);
    text.push_str(name.0);
    text
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn names_are_opaque_text_of_a_small_alphabet() {
        let accepted = [
            ("dns name", "example.org"),
            ("id-06 underscore", "a_b"),
            ("id-08 dotted quad", "127.0.0.1"),
            ("id-08 no dns rules", "-a-"),
            ("id-08 empty labels", "a..b"),
            ("id-08 dots alone", ".."),
            ("id-08 digits alone", "123"),
        ];
        for (case, name) in accepted {
            let domain = TrustDomain::parse(name).unwrap();
            assert_eq!(domain.to_string(), name, "{case}");
            assert_eq!(domain.id().to_string(), format!("spiffe://{name}"), "{case}");
            assert_eq!(domain, TrustDomainRef::parse(name).unwrap(), "{case}");
        }
        let refused = [
            ("id-02 empty", "", 0, "spiffe-id.empty-trust-domain"),
            ("id-03 query", "a?", 1, "spiffe-id.query"),
            ("id-03 fragment", "a#", 1, "spiffe-id.fragment"),
            ("id-04 port", "a:1", 1, "spiffe-id.port"),
            ("id-04 userinfo", "u@a", 1, "spiffe-id.userinfo"),
            ("id-05 upper case", "aB", 1, "spiffe-id.upper-case"),
            ("id-06 blank", "a b", 1, "spiffe-id.trust-domain-character"),
            ("id-06 unicode", "ä", 0, "spiffe-id.trust-domain-character"),
            ("id-07 percent", "a%41", 1, "spiffe-id.percent-encoding"),
            ("id-09 ipv6", "[::1]", 0, "spiffe-id.trust-domain-character"),
            ("a path", "a/b", 1, "spiffe-id.trust-domain-character"),
        ];
        for (case, name, offset, code) in refused {
            let error = TrustDomain::parse(name).unwrap_err();
            assert_eq!((error.offset(), error.code()), (offset, code), "{case}");
        }
    }

    #[test]
    fn id_17_a_name_has_at_most_255_bytes() {
        assert!(TrustDomain::parse(&"a".repeat(255)).is_ok());
        for parse in [TrustDomain::parse, TrustDomain::parse_lenient] {
            let error = parse(&"a".repeat(256)).unwrap_err();
            assert_eq!((error.offset(), error.code()), (255, "spiffe-id.trust-domain-too-long"));
        }
    }

    #[test]
    fn id_18_names_have_no_hierarchy() {
        let map = BTreeMap::from([(TrustDomain::parse("example.org").unwrap(), 1)]);
        assert_eq!(map.get("example.org"), Some(&1));
        assert_eq!(map.get("sub.example.org"), None);
    }

    #[test]
    fn the_lenient_parser_gives_up_only_case() {
        assert_eq!(TrustDomain::parse_lenient("EXAMPLE.org").unwrap().as_str(), "example.org");
        let error = TrustDomain::parse_lenient("EXAMPLE.org:1").unwrap_err();
        assert_eq!((error.offset(), error.code()), (11, "spiffe-id.port"));
    }
}
