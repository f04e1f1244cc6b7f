//! The test kit read back by a foreign parser (`x509-cert`), so that a mistake of the kit is not
//! taken for one of the library.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::as_conversions,
    reason = "test code"
)]

mod kit;

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use kit::ext::{DistributionPoint, IssuingDistributionPoint, PointName, Qualifier, purpose, usage};
use kit::{
    Attribute, Authority, CertificateBuilder, CrlBuilder, Estate, FAR, GeneralName, IdHash, Key,
    Kind, LONG_AGO, NOW, Name, OcspResponseBuilder, Responder, Revoked, Rng, SingleResponse,
    Status, StringType, When, ext, key, ocsp,
};
use x509_cert::certificate::{CertificateInner, Raw, Version};
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix;
use x509_cert::ext::pkix::name as pkix_name;

/// `x509-cert` without its RFC 5280 limits, as tests need wrong certificates too.
fn read(der: &[u8]) -> CertificateInner<Raw> {
    let certificate = CertificateInner::<Raw>::from_der(der).unwrap();
    assert_eq!(certificate.to_der().unwrap(), der, "written as DER");
    certificate
}

/// The only extension of a certificate made with it.
fn read_back<T: for<'a> Decode<'a, Error = der::Error>>(extension: ext::Extension) -> (bool, T) {
    let key = Key::toy(1);
    let der = CertificateBuilder::new(&Name::cn("x"), &key).with(extension.clone()).sign(&key);
    let certificate = read(&der);
    let list = certificate.tbs_certificate().extensions().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].extn_id.to_string(), extension.oid());
    (list[0].critical, T::from_der(list[0].extn_value.as_bytes()).unwrap())
}

fn all_general_names() -> Vec<GeneralName> {
    vec![
        GeneralName::Other("1.2.3.4".into(), kit::der::utf8("other")),
        GeneralName::email("a@example.test"),
        GeneralName::dns("example.test"),
        GeneralName::Directory(Name::cn("directory")),
        GeneralName::uri("spiffe://example.org/a"),
        GeneralName::ip(&[192, 0, 2, 1]),
        GeneralName::RegisteredId("1.2.3.4".into()),
    ]
}

fn assert_all_general_names(names: &[pkix_name::GeneralName]) {
    let [
        pkix_name::GeneralName::OtherName(other),
        pkix_name::GeneralName::Rfc822Name(email),
        pkix_name::GeneralName::DnsName(dns),
        pkix_name::GeneralName::DirectoryName(directory),
        pkix_name::GeneralName::UniformResourceIdentifier(uri),
        pkix_name::GeneralName::IpAddress(ip),
        pkix_name::GeneralName::RegisteredId(registered),
    ] = names
    else {
        panic!("{names:?}");
    };
    assert_eq!(other.type_id.to_string(), "1.2.3.4");
    assert_eq!(email.as_str(), "a@example.test");
    assert_eq!(dns.as_str(), "example.test");
    assert_eq!(directory.to_string(), "CN=directory");
    assert_eq!(uri.as_str(), "spiffe://example.org/a");
    assert_eq!(ip.as_bytes(), [192, 0, 2, 1]);
    assert_eq!(registered.to_string(), "1.2.3.4");
}

#[test]
fn an_estate_is_read_back_and_repeats() {
    let estate = Estate::new();
    assert_eq!(estate.chain(), Estate::new().chain());
    assert_ne!(estate.chain(), Estate::seeded(1).chain());
    let (root, intermediate, leaf) = (
        read(&estate.root.certificate),
        read(&estate.intermediate.certificate),
        read(&estate.leaf),
    );
    for (issuer, subject) in [(&root, &root), (&root, &intermediate), (&intermediate, &leaf)] {
        let (issuer, tbs) = (issuer.tbs_certificate(), subject.tbs_certificate());
        assert_eq!(tbs.version(), Version::V3);
        assert_eq!(issuer.subject(), tbs.issuer());
        assert_eq!(tbs.signature(), subject.signature_algorithm());
        assert_eq!(tbs.validity().not_before.to_unix_duration().as_secs() as i64, LONG_AGO);
        assert_eq!(tbs.validity().not_after.to_unix_duration().as_secs() as i64, FAR);
        let public = issuer.subject_public_key_info().subject_public_key.raw_bytes();
        ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public)
            .verify(&tbs.to_der().unwrap(), subject.signature().raw_bytes())
            .unwrap();
    }
    let (critical, constraints) =
        intermediate.tbs_certificate().get_extension::<pkix::BasicConstraints>().unwrap().unwrap();
    assert!(critical && constraints.ca && constraints.path_len_constraint == Some(0));
    assert!((LONG_AGO..FAR).contains(&NOW));
}

#[test]
fn every_real_key_verifies_with_ring() {
    use ring::signature as rs;
    let cases: [(&str, Kind, u64, &dyn rs::VerificationAlgorithm); 7] = [
        ("Ed25519", Kind::Ed25519, 5, &rs::ED25519),
        ("P-256, first", Kind::P256, 0, &rs::ECDSA_P256_SHA256_ASN1),
        ("P-256, last", Kind::P256, 5, &rs::ECDSA_P256_SHA256_ASN1),
        ("P-384", Kind::P384, 1, &rs::ECDSA_P384_SHA384_ASN1),
        ("RSA", Kind::Rsa, 0, &rs::RSA_PKCS1_2048_8192_SHA256),
        ("RSA, last", Kind::Rsa, 2, &rs::RSA_PKCS1_2048_8192_SHA256),
        ("RSA-PSS", Kind::RsaPss, 1, &rs::RSA_PSS_2048_8192_SHA256),
    ];
    for (name, kind, number, algorithm) in cases {
        let key = Key::new(kind, number);
        let der = CertificateBuilder::new(&Name::cn(name), &key).sign(&key);
        let certificate = read(&der);
        let tbs = certificate.tbs_certificate();
        let public = tbs.subject_public_key_info().subject_public_key.raw_bytes();
        let public = rs::UnparsedPublicKey::new(algorithm, public);
        let signature = certificate.signature().raw_bytes();
        assert!(public.verify(&tbs.to_der().unwrap(), signature).is_ok(), "{name}");
        assert!(public.verify(b"something else", signature).is_err(), "{name}");
        assert!(key.pkcs8().is_some(), "{name}");
    }
}

#[cfg(feature = "aws-lc-rs")]
#[test]
fn every_key_of_aws_lc_verifies() {
    use aws_lc_rs::signature as rs;
    let cases: [(&str, Kind, &dyn rs::VerificationAlgorithm); 4] = [
        ("P-521", Kind::P521, &rs::ECDSA_P521_SHA512_ASN1),
        ("ML-DSA-44", Kind::MlDsa(44), &rs::ML_DSA_44),
        ("ML-DSA-65", Kind::MlDsa(65), &rs::ML_DSA_65),
        ("ML-DSA-87", Kind::MlDsa(87), &rs::ML_DSA_87),
    ];
    for (name, kind, algorithm) in cases {
        let key = Key::new(kind, 0);
        let der = CertificateBuilder::new(&Name::cn(name), &key).sign(&key);
        let certificate = read(&der);
        let tbs = certificate.tbs_certificate();
        let public = tbs.subject_public_key_info().subject_public_key.raw_bytes();
        let public = rs::UnparsedPublicKey::new(algorithm, public);
        let signature = certificate.signature().raw_bytes();
        assert!(public.verify(&tbs.to_der().unwrap(), signature).is_ok(), "{name}");
        assert!(public.verify(b"something else", signature).is_err(), "{name}");
    }
}

#[test]
fn toy_signatures_bind_key_and_message() {
    let (ours, theirs) = (Key::toy(1), Key::toy(2));
    let certificate = read(&CertificateBuilder::new(&Name::cn("toy"), &theirs).sign(&ours));
    let spki = certificate.tbs_certificate().subject_public_key_info();
    assert_eq!(spki.algorithm.oid.to_string(), key::TOY_KEY);
    assert_eq!(certificate.signature_algorithm().oid.to_string(), key::TOY_SIGNATURE);
    let tbs = certificate.tbs_certificate().to_der().unwrap();
    let signature = certificate.signature().raw_bytes();
    let key_id = |key: &Key| key.spki()[key.spki().len() - 16..].to_vec();
    assert_eq!(spki.subject_public_key.raw_bytes(), key_id(&theirs));
    assert!(key::toy_verify(&key_id(&ours), &tbs, signature));
    assert!(!key::toy_verify(&key_id(&theirs), &tbs, signature));
    assert!(!key::toy_verify(&key_id(&ours), &tbs[1..], signature));
}

#[test]
fn a_builder_writes_what_it_is_told() {
    let key = Key::toy(1);
    let builder = CertificateBuilder::new(&Name::cn("subject"), &key);

    let v1 = read(&builder.clone().version(None).serial(&[0x7f, 0xff]).sign(&key));
    assert_eq!(v1.tbs_certificate().version(), Version::V1);
    assert_eq!(v1.tbs_certificate().serial_number().as_bytes(), [0x7f, 0xff]);
    assert!(v1.tbs_certificate().extensions().is_none());

    let ids = read(
        &builder.clone().version(Some(1)).issuer_unique_id(&[1]).subject_unique_id(&[2]).sign(&key),
    );
    assert_eq!(ids.tbs_certificate().version(), Version::V2);
    assert_eq!(ids.tbs_certificate().issuer_unique_id().as_ref().unwrap().raw_bytes(), [1]);
    assert_eq!(ids.tbs_certificate().subject_unique_id().as_ref().unwrap().raw_bytes(), [2]);

    let other = kit::der::sequence([kit::der::oid("1.2.3.4")]);
    let algorithms = read(&builder.clone().outer_algorithm(&other).signature(&[9]).sign(&key));
    assert_eq!(algorithms.signature_algorithm().oid.to_string(), "1.2.3.4");
    assert_eq!(algorithms.tbs_certificate().signature().oid.to_string(), key::TOY_SIGNATURE);
    assert_eq!(algorithms.signature().raw_bytes(), [9]);
    let algorithms = read(&builder.clone().inner_algorithm(&other).sign(&key));
    assert_eq!(algorithms.tbs_certificate().signature().oid.to_string(), "1.2.3.4");

    let twice = builder
        .clone()
        .with(ext::basic_constraints(false, None))
        .with(ext::Extension::raw("1.2.3.4", true, &[5, 0]))
        .with(ext::basic_constraints(true, Some(3)));
    let list = read(&twice.sign(&key)).tbs_certificate().extensions().unwrap().clone();
    let oids: Vec<String> = list.iter().map(|extension| extension.extn_id.to_string()).collect();
    assert_eq!(oids, ["2.5.29.19", "1.2.3.4", "2.5.29.19"]);
    assert!(list[1].critical);
    assert_eq!(list[1].extn_value.as_bytes(), [5, 0]);
    let fewer = twice.without("2.5.29.19").replace(ext::Extension::raw("1.2.3.4", false, &[6]));
    let list = read(&fewer.sign(&key)).tbs_certificate().extensions().unwrap().clone();
    assert_eq!((list.len(), list[0].critical, list[0].extn_value.as_bytes()), (1, false, &[6][..]));

    let named = builder.issuer(&Name::cn("issuer")).spki(Key::toy(2).spki());
    let named = read(&named.sign(&key));
    assert_eq!(named.tbs_certificate().issuer().to_string(), "CN=issuer");
    assert_eq!(
        named.tbs_certificate().subject_public_key_info().to_der().unwrap(),
        Key::toy(2).spki()
    );
}

#[test]
fn times_take_the_type_of_their_year() {
    let cases: [(&str, When, &[u8]); 9] = [
        ("1949", When::At(-631_152_001), b"\x18\x0f19491231235959Z"),
        ("1950", When::At(-631_152_000), b"\x17\x0d500101000000Z"),
        ("1970", When::At(0), b"\x17\x0d700101000000Z"),
        ("leap day", When::At(951_827_696), b"\x17\x0d000229123456Z"),
        ("2049", When::At(2_524_607_999), b"\x17\x0d491231235959Z"),
        ("2050", When::At(2_524_608_000), b"\x18\x0f20500101000000Z"),
        ("no expiry", When::At(253_402_300_799), b"\x18\x0f99991231235959Z"),
        ("forced", When::Generalized(NOW), b"\x18\x0f20260701000000Z"),
        ("raw", When::Raw(vec![0x17, 1, b'Z']), b"\x17\x01Z"),
    ];
    for (name, when, expected) in cases {
        assert_eq!(when.to_der(), expected, "{name}");
    }
}

#[test]
fn names_keep_string_types_and_structure() {
    let key = Key::toy(1);
    let name = Name::rdns([
        vec![Attribute::new(kit::name::attribute::COUNTRY, StringType::Printable, "DE")],
        vec![
            Attribute::new(kit::name::attribute::ORGANIZATION, StringType::Bmp, "Ä"),
            Attribute::utf8(kit::name::attribute::COMMON_NAME, "both"),
        ],
    ]);
    let certificate = read(&CertificateBuilder::new(&name, &key).sign(&key));
    let rdns: Vec<Vec<(String, Vec<u8>)>> = certificate
        .tbs_certificate()
        .subject()
        .iter_rdn()
        .map(|rdn| rdn.iter().map(|a| (a.oid.to_string(), a.value.to_der().unwrap())).collect())
        .collect();
    let expected = [
        vec![("2.5.4.6".to_owned(), b"\x13\x02DE".to_vec())],
        vec![
            ("2.5.4.3".to_owned(), b"\x0c\x04both".to_vec()),
            ("2.5.4.10".to_owned(), b"\x1e\x02\x00\xc4".to_vec()),
        ],
    ];
    // X.690 sorts the two by their encodings: BMPString "Ä" is the shorter element.
    let mut sorted = expected.to_vec();
    sorted[1].reverse();
    assert_eq!(rdns, sorted);
    assert!(
        read(&CertificateBuilder::new(&Name::empty(), &key).sign(&key))
            .tbs_certificate()
            .subject()
            .is_empty()
    );
}

#[test]
fn usage_extensions_are_read_back() {
    let (critical, constraints) =
        read_back::<pkix::BasicConstraints>(ext::basic_constraints(true, Some(127)));
    assert!(critical && constraints.ca && constraints.path_len_constraint == Some(127));
    let (critical, constraints) =
        read_back::<pkix::BasicConstraints>(ext::basic_constraints(false, None).not_critical());
    assert!(!critical && !constraints.ca && constraints.path_len_constraint.is_none());

    let cases: [(&str, &[u8], &str); 3] = [
        ("first bit", &[usage::DIGITAL_SIGNATURE], "DigitalSignature"),
        ("of a CA", &[usage::KEY_CERT_SIGN, usage::CRL_SIGN], "KeyCertSign | CRLSign"),
        (
            "second octet",
            &[usage::KEY_AGREEMENT, usage::DECIPHER_ONLY],
            "KeyAgreement | DecipherOnly",
        ),
    ];
    for (name, bits, expected) in cases {
        let (critical, read) = read_back::<pkix::KeyUsage>(ext::key_usage(bits));
        assert!(critical, "{name}");
        assert_eq!(
            read.0.into_iter().map(|b| format!("{b:?}")).collect::<Vec<_>>().join(" | "),
            expected,
            "{name}"
        );
    }
    let (critical, purposes) = read_back::<pkix::ExtendedKeyUsage>(ext::extended_key_usage(&[
        purpose::SERVER_AUTH,
        purpose::ANY,
    ]));
    let purposes: Vec<String> = purposes.0.iter().map(ObjectIdentifier::to_string).collect();
    assert!(!critical);
    assert_eq!(purposes, [purpose::SERVER_AUTH, purpose::ANY]);
}

#[test]
fn name_extensions_are_read_back() {
    let names = all_general_names();
    assert_all_general_names(&read_back::<pkix::SubjectAltName>(ext::subject_alt_name(&names)).1.0);
    assert_all_general_names(&read_back::<pkix::IssuerAltName>(ext::issuer_alt_name(&names)).1.0);
    let (critical, constraints) =
        read_back::<pkix::NameConstraints>(ext::name_constraints(&names, &names[1..2]));
    assert!(critical);
    let bases = |subtrees: Vec<pkix::constraints::name::GeneralSubtree>| {
        subtrees
            .into_iter()
            .map(|subtree| {
                assert_eq!((subtree.minimum, subtree.maximum), (0, None));
                subtree.base
            })
            .collect::<Vec<_>>()
    };
    assert_all_general_names(&bases(constraints.permitted_subtrees.unwrap()));
    assert_eq!(bases(constraints.excluded_subtrees.unwrap()).len(), 1);
    let (_, constraints) =
        read_back::<pkix::NameConstraints>(ext::name_constraints(&names[..1], &[]));
    assert!(constraints.excluded_subtrees.is_none());
}

#[test]
fn policy_extensions_are_read_back() {
    let (critical, policies) = read_back::<pkix::CertificatePolicies>(ext::qualified_policies(&[
        ("1.2.3.4", vec![Qualifier::Cps("https://cps.test".into())]),
        (ext::id::ANY_POLICY, vec![Qualifier::UserNotice("notice".into())]),
        ("1.2.3.5", vec![]),
    ]));
    assert!(!critical);
    let read: Vec<(String, Vec<String>)> = policies
        .0
        .iter()
        .map(|policy| {
            let qualifiers = policy.policy_qualifiers.iter().flatten();
            (
                policy.policy_identifier.to_string(),
                qualifiers.map(|q| q.policy_qualifier_id.to_string()).collect(),
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            ("1.2.3.4".to_owned(), vec!["1.3.6.1.5.5.7.2.1".to_owned()]),
            (ext::id::ANY_POLICY.to_owned(), vec!["1.3.6.1.5.5.7.2.2".to_owned()]),
            ("1.2.3.5".to_owned(), vec![]),
        ]
    );
    let (critical, mappings) =
        read_back::<pkix::PolicyMappings>(ext::policy_mappings(&[("1.2.3", "1.2.4")]));
    assert!(critical);
    assert_eq!(mappings.0[0].issuer_domain_policy.to_string(), "1.2.3");
    assert_eq!(mappings.0[0].subject_domain_policy.to_string(), "1.2.4");
    for (require, inhibit) in [(Some(0), None), (None, Some(300)), (Some(1), Some(2))] {
        let (critical, constraints) = read_back::<pkix::PolicyConstraints>(
            ext::policy_constraints(require.map(u64::from), inhibit.map(u64::from)),
        );
        assert!(critical);
        assert_eq!(constraints.require_explicit_policy, require);
        assert_eq!(constraints.inhibit_policy_mapping, inhibit);
    }
    let (critical, inhibit) = read_back::<pkix::InhibitAnyPolicy>(ext::inhibit_any_policy(200));
    assert!(critical);
    assert_eq!(inhibit.0, 200);
}

#[test]
fn identifier_and_location_extensions_are_read_back() {
    let (critical, id) =
        read_back::<pkix::SubjectKeyIdentifier>(ext::subject_key_identifier(&[1, 2]));
    assert!(!critical);
    assert_eq!(id.0.as_bytes(), [1, 2]);
    let issuer = [GeneralName::Directory(Name::cn("issuer"))];
    let (_, id) = read_back::<pkix::AuthorityKeyIdentifier>(ext::authority_key_identifier_of(
        Some(&[3]),
        &issuer,
        Some(&[4]),
    ));
    assert_eq!(id.key_identifier.unwrap().as_bytes(), [3]);
    assert_eq!(id.authority_cert_issuer.unwrap().len(), 1);
    assert_eq!(id.authority_cert_serial_number.unwrap().as_bytes(), [4]);
    let (_, id) = read_back::<pkix::AuthorityKeyIdentifier>(ext::authority_key_identifier(&[5]));
    assert!(id.authority_cert_issuer.is_none() && id.authority_cert_serial_number.is_none());

    let points = [
        DistributionPoint::uri("http://crl.test/a"),
        DistributionPoint {
            name: Some(PointName::Relative(vec![Attribute::utf8("2.5.4.3", "rel")])),
            reasons: Some(vec![1, 8]),
            crl_issuer: issuer.to_vec(),
        },
    ];
    let check = |points: Vec<pkix::crl::dp::DistributionPoint>| {
        use pkix_name::DistributionPointName::{FullName, NameRelativeToCRLIssuer};
        let Some(FullName(full)) = &points[0].distribution_point else { panic!("{points:?}") };
        assert_eq!(full.len(), 1);
        assert!(points[0].reasons.is_none() && points[0].crl_issuer.is_none());
        let Some(NameRelativeToCRLIssuer(rdn)) = &points[1].distribution_point else {
            panic!("{points:?}")
        };
        assert_eq!(rdn.to_string(), "CN=rel");
        assert_eq!(points[1].reasons.unwrap().into_iter().count(), 2);
        assert_eq!(points[1].crl_issuer.as_ref().unwrap().len(), 1);
    };
    check(read_back::<pkix::CrlDistributionPoints>(ext::crl_distribution_points(&points)).1.0);
    check(read_back::<pkix::FreshestCrl>(ext::freshest_crl(&points)).1.0);

    let access = [("1.3.6.1.5.5.7.48.1", GeneralName::uri("http://ocsp.test"))];
    let (_, read) =
        read_back::<pkix::AuthorityInfoAccessSyntax>(ext::authority_info_access(&access));
    assert_eq!(read.0[0].access_method.to_string(), "1.3.6.1.5.5.7.48.1");
    let (_, read) = read_back::<pkix::SubjectInfoAccessSyntax>(ext::subject_info_access(&access));
    assert_eq!(read.0.len(), 1);
    assert!(!read_back::<der::asn1::Null>(ext::no_revocation_available()).0);
    let (_, list) = read_back::<der::asn1::OctetString>(ext::sct_list(&[0, 0]));
    assert_eq!(list.as_bytes(), [0, 0]);
}

#[test]
fn crls_are_read_back() {
    let ca = Authority::root(&Name::cn("CA"), &Key::toy(1));
    let der = CrlBuilder::complete(&ca.name, 200, &ca.key)
        .updates(NOW, Some(When::At(NOW + 60)))
        .revoke(Revoked::new(&[1]))
        .revoke(
            Revoked::new(&[2])
                .date(NOW - 5)
                .reason(1)
                .invalidity_date(NOW - 9)
                .certificate_issuer(&Name::cn("other CA")),
        )
        .with(ext::delta_crl_indicator(&[7]))
        .with(ext::freshest_crl(&[DistributionPoint::uri("http://crl.test/delta")]))
        .with(ext::issuing_distribution_point(&IssuingDistributionPoint {
            name: Some(PointName::uri("http://crl.test/a")),
            only_ca: true,
            only_some_reasons: Some(vec![1]),
            indirect: true,
            ..IssuingDistributionPoint::default()
        }))
        .sign(&ca.key);
    let list = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(&der).unwrap();
    assert_eq!(list.to_der().unwrap(), der);
    let tbs = &list.tbs_cert_list;
    assert_eq!(tbs.version, Version::V2);
    assert_eq!(tbs.this_update.to_unix_duration().as_secs() as i64, NOW);
    assert_eq!(tbs.next_update.unwrap().to_unix_duration().as_secs() as i64, NOW + 60);
    let revoked = tbs.revoked_certificates.as_ref().unwrap();
    assert_eq!(revoked[1].serial_number.as_bytes(), [2]);
    assert_eq!(revoked[1].revocation_date.to_unix_duration().as_secs() as i64, NOW - 5);
    let entry: Vec<(String, bool)> = revoked[1]
        .crl_entry_extensions
        .iter()
        .flatten()
        .map(|e| (e.extn_id.to_string(), e.critical))
        .collect();
    let expected = [("2.5.29.21", false), ("2.5.29.24", false), ("2.5.29.29", true)];
    assert_eq!(entry, expected.map(|(oid, critical)| (oid.to_owned(), critical)));
    let extensions = tbs.crl_extensions.as_ref().unwrap();
    let value = |oid: &str| {
        let found = extensions.iter().find(|e| e.extn_id.to_string() == oid).unwrap();
        found.extn_value.as_bytes()
    };
    assert_eq!(value("2.5.29.20"), [2, 2, 0, 200]);
    assert_eq!(value("2.5.29.27"), [2, 1, 7]);
    let point = pkix::crl::dp::IssuingDistributionPoint::from_der(value("2.5.29.28")).unwrap();
    assert!(point.only_contains_ca_certs && point.indirect_crl);
    assert!(!point.only_contains_user_certs && !point.only_contains_attribute_certs);
    assert_eq!(point.only_some_reasons.unwrap().into_iter().count(), 1);
    assert!(point.distribution_point.is_some());
    assert!(key::toy_verify(
        &ca.key.spki()[ca.key.spki().len() - 16..],
        &tbs.to_der().unwrap(),
        list.signature.raw_bytes()
    ));

    // `x509-cert` demands a version, which v1 does not write: look at the elements.
    let v1 = CrlBuilder::new(&ca.name).version(None).updates(NOW, None).sign(&ca.key);
    let tbs = elements(elements(elements(&v1)[0].1)[0].1);
    assert_eq!(tbs.iter().map(|element| element.0).collect::<Vec<_>>(), [0x30, 0x30, 0x17]);
}

/// The elements inside one, as tag and content.
fn elements(mut content: &[u8]) -> Vec<(u8, &[u8])> {
    use der::Header;
    let mut out = Vec::new();
    while !content.is_empty() {
        let mut reader = der::SliceReader::new(content).unwrap();
        let header = Header::decode(&mut reader).unwrap();
        let length = usize::try_from(header.length()).unwrap();
        let start = usize::try_from(der::Reader::position(&reader)).unwrap();
        out.push((content[0], &content[start..start + length]));
        content = &content[start + length..];
    }
    out
}

#[test]
fn ocsp_responses_have_the_shape_of_rfc_6960() {
    let estate = Estate::new();
    let (ca, serial) = (&estate.intermediate, [1]);
    let build = |responder, hash, status| {
        let id = ocsp::cert_id(hash, &ca.name, &ca.key, &serial);
        OcspResponseBuilder::new(responder)
            .produced_at(NOW)
            .respond(SingleResponse::new(&id, status).updates(NOW - 10, Some(NOW + 10)))
            .nonce(&[9; 16])
            .certificate(&ca.certificate)
            .sign(&ca.key)
    };
    let cases = [
        ("good", Status::Good, (0x80, vec![])),
        (
            "revoked",
            Status::Revoked(NOW, Some(1)),
            (0xa1, b"\x18\x0f20260701000000Z\xa0\x03\x0a\x01\x01".to_vec()),
        ),
        ("unknown", Status::Unknown, (0x82, vec![])),
    ];
    for (name, status, (tag, content)) in cases {
        let der = build(Responder::Name(ca.name.clone()), IdHash::Sha256, status);
        let response = elements(elements(&der)[0].1);
        assert_eq!(response[0], (0x0a, &[0][..]), "{name}");
        let bytes = elements(elements(response[1].1)[0].1);
        assert_eq!(bytes[0].1, kit::der::oid_content("1.3.6.1.5.5.7.48.1.1"), "{name}");
        let basic = elements(elements(bytes[1].1)[0].1);
        assert_eq!(basic.iter().map(|e| e.0).collect::<Vec<_>>(), [0x30, 0x30, 0x03, 0xa0]);
        let tbs = kit::der::tlv(0x30, basic[0].1);
        assert_eq!(basic[2].1[1..], ca.key.sign(&tbs), "{name}");
        let data = elements(basic[0].1);
        assert_eq!(data.iter().map(|e| e.0).collect::<Vec<_>>(), [0xa1, 0x18, 0x30, 0xa1]);
        assert_eq!(data[0].1, ca.name.0, "{name}");
        let single = elements(elements(data[2].1)[0].1);
        assert_eq!(single[1], (tag, &content[..]), "{name}");
        let id = elements(single[0].1);
        assert_eq!((id[1].1.len(), id[2].1.len(), id[3].1), (32, 32, &serial[..]), "{name}");
    }
    let by_key = build(Responder::Key(ca.key.clone()), IdHash::Sha1, Status::Good);
    let found = by_key.windows(2).any(|pair| pair == [0xa2, 22]);
    assert!(found, "a responder key hash of 20 octets under [2]");
    // The key octets of an Ed25519 SPKI are its last 32.
    let spki = ca.key.spki();
    let hash =
        ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &spki[spki.len() - 32..]);
    assert!(by_key.windows(20).any(|octets| octets == hash.as_ref()));
    assert_eq!(OcspResponseBuilder::failure(3), [0x30, 3, 0x0a, 1, 3]);
}

#[test]
fn pem_is_read_back() {
    let estate = Estate::new();
    for length in [0, 1, 2, 3, 47, 48, 49, estate.leaf.len()] {
        let text = kit::der::pem("CERTIFICATE", &estate.leaf[..length]);
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        use base64ct::Encoding;
        assert_eq!(base64ct::Base64::decode_vec(&body).unwrap(), estate.leaf[..length]);
        assert!(text.lines().all(|line| line.len() <= 64));
    }
}

#[test]
fn object_identifiers_and_lengths_are_those_of_der() {
    for dotted in ["0.9.2342.19200300.100.1.25", "2.5.29.32.0", "1.2.840.113549.1.1.11"] {
        let expected = ObjectIdentifier::new_unwrap(dotted).to_der().unwrap();
        assert_eq!(kit::der::oid(dotted), expected, "{dotted}");
    }
    assert_eq!(kit::der::oid("2.999.3"), [6, 3, 0x88, 0x37, 3]);
    for length in [0, 1, 127, 128, 255, 256, 65_536] {
        let element = kit::der::octet_string(&vec![0; length]);
        assert_eq!(der::asn1::OctetString::from_der(&element).unwrap().as_bytes().len(), length);
    }
    for value in [0, 127, 128, 255, 256, u64::MAX] {
        assert_eq!(kit::der::unsigned(value), value.to_der().unwrap(), "{value}");
    }
}

#[test]
fn the_same_seed_makes_the_same_choices() {
    let draw = |seed| {
        let mut rng = Rng::new(seed);
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
        rng.shuffle(&mut items);
        (items, rng.bytes::<5>(), rng.below(1_000), rng.chance(50), rng.pick(&[1, 2, 3]))
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let mut rng = Rng::new(3);
    let hits = (0..10_000).filter(|_| rng.chance(30)).count();
    assert!((2_800..3_200).contains(&hits), "{hits} of 10000 at 30 percent");
}

#[cfg(feature = "aws-lc-rs")]
#[test]
fn there_are_any_number_of_p256_keys() {
    let keys = [5, 6, 7, u64::MAX].map(|number| Key::new(Kind::P256, number));
    for (place, key) in keys.iter().enumerate() {
        assert!(keys[..place].iter().all(|other| other.spki() != key.spki()));
        let signature = key.sign(b"message");
        let public = &key.spki()[key.spki().len() - 65..];
        let key = ring::signature::UnparsedPublicKey::new(
            &ring::signature::ECDSA_P256_SHA256_ASN1,
            public,
        );
        assert!(key.verify(b"message", &signature).is_ok(), "{place}");
    }
    assert_eq!(Key::new(Kind::P256, 7).spki(), keys[2].spki());
}
