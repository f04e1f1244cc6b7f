//! Suites of kind `path`: PKITS in three key types, and certificates from the real world.

use std::collections::BTreeSet;

use bonafide::policy::{Purpose, RevocationPolicy, ValidationPolicy};
use bonafide::signature::AlgorithmPolicy;
use bonafide::trust::TrustAnchor;

use super::engine::{self, Answer, Names, Question};
use super::evidence::{self, Evidence};
use super::load::{Fields, Misread};
use super::{Case, Expected, Family, Judgement};

pub fn judge(case: &Case<'_>) -> Result<Judgement, Misread> {
    let fields = case.fields;
    match fields.text("kind")? {
        "path" => {}
        kind => return Err(Misread::new(format!("unknown kind {kind}"))),
    }
    let expected = fields.object("expected")?;
    let result = Expected::parse(expected.text("result")?)?;
    let anchors = case.blobs.all_of(fields, "trust_anchors")?;
    let pool = case.blobs.all_of(fields, "intermediates")?;
    let algorithms = algorithms(case);
    let revocation = match fields.maybe_text("revocation")? {
        None | Some("off") => None,
        Some("required") => Some(RevocationPolicy::hard_fail()),
        Some("if_available") => Some(evidence::unknown_allowed()),
        Some(mode) => return Err(Misread::new(format!("unknown revocation mode {mode}"))),
    };
    let lists = case.blobs.all_of(fields, "crls")?;
    let lists = match &revocation {
        Some(_) => evidence::take_in(&lists, &anchors, &pool, algorithms),
        None => Vec::new(),
    };
    let question = Question {
        leaf: case.blobs.of(fields, "leaf")?,
        evidence: revocation.clone().map(|policy| Evidence::of_lists(&lists, policy)),
        pool,
        trust: engine::unscoped(anchors.into_iter().map(TrustAnchor::from_der)),
        policy: policy(case)?,
        names: names(fields)?,
        now: fields.time("time")?,
    };
    let purpose = match fields.maybe_text("purpose")? {
        Some(purpose) => engine::purpose(purpose)?,
        None => Purpose::Any,
    };
    let purposes = [purpose];
    let Answer { code, path, policies, accepted, .. } = engine::ask_for_all(&question, &purposes);
    let mut wanted = result.name().to_owned();
    let mut got = code.clone();
    let mut agrees = result.allows(accepted);
    // "Compare only on accept." The table is NIST's for the RSA certificates; the other key types
    // assert other policies in places.
    if case.family == Family::Pkits && result == Expected::Accept && accepted {
        let set: BTreeSet<String> =
            expected.oids("user_constrained_policy_set")?.iter().map(ToString::to_string).collect();
        if set != policies {
            agrees = false;
            wanted = format!("{wanted} with policies {set:?}");
            got = format!("{got} with policies {:?}", policies);
        }
    }
    if let Some(policy) = revocation {
        for order in evidence::reordered(&lists) {
            let evidence = Some(Evidence::of_lists(&order, policy.clone()));
            let again = engine::ask_for_all(&Question { evidence, ..question.clone() }, &purposes);
            if (&again.code, &again.path) != (&code, &path) {
                agrees = false;
                got = format!("{got}, with the lists in another order {}", again.code);
            }
        }
    }
    Ok(Judgement::of(agrees, wanted, got))
}

fn algorithms(case: &Case<'_>) -> AlgorithmPolicy {
    match case.family {
        Family::RealWorld => AlgorithmPolicy::DEFAULT,
        // "SHA-1 and 1024-bit keys allowed."
        _ => AlgorithmPolicy::DEFAULT.allow_sha1().allow_rsa_from(1024).allow_dsa(),
    }
}

fn policy(case: &Case<'_>) -> Result<ValidationPolicy, Misread> {
    let fields = case.fields;
    let mut policy =
        policy_inputs(ValidationPolicy::rfc5280(), fields)?.with_algorithms(algorithms(case));
    if let Some(limits) = fields.maybe_object("limits")?
        && let Some(max) = limits.maybe_count("max_certs")?
    {
        policy = policy.with_max_intermediates(max.saturating_sub(2));
    }
    Ok(policy)
}

/// The inputs of RFC 5280 section 6.1.1 (c) to (f).
pub fn policy_inputs(
    mut policy: ValidationPolicy,
    fields: Fields<'_>,
) -> Result<ValidationPolicy, Misread> {
    // "Default `["2.5.29.32.0"]`", which is the library's, too.
    let set = fields.oids("initial_policy_set")?;
    if !set.is_empty() {
        policy = policy.with_initial_policy_set(set);
    }
    if fields.flag("initial_explicit_policy")? {
        policy = policy.with_explicit_policy_required();
    }
    if fields.flag("initial_policy_mapping_inhibit")? {
        policy = policy.with_policy_mapping_inhibited();
    }
    if fields.flag("initial_any_policy_inhibit")? {
        policy = policy.with_any_policy_inhibited();
    }
    Ok(policy)
}

fn names(fields: Fields<'_>) -> Result<Names, Misread> {
    let mut names = Names::Any;
    for name in fields.texts("peer_names")? {
        let kind = if name.parse::<std::net::IpAddr>().is_ok() { "ip" } else { "dns" };
        names = names.add(kind, name);
    }
    Ok(names)
}
