//! The grammar of constrained names: host names, mailboxes, addresses and the hosts of URIs, and
//! what lies within what (RFC 5280 section 4.2.1.10).

use super::names::Reading;

/// The base of a subtree of dNSNames.
#[derive(Clone, Copy)]
pub(super) enum DnsBase<'a> {
    /// RFC 5280 4.2.1.10: the name and all below it.
    AtOrBelow(DnsName<'a>),
    /// A leading dot: all names below.
    Below(DnsName<'a>),
    /// A dot alone.
    Nothing,
}

impl<'a> DnsBase<'a> {
    pub(super) fn read(base: &'a str, reading: Reading) -> Option<Self> {
        match base.strip_prefix('.') {
            None => DnsName::read_base(base).map(Self::AtOrBelow),
            Some(_) if reading == Reading::Strict => None,
            Some("") => Some(Self::Nothing),
            Some(rest) => DnsName::read_base(rest).map(Self::Below),
        }
    }

    /// Whether it holds all that `name` stands for.
    pub(super) fn holds(&self, name: &DnsName<'_>) -> bool {
        match self {
            Self::AtOrBelow(base) => name.is_within(base),
            // A wildcard stands for names with one more label than its suffix.
            Self::Below(base) => {
                name.is_within(base) && (name.wildcard || name.suffix.len() > base.suffix.len())
            }
            Self::Nothing => false,
        }
    }

    /// Whether it holds something that `name` stands for.
    pub(super) fn may_hold(&self, name: &DnsName<'_>) -> bool {
        match self {
            Self::AtOrBelow(base) => name.may_be_within(base),
            Self::Below(_) | Self::Nothing => self.holds(name),
        }
    }
}

/// A host name without its final dot.
///
/// INVARIANT: nonempty labels of at most 63 octets of letters, digits, `-`, `_`, and `*` in the
/// first label; as a base also no label at all.
#[derive(Clone, Copy)]
pub(super) struct DnsName<'a> {
    /// What stands after a wildcard label `*.`, or all.
    pub(super) suffix: &'a str,
    pub(super) wildcard: bool,
}

impl<'a> DnsName<'a> {
    pub(super) fn read(name: &'a str) -> Option<Self> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.len() > 253 || !is_host_name(name, true) {
            return None;
        }
        Some(match name.strip_prefix('*') {
            Some("") => Self { suffix: "", wildcard: true },
            Some(rest) if rest.starts_with('.') => {
                Self { suffix: rest.get(1..).unwrap_or(""), wildcard: true }
            }
            _ => Self { suffix: name, wildcard: false },
        })
    }

    /// Reads the base of a subtree: a host name, or nothing at all, which holds all names.
    pub(super) fn read_base(base: &'a str) -> Option<Self> {
        if base.is_empty() {
            return Some(Self { suffix: base, wildcard: false });
        }
        let base = base.strip_suffix('.').unwrap_or(base);
        is_host_name(base, false).then_some(Self { suffix: base, wildcard: false })
    }

    /// RFC 5280 4.2.1.10: "Any DNS name that can be constructed by simply adding zero or more labels
    /// to the left-hand side of the name satisfies the name constraint."
    pub(super) fn is_within(&self, base: &DnsName<'_>) -> bool {
        ends_with_labels(self.suffix, base.suffix)
    }

    pub(super) fn may_be_within(&self, base: &DnsName<'_>) -> bool {
        let below = || {
            let (_, parent) = base.suffix.split_once('.').unwrap_or(("", ""));
            self.suffix.eq_ignore_ascii_case(parent)
        };
        self.is_within(base) || (self.wildcard && !base.suffix.is_empty() && below())
    }
}

pub(super) fn is_host_name(name: &str, wildcard: bool) -> bool {
    let is_length = |length| matches!(length, 1..=63);
    let (mut length, mut first) = (0, true);
    for octet in name.bytes() {
        match octet {
            b'.' if is_length(length) => (length, first) = (0, false),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => length += 1,
            b'*' if wildcard && first => length += 1,
            _ => return false,
        }
    }
    is_length(length)
}

/// Whether `name` is `base` or ends with `.` and `base`; every name ends with no labels.
pub(super) fn ends_with_labels(name: &str, base: &str) -> bool {
    let Some(at) = name.len().checked_sub(base.len()) else { return false };
    let Some((head, tail)) = name.as_bytes().split_at_checked(at) else { return false };
    tail.eq_ignore_ascii_case(base.as_bytes())
        && (head.is_empty() || base.is_empty() || head.ends_with(b"."))
}

/// A mailbox whose local part is no quoted string and whose host is a name.
///
/// A quoted local part has many spellings (`"u"@h` is `u@h`). None of them occurs in a sound
/// certificate, so all are refused, as by BoringSSL.
pub(super) struct Mailbox<'a> {
    pub(super) local: &'a str,
    pub(super) host: DnsName<'a>,
}

impl<'a> Mailbox<'a> {
    pub(super) fn read(mailbox: &'a str) -> Option<Self> {
        let (local, host) = mailbox.split_once('@')?;
        let sound = !local.is_empty() && local.bytes().all(is_atom_or_dot);
        let host = DnsName::read_base(host).filter(|host| !host.suffix.is_empty())?;
        sound.then_some(Self { local, host })
    }

    /// RFC 5280 4.2.1.10: "A name constraint for Internet mail addresses MAY specify a particular
    /// mailbox, all addresses at a particular host, or all mailboxes in a domain."
    pub(super) fn is_within(&self, base: &str, local: impl Fn(&str, &str) -> bool) -> Option<bool> {
        if base.contains('@') {
            let base = Mailbox::read(base)?;
            return Some(
                local(self.local, base.local)
                    && self.host.suffix.eq_ignore_ascii_case(base.host.suffix),
            );
        }
        host_within(&self.host, base)
    }
}

/// RFC 5321 4.1.2: `atext` or the dot of a Dot-string.
pub(super) const fn is_atom_or_dot(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'/'
                | b'='
                | b'?'
                | b'^'
                | b'_'
                | b'`'
                | b'{'
                | b'|'
                | b'}'
                | b'~'
                | b'.'
        )
}

/// The rule that mail hosts and URI hosts share: `h` is that host alone, `.h` all below it.
///
/// RFC 5280 4.2.1.10: "When the constraint begins with a period, it MAY be expanded with one or more
/// labels. … When the constraint does not begin with a period, it specifies a host."
pub(super) fn host_within(host: &DnsName<'_>, base: &str) -> Option<bool> {
    let (below, base) = match base.strip_prefix('.') {
        Some(base) => (true, base),
        None => (false, base),
    };
    let base = DnsName::read_base(base).filter(|base| !base.suffix.is_empty())?;
    Some(if below {
        host.suffix.len() > base.suffix.len() && ends_with_labels(host.suffix, base.suffix)
    } else {
        host.suffix.eq_ignore_ascii_case(base.suffix)
    })
}

/// Whether an address of 4 or 16 octets is in a range of address and mask of the same family.
pub(super) fn ip_within(address: &[u8], range: &[u8]) -> bool {
    if !matches!(address.len(), 4 | 16) || range.len() != 2 * address.len() {
        return false;
    }
    let (base, mask) = range.split_at(address.len());
    address.iter().zip(base).zip(mask).all(|((address, base), mask)| (address ^ base) & mask == 0)
}

/// The host of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host<'a> {
    /// A registered name of letters, digits, `-`, `_` and `.`.
    Name(&'a str),
    /// An IPv4 address, or what URL parsers would take for one.
    Ipv4(&'a str),
    /// What stands between brackets: an IPv6 address, zone included, or a later literal.
    IpLiteral(&'a str),
}

/// Takes the host out of a URI by RFC 3986 section 3.2, or nothing where there is none for certain.
///
/// Stricter than the RFC where parsers disagree: percent-encoding in the host, `\`, and characters
/// that no URI has make the answer uncertain.
pub(super) fn uri_host(uri: &str) -> Option<Host<'_>> {
    let (scheme, rest) = uri.split_once(':')?;
    let sound = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|o| o.is_ascii_alphanumeric() || matches!(o, b'+' | b'-' | b'.'));
    let uncertain =
        |octet: u8| !octet.is_ascii_graphic() || matches!(octet, b'\\' | b'"' | b'<' | b'>');
    if !sound || rest.bytes().any(uncertain) {
        return None;
    }
    let rest = rest.strip_prefix("//")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host_port = match authority.rsplit_once('@') {
        // "userinfo" has no "@" and no brackets of its own.
        Some((userinfo, _)) if userinfo.contains(['@', '[', ']']) => return None,
        Some((_, host_port)) => host_port,
        None => authority,
    };
    let is_port = |port: &str| port.bytes().all(|octet| octet.is_ascii_digit());
    if let Some(literal) = host_port.strip_prefix('[') {
        let (literal, rest) = literal.split_once(']')?;
        let sound = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return sound.then_some(Host::IpLiteral(literal));
    }
    let host = match host_port.split_once(':') {
        Some((host, port)) if is_port(port) => host,
        Some(_) => return None,
        None => host_port,
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    if !is_host_name(name, false) {
        return None;
    }
    let last = name.rsplit('.').next()?;
    let numeric = last.bytes().all(|octet| octet.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .or(last.strip_prefix("0X"))
            .is_some_and(|digits| digits.bytes().all(|octet| octet.is_ascii_hexdigit()));
    Some(if numeric { Host::Ipv4(host) } else { Host::Name(host) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elementary_functions() {
        assert!(ip_within(&[10, 1, 1, 1], &[10, 0, 0, 0, 255, 0, 0, 0]));
        assert!(!ip_within(&[10, 1, 1, 1], &[0; 32]));
        for (case, uri, expected) in [
            ("plain", "spiffe://td/a", Some(Host::Name("td"))),
            ("no path", "spiffe://td", Some(Host::Name("td"))),
            ("query", "https://h?x@y", Some(Host::Name("h"))),
            ("literal", "https://[::1]:8/", Some(Host::IpLiteral("::1"))),
            ("literal tail", "https://[::1].evil/", None),
            ("hexadecimal", "https://0x7f.0x1/", Some(Host::Ipv4("0x7f.0x1"))),
            ("port", "https://h:x/", None),
            ("scheme", "1https://h/", None),
            ("two at signs", "https://a@b@h/", None),
            ("backslash", "https://good\\@evil/", None),
        ] {
            assert_eq!(uri_host(uri), expected, "{case}");
        }
    }
}
