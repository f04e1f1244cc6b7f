//! Batches: keyed, streaming, with a shared pool; the answers are those of single decisions.

#![expect(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code"
)]

mod kit;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use bonafide::batch::{Batch, Counts, IntermediatePool, Item};
use bonafide::policy::{Limits, ValidationPolicy};
use bonafide::signature::{RingBackend, SharedMemo};
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use kit::{Authority, GeneralName, Key, Kind, NOW, Name};
use rustls_pki_types::CertificateDer;

const DAY: i64 = 86_400;

/// Three issuing authorities under one root, each a level deeper than the one before.
struct World {
    root: Authority,
    issuers: Vec<Authority>,
}

impl World {
    fn new() -> Self {
        let root = Authority::root(&Name::cn("Root"), &Key::new(Kind::Ed25519, 1));
        let mut issuers: Vec<Authority> = Vec::new();
        for number in 0..3 {
            let above = issuers.last().unwrap_or(&root);
            let name = Name::cn(&format!("CA {number}"));
            issuers.push(above.intermediate(&name, &Key::new(Kind::Ed25519, 10 + number), |b| b));
        }
        Self { root, issuers }
    }

    fn verifier(&self, limits: Limits) -> Verifier {
        let bundle = TrustBundle::new([TrustAnchor::from_der(&self.root.certificate).unwrap()]);
        let policy = ValidationPolicy::tls_server().with_limits(limits);
        let trust = TrustStore::dangerously_unscoped(bundle);
        Verifier::new(Arc::new(trust), Arc::new(policy), Arc::new(RingBackend::NEW))
    }

    fn pool(&self, strangers: usize) -> IntermediatePool {
        let strange = Authority::root(&Name::cn("Elsewhere"), &Key::new(Kind::Ed25519, 2));
        let strangers = (0..strangers).map(|number| {
            let name = Name::cn(&format!("Stranger {number}"));
            strange.intermediate(&name, &Key::new(Kind::Ed25519, 3), |b| b).certificate
        });
        let ours = self.issuers.iter().map(|issuer| issuer.certificate.clone());
        IntermediatePool::new(ours.chain(strangers).map(CertificateDer::from))
    }

    /// Number `number` of `issuer`; every fifth has expired.
    fn leaf(&self, issuer: usize, number: usize) -> CertificateDer<'static> {
        let names = [GeneralName::dns(&format!("n{number}.example.test"))];
        let after = if number % 5 == 4 { NOW - DAY } else { NOW + 40 * DAY };
        let leaf = self.issuers[issuer].leaf(
            &Name::cn("leaf"),
            &Key::new(Kind::Ed25519, 100 + number as u64),
            &names,
            |builder| builder.validity(NOW - 2 * DAY, after),
        );
        CertificateDer::from(leaf)
    }

    fn items(&self, count: usize) -> Vec<Item<usize>> {
        (0..count).map(|number| Item::new(number, self.leaf(number % 3, number))).collect()
    }
}

fn now() -> Time {
    Time::from_unix(NOW)
}

#[test]
fn answers_are_those_of_single_decisions_with_everything_presented() {
    let world = World::new();
    let verifier = world.verifier(Limits::DEFAULT);
    let (pool, any) = (world.pool(500), Expect::dangerously_any_identity());
    let chain: Vec<CertificateDer<'_>> =
        world.issuers.iter().map(|ca| CertificateDer::from(&ca.certificate[..])).collect();
    let mut seen = 0;
    let summary =
        Batch::new(&verifier, &pool, any, now()).run(world.items(30), |answer, progress| {
            let leaf = world.leaf(answer.key % 3, answer.key);
            assert_eq!(leaf, answer.end_entity);
            // The issuers on the way, which is what a well-configured peer presents.
            let presented = &chain[..=answer.key % 3];
            let single = verifier.decide(&Request::new(&leaf, presented, any), now());
            assert_eq!(single.explain().to_string(), answer.decision.explain().to_string());
            seen += 1;
            assert_eq!((progress.done, progress.left_out), (seen, 0));
            ControlFlow::Continue(())
        });
    assert_eq!(seen, 30);
    let causes: Vec<_> = summary.causes().collect();
    assert_eq!(causes, [("accepted", 24), ("validity.expired", 6)]);
}

#[test]
fn a_summary_counts_by_cause_authority_and_month() {
    let world = World::new();
    let verifier = world.verifier(Limits::DEFAULT);
    let pool = world.pool(0);
    let elsewhere = Authority::root(&Name::cn("Elsewhere"), &Key::new(Kind::Ed25519, 2));
    let names = [GeneralName::dns("x.example.test")];
    let stranger = elsewhere.leaf(&Name::cn("leaf"), &Key::new(Kind::Ed25519, 4), &names, |b| {
        b.validity(NOW - DAY, NOW + DAY)
    });
    let extra = [
        Item::new(100, CertificateDer::from(stranger)),
        Item::new(101, CertificateDer::from(b"no certificate".to_vec())),
        Item::new(102, world.leaf(0, 0)).with_names(["dns:other.example.test".parse().unwrap()]),
    ];
    let batch = Batch::new(&verifier, &pool, Expect::dangerously_any_identity(), now());
    let items = world.items(30).into_iter().chain(extra);
    let summary = batch.run(items, |_, _| ControlFlow::Continue(()));
    let causes: Vec<_> = summary.causes().collect();
    let expected = [
        ("accepted", 24),
        ("encoding.malformed", 1),
        ("identity.name-mismatch", 1),
        ("trust.no-route", 1),
        ("validity.expired", 6),
    ];
    assert_eq!(causes, expected);
    assert_eq!((summary.total(), summary.unreadable()), (33, 1));
    let counts = |accepted, rejected| {
        let mut counts = Counts::default();
        (counts.accepted, counts.rejected) = (accepted, rejected);
        counts
    };
    let authorities: Vec<_> = summary.authorities().collect();
    let expected = [
        ("CN=CA 0", counts(8, 3)),
        ("CN=CA 1", counts(8, 2)),
        ("CN=CA 2", counts(8, 2)),
        ("CN=Elsewhere", counts(0, 1)),
    ];
    assert_eq!(authorities, expected);
    // The months by the text of the times, which is made elsewhere.
    let month = |after: i64| Time::from_unix(NOW + after).to_string()[..7].to_owned();
    let mut expected: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (after, accepted, rejected) in [(40 * DAY, 24, 1), (-DAY, 0, 6), (DAY, 0, 1)] {
        let counts = expected.entry(month(after)).or_default();
        *counts = (counts.0 + accepted, counts.1 + rejected);
    }
    let found: BTreeMap<String, (u64, u64)> = summary
        .expiry()
        .map(|(month, counts)| (month.to_string(), (counts.accepted, counts.rejected)))
        .collect();
    assert_eq!(found, expected);
    let text = summary.to_string();
    assert!(text.starts_with("33 certificates\n        24  accepted\n"), "{text}");
}

#[test]
fn items_are_taken_one_at_a_time_and_a_break_ends_the_batch() {
    let world = World::new();
    let verifier = world.verifier(Limits::DEFAULT);
    let pool = world.pool(0);
    let (taken, answered) = (Cell::new(0), Cell::new(0));
    let items = (0..).map(|number| {
        assert_eq!(taken.get(), answered.get(), "no item waits");
        taken.set(taken.get() + 1);
        Item::new(number, world.leaf(0, number))
    });
    let batch = Batch::new(&verifier, &pool, Expect::dangerously_any_identity(), now());
    let summary = batch.run(items, |answer, _| {
        answered.set(answered.get() + 1);
        if answer.key == 6 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((taken.get(), summary.total()), (7, 7));
}

#[test]
fn strangers_in_the_pool_cost_nothing_and_memos_check_intermediates_once() {
    let world = World::new();
    let any = Expect::dangerously_any_identity();
    let mut work = Vec::new();
    for strangers in [0, 2_000] {
        let memo = Arc::new(SharedMemo::with_capacity(1_024));
        let verifier = world.verifier(Limits::DEFAULT).with_memo(memo.clone());
        let pool = world.pool(strangers);
        assert_eq!((pool.len(), pool.unreadable()), (3 + strangers, 0));
        let batch = Batch::new(&verifier, &pool, any, now());
        batch.run(world.items(9), |answer, _| {
            work.push((answer.key, *answer.decision.work()));
            ControlFlow::Continue(())
        });
        // Of 9 leaves 8 are in date; 3 intermediates.
        assert_eq!(memo.count(), 9 + 3);
    }
    let (without, with) = work.split_at(9);
    assert_eq!(without, with);
}

#[test]
fn what_limits_keep_out_is_counted_and_the_likeliest_issuer_stays() {
    let world = World::new();
    let mut limits = Limits::DEFAULT;
    limits.pool_certificates = 2;
    let verifier = world.verifier(limits);
    // Forty authorities of the issuer's name with keys of their own.
    let twins = (0..40).map(|number| {
        let key = Key::new(Kind::Ed25519, 1_000 + number);
        world.root.intermediate(&Name::cn("CA 0"), &key, |b| b).certificate
    });
    let ours = world.issuers[0].certificate.clone();
    let garbage = vec![0x30, 0x03, 0x02, 0x01, 0x00];
    let all = twins.chain([ours.clone(), ours, garbage]);
    let pool = IntermediatePool::new(all.map(CertificateDer::from));
    assert_eq!((pool.len(), pool.unreadable()), (41, 1));
    let batch = Batch::new(&verifier, &pool, Expect::dangerously_any_identity(), now());
    let mut left_out = 0;
    let summary = batch.run([Item::new((), world.leaf(0, 0))], |answer, progress| {
        assert_eq!(answer.decision.code(), "accepted");
        left_out = progress.left_out;
        ControlFlow::Continue(())
    });
    assert_eq!((summary.total(), left_out), (1, 39));
}

#[test]
fn presented_certificates_come_first_and_are_not_taken_twice() {
    let world = World::new();
    let mut limits = Limits::DEFAULT;
    limits.pool_certificates = 1;
    let verifier = world.verifier(limits);
    let pool = world.pool(0);
    let batch = Batch::new(&verifier, &pool, Expect::dangerously_any_identity(), now());
    let own = CertificateDer::from(world.issuers[0].certificate.clone());
    let item = Item::new((), world.leaf(0, 0)).with_intermediates([own]);
    let summary = batch.run([item], |answer, progress| {
        assert_eq!((answer.decision.code(), progress.left_out), ("accepted", 0));
        ControlFlow::Continue(())
    });
    assert_eq!(summary.total(), 1);
}

#[cfg(feature = "rayon")]
#[test]
fn all_cores_give_the_same_answers() {
    use std::sync::Mutex;

    let world = World::new();
    let verifier = world.verifier(Limits::DEFAULT);
    let pool = world.pool(100);
    let batch = Batch::new(&verifier, &pool, Expect::dangerously_any_identity(), now());
    let mut one_by_one = BTreeMap::new();
    let summary = batch.run(world.items(60), |answer, _| {
        one_by_one.insert(answer.key, answer.decision.explain().to_string());
        ControlFlow::Continue(())
    });
    let together = Mutex::new(BTreeMap::new());
    let parallel = batch.run_parallel(world.items(60), |answer, _| {
        together.lock().unwrap().insert(answer.key, answer.decision.explain().to_string());
        ControlFlow::Continue(())
    });
    assert_eq!(parallel, summary);
    assert_eq!(together.into_inner().unwrap(), one_by_one);

    // An endless batch ends.
    let endless = (0_usize..).map(|number| Item::new(number, world.leaf(0, number % 7)));
    let stopped = batch.run_parallel(endless, |_, progress| {
        if progress.done >= 20 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(stopped.total() >= 20);
}
