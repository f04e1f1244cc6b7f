//! `ServerVerifier` and `ClientVerifier`: what rustls asks, over one body.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::Hasher;
use std::sync::{Mutex, PoisonError};

use rustls_0_24::client::danger::{
    HandshakeSignatureValid, ServerIdentity, ServerVerifier as RustlsServerVerifier,
    SignatureVerificationInput,
};
use rustls_0_24::client::{ClientCredentialResolver, Resumption};
use rustls_0_24::crypto::{
    CertificateIdentity, CryptoProvider, Identity, SignatureScheme, VerifiedIdentity,
};
use rustls_0_24::quic::Quic;
use rustls_0_24::server::danger::{ClientIdentity, ClientVerifier as RustlsClientVerifier};
use rustls_0_24::server::{NoServerSessionStorage, ServerCredentialResolver, Tls13Tickets};
use rustls_0_24::time_provider::TimeProvider;
use rustls_0_24::{
    ClientConfig, ClientSide, ConnectionOutputs, DistinguishedName, Error, ServerConfig,
    ServerSide, SignerPublicKey, Tcp, VerifyPeerIdentity,
};
use rustls_pki_types::{ServerName, UnixTime};

use super::alert;
use super::suspended::{Presentation, Suspended};
use crate::live::{Live, LivePeer, Snapshot};
use crate::tls::{
    ExpectClient, ExpectServer, HandshakeSignature, HasJudge, Judge, PeerError, PeerRole, Scheme,
    Stamp, Version, judge_settings,
};
use crate::x509::Time;

/// Verifies servers: rustls's `ServerVerifier`, asking the snapshot in force.
#[derive(Debug)]
pub struct ServerVerifier {
    judge: Judge,
    hints: Hints,
}

impl ServerVerifier {
    /// Verifies under what `live` has published at the time of each handshake.
    ///
    /// Which signature schemes are offered is found out here and now, from the backend and the
    /// algorithms of the policy.
    #[must_use]
    pub fn new(live: Live, expect: ExpectServer) -> Self {
        let judge = Judge::new(live, PeerRole::Server, expect.0);
        Self { judge, hints: Hints::Untold }
    }

    /// Sets the label of the trust that applies, see
    /// [`Request::with_label`](crate::verify::Request::with_label). Default: none.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        self.judge.label = Some(label.into());
        self
    }

    judge_settings!();

    /// Tells servers, in TLS 1.3, which authorities are trusted at the time of each handshake: their
    /// subjects, as `certificate_authorities`. Default: not told.
    #[must_use]
    pub fn with_root_hints(self) -> Self {
        Self { hints: Hints::told(), ..self }
    }

    /// A client's configuration with this verifier, without resumption and early data.
    ///
    /// # Errors
    /// Those of rustls where the provider is not complete.
    pub fn client_config(
        self: &Arc<Self>,
        provider: Arc<CryptoProvider>,
        time: Arc<dyn TimeProvider>,
        credentials: Option<Arc<dyn ClientCredentialResolver>>,
    ) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_details(provider, time)
            .dangerous()
            .with_custom_certificate_verifier(self.clone());
        let mut config = match credentials {
            Some(credentials) => builder.with_client_credential_resolver(credentials)?,
            None => builder.with_no_client_auth()?,
        };
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        Ok(config)
    }

    pub(super) const fn live(&self) -> &Live {
        &self.judge.live
    }

    /// Decides about a server; what it is not asked about at all is an error of its own.
    pub(super) fn judge_identity(
        &self,
        identity: &ServerIdentity<'_, '_>,
    ) -> Result<Result<Stamp, PeerError>, Error> {
        let staple = Some(identity.ocsp_response).filter(|staple| !staple.is_empty());
        let name = Some(identity.server_name);
        judge_identity(&self.judge, identity.identity, name, staple, identity.now)
    }

    /// Takes over a handshake that has stopped at the server's certificates; its configuration has this
    /// verifier.
    #[must_use]
    pub fn suspend(
        self: &Arc<Self>,
        handshake: VerifyPeerIdentity<ClientSide, Tcp>,
    ) -> Suspended<ClientSide> {
        Suspended::new(self.clone(), handshake, |identity| Presentation {
            identity: identity.identity,
            name: Some(identity.server_name),
            staple: identity.ocsp_response,
            now: identity.now,
        })
    }

    /// The verified peer of a connection whose handshake is over, full or resumed, judged as of `now`;
    /// `name` is what the connection was made to.
    ///
    /// The connection must be one whose configuration has this verifier, see the [module](super). One
    /// that was accepted on evidence that was supplied to a [`Suspended`] is asked for with
    /// [`ExpectedPeer::verified_peer`](super::ExpectedPeer::verified_peer), which has that evidence.
    ///
    /// # Errors
    /// [`PeerError`]; [`PeerError::NoCertificate`] where the handshake is not over.
    pub fn verified_peer(
        &self,
        connection: &ConnectionOutputs,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<LivePeer, PeerError> {
        peer(&self.judge, connection, Some(name), now)
    }
}

impl HasJudge for ServerVerifier {
    fn judge(&self) -> &Judge {
        &self.judge
    }
}

impl RustlsServerVerifier for ServerVerifier {
    fn verify_identity<'a>(
        &self,
        identity: &ServerIdentity<'a, '_>,
    ) -> Result<VerifiedIdentity<'a>, Error> {
        self.judge_identity(identity)??;
        Ok(VerifiedIdentity::assertion(identity.identity.clone()))
    }

    fn verify_tls12_signature(
        &self,
        input: &SignatureVerificationInput<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(&self.judge, Version::Tls12, input)
    }

    fn verify_tls13_signature(
        &self,
        input: &SignatureVerificationInput<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(&self.judge, Version::Tls13, input)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes(&self.judge)
    }

    /// Whether the policy in force, or any evidence, asks about revocation: then a staple may answer.
    fn request_ocsp_response(&self) -> bool {
        self.judge.live.snapshot().verifier().asks_about_revocation()
    }

    fn root_hint_subjects(&self) -> Option<Arc<[DistinguishedName]>> {
        // An empty list cannot be sent (RFC 8446 4.2.4: "DistinguishedName authorities<3..2^16-1>").
        Some(self.hints.of(&self.judge)).filter(|hints| !hints.is_empty())
    }

    /// Sessions are shared among configurations with this very verifier, and not beyond a publication
    /// that tightened: a configuration that is built later has other sessions.
    ///
    /// rustls asks once, when a configuration is built.
    fn hash_config(&self, h: &mut dyn Hasher) {
        let snapshot = self.judge.live.snapshot();
        let verifier = snapshot.verifier();
        h.write_usize(core::ptr::from_ref(&self.judge).addr());
        // An address is used again when its verifier is gone: content tells the two apart.
        h.write_u64(snapshot.fence());
        h.write(&verifier.policy().digest());
        if let Some(trust) = verifier.trust_of(self.judge.label.as_deref()) {
            h.write(&trust.digest());
        }
        for text in [
            &alloc::format!("{:?}", self.judge.expected),
            self.judge.label.as_deref().unwrap_or_default(),
        ] {
            h.write_usize(text.len());
            h.write(text.as_bytes());
        }
    }
}

/// Verifies clients: rustls's `ClientVerifier`, asking the snapshot in force.
#[derive(Debug)]
pub struct ClientVerifier {
    judge: Judge,
    hints: Hints,
    mandatory: Mandatory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mandatory {
    Yes,
    No,
}

impl ClientVerifier {
    /// Verifies under what `live` has published at the time of each handshake. Clients must present a
    /// certificate.
    #[must_use]
    pub fn new(live: Live, expect: ExpectClient) -> Self {
        let judge = Judge::new(live, PeerRole::Client, expect.0);
        Self { judge, hints: Hints::Untold, mandatory: Mandatory::Yes }
    }

    /// Lets clients connect that present no certificate; who presents one must be acceptable.
    #[must_use]
    pub fn allow_unauthenticated(self) -> Self {
        Self { mandatory: Mandatory::No, ..self }
    }

    /// Sets the label of the trust that applies, see
    /// [`Request::with_label`](crate::verify::Request::with_label). Default: none.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        self.judge.label = Some(label.into());
        self
    }

    judge_settings!();

    /// Tells clients which authorities are trusted at the time of each handshake: their subjects, as
    /// `certificate_authorities`. Default: not told, so that clients send what they have.
    #[must_use]
    pub fn with_root_hints(self) -> Self {
        Self { hints: Hints::told(), ..self }
    }

    /// A server's configuration with this verifier, without resumption and early data.
    ///
    /// # Errors
    /// Those of rustls where the provider is not complete.
    pub fn server_config(
        self: &Arc<Self>,
        provider: Arc<CryptoProvider>,
        time: Arc<dyn TimeProvider>,
        credentials: Arc<dyn ServerCredentialResolver>,
    ) -> Result<ServerConfig, Error> {
        plain_server_config(self.clone(), provider, time, credentials)
    }

    pub(super) const fn live(&self) -> &Live {
        &self.judge.live
    }

    /// Decides about a client; what it is not asked about at all is an error of its own.
    pub(super) fn judge_identity(
        &self,
        identity: &ClientIdentity<'_, '_>,
    ) -> Result<Result<Stamp, PeerError>, Error> {
        judge_identity(&self.judge, identity.identity, None, None, identity.now)
    }

    /// Takes over a handshake that has stopped at the client's certificates; its configuration has this
    /// verifier.
    #[must_use]
    pub fn suspend(
        self: &Arc<Self>,
        handshake: VerifyPeerIdentity<ServerSide, Tcp>,
    ) -> Suspended<ServerSide> {
        Suspended::new(self.clone(), handshake, |identity| present_client(identity))
    }

    /// Takes over a QUIC handshake that has stopped at the client's certificates; else as
    /// [`ClientVerifier::suspend`].
    #[must_use]
    pub fn suspend_quic(
        self: &Arc<Self>,
        handshake: VerifyPeerIdentity<ServerSide, Quic>,
    ) -> Suspended<ServerSide, Quic> {
        Suspended::new(self.clone(), handshake, |identity| present_client(identity))
    }

    /// The verified peer of a connection whose handshake is over, full or resumed, judged as of `now`;
    /// else as [`ServerVerifier::verified_peer`].
    ///
    /// # Errors
    /// [`PeerError`]; [`PeerError::NoCertificate`] where the client presented none, and where the
    /// handshake is not over.
    pub fn verified_peer(
        &self,
        connection: &ConnectionOutputs,
        now: UnixTime,
    ) -> Result<LivePeer, PeerError> {
        peer(&self.judge, connection, None, now)
    }
}

impl HasJudge for ClientVerifier {
    fn judge(&self) -> &Judge {
        &self.judge
    }
}

impl RustlsClientVerifier for ClientVerifier {
    fn verify_identity<'a>(
        &self,
        identity: &ClientIdentity<'a, '_>,
    ) -> Result<VerifiedIdentity<'a>, Error> {
        self.judge_identity(identity)??;
        Ok(VerifiedIdentity::assertion(identity.identity.clone()))
    }

    fn verify_tls12_signature(
        &self,
        input: &SignatureVerificationInput<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(&self.judge, Version::Tls12, input)
    }

    fn verify_tls13_signature(
        &self,
        input: &SignatureVerificationInput<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(&self.judge, Version::Tls13, input)
    }

    fn root_hint_subjects(&self) -> Arc<[DistinguishedName]> {
        self.hints.of(&self.judge)
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory == Mandatory::Yes
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes(&self.judge)
    }
}

/// The certificates of an identity; a raw public key has none.
pub(super) fn certificates<'i, 'a>(
    identity: &'i Identity<'a>,
) -> Option<&'i CertificateIdentity<'a>> {
    match identity {
        Identity::X509(certificates) => Some(certificates),
        _ => None,
    }
}

fn present_client<'b>(identity: &'b ClientIdentity<'static, '_>) -> Presentation<'b> {
    Presentation { identity: identity.identity, name: None, staple: &[], now: identity.now }
}

/// A server's configuration without resumption and early data.
pub(super) fn plain_server_config(
    verifier: Arc<dyn RustlsClientVerifier>,
    provider: Arc<CryptoProvider>,
    time: Arc<dyn TimeProvider>,
    credentials: Arc<dyn ServerCredentialResolver>,
) -> Result<ServerConfig, Error> {
    let mut config = ServerConfig::builder_with_details(provider, time)
        .with_client_cert_verifier(verifier)
        .with_server_credential_resolver(credentials)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = None;
    config.send_tls13_tickets = Tls13Tickets { default: 0, max: 0 };
    config.max_early_data_size = 0;
    config.send_half_rtt_data = false;
    Ok(config)
}

/// The time of rustls's clock.
pub(super) fn now(time: &dyn TimeProvider) -> Result<Time, PeerError> {
    time.current_time().map(Time::from).ok_or(PeerError::NoTime)
}

fn judge_identity(
    judge: &Judge,
    identity: &Identity<'_>,
    name: Option<&ServerName<'_>>,
    staple: Option<&[u8]>,
    now: UnixTime,
) -> Result<Result<Stamp, PeerError>, Error> {
    let chain = certificates(identity).ok_or_else(alert::raw_public_key)?;
    let judged = judge.judge(&chain.end_entity, &chain.intermediates, name, staple, now.into());
    Ok(judged.map(|(_, stamp)| stamp))
}

fn verify_signature(
    judge: &Judge,
    version: Version,
    input: &SignatureVerificationInput<'_>,
) -> Result<HandshakeSignatureValid, Error> {
    let SignerPublicKey::X509(certificate) = input.signer else {
        return Err(alert::raw_public_key());
    };
    let signature = HandshakeSignature {
        version,
        scheme: Scheme(input.signature.scheme.0),
        message: input.message,
        signature: input.signature.signature(),
    };
    judge.verify_signature(certificate, &signature).map_err(alert::signature)?;
    Ok(HandshakeSignatureValid::assertion())
}

fn schemes(judge: &Judge) -> Vec<SignatureScheme> {
    judge.schemes.iter().map(|scheme| SignatureScheme(scheme.0)).collect()
}

fn peer(
    judge: &Judge,
    connection: &ConnectionOutputs,
    name: Option<&ServerName<'_>>,
    now: UnixTime,
) -> Result<LivePeer, PeerError> {
    let identity = connection.peer_identity().ok_or(PeerError::NoCertificate)?;
    let chain = certificates(identity.identity()).ok_or(PeerError::NoCertificate)?;
    judge.peer(&chain.end_entity, &chain.intermediates, name, now.into())
}

/// Which authorities peers are told of.
#[derive(Debug)]
enum Hints {
    Untold,
    /// Those of the snapshot with this epoch.
    Told(Mutex<Option<(u64, Arc<[DistinguishedName]>)>>),
}

impl Hints {
    const fn told() -> Self {
        Self::Told(Mutex::new(None))
    }

    /// The subjects of the authorities in force, made once for each publication.
    fn of(&self, judge: &Judge) -> Arc<[DistinguishedName]> {
        let Self::Told(made) = self else { return Arc::new([]) };
        let snapshot: Snapshot = judge.live.snapshot();
        let epoch = snapshot.epoch();
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some((of, hints)) if *of == epoch => hints.clone(),
            _ => {
                let hints: Arc<[_]> =
                    judge.root_hints().into_iter().map(DistinguishedName::from).collect();
                *made = Some((epoch, hints.clone()));
                hints
            }
        }
    }
}
