//! The engine and the reference of RFC 5280 section 6 on generated graphs, and the reference itself
//! on hand-made chains.
//!
//! `BONAFIDE_GRAPHS=1000000 cargo test --release --test second_opinion -- --nocapture` looks at a
//! million graphs; without the variable it is few. `BONAFIDE_SEED=7` looks at one and says more.

#![expect(clippy::unwrap_used, clippy::as_conversions, reason = "test code")]

mod graphs;
mod kit;
mod reference;

use std::collections::BTreeMap;
use std::time::Instant;

use graphs::compare::{Seen, compare};
use graphs::{Workshop, verify_toy};
use kit::ext::{self, id, purpose, usage};
use kit::{Authority, CertificateBuilder, FAR, GeneralName, Key, LONG_AGO, NOW, Name};
use reference::{Anchor, Inputs, Opinion, Reason, Reference};

fn graphs_to_see() -> u64 {
    std::env::var("BONAFIDE_GRAPHS").ok().map_or(2_000, |count| count.parse().unwrap())
}

/// Counts over many graphs.
#[derive(Debug, Default)]
struct Tally {
    graphs: u64,
    accepted: u64,
    going_back: u64,
    paths: u64,
    most_paths: u64,
    causes: BTreeMap<&'static str, u64>,
    codes: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<Reason, u64>,
    /// Seeds and what differed.
    differences: Vec<(u64, String)>,
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, keys: impl IntoIterator<Item = K>) {
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
}

impl Tally {
    fn add(&mut self, seed: u64, seen: Result<Seen, String>) {
        self.graphs += 1;
        let seen = match seen {
            Ok(seen) => seen,
            Err(difference) => return self.differences.push((seed, difference)),
        };
        let paths = seen.paths as u64;
        self.accepted += u64::from(seen.code == "accepted");
        self.going_back += u64::from(seen.needs_going_back);
        self.paths += paths;
        self.most_paths = self.most_paths.max(paths);
        count(&mut self.causes, [seen.code]);
        count(&mut self.codes, seen.codes);
        count(&mut self.reasons, seen.reasons);
    }

    fn merge(&mut self, other: Tally) {
        self.graphs += other.graphs;
        self.accepted += other.accepted;
        self.going_back += other.going_back;
        self.paths += other.paths;
        self.most_paths = self.most_paths.max(other.most_paths);
        let pairs = [(&mut self.causes, other.causes), (&mut self.codes, other.codes)];
        for (counts, others) in pairs {
            for (key, more) in others {
                *counts.entry(key).or_default() += more;
            }
        }
        for (key, more) in other.reasons {
            *self.reasons.entry(key).or_default() += more;
        }
        self.differences.extend(other.differences);
    }

    fn percent(&self, part: u64) -> f64 {
        part as f64 * 100.0 / self.graphs as f64
    }
}

/// Codes that graphs can bring about.
const REACHABLE: [&str; 19] = [
    "algorithm.mismatch",
    "basic-constraints.absent",
    "basic-constraints.not-a-ca",
    "encoding.malformed",
    "extended-key-usage.purpose",
    "extension.unknown-critical",
    "key-usage.no-cert-sign",
    "name-constraints.excluded",
    "name-constraints.malformed-name",
    "name-constraints.not-permitted",
    "name-constraints.unsupported-form",
    "path-length.exceeded",
    "policy.explicit-policy-required",
    "policy.mapping-of-any-policy",
    "signature.invalid",
    "trust.no-route",
    "validity.expired",
    "validity.not-yet-valid",
    "version.cannot-issue",
];

#[test]
fn engine_and_reference_agree() {
    const THREADS: u64 = 2;
    let workshop = Workshop::new();
    if let Ok(seed) = std::env::var("BONAFIDE_SEED") {
        let seed = seed.parse().unwrap();
        let seen = compare(&workshop.graph(seed), seed % 2 == 1).map_err(|it| println!("{it}"));
        return assert!(seen.is_ok(), "{seed}");
    }
    let graphs = graphs_to_see();
    let start = Instant::now();
    let part = |offset: u64| {
        let mut tally = Tally::default();
        for seed in (offset..graphs).step_by(THREADS as usize) {
            let graph = workshop.graph(seed);
            assert!(graph.pool.len() < graphs::MAX_CERTIFICATES);
            assert!((1..=3).contains(&graph.anchors.len()));
            tally.add(seed, compare(&graph, seed % 2 == 1));
        }
        tally
    };
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..THREADS).map(|offset| scope.spawn(move || part(offset))).collect();
        for part in parts {
            tally.merge(part.join().unwrap());
        }
    });
    tally.differences.sort();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{graphs} graphs: {:.1} % accepted, {:.1} % accepted only by going back, \
         {:.1} paths each, at most {}, {:.0} graphs a second",
        tally.percent(tally.accepted),
        tally.percent(tally.going_back),
        tally.paths as f64 / graphs as f64,
        tally.most_paths,
        graphs as f64 / seconds,
    );
    for (what, counts) in [("causes", &tally.causes), ("findings", &tally.codes)] {
        for (code, graphs) in counts {
            println!("{what:8} {code:34} {graphs:8} graphs");
        }
    }
    for (reason, graphs) in &tally.reasons {
        println!("reason   {:34} {graphs:8} graphs", format!("{reason:?}"));
    }
    for (seed, difference) in tally.differences.iter().take(20) {
        println!("seed {seed}: {}", difference.lines().next().unwrap_or_default());
    }
    assert!(
        tally.differences.is_empty(),
        "{} differences, first seeds {:?}",
        tally.differences.len(),
        tally.differences.iter().map(|(seed, _)| seed).take(10).collect::<Vec<_>>(),
    );
    assert!(tally.percent(tally.accepted) >= 30.0);
    assert!(tally.percent(tally.going_back) >= 20.0);
    // In the full run a thousand, in others in proportion.
    let least = (graphs / 1_000).max(1);
    let few = |found: Option<&u64>| found.is_none_or(|found| *found < least);
    let rare: Vec<_> = REACHABLE.iter().filter(|code| few(tally.causes.get(*code))).collect();
    assert!(rare.is_empty(), "not the cause in {least} graphs: {rare:?}");
    let rare: Vec<_> = Reason::ALL.iter().filter(|it| few(tally.reasons.get(it))).collect();
    assert!(rare.is_empty(), "no reason in {least} graphs: {rare:?}");
}

type Edit = fn(CertificateBuilder) -> CertificateBuilder;

/// Root, CA and end entity, the latter two edited.
fn judge(ca: Edit, leaf: Edit, names: &[GeneralName], inputs: &Inputs) -> Opinion {
    let root = Authority::root(&Name::cn("Root"), &Key::toy(1));
    let ca = root.intermediate(&Name::cn("CA"), &Key::toy(2), ca);
    let leaf = ca.leaf(&Name::empty(), &Key::toy(3), names, leaf);
    let anchors = [Anchor { name: root.name.0, spki: root.key.spki().to_vec() }];
    let pool = [ca.certificate];
    Reference::new(&leaf, &pool, &anchors, inputs, &verify_toy).opinion()
}

fn reasons(opinion: &Opinion) -> Vec<Reason> {
    assert_eq!(opinion.accepted.len() + opinion.rejected.len(), 1, "one path");
    opinion.rejected.values().flatten().copied().collect()
}

#[test]
fn each_rule_accepts_and_refuses() {
    let inputs = |asks: &str| Inputs {
        time: NOW,
        initial_explicit_policy: asks.contains("policy"),
        initial_any_policy_inhibit: asks.contains("no any"),
        purpose: asks.contains("server").then(|| purpose::SERVER_AUTH.parse().unwrap()),
        ..Inputs::default()
    };
    const SAME: Edit = |builder| builder;
    const POLICY: Edit = |builder| builder.with(ext::certificate_policies(&["1.2.3"]));
    const ANY_POLICY: Edit = |builder| builder.with(ext::certificate_policies(&[id::ANY_POLICY]));
    let cases: &[(&str, &str, Edit, Edit, &[Reason])] = &[
        ("nothing special", "", SAME, SAME, &[]),
        ("last second", "", |b| b.validity(LONG_AGO, NOW), |b| b.validity(NOW, FAR), &[]),
        ("CA a second late", "", |b| b.validity(LONG_AGO, NOW - 1), SAME, &[Reason::Expired]),
        ("leaf a second early", "", SAME, |b| b.validity(NOW + 1, FAR), &[Reason::NotYetValid]),
        ("forged", "", SAME, |b| b.signature(&[0; 32]), &[Reason::Signature]),
        (
            "algorithms differ",
            "",
            SAME,
            |b| b.inner_algorithm(&kit::der::sequence([kit::der::oid("1.2.3")])),
            &[Reason::AlgorithmMismatch],
        ),
        ("no CA", "", |b| b.without(id::BASIC_CONSTRAINTS), SAME, &[Reason::NotCa]),
        ("leaf as a CA", "", SAME, |b| b.with(ext::basic_constraints(true, None)), &[]),
        ("v1 CA", "", |b| b.version(None).extensions_raw(&[]), SAME, &[Reason::Version]),
        ("CA without key usage", "", |b| b.without(id::KEY_USAGE), SAME, &[]),
        (
            "CA may not sign",
            "",
            |b| b.replace(ext::key_usage(&[usage::CRL_SIGN])),
            SAME,
            &[Reason::KeyCertSign],
        ),
        ("path length zero", "", |b| b.replace(ext::basic_constraints(true, Some(0))), SAME, &[]),
        (
            "purpose of leaf and CA",
            "server",
            |b| b.with(ext::extended_key_usage(&[purpose::ANY])),
            |b| b.with(ext::extended_key_usage(&[purpose::SERVER_AUTH])),
            &[],
        ),
        (
            "purpose not of the CA",
            "server",
            |b| b.with(ext::extended_key_usage(&[purpose::CLIENT_AUTH])),
            SAME,
            &[Reason::ExtendedKeyUsage],
        ),
        (
            "purpose not asked for",
            "",
            |b| b.with(ext::extended_key_usage(&[purpose::CLIENT_AUTH])),
            SAME,
            &[],
        ),
        (
            "unknown, not critical",
            "",
            |b| b.with(ext::Extension::raw("1.2.3", false, &[])),
            SAME,
            &[],
        ),
        (
            "unknown and critical",
            "",
            SAME,
            |b| b.with(ext::Extension::raw("1.2.3", true, &[])),
            &[Reason::UnrecognizedCritical],
        ),
        (
            "extension twice",
            "",
            |b| b.with(ext::basic_constraints(true, None)),
            SAME,
            &[Reason::Malformed],
        ),
        ("policy all the way", "policy", POLICY, POLICY, &[]),
        ("policy not of the leaf", "policy", POLICY, SAME, &[Reason::Policy]),
        ("any policy of the CA", "policy", ANY_POLICY, POLICY, &[]),
        ("any policy inhibited", "policy, no any", ANY_POLICY, POLICY, &[Reason::Policy]),
        (
            "policy mapped",
            "policy",
            |b| POLICY(b).with(ext::policy_mappings(&[("1.2.3", "1.2.4")])),
            |b| b.with(ext::certificate_policies(&["1.2.4"])),
            &[],
        ),
        (
            "policy mapped away",
            "policy",
            |b| POLICY(b).with(ext::policy_mappings(&[("1.2.3", "1.2.4")])),
            POLICY,
            &[Reason::Policy],
        ),
        (
            "explicit policy required by the CA",
            "",
            |b| b.with(ext::policy_constraints(Some(0), None)),
            SAME,
            &[Reason::Policy],
        ),
        (
            "any policy mapped",
            "",
            |b| b.with(ext::policy_mappings(&[(id::ANY_POLICY, "1.2.4")])),
            SAME,
            &[Reason::AnyPolicyMapped],
        ),
    ];
    for (name, asks, ca, leaf, expected) in cases {
        let opinion = judge(*ca, *leaf, &[GeneralName::dns("a.test")], &inputs(asks));
        assert_eq!(reasons(&opinion), *expected, "{name}");
    }
}

#[test]
fn name_constraints_hold_form_by_form() {
    let dns = GeneralName::dns;
    let email = GeneralName::email;
    let uri = GeneralName::uri;
    let directory = |text| GeneralName::Directory(Name::cn(text));
    let (ip, net) = (GeneralName::ip(&[192, 0, 2, 9]), [192, 0, 2, 0, 255, 255, 255, 0]);
    // Name of the end entity, base, whether permitted covers it, whether excluded hits it.
    let cases = [
        ("host", dns("a.test"), dns("a.test"), true, true),
        ("label added", dns("x.A.test"), dns("a.TEST"), true, true),
        ("suffix of a label", dns("xa.test"), dns("a.test"), false, false),
        ("wildcard within", dns("*.a.test"), dns("a.test"), true, true),
        ("wildcard wider", dns("*.test"), dns("a.test"), false, true),
        ("wildcard is one label", dns("*.test"), dns("x.a.test"), false, false),
        ("another form", ip.clone(), dns("a.test"), true, false),
        ("mailbox", email("ann@A.test"), email("ann@a.test"), true, true),
        ("another mailbox", email("Ann@a.test"), email("ann@a.test"), false, false),
        ("mail host", email("ann@a.test"), email("a.test"), true, true),
        ("mail host is not a domain", email("ann@x.a.test"), email("a.test"), false, false),
        ("mail domain", email("ann@x.a.test"), email(".a.test"), true, true),
        ("mail domain without its top", email("ann@a.test"), email(".a.test"), false, false),
        ("URI host", uri("https://u@a.test:1/x"), uri("a.test"), true, true),
        ("URI host is not a domain", uri("https://x.a.test"), uri("a.test"), false, false),
        ("URI domain", uri("https://x.a.test"), uri(".a.test"), true, true),
        ("URI without host", uri("urn:x"), uri("a.test"), false, true),
        ("URI with an address", uri("https://192.0.2.1"), uri("a.test"), false, true),
        ("address", ip.clone(), GeneralName::ip(&net), true, true),
        ("another family", ip, GeneralName::ip(&[0; 32]), false, false),
        ("directory", directory("One"), directory(" one "), true, true),
        ("another directory", directory("one"), directory("two"), false, false),
        (
            "form not supported",
            GeneralName::RegisteredId("1.2.3".into()),
            GeneralName::RegisteredId("1.2.4".into()),
            false,
            true,
        ),
    ];
    let root = Authority::root(&Name::cn("Root"), &Key::toy(1));
    let anchors = [Anchor { name: root.name.0.clone(), spki: root.key.spki().to_vec() }];
    let inputs = Inputs { time: NOW, ..Inputs::default() };
    let holds = |name: &GeneralName, constraints: ext::Extension| {
        let ca = root.intermediate(&Name::cn("CA"), &Key::toy(2), |b| b.with(constraints));
        let leaf = ca.leaf(&Name::empty(), &Key::toy(3), std::slice::from_ref(name), |b| b);
        let pool = [ca.certificate];
        let found =
            reasons(&Reference::new(&leaf, &pool, &anchors, &inputs, &verify_toy).opinion());
        assert!(found.is_empty() || found == [Reason::NameConstraints], "{found:?}");
        found.is_empty()
    };
    for (case, name, base, covered, hit) in cases {
        let base = [base];
        assert_eq!(holds(&name, ext::name_constraints(&base, &[])), covered, "{case}: permitted");
        assert_eq!(holds(&name, ext::name_constraints(&[], &base)), !hit, "{case}: excluded");
    }
}

#[test]
fn every_simple_path_is_judged() {
    // Two roots, two CAs that issue to each other, and a second key of the first CA.
    let (one, two) = (Name::cn("one"), Name::cn("two"));
    let roots = [Key::toy(1), Key::toy(2)].map(|key| Authority::root(&Name::cn("Root"), &key));
    let (a, b, other) = (Key::toy(3), Key::toy(4), Key::toy(5));
    let certificate = |name, key, issuer_name, issuer| {
        CertificateBuilder::authority(name, key).issuer(issuer_name).sign(issuer)
    };
    let pool = [
        certificate(&one, &a, &roots[0].name, &roots[0].key),
        certificate(&one, &a, &two, &b),
        certificate(&two, &b, &one, &a),
        certificate(&two, &b, &roots[1].name, &roots[1].key),
        certificate(&one, &other, &roots[0].name, &roots[0].key),
    ];
    let leaf = CertificateBuilder::new(&Name::cn("leaf"), &Key::toy(6)).issuer(&one).sign(&a);
    let anchors = roots.map(|root| Anchor { name: root.name.0, spki: root.key.spki().to_vec() });
    let inputs = Inputs { time: NOW, ..Inputs::default() };
    let reference = Reference::new(&leaf, &pool, &anchors, &inputs, &verify_toy);
    let opinion = reference.opinion();
    let paths: Vec<(Vec<usize>, usize)> =
        opinion.accepted.keys().map(|path| (path.certificates.clone(), path.anchor)).collect();
    assert_eq!(paths, [(vec![0, 1], 0), (vec![0, 2, 4], 1)]);
    let mut chains: Vec<Vec<usize>> = opinion
        .accepted
        .keys()
        .chain(opinion.rejected.keys())
        .map(|path| path.certificates.clone())
        .collect();
    chains.sort();
    chains.dedup();
    // Not [0, 2, 3, 1], which would meet `one` with key `a` twice; certificate 5 has another key, so
    // that nothing it precedes holds, but it is a path all the same.
    let expected: [&[usize]; 4] = [&[0, 1], &[0, 2, 3, 5], &[0, 2, 4], &[0, 5]];
    assert_eq!(chains, expected);
    assert!(opinion.rejected.values().all(|reasons| reasons.contains(&Reason::Signature)));
    assert!(reference.greedy_path().is_some());
}

#[test]
fn path_length_counts_what_is_not_self_issued() {
    let root = Authority::root(&Name::cn("Root"), &Key::toy(1));
    let anchors = [Anchor { name: root.name.0.clone(), spki: root.key.spki().to_vec() }];
    let inputs = Inputs { time: NOW, ..Inputs::default() };
    for (case, name, expected) in [
        ("a CA below", Name::cn("Sub"), &[Reason::PathLength][..]),
        ("the same CA with a new key", Name::cn("CA"), &[]),
    ] {
        let ca = root.intermediate(&Name::cn("CA"), &Key::toy(2), |builder| {
            builder.replace(ext::basic_constraints(true, Some(0)))
        });
        let sub = ca.intermediate(&name, &Key::toy(3), |builder| builder);
        let leaf = sub.leaf(&Name::cn("leaf"), &Key::toy(4), &[GeneralName::dns("a.test")], |b| b);
        let pool = [ca.certificate, sub.certificate];
        let opinion = Reference::new(&leaf, &pool, &anchors, &inputs, &verify_toy).opinion();
        let path = reference::Path { certificates: vec![0, 2, 1], anchor: 0 };
        match opinion.rejected.get(&path) {
            Some(found) => assert!(found.iter().eq(expected), "{case}: {found:?}"),
            None => assert!(expected.is_empty() && opinion.accepted.contains_key(&path), "{case}"),
        }
    }
}
