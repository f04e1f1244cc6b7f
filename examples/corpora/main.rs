//! Runs conformance suites and says which answers differ from what they expect.
//!
//! ```text
//! cargo run --release --example corpora -- [FOLDER] [--suite NAME] [--public-suffixes FILE] [--json]
//! ```
//!
//! `FOLDER` holds suite files, recognised by their names, or is one such file; the table names each.
//! Without it, it is the one that `BONAFIDE_CORPORA` names, or `../shared/corpora`.
//! `--suite` runs one. `--public-suffixes` takes the list of publicsuffix.org, which some
//! cases need. Exit status: 0 if all answers are as expected or explained by a rule within the caps,
//! 1 if not, 2 if the suites cannot be read.

#[path = "../../tests/kit/mod.rs"]
mod kit;
#[path = "../../tests/suites/mod.rs"]
mod suites;

use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Default)]
struct Options {
    folder: Option<PathBuf>,
    suite: Option<String>,
    inputs: suites::Inputs,
    json: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--suite" => options.suite = Some(next()?),
            "--json" => options.json = true,
            "--public-suffixes" => {
                let file = next()?;
                let text = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
                let list = suites::suffixes::SuffixList::parse(&text);
                options.inputs.public_suffixes = Some(list.into());
            }
            word if word.starts_with('-') => return Err(format!("unknown option {word}")),
            word if options.folder.is_none() => options.folder = Some(word.into()),
            word => return Err(format!("one folder only, not also {word}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let run = || {
        let options = options()?;
        let folder = options.folder.unwrap_or_else(|| {
            std::env::var_os("BONAFIDE_CORPORA")
                .map_or_else(|| PathBuf::from("../shared/corpora"), PathBuf::from)
        });
        if !folder.exists() {
            return Err(format!(
                "{} is not there: name the folder of the suites, or set BONAFIDE_CORPORA",
                folder.display()
            ));
        }
        let report = suites::run(&folder, options.suite.as_deref(), &options.inputs)
            .map_err(|error| error.to_string())?;
        Ok::<_, String>((report, options.json))
    };
    match run() {
        Ok((report, json)) => {
            print!("{}", if json { report.for_machines() } else { report.for_people() });
            if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            eprintln!("corpora: {error}");
            ExitCode::from(2)
        }
    }
}
