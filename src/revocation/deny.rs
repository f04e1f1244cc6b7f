//! The operator's deny list: what is refused at once, whatever authorities say.
//!
//! Rules name certificates by issuer and serial number, by key, by the identity that a path
//! confirmed, by an authority on the path, or by trust domain. Each has a reason and may begin and
//! end. A deny list revokes and never answers "good": where no rule applies it says
//! [`Unknown::NoSource`], which weighs nothing beside other sources.
//!
//! A rule with a date acts at that date by the time of the decision; a published snapshot acts with
//! the next decision.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha256};

use super::answer::{Authority, Revoked};
use super::{About, Answer, EvidenceBudget, EvidenceId, Query, RevocationSource, Unknown, Verdict};
use crate::identity::{DistinguishedName, Identity, IdentityMatcher};
use crate::x509::{ReasonCode, Time};

/// What a rule denies.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Denied {
    /// The certificate with this serial number that this key issued. Of a pinned certificate nobody
    /// knows the issuer's key: deny it by name, or as [`Denied::Key`].
    SerialOfKey {
        /// SHA-256 of the issuer's SubjectPublicKeyInfo.
        issuer_spki: [u8; 32],
        /// Content octets of the INTEGER.
        serial_number: Vec<u8>,
    },
    /// The certificate with this serial number of an issuer with this name, whatever its key.
    SerialOfName {
        /// The issuer.
        issuer: DistinguishedName,
        /// Content octets of the INTEGER.
        serial_number: Vec<u8>,
    },
    /// Every certificate for this key: survives re-issuance. An anchor's own is on no path: deny it as
    /// [`Denied::Authority`].
    Key {
        /// SHA-256 of the certificate's SubjectPublicKeyInfo.
        spki: [u8; 32],
    },
    /// Every peer with this identity.
    Identity(Identity),
    /// Every peer that a matcher holds for.
    Matching(IdentityMatcher),
    /// Every certificate with this key on its path, the anchor's included.
    Authority {
        /// SHA-256 of the authority's SubjectPublicKeyInfo.
        spki: [u8; 32],
    },
    /// Every certificate in decisions of this trust domain.
    TrustDomain(String),
}

/// A rule of a deny list.
#[derive(Clone, Debug)]
pub struct DenyRule {
    denied: Denied,
    reason: Option<ReasonCode>,
    since: Time,
    until: Option<Time>,
}

impl DenyRule {
    /// Denies. Default: at once, for good, for no stated reason.
    #[must_use]
    pub const fn new(denied: Denied) -> Self {
        Self { denied, reason: None, since: Time::MIN, until: None }
    }

    /// Sets the reason that decisions report.
    #[must_use]
    pub fn with_reason(self, reason: ReasonCode) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Sets when the rule begins to act.
    #[must_use]
    pub fn since(self, since: Time) -> Self {
        Self { since, ..self }
    }

    /// Sets when the rule ceases to act: it does not at `until`.
    #[must_use]
    pub fn until(self, until: Time) -> Self {
        Self { until: Some(until), ..self }
    }

    /// Returns what the rule denies.
    #[must_use]
    pub const fn denied(&self) -> &Denied {
        &self.denied
    }

    /// From when on the rule acts after `now`: at once, or later; nothing where it has ceased to.
    #[cfg(feature = "std")]
    pub(crate) fn acts_from(&self, now: Time) -> Option<Time> {
        self.until.is_none_or(|until| now < until).then(|| self.since.max(now))
    }

    /// The key of the index. Matchers have none.
    fn key(&self) -> Option<RuleKey> {
        Some(match &self.denied {
            Denied::SerialOfKey { issuer_spki, serial_number } => {
                RuleKey::SerialOfKey(*issuer_spki, serial_number.as_slice().into())
            }
            Denied::SerialOfName { issuer, serial_number } => RuleKey::SerialOfName(
                issuer.as_name().to_canonical().into(),
                serial_number.as_slice().into(),
            ),
            Denied::Key { spki } => RuleKey::Key(*spki),
            Denied::Identity(identity) => RuleKey::Identity(identity.clone()),
            Denied::Authority { spki } => RuleKey::Authority(*spki),
            Denied::TrustDomain(name) => RuleKey::TrustDomain(name.clone()),
            Denied::Matching(_) => return None,
        })
    }

    fn acts_at(&self, now: Time) -> bool {
        self.since <= now && self.until.is_none_or(|until| now < until)
    }

    /// The name of the rule: the digest of its canonical text.
    fn id(&self) -> EvidenceId {
        EvidenceId::of(self.to_string().as_bytes())
    }
}

impl fmt::Display for DenyRule {
    /// Writes the canonical text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |f: &mut fmt::Formatter<'_>, octets: &[u8]| {
            octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
        };
        match &self.denied {
            Denied::SerialOfKey { issuer_spki, serial_number } => {
                write!(f, "serial ")?;
                hex(f, serial_number)?;
                write!(f, " of key ")?;
                hex(f, issuer_spki)?;
            }
            Denied::SerialOfName { issuer, serial_number } => {
                write!(f, "serial ")?;
                hex(f, serial_number)?;
                write!(f, " of name ")?;
                hex(f, &issuer.as_name().to_canonical())?;
            }
            Denied::Key { spki } => {
                write!(f, "key ")?;
                hex(f, spki)?;
            }
            Denied::Identity(identity) => write!(f, "identity {identity:?}")?,
            Denied::Matching(matcher) => write!(f, "matching {matcher}")?,
            Denied::Authority { spki } => {
                write!(f, "authority ")?;
                hex(f, spki)?;
            }
            Denied::TrustDomain(name) => write!(f, "trust-domain {name:?}")?,
        }
        if let Some(reason) = self.reason {
            write!(f, " reason {}", reason.name())?;
        }
        if self.since > Time::MIN {
            write!(f, " since {}", self.since)?;
        }
        match self.until {
            Some(until) => write!(f, " until {until}"),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RuleKey {
    SerialOfKey([u8; 32], Box<[u8]>),
    SerialOfName(Box<[u8]>, Box<[u8]>),
    Key([u8; 32]),
    Identity(Identity),
    Authority([u8; 32]),
    TrustDomain(String),
}

/// An immutable, indexed deny list.
#[derive(Clone, Debug)]
pub struct DenyList {
    rules: BTreeMap<RuleKey, Vec<(EvidenceId, DenyRule)>>,
    matchers: Vec<(EvidenceId, DenyRule)>,
    /// Which kinds of key there are, so that no digest is computed for nothing.
    kinds: BTreeSet<u8>,
    digest: EvidenceId,
}

const SERIAL_OF_KEY: u8 = 0;
const SERIAL_OF_NAME: u8 = 1;
const KEY: u8 = 2;
const IDENTITY: u8 = 3;
const AUTHORITY: u8 = 4;
const TRUST_DOMAIN: u8 = 5;

impl DenyList {
    /// Takes rules, in any order, repeated or not.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = DenyRule>) -> Self {
        Self::of(rules.into_iter().map(|rule| (rule.id(), rule)).collect())
    }

    /// The list with more rules.
    #[must_use]
    pub fn with(&self, rules: impl IntoIterator<Item = DenyRule>) -> Self {
        let added = rules.into_iter().map(|rule| (rule.id(), rule));
        Self::of(self.entries().cloned().chain(added).collect())
    }

    fn of(mut all: Vec<(EvidenceId, DenyRule)>) -> Self {
        all.sort_by_key(|(id, _)| *id);
        all.dedup_by_key(|(id, _)| *id);
        let mut hash = Sha256::new();
        hash.update(b"bonafide-deny-list 1");
        let mut list = Self {
            rules: BTreeMap::new(),
            matchers: Vec::new(),
            kinds: BTreeSet::new(),
            digest: EvidenceId::from_digest([0; 32]),
        };
        for (id, rule) in all {
            hash.update(id.as_bytes());
            match rule.key() {
                Some(key) => {
                    list.kinds.insert(match key {
                        RuleKey::SerialOfKey(..) => SERIAL_OF_KEY,
                        RuleKey::SerialOfName(..) => SERIAL_OF_NAME,
                        RuleKey::Key(_) => KEY,
                        RuleKey::Identity(_) => IDENTITY,
                        RuleKey::Authority(_) => AUTHORITY,
                        RuleKey::TrustDomain(_) => TRUST_DOMAIN,
                    });
                    list.rules.entry(key).or_default().push((id, rule));
                }
                None => list.matchers.push((id, rule)),
            }
        }
        list.digest = EvidenceId::from_digest(hash.finalize().into());
        list
    }

    /// Returns the rules, in a fixed order.
    pub fn rules(&self) -> impl Iterator<Item = &DenyRule> {
        self.entries().map(|(_, rule)| rule)
    }

    /// The rules that `older` does not have, with their names.
    #[cfg(feature = "std")]
    pub(crate) fn added_to<'s>(
        &'s self,
        older: Option<&Self>,
    ) -> impl Iterator<Item = (EvidenceId, &'s DenyRule)> {
        let held: BTreeSet<EvidenceId> =
            older.into_iter().flat_map(Self::entries).map(|(id, _)| *id).collect();
        self.entries().filter(move |(id, _)| !held.contains(id)).map(|(id, rule)| (*id, rule))
    }

    fn entries(&self) -> impl Iterator<Item = &(EvidenceId, DenyRule)> {
        self.rules.values().flatten().chain(&self.matchers)
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.matchers.is_empty()
    }

    /// All rules about a certificate, whether they act or not.
    fn about<'s>(&'s self, about: &About<'_>, each: &mut dyn FnMut(&'s (EvidenceId, DenyRule))) {
        let mut look =
            |key: RuleKey| self.rules.get(&key).into_iter().flatten().for_each(&mut *each);
        let has = |kind| self.kinds.contains(&kind);
        let spki_digest = |spki: &[u8]| <[u8; 32]>::from(Sha256::digest(spki));
        let serial = || Box::from(about.certificate.serial_number());
        if has(SERIAL_OF_KEY) {
            look(RuleKey::SerialOfKey(spki_digest(about.issuer_spki), serial()));
        }
        if has(SERIAL_OF_NAME) {
            let issuer = about.certificate.issuer().to_canonical();
            look(RuleKey::SerialOfName(issuer.into(), serial()));
        }
        if has(KEY)
            && let Ok(spki) = about.certificate.subject_public_key_info()
        {
            look(RuleKey::Key(spki_digest(spki.der())));
        }
        if has(AUTHORITY) {
            about.ancestors.iter().for_each(|spki| look(RuleKey::Authority(spki_digest(spki))));
        }
        if has(TRUST_DOMAIN) {
            look(RuleKey::TrustDomain(about.trust_domain.into()));
        }
        let Some(identity) = about.identity else { return };
        if has(IDENTITY) {
            identity.iter().for_each(|identity| look(RuleKey::Identity(identity.clone())));
        }
        for rule in &self.matchers {
            if let Denied::Matching(matcher) = &rule.1.denied
                && matcher.matches(identity)
            {
                each(rule);
            }
        }
    }

    /// Adds the names of all rules about a certificate to a digest, but those that are over.
    #[cfg(feature = "std")]
    pub(super) fn hash_about(&self, about: &About<'_>, now: Time, hash: &mut Sha256) {
        self.about(about, &mut |(id, rule)| {
            if rule.acts_from(now).is_some() {
                hash.update(b"rule");
                hash.update(id.as_bytes());
            }
        });
    }
}

impl RevocationSource for DenyList {
    fn name(&self) -> &'static str {
        "deny-list"
    }

    fn digest(&self) -> EvidenceId {
        self.digest
    }

    fn status(&self, query: &Query<'_>, _: &mut EvidenceBudget<'_>) -> Answer {
        let mut acting: Option<&(EvidenceId, DenyRule)> = None;
        // A rule that begins later bounds what is decided until then.
        let mut begins: Option<Time> = None;
        let own = [query.issuer.key.spki().der()];
        self.about(&query.about(&own), &mut |rule| {
            if rule.1.acts_at(query.now) {
                let order = |rule: &(EvidenceId, DenyRule)| (rule.1.since, rule.0);
                if acting.is_none_or(|other| order(rule) < order(other)) {
                    acting = Some(rule);
                }
            } else if rule.1.since > query.now {
                begins = Some(begins.map_or(rule.1.since, |time| time.min(rule.1.since)));
            }
        });
        match acting {
            Some((id, rule)) => Answer {
                authority: Some(Authority::DenyList { rule: *id }),
                evidence: alloc::vec![self.digest],
                fresh_until: rule.until,
                ..Answer::new(Verdict::Revoked(Revoked {
                    reason: rule.reason,
                    at: rule.since,
                    invalidity: None,
                }))
            },
            None => Answer { fresh_until: begins, ..Answer::unknown(Unknown::NoSource) },
        }
    }
}
