//! Hostile pools: what a stranger can make one decision cost.
//!
//! `cargo bench --bench hostile` prints for each pool the verdict, the work counted and the median
//! time of a decision, and its ratio to an honest one in the same run. Only the ratios and the work
//! mean anything elsewhere; the bar for pools without a way to an anchor is 1 ms on an idle core.
//! `tests/hostile.rs` asserts verdicts and counters.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a measurement"
)]
#![allow(dead_code, unreachable_pub, reason = "pools of the tests")]

#[path = "../tests/kit/mod.rs"]
mod kit;
#[path = "../tests/hostile/pools.rs"]
mod pools;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bonafide::identity::ExpectedName;
use bonafide::policy::ValidationPolicy;
use bonafide::signature::RingBackend;
use bonafide::verify::{Expect, Request};
use bonafide::x509::Time;
use kit::{Authority, GeneralName, Name, ext};
use pools::{Case, KeyIds, key};
use rustls_pki_types::CertificateDer;

/// Decisions of each pool, taken in turn.
const ROUNDS: usize = 41;

fn main() {
    let cases = cases();
    let mut times = vec![Vec::with_capacity(ROUNDS); cases.len()];
    for _ in 0..ROUNDS {
        for ((_, case), times) in cases.iter().zip(&mut times) {
            times.push(seconds(case));
        }
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2] * 1e6
        })
        .collect();
    println!(
        "{:<46} {:>9} {:>8} {:>7} {:>6} {:>7} {:>6}  verdict",
        "pool", "µs", "ratio", "octets", "sigs", "steps", "names"
    );
    for ((name, case), median) in cases.iter().zip(&medians) {
        let decision = case.decide();
        let work = decision.work();
        println!(
            "{name:<46} {median:>9.1} {:>8.2} {:>7} {:>6} {:>7} {:>6}  {}",
            median / medians[0],
            case.size(),
            work.signatures,
            work.path_steps,
            work.name_comparisons,
            decision.code()
        );
    }
}

/// One decision, without making its verifier and request.
fn seconds(case: &Case) -> f64 {
    let verifier = case.verifier(ValidationPolicy::tls_server(), Arc::new(RingBackend::NEW));
    let leaf = CertificateDer::from(&case.leaf[..]);
    let pool: Vec<_> = case.pool.iter().map(|der| CertificateDer::from(&der[..])).collect();
    let name: ExpectedName = pools::PEER.parse().unwrap();
    let request = Request::new(&leaf, &pool, Expect::name(&name));
    let start = Instant::now();
    black_box(verifier.decide(black_box(&request), Time::from_unix(kit::NOW)));
    start.elapsed().as_secs_f64()
}

fn cases() -> Vec<(String, Case)> {
    let root = pools::root();
    let issuer = root.intermediate(&Name::cn("CA"), &key(2), |builder| builder);
    let honest = Case::new(&root, pools::leaf_of(&issuer), vec![issuer.certificate]);
    let mut cases = vec![("honest, one intermediate".to_owned(), honest)];
    let all_ids = [KeyIds::Honest, KeyIds::None, KeyIds::Same];
    for ids in all_ids {
        let mut case = pools::same_named(240, ids, false);
        fill(&mut case);
        cases.push((format!("no way: 240 of one name, ids {ids:?}"), case));
    }
    for ids in all_ids {
        let mut case = pools::levels(6, 40, ids);
        case.anchors = vec![Authority::root(&Name::cn("Elsewhere"), &key(5)).certificate];
        cases.push((format!("no way: 6 levels of 40, ids {ids:?}"), case));
    }
    let mut mesh = pools::cross_signed(15, KeyIds::None);
    mesh.anchors = vec![Authority::root(&Name::cn("Elsewhere"), &key(5)).certificate];
    cases.push(("no way: 15 cross-signed".to_owned(), mesh));
    for ids in all_ids {
        cases.push((format!("240 of one name, ids {ids:?}"), pools::same_named(240, ids, true)));
        cases.push((format!("6 levels of 40, ids {ids:?}"), pools::levels(6, 40, ids)));
        cases.push((format!("15 cross-signed, ids {ids:?}"), pools::cross_signed(15, ids)));
        cases.push((format!("hidden among 190, ids {ids:?}"), pools::hidden(190, ids)));
    }
    for ids in [KeyIds::Honest, KeyIds::None] {
        let case = pools::anchors_of_one_name(1_000, ids);
        cases.push((format!("1,000 anchors of one name, ids {ids:?}"), case));
    }
    let list = |suffix: &str| -> Vec<GeneralName> {
        let names = (0..1_400).map(|number| GeneralName::dns(&format!("n{number}.{suffix}")));
        names.chain([GeneralName::dns(&format!("leaf.{suffix}"))]).collect()
    };
    let constraints = ext::name_constraints(&[], &list("excluded.test"));
    let case = pools::constrained(constraints, &list("example.test"));
    cases.push(("1,400 names by 1,400 constraints".to_owned(), case));
    cases.push(("40 by 40 mappings in 6 cas".to_owned(), pools::mappings(6, 40)));
    cases
}

/// Makes the pool as large as it may be, by one more certificate that leads nowhere.
fn fill(case: &mut Case) {
    let missing = 131_072_usize.saturating_sub(case.size() + 512);
    let padding = ext::Extension::raw("1.3.6.1.4.1.32473.9", false, &vec![0; missing]);
    let name = Name::cn("CA");
    let authority = Authority { name: name.clone(), key: key(3), certificate: Vec::new() };
    case.pool.push(authority.intermediate(&name, &key(4), |b| b.with(padding)).certificate);
}
