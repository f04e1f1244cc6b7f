//! Trust domains that know each other: polls, replays, broken relationships, shared authorities.

use std::collections::BTreeSet;

use bonafide::identity::TrustDomain;
use bonafide::trust::{
    Bootstrap, BundleEndpoint, BundleEvent, EndpointProfile, FederatedBundles, PollFailure,
    RefreshPolicy, RefreshSchedule, SpiffeBundle, TrustStore,
};
use bonafide::x509::Time;

use super::{BY_HAND, DAY, federation, meet_both_ways};
use crate::simulator::facts::DomainId;
use crate::simulator::oracle::Why;
use crate::simulator::party::Taken;
use crate::simulator::server::{Document, Server};
use crate::simulator::tls::{Kind, Meeting};
use crate::simulator::world::{Knobs, World};

fn parse(name: &str, document: &Document, sequence: Option<u64>) -> SpiffeBundle {
    let domain = TrustDomain::parse(name).unwrap();
    SpiffeBundle::parse(domain, document.json(sequence).as_bytes()).unwrap()
}

fn at(world: &World) -> Time {
    Time::from_unix(world.now)
}

#[test]
fn s03_federated_rotation() {
    // Three hints between publication and use, as F-01 asks: nobody is refused, round after round.
    let (mut world, [one, _], [a, _]) = federation(Knobs::STEADY);
    let hint = i64::try_from(world.server(one).hint).unwrap();
    for _ in 0..3 {
        world.prepare(one);
        world.run(3 * hint);
        world.activate(one);
        world.renew(a);
        world.run(60);
        world.taint(one);
        world.run(60);
        world.revoke(one);
        world.run(3 * hint);
    }
    assert_eq!(world.tally.failures.len(), 0, "{}", world.tally);
    assert!(world.tally.rotations == 3 && world.tally.full > 50, "{}", world.tally);

    // At once: refused exactly from the activation to the next poll, and told why.
    let (mut world, [one, _], [a, b]) = federation(Knobs {
        server_to_agent: (0, 0),
        renewal: (0, 0),
        agent_to_workload: (0, 0),
        ..BY_HAND
    });
    world.run(80);
    let poll = 150 - 80;
    world.prepare(one);
    world.activate(one);
    world.renew(a);
    world.run(0);
    for second in (0..poll).step_by(5) {
        let met = world.meet(b, a);
        assert_eq!(met.demand.client, BTreeSet::from([Why::NoAuthority]), "second {second}");
        assert!(met.demand.server.is_empty());
        world.run(5);
    }
    assert!(meet_both_ways(&mut world, a, b), "after the poll");
}

#[test]
fn s04_activation_before_propagation() {
    let (mut world, [one, other], [a, b]) = federation(Knobs { poll: DAY, ..BY_HAND });
    world.run(60);
    let url = "https://example.org/bundle".parse().unwrap();
    let domain = TrustDomain::parse("example.org").unwrap();
    let endpoint = BundleEndpoint::new(domain, url, EndpointProfile::HttpsWeb).unwrap();
    let mut schedule = RefreshSchedule::new(endpoint, RefreshPolicy::DEFAULT, 4, at(&world));
    let poll = schedule.on_time(at(&world)).unwrap();
    schedule.on_success(&poll, Some(3_600), at(&world));
    let planned = schedule.next_poll_at().unwrap();

    world.prepare(one);
    world.activate(one);
    world.hand_bundles(a);
    world.hand_svid(a);
    world.tell(a);
    world.run(10);
    assert_eq!(world.meet(b, a).demand.client, BTreeSet::from([Why::NoAuthority]));
    // The refusal says which key of that name is missing, and that the other one is no substitute.
    let reason = world.explain(b, a);
    for part in ["no anchor reached", " with key id ", "(trust.no-route)", "(signature.invalid)"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    // An unknown authority brings the poll forward, once in a while and no more.
    let due = schedule.on_unknown_authority(at(&world));
    assert!(due < planned);
    for _ in 0..100 {
        assert_eq!(schedule.on_unknown_authority(at(&world)), due, "one poll for all of them");
    }
    world.run(due.seconds_since(at(&world)));
    let poll = schedule.on_time(at(&world)).unwrap();
    let document = world.server(one).document();
    assert!(world.fetched(other, one, document));
    schedule.on_success(&poll, Some(3_600), at(&world));
    world.run(10);
    assert!(meet_both_ways(&mut world, a, b));
}

#[test]
fn s09_a_self_serving_endpoint_replaced_between_two_polls() {
    // The endpoint is a workload of example.org; partner.test fetches with the bundle it has stored.
    let (mut world, [one, other], _) = federation(Knobs { poll: DAY, ..BY_HAND });
    let endpoint = world.workload(one, "spire/server", 0);
    let fetcher = world.workload(other, "spire/server", 0);
    let id = world.party(endpoint).spiffe_id.clone();
    world.parties[fetcher.0].expected = vec![id.clone()];
    let profile = EndpointProfile::HttpsSpiffe { endpoint_id: id.parse().unwrap() };
    let url = "https://example.org/bundle".parse().unwrap();
    let domain = TrustDomain::parse("example.org").unwrap();
    let place = BundleEndpoint::new(domain, url, profile).unwrap();
    let mut schedule = RefreshSchedule::new(place, RefreshPolicy::DEFAULT, 9, at(&world));
    assert_eq!(schedule.bootstrap(), Bootstrap::Needed);
    schedule.on_bundle_set(Some(300), at(&world), at(&world));

    // Fetch n is made with bundle n - 1; a document of whoever cannot be verified is not even looked at.
    let mut fetch = |world: &mut World| {
        let wait = schedule.next_poll_at().unwrap().seconds_since(at(world));
        world.run(wait.max(0));
        let poll = schedule.on_time(at(world)).unwrap();
        if world.meet(fetcher, endpoint).demand.client.is_empty() {
            let document = world.server(one).document();
            world.fetched(other, one, document);
            schedule.on_success(&poll, Some(300), at(world));
        } else {
            schedule.on_failure(&poll, PollFailure::ServerNotTrusted, at(world));
        }
        world.run(10);
        schedule.bootstrap()
    };
    assert_eq!(fetch(&mut world), Bootstrap::Done);
    world.prepare(one);
    assert_eq!(fetch(&mut world), Bootstrap::Done);
    world.activate(one);
    world.renew(endpoint);
    world.run(10);
    assert_eq!(fetch(&mut world), Bootstrap::Done, "bundle n - 1 has the new authority");

    // Between two polls all authorities are replaced.
    world.prepare(one);
    world.activate(one);
    world.renew(endpoint);
    world.taint(one);
    world.revoke(one);
    world.run(10);
    let since = match fetch(&mut world) {
        Bootstrap::Again { since } => since,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(fetch(&mut world), Bootstrap::Again { since }, "and it stays so");
    assert!(!world.meet(fetcher, endpoint).is_success(), "the document was not taken in");

    // The operator sets a bundle that came another way.
    let document = world.server(one).document();
    world.fetched(other, one, document);
    world.run(10);
    schedule.on_bundle_set(Some(300), at(&world), at(&world));
    assert_eq!(schedule.bootstrap(), Bootstrap::Done);
    assert!(world.meet(fetcher, endpoint).is_success());
}

#[test]
fn s10_the_end_of_a_relationship() {
    let (mut world, [one, other], [a, b]) = federation(BY_HAND);
    for meeting in Meeting::RESUMING {
        world.meet_as(a, b, meeting);
        assert_eq!(world.meet_as(a, b, meeting).kind, Kind::Resumed);
    }
    let sessions = world.sessions.len();
    world.defederate(one, other);
    world.hand_bundles(a);
    assert_eq!(world.tell(a), Taken::Published);
    // a knows nothing of partner.test from this instant: new, resumed and live sessions alike.
    for meeting in Meeting::RESUMING.into_iter().chain([Meeting::FRESH]) {
        let met = world.meet_as(a, b, meeting);
        assert_eq!(met.demand.client, BTreeSet::from([Why::NoBundle]), "{meeting:?}");
        let met = world.meet_as(b, a, meeting);
        assert_eq!(met.demand.server, BTreeSet::from([Why::NoBundle]), "{meeting:?}");
    }
    world.observe();
    assert!(sessions > 0 && world.sessions.is_empty());
    world.federate(one, other);
    world.hand_bundles(a);
    world.tell(a);
    assert!(meet_both_ways(&mut world, a, b));
}

#[test]
fn s11_an_empty_bundle() {
    let (mut world, [one, _], [a, b]) = federation(Knobs::STEADY);
    world.run(100);
    assert!(meet_both_ways(&mut world, a, b));
    let mut roots = Vec::new();
    world.servers[one.0].hint = 300;
    world
        .order(one, "an empty bundle", |server, _, _| {
            roots = server.empty_bundle();
            Ok(())
        })
        .unwrap();
    world.run(100);
    assert!(world.party(b).view.bundles[&one].roots.is_empty());
    let met = world.meet(b, a);
    assert_eq!(met.demand.client, BTreeSet::from([Why::NoAuthority]));
    world
        .order(one, "the bundle is back", |server, _, _| {
            server.restore_bundle(roots);
            Ok(())
        })
        .unwrap();
    world.run(100);
    assert!(meet_both_ways(&mut world, a, b));
}

#[test]
fn s12_replays_and_conflicts() {
    let (mut world, [one, other], [a, b]) = federation(Knobs { poll: DAY, ..BY_HAND });
    let seven = world.server(one).document();
    world.prepare(one);
    world.activate(one);
    world.taint(one);
    world.revoke(one);
    let eight = world.server(one).document();
    // The old authority is gone at b; a still has an SVID under it.
    assert!(world.fetched(other, one, eight.clone()));
    world.run(10);
    assert_eq!(world.meet(b, a).demand.client, BTreeSet::from([Why::NoAuthority]));
    // A replay of the document before does not bring it back; relay and facts are compared inside.
    assert!(!world.fetched(other, one, seven.clone()));
    world.run(10);
    assert_eq!(world.meet(b, a).demand.client, BTreeSet::from([Why::NoAuthority]));

    // Without a sequence number the newest retrieval wins; a number that is known with other contents
    // is a conflict.
    let name = world.server(one).name.clone();
    let domain = TrustDomain::parse(&name).unwrap();
    let mut bundles = FederatedBundles::new(TrustStore::new([]).unwrap());
    let _ = bundles.federate(&domain);
    let mut offer = |document: &Document, sequence, seconds| {
        let bundle = parse(&name, document, sequence);
        let time = Time::from_unix(world.now + seconds);
        match bundles.offer(&domain, bundle, time) {
            Ok(change) => change.events().iter().map(BundleEvent::code).collect(),
            Err(refused) => vec![refused.code()],
        }
    };
    for (case, document, sequence, seconds, codes) in [
        ("the first", &seven, Some(7), 0, vec!["federation.replaced"]),
        ("the next", &eight, Some(8), 10, vec!["federation.replaced"]),
        ("a replay", &seven, Some(7), 20, vec!["federation.rollback"]),
        ("the same again", &eight, Some(8), 30, vec![]),
        ("other contents", &seven, Some(8), 40, vec!["federation.conflict"]),
        (
            "without number, newer",
            &seven,
            None,
            50,
            vec!["federation.replaced", "federation.sequence-missing"],
        ),
        ("without number, older", &eight, None, 45, vec!["federation.older-retrieval"]),
        ("a number after none", &eight, Some(8), 60, vec!["federation.replaced"]),
    ] {
        assert_eq!(offer(document, sequence, seconds), codes, "{case}");
    }
}

#[test]
fn s21_a_key_of_a_kind_that_nobody_knows() {
    const STRANGE: &str =
        r#"{"use":"x509-svid","kty":"AKP","alg":"ML-DSA-99","pub":"AAAA","x5c":["AAAA"]}"#;
    let (mut world, [one, _], [a, _]) = federation(Knobs::STEADY);
    world.run(100);
    world.servers[one.0].strange.push(STRANGE);
    // The rest of the document works, through a whole rotation; the relay counts what is left out.
    world.prepare(one);
    world.run(300);
    world.activate(one);
    world.renew(a);
    world.run(100);
    world.taint(one);
    world.run(100);
    world.revoke(one);
    world.run(300);
    assert_eq!(world.tally.failures.len(), 0, "{}", world.tally);
    assert_eq!(world.relays[1].documents[&one].1.strange.len(), 1);
    assert!(world.tally.full > 20, "{}", world.tally);
}

#[test]
fn s24_authorization_knows_identities_not_issuers() {
    // By SPIFFE ID: another issuer changes nothing, another identity everything.
    let (mut world, [one, _], [a, b]) = federation(Knobs::STEADY);
    let c = world.workload(one, "c", 0);
    let allowed = vec![world.party(a).spiffe_id.clone()];
    world.parties[b.0].expected = allowed;
    for _ in 0..2 {
        world.prepare(one);
        world.run(300);
        world.activate(one);
        for id in [a, c] {
            world.renew(id);
        }
        world.run(60);
        assert!(meet_both_ways(&mut world, a, b));
        assert_eq!(world.meet(b, c).demand.client, BTreeSet::from([Why::AnotherIdentity]));
        assert!(!world.meet(c, b).is_success());
    }
    assert_eq!(world.tally.failures.keys().collect::<Vec<_>>(), [&Why::AnotherIdentity]);

    // By trust domain: an authority that two domains share speaks in each for that domain alone.
    let mut world = World::new(24, BY_HAND);
    let one = world.domain("example.org", DAY);
    let twin = world.admit(Server::sharing(DomainId(1), "twin.test", &world.servers[0]));
    let third = world.domain("third.test", DAY);
    let a = world.workload(one, "a", 0);
    let b = world.workload(twin, "b", 0);
    let c = world.workload(third, "c", 0);
    for domain in [one, twin] {
        world.federate(third, domain);
        world.federate(domain, third);
    }
    for id in [a, b, c] {
        world.hand_bundles(id);
        world.tell(id);
    }
    assert!(meet_both_ways(&mut world, a, c) && meet_both_ways(&mut world, b, c));
    // One of them gives the authority up; the other's members are not touched by it.
    world.prepare(one);
    world.activate(one);
    world.taint(one);
    world.revoke(one);
    let document = world.server(one).document();
    world.fetched(third, one, document);
    world.hand_bundles(c);
    world.tell(c);
    assert_eq!(world.meet(c, a).demand.client, BTreeSet::from([Why::NoAuthority]));
    assert!(meet_both_ways(&mut world, b, c));
    world.hand_svid(a);
    world.tell(a);
    assert!(meet_both_ways(&mut world, a, c));
}
