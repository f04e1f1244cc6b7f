//! The project's own SPIFFE suites: SPIFFE IDs, bundles, X.509-SVID chains.
//!
//! `either` marks an open point of the standard, where the crate's documentation says what it does;
//! both answers are as expected, and what an accepted ID reads as is still compared.

use bonafide::identity::{SpiffeId, SpiffeIdRef, TrustDomain};
use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::trust::{BundleMap, Domain, SpiffeBundle, TrustAnchor, TrustBundle, TrustStore};

use super::engine::{self, Names, Question};
use super::evidence::Evidence;
use super::load::{self, Fields, Misread};
use super::{Case, Expected, Judgement};

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
    let fields = case.fields;
    let standard = fields.object("standard")?;
    let expected = Expected::parse(standard.text("verdict")?)?;
    let document = match fields.maybe_text("document")? {
        Some(text) => text.as_bytes().to_vec(),
        None => fields.base64("document_b64")?,
    };
    let domain = TrustDomain::parse(fields.text("trust_domain")?).map_err(Misread::new)?;
    let (accepted, read) = match fields.text("format")? {
        "bundle" => match SpiffeBundle::parse(domain, &document) {
            Ok(bundle) => (true, contents_read(&bundle)),
            Err(error) => (false, error.code().to_owned()),
        },
        "map" => match BundleMap::parse(&document) {
            Ok(_) => (true, String::new()),
            Err(error) => (false, error.code().to_owned()),
        },
        format => return Err(Misread::new(format!("unknown format {format}"))),
    };
    let wanted = contents_wanted(standard)?;
    // Where the standard is open, so is what is left of the document.
    let agrees = expected.allows(accepted)
        && (expected != Expected::Accept || wanted.is_empty() || wanted == read);
    let got = if accepted { format!("accept {read}") } else { read };
    Ok(Judgement::of(agrees, format!("{} {wanted}", expected.name()), got))
}

fn contents_read(bundle: &SpiffeBundle) -> String {
    contents(
        Some(bundle.authorities().len()),
        Some(bundle.jwt_authorities()),
        bundle.sequence(),
        bundle.refresh_hint_seconds(),
    )
}

/// Nothing where the case counts no authorities, as of a map.
fn contents_wanted(standard: Fields<'_>) -> Result<String, Misread> {
    let count = |key| -> Result<Option<usize>, Misread> {
        Ok(standard.maybe_count(key)?.and_then(|count| usize::try_from(count).ok()))
    };
    let x509 = count("x509_authorities")?;
    if x509.is_none() {
        return Ok(String::new());
    }
    let (sequence, hint) = (standard.maybe_u64("sequence")?, standard.maybe_u64("refresh_hint")?);
    Ok(contents(x509, count("jwt_authorities")?, sequence, hint))
}

fn contents(
    x509: Option<usize>,
    jwt: Option<usize>,
    sequence: Option<u64>,
    hint: Option<u64>,
) -> String {
    format!("x509 {x509:?}, jwt {jwt:?}, sequence {sequence:?}, refresh hint {hint:?}")
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
    let bundles = fields.object("bundles_pem")?;
    let lists = fields.pems("crls_pem", "X509 CRL")?;
    let mut anchors = Vec::new();
    for (name, _) in bundles.entries() {
        anchors.extend(bundles.pems(name, "CERTIFICATE")?);
    }
    let question = Question {
        leaf,
        pool: load::slices(pool),
        trust: store(bundles)?,
        policy,
        names: Names::Any,
        now: fields.time("validation_time")?,
        // The Workload API says which lists there are, not that there must be one.
        evidence: Evidence::if_any(&lists, &anchors, pool, RevocationPolicy::if_available()),
    };
    let answer = engine::ask(&question);
    Ok(Judgement::of(expected.allows(answer.accepted), expected.name(), answer.code))
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
