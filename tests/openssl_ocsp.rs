//! OCSP responses made by the OpenSSL command line, judged by the verifier.
//!
//! Requests are made by the library, answered by `openssl ocsp` from an index as `openssl ca` keeps
//! it, and stapled. Without an `openssl` program the test says so and passes, unless `CI` is `true`.

#![cfg(feature = "ring")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

#[path = "openssl/workshop.rs"]
mod workshop;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bonafide::policy::{RevocationPolicy, RevocationRule, Role, ValidationPolicy};
use bonafide::signature::RingBackend;
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{CertIdHash, Certificate, OcspRequest, Time, certificates};
use rustls_pki_types::CertificateDer;
use workshop::{CA, LEAF, New, Workshop, new};

fn read(shop: &Workshop, name: &str) -> CertificateDer<'static> {
    certificates(&std::fs::read(shop.path(&format!("{name}.pem"))).unwrap()).unwrap().remove(0)
}

/// The decision on a leaf of `ca` with a response, so many days from now. Only the leaf must be shown
/// to be good.
fn decide(shop: &Workshop, leaf: &str, response: &[u8], days: i64) -> String {
    let rule = RevocationRule::dangerously_unchecked();
    let revocation = RevocationPolicy::hard_fail().with_rule(Role::Intermediate, rule);
    let policy = ValidationPolicy::tls_server().with_revocation(revocation);
    let anchor = TrustAnchor::from_der(&read(shop, "root")).unwrap();
    let trust = TrustStore::dangerously_unscoped(TrustBundle::new([anchor]));
    let verifier = Verifier::new(trust.into(), policy.into(), Arc::new(RingBackend::NEW));
    let (leaf, pool) = (read(shop, leaf), [read(shop, "ca")]);
    let name = "dns:www.example.test".parse().unwrap();
    let request = Request::new(&leaf, &pool, Expect::name(&name)).with_stapled_ocsp(response);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // A minute later, so that what was made just now is not from the future.
    let now = i64::try_from(now).unwrap() + 60 + days * 86_400;
    verifier.decide(&request, Time::from_unix(now)).code().to_owned()
}

/// What the library would send to the responder.
fn request(shop: &Workshop, leaf: &str, hash: CertIdHash) -> Vec<u8> {
    let (leaf, issuer) = (read(shop, leaf), read(shop, "ca"));
    let (leaf, issuer) =
        (Certificate::from_der(&leaf).unwrap(), Certificate::from_der(&issuer).unwrap());
    let key = issuer.subject_public_key_info().unwrap();
    let name = issuer.subject();
    let request = OcspRequest::new(hash, name.as_der(), key.key(), leaf.serial_number());
    request.with_nonce(&[7; 32]).unwrap().to_der()
}

#[test]
fn responses_of_openssl_are_judged() {
    let Some(shop) = Workshop::open("ocsp") else { return };
    let responder = format!("{CA}extendedKeyUsage=OCSPSigning\nnoCheck=ignored\n")
        .replace("CA:TRUE", "CA:FALSE")
        .replace("keyCertSign,cRLSign", "digitalSignature");
    let purposeless = responder.replace("OCSPSigning", "serverAuth");
    for certificate in [
        New { days: "3650", ..new("root", None, CA) },
        New { days: "3650", ..new("stranger", None, CA) },
        New { days: "3650", ..new("ca", Some("root"), CA) },
        new("good", Some("ca"), LEAF),
        new("revoked", Some("ca"), LEAF),
        new("unknown", Some("ca"), LEAF),
        new("responder", Some("ca"), &responder),
        New { key: "rsa:2048", ..new("rsa-responder", Some("ca"), &responder) },
        New { days: "3", ..new("short-responder", Some("ca"), &responder) },
        new("purposeless", Some("ca"), &purposeless),
        new("strange-responder", Some("stranger"), &responder),
        new("root-responder", Some("root"), &responder),
    ] {
        shop.certificate(&certificate);
    }
    // As `openssl ca` keeps it: status, expiry, revocation with its reason, serial, file, subject.
    let serial = |name: &str| name.bytes().map(|b| format!("{b:02X}")).collect::<String>();
    let line = |status: &str, revoked: &str, name: &str| {
        format!("{status}\t351231235959Z\t{revoked}\t{}\tunknown\t/CN={name}\n", serial(name))
    };
    let index = line("V", "", "good") + &line("R", "260101000000Z,keyCompromise", "revoked");
    std::fs::write(shop.path("index.txt"), index).unwrap();

    let (sha1, sha256) = (CertIdHash::Sha1, CertIdHash::Sha256);
    let refused = "revocation.signer-not-authorized";
    let (plain, by_key, bare): (&[&str], &[&str], &[&str]) =
        (&[], &["-resp_key_id"], &["-resp_no_certs"]);
    let rows = [
        ("delegated, by name", "good", sha1, "responder", plain, 0, "accepted"),
        ("delegated, by key", "good", sha1, "responder", by_key, 0, "accepted"),
        ("delegated, SHA-256", "good", sha256, "responder", plain, 0, "accepted"),
        ("delegated, RSA", "good", sha1, "rsa-responder", plain, 0, "accepted"),
        ("the issuer, by name", "good", sha1, "ca", plain, 0, "accepted"),
        ("the issuer, by key", "good", sha256, "ca", by_key, 0, "accepted"),
        ("revoked", "revoked", sha1, "responder", plain, 0, "revocation.revoked"),
        ("revoked, expired", "revoked", sha1, "ca", plain, 60, "revocation.revoked"),
        ("unknown", "unknown", sha1, "responder", plain, 0, "revocation.responder-unknown"),
        ("expired", "good", sha1, "responder", plain, 12, "revocation.stale"),
        ("expired responder", "good", sha1, "short-responder", plain, 5, refused),
        ("responder without the purpose", "good", sha1, "purposeless", plain, 0, refused),
        ("a stranger's responder", "good", sha1, "strange-responder", plain, 0, refused),
        ("the root's responder", "good", sha1, "root-responder", plain, 0, refused),
        ("no certificate of the responder", "good", sha1, "responder", bare, 0, refused),
    ];
    for (case, leaf, hash, responder, options, days, expected) in rows {
        std::fs::write(shop.path("request.der"), request(&shop, leaf, hash)).unwrap();
        let [certificate, key] = [format!("{responder}.pem"), format!("{responder}.key")];
        let mut arguments = vec!["ocsp", "-index", "index.txt", "-CA", "ca.pem"];
        arguments.extend(["-rsigner", &certificate, "-rkey", &key, "-ndays", "10"]);
        arguments.extend(["-reqin", "request.der", "-respout", "response.der"]);
        arguments.extend(options);
        shop.openssl(&arguments);
        let response = std::fs::read(shop.path("response.der")).unwrap();
        assert_eq!(decide(&shop, leaf, &response, days), expected, "{case}");
    }
    // A response about one certificate says nothing of another.
    let response = std::fs::read(shop.path("response.der")).unwrap();
    assert_eq!(decide(&shop, "revoked", &response, 0), "revocation.not-covered");
}
