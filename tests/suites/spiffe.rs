//! The project's own SPIFFE suites: SPIFFE IDs, bundles, X.509-SVID chains.
//!
//! `either` marks an open point of the standard, where the crate's documentation says what it does;
//! both answers are as expected, and what an accepted ID reads as is still compared.

use bonafide::identity::{SpiffeId, SpiffeIdRef, TrustDomain};
use bonafide::policy::ValidationPolicy;
use bonafide::trust::{Domain, TrustAnchor, TrustBundle, TrustStore};

use super::engine::{self, Names, Question};
use super::load::{self, Fields, Misread};
use super::{Agreement, Case, Expected, Judgement};

/// The two questions that each SVID chain stands for.
pub const PROFILES: &[&str] = &["strict", "minimal"];

pub fn judge_id(case: &Case<'_>) -> Result<Judgement, Misread> {
    let standard = case.fields.object("standard")?;
    let expected = Expected::parse(standard.text("verdict")?)?;
    let input = case.fields.base64("input_b64")?;
    let strict = SpiffeIdRef::parse_bytes(&input).map(SpiffeIdRef::to_owned);
    let lenient =
        core::str::from_utf8(&input).ok().and_then(|text| SpiffeId::parse_lenient(text).ok());
    let got = match &strict {
        Ok(id) => format!("valid {id}"),
        Err(error) => format!("invalid {}", error.code()),
    };
    let mut agrees = expected.allows(strict.is_ok());
    // The lenient parser takes what a reading of the standard takes, and nothing else.
    agrees &= expected != Expected::Reject || lenient.is_none();
    for id in strict.ok().iter().chain(&lenient) {
        agrees &= Some(id.trust_domain().as_str()) == standard.maybe_text("trust_domain")?
            && Some(id.path()) == standard.maybe_text("path")?
            && id.has_path() == standard.flag("usable_as_leaf_id")?
            && id.has_path() != standard.flag("usable_as_signing_id")?;
    }
    Ok(Judgement::of(agrees, expected.name(), got))
}

pub fn judge_bundle(case: &Case<'_>) -> Result<Judgement, Misread> {
    let standard = case.fields.object("standard")?;
    let expected = Expected::parse(standard.text("verdict")?)?;
    Ok(Judgement::not_yet(expected.name(), "SPIFFE bundle documents"))
}

pub fn judge_svid(case: &Case<'_>) -> Result<Judgement, Misread> {
    let fields = case.fields;
    let (expected, policy) = match case.variant {
        "strict" => ("expected_strict", ValidationPolicy::spiffe()),
        _ => ("expected_minimal", ValidationPolicy::spiffe_minimal()),
    };
    let expected = Expected::parse(fields.text(expected)?)?;
    let chain = fields.pems("chain_pem", "CERTIFICATE")?;
    let Some((leaf, pool)) = chain.split_first() else {
        return Err(Misread::new("empty chain"));
    };
    let question = Question {
        leaf,
        pool: pool.iter().map(Vec::as_slice).collect(),
        trust: store(fields.object("bundles_pem")?)?,
        policy,
        names: Names::Any,
        now: fields.time("validation_time")?,
    };
    let answer = engine::ask(&question);
    let mut judgement =
        Judgement::of(expected.allows(answer.accepted), expected.name(), answer.code);
    if !fields.list("crls_pem")?.is_empty() && judgement.agreement == Agreement::No {
        judgement.agreement = Agreement::NotYet("revocation");
    }
    Ok(judgement)
}

/// One SPIFFE trust domain for each bundle. An authority that cannot be read is left out, as the
/// bundle format asks.
fn store(bundles: Fields<'_>) -> Result<TrustStore, Misread> {
    let mut domains = Vec::new();
    for (name, _) in bundles.entries() {
        let anchors = bundles.pems(name, "CERTIFICATE")?;
        let anchors = anchors.iter().flat_map(|der| TrustAnchor::from_der(der));
        let domain = TrustDomain::parse(name).map_err(Misread::new)?;
        domains.push(Domain::spiffe(domain, TrustBundle::new(anchors)));
    }
    TrustStore::new(domains).map_err(Misread::new)
}

/// The document of a bundle case: text, or bytes that are no text.
pub fn document(fields: Fields<'_>) -> Result<Vec<u8>, Misread> {
    match fields.maybe_text("document")? {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => load::base64(fields.text("document_b64")?),
    }
}
