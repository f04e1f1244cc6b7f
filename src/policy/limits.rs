//! Bounds on the work that untrusted input can demand.
//!
//! A decision *demands* checks; [`Work`] counts them. A check answered from memory (see the memo of
//! the signature room) was still demanded, so that the same request spends the same budget whether
//! the memo was warm or cold.

use core::fmt;

/// Which bound ended a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::signatures`].
    Signatures,
    /// [`Limits::path_steps`].
    PathSteps,
    /// [`Limits::name_comparisons`].
    NameComparisons,
    /// [`Limits::policy_nodes`].
    PolicyNodes,
    /// [`Limits::pool_certificates`].
    PoolCertificates,
    /// [`Limits::pool_bytes`].
    PoolBytes,
    /// [`Limits::evidence_checks`].
    EvidenceChecks,
}

impl Limit {
    codes!(code(self) {
        Self::Signatures => "limit.signatures",
        Self::PathSteps => "limit.path-steps",
        Self::NameComparisons => "limit.name-comparisons",
        Self::PolicyNodes => "limit.policy-nodes",
        Self::PoolCertificates => "limit.pool-certificates",
        Self::PoolBytes => "limit.pool-bytes",
        Self::EvidenceChecks => "limit.evidence-checks",
    });
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signatures => "signature checks",
            Self::PathSteps => "path steps",
            Self::NameComparisons => "name comparisons",
            Self::PolicyNodes => "policy graph nodes",
            Self::PoolCertificates => "certificates presented",
            Self::PoolBytes => "bytes presented",
            Self::EvidenceChecks => "revocation evidence checks",
        })
    }
}

/// A bound was reached before the question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit of {bound} {limit} reached")]
pub struct LimitExceeded {
    limit: Limit,
    bound: u32,
}

impl LimitExceeded {
    pub(crate) const fn new(limit: Limit, bound: u32) -> Self {
        Self { limit, bound }
    }

    /// Which bound it was.
    #[must_use]
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    /// Its value.
    #[must_use]
    pub const fn bound(&self) -> u32 {
        self.bound
    }
}

/// Bounds on the work of one decision, revocation included.
///
/// # Examples
/// ```
/// use bonafide::policy::{Limits, ValidationPolicy};
///
/// let mut limits = Limits::DEFAULT;
/// limits.signatures = 8;
/// let policy = ValidationPolicy::tls_client().with_limits(limits);
/// assert_eq!(policy.limits().signatures, 8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limits {
    /// Signature checks demanded. Default 64: an honest path of `k` certificates needs `k`, and
    /// the validators in use stop between 100 (rustls-webpki, Go) and 256 (LibreSSL).
    pub signatures: u32,
    /// Partial paths made by the search. Default 1,000; BoringSSL stops after 20 iterations,
    /// rustls-webpki after 200,000 calls.
    pub path_steps: u32,
    /// Comparisons of one name with one constraint. Default 250,000 as in rustls-webpki and Go 1.19.
    pub name_comparisons: u32,
    /// Nodes of the RFC 9618 policy graph; reading 16 policies or mappings counts as one. Default
    /// 1,024; OpenSSL and pyhanko stop at 1,000.
    pub policy_nodes: u32,
    /// Certificates presented, the leaf not counted. Default 256.
    pub pool_certificates: u32,
    /// Bytes of all certificates presented. Default 131,072: twice what most TLS stacks take in
    /// one Certificate message.
    pub pool_bytes: u32,
    /// Revocation lists and responses consulted. Default 256.
    pub evidence_checks: u32,
}

impl Limits {
    /// The default bounds.
    pub const DEFAULT: Self = Self {
        signatures: 64,
        path_steps: 1_000,
        name_comparisons: 250_000,
        policy_nodes: 1_024,
        pool_certificates: 256,
        pool_bytes: 131_072,
        evidence_checks: 256,
    };

    /// No bounds at all: the cost of a decision is then up to whoever presents certificates.
    pub const DANGEROUSLY_UNLIMITED: Self = Self {
        signatures: u32::MAX,
        path_steps: u32::MAX,
        name_comparisons: u32::MAX,
        policy_nodes: u32::MAX,
        pool_certificates: u32::MAX,
        pool_bytes: u32::MAX,
        evidence_checks: u32::MAX,
    };
}

impl Limits {
    pub(crate) fn check_certificates(&self, count: usize) -> Result<(), LimitExceeded> {
        within(count, self.pool_certificates, Limit::PoolCertificates)
    }

    pub(crate) fn check_bytes(&self, count: usize) -> Result<(), LimitExceeded> {
        within(count, self.pool_bytes, Limit::PoolBytes)
    }
}

fn within(count: usize, bound: u32, limit: Limit) -> Result<(), LimitExceeded> {
    match u32::try_from(count) {
        Ok(count) if count <= bound => Ok(()),
        _ => Err(LimitExceeded::new(limit, bound)),
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Work demanded by one decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Work {
    /// Signature checks.
    pub signatures: u32,
    /// Partial paths made.
    pub path_steps: u32,
    /// Comparisons of one name with one constraint.
    pub name_comparisons: u32,
    /// Policy graph nodes made.
    pub policy_nodes: u32,
    /// Revocation lists and responses consulted.
    pub evidence_checks: u32,
}

/// What is left of [`Limits`] within one decision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    limits: Limits,
    work: Work,
}

impl Budget {
    pub(crate) const fn new(limits: Limits) -> Self {
        let work = Work {
            signatures: 0,
            path_steps: 0,
            name_comparisons: 0,
            policy_nodes: 0,
            evidence_checks: 0,
        };
        Self { limits, work }
    }

    pub(crate) const fn work(&self) -> Work {
        self.work
    }

    pub(crate) fn signature(&mut self) -> Result<(), LimitExceeded> {
        spend(&mut self.work.signatures, 1, self.limits.signatures, Limit::Signatures)
    }

    pub(crate) fn path_step(&mut self) -> Result<(), LimitExceeded> {
        spend(&mut self.work.path_steps, 1, self.limits.path_steps, Limit::PathSteps)
    }

    pub(crate) fn name_comparisons(&mut self, count: u32) -> Result<(), LimitExceeded> {
        let bound = self.limits.name_comparisons;
        spend(&mut self.work.name_comparisons, count, bound, Limit::NameComparisons)
    }

    pub(crate) fn policy_nodes(&mut self, count: u32) -> Result<(), LimitExceeded> {
        let bound = self.limits.policy_nodes;
        spend(&mut self.work.policy_nodes, count, bound, Limit::PolicyNodes)
    }

    pub(crate) fn evidence_check(&mut self) -> Result<(), LimitExceeded> {
        let bound = self.limits.evidence_checks;
        spend(&mut self.work.evidence_checks, 1, bound, Limit::EvidenceChecks)
    }
}

/// Spends `count` or, where less than that is left, nothing.
#[inline]
fn spend(spent: &mut u32, count: u32, bound: u32, limit: Limit) -> Result<(), LimitExceeded> {
    match spent.checked_add(count) {
        Some(sum) if sum <= bound => {
            *spent = sum;
            Ok(())
        }
        _ => Err(LimitExceeded::new(limit, bound)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_stops_at_its_bound_and_names_it() {
        let mut budget = Budget::new(Limits { signatures: 2, ..Limits::DEFAULT });
        assert_eq!(budget.signature(), Ok(()));
        assert_eq!(budget.signature(), Ok(()));
        assert_eq!(budget.signature(), Err(LimitExceeded::new(Limit::Signatures, 2)));
        assert_eq!(budget.work().signatures, 2);
        assert_eq!(
            budget.name_comparisons(u32::MAX),
            Err(LimitExceeded::new(Limit::NameComparisons, 250_000))
        );
        assert_eq!(budget.work().name_comparisons, 0);
    }
}
