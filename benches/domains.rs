//! Many trust domains: what a decision and a change of one bundle cost among them.
//!
//! `cargo bench --bench domains` prints median times, in one run and interleaved, for stores of 1 to
//! 10,000 trust domains, and their ratios to the store of one: the library's own work of a decision
//! (signatures are not computed), for a SPIFFE ID and for a DNS name, and publishing one changed
//! bundle, in a store and in a federation. A decision about a SPIFFE ID among 10,000 may cost
//! 1.3 times what it costs in the store of one. Every decision is checked to be an acceptance by the right domain.
#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a measurement"
)]
#![allow(dead_code, unreachable_pub, reason = "the kit of the tests")]

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bonafide::identity::{ExpectedName, TrustDomain};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{Message, PublicKey, SignatureBackend, SignatureError};
use bonafide::trust::{
    Domain, FederatedBundles, Scope, SpiffeBundle, TrustAnchor, TrustBundle, TrustStore,
};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{AlgorithmIdentifier, OwnedCertificate, Time};
use kit::{Authority, GeneralName, Key, Kind, NOW, Name};
use rustls_pki_types::CertificateDer;

const SIZES: [usize; 5] = [1, 10, 100, 1_000, 10_000];

/// Samples of each row, taken in turn.
const ROUNDS: usize = 101;

/// What one sample repeats.
const BATCH: u32 = 64;

fn main() {
    println!("median ns, ratio to one domain; {ROUNDS} rounds, interleaved\n");
    print!("{:<44}", "trust domains");
    for size in SIZES {
        print!(" {size:>16}");
    }
    println!();
    row("decision, SPIFFE ID, no signatures", SIZES.map(|size| decision(Names::Spiffe, size)));
    row("decision, DNS name, no signatures", SIZES.map(|size| decision(Names::Dns, size)));
    row("one changed bundle, store", SIZES.map(change_of_store));
    row("one changed bundle, federation", SIZES.map(change_of_federation));
}

/// Times the closures in turn and prints their medians.
fn row(what: &str, mut contenders: [Box<dyn FnMut()>; SIZES.len()]) {
    let mut times = vec![Vec::with_capacity(ROUNDS); SIZES.len()];
    for _ in 0..ROUNDS {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..BATCH {
                contender();
            }
            times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH));
        }
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2]
        })
        .collect();
    print!("{what:<44}");
    for median in &medians {
        print!(" {median:>9.0} ({:>4.2})", median / medians[0]);
    }
    println!();
}

/// Says yes to every signature.
#[derive(Debug)]
struct NoCrypto;

impl SignatureBackend for NoCrypto {
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

#[derive(Clone, Copy)]
enum Names {
    Spiffe,
    Dns,
}

/// The authority of domain `number`; all have one name, as those of one vendor do.
fn authority(number: usize) -> Authority {
    Authority::root(&Name::cn("Root"), &Key::new(Kind::Ed25519, number as u64))
}

fn domain_name(number: usize) -> String {
    format!("d{number}.example.org")
}

fn trust_domain(number: usize) -> TrustDomain {
    TrustDomain::parse(&domain_name(number)).unwrap()
}

fn bundle(number: usize) -> TrustBundle {
    let certificate = authority(number).certificate;
    TrustBundle::new([TrustAnchor::from_der(&certificate).unwrap()])
}

fn store(names: Names, size: usize) -> TrustStore {
    TrustStore::new((0..size).map(|number| match names {
        Names::Spiffe => Domain::spiffe(trust_domain(number), bundle(number)),
        Names::Dns => {
            let scope = Scope::dns(&domain_name(number)).unwrap();
            Domain::named(&domain_name(number), [scope], bundle(number))
        }
    }))
    .unwrap()
}

/// The domain in the middle of the store decides about a leaf with one intermediate.
fn decision(names: Names, size: usize) -> Box<dyn FnMut()> {
    let number = size / 2;
    let issuer = authority(number).intermediate(
        &Name::cn("CA"),
        &Key::new(Kind::Ed25519, 1_000_000),
        |builder| builder,
    );
    let (name, expected, policy) = match names {
        Names::Spiffe => {
            let id = format!("spiffe://{}/ns/shop/sa/web", domain_name(number));
            (GeneralName::uri(&id), id, ValidationPolicy::spiffe())
        }
        Names::Dns => {
            let host = format!("www.{}", domain_name(number));
            (GeneralName::dns(&host), format!("dns:{host}"), ValidationPolicy::tls_server())
        }
    };
    let leaf = issuer.leaf(&Name::cn("leaf"), &Key::new(Kind::Ed25519, 1_000_001), &[name], |b| b);
    let verifier =
        Verifier::new(Arc::new(store(names, size)), Arc::new(policy), Arc::new(NoCrypto));
    let expected: ExpectedName = expected.parse().unwrap();
    let chain = [CertificateDer::from(leaf), CertificateDer::from(issuer.certificate)];
    Box::new(move || {
        let request = Request::new(&chain[0], &chain[1..], Expect::name(&expected));
        let decision = verifier.decide(black_box(&request), Time::from_unix(NOW));
        let peer = decision.peer().unwrap_or_else(|| panic!("{}", decision.explain()));
        assert_eq!(peer.trust_domain(), domain_name(number));
    })
}

/// A domain in the middle alternates between two bundles.
fn change_of_store(size: usize) -> Box<dyn FnMut()> {
    let name = domain_name(size / 2);
    let mut store = store(Names::Spiffe, size);
    let mut bundles = [bundle(size / 2), bundle(size + 1)];
    Box::new(move || {
        bundles.swap(0, 1);
        store = store.with_bundle(&name, bundles[0].clone()).unwrap();
        black_box(&store);
    })
}

/// The same, offered to a federation with growing sequence numbers.
fn change_of_federation(size: usize) -> Box<dyn FnMut()> {
    let spiffe = |number: usize, of: usize| {
        let certificate = OwnedCertificate::from_der(authority(of).certificate).unwrap();
        SpiffeBundle::new(trust_domain(number), [certificate]).unwrap()
    };
    let mut federation = FederatedBundles::new(TrustStore::new([]).unwrap());
    for number in 0..size {
        assert!(!federation.federate(&trust_domain(number)).is_empty());
        let first = spiffe(number, number).with_sequence(0);
        let change = federation.offer(&trust_domain(number), first, Time::from_unix(NOW)).unwrap();
        assert!(!change.is_empty());
    }
    let (middle, mut sequence) = (size / 2, 0);
    let mut bundles = [spiffe(middle, middle), spiffe(middle, size + 1)];
    Box::new(move || {
        bundles.swap(0, 1);
        sequence += 1;
        let next = bundles[0].clone().with_sequence(sequence);
        let now = Time::from_unix(NOW + i64::try_from(sequence).unwrap());
        let change = federation.offer(&trust_domain(middle), next, now).unwrap();
        assert!(!change.is_empty());
    })
}
