//! Two ends in memory: authorities, what each side has, and the pump that lets them shake hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bonafide::credential::{CredentialChecks, SoftwareKey, Update};
use bonafide::live::{Live, Publication};
use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::revocation::{
    CrlSigner, CrlStore, EvidenceRequest, Revocation, RevocationSource, SignatureTools, VerifiedCrl,
};
use bonafide::rustls_0_24::{ExpectedPeer, Progress, Suspended};
use bonafide::signature::{AlgorithmPolicy, PkiTypesBackend};
use bonafide::trust::{Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::Verifier;
use bonafide::x509::{OwnedCertificate, Time};
use rustls_0_24::client::ClientHandshake;
use rustls_0_24::crypto::CryptoProvider;
use rustls_0_24::error::AlertDescription;
use rustls_0_24::server::ServerHandshake;
use rustls_0_24::split::{ReceiveTrafficState, SplitConnection};
use rustls_0_24::time_provider::TimeProvider;
use rustls_0_24::{
    ClientConfig, ClientSide, ConnectionOutputs, Error, HandshakeKind, ServerConfig, ServerSide,
    SideData, SliceInput, Tcp, VerifyPeerIdentity,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::kit::ext::{self, DistributionPoint, purpose};
use crate::kit::{
    Authority, CertificateBuilder, CrlBuilder, GeneralName, Key, Kind, NOW, Name, Revoked,
};

pub const SERVER: &str = "server.example.test";
pub const CLIENT: &str = "client.example.test";
pub const BACKEND: PkiTypesBackend = PkiTypesBackend::new(rustls_aws_lc_rs::ALL_VERIFICATION_ALGS);

/// TLS 1.2 and TLS 1.3.
pub fn versions() -> [(&'static str, Arc<CryptoProvider>); 2] {
    [
        ("1.2", Arc::new(rustls_aws_lc_rs::DEFAULT_TLS12_PROVIDER)),
        ("1.3", Arc::new(rustls_aws_lc_rs::DEFAULT_TLS13_PROVIDER)),
    ]
}

/// A clock that moves when it is told to.
#[derive(Debug)]
pub struct Clock(AtomicI64);

impl Clock {
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn now(&self) -> Time {
        self.unix().into()
    }

    pub fn unix(&self) -> UnixTime {
        let seconds = u64::try_from(self.0.load(Ordering::SeqCst)).unwrap();
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.unix())
    }
}

/// Where certificates of [`Pki::leaf`] say that their list is.
pub const LIST: &str = "http://crl.example.test/intermediate.crl";

pub struct Pki {
    pub root: Authority,
    pub intermediate: Authority,
    pub stranger: Authority,
    pub clock: Arc<Clock>,
}

pub struct Chain {
    pub certificates: Vec<CertificateDer<'static>>,
    pub key: Key,
}

impl Pki {
    pub fn new() -> Self {
        let key = |number| Key::new(Kind::P256, number);
        let root = Authority::root(&Name::cn("Example Root"), &key(0));
        let intermediate =
            root.intermediate(&Name::cn("Example Intermediate"), &key(1), |ca| ca.serial(&[2]));
        let stranger = Authority::root(&Name::cn("Stranger"), &key(4));
        Self { root, intermediate, stranger, clock: Arc::new(Clock(NOW.into())) }
    }

    pub fn leaf(
        &self,
        dns: &str,
        serial: u8,
        edit: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
    ) -> Chain {
        self.leaf_by(&self.intermediate, dns, serial, edit)
    }

    pub fn leaf_by(
        &self,
        by: &Authority,
        dns: &str,
        serial: u8,
        edit: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
    ) -> Chain {
        let key = Key::new(Kind::P256, 2);
        let both = [purpose::SERVER_AUTH, purpose::CLIENT_AUTH];
        let leaf = by.leaf(&Name::cn(dns), &key, &[GeneralName::dns(dns)], |leaf| {
            let leaf = leaf.serial(&[serial]).with(ext::extended_key_usage(&both));
            edit(leaf.with(ext::crl_distribution_points(&[DistributionPoint::uri(LIST)])))
        });
        let certificates = vec![leaf.into(), by.certificate.clone().into()];
        Chain { certificates, key }
    }

    pub fn domain(&self, root: &Authority) -> Domain {
        let anchor = TrustAnchor::from_der(&root.certificate).unwrap();
        let scope = Scope::dns("example.test").unwrap();
        Domain::named("ours", [scope], TrustBundle::new([anchor]))
    }

    /// The list of the intermediate, made now, with these leaves revoked: what is fetched.
    pub fn list(&self, number: u8, revoked: &[u8]) -> Arc<dyn RevocationSource> {
        let list = self.list_of(&self.intermediate, number, revoked);
        Arc::new(CrlStore::new().with(list).unwrap())
    }

    /// That of the root as well: what is published.
    pub fn lists(&self, number: u8, revoked: &[u8]) -> Arc<dyn RevocationSource> {
        let store = CrlStore::new().with(self.list_of(&self.root, number, &[])).unwrap();
        let list = self.list_of(&self.intermediate, number, revoked);
        Arc::new(store.with(list).unwrap())
    }

    fn list_of(&self, by: &Authority, number: u8, revoked: &[u8]) -> VerifiedCrl {
        let now = self.clock.now().unix();
        let list = CrlBuilder::complete(&by.name, number, &by.key);
        let list = list.updates(now, Some((now + 3_600).into()));
        let list = revoked.iter().fold(list, |list, serial| list.revoke(Revoked::new(&[*serial])));
        let signer = OwnedCertificate::from_der(by.certificate.clone()).unwrap();
        let signers = [CrlSigner::certificate(signer).unwrap()];
        let algorithms = AlgorithmPolicy::DEFAULT;
        let tools = SignatureTools::new(&BACKEND, &algorithms);
        VerifiedCrl::take_in(&list.sign(&by.key), &signers, &tools).unwrap()
    }

    /// Trust in the root, nothing asked about revocation.
    pub fn lenient(&self) -> Live {
        self.live(ValidationPolicy::tls_server(), Revocation::new())
    }

    /// Trust in the root, and its list; a status that is unknown is refused.
    pub fn strict(&self) -> Live {
        let policy = ValidationPolicy::tls_server().with_revocation(RevocationPolicy::hard_fail());
        let store = CrlStore::new().with(self.list_of(&self.root, 1, &[])).unwrap();
        self.live(policy, Revocation::new().with_source(Arc::new(store)))
    }

    fn live(&self, policy: ValidationPolicy, revocation: Revocation) -> Live {
        let trust = TrustStore::new([self.domain(&self.root)]).unwrap();
        let verifier = Verifier::new(trust.into(), policy.into(), Arc::new(BACKEND));
        Live::new(verifier.with_revocation(revocation.into()))
    }

    pub fn present(&self, live: &Live, chain: &Chain) {
        let key = SoftwareKey::from_der(&chain.key.pkcs8().unwrap()).unwrap();
        // Wrong ones too: for the peer to refuse.
        let policy = ValidationPolicy::rfc5280();
        let early = Time::from_unix(NOW - 1_000);
        let credential = CredentialChecks::new(&policy, &BACKEND, early)
            .check(&chain.certificates, Arc::new(key))
            .unwrap();
        live.publish(Publication::new().credentials(Update::install(credential)), early).unwrap();
    }
}

/// How an end answers where its handshake stops at the peer's certificates.
pub enum Asks<'a> {
    /// It lets the verifier of its configuration answer.
    Config,
    /// It suspends and fetches.
    Host(&'a mut dyn FnMut(Vec<EvidenceRequest>) -> Vec<Arc<dyn RevocationSource>>),
}

/// What became of one end.
pub struct End {
    pub outputs: Option<ConnectionOutputs>,
    pub error: Option<Error>,
    pub expected: Option<ExpectedPeer>,
    /// How often its handshake stopped at the peer's certificates.
    pub stops: usize,
    /// How often evidence was wanted.
    pub needs: usize,
}

impl End {
    fn new() -> Self {
        Self { outputs: None, error: None, expected: None, stops: 0, needs: 0 }
    }

    /// The alert that the peer sent.
    pub fn alert(&self) -> Option<u8> {
        match self.error {
            Some(Error::AlertReceived(AlertDescription(number))) => Some(number),
            _ => None,
        }
    }

    pub fn kind(&self) -> Option<HandshakeKind> {
        self.outputs.as_ref().filter(|_| self.error.is_none())?.handshake_kind()
    }

    pub fn outputs(&self) -> &ConnectionOutputs {
        assert!(self.error.is_none(), "{:?}", self.error);
        self.outputs.as_ref().unwrap()
    }

    fn answer<Side: SideData>(
        &mut self,
        stopped: VerifyPeerIdentity<Side, Tcp>,
        suspend: impl FnOnce(VerifyPeerIdentity<Side, Tcp>) -> Suspended<Side>,
        asks: &mut Asks<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Side::Handshake, Error> {
        self.stops += 1;
        let Asks::Host(fetch) = asks else { return stopped.with_config(out) };
        let mut suspended = suspend(stopped);
        while let Progress::Needs(wants) = suspended.step()? {
            self.needs += 1;
            assert!(self.needs < 8, "it asks for the same again and again: {wants:?}");
            suspended.supply(fetch(wants));
        }
        let (handshake, expected) = suspended.resume(out)?;
        self.expected = Some(expected);
        Ok(handshake)
    }

    /// Reads what comes after the handshake: tickets, or the alert of a server that refuses.
    fn close<Side: SideData>(&mut self, connection: SplitConnection<Side>, inbox: &mut [u8]) {
        self.outputs = Some(connection.outputs);
        let mut input = SliceInput::new(inbox);
        match connection.receive.read(&mut input) {
            Err(error) => self.error = Some(error),
            Ok(ReceiveTrafficState::ReadMore(_)) => {}
            Ok(other) => panic!("nothing was sent, and {other:?} was received"),
        }
    }
}

type Suspend<Side> = dyn Fn(VerifyPeerIdentity<Side, Tcp>) -> Suspended<Side>;

/// What an end brings along.
pub struct Brings<'a, Config, Side: SideData> {
    pub config: Arc<Config>,
    pub suspend: Box<Suspend<Side>>,
    pub asks: Asks<'a>,
}

/// Lets the two shake hands until nobody has anything to say.
pub fn shake_hands(
    mut client: Brings<'_, ClientConfig, ClientSide>,
    mut server: Brings<'_, ServerConfig, ServerSide>,
) -> (End, End) {
    let (mut client_end, mut server_end) = (End::new(), End::new());
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let name = ServerName::try_from(SERVER).unwrap();
    let started = client.config.connect(name).start_handshake(&mut to_server).unwrap();
    let mut client_state = Some(ClientHandshake::NeedsInput(started));
    let mut server_state = Some(ServerHandshake::NeedsInput(ServerHandshake::start()));
    let mut client_over = None;
    let mut server_over = None;
    loop {
        let mut moved = false;
        match server_state.take() {
            Some(ServerHandshake::NeedsInput(state)) if to_server.is_empty() => {
                server_state = Some(ServerHandshake::NeedsInput(state));
            }
            Some(ServerHandshake::Complete(connection)) => server_over = Some(connection),
            Some(state) => {
                moved = true;
                let next = match state {
                    ServerHandshake::NeedsInput(state) => {
                        take(&mut to_server, |input| state.process(input, &mut to_client))
                    }
                    ServerHandshake::Accepted(accepted) => {
                        accepted.choose_config(server.config.clone(), &mut to_client)
                    }
                    ServerHandshake::VerifyClientIdentity(stopped) => server_end.answer(
                        stopped,
                        &server.suspend,
                        &mut server.asks,
                        &mut to_client,
                    ),
                    other => panic!("{other:?}"),
                };
                match next {
                    Ok(next) => server_state = Some(next),
                    Err(error) => server_end.error = Some(error),
                }
            }
            None => {}
        }
        match client_state.take() {
            Some(ClientHandshake::NeedsInput(state)) if to_client.is_empty() => {
                client_state = Some(ClientHandshake::NeedsInput(state));
            }
            Some(ClientHandshake::Complete(connection)) => client_over = Some(connection),
            Some(state) => {
                moved = true;
                let next = match state {
                    ClientHandshake::NeedsInput(state) => {
                        take(&mut to_client, |input| state.process(input, &mut to_server))
                    }
                    ClientHandshake::VerifyServerIdentity(stopped) => client_end.answer(
                        stopped,
                        &client.suspend,
                        &mut client.asks,
                        &mut to_server,
                    ),
                    other => panic!("{other:?}"),
                };
                match next {
                    Ok(next) => client_state = Some(next),
                    Err(error) => client_end.error = Some(error),
                }
            }
            None => {}
        }
        if !moved {
            break;
        }
    }
    if let Some(connection) = client_over {
        client_end.close(connection, &mut to_client);
    }
    if let Some(connection) = server_over {
        server_end.close(connection, &mut to_server);
    }
    (client_end, server_end)
}

/// Hands over what arrived and keeps what was not used.
fn take<R>(arrived: &mut Vec<u8>, process: impl FnOnce(&mut SliceInput<'_>) -> R) -> R {
    let mut octets = std::mem::take(arrived);
    let mut input = SliceInput::new(&mut octets);
    let result = process(&mut input);
    let used = input.into_used();
    octets.drain(..used);
    arrived.splice(..0, octets);
    result
}
