//! One path for each step, the cost of mappings, and the graph against the tree.

use super::reference::{Extensions, tree};
use super::*;
use crate::policy::{Limit, Limits};
use alloc::string::{String, ToString};

/// A certificate in short: policies by letter (`*` is anyPolicy; nothing: no extension),
/// mappings as `A>B`, then `e`, `m`, `a` with a count for the constraints, `s` for self-issued.
fn certificate(text: &str) -> Extensions {
    let mut extensions = Extensions::default();
    for word in text.split_whitespace() {
        let number = |from| word[from..].parse().ok();
        match word.as_bytes() {
            [b's'] => extensions.self_issued = true,
            [b'e', ..] => extensions.require_explicit = number(1),
            [b'm', ..] => extensions.inhibit_mapping = number(1),
            [b'a', ..] => extensions.inhibit_any = number(1),
            &[from, b'>', to] => extensions.mappings.push((from, to)),
            letters => extensions.policies = Some(letters.to_vec()),
        }
    }
    extensions
}

fn letters(policies: &[OwnedOid]) -> String {
    let letter = |policy: &OwnedOid| match *policy.as_oid().as_bytes() {
        [0x2a, letter] => char::from(letter),
        _ => '*',
    };
    let mut letters: Vec<char> = policies.iter().map(letter).collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

fn oid(letter: u8) -> OwnedOid {
    if letter == b'*' { ANY_POLICY.to_owned() } else { Oid::trusted(&[0x2a, letter]).to_owned() }
}

struct Inputs<'t> {
    set: &'t str,
    explicit: bool,
    no_mapping: bool,
    no_any: bool,
}

const DEFAULT: Inputs<'_> = Inputs { set: "", explicit: false, no_mapping: false, no_any: false };
const EXPLICIT: Inputs<'_> = Inputs { explicit: true, ..DEFAULT };

fn judge(
    path: &[Extensions],
    inputs: &Inputs<'_>,
    budget: &mut Budget,
) -> Result<(String, String), PolicyFailure> {
    let encoded: Vec<_> = path.iter().map(Extensions::encode).collect();
    let views: Vec<_> = encoded.iter().map(|certificate| certificate.view()).collect();
    let set: Vec<OwnedOid> = inputs.set.bytes().map(oid).collect();
    let inputs = PolicyInputs {
        initial_policy_set: (!set.is_empty()).then_some(&*set),
        initial_explicit_policy: inputs.explicit,
        initial_policy_mapping_inhibit: inputs.no_mapping,
        initial_any_policy_inhibit: inputs.no_any,
    };
    let outcome = valid_policies(&views, &inputs, budget)?;
    Ok((letters(&outcome.authority_constrained), letters(&outcome.user_constrained)))
}

#[test]
fn each_step_decides() {
    let required = |depth| Err(PolicyFailure::ExplicitPolicyRequired { depth });
    let from = |set| Inputs { set, ..EXPLICIT };
    for (case, path, inputs, expected) in [
        ("no policies at all", &["", ""][..], DEFAULT, Ok("")),
        ("6.1.3 (d) (1) (i): the same policy throughout", &["A", "A"], EXPLICIT, Ok("A")),
        ("6.1.3 (d) (1) (i): different policies", &["A", "B"], EXPLICIT, required(0)),
        ("the same, where no policy is demanded", &["A", "B"], DEFAULT, Ok("")),
        ("6.1.3 (d) (1) (ii): a policy below anyPolicy", &["*", "A"], EXPLICIT, Ok("A")),
        ("6.1.3 (d) (2): anyPolicy below a policy", &["AB", "*"], EXPLICIT, Ok("AB")),
        ("6.1.3 (d) (2): anyPolicy throughout", &["*", "*"], EXPLICIT, Ok("*")),
        ("anyPolicy beside a policy", &["*A", "*B"], EXPLICIT, Ok("*AB")),
        (
            "6.1.3 (d) (2): anyPolicy inhibited by input",
            &["A", "*"],
            Inputs { no_any: true, ..EXPLICIT },
            required(0),
        ),
        (
            "6.1.3 (d) (2): but not for a self-issued CA",
            &["A", "* s", "A"],
            Inputs { no_any: true, ..EXPLICIT },
            Ok("A"),
        ),
        (
            "6.1.3 (d) (2): a self-issued end entity is none",
            &["A", "* s"],
            Inputs { no_any: true, ..EXPLICIT },
            required(0),
        ),
        ("6.1.4 (j): anyPolicy inhibited from the next on", &["A a0", "*"], EXPLICIT, required(0)),
        ("6.1.4 (j): one more allowed", &["A a1", "*", "A"], EXPLICIT, Ok("A")),
        ("6.1.3 (e): a gap", &["A", "", "A"], EXPLICIT, required(1)),
        ("6.1.3 (f): at once", &["", "A", "A"], EXPLICIT, required(2)),
        ("6.1.4 (i): demanded by the authority", &["A e0", "B"], DEFAULT, required(0)),
        ("6.1.4 (h): demanded after two more", &["A e2", "A", "B"], DEFAULT, required(0)),
        ("6.1.4 (h): and one more than that", &["A e3", "A", "B"], DEFAULT, Ok("")),
        ("6.1.4 (h): self-issued ones do not count", &["A e2", "A s", ""], DEFAULT, Ok("")),
        ("6.1.4 (i): never raised again", &["A e0", "A e9", "B"], DEFAULT, required(0)),
        ("6.1.5 (b): demanded by the end entity", &["A", "B e0"], DEFAULT, required(0)),
        ("6.1.5 (b): only the value 0 counts", &["A", "B e1"], DEFAULT, Ok("")),
        ("6.1.4 (b) (1): mapped", &["A A>B", "B"], EXPLICIT, Ok("A")),
        ("6.1.4 (b) (1): no longer itself", &["A A>B", "A"], EXPLICIT, required(0)),
        ("6.1.4 (b) (1): two to one", &["AB A>C B>C", "C"], EXPLICIT, Ok("AB")),
        ("6.1.4 (b) (1): one to two", &["A A>B A>C", "C"], EXPLICIT, Ok("A")),
        ("6.1.4 (b) (1): swapped", &["AB A>B B>A", "A"], EXPLICIT, Ok("B")),
        ("6.1.4 (b) (1): mapped under anyPolicy", &["* A>B", "B"], EXPLICIT, Ok("A")),
        ("6.1.4 (b) (1): not asserted", &["A B>C", "C"], EXPLICIT, required(0)),
        ("6.1.4 (b) (1): twice", &["A A>B", "B B>C", "C"], EXPLICIT, Ok("A")),
        (
            "pruned: of two policies one reaches the end",
            &["AB A>C B>D", "CD C>E D>F", "F"],
            EXPLICIT,
            Ok("B"),
        ),
        (
            "6.1.4 (b) (2): inhibited by input, policy deleted",
            &["AB A>C", "ABC"],
            Inputs { no_mapping: true, ..EXPLICIT },
            Ok("B"),
        ),
        (
            "6.1.4 (b) (2): inhibited by the authority",
            &["A m0", "A A>B", "B"],
            EXPLICIT,
            required(0),
        ),
        ("6.1.4 (i): one more mapped", &["A m1", "A A>B", "B"], EXPLICIT, Ok("A")),
        ("mappings of the end entity are nothing", &["A", "A *>B"], EXPLICIT, Ok("A")),
        ("6.1.5 (g): in the initial set", &["AB", "AB"], from("BC"), Ok("B")),
        ("6.1.5 (g): not in the initial set", &["A", "A"], from("BC"), required(0)),
        ("6.1.5 (g): anyPolicy and the initial set", &["*A", "*"], from("CBC"), Ok("BC")),
        ("6.1.5 (g): anyPolicy in the initial set", &["A", "A"], from("B*"), Ok("A")),
        ("6.1.5 (g): in terms of the anchor", &["A A>B", "B"], from("B"), required(0)),
    ] {
        let path: Vec<_> = path.iter().map(|text| certificate(text)).collect();
        let found = judge(&path, &inputs, &mut Budget::new(Limits::DEFAULT)).map(|sets| sets.1);
        assert_eq!(found.as_deref().map_err(|e| *e), expected, "{case}");
    }
}

#[test]
fn any_policy_is_never_mapped() {
    for (case, path, depth) in [
        ("from anyPolicy", ["A *>B", "A"], 1),
        ("to anyPolicy", ["A A>*", "A"], 1),
        ("where no policies are", ["A>*", ""], 1),
    ] {
        let path = path.map(certificate);
        let found = judge(&path, &DEFAULT, &mut Budget::new(Limits::DEFAULT)).unwrap_err();
        assert_eq!(found, PolicyFailure::MappingOfAnyPolicy { depth }, "{case}");
    }
}

#[test]
fn no_graph_is_made_that_cannot_matter() {
    let mut budget = Budget::new(Limits { policy_nodes: 0, ..Limits::DEFAULT });
    for path in [["", "", ""], ["AB", "AB A>B", ""], ["", "* m1", "*"]] {
        let path = path.map(certificate);
        assert_eq!(judge(&path, &DEFAULT, &mut budget), Ok((String::new(), String::new())));
    }
    let limit = judge(&["A", "A"].map(certificate), &DEFAULT, &mut budget).unwrap_err();
    assert!(matches!(limit, PolicyFailure::Limit(l) if l.limit() == Limit::PolicyNodes));
}

/// `size` policies, each mapped to each, in each of `authorities` certificates.
fn all_to_all(size: u8, authorities: usize) -> Vec<Extensions> {
    let policies: Vec<u8> = (0x2b..0x2b + size).collect();
    let mappings = policies.iter().flat_map(|&a| policies.iter().map(move |&b| (a, b)));
    let authority = Extensions {
        policies: Some(policies.clone()),
        mappings: mappings.collect(),
        ..Extensions::default()
    };
    let mut path = alloc::vec![authority; authorities];
    path.push(certificate("A"));
    path
}

#[test]
fn mappings_of_all_to_all_cost_what_they_are_long() {
    let work = |size, authorities| {
        let mut budget = Budget::new(Limits::DANGEROUSLY_UNLIMITED);
        let sets = judge(&all_to_all(size, authorities), &EXPLICIT, &mut budget).unwrap();
        assert_eq!(sets.0.len(), usize::from(size));
        budget.work().policy_nodes
    };
    // Each authority: its nodes, its policies read and its mappings read; then the leaf's node.
    assert_eq!(work(40, 6), 6 * (40 + 40 / 16 + 1_600 / 16) + 1);
    assert!(work(40, 6) <= Limits::DEFAULT.policy_nodes);
    assert_eq!(work(40, 12) - 1, 2 * (work(40, 6) - 1));
    assert!(work(80, 6) * 2 <= work(40, 6) * 9);

    let mut budget = Budget::new(Limits::DEFAULT);
    let failure = judge(&all_to_all(80, 6), &EXPLICIT, &mut budget).unwrap_err();
    assert!(matches!(failure, PolicyFailure::Limit(l) if l.limit() == Limit::PolicyNodes));
    assert_eq!(failure.to_string(), "limit of 1024 policy graph nodes reached");
}

#[test]
fn the_graph_decides_as_the_tree_of_rfc_5280() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 33) % below
    };
    let (mut valid, mut refused, mut rooted) = (0, 0, 0);
    for round in 0..10_000 {
        let mut path = Vec::new();
        for _ in 0..=random(4) {
            let mut extensions = Extensions { self_issued: random(4) == 0, ..Default::default() };
            if random(16) > 0 {
                let mut policies: Vec<u8> = (b'A'..=b'D').filter(|_| random(2) > 0).collect();
                if random(3) == 0 || policies.is_empty() {
                    policies.push(b'*');
                }
                extensions.policies = Some(policies);
            }
            for _ in 0..random(2) * random(5) {
                let letter = b"ABCD";
                let [from, to] =
                    [random(4), random(4)].map(|n| letter[usize::try_from(n).unwrap()]);
                extensions.mappings.push((from, to));
            }
            let mut count = |odds| (random(odds) == 0).then(|| u32::try_from(random(3)).unwrap());
            extensions.require_explicit = count(8);
            extensions.inhibit_mapping = count(8);
            extensions.inhibit_any = count(8);
            path.push(extensions);
        }
        let inputs = Inputs {
            set: ["", "*", "A", "AB", "BCE"][usize::try_from(random(5)).unwrap()],
            explicit: random(2) == 0,
            no_mapping: random(8) == 0,
            no_any: random(8) == 0,
        };
        let flags = (inputs.explicit, inputs.no_mapping, inputs.no_any);
        let found = judge(&path, &inputs, &mut Budget::new(Limits::DANGEROUSLY_UNLIMITED));
        let expected = tree(&path, inputs.set, flags);
        let agreed = match &found {
            Ok(sets) => Ok(sets.1.clone()),
            Err(PolicyFailure::ExplicitPolicyRequired { depth }) => Err(*depth),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(agreed, expected, "round {round}: {path:?}, {:?} {flags:?}", inputs.set);
        match agreed {
            Ok(set) if set.is_empty() => valid += 1,
            Ok(_) => rooted += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(valid > 1_000 && rooted > 1_000 && refused > 1_000, "{valid} {rooted} {refused}");
}
