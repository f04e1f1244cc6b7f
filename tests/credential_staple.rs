//! OCSP responses for one's own leaf: only those that a peer would accept, and no longer than they hold.

#![expect(clippy::unwrap_used, reason = "test code")]
#![cfg(all(feature = "std", feature = "ring"))]

mod kit;

use std::sync::Arc;

use bonafide::credential::{
    Action, Credential, CredentialChecks, CredentialHandle, EventQueue, RenewalPolicy,
    RotationSchedule, SoftwareKey, Staple, Update,
};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{RingBackend, default_backend};
use bonafide::x509::Time;
use kit::ocsp::cert_id;
use kit::{
    CertificateBuilder, Estate, Extension, FAR, GeneralName, IdHash, Key, Kind, NOW, Name,
    OcspResponseBuilder, Responder, SingleResponse, Status, ext,
};
use rustls_pki_types::CertificateDer;

const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
const HOUR: i64 = 3_600;

fn at(seconds: i64) -> Time {
    Time::from_unix(NOW + seconds)
}

fn estate() -> Estate {
    let keys = [0, 1, 2].map(|number| Key::new(Kind::Ed25519, number));
    Estate::of(keys, &[GeneralName::dns("db.example.org")])
}

/// A credential of the estate with this serial number.
fn credential(estate: &Estate, serial: u8, chain: usize) -> Credential {
    let names = [GeneralName::dns(&format!("db{serial}.example.org"))];
    let leaf = estate
        .intermediate
        .leaf(&Name::cn("leaf"), &estate.leaf_key, &names, |builder| builder.serial(&[serial]));
    let chain: Vec<_> = [leaf, estate.intermediate.certificate.clone()]
        .into_iter()
        .take(chain)
        .map(CertificateDer::from)
        .collect();
    let key = SoftwareKey::from_der(&estate.leaf_key.pkcs8().unwrap()).unwrap();
    let policy = ValidationPolicy::tls_server();
    CredentialChecks::new(&policy, default_backend(), at(0)).check(&chain, Arc::new(key)).unwrap()
}

fn single(estate: &Estate, serial: u8, status: Status) -> SingleResponse {
    let ca = &estate.intermediate;
    let id = cert_id(IdHash::Sha1, &ca.name, &ca.key, &[serial]);
    SingleResponse::new(&id, status).updates(NOW - HOUR, Some(NOW + HOUR))
}

fn by_ca(estate: &Estate, single: SingleResponse) -> Vec<u8> {
    let key = &estate.intermediate.key;
    OcspResponseBuilder::new(Responder::Key(key.clone())).respond(single).sign(key)
}

fn staple(estate: &Estate, serial: u8, until: i64) -> Staple {
    let single = single(estate, serial, Status::Good).updates(NOW - HOUR, Some(NOW + until));
    let backend = Arc::new(RingBackend::NEW);
    Staple::check(&by_ca(estate, single), &credential(estate, serial, 2), backend, at(0)).unwrap()
}

#[test]
fn only_what_a_peer_would_accept_is_stapled() {
    let estate = estate();
    let ca = &estate.intermediate;
    let good = || single(&estate, 7, Status::Good);
    // What lets a responder speak for itself: id-pkix-ocsp-nocheck.
    let nocheck = || Extension::raw("1.3.6.1.5.5.7.48.1.5", false, &[5, 0]);
    let delegate = |purpose: &str, until: i64, nocheck: Option<Extension>| {
        let key = Key::new(Kind::Ed25519, 30);
        let builder = CertificateBuilder::end_entity(&Name::cn("Responder"), &key, &[])
            .serial(&[30])
            .validity(NOW - HOUR, until)
            .without("2.5.29.17")
            .with(ext::extended_key_usage(&[purpose]))
            .with(ca.key_identifier())
            .issuer(&ca.name);
        let builder = nocheck.into_iter().fold(builder, CertificateBuilder::with);
        let certificate = builder.sign(&ca.key);
        OcspResponseBuilder::new(Responder::Key(key.clone()))
            .respond(good())
            .certificate(&certificate)
            .sign(&key)
    };
    let stranger = Key::new(Kind::Ed25519, 31);
    let by_stranger =
        OcspResponseBuilder::new(Responder::Key(ca.key.clone())).respond(good()).sign(&stranger);
    for (case, response, chain, expected) in [
        ("good", by_ca(&estate, good()), 2, Ok(HOUR)),
        ("good, without the issuer", by_ca(&estate, good()), 1, Err("staple.no-issuer")),
        ("by a responder", delegate(OCSP_SIGNING, FAR, Some(nocheck())), 2, Ok(HOUR)),
        ("by a responder that ends", delegate(OCSP_SIGNING, NOW + 60, Some(nocheck())), 2, Ok(60)),
        (
            "by a responder that may be revoked",
            delegate(OCSP_SIGNING, FAR, None),
            2,
            Err("revocation.signer-not-authorized"),
        ),
        (
            "by a responder that ended",
            delegate(OCSP_SIGNING, NOW - 1, Some(nocheck())),
            2,
            Err("revocation.signer-not-authorized"),
        ),
        (
            "by somebody else's responder",
            delegate(ext::purpose::SERVER_AUTH, FAR, Some(nocheck())),
            2,
            Err("revocation.signer-not-authorized"),
        ),
        ("by a stranger", by_stranger, 2, Err("revocation.bad-signature")),
        (
            "revoked",
            by_ca(&estate, single(&estate, 7, Status::Revoked(NOW - 60, Some(1)))),
            2,
            Err("revocation.revoked"),
        ),
        (
            "unknown",
            by_ca(&estate, single(&estate, 7, Status::Unknown)),
            2,
            Err("revocation.responder-unknown"),
        ),
        (
            "about another one",
            by_ca(&estate, single(&estate, 8, Status::Good)),
            2,
            Err("revocation.not-covered"),
        ),
        (
            "old",
            by_ca(&estate, good().updates(NOW - 2 * HOUR, Some(NOW - 1))),
            2,
            Err("revocation.stale"),
        ),
        (
            "of the future",
            by_ca(&estate, good().updates(NOW + 60, Some(NOW + HOUR))),
            2,
            Err("revocation.from-future"),
        ),
        ("garbage", b"garbage".to_vec(), 2, Err("revocation.malformed")),
    ] {
        let credential = credential(&estate, 7, chain);
        let backend = Arc::new(RingBackend::NEW);
        let found = Staple::check(&response, &credential, backend.clone(), at(0));
        let found = found.map(|staple| {
            assert_eq!((staple.response(), staple.taken_at()), (&response[..], at(0)), "{case}");
            staple.valid_until().seconds_since(at(0))
        });
        let found = found.map_err(|error| error.cause_code().unwrap_or(error.code()));
        assert_eq!(found, expected, "{case}");
        // Who keeps the issuer elsewhere names it.
        let issuer = CertificateDer::from(ca.certificate.as_slice());
        let named = Staple::check_with_issuer(&response, &credential, &issuer, backend, at(0));
        assert_eq!(named.is_ok(), expected.is_ok() || chain == 1, "{case}");
    }
}

#[test]
fn a_staple_changes_beside_its_credential_and_ends_in_time() {
    let estate = estate();
    let handle = CredentialHandle::new(Arc::new(()));
    let events = Arc::new(EventQueue::with_capacity(64));
    let _before = handle.subscribe(&events);
    let told =
        || -> Vec<&str> { std::iter::from_fn(|| events.pop()).map(|event| event.name()).collect() };
    let publish = |update: Update| handle.publish(update, at(0)).map_err(|error| error.code());
    let held = |seconds| {
        let set = handle.snapshot();
        let found = set.staple(set.iter().next().unwrap(), at(seconds));
        found.map(|staple| staple.valid_until().seconds_since(at(0)))
    };

    assert_eq!(publish(Update::staple(staple(&estate, 7, 60))), Err("credential.staple-of-nobody"));
    assert_eq!(told(), ["credential.event.failed"]);
    let first = Update::install(credential(&estate, 7, 2)).with_staple(staple(&estate, 7, 60));
    assert_eq!(publish(first), Ok(1));
    assert_eq!(
        told(),
        [
            "credential.event.installed",
            "credential.event.default-changed",
            "credential.event.stapled"
        ]
    );
    assert_eq!((held(60), held(61)), (Some(60), None), "not a second longer");

    // The credential stays what it is: same allocation, same generation, nothing drains.
    let before = handle.snapshot();
    assert_eq!(publish(Update::staple(staple(&estate, 7, 90))), Ok(2));
    assert_eq!(told(), ["credential.event.stapled"]);
    let set = handle.snapshot();
    assert!(Arc::ptr_eq(before.iter().next().unwrap(), set.iter().next().unwrap()));
    assert_eq!((set.generation(), set.credentials_since()), (2, 1));
    assert!(handle.draining().is_empty());
    assert_eq!((held(60), held(61)), (Some(90), Some(90)));

    for (case, update, expected) in [
        ("the same", Update::staple(staple(&estate, 7, 90)), Ok(2)),
        ("older", Update::staple(staple(&estate, 7, 89)), Err("credential.staple-older")),
    ] {
        assert_eq!(publish(update), expected, "{case}");
        assert_eq!(held(0), Some(90), "{case}");
    }
    let late = handle.publish(Update::staple(staple(&estate, 7, 99)), at(100));
    assert_eq!(late.unwrap_err().code(), "credential.staple-expired");

    // What is published beside it leaves it; with its leaf it goes.
    assert_eq!(publish(Update::attach(Arc::new(()))), Ok(3));
    assert_eq!((held(0), handle.snapshot().credentials_since()), (Some(90), 1));
    let gone = set.iter().next().unwrap().clone();
    assert_eq!(publish(Update::withdraw(gone)), Ok(4));
    assert_eq!(publish(Update::install(credential(&estate, 7, 2))), Ok(5));
    let set = handle.snapshot();
    assert_eq!((set.credentials_since(), held(0)), (5, None));
}

#[test]
fn the_next_staple_is_asked_for_in_time() {
    let staple = staple(&estate(), 7, 1_000);
    let mut schedule = RotationSchedule::of_staple(RenewalPolicy::DEFAULT, &staple);
    let step = schedule.on_time(at(0));
    assert!(step.actions.is_empty());
    let due = step.next.unwrap();
    assert!((at(400)..at(600)).contains(&due), "{due}");
    assert!(matches!(schedule.on_time(due).actions[..], [Action::Renew { attempt: 1, .. }]));
    let step = schedule.on_failure(due, "responder.unreachable");
    assert!(matches!(step.actions[..], [Action::RetryAt(_)]));
    let step = schedule.on_time(staple.valid_until().saturating_add(1));
    assert!(step.actions.contains(&Action::StopPresenting));
    let later = staple.valid_until().saturating_add(2);
    let step = schedule.on_renewed(later, later, later.saturating_add(1_000));
    assert!(step.actions.contains(&Action::Present));
}
