//! Why a credential is not taken into use.

use alloc::boxed::Box;

use super::{KeyError, SignError};
use crate::decision::{Rejection, Violation};
use crate::signature::SignatureError;
use crate::x509::{CertificateError, Time};

/// Why a credential is not taken into use. Depths count from the leaf, which is 0.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// There is no certificate.
    #[error("the chain has no certificate")]
    EmptyChain,
    /// More certificates than the policy's limits allow.
    #[error("the chain has more than {max} certificates")]
    ChainTooLong {
        /// How many are allowed.
        max: usize,
    },
    /// A certificate cannot be read.
    #[error("certificate {depth} of the chain cannot be read")]
    Malformed {
        /// Which one.
        depth: usize,
        /// What is wrong with it.
        #[source]
        error: CertificateError,
    },
    /// A certificate names another issuer than the subject of the next one.
    #[error("certificate {depth} of the chain is not issued in the name of the one that follows")]
    LinkName {
        /// Which one.
        depth: usize,
    },
    /// A certificate is not signed with the key of the next one.
    #[error("certificate {depth} of the chain is not signed by the one that follows")]
    LinkSignature {
        /// Which one.
        depth: usize,
        /// What the backend said.
        #[source]
        error: SignatureError,
    },
    /// A certificate breaks a rule of the policy, its validity included.
    #[error("certificate {depth} of the chain: {violation}")]
    Rule {
        /// Which one.
        depth: usize,
        /// Which rule.
        violation: Box<Violation>,
    },
    /// The holder's own trust does not accept the chain.
    #[error("the holder's own trust does not accept the chain")]
    NotTrusted(#[source] Box<Rejection>),
    /// The leaf bears no identity.
    #[error("the certificate bears no identity")]
    NoIdentity,
    /// The leaf bears another identity than the holder asked for.
    #[error("the certificate bears another identity than the one asked for")]
    Identity,
    /// The private key cannot be read.
    #[error("the private key cannot be read")]
    Key(#[source] KeyError),
    /// The key offers no algorithm that the policy allows and the leaf's key is for.
    #[error("the key offers no algorithm for the key of the certificate")]
    NoAlgorithm,
    /// The key did not sign the proof of possession.
    #[error("the key gives no proof of possession")]
    Sign(#[source] SignError),
    /// The proof cannot be verified with this backend.
    #[error("the proof of possession cannot be verified")]
    ProofUnsupported(#[source] SignatureError),
    /// The key is not that of the leaf: a torn pair.
    #[error("the key does not belong to the certificate")]
    KeyMismatch,
    /// The credential is older than the one that it would replace.
    #[error("issued at {offered}, older than the one in force, issued at {in_force}")]
    Rollback {
        /// notBefore of the leaf in force.
        in_force: Time,
        /// notBefore of the leaf offered.
        offered: Time,
    },
    /// The credential expired before it was published.
    #[error("expired at {valid_until}, it is {now}")]
    Expired {
        /// The last second of the credential.
        valid_until: Time,
        /// The time of the publication.
        now: Time,
    },
    /// One update has two credentials of one identity, kind of key and hint.
    #[error("the update has two credentials of the same identity, kind of key and hint")]
    Duplicate,
    /// A staple is about a leaf that is not among those in force.
    #[error("the staple is about none of the certificates")]
    StapleOfNobody,
    /// A staple does not hold any more.
    #[error("the staple held until {valid_until}, it is {now}")]
    StapleExpired {
        /// The last second of the staple.
        valid_until: Time,
        /// The time of the publication.
        now: Time,
    },
    /// A staple ends before the one that it would replace.
    #[error("the staple holds until {offered}, the one in force until {in_force}")]
    StapleOlder {
        /// The last second of the one in force.
        in_force: Time,
        /// The last second of the one offered.
        offered: Time,
    },
}

impl CredentialError {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EmptyChain => "credential.chain-empty",
            Self::ChainTooLong { .. } => "credential.chain-too-long",
            Self::Malformed { .. } => "credential.chain-malformed",
            Self::LinkName { .. } => "credential.chain-name",
            Self::LinkSignature { .. } => "credential.chain-signature",
            Self::Rule { violation, .. } => match **violation {
                Violation::Expired { .. } => "credential.expired",
                Violation::NotYetValid { .. } => "credential.not-yet-valid",
                _ => "credential.profile",
            },
            Self::NotTrusted(_) => "credential.not-trusted",
            Self::NoIdentity => "credential.no-identity",
            Self::Identity => "credential.identity",
            Self::Key(_) => "credential.key",
            Self::NoAlgorithm => "credential.no-algorithm",
            Self::Sign(_) => "credential.sign",
            Self::ProofUnsupported(_) => "credential.proof-unsupported",
            Self::KeyMismatch => "credential.key-mismatch",
            Self::Rollback { .. } => "credential.rollback",
            Self::Expired { .. } => "credential.expired",
            Self::Duplicate => "credential.duplicate",
            Self::StapleOfNobody => "credential.staple-of-nobody",
            Self::StapleExpired { .. } => "credential.staple-expired",
            Self::StapleOlder { .. } => "credential.staple-older",
        }
    }

    /// Returns the code of what lies underneath, where another room or the key said no.
    #[must_use]
    pub fn cause_code(&self) -> Option<&'static str> {
        match self {
            Self::LinkSignature { error, .. } | Self::ProofUnsupported(error) => Some(error.code()),
            Self::Rule { violation, .. } => Some(violation.code()),
            Self::NotTrusted(rejection) => Some(rejection.cause().code()),
            Self::Key(error) => Some(error.code()),
            Self::Sign(error) => Some(error.code()),
            _ => None,
        }
    }
}
