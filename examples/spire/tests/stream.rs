//! A workload and an agent over a real Unix socket: rotation, withdrawal, bad messages, restarts.

#[path = "../../../tests/kit/mod.rs"]
mod kit;

mod agent;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, Says};
use bonafide::credential::{Credential, Selection};
use bonafide::live::{Live, LiveEvents, Published, Snapshot};
use bonafide::trust::WorkloadEndpoint;
use bonafide::verify::{Expect, Request};
use bonafide::x509::Time;
use bonafide_spire::proto::{X509svid, X509svidResponse};
use bonafide_spire::{nothing, run};
use kit::{Authority, GeneralName, Key, Kind, NOW, Name};
use rustls_pki_types::CertificateDer;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::Status;

const ID: &str = "spiffe://example.org/a";
const PEER: &str = "spiffe://example.org/b";

fn root(number: u64) -> Authority {
    Authority::root(&Name::cn(&format!("Root {number}")), &Key::new(Kind::Ed25519, number))
}

fn svid(root: &Authority, id: &str, key: &Key) -> Vec<u8> {
    root.leaf(&Name::cn("Workload"), key, &[GeneralName::uri(id)], |builder| builder)
}

/// An SVID under the first root, with all roots in the bundle.
fn message(roots: &[u64], key: u64) -> X509svidResponse {
    let key = Key::new(Kind::Ed25519, key);
    X509svidResponse {
        svids: vec![X509svid {
            spiffe_id: ID.into(),
            x509_svid: svid(&root(roots[0]), ID, &key),
            x509_svid_key: key.pkcs8().unwrap(),
            bundle: roots.iter().flat_map(|&number| root(number).certificate).collect(),
            hint: String::new(),
        }],
        crl: Vec::new(),
        federated_bundles: HashMap::new(),
    }
}

/// Whether a peer under this root would be accepted.
fn accepts(snapshot: &Snapshot, number: u64) -> bool {
    let leaf = CertificateDer::from(svid(&root(number), PEER, &Key::new(Kind::Ed25519, 99)));
    let request = Request::new(&leaf, &[], Expect::dangerously_any_identity());
    snapshot.verifier().decide(&request, Time::from_unix(NOW)).is_accepted()
}

/// What would be presented, with the number of its key.
fn presents(snapshot: &Snapshot) -> Option<Arc<Credential>> {
    snapshot.credentials().choose(Selection::ANY, Time::from_unix(NOW)).cloned()
}

fn has_key(credential: &Credential, key: u64) -> bool {
    credential.key().public_key() == Key::new(Kind::Ed25519, key).spki()
}

/// Hands on the state that each publication made.
struct Listener {
    live: Live,
    states: mpsc::UnboundedSender<Snapshot>,
}

impl LiveEvents for Listener {
    fn on_published(&self, _: &Published) {
        drop(self.states.send(self.live.snapshot()));
    }
}

struct Workload {
    live: Live,
    states: mpsc::UnboundedReceiver<Snapshot>,
    lines: mpsc::UnboundedReceiver<String>,
    task: JoinHandle<Status>,
    _listener: Arc<Listener>,
}

impl Workload {
    fn start(socket: &Path) -> Self {
        let endpoint: WorkloadEndpoint = format!("unix://{}", socket.display()).parse().unwrap();
        let live = nothing();
        let (send, states) = mpsc::unbounded_channel();
        let listener = Arc::new(Listener { live: live.clone(), states: send });
        let before = live.subscribe(&listener);
        assert_eq!(before.epoch(), 0);
        let (report, lines) = mpsc::unbounded_channel();
        let own = live.clone();
        let task = tokio::spawn(async move {
            run(&endpoint, 1, &own, |line| drop(report.send(line.to_owned()))).await
        });
        Self { live, states, lines, task, _listener: listener }
    }

    /// The next state that is published.
    async fn next(&mut self) -> Snapshot {
        tokio::time::timeout(Duration::from_secs(20), self.states.recv()).await.unwrap().unwrap()
    }

    async fn line(&mut self) -> String {
        tokio::time::timeout(Duration::from_secs(20), self.lines.recv()).await.unwrap().unwrap()
    }
}

fn socket(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let socket = folder.join(format!("{name}-{}.sock", std::process::id()));
    drop(std::fs::remove_file(&socket));
    socket
}

#[tokio::test]
async fn rotation_withdrawal_and_bad_messages() {
    let socket = socket("rotation");
    let agent = Agent::listen(&socket, Says::Message(message(&[1], 10)));
    let mut workload = Workload::start(&socket);

    let first = workload.next().await;
    let credential = presents(&first).unwrap();
    assert_eq!(credential.identity().spiffe_id().unwrap().as_str(), ID);
    assert!(has_key(&credential, 10));
    assert_eq!((accepts(&first, 1), accepts(&first, 2)), (true, false));
    assert_eq!(workload.line().await, "identities are available");

    // The new authority is published, then used, then the old one goes.
    agent.says(Says::Message(message(&[1, 2], 10)));
    let prepared = workload.next().await;
    assert_eq!((accepts(&prepared, 1), accepts(&prepared, 2)), (true, true));
    agent.says(Says::Message(message(&[2, 1], 11)));
    let activated = workload.next().await;
    let renewed = presents(&activated).unwrap();
    assert!(has_key(&renewed, 11) && accepts(&activated, 2), "chain, key and trust in one instant");
    agent.says(Says::Message(message(&[2], 11)));
    let revoked = workload.next().await;
    assert_eq!((accepts(&revoked, 1), accepts(&revoked, 2)), (false, true));
    assert!(accepts(&first, 1), "a snapshot stays what it was");

    // W-05: discarded, and the state stays.
    let mut bad = message(&[3], 12);
    bad.svids[0].x509_svid_key.clear();
    agent.says(Says::Message(bad));
    while !workload.line().await.starts_with("message discarded: mandatory field x509_svid_key") {}
    assert!(workload.states.try_recv().is_err());

    // W-11: withdrawn, with a wait before the next request, then given back.
    agent.says(Says::Status(Status::permission_denied("no identity issued")));
    let withdrawn = workload.next().await;
    assert!(presents(&withdrawn).is_none());
    assert!(!accepts(&withdrawn, 2), "bundles are withdrawn as well");
    agent.says(Says::Message(message(&[2], 11)));
    let restored = workload.next().await;
    assert!(accepts(&restored, 2) && has_key(&presents(&restored).unwrap(), 11));
    while workload.line().await != "identities are available again" {}

    // The key of another SVID: the pair is refused and the old one serves; the bundles count.
    let mut torn = message(&[2, 3], 13);
    torn.svids[0].x509_svid_key = Key::new(Kind::Ed25519, 14).pkcs8().unwrap();
    agent.says(Says::Message(torn));
    let trust_alone = workload.next().await;
    assert!(has_key(&presents(&trust_alone).unwrap(), 11) && accepts(&trust_alone, 3));
    while !workload.line().await.ends_with("the key does not belong to the certificate") {}

    workload.task.abort();
}

#[tokio::test]
async fn an_agent_that_restarts() {
    let socket = socket("restart");
    let agent = Agent::listen(&socket, Says::Message(message(&[1], 10)));
    let mut workload = Workload::start(&socket);
    assert!(accepts(&workload.next().await, 1));
    drop(agent);
    std::fs::remove_file(&socket).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(presents(&workload.live.snapshot()).is_some(), "the last state stays in force");
    let _agent = Agent::listen(&socket, Says::Message(message(&[2], 11)));
    let renewed = workload.next().await;
    assert!(accepts(&renewed, 2) && !accepts(&renewed, 1));
}

#[tokio::test]
async fn an_agent_that_refuses_the_request() {
    let socket = socket("refused");
    let status = Status::invalid_argument("no");
    let _agent = Agent::listen(&socket, Says::Status(status));
    let workload = Workload::start(&socket);
    let ended = tokio::time::timeout(Duration::from_secs(20), workload.task).await;
    let status = ended.unwrap().unwrap();
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "W-18: not asked again");
}
