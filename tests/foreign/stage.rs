//! The stage: an estate on disk for foreign programs, and our endpoints on real sockets.
//!
//! The authorities are a root and an intermediate, each with a list of revoked certificates that our
//! side holds; whatever is not on a list that is there is refused (hard-fail). Our clock stands still
//! until a test moves it; foreign programs have the real one.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bonafide::credential::{Credential, CredentialChecks, SoftwareKey, Update};
use bonafide::live::{Live, Publication};
use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::revocation::{
    CrlSigner, CrlStore, Revocation, RevocationSource, SignatureTools, VerifiedCrl,
};
use bonafide::rustls::{Connection, ServerEndpoint, backend_of};
use bonafide::signature::{AlgorithmPolicy, RingBackend};
use bonafide::trust::{Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::Verifier;
use bonafide::x509::{OwnedCertificate, Time};
use rustls::HandshakeKind;
use rustls::crypto::CryptoProvider;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::kit::ext::{self, purpose};
use crate::kit::{
    Authority, CertificateBuilder, CrlBuilder, GeneralName, Key, Kind, NOW, Name, Revoked,
    certificate_pem, der,
};
use crate::programs::PATIENCE;

pub const SERVER: &str = "server.example.test";
pub const CLIENT: &str = "client.example.test";

/// A clock that moves when it is told to.
#[derive(Debug)]
pub struct Clock(AtomicI64);

impl Clock {
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn now(&self) -> Time {
        Time::from_unix(self.0.load(Ordering::SeqCst))
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.load(Ordering::SeqCst)).unwrap();
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// A chain as a peer presents it, and its key.
#[derive(Clone)]
pub struct Identity {
    pub name: String,
    pub chain: Vec<Vec<u8>>,
    pub key: Key,
}

pub struct Stage {
    pub folder: PathBuf,
    pub root: Authority,
    pub intermediate: Authority,
    pub stranger: Authority,
    pub clock: Arc<Clock>,
}

fn key(number: u64) -> Key {
    Key::new(Kind::P256, number)
}

impl Stage {
    pub fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("bonafide-foreign-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let root = Authority::root(&Name::cn("Example Root"), &key(0));
        let intermediate =
            root.intermediate(&Name::cn("Example Intermediate"), &key(1), |builder| {
                builder.serial(&[2])
            });
        let stranger = Authority::root(&Name::cn("Stranger"), &key(4));
        let stage =
            Self { folder, root, intermediate, stranger, clock: Arc::new(Clock(NOW.into())) };
        std::fs::write(stage.path("root.pem"), certificate_pem(&stage.root.certificate)).unwrap();
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Issued by the intermediate for client or server, then changed.
    pub fn identity(
        &self,
        name: &str,
        dns: &str,
        serial: u8,
        edit: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
    ) -> Identity {
        self.issued(&self.intermediate, name, dns, serial, edit)
    }

    pub fn issued(
        &self,
        by: &Authority,
        name: &str,
        dns: &str,
        serial: u8,
        edit: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
    ) -> Identity {
        let key = key(2);
        let both = [purpose::SERVER_AUTH, purpose::CLIENT_AUTH];
        let leaf = by.leaf(&Name::cn(name), &key, &[GeneralName::dns(dns)], |builder| {
            edit(builder.serial(&[serial]).with(ext::extended_key_usage(&both)))
        });
        Identity { name: name.into(), chain: vec![leaf, by.certificate.clone()], key }
    }

    /// Writes `NAME.pem`, `NAME.chain.pem` (without the leaf), `NAME.all.pem` and `NAME.key`.
    pub fn write(&self, identity: &Identity) -> Files {
        let pem: Vec<String> = identity.chain.iter().map(|c| certificate_pem(c)).collect();
        let file = |kind: &str, text: &str| {
            let path = self.path(&format!("{}.{kind}", identity.name));
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = der::pem("PRIVATE KEY", &identity.key.pkcs8().unwrap());
        Files {
            leaf: file("pem", &pem[0]),
            chain: file("chain.pem", &pem[1..].concat()),
            all: file("all.pem", &pem.concat()),
            key: file("key", &key),
        }
    }

    pub fn anchor(&self, root: &Authority) -> TrustAnchor {
        TrustAnchor::from_der(&root.certificate).unwrap()
    }

    /// The domain `ours` speaks for `example.test`.
    pub fn domain(&self, root: &Authority) -> Domain {
        let scope = Scope::dns("example.test").unwrap();
        Domain::named("ours", [scope], TrustBundle::new([self.anchor(root)]))
    }

    /// Both lists, number `number`, with these leaves revoked.
    pub fn lists(&self, number: u8, revoked: &[u8]) -> Arc<dyn RevocationSource> {
        let (algorithms, backend) = (AlgorithmPolicy::DEFAULT, RingBackend::NEW);
        let tools = SignatureTools::new(&backend, &algorithms);
        let list = |by: &Authority, revoked: &[u8]| {
            let list = CrlBuilder::complete(&by.name, number, &by.key);
            let list =
                revoked.iter().fold(list, |list, serial| list.revoke(Revoked::new(&[*serial])));
            let signer = OwnedCertificate::from_der(by.certificate.clone()).unwrap();
            let signers = [CrlSigner::certificate(signer).unwrap()];
            VerifiedCrl::take_in(&list.sign(&by.key), &signers, &tools).unwrap()
        };
        let store = CrlStore::new().with(list(&self.root, &[])).unwrap();
        Arc::new(store.with(list(&self.intermediate, revoked)).unwrap())
    }

    /// Trust in the root for `example.test`, lists that revoke serial number 66, hard-fail.
    pub fn live(&self, provider: &CryptoProvider) -> Live {
        self.live_with(provider, self.lists(1, &[66]))
    }

    pub fn live_with(&self, provider: &CryptoProvider, source: Arc<dyn RevocationSource>) -> Live {
        let trust = TrustStore::new([self.domain(&self.root)]).unwrap();
        let policy = ValidationPolicy::tls_server().with_revocation(RevocationPolicy::hard_fail());
        let verifier = Verifier::new(trust.into(), policy.into(), backend_of(provider));
        Live::new(verifier.with_revocation(Arc::new(Revocation::new().with_source(source))))
    }

    /// Publishes what our side presents.
    pub fn publish_credential(&self, live: &Live, identity: &Identity) {
        let publication =
            Publication::new().credentials(Update::install(self.credential(identity)));
        live.publish(publication, self.clock.now()).unwrap();
    }

    fn credential(&self, identity: &Identity) -> Credential {
        let chain: Vec<_> = identity.chain.iter().cloned().map(CertificateDer::from).collect();
        let key = SoftwareKey::from_der(&identity.key.pkcs8().unwrap()).unwrap();
        let policy = ValidationPolicy::tls_server();
        CredentialChecks::new(&policy, &RingBackend::NEW, self.clock.now())
            .check(&chain, Arc::new(key))
            .unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What cannot be removed is left to the system.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub struct Files {
    pub leaf: PathBuf,
    pub chain: PathBuf,
    pub all: PathBuf,
    pub key: PathBuf,
}

/// How one connection ended on our side.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// Carried data: in this kind of handshake, with this peer.
    Open(HandshakeKind, Option<String>),
    Failed(String),
}

/// What our server says to whom it accepts.
#[derive(Clone, Copy)]
pub enum Speaks {
    /// A line, at once.
    Greeting,
    /// HTTP: an answer to a request.
    Http,
}

/// Our server on a socket, one connection after the other.
pub struct Listening {
    pub address: SocketAddr,
    ended: Receiver<Ended>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

type AfterEach = Arc<Mutex<dyn FnMut() + Send>>;

impl Listening {
    pub fn open(endpoint: &Arc<ServerEndpoint>, speaks: Speaks) -> Self {
        Self::open_with(endpoint, speaks, Arc::new(Mutex::new(|| ())))
    }

    /// `after` is called when a connection is over, before the peer can know.
    pub fn open_with(endpoint: &Arc<ServerEndpoint>, speaks: Speaks, after: AfterEach) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, ended) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let (endpoint, stopped) = (endpoint.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let mut connection = endpoint.accept().unwrap();
                let served = serve(&mut connection, &mut stream.unwrap(), speaks, &after);
                if sender.send(served).is_err() {
                    break;
                }
            }
        });
        Self { address, ended, stop, thread: Some(thread) }
    }

    /// How the next connection ended.
    pub fn next(&self) -> Ended {
        self.ended.recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

fn serve(
    connection: &mut Connection,
    stream: &mut TcpStream,
    speaks: Speaks,
    after: &AfterEach,
) -> Ended {
    let result =
        bounded(stream).and_then(|()| connection.complete_handshake(stream)).and_then(|()| {
            match speaks {
                Speaks::Greeting => say(connection, stream, b"welcome\n"),
                Speaks::Http => {
                    read_until(connection, stream, b"\r\n\r\n")?;
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n";
                    say(connection, stream, format!("{head}welcome\n").as_bytes())
                }
            }
        });
    let ended = ended(connection, result);
    after.lock().unwrap()();
    if matches!(ended, Ended::Open(..)) {
        connection.send_close_notify();
        flush(connection, stream);
    }
    linger(stream);
    ended
}

/// How it ended, given what came of it.
pub fn ended(connection: &Connection, result: io::Result<()>) -> Ended {
    match result {
        Ok(()) => Ended::Open(
            connection.common().handshake_kind().unwrap(),
            connection.peer().map(|peer| peer.identity().to_string()),
        ),
        Err(error) => Ended::Failed(error.to_string()),
    }
}

/// Our client's connection to a foreign server: says a line, hears one.
pub fn converse(connection: &mut Connection, address: SocketAddr) -> Ended {
    let mut stream = TcpStream::connect(address).unwrap();
    let result = bounded(&stream)
        .and_then(|()| connection.complete_handshake(&mut stream))
        .and_then(|()| say(connection, &mut stream, b"welcome\n"))
        .and_then(|()| read_until(connection, &mut stream, b"\n"));
    let ended = ended(connection, result);
    if matches!(ended, Ended::Open(..)) {
        connection.send_close_notify();
        flush(connection, &mut stream);
    }
    linger(&mut stream);
    ended
}

fn bounded(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

fn say(connection: &mut Connection, stream: &mut TcpStream, text: &[u8]) -> io::Result<()> {
    connection.writer()?.write_all(text)?;
    while connection.wants_write() {
        connection.write_tls(stream)?;
    }
    Ok(())
}

fn read_until(connection: &mut Connection, stream: &mut TcpStream, end: &[u8]) -> io::Result<()> {
    let mut heard = Vec::new();
    loop {
        let mut octets = [0; 4096];
        match connection.reader()?.read(&mut octets) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => heard.extend_from_slice(&octets[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if connection.read_tls(stream)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                connection.process_new_packets()?;
            }
            Err(error) => return Err(error),
        }
        if heard.windows(end.len()).any(|window| window == end) {
            return Ok(());
        }
    }
}

fn flush(connection: &mut Connection, stream: &mut TcpStream) {
    while connection.wants_write() {
        if connection.write_tls(stream).is_err() {
            break;
        }
    }
}

/// Waits for the peer to have read everything: to close with octets unread resets the connection, and
/// an alert would be lost.
fn linger(stream: &mut TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = io::copy(stream, &mut io::sink());
}
