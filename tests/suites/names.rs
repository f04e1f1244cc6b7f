//! BoringSSL's suites about names: comparison of distinguished names, and name constraints.
//!
//! Name constraints are put to the engine as they come in life: in an intermediate, over the names
//! of a leaf. The test kit writes both; only the names and the constraints are the suite's. They are
//! read loosely, as BoringSSL reads them.

use bonafide::policy::ValidationPolicy;
use bonafide::trust::TrustAnchor;
use bonafide::x509::{GeneralNameForm, Name, NameConstraints, Time};

use super::engine::{self, Names, Question};
use super::load::Misread;
use super::{Case, Expected, Judgement};
use crate::kit::{self, CertificateBuilder, Extension, GeneralName, Key, Kind, ext};

const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const NAME_CONSTRAINTS: &str = "2.5.29.30";

pub fn judge(case: &Case<'_>) -> Result<Judgement, Misread> {
    match case.fields.text("kind")? {
        kind @ ("name_match" | "name_in_subtree" | "name_normalize") => compare(case, kind),
        "nc_parse" => parse(case),
        "nc_permitted" => permitted(case),
        kind => Err(Misread::new(format!("unknown kind {kind}"))),
    }
}

/// A malformed name matches nothing; where the suite says that one of the two is malformed, that has
/// to be found.
fn compare(case: &Case<'_>, kind: &str) -> Result<Judgement, Misread> {
    let expected = case.fields.object("expected")?;
    let key = if kind == "name_normalize" { "equals" } else { "match" };
    let wanted =
        expected.maybe_flag(key)?.ok_or_else(|| Misread::new(format!("no {key} expected")))?;
    let malformed = expected.flag("malformed")?;
    let a = Name::from_der(case.blobs.of(case.fields, "a")?);
    let b = Name::from_der(case.blobs.of(case.fields, "b")?);
    let (found, sound) = match (a, b) {
        (Ok(a), Ok(b)) => {
            let found = match kind {
                "name_in_subtree" => a.is_within(&b),
                "name_normalize" => a.matches(&b) && a.to_canonical() == b.to_canonical(),
                _ => a.matches(&b) && b.matches(&a),
            };
            (found, true)
        }
        _ => (false, false),
    };
    let text = |matches: bool, malformed: bool| match (matches, malformed) {
        (_, true) => "malformed",
        (true, _) => "match",
        (false, _) => "no match",
    };
    let agrees = found == wanted && sound != malformed;
    Ok(Judgement::of(agrees, text(wanted, malformed), text(found, !sound)))
}

fn parse(case: &Case<'_>) -> Result<Judgement, Misread> {
    let expected = Expected::parse(case.fields.object("expected")?.text("parse")?)?;
    let read = NameConstraints::from_der(case.blobs.of(case.fields, "name_constraints")?);
    let got = read.as_ref().err().map_or_else(|| "accept".into(), |e| format!("reject: {e}"));
    Ok(Judgement::of(expected.allows(read.is_ok()), expected.name(), got))
}

fn permitted(case: &Case<'_>) -> Result<Judgement, Misread> {
    let fields = case.fields;
    let wanted = fields
        .object("expected")?
        .maybe_flag("permitted")?
        .ok_or_else(|| Misread::new("no permitted expected"))?;
    let constraints = case.blobs.of(fields, "name_constraints")?;
    let (subject, san) = leaf_names(case)?;
    // "A library that supports URI constraints (SPIFFE) must judge those cases itself": BoringSSL
    // ignores them where they are not critical, the library does not.
    let read = NameConstraints::from_der(constraints);
    let about_uris = read.is_ok_and(|read| {
        let form = GeneralNameForm::Uri;
        read.permitted().has(form) || read.excluded().has(form)
    });
    let open = about_uris && fields.maybe_flag("critical")? == Some(false);
    // "null = same result either way."
    let criticals = fields.maybe_flag("critical")?.map_or(vec![true, false], |flag| vec![flag]);
    let mut got = Vec::new();
    for &critical in &criticals {
        got.push(code(Extension::raw(NAME_CONSTRAINTS, critical, constraints), &subject, &san));
    }
    let agrees = open || got.iter().all(|code| (code == "identity.name-mismatch") == wanted);
    let wanted = match (open, wanted) {
        (true, _) => "either",
        (false, true) => "permitted",
        (false, false) => "not permitted",
    };
    Ok(Judgement::of(agrees, wanted, got.join(" and ")))
}

/// The subject and the subjectAltName of the leaf.
fn leaf_names(case: &Case<'_>) -> Result<(kit::Name, Option<Vec<u8>>), Misread> {
    let fields = case.fields;
    let alone = |name: GeneralName| {
        let san = ext::subject_alt_name(&[name]);
        Ok((kit::Name::empty(), Some(san.value().to_vec())))
    };
    match fields.text("name_type")? {
        "dNSName" => alone(GeneralName::dns(fields.text("value")?)),
        "iPAddress" => alone(GeneralName::ip(&hex(fields.text("value_hex")?)?)),
        "directoryName" => {
            let name = case.blobs.of(fields, "name")?;
            alone(GeneralName::Directory(kit::Name::raw(name)))
        }
        "cert" => {
            let subject = case.blobs.maybe_of(fields, "subject")?;
            let san = case.blobs.maybe_of(fields, "san")?;
            let subject = subject.map_or_else(kit::Name::empty, kit::Name::raw);
            Ok((subject, san.map(<[u8]>::to_vec)))
        }
        kind => Err(Misread::new(format!("unknown name_type {kind}"))),
    }
}

/// What the engine says of a leaf of these names below an intermediate of these constraints.
fn code(constraints: Extension, subject: &kit::Name, san: &Option<Vec<u8>>) -> String {
    let [root_key, ca_key, leaf_key] = [0, 1, 2].map(|number| Key::new(Kind::Ed25519, number));
    let root = kit::Authority::root(&kit::Name::cn("Root"), &root_key);
    let ca = root.intermediate(&kit::Name::cn("CA"), &ca_key, |builder| builder.with(constraints));
    let mut leaf = CertificateBuilder::new(subject, &leaf_key);
    if let Some(san) = san {
        leaf = leaf.with(Extension::raw(SUBJECT_ALT_NAME, true, san));
    }
    let leaf = leaf.issued_by(&ca);
    let question = Question {
        leaf: &leaf,
        pool: vec![&ca.certificate],
        trust: engine::unscoped([TrustAnchor::from_der(&root.certificate)]),
        policy: ValidationPolicy::rfc5280().allow_loose_name_constraints(),
        // The leaf bears what the suite has for it, which may be nothing that is an identity. A name
        // that nobody bears is missed after the path was judged, and only if that was sound.
        names: Names::Any.add("dns", "nobody.invalid"),
        now: Time::from_unix(kit::NOW),
        evidence: None,
    };
    engine::ask(&question).code
}

fn hex(text: &str) -> Result<Vec<u8>, Misread> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => Ok(digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit))
            .collect()),
        _ => Err(Misread::new("not hexadecimal")),
    }
}
