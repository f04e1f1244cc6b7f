//! The conformance suites: one runner, used by `tests/corpora.rs` and by `examples/corpora`.
//!
//! A suite is a file of public test cases, recognised by its name ([`Family`]); its README says what
//! the fields mean. Every case is put to the library as a user would put it, with the profile that
//! suite and namespace ask for, chosen before the run. The answer is compared with the expectation;
//! a difference is either explained by a rule in [`divergences`], which looks at the case's data and
//! never at its number, or it is unexplained. So files with other cases of the same suites run as
//! well. A case that this harness does not understand is unexplained, too: nothing is skipped.
//!
//! Users say `mod kit; mod suites;` (with `#[path]` where they stand elsewhere): the suite of name
//! constraints has its certificates written by the test kit.
#![allow(dead_code, unreachable_pub, reason = "each user takes the part it needs")]
#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "test code"
)]

pub mod boringssl;
pub mod divergences;
pub mod dsa;
pub mod engine;
pub mod evidence;
pub mod limbo;
pub mod load;
pub mod mutations;
pub mod names;
pub mod paths;
pub mod report;
pub mod spiffe;
pub mod status;
pub mod suffixes;
pub mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use load::{Blobs, Fields, Misread};
use report::{Ending, Line, Report, SuiteReport};
use suffixes::SuffixList;

macro_rules! families {
    ($($name:ident = $text:literal, $cap:expr, $judge:path;)*) => {
        /// A suite, by the beginning of its files' names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Family {
            $($name,)*
        }

        impl Family {
            pub const ALL: &'static [Family] = &[$(Family::$name),*];

            pub const fn name(self) -> &'static str {
                match self { $(Family::$name => $text,)* }
            }

            const fn cap(self) -> Cap {
                match self { $(Family::$name => $cap,)* }
            }

            fn judge(self, case: &Case<'_>) -> Result<Judgement, Misread> {
                match self { $(Family::$name => $judge(case),)* }
            }
        }
    };
}

families! {
    Limbo = "limbo", Cap::Nothing, limbo::judge;
    LimboExtra = "limbo-extra", Cap::Nothing, limbo::judge;
    LimboBetterTls = "limbo-bettertls", Cap::Nothing, limbo::judge;
    Pkits = "pkits", Cap::Nothing, paths::judge;
    PkitsP256 = "pkits-p256", Cap::Nothing, paths::judge;
    PkitsMlDsa44 = "pkits-mldsa44", Cap::Nothing, paths::judge;
    VerifyChain = "boringssl-verify-chain", Cap::Percent, boringssl::judge_chain;
    PathBuilder = "boringssl-path-builder", Cap::Percent, boringssl::judge_path_build;
    Names = "boringssl-names", Cap::Percent, names::judge;
    NameConstraints = "boringssl-name-constraints", Cap::Percent, names::judge;
    Crl = "boringssl-crl", Cap::Percent, status::judge;
    Ocsp = "boringssl-ocsp", Cap::Percent, status::judge;
    Signatures = "boringssl-signatures", Cap::Percent, values::judge;
    CertificatePolicies = "boringssl-certificate-policies", Cap::Percent, values::judge;
    RealWorld = "real-world", Cap::Percent, paths::judge;
    WebpkiCrl = "webpki-crl-parse", Cap::Percent, values::judge;
    SpiffeIds = "spiffe-id-cases", Cap::Nothing, spiffe::judge_id;
    SpiffeBundles = "bundle-cases", Cap::Nothing, spiffe::judge_bundle;
    SpiffeSvids = "svid-cases", Cap::Nothing, spiffe::judge_svid;
    Mutations = "mutations", Cap::Nothing, mutations::judge;
}

/// How many divergences may be explained away, besides those whose rule says that they do not
/// count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cap {
    Nothing,
    /// One in a hundred.
    Percent,
}

impl Family {
    /// The family of a file: its name is the family's, or goes on behind it with `.` or `-`. Files of
    /// one case a line are mutations, whatever their name.
    fn of(path: &Path) -> Option<Family> {
        let name = path.file_name()?.to_str()?;
        let name = name.strip_suffix(".gz").unwrap_or(name);
        if name.ends_with(".jsonl") {
            return Some(Family::Mutations);
        }
        let stem = name.strip_suffix(".json")?;
        if stem.ends_with(".meta") {
            return None;
        }
        let fits = |family: &&Family| {
            stem.strip_prefix(family.name())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
        };
        Family::ALL.iter().filter(fits).max_by_key(|family| family.name().len()).copied()
    }
}

/// One case of a suite, as a judge and a divergence rule see it.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub family: Family,
    pub fields: Fields<'a>,
    pub blobs: &'a Blobs,
    /// What the suite says of the case in a file of its own.
    pub meta: Option<Fields<'a>>,
    /// Which of several questions about one case; empty where there is one only.
    pub variant: &'static str,
    pub inputs: &'a Inputs,
}

/// What a user may give to a run besides the suites.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The public suffix list.
    pub public_suffixes: Option<Arc<SuffixList>>,
}

/// The answer to one case, compared with the expectation.
#[derive(Clone, Debug)]
pub struct Judgement {
    pub expected: String,
    pub got: String,
    pub agreement: Agreement,
}

/// Whether answer and expectation agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    Yes,
    No,
    /// They do not, and the suite's own authors do not run the case.
    Advisory,
}

impl Judgement {
    pub fn of(agrees: bool, expected: impl Into<String>, got: impl Into<String>) -> Self {
        let agreement = if agrees { Agreement::Yes } else { Agreement::No };
        Judgement { expected: expected.into(), got: got.into(), agreement }
    }
}

/// The answer to "accept?" that a suite expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Accept,
    Reject,
    /// Both are right.
    Either,
}

impl Expected {
    pub fn parse(text: &str) -> Result<Self, Misread> {
        match text {
            "accept" | "valid" | "SUCCESS" => Ok(Expected::Accept),
            "reject" | "invalid" | "FAILURE" => Ok(Expected::Reject),
            "either" => Ok(Expected::Either),
            _ => Err(Misread::new(format!("unknown expectation {text}"))),
        }
    }

    pub const fn allows(self, accepted: bool) -> bool {
        match self {
            Expected::Accept => accepted,
            Expected::Reject => !accepted,
            Expected::Either => true,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Expected::Accept => "accept",
            Expected::Reject => "reject",
            Expected::Either => "either",
        }
    }
}

/// Runs the suites found at `place`, a folder (looked at two levels deep) or one file; `only` names
/// one of them.
pub fn run(place: &Path, only: Option<&str>, inputs: &Inputs) -> Result<Report, Misread> {
    let mut report = Report::default();
    let is_known = |only: &str| Family::ALL.iter().any(|family| family.name() == only);
    if let Some(only) = only.filter(|only| !is_known(only)) {
        return Err(Misread::new(format!("no suite has the name {only}")));
    }
    let wanted = |family: Family| only.is_none_or(|only| family.name() == only);
    let mut files = Vec::new();
    collect(place, 2, &mut files)?;
    files.sort();
    for path in files {
        match Family::of(&path) {
            Some(family) if wanted(family) => report.suites.push(run_file(family, &path, inputs)?),
            Some(_) => {}
            None if path.to_string_lossy().contains(".meta.json") => {}
            None => report.ignored.push(path.display().to_string()),
        }
    }
    report.suites.sort_by(|a, b| (a.family, &a.name).cmp(&(b.family, &b.name)));
    let found = |family: &Family| report.suites.iter().any(|suite| suite.family == *family);
    report.absent = Family::ALL.iter().copied().filter(|f| wanted(*f) && !found(f)).collect();
    Ok(report)
}

/// All JSON files at `place`.
fn collect(place: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Misread> {
    if !place.is_dir() {
        files.push(place.to_owned());
        return Ok(());
    }
    let failed = |error: std::io::Error| Misread::new(format!("{}: {error}", place.display()));
    for entry in std::fs::read_dir(place).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if depth > 1 {
                collect(&path, depth - 1, files)?;
            }
        } else if name.contains(".json") {
            files.push(path);
        }
    }
    Ok(())
}

fn run_file(family: Family, path: &Path, inputs: &Inputs) -> Result<SuiteReport, Misread> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.split_once(".json").map_or(name, |(stem, _)| stem);
    let name = match stem.starts_with(family.name()) {
        true => stem.to_owned(),
        false => format!("{}/{stem}", family.name()),
    };
    let file = if path.to_string_lossy().contains(".jsonl") {
        lines_as_cases(path)?
    } else {
        load::read_json(path)?
    };
    let fields = Fields::of(&file)?;
    let blobs = Blobs::read(fields)?;
    let meta = match path.to_string_lossy().split_once(".json") {
        Some((stem, rest)) => {
            let beside = PathBuf::from(format!("{stem}.meta.json{rest}"));
            if beside.is_file() { Some(load::read_json(&beside)?) } else { None }
        }
        None => None,
    };
    let meta = meta.as_ref().map(|meta| Fields::of(meta)?.object("cases")).transpose()?;
    let key = if fields.list("testcases")?.is_empty() { "cases" } else { "testcases" };
    let mut suite = SuiteReport { name, family, lines: Vec::new(), cap: 0, faults: Vec::new() };
    let cases = fields.list(key)?;
    if cases.is_empty() {
        suite.faults.push("the file has no cases".into());
    }
    if let Some(count) = fields.maybe_count("count")?
        && usize::try_from(count).is_ok_and(|count| count != cases.len())
    {
        suite.faults.push(format!("the file says {count} cases and has {}", cases.len()));
    }
    let run = |value: &Value| -> Vec<Line> {
        let each = |&variant| run_case(family, value, &blobs, meta, variant, inputs);
        variants(family).iter().map(each).collect()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    suite.lines = std::thread::scope(|scope| {
        let parts: Vec<_> = cases
            .chunks(cases.len().div_ceil(threads).max(1))
            .map(|part| scope.spawn(move || part.iter().flat_map(run).collect::<Vec<Line>>()))
            .collect();
        let parts = parts.into_iter().map(|part| part.join());
        parts.collect::<Result<Vec<_>, _>>().map(|parts| parts.concat())
    })
    .map_err(|_| Misread::new("a thread of the runner panicked"))?;
    suite.cap = match family.cap() {
        Cap::Nothing => 0,
        Cap::Percent => suite.lines.len() / 100,
    };
    suite.faults.extend(divergences::both_sides(&suite, cases));
    Ok(suite)
}

/// A file of one case a line as the other files are: an object with a list of cases.
fn lines_as_cases(path: &Path) -> Result<Value, Misread> {
    let bytes = load::read_bytes(path)?;
    let text = String::from_utf8(bytes).map_err(Misread::new)?;
    let cases: Result<Vec<Value>, _> =
        text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect();
    Ok(serde_json::json!({ "cases": cases.map_err(Misread::new)? }))
}

/// The questions that a case of this family stands for.
const fn variants(family: Family) -> &'static [&'static str] {
    match family {
        Family::SpiffeSvids => spiffe::PROFILES,
        _ => &[""],
    }
}

fn run_case(
    family: Family,
    value: &Value,
    blobs: &Blobs,
    meta: Option<Fields<'_>>,
    variant: &'static str,
    inputs: &Inputs,
) -> Line {
    let misread = |id: &str, misread: &Misread| Line {
        id: id.to_owned(),
        expected: "a case of the schema".into(),
        got: misread.to_string(),
        ending: Ending::Unexplained,
    };
    let read = Fields::of(value).and_then(|fields| Ok((fields, fields.text("id")?)));
    let (fields, id) = match read {
        Ok(read) => read,
        Err(error) => return misread("?", &error),
    };
    let named = if variant.is_empty() { id.to_owned() } else { format!("{id} ({variant})") };
    let meta = match meta.map(|meta| meta.maybe_object(id)).transpose() {
        Ok(meta) => meta.flatten(),
        Err(error) => return misread(&named, &error),
    };
    let case = Case { family, fields, blobs, meta, variant, inputs };
    // No input may make the library panic; one that does is named like any other wrong answer.
    let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| family.judge(&case)));
    match judged.unwrap_or_else(|_| Err(Misread::new("panicked"))) {
        Ok(judgement) => {
            let (ending, note) = divergences::weigh(&case, judgement.agreement);
            Line { id: named, expected: judgement.expected, got: judgement.got + note, ending }
        }
        Err(error) => misread(&named, &error),
    }
}
