//! `Verifier`: who is trusted, what is demanded, which evidence there is; one call, or steps.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;

use super::request::Request;
use super::verification::Verification;
use crate::constraints::Violation;
use crate::decision::Decision;
use crate::policy::{RevocationPolicy, ValidationPolicy};
use crate::revocation::Revocation;
use crate::signature::{SignatureBackend, SignatureMemo};
use crate::trust::TrustStore;
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
    pub(super) revocation: Arc<Revocation>,
    pub(super) revocation_policy: Arc<RevocationPolicy>,
    /// What holds for a staple where revocation is not asked about.
    pub(super) staple_policy: Arc<RevocationPolicy>,
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
            revocation: Arc::default(),
            revocation_policy: Arc::new(policy.revocation.clone().unwrap_or_default()),
            staple_policy: Arc::new(RevocationPolicy::if_available()),
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

    /// Sets the revocation evidence: deny list and sources. Default: none; revocation is then not
    /// asked about, unless [`ValidationPolicy::with_revocation`] demands it, and decisions say so.
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

    /// Answers a request as of `now`. Never blocks and never fetches: it goes by the evidence that
    /// the verifier has.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>, now: Time) -> Decision {
        self.begin(request, now).run()
    }

    /// Begins to answer a request as of `now`, in steps.
    #[must_use]
    pub fn begin<'a>(&'a self, request: &'a Request<'a>, now: Time) -> Verification<'a> {
        Verification::new(self, request, now)
    }

    /// Whether revocation is part of the question.
    pub(super) fn asks_about_revocation(&self) -> bool {
        !self.revocation.is_empty() || self.policy.revocation.is_some()
    }

    pub(super) fn trust_for(&self, label: Option<&str>) -> Result<&TrustStore, Violation> {
        match label {
            None => Ok(&self.trust),
            Some(label) => self
                .labelled
                .get(label)
                .map(Arc::as_ref)
                .ok_or_else(|| Violation::UnknownLabel { label: label.to_string() }),
        }
    }
}
