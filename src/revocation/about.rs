//! What evidence says about one certificate, named without being judged; and what changed between two
//! snapshots of a source.
//!
//! A peer that was accepted is asked again only where evidence about its own path changed. The digest of
//! that evidence is what it remembers: a few octets instead of a list.

use alloc::vec::Vec;

#[cfg(feature = "std")]
use sha2::{Digest, Sha256};

use super::{Denied, Query};
#[cfg(feature = "std")]
use super::{EvidenceId, Revocation};
use crate::identity::{DistinguishedName, PeerIdentity};
#[cfg(feature = "std")]
use crate::trust::TrustAnchor;
use crate::x509::Certificate;
#[cfg(feature = "std")]
use crate::x509::{OcspResponse, Time};

/// One certificate of a path that was validated: what the evidence about it is found by.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct About<'a> {
    /// The certificate.
    pub certificate: Certificate<'a>,
    /// DER of its issuer's SubjectPublicKeyInfo.
    pub issuer_spki: &'a [u8],
    /// The keys above the certificate, DER of SubjectPublicKeyInfo, from its issuer to the anchor.
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
    pub(crate) certificates: Vec<Denied>,
    pub(crate) issuers: Vec<DistinguishedName>,
    pub(crate) unknown: bool,
}

impl EvidenceChange {
    /// Nothing was taken from anybody: evidence came, or was renewed.
    #[must_use]
    pub const fn none() -> Self {
        Self { certificates: Vec::new(), issuers: Vec::new(), unknown: false }
    }

    /// The source cannot tell.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { certificates: Vec::new(), issuers: Vec::new(), unknown: true }
    }

    /// Adds certificates of which it says less good than before: they are revoked, or no longer known
    /// not to be.
    #[must_use]
    pub fn with_certificates(mut self, certificates: impl IntoIterator<Item = Denied>) -> Self {
        self.certificates.extend(certificates);
        self
    }

    /// Adds issuers of whose certificates it says less than before.
    #[must_use]
    pub fn with_issuers(mut self, issuers: impl IntoIterator<Item = DistinguishedName>) -> Self {
        self.issuers.extend(issuers);
        self
    }

    /// Whether nothing was taken from anybody.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.certificates.is_empty() && self.issuers.is_empty() && !self.unknown
    }
}

/// A path that was accepted.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct AcceptedPath<'a> {
    pub(crate) certificates: &'a [Certificate<'a>],
    pub(crate) anchor: &'a TrustAnchor,
    pub(crate) trust_domain: &'a str,
    pub(crate) identity: &'a PeerIdentity,
    /// The authorities that may not vouch for signers of evidence.
    pub(crate) distrusted: [u8; 32],
}

#[cfg(feature = "std")]
impl Revocation {
    /// Names the evidence about a path: while the digest is the same, every certificate of the path is
    /// judged alike, until a time that the evidence itself sets.
    ///
    /// Evidence of somebody else than the issuer, the peer's staple among it, rests on the status of its
    /// signers in turn, and on who is distrusted: then everything at hand goes into the digest. Whether revocation is `asked`
    /// about at all is part of it. Deny rules that are over at `now` say nothing any more.
    pub(crate) fn digest_about(
        &self,
        path: &AcceptedPath<'_>,
        staple: Option<&[u8]>,
        asked: bool,
        now: Time,
    ) -> [u8; 32] {
        let everything = || {
            let mut hash = Sha256::new_with_prefix(self.digest().as_bytes());
            hash.update(path.distrusted);
            hash.finalize().into()
        };
        if staple.is_some_and(has_signers) {
            return everything();
        }
        let mut hash = Sha256::new();
        hash.update([u8::from(asked)]);
        let mut ancestors: Vec<&[u8]> = Vec::with_capacity(path.certificates.len() + 1);
        ancestors.push(path.anchor.spki_der());
        for (depth, &certificate) in path.certificates.iter().enumerate().rev() {
            let Some(issuer_spki) = ancestors.first().copied() else { break };
            let identity = if depth == 0 { Some(path.identity) } else { None };
            let trust_domain = path.trust_domain;
            let about =
                About { certificate, issuer_spki, ancestors: &ancestors, trust_domain, identity };
            if let Some(deny) = self.deny_list() {
                deny.hash_about(&about, now, &mut hash);
            }
            for source in self.sources() {
                match source.digest_about(&about) {
                    // A source that has nothing about it says what no source says.
                    Some(digest) if digest == EvidenceId::of(&[]) => {}
                    Some(digest) => {
                        hash.update(b"evidence");
                        hash.update(digest.as_bytes());
                    }
                    None => return everything(),
                }
            }
            hash.update(b"certificate");
            let Ok(spki) = certificate.subject_public_key_info() else { break };
            ancestors.insert(0, spki.der());
        }
        hash.finalize().into()
    }
}

/// Whether an OCSP response comes with certificates, such as a delegated responder's.
#[cfg(feature = "std")]
fn has_signers(response: &[u8]) -> bool {
    match OcspResponse::from_der(response) {
        Ok(OcspResponse::Basic(response)) => response.certificates().next().is_some(),
        _ => false,
    }
}
