//! Random campaigns over the simulator.
//!
//! `BONAFIDE_ROTATIONS=10000 cargo test --release --features rustls --test rotation campaigns --
//! --nocapture` sees ten thousand rotations; without the variable it is few. `BONAFIDE_SEED=7` sees one
//! world. A world in which something is wrong panics with its seed and the last things that happened.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bonafide::credential::Update;
use bonafide::trust::TrustStore;
use bonafide::x509::Time;

use crate::simulator::campaign::{self, ROTATIONS};
use crate::simulator::facts::PartyId;
use crate::simulator::tally::Tally;
use crate::simulator::tls::Meeting;
use crate::simulator::world::{Knobs, Observe, World};

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

/// What the simulator says when something is done behind its back, after a rotation that took an
/// authority from `b` while `a` still has an SVID under it.
fn found_out(err: impl FnOnce(&mut World, PartyId, PartyId, Arc<TrustStore>)) -> String {
    let mut world = World::new(0, Knobs { observe: Observe::Nobody, ..Knobs::STEADY });
    let domain = world.domain("example.org", 86_400);
    let a = world.workload(domain, "a", 0);
    let b = world.workload(domain, "b", 0);
    world.meet_as(a, b, Meeting::TLS13);
    let before = world.party(b).held.live.snapshot().verifier().trust().clone();
    world.prepare(domain);
    world.hand_bundles(a);
    world.tell(a);
    world.activate(domain);
    world.taint(domain);
    world.revoke(domain);
    world.hand_bundles(b);
    world.hand_svid(b);
    world.tell(b);
    let panic = catch_unwind(AssertUnwindSafe(|| err(&mut world, a, b, before))).unwrap_err();
    panic.downcast_ref::<String>().unwrap().lines().next().unwrap().to_owned()
}

#[test]
fn a_library_that_errs_is_found_out() {
    let publish = |world: &mut World, id: PartyId, trust, update| {
        let now = Time::from_unix(world.now);
        world.parties[id.0].held.publish(trust, update, now).unwrap();
    };
    let nobody = || Arc::new(TrustStore::new([]).unwrap());
    // A removed authority comes back: at a new handshake, at a session that goes on, and at a look.
    let said = found_out(|world, a, b, before| {
        publish(world, b, before, None);
        world.meet(a, b);
    });
    assert!(said.starts_with("accepted although"), "{said}");
    let said = found_out(|world, _, b, before| {
        publish(world, b, before, None);
        world.observe();
    });
    assert!(said.contains("trusts other authorities than it was told"), "{said}");
    // An authority that must be known is not.
    let said = found_out(|world, a, b, _| {
        world.hand_bundles(a);
        world.hand_svid(a);
        world.tell(a);
        assert!(world.meet(a, b).is_success());
        publish(world, b, nobody(), None);
        world.meet(a, b);
    });
    assert!(said.starts_with("a meeting failed although nothing stands in its way"), "{said}");
    // What must be presented is not.
    let said = found_out(|world, _, b, _| {
        let trust = world.party(b).held.live.snapshot().verifier().trust().clone();
        publish(world, b, trust, Some(Update::complete([])));
        world.observe();
    });
    assert!(said.contains("would present something: false"), "{said}");
}
