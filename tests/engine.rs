//! The engine on small estates: accepting, refusing, explaining.

mod kit;

use std::sync::Arc;

use bonafide::policy::ValidationPolicy;
use bonafide::signature::default_backend;
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use kit::{Estate, NOW};
use rustls_pki_types::CertificateDer;

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
