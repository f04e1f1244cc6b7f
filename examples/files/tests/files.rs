//! Directories as they are written in the field, read while they are written: never a torn pair.

#[path = "../../../tests/kit/mod.rs"]
mod kit;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};

use bonafide::credential::{CredentialEvent, CredentialEvents, CredentialHandle, Selection};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{Message, PublicKey, default_backend};
use bonafide::x509::Time;
use bonafide_files::{FileSource, Files, Signal, watch, watcher};
use kit::{Estate, GeneralName, Key, Kind, Name, certificate_pem, der};

const ROTATIONS: u64 = 200;

fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Certificate and key number `number`, both in PEM; later numbers are issued later.
fn pair(estate: &Estate, number: u64) -> (String, String) {
    let key = Key::new(Kind::Ed25519, number + 10);
    let from = seconds() - 10_000 + i64::try_from(number).unwrap();
    let names = [GeneralName::uri("spiffe://example.org/db")];
    let leaf = estate
        .intermediate
        .leaf(&Name::cn("db"), &key, &names, |builder| builder.validity(from, from + 20_000));
    let chain = certificate_pem(&leaf) + &certificate_pem(&estate.intermediate.certificate);
    (chain, der::pem("PRIVATE KEY", &key.pkcs8().unwrap()))
}

fn source(directory: &Path) -> FileSource {
    let files = Files {
        directory: directory.to_owned(),
        certificates: "tls.crt".into(),
        key: "tls.key".into(),
    };
    FileSource::new(files, ValidationPolicy::tls_server())
}

/// As the kubelet does: a new directory, then one rename of the link to it.
fn write_kubernetes(directory: &Path, number: u64, (chain, key): &(String, String)) {
    let fresh = format!("..2026_{number}");
    let data = directory.join(&fresh);
    fs::create_dir(&data).unwrap();
    fs::write(data.join("tls.crt"), chain).unwrap();
    fs::write(data.join("tls.key"), key).unwrap();
    let next = directory.join("..data_tmp");
    symlink(&fresh, &next).unwrap();
    fs::rename(&next, directory.join("..data")).unwrap();
    for name in ["tls.crt", "tls.key"] {
        let link = directory.join(name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    if number > 0 {
        let _ = fs::remove_dir_all(directory.join(format!("..2026_{}", number - 1)));
    }
}

/// As SPIRE's helper does: in place, one after the other; a reader sees every state between.
fn write_in_place(directory: &Path, _: u64, (chain, key): &(String, String)) {
    for (name, text) in [("tls.crt", chain), ("tls.key", key)] {
        let mut file = File::create(directory.join(name)).unwrap();
        let (first, second) = text.as_bytes().split_at(text.len() / 2);
        file.write_all(first).unwrap();
        file.flush().unwrap();
        std::thread::yield_now();
        file.write_all(second).unwrap();
    }
}

/// The key signs for the leaf that it is presented with.
fn assert_whole(handle: &CredentialHandle) {
    let now = Time::from_unix(seconds());
    let Some(credential) = handle.choose(Selection::ANY, now) else { return };
    let leaf = credential.chain()[0].as_certificate();
    let spki = leaf.subject_public_key_info().unwrap();
    let algorithm = credential.key().algorithms()[0];
    let signature = credential.key().sign(algorithm, b"handshake").unwrap();
    let identifier = algorithm.identifier().unwrap();
    default_backend()
        .verify(PublicKey::new(spki), identifier, &Message::new(b"handshake"), &signature)
        .expect("a torn pair is presented");
}

#[test]
fn no_pair_is_torn_however_it_is_written() {
    type Writer = fn(&Path, u64, &(String, String));
    for (case, write) in
        [("kubernetes", write_kubernetes as Writer), ("in place", write_in_place as Writer)]
    {
        let directory = tempfile::tempdir().unwrap();
        let estate = Estate::new();
        let handle = CredentialHandle::default();
        let source = source(directory.path());
        let done = AtomicBool::new(false);
        let codes = Mutex::new(BTreeMap::<&str, u64>::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let read = source.reload(&handle, Time::from_unix(seconds()));
                    let code = read.err().map_or("read", |error| error.code());
                    *codes.lock().unwrap().entry(code).or_default() += 1;
                    assert_whole(&handle);
                }
            });
            for number in 0..ROTATIONS {
                write(directory.path(), number, &pair(&estate, number));
            }
            done.store(true, Ordering::Relaxed);
        });
        let generation = source.reload(&handle, Time::from_unix(seconds())).unwrap();
        assert_whole(&handle);
        let codes = codes.into_inner().unwrap();
        println!("{case}: {codes:?}, {generation} generations");
        // Where the link is followed once, no two files are ever of different pairs.
        let torn = codes.contains_key("credential.key-mismatch");
        assert!(!torn || case == "in place", "{case}");
        let last = handle.choose(Selection::ANY, Time::from_unix(seconds())).unwrap();
        let newest = seconds() - 10_000 + i64::try_from(ROTATIONS).unwrap();
        assert!(newest - last.issued_at().unix() < 120, "{case}: not the last one");
        assert!(generation > 1, "{case}");
    }
}

#[test]
fn each_half_written_state_is_refused_and_the_old_one_serves() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::new();
    let handle = CredentialHandle::default();
    let source = source(directory.path());
    let now = Time::from_unix(seconds());
    let (old_chain, old_key) = pair(&estate, 1);
    let (chain, key) = pair(&estate, 2);
    let write = |certificates: &str, key: &str| {
        fs::write(directory.path().join("tls.crt"), certificates).unwrap();
        fs::write(directory.path().join("tls.key"), key).unwrap();
        source.reload(&handle, now).map_err(|error| error.code())
    };
    assert_eq!(source.reload(&handle, now).unwrap_err().code(), "files.unreadable");
    assert_eq!(write(&old_chain, &old_key), Ok(1));
    for (case, certificates, key, expected) in [
        ("empty certificates", "", &*old_key, Err("files.certificates")),
        ("half a certificate", &chain[..chain.len() / 4], &old_key, Err("files.certificates")),
        ("new certificate, old key", &*chain, &old_key, Err("credential.key-mismatch")),
        ("new certificate, empty key", &chain, "", Err("credential.key.pem")),
        ("new certificate, half a key", &chain, &key[..key.len() / 2], Err("credential.key.pem")),
        ("old certificate, new key", &old_chain, &key, Err("credential.key-mismatch")),
        ("the old pair again", &old_chain, &old_key, Ok(1)),
        ("the new pair", &chain, &key, Ok(2)),
        ("a restored backup", &old_chain, &old_key, Err("credential.rollback")),
    ] {
        assert_eq!(write(certificates, key), expected, "{case}");
        assert_whole(&handle);
        assert_eq!(
            handle.snapshot().generation(),
            if expected == Ok(2) || case.contains("backup") { 2 } else { 1 }
        );
    }
}

/// Tells a channel of installed credentials.
struct Installed(mpsc::SyncSender<u64>);

impl CredentialEvents for Installed {
    fn on_event(&self, event: &CredentialEvent) {
        if let CredentialEvent::Installed { generation, .. } = event {
            let _ = self.0.try_send(*generation);
        }
    }
}

#[test]
fn a_watcher_follows_and_a_missing_one_is_made_up_for() {
    for (case, events, rotations) in [
        ("events", true, 3),
        // Without events there is no credential yet, for which the schedule looks again and again.
        ("polls", false, 1),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let estate = Estate::new();
        let handle = CredentialHandle::default();
        let source = source(directory.path());
        let (sender, installed) = mpsc::sync_channel(100);
        let subscriber = Arc::new(Installed(sender));
        let _ = handle.subscribe(&subscriber);
        let (sender, signals) = mpsc::channel();
        let _watcher = events.then(|| watcher(directory.path(), sender.clone()).unwrap());
        std::thread::scope(|scope| {
            let (handle, source) = (&handle, &source);
            scope.spawn(move || {
                let note = &mut |text: &str| println!("{case}: {text}");
                watch(source, handle, "spiffe://example.org/db", &signals, note);
            });
            for number in 0..rotations {
                write_kubernetes(directory.path(), number, &pair(&estate, number));
                let generation = installed.recv_timeout(Duration::from_secs(30)).unwrap();
                assert_eq!(generation, number + 1, "{case}");
                assert_whole(handle);
            }
            sender.send(Signal::Stop).unwrap();
        });
    }
}
