//! The short question: may this certificate pass at once?
//!
//! Of nearly all certificates there is one thing to say: its issuer's own list, the only one that
//! is held of it, is fresh and does not have it. [`Revocation::cleared`] finds that out with a few
//! comparisons and one lookup. It decides nothing else: what it does not clear is asked in full, by
//! [`Revocation::judge`], which says of what it clears the same.

use core::any::Any;

use super::query::Clock;
use super::{CrlStore, CrlSummary, Query, Revocation, exempt};
use crate::policy::{RevocationPolicy, Role};
use crate::signature::PublicKey;
use crate::x509::{Certificate, KeyUsage, Name, Time};

/// What of a [`Query`] the short question takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brief<'q, 'a> {
    pub(crate) certificate: &'q Certificate<'a>,
    pub(crate) issuer_name: Name<'q>,
    /// DER of the issuer's SubjectPublicKeyInfo.
    pub(crate) issuer_spki: &'q [u8],
    pub(crate) issuer_key_usage: Option<KeyUsage>,
    pub(crate) trust_domain: &'q str,
    pub(crate) role: Role,
    pub(crate) clock: Clock,
    pub(crate) policy: &'q RevocationPolicy,
}

/// Why a certificate passes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cleared<'s> {
    /// Policy consults nothing for certificates of this kind.
    Unchecked,
    /// A list does not have it, which costs one consultation.
    Unlisted {
        /// The list.
        list: &'s CrlSummary,
        /// Until when that may be relied upon.
        fresh_until: Time,
    },
}

impl<'a> Query<'a> {
    pub(super) fn brief(&self) -> Brief<'_, 'a> {
        Brief {
            certificate: &self.certificate,
            issuer_name: self.issuer.name,
            issuer_spki: self.issuer.key.spki().der(),
            issuer_key_usage: self.issuer.key_usage,
            trust_domain: self.trust_domain,
            role: self.role,
            clock: self.clock(),
            policy: self.policy,
        }
    }
}

impl Revocation {
    /// Clears a certificate for which no response was stapled. The key of its issuer is asked for
    /// where its octets do not say what it inherits.
    pub(crate) fn cleared<'k>(
        &self,
        brief: &Brief<'_, '_>,
        issuer_key: impl FnOnce() -> Option<PublicKey<'k>>,
    ) -> Option<Cleared<'_>> {
        if self.deny_list().is_some_and(|deny| !deny.is_empty()) {
            return None;
        }
        if brief.policy.rule(brief.role, brief.trust_domain, brief.issuer_spki).is_unchecked() {
            return Some(Cleared::Unchecked);
        }
        let [source] = self.sources() else { return None };
        let source: &dyn Any = &**source;
        let lists: &CrlStore = source.downcast_ref()?;
        if exempt::status(brief.certificate, brief.role, brief.policy).is_some() {
            return None;
        }
        let found = lists.of_alone(brief, issuer_key)?;
        if found.revoked().is_some() {
            return None;
        }
        let fresh_until = found.list.fresh_until(brief.clock, brief.policy).ok()?;
        Some(Cleared::Unlisted { list: found.list.summary(), fresh_until })
    }
}
