//! What a publication did.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::affected::Affected;
use super::error::PublishError;
use super::part::Part;
use crate::credential::{CredentialEvent, EventQueue};
use crate::decision::Fingerprint;
use crate::revocation::EvidenceId;
use crate::x509::Time;

/// Something that a publication took away from peers: after it, what was accepted may be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tightened {
    /// A trust store with a label is gone.
    #[non_exhaustive]
    LabelRemoved {
        /// The label.
        label: Arc<str>,
    },
    /// A trust domain is gone.
    #[non_exhaustive]
    DomainRemoved {
        /// The label of its store.
        label: Option<Arc<str>>,
        /// Its name.
        name: Arc<str>,
    },
    /// Other domains speak for names than before.
    #[non_exhaustive]
    DirectoryChanged {
        /// The label of the store.
        label: Option<Arc<str>>,
        /// The domain whose scopes came, went or changed.
        name: Arc<str>,
    },
    /// An anchor is no longer in its bundle.
    #[non_exhaustive]
    AnchorRemoved {
        /// The label of its store.
        label: Option<Arc<str>>,
        /// Its domain.
        name: Arc<str>,
        /// Which anchor.
        anchor: Fingerprint,
    },
    /// An anchor stands on other terms.
    #[non_exhaustive]
    AnchorChanged {
        /// The label of its store.
        label: Option<Arc<str>>,
        /// Its domain.
        name: Arc<str>,
        /// Which anchor.
        anchor: Fingerprint,
    },
    /// An anchor is tainted: it is about to be removed.
    #[non_exhaustive]
    AnchorTainted {
        /// The label of its store.
        label: Option<Arc<str>>,
        /// Its domain.
        name: Arc<str>,
        /// Which anchor.
        anchor: Fingerprint,
        /// Since when.
        since: Time,
    },
    /// An authority is distrusted.
    #[non_exhaustive]
    AuthorityDistrusted {
        /// The label of its store.
        label: Option<Arc<str>>,
        /// Its domain.
        name: Arc<str>,
        /// Which anchor says so.
        anchor: Fingerprint,
    },
    /// The policy is another one. No change of policy is taken for a looser one.
    Policy,
    /// The deny list has a rule that it did not have.
    #[non_exhaustive]
    DenyRule {
        /// The rule, by the digest of its canonical text.
        rule: EvidenceId,
    },
    /// A source says "revoked" of certificates that it did not say it of, or no longer has evidence that
    /// it had, or cannot tell what changed.
    #[non_exhaustive]
    Evidence {
        /// The source.
        source: Part,
    },
}

impl Tightened {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LabelRemoved { .. } => "tightened.label-removed",
            Self::DomainRemoved { .. } => "tightened.domain-removed",
            Self::DirectoryChanged { .. } => "tightened.directory-changed",
            Self::AnchorRemoved { .. } => "tightened.anchor-removed",
            Self::AnchorChanged { .. } => "tightened.anchor-changed",
            Self::AnchorTainted { .. } => "tightened.anchor-tainted",
            Self::AuthorityDistrusted { .. } => "tightened.authority-distrusted",
            Self::Policy => "tightened.policy",
            Self::DenyRule { .. } => "tightened.deny-rule",
            Self::Evidence { .. } => "tightened.evidence",
        }
    }
}

impl fmt::Display for Tightened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LabelRemoved { label } => write!(f, "label {label} removed"),
            Self::DomainRemoved { name, .. } => write!(f, "trust domain {name} removed"),
            Self::DirectoryChanged { name, .. } => {
                write!(f, "trust domain {name} speaks for other names")
            }
            Self::AnchorRemoved { name, anchor, .. } => {
                write!(f, "anchor {anchor} of {name} removed")
            }
            Self::AnchorChanged { name, anchor, .. } => {
                write!(f, "anchor {anchor} of {name} changed")
            }
            Self::AnchorTainted { name, anchor, since, .. } => {
                write!(f, "anchor {anchor} of {name} tainted since {since}")
            }
            Self::AuthorityDistrusted { name, anchor, .. } => {
                write!(f, "authority {anchor} distrusted in {name}")
            }
            Self::Policy => f.write_str("policy changed"),
            Self::DenyRule { rule } => write!(f, "deny rule {rule} added"),
            Self::Evidence { source } => write!(f, "{source} says more or has less"),
        }
    }
}

/// What a publication did. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Published(pub(super) Arc<Account>);

#[derive(Debug)]
pub(super) struct Account {
    pub(super) epoch: u64,
    pub(super) fence: u64,
    pub(super) changed: Vec<Part>,
    pub(super) tightened: Vec<Tightened>,
    pub(super) credentials: Vec<CredentialEvent>,
    pub(super) affected: Vec<Affected>,
}

impl Published {
    /// Returns the epoch in force: that of the publication or, where it changed nothing, the one before.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Returns the fence in force; see [`Snapshot::fence`](super::Snapshot::fence).
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.0.fence
    }

    /// Returns the parts that changed.
    #[must_use]
    pub fn changed(&self) -> &[Part] {
        &self.0.changed
    }

    /// Returns what was taken away.
    #[must_use]
    pub fn tightened(&self) -> &[Tightened] {
        &self.0.tightened
    }

    /// Returns the registered sessions that are affected, each once, and what to do about each.
    #[must_use]
    pub fn affected(&self) -> &[Affected] {
        &self.0.affected
    }

    /// Returns what happened to one's own credentials.
    #[must_use]
    pub fn credentials(&self) -> &[CredentialEvent] {
        &self.0.credentials
    }
}

/// Receives what is published.
pub trait LiveEvents: Send + Sync {
    /// Takes note of a publication. Called on the thread that published, in the order of the
    /// publications, each after it is in force; should be quick. It may publish itself.
    fn on_published(&self, published: &Published);

    /// Takes note of a publication that was refused; what was in force stays so. Default: does not.
    fn on_refused(&self, error: &PublishError) {
        let _ = error;
    }
}

impl LiveEvents for EventQueue<Published> {
    fn on_published(&self, published: &Published) {
        self.add(published.clone());
    }
}
