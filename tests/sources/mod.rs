//! An authority, what it issued, and questions to sources without the engine.
#![allow(dead_code, unreachable_pub, reason = "each user takes the part it needs")]
#![allow(missing_docs, missing_debug_implementations, clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;

use bonafide::identity::PeerIdentity;
use bonafide::policy::{Limits, RevocationPolicy, Role};
use bonafide::revocation::{
    CrlSigner, CrlStore, EvidenceBudget, Issuer, Judgement, Outcome, Query, Revocation,
    SignatureTools, SignerId, SignerVerdict, SignerVerdicts, VerifiedCrl,
};
use bonafide::signature::{AlgorithmPolicy, PublicKey, RingBackend};
use bonafide::x509::{Certificate, OwnedCertificate, ReasonCode, Time};

use crate::kit::{
    Authority as Ca, CertificateBuilder, CrlBuilder, Extension, Key, Kind, NOW, Name,
};

pub const ALGORITHMS: &AlgorithmPolicy = &AlgorithmPolicy::DEFAULT;
pub const BACKEND: &RingBackend = &RingBackend::NEW;

pub fn tools() -> SignatureTools<'static> {
    SignatureTools::new(BACKEND, ALGORITHMS)
}

pub fn key(number: u64) -> Key {
    Key::new(Kind::Ed25519, number)
}

pub fn root() -> Ca {
    Ca::root(&Name::cn("CA"), &key(1))
}

/// Serial number 5, issued by [`root`].
pub fn leaf(extensions: &[Extension]) -> Vec<u8> {
    let builder = CertificateBuilder::end_entity(&Name::cn("leaf"), &key(2), &[]).serial(&[5]);
    extensions.iter().cloned().fold(builder, CertificateBuilder::with).issued_by(&root())
}

pub fn crl(number: u8) -> CrlBuilder {
    CrlBuilder::complete(&Name::cn("CA"), number, &key(1))
}

pub fn owned(der: &[u8]) -> OwnedCertificate {
    OwnedCertificate::from_der(der.to_vec()).unwrap()
}

pub fn signer(der: &[u8]) -> CrlSigner {
    CrlSigner::certificate(owned(der)).unwrap()
}

#[derive(Debug, Default)]
pub struct Known(pub BTreeMap<SignerId, SignerVerdict>);

impl SignerVerdicts for Known {
    fn verdict(&self, signer: &SignerId) -> SignerVerdict {
        self.0.get(signer).copied().unwrap_or(SignerVerdict::NotAsked)
    }
}

pub struct Asked<'a> {
    pub certificate: &'a [u8],
    pub issuer: &'a Ca,
    pub policy: RevocationPolicy,
    pub known: Known,
    pub staple: Option<Vec<u8>>,
    pub identity: Option<PeerIdentity>,
    pub now: i64,
    pub limits: Limits,
    pub role: Role,
}

impl<'a> Asked<'a> {
    pub fn of(certificate: &'a [u8], issuer: &'a Ca) -> Self {
        Self {
            certificate,
            issuer,
            policy: RevocationPolicy::hard_fail(),
            known: Known::default(),
            staple: None,
            identity: None,
            now: NOW,
            limits: Limits::DEFAULT,
            role: Role::EndEntity,
        }
    }

    pub fn judge(&self, revocation: &Revocation) -> Judgement {
        let certificate = Certificate::from_der(self.certificate).unwrap();
        let authority = Certificate::from_der(&self.issuer.certificate).unwrap();
        let spki = authority.subject_public_key_info().unwrap();
        let issuer = Issuer::new(authority.subject(), PublicKey::new(spki))
            .with_key_usage(authority.key_usage());
        let ancestors = [spki.der()];
        let query =
            Query::new(certificate, issuer, tools(), &self.policy, Time::from_unix(self.now))
                .with_ancestors(&ancestors)
                .with_role(self.role, 0)
                .with_trust_domain("example.test")
                .with_identity(self.identity.as_ref())
                .with_stapled_ocsp(self.staple.as_deref())
                .with_signers(&self.known);
        revocation.judge(&query, &mut EvidenceBudget::of_limits(self.limits))
    }
}

pub fn say(judgement: &Judgement) -> String {
    match &judgement.outcome {
        Outcome::Good => "good".into(),
        Outcome::Unchecked => "unchecked".into(),
        Outcome::Passed { why, event } => format!("passed {} {event}", why.code()),
        Outcome::Refused(why) => why.code().into(),
        Outcome::Revoked(revoked) => {
            format!("revoked {}", revoked.reason.map_or("-", ReasonCode::name))
        }
    }
}

pub fn store(lists: &[Vec<u8>], signers: &[CrlSigner]) -> CrlStore {
    lists.iter().fold(CrlStore::new(), |store, list| {
        let list = VerifiedCrl::take_in(list, signers, &tools()).unwrap();
        store.with(list).unwrap_or(store)
    })
}
