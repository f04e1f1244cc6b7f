//! Real handshakes in memory, through the adapters of the library on both sides.
//!
//! A workload has one client and two servers: one keeps sessions, one hands out tickets. Flights are
//! carried one by one, so that something may be published in the midst of a handshake (I6). What comes
//! of a handshake is what the connections say and what the library told of refusals.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bonafide::credential::{Selection, Update};
use bonafide::identity::IdentityMatcher;
use bonafide::live::{self, Live, LivePeer, Publication, PublishError, SessionId, Standing};
use bonafide::policy::ValidationPolicy;
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, Connection, ConnectionError, ExpectClient, ExpectServer,
    HandshakeEvents, NoCredential, PeerError, Presents, RejectedPeer, ServerEndpoint,
};
use bonafide::signature::RingBackend;
use bonafide::trust::TrustStore;
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use rustls::time_provider::TimeProvider;
use rustls::{Error, HandshakeKind, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::facts::{PartyId, Svid};
use super::party::Party;

/// What a workload has in force.
pub struct Held {
    pub live: Live,
    /// Sessions that publications said are affected.
    pub affected: BTreeSet<SessionId>,
}

impl Held {
    pub fn new(policy: Arc<ValidationPolicy>) -> Self {
        let nobody = Arc::new(TrustStore::new([]).unwrap());
        let live = Live::new(Verifier::new(nobody, policy, Arc::new(RingBackend::NEW)));
        Held { live, affected: BTreeSet::new() }
    }

    /// Publishes trust, and own credentials with it where there are any.
    pub fn publish(
        &mut self,
        trust: Arc<TrustStore>,
        update: Option<Update>,
        now: Time,
    ) -> Result<(), &'static str> {
        let publication = Publication::new().trust(trust);
        let publication = match update {
            Some(update) => publication.credentials(update),
            None => publication,
        };
        match self.live.publish(publication, now) {
            Ok(published) => {
                let affected = published.affected().iter().map(|affected| affected.session);
                self.affected.extend(affected);
                Ok(())
            }
            Err(PublishError::Credentials(error)) => Err(error.code()),
            Err(error) => Err(error.code()),
        }
    }

    /// Leaf and public key of the credential that would be presented.
    pub fn choose(&self, clock: i64) -> Option<(Vec<u8>, Vec<u8>)> {
        let snapshot = self.live.snapshot();
        let credential = snapshot.credentials().choose(Selection::ANY, Time::from_unix(clock))?;
        let leaf = credential.chain()[0].as_der().to_vec();
        Some((leaf, credential.key().public_key().to_vec()))
    }

    /// The chain that would be presented.
    pub fn chain(&self, clock: i64) -> Vec<CertificateDer<'static>> {
        let snapshot = self.live.snapshot();
        let credential = snapshot.credentials().choose(Selection::ANY, Time::from_unix(clock));
        let chain = credential.into_iter().flat_map(|credential| credential.chain());
        chain.map(|certificate| CertificateDer::from(certificate.as_der().to_vec())).collect()
    }

    /// What is to be said of a chain.
    pub fn explain(&self, chain: &[CertificateDer<'_>], clock: i64) -> String {
        let snapshot = self.live.snapshot();
        let request = Request::new(&chain[0], &chain[1..], Expect::dangerously_any_identity());
        let decision = snapshot.verifier().decide(&request, Time::from_unix(clock));
        decision.explain().to_string()
    }

    /// Whether a peer rests on an authority of the bundle that this trust domain has now.
    pub fn is_in_force(&self, domain: &str, peer: &LivePeer) -> bool {
        let snapshot = self.live.snapshot();
        let current = snapshot.verifier().trust().domain(domain);
        let anchor = peer.anchor().fingerprint();
        peer.trust_domain() == domain
            && current.is_some_and(|current| {
                current.bundle().anchors().any(|known| known.fingerprint() == anchor)
            })
    }

    /// Epoch and fence, which only grow (I5).
    pub fn numbers(&self) -> (u64, u64) {
        let snapshot = self.live.snapshot();
        (snapshot.epoch(), snapshot.fence())
    }

    /// The public keys of the authorities that are trusted, by the names of their trust domains.
    pub fn authorities(&self) -> BTreeMap<String, BTreeSet<Vec<u8>>> {
        let snapshot = self.live.snapshot();
        let domains = snapshot.verifier().trust().domains();
        domains
            .map(|domain| {
                let keys = domain.bundle().anchors().map(|anchor| anchor.spki_der().to_vec());
                (domain.name().to_owned(), keys.collect())
            })
            .collect()
    }
}

/// The clock of a workload, as rustls asks it.
#[derive(Clone, Debug, Default)]
struct Clock(Arc<AtomicI64>);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.load(Ordering::SeqCst)).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// What the library tells of refusals.
#[derive(Debug, Default)]
struct Recorder {
    codes: Mutex<Vec<String>>,
    without_credential: AtomicUsize,
}

impl HandshakeEvents for Recorder {
    fn on_rejected(&self, rejected: &RejectedPeer) {
        self.codes.lock().unwrap().push(rejected.decision().code().to_owned());
    }

    fn on_no_credential(&self, _: &NoCredential) {
        self.without_credential.fetch_add(1, Ordering::SeqCst);
    }
}

impl Recorder {
    fn forget(&self) {
        self.codes.lock().unwrap().clear();
        self.without_credential.store(0, Ordering::SeqCst);
    }
}

static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
static TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// The ends of a workload, made once for its life.
pub struct Endpoints {
    clock: Clock,
    events: Arc<Recorder>,
    tls13: Arc<ClientEndpoint>,
    tls12: Arc<ClientEndpoint>,
    sessions: Arc<ServerEndpoint>,
    tickets: Arc<ServerEndpoint>,
}

impl Endpoints {
    /// Accepts the SPIFFE IDs of `expected`; all where there are none. With `hints` tells peers which
    /// authorities it knows.
    pub fn new(live: &Live, expected: &[String], hints: bool) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (clock, events) = (Clock::default(), Arc::new(Recorder::default()));
        let matcher = || -> Option<IdentityMatcher> {
            (!expected.is_empty()).then(|| format!("any({})", expected.join(", ")).parse().unwrap())
        };
        let client = |versions: &'static [&'static SupportedProtocolVersion]| {
            let expect =
                matcher().map_or_else(ExpectServer::dangerously_any, ExpectServer::matching);
            let builder = ClientEndpoint::builder(
                live.clone(),
                provider.clone(),
                expect,
                Presents::IfThereIs,
            )
            .with_time(Arc::new(clock.clone()))
            .with_events(events.clone())
            .with_versions(versions);
            if hints { builder.with_root_hints() } else { builder }.build().unwrap()
        };
        let server = |tickets: bool| {
            let expect =
                matcher().map_or_else(ExpectClient::dangerously_any, ExpectClient::matching);
            let clients = ClientAuth::Required(expect);
            let builder = ServerEndpoint::builder(live.clone(), provider.clone(), clients)
                .with_time(Arc::new(clock.clone()))
                .with_events(events.clone());
            let builder = if hints { builder.with_root_hints() } else { builder };
            if tickets {
                let ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
                builder.with_ticketer(ticketer).build().unwrap()
            } else {
                builder.build().unwrap()
            }
        };
        Endpoints {
            tls13: client(TLS13),
            tls12: client(TLS12),
            sessions: server(false),
            tickets: server(true),
            clock,
            events,
        }
    }
}

/// How two workloads meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meeting {
    pub tls12: bool,
    /// Whether the server hands out tickets, rather than keep sessions.
    pub tickets: bool,
    /// Whether they meet as if for the first time; else they resume where they can.
    pub fresh: bool,
}

impl Meeting {
    pub const FRESH: Self = Meeting { tls12: false, tickets: false, fresh: true };
    pub const TLS13: Self = Meeting { fresh: false, ..Self::FRESH };
    pub const TLS12: Self = Meeting { tls12: true, ..Self::TLS13 };
    /// All ways to resume.
    pub const RESUMING: [Self; 4] = [
        Self::TLS13,
        Self::TLS12,
        Meeting { tickets: true, ..Self::TLS13 },
        Meeting { tickets: true, ..Self::TLS12 },
    ];
    /// As often as for the first time as otherwise.
    pub const ALL: [Self; 8] = [
        Self::FRESH,
        Self::FRESH,
        Self::FRESH,
        Meeting { tls12: true, ..Self::FRESH },
        Self::RESUMING[0],
        Self::RESUMING[1],
        Self::RESUMING[2],
        Self::RESUMING[3],
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Full,
    Resumed,
}

/// What one side saw of the other.
#[derive(Debug)]
pub struct Seen {
    /// The leaf, where the connection has one to show.
    pub leaf: Option<Vec<u8>>,
    pub result: Result<Peer, String>,
}

#[derive(Debug)]
pub struct Outcome {
    pub kind: Kind,
    pub client: Seen,
    pub server: Seen,
}

/// The other side of a connection that carries data.
pub struct Peer {
    pub peer: LivePeer,
    connection: Box<Connection>,
    clock: Clock,
    identity: String,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.identity)
    }
}

impl Peer {
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Enters the session in the register of whoever has this peer.
    pub fn register(self, party: &Party, now: i64) -> Registered {
        let time = Time::from_unix(party.clock(now));
        let session = party.held.live.register(&self.peer, None, time).unwrap();
        Registered { session, connection: self.connection, clock: self.clock }
    }
}

/// One side of a session that goes on.
pub struct Registered {
    session: live::Session,
    connection: Box<Connection>,
    clock: Clock,
}

impl Registered {
    pub fn id(&self) -> SessionId {
        self.session.id()
    }

    /// Whether the session may go on: asked without a lock first, and again where that says so. Then the
    /// connection itself is asked for its peer once more, and must say the same.
    ///
    /// # Errors
    /// Why not; for which of several reasons is the library's choice.
    pub fn ask(&mut self, clock: i64) -> Result<(), String> {
        let time = Time::from_unix(clock);
        let answer = match self.session.ask(time) {
            Standing::Current => return Ok(()),
            Standing::Lapsed(lapse) => Err(lapse.code().to_owned()),
            Standing::AskAgain => {
                self.session.ask_again(time).map_err(|lapse| lapse.code().to_owned())
            }
        };
        self.clock.0.store(clock, Ordering::SeqCst);
        let judged = match self.connection.judge_again() {
            Ok(_) => Ok(()),
            Err(ConnectionError::Peer(error)) => Err(error.code().to_owned()),
            Err(error) => Err(error.to_string()),
        };
        assert_eq!(answer.is_ok(), judged.is_ok(), "session {answer:?}, connection {judged:?}");
        answer
    }
}

/// A connection in use.
pub struct Session {
    pub client: PartyId,
    pub server: PartyId,
    pub client_saw: Arc<Svid>,
    pub server_saw: Arc<Svid>,
    pub client_peer: Registered,
    pub server_peer: Registered,
}

/// One end of a handshake under way.
struct End {
    connection: Box<Connection>,
    error: Option<ConnectionError>,
    clock: Clock,
    events: Arc<Recorder>,
}

impl End {
    fn new(connection: Connection, endpoints: &Endpoints) -> Self {
        let (clock, events) = (endpoints.clock.clone(), endpoints.events.clone());
        End { connection: Box::new(connection), error: None, clock, events }
    }

    fn push(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut out).unwrap();
        }
        out
    }

    fn pull(&mut self, mut wire: &[u8]) {
        while !wire.is_empty() && self.error.is_none() {
            self.connection.read_tls(&mut wire).unwrap();
            self.error = self.connection.process_new_packets().err();
        }
    }

    fn leaf(&self) -> Option<Vec<u8>> {
        Some(self.connection.common().peer_certificates()?.first()?.to_vec())
    }

    fn finish(self) -> Seen {
        let leaf = self.leaf();
        let result = match &self.error {
            None => match self.connection.peer() {
                Some(peer) => {
                    let identity = peer.identity().spiffe_id().unwrap().to_string();
                    let peer = peer.clone();
                    Ok(Peer { peer, connection: self.connection, clock: self.clock, identity })
                }
                None => Err("unfinished".to_owned()),
            },
            Some(error) => Err(self.code(error)),
        };
        Seen { leaf, result }
    }

    /// Why this end gave up, in one word.
    fn code(&self, error: &ConnectionError) -> String {
        match error {
            ConnectionError::Tls(Error::AlertReceived(_)) => "alert".into(),
            ConnectionError::Tls(Error::NoCertificatesPresented)
            | ConnectionError::Peer(PeerError::NoCertificate)
            | ConnectionError::NoCredential => "nothing-presented".into(),
            ConnectionError::Peer(error) => error.code().to_owned(),
            ConnectionError::Tls(Error::InvalidCertificate(_)) => {
                let told = self.events.codes.lock().unwrap().last().cloned();
                told.unwrap_or_else(|| error.to_string())
            }
            _ if self.events.without_credential.load(Ordering::SeqCst) > 0 => {
                "nothing-presented".into()
            }
            error => error.to_string(),
        }
    }
}

/// A handshake, carried flight by flight.
pub struct Handshake {
    client: End,
    server: End,
    to_server: bool,
    silent: usize,
}

impl Handshake {
    /// Begins one at `now`.
    pub fn start(client: &Party, server: &Party, now: i64, meeting: Meeting) -> Self {
        for party in [client, server] {
            let endpoints = party.endpoints();
            endpoints.clock.0.store(party.clock(now), Ordering::SeqCst);
            endpoints.events.forget();
        }
        let (ours, theirs) = (client.endpoints(), server.endpoints());
        let (kind, served) = match meeting.tickets {
            false => ("s", &theirs.sessions),
            true => ("t", &theirs.tickets),
        };
        // The name is what clients keep sessions by.
        static FRESH: AtomicUsize = AtomicUsize::new(0);
        let name = match meeting.fresh {
            false => format!("{kind}{}.test", server.id.0),
            true => format!("{kind}{}.fresh.test", FRESH.fetch_add(1, Ordering::Relaxed)),
        };
        let name = ServerName::try_from(name).unwrap();
        let connecting = if meeting.tls12 { &ours.tls12 } else { &ours.tls13 };
        Handshake {
            client: End::new(connecting.connect(name).unwrap(), ours),
            server: End::new(served.accept().unwrap(), theirs),
            to_server: true,
            silent: 0,
        }
    }

    /// Carries what one side has to say, in turns; false when both have fallen silent.
    pub fn flight(&mut self) -> bool {
        let (from, to) = match self.to_server {
            true => (&mut self.client, &mut self.server),
            false => (&mut self.server, &mut self.client),
        };
        let wire = from.push();
        to.pull(&wire);
        self.to_server = !self.to_server;
        self.silent = if wire.is_empty() { self.silent + 1 } else { 0 };
        self.silent < 2
    }

    /// Whether client and server carry data.
    pub fn open(&self) -> (bool, bool) {
        (self.client.connection.is_open(), self.server.connection.is_open())
    }

    /// What came of it; a connection that stands carries data both ways.
    pub fn finish(mut self) -> Outcome {
        let kind = match self.client.connection.common().handshake_kind() {
            Some(HandshakeKind::Resumed) => Kind::Resumed,
            _ => Kind::Full,
        };
        if self.client.error.is_none() && self.server.error.is_none() {
            carry(&mut self.client, &mut self.server, b"ping");
            carry(&mut self.server, &mut self.client, b"pong");
        }
        Outcome { kind, client: self.client.finish(), server: self.server.finish() }
    }
}

/// Sends data from one end to the other.
fn carry(from: &mut End, to: &mut End, data: &[u8]) {
    from.connection.writer().unwrap().write_all(data).unwrap();
    let wire = from.push();
    to.pull(&wire);
    assert!(to.error.is_none(), "{:?}", to.error);
    let mut got = [0; 4];
    to.connection.reader().unwrap().read_exact(&mut got).unwrap();
    assert_eq!(got, data);
}
