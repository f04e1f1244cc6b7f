//! The body that both verifiers share: one question, asked of the snapshot in force.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls_pki_types::{CertificateDer, ServerName};

use super::event::{HandshakeEvents, PeerRole, RejectedPeer};
use super::expect::Expected;
use super::scheme::{HandshakeSignature, Scheme, SignatureRefused, supported};
use super::slot::Stamp;
use super::table::{Accepted, ChainDigest, Found, Table};
use crate::decision::{CertifiedPeer, Decision, VerifiedPeer};
use crate::live::{Live, LivePeer, Presented, Requirement, Ruling};
use crate::policy::{Purpose, ValidationPolicy};
use crate::x509::{Certificate, KeyUsage, Time};

/// How many acceptances a verifier remembers, unless told otherwise.
pub(crate) const TABLE_CAPACITY: usize = 1024;
/// How many rejections a verifier remembers.
const REJECTIONS: usize = 64;
/// The longest OCSP response that is kept with an acceptance, in octets: one with a delegated responder's
/// certificate has about 2 KiB.
const KEPT_STAPLE: usize = 8 * 1024;
/// The most that hints of authorities may take, in octets. The lists of TLS hold 65,535; a peer that is
/// told 400 names has better things to do than to compare them.
const MAX_HINT_OCTETS: usize = 16_384;

/// Why a connection has no verified peer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The handshake is not over.
    #[error("the handshake is not over")]
    Handshaking,
    /// The peer presented no certificate.
    #[error("the peer presented no certificate")]
    NoCertificate,
    /// The name of the connection is one that no certificate can bear.
    #[error("the name of the connection is one that no certificate can bear")]
    Name,
    /// The time is not known.
    #[error("the time is not known")]
    NoTime,
    /// The connection is not the one of this handshake.
    #[error("the connection is not the one of this handshake")]
    Foreign,
    /// The certificates are refused.
    #[error("the certificates of the peer are refused")]
    Rejected(#[source] Arc<RejectedPeer>),
}

impl PeerError {
    /// Returns the stable, machine-readable name; of a rejection the code of its decision.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Handshaking => "rustls.handshaking",
            Self::NoCertificate => "rustls.no-certificate",
            Self::Name => "rustls.name",
            Self::NoTime => "rustls.no-time",
            Self::Foreign => "rustls.foreign-connection",
            Self::Rejected(rejected) => rejected.decision().code(),
        }
    }

    /// Returns the decision, where there is one.
    #[must_use]
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Rejected(rejected) => Some(rejected.decision()),
            _ => None,
        }
    }
}

/// What every verifier, which has a `judge`, offers alike.
macro_rules! judge_settings {
    () => {
        /// Sets who is told of rejections. Default: nobody; the last 64 are kept, see
        /// [`rejections`](Self::rejections).
        #[must_use]
        pub fn with_events(
            mut self,
            events: alloc::sync::Arc<dyn $crate::tls::HandshakeEvents>,
        ) -> Self {
            self.judge.events = Some(events);
            self
        }

        /// Sets how many acceptances are remembered. Default: 1,024.
        #[must_use]
        pub fn with_capacity(mut self, acceptances: usize) -> Self {
            self.judge.set_capacity(acceptances);
            self
        }

        /// The rejections of late, at most 64, the last one last.
        #[must_use]
        pub fn rejections(&self) -> alloc::vec::Vec<alloc::sync::Arc<$crate::tls::RejectedPeer>> {
            self.judge.rejections()
        }
    };
}

pub(crate) use judge_settings;

/// What a verifier is made of.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) live: Live,
    pub(crate) role: PeerRole,
    pub(crate) expected: Expected,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) events: Option<Arc<dyn HandshakeEvents>>,
    pub(crate) schemes: Vec<Scheme>,
    table: Table,
    rejections: Mutex<Rejections>,
}

/// Rejections of late.
#[derive(Debug, Default)]
struct Rejections {
    /// The last one last.
    kept: VecDeque<Arc<RejectedPeer>>,
    /// How many there were.
    count: u64,
}

impl Judge {
    pub(crate) fn new(live: Live, role: PeerRole, expected: Expected) -> Self {
        let snapshot = live.snapshot();
        let verifier = snapshot.verifier();
        let schemes = supported(&**verifier.backend(), &verifier.policy().algorithms);
        Self {
            live,
            role,
            expected,
            label: None,
            events: None,
            schemes,
            table: Table::with_capacity(TABLE_CAPACITY),
            rejections: Mutex::default(),
        }
    }

    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        self.table = Table::with_capacity(capacity);
    }

    /// Decides about a chain, or remembers having done so where that still holds.
    pub(crate) fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: Option<&ServerName<'_>>,
        staple: Option<&[u8]>,
        now: Time,
    ) -> Result<(Ruling, Stamp), PeerError> {
        let text = self.expected.text(name).ok_or(PeerError::Name)?;
        let parts = core::iter::once(end_entity).chain(intermediates).map(AsRef::as_ref);
        let key = (ChainDigest::of_parts(parts), text);
        // Before any ruling is asked: a session may be bounded too narrowly, never too widely.
        let snapshot = self.live.snapshot();
        let stamp = |ruling: &Ruling| Stamp {
            fence: snapshot.fence(),
            until: ruling.decision().peer().map_or(now, CertifiedPeer::valid_until),
            chain: key.0,
        };
        // A staple is new evidence: what was decided without it says nothing.
        let kept = match (staple, self.table.find(&key, now)) {
            (None, Found::Holds(ruling)) => {
                let stamp = stamp(&ruling);
                return Ok((ruling, stamp));
            }
            (None, Found::Outdated(kept)) => kept,
            _ => None,
        };
        let staple: Option<Arc<[u8]>> = staple.map(Arc::from).or(kept);
        let mut presented = Presented::new(end_entity, intermediates);
        if let Some(staple) = &staple {
            presented = presented.with_stapled_ocsp(staple);
        }
        let requirement = self.requirement(name, snapshot.verifier().policy())?;
        let ruling = snapshot.decide(&requirement, &presented, now);
        if ruling.decision().is_accepted() {
            let stamp = stamp(&ruling);
            let staple = staple.filter(|staple| staple.len() <= KEPT_STAPLE);
            self.table.insert(key, Accepted { ruling: ruling.clone(), staple });
            return Ok((ruling, stamp));
        }
        self.table.remove(&key);
        let (chain, requirement) = key;
        Err(PeerError::Rejected(self.refuse(chain, requirement, &ruling, staple.is_some())))
    }

    /// Remembers a rejection and tells of it.
    pub(super) fn refuse(
        &self,
        chain: ChainDigest,
        requirement: Arc<str>,
        ruling: &Ruling,
        stapled: bool,
    ) -> Arc<RejectedPeer> {
        let rejected = Arc::new(RejectedPeer {
            role: self.role,
            chain,
            requirement,
            label: self.label.clone(),
            decision: ruling.decision().clone(),
            epoch: ruling.epoch(),
            stapled,
        });
        self.note(&rejected);
        rejected
    }

    /// What is required of the peer of a connection, under the policy in force.
    pub(super) fn requirement(
        &self,
        name: Option<&ServerName<'_>>,
        policy: &ValidationPolicy,
    ) -> Result<Arc<Requirement>, PeerError> {
        let requirement = self.expected.requirement(name).ok_or(PeerError::Name)?;
        Ok(Arc::new(self.complete(requirement, policy)))
    }

    /// Adds what follows from the role. A policy for any purpose stays that; any other is one of TLS,
    /// and the role says which.
    fn complete(&self, requirement: Requirement, policy: &ValidationPolicy) -> Requirement {
        let requirement = match (&policy.purpose, self.role) {
            (Purpose::Any, _) => requirement,
            (_, PeerRole::Server) => requirement.with_purpose(Purpose::ServerAuth),
            (_, PeerRole::Client) => requirement.with_purpose(Purpose::ClientAuth),
        };
        match &self.label {
            Some(label) => requirement.with_label(label),
            None => requirement,
        }
    }

    fn note(&self, rejected: &Arc<RejectedPeer>) {
        let mut rejections = self.lock();
        if rejections.kept.len() >= REJECTIONS {
            rejections.kept.pop_front();
        }
        rejections.kept.push_back(rejected.clone());
        rejections.count += 1;
        drop(rejections);
        if let Some(events) = &self.events {
            events.on_rejected(rejected);
        }
    }

    /// The rejections of late, the last one last.
    pub(crate) fn rejections(&self) -> Vec<Arc<RejectedPeer>> {
        self.lock().kept.iter().cloned().collect()
    }

    /// How many rejections there were: a mark for [`Judge::rejected_since`].
    #[cfg(feature = "rustls")]
    pub(crate) fn rejection_count(&self) -> u64 {
        self.lock().count
    }

    /// The one peer of those rejected since a mark that a connection to `name` may be about, by what
    /// the stack `is` told. Nothing where several chains may be meant, or too much happened.
    #[cfg(feature = "rustls")]
    pub(crate) fn rejected_since(
        &self,
        mark: u64,
        name: &ServerName<'_>,
        is: impl Fn(&RejectedPeer) -> bool,
    ) -> Option<Arc<RejectedPeer>> {
        let text = self.expected.text(Some(name))?;
        let rejections = self.lock();
        let since = usize::try_from(rejections.count.saturating_sub(mark)).ok()?;
        let first = rejections.kept.len().checked_sub(since)?;
        let mut meant = rejections
            .kept
            .iter()
            .skip(first)
            .filter(|rejected| *rejected.requirement() == *text && is(rejected));
        let found = meant.next()?;
        meant.all(|other| other.chain() == found.chain()).then(|| found.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Rejections> {
        self.rejections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Verifies the signature of a handshake. Rests on the certificate alone, not on trust, so that
    /// a publication since the chain was judged fails no handshake.
    pub(crate) fn verify_signature(
        &self,
        certificate: &CertificateDer<'_>,
        signature: &HandshakeSignature<'_>,
    ) -> Result<(), SignatureRefused> {
        let malformed = |_| SignatureRefused::Malformed;
        let certificate = Certificate::from_der(certificate).map_err(malformed)?;
        // RFC 8446 4.4.2.2: "If the keyUsage extension is present, the digitalSignature bit MUST
        // be set."
        let usage = certificate.key_usage();
        if usage.is_some_and(|usage| !usage.contains(KeyUsage::DIGITAL_SIGNATURE)) {
            return Err(SignatureRefused::KeyUsage);
        }
        let key = certificate.subject_public_key_info().map_err(malformed)?;
        let snapshot = self.live.snapshot();
        let verifier = snapshot.verifier();
        signature.verify(key, &**verifier.backend(), &verifier.policy().algorithms)
    }

    /// The peer of a chain whose key took part in a handshake that is over. The caller knows that it
    /// did.
    #[cfg(feature = "rustls")]
    pub(crate) fn peer_of(
        &self,
        chain: &[CertificateDer<'_>],
        name: Option<&ServerName<'_>>,
        now: Time,
    ) -> Result<LivePeer, PeerError> {
        let (end_entity, intermediates) = chain.split_first().ok_or(PeerError::NoCertificate)?;
        self.peer(end_entity, intermediates, name, now)
    }

    /// As [`Judge::peer_of`].
    pub(crate) fn peer(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: Option<&ServerName<'_>>,
        now: Time,
    ) -> Result<LivePeer, PeerError> {
        let (ruling, _) = self.judge(end_entity, intermediates, name, None, now)?;
        Self::live_peer(&ruling)
    }

    /// The peer of an acceptance whose key signed a handshake that is over.
    pub(crate) fn live_peer(ruling: &Ruling) -> Result<LivePeer, PeerError> {
        let peer = ruling.decision().peer().ok_or(PeerError::NoCertificate)?;
        let peer = VerifiedPeer::of_handshake(peer.clone());
        ruling.live(peer).map_err(|_| PeerError::Foreign)
    }

    /// The subjects of the authorities in force, DER, each once; none where they are too many, which
    /// stands for any.
    pub(crate) fn root_hints(&self) -> Vec<Vec<u8>> {
        let snapshot = self.live.snapshot();
        let Some(trust) = snapshot.verifier().trust_of(self.label.as_deref()) else {
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        let mut octets = 0;
        for anchor in trust.domains().flat_map(|domain| domain.bundle().anchors()) {
            let subject = anchor.subject().as_der();
            if seen.insert(subject) {
                octets += subject.len() + 2;
            }
            if octets > MAX_HINT_OCTETS {
                return Vec::new();
            }
        }
        seen.into_iter().map(<[u8]>::to_vec).collect()
    }
}
