//! No block with a piece of a private key is ever given back.

#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]

#[path = "../../kit/mod.rs"]
mod kit;

use std::sync::Arc;

use bonafide::credential::{
    CredentialChecks, CredentialHandle, CredentialKey, KeyError, Selection, SoftwareKey, Update,
};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::default_backend;
use bonafide::x509::{PemBlocks, Time};
use bonafide_wipe::{Watched, found_in, plant};
use kit::{CertificateBuilder, Estate, GeneralName, NOW, Name, ext};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha512};

#[global_allocator]
static WATCHED: Watched = Watched;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../credential/keys/", $name))
    };
}

const PASSPHRASE: &[u8] = b"tr0ub4dor";

/// The secret of each key file, in the forms that a backend may hold it in.
fn secrets() -> Vec<Vec<u8>> {
    let der = |pem: &[u8]| PemBlocks::new(pem).next().unwrap().unwrap().into_der();
    let backwards = |octets: &[u8]| octets.iter().rev().copied().collect::<Vec<_>>();
    let mut secrets = Vec::new();
    // ECPrivateKey: the scalar is at octet 7 (P-256) or 8 (P-384, whose length takes two octets).
    secrets.push(der(file!("p256.sec1.pem"))[7..][..32].to_vec());
    secrets.push(der(file!("p384.sec1.pem"))[8..][..48].to_vec());
    let seed = der(file!("ed25519.pkcs8.pem"))[16..].to_vec();
    // What RFC 8032 section 5.1.5 makes of the seed; the scalar's outer octets are masked.
    let expanded = Sha512::digest(&seed);
    secrets.extend([seed, expanded[1..31].to_vec(), expanded[32..].to_vec()]);
    if cfg!(feature = "aws-lc-rs") {
        // RSAPrivateKey behind its public half: d, p, q and what is computed from them.
        let rsa = der(file!("rsa.pkcs1.pem"));
        secrets.push(rsa[276..].to_vec());
    }
    let turned: Vec<_> = secrets.iter().map(|secret| backwards(secret)).collect();
    secrets.extend(turned);
    secrets
}

#[test]
fn keys_are_wiped_before_their_memory_is_given_back() {
    plant(secrets());
    // The watch works: a plain copy is found when it is dropped.
    for secret in secrets() {
        let ((), found) = found_in(|| drop(secret));
        assert_eq!(found, 1);
    }

    let mut files = vec![
        ("p-256 pkcs8", &file!("p256.pkcs8.pem")[..]),
        ("p-256 sec1", file!("p256.sec1.pem")),
        ("p-256 pbkdf2", file!("p256.pbkdf2.pem")),
        ("p-256 scrypt", file!("p256.scrypt.pem")),
        ("p-384 pkcs8", file!("p384.pkcs8.pem")),
        ("p-384 sec1", file!("p384.sec1.pem")),
        ("ed25519", file!("ed25519.pkcs8.pem")),
    ];
    if cfg!(feature = "aws-lc-rs") {
        files.push(("rsa pkcs8", file!("rsa.pkcs8.pem")));
        files.push(("rsa pkcs1", file!("rsa.pkcs1.pem")));
    }
    for (case, pem) in files {
        let (key, found) =
            found_in(|| SoftwareKey::from_pem_with_passphrase(pem, PASSPHRASE).unwrap());
        assert_eq!(found, 0, "{case}: while it is read");
        let algorithm = key.algorithms()[0];
        let (_, found) = found_in(|| key.sign(algorithm, b"message").unwrap());
        assert_eq!(found, 0, "{case}: while it signs");
        let shared: Arc<dyn CredentialKey> = Arc::new(key);
        let ((), found) = found_in(|| drop(shared));
        assert_eq!(found, 0, "{case}: when it is dropped");
    }

    // Damaged files and wrong passphrases leave nothing behind either.
    let encrypted = file!("p256.pbkdf2.pem");
    let (error, found) = found_in(|| SoftwareKey::from_pem_with_passphrase(encrypted, b"guess"));
    assert_eq!((error.unwrap_err(), found), (KeyError::Passphrase, 0));
    let twice = [&file!("p256.sec1.pem")[..], file!("p384.sec1.pem")].concat();
    let (error, found) = found_in(|| SoftwareKey::from_pem(&twice));
    assert_eq!((error.unwrap_err(), found), (KeyError::SeveralKeys, 0));
    let mut damaged = file!("p256.pkcs8.pem").to_vec();
    let place = damaged.len() - 60;
    damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
    let (error, found) = found_in(|| SoftwareKey::from_pem(&damaged));
    assert!(error.is_err() && found == 0);

    a_life_in_a_handle();
}

/// Published, presented, replaced, drained.
fn a_life_in_a_handle() {
    let estate = Estate::new();
    let spki = file!("p256.spki.der");
    let policy = ValidationPolicy::tls_server();
    let now = Time::from_unix(NOW);
    let handle = CredentialHandle::<()>::default();
    let publish = |pem: &[u8], spki: &[u8], from: i64| {
        let leaf = CertificateBuilder::new(&Name::cn("leaf"), &estate.leaf_key)
            .spki(spki)
            .validity(from, NOW + 100)
            .with(ext::key_usage(&[ext::usage::DIGITAL_SIGNATURE]))
            .with(ext::subject_alt_name(&[GeneralName::uri("spiffe://example.org/db")]))
            .issued_by(&estate.root);
        let key = Arc::new(SoftwareKey::from_pem(pem).unwrap());
        let checks = CredentialChecks::new(&policy, default_backend(), now);
        let credential = checks.check(&[CertificateDer::from(leaf)], key).unwrap();
        handle.publish(Update::install(credential), now).unwrap();
    };
    let ((), found) = found_in(|| {
        publish(file!("p256.pkcs8.pem"), spki, NOW - 2);
        let held = handle.choose(Selection::ANY, now).unwrap();
        publish(file!("p256.sec1.pem"), spki, NOW - 1);
        assert_eq!(handle.draining().len(), 1);
        drop(held);
        assert!(handle.draining().is_empty());
        handle.publish(Update::complete([]), now).unwrap();
        assert!(handle.draining().is_empty());
    });
    assert_eq!(found, 0);
}
