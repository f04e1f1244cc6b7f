//! Moving over from `WebPkiServerVerifier` and `WebPkiClientVerifier`: their roots, their provider,
//! their defaults.
//!
//! A root store lets every authority speak for everybody, so that the trust made from one is
//! [`TrustStore::dangerously_unscoped`]; who has names for what authorities may speak for makes a
//! [`TrustStore`] with domains.

use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::{CertificateDer, TrustAnchor as PkiAnchor};

use super::verifier::{ClientVerifier, ServerVerifier};
use crate::live::Live;
use crate::policy::ValidationPolicy;
use crate::signature::{PkiTypesBackend, SignatureBackend};
use crate::tls::{ExpectClient, ExpectServer};
use crate::trust::{AnchorError, TrustAnchor, TrustBundle, TrustStore};
use crate::verify::Verifier;

/// The signature backend of a provider: what `ring`, `aws-lc-rs` or any other one verifies with.
#[must_use]
pub fn backend_of(provider: &CryptoProvider) -> Arc<dyn SignatureBackend> {
    Arc::new(PkiTypesBackend::new(provider.signature_verification_algorithms.all))
}

/// Reads the anchors of a [`RootCertStore`], of `webpki_roots::TLS_SERVER_ROOTS`, or any others.
///
/// # Errors
/// [`AnchorError`] of the first one that cannot be read.
pub fn bundle_of_anchors<'a>(
    anchors: impl IntoIterator<Item = &'a PkiAnchor<'a>>,
) -> Result<TrustBundle, AnchorError> {
    let anchors: Result<Vec<_>, _> = anchors.into_iter().map(TrustAnchor::from_pki_types).collect();
    anchors.map(TrustBundle::new)
}

/// Reads the certificates that a platform trusts, such as those of `rustls-native-certs`. What cannot
/// be read is left out, as in `RootCertStore::add_parsable_certificates`: such collections have
/// ancient ones. Returns the bundle and how many were left out.
pub fn bundle_of_certificates<'a>(
    certificates: impl IntoIterator<Item = CertificateDer<'a>>,
) -> (TrustBundle, usize) {
    let mut left_out = 0;
    let anchors: Vec<_> = certificates
        .into_iter()
        .filter_map(|der| {
            let anchor = TrustAnchor::from_der(&der).ok();
            left_out += usize::from(anchor.is_none());
            anchor
        })
        .collect();
    (TrustBundle::new(anchors), left_out)
}

fn live(
    roots: &RootCertStore,
    provider: &CryptoProvider,
    policy: ValidationPolicy,
) -> Result<Live, AnchorError> {
    let trust = TrustStore::dangerously_unscoped(bundle_of_anchors(&roots.roots)?);
    Ok(Live::new(Verifier::new(Arc::new(trust), Arc::new(policy), backend_of(provider))))
}

impl ServerVerifier {
    /// What `WebPkiServerVerifier::builder_with_provider(roots, provider).build()` does: servers that
    /// bear the name of the connection, by any of the roots.
    ///
    /// # Errors
    /// [`AnchorError`] of the first root that cannot be read.
    pub fn from_roots(
        roots: &RootCertStore,
        provider: &CryptoProvider,
    ) -> Result<Arc<Self>, AnchorError> {
        let live = live(roots, provider, ValidationPolicy::tls_server())?;
        Ok(Arc::new(Self::new(live, ExpectServer::connection_name())))
    }
}

impl ClientVerifier {
    /// What `WebPkiClientVerifier::builder_with_provider(roots, provider).build()` does, except that
    /// it says who may connect: that one lets in whomever any of the roots has certified, which is
    /// [`ExpectClient::dangerously_any`]. Clients must present a certificate.
    ///
    /// # Errors
    /// [`AnchorError`] of the first root that cannot be read.
    pub fn from_roots(
        roots: &RootCertStore,
        provider: &CryptoProvider,
        expect: ExpectClient,
    ) -> Result<Arc<Self>, AnchorError> {
        let live = live(roots, provider, ValidationPolicy::tls_client())?;
        Ok(Arc::new(Self::new(live, expect)))
    }
}
