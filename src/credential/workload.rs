//! Credentials out of messages of the SPIFFE Workload API.
//!
//! A message is the complete state (W-02): what it does not name is withdrawn, its first SVID is the
//! default identity (W-12), the hint of an SVID is the hint of its credential. An SVID that is in force
//! already is taken over as it is: a message that brings nothing but another bundle costs no signature,
//! and an SVID that an agent keeps listing past its end takes nothing down with it.
//!
//! All or nothing: where one SVID is not sound, no credential of the message takes the place of
//! another, and the error names the SVID. The bundles of the message are another matter, and the
//! host's: where the credentials are refused, it publishes the trust alone, for the removal of an
//! authority is not to wait for somebody's key.
//!
//! Of several SVIDs with one SPIFFE ID, kind of key and hint the first counts: there is no way to ask
//! for the others (W-08).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rustls_pki_types::CertificateDer;

use super::{
    Credential, CredentialChecks, CredentialError, CredentialKey, CredentialSet, SoftwareKey,
    Update,
};
use crate::identity::SpiffeId;
use crate::trust::{WorkloadContext, WorkloadSvid};
use crate::x509::OwnedCertificate;

/// An SVID of a message that does not become a credential, and why.
#[derive(Clone, Debug)]
pub struct SvidRefused {
    id: SpiffeId,
    error: CredentialError,
}

impl SvidRefused {
    /// Returns whose SVID it is.
    #[must_use]
    pub const fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// Returns what is wrong with it.
    #[must_use]
    pub const fn error(&self) -> &CredentialError {
        &self.error
    }

    /// Returns the stable, machine-readable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.error.code()
    }
}

impl fmt::Display for SvidRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the svid of {} is not taken into use", self.id)
    }
}

impl core::error::Error for SvidRefused {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl CredentialChecks<'_> {
    /// Checks an SVID of the Workload API, whose hint becomes that of the credential.
    ///
    /// # Errors
    /// [`CredentialError::Key`] where the key cannot be read, and as [`CredentialChecks::check`].
    pub fn check_svid(&self, svid: &WorkloadSvid) -> Result<Credential, CredentialError> {
        let key = SoftwareKey::from_der(svid.key().as_der()).map_err(CredentialError::Key)?;
        self.check_svid_with(svid, key)
    }

    fn check_svid_with(
        &self,
        svid: &WorkloadSvid,
        key: SoftwareKey,
    ) -> Result<Credential, CredentialError> {
        let chain: Vec<CertificateDer<'_>> =
            svid.chain().iter().map(|certificate| certificate.as_der().into()).collect();
        let checks = match svid.hint() {
            Some(hint) => self.with_hint(hint),
            None => self.without_hint(),
        };
        checks.check(&chain, Arc::new(key))
    }
}

impl<A> Update<A> {
    /// The complete state that a message of the Workload API says, after the checks of each SVID that
    /// is not in force yet.
    ///
    /// # Errors
    /// [`SvidRefused`] of the first SVID that is.
    pub fn from_workload<B>(
        context: &WorkloadContext,
        checks: &CredentialChecks<'_>,
        in_force: &CredentialSet<B>,
    ) -> Result<Self, Box<SvidRefused>> {
        let mut credentials: Vec<Credential> = Vec::with_capacity(context.svids().len());
        for svid in context.svids() {
            let credential = credential_of(svid, checks, in_force)
                .map_err(|error| Box::new(SvidRefused { id: svid.id().clone(), error }))?;
            if !credentials.iter().any(|first| credential.replaces(first)) {
                credentials.push(credential);
            }
        }
        Ok(Self::complete(credentials))
    }
}

fn credential_of<A>(
    svid: &WorkloadSvid,
    checks: &CredentialChecks<'_>,
    in_force: &CredentialSet<A>,
) -> Result<Credential, CredentialError> {
    let key = SoftwareKey::from_der(svid.key().as_der()).map_err(CredentialError::Key)?;
    // The same key, by its public half, computed from the private one: a torn message is none.
    let known = in_force.iter().find(|credential| {
        credential.hint() == svid.hint()
            && credential.key().public_key() == key.public_key()
            && ders(credential.chain()).eq(ders(svid.chain()))
    });
    match known {
        Some(credential) => Ok(credential.again()),
        None => checks.check_svid_with(svid, key),
    }
}

fn ders(chain: &[OwnedCertificate]) -> impl Iterator<Item = &[u8]> {
    chain.iter().map(OwnedCertificate::as_der)
}
