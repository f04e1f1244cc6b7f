//! Random campaigns over the simulator.
//!
//! `BONAFIDE_ROTATIONS=10000 cargo test --release --features rustls --test rotation campaigns --
//! --nocapture` sees ten thousand rotations; without the variable it is few. `BONAFIDE_SEED=7` sees one
//! world. A world in which something is wrong panics with its seed and the last things that happened.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::simulator::campaign::{self, ROTATIONS};
use crate::simulator::tally::Tally;

fn rotations_to_see() -> u64 {
    std::env::var("BONAFIDE_ROTATIONS").ok().map_or(240, |count| count.parse().unwrap())
}

#[test]
fn nothing_fails_that_must_not_and_nothing_stands_that_must_fall() {
    const THREADS: usize = 2;
    if let Ok(seed) = std::env::var("BONAFIDE_SEED") {
        return println!("{}", campaign::run(seed.parse().unwrap()));
    }
    let worlds = rotations_to_see().div_ceil(ROTATIONS);
    let (start, next) = (Instant::now(), AtomicU64::new(0));
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let mut tally = Tally::default();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= worlds {
                            return tally;
                        }
                        tally.merge(campaign::run(seed));
                    }
                })
            })
            .collect();
        for thread in threads {
            tally.merge(thread.join().unwrap());
        }
    });
    println!("{worlds} worlds in {:.1} s: {tally}", start.elapsed().as_secs_f32());
    assert!(tally.rotations >= rotations_to_see());
    // Everything that can happen did.
    assert!(tally.full > 0 && tally.resumed > 0 && tally.failed() > 0 && tally.amid > 0);
    assert!(tally.lapses > 0 && tally.torn > 0 && tally.discarded > 0 && tally.removals > 0);
}
