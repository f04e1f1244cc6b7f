//! Workload URIs other than SPIFFE IDs: `wimse://…`, `https://…`, `urn:…`.
//!
//! A [`WorkloadUri`] is an `absolute-URI` of RFC 3986 section 4.3 (no fragment), never with the scheme
//! `spiffe`, so that no text is both a SPIFFE ID and a workload URI. Which trust domain may speak for
//! which URIs is configuration, not derived here.
//!
//! It is stored in one normal form, so that equality is byte equality and no other spelling gets past a
//! pattern: scheme, host and the namespace of a URN in lower case, percent-encodings in upper case and
//! taken away where they encode an unreserved character (RFC 3986 section 6.2.2.1 and 6.2.2.2, RFC 8141
//! section 3.1).
//!
//! *Specification*: RFC 3986 removes dot segments (6.2.2.3). *Enforced here*: they are refused, as are
//! userinfo, percent-encoding in the host, an empty host and an empty port: no issuer has a reason to
//! write them into an identity.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::{self, Write as _};
use core::net::Ipv6Addr;
use core::str::FromStr;

use super::error::{NameError, NameErrorKind};
use super::text::serde_as_text;

/// A URI that names a workload and is no SPIFFE ID; a clone shares the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadUri {
    // INVARIANT: the normal form of the module header.
    text: Arc<str>,
    // INVARIANT: where the path begins and ends; follows from `text`.
    path: usize,
    path_end: usize,
}

impl WorkloadUri {
    /// Longest URI, in bytes; the bound of SPIFFE IDs (ID-16).
    pub const MAX_LENGTH: usize = 2_048;

    /// Reads an absolute URI.
    ///
    /// # Errors
    ///
    /// [`NameError`] with the first byte at fault and the rule it breaks.
    ///
    /// # Examples
    ///
    /// ```
    /// use bonafide::identity::WorkloadUri;
    ///
    /// let uri = WorkloadUri::parse("WIMSE://Example.org/web")?;
    /// assert_eq!(uri.as_str(), "wimse://example.org/web");
    ///
    /// let error = WorkloadUri::parse("Spiffe://example.org/web").unwrap_err();
    /// assert_eq!(error.code(), "name.spiffe-scheme");
    /// # Ok::<(), bonafide::identity::NameError>(())
    /// ```
    pub fn parse(uri: &str) -> Result<Self, NameError> {
        if uri.len() > Self::MAX_LENGTH {
            let kind = NameErrorKind::TooLong(Self::MAX_LENGTH);
            return Err(NameError::new(Self::MAX_LENGTH, kind));
        }
        let mut text = String::with_capacity(uri.len());
        let (scheme, rest) = uri.split_once(':').ok_or(not_absolute(0))?;
        push_scheme(scheme, &mut text)?;
        let mut at = scheme.len() + 1;

        let mut hierarchy = rest;
        let mut path = text.len();
        if let Some(after) = rest.strip_prefix("//") {
            let end = after.find(['/', '?', '#']).unwrap_or(after.len());
            let (authority, remainder) = after.split_at_checked(end).unwrap_or_default();
            text.push_str("//");
            push_authority(authority, &mut text).map_err(|error| error.shifted(at + 2))?;
            at += 2 + authority.len();
            hierarchy = remainder;
            path = text.len();
        } else if rest.is_empty() || rest.starts_with(['?', '#']) {
            return Err(not_absolute(at));
        } else if scheme.eq_ignore_ascii_case("urn") {
            let namespace = check_urn(rest).map_err(|error| error.shifted(at))?;
            text.push_str(&namespace.to_ascii_lowercase());
            at += namespace.len();
            hierarchy = rest.get(namespace.len()..).unwrap_or_default();
        }

        let (segments, query) = match hierarchy.split_once('?') {
            Some((segments, query)) => (segments, Some(query)),
            None => (hierarchy, None),
        };
        push_normal(segments, b"/", &mut text).map_err(|error| error.shifted(at))?;
        let path_end = text.len();
        let written = text.get(path..).unwrap_or_default();
        if written.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(NameError::new(at, NameErrorKind::DotSegment));
        }
        if let Some(query) = query {
            text.push('?');
            let at = at + segments.len() + 1;
            push_normal(query, b"/?", &mut text).map_err(|error| error.shifted(at))?;
        }
        Ok(Self { text: Arc::from(text), path, path_end })
    }

    /// Returns the URI in its normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the scheme in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.text.split(':').next().unwrap_or_default()
    }

    /// Returns host and port, in lower case; `None` for a URI without them, such as a URN.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.before_path().split_once("://").map(|(_, authority)| authority)
    }

    /// Returns the host in lower case, an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let authority = self.authority()?;
        match authority.rsplit_once(':') {
            Some((host, _)) if !authority.ends_with(']') => Some(host),
            _ => Some(authority),
        }
    }

    /// Returns the path, with its leading slash if it has one.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(self.path..self.path_end).unwrap_or_default()
    }

    /// Returns the query, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_end..)?.strip_prefix('?')
    }

    /// Returns scheme and authority with their delimiters.
    pub(super) fn before_path(&self) -> &str {
        self.text.get(..self.path).unwrap_or_default()
    }
}

impl FromStr for WorkloadUri {
    type Err = NameError;

    fn from_str(uri: &str) -> Result<Self, NameError> {
        Self::parse(uri)
    }
}

impl fmt::Display for WorkloadUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

serde_as_text!(WorkloadUri, "a workload URI that is no SPIFFE ID");

const fn not_absolute(offset: usize) -> NameError {
    NameError::new(offset, NameErrorKind::NotAbsolute)
}

/// RFC 3986 section 3.1: `scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )`.
fn push_scheme(scheme: &str, text: &mut String) -> Result<(), NameError> {
    for (at, character) in scheme.char_indices() {
        let allowed = match character {
            'a'..='z' | 'A'..='Z' => true,
            '0'..='9' | '+' | '-' | '.' => at > 0,
            _ => false,
        };
        if !allowed {
            return Err(not_absolute(at));
        }
        text.push(character.to_ascii_lowercase());
    }
    match text.as_str() {
        "" => Err(not_absolute(0)),
        "spiffe" => Err(NameError::new(0, NameErrorKind::SpiffeScheme)),
        _ => {
            text.push(':');
            Ok(())
        }
    }
}

/// RFC 3986 section 3.2, without userinfo.
fn push_authority(authority: &str, text: &mut String) -> Result<(), NameError> {
    if let Some(at) = authority.find('@') {
        return Err(NameError::new(at, NameErrorKind::UserInfo));
    }
    let end = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end).unwrap_or_default();
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => {
            let address: Ipv6Addr =
                address.parse().map_err(|_| NameError::new(0, NameErrorKind::Host))?;
            // Writing to a string cannot fail.
            let _ = write!(text, "[{address}]");
        }
        None if host.is_empty() => return Err(NameError::new(0, NameErrorKind::Host)),
        None => {
            let wrong = |byte: &u8| !byte.is_ascii_alphanumeric() && !b".-_".contains(byte);
            if let Some(at) = host.bytes().position(|byte| wrong(&byte)) {
                return Err(NameError::new(at, NameErrorKind::Host));
            }
            text.push_str(&host.to_ascii_lowercase());
        }
    }
    if port.is_empty() {
        return Ok(());
    }
    let digits = port.strip_prefix(':').unwrap_or_default();
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if !plain || digits.parse::<u16>().is_err() {
        return Err(NameError::new(end, NameErrorKind::Port));
    }
    text.push_str(port);
    Ok(())
}

/// RFC 8141 section 2: returns the namespace identifier, which something must follow.
fn check_urn(rest: &str) -> Result<&str, NameError> {
    let (namespace, specific) = rest.split_once(':').ok_or(not_absolute(rest.len()))?;
    let wrong = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'-';
    if namespace.is_empty() || specific.is_empty() {
        return Err(not_absolute(namespace.len()));
    }
    match namespace.bytes().enumerate().find(|&(_, byte)| wrong(byte)) {
        Some((at, byte)) => Err(NameError::new(at, NameErrorKind::Character(byte))),
        None => Ok(namespace),
    }
}

/// Writes `pchar`s (RFC 3986 section 3.3) and the delimiters given, normalised.
fn push_normal(part: &str, delimiters: &[u8], text: &mut String) -> Result<(), NameError> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut bytes = part.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'%' {
            let mut digit = || bytes.next().and_then(|(_, byte)| char::from(byte).to_digit(16));
            let (high, low) = (digit(), digit());
            let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            let value = value.ok_or(NameError::new(at, NameErrorKind::PercentEncoding))?;
            if unreserved(value) {
                text.push(char::from(value));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{value:02X}");
            }
            continue;
        }
        if !unreserved(byte) && !b"!$&'()*+,;=:@".contains(&byte) && !delimiters.contains(&byte) {
            let kind = match byte {
                b'#' => NameErrorKind::Fragment,
                byte => NameErrorKind::Character(byte),
            };
            return Err(NameError::new(at, kind));
        }
        text.push(char::from(byte));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_uri_is_stored_in_its_normal_form() {
        let cases = [
            ("wimse", "wimse://example.org/a/b", "wimse://example.org/a/b"),
            ("scheme and host", "HTTPS://Example.ORG/A", "https://example.org/A"),
            ("port", "https://a:8443/x", "https://a:8443/x"),
            ("no path", "https://a", "https://a"),
            ("empty segments stay", "https://a//b/", "https://a//b/"),
            ("ipv6", "https://[0:0::1]:1/a", "https://[::1]:1/a"),
            ("hexadecimal digits", "https://a/%2f", "https://a/%2F"),
            ("unreserved encoded", "https://a/%61%7e", "https://a/a~"),
            ("query", "https://a/b?c=%2f/?", "https://a/b?c=%2F/?"),
            ("urn", "URN:Example:A:b", "urn:example:A:b"),
            ("opaque", "tag:a@b,2020:c", "tag:a@b,2020:c"),
            ("digits in a scheme", "s3+x.y://a", "s3+x.y://a"),
            ("slashes later in an opaque one", "urn:a:b//c", "urn:a:b//c"),
        ];
        for (case, text, normal) in cases {
            let uri = WorkloadUri::parse(text).unwrap();
            assert_eq!(uri.as_str(), normal, "{case}");
            assert_eq!(uri.to_string().parse(), Ok(uri.clone()), "{case}");
            let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
            assert_eq!(format!("{}{}{query}", uri.before_path(), uri.path()), normal, "{case}");
        }
    }

    #[test]
    fn a_uri_is_taken_apart() {
        let uri = WorkloadUri::parse("https://[::1]:1/a/b?c").unwrap();
        assert_eq!((uri.scheme(), uri.authority()), ("https", Some("[::1]:1")));
        assert_eq!((uri.host(), uri.path(), uri.query()), (Some("[::1]"), "/a/b", Some("c")));
        assert_eq!(WorkloadUri::parse("https://[::1]").unwrap().host(), Some("[::1]"));
        assert_eq!(WorkloadUri::parse("https://a:1").unwrap().host(), Some("a"));
        let urn = WorkloadUri::parse("urn:a:b//c").unwrap();
        assert_eq!((urn.host(), urn.path()), (None, "a:b//c"));
    }

    #[test]
    fn a_text_that_is_no_workload_uri_is_refused() {
        let cases = [
            ("empty", "", 0, "name.not-absolute"),
            ("relative", "/a/b", 0, "name.not-absolute"),
            ("no scheme", "://a", 0, "name.not-absolute"),
            ("scheme begins with a digit", "1a://b", 0, "name.not-absolute"),
            ("nothing after the scheme", "https:", 6, "name.not-absolute"),
            ("spiffe", "spiffe://a/b", 0, "name.spiffe-scheme"),
            ("spiffe in any case", "sPIFFE://a/b", 0, "name.spiffe-scheme"),
            ("spiffe without slashes", "spiffe:a", 0, "name.spiffe-scheme"),
            ("userinfo", "https://u@a/", 9, "name.userinfo"),
            ("no host", "https:///a", 8, "name.host"),
            ("host with a percent sign", "https://a%62/", 9, "name.host"),
            ("host with a blank", "https://a b/", 9, "name.host"),
            ("wrong ipv6", "https://[::g]/", 8, "name.host"),
            ("empty port", "https://a:/", 9, "name.port"),
            ("port too large", "https://a:65536/", 9, "name.port"),
            ("port with a sign", "https://a:+1/", 9, "name.port"),
            ("text after ipv6", "https://[::1]a/", 13, "name.port"),
            ("fragment", "https://a/b#c", 11, "name.fragment"),
            ("fragment after a query", "https://a/b?c#", 13, "name.fragment"),
            ("half an encoding", "https://a/%4", 10, "name.percent-encoding"),
            ("no hexadecimal", "https://a/%4g", 10, "name.percent-encoding"),
            ("dot segment", "https://a/./b", 9, "name.dot-segment"),
            ("encoded dots", "https://a/%2e%2E/b", 9, "name.dot-segment"),
            ("blank", "https://a/b c", 11, "name.character"),
            ("quote", "https://a/\"", 10, "name.character"),
            ("unicode", "https://a/ä", 10, "name.character"),
            ("urn without a name", "urn:a", 5, "name.not-absolute"),
            ("urn with an empty name", "urn:a:", 5, "name.not-absolute"),
        ];
        for (case, text, offset, code) in cases {
            let error = WorkloadUri::parse(text).unwrap_err();
            assert_eq!((error.offset(), error.code()), (offset, code), "{case}");
        }
        let long = format!("https://a/{}", "a".repeat(2_039));
        assert_eq!(WorkloadUri::parse(&long).unwrap_err().offset(), 2_048);
    }
}
