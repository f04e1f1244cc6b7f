//! More revocation never accepts: one more entry on a list never turns a rejection into an
//! acceptance, whatever lists there are, fresh or stale.

#![expect(clippy::unwrap_used, reason = "test code")]

mod kit;

use std::sync::Arc;

use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::revocation::{CrlSigner, CrlStore, Revocation, SignatureTools, VerifiedCrl};
use bonafide::signature::{AlgorithmPolicy, RingBackend};
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{OwnedCertificate, Time};
use kit::{Authority, CrlBuilder, Estate, FAR, NOW, Revoked, Rng, When};
use rustls_pki_types::CertificateDer;

/// A list of one authority: the serial numbers on it, and whether it is stale.
#[derive(Clone)]
struct List {
    by_root: bool,
    revoked: Vec<u8>,
    stale: bool,
}

fn code(estate: &Estate, lists: &[List], policy: &RevocationPolicy) -> &'static str {
    let anchor = TrustAnchor::from_der(&estate.root.certificate).unwrap();
    let intermediate = OwnedCertificate::from_der(&*estate.intermediate.certificate).unwrap();
    let signers = [CrlSigner::anchor(&anchor), CrlSigner::certificate(intermediate).unwrap()];
    let tools = SignatureTools::new(&RingBackend::NEW, &AlgorithmPolicy::DEFAULT);
    let store = lists.iter().enumerate().fold(CrlStore::new(), |store, (number, list)| {
        let issuer: &Authority = if list.by_root { &estate.root } else { &estate.intermediate };
        let next = if list.stale { NOW - 1 } else { FAR };
        let number = u8::try_from(number + 1).unwrap();
        let mut builder = CrlBuilder::complete(&issuer.name, number, &issuer.key)
            .updates(NOW - 100, Some(When::At(next)));
        for serial in &list.revoked {
            builder = builder.revoke(Revoked::new(&[*serial]));
        }
        let list = VerifiedCrl::take_in(&builder.sign(&issuer.key), &signers, &tools).unwrap();
        store.with(list).unwrap()
    });
    let trust = TrustStore::dangerously_unscoped(TrustBundle::new([anchor]));
    let validation = ValidationPolicy::tls_server().with_revocation(policy.clone());
    let verifier = Verifier::new(trust.into(), validation.into(), Arc::new(RingBackend::NEW))
        .with_revocation(Arc::new(Revocation::new().with_source(Arc::new(store))));
    let leaf = CertificateDer::from(estate.leaf.clone());
    let pool = [CertificateDer::from(estate.intermediate.certificate.clone())];
    let request = Request::new(&leaf, &pool, Expect::dangerously_any_identity());
    verifier.decide(&request, Time::from_unix(NOW)).code()
}

#[test]
fn one_more_entry_never_accepts() {
    let estate = Estate::new();
    let policies = [RevocationPolicy::hard_fail(), RevocationPolicy::if_available()];
    let (mut accepted, mut turned) = (0, 0);
    for seed in 0..150 {
        let mut rng = Rng::new(seed);
        // The root's list speaks of the intermediate (2), the intermediate's of the leaf (3).
        let mut lists: Vec<List> = [true, false]
            .into_iter()
            .filter(|_| rng.below(8) > 0)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|by_root| List {
                by_root,
                revoked: (0..rng.below(2)).map(|_| [2, 3, 9, 9][rng.below(4)]).collect(),
                stale: rng.below(6) == 0,
            })
            .collect();
        for policy in &policies {
            let before = code(&estate, &lists, policy);
            accepted += u32::from(before == "accepted");
            for index in 0..lists.len() {
                for serial in [2, 3, 9] {
                    let held = lists[index].revoked.clone();
                    if held.contains(&serial) {
                        continue;
                    }
                    lists[index].revoked.push(serial);
                    let after = code(&estate, &lists, policy);
                    assert!(
                        before == "accepted" || after != "accepted",
                        "seed {seed}: {before}, with {serial} accepted"
                    );
                    turned += u32::from(before == "accepted" && after == "revocation.revoked");
                    lists[index].revoked = held;
                }
            }
        }
    }
    assert!(accepted > 30 && turned > 30, "{accepted} accepted, {turned} turned");
}
