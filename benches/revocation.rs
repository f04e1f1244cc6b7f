//! Revocation at scale: what a large list costs to take in, to hold and to ask.
//!
//! `cargo bench --all-features --bench revocation` prints one line a bar: what was measured, the bar, and whether
//! it is met. Times are ratios within one run, taken in turns, medians; only the ratios mean
//! anything elsewhere. The list has 1,000,000 entries with random serial numbers of 16 octets, half
//! of them with a reason, signed with ECDSA P-256 and SHA-256, and verified with `aws-lc-rs`, which
//! takes the digest that was made while the list was read; `ring` hashes the list once more. SHA-256
//! is the fastest of `aws-lc-rs`'s, `ring`'s and `sha2`'s, all with the processor's instructions where
//! it has them. Memory is what the system says of the process (Linux), beside what the list says of
//! itself.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a measurement"
)]

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::revocation::{
    CrlIntake, CrlSigner, CrlStore, Denied, DenyList, DenyRule, Progress, Revocation,
    SignatureTools, VerifiedCrl,
};
use bonafide::signature::{
    AlgorithmPolicy, AwsLcBackend, Message, PublicKey, RingBackend, SignatureBackend,
    SignatureError,
};
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{AlgorithmIdentifier, Certificate, Name as DerName, OwnedCertificate, Time};
use kit::{Authority, CrlBuilder, GeneralName, Key, Kind, NOW, Name, Rng, der};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};

const ENTRIES: usize = 1_000_000;
const ROUNDS: usize = 15;

fn main() {
    let issuer = Authority::root(&Name::cn("Example CA"), &Key::new(Kind::P256, 0));
    let (list, serials) = large_list(&issuer, ENTRIES);
    println!("{ENTRIES} entries, {:.1} MB\n", megabytes(list.len()));
    println!("{:<58} {:>10} {:>8}", "", "measured", "bar");
    memory(&issuer, &list);
    intake(&issuer, &list);
    lookups(&issuer, &list, &serials);
    drop((list, serials));
    decisions();
}

fn bar(what: &str, measured: f64, unit: &str, bar: f64) {
    let met = if measured <= bar { "" } else { "  MISSED" };
    println!("{what:<58} {measured:>7.2} {unit:<2} {bar:>8.2}{met}");
}

fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// Random serial numbers of 16 octets, half of them revoked for keyCompromise.
fn large_list(issuer: &Authority, entries: usize) -> (Vec<u8>, Vec<[u8; 16]>) {
    let mut rng = Rng::new(1);
    let mut serials = Vec::with_capacity(entries);
    let mut revoked = Vec::with_capacity(entries * 44);
    for number in 0..entries {
        let mut serial: [u8; 16] = rng.bytes();
        serial[0] = 0x40 | serial[0] & 0x3f;
        serials.push(serial);
        let date = NOW - i64::try_from(rng.below(300 * 86_400)).unwrap();
        let date = der::utc_time(date);
        let reason: &[u8] = if number % 2 == 0 {
            &[0x30, 12, 0x30, 10, 6, 3, 0x55, 0x1d, 0x15, 4, 3, 10, 1, 1]
        } else {
            &[]
        };
        let length = 2 + 16 + date.len() + reason.len();
        revoked.extend([0x30, u8::try_from(length).unwrap(), 2, 16]);
        revoked.extend(serial);
        revoked.extend(&date);
        revoked.extend(reason);
    }
    let list = CrlBuilder::complete(&issuer.name, 1, &issuer.key)
        .updates(NOW - 86_400, Some((NOW + 86_400).into()))
        .entries(revoked)
        .sign(&issuer.key);
    (list, serials)
}

fn signer(authority: &Authority) -> CrlSigner {
    let certificate = OwnedCertificate::from_der(authority.certificate.clone()).unwrap();
    CrlSigner::certificate(certificate).unwrap()
}

fn tools() -> SignatureTools<'static> {
    SignatureTools::new(&AwsLcBackend::NEW, &AlgorithmPolicy::DEFAULT)
}

/// Resident set in bytes: now, and the most since the last call. Nothing where the system does not
/// say.
fn resident() -> Option<(usize, usize)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        Some(line.split_ascii_whitespace().nth(1)?.parse::<usize>().ok()? * 1024)
    };
    let found = (field("VmRSS:")?, field("VmHWM:")?);
    // 5 sets the high water mark back.
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    Some(found)
}

fn memory(issuer: &Authority, list: &[u8]) {
    let signers = [signer(issuer)];
    // What the backend holds for itself is not the list's.
    let (small, _) = large_list(issuer, 16);
    VerifiedCrl::take_in(&small, &signers, &tools()).unwrap();
    resident();
    let before = resident();
    let held = VerifiedCrl::take_in(list, &signers, &tools()).unwrap();
    let after = resident();
    bar("held, as the list says", megabytes(held.heap_bytes()), "MB", 24.0);
    let (Some((before, _)), Some((after, peak))) = (before, after) else {
        println!("resident memory: this system does not say");
        return;
    };
    bar("held, resident", megabytes(after.saturating_sub(before)), "MB", 24.0);
    bar("most while taken in, resident", megabytes(peak.saturating_sub(before)), "MB", 36.0);
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let (start, clock) = (processor_seconds(), Instant::now());
    black_box(work());
    match (start, processor_seconds()) {
        (Some(start), Some(end)) => end - start,
        _ => clock.elapsed().as_secs_f64(),
    }
}

/// What this thread ran for so far.
fn processor_seconds() -> Option<f64> {
    // The system counts when a thread gives way.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split_ascii_whitespace().next()?.parse::<u64>().ok()? as f64 / 1e9)
}

fn intake(issuer: &Authority, list: &[u8]) {
    let signers = [signer(issuer)];
    let with_ring = SignatureTools::new(&RingBackend::NEW, &AlgorithmPolicy::DEFAULT);
    let mut times = [const { Vec::new() }; 8];
    for _ in 0..ROUNDS {
        let aws_lc = || aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, black_box(list));
        times[0].push(seconds(aws_lc));
        times[1].push(seconds(|| ring::digest::digest(&ring::digest::SHA256, black_box(list))));
        times[2].push(seconds(|| Sha256::digest(black_box(list))));
        times[3].push(seconds(|| VerifiedCrl::take_in(black_box(list), &signers, &tools())));
        times[4].push(seconds(|| VerifiedCrl::take_in(black_box(list), &signers, &with_ring)));
        let mut intake = CrlIntake::new(list, &signers).unwrap();
        for times in &mut times[5..] {
            times.push(seconds(|| intake.step(&tools(), usize::MAX).unwrap()));
        }
    }
    let [aws_lc, ring, sha2, whole, whole_with_ring, read, signature, order] = times.map(median);
    let hash = aws_lc.min(ring).min(sha2);
    println!(
        "SHA-256: aws-lc-rs {:.1} ms, ring {:.1} ms, sha2 {:.1} ms; taken in {:.1} ms: entries and digest \
         {:.1} ms, signature {:.1} ms, order {:.1} ms; with ring, which hashes again, {:.1} ms",
        aws_lc * 1e3,
        ring * 1e3,
        sha2 * 1e3,
        whole * 1e3,
        read * 1e3,
        signature * 1e3,
        order * 1e3,
        whole_with_ring * 1e3
    );
    bar("taken in with aws-lc-rs, as a multiple of that SHA-256", whole / hash, "", 3.0);
    let mut intake = CrlIntake::new(list, &signers).unwrap();
    let (mut steps, mut longest) = (0, 0.0_f64);
    loop {
        let mut progress = None;
        let elapsed = seconds(|| progress = intake.step(&tools(), 4_096).ok());
        let progress = progress.unwrap();
        if matches!(progress, Progress::Finished(_)) {
            println!("{steps} steps of 4096 entries, the longest {:.2} ms", longest * 1e3);
            break;
        }
        (steps, longest) = (steps + 1, longest.max(elapsed));
    }
}

fn lookups(issuer: &Authority, list: &[u8], serials: &[[u8; 16]]) {
    let held = VerifiedCrl::take_in(list, &[signer(issuer)], &tools()).unwrap();
    let certificate = Certificate::from_der(&issuer.certificate).unwrap();
    let name: DerName<'_> = certificate.subject();
    let mut rng = Rng::new(2);
    let mut listed = serials.to_vec();
    rng.shuffle(&mut listed);
    let absent: Vec<[u8; 16]> = listed
        .iter()
        .map(|serial| {
            let mut other = *serial;
            other[9] ^= 0x55;
            other
        })
        .collect();
    for (what, asked, found) in
        [("lookup of a listed serial", &listed, true), ("lookup of another", &absent, false)]
    {
        let times = (0..ROUNDS).map(|_| {
            let mut hits = 0;
            let all = seconds(|| {
                let find = |serial: &&[u8; 16]| held.entry_of(&name, &serial[..]).is_some();
                hits = asked.iter().filter(find).count();
            });
            assert_eq!(hits, if found { asked.len() } else { 0 });
            all / asked.len() as f64
        });
        bar(what, median(times.collect()) * 1e9, "ns", 100.0);
    }
}

/// Says yes to every signature: what remains is the engine's own work.
#[derive(Debug)]
struct Yes;

impl SignatureBackend for Yes {
    fn verify(
        &self,
        _: PublicKey<'_>,
        _: AlgorithmIdentifier<'_>,
        _: &Message<'_>,
        _: &[u8],
    ) -> Result<(), SignatureError> {
        Ok(())
    }
}

fn decisions() {
    let root = Authority::root(&Name::cn("Example Root"), &Key::new(Kind::P256, 0));
    let issuer = root.intermediate(&Name::cn("Example CA"), &Key::new(Kind::P256, 1), |b| b);
    let names = [GeneralName::dns("leaf.example.test")];
    let leaf_key = Key::new(Kind::P256, 2);
    let leaf = issuer.leaf(&Name::cn("Leaf"), &leaf_key, &names, |b| b.serial(&[0x41; 16]));
    let anchor = TrustAnchor::from_der(&root.certificate).unwrap();
    let trust = Arc::new(TrustStore::dangerously_unscoped(TrustBundle::new([anchor.clone()])));
    let of_root = CrlBuilder::complete(&root.name, 1, &root.key).sign(&root.key);
    let (of_issuer, _) = large_list(&issuer, 100_000);
    let signers = [CrlSigner::anchor(&anchor), signer(&issuer)];
    let store = [&of_root, &of_issuer].into_iter().fold(CrlStore::new(), |store, list| {
        store.with(VerifiedCrl::take_in(list, &signers, &tools()).unwrap()).unwrap()
    });
    let store = Arc::new(store);

    let backend = || Arc::new(Yes);
    let without = Verifier::new(trust.clone(), ValidationPolicy::tls_server().into(), backend());
    let policy = |revocation| ValidationPolicy::tls_server().with_revocation(revocation);
    let lists = Arc::new(Revocation::new().with_source(store.clone()));
    let with = Verifier::new(trust, policy(RevocationPolicy::hard_fail()).into(), backend())
        .with_revocation(lists);
    let leaf = CertificateDer::from(leaf);
    let pool = [CertificateDer::from(issuer.certificate)];
    let name = "dns:leaf.example.test".parse().unwrap();
    let request = Request::new(&leaf, &pool, Expect::name(&name));
    let now = Time::from_unix(NOW);
    for verifier in [&without, &with] {
        let decision = verifier.decide(&request, now);
        assert_eq!(decision.code(), "accepted", "{}", decision.explain());
    }
    const BATCH: u32 = 2_000;
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..41 {
        for (verifier, times) in [&without, &with].into_iter().zip(&mut times) {
            let all = seconds(|| {
                for _ in 0..BATCH {
                    black_box(verifier.decide(black_box(&request), now));
                }
            });
            times.push(all / f64::from(BATCH));
        }
    }
    let [without_lists, with_lists] = times.map(median);
    println!(
        "a decision without cryptography: {:.0} ns, with lists for both certificates {:.0} ns",
        without_lists * 1e9,
        with_lists * 1e9
    );
    bar("with a list of 100,000, as a multiple", with_lists / without_lists, "", 1.3);

    let rule = DenyRule::new(Denied::Key { spki: Sha256::digest(leaf_key.spki()).into() });
    let start = Instant::now();
    let denying =
        Revocation::new().with_source(store).with_deny_list(Arc::new(DenyList::new([rule])));
    let published = with.clone().with_revocation(Arc::new(denying));
    let took = start.elapsed();
    assert_eq!(published.decide(&request, now).code(), "revocation.revoked");
    println!("a denial is published in {took:?} and in effect on the next call");
}
