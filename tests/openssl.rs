//! Chains made by the OpenSSL command line, right and wrong, decided by the library and by the
//! program `decide`: each refusal names its cause.
//!
//! Without an `openssl` program the tests say so and pass, unless `CI` is `true`.

#![cfg(feature = "ring")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

#[path = "openssl/workshop.rs"]
mod workshop;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use bonafide::policy::{Purpose, ValidationPolicy};
use bonafide::signature::RingBackend;
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{Time, certificates};
use workshop::{CA, LEAF, New, Workshop, new};

/// What is decided and how it must come out.
struct Case<'a> {
    name: &'a str,
    chain: &'a [&'a str],
    expected: &'a str,
    purpose: Option<(&'a str, Purpose)>,
    days_from_now: i64,
    code: &'a str,
    /// What the explanation must say.
    says: &'a [&'a str],
}

#[test]
fn chains_of_openssl_are_decided_and_explained() {
    let Some(shop) = Workshop::open("chains") else { return };
    let extended = |more: &str| format!("{LEAF}{more}\n");
    let replaced = |from: &str, to: &str| {
        assert!(LEAF.contains(from));
        LEAF.replace(from, to)
    };
    let constrained = format!("{CA}nameConstraints=critical,permitted;DNS:other.test\n");
    let (no_ca, client) = (CA.replace("CA:TRUE", "CA:FALSE"), replaced("serverAuth", "clientAuth"));
    let unknown = extended("1.2.3.4.5=critical,ASN1:NULL");
    let address = replaced("DNS:www.example.test", "IP:192.0.2.1,email:ops@example.test");
    let workload = replaced("DNS:www.example.test", "URI:spiffe://example.test/web");

    for certificate in [
        New { days: "3650", ..new("root", None, CA) },
        New { days: "3650", ..new("stranger", None, CA) },
        New { days: "3650", ..new("ca", Some("root"), CA) },
        New { days: "3650", ..new("constrained", Some("root"), &constrained) },
        New { days: "3650", ..new("not-a-ca", Some("root"), &no_ca) },
        New { key: "rsa:1024", days: "3650", ..new("weak-ca", Some("root"), CA) },
        new("good", Some("ca"), LEAF),
        New { key: "rsa:2048", ..new("good-rsa", Some("ca"), LEAF) },
        New { key: "ed25519", ..new("good-ed25519", Some("ca"), LEAF) },
        New { key: "P-384", ..new("good-p384", Some("ca"), &address) },
        new("workload", Some("ca"), &workload),
        new("client", Some("ca"), &client),
        new("by-not-a-ca", Some("not-a-ca"), LEAF),
        new("out-of-bounds", Some("constrained"), LEAF),
        New { key: "rsa:1024", ..new("weak", Some("ca"), LEAF) },
        new("by-weak", Some("weak-ca"), LEAF),
        New { digest: "-sha1", ..new("sha1", Some("ca"), LEAF) },
        new("unknown", Some("ca"), &unknown),
        new("strangers", Some("stranger"), LEAF),
    ] {
        shop.certificate(&certificate);
    }
    // The same name, issued again for another key: what "ca" signed does not verify with it.
    shop.key("new-ca", "P-256");
    shop.openssl(&[
        "req",
        "-new",
        "-subj",
        "/O=Example/CN=ca",
        "-key",
        "new-ca.key",
        "-out",
        "n.csr",
    ]);
    shop.openssl(&[
        "x509",
        "-req",
        "-in",
        "n.csr",
        "-out",
        "new-ca.pem",
        "-days",
        "3650",
        "-extfile",
        "ca.cnf",
        "-CA",
        "root.pem",
        "-CAkey",
        "root.key",
        "-set_serial",
        "99",
    ]);

    let www = "dns:www.example.test";
    let case = |name, chain, code, says| Case {
        name,
        chain,
        expected: www,
        purpose: None,
        days_from_now: 1,
        code,
        says,
    };
    let cases = [
        case("P-256", &["good", "ca"], "accepted", &["dns:www.example.test", "CN=root"]),
        case("RSA", &["good-rsa", "ca"], "accepted", &["dns:www.example.test"]),
        case("Ed25519", &["good-ed25519", "ca"], "accepted", &["dns:www.example.test"]),
        case("unordered", &["good", "stranger", "root", "ca", "good"], "accepted", &["CN=ca"]),
        Case {
            expected: "ip:192.0.2.1",
            ..case("address", &["good-p384", "ca"], "accepted", &["ip:192.0.2.1"])
        },
        Case {
            expected: "email:ops@example.test",
            ..case("mailbox", &["good-p384", "ca"], "accepted", &["email:ops@example.test"])
        },
        Case {
            expected: "spiffe://example.test/web",
            ..case("SPIFFE", &["workload", "ca"], "accepted", &["spiffe://example.test/web"])
        },
        Case {
            days_from_now: 400,
            ..case("expired", &["good", "ca"], "validity.expired", &["expired at", "renew"])
        },
        Case {
            days_from_now: -2,
            ..case("early", &["good", "ca"], "validity.not-yet-valid", &["not valid before"])
        },
        Case {
            expected: "dns:mail.example.test",
            ..case(
                "wrong name",
                &["good", "ca"],
                "identity.name-mismatch",
                &["dns:mail.example.test is expected", "www.example.test"],
            )
        },
        case("wrong EKU", &["client", "ca"], "extended-key-usage.purpose", &["serverAuth"]),
        Case {
            purpose: Some(("clientAuth", Purpose::ClientAuth)),
            ..case("wrong purpose", &["good", "ca"], "extended-key-usage.purpose", &["clientAuth"])
        },
        Case {
            purpose: Some(("clientAuth", Purpose::ClientAuth)),
            ..case("purpose of a client", &["client", "ca"], "accepted", &[])
        },
        case(
            "wrong CA flag",
            &["by-not-a-ca", "not-a-ca"],
            "basic-constraints.not-a-ca",
            &["no ca", "CN=not-a-ca"],
        ),
        case(
            "name constraints",
            &["out-of-bounds", "constrained"],
            "name-constraints.not-permitted",
            &["www.example.test"],
        ),
        case("wrong key", &["good", "new-ca"], "trust.no-route", &["CN=ca", "key id"]),
        case("weak key", &["weak", "ca"], "algorithm.key-too-small", &["1024"]),
        case("weak CA", &["by-weak", "weak-ca"], "algorithm.key-too-small", &["1024"]),
        case("SHA-1", &["sha1", "ca"], "algorithm.signature-refused", &["ecdsa-sha1"]),
        case("unknown", &["unknown", "ca"], "extension.unknown-critical", &["1.2.3.4.5"]),
        case("stranger", &["strangers", "stranger"], "trust.no-route", &["CN=stranger"]),
        case("no intermediate", &["good"], "trust.no-route", &["CN=ca", "intermediate"]),
    ];
    let anchors = shop.path("root.pem");
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut failures = Vec::new();
    for case in &cases {
        let time = Time::from_unix(i64::try_from(started).unwrap() + case.days_from_now * 86_400);
        let chain = shop.chain(case.chain);
        let (code, explanation) = by_library(&anchors, &chain, case, time);
        if code != case.code {
            failures.push(format!("{}: {code}, not {}\n{explanation}", case.name, case.code));
        }
        for text in case.says {
            if !explanation.contains(text) {
                failures.push(format!("{}: {text:?} is not in\n{explanation}", case.name));
            }
        }
        let output = by_program(&anchors, &chain, case, time, false);
        let (status, said) = (output.status.code(), String::from_utf8(output.stdout).unwrap());
        if status != Some(i32::from(case.code != "accepted")) || said != explanation {
            failures.push(format!("{}: decide answers {status:?}\n{said}", case.name));
        }
        if cfg!(feature = "serde") {
            let output = by_program(&anchors, &chain, case, time, true);
            let said = String::from_utf8(output.stdout).unwrap();
            if !said.contains(&format!("\"code\":\"{}\"", case.code)) {
                failures.push(format!("{}: decide --json answers {said}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn by_library(anchors: &Path, chain: &Path, case: &Case<'_>, time: Time) -> (String, String) {
    let anchors = certificates(&std::fs::read(anchors).unwrap()).unwrap();
    let anchors = anchors.iter().map(|der| TrustAnchor::from_der(der).unwrap());
    let chain = certificates(&std::fs::read(chain).unwrap()).unwrap();
    let verifier = Verifier::new(
        Arc::new(TrustStore::dangerously_unscoped(TrustBundle::new(anchors))),
        Arc::new(ValidationPolicy::tls_server()),
        Arc::new(RingBackend::NEW),
    );
    let expected = case.expected.parse().unwrap();
    let mut request = Request::new(&chain[0], &chain[1..], Expect::name(&expected));
    if let Some((_, purpose)) = &case.purpose {
        request = request.with_purpose(purpose.clone());
    }
    let decision = verifier.decide(&request, time);
    (decision.code().to_owned(), decision.explain().to_string())
}

fn by_program(anchors: &Path, chain: &Path, case: &Case<'_>, time: Time, json: bool) -> Output {
    let mut command = Command::new(program());
    command.arg("--anchors").arg(anchors).arg("--chain").arg(chain);
    command.args(["--time", &time.to_string(), "--name", case.expected]);
    if let Some((purpose, _)) = &case.purpose {
        command.args(["--purpose", purpose]);
    }
    if json {
        command.arg("--json");
    }
    command.output().unwrap()
}

/// The example `decide`, built as this test was: a test that was asked for alone would otherwise
/// find an old one, or none.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let features: Vec<&str> = [
            ("std", cfg!(feature = "std")),
            ("ring", cfg!(feature = "ring")),
            ("aws-lc-rs", cfg!(feature = "aws-lc-rs")),
            ("serde", cfg!(feature = "serde")),
            ("spiffe", cfg!(feature = "spiffe")),
            ("encrypted-keys", cfg!(feature = "encrypted-keys")),
            ("crlite", cfg!(feature = "crlite")),
        ]
        .iter()
        .filter_map(|&(feature, on)| on.then_some(feature))
        .collect();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "bonafide", "--example", "decide"]);
        cargo.args(["--no-default-features", "--features", &features.join(",")]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().and_then(Path::parent).unwrap();
        folder.join("examples").join(format!("decide{}", std::env::consts::EXE_SUFFIX))
    })
}

#[test]
fn unusable_input_is_told_with_its_place() {
    let Some(shop) = Workshop::open("unusable") else { return };
    shop.certificate(&new("root", None, CA));
    shop.certificate(&new("leaf", Some("root"), LEAF));
    shop.openssl(&["x509", "-in", "leaf.pem", "-outform", "DER", "-out", "leaf.der"]);
    shop.openssl(&["pkey", "-in", "leaf.key", "-pubout", "-outform", "DER", "-out", "spki.der"]);
    let der = std::fs::read(shop.path("leaf.der")).unwrap();
    let pem = std::fs::read_to_string(shop.path("leaf.pem")).unwrap();
    let joined = format!("{}{pem}", pem.trim_end());
    let cases: [(&str, &[u8], &[&str]); 9] = [
        ("empty", b"", &["the input is empty", "byte 0, line 1"]),
        ("garbage", &[0x7f; 100], &["no PEM block", "byte 0, line 1", "expected"]),
        ("zeros", &vec![0; 1 << 20], &["no PEM block", "byte 0, line 1"]),
        ("cut DER", &der[..der.len() - 1], &["1 byte(s) too early", "byte 0, line 1"]),
        ("trailing", &[&der[..], &[0]].concat(), &["byte(s) follow", "line 1"]),
        ("key", &std::fs::read(shop.path("leaf.key")).unwrap(), &["PRIVATE KEY", "CERTIFICATE"]),
        ("public key", &std::fs::read(shop.path("spki.der")).unwrap(), &["malformed", "at byte"]),
        ("joined", joined.as_bytes(), &["malformed BEGIN or END line", "line"]),
        ("cut PEM", &pem.as_bytes()[..pem.len() / 2], &["has no END line", "byte 0, line 1"]),
    ];
    let [good_anchors, good_chain] = ["root.pem", "leaf.der"].map(|name| shop.path(name));
    for (name, input, says) in cases {
        let bad = shop.path("bad");
        std::fs::write(&bad, input).unwrap();
        for (anchors, chain) in [(&good_anchors, &bad), (&bad, &good_chain)] {
            let mut command = Command::new(program());
            let output = command.arg("--anchors").arg(anchors).arg("--chain").arg(chain).output();
            let output = output.unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{name}: {said}");
            assert!(said.contains(bad.to_str().unwrap()), "{name}: {said}");
            for text in says {
                assert!(said.contains(text), "{name}: {text:?} is not in {said}");
            }
        }
    }
    let arguments: [(&[&str], &str); 9] = [
        (&["--anchors"], "--anchors needs a value"),
        (&["--chain", "x"], "--anchors is missing"),
        (&["--anchors", "x"], "--chain is missing"),
        (&["--anchor", "x"], "--anchor is no option"),
        (&["--json", "--time", "yesterday"], "RFC 3339"),
        (&["--profile", "tls"], "no profile of that name"),
        (&["--purpose", "server"], "object identifier"),
        (&["--name", "www.example.test"], "dns:"),
        (&["--chain", "x", "--chain", "y"], "given twice"),
    ];
    for (arguments, says) in arguments {
        let output = Command::new(program()).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    let missing = shop.path("missing");
    let mut command = Command::new(program());
    command.arg("--anchors").arg(&missing).arg("--chain").arg(&missing);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot be read"));
}

#[test]
fn the_estate_in_memory_is_decided_as_told() {
    let output = Command::new(program()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let count = |word: &str| said.lines().filter(|line| line.trim().starts_with(word)).count();
    assert_eq!((count("accepted: "), count("rejected: ")), (3, 2), "{said}");
    assert!(said.contains("(trust.no-route)") && said.contains("(name-constraints.not-permitted)"));
}
