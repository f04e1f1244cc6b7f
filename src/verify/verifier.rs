//! `Verifier`: who is trusted, what is demanded, which evidence there is; one call, or steps.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;

use super::context::Context;
#[cfg(feature = "std")]
use super::identify;
use super::request::Request;
use super::verification::Verification;
use crate::constraints::Violation;
use crate::decision::Decision;
use crate::policy::{RevocationPolicy, ValidationPolicy};
use crate::revocation::Revocation;
use crate::signature::{SignatureBackend, SignatureMemo};
use crate::trust::TrustStore;
#[cfg(feature = "std")]
use crate::x509::Certificate;
use crate::x509::Time;

/// Decides requests under one trust store and one policy. Cheap to clone; immutable.
#[derive(Clone, Debug)]
pub struct Verifier {
    pub(super) trust: Arc<TrustStore>,
    labelled: Arc<BTreeMap<Arc<str>, Arc<TrustStore>>>,
    pub(super) policy: Arc<ValidationPolicy>,
    pub(super) policy_digest: [u8; 32],
    pub(super) backend: Arc<dyn SignatureBackend>,
    pub(super) memo: Option<Arc<dyn SignatureMemo>>,
    #[cfg(feature = "std")]
    pub(super) seen: Option<Arc<super::SeenChains>>,
    #[cfg(feature = "std")]
    pub(super) seen_issuers: Option<Arc<super::SeenIssuers>>,
    pub(super) revocation: Arc<Revocation>,
    pub(super) revocation_policy: Arc<RevocationPolicy>,
    /// What holds for a staple where revocation is not asked about.
    pub(super) staple_policy: Arc<RevocationPolicy>,
    /// What holds beside a deny list where revocation is not asked about.
    pub(super) deny_policy: Arc<RevocationPolicy>,
    /// What signers of revocation evidence are validated by.
    pub(super) signer_policy: Arc<ValidationPolicy>,
}

impl Verifier {
    /// Takes who is trusted to speak for whom, what is demanded, and what verifies signatures.
    #[must_use]
    pub fn new(
        trust: Arc<TrustStore>,
        policy: Arc<ValidationPolicy>,
        backend: Arc<dyn SignatureBackend>,
    ) -> Self {
        Self {
            trust,
            labelled: Arc::default(),
            policy_digest: policy.digest(),
            backend,
            memo: None,
            #[cfg(feature = "std")]
            seen: None,
            #[cfg(feature = "std")]
            seen_issuers: None,
            revocation: Arc::default(),
            revocation_policy: Arc::new(policy.revocation.clone().unwrap_or_default()),
            staple_policy: Arc::new(RevocationPolicy::if_available()),
            deny_policy: Arc::new(RevocationPolicy::dangerously_unchecked()),
            signer_policy: Arc::new(policy.for_signers()),
            policy,
        }
    }

    /// Remembers signatures that verified. A memo changes no answer and no record. Default: none.
    #[must_use]
    pub fn with_memo(self, memo: Arc<dyn SignatureMemo>) -> Self {
        Self { memo: Some(memo), ..self }
    }

    /// Recognises chains that were accepted before by their bytes, so that they need not be read and
    /// their signatures not be verified again. The table changes no answer and no record. Default: none.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn with_seen_chains(self, seen: Arc<super::SeenChains>) -> Self {
        Self { seen: Some(seen), ..self }
    }

    /// Recognises intermediates on paths that were accepted before by their bytes, whatever peer presents
    /// them, so that they need not be read and their signatures not be verified again. The table changes no
    /// answer and no record. Default: none.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn with_seen_issuers(self, seen: Arc<super::SeenIssuers>) -> Self {
        Self { seen_issuers: Some(seen), ..self }
    }

    /// Sets the revocation evidence: deny list and sources. Default: none. Without sources revocation
    /// is not asked about, unless [`ValidationPolicy::with_revocation`] demands it, and decisions say
    /// so; a deny list then refuses whom it names, and nobody else.
    #[must_use]
    pub fn with_revocation(self, revocation: Arc<Revocation>) -> Self {
        Self { revocation, ..self }
    }

    /// Sets the trust that applies to requests with this label, instead of the one the verifier
    /// was made with: for listeners or tenants with their own. A request with a label that was not
    /// set is rejected.
    #[must_use]
    pub fn with_labelled_trust(self, label: &str, trust: Arc<TrustStore>) -> Self {
        let mut labelled = BTreeMap::clone(&self.labelled);
        labelled.insert(label.into(), trust);
        Self { labelled: Arc::new(labelled), ..self }
    }

    /// Ceases to know a label: requests with it are rejected.
    #[must_use]
    pub fn without_labelled_trust(self, label: &str) -> Self {
        let mut labelled = BTreeMap::clone(&self.labelled);
        labelled.remove(label);
        Self { labelled: Arc::new(labelled), ..self }
    }

    /// Sets the trust that applies to requests without a label.
    #[must_use]
    pub fn with_trust(self, trust: Arc<TrustStore>) -> Self {
        Self { trust, ..self }
    }

    /// Sets the policy.
    #[must_use]
    pub fn with_policy(self, policy: Arc<ValidationPolicy>) -> Self {
        Self {
            policy_digest: policy.digest(),
            revocation_policy: Arc::new(policy.revocation.clone().unwrap_or_default()),
            signer_policy: Arc::new(policy.for_signers()),
            policy,
            ..self
        }
    }

    /// Returns the trust store of requests without a label.
    #[must_use]
    pub const fn trust(&self) -> &Arc<TrustStore> {
        &self.trust
    }

    /// Returns the policy.
    #[must_use]
    pub const fn policy(&self) -> &Arc<ValidationPolicy> {
        &self.policy
    }

    /// Returns the digest of the policy.
    #[must_use]
    pub const fn policy_digest(&self) -> &[u8; 32] {
        &self.policy_digest
    }

    /// Returns the trust stores of labels, in the order of the labels.
    pub fn labelled_trust(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<TrustStore>)> {
        self.labelled.iter()
    }

    /// Returns the trust store of requests with this label, or of those without one.
    #[must_use]
    pub fn trust_of(&self, label: Option<&str>) -> Option<&Arc<TrustStore>> {
        label.map_or(Some(&self.trust), |label| self.labelled.get(label))
    }

    /// Returns the revocation evidence.
    #[must_use]
    pub const fn revocation(&self) -> &Arc<Revocation> {
        &self.revocation
    }

    /// Returns what verifies signatures.
    #[must_use]
    pub const fn backend(&self) -> &Arc<dyn SignatureBackend> {
        &self.backend
    }

    /// Returns what remembers signatures.
    #[must_use]
    pub const fn memo(&self) -> Option<&Arc<dyn SignatureMemo>> {
        self.memo.as_ref()
    }

    /// Answers a request as of `now`. Never blocks and never fetches: it goes by the evidence that
    /// the verifier has.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>, now: Time) -> Decision {
        Context::new(self, request, now).decide()
    }

    /// Begins to answer a request as of `now`, in steps.
    #[must_use]
    pub fn begin<'a>(&'a self, request: &'a Request<'a>, now: Time) -> Verification<'a> {
        Verification::new(self, request, now)
    }

    /// Names which domains speak for the names that a request is about: while the digest is the same,
    /// so are the domain that is selected and the identity. Nothing where the label is not known.
    #[cfg(feature = "std")]
    pub(crate) fn speakers(&self, request: &Request<'_>) -> Option<[u8; 32]> {
        let store = self.trust_of(request.label)?;
        let certificate = Certificate::from_der(request.end_entity.as_ref()).ok()?;
        Some(identify::speakers(store, &certificate, request.expect))
    }

    /// Whether both are made of the very same parts.
    #[cfg(feature = "std")]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.trust, &other.trust)
            && (Arc::ptr_eq(&self.labelled, &other.labelled)
                || self.labelled.len() == other.labelled.len()
                    && self
                        .labelled
                        .iter()
                        .zip(other.labelled.iter())
                        .all(|(a, b)| a.0 == b.0 && Arc::ptr_eq(a.1, b.1)))
            && Arc::ptr_eq(&self.policy, &other.policy)
            && Arc::ptr_eq(&self.revocation, &other.revocation)
    }

    /// Whether revocation is part of the question.
    pub(crate) fn asks_about_revocation(&self) -> bool {
        !self.revocation.sources().is_empty() || self.policy.revocation.is_some()
    }

    pub(super) fn trust_for(&self, label: Option<&str>) -> Result<&TrustStore, Violation> {
        self.trust_of(label)
            .map(Arc::as_ref)
            .ok_or_else(|| Violation::UnknownLabel { label: label.unwrap_or_default().to_string() })
    }
}
