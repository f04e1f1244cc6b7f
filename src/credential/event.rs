//! What happens to credentials, told to whoever wants to know.

use alloc::sync::Arc;

use super::CredentialError;
use crate::identity::PeerIdentity;
use crate::x509::Time;

/// What happened to the credentials of a holder. Holds no credential, so that an event that waits
/// keeps no key in memory.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CredentialEvent {
    /// A credential is in force.
    #[non_exhaustive]
    Installed {
        /// The publication that put it in force.
        generation: u64,
        /// Whose it is.
        identity: PeerIdentity,
        /// The last second in which it can be presented.
        valid_until: Time,
        /// Generation of the one whose place it took.
        replaced: Option<u64>,
    },
    /// A credential is no longer presented and nothing took its place.
    #[non_exhaustive]
    Withdrawn {
        /// The publication that withdrew it.
        generation: u64,
        /// Whose it was.
        identity: PeerIdentity,
    },
    /// A credential has another staple.
    #[non_exhaustive]
    Stapled {
        /// The publication that put it in force.
        generation: u64,
        /// Whose it is.
        identity: PeerIdentity,
        /// The last second in which it is presented.
        valid_until: Time,
    },
    /// Another identity is presented where none is asked for.
    #[non_exhaustive]
    DefaultChanged {
        /// The publication that changed it.
        generation: u64,
        /// The identity; nothing where there is no credential any more.
        identity: Option<PeerIdentity>,
    },
    /// What is published together with the credentials was replaced.
    #[non_exhaustive]
    AttachedChanged {
        /// The publication that replaced it.
        generation: u64,
    },
    /// A publication failed; what was in force stays in force.
    #[non_exhaustive]
    Failed {
        /// The publication in force.
        generation: u64,
        /// Why.
        error: Arc<CredentialError>,
    },
    /// Nobody holds a replaced or withdrawn credential any more: its key is gone from memory.
    #[non_exhaustive]
    Drained {
        /// The publication that had put it in force.
        generation: u64,
        /// Whose it was.
        identity: PeerIdentity,
    },
}

impl CredentialEvent {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Installed { replaced: None, .. } => "credential.event.installed",
            Self::Installed { replaced: Some(_), .. } => "credential.event.replaced",
            Self::Withdrawn { .. } => "credential.event.withdrawn",
            Self::Stapled { .. } => "credential.event.stapled",
            Self::DefaultChanged { .. } => "credential.event.default-changed",
            Self::AttachedChanged { .. } => "credential.event.attached-changed",
            Self::Failed { .. } => "credential.event.failed",
            Self::Drained { .. } => "credential.event.drained",
        }
    }
}
