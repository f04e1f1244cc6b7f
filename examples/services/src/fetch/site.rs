//! A web server as a certification authority runs it: lists, an OCSP responder, the certificates of
//! issuers. And pages that a host must not fall for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::routing::{get, post};
use bonafide::trust::TrustAnchor;
use bonafide::x509::Time;
use rustls_pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Failure;
use crate::kit::ext::{self, DistributionPoint};
use crate::kit::ocsp::{self, IdHash};
use crate::kit::{
    Authority, CrlBuilder, GeneralName, Key, Kind, Name, OcspResponseBuilder, Responder,
    SingleResponse, Status,
};

/// The name of the peer.
pub const PEER: &str = "dns:peer.example.test";
/// How long lists and responses are good for, in seconds.
pub const GOOD_FOR: i64 = 3_600;

const SERIAL: [u8; 8] = [0x41; 8];
const AD_OCSP: &str = "1.3.6.1.5.5.7.48.1";
const AD_CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// What the server knows and what it was asked for.
#[derive(Debug)]
struct Shared {
    root: Authority,
    issuer: Authority,
    begun: i64,
    /// The time that lists and responses are made at.
    clock: AtomicI64,
    revoked: AtomicBool,
    asked: Mutex<BTreeMap<String, usize>>,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Site {
    /// Begins to serve on a port of this machine that is free.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn start(now: Time) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let root = Authority::root(&Name::cn("Example Root"), &Key::new(Kind::P256, 0));
        let list = DistributionPoint::uri(&format!("http://{address}/root.crl"));
        let issuer =
            root.intermediate(&Name::cn("Example CA"), &Key::new(Kind::P256, 1), |builder| {
                builder.with(ext::crl_distribution_points(&[list]))
            });
        let shared = Arc::new(Shared {
            root,
            issuer,
            begun: now.unix(),
            clock: AtomicI64::new(now.unix()),
            revoked: AtomicBool::new(false),
            asked: Mutex::default(),
        });
        let pages = Router::new()
            .route("/root.crl", get(list_of_root))
            .route("/issuer.cer", get(issuer_certificate))
            .route("/ocsp", post(respond))
            .route("/large", get(large))
            .route("/slow", get(slow))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // Ends when it is aborted.
            let _ = axum::serve(listener, pages).await;
        });
        Ok(Self { address, shared, server })
    }

    /// Where it is reached, as in a URL.
    #[must_use]
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// The anchor that its certificates lead to.
    ///
    /// # Errors
    /// Where the certificate is malformed.
    pub fn anchor(&self) -> Result<TrustAnchor, Failure> {
        Ok(TrustAnchor::from_der(&self.shared.root.certificate)?)
    }

    /// A peer's certificate that names this place for its issuer and its status.
    #[must_use]
    pub fn leaf(&self) -> CertificateDer<'static> {
        self.leaf_with("/issuer.cer")
    }

    /// A peer's certificate that names another page for its issuer.
    #[must_use]
    pub fn leaf_with(&self, page: &str) -> CertificateDer<'static> {
        self.leaf_at(&format!("http://{}{page}", self.address))
    }

    /// A peer's certificate that names any place for its issuer.
    #[must_use]
    pub fn leaf_at(&self, place: &str) -> CertificateDer<'static> {
        let responder = format!("http://{}/ocsp", self.address);
        let access = ext::authority_info_access(&[
            (AD_OCSP, GeneralName::uri(&responder)),
            (AD_CA_ISSUERS, GeneralName::uri(place)),
        ]);
        let names = [GeneralName::dns("peer.example.test")];
        let key = Key::new(Kind::P256, 2);
        let edit = |builder: crate::kit::CertificateBuilder| builder.serial(&SERIAL).with(access);
        self.shared.issuer.leaf(&Name::cn("Peer"), &key, &names, edit).into()
    }

    /// Says "revoked" of the peer from now on.
    pub fn revoke(&self) {
        self.shared.revoked.store(true, Ordering::SeqCst);
    }

    /// Sets the time that lists and responses are made at.
    pub fn set_time(&self, now: Time) {
        self.shared.clock.store(now.unix(), Ordering::SeqCst);
    }

    /// How often each page was asked for.
    #[must_use]
    pub fn asked(&self) -> BTreeMap<String, usize> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn note(&self, page: &Uri) -> i64 {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked.entry(page.path().to_owned()).or_default() += 1;
        self.clock.load(Ordering::SeqCst)
    }
}

async fn list_of_root(State(shared): State<Arc<Shared>>, page: Uri) -> Vec<u8> {
    let now = shared.note(&page);
    // A list that comes after another has a higher number.
    let number = u8::try_from(1 + (now - shared.begun) / GOOD_FOR).unwrap_or(u8::MAX);
    CrlBuilder::complete(&shared.root.name, number, &shared.root.key)
        .updates(now - 1, Some((now + GOOD_FOR).into()))
        .sign(&shared.root.key)
}

async fn issuer_certificate(State(shared): State<Arc<Shared>>, page: Uri) -> Vec<u8> {
    shared.note(&page);
    shared.issuer.certificate.clone()
}

async fn respond(State(shared): State<Arc<Shared>>, page: Uri, request: Bytes) -> Vec<u8> {
    let now = shared.note(&page);
    let issuer = &shared.issuer;
    let id = ocsp::cert_id(IdHash::Sha1, &issuer.name, &issuer.key, &SERIAL);
    if !request.windows(id.len()).any(|window| window == id) {
        return OcspResponseBuilder::failure(6);
    }
    let status = match shared.revoked.load(Ordering::SeqCst) {
        true => Status::Revoked(now - 1, Some(1)),
        false => Status::Good,
    };
    let single = SingleResponse::new(&id, status).updates(now - 1, Some(now + GOOD_FOR));
    let response = OcspResponseBuilder::new(Responder::Key(issuer.key.clone()))
        .produced_at(now)
        .respond(single);
    match nonce_of(&request) {
        Some(nonce) => response.nonce(nonce),
        None => response,
    }
    .sign(&issuer.key)
}

/// The nonce of a request: what follows its object identifier.
fn nonce_of(request: &[u8]) -> Option<&[u8]> {
    const OID: [u8; 11] = [6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2];
    let at = request.windows(OID.len()).position(|window| window == OID)?;
    let value = request.get(at + OID.len()..)?;
    // An OCTET STRING in an OCTET STRING, both shorter than 128 octets.
    let &[4, _, 4, length, ref rest @ ..] = value else { return None };
    rest.get(..usize::from(length))
}

async fn large(State(shared): State<Arc<Shared>>, page: Uri) -> Vec<u8> {
    shared.note(&page);
    vec![0x30; 8 << 20]
}

async fn slow(State(shared): State<Arc<Shared>>, page: Uri) -> StatusCode {
    shared.note(&page);
    tokio::time::sleep(Duration::from_secs(60)).await;
    StatusCode::OK
}
