//! `rustls::sign` over [`CredentialKey`]s: in memory, in a token, in another process.
//!
//! rustls signs on the thread of the handshake and waits. A key that fails fails the handshake, with
//! the alert `handshake_failure`; why, stands in the error of this side.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{Error, OtherError, SignatureAlgorithm as KeyFamily, SignatureScheme};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use crate::credential::{Credential, CredentialKey};
use crate::signature::{KeyKind, SignatureAlgorithm};
use crate::tls::scheme_of;

/// A credential as rustls wants it: the whole chain and its key, which belong together because a
/// [`Credential`] is made of them so. Nothing where the key is of a kind that TLS has no scheme for.
#[must_use]
pub fn certified_key(credential: &Credential) -> Option<CertifiedKey> {
    let key = CredentialSigner::new(credential)?;
    let chain =
        credential.chain().iter().map(|certificate| CertificateDer::from(certificate.as_der()));
    Some(CertifiedKey::new(chain.map(CertificateDer::into_owned).collect(), Arc::new(key)))
}

#[derive(Debug)]
struct CredentialSigner {
    key: Arc<dyn CredentialKey>,
    kind: KeyKind,
    family: KeyFamily,
}

impl CredentialSigner {
    fn new(credential: &Credential) -> Option<Self> {
        let kind = credential.key_kind()?;
        let family = match kind {
            KeyKind::Rsa => KeyFamily::RSA,
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => KeyFamily::ECDSA,
            KeyKind::Ed25519 => KeyFamily::ED25519,
            // TLS 1.2 has none, and TLS 1.3 does not look at it.
            KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => KeyFamily::Anonymous,
            _ => return None,
        };
        Some(Self { key: credential.key().clone(), kind, family })
    }
}

impl SigningKey for CredentialSigner {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.key.algorithms().iter().find_map(|&algorithm| {
            let scheme = SignatureScheme::from(scheme_of(self.kind, algorithm)?.0);
            let signer = || HandshakeSigner { key: self.key.clone(), algorithm, scheme };
            offered.contains(&scheme).then(|| -> Box<dyn Signer> { Box::new(signer()) })
        })
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        let key = self.key.public_key();
        (!key.is_empty()).then(|| SubjectPublicKeyInfoDer::from(key))
    }

    fn algorithm(&self) -> KeyFamily {
        self.family
    }
}

#[derive(Debug)]
struct HandshakeSigner {
    key: Arc<dyn CredentialKey>,
    algorithm: SignatureAlgorithm,
    scheme: SignatureScheme,
}

impl Signer for HandshakeSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key
            .sign(self.algorithm, message)
            .map_err(|error| Error::Other(OtherError(Arc::new(error))))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}
