//! Whom a verifier accepts: said where it is made.

use alloc::sync::Arc;

use rustls_pki_types::ServerName;

use crate::identity::{DnsName, ExpectedName, IdentityMatcher};
use crate::live::Requirement;

/// Which servers a client accepts.
#[derive(Clone, Debug)]
pub struct ExpectServer(pub(crate) Expected);

/// Which clients a server accepts.
#[derive(Clone, Debug)]
pub struct ExpectClient(pub(crate) Expected);

#[derive(Clone, Debug)]
pub(crate) enum Expected {
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

impl Expected {
    /// A text that tells what is required of the peer of a connection from whatever else the same
    /// verifier may require. Nothing where the connection has a name that no certificate can bear.
    pub(crate) fn text(&self, name: Option<&ServerName<'_>>) -> Option<Arc<str>> {
        Some(match self {
            Self::ConnectionName => alloc::format!("{}", expected_name(name?)?).into(),
            Self::Matching(_) => "an identity that the matcher accepts".into(),
            Self::Any => "any identity".into(),
        })
    }

    /// What is required of the peer of a connection; nothing as in [`Expected::text`].
    pub(crate) fn requirement(&self, name: Option<&ServerName<'_>>) -> Option<Requirement> {
        Some(match self {
            Self::ConnectionName => Requirement::name(expected_name(name?)?),
            Self::Matching(matcher) => Requirement::matching(IdentityMatcher::clone(matcher)),
            Self::Any => Requirement::dangerously_any_identity(),
        })
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
