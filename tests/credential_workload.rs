//! Credentials out of messages of the SPIFFE Workload API: taken whole or not at all.

#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#![expect(clippy::unwrap_used, reason = "test code")]

mod kit;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;

use bonafide::credential::{
    CredentialChecks, CredentialSet, Selection, SignError, SvidRefused, Update,
};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::default_backend;
use bonafide::trust::{WorkloadContext, WorkloadState, X509SvidEntry, X509SvidMessage};
use bonafide::x509::Time;
use kit::{Authority, FAR, GeneralName, Key, Kind, NOW, Name};

const A: &str = "spiffe://example.org/a";
const B: &str = "spiffe://example.org/b";

/// An SVID that is valid from this many seconds after the time of the test.
fn entry(id: &str, key: u64, from: i64, hint: &str) -> X509SvidEntry {
    let root = Authority::root(&Name::cn("Root"), &Key::new(Kind::Ed25519, 0));
    let key = Key::new(Kind::Ed25519, key);
    let names = [GeneralName::uri(id)];
    X509SvidEntry {
        spiffe_id: id.into(),
        x509_svid: root.leaf(&Name::empty(), &key, &names, |builder| {
            builder.replace(kit::ext::subject_alt_name(&names).critical()).validity(NOW + from, FAR)
        }),
        x509_svid_key: key.pkcs8().unwrap().into(),
        bundle: root.certificate,
        hint: hint.into(),
    }
}

fn context(svids: Vec<X509SvidEntry>) -> Arc<WorkloadContext> {
    let message = X509SvidMessage { svids, crls: Vec::new(), federated_bundles: BTreeMap::new() };
    let mut state = WorkloadState::new(1);
    let _ = state.apply(message, Time::from_unix(NOW)).unwrap();
    state.current().unwrap().clone()
}

fn make(
    context: &WorkloadContext,
    set: &CredentialSet,
    seconds: i64,
) -> Result<Update, Box<SvidRefused>> {
    let policy = ValidationPolicy::spiffe();
    let now = Time::from_unix(NOW + seconds);
    Update::from_workload(context, &CredentialChecks::new(&policy, default_backend(), now), set)
}

/// The set that follows a message.
fn follow(set: &CredentialSet, svids: Vec<X509SvidEntry>) -> CredentialSet {
    let update = make(&context(svids), set, 0).unwrap();
    set.next(update, Time::from_unix(NOW)).unwrap().map_or_else(|| set.clone(), |(next, _)| next)
}

fn empty() -> CredentialSet {
    CredentialSet::empty(Arc::new(()))
}

#[test]
fn a_message_is_the_complete_state_of_credentials() {
    let first = follow(&empty(), vec![entry(A, 1, -9, ""), entry(B, 2, -9, "b")]);
    let ids = |set: &CredentialSet| -> Vec<(String, Option<String>, u64)> {
        set.iter()
            .map(|credential| {
                let id = credential.identity().spiffe_id().unwrap().to_string();
                (id, credential.hint().map(str::to_owned), credential.generation())
            })
            .collect()
    };
    assert_eq!(ids(&first), [(A.into(), None, 1), (B.into(), Some("b".into()), 1)], "W-12");
    let now = Time::from_unix(NOW);
    let chosen = first.choose(Selection::ANY.with_hint("b"), now).unwrap();
    assert_eq!(chosen.identity().spiffe_id().unwrap().as_str(), B, "W-08");

    // One is renewed, the other stays what it was, and the order decides the default.
    let renewed = vec![entry(B, 3, -5, "b"), entry(A, 1, -9, "")];
    let next = follow(&first, renewed);
    assert_eq!(ids(&next), [(B.into(), Some("b".into()), 2), (A.into(), None, 1)], "W-12");

    // What a message leaves out is withdrawn.
    let last = follow(&next, vec![entry(A, 1, -9, "")]);
    assert_eq!(ids(&last), [(A.into(), None, 1)], "W-03, W-04");
}

#[test]
fn what_is_in_force_is_taken_over_as_it_is() {
    let set = follow(&empty(), vec![entry(A, 1, -9, "")]);
    // The same bytes: no check, not even of the time, and nothing changes.
    let again = context(vec![entry(A, 1, -9, "")]);
    let late = FAR - NOW + 1;
    let update = make(&again, &set, late).unwrap();
    assert!(set.next(update, Time::from_unix(NOW + late)).unwrap().is_none());
    // A source that begins with what is expired has nothing to offer.
    let refused = make(&again, &empty(), late).unwrap_err();
    assert_eq!(refused.code(), "credential.expired");
    // The same chain with another key is another matter.
    let mut torn = entry(A, 1, -9, "");
    torn.x509_svid_key = Key::new(Kind::Ed25519, 2).pkcs8().unwrap().into();
    let refused = make(&context(vec![torn]), &set, 0).unwrap_err();
    assert_eq!(refused.code(), "credential.key-mismatch");
}

#[test]
fn of_svids_that_cannot_be_told_apart_the_first_counts() {
    let set = follow(&empty(), vec![entry(A, 1, -9, ""), entry(A, 2, -5, "")]);
    assert_eq!(set.len(), 1);
    let spki = set.iter().next().unwrap().key().public_key().to_vec();
    assert_eq!(spki, Key::new(Kind::Ed25519, 1).spki());
}

#[test]
fn one_unsound_svid_refuses_all_and_is_named() {
    let set = follow(&empty(), vec![entry(A, 1, -9, "")]);
    let mut torn = entry(B, 2, -9, "");
    torn.x509_svid_key = Key::new(Kind::Ed25519, 3).pkcs8().unwrap().into();
    let mut no_key = entry(B, 2, -9, "");
    // PKCS#8 in form, and no key that anybody knows.
    let ed448 = kit::der::sequence([
        kit::der::unsigned(0),
        kit::der::sequence([kit::der::oid("1.3.101.113")]),
        kit::der::octet_string(&[4, 1, 0]),
    ]);
    no_key.x509_svid_key = ed448.into();
    for (case, bad, code, cause) in [
        ("torn pair", torn, "credential.key-mismatch", None),
        ("unknown key", no_key, "credential.key", Some("credential.key.algorithm-unsupported")),
        (
            "not yet valid",
            entry(B, 2, 1, ""),
            "credential.not-yet-valid",
            Some("validity.not-yet-valid"),
        ),
    ] {
        let refused = make(&context(vec![entry(A, 4, -1, ""), bad]), &set, 0).unwrap_err();
        assert_eq!((refused.code(), refused.error().cause_code()), (code, cause), "{case}");
        assert_eq!(refused.id().as_str(), B, "{case}");
        assert!(refused.source().is_some());
        assert_eq!(refused.to_string(), format!("the svid of {B} is not taken into use"));
    }
}

#[test]
fn the_key_signs_and_its_octets_are_nowhere_to_be_read() {
    let svid = entry(A, 1, -9, "the hint");
    let key = Key::new(Kind::Ed25519, 1).pkcs8().unwrap();
    let seed = &key[16..];
    let text = |octets: &[u8]| -> Vec<String> {
        let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        vec![format!("{octets:?}"), format!("{octets:?}").replace(", ", ","), hex]
    };
    let context = context(vec![svid.clone()]);
    let update = make(&context, &empty(), 0).unwrap();
    let shown = [format!("{svid:?}"), format!("{context:?}"), format!("{update:?}")];
    let set = empty().next(update, Time::from_unix(NOW)).unwrap().unwrap().0;
    let mut torn = svid;
    torn.x509_svid_key = Key::new(Kind::Ed25519, 2).pkcs8().unwrap().into();
    let refused = make(&self::context(vec![torn]), &empty(), 0).unwrap_err();
    let shown = shown.into_iter().chain([format!("{set:?}"), format!("{refused:?} {refused}")]);
    for shown in shown {
        assert!(shown.len() > 20);
        for needle in text(&seed[..8]) {
            // The octets as text, without the brackets around them.
            let needle = needle.trim_matches(['[', ']']);
            assert!(!shown.contains(needle), "{shown}");
        }
    }
    let credential = set.iter().next().unwrap();
    let algorithm = credential.key().algorithms()[0];
    let signed: Result<_, SignError> = credential.key().sign(algorithm, b"handshake");
    assert!(!signed.unwrap().is_empty());
}
