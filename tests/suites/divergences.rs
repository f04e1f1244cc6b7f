//! Every reason for which an answer may differ from what a suite expects.
//!
//! A rule looks at what a case is made of: suite, namespace, features, encodings. It never knows a
//! case by its number, so it holds for cases that nobody here has seen. A rule either says that the
//! answers *must* differ, and then an answer as expected is reported, too, or that they *may*.

use serde_json::Value;

use super::load::{Fields, Misread};
use super::report::{Ending, SuiteReport};
use super::{Agreement, Case, Family};

/// Whether a rule is content with an answer as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The answer may differ.
    May,
    /// The answer must differ.
    Must,
}

/// A reason to differ.
struct Rule {
    name: &'static str,
    families: &'static [Family],
    reason: &'static str,
    then: Then,
    /// Whether it counts against the suite's cap.
    counts: bool,
    applies: fn(&Case<'_>) -> Result<bool, Misread>,
}

const RULES: &[Rule] = &[
    Rule {
        name: "bettertls-soft",
        families: &[Family::LimboBetterTls],
        reason: "the suite's authors tolerate the other outcome (soft)",
        then: Then::May,
        counts: false,
        applies: |case| case.meta.map_or(Ok(false), |meta| meta.flag("soft")),
    },
    Rule {
        name: "limbo-public-suffix-list",
        families: &[Family::Limbo],
        reason: "needs a public suffix list and none was given to the run",
        then: Then::Must,
        counts: false,
        // Top level domains are known without a list.
        applies: |case| {
            let features = case.fields.texts("features")?;
            let name = match case.fields.maybe_object("expected_peer_name")? {
                Some(name) => name.text("value")?,
                None => "",
            };
            Ok(case.inputs.public_suffixes.is_none()
                && features.contains(&"pedantic-public-suffix-wildcard")
                && case.fields.text("expected_result")? == "FAILURE"
                && name.split('.').count() > 2)
        },
    },
    Rule {
        name: "nc-empty-dns-name",
        families: &[Family::NameConstraints],
        reason: "an empty dNSName that is constrained is refused: no constraint can judge it",
        then: Then::Must,
        counts: true,
        applies: |case| {
            Ok(case.fields.maybe_text("name_type")? == Some("dNSName")
                && case.fields.maybe_text("value")? == Some("")
                && case.fields.object("expected")?.flag("permitted")?)
        },
    },
];

/// The text of a rule.
pub fn reason(name: &str) -> Option<&'static str> {
    RULES.iter().find(|rule| rule.name == name).map(|rule| rule.reason)
}

/// What becomes of a case, and what to add to the answer.
pub fn weigh(case: &Case<'_>, agreement: Agreement) -> (Ending, &'static str) {
    let mut rule = None;
    for candidate in RULES.iter().filter(|rule| rule.families.contains(&case.family)) {
        match (candidate.applies)(case) {
            Ok(true) => rule = rule.or(Some(candidate)),
            Ok(false) => {}
            Err(_) => return (Ending::Unexplained, " (a divergence rule cannot read the case)"),
        }
    }
    match (agreement, rule) {
        (Agreement::Yes, Some(Rule { then: Then::Must, .. })) => {
            (Ending::Unexplained, " (a divergence rule says that it must differ)")
        }
        (Agreement::Yes, _) => (Ending::AsExpected, ""),
        (Agreement::No | Agreement::Advisory, Some(rule)) => {
            (Ending::Explained { rule: rule.name, counts: rule.counts }, "")
        }
        (Agreement::No, None) => (Ending::Unexplained, ""),
        (Agreement::Advisory, None) => (Ending::Advisory, ""),
    }
}

/// Pairs of contradicting cases of which neither came out as expected.
pub fn both_sides(suite: &SuiteReport, cases: &[Value]) -> Vec<String> {
    let differs = |id: &str| {
        suite.lines.iter().any(|line| {
            line.id == id && matches!(line.ending, Ending::Explained { .. } | Ending::Unexplained)
        })
    };
    let mut faults = Vec::new();
    for case in cases {
        let Ok(fields) = Fields::of(case) else { continue };
        let (Ok(id), Ok(others)) = (fields.text("id"), fields.texts("conflicts_with")) else {
            continue;
        };
        for other in others.into_iter().filter(|&other| id < other) {
            if differs(id) && differs(other) {
                faults.push(format!("{id} and {other} contradict each other, and both differ"));
            }
        }
    }
    faults
}
