//! Rows about names: constraints, alternative names, and the name that is asked for.

use super::kit::{GeneralName, Name, der, ext, name::Attribute, name::StringType, name::attribute};
use super::pools::{self, Case, constrained, key, root};

const EXCLUDED: &str = "name-constraints.excluded";
const NOT_PERMITTED: &str = "name-constraints.not-permitted";
const UNSUPPORTED: &str = "name-constraints.unsupported-form";
const MALFORMED: &str = "name-constraints.malformed-name";

fn dns(text: &str) -> GeneralName {
    GeneralName::dns(text)
}

fn email(text: &str) -> GeneralName {
    GeneralName::email(text)
}

fn uri(text: &str) -> GeneralName {
    GeneralName::uri(text)
}

/// `SmtpUTF8Mailbox` (RFC 9598).
fn smtp_utf8(mailbox: &str) -> GeneralName {
    GeneralName::Other("1.3.6.1.5.5.7.8.9".into(), der::utf8(mailbox))
}

/// The verdict on a leaf with `names` besides the one that is asked for, under a CA with these
/// constraints.
#[track_caller]
fn verdict(
    permitted: &[GeneralName],
    excluded: &[GeneralName],
    names: &[GeneralName],
) -> &'static str {
    let names: Vec<GeneralName> = names.iter().cloned().chain(pools::names()).collect();
    let decision = constrained(ext::name_constraints(permitted, excluded), &names).decide();
    assert_eq!(decision.work().signatures, 2, "{}", decision.explain());
    decision.code()
}

#[test]
fn cve_2022_3602_punycode_of_mailbox_hosts() {
    // Long A-labels, to overflow whoever decodes them.
    let label = format!("xn--{}", "a".repeat(50));
    let host = format!("{label}.test");
    assert_eq!(verdict(&[email(&host)], &[], &[email(&format!("u@{host}"))]), "accepted");
    assert_eq!(verdict(&[email(&host)], &[], &[email("u@xn--b.test")]), NOT_PERMITTED);
    // A mailbox in another form is not judged by constraints on rfc822Name, and is no identity.
    assert_eq!(verdict(&[email(&host)], &[], &[smtp_utf8("u@\u{e9}.test")]), "accepted");
    let over = format!("xn--{}.test", "a".repeat(60));
    assert_eq!(verdict(&[email("a.test")], &[], &[email(&format!("u@{over}"))]), MALFORMED);
}

#[test]
fn cve_2022_3786_punycode_of_many_labels() {
    let host = format!("{}test", "xn--a.".repeat(40));
    assert_eq!(verdict(&[email(&host)], &[], &[email(&format!("u@{host}"))]), "accepted");
    let host = format!("{}test", "xn--a.".repeat(4_000));
    assert_eq!(verdict(&[email("a.test")], &[], &[email(&format!("u@{host}"))]), NOT_PERMITTED);
}

#[test]
fn cve_2022_4203_other_name_read_as_mailbox() {
    let constraint = smtp_utf8("u@a.test");
    assert_eq!(verdict(&[], std::slice::from_ref(&constraint), &[email("u@a.test")]), "accepted");
    assert_eq!(verdict(&[], &[constraint], &[smtp_utf8("u@b.test")]), UNSUPPORTED);
}

#[test]
fn cve_2023_0286_x400_address_of_another_type() {
    let address = |octets: &[u8]| GeneralName::X400(der::octet_string(octets));
    for other in [address(b"a"), address(b"b")] {
        assert_eq!(verdict(&[], &[address(b"a")], std::slice::from_ref(&other)), UNSUPPORTED);
        assert_eq!(verdict(&[address(b"a")], &[], &[other]), UNSUPPORTED);
    }
    assert_eq!(verdict(&[], &[address(b"a")], &[]), "accepted");
}

#[test]
fn cve_2020_1971_edi_party_names_compared() {
    let party = der::explicit(1, &der::utf8("party"));
    let assigner = der::explicit(0, &der::utf8("assigner"));
    let plain = GeneralName::EdiParty(party.clone());
    let assigned = GeneralName::EdiParty([assigner, party].concat());
    for constraint in [&plain, &assigned] {
        for name in [&plain, &assigned] {
            let (constraint, name) = (std::slice::from_ref(constraint), std::slice::from_ref(name));
            assert_eq!(verdict(&[], constraint, name), UNSUPPORTED);
        }
    }
}

#[test]
fn cve_2024_6119_other_name_where_a_host_name_is_asked_for() {
    let name = GeneralName::Other("1.3.6.1.5.5.7.8.9".into(), der::utf8("leaf.example.test"));
    let root = root();
    for names in [&[name.clone()][..], &[name, dns("other.example.test")]] {
        let leaf = root.leaf(&Name::cn("leaf.example.test"), &key(1), names, |builder| builder);
        let decision = Case::new(&root, leaf, Vec::new()).decide();
        assert_eq!(decision.code(), "identity.name-mismatch", "{}", decision.explain());
    }
}

#[test]
fn cve_2026_27138_empty_host_name_under_excluded_subtrees() {
    assert_eq!(verdict(&[], &[dns("a.test")], &[dns("")]), MALFORMED);
    assert_eq!(verdict(&[dns("a.test")], &[], &[dns("")]), MALFORMED);
    assert_eq!(verdict(&[], &[email("a.test")], &[dns("")]), "accepted", "it names nobody");
}

#[test]
fn cve_2024_45341_zone_of_an_ipv6_address_in_a_uri() {
    let zone = uri("https://[fe80::1%25.a.test]/");
    assert_eq!(verdict(&[uri(".a.test")], &[], std::slice::from_ref(&zone)), MALFORMED);
    assert_eq!(verdict(&[], &[uri(".b.test")], &[zone]), MALFORMED);
}

#[test]
fn cve_2025_61727_wildcard_over_an_excluded_name() {
    assert_eq!(verdict(&[], &[dns("evil.a.test")], &[dns("*.a.test")]), EXCLUDED);
    assert_eq!(verdict(&[], &[dns("evil.b.test")], &[dns("*.a.test")]), "accepted");
}

#[test]
fn cve_2026_33810_wildcard_over_an_excluded_name_in_another_case() {
    assert_eq!(verdict(&[], &[dns("Evil.A.test")], &[dns("*.a.TEST")]), EXCLUDED);
}

#[test]
fn cve_2026_27137_constraints_on_mailboxes_of_one_local_part() {
    let both = [email("u@a.test"), email("u@b.test")];
    assert_eq!(verdict(&[], &both, &[email("u@a.test")]), EXCLUDED);
    assert_eq!(verdict(&[], &both, &[email("u@b.test")]), EXCLUDED);
    assert_eq!(verdict(&both, &[], &[email("u@a.test"), email("u@b.test")]), "accepted");
}

#[test]
fn cve_2025_61729_text_about_many_names_is_short() {
    let names: Vec<GeneralName> =
        (0..3_000).map(|number| dns(&format!("a{number}.example.test"))).collect();
    let root = root();
    let leaf = root.leaf(&Name::cn("Leaf"), &key(1), &names, |builder| builder);
    let decision = Case::new(&root, leaf, Vec::new()).decide();
    assert_eq!(decision.code(), "identity.name-mismatch");
    for text in [
        decision.explain().to_string(),
        decision.rejection().unwrap().to_string(),
        decision.findings().map(ToString::to_string).collect::<String>(),
    ] {
        assert!(text.len() <= 4_096, "{}", text.len());
    }
}

#[test]
fn cve_2026_27145_long_name_against_many_names() {
    let names: Vec<GeneralName> =
        (0..3_000).map(|number| dns(&format!("a{number}.test"))).collect();
    let root = root();
    let leaf = root.leaf(&Name::cn("Leaf"), &key(1), &names, |builder| builder);
    let long = format!("dns:{}test", "a.".repeat(124));
    let policy = bonafide::policy::ValidationPolicy::tls_server();
    let backend = std::sync::Arc::new(bonafide::signature::RingBackend::NEW);
    let decision = Case::new(&root, leaf, Vec::new()).decide_as(&long, policy, backend);
    assert_eq!(decision.code(), "identity.name-mismatch");
    assert_eq!(decision.work().signatures, 1);
    assert!(decision.explain().to_string().len() <= 4_096);
}

#[test]
fn rustsec_2026_0098_constraints_on_uris_count() {
    assert_eq!(verdict(&[], &[uri("a.test")], &[uri("https://a.test/x")]), EXCLUDED);
    assert_eq!(verdict(&[], &[uri("a.test")], &[uri("https://b.test/x")]), "accepted");
}

#[test]
fn cve_2026_5263_permitted_uris_count() {
    assert_eq!(verdict(&[uri("a.test")], &[], &[uri("https://b.test/x")]), NOT_PERMITTED);
    assert_eq!(verdict(&[uri("a.test")], &[], &[uri("https://a.test/x")]), "accepted");
}

#[test]
fn rustsec_2026_0099_wildcard_wider_than_what_is_permitted() {
    let permitted = [dns("a.b.test"), dns("leaf.example.test")];
    assert_eq!(verdict(&permitted, &[], &[dns("*.b.test")]), NOT_PERMITTED);
    assert_eq!(verdict(&permitted, &[], &[dns("*.a.b.test")]), "accepted");
}

#[test]
fn rustsec_2026_0044_common_names_are_no_host_names() {
    let root = root();
    for text in ["*.evil.test", "leaf.example.test", "\u{fc}.evil.test"] {
        let attributes = [Attribute::new(attribute::COMMON_NAME, StringType::Utf8, text)];
        let subject = Name::rdns([attributes.to_vec()]);
        let leaf =
            root.leaf(&subject, &key(1), &[], |builder| builder.without(ext::id::SUBJECT_ALT_NAME));
        let decision = Case::new(&root, leaf, Vec::new()).decide();
        assert_eq!(decision.code(), "identity.name-mismatch", "{text}");
    }
}

#[test]
fn cve_2026_34073_constraints_hold_for_the_name_that_is_asked_for() {
    // The name asked for is excluded, the wildcard that matches it is judged as all it stands for.
    let names = [dns("*.example.test")];
    let constraints = ext::name_constraints(&[], &[dns("leaf.example.test")]);
    assert_eq!(constrained(constraints, &names).decide().code(), EXCLUDED);
    assert_eq!(
        constrained(ext::name_constraints(&[], &[dns("b.test")]), &names).decide().code(),
        "accepted"
    );
}

#[test]
fn cve_2026_3833_case_of_host_names() {
    assert_eq!(verdict(&[], &[dns("EVIL.test")], &[dns("a.evil.TEST")]), EXCLUDED);
    assert_eq!(verdict(&[], &[email("EVIL.test")], &[email("u@evil.TEST")]), EXCLUDED);
    assert_eq!(verdict(&[], &[uri(".EVIL.test")], &[uri("https://a.evil.TEST/")]), EXCLUDED);
}

#[test]
fn cve_2026_42011_permitted_subtrees_intersect() {
    let (a, b) = (dns("a.test"), dns("leaf.example.test"));
    for (case, upper, lower, expected) in [
        ("disjoint", &a, &b, NOT_PERMITTED),
        ("disjoint, other order", &b, &a, NOT_PERMITTED),
        ("the same", &b, &b, "accepted"),
    ] {
        let root = root();
        let constraint =
            |name: &GeneralName| ext::name_constraints(std::slice::from_ref(name), &[]);
        let upper = root.intermediate(&Name::cn("A"), &key(2), |x| x.with(constraint(upper)));
        let lower = upper.intermediate(&Name::cn("B"), &key(3), |x| x.with(constraint(lower)));
        let pool = vec![upper.certificate, lower.certificate.clone()];
        let decision = Case::new(&root, pools::leaf_of(&lower), pool).decide();
        assert_eq!(decision.code(), expected, "{case}");
    }
}

#[test]
fn talos_2026_2410_registered_ids_are_constrained() {
    let id = GeneralName::RegisteredId("1.3.6.1.4.1.32473.5".into());
    assert_eq!(verdict(&[], std::slice::from_ref(&id), std::slice::from_ref(&id)), UNSUPPORTED);
    assert_eq!(verdict(std::slice::from_ref(&id), &[], std::slice::from_ref(&id)), UNSUPPORTED);
    assert_eq!(verdict(&[], &[id], &[]), "accepted");
}

#[test]
fn cve_2021_44531_a_uri_is_no_host_name() {
    let root = root();
    for name in [
        uri("https://leaf.example.test"),
        uri("leaf.example.test"),
        email("u@leaf.example.test"),
        GeneralName::Directory(Name::cn("leaf.example.test")),
    ] {
        let leaf = root.leaf(&Name::empty(), &key(1), &[name], |builder| builder);
        let decision = Case::new(&root, leaf, Vec::new()).decide();
        assert_eq!(decision.code(), "identity.name-mismatch", "{}", decision.explain());
    }
}

#[test]
fn cve_2021_44532_names_are_never_compared_as_text() {
    let root = root();
    for text in [
        "other.test, DNS:leaf.example.test",
        "other.test\0leaf.example.test",
        "leaf.example.test\0",
    ] {
        let leaf = root.leaf(&Name::cn("Leaf"), &key(1), &[dns(text)], |builder| builder);
        let decision = Case::new(&root, leaf, Vec::new()).decide();
        assert_eq!(decision.code(), "identity.name-mismatch", "{text:?}");
        let words = decision.explain().to_string();
        assert!(!words.contains('\0'), "{words:?}");
    }
}

#[test]
fn cve_2009_2408_nul_ends_no_name() {
    let nul = "leaf.example.test\0.evil.test";
    let root = root();
    let leaf = root.leaf(&Name::cn(nul), &key(1), &[dns(nul)], |builder| builder);
    let decision = Case::new(&root, leaf, Vec::new()).decide();
    assert_eq!(decision.code(), "identity.name-mismatch");
}

#[test]
fn harness_userinfo_does_not_hide_the_host_of_a_uri() {
    let hidden = uri("https://good.test@evil.test/");
    assert_eq!(verdict(&[], &[uri("evil.test")], std::slice::from_ref(&hidden)), EXCLUDED);
    assert_eq!(verdict(&[uri("good.test")], &[], &[hidden]), NOT_PERMITTED);
}

#[test]
fn harness_a_host_constraint_is_no_domain_constraint() {
    assert_eq!(verdict(&[email("a.test")], &[], &[email("u@sub.a.test")]), NOT_PERMITTED);
    assert_eq!(verdict(&[uri("a.test")], &[], &[uri("https://sub.a.test/")]), NOT_PERMITTED);
    assert_eq!(verdict(&[uri(".a.test")], &[], &[uri("https://a.test/")]), NOT_PERMITTED);
}

#[test]
fn harness_quotes_do_not_hide_a_mailbox() {
    assert_eq!(verdict(&[], &[email("u@a.test")], &[email("\"u\"@a.test")]), MALFORMED);
    assert_eq!(verdict(&[], &[email("u@a.test")], &[email("U@a.test")]), EXCLUDED);
}
