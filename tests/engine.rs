//! The engine on small estates: accepting, refusing, explaining.

mod kit;

use std::sync::Arc;

use bonafide::decision::Violation;
use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::revocation::{Denied, DenyList, DenyRule, Revocation};
use bonafide::signature::default_backend;
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use kit::{Authority, CertificateBuilder, Estate, GeneralName, Key, Kind, NOW, Name, ext};
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

/// Authorities that rotate keep their name: which key is missing is said, and what was tried instead.
#[test]
fn a_missing_issuer_is_told_from_a_signature_that_does_not_hold() {
    type Edit = fn(CertificateBuilder) -> CertificateBuilder;

    const SAME: Edit = |builder| builder;
    let root = |number| Authority::root(&Name::cn("Root"), &Key::new(Kind::P256, number));
    let (old, new) = (root(0), root(1));
    let no_key_id = Authority::root(&Name::cn("Root"), &old.key);
    let no_key_id = Authority {
        certificate: CertificateBuilder::authority(&no_key_id.name, &no_key_id.key)
            .without(ext::id::SUBJECT_KEY_IDENTIFIER)
            .sign(&no_key_id.key),
        ..no_key_id
    };
    let rsa = Authority::root(&Name::cn("Root"), &Key::new(Kind::Rsa, 0));
    let ca = |issuer: &Authority, edit: Edit| {
        issuer.intermediate(&Name::cn("CA"), &Key::new(Kind::P256, 2), edit)
    };
    let old_ca = old.intermediate(&Name::cn("CA"), &Key::new(Kind::P256, 4), SAME);
    let unsound: Edit = |builder| builder.signature(&[0x30, 6, 2, 1, 1, 2, 1, 1]);
    let nameless: Edit = |builder| builder.without(ext::id::AUTHORITY_KEY_IDENTIFIER);
    // Who is trusted, the CA, what else is presented, the edit of the leaf, the code, where.
    for (case, trusted, ca, others, edit, code, depth) in [
        ("as it should be", &old, ca(&old, SAME), vec![], SAME, "accepted", 0),
        ("a new root of that name", &old, ca(&new, SAME), vec![], SAME, "trust.no-route", 1),
        ("the new root presented", &old, ca(&new, SAME), vec![&new], SAME, "trust.no-route", 2),
        ("a CA under it too", &old, ca(&new, SAME), vec![&old_ca], SAME, "trust.no-route", 1),
        ("a root of another kind", &rsa, ca(&new, SAME), vec![], SAME, "trust.no-route", 1),
        ("a root without key id", &no_key_id, ca(&new, SAME), vec![], SAME, "signature.invalid", 1),
        ("no key named", &old, ca(&new, nameless), vec![], SAME, "signature.invalid", 1),
        ("an altered CA", &old, ca(&old, unsound), vec![], SAME, "signature.invalid", 1),
        ("an altered leaf", &old, ca(&old, SAME), vec![], unsound, "signature.invalid", 0),
        ("beside another CA", &old, ca(&old, SAME), vec![&old_ca], unsound, "signature.invalid", 0),
    ] {
        let verifier = Verifier::new(
            Arc::new(TrustStore::dangerously_unscoped(TrustBundle::new([TrustAnchor::from_der(
                &trusted.certificate,
            )
            .unwrap()]))),
            Arc::new(ValidationPolicy::tls_server()),
            Arc::new(bonafide::signature::RingBackend::NEW),
        );
        let names = [GeneralName::dns("www.example.test")];
        let leaf = ca.leaf(&Name::cn("leaf"), &Key::new(Kind::P256, 3), &names, edit);
        let leaf = CertificateDer::from(leaf);
        let pool: Vec<_> = core::iter::once(&ca)
            .chain(others)
            .map(|issuer| CertificateDer::from(issuer.certificate.clone()))
            .collect();
        let request = Request::new(&leaf, &pool, Expect::dangerously_any_identity());
        let decision = verifier.decide(&request, Time::from_unix(NOW));
        assert_eq!(decision.code(), code, "{case}: {}", decision.explain());
        let Some(rejection) = decision.rejection() else { continue };
        assert_eq!(rejection.cause().depth(), Some(depth), "{case}: {}", decision.explain());
        let Violation::NoRoute { issuer, key_id } = rejection.cause().violation() else { continue };
        assert_eq!(issuer, "CN=Root", "{case}");
        assert_eq!(key_id.as_deref(), Some(&new.key.key_id()[..]), "{case}");
        let tried: Vec<_> =
            rejection.attempts()[0].findings().iter().map(|finding| finding.code()).collect();
        let of_another_kind = trusted.key.spki() == rsa.key.spki();
        let failure = if of_another_kind { "algorithm.key-mismatch" } else { "signature.invalid" };
        assert_eq!(tried, ["trust.no-route", failure], "{case}");
    }
}
