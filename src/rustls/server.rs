//! `ServerEndpoint`: configurations and connections of a server over one [`Live`].
//!
//! The objects that rustls asks in a handshake are told of no connection. So a connection of this room
//! gets a configuration of its own, a few references wide, whose verifier, session store and ticketer
//! write into one place what the handshake has shown ([`ServerHandshake`]).

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    Accepted, AcceptedAlert, NoClientAuth, NoServerSessionStorage, ProducesTickets,
    ServerSessionMemoryCache, StoresServerSessions,
};
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::{
    CommonState, DEFAULT_VERSIONS, Error, ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use rustls_pki_types::CertificateDer;

use super::connection::{Connection, ConnectionError};
use super::resolver::ServerCredentials;
use super::sessions_server::{FencedServerSessions, FencedTicketer};
use super::verifier::{ClientVerifier, SeatVerifier, now};
use crate::live::{Live, LivePeer};
use crate::tls::{ChainDigest, ExpectClient, HandshakeEvents, PeerError, RejectedPeer, Slot};

/// Whether clients are asked for a certificate, and which are accepted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientAuth {
    /// A client must present an acceptable certificate.
    Required(ExpectClient),
    /// A client may present a certificate; who does so must be acceptable.
    Optional(ExpectClient),
    /// Clients are not asked.
    Off,
}

/// How many sessions a server keeps, unless told otherwise; as in rustls.
const SESSIONS: usize = 256;

/// Makes a [`ServerEndpoint`].
pub struct ServerEndpointBuilder {
    live: Live,
    provider: Arc<CryptoProvider>,
    verifier: Option<ClientVerifier>,
    credential_hint: Option<Arc<str>>,
    protocol_hints: alloc::vec::Vec<(Box<[u8]>, Box<str>)>,
    events: Option<Arc<dyn HandshakeEvents>>,
    time: Arc<dyn TimeProvider>,
    versions: &'static [&'static SupportedProtocolVersion],
    sessions: Arc<dyn StoresServerSessions>,
    ticketer: Option<Arc<dyn ProducesTickets>>,
    change: Option<Change>,
}

type Change = Arc<dyn Fn(&mut ServerConfig) + Send + Sync>;

impl ServerEndpointBuilder {
    /// Sets the label of the trust that applies. Default: none.
    #[must_use]
    pub fn with_label(self, label: &str) -> Self {
        self.map_verifier(|verifier| verifier.with_label(label))
    }

    /// Presents only credentials with this hint. Default: any.
    #[must_use]
    pub fn with_credential_hint(self, hint: &str) -> Self {
        Self { credential_hint: Some(hint.into()), ..self }
    }

    /// Presents credentials with this hint, and no others, to clients that offer this protocol, see
    /// [`ServerCredentials::with_protocol_hint`].
    #[must_use]
    pub fn with_protocol_hint(mut self, protocol: &[u8], hint: &str) -> Self {
        self.protocol_hints.push((protocol.into(), hint.into()));
        self
    }

    /// Sets who is told what happens in handshakes. Default: nobody.
    #[must_use]
    pub fn with_events(self, events: Arc<dyn HandshakeEvents>) -> Self {
        let this = self.map_verifier(|verifier| verifier.with_events(events.clone()));
        Self { events: Some(events), ..this }
    }

    /// Tells clients which authorities are trusted, see [`ClientVerifier::with_root_hints`]. Default:
    /// not told.
    #[must_use]
    pub fn with_root_hints(self) -> Self {
        self.map_verifier(ClientVerifier::with_root_hints)
    }

    /// Sets how many acceptances are remembered. Default: 1,024.
    #[must_use]
    pub fn with_capacity(self, acceptances: usize) -> Self {
        self.map_verifier(|verifier| verifier.with_capacity(acceptances))
    }

    fn map_verifier(self, map: impl FnOnce(ClientVerifier) -> ClientVerifier) -> Self {
        Self { verifier: self.verifier.map(map), ..self }
    }

    /// Sets the clock. Default: that of the system.
    #[must_use]
    pub fn with_time(self, time: Arc<dyn TimeProvider>) -> Self {
        Self { time, ..self }
    }

    /// Sets the versions of TLS. Default: 1.2 and 1.3.
    #[must_use]
    pub fn with_versions(self, versions: &'static [&'static SupportedProtocolVersion]) -> Self {
        Self { versions, ..self }
    }

    /// Sets where sessions are kept that no ticket carries; they are fenced. Default: 256 of them in
    /// memory. One store is for one endpoint: sessions of another one would be resumed.
    #[must_use]
    pub fn with_session_storage(self, sessions: Arc<dyn StoresServerSessions>) -> Self {
        Self { sessions, ..self }
    }

    /// Sets what seals tickets, such as the `Ticketer` of the provider; they are fenced. Default:
    /// none, sessions are stored. One ticketer is for one endpoint, as with stores.
    #[must_use]
    pub fn with_ticketer(self, ticketer: Arc<dyn ProducesTickets>) -> Self {
        Self { ticketer: Some(ticketer), ..self }
    }

    /// Changes what else a configuration has: ALPN, fragment size, key log. Called for each connection
    /// of [`ServerEndpoint::accept`]. Resumption, early data, clock and resolver are set afterwards
    /// and stay as this room wants them.
    #[must_use]
    pub fn configure(self, change: impl Fn(&mut ServerConfig) + Send + Sync + 'static) -> Self {
        Self { change: Some(Arc::new(change)), ..self }
    }

    /// Builds the endpoint.
    ///
    /// # Errors
    /// Those of rustls where the provider cannot do these versions.
    pub fn build(self) -> Result<Arc<ServerEndpoint>, Error> {
        let mut credentials = ServerCredentials::new(self.live.clone(), self.time.clone());
        if let Some(hint) = &self.credential_hint {
            credentials = credentials.with_hint(hint);
        }
        for (protocol, hint) in &self.protocol_hints {
            credentials = credentials.with_protocol_hint(protocol, hint);
        }
        if let Some(events) = &self.events {
            credentials = credentials.with_events(events.clone());
        }
        let (live, time) = (self.live, self.time);
        let sessions = FencedServerSessions::new(self.sessions, live.clone(), time.clone());
        let ticketer =
            self.ticketer.map(|ticketer| FencedTicketer::new(ticketer, live.clone(), time.clone()));
        let parts = Parts {
            provider: self.provider,
            time,
            versions: self.versions,
            credentials: Arc::new(credentials),
            change: self.change,
        };
        let verifier = self.verifier.map(Arc::new);
        let shared: Arc<dyn ClientCertVerifier> = match &verifier {
            Some(verifier) => verifier.clone(),
            None => Arc::new(NoClientAuth),
        };
        let plain = parts.config(shared.clone(), None)?;
        Ok(Arc::new(ServerEndpoint {
            parts,
            verifier,
            shared,
            sessions: Arc::new(sessions),
            ticketer: ticketer.map(Arc::new),
            plain: Arc::new(plain),
        }))
    }
}

impl fmt::Debug for ServerEndpointBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerEndpointBuilder")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

/// What every configuration of an endpoint has.
struct Parts {
    provider: Arc<CryptoProvider>,
    time: Arc<dyn TimeProvider>,
    versions: &'static [&'static SupportedProtocolVersion],
    credentials: Arc<ServerCredentials>,
    change: Option<Change>,
}

/// Where sessions are kept.
type Sessions = (Arc<dyn StoresServerSessions>, Option<Arc<dyn ProducesTickets>>);

impl Parts {
    fn config(
        &self,
        verifier: Arc<dyn ClientCertVerifier>,
        sessions: Option<Sessions>,
    ) -> Result<ServerConfig, Error> {
        let mut config =
            ServerConfig::builder_with_details(self.provider.clone(), self.time.clone())
                .with_protocol_versions(self.versions)?
                .with_client_cert_verifier(verifier)
                .with_cert_resolver(self.credentials.clone());
        let no_tickets = config.ticketer.clone();
        let tickets = config.send_tls13_tickets;
        if let Some(change) = &self.change {
            change(&mut config);
        }
        config.cert_resolver = self.credentials.clone();
        config.time_provider = self.time.clone();
        config.max_early_data_size = 0;
        config.send_half_rtt_data = false;
        match sessions {
            Some((storage, ticketer)) => {
                config.session_storage = storage;
                config.ticketer = ticketer.unwrap_or(no_tickets);
                config.send_tls13_tickets = tickets;
            }
            None => {
                config.session_storage = Arc::new(NoServerSessionStorage {});
                config.ticketer = no_tickets;
                config.send_tls13_tickets = 0;
                config.max_tls13_tickets = 0;
            }
        }
        Ok(config)
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

/// A server: verifies clients, presents credentials, resumes what still holds.
#[derive(Debug)]
pub struct ServerEndpoint {
    parts: Parts,
    verifier: Option<Arc<ClientVerifier>>,
    /// The same, or that of rustls which asks nobody.
    shared: Arc<dyn ClientCertVerifier>,
    sessions: Arc<FencedServerSessions>,
    ticketer: Option<Arc<FencedTicketer>>,
    plain: Arc<ServerConfig>,
}

impl ServerEndpoint {
    /// Starts with what has no default: what is published, what does the cryptography, and which
    /// clients are accepted.
    #[must_use]
    pub fn builder(
        live: Live,
        provider: Arc<CryptoProvider>,
        clients: ClientAuth,
    ) -> ServerEndpointBuilder {
        let verifier = match clients {
            ClientAuth::Required(expect) => Some(ClientVerifier::new(live.clone(), expect)),
            ClientAuth::Optional(expect) => {
                Some(ClientVerifier::new(live.clone(), expect).allow_unauthenticated())
            }
            ClientAuth::Off => None,
        };
        ServerEndpointBuilder {
            live,
            provider,
            verifier,
            credential_hint: None,
            protocol_hints: alloc::vec::Vec::new(),
            events: None,
            time: Arc::new(DefaultTimeProvider),
            versions: DEFAULT_VERSIONS,
            sessions: ServerSessionMemoryCache::new(SESSIONS),
            ticketer: None,
            change: None,
        }
    }

    /// Begins a connection that is judged, full or resumed, before it carries any data.
    ///
    /// # Errors
    /// What rustls says.
    pub fn accept(self: &Arc<Self>) -> Result<Connection, ConnectionError> {
        let handshake = self.handshake()?;
        let inner = ServerConnection::new(handshake.config())?;
        Ok(Connection::server(inner, handshake))
    }

    /// Begins a connection of which the client's first message was read: where the endpoint is chosen
    /// by the name that the client asks for, see [`EndpointsByName`](super::EndpointsByName).
    ///
    /// # Errors
    /// What rustls says, with the alert to send.
    pub fn accept_from(
        self: &Arc<Self>,
        accepted: Accepted,
    ) -> Result<Connection, (ConnectionError, Option<AcceptedAlert>)> {
        let handshake = self.handshake().map_err(|error| (error.into(), None))?;
        match accepted.into_connection(handshake.config()) {
            Ok(inner) => Ok(Connection::server(inner, handshake)),
            Err((error, alert)) => Err((error.into(), Some(alert))),
        }
    }

    /// Prepares one handshake with resumption, for stacks that take a configuration for each
    /// connection (tokio-rustls, `quinn::Incoming::accept_with`).
    ///
    /// # Errors
    /// What rustls says; nothing that did not go wrong in [`ServerEndpointBuilder::build`].
    pub fn handshake(self: &Arc<Self>) -> Result<ServerHandshake, Error> {
        let slot = Slot::new();
        let verifier: Arc<dyn ClientCertVerifier> = match &self.verifier {
            Some(shared) => Arc::new(SeatVerifier { shared: shared.clone(), slot: slot.clone() }),
            None => self.shared.clone(),
        };
        let sessions = Arc::new(self.sessions.for_slot(slot.clone()));
        let ticketer = self.ticketer.as_ref().map(|ticketer| -> Arc<dyn ProducesTickets> {
            Arc::new(ticketer.for_slot(slot.clone()))
        });
        let config = Arc::new(self.parts.config(verifier, Some((sessions, ticketer)))?);
        Ok(ServerHandshake { endpoint: self.clone(), slot, config })
    }

    /// A configuration for many connections, for others to use (hyper, axum, tonic, quinn): without
    /// resumption, so that every client is verified.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.plain.clone()
    }

    /// A configuration for many connections with resumption, for others to use. Sessions end when
    /// the fence moves, but not when a certificate expires, since nobody tells the store whose they
    /// are: [`ServerEndpoint::verified_peer`] must accept each connection before it carries data. A
    /// [`ServerHandshake`] ends sessions in time.
    ///
    /// # Errors
    /// What rustls says; nothing that did not go wrong in [`ServerEndpointBuilder::build`].
    pub fn dangerously_resuming_config(&self) -> Result<Arc<ServerConfig>, Error> {
        let ticketer =
            self.ticketer.as_ref().map(|ticketer| -> Arc<dyn ProducesTickets> { ticketer.clone() });
        let sessions: Sessions = (self.sessions.clone(), ticketer);
        self.parts.config(self.shared.clone(), Some(sessions)).map(Arc::new)
    }

    /// Judges a connection whose handshake is over, full or resumed, with a configuration of this
    /// endpoint. Nothing where a client that need not do so presented no certificate.
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn verified_peer(&self, connection: &CommonState) -> Result<Option<LivePeer>, PeerError> {
        if connection.is_handshaking() {
            return Err(PeerError::Handshaking);
        }
        match connection.peer_certificates() {
            Some(chain) => self.peer_of_chain(chain).map(Some),
            None => self.without_certificate(),
        }
    }

    /// Judges the chain of a handshake that is over, for stacks that hand out nothing else (quinn's
    /// `peer_identity`).
    ///
    /// The caller vouches for what cannot be seen from certificates: that they are those of the client
    /// of a finished handshake with a configuration of this endpoint. A chain from anywhere else, a
    /// header for one, becomes a peer that showed nothing.
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn dangerously_peer_of_chain(
        &self,
        chain: &[CertificateDer<'_>],
    ) -> Result<LivePeer, PeerError> {
        self.peer_of_chain(chain)
    }

    fn peer_of_chain(&self, chain: &[CertificateDer<'_>]) -> Result<LivePeer, PeerError> {
        let verifier = self.verifier.as_ref().ok_or(PeerError::NoCertificate)?;
        verifier.judge.peer_of(chain, None, now(&*self.parts.time)?)
    }

    fn without_certificate(&self) -> Result<Option<LivePeer>, PeerError> {
        match &self.verifier {
            Some(verifier) if verifier.is_mandatory() => Err(PeerError::NoCertificate),
            _ => Ok(None),
        }
    }

    /// The verifier; nothing with [`ClientAuth::Off`].
    #[must_use]
    pub const fn verifier(&self) -> Option<&Arc<ClientVerifier>> {
        self.verifier.as_ref()
    }
}

/// One handshake of a server, and the configuration that is for it alone.
#[derive(Debug)]
pub struct ServerHandshake {
    endpoint: Arc<ServerEndpoint>,
    slot: Arc<Slot>,
    config: Arc<ServerConfig>,
}

impl ServerHandshake {
    /// The configuration; for one connection.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// Judges the connection when its handshake is over. Nothing where a client that need not do so
    /// presented no certificate. May be asked again at any time.
    ///
    /// # Errors
    /// [`PeerError`]; [`PeerError::Foreign`] where the connection is not the one of this handshake.
    pub fn verified_peer(&self, connection: &CommonState) -> Result<Option<LivePeer>, PeerError> {
        if connection.is_handshaking() {
            return Err(PeerError::Handshaking);
        }
        match connection.peer_certificates() {
            Some(chain) => self.peer_of_chain(chain).map(Some),
            None => self.endpoint.without_certificate(),
        }
    }

    /// Judges the chain of the handshake when it is over, for stacks that hand out nothing else
    /// (quinn's `peer_identity`).
    ///
    /// # Errors
    /// [`PeerError`]; [`PeerError::Foreign`] where no key of exactly this chain signed this handshake
    /// or the one that it resumes.
    pub fn peer_of_chain(&self, chain: &[CertificateDer<'_>]) -> Result<LivePeer, PeerError> {
        if !self.slot.has_shown(ChainDigest::of(chain)) {
            return Err(PeerError::Foreign);
        }
        let judged = self.endpoint.peer_of_chain(chain);
        if let Err(PeerError::Rejected(rejected)) = &judged {
            self.slot.reject(rejected.clone());
        }
        judged
    }

    /// The client of this handshake, where its certificates were refused, with the decision.
    #[must_use]
    pub fn rejected(&self) -> Option<Arc<RejectedPeer>> {
        self.slot.rejected()
    }
}
