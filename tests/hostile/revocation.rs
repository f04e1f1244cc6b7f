//! Rows about revocation lists and OCSP responses, through the whole engine.

use std::sync::Arc;

use bonafide::decision::Decision;
use bonafide::policy::{RevocationPolicy, RevocationRule, Role, ValidationPolicy};
use bonafide::revocation::{
    CrlSigner, CrlStore, OcspStore, Revocation, SignatureTools, VerifiedCrl,
};
use bonafide::signature::{AlgorithmPolicy, RingBackend};
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use rustls_pki_types::CertificateDer;

use super::kit::ext::{self, DistributionPoint, IssuingDistributionPoint, PointName};
use super::kit::ocsp::cert_id;
use super::kit::{
    Authority, CrlBuilder, Extension, FAR, GeneralName, IdHash, LONG_AGO, NOW, Name,
    OcspResponseBuilder, Responder, Revoked, SingleResponse, Status, der,
};
use super::pools::{PEER, key, names, root};

const SERIAL: &[u8] = &[5];

/// The leaf of `issuer` that lists and responses speak of.
fn leaf(issuer: &Authority, extensions: &[Extension]) -> Vec<u8> {
    issuer.leaf(&Name::cn("Leaf"), &key(1), &names(), |builder| {
        extensions.iter().cloned().fold(builder.serial(SERIAL), |b, extension| b.with(extension))
    })
}

fn crl() -> CrlBuilder {
    CrlBuilder::complete(&root().name, 1, &root().key)
}

/// The verdict where revocation must be known of the end entity, under these lists of the root;
/// lists that are not taken in are left out.
fn decide(leaf: &[u8], pool: &[Vec<u8>], lists: &[Vec<u8>], staple: Option<&[u8]>) -> Decision {
    let anchor = TrustAnchor::from_der(&root().certificate).unwrap();
    let signers = [CrlSigner::anchor(&anchor)];
    let algorithms = AlgorithmPolicy::DEFAULT;
    let tools = SignatureTools::new(&RingBackend::NEW, &algorithms);
    let store = lists
        .iter()
        .filter_map(|list| VerifiedCrl::take_in(list, &signers, &tools).ok())
        .fold(CrlStore::new(), |store, list| store.with(list).unwrap());
    let trust = Arc::new(TrustStore::dangerously_unscoped(TrustBundle::new([anchor])));
    let rules = RevocationPolicy::hard_fail()
        .with_rule(Role::Intermediate, RevocationRule::dangerously_unchecked());
    let evidence =
        Revocation::new().with_source(Arc::new(store)).with_source(Arc::new(OcspStore::new()));
    let verifier = Verifier::new(
        trust,
        Arc::new(ValidationPolicy::tls_server().with_revocation(rules)),
        Arc::new(RingBackend::NEW),
    )
    .with_revocation(Arc::new(evidence));
    let leaf = CertificateDer::from(leaf);
    let pool: Vec<_> = pool.iter().map(|der| CertificateDer::from(&der[..])).collect();
    let name = PEER.parse().unwrap();
    let mut request = Request::new(&leaf, &pool, Expect::name(&name));
    if let Some(staple) = staple {
        request = request.with_stapled_ocsp(staple);
    }
    verifier.decide(&request, Time::from_unix(NOW))
}

#[track_caller]
fn refused(decision: &Decision) {
    let code = decision.code();
    assert!(code.starts_with("revocation."), "{}", decision.explain());
    assert_ne!(code, "revocation.revoked", "nothing sound says so");
}

#[test]
fn sound_evidence_is_heard() {
    let leaf = leaf(&root(), &[]);
    let verdict = |list: CrlBuilder| decide(&leaf, &[], &[list.sign(&root().key)], None);
    assert_eq!(verdict(crl()).code(), "accepted");
    assert_eq!(verdict(crl().revoke(Revoked::new(SERIAL))).code(), "revocation.revoked");
    refused(&decide(&leaf, &[], &[], None));
}

fn good() -> OcspResponseBuilder {
    let id = cert_id(IdHash::Sha1, &root().name, &root().key, SERIAL);
    OcspResponseBuilder::new(Responder::Name(root().name))
        .respond(SingleResponse::new(&id, Status::Good).updates(NOW - 60, Some(NOW + 3_600)))
}

#[test]
fn cve_2022_1343_response_signed_by_an_unrelated_certificate() {
    let leaf = leaf(&root(), &[]);
    let sound = good().sign(&root().key);
    assert_eq!(decide(&leaf, &[], &[], Some(&sound)).code(), "accepted");
    let stranger = Authority::root(&root().name, &key(7));
    for response in [
        good().sign(&stranger.key),
        good().certificate(&stranger.certificate).sign(&stranger.key),
        OcspResponseBuilder::new(Responder::Key(stranger.key.clone()))
            .certificate(&stranger.certificate)
            .respond(SingleResponse::new(
                &cert_id(IdHash::Sha1, &root().name, &root().key, SERIAL),
                Status::Good,
            ))
            .sign(&stranger.key),
    ] {
        refused(&decide(&leaf, &[], &[], Some(&response)));
    }
}

#[test]
fn cve_2026_28755_revoked_by_ocsp_is_revoked_on_every_path() {
    let root = root();
    let (name, own) = (Name::cn("CA"), key(2));
    let long = root.intermediate(&name, &own, |builder| builder.serial(&[7]));
    let middle = root.intermediate(&Name::cn("Middle"), &key(3), |builder| builder.serial(&[8]));
    let cross = middle.intermediate(&name, &own, |builder| builder.serial(&[9]));
    let id = cert_id(IdHash::Sha1, &name, &own, SERIAL);
    let revoked = OcspResponseBuilder::new(Responder::Name(name))
        .respond(SingleResponse::new(&id, Status::Revoked(LONG_AGO, Some(1))))
        .sign(&own);
    let leaf = leaf(&long, &[]);
    let all = [&long, &middle, &cross].map(|authority| authority.certificate.clone());
    for pool in [&all[..1], &all[1..], &all[..]] {
        let lists = [crl().sign(&root.key)];
        let decision = decide(&leaf, pool, &lists, Some(&revoked));
        assert_eq!(decision.code(), "revocation.revoked", "{}", decision.explain());
    }
}

fn point(name: &str, edit: impl FnOnce(&mut IssuingDistributionPoint)) -> Extension {
    let mut point = IssuingDistributionPoint {
        name: Some(PointName::uri(name)),
        ..IssuingDistributionPoint::default()
    };
    edit(&mut point);
    ext::issuing_distribution_point(&point)
}

const FIRST: &str = "http://crl.test/1";
const SECOND: &str = "http://crl.test/2";

#[test]
fn rustsec_2026_0049_every_distribution_point_counts() {
    // CVE-2026-4428 is the same in AWS-LC.
    let points = [FIRST, SECOND].map(DistributionPoint::uri);
    let leaf = leaf(&root(), &[ext::crl_distribution_points(&points)]);
    let list = crl().with(point(SECOND, |_| {})).revoke(Revoked::new(SERIAL)).sign(&root().key);
    assert_eq!(decide(&leaf, &[], &[list], None).code(), "revocation.revoked");
}

#[test]
fn rustsec_2026_0104_empty_list_of_reasons() {
    let points = [DistributionPoint::uri(FIRST)];
    let leaf = leaf(&root(), &[ext::crl_distribution_points(&points)]);
    let list = crl().with(point(FIRST, |point| point.only_some_reasons = Some(Vec::new())));
    refused(&decide(&leaf, &[], &[list.sign(&root().key)], None));
}

#[test]
fn cve_2026_28388_delta_without_a_number() {
    let leaf = leaf(&root(), &[]);
    let delta = CrlBuilder::new(&root().name).with(ext::delta_crl_indicator(&[1]));
    refused(&decide(&leaf, &[], &[delta.sign(&root().key)], None));
    // It takes nothing from a sound list.
    let lists = [crl().sign(&root().key), delta.sign(&root().key)];
    assert_eq!(decide(&leaf, &[], &lists, None).code(), "accepted");
}

#[test]
fn cve_2023_0286_x400_address_of_a_distribution_point() {
    let name = |octets: &[u8]| PointName::Full(vec![GeneralName::X400(der::octet_string(octets))]);
    let point = DistributionPoint { name: Some(name(b"a")), ..DistributionPoint::default() };
    let leaf = leaf(&root(), &[ext::crl_distribution_points(&[point])]);
    let list = |octets: &[u8]| {
        let point = IssuingDistributionPoint {
            name: Some(name(octets)),
            ..IssuingDistributionPoint::default()
        };
        crl().with(ext::issuing_distribution_point(&point)).sign(&root().key)
    };
    refused(&decide(&leaf, &[], &[list(b"b")], None));
    assert_eq!(decide(&leaf, &[], &[list(b"a")], None).code(), "accepted");
}

#[test]
fn harness_list_of_the_future() {
    let leaf = leaf(&root(), &[]);
    let list = crl().updates(NOW + 3_600, Some(FAR.into())).sign(&root().key);
    refused(&decide(&leaf, &[], &[list], None));
}

#[test]
fn harness_list_of_another_distribution_point() {
    let points = [DistributionPoint::uri(FIRST)];
    let leaf = leaf(&root(), &[ext::crl_distribution_points(&points)]);
    let list = crl().with(point("http://crl.test/other", |_| {}));
    refused(&decide(&leaf, &[], &[list.sign(&root().key)], None));
}
