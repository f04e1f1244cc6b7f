//! Reading one certificate: this crate beside other readers. They do not do the same:
//!
//! - `bonafide`: [`Certificate::from_der`], the whole structure, every extension framed; values of
//!   basicConstraints and keyUsage read, all others where they are used;
//! - `bonafide, check`: the same and [`Certificate::check`], every name and extension value read in
//!   full, as a decision does for each certificate that it puts on a path;
//! - `webpki`: `EndEntityCert::try_from`, the structure and the extensions that webpki knows;
//! - `x509-parser`: `X509Certificate::from_der`, everything into borrowed types;
//! - `x509-cert`: `Certificate::from_der`, everything into owned types, extension values as bytes.

use bonafide::x509::Certificate;
use rustls_pki_types::CertificateDer;
use x509_cert::der::Decode;
use x509_parser::prelude::FromDer;

use crate::contenders::Chain;
use crate::harness::{Contender, allocations};
use crate::kit::{Estate, GeneralName, Key, Kind};
use crate::table::{Ratio, Table};

pub fn rows(table: &mut Table) {
    let usual = Chain::new(Kind::P256, 1);
    let name = |number| GeneralName::dns(&format!("host-{number}.example.test"));
    let names: Vec<GeneralName> = (0..50).map(name).collect();
    let keys = [0, 1, 2].map(|number| Key::new(Kind::Rsa, number));
    let long = CertificateDer::from(Estate::of(keys, &names).leaf);
    for (suffix, what, der) in [
        ("", "a P-256 leaf", &usual.leaf),
        ("-ca", "a P-256 intermediate", &usual.intermediates[0]),
        ("-50", "an RSA leaf of 50 names", &long),
    ] {
        let row = |of: &str, what_of: &str, name, to| {
            let what = format!("parse {what}{what_of}, {} octets / {to}", der.len());
            Ratio::new(format!("parse{suffix}{of}"), what, name, to)
        };
        let webpki = row("", "", "bonafide", "webpki");
        let rows = vec![
            if suffix.is_empty() { webpki.at_most(1.5) } else { webpki },
            row("-check", " and read every value", "bonafide, check", "webpki"),
            row("-x509-parser", "", "bonafide", "x509-parser"),
            row("-x509-cert", "", "bonafide", "x509-cert"),
        ];
        if !table.wants_any(&rows) {
            continue;
        }
        let count = allocations(|| Certificate::from_der(der).is_ok());
        assert_eq!(count, 0.0, "parsing {what} allocates");
        let contenders = vec![
            Contender::new("bonafide", || Certificate::from_der(der).unwrap()),
            Contender::new("bonafide, check", || {
                let certificate = Certificate::from_der(der).unwrap();
                certificate.check().unwrap();
                certificate
            }),
            Contender::new("webpki", || webpki::EndEntityCert::try_from(der).is_ok()),
            Contender::new("x509-parser", || {
                x509_parser::certificate::X509Certificate::from_der(der).unwrap()
            }),
            Contender::new("x509-cert", || x509_cert::Certificate::from_der(der).unwrap()),
        ];
        table.race(rows, contenders);
    }
}
