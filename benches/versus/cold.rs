//! Chains of which nothing is remembered: this crate against the raw signatures of the same backend, and
//! against rustls-webpki with the same.

use std::sync::Arc;

use bonafide::signature::{AwsLcBackend, RingBackend, SignatureBackend};

use crate::contenders::{
    Chain, WebpkiSet, ours, raw_signatures, raw_signatures_of_ring, webpki_verify,
};
use crate::harness::Contender;
use crate::kit::Kind;
use crate::table::{Ratio, Table};

/// What a chain is signed with: in ids, for people, for the kit, and the bar of leaf + 1.
pub const KINDS: [(&str, &str, Kind, Option<f64>); 5] = [
    ("p256", "P-256", Kind::P256, Some(1.00)),
    ("rsa2048", "RSA-2048", Kind::Rsa, Some(0.97)),
    ("ed25519", "Ed25519", Kind::Ed25519, Some(1.015)),
    ("p384", "P-384", Kind::P384, None),
    ("mldsa44", "ML-DSA-44", Kind::MlDsa(44), None),
];

/// Who does the mathematics for both: in ids, for people, and how. ring prepares no keys.
type Backend = (&'static str, &'static str, Arc<dyn SignatureBackend>, fn(&Chain), WebpkiSet);

pub fn rows(table: &mut Table) {
    let backends: [Backend; 2] = [
        (
            "",
            "anchor keys prepared, aws-lc-rs",
            Arc::new(AwsLcBackend::NEW),
            raw_signatures,
            WebpkiSet::AwsLcRs,
        ),
        ("-ring", "ring", Arc::new(RingBackend::NEW), raw_signatures_of_ring, WebpkiSet::Ring),
    ];
    for (backend_id, backend_name, backend, raw, set) in backends {
        for (intermediates, suffix) in [(1, ""), (2, "-2")] {
            for (kind_id, kind_name, kind, bar) in KINDS {
                let row = |id: &str, to: &'static str, to_what: &str| {
                    let what = format!(
                        "{kind_name}, leaf + {intermediates}, memo off, {backend_name} / {to_what}"
                    );
                    let id = format!("{id}{backend_id}-{kind_id}{suffix}");
                    Ratio::new(id, what, "bonafide", to)
                };
                let cold = row("cold", "signatures", "the raw signatures");
                let cold = match bar {
                    Some(bar) if (backend_id, intermediates) == ("", 1) => cold.at_most(bar),
                    _ => cold,
                };
                let rows = vec![cold, row("webpki", "webpki", "webpki")];
                let known = !matches!((set, kind), (WebpkiSet::Ring, Kind::MlDsa(_)));
                if !known || !table.wants_any(&rows) {
                    continue;
                }
                let chain = Chain::new(kind, intermediates);
                let verifier = ours(&chain, backend.clone(), true, None);
                let contenders = vec![
                    Contender::new("bonafide", || verifier.decide()),
                    Contender::new("signatures", || raw(&chain)),
                    Contender::new("webpki", || webpki_verify(&chain, set)),
                ];
                table.race(rows, contenders);
            }
        }
    }
}
