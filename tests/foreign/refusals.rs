//! Each class of rejection, as foreign clients and foreign servers are told of it.

use std::process::Command;
use std::sync::Arc;

use bonafide::rustls::{
    ClientAuth, ClientEndpoint, ExpectClient, ExpectServer, Presents, ServerEndpoint,
};
use rustls::SupportedProtocolVersion;
use rustls::crypto::ring::default_provider;
use rustls::version::{TLS12, TLS13};

use crate::kit::ext::{self, purpose};
use crate::kit::ocsp::cert_id;
use crate::kit::{
    Extension, FAR, GeneralName, IdHash, Key, Kind, LONG_AGO, NOW, Name, OcspResponseBuilder,
    Responder, SingleResponse, Status,
};
use crate::programs::*;
use crate::stage::*;

type Version = &'static SupportedProtocolVersion;

const VERSIONS: [(&str, Version, &[Version]); 2] =
    [("-tls1_2", &TLS12, &[&TLS12]), ("-tls1_3", &TLS13, &[&TLS13])];

/// A peer, the code of the decision about it, and what it is told.
struct Case {
    peer: Identity,
    code: &'static str,
    alert: Option<Alert>,
}

fn case(peer: Identity, code: &'static str, alert: Alert) -> Case {
    Case { peer, code, alert: Some(alert) }
}

/// Peers as one side presents itself, with a name that is right for it.
fn cases(stage: &Stage, dns: &str) -> Vec<Case> {
    let peer = |name: &str, serial, edit: &dyn Fn(_) -> _| stage.identity(name, dns, serial, edit);
    let constrained =
        stage.root.intermediate(&Name::cn("Constrained"), &Key::new(Kind::P256, 3), |ca| {
            ca.serial(&[3]).with(ext::name_constraints(&[GeneralName::dns("elsewhere.test")], &[]))
        });
    let silent = stage
        .root
        .intermediate(&Name::cn("Silent"), &Key::new(Kind::P256, 3), |ca| ca.serial(&[4]));
    vec![
        Case { peer: peer("good", 10, &|leaf| leaf), code: "accepted", alert: None },
        case(
            peer("expired", 11, &|leaf| leaf.validity(LONG_AGO, NOW - 1)),
            "validity.expired",
            CERTIFICATE_EXPIRED,
        ),
        case(
            peer("early", 12, &|leaf| leaf.validity(NOW + 1, FAR)),
            "validity.not-yet-valid",
            CERTIFICATE_EXPIRED,
        ),
        case(peer("revoked", 66, &|leaf| leaf), "revocation.revoked", CERTIFICATE_REVOKED),
        case(
            stage.issued(&silent, "status", dns, 13, |leaf| leaf),
            "revocation.no-source",
            UNKNOWN_CA,
        ),
        case(
            stage.issued(&stage.stranger, "stranger", dns, 14, |leaf| leaf),
            "trust.no-route",
            UNKNOWN_CA,
        ),
        case(
            peer("purpose", 15, &|leaf| {
                leaf.replace(ext::extended_key_usage(&[purpose::CODE_SIGNING]))
            }),
            "extended-key-usage.purpose",
            UNSUPPORTED_CERTIFICATE,
        ),
        // In an extension that OpenSSL does not read before it validates.
        case(
            peer("malformed", 16, &|leaf| {
                leaf.with(Extension::raw(ext::id::CERTIFICATE_POLICIES, false, &[0x30, 5]))
            }),
            "encoding.malformed",
            BAD_CERTIFICATE,
        ),
        case(
            peer("critical", 17, &|leaf| leaf.with(Extension::raw("1.2.3.4.5", true, &[5, 0]))),
            "extension.unknown-critical",
            BAD_CERTIFICATE,
        ),
        case(
            peer("signature", 18, &|leaf| {
                leaf.signature(&stage.stranger.key.sign(b"something else"))
            }),
            "signature.invalid",
            DECRYPT_ERROR,
        ),
        case(
            stage.issued(&constrained, "constrained", dns, 19, |leaf| leaf),
            "name-constraints.not-permitted",
            CERTIFICATE_UNKNOWN,
        ),
    ]
}

fn server(stage: &Stage, dns: &str) -> Arc<ServerEndpoint> {
    let provider = Arc::new(default_provider());
    let live = stage.live(&provider);
    stage.publish_credential(&live, &stage.identity("server", dns, 5, |leaf| leaf));
    let clients = ExpectClient::matching(format!("dns:{CLIENT}").parse().unwrap());
    ServerEndpoint::builder(live, provider, ClientAuth::Required(clients))
        .with_time(stage.clock.clone())
        .build()
        .unwrap()
}

/// The clients of [`cases`], one that the matcher refuses, one without a certificate.
fn client_cases(stage: &Stage) -> Vec<Case> {
    let mut clients = cases(stage, CLIENT);
    let intruder = stage.identity("intruder", "intruder.example.test", 30, |leaf| leaf);
    clients.push(case(intruder, "identity.not-accepted", ACCESS_DENIED));
    clients
}

/// What our server says of the last connection, against what it should.
fn check(endpoint: &ServerEndpoint, ended: &Ended, case: &Case) -> Result<(), String> {
    let peer = format!("dns:{CLIENT}");
    let right = match case.alert {
        None => matches!(ended, Ended::Open(_, Some(who)) if who.contains(&peer)),
        Some(_) => {
            let rejections = endpoint.verifier().unwrap().rejections();
            let code = rejections.last().map(|rejected| rejected.decision().code());
            matches!(ended, Ended::Failed(_)) && code == Some(case.code)
        }
    };
    right.then_some(()).ok_or_else(|| {
        let rejections = endpoint.verifier().unwrap().rejections();
        let last = rejections.last().map(|rejected| rejected.decision().explain().to_string());
        format!("{}: {ended:?}, not {}: {last:?}", case.peer.name, case.code)
    })
}

#[test]
fn clients_of_openssl_are_told_why() {
    if !is_there("openssl", &["version"]) {
        return;
    }
    let stage = Stage::new("s-client");
    let endpoint = server(&stage, SERVER);
    let listening = Listening::open(&endpoint, Speaks::Greeting);
    let mut failures = Vec::new();
    for case in client_cases(&stage) {
        let files = stage.write(&case.peer);
        for (flag, ..) in VERSIONS {
            let mut command = s_client(&stage, &listening, flag);
            command.arg("-cert").arg(&files.leaf).arg("-key").arg(&files.key);
            command.arg("-cert_chain").arg(&files.chain);
            let said = Program::start(&mut command).finish();
            let expected = case.alert.map_or(Told::New, |alert| Told::Alert(alert.0));
            let told = told_by_openssl(&said);
            if told != expected || (case.alert.is_none() != said.contains("welcome")) {
                failures.push(format!(
                    "{} {flag}: {told:?}, not {expected:?}:\n{said}",
                    case.peer.name
                ));
            }
            failures.extend(check(&endpoint, &listening.next(), &case).err());
        }
    }
    // RFC 8446 4.4.2.4 has an alert for it, which rustls sends in TLS 1.2 as well.
    for (flag, ..) in VERSIONS {
        let said = Program::start(&mut s_client(&stage, &listening, flag)).finish();
        let told = told_by_openssl(&said);
        assert_eq!(told, Told::Alert(CERTIFICATE_REQUIRED.0), "{flag}: {said}");
        assert!(matches!(listening.next(), Ended::Failed(_)), "{flag}");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn s_client(stage: &Stage, listening: &Listening, flag: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-ign_eof", "-verify_return_error", "-servername", SERVER, flag]);
    command.args(["-connect", &listening.address.to_string(), "-verify_hostname", SERVER]);
    command.arg("-CAfile").arg(stage.path("root.pem"));
    command
}

#[test]
fn curl_is_told_why() {
    if !is_there("curl", &["--version"]) {
        return;
    }
    let stage = Stage::new("curl");
    let endpoint = server(&stage, SERVER);
    let listening = Listening::open(&endpoint, Speaks::Http);
    let mut failures = Vec::new();
    for case in client_cases(&stage) {
        let files = stage.write(&case.peer);
        for (_, version, _) in VERSIONS {
            let port = listening.address.port();
            let mut command = Command::new("curl");
            command.args(["--silent", "--show-error", "--verbose", "--http1.1", "--noproxy", "*"]);
            let tls12 = version.version == TLS12.version;
            command.args(if tls12 { ["--tls-max", "1.2"] } else { ["--tlsv1.3", "--ipv4"] });
            command.args(["--resolve", &format!("{SERVER}:{port}:127.0.0.1")]);
            command.arg("--cacert").arg(stage.path("root.pem"));
            command.arg("--cert").arg(&files.all).arg("--key").arg(&files.key);
            let said = Program::start(command.arg(format!("https://{SERVER}:{port}/"))).finish();
            let right = match case.alert {
                None => said.contains("welcome"),
                Some(alert) => names(&said, alert) && !said.contains("welcome"),
            };
            if !right {
                failures.push(format!("{} {:?}: {said}", case.peer.name, version.version));
            }
            failures.extend(check(&endpoint, &listening.next(), &case).err());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Connects for each line `VERSION ALL KEY` and says what it was told.
const PYTHON_CLIENT: &str = r#"
import socket, ssl, sys
root, name, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
for line in sys.stdin:
    version, chain, key = line.split()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(root)
    context.load_cert_chain(chain, key)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname=name) as tls:
                print("told", tls.recv(100).decode().strip() or "nothing", flush=True)
    except ssl.SSLError as error:
        print("told", error.reason, flush=True)
"#;

#[test]
fn python_is_told_why() {
    if !is_there("python3", &["-c", "import ssl"]) {
        return;
    }
    let stage = Stage::new("python");
    let endpoint = server(&stage, SERVER);
    let listening = Listening::open(&endpoint, Speaks::Greeting);
    let mut command = Command::new("python3");
    command.args(["-c", PYTHON_CLIENT]).arg(stage.path("root.pem")).arg(SERVER);
    let mut python = Program::start(command.arg(listening.address.port().to_string()));
    let mut failures = Vec::new();
    for case in client_cases(&stage) {
        let files = stage.write(&case.peer);
        for version in ["TLSv1_2", "TLSv1_3"] {
            let (all, key) = (files.all.display(), files.key.display());
            python.tell(&format!("{version} {all} {key}"));
            let told = python.wait_for("told ");
            let right = match case.alert {
                None => told == "told welcome",
                Some(alert) => names(&told, alert),
            };
            if !right {
                failures.push(format!("{} {version}: {told}", case.peer.name));
            }
            failures.extend(check(&endpoint, &listening.next(), &case).err());
        }
    }
    python.finish();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The servers of [`cases`], and one of another name.
fn server_cases(stage: &Stage) -> Vec<Case> {
    let mut servers = cases(stage, SERVER);
    let other = stage.identity("other", "other.example.test", 30, |leaf| leaf);
    servers.push(case(other, "identity.name-mismatch", BAD_CERTIFICATE));
    servers
}

fn client(stage: &Stage, versions: &'static [Version]) -> Arc<ClientEndpoint> {
    let provider = Arc::new(default_provider());
    let live = stage.live(&provider);
    ClientEndpoint::builder(live, provider, ExpectServer::connection_name(), Presents::Nothing)
        .with_time(stage.clock.clone())
        .with_versions(versions)
        .build()
        .unwrap()
}

/// Connects and says how it ended, with the code of a rejection.
fn connect(client: &Arc<ClientEndpoint>, address: std::net::SocketAddr) -> (Ended, String) {
    let mut connection = client.connect(SERVER.try_into().unwrap()).unwrap();
    let ended = converse(&mut connection, address);
    let rejections = client.verifier().rejections();
    let code = match ended {
        Ended::Open(..) => "accepted",
        Ended::Failed(_) => rejections.last().map_or("none", |last| last.decision().code()),
    };
    (ended, code.to_owned())
}

/// A server of OpenSSL that says lines backwards, for `accepts` connections.
fn s_server(files: &Files, accepts: usize, more: &[&str]) -> (Program, std::net::SocketAddr) {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-rev", "-accept", "127.0.0.1:0", "-naccept", &accepts.to_string()]);
    command.arg("-cert").arg(&files.leaf).arg("-key").arg(&files.key);
    command.arg("-cert_chain").arg(&files.chain).args(more);
    let mut server = Program::start(&mut command);
    let address = server.wait_for("ACCEPT ").split_once(' ').unwrap().1.parse().unwrap();
    (server, address)
}

#[test]
fn servers_of_openssl_are_told_why() {
    if !is_there("openssl", &["version"]) {
        return;
    }
    let stage = Stage::new("s-server");
    let mut failures = Vec::new();
    for case in server_cases(&stage) {
        let files = stage.write(&case.peer);
        for (flag, _, versions) in VERSIONS {
            let (server, address) = s_server(&files, 1, &[]);
            let (ended, code) = connect(&client(&stage, versions), address);
            let said = server.finish();
            let told = match told_by_openssl(&said) {
                Told::Alert(number) => Some(number),
                _ => None,
            };
            if code != case.code || told != case.alert.map(|alert| alert.0) {
                let name = &case.peer.name;
                failures.push(format!("{name} {flag}: {ended:?}, {code}, {told:?}:\n{said}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Serves one client for each line `VERSION ALL KEY` and says what it was told.
const PYTHON_SERVER: &str = r#"
import socket, ssl, sys
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(20)
print("port", listener.getsockname()[1], flush=True)
for line in sys.stdin:
    version, chain, key = line.split()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    print("ready", flush=True)
    plain, _ = listener.accept()
    plain.settimeout(20)
    try:
        with context.wrap_socket(plain, server_side=True) as tls:
            heard = tls.recv(100)
            tls.sendall(heard)
            print("told", heard.decode().strip() or "nothing", flush=True)
    except ssl.SSLError as error:
        print("told", error.reason, flush=True)
"#;

#[test]
fn servers_in_python_are_told_why() {
    if !is_there("python3", &["-c", "import ssl"]) {
        return;
    }
    let stage = Stage::new("python-server");
    let mut python = Program::start(Command::new("python3").args(["-c", PYTHON_SERVER]));
    let port = python.wait_for("port ").split_once(' ').unwrap().1.parse::<u16>().unwrap();
    let mut failures = Vec::new();
    for case in server_cases(&stage) {
        let files = stage.write(&case.peer);
        for (version, (_, _, versions)) in ["TLSv1_2", "TLSv1_3"].into_iter().zip(VERSIONS) {
            let (all, key) = (files.all.display(), files.key.display());
            python.tell(&format!("{version} {all} {key}"));
            python.wait_for("ready");
            let (ended, code) = connect(&client(&stage, versions), ([127, 0, 0, 1], port).into());
            let told = python.wait_for("told ");
            let right = match case.alert {
                None => told == "told welcome",
                Some(alert) => names(&told, alert),
            };
            if !right || code != case.code {
                failures.push(format!("{} {version}: {ended:?}, {code}, {told}", case.peer.name));
            }
        }
    }
    python.finish();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn stapled_responses_of_openssl_are_judged() {
    if !is_there("openssl", &["version"]) {
        return;
    }
    let stage = Stage::new("staples");
    let silent = stage
        .root
        .intermediate(&Name::cn("Silent"), &Key::new(Kind::P256, 3), |ca| ca.serial(&[4]));
    let files = stage.write(&stage.issued(&silent, "stapled", SERVER, 13, |leaf| leaf));
    let response = |serial: u8, status| {
        let id = cert_id(IdHash::Sha1, &silent.name, &silent.key, &[serial]);
        OcspResponseBuilder::new(Responder::Name(silent.name.clone()))
            .respond(SingleResponse::new(&id, status))
    };
    let cases = [
        ("good", response(13, Status::Good).sign(&silent.key), "accepted", None),
        (
            "revoked",
            response(13, Status::Revoked(LONG_AGO, Some(1))).sign(&silent.key),
            "revocation.revoked",
            Some(CERTIFICATE_REVOKED),
        ),
        (
            "of another signer",
            response(13, Status::Good).sign(&stage.stranger.key),
            "revocation.bad-signature",
            Some(BAD_STATUS_RESPONSE),
        ),
        (
            "of another certificate",
            response(14, Status::Good).sign(&silent.key),
            "revocation.not-covered",
            Some(UNKNOWN_CA),
        ),
    ];
    let mut failures = Vec::new();
    for (name, staple, code, alert) in cases {
        let path = stage.path("staple.der");
        std::fs::write(&path, staple).unwrap();
        for (flag, _, versions) in VERSIONS {
            let (server, address) =
                s_server(&files, 1, &["-status_file", path.to_str().unwrap(), "-status"]);
            let (ended, decided) = connect(&client(&stage, versions), address);
            let said = server.finish();
            let told = match told_by_openssl(&said) {
                Told::Alert(number) => Some(number),
                _ => None,
            };
            if decided != code || told != alert.map(|alert| alert.0) {
                failures.push(format!("{name} {flag}: {ended:?}, {decided}, {told:?}:\n{said}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
