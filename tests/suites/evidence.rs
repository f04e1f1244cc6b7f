//! Revocation evidence of a case: its lists taken in, as a host would.

use std::sync::Arc;

use bonafide::policy::{RevocationPolicy, RevocationRule, Role, UnknownReason};
use bonafide::revocation::{
    CrlIntake, CrlSigner, CrlStore, OcspStore, Progress, Revocation, SignatureTools,
};
use bonafide::signature::{AlgorithmPolicy, KeyAlgorithm};
use bonafide::trust::TrustAnchor;
use bonafide::x509::{Certificate, OwnedCertificate};

use super::engine;

/// What a case says of revocation.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub revocation: Arc<Revocation>,
    pub policy: RevocationPolicy,
    pub staple: Option<Vec<u8>>,
}

impl Evidence {
    /// Lists, taken in by [`store`].
    pub fn of_lists(
        lists: &[&[u8]],
        anchors: &[&[u8]],
        certificates: &[&[u8]],
        algorithms: AlgorithmPolicy,
        policy: RevocationPolicy,
    ) -> Self {
        let store = store(lists, anchors, certificates, algorithms);
        let revocation = Arc::new(Revocation::new().with_source(Arc::new(store)));
        Evidence { revocation, policy, staple: None }
    }

    /// Judges a response that the peer stapled.
    pub fn of_staple(response: &[u8], policy: RevocationPolicy) -> Self {
        let revocation = Revocation::new().with_source(Arc::new(OcspStore::new()));
        Evidence { revocation: Arc::new(revocation), policy, staple: Some(response.to_vec()) }
    }
}

/// Takes in the lists, offering each whoever has the name of its issuer: the anchors and all
/// certificates at hand. A list that nobody here can have signed is no evidence.
pub fn store(
    lists: &[&[u8]],
    anchors: &[&[u8]],
    certificates: &[&[u8]],
    algorithms: AlgorithmPolicy,
) -> CrlStore {
    let signers = signers(anchors, certificates);
    let backend = engine::backend();
    let tools = SignatureTools::new(&backend, &algorithms);
    let mut store = CrlStore::new();
    for list in lists {
        let Ok(mut intake) = CrlIntake::new(*list, &signers) else { continue };
        loop {
            match intake.step(&tools, 1_000) {
                Ok(Progress::Working { .. }) => {}
                Ok(Progress::Finished(list)) => {
                    // A list older than one at hand is left aside.
                    store = store.with(list).unwrap_or(store);
                    break;
                }
                Err(_) => break,
            }
        }
    }
    store
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
