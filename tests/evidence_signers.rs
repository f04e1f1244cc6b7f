//! Who signs evidence is judged as strictly as whom it is about: signers that the operator distrusts,
//! that are themselves revoked, or that stand at the anchor.
#![cfg(feature = "ring")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod kit;

use std::sync::Arc;

use bonafide::decision::Decision;
use bonafide::live::{Live, Presented, Publication, Requirement, Standing};
use bonafide::policy::{RevocationPolicy, RevocationRule, Role, UnknownReason, ValidationPolicy};
use bonafide::revocation::{CrlSigner, CrlStore, Revocation, SignatureTools, VerifiedCrl};
use bonafide::signature::{AlgorithmPolicy, RingBackend};
use bonafide::trust::{AnchorState, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{AlgorithmIdentifier, OwnedCertificate, Time};
use kit::ext::{self, DistributionPoint, IssuingDistributionPoint};
use kit::{Authority, CrlBuilder, Estate, Extension, GeneralName, Key, Kind, NOW, Name, Revoked};
use rustls_pki_types::CertificateDer;

const NAME: &str = "dns:leaf.example.test";
const REFUSED: &str = "revocation.signer-not-authorized";

fn key(number: u64) -> Key {
    Key::new(Kind::Ed25519, number)
}

fn signer(der: &[u8]) -> CrlSigner {
    CrlSigner::certificate(OwnedCertificate::from_der(der.to_vec()).unwrap()).unwrap()
}

fn store(lists: &[Vec<u8>], signers: &[CrlSigner]) -> CrlStore {
    let tools = SignatureTools::new(&RingBackend::NEW, &AlgorithmPolicy::DEFAULT);
    lists.iter().fold(CrlStore::new(), |store, list| {
        store.with(VerifiedCrl::take_in(list, signers, &tools).unwrap()).unwrap()
    })
}

fn indirect() -> Extension {
    let point = IssuingDistributionPoint { indirect: true, ..Default::default() };
    ext::issuing_distribution_point(&point)
}

/// A distribution point of which only the issuer of the lists is said.
fn left_to(name: &Name) -> DistributionPoint {
    let crl_issuer = vec![GeneralName::Directory(name.clone())];
    DistributionPoint { crl_issuer, ..DistributionPoint::default() }
}

fn decide(anchors: &[TrustAnchor], lists: CrlStore, leaf: &[u8], others: &[&[u8]]) -> Decision {
    let trust = TrustStore::dangerously_unscoped(TrustBundle::new(anchors.to_vec()));
    let intermediates =
        RevocationRule::hard_fail().allow_unknown(UnknownReason::SignerNotAuthorized);
    let revocation = RevocationPolicy::hard_fail().with_rule(Role::Intermediate, intermediates);
    let policy = ValidationPolicy::tls_server().with_revocation(revocation);
    let verifier = Verifier::new(trust.into(), policy.into(), Arc::new(RingBackend::NEW))
        .with_revocation(Arc::new(Revocation::new().with_source(Arc::new(lists))));
    let leaf = CertificateDer::from(leaf);
    let others: Vec<_> = others.iter().map(|der| CertificateDer::from(*der)).collect();
    let name = NAME.parse().unwrap();
    verifier.decide(&Request::new(&leaf, &others, Expect::name(&name)), Time::from_unix(NOW))
}

/// An authority has a new key. Its old one was stolen, and signs that nothing is revoked.
#[test]
fn a_distrusted_authority_vouches_for_nobody() {
    let Estate { root, intermediate: new, leaf, .. } = Estate::new();
    let old = root.intermediate(&new.name, &key(30), |builder| builder.serial(&[30]));
    let anchor = TrustAnchor::from_der(&root.certificate).unwrap();
    let stolen = TrustAnchor::from_der(&old.certificate).unwrap();
    let stolen = stolen.with_state(AnchorState::Distrusted);
    let signers = [CrlSigner::anchor(&anchor), signer(&new.certificate), signer(&old.certificate)];
    let by = |authority: &Authority| {
        CrlBuilder::complete(&authority.name, 1, &authority.key).sign(&authority.key)
    };
    for (case, anchors, list_of, expected) in [
        ("the issuer's own list", vec![anchor.clone(), stolen.clone()], &new, "accepted"),
        ("its old key is trusted", vec![anchor.clone()], &old, "accepted"),
        ("its old key is distrusted", vec![anchor, stolen], &old, REFUSED),
    ] {
        let lists = store(&[by(&root), by(list_of)], &signers);
        let decision = decide(&anchors, lists, &leaf, &[&new.certificate]);
        assert_eq!(decision.code(), expected, "{case}: {}", decision.explain());
    }
}

/// Two signers of lists, each of whom the other one's list is about. The first one is asked about for the
/// intermediate, whose status may be unknown; the second one for the leaf.
#[test]
fn who_is_revoked_vouches_for_nobody() {
    let Estate { root, intermediate, leaf_key, .. } = Estate::new();
    let anchor = TrustAnchor::from_der(&root.certificate).unwrap();
    let (one, two) = (Name::cn("Signer One"), Name::cn("Signer Two"));
    for seed in 0..2 {
        let certified = |name, other, serial: u8| {
            root.intermediate(name, &key(40 + 2 * seed + u64::from(serial)), |builder| {
                let points = ext::crl_distribution_points(&[left_to(other)]);
                builder.serial(&[serial]).with(points)
            })
        };
        let (first, second) = (certified(&one, &two, 10), certified(&two, &one, 11));
        let left_to = |name| ext::crl_distribution_points(&[left_to(name)]);
        let names = [GeneralName::dns("leaf.example.test")];
        let issuing = root.intermediate(&intermediate.name, &intermediate.key, |builder| {
            builder.serial(&[2]).with(left_to(&one))
        });
        let leaf = issuing.leaf(&Name::cn("Example Leaf"), &leaf_key, &names, |builder| {
            builder.serial(&[3]).with(left_to(&two))
        });
        let signers =
            [CrlSigner::anchor(&anchor), signer(&first.certificate), signer(&second.certificate)];
        let by = |authority: &Authority, revoked: Option<u8>| {
            let list = CrlBuilder::complete(&authority.name, 1, &authority.key).with(indirect());
            let entry = |serial| Revoked::new(&[serial]).certificate_issuer(&root.name);
            let list = revoked.map(entry).into_iter().fold(list, CrlBuilder::revoke);
            list.sign(&authority.key)
        };
        let of_root = CrlBuilder::complete(&root.name, 1, &root.key).sign(&root.key);
        for (case, revoked, expected) in [
            ("neither is revoked", None, "accepted"),
            ("the first one is revoked", Some(10), REFUSED),
        ] {
            let lists = [of_root.clone(), by(&first, None), by(&second, revoked)];
            let decision = decide(
                core::slice::from_ref(&anchor),
                store(&lists, &signers),
                &leaf,
                &[&issuing.certificate],
            );
            assert_eq!(decision.code(), expected, "{case}, seed {seed}: {}", decision.explain());
        }
    }
}

/// RFC 5280 6.3.3 (f): the path of a list's issuer ends at the anchor of the target's path; where the
/// anchor is the issuer, there is no path to validate.
#[test]
fn the_anchor_may_sign_lists_for_all_below_it() {
    let Estate { root, intermediate, leaf_key, .. } = Estate::new();
    let points = ext::crl_distribution_points(&[left_to(&root.name)]);
    let names = [GeneralName::dns("leaf.example.test")];
    let leaf = intermediate
        .leaf(&Name::cn("Example Leaf"), &leaf_key, &names, |b| b.serial(&[3]).with(points));
    let full = TrustAnchor::from_der(&root.certificate).unwrap();
    let bare = TrustAnchor::from_name_and_key(&root.name.0, root.key.spki()).unwrap();
    let list = |entry: Option<Revoked>| {
        let list = CrlBuilder::complete(&root.name, 1, &root.key).with(indirect());
        let list = entry.into_iter().fold(list, CrlBuilder::revoke);
        list.sign(&root.key)
    };
    let revoked = || Revoked::new(&[3]).certificate_issuer(&intermediate.name);
    for (case, anchor, entry, expected) in [
        ("its certificate is known", &full, None, "accepted"),
        ("its name and key are known", &bare, None, "accepted"),
        ("its certificate is known, revoked", &full, Some(revoked()), "revocation.revoked"),
        ("its name and key are known, revoked", &bare, Some(revoked()), "revocation.revoked"),
    ] {
        let lists = store(&[list(entry)], &[CrlSigner::anchor(anchor)]);
        let anchors = core::slice::from_ref(anchor);
        let decision = decide(anchors, lists, &leaf, &[&intermediate.certificate]);
        assert_eq!(decision.code(), expected, "{case}: {}", decision.explain());
    }
}

/// A live peer rests on a list that an old key of its issuer signed, which is then found stolen.
#[test]
fn distrust_reaches_those_who_rest_on_evidence() {
    let Estate { root, intermediate: new, leaf, leaf_key } = Estate::new();
    let old = root.intermediate(&new.name, &key(30), |builder| builder.serial(&[30]));
    let anchor = TrustAnchor::from_der(&root.certificate).unwrap();
    let stolen = TrustAnchor::from_der(&old.certificate).unwrap();
    let distrusted = stolen.with_state(AnchorState::Distrusted);
    let signers = [CrlSigner::anchor(&anchor), signer(&new.certificate), signer(&old.certificate)];
    let list = |name: &Name, key: &Key| CrlBuilder::complete(name, 1, key).sign(key);
    let lists = [list(&root.name, &root.key), list(&new.name, &old.key)];
    let revocation = Revocation::new().with_source(Arc::new(store(&lists, &signers)));
    let trust = TrustStore::dangerously_unscoped(TrustBundle::new([anchor.clone()]));
    let domain = trust.domains().next().unwrap().name().to_owned();
    let policy = ValidationPolicy::tls_server().with_revocation(RevocationPolicy::hard_fail());
    let verifier = Verifier::new(trust.into(), policy.into(), Arc::new(RingBackend::NEW))
        .with_revocation(Arc::new(revocation));
    let live = Live::new(verifier);

    let chain = [leaf, new.certificate.clone()].map(CertificateDer::from);
    let requirement = Arc::new(Requirement::name(NAME.parse().unwrap()));
    let now = Time::from_unix(NOW);
    let ruling = live.decide(&requirement, &Presented::new(&chain[0], &chain[1..]), now);
    let (algorithm, signature) = (leaf_key.algorithm(), leaf_key.sign(b"fresh"));
    let algorithm = AlgorithmIdentifier::from_der(&algorithm).unwrap();
    let peer = ruling.decision().peer().unwrap();
    let peer = peer.prove(&RingBackend::NEW, algorithm, b"fresh", &signature).unwrap();
    let mut session = live.register(&ruling.live(peer).unwrap(), None, now).unwrap();

    let bundle = TrustBundle::new([anchor, distrusted]);
    let published = live.publish(Publication::new().bundle(&domain, bundle), now).unwrap();
    assert!(matches!(session.ask(now), Standing::AskAgain), "{:?}", session.ask(now));
    let affected: Vec<_> = published.affected().iter().map(|one| one.session).collect();
    assert_eq!(affected, [session.id()]);
    let lapse = session.ask_again(now).unwrap_err();
    assert_eq!(lapse.code(), REFUSED);
}
