//! What verifiers remember and share changes no answer, nor does the way that they take: random graphs, put to verifiers with different
//! anchors, policies, times and limits that share a memo, tables of chains and issuers and kept keys, against
//! verifiers that remember nothing and go step by step.
//!
//! `BONAFIDE_ROUNDS=150 cargo test --release --test warm_state -- --nocapture` asks longer than usual.
#![cfg(feature = "std")]
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
    KeptKeys, Message, PreparedKey, PublicKey, SharedMemo, SignatureBackend, SignatureError,
};
use bonafide::trust::{AnchorExtensions, AnchorState, EndEntityUse, TrustAnchor};
use bonafide::verify::{SeenChains, SeenIssuers, Step, Verifier};
use bonafide::x509::{AlgorithmIdentifier, Certificate, SubjectPublicKeyInfo, Time};
use graphs::Workshop;
use graphs::engine::{Question, ToyBackend};
use kit::key::toy_sign;
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
        message: &Message<'_>,
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
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let (inner, asked) = &self.toys;
        asked.fetch_add(1, Ordering::Relaxed);
        let spki = SubjectPublicKeyInfo::from_der(&self.spki).unwrap();
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
    let issuers = Arc::new(SeenIssuers::with_capacity(256));
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
            if rng.chance(60) {
                warm = warm.with_seen_issuers(issuers.clone());
            }
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
    let (chains, issuers) = (table.count(), issuers.count());
    println!("{codes:?}; {chains} chains, {issuers} issuers, {spared} spared");
    assert!(codes["accepted"] > 300 && codes.len() > 15 && chains > 50 && spared > 150);
    assert!(issuers > 25);
}

/// The certificate with one octet of what is signed changed, and signed again by whoever signed it.
fn changed(rng: &mut Rng, der: &[u8], issuer_key: &[u8]) -> Vec<u8> {
    let certificate = Certificate::from_der(der).unwrap();
    let (signed, signature) = (certificate.tbs_certificate(), certificate.signature_value());
    let start = der.windows(signed.len()).position(|window| window == signed).unwrap();
    let mut changed = der.to_vec();
    let at = start + rng.below(signed.len());
    changed[at] = match rng.below(4) {
        0 => changed[at].wrapping_add(1),
        1 => changed[at].wrapping_sub(1),
        2 => changed[at] ^ (1 << rng.below(8)),
        _ => pick(rng, &[0, 1, 2, 4, 5, 6, 12, 19, 22, 0x30, 0x31, 0x7f, 0x80, 0xff]),
    };
    let again = toy_sign(issuer_key, &changed[start..start + signed.len()]);
    let end = changed.len() - signature.len();
    assert_eq!(again.len(), signature.len());
    changed[end..].copy_from_slice(&again);
    changed
}

/// The straight way reads less than the search does, and must see as much: chains that leave no choice,
/// with an octet changed under a signature that holds.
#[test]
fn both_ways_read_alike() {
    let workshop = Workshop::new();
    let mut rng = Rng::new(11);
    let mut codes = BTreeMap::new();
    let mut chains = 0;
    let rounds = std::env::var("BONAFIDE_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    for seed in 0..400 {
        let question = straightened(Question::new(&workshop.graph(seed), seed % 2 == 0));
        let Some(peer) = question.decide().peer().cloned() else { continue };
        chains += 1;
        let anchor_key = {
            let spki = SubjectPublicKeyInfo::from_der(peer.anchor().spki_der()).unwrap();
            spki.key().to_vec()
        };
        for round in 0..12 * rounds {
            let mut question = question.clone();
            let place = rng.below(question.pool.len() + 1);
            let issuer_key = match question.pool.get(place) {
                Some(issuer) => {
                    let issuer = Certificate::from_der(issuer).unwrap();
                    issuer.subject_public_key_info().unwrap().key().to_vec()
                }
                None => anchor_key.clone(),
            };
            let certificate = match place.checked_sub(1) {
                None => &mut question.leaf,
                Some(place) => &mut question.pool[place],
            };
            *certificate = changed(&mut rng, certificate, &issuer_key).into();
            let verifier = question.verifier();
            let found = verifier.decide(&question.request(), question.now);
            let stepped = in_steps(&verifier, &question);
            assert_eq!(record(&found), record(&stepped), "graph {seed}, round {round}");
            *codes.entry(found.code()).or_insert(0_u32) += 1;
        }
    }
    println!("{chains} chains: {codes:?}");
    assert!(chains > 40 && codes["accepted"] > 500 && codes["encoding.malformed"] > 300);
}
