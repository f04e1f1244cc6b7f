//! What a stream of the Workload API may do: fall silent, deny, send nonsense, repeat itself; and what
//! sessions that outlive their trust may not.

use std::collections::BTreeSet;
use std::sync::Arc;

use bonafide::credential::{CredentialEvent, EventQueue};
use bonafide::identity::TrustDomain;
use bonafide::trust::{BundleEndpoint, EndpointProfile, Freshness, RefreshPolicy, RefreshSchedule};
use bonafide::x509::Time;

use super::{BY_HAND, HOUR, meet_both_ways, pair};
use crate::simulator::oracle::Why;
use crate::simulator::party::{Fault, Taken};
use crate::simulator::tls::{Kind, Meeting};
use crate::simulator::world::{Knobs, Observe, World};

#[test]
fn s13_a_source_that_falls_silent() {
    // A bundle endpoint: fresh, stale, expired, by the operator's policy.
    let url = "https://example.org/bundle".parse().unwrap();
    let domain = TrustDomain::parse("example.org").unwrap();
    let endpoint = BundleEndpoint::new(domain, url, EndpointProfile::HttpsWeb).unwrap();
    let policy = RefreshPolicy::DEFAULT.with_fail_closed_after_seconds(4 * 3_600);
    let start = Time::from_unix(0);
    let mut schedule = RefreshSchedule::new(endpoint, policy, 13, start);
    let poll = schedule.on_time(start).unwrap();
    schedule.on_success(&poll, Some(600), start);
    let freshness = |hours: i64| schedule.freshness(start.saturating_add(hours * HOUR));
    assert_eq!(freshness(0), Freshness::Fresh);
    assert_eq!(freshness(1), Freshness::Stale { age: 3_600 });
    assert_eq!(freshness(5), Freshness::Expired { age: 18_000 });

    // An agent: what was said last stays in force, an SVID no longer than it lives.
    let (mut world, _, a, b) = pair(Knobs { observe: Observe::OnePair(100), ..Knobs::STEADY });
    world.run(60);
    world.silence(a, true);
    let until = world.party(a).view.svid.clone().unwrap().valid.until;
    world.run(until - world.now);
    assert!(meet_both_ways(&mut world, a, b), "to the last second");
    world.run(1);
    let there = world.meet(a, b);
    assert_eq!(there.demand.server, BTreeSet::from([Why::NothingPresented]));
    assert!(there.demand.client.is_empty(), "a still knows whom it talks to");
    assert_eq!(world.meet(b, a).demand.client, BTreeSet::from([Why::NothingPresented]));
    world.run(HOUR);
    world.silence(a, false);
    world.run(10);
    assert!(meet_both_ways(&mut world, a, b), "the next message mends it");
}

#[test]
fn s14_denied_and_given_back() {
    let (mut world, _, a, b) = pair(BY_HAND);
    let live = world.party(a).held.live.clone();
    let events = Arc::new(EventQueue::with_capacity(10));
    let _from = live.subscribe_credentials(&events);
    let names = || -> Vec<&'static str> {
        std::iter::from_fn(|| events.pop())
            .map(|event| event.name())
            .filter(|name| !name.ends_with("attached-changed") && !name.ends_with("drained"))
            .collect()
    };
    assert!(meet_both_ways(&mut world, a, b));
    world.deny(a);
    assert_eq!(world.party(a).changes, ["workload-api.withdrawn"]);
    assert_eq!(names(), ["credential.event.withdrawn", "credential.event.default-changed"]);
    assert_eq!(world.meet(b, a).demand.client, BTreeSet::from([Why::NothingPresented]));
    assert_eq!(world.meet(a, b).demand.client, BTreeSet::from([Why::NoBundle]));
    world.observe();
    assert!(world.sessions.is_empty(), "what rests on it is over");
    // Once more is no event.
    world.deny(a);
    assert!(world.party(a).changes.is_empty() && names().is_empty());
    // The same bytes, and all is as it was.
    assert_eq!(world.tell(a), Taken::Published);
    assert_eq!(world.party(a).changes, ["workload-api.available"]);
    assert_eq!(names(), ["credential.event.installed", "credential.event.default-changed"]);
    assert!(meet_both_ways(&mut world, a, b));
}

#[test]
fn s15_messages_that_cannot_be_read() {
    let (mut world, domain, a, b) = pair(BY_HAND);
    world.prepare(domain);
    world.activate(domain);
    world.hand_bundles(a);
    world.hand_svid(a);
    for (fault, taken) in [
        (Fault::CutOff, Taken::Discarded("workload-api.chain")),
        (Fault::NoKey, Taken::Discarded("workload-api.empty-field")),
    ] {
        let epoch = world.party(a).held.numbers();
        let bad = crate::simulator::party::Message { fault, ..world.message(a) };
        assert_eq!(world.deliver(a, &bad), taken);
        assert_eq!(world.party(a).held.numbers(), epoch, "nothing of it counts: {fault:?}");
        assert!(meet_both_ways(&mut world, a, b), "what was there goes on: {fault:?}");
    }
    assert_eq!(world.tell(a), Taken::Published);
    assert_eq!(world.tally.discarded, 2);
}

#[test]
fn s16_resumption_rests_on_the_trust_of_now() {
    for meeting in Meeting::RESUMING {
        let (mut world, domain, a, b) = pair(BY_HAND);
        assert_eq!(world.meet_as(a, b, meeting).kind, Kind::Full);
        assert_eq!(world.meet_as(a, b, meeting).kind, Kind::Resumed, "{meeting:?}");
        // Additions cost no session.
        world.prepare(domain);
        for id in [a, b] {
            world.hand_bundles(id);
            world.tell(id);
        }
        assert_eq!(world.meet_as(a, b, meeting).kind, Kind::Resumed, "{meeting:?}");
        // a is renewed, then the authority that both sessions rest on is removed at b.
        world.activate(domain);
        world.hand_svid(a);
        world.tell(a);
        world.taint(domain);
        world.revoke(domain);
        world.hand_bundles(b);
        world.hand_svid(b);
        world.tell(b);
        let met = world.meet_as(a, b, meeting);
        assert_eq!(met.kind, Kind::Full, "{meeting:?}: the removal ends the lineage");
        assert!(met.is_success());
        assert_eq!(world.meet_as(a, b, meeting).kind, Kind::Resumed, "{meeting:?}");

        // Removed, and the peer has nothing better: refused, resumed or not.
        let (mut world, domain, a, b) = pair(BY_HAND);
        world.meet_as(a, b, meeting);
        assert_eq!(world.meet_as(a, b, meeting).kind, Kind::Resumed);
        world.prepare(domain);
        world.activate(domain);
        world.taint(domain);
        world.revoke(domain);
        world.hand_bundles(b);
        world.hand_svid(b);
        world.tell(b);
        let met = world.meet_as(a, b, meeting);
        assert_eq!(met.demand.server, BTreeSet::from([Why::NoAuthority]), "{meeting:?}");
    }
}

#[test]
fn s16_a_lineage_of_resumptions_ends_with_the_certificates() {
    for meeting in Meeting::RESUMING {
        let (mut world, _, a, b) = pair(BY_HAND);
        world.silence(a, true);
        world.silence(b, true);
        let until = world.party(a).view.svid.clone().unwrap().valid.until;
        let mut kinds = Vec::new();
        while world.now <= until {
            kinds.push(world.meet_as(a, b, meeting).kind);
            world.run(300);
        }
        assert_eq!(kinds[0], Kind::Full);
        assert!(kinds[1..].iter().all(|kind| *kind == Kind::Resumed), "{kinds:?}");
        // Both leaves are over: nobody presents anything, and nothing is resumed.
        assert!(!world.meet_as(a, b, meeting).is_success(), "{meeting:?}");
        // Renewed: a full handshake, and a lineage begins anew.
        world.silence(a, false);
        world.silence(b, false);
        world.run(10);
        assert_eq!(world.meet_as(a, b, meeting).kind, Kind::Full);
        assert_eq!(world.meet_as(a, b, meeting).kind, Kind::Resumed);
    }
}

#[test]
fn s17_no_update_falls_between_a_look_and_a_subscription() {
    let (mut world, domain, a, _) = pair(BY_HAND);
    let live = world.party(a).held.live.clone();
    // Look, update, subscribe: the subscription says from where on it tells.
    let looked = live.snapshot().epoch();
    world.hand_svid(a);
    world.tell(a);
    let events = Arc::new(EventQueue::with_capacity(1_000));
    let from = live.subscribe_credentials(&events);
    assert_eq!(from.epoch(), looked + 1);
    assert!(events.pop().is_none());
    world.hand_svid(a);
    world.tell(a);
    let told: Vec<u64> = std::iter::from_fn(|| events.pop())
        .filter_map(|event| match event {
            CredentialEvent::Installed { generation, .. } => Some(generation),
            _ => None,
        })
        .collect();
    assert_eq!(told, [from.epoch() + 1]);

    // While somebody else publishes: what the subscription starts from and what it tells has no gap.
    let updates = 40;
    let publisher = std::thread::spawn(move || {
        for _ in 0..updates {
            world.hand_svid(a);
            world.tell(a);
        }
        let _ = domain;
        world.party(a).held.numbers().0
    });
    let events = Arc::new(EventQueue::with_capacity(1_000));
    let from = live.subscribe_credentials(&events).epoch();
    let last = publisher.join().unwrap();
    let told: BTreeSet<u64> = std::iter::from_fn(|| events.pop())
        .filter_map(|event| match event {
            CredentialEvent::Installed { generation, .. } => Some(generation),
            _ => None,
        })
        .filter(|generation| *generation > from)
        .collect();
    assert_eq!(told, (from + 1..=last).collect());
}

#[test]
fn s18_a_storm_of_the_same_message() {
    let (mut world, domain, a, b) = pair(BY_HAND);
    let live = world.party(a).held.live.clone();
    let epoch = live.snapshot().epoch();
    let message = world.message(a);
    for _ in 0..1_000 {
        assert_eq!(world.deliver(a, &message), Taken::Same);
        assert!(world.party(a).changes.is_empty());
    }
    assert_eq!(live.snapshot().epoch(), epoch, "nothing was built");

    // Several identities: the default one changes exactly when the first one does.
    let other = world.svid_for(domain, "other");
    let third = world.svid_for(domain, "third");
    let default = |world: &World| {
        let snapshot = world.party(a).held.live.snapshot();
        let first = snapshot.credentials().iter().next().unwrap().identity().clone();
        first.spiffe_id().unwrap().to_string()
    };
    let own = message.svid.clone().unwrap();
    let orders = [
        (vec![&own, &other, &third], vec!["svid-added", "svid-added"]),
        (vec![&own, &third, &other], vec![]),
        (vec![&other, &third, &own], vec!["default-changed"]),
        (vec![&other, &own, &third], vec![]),
        (vec![&own, &other, &third], vec!["default-changed"]),
    ];
    for (order, changes) in orders {
        let mut message = message.clone();
        message.svid = Some(order[0].clone());
        message.others = order[1..].iter().copied().cloned().collect();
        assert_eq!(world.deliver(a, &message), Taken::Published);
        let told: Vec<&str> = world.party(a).changes.clone();
        let told: Vec<&str> =
            told.iter().map(|code| code.strip_prefix("workload-api.").unwrap()).collect();
        assert_eq!(told, changes);
        assert_eq!(default(&world), order[0].svid.id);
        assert!(meet_both_ways(&mut world, a, b));
    }
}
