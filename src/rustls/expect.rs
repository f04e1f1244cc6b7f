//! Whom a verifier accepts: said where it is made.

use alloc::sync::Arc;
use core::fmt;

use rustls_pki_types::ServerName;

use crate::identity::{DnsName, ExpectedName, IdentityMatcher};
use crate::verify::Expect;

/// Which servers a client accepts.
#[derive(Clone, Debug)]
pub struct ExpectServer(pub(super) Expected);

/// Which clients a server accepts.
#[derive(Clone, Debug)]
pub struct ExpectClient(pub(super) Expected);

#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// The name or address that the connection was made to.
    ConnectionName,
    Matching(Arc<IdentityMatcher>),
    Any,
}

impl ExpectServer {
    /// The server must bear the DNS name or address that the connection is made to, which also
    /// selects the trust domain.
    #[must_use]
    pub const fn connection_name() -> Self {
        Self(Expected::ConnectionName)
    }

    /// The matcher must accept the server's identity, which selects the trust domain; the name that
    /// the connection is made to is not looked at.
    #[must_use]
    pub fn matching(matcher: IdentityMatcher) -> Self {
        Self(Expected::Matching(Arc::new(matcher)))
    }

    /// Any server that some trust domain speaks for is accepted: the caller authorizes it.
    #[must_use]
    pub const fn dangerously_any() -> Self {
        Self(Expected::Any)
    }
}

impl ExpectClient {
    /// The matcher must accept the client's identity, which selects the trust domain.
    #[must_use]
    pub fn matching(matcher: IdentityMatcher) -> Self {
        Self(Expected::Matching(Arc::new(matcher)))
    }

    /// Any client that some trust domain speaks for is accepted: the caller authorizes it.
    #[must_use]
    pub const fn dangerously_any() -> Self {
        Self(Expected::Any)
    }
}

/// What is expected of one peer.
#[derive(Clone, Debug)]
pub(super) enum Requirement {
    Name(ExpectedName),
    Matching(Arc<IdentityMatcher>),
    Any,
}

impl Requirement {
    /// Nothing where the connection has a name that no certificate can bear.
    pub(super) fn of(expected: &Expected, name: Option<&ServerName<'_>>) -> Option<Self> {
        Some(match expected {
            Expected::ConnectionName => Self::Name(expected_name(name?)?),
            Expected::Matching(matcher) => Self::Matching(matcher.clone()),
            Expected::Any => Self::Any,
        })
    }

    pub(super) fn expect(&self) -> Expect<'_> {
        match self {
            Self::Name(name) => Expect::name(name),
            Self::Matching(matcher) => Expect::matching(matcher),
            Self::Any => Expect::dangerously_any_identity(),
        }
    }
}

impl fmt::Display for Requirement {
    /// Different texts for what one verifier can be asked to require.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Matching(_) => f.write_str("an identity that the matcher accepts"),
            Self::Any => f.write_str("any identity"),
        }
    }
}

fn expected_name(name: &ServerName<'_>) -> Option<ExpectedName> {
    match name {
        ServerName::DnsName(name) => DnsName::parse(name.as_ref()).ok().map(ExpectedName::Dns),
        ServerName::IpAddress(address) => Some(ExpectedName::Ip((*address).into())),
        // Forms of the future.
        _ => name.to_str().parse().ok(),
    }
}
