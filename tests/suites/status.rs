//! Suites about the status of one certificate: one revocation list, or one OCSP response.
//!
//! A list is put to the source that holds it, with the issuers that the suite takes for validated:
//! some are no sound authorities, and the question is not about that. A response is stapled, and the
//! engine asked with hard fail: accepted is good, and a refusal says whether it is for a revocation.

use bonafide::policy::{Limits, RevocationPolicy, ValidationPolicy};
use bonafide::revocation::{
    EvidenceBudget, Issuer, Query, RevocationSource as _, SignatureTools, Verdict,
};
use bonafide::signature::{AlgorithmPolicy, PublicKey};
use bonafide::trust::TrustAnchor;
use bonafide::x509::Certificate;

use super::engine::{self, Names, Question};
use super::evidence::{self, Evidence};
use super::load::Misread;
use super::{Agreement, Case, Judgement};

pub fn judge(case: &Case<'_>) -> Result<Judgement, Misread> {
    let fields = case.fields;
    let expected = fields.object("expected")?.text("status")?;
    if !["good", "revoked", "unknown"].contains(&expected) {
        return Err(Misread::new(format!("unknown expectation {expected}")));
    }
    let (status, code) = match fields.text("kind")? {
        "crl_status" => by_list(case)?,
        "ocsp_status" => by_response(case)?,
        kind => return Err(Misread::new(format!("unknown kind {kind}"))),
    };
    let mut judgement = Judgement::of(status == expected, expected, format!("{status}: {code}"));
    // The suite has a certificate whose serial number is no INTEGER of X.690 section 8.3.2, which
    // upstream reads with an option of its parser only. Nobody can ask the library about it.
    if status == "unreadable" && expected != "unknown" {
        judgement.agreement = Agreement::Advisory;
    }
    Ok(judgement)
}

fn algorithms() -> AlgorithmPolicy {
    AlgorithmPolicy::DEFAULT.allow_sha1().allow_rsa_from(1024)
}

fn policy(case: &Case<'_>) -> Result<RevocationPolicy, Misread> {
    let policy = RevocationPolicy::hard_fail();
    Ok(match case.fields.maybe_count("max_age_seconds")? {
        Some(age) => policy.with_crl_max_age_seconds(age).with_ocsp_max_age_seconds(age),
        None => policy,
    })
}

fn by_list(case: &Case<'_>) -> Result<(&'static str, String), Misread> {
    let fields = case.fields;
    let policy = policy(case)?;
    let algorithms = algorithms();
    // "Issuer first; a second entry is the key-rollover parent."
    let chain = case.blobs.all_of(fields, "issuer_chain")?;
    let anchor = *chain.last().ok_or_else(|| Misread::new("no issuer"))?;
    let list = case.blobs.of(fields, "crl")?;
    let store = evidence::store(&evidence::take_in(&[list], &[anchor], &chain, algorithms));
    let Ok(certificate) = Certificate::from_der(case.blobs.of(fields, "cert")?) else {
        return Ok(("unreadable", "encoding.malformed".into()));
    };
    let mut above = Vec::new();
    for der in &chain {
        let issuer = Certificate::from_der(der).map_err(Misread::new)?;
        above.push((issuer, issuer.subject_public_key_info().map_err(Misread::new)?));
    }
    let Some(&(issuer, key)) = above.first() else { return Err(Misread::new("no issuer")) };
    let mut named =
        Issuer::new(issuer.subject(), PublicKey::new(key)).with_key_usage(issuer.key_usage());
    if above.len() == 1 {
        named = named.anchor();
    }
    let ancestors: Vec<&[u8]> = above.iter().map(|(_, key)| key.der()).collect();
    let backend = engine::backend();
    let tools = SignatureTools::new(&backend, &algorithms);
    let query = Query::new(certificate, named, tools, &policy, fields.time("time")?)
        .with_ancestors(&ancestors);
    let answer = store.status(&query, &mut EvidenceBudget::of_limits(Limits::DEFAULT));
    Ok(match answer.verdict {
        Verdict::Good => ("good", "good".into()),
        Verdict::Revoked(_) => ("revoked", "revocation.revoked".into()),
        Verdict::Unknown(why) => ("unknown", why.code().into()),
    })
}

fn by_response(case: &Case<'_>) -> Result<(&'static str, String), Misread> {
    let fields = case.fields;
    let response = case.blobs.of(fields, "ocsp_response")?;
    let answer = engine::ask(&Question {
        leaf: case.blobs.of(fields, "cert")?,
        pool: Vec::new(),
        trust: engine::unscoped([TrustAnchor::from_der(case.blobs.of(fields, "issuer")?)]),
        policy: ValidationPolicy::rfc5280().with_algorithms(algorithms()),
        names: Names::Any,
        now: fields.time("time")?,
        evidence: Some(Evidence::of_staple(response, policy(case)?)),
    });
    let status = match answer.code.as_str() {
        "accepted" => "good",
        "revocation.revoked" => "revoked",
        "encoding.malformed" => "unreadable",
        code if code.starts_with("revocation.") => "unknown",
        _ => "no answer",
    };
    Ok((status, answer.code))
}
