//! The X.509-SVID profile: what the SPIFFE standard asks of a certificate beyond RFC 5280.
//!
//! The rules bear the numbers of the project's list of the standard's requirements (`X-01` to
//! `X-31`). Where the standard says a thing twice, to issuers in sections 2 to 4 and to validators
//! in section 5.2, one [`SvidRule`] stands for both, under the number for issuers.
//!
//! Two depths. [`SvidProfile::Minimal`] is section 5.2: the leaf has exactly one URI, which is a
//! SPIFFE ID with a path, is no CA, and may sign neither certificates nor CRLs.
//! [`SvidProfile::Strict`] is every MUST of the standard, on the leaf, on signing certificates and
//! on the certificates behind anchors. What the standard only recommends never refuses: signing
//! certificates without a SPIFFE ID or of another trust domain (X-08, X-11, ID-19), a leaf without
//! extended key usage, extended key usage of signing certificates.
//!
//! Left to others: path validation, URI name constraints, path length (X-15 on
//! signing certificates), the choice of the bundle by trust domain (B-05).
//!
//! Where the standard leaves room:
//! - SPIFFE IDs of leaves are read strictly: no upper case in scheme or trust domain.
//! - absent basicConstraints say that cA is false, as in RFC 5280 section 4.2.1.9.
//! - `spiffe://example.org/` has no path where it names a signing certificate; the standard's
//!   own example of a bundle writes it so.
//! - a signing certificate without SPIFFE ID is held to one URI and to key usage too;
//!   the standard calls every certificate of the path but the leaf a signing certificate.

use core::fmt;

use super::certificate::Sink;
use super::violation::Violation;
use crate::identity::SpiffeIdRef;
use crate::policy::SvidProfile;
use crate::x509::oid::known;
use crate::x509::{Certificate, ExtensionKind, GeneralName, KeyUsage, Oid};

macro_rules! svid_rules {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal, $text:literal;)*) => {
        /// A rule of the X.509-SVID standard that one certificate can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum SvidRule {
            $($(#[$doc])* $name,)*
        }

        impl SvidRule {
            /// All rules, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the number in the list of requirements: 6 for X-06.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Self::$name => $number,)* }
            }

            /// Returns the stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }

        impl fmt::Display for SvidRule {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)* })
            }
        }
    };
}

svid_rules! {
    /// X-01, section 2: "the SPIFFE ID is set as a URI type in the Subject Alternative Name
    /// extension".
    SpiffeId = 1, "spiffe.x-01", "the subject alternative name must have a spiffe id as its uri";
    /// sections 2 and 5.2: exactly one URI, whatever the schemes of the others.
    OneUri = 2, "spiffe.x-02", "the subject alternative name must not have more than one uri";
    /// sections 3.1 and 5.2: the SPIFFE ID of a leaf has a path.
    LeafPath = 6, "spiffe.x-06", "the spiffe id of a leaf must have a path";
    /// X-07, section 3.1: without a subject, the subject alternative name is critical.
    CriticalName = 7, "spiffe.x-07",
        "the subject alternative name must be critical where there is no subject";
    /// X-09, section 3.2: the SPIFFE ID of a signing certificate has no path.
    SigningPath = 9, "spiffe.x-09", "the spiffe id of a signing certificate must not have a path";
    /// sections 3.2, 4.1 and 5.2: cA is false in a leaf.
    LeafNotCa = 13, "spiffe.x-13", "a leaf must not be a ca";
    /// X-14, section 4.1: cA is true in a signing certificate.
    SigningCa = 14, "spiffe.x-14", "a signing certificate must be a ca";
    /// X-15, section 4.1, with RFC 5280 section 4.2.1.9: only a signing certificate has
    /// pathLenConstraint.
    LeafPathLength = 15, "spiffe.x-15", "a leaf must not have a path length constraint";
    /// X-16, section 4.3: key usage is present and critical.
    KeyUsageCritical = 16, "spiffe.x-16", "key usage must be present and critical";
    /// X-17, section 4.3: keyCertSign in a signing certificate.
    SigningKeyUsage = 17, "spiffe.x-17",
        "key usage of a signing certificate must have keyCertSign";
    /// X-18, section 4.3: digitalSignature in a leaf.
    LeafKeyUsage = 18, "spiffe.x-18", "key usage of a leaf must have digitalSignature";
    /// sections 4.3 and 5.2: neither keyCertSign nor cRLSign in a leaf.
    LeafMayNotSign = 20, "spiffe.x-20",
        "key usage of a leaf must have neither keyCertSign nor cRLSign";
    /// X-23, section 4.4: extended key usage of a leaf, where present, has serverAuth and
    /// clientAuth.
    BothPurposes = 23, "spiffe.x-23",
        "extended key usage of a leaf must have serverAuth and clientAuth";
    /// X-29, section 5.2: the scheme of the URI is `spiffe`.
    Scheme = 29, "spiffe.x-29", "the uri in the subject alternative name must have scheme spiffe";
}

/// Reports the rules for the target certificate that it breaks.
pub(crate) fn check_svid_leaf(
    certificate: &Certificate<'_>,
    profile: SvidProfile,
    report: Sink<'_>,
) {
    if profile == SvidProfile::Off {
        return;
    }
    let mut broken = |rule| report(Violation::Svid(rule));
    // 2, 5.2: validators refuse more than one URI, another scheme and an ID without path.
    match only_uri(certificate) {
        Uri::Many => broken(SvidRule::OneUri),
        Uri::None => broken(SvidRule::SpiffeId),
        Uri::One(uri) => match SpiffeIdRef::parse(uri) {
            Ok(id) if id.has_path() => {}
            Ok(_) => broken(SvidRule::LeafPath),
            Err(_) if names_trust_domain(uri) => broken(SvidRule::LeafPath),
            Err(_) if has_spiffe_scheme(uri) => broken(SvidRule::SpiffeId),
            Err(_) => broken(SvidRule::Scheme),
        },
    }
    // 4.1, 5.2: leaf certificates have cA false.
    let constraints = certificate.basic_constraints();
    if constraints.is_some_and(|constraints| constraints.ca) {
        broken(SvidRule::LeafNotCa);
    }
    // 4.3, 5.2: leaf certificates set neither keyCertSign nor cRLSign.
    let usage = certificate.key_usage();
    let signing = KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN);
    if usage.is_some_and(|usage| usage.intersects(signing)) {
        broken(SvidRule::LeafMayNotSign);
    }
    if profile != SvidProfile::Strict {
        return;
    }
    // 3.1: the subject is optional; without it the subject alternative name is critical.
    if certificate.subject().is_empty() && !certificate.is_critical(ExtensionKind::SubjectAltName) {
        broken(SvidRule::CriticalName);
    }
    // RFC 5280 4.2.1.9: "CAs MUST NOT include the pathLenConstraint field unless the cA boolean is
    // asserted".
    if constraints.is_some_and(|constraints| !constraints.ca && constraints.path_len.is_some()) {
        broken(SvidRule::LeafPathLength);
    }
    check_key_usage_critical(certificate, &mut broken);
    if usage.is_some_and(|usage| !usage.contains(KeyUsage::DIGITAL_SIGNATURE)) {
        broken(SvidRule::LeafKeyUsage);
    }
    if let Some(purposes) = certificate.extended_key_usage() {
        let both = purposes.is_ok_and(|purposes| {
            purposes.contains(Oid::trusted(known::SERVER_AUTH))
                && purposes.contains(Oid::trusted(known::CLIENT_AUTH))
        });
        if !both {
            broken(SvidRule::BothPurposes);
        }
    }
}

/// Reports the rules for a signing certificate that it breaks, but for those of
/// [`check_svid_authority`], which [`check_issuer`](super::check_issuer) asks.
///
/// Only [`SvidProfile::Strict`] has any.
pub(crate) fn check_svid_issuer(
    certificate: &Certificate<'_>,
    profile: SvidProfile,
    report: Sink<'_>,
) {
    if profile != SvidProfile::Strict {
        return;
    }
    let mut broken = |rule| report(Violation::Svid(rule));
    match only_uri(certificate) {
        Uri::Many => broken(SvidRule::OneUri),
        Uri::One(uri) if has_spiffe_scheme(uri) => match SpiffeIdRef::parse(uri) {
            Ok(id) if !id.has_path() => {}
            Ok(_) => broken(SvidRule::SigningPath),
            Err(_) if names_trust_domain(uri) => {}
            Err(_) => broken(SvidRule::SpiffeId),
        },
        // 3.2: "A signing certificate SHOULD itself be an SVID."
        Uri::One(_) | Uri::None => {}
    }
    check_key_usage_critical(certificate, &mut broken);
}

/// Reports the rules for the certificate behind an anchor that it breaks: those of
/// [`check_svid_issuer`] and [`check_svid_authority`].
///
/// Only [`SvidProfile::Strict`] has any. The bundle is a set of signing certificates.
pub(crate) fn check_svid_anchor(
    certificate: &Certificate<'_>,
    profile: SvidProfile,
    report: Sink<'_>,
) {
    if profile == SvidProfile::Strict {
        check_svid_issuer(certificate, profile, report);
        check_svid_authority(certificate, report);
    }
}

/// Reports, which stand for RFC 5280 section 6.1.4 (k) and (n) where every rule of the
/// SVID standard is demanded.
pub(super) fn check_svid_authority(certificate: &Certificate<'_>, report: Sink<'_>) {
    // 4.1: signing certificates have cA true.
    if !certificate.basic_constraints().is_some_and(|constraints| constraints.ca) {
        report(Violation::Svid(SvidRule::SigningCa));
    }
    // 4.3: signing certificates have keyCertSign; where key usage is absent, X-16 says so.
    if certificate.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::KEY_CERT_SIGN)) {
        report(Violation::Svid(SvidRule::SigningKeyUsage));
    }
}

/// 4.3: "The Key Usage extension MUST be set on all SVIDs, and MUST be marked critical."
fn check_key_usage_critical(certificate: &Certificate<'_>, broken: &mut dyn FnMut(SvidRule)) {
    // A critical extension is present.
    if !certificate.is_critical(ExtensionKind::KeyUsage) {
        broken(SvidRule::KeyUsageCritical);
    }
}

/// The URIs among the subject alternative names.
enum Uri<'a> {
    None,
    One(&'a str),
    Many,
}

/// Names that cannot be read count as none, so that nothing is taken for an identity that a stricter
/// reader would not see.
fn only_uri<'a>(certificate: &Certificate<'a>) -> Uri<'a> {
    let Some(Ok(names)) = certificate.subject_alt_name() else { return Uri::None };
    let mut uris = names.iter().filter_map(|name| match name {
        Ok(GeneralName::Uri(uri)) => Some(uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (None, _) => Uri::None,
        (Some(uri), None) => Uri::One(uri),
        (Some(_), Some(_)) => Uri::Many,
    }
}

fn has_spiffe_scheme(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("spiffe"))
}

/// Whether it would be the SPIFFE ID of a trust domain but for a slash behind it.
fn names_trust_domain(uri: &str) -> bool {
    uri.strip_suffix('/')
        .is_some_and(|bare| SpiffeIdRef::parse(bare).is_ok_and(|id| !id.has_path()))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::super::sample::*;
    use super::*;

    fn leaf() -> Sample {
        Sample::end_entity().uris(&["spiffe://example.org/a"])
    }

    fn judge(
        sample: &Sample,
        profile: SvidProfile,
        check: fn(&Certificate<'_>, SvidProfile, Sink<'_>),
    ) -> Vec<&'static str> {
        let mut found = Vec::new();
        sample.read(|certificate| {
            check(certificate, profile, &mut |violation| found.push(violation.code()));
        });
        found
    }

    #[test]
    fn leaves() {
        const BOTH: bool = true;
        const STRICT: bool = false;
        let usage = |unused, bits| leaf().with(&KEY_USAGE, true, &bit_string(unused, bits));
        let cases: &[(&str, Sample, bool, &[&str])] = &[
            ("good", leaf(), BOTH, &[]),
            ("without basic constraints", leaf().without(&BASIC_CONSTRAINTS), BOTH, &[]),
            ("without purposes", leaf().without(&EXTENDED_KEY_USAGE), BOTH, &[]),
            ("no uri", leaf().dns("a.example"), BOTH, &["spiffe.x-01"]),
            ("no names", leaf().without(&SUBJECT_ALT_NAME), BOTH, &["spiffe.x-01"]),
            ("bad id", leaf().uris(&["spiffe://example.org/a/"]), BOTH, &["spiffe.x-01"]),
            ("upper case", leaf().uris(&["SPIFFE://example.org/a"]), BOTH, &["spiffe.x-01"]),
            (
                "unreadable names",
                leaf().with(&SUBJECT_ALT_NAME, false, b"spiffe://example.org/a"),
                BOTH,
                &["spiffe.x-01"],
            ),
            (
                "two uris",
                leaf().uris(&["spiffe://example.org/a", "https://example.org/"]),
                BOTH,
                &["spiffe.x-02"],
            ),
            ("no path", leaf().uris(&["spiffe://example.org"]), BOTH, &["spiffe.x-06"]),
            ("root path", leaf().uris(&["spiffe://example.org/"]), BOTH, &["spiffe.x-06"]),
            ("other scheme", leaf().uris(&["https://example.org/a"]), BOTH, &["spiffe.x-29"]),
            (
                "ca",
                leaf().with(&BASIC_CONSTRAINTS, true, &[0x30, 3, 1, 1, 0xff]),
                BOTH,
                &["spiffe.x-13"],
            ),
            ("signs lists", usage(1, 0x82), BOTH, &["spiffe.x-20"]),
            ("signs certificates", usage(2, 0x84), BOTH, &["spiffe.x-20"]),
            ("no subject", leaf().subject(no_name()), STRICT, &["spiffe.x-07"]),
            (
                "no subject, critical",
                leaf().subject(no_name()).flip(&SUBJECT_ALT_NAME),
                STRICT,
                &[],
            ),
            (
                "path length",
                leaf().with(&BASIC_CONSTRAINTS, true, &[0x30, 3, 2, 1, 0]),
                STRICT,
                &["spiffe.x-15"],
            ),
            ("no key usage", leaf().without(&KEY_USAGE), STRICT, &["spiffe.x-16"]),
            ("key usage not critical", leaf().flip(&KEY_USAGE), STRICT, &["spiffe.x-16"]),
            ("no digitalSignature", usage(5, 0x20), STRICT, &["spiffe.x-18"]),
            ("clientAuth", leaf().purposes(false, &[CLIENT_AUTH]), STRICT, &["spiffe.x-23"]),
            ("any purpose", leaf().purposes(false, &[ANY_PURPOSE]), STRICT, &["spiffe.x-23"]),
        ];
        for (case, sample, minimal, expected) in cases {
            assert_eq!(judge(sample, SvidProfile::Strict, check_svid_leaf), *expected, "{case}");
            let expected = if *minimal { expected } else { &[][..] };
            assert_eq!(judge(sample, SvidProfile::Minimal, check_svid_leaf), expected, "{case}");
            assert!(judge(sample, SvidProfile::Off, check_svid_leaf).is_empty(), "{case}");
        }
    }

    fn bit_string(unused: u8, bits: u8) -> [u8; 4] {
        [3, 2, unused, bits]
    }

    #[test]
    fn signing_certificates() {
        let signing = || Sample::issuer().uris(&["spiffe://example.org"]);
        let cases: &[(&str, Sample, &[&str])] = &[
            ("good", signing(), &[]),
            ("no id", Sample::issuer(), &[]),
            ("another kind of uri", signing().uris(&["https://example.org/a"]), &[]),
            ("slash", signing().uris(&["spiffe://example.org/"]), &[]),
            ("path", signing().uris(&["spiffe://example.org/ca"]), &["spiffe.x-09"]),
            ("bad id", signing().uris(&["spiffe://example.org?ca"]), &["spiffe.x-01"]),
            ("two", signing().uris(&["spiffe://a", "spiffe://b"]), &["spiffe.x-02"]),
            ("not a ca", signing().without(&BASIC_CONSTRAINTS), &["spiffe.x-14"]),
            ("no key usage", signing().without(&KEY_USAGE), &["spiffe.x-16"]),
            ("not critical", signing().flip(&KEY_USAGE), &["spiffe.x-16"]),
            ("no keyCertSign", signing().with(&KEY_USAGE, true, &[3, 2, 1, 2]), &["spiffe.x-17"]),
        ];
        for (case, sample, expected) in cases {
            let anchor = judge(sample, SvidProfile::Strict, check_svid_anchor);
            assert_eq!(anchor, *expected, "{case}");
            let issuer = judge(sample, SvidProfile::Strict, check_svid_issuer);
            let authority = ["spiffe.x-14", "spiffe.x-17"];
            let own: Vec<_> =
                expected.iter().copied().filter(|code| !authority.contains(code)).collect();
            assert_eq!(issuer, own, "{case}");
            assert!(judge(sample, SvidProfile::Minimal, check_svid_anchor).is_empty(), "{case}");
        }
    }

    #[test]
    fn codes_carry_the_numbers() {
        for rule in SvidRule::ALL {
            let [tens, ones] = [rule.number() / 10, rule.number() % 10];
            assert_eq!(rule.code(), alloc::format!("spiffe.x-{tens}{ones}"));
            assert!(!rule.to_string().is_empty());
        }
        assert!(SvidRule::ALL.is_sorted_by_key(|rule| rule.number()));
    }
}
