//! CRLite filters: an answer only for what a filter covers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod kit;

use std::sync::Arc;

use bonafide::policy::{Limits, RevocationPolicy};
use bonafide::revocation::{
    CrliteFilters, EvidenceBudget, Issuer, Outcome, Query, Revocation, SignatureTools,
};
use bonafide::signature::{AlgorithmPolicy, PublicKey, RingBackend};
use bonafide::x509::{Certificate, Time};
use clubcard::builder::{ApproximateRibbon, ClubcardBuilder, ExactRibbon};
use clubcard_crlite::builder::CRLiteBuilderItem;
use clubcard_crlite::{CRLiteClubcard, CRLiteCoverage, CRLiteQuery, Encoding, IssuerSpkiHash};
use kit::{Authority, CertificateBuilder, Key, Kind, NOW, Name, ext};
use sha2::{Digest, Sha256};

/// Covers the serial numbers 0x1000 to 0x10ff of an issuer, of which the first ten are revoked,
/// logged in the log of zeros between the milliseconds 1,000 and 2,000.
fn filter(issuer: [u8; 32]) -> Vec<u8> {
    let serial = |n: u8| vec![0x10, n];
    let item = |n: u8| {
        let issuer = IssuerSpkiHash(issuer);
        if n < 10 {
            CRLiteBuilderItem::revoked(issuer, serial(n))
        } else {
            CRLiteBuilderItem::not_revoked(issuer, serial(n))
        }
    };
    let mut builder = ClubcardBuilder::new();
    let mut approximate = builder.new_approx_builder(&issuer);
    approximate.set_universe_size(256);
    (0..10).for_each(|n| approximate.insert(item(n)));
    builder.collect_approx_ribbons(vec![ApproximateRibbon::from(approximate)]);
    let mut exact = builder.new_exact_builder(&issuer);
    (0..=255).for_each(|n| exact.insert(item(n)));
    builder.collect_exact_ribbons(vec![ExactRibbon::from(exact)]);
    let coverage = r#"[{"LogID":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "MinTimestamp":1000,"MaxTimestamp":2000,"MMD":0,"MinEntry":0}]"#;
    let coverage = CRLiteCoverage::from_mozilla_ct_logs_json(coverage.as_bytes());
    let clubcard = CRLiteClubcard::from(builder.build::<CRLiteQuery>(coverage, ()));
    clubcard.to_bytes(Encoding::V3).unwrap()
}

fn vector(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat()
}

/// A list of one timestamp.
fn scts(log: u8, milliseconds: u64) -> Vec<u8> {
    let head = [&[0][..], &[log; 32], &milliseconds.to_be_bytes()].concat();
    let sct = [head, vector(&[]), vec![4, 3], vector(&[9])].concat();
    vector(&vector(&sct))
}

#[test]
fn a_filter_speaks_of_what_it_covers() {
    const DAY: i64 = 86_400;
    let root = Authority::root(&Name::cn("CA"), &Key::new(Kind::Ed25519, 1));
    let other = Authority::root(&Name::cn("Other"), &Key::new(Kind::Ed25519, 3));
    let bytes = filter(Sha256::digest(Key::new(Kind::Ed25519, 1).spki()).into());
    let policy = RevocationPolicy::hard_fail();
    let inside = || Some(scts(0, 1_500));
    for (case, issuer, serial, embedded, presented, age, expected) in [
        ("good", &root, 0x20, inside(), None, 0, "good"),
        ("revoked", &root, 0x05, inside(), None, 0, "revoked"),
        ("no timestamp", &root, 0x20, None, None, 0, "revocation.not-covered"),
        ("logged later", &root, 0x20, Some(scts(0, 2_001)), None, 0, "revocation.not-covered"),
        ("logged before", &root, 0x05, Some(scts(0, 999)), None, 0, "revocation.not-covered"),
        ("another log", &root, 0x20, Some(scts(1, 1_500)), None, 0, "revocation.not-covered"),
        ("issuer not enrolled", &other, 0x20, inside(), None, 0, "revocation.not-covered"),
        ("timestamp of the handshake", &root, 0x20, None, inside(), 0, "revocation.not-covered"),
        ("revoked by that timestamp", &root, 0x05, None, inside(), 0, "revoked"),
        ("old", &root, 0x20, inside(), None, 11 * DAY, "revocation.stale"),
        ("old and revoked", &root, 0x05, inside(), None, 11 * DAY, "revoked"),
        ("from the future", &root, 0x20, inside(), None, -1, "revocation.from-future"),
    ] {
        let leaf_key = Key::new(Kind::Ed25519, 2);
        let builder = CertificateBuilder::end_entity(&Name::cn("leaf"), &leaf_key, &[]);
        let builder = builder.serial(&[0x10, serial]);
        let builder = match &embedded {
            Some(list) => builder.with(ext::sct_list(list)),
            None => builder,
        };
        let der = builder.issued_by(issuer);
        let certificate = Certificate::from_der(&der).unwrap();
        let authority = Certificate::from_der(&issuer.certificate).unwrap();
        let key = PublicKey::new(authority.subject_public_key_info().unwrap());
        let tools = SignatureTools::new(&RingBackend::NEW, &AlgorithmPolicy::DEFAULT);
        let filters = CrliteFilters::new().with(&bytes, Time::from_unix(NOW - age)).unwrap();
        let issuer = Issuer::new(authority.subject(), key);
        let query = Query::new(certificate, issuer, tools, &policy, Time::from_unix(NOW))
            .with_scts(presented.as_deref());
        let revocation = Revocation::new().with_source(Arc::new(filters));
        let judgement = revocation.judge(&query, &mut EvidenceBudget::of_limits(Limits::DEFAULT));
        let found = match &judgement.outcome {
            Outcome::Good => "good",
            Outcome::Revoked(_) => "revoked",
            Outcome::Refused(why) => why.code(),
            other => panic!("{case}: {other:?}"),
        };
        assert_eq!(found, expected, "{case}");
    }
    assert!(CrliteFilters::new().with(&bytes[..bytes.len() - 1], Time::from_unix(NOW)).is_err());
}
