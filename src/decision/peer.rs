//! Peers: what a decision accepted, and what possession of the key makes of it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::finding::Finding;
use super::path::CertificationPath;
use crate::identity::PeerIdentity;
use crate::revocation::EvidenceId;
use crate::signature::{Message, PublicKey, SignatureBackend, SignatureCheck, SignatureError};
use crate::trust::{TrustAnchor, Voucher};
use crate::x509::{AlgorithmIdentifier, CertificateError, KeyUsage, OwnedOid, Time};

/// What an acceptance rests on.
#[derive(Debug)]
pub(crate) struct PeerRecord {
    pub(crate) identity: PeerIdentity,
    pub(crate) path: CertificationPath,
    pub(crate) voucher: Arc<Voucher>,
    pub(crate) policies: Vec<OwnedOid>,
    pub(crate) valid_until: Time,
    pub(crate) decided_at: Time,
    pub(crate) revocation_asked: bool,
    pub(crate) evidence: Vec<EvidenceId>,
    pub(crate) notes: Vec<Finding>,
}

/// An identity that certificates speak for, with the evidence. Cheap to clone.
///
/// It says nothing about who sent the certificates: see [`VerifiedPeer`].
#[derive(Clone, Debug)]
pub struct CertifiedPeer(Arc<PeerRecord>);

impl CertifiedPeer {
    pub(crate) fn new(record: PeerRecord) -> Self {
        Self(Arc::new(record))
    }

    /// The names that the certificate bears and its trust domain speaks for.
    #[must_use]
    pub fn identity(&self) -> &PeerIdentity {
        &self.0.identity
    }

    /// The certification path, the peer's own certificate first; the anchor is not part of it.
    #[must_use]
    pub fn path(&self) -> &CertificationPath {
        &self.0.path
    }

    /// The anchor that the path ends at.
    #[must_use]
    pub fn anchor(&self) -> &TrustAnchor {
        &self.0.voucher.anchor
    }

    /// The name of the trust domain whose anchor that is.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.0.voucher.trust_domain
    }

    /// Digest of the bundle that was in force.
    #[must_use]
    pub fn bundle_digest(&self) -> &[u8; 32] {
        &self.0.voucher.bundle_digest
    }

    /// Sequence number of the bundle that was in force, where its publisher gave one.
    #[must_use]
    pub fn bundle_sequence(&self) -> Option<u64> {
        self.0.voucher.bundle_sequence
    }

    /// The certificate policies under which the path is valid: the user-constrained-policy-set of
    /// RFC 5280 section 6.1.5 (g); anyPolicy in it stands for all.
    #[must_use]
    pub fn policies(&self) -> &[OwnedOid] {
        &self.0.policies
    }

    /// The last second in which this answer holds, if nothing that it rests on changes.
    #[must_use]
    pub fn valid_until(&self) -> Time {
        self.0.valid_until
    }

    /// The time that the decision was asked for.
    #[must_use]
    pub fn decided_at(&self) -> Time {
        self.0.decided_at
    }

    /// Whether revocation was part of the question. Where it was not, the verifier had no evidence
    /// and its policy demanded none.
    #[must_use]
    pub fn revocation_was_asked(&self) -> bool {
        self.0.revocation_asked
    }

    /// The revocation evidence that the answer rests on.
    #[must_use]
    pub fn evidence(&self) -> &[EvidenceId] {
        &self.0.evidence
    }

    /// Findings that did not stand in the way: a tainted anchor, names left out of the identity,
    /// rules that the policy waived.
    #[must_use]
    pub fn notes(&self) -> &[Finding] {
        &self.0.notes
    }

    /// Turns into a verified peer by a signature over `message` made with the key of the peer's
    /// certificate. The caller has made sure that `message` is fresh: chosen by this side, or bound
    /// to this connection; and that `algorithm` is one that it allows, where the peer names it.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn prove(
        &self,
        backend: &dyn SignatureBackend,
        algorithm: AlgorithmIdentifier<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<VerifiedPeer, ProofError> {
        let leaf = self.0.path.end_entity().ok_or(ProofError::NoCertificate)?;
        // RFC 8446 4.4.2.2: "If the keyUsage extension is present, the digitalSignature bit MUST
        // be set."
        if leaf.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::DIGITAL_SIGNATURE)) {
            return Err(ProofError::KeyUsage);
        }
        let spki = leaf.subject_public_key_info().map_err(ProofError::Malformed)?;
        let message = &Message::new(message);
        SignatureCheck { key: PublicKey::new(spki), algorithm, message, signature }
            .run(backend, None, None)
            .map_err(ProofError::Signature)?;
        Ok(VerifiedPeer(self.clone()))
    }
}

/// A peer that showed to hold the key of its certificate. Cheap to clone.
///
/// INVARIANT: made only by [`CertifiedPeer::prove`]; by the room `tls` for the chain of a finished
/// handshake, which its key has signed; or of a peer that was, by a later decision on the same
/// certificate.
#[derive(Clone, Debug)]
pub struct VerifiedPeer(CertifiedPeer);

impl VerifiedPeer {
    /// The peer of a handshake that is over. The caller knows that the key of the first certificate
    /// of `peer`'s path has signed it, or the one that it resumes.
    #[cfg(any(feature = "rustls", feature = "rustls-0-24"))]
    pub(crate) const fn of_handshake(peer: CertifiedPeer) -> Self {
        Self(peer)
    }

    /// The same peer by a later decision: who showed to hold the key of a certificate still does.
    /// Nothing where the decision is about another certificate.
    #[cfg(feature = "std")]
    pub(crate) fn decided_again(&self, peer: &CertifiedPeer) -> Option<Self> {
        let (shown, now) = (self.path().der(0)?, peer.path().der(0)?);
        (shown == now).then(|| Self(peer.clone()))
    }

    /// Whether this is the peer of exactly that decision.
    #[cfg(feature = "std")]
    pub(crate) fn is_of(&self, peer: &CertifiedPeer) -> bool {
        Arc::ptr_eq(&self.0.0, &peer.0)
    }
}

impl core::ops::Deref for VerifiedPeer {
    type Target = CertifiedPeer;

    fn deref(&self) -> &CertifiedPeer {
        &self.0
    }
}

/// Why possession of a key was not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The path is empty, which no decision makes.
    #[error("there is no certificate to prove")]
    NoCertificate,
    /// The key may not sign messages.
    #[error("key usage of the certificate lacks digitalSignature")]
    KeyUsage,
    /// The key cannot be read.
    #[error("the key of the certificate cannot be read")]
    Malformed(#[source] CertificateError),
    /// The signature does not hold.
    #[error("the proof of possession does not verify")]
    Signature(#[source] SignatureError),
}
