//! Moving over from `WebPkiServerVerifier` and `WebPkiClientVerifier`: the services of the README,
//! before and after; other roots, other providers.

use std::sync::Arc;

use bonafide::policy::ValidationPolicy;
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, ClientVerifier, ExpectClient, ExpectServer, Presents,
    ServerEndpoint, ServerVerifier, backend_of, bundle_of_anchors, bundle_of_certificates,
};
use bonafide::trust::TrustStore;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::foreign;
use crate::kit::{Authority, Key, Kind};
use crate::net::*;

#[path = "moving/client_after.rs"]
mod client_after;
#[path = "moving/client_before.rs"]
mod client_before;
#[path = "moving/server_after.rs"]
mod server_after;
#[path = "moving/server_before.rs"]
mod server_before;

/// Before and after, as text.
const CLIENT: [&str; 2] =
    [include_str!("moving/client_before.rs"), include_str!("moving/client_after.rs")];
const SERVER_TEXT: [&str; 2] =
    [include_str!("moving/server_before.rs"), include_str!("moving/server_after.rs")];

/// The lines that only the second text has.
fn added<'a>(from: &str, to: &'a str) -> Vec<&'a str> {
    to.lines().filter(|line| !from.lines().any(|other| other == *line)).collect()
}

#[test]
fn five_lines_move_a_service_and_the_readme_shows_them() {
    let readme = include_str!("../../README.md");
    for [before, after] in [CLIENT, SERVER_TEXT] {
        let (gone, new) = (added(after, before), added(before, after));
        assert!(new.len() <= 5 && gone.len() <= new.len(), "{gone:#?} {new:#?}");
        for (sign, lines) in [('-', gone), ('+', new)] {
            for line in lines {
                let shown = format!("\n{sign}{line}\n");
                assert!(readme.contains(&shown), "the readme lacks {shown}");
            }
        }
    }
}

fn roots(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.certificate.clone())).unwrap();
    roots
}

fn own(order: &Order, root: &Authority) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let key = PrivateKeyDer::Pkcs8(order.key.pkcs8().unwrap().into());
    (vec![order.issue(root).into()], key)
}

type MakeClient =
    fn(Arc<RootCertStore>, Arc<CryptoProvider>) -> Result<ClientConfig, Box<dyn std::error::Error>>;
type MakeServer = fn(
    Arc<RootCertStore>,
    Arc<CryptoProvider>,
    Vec<CertificateDer<'static>>,
    PrivateKeyDer<'static>,
) -> Result<ServerConfig, Box<dyn std::error::Error>>;

#[test]
fn a_service_that_moves_over_decides_as_before() {
    let (root, stranger) = (authority("Root", 0), authority("Root", 1));
    let clients: [(&str, MakeClient); 2] =
        [("before", client_before::client), ("after", client_after::client)];
    let servers: [(&str, MakeServer); 2] =
        [("before", server_before::server), ("after", server_after::server)];
    for (client_of, make_client) in clients {
        for (server_of, make_server) in servers {
            for (what, servers_root, clients_root, name, enters) in [
                ("both known", &root, &root, SERVER, true),
                ("unknown server", &stranger, &root, SERVER, false),
                ("unknown client", &root, &stranger, SERVER, false),
                ("other name", &root, &root, "other.test", false),
            ] {
                let what = format!("client {client_of}, server {server_of}: {what}");
                let (chain, key) = own(&Order::server(), servers_root);
                let server = make_server(roots(&root).into(), ring(), chain, key).unwrap();
                let mut client = make_client(roots(&root).into(), ring()).unwrap();
                let order = Order::client();
                let presents =
                    foreign::certified(&ring(), &[order.issue(clients_root)], &order.key);
                client.client_auth_cert_resolver = Arc::new(presents);
                let name = name.try_into().unwrap();
                let mut c: rustls::Connection =
                    rustls::ClientConnection::new(Arc::new(client), name).unwrap().into();
                let mut s = foreign::accept(&Arc::new(server));
                let ended = exchange(&mut c, &mut s);
                assert_eq!(ended.is_ok(), enters, "{what}: {ended:?}");
            }
        }
    }
}

#[test]
fn anchors_come_from_where_they_are() {
    // A root store.
    let (one, two) = (authority("One", 0), authority("Two", 1));
    let mut store = roots(&one);
    store.add(CertificateDer::from(two.certificate.clone())).unwrap();
    let bundle = bundle_of_anchors(&store.roots).unwrap();
    assert_eq!(bundle.len(), 2);
    let subjects: Vec<_> = bundle.anchors().map(|a| a.subject().as_der().to_vec()).collect();
    assert!(subjects.contains(&one.name.0) && subjects.contains(&two.name.0));

    // Those of Mozilla, compiled in.
    let mozilla = bundle_of_anchors(webpki_roots::TLS_SERVER_ROOTS).unwrap();
    assert_eq!(mozilla.len(), webpki_roots::TLS_SERVER_ROOTS.len());

    // Those of the platform: whatever it has, what is unreadable is counted.
    let native = rustls_native_certs::load_native_certs().certs;
    let (bundle, left_out) = bundle_of_certificates(native.iter().cloned());
    let different: std::collections::BTreeSet<&[u8]> = native.iter().map(AsRef::as_ref).collect();
    assert_eq!(bundle.len() + left_out, different.len());
    let (bundle, left_out) =
        bundle_of_certificates([one.certificate.clone().into(), CertificateDer::from(vec![0])]);
    assert_eq!((bundle.len(), left_out), (1, 1));
}

fn providers() -> [(&'static str, Arc<CryptoProvider>); 3] {
    [
        ("ring", ring()),
        ("aws-lc-rs", Arc::new(rustls::crypto::aws_lc_rs::default_provider())),
        ("graviola", Arc::new(rustls_graviola::default_provider())),
    ]
}

fn signs_ed25519(suite: &rustls::SupportedCipherSuite) -> bool {
    match suite {
        rustls::SupportedCipherSuite::Tls12(suite) => {
            suite.sign.contains(&rustls::SignatureScheme::ED25519)
        }
        rustls::SupportedCipherSuite::Tls13(_) => false,
    }
}

#[test]
fn any_provider_serves_and_verifies() {
    let root = authority("Root", 0);
    for (provider_of, provider) in providers() {
        for kind in [Kind::P256, Kind::P384, Kind::Rsa, Kind::Ed25519] {
            for (version, versions) in VERSIONS {
                let what = format!("{provider_of}, {kind:?}, {version}");
                // The suites of graviola for TLS 1.2 have no place for Ed25519.
                let suites = &provider.cipher_suites;
                if kind == Kind::Ed25519
                    && version == "TLS 1.2"
                    && !suites.iter().any(signs_ed25519)
                {
                    assert_eq!(provider_of, "graviola");
                    continue;
                }
                let clock = Clock::new();
                let end = |mut order: Order| {
                    order.key = Key::new(kind, 0);
                    live_with(
                        backend_of(&provider),
                        trust(&[&root]),
                        ValidationPolicy::tls_server(),
                        Some(order.credential(&root)),
                    )
                };
                let (mine, theirs) = (end(Order::client()), end(Order::server()));
                let name_of = ExpectServer::connection_name();
                let client =
                    ClientEndpoint::builder(mine, provider.clone(), name_of, Presents::Always)
                        .with_time(Arc::new(clock.clone()))
                        .with_versions(versions)
                        .build()
                        .unwrap();
                let clients = ClientAuth::Required(ExpectClient::matching(matcher()));
                let server = ServerEndpoint::builder(theirs, provider.clone(), clients)
                    .with_time(Arc::new(clock.clone()))
                    .with_versions(versions)
                    .build()
                    .unwrap();
                for _ in ["full", "resumed"] {
                    let (c, s, ended) = meet(&client, &server);
                    assert!(ended.is_ok(), "{what}: {ended:?}");
                    assert!(c.peer().is_some() && s.peer().is_some(), "{what}");
                }
            }
        }
    }
}

#[test]
fn what_is_offered_is_what_the_backend_verifies() {
    use rustls::SignatureScheme as S;
    use rustls::client::danger::ServerCertVerifier;
    let ours: fn(&S) -> bool = |scheme| !matches!(scheme, S::Unknown(_));
    for (provider_of, provider) in providers() {
        let empty = TrustStore::dangerously_unscoped(bundle_of_anchors(&[]).unwrap());
        let live = live_with(backend_of(&provider), empty, ValidationPolicy::tls_server(), None);
        let verifier = ServerVerifier::new(live, ExpectServer::connection_name());
        let mut offered = verifier.supported_verify_schemes();
        let mut expected = provider.signature_verification_algorithms.supported_schemes();
        offered.sort_by_key(|scheme| u16::from(*scheme));
        expected.sort_by_key(|scheme| u16::from(*scheme));
        expected.retain(ours);
        assert_eq!(offered, expected, "{provider_of}");
    }
    // Policy narrows the offer.
    let policy = ValidationPolicy::tls_client().with_algorithms(
        bonafide::signature::AlgorithmPolicy::DEFAULT
            .refuse_key(bonafide::signature::KeyKind::Rsa)
            .refuse_signature(bonafide::signature::SignatureAlgorithm::Ed25519),
    );
    let narrow = live(trust(&[]), policy, None);
    let verifier = ClientVerifier::new(narrow, ExpectClient::dangerously_any());
    let offered = rustls::server::danger::ClientCertVerifier::supported_verify_schemes(&verifier);
    assert_eq!(offered, [S::ECDSA_NISTP256_SHA256, S::ECDSA_NISTP384_SHA384]);
}
