//! Reading one certificate: this crate beside other readers, in one run.
//!
//! `cargo bench --bench parse` prints for each certificate the median time of each reader and its
//! ratio to ours. Only the ratios mean anything elsewhere. The readers do not do the same:
//!
//! - `bonafide`: [`Certificate::from_der`], the whole structure, every extension framed;
//! - `bonafide, check`: the same and [`Certificate::check`], every name and extension value read in
//!   full, as a decision does for each certificate that it puts on a path;
//! - `webpki`: `EndEntityCert::try_from`, the structure and the extensions that webpki knows;
//! - `x509-parser`: `X509Certificate::from_der`, everything into borrowed types;
//! - `x509-cert`: `Certificate::from_der`, everything into owned types, extension values as bytes.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a measurement"
)]

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::hint::black_box;
use std::time::Instant;

use bonafide::x509::Certificate;
use der::Decode;
use kit::{Estate, GeneralName, Key, Kind};
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::FromDer;

type Reader = fn(&[u8]);

const READERS: [(&str, Reader); 5] = [
    ("bonafide", |der| {
        black_box(Certificate::from_der(black_box(der)).unwrap());
    }),
    ("bonafide, check", |der| {
        let certificate = Certificate::from_der(black_box(der)).unwrap();
        certificate.check().unwrap();
        black_box(certificate);
    }),
    ("webpki", |der| {
        let der = CertificateDer::from(black_box(der));
        black_box(webpki::EndEntityCert::try_from(&der).unwrap());
    }),
    ("x509-parser", |der| {
        black_box(x509_parser::certificate::X509Certificate::from_der(black_box(der)).unwrap());
    }),
    ("x509-cert", |der| {
        black_box(x509_cert::Certificate::from_der(black_box(der)).unwrap());
    }),
];

/// Readings in one measurement, and measurements of each reader, taken in turn.
const READINGS: u32 = 500;
const ROUNDS: usize = 200;

fn main() {
    let ed25519 = Estate::new();
    let keys = [Key::new(Kind::Rsa, 0), Key::new(Kind::Rsa, 1), Key::new(Kind::Rsa, 2)];
    let names: Vec<GeneralName> =
        (0..50).map(|number| GeneralName::dns(&format!("host-{number}.example.test"))).collect();
    let rsa = Estate::of(keys, &names);
    for (name, certificate) in [
        ("ed25519 leaf", &ed25519.leaf),
        ("ed25519 intermediate", &ed25519.intermediate.certificate),
        ("rsa leaf of 50 names", &rsa.leaf),
    ] {
        println!("{name}, {} bytes", certificate.len());
        let medians = medians(certificate);
        let ours = medians[0];
        for ((reader, _), median) in READERS.iter().zip(medians) {
            println!("  {reader:<16} {median:>8.0} ns {:>6.2} ×", median / ours);
        }
    }
}

fn medians(certificate: &[u8]) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(ROUNDS); READERS.len()];
    for _ in 0..ROUNDS {
        for ((_, read), times) in READERS.iter().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..READINGS {
                read(certificate);
            }
            times.push(start.elapsed().as_nanos() as f64 / f64::from(READINGS));
        }
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    times.iter().map(|times| times[ROUNDS / 2]).collect()
}
