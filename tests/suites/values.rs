//! Suites about one value: certificate policies, signatures, revocation lists.

use bonafide::policy::ValidationPolicy;
use bonafide::signature::{AlgorithmPolicy, KeyKind, Message, PublicKey, SignatureBackend as _};
use bonafide::trust::TrustAnchor;
use bonafide::x509::{AlgorithmIdentifier, CertificateRevocationList, SubjectPublicKeyInfo, Time};
use der::Decode as _;
use der::asn1::BitStringRef;

use super::engine::{self, Answer, Names, Question};
use super::load::Misread;
use super::{Case, Expected, Judgement};
use crate::kit::{self, CertificateBuilder, Extension, Key, Kind};

const CERTIFICATE_POLICIES: &str = "2.5.29.32";

pub fn judge(case: &Case<'_>) -> Result<Judgement, Misread> {
    match case.fields.text("kind")? {
        "certificate_policies_parse" => certificate_policies(case),
        "signature" => signature(case),
        "crl_parse" => crl(case),
        kind => Err(Misread::new(format!("unknown kind {kind}"))),
    }
}

/// The extension as it comes in life: in a leaf. `if_unknown_qualifiers_rejected` is the expectation
/// where the extension is critical, which is the occasion that RFC 5280 section 4.2.1.4 names.
fn certificate_policies(case: &Case<'_>) -> Result<Judgement, Misread> {
    let value = case.blobs.of(case.fields, "extension_value")?;
    let expected = case.fields.object("expected")?;
    let parse = Expected::parse(expected.text("parse")?)?;
    let strict = expected.maybe_text("if_unknown_qualifiers_rejected")?;
    let strict = strict.map(Expected::parse).transpose()?.unwrap_or(parse);
    let lenient = with_policies(value, false);
    let critical = with_policies(value, true);
    let agrees = parse.allows(lenient.accepted) && strict.allows(critical.accepted);
    let expected = format!("{}, {} if critical", parse.name(), strict.name());
    Ok(Judgement::of(agrees, expected, format!("{}, {} if critical", lenient.code, critical.code)))
}

fn with_policies(value: &[u8], critical: bool) -> Answer {
    let [root_key, leaf_key] = [0, 1].map(|number| Key::new(Kind::Ed25519, number));
    let root = kit::Authority::root(&kit::Name::cn("Root"), &root_key);
    let leaf = CertificateBuilder::new(&kit::Name::cn("Leaf"), &leaf_key)
        .with(Extension::raw(CERTIFICATE_POLICIES, critical, value))
        .issued_by(&root);
    engine::ask(&Question {
        leaf: &leaf,
        pool: Vec::new(),
        trust: engine::unscoped([TrustAnchor::from_der(&root.certificate)]),
        policy: ValidationPolicy::rfc5280(),
        names: Names::Any,
        now: Time::from_unix(kit::NOW),
        evidence: None,
    })
}

/// The policy allows whatever this suite signs with; that the algorithms and keys are well formed
/// remains for policy and backend to say.
fn signature(case: &Case<'_>) -> Result<Judgement, Misread> {
    let expected = Expected::parse(case.fields.object("expected")?.text("result")?)?;
    let spki = case.blobs.of(case.fields, "spki")?;
    let algorithm = case.blobs.of(case.fields, "algorithm")?;
    let data = case.blobs.of(case.fields, "data")?;
    let bits = case.blobs.of(case.fields, "signature_bit_string")?;
    let verified = verify(spki, algorithm, data, bits);
    let got = verified.as_ref().err().map_or_else(|| "accept".into(), |e| format!("reject: {e}"));
    Ok(Judgement::of(expected.allows(verified.is_ok()), expected.name(), got))
}

fn verify(spki: &[u8], algorithm: &[u8], data: &[u8], bits: &[u8]) -> Result<(), String> {
    let policy = AlgorithmPolicy::DEFAULT
        .allow_sha1()
        .allow_rsa_from(1024)
        .allow_dsa()
        .allow_key(KeyKind::OtherCurve);
    let spki = SubjectPublicKeyInfo::from_der(spki).map_err(|error| error.to_string())?;
    let algorithm = AlgorithmIdentifier::from_der(algorithm).map_err(|error| error.to_string())?;
    let bits = BitStringRef::from_der(bits).map_err(|error| error.to_string())?;
    let signature = bits.as_bytes().ok_or("unused bits in the signature")?;
    policy.check(algorithm, &spki).map_err(|refused| refused.code().to_owned())?;
    engine::backend()
        .verify(PublicKey::new(spki), algorithm, &Message::new(data), signature)
        .map_err(|error| error.code().to_owned())
}

/// The suite is that of rustls-webpki, whose profile of RFC 5280 section 5 wants a nextUpdate, takes
/// no delta and no indirect list, and reads entries only when it looks for one. All of that can be
/// asked of a list that was read.
fn crl(case: &Case<'_>) -> Result<Judgement, Misread> {
    let expected = case.fields.object("expected")?.text("parse")?;
    let list = case.blobs.of(case.fields, "crl")?;
    let (place, got) = match crl_fault(list) {
        None => ("accept", "accept".to_owned()),
        Some((place, fault)) => (place, format!("{place}: {fault}")),
    };
    let agrees = match expected {
        "accept" => place == "accept",
        "reject" => place == "reject",
        // "A lazy parser may find it only at the entry."
        "reject_on_entry" => place != "accept",
        other => return Err(Misread::new(format!("unknown expectation {other}"))),
    };
    Ok(Judgement::of(agrees, expected, got))
}

fn crl_fault(der: &[u8]) -> Option<(&'static str, String)> {
    let list = match CertificateRevocationList::from_der(der) {
        Ok(list) => list,
        Err(error) => return Some(("reject", error.to_string())),
    };
    if list.next_update().is_none() {
        return Some(("reject", "no nextUpdate".into()));
    }
    if list.base_crl_number().is_some() {
        return Some(("reject", "a delta list".into()));
    }
    if list.is_indirect() {
        return Some(("reject", "an indirect list".into()));
    }
    if let Some(oid) = list.unrecognized_critical_extension() {
        return Some(("reject", format!("critical extension {oid}")));
    }
    for entry in list.entries() {
        match entry {
            Err(error) => return Some(("reject_on_entry", error.to_string())),
            Ok(entry) if entry.certificate_issuer.is_some() => {
                return Some(("reject_on_entry", "an entry of another issuer".into()));
            }
            Ok(_) => {}
        }
    }
    None
}
