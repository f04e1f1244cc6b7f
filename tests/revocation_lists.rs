//! Revocation lists as a source, without the engine: the table names a case, what is at hand, and the
//! verdict, which is the same in whatever order lists came.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod kit;
mod sources;

use std::sync::Arc;

use bonafide::revocation::{
    CrlIntake, CrlIntakeError, CrlSigner, CrlStore, EvidenceId, Progress, Revocation, SignerId,
    SignerUsage, SignerVerdict, VerifiedCrl,
};
use bonafide::x509::{Certificate, CertificateRevocationList, Time};
use kit::ext::{self, DistributionPoint, IssuingDistributionPoint, PointName};
use kit::{
    Authority as Ca, CertificateBuilder, CrlBuilder, Extension, FAR, GeneralName, LONG_AGO, NOW,
    Name, Revoked,
};
use sha2::{Digest, Sha256};
use sources::{Asked, crl, key, leaf, root, say, signer, store, tools};

/// The verdict of lists by the root, in every rotation of their order.
fn by_lists(certificate: &[u8], lists: &[Vec<u8>]) -> String {
    let root = root();
    let signers = [signer(&root.certificate)];
    let mut lists = lists.to_vec();
    let mut verdicts: Vec<String> = (0..lists.len().max(1))
        .map(|_| {
            if !lists.is_empty() {
                lists.rotate_left(1);
            }
            let source = Arc::new(store(&lists, &signers));
            say(&Asked::of(certificate, &root).judge(&Revocation::new().with_source(source)))
        })
        .collect();
    verdicts.dedup();
    assert_eq!(verdicts.len(), 1, "depends on the order: {verdicts:?}");
    verdicts.remove(0)
}

fn idp(point: IssuingDistributionPoint) -> Extension {
    ext::issuing_distribution_point(&point)
}

#[test]
fn lists_speak_of_the_certificates_in_their_scope() {
    let sign = |builder: CrlBuilder| builder.sign(&key(1));
    let uri = |text| Some(PointName::uri(text));
    let point = |text| IssuingDistributionPoint { name: uri(text), ..Default::default() };
    let reasons = |bits: &[u8], number| {
        let only_some_reasons = Some(bits.to_vec());
        sign(
            crl(number)
                .with(idp(IssuingDistributionPoint { only_some_reasons, ..Default::default() })),
        )
    };
    let plain = leaf(&[]);
    let at = |texts: &[&str]| {
        let points: Vec<_> = texts.iter().map(|text| DistributionPoint::uri(text)).collect();
        leaf(&[ext::crl_distribution_points(&points)])
    };
    let revoke = |builder: CrlBuilder| builder.revoke(Revoked::new(&[5]).reason(1));
    let users = IssuingDistributionPoint { only_user: true, ..Default::default() };
    let authorities = IssuingDistributionPoint { only_ca: true, ..Default::default() };
    let attributes = IssuingDistributionPoint { only_attribute: true, ..Default::default() };
    // Says of nothing whether it is a user's or an authority's.
    let version_1 = CertificateBuilder::new(&Name::cn("leaf"), &key(2))
        .serial(&[5])
        .version(None)
        .issued_by(&root());
    let left_to = |name: &str| {
        let crl_issuer = vec![GeneralName::Directory(Name::cn(name))];
        let point = DistributionPoint { crl_issuer, ..DistributionPoint::uri("http://a/1") };
        leaf(&[ext::crl_distribution_points(&[point])])
    };
    let unknown = Extension::raw("1.2.3.4", true, &[5, 0]);
    let relative = IssuingDistributionPoint {
        name: Some(PointName::Relative(vec![kit::Attribute::utf8("2.5.4.3", "part")])),
        ..Default::default()
    };
    let relative_point = DistributionPoint {
        name: Some(PointName::Relative(vec![kit::Attribute::utf8("2.5.4.3", "part")])),
        ..Default::default()
    };
    for (case, certificate, lists, expected) in [
        ("nothing at hand", &plain, vec![], "revocation.no-source"),
        ("complete", &plain, vec![sign(crl(1))], "good"),
        ("listed", &plain, vec![sign(revoke(crl(1)))], "revoked keyCompromise"),
        ("another is listed", &plain, vec![sign(crl(1).revoke(Revoked::new(&[6])))], "good"),
        ("the newer list counts", &plain, vec![sign(revoke(crl(1))), sign(crl(2))], "good"),
        (
            "stale",
            &plain,
            vec![sign(crl(1).updates(LONG_AGO, Some((NOW - 1).into())))],
            "revocation.stale",
        ),
        (
            "nextUpdate is now",
            &plain,
            vec![sign(crl(1).updates(LONG_AGO, Some(NOW.into())))],
            "good",
        ),
        (
            "stale and listed",
            &plain,
            vec![sign(revoke(crl(1)).updates(LONG_AGO, Some((NOW - 1).into())))],
            "revoked keyCompromise",
        ),
        (
            "no nextUpdate, old",
            &plain,
            vec![sign(crl(1).updates(LONG_AGO, None))],
            "revocation.stale",
        ),
        ("no nextUpdate, new", &plain, vec![sign(crl(1).updates(NOW - 60, None))], "good"),
        (
            "future",
            &plain,
            vec![sign(crl(1).updates(NOW + 1, Some(FAR.into())))],
            "revocation.from-future",
        ),
        ("users", &plain, vec![sign(crl(1).with(idp(users.clone())))], "good"),
        (
            "users, version 1",
            &version_1,
            vec![sign(crl(1).with(idp(users.clone())))],
            "revocation.scope-mismatch",
        ),
        (
            "authorities, version 1",
            &version_1,
            vec![sign(crl(1).with(idp(authorities.clone())))],
            "revocation.scope-mismatch",
        ),
        ("version 1", &version_1, vec![sign(crl(1))], "good"),
        (
            "left to another issuer",
            &left_to("Other"),
            vec![sign(crl(1))],
            "revocation.scope-mismatch",
        ),
        ("left to itself", &left_to("CA"), vec![sign(crl(1))], "good"),
        (
            "authorities",
            &plain,
            vec![sign(crl(1).with(idp(authorities.clone())))],
            "revocation.scope-mismatch",
        ),
        (
            "listed among authorities",
            &plain,
            vec![sign(revoke(crl(1).with(idp(authorities))))],
            "revocation.scope-mismatch",
        ),
        (
            "attributes",
            &plain,
            vec![sign(crl(1).with(idp(attributes)))],
            "revocation.scope-mismatch",
        ),
        (
            "critical extension",
            &plain,
            vec![sign(crl(1).with(unknown.clone()))],
            "revocation.unknown-critical-extension",
        ),
        (
            "critical extension of another entry",
            &plain,
            vec![sign(crl(1).revoke(Revoked::new(&[9]).with(unknown)))],
            "revocation.unknown-critical-extension",
        ),
        (
            "partition",
            &at(&["http://a/"]),
            vec![sign(crl(1).with(idp(point("http://a/"))))],
            "good",
        ),
        (
            "second point",
            &at(&["http://b/", "http://a/"]),
            vec![sign(crl(1).with(idp(point("http://a/"))))],
            "good",
        ),
        (
            "revoked in the partition of the second point",
            &at(&["http://b/", "http://a/"]),
            vec![
                sign(crl(1).with(idp(point("http://b/")))),
                sign(revoke(crl(1).with(idp(point("http://a/"))))),
            ],
            "revoked keyCompromise",
        ),
        (
            "other partition",
            &at(&["http://b/"]),
            vec![sign(crl(1).with(idp(point("http://a/"))))],
            "revocation.scope-mismatch",
        ),
        (
            "partition, certificate without point",
            &plain,
            vec![sign(crl(1).with(idp(point("http://a/"))))],
            "revocation.scope-mismatch",
        ),
        ("complete list, certificate with point", &at(&["http://b/"]), vec![sign(crl(1))], "good"),
        (
            "relative names",
            &leaf(&[ext::crl_distribution_points(&[relative_point])]),
            vec![sign(crl(1).with(idp(relative.clone())))],
            "good",
        ),
        (
            "relative name, full point",
            &at(&["http://b/"]),
            vec![sign(crl(1).with(idp(relative)))],
            "revocation.scope-mismatch",
        ),
        ("some reasons", &plain, vec![reasons(&[1, 2], 1)], "revocation.partial-reasons"),
        (
            "all reasons of two lists",
            &plain,
            vec![reasons(&[1, 2], 1), reasons(&[3, 4, 5, 6, 7, 8], 1)],
            "good",
        ),
        (
            "one reason missing",
            &plain,
            vec![reasons(&[1, 2], 1), reasons(&[3, 4, 5, 6, 7], 1)],
            "revocation.partial-reasons",
        ),
    ] {
        assert_eq!(by_lists(certificate, &lists), expected, "{case}");
    }
}

#[test]
fn deltas_change_what_a_list_says() {
    let delta = |base: u8, number: u8| {
        CrlBuilder::complete(&Name::cn("CA"), number, &key(1))
            .with(ext::delta_crl_indicator(&[base]))
    };
    let sign = |builder: CrlBuilder| builder.sign(&key(1));
    let entry = |reason| Revoked::new(&[5]).reason(reason);
    let plain = leaf(&[]);
    let old = |builder: CrlBuilder| builder.updates(LONG_AGO, Some((NOW - 1).into()));
    let users = IssuingDistributionPoint { only_user: true, ..Default::default() };
    for (case, lists, expected) in [
        ("nothing new", vec![sign(crl(1)), sign(delta(1, 2))], "good"),
        ("added", vec![sign(crl(1)), sign(delta(1, 2).revoke(entry(1)))], "revoked keyCompromise"),
        (
            "taken off hold",
            vec![sign(crl(1).revoke(entry(6))), sign(delta(1, 2).revoke(entry(8)))],
            "good",
        ),
        (
            "taken off hold, for a later base",
            vec![sign(crl(1).revoke(entry(6))), sign(delta(2, 3).revoke(entry(8)))],
            "revoked certificateHold",
        ),
        (
            "taken off hold, before",
            vec![sign(crl(3).revoke(entry(6))), sign(delta(1, 2).revoke(entry(8)))],
            "revoked certificateHold",
        ),
        (
            "taken off hold in another scope",
            vec![
                sign(crl(1).revoke(entry(6))),
                sign(delta(1, 2).with(idp(users)).revoke(entry(8))),
            ],
            "revoked certificateHold",
        ),
        ("keeps a stale list fresh", vec![sign(old(crl(1))), sign(delta(1, 2))], "good"),
        ("both stale", vec![sign(old(crl(1))), sign(old(delta(1, 2)))], "revocation.stale"),
        ("alone", vec![sign(delta(1, 2))], "revocation.unsupported-form"),
        ("alone, listed", vec![sign(delta(1, 2).revoke(entry(1)))], "revoked keyCompromise"),
        ("alone, removed", vec![sign(delta(1, 2).revoke(entry(8)))], "revocation.unsupported-form"),
    ] {
        assert_eq!(by_lists(&plain, &lists), expected, "{case}");
    }
}

#[test]
fn others_speak_once_their_path_is_validated() {
    let root = root();
    let indirect = Ca { ..Ca::root(&Name::cn("CRL issuer"), &key(7)) };
    let to_indirect = DistributionPoint {
        crl_issuer: vec![GeneralName::Directory(Name::cn("CRL issuer"))],
        ..DistributionPoint::uri("http://a/")
    };
    let certificate = leaf(&[ext::crl_distribution_points(&[to_indirect])]);
    let point = || idp(IssuingDistributionPoint { indirect: true, ..Default::default() });
    let list = |entries: &[Revoked]| {
        let list = CrlBuilder::complete(&Name::cn("CRL issuer"), 1, &key(7)).with(point());
        entries.iter().cloned().fold(list, CrlBuilder::revoke).sign(&key(7))
    };
    let theirs = |serial: u8, issuer: &str| {
        Revoked::new(&[serial]).reason(1).certificate_issuer(&Name::cn(issuer))
    };
    let id =
        SignerId::of(&Certificate::from_der(&indirect.certificate).unwrap(), SignerUsage::CrlSign);
    let yes = SignerVerdict::Authorized { valid_until: Time::from_unix(NOW + 5) };
    for (case, verdict, entries, expected) in [
        ("not asked", SignerVerdict::NotAsked, vec![], "revocation.signer-undecided"),
        (
            "refused",
            SignerVerdict::Refused,
            vec![theirs(5, "CA")],
            "revocation.signer-not-authorized",
        ),
        ("authorized", yes, vec![], "good"),
        ("listed", yes, vec![theirs(5, "CA")], "revoked keyCompromise"),
        ("listed for the list's issuer", yes, vec![Revoked::new(&[5])], "good"),
        ("listed for another issuer", yes, vec![theirs(5, "Other")], "good"),
        (
            "issuer carried forward",
            yes,
            vec![theirs(4, "CA"), Revoked::new(&[5]).reason(4)],
            "revoked superseded",
        ),
        (
            "issuer changed between",
            yes,
            vec![theirs(4, "CA"), theirs(3, "Other"), Revoked::new(&[5])],
            "good",
        ),
    ] {
        let source = Arc::new(store(&[list(&entries)], &[signer(&indirect.certificate)]));
        let mut asked = Asked::of(&certificate, &root);
        asked.known.0.insert(id, verdict);
        let judgement = asked.judge(&Revocation::new().with_source(source));
        assert_eq!(say(&judgement), expected, "{case}");
        let questions: Vec<SignerId> = judgement.signers.iter().map(|asked| asked.id).collect();
        assert_eq!(questions, if verdict == SignerVerdict::NotAsked { vec![id] } else { vec![] });
        if expected == "good" {
            assert_eq!(judgement.valid_until, Some(Time::from_unix(NOW + 5)), "{case}");
        }
    }
}

#[test]
fn a_key_of_another_authority_of_the_name_says_nothing() {
    let root = root();
    let other = Ca::root(&Name::cn("CA"), &key(9));
    let list = CrlBuilder::complete(&Name::cn("CA"), 1, &key(9)).sign(&key(9));
    let source = Arc::new(store(&[list], &[signer(&other.certificate)]));
    let certificate = leaf(&[]);
    let mut asked = Asked::of(&certificate, &root);
    let revocation = Revocation::new().with_source(source);
    let judgement = asked.judge(&revocation);
    assert_eq!(say(&judgement), "revocation.signer-undecided");
    asked.known.0.insert(judgement.signers[0].id, SignerVerdict::Refused);
    assert_eq!(say(&asked.judge(&revocation)), "revocation.signer-not-authorized");

    // The issuer's own certificate says that its key signs no lists.
    let bits = ext::key_usage(&[5]);
    let mute = CertificateBuilder::authority(&Name::cn("CA"), &key(1)).replace(bits);
    let mute = Ca { certificate: mute.sign(&key(1)), ..root };
    let source = Arc::new(store(&[crl(1).sign(&key(1))], &[signer(&mute.certificate)]));
    let judgement = Asked::of(&certificate, &mute).judge(&Revocation::new().with_source(source));
    assert_eq!(say(&judgement), "revocation.signer-not-authorized");
}

#[test]
fn intake_refuses_what_does_not_hold() {
    let signers = [signer(&root().certificate)];
    let take_in = |list: &[u8], signers: &[CrlSigner]| {
        VerifiedCrl::take_in(list, signers, &tools()).map(|list| list.len()).map_err(|e| e.code())
    };
    let good = crl(1).revoke(Revoked::new(&[5])).revoke(Revoked::new(&[6]).reason(1)).sign(&key(1));
    let malformed =
        crl(1).revoke(Revoked::new(&[5])).revoke(Revoked::new(&[6]).reason(7)).sign(&key(1));
    let special = |last: u8| {
        let (first, last) =
            (Revoked::new(&[5]).invalidity_date(NOW), Revoked::new(&[6]).reason(last));
        crl(1).revoke(first).revoke(Revoked::new(&[7])).revoke(last)
    };
    let other = [signer(&Ca::root(&Name::cn("Other"), &key(1)).certificate)];
    for (case, list, signers, expected) in [
        ("good", &good, &signers[..], Ok(2)),
        ("no signer", &good, &[], Err("crl-intake.no-signer")),
        ("signer of another name", &good, &other, Err("crl-intake.no-signer")),
        ("signed by another key", &crl(1).sign(&key(2)), &signers, Err("crl-intake.bad-signature")),
        ("truncated", &good[..good.len() - 1].to_vec(), &signers, Err("format.der")),
        ("malformed last entry", &malformed, &signers, Err("format.unassigned")),
        // Nothing but plain entries is read before the signature holds.
        (
            "malformed, another key",
            &special(7).sign(&key(2)),
            &signers,
            Err("crl-intake.bad-signature"),
        ),
        (
            "malformed behind an unusual entry",
            &special(7).sign(&key(1)),
            &signers,
            Err("format.unassigned"),
        ),
        (
            "an unusual entry, another key",
            &special(1).sign(&key(2)),
            &signers,
            Err("crl-intake.bad-signature"),
        ),
        ("an unusual entry", &special(1).sign(&key(1)), &signers, Ok(3)),
    ] {
        assert_eq!(take_in(list, signers), expected, "{case}");
    }
}

#[test]
fn a_list_is_named_in_whatever_steps_it_was_taken_in() {
    let signers = [signer(&root().certificate)];
    let many = |list: CrlBuilder| (0..90).fold(list, |list, n| list.revoke(Revoked::new(&[1, n])));
    let unusual = Revoked::new(&[2]).invalidity_date(NOW);
    for (case, list, entries) in [
        ("no entry", crl(1), 0),
        ("plain entries", many(crl(1)), 90),
        ("an unusual entry first", many(crl(1).revoke(unusual.clone())), 91),
        ("an unusual entry amid", many(many(crl(1)).revoke(unusual)), 181),
    ] {
        let der = list.sign(&key(1));
        let view = CertificateRevocationList::from_der(&der).unwrap();
        let tbs = view.tbs_cert_list();
        let start = der.windows(tbs.len()).position(|octets| octets == tbs).unwrap();
        let named = [&Sha256::digest(tbs)[..], &der[start + tbs.len()..]].concat();
        for entries_a_step in [1, 7, usize::MAX] {
            let mut intake = CrlIntake::new(&der[..], &signers).unwrap();
            let mut last = 0;
            let list = loop {
                match intake.step(&tools(), entries_a_step).unwrap() {
                    Progress::Working { done, total } => {
                        assert!(done >= last && done <= total, "{case}");
                        // An entry has 22 octets here, an unusual one some more.
                        assert!((done - last) / 50 <= entries_a_step, "{case}");
                        last = done;
                    }
                    Progress::Finished(list) => break list,
                }
            };
            assert_eq!(list.len(), entries, "{case}");
            assert_eq!(list.id().as_bytes()[..], Sha256::digest(&named)[..], "{case}");
            assert_eq!([list.id(), list.summary().id], [EvidenceId::of_list(&view); 2], "{case}");
            assert_eq!(intake.step(&tools(), 1).unwrap_err(), CrlIntakeError::Ended, "{case}");
        }
        // One octet of the signature, or of cRLNumber at the end of what is signed.
        for at in [der.len() - 1, start + tbs.len() - 1] {
            let mut other = der.clone();
            other[at] ^= 2;
            let other = CertificateRevocationList::from_der(&other).unwrap();
            assert_ne!(EvidenceId::of_list(&other), EvidenceId::of_list(&view), "{case}");
        }
    }
}

#[test]
fn the_store_never_goes_back() {
    let signers = [signer(&root().certificate)];
    let list = |builder: CrlBuilder| {
        VerifiedCrl::take_in(&builder.sign(&key(1)), &signers, &tools()).unwrap()
    };
    let held = CrlStore::new().with(list(crl(5))).unwrap();
    assert_eq!(held.with(list(crl(4))).unwrap_err().code(), "revocation.rolled-back");
    assert_eq!(held.with(list(crl(5))).unwrap().len(), 1);
    let newer = held.with(list(crl(6))).unwrap();
    assert_eq!(newer.len(), 1);
    let users = IssuingDistributionPoint { only_user: true, ..Default::default() };
    let both = newer.with(list(crl(1).with(idp(users)))).unwrap();
    assert_eq!(both.len(), 2, "another scope is another list");
    let id = newer.iter().next().unwrap().id();
    assert_eq!(both.without(&id).len(), 1);
    assert!(newer.without(&id).is_empty());
}
