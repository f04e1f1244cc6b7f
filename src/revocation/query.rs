//! What a source is asked: one certificate of a path that was validated, and with what to judge.

use core::fmt;

use crate::identity::PeerIdentity;
use crate::policy::{Budget, LimitExceeded, Limits, RevocationPolicy, Role};
use crate::signature::{
    AlgorithmPolicy, AlgorithmRefused, Message, PublicKey, SignatureBackend, SignatureCheck,
    SignatureError, SignatureMemo,
};
use crate::x509::{AlgorithmIdentifier, Certificate, KeyUsage, Name, Time};

use super::answer::{SignerId, Unknown};

/// The issuer of the certificate in question, as the validated path has it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Issuer<'a> {
    /// Its name: the subject of its certificate, or the name of the trust anchor.
    pub name: Name<'a>,
    /// Its key, which verified the certificate's signature.
    pub key: PublicKey<'a>,
    /// Key usage of its certificate, an anchor's certificate included.
    pub key_usage: Option<KeyUsage>,
    /// Whether it is the trust anchor.
    pub is_anchor: bool,
}

impl<'a> Issuer<'a> {
    /// Names an issuer. Default: no key usage, no trust anchor.
    #[must_use]
    pub const fn new(name: Name<'a>, key: PublicKey<'a>) -> Self {
        Self { name, key, key_usage: None, is_anchor: false }
    }

    /// Sets the key usage of its certificate.
    #[must_use]
    pub const fn with_key_usage(self, key_usage: Option<KeyUsage>) -> Self {
        Self { key_usage, ..self }
    }

    /// Says that it is the trust anchor.
    #[must_use]
    pub const fn anchor(self) -> Self {
        Self { is_anchor: true, ..self }
    }
}

/// What verifies signatures on evidence.
#[derive(Clone, Copy, Debug)]
pub struct SignatureTools<'a> {
    backend: &'a dyn SignatureBackend,
    algorithms: &'a AlgorithmPolicy,
    memo: Option<&'a dyn SignatureMemo>,
}

impl<'a> SignatureTools<'a> {
    /// Takes a backend and the algorithms that are acceptable. Default: no memo.
    #[must_use]
    pub const fn new(backend: &'a dyn SignatureBackend, algorithms: &'a AlgorithmPolicy) -> Self {
        Self { backend, algorithms, memo: None }
    }

    /// Sets the memo of verified signatures.
    #[must_use]
    pub const fn with_memo(self, memo: Option<&'a dyn SignatureMemo>) -> Self {
        Self { memo, ..self }
    }

    /// Verifies that `signature` was made over `message` with the private half of `key`.
    pub(super) fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureFailure> {
        self.algorithms.check(algorithm, &key.spki())?;
        SignatureCheck { key, algorithm, message, signature }.run(self.backend, None, self.memo)?;
        Ok(())
    }
}

/// Why a signature on evidence does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFailure {
    /// The policy refuses the algorithm or the key.
    #[error("the policy refuses the signature")]
    Refused(#[from] AlgorithmRefused),
    /// It does not hold.
    #[error("the signature does not hold")]
    Invalid(#[from] SignatureError),
}

/// What the evidence of one decision may still cost.
#[derive(Debug)]
pub struct EvidenceBudget<'b>(Purse<'b>);

#[derive(Debug)]
enum Purse<'b> {
    /// That of the decision, its path included.
    Shared(&'b mut Budget),
    Own(Budget),
}

impl EvidenceBudget<'static> {
    /// A budget of its own, for questions outside a decision.
    #[must_use]
    pub const fn of_limits(limits: Limits) -> Self {
        Self(Purse::Own(Budget::new(limits)))
    }
}

impl<'b> EvidenceBudget<'b> {
    pub(crate) const fn new(budget: &'b mut Budget) -> Self {
        Self(Purse::Shared(budget))
    }

    fn budget(&mut self) -> &mut Budget {
        match &mut self.0 {
            Purse::Shared(budget) => budget,
            Purse::Own(budget) => budget,
        }
    }

    /// Spends one consultation of a list or response.
    ///
    /// # Errors
    /// [`LimitExceeded`] where none is left.
    pub fn evidence_check(&mut self) -> Result<(), LimitExceeded> {
        self.budget().evidence_check()
    }

    /// Spends one signature check, whether it is remembered or performed.
    ///
    /// # Errors
    /// [`LimitExceeded`] where none is left.
    pub fn signature(&mut self) -> Result<(), LimitExceeded> {
        self.budget().signature()
    }
}

/// Whether a signer of evidence was found to be certified for it, by whoever validates paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a source must handle each case")]
pub enum SignerVerdict {
    /// Its path was validated to the same trust anchor; it holds until this time.
    Authorized {
        /// The end of the validity of its path.
        valid_until: Time,
    },
    /// Its path was found not to be valid, or to end at another trust anchor.
    Refused,
    /// Nobody asked.
    NotAsked,
}

/// What is known of signers; see [`Answer::signers`](super::Answer::signers).
pub trait SignerVerdicts: fmt::Debug {
    /// What is known of this signer.
    fn verdict(&self, signer: &SignerId) -> SignerVerdict;
}

/// Knows of no signer.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoSigners;

impl SignerVerdicts for NoSigners {
    fn verdict(&self, _: &SignerId) -> SignerVerdict {
        SignerVerdict::NotAsked
    }
}

/// One certificate of a validated path, and with what to judge it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Query<'a> {
    /// The certificate in question.
    pub certificate: Certificate<'a>,
    /// Its issuer.
    pub issuer: Issuer<'a>,
    /// The keys above the certificate, DER of SubjectPublicKeyInfo, from its issuer to the anchor.
    pub ancestors: &'a [&'a [u8]],
    /// The trust domain of the decision; empty for an unscoped one.
    pub trust_domain: &'a str,
    /// End entity or intermediate.
    pub role: Role,
    /// Position in the path, 0 for the leaf.
    pub depth: usize,
    /// The time of the decision.
    pub now: Time,
    /// By how many seconds the clocks of issuer and relying party may differ.
    pub clock_skew_seconds: u32,
    /// The OCSP response that the peer sent with its certificate; for the leaf alone.
    pub stapled_ocsp: Option<&'a [u8]>,
    /// The SCT list that the peer sent in the handshake; for the leaf alone.
    pub scts: Option<&'a [u8]>,
    /// The identity that the path confirmed; for the leaf alone.
    pub identity: Option<&'a PeerIdentity>,
    /// What is known of signers of evidence.
    pub signers: &'a dyn SignerVerdicts,
    /// What verifies signatures.
    pub signatures: SignatureTools<'a>,
    /// The ages and lifetimes that the relying party accepts.
    pub policy: &'a RevocationPolicy,
}

impl<'a> Query<'a> {
    /// Asks of an end entity at `now`. Default: no clock skew, no staple, no SCTs, no identity,
    /// no known signers, no trust domain, no ancestors.
    #[must_use]
    pub fn new(
        certificate: Certificate<'a>,
        issuer: Issuer<'a>,
        signatures: SignatureTools<'a>,
        policy: &'a RevocationPolicy,
        now: Time,
    ) -> Self {
        Self {
            certificate,
            issuer,
            ancestors: &[],
            trust_domain: "",
            role: Role::EndEntity,
            depth: 0,
            now,
            clock_skew_seconds: 0,
            stapled_ocsp: None,
            scts: None,
            identity: None,
            signers: &NoSigners,
            signatures,
            policy,
        }
    }

    /// Sets the role and the position in the path.
    #[must_use]
    pub const fn with_role(self, role: Role, depth: usize) -> Self {
        Self { role, depth, ..self }
    }

    /// Sets the keys above the certificate.
    #[must_use]
    pub const fn with_ancestors(self, ancestors: &'a [&'a [u8]]) -> Self {
        Self { ancestors, ..self }
    }

    /// Sets the trust domain of the decision.
    #[must_use]
    pub const fn with_trust_domain(self, trust_domain: &'a str) -> Self {
        Self { trust_domain, ..self }
    }

    /// Sets the clock skew.
    #[must_use]
    pub const fn with_clock_skew_seconds(self, clock_skew_seconds: u32) -> Self {
        Self { clock_skew_seconds, ..self }
    }

    /// Sets the stapled OCSP response.
    #[must_use]
    pub const fn with_stapled_ocsp(self, stapled_ocsp: Option<&'a [u8]>) -> Self {
        Self { stapled_ocsp, ..self }
    }

    /// Sets the SCT list of the handshake.
    #[must_use]
    pub const fn with_scts(self, scts: Option<&'a [u8]>) -> Self {
        Self { scts, ..self }
    }

    /// Sets the identity that the path confirmed.
    #[must_use]
    pub const fn with_identity(self, identity: Option<&'a PeerIdentity>) -> Self {
        Self { identity, ..self }
    }

    /// Sets what is known of signers.
    #[must_use]
    pub const fn with_signers(self, signers: &'a dyn SignerVerdicts) -> Self {
        Self { signers, ..self }
    }

    /// Whether the certificate has basicConstraints with cA, which list scopes go by.
    pub(super) fn is_ca(&self) -> bool {
        is_ca(&self.certificate)
    }

    /// When the question is asked.
    pub(super) const fn clock(&self) -> Clock {
        Clock { now: self.now, skew_seconds: self.clock_skew_seconds }
    }
}

pub(super) fn is_ca(certificate: &Certificate<'_>) -> bool {
    certificate.basic_constraints().is_some_and(|constraints| constraints.ca)
}

/// The time of a question, and by how much the clocks of issuer and relying party may differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) now: Time,
    pub(crate) skew_seconds: u32,
}

impl Clock {
    /// Until when evidence is fresh: nextUpdate and the policy's ages.
    ///
    /// RFC 5280 6.3.3 (a) asks for "the current time" before nextUpdate; RFC 6960 3.2 (5), (6) for
    /// thisUpdate that is "sufficiently recent" and nextUpdate that is "greater than the current
    /// time". A thisUpdate in the future makes either not valid yet. The clock skew widens both
    /// ends.
    pub(super) fn fresh_until(
        self,
        this_update: Time,
        next_update: Option<Time>,
        max_age_seconds: Option<u32>,
        max_age_without_next_update: u32,
    ) -> Result<Time, Unknown> {
        let skew = i64::from(self.skew_seconds);
        if this_update > self.now.saturating_add(skew) {
            return Err(Unknown::FromFuture { by: this_update.seconds_since(self.now) });
        }
        let after = |age: u32| this_update.saturating_add(i64::from(age));
        let until = match (next_update.map(|next| next.saturating_add(skew)), max_age_seconds) {
            (Some(next), Some(age)) => next.min(after(age)),
            (Some(next), None) => next,
            (None, age) => after(age.unwrap_or(max_age_without_next_update)),
        };
        if self.now > until {
            return Err(Unknown::Stale { by: self.now.seconds_since(until) });
        }
        Ok(until)
    }
}
