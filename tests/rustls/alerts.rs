//! Each class of rejection, on both sides, in both versions: what the peer sees, what the application
//! gets. The peer that is refused is plain rustls.

use std::sync::{Arc, Mutex};

use bonafide::decision::Rejection;
use bonafide::live::Publication;
use bonafide::policy::{Limits, RevocationPolicy, ValidationPolicy};
use bonafide::revocation::{Denied, DenyRule};
use bonafide::rustls::{
    ChainDigest, ClientAuth, ConnectionError, ExpectClient, HandshakeEvents, PeerRole,
    RejectedPeer, ServerEndpoint,
};
use bonafide::signature::{AlgorithmPolicy, KeyKind, RingBackend};
use bonafide::x509::Time;
use rustls::{AlertDescription as Alert, CertificateError, Error};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use crate::foreign;
use crate::kit::{Authority, GeneralName, Key, Kind, NOW, Name, der, ext};
use crate::net::*;

/// What is wrong with a peer, or with what is demanded of it.
struct Case {
    role: PeerRole,
    order: Order,
    issuer: Authority,
    anchor: Authority,
    policy: ValidationPolicy,
    /// What becomes of the encoding of the leaf.
    leaf: fn(Vec<u8>) -> Vec<u8>,
    deny: fn(&Case) -> Vec<DenyRule>,
    /// The key that signs the handshake, where it is not that of the leaf.
    signer: Option<Key>,
}

impl Case {
    fn new(role: PeerRole) -> Self {
        let root = authority("Root", 0);
        Case {
            role,
            order: if role == PeerRole::Server { Order::server() } else { Order::client() },
            issuer: root.clone(),
            anchor: root,
            policy: ValidationPolicy::tls_server(),
            leaf: |der| der,
            deny: |_| Vec::new(),
            signer: None,
        }
    }

    /// Leaf with other names: those of a stranger.
    fn other_name(&mut self) {
        self.order.names = match self.role {
            PeerRole::Server => vec![GeneralName::dns("other.example.test")],
            PeerRole::Client => vec![GeneralName::uri("spiffe://example.test/nobody")],
        };
    }
}

type Change = fn(&mut Case);

/// Name, change, code of the decision, alert that the peer sees.
const CASES: &[(&str, Change, &str, Alert)] = &[
    (
        "expired",
        |case| case.order.validity.1 = NOW - 1,
        "validity.expired",
        Alert::CertificateExpired,
    ),
    (
        "not valid yet",
        |case| case.order.validity.0 = NOW + 1,
        "validity.not-yet-valid",
        Alert::CertificateExpired,
    ),
    (
        "revoked",
        |case| {
            case.deny = |case| {
                let spki = Sha256::digest(case.order.key.spki()).into();
                vec![DenyRule::new(Denied::Key { spki })]
            };
        },
        "revocation.revoked",
        Alert::CertificateRevoked,
    ),
    (
        "revocation unknown",
        |case| {
            let demanding = RevocationPolicy::hard_fail();
            case.policy = ValidationPolicy::tls_server().with_revocation(demanding);
        },
        "revocation.no-source",
        Alert::UnknownCA,
    ),
    (
        "another root",
        |case| case.anchor = authority("Another Root", 1),
        "trust.no-route",
        Alert::UnknownCA,
    ),
    (
        "another root of the same name",
        |case| case.anchor = authority("Root", 1),
        "trust.no-route",
        Alert::UnknownCA,
    ),
    (
        "issued by an end entity",
        |case| {
            let key = Key::new(Kind::P256, 2);
            let name = Name::cn("End Entity");
            case.issuer = case
                .issuer
                .intermediate(&name, &key, |builder| builder.without(ext::id::BASIC_CONSTRAINTS));
        },
        "basic-constraints.absent",
        Alert::UnknownCA,
    ),
    (
        "malformed",
        |case| {
            case.leaf = |mut der| {
                der.push(0);
                der
            }
        },
        "encoding.malformed",
        Alert::BadCertificate,
    ),
    (
        "signature",
        |case| case.order.edit = |builder| builder.signature(&[0; 70]),
        "signature.invalid",
        Alert::DecryptError,
    ),
    (
        "algorithm refused",
        |case| {
            let key = Key::new(Kind::Rsa, 0);
            case.issuer = case.issuer.intermediate(&Name::cn("CA"), &key, |builder| builder);
            let algorithms = AlgorithmPolicy::DEFAULT.refuse_key(KeyKind::Rsa);
            case.policy = ValidationPolicy::tls_server().with_algorithms(algorithms);
        },
        "algorithm.key-refused",
        Alert::BadCertificate,
    ),
    (
        "algorithm not supported",
        |case| {
            let root = Authority::root(&Name::cn("Root"), &Key::new(Kind::P521, 0));
            (case.issuer, case.anchor) = (root.clone(), root);
        },
        "signature.key-unsupported",
        Alert::UnsupportedCertificate,
    ),
    (
        "for another purpose",
        |case| {
            case.order.edit =
                |builder| builder.with(ext::extended_key_usage(&[ext::purpose::CODE_SIGNING]));
        },
        "extended-key-usage.purpose",
        Alert::UnsupportedCertificate,
    ),
    (
        "for the other role",
        |case| {
            case.order.edit = match case.role {
                PeerRole::Server => {
                    |b| b.with(ext::extended_key_usage(&[ext::purpose::CLIENT_AUTH]))
                }
                PeerRole::Client => {
                    |b| b.with(ext::extended_key_usage(&[ext::purpose::SERVER_AUTH]))
                }
            };
        },
        "extended-key-usage.purpose",
        Alert::UnsupportedCertificate,
    ),
    (
        "key not for signatures",
        |case| {
            case.order.edit =
                |builder| builder.replace(ext::key_usage(&[ext::usage::KEY_AGREEMENT]));
        },
        "key-usage.missing",
        Alert::UnsupportedCertificate,
    ),
    (
        "a ca",
        |case| case.order.edit = |builder| builder.with(ext::basic_constraints(true, None)),
        "end-entity.is-a-ca",
        Alert::UnsupportedCertificate,
    ),
    (
        "unknown critical extension",
        |case| {
            case.order.edit = |builder| {
                builder.with(ext::Extension::raw("1.3.6.1.4.1.32473.1", true, &der::null()))
            };
        },
        "extension.unknown-critical",
        Alert::BadCertificate,
    ),
    (
        "no certificate policy",
        |case| case.policy = ValidationPolicy::tls_server().with_explicit_policy_required(),
        "policy.explicit-policy-required",
        Alert::CertificateUnknown,
    ),
    (
        "lives too long",
        |case| case.policy = ValidationPolicy::tls_server().with_max_lifetime_seconds(60),
        "validity.lifetime-too-long",
        Alert::CertificateUnknown,
    ),
    (
        "too much work",
        |case| {
            let mut limits = Limits::DEFAULT;
            limits.pool_bytes = 100;
            case.policy = ValidationPolicy::tls_server().with_limits(limits);
            let key = Key::new(Kind::P256, 2);
            case.issuer = case.issuer.intermediate(&Name::cn("CA"), &key, |builder| builder);
        },
        "limit.pool-bytes",
        Alert::CertificateUnknown,
    ),
];

/// What differs by the side that decides.
const OF_SERVERS: &[(&str, Change, &str, Alert)] =
    &[("another name", Case::other_name, "identity.name-mismatch", Alert::BadCertificate)];

const OF_CLIENTS: &[(&str, Change, &str, Alert)] = &[
    ("not accepted", Case::other_name, "identity.not-accepted", Alert::AccessDenied),
    (
        "of another trust domain",
        |case| case.order.names = vec![GeneralName::uri("spiffe://other.test/web")],
        "trust.no-domain",
        Alert::UnknownCA,
    ),
];

#[derive(Debug, Default)]
struct Told(Mutex<Vec<(PeerRole, ChainDigest, &'static str)>>);

impl HandshakeEvents for Told {
    fn on_rejected(&self, rejected: &RejectedPeer) {
        let told = (rejected.role(), rejected.chain(), rejected.decision().code());
        self.0.lock().unwrap().push(told);
    }
}

/// How the side that refused, the peer and the application were told.
struct Seen {
    alert: Option<Alert>,
    error: Error,
    rejected: Vec<Arc<RejectedPeer>>,
    /// The rejection that the connection itself tells of.
    own_rejection: Option<Arc<RejectedPeer>>,
    told: Vec<(PeerRole, ChainDigest, &'static str)>,
    chain: ChainDigest,
}

fn run(case: &Case, versions: &'static [&'static rustls::SupportedProtocolVersion]) -> Seen {
    let clock = Clock::new();
    let leaf = (case.leaf)(case.order.issue(&case.issuer));
    let mut chain = vec![leaf];
    if case.issuer.certificate != case.anchor.certificate {
        chain.push(case.issuer.certificate.clone());
    }
    let digest = ChainDigest::of(
        &chain.iter().map(|der| CertificateDer::from(der.clone())).collect::<Vec<_>>(),
    );
    // Signs with whatever key the certificate has.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = case.signer.as_ref().unwrap_or(&case.order.key);
    let presents = foreign::certified(&provider, &chain, key);

    let own = authority("Own", 3);
    let order = if case.role == PeerRole::Server { Order::client() } else { Order::server() };
    let live = live_with(
        Arc::new(RingBackend::NEW),
        trust(&[&case.anchor]),
        case.policy.clone(),
        Some(order.credential(&own)),
    );
    live.publish(Publication::new().deny((case.deny)(case)), Time::from_unix(NOW)).unwrap();
    let told = Arc::new(Told::default());

    let own_rejection;
    let (ended, refused, rejected) = match case.role {
        PeerRole::Server => {
            let client = client(&live, &clock).with_versions(versions).with_events(told.clone());
            let client = client.build().unwrap();
            let config = foreign::server_config(provider, presents, &clock, versions);
            let mut server = foreign::accept(&Arc::new(config));
            let mut connection = client.connect(name()).unwrap();
            let ended = exchange(&mut connection, &mut server);
            assert!(connection.reader().is_err() && connection.peer().is_none());
            own_rejection = connection.rejected();
            let rejected = client.verifier().rejections();
            (ended.server, ended.client, rejected)
        }
        PeerRole::Client => {
            let expect = ExpectClient::matching(CLIENT.parse().unwrap());
            let clients = ClientAuth::Required(expect);
            let server = ServerEndpoint::builder(live.clone(), ring(), clients)
                .with_time(Arc::new(clock.clone()))
                .with_versions(versions)
                .with_events(told.clone())
                .build()
                .unwrap();
            let config = foreign::client_config(provider, Some(presents), &clock, versions);
            let mut client = foreign::connect(&Arc::new(config));
            let mut connection = server.accept().unwrap();
            let ended = exchange(&mut client, &mut connection);
            assert!(connection.reader().is_err() && connection.peer().is_none());
            own_rejection = connection.rejected();
            let rejected = server.verifier().unwrap().rejections();
            (ended.client, ended.server, rejected)
        }
    };
    let alert = match ended {
        Err(ConnectionError::Tls(Error::AlertReceived(alert))) => Some(alert),
        _ => None,
    };
    let Err(ConnectionError::Tls(error)) = refused else { panic!("{refused:?}") };
    let told = std::mem::take(&mut *told.0.lock().unwrap());
    Seen { alert, error, rejected, own_rejection, told, chain: digest }
}

#[test]
fn both_sides_learn_why() {
    for role in [PeerRole::Server, PeerRole::Client] {
        let own = if role == PeerRole::Server { OF_SERVERS } else { OF_CLIENTS };
        for (what, change, code, alert) in CASES.iter().chain(own) {
            for (version, versions) in VERSIONS {
                let mut case = Case::new(role);
                change(&mut case);
                let seen = run(&case, versions);
                let what = format!("{what}, {role}, {version}");
                assert_eq!(seen.told, [(role, seen.chain, *code)], "{what}");
                assert_eq!(seen.alert, Some(*alert), "{what}");
                let rejected = seen.rejected.last().unwrap();
                assert_eq!((rejected.chain(), rejected.decision().code()), (seen.chain, *code));
                assert!(Arc::ptr_eq(rejected, &seen.own_rejection.unwrap()), "{what}");
                let source = std::error::Error::source(&**rejected).unwrap().to_string();
                assert_eq!(source, rejected.decision().rejection().unwrap().to_string(), "{what}");
                let Error::InvalidCertificate(error) = seen.error else {
                    panic!("{what}: {:?}", seen.error)
                };
                // Where there is room, the reasons travel with the error.
                if let CertificateError::Other(other) = error {
                    let carried = other.0.downcast_ref::<Rejection>().unwrap();
                    assert_eq!(carried.cause().code(), *code, "{what}");
                    assert_eq!(*alert, Alert::CertificateUnknown, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_certificate_without_its_key_is_no_peer() {
    for role in [PeerRole::Server, PeerRole::Client] {
        for (version, versions) in VERSIONS {
            let mut case = Case::new(role);
            case.signer = Some(Key::new(Kind::P256, 1));
            let seen = run(&case, versions);
            let what = format!("{role}, {version}");
            // There is nothing wrong with the certificates.
            assert_eq!((seen.rejected.len(), seen.told), (0, vec![]), "{what}");
            assert_eq!(seen.alert, Some(Alert::DecryptError), "{what}");
            let expected = Error::InvalidCertificate(CertificateError::BadSignature);
            assert_eq!(seen.error, expected, "{what}");
        }
    }
}
