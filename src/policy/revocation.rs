//! `RevocationPolicy`: what follows when evidence does not say "good".
//!
//! Hard fail is the default: a certificate that is not shown to be good is refused. Every weakening
//! has a name of its own, says for which [`UnknownReason`] it is, and shows in the canonical text.
//! A rule is chosen by authority (the key that issued the certificate), else by trust domain, else
//! the default, each for end entities and intermediates apart. No rule accepts what authentic
//! evidence revokes.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use core::fmt;

use sha2::{Digest, Sha256};

use super::UnknownReason;
use crate::x509::write_hex;

/// What a certificate is in its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a path has no third kind")]
pub enum Role {
    /// The certificate of the peer.
    EndEntity,
    /// A certificate between the peer's and the anchor.
    Intermediate,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::EndEntity => "end-entity",
            Self::Intermediate => "intermediate",
        }
    }
}

/// What follows from one reason for not knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each case")]
pub enum OnUnknown {
    /// The path is refused.
    Reject,
    /// The certificate passes, and the decision records why it was let through.
    AcceptWithEvent,
    /// The certificate passes.
    Accept,
}

impl OnUnknown {
    const fn name(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::AcceptWithEvent => "accept-with-event",
            Self::Accept => "accept",
        }
    }
}

/// What follows for the certificates of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationRule {
    unchecked: bool,
    /// Reasons that are not listed reject.
    lenient: BTreeMap<UnknownReason, OnUnknown>,
}

impl RevocationRule {
    /// Refuses whatever is not shown to be good.
    #[must_use]
    pub const fn hard_fail() -> Self {
        Self { unchecked: false, lenient: BTreeMap::new() }
    }

    /// Lets certificates pass, with an event, of which no evidence at hand speaks
    /// ([`UnknownReason::NoSource`], [`UnknownReason::NotCovered`]); evidence that is stale, for
    /// another scope or not authentic still refuses.
    #[must_use]
    pub fn if_available() -> Self {
        Self::hard_fail()
            .allow_unknown(UnknownReason::NoSource)
            .allow_unknown(UnknownReason::NotCovered)
    }

    /// Consults nothing but deny lists.
    #[must_use]
    pub const fn dangerously_unchecked() -> Self {
        Self { unchecked: true, lenient: BTreeMap::new() }
    }

    /// Lets certificates pass for one reason, with an event in the decision.
    #[must_use]
    pub fn allow_unknown(mut self, reason: UnknownReason) -> Self {
        self.lenient.insert(reason, OnUnknown::AcceptWithEvent);
        self
    }

    /// Lets certificates pass for one reason without a trace in the decision.
    #[must_use]
    pub fn dangerously_allow_silently(mut self, reason: UnknownReason) -> Self {
        self.lenient.insert(reason, OnUnknown::Accept);
        self
    }

    /// Refuses for one reason.
    #[must_use]
    pub fn reject_unknown(mut self, reason: UnknownReason) -> Self {
        self.lenient.remove(&reason);
        self
    }

    /// Whether evidence is consulted at all.
    #[must_use]
    pub const fn is_unchecked(&self) -> bool {
        self.unchecked
    }

    /// What follows from a reason.
    #[must_use]
    pub fn on_unknown(&self, reason: UnknownReason) -> OnUnknown {
        self.lenient.get(&reason).copied().unwrap_or(OnUnknown::Reject)
    }
}

impl Default for RevocationRule {
    fn default() -> Self {
        Self::hard_fail()
    }
}

impl fmt::Display for RevocationRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.unchecked { "unchecked" } else { "checked" })?;
        self.lenient.iter().try_for_each(|(reason, on)| write!(f, " {reason}={}", on.name()))
    }
}

/// What a relying party demands of revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationPolicy {
    default: BTreeMap<Role, RevocationRule>,
    trust_domains: BTreeMap<(String, Role), RevocationRule>,
    authorities: BTreeMap<([u8; 32], Role), RevocationRule>,
    crl_max_age: Option<u32>,
    ocsp_max_age: Option<u32>,
    exempt_lifetime_no_rev_avail: u32,
    exempt_lifetime: u32,
}

impl RevocationPolicy {
    /// The oldest list without nextUpdate that counts where no age is set, in seconds: the seven days that the CA/Browser
    /// Forum allows between lists.
    pub const CRL_WITHOUT_NEXT_UPDATE: u32 = 7 * 86_400;
    /// The oldest response without nextUpdate that counts where no age is set, in seconds: RFC 6960 section 4.2.2.1
    /// says of such that "newer revocation information is available all the time".
    pub const OCSP_WITHOUT_NEXT_UPDATE: u32 = 86_400;

    fn with_all(rule: &RevocationRule) -> Self {
        Self {
            default: [Role::EndEntity, Role::Intermediate].map(|role| (role, rule.clone())).into(),
            trust_domains: BTreeMap::new(),
            authorities: BTreeMap::new(),
            crl_max_age: None,
            ocsp_max_age: None,
            exempt_lifetime_no_rev_avail: 0,
            exempt_lifetime: 0,
        }
    }

    /// Every certificate below the anchor must be shown to be good.
    #[must_use]
    pub fn hard_fail() -> Self {
        Self::with_all(&RevocationRule::hard_fail())
    }

    /// [`RevocationRule::if_available`] for every role.
    #[must_use]
    pub fn if_available() -> Self {
        Self::with_all(&RevocationRule::if_available())
    }

    /// Nothing but deny lists is consulted.
    #[must_use]
    pub fn dangerously_unchecked() -> Self {
        Self::with_all(&RevocationRule::dangerously_unchecked())
    }

    /// Sets the rule of a role.
    #[must_use]
    pub fn with_rule(mut self, role: Role, rule: RevocationRule) -> Self {
        self.default.insert(role, rule);
        self
    }

    /// Sets the rule of a role in decisions of one trust domain.
    #[must_use]
    pub fn with_trust_domain_rule(
        mut self,
        trust_domain: &str,
        role: Role,
        rule: RevocationRule,
    ) -> Self {
        self.trust_domains.insert((trust_domain.into(), role), rule);
        self
    }

    /// Sets the rule of a role for certificates issued by the key with this SHA-256 of its
    /// SubjectPublicKeyInfo.
    #[must_use]
    pub fn with_authority_rule(
        mut self,
        spki_sha256: [u8; 32],
        role: Role,
        rule: RevocationRule,
    ) -> Self {
        self.authorities.insert((spki_sha256, role), rule);
        self
    }

    /// Bounds the age of revocation lists, in seconds since thisUpdate. Default: none, nextUpdate
    /// decides.
    #[must_use]
    pub fn with_crl_max_age_seconds(self, seconds: u32) -> Self {
        Self { crl_max_age: Some(seconds), ..self }
    }

    /// Bounds the age of OCSP responses, in seconds since thisUpdate. Default: none, nextUpdate
    /// decides.
    #[must_use]
    pub fn with_ocsp_max_age_seconds(self, seconds: u32) -> Self {
        Self { ocsp_max_age: Some(seconds), ..self }
    }

    /// Needs no revocation for end entities with noRevAvail (RFC 9608) that live at most this long,
    /// in seconds from notBefore to notAfter. Default: none.
    #[must_use]
    pub fn allow_no_rev_avail_up_to_seconds(self, seconds: u32) -> Self {
        Self { exempt_lifetime_no_rev_avail: seconds, ..self }
    }

    /// Needs no revocation for end entities that live at most this long, in seconds from notBefore
    /// to notAfter. Default: none.
    #[must_use]
    pub fn allow_short_lived_up_to_seconds(self, seconds: u32) -> Self {
        Self { exempt_lifetime: seconds, ..self }
    }

    /// The rule for a certificate: `issuer_spki` is the DER of its issuer's key.
    #[must_use]
    pub fn rule(&self, role: Role, trust_domain: &str, issuer_spki: &[u8]) -> &RevocationRule {
        const HARD_FAIL: &RevocationRule = &RevocationRule::hard_fail();
        if !self.authorities.is_empty()
            && let Some(rule) = self.authorities.get(&(Sha256::digest(issuer_spki).into(), role))
        {
            return rule;
        }
        if !self.trust_domains.is_empty()
            && let Some(rule) = self.trust_domains.get(&(trust_domain.into(), role))
        {
            return rule;
        }
        self.default.get(&role).unwrap_or(HARD_FAIL)
    }

    pub(crate) const fn crl_max_age(&self) -> Option<u32> {
        self.crl_max_age
    }

    pub(crate) const fn ocsp_max_age(&self) -> Option<u32> {
        self.ocsp_max_age
    }

    /// The lifetimes without revocation: with noRevAvail and without.
    pub(crate) const fn exempt_lifetimes(&self) -> (u32, u32) {
        (self.exempt_lifetime_no_rev_avail, self.exempt_lifetime)
    }

    /// Returns the SHA-256 of the canonical text.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_string().as_bytes()).into()
    }
}

impl Default for RevocationPolicy {
    fn default() -> Self {
        Self::hard_fail()
    }
}

impl fmt::Display for RevocationPolicy {
    /// Writes the canonical text: one `key value` a line, always all keys, in one order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let age = |f: &mut fmt::Formatter<'_>, key, age: Option<u32>| match age {
            Some(age) => writeln!(f, "{key} {age}"),
            None => writeln!(f, "{key} none"),
        };
        writeln!(f, "bonafide-revocation-policy 1")?;
        for (role, rule) in &self.default {
            writeln!(f, "{} {rule}", role.name())?;
        }
        for ((trust_domain, role), rule) in &self.trust_domains {
            writeln!(f, "trust-domain {trust_domain:?} {} {rule}", role.name())?;
        }
        for ((authority, role), rule) in &self.authorities {
            write!(f, "authority ")?;
            write_hex(f, authority)?;
            writeln!(f, " {} {rule}", role.name())?;
        }
        age(f, "crl-max-age-seconds", self.crl_max_age)?;
        age(f, "ocsp-max-age-seconds", self.ocsp_max_age)?;
        writeln!(f, "no-rev-avail-up-to-seconds {}", self.exempt_lifetime_no_rev_avail)?;
        writeln!(f, "short-lived-up-to-seconds {}", self.exempt_lifetime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_rule_is_chosen() {
        let spki = b"key";
        let authority = Sha256::digest(spki).into();
        let policy = RevocationPolicy::hard_fail()
            .with_rule(Role::Intermediate, RevocationRule::if_available())
            .with_trust_domain_rule(
                "a.test",
                Role::EndEntity,
                RevocationRule::hard_fail().allow_unknown(UnknownReason::Stale),
            )
            .with_authority_rule(
                authority,
                Role::EndEntity,
                RevocationRule::hard_fail().dangerously_allow_silently(UnknownReason::Stale),
            );
        for (case, role, domain, spki, expected) in [
            ("default", Role::EndEntity, "b.test", &b"x"[..], OnUnknown::Reject),
            ("domain", Role::EndEntity, "a.test", b"x", OnUnknown::AcceptWithEvent),
            ("authority", Role::EndEntity, "a.test", spki, OnUnknown::Accept),
            ("other role", Role::Intermediate, "a.test", spki, OnUnknown::Reject),
        ] {
            let rule = policy.rule(role, domain, spki);
            assert_eq!(rule.on_unknown(UnknownReason::Stale), expected, "{case}");
        }
        let rule = policy.rule(Role::Intermediate, "", b"");
        assert_eq!(rule.on_unknown(UnknownReason::NoSource), OnUnknown::AcceptWithEvent);
        assert_eq!(
            rule.clone()
                .reject_unknown(UnknownReason::NoSource)
                .on_unknown(UnknownReason::NoSource),
            OnUnknown::Reject
        );
        assert_ne!(policy.digest(), RevocationPolicy::hard_fail().digest());
    }

    #[test]
    fn weakening_shows_in_the_text() {
        let text = RevocationPolicy::dangerously_unchecked()
            .with_rule(
                Role::EndEntity,
                RevocationRule::hard_fail().allow_unknown(UnknownReason::Limit),
            )
            .with_crl_max_age_seconds(60)
            .to_string();
        assert_eq!(
            text,
            "bonafide-revocation-policy 1\n\
             end-entity checked revocation.limit=accept-with-event\n\
             intermediate unchecked\n\
             crl-max-age-seconds 60\n\
             ocsp-max-age-seconds none\n\
             no-rev-avail-up-to-seconds 0\n\
             short-lived-up-to-seconds 0\n"
        );
    }
}
