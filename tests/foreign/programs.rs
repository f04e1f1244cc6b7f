//! Programs of others: started, listened to line by line, bounded in time, ended by their id.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How long anything may take: a program that says nothing for so long is ended.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Whether a program is there. Without it a test is passed over, unless `CI` is `true`.
pub fn is_there(program: &str, arguments: &[&str]) -> bool {
    let found = Command::new(program).args(arguments).output().is_ok_and(|o| o.status.success());
    if !found {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "CI=true and there is no {program} program");
        eprintln!("skipped: there is no {program} program, so nothing was tested with it");
    }
    found
}

/// A running program.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    said: String,
    name: String,
}

impl Program {
    pub fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        listen(child.stdout.take().unwrap(), sender.clone());
        listen(child.stderr.take().unwrap(), sender);
        Self { child, lines, said: String::new(), name }
    }

    /// The next line with this text in it.
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said.push_str(&line);
                    if line.contains(text) {
                        return line.trim_end().to_owned();
                    }
                }
                Err(_) => panic!("{}: no {text:?} in\n{}", self.name, self.said),
            }
        }
    }

    /// Writes a line to the program.
    pub fn tell(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
        stdin.flush().unwrap();
    }

    /// Everything that it said, when it is over.
    pub fn finish(mut self) -> String {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{}: not over after\n{}", self.name, self.said)
                }
            }
        }
        std::mem::take(&mut self.said)
    }
}

impl Drop for Program {
    /// Ends this program and no other.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(pipe: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|octets| octets > 0) {
            if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
            line.clear();
        }
    });
}

/// Alerts: number, and the words that OpenSSL has for it in all its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert(pub u8, pub &'static str);

pub const BAD_CERTIFICATE: Alert = Alert(42, "bad certificate");
pub const UNSUPPORTED_CERTIFICATE: Alert = Alert(43, "unsupported certificate");
pub const CERTIFICATE_REVOKED: Alert = Alert(44, "certificate revoked");
pub const CERTIFICATE_EXPIRED: Alert = Alert(45, "certificate expired");
pub const CERTIFICATE_UNKNOWN: Alert = Alert(46, "certificate unknown");
pub const UNKNOWN_CA: Alert = Alert(48, "unknown ca");
pub const ACCESS_DENIED: Alert = Alert(49, "access denied");
pub const DECRYPT_ERROR: Alert = Alert(51, "decrypt error");
pub const BAD_STATUS_RESPONSE: Alert = Alert(113, "bad certificate status response");
pub const CERTIFICATE_REQUIRED: Alert = Alert(116, "certificate required");

/// What a foreign peer says of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    New,
    Reused,
    Alert(u8),
    Nothing,
}

/// What `openssl s_client` prints. A client of TLS 1.3 is told of its certificate after it thinks the
/// handshake over, so that an alert weighs more.
pub fn told_by_openssl(said: &str) -> Told {
    if let Some((_, rest)) = said.split_once("SSL alert number ") {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        return Told::Alert(digits.parse().unwrap());
    }
    let begins = |word: &str| said.lines().any(|line| line.starts_with(word));
    match (begins("New, TLS"), begins("Reused, TLS")) {
        (true, false) => Told::New,
        (false, true) => Told::Reused,
        _ => Told::Nothing,
    }
}

/// Whether curl ("TLS alert, unknown CA") or Python ("TLSV1_ALERT_UNKNOWN_CA") names this alert.
pub fn names(said: &str, alert: Alert) -> bool {
    let said = said.to_ascii_lowercase().replace('_', " ").replace(',', "");
    said.contains(&format!("alert {}", alert.1))
}
