//! OCSP responses, deny lists and exemptions as sources, and sources together, without the engine: the
//! table names a case, what is at hand, and the verdict. Lists have a file of their own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod kit;
mod sources;

use std::sync::Arc;

use bonafide::identity::{Identity, IdentityMatcher, PeerIdentity, SpiffeId};
use bonafide::policy::{Limits, RevocationPolicy, RevocationRule, Role, UnknownReason};
use bonafide::revocation::{
    Answer, Authority, CrlStore, Denied, DenyList, DenyRule, EvidenceBudget, EvidenceId,
    EvidenceRequest, Issuer, OcspExchange, OcspIntakeError, OcspStore, Query, Revocation,
    RevocationSource, Revoked as RevokedSince, SignerId, SignerUsage, SignerVerdict, Unknown,
    Verdict,
};
use bonafide::signature::PublicKey;
use bonafide::x509::{CertIdHash, Certificate, OcspRequest, ReasonCode, Time};
use kit::ext::{self, DistributionPoint};
use kit::{
    Authority as Ca, CertificateBuilder, CrlBuilder, Extension, FAR, GeneralName, IdHash, Key,
    LONG_AGO, NOW, Name, OcspResponseBuilder, Responder, Revoked, SingleResponse, Status,
};
use sha2::{Digest, Sha256};
use sources::{Asked, crl, key, leaf, root, say, signer, store, tools};

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
    assert_ne!(held.digest(), released.digest());
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

/// What is newer and lasts less long, or may not count, takes from who rests on what it replaces.
#[test]
fn renewed_evidence_says_what_it_takes() {
    let root = root();
    let authority = Certificate::from_der(&root.certificate).unwrap();
    let spki = authority.subject_public_key_info().unwrap();
    let issuer = Issuer::new(authority.subject(), PublicKey::new(spki));
    let response = |status, this_update, next_update: Option<i64>| {
        let single = SingleResponse::new(&cert_id(IdHash::Sha1), status);
        let single = single.updates(this_update, next_update.map(Into::into));
        OcspResponseBuilder::new(Responder::Key(key(1))).respond(single)
    };
    let held = |store: &OcspStore, response: OcspResponseBuilder, signer| {
        store.with(&response.sign(&key(signer)), None, &issuer, &tools()).unwrap()
    };
    let old = held(&OcspStore::new(), response(Status::Good, NOW - 20, Some(NOW + 99)), 1);
    let delegate = || {
        let single = SingleResponse::new(&cert_id(IdHash::Sha1), Status::Good);
        OcspResponseBuilder::new(Responder::Name(Name::cn("Responder")))
            .respond(single.updates(NOW - 10, Some((NOW + 99).into())))
            .certificate(&responder(&[OCSP_SIGNING], &root))
    };
    for (case, newer, signer, takes) in [
        ("as long", response(Status::Good, NOW - 10, Some(NOW + 99)), 1, false),
        ("longer", response(Status::Good, NOW - 10, Some(NOW + 100)), 1, false),
        ("less long", response(Status::Good, NOW - 10, Some(NOW + 98)), 1, true),
        ("without an end", response(Status::Good, NOW - 10, None), 1, true),
        ("revoked", response(Status::Revoked(NOW, None), NOW - 10, Some(NOW + 99)), 1, true),
        ("unknown", response(Status::Unknown, NOW - 10, Some(NOW + 99)), 1, true),
        ("by a delegate", delegate(), 4, true),
    ] {
        let change = held(&old, newer, signer).change_since(&old);
        assert_eq!(!change.is_none(), takes, "response, {case}: {change:?}");
    }
    assert!(old.change_since(&OcspStore::new()).is_none(), "the first response");

    let signers = [signer(&root.certificate)];
    let list = |number, next_update: Option<i64>| {
        crl(number).updates(NOW - 60 + i64::from(number), next_update.map(Into::into))
    };
    let old = store(&[list(1, Some(NOW + 99)).sign(&key(1))], &signers);
    let unknown = Extension::raw("1.2.3.4", true, &[5, 0]);
    for (case, newer, takes) in [
        ("as long", list(2, Some(NOW + 99)), false),
        ("less long", list(2, Some(NOW + 98)), true),
        ("without an end", list(2, None), true),
        ("one more", list(2, Some(NOW + 99)).revoke(Revoked::new(&[5])), true),
        ("critical extension", list(2, Some(NOW + 99)).with(unknown), true),
    ] {
        let change = store(&[newer.sign(&key(1))], &signers).change_since(&old);
        assert_eq!(!change.is_none(), takes, "list, {case}: {change:?}");
    }
}

/// A source of somebody else's, made with what is public.
#[derive(Debug)]
struct Database(Vec<Vec<u8>>);

impl RevocationSource for Database {
    fn name(&self) -> &'static str {
        "database"
    }

    fn digest(&self) -> EvidenceId {
        EvidenceId::of(&self.0.concat())
    }

    fn status(&self, query: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Answer {
        if let Err(limit) = budget.evidence_check() {
            return Answer::unknown(Unknown::Limit(limit));
        }
        let listed = self.0.iter().any(|serial| *serial == query.certificate.serial_number());
        let mut answer = Answer::new(match listed {
            true => Verdict::Revoked(
                RevokedSince::new(query.now).with_reason(ReasonCode::KeyCompromise),
            ),
            false => Verdict::Good,
        });
        answer.authority = Some(Authority::Other { source: self.name().into() });
        answer.evidence.push(self.digest());
        answer
    }
}

#[test]
fn a_source_may_be_anybodys() {
    let root = root();
    let certificate = leaf(&[]);
    for (case, listed, expected) in [
        ("listed", vec![vec![5]], "revoked keyCompromise"),
        ("another is listed", vec![vec![6]], "good"),
    ] {
        let source = Arc::new(Database(listed));
        let digest = source.digest();
        let judgement =
            Asked::of(&certificate, &root).judge(&Revocation::new().with_source(source));
        assert_eq!(say(&judgement), expected, "{case}");
        assert_eq!(judgement.answer.evidence, [digest], "{case}");
        assert_eq!(judgement.answer.authority.map(|of| of.kind()), Some("other"), "{case}");
    }
}
