//! Decides whether peers may be treated as whom they claim to be, and says why.
//!
//! Without arguments: makes a small estate in memory and shows five peers decided, two of them
//! refused. With arguments: decides real files.
//!
//! ```text
//! decide --anchors A.pem --chain C.pem [--time RFC3339] [--profile P]
//!        [--purpose serverAuth|clientAuth|any|OID]
//!        [--name dns:… | ip:… | email:… | uri:… | spiffe://…]… [--json]
//! ```
//!
//! Both files are PEM or DER; the chain has the peer's own certificate first and others in any
//! order. The time is that of the system clock unless given. The profile is `tls_server` unless
//! given, the purpose that of the profile. Every `--name` must be a name of the peer; without one
//! any identity will do. `--json` prints the audit record (feature `serde`).
//!
//! Exit status: 0 accepted, 1 rejected, 2 unusable input.

mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use bonafide::decision::Decision;
use bonafide::policy::ValidationPolicy;
use bonafide::signature::RingBackend;
use bonafide::trust::{TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use support::arguments::{Arguments, Command};
use support::unusable::Unusable;
use support::{estate, files};

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let answer = match Command::parse(arguments) {
        Ok(Command::Demonstrate) => Ok(demonstrate()),
        Ok(Command::Help) => {
            println!("{}", support::arguments::USAGE);
            Ok(ExitCode::SUCCESS)
        }
        Ok(Command::Decide(arguments)) => decide(&arguments),
        Err(error) => Err(error),
    };
    answer.unwrap_or_else(|error| {
        eprintln!("{}", error.report());
        ExitCode::from(2)
    })
}

/// Shows the peers of the estate; fails where one is not decided as it should be.
fn demonstrate() -> ExitCode {
    let mut as_expected = true;
    for (number, peer) in estate::peers().iter().enumerate() {
        let decision = peer.decide();
        println!("{}. {}\n", number + 1, peer.story);
        for line in decision.explain().to_string().lines() {
            println!("   {line}");
        }
        println!();
        as_expected &= decision.code() == peer.code;
    }
    if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Decides real files.
fn decide(arguments: &Arguments) -> Result<ExitCode, Unusable> {
    let anchors = files::anchors(&arguments.anchors)?;
    let chain = files::chain(&arguments.chain)?;
    let (leaf, others) = chain.split_first().ok_or(Unusable::NoCertificate)?;
    let mut policy = ValidationPolicy::of(arguments.profile);
    if let Some(purpose) = &arguments.purpose {
        policy = policy.with_purpose(purpose.clone());
    }
    let verifier = Verifier::new(
        Arc::new(TrustStore::dangerously_unscoped(TrustBundle::new(anchors))),
        Arc::new(policy),
        Arc::new(RingBackend::NEW),
    );
    let expect = match arguments.names.as_slice() {
        [] => Expect::dangerously_any_identity(),
        names => Expect::all_names(names),
    };
    let now = arguments.time.unwrap_or_else(system_time);
    let decision = verifier.decide(&Request::new(leaf, others, expect), now);
    print(&decision, arguments.json)?;
    Ok(if decision.is_accepted() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

#[cfg(feature = "serde")]
fn print(decision: &Decision, json: bool) -> Result<(), Unusable> {
    if json {
        println!("{}", bonafide::audit::AuditRecord::of(decision).to_json());
    } else {
        print!("{}", decision.explain());
    }
    Ok(())
}

#[cfg(not(feature = "serde"))]
fn print(decision: &Decision, json: bool) -> Result<(), Unusable> {
    if json {
        return Err(Unusable::WithoutSerde);
    }
    print!("{}", decision.explain());
    Ok(())
}

/// The library reads no clock; a program does, once.
fn system_time() -> Time {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since_1970.map_or(0, |duration| duration.as_secs());
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}
