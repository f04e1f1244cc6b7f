//! What each end presents: by name, by protocol, by what the peer can verify and by whom it trusts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bonafide::credential::{
    Credential, CredentialChecks, CredentialKey, SignError, SoftwareKey, Staple, Update,
};
use bonafide::live::{Live, Publication};
use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::rustls::{
    ClientAuth, ClientCredentials, ClientEndpoint, ClientVerifier, ConnectionError, ExpectClient,
    ExpectServer, HandshakeEvents, NoCredential, PeerRole, Presents, ServerEndpoint,
    ServerVerifier, certified_key,
};
use bonafide::signature::{RingBackend, SignatureAlgorithm, default_backend};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::ServerCertVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{AlertDescription as Alert, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::CertificateDer;

use crate::foreign;
use crate::kit::ocsp::cert_id;
use crate::kit::{
    Authority, GeneralName, IdHash, Key, Kind, NOW, Name, OcspResponseBuilder, Responder,
    SingleResponse, Status,
};
use crate::net::*;

/// A credential with a name and a key of a kind; hinted, where said.
fn credential(root: &Authority, name: &str, key: Key, hint: Option<&str>) -> Credential {
    let leaf = root.leaf(&Name::cn(name), &key, &[GeneralName::dns(name)], |builder| builder);
    let software = SoftwareKey::from_der(&key.pkcs8().unwrap()).unwrap();
    let policy = ValidationPolicy::tls_server();
    let mut checks =
        CredentialChecks::new(&policy, default_backend(), bonafide::x509::Time::from_unix(NOW));
    if let Some(hint) = hint {
        checks = checks.with_hint(hint);
    }
    checks.check(&[CertificateDer::from(leaf)], Arc::new(software)).unwrap()
}

fn holding(credentials: Vec<Credential>) -> Live {
    let live = live(trust(&[]), ValidationPolicy::tls_server(), None);
    let update = Update::complete(credentials);
    live.publish(Publication::new().credentials(update), bonafide::x509::Time::from_unix(NOW))
        .unwrap();
    live
}

/// The name in the leaf that a client of plain rustls is shown.
fn shown(
    server: &Arc<ServerEndpoint>,
    clock: &Clock,
    name: &'static str,
    change: impl FnOnce(&mut rustls::ClientConfig),
) -> Result<String, Option<Alert>> {
    let mut config = foreign::client_config(ring(), None, clock, VERSIONS[1].1);
    change(&mut config);
    let name = name.try_into().unwrap();
    let mut c: rustls::Connection =
        rustls::ClientConnection::new(config.into(), name).unwrap().into();
    let mut s = server.accept().unwrap();
    let ended = exchange(&mut c, &mut s);
    if !ended.is_ok() {
        return Err(ended.alert());
    }
    let leaf = c.peer_certificates().unwrap()[0].clone();
    let leaf = bonafide::x509::Certificate::from_der(&leaf).unwrap();
    Ok(leaf.subject().to_string())
}

#[test]
fn a_server_presents_by_name_protocol_and_what_the_client_can_verify() {
    let root = authority("Root", 0);
    let clock = Clock::new();
    let live = holding(vec![
        credential(&root, "first.example.test", Key::new(Kind::P256, 1), None),
        credential(&root, "*.example.test", Key::new(Kind::P256, 2), None),
        credential(&root, "db.example.test", Key::new(Kind::P384, 0), None),
        credential(&root, "ed.example.test", Key::new(Kind::Ed25519, 0), None),
        credential(&root, "rsa.example.test", Key::new(Kind::Rsa, 0), None),
        credential(&root, "acme.example.test", Key::new(Kind::P256, 5), Some("acme")),
    ]);
    let builder = || {
        ServerEndpoint::builder(live.clone(), ring(), ClientAuth::Off)
            .with_time(Arc::new(clock.clone()))
            .with_protocol_hint(b"acme-tls/1", "acme")
            .configure(|config| {
                config.alpn_protocols = vec![b"h2".to_vec(), b"acme-tls/1".to_vec()]
            })
    };
    let server = builder().build().unwrap();
    let same: fn(&mut rustls::ClientConfig) = |_| {};
    for (what, name, change, expected) in [
        ("exact name", "db.example.test", same, "CN=db.example.test"),
        ("wildcard", "other.example.test", same, "CN=*.example.test"),
        ("no name covers", "db.test", same, "CN=first.example.test"),
        ("address", "192.0.2.1", same, "CN=first.example.test"),
        ("ed25519", "ed.example.test", same, "CN=ed.example.test"),
        ("rsa", "rsa.example.test", same, "CN=rsa.example.test"),
        (
            "protocol",
            "db.example.test",
            |config: &mut rustls::ClientConfig| {
                config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
            },
            "CN=acme.example.test",
        ),
    ] {
        assert_eq!(shown(&server, &clock, name, change).as_deref(), Ok(expected), "{what}");
    }
    let hinted = builder().with_credential_hint("acme").build().unwrap();
    assert_eq!(shown(&hinted, &clock, SERVER, same).as_deref(), Ok("CN=acme.example.test"));
    let nothing = builder().with_credential_hint("nobody").build().unwrap();
    assert_eq!(shown(&nothing, &clock, SERVER, same), Err(Some(Alert::AccessDenied)));
}

#[derive(Debug, Default)]
struct Told(Mutex<Vec<NoCredential>>);

impl HandshakeEvents for Told {
    fn on_no_credential(&self, missing: &NoCredential) {
        self.0.lock().unwrap().push(missing.clone());
    }
}

#[test]
fn nothing_expired_is_presented_and_that_is_told() {
    let root = authority("Root", 0);
    let clock = Clock::new();
    let order = |mut order: Order| {
        order.validity = (NOW - 60, NOW + 60);
        order
    };
    let policy = ValidationPolicy::tls_server;
    let mine = live(trust(&[&root]), policy(), Some(order(Order::client()).credential(&root)));
    let theirs = live(trust(&[&root]), policy(), Some(order(Order::server()).credential(&root)));
    let told = Arc::new(Told::default());
    let endpoint = |presents| {
        let name_of = ExpectServer::connection_name();
        ClientEndpoint::builder(mine.clone(), ring(), name_of, presents)
            .with_time(Arc::new(clock.clone()))
            .with_events(told.clone())
            .build()
            .unwrap()
    };
    let server = server(&theirs, &clock).with_events(told.clone()).build().unwrap();
    let client = endpoint(Presents::Always);
    let (_, _, ended) = meet(&client, &server);
    assert!(ended.is_ok(), "{ended:?}");
    assert!(told.0.lock().unwrap().is_empty());

    clock.advance(61);
    let refused = client.connect(name()).err();
    assert!(matches!(refused, Some(ConnectionError::NoCredential)), "{refused:?}");
    let (_, _, ended) = meet(&endpoint(Presents::IfThereIs), &server);
    assert_eq!(ended.alert(), Some(Alert::AccessDenied));
    let missing = told.0.lock().unwrap().remove(0);
    assert_eq!((missing.peer, missing.credentials), (PeerRole::Client, 1));
    assert_eq!(missing.server_name.as_deref(), Some(SERVER));

    // The server has one again; the client goes on without.
    let mut renewed = Order::server();
    renewed.validity.0 = NOW;
    let update = Update::install(renewed.credential(&root));
    theirs.publish(Publication::new().credentials(update), clock.now()).unwrap();
    let (_, _, ended) = meet(&endpoint(Presents::IfThereIs), &server);
    assert_eq!(ended.alert(), Some(Alert::CertificateRequired));
    let missing = told.0.lock().unwrap().remove(0);
    assert_eq!((missing.peer, missing.server_name), (PeerRole::Server, None));
}

#[test]
fn a_server_staples_what_it_has_and_no_longer_than_it_holds() {
    let root = authority("Root", 0);
    for (version, versions) in VERSIONS {
        let clock = Clock::new();
        let order = Order::new(&[GeneralName::dns(SERVER)], 4);
        let leaf = order.credential(&root);
        let ca = CertificateDer::from(root.certificate.as_slice());
        let serial = leaf.chain()[0].as_certificate().serial_number().to_vec();
        let id = cert_id(IdHash::Sha256, &root.name, &root.key, &serial);
        let staple = |until: i64| {
            let single =
                SingleResponse::new(&id, Status::Good).updates(NOW - 60, Some(NOW + until));
            let response = OcspResponseBuilder::new(Responder::Key(root.key.clone()))
                .respond(single)
                .sign(&root.key);
            let backend = Arc::new(RingBackend::NEW);
            Staple::check_with_issuer(&response, &leaf, &ca, backend, clock.now()).unwrap()
        };
        let (first, second) = (staple(600), staple(1_200));
        let theirs = live(trust(&[]), ValidationPolicy::tls_client(), None);
        let server = ServerEndpoint::builder(theirs.clone(), ring(), ClientAuth::Off)
            .with_time(Arc::new(clock.clone()))
            .with_versions(versions)
            .build()
            .unwrap();
        let publish = |update| {
            theirs.publish(Publication::new().credentials(update), clock.now()).unwrap();
        };
        publish(Update::install(leaf));
        // A client that demands evidence, and has none but what is stapled.
        let demanding =
            ValidationPolicy::tls_server().with_revocation(RevocationPolicy::hard_fail());
        let mine = live(trust(&[&root]), demanding, None);
        let come = || {
            let client = client(&mine, &clock).with_versions(versions).build().unwrap();
            let (c, _, ended) = meet(&client, &server);
            c.rejected().map_or(ended.is_ok().then_some("accepted"), |rejected| {
                Some(rejected.decision().code())
            })
        };
        assert_eq!(come(), Some("revocation.no-source"), "{version}: nothing stapled");
        publish(Update::staple(first));
        assert_eq!(come(), Some("accepted"), "{version}");
        clock.set(NOW + 600);
        assert_eq!(come(), Some("accepted"), "{version}: the last second");
        clock.set(NOW + 601);
        assert_eq!(come(), Some("revocation.no-source"), "{version}: not presented any more");
        publish(Update::staple(second));
        assert_eq!(come(), Some("accepted"), "{version}: the next one");
    }
}

#[test]
fn a_client_prefers_the_authorities_that_the_server_names() {
    let (one, two) = (authority("One", 0), authority("Two", 1));
    let clock = Clock::new();
    let live = holding(vec![
        credential(&one, "one.example.test", Key::new(Kind::P256, 2), None),
        credential(&two, "two.example.test", Key::new(Kind::Ed25519, 0), None),
    ]);
    let resolver = ClientCredentials::new(live.clone(), Arc::new(clock.clone()));
    let strict = ClientCredentials::new(live, Arc::new(clock)).with_authorities_demanded();
    let all = [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519];
    let [first, second, third] =
        [&one.name.0, &two.name.0, &Name::cn("Three").0].map(|name| name.to_vec());
    // What the server names and can verify, what is presented, and what where authorities are demanded.
    for (what, names, schemes, chosen, demanded) in [
        ("nobody", vec![], &all[..], Some("one"), Some("one")),
        ("the second", vec![&second], &all, Some("two"), Some("two")),
        ("both", vec![&second, &first], &all, Some("one"), Some("one")),
        ("a third", vec![&third], &all, Some("one"), None),
        ("what it verifies", vec![&first], &all[1..], Some("two"), None),
        ("nothing it verifies", vec![], &[SignatureScheme::RSA_PSS_SHA256], None, None),
        ("rubbish", vec![&Vec::new()], &all, Some("one"), None),
    ] {
        let names: Vec<&[u8]> = names.into_iter().map(Vec::as_slice).collect();
        for (resolver, expected) in [(&resolver, chosen), (&strict, demanded)] {
            let found = resolver.resolve(&names, schemes).map(|key| {
                let leaf = bonafide::x509::Certificate::from_der(&key.cert[0]).unwrap();
                leaf.subject().to_string()
            });
            let expected = expected.map(|name| format!("CN={name}.example.test"));
            assert_eq!(found, expected, "{what}");
        }
    }
}

#[test]
fn hints_of_authorities_reach_the_peer() {
    let (one, two) = (authority("One", 0), authority("Two", 1));
    let clock = Clock::new();
    let mine = holding(vec![
        credential(&one, "one.example.test", Key::new(Kind::P256, 2), None),
        credential(&two, "two.example.test", Key::new(Kind::P384, 0), None),
    ]);
    mine.publish(Publication::new().trust(trust(&[&one]).into()), clock.now()).unwrap();
    for (version, versions) in VERSIONS {
        for (hints, presented) in [(false, "CN=one.example.test"), (true, "CN=two.example.test")] {
            // The server trusts the second only, so that without hints the wrong one is presented.
            let own = Some(Order::server().credential(&one));
            let theirs = live(trust(&[&two]), ValidationPolicy::tls_client(), own);
            let any = ClientAuth::Required(bonafide::rustls::ExpectClient::dangerously_any());
            let builder = ServerEndpoint::builder(theirs, ring(), any)
                .with_time(Arc::new(clock.clone()))
                .with_versions(versions);
            let builder = if hints { builder.with_root_hints() } else { builder };
            let server = builder.build().unwrap();
            let client = client(&mine, &clock).with_versions(versions).build().unwrap();
            let (_, s, ended) = meet(&client, &server);
            assert_eq!(ended.is_ok(), hints, "{version}: {ended:?}");
            let subject = |peer: &bonafide::live::LivePeer| {
                peer.path().end_entity().unwrap().subject().to_string()
            };
            assert_eq!(s.peer().map(subject).as_deref(), hints.then_some(presented), "{version}");
        }
    }
}

/// Whichever is said first, the label or that hints are told.
#[test]
fn hints_are_those_of_the_label() {
    let (one, two) = (authority("One", 0), authority("Two", 1));
    let live = live(trust(&[&one]), ValidationPolicy::tls_client(), None);
    let publication = Publication::new().labelled_trust("tenant", trust(&[&two]).into());
    live.publish(publication, Clock::new().now()).unwrap();
    let clients = || ClientVerifier::new(live.clone(), ExpectClient::dangerously_any());
    let servers = || ServerVerifier::new(live.clone(), ExpectServer::dangerously_any());
    let octets = |names: &[DistinguishedName]| -> Vec<Vec<u8>> {
        names.iter().map(|name| name.as_ref().to_vec()).collect()
    };
    let expected = vec![two.name.0.clone()];
    for (case, clients, servers) in [
        (
            "label first",
            clients().with_label("tenant").with_root_hints(),
            servers().with_label("tenant").with_root_hints(),
        ),
        (
            "hints first",
            clients().with_root_hints().with_label("tenant"),
            servers().with_root_hints().with_label("tenant"),
        ),
    ] {
        let told = ClientCertVerifier::root_hint_subjects(&clients);
        assert_eq!(octets(told), expected, "{case}");
        let told = ServerCertVerifier::root_hint_subjects(&servers);
        assert_eq!(told.map(octets), Some(expected.clone()), "{case}");
    }
}

#[test]
fn a_server_prefers_the_authorities_that_the_client_names() {
    let (one, two) = (authority("One", 0), authority("Two", 1));
    let clock = Clock::new();
    let theirs = holding(vec![
        credential(&one, SERVER, Key::new(Kind::P256, 2), None),
        credential(&two, SERVER, Key::new(Kind::P384, 0), None),
    ]);
    let server = ServerEndpoint::builder(theirs, ring(), ClientAuth::Off)
        .with_time(Arc::new(clock.clone()))
        .build()
        .unwrap();
    // In TLS 1.2 a client has no way to tell.
    for ((version, versions), told) in VERSIONS.into_iter().zip([false, true]) {
        let mine = live(trust(&[&two]), ValidationPolicy::tls_server(), None);
        for (hints, enters) in [(false, false), (true, told)] {
            let builder = client(&mine, &clock).with_versions(versions);
            let builder = if hints { builder.with_root_hints() } else { builder };
            let (c, _, ended) = meet(&builder.build().unwrap(), &server);
            assert_eq!(ended.is_ok(), enters, "{version}, {hints}: {ended:?}");
            assert_eq!(c.peer().is_some(), enters, "{version}, {hints}");
        }
    }
}

/// A key elsewhere, which can be gone.
#[derive(Debug)]
struct Elsewhere {
    key: SoftwareKey,
    used: AtomicUsize,
    gone: AtomicUsize,
}

impl CredentialKey for Elsewhere {
    fn public_key(&self) -> &[u8] {
        self.key.public_key()
    }

    fn algorithms(&self) -> &[SignatureAlgorithm] {
        self.key.algorithms()
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if self.gone.load(Ordering::Relaxed) != 0 {
            return Err(SignError::Absent);
        }
        self.used.fetch_add(1, Ordering::Relaxed);
        self.key.sign(algorithm, message)
    }
}

#[test]
fn keys_elsewhere_sign_and_say_why_they_do_not() {
    let root = authority("Root", 0);
    for (version, versions) in VERSIONS {
        for kind in [Kind::P256, Kind::P384, Kind::Rsa, Kind::Ed25519] {
            let clock = Clock::new();
            let key = Key::new(kind, 0);
            let elsewhere = Arc::new(Elsewhere {
                key: SoftwareKey::from_der(&key.pkcs8().unwrap()).unwrap(),
                used: AtomicUsize::new(0),
                gone: AtomicUsize::new(0),
            });
            let mut order = Order::server();
            order.key = key;
            let leaf = [CertificateDer::from(order.issue(&root))];
            let policy = ValidationPolicy::tls_server();
            let credential = CredentialChecks::new(&policy, default_backend(), clock.now())
                .check(&leaf, elsewhere.clone())
                .unwrap();
            assert_eq!(certified_key(&credential).unwrap().keys_match(), Ok(()), "{kind:?}");
            let theirs = live(trust(&[]), policy.clone(), Some(credential));
            let mine = live(trust(&[&root]), policy, None);
            let client = client(&mine, &clock).with_versions(versions).build().unwrap();
            let server = ServerEndpoint::builder(theirs, ring(), ClientAuth::Off)
                .with_time(Arc::new(clock.clone()))
                .with_versions(versions)
                .build()
                .unwrap();
            elsewhere.used.store(0, Ordering::Relaxed);
            let (_, _, ended) = meet(&client, &server);
            assert!(ended.is_ok(), "{version}, {kind:?}: {ended:?}");
            assert_eq!(elsewhere.used.load(Ordering::Relaxed), 1, "{version}, {kind:?}");

            // A peer that does not resume asks the key again.
            elsewhere.gone.store(1, Ordering::Relaxed);
            let mut c = foreign::connect(&client.config());
            let mut s = server.accept().unwrap();
            let ended = exchange(&mut c, &mut s);
            let Err(ConnectionError::Tls(Error::Other(other))) = &ended.server else {
                panic!("{version}, {kind:?}: {ended:?}")
            };
            let why = other.0.downcast_ref::<SignError>().unwrap();
            assert_eq!(why.code(), "credential.sign.absent", "{version}, {kind:?}");
        }
    }
}
