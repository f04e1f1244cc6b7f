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

#[test]
fn mtls() {
    let story = told(env!("CARGO_BIN_EXE_mtls"));
    assert_told(
        &story,
        &[
            "web | hello spiffe://example.org/web of example.org",
            "billing | hello spiffe://partner.test/billing of partner.test",
            // The server's reasons, and what the client is told of them.
            "orders | refuses a client",
            "leads from the issuer O=partner.test with key id ",
            "forger | is told: received fatal alert: UnknownCA",
            // The client's reasons.
            "web | refuses a server",
            "spiffe://example.org/payments does not hold: the peer is spiffe://",
            "web | resumes: hello spiffe://example.org/web of example.org",
            "orders | trusts both authorities: 0 sessions affected",
            "of example.org removed: ",
            "times meanwhile, and never failed",
            "billing | still here: spiffe://partner.test/billing of partner.test",
            "orders | denies billing",
            "orders | spiffe://partner.test/billing: Close (tightened.deny-rule)",
            "rejected: certificate 0: revoked (revocation.revoked)",
            "billing | is told: received fatal alert: CertificateRevoked",
        ],
    );
    // The server's side of the client's refusal, whenever it comes.
    assert_told(&story, &["orders | handshake failed: received fatal alert: AccessDenied"]);
    assert_told(
        &story,
        &["orders | spiffe://example.org/web: AskAgain (tightened.anchor-removed)"],
    );
}

#[test]
fn axum() {
    assert_told(
        &told(env!("CARGO_BIN_EXE_axum")),
        &[
            "web | 200 OK: spiffe://example.org/web, decided under publication 1",
            "batch | 200 OK: spiffe://example.org/batch, decided under publication 1",
            "web | spiffe://example.org/web, decided under publication 1",
            "web | 200 OK: spiffe://example.org/web, decided under publication 3",
            "web | 401 Unauthorized: refused when asked again: certificate 0: revoked",
            "batch | 200 OK: spiffe://example.org/batch, decided under publication 4",
        ],
    );
}

#[test]
fn tonic() {
    assert_told(
        &told(env!("CARGO_BIN_EXE_tonic")),
        &[
            "client | receipt 1 for spiffe://example.org/web",
            "client | receipt 2 for spiffe://partner.test/billing",
            "billing | Unauthenticated: refused when asked again: certificate 0: revoked",
            "web | receipt 3 for spiffe://example.org/web",
            "orders | refuses a client",
            "(trust.no-route)",
            "forger | cannot connect: ",
        ],
    );
}

#[test]
fn quinn() {
    assert_told(
        &told(env!("CARGO_BIN_EXE_quinn")),
        &[
            "web | is called spiffe://example.org/web",
            "web | connects again, without early data",
            "leads from the issuer O=stranger.test with key id ",
            "stranger | is told: the cryptographic handshake failed: error 48",
            "orders | spiffe://example.org/web: Close (tightened.deny-rule)",
            "web | is disconnected: closed by peer: tightened.deny-rule (code 1)",
        ],
    );
}

#[test]
fn pool() {
    assert_told(
        &told(env!("CARGO_BIN_EXE_pool")),
        &[
            "three requests at once: 3 opened so far, 3 idle",
            "three more: 3 opened so far, 3 idle",
            "which concerns none of them: 3 opened so far, 3 idle",
            "pool | retires a connection: CloseBy(",
            "the credential is renewed, while one is busy: 3 opened so far, 0 idle",
            "that one has its answer: 3 opened so far, 0 idle",
            "three requests at once: 6 opened so far, 3 idle",
            "pool | retires a connection: AskAgain (tightened.domain-removed)",
            "partner.test is trusted no longer: 6 opened so far, 2 idle",
            "web | does not connect to billing: invalid peer certificate: UnknownIssuer",
            "a request to each: 6 opened so far, 2 idle",
        ],
    );
}
