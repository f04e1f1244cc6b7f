//! One stream of the SPIFFE Workload API, as a state machine on decoded messages.
//!
//! The host keeps the connection; a [`WorkloadState`] says what each message changes and, when the
//! stream ends, what to do next. Each message is the complete state (W-02): what it leaves out is
//! gone (W-03, W-04). A message that cannot be read changes nothing (W-05). `PermissionDenied` takes
//! everything away (W-11). The same message again is no event (S18).
//!
//! One state per stream: `FetchX509SVID` brings SVIDs and bundles, `FetchX509Bundles` brings bundles
//! only. The bundles validate X.509-SVIDs and nothing else (W-06), each those of its own trust domain
//! (W-09): [`FederatedBundles::replace_all`](super::FederatedBundles::replace_all) takes them. SVIDs
//! and bundles of one message stand in one [`WorkloadContext`], to be published together (S2).
//!
//! Left to the host: connecting, gRPC and its metadata, and whether an expected hint is missing
//! (W-17).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::SpiffeBundle;
use super::refresh::mix;
use super::workload_message::{
    Message, MessageRejected, WorkloadSvid, X509BundlesMessage, X509SvidMessage,
};
use crate::identity::{SpiffeId, TrustDomain};
use crate::x509::{OwnedCertificateRevocationList, Time};

/// What one message said: SVIDs, bundles and revocation lists that belong together.
#[derive(Debug)]
pub struct WorkloadContext {
    svids: Vec<Arc<WorkloadSvid>>,
    bundles: BTreeMap<TrustDomain, SpiffeBundle>,
    crls: Vec<OwnedCertificateRevocationList>,
    received_at: Time,
    generation: u64,
}

impl WorkloadContext {
    /// Returns the SVIDs in the order of the message.
    #[must_use]
    pub fn svids(&self) -> &[Arc<WorkloadSvid>] {
        &self.svids
    }

    /// The default identity: the first one (W-12).
    #[must_use]
    pub fn default_svid(&self) -> Option<&Arc<WorkloadSvid>> {
        self.svids.first()
    }

    /// The first identity with this hint (W-08).
    #[must_use]
    pub fn svid_with_hint(&self, hint: &str) -> Option<&Arc<WorkloadSvid>> {
        self.svids.iter().find(|svid| svid.hint() == Some(hint))
    }

    /// The bundles in the order of their trust domains.
    pub fn bundles(&self) -> impl ExactSizeIterator<Item = &SpiffeBundle> {
        self.bundles.values()
    }

    /// The bundle of a trust domain. Without one, its SVIDs are untrusted (W-10).
    #[must_use]
    pub fn bundle(&self, trust_domain: &TrustDomain) -> Option<&SpiffeBundle> {
        self.bundles.get(trust_domain)
    }

    /// Returns the revocation lists, which belong to no trust domain in particular (W-07).
    #[must_use]
    pub fn crls(&self) -> &[OwnedCertificateRevocationList] {
        &self.crls
    }

    /// Returns when the message came.
    #[must_use]
    pub const fn received_at(&self) -> Time {
        self.received_at
    }

    /// Returns the number of the change that made this the state; see
    /// [`WorkloadState::generation`].
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }
}

/// Something that a message or the end of a stream changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkloadEvent {
    /// There was no state, and now there is one.
    Available {
        /// Whether it is the one that was withdrawn, byte for byte (S14).
        restored: bool,
    },
    /// Everything was taken away (W-11).
    Withdrawn,
    /// Another identity is the default one (W-12).
    DefaultChanged {
        /// The one before.
        from: Option<SpiffeId>,
        /// The one now.
        to: Option<SpiffeId>,
    },
    /// An identity came.
    SvidAdded(SpiffeId),
    /// Chain, key or hint of an identity changed.
    SvidReplaced(SpiffeId),
    /// An identity went (W-04).
    SvidRemoved(SpiffeId),
    /// The hint of an identity is over 1,024 bytes and left out (W-16).
    HintIgnored(SpiffeId),
    /// A trust domain came.
    BundleAdded(TrustDomain),
    /// The authorities of a trust domain changed.
    BundleReplaced(TrustDomain),
    /// A trust domain went; its SVIDs are untrusted (W-10).
    BundleRemoved(TrustDomain),
    /// The revocation lists changed.
    CrlsReplaced,
}

impl WorkloadEvent {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Available { .. } => "workload-api.available",
            Self::Withdrawn => "workload-api.withdrawn",
            Self::DefaultChanged { .. } => "workload-api.default-changed",
            Self::SvidAdded(_) => "workload-api.svid-added",
            Self::SvidReplaced(_) => "workload-api.svid-replaced",
            Self::SvidRemoved(_) => "workload-api.svid-removed",
            Self::HintIgnored(_) => "workload-api.hint-ignored",
            Self::BundleAdded(_) => "workload-api.bundle-added",
            Self::BundleReplaced(_) => "workload-api.bundle-replaced",
            Self::BundleRemoved(_) => "workload-api.bundle-removed",
            Self::CrlsReplaced => "workload-api.crls-replaced",
        }
    }
}

impl fmt::Display for WorkloadEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Available { restored: false } => f.write_str("identities are available"),
            Self::Available { restored: true } => f.write_str("identities are available again"),
            Self::Withdrawn => f.write_str("all identities are withdrawn"),
            Self::DefaultChanged { to: Some(to), .. } => write!(f, "default identity is {to}"),
            Self::DefaultChanged { to: None, .. } => f.write_str("there is no default identity"),
            Self::SvidAdded(id) => write!(f, "{id} added"),
            Self::SvidReplaced(id) => write!(f, "{id} replaced"),
            Self::SvidRemoved(id) => write!(f, "{id} removed"),
            Self::HintIgnored(id) => write!(f, "hint of {id} ignored: over 1024 bytes"),
            Self::BundleAdded(domain) => write!(f, "bundle of {domain} added"),
            Self::BundleReplaced(domain) => write!(f, "bundle of {domain} replaced"),
            Self::BundleRemoved(domain) => write!(f, "bundle of {domain} removed"),
            Self::CrlsReplaced => f.write_str("revocation lists replaced"),
        }
    }
}

/// What a message changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Update {
    events: Vec<WorkloadEvent>,
    is_new_state: bool,
}

impl Update {
    /// What happened, in order.
    #[must_use]
    pub fn events(&self) -> &[WorkloadEvent] {
        &self.events
    }

    /// Whether the state is another one than before. It may be without any event, when nothing but
    /// the order of the other identities changed.
    #[must_use]
    pub const fn is_new_state(&self) -> bool {
        self.is_new_state
    }
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StreamEnd {
    /// The server closed it, or it could not be opened for reasons of transport.
    Closed,
    /// A gRPC status other than these.
    Other,
    /// `InvalidArgument` (3).
    InvalidArgument,
    /// `PermissionDenied` (7): this workload has no identity, or no longer one.
    PermissionDenied,
    /// `Unavailable` (14).
    Unavailable,
}

impl StreamEnd {
    /// Takes the number of a gRPC status.
    #[must_use]
    pub const fn from_grpc_code(code: u32) -> Self {
        match code {
            0 => Self::Closed,
            3 => Self::InvalidArgument,
            7 => Self::PermissionDenied,
            14 => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

/// What to do after a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reconnect {
    /// Open it again now (W-01).
    AtOnce,
    /// Open it again after this time.
    After {
        /// Milliseconds.
        milliseconds: u64,
    },
    /// Do not: the same request will fail again (W-18).
    Never,
}

/// First and longest wait before a stream is opened again, in milliseconds.
const FIRST_WAIT: u64 = 1_000;
const LONGEST_WAIT: u64 = 30_000;

/// The state of one stream.
#[derive(Debug)]
pub struct WorkloadState {
    current: Option<Arc<WorkloadContext>>,
    /// The digest of the last message that took effect, also after it was withdrawn.
    last: Option<[u8; 32]>,
    generation: u64,
    seed: u64,
    /// Ends since the last message.
    ends: u32,
}

impl WorkloadState {
    /// Nothing yet. The seed spreads the waits of many workloads.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { current: None, last: None, generation: 0, seed, ends: 0 }
    }

    /// Applies a message of `FetchX509SVID`, the complete state (W-02).
    ///
    /// # Errors
    /// [`MessageRejected`]; the state then stays as it was (W-05).
    pub fn apply(
        &mut self,
        message: X509SvidMessage,
        now: Time,
    ) -> Result<Update, MessageRejected> {
        self.apply_message(message, now)
    }

    /// Applies a message of `FetchX509Bundles`, the complete state of that stream.
    ///
    /// # Errors
    /// As [`WorkloadState::apply`].
    pub fn apply_bundles(
        &mut self,
        message: X509BundlesMessage,
        now: Time,
    ) -> Result<Update, MessageRejected> {
        self.apply_message(message, now)
    }

    fn apply_message(
        &mut self,
        message: impl Message,
        now: Time,
    ) -> Result<Update, MessageRejected> {
        let digest = message.digest();
        let again = self.last == Some(digest);
        if again && self.current.is_some() {
            self.ends = 0;
            return Ok(Update::default());
        }
        let contents = message.read()?;
        self.ends = 0;
        self.last = Some(digest);
        self.generation += 1;
        let next = Arc::new(WorkloadContext {
            svids: contents.svids,
            bundles: contents.bundles,
            crls: contents.crls,
            received_at: now,
            generation: self.generation,
        });
        let mut events = match self.current.as_deref() {
            None => Vec::from([WorkloadEvent::Available { restored: again }]),
            Some(before) => differences(before, &next),
        };
        if !again {
            let ignored = next.svids.iter().filter(|svid| svid.hint_too_long);
            events.extend(ignored.map(|svid| WorkloadEvent::HintIgnored(svid.id().clone())));
        }
        self.current = Some(next);
        Ok(Update { events, is_new_state: true })
    }

    /// The stream ended, or could not be opened. Says what changed and what to do.
    pub fn on_end(&mut self, end: StreamEnd) -> (Update, Reconnect) {
        let mut update = Update::default();
        // W-11: stop using what was redacted. Any other end leaves the last state in force.
        if end == StreamEnd::PermissionDenied && self.current.take().is_some() {
            self.generation += 1;
            update = Update { events: Vec::from([WorkloadEvent::Withdrawn]), is_new_state: true };
        }
        let first = self.ends == 0;
        let reconnect = match end {
            StreamEnd::InvalidArgument => Reconnect::Never,
            StreamEnd::Closed if first => Reconnect::AtOnce,
            _ => {
                let waits = if end == StreamEnd::Closed { self.ends - 1 } else { self.ends };
                Reconnect::After { milliseconds: self.wait(waits) }
            }
        };
        self.ends = self.ends.saturating_add(1);
        (update, reconnect)
    }

    /// Twice as long each time, less up to a fifth.
    fn wait(&self, waits: u32) -> u64 {
        let longest = FIRST_WAIT.checked_shl(waits.min(16)).unwrap_or(LONGEST_WAIT);
        let longest = longest.min(LONGEST_WAIT);
        longest - mix(self.seed ^ self.generation ^ u64::from(self.ends) << 32) % (longest / 5)
    }

    /// Returns the state; none before the first message and while it is withdrawn.
    #[must_use]
    pub const fn current(&self) -> Option<&Arc<WorkloadContext>> {
        self.current.as_ref()
    }

    /// Returns a number that grows with each change of the state. Who compares it with that of the
    /// context it works with misses no change, whenever it began to listen (S17).
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }
}

fn differences(before: &WorkloadContext, after: &WorkloadContext) -> Vec<WorkloadEvent> {
    let mut events = Vec::new();
    let of = |context: &WorkloadContext| context.default_svid().map(|svid| svid.id().clone());
    let (from, to) = (of(before), of(after));
    if from != to {
        events.push(WorkloadEvent::DefaultChanged { from, to });
    }
    // One ID may have several SVIDs, told apart by order.
    let old = by_id(&before.svids);
    let new = by_id(&after.svids);
    for (id, svids) in &new {
        let event = match old.get(id) {
            None => WorkloadEvent::SvidAdded(SpiffeId::clone(id)),
            Some(old)
                if old.len() == svids.len()
                    && old.iter().zip(svids).all(|(old, new)| old.is_same(new)) =>
            {
                continue;
            }
            Some(_) => WorkloadEvent::SvidReplaced(SpiffeId::clone(id)),
        };
        events.push(event);
    }
    let gone = old.keys().filter(|id| !new.contains_key(*id));
    events.extend(gone.map(|id| WorkloadEvent::SvidRemoved(SpiffeId::clone(id))));

    for (domain, bundle) in &after.bundles {
        match before.bundles.get(domain) {
            None => events.push(WorkloadEvent::BundleAdded(domain.clone())),
            Some(old) if old.trust_bundle().digest() != bundle.trust_bundle().digest() => {
                events.push(WorkloadEvent::BundleReplaced(domain.clone()));
            }
            Some(_) => {}
        }
    }
    let gone = before.bundles.keys().filter(|domain| !after.bundles.contains_key(*domain));
    events.extend(gone.map(|domain| WorkloadEvent::BundleRemoved(domain.clone())));
    if !before.crls.iter().map(der_of).eq(after.crls.iter().map(der_of)) {
        events.push(WorkloadEvent::CrlsReplaced);
    }
    events
}

fn der_of(crl: &OwnedCertificateRevocationList) -> &[u8] {
    crl.as_crl().as_der()
}

fn by_id(svids: &[Arc<WorkloadSvid>]) -> BTreeMap<&SpiffeId, Vec<&WorkloadSvid>> {
    let mut map: BTreeMap<&SpiffeId, Vec<&WorkloadSvid>> = BTreeMap::new();
    for svid in svids {
        map.entry(svid.id()).or_default().push(svid);
    }
    map
}
