//! The engine on small estates: accepting, refusing, explaining.

mod kit;

use std::sync::Arc;

use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::revocation::{Denied, DenyList, DenyRule, Revocation};
use bonafide::signature::default_backend;
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use kit::{Estate, NOW};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};

#[test]
fn an_estate_is_accepted() {
    let estate = Estate::new();
    let anchor = TrustAnchor::from_der(&estate.root.certificate).unwrap();
    let trust = TrustStore::dangerously_unscoped(TrustBundle::new([anchor]));
    let verifier = Verifier::new(
        Arc::new(trust),
        Arc::new(ValidationPolicy::tls_server()),
        Arc::new(bonafide::signature::RingBackend::NEW),
    );
    let _ = default_backend();
    let leaf = CertificateDer::from(estate.leaf.clone());
    let chain = [CertificateDer::from(estate.intermediate.certificate.clone())];
    let name = "dns:leaf.example.test".parse().unwrap();
    let request = Request::new(&leaf, &chain, Expect::name(&name));
    let decision = verifier.decide(&request, Time::from_unix(NOW));
    println!("{}", decision.explain());
    assert_eq!(decision.code(), "accepted");
    let late = verifier.decide(&request, Time::from_unix(kit::FAR + 1));
    println!("{}", late.explain());
    assert_eq!(late.code(), "validity.expired");
    let none =
        verifier.decide(&Request::new(&leaf, &[], Expect::name(&name)), Time::from_unix(NOW));
    println!("{}", none.explain());
    assert_eq!(none.code(), "trust.no-route");
    let other = "dns:other.example.test".parse().unwrap();
    let wrong =
        verifier.decide(&Request::new(&leaf, &chain, Expect::name(&other)), Time::from_unix(NOW));
    println!("{}", wrong.explain());
    assert_eq!(wrong.code(), "identity.name-mismatch");
}

#[test]
fn a_deny_list_alone_refuses_whom_it_names_and_nobody_else() {
    let estate = Estate::new();
    let anchor = TrustAnchor::from_der(&estate.root.certificate).unwrap();
    let trust = Arc::new(TrustStore::dangerously_unscoped(TrustBundle::new([anchor])));
    let leaf = CertificateDer::from(estate.leaf.clone());
    let chain = [CertificateDer::from(estate.intermediate.certificate.clone())];
    let request = Request::new(&leaf, &chain, Expect::dangerously_any_identity());
    let this = DenyRule::new(Denied::Key { spki: Sha256::digest(estate.leaf_key.spki()).into() });
    let other = DenyRule::new(Denied::Key { spki: [7; 32] });
    let demanding = ValidationPolicy::tls_server().with_revocation(RevocationPolicy::hard_fail());
    // Rules, policy, code.
    for (case, rules, policy, code) in [
        ("nobody", vec![], ValidationPolicy::tls_server(), "accepted"),
        ("another", vec![other.clone()], ValidationPolicy::tls_server(), "accepted"),
        ("this one", vec![this], ValidationPolicy::tls_server(), "revocation.revoked"),
        ("another, evidence demanded", vec![other], demanding, "revocation.no-source"),
    ] {
        let revocation = Revocation::new().with_deny_list(Arc::new(DenyList::new(rules)));
        let backend = Arc::new(bonafide::signature::RingBackend::NEW);
        let verifier = Verifier::new(trust.clone(), Arc::new(policy), backend)
            .with_revocation(Arc::new(revocation));
        let decision = verifier.decide(&request, Time::from_unix(NOW));
        assert_eq!(decision.code(), code, "{case}");
        // It is no evidence of anybody's good standing.
        let asked = decision.peer().map(|peer| peer.revocation_was_asked());
        assert_eq!(asked, (code == "accepted").then_some(false), "{case}");
    }
}
