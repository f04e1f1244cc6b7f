//! Where a bundle is fetched, and whom to believe there (SPIFFE Federation section 5).
//!
//! Three parameters are configured for each trust domain: URL, profile and the trust domain itself
//! (F-08); none is inferred from another or from what is fetched (F-14). Nothing is fetched here: the
//! host does, verifies the server as [`BundleEndpoint::server`] says, and follows a redirect only to
//! where [`BundleEndpoint::redirect`] allows.
//!
//! With the profile `https_spiffe` the server shows an X.509-SVID. A *self-serving* endpoint is
//! one whose SPIFFE ID is in the trust domain that it publishes: fetch n is verified with the bundle
//! of fetch n − 1, the first one with a bundle that the operator configured (F-11). Any other
//! endpoint's trust domain is configured on its own (F-12).

use alloc::string::String;
use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;

use crate::identity::{SpiffeId, TrustDomain, TrustDomainRef};

/// How the server of a bundle endpoint is verified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EndpointProfile {
    /// By the Web PKI, as the host that the URL names (`https_web`).
    HttpsWeb,
    /// As exactly this SPIFFE ID (`https_spiffe`, F-10).
    HttpsSpiffe {
        /// The SPIFFE ID of the server.
        endpoint_id: SpiffeId,
    },
}

/// Whom the server of a bundle endpoint must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointServer<'a> {
    /// The host of the URL that is fetched, by the Web PKI.
    Web,
    /// Exactly this SPIFFE ID, by the current bundle of its trust domain (F-10, F-11).
    Spiffe(&'a SpiffeId),
}

/// Endpoint parameters that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The URL's scheme is not `https` (F-09).
    #[error("the scheme of the URL is not https")]
    Scheme,
    /// The URL has a user name or password, even an empty one (F-09).
    #[error("the URL has user information")]
    UserInfo,
    /// The host is missing or no name or address.
    #[error("the host of the URL is missing or malformed")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the port of the URL is not from 1 to 65535")]
    Port,
    /// A character that no URL has, or more than 2,048 bytes.
    #[error("not a URL")]
    Malformed,
    /// The SPIFFE ID of the server has no path, so that no leaf may have it (X-06).
    #[error("the SPIFFE ID of the endpoint has no path")]
    EndpointIdWithoutPath,
}

impl EndpointError {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Scheme => "endpoint.scheme",
            Self::UserInfo => "endpoint.user-info",
            Self::Host => "endpoint.host",
            Self::Port => "endpoint.port",
            Self::Malformed => "endpoint.malformed",
            Self::EndpointIdWithoutPath => "endpoint.id-without-path",
        }
    }
}

/// A URL that a bundle may be fetched from: `https`, without user information (F-09).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointUrl {
    // INVARIANT: begins with "https://", of any case, and has a host up to `authority_end`.
    url: String,
    authority_end: usize,
}

const SCHEME: &str = "https://";
const MAX_URL: usize = 2_048;

impl EndpointUrl {
    /// Parses an absolute URL.
    ///
    /// # Errors
    /// [`EndpointError`].
    ///
    /// # Examples
    /// ```
    /// use bonafide::trust::{EndpointError, EndpointUrl};
    ///
    /// let url = EndpointUrl::parse("https://example.org:8443/bundle")?;
    /// assert_eq!(url.host(), "example.org");
    /// assert_eq!(EndpointUrl::parse("http://example.org/"), Err(EndpointError::Scheme));
    /// assert_eq!(EndpointUrl::parse("https://me@example.org/"), Err(EndpointError::UserInfo));
    /// # Ok::<(), EndpointError>(())
    /// ```
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        // RFC 3986 section 2: printable ASCII less these.
        let allowed = |octet: u8| {
            octet.is_ascii_graphic()
                && !matches!(octet, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
        };
        if url.len() > MAX_URL || !url.bytes().all(allowed) {
            return Err(EndpointError::Malformed);
        }
        let (scheme, rest) = url.split_at_checked(SCHEME.len()).ok_or(EndpointError::Scheme)?;
        // RFC 3986 3.1: schemes are case-insensitive.
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(EndpointError::Scheme);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let (host, port) = host_and_port(authority);
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let sound = match address {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty()
                    && host.bytes().all(|octet| {
                        octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_')
                    })
            }
        };
        if !sound {
            return Err(EndpointError::Host);
        }
        if let Some(port) = port {
            let digits = !port.is_empty() && port.bytes().all(|octet| octet.is_ascii_digit());
            if !digits || !port.parse::<u16>().is_ok_and(|port| port > 0) {
                return Err(EndpointError::Port);
            }
        }
        Ok(Self { url: url.into(), authority_end: SCHEME.len() + authority.len() })
    }

    /// Returns the URL as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Returns the host, an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.url.get(SCHEME.len()..self.authority_end).unwrap_or_default();
        host_and_port(authority).0
    }

    fn resolve(&self, location: &str) -> Result<Self, EndpointError> {
        let origin = self.url.get(..self.authority_end).unwrap_or_default();
        let rest = self.url.get(self.authority_end..).unwrap_or_default();
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        // RFC 3986 4.2: a colon in the first segment makes a scheme.
        let first = location.split(['/', '?', '#']).next().unwrap_or_default();
        if first.contains(':') {
            Self::parse(location)
        } else if location.starts_with("//") {
            Self::parse(&alloc::format!("https:{location}"))
        } else if location.starts_with('/') {
            Self::parse(&alloc::format!("{origin}{location}"))
        } else if location.starts_with('?') || location.is_empty() {
            Self::parse(&alloc::format!("{origin}{path}{location}"))
        } else {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            Self::parse(&alloc::format!("{origin}{folder}/{location}"))
        }
    }
}

fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.url, f)
    }
}

impl FromStr for EndpointUrl {
    type Err = EndpointError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Self::parse(url)
    }
}

/// The bundle endpoint of a trust domain, as the operator configured it (F-08).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleEndpoint {
    trust_domain: TrustDomain,
    url: EndpointUrl,
    profile: EndpointProfile,
}

impl BundleEndpoint {
    /// Takes the three parameters.
    ///
    /// # Errors
    /// [`EndpointError::EndpointIdWithoutPath`].
    pub fn new(
        trust_domain: TrustDomain,
        url: EndpointUrl,
        profile: EndpointProfile,
    ) -> Result<Self, EndpointError> {
        if let EndpointProfile::HttpsSpiffe { endpoint_id } = &profile
            && !endpoint_id.has_path()
        {
            return Err(EndpointError::EndpointIdWithoutPath);
        }
        Ok(Self { trust_domain, url, profile })
    }

    /// Returns the trust domain whose bundle is fetched.
    #[must_use]
    pub const fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Returns where each fetch begins, whatever redirects an earlier one followed (F-13).
    #[must_use]
    pub const fn url(&self) -> &EndpointUrl {
        &self.url
    }

    /// Returns the profile.
    #[must_use]
    pub const fn profile(&self) -> &EndpointProfile {
        &self.profile
    }

    /// Returns whom the server must be, after redirects as well (F-13: same TLS rules, same ID).
    #[must_use]
    pub const fn server(&self) -> EndpointServer<'_> {
        match &self.profile {
            EndpointProfile::HttpsWeb => EndpointServer::Web,
            EndpointProfile::HttpsSpiffe { endpoint_id } => EndpointServer::Spiffe(endpoint_id),
        }
    }

    /// Returns the trust domain whose current bundle verifies the server; none for `https_web`.
    #[must_use]
    pub fn verified_by(&self) -> Option<TrustDomainRef<'_>> {
        match &self.profile {
            EndpointProfile::HttpsWeb => None,
            EndpointProfile::HttpsSpiffe { endpoint_id } => Some(endpoint_id.trust_domain()),
        }
    }

    /// Whether the endpoint's server is verified by the bundle that it publishes (F-11).
    #[must_use]
    pub fn is_self_serving(&self) -> bool {
        self.verified_by().is_some_and(|domain| self.trust_domain == domain)
    }

    /// Resolves the `Location` of a redirect got from `from`, for this fetch only: the next one
    /// begins at [`BundleEndpoint::url`] again (F-13).
    ///
    /// # Errors
    /// [`EndpointError`] where the target is not a URL that could have been configured.
    pub fn redirect(
        &self,
        from: &EndpointUrl,
        location: &str,
    ) -> Result<EndpointUrl, EndpointError> {
        from.resolve(location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, expected) in [
            ("https://example.org", Ok("example.org")),
            ("HTTPS://Example.org:443/a?b#c", Ok("Example.org")),
            ("https://[2001:db8::1]:8443/", Ok("[2001:db8::1]")),
            ("https://[2001:db8::1]", Ok("[2001:db8::1]")),
            ("https://192.0.2.1/x@y", Ok("192.0.2.1")),
            ("http://example.org/", Err(EndpointError::Scheme)),
            ("spiffe://example.org/", Err(EndpointError::Scheme)),
            ("https:/example.org", Err(EndpointError::Scheme)),
            ("", Err(EndpointError::Scheme)),
            ("https://user@example.org/", Err(EndpointError::UserInfo)),
            ("https://:pw@example.org/", Err(EndpointError::UserInfo)),
            ("https://@example.org/", Err(EndpointError::UserInfo)),
            ("https:///bundle", Err(EndpointError::Host)),
            ("https://:443/", Err(EndpointError::Host)),
            ("https://a%2eb/", Err(EndpointError::Host)),
            ("https://[::1", Err(EndpointError::Host)),
            ("https://[1.2.3.4]/", Err(EndpointError::Host)),
            ("https://example.org:/", Err(EndpointError::Port)),
            ("https://example.org:0/", Err(EndpointError::Port)),
            ("https://example.org:65536/", Err(EndpointError::Port)),
            ("https://example.org:+1/", Err(EndpointError::Port)),
            ("https://example.org/a b", Err(EndpointError::Malformed)),
            ("https://example.org\\@evil/", Err(EndpointError::Malformed)),
            ("https://ex\u{e4}mple.org/", Err(EndpointError::Malformed)),
        ] {
            let parsed = EndpointUrl::parse(url);
            assert_eq!(parsed.as_ref().map(EndpointUrl::host), expected.as_ref().copied(), "{url}");
        }
        let long = alloc::format!("https://example.org/{}", "a".repeat(2_048));
        assert_eq!(EndpointUrl::parse(&long), Err(EndpointError::Malformed));
    }

    #[test]
    fn redirects() {
        let endpoint = BundleEndpoint::new(
            "example.org".parse().unwrap(),
            "https://example.org/a/bundle?x".parse().unwrap(),
            EndpointProfile::HttpsWeb,
        )
        .unwrap();
        for (location, expected) in [
            ("https://other.test/b", Ok("https://other.test/b")),
            ("//other.test/b", Ok("https://other.test/b")),
            ("/b", Ok("https://example.org/b")),
            ("b", Ok("https://example.org/a/b")),
            ("?y", Ok("https://example.org/a/bundle?y")),
            ("http://example.org/b", Err(EndpointError::Scheme)),
            ("file:///etc/passwd", Err(EndpointError::Scheme)),
            ("//user@other.test/", Err(EndpointError::UserInfo)),
            ("///b", Err(EndpointError::Host)),
        ] {
            let target = endpoint.redirect(endpoint.url(), location);
            assert_eq!(target.as_ref().map(EndpointUrl::as_str), expected.as_ref().copied());
        }
        assert_eq!(endpoint.url().as_str(), "https://example.org/a/bundle?x", "F-13");
    }

    #[test]
    fn profiles() {
        let url = || "https://example.org/".parse().unwrap();
        let domain: TrustDomain = "example.org".parse().unwrap();
        let of = |id: &str| {
            let profile = EndpointProfile::HttpsSpiffe { endpoint_id: id.parse().unwrap() };
            BundleEndpoint::new(domain.clone(), url(), profile)
        };
        let own = of("spiffe://example.org/spire/server").unwrap();
        assert!(own.is_self_serving());
        assert!(matches!(own.server(), EndpointServer::Spiffe(id) if id.path() == "/spire/server"));
        let other = of("spiffe://sub.example.org/server").unwrap();
        assert!(!other.is_self_serving(), "ID-18");
        assert_eq!(other.verified_by().unwrap().as_str(), "sub.example.org", "F-12");
        assert_eq!(of("spiffe://example.org"), Err(EndpointError::EndpointIdWithoutPath));
    }
}
