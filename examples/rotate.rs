//! A day in the life of a workload's credential: renewed, refused, tainted, nearly lost, recovered.
//!
//! ```sh
//! cargo run --example rotate
//! ```
//!
//! The clock is simulated, the certificates and keys are real. A host of one's own replaces three
//! things: the clock, `Issuer::issue` (a Workload API, ACME, files on a disk), and the loop's jump to
//! the next instant (a timer).

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::sync::Arc;

use bonafide::credential::{
    Action, Credential, CredentialChecks, CredentialError, CredentialEvent, CredentialHandle,
    EventQueue, RenewalPolicy, RotationEvent, RotationSchedule, Selection, SoftwareKey, Step,
    Update,
};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::default_backend;
use bonafide::x509::Time;
use kit::{Estate, GeneralName, Key, Kind, NOW, Name};
use rustls_pki_types::CertificateDer;

const ID: &str = "spiffe://example.org/db";
const HOUR: i64 = 3_600;

fn main() {
    let start = Time::from_unix(NOW);
    let mut host = Host {
        handle: CredentialHandle::default(),
        events: Arc::new(EventQueue::with_capacity(64)),
        schedule: RotationSchedule::without_credential(RenewalPolicy::DEFAULT, ID),
        issuer: Issuer { estate: Estate::new(), issued: 0 },
        disk: Vec::new(),
        fault: Fault::None,
        now: start,
        next: start,
    };
    let _ = host.handle.subscribe(&host.events);

    say(start, "·", "the workload starts and has no credential yet");
    host.run_until(start.saturating_add(HOUR));

    say(host.now, "·", "a handshake takes the credential and holds it for a while");
    let held = host.handle.choose(Selection::ANY, host.now);

    say(host.now, "·", "the disk hands out the new certificate with the old key");
    host.fault = Fault::TornPair;
    host.run_until(host.schedule.due().saturating_add(30));
    host.fault = Fault::None;
    host.run_until(host.now.saturating_add(60));

    say(host.now, "·", "the handshake is over");
    drop(held);
    host.tell();

    say(host.now, "·", "the disk is restored from a backup");
    host.fault = Fault::Backup;
    host.run_until(host.schedule.due().saturating_add(30));
    host.fault = Fault::None;
    host.run_until(host.now.saturating_add(60));

    say(host.now, "·", "the authority is tainted");
    let step = host.schedule.on_tainted(host.now);
    host.follow(&step);
    host.run_until(host.now.saturating_add(60));

    say(host.now, "·", "the issuer is down, for longer than a life");
    host.fault = Fault::Down;
    host.run_until(host.schedule.due().saturating_add(HOUR * 3 / 5));
    let presented = host.handle.choose(Selection::ANY, host.now);
    say(host.now, "·", if presented.is_some() { "still presenting" } else { "presenting nothing" });

    say(host.now, "·", "the issuer is back");
    host.fault = Fault::None;
    host.run_until(host.now.saturating_add(HOUR / 4));

    say(host.now, "·", "the clock jumps a day ahead, and back a minute later");
    let right = host.now;
    host.now = right.saturating_add(24 * HOUR);
    host.fault = Fault::Down;
    host.wake();
    host.now = right.saturating_add(60);
    host.fault = Fault::None;
    host.wake();
    host.run_until(right.saturating_add(HOUR / 2));

    say(host.now, "·", "the source takes the credential away");
    if let Some(credential) = host.handle.choose(Selection::ANY, host.now) {
        let withdrawn = host.handle.publish(Update::withdraw(credential), host.now);
        let step = host.schedule.on_withdrawn(host.now);
        host.follow(&step);
        host.tell();
        if let Err(error) = withdrawn {
            say(host.now, "!", &error.to_string());
        }
    }
}

/// What goes wrong at the moment.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Down,
    TornPair,
    Backup,
}

/// A CA that issues for an hour.
struct Issuer {
    estate: Estate,
    issued: u64,
}

impl Issuer {
    fn issue(&mut self, now: Time) -> (Vec<Vec<u8>>, Key) {
        self.issued += 1;
        let key = Key::new(Kind::Ed25519, self.issued);
        let names = [GeneralName::uri(ID)];
        let leaf = self.estate.intermediate.leaf(&Name::cn("db"), &key, &names, |builder| {
            builder.validity(now.unix() - 10, now.unix() + HOUR)
        });
        (vec![leaf, self.estate.intermediate.certificate.clone()], key)
    }
}

struct Host {
    handle: CredentialHandle,
    events: Arc<EventQueue>,
    schedule: RotationSchedule,
    issuer: Issuer,
    /// The certificates and keys that were written to the disk, the last one last.
    disk: Vec<(Vec<Vec<u8>>, Key)>,
    fault: Fault,
    now: Time,
    next: Time,
}

impl Host {
    fn run_until(&mut self, end: Time) {
        while self.next <= end {
            self.now = self.next;
            self.wake();
        }
        self.now = end;
    }

    fn wake(&mut self) {
        let step = self.schedule.on_time(self.now);
        self.follow(&step);
    }

    /// Does what the schedule says.
    fn follow(&mut self, step: &Step) {
        let mut renew = false;
        for event in &step.events {
            say(self.now, "=", &describe(event));
        }
        for action in &step.actions {
            match action {
                Action::Renew { urgency, .. } => {
                    say(self.now, ">", &format!("renew ({urgency:?})"));
                    renew = true;
                }
                // Told with the failure already.
                Action::RetryAt(_) => {}
                Action::Warn { state, valid_until, failures, .. } => {
                    let text = format!("warn: {state}, ends {valid_until}, {failures} failures");
                    say(self.now, ">", &text);
                }
                other => say(self.now, ">", &format!("{other:?}")),
            }
        }
        self.next = step.next.unwrap_or(Time::MAX);
        if renew {
            let step = match self.renew() {
                Ok(Some((issued_at, valid_until))) => {
                    self.schedule.on_renewed(self.now, issued_at, valid_until)
                }
                Ok(None) => self.schedule.on_failure(self.now, "issuer.unreachable"),
                Err(error) => self.schedule.on_failure(self.now, error.code()),
            };
            self.tell();
            self.follow(&step);
        }
    }

    /// Asks the issuer and publishes what it gives; nothing where it gives nothing.
    fn renew(&mut self) -> Result<Option<(Time, Time)>, Arc<CredentialError>> {
        if self.fault == Fault::Down {
            return Ok(None);
        }
        let (mut chain, mut key) = self.issuer.issue(self.now);
        match self.fault {
            Fault::TornPair => key = Key::new(Kind::Ed25519, self.issuer.issued - 1),
            Fault::Backup => {
                let before_last = self.disk.iter().rev().nth(1).cloned();
                (chain, key) = before_last.unwrap_or((chain, key));
            }
            _ => self.disk.push((chain.clone(), key.clone())),
        }
        let now = self.now;
        self.handle.publish_with(now, |_| Ok(Update::install(credential(&chain, &key, now)?)))?;
        let set = self.handle.snapshot();
        Ok(set.iter().next().map(|current| (current.issued_at(), current.valid_until())))
    }

    /// Prints the events of the handle.
    fn tell(&self) {
        let _ = self.handle.draining();
        while let Some(event) = self.events.pop() {
            let text = match &event {
                CredentialEvent::Installed { generation, valid_until, .. } => {
                    format!("{}: generation {generation}, ends {valid_until}", event.name())
                }
                CredentialEvent::Failed { generation, error, .. } => {
                    format!("{}: {error}; generation {generation} stays", event.name())
                }
                CredentialEvent::Drained { generation, .. } => {
                    format!("{}: generation {generation}, its key is gone", event.name())
                }
                other => other.name().to_owned(),
            };
            say(self.now, "*", &text);
        }
    }
}

/// A chain and a key become a credential only together, and only if peers will accept them.
fn credential(chain: &[Vec<u8>], key: &Key, now: Time) -> Result<Credential, CredentialError> {
    let policy = ValidationPolicy::tls_server();
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    // A key of the kit always reads back.
    let key = key.pkcs8().and_then(|der| SoftwareKey::from_der(&der).ok());
    let key = key.ok_or(CredentialError::NoAlgorithm)?;
    CredentialChecks::new(&policy, default_backend(), now).check(&chain, Arc::new(key))
}

fn describe(event: &RotationEvent) -> String {
    match event {
        RotationEvent::Transition { from, to, .. } => format!("{from} → {to}"),
        RotationEvent::AttemptFailed { attempt, code, retry_at, .. } => {
            format!("attempt {attempt} failed ({code}), next at {retry_at}")
        }
        RotationEvent::Renewed { valid_until, .. } => format!("renewed until {valid_until}"),
        RotationEvent::ClockBack { seconds, .. } => format!("the clock went back {seconds} s"),
        RotationEvent::Late { seconds, .. } => format!("called {seconds} s late"),
        other => format!("{other:?}"),
    }
}

/// `·` the story, `=` the schedule, `>` what it wants done, `*` the handle.
fn say(now: Time, who: &str, text: &str) {
    println!("{now} {who} {text}");
}
