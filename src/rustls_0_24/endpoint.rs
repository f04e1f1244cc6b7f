//! `ClientEndpoint` and `ServerEndpoint`: connections that resume what still holds.
//!
//! The objects that rustls asks in a handshake are told of no connection. So a connection of this room
//! gets a configuration of its own, a few references wide, whose verifier and session store write into
//! one place what the handshake has shown.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::hash::Hasher;

use rustls_0_24::client::danger::{
    HandshakeSignatureValid, ServerIdentity, ServerVerifier as RustlsServerVerifier,
    SignatureVerificationInput,
};
use rustls_0_24::client::{ClientCredentialResolver, Resumption};
use rustls_0_24::crypto::{CryptoProvider, SignatureScheme, TicketProducer, VerifiedIdentity};
use rustls_0_24::server::danger::{ClientIdentity, ClientVerifier as RustlsClientVerifier};
use rustls_0_24::server::{
    ServerCredentialResolver, ServerSessionMemoryCache, StoresServerSessions, Tls13Tickets,
};
use rustls_0_24::time_provider::TimeProvider;
use rustls_0_24::{
    ClientConfig, ClientSide, ConnectionOutputs, DistinguishedName, Error, ServerConfig, ServerSide,
};
use rustls_pki_types::ServerName;

use super::connection::{Connection, Seat};
use super::sessions::{Fenced, FencedClientSessions};
use super::verifier::{ClientVerifier, ServerVerifier, certificates, plain_server_config};
use crate::live::LivePeer;
use crate::tls::{ChainDigest, PeerError, RejectedPeer, Slot, Speaks};

/// How many server names a client keeps sessions of, and how many sessions a server keeps; as in rustls.
const SESSIONS: usize = 256;

/// A client that resumes sessions with servers that still hold.
#[derive(Debug)]
pub struct ClientEndpoint {
    verifier: Arc<ServerVerifier>,
    time: Arc<dyn TimeProvider>,
    sessions: FencedClientSessions,
    config: ClientConfig,
}

impl ClientEndpoint {
    /// Connects with this verifier, and with these credentials where servers ask for some. Sessions of
    /// up to 256 server names are kept. `configure` changes what else configurations have, ALPN for one;
    /// verifier, resumption and early data are set afterwards and stay as this room wants them.
    ///
    /// # Errors
    /// Those of rustls where the provider is not complete.
    pub fn new(
        verifier: Arc<ServerVerifier>,
        provider: Arc<CryptoProvider>,
        time: Arc<dyn TimeProvider>,
        credentials: Option<Arc<dyn ClientCredentialResolver>>,
        configure: impl FnOnce(&mut ClientConfig),
    ) -> Result<Arc<Self>, Error> {
        let speaks = match &credentials {
            Some(_) => Speaks::ForItsCredentials,
            None => Speaks::ForNobody,
        };
        let live = verifier.live().clone();
        let sessions = FencedClientSessions::new(live, speaks, time.clone(), SESSIONS);
        let mut config = verifier.client_config(provider, time.clone(), credentials)?;
        configure(&mut config);
        config.enable_early_data = false;
        Ok(Arc::new(Self { verifier, time, sessions, config }))
    }

    /// Begins a connection that is judged, full or resumed, before it carries any data. What is to be
    /// sent first is appended to `tls`.
    ///
    /// # Errors
    /// What rustls says.
    pub fn connect(
        self: &Arc<Self>,
        name: ServerName<'static>,
        tls: &mut Vec<u8>,
    ) -> Result<Connection<ClientSide>, Error> {
        let slot = Slot::new();
        let seat = SeatServerVerifier { endpoint: self.clone(), slot: slot.clone() };
        let mut config = self.config.clone();
        config.dangerous().set_certificate_verifier(Arc::new(seat));
        // What the connection brings in belongs to the time when it was begun.
        config.resumption = Resumption::store(Arc::new(self.sessions.for_connection()));
        let inner = Arc::new(config).connect(name.clone()).build(tls)?;
        let seat = Seat::Client { endpoint: self.clone(), name: Box::new(name), slot };
        Ok(Connection::new(inner, seat))
    }

    /// The verifier.
    #[must_use]
    pub const fn verifier(&self) -> &Arc<ServerVerifier> {
        &self.verifier
    }

    /// Judges a finished handshake; sessions of a server that is refused are forgotten.
    pub(super) fn judge(
        &self,
        connection: &ConnectionOutputs,
        name: &ServerName<'static>,
    ) -> Result<LivePeer, PeerError> {
        let time = self.time.current_time().ok_or(PeerError::NoTime)?;
        let judged = self.verifier.verified_peer(connection, name, time);
        if let Err(PeerError::Rejected(_)) = judged {
            self.sessions.forget(name);
        }
        judged
    }
}

/// The verifier of one connection of a client.
#[derive(Debug)]
struct SeatServerVerifier {
    endpoint: Arc<ClientEndpoint>,
    slot: Arc<Slot>,
}

impl RustlsServerVerifier for SeatServerVerifier {
    fn verify_identity<'a>(
        &self,
        identity: &ServerIdentity<'a, '_>,
    ) -> Result<VerifiedIdentity<'a>, Error> {
        match self.endpoint.verifier.judge_identity(identity)? {
            Ok(stamp) => {
                self.endpoint.sessions.note(identity.server_name.to_owned(), stamp);
                Ok(VerifiedIdentity::assertion(identity.identity.clone()))
            }
            Err(error) => Err(refuse(&self.slot, error)),
        }
    }

    fn verify_tls12_signature(
        &self,
        input: &SignatureVerificationInput<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.endpoint.verifier.verify_tls12_signature(input)
    }

    fn verify_tls13_signature(
        &self,
        input: &SignatureVerificationInput<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.endpoint.verifier.verify_tls13_signature(input)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.endpoint.verifier.supported_verify_schemes()
    }

    fn request_ocsp_response(&self) -> bool {
        self.endpoint.verifier.request_ocsp_response()
    }

    fn root_hint_subjects(&self) -> Option<Arc<[DistinguishedName]>> {
        self.endpoint.verifier.root_hint_subjects()
    }

    /// All connections of an endpoint share its sessions, and nobody else does: what they rest on, the
    /// store knows.
    fn hash_config(&self, h: &mut dyn Hasher) {
        h.write_usize(Arc::as_ptr(&self.endpoint).addr());
    }
}

fn refuse(slot: &Slot, error: PeerError) -> Error {
    if let PeerError::Rejected(rejected) = &error {
        slot.reject(rejected.clone());
    }
    error.into()
}

type Change = Arc<dyn Fn(&mut ServerConfig) + Send + Sync>;

/// A server that resumes sessions of clients that still hold.
pub struct ServerEndpoint {
    verifier: Arc<ClientVerifier>,
    provider: Arc<CryptoProvider>,
    time: Arc<dyn TimeProvider>,
    credentials: Arc<dyn ServerCredentialResolver>,
    sessions: Fenced<dyn StoresServerSessions>,
    ticketer: Option<Fenced<dyn TicketProducer>>,
    change: Option<Change>,
}

impl ServerEndpoint {
    /// Serves with this verifier and these credentials. 256 sessions are kept in memory.
    #[must_use]
    pub fn new(
        verifier: Arc<ClientVerifier>,
        provider: Arc<CryptoProvider>,
        time: Arc<dyn TimeProvider>,
        credentials: Arc<dyn ServerCredentialResolver>,
    ) -> Self {
        let sessions: Arc<dyn StoresServerSessions> = ServerSessionMemoryCache::new(SESSIONS);
        let sessions = Fenced::new(sessions, verifier.live().clone(), time.clone());
        Self { verifier, provider, time, credentials, sessions, ticketer: None, change: None }
    }

    /// Sets where sessions are kept that no ticket carries; they are fenced. One store is for one
    /// endpoint: sessions of another one would be resumed. Default: 256 of them in memory.
    #[must_use]
    pub fn with_session_storage(mut self, sessions: Arc<dyn StoresServerSessions>) -> Self {
        self.sessions = Fenced::new(sessions, self.verifier.live().clone(), self.time.clone());
        self
    }

    /// Sets what seals tickets; they are fenced. One ticketer is for one endpoint, as with stores.
    /// Default: none, sessions are stored.
    #[must_use]
    pub fn with_ticketer(mut self, ticketer: Arc<dyn TicketProducer>) -> Self {
        let live = self.verifier.live().clone();
        self.ticketer = Some(Fenced::new(ticketer, live, self.time.clone()));
        self
    }

    /// Changes what else a configuration has: ALPN, fragment size, key log. Called for each connection.
    /// Resumption and early data are set afterwards and stay as this room wants them.
    #[must_use]
    pub fn configure(mut self, change: impl Fn(&mut ServerConfig) + Send + Sync + 'static) -> Self {
        self.change = Some(Arc::new(change));
        self
    }

    /// Begins a connection that is judged, full or resumed, before it carries any data.
    ///
    /// # Errors
    /// What rustls says.
    pub fn accept(self: &Arc<Self>) -> Result<Connection<ServerSide>, Error> {
        let handshake = self.handshake()?;
        let inner = rustls_0_24::Connection::new(handshake.config())?;
        Ok(Connection::new(inner, Seat::Server(Box::new(handshake))))
    }

    /// Prepares one handshake with resumption, for stacks that take a configuration for each connection.
    ///
    /// A [`Suspended`](super::Suspended) handshake goes past the verifier of its configuration, so that
    /// its sessions would speak for nobody: it wants a configuration without resumption.
    ///
    /// # Errors
    /// Those of rustls where the provider is not complete.
    pub fn handshake(self: &Arc<Self>) -> Result<ServerHandshake, Error> {
        let slot = Slot::new();
        let seat = SeatClientVerifier { shared: self.verifier.clone(), slot: slot.clone() };
        let (provider, time) = (self.provider.clone(), self.time.clone());
        let mut config =
            plain_server_config(Arc::new(seat), provider, time, self.credentials.clone())?;
        if let Some(change) = &self.change {
            change(&mut config);
        }
        config.session_storage = Arc::new(self.sessions.for_slot(slot.clone()));
        config.ticketer = self.ticketer.as_ref().map(|ticketer| -> Arc<dyn TicketProducer> {
            Arc::new(ticketer.for_slot(slot.clone()))
        });
        config.send_tls13_tickets = Tls13Tickets::default();
        config.max_early_data_size = 0;
        config.send_half_rtt_data = false;
        Ok(ServerHandshake { endpoint: self.clone(), slot, config: Arc::new(config) })
    }

    /// The verifier.
    #[must_use]
    pub const fn verifier(&self) -> &Arc<ClientVerifier> {
        &self.verifier
    }
}

impl fmt::Debug for ServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerEndpoint").field("verifier", &self.verifier).finish_non_exhaustive()
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
    /// [`PeerError`]; [`PeerError::Foreign`] where no key of the chain signed this handshake or the one
    /// that it resumes.
    pub fn verified_peer(
        &self,
        connection: &ConnectionOutputs,
    ) -> Result<Option<LivePeer>, PeerError> {
        // Nothing is said of a handshake before it is over.
        if connection.handshake_kind().is_none() {
            return Err(PeerError::Handshaking);
        }
        let Some(identity) = connection.peer_identity() else {
            return if self.endpoint.verifier.client_auth_mandatory() {
                Err(PeerError::NoCertificate)
            } else {
                Ok(None)
            };
        };
        let chain = certificates(identity.identity()).ok_or(PeerError::NoCertificate)?;
        let parts = core::iter::once(&chain.end_entity).chain(&*chain.intermediates);
        if !self.slot.has_shown(ChainDigest::of_parts(parts.map(AsRef::as_ref))) {
            return Err(PeerError::Foreign);
        }
        let time = self.endpoint.time.current_time().ok_or(PeerError::NoTime)?;
        let judged = self.endpoint.verifier.verified_peer(connection, time);
        if let Err(PeerError::Rejected(rejected)) = &judged {
            self.slot.reject(rejected.clone());
        }
        judged.map(Some)
    }

    /// The client of this handshake, where its certificates were refused, with the decision.
    #[must_use]
    pub fn rejected(&self) -> Option<Arc<RejectedPeer>> {
        self.slot.rejected()
    }
}

/// The verifier of one connection of a server: writes down what the handshake has shown.
#[derive(Debug)]
struct SeatClientVerifier {
    shared: Arc<ClientVerifier>,
    slot: Arc<Slot>,
}

impl RustlsClientVerifier for SeatClientVerifier {
    fn verify_identity<'a>(
        &self,
        identity: &ClientIdentity<'a, '_>,
    ) -> Result<VerifiedIdentity<'a>, Error> {
        match self.shared.judge_identity(identity)? {
            Ok(stamp) => {
                self.slot.accept(stamp);
                Ok(VerifiedIdentity::assertion(identity.identity.clone()))
            }
            Err(error) => Err(refuse(&self.slot, error)),
        }
    }

    fn verify_tls12_signature(
        &self,
        input: &SignatureVerificationInput<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        let valid = self.shared.verify_tls12_signature(input)?;
        self.slot.prove();
        Ok(valid)
    }

    fn verify_tls13_signature(
        &self,
        input: &SignatureVerificationInput<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        let valid = self.shared.verify_tls13_signature(input)?;
        self.slot.prove();
        Ok(valid)
    }

    fn root_hint_subjects(&self) -> Arc<[DistinguishedName]> {
        self.shared.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.shared.client_auth_mandatory()
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.shared.supported_verify_schemes()
    }
}
