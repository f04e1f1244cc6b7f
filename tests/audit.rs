//! Audit records of accepted and rejected peers: written, read back, refused.

#![cfg(all(feature = "serde", feature = "ring"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod kit;

use std::sync::Arc;

use bonafide::audit::{AuditError, AuditOutcome, AuditRecord};
use bonafide::decision::{Decision, Fingerprint};
use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::signature::RingBackend;
use bonafide::trust::{Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{Certificate, Time};
use kit::ocsp::cert_id;
use kit::{Estate, FAR, IdHash, NOW, OcspResponseBuilder, Responder, SingleResponse, Status};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};

fn decide(estate: &Estate, expected: &str, others: &[&[u8]]) -> Decision {
    let anchor = TrustAnchor::from_der(&estate.root.certificate).unwrap();
    let bundle = TrustBundle::new([anchor]).with_sequence(7);
    let domain = Domain::named("estate", [Scope::dns("example.test").unwrap()], bundle);
    let verifier = Verifier::new(
        Arc::new(TrustStore::new([domain]).unwrap()),
        Arc::new(ValidationPolicy::tls_server()),
        Arc::new(RingBackend::NEW),
    );
    let leaf = CertificateDer::from(estate.leaf.as_slice());
    let mut pool = vec![CertificateDer::from(estate.intermediate.certificate.as_slice())];
    pool.extend(others.iter().map(|&der| CertificateDer::from(der)));
    let expected = expected.parse().unwrap();
    let request = Request::new(&leaf, &pool, Expect::name(&expected));
    verifier.decide(&request, Time::from_unix(NOW))
}

#[test]
fn an_acceptance_is_recorded_whole() {
    let estate = Estate::new();
    let decision = decide(&estate, "dns:leaf.example.test", &[]);
    let record = AuditRecord::of(&decision);
    assert_eq!(record.outcome, AuditOutcome::Accepted);
    assert_eq!((record.code.as_str(), record.now), ("accepted", NOW));
    assert_eq!(record.policy_digest.as_bytes(), &ValidationPolicy::tls_server().digest());
    assert!(record.cause.is_none() && record.attempts.is_empty());
    assert_eq!(record.work.signatures, 2);

    let peer = record.peer.as_ref().unwrap();
    assert_eq!(peer.identities.primary().unwrap().to_string(), "dns:leaf.example.test");
    assert_eq!((peer.trust_domain.as_str(), peer.bundle_sequence), ("estate", Some(7)));
    assert_eq!(peer.bundle_digest.as_bytes(), decision.peer().unwrap().bundle_digest());
    assert_eq!(peer.valid_until, FAR);
    assert!(!peer.revocation_asked && peer.evidence.is_empty());
    let fingerprints: Vec<&[u8; 32]> = peer.path.iter().map(|c| c.sha256.as_bytes()).collect();
    let expected: Vec<Fingerprint> = estate.chain().iter().map(|c| Fingerprint::of(c)).collect();
    assert_eq!(fingerprints, expected.iter().map(Fingerprint::as_bytes).collect::<Vec<_>>());
    assert_eq!(peer.anchor.subject, "CN=Example Root");

    let text = record.to_json();
    assert!(text.starts_with(r#"{"bonafide_audit":2,"outcome":"accepted","code":"accepted","#));
    assert_eq!(AuditRecord::from_json(&text).unwrap(), record);
}

#[test]
fn a_rejection_is_recorded_with_all_findings() {
    let estate = Estate::new();
    let decision = decide(&estate, "dns:other.example.test", &[b"garbage"]);
    let record = AuditRecord::of(&decision);
    assert_eq!(record.outcome, AuditOutcome::Rejected);
    assert_eq!(record.code, "identity.name-mismatch");
    assert!(record.peer.is_none());
    let cause = record.cause.as_ref().unwrap();
    assert_eq!((cause.code.as_str(), cause.depth), ("identity.name-mismatch", Some(0)));
    assert_eq!(cause.sha256.unwrap().as_bytes(), Fingerprint::of(&estate.leaf).as_bytes());
    assert!(cause.text.contains("leaf.example.test"), "{}", cause.text);
    assert_eq!(record.attempts.len(), 1);
    assert_eq!(record.attempts[0].path.len(), 2);
    assert_eq!(AuditRecord::from_json(&record.to_json()).unwrap(), record);
}

#[test]
fn evidence_is_named_whichever_way_it_decides() {
    let estate = Estate::new();
    let ca = &estate.intermediate;
    let anchor = TrustAnchor::from_der(&estate.root.certificate).unwrap();
    let policy = ValidationPolicy::tls_server().with_revocation(RevocationPolicy::if_available());
    let verifier = Verifier::new(
        Arc::new(TrustStore::dangerously_unscoped(TrustBundle::new([anchor]))),
        Arc::new(policy),
        Arc::new(RingBackend::NEW),
    );
    let leaf = CertificateDer::from(estate.leaf.as_slice());
    let pool = [CertificateDer::from(ca.certificate.as_slice())];
    let serial = Certificate::from_der(&leaf).unwrap().serial_number().to_vec();
    let id = cert_id(IdHash::Sha256, &ca.name, &ca.key, &serial);
    for (case, status, code) in [
        ("good", Status::Good, "accepted"),
        ("revoked", Status::Revoked(NOW - 60, Some(1)), "revocation.revoked"),
    ] {
        let response = OcspResponseBuilder::new(Responder::Key(ca.key.clone()))
            .respond(SingleResponse::new(&id, status))
            .sign(&ca.key);
        let request = Request::new(&leaf, &pool, Expect::dangerously_any_identity())
            .with_stapled_ocsp(&response);
        let decision = verifier.decide(&request, Time::from_unix(NOW));
        assert_eq!(decision.code(), code, "{case}: {}", decision.explain());
        let record = AuditRecord::of(&decision);
        let (of_peer, of_rejection) =
            (record.peer.as_ref().map_or(&[][..], |peer| &peer.evidence[..]), &record.evidence[..]);
        let digest = <[u8; 32]>::from(Sha256::digest(&response));
        let named: Vec<_> = of_peer.iter().chain(of_rejection).map(|id| *id.as_bytes()).collect();
        assert_eq!(named, [digest], "{case}");
        assert_eq!(of_peer.len(), usize::from(decision.is_accepted()), "{case}");
        let hex: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
        let text = record.to_json();
        assert!(text.contains(&format!("\"evidence\":[\"{hex}\"]")), "{case}: {text}");
        assert_eq!(AuditRecord::from_json(&text).unwrap(), record, "{case}");
        let said = format!("  revocation evidence: sha256 {}…\n", &hex[..16]);
        let explained = decision.explain().to_string();
        assert!(explained.contains(&said), "{case}: {explained}");
    }
}

#[test]
fn records_do_not_depend_on_the_order_of_what_was_presented() {
    let estate = Estate::new();
    let (one, two) = (Estate::seeded(1), Estate::seeded(2));
    let (one, two) = (&one.intermediate.certificate[..], &two.intermediate.certificate[..]);
    for expected in ["dns:leaf.example.test", "dns:other.example.test"] {
        let forth = AuditRecord::of(&decide(&estate, expected, &[one, two])).to_json();
        let back = AuditRecord::of(&decide(&estate, expected, &[two, one, two])).to_json();
        assert_eq!(forth, back, "{expected}");
    }
}

#[test]
fn what_is_no_record_is_refused() {
    let text = AuditRecord::of(&decide(&Estate::new(), "dns:leaf.example.test", &[])).to_json();
    assert!(AuditRecord::from_json(&text).is_ok());
    for (case, text) in [
        ("empty", String::new()),
        ("cut off", text[..text.len() - 1].to_owned()),
        ("trailing", format!("{text}x")),
        ("unknown field", text.replacen(r#","now""#, r#","then":1,"now""#, 1)),
        ("missing field", text.replacen(r#""code":"accepted","#, "", 1)),
        ("double field", text.replacen(r#""now":"#, r#""now":1,"now":"#, 1)),
        ("unknown outcome", text.replacen(r#""outcome":"accepted""#, r#""outcome":"maybe""#, 1)),
        ("no identity", text.replacen("dns:leaf.", "dns:..", 1)),
    ] {
        let error = AuditRecord::from_json(&text).unwrap_err();
        assert!(matches!(error, AuditError::Malformed(_)), "{case}: {error:?}");
    }
    let other = text.replacen(r#""bonafide_audit":2"#, r#""bonafide_audit":1"#, 1);
    let error = AuditRecord::from_json(&other).unwrap_err();
    assert!(matches!(error, AuditError::Version { found: 1 }));
    assert_eq!(error.to_string(), "audit record of version 1, 2 is known");
}
