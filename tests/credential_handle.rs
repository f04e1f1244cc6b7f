//! The handle: one atomic state, several credentials, drains, events.

#![expect(clippy::unwrap_used, reason = "test code")]
#![cfg(all(feature = "std", feature = "ring"))]

mod kit;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bonafide::credential::{
    Credential, CredentialChecks, CredentialError, CredentialEvent, CredentialEvents,
    CredentialHandle, EventQueue, Selection, SoftwareKey, Update,
};
use bonafide::identity::DnsName;
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{KeyKind, SignatureAlgorithm, default_backend};
use bonafide::x509::Time;
use kit::{Authority, Estate, FAR, GeneralName, Key, Kind, NOW, Name};
use rustls_pki_types::CertificateDer;

const DB: &str = "spiffe://example.org/db";
const WEB: &str = "spiffe://example.org/web";

/// What a test asks its issuer for.
struct Order<'a> {
    key: Key,
    names: &'a [GeneralName],
    validity: (i64, i64),
    hint: Option<&'a str>,
}

fn issue(root: &Authority, order: &Order<'_>) -> Credential {
    let (from, until) = order.validity;
    let leaf = root.leaf(&Name::cn("leaf"), &order.key, order.names, |b| b.validity(from, until));
    let key = SoftwareKey::from_der(&order.key.pkcs8().unwrap()).unwrap();
    let policy = ValidationPolicy::tls_server();
    let mut checks =
        CredentialChecks::new(&policy, default_backend(), Time::from_unix(from.max(NOW)));
    if let Some(hint) = order.hint {
        checks = checks.with_hint(hint);
    }
    checks.check(&[CertificateDer::from(leaf)], Arc::new(key)).unwrap()
}

fn spiffe(root: &Authority, id: &str, number: u64, from: i64) -> Credential {
    let names = [GeneralName::uri(id)];
    let key = Key::new(Kind::Ed25519, number);
    issue(root, &Order { key, names: &names, validity: (from, FAR), hint: None })
}

fn now() -> Time {
    Time::from_unix(NOW)
}

fn names(queue: &EventQueue) -> Vec<&'static str> {
    std::iter::from_fn(|| queue.pop()).map(|event| event.name()).collect()
}

fn code(result: Result<u64, Arc<CredentialError>>) -> Result<u64, &'static str> {
    result.map_err(|error| error.code())
}

#[test]
fn a_credential_is_installed_replaced_drained_and_withdrawn() {
    let root = Estate::new().root;
    let handle = CredentialHandle::<()>::default();
    let queue = Arc::new(EventQueue::with_capacity(100));
    assert_eq!(handle.subscribe(&queue).generation(), 0);

    let first = handle.publish(Update::install(spiffe(&root, DB, 1, NOW - 100)), now());
    assert_eq!(code(first), Ok(1));
    let held = handle.choose(Selection::ANY, now()).unwrap();
    assert_eq!((held.generation(), handle.draining()), (1, vec![]));
    let installed = ["credential.event.installed", "credential.event.default-changed"];
    assert_eq!(names(&queue), installed);

    // The same bytes again: no publication.
    let again = handle.publish(Update::install(spiffe(&root, DB, 1, NOW - 100)), now());
    assert_eq!((code(again), names(&queue)), (Ok(1), vec![]));

    let second = handle.publish(Update::install(spiffe(&root, DB, 2, NOW - 50)), now());
    assert_eq!(code(second), Ok(2));
    assert_eq!(names(&queue), ["credential.event.replaced"]);
    let draining = handle.draining();
    assert_eq!(draining.len(), 1);
    assert_eq!((draining[0].generation, draining[0].holders), (1, 1));
    assert_eq!(draining[0].identity, *held.identity());
    drop(held);
    assert!(handle.draining().is_empty());
    assert_eq!(names(&queue), ["credential.event.drained"]);

    let current = handle.choose(Selection::ANY, now()).unwrap();
    assert_eq!(current.generation(), 2);
    assert_eq!(code(handle.publish(Update::withdraw(current), now())), Ok(3));
    assert!(handle.choose(Selection::ANY, now()).is_none());
    let withdrawn = [
        "credential.event.withdrawn",
        "credential.event.default-changed",
        "credential.event.drained",
    ];
    // The argument of the update was the last to hold it.
    assert_eq!(names(&queue), withdrawn);
}

#[test]
fn a_failed_publication_leaves_what_was_in_force_and_says_why() {
    let root = Estate::new().root;
    let handle = CredentialHandle::<()>::default();
    let queue = Arc::new(EventQueue::with_capacity(100));
    let _ = handle.subscribe(&queue);
    handle.publish(Update::install(spiffe(&root, DB, 1, NOW - 100)), now()).unwrap();
    let in_force = handle.snapshot();
    let _ = names(&queue);

    let soon = Order {
        key: Key::new(Kind::Ed25519, 2),
        names: &[GeneralName::uri(DB)],
        validity: (NOW - 50, NOW + 10),
        hint: None,
    };
    let later = Time::from_unix(NOW + 11);
    let twice = || [3, 4].map(|number| spiffe(&root, WEB, number, NOW - 50));
    for (case, update, at, expected) in [
        ("older", Update::install(spiffe(&root, DB, 2, NOW - 101)), now(), "credential.rollback"),
        ("expired", Update::install(issue(&root, &soon)), later, "credential.expired"),
        ("twice", Update::complete(twice()), now(), "credential.duplicate"),
        (
            "one sound, one older",
            Update::complete([spiffe(&root, WEB, 3, NOW - 50), spiffe(&root, DB, 2, NOW - 101)]),
            now(),
            "credential.rollback",
        ),
    ] {
        assert_eq!(code(handle.publish(update, at)), Err(expected), "{case}");
        assert!(Arc::ptr_eq(&handle.snapshot(), &in_force), "{case}");
        let Some(CredentialEvent::Failed { generation, error, .. }) = queue.pop() else {
            unreachable!("{case}: no event")
        };
        assert_eq!((generation, error.code()), (1, expected), "{case}");
    }
    let made = handle.publish_with(now(), |current| {
        assert_eq!(current.generation(), 1);
        Err(CredentialError::KeyMismatch)
    });
    assert_eq!(code(made), Err("credential.key-mismatch"));
    handle.report(CredentialError::EmptyChain);
    assert_eq!(names(&queue), ["credential.event.failed"; 2]);

    let forced = Update::install(spiffe(&root, DB, 2, NOW - 101)).dangerously_allow_rollback();
    assert_eq!(code(handle.publish(forced, now())), Ok(2));
    let replaced = handle.choose(Selection::ANY, now()).unwrap();
    assert_eq!(replaced.issued_at(), Time::from_unix(NOW - 101));
}

#[test]
fn a_complete_update_withdraws_what_it_does_not_name() {
    let root = Estate::new().root;
    let handle = CredentialHandle::<()>::default();
    let queue = Arc::new(EventQueue::with_capacity(100));
    let db = || spiffe(&root, DB, 1, NOW - 100);
    let web = || spiffe(&root, WEB, 2, NOW - 100);
    handle.publish(Update::complete([db(), web()]), now()).unwrap();
    let _ = handle.subscribe(&queue);
    for (case, update, generation, events) in [
        ("the same", vec![db(), web()], 1, &[][..]),
        ("the order", vec![web(), db()], 2, &["credential.event.default-changed"]),
        (
            "one less",
            vec![db()],
            3,
            &[
                "credential.event.withdrawn",
                "credential.event.default-changed",
                "credential.event.drained",
            ],
        ),
        (
            "none",
            vec![],
            4,
            &[
                "credential.event.withdrawn",
                "credential.event.default-changed",
                "credential.event.drained",
            ],
        ),
        (
            "identical bytes after a withdrawal",
            vec![db()],
            5,
            &["credential.event.installed", "credential.event.default-changed"],
        ),
    ] {
        assert_eq!(code(handle.publish(Update::complete(update), now())), Ok(generation), "{case}");
        assert_eq!(names(&queue), events, "{case}");
    }
}

#[test]
fn the_credential_wanted_is_chosen() {
    let root = Estate::new().root;
    let handle = CredentialHandle::<()>::default();
    let order = |kind, number, names: &[GeneralName], until, hint| {
        let key = Key::new(kind, number);
        issue(&root, &Order { key, names, validity: (NOW - 100, until), hint })
    };
    let uri = GeneralName::uri;
    let dns = GeneralName::dns;
    let all = [
        order(Kind::Ed25519, 1, &[uri(DB)], FAR, Some("internal")),
        order(Kind::P256, 1, &[uri(DB)], FAR, Some("internal")),
        order(Kind::Ed25519, 2, &[uri(WEB), dns("*.example.org")], FAR, Some("external")),
        order(Kind::Rsa, 0, &[uri(WEB), dns("shop.example.org")], FAR, Some("external")),
        order(Kind::P384, 0, &[uri(WEB)], NOW + 5, Some("short")),
    ];
    handle.publish(Update::complete(all), now()).unwrap();

    let web = "spiffe://example.org/web".parse().unwrap();
    let other = "spiffe://example.org/other".parse().unwrap();
    let shop = DnsName::parse("shop.example.org").unwrap();
    let news = DnsName::parse("news.example.org").unwrap();
    let foreign = DnsName::parse("example.com").unwrap();
    let any = Selection::ANY;
    for (case, selection, after, expected) in [
        ("any", any, 0, Some("internal ed25519")),
        ("identity", any.with_identity(&web), 0, Some("external ed25519")),
        ("unknown identity", any.with_identity(&other), 0, None),
        ("hint", any.with_hint("short"), 0, Some("short p-384")),
        ("hint, last second", any.with_hint("short"), 5, Some("short p-384")),
        ("hint, expired", any.with_hint("short"), 6, None),
        ("unknown hint", any.with_hint("shor"), 0, None),
        ("exact name before wildcard", any.with_server_name(&shop), 0, Some("external rsa")),
        ("wildcard", any.with_server_name(&news), 0, Some("external ed25519")),
        ("a name of nobody", any.with_server_name(&foreign), 0, Some("internal ed25519")),
        (
            "algorithm",
            any.with_algorithms(&[SignatureAlgorithm::EcdsaSha256]),
            0,
            Some("internal p-256"),
        ),
        (
            "name and algorithm",
            any.with_server_name(&shop).with_algorithms(&[SignatureAlgorithm::Ed25519]),
            0,
            Some("external ed25519"),
        ),
        ("kind of key", any.with_key_kinds(&[KeyKind::Rsa]), 0, Some("external rsa")),
        ("kind nobody has", any.with_key_kinds(&[KeyKind::MlDsa65]), 0, None),
    ] {
        let at = Time::from_unix(NOW + after);
        let found = handle.choose(selection, at);
        let found = found.map(|credential| {
            format!("{} {}", credential.hint().unwrap(), credential.key_kind().unwrap())
        });
        assert_eq!(found.as_deref(), expected, "{case}");
    }
    let set = handle.snapshot();
    assert_eq!(set.candidates(any.with_server_name(&shop), now()).count(), 5);
    assert_eq!(set.candidates(any, Time::from_unix(NOW + 6)).count(), 4);
}

#[test]
fn credentials_and_what_is_attached_change_in_one_instant() {
    let root = Estate::new().root;
    let handle = CredentialHandle::new(Arc::new(0_u64));
    // Attached is the number of the credential that it belongs to.
    let torn = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let set = handle.snapshot();
                    let issued = set.iter().next().map_or(0, |c| c.issued_at().unix() - NOW + 1000);
                    let attached = i64::try_from(**set.attached()).unwrap();
                    let sound = issued == attached && set.generation() >= last;
                    torn.fetch_add(u64::from(!sound), Ordering::Relaxed);
                    last = set.generation();
                }
            });
        }
        for number in 1..300 {
            let from = NOW - 1000 + i64::try_from(number).unwrap();
            let update = Update::install(spiffe(&root, DB, number, from));
            handle.publish(update.with_attached(Arc::new(number)), now()).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!((torn.into_inner(), handle.snapshot().generation()), (0, 299));

    assert!(handle.draining().is_empty());
    let queue = Arc::new(EventQueue::with_capacity(1));
    let _ = handle.subscribe(&queue);
    assert_eq!(code(handle.publish(Update::attach(Arc::new(7)), now())), Ok(300));
    assert_eq!(names(&queue), ["credential.event.attached-changed"]);
    assert_eq!((**handle.snapshot().attached(), handle.snapshot().len()), (7, 1));
}

#[test]
fn readers_do_not_wait_for_a_slow_writer() {
    let root = Estate::new().root;
    let handle = CredentialHandle::<()>::default();
    handle.publish(Update::install(spiffe(&root, DB, 1, NOW - 100)), now()).unwrap();
    let next = spiffe(&root, DB, 2, NOW - 50);
    let generation = handle.publish_with(now(), |_| {
        // A writer that has not finished: another thread reads to its end meanwhile.
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| handle.choose(Selection::ANY, now()).unwrap().generation());
            assert_eq!(reader.join().unwrap(), 1);
        });
        Ok(Update::install(next))
    });
    assert_eq!(code(generation), Ok(2));
}

#[test]
fn a_subscriber_may_publish_and_may_leave() {
    /// Withdraws whatever is installed.
    struct Withdrawing {
        handle: Arc<CredentialHandle>,
        seen: Mutex<Vec<&'static str>>,
    }
    impl CredentialEvents for Withdrawing {
        fn on_event(&self, event: &CredentialEvent) {
            self.seen.lock().unwrap().push(event.name());
            if let CredentialEvent::Installed { .. } = event {
                let current = self.handle.choose(Selection::ANY, now()).unwrap();
                self.handle.publish(Update::withdraw(current), now()).unwrap();
            }
        }
    }
    let root = Estate::new().root;
    let handle = Arc::new(CredentialHandle::<()>::default());
    let seen = Mutex::default();
    let subscriber = Arc::new(Withdrawing { handle: handle.clone(), seen });
    let _ = handle.subscribe(&subscriber);
    handle.publish(Update::install(spiffe(&root, DB, 1, NOW - 100)), now()).unwrap();
    assert!(handle.snapshot().is_empty());
    assert_eq!(
        *subscriber.seen.lock().unwrap(),
        [
            "credential.event.installed",
            "credential.event.default-changed",
            "credential.event.withdrawn",
            "credential.event.default-changed",
            "credential.event.drained",
        ]
    );
    let gone = Arc::downgrade(&subscriber);
    drop(subscriber);
    assert!(gone.upgrade().is_none());
    handle.publish(Update::install(spiffe(&root, DB, 1, NOW - 100)), now()).unwrap();
    assert_eq!(handle.snapshot().len(), 1);
}

#[test]
fn a_full_queue_counts_what_it_lost() {
    let handle = CredentialHandle::<()>::default();
    let queue = Arc::new(EventQueue::with_capacity(2));
    let _ = handle.subscribe(&queue);
    for _ in 0..5 {
        handle.report(CredentialError::EmptyChain);
    }
    assert_eq!((queue.missed(), queue.missed()), (3, 0));
    assert_eq!(names(&queue).len(), 2);
}
