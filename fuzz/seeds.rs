//! Writes seeds: `seeds CORPUS [CORPORA]`. Certificates of the test kit and, where the folder CORPORA
//! is there, of the conformance corpora; their names; random bytes for decisions.

#[path = "fuzz_targets/common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::{env, fs};

use bonafide::x509::{Certificate, ExtensionKind, certificates_from_pem_or_der};
use common::kit::{Estate, GeneralName, Rng, ext};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let corpus = arguments.next().ok_or("usage: seeds CORPUS [CORPORA]")?;
    let corpus = Path::new(&corpus);
    let mut certificates = from_kit();
    if let Some(corpora) = arguments.next() {
        for entry in fs::read_dir(corpora).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "gz") {
                let mut text = Vec::new();
                flate2::read::GzDecoder::new(fs::File::open(entry.path())?)
                    .read_to_end(&mut text)?;
                from_json(&text, 400, &mut certificates);
            }
        }
    }
    let mut names = BTreeSet::new();
    for der in &certificates {
        names_of(der, &mut names);
    }
    let mut rng = Rng::new(1);
    let decisions = (0..400_usize)
        .map(|number| (0..20 + number % 80).map(|_| rng.bytes::<1>()[0]).collect())
        .collect();
    for (target, seeds) in
        [("certificate", certificates), ("names", names), ("decision", decisions)]
    {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:05}")), seed)?;
        }
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}

fn from_kit() -> BTreeSet<Vec<u8>> {
    let estate = Estate::new();
    let names = [
        GeneralName::dns("*.a.test"),
        GeneralName::uri("spiffe://td.test/a"),
        GeneralName::email("u@a.test"),
        GeneralName::ip(&[10, 0, 0, 1]),
        GeneralName::Directory(estate.root.name.clone()),
        GeneralName::RegisteredId("1.2.3".into()),
    ];
    let ca = estate.root.intermediate(&estate.root.name, &estate.leaf_key, |builder| {
        builder
            .with(ext::name_constraints(&names[..3], &names[3..]))
            .with(ext::certificate_policies(&["1.2.3", ext::id::ANY_POLICY]))
            .with(ext::policy_mappings(&[("1.2.3", "1.2.4")]))
            .with(ext::policy_constraints(Some(0), Some(1)))
            .with(ext::inhibit_any_policy(1))
            .with(ext::crl_distribution_points(&[ext::DistributionPoint::uri("http://a.test/c")]))
            .with(ext::tls_feature(&[5]))
            .with(ext::extended_key_usage(&[ext::purpose::SERVER_AUTH]))
    });
    let mut all: BTreeSet<Vec<u8>> = estate.chain().into_iter().collect();
    all.extend([estate.root.certificate.clone(), estate.leaf_for(&names), ca.certificate]);
    all
}

/// Certificates in strings of JSON: PEM, or Base64 of DER that begins as a certificate does.
fn from_json(text: &[u8], most: usize, certificates: &mut BTreeSet<Vec<u8>>) {
    let text = String::from_utf8_lossy(text).replace("\\n", "\n");
    let mut found = 0;
    for string in text.split('"') {
        let pem = if string.contains("-----BEGIN CERTIFICATE-----") {
            string.to_owned()
        } else if string.starts_with("MII") {
            let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
            for line in string.as_bytes().chunks(64) {
                pem.push_str(&String::from_utf8_lossy(line));
                pem.push('\n');
            }
            pem + "-----END CERTIFICATE-----\n"
        } else {
            continue;
        };
        let Ok(read) = certificates_from_pem_or_der(pem.as_bytes()) else { continue };
        for certificate in read.iter().filter(|certificate| certificate.len() <= 4_096) {
            found += usize::from(certificates.insert(certificate.to_vec()));
        }
        if found >= most {
            return;
        }
    }
}

/// The inputs of the target `names` that a certificate gives.
fn names_of(der: &[u8], inputs: &mut BTreeSet<Vec<u8>>) {
    let Ok(certificate) = Certificate::from_der(der) else { return };
    let input = |mode: u8, first: &[u8], second: &[u8]| {
        let split = u16::try_from(first.len()).unwrap_or(0).to_be_bytes();
        [&[mode][..], &split, first, second].concat()
    };
    let (subject, issuer) = (certificate.subject().as_der(), certificate.issuer().as_der());
    inputs.insert(input(0, subject, issuer));
    if let Some(names) = certificate.extension(ExtensionKind::SubjectAltName) {
        inputs.insert(input(1, names, &[]));
        let base = [&[0x30, 0x0b, 0xa1, 0x09, 0x30, 0x07, 0x82, 0x05][..], b"a.com"].concat();
        inputs.insert(input(2, &base, names));
    }
    if let Some(constraints) = certificate.extension(ExtensionKind::NameConstraints) {
        inputs.insert(input(1, constraints, &[]));
        let names = [0x30, 0x07, 0x82, 0x05, b'a', b'.', b'c', b'o', b'm'];
        inputs.insert(input(2, constraints, &names));
        inputs.insert(input(3, constraints, subject));
    }
}
