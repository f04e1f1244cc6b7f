//! `cargo bench --bench versus`: this crate against rustls-webpki and against the raw signatures.
//!
//! All contenders of a row run in one process, interleaved, and the row is a ratio of their medians:
//! machines are noisy, ratios of one run are not. With `-- --json` each row is one line
//! `{"id":…,"value":…}` and nothing else is printed on standard output. `-- WORD` runs the rows with that
//! word in their names, `-- --plot FILE` draws how cost grows.
//!
//! Cold rows keep nothing but the key of the anchor. New leaves come with a memo and
//! [`KeptKeys`](bonafide::signature::KeptKeys), which know the issuers; peers seen before with
//! [`SeenChains`](bonafide::verify::SeenChains), too. webpki keeps nothing, ever.

mod contenders;
mod handshakes;
mod harness;
#[path = "../../tests/kit/mod.rs"]
mod kit;
mod plot;
#[path = "../live/standing.rs"]
mod standing;
#[path = "../../tests/live/world.rs"]
mod world;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bonafide::signature::{AwsLcBackend, KeptKeys, SharedMemo};
use contenders::{
    Chain, NoCrypto, WebpkiSet, domains, ours, own_work, raw_signatures, revocation_list,
    same_name, webpki_verify,
};
use handshakes::{Estate, Pair};
use harness::{Contender, Counting, allocations, race, second_thread};
use kit::Kind;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One line of the table.
struct Row {
    id: &'static str,
    what: &'static str,
    bar: f64,
    value: f64,
    detail: String,
}

/// How long a contender runs before the next one does: shorter than the time that the operating
/// system gives a program, so that where others run, too, most slices are whole and the medians tell.
const SLICE: Duration = Duration::from_millis(2);

struct Table {
    rows: Vec<Row>,
    rounds: usize,
    /// Instead of measuring: the contender that runs, and how often.
    repeat: Option<(String, u32)>,
}

impl Table {
    /// Adds the ratio of the first contender to the second.
    fn ratio(
        &mut self,
        id: &'static str,
        what: &'static str,
        bar: f64,
        mut contenders: [Contender<'_>; 2],
    ) {
        if let Some((name, count)) = &self.repeat {
            for contender in contenders.iter_mut().filter(|contender| contender.name == name) {
                (0..*count).for_each(|_| (contender.run)());
            }
            return;
        }
        let medians = race(&mut contenders, self.rounds, SLICE);
        let detail = contenders
            .iter()
            .zip(&medians)
            .map(|(contender, ns)| format!("{} {:.3} µs", contender.name, ns / 1000.0))
            .collect::<Vec<_>>()
            .join(", ");
        self.rows.push(Row { id, what, bar, value: medians[0] / medians[1], detail });
    }

    fn count(&mut self, id: &'static str, what: &'static str, bar: f64, value: u64) {
        if self.repeat.is_none() {
            self.rows.push(Row { id, what, bar, value: value as f64, detail: String::new() });
        }
    }
}

/// A loop without memory, as long as a decision on a peer seen before.
fn plain_loop() {
    let sum = (0..2_000_u64).fold(1, |sum, number| black_box(sum ^ number).rotate_left(7));
    black_box(sum);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let words: Vec<&String> =
        arguments.iter().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let only = words.first();
    let wanted = |id: &str| only.is_none_or(|only| id.contains(only.as_str()));
    if arguments.iter().any(|argument| argument == "--plot") {
        let file = words.first().expect("a file to draw to");
        return std::fs::write(file, plot::svg()).expect("a file that can be written");
    }
    // `ID CONTENDER COUNT`: `benches/instructions` counts what that takes.
    let repeat = match words[..] {
        [_, name, count] => Some((name.clone(), count.parse().expect("a count"))),
        _ => None,
    };
    let mut table = Table { rows: Vec::new(), rounds: 301, repeat };

    let p256 = Chain::new(Kind::P256, 1);
    let p256_2 = Chain::new(Kind::P256, 2);
    let rsa = Chain::new(Kind::Rsa, 1);
    let ed25519 = Chain::new(Kind::Ed25519, 1);
    let cold = |chain: &Chain| ours(chain, Arc::new(AwsLcBackend::NEW), true, None);

    if wanted("parse") {
        let leaf = p256.leaf.as_ref();
        table.ratio(
            "parse",
            "parse one certificate / webpki's EndEntityCert::try_from",
            1.5,
            [
                Contender::new("bonafide", || bonafide::x509::Certificate::from_der(leaf)),
                Contender::new("webpki", || webpki::EndEntityCert::try_from(&p256.leaf).is_ok()),
            ],
        );
        let count = allocations(|| bonafide::x509::Certificate::from_der(leaf).is_ok());
        table.count("parse-allocs", "allocations of parsing one certificate", 0.0, count);
    }
    for (id, bar, chain) in [
        ("cold-p256", 1.00, &p256),
        ("cold-rsa2048", 0.97, &rsa),
        ("cold-ed25519", 1.015, &ed25519),
    ] {
        if wanted(id) {
            let verifier = cold(chain);
            table.ratio(
                id,
                "leaf + 1, memo off, anchor keys prepared, aws-lc-rs / the raw signatures",
                bar,
                [
                    Contender::new("bonafide", || verifier.decide()),
                    Contender::new("signatures", || raw_signatures(chain)),
                ],
            );
        }
    }
    if wanted("cold-memo-on") {
        // A memo of one bucket forgets everything between two uses of 64 chains, which end at one root.
        let chains: Vec<Chain> = (0..64).map(|_| Chain::new(Kind::P256, 1)).collect();
        let memo = Arc::new(SharedMemo::with_capacity(8));
        let verifier = ours(&p256, Arc::new(AwsLcBackend::NEW), true, Some(memo as Arc<_>));
        let (mut next, mut other) = (0, 0);
        table.ratio(
            "cold-memo-on",
            "P-256, memo on but nothing remembered / the raw signatures",
            1.01,
            [
                Contender::new("bonafide", || {
                    next = (next + 1) % chains.len();
                    verifier.decide_chain(&chains[next])
                }),
                Contender::new("signatures", || {
                    other = (other + 1) % chains.len();
                    raw_signatures(&chains[other])
                }),
            ],
        );
    }
    if wanted("own-work") {
        let verifier = ours(&p256, Arc::new(NoCrypto), false, None);
        table.ratio(
            "own-work",
            "leaf + 1, tls_client, no crypto / webpki's without crypto",
            1.5,
            [
                Contender::new("bonafide", || verifier.decide()),
                Contender::new("webpki", || webpki_verify(&p256, WebpkiSet::NoCrypto)),
            ],
        );
    }
    for (id, bar, chain) in [("new-leaf-1", 0.51, &p256), ("new-leaf-2", 0.35, &p256_2)] {
        if wanted(id) {
            let fresh: Vec<Chain> = (0..512).map(|_| chain.with_new_leaf()).collect();
            let memo = Arc::new(SharedMemo::with_capacity(64));
            let backend = KeptKeys::new(Arc::new(AwsLcBackend::NEW), 64);
            let verifier = ours(chain, Arc::new(backend), true, Some(memo as Arc<_>));
            let (mut next, mut other) = (0, 0);
            table.ratio(
                id,
                "P-256, intermediates known, leaf new / webpki",
                bar,
                [
                    Contender::new("bonafide", || {
                        next = (next + 1) % fresh.len();
                        verifier.decide_chain(&fresh[next])
                    }),
                    Contender::new("webpki", || {
                        other = (other + 1) % fresh.len();
                        webpki_verify(&fresh[other], WebpkiSet::AwsLcRs);
                    }),
                ],
            );
        }
    }
    if wanted("seen-peer") {
        let memo = Arc::new(SharedMemo::with_capacity(1024));
        let verifier = ours(&p256, Arc::new(AwsLcBackend::NEW), true, Some(memo as Arc<_>))
            .with_seen_chains(1024);
        table.ratio(
            "seen-peer",
            "P-256 peer seen before, judged afresh / webpki",
            0.01,
            [
                Contender::new("bonafide", || verifier.decide()),
                Contender::new("webpki", || webpki_verify(&p256, WebpkiSet::AwsLcRs)),
            ],
        );
        let count = allocations(|| verifier.decide());
        table.count("allocs-warm", "allocations of one decision, peer seen before", 4.0, count);
    }
    for (id, bar, intermediates) in [("handshake-1", 0.62, 1), ("handshake-2", 0.52, 2)] {
        if wanted(id) {
            let estate = Estate::new(intermediates);
            let (ours, webpki) = (Pair::ours(&estate), Pair::webpki(&estate));
            table.ratio(
                id,
                "rustls mTLS handshake, both sides, P-256, peers seen before / webpki's verifiers",
                bar,
                [
                    Contender::new("bonafide", || ours.handshake()),
                    Contender::new("webpki", || webpki.handshake()),
                ],
            );
        }
    }
    if wanted("allocs-cold") {
        let verifier = ours(&p256, Arc::new(NoCrypto), false, None);
        let count = allocations(|| verifier.decide());
        table.count("allocs-cold", "allocations of one decision", 12.0, count);
    }
    let alone = || own_work(&p256, domains(&p256, 0), None);
    for (id, what, bar) in [
        ("domains-10k", "10,000 trust domains / one, own work without crypto", 1.3),
        ("same-name-1k", "1,000 anchors of one name, key id given / one, the same", 1.5),
        ("crl-100k", "with a 100,000-entry CRL / without, the same", 1.3),
    ] {
        if wanted(id) {
            let verifier = match id {
                "domains-10k" => own_work(&p256, domains(&p256, 9_999), None),
                "same-name-1k" => own_work(&p256, same_name(&p256, 999), None),
                _ => {
                    let lists = revocation_list(&p256, 100_000);
                    own_work(&p256, domains(&p256, 0), Some(lists))
                }
            };
            let alone = alone();
            table.ratio(
                id,
                what,
                bar,
                [
                    Contender::new("many", || verifier.decide()),
                    Contender::new("one", || alone.decide()),
                ],
            );
        }
    }
    if wanted("standing") && table.repeat.is_none() {
        table.rows.push(Row {
            id: "standing",
            what: "whether a live peer still stands, ns",
            bar: 10.0,
            value: standing::standing(1),
            detail: String::new(),
        });
    }
    for id in ["threads-cold", "threads-warm"] {
        if wanted(id) && table.repeat.is_none() {
            let warm = id == "threads-warm";
            let memo = warm.then(|| Arc::new(SharedMemo::with_capacity(1024)) as Arc<_>);
            let verifier = ours(&p256, Arc::new(AwsLcBackend::NEW), true, memo);
            let verifier = Arc::new(if warm { verifier.with_seen_chains(1024) } else { verifier });
            let chain = Arc::new(Chain::new(Kind::P256, 1));
            let ours = second_thread(
                || {
                    let verifier = verifier.clone();
                    Box::new(move || drop(verifier.decide()))
                },
                101,
            );
            let floor = second_thread(
                || {
                    let chain = chain.clone();
                    Box::new(move || if warm { plain_loop() } else { raw_signatures(&chain) })
                },
                101,
            );
            table.rows.push(Row {
                id,
                what: "2 threads / 1, divided by the same of the raw signatures or a plain loop",
                bar: 0.97,
                value: ours / floor,
                detail: format!("bonafide {ours:.3}, floor {floor:.3}"),
            });
        }
    }

    for row in &table.rows {
        if json {
            println!("{{\"id\":\"{}\",\"value\":{:.4}}}", row.id, row.value);
        } else {
            let at_least = row.id.starts_with("threads");
            let met = if at_least { row.value >= row.bar } else { row.value <= row.bar };
            println!(
                "{:<14} {:>8.4}  {} {:<6} {:<7} {} [{}]",
                row.id,
                row.value,
                if at_least { "at least" } else { "at most" },
                row.bar,
                if met { "met" } else { "missed" },
                row.what,
                row.detail
            );
        }
    }
}
