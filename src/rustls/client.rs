//! `ClientEndpoint`: configurations and connections of a client over one [`Live`].

use alloc::sync::Arc;
use core::fmt;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::{
    ClientConfig, ClientConnection, CommonState, DEFAULT_VERSIONS, Error, SupportedProtocolVersion,
};
use rustls_pki_types::ServerName;

use super::connection::{Connection, ConnectionError};
use super::resolver::ClientCredentials;
use super::sessions_client::FencedClientSessions;
use super::verifier::{ServerVerifier, finished_chain, now};
use crate::live::{Live, LivePeer};
use crate::tls::{ExpectServer, HandshakeEvents, PeerError, RejectedPeer, Speaks};

/// What a client presents to servers that ask for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presents {
    /// Nothing.
    Nothing,
    /// A credential; without one that is in date and that the server can verify, the handshake goes on
    /// unauthenticated, and [`HandshakeEvents::on_no_credential`] is told.
    IfThereIs,
    /// A credential; without one that is in date no connection is begun. A server that cannot verify
    /// it still sees an unauthenticated client.
    Always,
}

/// How many server names a client keeps sessions of, unless told otherwise; as in rustls.
const NAMES: usize = 256;

/// Makes a [`ClientEndpoint`].
pub struct ClientEndpointBuilder {
    live: Live,
    provider: Arc<CryptoProvider>,
    presents: Presents,
    verifier: ServerVerifier,
    hint: Option<Arc<str>>,
    events: Option<Arc<dyn HandshakeEvents>>,
    time: Arc<dyn TimeProvider>,
    versions: &'static [&'static SupportedProtocolVersion],
    names: usize,
    change: Option<Change>,
}

type Change = alloc::boxed::Box<dyn FnOnce(&mut ClientConfig)>;

impl ClientEndpointBuilder {
    /// Sets the label of the trust that applies. Default: none.
    #[must_use]
    pub fn with_label(self, label: &str) -> Self {
        Self { verifier: self.verifier.with_label(label), ..self }
    }

    /// Presents only credentials with this hint. Default: any.
    #[must_use]
    pub fn with_credential_hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Sets who is told what happens in handshakes. Default: nobody.
    #[must_use]
    pub fn with_events(self, events: Arc<dyn HandshakeEvents>) -> Self {
        Self { verifier: self.verifier.with_events(events.clone()), events: Some(events), ..self }
    }

    /// Tells servers which authorities are trusted, see [`ServerVerifier::with_root_hints`]. Default:
    /// not told.
    #[must_use]
    pub fn with_root_hints(self) -> Self {
        Self { verifier: self.verifier.with_root_hints(), ..self }
    }

    /// Sets how many acceptances are remembered. Default: 1,024.
    #[must_use]
    pub fn with_capacity(self, acceptances: usize) -> Self {
        Self { verifier: self.verifier.with_capacity(acceptances), ..self }
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

    /// Sets of how many server names sessions are kept. Default: 256.
    #[must_use]
    pub fn with_session_names(self, names: usize) -> Self {
        Self { names, ..self }
    }

    /// Changes what else a configuration has: ALPN, fragment size, key log. Resumption, early data,
    /// clock and resolver are set afterwards and stay as this room wants them.
    #[must_use]
    pub fn configure(self, change: impl FnOnce(&mut ClientConfig) + 'static) -> Self {
        Self { change: Some(alloc::boxed::Box::new(change)), ..self }
    }

    /// Builds the endpoint.
    ///
    /// # Errors
    /// Those of rustls where the provider cannot do these versions.
    pub fn build(self) -> Result<Arc<ClientEndpoint>, Error> {
        let speaks = match self.presents {
            Presents::Nothing => Speaks::ForNobody,
            Presents::IfThereIs | Presents::Always => Speaks::ForItsCredentials,
        };
        let (live, time) = (self.live.clone(), self.time.clone());
        let sessions = FencedClientSessions::new(live, speaks, time, self.names);
        let verifier = Arc::new(self.verifier.with_sessions(sessions.clone()));
        let credentials = (self.presents != Presents::Nothing).then(|| {
            let mut credentials = ClientCredentials::new(self.live.clone(), self.time.clone());
            if let Some(hint) = &self.hint {
                credentials = credentials.with_hint(hint);
            }
            if let Some(events) = &self.events {
                credentials = credentials.with_events(events.clone());
            }
            Arc::new(credentials)
        });
        let builder = ClientConfig::builder_with_details(self.provider, self.time.clone())
            .with_protocol_versions(self.versions)?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone());
        let mut plain = match &credentials {
            Some(credentials) => builder.with_client_cert_resolver(credentials.clone()),
            None => builder.with_no_client_auth(),
        };
        let resolver = plain.client_auth_cert_resolver.clone();
        if let Some(change) = self.change {
            change(&mut plain);
        }
        plain.client_auth_cert_resolver = resolver;
        plain.time_provider = self.time.clone();
        plain.enable_early_data = false;
        plain.dangerous().set_certificate_verifier(verifier.clone());
        plain.resumption = Resumption::disabled();
        let mut resuming = plain.clone();
        resuming.resumption = Resumption::store(Arc::new(sessions.clone()));
        Ok(Arc::new(ClientEndpoint {
            time: self.time,
            presents: self.presents,
            verifier,
            credentials,
            sessions,
            plain: Arc::new(plain),
            resuming: Arc::new(resuming),
        }))
    }
}

impl fmt::Debug for ClientEndpointBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientEndpointBuilder")
            .field("presents", &self.presents)
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

/// A client: verifies servers, presents credentials, resumes what still holds.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use bonafide::live::Live;
/// use bonafide::policy::ValidationPolicy;
/// use bonafide::rustls::{ClientEndpoint, ExpectServer, Presents, backend_of};
/// use bonafide::trust::{Domain, Scope, TrustBundle, TrustStore};
/// use bonafide::verify::Verifier;
///
/// let provider = Arc::new(rustls::crypto::ring::default_provider());
/// let trust =
///     TrustStore::new([Domain::named("ours", [Scope::dns("example.test")?], TrustBundle::new([]))])?;
/// let policy = ValidationPolicy::tls_server();
/// let live = Live::new(Verifier::new(trust.into(), policy.into(), backend_of(&provider)));
/// let expect = ExpectServer::connection_name();
/// let client = ClientEndpoint::builder(live, provider, expect, Presents::Nothing).build()?;
/// let mut connection = client.connect("db.example.test".try_into()?)?;
/// // Nothing is read or written before the server is verified.
/// assert!(connection.writer().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientEndpoint {
    time: Arc<dyn TimeProvider>,
    presents: Presents,
    verifier: Arc<ServerVerifier>,
    credentials: Option<Arc<ClientCredentials>>,
    sessions: FencedClientSessions,
    plain: Arc<ClientConfig>,
    resuming: Arc<ClientConfig>,
}

impl ClientEndpoint {
    /// Starts with what has no default: what is published, what does the cryptography, which servers
    /// are accepted, and what they are shown.
    #[must_use]
    pub fn builder(
        live: Live,
        provider: Arc<CryptoProvider>,
        expect: ExpectServer,
        presents: Presents,
    ) -> ClientEndpointBuilder {
        ClientEndpointBuilder {
            verifier: ServerVerifier::new(live.clone(), expect),
            live,
            provider,
            presents,
            hint: None,
            events: None,
            time: Arc::new(DefaultTimeProvider),
            versions: DEFAULT_VERSIONS,
            names: NAMES,
            change: None,
        }
    }

    /// Begins a connection that is judged, full or resumed, before it carries any data.
    ///
    /// # Errors
    /// [`ConnectionError::NoCredential`] with [`Presents::Always`], and what rustls says.
    pub fn connect(
        self: &Arc<Self>,
        name: ServerName<'static>,
    ) -> Result<Connection, ConnectionError> {
        self.check_ready()?;
        // What the connection brings in belongs to the time when it was begun.
        let mut config = ClientConfig::clone(&self.resuming);
        config.resumption = Resumption::store(Arc::new(self.sessions.for_connection()));
        let inner = ClientConnection::new(Arc::new(config), name.clone())?;
        Ok(Connection::client(inner, self.clone(), name))
    }

    /// Says whether a connection can be begun.
    ///
    /// # Errors
    /// [`ConnectionError::NoCredential`] with [`Presents::Always`].
    pub fn check_ready(&self) -> Result<(), ConnectionError> {
        let ready = self.credentials.as_ref().is_some_and(|credentials| credentials.is_ready());
        if self.presents == Presents::Always && !ready {
            return Err(ConnectionError::NoCredential);
        }
        Ok(())
    }

    /// A configuration for others to use (tokio-rustls, quinn, hyper): without resumption, so that
    /// every connection is verified.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        self.plain.clone()
    }

    /// A configuration with resumption, for others to use. rustls asks no verifier about a resumed
    /// connection: [`ClientEndpoint::verified_peer`] must accept each one before it carries data. Sessions
    /// end where own credentials change; but of a connection that is under way in that moment nobody says
    /// when it was begun, and what it brings in is kept with the new ones.
    #[must_use]
    pub fn dangerously_resuming_config(&self) -> Arc<ClientConfig> {
        self.resuming.clone()
    }

    /// Judges a connection whose handshake is over, full or resumed; it is one of this endpoint's
    /// configurations and was made to `name`. Sessions of a server that is refused are forgotten.
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn verified_peer(
        &self,
        connection: &CommonState,
        name: &ServerName<'_>,
    ) -> Result<LivePeer, PeerError> {
        let now = now(&*self.time)?;
        let judged = self.verifier.judge.peer_of(finished_chain(connection)?, Some(name), now);
        if let Err(PeerError::Rejected(_)) = judged {
            self.sessions.forget(&name.to_owned());
        }
        judged
    }

    /// Judges the chain of a handshake that is over, for stacks that hand out nothing else (quinn's
    /// `peer_identity`).
    ///
    /// The caller vouches for what cannot be seen from certificates: that they are those of the server
    /// of a finished handshake with a configuration of this endpoint. A chain from anywhere else
    /// becomes a peer that showed nothing.
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn dangerously_peer_of_chain(
        &self,
        chain: &[rustls_pki_types::CertificateDer<'_>],
        name: &ServerName<'_>,
    ) -> Result<LivePeer, PeerError> {
        self.verifier.judge.peer_of(chain, Some(name), now(&*self.time)?)
    }

    /// The last server refused of those that connections to `name` led to; nothing where that is too
    /// long ago. For one connection ask [`Connection::rejected`]: rustls does not tell a verifier which
    /// connection it is asked for, and a verifier for each would end resumption, since rustls resumes
    /// only with the very verifier that a session began with.
    #[must_use]
    pub fn rejected(&self, name: &ServerName<'_>) -> Option<Arc<RejectedPeer>> {
        let text = self.verifier.judge.expected.text(Some(name))?;
        let mut rejections = self.verifier.rejections().into_iter().rev();
        rejections.find(|rejected| rejected.requirement() == &*text)
    }

    /// The verifier.
    #[must_use]
    pub const fn verifier(&self) -> &Arc<ServerVerifier> {
        &self.verifier
    }
}
