//! What a peer that was accepted is after a publication, and after time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bonafide::identity::Identity;
use bonafide::live::{Lapse, Live, LivePeer, Part, Publication, Requirement, Standing};
use bonafide::policy::RevocationPolicy;
use bonafide::revocation::{CrlStore, Denied, DenyList, DenyRule, Revocation};
use bonafide::signature::AlgorithmPolicy;
use bonafide::trust::{AnchorState, Domain, Scope, TrustBundle, TrustStore};
use sha2::{Digest, Sha256};

use super::kit::Status;
use super::world::{Ca, Counting, Peer, anybody, at, bundle, dns, live, policy, spiffe, uri};

fn say(standing: Standing<'_>) -> &'static str {
    match standing {
        Standing::Current => "current",
        Standing::Lapsed(lapse) => lapse.code(),
        Standing::AskAgain => "ask again",
    }
}

fn code(answer: &Result<LivePeer, Lapse>) -> &'static str {
    answer.as_ref().map_or_else(Lapse::code, |_| "accepted")
}

/// Two authorities of `a.test`, one of `b.test`; a peer of the first.
struct Scene {
    live: Live,
    backend: Arc<Counting>,
    first: Ca,
    second: Ca,
    other: Ca,
    peer: Peer,
}

impl Scene {
    fn new() -> Self {
        let (first, second, other) = (Ca::new(1), Ca::new(2), Ca::new(3));
        let domains = [spiffe("a.test", &[&first, &second]), spiffe("b.test", &[&other])];
        let (live, backend) = live(domains);
        let peer = first.peer(1, &[uri("spiffe://a.test/web")]);
        Self { live, backend, first, second, other, peer }
    }

    fn accept(&self) -> LivePeer {
        let accepted = self.peer.accept(&self.live, &anybody(), at(0));
        self.backend.take();
        accepted
    }

    fn publish(&self, publication: Publication) {
        self.live.publish(publication, at(0)).unwrap();
    }
}

fn tainted(ca: &Ca) -> TrustBundle {
    TrustBundle::new([ca.anchor().with_state(AnchorState::Tainted { since: at(-5) })])
}

fn revocation(
    lists: impl IntoIterator<Item = bonafide::revocation::VerifiedCrl>,
) -> Arc<Revocation> {
    let store = lists.into_iter().fold(CrlStore::new(), |store, list| store.with(list).unwrap());
    Arc::new(Revocation::new().with_source(Arc::new(store)))
}

fn spki(ca: &Ca) -> [u8; 32] {
    Sha256::digest(ca.root.key.spki()).into()
}

/// The name, what is published, what the peer is then, and what the answer is when it is asked again.
type Case = (&'static str, fn(&Scene) -> Publication, &'static str, &'static str);

const UNRELATED: &str = "current";
const RELATED: &str = "ask again";
const OK: &str = "accepted";

const CASES: &[Case] = &[
    ("nothing", |_| Publication::new(), UNRELATED, OK),
    (
        "another domain's bundle",
        |s| Publication::new().bundle("b.test", bundle(&[&s.first])),
        UNRELATED,
        OK,
    ),
    ("another domain gone", |_| Publication::new().without_domain("b.test"), UNRELATED, OK),
    (
        "another domain new",
        |s| Publication::new().domain(spiffe("c.test", &[&s.first])),
        UNRELATED,
        OK,
    ),
    (
        "a domain of dns names new",
        |s| {
            Publication::new().domain(Domain::named(
                "d",
                [Scope::dns("a.test").unwrap()],
                bundle(&[&s.first]),
            ))
        },
        UNRELATED,
        OK,
    ),
    (
        "an anchor more",
        |s| Publication::new().bundle("a.test", bundle(&[&s.first, &s.second, &s.other])),
        UNRELATED,
        OK,
    ),
    (
        "the other anchor gone",
        |s| Publication::new().bundle("a.test", bundle(&[&s.first])),
        UNRELATED,
        OK,
    ),
    (
        "a new sequence",
        |s| Publication::new().bundle("a.test", bundle(&[&s.first, &s.second]).with_sequence(9)),
        UNRELATED,
        OK,
    ),
    ("a label", |s| Publication::new().labelled_trust("tenant", store(&s.other)), UNRELATED, OK),
    ("the same policy again", |_| Publication::new().policy(policy().into()), UNRELATED, OK),
    (
        "somebody else denied",
        |s| {
            Publication::new().deny([DenyRule::new(Denied::SerialOfKey {
                issuer_spki: Sha256::digest(s.first.issuing.key.spki()).into(),
                serial_number: vec![1, 0, 2],
            })])
        },
        UNRELATED,
        OK,
    ),
    (
        "somebody else's authority denied",
        |s| Publication::new().deny([DenyRule::new(Denied::Authority { spki: spki(&s.second) })]),
        UNRELATED,
        OK,
    ),
    (
        "an identity denied that is not the peer's",
        |_| {
            Publication::new()
                .deny([DenyRule::new(Denied::Matching("spiffe://a.test/db".parse().unwrap()))])
        },
        UNRELATED,
        OK,
    ),
    (
        "the anchor gone",
        |s| Publication::new().bundle("a.test", bundle(&[&s.second])),
        RELATED,
        "trust.no-route",
    ),
    (
        "the domain gone",
        |_| Publication::new().without_domain("a.test"),
        RELATED,
        "trust.no-domain",
    ),
    (
        "the domain speaks for other names",
        |s| {
            Publication::new().domain(Domain::named(
                "a.test",
                [Scope::dns("a.test").unwrap()],
                bundle(&[&s.first]),
            ))
        },
        RELATED,
        "trust.no-domain",
    ),
    ("the anchor tainted", |s| Publication::new().bundle("a.test", tainted(&s.first)), RELATED, OK),
    (
        "the anchor distrusted",
        |s| {
            Publication::new().bundle(
                "a.test",
                TrustBundle::new([s.first.anchor().with_state(AnchorState::Distrusted)]),
            )
        },
        RELATED,
        "trust.distrusted",
    ),
    (
        "the anchor distrusted beside itself",
        |s| {
            let distrusted = s.first.anchor().with_state(AnchorState::Distrusted);
            Publication::new().bundle("a.test", TrustBundle::new([s.first.anchor(), distrusted]))
        },
        RELATED,
        "trust.distrusted",
    ),
    (
        "the anchor on other terms",
        |s| {
            Publication::new()
                .bundle("a.test", TrustBundle::new([s.first.anchor().with_path_len(0)]))
        },
        RELATED,
        "path-length.exceeded",
    ),
    (
        "another policy, which accepts",
        |_| Publication::new().policy(policy().with_clock_skew_seconds(9).into()),
        RELATED,
        OK,
    ),
    (
        "another policy, which refuses",
        |_| Publication::new().policy(policy().with_max_lifetime_seconds(60).into()),
        RELATED,
        "validity.lifetime-too-long",
    ),
    (
        "the identity denied",
        |_| Publication::new().deny([DenyRule::new(Denied::Identity(web()))]),
        RELATED,
        "revocation.revoked",
    ),
    (
        "the identity denied by a matcher",
        |_| {
            Publication::new()
                .deny([DenyRule::new(Denied::Matching("spiffe://a.test/**".parse().unwrap()))])
        },
        RELATED,
        "revocation.revoked",
    ),
    (
        "the authority denied, in a list of its own",
        |s| {
            Publication::new().deny_list(Arc::new(DenyList::new([DenyRule::new(
                Denied::Authority { spki: spki(&s.first) },
            )])))
        },
        RELATED,
        "revocation.revoked",
    ),
    (
        "the identity denied later",
        |_| Publication::new().deny([DenyRule::new(Denied::Identity(web())).since(at(60))]),
        RELATED,
        OK,
    ),
    (
        "a first source, which is silent",
        |s| Publication::new().revocation(revocation([s.other.crl(1, &[])])),
        UNRELATED,
        OK,
    ),
    (
        "a policy that lets nothing pass, and no evidence",
        |_| {
            Publication::new()
                .policy(policy().with_revocation(RevocationPolicy::hard_fail()).into())
        },
        RELATED,
        "revocation.no-source",
    ),
    (
        "a list with the peer",
        |s| {
            Publication::new()
                .revocation(revocation([s.first.crl(1, &[&s.peer]), s.first.root_crl(1)]))
        },
        RELATED,
        "revocation.revoked",
    ),
];

fn web() -> Identity {
    "spiffe://a.test/web".parse().unwrap()
}

fn store(ca: &Ca) -> Arc<TrustStore> {
    Arc::new(TrustStore::new([spiffe("a.test", &[ca])]).unwrap())
}

#[test]
fn a_publication_disturbs_whom_it_is_about() {
    for (case, publication, standing, again) in CASES {
        let scene = Scene::new();
        let peer = scene.accept();
        assert_eq!(say(peer.ask(at(1))), "current", "{case}: before");
        scene.publish(publication(&scene));
        assert_eq!(say(peer.ask(at(1))), *standing, "{case}");
        assert_eq!(scene.backend.take(), 0, "{case}: no signature to say so");
        let answer = peer.ask_again(at(1));
        assert_eq!(code(&answer), *again, "{case}: again");
        assert_eq!(scene.backend.take(), 0, "{case}: no signature");
        match answer {
            Ok(answer) => {
                assert_eq!(say(answer.ask(at(1))), "current", "{case}: the answer");
                assert_eq!(answer.decided_at(), at(1), "{case}");
                assert_eq!(answer.ruling().epoch(), scene.live.snapshot().epoch(), "{case}");
            }
            Err(lapse) => {
                assert!(lapse.decision().is_some(), "{case}");
                // Whatever is published later: a peer that was refused is over.
                let (first, second) = (&scene.first, &scene.second);
                let restored = Publication::new()
                    .domain(spiffe("a.test", &[first, second]))
                    .policy(policy().into())
                    .revocation(Arc::default());
                scene.publish(restored);
                assert_eq!(say(peer.ask(at(1))), *again, "{case}: lapsed for good");
                assert_eq!(code(&peer.ask_again(at(1))), *again, "{case}: lapsed for good");
                let anew = scene.peer.decide(&scene.live, &anybody(), at(1));
                assert!(anew.decision().is_accepted(), "{case}: who connects anew is heard");
            }
        }
    }
}

/// The first ask after something that is related does no signature, even where the memo forgot it.
#[test]
fn asking_again_needs_no_memo() {
    let scene = Scene::new();
    let memo = bonafide::signature::SharedMemo::with_capacity(0);
    let verifier = scene.live.snapshot().verifier().clone().with_memo(Arc::new(memo));
    let live = Live::new(verifier);
    let peer = scene.peer.accept(&live, &anybody(), at(0));
    // More signatures than the memo holds.
    for serial in 100..200 {
        scene.first.peer(serial, &[uri("spiffe://a.test/x")]).accept(&live, &anybody(), at(0));
    }
    scene.backend.take();
    live.publish(Publication::new().bundle("a.test", tainted(&scene.first)), at(0)).unwrap();
    assert_eq!(say(peer.ask(at(1))), "ask again");
    assert_eq!(code(&peer.ask_again(at(1))), "accepted");
    assert_eq!(scene.backend.take(), 0);
}

#[test]
fn lists_of_others_disturb_nobody() {
    let scene = Scene::new();
    let lists = |first, revoked: &[&Peer], other| {
        let (ours, theirs) = (&scene.first, &scene.other);
        let lists = [ours.crl(first, revoked), ours.root_crl(1), theirs.crl(other, &[])];
        revocation(lists)
    };
    scene.publish(Publication::new().revocation(lists(1, &[], 1)));
    let peer = scene.accept();
    assert_eq!(peer.evidence().len(), 2);

    // The name of the case, what is published, what follows.
    let neighbour = scene.first.peer(2, &[uri("spiffe://a.test/db")]);
    let cases = [
        ("a list of another issuer", lists(1, &[], 2), "current", "accepted"),
        ("a list that names a neighbour", lists(2, &[&neighbour], 2), "ask again", "accepted"),
        (
            "a list that names the peer",
            lists(3, &[&scene.peer], 2),
            "ask again",
            "revocation.revoked",
        ),
    ];
    let mut peer = peer;
    for (case, evidence, standing, again) in cases {
        let published = scene.live.publish(Publication::new().revocation(evidence), at(1)).unwrap();
        let source = published.changed().first().unwrap();
        assert_eq!(source.to_string(), "source crl", "{case}");
        assert_eq!(scene.live.snapshot().epoch_of(source), Some(published.epoch()), "{case}");
        assert_eq!(say(peer.ask(at(1))), standing, "{case}");
        let answer = peer.ask_again(at(1));
        assert_eq!(code(&answer), again, "{case}");
        peer = answer.unwrap_or(peer);
    }
    assert_eq!(scene.backend.take(), 0);
}

#[test]
fn time_only_moves_forward() {
    let scene = Scene::new();
    let names = [uri("spiffe://a.test/web")];
    let brief = scene.first.peer_with(9, &names, |b| b.validity(at(-10).unix(), at(100).unix()));
    let peer = brief.accept(&scene.live, &anybody(), at(0));
    assert_eq!((peer.valid_until(), scene.live.close_by(&peer)), (at(100), at(100)));
    // The name of the case, the time, the answer.
    for (case, time, standing) in [
        ("at once", 0, "current"),
        ("the last second", 100, "current"),
        ("before the decision", -1_000, "current"),
        ("expired", 101, "validity.expired"),
        ("set back", 50, "validity.expired"),
        ("set back before the decision", -1_000, "validity.expired"),
    ] {
        assert_eq!(say(peer.ask(at(time))), standing, "{case}");
    }
    assert_eq!(code(&peer.ask_again(at(50))), "validity.expired");
    let Err(lapse) = peer.ask_again(at(50)) else { panic!("revived") };
    assert_eq!(lapse.to_string(), "the certificate of the peer expired at 2026-07-01T00:01:40Z");

    // A clock that was ahead at a decision and is set back asks as of the time that was seen.
    let peer = brief.accept(&scene.live, &anybody(), at(90));
    let again = peer.ask_again(at(10)).unwrap();
    assert_eq!(again.decided_at(), at(90));
}

/// Evidence that runs out is asked for again; what came in the meantime counts.
#[test]
fn evidence_that_runs_out_is_asked_for_again() {
    let scene = Scene::new();
    let until = |number, end: i64| {
        let list = scene.first.crl_until(number, &[], at(end).unix());
        Publication::new().revocation(revocation([list, scene.first.root_crl(1)]))
    };
    scene.publish(until(1, 60));
    let peer = scene.accept();
    assert_eq!(peer.valid_until(), at(60));
    assert_eq!(say(peer.ask(at(60))), "current");
    assert_eq!(say(peer.ask(at(61))), "ask again");
    assert_eq!(say(peer.ask(at(30))), "ask again", "the clock was set back");
    scene.publish(until(2, 120));
    let renewed = peer.ask_again(at(61)).unwrap();
    assert_eq!((renewed.valid_until(), say(renewed.ask(at(120)))), (at(120), "current"));
    assert_eq!(code(&renewed.ask_again(at(121))), "revocation.stale");
    assert_eq!(say(renewed.ask(at(121))), "revocation.stale");
}

/// A domain that goes and comes back has another cell; who was accepted under the first one hears of what
/// happens to the second.
#[test]
fn a_domain_that_comes_back_is_watched() {
    let scene = Scene::new();
    let peer = scene.accept();
    let back = || Publication::new().domain(spiffe("a.test", &[&scene.first]));
    scene.publish(Publication::new().without_domain("a.test"));
    scene.publish(back());
    assert_eq!(say(peer.ask(at(1))), "current", "as it was");
    scene.publish(Publication::new().bundle("a.test", bundle(&[&scene.second])));
    assert_eq!(say(peer.ask(at(1))), "ask again");

    let label = Arc::new(Requirement::dangerously_any_identity().with_label("tenant"));
    scene.publish(Publication::new().labelled_trust("tenant", store(&scene.first)));
    let peer = scene.peer.accept(&scene.live, &label, at(0));
    scene.publish(Publication::new().without_label("tenant"));
    assert_eq!(say(peer.ask(at(1))), "ask again");
    scene.publish(Publication::new().labelled_trust("tenant", store(&scene.first)));
    assert_eq!(say(peer.ask(at(1))), "current", "as it was");
    scene.publish(Publication::new().labelled_bundle("tenant", "a.test", bundle(&[&scene.second])));
    assert_eq!(say(peer.ask(at(1))), "ask again");
    assert_eq!(code(&peer.ask_again(at(1))), "trust.no-route");
}

/// Names of the certificate that nobody spoke for may select another domain later.
#[test]
fn a_claim_that_somebody_speaks_for_later_is_heard() {
    let (ours, theirs) = (Ca::new(1), Ca::new(2));
    let domain = Domain::named("web", [Scope::dns("example.test").unwrap()], bundle(&[&ours]));
    let (live, _) = live([domain]);
    let both = ours.peer(1, &[uri("spiffe://partner.test/x"), dns("a.example.test")]);
    let only = ours.peer(2, &[dns("b.example.test")]);
    let [both, only] = [both, only].map(|peer| peer.accept(&live, &anybody(), at(0)));
    assert_eq!(both.trust_domain(), "web");
    live.publish(Publication::new().domain(spiffe("partner.test", &[&theirs])), at(0)).unwrap();
    assert_eq!(say(only.ask(at(1))), "current");
    assert_eq!(say(both.ask(at(1))), "ask again");
    assert_eq!(code(&both.ask_again(at(1))), "trust.no-route");

    // A longer scope takes names from a shorter one.
    let longer = Domain::named("b", [Scope::dns("b.example.test").unwrap()], bundle(&[&theirs]));
    live.publish(Publication::new().domain(longer), at(0)).unwrap();
    assert_eq!(say(only.ask(at(1))), "ask again");
    assert_eq!(code(&only.ask_again(at(1))), "trust.no-route");
}

#[test]
fn a_tainted_authority_is_reported_and_not_refused() {
    let scene = Scene::new();
    let peer = scene.accept();
    assert_eq!(peer.tainted_since(), None);
    scene.publish(Publication::new().bundle("a.test", tainted(&scene.first)));
    let peer = peer.ask_again(at(1)).unwrap();
    assert_eq!(say(peer.ask(at(1))), "current");
    assert_eq!(peer.tainted_since(), Some(at(-5)));
    assert_eq!(scene.live.close_by(&peer), at(-5 + 3_600));
}

/// A staple and certificates beside the path are asked with again.
#[test]
fn what_was_presented_is_presented_again() {
    let scene = Scene::new();
    // The path that is found first goes by the issuing certificate under the first root; the other one
    // stands beside it.
    let cross = super::kit::CertificateBuilder::authority(
        &scene.first.issuing.name,
        &scene.first.issuing.key,
    )
    .serial(&[8])
    .with(scene.second.root.key_identifier())
    .issued_by(&scene.second.root);
    let mut peer = scene.peer.clone();
    peer.chain.push(rustls_pki_types::CertificateDer::from(cross));
    let accepted = peer.accept(&scene.live, &anybody(), at(0));
    let first = accepted.anchor().fingerprint() == scene.first.anchor().fingerprint();
    let other = if first { &scene.second } else { &scene.first };
    scene.publish(Publication::new().bundle("a.test", bundle(&[other])));
    assert_eq!(say(accepted.ask(at(1))), "ask again");
    let again = accepted.ask_again(at(1)).unwrap();
    assert_eq!(again.anchor().fingerprint(), other.anchor().fingerprint());
}

/// A staple is asked with again, and without it the peer would be refused.
#[test]
fn a_staple_is_presented_again() {
    let scene = Scene::new();
    let strict = policy().with_revocation(RevocationPolicy::hard_fail());
    let evidence = revocation([scene.first.root_crl(1)]);
    scene.publish(Publication::new().policy(strict.into()).revocation(evidence));
    let staple = scene.first.response(&scene.peer, Status::Good, 0);
    let presented = scene.peer.presented().with_stapled_ocsp(&staple);
    let bare = scene.peer.decide(&scene.live, &anybody(), at(0));
    assert_eq!(bare.decision().code(), "revocation.no-source");
    let peer = scene.peer.prove(&scene.live.decide(&anybody(), &presented, at(0)));
    scene.backend.take();
    let somebody = Denied::Identity("spiffe://a.test/db".parse().unwrap());
    scene.publish(Publication::new().deny([DenyRule::new(somebody)]));
    assert_eq!(say(peer.ask(at(1))), "current");
    scene.publish(Publication::new().bundle("a.test", tainted(&scene.first)));
    assert_eq!(say(peer.ask(at(1))), "ask again");
    assert_eq!((code(&peer.ask_again(at(1))), scene.backend.take()), ("accepted", 0));
}

#[test]
fn a_peer_is_of_one_ruling_only() {
    let scene = Scene::new();
    let rulings = [0, 0].map(|_| scene.peer.decide(&scene.live, &anybody(), at(0)));
    let proven = scene.peer.prove(&rulings[0]);
    assert!(rulings[1].live(proven.peer().clone()).is_err());
    assert!(rulings[0].live(proven.peer().clone()).is_ok());
}

#[test]
fn a_rejection_holds_for_its_moment() {
    let scene = Scene::new();
    let stranger = Ca::new(9).peer(3, &[uri("spiffe://a.test/web")]);
    let ruling = stranger.decide(&scene.live, &anybody(), at(0));
    assert_eq!(ruling.decision().code(), "trust.no-route");
    assert_eq!(say(ruling.ask(at(0))), "current");
    assert_eq!(say(ruling.ask(at(1))), "ask again");
    let ruling = stranger.decide(&scene.live, &anybody(), at(0));
    scene.publish(Publication::new().without_domain("b.test"));
    assert_eq!(say(ruling.ask(at(0))), "ask again");
}

/// Who is idle holds nothing of what was in force: no store, no bundle, no list.
#[test]
fn an_idle_peer_pins_nothing() {
    let scene = Scene::new();
    let evidence = revocation([scene.first.crl(1, &[]), scene.first.root_crl(1)]);
    scene.publish(Publication::new().revocation(evidence).policy(policy().into()));
    let peer = scene.accept();
    let snapshot = scene.live.snapshot();
    let trust = Arc::downgrade(snapshot.verifier().trust());
    let evidence = Arc::downgrade(snapshot.verifier().revocation());
    let policies = Arc::downgrade(snapshot.verifier().policy());
    drop(snapshot);
    let renewed = revocation([scene.first.crl(2, &[]), scene.first.root_crl(2)]);
    let bundle = bundle(&[&scene.first]);
    let publication = Publication::new().bundle("a.test", bundle).revocation(renewed);
    scene.publish(publication.policy(policy().into()));
    assert_eq!((trust.strong_count(), evidence.strong_count(), policies.strong_count()), (0, 0, 0));
    assert_eq!(say(peer.ask(at(1))), "ask again");
    assert_eq!(code(&peer.ask_again(at(1))), "accepted");
}

/// The part that changes, what is published, and the fence then.
type Change = (&'static str, fn(&Scene) -> Publication, u64);

#[test]
fn parts_have_epochs_that_only_grow() {
    let scene = Scene::new();
    let part = |name: &str| {
        scene
            .live
            .snapshot()
            .parts()
            .find(|(part, _)| part.to_string() == name)
            .map(|found| found.1)
    };
    let all = || scene.live.snapshot().parts().collect::<std::collections::BTreeMap<Part, u64>>();
    assert!(all().values().all(|epoch| *epoch == 0));
    let cases: &[Change] = &[
        (
            "trust domain b.test",
            |s| Publication::new().bundle("b.test", bundle(&[&s.first, &s.other])),
            0,
        ),
        ("trust domain c.test", |s| Publication::new().domain(spiffe("c.test", &[&s.other])), 0),
        ("policy", |_| Publication::new().policy(policy().with_clock_skew_seconds(7).into()), 3),
        ("deny list", |_| Publication::new().deny([DenyRule::new(Denied::Identity(web()))]), 4),
        ("deny list", |_| Publication::new().deny_list(Arc::new(DenyList::new([]))), 4),
        ("source crl", |s| Publication::new().revocation(revocation([s.first.crl(1, &[])])), 6),
        ("source crl", |s| Publication::new().revocation(revocation([s.first.crl(2, &[])])), 6),
        (
            "source crl",
            |s| Publication::new().revocation(revocation([s.first.crl(3, &[&s.peer])])),
            8,
        ),
        ("trust domain b.test", |s| Publication::new().bundle("b.test", bundle(&[&s.other])), 9),
        (
            "trust domain a.test under label tenant",
            |s| Publication::new().labelled_trust("tenant", store(&s.first)),
            9,
        ),
    ];
    let mut before = all();
    for (number, (name, publication, fence)) in (1..).zip(cases) {
        let published = scene.live.publish(publication(&scene), at(0)).unwrap();
        assert_eq!(published.epoch(), number, "{name}");
        assert_eq!(published.fence(), *fence, "{name}: {:?}", published.tightened());
        assert_eq!(scene.live.snapshot().fence(), *fence, "{name}");
        assert_eq!(part(name), Some(number), "{name}: {:?}", published.changed());
        let after = all();
        for (part, epoch) in &before {
            assert!(after.get(part).is_none_or(|now| now >= epoch), "{part} after {name}");
        }
        before = after;
    }
    assert_eq!(part("trust domain a.test"), Some(0), "never touched");
}

#[test]
fn a_publication_is_all_or_nothing() {
    let scene = Scene::new();
    let peer = scene.accept();
    let before = scene.live.snapshot();
    let good = || Publication::new().bundle("a.test", bundle(&[&scene.second]));
    let duplicate = Domain::named("x", [Scope::Spiffe("b.test".parse().unwrap())], bundle(&[]));
    // The name of the case, what is published, why it is refused.
    let cases = [
        ("unknown domain", good().without_domain("nobody.test"), "publish.unknown-domain"),
        ("unknown bundle", good().bundle("nobody.test", bundle(&[])), "publish.unknown-domain"),
        ("scope taken", good().domain(duplicate), "publish.duplicate-scope"),
        ("unknown label", good().without_label("nobody"), "publish.unknown-label"),
        (
            "bundle under an unknown label",
            good().labelled_bundle("nobody", "a.test", bundle(&[])),
            "publish.unknown-label",
        ),
    ];
    for (case, publication, code) in cases {
        let error = scene.live.publish(publication, at(0)).unwrap_err();
        assert_eq!(error.code(), code, "{case}: {error}");
        let after = scene.live.snapshot();
        assert_eq!((after.epoch(), after.fence()), (0, 0), "{case}");
        assert!(Arc::ptr_eq(after.verifier().trust(), before.verifier().trust()), "{case}");
        assert_eq!(say(peer.ask(at(1))), "current", "{case}");
    }
    scene.publish(good());
    assert_eq!(say(peer.ask(at(1))), "ask again");
}

/// Somebody asks on and on while somebody else finds out that the peer is refused.
#[test]
fn who_lapsed_is_not_brought_back_by_a_question_in_hand() {
    let scene = Scene::new();
    let peers: Vec<LivePeer> = (0..300).map(|_| scene.accept()).collect();
    let strict = policy().with_algorithms(AlgorithmPolicy::NOTHING);
    scene.publish(Publication::new().policy(strict.into()));
    let (asking, lapsed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut current = 0;
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| {
            let mut current = 0;
            for (number, peer) in (1..).zip(&peers) {
                asking.store(number, Ordering::Release);
                while lapsed.load(Ordering::Acquire) < number {
                    current += u32::from(peer.ask(at(0)).is_current());
                }
            }
            current
        });
        for (number, peer) in (1..).zip(&peers) {
            while asking.load(Ordering::Acquire) < number {
                std::hint::spin_loop();
            }
            assert_eq!(code(&peer.ask_again(at(0))), "algorithm.key-refused");
            lapsed.store(number, Ordering::Release);
        }
        current = asks.join().unwrap();
    });
    let lapsed = |peer: &&LivePeer| matches!(peer.ask(at(0)), Standing::Lapsed(_));
    assert_eq!((current, peers.iter().filter(lapsed).count()), (0, peers.len()));
}
