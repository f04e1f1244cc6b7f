//! All conformance suites over the shared corpora; see `suites`.
//!
//! The folder is `../shared/corpora` beside the repository, or the one that `BONAFIDE_CORPORA` names.

#![expect(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod kit;
mod suites;

use std::env;
use std::path::PathBuf;

fn folder() -> PathBuf {
    env::var_os("BONAFIDE_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"),
        PathBuf::from,
    )
}

/// Whether a missing folder is a failure: on the build machine it is.
fn is_required() -> bool {
    let is = |name, value| env::var(name).is_ok_and(|found| found == value);
    is("CI", "true") || is("BONAFIDE_CORPORA_REQUIRED", "1")
}

#[test]
fn suites_have_the_results_that_they_ask_for() {
    let folder = folder();
    if !folder.is_dir() {
        let place = folder.display();
        assert!(!is_required(), "the conformance suites are not at {place}");
        println!(
            "SKIPPED: all conformance suites, as there is no folder {place}. Put the corpora there, \
             or name their folder in BONAFIDE_CORPORA."
        );
        return;
    }
    let report = suites::run(&folder, None, &suites::Inputs::default()).unwrap();
    println!("{}", report.for_people());
    assert!(report.absent.is_empty(), "suites are absent: {:?}", report.absent);
    assert!(report.is_sound(), "unexplained answers, or a cap exceeded:\n{}", report.for_people());
}
