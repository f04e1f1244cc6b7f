//! Puts a graph to the engine: toy keys, the graph's inputs as a policy, bounds out of the way.

use std::sync::Arc;

use bonafide::decision::Decision;
use bonafide::policy::{Limits, Purpose, ValidationPolicy};
use bonafide::signature::{AlgorithmPolicy, Message, PublicKey, SignatureBackend, SignatureError};
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{AlgorithmIdentifier, OwnedOid, Time};
use rustls_pki_types::CertificateDer;

use super::Graph;
use crate::kit::key::{TOY_KEY, TOY_SIGNATURE, toy_verify};

/// Verifies toy signatures (see `kit::key`) and nothing else.
#[derive(Debug)]
pub struct ToyBackend {
    key: OwnedOid,
    signature: OwnedOid,
}

impl ToyBackend {
    pub fn new() -> Self {
        ToyBackend { key: TOY_KEY.parse().unwrap(), signature: TOY_SIGNATURE.parse().unwrap() }
    }
}

impl Default for ToyBackend {
    fn default() -> Self {
        ToyBackend::new()
    }
}

impl SignatureBackend for ToyBackend {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if !is_plain(key.spki().algorithm(), &self.key) {
            return Err(SignatureError::UnsupportedKey);
        }
        if !is_plain(algorithm, &self.signature) {
            return Err(SignatureError::UnsupportedAlgorithm);
        }
        if toy_verify(key.spki().key(), message.octets(), signature) {
            Ok(())
        } else {
            Err(SignatureError::Invalid)
        }
    }
}

fn is_plain(identifier: AlgorithmIdentifier<'_>, oid: &OwnedOid) -> bool {
    identifier.oid() == oid.as_oid() && identifier.parameters().is_none()
}

/// What is needed to decide a graph; parts of it may be changed first.
#[derive(Clone, Debug)]
pub struct Question {
    pub leaf: CertificateDer<'static>,
    pub pool: Vec<CertificateDer<'static>>,
    pub anchors: Vec<TrustAnchor>,
    pub policy: ValidationPolicy,
    pub backend: Arc<dyn SignatureBackend>,
    pub now: Time,
}

impl Question {
    /// Anchors are bare names and keys; with `certificates`, they come from certificates where
    /// those can be read, whose extensions do not count.
    pub fn new(graph: &Graph, certificates: bool) -> Self {
        let bare = |anchor: &crate::reference::Anchor| {
            TrustAnchor::from_name_and_key(&anchor.name, &anchor.spki).unwrap()
        };
        let anchors = graph
            .anchors
            .iter()
            .zip(&graph.anchor_certificates)
            .map(|(anchor, certificate)| match TrustAnchor::from_der(certificate) {
                Ok(anchor) if certificates => anchor,
                _ => bare(anchor),
            })
            .collect();
        Question {
            leaf: CertificateDer::from(graph.leaf.clone()),
            pool: graph.pool.iter().cloned().map(CertificateDer::from).collect(),
            anchors,
            policy: policy(graph),
            backend: Arc::new(ToyBackend::new()),
            now: Time::from_unix(graph.inputs.time),
        }
    }

    pub fn verifier(&self) -> Verifier {
        let trust = TrustStore::dangerously_unscoped(TrustBundle::new(self.anchors.clone()));
        Verifier::new(Arc::new(trust), Arc::new(self.policy.clone()), self.backend.clone())
    }

    pub fn request(&self) -> Request<'_> {
        Request::new(&self.leaf, &self.pool, Expect::dangerously_any_identity())
    }

    pub fn decide(&self) -> Decision {
        self.verifier().decide(&self.request(), self.now)
    }
}

fn owned(oid: &::der::asn1::ObjectIdentifier) -> OwnedOid {
    oid.to_string().parse().unwrap()
}

/// RFC 5280 section 6.1 with the inputs of the graph.
fn policy(graph: &Graph) -> ValidationPolicy {
    let inputs = &graph.inputs;
    let mut policy = ValidationPolicy::rfc5280()
        .with_algorithms(AlgorithmPolicy::NOTHING.dangerously_allow_unrecognized())
        .with_limits(Limits::DANGEROUSLY_UNLIMITED)
        .with_purpose(inputs.purpose.as_ref().map_or(Purpose::Any, |p| Purpose::Other(owned(p))));
    if let Some(policies) = &inputs.user_initial_policy_set {
        policy = policy.with_initial_policy_set(policies.iter().map(owned));
    }
    if inputs.initial_policy_mapping_inhibit {
        policy = policy.with_policy_mapping_inhibited();
    }
    if inputs.initial_explicit_policy {
        policy = policy.with_explicit_policy_required();
    }
    if inputs.initial_any_policy_inhibit {
        policy = policy.with_any_policy_inhibited();
    }
    policy
}
