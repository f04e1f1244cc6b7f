//! x509-limbo, schema 1: `limbo`, `limbo-extra`, `limbo-bettertls`.
//!
//! The namespace chooses the profile: `webpki::` asks for the CA/Browser Forum's demands, `rfc5280::`
//! and `crl::` for those of RFC 5280 on conforming CAs, the others for path validation as it is. Two
//! cases that contradict each other lie in different namespaces, so both can be met.
//!
//! Many cases have their name constraints in the root, and limbo's roots are certificates, not names
//! with keys: the extensions of anchors are enforced throughout.

use bonafide::policy::{Choice, ConformanceRule, Purpose, RevocationPolicy, ValidationPolicy};
use bonafide::trust::{AnchorExtensions, TrustAnchor};
use bonafide::x509::{KeyUsage, Time};

use super::engine::{self, Names, Question};
use super::evidence::Evidence;
use super::load::{self, Fields, Misread};
use super::{Case, Expected, Judgement};

/// 2026-06-01T00:00:00Z, the time of cases that name none: "any time after 2024".
const NO_TIME: i64 = 1_780_272_000;

pub fn judge(case: &Case<'_>) -> Result<Judgement, Misread> {
    let fields = case.fields;
    let expected = Expected::parse(fields.text("expected_result")?)?;
    let anchors = fields.pems("trusted_certs", "CERTIFICATE")?;
    let pool = fields.pems("untrusted_intermediates", "CERTIFICATE")?;
    let leaf = fields.certificate_pem("peer_certificate")?;
    let lists = fields.pems("crls", "X509 CRL")?;
    let question = Question {
        leaf: &leaf,
        pool: load::slices(&pool),
        trust: engine::unscoped(anchors.iter().map(|der| {
            Ok(TrustAnchor::from_der(der)?.with_extensions_enforced(AnchorExtensions::Enforced))
        })),
        policy: policy(case)?,
        names: names(fields)?,
        now: fields.maybe_time("validation_time")?.unwrap_or(Time::from_unix(NO_TIME)),
        evidence: Evidence::if_any(&lists, &anchors, &pool, RevocationPolicy::hard_fail()),
    };
    let answer = engine::ask_for_all(&question, &purposes(fields)?);
    Ok(Judgement::of(expected.allows(answer.accepted), expected.name(), answer.code))
}

/// "`extended_key_usage: []` does not mean any: a SERVER case means serverAuth, a CLIENT case
/// clientAuth."
fn purposes(fields: Fields<'_>) -> Result<Vec<Purpose>, Misread> {
    let named = fields.texts("extended_key_usage")?;
    if !named.is_empty() {
        return named.into_iter().map(engine::purpose).collect();
    }
    match fields.text("validation_kind")? {
        "SERVER" => Ok(vec![Purpose::ServerAuth]),
        "CLIENT" => Ok(vec![Purpose::ClientAuth]),
        kind => Err(Misread::new(format!("unknown validation_kind {kind}"))),
    }
}

fn policy(case: &Case<'_>) -> Result<ValidationPolicy, Misread> {
    let fields = case.fields;
    let namespace = fields.text("id")?.split("::").next().unwrap_or_default();
    let features = fields.texts("features")?;
    let has = |prefix: &str| features.iter().any(|feature| feature.starts_with(prefix));
    let mut policy = match namespace {
        "webpki" => web_pki(case)?,
        "rfc5280" | "crl" | "extra" => ValidationPolicy::rfc5280_strict(),
        "bettertls" | "online" => ValidationPolicy::tls_server(),
        // A namespace that this harness has never seen: its features tell how strict it is.
        _ if has("pedantic-webpki") || has("pedantic-public-suffix") => web_pki(case)?,
        _ if has("pedantic") || has("rfc5280-incompatible") => ValidationPolicy::rfc5280_strict(),
        _ => ValidationPolicy::rfc5280(),
    };
    if let Some(max) = fields.maybe_count("max_chain_depth")? {
        policy = policy.with_max_intermediates(max);
    }
    let usage = fields.texts("key_usage")?;
    if !usage.is_empty() {
        let mut bits = KeyUsage::default();
        for name in usage {
            bits = bits.union(key_usage(name)?);
        }
        policy = policy.with_end_entity_key_usage(bits, Choice::Allow);
    }
    if !fields.list("signature_algorithms")?.is_empty() {
        return Err(Misread::new("signature_algorithms are not understood"));
    }
    Ok(policy)
}

/// All leaves of limbo are called `example.com` in their subject, whatever their names are. Only the
/// namespace about common names means that, so the rule that the one must be among the others holds
/// there alone.
fn web_pki(case: &Case<'_>) -> Result<ValidationPolicy, Misread> {
    let mut policy = ValidationPolicy::cabf_strict();
    if !case.fields.text("id")?.contains("::cn::") {
        policy = policy.without_rule(ConformanceRule::CommonNameInSan);
    }
    if let Some(list) = &case.inputs.public_suffixes {
        policy = policy.with_public_suffixes(list.clone());
    }
    Ok(policy)
}

fn key_usage(name: &str) -> Result<KeyUsage, Misread> {
    Ok(match name {
        "digitalSignature" => KeyUsage::DIGITAL_SIGNATURE,
        "contentCommitment" | "nonRepudiation" => KeyUsage::CONTENT_COMMITMENT,
        "keyEncipherment" => KeyUsage::KEY_ENCIPHERMENT,
        "dataEncipherment" => KeyUsage::DATA_ENCIPHERMENT,
        "keyAgreement" => KeyUsage::KEY_AGREEMENT,
        "keyCertSign" => KeyUsage::KEY_CERT_SIGN,
        "cRLSign" => KeyUsage::CRL_SIGN,
        "encipherOnly" => KeyUsage::ENCIPHER_ONLY,
        "decipherOnly" => KeyUsage::DECIPHER_ONLY,
        _ => return Err(Misread::new(format!("unknown key usage {name}"))),
    })
}

fn names(fields: Fields<'_>) -> Result<Names, Misread> {
    let mut names = Names::Any;
    let one = fields.maybe_object("expected_peer_name")?;
    for name in one.into_iter().chain(fields.objects("expected_peer_names")?) {
        let kind = match name.text("kind")? {
            "DNS" => "dns",
            "IP" => "ip",
            "RFC822" => "email",
            kind => return Err(Misread::new(format!("unknown kind of name {kind}"))),
        };
        names = names.add(kind, name.text("value")?);
    }
    Ok(names)
}
