//! What a run found, per suite, for people and for machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Family;

/// How one case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As the suite says.
    AsExpected,
    /// Not as the suite says, for a reason in `divergences.rs`.
    Explained { rule: &'static str, counts: bool },
    /// Not as the suite says, and upstream does not run the case either.
    Advisory,
    /// Not as the suite says, or not understood.
    Unexplained,
}

/// One case with what was expected and what came.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: String,
    pub expected: String,
    pub got: String,
    pub ending: Ending,
}

/// The cases of one suite file.
#[derive(Clone, Debug)]
pub struct SuiteReport {
    /// The file's name without its extension.
    pub name: String,
    pub family: Family,
    pub lines: Vec<Line>,
    /// How many explained divergences that count against the cap there may be.
    pub cap: usize,
    /// What is wrong with the suite as a whole.
    pub faults: Vec<String>,
}

impl SuiteReport {
    pub fn count(&self, ending: impl Fn(&Ending) -> bool) -> usize {
        self.lines.iter().filter(|line| ending(&line.ending)).count()
    }

    pub fn as_expected(&self) -> usize {
        self.count(|ending| *ending == Ending::AsExpected)
    }

    pub fn explained(&self) -> usize {
        self.count(|ending| matches!(ending, Ending::Explained { .. }))
    }

    pub fn unexplained(&self) -> usize {
        self.count(|ending| *ending == Ending::Unexplained)
    }

    /// Explained divergences that count against the cap.
    pub fn counted(&self) -> usize {
        self.count(|ending| matches!(ending, Ending::Explained { counts: true, .. }))
    }

    pub fn is_over_cap(&self) -> bool {
        self.counted() > self.cap
    }

    pub fn is_sound(&self) -> bool {
        self.unexplained() == 0 && !self.is_over_cap() && self.faults.is_empty()
    }
}

/// All suites of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub suites: Vec<SuiteReport>,
    pub absent: Vec<Family>,
    /// JSON files that no suite's name fits.
    pub ignored: Vec<String>,
}

impl Report {
    /// Whether nothing is unexplained, no suite is over its cap and there was something to run.
    pub fn is_sound(&self) -> bool {
        !self.suites.is_empty() && self.suites.iter().all(SuiteReport::is_sound)
    }

    /// The table, then what needs attention.
    pub fn for_people(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{:<34} {:>6} {:>11} {:>9} {:>11} {:>8}  cap",
            "suite", "cases", "as expected", "explained", "unexplained", "advisory"
        );
        for suite in &self.suites {
            let _ = writeln!(
                out,
                "{:<34} {:>6} {:>11} {:>9} {:>11} {:>8}  {} of {}{}",
                suite.name,
                suite.lines.len(),
                suite.as_expected(),
                suite.explained(),
                suite.unexplained(),
                suite.count(|ending| *ending == Ending::Advisory),
                suite.counted(),
                suite.cap,
                if suite.is_over_cap() { " EXCEEDED" } else { "" }
            );
        }
        for family in &self.absent {
            let _ = writeln!(out, "absent: {}", family.name());
        }
        for name in &self.ignored {
            let _ = writeln!(out, "no suite: {name}");
        }
        for suite in &self.suites {
            self.describe(&mut out, suite);
        }
        out
    }

    fn describe(&self, out: &mut String, suite: &SuiteReport) {
        for fault in &suite.faults {
            let _ = writeln!(out, "{}: {fault}", suite.name);
        }
        let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
        for line in &suite.lines {
            if let Ending::Explained { rule, .. } = line.ending {
                *rules.entry(rule).or_default() += 1;
            }
        }
        for (rule, count) in rules {
            let reason = super::divergences::reason(rule).unwrap_or_default();
            let _ = writeln!(out, "{}: {count} by rule {rule}: {reason}", suite.name);
        }
        for (ending, word) in [(Ending::Advisory, "advisory"), (Ending::Unexplained, "UNEXPLAINED")]
        {
            for line in suite.lines.iter().filter(|line| line.ending == ending) {
                let _ = writeln!(
                    out,
                    "{word} {} {}: expected {}, got {}",
                    suite.name, line.id, line.expected, line.got
                );
            }
        }
    }

    /// One JSON object a line: every case, then every suite, then the whole run.
    pub fn for_machines(&self) -> String {
        let mut out = String::new();
        for suite in &self.suites {
            for line in &suite.lines {
                let (ending, detail) = match line.ending {
                    Ending::AsExpected => ("as-expected", None),
                    Ending::Explained { rule, .. } => ("explained", Some(rule)),
                    Ending::Advisory => ("advisory", None),
                    Ending::Unexplained => ("unexplained", None),
                };
                let value = json!({
                    "suite": suite.name, "id": line.id, "expected": line.expected,
                    "got": line.got, "ending": ending, "because": detail,
                });
                let _ = writeln!(out, "{value}");
            }
        }
        for suite in &self.suites {
            let value = json!({
                "suite": suite.name, "cases": suite.lines.len(),
                "as_expected": suite.as_expected(), "explained": suite.explained(),
                "unexplained": suite.unexplained(),
                "advisory": suite.count(|ending| *ending == Ending::Advisory),
                "counted": suite.counted(), "cap": suite.cap, "faults": suite.faults,
                "sound": suite.is_sound(),
            });
            let _ = writeln!(out, "{value}");
        }
        let absent: Vec<Value> = self.absent.iter().map(|family| family.name().into()).collect();
        let value = json!({"absent": absent, "ignored": self.ignored, "sound": self.is_sound()});
        let _ = writeln!(out, "{value}");
        out
    }
}
