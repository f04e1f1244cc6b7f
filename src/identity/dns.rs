//! DNS names: what a caller expects, and what a certificate presents.
//!
//! RFC 9525 keeps two things apart. The *reference* identifier ([`DnsName`]) comes from the caller and
//! is one name. The *presented* one ([`PresentedDnsName`], or raw text in [`dns_presented_matches`])
//! comes from a certificate and may be a wildcard. Only a well-formed presented name matches.
//!
//! Choices of this file:
//! - An underscore is allowed in a label. RFC 1123 host names have none, yet service discovery writes
//!   them and certificates carry them; both sides are compared byte by byte, so nothing is confused.
//! - One trailing dot of a reference name is taken off: `example.org.` and `example.org` ask for the
//!   same host. In a certificate a trailing dot is an error (RFC 5280 section 4.2.1.6 wants the
//!   preferred name syntax, which has none).
//! - A last label of digits only, or `0x` and hexadecimal digits, is refused in a reference name: other
//!   software reads such a name as an IPv4 address, and an address is never matched to a dNSName.
//! - Names are ASCII. An internationalised name is given in its A-label form (`xn--…`).
//! - How many labels must follow a wildcard (`*.org`) is a matter of policy, not of matching.

use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use super::error::{NameError, NameErrorKind};
use super::text::serde_as_text;

/// Longest name in text form (RFC 1035 section 2.3.4: 255 octets on the wire).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A DNS name that a caller expects, in lower case, without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(
    // INVARIANT: labels of 1 to 63 of `a-z 0-9 - _`, no hyphen at their ends; 1 to 253 bytes; the last
    // label is no number.
    Arc<str>,
);

impl DnsName {
    /// Reads a host name in any case, with or without one trailing dot.
    ///
    /// # Errors
    ///
    /// [`NameError`] with the first byte at fault and the rule it breaks.
    ///
    /// # Examples
    ///
    /// ```
    /// use bonafide::identity::DnsName;
    ///
    /// assert_eq!(DnsName::parse("WWW.example.org.")?.as_str(), "www.example.org");
    /// assert_eq!(DnsName::parse("10.0.0.1").unwrap_err().code(), "name.numeric-last-label");
    /// assert_eq!(DnsName::parse("*.example.org").unwrap_err().code(), "name.wildcard");
    /// # Ok::<(), bonafide::identity::NameError>(())
    /// ```
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let bare = name.strip_suffix('.').filter(|bare| !bare.is_empty()).unwrap_or(name);
        check_labels(bare)?;
        let last = bare.rfind('.').map_or(0, |dot| dot + 1);
        if bare.get(last..).is_some_and(is_number) {
            return Err(NameError::new(last, NameErrorKind::NumericLastLabel));
        }
        Ok(Self(Arc::from(bare.to_ascii_lowercase())))
    }

    /// Returns the name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DnsName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::parse(name)
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(DnsName, "a DNS name");

/// A dNSName as a certificate presents it, perhaps a wildcard, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PresentedDnsName(
    // INVARIANT: labels as in `DnsName`; the first may be `*` if others follow.
    Arc<str>,
);

impl PresentedDnsName {
    /// Reads a dNSName of a certificate.
    ///
    /// # Errors
    ///
    /// [`NameError`] with the first byte at fault and the rule it breaks.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        match name.strip_prefix("*.") {
            Some(base) => {
                check_labels(base).map_err(|error| error.shifted(2))?;
                if name.len() > MAX_NAME {
                    return Err(NameError::new(MAX_NAME, NameErrorKind::TooLong(MAX_NAME)));
                }
            }
            None => check_labels(name)?,
        }
        Ok(Self(Arc::from(name.to_ascii_lowercase())))
    }

    /// Returns the name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the left-most label is a wildcard.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with('*')
    }

    /// Whether the presented name speaks for the expected one.
    #[must_use]
    pub fn matches(&self, reference: &DnsName) -> bool {
        dns_presented_matches(&self.0, reference)
    }
}

impl FromStr for PresentedDnsName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::parse(name)
    }
}

impl From<&DnsName> for PresentedDnsName {
    fn from(name: &DnsName) -> Self {
        Self(Arc::clone(&name.0))
    }
}

impl fmt::Display for PresentedDnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(PresentedDnsName, "a DNS name, perhaps with a wildcard");

/// Whether a dNSName of a certificate speaks for the expected name (RFC 9525 section 6.3, RFC 6125
/// section 6.4).
///
/// The wildcard stands only as the whole left-most label, for exactly one label. A malformed pattern
/// matches nothing, without being checked for it: the expected name is well formed, and what equals
/// it is too. Allocates nothing.
#[must_use]
pub fn dns_presented_matches(pattern: &str, reference: &DnsName) -> bool {
    let reference = &*reference.0;
    // RFC 9525 section 6.3: "There is only one wildcard character" and it "appears only as the
    // complete content of the left-most label".
    match pattern.strip_prefix("*.") {
        Some(base) => reference
            .split_once('.')
            .is_some_and(|(_, reference)| base.eq_ignore_ascii_case(reference)),
        None => pattern.eq_ignore_ascii_case(reference),
    }
}

/// Whether a dNSName of a certificate is in the preferred name syntax that RFC 5280 section 4.2.1.6
/// asks for (RFC 1034 section 3.5, with the digits of RFC 1123 section 2.1), at most with `*.` before
/// it: no underscore, and nothing that reads as an IPv4 address.
pub(crate) fn is_preferred_name(pattern: &str) -> bool {
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    pattern.len() <= MAX_NAME
        && check_labels(name).is_ok()
        && !name.contains('_')
        && !name.rsplit('.').next().is_some_and(is_number)
}

/// Checks that a name is one or more labels, none of them a wildcard.
pub(super) fn check_labels(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::new(0, NameErrorKind::Empty));
    }
    if name.len() > MAX_NAME {
        return Err(NameError::new(MAX_NAME, NameErrorKind::TooLong(MAX_NAME)));
    }
    let mut start = 0;
    for label in name.as_bytes().split(|&byte| byte == b'.') {
        if label.is_empty() {
            return Err(NameError::new(start, NameErrorKind::EmptyLabel));
        }
        if label.len() > MAX_LABEL {
            return Err(NameError::new(start + MAX_LABEL, NameErrorKind::LabelTooLong));
        }
        let wrong = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_');
        if let Some((at, &byte)) = label.iter().enumerate().find(|(_, byte)| wrong(byte)) {
            let kind = match byte {
                b'*' => NameErrorKind::Wildcard,
                byte => NameErrorKind::Character(byte),
            };
            return Err(NameError::new(start + at, kind));
        }
        if label.starts_with(b"-") {
            return Err(NameError::new(start, NameErrorKind::LabelHyphen));
        }
        if label.ends_with(b"-") {
            return Err(NameError::new(start + label.len() - 1, NameErrorKind::LabelHyphen));
        }
        start += label.len() + 1;
    }
    Ok(())
}

/// Whether other software would take the label as a number of an IPv4 address (WHATWG URL,
/// "ends in a number").
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn preferred_names_have_letters_digits_and_hyphens_only() {
        for name in ["a.example", "*.example.org", "xn--bcher-kva.example", "3com.example", "host"]
        {
            assert!(is_preferred_name(name), "{name}");
        }
        for name in [
            "",
            "*",
            "a_b.example",
            "a..example",
            "a.example.",
            ".example",
            "ba*.example",
            "xn--*-1b.example",
            "a.*.example",
            "*.*.example",
            "-a.example",
            "8.8.8.8",
            "a b.example",
        ] {
            assert!(!is_preferred_name(name), "{name}");
        }
        let label = "a".repeat(61);
        assert!(!is_preferred_name(&format!("*.{label}.{label}.{label}.{label}.abcde")));
    }

    #[test]
    fn a_reference_name_is_labels_of_letters_digits_and_hyphens() {
        let cases = [
            ("lower case", "Example.ORG", Ok("example.org")),
            ("one label", "localhost", Ok("localhost")),
            ("trailing dot", "a.b.", Ok("a.b")),
            ("a-label", "xn--bcher-kva.example", Ok("xn--bcher-kva.example")),
            ("underscore", "_grpc.a_b.c", Ok("_grpc.a_b.c")),
            ("digits, not last", "1.2.3.4.in-addr.arpa", Ok("1.2.3.4.in-addr.arpa")),
            ("digits in the last label", "a.b1", Ok("a.b1")),
            ("empty", "", Err((0, "name.empty"))),
            ("a dot", ".", Err((0, "name.empty-label"))),
            ("two dots at the end", "a..", Err((2, "name.empty-label"))),
            ("leading dot", ".a", Err((0, "name.empty-label"))),
            ("empty label", "a..b", Err((2, "name.empty-label"))),
            ("leading hyphen", "a.-b", Err((2, "name.label-hyphen"))),
            ("trailing hyphen", "a-.b", Err((1, "name.label-hyphen"))),
            ("wildcard", "*.a", Err((0, "name.wildcard"))),
            ("blank", "a b", Err((1, "name.character"))),
            ("unicode", "bücher.example", Err((1, "name.character"))),
            ("nul", "a\0.b", Err((1, "name.character"))),
            ("port", "a:1", Err((1, "name.character"))),
            ("ipv4", "127.0.0.1", Err((8, "name.numeric-last-label"))),
            ("ipv4 with a dot", "127.0.0.1.", Err((8, "name.numeric-last-label"))),
            ("hexadecimal address", "0x7f000001", Err((0, "name.numeric-last-label"))),
            ("ipv6", "::1", Err((0, "name.character"))),
        ];
        for (case, name, expected) in cases {
            let found = DnsName::parse(name);
            let found = found.as_ref().map(DnsName::as_str);
            assert_eq!(found.map_err(|error| (error.offset(), error.code())), expected, "{case}");
        }
    }

    #[test]
    fn names_have_at_most_253_bytes_and_labels_63() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        assert_eq!(DnsName::parse(&longest).unwrap().as_str().len(), 253);
        assert_eq!(DnsName::parse(&format!("{longest}a")).unwrap_err().code(), "name.too-long");
        let error = DnsName::parse(&format!("b.{label}a")).unwrap_err();
        assert_eq!((error.offset(), error.code()), (65, "name.label-too-long"));
        assert_eq!(PresentedDnsName::parse(&format!("*.{longest}")).unwrap_err().offset(), 253);
    }

    #[test]
    fn a_presented_name_matches_by_rfc_9525() {
        let cases = [
            ("same", "a.example.org", "a.example.org", true),
            ("case", "A.Example.ORG", "a.example.org", true),
            ("other", "b.example.org", "a.example.org", false),
            ("wildcard, one label", "*.example.org", "a.example.org", true),
            ("wildcard, case", "*.EXAMPLE.org", "a.example.org", true),
            ("wildcard, a-label", "*.example.org", "xn--a.example.org", true),
            ("wildcard, no label", "*.example.org", "example.org", false),
            ("wildcard, two labels", "*.example.org", "a.b.example.org", false),
            ("wildcard over a top label", "*.org", "example.org", true),
            ("wildcard alone", "*", "localhost", false),
            ("wildcard and a dot", "*.", "localhost", false),
            ("wildcard not left-most", "a.*.org", "a.example.org", false),
            ("two wildcards", "*.*.org", "a.example.org", false),
            ("two wildcards in one label", "**.example.org", "a.example.org", false),
            ("part of a label", "f*o.example.org", "foo.example.org", false),
            ("part of an a-label", "xn--*.example.org", "xn--a.example.org", false),
            ("suffix of a label", "*ample.org", "example.org", false),
            ("leading dot", ".example.org", "a.example.org", false),
            ("trailing dot", "a.example.org.", "a.example.org", false),
            ("wildcard, trailing dot", "*.example.org.", "a.example.org", false),
            ("nul", "a.example.org\0.b", "a.example.org", false),
            ("empty", "", "a", false),
        ];
        for (case, presented, reference, expected) in cases {
            let reference = DnsName::parse(reference).unwrap();
            assert_eq!(dns_presented_matches(presented, &reference), expected, "{case}");
            let parsed = PresentedDnsName::parse(presented);
            assert_eq!(parsed.is_ok_and(|name| name.matches(&reference)), expected, "{case}");
        }
    }

    #[test]
    fn a_malformed_presented_name_is_refused() {
        let cases = [
            ("wildcard alone", "*", 0, "name.wildcard"),
            ("wildcard and a dot", "*.", 2, "name.empty"),
            ("part of a label", "f*o.x", 1, "name.wildcard"),
            ("two wildcards", "*.*.x", 2, "name.wildcard"),
            ("trailing dot", "a.x.", 4, "name.empty-label"),
            ("leading dot", ".x", 0, "name.empty-label"),
        ];
        for (case, name, offset, code) in cases {
            let error = PresentedDnsName::parse(name).unwrap_err();
            assert_eq!((error.offset(), error.code()), (offset, code), "{case}");
        }
        assert!(PresentedDnsName::parse("*.x").unwrap().is_wildcard());
    }
}
