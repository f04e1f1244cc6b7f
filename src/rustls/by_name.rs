//! `EndpointsByName`: one listener, several names, each with its own trust.
//!
//! A client verifier of rustls is not told which name the client asked for, so that trust by name needs
//! a configuration by name: the client's first message is read (`rustls::server::Acceptor`, tokio's
//! `LazyConfigAcceptor`), the endpoint is chosen, and the handshake goes on with it. Each endpoint has
//! its own sessions: none is resumed under another name's trust.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use rustls::server::ClientHello;

use super::server::ServerEndpoint;
use crate::identity::DnsName;

/// Server endpoints by the name that clients ask for.
#[derive(Clone, Debug, Default)]
pub struct EndpointsByName {
    names: BTreeMap<DnsName, Arc<ServerEndpoint>>,
    default: Option<Arc<ServerEndpoint>>,
}

impl EndpointsByName {
    /// No names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves clients that ask for exactly this name with an endpoint.
    #[must_use]
    pub fn with_name(mut self, name: DnsName, endpoint: Arc<ServerEndpoint>) -> Self {
        self.names.insert(name, endpoint);
        self
    }

    /// Serves clients that ask for no name or for another one. Default: they are not served.
    #[must_use]
    pub fn with_default(self, endpoint: Arc<ServerEndpoint>) -> Self {
        Self { default: Some(endpoint), ..self }
    }

    /// The endpoint for a client; nothing where it is not to be served.
    #[must_use]
    pub fn choose(&self, hello: &ClientHello<'_>) -> Option<&Arc<ServerEndpoint>> {
        let name = hello.server_name().and_then(|name| DnsName::parse(name).ok());
        name.and_then(|name| self.names.get(&name)).or(self.default.as_ref())
    }
}
