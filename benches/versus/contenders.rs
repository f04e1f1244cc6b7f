//! What runs against what.

use std::sync::Arc;

use aws_lc_rs::signature as aws;
use bonafide::decision::Decision;
use bonafide::policy::{RevocationPolicy, RevocationRule, Role, ValidationPolicy};
use bonafide::revocation::{CrlSigner, CrlStore, Revocation, SignatureTools, VerifiedCrl};
use bonafide::signature::{
    AlgorithmPolicy, AwsLcBackend, Message, PublicKey, SignatureBackend, SignatureError,
    SignatureMemo,
};
use bonafide::trust::{Domain, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, SeenChains, SeenIssuers, Verifier};
use bonafide::x509::{AlgorithmIdentifier, Certificate, OwnedCertificate, Time};
use ring::signature as ring;
use rustls_pki_types::{
    AlgorithmIdentifier as PkiAlgorithm, CertificateDer, InvalidSignature,
    SignatureVerificationAlgorithm, TrustAnchor as PkiAnchor, UnixTime, alg_id,
};

use crate::kit::{Authority, CrlBuilder, GeneralName, Key, Kind, NOW, Name, Revoked, ext};

/// A client's chain: a leaf with a SPIFFE ID, some intermediates, and the root it ends at.
pub struct Chain {
    pub kind: Kind,
    pub leaf: CertificateDer<'static>,
    pub intermediates: Vec<CertificateDer<'static>>,
    pub root: CertificateDer<'static>,
    issuer: Authority,
    webpki_anchor: PkiAnchor<'static>,
    pub signatures: Vec<Signed>,
}

const ID: &str = "spiffe://example.org/ns/prod/sa/web";

impl Chain {
    pub fn new(kind: Kind, intermediates: u64) -> Self {
        let mut authority = Authority::root(&Name::cn("Example Root"), &Key::new(kind, 0));
        let root = CertificateDer::from(authority.certificate.clone());
        let mut chain = Vec::new();
        for number in 0..intermediates {
            let name = Name::cn(&format!("Example Intermediate {number}"));
            authority = authority.intermediate(&name, &Key::new(kind, 1 + number), |b| b);
            chain.insert(0, CertificateDer::from(authority.certificate.clone()));
        }
        let leaf = new_leaf(kind, &authority);
        let webpki_anchor = webpki::anchor_from_trusted_cert(&root).unwrap().to_owned();
        Self::of(kind, leaf, chain, root, authority, webpki_anchor)
    }

    fn of(
        kind: Kind,
        leaf: CertificateDer<'static>,
        intermediates: Vec<CertificateDer<'static>>,
        root: CertificateDer<'static>,
        issuer: Authority,
        webpki_anchor: PkiAnchor<'static>,
    ) -> Self {
        let mut path = vec![&leaf];
        path.extend(&intermediates);
        path.push(&root);
        let signatures = signatures(&path);
        Self { kind, leaf, intermediates, root, issuer, webpki_anchor, signatures }
    }

    /// The same intermediates with a leaf of its own.
    pub fn with_new_leaf(&self) -> Self {
        Self::of(
            self.kind,
            new_leaf(self.kind, &self.issuer),
            self.intermediates.clone(),
            self.root.clone(),
            self.issuer.clone(),
            self.webpki_anchor.clone(),
        )
    }
}

fn new_leaf(kind: Kind, issuer: &Authority) -> CertificateDer<'static> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static SERIAL: AtomicU32 = AtomicU32::new(0x1000_0000);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let key = Key::new(kind, 3);
    CertificateDer::from(issuer.leaf(&Name::cn("workload"), &key, &[GeneralName::uri(ID)], |b| {
        b.serial(&serial).replace(ext::key_usage(&[0]))
    }))
}

/// This crate, with everything that does not belong to one request prepared.
pub struct Ours {
    verifier: Verifier,
    leaf: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
}

pub fn ours(
    chain: &Chain,
    backend: Arc<dyn SignatureBackend>,
    prepare: bool,
    memo: Option<Arc<dyn SignatureMemo>>,
) -> Ours {
    let anchor = TrustAnchor::from_der(&chain.root).unwrap();
    let anchor = if prepare { anchor.prepared_by(&*backend) } else { anchor };
    let domain = Domain::spiffe("example.org".parse().unwrap(), TrustBundle::new([anchor]));
    let trust = TrustStore::new([domain]).unwrap();
    let policy = ValidationPolicy::tls_client();
    let mut verifier = Verifier::new(Arc::new(trust), Arc::new(policy), backend);
    if let Some(memo) = memo {
        verifier = verifier.with_memo(memo);
    }
    Ours { verifier, leaf: chain.leaf.clone(), intermediates: chain.intermediates.clone() }
}

/// Without crypto, over a trust store and evidence of the caller's making.
pub fn own_work(chain: &Chain, trust: TrustStore, revocation: Option<Revocation>) -> Ours {
    let unchecked = RevocationRule::dangerously_unchecked();
    let policy = RevocationPolicy::hard_fail().with_rule(Role::Intermediate, unchecked);
    let policy = match &revocation {
        Some(_) => ValidationPolicy::tls_client().with_revocation(policy),
        None => ValidationPolicy::tls_client(),
    };
    let verifier = Verifier::new(Arc::new(trust), Arc::new(policy), Arc::new(NoCrypto))
        .with_revocation(Arc::new(revocation.unwrap_or_default()));
    Ours { verifier, leaf: chain.leaf.clone(), intermediates: chain.intermediates.clone() }
}

/// The trust domain of the chain, and `others` beside it.
pub fn domains(chain: &Chain, others: usize) -> TrustStore {
    let bundle = || TrustBundle::new([TrustAnchor::from_der(&chain.root).unwrap()]);
    let domain = |name: &str| Domain::spiffe(name.parse().unwrap(), bundle());
    let others = (0..others).map(|number| domain(&format!("d{number}.example.org")));
    TrustStore::new(others.chain([domain("example.org")])).unwrap()
}

/// The root of the chain, and `others` of the same name with other keys.
pub fn same_name(chain: &Chain, others: u64) -> TrustStore {
    let own = TrustAnchor::from_der(&chain.root).unwrap();
    let others = (0..others).map(|number| {
        let key = Key::new(Kind::Ed25519, 100 + number);
        let root = Authority::root(&Name::cn("Example Root"), &key);
        TrustAnchor::from_der(&root.certificate).unwrap()
    });
    let bundle = TrustBundle::new(others.chain([own]));
    TrustStore::new([Domain::spiffe("example.org".parse().unwrap(), bundle)]).unwrap()
}

/// A list of the authority below the root that revokes `count` other certificates.
pub fn revocation_list(chain: &Chain, count: u32) -> Revocation {
    let issuer = &chain.issuer;
    let mut list = CrlBuilder::complete(&issuer.name, 1, &issuer.key);
    for serial in 0..count {
        list = list.revoke(Revoked::new(&(0x2000_0000 + serial).to_be_bytes()));
    }
    let certificate = OwnedCertificate::from_der(&*issuer.certificate).unwrap();
    let anchor = TrustAnchor::from_der(&chain.root).unwrap();
    let signers =
        [CrlSigner::certificate(certificate).unwrap().issued_by(&CrlSigner::anchor(&anchor))];
    let tools = SignatureTools::new(&AwsLcBackend::NEW, &AlgorithmPolicy::DEFAULT);
    let list = VerifiedCrl::take_in(&list.sign(&issuer.key), &signers, &tools).unwrap();
    Revocation::new().with_source(Arc::new(CrlStore::new().with(list).unwrap()))
}

impl Ours {
    /// The same, with a table of intermediates that were presented before.
    pub fn with_seen_issuers(mut self, table: Arc<SeenIssuers>) -> Self {
        self.verifier = self.verifier.with_seen_issuers(table);
        self
    }

    /// The same, with a table of chains that were presented before.
    pub fn with_seen_chains(mut self, table: Arc<SeenChains>) -> Self {
        self.verifier = self.verifier.with_seen_chains(table);
        self
    }

    pub fn decide(&self) -> Decision {
        decide(&self.verifier, &self.leaf, &self.intermediates)
    }

    pub fn decide_chain(&self, chain: &Chain) -> Decision {
        decide(&self.verifier, &chain.leaf, &chain.intermediates)
    }
}

fn decide(
    verifier: &Verifier,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Decision {
    let request = Request::new(leaf, intermediates, Expect::dangerously_any_identity());
    let decision = verifier.decide(&request, Time::from_unix(NOW));
    assert!(decision.is_accepted(), "{}", decision.explain());
    decision
}

/// Says yes to every signature, so that only the validator's own work is left.
#[derive(Debug)]
pub struct NoCrypto;

impl SignatureBackend for NoCrypto {
    fn verify(
        &self,
        _: PublicKey<'_>,
        _: AlgorithmIdentifier<'_>,
        _: &Message<'_>,
        _: &[u8],
    ) -> Result<(), SignatureError> {
        Ok(())
    }
}

impl SignatureVerificationAlgorithm for NoCrypto {
    fn verify_signature(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        Ok(())
    }

    fn public_key_alg_id(&self) -> PkiAlgorithm {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> PkiAlgorithm {
        alg_id::ECDSA_SHA256
    }
}

/// What rustls-webpki verifies signatures with.
#[derive(Clone, Copy)]
pub enum WebpkiSet {
    AwsLcRs,
    Ring,
    NoCrypto,
}

pub fn webpki_verify(chain: &Chain, set: WebpkiSet) {
    static AWS: &[&dyn SignatureVerificationAlgorithm] = &[
        webpki::aws_lc_rs::ECDSA_P256_SHA256,
        webpki::aws_lc_rs::ECDSA_P384_SHA384,
        webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
        webpki::aws_lc_rs::ED25519,
        webpki::aws_lc_rs::ML_DSA_44,
    ];
    static RING: &[&dyn SignatureVerificationAlgorithm] = &[
        webpki::ring::ECDSA_P256_SHA256,
        webpki::ring::ECDSA_P384_SHA384,
        webpki::ring::RSA_PKCS1_2048_8192_SHA256,
        webpki::ring::ED25519,
    ];
    static NONE: &[&dyn SignatureVerificationAlgorithm] = &[&NoCrypto];
    let algorithms = match set {
        WebpkiSet::AwsLcRs => AWS,
        WebpkiSet::Ring => RING,
        WebpkiSet::NoCrypto => NONE,
    };
    let leaf = webpki::EndEntityCert::try_from(&chain.leaf).unwrap();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW as u64));
    let path = leaf
        .verify_for_usage(
            algorithms,
            std::slice::from_ref(&chain.webpki_anchor),
            &chain.intermediates,
            now,
            webpki::KeyUsage::client_auth(),
            None,
            None,
        )
        .unwrap();
    assert!(path.intermediate_certificates().count() == chain.intermediates.len());
}

/// The signatures of the path and nothing else, keys from bytes, by aws-lc-rs.
pub fn raw_signatures(chain: &Chain) {
    let algorithm: &dyn aws::VerificationAlgorithm = match chain.kind {
        Kind::P256 => &aws::ECDSA_P256_SHA256_ASN1,
        Kind::P384 => &aws::ECDSA_P384_SHA384_ASN1,
        Kind::Rsa => &aws::RSA_PKCS1_2048_8192_SHA256,
        Kind::Ed25519 => &aws::ED25519,
        Kind::MlDsa(44) => &aws::ML_DSA_44,
        other => panic!("no raw verification for {other:?}"),
    };
    for Signed { key, message, signature } in &chain.signatures {
        aws::UnparsedPublicKey::new(algorithm, key).verify(message, signature).unwrap();
    }
}

/// The same by ring.
pub fn raw_signatures_of_ring(chain: &Chain) {
    let algorithm: &dyn ring::VerificationAlgorithm = match chain.kind {
        Kind::P256 => &ring::ECDSA_P256_SHA256_ASN1,
        Kind::P384 => &ring::ECDSA_P384_SHA384_ASN1,
        Kind::Rsa => &ring::RSA_PKCS1_2048_8192_SHA256,
        Kind::Ed25519 => &ring::ED25519,
        other => panic!("no raw verification for {other:?}"),
    };
    for Signed { key, message, signature } in &chain.signatures {
        ring::UnparsedPublicKey::new(algorithm, key).verify(message, signature).unwrap();
    }
}

/// One signature of a path, cut out beforehand.
pub struct Signed {
    pub key: Vec<u8>,
    pub message: Vec<u8>,
    pub signature: Vec<u8>,
}

fn signatures(path: &[&CertificateDer<'_>]) -> Vec<Signed> {
    path.windows(2)
        .map(|pair| {
            let subject = Certificate::from_der(pair[0]).unwrap();
            let issuer = Certificate::from_der(pair[1]).unwrap();
            Signed {
                key: issuer.subject_public_key_info().unwrap().key().to_vec(),
                message: subject.tbs_certificate().to_vec(),
                signature: subject.signature_value().to_vec(),
            }
        })
        .collect()
}
