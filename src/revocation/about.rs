//! What evidence says about one certificate, named without being judged; and what changed between two
//! snapshots of a source.
//!
//! A peer that was accepted is asked again only where evidence about its own path changed. The digest of
//! that evidence is what it remembers: a few octets instead of a list.

use alloc::vec::Vec;

#[cfg(feature = "std")]
use sha2::{Digest, Sha256};

#[cfg(feature = "std")]
use super::Revocation;
use super::{Denied, EvidenceId, Query};
use crate::identity::PeerIdentity;
#[cfg(feature = "std")]
use crate::trust::TrustAnchor;
use crate::x509::Certificate;
#[cfg(feature = "std")]
use crate::x509::{OwnedCertificate, Time};

/// One certificate of a path that was validated: what the evidence about it is found by.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct About<'a> {
    /// The certificate.
    pub certificate: Certificate<'a>,
    /// DER of its issuer's SubjectPublicKeyInfo.
    pub issuer_spki: &'a [u8],
    /// The keys above the certificate, DER of SubjectPublicKeyInfo, the issuer's included.
    pub ancestors: &'a [&'a [u8]],
    /// The trust domain of the decision.
    pub trust_domain: &'a str,
    /// The identity that the path confirmed; for the leaf alone.
    pub identity: Option<&'a PeerIdentity>,
}

impl<'a> Query<'a> {
    /// What evidence about the certificate in question is found by.
    pub(super) fn about<'s>(&'s self, own: &'s [&'a [u8]; 1]) -> About<'s> {
        About {
            certificate: self.certificate,
            issuer_spki: self.issuer.key.spki().der(),
            ancestors: if self.ancestors.is_empty() { own } else { self.ancestors },
            trust_domain: self.trust_domain,
            identity: self.identity,
        }
    }
}

/// What changed from one snapshot of a source to the next, as far as it can take from anybody.
#[derive(Clone, Debug, Default)]
pub struct EvidenceChange {
    pub(crate) revoked: Vec<Denied>,
    pub(crate) lost: Vec<EvidenceId>,
    pub(crate) unknown: bool,
}

impl EvidenceChange {
    /// Nothing was taken from anybody: evidence came, or was renewed.
    #[must_use]
    pub const fn none() -> Self {
        Self { revoked: Vec::new(), lost: Vec::new(), unknown: false }
    }

    /// The source cannot tell.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { revoked: Vec::new(), lost: Vec::new(), unknown: true }
    }

    /// Adds certificates that are revoked and were not.
    #[must_use]
    pub fn with_revoked(mut self, revoked: impl IntoIterator<Item = Denied>) -> Self {
        self.revoked.extend(revoked);
        self
    }

    /// Adds evidence that is gone, with nothing newer in its place.
    #[must_use]
    pub fn with_lost(mut self, evidence: impl IntoIterator<Item = EvidenceId>) -> Self {
        self.lost.extend(evidence);
        self
    }

    /// Whether nothing was taken from anybody.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.revoked.is_empty() && self.lost.is_empty() && !self.unknown
    }
}

#[cfg(feature = "std")]
impl Revocation {
    /// Names the evidence about a path: while the digest is the same, every certificate of the path is
    /// judged alike, until a time that the evidence itself sets.
    ///
    /// Evidence of somebody else than the issuer, staples of the peer among it, rests on the status of
    /// its signers in turn: then everything at hand goes into the digest. Deny rules that are over at
    /// `now` say nothing any more.
    pub(crate) fn digest_about(
        &self,
        path: &[OwnedCertificate],
        anchor: &TrustAnchor,
        trust_domain: &str,
        identity: &PeerIdentity,
        stapled: bool,
        now: Time,
    ) -> [u8; 32] {
        if stapled {
            return *self.digest().as_bytes();
        }
        let mut hash = Sha256::new();
        let mut ancestors: Vec<&[u8]> = Vec::with_capacity(path.len() + 1);
        ancestors.push(anchor.spki_der());
        for (depth, certificate) in path.iter().enumerate().rev() {
            let certificate = certificate.as_certificate();
            let Some(issuer_spki) = ancestors.last().copied() else { break };
            let identity = if depth == 0 { Some(identity) } else { None };
            let about =
                About { certificate, issuer_spki, ancestors: &ancestors, trust_domain, identity };
            if let Some(deny) = self.deny_list() {
                deny.hash_about(&about, now, &mut hash);
            }
            for source in self.sources() {
                match source.digest_about(&about) {
                    Some(digest) => {
                        hash.update(b"evidence");
                        hash.update(digest.as_bytes());
                    }
                    None => return *self.digest().as_bytes(),
                }
            }
            hash.update(b"certificate");
            let Ok(spki) = certificate.subject_public_key_info() else { break };
            ancestors.push(spki.der());
        }
        hash.finalize().into()
    }
}
