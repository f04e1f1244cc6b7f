//! What happens to federated bundles, as values to log, to count and to act on.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::TrustStoreError;
use crate::identity::TrustDomain;
use crate::x509::Time;

/// Who a bundle came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BundleSource {
    /// Its publisher: a bundle endpoint, or a Workload API that passes it on.
    Retrieved,
    /// The operator of this host (F-07).
    Operator,
}

/// A bundle that does not become the current one, and why. What was current stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The bundle was read for another trust domain (F-14, F-15).
    #[error("a bundle of {found} was offered for {trust_domain}")]
    WrongTrustDomain {
        /// The trust domain it was offered for.
        trust_domain: TrustDomain,
        /// The trust domain it was read for.
        found: TrustDomain,
    },
    /// There is no relationship with the trust domain, or no longer one (F-18).
    #[error("{trust_domain} is not federated")]
    NotFederated {
        /// The trust domain.
        trust_domain: TrustDomain,
    },
    /// A set names a trust domain twice (B-18).
    #[error("{trust_domain} is named twice")]
    NamedTwice {
        /// The trust domain.
        trust_domain: TrustDomain,
    },
    /// The sequence number is lower than one seen before (F-05): a stale replica or a replay.
    #[error("the bundle of {trust_domain} has sequence {offered} after {mark}")]
    Rollback {
        /// The trust domain.
        trust_domain: TrustDomain,
        /// Its sequence number.
        offered: u64,
        /// The highest sequence number seen.
        mark: u64,
    },
    /// The sequence number was seen before with other authorities (B-08).
    #[error("the bundle of {trust_domain} has other contents under the known sequence {sequence}")]
    Conflict {
        /// The trust domain.
        trust_domain: TrustDomain,
        /// The sequence number of both.
        sequence: u64,
        /// The digest of the authorities offered.
        offered: [u8; 32],
        /// The digest of the authorities seen before.
        seen: [u8; 32],
    },
    /// Nothing but the time of retrieval orders the two, and it is the older one (F-05).
    #[error("the bundle of {trust_domain} was retrieved at {offered}, before {current}")]
    OlderRetrieval {
        /// The trust domain.
        trust_domain: TrustDomain,
        /// When the one offered was retrieved.
        offered: Time,
        /// When the current one was retrieved.
        current: Time,
    },
    /// No authority of the current bundle has this fingerprint.
    #[error("{trust_domain} has no authority of this fingerprint")]
    UnknownAuthority {
        /// The trust domain.
        trust_domain: TrustDomain,
        /// SHA-256 of the certificate asked for.
        authority: [u8; 32],
    },
    /// Another domain of the trust store stands in the way.
    #[error("the trust store cannot hold the bundle")]
    Store(#[source] TrustStoreError),
}

impl Refused {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WrongTrustDomain { .. } => "federation.wrong-trust-domain",
            Self::NotFederated { .. } => "federation.not-federated",
            Self::NamedTwice { .. } => "federation.named-twice",
            Self::Rollback { .. } => "federation.rollback",
            Self::Conflict { .. } => "federation.conflict",
            Self::OlderRetrieval { .. } => "federation.older-retrieval",
            Self::UnknownAuthority { .. } => "federation.unknown-authority",
            Self::Store(_) => "federation.store",
        }
    }
}

/// Something that happened to the bundles of a federation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BundleEvent {
    /// A relationship began; its bundle is still to come, and until then nobody of the trust domain
    /// is trusted (W-10).
    Federated {
        /// The trust domain.
        trust_domain: TrustDomain,
    },
    /// Another bundle became the current one.
    Replaced {
        /// The trust domain.
        trust_domain: TrustDomain,
        /// Who it came from.
        source: BundleSource,
        /// The sequence number before.
        from: Option<u64>,
        /// The sequence number of the current one.
        to: Option<u64>,
        /// SHA-256 of the certificates of authorities that came (B-03).
        added: Arc<[[u8; 32]]>,
        /// SHA-256 of the certificates of authorities that went (B-04).
        removed: Arc<[[u8; 32]]>,
    },
    /// The current bundle has no sequence number although one was seen before (F-05).
    SequenceMissing {
        /// The trust domain.
        trust_domain: TrustDomain,
        /// The highest sequence number seen.
        mark: u64,
    },
    /// Several trust domains have an authority with the same key (B-02). Each still speaks for
    /// itself only.
    SharedAuthority {
        /// SHA-256 of the key's SubjectPublicKeyInfo.
        key: [u8; 32],
        /// The trust domains, in order.
        trust_domains: Vec<TrustDomain>,
    },
    /// The operator said that an authority is about to be removed; it still vouches.
    Tainted {
        /// The trust domain.
        trust_domain: TrustDomain,
        /// SHA-256 of the certificate.
        authority: [u8; 32],
        /// Since when.
        since: Time,
    },
    /// The operator took that back.
    Untainted {
        /// The trust domain.
        trust_domain: TrustDomain,
        /// SHA-256 of the certificate.
        authority: [u8; 32],
    },
    /// The relationship ended, and the bundle with it (F-18).
    Dropped {
        /// The trust domain.
        trust_domain: TrustDomain,
    },
    /// An offer was refused.
    Refused(Refused),
}

impl BundleEvent {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Federated { .. } => "federation.federated",
            Self::Replaced { .. } => "federation.replaced",
            Self::SequenceMissing { .. } => "federation.sequence-missing",
            Self::SharedAuthority { .. } => "federation.shared-authority",
            Self::Tainted { .. } => "federation.tainted",
            Self::Untainted { .. } => "federation.untainted",
            Self::Dropped { .. } => "federation.dropped",
            Self::Refused(refused) => refused.code(),
        }
    }
}

impl fmt::Display for BundleEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Federated { trust_domain } => write!(f, "{trust_domain} is federated"),
            Self::Replaced { trust_domain, source, from, to, added, removed } => {
                let whose = match source {
                    BundleSource::Retrieved => "retrieved bundle",
                    BundleSource::Operator => "operator's bundle",
                };
                write!(f, "{whose} of {trust_domain} is current:")?;
                for (word, sequence) in [("from", from), ("to", to)] {
                    match sequence {
                        Some(sequence) => write!(f, " {word} sequence {sequence}")?,
                        None => write!(f, " {word} no sequence")?,
                    }
                }
                write!(f, ", {} authorities added, {} removed", added.len(), removed.len())
            }
            Self::SequenceMissing { trust_domain, mark } => {
                write!(f, "the bundle of {trust_domain} has no sequence after {mark}")
            }
            Self::SharedAuthority { key, trust_domains } => {
                write!(f, "the key {} is an authority's in", Hex(key))?;
                trust_domains.iter().try_for_each(|domain| write!(f, " {domain}"))
            }
            Self::Tainted { trust_domain, authority, since } => {
                write!(f, "authority {} of {trust_domain} is tainted since {since}", Hex(authority))
            }
            Self::Untainted { trust_domain, authority } => {
                write!(f, "authority {} of {trust_domain} is no longer tainted", Hex(authority))
            }
            Self::Dropped { trust_domain } => write!(f, "{trust_domain} is no longer federated"),
            Self::Refused(refused) => refused.fmt(f),
        }
    }
}

impl From<Refused> for BundleEvent {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// What a call changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub(super) events: Vec<BundleEvent>,
}

impl Change {
    /// What happened, in order.
    #[must_use]
    pub fn events(&self) -> &[BundleEvent] {
        &self.events
    }

    /// Whether nothing happened: the same bundle as before.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// Octets in lower-case hexadecimal.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}
