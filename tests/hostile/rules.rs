//! Rows about rules, keys, signatures and encodings.

use std::sync::Arc;

use bonafide::policy::{Purpose, ValidationPolicy};
use bonafide::signature::{RingBackend, SharedMemo};

use super::forgery::forge;
use super::kit::{
    Authority, CertificateBuilder, Key, Kind, LONG_AGO, NOW, Name, der, ext, ext::usage,
};
use super::pools::{self, Case, KeyIds, key, leaf_of, names, root, same_named};
use super::sizes::{Recorder, rsa_key};

/// The verdict on a leaf of an intermediate that `edit` changed.
fn with_issuer(edit: impl FnOnce(CertificateBuilder) -> CertificateBuilder) -> Case {
    let root = root();
    let issuer = root.intermediate(&Name::cn("CA"), &key(2), edit);
    Case::new(&root, leaf_of(&issuer), vec![issuer.certificate])
}

/// The verdict on a leaf that `edit` changed.
fn with_leaf(edit: impl FnOnce(CertificateBuilder) -> CertificateBuilder) -> Case {
    let root = root();
    let leaf = root.leaf(&Name::cn("Leaf"), &key(1), &names(), edit);
    Case::new(&root, leaf, Vec::new())
}

#[test]
fn cve_2026_32280_work_for_many_intermediates_is_counted() {
    for ids in [KeyIds::Honest, KeyIds::None, KeyIds::Same] {
        let decision = same_named(200, ids, true).decide();
        assert!(decision.code().starts_with("limit."), "{}", decision.explain());
        assert!(decision.work().signatures <= 64 && decision.work().path_steps <= 1_000);
    }
}

#[test]
fn cve_2023_0465_invalid_policies_of_a_leaf_switch_nothing_off() {
    let twice = ["1.3.6.1.4.1.32473.1.1", "1.3.6.1.4.1.32473.1.1"];
    let case = with_leaf(|builder| builder.with(ext::certificate_policies(&twice)));
    for policy in [
        ValidationPolicy::tls_server(),
        ValidationPolicy::tls_server().with_explicit_policy_required(),
    ] {
        let decision = case.decide_under(policy);
        assert_eq!(decision.code(), "encoding.malformed", "{}", decision.explain());
    }
}

#[test]
fn cve_2022_3996_empty_policy_constraints_from_many_threads() {
    let case = with_issuer(|builder| builder.with(ext::policy_constraints(None, None)));
    let verifier = case.verifier(ValidationPolicy::tls_server(), Arc::new(RingBackend::NEW));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(case.asked(pools::PEER, &verifier).code(), "encoding.malformed");
                }
            });
        }
    });
}

#[test]
fn cve_2025_22874_any_purpose_leaves_policies_on() {
    let case = with_issuer(|builder| builder.with(ext::policy_constraints(Some(0), None)));
    for purpose in [Purpose::Any, Purpose::ServerAuth] {
        let decision = case.decide_under(ValidationPolicy::tls_server().with_purpose(purpose));
        assert_eq!(decision.code(), "policy.explicit-policy-required", "{}", decision.explain());
    }
}

#[test]
fn cve_2021_3450_strict_checks_widen_nothing() {
    let root = root();
    let leaf = Authority {
        name: Name::cn("Leaf"),
        key: key(3),
        certificate: root.leaf(&Name::cn("Leaf"), &key(3), &names(), |builder| {
            builder.with(ext::basic_constraints(false, None))
        }),
    };
    let case = Case::new(&root, leaf_of(&leaf), vec![leaf.certificate.clone()]);
    for policy in [
        ValidationPolicy::tls_server(),
        ValidationPolicy::rfc5280(),
        ValidationPolicy::rfc5280_strict(),
        ValidationPolicy::cabf_strict(),
    ] {
        let decision = case.decide_under(policy);
        assert_eq!(decision.code(), "basic-constraints.not-a-ca", "{}", decision.explain());
    }
}

#[test]
fn cve_2015_1793_another_chain_skips_no_check() {
    // A leaf that issues, beside a CA of its name and key that no anchor vouches for.
    let root = root();
    let name = Name::cn("Leaf");
    let leaf = root.leaf(&name, &key(3), &names(), |builder| builder);
    let decoy = CertificateBuilder::authority(&name, &key(3));
    let issuer = Authority { name: name.clone(), key: key(3), certificate: leaf.clone() };
    for decoy in [
        decoy.clone().sign(&key(3)),
        decoy.clone().issuer(&root.name).sign(&key(3)),
        decoy.clone().issuer(&Name::cn("Elsewhere")).sign(&key(4)),
    ] {
        let case = Case::new(&root, leaf_of(&issuer), vec![leaf.clone(), decoy]);
        let decision = case.decide();
        assert!(!decision.is_accepted(), "{}", decision.explain());
    }
}

#[test]
fn cve_2022_0778_explicit_curve_parameters_are_not_computed_with() {
    let prime_field =
        der::sequence([der::oid("1.2.840.10045.1.1"), der::unsigned(0x0fff_fff1 * 3)]);
    let curve = der::sequence([der::octet_string(&[1]), der::octet_string(&[2])]);
    let parameters = der::sequence([
        der::unsigned(1),
        prime_field,
        curve,
        der::octet_string(&[2, 0, 0, 0, 1]),
        der::unsigned(7),
    ]);
    let algorithm = der::sequence([der::oid("1.2.840.10045.2.1"), parameters]);
    let spki = der::sequence([algorithm, der::bit_string(0, &[2, 0, 0, 0, 1])]);
    refused_key(&spki, Kind::P256, "algorithm.key-refused");
}

#[test]
fn cve_2020_0601_explicit_curve_parameters_of_a_named_curve() {
    // P-256 spelled out, with the genuine key as its generator.
    let key = Key::new(Kind::P256, 0);
    let point = &key.spki()[key.spki().len() - 65..];
    let prime = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    let octets = |hex: &str| -> Vec<u8> {
        (0..hex.len() / 2)
            .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    };
    let number = |hex: &str| der::integer(&der::unsigned_content(&octets(hex)));
    let field = der::sequence([der::oid("1.2.840.10045.1.1"), number(prime)]);
    let curve = der::sequence([
        der::octet_string(&octets(
            "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
        )),
        der::octet_string(&octets(
            "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
        )),
    ]);
    let order = number("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let parameters =
        der::sequence([der::unsigned(1), field, curve, der::octet_string(point), order]);
    let algorithm = der::sequence([der::oid("1.2.840.10045.2.1"), parameters]);
    let spki = der::sequence([algorithm, der::bit_string(0, point)]);
    refused_key(&spki, Kind::P256, "algorithm.key-refused");
}

#[test]
fn cve_2024_24783_key_of_an_unknown_algorithm() {
    let algorithm = der::sequence([der::oid("1.3.6.1.4.1.32473.7.9")]);
    let spki = der::sequence([algorithm, der::bit_string(0, &[1, 2, 3])]);
    refused_key(&spki, Kind::P256, "algorithm.key-unknown");
}

#[test]
fn cve_2025_58188_dsa_key() {
    let parameters = der::sequence([der::unsigned(23), der::unsigned(11), der::unsigned(4)]);
    let algorithm = der::sequence([der::oid("1.2.840.10040.4.1"), parameters]);
    let spki = der::sequence([algorithm, der::bit_string(0, &der::unsigned(9))]);
    refused_key(&spki, Kind::P256, "algorithm.key-refused");
}

/// A key is refused, as an issuer's and as the leaf's, without being used.
#[track_caller]
fn refused_key(spki: &[u8], signer: Kind, code: &str) {
    let root = root();
    let issuer = root.intermediate(&Name::cn("CA"), &key(2), |builder| builder.spki(spki));
    let leaf = leaf_of(&Authority { key: Key::new(signer, 0), ..issuer.clone() });
    let recorder = Arc::new(Recorder::default());
    let case = Case::new(&root, leaf, vec![issuer.certificate]);
    let decision = case.decide_as(pools::PEER, ValidationPolicy::tls_server(), recorder.clone());
    assert_eq!(decision.code(), code, "{}", decision.explain());
    assert_eq!(*recorder.keys.lock().unwrap(), [root.key.spki()]);
}

#[test]
fn cve_2020_7919_lengths_near_two_to_the_31() {
    for length in [0x7fff_ffff_u32, 0x8000_0000, 0xffff_ffff, 0x7fff_fffa] {
        let mut leaf = vec![0x30, 0x84];
        leaf.extend(length.to_be_bytes());
        leaf.extend([0x30, 0x84]);
        leaf.extend(length.wrapping_sub(6).to_be_bytes());
        let root = root();
        let decision = Case::new(&root, leaf.clone(), Vec::new()).decide();
        assert_eq!(decision.code(), "encoding.malformed", "{length:x}");
        // Garbage among the others is passed over and reported.
        let case = Case::new(&root, leaf_of(&root), vec![leaf]);
        assert_eq!(case.decide().code(), "accepted", "{length:x}");
    }
}

#[test]
fn cve_2026_5501_an_end_entity_issues_nothing() {
    let root = root();
    let not_a_ca = root.intermediate(&Name::cn("CA"), &key(2), |builder| {
        builder.replace(ext::basic_constraints(false, None))
    });
    for signer in [key(2), key(3)] {
        let leaf = leaf_of(&Authority { key: signer, ..not_a_ca.clone() });
        let decision = Case::new(&root, leaf, vec![not_a_ca.certificate.clone()]).decide();
        assert!(
            ["basic-constraints.not-a-ca", "trust.no-route"].contains(&decision.code()),
            "{}",
            decision.explain()
        );
    }
}

#[test]
fn cve_2026_11310_what_a_peer_presents_is_no_anchor() {
    let stranger = Authority::root(&Name::cn("Stranger"), &key(2));
    let case = Case::new(&root(), leaf_of(&stranger), vec![stranger.certificate.clone()]);
    let decision = case.decide();
    assert_eq!(decision.code(), "trust.no-route", "{}", decision.explain());
    assert_eq!(decision.work().signatures, 0);
    // Nor one that bears the anchor's name: it is another authority, unless it claims the very key.
    let stranger = Authority::root(&root().name, &key(2));
    let case = Case::new(&root(), leaf_of(&stranger), vec![stranger.certificate.clone()]);
    assert_eq!(case.decide().code(), "trust.no-route");
    let claimed = ext::subject_key_identifier(&root().key.key_id());
    let forged = CertificateBuilder::authority(&root().name, &key(2)).replace(claimed);
    let case = Case::new(&root(), leaf_of(&stranger), vec![forged.sign(&key(2))]);
    assert_eq!(case.decide().code(), "signature.invalid");
}

#[test]
fn rustsec_2023_0027_the_name_is_asked_for_up_front() {
    use bonafide::verify::{Expect, Request};
    let root = root();
    let case = Case::new(&root, leaf_of(&root), Vec::new());
    let verifier = case.verifier(ValidationPolicy::tls_server(), Arc::new(RingBackend::NEW));
    let leaf = rustls_pki_types::CertificateDer::from(&case.leaf[..]);
    // A request cannot be made without an expectation; an empty one accepts nobody.
    let request = Request::new(&leaf, &[], Expect::all_names(&[]));
    let decision = verifier.decide(&request, bonafide::x509::Time::from_unix(NOW));
    assert_eq!(decision.code(), "trust.no-domain");
}

#[test]
fn rustsec_2017_0003_own_anchors_leave_the_name_check_on() {
    let root = root();
    let case = Case::new(&root, leaf_of(&root), Vec::new());
    let verifier = case.verifier(ValidationPolicy::tls_server(), Arc::new(RingBackend::NEW));
    assert_eq!(case.asked(pools::PEER, &verifier).code(), "accepted");
    assert_eq!(case.asked("dns:other.test", &verifier).code(), "identity.name-mismatch");
    assert_eq!(case.asked("ip:127.0.0.1", &verifier).code(), "identity.name-mismatch");
}

#[test]
fn cve_2006_4339_forged_signature_under_exponent_three() {
    // CVE-2014-1568 is the same through lax lengths.
    let root = root();
    let spki = rsa_key(2_048, 3);
    let issuer = root.intermediate(&Name::cn("CA"), &key(2), |builder| {
        builder.without(ext::id::SUBJECT_KEY_IDENTIFIER).spki(&spki)
    });
    let signer = Key::new(Kind::Rsa, 0);
    let builder =
        CertificateBuilder::end_entity(&Name::cn("Leaf"), &key(1), &names()).issuer(&issuer.name);
    let forged = forge(&builder.tbs(&signer));
    let leaf = builder.signature(&forged).sign(&signer);
    let decision = Case::new(&root, leaf, vec![issuer.certificate]).decide();
    assert_eq!(decision.code(), "signature.invalid", "{}", decision.explain());
    assert_eq!(decision.work().signatures, 2);
}

#[test]
fn cve_2026_24122_intermediates_expire() {
    let decision = with_issuer(|builder| builder.validity(LONG_AGO, NOW - 1)).decide();
    assert_eq!(decision.code(), "validity.expired", "{}", decision.explain());
    let decision = with_issuer(|builder| builder.validity(LONG_AGO, NOW)).decide();
    assert_eq!(decision.code(), "accepted", "{}", decision.explain());
}

#[test]
fn rustsec_2026_0109_one_memo_keeps_verdicts_apart() {
    let root = root();
    let sound = leaf_of(&root);
    let mut wrong = sound.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let case = |leaf: &[u8]| Case::new(&root, leaf.to_vec(), Vec::new());
    let memo = Arc::new(SharedMemo::with_capacity(16));
    let verifier = case(&sound)
        .verifier(ValidationPolicy::tls_server(), Arc::new(RingBackend::NEW))
        .with_memo(memo);
    for _ in 0..3 {
        assert_eq!(case(&sound).asked(pools::PEER, &verifier).code(), "accepted");
        assert_eq!(case(&wrong).asked(pools::PEER, &verifier).code(), "signature.invalid");
        assert_eq!(
            case(&sound).asked("dns:other.test", &verifier).code(),
            "identity.name-mismatch"
        );
    }
    // Nor does a signature remembered for one policy widen another.
    let refusing = bonafide::signature::AlgorithmPolicy::NOTHING;
    let memo = Arc::new(SharedMemo::with_capacity(16));
    for (policy, code) in [
        (ValidationPolicy::tls_server(), "accepted"),
        (ValidationPolicy::tls_server().with_algorithms(refusing), "algorithm.signature-refused"),
    ] {
        let verifier =
            case(&sound).verifier(policy, Arc::new(RingBackend::NEW)).with_memo(memo.clone());
        assert_eq!(case(&sound).asked(pools::PEER, &verifier).code(), code);
    }
}

#[test]
fn harness_unused_bits_of_a_signature() {
    let root = root();
    let mut leaf = leaf_of(&root);
    let unused = leaf.len() - 65;
    assert_eq!(leaf[unused], 0);
    for bits in [1, 7, 8] {
        leaf[unused] = bits;
        let decision = Case::new(&root, leaf.clone(), Vec::new()).decide();
        assert_eq!(decision.code(), "encoding.malformed", "{bits}");
    }
}

#[test]
fn a_ca_needs_the_bit_to_sign_certificates() {
    let edit = |builder: CertificateBuilder| builder.replace(ext::key_usage(&[usage::CRL_SIGN]));
    let decision = with_issuer(edit).decide();
    assert_eq!(decision.code(), "key-usage.no-cert-sign", "{}", decision.explain());
}
