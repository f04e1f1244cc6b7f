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
    let content = &certificate[4..];
    let length = 4 + usize::from(u16::from_be_bytes([content[2], content[3]]));
    (&content[..length], &certificate[certificate.len() - 64..])
}
