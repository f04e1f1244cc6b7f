//! BoringSSL's suites of whole paths: `verify-chain` and `path-builder`.

use std::collections::BTreeSet;
use std::sync::Arc;

use bonafide::policy::{Choice, ExtensionHandler, Limits, Purpose, ValidationPolicy};
use bonafide::signature::AlgorithmPolicy;
use bonafide::trust::{AnchorError, AnchorExtensions, AnchorState, EndEntityUse, TrustAnchor};
use bonafide::x509::{Certificate, Extension, KeyUsage, OwnedOid};

use super::engine::{self, Answer, Names, Question};
use super::load::{Fields, Misread};
use super::paths::policy_inputs;
use super::{Agreement, Case, Expected, Judgement};

/// Kind `chain`: one chain, leaf first, whose last certificate is trusted in one of many ways.
pub fn judge_chain(case: &Case<'_>) -> Result<Judgement, Misread> {
    let fields = case.fields;
    let expected = fields.object("expected")?;
    let result = Expected::parse(expected.text("result")?)?;
    let chain = case.blobs.all_of(fields, "chain")?;
    let (Some((&leaf, rest)), Some((&last, _))) = (chain.split_first(), chain.split_last()) else {
        return Err(Misread::new("empty chain"));
    };
    let pool = rest.split_last().map_or(&[][..], |(_, pool)| pool);
    let is_alone = rest.is_empty();
    let anchor = anchor(last, fields.text("last_cert_trust")?, is_alone)?;
    let policy =
        policy_inputs(ValidationPolicy::rfc5280(), fields)?.with_algorithms(algorithms(fields)?);
    let policy = with_rule(policy, MS_APPLICATION_POLICIES, UsageRule::Beside)?;
    let question = Question {
        leaf,
        pool: pool.to_vec(),
        trust: engine::unscoped(anchor),
        policy: key_purpose(policy, fields.text("key_purpose")?, is_alone)?,
        names: Names::Any,
        now: fields.time("time")?,
        evidence: None,
    };
    let answer = engine::ask(&question);
    let mut wanted = result.name().to_owned();
    let mut got = answer.code.clone();
    let mut agrees = result.allows(answer.accepted);
    if result == Expected::Accept && answer.accepted {
        let set: BTreeSet<String> =
            expected.oids("user_constrained_policy_set")?.iter().map(ToString::to_string).collect();
        if set != answer.policies {
            agrees = false;
            wanted = format!("{wanted} with policies {set:?}");
            got = format!("{got} with policies {:?}", answer.policies);
        }
    }
    let mut judgement = Judgement::of(agrees, wanted, got);
    // "The `.test` file exists but upstream's shared list does not run it; do not gate on those."
    if !agrees && fields.maybe_flag("enabled_upstream")? == Some(false) {
        judgement.agreement = Agreement::Advisory;
    }
    Ok(judgement)
}

/// How BoringSSL's `CertificateTrust` reads here.
fn anchor(
    der: &[u8],
    trust: &str,
    is_alone: bool,
) -> Result<Option<Result<TrustAnchor, AnchorError>>, Misread> {
    let (kind, conditions) = match trust {
        "UNSPECIFIED" => return Ok(None),
        "DISTRUSTED" => ("DISTRUSTED", ""),
        trust => ["TRUSTED_ANCHOR_OR_LEAF", "TRUSTED_ANCHOR", "TRUSTED_LEAF"]
            .into_iter()
            .find_map(|kind| Some((kind, trust.strip_prefix(kind)?)))
            .ok_or_else(|| Misread::new(format!("unknown trust {trust}")))?,
    };
    let Ok(mut anchor) = TrustAnchor::from_der(der) else {
        return Ok(Some(TrustAnchor::from_der(der)));
    };
    // A trusted leaf vouches for itself and for nobody else.
    if kind == "TRUSTED_LEAF" && !is_alone {
        return Ok(None);
    }
    let mut rest = conditions;
    let mut constraints = false;
    let mut basic_constraints = false;
    let mut pinned = EndEntityUse::Pinned;
    while !rest.is_empty() {
        let conditions = ["_WITH", "_AND", "_REQUIRE_SELF_SIGNED", "_REQUIRE_BASIC_CONSTRAINTS"];
        let words = ["_EXPIRATION", "_CONSTRAINTS"];
        let word = conditions.into_iter().chain(words).find(|word| rest.starts_with(word));
        match word {
            Some("_WITH" | "_AND") => {}
            Some("_REQUIRE_SELF_SIGNED") => pinned = EndEntityUse::PinnedSelfSigned,
            Some("_REQUIRE_BASIC_CONSTRAINTS") => basic_constraints = true,
            Some("_EXPIRATION") => anchor = anchor.with_expiry_enforced(),
            Some("_CONSTRAINTS") => constraints = true,
            _ => return Err(Misread::new(format!("unknown trust {trust}"))),
        }
        rest = word.and_then(|word| rest.strip_prefix(word)).unwrap_or_default();
    }
    // BoringSSL's "require basic constraints" adds to "with constraints" and means nothing alone.
    if constraints {
        anchor = anchor.with_extensions_enforced(if basic_constraints {
            AnchorExtensions::EnforcedWithBasicConstraints
        } else {
            AnchorExtensions::Enforced
        });
    }
    if kind == "DISTRUSTED" {
        anchor = anchor.with_state(AnchorState::Distrusted);
    }
    if kind.ends_with("_LEAF") {
        anchor = anchor.with_end_entity_use(pinned);
    }
    Ok(Some(Ok(anchor)))
}

fn algorithms(fields: Fields<'_>) -> Result<AlgorithmPolicy, Misread> {
    let mut algorithms = AlgorithmPolicy::DEFAULT;
    if let Some(bits) = fields.maybe_count("min_rsa_bits")? {
        algorithms = algorithms.allow_rsa_from(bits).refuse_rsa_under(bits);
    }
    match fields.maybe_text("digest_policy")? {
        None | Some("STRONG") => Ok(algorithms),
        Some("ALLOW_SHA_1") => Ok(algorithms.allow_sha1()),
        Some(policy) => Err(Misread::new(format!("unknown digest policy {policy}"))),
    }
}

const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const KEY_USAGE: &str = "2.5.29.15";
/// Microsoft's extended key usage. BoringSSL takes it for understood, even if critical, where
/// extendedKeyUsage stands beside it.
const MS_APPLICATION_POLICIES: &str = "1.3.6.1.4.1.311.21.10";
const MLS_CLIENT: &str = "2.23.146.2.1.3";
const RCS_MLS_PARTICIPANT_INFORMATION: &str = "2.23.146.2.1.4";
const RCS_MLS_ACS_PARTICIPANT_INFORMATION: &str = "2.23.146.2.1.5";
const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
const EMAIL_PROTECTION: &str = "1.3.6.1.5.5.7.3.4";
const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
const DOCUMENT_SIGNING: &str = "1.3.6.1.5.5.7.3.36";
const ANY_PURPOSE: &str = "2.5.29.37.0";

/// BoringSSL's `KeyPurpose`: a purpose, and how strictly the profile of its users is held.
fn key_purpose(
    policy: ValidationPolicy,
    name: &str,
    is_alone: bool,
) -> Result<ValidationPolicy, Misread> {
    let on_leaf = |policy: ValidationPolicy, rule| with_rule(policy, EXTENDED_KEY_USAGE, rule);
    let (name, in_ca, in_leaf) = match name {
        "MLS_CLIENT_AUTH" => {
            let policy = policy
                .with_purpose(engine::purpose(MLS_CLIENT)?)
                .with_absent_extended_key_usage(Choice::Deny);
            let policy = with_rule(policy, EXTENDED_KEY_USAGE, UsageRule::MlsOnly)?;
            let policy = with_rule(policy, KEY_USAGE, UsageRule::MlsOnly)?;
            let policy = with_rule(policy, RCS_MLS_PARTICIPANT_INFORMATION, UsageRule::Understood)?;
            return with_rule(policy, RCS_MLS_ACS_PARTICIPANT_INFORMATION, UsageRule::Understood);
        }
        "C2PA_TIMESTAMPING" => {
            let policy = policy.with_purpose(Purpose::Any);
            return on_leaf(
                policy.with_absent_extended_key_usage(Choice::Deny),
                UsageRule::C2paTimestamping,
            );
        }
        "C2PA_MANIFEST" => {
            let policy = policy.with_purpose(Purpose::Any);
            return on_leaf(
                policy.with_absent_extended_key_usage(Choice::Deny),
                UsageRule::C2paManifest,
            );
        }
        name => match (name.strip_suffix("_STRICT"), name.strip_suffix("_STRICT_LEAF")) {
            (Some(name), _) => (name, Choice::Deny, Choice::Deny),
            (_, Some(name)) => (name, Choice::Allow, Choice::Deny),
            (None, None) => return Ok(policy.with_purpose(engine::purpose(name)?)),
        },
    };
    let policy = policy
        .with_purpose(engine::purpose(name)?)
        .with_any_extended_key_usage(in_ca, in_leaf)
        .with_absent_extended_key_usage(in_leaf);
    // A leaf trusted by itself was issued by nobody, so nobody is asked whether it may issue.
    let policy = if is_alone { policy } else { policy.with_ca_as_end_entity(Choice::Deny) };
    on_leaf(policy, UsageRule::TlsOnly)
}

fn with_rule(
    policy: ValidationPolicy,
    oid: &str,
    rule: UsageRule,
) -> Result<ValidationPolicy, Misread> {
    let oid: OwnedOid = oid.parse().map_err(|_| Misread::new("object identifier"))?;
    Ok(policy.with_extension_handler(oid, Arc::new(rule)))
}

/// Rules on key usage that the library has no knob for, written as a user writes his own: as
/// handlers of the extensions that they are about.
#[derive(Clone, Copy, Debug)]
enum UsageRule {
    /// A TLS leaf is for nothing that a TLS peer could abuse.
    TlsOnly,
    /// RCS with MLS: this purpose alone in all certificates, digitalSignature alone in the leaf.
    MlsOnly,
    /// C2PA: time stamping and nothing else of the listed purposes.
    C2paTimestamping,
    /// C2PA: e-mail protection or document signing, and nothing that conflicts.
    C2paManifest,
    /// The extension is understood and asks nothing.
    Understood,
    /// The extension is understood where extendedKeyUsage says the same.
    Beside,
}

impl ExtensionHandler for UsageRule {
    fn name(&self) -> &str {
        match self {
            UsageRule::TlsOnly => "tls-only",
            UsageRule::MlsOnly => "mls-only",
            UsageRule::C2paTimestamping => "c2pa-timestamping",
            UsageRule::C2paManifest => "c2pa-manifest",
            UsageRule::Understood => "understood",
            UsageRule::Beside => "beside-extended-key-usage",
        }
    }

    fn check(
        &self,
        extension: &Extension<'_>,
        certificate: &Certificate<'_>,
        depth: usize,
    ) -> Result<(), &'static str> {
        if matches!(self, UsageRule::Beside) && !extension.critical {
            return Ok(());
        }
        let purposes: Vec<String> = match certificate.extended_key_usage() {
            Some(Ok(usage)) => usage.iter().map(|oid| oid.to_string()).collect(),
            Some(Err(_)) => return Err("malformed"),
            None => Vec::new(),
        };
        let has = |wanted: &[&str]| purposes.iter().any(|purpose| wanted.contains(&&**purpose));
        let holds = match self {
            UsageRule::Understood => true,
            UsageRule::Beside => !purposes.is_empty(),
            UsageRule::MlsOnly => {
                let alone = purposes.len() == 1 && has(&[MLS_CLIENT]);
                let signs = certificate.key_usage() == Some(KeyUsage::DIGITAL_SIGNATURE);
                alone && (depth > 0 || signs)
            }
            _ if depth > 0 => true,
            UsageRule::TlsOnly => !has(&[CODE_SIGNING, OCSP_SIGNING, TIME_STAMPING]),
            UsageRule::C2paTimestamping => {
                has(&[TIME_STAMPING])
                    && !has(&[ANY_PURPOSE, OCSP_SIGNING, EMAIL_PROTECTION, DOCUMENT_SIGNING])
            }
            UsageRule::C2paManifest => {
                has(&[EMAIL_PROTECTION, DOCUMENT_SIGNING])
                    && !has(&[ANY_PURPOSE, OCSP_SIGNING, TIME_STAMPING])
            }
        };
        if holds { Ok(()) } else { Err("purpose") }
    }
}

/// Kind `path_build`: a leaf, anchors and pools from which the path is to be found.
pub fn judge_path_build(case: &Case<'_>) -> Result<Judgement, Misread> {
    let fields = case.fields;
    let expected = fields.object("expected")?;
    let result = Expected::parse(expected.text("result")?)?;
    let mut anchors: Vec<_> = case
        .blobs
        .all_of(fields, "trust_anchors")?
        .into_iter()
        .map(TrustAnchor::from_der)
        .collect();
    // BoringSSL: "a self-signed anchor chains to itself", any other one does not.
    anchors = anchors
        .into_iter()
        .map(|anchor| Ok(anchor?.with_end_entity_use(EndEntityUse::PinnedSelfSigned)))
        .collect();
    for der in case.blobs.all_of(fields, "distrusted")? {
        anchors.push(
            TrustAnchor::from_der(der).map(|anchor| anchor.with_state(AnchorState::Distrusted)),
        );
    }
    let mut pool = Vec::new();
    // A slow source is one that has answered by the time the engine is asked: all pools are one.
    for source in fields.objects("pools")? {
        pool.extend(case.blobs.all_of(source, "certs")?);
    }
    let policy = key_purpose(ValidationPolicy::rfc5280(), fields.text("key_purpose")?, false)?
        .with_algorithms(algorithms(fields)?);
    let question = Question {
        leaf: case.blobs.of(fields, "leaf")?,
        pool,
        trust: engine::unscoped(anchors),
        policy: with_limits(policy, fields)?,
        names: Names::Any,
        now: fields.time("time")?,
        evidence: None,
    };
    let answer = engine::ask(&question);
    let mut alternatives = expected.list("path_alternatives")?.to_vec();
    if alternatives.is_empty() {
        alternatives.extend(expected.maybe_list("path")?);
    }
    let found = found_path(case, &answer);
    let fits = alternatives.is_empty()
        || alternatives.iter().any(|path| {
            path.as_array().is_some_and(|path| {
                path.iter().map(|key| key.as_str().unwrap_or_default()).eq(found.iter())
            })
        });
    let agrees = result.allows(answer.accepted) && (!answer.accepted || fits);
    let wanted = match alternatives.first() {
        Some(path) => format!("{} by {path}", result.name()),
        None => result.name().to_owned(),
    };
    let got = if answer.accepted { format!("accepted by {found:?}") } else { answer.code };
    Ok(Judgement::of(agrees, wanted, got))
}

/// A self-signed certificate that is its own anchor stands in the path twice, as in BoringSSL.
fn found_path(case: &Case<'_>, answer: &Answer) -> Vec<String> {
    answer.path.iter().map(|der| case.blobs.name_of(der).into_owned()).collect()
}

fn with_limits(policy: ValidationPolicy, fields: Fields<'_>) -> Result<ValidationPolicy, Misread> {
    let Some(given) = fields.maybe_object("limits")? else { return Ok(policy) };
    let mut limits = Limits::DEFAULT;
    if let Some(iterations) = given.maybe_count("iterations")? {
        limits.path_steps = iterations;
    }
    // The library has no clock: a host whose deadline has passed grants no more work.
    if given.flag("deadline_expired")? {
        limits.path_steps = 0;
        limits.signatures = 0;
    }
    let policy = policy.with_limits(limits);
    Ok(match given.maybe_count("max_certs")? {
        Some(max) => policy.with_max_intermediates(max.saturating_sub(2)),
        None => policy,
    })
}
