//! `cargo bench --package bonafide-versus-openssl`: this crate against OpenSSL's X.509 verification.
//!
//! A package of its own, since the crate `openssl` does not build where the library is missing;
//! `cargo bench --bench versus` has it built and run where the library is there. Both sides get DER, hold
//! their anchor ready and remember nothing. OpenSSL is asked as a server asks about its clients: purpose
//! `sslclient`, security level 2. Its mathematics is not that of `aws-lc-rs`, so each chain has a second
//! row: OpenSSL against its own raw signatures.

#![allow(dead_code, reason = "parts of `versus` that are not needed here")]

#[path = "../versus/contenders.rs"]
mod contenders;
#[path = "../versus/harness.rs"]
mod harness;
#[path = "../../tests/kit/mod.rs"]
mod kit;
#[path = "../versus/table.rs"]
mod table;

use std::sync::Arc;

use bonafide::signature::AwsLcBackend;
use bonafide::x509::Certificate;
use contenders::{Chain, Signed, ours};
use harness::Contender;
use kit::{Kind, NOW};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Verifier;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509PurposeId, X509StoreContext};
use rustls_pki_types::CertificateDer;
use table::{Ratio, Table};

fn main() {
    let mut table = Table::of_arguments();
    for (intermediates, suffix) in [(1, ""), (2, "-2")] {
        for (kind_id, name, kind) in [
            ("p256", "P-256", Kind::P256),
            ("rsa2048", "RSA-2048", Kind::Rsa),
            ("ed25519", "Ed25519", Kind::Ed25519),
        ] {
            let what = format!("{name}, leaf + {intermediates}");
            let version = openssl::version::version();
            let rows = vec![
                Ratio::new(
                    format!("openssl-{kind_id}{suffix}"),
                    format!("{what}, aws-lc-rs, memo off, anchor keys prepared / {version}"),
                    "bonafide",
                    "OpenSSL",
                ),
                Ratio::new(
                    format!("openssl-cold-{kind_id}{suffix}"),
                    format!("{what}, {version} / its raw signatures"),
                    "OpenSSL",
                    "signatures",
                ),
            ];
            if !table.wants_any(&rows) {
                continue;
            }
            let chain = Chain::new(kind, intermediates);
            let verifier = ours(&chain, Arc::new(AwsLcBackend::NEW), true, None);
            let store = store(&chain);
            let keys = issuers(&chain);
            let contenders = vec![
                Contender::new("bonafide", || verifier.decide()),
                Contender::new("OpenSSL", || verify(&chain, &store)),
                Contender::new("signatures", || raw_signatures(&chain, &keys)),
            ];
            table.race(rows, contenders);
        }
    }
    table.print();
}

/// The anchor, and how to ask.
fn store(chain: &Chain) -> X509Store {
    let mut parameters = X509VerifyParam::new().unwrap();
    parameters.set_purpose(X509PurposeId::SSL_CLIENT).unwrap();
    parameters.set_auth_level(2);
    parameters.set_time(NOW);
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(X509::from_der(&chain.root).unwrap()).unwrap();
    store.set_param(&parameters).unwrap();
    store.build()
}

fn verify(chain: &Chain, store: &X509Store) {
    let leaf = X509::from_der(&chain.leaf).unwrap();
    let mut others = Stack::new().unwrap();
    for certificate in &chain.intermediates {
        others.push(X509::from_der(certificate).unwrap()).unwrap();
    }
    let mut context = X509StoreContext::new().unwrap();
    let path = context.init(store, &leaf, &others, |context| {
        assert!(context.verify_cert()?, "{}", context.error());
        Ok(context.chain().map_or(0, |path| path.len()))
    });
    assert_eq!(path.unwrap(), chain.intermediates.len() + 2);
}

/// SubjectPublicKeyInfo of whoever signed each certificate of the path.
fn issuers(chain: &Chain) -> Vec<Vec<u8>> {
    let spki = |der: &CertificateDer<'_>| {
        let issuer = Certificate::from_der(der).unwrap();
        issuer.subject_public_key_info().unwrap().der().to_vec()
    };
    chain.intermediates.iter().chain([&chain.root]).map(spki).collect()
}

/// The signatures of the path and nothing else, keys from bytes.
fn raw_signatures(chain: &Chain, keys: &[Vec<u8>]) {
    for (Signed { message, signature, .. }, key) in chain.signatures.iter().zip(keys) {
        let key = PKey::public_key_from_der(key).unwrap();
        let mut verifier = match chain.kind {
            Kind::Ed25519 => Verifier::new_without_digest(&key),
            _ => Verifier::new(MessageDigest::sha256(), &key),
        }
        .unwrap();
        assert!(verifier.verify_oneshot(signature, message).unwrap());
    }
}
