//! Ends of plain rustls: they believe everything and present whatever they are given.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::kit::Key;
use crate::net::{Clock, name};

type Versions = &'static [&'static SupportedProtocolVersion];

/// What an end presents, right or wrong.
pub(crate) fn certified(
    provider: &CryptoProvider,
    chain: &[Vec<u8>],
    key: &Key,
) -> SingleCertAndKey {
    let der = PrivateKeyDer::Pkcs8(key.pkcs8().unwrap().into());
    let key = provider.key_provider.load_private_key(der).unwrap();
    let chain = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    CertifiedKey::new(chain, key).into()
}

pub(crate) fn client_config(
    provider: Arc<CryptoProvider>,
    presents: Option<SingleCertAndKey>,
    clock: &Clock,
    versions: Versions,
) -> ClientConfig {
    let time: Arc<dyn TimeProvider> = Arc::new(clock.clone());
    let careless = Arc::new(Careless(provider.clone()));
    let builder = ClientConfig::builder_with_details(provider, time)
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(careless);
    match presents {
        Some(presents) => builder.with_client_cert_resolver(Arc::new(presents)),
        None => builder.with_no_client_auth(),
    }
}

pub(crate) fn server_config(
    provider: Arc<CryptoProvider>,
    presents: SingleCertAndKey,
    clock: &Clock,
    versions: Versions,
) -> ServerConfig {
    let time: Arc<dyn TimeProvider> = Arc::new(clock.clone());
    let careless = Arc::new(Careless(provider.clone()));
    ServerConfig::builder_with_details(provider, time)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(careless)
        .with_cert_resolver(Arc::new(presents))
}

pub(crate) fn connect(config: &Arc<ClientConfig>) -> rustls::Connection {
    rustls::ClientConnection::new(config.clone(), name()).unwrap().into()
}

pub(crate) fn accept(config: &Arc<ServerConfig>) -> rustls::Connection {
    rustls::ServerConnection::new(config.clone()).unwrap().into()
}

#[derive(Debug)]
struct Careless(Arc<CryptoProvider>);

impl Careless {
    fn schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Careless {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}
