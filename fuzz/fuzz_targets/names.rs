//! Names from any bytes: matching is an equivalence that agrees with the canonical form, and name
//! constraints come to an end within their budget, the same each time.

#![no_main]

mod common;

use std::sync::Arc;

use bonafide::policy::{Limits, ValidationPolicy};
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{GeneralName, GeneralNames, Name, NameConstraints, Time};
use common::kit::{self, CertificateBuilder, Extension, ext};
use common::{Hashing, issue, spki};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::CertificateDer;

fuzz_target!(|data: &[u8]| {
    let Some((&[mode, high, low], data)) = data.split_first_chunk::<3>().map(|(a, b)| (a, b))
    else {
        return;
    };
    let at = usize::from(u16::from_be_bytes([high, low])) % (data.len() + 1);
    let (first, second) = data.split_at(at);
    match mode % 4 {
        0 => two_names(first, second),
        1 => lists(first),
        2 => constrained(first, None, Some(second)),
        _ => constrained(first, Some(second), None),
    }
});

fn two_names(first: &[u8], second: &[u8]) {
    let (Ok(a), Ok(b)) = (Name::from_der(first), Name::from_der(second)) else { return };
    assert!(a.matches(&a) && b.matches(&b) && a.is_within(&a));
    assert_eq!(a.matches(&b), b.matches(&a), "matching is symmetric");
    let canonical = a.to_canonical() == b.to_canonical();
    assert_eq!(a.matches(&b), canonical, "names match exactly if their canonical forms are equal");
    if canonical {
        assert_eq!(a.canonical_hash(), b.canonical_hash());
        assert!(a.is_within(&b) && b.is_within(&a));
    } else {
        assert!(!(a.is_within(&b) && b.is_within(&a)), "within each other without matching");
    }
    for name in [a, b] {
        let text = name.to_string();
        assert!(text.chars().all(|c| !c.is_control()), "{text:?}");
        name.attributes().for_each(|attribute| drop(attribute.text()));
    }
}

fn lists(data: &[u8]) {
    if let Ok(names) = GeneralNames::from_der(data) {
        for name in names.iter() {
            printable(name.expect("read before"));
        }
    }
    if let Ok(constraints) = NameConstraints::from_der(data) {
        for subtrees in [constraints.permitted(), constraints.excluded()] {
            for base in subtrees.bases() {
                assert!(subtrees.has(base.form()));
                printable(base);
            }
        }
    }
}

fn printable(name: GeneralName<'_>) {
    let text = name.to_string();
    assert!(text.chars().all(|c| !c.is_control()), "{text:?}");
}

/// Judges a leaf with these names under an anchor with these constraints.
fn constrained(constraints: &[u8], subject: Option<&[u8]>, names: Option<&[u8]>) {
    let root = kit::Name::cn("Root");
    let Ok(anchor) = TrustAnchor::from_name_and_key(&root.0, &spki(1))
        .expect("a sound anchor")
        .with_name_constraints(constraints)
    else {
        return;
    };
    let subject = subject.map_or_else(kit::Name::empty, kit::Name::raw);
    let mut builder =
        CertificateBuilder::new(&subject, &kit::Key::toy(0)).issuer(&root).spki(&spki(2));
    if let Some(names) = names {
        builder = builder.with(Extension::raw(ext::id::SUBJECT_ALT_NAME, true, names));
    }
    let leaf = CertificateDer::from(issue(builder, 1));
    let trust = Arc::new(TrustStore::dangerously_unscoped(TrustBundle::new([anchor])));
    let mut limits = Limits::DEFAULT;
    limits.name_comparisons = 5_000;
    let policy = Arc::new(ValidationPolicy::rfc5280().with_limits(limits));
    let verifier = Verifier::new(trust, policy, Arc::new(Hashing));
    let request = Request::new(&leaf, &[], Expect::dangerously_any_identity());
    let decision = verifier.decide(&request, Time::from_unix(kit::NOW));
    assert!(decision.work().name_comparisons <= 5_000);
    assert!(decision.work().signatures <= 1);
    let again = verifier.decide(&request, Time::from_unix(kit::NOW));
    assert_eq!(decision.explain().to_string(), again.explain().to_string());
}
