//! An estate, and what its lists and responses are made and taken in with.
#![allow(dead_code, unreachable_pub, reason = "each user takes the part it needs")]
#![allow(clippy::unwrap_used, missing_docs, reason = "test code")]

use std::sync::Arc;

use bonafide::decision::Decision;
use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::revocation::{
    Answer, CrlSigner, CrlStore, EvidenceBudget, EvidenceId, Query, Revocation, RevocationSource,
    SignatureTools, VerifiedCrl,
};
use bonafide::signature::{AlgorithmPolicy, RingBackend};
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{OwnedCertificate, Time};
use rustls_pki_types::CertificateDer;

use crate::kit::{
    Authority, CertificateBuilder, CrlBuilder, Estate, Extension, FAR, GeneralName, IdHash, Key,
    Kind, NOW, Name, OcspResponseBuilder, Responder, SingleResponse, Status, ocsp,
};

pub const LEAF: [u8; 1] = [3];

pub fn tools() -> SignatureTools<'static> {
    SignatureTools::new(&RingBackend::NEW, &AlgorithmPolicy::DEFAULT)
}

pub fn key(number: u64) -> Key {
    Key::new(Kind::Ed25519, number)
}

pub fn signer(der: &[u8]) -> CrlSigner {
    CrlSigner::certificate(OwnedCertificate::from_der(der.to_vec()).unwrap()).unwrap()
}

/// A list of an authority, from a day ago to far in the future.
pub fn list(authority: &Authority, number: u8) -> CrlBuilder {
    CrlBuilder::complete(&authority.name, number, &authority.key)
        .updates(NOW - 86_400, Some(FAR.into()))
}

/// An estate and what its lists are taken in with.
pub struct World {
    pub estate: Estate,
    pub anchors: Vec<TrustAnchor>,
    pub signers: Vec<CrlSigner>,
    pub policy: ValidationPolicy,
}

impl World {
    pub fn new() -> Self {
        Self::of(Estate::new())
    }

    pub fn of(estate: Estate) -> Self {
        let anchor = TrustAnchor::from_der(&estate.root.certificate).unwrap();
        let signers = vec![CrlSigner::anchor(&anchor), signer(&estate.intermediate.certificate)];
        let policy = ValidationPolicy::tls_server().with_revocation(RevocationPolicy::hard_fail());
        Self { estate, anchors: vec![anchor], signers, policy }
    }

    /// The root's list, which says that the intermediate is good.
    pub fn of_root(&self) -> CrlStore {
        let list = list(&self.estate.root, 1).sign(&self.estate.root.key);
        CrlStore::new().with(self.take_in(&list).unwrap()).unwrap()
    }

    pub fn take_in(&self, list: &[u8]) -> Result<VerifiedCrl, &'static str> {
        VerifiedCrl::take_in(list, &self.signers, &tools()).map_err(|error| error.code())
    }

    pub fn verifier(&self, revocation: Revocation) -> Verifier {
        let trust = TrustStore::dangerously_unscoped(TrustBundle::new(self.anchors.clone()));
        Verifier::new(trust.into(), self.policy.clone().into(), Arc::new(RingBackend::NEW))
            .with_revocation(Arc::new(revocation))
    }

    /// The decision; it is the same where the store of lists cannot be told from any other source, so
    /// that nothing is cleared by the short question.
    pub fn decide(&self, revocation: Revocation, staple: Option<&[u8]>) -> Decision {
        let full = revocation.sources().iter().fold(Revocation::new(), |full, source| {
            full.with_source(Arc::new(InFull(Arc::clone(source))))
        });
        let full = match revocation.deny_list() {
            Some(deny) => full.with_deny_list(Arc::clone(deny)),
            None => full,
        };
        let decision = self.decide_by(revocation, staple);
        let in_full = self.decide_by(full, staple);
        assert_eq!(decision.explain().to_string(), in_full.explain().to_string());
        decision
    }

    pub fn decide_by(&self, revocation: Revocation, staple: Option<&[u8]>) -> Decision {
        let verifier = self.verifier(revocation);
        let leaf = CertificateDer::from(self.estate.leaf.clone());
        let pool = [CertificateDer::from(self.estate.intermediate.certificate.clone())];
        let name = "dns:leaf.example.test".parse().unwrap();
        let mut request = Request::new(&leaf, &pool, Expect::name(&name));
        if let Some(staple) = staple {
            request = request.with_stapled_ocsp(staple);
        }
        verifier.decide(&request, Time::from_unix(NOW))
    }

    /// The decision with these lists beside the root's; what the intake said of the last one.
    pub fn with_lists(&self, lists: &[Vec<u8>]) -> (Result<(), &'static str>, Decision) {
        let mut store = self.of_root();
        let mut said = Ok(());
        for list in lists {
            said = self.take_in(list).and_then(|list| {
                store = store.with(list).map_err(|error| error.code())?;
                Ok(())
            });
        }
        (said, self.decide(Revocation::new().with_source(Arc::new(store)), None))
    }
}

pub fn cert_id(world: &World, issuer_key: &Key) -> Vec<u8> {
    ocsp::cert_id(IdHash::Sha1, &world.estate.intermediate.name, issuer_key, &LEAF)
}

pub fn respond(world: &World, status: Status) -> OcspResponseBuilder {
    let ca = &world.estate.intermediate;
    let single = SingleResponse::new(&cert_id(world, &ca.key), status);
    OcspResponseBuilder::new(Responder::Key(ca.key.clone())).respond(single)
}

/// The leaf of an estate, with these extensions.
pub fn leaf_with(estate: &Estate, extensions: &[Extension]) -> Vec<u8> {
    let names = [GeneralName::dns("leaf.example.test")];
    estate.intermediate.leaf(&Name::cn("Example Leaf"), &estate.leaf_key, &names, |builder| {
        extensions.iter().cloned().fold(builder.serial(&LEAF), CertificateBuilder::with)
    })
}

/// A source that the engine does not know.
#[derive(Debug)]
struct InFull(Arc<dyn RevocationSource>);

impl RevocationSource for InFull {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn digest(&self) -> EvidenceId {
        self.0.digest()
    }

    fn status(&self, query: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Answer {
        self.0.status(query, budget)
    }
}
