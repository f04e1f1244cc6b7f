//! `AlgorithmIdentifier`s that are written rather than read, for the algorithms that sign today.

use rustls_pki_types::alg_id;

use super::SignatureAlgorithm;
use crate::x509::AlgorithmIdentifier;

impl SignatureAlgorithm {
    /// Returns the identifier as a signer writes it; nothing for algorithms with MD5 or SHA-1 and
    /// for DSA, with which nobody is to sign.
    #[must_use]
    pub fn identifier(self) -> Option<AlgorithmIdentifier<'static>> {
        let content: &'static [u8] = match self {
            Self::RsaPkcs1Sha256 => &alg_id::RSA_PKCS1_SHA256,
            Self::RsaPkcs1Sha384 => &alg_id::RSA_PKCS1_SHA384,
            Self::RsaPkcs1Sha512 => &alg_id::RSA_PKCS1_SHA512,
            Self::RsaPssSha256 => &alg_id::RSA_PSS_SHA256,
            Self::RsaPssSha384 => &alg_id::RSA_PSS_SHA384,
            Self::RsaPssSha512 => &alg_id::RSA_PSS_SHA512,
            Self::EcdsaSha256 => &alg_id::ECDSA_SHA256,
            Self::EcdsaSha384 => &alg_id::ECDSA_SHA384,
            Self::EcdsaSha512 => &alg_id::ECDSA_SHA512,
            Self::Ed25519 => &alg_id::ED25519,
            Self::MlDsa44 => &alg_id::ML_DSA_44,
            Self::MlDsa65 => &alg_id::ML_DSA_65,
            Self::MlDsa87 => &alg_id::ML_DSA_87,
            Self::RsaPkcs1Md5
            | Self::RsaPkcs1Sha1
            | Self::EcdsaSha1
            | Self::DsaSha1
            | Self::DsaSha256 => return None,
        };
        AlgorithmIdentifier::from_content(content).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_recognised_as_what_they_were_written_for() {
        let mut silent = alloc::vec::Vec::new();
        for &algorithm in SignatureAlgorithm::ALL {
            match algorithm.identifier() {
                Some(identifier) => {
                    assert_eq!(SignatureAlgorithm::recognize(identifier), Some(algorithm));
                }
                None => silent.push(algorithm.name()),
            }
        }
        let unfit = ["rsa-pkcs1-md5", "rsa-pkcs1-sha1", "ecdsa-sha1", "dsa-sha1", "dsa-sha256"];
        assert_eq!(silent, unfit);
    }
}
