//! A workload: what the library makes of the messages that reach it, and what the world knows it was
//! told.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bonafide::credential::{CredentialChecks, Update};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::default_backend;
use bonafide::trust::{
    FederatedBundles, StreamEnd, TrustStore, WorkloadEvent, WorkloadState, X509SvidEntry,
    X509SvidMessage,
};
use bonafide::x509::Time;

use super::facts::{DomainId, PartyId, Svid, View};
use super::server::{Document, Issued};
use super::tls::{Endpoints, Held};

/// What an agent tells its workload: the complete state (W-02).
#[derive(Clone, Debug)]
pub struct Message {
    pub svid: Option<Issued>,
    /// SVIDs behind the default one.
    pub others: Vec<Issued>,
    pub bundles: BTreeMap<DomainId, (String, Document)>,
    pub fault: Fault,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The chain is cut off in the middle of a certificate (S15).
    CutOff,
    /// A mandatory field is empty (S15).
    NoKey,
    /// The key is that of the SVID before (I4).
    TornPair,
}

/// How a message was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It changed something.
    Published,
    /// It said what was known.
    Same,
    /// Nothing of it counts; the code says why.
    Discarded(&'static str),
    /// Its bundles count, its SVID does not (yet).
    TrustAlone(&'static str),
}

/// A workload with its clock, its view and what it published to itself.
pub struct Party {
    pub id: PartyId,
    pub domain: DomainId,
    pub spiffe_id: String,
    /// The SPIFFE IDs that it accepts as peers; all where there are none.
    pub expected: Vec<String>,
    /// Whether it tells peers which authorities it knows.
    pub hints: bool,
    /// What its clock shows less true time, in seconds.
    pub skew: i64,
    /// By how much it lets clocks differ, in seconds.
    pub tolerance: u32,
    /// What it was told: the oracle's facts.
    pub view: View,
    /// The public keys of the authorities that it was told, by the names of their trust domains.
    told: BTreeMap<String, BTreeSet<Vec<u8>>>,
    /// What the last message changed, by the library's word.
    pub changes: Vec<&'static str>,
    /// The epoch and the fence that were seen last (I5).
    pub numbers: (u64, u64),
    /// An SVID that was told and is not in use: its time is still to come.
    pending: Option<Arc<Svid>>,
    policy: Arc<ValidationPolicy>,
    stream: WorkloadState,
    bundles: FederatedBundles,
    pub held: Held,
    last_key: Option<Vec<u8>>,
    endpoints: OnceCell<Endpoints>,
}

impl Party {
    pub fn new(id: PartyId, domain: DomainId, spiffe_id: &str, skew: i64, tolerance: u32) -> Self {
        let policy = ValidationPolicy::spiffe().with_clock_skew_seconds(tolerance);
        let policy = Arc::new(policy);
        let seed = u64::try_from(id.0).unwrap();
        Party {
            id,
            domain,
            spiffe_id: spiffe_id.into(),
            expected: Vec::new(),
            hints: false,
            skew,
            tolerance,
            view: View::default(),
            told: BTreeMap::new(),
            changes: Vec::new(),
            numbers: (0, 0),
            pending: None,
            stream: WorkloadState::new(seed),
            bundles: FederatedBundles::new(TrustStore::new([]).unwrap())
                .with_backend(Arc::new(bonafide::signature::RingBackend::NEW)),
            held: Held::new(policy.clone()),
            policy,
            last_key: None,
            endpoints: OnceCell::new(),
        }
    }

    /// What its clock shows.
    pub fn clock(&self, now: i64) -> i64 {
        now + self.skew
    }

    /// Its ends, made when it first meets somebody: whom it accepts is settled then.
    pub fn endpoints(&self) -> &Endpoints {
        self.endpoints.get_or_init(|| Endpoints::new(&self.held.live, &self.expected, self.hints))
    }

    fn time(&self, now: i64) -> Time {
        Time::from_unix(self.clock(now))
    }

    /// The public keys of the authorities that it was told, by the names of their trust domains.
    pub const fn told_authorities(&self) -> &BTreeMap<String, BTreeSet<Vec<u8>>> {
        &self.told
    }

    /// Takes a message, and writes down what it was told where the message counts.
    pub fn receive(&mut self, message: &Message, now: i64) -> Taken {
        let time = self.time(now);
        let update = match self.stream.apply(self.encode(message), time) {
            Ok(update) => update,
            Err(rejected) => return Taken::Discarded(rejected.code()),
        };
        self.changes = update.events().iter().map(WorkloadEvent::code).collect();
        self.pending = None;
        if let (Some(issued), Fault::None) = (&message.svid, message.fault) {
            self.last_key = issued.key.pkcs8();
            self.pending = Some(issued.svid.clone());
        }
        self.view.bundles = message
            .bundles
            .iter()
            .map(|(domain, (_, document))| (*domain, document.bundle.clone()))
            .collect();
        self.told = message
            .bundles
            .values()
            .map(|(name, document)| (name.clone(), document.public_keys()))
            .collect();
        if !update.is_new_state() {
            return Taken::Same;
        }
        self.publish(now)
    }

    /// The stream ends, for a reason that may take everything away (W-11).
    pub fn stream_ends(&mut self, end: StreamEnd, now: i64) {
        let (update, _) = self.stream.on_end(end);
        self.changes = update.events().iter().map(WorkloadEvent::code).collect();
        if end == StreamEnd::PermissionDenied {
            self.view = View::default();
            self.told.clear();
            self.pending = None;
        }
        if update.is_new_state() {
            assert_eq!(self.publish(now), Taken::Published);
        }
    }

    /// Tries again what could not be used yet.
    pub fn tick(&mut self, now: i64) {
        if self.pending.is_some() {
            self.publish(now);
        }
    }

    /// Publishes trust and own credentials of the last message together; the trust alone where the
    /// credentials are refused.
    fn publish(&mut self, now: i64) -> Taken {
        let time = self.time(now);
        let context = self.stream.current().cloned();
        let bundles = context.iter().flat_map(|context| context.bundles().cloned());
        let _ = self.bundles.replace_all(bundles.collect::<Vec<_>>(), time).unwrap();
        let trust = Arc::new(self.bundles.store().clone());
        let checks = CredentialChecks::new(&self.policy, default_backend(), time);
        let update = match &context {
            None => Ok(Update::complete([])),
            Some(context) => {
                let snapshot = self.held.live.snapshot();
                Update::from_workload(context, &checks, snapshot.credentials())
            }
        };
        let refused = match update {
            Ok(update) => self.held.publish(trust.clone(), Some(update), time).err(),
            Err(refused) => Some(refused.code()),
        };
        self.settle_pending(now, refused);
        match refused {
            None => Taken::Published,
            Some(code) => {
                self.held.publish(trust, None, time).unwrap();
                Taken::TrustAlone(code)
            }
        }
    }

    /// Whether the SVID that was told may be used, by the facts; compares with what the library said.
    fn settle_pending(&mut self, now: i64, refused: Option<&str>) {
        let clock = self.clock(now);
        let Some(svid) = self.pending.take() else { return };
        let tolerance = i64::from(self.tolerance);
        let in_force = self.view.svid.as_ref();
        let known = in_force.is_some_and(|in_force| in_force.number == svid.number);
        let in_date = svid.valid.holds(clock, tolerance)
            && svid.links.iter().all(|link| link.valid.holds(clock, tolerance))
            && clock <= svid.presentable_until();
        let older = in_force.is_some_and(|in_force| svid.valid.from < in_force.valid.from);
        let usable = known || in_date && !older;
        assert_eq!(
            usable,
            refused.is_none(),
            "{}: own svid {} valid {:?} at {clock}: {refused:?}",
            self.spiffe_id,
            svid.number,
            svid.valid
        );
        if usable {
            self.view.svid = Some(svid);
        } else if !svid.valid.is_over(clock, 0) {
            self.pending = Some(svid);
        }
    }

    fn encode(&self, message: &Message) -> X509SvidMessage {
        let own = message.bundles.get(&self.domain);
        let entry = |issued: &Issued| X509SvidEntry {
            spiffe_id: issued.svid.id.clone(),
            x509_svid: issued.chain.clone(),
            x509_svid_key: issued.key.pkcs8().unwrap().into(),
            bundle: own.map(|(_, document)| document.ders()).unwrap_or_default(),
            hint: String::new(),
        };
        let mut svids = Vec::new();
        if let Some(issued) = &message.svid {
            let mut entry = entry(issued);
            match message.fault {
                Fault::None => {}
                Fault::CutOff => entry.x509_svid.truncate(issued.chain.len() / 2),
                Fault::NoKey => entry.x509_svid_key = Vec::new().into(),
                Fault::TornPair => {
                    entry.x509_svid_key = self.last_key.clone().unwrap().into();
                }
            }
            svids.push(entry);
        }
        svids.extend(message.others.iter().map(entry));
        let federated_bundles = message
            .bundles
            .iter()
            .filter(|(domain, _)| **domain != self.domain)
            .map(|(_, (name, document))| (format!("spiffe://{name}"), document.ders()))
            .collect();
        X509SvidMessage { svids, crls: Vec::new(), federated_bundles }
    }
}
