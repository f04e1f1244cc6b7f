//! `ServerVerifier` and `ClientVerifier`: what rustls asks, over one body.

use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CommonState, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::alert;
use super::sessions_client::FencedClientSessions;
use crate::live::{Live, LivePeer};
use crate::tls::{
    ExpectClient, ExpectServer, HandshakeSignature, Judge, PeerError, PeerRole, Scheme, Slot,
    Version, judge_settings,
};
use crate::x509::Time;

/// Verifies servers: a [`ServerCertVerifier`] that asks the snapshot in force.
///
/// A [`ClientEndpoint`](super::ClientEndpoint) makes and uses one. On its own it is a drop-in for
/// `WebPkiServerVerifier`; resumption then goes past it, see the [module](super).
#[derive(Debug)]
pub struct ServerVerifier {
    pub(super) judge: Judge,
    tells_hints: bool,
    hints: Option<Vec<DistinguishedName>>,
    sessions: Option<FencedClientSessions>,
}

impl ServerVerifier {
    /// Verifies under what `live` has published at the time of each handshake.
    ///
    /// Which signature schemes are offered is found out here and now, from the backend and the
    /// algorithms of the policy.
    #[must_use]
    pub fn new(live: Live, expect: ExpectServer) -> Self {
        let judge = Judge::new(live, PeerRole::Server, expect.0);
        Self { judge, tells_hints: false, hints: None, sessions: None }
    }

    /// Sets the label of the trust that applies, see
    /// [`Request::with_label`](crate::verify::Request::with_label). Default: none.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        self.judge.label = Some(label.into());
        // What was told so far is of another store.
        if self.tells_hints { self.with_root_hints() } else { self }
    }

    judge_settings!();

    /// Tells servers, in TLS 1.3, which authorities are trusted now: their subjects, as
    /// `certificate_authorities`. rustls takes them once; where authorities rotate, servers that
    /// choose by them choose by the old ones. Default: not told.
    #[must_use]
    pub fn with_root_hints(mut self) -> Self {
        self.tells_hints = true;
        let hints = distinguished(self.judge.root_hints());
        self.hints = (!hints.is_empty()).then_some(hints);
        self
    }

    pub(super) fn with_sessions(mut self, sessions: FencedClientSessions) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// The verified peer of a connection whose handshake is over, full or resumed, judged as of
    /// `now`; `name` is what the connection was made to.
    ///
    /// The connection must be one whose configuration has this verifier: rustls completes a handshake
    /// only after the verifier has seen the signature that shows possession of the key of exactly
    /// this chain (of a resumed one: the original did), but does not tell which verifier that was.
    ///
    /// # Errors
    /// [`PeerError`]; [`PeerError::Rejected`] where the chain is not acceptable any more.
    pub fn verified_peer(
        &self,
        connection: &CommonState,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<LivePeer, PeerError> {
        self.judge.peer_of(finished_chain(connection)?, Some(name), now.into())
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let staple = (!ocsp_response.is_empty()).then_some(ocsp_response);
        let name = Some(server_name);
        let (_, stamp) = self.judge.judge(end_entity, intermediates, name, staple, now.into())?;
        if let Some(sessions) = &self.sessions {
            sessions.note(server_name.to_owned(), stamp);
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(&self.judge, Version::Tls12, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(&self.judge, Version::Tls13, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls_schemes(&self.judge.schemes)
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.hints.as_deref()
    }
}

/// Verifies clients: a [`ClientCertVerifier`] that asks the snapshot in force.
///
/// A [`ServerEndpoint`](super::ServerEndpoint) makes and uses one. On its own it is a drop-in for
/// `WebPkiClientVerifier`; resumption then goes past it, see the [module](super).
#[derive(Debug)]
pub struct ClientVerifier {
    pub(super) judge: Judge,
    mandatory: Mandatory,
    tells_hints: bool,
    hints: Vec<DistinguishedName>,
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
        Self { judge, mandatory: Mandatory::Yes, tells_hints: false, hints: Vec::new() }
    }

    /// Lets clients connect that present no certificate; who presents one must be acceptable.
    #[must_use]
    pub const fn allow_unauthenticated(mut self) -> Self {
        self.mandatory = Mandatory::No;
        self
    }

    /// Sets the label of the trust that applies, see
    /// [`Request::with_label`](crate::verify::Request::with_label). Default: none.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        self.judge.label = Some(label.into());
        // What was told so far is of another store.
        if self.tells_hints { self.with_root_hints() } else { self }
    }

    judge_settings!();

    /// Tells clients which authorities are trusted now: their subjects, as `certificate_authorities`.
    /// rustls takes them once for each configuration; where authorities rotate, clients that choose
    /// by them choose by the old ones. Default: not told, so that clients send what they have.
    #[must_use]
    pub fn with_root_hints(mut self) -> Self {
        self.tells_hints = true;
        self.hints = distinguished(self.judge.root_hints());
        self
    }

    /// Whether a client must present a certificate.
    pub(super) fn is_mandatory(&self) -> bool {
        self.mandatory == Mandatory::Yes
    }

    /// The verified peer of a connection whose handshake is over, full or resumed, judged as of
    /// `now`.
    ///
    /// The connection must be one whose configuration has this verifier: rustls completes a handshake
    /// only after the verifier has seen the signature that shows possession of the key of exactly
    /// this chain (of a resumed one: the original did), but does not tell which verifier that was. A
    /// [`ServerHandshake`](super::ServerHandshake) knows, since it is made for one connection.
    ///
    /// # Errors
    /// [`PeerError`]; [`PeerError::NoCertificate`] where the client presented none, and
    /// [`PeerError::Rejected`] where its chain is not acceptable any more.
    pub fn verified_peer(
        &self,
        connection: &CommonState,
        now: UnixTime,
    ) -> Result<LivePeer, PeerError> {
        self.judge.peer_of(finished_chain(connection)?, None, now.into())
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge.judge(end_entity, intermediates, None, None, now.into())?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(&self.judge, Version::Tls12, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(&self.judge, Version::Tls13, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls_schemes(&self.judge.schemes)
    }
}

/// The verifier of one connection: writes down what the handshake has shown.
#[derive(Debug)]
pub(super) struct SeatVerifier {
    pub(super) shared: Arc<ClientVerifier>,
    pub(super) slot: Arc<Slot>,
}

impl ClientCertVerifier for SeatVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.shared.is_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.shared.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let judge = &self.shared.judge;
        match judge.judge(end_entity, intermediates, None, None, now.into()) {
            Ok((_, stamp)) => {
                self.slot.accept(stamp);
                Ok(ClientCertVerified::assertion())
            }
            Err(error) => {
                if let PeerError::Rejected(rejected) = &error {
                    self.slot.reject(rejected.clone());
                }
                Err(error.into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let valid = self.shared.verify_tls12_signature(message, cert, dss)?;
        self.slot.prove();
        Ok(valid)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let valid = self.shared.verify_tls13_signature(message, cert, dss)?;
        self.slot.prove();
        Ok(valid)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.shared.supported_verify_schemes()
    }
}

/// The chain of a peer whose handshake is over.
pub(super) fn finished_chain(
    connection: &CommonState,
) -> Result<&[CertificateDer<'static>], PeerError> {
    if connection.is_handshaking() {
        return Err(PeerError::Handshaking);
    }
    connection.peer_certificates().ok_or(PeerError::NoCertificate)
}

/// Names as rustls wants them.
fn distinguished(names: Vec<Vec<u8>>) -> Vec<DistinguishedName> {
    names.into_iter().map(DistinguishedName::from).collect()
}

/// The schemes to offer.
pub(super) fn rustls_schemes(schemes: &[Scheme]) -> Vec<SignatureScheme> {
    schemes.iter().map(|scheme| SignatureScheme::from(scheme.0)).collect()
}

fn verify_signature(
    judge: &Judge,
    version: Version,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let (scheme, signature) = (Scheme(signed.scheme.into()), signed.signature());
    judge
        .verify_signature(certificate, &HandshakeSignature { version, scheme, message, signature })
        .map_err(alert::signature)?;
    Ok(HandshakeSignatureValid::assertion())
}

/// The time of rustls's clock.
pub(super) fn now(time: &dyn rustls::time_provider::TimeProvider) -> Result<Time, PeerError> {
    time.current_time().map(Time::from).ok_or(PeerError::NoTime)
}
