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

use super::event::{HandshakeEvents, NoCredential, PeerRole};
use super::sign::{certified_key, schemes};
use super::verifier::now;
use crate::credential::{Credential, Selection};
use crate::identity::DnsName;
use crate::live::Live;
use crate::x509::{Name, Time};

/// What both resolvers have.
#[derive(Debug)]
struct Source {
    live: Live,
    time: Arc<dyn TimeProvider>,
    hint: Option<String>,
    events: Option<Arc<dyn HandshakeEvents>>,
}

/// What a peer demands and prefers.
struct Wanted<'a> {
    peer: PeerRole,
    server_name: Option<DnsName>,
    hint: Option<&'a str>,
    schemes: &'a [SignatureScheme],
    authorities: &'a [&'a [u8]],
    others: Others,
}

/// Credentials of other authorities than those that the peer named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Presented,
    Kept,
}

impl Source {
    fn resolve(&self, wanted: &Wanted<'_>) -> Option<Arc<CertifiedKey>> {
        let now = now(&*self.time).ok()?;
        let snapshot = self.live.snapshot();
        let credentials = snapshot.credentials();
        let mut selection = Selection::ANY;
        if let Some(name) = &wanted.server_name {
            selection = selection.with_server_name(name);
        }
        if let Some(hint) = wanted.hint.or(self.hint.as_deref()) {
            selection = selection.with_hint(hint);
        }
        let candidates = || {
            credentials.candidates(selection, now).filter(|credential| {
                schemes(credential).any(|scheme| wanted.schemes.contains(&scheme))
            })
        };
        let authorities: Vec<Name<'_>> =
            wanted.authorities.iter().filter_map(|name| Name::from_der(name).ok()).collect();
        let chosen = if wanted.authorities.is_empty() {
            candidates().next()
        } else {
            let preferred = candidates().find(|credential| is_from(credential, &authorities));
            match wanted.others {
                Others::Presented => preferred.or_else(|| candidates().next()),
                Others::Kept => preferred,
            }
        };
        let key = chosen.and_then(|credential| certified_key(credential)).map(Arc::new);
        if key.is_none() {
            self.miss(wanted, credentials.len(), now);
        }
        key
    }

    fn miss(&self, wanted: &Wanted<'_>, credentials: usize, now: Time) {
        if let Some(events) = &self.events {
            events.on_no_credential(&NoCredential {
                peer: wanted.peer,
                server_name: wanted.server_name.as_ref().map(|name| name.as_str().into()),
                credentials,
                now,
            });
        }
    }

    /// Whether there is a credential that is in date.
    fn is_ready(&self) -> bool {
        let selection =
            self.hint.as_deref().map_or(Selection::ANY, |hint| Selection::ANY.with_hint(hint));
        now(&*self.time)
            .is_ok_and(|now| self.live.snapshot().credentials().choose(selection, now).is_some())
    }
}

/// Whether a certificate of the chain was issued by one of the authorities.
fn is_from(credential: &Credential, authorities: &[Name<'_>]) -> bool {
    credential.chain().iter().any(|certificate| {
        let certificate = certificate.as_certificate();
        let issuer = certificate.issuer();
        authorities.iter().any(|authority| authority.matches(&issuer))
    })
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
        Self { source: Source { live, time, hint: None, events: None }, protocols: Vec::new() }
    }

    /// Presents only credentials with this hint. Default: any.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.source.hint = Some(hint.into());
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
        self.source.resolve(&Wanted {
            peer: PeerRole::Client,
            server_name: hello.server_name().and_then(|name| DnsName::parse(name).ok()),
            hint: hint.map(|(_, hint)| hint.as_str()),
            schemes: hello.signature_schemes(),
            authorities: &authorities,
            others: Others::Presented,
        })
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
        let source = Source { live, time, hint: None, events: None };
        Self { source, others: Others::Presented }
    }

    /// Presents only credentials with this hint. Default: any.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.source.hint = Some(hint.into());
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
        self.source.is_ready()
    }
}

impl ResolvesClientCert for ClientCredentials {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.source.resolve(&Wanted {
            peer: PeerRole::Server,
            server_name: None,
            hint: None,
            schemes: sigschemes,
            authorities: root_hint_subjects,
            others: self.others,
        })
    }

    fn has_certs(&self) -> bool {
        true
    }
}
