//! Whole mTLS handshakes in memory: this crate's endpoints against rustls with webpki's verifiers.
//!
//! Both use the same provider (aws-lc-rs), the same certificates and keys, TLS 1.3, no resumption.
//! Every handshake is a full one and ends with both sides able to send; this crate's side also
//! hands out the verified peers.

use std::sync::Arc;

use bonafide::credential::{Credential, CredentialChecks, SoftwareKey, Update};
use bonafide::live::{Live, Publication};
use bonafide::policy::ValidationPolicy;
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, ExpectClient, ExpectServer, Presents, ServerEndpoint,
};
use bonafide::signature::AwsLcBackend;
use bonafide::trust::{Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::Verifier;
use bonafide::x509::Time;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};

use crate::kit::{Authority, GeneralName, Key, Kind, NOW, Name};

const SERVER: &str = "db.example.test";
const CLIENT: &str = "web.example.test";

/// One end: its chain and key.
struct End {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

/// A root, intermediates, and both ends under them.
pub struct Estate {
    root: CertificateDer<'static>,
    server: End,
    client: End,
    provider: Arc<CryptoProvider>,
}

impl Estate {
    pub fn new(intermediates: u64) -> Self {
        let mut authority = Authority::root(&Name::cn("Example Root"), &Key::new(Kind::P256, 0));
        let root = CertificateDer::from(authority.certificate.clone());
        let mut above = Vec::new();
        for number in 0..intermediates {
            let name = Name::cn(&format!("Example Intermediate {number}"));
            authority = authority.intermediate(&name, &Key::new(Kind::P256, 1 + number), |b| b);
            above.insert(0, CertificateDer::from(authority.certificate.clone()));
        }
        let end = |name: &str, number| {
            let key = Key::new(Kind::P256, number);
            let names = [GeneralName::dns(name)];
            let leaf = authority.leaf(&Name::cn("leaf"), &key, &names, |builder| builder);
            let mut chain = vec![CertificateDer::from(leaf)];
            chain.extend(above.iter().cloned());
            End { chain, key: key.pkcs8().unwrap() }
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Self { root, server: end(SERVER, 4), client: end(CLIENT, 5), provider }
    }
}

/// Both ends of one contender, ready for any number of handshakes.
pub struct Pair {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    ours: Option<(Arc<ClientEndpoint>, Arc<ServerEndpoint>)>,
}

impl Pair {
    /// This crate's endpoints.
    pub fn ours(estate: &Estate) -> Self {
        let live = |end: &End| {
            let bundle = TrustBundle::new([TrustAnchor::from_der(&estate.root).unwrap()]);
            let scope = Scope::dns("example.test").unwrap();
            let trust = TrustStore::new([Domain::named("example", [scope], bundle)]).unwrap();
            let policy = ValidationPolicy::tls_server();
            let live =
                Live::new(Verifier::new(trust.into(), policy.into(), Arc::new(AwsLcBackend::NEW)));
            let publication = Publication::new().credentials(Update::install(credential(end)));
            live.publish(publication, Time::from_unix(NOW)).unwrap();
            live
        };
        let expect = ExpectClient::matching(format!("dns:{CLIENT}").parse().unwrap());
        let client = ClientEndpoint::builder(
            live(&estate.client),
            estate.provider.clone(),
            ExpectServer::connection_name(),
            Presents::Always,
        );
        let server = ServerEndpoint::builder(
            live(&estate.server),
            estate.provider.clone(),
            ClientAuth::Required(expect),
        );
        let (client, server) = (client.build().unwrap(), server.build().unwrap());
        Self { client: client.config(), server: server.config(), ours: Some((client, server)) }
    }

    /// rustls as it comes.
    pub fn webpki(estate: &Estate) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(estate.root.clone()).unwrap();
        let roots = Arc::new(roots);
        let provider = || estate.provider.clone();
        let servers =
            WebPkiServerVerifier::builder_with_provider(roots.clone(), provider()).build().unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(roots, provider()).build().unwrap();
        let key = |end: &End| PrivateKeyDer::from(PrivatePkcs8KeyDer::from(end.key.clone()));
        let mut client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_webpki_verifier(servers)
            .with_client_auth_cert(estate.client.chain.clone(), key(&estate.client))
            .unwrap();
        client.resumption = Resumption::disabled();
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(estate.server.chain.clone(), key(&estate.server))
            .unwrap();
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Self { client: Arc::new(client), server: Arc::new(server), ours: None }
    }

    /// One full handshake, verified on both sides.
    pub fn handshake(&self) {
        let name = ServerName::try_from(SERVER).unwrap();
        let mut client = ClientConnection::new(self.client.clone(), name.clone()).unwrap();
        let mut server = ServerConnection::new(self.server.clone()).unwrap();
        let mut wire = Vec::with_capacity(8_192);
        while client.is_handshaking() || server.is_handshaking() {
            wire.clear();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            let mut read = &wire[..];
            while !read.is_empty() {
                server.read_tls(&mut read).unwrap();
                server.process_new_packets().unwrap();
            }
            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            let mut read = &wire[..];
            while !read.is_empty() {
                client.read_tls(&mut read).unwrap();
                client.process_new_packets().unwrap();
            }
        }
        if let Some((our_client, our_server)) = &self.ours {
            let peer = our_client.verified_peer(&client, &name).unwrap();
            assert_eq!(peer.path().len(), client.peer_certificates().unwrap().len());
            assert!(our_server.verified_peer(&server).unwrap().is_some());
        }
    }
}

fn credential(end: &End) -> Credential {
    let key = SoftwareKey::from_der(&end.key).unwrap();
    let policy = ValidationPolicy::tls_server();
    CredentialChecks::new(&policy, &AwsLcBackend::NEW, Time::from_unix(NOW))
        .check(&end.chain, Arc::new(key))
        .unwrap()
}
