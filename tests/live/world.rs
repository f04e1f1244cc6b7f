//! Small estates whose trust changes: authorities of trust domains, and peers that prove themselves.
#![allow(dead_code, unreachable_pub, reason = "each user takes the part it needs")]
#![allow(clippy::unwrap_used, missing_docs, reason = "test code")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bonafide::live::{Live, LivePeer, Presented, Requirement, Ruling};
use bonafide::policy::{RevocationPolicy, RevocationRule, Role, UnknownReason, ValidationPolicy};
use bonafide::revocation::{CrlSigner, Issuer, OcspStore, SignatureTools, VerifiedCrl};
use bonafide::signature::{
    AlgorithmPolicy, Message, PublicKey, RingBackend, SignatureBackend, SignatureError,
};
use bonafide::trust::{Domain, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::Verifier;
use bonafide::x509::{AlgorithmIdentifier, Certificate, OwnedCertificate, Time};
use rustls_pki_types::CertificateDer;

use super::kit::ocsp::cert_id;
use super::kit::{
    Authority, CertificateBuilder, CrlBuilder, FAR, GeneralName, IdHash, Key, Kind, NOW, Name,
    OcspResponseBuilder, Responder, Revoked, SingleResponse, Status,
};

/// Ring, and how many signatures it was asked to verify.
#[derive(Debug, Default)]
pub struct Counting(AtomicU64);

impl Counting {
    /// Signatures since the last call.
    pub fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl SignatureBackend for Counting {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        RingBackend::NEW.verify(key, algorithm, message, signature)
    }
}

/// A root and what issues under it.
#[derive(Clone, Debug)]
pub struct Ca {
    pub root: Authority,
    pub issuing: Authority,
}

impl Ca {
    /// The `number`th authority; its names say so.
    pub fn new(number: u64) -> Self {
        let key = |offset| Key::new(Kind::Ed25519, 1_000 + number * 2 + offset);
        let root = Authority::root(&Name::cn(&format!("Root {number}")), &key(0));
        let name = Name::cn(&format!("Issuing {number}"));
        let issuing = root.intermediate(&name, &key(1), |builder| builder.serial(&[7]));
        Self { root, issuing }
    }

    pub fn anchor(&self) -> TrustAnchor {
        TrustAnchor::from_der(&self.root.certificate).unwrap()
    }

    pub fn peer(&self, serial: u16, names: &[GeneralName]) -> Peer {
        self.peer_with(serial, names, |builder| builder)
    }

    /// A peer with a certificate of this authority.
    pub fn peer_with(
        &self,
        serial: u16,
        names: &[GeneralName],
        edit: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
    ) -> Peer {
        let key = Key::new(Kind::Ed25519, u64::from(serial));
        let [high, low] = serial.to_be_bytes();
        let name = Name::empty();
        let leaf =
            self.issuing.leaf(&name, &key, names, |builder| edit(builder.serial(&[1, high, low])));
        let chain = [leaf, self.issuing.certificate.clone()].map(CertificateDer::from);
        Peer { chain: chain.to_vec(), key, serial: vec![1, high, low] }
    }

    /// A list of the issuing authority.
    pub fn crl(&self, number: u8, revoked: &[&Peer]) -> VerifiedCrl {
        self.crl_until(number, revoked, FAR)
    }

    pub fn crl_until(&self, number: u8, revoked: &[&Peer], next_update: i64) -> VerifiedCrl {
        let builder = CrlBuilder::complete(&self.issuing.name, number, &self.issuing.key)
            .updates(NOW - 1_000 + i64::from(number), Some(next_update.into()));
        let list = revoked.iter().fold(builder, |b, peer| b.revoke(Revoked::new(&peer.serial)));
        take_in(&list.sign(&self.issuing.key), &self.issuing)
    }

    /// A response of the issuing authority.
    pub fn response(&self, peer: &Peer, status: Status, after: i64) -> Vec<u8> {
        let issuing = &self.issuing;
        let id = cert_id(IdHash::Sha1, &issuing.name, &issuing.key, &peer.serial);
        let single = SingleResponse::new(&id, status).updates(NOW - 1_000 + after, Some(FAR));
        let responder = Responder::Key(issuing.key.clone());
        OcspResponseBuilder::new(responder).respond(single).sign(&issuing.key)
    }

    /// A store with one more response.
    pub fn ocsp(&self, held: &OcspStore, peer: &Peer, status: Status, after: i64) -> OcspStore {
        let response = self.response(peer, status, after);
        let authority = Certificate::from_der(&self.issuing.certificate).unwrap();
        let key = PublicKey::new(authority.subject_public_key_info().unwrap());
        let issuer = Issuer::new(authority.subject(), key);
        let tools = SignatureTools::new(&RingBackend::NEW, &AlgorithmPolicy::DEFAULT);
        held.with(&response, None, &issuer, &tools).unwrap()
    }

    /// An empty list of the root, so that the issuing authority is known to be good.
    pub fn root_crl(&self, number: u8) -> VerifiedCrl {
        let list = CrlBuilder::complete(&self.root.name, number, &self.root.key);
        take_in(&list.sign(&self.root.key), &self.root)
    }
}

fn take_in(list: &[u8], authority: &Authority) -> VerifiedCrl {
    let certificate = OwnedCertificate::from_der(authority.certificate.clone()).unwrap();
    let signer = CrlSigner::certificate(certificate).unwrap();
    let tools = SignatureTools::new(&RingBackend::NEW, &AlgorithmPolicy::DEFAULT);
    VerifiedCrl::take_in(list, &[signer], &tools).unwrap()
}

/// What a peer presents, and its key.
#[derive(Clone, Debug)]
pub struct Peer {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: Key,
    pub serial: Vec<u8>,
}

impl Peer {
    pub fn presented(&self) -> Presented<'_> {
        Presented::new(&self.chain[0], &self.chain[1..])
    }

    pub fn decide(&self, live: &Live, requirement: &Arc<Requirement>, now: Time) -> Ruling {
        live.decide(requirement, &self.presented(), now)
    }

    /// Decides and proves.
    pub fn accept(&self, live: &Live, requirement: &Arc<Requirement>, now: Time) -> LivePeer {
        let ruling = self.decide(live, requirement, now);
        self.prove(&ruling)
    }

    pub fn prove(&self, ruling: &Ruling) -> LivePeer {
        let decision = ruling.decision();
        let peer = decision.peer().unwrap_or_else(|| panic!("{}", decision.explain()));
        let (algorithm, signature) = (self.key.algorithm(), self.key.sign(b"fresh"));
        let algorithm = AlgorithmIdentifier::from_der(&algorithm).unwrap();
        let proven = peer.prove(&RingBackend::NEW, algorithm, b"fresh", &signature).unwrap();
        ruling.live(proven).unwrap()
    }
}

pub fn bundle(authorities: &[&Ca]) -> TrustBundle {
    TrustBundle::new(authorities.iter().map(|ca| ca.anchor()))
}

pub fn spiffe(domain: &str, authorities: &[&Ca]) -> Domain {
    Domain::spiffe(domain.parse().unwrap(), bundle(authorities))
}

pub fn anybody() -> Arc<Requirement> {
    Arc::new(Requirement::dangerously_any_identity())
}

pub fn uri(text: &str) -> GeneralName {
    GeneralName::uri(text)
}

pub fn dns(text: &str) -> GeneralName {
    GeneralName::dns(text)
}

pub fn at(seconds: i64) -> Time {
    Time::from_unix(NOW + seconds)
}

/// Trust in these domains, with a policy for peers of both kinds.
pub fn live(domains: impl IntoIterator<Item = Domain>) -> (Live, Arc<Counting>) {
    let backend = Arc::new(Counting::default());
    (Live::new(verifier(domains, backend.clone())), backend)
}

/// Lets pass what no evidence speaks of.
pub fn policy() -> ValidationPolicy {
    let mut revocation = RevocationPolicy::hard_fail();
    for role in [Role::EndEntity, Role::Intermediate] {
        let rule = RevocationRule::hard_fail().allow_unknown(UnknownReason::NoSource);
        revocation = revocation.with_rule(role, rule);
    }
    ValidationPolicy::tls_client().with_clock_skew_seconds(0).with_revocation(revocation)
}

pub fn verifier(
    domains: impl IntoIterator<Item = Domain>,
    backend: Arc<dyn SignatureBackend>,
) -> Verifier {
    Verifier::new(TrustStore::new(domains).unwrap().into(), policy().into(), backend)
}
