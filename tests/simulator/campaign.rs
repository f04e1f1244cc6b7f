//! Random worlds: orderly ones, in which nothing may fail, and disorderly ones, in which everything
//! happens that operators, networks and disks have in store.
//!
//! In an orderly world servers obey the order of SPIRE: publish, wait until everybody knows, use, wait
//! until nobody uses the old one, remove. Whatever the delays are, not one handshake may fail. In a
//! disorderly world nobody waits for anybody, and the oracle says for each meeting what must come of it.

use super::facts::{DomainId, PartyId};
use super::party::Fault;
use super::server::{Document, State};
use super::tally::Tally;
use super::tls::Meeting;
use super::world::{Knobs, Observe, World};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// How many rotations a world sees before the next one.
pub const ROTATIONS: u64 = 12;

/// Names the world that a panic happened in, wherever that was.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the world of seed {0}; again with BONAFIDE_SEED={0}", self.0);
        }
    }
}

/// Runs the world of a seed to its end.
pub fn run(seed: u64) -> Tally {
    let _named = Named(seed);
    if seed.is_multiple_of(2) { orderly(seed) } else { disorderly(seed) }
}

/// A few trust domains, most of which know each other, with a few workloads.
fn settle(seed: u64, observe: Observe) -> World {
    let mut world = World::new(seed, Knobs { observe, tolerance: 30, ..Knobs::STEADY });
    let most = 1 + i64::try_from(world.rng.below(120)).unwrap();
    world.knobs.server_to_agent = (0, most);
    world.knobs.renewal = (0, 1 + most / 4);
    world.knobs.agent_to_workload = (0, i64::try_from(world.rng.below(30)).unwrap());
    world.knobs.poll = 60 + i64::try_from(world.rng.below(240)).unwrap();
    world.knobs.scheduled = world.rng.chance(50);
    let names = ["example.org", "partner.test", "third.test"];
    let domains: Vec<DomainId> = names[..1 + world.rng.below(3)]
        .iter()
        .map(|name| match world.rng.chance(30) {
            true => world.domain_under_upstream(name, 3 * DAY),
            false => world.domain(name, 3 * DAY),
        })
        .collect();
    let workloads = 2 + world.rng.below(3);
    for number in 0..workloads {
        let domain = domains[number % domains.len()];
        let skew = i64::try_from(world.rng.below(31)).unwrap() - 15;
        world.workload(domain, &format!("workload/{number}"), skew);
    }
    for &one in &domains {
        for &other in &domains {
            if one != other && (seed.is_multiple_of(2) || world.rng.chance(90)) {
                world.federate(one, other);
            }
        }
    }
    // Until everybody knows everybody nothing is demanded.
    world.knobs.observe = Observe::Nobody;
    world.run(10 * 60);
    world.knobs.observe = observe;
    world
}

/// Long enough for a bundle to reach everybody, by way of other servers too.
fn propagation(world: &World) -> i64 {
    2 * (world.knobs.server_to_agent.1 + world.knobs.agent_to_workload.1) + world.knobs.poll + 30
}

fn orderly(seed: u64) -> Tally {
    let mut world = settle(seed, Observe::OnePair(25));
    while world.tally.rotations < ROTATIONS {
        let domain = DomainId(world.rng.below(world.servers.len()));
        let wait = propagation(&world);
        if world.server(domain).has_upstream() && world.rng.chance(60) {
            let replace = |world: &mut World| {
                world.order(domain, "another upstream authority", |server, now, keys| {
                    server.replace_upstream(now, keys)
                })
            };
            replace(&mut world).unwrap();
            world.run(wait);
        }
        world.prepare(domain);
        world.run(wait);
        world.activate(domain);
        let old_and_new_differ = world.order(domain, "taint", |server, _, _| server.taint());
        match old_and_new_differ {
            // Tainted: everybody renews at once, and when all have, it is removed.
            Ok(()) => {
                world.run(wait + world.knobs.renewal.1);
                world.revoke(domain);
                world.run(wait);
            }
            // Another intermediate under the same upstream authority: there is nothing to remove.
            Err(_) => world.run(wait),
        }
        let pause = i64::try_from(world.rng.below(1_800)).unwrap();
        world.run(pause);
    }
    if !world.tally.failures.is_empty() {
        world.fail(format!("failures in an orderly world: {:?}", world.tally.failures));
    }
    world.tally
}

fn disorderly(seed: u64) -> Tally {
    let mut world = settle(seed, Observe::OnePair(40));
    let mut seen: Vec<(DomainId, Document)> = Vec::new();
    while world.tally.rotations < ROTATIONS {
        let domain = DomainId(world.rng.below(world.servers.len()));
        let id = PartyId(world.rng.below(world.parties.len()));
        let document = world.server(domain).document();
        if seen.last().is_none_or(|(_, last)| last.bundle != document.bundle) {
            seen.push((domain, document));
        }
        act(&mut world, domain, id, &seen);
        let pause = match world.rng.below(3) {
            0 => 0,
            1 => world.rng.below(60),
            _ => world.rng.below(900),
        };
        world.run(i64::try_from(pause).unwrap());
    }
    world.tally
}

/// Something happens.
fn act(world: &mut World, domain: DomainId, id: PartyId, seen: &[(DomainId, Document)]) {
    match world.rng.below(24) {
        0..=3 => {
            let _ = world.order(domain, "prepare", |server, now, keys| server.prepare(now, keys));
        }
        // In use at once: whoever asks for an SVID now gets one that nobody may know yet.
        4..=8 => {
            let activated = world.order(domain, "activate", |server, _, _| server.activate());
            if activated.is_ok() {
                for id in world.members(domain) {
                    if world.rng.chance(50) {
                        world.renew(id);
                    }
                }
            }
        }
        9 => {
            let _ = world.order(domain, "another upstream authority", |server, now, keys| {
                server.replace_upstream(now, keys)
            });
        }
        10 => {
            let _ = world.order(domain, "taint", |server, _, _| server.taint());
        }
        11 => {
            let _ = world.order(domain, "taint and revoke", |server, _, _| {
                server.taint()?;
                server.revoke()
            });
        }
        // An operator removes whatever authority but the current one.
        12 => {
            let roots: Vec<_> = world
                .server(domain)
                .published()
                .into_iter()
                .filter(|root| *root != world.server(domain).current.issuer.root)
                .collect();
            if !roots.is_empty() {
                let root = roots[world.rng.below(roots.len())];
                let prepared =
                    world.server(domain).next.as_ref().is_some_and(|next| {
                        next.state == State::Prepared && next.issuer.root == root
                    });
                let upstream = world.server(domain).has_upstream();
                if !prepared && !upstream {
                    let _ = world.order(domain, "remove", |server, _, _| {
                        server.remove(root);
                        Ok(())
                    });
                }
            }
        }
        13 => world.silence(id, true),
        14 | 15 => world.silence(id, false),
        16 => {
            world.deny(id);
            let wait = i64::try_from(world.rng.below(300)).unwrap();
            world.run(wait);
            world.tell(id);
        }
        17 => {
            world.tell(id);
        }
        // A message on its way is spoiled; the next one mends it.
        18 | 19 => {
            let faults = [Fault::CutOff, Fault::NoKey, Fault::TornPair];
            let fault = world.rng.pick(&faults);
            if world.rng.chance(50) {
                world.hand_svid(id);
            }
            world.spoil(id, fault);
        }
        20 => {
            let other = DomainId(world.rng.below(world.servers.len()));
            if other != domain {
                match world.relays[domain.0].is_federated(other) {
                    true => world.defederate(domain, other),
                    false => world.federate(domain, other),
                }
            }
        }
        // A document of old is served again.
        21 => {
            let (other, document) = &seen[world.rng.below(seen.len())];
            if world.relays[domain.0].is_federated(*other) {
                world.fetched(domain, *other, document.clone());
            }
        }
        22 => world.renew(id),
        // Something is published in the midst of a handshake.
        _ => {
            let others = world.parties.len();
            let other = PartyId((id.0 + 1 + world.rng.below(others - 1)) % others);
            let meeting = world.rng.pick(&Meeting::ALL);
            let flights = world.rng.below(6);
            let told = if world.rng.chance(50) { id } else { other };
            if world.rng.chance(50) {
                world.hand_svid(told);
            }
            world.hand_bundles(told);
            world.meet_amid(id, other, meeting, flights, |world| {
                world.tell(told);
            });
        }
    }
}
