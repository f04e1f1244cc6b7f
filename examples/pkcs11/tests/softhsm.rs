//! A credential in SoftHSM: generated, found, proved, shown in handshakes, rotated; the token removed
//! and back.
//!
//! Needs `softhsm2` of Debian. Without it the test is passed over, except where `CI=true`.

mod handshake;
#[path = "../../../tests/kit/mod.rs"]
mod kit;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bonafide::credential::{CredentialChecks, KeySelector, KeyStore, Selection, Update};
use bonafide::live::{Live, Publication};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{KeyKind, RingBackend, default_backend};
use bonafide::trust::TrustStore;
use bonafide::verify::Verifier;
use bonafide::x509::Time;
use bonafide_pkcs11::TokenStore;
use handshake::Ends;
use kit::{CertificateBuilder, Estate, FAR, GeneralName, NOW, Name, ext};
use rustls_pki_types::CertificateDer;

const LABEL: &str = "bonafide";
const PIN: &str = "271828";
const ID: &str = "spiffe://example.org/db";

fn module() -> Option<PathBuf> {
    [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.exists())
}

/// SoftHSM reads its configuration from the environment of the process, so the story is told by
/// another one.
#[test]
fn a_credential_lives_in_a_token() {
    if module().is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "softhsm2 is not installed");
        eprintln!("softhsm2 is not installed: passed over");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let tokens = home.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let configuration = home.path().join("softhsm2.conf");
    std::fs::write(&configuration, format!("directories.tokendir = {}\n", tokens.display()))
        .unwrap();
    let run = |command: &mut Command| {
        let output = command.env("SOFTHSM2_CONF", &configuration).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    run(Command::new("softhsm2-util").args([
        "--init-token",
        "--free",
        "--label",
        LABEL,
        "--pin",
        PIN,
        "--so-pin",
        "314159",
    ]));
    let text = run(Command::new(std::env::current_exe().unwrap()).env("TOKENS", &tokens).args([
        "--exact",
        "story",
        "--ignored",
        "--nocapture",
    ]));
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "told by a_credential_lives_in_a_token"]
fn story() {
    let tokens = PathBuf::from(std::env::var_os("TOKENS").unwrap());
    let store = TokenStore::new(&module().unwrap(), LABEL, PIN);
    let root = Estate::new().root;
    let now = Time::from_unix(NOW);
    let nobody = Arc::new(TrustStore::new([]).unwrap());
    let policy = Arc::new(ValidationPolicy::tls_server());
    let live = Live::new(Verifier::new(nobody, policy.clone(), Arc::new(RingBackend::NEW)));
    let ends = Ends::new(&live, &root, ID);

    // Issues for a key that nobody but the token holds, and installs with the key as the store finds
    // it by the certificate alone.
    let install = |spki: &[u8], from: i64| {
        let leaf = certificate(&root, spki, from);
        let key = store.find(KeySelector::PublicKey(spki));
        let key = key.unwrap().expect("the token has the key");
        let checks = CredentialChecks::new(&policy, default_backend(), now);
        let credential = checks.check(&[CertificateDer::from(leaf)], key).unwrap();
        let publication = Publication::new().credentials(Update::install(credential));
        live.publish(publication, now).unwrap().epoch()
    };
    let choose = || live.snapshot().credentials().choose(Selection::ANY, now).cloned();
    let signs = || {
        let credential = choose().unwrap();
        let algorithm = credential.key().algorithms()[0];
        credential.key().sign(algorithm, b"handshake").map_err(|error| error.code())
    };

    // Generate, find, prove.
    assert!(store.find(KeySelector::Label("tls")).unwrap().is_none());
    let first = spki(&store, b"\x01", "tls");
    assert_eq!(ends.meet(), Err("nothing to present".into()));
    assert_eq!(install(&first, NOW - 20), 1);
    let credential = choose().unwrap();
    assert_eq!(credential.key_kind(), Some(KeyKind::P256));
    assert!(signs().is_ok());
    for selector in [KeySelector::Id(b"\x01"), KeySelector::Label("tls")] {
        let found = store.find(selector).unwrap().unwrap();
        assert_eq!(found.public_key(), first);
    }
    drop(credential);
    // A client sees the certificate, and the token signs for it.
    assert_eq!(ends.meet(), Ok(first.clone()));

    // Rotate: another key in the same token; the old one is destroyed when nobody holds it.
    let second = spki(&store, b"\x02", "tls");
    let ambiguous = store.find(KeySelector::Label("tls")).unwrap_err();
    assert_eq!(ambiguous.code(), "credential.store.ambiguous");
    assert_eq!(install(&second, NOW - 10), 2);
    assert!(live.draining().is_empty());
    store.destroy(b"\x01").unwrap();
    assert!(store.find(KeySelector::PublicKey(&first)).unwrap().is_none());
    assert!(signs().is_ok());
    assert_eq!(ends.meet(), Ok(second.clone()));

    // A torn pair: the certificate of the one key with the other.
    let third = spki(&store, b"\x03", "next");
    let torn = CredentialChecks::new(&ValidationPolicy::tls_server(), default_backend(), now)
        .check(
            &[CertificateDer::from(certificate(&root, &second, NOW - 5))],
            store.find(KeySelector::PublicKey(&third)).unwrap().unwrap(),
        );
    assert_eq!(torn.unwrap_err().code(), "credential.key-mismatch");

    // The token is pulled.
    let away = tokens.with_extension("away");
    move_tokens(&tokens, &away);
    assert_eq!(signs().unwrap_err(), "credential.sign.absent");
    assert_eq!(ends.meet(), Err("the key does not sign".into()));
    let error = store.find(KeySelector::Label("next")).unwrap_err();
    assert_eq!(error.code(), "credential.store.absent");

    // It is back; nobody has to be told.
    move_tokens(&away, &tokens);
    assert_eq!(ends.meet(), Ok(second));
    assert_eq!(install(&third, NOW - 1), 3);
    assert_eq!(ends.meet(), Ok(third));

    // A wrong PIN is tried once and no more.
    drop((ends, live, store));
    let wrong = TokenStore::new(&module().unwrap(), LABEL, "000000");
    for _ in 0..20 {
        let error = wrong.find(KeySelector::Label("next")).unwrap_err();
        assert_eq!(error.code(), "credential.store.denied");
    }
}

/// Generates a key and returns its public half.
fn spki(store: &TokenStore, id: &[u8], label: &str) -> Vec<u8> {
    use bonafide::credential::CredentialKey;
    store.generate(id, label).unwrap().public_key().to_vec()
}

fn certificate(root: &kit::Authority, spki: &[u8], from: i64) -> Vec<u8> {
    CertificateBuilder::new(&Name::cn("db"), &Estate::new().leaf_key)
        .spki(spki)
        .validity(from, FAR)
        .with(ext::key_usage(&[ext::usage::DIGITAL_SIGNATURE]))
        .with(ext::subject_alt_name(&[GeneralName::uri(ID)]))
        .issued_by(root)
}

/// Moves what is in one directory to another.
fn move_tokens(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::rename(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
