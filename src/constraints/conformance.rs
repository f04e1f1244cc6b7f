//! What RFC 5280 and the CA/Browser Forum's Baseline Requirements ask of *conforming CAs*.
//!
//! Path validation (RFC 5280 section 6.1) looks at none of this. Each rule is one
//! [`ConformanceRule`], off except in the strict profiles, and reported under its own code. A rule
//! looks at one certificate and at the [`Role`] that it plays on the path.
//!
//! The certificate behind an anchor is data about a key that the operator trusts, and section 6.1
//! takes nothing from it but name and key. [`ConformanceRule::AnchorConforms`] and the `Anchor…`
//! rules judge it all the same; what is then found wrong by a rule of section 6.1 (validity,
//! authority to issue, unknown critical extensions) keeps the code of that rule.
//!
//! Left to others: CRLs ([`ConformanceRule::CrlNumber`] is the revocation room's), whether a value
//! can be read at all ([`Certificate::check`]), names that differ from those expected, purposes.
//!
//! Where the sources leave room:
//! - *Specification: authorityKeyIdentifier may be omitted in a self-signed certificate. Enforced
//!   here: where subject and issuer are the same bytes*; no signature is verified to tell.
//! - *Specification: serial numbers have at most 20 octets. Enforced here: without the zero octet
//!   that only keeps the number positive*, as CAs and other validators count.
//! - *Specification: serial numbers are positive. Enforced here: but for anchors*, which nobody
//!   revokes by number; roots of 2008 with the number 0 are in use.
//! - *Specification: the Baseline Requirements speak of public suffixes without saying which list.
//!   Enforced here: a top level domain is one; beyond that the policy's list decides.*

use alloc::format;

use super::certificate::{
    Demands, Sink, check_authority, check_critical_extensions, check_validity,
};
use super::violation::Violation;
use crate::identity::{ip_from_octets, is_preferred_name};
use crate::policy::{ConformanceRule as Rule, ValidationPolicy};
use crate::signature::KeyAlgorithm;
use crate::x509::oid::known;
use crate::x509::{
    Certificate, ExtensionKind as Kind, GeneralName, GeneralNames, KeyUsage, Oid, Version,
};

/// What a certificate does on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The target.
    EndEntity,
    /// Issues the certificate below it.
    Issuer,
    /// Is the certificate that an anchor was made from.
    Anchor,
}

/// Reports the rules of the policy's [`Conformance`](crate::policy::Conformance) that the
/// certificate breaks.
pub(crate) fn check_conformance(
    certificate: &Certificate<'_>,
    role: Role,
    demands: &Demands<'_>,
    report: Sink<'_>,
) {
    let policy = demands.policy;
    if policy.conformance.is_none() {
        return;
    }
    if role == Role::Anchor {
        check_anchor(certificate, policy, report);
        if !policy.conformance.demands(Rule::AnchorConforms) {
            return;
        }
        check_validity(certificate, demands.now, policy.clock_skew_seconds, report);
        check_authority(certificate, demands, report);
        check_critical_extensions(certificate, policy, report);
    }
    let mut rules = Rules { policy, report };
    check_fields(certificate, role, &mut rules);
    check_key_identifiers(certificate, &mut rules);
    check_authority_extensions(certificate, &mut rules);
    check_names(certificate, role, &mut rules);
    check_information_access(certificate, &mut rules);
    if role == Role::EndEntity {
        check_subscriber(certificate, &mut rules);
    }
}

/// Asks only what the policy demands.
struct Rules<'p, 's> {
    policy: &'p ValidationPolicy,
    report: Sink<'s>,
}

impl Rules<'_, '_> {
    fn ask(&mut self, rule: Rule, holds: impl FnOnce() -> bool) {
        if self.policy.conformance.demands(rule) && !holds() {
            (self.report)(Violation::Conformance(rule));
        }
    }
}

/// Whether basicConstraints says that it is a CA.
fn is_ca(certificate: &Certificate<'_>) -> bool {
    certificate.basic_constraints().is_some_and(|constraints| constraints.ca)
}

fn has(certificate: &Certificate<'_>, kind: Kind) -> bool {
    certificate.extension(kind).is_some()
}

/// RFC 5280 4.1.
fn check_fields(certificate: &Certificate<'_>, role: Role, rules: &mut Rules<'_, '_>) {
    // 4.1.2.1: "When extensions are used, as expected in this profile, version MUST be 3 (value is
    // 2)."
    rules.ask(Rule::VersionThree, || certificate.version() == Version::V3);
    // 4.1.2.2: "The serial number MUST be a positive integer assigned by the CA to each
    // certificate." "Conforming CAs MUST NOT use serialNumber values longer than 20 octets."
    let serial = certificate.serial_number();
    rules.ask(Rule::SerialPositive, || {
        let negative = serial.first().is_none_or(|first| first & 0x80 != 0);
        role == Role::Anchor || (!negative && serial.iter().any(|&octet| octet != 0))
    });
    rules.ask(Rule::SerialLength, || serial.strip_prefix(&[0]).unwrap_or(serial).len() <= 20);
    // 4.1.2.4: "The issuer field MUST contain a non-empty distinguished name (DN)."
    rules.ask(Rule::IssuerNotEmpty, || !certificate.issuer().is_empty());
    // 4.1.2.6: "If the subject is a CA …, then the subject field MUST be populated with a
    // non-empty distinguished name".
    rules.ask(Rule::CaSubjectNotEmpty, || {
        !certificate.subject().is_empty() || (role == Role::EndEntity && !is_ca(certificate))
    });
    // BR 6.1.5: "ensure that the modulus size, when encoded, is at least 2048 bits, and; ensure
    // that the modulus size, in bits, is evenly divisible by 8."
    rules.ask(Rule::RsaModulusOctets, || {
        let key = certificate.subject_public_key_info();
        let bits = key.ok().and_then(|key| KeyAlgorithm::classify(&key).modulus_bits());
        bits.is_none_or(|bits| bits % 8 == 0)
    });
}

/// RFC 5280 4.2.1.1 and 4.2.1.2.
fn check_key_identifiers(certificate: &Certificate<'_>, rules: &mut Rules<'_, '_>) {
    // 4.2.1.1: "The keyIdentifier field of the authorityKeyIdentifier extension MUST be included
    // in all certificates generated by conforming CAs to facilitate certification path
    // construction. There is one exception; where a CA distributes its public key in the form of a
    // "self-signed" certificate, the authority key identifier MAY be omitted."
    rules.ask(Rule::AuthorityKeyIdPresent, || {
        certificate.names_are_identical() || certificate.issuer_key_id().is_some()
    });
    // 4.2.1.1, 4.2.1.2: "Conforming CAs MUST mark this extension as non-critical."
    rules.ask(Rule::AuthorityKeyIdNotCritical, || {
        !certificate.is_critical(Kind::AuthorityKeyIdentifier)
    });
    rules.ask(Rule::SubjectKeyIdNotCritical, || {
        !certificate.is_critical(Kind::SubjectKeyIdentifier)
    });
    // 4.2.1.2: "this extension MUST appear in all conforming CA certificates, that is, all
    // certificates including the basic constraints extension (Section 4.2.1.9) where the value of
    // cA is TRUE."
    rules.ask(Rule::SubjectKeyIdInCa, || !is_ca(certificate) || certificate.key_id().is_some());
}

/// RFC 5280 4.2.1.3, 4.2.1.5, 4.2.1.9 to 4.2.1.11 and 4.2.1.14: what belongs to CAs.
fn check_authority_extensions(certificate: &Certificate<'_>, rules: &mut Rules<'_, '_>) {
    let ca = is_ca(certificate);
    let usage = certificate.key_usage();
    let signs = usage.map(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
    // 4.2.1.3: "Conforming CAs MUST include this extension in certificates that contain public keys
    // that are used to validate digital signatures on other public key certificates or CRLs."
    rules.ask(Rule::KeyUsageInCa, || !ca || usage.is_some());
    // 4.2.1.3: "When the keyUsage extension appears in a certificate, at least one of the bits MUST
    // be set to 1."
    rules.ask(Rule::KeyUsageNotEmpty, || usage.is_none_or(|usage| !usage.is_empty()));
    // 4.2.1.9: "If the cA boolean is not asserted, then the keyCertSign bit in the key usage
    // extension MUST NOT be asserted."
    rules.ask(Rule::CertSignNeedsCa, || ca || signs != Some(true));
    // 4.2.1.9: "The cA boolean indicates whether the certified public key may be used to verify
    // certificate signatures", which 4.2.1.3 lets no key do without keyCertSign.
    rules.ask(Rule::CaNeedsCertSign, || !ca || signs != Some(false));
    // 4.2.1.9: "Conforming CAs MUST include this extension in all CA certificates … and MUST mark
    // the extension as critical in such certificates."
    rules.ask(Rule::BasicConstraintsCritical, || {
        !ca || certificate.is_critical(Kind::BasicConstraints)
    });
    // 4.2.1.9: "CAs MUST NOT include the pathLenConstraint field unless the cA boolean is asserted
    // and the key usage extension asserts the keyCertSign bit."
    rules.ask(Rule::PathLenNeedsCa, || {
        let path_len = certificate.basic_constraints().and_then(|constraints| constraints.path_len);
        path_len.is_none() || (ca && signs == Some(true))
    });
    // 4.2.1.10: "The name constraints extension, which MUST be used only in a CA certificate, …"
    rules.ask(Rule::NameConstraintsInCa, || ca || !has(certificate, Kind::NameConstraints));
    // 4.2.1.10, 4.2.1.11, 4.2.1.14: "Conforming CAs MUST mark this extension as critical"; for
    // policyMappings, 4.2.1.5, only: "SHOULD".
    for (rule, kind) in [
        (Rule::NameConstraintsCritical, Kind::NameConstraints),
        (Rule::PolicyConstraintsCritical, Kind::PolicyConstraints),
        (Rule::InhibitAnyPolicyCritical, Kind::InhibitAnyPolicy),
        (Rule::PolicyMappingsCritical, Kind::PolicyMappings),
    ] {
        rules.ask(rule, || !has(certificate, kind) || certificate.is_critical(kind));
    }
}

/// The names in the subject alternative name; none where it is absent or cannot be read.
fn alt_names<'a>(certificate: &Certificate<'a>) -> impl Iterator<Item = GeneralName<'a>> + use<'a> {
    let names: Option<GeneralNames<'a>> = certificate.subject_alt_name().and_then(Result::ok);
    names.into_iter().flat_map(|names| names.iter()).filter_map(Result::ok)
}

fn dns_names<'a>(certificate: &Certificate<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    alt_names(certificate).filter_map(|name| match name {
        GeneralName::Dns(name) => Some(name),
        _ => None,
    })
}

/// RFC 5280 4.2.1.6.
fn check_names(certificate: &Certificate<'_>, role: Role, rules: &mut Rules<'_, '_>) {
    // "If the subject field contains an empty sequence, then the issuing CA MUST include a
    // subjectAltName extension that is marked as critical."
    rules.ask(Rule::SanCriticalIfSubjectEmpty, || {
        !certificate.subject().is_empty() || certificate.is_critical(Kind::SubjectAltName)
    });
    // "The name MUST be in the "preferred name syntax", as specified by Section 3.5 of [RFC1034]
    // and as modified by Section 2.1 of [RFC1123]."
    rules.ask(Rule::DnsNameSyntax, || dns_names(certificate).all(is_preferred_name));
    // BR 3.2.2.6: "If the FQDN portion of any Wildcard Domain Name is "registry-controlled" or is a
    // "public suffix", CAs MUST refuse issuance unless the Applicant proves its rightful control of
    // the entire Domain Namespace."
    let policy = rules.policy;
    if role == Role::EndEntity {
        rules.ask(Rule::WildcardPublicSuffix, || {
            !dns_names(certificate).any(|name| is_wildcard_of_public_suffix(name, policy))
        });
    }
}

fn is_wildcard_of_public_suffix(name: &str, policy: &ValidationPolicy) -> bool {
    // The root of the name space is nobody's to register.
    let Some(rest) = name.strip_prefix('*') else { return false };
    let base = rest.strip_prefix('.').unwrap_or(rest).trim_end_matches('.');
    // "If no rules match, the prevailing rule is "*"" (publicsuffix.org/list): a top level domain
    // is a public suffix.
    if !base.contains('.') {
        return true;
    }
    policy
        .public_suffixes
        .as_ref()
        .is_some_and(|list| list.is_public_suffix(&base.to_ascii_lowercase()))
}

/// RFC 5280 4.2.2.
fn check_information_access(certificate: &Certificate<'_>, rules: &mut Rules<'_, '_>) {
    // 4.2.2.1, 4.2.2.2: "Conforming CAs MUST mark this extension as non-critical."
    rules.ask(Rule::InfoAccessNotCritical, || {
        !certificate.is_critical(Kind::AuthorityInfoAccess)
            && !certificate.is_critical(Kind::SubjectInfoAccess)
    });
    // BR 7.1.2.7.7: "The AuthorityInfoAccessSyntax MUST contain one or more AccessDescriptions.
    // Each AccessDescription MUST only contain a permitted accessMethod, … and each accessLocation
    // MUST be encoded as the specified GeneralName type", a URI.
    rules.ask(Rule::InfoAccessUris, || match certificate.authority_info_access() {
        None => true,
        Some(Err(_)) => false,
        Some(Ok(access)) => {
            access.iter().all(|description| matches!(description.location(), GeneralName::Uri(_)))
        }
    });
}

/// BR 7.1.2.7: what subscribers have.
fn check_subscriber(certificate: &Certificate<'_>, rules: &mut Rules<'_, '_>) {
    rules.ask(Rule::CommonNameInSan, || common_name_is_alt_name(certificate));
    // BR 7.1.2.7.12: "If the subject field of the certificate is an empty SEQUENCE, this extension
    // MUST be marked critical, … Otherwise, this extension MUST NOT be marked critical."
    rules.ask(Rule::SanNotCriticalWithSubject, || {
        certificate.subject().is_empty() || !certificate.is_critical(Kind::SubjectAltName)
    });
    // BR 7.1.2.7.6, 7.1.2.7.10.
    rules.ask(Rule::ExtendedKeyUsageNotCritical, || {
        !certificate.is_critical(Kind::ExtendedKeyUsage)
    });
    rules.ask(Rule::NoAnyExtendedKeyUsage, || {
        certificate.extended_key_usage().is_none_or(|usage| usage.is_ok_and(|u| !u.has_any()))
    });
}

/// BR 7.1.4.3: "If present, this attribute MUST contain exactly one entry that is one of the values
/// contained in the Certificate's subjectAltName extension", a domain name "as a
/// character-for-character copy of the dNSName entry value", an IPv4 address in the form of RFC 3986
/// section 3.2.2, an IPv6 address in that of RFC 5952 section 4.
fn common_name_is_alt_name(certificate: &Certificate<'_>) -> bool {
    let subject = certificate.subject();
    let common_name = Oid::trusted(known::COMMON_NAME);
    let mut found = subject.attributes().filter(|attribute| attribute.oid() == common_name);
    let Some(attribute) = found.next() else { return true };
    if found.next().is_some() {
        return false;
    }
    let Some(text) = attribute.text() else { return false };
    alt_names(certificate).any(|name| match name {
        GeneralName::Dns(name) | GeneralName::Rfc822(name) | GeneralName::Uri(name) => text == name,
        GeneralName::Ip(octets) => {
            // The standard library writes addresses in these forms.
            ip_from_octets(octets).is_some_and(|address| text == format!("{address}"))
        }
        _ => false,
    })
}

/// The rules for anchors alone.
fn check_anchor(certificate: &Certificate<'_>, policy: &ValidationPolicy, report: Sink<'_>) {
    if policy.conformance.demands(Rule::AnchorKey) {
        let key = certificate.subject_public_key_info();
        match key.map(|key| policy.algorithms.check_key(&key)) {
            Err(error) => report(Violation::Malformed(error)),
            Ok(Err(refused)) => report(Violation::Algorithm(refused)),
            Ok(Ok(_)) => {}
        }
    }
    let mut rules = Rules { policy, report };
    // BR 7.1.2.1.2: extKeyUsage: "MUST NOT".
    rules.ask(Rule::AnchorWithoutExtendedKeyUsage, || !has(certificate, Kind::ExtendedKeyUsage));
    rules.ask(Rule::AnchorAuthorityKeyId, || anchor_names_its_own_key(certificate));
}

/// BR 7.1.2.1.3: "keyIdentifier: MUST be present. MUST be identical to the subjectKeyIdentifier
/// field. authorityCertIssuer: MUST NOT be present. authorityCertSerialNumber: MUST NOT be present."
///
/// Asked of roots that have the extension; an anchor that somebody else issued names that issuer.
fn anchor_names_its_own_key(certificate: &Certificate<'_>) -> bool {
    let Some(identifier) = certificate.authority_key_identifier() else { return true };
    if !certificate.names_are_identical() {
        return true;
    }
    identifier.is_ok_and(|identifier| {
        identifier.key_identifier.is_some()
            && identifier.key_identifier == certificate.key_id()
            && identifier.issuer.is_none()
            && identifier.serial_number.is_none()
    })
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::super::sample::*;
    use super::*;
    use crate::policy::PublicSuffixes;
    use crate::x509::Time;
    use crate::x509::encode::tlv;

    fn judge(
        sample: &Sample,
        role: Role,
        policy: &ValidationPolicy,
        now: i64,
    ) -> Vec<&'static str> {
        let demands = Demands { policy, purpose: None, now: Time::from_unix(now) };
        let mut found = Vec::new();
        sample.read(|certificate| {
            check_conformance(certificate, role, &demands, &mut |v| found.push(v.code()));
        });
        found
    }

    /// A policy of one rule, and the codes it reports.
    fn one(sample: &Sample, role: Role, rule: Rule) -> Vec<&'static str> {
        judge(sample, role, &ValidationPolicy::rfc5280().with_rule(rule), NOW)
    }

    fn leaf() -> Sample {
        Sample::end_entity()
    }

    #[test]
    fn good_certificates_conform() {
        for policy in [ValidationPolicy::rfc5280_strict(), ValidationPolicy::cabf_strict()] {
            for (role, sample) in [
                (Role::EndEntity, leaf()),
                (Role::Issuer, Sample::issuer()),
                (Role::Anchor, Sample::root()),
            ] {
                assert!(judge(&sample, role, &policy, NOW).is_empty(), "{role:?}");
            }
        }
    }

    #[test]
    fn lax_profiles_ask_nothing() {
        let worst = leaf().version(1).without_extensions().serial(&[0]).subject(no_name());
        for role in [Role::EndEntity, Role::Issuer, Role::Anchor] {
            assert!(judge(&worst, role, &ValidationPolicy::tls_server(), NOW).is_empty());
        }
    }

    #[test]
    fn end_entities() {
        const E: Role = Role::EndEntity;
        let ca_true: &[u8] = &[0x30, 3, 1, 1, 0xff];
        let path_len: &[u8] = &[0x30, 3, 2, 1, 0];
        let cert_sign: &[u8] = &[3, 2, 2, 0x04];
        let constraints = tlv(0x30, &[&tlv(0xa0, &[&tlv(0x30, &[&tlv(0x82, &[b"a"])])])]);
        let access = |name: &[u8]| tlv(0x30, &[&tlv(0x30, &[&[6, 2, 0x2a, 3], name])]);
        let ip = |octets: &[u8]| leaf().alt_names(false, &[&tlv(0x87, &[octets])]);
        let cases: Vec<(&str, Sample, Rule)> = vec![
            ("v2", leaf().version(1).without_extensions(), Rule::VersionThree),
            ("negative", leaf().serial(&[0x80]), Rule::SerialPositive),
            ("zero", leaf().serial(&[0]), Rule::SerialPositive),
            ("21 octets", leaf().serial(&[1; 21]), Rule::SerialLength),
            ("no issuer", leaf().issued_by(no_name()), Rule::IssuerNotEmpty),
            ("no key id", leaf().without(&AUTHORITY_KEY_ID), Rule::AuthorityKeyIdPresent),
            (
                "key id by name",
                leaf().with(&AUTHORITY_KEY_ID, false, &[0x30, 0]),
                Rule::AuthorityKeyIdPresent,
            ),
            ("critical", leaf().flip(&AUTHORITY_KEY_ID), Rule::AuthorityKeyIdNotCritical),
            (
                "critical subject key id",
                leaf().with(&SUBJECT_KEY_ID, true, &[4, 1, 8]),
                Rule::SubjectKeyIdNotCritical,
            ),
            ("ca", leaf().with(&BASIC_CONSTRAINTS, true, ca_true), Rule::SubjectKeyIdInCa),
            (
                "ca without keyCertSign",
                leaf().with(&BASIC_CONSTRAINTS, true, ca_true),
                Rule::CaNeedsCertSign,
            ),
            ("no bit", leaf().with(&KEY_USAGE, true, &[3, 1, 0]), Rule::KeyUsageNotEmpty),
            ("keyCertSign", leaf().with(&KEY_USAGE, true, cert_sign), Rule::CertSignNeedsCa),
            ("path length", leaf().with(&BASIC_CONSTRAINTS, true, path_len), Rule::PathLenNeedsCa),
            (
                "constraints",
                leaf().with(&NAME_CONSTRAINTS, true, &constraints),
                Rule::NameConstraintsInCa,
            ),
            ("no subject", leaf().subject(no_name()), Rule::SanCriticalIfSubjectEmpty),
            (
                "no name at all",
                leaf().subject(no_name()).without(&SUBJECT_ALT_NAME),
                Rule::SanCriticalIfSubjectEmpty,
            ),
            ("underscore", leaf().dns("a_b.example"), Rule::DnsNameSyntax),
            ("address as dns name", leaf().dns("8.8.8.8"), Rule::DnsNameSyntax),
            ("embedded wildcard", leaf().dns("ba*.example.org"), Rule::DnsNameSyntax),
            ("wildcard in a-label", leaf().dns("xn--*-1b3.example.org"), Rule::DnsNameSyntax),
            ("wildcard alone", leaf().dns("*"), Rule::DnsNameSyntax),
            ("wildcard of nothing", leaf().dns("*"), Rule::WildcardPublicSuffix),
            ("wildcard of org", leaf().dns("*.org"), Rule::WildcardPublicSuffix),
            (
                "critical access",
                leaf().with(AUTHORITY_INFO_ACCESS, true, &access(&tlv(0x86, &[b"http://a"]))),
                Rule::InfoAccessNotCritical,
            ),
            (
                "access by dns name",
                leaf().with(AUTHORITY_INFO_ACCESS, false, &access(&tlv(0x82, &[b"a"]))),
                Rule::InfoAccessUris,
            ),
            (
                "unreadable access",
                leaf().with(AUTHORITY_INFO_ACCESS, false, b"malformed"),
                Rule::InfoAccessUris,
            ),
            ("rsa 2052", leaf().spki(rsa(2052)), Rule::RsaModulusOctets),
            ("other name", leaf().dns("b.example"), Rule::CommonNameInSan),
            ("case", leaf().dns("A.example"), Rule::CommonNameInSan),
            (
                "two names",
                leaf().subject(common_names(&["a.example", "a.example"])),
                Rule::CommonNameInSan,
            ),
            (
                "leading zeros",
                ip(&[192, 168, 1, 1]).subject(common_name("192.168.001.001")),
                Rule::CommonNameInSan,
            ),
            ("critical names", leaf().flip(&SUBJECT_ALT_NAME), Rule::SanNotCriticalWithSubject),
            ("critical", leaf().flip(&EXTENDED_KEY_USAGE), Rule::ExtendedKeyUsageNotCritical),
            (
                "any purpose",
                leaf().purposes(false, &[SERVER_AUTH, ANY_PURPOSE]),
                Rule::NoAnyExtendedKeyUsage,
            ),
        ];
        for (case, sample, rule) in &cases {
            assert_eq!(one(sample, E, *rule), [rule.code()], "{case}");
        }
        let good: Vec<(&str, Sample, Rule)> = vec![
            (
                "20 octets and a sign",
                leaf().serial(&[&[0][..], &[0xff; 20]].concat()),
                Rule::SerialLength,
            ),
            ("empty subject", leaf().subject(no_name()), Rule::CaSubjectNotEmpty),
            (
                "empty subject, critical names",
                leaf().subject(no_name()).flip(&SUBJECT_ALT_NAME),
                Rule::SanCriticalIfSubjectEmpty,
            ),
            ("wildcard", leaf().dns("*.example.org"), Rule::DnsNameSyntax),
            ("no common name", leaf().subject(no_name()), Rule::CommonNameInSan),
            (
                "ipv6",
                ip(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1])
                    .subject(common_name("2001:db8::1:0:0:1")),
                Rule::CommonNameInSan,
            ),
            (
                "empty subject, critical names",
                leaf().subject(no_name()).flip(&SUBJECT_ALT_NAME),
                Rule::SanNotCriticalWithSubject,
            ),
            (
                "access",
                leaf().with(AUTHORITY_INFO_ACCESS, false, &access(&tlv(0x86, &[b"http://a"]))),
                Rule::InfoAccessUris,
            ),
            ("rsa 2048", leaf().spki(rsa(2048)), Rule::RsaModulusOctets),
        ];
        for (case, sample, rule) in &good {
            assert!(one(sample, E, *rule).is_empty(), "{case}");
        }
    }

    #[test]
    fn issuers() {
        let ca = Sample::issuer;
        let constraints = tlv(0x30, &[&tlv(0xa0, &[&tlv(0x30, &[&tlv(0x82, &[b"a"])])])]);
        let mapping = tlv(0x30, &[&tlv(0x30, &[&[6, 2, 0x2a, 3], &[6, 2, 0x2a, 4]])]);
        for (case, sample, rule) in [
            ("no subject", ca().subject(no_name()), Rule::CaSubjectNotEmpty),
            ("no key id", ca().without(&SUBJECT_KEY_ID), Rule::SubjectKeyIdInCa),
            ("no key usage", ca().without(&KEY_USAGE), Rule::KeyUsageInCa),
            ("not critical", ca().flip(&BASIC_CONSTRAINTS), Rule::BasicConstraintsCritical),
            (
                "path length without key usage",
                ca().without(&KEY_USAGE).with(
                    &BASIC_CONSTRAINTS,
                    true,
                    &[0x30, 6, 1, 1, 0xff, 2, 1, 0],
                ),
                Rule::PathLenNeedsCa,
            ),
            (
                "constraints",
                ca().with(&NAME_CONSTRAINTS, false, &constraints),
                Rule::NameConstraintsCritical,
            ),
            (
                "policy constraints",
                ca().with(&POLICY_CONSTRAINTS, false, &[0x30, 3, 0x80, 1, 0]),
                Rule::PolicyConstraintsCritical,
            ),
            (
                "inhibit any-policy",
                ca().with(&INHIBIT_ANY_POLICY, false, &[2, 1, 0]),
                Rule::InhibitAnyPolicyCritical,
            ),
            (
                "mappings",
                ca().with(&POLICY_MAPPINGS, false, &mapping),
                Rule::PolicyMappingsCritical,
            ),
        ] {
            assert_eq!(one(&sample, Role::Issuer, rule), [rule.code()], "{case}");
            assert!(one(&ca(), Role::Issuer, rule).is_empty(), "{case}");
            let mended = match rule {
                Rule::NameConstraintsCritical => sample.flip(&NAME_CONSTRAINTS),
                Rule::PolicyConstraintsCritical => sample.flip(&POLICY_CONSTRAINTS),
                Rule::InhibitAnyPolicyCritical => sample.flip(&INHIBIT_ANY_POLICY),
                Rule::PolicyMappingsCritical => sample.flip(&POLICY_MAPPINGS),
                _ => continue,
            };
            assert!(one(&mended, Role::Issuer, rule).is_empty(), "{case}");
        }
    }

    #[test]
    fn anchors() {
        let root = Sample::root;
        let names_key = |value: &[&[u8]]| root().with(&AUTHORITY_KEY_ID, false, &tlv(0x30, value));
        let secp192r1 = ec(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1], 49);
        let cabf = ValidationPolicy::cabf_strict();
        let cases: Vec<(&str, Sample, &[&str])> = vec![
            ("serial zero", root().serial(&[0]), &[]),
            ("own key", names_key(&[&[0x80, 1, 8]]), &[]),
            ("other key", names_key(&[&[0x80, 1, 9]]), &["conformance.anchor-authority-key-id"]),
            ("no key", names_key(&[]), &["conformance.anchor-authority-key-id"]),
            (
                "serial number",
                names_key(&[
                    &[0x80, 1, 8],
                    &tlv(0xa1, &[&tlv(0xa4, &[&common_name("CA")])]),
                    &[0x82, 1, 1],
                ]),
                &["conformance.anchor-authority-key-id"],
            ),
            (
                "issued by another, without key id",
                root().issued_by(common_name("Other")),
                &["conformance.authority-key-id-present"],
            ),
            ("issued by another", names_key(&[&[0x80, 1, 9]]).issued_by(common_name("Other")), &[]),
            (
                "purposes",
                root().purposes(false, &[SERVER_AUTH]),
                &["conformance.anchor-without-ext-key-usage"],
            ),
            ("p-192", root().spki(secp192r1), &["algorithm.key-refused"]),
            ("rsa 1024", root().spki(rsa(1024)), &["algorithm.key-too-small"]),
            ("rsa 2052", root().spki(rsa(2052)), &["conformance.rsa-modulus-octets"]),
            (
                "no basic constraints",
                root().without(&BASIC_CONSTRAINTS),
                &["basic-constraints.absent", "conformance.cert-sign-needs-ca"],
            ),
            (
                "no keyCertSign",
                root().with(&KEY_USAGE, true, &[3, 2, 1, 2]),
                &["key-usage.no-cert-sign", "conformance.ca-needs-cert-sign"],
            ),
            (
                "unknown critical extension",
                root().with(&[0x2a, 3], true, &[5, 0]),
                &["extension.unknown-critical"],
            ),
        ];
        for (case, sample, expected) in &cases {
            assert_eq!(judge(sample, Role::Anchor, &cabf, NOW), *expected, "{case}");
        }
        let later = NOW + 20 * 366 * 86_400;
        assert_eq!(judge(&root(), Role::Anchor, &cabf, later), ["validity.expired"]);
        let lenient = cabf
            .without_rule(Rule::AnchorConforms)
            .without_rule(Rule::AnchorKey)
            .without_rule(Rule::AnchorWithoutExtendedKeyUsage)
            .without_rule(Rule::AnchorAuthorityKeyId);
        for (case, sample, _) in &cases {
            assert!(judge(sample, Role::Anchor, &lenient, later).is_empty(), "{case}");
        }
    }

    #[derive(Debug)]
    struct List;

    impl PublicSuffixes for List {
        fn name(&self) -> &str {
            "two"
        }

        fn is_public_suffix(&self, name: &str) -> bool {
            ["co.uk", "s3.amazonaws.com"].contains(&name)
        }
    }

    #[test]
    fn public_suffixes_are_an_input() {
        let bare = ValidationPolicy::rfc5280().with_rule(Rule::WildcardPublicSuffix);
        let listed = bare.clone().with_public_suffixes(Arc::new(List));
        assert_ne!(bare.digest(), listed.digest());
        for (name, without, with) in [
            ("*.com", true, true),
            ("*.co.uk", false, true),
            ("*.S3.amazonaws.com", false, true),
            ("*.example.co.uk", false, false),
            ("co.uk", false, false),
        ] {
            let sample = leaf().dns(name);
            let refused = |policy| !judge(&sample, Role::EndEntity, policy, NOW).is_empty();
            assert_eq!((refused(&bare), refused(&listed)), (without, with), "{name}");
        }
    }
}
