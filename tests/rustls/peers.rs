//! Who the peer is: by wrapper, by handshake, by shared configuration; and the modes of authentication.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use bonafide::live::Publication;
use bonafide::policy::{ExtensionHandler, ValidationPolicy};
use bonafide::rustls::{
    ChainDigest, ClientAuth, ClientEndpoint, ConnectionError, EndpointsByName, ExpectClient,
    ExpectServer, PeerError, PinnedKeys, Presents, ServerEndpoint,
};
use bonafide::signature::{
    AlgorithmPolicy, Message, PublicKey, RingBackend, SignatureBackend, SignatureError,
};
use bonafide::trust::{Domain, Scope, TrustStore};
use bonafide::x509::{AlgorithmIdentifier, Certificate, Extension};
use rustls::server::Acceptor;
use rustls::{AlertDescription as Alert, HandshakeKind};
use rustls_pki_types::SubjectPublicKeyInfoDer;

use crate::foreign;
use crate::kit::{Authority, CertificateBuilder, GeneralName, Key, Kind, Name, der, ext};
use crate::net::*;

type Lives = (bonafide::live::Live, bonafide::live::Live);

fn lives(root: &Authority) -> Lives {
    let mine = Some(Order::client().credential(root));
    let theirs = Some(Order::server().credential(root));
    (
        live(trust(&[root]), ValidationPolicy::tls_server(), mine),
        live(trust(&[root]), ValidationPolicy::tls_client(), theirs),
    )
}

#[test]
fn data_flows_both_ways_once_both_are_known_and_not_before() {
    let root = authority("Root", 0);
    let (mine, theirs) = lives(&root);
    let clock = Clock::new();
    let client = client(&mine, &clock).build().unwrap();
    let server = server(&theirs, &clock).build().unwrap();
    let mut c = client.connect(name()).unwrap();
    let mut s = server.accept().unwrap();
    assert!(matches!(c.writer(), Err(ConnectionError::NotVerified)));
    assert!(matches!(s.reader(), Err(ConnectionError::NotVerified)));
    assert!(matches!(c.judge_again(), Err(ConnectionError::NotVerified)));
    assert!(exchange(&mut c, &mut s).is_ok());
    c.writer().unwrap().write_all(b"question").unwrap();
    s.writer().unwrap().write_all(b"answer").unwrap();
    assert!(exchange(&mut c, &mut s).is_ok());
    let (mut question, mut answer) = ([0; 8], [0; 6]);
    s.reader().unwrap().read_exact(&mut question).unwrap();
    c.reader().unwrap().read_exact(&mut answer).unwrap();
    assert_eq!((&question, &answer), (b"question", b"answer"));
    assert_eq!(s.server_name(), Some(SERVER));

    // The peer itself can be asked, and the connection.
    let peer = s.peer().unwrap().clone();
    assert!(peer.ask(clock.now()).is_current());
    let removed = Publication::new().bundle("example.test", bundle(&[&authority("Other", 1)]));
    theirs.publish(removed, clock.now()).unwrap();
    assert!(!peer.ask(clock.now()).is_current());
    assert!(s.judge_again().is_err());
    assert!(s.reader().is_err() && s.peer().is_none(), "closed for good");
    assert!(matches!(s.process_new_packets(), Err(ConnectionError::NotVerified)));
}

#[test]
fn blocking_transports_complete_and_fail() {
    let root = authority("Root", 0);
    let (mine, theirs) = lives(&root);
    let clock = Clock::new();
    let client = client(&mine, &clock).build().unwrap();
    let server = server(&theirs, &clock).build().unwrap();
    for known in [true, false] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        if !known {
            let other = bundle(&[&authority("Other", 1)]);
            theirs.publish(Publication::new().bundle("example.test", other), clock.now()).unwrap();
        }
        let server = server.clone();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut connection = server.accept().unwrap();
            let done = connection.complete_handshake(&mut stream);
            (done.map_err(|error| error.to_string()), connection.peer().is_some())
        });
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let mut connection = client.connect(name()).unwrap();
        let done = connection.complete_handshake(&mut stream);
        let (served, verified) = serving.join().unwrap();
        assert_eq!((done.is_ok(), served.is_ok(), verified), (true, known, known));
        if let Err(error) = served {
            assert_eq!(error, "invalid peer certificate: UnknownIssuer");
        }
    }
}

#[test]
fn a_handshake_answers_for_its_own_connection_only() {
    let root = authority("Root", 0);
    let (mine, theirs) = lives(&root);
    let clock = Clock::new();
    let client = client(&mine, &clock).build().unwrap();
    let server = server(&theirs, &clock).build().unwrap();
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (own, other) = (server.handshake().unwrap(), server.handshake().unwrap());
        let mut c = foreign::connect(&client.dangerously_resuming_config());
        let mut s: rustls::Connection = rustls::ServerConnection::new(own.config()).unwrap().into();
        assert!(matches!(own.verified_peer(&s), Err(PeerError::Handshaking)));
        assert!(exchange(&mut c, &mut s).is_ok());
        assert_eq!(s.handshake_kind(), Some(kind));
        assert!(own.verified_peer(&s).unwrap().is_some(), "{kind:?}");
        assert!(matches!(other.verified_peer(&s), Err(PeerError::Foreign)), "{kind:?}");
        let chain = s.peer_certificates().unwrap();
        assert!(own.peer_of_chain(chain).is_ok(), "{kind:?}");
        assert!(matches!(other.peer_of_chain(chain), Err(PeerError::Foreign)), "{kind:?}");
        // The chain of somebody else, such as one from a header.
        let forwarded = [Order::client().issue(&root).into()];
        assert!(matches!(own.peer_of_chain(&forwarded), Err(PeerError::Foreign)), "{kind:?}");
    }
}

#[test]
fn clients_are_required_optional_or_not_asked() {
    let root = authority("Root", 0);
    let (mine, theirs) = lives(&root);
    let expect = || ExpectClient::matching(matcher());
    // Mode, what the client presents, whether it gets in, whether the server knows it.
    for (clients, presents, enters, known) in [
        (ClientAuth::Required(expect()), Presents::IfThereIs, true, true),
        (ClientAuth::Required(expect()), Presents::Nothing, false, false),
        (ClientAuth::Optional(expect()), Presents::IfThereIs, true, true),
        (ClientAuth::Optional(expect()), Presents::Nothing, true, false),
        (ClientAuth::Off, Presents::Always, true, false),
        (ClientAuth::Off, Presents::Nothing, true, false),
    ] {
        for (version, versions) in VERSIONS {
            let what = format!("{clients:?}, {presents:?}, {version}");
            let clock = Clock::new();
            let server = ServerEndpoint::builder(theirs.clone(), ring(), clients.clone())
                .with_time(Arc::new(clock.clone()))
                .with_versions(versions)
                .build()
                .unwrap();
            let name_of = ExpectServer::connection_name();
            let client = ClientEndpoint::builder(mine.clone(), ring(), name_of, presents)
                .with_time(Arc::new(clock.clone()))
                .with_versions(versions)
                .build()
                .unwrap();
            for resumed in [false, true] {
                let (c, s, ended) = meet(&client, &server);
                assert_eq!(ended.is_ok(), enters, "{what}: {ended:?}");
                assert_eq!(s.peer().is_some(), known, "{what}");
                assert_eq!(s.is_open(), enters, "{what}");
                if enters {
                    assert!(c.peer().is_some(), "{what}");
                    let kind = s.common().handshake_kind();
                    assert_eq!(kind == Some(HandshakeKind::Resumed), resumed, "{what}");
                }
            }
            // The same by a shared configuration.
            let config = server.config();
            let (mut c, mut s) = (foreign::connect(&client.config()), foreign::accept(&config));
            assert_eq!(exchange(&mut c, &mut s).is_ok(), enters, "{what}");
            if enters {
                assert_eq!(server.verified_peer(&s).unwrap().is_some(), known, "{what}");
                assert!(client.verified_peer(&c, &name()).is_ok(), "{what}");
                let other = "other.example.test".try_into().unwrap();
                let error = client.verified_peer(&c, &other).unwrap_err();
                assert_eq!(error.code(), "identity.name-mismatch", "{what}");
            }
        }
    }
}

#[test]
fn servers_are_expected_by_address_by_matcher_or_at_all() {
    let root = authority("Root", 0);
    let clock = Clock::new();
    let policy = ValidationPolicy::tls_server;
    let scopes = [
        Scope::dns("example.test").unwrap(),
        Scope::ip("192.0.2.0".parse().unwrap(), 24).unwrap(),
        Scope::Spiffe("example.test".parse().unwrap()),
    ];
    let store = TrustStore::new([Domain::named("ours", scopes, bundle(&[&root]))]).unwrap();
    let mine = live(store, policy(), None);
    let names = [
        GeneralName::ip(&[192, 0, 2, 7]),
        GeneralName::uri("spiffe://example.test/db"),
        GeneralName::dns("*.example.test"),
    ];
    let theirs = live(trust(&[]), policy(), Some(Order::new(&names, 4).credential(&root)));
    let server = ServerEndpoint::builder(theirs, ring(), ClientAuth::Off)
        .with_time(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let matching = |text: &str| ExpectServer::matching(text.parse().unwrap());
    for (what, expect, name, code) in [
        ("address", ExpectServer::connection_name(), "192.0.2.7", None),
        (
            "other address",
            ExpectServer::connection_name(),
            "192.0.2.8",
            Some("identity.name-mismatch"),
        ),
        ("wildcard", ExpectServer::connection_name(), "a.example.test", None),
        (
            "below the wildcard",
            ExpectServer::connection_name(),
            "a.b.example.test",
            Some("identity.name-mismatch"),
        ),
        ("untrusted name", ExpectServer::connection_name(), "a.test", Some("trust.no-domain")),
        ("matcher", matching("spiffe://example.test/db"), "whatever.test", None),
        (
            "other matcher",
            matching("spiffe://example.test/web"),
            "a.example.test",
            Some("identity.not-accepted"),
        ),
        ("any", ExpectServer::dangerously_any(), "whatever.test", None),
    ] {
        let client = ClientEndpoint::builder(mine.clone(), ring(), expect, Presents::Nothing)
            .with_time(Arc::new(clock.clone()))
            .build()
            .unwrap();
        let mut c = client.connect(name.try_into().unwrap()).unwrap();
        let mut s = server.accept().unwrap();
        let ended = exchange(&mut c, &mut s);
        assert_eq!(ended.is_ok(), code.is_none(), "{what}: {ended:?}");
        let rejections = client.verifier().rejections();
        let found = rejections.last().map(|rejected| rejected.decision().code());
        assert_eq!(found, code, "{what}");
    }
}

#[test]
fn each_name_has_its_trust_and_its_sessions() {
    let (ours, partners) = (authority("Ours", 0), authority("Partners", 1));
    let clock = Clock::new();
    let names = [GeneralName::dns("*.example.test")];
    let credential = Order::new(&names, 4).credential(&ours);
    let theirs = live(trust(&[&ours]), ValidationPolicy::tls_client(), Some(credential));
    let publication = Publication::new().labelled_trust("partners", trust(&[&partners]).into());
    theirs.publish(publication, clock.now()).unwrap();
    let ours_only = server(&theirs, &clock).build().unwrap();
    let partners_only = server(&theirs, &clock).with_label("partners").build().unwrap();
    let endpoints = EndpointsByName::new()
        .with_name("api.example.test".parse().unwrap(), partners_only)
        .with_default(ours_only);

    for (who, name, enters) in [
        (&ours, "db.example.test", true),
        (&ours, "api.example.test", false),
        (&partners, "api.example.test", true),
        (&partners, "db.example.test", false),
    ] {
        let own = Order::client().credential(who);
        let mine = live(trust(&[&ours]), ValidationPolicy::tls_server(), Some(own));
        let client = client(&mine, &clock).build().unwrap();
        let mut c = client.connect(name.try_into().unwrap()).unwrap();
        let mut acceptor = Acceptor::default();
        let hello = c.push();
        acceptor.read_tls(&mut &hello[..]).unwrap();
        let accepted = acceptor.accept().unwrap().unwrap();
        let endpoint = endpoints.choose(&accepted.client_hello()).unwrap();
        let mut s = endpoint.accept_from(accepted).map_err(|(error, _)| error).unwrap();
        let ended = exchange(&mut c, &mut s);
        assert_eq!(ended.is_ok(), enters, "{} at {name}: {ended:?}", who.key.spki().len());
        assert_eq!(s.peer().is_some(), enters);
        if !enters {
            assert_eq!(ended.alert(), Some(Alert::UnknownCA));
            let rejected = endpoint.verifier().unwrap().rejections().pop().unwrap();
            let label = (name == "api.example.test").then_some("partners");
            assert_eq!(rejected.label(), label);
        }
    }
    let only_db = EndpointsByName::new()
        .with_name("db.example.test".parse().unwrap(), server(&theirs, &clock).build().unwrap());
    for (name, served) in [("db.example.test", true), ("api.example.test", false)] {
        let mine = live(trust(&[]), ValidationPolicy::tls_server(), None);
        let client = client(&mine, &clock).build().unwrap();
        let mut c = client.connect(name.try_into().unwrap()).unwrap();
        let mut acceptor = Acceptor::default();
        acceptor.read_tls(&mut &c.push()[..]).unwrap();
        let accepted = acceptor.accept().unwrap().unwrap();
        assert_eq!(only_db.choose(&accepted.client_hello()).is_some(), served, "{name}");
    }
}

#[test]
fn a_client_has_the_trust_of_its_label() {
    let (ours, partners) = (authority("Ours", 0), authority("Partners", 1));
    let clock = Clock::new();
    let (_, theirs) = lives(&partners);
    let server = ServerEndpoint::builder(theirs, ring(), ClientAuth::Off)
        .with_time(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let mine = live(trust(&[&ours]), ValidationPolicy::tls_server(), None);
    let labelled = Publication::new().labelled_trust("partners", trust(&[&partners]).into());
    mine.publish(labelled, clock.now()).unwrap();
    for (label, code) in [
        (None, Some("trust.no-route")),
        (Some("partners"), None),
        (Some("nobody"), Some("trust.unknown-label")),
    ] {
        let mut builder = client(&mine, &clock);
        if let Some(label) = label {
            builder = builder.with_label(label);
        }
        let (c, _, ended) = meet(&builder.build().unwrap(), &server);
        assert_eq!(ended.is_ok(), code.is_none(), "{label:?}: {ended:?}");
        assert_eq!(c.rejected().map(|rejected| rejected.decision().code()), code, "{label:?}");
        assert_eq!(ended.alert(), code.map(|_| Alert::UnknownCA), "{label:?}");
    }
}

#[test]
fn a_connection_knows_whom_it_refused() {
    let (ours, stranger) = (authority("Ours", 0), authority("Stranger", 1));
    let clock = Clock::new();
    let mine = live(trust(&[&ours]), ValidationPolicy::tls_server(), None);
    let client = client(&mine, &clock).build().unwrap();
    let server = |order: &Order, issuer| {
        let own = Some(order.credential(issuer));
        let theirs = live(trust(&[&ours]), ValidationPolicy::tls_client(), own);
        ServerEndpoint::builder(theirs, ring(), ClientAuth::Off)
            .with_time(Arc::new(clock.clone()))
            .build()
            .unwrap()
    };
    let mut signer = Order::server();
    signer.edit = |builder| builder.with(ext::extended_key_usage(&[ext::purpose::CODE_SIGNING]));
    let mut other = Order::server();
    other.key = Key::new(Kind::P256, 2);
    // Servers of one name, refused one after the other; each connection is asked when all are.
    let mut refused = Vec::new();
    for (order, issuer, code) in [
        (&Order::server(), &stranger, "trust.no-route"),
        (&signer, &ours, "extended-key-usage.purpose"),
        (&other, &stranger, "trust.no-route"),
    ] {
        let (c, _, ended) = meet(&client, &server(order, issuer));
        assert!(!ended.is_ok());
        refused.push((c, client.verifier().rejections().last().unwrap().chain(), code));
    }
    for (c, chain, code) in refused {
        let rejected = c.rejected().unwrap();
        assert_eq!((rejected.decision().code(), rejected.chain()), (code, chain));
    }
    // What fails for another reason is nobody's rejection.
    let mut c = client.connect(name()).unwrap();
    assert!(c.pull(b"HTTP/1.1 400 Bad Request\r\n\r\n").is_err());
    assert!(c.rejected().is_none());
}

/// Accepts one extension.
#[derive(Debug)]
struct Understood;

impl ExtensionHandler for Understood {
    fn name(&self) -> &str {
        "understood"
    }

    fn check(&self, _: &Extension<'_>, _: &Certificate<'_>, _: usize) -> Result<(), &'static str> {
        Ok(())
    }
}

const OURS: &str = "1.3.6.1.4.1.32473.1";

#[test]
fn what_only_the_policy_may_refuse_is_accepted_where_it_does_not() {
    let root = authority("Root", 0);
    let oid = || OURS.parse().unwrap();
    let understanding =
        ValidationPolicy::tls_server().with_extension_handler(oid(), Arc::new(Understood));
    let critical =
        |builder: CertificateBuilder| builder.with(ext::Extension::raw(OURS, true, &der::null()));
    let v1 = |builder: CertificateBuilder| builder.version(None).extensions_raw(&[]);
    // A v1 certificate bears no name but its subject.
    let subject = || Scope::directory(&Name::cn("leaf").0).unwrap();
    let store = |root: &Authority| {
        TrustStore::new([Domain::named(
            "ours",
            [subject(), Scope::dns("example.test").unwrap()],
            bundle(&[root]),
        )])
        .unwrap()
    };
    type Edit = fn(CertificateBuilder) -> CertificateBuilder;
    let cases: [(&str, Edit, ValidationPolicy, ExpectServer); 2] = [
        ("critical extension", critical, understanding, ExpectServer::connection_name()),
        ("v1", v1, ValidationPolicy::tls_server(), ExpectServer::dangerously_any()),
    ];
    for (what, edit, policy, expect) in cases {
        for (version, versions) in VERSIONS {
            let clock = Clock::new();
            let mut order = Order::server();
            order.edit = edit;
            let presents = foreign::certified(&ring(), &[order.issue(&root)], &order.key);
            let config = foreign::server_config(ring(), presents, &clock, versions);
            let mine = live(store(&root), policy.clone(), None);
            let client = ClientEndpoint::builder(mine, ring(), expect.clone(), Presents::Nothing)
                .with_time(Arc::new(clock.clone()))
                .with_versions(versions)
                .build()
                .unwrap();
            let mut c = client.connect(name()).unwrap();
            let mut s = foreign::accept(&Arc::new(config));
            let ended = exchange(&mut c, &mut s);
            assert!(ended.is_ok() && c.peer().is_some(), "{what}, {version}: {ended:?}");
        }
    }
}

/// Calls something after the first signature.
struct Interrupted(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl std::fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interrupted")
    }
}

impl SignatureBackend for Interrupted {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let answer = RingBackend::NEW.verify(key, algorithm, message, signature);
        if let Some(interrupt) = self.0.lock().unwrap().take() {
            interrupt();
        }
        answer
    }
}

#[test]
fn a_rotation_between_certificate_and_signature_fails_no_good_handshake() {
    let (root, other) = (authority("Root", 0), authority("Other", 1));
    for (version, versions) in VERSIONS {
        // Trust that comes in the midst of a handshake, and whether the peer is still trusted then.
        for (next, welcome) in [(vec![&root, &other], true), (vec![&other], false)] {
            let clock = Clock::new();
            let backend = Arc::new(Interrupted(Mutex::new(None)));
            let policy = ValidationPolicy::tls_server();
            let mine = live_with(backend.clone(), trust(&[&root]), policy, None);
            let order = Order::server();
            let presents = foreign::certified(&ring(), &[order.issue(&root)], &order.key);
            let config = foreign::server_config(ring(), presents, &clock, versions);
            let client = client(&mine, &clock).with_versions(versions).build().unwrap();
            let publication = Publication::new().bundle("example.test", bundle(&next));
            let (publisher, now) = (mine.clone(), clock.now());
            *backend.0.lock().unwrap() = Some(Box::new(move || {
                publisher.publish(publication, now).unwrap();
            }));
            let mut c = client.connect(name()).unwrap();
            let mut s = foreign::accept(&Arc::new(config));
            let ended = exchange(&mut c, &mut s);
            assert_eq!(mine.snapshot().epoch(), 1, "{version}: published in the handshake");
            assert_eq!(c.peer().is_some(), welcome, "{version}: {ended:?}");
            // What is refused is the peer, once the handshake is over; its signature held.
            assert_eq!(matches!(ended.client, Err(ConnectionError::Peer(_))), !welcome);
        }
    }
}

#[test]
fn raw_public_keys_are_refused_unless_pinned() {
    let clock = Clock::new();
    let key = Key::new(Kind::P256, 4);
    let raw = |key: &Key| {
        let provider = ring();
        let der = rustls_pki_types::PrivateKeyDer::Pkcs8(key.pkcs8().unwrap().into());
        let signing = provider.key_provider.load_private_key(der).unwrap();
        Arc::new(rustls::sign::CertifiedKey::new(vec![key.spki().to_vec().into()], signing))
    };
    let server = {
        let resolver = rustls::server::AlwaysResolvesServerRawPublicKeys::new(raw(&key));
        rustls::ServerConfig::builder_with_provider(ring())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver))
    };
    let server = Arc::new(server);
    for (pinned, enters) in [(4, true), (5, false)] {
        let pins = Key::new(Kind::P256, pinned);
        let pins = [SubjectPublicKeyInfoDer::from(pins.spki().to_vec())];
        let verifier =
            Arc::new(PinnedKeys::new(pins, Arc::new(RingBackend::NEW), AlgorithmPolicy::DEFAULT));
        let config = rustls::ClientConfig::builder_with_provider(ring())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        let (mut c, mut s) = (foreign::connect(&Arc::new(config)), foreign::accept(&server));
        let ended = exchange(&mut c, &mut s);
        assert_eq!(ended.is_ok(), enters, "{ended:?}");
        assert_eq!(verifier.pinned_key(&c).is_some(), enters);
        let alert = if enters { None } else { Some(Alert::AccessDenied) };
        assert_eq!(ended.alert(), alert);
    }
    // The other verifiers do not take raw keys at all.
    let root = authority("Root", 0);
    let (mine, _) = lives(&root);
    let client = client(&mine, &clock).build().unwrap();
    let mut c = client.connect(name()).unwrap();
    let mut s = foreign::accept(&server);
    let ended = exchange(&mut c, &mut s);
    assert!(!ended.is_ok() && c.peer().is_none(), "{ended:?}");
}

#[test]
fn strangers_push_nobody_out() {
    use rustls::client::danger::ServerCertVerifier;
    let root = authority("Root", 0);
    let clock = Clock::new();
    let count = Arc::new(crate::resume::Counting::default());
    let policy = ValidationPolicy::tls_server();
    let mine = live_with(count.clone(), trust(&[&root]), policy, None);
    let expect = ExpectServer::connection_name();
    let verifier = bonafide::rustls::ServerVerifier::new(mine.clone(), expect).with_capacity(2);
    let now = rustls::time_provider::TimeProvider::current_time(&clock).unwrap();
    let known = [Order::server().issue(&root).into()];
    let ask = |leaf: &rustls_pki_types::CertificateDer<'_>| {
        verifier.verify_server_cert(leaf, &[], &name(), &[], now).is_ok()
    };
    assert!(ask(&known[0]));
    count.take();
    for number in 0..100_u8 {
        assert!(!ask(&vec![number; 40].into()));
    }
    let rejections = verifier.rejections();
    assert_eq!(rejections.len(), 64);
    let last = ChainDigest::of(&[vec![99; 40].into()]);
    assert_eq!(rejections.last().unwrap().chain(), last);
    assert_eq!(rejections.last().unwrap().requirement(), "dns:db.example.test");
    assert!(ask(&known[0]));
    assert_eq!(count.take(), 0, "remembered");

    // Forgotten where there is no room, and decided again; not under trust that has changed.
    for number in 0..3 {
        let mut order = Order::server();
        order.key = Key::new(Kind::P256, number);
        assert!(ask(&order.issue(&root).into()));
    }
    assert!(ask(&known[0]));
    let other = bundle(&[&authority("Other", 1)]);
    mine.publish(Publication::new().bundle("example.test", other), clock.now()).unwrap();
    assert!(!ask(&known[0]));
}
