//! A month of rotations on a simulated clock: issuers, disks and clocks fail at random, real
//! certificates and keys are issued, checked, published and drained.
//!
//! The simulation knows the true time and what is broken when. From that alone, and from no library
//! code, it tells which lapses are to be expected: a workload may be without a credential only where
//! its issuer was away long enough or its clock was wrong.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use crate::kit::{Estate, GeneralName, Key, Kind, NOW, Name, Rng};
use bonafide::credential::{
    Action, CredentialChecks, CredentialError, CredentialEvent, CredentialHandle, CredentialKey,
    EventQueue, RenewalPolicy, RotationEvent, RotationSchedule, RotationState, Selection,
    SoftwareKey, Step, Update,
};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{Message, PublicKey, default_backend};
use bonafide::x509::Time;
use rustls_pki_types::CertificateDer;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const MONTH: i64 = 30 * DAY;
const LIFE: i64 = 6 * HOUR;
/// What issuer and workloads allow their clocks to differ, in seconds.
const SKEW: u32 = 60;

/// A span of true time.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: i64,
    until: i64,
}

impl Span {
    fn has(self, time: i64) -> bool {
        (self.from..self.until).contains(&time)
    }

    fn meets(self, other: Span) -> bool {
        self.from < other.until && other.from < self.until
    }
}

/// Spans that do not meet, with pauses between them.
fn spans(rng: &mut Rng, pause: i64, longest: i64) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut time = NOW;
    loop {
        time += pause / 2 + i64::try_from(rng.below(usize::try_from(pause).unwrap())).unwrap();
        if time > NOW + MONTH - DAY {
            return spans;
        }
        let length = 60 + i64::try_from(rng.below(usize::try_from(longest).unwrap())).unwrap();
        spans.push(Span { from: time, until: time + length });
        time += length;
    }
}

/// What happens next, in true time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The sleep of a workload ends, unless another began meanwhile.
    Wake { sleep: u64 },
    /// The issuer's answer arrives.
    Answer,
    /// The clock changes.
    Clock { offset: i64 },
}

struct Workload {
    id: String,
    handle: CredentialHandle,
    events: Arc<EventQueue>,
    schedule: RotationSchedule,
    /// Own time less true time.
    offset: i64,
    clock_faults: Vec<Span>,
    sleep: u64,
    presents: bool,
    generation: u64,
    /// Leaf and key of the credential before, as a backup would bring them back.
    backup: Option<(Vec<Vec<u8>>, Key)>,
    last: Option<(Vec<Vec<u8>>, Key)>,
}

#[derive(Debug, Default)]
struct Tally {
    attempts: u64,
    renewals: u64,
    failures: BTreeMap<&'static str, u64>,
    lapses: u64,
    resumed: u64,
    drained: u64,
    clock_events: u64,
    /// Attempts by the outage that they fell into.
    in_outage: BTreeMap<usize, u64>,
}

struct World {
    rng: Rng,
    estate: Estate,
    stranger: Estate,
    policy: ValidationPolicy,
    outages: Vec<Span>,
    workloads: Vec<Workload>,
    queue: BinaryHeap<Reverse<(i64, u64, usize, Event)>>,
    sequence: u64,
    keys: u64,
    tally: Tally,
}

impl World {
    fn new(seed: u64, workloads: usize) -> Self {
        let mut rng = Rng::new(seed);
        let outages = spans(&mut rng, 2 * DAY, 8 * HOUR);
        let mut world = World {
            // P-256: its arithmetic is assembly even in a build for debugging.
            estate: Estate::of([0, 1, 2].map(|number| Key::new(Kind::P256, number)), &[]),
            stranger: Estate::of([3, 4, 5].map(|number| Key::new(Kind::P256, number)), &[]),
            policy: ValidationPolicy::tls_server().with_clock_skew_seconds(SKEW),
            outages,
            workloads: Vec::new(),
            queue: BinaryHeap::new(),
            sequence: 0,
            keys: 0,
            tally: Tally::default(),
            rng,
        };
        for number in 0..workloads {
            let id = format!("spiffe://example.org/ns/{number}/sa/default");
            let handle = CredentialHandle::default();
            let events = Arc::new(EventQueue::with_capacity(1_000));
            let _ = handle.subscribe(&events);
            let clock_faults = spans(&mut world.rng, 5 * DAY, 2 * HOUR);
            for fault in &clock_faults {
                let size = 1 + i64::try_from(world.rng.below(4 * 3_600)).unwrap();
                let offset = if world.rng.chance(50) { size } else { -size };
                world.at(fault.from, number, Event::Clock { offset });
                world.at(fault.until, number, Event::Clock { offset: 0 });
            }
            world.workloads.push(Workload {
                schedule: RotationSchedule::without_credential(RenewalPolicy::DEFAULT, &id),
                id,
                handle,
                events,
                offset: 0,
                clock_faults,
                sleep: 0,
                presents: false,
                generation: 0,
                backup: None,
                last: None,
            });
            world.at(NOW, number, Event::Wake { sleep: 0 });
        }
        world
    }

    fn at(&mut self, time: i64, workload: usize, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((time, self.sequence, workload, event)));
    }

    fn run(&mut self) {
        while let Some(Reverse((time, _, number, event))) = self.queue.pop() {
            if time > NOW + MONTH {
                break;
            }
            let workload = &mut self.workloads[number];
            match event {
                Event::Wake { sleep } if sleep != workload.sleep => continue,
                Event::Wake { .. } => {
                    let step = workload.schedule.on_time(Time::from_unix(time + workload.offset));
                    self.take(time, number, &step);
                }
                Event::Answer => self.answer(time, number),
                // The host does not learn of it: it sleeps on.
                Event::Clock { offset } => workload.offset = offset,
            }
            self.check(time, number);
        }
    }

    /// Does what a step says.
    fn take(&mut self, time: i64, number: usize, step: &Step) {
        for event in &step.events {
            match event {
                RotationEvent::Transition { to: RotationState::Expired, .. } => {
                    self.tally.lapses += 1;
                    self.demand_excuse(time, number);
                }
                RotationEvent::AttemptFailed { code, .. } => {
                    *self.tally.failures.entry(code).or_default() += 1;
                }
                RotationEvent::ClockBack { .. } | RotationEvent::Late { .. } => {
                    self.tally.clock_events += 1;
                }
                _ => {}
            }
        }
        for action in &step.actions {
            match action {
                Action::Renew { .. } => {
                    self.tally.attempts += 1;
                    if let Some(outage) = self.outages.iter().position(|span| span.has(time)) {
                        *self.tally.in_outage.entry(outage).or_default() += 1;
                    }
                    // Some answers never come, some come too late.
                    if !self.rng.chance(2) {
                        let slow = if self.rng.chance(3) { 200 } else { 5 };
                        let latency = i64::try_from(self.rng.below(slow)).unwrap();
                        self.at(time + latency, number, Event::Answer);
                    }
                }
                Action::StopPresenting => self.workloads[number].presents = false,
                Action::Present => {
                    self.workloads[number].presents = true;
                    self.tally.resumed += 1;
                }
                _ => {}
            }
        }
        let workload = &mut self.workloads[number];
        workload.sleep += 1;
        let (own, sleep) = (time + workload.offset, workload.sleep);
        let pause = step.next.unwrap().unix() - own;
        assert!(pause >= 1, "{}: asks to be called at once, again and again", workload.id);
        // A sleep is as long as it was to be, whatever the clock does meanwhile.
        self.at(time + pause, number, Event::Wake { sleep });
    }

    /// The issuer answers, or something on the way breaks.
    fn answer(&mut self, time: i64, number: usize) {
        let own = Time::from_unix(time + self.workloads[number].offset);
        let result = self.fetch(time, number).and_then(|(chain, key)| {
            let workload = &mut self.workloads[number];
            let policy = &self.policy;
            let published = workload.handle.publish_with(own, |_| {
                let checks = CredentialChecks::new(policy, default_backend(), own);
                let ders: Vec<_> =
                    chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
                let signer = SoftwareKey::from_der(&key.pkcs8().unwrap()).unwrap();
                Ok(Update::install(checks.check(&ders, Arc::new(signer))?))
            });
            match published {
                Ok(generation) => {
                    assert!(generation >= workload.generation);
                    workload.generation = generation;
                    workload.backup = workload.last.replace((chain, key));
                    Ok(())
                }
                Err(error) => Err(error.code()),
            }
        });
        let workload = &mut self.workloads[number];
        let step = match result {
            Ok(()) => {
                let credential = workload.handle.snapshot().iter().next().unwrap().clone();
                self.tally.renewals += 1;
                workload.schedule.on_renewed(own, credential.issued_at(), credential.valid_until())
            }
            Err(code) => workload.schedule.on_failure(own, code),
        };
        self.take(time, number, &step);
    }

    /// What comes out of issuer and disk: a chain and a key, sound or not.
    fn fetch(&mut self, time: i64, number: usize) -> Result<(Vec<Vec<u8>>, Key), &'static str> {
        if self.outages.iter().any(|outage| outage.has(time)) || self.rng.chance(5) {
            return Err("issuer.unreachable");
        }
        if self.rng.chance(3) {
            return Err("disk.full");
        }
        self.keys += 1;
        let key = Key::new(Kind::P256, self.keys % 6);
        let names = [GeneralName::uri(&self.workloads[number].id)];
        let leaf = self
            .estate
            .intermediate
            .leaf(&Name::cn("workload"), &key, &names, |b| b.validity(time - 10, time + LIFE));
        let intermediate = self.estate.intermediate.certificate.clone();
        let backup = self.workloads[number].backup.clone();
        Ok(match (self.rng.below(40), backup) {
            // The new certificate was read before the new key was written.
            (0, Some((_, old_key))) => (vec![leaf, intermediate], old_key),
            // The new key was written before the new certificate.
            (1, Some((old_chain, _))) => (old_chain, key),
            // The disk was restored.
            (2, Some(backup)) => backup,
            // Read while it was being written.
            (3, _) => {
                let half = leaf.len() / 2;
                (vec![leaf[..half].to_vec()], key)
            }
            // Another authority's intermediate.
            (4, _) => (vec![leaf, self.stranger.intermediate.certificate.clone()], key),
            _ => (vec![leaf, intermediate], key),
        })
    }

    /// An expiry is to be expected only where the issuer was away right up to it, since attempts grow
    /// dense towards the end, or where the clock was wrong in the life of the credential, since who
    /// sleeps by a wrong clock wakes late.
    fn demand_excuse(&self, time: i64, number: usize) {
        let until = time + 1;
        let workload = &self.workloads[number];
        let away = Span { from: time - 300, until };
        let astray = Span { from: time - LIFE, until };
        assert!(
            self.outages.iter().any(|outage| outage.meets(away))
                || workload.clock_faults.iter().any(|fault| fault.meets(astray)),
            "{} lapses at {time} although nothing was broken",
            workload.id
        );
    }

    /// What must hold after every event.
    fn check(&mut self, time: i64, number: usize) {
        let workload = &self.workloads[number];
        let own = Time::from_unix(time + workload.offset);
        let presented = workload.handle.choose(Selection::ANY, own);
        if let Some(credential) = &presented {
            assert!(own <= credential.valid_until(), "{}: expired is presented", workload.id);
            if workload.offset == 0 {
                assert!(time <= credential.valid_until().unix());
            }
            let identity = credential.identity().spiffe_id().unwrap();
            assert_eq!(identity.as_str(), workload.id);
        }
        while let Some(event) = workload.events.pop() {
            match event {
                // A new pair: the key signs for the leaf that is presented with it.
                CredentialEvent::Installed { generation, .. } => {
                    let set = workload.handle.snapshot();
                    let credential = set.iter().next().unwrap();
                    assert_eq!(credential.generation(), generation);
                    let leaf = credential.chain()[0].as_certificate();
                    let spki = leaf.subject_public_key_info().unwrap();
                    let algorithm = credential.key().algorithms()[0];
                    let signature = credential.key().sign(algorithm, b"handshake").unwrap();
                    let identifier = algorithm.identifier().unwrap();
                    default_backend()
                        .verify(
                            PublicKey::new(spki),
                            identifier,
                            &Message::new(b"handshake"),
                            &signature,
                        )
                        .unwrap();
                }
                CredentialEvent::Drained { .. } => self.tally.drained += 1,
                CredentialEvent::Failed { error, .. } => {
                    assert!(error.code().starts_with("credential."));
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_month_of_failures_strands_nobody() {
    let mut world = World::new(7, 48);
    world.run();
    let end = Time::from_unix(NOW + MONTH);
    for workload in &world.workloads {
        // The last day of the month was quiet.
        assert_eq!(workload.offset, 0, "{}", workload.id);
        let credential = workload.handle.choose(Selection::ANY, end).unwrap();
        assert!(workload.presents, "{}", workload.id);
        assert!(end.seconds_since(credential.issued_at()) < LIFE * 3 / 4, "{}", workload.id);
        assert_eq!(workload.events.missed(), 0);
        assert!(workload.handle.draining().is_empty(), "{}", workload.id);
    }
    let tally = &world.tally;
    assert!(tally.renewals > 9_000, "{} renewals", tally.renewals);
    assert_eq!(tally.drained, tally.renewals - 48);
    // Everything that can break did break, and was told apart.
    for code in [
        "issuer.unreachable",
        "disk.full",
        "rotation.timeout",
        "credential.key-mismatch",
        "credential.rollback",
        "credential.chain-malformed",
        "credential.chain-signature",
        "credential.not-yet-valid",
        "credential.expired",
    ] {
        assert!(tally.failures.get(code).is_some_and(|count| *count > 0), "{code} did not happen");
    }
    assert!(tally.lapses > 0 && tally.resumed >= tally.lapses && tally.clock_events > 0);
    // Retries are bounded: in an outage each workload asks a few dozen times at most.
    for (outage, attempts) in &tally.in_outage {
        let hours =
            u64::try_from((world.outages[*outage].until - world.outages[*outage].from) / HOUR);
        let most = 48 * (40 + 80 * hours.unwrap());
        assert!(*attempts <= most, "outage {outage}: {attempts} attempts, more than {most}");
    }
    let failures: u64 = tally.failures.values().sum();
    assert!(tally.attempts <= tally.renewals + failures + 48);
}

#[test]
fn the_same_seed_makes_the_same_month() {
    let run = || {
        let mut world = World::new(3, 4);
        world.run();
        format!("{:?}", world.tally)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_fleet_of_a_thousand_spreads_and_stays_spread_after_an_outage() {
    // Everybody got a credential in the same second; once the issuer is away for two hours.
    const FLEET: usize = 1_000;
    const OUTAGE: Span = Span { from: NOW + 10 * DAY, until: NOW + 10 * DAY + 2 * HOUR };
    let life = DAY;
    let mut queue = BinaryHeap::new();
    let mut fleet: Vec<_> = (0..FLEET)
        .map(|number| {
            let id = format!("spiffe://example.org/workload/{number}");
            let (from, until) = (Time::from_unix(NOW), Time::from_unix(NOW + life));
            queue.push(Reverse((NOW, number)));
            RotationSchedule::new(RenewalPolicy::DEFAULT, &id, from, until)
        })
        .collect();
    let mut load = BTreeMap::<i64, usize>::new();
    while let Some(Reverse((time, number))) = queue.pop() {
        if time > NOW + MONTH {
            break;
        }
        let now = Time::from_unix(time);
        let mut step = fleet[number].on_time(now);
        if step.actions.iter().any(|action| matches!(action, Action::Renew { .. })) {
            *load.entry(time).or_default() += 1;
            step = if OUTAGE.has(time) {
                fleet[number].on_failure(now, "issuer.unreachable")
            } else {
                fleet[number].on_renewed(now, now, Time::from_unix(time + life))
            };
        }
        assert_ne!(fleet[number].state(), RotationState::Expired);
        queue.push(Reverse((step.next.unwrap().unix(), number)));
    }
    // The first round is the closest: 1,000 in 8,641 seconds. Chance lets 58 pairs meet (deviation
    // 7.6) and never five at once; each later round is wider.
    let meetings = |from: i64, until: i64| -> usize {
        load.range(from..until).map(|(_, count)| count * (count - 1) / 2).sum()
    };
    let first = meetings(NOW, NOW + life * 3 / 5);
    assert!(first <= 81, "{first} meetings in the first round");
    let second = meetings(NOW + life * 3 / 5, NOW + life * 6 / 5);
    assert!(second <= 81, "{second} meetings in the second round");
    let most = load.values().max().unwrap();
    assert!(*most <= 5, "{most} in one second");
    let renewals: usize = load.values().sum();
    assert!((FLEET * 55..FLEET * 75).contains(&renewals), "{renewals} attempts");
}

#[test]
fn a_token_that_goes_and_comes_back_is_told_apart_from_a_wrong_one() {
    use bonafide::credential::{KeySelector, KeyStore, MemoryKeyStore, SignError};
    use bonafide::signature::SignatureAlgorithm;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[derive(Debug)]
    struct Token {
        key: SoftwareKey,
        present: Arc<AtomicBool>,
    }
    impl CredentialKey for Token {
        fn public_key(&self) -> &[u8] {
            self.key.public_key()
        }
        fn algorithms(&self) -> &[SignatureAlgorithm] {
            self.key.algorithms()
        }
        fn sign(&self, with: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
            if !self.present.load(Ordering::Relaxed) {
                return Err(SignError::Absent);
            }
            self.key.sign(with, message)
        }
    }
    let estate = Estate::new();
    let present = Arc::new(AtomicBool::new(true));
    let key = SoftwareKey::from_der(&estate.leaf_key.pkcs8().unwrap()).unwrap();
    let store = MemoryKeyStore::new().with_key(
        b"\x01",
        "tls",
        Arc::new(Token { key, present: present.clone() }),
    );
    let leaf = CertificateDer::from(estate.leaf.clone());
    let spki = estate.leaf_key.spki().to_vec();
    let policy = ValidationPolicy::tls_server();
    let now = Time::from_unix(NOW);
    let handle = CredentialHandle::<()>::default();
    let install = || {
        handle.publish_with(now, |_| {
            let key = store.find(KeySelector::PublicKey(&spki)).unwrap().unwrap();
            let checks = CredentialChecks::new(&policy, default_backend(), now);
            Ok(Update::install(checks.check(std::slice::from_ref(&leaf), key)?))
        })
    };
    present.store(false, Ordering::Relaxed);
    let error = install().unwrap_err();
    let CredentialError::Sign(cause) = &*error else { unreachable!("{error}") };
    assert!(cause.is_transient());
    assert!(handle.snapshot().is_empty());
    present.store(true, Ordering::Relaxed);
    assert_eq!(install().unwrap(), 1);
}
