//! Makes a root, an intermediate and a leaf, and a table of their signatures.

#[path = "../../tests/kit/mod.rs"]
mod kit;

use std::path::Path;

use kit::Estate;
use sha2::{Digest, Sha256};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../tests/kit");
    let out = std::env::var_os("OUT_DIR").expect("cargo sets it");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(Path::new(&out).join(name), bytes).expect("OUT_DIR can be written");
    };
    let estate = Estate::new();
    write("root.der", &estate.root.certificate);
    write("intermediate.der", &estate.intermediate.certificate);
    write("leaf.der", &estate.leaf);
    let mut table = String::from("[\n");
    for (key, certificate) in [
        (&estate.root.key, &estate.intermediate.certificate),
        (&estate.intermediate.key, &estate.leaf),
    ] {
        let (tbs, signature) = split(certificate);
        let digest = Sha256::new()
            .chain_update(key.spki())
            .chain_update(tbs)
            .chain_update(signature)
            .finalize();
        table.push_str(&format!("    {:?},\n", digest.as_slice()));
    }
    table.push(']');
    write("signatures.rs", table.as_bytes());
}

/// What is signed, and the signature value of an Ed25519 certificate.
fn split(certificate: &[u8]) -> (&[u8], &[u8]) {
    let content = &certificate[header(certificate).0..];
    let (header, length) = header(content);
    (&content[..header + length], &certificate[certificate.len() - 64..])
}

/// Lengths of identifier and length octets, and of the content.
fn header(element: &[u8]) -> (usize, usize) {
    let first = usize::from(element[1]);
    if first < 0x80 {
        return (2, first);
    }
    let octets = first - 0x80;
    let length = element[2..2 + octets].iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet));
    (2 + octets, length)
}
