//! Sessions that foreign peers saved: resumed while nothing changed, refused after trust was tightened
//! and after the certificates expired.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use bonafide::live::{Live, Publication};
use bonafide::revocation::{Denied, DenyRule};
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, ExpectClient, ExpectServer, Presents, ServerEndpoint,
};
use bonafide::trust::TrustBundle;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, SupportedProtocolVersion};

use crate::kit::NOW;
use crate::programs::*;
use crate::stage::*;

/// How long certificates of these tests live: 77 minutes.
const LIFE: i64 = 77 * 60;

const ONLY_12: &[&SupportedProtocolVersion] = &[&TLS12];
const ONLY_13: &[&SupportedProtocolVersion] = &[&TLS13];

/// Where a server keeps sessions.
#[derive(Clone, Copy, Debug)]
enum Kept {
    InMemory,
    InTickets,
}

const COMBINATIONS: [(&str, Kept); 4] = [
    ("-tls1_2", Kept::InMemory),
    ("-tls1_2", Kept::InTickets),
    ("-tls1_3", Kept::InMemory),
    ("-tls1_3", Kept::InTickets),
];

/// What happens between two connections, and what comes of the second one.
struct Between {
    what: &'static str,
    happens: fn(&Stage, &Live),
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    Opens(HandshakeKind),
    Refused(Alert),
}

impl Then {
    /// What OpenSSL says of it.
    fn told(self) -> Told {
        match self {
            Self::Opens(HandshakeKind::Resumed) => Told::Reused,
            Self::Opens(_) => Told::New,
            Self::Refused(alert) => Told::Alert(alert.0),
        }
    }

    /// Whether our side ended so.
    fn is(self, ended: &Ended) -> bool {
        match (self, ended) {
            (Self::Opens(expected), Ended::Open(kind, Some(_))) => expected == *kind,
            (Self::Refused(_), Ended::Failed(_)) => true,
            _ => false,
        }
    }
}

const FULL: Then = Then::Opens(HandshakeKind::Full);
const RESUMED: Then = Then::Opens(HandshakeKind::Resumed);

/// A second authority beside the first: what a rotation begins with, and nobody is less trusted.
fn add_root(stage: &Stage, live: &Live) {
    let anchors = [&stage.root, &stage.stranger].map(|root| stage.anchor(root));
    let publication = Publication::new().bundle("ours", TrustBundle::new(anchors));
    live.publish(publication, stage.clock.now()).unwrap();
}

/// Denies a key that nobody has: tightens, and leaves everybody acceptable.
fn deny_another(stage: &Stage, live: &Live) {
    let rule = DenyRule::new(Denied::Key { spki: [7; 32] });
    live.publish(Publication::new().deny([rule]), stage.clock.now()).unwrap();
}

fn revoke(stage: &Stage, live: &Live) {
    let publication = Publication::new().source(stage.lists(2, &[10, 66]));
    live.publish(publication, stage.clock.now()).unwrap();
}

fn replace_root(stage: &Stage, live: &Live) {
    let publication = Publication::new().domain(stage.domain(&stage.stranger));
    live.publish(publication, stage.clock.now()).unwrap();
}

const BETWEEN: [Between; 6] = [
    Between { what: "nothing", happens: |_, _| (), then: RESUMED },
    Between { what: "root added", happens: add_root, then: RESUMED },
    Between { what: "tightened", happens: deny_another, then: FULL },
    Between { what: "revoked", happens: revoke, then: Then::Refused(CERTIFICATE_REVOKED) },
    Between { what: "root replaced", happens: replace_root, then: Then::Refused(UNKNOWN_CA) },
    Between {
        what: "expired",
        happens: |stage, _| stage.clock.advance(LIFE + 1),
        then: Then::Refused(CERTIFICATE_EXPIRED),
    },
];

fn server(stage: &Stage, kept: Kept) -> (Live, Arc<ServerEndpoint>) {
    let provider = Arc::new(default_provider());
    let live = stage.live(&provider);
    stage.publish_credential(&live, &stage.identity("server", SERVER, 5, |leaf| leaf));
    let clients = ExpectClient::matching(format!("dns:{CLIENT}").parse().unwrap());
    let builder = ServerEndpoint::builder(live.clone(), provider, ClientAuth::Required(clients))
        .with_time(stage.clock.clone());
    let builder = match kept {
        Kept::InMemory => builder,
        Kept::InTickets => builder.with_ticketer(Ticketer::new().unwrap()),
    };
    (live, builder.build().unwrap())
}

/// A client whose certificate lives for [`LIFE`] from now.
fn client_files(stage: &Stage) -> Files {
    let identity = stage.identity("client", CLIENT, 10, |leaf| leaf.validity(NOW, NOW + LIFE));
    stage.write(&identity)
}

#[test]
fn sessions_saved_by_openssl_end_with_what_they_rest_on() {
    if !is_there("openssl", &["version"]) {
        return;
    }
    let mut failures = Vec::new();
    for (flag, kept) in COMBINATIONS {
        for Between { what, happens, then } in &BETWEEN {
            let stage = Stage::new("sess");
            let (live, endpoint) = server(&stage, kept);
            let listening = Listening::open(&endpoint, Speaks::Greeting);
            let files = client_files(&stage);
            let [first, second] = ["first", "second"].map(|name| stage.path(name));
            let connect = |load: Option<&Path>, save: &Path| {
                let mut command = Command::new("openssl");
                command.args(["s_client", "-ign_eof", "-servername", SERVER, flag]);
                command.args(["-connect", &listening.address.to_string()]);
                command.arg("-verify_return_error").arg("-CAfile").arg(stage.path("root.pem"));
                command.arg("-cert").arg(&files.leaf).arg("-key").arg(&files.key);
                command.arg("-cert_chain").arg(&files.chain).arg("-sess_out").arg(save);
                if let Some(session) = load {
                    command.arg("-sess_in").arg(session);
                }
                let said = Program::start(&mut command).finish();
                (told_by_openssl(&said), listening.next(), said)
            };
            let (before, ended, said) = connect(None, &first);
            assert_eq!(before, Told::New, "{flag} {kept:?} {what}: {ended:?}\n{said}");
            happens(&stage, &live);
            let (after, ended, said) = connect(Some(&first), &second);
            if after != then.told() || !then.is(&ended) {
                failures.push(format!("{flag} {kept:?} {what}: {after:?}, {ended:?}\n{said}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Connects for each line, with the session of the connection before.
const PYTHON: &str = r#"
import socket, ssl, sys
root, name, port, version, chain, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.load_verify_locations(root)
context.load_cert_chain(chain, key)
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
session = None
for line in sys.stdin:
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname=name, session=session) as tls:
                heard = tls.recv(100).decode().strip()
                session = tls.session
                print("told", heard, "again" if tls.session_reused else "new", flush=True)
    except ssl.SSLError as error:
        print("told", error.reason, flush=True)
"#;

#[test]
fn sessions_kept_by_python_end_with_what_they_rest_on() {
    if !is_there("python3", &["-c", "import ssl"]) {
        return;
    }
    let mut failures = Vec::new();
    for (flag, kept) in COMBINATIONS {
        let version = if flag == "-tls1_2" { "TLSv1_2" } else { "TLSv1_3" };
        for Between { what, happens, then } in &BETWEEN {
            let stage = Stage::new("python-sess");
            let (live, endpoint) = server(&stage, kept);
            let listening = Listening::open(&endpoint, Speaks::Greeting);
            let files = client_files(&stage);
            let mut command = Command::new("python3");
            command.args(["-c", PYTHON]).arg(stage.path("root.pem")).arg(SERVER);
            command.args([&listening.address.port().to_string(), version]);
            let mut python = Program::start(command.arg(&files.all).arg(&files.key));
            python.tell("");
            let before = python.wait_for("told ");
            happens(&stage, &live);
            python.tell("");
            let after = python.wait_for("told ");
            let right = match *then {
                Then::Opens(HandshakeKind::Resumed) => after == "told welcome again",
                Then::Opens(_) => after == "told welcome new",
                Then::Refused(alert) => names(&after, alert),
            };
            let [first, second] = [listening.next(), listening.next()];
            let ended = FULL.is(&first) && then.is(&second);
            if before != "told welcome new" || !right || !ended {
                failures.push(format!("{version} {kept:?} {what}: {before}, {after}, {second:?}"));
            }
            python.finish();
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn sessions_kept_by_curl_end_with_what_they_rest_on() {
    if !is_there("curl", &["--version"]) {
        return;
    }
    let mut failures = Vec::new();
    for (flag, kept) in COMBINATIONS {
        for Between { what, happens, then } in &BETWEEN {
            let stage = Arc::new(Stage::new("curl-sess"));
            let (live, endpoint) = server(&stage, kept);
            let files = client_files(&stage);
            // One process makes both connections: it happens at the end of the first one.
            let mut first = true;
            let between = {
                let stage = stage.clone();
                move || {
                    if std::mem::take(&mut first) {
                        happens(&stage, &live);
                    }
                }
            };
            let listening =
                Listening::open_with(&endpoint, Speaks::Http, Arc::new(Mutex::new(between)));
            let port = listening.address.port();
            let mut command = Command::new("curl");
            command.args(["--silent", "--show-error", "--verbose", "--http1.1", "--noproxy", "*"]);
            command.args(["--resolve", &format!("{SERVER}:{port}:127.0.0.1")]);
            command.args(if flag == "-tls1_2" {
                ["--tls-max", "1.2"]
            } else {
                ["--tlsv1.3", "-4"]
            });
            command.arg("--cacert").arg(stage.path("root.pem"));
            command.arg("--cert").arg(&files.all).arg("--key").arg(&files.key);
            let url = format!("https://{SERVER}:{port}/");
            let said = Program::start(command.args([&url, &url])).finish();
            let [before, after] = [listening.next(), listening.next()];
            let right = match *then {
                Then::Opens(_) => said.matches("welcome").count() == 2,
                Then::Refused(alert) => names(&said, alert),
            };
            if !FULL.is(&before) || !then.is(&after) || !right {
                failures.push(format!("{flag} {kept:?} {what}: {before:?}, {after:?}\n{said}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A server of OpenSSL that says lines backwards.
fn s_server(files: &Files, more: &[&str]) -> (Program, SocketAddr) {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-rev", "-accept", "127.0.0.1:0", "-naccept", "2"]).args(more);
    command.arg("-cert").arg(&files.leaf).arg("-key").arg(&files.key);
    command.arg("-cert_chain").arg(&files.chain);
    let mut server = Program::start(&mut command);
    let address = server.wait_for("ACCEPT ").split_once(' ').unwrap().1.parse().unwrap();
    (server, address)
}

#[test]
fn sessions_of_servers_of_openssl_end_with_what_they_rest_on() {
    if !is_there("openssl", &["version"]) {
        return;
    }
    let mut failures = Vec::new();
    for (flag, kept) in COMBINATIONS {
        for Between { what, happens, then } in &BETWEEN {
            let stage = Stage::new("server-sess");
            let provider = Arc::new(default_provider());
            let live = stage.live(&provider);
            let expect = ExpectServer::connection_name();
            let client = ClientEndpoint::builder(live.clone(), provider, expect, Presents::Nothing)
                .with_time(stage.clock.clone())
                .with_versions(if flag == "-tls1_2" { ONLY_12 } else { ONLY_13 })
                .build()
                .unwrap();
            let identity =
                stage.identity("server", SERVER, 10, |leaf| leaf.validity(NOW, NOW + LIFE));
            let files = stage.write(&identity);
            let more: &[&str] = match kept {
                Kept::InTickets => &[],
                Kept::InMemory => &["-no_ticket"],
            };
            let (server, address) = s_server(&files, more);
            let connect = || {
                let mut connection = client.connect(SERVER.try_into().unwrap()).unwrap();
                converse(&mut connection, address)
            };
            let before = connect();
            happens(&stage, &live);
            let after = connect();
            let said = server.finish();
            let told = match then {
                Then::Opens(_) => !said.contains("SSL alert number"),
                Then::Refused(_) => told_by_openssl(&said) == then.told(),
            };
            if !FULL.is(&before) || !then.is(&after) || !told {
                failures.push(format!("{flag} {kept:?} {what}: {before:?}, {after:?}\n{said}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
