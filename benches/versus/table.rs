//! The table: rows that somebody asked for, measured and printed.

use std::time::Duration;

use crate::harness::{Contender, race};

/// How long a contender runs before the next one does: a fraction of the time that the operating system
/// gives a program, so that where others run, too, most slices are whole and the medians tell.
const SLICE: Duration = Duration::from_micros(400);
/// Slices of each contender.
const ROUNDS: usize = 1_001;

/// What a row must not pass.
#[derive(Clone, Copy)]
pub enum Bar {
    AtMost(f64),
    AtLeast(f64),
}

/// One line of the table.
struct Row {
    id: String,
    what: String,
    bar: Option<Bar>,
    value: f64,
    detail: String,
}

/// A row to be: the median of one contender, divided by that of another.
pub struct Ratio {
    id: String,
    what: String,
    bar: Option<Bar>,
    of: &'static str,
    to: &'static str,
}

impl Ratio {
    /// A row without a bar.
    pub fn new(
        id: impl Into<String>,
        what: impl Into<String>,
        of: &'static str,
        to: &'static str,
    ) -> Self {
        Self { id: id.into(), what: what.into(), bar: None, of, to }
    }

    pub fn at_most(self, bar: f64) -> Self {
        Self { bar: Some(Bar::AtMost(bar)), ..self }
    }
}

/// What was asked for on the command line, and what was found.
pub struct Table {
    rows: Vec<Row>,
    json: bool,
    all: bool,
    word: Option<String>,
    /// Instead of measuring: the contender that runs, and how often.
    repeat: Option<(String, u32)>,
}

impl Table {
    /// `[WORD] [--json] [--all]`, or `ID CONTENDER COUNT`.
    pub fn of_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let given = |flag: &str| arguments.iter().any(|argument| argument == flag);
        let words: Vec<&String> = arguments.iter().filter(|a| !a.starts_with("--")).collect();
        let repeat = match words[..] {
            [_, name, count] => Some((name.clone(), count.parse().expect("a count"))),
            _ => None,
        };
        Self {
            rows: Vec::new(),
            json: given("--json"),
            all: given("--all"),
            word: words.first().map(|word| (*word).clone()),
            repeat,
        }
    }

    /// Whether a row of this name was asked for; `barred` says whether it has a bar.
    pub fn wants(&self, id: &str, barred: bool) -> bool {
        match &self.word {
            Some(word) if self.repeat.is_some() => id == word,
            Some(word) => id.contains(word.as_str()),
            None => barred || self.all || !self.json,
        }
    }

    pub fn wants_any(&self, rows: &[Ratio]) -> bool {
        rows.iter().any(|row| self.wants(&row.id, row.bar.is_some()))
    }

    /// Races the contenders that the wanted rows name.
    pub fn race(&mut self, mut rows: Vec<Ratio>, mut contenders: Vec<Contender<'_>>) {
        rows.retain(|row| self.wants(&row.id, row.bar.is_some()));
        if let Some((name, count)) = &self.repeat {
            let wanted =
                |contender: &&mut Contender<'_>| !rows.is_empty() && contender.name == name;
            for contender in contenders.iter_mut().filter(wanted) {
                (0..*count).for_each(|_| (contender.run)());
            }
            return;
        }
        contenders.retain(|c| rows.iter().any(|row| row.of == c.name || row.to == c.name));
        let samples = race(&mut contenders, ROUNDS, SLICE);
        let place = |name: &str| {
            let place = contenders.iter().position(|contender| contender.name == name);
            place.expect("a row names its contenders")
        };
        for Ratio { id, what, bar, of, to } in rows {
            let (one, other) = (place(of), place(to));
            let micros = |place| samples.median(place) / 1e3;
            let detail = format!("{of} {:.3} µs, {to} {:.3} µs", micros(one), micros(other));
            self.rows.push(Row { id, what, bar, value: samples.ratio(one, other), detail });
        }
    }

    /// Adds a row that is no race, where it is wanted.
    pub fn measure<F: Into<Found>>(
        &mut self,
        id: &str,
        what: &str,
        bar: Option<Bar>,
        find: impl FnOnce() -> F,
    ) {
        if self.repeat.is_none() && self.wants(id, bar.is_some()) {
            let Found { value, detail } = find().into();
            self.rows.push(Row { id: id.to_owned(), what: what.to_owned(), bar, value, detail });
        }
    }

    /// Those with bars first.
    pub fn print(&mut self) {
        self.rows.sort_by_key(|row| row.bar.is_none());
        for row in &self.rows {
            if self.json {
                println!("{{\"id\":\"{}\",\"value\":{:.4}}}", row.id, row.value);
            } else {
                println!("{row}");
            }
        }
    }
}

/// What was measured, and what is said about it.
pub struct Found {
    value: f64,
    detail: String,
}

impl From<f64> for Found {
    fn from(value: f64) -> Self {
        Self { value, detail: String::new() }
    }
}

impl From<(f64, String)> for Found {
    fn from((value, detail): (f64, String)) -> Self {
        Self { value, detail }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (bar, met) = match self.bar {
            Some(Bar::AtMost(bar)) => (format!("at most {bar}"), self.value <= bar),
            Some(Bar::AtLeast(bar)) => (format!("at least {bar}"), self.value >= bar),
            None => ("-".to_owned(), true),
        };
        let met = match (self.bar, met) {
            (None, _) => "",
            (_, true) => "met",
            (_, false) => "missed",
        };
        let Self { id, what, value, detail, .. } = self;
        let value = if *value < 100.0 { format!("{value:.4}") } else { format!("{value:.0}") };
        write!(f, "{id:<22} {value:>8}  {bar:<13} {met:<6}  {what}")?;
        if detail.is_empty() { Ok(()) } else { write!(f, " [{detail}]") }
    }
}
