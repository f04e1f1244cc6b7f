//! The body that both verifiers share: one question, asked of the snapshot in force.

use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::{CertificateError, CommonState, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName};

use super::alert;
use super::event::{HandshakeEvents, PeerRole, RejectedPeer};
use super::expect::{Expected, Requirement};
use super::scheme::{self, Version};
use super::table::{Accepted, ChainDigest, Found, Table};
use crate::decision::{Decision, Outcome, VerifiedPeer};
use crate::live::Live;
use crate::policy::Purpose;
use crate::verify::Request;
use crate::x509::{Certificate, KeyUsage, Time};

/// How many acceptances a verifier remembers, unless told otherwise.
pub(super) const TABLE_CAPACITY: usize = 1024;
/// How many rejections a verifier remembers.
const REJECTIONS: usize = 64;

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
    #[error("the certificates of the peer are refused: {}", .0.decision().code())]
    Rejected(Arc<RejectedPeer>),
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

impl From<PeerError> for Error {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Handshaking => Self::HandshakeNotComplete,
            PeerError::NoCertificate => Self::NoCertificatesPresented,
            PeerError::Name => Self::InvalidCertificate(CertificateError::NotValidForName),
            PeerError::NoTime => Self::FailedToGetCurrentTime,
            PeerError::Foreign => {
                Self::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
            }
            PeerError::Rejected(rejected) => alert::error(rejected.decision(), false),
        }
    }
}

/// What a verifier is made of.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) live: Live,
    pub(super) role: PeerRole,
    pub(super) expected: Expected,
    pub(super) label: Option<Arc<str>>,
    pub(super) events: Option<Arc<dyn HandshakeEvents>>,
    pub(super) schemes: Vec<SignatureScheme>,
    table: Table,
    rejections: Mutex<VecDeque<Arc<RejectedPeer>>>,
}

impl Judge {
    pub(super) fn new(live: Live, role: PeerRole, expected: Expected) -> Self {
        let snapshot = live.snapshot();
        let verifier = snapshot.verifier();
        let schemes = scheme::supported(&**verifier.backend(), &verifier.policy().algorithms);
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

    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.table = Table::with_capacity(capacity);
    }

    /// Decides about a chain, or remembers having done so under the snapshot in force.
    pub(super) fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: Option<&ServerName<'_>>,
        staple: Option<&[u8]>,
        now: Time,
    ) -> Result<Accepted, PeerError> {
        let requirement = Requirement::of(&self.expected, name).ok_or(PeerError::Name)?;
        let text: Arc<str> = requirement.to_string().into();
        let parts = core::iter::once(end_entity).chain(intermediates).map(AsRef::as_ref);
        let key = (ChainDigest::of_parts(parts), text);
        let snapshot = self.live.snapshot();
        // A staple is new evidence: what was decided without it says nothing.
        let kept = match (staple, self.table.find(&key, snapshot.epoch(), now)) {
            (None, Found::Holds(accepted)) => return Ok(accepted),
            (None, Found::Outdated(kept)) => kept,
            _ => None,
        };
        let staple: Option<Arc<[u8]>> = staple.map(Arc::from).or(kept);

        let verifier = snapshot.verifier();
        let mut request = Request::new(end_entity, intermediates, requirement.expect());
        // A policy for any purpose stays that; any other is one of TLS and the role says which.
        if verifier.policy().purpose != Purpose::Any {
            request = request.with_purpose(match self.role {
                PeerRole::Server => Purpose::ServerAuth,
                PeerRole::Client => Purpose::ClientAuth,
            });
        }
        if let Some(staple) = &staple {
            request = request.with_stapled_ocsp(staple);
        }
        if let Some(label) = &self.label {
            request = request.with_label(label);
        }
        let decision = verifier.decide(&request, now);
        match decision.outcome() {
            Outcome::Accepted(peer) => {
                let accepted = Accepted {
                    peer: peer.clone(),
                    epoch: snapshot.epoch(),
                    fence: snapshot.fence(),
                    staple,
                };
                self.table.insert(key, accepted.clone());
                Ok(accepted)
            }
            Outcome::Rejected(_) => {
                self.table.remove(&key);
                let (chain, requirement) = key;
                let rejected = Arc::new(RejectedPeer {
                    role: self.role,
                    chain,
                    requirement,
                    label: self.label.clone(),
                    decision,
                    epoch: snapshot.epoch(),
                });
                self.note(&rejected);
                Err(PeerError::Rejected(rejected))
            }
        }
    }

    fn note(&self, rejected: &Arc<RejectedPeer>) {
        let mut rejections = self.lock();
        if rejections.len() >= REJECTIONS {
            rejections.pop_front();
        }
        rejections.push_back(rejected.clone());
        drop(rejections);
        if let Some(events) = &self.events {
            events.on_rejected(rejected);
        }
    }

    /// The rejections of late, the last one last.
    pub(super) fn rejections(&self) -> Vec<Arc<RejectedPeer>> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<RejectedPeer>>> {
        self.rejections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The verifier's answer to rustls.
    pub(super) fn answer(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: Option<&ServerName<'_>>,
        staple: Option<&[u8]>,
        now: Time,
    ) -> Result<Accepted, Error> {
        let stapled = staple.is_some();
        self.judge(end_entity, intermediates, name, staple, now).map_err(|error| match error {
            PeerError::Rejected(rejected) => alert::error(rejected.decision(), stapled),
            error => error.into(),
        })
    }

    /// Verifies the signature of a handshake. Rests on the certificate alone, not on trust, so that
    /// a publication since the chain was judged fails no handshake.
    pub(super) fn verify_signature(
        &self,
        version: Version,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<(), Error> {
        let malformed = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
        let certificate = Certificate::from_der(certificate).map_err(malformed)?;
        // RFC 8446 4.4.2.2: "If the keyUsage extension is present, the digitalSignature bit MUST
        // be set."
        if certificate.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::DIGITAL_SIGNATURE))
        {
            return Err(Error::InvalidCertificate(CertificateError::InvalidPurpose));
        }
        let key = certificate.subject_public_key_info().map_err(malformed)?;
        let snapshot = self.live.snapshot();
        let verifier = snapshot.verifier();
        scheme::verify(
            &**verifier.backend(),
            &verifier.policy().algorithms,
            version,
            key,
            signed.scheme,
            message,
            signed.signature(),
        )
    }

    /// The peer of a connection whose handshake is over. The caller has made sure that this verifier
    /// is that of the connection.
    pub(super) fn verified_peer(
        &self,
        connection: &CommonState,
        name: Option<&ServerName<'_>>,
        now: Time,
    ) -> Result<VerifiedPeer, PeerError> {
        if connection.is_handshaking() {
            return Err(PeerError::Handshaking);
        }
        self.peer_of(connection.peer_certificates().unwrap_or_default(), name, now)
    }

    /// The peer of a chain whose key took part in a handshake that is over.
    pub(super) fn peer_of(
        &self,
        chain: &[CertificateDer<'_>],
        name: Option<&ServerName<'_>>,
        now: Time,
    ) -> Result<VerifiedPeer, PeerError> {
        let (end_entity, intermediates) = chain.split_first().ok_or(PeerError::NoCertificate)?;
        let accepted = self.judge(end_entity, intermediates, name, None, now)?;
        Ok(VerifiedPeer::of_handshake(accepted.peer))
    }
}
