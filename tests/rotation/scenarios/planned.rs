//! One trust domain rotates: planned, in a hurry, under an upstream authority, with odd roots and clocks.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bonafide::credential::{CredentialEvent, CredentialEvents};
use bonafide::live::Live;

use super::{BY_HAND, DAY, HOUR, meet_both_ways, pair};
use crate::simulator::facts::Span;
use crate::simulator::oracle::Why;
use crate::simulator::party::{Fault, Taken};
use crate::simulator::server::CUSHION;
use crate::simulator::tls::Meeting;
use crate::simulator::world::{Knobs, World};

#[test]
fn s01_planned_rotations_fail_nobody() {
    for knobs in [
        Knobs { automatic: true, ..Knobs::STEADY },
        // As slow as the window of a third of the authority's life allows.
        Knobs { automatic: true, server_to_agent: (0, 8 * HOUR - 60), ..Knobs::STEADY },
    ] {
        let mut world = World::new(1, knobs);
        let domain = world.domain("example.org", DAY);
        world.servers[domain.0].svid_life = 4 * HOUR;
        world.workload(domain, "a", 0);
        world.workload(domain, "b", 0);
        world.run(3 * DAY);
        assert_eq!(world.tally.failures.len(), 0, "{}", world.tally);
        assert!(world.tally.rotations >= 3 && world.tally.renewals >= 10, "{}", world.tally);
        assert!(world.tally.full > 10, "{}", world.tally);
    }
}

/// Looks at what is in force whenever a credential is installed.
struct Witness {
    live: Live,
    seen: Mutex<Vec<(u64, usize)>>,
}

impl CredentialEvents for Witness {
    fn on_event(&self, event: &CredentialEvent) {
        if let CredentialEvent::Installed { generation, .. } = event {
            let snapshot = self.live.snapshot();
            let anchors = snapshot.verifier().trust().domain("example.org").unwrap().bundle().len();
            self.seen.lock().unwrap().push((*generation, anchors));
        }
    }
}

#[test]
fn s02_bundle_before_svid_and_the_reverse() {
    let (mut world, domain, a, b) = pair(BY_HAND);
    // The bundle first: nobody is ever refused.
    world.prepare(domain);
    world.hand_bundles(b);
    world.tell(b);
    assert!(meet_both_ways(&mut world, a, b));
    world.activate(domain);
    world.hand_bundles(a);
    world.hand_svid(a);
    world.tell(a);
    assert!(meet_both_ways(&mut world, a, b));

    // The SVID first: refused until the bundle is there, and by nobody else.
    let live = world.party(a).held.live.clone();
    let witness = Arc::new(Witness { live: live.clone(), seen: Mutex::default() });
    let before = live.subscribe_credentials(&witness).epoch();
    world.prepare(domain);
    world.activate(domain);
    world.hand_bundles(a);
    world.hand_svid(a);
    assert_eq!(world.tell(a), Taken::Published);
    // SVID and bundle of one message came into force in one instant.
    assert_eq!(*witness.seen.lock().unwrap(), [(before + 1, 3)]);
    let met = world.meet(b, a);
    assert_eq!(met.demand.client, BTreeSet::from([Why::NoAuthority]));
    assert!(met.demand.server.is_empty());
    world.hand_bundles(b);
    world.tell(b);
    assert!(meet_both_ways(&mut world, a, b));
}

#[test]
fn s02_an_update_in_the_midst_of_a_handshake() {
    // Whatever was carried when it comes: chain and key are of one moment, the trust is of one moment.
    for meeting in Meeting::RESUMING.into_iter().chain([Meeting::FRESH]) {
        let (mut world, domain, a, b) = pair(BY_HAND);
        world.prepare(domain);
        for flights in 0..7 {
            for told in [a, b] {
                world.hand_bundles(told);
                world.hand_svid(told);
                world.meet_amid(a, b, meeting, flights, |world| {
                    assert_eq!(world.tell(told), Taken::Published);
                });
            }
        }
        assert_eq!(world.tally.amid, 14, "{meeting:?}");
    }
}

#[test]
fn s05_revocation_hits_those_with_old_svids_and_nobody_else() {
    let (mut world, domain, a, b) = pair(BY_HAND);
    let c = world.workload(domain, "c", 0);
    world.prepare(domain);
    for id in [a, b, c] {
        world.hand_bundles(id);
        world.tell(id);
    }
    world.activate(domain);
    for id in [a, b] {
        world.hand_svid(id);
        world.tell(id);
    }
    for (one, other) in [(a, b), (b, c), (a, c)] {
        assert!(meet_both_ways(&mut world, one, other));
    }
    let sessions = world.sessions.len();
    assert_eq!(sessions, 6);

    world.taint(domain);
    world.revoke(domain);
    // From the update on, and not before, at each of them on its own.
    assert!(meet_both_ways(&mut world, a, c));
    world.hand_bundles(a);
    world.tell(a);
    assert!(!meet_both_ways(&mut world, a, c));
    assert!(meet_both_ways(&mut world, a, b));
    assert!(meet_both_ways(&mut world, b, c), "b does not know yet");
    world.observe();
    for session in &world.sessions {
        let parties = [session.client, session.server];
        assert!(!(parties.contains(&a) && parties.contains(&c)), "sessions under it are flagged");
    }
    assert!(world.tally.lapses >= 2);
    world.hand_svid(c);
    world.tell(c);
    assert!(meet_both_ways(&mut world, a, c), "renewed");
}

#[test]
fn s06_taint_renews_everybody_before_revocation() {
    let mut world = World::new(6, Knobs { renewal: (0, 30), ..Knobs::STEADY });
    let domain = world.domain("example.org", DAY);
    for path in ["a", "b", "c", "d", "e"] {
        world.workload(domain, path, 0);
    }
    world.run(60);
    world.prepare(domain);
    world.run(60);
    world.activate(domain);
    world.run(60);
    assert_eq!(world.tally.renewals, 0, "nobody renews early for an activation");
    world.taint(domain);
    world.run(90);
    assert_eq!(world.tally.renewals, 5, "everybody renews at once for a taint");
    let issuers: BTreeSet<_> =
        world.parties.iter().map(|party| party.view.svid.as_ref().unwrap().issuer).collect();
    assert_eq!(issuers, BTreeSet::from([world.server(domain).current.issuer.key]));
    world.revoke(domain);
    world.run(60);
    assert_eq!(world.tally.failures.len(), 0, "{}", world.tally);
    assert!(world.tally.full > 50, "{}", world.tally);
    assert_eq!(world.server(domain).published().len(), 1);
}

#[test]
fn s07_upstream_rotation() {
    let mut world = World::new(7, Knobs::STEADY);
    let domain = world.domain_under_upstream("example.org", DAY);
    let a = world.workload(domain, "a", 0);
    let b = world.workload(domain, "b", 0);
    let chain = |world: &World, id| world.party(id).view.svid.clone().unwrap();
    let before = chain(&world, a);
    assert!(world.server(domain).has_upstream());
    world
        .order(domain, "another upstream", |server, now, keys| server.replace_upstream(now, keys))
        .unwrap();
    world.run(60);
    world.prepare(domain);
    world.run(60);
    world.activate(domain);
    for id in [a, b] {
        world.renew(id);
        world.run(20);
    }
    world.taint(domain);
    world.run(60);
    world.revoke(domain);
    world.run(60);
    let after = chain(&world, a);
    assert_eq!((before.id.clone(), before.links.len()), (after.id.clone(), after.links.len()));
    assert_ne!(before.links[0].key, after.links[0].key, "another intermediate");
    assert_ne!(before.links[0].issuer, after.links[0].issuer, "another root of the same name");
    assert_eq!(world.tally.failures.len(), 0, "{}", world.tally);
    assert!(world.tally.full > 10, "{}", world.tally);
}

#[test]
fn s08_same_key_cross_signed_and_expired_roots() {
    // A root renewed with its key: both certificates in the bundle, then only the new one.
    let (mut world, domain, a, b) = pair(BY_HAND);
    world.run(HOUR / 4);
    let valid = Span { from: world.now - CUSHION, until: world.now + 7 * DAY };
    world
        .order(domain, "renew the root", |server, _, _| {
            server.renew_root_certificate(valid);
            Ok(())
        })
        .unwrap();
    for id in [a, b] {
        assert!(meet_both_ways(&mut world, a, b));
        world.hand_bundles(id);
        world.tell(id);
        assert!(meet_both_ways(&mut world, a, b));
    }
    // The old certificate expires and stays beside the new one for a day.
    world.servers[domain.0].svid_life = 3 * DAY;
    for id in [a, b] {
        world.hand_svid(id);
        world.tell(id);
    }
    world.run(2 * DAY);
    assert!(meet_both_ways(&mut world, a, b), "an expired root beside the good one");
    world
        .order(domain, "prune", |server, now, _| {
            server.prune(now);
            Ok(())
        })
        .unwrap();

    // A new root cross-signed by the old one: it is known to those who know the old one only.
    let (mut world, domain, a, b) = pair(BY_HAND);
    world.prepare(domain);
    world.activate(domain);
    world.hand_svid(a);
    world.tell(a);
    assert!(!meet_both_ways(&mut world, a, b), "nobody knows the new root");
    world.order(domain, "cross-sign", |server, _, _| server.cross_sign()).unwrap();
    world.hand_svid(a);
    world.tell(a);
    assert!(meet_both_ways(&mut world, a, b), "b knows the old root");
    world.hand_bundles(b);
    world.tell(b);
    assert!(meet_both_ways(&mut world, a, b), "b knows both");
    world.taint(domain);
    world.revoke(domain);
    world.hand_bundles(b);
    world.hand_svid(b);
    world.tell(b);
    world.hand_bundles(a);
    world.tell(a);
    assert!(meet_both_ways(&mut world, a, b), "b knows the new one only");
}

#[test]
fn s19_clocks_that_differ_to_the_second() {
    // b's clock is behind; a's next SVID begins at the very second of its issue.
    for (skew, tolerance, waits) in
        [(0, 0, 0), (-1, 0, 1), (-30, 30, 0), (-31, 30, 1), (-90, 30, 60)]
    {
        let mut world = World::new(19, Knobs { tolerance, ..BY_HAND });
        let domain = world.domain("example.org", DAY);
        let a = world.workload(domain, "a", 0);
        let b = world.workload(domain, "b", skew);
        world.run(HOUR / 4);
        world.servers[domain.0].cushion = 0;
        world.hand_svid(a);
        assert_eq!(world.tell(a), Taken::Published);
        if waits > 0 {
            let met = world.meet(b, a);
            assert_eq!(met.demand.client, BTreeSet::from([Why::NotYetValid]), "{skew}");
            world.run(waits - 1);
            assert!(!world.meet(b, a).is_success(), "{skew}: one second before");
            world.run(1);
        }
        assert!(meet_both_ways(&mut world, a, b), "{skew}: to the second");
    }
    // The same with SPIRE's cushion of ten seconds.
    let mut world = World::new(19, BY_HAND);
    let domain = world.domain("example.org", DAY);
    let a = world.workload(domain, "a", 0);
    let b = world.workload(domain, "b", -CUSHION);
    assert!(meet_both_ways(&mut world, a, b));

    // A holder whose own clock is behind goes on with what it has until the time has come.
    let mut world = World::new(19, BY_HAND);
    let domain = world.domain("example.org", DAY);
    let a = world.workload(domain, "a", -5);
    let b = world.workload(domain, "b", 0);
    world.servers[domain.0].cushion = 0;
    let before = world.party(a).view.svid.clone().unwrap();
    let next = world.hand_svid(a);
    assert_eq!(world.tell(a), Taken::TrustAlone("credential.not-yet-valid"));
    assert!(meet_both_ways(&mut world, a, b));
    assert!(Arc::ptr_eq(world.party(a).view.svid.as_ref().unwrap(), &before));
    world.run(5);
    assert!(meet_both_ways(&mut world, a, b));
    assert!(Arc::ptr_eq(world.party(a).view.svid.as_ref().unwrap(), &next));
}

#[test]
fn s20_svids_of_seconds() {
    // Five seconds, which leaves no time on the way; a minute, with some; by SPIRE's rule and by the
    // library's schedule.
    for (life, delay, scheduled) in [(5, 0, false), (5, 0, true), (60, 5, false), (60, 5, true)] {
        let knobs =
            Knobs { renewal: (0, delay), agent_to_workload: (0, 0), scheduled, ..Knobs::STEADY };
        let mut world = World::new(20, knobs);
        let domain = world.domain("example.org", DAY);
        world.servers[domain.0].svid_life = life;
        let a = world.workload(domain, "a", 0);
        world.workload(domain, "b", 0);
        let mut pauses = BTreeSet::new();
        let mut last = world.party(a).view.svid.clone().unwrap().valid.from;
        for _ in 0..life * 12 {
            world.run(1);
            let from = world.party(a).view.svid.clone().unwrap().valid.from;
            if from != last {
                pauses.insert(from - last);
                last = from;
            }
        }
        assert_eq!(world.tally.failures.len(), 0, "{life}: {}", world.tally);
        assert!(world.tally.renewals >= 36, "{life}: {}", world.tally);
        let (least, most) = (pauses.first().unwrap(), pauses.last().unwrap());
        assert!(*least >= life * 2 / 5 && *most <= life * 3 / 5 + 2 * delay, "{pauses:?}");
        assert!(life == 5 || scheduled || pauses.len() > 3, "spread: {pauses:?}");
        // Then the issuer is gone: nothing is presented from the second after the end.
        let until = world.party(a).view.svid.clone().unwrap().valid.until;
        for id in [0, 1] {
            let id = crate::simulator::facts::PartyId(id);
            world.silence(id, true);
        }
        world.run(until - world.now);
        assert!(world.party(a).held.choose(world.now).is_some());
        world.run(1);
        assert!(world.party(a).held.choose(world.now).is_none());
    }
}

#[test]
fn s22_a_replica_uses_an_authority_that_nobody_knows() {
    let mut world = World::new(22, Knobs { server_to_agent: (5, 5), ..Knobs::STEADY });
    let domain = world.domain("example.org", DAY);
    let a = world.workload(domain, "a", 0);
    let b = world.workload(domain, "b", 0);
    world.run(60);
    let start = world.now;
    // Another server joins the pool, publishes its authority and issues under it in the same second.
    world.prepare(domain);
    world.activate(domain);
    world.hand_svid(a);
    world.tell(a);
    assert!(!meet_both_ways(&mut world, a, b));
    world.run(4);
    assert!(!meet_both_ways(&mut world, a, b));
    let failed = world.tally.failed();
    world.run(3);
    assert!(meet_both_ways(&mut world, a, b), "{} s later", world.now - start);
    assert_eq!(world.tally.failures.keys().collect::<Vec<_>>(), [&Why::NoAuthority]);
    let after = world.tally.failed();
    world.run(HOUR);
    assert!(failed <= after && after == world.tally.failed(), "and nobody since");
}

#[test]
fn s23_chain_and_key_are_replaced_together() {
    // Peers that say which authorities they know, and peers that do not.
    for hints in [false, true] {
        let (mut world, domain, a, b) = pair(BY_HAND);
        for id in [a, b] {
            world.parties[id.0].hints = hints;
        }
        world.prepare(domain);
        for id in [a, b] {
            world.hand_bundles(id);
            world.tell(id);
        }
        world.activate(domain);
        let old = world.party(a).view.svid.clone().unwrap();
        // The new certificate with the old key: refused, and the old pair serves.
        world.hand_svid(a);
        let mut torn = world.message(a);
        torn.fault = Fault::TornPair;
        assert_eq!(world.deliver(a, &torn), Taken::TrustAlone("credential.key-mismatch"));
        assert!(meet_both_ways(&mut world, a, b));
        assert!(Arc::ptr_eq(world.party(a).view.svid.as_ref().unwrap(), &old));
        // The pair: the same SPIFFE ID under another authority.
        assert_eq!(world.tell(a), Taken::Published);
        assert!(meet_both_ways(&mut world, a, b));
        let new = world.party(a).view.svid.clone().unwrap();
        assert_eq!((&old.id, old.issuer == new.issuer), (&new.id, false));
        assert_eq!(world.tally.torn, 1);
    }
}
