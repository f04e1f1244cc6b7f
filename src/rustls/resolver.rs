//! Resolvers: which of the published credentials a handshake presents.
//!
//! Each handshake looks at the snapshot in force and takes a chain with its key as one value, so that
//! a rotation never tears them apart. An expired credential is never presented.
//!
//! *Server:* the server name, what the client can verify, and the authorities it names choose; the
//! first and the last are preferences. *Client:* a server says what it can verify and may name
//! authorities; those are a preference too, unless told otherwise, since a server that rotates its
//! authorities may name the old ones (rustls servers do). A client without a credential goes on
//! without one: rustls leaves a resolver no other choice, so it is told as an event.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;

use super::sign::certified_key;
use super::verifier::now;
use crate::identity::DnsName;
use crate::live::Live;
use crate::tls::{Choice, Chosen, HandshakeEvents, NoCredential, Others, PeerRole, Scheme, Wanted};

/// What both resolvers have.
#[derive(Debug)]
struct Source {
    choice: Choice,
    time: Arc<dyn TimeProvider>,
    events: Option<Arc<dyn HandshakeEvents>>,
}

impl Source {
    const fn new(live: Live, time: Arc<dyn TimeProvider>) -> Self {
        Self { choice: Choice::new(live), time, events: None }
    }

    fn resolve(&self, peer: PeerRole, wanted: &Wanted<'_>) -> Option<Arc<CertifiedKey>> {
        let now = now(&*self.time).ok()?;
        match self.choice.choose(wanted, now) {
            // Whatever is chosen has a scheme, and with it a key that rustls can be given.
            Ok(Chosen { credential, staple }) => certified_key(&credential).map(|mut key| {
                key.ocsp = staple.map(|staple| staple.response().to_vec());
                Arc::new(key)
            }),
            Err(credentials) => {
                if let Some(events) = &self.events {
                    let server_name = wanted.server_name.map(|name| name.as_str().into());
                    events.on_no_credential(&NoCredential { peer, server_name, credentials, now });
                }
                None
            }
        }
    }
}

fn schemes(offered: &[SignatureScheme]) -> Vec<Scheme> {
    offered.iter().map(|scheme| Scheme(u16::from(*scheme))).collect()
}

/// Chooses what a server presents.
#[derive(Debug)]
pub struct ServerCredentials {
    source: Source,
    protocols: Vec<(Vec<u8>, String)>,
}

impl ServerCredentials {
    /// Chooses from what `live` has published, by the clock of `time`.
    #[must_use]
    pub const fn new(live: Live, time: Arc<dyn TimeProvider>) -> Self {
        Self { source: Source::new(live, time), protocols: Vec::new() }
    }

    /// Presents only credentials with this hint. Default: any.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.source.choice.hint = Some(hint.into());
        self
    }

    /// Presents credentials with this hint, and no others, to clients that offer this protocol: the
    /// validation of ACME (`acme-tls/1`) for one. The first protocol set that a client offers counts.
    #[must_use]
    pub fn with_protocol_hint(mut self, protocol: &[u8], hint: &str) -> Self {
        self.protocols.push((protocol.to_vec(), hint.into()));
        self
    }

    /// Sets who is told that there was nothing to present. Default: nobody.
    #[must_use]
    pub fn with_events(mut self, events: Arc<dyn HandshakeEvents>) -> Self {
        self.source.events = Some(events);
        self
    }
}

impl ResolvesServerCert for ServerCredentials {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let offered = |protocol: &[u8]| {
            hello.alpn().is_some_and(|mut offered| offered.any(|other| other == protocol))
        };
        let hint = self.protocols.iter().find(|(protocol, _)| offered(protocol));
        let authorities: Vec<&[u8]> =
            hello.certificate_authorities().unwrap_or_default().iter().map(AsRef::as_ref).collect();
        let server_name = hello.server_name().and_then(|name| DnsName::parse(name).ok());
        let wanted = Wanted {
            server_name: server_name.as_ref(),
            hint: hint.map(|(_, hint)| hint.as_str()),
            schemes: &schemes(hello.signature_schemes()),
            authorities: &authorities,
            others: Others::Presented,
        };
        self.source.resolve(PeerRole::Client, &wanted)
    }
}

/// Chooses what a client presents to a server that asks.
#[derive(Debug)]
pub struct ClientCredentials {
    source: Source,
    others: Others,
}

impl ClientCredentials {
    /// Chooses from what `live` has published, by the clock of `time`.
    #[must_use]
    pub const fn new(live: Live, time: Arc<dyn TimeProvider>) -> Self {
        Self { source: Source::new(live, time), others: Others::Presented }
    }

    /// Presents only credentials with this hint. Default: any.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.source.choice.hint = Some(hint.into());
        self
    }

    /// Presents nothing to a server that names authorities of which none issued to us. Default: a
    /// credential of another authority then.
    #[must_use]
    pub const fn with_authorities_demanded(mut self) -> Self {
        self.others = Others::Kept;
        self
    }

    /// Sets who is told that there was nothing to present, so that the handshake went on
    /// unauthenticated. Default: nobody.
    #[must_use]
    pub fn with_events(mut self, events: Arc<dyn HandshakeEvents>) -> Self {
        self.source.events = Some(events);
        self
    }

    /// Whether there is a credential that is in date.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        now(&*self.source.time).is_ok_and(|now| self.source.choice.is_ready(now))
    }
}

impl ResolvesClientCert for ClientCredentials {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let wanted = Wanted {
            server_name: None,
            hint: None,
            schemes: &schemes(sigschemes),
            authorities: root_hint_subjects,
            others: self.others,
        };
        self.source.resolve(PeerRole::Server, &wanted)
    }

    fn has_certs(&self) -> bool {
        true
    }
}
