//! Rotations of trust and credentials on both ends while eight threads connect.
//!
//! A judge who knows what is in force when, and asks no library code, says which handshakes may fail:
//! those during which a credential in force, or that of a session which is resumed, met trust in force
//! without its authority. Every other one must succeed; and who is accepted bears a credential of an authority that was trusted meanwhile,
//! whether the handshake was full or resumed.
//!
//! `BONAFIDE_ROTATIONS` is how many rotations there are, 250 unless told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bonafide::credential::Update;
use bonafide::live::{Live, LivePeer, Publication};
use bonafide::policy::ValidationPolicy;
use bonafide::rustls::{ClientEndpoint, ConnectionError, PeerError, ServerEndpoint};
use rustls::{AlertDescription, HandshakeKind};
use sha2::{Digest, Sha256};

use crate::kit::{Authority, Rng};
use crate::net::*;

/// How many authorities there are.
const AUTHORITIES: usize = 4;
const THREADS: usize = 8;
/// Index of an end: the client is 0, the server 1.
const ENDS: [usize; 2] = [0, 1];

/// What is in force on both ends: whom each trusts, and which credential it presents.
#[derive(Clone, Debug)]
struct State {
    trusts: [BTreeSet<usize>; 2],
    presents: [usize; 2],
}

/// A credential as the judge knows it.
#[derive(Clone, Copy, Debug)]
struct Issued {
    end: usize,
    authority: usize,
}

/// Knows what was in force when. A publication begins before it is called and ends after.
#[derive(Default)]
struct Judge {
    states: Mutex<Vec<State>>,
    issued: Mutex<BTreeMap<Vec<u8>, (usize, Issued)>>,
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl Judge {
    /// The states that may have been in force since `from`.
    fn since(&self, from: usize) -> Vec<State> {
        let until = self.begun.load(Ordering::SeqCst);
        self.states.lock().unwrap()[from..=until].to_vec()
    }

    fn begin(&self, state: State) {
        let mut states = self.states.lock().unwrap();
        states.push(state);
        self.begun.store(states.len() - 1, Ordering::SeqCst);
    }

    fn end(&self) {
        self.ended.store(self.begun.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// The number of a credential and what it is, by the leaf that a peer presented.
    fn number(&self, peer: &LivePeer) -> (usize, Issued) {
        self.issued.lock().unwrap()[peer.path().der(0).unwrap()]
    }

    fn authority(&self, number: usize) -> usize {
        let issued = self.issued.lock().unwrap();
        issued.values().find(|(other, _)| *other == number).unwrap().1.authority
    }

    /// Whether the chain that a resumed handshake was refused for met trust in force without its
    /// authority.
    fn may_refuse(&self, states: &[State], chain: &[u8; 32]) -> bool {
        // Each certificate with its length, as one string.
        let digest = |leaf: &Vec<u8>| {
            let length = u64::try_from(leaf.len()).unwrap().to_be_bytes();
            Sha256::new().chain_update(length).chain_update(leaf).finalize()
        };
        let issued = self.issued.lock().unwrap();
        let (_, (_, issued)) = issued.iter().find(|(leaf, _)| digest(leaf)[..] == *chain).unwrap();
        states.iter().any(|state| !state.trusts[1 - issued.end].contains(&issued.authority))
    }

    /// Whether some credential in force met trust in force without its authority.
    fn may_fail(&self, states: &[State]) -> bool {
        states.iter().any(|presenting| {
            ENDS.iter().any(|&end| {
                let authority = self.authority(presenting.presents[end]);
                states.iter().any(|trusting| !trusting.trusts[1 - end].contains(&authority))
            })
        })
    }
}

/// The host of both ends, which rotates.
struct Host {
    rng: Rng,
    authorities: Vec<Authority>,
    lives: [Live; 2],
    state: State,
    serial: usize,
}

impl Host {
    fn order(end: usize) -> Order {
        if end == 0 { Order::client() } else { Order::server() }
    }

    /// Issues a credential; its number is told to the judge before anybody can see it.
    fn issue(
        &mut self,
        judge: &Judge,
        end: usize,
        authority: usize,
    ) -> bonafide::credential::Credential {
        let credential = Self::order(end).credential(&self.authorities[authority]);
        self.serial += 1;
        let leaf = credential.chain()[0].as_der().to_vec();
        let issued = (self.serial, Issued { end, authority });
        judge.issued.lock().unwrap().insert(leaf, issued);
        self.state.presents[end] = self.serial;
        credential
    }

    fn bundle(&self, end: usize) -> bonafide::trust::TrustBundle {
        let trusted: Vec<_> =
            self.state.trusts[end].iter().map(|&number| &self.authorities[number]).collect();
        bundle(&trusted)
    }

    /// One publication on one end: of a credential, of trust, or of both.
    fn rotate(&mut self, judge: &Judge, clock: &Clock) {
        let end = self.rng.below(2);
        let mut publication = Publication::new();
        let what = self.rng.below(3);
        if what != 0 {
            let authority = self.rng.below(AUTHORITIES);
            let trusted = &mut self.state.trusts[end];
            if !trusted.insert(authority) && trusted.len() > 1 {
                // Who is still presented by the other end is removed one time in four.
                let presented = judge.authority(self.state.presents[1 - end]) == authority;
                if !presented || self.rng.below(4) == 0 {
                    trusted.remove(&authority);
                }
            }
            publication = publication.bundle("example.test", self.bundle(end));
        }
        if what != 1 {
            let others: Vec<usize> = self.state.trusts[1 - end].iter().copied().collect();
            let authority = others[self.rng.below(others.len())];
            let credential = self.issue(judge, end, authority);
            publication = publication.credentials(Update::install(credential));
        }
        judge.begin(self.state.clone());
        self.lives[end].publish(publication, clock.now()).unwrap();
        judge.end();
    }
}

#[derive(Debug, Default)]
struct Tally {
    full: usize,
    resumed: usize,
    refused: BTreeMap<String, usize>,
}

/// Connects once; says what the judge has against it.
fn connect(
    judge: &Judge,
    client: &Arc<ClientEndpoint>,
    server: &Arc<ServerEndpoint>,
    tally: &mut Tally,
) -> Result<(), String> {
    let from = judge.ended.load(Ordering::SeqCst);
    let (c, s, ended) = meet(client, server);
    let states = judge.since(from);
    if !ended.is_ok() {
        let alert = ended.alert();
        if alert == Some(AlertDescription::DecryptError) {
            return Err(format!("torn: {ended:?}"));
        }
        let resumed = [&ended.client, &ended.server].into_iter().find_map(|side| match side {
            Err(ConnectionError::Peer(PeerError::Rejected(peer))) => Some(peer.chain()),
            _ => None,
        });
        let justified = match resumed {
            Some(chain) => judge.may_refuse(&states, chain.as_bytes()),
            None => judge.may_fail(&states),
        };
        if !justified {
            return Err(format!("failed without need: {ended:?} under {states:?}"));
        }
        *tally.refused.entry(format!("{alert:?}")).or_default() += 1;
        return Ok(());
    }
    let kind = s.common().handshake_kind();
    for (end, peer) in [(1, c.peer().unwrap()), (0, s.peer().unwrap())] {
        let (number, issued) = judge.number(peer);
        if issued.end != end {
            return Err(format!("{issued:?} presented by the other end"));
        }
        let trusted = |state: &State| state.trusts[1 - end].contains(&issued.authority);
        if !states.iter().any(trusted) {
            return Err(format!("{issued:?} accepted ({kind:?}) under {states:?}"));
        }
        let presented = |state: &State| state.presents[end] == number;
        if kind == Some(HandshakeKind::Full) && !states.iter().any(presented) {
            return Err(format!("{issued:?}, number {number}, presented under {states:?}"));
        }
    }
    match kind {
        Some(HandshakeKind::Resumed) => tally.resumed += 1,
        _ => tally.full += 1,
    }
    Ok(())
}

#[test]
fn rotations_under_load() {
    let rotations: usize =
        std::env::var("BONAFIDE_ROTATIONS").map_or(250, |text| text.parse().unwrap());
    let clock = Clock::new();
    let authorities: Vec<Authority> =
        (0..4).map(|number| authority(&format!("Root {number}"), number)).collect();
    assert_eq!(authorities.len(), AUTHORITIES);
    let everybody: BTreeSet<usize> = (0..AUTHORITIES).collect();
    let judge = Judge::default();
    let policies = [ValidationPolicy::tls_server(), ValidationPolicy::tls_client()];
    let all: Vec<&Authority> = authorities.iter().collect();
    let lives = policies.map(|policy| live(trust(&all), policy, None));
    let state = State { trusts: [everybody.clone(), everybody], presents: [0, 0] };
    let mut host = Host { rng: Rng::new(8), authorities, lives, state, serial: 0 };
    for end in ENDS {
        let credential = host.issue(&judge, end, end);
        let publication = Publication::new().credentials(Update::install(credential));
        host.lives[end].publish(publication, clock.now()).unwrap();
    }
    judge.begin(host.state.clone());
    judge.end();

    let clients = VERSIONS.map(|(_, versions)| {
        client(&host.lives[0], &clock).with_versions(versions).build().unwrap()
    });
    let ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
    let servers = [
        server(&host.lives[1], &clock).build().unwrap(),
        server(&host.lives[1], &clock).with_ticketer(ticketer).build().unwrap(),
    ];
    let (finished, done, wrong) =
        (AtomicBool::new(false), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let tally = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (client, server) = (&clients[thread % 2], &servers[thread / 2 % 2]);
                let (judge, finished, done, wrong) = (&judge, &finished, &done, &wrong);
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    while !finished.load(Ordering::SeqCst) {
                        if let Err(what) = connect(judge, client, server, &mut tally) {
                            wrong.lock().unwrap().push(what);
                        }
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                    tally
                })
            })
            .collect();
        for _ in 0..rotations {
            host.rotate(&judge, &clock);
            // Somebody connects between any two.
            let until = done.load(Ordering::SeqCst) + 1;
            while done.load(Ordering::SeqCst) < until && wrong.lock().unwrap().is_empty() {
                std::thread::yield_now();
            }
        }
        finished.store(true, Ordering::SeqCst);
        let mut sum = Tally::default();
        for thread in threads {
            let tally = thread.join().unwrap();
            sum.full += tally.full;
            sum.resumed += tally.resumed;
            for (alert, count) in tally.refused {
                *sum.refused.entry(alert).or_default() += count;
            }
        }
        sum
    });
    println!("{rotations} rotations: {tally:?}");
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} handshakes, the first: {}", wrong.len(), wrong[0]);
    // The judge had something to judge.
    assert!(tally.full > rotations / 10 && tally.resumed > rotations / 100, "{tally:?}");
    assert!(tally.refused.contains_key("Some(UnknownCA)"), "{tally:?}");
}
