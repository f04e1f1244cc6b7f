//! The SPIFFE bundle format and bundle maps, PEM and DER sets: what is read, skipped and refused.

#![cfg(feature = "spiffe")]
#![expect(clippy::unwrap_used, reason = "test code")]

mod kit;

use bonafide::identity::TrustDomain;
use bonafide::trust::{
    BundleError, BundleErrorKind, BundleMap, SkipReason, SpiffeBundle, TrustBundle,
    bundle_from_der, bundle_from_pem,
};
use bonafide::x509::OwnedCertificate;
use kit::{Authority, CertificateBuilder, GeneralName, Key, Kind, Name, ext};

fn domain() -> TrustDomain {
    TrustDomain::parse("example.org").unwrap()
}

fn root(kind: Kind, number: u64) -> Authority {
    Authority::root(&Name::cn("Root"), &Key::new(kind, number))
}

fn owned(authority: &Authority) -> OwnedCertificate {
    OwnedCertificate::from_der(authority.certificate.as_slice()).unwrap()
}

/// The JWK of an authority, as the library writes it, in braces.
fn jwk(authority: &Authority) -> String {
    let json = SpiffeBundle::new(domain(), [owned(authority)]).unwrap().to_json().unwrap();
    json.strip_prefix(r#"{"keys":["#).unwrap().strip_suffix("]}").unwrap().to_owned()
}

fn parse(document: &str) -> Result<SpiffeBundle, BundleError> {
    SpiffeBundle::parse(domain(), document.as_bytes())
}

fn with_keys(elements: &[&str]) -> String {
    format!(r#"{{"keys":[{}]}}"#, elements.join(","))
}

#[test]
fn what_is_written_is_read_back() {
    for kind in [Kind::P256, Kind::P384, Kind::Rsa, Kind::Ed25519] {
        let authorities = [root(kind, 0), root(kind, 1)];
        let bundle = SpiffeBundle::new(domain(), authorities.iter().map(owned))
            .unwrap()
            .with_sequence(u64::MAX)
            .with_refresh_hint_seconds(300);
        let read = parse(&bundle.to_json().unwrap()).unwrap();
        assert_eq!(read.authorities(), bundle.authorities(), "{kind:?}");
        assert_eq!(read.trust_bundle().digest(), bundle.trust_bundle().digest());
        assert_eq!((read.sequence(), read.refresh_hint_seconds()), (Some(u64::MAX), Some(300)));
        assert_eq!((read.skipped_count(), read.jwt_authorities()), (0, 0));
        assert_eq!(read.trust_domain(), &domain());
    }
    let toy =
        SpiffeBundle::new(domain(), [owned(&root(Kind::P256, 0)), owned(&root(Kind::Toy, 1))]);
    let error = toy.unwrap().to_json().unwrap_err();
    assert_eq!((error.code(), error.element()), ("bundle.unsupported-key", Some(1)));
}

#[test]
fn written_jwks_have_nothing_more_than_the_standard_asks() {
    // X-32, X-34, B-16.
    let text = jwk(&root(Kind::P256, 0));
    let names: Vec<&str> = text.split('"').skip(1).step_by(2).collect();
    assert!(!names.contains(&"kid") && !names.contains(&"alg"), "{text}");
    assert!(text.starts_with(r#"{"kty":"EC","crv":"P-256","x":""#), "{text}");
    assert!(text.contains(r#","use":"x509-svid","x5c":["MII"#), "{text}");
}

#[test]
fn documents_are_refused_whole() {
    let good = jwk(&root(Kind::P256, 0));
    let other = jwk(&root(Kind::P256, 1));
    let other_x = other.split("\"x\":\"").nth(1).unwrap().split('"').next().unwrap();
    let x = good.split("\"x\":\"").nth(1).unwrap().split('"').next().unwrap();
    let rsa = jwk(&root(Kind::Rsa, 0));
    let x5c = good.split("\"x5c\":[\"").nth(1).unwrap().split('"').next().unwrap();
    let with = |edit: &str| with_keys(&[&good.replacen('{', &format!("{{{edit},"), 1)]);
    let swap = |from: &str, to: &str| with_keys(&[&good.replace(from, to)]);
    for (case, document, code, element) in [
        ("B-06 empty input", String::new(), "bundle.json", None),
        ("B-06 no JSON", "not json".into(), "bundle.json", None),
        ("B-06 an array", "[]".into(), "bundle.not-an-object", None),
        ("B-06 a string", r#""keys""#.into(), "bundle.not-an-object", None),
        ("B-06 null", "null".into(), "bundle.not-an-object", None),
        ("B-06 cut off", r#"{"keys":[]"#.into(), "bundle.json", None),
        ("B-06 trailing object", r#"{"keys":[]}{}"#.into(), "bundle.json", None),
        ("B-06 trailing NUL", "{\"keys\":[]}\0".into(), "bundle.json", None),
        ("B-11 no keys", "{}".into(), "bundle.missing-member", None),
        ("B-11 keys in another case", r#"{"Keys":[]}"#.into(), "bundle.missing-member", None),
        ("B-11 keys an object", r#"{"keys":{}}"#.into(), "bundle.wrong-type", None),
        ("B-11 keys null", r#"{"keys":null}"#.into(), "bundle.wrong-type", None),
        ("B-19 two keys", r#"{"keys":[],"keys":[]}"#.into(), "bundle.duplicate-member", None),
        (
            "B-19 two keys by escape",
            r#"{"keys":[],"k\u0065ys":[]}"#.into(),
            "bundle.duplicate-member",
            None,
        ),
        (
            "B-19 unknown twice",
            r#"{"a":1,"keys":[],"a":1}"#.into(),
            "bundle.duplicate-member",
            None,
        ),
        ("B-19 kty twice", with(r#""kty":"EC""#), "bundle.duplicate-member", Some(0)),
        ("B-08 float", r#"{"keys":[],"spiffe_sequence":1.5}"#.into(), "bundle.integer", None),
        ("B-08 1.0", r#"{"keys":[],"spiffe_sequence":1.0}"#.into(), "bundle.integer", None),
        ("B-08 1e3", r#"{"keys":[],"spiffe_sequence":1e3}"#.into(), "bundle.integer", None),
        ("B-08 negative", r#"{"keys":[],"spiffe_sequence":-1}"#.into(), "bundle.integer", None),
        ("B-08 -0", r#"{"keys":[],"spiffe_sequence":-0}"#.into(), "bundle.integer", None),
        ("B-08 string", r#"{"keys":[],"spiffe_sequence":"1"}"#.into(), "bundle.integer", None),
        ("B-08 null", r#"{"keys":[],"spiffe_sequence":null}"#.into(), "bundle.integer", None),
        (
            "B-09 2^64",
            r#"{"keys":[],"spiffe_sequence":18446744073709551616}"#.into(),
            "bundle.integer",
            None,
        ),
        ("B-10 negative", r#"{"keys":[],"spiffe_refresh_hint":-5}"#.into(), "bundle.integer", None),
        ("B-16 private key", with(r#""d":"AA""#), "bundle.private-key", Some(0)),
        (
            "B-16 private RSA key",
            with_keys(&[&good, &rsa.replacen('{', r#"{"qi":"AA","#, 1)]),
            "bundle.private-key",
            Some(1),
        ),
        (
            "B-16 private key of a JWT authority",
            with_keys(&[
                r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA","use":"jwt-svid","kid":"k"}"#,
            ]),
            "bundle.private-key",
            Some(0),
        ),
        (
            "X-35 x5c a string",
            swap(&format!("[\"{x5c}\"]"), "\"AA==\""),
            "bundle.wrong-type",
            Some(0),
        ),
        ("X-35 x5c of numbers", swap(&format!("\"{x5c}\""), "5"), "bundle.wrong-type", Some(0)),
        ("X-35 no base64", swap(x5c, "@@@@"), "bundle.base64", Some(0)),
        ("X-35 base64url", swap(x5c, "MII_"), "bundle.base64", Some(0)),
        ("X-35 without padding", swap(x5c, "MAA"), "bundle.base64", Some(0)),
        (
            "X-35 line break",
            swap(x5c, &format!("{}\\n{}", &x5c[..64], &x5c[64..])),
            "bundle.base64",
            Some(0),
        ),
        ("X-35 no certificate", swap(x5c, "MAA="), "bundle.authority", Some(0)),
        ("X-39 another key", swap(x, other_x), "bundle.key-mismatch", Some(0)),
        ("X-39 x not base64url", swap(x, "+/"), "bundle.key-mismatch", Some(0)),
        ("X-39 another curve", swap("P-256", "P-384"), "bundle.key-mismatch", Some(0)),
    ] {
        let error = parse(&document).unwrap_err();
        assert_eq!((error.code(), error.element()), (code, element), "{case}: {error}");
        assert!(error.trust_domain().is_none());
    }
}

#[test]
fn documents_are_bounded() {
    let deep = |levels: usize| {
        format!(r#"{{"keys":[],"x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    assert!(parse(&deep(31)).is_ok());
    let error = parse(&deep(32)).unwrap_err();
    assert_eq!(error.kind(), &BundleErrorKind::TooDeep { limit: 32 });
    assert_eq!((error.line(), error.column()), (Some(1), Some(47)));
    assert_eq!(parse(&deep(100_000)).unwrap_err().code(), "bundle.too-deep");
    // Brackets within texts are text.
    assert!(parse(&format!(r#"{{"keys":[],"x":"\"{}"}}"#, "[".repeat(100))).is_ok());

    let document = format!(r#"{{"keys":[]{}}}"#, " ".repeat(SpiffeBundle::MAX_BYTES));
    let (found, limit) = (document.len(), SpiffeBundle::MAX_BYTES);
    let error = parse(&document).unwrap_err();
    assert_eq!(error.kind(), &BundleErrorKind::TooLarge { found, limit });
    assert!(BundleMap::parse(br#"{"trust_domains":{}}"#).unwrap().is_empty());
}

#[test]
fn documents_are_utf_8() {
    let error = SpiffeBundle::parse(domain(), b"{\"keys\":[],\n\"x\":\"\xff\"}").unwrap_err();
    assert_eq!(
        (error.code(), error.line(), error.column()),
        ("bundle.utf-8", Some(2), Some(6)),
        "F-17"
    );
    let error = parse("\u{feff}{\"keys\":[]}").unwrap_err();
    assert_eq!(error.code(), "bundle.byte-order-mark");
}

#[test]
fn elements_are_skipped_with_a_reason() {
    let good = jwk(&root(Kind::P256, 0));
    let x5c = good.split("\"x5c\":").nth(1).unwrap().strip_suffix('}').unwrap();
    let ec = good.split(",\"use\"").next().unwrap();
    let key = Key::new(Kind::P256, 1);
    let name = Name::cn("Leaf");
    let leaf = Authority {
        certificate: CertificateBuilder::end_entity(&name, &key, &[GeneralName::dns("a.test")])
            .sign(&key),
        name,
        key,
    };
    for (case, element, reason) in [
        ("B-13 null", "null".to_owned(), SkipReason::NotAnObject),
        ("B-13 array", "[{}]".into(), SkipReason::NotAnObject),
        ("B-13 number", "1.5e300".into(), SkipReason::NotAnObject),
        ("B-13 no kty", good.replace("\"kty\":\"EC\",", ""), SkipReason::KeyType),
        ("B-13 kty a number", good.replace("\"EC\"", "7"), SkipReason::KeyType),
        ("B-13 kty an object", good.replace("\"EC\"", "{\"a\":[1]}"), SkipReason::KeyType),
        ("B-13 unknown kty", good.replace("\"EC\"", "\"AKP\""), SkipReason::KeyType),
        (
            "B-13 unknown kty with a member that is private elsewhere",
            r#"{"kty":"DSA","p":"AA","use":"x509-svid"}"#.into(),
            SkipReason::KeyType,
        ),
        (
            "B-13 symmetric",
            r#"{"kty":"oct","k":"AAAA","use":"jwt-svid","kid":"s"}"#.into(),
            SkipReason::SymmetricKey,
        ),
        ("unknown crv", good.replace("P-256", "P-999"), SkipReason::Curve),
        ("no y", good.replace("\"y\"", "\"z\""), SkipReason::KeyMember { member: "y" }),
        ("B-14 no use", format!("{ec},\"x5c\":{x5c}}}"), SkipReason::Use),
        ("B-14 use in another case", good.replace("x509-svid", "X509-SVID"), SkipReason::Use),
        ("B-14 use a number", good.replace("\"x509-svid\"", "1"), SkipReason::Use),
        ("B-14 unknown use", good.replace("x509-svid", "wit-svid"), SkipReason::Use),
        ("JWT without kid", format!("{ec},\"use\":\"jwt-svid\"}}"), SkipReason::KeyId),
        ("JWT, empty kid", format!("{ec},\"use\":\"jwt-svid\",\"kid\":\"\"}}"), SkipReason::KeyId),
        ("X-36 no x5c", format!("{ec},\"use\":\"x509-svid\"}}"), SkipReason::NoCertificate),
        ("X-36 empty x5c", good.replace(x5c, "[]"), SkipReason::NoCertificate),
        ("X-35 not of a CA", jwk(&leaf), SkipReason::NotAnAuthority),
    ] {
        let bundle =
            parse(&with_keys(&[&good, &element])).unwrap_or_else(|e| panic!("{case}: {e}"));
        let [skipped] = bundle.skipped() else { panic!("{case}: {:?}", bundle.skipped()) };
        assert_eq!((skipped.index, skipped.reason), (1, reason), "{case}");
        assert_eq!((bundle.authorities().len(), bundle.skipped_count()), (1, 1), "{case}");
    }
    let many = parse(&with_keys(&["{}"; 1000])).unwrap();
    assert_eq!((many.skipped().len(), many.skipped_count()), (64, 1000));
    assert_eq!(
        many.skipped()[63].to_string(),
        "element 63 skipped: the key type is missing or unknown"
    );
}

#[test]
fn tolerated_elements() {
    let good = jwk(&root(Kind::P256, 0));
    let x5c = good.split("\"x5c\":[").nth(1).unwrap().strip_suffix("]}").unwrap();
    let ec = good.split(",\"use\"").next().unwrap();
    for (case, element, authorities, jwt) in [
        ("X-34 kid", good.replacen('{', r#"{"kid":"k","#, 1), 1, 0),
        ("B-16 alg", good.replacen('{', r#"{"alg":"ES256","#, 1), 1, 0),
        ("X-37 only the first value", good.replace(x5c, &format!("{x5c},\"@@@@\",5,[]")), 1, 0),
        ("escapes in a value", good.replace("x509-svid", "x509\\u002dsvid"), 1, 0),
        ("JWT authority", format!("{ec},\"use\":\"jwt-svid\",\"kid\":\"k\"}}"), 0, 1),
        ("B-02 the same twice", format!("{good},{good}"), 1, 0),
    ] {
        let bundle = parse(&with_keys(&[&element])).unwrap_or_else(|e| panic!("{case}: {e}"));
        assert_eq!(
            (bundle.authorities().len(), bundle.jwt_authorities()),
            (authorities, jwt),
            "{case}"
        );
        assert_eq!(bundle.skipped_count(), 0, "{case}");
    }
    let other = parse("{\"refresh_hint\":-1.5,\"keys\":[]} \r\n\t").unwrap();
    assert_eq!(other.refresh_hint_seconds(), None, "B-07");
}

#[test]
fn bundle_maps_are_all_or_nothing() {
    let bundles = ["example.org", "other.org"].map(|name| {
        SpiffeBundle::new(TrustDomain::parse(name).unwrap(), [owned(&root(Kind::P256, 0))]).unwrap()
    });
    let map = BundleMap::new(bundles);
    let json = map.to_json().unwrap();
    let read = BundleMap::parse(json.as_bytes()).unwrap();
    assert_eq!(read.len(), 2, "B-17");
    assert_eq!(read.bundle(&domain()).unwrap().authorities().len(), 1);
    let names: Vec<String> = read.into_iter().map(|b| b.trust_domain().to_string()).collect();
    assert_eq!(names, ["example.org", "other.org"]);

    for (case, from, to, code, at) in [
        ("B-17 no member", "\"trust_domains\"", "\"domains\"", "bundle.missing-member", None),
        ("B-17 upper case", "other.org", "Other.org", "bundle.trust-domain", None),
        ("B-17 an ID", "other.org", "spiffe://other.org", "bundle.trust-domain", None),
        (
            "B-18 twice",
            "other.org",
            "example.org",
            "bundle.duplicate-trust-domain",
            Some("example.org"),
        ),
        (
            "B-18 twice by escape",
            "other.org",
            "ex\\u0061mple.org",
            "bundle.duplicate-trust-domain",
            Some("example.org"),
        ),
        (
            "B-21 one unsound",
            "\"other.org\":{",
            "\"other.org\":{\"spiffe_sequence\":-1,",
            "bundle.integer",
            Some("other.org"),
        ),
        (
            "B-21 one without keys",
            "\"other.org\":{\"keys\"",
            "\"other.org\":{\"Keys\"",
            "bundle.missing-member",
            Some("other.org"),
        ),
        (
            "B-21 one null",
            "\"other.org\":{",
            "\"aa.org\":null,\"other.org\":{",
            "bundle.not-an-object",
            Some("aa.org"),
        ),
    ] {
        let document = json.replace(from, to);
        assert_ne!(document, json, "{case}");
        let error = BundleMap::parse(document.as_bytes()).unwrap_err();
        assert_eq!(error.code(), code, "{case}: {error}");
        assert_eq!(error.trust_domain().map(TrustDomain::as_str), at, "{case}");
    }
    let error = BundleMap::parse(br#"{"trust_domains":[]}"#).unwrap_err();
    assert_eq!(error.code(), "bundle.wrong-type");
}

#[test]
fn sets_of_certificates() {
    let roots = [root(Kind::Ed25519, 0), root(Kind::Ed25519, 1)];
    let der: Vec<u8> = roots.iter().flat_map(|root| root.certificate.clone()).collect();
    let pem: String = roots.iter().map(|root| kit::certificate_pem(&root.certificate)).collect();
    let from_der = SpiffeBundle::from_der(domain(), &der).unwrap();
    let from_pem = SpiffeBundle::from_pem(domain(), pem.as_bytes()).unwrap();
    assert_eq!(from_der.authorities(), from_pem.authorities());
    assert_eq!(bundle_from_der(&der).unwrap().digest(), from_der.trust_bundle().digest());
    assert_eq!(bundle_from_pem(pem.as_bytes()).unwrap().len(), 2);
    assert_eq!(TrustBundle::from(from_der).len(), 2);
    assert!(SpiffeBundle::from_der(domain(), &[]).unwrap().authorities().is_empty());

    let key = Key::new(Kind::Ed25519, 2);
    let nameless = CertificateBuilder::authority(&Name::empty(), &key)
        .replace(ext::basic_constraints(true, None))
        .sign(&key);
    let first = roots[0].certificate.clone();
    for (case, input, code, element) in [
        ("trailing octet", [first.clone(), vec![0]].concat(), "bundle.der", 1),
        ("cut off", der[..der.len() - 1].to_vec(), "bundle.der", 1),
        ("no certificate", [first.clone(), vec![0x30, 0]].concat(), "bundle.authority", 1),
        ("without a name", [first, nameless].concat(), "bundle.authority", 1),
    ] {
        let error = SpiffeBundle::from_der(domain(), &input).unwrap_err();
        assert_eq!((error.code(), error.element()), (code, Some(element)), "{case}");
    }
    let error = SpiffeBundle::from_pem(domain(), pem.replace("END", "EN").as_bytes()).unwrap_err();
    assert_eq!(error.code(), "bundle.pem");
}
