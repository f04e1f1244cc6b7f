//! Live trust: what it costs to ask, to publish, and to find who is affected.
//!
//! `cargo bench --bench live` prints one row each, with its bar where there is one, and exits with 1 where
//! a count is not what it must be (times vary with the machine and fail nothing). The last rows hold
//! 1,000,000 sessions in 4 GB; `-- 100000` holds as many as one says.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a measurement"
)]
#![allow(dead_code, unreachable_pub, reason = "the kit of the tests")]

#[path = "../tests/kit/mod.rs"]
mod kit;
#[path = "live/standing.rs"]
mod standing;
#[path = "../tests/live/world.rs"]
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bonafide::live::{Live, LivePeer, Publication, Session, Settings};
use bonafide::revocation::{CrlStore, Denied, DenyRule, Revocation};
use bonafide::signature::{Message, PublicKey, RingBackend, SignatureBackend, SignatureError};
use bonafide::trust::{Domain, TrustBundle};
use bonafide::x509::AlgorithmIdentifier;
use kit::{Rng, der};
use standing::standing;
use world::{Ca, Peer, anybody, at, bundle, spiffe, uri, verifier};

/// Trust domains of the large store.
const DOMAINS: usize = 10_000;

fn main() -> ExitCode {
    let sessions = std::env::args().find_map(|argument| argument.parse().ok());
    let mut report = Report { failed: false };
    for threads in [1, 2] {
        let what = format!("standing, asked by {threads} thread(s)");
        report.time(&what, standing(threads), "ns", Some(10.0));
    }
    many_domains(&mut report);
    related(&mut report);
    many_sessions(&mut report, sessions.unwrap_or(1_000_000));
    if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

struct Report {
    failed: bool,
}

impl Report {
    fn time(&self, what: &str, value: f64, unit: &str, bar: Option<f64>) {
        let bar = bar.map_or(String::new(), |bar| {
            let missed = if value > bar { ", MISSED" } else { "" };
            format!("  (bar {bar} {unit}{missed})")
        });
        println!("{what:<64} {value:>12.2} {unit}{bar}");
    }

    fn count(&mut self, what: &str, value: u64, must: u64) {
        let missed = if value == must { "" } else { ", MISSED" };
        self.failed |= value != must;
        println!("{what:<64} {value:>12}  (must be {must}{missed})");
    }
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// Sorted, and what lies at a share of them.
fn at_share(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    sorted[((last as f64) * share) as usize]
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// One changed bundle among ten thousand domains, with readers beside it.
fn many_domains(report: &mut Report) {
    let (ca, other) = (Ca::new(1), Ca::new(2));
    let one = TrustBundle::new([ca.anchor()]);
    let domains = (0..DOMAINS)
        .map(|number| Domain::spiffe(format!("d{number:05}.test").parse().unwrap(), one.clone()));
    let live = Live::new(verifier(domains, Arc::new(RingBackend::NEW)));
    let peers: Vec<LivePeer> = (0..1_000_u16)
        .map(|number| {
            let id = format!("spiffe://d{number:05}.test/web");
            ca.peer(number, &[uri(&id)]).accept(&live, &anybody(), at(0))
        })
        .collect();
    let bundles = [bundle(&[&ca, &other]), bundle(&[&other])];
    let name = format!("d{:05}.test", DOMAINS - 1);
    let publish = |round: usize| {
        let publication = Publication::new().bundle(&name, bundles[round % 2].clone());
        let start = Instant::now();
        live.publish(publication, at(0)).unwrap();
        micros(start)
    };

    let alone = sorted((0..501).map(publish).collect());
    report.time(
        "one changed bundle among 10,000 domains, median",
        at_share(&alone, 0.5),
        "µs",
        Some(1_000.0),
    );
    report.time("the same, 99 % of publications", at_share(&alone, 0.99), "µs", Some(1_000.0));

    // The first ask after a publication compares epochs once more.
    let start = Instant::now();
    let current = peers.iter().filter(|peer| peer.ask(at(1)).is_current()).count();
    let each = micros(start) * 1e3 / peers.len() as f64;
    report.time("first ask after unrelated publications", each, "ns", None);
    report.count("standings changed by unrelated publications", (peers.len() - current) as u64, 0);

    // A reader takes snapshots and asks, with and without a writer.
    let done = AtomicBool::new(false);
    let read = |count: usize| -> Vec<f64> {
        let sample = |round: usize| {
            let start = Instant::now();
            let epoch = live.snapshot().epoch();
            assert!(peers[round % peers.len()].ask(at(1)).is_current());
            let spent = start.elapsed().as_nanos() as f64;
            assert!(epoch >= 501);
            spent
        };
        sorted((0..count).map(sample).collect())
    };
    let quiet = read(200_000);
    let (busy, publications) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut rounds = 0_u64;
            while !done.load(Ordering::Relaxed) {
                publish(usize::try_from(rounds).unwrap());
                rounds += 1;
            }
            rounds
        });
        let busy = read(200_000);
        done.store(true, Ordering::Relaxed);
        (busy, writer.join().unwrap())
    });
    for (what, share) in [("median", 0.5), ("99 %", 0.99), ("99.9 %", 0.999)] {
        report.time(
            &format!("snapshot and ask, nobody publishes, {what}"),
            at_share(&quiet, share),
            "ns",
            None,
        );
        report.time(
            &format!("the same while {publications} are published, {what}"),
            at_share(&busy, share),
            "ns",
            None,
        );
    }
}

/// A publication that is about the peer: it is asked again, and no signature is done.
fn related(report: &mut Report) {
    let (first, second) = (Ca::new(1), Ca::new(2));
    let (live, backend) = world::live([spiffe("a.test", &[&first])]);
    let mut peer = first.peer(1, &[uri("spiffe://a.test/web")]).accept(&live, &anybody(), at(0));
    backend.take();
    let tainted = |seconds| bonafide::trust::AnchorState::Tainted { since: at(seconds) };
    let mut times = Vec::new();
    let mut asked = 0;
    for round in 0..101 {
        let anchors = [first.anchor().with_state(tainted(round)), second.anchor()];
        live.publish(Publication::new().bundle("a.test", TrustBundle::new(anchors)), at(0))
            .unwrap();
        asked += u64::from(!peer.ask(at(1)).is_current());
        let start = Instant::now();
        peer = peer.ask_again(at(1)).unwrap();
        times.push(micros(start));
    }
    report.count("publications about the peer that it heard of", asked, 101);
    report.count("signatures done when it was asked again 101 times", backend.take(), 0);
    report.time("asked again, median", at_share(&sorted(times), 0.5), "µs", None);
}

/// Says yes: what is measured are not signatures.
#[derive(Debug)]
struct Yes;

impl SignatureBackend for Yes {
    fn verify(
        &self,
        _: PublicKey<'_>,
        _: AlgorithmIdentifier<'_>,
        _: &Message<'_>,
        _: &[u8],
    ) -> Result<(), SignatureError> {
        Ok(())
    }
}

/// Authorities that the sessions are spread over.
const ISSUERS: u64 = 10;

/// A register of very many sessions.
fn many_sessions(report: &mut Report, count: usize) {
    let cas: Vec<Ca> = (0..ISSUERS).map(Ca::new).collect();
    let name = |number: usize| format!("d{number}.test");
    let domains = cas.iter().enumerate().map(|(number, ca)| {
        Domain::spiffe(name(number).parse().unwrap(), TrustBundle::new([ca.anchor()]))
    });
    let settings = Settings::DEFAULT.with_max_sessions(count).with_memo_capacity(1_024);
    let live = Live::with_settings(verifier(domains, Arc::new(Yes)), settings);
    let lists = |number: u8, revoked: &[&Peer]| -> Arc<CrlStore> {
        let store = cas.iter().fold(CrlStore::new(), |store, ca| {
            let revoked = if ca.root.name.0 == cas[0].root.name.0 { revoked } else { &[] };
            store.with(ca.crl(number, revoked)).unwrap().with(ca.root_crl(1)).unwrap()
        });
        Arc::new(store)
    };
    let revocation = Revocation::new().with_source(lists(1, &[]));
    live.publish(Publication::new().revocation(Arc::new(revocation)), at(0)).unwrap();

    let before = resident();
    let start = Instant::now();
    let mut spent_registering = 0.0;
    let mut rng = Rng::new(7);
    let requirement = anybody();
    let sessions: Vec<Session> = (0..count)
        .map(|number| {
            let issuer = number % cas.len();
            let peer = unsigned(&cas[issuer], &name(issuer), number, &mut rng);
            let peer = accept(&peer, &live, &requirement);
            let start = Instant::now();
            let session = live.register(&peer, None, at(0)).unwrap();
            spent_registering += micros(start);
            session
        })
        .collect();
    println!("{count} sessions made in {:.1} s", start.elapsed().as_secs_f64());
    report.time("registered, each", spent_registering / count as f64, "µs", None);
    let bytes = (resident() - before) as f64 / count as f64;
    report.time("resident bytes of a session, its peer and its path among them", bytes, "B", None);

    // Serial numbers of 0, 1, 2 … are looked for; each is one session.
    let mut found = 0;
    let times: Vec<f64> = (0..101)
        .map(|round| {
            let number = round * (count / 101);
            let issuer_spki = sha256(cas[number % cas.len()].issuing.key.spki());
            let serial_number = serial_of(number);
            let rule = DenyRule::new(Denied::SerialOfKey { issuer_spki, serial_number });
            let start = Instant::now();
            let published = live.publish(Publication::new().deny([rule]), at(0)).unwrap();
            let spent = micros(start);
            let affected = published.affected();
            found += affected.len() as u64;
            assert!(affected.iter().all(|affected| affected.session == sessions[number].id()));
            spent
        })
        .collect();
    let times = sorted(times);
    let what = format!("revocation among {count} sessions, median");
    report.time(&what, at_share(&times, 0.5), "µs", Some(1_000.0));
    report.time("the same, worst of 101", at_share(&times, 1.0), "µs", Some(1_000.0));
    report.count("sessions found by 101 revocations", found, 101);

    let revoked = Peer { chain: Vec::new(), key: cas[0].root.key.clone(), serial: serial_of(10) };
    let list = lists(2, &[&revoked]);
    let start = Instant::now();
    let published = live.publish(Publication::new().source(list), at(0)).unwrap();
    report.time(
        "a list with one more entry, from offer to sessions",
        micros(start),
        "µs",
        Some(1_000.0),
    );
    report.count("sessions that it finds", published.affected().len() as u64, 1);

    let start = Instant::now();
    let published = live.publish(Publication::new().bundle(&name(3), bundle(&[])), at(0)).unwrap();
    report.time("an authority of a tenth of the sessions goes", micros(start) / 1e3, "ms", None);
    let tenth = (0..count).filter(|number| number % cas.len() == 3).count();
    report.count("sessions that it finds", published.affected().len() as u64, tenth as u64);

    let start = Instant::now();
    drop(sessions);
    report.time("left the register, each", micros(start) / count as f64, "µs", None);
    report.count("sessions left", live.sessions() as u64, 0);
}

fn serial_of(number: usize) -> Vec<u8> {
    [&[1][..], &(number as u64).to_be_bytes()].concat()
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(octets).into()
}

/// A peer with a key of its own that nobody holds: nothing is signed.
fn unsigned(ca: &Ca, domain: &str, number: usize, rng: &mut Rng) -> Peer {
    let key = &ca.issuing.key;
    let algorithm = der::sequence([der::oid("1.3.101.112")]);
    let spki = der::sequence([algorithm, der::bit_string(0, &rng.bytes::<32>())]);
    let id = uri(&format!("spiffe://{domain}/workload/{number}"));
    let leaf = ca.issuing.leaf(&kit::Name::empty(), key, &[id], |builder| {
        builder.spki(&spki).serial(&serial_of(number)).signature(&[0; 64])
    });
    let chain = [leaf, ca.issuing.certificate.clone()].map(rustls_pki_types::CertificateDer::from);
    Peer { chain: chain.to_vec(), key: key.clone(), serial: serial_of(number) }
}

fn accept(peer: &Peer, live: &Live, requirement: &Arc<bonafide::live::Requirement>) -> LivePeer {
    let ruling = peer.decide(live, requirement, at(0));
    let algorithm = der::sequence([der::oid("1.3.101.112")]);
    let algorithm = AlgorithmIdentifier::from_der(&algorithm).unwrap();
    let certified = ruling.decision().peer().unwrap();
    ruling.live(certified.prove(&Yes, algorithm, b"", &[0; 64]).unwrap()).unwrap()
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}
