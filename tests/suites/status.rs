//! Suites about the status of one certificate: one revocation list, or one OCSP response.
//!
//! The status is asked for as a user asks: of a peer, with hard fail. Accepted is good; a refusal
//! says whether it is for a revocation or for want of knowledge. Expired certificates and purposes
//! are no matter of these suites, so they were made to be accepted.

use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::signature::AlgorithmPolicy;
use bonafide::trust::TrustAnchor;

use super::engine::{self, Names, Question};
use super::evidence::Evidence;
use super::load::Misread;
use super::{Case, Judgement};

pub fn judge(case: &Case<'_>) -> Result<Judgement, Misread> {
    let fields = case.fields;
    let expected = fields.object("expected")?.text("status")?;
    if !["good", "revoked", "unknown"].contains(&expected) {
        return Err(Misread::new(format!("unknown expectation {expected}")));
    }
    let algorithms = AlgorithmPolicy::DEFAULT.allow_sha1().allow_rsa_from(1024);
    let leaf = case.blobs.of(fields, "cert")?;
    let max_age = fields.maybe_count("max_age_seconds")?;
    let mut policy = RevocationPolicy::hard_fail();
    if let Some(seconds) = max_age {
        policy = policy.with_crl_max_age_seconds(seconds).with_ocsp_max_age_seconds(seconds);
    }
    // "Issuer first; a second entry is the key-rollover parent": the last one is the anchor.
    let mut chain = match fields.text("kind")? {
        "crl_status" => case.blobs.all_of(fields, "issuer_chain")?,
        "ocsp_status" => vec![case.blobs.of(fields, "issuer")?],
        kind => return Err(Misread::new(format!("unknown kind {kind}"))),
    };
    let anchor = chain.pop().ok_or_else(|| Misread::new("no issuer"))?;
    let evidence = match fields.maybe_text("crl")? {
        Some(list) => {
            let list = case.blobs.get(list)?;
            Evidence::of_lists(&[list], &[anchor], &chain, algorithms, policy)
        }
        None => Evidence::of_staple(case.blobs.of(fields, "ocsp_response")?, policy),
    };
    let answer = engine::ask(&Question {
        leaf,
        pool: chain,
        trust: engine::unscoped([TrustAnchor::from_der(anchor)]),
        policy: ValidationPolicy::rfc5280().with_algorithms(algorithms),
        names: Names::Any,
        now: fields.time("time")?,
        evidence: Some(evidence),
    });
    let status = match answer.code.as_str() {
        "accepted" => "good",
        "revocation.revoked" => "revoked",
        code if code.starts_with("revocation.") => "unknown",
        _ => "no answer",
    };
    Ok(Judgement::of(status == expected, expected, format!("{status}: {}", answer.code)))
}
