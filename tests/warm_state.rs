//! What verifiers remember and share changes no answer: random graphs, put to verifiers with different
//! anchors, policies, times and limits that share a memo, a table of chains and kept keys, against
//! verifiers that remember nothing and go step by step.
//!
//! `BONAFIDE_ROUNDS=150 cargo test --release --test warm_state -- --nocapture` asks longer than usual.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod graphs;
mod kit;
mod reference;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bonafide::decision::Decision;
use bonafide::policy::Limits;
use bonafide::signature::{
    KeptKeys, PreparedKey, PublicKey, SharedMemo, SignatureBackend, SignatureError,
};
use bonafide::trust::{AnchorExtensions, AnchorState, EndEntityUse, TrustAnchor};
use bonafide::verify::{SeenChains, Step, Verifier};
use bonafide::x509::{AlgorithmIdentifier, Time};
use graphs::Workshop;
use graphs::engine::{Question, ToyBackend};
use kit::{FAR, LONG_AGO, NOW, Rng};

/// Toys that can be prepared, and how often they were asked.
#[derive(Debug, Default)]
struct Toys {
    inner: Arc<ToyBackend>,
    asked: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Prepared {
    spki: Vec<u8>,
    toys: (Arc<ToyBackend>, Arc<AtomicU64>),
}

impl SignatureBackend for Toys {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.inner.verify(key, algorithm, message, signature)
    }

    fn prepare(&self, key: PublicKey<'_>) -> Option<Arc<dyn PreparedKey>> {
        let toys = (self.inner.clone(), self.asked.clone());
        Some(Arc::new(Prepared { spki: key.spki().der().to_vec(), toys }))
    }
}

impl PreparedKey for Prepared {
    fn verify(
        &self,
        algorithm: AlgorithmIdentifier<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let (inner, asked) = &self.toys;
        asked.fetch_add(1, Ordering::Relaxed);
        let spki = bonafide::x509::SubjectPublicKeyInfo::from_der(&self.spki).unwrap();
        inner.verify(PublicKey::new(spki), algorithm, message, signature)
    }
}

fn pick<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.below(of.len())].clone()
}

/// The question of a graph, changed in one way or several; keys and names are the same in all graphs, so
/// that anchors of one vouch for certificates of another.
fn vary(rng: &mut Rng, own: &Question, other: &Question) -> Question {
    let mut question = own.clone();
    if rng.chance(20) {
        question.anchors.clone_from(&other.anchors);
    }
    if rng.chance(25) {
        question.anchors.extend(other.anchors.iter().cloned());
    }
    if rng.chance(20) {
        question.policy = other.policy.clone();
    }
    if rng.chance(15) && !question.anchors.is_empty() {
        let gone = rng.below(question.anchors.len());
        question.anchors.remove(gone);
    }
    for anchor in &mut question.anchors {
        if rng.chance(35) {
            *anchor = other_terms(rng, anchor.clone());
        }
    }
    if rng.chance(15) {
        question.now = Time::from_unix(pick(rng, &[LONG_AGO - 1, LONG_AGO, FAR, FAR + 1]));
    }
    let policy = question.policy.clone();
    question.policy = match rng.below(12) {
        0 => policy.with_max_intermediates(u32::try_from(rng.below(3)).unwrap()),
        1 => policy.allow_loose_name_constraints(),
        2 => policy.with_explicit_policy_required(),
        3 => policy.with_clock_skew_seconds(600),
        4 | 5 => {
            let mut limits = Limits::DANGEROUSLY_UNLIMITED;
            let few = u32::try_from(rng.below(5)).unwrap();
            match rng.below(6) {
                0 => limits.signatures = few,
                1 => limits.path_steps = few,
                2 => limits.name_comparisons = few,
                3 => limits.policy_nodes = few,
                4 => limits.pool_certificates = few,
                _ => limits.pool_bytes = 200 * few,
            }
            policy.with_limits(limits)
        }
        _ => policy,
    };
    if rng.chance(10) && !question.pool.is_empty() {
        let twice = question.pool[rng.below(question.pool.len())].clone();
        question.pool.push(twice);
    }
    question
}

fn other_terms(rng: &mut Rng, anchor: TrustAnchor) -> TrustAnchor {
    match rng.below(7) {
        0 => anchor.with_state(AnchorState::Distrusted),
        1 => anchor.with_state(AnchorState::Tainted { since: Time::from_unix(NOW) }),
        2 => anchor.with_path_len(u32::try_from(rng.below(2)).unwrap()),
        3 => anchor.with_expiry_enforced(),
        4 => anchor.with_extensions_enforced(AnchorExtensions::Enforced),
        5 => anchor.with_distrust_after(Time::from_unix(LONG_AGO - 1)),
        _ => anchor.with_end_entity_use(EndEntityUse::Pinned),
    }
}

/// What is accepted, without what leads astray: chains that leave no choice.
fn straightened(mut question: Question) -> Question {
    if let Some(peer) = question.decide().peer() {
        let path = peer.path().iter().skip(1);
        question.pool = path.map(|step| step.as_der().to_vec().into()).collect();
    }
    question
}

fn in_steps(verifier: &Verifier, question: &Question) -> Decision {
    let request = question.request();
    let mut verification = verifier.begin(&request, question.now);
    loop {
        if let Step::Decided(decision) = verification.step() {
            return decision;
        }
    }
}

fn record(decision: &Decision) -> String {
    format!("{decision:?}\n{}", decision.explain())
}

#[test]
fn what_is_remembered_and_shared_changes_no_answer() {
    let workshop = Workshop::new();
    let questions: Vec<Question> = (0..240)
        .map(|seed| {
            let question = Question::new(&workshop.graph(seed), seed % 2 == 0);
            if seed % 3 == 0 { question } else { straightened(question) }
        })
        .collect();
    let asked = Arc::new(AtomicU64::new(0));
    let toys = Toys { inner: Arc::default(), asked: asked.clone() };
    let kept: Arc<dyn SignatureBackend> = Arc::new(KeptKeys::new(Arc::new(toys), 64));
    let memo = Arc::new(SharedMemo::with_capacity(4_096));
    let table = Arc::new(SeenChains::with_capacity(1_024));
    let mut rng = Rng::new(7);
    let (mut codes, mut spared) = (BTreeMap::new(), 0_u64);
    let rounds = std::env::var("BONAFIDE_ROUNDS").map_or(8, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        for (number, own) in questions.iter().enumerate() {
            let other = &questions[rng.below(questions.len())];
            let mut question = vary(&mut rng, own, other);
            if round == 0 {
                // So that there is something to remember.
                question = own.clone();
            }
            let cold = in_steps(&question.verifier(), &question);
            question.backend = kept.clone();
            let mut warm = question.verifier().with_seen_chains(table.clone());
            if rng.chance(50) {
                warm = warm.with_memo(memo.clone());
            }
            let before = asked.load(Ordering::Relaxed);
            let found = warm.decide(&question.request(), question.now);
            let case = format!("round {round}, graph {number}");
            assert_eq!(record(&found), record(&cold), "{case}");
            let performed = asked.load(Ordering::Relaxed) - before;
            let demanded = u64::from(found.work().signatures);
            spared += u64::from(found.is_accepted() && performed < demanded);
            *codes.entry(found.code()).or_insert(0_u32) += 1;
        }
    }
    // Each of the ways was gone often enough to say something.
    println!("{codes:?}; {} chains, {spared} spared", table.count());
    assert!(codes["accepted"] > 300 && codes.len() > 15 && table.count() > 50 && spared > 150);
}
