//! `Credential`: a chain and its key, checked together; `CredentialChecks`: what they are checked for.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rustls_pki_types::CertificateDer;

use super::chain::check_chain;
use super::possession::prove;
use super::{CredentialError, CredentialKey};
use crate::identity::{DnsName, IdentityMatcher, PeerIdentity, PresentedDnsName};
use crate::policy::ValidationPolicy;
use crate::signature::{KeyAlgorithm, KeyKind, SignatureBackend};
use crate::verify::{Expect, Request, Verifier};
use crate::x509::{Certificate, OwnedCertificate, Time};

/// A certificate chain with the key of its leaf.
///
/// INVARIANT: made only by [`CredentialChecks::check`], so that chain and key belong together, the
/// chain is linked and the profile is right.
pub struct Credential {
    chain: Box<[OwnedCertificate]>,
    key: Arc<dyn CredentialKey>,
    identity: PeerIdentity,
    issued_at: Time,
    valid_until: Time,
    key_kind: Option<KeyKind>,
    hint: Option<Box<str>>,
    generation: u64,
}

impl Credential {
    /// Returns the chain, the leaf first.
    #[must_use]
    pub fn chain(&self) -> &[OwnedCertificate] {
        &self.chain
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &Arc<dyn CredentialKey> {
        &self.key
    }

    /// Returns the kind of the leaf's key; nothing where this crate has no name for it.
    #[must_use]
    pub const fn key_kind(&self) -> Option<KeyKind> {
        self.key_kind
    }

    /// Returns who the holder is: as its own trust confirmed it, where that was asked, else all names
    /// of the leaf.
    #[must_use]
    pub const fn identity(&self) -> &PeerIdentity {
        &self.identity
    }

    /// Returns the name that an operator gave it (the hint of the SPIFFE Workload API).
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns notBefore of the leaf.
    #[must_use]
    pub const fn issued_at(&self) -> Time {
        self.issued_at
    }

    /// Returns the last second in which it can be presented: the earliest notAfter of the chain.
    #[must_use]
    pub const fn valid_until(&self) -> Time {
        self.valid_until
    }

    /// Whether presenting it at `now` is of no use any more.
    #[must_use]
    pub fn is_expired(&self, now: Time) -> bool {
        now > self.valid_until
    }

    /// Returns the number of the publication that put it in force; 0 before that.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a DNS name of the leaf is `name`, or covers it as a wildcard.
    #[must_use]
    pub fn covers(&self, name: &DnsName) -> bool {
        self.identity.dns_names().any(|presented| presented.matches(name))
    }

    pub(super) fn names_exactly(&self, name: &DnsName) -> bool {
        let exact =
            |presented: &PresentedDnsName| !presented.is_wildcard() && presented.matches(name);
        self.identity.dns_names().any(exact)
    }

    /// Whether it takes the place of `other`: same identity, kind of key and hint.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.identity.primary() == other.identity.primary()
            && self.key_kind == other.key_kind
            && self.hint == other.hint
    }

    /// Whether certificates and public key are the same bytes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.replaces(other)
            && self.identity == other.identity
            && self.key.public_key() == other.key.public_key()
            && self
                .chain
                .iter()
                .map(OwnedCertificate::as_der)
                .eq(other.chain.iter().map(OwnedCertificate::as_der))
    }

    /// Fails where it was issued before `in_force`.
    ///
    /// An older leaf is still valid and would serve; but who puts it back is a backup, a slow disk or a
    /// replay, and what it was replaced for may have been a leaked key.
    pub(super) fn check_not_older(&self, in_force: &Self) -> Result<(), CredentialError> {
        if self.issued_at < in_force.issued_at {
            return Err(CredentialError::Rollback {
                in_force: in_force.issued_at,
                offered: self.issued_at,
            });
        }
        Ok(())
    }

    pub(super) fn in_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    /// The same once more, for an update that keeps it.
    #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
    pub(super) fn again(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone(),
            identity: self.identity.clone(),
            hint: self.hint.clone(),
            ..*self
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("identity", &format_args!("{}", self.identity))
            .field("generation", &self.generation)
            .field("issued_at", &self.issued_at)
            .field("valid_until", &self.valid_until)
            .field("certificates", &self.chain.len())
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What a chain and a key are checked for before they become a [`Credential`].
///
/// Always: every certificate is sound and signed by the next; leaf and issuers obey the policy and are
/// in date at `now` (with its clock skew); the leaf bears an identity; the key proves that it belongs
/// to the leaf. On demand: the holder's own trust accepts the chain, the identity is the one asked
/// for, and the credential is not older than another.
///
/// The proof signs once with the key: with a token it takes as long as a handshake does.
#[derive(Clone, Copy, Debug)]
pub struct CredentialChecks<'a> {
    policy: &'a ValidationPolicy,
    backend: &'a dyn SignatureBackend,
    now: Time,
    trust: Option<&'a Verifier>,
    expected: Option<&'a IdentityMatcher>,
    in_force: Option<&'a Credential>,
    hint: Option<&'a str>,
}

impl<'a> CredentialChecks<'a> {
    /// Checks against `policy`: that of a peer which is to accept the credential.
    #[must_use]
    pub const fn new(
        policy: &'a ValidationPolicy,
        backend: &'a dyn SignatureBackend,
        now: Time,
    ) -> Self {
        Self { policy, backend, now, trust: None, expected: None, in_force: None, hint: None }
    }

    /// Demands that the holder's own trust accepts the chain; its identity is then the one that this
    /// trust confirms. Default: not asked.
    #[must_use]
    pub const fn with_trust(self, verifier: &'a Verifier) -> Self {
        Self { trust: Some(verifier), ..self }
    }

    /// Demands an identity that `matcher` accepts. Default: any.
    #[must_use]
    pub const fn with_expected(self, matcher: &'a IdentityMatcher) -> Self {
        Self { expected: Some(matcher), ..self }
    }

    /// Demands that the leaf was not issued before that of `in_force`. Default: not asked; a handle
    /// asks when it publishes.
    #[must_use]
    pub const fn not_older_than(self, in_force: &'a Credential) -> Self {
        Self { in_force: Some(in_force), ..self }
    }

    /// Gives the credential a name by which it can be chosen. Default: none.
    #[must_use]
    pub const fn with_hint(self, hint: &'a str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
    pub(super) const fn without_hint(self) -> Self {
        Self { hint: None, ..self }
    }

    /// Checks a chain, the leaf first, and its key.
    ///
    /// # Errors
    /// [`CredentialError`]: the first demand that is not met.
    pub fn check(
        &self,
        chain: &[CertificateDer<'_>],
        key: Arc<dyn CredentialKey>,
    ) -> Result<Credential, CredentialError> {
        let certificates =
            check_chain(chain.iter().map(AsRef::as_ref), self.policy, self.backend, self.now)?;
        let leaf = certificates.first().ok_or(CredentialError::EmptyChain)?.as_certificate();
        let (identity, trusted_until) = self.identify(chain, &leaf)?;
        if identity.is_empty() {
            return Err(CredentialError::NoIdentity);
        }
        if self.expected.is_some_and(|matcher| !matcher.matches(&identity)) {
            return Err(CredentialError::Identity);
        }
        let last_seconds =
            certificates.iter().map(|certificate| certificate.as_certificate().not_after());
        let valid_until = last_seconds.chain(trusted_until).min().unwrap_or(leaf.not_after());
        let spki = leaf.subject_public_key_info();
        let key_kind = spki.ok().and_then(|spki| KeyAlgorithm::classify(&spki).kind());
        let issued_at = leaf.not_before();
        prove(&leaf, &*key, self.policy, self.backend)?;
        let credential = Credential {
            chain: Vec::into_boxed_slice(certificates),
            key,
            identity,
            issued_at,
            valid_until,
            key_kind,
            hint: self.hint.map(Box::from),
            generation: 0,
        };
        if let Some(in_force) = self.in_force {
            credential.check_not_older(in_force)?;
        }
        Ok(credential)
    }

    /// Who the leaf is and, where trust was asked, until when that holds.
    fn identify(
        &self,
        chain: &[CertificateDer<'_>],
        leaf: &Certificate<'_>,
    ) -> Result<(PeerIdentity, Option<Time>), CredentialError> {
        let Some(verifier) = self.trust else { return Ok((PeerIdentity::claimed(leaf), None)) };
        let (end_entity, intermediates) = chain.split_first().ok_or(CredentialError::EmptyChain)?;
        let request = Request::new(end_entity, intermediates, Expect::dangerously_any_identity());
        let peer = verifier
            .decide(&request, self.now)
            .into_result()
            .map_err(CredentialError::NotTrusted)?;
        Ok((peer.identity().clone(), Some(peer.valid_until())))
    }
}
