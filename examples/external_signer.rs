//! A key that another process holds: this one sends what is to be signed and gets the signature.
//!
//! ```sh
//! cargo run --example external_signer
//! ```
//!
//! The other process is this program again, with the argument `--hold-key`; it could be a key service,
//! or a small program under another user. The two talk over a pipe: a length in four octets, then the
//! octets; an answer of no octets means no.

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use bonafide::credential::{
    CredentialChecks, CredentialHandle, CredentialKey, Selection, SignError, SoftwareKey, Update,
};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{SignatureAlgorithm, default_backend};
use bonafide::x509::Time;
use kit::{CertificateBuilder, Estate, GeneralName, Key, Kind, NOW, Name, ext};
use rustls_pki_types::CertificateDer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|argument| argument == "--hold-key") {
        return Ok(hold_key()?);
    }
    let now = Time::from_unix(NOW);
    let handle = CredentialHandle::<()>::default();
    let key = Arc::new(ExternalKey::start()?);
    println!("another process holds the key; we know its public half, {} octets", key.spki.len());

    let estate = Estate::new();
    let leaf = CertificateBuilder::new(&Name::cn("db"), &estate.leaf_key)
        .spki(&key.spki)
        .with(ext::key_usage(&[ext::usage::DIGITAL_SIGNATURE]))
        .with(ext::subject_alt_name(&[GeneralName::uri("spiffe://example.org/db")]))
        .issued_by(&estate.root);
    let policy = ValidationPolicy::tls_server();
    let install = |key: Arc<ExternalKey>| {
        handle.publish_with(now, |_| {
            let checks = CredentialChecks::new(&policy, default_backend(), now);
            let leaf = CertificateDer::from(leaf.as_slice());
            Ok(Update::install(checks.check(&[leaf], key)?))
        })
    };
    let generation = install(key.clone())?;
    println!("the key proved that it belongs to the certificate: generation {generation}");

    let sign = || -> Result<usize, SignError> {
        // Nothing to present would be `None`; here there always is.
        let credential = handle.choose(Selection::ANY, now).ok_or(SignError::Absent)?;
        credential.key().sign(SignatureAlgorithm::Ed25519, b"handshake").map(|octets| octets.len())
    };
    println!("a handshake is signed: {} octets", sign()?);

    key.stop();
    match sign() {
        Ok(_) => println!("the other process died and still signs?"),
        Err(error) => println!("the other process died: {} ({})", error, error.code()),
    }
    match install(key) {
        Ok(_) => println!("a credential without its key was installed?"),
        Err(error) => println!("nor is its key taken into use: {error} ({})", error.code()),
    }
    Ok(())
}

/// A key behind a pipe.
#[derive(Debug)]
struct ExternalKey {
    spki: Vec<u8>,
    process: Mutex<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    requests: ChildStdin,
    answers: ChildStdout,
}

impl ExternalKey {
    /// Starts the other process and asks it for the public half.
    fn start() -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--hold-key")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let gone = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let requests = child.stdin.take().ok_or_else(gone)?;
        let answers = child.stdout.take().ok_or_else(gone)?;
        let mut process = Process { child, requests, answers };
        let spki = process.ask(b"")?;
        Ok(Self { spki, process: Mutex::new(process) })
    }

    fn stop(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if process.child.kill().is_ok() {
            let _ = process.child.wait();
        }
    }
}

impl Drop for ExternalKey {
    fn drop(&mut self) {
        self.stop();
    }
}

impl CredentialKey for ExternalKey {
    fn public_key(&self) -> &[u8] {
        &self.spki
    }

    fn algorithms(&self) -> &[SignatureAlgorithm] {
        &[SignatureAlgorithm::Ed25519]
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if algorithm != SignatureAlgorithm::Ed25519 {
            return Err(SignError::UnsupportedAlgorithm(algorithm));
        }
        // One request at a time; who must not wait for another handshake starts a process of its own.
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        match process.ask(message) {
            Ok(signature) if signature.is_empty() => Err(SignError::Denied),
            Ok(signature) => Ok(signature),
            Err(error) if is_gone(&error) => Err(SignError::Absent),
            Err(error) => Err(SignError::failed(error)),
        }
    }
}

/// A process that ended closes its end of the pipe.
fn is_gone(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | UnexpectedEof)
}

impl Process {
    fn ask(&mut self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        send(&mut self.requests, request)?;
        receive(&mut self.answers)
    }
}

fn send(pipe: &mut impl Write, octets: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(octets.len()).map_err(std::io::Error::other)?;
    pipe.write_all(&length.to_be_bytes())?;
    pipe.write_all(octets)?;
    pipe.flush()
}

fn receive(pipe: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    pipe.read_exact(&mut length)?;
    let mut octets = Vec::new();
    // No more memory than octets arrive, whatever the length says.
    let length = u32::from_be_bytes(length).into();
    match pipe.take(length).read_to_end(&mut octets)? {
        read if u64::try_from(read) == Ok(length) => Ok(octets),
        _ => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The other process: answers the empty request with the public half, any other with a signature.
fn hold_key() -> std::io::Result<()> {
    let der = Key::new(Kind::Ed25519, 42).pkcs8().unwrap_or_default();
    let key = SoftwareKey::from_der(&der).map_err(std::io::Error::other)?;
    let (mut requests, mut answers) = (std::io::stdin().lock(), std::io::stdout().lock());
    loop {
        let request = match receive(&mut requests) {
            Ok(request) => request,
            // The holder of the credential is gone, and so is the need for its key.
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        if request.is_empty() {
            send(&mut answers, key.public_key())?;
        } else {
            let signature = key.sign(SignatureAlgorithm::Ed25519, &request).unwrap_or_default();
            send(&mut answers, &signature)?;
        }
    }
}
