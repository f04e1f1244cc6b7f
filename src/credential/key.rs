//! What signs for a credential.
//!
//! TLS stacks sign on the thread of the handshake, so that signing here is synchronous. A key that
//! lives elsewhere (a token, another process, a key service) may be gone, busy or locked; it says
//! which, so that a caller can tell what passes by itself from what an operator must mend.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt::Debug;

use crate::signature::SignatureAlgorithm;

/// A private key, or whatever can sign with one.
///
/// Implementations are shared between threads and must not print key material with [`Debug`].
pub trait CredentialKey: Debug + Send + Sync {
    /// Returns the DER of the `SubjectPublicKeyInfo`.
    ///
    /// A hint for finding the key and for choosing algorithms: that the private half belongs to it is
    /// never assumed, a credential proves it with a signature.
    fn public_key(&self) -> &[u8];

    /// Returns the algorithms that this key signs with, the preferred one first.
    ///
    /// The curve of ECDSA is that of the public key.
    fn algorithms(&self) -> &[SignatureAlgorithm];

    /// Signs `message`, which is not hashed yet. Returns the octets of the signature as X.509 and TLS
    /// carry it: ECDSA as `Ecdsa-Sig-Value` in DER, RSA as long as its modulus.
    ///
    /// # Errors
    /// [`SignError`] says why there is no signature.
    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Why a key did not sign.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key does not sign with this algorithm.
    #[error("the key does not sign with {0}")]
    UnsupportedAlgorithm(SignatureAlgorithm),
    /// The token, process or service that holds the key is not there.
    #[error("the holder of the key is not present")]
    Absent,
    /// The holder of the key has no capacity at the moment.
    #[error("the holder of the key is busy")]
    Busy,
    /// The holder of the key refuses: not logged in, not permitted, locked.
    #[error("the holder of the key denies its use")]
    Denied,
    /// Signing failed in another way.
    #[error("signing failed")]
    Failed(#[source] Option<Arc<dyn Error + Send + Sync>>),
}

impl SignError {
    /// Wraps the error of whatever holds the key.
    #[must_use]
    pub fn failed(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Some(Arc::new(source)))
    }

    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedAlgorithm(_) => "credential.sign.algorithm-unsupported",
            Self::Absent => "credential.sign.absent",
            Self::Busy => "credential.sign.busy",
            Self::Denied => "credential.sign.denied",
            Self::Failed(_) => "credential.sign.failed",
        }
    }

    /// Whether the same call may succeed later without anybody changing the configuration.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Absent | Self::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn errors_say_what_passes_by_itself() {
        let cause = "x".parse::<u8>().unwrap_err();
        for (error, code, transient) in [
            (
                SignError::UnsupportedAlgorithm(SignatureAlgorithm::Ed25519),
                "credential.sign.algorithm-unsupported",
                false,
            ),
            (SignError::Absent, "credential.sign.absent", true),
            (SignError::Busy, "credential.sign.busy", true),
            (SignError::Denied, "credential.sign.denied", false),
            (SignError::failed(cause.clone()), "credential.sign.failed", false),
        ] {
            assert_eq!((error.code(), error.is_transient()), (code, transient));
            let expected = matches!(error, SignError::Failed(_)).then(|| cause.to_string());
            assert_eq!(error.source().map(ToString::to_string), expected, "{code}");
        }
    }
}
