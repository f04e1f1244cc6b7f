//! `PinnedKeys`: raw public keys (RFC 7250), which nobody certifies, accepted where they are pinned.
//!
//! A raw key has no name, no life and no issuer: there is nothing to decide about, no trust domain and
//! no [`VerifiedPeer`](crate::decision::VerifiedPeer). What a handshake with one shows is that the
//! peer holds a key that the caller knows. The other verifiers of this room refuse raw keys.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, CommonState, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};

use super::alert;
use super::verifier::rustls_schemes;
use crate::decision::Fingerprint;
use crate::signature::{AlgorithmPolicy, SignatureBackend};
use crate::tls::{HandshakeSignature, Scheme, Version, supported};
use crate::x509::SubjectPublicKeyInfo;

/// Accepts peers by their raw public keys, and nobody else. TLS 1.3 only.
#[derive(Debug)]
pub struct PinnedKeys {
    keys: BTreeSet<[u8; 32]>,
    backend: Arc<dyn SignatureBackend>,
    policy: AlgorithmPolicy,
    schemes: Vec<SignatureScheme>,
}

impl PinnedKeys {
    /// Accepts these keys, each a whole `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn new<'k>(
        keys: impl IntoIterator<Item = SubjectPublicKeyInfoDer<'k>>,
        backend: Arc<dyn SignatureBackend>,
        policy: AlgorithmPolicy,
    ) -> Self {
        let keys = keys.into_iter().map(|key| *Fingerprint::of(&key).as_bytes()).collect();
        let schemes = rustls_schemes(&supported(&*backend, &policy));
        Self { keys, backend, policy, schemes }
    }

    /// The SHA-256 of the key with which the peer of a finished handshake signed it; nothing where it
    /// is not pinned. The connection is one whose configuration has this verifier.
    #[must_use]
    pub fn pinned_key(&self, connection: &CommonState) -> Option<Fingerprint> {
        if connection.is_handshaking() {
            return None;
        }
        let key = Fingerprint::of(connection.peer_certificates()?.first()?);
        self.keys.contains(key.as_bytes()).then_some(key)
    }

    fn check(&self, key: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
        let known = others.is_empty() && self.keys.contains(Fingerprint::of(key).as_bytes());
        let refused = CertificateError::ApplicationVerificationFailure;
        if known { Ok(()) } else { Err(Error::InvalidCertificate(refused)) }
    }

    fn verify(
        &self,
        version: Version,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfo::from_der(key)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let (scheme, signature) = (Scheme(signed.scheme.into()), signed.signature());
        HandshakeSignature { version, scheme, message, signature }
            .verify(key, &*self.backend, &self.policy)
            .map_err(alert::signature)?;
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ServerCertVerifier for PinnedKeys {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(Version::Tls12, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(Version::Tls13, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for PinnedKeys {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(Version::Tls12, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(Version::Tls13, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
