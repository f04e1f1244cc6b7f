//! Chains with one mutation, and the verdict protocol that any validator can speak: one case a line,
//! one verdict a line.

use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::trust::TrustAnchor;
use bonafide::x509::Time;
use serde_json::{Value, json};

use super::engine::{self, Answer, Names, Question};
use super::evidence::Evidence;
use super::load::{self, Fields, Misread};
use super::{Case, Expected, Judgement};

pub fn judge(case: &Case<'_>) -> Result<Judgement, Misread> {
    let expected = Expected::parse(case.fields.text("expect")?)?;
    let answer = answer(case.fields)?;
    Ok(Judgement::of(expected.allows(answer.accepted), expected.name(), answer.code))
}

/// The verdict on one line of the protocol.
pub fn verdict(line: &str) -> Value {
    let value: Value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => return unsupported(&Value::Null, &error.to_string()),
    };
    let id = value.get("id").cloned().unwrap_or_default();
    let answer = match Fields::of(&value).and_then(answer) {
        Ok(answer) => answer,
        Err(error) => return unsupported(&id, &error.to_string()),
    };
    let path: Vec<String> = answer.path.iter().map(|der| fingerprint(der)).collect();
    let (sigs, steps) = (answer.signatures, answer.steps);
    if answer.accepted {
        json!({"id": id, "verdict": "accept", "reason": answer.code, "path": path, "sigs": sigs,
               "steps": steps})
    } else {
        json!({"id": id, "verdict": "reject", "reason": answer.code, "sigs": sigs, "steps": steps})
    }
}

fn unsupported(id: &Value, reason: &str) -> Value {
    json!({"id": id, "verdict": "unsupported", "reason": reason, "sigs": 0, "steps": 0})
}

fn fingerprint(der: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(der).iter().map(|octet| format!("{octet:02x}")).collect()
}

/// "RFC 5280 section 6 with anchors as name + key", which is the default of the library.
fn answer(fields: Fields<'_>) -> Result<Answer, Misread> {
    let leaf = fields.base64("leaf")?;
    let pool = fields.base64s("intermediates")?;
    let anchors = fields.base64s("anchors")?;
    let mut names = Names::Any;
    for name in fields.objects("names")? {
        names = match name.text("type")? {
            kind @ ("dns" | "ip" | "uri" | "email") => names.add(kind, name.text("value")?),
            kind => return Err(Misread::new(format!("unknown type of name {kind}"))),
        };
    }
    let mut policy = ValidationPolicy::rfc5280();
    if let Some(given) = fields.maybe_object("policy")? {
        // "Absent means anyPolicy."
        let set = given.oids("initial_policies")?;
        if !set.is_empty() {
            policy = policy.with_initial_policy_set(set);
        }
        if given.flag("explicit")? {
            policy = policy.with_explicit_policy_required();
        }
    }
    let lists = fields.base64s("crls")?;
    let time = fields.maybe_number("time")?.ok_or_else(|| Misread::new("no time"))?;
    let question = Question {
        leaf: &leaf,
        pool: load::slices(&pool),
        trust: engine::unscoped(anchors.iter().map(|der| TrustAnchor::from_der(der))),
        policy: policy.with_purpose(engine::purpose(fields.text("eku")?)?),
        names,
        now: Time::from_unix(time),
        // "Every non-anchor certificate must be covered by one valid CRL (hard fail)."
        evidence: Evidence::if_any(&lists, &anchors, &pool, RevocationPolicy::hard_fail()),
    };
    Ok(engine::ask(&question))
}
