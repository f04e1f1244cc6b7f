//! Addresses of the SPIFFE Workload Endpoint (section 4; requirement W-19), as in the environment
//! variable `SPIFFE_ENDPOINT_SOCKET`, which the host reads.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

/// Where the Workload API is served.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WorkloadEndpoint {
    /// A Unix domain socket, by absolute path.
    Unix {
        /// The path.
        path: String,
    },
    /// A TCP port of an IP address.
    Tcp {
        /// Address and port.
        address: SocketAddr,
    },
}

/// A text that is no address of a Workload Endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseWorkloadEndpointError {
    /// The scheme is neither `unix` nor `tcp`.
    #[error("the scheme is neither unix nor tcp")]
    Scheme,
    /// A Unix address has an authority, as in `unix://host/path`.
    #[error("an address with scheme unix must not have an authority")]
    Authority,
    /// A Unix address has no absolute path.
    #[error("an address with scheme unix must have an absolute path")]
    Path,
    /// The host of a TCP address is no IP address.
    #[error("the host of an address with scheme tcp must be an IP address")]
    Host,
    /// A TCP address has no port, or none from 1 to 65535.
    #[error("an address with scheme tcp must have a port from 1 to 65535")]
    Port,
    /// A part that the scheme must not have: user information, query, fragment, or a path after TCP.
    #[error("the address has a part that its scheme must not have")]
    ExtraPart,
}

impl ParseWorkloadEndpointError {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Scheme => "workload-endpoint.scheme",
            Self::Authority => "workload-endpoint.authority",
            Self::Path => "workload-endpoint.path",
            Self::Host => "workload-endpoint.host",
            Self::Port => "workload-endpoint.port",
            Self::ExtraPart => "workload-endpoint.extra-part",
        }
    }
}

impl FromStr for WorkloadEndpoint {
    type Err = ParseWorkloadEndpointError;

    /// Parses `unix:///absolute/path` (or `unix:/absolute/path`, the same URI without the empty
    /// authority) or `tcp://address:port`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        use ParseWorkloadEndpointError as E;
        let (scheme, rest) = text.split_once(':').ok_or(E::Scheme)?;
        // RFC 3986 3.1: schemes are case-insensitive.
        let unix = scheme.eq_ignore_ascii_case("unix");
        if !unix && !scheme.eq_ignore_ascii_case("tcp") {
            return Err(E::Scheme);
        }
        if rest.contains(['?', '#']) {
            return Err(E::ExtraPart);
        }
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        if unix {
            if !authority.is_empty() {
                return Err(E::Authority);
            }
            let path = percent_decoded(path).ok_or(E::Path)?;
            let sound = path.starts_with('/') && path.len() > 1 && !path.contains('\0');
            return if sound { Ok(Self::Unix { path }) } else { Err(E::Path) };
        }
        if authority.contains('@') || !path.is_empty() {
            return Err(E::ExtraPart);
        }
        tcp(authority)
    }
}

fn tcp(authority: &str) -> Result<WorkloadEndpoint, ParseWorkloadEndpointError> {
    use ParseWorkloadEndpointError as E;
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(E::Host)?;
            let ip: Ipv6Addr = host.parse().map_err(|_| E::Host)?;
            (IpAddr::V6(ip), rest.strip_prefix(':').ok_or(E::Port)?)
        }
        None => {
            let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
            let ip: Ipv4Addr = host.parse().map_err(|_| E::Host)?;
            (IpAddr::V4(ip), port)
        }
    };
    let digits = port.bytes().all(|octet| octet.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(port) if digits && port > 0 => {
            Ok(WorkloadEndpoint::Tcp { address: SocketAddr::new(host, port) })
        }
        _ => Err(E::Port),
    }
}

/// RFC 3986 section 2.1.
fn percent_decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            octets.push(u8::try_from(high << 4 | low).ok()?);
        } else {
            octets.push(octet);
        }
    }
    String::from_utf8(octets).ok()
}

impl fmt::Display for WorkloadEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { path } => {
                f.write_str("unix://")?;
                path.bytes().try_for_each(|octet| match octet {
                    b'/' | b'-' | b'.' | b'_' | b'~' => write!(f, "{}", char::from(octet)),
                    _ if octet.is_ascii_alphanumeric() => write!(f, "{}", char::from(octet)),
                    _ => write!(f, "%{octet:02X}"),
                })
            }
            Self::Tcp { address } => write!(f, "tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use ParseWorkloadEndpointError as E;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("unix:///run/spire/agent.sock", Ok("unix:///run/spire/agent.sock")),
            ("unix:/run/agent.sock", Ok("unix:///run/agent.sock")),
            ("UNIX:///a%20b%25", Ok("unix:///a%20b%25")),
            ("tcp://127.0.0.1:8000", Ok("tcp://127.0.0.1:8000")),
            ("tcp://[::1]:8000", Ok("tcp://[::1]:8000")),
            ("", Err(E::Scheme)),
            ("/run/agent.sock", Err(E::Scheme)),
            ("http://127.0.0.1:8000", Err(E::Scheme)),
            ("unix://host/run/agent.sock", Err(E::Authority)),
            ("unix://agent.sock", Err(E::Authority)),
            ("unix:agent.sock", Err(E::Path)),
            ("unix://", Err(E::Path)),
            ("unix:///", Err(E::Path)),
            ("unix:///a%", Err(E::Path)),
            ("unix:///a%2", Err(E::Path)),
            ("unix:///a%00", Err(E::Path)),
            ("unix:///a%ff", Err(E::Path)),
            ("unix:///a?b", Err(E::ExtraPart)),
            ("unix:///a#b", Err(E::ExtraPart)),
            ("tcp://localhost:8000", Err(E::Host)),
            ("tcp://:8000", Err(E::Host)),
            ("tcp://::1:8000", Err(E::Host)),
            ("tcp://[127.0.0.1]:8000", Err(E::Host)),
            ("tcp:127.0.0.1:8000", Err(E::ExtraPart)),
            ("tcp://127.0.0.1", Err(E::Port)),
            ("tcp://127.0.0.1:", Err(E::Port)),
            ("tcp://127.0.0.1:0", Err(E::Port)),
            ("tcp://127.0.0.1:+1", Err(E::Port)),
            ("tcp://127.0.0.1:65536", Err(E::Port)),
            ("tcp://[::1]", Err(E::Port)),
            ("tcp://127.0.0.1:8000/", Err(E::ExtraPart)),
            ("tcp://u@127.0.0.1:8000", Err(E::ExtraPart)),
        ] {
            let parsed: Result<WorkloadEndpoint, _> = text.parse();
            assert_eq!(parsed.map(|e| e.to_string()), expected.map(str::to_string), "W-19: {text}");
        }
    }
}
