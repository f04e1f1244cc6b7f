//! The reference of RFC 5280 section 6 on hand-made chains and on generated graphs.
//!
//! `BONAFIDE_GRAPHS=1000000 cargo test --release --test second_opinion -- --nocapture` looks at a
//! million graphs; without the variable it is few.

#![expect(clippy::unwrap_used, clippy::as_conversions, reason = "test code")]

mod graphs;
mod kit;
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use graphs::{Workshop, verify_toy};
use reference::{Reason, Reference};

fn graphs_to_see() -> u64 {
    std::env::var("BONAFIDE_GRAPHS").ok().map_or(2_000, |count| count.parse().unwrap())
}

#[test]
fn generated_graphs_are_varied_enough() {
    let workshop = Workshop::new();
    let count = graphs_to_see();
    let (mut accepted, mut going_back, mut paths, mut most_paths) = (0, 0, 0, 0);
    let mut with_reason: BTreeMap<Reason, u64> = BTreeMap::new();
    let start = Instant::now();
    for seed in 0..count {
        let graph = workshop.graph(seed);
        assert!(graph.pool.len() < graphs::MAX_CERTIFICATES);
        assert!((1..=3).contains(&graph.anchors.len()));
        let reference =
            Reference::new(&graph.leaf, &graph.pool, &graph.anchors, &graph.inputs, &verify_toy);
        let opinion = reference.opinion();
        let all = opinion.accepted.len() + opinion.rejected.len();
        paths += all;
        most_paths = most_paths.max(all);
        if !opinion.accepted.is_empty() {
            accepted += 1;
            let greedy = reference.greedy_path();
            if greedy.is_none_or(|path| !opinion.accepted.contains_key(&path)) {
                going_back += 1;
            }
        }
        let reasons: BTreeSet<Reason> = opinion.rejected.values().flatten().copied().collect();
        for reason in reasons {
            *with_reason.entry(reason).or_default() += 1;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let percent = |part: u64| part as f64 * 100.0 / count as f64;
    println!(
        "{count} graphs: {:.1} % accepted, {:.1} % accepted only by going back, \
         {:.1} paths each, at most {most_paths}, {:.0} graphs a second",
        percent(accepted),
        percent(going_back),
        paths as f64 / count as f64,
        count as f64 / seconds,
    );
    for (reason, graphs) in &with_reason {
        println!("{reason:?}: {:.2} % of graphs", percent(*graphs));
    }
    assert!(percent(accepted) >= 30.0);
    assert!(percent(going_back) >= 20.0);
    let missing: Vec<&Reason> =
        Reason::ALL.iter().filter(|reason| !with_reason.contains_key(reason)).collect();
    assert!(missing.is_empty(), "never met: {missing:?}");
}
