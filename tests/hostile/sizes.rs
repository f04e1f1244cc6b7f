//! Sizes: what a pool may cost, and how its cost grows.

use bonafide::decision::{Decision, Work};
use bonafide::policy::Limits;

use super::kit::{Authority, CertificateBuilder, GeneralName, Key, Kind, NOW, Name, der, ext};
use super::pools::{
    self, Case, KeyIds, anchors_of_one_name, ca, constrained, cross_signed, hidden, key, leaf_of,
    levels, mappings, names, root, same_named,
};

/// Verdict and counters of a pool that fits a TLS message.
#[track_caller]
fn bounded(case: &str, hostile: &Case, codes: &[&str]) -> Decision {
    assert!(hostile.size() <= 131_072, "{case}: {} octets", hostile.size());
    let decision = hostile.decide();
    let work = *decision.work();
    assert!(codes.contains(&decision.code()), "{case}: {}", decision.explain());
    assert!(work.signatures <= 64 && work.path_steps <= 1_000, "{case}: {work:?}");
    assert!(work.name_comparisons <= 250_000 && work.policy_nodes <= 1_024, "{case}: {work:?}");
    let text = decision.explain().to_string();
    assert!(text.len() <= 16_384, "{case}: {} octets of explanation", text.len());
    decision
}

/// Asserts that with limits lifted no counter grows more than 4.5 times where `size` doubles.
#[track_caller]
fn grows_gently(case: &str, sizes: [usize; 3], make: impl Fn(usize) -> Case) {
    let mut limits = Limits::DANGEROUSLY_UNLIMITED;
    // As good as none here: what grows faster fails instead of running for ever.
    limits.path_steps = 100_000;
    let works = sizes.map(|size| {
        let decision = make(size).decide_within(limits);
        assert!(!decision.code().starts_with("limit."), "{case}, {size}: {:?}", decision.work());
        *decision.work()
    });
    let counters: [fn(&Work) -> u32; 4] =
        [|w| w.signatures, |w| w.path_steps, |w| w.name_comparisons, |w| w.policy_nodes];
    for pair in works.windows(2) {
        for counter in counters {
            let (small, large) = (f64::from(counter(&pair[0])), f64::from(counter(&pair[1])));
            assert!(large <= 4.5 * small.max(1.0), "{case} at {sizes:?}: {works:?}");
        }
    }
}

const ALL_IDS: [KeyIds; 3] = [KeyIds::Honest, KeyIds::None, KeyIds::Same];

#[test]
fn same_named_cas_without_a_way_to_an_anchor_cost_no_signature() {
    for count in [192, 240] {
        for ids in ALL_IDS {
            let case = format!("{count} {ids:?}");
            let decision = bounded(&case, &same_named(count, ids, false), &["trust.no-route"]);
            assert_eq!((decision.work().signatures, decision.work().path_steps), (0, 0), "{case}");
        }
    }
}

#[test]
fn same_named_cas_with_a_way_to_an_anchor_stay_within_the_limits() {
    for count in [192, 240] {
        for (ids, codes) in [
            // The identifiers lead along the row, which is longer than the limit on signatures.
            (KeyIds::Honest, &["limit.signatures", "limit.path-steps"][..]),
            (KeyIds::None, &["limit.signatures"]),
            (KeyIds::Same, &["limit.signatures"]),
        ] {
            bounded(&format!("{count} {ids:?}"), &same_named(count, ids, true), codes);
        }
    }
}

#[test]
fn same_named_cas_grow_gently() {
    for ids in ALL_IDS {
        let case = format!("same-named {ids:?}");
        grows_gently(&case, [10, 20, 40], |count| same_named(count, ids, true));
    }
}

#[test]
fn loops_end() {
    for (case, count) in [("itself", 1), ("a pair", 2), ("a ring", 40)] {
        for ids in ALL_IDS {
            let decision = bounded(case, &same_named(count, ids, false), &["trust.no-route"]);
            assert_eq!(decision.work().signatures, 0, "{case}");
        }
    }
    // A pair that certify each other, and one of them is certified by the anchor.
    let root = root();
    let (a, b) = (Name::cn("A"), Name::cn("B"));
    let pool = vec![
        ca(&a, &key(2), &b, &key(3), KeyIds::None),
        ca(&b, &key(3), &a, &key(2), KeyIds::None),
        ca(&b, &key(3), &root.name, &root.key, KeyIds::None),
    ];
    let issuer = Authority { name: a, key: key(2), certificate: Vec::new() };
    let decision =
        bounded("anchored pair", &Case::new(&root, leaf_of(&issuer), pool), &["accepted"]);
    assert_eq!(decision.work().signatures, 3);
    assert_eq!(decision.peer().unwrap().path().len(), 3);
}

#[test]
fn levels_of_cas_stay_within_the_limits() {
    // CVE-2018-16875, RUSTSEC-2023-0052, RUSTSEC-2023-0053.
    for ids in ALL_IDS {
        let codes = ["limit.signatures", "limit.path-steps", "signature.invalid"];
        bounded(&format!("6 x 40 {ids:?}"), &levels(6, 40, ids), &codes);
    }
}

#[test]
fn levels_of_cas_grow_gently() {
    for ids in ALL_IDS {
        grows_gently(&format!("width {ids:?}"), [4, 8, 16], |width| levels(3, width, ids));
        grows_gently(&format!("depth {ids:?}"), [2, 4, 8], |depth| levels(depth, 4, ids));
    }
}

#[test]
fn levels_of_cas_without_a_way_to_an_anchor_cost_no_signature() {
    for ids in ALL_IDS {
        let mut case = levels(6, 40, ids);
        case.anchors = vec![Authority::root(&Name::cn("Elsewhere"), &key(5)).certificate];
        let decision = bounded(&format!("{ids:?}"), &case, &["trust.no-route"]);
        assert_eq!(decision.work().signatures, 0, "{ids:?}");
    }
}

#[test]
fn cross_signed_meshes_stay_within_the_limits() {
    for ids in ALL_IDS {
        let codes = ["limit.signatures", "limit.path-steps", "signature.invalid"];
        bounded(&format!("{ids:?}"), &cross_signed(16, ids), &codes);
    }
}

#[test]
fn cross_signed_meshes_grow_gently() {
    // n CAs are n squared certificates, of which the sizes nearly double.
    for ids in ALL_IDS {
        grows_gently(&format!("mesh {ids:?}"), [4, 6, 8], |count| cross_signed(count, ids));
    }
}

#[test]
fn flawed_pools_name_the_flaw_or_the_limit() {
    // Every CA has expired, so that the search for an explanation has nothing better to follow.
    let root = root();
    let name = |level: usize| Name::cn(&format!("Level {level}"));
    let of = |level: usize, place: usize| key((1_000 * (level + 1) + place) as u64);
    let mut pool = Vec::new();
    for level in 0..6 {
        for place in 0..40 {
            let (issuer, signer) = match level {
                5 => (root.name.clone(), root.key.clone()),
                _ => (name(level + 1), of(level + 1, place)),
            };
            let builder = CertificateBuilder::authority(&name(level), &of(level, place));
            pool.push(builder.validity(0, NOW - 1).issuer(&issuer).sign(&signer));
        }
    }
    let leaf = CertificateBuilder::end_entity(&Name::cn("Leaf"), &key(1), &names());
    let leaf = leaf.issuer(&name(0)).sign(&of(0, 0));
    let codes = ["validity.expired", "limit.path-steps", "limit.signatures", "signature.invalid"];
    bounded("expired levels", &Case::new(&root, leaf, pool), &codes);
}

#[test]
fn path_lengths_that_fail_late_grow_gently() {
    // The highest level allows no CA below, which shows only where a path gets there.
    let shortened = |width: usize| {
        let mut case = levels(3, width, KeyIds::None);
        let root = root();
        let name = Name::cn("Level 2");
        for (place, der) in case.pool.iter_mut().skip(2 * width).enumerate() {
            let own = key((3_000 + place) as u64);
            *der = CertificateBuilder::authority(&name, &own)
                .without(ext::id::SUBJECT_KEY_IDENTIFIER)
                .replace(ext::basic_constraints(true, Some(0)))
                .issued_by(&root);
        }
        case
    };
    let codes =
        ["path-length.exceeded", "signature.invalid", "limit.path-steps", "limit.signatures"];
    bounded("late", &shortened(40), &codes);
    grows_gently("late", [4, 8, 16], shortened);
}

#[test]
fn sound_paths_that_break_a_rule_stay_within_the_limits() {
    // An authority with many certificates on each level, all of them genuine: every path holds, and
    // each has to be judged, since none has an acceptable policy.
    let root = root();
    let (levels, width) = (4, 40);
    let mut pool = Vec::new();
    let mut above = root.clone();
    for level in (0..levels).rev() {
        let (name, own) = (Name::cn(&format!("Level {level}")), key(10 + level));
        for number in 0..width {
            let issued = above.intermediate(&name, &own, |builder| {
                builder.serial(&[1, number]).with(ext::policy_constraints(Some(0), None))
            });
            pool.push(issued.certificate);
        }
        above = Authority { name, key: own, certificate: Vec::new() };
    }
    let codes = ["policy.explicit-policy-required", "limit.signatures", "limit.path-steps"];
    bounded("genuine levels", &Case::new(&root, leaf_of(&above), pool), &codes);
}

#[test]
fn an_issuer_hidden_among_others_is_found_by_its_key_identifier() {
    for count in [100, 190] {
        let decision = bounded("honest identifiers", &hidden(count, KeyIds::Honest), &["accepted"]);
        assert_eq!(decision.work().signatures, 2, "{count}");
    }
    for ids in [KeyIds::None, KeyIds::Same] {
        bounded("no help", &hidden(190, ids), &["limit.signatures"]);
    }
    for ids in [KeyIds::None, KeyIds::Same] {
        grows_gently("no help", [10, 20, 40], |count| hidden(count, ids));
    }
}

#[test]
fn decoys_do_not_hide_an_honest_path() {
    // Self-consistent decoys: a row of CAs of the issuer's name, none of which leads anywhere, and
    // as many that do.
    let root = root();
    let name = Name::cn("CA");
    let honest = ca(&name, &key(2), &root.name, &root.key, KeyIds::Honest);
    let issuer = Authority { name: name.clone(), key: key(2), certificate: Vec::new() };
    for anchored in [false, true] {
        let mut case = same_named(190, KeyIds::Honest, anchored);
        case.pool.push(honest.clone());
        case.leaf = leaf_of(&issuer);
        let decision = bounded("decoys", &case, &["accepted"]);
        assert_eq!(decision.work().signatures, 2, "{anchored}");
        assert_eq!(decision.peer().unwrap().path().der(1).unwrap(), honest);
    }
}

#[test]
fn of_a_thousand_anchors_the_right_one_is_found_by_its_key_identifier() {
    let decision = anchors_of_one_name(1_000, KeyIds::Honest).decide();
    assert_eq!(decision.code(), "accepted", "{}", decision.explain());
    assert_eq!(decision.work().signatures, 1);
    for ids in [KeyIds::None, KeyIds::Same] {
        let decision = anchors_of_one_name(1_000, ids).decide();
        assert_eq!(decision.code(), "limit.signatures", "{ids:?}: {}", decision.explain());
        assert_eq!(decision.work().signatures, 64);
        grows_gently("anchors", [16, 32, 64], |count| anchors_of_one_name(count, ids));
    }
}

#[test]
fn names_times_constraints_are_bounded() {
    // CVE-2025-58187, CVE-2025-14831.
    let case = |count: usize| {
        let list = |suffix: &str| -> Vec<GeneralName> {
            (0..count).map(|number| GeneralName::dns(&format!("n{number}.{suffix}"))).collect()
        };
        constrained(ext::name_constraints(&[], &list("excluded.test")), &list("a.test"))
    };
    let ask = |case: &Case, limits| {
        let policy = bonafide::policy::ValidationPolicy::tls_server().with_limits(limits);
        case.decide_as(
            "dns:n1.a.test",
            policy,
            std::sync::Arc::new(bonafide::signature::RingBackend::NEW),
        )
    };
    let large = case(1_400);
    assert!(large.size() <= 131_072, "{}", large.size());
    let decision = ask(&large, Limits::DEFAULT);
    assert_eq!(decision.code(), "limit.name-comparisons", "{}", decision.explain());
    assert_eq!(decision.work().signatures, 2);
    assert!(decision.work().name_comparisons <= 250_000);
    let [one, two] = [100, 200].map(|count| {
        let decision = ask(&case(count), Limits::DANGEROUSLY_UNLIMITED);
        assert_eq!(decision.code(), "accepted", "{}", decision.explain());
        f64::from(decision.work().name_comparisons)
    });
    assert!(two <= 4.5 * one, "{one} {two}");
}

#[test]
fn policy_mappings_are_bounded() {
    // CVE-2023-0464, CVE-2026-32281.
    bounded("40 x 40 x 6", &mappings(6, 40), &["accepted", "limit.policy-nodes"]);
    grows_gently("policies", [5, 10, 20], |count| mappings(3, count));
    grows_gently("certificates", [2, 4, 8], |cas| mappings(cas, 10));
}

#[test]
fn long_keys_are_refused_before_arithmetic() {
    // CVE-2023-29409.
    let spki = rsa_key(16_384, 65_537);
    let root = root();
    let issuer = root.intermediate(&Name::cn("CA"), &key(2), |builder| builder.spki(&spki));
    let leaf = leaf_of(&Authority { key: Key::new(Kind::Rsa, 0), ..issuer.clone() });
    let decision = bounded(
        "issuer",
        &Case::new(&root, leaf, vec![issuer.certificate]),
        &["algorithm.key-too-large"],
    );
    assert_eq!(decision.work().signatures, 1, "that of the issuer's certificate");

    let leaf = root.leaf(&Name::cn("Leaf"), &key(1), &names(), |builder| builder.spki(&spki));
    let decision = Case::new(&root, leaf, Vec::new()).decide();
    assert!(!decision.is_accepted(), "an end entity whose key no handshake should use");
}

/// An RSA key whose modulus is odd and has that many bits.
pub fn rsa_key(bits: usize, exponent: u64) -> Vec<u8> {
    let mut modulus = vec![0xa5; bits / 8];
    *modulus.last_mut().unwrap() = 0x5b;
    let numbers = [der::integer(&der::unsigned_content(&modulus)), der::unsigned(exponent)];
    let algorithm = der::sequence([der::oid("1.2.840.113549.1.1.1"), der::null()]);
    der::sequence([algorithm, der::bit_string(0, &der::sequence(numbers))])
}

#[test]
fn long_chains_of_long_keys_use_no_key_that_is_not_vouched_for() {
    // GnuTLS 2004: leaf-first verification with a stranger's keys.
    let recorder = pools_recorder();
    let root = root();
    let name = |place: usize| Name::cn(&format!("CA {place}"));
    let spki = rsa_key(8_192, 65_537);
    let signer = Key::new(Kind::Rsa, 0);
    let pool = (0..40)
        .map(|place| {
            let issuer = if place == 39 { root.name.clone() } else { name(place + 1) };
            CertificateBuilder::authority(&name(place), &key(place as u64))
                .without(ext::id::SUBJECT_KEY_IDENTIFIER)
                .spki(&spki)
                .issuer(&issuer)
                .signature(&[1; 1_024])
                .sign(if place == 39 { &root.key } else { &signer })
        })
        .collect();
    let leaf = CertificateBuilder::end_entity(&Name::cn("Leaf"), &key(1), &names());
    let case = Case::new(&root, leaf.issuer(&name(0)).sign(&signer), pool);
    let policy = bonafide::policy::ValidationPolicy::tls_server();
    let decision = case.decide_as(pools::PEER, policy, recorder.clone());
    assert_eq!(decision.code(), "signature.invalid", "{}", decision.explain());
    assert_eq!(decision.work().signatures, 1);
    assert_eq!(*recorder.keys.lock().unwrap(), [root.key.spki()]);
}

fn pools_recorder() -> std::sync::Arc<Recorder> {
    std::sync::Arc::new(Recorder::default())
}

/// The `ring` backend, and all keys that it was asked to use.
#[derive(Debug, Default)]
pub struct Recorder {
    pub keys: std::sync::Mutex<Vec<Vec<u8>>>,
}

impl bonafide::signature::SignatureBackend for Recorder {
    fn verify(
        &self,
        key: bonafide::signature::PublicKey<'_>,
        algorithm: bonafide::x509::AlgorithmIdentifier<'_>,
        message: &bonafide::signature::Message<'_>,
        signature: &[u8],
    ) -> Result<(), bonafide::signature::SignatureError> {
        self.keys.lock().unwrap().push(key.spki().der().to_vec());
        bonafide::signature::RingBackend::NEW.verify(key, algorithm, message, signature)
    }
}

#[test]
fn deep_nesting_is_no_recursion() {
    // 64 KiB of sequences in sequences, wherever anything can stand.
    let mut nested = Vec::new();
    while nested.len() < 65_000 {
        nested = der::sequence([nested]);
    }
    let root = root();
    let in_extension = root.leaf(&Name::cn("Leaf"), &key(1), &names(), |builder| {
        builder.with(ext::Extension::raw("1.3.6.1.4.1.32473.9", false, &nested))
    });
    let decision =
        bounded("unknown extension", &Case::new(&root, in_extension, vec![]), &["accepted"]);
    assert_eq!(decision.work().signatures, 1);
    let malformed: [(&str, Vec<u8>); 5] = [
        ("everything", nested.clone()),
        (
            "policies",
            root.leaf(&Name::cn("Leaf"), &key(1), &names(), |builder| {
                builder.with(ext::Extension::raw(ext::id::CERTIFICATE_POLICIES, false, &nested))
            }),
        ),
        (
            "names",
            root.leaf(&Name::cn("Leaf"), &key(1), &[], |builder| {
                builder.replace(ext::Extension::raw(ext::id::SUBJECT_ALT_NAME, false, &nested))
            }),
        ),
        ("subject", root.leaf(&Name::raw(&nested), &key(1), &names(), |builder| builder)),
        (
            "extensions",
            root.leaf(&Name::cn("Leaf"), &key(1), &names(), |builder| {
                builder.extensions_raw(&der::explicit(3, &nested))
            }),
        ),
    ];
    for (case, leaf) in malformed {
        let decision = bounded(case, &Case::new(&root, leaf, Vec::new()), &["encoding.malformed"]);
        assert_eq!(decision.work().signatures, 0, "{case}");
    }
}

#[test]
fn thousands_of_extensions_are_bounded() {
    let root = root();
    for (case, critical, code) in
        [("passed over", false, "accepted"), ("critical", true, "extension.unknown-critical")]
    {
        let leaf = root.leaf(&Name::cn("Leaf"), &key(1), &names(), |mut builder| {
            for number in 0..3_000 {
                let oid = format!("1.3.6.1.4.1.32473.8.{number}");
                builder = builder.with(ext::Extension::raw(&oid, critical, &[5, 0]));
            }
            builder
        });
        let decision = bounded(case, &Case::new(&root, leaf, Vec::new()), &[code]);
        assert_eq!(decision.work().signatures, 1, "{case}");
    }
    // One of them twice, at the far ends.
    let leaf = root.leaf(&Name::cn("Leaf"), &key(1), &names(), |mut builder| {
        for number in (0..2_000).chain([0]) {
            let oid = format!("1.3.6.1.4.1.32473.8.{number}");
            builder = builder.with(ext::Extension::raw(&oid, false, &[5, 0]));
        }
        builder
    });
    bounded("twice", &Case::new(&root, leaf, Vec::new()), &["encoding.malformed"]);
}

#[test]
fn pools_over_the_limits_are_refused_unread() {
    let case = same_named(257, KeyIds::None, true);
    assert_eq!(case.decide().code(), "limit.pool-certificates");
    let mut case = same_named(4, KeyIds::None, true);
    case.pool.push(vec![0; 131_072]);
    let decision = case.decide();
    assert_eq!(decision.code(), "limit.pool-bytes");
    assert_eq!(*decision.work(), Work::default());
}

#[test]
fn copies_of_one_certificate_count_once() {
    let root = root();
    let issuer = root.intermediate(&Name::cn("CA"), &key(2), |builder| builder);
    let case = Case::new(&root, leaf_of(&issuer), vec![issuer.certificate.clone(); 200]);
    let decision = bounded("copies", &case, &["accepted"]);
    assert_eq!(decision.work().signatures, 2);
    let wrong = Authority { key: key(3), ..issuer.clone() };
    let case = Case::new(&root, leaf_of(&wrong), vec![issuer.certificate; 200]);
    let decision = bounded("copies", &case, &["trust.no-route"]);
    assert_eq!(decision.work().signatures, 2);
}
