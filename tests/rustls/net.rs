//! Two ends and a wire in memory, a clock that is set, an estate with an authority for each domain.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bonafide::credential::{Credential, CredentialChecks, SoftwareKey, Update};
use bonafide::live::{Live, Publication};
use bonafide::policy::ValidationPolicy;
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, ClientEndpointBuilder, Connection, ConnectionError, ExpectClient,
    ExpectServer, Presents, ServerEndpoint, ServerEndpointBuilder,
};
use bonafide::signature::{RingBackend, SignatureBackend, default_backend};
use bonafide::trust::{Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::Verifier;
use bonafide::x509::Time;
use rustls::crypto::CryptoProvider;
use rustls::time_provider::TimeProvider;
use rustls::{AlertDescription, Error, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::kit::{Authority, CertificateBuilder, GeneralName, Key, Kind, LONG_AGO, NOW, Name};

pub(crate) const SERVER: &str = "db.example.test";
pub(crate) const CLIENT: &str = "spiffe://example.test/web";
pub(crate) const VERSIONS: [(&str, &[&SupportedProtocolVersion]); 2] =
    [("TLS 1.2", &[&rustls::version::TLS12]), ("TLS 1.3", &[&rustls::version::TLS13])];

/// Time as tests set it.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW)))
    }

    pub(crate) fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn seconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_unix(self.seconds())
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.seconds()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

pub(crate) fn ring() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// P-256: its arithmetic is assembly even in a build for debugging.
pub(crate) fn authority(name: &str, number: u64) -> Authority {
    Authority::root(&Name::cn(name), &Key::new(Kind::P256, number))
}

pub(crate) fn bundle(authorities: &[&Authority]) -> TrustBundle {
    TrustBundle::new(
        authorities.iter().map(|authority| TrustAnchor::from_der(&authority.certificate).unwrap()),
    )
}

/// Trust in these authorities for the names of `example.test`.
pub(crate) fn domain(authorities: &[&Authority]) -> Domain {
    let scopes =
        [Scope::dns("example.test").unwrap(), Scope::Spiffe("example.test".parse().unwrap())];
    Domain::named("example.test", scopes, bundle(authorities))
}

pub(crate) fn trust(authorities: &[&Authority]) -> TrustStore {
    TrustStore::new([domain(authorities)]).unwrap()
}

/// What an authority issues.
pub(crate) struct Order {
    pub(crate) names: Vec<GeneralName>,
    pub(crate) key: Key,
    pub(crate) validity: (i64, i64),
    pub(crate) edit: fn(CertificateBuilder) -> CertificateBuilder,
}

impl Order {
    pub(crate) fn new(names: &[GeneralName], key: u64) -> Self {
        Order {
            names: names.to_vec(),
            key: Key::new(Kind::P256, key),
            validity: (LONG_AGO, crate::kit::FAR),
            edit: |builder| builder,
        }
    }

    pub(crate) fn server() -> Self {
        Order::new(&[GeneralName::dns(SERVER)], 4)
    }

    pub(crate) fn client() -> Self {
        Order::new(&[GeneralName::uri(CLIENT)], 5)
    }

    pub(crate) fn issue(&self, authority: &Authority) -> Vec<u8> {
        let (from, until) = self.validity;
        authority.leaf(&Name::cn("leaf"), &self.key, &self.names, |builder| {
            (self.edit)(builder.validity(from, until))
        })
    }

    pub(crate) fn credential(&self, authority: &Authority) -> Credential {
        let key = SoftwareKey::from_der(&self.key.pkcs8().unwrap()).unwrap();
        // What is wrong with it, the peer is to find.
        let policy = ValidationPolicy::rfc5280();
        let (from, _) = self.validity;
        let leaf = [CertificateDer::from(self.issue(authority))];
        CredentialChecks::new(&policy, default_backend(), Time::from_unix(from.max(NOW)))
            .check(&leaf, Arc::new(key))
            .unwrap()
    }
}

/// One end: what it trusts and what it presents.
pub(crate) fn live(
    trust: TrustStore,
    policy: ValidationPolicy,
    credential: Option<Credential>,
) -> Live {
    live_with(Arc::new(RingBackend::NEW), trust, policy, credential)
}

pub(crate) fn live_with(
    backend: Arc<dyn SignatureBackend>,
    trust: TrustStore,
    policy: ValidationPolicy,
    credential: Option<Credential>,
) -> Live {
    let live = Live::new(Verifier::new(trust.into(), policy.into(), backend));
    if let Some(credential) = credential {
        let publication = Publication::new().credentials(Update::install(credential));
        live.publish(publication, Time::from_unix(NOW)).unwrap();
    }
    live
}

pub(crate) fn client(live: &Live, clock: &Clock) -> ClientEndpointBuilder {
    let expect = ExpectServer::connection_name();
    ClientEndpoint::builder(live.clone(), ring(), expect, Presents::IfThereIs)
        .with_time(Arc::new(clock.clone()))
}

pub(crate) fn server(live: &Live, clock: &Clock) -> ServerEndpointBuilder {
    let clients = ClientAuth::Required(ExpectClient::matching(matcher()));
    ServerEndpoint::builder(live.clone(), ring(), clients).with_time(Arc::new(clock.clone()))
}

pub(crate) fn matcher() -> bonafide::identity::IdentityMatcher {
    "spiffe://example.test/**".parse().unwrap()
}

pub(crate) fn name() -> ServerName<'static> {
    SERVER.try_into().unwrap()
}

/// Either kind of connection.
pub(crate) trait End {
    fn pull(&mut self, wire: &[u8]) -> Result<(), ConnectionError>;
    fn push(&mut self) -> Vec<u8>;
}

impl End for Connection {
    fn pull(&mut self, mut wire: &[u8]) -> Result<(), ConnectionError> {
        while !wire.is_empty() {
            self.read_tls(&mut wire).unwrap();
            self.process_new_packets()?;
        }
        Ok(())
    }

    fn push(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while self.wants_write() {
            self.write_tls(&mut out).unwrap();
        }
        out
    }
}

impl End for rustls::Connection {
    fn pull(&mut self, mut wire: &[u8]) -> Result<(), ConnectionError> {
        while !wire.is_empty() {
            self.read_tls(&mut wire).unwrap();
            self.process_new_packets()?;
        }
        Ok(())
    }

    fn push(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while self.wants_write() {
            self.write_tls(&mut out).unwrap();
        }
        out
    }
}

/// How a handshake ended on both sides.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) client: Result<(), ConnectionError>,
    pub(crate) server: Result<(), ConnectionError>,
}

impl Ended {
    /// The alert that the client, or the server, received.
    pub(crate) fn alert(&self) -> Option<AlertDescription> {
        [&self.client, &self.server].into_iter().find_map(|side| match side {
            Err(ConnectionError::Tls(Error::AlertReceived(alert))) => Some(*alert),
            _ => None,
        })
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.client.is_ok() && self.server.is_ok()
    }
}

/// Carries everything to and fro until both ends are silent.
pub(crate) fn exchange(client: &mut impl End, server: &mut impl End) -> Ended {
    let mut ended = Ended { client: Ok(()), server: Ok(()) };
    loop {
        let (to_server, to_client) = (client.push(), server.push());
        if to_server.is_empty() && to_client.is_empty() {
            return ended;
        }
        if ended.server.is_ok() {
            ended.server = server.pull(&to_server);
        }
        if ended.client.is_ok() {
            ended.client = client.pull(&to_client);
        }
    }
}

/// A handshake of two endpoints, with what came of it.
pub(crate) fn meet(
    client: &Arc<ClientEndpoint>,
    server: &Arc<ServerEndpoint>,
) -> (Connection, Connection, Ended) {
    let mut client = client.connect(name()).unwrap();
    let mut server = server.accept().unwrap();
    let ended = exchange(&mut client, &mut server);
    (client, server, ended)
}
