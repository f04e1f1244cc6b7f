//! `Staple`: an OCSP response for one's own leaf, to be sent with it.
//!
//! A server that staples spares its clients a question; one that staples the wrong thing is refused by
//! those who listen. So a response becomes a [`Staple`] only where a peer that demands evidence would
//! accept the leaf for it: it is about this leaf, says "good", is fresh, and is signed by the issuer or by a
//! responder that the issuer certified and whose certificate need not be asked about itself
//! (id-pkix-ocsp-nocheck). It is presented until nextUpdate and not a second longer.
//!
//! A staple stands beside the credential in a [`CredentialSet`](super::CredentialSet), and is published
//! without touching it: sessions, key and generation stay. When to ask for the next one, a
//! [`RotationSchedule`](super::RotationSchedule::of_staple) says as it does for the credential itself.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use rustls_pki_types::CertificateDer;

use super::Credential;
use crate::decision::{Fingerprint, Rejection};
use crate::policy::{RevocationPolicy, ValidationPolicy};
use crate::signature::SignatureBackend;
use crate::trust::{AnchorError, TrustAnchor, TrustBundle, TrustStore};
use crate::verify::{Expect, Request, Verifier};
use crate::x509::Time;

/// An OCSP response for a leaf of one's own.
///
/// INVARIANT: made only by [`Staple::check`] and [`Staple::check_with_issuer`].
#[derive(Clone, PartialEq, Eq)]
pub struct Staple {
    leaf: Fingerprint,
    response: Box<[u8]>,
    taken_at: Time,
    valid_until: Time,
}

/// Why a response is not stapled.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StapleRefused {
    /// The chain of the credential is the leaf alone, so that nothing says whose signature is wanted.
    #[error("the chain has no issuer to check the response with")]
    NoIssuer,
    /// The issuer's certificate cannot be used.
    #[error("the certificate of the issuer cannot be used")]
    Issuer(#[source] AnchorError),
    /// A peer would refuse the leaf with this response.
    #[error("a peer would refuse the certificate with this response")]
    NotGood(#[source] Box<Rejection>),
}

impl StapleRefused {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoIssuer => "staple.no-issuer",
            Self::Issuer(_) => "staple.issuer",
            Self::NotGood(_) => "staple.not-good",
        }
    }

    /// Returns the code of the decision that a peer would come to.
    #[must_use]
    pub fn cause_code(&self) -> Option<&'static str> {
        match self {
            Self::NotGood(rejection) => Some(rejection.cause().code()),
            Self::NoIssuer | Self::Issuer(_) => None,
        }
    }
}

impl Staple {
    /// Checks a response, DER, for the leaf of a credential whose chain has the leaf's issuer.
    ///
    /// # Errors
    /// [`StapleRefused`].
    pub fn check(
        response: &[u8],
        credential: &Credential,
        backend: Arc<dyn SignatureBackend>,
        now: Time,
    ) -> Result<Self, StapleRefused> {
        let issuer = credential.chain().get(1).ok_or(StapleRefused::NoIssuer)?;
        let issuer = CertificateDer::from(issuer.as_der());
        Self::check_with_issuer(response, credential, &issuer, backend, now)
    }

    /// Checks a response, DER, for the leaf of a credential that `issuer` issued.
    ///
    /// # Errors
    /// [`StapleRefused`].
    pub fn check_with_issuer(
        response: &[u8],
        credential: &Credential,
        issuer: &CertificateDer<'_>,
        backend: Arc<dyn SignatureBackend>,
        now: Time,
    ) -> Result<Self, StapleRefused> {
        // As a peer does that trusts the issuer and nobody else, demands evidence, and has none but this.
        let anchor = TrustAnchor::from_der(issuer).map_err(StapleRefused::Issuer)?;
        let trust = TrustStore::dangerously_unscoped(TrustBundle::new([anchor]));
        let policy = ValidationPolicy::rfc5280().with_revocation(RevocationPolicy::hard_fail());
        let verifier = Verifier::new(Arc::new(trust), Arc::new(policy), backend);
        let leaf = credential.chain().first().ok_or(StapleRefused::NoIssuer)?;
        let end_entity = CertificateDer::from(leaf.as_der());
        let request = Request::new(&end_entity, &[], Expect::dangerously_any_identity())
            .with_stapled_ocsp(response);
        let peer = verifier.decide(&request, now).into_result().map_err(StapleRefused::NotGood)?;
        Ok(Self {
            leaf: Fingerprint::of(leaf.as_der()),
            response: response.into(),
            taken_at: now,
            valid_until: peer.valid_until(),
        })
    }

    /// Returns the response, DER.
    #[must_use]
    pub const fn response(&self) -> &[u8] {
        &self.response
    }

    /// Returns the SHA-256 of the leaf that it is about.
    #[must_use]
    pub const fn leaf(&self) -> Fingerprint {
        self.leaf
    }

    /// Returns when it was checked.
    #[must_use]
    pub const fn taken_at(&self) -> Time {
        self.taken_at
    }

    /// Returns the last second in which it is presented: nextUpdate, or the end of the leaf or of the
    /// responder's certificate where that comes before.
    #[must_use]
    pub const fn valid_until(&self) -> Time {
        self.valid_until
    }
}

impl fmt::Debug for Staple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staple")
            .field("leaf", &self.leaf)
            .field("octets", &self.response.len())
            .field("valid_until", &self.valid_until)
            .finish_non_exhaustive()
    }
}
