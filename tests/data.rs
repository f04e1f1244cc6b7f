//! The files and the output in the documentation are what kit and library write.
//!
//! `BONAFIDE_REBASELINE=1 cargo test --test data` writes them again.

#![cfg(feature = "ring")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod kit;

use std::fmt::Write as _;
use std::sync::Arc;

use bonafide::policy::ValidationPolicy;
use bonafide::signature::RingBackend;
use bonafide::trust::{Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use kit::Estate;
use rustls_pki_types::CertificateDer;

fn compare(path: &str, text: &str) {
    if std::env::var_os("BONAFIDE_REBASELINE").is_some() {
        std::fs::write(path, text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "{path}");
}

#[test]
fn files_are_those_of_the_kit() {
    let estate = Estate::new();
    let chain: String = estate.chain().iter().map(|der| kit::certificate_pem(der)).collect();
    compare("tests/data/chain.pem", &chain);
    compare("tests/data/root.pem", &kit::certificate_pem(&estate.root.certificate));
}

/// What the program on the front page prints stands below it.
#[test]
fn the_front_page_shows_what_is_printed() {
    let estate = Estate::new();
    let bundle = TrustBundle::new([TrustAnchor::from_der(&estate.root.certificate).unwrap()]);
    let domain = Domain::named("ours", [Scope::dns("example.test").unwrap()], bundle);
    let verifier = Verifier::new(
        TrustStore::new([domain]).unwrap().into(),
        ValidationPolicy::tls_server().into(),
        Arc::new(RingBackend::NEW),
    );
    let leaf = CertificateDer::from(estate.leaf);
    let others = [CertificateDer::from(estate.intermediate.certificate)];
    let name = "dns:leaf.example.test".parse().unwrap();
    let request = Request::new(&leaf, &others, Expect::name(&name));
    let mut printed = String::new();
    for now in ["2026-07-01T00:00:00Z", "2041-01-01T00:00:00Z"] {
        writeln!(printed, "{}", verifier.decide(&request, now.parse().unwrap()).explain()).unwrap();
    }
    let readme = std::fs::read_to_string("README.md").unwrap();
    let (before, rest) = readme.split_once("```text\n").unwrap();
    let (_, after) = rest.split_once("```\n").unwrap();
    compare("README.md", &format!("{before}```text\n{}\n```\n{after}", printed.trim_end()));
}
