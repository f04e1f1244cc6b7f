//! The rotations that a fleet must survive: scenarios S1 to S24 of the project's notes on SPIFFE, each
//! by its name.
//!
//! Every meeting is compared with what the facts of the simulated world demand (`simulator`): a test
//! need not say which handshakes fail, it says how many may, when, and what is to be seen besides.

#![expect(clippy::unwrap_used, reason = "test code")]

#[path = "scenarios/federation.rs"]
mod federation;
#[path = "scenarios/planned.rs"]
mod planned;
#[path = "scenarios/stream.rs"]
mod stream;

use crate::simulator::facts::{DomainId, PartyId};
use crate::simulator::world::{Knobs, Observe, World};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// A world in which nobody meets but who is told to.
const BY_HAND: Knobs = Knobs { observe: Observe::Nobody, ..Knobs::STEADY };

/// One trust domain and two of its workloads.
fn pair(knobs: Knobs) -> (World, DomainId, PartyId, PartyId) {
    let mut world = World::new(1, knobs);
    let domain = world.domain("example.org", DAY);
    let a = world.workload(domain, "a", 0);
    let b = world.workload(domain, "b", 0);
    (world, domain, a, b)
}

/// Two trust domains that know each other, with a workload in each.
fn federation(knobs: Knobs) -> (World, [DomainId; 2], [PartyId; 2]) {
    let mut world = World::new(2, knobs);
    let [one, other] = ["example.org", "partner.test"].map(|name| world.domain(name, DAY));
    let a = world.workload(one, "a", 0);
    let b = world.workload(other, "b", 0);
    world.federate(one, other);
    world.federate(other, one);
    for (id, domain) in [(a, one), (b, other)] {
        world.hand_bundles(id);
        world.tell(id);
        assert_eq!(world.party(id).view.bundles.len(), 2, "{domain:?}");
    }
    (world, [one, other], [a, b])
}

/// Both meet as client and as server; whether both meetings succeed.
fn meet_both_ways(world: &mut World, a: PartyId, b: PartyId) -> bool {
    let there = world.meet(a, b).is_success();
    let back = world.meet(b, a).is_success();
    assert_eq!(there, back, "which side connects makes no difference");
    there
}
