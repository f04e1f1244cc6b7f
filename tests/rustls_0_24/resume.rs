//! Resumption: 77-minute certificates, connections every five hours.
//!
//! Each side on its own, against a peer that resumes with rustls alone, refuses at the first attempt
//! after expiry, revocation or the removal of the authority, with the right alert.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bonafide::credential::Update;
use bonafide::live::{Live, Publication};
use bonafide::policy::ValidationPolicy;
use bonafide::revocation::{Denied, DenyRule};
use bonafide::rustls_0_24::{
    ClientCredentials, ClientEndpoint, ClientVerifier, Connection, ConnectionError, ExpectServer,
    ServerCredentials, ServerEndpoint, ServerVerifier,
};
use bonafide::signature::{Message, PublicKey, SignatureBackend, SignatureError};
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::Verifier;
use bonafide::x509::AlgorithmIdentifier;
use rustls_0_24::client::Resumption;
use rustls_0_24::crypto::cipher::OutboundPlain;
use rustls_0_24::crypto::{CryptoProvider, TicketProducer};
use rustls_0_24::error::AlertDescription;
use rustls_0_24::server::{ServerSessionMemoryCache, Tls13Tickets};
use rustls_0_24::{
    ClientConfig, ClientSide, Error, HandshakeKind, ServerConfig, ServerSide, SideData, SliceInput,
    Tcp,
};

use crate::kit::NOW;
use crate::net::*;
use crate::{credentials, expect_client, same, server_name, sha256};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const LIFE: i64 = 77 * MINUTE;

/// Where a server keeps its sessions.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kept {
    InStore,
    InTickets,
}

fn combinations() -> impl Iterator<Item = (String, Arc<CryptoProvider>, Kept)> {
    versions().into_iter().flat_map(|(version, provider)| {
        [Kept::InStore, Kept::InTickets]
            .map(|kept| (format!("TLS {version}, sessions {kept:?}"), provider.clone(), kept))
    })
}

fn ticketer(provider: &CryptoProvider) -> Arc<dyn TicketProducer> {
    provider.ticketer_factory.ticketer().unwrap()
}

/// What ends a peer's welcome.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    Expiry,
    Revocation,
    RootRemoval,
}

impl Ends {
    const ALL: [Self; 3] = [Self::Expiry, Self::Revocation, Self::RootRemoval];

    fn alert(self) -> u8 {
        match self {
            Self::Expiry => 45,
            Self::Revocation => 44,
            Self::RootRemoval => 48,
        }
    }

    /// The chain of the peer: one that expires, or one that does not.
    fn chain(self, pki: &Pki, dns: &str) -> Chain {
        pki.leaf(dns, 10, |leaf| match self {
            Self::Expiry => leaf.validity(NOW - HOUR, NOW - HOUR + LIFE + HOUR),
            Self::Revocation | Self::RootRemoval => leaf,
        })
    }

    /// Puts the end in force, but for time, which does it by itself.
    fn strike(self, pki: &Pki, live: &Live) {
        let publication = match self {
            Self::Expiry => return,
            Self::Revocation => {
                let issuer_spki = sha256(pki.intermediate.key.spki());
                let denied = Denied::SerialOfKey { issuer_spki, serial_number: vec![10] };
                Publication::new().deny([DenyRule::new(denied)])
            }
            Self::RootRemoval => {
                let other = TrustAnchor::from_der(&pki.stranger.certificate).unwrap();
                Publication::new().bundle("ours", TrustBundle::new([other]))
            }
        };
        live.publish(publication, pki.clock.now()).unwrap();
    }
}

/// Counts what the backend is asked.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl SignatureBackend for Counting {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        BACKEND.verify(key, algorithm, message, signature)
    }
}

impl Counting {
    /// How many since the last time.
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn live(pki: &Pki, backend: &Arc<Counting>, presents: &Chain) -> Live {
    let trust = TrustStore::new([pki.domain(&pki.root)]).unwrap();
    let policy = ValidationPolicy::tls_server();
    let live = Live::new(Verifier::new(trust.into(), policy.into(), backend.clone()));
    pki.present(&live, presents);
    live
}

fn client_verifier(live: &Live) -> Arc<ServerVerifier> {
    Arc::new(ServerVerifier::new(live.clone(), ExpectServer::connection_name()))
}

fn our_client(pki: &Pki, live: &Live, provider: &Arc<CryptoProvider>) -> Arc<ClientEndpoint> {
    let credentials = Arc::new(ClientCredentials::new(live.clone(), pki.clock.clone()));
    let (provider, time) = (provider.clone(), pki.clock.clone());
    let change = |config: &mut ClientConfig| config.enable_early_data = true;
    ClientEndpoint::new(client_verifier(live), provider, time, Some(credentials), change).unwrap()
}

fn our_server(
    pki: &Pki,
    live: &Live,
    provider: &Arc<CryptoProvider>,
    kept: Kept,
) -> Arc<ServerEndpoint> {
    let verifier = Arc::new(ClientVerifier::new(live.clone(), expect_client()));
    let credentials = Arc::new(ServerCredentials::new(live.clone(), pki.clock.clone()));
    let endpoint = ServerEndpoint::new(verifier, provider.clone(), pki.clock.clone(), credentials);
    let endpoint = match kept {
        Kept::InStore => endpoint,
        Kept::InTickets => endpoint.with_ticketer(ticketer(provider)),
    };
    Arc::new(endpoint.configure(|config| config.max_early_data_size = 1_000))
}

/// Who resumes as rustls does, under trust that never changes, and presents what it has for ever.
fn plain_client(
    pki: &Pki,
    live: &Live,
    chain: &Chain,
    provider: &Arc<CryptoProvider>,
) -> Arc<ClientConfig> {
    let credentials = Arc::new(credentials(chain, provider, None));
    let mut config = client_verifier(live)
        .client_config(provider.clone(), pki.clock.clone(), Some(credentials))
        .unwrap();
    config.resumption = Resumption::in_memory_sessions(8);
    Arc::new(config)
}

fn plain_server(
    pki: &Pki,
    live: &Live,
    chain: &Chain,
    provider: &Arc<CryptoProvider>,
    kept: Kept,
) -> Arc<ServerConfig> {
    let credentials = Arc::new(credentials(chain, provider, None));
    let mut config = Arc::new(ClientVerifier::new(live.clone(), expect_client()))
        .server_config(provider.clone(), pki.clock.clone(), credentials)
        .unwrap();
    match kept {
        Kept::InStore => config.session_storage = ServerSessionMemoryCache::new(8),
        Kept::InTickets => config.ticketer = Some(ticketer(provider)),
    }
    config.send_tls13_tickets = Tls13Tickets::default();
    Arc::new(config)
}

/// Either kind of connection.
trait Party {
    fn pull(&mut self, wire: &mut [u8], out: &mut Vec<u8>) -> Result<(), ConnectionError>;
    fn kind(&self) -> Option<HandshakeKind>;
}

impl<Side: SideData> Party for Connection<Side> {
    fn pull(&mut self, wire: &mut [u8], out: &mut Vec<u8>) -> Result<(), ConnectionError> {
        let mut data = Vec::new();
        let io = self.read_tls(&mut SliceInput::new(wire), &mut data, out).map(drop);
        assert!(data.is_empty() || self.is_open());
        io
    }

    fn kind(&self) -> Option<HandshakeKind> {
        self.outputs().handshake_kind()
    }
}

impl<Side: SideData> Party for rustls_0_24::Connection<Side, Tcp> {
    fn pull(&mut self, wire: &mut [u8], out: &mut Vec<u8>) -> Result<(), ConnectionError> {
        let mut input = SliceInput::new(wire);
        Ok(self.read_tls(&mut input, out).handle_all(&mut Vec::new()).map(drop)?)
    }

    fn kind(&self) -> Option<HandshakeKind> {
        self.handshake_kind()
    }
}

/// How a handshake ended on both sides.
#[derive(Debug)]
struct Met {
    client: Result<(), ConnectionError>,
    server: Result<(), ConnectionError>,
    kind: Option<HandshakeKind>,
}

impl Met {
    /// The alert that either side received.
    fn alert(&self) -> Option<u8> {
        [&self.client, &self.server].into_iter().find_map(|side| match side {
            Err(ConnectionError::Tls(Error::AlertReceived(AlertDescription(alert)))) => {
                Some(*alert)
            }
            _ => None,
        })
    }

    fn is_ok(&self) -> bool {
        self.client.is_ok() && self.server.is_ok()
    }
}

/// Carries everything to and fro until both ends are silent.
fn exchange(client: &mut impl Party, server: &mut impl Party, mut to_server: Vec<u8>) -> Met {
    let mut met = Met { client: Ok(()), server: Ok(()), kind: None };
    let mut to_client = Vec::new();
    while !to_server.is_empty() || !to_client.is_empty() {
        let mut wire = std::mem::take(&mut to_server);
        if met.server.is_ok() && !wire.is_empty() {
            met.server = server.pull(&mut wire, &mut to_client);
        }
        let mut wire = std::mem::take(&mut to_client);
        if met.client.is_ok() && !wire.is_empty() {
            met.client = client.pull(&mut wire, &mut to_server);
        }
    }
    met.kind = server.kind();
    met
}

fn meet(
    client: &Arc<ClientEndpoint>,
    server: &Arc<ServerEndpoint>,
) -> (Connection<ClientSide>, Connection<ServerSide>, Met) {
    let mut first = Vec::new();
    let mut c = client.connect(server_name(), &mut first).unwrap();
    let mut s = server.accept().unwrap();
    let met = exchange(&mut c, &mut s, first);
    (c, s, met)
}

/// The peer comes: how the handshake ended, and whether it is a peer.
type Come<'a> = dyn FnMut() -> (Met, bool) + 'a;

/// Full, three times resumed within its time and for nothing, then refused for good.
fn refuses_at_the_first_attempt(
    what: &str,
    ends: Ends,
    pki: &Pki,
    count: &Counting,
    live: &Live,
    come: &mut Come<'_>,
) {
    count.take();
    let (met, peer) = come();
    assert!(met.is_ok() && peer, "{what}: {met:?}");
    assert_eq!(met.kind, Some(HandshakeKind::Full), "{what}");
    // The chain and the handshake.
    assert_eq!(count.take(), 3, "{what}");
    for _ in 0..3 {
        pki.clock.advance(20 * MINUTE);
        let (met, peer) = come();
        assert!(met.is_ok() && peer, "{what}: {met:?}");
        assert_eq!(met.kind, Some(HandshakeKind::Resumed), "{what}");
        assert_eq!(count.take(), 0, "{what}");
    }
    ends.strike(pki, live);
    for _ in 0..6 {
        let (met, peer) = match ends {
            Ends::Expiry => {
                pki.clock.advance(5 * HOUR);
                come()
            }
            Ends::Revocation | Ends::RootRemoval => come(),
        };
        assert_eq!((met.alert(), peer), (Some(ends.alert()), false), "{what}: {met:?}");
    }
}

#[test]
fn a_server_refuses_at_the_first_attempt() {
    for (what, provider, kept) in combinations() {
        for ends in Ends::ALL {
            let (pki, what) = (Pki::new(), format!("{what}, {ends:?}"));
            let (count, others) = (Arc::default(), Arc::default());
            let ours = live(&pki, &count, &pki.leaf(SERVER, 20, same));
            let chain = ends.chain(&pki, CLIENT);
            let theirs = live(&pki, &others, &chain);
            let server = our_server(&pki, &ours, &provider, kept);
            let client = plain_client(&pki, &theirs, &chain, &provider);
            let mut come = || {
                let mut first = Vec::new();
                let mut c = client.connect(server_name()).build(&mut first).unwrap();
                let mut s = server.accept().unwrap();
                let met = exchange(&mut c, &mut s, first);
                let code = s.rejected().map(|rejected| rejected.decision().code());
                assert_eq!(code.is_some(), s.peer().is_none(), "{what}");
                (met, s.peer().is_some())
            };
            refuses_at_the_first_attempt(&what, ends, &pki, &count, &ours, &mut come);
        }
    }
}

#[test]
fn a_client_refuses_at_the_first_attempt() {
    for (what, provider, kept) in combinations() {
        for ends in Ends::ALL {
            let (pki, what) = (Pki::new(), format!("{what}, {ends:?}"));
            let (count, others) = (Arc::default(), Arc::default());
            let ours = live(&pki, &count, &pki.leaf(CLIENT, 20, same));
            let chain = ends.chain(&pki, SERVER);
            let theirs = live(&pki, &others, &chain);
            let client = our_client(&pki, &ours, &provider);
            let server = plain_server(&pki, &theirs, &chain, &provider, kept);
            let mut come = || {
                let mut first = Vec::new();
                let mut c = client.connect(server_name(), &mut first).unwrap();
                let mut s = rustls_0_24::Connection::new(server.clone()).unwrap();
                let met = exchange(&mut c, &mut s, first);
                assert_eq!(c.rejected().is_some(), c.peer().is_none(), "{what}");
                (met, c.peer().is_some())
            };
            refuses_at_the_first_attempt(&what, ends, &pki, &count, &ours, &mut come);
        }
    }
}

#[test]
fn trust_that_changes_within_a_resumption_closes_it() {
    for (what, provider, kept) in combinations() {
        let pki = Pki::new();
        let (mine, theirs) = (pki.leaf(CLIENT, 20, same), pki.leaf(SERVER, 10, same));
        let mine = live(&pki, &Arc::default(), &mine);
        let theirs = live(&pki, &Arc::default(), &theirs);
        let client = our_client(&pki, &mine, &provider);
        let server = our_server(&pki, &theirs, &provider, kept);
        assert!(meet(&client, &server).2.is_ok(), "{what}");
        let (mut first, mut to_client) = (Vec::new(), Vec::new());
        let mut c = client.connect(server_name(), &mut first).unwrap();
        let mut s = server.accept().unwrap();
        s.pull(&mut first, &mut to_client).unwrap();
        // The server has redeemed the session; the client learns meanwhile that it is revoked.
        Ends::Revocation.strike(&pki, &mine);
        let mut out = Vec::new();
        let error = c.pull(&mut to_client, &mut out).unwrap_err();
        assert!(
            matches!(&error, ConnectionError::Peer(error) if error.code() == "revocation.revoked")
        );
        assert_eq!(c.rejected().unwrap().decision().code(), "revocation.revoked", "{what}");
        assert!(!c.is_open() && c.peer().is_none(), "{what}");
        let write = c.write(OutboundPlain::Single(b"secret"), &mut out);
        assert!(matches!(write, Err(ConnectionError::NotVerified)), "{what}");
    }
}

#[test]
fn data_flows_once_both_are_known_and_not_before() {
    for (what, provider, kept) in combinations() {
        let pki = Pki::new();
        let (mine, theirs) = (pki.leaf(CLIENT, 20, same), pki.leaf(SERVER, 10, same));
        let mine = live(&pki, &Arc::default(), &mine);
        let theirs = live(&pki, &Arc::default(), &theirs);
        let client = our_client(&pki, &mine, &provider);
        let server = our_server(&pki, &theirs, &provider, kept);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut early = client.connect(server_name(), &mut Vec::new()).unwrap();
            let write = early.write(OutboundPlain::Single(b"x"), &mut Vec::new());
            assert!(matches!(write, Err(ConnectionError::NotVerified)), "{what}");
            let (mut c, mut s, met) = meet(&client, &server);
            assert!(met.is_ok(), "{what}: {met:?}");
            assert_eq!(met.kind, Some(kind), "{what}");
            assert!(s.peer().unwrap().identity().to_string().contains(CLIENT), "{what}");
            let (mut wire, mut out, mut data) = (Vec::new(), Vec::new(), Vec::new());
            c.write(OutboundPlain::Single(b"question"), &mut wire).unwrap();
            s.read_tls(&mut SliceInput::new(&mut wire), &mut data, &mut out).unwrap();
            assert_eq!(data, b"question", "{what}");
            // A live connection that is judged again after a revocation is closed.
            if kind == HandshakeKind::Resumed {
                assert!(c.judge_again(&mut out).unwrap().is_some(), "{what}");
                Ends::Revocation.strike(&pki, &mine);
                assert!(c.judge_again(&mut out).is_err() && !c.is_open(), "{what}");
            }
        }
    }
}

#[test]
fn no_session_speaks_for_a_credential_that_was_withdrawn() {
    for (what, provider, kept) in combinations() {
        let pki = Pki::new();
        let (old, new) = (pki.leaf(CLIENT, 20, same), pki.leaf(CLIENT, 21, same));
        let mine = live(&pki, &Arc::default(), &old);
        let theirs = live(&pki, &Arc::default(), &pki.leaf(SERVER, 10, same));
        let client = our_client(&pki, &mine, &provider);
        let server = our_server(&pki, &theirs, &provider, kept);
        let seen = |s: &Connection<ServerSide>| {
            let serial = s.peer().unwrap().path().end_entity().unwrap().serial_number().to_vec();
            (s.outputs().handshake_kind(), serial)
        };
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (_, s, met) = meet(&client, &server);
            assert!(met.is_ok(), "{what}: {met:?}");
            assert_eq!(seen(&s), (Some(kind), vec![20]), "{what}");
        }
        // A resumption is under way while the credential is replaced: what it brings in is not kept.
        let mut first = Vec::new();
        let mut c = client.connect(server_name(), &mut first).unwrap();
        let mut s = server.accept().unwrap();
        let withdrawn =
            Update::withdraw(mine.snapshot().credentials().iter().next().unwrap().clone());
        mine.publish(Publication::new().credentials(withdrawn), pki.clock.now()).unwrap();
        pki.present(&mine, &new);
        assert!(exchange(&mut c, &mut s, first).is_ok(), "{what}");
        assert_eq!(seen(&s), (Some(HandshakeKind::Resumed), vec![20]), "{what}");
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (_, s, met) = meet(&client, &server);
            assert!(met.is_ok(), "{what}: {met:?}");
            assert_eq!(seen(&s), (Some(kind), vec![21]), "{what}");
        }
    }
}
