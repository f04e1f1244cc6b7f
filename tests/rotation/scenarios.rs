//! The rotations that a fleet must survive.

use crate::simulator::world::{Knobs, World};

const DAY: i64 = 86_400;

#[test]
fn s01_planned_self_signed_rotation() {
    let mut world = World::new(1, Knobs { automatic: true, ..Knobs::STEADY });
    let domain = world.domain("example.org", DAY);
    world.workload(domain, "a", 0);
    world.workload(domain, "b", 0);
    world.run(3 * DAY);
    println!("{}", world.tally);
    assert_eq!(world.tally.failed(), 0);
    assert!(world.tally.rotations >= 3);
}
