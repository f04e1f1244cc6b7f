//! The adapter for the pre-release of rustls 0.24: handshakes of both sides in memory, accepted, refused
//! with the alert that fits, and suspended while a list is fetched.

#![cfg(feature = "rustls-0-24")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "test code"
)]

mod kit;
#[path = "rustls_0_24/net.rs"]
mod net;
#[path = "rustls_0_24/quic.rs"]
mod quic;
#[path = "rustls_0_24/resume.rs"]
mod resume;

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use bonafide::credential::{Staple, Update};
use bonafide::live::{Live, Publication};
use bonafide::revocation::{Denied, DenyRule, EvidenceRequest, RevocationSource};
use bonafide::rustls_0_24::{
    ClientCredentials, ClientVerifier, ExpectClient, ExpectServer, PeerError, ServerCredentials,
    ServerVerifier, Suspended,
};
use kit::ext::{self, purpose};
use kit::ocsp::cert_id;
use kit::{
    Authority, CertificateBuilder, IdHash, LONG_AGO, NOW, OcspResponseBuilder, Responder,
    SingleResponse, Status,
};
use net::*;
use rustls_0_24::client::Resumption;
use rustls_0_24::client::danger::{ServerIdentity, ServerVerifier as _};
use rustls_0_24::crypto::{
    CertificateIdentity, Credentials, CryptoProvider, Identity, SingleCredential,
};
use rustls_0_24::enums::CertificateType;
use rustls_0_24::error::CertificateError;
use rustls_0_24::server::danger::ClientVerifier as _;
use rustls_0_24::server::{ServerSessionMemoryCache, Tls13Tickets};
use rustls_0_24::{ClientConfig, ClientSide, Error, HandshakeKind, ServerConfig, ServerSide};
use rustls_pki_types::{PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer};

/// A client and a server, each with what it has published.
struct Ends {
    client_live: Live,
    server_live: Live,
    client: Arc<ServerVerifier>,
    server: Arc<ClientVerifier>,
    client_config: ClientConfig,
    server_config: ServerConfig,
}

fn expect_client() -> ExpectClient {
    ExpectClient::matching(format!("dns:{CLIENT}").parse().unwrap())
}

impl Ends {
    /// With `trusts` for both, and what each presents.
    fn new(
        pki: &Pki,
        provider: &Arc<CryptoProvider>,
        trusts: fn(&Pki) -> Live,
        server_chain: &Chain,
        client_chain: &Chain,
    ) -> Self {
        let (client_live, server_live) = (trusts(pki), trusts(pki));
        pki.present(&client_live, client_chain);
        pki.present(&server_live, server_chain);
        let expect = ExpectServer::connection_name();
        let client = Arc::new(ServerVerifier::new(client_live.clone(), expect));
        let server = Arc::new(ClientVerifier::new(server_live.clone(), expect_client()));
        let credentials = ClientCredentials::new(client_live.clone(), pki.clock.clone());
        let client_config = client
            .client_config(provider.clone(), pki.clock.clone(), Some(Arc::new(credentials)))
            .unwrap();
        let credentials = ServerCredentials::new(server_live.clone(), pki.clock.clone());
        let server_config = server
            .server_config(provider.clone(), pki.clock.clone(), Arc::new(credentials))
            .unwrap();
        Self { client_live, server_live, client, server, client_config, server_config }
    }

    fn client<'a>(&self, asks: Asks<'a>) -> Brings<'a, ClientConfig, ClientSide> {
        let verifier = self.client.clone();
        let suspend = Box::new(move |stopped| verifier.suspend(stopped));
        Brings { config: Arc::new(self.client_config.clone()), suspend, asks }
    }

    fn server<'a>(&self, asks: Asks<'a>) -> Brings<'a, ServerConfig, ServerSide> {
        let verifier = self.server.clone();
        let suspend = Box::new(move |stopped| verifier.suspend(stopped));
        Brings { config: Arc::new(self.server_config.clone()), suspend, asks }
    }

    fn shake_hands(&self) -> (End, End) {
        shake_hands(self.client(Asks::Config), self.server(Asks::Config))
    }
}

/// What rustls presents itself, right or wrong: our resolvers present nothing that is out of date.
fn credentials(
    chain: &Chain,
    provider: &CryptoProvider,
    staple: Option<&[u8]>,
) -> SingleCredential {
    let identity = Identity::from_cert_chain(chain.certificates.clone()).unwrap();
    let key = PrivateKeyDer::try_from(chain.key.pkcs8().unwrap()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let mut credentials = Credentials::new_unchecked(Arc::new(identity), key);
    credentials.ocsp = staple.map(Arc::from);
    SingleCredential::from(credentials)
}

fn server_name() -> ServerName<'static> {
    SERVER.try_into().unwrap()
}

fn same(leaf: CertificateBuilder) -> CertificateBuilder {
    leaf
}

#[test]
fn both_sides_get_the_peer_of_their_handshake() {
    let pki = Pki::new();
    let (server, client) = (pki.leaf(SERVER, 10, same), pki.leaf(CLIENT, 11, same));
    for (version, provider) in versions() {
        let ends = Ends::new(&pki, &provider, Pki::lenient, &server, &client);
        let (client_end, server_end) = ends.shake_hands();
        let now = pki.clock.unix();
        let peer = ends.client.verified_peer(client_end.outputs(), &server_name(), now).unwrap();
        assert_eq!(peer.identity().to_string(), format!("dns:{SERVER}"), "{version}");
        let peer = ends.server.verified_peer(server_end.outputs(), now).unwrap();
        assert_eq!(peer.identity().to_string(), format!("dns:{CLIENT}"), "{version}");
        assert!(peer.ask(pki.clock.now()).is_current(), "{version}");
        assert_eq!((client_end.stops, server_end.stops), (1, 1), "{version}");

        // What was accepted under trust that is gone is not handed out.
        let publication = Publication::new().domain(pki.domain(&pki.stranger));
        ends.server_live.publish(publication, pki.clock.now()).unwrap();
        assert!(!peer.ask(pki.clock.now()).is_current(), "{version}");
        let refused = ends.server.verified_peer(server_end.outputs(), now).unwrap_err();
        assert_eq!(refused.code(), "trust.no-route", "{version}");
        let other = "other.example.test".try_into().unwrap();
        let refused = ends.client.verified_peer(client_end.outputs(), &other, now).unwrap_err();
        assert_eq!(refused.code(), "identity.name-mismatch", "{version}");
    }
}

/// A peer, why it is refused, and the number of the alert that it gets.
struct Refusal {
    case: &'static str,
    chain: fn(&Pki, &str) -> Chain,
    code: &'static str,
    alert: u8,
}

const REFUSALS: &[Refusal] = &[
    Refusal {
        case: "expired",
        chain: |pki, dns| pki.leaf(dns, 20, |leaf| leaf.validity(LONG_AGO, NOW - 1)),
        code: "validity.expired",
        alert: 45,
    },
    Refusal {
        case: "purpose",
        chain: |pki, dns| {
            let other = ext::extended_key_usage(&[purpose::CODE_SIGNING]);
            pki.leaf(dns, 22, |leaf| leaf.replace(other))
        },
        code: "extended-key-usage.purpose",
        alert: 43,
    },
    Refusal {
        case: "stranger",
        chain: |pki, dns| pki.leaf_by(&pki.stranger, dns, 23, same),
        code: "trust.no-route",
        alert: 48,
    },
    Refusal {
        case: "other name",
        chain: |pki, _| pki.leaf("other.example.test", 24, same),
        // The codes and alerts of the two sides differ, see below.
        code: "",
        alert: 0,
    },
    Refusal {
        case: "denied",
        chain: |pki, dns| pki.leaf(dns, 66, same),
        code: "revocation.revoked",
        alert: 44,
    },
    Refusal {
        case: "policy",
        chain: |pki, dns| {
            let more = ext::name_constraints(&[kit::GeneralName::dns("elsewhere.test")], &[]);
            let key = kit::Key::new(kit::Kind::P256, 3);
            let by = pki
                .root
                .intermediate(&kit::Name::cn("Constrained"), &key, |ca| ca.serial(&[3]).with(more));
            pki.leaf_by(&by, dns, 25, same)
        },
        code: "name-constraints.not-permitted",
        alert: 46,
    },
];

#[test]
fn refusals_reach_the_peer_with_the_alert_that_fits() {
    let pki = Pki::new();
    let (server, client) = (pki.leaf(SERVER, 10, same), pki.leaf(CLIENT, 11, same));
    let deny = |live: &Live| {
        let issuer_spki = sha256(pki.intermediate.key.spki());
        let denied = Denied::SerialOfKey { issuer_spki, serial_number: vec![66] };
        let publication = Publication::new().deny([DenyRule::new(denied)]);
        live.publish(publication, pki.clock.now()).unwrap();
    };
    for (version, provider) in versions() {
        for Refusal { case, chain, code, alert } in REFUSALS {
            let mut ends = Ends::new(&pki, &provider, Pki::lenient, &server, &client);
            let wrong = credentials(&chain(&pki, SERVER), &provider, None);
            ends.server_config.cert_resolver = Arc::new(wrong);
            deny(&ends.client_live);
            let (client_end, server_end) = ends.shake_hands();
            let rejections = ends.client.rejections();
            let decided = rejections.last().unwrap().decision().code();
            let expected =
                if code.is_empty() { ("identity.name-mismatch", 42) } else { (*code, *alert) };
            let told = server_end.alert().unwrap_or_default();
            assert_eq!((decided, told), expected, "server, {version}: {case}");
            assert!(client_end.error.is_some(), "server, {version}: {case}");

            let wrong = credentials(&chain(&pki, CLIENT), &provider, None);
            ends.client_config = ends
                .client
                .client_config(provider.clone(), pki.clock.clone(), Some(Arc::new(wrong)))
                .unwrap();
            ends.server_config.cert_resolver = Arc::new(credentials(&server, &provider, None));
            deny(&ends.server_live);
            let (client_end, server_end) = ends.shake_hands();
            let rejections = ends.server.rejections();
            let decided = rejections.last().unwrap().decision().code();
            let expected =
                if code.is_empty() { ("identity.not-accepted", 49) } else { (*code, *alert) };
            let told = client_end.alert().unwrap_or_default();
            assert_eq!((decided, told), expected, "client, {version}: {case}");
            assert!(server_end.error.is_some(), "client, {version}: {case}");
        }
    }
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(octets).into()
}

#[test]
fn clients_without_a_certificate_are_let_in_where_that_is_allowed() {
    let pki = Pki::new();
    let (server, client) = (pki.leaf(SERVER, 10, same), pki.leaf(CLIENT, 11, same));
    for (version, provider) in versions() {
        let mut ends = Ends::new(&pki, &provider, Pki::lenient, &server, &client);
        ends.client_config =
            ends.client.client_config(provider.clone(), pki.clock.clone(), None).unwrap();
        let (client_end, _) = ends.shake_hands();
        assert_eq!(client_end.alert(), Some(116), "{version}");

        let verifier = ClientVerifier::new(ends.server_live.clone(), expect_client());
        ends.server = Arc::new(verifier.allow_unauthenticated());
        let credentials = ServerCredentials::new(ends.server_live.clone(), pki.clock.clone());
        ends.server_config = ends
            .server
            .server_config(provider.clone(), pki.clock.clone(), Arc::new(credentials))
            .unwrap();
        let (_, server_end) = ends.shake_hands();
        let peer = ends.server.verified_peer(server_end.outputs(), pki.clock.unix());
        assert!(matches!(peer, Err(PeerError::NoCertificate)), "{version}: {peer:?}");
    }
}

#[test]
fn a_server_staples_what_it_has_and_no_longer_than_it_holds() {
    let (server, client) = {
        let pki = Pki::new();
        (pki.leaf(SERVER, 10, same), pki.leaf(CLIENT, 11, same))
    };
    for (version, provider) in versions() {
        let pki = Pki::new();
        // The client demands evidence, the server does not.
        let ends = Ends::new(&pki, &provider, Pki::lenient, &server, &client);
        let shake_hands = || {
            // A new one each time: it remembers no staple.
            let demanding = Ends::new(&pki, &provider, Pki::strict, &server, &client);
            let client = demanding.client(Asks::Config);
            let (end, _) = shake_hands(client, ends.server(Asks::Config));
            match &end.error {
                None => "accepted",
                Some(_) => demanding.client.rejections().last().unwrap().decision().code(),
            }
        };
        assert_eq!(shake_hands(), "revocation.no-source", "{version}");
        let id = cert_id(IdHash::Sha1, &pki.intermediate.name, &pki.intermediate.key, &[10]);
        let key = &pki.intermediate.key;
        let single = SingleResponse::new(&id, Status::Good).updates(NOW - 60, Some(NOW + 600));
        let response =
            OcspResponseBuilder::new(Responder::Key(key.clone())).respond(single).sign(key);
        let snapshot = ends.server_live.snapshot();
        let own = snapshot.credentials().iter().next().unwrap();
        let staple = Staple::check(&response, own, Arc::new(BACKEND), pki.clock.now()).unwrap();
        let update = Publication::new().credentials(Update::staple(staple));
        ends.server_live.publish(update, pki.clock.now()).unwrap();
        assert_eq!(shake_hands(), "accepted", "{version}");
        pki.clock.advance(601);
        assert_eq!(shake_hands(), "revocation.no-source", "{version}: not presented any more");
    }
}

/// What a host does that is asked for a list.
struct Fetch {
    case: &'static str,
    /// What it finds; the clock has moved on meanwhile.
    found: fn(&Pki) -> Vec<Arc<dyn RevocationSource>>,
    /// What is published while it waits.
    meanwhile: fn(&Pki, &Live),
    /// The code and the alert of a refusal.
    refused: Option<(&'static str, u8)>,
}

const FETCHES: &[Fetch] = &[
    Fetch {
        case: "good",
        found: |pki| vec![pki.list(1, &[66])],
        meanwhile: |_, _| (),
        refused: None,
    },
    Fetch {
        case: "revoked",
        found: |pki| vec![pki.list(1, &[10, 11])],
        meanwhile: |_, _| (),
        refused: Some(("revocation.revoked", 44)),
    },
    Fetch {
        case: "nothing found",
        found: |_| Vec::new(),
        meanwhile: |_, _| (),
        refused: Some(("revocation.no-source", 48)),
    },
    Fetch {
        case: "good, and denied meanwhile",
        found: |pki| vec![pki.list(1, &[])],
        meanwhile: |pki, live| {
            let spki = sha256(kit::Key::new(kit::Kind::P256, 2).spki());
            let publication = Publication::new().deny([DenyRule::new(Denied::Key { spki })]);
            live.publish(publication, pki.clock.now()).unwrap();
        },
        refused: Some(("revocation.revoked", 44)),
    },
    Fetch {
        case: "good, and the authority removed meanwhile",
        found: |pki| vec![pki.list(1, &[])],
        meanwhile: |pki, live| {
            let publication = Publication::new().domain(pki.domain(&pki.stranger));
            live.publish(publication, pki.clock.now()).unwrap();
        },
        refused: Some(("trust.no-route", 48)),
    },
];

#[test]
fn a_handshake_waits_for_a_list() {
    let pki = Pki::new();
    let (server, client) = (pki.leaf(SERVER, 10, same), pki.leaf(CLIENT, 11, same));
    for (version, provider) in versions() {
        for Fetch { case, found, meanwhile, refused } in FETCHES {
            for suspends in ["client", "server"] {
                let case = format!("{suspends}, {version}: {case}");
                let ends = Ends::new(&pki, &provider, Pki::strict, &server, &client);
                let (own, other) = match suspends {
                    "client" => (&ends.client_live, &ends.server_live),
                    _ => (&ends.server_live, &ends.client_live),
                };
                // The other side has the list already.
                let list = Publication::new().source(pki.lists(1, &[]));
                other.publish(list, pki.clock.now()).unwrap();
                let mut fetch = |wants: Vec<EvidenceRequest>| {
                    let uris: Vec<_> = wants
                        .iter()
                        .filter_map(|want| match want {
                            EvidenceRequest::Crl { uris, .. } => Some(uris.as_slice()),
                            _ => None,
                        })
                        .collect();
                    assert_eq!(uris, [[LIST.to_owned()]], "{case}");
                    pki.clock.advance(30);
                    meanwhile(&pki, own);
                    found(&pki)
                };
                let (client_end, server_end) = match suspends {
                    "client" => {
                        shake_hands(ends.client(Asks::Host(&mut fetch)), ends.server(Asks::Config))
                    }
                    _ => {
                        shake_hands(ends.client(Asks::Config), ends.server(Asks::Host(&mut fetch)))
                    }
                };
                let (end, peer_end, rejections) = match suspends {
                    "client" => (client_end, server_end, ends.client.rejections()),
                    _ => (server_end, client_end, ends.server.rejections()),
                };
                assert_eq!((end.stops, end.needs), (1, 1), "{case}");
                match refused {
                    Some((code, alert)) => {
                        let last = rejections.last().unwrap().decision();
                        assert_eq!(last.code(), *code, "{case}: {}", last.explain());
                        assert_eq!(peer_end.alert(), Some(*alert), "{case}");
                        assert!(end.error.is_some() && end.expected.is_none(), "{case}");
                    }
                    None => expected_peer_holds(&pki, own, &end, &peer_end, &case),
                }
            }
        }
    }
}

#[test]
fn a_suspended_handshake_may_go_to_another_thread() {
    const fn goes<T: Send + 'static>() {}
    goes::<Suspended<ClientSide>>();
    goes::<Suspended<ServerSide>>();
}

/// The peer that was accepted on a list that was fetched is there when the handshake is over, and for
/// as long as it is acceptable.
fn expected_peer_holds(pki: &Pki, live: &Live, end: &End, peer_end: &End, case: &str) {
    let expected = end.expected.as_ref().unwrap();
    let peer = expected.verified_peer(end.outputs(), pki.clock.unix()).unwrap();
    assert!(peer.revocation_was_asked(), "{case}");
    let foreign = expected.verified_peer(peer_end.outputs(), pki.clock.unix());
    assert!(matches!(foreign, Err(PeerError::Foreign)), "{case}: {foreign:?}");
    // The list runs out after an hour, and another one was not found.
    pki.clock.advance(3_601);
    let late = expected.verified_peer(end.outputs(), pki.clock.unix()).unwrap_err();
    assert_eq!(late.code(), "revocation.stale", "{case}");
    pki.clock.advance(-3_601);
    let revoked = Publication::new().source(pki.lists(2, &[10, 11]));
    live.publish(revoked, pki.clock.now()).unwrap();
    let revoked = expected.verified_peer(end.outputs(), pki.clock.unix()).unwrap_err();
    assert_eq!(revoked.code(), "revocation.revoked", "{case}");
}

#[test]
fn configurations_do_not_resume() {
    let pki = Pki::new();
    let (server, client) = (pki.leaf(SERVER, 10, same), pki.leaf(CLIENT, 11, same));
    for (version, provider) in versions() {
        let ends = Ends::new(&pki, &provider, Pki::lenient, &server, &client);
        for connection in ["first", "second"] {
            let (client_end, server_end) = ends.shake_hands();
            for end in [&client_end, &server_end] {
                assert_eq!(end.kind(), Some(HandshakeKind::Full), "{version}: {connection}");
                assert_eq!(end.stops, 1, "{version}: {connection}");
            }
        }
        assert!(
            !ends.client_config.enable_early_data && ends.server_config.max_early_data_size == 0
        );
    }
}

#[test]
fn a_host_that_resumes_judges_again() {
    let pki = Pki::new();
    let (server, client) = (pki.leaf(SERVER, 10, same), pki.leaf(CLIENT, 11, same));
    for (version, provider) in versions() {
        let mut ends = Ends::new(&pki, &provider, Pki::lenient, &server, &client);
        ends.client_config.resumption = Resumption::in_memory_sessions(8);
        ends.server_config.session_storage = ServerSessionMemoryCache::new(8);
        ends.server_config.send_tls13_tickets = Tls13Tickets { default: 2, max: 2 };
        let (client_end, _) = ends.shake_hands();
        assert_eq!(client_end.kind(), Some(HandshakeKind::Full), "{version}");

        let deny = |live: &Live, serial| {
            let issuer_spki = sha256(pki.intermediate.key.spki());
            let denied = Denied::SerialOfKey { issuer_spki, serial_number: vec![serial] };
            live.publish(Publication::new().deny([DenyRule::new(denied)]), pki.clock.now())
                .unwrap();
        };
        let judge = |client_end: &End, server_end: &End| {
            let now = pki.clock.unix();
            let server = ends.client.verified_peer(client_end.outputs(), &server_name(), now);
            let client = ends.server.verified_peer(server_end.outputs(), now);
            [server, client].map(|peer| peer.map_or_else(|error| error.code(), |_| "accepted"))
        };
        let (client_end, server_end) = ends.shake_hands();
        assert_eq!(server_end.kind(), Some(HandshakeKind::Resumed), "{version}");
        assert_eq!(judge(&client_end, &server_end), ["accepted"; 2], "{version}");
        deny(&ends.client_live, 10);
        deny(&ends.server_live, 11);
        // rustls asks nobody, neither the verifier nor the host; the peers are refused all the same.
        let (client_end, server_end) = ends.shake_hands();
        assert_eq!(server_end.kind(), Some(HandshakeKind::Resumed), "{version}");
        assert_eq!((client_end.stops, server_end.stops), (0, 0), "{version}");
        assert_eq!(judge(&client_end, &server_end), ["revocation.revoked"; 2], "{version}");
    }
}

fn hash_of(verifier: &ServerVerifier) -> u64 {
    let mut hasher = DefaultHasher::new();
    verifier.hash_config(&mut hasher);
    hasher.finish()
}

#[test]
fn sessions_are_shared_by_one_verifier_until_trust_is_tightened() {
    let pki = Pki::new();
    let live = pki.lenient();
    let verifier = |live: &Live| ServerVerifier::new(live.clone(), ExpectServer::connection_name());
    let one = verifier(&live);
    let before = hash_of(&one);
    assert_eq!(hash_of(&one), before);
    let any = ServerVerifier::new(live.clone(), ExpectServer::dangerously_any());
    let labelled = verifier(&live).with_label("tenant");
    for (case, other) in [
        ("another live", verifier(&pki.lenient())),
        ("another expectation", any),
        ("another label", labelled),
        ("another verifier", verifier(&live)),
    ] {
        assert_ne!(hash_of(&other), before, "{case}");
    }
    let rule = DenyRule::new(Denied::Key { spki: [7; 32] });
    live.publish(Publication::new().deny([rule]), pki.clock.now()).unwrap();
    assert_ne!(hash_of(&one), before, "after a publication that tightens");
}

#[test]
fn hints_are_those_in_force() {
    let pki = Pki::new();
    let live = pki.lenient();
    let subject = |authority: &Authority| authority.name.0.clone();
    let silent = ServerVerifier::new(live.clone(), ExpectServer::connection_name());
    assert_eq!(silent.root_hint_subjects(), None);
    let server =
        ServerVerifier::new(live.clone(), ExpectServer::connection_name()).with_root_hints();
    let client = ClientVerifier::new(live.clone(), expect_client()).with_root_hints();
    let hints = || {
        let for_servers = server.root_hint_subjects().unwrap();
        let for_clients = client.root_hint_subjects();
        assert_eq!(for_servers, for_clients);
        for_clients.iter().map(|name| name.as_ref().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(hints(), [subject(&pki.root)]);
    live.publish(Publication::new().domain(pki.domain(&pki.stranger)), pki.clock.now()).unwrap();
    assert_eq!(hints(), [subject(&pki.stranger)]);
    live.publish(Publication::new().without_domain("ours"), pki.clock.now()).unwrap();
    assert_eq!(server.root_hint_subjects(), None);
    assert_eq!(client.root_hint_subjects().len(), 0);
}

#[test]
fn staples_are_asked_for_and_judged_where_revocation_is_asked_about() {
    let pki = Pki::new();
    let (server, client) = (pki.leaf(SERVER, 10, same), pki.leaf(CLIENT, 11, same));
    let expect = ExpectServer::connection_name;
    assert!(!ServerVerifier::new(pki.lenient(), expect()).request_ocsp_response());
    assert!(ServerVerifier::new(pki.strict(), expect()).request_ocsp_response());

    let by = &pki.intermediate;
    let response = |serial: u8, status| {
        let id = cert_id(IdHash::Sha1, &by.name, &by.key, &[serial]);
        OcspResponseBuilder::new(Responder::Name(by.name.clone()))
            .respond(SingleResponse::new(&id, status))
    };
    let cases = [
        ("none", None, Some(("revocation.no-source", 48))),
        ("good", Some(response(10, Status::Good).sign(&by.key)), None),
        (
            "revoked",
            Some(response(10, Status::Revoked(LONG_AGO, None)).sign(&by.key)),
            Some(("revocation.revoked", 44)),
        ),
        (
            "of another signer",
            Some(response(10, Status::Good).sign(&pki.stranger.key)),
            Some(("revocation.bad-signature", 113)),
        ),
    ];
    for (version, provider) in versions() {
        for (case, staple, refused) in &cases {
            let mut ends = Ends::new(&pki, &provider, Pki::strict, &server, &client);
            let list = Publication::new().source(pki.lists(1, &[]));
            ends.server_live.publish(list, pki.clock.now()).unwrap();
            let stapled = credentials(&server, &provider, staple.as_deref());
            ends.server_config.cert_resolver = Arc::new(stapled);
            let (_, server_end) = ends.shake_hands();
            let rejections = ends.client.rejections();
            let told = rejections
                .last()
                .map(|last| (last.decision().code(), server_end.alert().unwrap_or_default()));
            assert_eq!(told, *refused, "{version}: {case}");
        }
    }
}

#[test]
fn raw_public_keys_are_refused() {
    let pki = Pki::new();
    let verifier = ServerVerifier::new(pki.lenient(), ExpectServer::dangerously_any());
    assert_eq!(verifier.supported_certificate_types(), [CertificateType::X509]);
    let spki = SubjectPublicKeyInfoDer::from(pki.root.key.spki().to_vec());
    let (identity, name) = (Identity::RawPublicKey(spki), server_name());
    let refused =
        verifier.verify_identity(&ServerIdentity::new(&identity, &name, pki.clock.unix()));
    assert_eq!(refused.unwrap_err(), Error::InvalidCertificate(CertificateError::InvalidPurpose));
    // The same key in a certificate that is acceptable.
    let chain = pki.leaf(SERVER, 10, same);
    let mut chain = chain.certificates.into_iter();
    let identity = CertificateIdentity::new(chain.next().unwrap(), chain.collect());
    let identity = Identity::X509(identity);
    let verified =
        verifier.verify_identity(&ServerIdentity::new(&identity, &name, pki.clock.unix()));
    assert_eq!(verified.unwrap().identity(), &identity);
}
