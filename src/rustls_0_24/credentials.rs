//! Resolvers: which of the published credentials a handshake presents, and `SigningKey` over their keys.
//!
//! As in the adapter for 0.23: each handshake takes a chain with its key as one value from the snapshot in
//! force. A client without a credential goes on without one, which is told as an event.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::Hasher;

use rustls_0_24::Error;
use rustls_0_24::client::{ClientCredentialResolver, CredentialRequest};
use rustls_0_24::crypto::{
    CertificateIdentity, Credentials, Identity, SelectedCredential, SignatureScheme, Signer,
    SigningKey,
};
use rustls_0_24::enums::CertificateType;
use rustls_0_24::server::{ClientHello, ServerCredentialResolver};
use rustls_0_24::time_provider::TimeProvider;
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use super::verifier::now;
use super::{HandshakeEvents, NoCredential, PeerRole};
use crate::credential::{Credential, CredentialKey, Staple};
use crate::identity::DnsName;
use crate::live::Live;
use crate::signature::{KeyKind, SignatureAlgorithm};
use crate::tls::{Choice, Chosen, Others, Scheme, Wanted, scheme_of};

const TYPES: &[CertificateType] = &[CertificateType::X509];

/// What both resolvers have.
#[derive(Debug)]
struct Source {
    live: Live,
    choice: Choice,
    time: Arc<dyn TimeProvider>,
    events: Option<Arc<dyn HandshakeEvents>>,
}

impl Source {
    fn new(live: Live, time: Arc<dyn TimeProvider>) -> Self {
        Self { choice: Choice::new(live.clone()), live, time, events: None }
    }

    fn resolve(
        &self,
        peer: PeerRole,
        wanted: &Wanted<'_>,
        schemes: &[SignatureScheme],
    ) -> Result<SelectedCredential, Error> {
        let now = now(&*self.time)?;
        let credentials = match self.choice.choose(wanted, now) {
            Ok(Chosen { credential, staple }) => match selected(&credential, staple, schemes) {
                Some(selected) => return Ok(selected),
                None => self.live.snapshot().credentials().len(),
            },
            Err(credentials) => credentials,
        };
        if let Some(events) = &self.events {
            let server_name = wanted.server_name.map(|name| name.as_str().into());
            events.on_no_credential(&NoCredential { peer, server_name, credentials, now });
        }
        Err(Error::NoSuitableCertificate)
    }
}

fn shared(offered: &[SignatureScheme]) -> Vec<Scheme> {
    offered.iter().map(|scheme| Scheme(scheme.0)).collect()
}

/// Chooses what a server presents.
#[derive(Debug)]
pub struct ServerCredentials(Source);

impl ServerCredentials {
    /// Chooses from what `live` has published, by the clock of `time`.
    #[must_use]
    pub fn new(live: Live, time: Arc<dyn TimeProvider>) -> Self {
        Self(Source::new(live, time))
    }

    /// Presents only credentials with this hint. Default: any.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.0.choice.hint = Some(hint.into());
        self
    }

    /// Sets who is told that there was nothing to present. Default: nobody.
    #[must_use]
    pub fn with_events(mut self, events: Arc<dyn HandshakeEvents>) -> Self {
        self.0.events = Some(events);
        self
    }
}

impl ServerCredentialResolver for ServerCredentials {
    fn resolve(&self, hello: &ClientHello<'_>) -> Result<SelectedCredential, Error> {
        let named = hello.certificate_authorities().unwrap_or_default();
        let authorities: Vec<&[u8]> = named.iter().map(AsRef::as_ref).collect();
        let name = hello.server_name().and_then(|name| DnsName::parse(name.as_ref()).ok());
        let wanted = Wanted {
            server_name: name.as_ref(),
            hint: None,
            schemes: &shared(hello.signature_schemes()),
            authorities: &authorities,
            others: Others::Presented,
        };
        self.0.resolve(PeerRole::Client, &wanted, hello.signature_schemes())
    }
}

/// Chooses what a client presents to a server that asks.
#[derive(Debug)]
pub struct ClientCredentials {
    source: Source,
    others: Others,
}

impl ClientCredentials {
    /// Chooses from what `live` has published, by the clock of `time`.
    #[must_use]
    pub fn new(live: Live, time: Arc<dyn TimeProvider>) -> Self {
        Self { source: Source::new(live, time), others: Others::Presented }
    }

    /// Presents only credentials with this hint. Default: any.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.source.choice.hint = Some(hint.into());
        self
    }

    /// Presents nothing to a server that names authorities of which none issued to us. Default: a
    /// credential of another authority then.
    #[must_use]
    pub fn with_authorities_demanded(self) -> Self {
        Self { others: Others::Kept, ..self }
    }

    /// Sets who is told that there was nothing to present, so that the handshake went on
    /// unauthenticated. Default: nobody.
    #[must_use]
    pub fn with_events(mut self, events: Arc<dyn HandshakeEvents>) -> Self {
        self.source.events = Some(events);
        self
    }
}

impl ClientCredentialResolver for ClientCredentials {
    fn resolve(&self, request: &CredentialRequest<'_>) -> Option<SelectedCredential> {
        if request.negotiated_type() != CertificateType::X509 {
            return None;
        }
        let authorities: Vec<&[u8]> =
            request.root_hint_subjects().iter().map(AsRef::as_ref).collect();
        let wanted = Wanted {
            server_name: None,
            hint: None,
            schemes: &shared(request.signature_schemes()),
            authorities: &authorities,
            others: self.others,
        };
        self.source.resolve(PeerRole::Server, &wanted, request.signature_schemes()).ok()
    }

    fn supported_certificate_types(&self) -> &'static [CertificateType] {
        TYPES
    }

    /// Sessions are shared among configurations with this very resolver, and not beyond a change of
    /// credentials. rustls asks once, when a configuration is built.
    fn hash_config(&self, h: &mut dyn Hasher) {
        h.write_usize(core::ptr::from_ref(self).addr());
        h.write_u64(self.source.live.snapshot().credentials().generation());
        h.write(self.source.choice.hint.as_deref().unwrap_or_default().as_bytes());
    }
}

/// A credential with a signer for one of the schemes. Leaf and key belong together because a
/// [`Credential`] is made of them so; rustls would parse the leaf to check it.
fn selected(
    credential: &Credential,
    staple: Option<Arc<Staple>>,
    schemes: &[SignatureScheme],
) -> Option<SelectedCredential> {
    let kind = credential.key_kind()?;
    let mut chain = credential
        .chain()
        .iter()
        .map(|certificate| CertificateDer::from(certificate.as_der()).into_owned());
    let identity = Identity::X509(CertificateIdentity::new(chain.next()?, chain.collect()));
    let key = CredentialSigner { key: credential.key().clone(), kind };
    let mut credentials = Credentials::new_unchecked(Arc::new(identity), Box::new(key));
    credentials.ocsp = staple.map(|staple| staple.response().into());
    credentials.signer(schemes)
}

#[derive(Debug)]
struct CredentialSigner {
    key: Arc<dyn CredentialKey>,
    kind: KeyKind,
}

impl SigningKey for CredentialSigner {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.key.algorithms().iter().find_map(|&algorithm| {
            let scheme = SignatureScheme(scheme_of(self.kind, algorithm)?.0);
            let signer = || HandshakeSigner { key: self.key.clone(), algorithm, scheme };
            offered.contains(&scheme).then(|| -> Box<dyn Signer> { Box::new(signer()) })
        })
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        let key = self.key.public_key();
        (!key.is_empty()).then(|| SubjectPublicKeyInfoDer::from(key))
    }
}

#[derive(Debug)]
struct HandshakeSigner {
    key: Arc<dyn CredentialKey>,
    algorithm: SignatureAlgorithm,
    scheme: SignatureScheme,
}

impl Signer for HandshakeSigner {
    fn sign(self: Box<Self>, message: &[u8]) -> Result<Vec<u8>, Error> {
        // 0.24 has an alert for `General` and none for `Other`.
        self.key
            .sign(self.algorithm, message)
            .map_err(|error| Error::General(alloc::format!("the key cannot sign: {error}")))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}
