//! Why a publication failed.

use alloc::sync::Arc;

use crate::credential::{CredentialError, PublicationError};
use crate::trust::TrustStoreError;

/// Why a publication was refused, all of it. What was in force stays in force.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The trust cannot be changed so.
    #[error("the trust cannot be changed so")]
    Trust(#[from] TrustStoreError),
    /// No trust store has this label.
    #[error("there is no trust under the label {label}")]
    UnknownLabel {
        /// The label.
        label: Arc<str>,
    },
    /// The credentials cannot be changed so.
    #[error("the credentials cannot be changed so")]
    Credentials(#[source] Arc<CredentialError>),
}

impl PublishError {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Trust(TrustStoreError::DuplicateName { .. }) => "publish.duplicate-domain",
            Self::Trust(TrustStoreError::DuplicateScope { .. }) => "publish.duplicate-scope",
            Self::Trust(TrustStoreError::UnknownDomain { .. }) => "publish.unknown-domain",
            Self::UnknownLabel { .. } => "publish.unknown-label",
            Self::Credentials(error) => error.code(),
        }
    }
}

impl From<Arc<CredentialError>> for PublishError {
    fn from(error: Arc<CredentialError>) -> Self {
        Self::Credentials(error)
    }
}

impl PublicationError for PublishError {
    fn credential_error(&self) -> Option<&Arc<CredentialError>> {
        match self {
            Self::Credentials(error) => Some(error),
            _ => None,
        }
    }
}
