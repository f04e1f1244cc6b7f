//! What it costs to ask a peer whether it still stands; shared with `benches/versus`, whose row `standing`
//! is [`standing`]`(1)`.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use bonafide::live::LivePeer;

use super::world::{Ca, anybody, at, live, spiffe, uri};

/// Asks of one sample.
const BATCH: u32 = 1 << 16;
/// Samples of each thread; the median counts.
const ROUNDS: usize = 101;

/// Nanoseconds for each ask, the median over rounds, in the slowest of `threads` threads that ask one and
/// the same peer.
pub fn standing(threads: usize) -> f64 {
    let ca = Ca::new(1);
    let (live, _) = live([spiffe("a.test", &[&ca])]);
    let peer = ca.peer(1, &[uri("spiffe://a.test/web")]).accept(&live, &anybody(), at(0));
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            median_of(&peer)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(ask)).collect();
        let times = threads.into_iter().map(|thread| thread.join().unwrap());
        times.fold(0.0, f64::max)
    })
}

fn median_of(peer: &LivePeer) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..BATCH {
                assert!(black_box(peer).ask(black_box(at(1))).is_current());
            }
            start.elapsed().as_nanos() as f64 / f64::from(BATCH)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
