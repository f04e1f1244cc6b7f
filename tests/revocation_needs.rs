//! Evidence that is missing, and issuers: asked for in steps, once each and as long as it helps.
#![cfg(feature = "ring")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod kit;
#[path = "revocation/world.rs"]
mod world;

use std::sync::Arc;

use bonafide::decision::Decision;
use bonafide::identity::DistinguishedName;
use bonafide::policy::{
    Limits, RevocationPolicy, RevocationRule, Role, UnknownReason, ValidationPolicy,
};
use bonafide::revocation::{CrlStore, EvidenceRequest, Issuer, OcspStore, Revocation};
use bonafide::signature::PublicKey;
use bonafide::verify::{Expect, Request, Step, Verification};
use bonafide::x509::{Certificate, Time};
use kit::ext::{self, DistributionPoint};
use kit::{Authority, CertificateBuilder, FAR, GeneralName, NOW, Name, Status};
use rustls_pki_types::CertificateDer;
use world::{World, cert_id, key, leaf_with, respond, tools};

/// Steps until something else than work comes.
fn next(verification: &mut Verification<'_>) -> Step {
    loop {
        match verification.step() {
            Step::Working => {}
            other => return other,
        }
    }
}

fn needs(verification: &mut Verification<'_>) -> Vec<EvidenceRequest> {
    match next(verification) {
        Step::Needs(wants) => wants,
        other => panic!("{other:?}"),
    }
}

fn decided(verification: &mut Verification<'_>) -> Decision {
    match next(verification) {
        Step::Decided(decision) => decision,
        other => panic!("{other:?}"),
    }
}

/// All that a decision says, work included.
fn text(decision: &Decision) -> String {
    decision.explain().to_string()
}

#[test]
fn evidence_is_asked_for_once_and_as_long_as_it_helps() {
    let mut world = World::new();
    let access = ext::authority_info_access(&[(
        "1.3.6.1.5.5.7.48.1",
        GeneralName::uri("http://ocsp.test/"),
    )]);
    world.estate.leaf = leaf_with(&world.estate, &[access]);
    let points = ext::crl_distribution_points(&[DistributionPoint::uri("http://crl.test/root")]);
    world.estate.intermediate.certificate = CertificateBuilder::authority(
        &world.estate.intermediate.name,
        &world.estate.intermediate.key,
    )
    .with(world.estate.root.key_identifier())
    .with(points)
    .issued_by(&world.estate.root);
    let ca = &world.estate.intermediate;
    let empty = || {
        Revocation::new()
            .with_source(Arc::new(CrlStore::new()))
            .with_source(Arc::new(OcspStore::new()))
    };
    let verifier = world.verifier(empty());
    let leaf = CertificateDer::from(world.estate.leaf.clone());
    let pool = [CertificateDer::from(ca.certificate.clone())];
    let name = "dns:leaf.example.test".parse().unwrap();
    let request = Request::new(&leaf, &pool, Expect::name(&name));
    let now = Time::from_unix(NOW);

    // The list for the intermediate first, then the response for the leaf.
    let with_list = empty().with_replaced_source(Arc::new(world.of_root()));
    let issuer = Certificate::from_der(&ca.certificate).unwrap();
    let key = PublicKey::new(issuer.subject_public_key_info().unwrap());
    let response = respond(&world, Status::Good).sign(&ca.key);
    let store = OcspStore::new()
        .with(&response, None, &Issuer::new(issuer.subject(), key), &tools())
        .unwrap();
    let with_both = with_list.with_replaced_source(Arc::new(store));
    let mut verification = verifier.begin(&request, now);
    let [EvidenceRequest::Crl { uris, .. }] = &needs(&mut verification)[..] else { panic!() };
    assert_eq!(uris, &["http://crl.test/root"]);
    verification.supply(&with_list);
    let [EvidenceRequest::Ocsp { urls, request: to_send }] = &needs(&mut verification)[..] else {
        panic!()
    };
    assert_eq!(urls, &["http://ocsp.test/"]);
    assert_eq!(to_send.cert_id(), cert_id(&world, &ca.key));
    verification.supply(&with_both);
    let decision = decided(&mut verification);
    assert_eq!(decision.code(), "accepted", "{}", decision.explain());
    assert_eq!(text(&decided(&mut verification)), text(&decision), "repeated");

    // Whoever supplies nothing gets what `decide` says, work included.
    let mut verification = verifier.begin(&request, now);
    needs(&mut verification);
    assert_eq!(text(&decided(&mut verification)), text(&verifier.decide(&request, now)));
    assert_eq!(verifier.decide(&request, now).code(), "revocation.no-source");

    // Supplied in vain: nothing is asked for again.
    let nothing = empty();
    let mut verification = verifier.begin(&request, now);
    needs(&mut verification);
    verification.supply(&nothing);
    assert_eq!(decided(&mut verification).code(), "revocation.no-source");

    // What policy lets pass is asked for too, and passes without.
    let lenient = RevocationPolicy::hard_fail().with_rule(
        Role::Intermediate,
        RevocationRule::hard_fail().allow_unknown(UnknownReason::NoSource),
    );
    let lenient = lenient.with_rule(
        Role::EndEntity,
        RevocationRule::hard_fail().allow_unknown(UnknownReason::NoSource),
    );
    world.policy = ValidationPolicy::tls_server().with_revocation(lenient);
    let verifier = world.verifier(empty());
    let mut verification = verifier.begin(&request, now);
    assert_eq!(needs(&mut verification).len(), 2);
    let decision = decided(&mut verification);
    assert_eq!(decision.code(), "accepted");
    assert_eq!(text(&decision), text(&verifier.decide(&request, now)));
    assert_eq!(decision.peer().unwrap().notes().len(), 2, "both are recorded");
}

#[test]
fn a_missing_issuer_is_asked_for() {
    let mut world = World::new();
    world.policy = ValidationPolicy::tls_server();
    let ca_issuers = "1.3.6.1.5.5.7.48.2";
    let place = |text: &str| {
        ext::authority_info_access(&[
            (ca_issuers, GeneralName::uri(text)),
            ("1.3.6.1.5.5.7.48.1", GeneralName::uri("http://ocsp.test/")),
        ])
    };
    let root = world.estate.root.clone();
    let upper = root.intermediate(&Name::cn("Upper"), &key(50), |builder| builder);
    let lower = upper.intermediate(&Name::cn("Lower"), &key(51), |builder| {
        builder.with(place("http://aia.test/upper"))
    });
    let names = [GeneralName::dns("leaf.example.test")];
    let leaf = lower.leaf(&Name::cn("Leaf"), &key(52), &names, |builder| {
        builder.with(place("http://aia.test/lower"))
    });
    let leaf = CertificateDer::from(leaf);
    let name = "dns:leaf.example.test".parse().unwrap();
    let request = Request::new(&leaf, &[], Expect::name(&name));
    let now = Time::from_unix(NOW);
    let verifier = world.verifier(Revocation::new());
    let der = |authority: &Authority| [CertificateDer::from(authority.certificate.clone())];
    let (upper, lower) = (der(&upper), der(&lower));
    let wanted = |wants: &[EvidenceRequest]| match wants {
        [EvidenceRequest::IssuerCertificate { uris, issuer }] => (uris.clone(), issuer.clone()),
        other => panic!("{other:?}"),
    };

    // One after the other, to the anchor.
    let mut verification = verifier.begin(&request, now);
    let (uris, issuer) = wanted(&needs(&mut verification));
    assert_eq!(uris, ["http://aia.test/lower"]);
    assert_eq!(issuer, DistinguishedName::from_der(&Name::cn("Lower").0).unwrap());
    verification.supply_certificates(&lower);
    assert_eq!(wanted(&needs(&mut verification)).0, ["http://aia.test/upper"]);
    verification.supply_certificates(&upper);
    let decision = decided(&mut verification);
    assert_eq!(decision.code(), "accepted", "{}", decision.explain());
    assert_eq!(decision.peer().unwrap().path().len(), 3);

    // Without, as `decide` says; another's certificate helps nobody and is asked for once.
    let refusal = verifier.decide(&request, now);
    assert_eq!(refusal.code(), "trust.no-route");
    let mut verification = verifier.begin(&request, now);
    needs(&mut verification);
    assert_eq!(text(&decided(&mut verification)), text(&refusal));
    let mut verification = verifier.begin(&request, now);
    needs(&mut verification);
    verification.supply_certificates(&upper);
    assert_eq!(decided(&mut verification).code(), "trust.no-route");

    // What is supplied counts as if it had been presented.
    let mut limits = Limits::DEFAULT;
    limits.pool_certificates = 0;
    world.policy = world.policy.clone().with_limits(limits);
    let narrow = world.verifier(Revocation::new());
    let mut verification = narrow.begin(&request, now);
    needs(&mut verification);
    verification.supply_certificates(&lower);
    assert_eq!(decided(&mut verification).code(), "limit.pool-certificates");

    // A path was found, and what is wrong with it is no missing issuer.
    let pool = [upper[0].clone(), lower[0].clone()];
    let request = Request::new(&leaf, &pool, Expect::name(&name));
    let late = Time::from_unix(FAR + 1);
    let mut verification = verifier.begin(&request, late);
    assert_eq!(decided(&mut verification).code(), "validity.expired");
}
