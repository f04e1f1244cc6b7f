//! Bad input of each kind, to each reader: a typed error that says where, never a panic.

#![cfg(feature = "ring")]
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod kit;

use std::mem::discriminant;
use std::sync::Arc;

use bonafide::decision::Violation;
use bonafide::policy::ValidationPolicy;
use bonafide::signature::RingBackend;
use bonafide::trust::{AnchorError, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::{
    Certificate, CertificateError, CertificateErrorKind, CertificateRevocationList, DerErrorKind,
    FormatError, FormatErrorKind, OcspResponse, PemBlocks, PemError, PemErrorKind, Tag, Time,
    certificates, certificates_from_pem_or_der, crls_from_pem_or_der,
};
use kit::{
    CrlBuilder, Estate, IdHash, Key, Kind, NOW, OcspResponseBuilder, Responder, Revoked,
    SingleResponse, Status, der, ocsp,
};
use rustls_pki_types::CertificateDer;

/// Which rule of DER is broken, nothing where it is a rule of the structure; and at which byte.
type Answer = Result<(), (Option<DerErrorKind>, usize)>;

fn of_certificate(error: CertificateError) -> (Option<DerErrorKind>, usize) {
    match error.kind() {
        CertificateErrorKind::Der(kind) => (Some(kind), error.offset()),
        _ => (None, error.offset()),
    }
}

fn of_format(error: FormatError) -> (Option<DerErrorKind>, usize) {
    match error.kind() {
        FormatErrorKind::Der(kind) => (Some(kind), error.offset()),
        _ => (None, error.offset()),
    }
}

fn certificate(input: &[u8]) -> Answer {
    let read = Certificate::from_der(input).and_then(|certificate| certificate.check());
    read.map_err(of_certificate)
}

fn anchor(input: &[u8]) -> Answer {
    match TrustAnchor::from_der(input) {
        Ok(_) => Ok(()),
        Err(AnchorError::Certificate(error)) => Err(of_certificate(error)),
        Err(error) => panic!("not an error of the certificate: {error:?}"),
    }
}

/// A whole decision on the input as the peer's own certificate.
fn decision(input: &[u8]) -> Answer {
    let estate = Estate::new();
    let leaf = CertificateDer::from(input);
    let pool = [CertificateDer::from(estate.intermediate.certificate.as_slice())];
    let decision = verifier(&estate).decide(
        &Request::new(&leaf, &pool, Expect::dangerously_any_identity()),
        Time::from_unix(NOW),
    );
    match decision.rejection().map(|rejection| rejection.cause().violation()) {
        None => Ok(()),
        Some(Violation::Malformed(error)) => {
            assert_eq!(decision.code(), "encoding.malformed");
            assert!(decision.explain().to_string().contains("at byte"));
            Err(of_certificate(*error))
        }
        Some(violation) => panic!("not malformed: {violation:?}"),
    }
}

fn verifier(estate: &Estate) -> Verifier {
    let anchor = TrustAnchor::from_der(&estate.root.certificate).unwrap();
    Verifier::new(
        Arc::new(TrustStore::dangerously_unscoped(TrustBundle::new([anchor]))),
        Arc::new(ValidationPolicy::tls_server()),
        Arc::new(RingBackend::NEW),
    )
}

fn crl(input: &[u8]) -> Answer {
    let list = CertificateRevocationList::from_der(input).map_err(of_format)?;
    list.entries().try_for_each(|entry| entry.map(drop)).map_err(of_format)
}

fn ocsp_response(input: &[u8]) -> Answer {
    OcspResponse::from_der(input).map(drop).map_err(of_format)
}

struct Reader {
    name: &'static str,
    sound: Vec<u8>,
    read: fn(&[u8]) -> Answer,
}

fn readers() -> Vec<Reader> {
    let estate = Estate::new();
    let ca = &estate.intermediate;
    let list = (0..9)
        .fold(CrlBuilder::complete(&ca.name, 5, &ca.key), |list, serial| {
            list.revoke(Revoked::new(&[serial]).reason(1))
        })
        .sign(&ca.key);
    let id = ocsp::cert_id(IdHash::Sha256, &ca.name, &ca.key, &[3]);
    let response = OcspResponseBuilder::new(Responder::Name(ca.name.clone()))
        .respond(SingleResponse::new(&id, Status::Good))
        .sign(&ca.key);
    let reader = |name, sound: &[u8], read| Reader { name, sound: sound.to_vec(), read };
    vec![
        reader("certificate", &estate.leaf, certificate),
        reader("anchor", &estate.root.certificate, anchor),
        reader("decision", &estate.leaf, decision),
        reader("crl", &list, crl),
        reader("ocsp", &response, ocsp_response),
    ]
}

#[test]
fn bad_der_is_named_with_its_place() {
    let key = Key::new(Kind::P256, 0);
    let pkcs8 = key.pkcs8().unwrap();
    for Reader { name, sound, read } in readers() {
        assert_eq!(read(&sound), Ok(()), "{name}");
        let unexpected = |found| DerErrorKind::UnexpectedTag { expected: Tag::SEQUENCE, found };
        let with = |first: usize, octets: &[u8], last: usize| {
            [&sound[..first], octets, &sound[last..]].concat()
        };
        assert_eq!(sound[..2], [0x30, 0x82], "{name}: a length of two octets");
        let length = u32::from(u16::from_be_bytes([sound[2], sound[3]])).to_be_bytes();
        let cases: [(&str, Vec<u8>, DerErrorKind, usize); 8] = [
            ("empty", vec![], DerErrorKind::Truncated { missing: 1 }, 0),
            ("garbage", b"garbage".to_vec(), unexpected(Tag::context(7)), 0),
            ("a mebibyte of zeros", vec![0; 1 << 20], unexpected(Tag::NULL), 0),
            ("trailing", with(sound.len(), &[0], sound.len()), trailing(1), sound.len()),
            ("twice", sound.repeat(2), trailing(sound.len()), sound.len()),
            ("indefinite length", with(1, &[0x80], 4), DerErrorKind::IndefiniteLength, 1),
            (
                "long length",
                with(1, &[&[0x83][..], &length[1..]].concat(), 4),
                DerErrorKind::NonMinimalLength,
                1,
            ),
            (
                "length beyond the end",
                with(1, &[0x82, 0xff, 0xff], 4),
                DerErrorKind::Truncated { missing: 0xffff + 4 - sound.len() },
                1,
            ),
        ];
        for (case, input, kind, offset) in cases {
            let found = read(&input).unwrap_err();
            assert!(
                found.0.is_some_and(|found| discriminant(&found) == discriminant(&kind)),
                "{name}, {case}: {found:?}, not {kind:?}"
            );
            assert!(found.1.abs_diff(offset) <= 4, "{name}, {case}: {found:?}, not at {offset}");
        }
        for (case, input) in [("private key", &pkcs8[..]), ("public key", key.spki())] {
            let (kind, offset) = read(input).unwrap_err();
            assert!(offset <= input.len(), "{name}, {case}: {kind:?} at {offset}");
        }
    }
}

fn trailing(extra: usize) -> DerErrorKind {
    DerErrorKind::TrailingData { extra }
}

#[test]
fn a_cut_at_every_byte_is_named_with_its_place() {
    for Reader { name, sound, read } in readers() {
        for end in 0..sound.len() {
            let (kind, offset) = read(&sound[..end]).unwrap_err();
            assert!(
                matches!(kind, Some(DerErrorKind::Truncated { .. })) && offset <= end,
                "{name} cut at {end}: {kind:?} at {offset}"
            );
        }
    }
}

/// The outer lengths fit what is left, so that the cut falls into every inner element.
#[test]
fn a_cut_with_repaired_lengths_never_panics() {
    for Reader { name, sound, read } in readers() {
        for end in 4..sound.len() {
            let input = der::tlv(0x30, &sound[4..end]);
            if let Err((kind, offset)) = read(&input) {
                assert!(offset <= input.len(), "{name} cut at {end}: {kind:?} at {offset}");
            } else {
                panic!("{name} cut at {end} is read");
            }
        }
    }
}

#[test]
fn a_changed_byte_never_panics() {
    // Readers whose errors may be of other kinds than DER are asked for no more than an answer.
    let estate = Estate::new();
    let verifier = verifier(&estate);
    let pool = [CertificateDer::from(estate.intermediate.certificate.as_slice())];
    let readers = readers();
    for at in 0..estate.leaf.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = estate.leaf.clone();
            changed[at] ^= flip;
            let leaf = CertificateDer::from(changed);
            let request = Request::new(&leaf, &pool, Expect::dangerously_any_identity());
            let decision = verifier.decide(&request, Time::from_unix(NOW));
            assert!(!decision.is_accepted(), "byte {at} with {flip:02x}");
            assert!(decision.explain().to_string().starts_with("rejected: "));
            let _ = TrustAnchor::from_der(&leaf);
        }
    }
    for Reader { name, sound, .. } in &readers {
        for at in 0..sound.len() {
            let mut changed = sound.clone();
            changed[at] ^= 0x81;
            match *name {
                "crl" => {
                    if let Ok(list) = CertificateRevocationList::from_der(&changed) {
                        let count = list.entries().count();
                        assert!(count <= 10, "byte {at}: {count} entries");
                    }
                }
                "ocsp" => {
                    if let Err(error) = OcspResponse::from_der(&changed) {
                        assert!(error.offset() <= changed.len(), "byte {at}: {error}");
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn bad_pem_is_named_with_its_place() {
    let estate = Estate::new();
    let pem = kit::certificate_pem(&estate.leaf);
    let key = der::pem("PRIVATE KEY", &Key::new(Kind::P256, 0).pkcs8().unwrap());
    let lines = pem.lines().count();
    let kind = |error: &PemError| error.code();
    let cases: [(&str, Vec<u8>, &str, usize, usize); 11] = [
        ("empty", vec![], "pem.empty-input", 0, 1),
        ("blank", b"\n \r\n".to_vec(), "pem.empty-input", 0, 1),
        ("garbage", vec![0x7f; 100], "pem.no-block", 0, 1),
        ("a mebibyte of zeros", vec![0; 1 << 20], "pem.no-block", 0, 1),
        ("key", key.clone().into(), "pem.wrong-label", 0, 1),
        (
            "key after a certificate",
            format!("{pem}{key}").into(),
            "pem.wrong-label",
            pem.len(),
            lines + 1,
        ),
        ("DER", estate.leaf.clone(), "pem.binary-der", 0, 1),
        (
            "joined without a newline",
            format!("{}{pem}", pem.trim_end()).into(),
            "pem.malformed-boundary",
            pem.rfind("-----END").unwrap(),
            lines,
        ),
        (
            "labels differ",
            pem.replace("END CERTIFICATE", "END X509 CRL").into(),
            "pem.label-mismatch",
            pem.rfind("-----END").unwrap(),
            lines,
        ),
        ("no base64", pem.replacen("MII", "M!I", 1).into(), "pem.invalid-base64", 29, 2),
        (
            "encrypted",
            pem.replacen("MII", "Proc-Type: 4,ENCRYPTED\n\nMII", 1).into(),
            "pem.header",
            28,
            2,
        ),
    ];
    for (case, input, code, offset, line) in cases {
        let error = certificates(&input).unwrap_err();
        assert_eq!((kind(&error), error.offset(), error.line()), (code, offset, line), "{case}");
        if case != "DER" {
            assert_eq!(certificates_from_pem_or_der(&input).unwrap_err(), error, "{case}");
        }
        let text = error.to_string();
        assert!(text.ends_with(&format!("at byte {offset}, line {line}")), "{case}: {text}");
    }
    let error = crls_from_pem_or_der(pem.as_bytes()).unwrap_err();
    assert!(matches!(error.kind(), PemErrorKind::WrongLabel { expected: "X509 CRL", .. }));
    let error = certificates_from_pem_or_der(&[&estate.leaf[..], &[0]].concat()).unwrap_err();
    assert_eq!(error.kind(), PemErrorKind::Der(trailing(1)));
    assert_eq!((error.offset(), error.line()), (estate.leaf.len(), 1));
}

#[test]
fn pem_cut_at_every_byte_is_an_error() {
    let estate = Estate::new();
    let (one, two) =
        (kit::certificate_pem(&estate.leaf), kit::certificate_pem(&estate.root.certificate));
    let both = format!("{one}{two}");
    let whole = both.trim_end().len();
    for end in 0..whole {
        // Cut behind the first block and before the second one shows as one, the first is left.
        let shows = one.len() + "-----BEGIN".len();
        let first_alone = (one.trim_end().len()..shows).contains(&end);
        match certificates(&both.as_bytes()[..end]) {
            Ok(found) => assert!(first_alone && found.len() == 1, "cut at {end}"),
            Err(error) => assert!(!first_alone && error.offset() <= end, "cut at {end}: {error}"),
        }
        let last = PemBlocks::new(&both.as_bytes()[..end]).last().unwrap();
        assert_eq!(last.is_ok(), first_alone, "cut at {end}");
    }
    assert_eq!(certificates(both.as_bytes()).unwrap().len(), 2);
}

#[test]
fn what_cannot_be_read_in_the_pool_is_a_finding_and_no_obstacle() {
    let estate = Estate::new();
    let verifier = verifier(&estate);
    let leaf = CertificateDer::from(estate.leaf.as_slice());
    let intermediate = &estate.intermediate.certificate;
    let (zeros, cut) = (vec![0; 1 << 16], &intermediate[..intermediate.len() - 1]);
    let key = Key::new(Kind::P256, 0);
    let garbage: [&[u8]; 5] = [b"", b"garbage", &zeros, cut, key.spki()];
    let mut pool: Vec<CertificateDer<'_>> =
        garbage.iter().map(|&der| CertificateDer::from(der)).collect();
    let expected = "dns:leaf.example.test".parse().unwrap();
    let decide = |pool: &[CertificateDer<'_>]| {
        let request = Request::new(&leaf, pool, Expect::name(&expected));
        verifier.decide(&request, Time::from_unix(NOW))
    };
    let rejected = decide(&pool);
    assert_eq!(rejected.code(), "trust.no-route");
    let unreadable = rejected.findings().filter(|finding| finding.code() == "encoding.malformed");
    assert_eq!(unreadable.count(), garbage.len());
    pool.push(CertificateDer::from(intermediate.as_slice()));
    assert_eq!(decide(&pool).code(), "accepted");
    let mebibyte = [CertificateDer::from(vec![0; 1 << 20])];
    assert_eq!(decide(&mebibyte).code(), "limit.pool-bytes");
}
