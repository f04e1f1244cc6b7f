//! Revocation evidence of a case: its lists taken in, as a host would.

use std::sync::Arc;

use bonafide::policy::{RevocationPolicy, RevocationRule, Role, UnknownReason};
use bonafide::revocation::{
    CrlSigner, CrlStore, OcspStore, Revocation, SignatureTools, VerifiedCrl,
};
use bonafide::signature::{AlgorithmPolicy, KeyAlgorithm};
use bonafide::trust::TrustAnchor;
use bonafide::x509::{Certificate, OwnedCertificate};

use super::engine;
use super::load;

/// What a case says of revocation.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub revocation: Arc<Revocation>,
    pub policy: RevocationPolicy,
    pub staple: Option<Vec<u8>>,
}

impl Evidence {
    /// What these lists say.
    pub fn of_lists(lists: &[Arc<VerifiedCrl>], policy: RevocationPolicy) -> Self {
        let revocation = Revocation::new().with_source(Arc::new(store(lists)));
        Evidence { revocation: Arc::new(revocation), policy, staple: None }
    }

    /// The same with lists from a suite; nothing where there are none.
    pub fn if_any(
        lists: &[Vec<u8>],
        anchors: &[Vec<u8>],
        certificates: &[Vec<u8>],
        policy: RevocationPolicy,
    ) -> Option<Self> {
        let [lists, anchors, certificates] = [lists, anchors, certificates].map(load::slices);
        let taken = || take_in(&lists, &anchors, &certificates, AlgorithmPolicy::DEFAULT);
        (!lists.is_empty()).then(|| Self::of_lists(&taken(), policy))
    }

    /// Judges a response that the peer stapled.
    pub fn of_staple(response: &[u8], policy: RevocationPolicy) -> Self {
        let revocation = Revocation::new().with_source(Arc::new(OcspStore::new()));
        Evidence { revocation: Arc::new(revocation), policy, staple: Some(response.to_vec()) }
    }
}

/// Takes in the lists, offering each whoever has the name of its issuer: the anchors and all
/// certificates at hand. A list that nobody here can have signed is no evidence.
pub fn take_in(
    lists: &[&[u8]],
    anchors: &[&[u8]],
    certificates: &[&[u8]],
    algorithms: AlgorithmPolicy,
) -> Vec<Arc<VerifiedCrl>> {
    let signers = signers(anchors, certificates);
    let backend = engine::backend();
    let tools = SignatureTools::new(&backend, &algorithms);
    lists
        .iter()
        .flat_map(|list| VerifiedCrl::take_in(list, &signers, &tools))
        .map(Arc::new)
        .collect()
}

/// Lists at hand. One older than another of its kind is left aside.
pub fn store(lists: &[Arc<VerifiedCrl>]) -> CrlStore {
    lists.iter().fold(CrlStore::new(), |store, list| store.with(list.clone()).unwrap_or(store))
}

/// The lists in other orders: all of them where they are few, else backwards and rotated.
pub fn reordered(lists: &[Arc<VerifiedCrl>]) -> Vec<Vec<Arc<VerifiedCrl>>> {
    let mut orders = vec![Vec::new()];
    if lists.len() > 4 {
        let rotated = |by| lists.iter().cycle().skip(by).take(lists.len()).cloned().collect();
        orders = (1..lists.len().min(8)).map(rotated).collect();
        orders.push(lists.iter().rev().cloned().collect());
        return orders;
    }
    for list in lists {
        let insert = |order: Vec<Arc<VerifiedCrl>>| {
            (0..=order.len()).map(move |at| {
                let mut order = order.clone();
                order.insert(at, list.clone());
                order
            })
        };
        orders = orders.into_iter().flat_map(insert).collect();
    }
    orders
}

/// Every certificate as a signer of lists; one whose key lacks parameters also with those of each
/// certificate that may have issued it.
fn signers(anchors: &[&[u8]], certificates: &[&[u8]]) -> Vec<CrlSigner> {
    let anchors: Vec<TrustAnchor> =
        anchors.iter().flat_map(|der| TrustAnchor::from_der(der)).collect();
    let mut signers: Vec<CrlSigner> = anchors.iter().map(CrlSigner::anchor).collect();
    let owned: Vec<OwnedCertificate> =
        certificates.iter().flat_map(|der| OwnedCertificate::from_der(*der)).collect();
    let offer = |certificate: &OwnedCertificate| CrlSigner::certificate(certificate.clone());
    for certificate in &owned {
        let Ok(signer) = offer(certificate) else { continue };
        let view = certificate.as_certificate();
        if may_inherit(&view) {
            let issuer = view.issuer();
            let above =
                owned.iter().filter(|other| other.as_certificate().subject().matches(&issuer));
            for above in above.flat_map(offer) {
                signers.push(signer.clone().issued_by(&above));
            }
            for anchor in anchors.iter().filter(|anchor| anchor.subject().matches(&issuer)) {
                signers.push(signer.clone().issued_by(&CrlSigner::anchor(anchor)));
            }
        }
        signers.push(signer);
    }
    signers
}

fn may_inherit(certificate: &Certificate<'_>) -> bool {
    certificate.subject_public_key_info().is_ok_and(|spki| {
        KeyAlgorithm::classify(&spki) == KeyAlgorithm::Dsa
            && spki.algorithm().parameters().is_none()
    })
}

/// "Unknown status is allowed", whatever the reason.
pub fn unknown_allowed() -> RevocationPolicy {
    let rule = UnknownReason::ALL
        .iter()
        .fold(RevocationRule::if_available(), |rule, &reason| rule.allow_unknown(reason));
    RevocationPolicy::hard_fail()
        .with_rule(Role::EndEntity, rule.clone())
        .with_rule(Role::Intermediate, rule)
}
