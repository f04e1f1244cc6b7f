//! What holds of every decision, on generated graphs and on small estates with real keys.
//!
//! - Neither the order of the pool nor that of the anchors changes anything: verdict, path, cause,
//!   findings, explanation and work are the same; also where a limit ends the search.
//! - Stepping comes to the same decision as one call; a step after the last repeats it.
//! - A memo and a table of chains that were presented before change nothing, cold or warm.
//! - More certificates in the pool never turn an acceptance into a rejection, but for a limit.
//! - Less trust and more demands never turn a rejection into an acceptance.
//!
//! `BONAFIDE_GRAPHS=100000 cargo test --release --test properties` looks at more graphs.

#![expect(clippy::unwrap_used, reason = "test code")]

mod graphs;
mod kit;
mod reference;

use std::sync::Arc;

use bonafide::decision::Decision;
use bonafide::policy::{Choice, ConformanceRule, Limits, Purpose, ValidationPolicy};
use bonafide::signature::{AlgorithmPolicy, RingBackend, SharedMemo};
use bonafide::trust::{AnchorExtensions, AnchorState, EndEntityUse, TrustAnchor};
use bonafide::verify::{SeenChains, Step};
use bonafide::x509::{ExtensionKind, KeyUsage, OwnedOid, Time};
use graphs::Workshop;
use graphs::engine::Question;
use kit::ext::{self, purpose};
use kit::{Estate, GeneralName, Key, Kind, NOW, Name, Rng};
use rustls_pki_types::CertificateDer;

/// Calls `check` with the questions of many graphs, and with those of the estates.
fn for_each_question(check: impl Fn(&Question, &mut Rng, &str)) {
    let graphs = std::env::var("BONAFIDE_GRAPHS").map_or(400, |count| count.parse().unwrap());
    let workshop = Workshop::new();
    for seed in 0..graphs {
        let graph = workshop.graph(seed);
        let question = Question::new(&graph, seed % 2 == 1);
        check(&question, &mut Rng::new(seed), &format!("graph {seed}"));
    }
    for (case, question) in estates() {
        check(&question, &mut Rng::new(0), case);
    }
}

/// Real keys and the policy of TLS servers; some are accepted and some not.
fn estates() -> Vec<(&'static str, Question)> {
    let question = |estate: &Estate, pool: &[&[u8]]| Question {
        leaf: CertificateDer::from(estate.leaf.clone()),
        pool: pool.iter().map(|der| CertificateDer::from(der.to_vec())).collect(),
        anchors: vec![TrustAnchor::from_der(&estate.root.certificate).unwrap()],
        policy: ValidationPolicy::tls_server(),
        backend: Arc::new(RingBackend::NEW),
        now: Time::from_unix(NOW),
    };
    let ours = Estate::new();
    // The same names, other keys: what does not belong together looks as if it did.
    let theirs = Estate::seeded(1);
    let names = [GeneralName::dns("leaf.example.test")];
    let mixed = Estate::of(
        [Key::new(Kind::Rsa, 0), Key::new(Kind::P384, 0), Key::new(Kind::P256, 0)],
        &names,
    );
    let (our_ca, their_ca) = (&ours.intermediate.certificate, &theirs.intermediate.certificate);
    let mut two_roots = question(&ours, &[their_ca, our_ca]);
    two_roots.anchors.push(TrustAnchor::from_der(&theirs.root.certificate).unwrap());
    let mut pinned = question(&ours, &[our_ca]);
    let leaf = TrustAnchor::from_der(&ours.leaf).unwrap();
    pinned.anchors.push(leaf.with_end_entity_use(EndEntityUse::Pinned));
    let mut tainted = question(&ours, &[our_ca]);
    let since = tainted.now;
    each_anchor(&mut tainted, |anchor| anchor.with_state(AnchorState::Tainted { since }));
    let mut late = question(&ours, &[our_ca]);
    late.now = Time::from_unix(kit::FAR + 1);
    vec![
        ("estate", question(&ours, &[our_ca])),
        ("mixed keys", question(&mixed, &[&mixed.intermediate.certificate])),
        ("roots and doubles in the pool", {
            let (root, other) = (&ours.root.certificate, &theirs.root.certificate);
            question(&ours, &[root, our_ca, other, &ours.leaf, our_ca, their_ca])
        }),
        ("two roots of one name", two_roots),
        ("pinned", pinned),
        ("tainted", tainted),
        ("no intermediate", question(&ours, &[])),
        ("the wrong intermediate", question(&ours, &[their_ca])),
        ("noise", question(&ours, &[&[0x30, 0], our_ca, b"noise", &[0x30, 0]])),
        ("noise only", question(&ours, &[b"noise", &[0x30, 0]])),
        ("too late", late),
    ]
}

/// Everything that a decision says.
fn record(decision: &Decision) -> String {
    format!("{decision:?}\n{}", decision.explain())
}

#[test]
fn order_changes_nothing() {
    for_each_question(|question, rng, case| {
        let mut tight = Limits::DEFAULT;
        let bound = u32::try_from(rng.below(6)).unwrap();
        match rng.below(4) {
            0 => tight.signatures = bound,
            1 => tight.path_steps = bound * 2,
            2 => tight.name_comparisons = bound,
            _ => tight.policy_nodes = bound * 2,
        }
        let bounds = [None, Some(tight)];
        for limits in bounds {
            let mut question = question.clone();
            if let Some(limits) = limits {
                question.policy = question.policy.clone().with_limits(limits);
            }
            let expected = record(&question.decide());
            for _ in 0..3 {
                rng.shuffle(&mut question.pool);
                rng.shuffle(&mut question.anchors);
                assert_eq!(record(&question.decide()), expected, "{case}, {limits:?}");
            }
            // A certificate presented twice is presented once.
            question.pool.extend(question.pool.first().cloned());
            assert_eq!(record(&question.decide()), expected, "{case}, {limits:?}, doubled");
        }
    });
}

#[test]
fn stepping_comes_to_the_same() {
    for_each_question(|question, _, case| {
        let verifier = question.verifier();
        let request = question.request();
        let expected = record(&verifier.decide(&request, question.now));
        // Two at once, one of them ahead: what one does is nothing to the other.
        let mut verification = verifier.begin(&request, question.now);
        let mut other = verifier.begin(&request, question.now);
        assert!(matches!(other.step(), Step::Working | Step::Decided(_)), "{case}");
        let decision = loop {
            if let Step::Decided(decision) = verification.step() {
                break decision;
            }
            other.step();
        };
        assert_eq!(record(&decision), expected, "{case}");
        let Step::Decided(again) = verification.step() else {
            panic!("{case}: a decision is final")
        };
        assert_eq!(record(&again), expected, "{case}, asked again");
    });
}

#[test]
fn a_memo_changes_nothing() {
    // One for all: it is warm with what the others left there, too.
    let shared = Arc::new(SharedMemo::with_capacity(64));
    let seen = Arc::new(SeenChains::with_capacity(64));
    for_each_question(|question, _, case| {
        let expected = record(&question.decide());
        let own = Arc::new(SharedMemo::with_capacity(1024));
        for (state, memo) in
            [("cold", &own), ("warm", &own), ("shared", &shared), ("warm and shared", &shared)]
        {
            let verifier = question.verifier().with_memo(memo.clone());
            let decision = verifier.decide(&question.request(), question.now);
            assert_eq!(record(&decision), expected, "{case}, {state}");
        }
        let table = Arc::new(SeenChains::with_capacity(16));
        for state in ["cold table", "warm table"] {
            let verifier = question.verifier().with_seen_chains(table.clone());
            let decision = verifier.decide(&question.request(), question.now);
            assert_eq!(record(&decision), expected, "{case}, {state}");
            let verifier = verifier.with_memo(shared.clone()).with_seen_chains(seen.clone());
            let decision = verifier.decide(&question.request(), question.now);
            assert_eq!(record(&decision), expected, "{case}, {state} and shared");
        }
        if question.decide().is_accepted() && !case.contains("pinned") {
            assert!(own.count() > 0, "{case}: nothing was remembered");
        }
    });
}

#[test]
fn more_certificates_never_hurt() {
    let workshop = Workshop::new();
    for_each_question(|question, rng, case| {
        if !question.decide().is_accepted() {
            return;
        }
        // Other graphs have the same names and keys, so that their certificates fit in.
        let mut more = question.clone();
        for _ in 0..2 {
            let stranger = workshop.graph(rng.next());
            more.pool.extend(stranger.pool.into_iter().map(CertificateDer::from));
            more.pool.extend(stranger.anchor_certificates.into_iter().map(CertificateDer::from));
            let mut limits = Limits::DANGEROUSLY_UNLIMITED;
            limits.path_steps = 20_000;
            more.policy = more.policy.clone().with_limits(limits);
            let decision = more.decide();
            assert!(
                decision.is_accepted() || decision.code() == "limit.path-steps",
                "{case}: {}",
                decision.explain()
            );
        }
    });
}

type Change = fn(&mut Question, &mut Rng);

/// Puts another anchor in the place of each.
fn each_anchor(question: &mut Question, change: impl Fn(TrustAnchor) -> TrustAnchor) {
    question.anchors = question.anchors.drain(..).map(change).collect();
}

/// Less trust, or more demands.
///
/// Not among them: inhibiting policy mapping (see
/// [`inhibiting_policy_mapping_may_accept`]), and with it anchor certificates that map policies.
const TIGHTER: &[(&str, Change)] = &[
    ("an anchor less", |question, rng| {
        let index = rng.below(question.anchors.len());
        question.anchors.remove(index);
    }),
    ("an anchor distrusted", |question, rng| {
        let index = rng.below(question.anchors.len());
        let anchor = question.anchors.remove(index);
        question.anchors.push(anchor.with_state(AnchorState::Distrusted));
    }),
    ("anchors distrusted for what is new", |question, _| {
        each_anchor(question, |anchor| anchor.with_distrust_after(Time::from_unix(kit::LONG_AGO)));
    }),
    ("name constraints of anchors", |question, rng| {
        let base = [rng.pick(&["example.test", "other.test"])].map(GeneralName::dns);
        let constraints = if rng.chance(50) {
            ext::name_constraints(&base, &[])
        } else {
            ext::name_constraints(&[], &base)
        };
        each_anchor(question, |anchor| anchor.with_name_constraints(constraints.value()).unwrap());
    }),
    ("path length of anchors", |question, rng| {
        let length = rng.pick(&[0, 1, 2]);
        each_anchor(question, |anchor| anchor.with_path_len(length));
    }),
    ("purposes of anchors", |question, _| {
        let only: OwnedOid = purpose::SERVER_AUTH.parse().unwrap();
        each_anchor(question, |anchor| anchor.with_purposes([only.clone()]));
    }),
    ("policies of anchors", |question, rng| {
        let only = format!("1.3.6.1.4.1.32473.1.{}", 1 + rng.below(3));
        each_anchor(question, |anchor| anchor.with_policy_set([only.parse().unwrap()]));
    }),
    ("extensions of anchors count", |question, _| {
        each_anchor(question, |anchor| {
            let maps = anchor.certificate().is_some_and(|certificate| {
                certificate.extension(ExtensionKind::PolicyMappings).is_some()
            });
            if maps { anchor } else { anchor.with_extensions_enforced(AnchorExtensions::Enforced) }
        });
    }),
    ("validity of anchors counts", |question, _| {
        each_anchor(question, TrustAnchor::with_expiry_enforced);
    }),
    ("explicit policy", |question, _| {
        question.policy = question.policy.clone().with_explicit_policy_required();
    }),
    ("no any-policy", |question, _| {
        question.policy = question.policy.clone().with_any_policy_inhibited();
    }),
    ("no intermediates", |question, rng| {
        let most = rng.pick(&[0, 1, 2]);
        question.policy = question.policy.clone().with_max_intermediates(most);
    }),
    ("no long lives", |question, _| {
        question.policy = question.policy.clone().with_max_lifetime_seconds(86_400);
    }),
    ("key usage", |question, _| {
        let bits = KeyUsage::DIGITAL_SIGNATURE;
        question.policy = question.policy.clone().with_end_entity_key_usage(bits, Choice::Deny);
    }),
    ("no CA as a peer", |question, _| {
        question.policy = question.policy.clone().with_ca_as_end_entity(Choice::Deny);
    }),
    ("no any-purpose", |question, _| {
        question.policy =
            question.policy.clone().with_any_extended_key_usage(Choice::Deny, Choice::Deny);
    }),
    ("extended key usage", |question, _| {
        question.policy = question.policy.clone().with_absent_extended_key_usage(Choice::Deny);
    }),
    ("a purpose", |question, _| {
        let only = purpose::CODE_SIGNING.parse().unwrap();
        question.policy = question.policy.clone().with_purpose(Purpose::Other(only));
    }),
    ("a rule for CAs", |question, rng| {
        let rule = rng.pick(ConformanceRule::ALL);
        question.policy = question.policy.clone().with_rule(rule);
    }),
    ("no algorithm", |question, _| {
        question.policy = question.policy.clone().with_algorithms(AlgorithmPolicy::NOTHING);
    }),
    ("tight limits", |question, rng| {
        let mut limits = Limits::DEFAULT;
        limits.signatures = u32::try_from(rng.below(6)).unwrap();
        limits.path_steps = u32::try_from(rng.below(12)).unwrap();
        question.policy = question.policy.clone().with_limits(limits);
    }),
];

#[test]
fn more_demands_never_help() {
    let mut turned = vec![0; TIGHTER.len()];
    let turned_by = std::sync::Mutex::new(&mut turned);
    for_each_question(|question, rng, case| {
        let was = question.decide().is_accepted();
        for (index, (name, change)) in TIGHTER.iter().enumerate() {
            // A purpose in the place of another is not more than that.
            let any_purpose = question.policy.to_string().contains("purpose any\n");
            if *name == "a purpose" && !any_purpose {
                continue;
            }
            let mut tighter = question.clone();
            change(&mut tighter, rng);
            let decision = tighter.decide();
            assert!(was || !decision.is_accepted(), "{case}: {name} turns no into yes");
            if was && !decision.is_accepted() {
                turned_by.lock().unwrap()[index] += 1;
            }
        }
    });
    let idle: Vec<&str> =
        TIGHTER.iter().zip(&turned).filter(|(_, n)| **n == 0).map(|((name, _), _)| *name).collect();
    assert!(idle.is_empty(), "never turned yes into no: {idle:?}");
}

/// By the letter of RFC 5280 6.1.4 (b), the inhibition of mappings is no mere demand: where a CA has
/// anyPolicy and maps A to B, B below it means A; where mappings are inhibited, B is just B.
#[test]
fn inhibiting_policy_mapping_may_accept() {
    let (a, b) = ("1.3.6.1.4.1.32473.1.1", "1.3.6.1.4.1.32473.1.2");
    let keys = [0, 1, 2].map(|number| Key::new(Kind::Ed25519, number));
    let [root, ca, leaf_key] = &keys;
    let root = kit::Authority::root(&Name::cn("Root"), root);
    let ca = root.intermediate(&Name::cn("CA"), ca, |builder| {
        builder
            .with(ext::certificate_policies(&[ext::id::ANY_POLICY]))
            .with(ext::policy_mappings(&[(a, b)]))
    });
    let names = [GeneralName::dns("leaf.example.test")];
    let leaf = ca.leaf(&Name::cn("Leaf"), leaf_key, &names, |builder| {
        builder.with(ext::certificate_policies(&[b]))
    });
    let policy = ValidationPolicy::rfc5280()
        .with_explicit_policy_required()
        .with_initial_policy_set([b.parse().unwrap()]);
    let mut question = Question {
        leaf: CertificateDer::from(leaf.clone()),
        pool: vec![CertificateDer::from(ca.certificate.clone())],
        anchors: vec![TrustAnchor::from_der(&root.certificate).unwrap()],
        policy: policy.clone(),
        backend: Arc::new(RingBackend::NEW),
        now: Time::from_unix(NOW),
    };
    assert_eq!(question.decide().code(), "policy.explicit-policy-required");
    question.policy = policy.with_policy_mapping_inhibited();
    assert_eq!(question.decide().code(), "accepted");
}
