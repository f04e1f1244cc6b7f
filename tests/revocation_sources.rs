//! Lists, OCSP responses, deny lists and exemptions as sources, without the engine: the table names
//! a case, what is at hand, and the verdict.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod kit;

use std::collections::BTreeMap;
use std::sync::Arc;

use bonafide::identity::{Identity, IdentityMatcher, PeerIdentity, SpiffeId};
use bonafide::policy::{Limits, RevocationPolicy, RevocationRule, Role, UnknownReason};
use bonafide::revocation::{
    Authority, CrlIntake, CrlIntakeError, CrlSigner, CrlStore, Denied, DenyList, DenyRule,
    EvidenceBudget, EvidenceRequest, Issuer, Judgement, OcspExchange, OcspIntakeError, OcspStore,
    Outcome, Progress, Query, Revocation, SignatureTools, SignerId, SignerUsage, SignerVerdict,
    SignerVerdicts, VerifiedCrl,
};
use bonafide::signature::{AlgorithmPolicy, PublicKey, RingBackend};
use bonafide::x509::{CertIdHash, Certificate, OcspRequest, OwnedCertificate, ReasonCode, Time};
use kit::ext::{self, DistributionPoint, IssuingDistributionPoint, PointName};
use kit::{
    Authority as Ca, CertificateBuilder, CrlBuilder, Extension, FAR, GeneralName, IdHash, Key,
    Kind, LONG_AGO, NOW, Name, OcspResponseBuilder, Responder, Revoked, SingleResponse, Status,
};
use sha2::{Digest, Sha256};

const ALGORITHMS: &AlgorithmPolicy = &AlgorithmPolicy::DEFAULT;
const BACKEND: &RingBackend = &RingBackend::NEW;

fn tools() -> SignatureTools<'static> {
    SignatureTools::new(BACKEND, ALGORITHMS)
}

fn key(number: u64) -> Key {
    Key::new(Kind::Ed25519, number)
}

fn root() -> Ca {
    Ca::root(&Name::cn("CA"), &key(1))
}

/// Serial number 5, issued by [`root`].
fn leaf(extensions: &[Extension]) -> Vec<u8> {
    let builder = CertificateBuilder::end_entity(&Name::cn("leaf"), &key(2), &[]).serial(&[5]);
    extensions.iter().cloned().fold(builder, CertificateBuilder::with).issued_by(&root())
}

fn crl(number: u8) -> CrlBuilder {
    CrlBuilder::complete(&Name::cn("CA"), number, &key(1))
}

fn owned(der: &[u8]) -> OwnedCertificate {
    OwnedCertificate::from_der(der.to_vec()).unwrap()
}

fn signer(der: &[u8]) -> CrlSigner {
    CrlSigner::certificate(owned(der)).unwrap()
}

#[derive(Debug, Default)]
struct Known(BTreeMap<SignerId, SignerVerdict>);

impl SignerVerdicts for Known {
    fn verdict(&self, signer: &SignerId) -> SignerVerdict {
        self.0.get(signer).copied().unwrap_or(SignerVerdict::NotAsked)
    }
}

struct Asked<'a> {
    certificate: &'a [u8],
    issuer: &'a Ca,
    policy: RevocationPolicy,
    known: Known,
    staple: Option<Vec<u8>>,
    identity: Option<PeerIdentity>,
    now: i64,
    limits: Limits,
    role: Role,
}

impl<'a> Asked<'a> {
    fn of(certificate: &'a [u8], issuer: &'a Ca) -> Self {
        Self {
            certificate,
            issuer,
            policy: RevocationPolicy::hard_fail(),
            known: Known::default(),
            staple: None,
            identity: None,
            now: NOW,
            limits: Limits::DEFAULT,
            role: Role::EndEntity,
        }
    }

    fn judge(&self, revocation: &Revocation) -> Judgement {
        let certificate = Certificate::from_der(self.certificate).unwrap();
        let authority = Certificate::from_der(&self.issuer.certificate).unwrap();
        let spki = authority.subject_public_key_info().unwrap();
        let issuer = Issuer::new(authority.subject(), PublicKey::new(spki))
            .with_key_usage(authority.key_usage());
        let ancestors = [spki.der()];
        let query =
            Query::new(certificate, issuer, tools(), &self.policy, Time::from_unix(self.now))
                .with_ancestors(&ancestors)
                .with_role(self.role, 0)
                .with_trust_domain("example.test")
                .with_identity(self.identity.as_ref())
                .with_stapled_ocsp(self.staple.as_deref())
                .with_signers(&self.known);
        revocation.judge(&query, &mut EvidenceBudget::of_limits(self.limits))
    }
}

fn say(judgement: &Judgement) -> String {
    match &judgement.outcome {
        Outcome::Good => "good".into(),
        Outcome::Unchecked => "unchecked".into(),
        Outcome::Passed { why, event } => format!("passed {} {event}", why.code()),
        Outcome::Refused(why) => why.code().into(),
        Outcome::Revoked(revoked) => {
            format!("revoked {}", revoked.reason.map_or("-", ReasonCode::name))
        }
    }
}

fn store(lists: &[Vec<u8>], signers: &[CrlSigner]) -> CrlStore {
    lists.iter().fold(CrlStore::new(), |store, list| {
        let list = VerifiedCrl::take_in(list, signers, &tools()).unwrap();
        store.with(list).unwrap_or(store)
    })
}

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
    let other = [signer(&Ca::root(&Name::cn("Other"), &key(1)).certificate)];
    for (case, list, signers, expected) in [
        ("good", &good, &signers[..], Ok(2)),
        ("no signer", &good, &[], Err("crl-intake.no-signer")),
        ("signer of another name", &good, &other, Err("crl-intake.no-signer")),
        ("signed by another key", &crl(1).sign(&key(2)), &signers, Err("crl-intake.bad-signature")),
        ("truncated", &good[..good.len() - 1].to_vec(), &signers, Err("format.der")),
        ("malformed last entry", &malformed, &signers, Err("format.unassigned")),
    ] {
        assert_eq!(take_in(list, signers), expected, "{case}");
    }
    // In steps of one entry; the digest is that of the bytes.
    let mut intake = CrlIntake::new(&good[..], &signers).unwrap();
    let mut last = 0;
    let list = loop {
        match intake.step(&tools(), 1).unwrap() {
            Progress::Working { done, total } => {
                assert!(done >= last && done <= total);
                last = done;
            }
            Progress::Finished(list) => break list,
        }
    };
    assert_eq!(list.id().as_bytes()[..], Sha256::digest(&good)[..]);
    assert_eq!(list.summary().id, VerifiedCrl::take_in(&good, &signers, &tools()).unwrap().id());
    assert_eq!(intake.step(&tools(), 1).unwrap_err(), CrlIntakeError::Ended);
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

fn cert_id(hash: IdHash) -> Vec<u8> {
    kit::ocsp::cert_id(hash, &Name::cn("CA"), &key(1), &[5])
}

fn respond(status: Status) -> OcspResponseBuilder {
    let single = SingleResponse::new(&cert_id(IdHash::Sha1), status);
    OcspResponseBuilder::new(Responder::Key(key(1))).respond(single)
}

/// A responder of the root, with the key 4.
fn responder(purposes: &[&str], issuer: &Ca) -> Vec<u8> {
    CertificateBuilder::end_entity(&Name::cn("Responder"), &key(4), &[])
        .replace(ext::extended_key_usage(purposes))
        .with(ext::ocsp_no_check())
        .issued_by(issuer)
}

const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

#[test]
fn staples_are_judged() {
    let root = root();
    let certificate = leaf(&[]);
    let good = || respond(Status::Good);
    let single = |status| SingleResponse::new(&cert_id(IdHash::Sha1), status);
    let by_delegate = |responses: OcspResponseBuilder, purposes: &[&str], issuer: &Ca| {
        responses.certificate(&responder(purposes, issuer)).sign(&key(4))
    };
    let delegate = || {
        let responses = OcspResponseBuilder::new(Responder::Name(Name::cn("Responder")));
        responses.respond(single(Status::Good))
    };
    let of = |single: SingleResponse| {
        OcspResponseBuilder::new(Responder::Name(Name::cn("CA"))).respond(single).sign(&key(1))
    };
    let old = single(Status::Good).updates(LONG_AGO, Some(NOW - 1));
    let unknown = Extension::raw("1.2.3.4", true, &[5, 0]);
    let sha256 = SingleResponse::new(&cert_id(IdHash::Sha256), Status::Good);
    let others = kit::ocsp::cert_id(IdHash::Sha1, &Name::cn("CA"), &key(3), &[5]);
    let yes = SignerVerdict::Authorized { valid_until: Time::from_unix(FAR) };
    let no = SignerVerdict::NotAsked;
    for (case, staple, verdict, expected) in [
        ("good", good().sign(&key(1)), no, "good"),
        ("good by name", of(single(Status::Good)), no, "good"),
        ("good, SHA-256", of(sha256), no, "good"),
        (
            "revoked",
            respond(Status::Revoked(LONG_AGO, Some(1))).sign(&key(1)),
            no,
            "revoked keyCompromise",
        ),
        ("unknown", respond(Status::Unknown).sign(&key(1)), no, "revocation.responder-unknown"),
        ("try later", OcspResponseBuilder::failure(3), no, "revocation.responder-error"),
        ("garbage", vec![0x30, 0x00], no, "revocation.malformed"),
        ("bad signature", good().signature(&[0; 64]).sign(&key(1)), no, "revocation.bad-signature"),
        ("no such responder", good().sign(&key(3)), no, "revocation.bad-signature"),
        (
            "another's name",
            OcspResponseBuilder::new(Responder::Name(Name::cn("Other")))
                .respond(single(Status::Good))
                .sign(&key(1)),
            no,
            "revocation.signer-not-authorized",
        ),
        (
            "another certificate",
            of(SingleResponse::new(&others, Status::Good)),
            no,
            "revocation.not-covered",
        ),
        ("stale", of(old.clone()), no, "revocation.stale"),
        (
            "stale and revoked",
            of(single(Status::Revoked(LONG_AGO, None)).updates(LONG_AGO, Some(NOW - 1))),
            no,
            "revoked -",
        ),
        (
            "no nextUpdate, old",
            of(single(Status::Good).updates(LONG_AGO, None)),
            no,
            "revocation.stale",
        ),
        ("no nextUpdate, new", of(single(Status::Good).updates(NOW - 60, None)), no, "good"),
        (
            "thisUpdate in the future",
            of(single(Status::Good).updates(NOW + 1, None)),
            no,
            "revocation.from-future",
        ),
        (
            "produced in the future",
            good().produced_at(NOW + 1).sign(&key(1)),
            no,
            "revocation.from-future",
        ),
        (
            "produced before the certificate",
            good().produced_at(LONG_AGO - 1).sign(&key(1)),
            no,
            "revocation.not-covered",
        ),
        (
            "good and revoked",
            good().respond(single(Status::Revoked(LONG_AGO, None))).sign(&key(1)),
            no,
            "revoked -",
        ),
        (
            "good and unknown",
            good().respond(single(Status::Unknown)).sign(&key(1)),
            no,
            "revocation.responder-unknown",
        ),
        ("good, old and new", good().respond(old).sign(&key(1)), no, "good"),
        (
            "critical extension",
            good().with(unknown.clone()).sign(&key(1)),
            no,
            "revocation.unknown-critical-extension",
        ),
        (
            "critical extension of a single response",
            of(single(Status::Good).with(unknown)),
            no,
            "revocation.unknown-critical-extension",
        ),
        ("nonce nobody asked for", good().nonce(&[7; 32]).sign(&key(1)), no, "good"),
        ("delegated", by_delegate(delegate(), &[OCSP_SIGNING], &root), yes, "good"),
        (
            "delegated, not asked",
            by_delegate(delegate(), &[OCSP_SIGNING], &root),
            no,
            "revocation.signer-undecided",
        ),
        (
            "delegated, refused",
            by_delegate(delegate(), &[OCSP_SIGNING], &root),
            SignerVerdict::Refused,
            "revocation.signer-not-authorized",
        ),
        (
            "delegated by any purpose",
            by_delegate(delegate(), &["2.5.29.37.0"], &root),
            yes,
            "revocation.signer-not-authorized",
        ),
        (
            "delegated by another authority of the name",
            by_delegate(delegate(), &[OCSP_SIGNING], &Ca::root(&Name::cn("CA"), &key(8))),
            yes,
            "revocation.signer-not-authorized",
        ),
    ] {
        let mut asked = Asked::of(&certificate, &root);
        let id = SignerId::of(
            &Certificate::from_der(&responder(&[OCSP_SIGNING], &root)).unwrap(),
            SignerUsage::OcspSigning,
        );
        asked.known.0.insert(id, verdict);
        asked.staple = Some(staple);
        let judgement = asked.judge(&Revocation::new().with_source(Arc::new(OcspStore::new())));
        assert_eq!(say(&judgement), expected, "{case}");
        assert_eq!(judgement.signers.len(), usize::from(expected.ends_with("undecided")), "{case}");
        assert!(judgement.signers.iter().all(|asked| asked.no_check && asked.id == id));
    }
}

#[test]
fn fetched_responses_are_held_if_they_are_authentic() {
    let root = root();
    let certificate = leaf(&[]);
    let authority = Certificate::from_der(&root.certificate).unwrap();
    let spki = authority.subject_public_key_info().unwrap();
    let issuer = Issuer::new(authority.subject(), PublicKey::new(spki));
    let request =
        OcspRequest::new(CertIdHash::Sha1, authority.subject().as_der(), spki.key(), &[5]);
    let exchange = OcspExchange::new(request.with_nonce(&[7; 32]).unwrap());
    let held = OcspStore::new();
    let offer = |store: &OcspStore, bytes: &[u8], exchange: Option<&OcspExchange>| {
        store.with(bytes, exchange, &issuer, &tools())
    };
    let newer = |status, at| {
        let single = SingleResponse::new(&cert_id(IdHash::Sha1), status).updates(at, Some(FAR));
        OcspResponseBuilder::new(Responder::Key(key(1))).respond(single).sign(&key(1))
    };
    let good = respond(Status::Good);
    assert_eq!(
        offer(&held, &good.sign(&key(1)), Some(&exchange)).unwrap_err(),
        OcspIntakeError::Nonce
    );
    assert!(
        offer(&held, &good.sign(&key(1)), Some(&exchange.clone().allow_missing_nonce())).is_ok()
    );
    assert!(offer(&held, &good.clone().nonce(&[7; 32]).sign(&key(1)), Some(&exchange)).is_ok());
    let forged = offer(&held, &respond(Status::Good).sign(&key(3)), None).unwrap_err();
    assert!(matches!(forged, OcspIntakeError::NotAuthentic(_)), "{forged:?}");
    let held = offer(&held, &newer(Status::Revoked(NOW, None), NOW - 10), None).unwrap();
    let back = offer(&held, &newer(Status::Good, NOW - 20), None).unwrap_err();
    assert!(matches!(back, OcspIntakeError::RolledBack { .. }), "{back:?}");
    let asked = Asked::of(&certificate, &root);
    let judge = |store: &OcspStore| {
        say(&asked.judge(&Revocation::new().with_source(Arc::new(store.clone()))))
    };
    assert_eq!(judge(&held), "revoked -");
    let released = offer(&held, &newer(Status::Good, NOW - 5), None).unwrap();
    assert_eq!(judge(&released), "good");
    assert_ne!(
        bonafide::revocation::RevocationSource::digest(&held),
        bonafide::revocation::RevocationSource::digest(&released)
    );
}

#[test]
fn needs_name_lists_and_responders() {
    let root = root();
    let certificate = leaf(&[
        ext::crl_distribution_points(&[DistributionPoint::uri("http://crl.test/1")]),
        ext::authority_info_access(&[(
            "1.3.6.1.5.5.7.48.1",
            GeneralName::uri("http://ocsp.test/"),
        )]),
    ]);
    let revocation = Revocation::new()
        .with_source(Arc::new(CrlStore::new()))
        .with_source(Arc::new(OcspStore::new()));
    let judgement = Asked::of(&certificate, &root).judge(&revocation);
    assert_eq!(say(&judgement), "revocation.no-source");
    let [EvidenceRequest::Crl { uris, .. }, EvidenceRequest::Ocsp { urls, request }] =
        &judgement.wants[..]
    else {
        panic!("{:?}", judgement.wants)
    };
    assert_eq!(
        (&uris[..], &urls[..]),
        (&["http://crl.test/1".into()][..], &["http://ocsp.test/".into()][..])
    );
    assert_eq!(request.cert_id(), cert_id(IdHash::Sha1));
}

#[test]
fn an_operator_denies_at_once() {
    let root = root();
    let certificate = leaf(&[]);
    let spki = |key: &Key| -> [u8; 32] { Sha256::digest(key.spki()).into() };
    let list = Arc::new(store(&[crl(1).sign(&key(1))], &[signer(&root.certificate)]));
    let id = SpiffeId::parse("spiffe://example.test/a").unwrap();
    let other = SpiffeId::parse("spiffe://example.test/b").unwrap();
    let name =
        |text: &str| bonafide::identity::DistinguishedName::from_der(&Name::cn(text).0).unwrap();
    let matching = |text: &str| Denied::Matching(text.parse::<IdentityMatcher>().unwrap());
    let of_key = |number, serial: &[u8]| Denied::SerialOfKey {
        issuer_spki: spki(&key(number)),
        serial_number: serial.to_vec(),
    };
    let of_name = |text, serial: &[u8]| Denied::SerialOfName {
        issuer: name(text),
        serial_number: serial.to_vec(),
    };
    for (case, denied, acts) in [
        ("serial of key", of_key(1, &[5]), true),
        ("other serial", of_key(1, &[6]), false),
        ("serial of another key", of_key(2, &[5]), false),
        ("serial of name", of_name("ca", &[5]), true),
        ("serial of another name", of_name("CB", &[5]), false),
        ("key", Denied::Key { spki: spki(&key(2)) }, true),
        ("another key", Denied::Key { spki: spki(&key(1)) }, false),
        ("identity", Denied::Identity(Identity::Spiffe(id.clone())), true),
        ("another identity", Denied::Identity(Identity::Spiffe(other)), false),
        ("pattern", matching("spiffe://example.test/**"), true),
        ("another pattern", matching("spiffe://other.test/**"), false),
        ("authority", Denied::Authority { spki: spki(&key(1)) }, true),
        ("another authority", Denied::Authority { spki: spki(&key(2)) }, false),
        ("trust domain", Denied::TrustDomain("example.test".into()), true),
        ("another trust domain", Denied::TrustDomain("other.test".into()), false),
    ] {
        let mut asked = Asked::of(&certificate, &root);
        asked.identity = Some(PeerIdentity::new([Identity::Spiffe(id.clone())]));
        let deny = |rule: DenyRule| {
            let revocation = Revocation::new().with_source(list.clone());
            asked.judge(&revocation.with_deny_list(Arc::new(DenyList::new([rule]))))
        };
        let rule = DenyRule::new(denied).with_reason(ReasonCode::CaCompromise);
        let expected = |acts: bool| if acts { "revoked cACompromise" } else { "good" };
        assert_eq!(say(&deny(rule.clone())), expected(acts), "{case}");
        let now = Time::from_unix(NOW);
        assert_eq!(say(&deny(rule.clone().since(now))), expected(acts), "{case}, from now");
        assert_eq!(say(&deny(rule.clone().until(now))), "good", "{case}, until now");
        let later = deny(rule.since(now.saturating_add(9)));
        assert_eq!(say(&later), "good", "{case}, later");
        let until = if acts { NOW + 9 } else { FAR };
        assert_eq!(later.valid_until, Some(Time::from_unix(until)), "{case}");
    }
    let mut asked = Asked::of(&certificate, &root);
    asked.policy = RevocationPolicy::dangerously_unchecked();
    let rule = DenyRule::new(of_key(1, &[5]));
    assert_eq!(say(&asked.judge(&Revocation::new())), "unchecked");
    let revocation = Revocation::new().with_deny_list(Arc::new(DenyList::new([rule])));
    assert_eq!(say(&asked.judge(&revocation)), "revoked -");
}

#[test]
fn only_what_ends_soon_is_exempt() {
    const DAY: u32 = 86_400;
    let root = root();
    let lived = |seconds: i64, extensions: &[Extension]| {
        let builder = CertificateBuilder::end_entity(&Name::cn("leaf"), &key(2), &[])
            .validity(NOW - 10, NOW - 10 + seconds);
        extensions.iter().cloned().fold(builder, CertificateBuilder::with).issued_by(&root)
    };
    let declared = [ext::no_revocation_available()];
    let contradicting = [
        ext::no_revocation_available(),
        ext::crl_distribution_points(&[DistributionPoint::uri("http://a/")]),
    ];
    let day = i64::from(DAY);
    let hard = RevocationPolicy::hard_fail;
    for (case, certificate, policy, role, expected) in [
        (
            "by default none",
            lived(60, &declared),
            hard(),
            Role::EndEntity,
            "revocation.exemption-refused",
        ),
        (
            "declared",
            lived(day, &declared),
            hard().allow_no_rev_avail_up_to_seconds(DAY),
            Role::EndEntity,
            "good",
        ),
        (
            "declared and long",
            lived(day + 1, &declared),
            hard().allow_no_rev_avail_up_to_seconds(DAY),
            Role::EndEntity,
            "revocation.exemption-refused",
        ),
        (
            "declared and contradicted",
            lived(day, &contradicting),
            hard().allow_no_rev_avail_up_to_seconds(DAY),
            Role::EndEntity,
            "revocation.no-source",
        ),
        (
            "not declared",
            lived(day, &[]),
            hard().allow_no_rev_avail_up_to_seconds(DAY),
            Role::EndEntity,
            "revocation.no-source",
        ),
        (
            "short",
            lived(day, &[]),
            hard().allow_short_lived_up_to_seconds(DAY),
            Role::EndEntity,
            "good",
        ),
        (
            "long",
            lived(day + 1, &[]),
            hard().allow_short_lived_up_to_seconds(DAY),
            Role::EndEntity,
            "revocation.no-source",
        ),
        (
            "no end entity",
            lived(day, &declared),
            hard().allow_short_lived_up_to_seconds(DAY),
            Role::Intermediate,
            "revocation.no-source",
        ),
    ] {
        let asked = Asked { policy, role, ..Asked::of(&certificate, &root) };
        assert_eq!(say(&asked.judge(&Revocation::new())), expected, "{case}");
    }
}

#[test]
fn sources_are_judged_together() {
    let root = root();
    let certificate = leaf(&[]);
    let signers = [signer(&root.certificate)];
    let lists = |builder: CrlBuilder| Arc::new(store(&[builder.sign(&key(1))], &signers));
    let stale = || crl(1).updates(LONG_AGO, Some((NOW - 1).into()));
    let revoking = || crl(1).revoke(Revoked::new(&[5]));
    let rule =
        |rule: RevocationRule| RevocationPolicy::hard_fail().with_rule(Role::EndEntity, rule);
    let soft = RevocationRule::if_available;
    for (case, list, staple, policy, expected) in [
        (
            "list good, staple revoked",
            crl(1),
            Some(Status::Revoked(LONG_AGO, None)),
            rule(RevocationRule::hard_fail()),
            "revoked -",
        ),
        (
            "list revoked, staple good",
            revoking(),
            Some(Status::Good),
            rule(RevocationRule::hard_fail()),
            "revoked -",
        ),
        (
            "list stale, staple good",
            stale(),
            Some(Status::Good),
            rule(RevocationRule::hard_fail()),
            "good",
        ),
        ("list stale", stale(), None, rule(soft()), "revocation.stale"),
        (
            "list stale, allowed",
            stale(),
            None,
            rule(soft().allow_unknown(UnknownReason::Stale)),
            "passed revocation.stale true",
        ),
        (
            "list stale, allowed silently",
            stale(),
            None,
            rule(soft().dangerously_allow_silently(UnknownReason::Stale)),
            "passed revocation.stale false",
        ),
        ("revoked is never allowed", revoking(), None, rule(soft()), "revoked -"),
        (
            "responder does not know",
            stale(),
            Some(Status::Unknown),
            rule(soft()),
            "revocation.stale",
        ),
    ] {
        for swapped in [false, true] {
            let mut sources: Vec<Arc<dyn bonafide::revocation::RevocationSource>> =
                vec![lists(list.clone()), Arc::new(OcspStore::new())];
            if swapped {
                sources.reverse();
            }
            let mut asked = Asked { policy: policy.clone(), ..Asked::of(&certificate, &root) };
            asked.staple = staple.map(|status| respond(status).sign(&key(1)));
            let revocation = sources.into_iter().fold(Revocation::new(), Revocation::with_source);
            assert_eq!(say(&asked.judge(&revocation)), expected, "{case}");
        }
    }
    let empty =
        Asked { policy: RevocationPolicy::if_available(), ..Asked::of(&certificate, &root) };
    assert_eq!(say(&empty.judge(&Revocation::new())), "passed revocation.no-source true");
    let mut limits = Limits::DEFAULT;
    limits.evidence_checks = 0;
    let asked = Asked { limits, ..Asked::of(&certificate, &root) };
    let revocation = Revocation::new().with_source(lists(crl(1)));
    assert_eq!(say(&asked.judge(&revocation)), "revocation.limit");
    let judgement = Asked::of(&certificate, &root).judge(&revocation);
    let Some(Authority::Crl(summary)) = &judgement.answer.authority else { panic!() };
    assert_eq!(judgement.answer.evidence, [summary.id]);
    assert_eq!(judgement.valid_until, Some(Time::from_unix(FAR)));
}
