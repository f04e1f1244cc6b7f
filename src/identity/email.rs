//! Mailboxes: the rfc822Name of a certificate.
//!
//! RFC 5280 section 4.2.1.6: an rfc822Name is a `Mailbox` of RFC 5321 section 4.1.2, `Local-part "@"
//! Domain`. Section 7.5: the local part is compared exactly, the host without regard to case. A quoted
//! local part is stored without quotes where it needs none, as RFC 5321 tells that both forms name one
//! mailbox. An address literal (`user@[10.0.0.1]`) is refused: it names no host. Addresses beyond ASCII
//! (SmtpUTF8Mailbox, RFC 9598) are another kind of name.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use super::dns::DnsName;
use super::error::{NameError, NameErrorKind};
use super::text::serde_as_text;

/// Longest local part (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// A mailbox: a local part, compared exactly, at a host in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox {
    // INVARIANT: printable ASCII, 1 to 64 bytes, without quotes and escapes.
    local: Arc<str>,
    host: DnsName,
}

impl Mailbox {
    /// Reads `local@host`.
    ///
    /// # Errors
    ///
    /// [`NameError`] with the first byte at fault and the rule it breaks.
    ///
    /// # Examples
    ///
    /// ```
    /// use bonafide::identity::Mailbox;
    ///
    /// assert_eq!(Mailbox::parse("Ann@Example.ORG")?.to_string(), "Ann@example.org");
    /// assert_eq!(Mailbox::parse("example.org").unwrap_err().code(), "name.no-at");
    /// # Ok::<(), bonafide::identity::NameError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, NameError> {
        // A host holds no `@`, a quoted local part may.
        let at = text.rfind('@').ok_or(NameError::new(0, NameErrorKind::NoAt))?;
        let local = text.get(..at).unwrap_or_default();
        let host = text.get(at + 1..).unwrap_or_default();
        let local = parse_local(local)?;
        let host = parse_host(host).map_err(|error| error.shifted(at + 1))?;
        Ok(Self { local: Arc::from(local), host })
    }

    /// Returns the local part, without quotes.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.local
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &DnsName {
        &self.host
    }
}

impl FromStr for Mailbox {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local) {
            return write!(f, "{}@{}", self.local, self.host);
        }
        f.write_str("\"")?;
        for character in self.local.chars() {
            if matches!(character, '"' | '\\') {
                f.write_str("\\")?;
            }
            fmt::Write::write_char(f, character)?;
        }
        write!(f, "\"@{}", self.host)
    }
}

serde_as_text!(Mailbox, "a mailbox");

/// Reads the host of a mailbox, where a trailing dot is not allowed.
pub(super) fn parse_host(host: &str) -> Result<DnsName, NameError> {
    if host.len() > 1 && host.ends_with('.') {
        return Err(NameError::new(host.len() - 1, NameErrorKind::EmptyLabel));
    }
    DnsName::parse(host)
}

/// RFC 5321 section 4.1.2: `Local-part = Dot-string / Quoted-string`.
fn parse_local(local: &str) -> Result<String, NameError> {
    let mut value = String::new();
    match local.strip_prefix('"') {
        None if is_dot_string(local) => value.push_str(local),
        None => return Err(NameError::new(0, NameErrorKind::LocalPart)),
        Some(quoted) => {
            let error = NameError::new(0, NameErrorKind::LocalPart);
            let mut characters = quoted.strip_suffix('"').ok_or(error)?.char_indices();
            while let Some((at, character)) = characters.next() {
                let taken = match character {
                    '\\' => characters.next().map(|(_, escaped)| escaped),
                    '"' => None,
                    other => Some(other),
                };
                let printable = taken.filter(|taken| (' '..='~').contains(taken));
                value.push(printable.ok_or(NameError::new(at + 1, NameErrorKind::LocalPart))?);
            }
        }
    }
    match value.len() {
        0 => Err(NameError::new(0, NameErrorKind::LocalPart)),
        1..=MAX_LOCAL => Ok(value),
        _ => Err(NameError::new(MAX_LOCAL, NameErrorKind::TooLong(MAX_LOCAL))),
    }
}

/// RFC 5321 section 4.1.2: `Dot-string = Atom *("." Atom)`.
fn is_dot_string(local: &str) -> bool {
    let atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(atext))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_mailbox_is_a_local_part_at_a_host() {
        let cases = [
            ("plain", "ann@example.org", Ok("ann@example.org")),
            ("case of both parts", "Ann@EXAMPLE.org", Ok("Ann@example.org")),
            ("atoms", "a.b+c@x", Ok("a.b+c@x")),
            ("needless quotes", "\"ann\"@x", Ok("ann@x")),
            ("needless escape", "\"a\\nn\"@x", Ok("ann@x")),
            ("quoted at", "\"a@b\"@x", Ok("\"a@b\"@x")),
            ("quoted quote", "\"a\\\"b\\\\\"@x", Ok("\"a\\\"b\\\\\"@x")),
            ("no at", "example.org", Err((0, "name.no-at"))),
            ("no local part", "@x", Err((0, "name.local-part"))),
            ("empty quotes", "\"\"@x", Err((0, "name.local-part"))),
            ("bare at", "a@b@x", Err((0, "name.local-part"))),
            ("two dots", "a..b@x", Err((0, "name.local-part"))),
            ("quote inside", "\"a\"b\"@x", Err((2, "name.local-part"))),
            ("escape at the end", "\"a\\\"@x", Err((2, "name.local-part"))),
            ("line feed", "\"a\n\"@x", Err((2, "name.local-part"))),
            ("unicode", "é@x", Err((0, "name.local-part"))),
            ("no host", "a@", Err((2, "name.empty"))),
            ("trailing dot", "a@x.", Err((3, "name.empty-label"))),
            ("address literal", "a@[10.0.0.1]", Err((2, "name.character"))),
        ];
        for (case, text, expected) in cases {
            let found = Mailbox::parse(text);
            if let Ok(mailbox) = &found {
                assert_eq!(mailbox.to_string().parse().as_ref(), Ok(mailbox), "{case}");
            }
            let found = found.map(|mailbox| mailbox.to_string());
            let found = found.as_deref().map_err(|error| (error.offset(), error.code()));
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn a_local_part_has_at_most_64_bytes() {
        assert!(Mailbox::parse(&format!("{}@x", "a".repeat(64))).is_ok());
        let error = Mailbox::parse(&format!("{}@x", "a".repeat(65))).unwrap_err();
        assert_eq!(error.code(), "name.too-long");
    }
}
