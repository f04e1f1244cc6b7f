//! What a caller may expect a peer to be called.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use super::dns::DnsName;
use super::email::Mailbox;
use super::error::{NameError, NameErrorKind};
use super::ip::parse_ip;
use super::peer::{Identity, PeerIdentity, split_kind};
use super::spiffe::SpiffeId;
use super::text::serde_as_text;
use super::uri::WorkloadUri;

/// One name that a request expects of a peer (RFC 9525: a reference identifier).
///
/// Written as `spiffe://…`, `uri:…`, `dns:…`, `ip:…` or `email:…`.
///
/// # Examples
///
/// ```
/// use bonafide::identity::{ExpectedName, PeerIdentity};
///
/// let peer = PeerIdentity::new(["dns:*.example.org".parse()?]);
/// assert!("dns:www.example.org".parse::<ExpectedName>()?.matches(&peer));
/// assert!(!"dns:example.org".parse::<ExpectedName>()?.matches(&peer));
/// # Ok::<(), bonafide::identity::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ExpectedName {
    /// A SPIFFE ID.
    Spiffe(SpiffeId),
    /// Another URI.
    Uri(WorkloadUri),
    /// A host name; a wildcard of the certificate may speak for it.
    Dns(DnsName),
    /// An IP address.
    Ip(IpAddr),
    /// A mailbox.
    Email(Mailbox),
}

impl ExpectedName {
    /// Whether one of the peer's identities is the expected one, or a wildcard that speaks for it.
    #[must_use]
    pub fn matches(&self, peer: &PeerIdentity) -> bool {
        peer.iter().any(|identity| self.matches_identity(identity))
    }

    /// Whether this identity is the expected one, or a wildcard that speaks for it.
    #[must_use]
    pub fn matches_identity(&self, identity: &Identity) -> bool {
        match (self, identity) {
            (Self::Spiffe(expected), Identity::Spiffe(id)) => expected == id,
            (Self::Uri(expected), Identity::Uri(uri)) => expected == uri,
            (Self::Dns(expected), Identity::Dns(name)) => name.matches(expected),
            (Self::Ip(expected), Identity::Ip(address)) => expected == address,
            (Self::Email(expected), Identity::Email(mailbox)) => expected == mailbox,
            _ => false,
        }
    }
}

impl FromStr for ExpectedName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (kind, at, name) = split_kind(text)?;
        match kind {
            // Also `spiffe:spiffe://…`, for those who write a kind before every name.
            "spiffe:" if name.starts_with("spiffe:") => {
                SpiffeId::parse(name).map(Self::Spiffe).map_err(NameError::from)
            }
            "spiffe:" => return Ok(Self::Spiffe(SpiffeId::parse(text)?)),
            "uri:" => WorkloadUri::parse(name).map(Self::Uri),
            "dns:" => DnsName::parse(name).map(Self::Dns),
            "ip:" => parse_ip(name).map(Self::Ip),
            "email:" => Mailbox::parse(name).map(Self::Email),
            _ => return Err(NameError::new(0, NameErrorKind::UnknownKind)),
        }
        .map_err(|error| error.shifted(at))
    }
}

impl fmt::Display for ExpectedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spiffe(id) => fmt::Display::fmt(id, f),
            Self::Uri(uri) => write!(f, "uri:{uri}"),
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
            Self::Email(mailbox) => write!(f, "email:{mailbox}"),
        }
    }
}

serde_as_text!(ExpectedName, "an expected name, as in \"dns:example.org\"");

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_name_is_read_back_from_its_text() {
        let cases = [
            ("spiffe", "spiffe://td/a", Ok("spiffe://td/a")),
            ("spiffe with its kind", "spiffe:spiffe://td/a", Ok("spiffe://td/a")),
            ("uri", "uri:https://A/b", Ok("uri:https://a/b")),
            ("dns", "dns:A.b.", Ok("dns:a.b")),
            ("ipv4", "ip:10.0.0.1", Ok("ip:10.0.0.1")),
            ("ipv6", "ip:0::1", Ok("ip:::1")),
            ("email", "email:A@B", Ok("email:A@b")),
            ("bare name", "example.org", Err((0, "name.unknown-kind"))),
            ("bare uri", "https://a/b", Err((0, "name.unknown-kind"))),
            ("wildcard", "dns:*.a", Err((4, "name.wildcard"))),
            ("address as a name", "dns:10.0.0.1", Err((11, "name.numeric-last-label"))),
            ("name as an address", "ip:a", Err((3, "name.address"))),
            ("id-13 spiffe", "spiffe://td/", Err((11, "spiffe-id.trailing-slash"))),
            ("id-13 with its kind", "spiffe:spiffe://td/", Err((18, "spiffe-id.trailing-slash"))),
            ("id-05 upper case", "SPIFFE://td/a", Err((0, "name.unknown-kind"))),
        ];
        for (case, text, expected) in cases {
            let found = text.parse::<ExpectedName>();
            if let Ok(name) = &found {
                assert_eq!(name.to_string().parse().as_ref(), Ok(name), "{case}");
            }
            let found = found.map(|name| name.to_string());
            let found = found.as_deref().map_err(|error| (error.offset(), error.code()));
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn a_name_matches_only_its_own_kind() {
        let cases = [
            ("spiffe", "spiffe://td/a", "spiffe://td/a", true),
            ("spiffe, longer", "spiffe://td/a", "spiffe://td/a/b", false),
            ("id-10 path keeps case", "spiffe://td/a", "spiffe://td/A", false),
            ("id-18 no hierarchy", "spiffe://td", "spiffe://sub.td", false),
            ("uri is not spiffe", "uri:wimse://td/a", "spiffe://td/a", false),
            ("dns wildcard", "dns:a.td", "dns:*.td", true),
            ("dns is no uri host", "dns:td", "uri:https://td", false),
            ("ip", "ip:10.0.0.1", "ip:10.0.0.1", true),
            ("mapped ip", "ip:10.0.0.1", "ip:::ffff:10.0.0.1", false),
            ("ip in dns", "ip:10.0.0.1", "dns:10.0.0.1", false),
            ("email local part keeps case", "email:a@td", "email:A@td", false),
            ("email host", "email:a@td", "email:a@TD", true),
        ];
        for (case, expected, presented, answer) in cases {
            let peer = PeerIdentity::new([presented.parse().unwrap()]);
            assert_eq!(expected.parse::<ExpectedName>().unwrap().matches(&peer), answer, "{case}");
        }
    }
}
