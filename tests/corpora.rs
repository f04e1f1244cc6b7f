//! All conformance suites over the shared corpora; see `suites`.
//!
//! The folder is `../shared/corpora` beside the repository, or the one that `BONAFIDE_CORPORA` names.

mod kit;
mod suites;

use std::env;
use std::path::PathBuf;

use bonafide::policy::PublicSuffixes as _;
use suites::Inputs;
use suites::suffixes::SuffixList;

fn folder() -> PathBuf {
    env::var_os("BONAFIDE_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"),
        PathBuf::from,
    )
}

/// Whether a missing folder is a failure: on the build machine it is.
fn is_required() -> bool {
    let is = |name, value| env::var(name).is_ok_and(|found| found == value);
    is("CI", "true") || is("BONAFIDE_CORPORA_REQUIRED", "1")
}

/// The folder, or nothing where there is none and nobody needs one.
fn available() -> Option<PathBuf> {
    let folder = folder();
    if folder.is_dir() {
        return Some(folder);
    }
    let place = folder.display();
    assert!(!is_required(), "the conformance suites are not at {place}");
    println!(
        "SKIPPED, as there is no folder {place}. Put the conformance suites there, or name their \
         folder in BONAFIDE_CORPORA."
    );
    None
}

#[test]
fn suites_have_the_results_that_they_ask_for() {
    let Some(folder) = available() else { return };
    let report = suites::run(&folder, None, &Inputs::default()).unwrap();
    println!("{}", report.for_people());
    assert!(report.absent.is_empty(), "suites are absent: {:?}", report.absent);
    assert!(report.is_sound(), "unexplained answers, or a cap exceeded:\n{}", report.for_people());
}

/// What the runner makes of files that it has never seen.
#[test]
fn nothing_is_left_out_silently() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nothing-left-out");
    std::fs::create_dir_all(folder.join("spiffe")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "spiffe/spiffe-id-cases.other.json",
        r#"{"cases": [
            {"id": "right", "input_b64": "c3BpZmZlOi8vdGQvYQ==", "standard": {"verdict": "valid",
             "trust_domain": "td", "path": "/a", "usable_as_leaf_id": true}},
            {"id": "wrong", "input_b64": "c3BpZmZlOi8vdGQvYQ==", "standard": {"verdict": "invalid"}},
            {"id": "of another schema", "input": 7},
            {"input_b64": ""}, 3]}"#,
    );
    write("pkits.json", r#"{"count": 2, "blobs": {}, "cases": [{"id": "a", "kind": "path"}]}"#);
    write("real-world.json", r#"{"cases": []}"#);
    write("something-else.json", "{}");
    let report = suites::run(&folder, None, &Inputs::default()).unwrap();
    let found: Vec<(&str, usize, usize, usize, usize)> = report
        .suites
        .iter()
        .map(|s| (&*s.name, s.lines.len(), s.as_expected(), s.unexplained(), s.faults.len()))
        .collect();
    assert_eq!(
        found,
        [("pkits", 1, 0, 1, 1), ("real-world", 0, 0, 0, 1), ("spiffe-id-cases.other", 5, 1, 4, 0),]
    );
    assert_eq!(report.ignored.len(), 1);
    assert_eq!(report.absent.len(), suites::Family::ALL.len() - 3);
    assert!(!report.is_sound());
    assert!(report.for_people().contains("absent: limbo-bettertls\n"));
    let last = report.for_machines();
    let last: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(last["sound"], false);
}

/// With a list, nothing of limbo is left to explain.
#[test]
fn a_public_suffix_list_leaves_no_divergence_in_limbo() {
    let Some(folder) = available() else { return };
    let list = SuffixList::parse(
        "// excerpt\ncom\nuk\nco.uk\ns3.amazonaws.com\n*.ck\n!www.ck\ngithub.io\n",
    );
    assert!(list.is_public_suffix("co.uk") && list.is_public_suffix("x.ck"));
    assert!(!list.is_public_suffix("www.ck") && !list.is_public_suffix("example.co.uk"));
    let inputs = Inputs { public_suffixes: Some(list.into()) };
    let report = suites::run(&folder, Some("limbo"), &inputs).unwrap();
    for suite in &report.suites {
        assert_eq!((suite.unexplained(), suite.explained()), (0, 0), "{}", report.for_people());
    }
}

/// The finding that is named first, by mutation: `*` at the end stands for anything, a code that
/// ends in `.` for all codes of its kind. The first row that fits counts.
const FIRST_CODE: &[(&str, &str)] = &[
    ("leaf_expired", "validity.expired"),
    ("int_expired", "validity.expired"),
    ("leaf_not_yet", "validity.not-yet-valid"),
    ("int_no_bc", "basic-constraints.absent"),
    ("int_bc_false_pathlen", "basic-constraints.not-a-ca"),
    // An intermediate that cannot be read is no candidate; the finding stands beside.
    ("int_bc_*", "trust.no-route"),
    ("pathlen_*", "path-length.exceeded"),
    ("int_ku_*", "key-usage.no-cert-sign"),
    ("leaf_eku_*", "extended-key-usage.purpose"),
    ("nc_dns_excl_*", "name-constraints.excluded"),
    ("nc_dns_empty_excl", "name-constraints.excluded"),
    ("nc_wild_excl_*", "name-constraints.excluded"),
    ("nc_wild_perm_*", "name-constraints.not-permitted"),
    ("nc_ip_hostbits", "name-constraints.excluded"),
    ("nc_ip_holey_mask", "encoding.malformed"),
    ("nc_ip_bad_len", "encoding.malformed"),
    ("nc_empty_seq", "encoding.malformed"),
    ("nc_ip_v4_vs_v6", "name-constraints.not-permitted"),
    ("nc_email_excl_quoted", "name-constraints.malformed-name"),
    ("nc_email_domain_case", "name-constraints.excluded"),
    ("nc_email_*", "name-constraints.not-permitted"),
    ("nc_uri_perm_*", "name-constraints.not-permitted"),
    ("nc_uri_excl", "name-constraints.excluded"),
    ("nc_uri_ip_host", "name-constraints.malformed-name"),
    ("nc_rid_crit_present", "name-constraints.unsupported-form"),
    ("nc_intersect", "name-constraints.not-permitted"),
    ("nc_int_san_violates", "name-constraints.not-permitted"),
    ("nc_*", "name-constraints."),
    ("pol_*", "policy.explicit-policy-required"),
    ("leaf_empty_exts", "encoding.malformed"),
    ("leaf_dup_*", "encoding.malformed"),
    ("leaf_v1_with_exts", "encoding.malformed"),
    ("leaf_utctime_*", "encoding.malformed"),
    ("leaf_bad_*", "encoding.malformed"),
    ("leaf_longlen", "encoding.malformed"),
    ("leaf_is_garbage", "encoding.malformed"),
    ("int_rsa1024", "algorithm.key-too-small"),
    ("int_ec_explicit_*", "algorithm.key-refused"),
    ("san_unicode", "encoding.malformed"),
    ("san_*", "identity.name-mismatch"),
    ("loop_*", "trust.no-route"),
    ("anchor_same_dn_other_key", "trust.no-route"),
    ("exponential_no_anchor", "trust.no-route"),
    ("crl_revoked", "revocation.revoked"),
    ("crl_future", "revocation.from-future"),
    ("crl_*", "revocation."),
    ("cve_delta_*", "revocation."),
    ("cve_crl_*", "revocation."),
    ("cve_wild_excl_*", "name-constraints.excluded"),
    ("cve_email_*", "name-constraints.excluded"),
    ("cve_uri_zone", "name-constraints.malformed-name"),
    ("cve_edi_party", "name-constraints.unsupported-form"),
    ("cve_x400", "name-constraints.unsupported-form"),
    ("cve_empty_dns_san", "name-constraints.malformed-name"),
    ("cve_many_dns_sans", "identity.name-mismatch"),
    ("cve_untrusted_self_signed_ca_in_pool", "trust.no-route"),
];

fn first_code(mutation: &str) -> Option<&'static str> {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => mutation.starts_with(beginning),
        None => mutation == pattern,
    };
    FIRST_CODE.iter().find(|(pattern, _)| fits(pattern)).map(|(_, code)| *code)
}

#[test]
fn each_mutation_is_named_by_its_own_code() {
    let Some(folder) = available() else { return };
    let path = folder.join("mutations/cases.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut faults = Vec::new();
    let mut judged = 0;
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let verdict = suites::mutations::verdict(line);
        let mutations: Vec<&str> =
            case["mutations"].as_array().unwrap().iter().map(|m| m.as_str().unwrap()).collect();
        if verdict["verdict"] != "reject" {
            continue;
        }
        judged += 1;
        let code = verdict["reason"].as_str().unwrap();
        let named = mutations
            .iter()
            .filter_map(|mutation| first_code(mutation))
            .any(|wanted| code == wanted || (wanted.ends_with('.') && code.starts_with(wanted)));
        if !named {
            faults.push(format!("{mutations:?}: {code}"));
        }
    }
    assert!(judged > 0, "no mutation was refused");
    assert!(faults.is_empty(), "not named by their own code:\n{}", faults.join("\n"));
}
