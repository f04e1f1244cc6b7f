//! The register: exactly the sessions that a publication affects, and what to do about each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bonafide::credential::EventQueue;
use bonafide::live::{
    Advice, Live, Publication, RegisterError, Requirement, Session, SessionId, Settings,
};
use bonafide::revocation::{CrlStore, Denied, DenyRule, OcspStore, Revocation, VerifiedCrl};
use bonafide::trust::{AnchorState, Domain, Scope, TrustBundle, TrustStore};
use sha2::{Digest, Sha256};

use super::kit::{NOW, Status};
use super::world::{self, Ca, Counting, Peer, anybody, at, bundle, dns, policy, spiffe, uri};

/// Five sessions: two under one authority, one under another of the same domain, one of another domain,
/// one under a label.
struct Scene {
    live: Live,
    first: Ca,
    second: Ca,
    web: Peer,
    sessions: BTreeMap<SessionId, &'static str>,
    guards: Vec<Session>,
}

impl Scene {
    fn new() -> Self {
        let (first, second, other) = (Ca::new(1), Ca::new(2), Ca::new(3));
        let domains = [spiffe("a.test", &[&first, &second]), spiffe("b.test", &[&other])];
        let (live, _) = world::live(domains);
        let tenant = TrustStore::new([spiffe("a.test", &[&first])]).unwrap();
        let publication = Publication::new().labelled_trust("tenant", tenant.into());
        let publication = publication.revocation(evidence([first.crl(1, &[]), first.root_crl(1)]));
        live.publish(publication, at(0)).unwrap();
        let web = first.peer(1, &[uri("spiffe://a.test/web")]);
        let label = Arc::new(Requirement::dangerously_any_identity().with_label("tenant"));
        let all = [
            ("web", web.clone(), anybody()),
            ("db", first.peer(2, &[uri("spiffe://a.test/db")]), anybody()),
            ("second", second.peer(3, &[uri("spiffe://a.test/second")]), anybody()),
            ("other", other.peer(1, &[uri("spiffe://b.test/web")]), anybody()),
            ("tenant", first.peer(5, &[uri("spiffe://a.test/tenant")]), label),
        ];
        let mut scene =
            Self { live, first, second, web, sessions: BTreeMap::new(), guards: Vec::new() };
        for (name, peer, requirement) in all {
            let peer = peer.accept(&scene.live, &requirement, at(0));
            let session = scene.live.register(&peer, None, at(0)).unwrap();
            scene.sessions.insert(session.id(), name);
            scene.guards.push(session);
        }
        scene
    }

    /// Publishes, and says who is affected.
    fn publish(&self, publication: Publication) -> String {
        let published = self.live.publish(publication, at(1)).unwrap();
        let name = |id| self.sessions.get(&id).copied().unwrap_or("?");
        let mut affected: Vec<String> = published
            .affected()
            .iter()
            .map(|affected| {
                let name = name(affected.session);
                match affected.advice {
                    Advice::Close => format!("{name} close"),
                    Advice::AskAgain => format!("{name} ask"),
                    Advice::CloseBy(time) => format!("{name} by {}", time.seconds_since(at(0))),
                }
            })
            .collect();
        affected.sort_unstable();
        affected.join(", ")
    }
}

fn evidence(lists: impl IntoIterator<Item = VerifiedCrl>) -> Arc<Revocation> {
    let store = lists.into_iter().fold(CrlStore::new(), |store, list| store.with(list).unwrap());
    Arc::new(Revocation::new().with_source(Arc::new(store)))
}

fn deny(denied: Denied) -> Publication {
    Publication::new().deny([DenyRule::new(denied)])
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

/// The name of the case, what is published, who is affected.
type Case = (&'static str, fn(&Scene) -> Publication, &'static str);

const CASES: &[Case] = &[
    ("nothing", |_| Publication::new(), ""),
    (
        "an anchor more",
        |s| Publication::new().bundle("b.test", bundle(&[&s.first, &Ca::new(3)])),
        "",
    ),
    (
        "another anchor of the domain gone",
        |s| Publication::new().bundle("a.test", bundle(&[&s.first])),
        "second ask",
    ),
    (
        "an anchor gone",
        |s| Publication::new().bundle("a.test", bundle(&[&s.second])),
        "db ask, web ask",
    ),
    ("a domain gone", |_| Publication::new().without_domain("b.test"), "other ask"),
    ("a domain new", |s| Publication::new().domain(spiffe("c.test", &[&s.first])), ""),
    (
        "a domain of other names new",
        |s| {
            Publication::new().domain(Domain::named(
                "d",
                [Scope::dns("d.test").unwrap()],
                bundle(&[&s.first]),
            ))
        },
        "",
    ),
    ("a label gone", |_| Publication::new().without_label("tenant"), "tenant close"),
    (
        "an anchor of a label gone",
        |s| Publication::new().labelled_bundle("tenant", "a.test", bundle(&[&s.second])),
        "tenant ask",
    ),
    (
        "an anchor tainted",
        |s| {
            let tainted = s.second.anchor().with_state(AnchorState::Tainted { since: at(-10) });
            Publication::new().bundle("a.test", TrustBundle::new([s.first.anchor(), tainted]))
        },
        "second by 3590",
    ),
    (
        "an authority distrusted",
        |s| {
            let distrusted = s.second.anchor().with_state(AnchorState::Distrusted);
            Publication::new().bundle("a.test", TrustBundle::new([s.first.anchor(), distrusted]))
        },
        "second ask",
    ),
    (
        "the policy",
        |_| Publication::new().policy(policy().with_clock_skew_seconds(5).into()),
        "db ask, other ask, second ask, tenant ask, web ask",
    ),
    (
        "a serial number of a key denied",
        |s| {
            deny(Denied::SerialOfKey {
                issuer_spki: sha256(s.first.issuing.key.spki()),
                serial_number: s.web.serial.clone(),
            })
        },
        "web close",
    ),
    (
        "the same serial number of another key denied",
        |s| {
            deny(Denied::SerialOfKey {
                issuer_spki: sha256(s.second.issuing.key.spki()),
                serial_number: s.web.serial.clone(),
            })
        },
        "",
    ),
    (
        "the issuing certificate denied",
        |s| {
            deny(Denied::SerialOfKey {
                issuer_spki: sha256(s.first.root.key.spki()),
                serial_number: vec![7],
            })
        },
        "db ask, tenant ask, web ask",
    ),
    // Serial number 1 of both authorities is held by the same key.
    (
        "a key denied",
        |s| deny(Denied::Key { spki: sha256(s.web.key.spki()) }),
        "other close, web close",
    ),
    (
        "an authority denied",
        |s| deny(Denied::Authority { spki: sha256(s.first.root.key.spki()) }),
        "db ask, tenant ask, web ask",
    ),
    (
        "an identity denied",
        |_| deny(Denied::Identity("spiffe://a.test/db".parse().unwrap())),
        "db close",
    ),
    (
        "a pattern denied",
        |_| deny(Denied::Matching("spiffe://a.test/*".parse().unwrap())),
        "db close, second close, tenant close, web close",
    ),
    ("a trust domain denied", |_| deny(Denied::TrustDomain("b.test".into())), "other close"),
    (
        "an identity denied later",
        |_| {
            let db = Denied::Identity("spiffe://a.test/db".parse().unwrap());
            Publication::new().deny([DenyRule::new(db).since(at(60))])
        },
        "db by 60",
    ),
    (
        "a rule that is over",
        |_| {
            let db = Denied::Identity("spiffe://a.test/db".parse().unwrap());
            Publication::new().deny([DenyRule::new(db).until(at(1))])
        },
        "",
    ),
    (
        "a list renewed",
        |s| Publication::new().revocation(evidence([s.first.crl(2, &[]), s.first.root_crl(1)])),
        "",
    ),
    (
        "a list with one more",
        |s| {
            Publication::new()
                .revocation(evidence([s.first.crl(2, &[&s.web]), s.first.root_crl(1)]))
        },
        "web ask",
    ),
    (
        "a list gone",
        |s| Publication::new().revocation(evidence([s.first.crl(1, &[])])),
        "db ask, tenant ask, web ask",
    ),
    (
        "all evidence gone",
        |_| Publication::new().revocation(Arc::default()),
        "db ask, tenant ask, web ask",
    ),
    (
        "several things at once",
        |s| {
            let db = Denied::Identity("spiffe://a.test/db".parse().unwrap());
            Publication::new().deny([DenyRule::new(db)]).bundle("a.test", bundle(&[&s.second]))
        },
        "db close, web ask",
    ),
];

#[test]
fn a_publication_yields_the_sessions_affected() {
    for (case, publication, expected) in CASES {
        let scene = Scene::new();
        assert_eq!(scene.publish(publication(&scene)), *expected, "{case}");
        // Whoever is affected does not stand as it did; whoever is not does, but that an answer by
        // evidence that was renewed is renewed when it is next asked for.
        let renewed = case.contains("list") || case.contains("evidence");
        for session in &scene.guards {
            let name = scene.sessions[&session.id()];
            let affected = expected.split(", ").any(|found| found.starts_with(name));
            let current = session.ask(at(1)).is_current();
            assert!(current != affected || (renewed && !affected), "{case}: {name}");
        }
    }
}

#[test]
fn the_register_is_bounded_and_says_so() {
    let first = Ca::new(1);
    let verifier = world::verifier([spiffe("a.test", &[&first])], Arc::new(Counting::default()));
    let live = Live::with_settings(verifier, Settings::DEFAULT.with_max_sessions(2));
    let peer = first.peer(1, &[uri("spiffe://a.test/web")]).accept(&live, &anybody(), at(0));
    let one = live.register(&peer, None, at(0)).unwrap();
    let two = live.register(&peer, None, at(0)).unwrap();
    assert_ne!(one.id(), two.id());
    let full = live.register(&peer, None, at(0)).unwrap_err();
    assert!(matches!(full, RegisterError::Full { max: 2 }), "{full}");
    assert_eq!((full.code(), live.sessions()), ("register.full", 2));
    let id = one.id();
    assert!(live.session(id).is_some());
    drop(one);
    assert!((live.session(id).is_none(), live.sessions()) == (true, 1));
    // The place is taken by somebody else; the old name is not theirs.
    let three = live.register(&peer, None, at(0)).unwrap();
    assert!(live.session(id).is_none() && live.session(three.id()).is_some());
    drop((two, three));
    assert_eq!(live.sessions(), 0);
    let published = live.publish(Publication::new().without_domain("a.test"), at(0)).unwrap();
    assert!(published.affected().is_empty() && published.tightened().len() == 1);
}

#[test]
fn who_does_not_stand_is_not_registered() {
    let scene = Scene::new();
    let requirement = anybody();
    let peer = scene.web.accept(&scene.live, &requirement, at(0));
    let before = scene.live.sessions();
    scene.publish(Publication::new().bundle("a.test", bundle(&[&scene.second])));
    let error = scene.live.register(&peer, None, at(1)).unwrap_err();
    assert_eq!(error.code(), "register.ask-again");
    assert!(peer.ask_again(at(1)).is_err());
    let error = scene.live.register(&peer, None, at(1)).unwrap_err();
    assert_eq!(error.code(), "trust.no-route");
    assert_eq!(scene.live.sessions(), before);
}

/// A session that is asked again stands under what its peer rests on then.
#[test]
fn a_session_that_is_asked_again_is_found_by_the_answer() {
    let mut scene = Scene::new();
    let id =
        |scene: &Scene, name| *scene.sessions.iter().find(|(_, found)| **found == name).unwrap().0;
    let web = id(&scene, "web");
    let renewed = || evidence([Ca::new(1).crl(2, &[]), Ca::new(1).root_crl(1)]);
    scene.publish(Publication::new().revocation(renewed()));
    let session = scene.guards.iter_mut().find(|session| session.id() == web).unwrap();
    assert!(!session.ask(at(1)).is_current());
    session.ask_again(at(1)).unwrap();
    assert!(session.ask(at(1)).is_current());
    let found = scene.live.session(web).unwrap();
    assert!(found.ask(at(1)).is_current(), "the register has the answer");
    // By what it rests on now, and once.
    let gone = scene.publish(Publication::new().revocation(evidence([scene.first.root_crl(1)])));
    assert!(gone.contains("web ask"), "{gone}");
    let session = scene.guards.iter_mut().find(|session| session.id() == web).unwrap();
    session.ask_again(at(1)).unwrap();
    let close = scene.publish(deny(Denied::Identity("spiffe://a.test/web".parse().unwrap())));
    assert_eq!(close, "web close");
    let session = scene.guards.iter_mut().find(|session| session.id() == web).unwrap();
    assert_eq!(session.ask_again(at(1)).unwrap_err().code(), "revocation.revoked");
}

/// OCSP responses are about one certificate each.
#[test]
fn responses_are_about_their_certificates() {
    let ca = Ca::new(1);
    let (live, _) = world::live([spiffe("a.test", &[&ca])]);
    let [web, db] = ["web", "db"].map(|name| uri(&format!("spiffe://a.test/{name}")));
    let [web, db] = [ca.peer(1, &[web]), ca.peer(2, &[db])];
    let good = ca.ocsp(&OcspStore::new(), &web, Status::Good, 0);
    live.publish(Publication::new().source(Arc::new(good.clone())), at(0)).unwrap();
    let sessions = [&web, &db].map(|peer| {
        let peer = peer.accept(&live, &anybody(), at(0));
        live.register(&peer, None, at(0)).unwrap()
    });
    let [of_web, of_db] = [&sessions[0], &sessions[1]].map(|session| session.id());
    assert_eq!(sessions[0].peer().evidence().len(), 1);
    let more = ca.ocsp(&good, &ca.peer(3, &[uri("spiffe://a.test/x")]), Status::Good, 0);
    let renewed = ca.ocsp(&more, &web, Status::Good, 1);
    let revoked = ca.ocsp(&renewed, &db, Status::Revoked(NOW - 5, None), 2);
    // The name of the case, the responses, who is affected, who is still current.
    for (case, store, affected, current) in [
        ("a response about somebody else", more, vec![], [true, true]),
        ("a response renewed", renewed.clone(), vec![], [false, true]),
        ("a revocation", revoked, vec![of_db], [false, false]),
        ("a response gone", OcspStore::new(), vec![of_web], [false, true]),
    ] {
        let published = live.publish(Publication::new().source(Arc::new(store)), at(1)).unwrap();
        let found: Vec<_> = published.affected().iter().map(|found| found.session).collect();
        assert_eq!(found, affected, "{case}");
        let standing = [&sessions[0], &sessions[1]].map(|session| session.ask(at(1)).is_current());
        assert_eq!(standing, current, "{case}");
    }
}

/// A SPIFFE domain that comes finds those who bore one of its IDs under another domain's word.
#[test]
fn a_claim_is_found() {
    let (ours, theirs) = (Ca::new(1), Ca::new(2));
    let domain = Domain::named("web", [Scope::dns("example.test").unwrap()], bundle(&[&ours]));
    let (live, _) = world::live([domain]);
    let both = ours.peer(1, &[uri("spiffe://partner.test/x"), dns("a.example.test")]);
    let only = ours.peer(2, &[dns("b.example.test")]);
    let [both, only] = [both, only].map(|peer| {
        let peer = peer.accept(&live, &anybody(), at(0));
        live.register(&peer, None, at(0)).unwrap()
    });
    let partner = Publication::new().domain(spiffe("partner.test", &[&theirs]));
    let published = live.publish(partner, at(0)).unwrap();
    assert_eq!((published.tightened().len(), published.fence()), (0, 0));
    let affected: Vec<_> = published.affected().iter().map(|a| (a.session, a.advice)).collect();
    assert_eq!(affected, [(both.id(), Advice::AskAgain)]);
    let longer = Domain::named("b", [Scope::dns("b.example.test").unwrap()], bundle(&[&theirs]));
    let published = live.publish(Publication::new().domain(longer), at(0)).unwrap();
    assert!(published.affected().iter().any(|affected| affected.session == only.id()));
    assert_eq!(published.tightened()[0].code(), "tightened.directory-changed");
}

/// Sessions are registered while authorities go: each one is found by the publication, or is told to ask
/// again.
#[test]
fn no_session_is_missed_while_something_is_published() {
    let (first, second) = (Ca::new(1), Ca::new(2));
    let (live, _) = world::live([spiffe("a.test", &[&first, &second])]);
    let queue = Arc::new(EventQueue::with_capacity(10_000));
    assert_eq!(live.subscribe(&queue).epoch(), 0);
    let peer = first.peer(1, &[uri("spiffe://a.test/web")]);
    let done = AtomicBool::new(false);
    let registered: Vec<Vec<(SessionId, u64, Session)>> = std::thread::scope(|scope| {
        let register = || {
            let mut sessions = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let ruling = peer.decide(&live, &anybody(), at(0));
                if !ruling.decision().is_accepted() {
                    continue;
                }
                let peer = peer.prove(&ruling);
                for _ in 0..20 {
                    match live.register(&peer, None, at(0)) {
                        Ok(session) => {
                            let epoch = live.snapshot().epoch();
                            sessions.push((session.id(), epoch, session));
                        }
                        Err(RegisterError::AskAgain) => break,
                        Err(error) => panic!("{error}"),
                    }
                }
                if sessions.len() > 2_000 {
                    break;
                }
            }
            sessions
        };
        let threads = [scope.spawn(register), scope.spawn(register)];
        for _ in 0..100 {
            let without = Publication::new().bundle("a.test", bundle(&[&second]));
            live.publish(without, at(0)).unwrap();
            let with = Publication::new().bundle("a.test", bundle(&[&first, &second]));
            live.publish(with, at(0)).unwrap();
            std::thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().unwrap()).into()
    });
    let mut removals: BTreeMap<u64, Vec<SessionId>> = BTreeMap::new();
    while let Some(published) = queue.pop() {
        let affected = published.affected().iter().map(|affected| affected.session).collect();
        removals.insert(published.epoch(), affected);
    }
    assert_eq!((removals.len(), queue.missed()), (200, 0));
    let sessions: Vec<_> = registered.into_iter().flatten().collect();
    assert!(!sessions.is_empty());
    for (id, from, _session) in &sessions {
        // Publications of odd numbers take the authority away. Each that came after the registration
        // finds the session; one that came before it and did not was over when the peer was asked.
        for (epoch, affected) in removals.range(from..).filter(|(epoch, _)| *epoch % 2 == 1) {
            assert!(affected.binary_search(id).is_ok(), "{id} of {from} was missed by {epoch}");
        }
    }
    let found = sessions.iter().filter(|(_, from, _)| removals.range(from..).count() > 0).count();
    assert!(found > 0, "no session met a publication");
}
