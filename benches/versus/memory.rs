//! Memory: bytes on the heap, by an allocator that counts what is taken and not given back.

use std::sync::Arc;

use bonafide::live::{Live, Session, Settings};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{
    AwsLcBackend, KeptKeys, Message, PublicKey, RingBackend, SharedMemo, SignatureBackend,
};
use bonafide::verify::{SeenChains, Verifier};
use bonafide::x509::{AlgorithmIdentifier, Certificate};

use crate::contenders::{Chain, domains, ours};
use crate::harness::held;
use crate::kit::{Authority, Key, Kind, Name};
use crate::table::Table;
use crate::world::{Ca, Peer, anybody, at, spiffe, uri, verifier};

/// Peers, keys and sessions that are remembered.
const COUNT: u16 = 4_096;

pub fn rows(table: &mut Table) {
    let mut row = |id: &str, what: &str, find: fn() -> f64| {
        table.measure(id, &format!("bytes of {what}"), None, find);
    };
    row("memory-verifier", "a verifier: policy, one domain of one P-256 anchor", of_verifier);
    row("memory-domain", "a trust domain among 10,000, with an anchor of its own", of_domain);
    row("memory-seen-chain", "a chain seen before, P-256, leaf + 1", of_seen_chain);
    row("memory-signature", "a remembered signature", of_signature);
    row("memory-session", "a registered session, its peer and path among them", of_session);
}

/// A row of its own: aws-lc-rs takes memory without asking the allocator of the program, so this looks at
/// the process, and comes first, while nothing was given back that could be taken again.
pub fn kept_keys(table: &mut Table) {
    let what = "bytes of a P-256 key kept parsed, as the process grows";
    table.measure("memory-kept-key", what, None, of_kept_key);
}

fn of_kept_key() -> f64 {
    let message = b"a message";
    let signed: Vec<_> = (0..u64::from(COUNT))
        .map(|number| {
            let key = Key::new(Kind::P256, 100 + number);
            let root = Authority::root(&Name::cn("Root"), &key).certificate;
            (root, key.algorithm(), key.sign(message))
        })
        .collect();
    let before = resident();
    let keys = KeptKeys::new(Arc::new(AwsLcBackend::NEW), usize::from(COUNT));
    for (root, algorithm, signature) in &signed {
        let root = Certificate::from_der(root).unwrap();
        let key = PublicKey::new(root.subject_public_key_info().unwrap());
        let algorithm = AlgorithmIdentifier::from_der(algorithm).unwrap();
        keys.verify(key, algorithm, &Message::new(message), signature).unwrap();
    }
    (resident() - before) / keys.count() as f64
}

fn of_verifier() -> f64 {
    let chain = Chain::new(Kind::P256, 1);
    let make = || {
        let policy = Arc::new(ValidationPolicy::tls_client());
        Verifier::new(Arc::new(domains(&chain, 0)), policy, Arc::new(AwsLcBackend::NEW))
    };
    held(make).1
}

fn of_domain() -> f64 {
    let chain = Chain::new(Kind::P256, 1);
    held(|| domains(&chain, 9_999)).1 / 10_000.0
}

/// With its slot of the table.
fn of_seen_chain() -> f64 {
    let chain = Chain::new(Kind::P256, 1);
    let fresh: Vec<Chain> = (0..COUNT).map(|_| chain.with_new_leaf()).collect();
    let (table, slots) = held(|| Arc::new(SeenChains::with_capacity(usize::from(4 * COUNT))));
    let verifier =
        ours(&chain, Arc::new(AwsLcBackend::NEW), true, None).with_seen_chains(table.clone());
    let ((), bytes) = held(|| fresh.iter().for_each(|chain| drop(verifier.decide_chain(chain))));
    bytes / table.count() as f64 + slots / table.capacity() as f64
}

fn of_signature() -> f64 {
    let (memo, bytes) = held(|| SharedMemo::with_capacity(usize::from(COUNT)));
    bytes / memo.capacity() as f64
}

fn of_session() -> f64 {
    let ca = Ca::new(1);
    let settings = Settings::DEFAULT.with_max_sessions(usize::from(COUNT)).with_memo_capacity(64);
    let verifier = verifier([spiffe("a.test", &[&ca])], Arc::new(RingBackend::NEW));
    let live = Live::with_settings(verifier, settings);
    let id = |number| uri(&format!("spiffe://a.test/workload/{number}"));
    let peers: Vec<Peer> = (0..COUNT).map(|number| ca.peer(number, &[id(number)])).collect();
    let anybody = anybody();
    let register = |peer: &Peer| -> Session {
        let peer = peer.accept(&live, &anybody, at(0));
        live.register(&peer, None, at(0)).unwrap()
    };
    let (sessions, bytes) = held(|| peers.iter().map(register).collect::<Vec<Session>>());
    bytes / sessions.len() as f64
}

/// Bytes of this process in memory.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(f64::NAN) * 4_096.0
}
