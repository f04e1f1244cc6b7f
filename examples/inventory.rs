//! Decides about very many certificates and counts: by cause, by issuer, by month of expiry.
//!
//! ```text
//! inventory                                             a made-up estate of 1,000 certificates
//! inventory ANCHORS INTERMEDIATES FILE…                 real files, each PEM or DER
//! ```
//!
//! Of each `FILE` the first certificate is decided about, as a server's, and the others count as
//! presented with it. `INTERMEDIATES` serve all files. Files are read one at a time while others are
//! decided; one that cannot be read is told on standard error and counts as a certificate that cannot
//! be. Exit status with files: 0 all accepted, 1 some rejected, 2 unusable input.

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::error::Error;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use bonafide::batch::{Batch, IntermediatePool, Item, Summary};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{RingBackend, SharedMemo};
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Verifier};
use bonafide::x509::{Time, certificates_from_pem_or_der};
use kit::{Authority, GeneralName, Key, Kind, NOW, Name};
use rustls_pki_types::CertificateDer;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let summary = match arguments.as_slice() {
        [] => demonstrate(),
        [anchors, intermediates, files @ ..] if !files.is_empty() => {
            decide_files(anchors, intermediates, files)
        }
        _ => Err("usage: inventory [ANCHORS INTERMEDIATES FILE…]".into()),
    };
    match summary {
        Ok(summary) => {
            print!("{summary}");
            let all = summary.causes().all(|(code, _)| code == "accepted");
            ExitCode::from(u8::from(!all && !arguments.is_empty()))
        }
        Err(error) => {
            eprintln!("unusable input: {error}");
            ExitCode::from(2)
        }
    }
}

/// Decides items; keys are what to call them. A line for each rejection, and how far it is.
fn decide(
    anchors: &[CertificateDer<'_>],
    pool: &IntermediatePool,
    items: impl IntoIterator<Item = Item<String>>,
    now: Time,
) -> Result<Summary, Box<dyn Error>> {
    let anchors: Result<Vec<_>, _> = anchors.iter().map(|der| TrustAnchor::from_der(der)).collect();
    let trust = TrustStore::dangerously_unscoped(TrustBundle::new(anchors?));
    let verifier = Verifier::new(
        trust.into(),
        ValidationPolicy::tls_server().into(),
        Arc::new(RingBackend::NEW),
    )
    .with_memo(Arc::new(SharedMemo::with_capacity(65_536)));
    let batch = Batch::new(&verifier, pool, Expect::dangerously_any_identity(), now);
    Ok(batch.run(items, |answer, progress| {
        if let Some(rejection) = answer.decision.rejection() {
            eprintln!("{}: {rejection}", answer.key);
        }
        if progress.done % 10_000 == 0 {
            eprintln!("{} decided, {} accepted", progress.done, progress.accepted);
        }
        ControlFlow::Continue(())
    }))
}

fn decide_files(
    anchors: &str,
    intermediates: &str,
    files: &[String],
) -> Result<Summary, Box<dyn Error>> {
    let pool = IntermediatePool::new(read(intermediates)?);
    let items = files.iter().map(|file| {
        let mut chain =
            read(file).inspect_err(|error| eprintln!("{error}")).unwrap_or_default().into_iter();
        let end_entity = chain.next().unwrap_or_else(|| CertificateDer::from(Vec::new()));
        Item::new(file.clone(), end_entity).with_intermediates(chain)
    });
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let now = Time::from_unix(i64::try_from(since_1970.as_secs())?);
    decide(&read(anchors)?, &pool, items, now)
}

fn read(file: &str) -> Result<Vec<CertificateDer<'static>>, Box<dyn Error>> {
    let input = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    Ok(certificates_from_pem_or_der(&input).map_err(|error| format!("{file}: {error}"))?)
}

/// Two issuers, one of which is renewed too late; devices that never were renewed.
fn demonstrate() -> Result<Summary, Box<dyn Error>> {
    const DAY: i64 = 86_400;
    let key = |number| Key::new(Kind::Ed25519, number);
    let root = Authority::root(&Name::cn("Example Root"), &key(1));
    let web = root.intermediate(&Name::cn("Example Web CA"), &key(2), |builder| builder);
    let devices = root.intermediate(&Name::cn("Example Device CA"), &key(3), |builder| {
        builder.validity(NOW - 3_000 * DAY, NOW + 60 * DAY)
    });
    let issuers = [&web, &devices].map(|ca| CertificateDer::from(ca.certificate.clone()));
    let items = (0..1_000_i64).map(|number| {
        let (issuer, ends) = match number % 10 {
            0..7 => (&web, NOW + (number % 90) * DAY),
            7 | 8 => (&devices, NOW + (number % 200) * DAY),
            _ => (&devices, NOW - DAY),
        };
        let host = format!("n{number}.example.test");
        let names = [GeneralName::dns(&host)];
        let leaf = issuer.leaf(&Name::cn(&host), &key(10), &names, |builder| {
            builder.validity(NOW - 300 * DAY, ends)
        });
        Item::new(host, CertificateDer::from(leaf))
    });
    let root = CertificateDer::from(root.certificate);
    decide(&[root], &IntermediatePool::new(issuers), items, Time::from_unix(NOW))
}
