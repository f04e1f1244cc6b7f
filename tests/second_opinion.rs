//! The reference of RFC 5280 section 6 on hand-made chains and on generated graphs.
//!
//! `BONAFIDE_GRAPHS=1000000 cargo test --release --test second_opinion -- --nocapture` looks at a
//! million graphs; without the variable it is few.

#![expect(clippy::unwrap_used, clippy::as_conversions, reason = "test code")]

mod graphs;
mod kit;
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use graphs::{Workshop, verify_toy};
use kit::ext::{self, id, purpose, usage};
use kit::{Authority, CertificateBuilder, FAR, GeneralName, Key, LONG_AGO, NOW, Name};
use reference::{Anchor, Inputs, Opinion, Reason, Reference};

fn graphs_to_see() -> u64 {
    std::env::var("BONAFIDE_GRAPHS").ok().map_or(2_000, |count| count.parse().unwrap())
}

#[test]
fn generated_graphs_are_varied_enough() {
    let workshop = Workshop::new();
    let count = graphs_to_see();
    let (mut accepted, mut going_back, mut paths, mut most_paths) = (0, 0, 0, 0);
    let mut with_reason: BTreeMap<Reason, u64> = BTreeMap::new();
    let start = Instant::now();
    for seed in 0..count {
        let graph = workshop.graph(seed);
        assert!(graph.pool.len() < graphs::MAX_CERTIFICATES);
        assert!((1..=3).contains(&graph.anchors.len()));
        let reference =
            Reference::new(&graph.leaf, &graph.pool, &graph.anchors, &graph.inputs, &verify_toy);
        let opinion = reference.opinion();
        let all = opinion.accepted.len() + opinion.rejected.len();
        paths += all;
        most_paths = most_paths.max(all);
        if !opinion.accepted.is_empty() {
            accepted += 1;
            let greedy = reference.greedy_path();
            if greedy.is_none_or(|path| !opinion.accepted.contains_key(&path)) {
                going_back += 1;
            }
        }
        let reasons: BTreeSet<Reason> = opinion.rejected.values().flatten().copied().collect();
        for reason in reasons {
            *with_reason.entry(reason).or_default() += 1;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let percent = |part: u64| part as f64 * 100.0 / count as f64;
    println!(
        "{count} graphs: {:.1} % accepted, {:.1} % accepted only by going back, \
         {:.1} paths each, at most {most_paths}, {:.0} graphs a second",
        percent(accepted),
        percent(going_back),
        paths as f64 / count as f64,
        count as f64 / seconds,
    );
    for (reason, graphs) in &with_reason {
        println!("{reason:?}: {:.2} % of graphs", percent(*graphs));
    }
    assert!(percent(accepted) >= 30.0);
    assert!(percent(going_back) >= 20.0);
    let missing: Vec<&Reason> =
        Reason::ALL.iter().filter(|reason| !with_reason.contains_key(reason)).collect();
    assert!(missing.is_empty(), "never met: {missing:?}");
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
