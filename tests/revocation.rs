//! Revocation from end to end, judged by the verifier under hard fail: what is wrong with evidence
//! has a name of its own each and never passes, and what an operator denies is denied on the next call.
//! What is missing and asked for is in `revocation_needs.rs`.
#![cfg(feature = "ring")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod kit;
#[path = "revocation/world.rs"]
mod world;

use std::sync::Arc;

use bonafide::policy::{Limits, RevocationPolicy, RevocationRule, Role, ValidationPolicy};
use bonafide::revocation::{
    CrlIntake, CrlSigner, Denied, DenyList, DenyRule, EvidenceId, Issuer, OcspExchange, OcspStore,
    Revocation,
};
use bonafide::signature::PublicKey;
use bonafide::trust::TrustAnchor;
use bonafide::verify::{Expect, Request};
use bonafide::x509::{
    CertIdHash, Certificate, CertificateRevocationList, OcspRequest, ReasonCode, Time,
};
use kit::ext::{self, DistributionPoint, IssuingDistributionPoint, PointName};
use kit::{
    Authority, CertificateBuilder, CrlBuilder, Estate, Extension, FAR, GeneralName, Key, Kind,
    LONG_AGO, NOW, Name, OcspResponseBuilder, Responder, Revoked, SingleResponse, Status,
};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use world::{LEAF, World, cert_id, key, leaf_with, list, respond, signer, tools};

fn idp(point: &IssuingDistributionPoint) -> Extension {
    ext::issuing_distribution_point(point)
}

#[test]
fn a_list_that_is_wrong_never_passes_and_says_why() {
    let mut world = World::new();
    let ca = world.estate.intermediate.clone();
    let sign = |builder: CrlBuilder| builder.sign(&ca.key);
    let revoked = || list(&ca, 5).revoke(Revoked::new(&LEAF).reason(1));
    let sound = sign(list(&ca, 5));
    let listed = sign(revoked());
    let mut flipped = sound.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    // An authority of the same name, under a root that is not trusted (any more).
    let removed = Authority::root(&Name::cn("Removed Root"), &key(20));
    let imposter = removed.intermediate(&ca.name, &key(21), |builder| builder);
    let elsewhere = Authority::root(&Name::cn("Elsewhere"), &key(22));
    world.signers.extend([signer(&imposter.certificate), signer(&elsewhere.certificate)]);
    let of_cas = IssuingDistributionPoint { only_ca: true, ..Default::default() };
    let of_attributes = IssuingDistributionPoint { only_attribute: true, ..Default::default() };
    let partition = IssuingDistributionPoint {
        name: Some(PointName::uri("http://crl.test/2")),
        ..Default::default()
    };
    let some_reasons =
        IssuingDistributionPoint { only_some_reasons: Some(vec![1]), ..Default::default() };
    let unknown = Extension::raw("1.2.3.4", true, &[5, 0]);
    let order = |serials: [u8; 3]| {
        sign(serials.into_iter().fold(list(&ca, 5), |l, serial| l.revoke(Revoked::new(&[serial]))))
    };
    let none = "revocation.no-source";
    for (case, lists, said, expected) in [
        ("sound", vec![sound.clone()], Ok(()), "accepted"),
        ("listed", vec![listed.clone()], Ok(()), "revocation.revoked"),
        ("missing", vec![], Ok(()), none),
        (
            "stale",
            vec![sign(list(&ca, 5).updates(LONG_AGO, Some((NOW - 1).into())))],
            Ok(()),
            "revocation.stale",
        ),
        (
            "stale and listed",
            vec![sign(revoked().updates(LONG_AGO, Some((NOW - 1).into())))],
            Ok(()),
            "revocation.revoked",
        ),
        (
            "future",
            vec![sign(list(&ca, 5).updates(NOW + 1, Some(FAR.into())))],
            Ok(()),
            "revocation.from-future",
        ),
        ("truncated by an octet", vec![sound[..sound.len() - 1].to_vec()], Err("format.der"), none),
        ("truncated by half", vec![sound[..sound.len() / 2].to_vec()], Err("format.der"), none),
        (
            "re-signed by the root",
            vec![list(&ca, 5).sign(&world.estate.root.key)],
            Err("crl-intake.bad-signature"),
            none,
        ),
        ("changed", vec![flipped], Err("crl-intake.bad-signature"), none),
        (
            "re-signed by an authority of the name whose root was removed",
            vec![CrlBuilder::complete(&ca.name, 5, &imposter.key).sign(&imposter.key)],
            Ok(()),
            "revocation.signer-not-authorized",
        ),
        (
            "rolled back",
            vec![listed.clone(), sign(list(&ca, 4))],
            Err("revocation.rolled-back"),
            "revocation.revoked",
        ),
        (
            "for authorities",
            vec![sign(list(&ca, 5).with(idp(&of_cas)))],
            Ok(()),
            "revocation.scope-mismatch",
        ),
        (
            "for attributes",
            vec![sign(list(&ca, 5).with(idp(&of_attributes)))],
            Ok(()),
            "revocation.scope-mismatch",
        ),
        (
            "another partition",
            vec![sign(list(&ca, 5).with(idp(&partition)))],
            Ok(()),
            "revocation.scope-mismatch",
        ),
        (
            "one reason",
            vec![sign(list(&ca, 5).with(idp(&some_reasons)))],
            Ok(()),
            "revocation.partial-reasons",
        ),
        ("another issuer", vec![list(&elsewhere, 5).sign(&elsewhere.key)], Ok(()), none),
        (
            "nobody's",
            vec![CrlBuilder::complete(&Name::cn("Nobody"), 5, &ca.key).sign(&ca.key)],
            Err("crl-intake.no-signer"),
            none,
        ),
        (
            "a delta alone",
            vec![sign(list(&ca, 6).with(ext::delta_crl_indicator(&[5])))],
            Ok(()),
            "revocation.unsupported-form",
        ),
        (
            "critical extension",
            vec![sign(list(&ca, 5).with(unknown.clone()))],
            Ok(()),
            "revocation.unknown-critical-extension",
        ),
        (
            "critical extension of an entry",
            vec![sign(list(&ca, 5).revoke(Revoked::new(&[9]).with(unknown)))],
            Ok(()),
            "revocation.unknown-critical-extension",
        ),
        (
            "an entry without meaning",
            vec![sign(list(&ca, 5).revoke(Revoked::new(&[9]).reason(7)))],
            Err("format.unassigned"),
            none,
        ),
        ("in order", vec![order([1, 3, 9])], Ok(()), "revocation.revoked"),
        ("reordered", vec![order([9, 3, 1])], Ok(()), "revocation.revoked"),
    ] {
        let (answer, decision) = world.with_lists(&lists);
        assert_eq!(answer, said, "{case}");
        assert_eq!(decision.code(), expected, "{case}: {}", decision.explain());
    }
    // Whatever order lists come in; of two of one number the digest decides which stays.
    let mut lists = [listed, sign(list(&ca, 5).with(idp(&of_cas))), sound.clone()];
    let mut codes = Vec::new();
    for _ in 0..2 {
        lists.reverse();
        for _ in 0..lists.len() {
            lists.rotate_left(1);
            codes.push(world.with_lists(&lists).1.code());
        }
    }
    codes.dedup();
    assert_eq!(codes.len(), 1, "{codes:?}");
    let oversized = CrlIntake::bounded(&sound[..], &world.signers, sound.len() - 1).unwrap_err();
    assert_eq!(oversized.code(), "crl-intake.too-large");
    assert!(CrlIntake::bounded(&sound[..], &world.signers, sound.len()).is_ok());
}

#[test]
fn what_a_decision_rests_on_is_named_and_bounds_it() {
    let named =
        |der: &[u8]| EvidenceId::of_list(&CertificateRevocationList::from_der(der).unwrap());
    let world = World::new();
    let ca = &world.estate.intermediate;
    let sound = list(ca, 5).updates(NOW - 5, Some((NOW + 60).into())).sign(&ca.key);
    let (_, decision) = world.with_lists(std::slice::from_ref(&sound));
    let peer = decision.peer().unwrap();
    assert!(peer.evidence().contains(&named(&sound)));
    assert_eq!(peer.evidence().len(), 2, "the root's list is named too");
    assert_eq!(peer.valid_until(), Time::from_unix(NOW + 60));
    let revoking = list(ca, 5).revoke(Revoked::new(&LEAF)).sign(&ca.key);
    let (_, decision) = world.with_lists(std::slice::from_ref(&revoking));
    assert!(decision.rejection().unwrap().evidence().contains(&named(&revoking)));
    let staple = respond(&world, Status::Good).sign(&ca.key);
    let lists = Revocation::new().with_source(Arc::new(world.of_root()));
    let decision = world.decide(lists, Some(&staple));
    assert!(decision.peer().unwrap().evidence().contains(&EvidenceId::of(&staple)));
}

#[test]
fn a_response_that_is_wrong_never_passes_and_says_why() {
    const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
    let world = World::new();
    let ca = &world.estate.intermediate;
    let own = |builder: OcspResponseBuilder| builder.sign(&ca.key);
    let single = |status| SingleResponse::new(&cert_id(&world, &ca.key), status);
    let by_ca = |single: SingleResponse| {
        own(OcspResponseBuilder::new(Responder::Name(ca.name.clone())).respond(single))
    };
    let responder = |purpose: &str,
                     issuer: &Authority,
                     edit: &dyn Fn(CertificateBuilder) -> CertificateBuilder| {
        let builder = CertificateBuilder::end_entity(&Name::cn("Responder"), &key(30), &[])
            .serial(&[30])
            .without("2.5.29.17")
            .replace(ext::extended_key_usage(&[purpose]));
        edit(builder).issued_by(issuer)
    };
    let delegated = |certificate: &[u8]| {
        OcspResponseBuilder::new(Responder::Name(Name::cn("Responder")))
            .respond(single(Status::Good))
            .certificate(certificate)
            .sign(&key(30))
    };
    let no_check = |builder: CertificateBuilder| builder.with(ext::ocsp_no_check());
    let expired = |builder: CertificateBuilder| no_check(builder).validity(LONG_AGO, NOW - 1);
    let same_name = Authority::root(&ca.name, &key(31));
    let good = own(respond(&world, Status::Good));
    let mut many = OcspResponseBuilder::new(Responder::Name(ca.name.clone()));
    for _ in 0..300 {
        many = many.respond(single(Status::Good));
    }
    for (case, staple, expected) in [
        ("sound", good.clone(), "accepted"),
        ("by name", by_ca(single(Status::Good)), "accepted"),
        ("delegated", delegated(&responder(OCSP_SIGNING, ca, &no_check)), "accepted"),
        ("revoked", own(respond(&world, Status::Revoked(NOW - 5, Some(1)))), "revocation.revoked"),
        ("unknown", own(respond(&world, Status::Unknown)), "revocation.responder-unknown"),
        ("try later", OcspResponseBuilder::failure(3), "revocation.responder-error"),
        ("truncated", good[..good.len() - 1].to_vec(), "revocation.malformed"),
        ("garbage", b"<html>".to_vec(), "revocation.malformed"),
        (
            "re-signed",
            respond(&world, Status::Good).sign(&world.estate.root.key),
            "revocation.bad-signature",
        ),
        ("stale", by_ca(single(Status::Good).updates(LONG_AGO, Some(NOW - 1))), "revocation.stale"),
        (
            "stale and revoked",
            by_ca(single(Status::Revoked(NOW - 9, None)).updates(LONG_AGO, Some(NOW - 1))),
            "revocation.revoked",
        ),
        (
            "future",
            by_ca(single(Status::Good).updates(NOW + 1, Some(FAR))),
            "revocation.from-future",
        ),
        (
            "another certificate",
            by_ca(SingleResponse::new(&cert_id(&world, &key(31)), Status::Good)),
            "revocation.not-covered",
        ),
        (
            "of another issuer",
            OcspResponseBuilder::new(Responder::Name(world.estate.root.name.clone()))
                .respond(single(Status::Good))
                .sign(&world.estate.root.key),
            "revocation.signer-not-authorized",
        ),
        (
            "responder without the purpose",
            delegated(&responder("1.3.6.1.5.5.7.3.1", ca, &no_check)),
            "revocation.signer-not-authorized",
        ),
        (
            "responder for any purpose",
            delegated(&responder("2.5.29.37.0", ca, &no_check)),
            "revocation.signer-not-authorized",
        ),
        (
            "responder of another authority of the name",
            delegated(&responder(OCSP_SIGNING, &same_name, &no_check)),
            "revocation.signer-not-authorized",
        ),
        (
            "responder of the root",
            delegated(&responder(OCSP_SIGNING, &world.estate.root, &no_check)),
            "revocation.signer-not-authorized",
        ),
        (
            "expired responder",
            delegated(&responder(OCSP_SIGNING, ca, &expired)),
            "revocation.signer-not-authorized",
        ),
        (
            "responder of unknown status",
            delegated(&responder(OCSP_SIGNING, ca, &|builder| builder)),
            "revocation.signer-not-authorized",
        ),
        ("oversized", own(many), "limit.evidence-checks"),
    ] {
        let lists = Revocation::new().with_source(Arc::new(world.of_root()));
        let decision = world.decide(lists, Some(&staple));
        assert_eq!(decision.code(), expected, "{case}: {}", decision.explain());
    }

    // What is fetched must be authentic before it is held.
    let issuer = Certificate::from_der(&ca.certificate).unwrap();
    let spki = issuer.subject_public_key_info().unwrap();
    let request = OcspRequest::new(CertIdHash::Sha1, issuer.subject().as_der(), spki.key(), &LEAF);
    let exchange = OcspExchange::new(request.with_nonce(&[7; 32]).unwrap());
    let offer = |store: &OcspStore, bytes: &[u8], exchange: Option<&OcspExchange>| {
        let issuer = Issuer::new(issuer.subject(), PublicKey::new(spki));
        store.with(bytes, exchange, &issuer, &tools()).map_err(|error| error.code())
    };
    let newer = by_ca(single(Status::Revoked(NOW - 5, None)).updates(NOW - 5, Some(FAR)));
    let held = offer(&OcspStore::new(), &newer, None).unwrap();
    let mut oversized = good.clone();
    oversized.resize(OcspStore::MAX_BYTES + 1, 0);
    for (case, bytes, exchange, expected) in [
        ("rolled back", &good, None, "ocsp-intake.rolled-back"),
        ("another nonce", &newer, Some(&exchange), "ocsp-intake.nonce"),
        (
            "re-signed",
            &respond(&world, Status::Good).sign(&key(40)),
            None,
            "revocation.bad-signature",
        ),
        ("truncated", &good[..9].to_vec(), None, "format.der"),
        ("try later", &OcspResponseBuilder::failure(3), None, "ocsp-intake.responder-error"),
        ("oversized", &oversized, None, "ocsp-intake.too-large"),
    ] {
        assert_eq!(offer(&held, bytes, exchange).unwrap_err(), expected, "{case}");
    }
    let revocation =
        Revocation::new().with_source(Arc::new(world.of_root())).with_source(Arc::new(held));
    let decision = world.decide(revocation, Some(&good));
    assert_eq!(decision.code(), "revocation.revoked", "an older staple takes nothing back");
}

#[test]
fn a_denial_is_in_effect_on_the_next_call() {
    let world = World::new();
    let ca = &world.estate.intermediate;
    let lists = world.of_root().with(world.take_in(&list(ca, 1).sign(&ca.key)).unwrap()).unwrap();
    let revocation = Revocation::new().with_source(Arc::new(lists));
    let verifier = world.verifier(revocation.clone());
    let leaf = CertificateDer::from(world.estate.leaf.clone());
    let pool = [CertificateDer::from(ca.certificate.clone())];
    let name = "dns:leaf.example.test".parse().unwrap();
    let request = Request::new(&leaf, &pool, Expect::name(&name));
    let now = Time::from_unix(NOW);
    assert_eq!(verifier.decide(&request, now).code(), "accepted");
    let spki = EvidenceId::of(world.estate.leaf_key.spki());
    let rule = DenyRule::new(Denied::Key { spki: *spki.as_bytes() })
        .with_reason(ReasonCode::KeyCompromise);
    let denying = revocation.with_deny_list(Arc::new(DenyList::new([rule])));
    let published = verifier.with_revocation(Arc::new(denying));
    assert_eq!(published.decide(&request, now).code(), "revocation.revoked");
}

#[test]
fn the_short_question_answers_as_the_full_one() {
    // Keys without parameters of their own, and keys with.
    for kind in [Kind::Ed25519, Kind::P256] {
        let keys = [0, 1, 2].map(|number| Key::new(kind, number));
        answers_alike(World::of(Estate::of(keys, &[GeneralName::dns("leaf.example.test")])));
    }
}

fn answers_alike(mut world: World) {
    let ca = world.estate.intermediate.clone();
    let sound = || list(&ca, 5);
    let past = Some((NOW - 1).into());
    let deny = |key: &Key| {
        Arc::new(DenyList::new([DenyRule::new(Denied::Key {
            spki: Sha256::digest(key.spki()).into(),
        })]))
    };
    let hard = || RevocationPolicy::hard_fail();
    let unchecked = RevocationRule::dangerously_unchecked;
    let root_spki = Sha256::digest(world.estate.root.key.spki()).into();
    for (case, builder, policy, denied, expected) in [
        ("sound", sound(), hard(), None, "accepted"),
        ("listed", sound().revoke(Revoked::new(&LEAF)), hard(), None, "revocation.revoked"),
        ("listed no more", sound().revoke(Revoked::new(&LEAF).reason(8)), hard(), None, "accepted"),
        ("stale", sound().updates(LONG_AGO, past.clone()), hard(), None, "revocation.stale"),
        (
            "too old for the policy",
            sound(),
            hard().with_crl_max_age_seconds(86_399),
            None,
            "revocation.stale",
        ),
        ("of that age", sound(), hard().with_crl_max_age_seconds(86_400), None, "accepted"),
        (
            "the leaf is not asked about",
            sound().revoke(Revoked::new(&LEAF)),
            hard().with_rule(Role::EndEntity, unchecked()),
            None,
            "accepted",
        ),
        (
            "nobody of the root is asked about",
            sound(),
            hard().with_authority_rule(root_spki, Role::Intermediate, unchecked()),
            None,
            "accepted",
        ),
        (
            "too short-lived to be asked about",
            sound().updates(LONG_AGO, past),
            hard().allow_short_lived_up_to_seconds(u32::MAX),
            None,
            "accepted",
        ),
        (
            "short-lived and listed",
            sound().revoke(Revoked::new(&LEAF)),
            hard().allow_short_lived_up_to_seconds(u32::MAX),
            None,
            "revocation.revoked",
        ),
        ("denied", sound(), hard(), Some(deny(&world.estate.leaf_key)), "revocation.revoked"),
        ("another is denied", sound(), hard(), Some(deny(&key(30))), "accepted"),
        ("nobody is denied", sound(), hard(), Some(Arc::new(DenyList::new([]))), "accepted"),
    ] {
        world.policy = ValidationPolicy::tls_server().with_revocation(policy);
        let list = world.take_in(&builder.sign(&ca.key)).unwrap();
        let store = Arc::new(world.of_root().with(list).unwrap());
        let mut revocation = Revocation::new().with_source(store);
        if let Some(denied) = denied {
            revocation = revocation.with_deny_list(denied);
        }
        // Asserts that both say the same.
        let decision = world.decide(revocation, None);
        assert_eq!(decision.code(), expected, "{case}: {}", decision.explain());
    }
}

/// RFC 5280 6.3.3 (f): the anchor that the path ends at needs no path of its own.
#[test]
fn the_anchor_of_the_path_speaks_for_whoever_left_the_lists_to_it() {
    let mut world = World::new();
    let root = world.estate.root.clone();
    // An anchor without a certificate, so that there is none to validate in its place.
    let certificate = Certificate::from_der(&root.certificate).unwrap();
    let (name, key_der) = (certificate.subject(), root.key.spki());
    let anchor = TrustAnchor::from_name_and_key(name.as_der(), key_der).unwrap();
    world.signers[0] = CrlSigner::anchor(&anchor);
    world.anchors = vec![anchor];
    let point = |issuer: &Authority| DistributionPoint {
        crl_issuer: vec![GeneralName::Directory(issuer.name.clone())],
        ..Default::default()
    };
    let indirect = idp(&IssuingDistributionPoint { indirect: true, ..Default::default() });
    let ca_name = world.estate.intermediate.name.clone();
    let of_ca = |serial: &[u8]| Revoked::new(serial).certificate_issuer(&ca_name);
    let elsewhere = Authority::root(&Name::cn("Elsewhere"), &key(22));
    world.signers.push(signer(&elsewhere.certificate));
    for (case, issuer, serial, expected) in [
        ("not listed", &root, [9], "accepted"),
        ("listed", &root, LEAF, "revocation.revoked"),
        ("an anchor of nobody here", &elsewhere, [9], "revocation.signer-not-authorized"),
    ] {
        world.estate.leaf =
            leaf_with(&world.estate, &[ext::crl_distribution_points(&[point(issuer)])]);
        let list = list(issuer, 7).with(indirect.clone()).revoke(of_ca(&serial)).sign(&issuer.key);
        let (said, decision) = world.with_lists(&[list]);
        assert_eq!(said, Ok(()), "{case}");
        assert_eq!(decision.code(), expected, "{case}: {}", decision.explain());
    }
}

#[test]
fn a_budget_that_ends_is_the_cause() {
    let mut world = World::new();
    let ca = world.estate.intermediate.clone();
    let sound = list(&ca, 1).sign(&ca.key);
    for (checks, expected) in
        [(0, "limit.evidence-checks"), (1, "limit.evidence-checks"), (2, "accepted")]
    {
        let mut limits = Limits::DEFAULT;
        limits.evidence_checks = checks;
        world.policy = world.policy.clone().with_limits(limits);
        let (_, decision) = world.with_lists(std::slice::from_ref(&sound));
        assert_eq!(decision.code(), expected, "{checks}: {}", decision.explain());
    }
}
