//! Handshakes (temporary: by decisions alone).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bonafide::credential::{Selection, Update};
use bonafide::decision::CertifiedPeer;
use bonafide::live::{Live, Publication, PublishError};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::RingBackend;
use bonafide::trust::TrustStore;
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use rustls_pki_types::CertificateDer;

use super::facts::{PartyId, Svid};
use super::party::Party;

/// What a workload has in force.
pub struct Held {
    pub live: Live,
}

impl Held {
    pub fn new(policy: Arc<ValidationPolicy>) -> Self {
        let nobody = Arc::new(TrustStore::new([]).unwrap());
        Held { live: Live::new(Verifier::new(nobody, policy, Arc::new(RingBackend::NEW))) }
    }

    /// Publishes trust, and own credentials with it where there are any.
    pub fn publish(
        &mut self,
        trust: Arc<TrustStore>,
        update: Option<Update>,
        now: Time,
    ) -> Result<(), &'static str> {
        let publication = Publication::new().trust(trust);
        let publication = match update {
            Some(update) => publication.credentials(update),
            None => publication,
        };
        match self.live.publish(publication, now) {
            Ok(_) => Ok(()),
            Err(PublishError::Credentials(error)) => Err(error.code()),
            Err(error) => Err(error.code()),
        }
    }

    /// Leaf and public key of the credential that would be presented.
    pub fn choose(&self, clock: i64) -> Option<(Vec<u8>, Vec<u8>)> {
        let snapshot = self.live.snapshot();
        let credential = snapshot.credentials().choose(Selection::ANY, Time::from_unix(clock))?;
        let leaf = credential.chain()[0].as_der().to_vec();
        Some((leaf, credential.key().public_key().to_vec()))
    }

    /// Epoch and fence, which only grow (I5).
    pub fn numbers(&self) -> (u64, u64) {
        let snapshot = self.live.snapshot();
        (snapshot.epoch(), snapshot.fence())
    }

    /// The public keys of the authorities that are trusted, by the names of their trust domains.
    pub fn authorities(&self) -> BTreeMap<String, BTreeSet<Vec<u8>>> {
        let snapshot = self.live.snapshot();
        let domains = snapshot.verifier().trust().domains();
        domains
            .map(|domain| {
                let keys = domain.bundle().anchors().map(|anchor| anchor.spki_der().to_vec());
                (domain.name().to_owned(), keys.collect())
            })
            .collect()
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
        let decision = held.live.snapshot().verifier().decide(&request, Time::from_unix(clock));
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
            let Some(credential) =
                other.held.live.snapshot().credentials().choose(Selection::ANY, own).cloned()
            else {
                return Seen { leaf: None, result: Err("nothing-presented".into()) };
            };
            let chain: Vec<_> = credential
                .chain()
                .iter()
                .map(|certificate| CertificateDer::from(certificate.as_der().to_vec()))
                .collect();
            let request = Request::new(&chain[0], &chain[1..], Expect::dangerously_any_identity());
            let decision = one.held.live.snapshot().verifier().decide(&request, time);
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
