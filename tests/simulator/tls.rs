//! Handshakes (temporary: by decisions alone).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bonafide::credential::{CredentialSet, Selection, Update};
use bonafide::decision::CertifiedPeer;
use bonafide::policy::ValidationPolicy;
use bonafide::trust::TrustStore;
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use rustls_pki_types::CertificateDer;

use super::facts::{PartyId, Svid};
use super::party::Party;

pub struct Held {
    policy: Arc<ValidationPolicy>,
    verifier: Verifier,
    credentials: CredentialSet,
    epoch: u64,
}

impl Held {
    pub fn new(policy: Arc<ValidationPolicy>) -> Self {
        let verifier = Verifier::new(
            Arc::new(TrustStore::new([]).unwrap()),
            policy.clone(),
            Arc::new(bonafide::signature::RingBackend::NEW),
        );
        Held { policy, verifier, credentials: CredentialSet::empty(Arc::new(())), epoch: 0 }
    }

    pub fn credentials(&self) -> &CredentialSet {
        &self.credentials
    }

    pub fn publish(
        &mut self,
        trust: Arc<TrustStore>,
        update: Option<Update>,
        now: Time,
    ) -> Result<(), &'static str> {
        if let Some(update) = update {
            if let Some((next, _)) =
                self.credentials.next(update, now).map_err(|error| error.code())?
            {
                self.credentials = next;
            }
        }
        self.verifier = Verifier::new(
            trust,
            self.policy.clone(),
            Arc::new(bonafide::signature::RingBackend::NEW),
        );
        self.epoch += 1;
        Ok(())
    }

    pub fn choose(&self, clock: i64) -> Option<(Vec<u8>, Vec<u8>)> {
        let credential = self.credentials.choose(Selection::ANY, Time::from_unix(clock))?;
        Some((credential.chain()[0].as_der().to_vec(), credential.key().public_key().to_vec()))
    }

    pub fn numbers(&self) -> (u64, u64) {
        (self.epoch, self.credentials.generation())
    }

    pub fn authorities(&self) -> &BTreeMap<String, BTreeSet<Vec<u8>>> {
        let map = self
            .verifier
            .trust()
            .domains()
            .map(|domain| {
                let keys = domain.bundle().anchors().map(|anchor| anchor.spki_der().to_vec());
                (domain.name().to_owned(), keys.collect())
            })
            .collect();
        Box::leak(Box::new(map))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Full,
    Resumed,
}

#[derive(Clone, Copy, Debug)]
pub struct Meeting {}

impl Meeting {
    pub const DEFAULT: Self = Meeting {};
}

pub struct Peer {
    peer: CertifiedPeer,
    id: String,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

impl Peer {
    pub fn identity(&self) -> &str {
        &self.id
    }

    pub fn ask(&mut self, held: &Held, clock: i64) -> Result<(), String> {
        let chain: Vec<_> = self
            .peer
            .path()
            .iter()
            .map(|certificate| CertificateDer::from(certificate.as_der().to_vec()))
            .collect();
        let request = Request::new(&chain[0], &chain[1..], Expect::dangerously_any_identity());
        let decision = held.verifier.decide(&request, Time::from_unix(clock));
        if decision.is_accepted() { Ok(()) } else { Err(decision.code().into()) }
    }
}

#[derive(Debug)]
pub struct Seen {
    pub leaf: Option<Vec<u8>>,
    pub result: Result<Peer, String>,
}

#[derive(Debug)]
pub struct Outcome {
    pub kind: Kind,
    pub client: Seen,
    pub server: Seen,
}

pub struct Session {
    pub client: PartyId,
    pub server: PartyId,
    pub client_saw: Arc<Svid>,
    pub server_saw: Arc<Svid>,
    pub client_peer: Peer,
    pub server_peer: Peer,
}

pub struct Handshake {
    outcome: Outcome,
}

impl Handshake {
    pub fn start(client: &Party, server: &Party, now: i64, _: Meeting) -> Self {
        let see = |one: &Party, other: &Party| {
            let time = Time::from_unix(one.clock(now));
            let own = Time::from_unix(other.clock(now));
            let Some(credential) = other.held.credentials.choose(Selection::ANY, own) else {
                return Seen { leaf: None, result: Err("nothing-presented".into()) };
            };
            let chain: Vec<_> = credential
                .chain()
                .iter()
                .map(|certificate| CertificateDer::from(certificate.as_der().to_vec()))
                .collect();
            let request = Request::new(&chain[0], &chain[1..], Expect::dangerously_any_identity());
            let decision = one.held.verifier.decide(&request, time);
            let code = decision.code().to_owned();
            let result = match decision.into_result() {
                Ok(peer) => {
                    let id = peer.identity().spiffe_id().unwrap().to_string();
                    Ok(Peer { peer, id })
                }
                Err(_) => Err(code),
            };
            Seen { leaf: Some(chain[0].to_vec()), result }
        };
        let mut outcome =
            Outcome { kind: Kind::Full, client: see(client, server), server: see(server, client) };
        if outcome.client.leaf.is_none() {
            outcome.server.result = Err("nothing-presented".into());
        }
        Handshake { outcome }
    }

    pub fn flight(&mut self) -> bool {
        false
    }

    pub fn finish(self) -> Outcome {
        self.outcome
    }
}
