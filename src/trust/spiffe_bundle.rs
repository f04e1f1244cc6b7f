//! The bundle of a SPIFFE trust domain, as its publisher gave it.
//!
//! A [`SpiffeBundle`] is what one retrieval brought: the X.509 authorities, the sequence number and
//! the refresh hint, under the trust domain that the caller asked for, since no document names its
//! own (B-01, F-14). It is read from the SPIFFE bundle format (feature `spiffe`), from PEM, or from
//! certificates one after the other in DER as the Workload API has them (W-13, W-15).
//!
//! It becomes trust as the [`TrustBundle`] in it; which of several retrievals counts is decided by
//! [`FederatedBundles`](super::FederatedBundles). Keys of JWT-SVIDs are counted and not kept: they
//! never validate an X.509-SVID (B-15).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::bundle_error::{BundleError, BundleErrorKind, SkippedElement};
use super::{TrustAnchor, TrustBundle};
use crate::identity::TrustDomain;
use crate::signature::SignatureBackend;
use crate::x509::der::Reader;
use crate::x509::{OwnedCertificate, Tag, certificates};

/// The X.509 authorities of one SPIFFE trust domain at one point of its history.
#[derive(Clone, Debug)]
pub struct SpiffeBundle {
    trust_domain: TrustDomain,
    /// In the order of the document, each once.
    authorities: Vec<OwnedCertificate>,
    // INVARIANT: an anchor for each of `authorities`, with the sequence number and refresh hint.
    bundle: TrustBundle,
    pub(super) jwt_authorities: usize,
    pub(super) skipped: Vec<SkippedElement>,
    pub(super) skipped_count: usize,
}

impl SpiffeBundle {
    /// Takes authorities in any order; duplicates are kept once.
    ///
    /// # Errors
    /// [`BundleErrorKind::Authority`] with the index of a certificate that cannot be a trust
    /// anchor.
    pub fn new(
        trust_domain: TrustDomain,
        authorities: impl IntoIterator<Item = OwnedCertificate>,
    ) -> Result<Self, BundleError> {
        let mut kept = Vec::new();
        let mut anchors = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, certificate) in authorities.into_iter().enumerate() {
            let anchor = TrustAnchor::from_certificate(certificate.clone()).map_err(|error| {
                BundleError::new(BundleErrorKind::Authority(error)).at_element(Some(index))
            })?;
            if seen.insert(*anchor.fingerprint()) {
                kept.push(certificate);
                anchors.push(anchor);
            }
        }
        Ok(Self {
            trust_domain,
            authorities: kept,
            bundle: TrustBundle::new(anchors),
            jwt_authorities: 0,
            skipped: Vec::new(),
            skipped_count: 0,
        })
    }

    /// Reads certificates in PEM: at least one, and nothing but certificates.
    ///
    /// # Errors
    /// [`BundleErrorKind::Pem`], and as [`SpiffeBundle::new`].
    pub fn from_pem(trust_domain: TrustDomain, input: &[u8]) -> Result<Self, BundleError> {
        Self::new(trust_domain, pem_certificates(input)?)
    }

    /// Reads certificates in DER, one after the other without anything between, as the Workload
    /// API has them (W-13, W-15); no octets are no certificates.
    ///
    /// # Errors
    /// [`BundleErrorKind::Der`] with the index of the certificate, and as [`SpiffeBundle::new`].
    pub fn from_der(trust_domain: TrustDomain, input: &[u8]) -> Result<Self, BundleError> {
        Self::new(trust_domain, concatenated_certificates(input)?)
    }

    /// Sets the sequence number. Default: none.
    #[must_use]
    pub fn with_sequence(self, sequence: u64) -> Self {
        Self { bundle: self.bundle.with_sequence(sequence), ..self }
    }

    /// Sets after how many seconds to look again. Default: none.
    #[must_use]
    pub fn with_refresh_hint_seconds(self, seconds: u64) -> Self {
        Self { bundle: self.bundle.with_refresh_hint_seconds(seconds), ..self }
    }

    /// Lets `backend` parse the keys of all authorities once.
    #[must_use]
    pub fn prepared_by(self, backend: &dyn SignatureBackend) -> Self {
        Self { bundle: self.bundle.prepared_by(backend), ..self }
    }

    /// Returns the trust domain that the caller said the bundle is of (B-01).
    #[must_use]
    pub const fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Returns the X.509 authorities in the order of the document. None: every SVID of the trust
    /// domain is untrusted (B-12, X-38).
    #[must_use]
    pub fn authorities(&self) -> &[OwnedCertificate] {
        &self.authorities
    }

    /// Returns the authorities as trust anchors.
    #[must_use]
    pub const fn trust_bundle(&self) -> &TrustBundle {
        &self.bundle
    }

    /// Returns the sequence number (B-08).
    #[must_use]
    pub const fn sequence(&self) -> Option<u64> {
        self.bundle.sequence()
    }

    /// Returns the refresh hint in seconds (B-10).
    #[must_use]
    pub const fn refresh_hint_seconds(&self) -> Option<u64> {
        self.bundle.refresh_hint_seconds()
    }

    /// Returns how many authorities of JWT-SVIDs the document has.
    #[must_use]
    pub const fn jwt_authorities(&self) -> usize {
        self.jwt_authorities
    }

    /// Returns the elements of the document that were left out, the first 64.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedElement] {
        &self.skipped
    }

    /// Returns how many elements of the document were left out.
    #[must_use]
    pub const fn skipped_count(&self) -> usize {
        self.skipped_count
    }
}

impl From<SpiffeBundle> for TrustBundle {
    fn from(bundle: SpiffeBundle) -> Self {
        bundle.bundle
    }
}

/// Reads trust anchors from certificates in PEM: at least one, and nothing but certificates.
///
/// # Errors
/// [`BundleErrorKind::Pem`], and [`BundleErrorKind::Authority`] with the index of a certificate
/// that cannot be a trust anchor.
pub fn bundle_from_pem(input: &[u8]) -> Result<TrustBundle, BundleError> {
    anchors(pem_certificates(input)?)
}

/// Reads trust anchors from certificates in DER, one after the other without anything between.
///
/// # Errors
/// [`BundleErrorKind::Der`] and [`BundleErrorKind::Authority`] with the index of the certificate.
pub fn bundle_from_der(input: &[u8]) -> Result<TrustBundle, BundleError> {
    anchors(concatenated_certificates(input)?)
}

fn anchors(certificates: Vec<OwnedCertificate>) -> Result<TrustBundle, BundleError> {
    let anchors = certificates.into_iter().enumerate().map(|(index, certificate)| {
        TrustAnchor::from_certificate(certificate).map_err(|error| {
            BundleError::new(BundleErrorKind::Authority(error)).at_element(Some(index))
        })
    });
    Ok(TrustBundle::new(anchors.collect::<Result<Vec<_>, _>>()?))
}

fn pem_certificates(input: &[u8]) -> Result<Vec<OwnedCertificate>, BundleError> {
    let blobs = certificates(input)
        .map_err(|error| BundleError::new(BundleErrorKind::Pem(error)).at(error.line(), 1))?;
    blobs.iter().enumerate().map(|(index, der)| certificate(der, index)).collect()
}

/// Reads certificates in DER, one after the other without anything between.
pub(super) fn concatenated_certificates(
    input: &[u8],
) -> Result<Vec<OwnedCertificate>, BundleError> {
    let fail = |error, index| BundleError::new(BundleErrorKind::Der(error)).at_element(Some(index));
    let mut reader = Reader::new(input).map_err(|error| fail(error, 0))?;
    let mut list = Vec::new();
    while !reader.is_empty() {
        let index = list.len();
        let element = reader.element(Tag::SEQUENCE).map_err(|error| fail(error, index))?;
        list.push(certificate(element.whole, index)?);
    }
    Ok(list)
}

fn certificate(der: &[u8], index: usize) -> Result<OwnedCertificate, BundleError> {
    OwnedCertificate::from_der(der).map_err(|error| {
        let kind = BundleErrorKind::Authority(super::AnchorError::Certificate(error));
        BundleError::new(kind).at_element(Some(index))
    })
}
