//! A credential in two files that somebody else rewrites.
//!
//! Two ways of writing are in use, and both are read well:
//!
//! - Kubernetes (secrets, cert-manager's CSI driver) swaps a symbolic link: `tls.crt` points to
//!   `..data/tls.crt`, `..data` to a directory that is never changed. Who follows the link twice may get
//!   the certificate of one directory and the key of another; here it is followed once, and both files
//!   come from the same directory.
//! - SPIRE's helper and most scripts write one file after the other, in place. Nothing in the files
//!   tells a finished pair from one half written: only the proof of possession does. A pair that fails
//!   is left alone, the one in force stays, and the files are read again.
//!
//! A watcher may die without a word (a directory that is replaced, a full queue, a filesystem without
//! events), so its events only make things faster: the schedule reads the files anyway, when the
//! credential is due, and warns where they do not change.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bonafide::credential::{
    Action, CredentialChecks, CredentialError, CredentialHandle, KeyError, RenewalPolicy,
    RotationSchedule, SoftwareKey, Step, Update,
};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::default_backend;
use bonafide::x509::{self, PemError, Time};
use notify::{RecursiveMode, Watcher};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Where the files are.
#[derive(Clone, Debug)]
pub struct Files {
    /// The directory of both.
    pub directory: PathBuf,
    /// Name of the file with the chain, in PEM.
    pub certificates: String,
    /// Name of the file with the key, in PEM.
    pub key: String,
}

/// Why the files are no credential.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file cannot be read.
    #[error("{}", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// The certificates are no sound PEM: perhaps half written.
    #[error("the certificates")]
    Certificates(#[from] PemError),
    /// The key is no sound key: perhaps half written.
    #[error("the key")]
    Key(#[from] KeyError),
    /// The two are no credential together.
    #[error("the credential")]
    Credential(#[from] Arc<CredentialError>),
}

impl ReadError {
    /// Returns the stable, machine-readable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(..) => "files.unreadable",
            Self::Certificates(_) => "files.certificates",
            Self::Key(error) => error.code(),
            Self::Credential(error) => error.code(),
        }
    }
}

/// Reads a pair of files into a handle.
#[derive(Debug)]
pub struct FileSource {
    files: Files,
    policy: ValidationPolicy,
    /// Digest of the pair that was published last: the same pair needs no second proof.
    published: Mutex<Option<[u8; 32]>>,
}

impl FileSource {
    /// Reads `files` into credentials that `policy` accepts.
    pub fn new(files: Files, policy: ValidationPolicy) -> Self {
        Self { files, policy, published: Mutex::default() }
    }

    /// Reads the files and publishes what is new. Returns the generation in force.
    ///
    /// # Errors
    /// [`ReadError`]; what was in force stays in force.
    pub fn reload(&self, handle: &CredentialHandle, now: Time) -> Result<u64, ReadError> {
        let (certificates, key) = self.read()?;
        let digest = Sha256::new()
            .chain_update(Sha256::digest(&certificates))
            .chain_update(Sha256::digest(&*key))
            .finalize()
            .into();
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if *published == Some(digest) {
            return Ok(handle.snapshot().generation());
        }
        let chain = x509::certificates(&certificates)?;
        let key = Arc::new(SoftwareKey::from_pem(&key)?);
        let generation = handle.publish_with(now, |_| {
            let checks = CredentialChecks::new(&self.policy, default_backend(), now);
            Ok(Update::complete([checks.check(&chain, key)?]))
        })?;
        *published = Some(digest);
        Ok(generation)
    }

    /// Reads both files, from one directory.
    fn read(&self) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), ReadError> {
        let link = self.files.directory.join("..data");
        // Followed once, whatever happens to the link meanwhile. Kubernetes removes the old directory
        // after the swap; then a file is missing, and the next event brings us back.
        let directory = match fs::canonicalize(&link) {
            Ok(directory) => directory,
            Err(_) => self.files.directory.clone(),
        };
        let certificates = directory.join(&self.files.certificates);
        let key = directory.join(&self.files.key);
        let read = |path: PathBuf| read(&path).map_err(|error| ReadError::File(path, error));
        Ok((std::mem::take(&mut *read(certificates)?), read(key)?))
    }
}

/// Reads a file into memory that is wiped.
fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut file = File::open(path)?;
    // Room for all of it, so that no smaller block is left behind.
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    let mut octets = Zeroizing::new(Vec::with_capacity(length + 1));
    file.read_to_end(&mut octets)?;
    Ok(octets)
}

/// What wakes a [`watch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something in the directory may have changed.
    Changed,
    /// It is over.
    Stop,
}

/// Takes what a [`watch`] tells.
pub type Note<'a> = &'a mut dyn FnMut(&str);

/// How long the files must be quiet before they are read: a writer between two files.
const QUIET: Duration = Duration::from_millis(50);
/// How often the files are read where nothing else asks for it: a watcher may be dead.
const POLL: Duration = Duration::from_secs(60);

/// Keeps the handle up to date until a [`Signal::Stop`]. Blocks.
pub fn watch(
    source: &FileSource,
    handle: &CredentialHandle,
    identity: &str,
    signals: &Receiver<Signal>,
    note: Note<'_>,
) {
    let mut schedule = RotationSchedule::without_credential(RenewalPolicy::DEFAULT, identity);
    loop {
        let step = schedule.on_time(now());
        let next = follow(source, handle, &mut schedule, step, note);
        let wait = next.seconds_since(now()).max(0).try_into().map_or(POLL, Duration::from_secs);
        let mut signal = signals.recv_timeout(wait.min(POLL));
        while signal == Ok(Signal::Changed) {
            signal = signals.recv_timeout(QUIET);
        }
        if matches!(signal, Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected)) {
            return;
        }
        // Unasked, but a change is a change.
        let step = read_into(source, handle, &mut schedule, note);
        follow(source, handle, &mut schedule, step, note);
    }
}

/// Signals whatever happens in the directory, as long as the watcher lives.
///
/// # Errors
/// Those of the filesystem: no events, then.
pub fn watcher(directory: &Path, signals: Sender<Signal>) -> notify::Result<impl Watcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading is no change: answering our own reads would never end.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = signals.send(Signal::Changed);
        }
    })?;
    watcher.watch(directory, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Does what a step says, until there is nothing to do; returns when to come back.
fn follow(
    source: &FileSource,
    handle: &CredentialHandle,
    schedule: &mut RotationSchedule,
    mut step: Step,
    note: Note<'_>,
) -> Time {
    loop {
        let mut renew = false;
        for event in &step.events {
            note(&format!("{event:?}"));
        }
        for action in &step.actions {
            match action {
                Action::Renew { .. } => renew = true,
                Action::Warn { .. } => note(&format!("{action:?}")),
                _ => {}
            }
        }
        if !renew {
            return step.next.unwrap_or(Time::MAX);
        }
        step = read_into(source, handle, schedule, note);
    }
}

/// Reads the files and tells the schedule.
fn read_into(
    source: &FileSource,
    handle: &CredentialHandle,
    schedule: &mut RotationSchedule,
    note: Note<'_>,
) -> Step {
    match source.reload(handle, now()) {
        Ok(_) => match handle.snapshot().iter().next() {
            Some(current) => schedule.on_renewed(now(), current.issued_at(), current.valid_until()),
            None => schedule.on_time(now()),
        },
        Err(error) => {
            note(&format!("{} ({error})", error.code()));
            schedule.on_failure(now(), error.code())
        }
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
