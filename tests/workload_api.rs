//! Workload API updates by scenario: what a message changes, what discards it, what a status means.

#![expect(clippy::unwrap_used, reason = "test code")]

mod kit;

use std::collections::BTreeMap;
use std::sync::Arc;

use bonafide::identity::{SpiffeId, TrustDomain};
use bonafide::trust::{
    FederatedBundles, MessageRejected, Reconnect, StreamEnd, SvidKey, TrustStore, Update,
    WorkloadEvent, WorkloadState, X509BundlesMessage, X509SvidEntry, X509SvidMessage,
};
use bonafide::x509::Time;
use kit::{Authority, CrlBuilder, GeneralName, Key, Kind, NOW, Name};

fn at(seconds: i64) -> Time {
    Time::from_unix(NOW + seconds)
}

fn root(number: u64) -> Authority {
    Authority::root(&Name::cn(&format!("Root {number}")), &Key::new(Kind::Ed25519, number))
}

/// An identity whose key has this number, under a root and with a bundle of it.
fn entry(id: &str, root_number: u64, key_number: u64) -> X509SvidEntry {
    let key = Key::new(Kind::Ed25519, key_number);
    let root = root(root_number);
    X509SvidEntry {
        spiffe_id: id.into(),
        x509_svid: root.leaf(&Name::empty(), &key, &[GeneralName::uri(id)], |builder| builder),
        x509_svid_key: key.pkcs8().unwrap().into(),
        bundle: root.certificate,
        hint: String::new(),
    }
}

const A: &str = "spiffe://example.org/a";
const B: &str = "spiffe://example.org/b";

fn message() -> X509SvidMessage {
    X509SvidMessage {
        svids: vec![entry(A, 1, 10), entry(B, 1, 11)],
        crls: Vec::new(),
        federated_bundles: BTreeMap::from([("spiffe://other.org".into(), root(2).certificate)]),
    }
}

fn codes(update: &Update) -> Vec<&'static str> {
    let code = |event: &WorkloadEvent| event.code().strip_prefix("workload-api.").unwrap();
    update.events().iter().map(code).collect()
}

fn started() -> WorkloadState {
    let mut state = WorkloadState::new(1);
    assert_eq!(codes(&state.apply(message(), at(0)).unwrap()), ["available"]);
    state
}

fn names(state: &WorkloadState) -> Vec<String> {
    let context = state.current().unwrap();
    context.svids().iter().map(|svid| svid.id().to_string()).collect()
}

#[test]
fn a_message_is_the_complete_state() {
    let mut state = started();
    let context = state.current().unwrap().clone();
    assert_eq!(names(&state), [A, B]);
    assert_eq!(context.default_svid().unwrap().id().as_str(), A, "W-12");
    assert_eq!(context.default_svid().unwrap().chain().len(), 1);
    let domains: Vec<&str> = context.bundles().map(|b| b.trust_domain().as_str()).collect();
    assert_eq!(domains, ["example.org", "other.org"], "W-15");
    assert_eq!(context.received_at(), at(0));

    // W-03, W-04: what is left out is gone.
    let mut less = message();
    less.svids.pop();
    less.federated_bundles.clear();
    let update = state.apply(less, at(1)).unwrap();
    assert_eq!(codes(&update), ["svid-removed", "bundle-removed"]);
    assert_eq!(names(&state), [A]);
    let other = TrustDomain::parse("other.org").unwrap();
    assert!(state.current().unwrap().bundle(&other).is_none(), "W-10");
    assert!(context.bundle(&other).is_some(), "I6");
}

#[test]
fn s2_svid_and_bundle_change_together() {
    let mut state = started();
    let before = state.current().unwrap().clone();
    let mut rotated = message();
    rotated.svids = vec![entry(A, 3, 12), entry(B, 3, 13)];
    let update = state.apply(rotated, at(1)).unwrap();
    assert_eq!(codes(&update), ["svid-replaced", "svid-replaced", "bundle-replaced"]);
    let after = state.current().unwrap();
    for context in [&before, after] {
        let svid = context.default_svid().unwrap();
        let issuer = svid.chain()[0].as_certificate().issuer();
        let bundle = context.bundle(&svid.id().trust_domain().to_owned()).unwrap();
        let anchor = bundle.trust_bundle().anchors().next().unwrap().subject();
        assert!(anchor.matches(&issuer), "chain and bundle of one message");
    }
    assert_eq!(
        after.default_svid().unwrap().key().as_der(),
        Key::new(Kind::Ed25519, 12).pkcs8().unwrap()
    );
}

#[test]
fn s14_withdrawn_and_restored() {
    let mut state = started();
    let (update, reconnect) = state.on_end(StreamEnd::PermissionDenied);
    assert_eq!(codes(&update), ["withdrawn"]);
    assert!(matches!(reconnect, Reconnect::After { .. }), "W-18");
    assert!(state.current().is_none(), "W-11");
    let (update, _) = state.on_end(StreamEnd::PermissionDenied);
    assert!(update.events().is_empty() && !update.is_new_state(), "one event");

    let update = state.apply(message(), at(5)).unwrap();
    assert_eq!(update.events(), [WorkloadEvent::Available { restored: true }]);
    assert_eq!((names(&state).len(), state.generation()), (2, 3), "I5");

    let _ = state.on_end(StreamEnd::PermissionDenied);
    let mut other = message();
    other.svids.remove(0);
    let update = state.apply(other, at(6)).unwrap();
    assert_eq!(update.events(), [WorkloadEvent::Available { restored: false }]);
}

type Edit = fn(&mut X509SvidMessage);

#[test]
fn s15_a_bad_message_changes_nothing() {
    let mut state = started();
    let before = state.current().unwrap().clone();
    let edits: Vec<(&str, Edit, &str, Option<usize>)> = vec![
        ("W-05 no SVIDs", |m| m.svids.clear(), "empty-field", None),
        ("W-05 no ID", |m| m.svids[1].spiffe_id.clear(), "empty-field", Some(1)),
        ("W-05 no chain", |m| m.svids[1].x509_svid.clear(), "empty-field", Some(1)),
        ("W-05 no key", |m| m.svids[1].x509_svid_key = SvidKey::default(), "empty-field", Some(1)),
        ("W-05 no bundle", |m| m.svids[1].bundle.clear(), "empty-field", Some(1)),
        ("no SPIFFE ID", |m| m.svids[1].spiffe_id = "https://a/b".into(), "spiffe-id", Some(1)),
        (
            "X-06 no path",
            |m| m.svids[1].spiffe_id = "spiffe://example.org".into(),
            "spiffe-id",
            Some(1),
        ),
        ("X-02 of another", |m| m.svids[1].spiffe_id = A.into(), "another-id", Some(1)),
        ("W-13 undecodable", |m| m.svids[1].x509_svid = vec![0x30, 0], "chain", Some(1)),
        ("W-13 trailing octet", |m| m.svids[1].x509_svid.push(0), "chain", Some(1)),
        ("W-14 no DER", |m| m.svids[1].x509_svid_key = vec![1].into(), "key", Some(1)),
        (
            "W-14 encrypted",
            |m| {
                let algorithm = kit::der::sequence([kit::der::oid("1.2.840.113549.1.5.13")]);
                let parts = [algorithm, kit::der::octet_string(&[1, 2, 3])];
                m.svids[1].x509_svid_key = kit::der::sequence(parts).into();
            },
            "key",
            Some(1),
        ),
        (
            "a bundle that differs",
            |m| m.svids[1].bundle = root(4).certificate,
            "bundles-differ",
            Some(1),
        ),
        (
            "W-15 a name",
            |m| drop(m.federated_bundles.insert("third.org".into(), Vec::new())),
            "bundle-name",
            Some(1),
        ),
        (
            "W-15 with path",
            |m| drop(m.federated_bundles.insert("spiffe://z.org/a".into(), Vec::new())),
            "bundle-name",
            Some(1),
        ),
        (
            "W-15 undecodable",
            |m| drop(m.federated_bundles.insert("spiffe://other.org".into(), vec![0x30])),
            "bundle",
            Some(0),
        ),
        ("W-07 undecodable", |m| m.crls.push(vec![0x30, 0]), "crl", Some(0)),
    ];
    for (case, edit, code, element) in edits {
        let mut bad = message();
        edit(&mut bad);
        let error: MessageRejected = state.apply(bad, at(1)).unwrap_err();
        let expected = format!("workload-api.{code}");
        assert_eq!(
            (error.code(), error.element()),
            (expected.as_str(), element),
            "{case}: {error}"
        );
        assert!(Arc::ptr_eq(state.current().unwrap(), &before), "{case}");
    }
    assert_eq!(state.generation(), 1);
    // A trust domain without authorities is no fault: all its SVIDs are untrusted (B-12).
    let mut none = message();
    none.federated_bundles.insert("spiffe://other.org".into(), Vec::new());
    assert_eq!(codes(&state.apply(none, at(2)).unwrap()), ["bundle-replaced"]);
}

#[test]
fn s17_no_update_is_lost_between_snapshot_and_subscription() {
    let mut state = started();
    let snapshot = state.current().unwrap().clone();
    let mut next = message();
    next.svids[0] = entry(A, 1, 14);
    assert!(state.apply(next, at(1)).unwrap().is_new_state());
    // Who begins to listen only now sees that the snapshot is behind.
    assert!(snapshot.generation() < state.generation());
    assert_eq!(state.current().unwrap().generation(), state.generation());
}

#[test]
fn s18_storms_and_orders() {
    let mut state = started();
    let before = state.current().unwrap().clone();
    let same = message();
    for second in 0..1_000 {
        let update = state.apply(same.clone(), at(second)).unwrap();
        assert!(update.events().is_empty() && !update.is_new_state());
    }
    assert!(Arc::ptr_eq(state.current().unwrap(), &before), "no rebuild");

    let id = |id| Some(SpiffeId::parse(id).unwrap());
    let mut swapped = message();
    swapped.svids.swap(0, 1);
    let update = state.apply(swapped, at(1)).unwrap();
    assert_eq!(update.events(), [WorkloadEvent::DefaultChanged { from: id(A), to: id(B) }]);

    let mut three = message();
    three.svids.push(entry("spiffe://example.org/c", 1, 15));
    assert_eq!(
        codes(&state.apply(three.clone(), at(2)).unwrap()),
        ["default-changed", "svid-added"]
    );
    three.svids.swap(1, 2);
    let update = state.apply(three, at(3)).unwrap();
    assert!(update.events().is_empty() && update.is_new_state(), "order of the others only");
}

#[test]
fn hints() {
    let mut state = WorkloadState::new(1);
    let mut hinted = message();
    hinted.svids.push(entry("spiffe://example.org/c", 1, 15));
    hinted.svids[0].hint = "x".repeat(1_025);
    hinted.svids[1].hint = "internal".into();
    hinted.svids[2].hint = "internal".into();
    let update = state.apply(hinted, at(0)).unwrap();
    assert_eq!(codes(&update), ["available", "hint-ignored"], "W-16");
    let context = state.current().unwrap();
    assert_eq!(
        context.svid_with_hint("internal").unwrap().id().as_str(),
        B,
        "W-08: the first wins"
    );
    assert_eq!(context.default_svid().unwrap().hint(), None);
    assert!(context.svid_with_hint("external").is_none(), "W-17");
}

#[test]
fn crls_and_bundle_streams() {
    let mut state = WorkloadState::new(1);
    let bundles = || X509BundlesMessage {
        crls: Vec::new(),
        bundles: BTreeMap::from([("spiffe://other.org".into(), root(2).certificate)]),
    };
    assert_eq!(codes(&state.apply_bundles(bundles(), at(0)).unwrap()), ["available"]);
    assert!(state.current().unwrap().default_svid().is_none());
    let issuer = root(2);
    let crl = CrlBuilder::complete(&issuer.name, 1, &issuer.key).sign(&issuer.key);
    let with_crl = || X509BundlesMessage { crls: vec![crl.clone()], ..bundles() };
    assert_eq!(codes(&state.apply_bundles(with_crl(), at(1)).unwrap()), ["crls-replaced"], "W-07");
    assert_eq!(state.current().unwrap().crls().len(), 1);
    assert!(state.apply_bundles(with_crl(), at(2)).unwrap().events().is_empty());
    let error = state.apply_bundles(X509BundlesMessage::default(), at(3)).unwrap_err();
    assert_eq!(error.code(), "workload-api.empty-field");
}

#[test]
fn ends_of_streams() {
    let waits = |seed| {
        let mut state = started();
        let mut list = vec![state.on_end(StreamEnd::Closed).1];
        let mut other = WorkloadState::new(seed);
        list.extend((0..8).map(|_| other.on_end(StreamEnd::Unavailable).1));
        list
    };
    let list = waits(1);
    assert_eq!(list[0], Reconnect::AtOnce, "W-01");
    for (index, reconnect) in list[1..].iter().enumerate() {
        let longest = 30_000.min(1_000 << index);
        assert!(
            matches!(reconnect, Reconnect::After { milliseconds }
                if (longest * 4 / 5..=longest).contains(milliseconds)),
            "W-18: {index} {reconnect:?}"
        );
    }
    assert_eq!(list, waits(1));
    assert_ne!(list, waits(2));

    let mut state = started();
    assert_eq!(state.on_end(StreamEnd::from_grpc_code(3)).1, Reconnect::Never, "W-18");
    assert!(state.current().is_some(), "only PermissionDenied takes identities away");
    // A server that closes each stream at once is not asked without end.
    let mut state = started();
    assert_eq!(state.on_end(StreamEnd::Closed).1, Reconnect::AtOnce);
    assert!(matches!(state.on_end(StreamEnd::Closed).1, Reconnect::After { .. }));
    assert!(state.apply(message(), at(1)).unwrap().events().is_empty());
    assert_eq!(state.on_end(StreamEnd::Closed).1, Reconnect::AtOnce);
    for (code, end) in [
        (0, StreamEnd::Closed),
        (7, StreamEnd::PermissionDenied),
        (14, StreamEnd::Unavailable),
        (13, StreamEnd::Other),
    ] {
        assert_eq!(StreamEnd::from_grpc_code(code), end);
    }
}

#[test]
fn s10_the_federation_follows_the_stream() {
    let mut federation = FederatedBundles::new(TrustStore::new([]).unwrap());
    let mut state = started();
    let mut publish = |state: &WorkloadState| {
        let context = state.current().unwrap();
        let change = federation.replace_all(context.bundles().cloned(), context.received_at());
        let codes: Vec<&str> = change.unwrap().events().iter().map(|event| event.code()).collect();
        (codes.join(" "), federation.store().len())
    };
    assert_eq!(publish(&state).1, 2);
    assert_eq!(publish(&state), (String::new(), 2));
    let mut without = message();
    without.federated_bundles.clear();
    assert!(state.apply(without, at(1)).is_ok());
    assert_eq!(publish(&state), ("federation.dropped".into(), 1));
}

#[test]
fn keys_are_not_shown() {
    let text = format!("{:?} {:?}", message(), started().current());
    let key = Key::new(Kind::Ed25519, 10).pkcs8().unwrap();
    assert!(text.contains("SvidKey(redacted)"));
    assert!(!text.contains(&format!("{key:?}")));
}
