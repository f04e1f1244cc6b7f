//! Why an input is no private key that can be used.

use crate::x509::{DerError, PemError};

/// Why an input is no private key that can be used. Says nothing of the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The input is no sound PEM.
    #[error("the key file is no sound PEM")]
    Pem(#[source] PemError),
    /// The DER is not that of a private key.
    #[error("the private key is malformed")]
    Malformed(#[source] DerError),
    /// A PEM input without private key.
    #[error("the input has no private key")]
    NoKey,
    /// A PEM input with more than one private key.
    #[error("the input has more than one private key")]
    SeveralKeys,
    /// The key is encrypted and no passphrase was given.
    #[error("the private key is encrypted and no passphrase is given")]
    PassphraseNeeded,
    /// The key does not decrypt: the passphrase is wrong, or the file is damaged.
    #[error("the private key does not decrypt with this passphrase")]
    Passphrase,
    /// The way of encryption is not one of PBES2 with PBKDF2 or scrypt and AES.
    #[error("the encryption of the private key is not supported")]
    UnsupportedEncryption,
    /// The signing backend has no such algorithm or curve.
    #[error("keys of this algorithm are not supported by the crypto backend")]
    UnsupportedAlgorithm,
    /// The file has no public half, which this signing backend cannot compute.
    #[error("the private key lacks its public key, which the crypto backend needs")]
    NoPublicKey,
    /// The signing backend refuses the key: parts that do not match, a size it does not support.
    #[error("the crypto backend refuses the private key")]
    Rejected,
}

impl KeyError {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Pem(_) => "credential.key.pem",
            Self::Malformed(_) => "credential.key.malformed",
            Self::NoKey => "credential.key.absent",
            Self::SeveralKeys => "credential.key.several",
            Self::PassphraseNeeded => "credential.key.passphrase-needed",
            Self::Passphrase => "credential.key.passphrase",
            Self::UnsupportedEncryption => "credential.key.encryption-unsupported",
            Self::UnsupportedAlgorithm => "credential.key.algorithm-unsupported",
            Self::NoPublicKey => "credential.key.no-public-key",
            Self::Rejected => "credential.key.rejected",
        }
    }
}

impl From<DerError> for KeyError {
    fn from(error: DerError) -> Self {
        Self::Malformed(error)
    }
}
