//! Each program tells its story: it ends well, in time, and says what is decisive.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// More than any program gives itself.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a program and returns what it prints.
fn told(program: &str) -> String {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    // What a story prints fits into the pipe.
    let ended = loop {
        match child.try_wait().unwrap() {
            Some(_) => break true,
            None if begun.elapsed() > LIMIT => break false,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    if !ended {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let (story, complaint) = (text(&output.stdout), text(&output.stderr));
    assert!(ended, "{program} did not end within {LIMIT:?}:\n{story}");
    assert!(output.status.success(), "{program} failed: {complaint}\nafter\n{story}");
    story
}

/// Asserts that the lines occur in the story, in this order.
fn assert_told(story: &str, lines: &[&str]) {
    let mut rest = story.lines();
    for line in lines {
        assert!(rest.any(|told| told.contains(line)), "not told, or too early: {line}\n{story}");
    }
}
