//! `cargo bench --bench versus`: this crate against rustls-webpki, other readers and the raw signatures.
//!
//! All contenders of a row run in one process, interleaved, and the row is a ratio of their medians:
//! machines are noisy, ratios of one run are not. With `-- --json` each row that has a bar is one line
//! `{"id":…,"value":…}` and nothing else is printed on standard output; `-- --json --all` does the same
//! for all rows. `-- WORD` runs the rows with that word in their names (`-- memory`: bytes instead of
//! ratios), `-- --plot FILE` draws how cost grows.
//!
//! Cold rows keep nothing but the key of the anchor. New leaves come with
//! [`KeptKeys`](bonafide::signature::KeptKeys) and [`SeenIssuers`](bonafide::verify::SeenIssuers), which
//! know the issuers; peers seen before with a memo and [`SeenChains`](bonafide::verify::SeenChains).
//! webpki keeps nothing, ever.
//!
//! Rows against OpenSSL come from a package of their own, `bonafide-versus-openssl`, since the crate
//! `openssl` does not build without the library. Where that is there, this program has it built and run.

mod cold;
mod companion;
mod contenders;
mod handshakes;
mod harness;
#[path = "../../tests/kit/mod.rs"]
mod kit;
mod memory;
mod parsing;
mod plot;
#[path = "../live/standing.rs"]
mod standing;
mod table;
#[path = "../../tests/live/world.rs"]
mod world;

use std::hint::black_box;
use std::sync::Arc;

use bonafide::signature::{AwsLcBackend, KeptKeys, SharedMemo};
use bonafide::verify::{SeenChains, SeenIssuers};
use contenders::{
    Chain, NoCrypto, WebpkiSet, domains, ours, own_work, raw_signatures, revocation_list,
    same_name, webpki_verify,
};
use handshakes::{Estate, Pair};
use harness::{Contender, Counting, allocations, second_thread};
use kit::Kind;
use table::{Bar, Ratio, Table};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A loop without memory, as long as a decision on a peer seen before.
fn plain_loop() {
    let sum = (0..2_000_u64).fold(1, |sum, number| black_box(sum ^ number).rotate_left(7));
    black_box(sum);
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|argument| argument == "--plot") {
        let file = arguments.find(|argument| !argument.starts_with("--"));
        let file = file.expect("a file to draw to");
        return std::fs::write(file, plot::svg()).expect("a file that can be written");
    }
    let mut table = Table::of_arguments();
    memory::kept_keys(&mut table);
    parsing::rows(&mut table);
    cold::rows(&mut table);
    remembered(&mut table);
    scale(&mut table);
    memory::rows(&mut table);
    table.print();
    if table.wants("openssl", false) {
        companion::run();
    }
}

/// A decision with nothing, something and everything remembered, and whole handshakes.
fn remembered(table: &mut Table) {
    let p256 = Chain::new(Kind::P256, 1);
    if table.wants("cold-memo-on", true) {
        // A memo of one bucket forgets everything between two uses of 16 chains, which end at one root.
        let chains: Vec<Chain> = (0..16).map(|_| Chain::new(Kind::P256, 1)).collect();
        let memo = Arc::new(SharedMemo::with_capacity(8));
        let verifier = ours(&p256, Arc::new(AwsLcBackend::NEW), true, Some(memo as Arc<_>));
        let what = "P-256, memo on but nothing remembered / the raw signatures";
        table.race(
            vec![Ratio::new("cold-memo-on", what, "bonafide", "signatures").at_most(1.01)],
            vec![
                Contender::new("bonafide", || {
                    chains.iter().for_each(|chain| drop(verifier.decide_chain(chain)));
                }),
                Contender::new("signatures", || chains.iter().for_each(raw_signatures)),
            ],
        );
    }
    if table.wants("own-work", true) {
        let verifier = ours(&p256, Arc::new(NoCrypto), false, None);
        let what = "leaf + 1, tls_client, no crypto / webpki's without crypto";
        table.race(
            vec![Ratio::new("own-work", what, "bonafide", "webpki").at_most(1.5)],
            vec![
                Contender::new("bonafide", || verifier.decide()),
                Contender::new("webpki", || webpki_verify(&p256, WebpkiSet::NoCrypto)),
            ],
        );
    }
    for (id, bar, intermediates) in [("new-leaf-1", 0.51, 1), ("new-leaf-2", 0.35, 2)] {
        if table.wants(id, true) {
            let chain = Chain::new(Kind::P256, intermediates);
            let fresh: Vec<Chain> = (0..512).map(|_| chain.with_new_leaf()).collect();
            let backend = KeptKeys::new(Arc::new(AwsLcBackend::NEW), 64);
            let verifier = ours(&chain, Arc::new(backend), true, None)
                .with_seen_issuers(Arc::new(SeenIssuers::with_capacity(64)));
            let (mut next, mut other) = (0, 0);
            let what = "P-256, intermediates known, leaf new / webpki";
            table.race(
                vec![Ratio::new(id, what, "bonafide", "webpki").at_most(bar)],
                vec![
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
    if table.wants("seen-peer", true) || table.wants("allocs-warm", true) {
        let memo = Arc::new(SharedMemo::with_capacity(1024));
        let verifier = ours(&p256, Arc::new(AwsLcBackend::NEW), true, Some(memo as Arc<_>))
            .with_seen_chains(Arc::new(SeenChains::with_capacity(1024)));
        let what = "P-256 peer seen before, judged afresh / webpki";
        table.race(
            vec![Ratio::new("seen-peer", what, "bonafide", "webpki").at_most(0.01)],
            vec![
                Contender::new("bonafide", || verifier.decide()),
                Contender::new("webpki", || webpki_verify(&p256, WebpkiSet::AwsLcRs)),
            ],
        );
        let what = "allocations of one decision, peer seen before";
        table.measure("allocs-warm", what, Some(Bar::AtMost(4.0)), || {
            allocations(|| verifier.decide())
        });
    }
    let verifier = ours(&p256, Arc::new(NoCrypto), false, None);
    let bar = Some(Bar::AtMost(12.0));
    table.measure("allocs-cold", "allocations of one decision", bar, || {
        allocations(|| verifier.decide())
    });
    let what = "whether a live peer still stands, ns";
    table.measure("standing", what, Some(Bar::AtMost(10.0)), || standing::standing(1));
    for (id, bar, intermediates) in [("handshake-1", 0.62, 1), ("handshake-2", 0.52, 2)] {
        if table.wants(id, true) {
            let estate = Estate::new(intermediates);
            let (ours, webpki) = (Pair::ours(&estate), Pair::webpki(&estate));
            let what =
                "rustls mTLS handshake, both sides, P-256, peers seen before / webpki's verifiers";
            table.race(
                vec![Ratio::new(id, what, "bonafide", "webpki").at_most(bar)],
                vec![
                    Contender::new("bonafide", || ours.handshake()),
                    Contender::new("webpki", || webpki.handshake()),
                ],
            );
        }
    }
}

/// What much trust, much evidence and a second thread change.
fn scale(table: &mut Table) {
    let p256 = Chain::new(Kind::P256, 1);
    let alone = || own_work(&p256, domains(&p256, 0), None);
    for (id, what, bar) in [
        ("domains-10k", "10,000 trust domains / one, own work without crypto", 1.3),
        ("same-name-1k", "1,000 anchors of one name, key id given / one, the same", 1.5),
        ("crl-100k", "with a 100,000-entry CRL / without, the same", 1.3),
    ] {
        if table.wants(id, true) {
            let verifier = match id {
                "domains-10k" => own_work(&p256, domains(&p256, 9_999), None),
                "same-name-1k" => own_work(&p256, same_name(&p256, 999), None),
                _ => {
                    let lists = revocation_list(&p256, 100_000);
                    own_work(&p256, domains(&p256, 0), Some(lists))
                }
            };
            let alone = alone();
            table.race(
                vec![Ratio::new(id, what, "many", "one").at_most(bar)],
                vec![
                    Contender::new("many", || verifier.decide()),
                    Contender::new("one", || alone.decide()),
                ],
            );
        }
    }
    for id in ["threads-cold", "threads-warm"] {
        let what = "2 threads / 1, divided by the same of the raw signatures or a plain loop";
        table.measure(id, what, Some(Bar::AtLeast(0.97)), || {
            let warm = id == "threads-warm";
            let memo = warm.then(|| Arc::new(SharedMemo::with_capacity(1024)) as Arc<_>);
            let verifier = ours(&p256, Arc::new(AwsLcBackend::NEW), true, memo);
            let verifier = Arc::new(match warm {
                true => verifier.with_seen_chains(Arc::new(SeenChains::with_capacity(1024))),
                false => verifier,
            });
            let chain = Arc::new(Chain::new(Kind::P256, 1));
            let (ours, floor, ratio) = second_thread(
                || {
                    let verifier = verifier.clone();
                    Box::new(move || drop(verifier.decide()))
                },
                || {
                    let chain = chain.clone();
                    Box::new(move || if warm { plain_loop() } else { raw_signatures(&chain) })
                },
                201,
            );
            (ratio, format!("bonafide {ours:.3}, floor {floor:.3}"))
        });
    }
}
