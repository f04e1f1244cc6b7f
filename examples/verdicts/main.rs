//! Speaks the verdict protocol of the mutation suite: one case a line on standard input, one verdict
//! a line on standard output, in order.
//!
//! ```text
//! cargo run --release --example verdicts < cases.jsonl
//! ```

#[path = "../../tests/kit/mod.rs"]
mod kit;
#[path = "../../tests/suites/mod.rs"]
mod suites;

use std::io::{self, BufRead as _, Write as _};

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        if !line.trim().is_empty() {
            writeln!(out, "{}", suites::mutations::verdict(&line))?;
            out.flush()?;
        }
    }
    Ok(())
}
