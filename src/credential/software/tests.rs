//! Keys that OpenSSL wrote, in every form.

use super::*;
use crate::signature::{Message, PublicKey, SignatureBackend};
use alloc::format;
use alloc::string::String;
use core::error::Error;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/credential/keys/", $name))
    };
}

const AWS: bool = cfg!(feature = "aws-lc-rs");
const DECRYPTS: bool = cfg!(feature = "encrypted-keys");
const PASSPHRASE: &[u8] = b"tr0ub4dor";

/// The backend that verifies what this build signs.
fn backend() -> &'static dyn SignatureBackend {
    #[cfg(feature = "aws-lc-rs")]
    return &crate::signature::AwsLcBackend::NEW;
    #[cfg(not(feature = "aws-lc-rs"))]
    &crate::signature::RingBackend::NEW
}

#[test]
fn every_form_is_read_and_signs_for_its_public_key() {
    let p256: &[u8] = file!("p256.spki.der");
    let p384: &[u8] = file!("p384.spki.der");
    let rsa: &[u8] = file!("rsa.spki.der");
    for (case, pem, spki, expected) in [
        ("p-256 pkcs8", &file!("p256.pkcs8.pem")[..], p256, None),
        ("p-256 sec1", file!("p256.sec1.pem"), p256, None),
        ("p-256 parameters before it", file!("p256.parameters.pem"), p256, None),
        (
            "p-256 without its public half",
            file!("p256.private-only.pem"),
            p256,
            (!AWS).then_some(KeyError::NoPublicKey),
        ),
        (
            "p-256 pbkdf2",
            file!("p256.pbkdf2.pem"),
            p256,
            (!DECRYPTS).then_some(KeyError::UnsupportedEncryption),
        ),
        (
            "p-256 scrypt",
            file!("p256.scrypt.pem"),
            p256,
            (!DECRYPTS).then_some(KeyError::UnsupportedEncryption),
        ),
        ("p-384 pkcs8", file!("p384.pkcs8.pem"), p384, None),
        ("p-384 sec1", file!("p384.sec1.pem"), p384, None),
        (
            "p-521 pkcs8",
            file!("p521.pkcs8.pem"),
            file!("p521.spki.der"),
            (!AWS).then_some(KeyError::UnsupportedAlgorithm),
        ),
        (
            "p-521 sec1",
            file!("p521.sec1.pem"),
            file!("p521.spki.der"),
            (!AWS).then_some(KeyError::UnsupportedAlgorithm),
        ),
        ("ed25519", file!("ed25519.pkcs8.pem"), file!("ed25519.spki.der"), None),
        ("rsa pkcs8", file!("rsa.pkcs8.pem"), rsa, None),
        ("rsa pkcs1", file!("rsa.pkcs1.pem"), rsa, None),
        ("rsa-pss", file!("rsa-pss.pkcs8.pem"), file!("rsa-pss.spki.der"), None),
    ] {
        let key = match (SoftwareKey::from_pem_with_passphrase(pem, PASSPHRASE), expected) {
            (Ok(key), None) => key,
            (found, expected) => {
                assert_eq!(found.err(), expected, "{case}");
                continue;
            }
        };
        assert_eq!(key.public_key(), spki, "{case}");
        assert!(!key.algorithms().is_empty(), "{case}");
        for &algorithm in key.algorithms() {
            let message = b"rotate me";
            let signature = key.sign(algorithm, message).unwrap();
            let spki = SubjectPublicKeyInfo::from_der(key.public_key()).unwrap();
            let identifier = algorithm.identifier().unwrap();
            let verify = |message: &[u8]| {
                backend()
                    .verify(PublicKey::new(spki), identifier, &Message::new(message), &signature)
                    .is_ok()
            };
            assert!(verify(message) && !verify(b"rotate you"), "{case}, {algorithm}");
        }
    }
}

#[test]
fn a_restricted_key_offers_its_only_algorithm() {
    let key = SoftwareKey::from_pem(file!("rsa-pss.pkcs8.pem")).unwrap();
    assert_eq!(key.algorithms(), [SignatureAlgorithm::RsaPssSha256]);
    let refused = key.sign(SignatureAlgorithm::RsaPkcs1Sha256, b"").unwrap_err();
    assert_eq!(refused.code(), "credential.sign.algorithm-unsupported");
}

#[test]
fn what_is_no_key_is_refused_with_its_reason() {
    let twice = [&file!("p256.sec1.pem")[..], file!("p384.sec1.pem")].concat();
    let mut halves_of_two =
        crate::x509::PemBlocks::new(file!("p256.sec1.pem")).next().unwrap().unwrap().into_der();
    *halves_of_two.get_mut(20).unwrap() ^= 1;
    for (case, found, code) in [
        ("two keys", SoftwareKey::from_pem(&twice), "credential.key.several"),
        ("no pem", SoftwareKey::from_pem(b""), "credential.key.pem"),
        ("pem where der belongs", SoftwareKey::from_der(&twice), "credential.key.malformed"),
        ("an spki", SoftwareKey::from_der(file!("ed25519.spki.der")), "credential.key.malformed"),
        (
            "another curve",
            SoftwareKey::from_pem(file!("k256.pkcs8.pem")),
            "credential.key.algorithm-unsupported",
        ),
        (
            "no passphrase",
            SoftwareKey::from_pem(file!("p256.pbkdf2.pem")),
            "credential.key.passphrase-needed",
        ),
        (
            "wrong passphrase",
            SoftwareKey::from_pem_with_passphrase(file!("p256.pbkdf2.pem"), b"guess"),
            if DECRYPTS {
                "credential.key.passphrase"
            } else {
                "credential.key.encryption-unsupported"
            },
        ),
        (
            "pbes1",
            SoftwareKey::from_pem_with_passphrase(file!("p256.pbes1.pem"), PASSPHRASE),
            "credential.key.encryption-unsupported",
        ),
        (
            "rfc 1421",
            SoftwareKey::from_pem_with_passphrase(file!("p256.rfc1421.pem"), PASSPHRASE),
            "credential.key.pem",
        ),
        (
            "halves that do not match",
            SoftwareKey::from_der(&halves_of_two),
            "credential.key.rejected",
        ),
    ] {
        assert_eq!(found.map(|_| "read").map_err(|error| error.code()), Err(code), "{case}");
    }
}

#[test]
fn frames_are_read_strictly() {
    let sound = crate::x509::PemBlocks::new(file!("ed25519.pkcs8.pem")).next().unwrap().unwrap();
    let sound = sound.der();
    assert!(SoftwareKey::from_der(sound).is_ok());
    for (case, place, octet) in [
        ("version 3", 4, 2),
        ("parameters of ed25519 are another algorithm", 11, 0x71),
        ("the key is no octet string", 14, 0x03),
        ("the length of the whole", 1, 0x2f),
    ] {
        let mut wrong = sound.to_vec();
        *wrong.get_mut(place).unwrap() = octet;
        assert!(SoftwareKey::from_der(&wrong).is_err(), "{case}");
    }
    let behind = [sound, &[0]].concat();
    assert_eq!(SoftwareKey::from_der(&behind).unwrap_err().code(), "credential.key.malformed");
}

#[test]
fn nothing_of_a_key_is_printed() {
    // The seed of this key is text that nothing else prints.
    let seed = b"planted-planted-planted-planted!";
    let frame = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let der = [&frame[..], seed].concat();
    let key = SoftwareKey::from_der(&der).unwrap();
    let mut printed = format!("{key:?} {key:#?}");
    let store = super::super::MemoryKeyStore::new().with_key(
        b"id",
        "label",
        alloc::sync::Arc::new(SoftwareKey::from_der(&der).unwrap()),
    );
    printed += &format!("{store:?}");
    // Every prefix and every single damage, so that every error path is taken.
    for at in 0..der.len() {
        for damage in [0x00, 0x01, 0x80, 0xff] {
            let mut wrong = der.clone();
            *wrong.get_mut(at).unwrap() ^= damage;
            for input in [&wrong[..], &wrong[..at]] {
                if let Err(error) = SoftwareKey::from_der(input) {
                    printed += &format!("{error} {error:?}");
                    let mut cause = error.source();
                    while let Some(error) = cause {
                        printed += &format!("{error}");
                        cause = error.source();
                    }
                }
            }
        }
    }
    let hex: String = b"planted".iter().map(|octet| format!("{octet:02x}")).collect();
    let decimal = format!("{:?}", b"planted");
    for leak in ["planted", &hex, decimal.trim_matches(['[', ']'])] {
        assert!(!printed.contains(leak), "{leak} is printed");
    }
    assert!(printed.contains("SoftwareKey { algorithms: [Ed25519], .. }"));
}
