//! Rules over one certificate: those of RFC 5280 sections 6.1.3 to 6.1.5 that look at nothing but
//! the certificate, the purpose and the time.
//!
//! Every rule stands once, as a function that reports what it finds. The path search asks whether
//! anything was reported before it puts a certificate on a path; the report of a rejection asks
//! what.
//!
//! Extended key usage is chained through CAs (*Specification: RFC 5280 section 4.2.1.12 speaks of
//! the certified key only. Enforced here: as all validators of the Web PKI do, a CA with extended
//! key usage vouches for those purposes only*). So this rule, too, looks at one certificate.

use crate::policy::{Choice, SvidProfile, ValidationPolicy};
use crate::x509::extension::ExtensionKinds;
use crate::x509::oid::known;
use crate::x509::{Certificate, ExtendedKeyUsage, ExtensionKind, KeyUsage, Oid, Time, Version};

use super::Violation;
use super::svid::check_svid_authority;

/// What the rules over one certificate compare it with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demands<'a> {
    pub(crate) policy: &'a ValidationPolicy,
    /// The key purpose asked for; nothing where any will do.
    pub(crate) purpose: Option<Oid<'a>>,
    pub(crate) now: Time,
}

/// Receives violations.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(Violation);

/// The rules for a certificate that issues others.
pub(crate) fn check_issuer(certificate: &Certificate<'_>, demands: &Demands<'_>, report: Sink<'_>) {
    check_every(certificate, demands, report);
    check_authority(certificate, demands, report);
    if let Some(purpose) = demands.purpose {
        check_purpose(certificate, purpose, demands.policy.any_purpose_in_ca, report);
    }
}

/// The rules for the target certificate.
pub(crate) fn check_end_entity(
    certificate: &Certificate<'_>,
    demands: &Demands<'_>,
    report: Sink<'_>,
) {
    let policy = demands.policy;
    check_every(certificate, demands, report);
    if let Some(max) = policy.max_lifetime_seconds {
        let seconds =
            certificate.not_after().seconds_since(certificate.not_before()).saturating_add(1);
        if seconds > max {
            report(Violation::LifetimeTooLong { seconds, max });
        }
    }
    // Nobody verifies with this key on the path: what it signs is the handshake.
    match certificate.subject_public_key_info().map(|key| policy.algorithms.check_key(&key)) {
        Ok(Ok(_)) => {}
        Ok(Err(refused)) => report(Violation::Algorithm(refused)),
        Err(error) => report(Violation::Malformed(error)),
    }
    // The SVID rules say these in their own words; both at once would be the same finding twice.
    let svid = policy.svid;
    let ca = certificate.basic_constraints().is_some_and(|constraints| constraints.ca);
    if ca && policy.ca_as_end_entity == Choice::Deny && svid == SvidProfile::Off {
        report(Violation::CaAsEndEntity);
    }
    let usage = certificate.key_usage();
    if policy.end_entity_with_cert_sign == Choice::Deny
        && svid == SvidProfile::Off
        && usage.is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN))
    {
        report(Violation::CertSignInEndEntity);
    }
    let required = policy.end_entity_key_usage;
    let implied = svid == SvidProfile::Strict && KeyUsage::DIGITAL_SIGNATURE.contains(required);
    let sufficient = match usage {
        Some(usage) => usage.contains(required),
        None => policy.end_entity_without_key_usage == Choice::Allow,
    };
    if !sufficient && !implied {
        report(Violation::KeyUsage { required, found: usage });
    }
    if let Some(purpose) = demands.purpose {
        if certificate.extension(ExtensionKind::ExtendedKeyUsage).is_none()
            && policy.end_entity_without_purpose == Choice::Deny
        {
            report(Violation::NoExtendedKeyUsage);
        }
        check_purpose(certificate, purpose, policy.any_purpose_in_end_entity, report);
    }
}

/// The rules for the certificate of an anchor whose extensions count. basicConstraints may be
/// absent unless `required`: the anchor was configured as one.
pub(crate) fn check_anchor_extensions(
    certificate: &Certificate<'_>,
    demands: &Demands<'_>,
    required: bool,
    report: Sink<'_>,
) {
    check_critical_extensions(certificate, demands.policy, report);
    match certificate.basic_constraints() {
        None if required => report(Violation::NoBasicConstraints),
        Some(constraints) if !constraints.ca => report(Violation::NotACa),
        _ => {}
    }
    check_cert_sign(certificate, report);
    if let Some(purpose) = demands.purpose {
        check_purpose(certificate, purpose, demands.policy.any_purpose_in_ca, report);
    }
}

/// The rules for every certificate of a path.
fn check_every(certificate: &Certificate<'_>, demands: &Demands<'_>, report: Sink<'_>) {
    check_validity(certificate, demands.now, demands.policy.clock_skew_seconds, report);
    // RFC 5280 4.1.1.2: "This field MUST contain the same algorithm identifier as the signature
    // field in the sequence tbsCertificate."
    if !certificate.signature_algorithms_agree() {
        report(Violation::AlgorithmMismatch);
    }
    check_critical_extensions(certificate, demands.policy, report);
}

/// RFC 5280 6.1.3 (a) (2): "The certificate validity period includes the current time", both ends
/// included (4.1.2.5).
pub(crate) fn check_validity(
    certificate: &Certificate<'_>,
    now: Time,
    skew_seconds: u32,
    report: Sink<'_>,
) {
    let skew = i64::from(skew_seconds);
    if now.saturating_add(skew) < certificate.not_before() {
        report(Violation::NotYetValid { not_before: certificate.not_before(), now });
    }
    if now.saturating_sub(skew) > certificate.not_after() {
        report(Violation::Expired { not_after: certificate.not_after(), now });
    }
}

/// RFC 5280 6.1.4 (k) and (n): who may issue.
///
/// of the strict SVID profile ask for as much or more, and are reported in their stead.
pub(super) fn check_authority(
    certificate: &Certificate<'_>,
    demands: &Demands<'_>,
    report: Sink<'_>,
) {
    if demands.policy.svid == SvidProfile::Strict {
        check_svid_authority(certificate, report);
        return;
    }
    // (k) "If certificate i is a version 3 certificate, verify that the basicConstraints extension
    // is present and that cA is set to TRUE. (If certificate i is a version 1 or version 2
    // certificate, then the application MUST either verify that certificate i is a CA certificate
    // through out-of-band means or reject the certificate. …)"
    match (certificate.version(), certificate.basic_constraints()) {
        (Version::V3, None) => report(Violation::NoBasicConstraints),
        (Version::V3, Some(constraints)) if !constraints.ca => report(Violation::NotACa),
        (Version::V3, Some(_)) => {}
        (version, _) if demands.policy.v1_intermediates == Choice::Deny => {
            report(Violation::VersionCannotIssue(version));
        }
        _ => {}
    }
    check_cert_sign(certificate, report);
}

/// RFC 5280 6.1.4 (n): "If a key usage extension is present, verify that the keyCertSign bit is
/// set."
fn check_cert_sign(certificate: &Certificate<'_>, report: Sink<'_>) {
    if certificate.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::KEY_CERT_SIGN)) {
        report(Violation::NoCertSign);
    }
}

/// RFC 5280 4.2.1.12: "If the extension is present, then the certificate MUST only be used for one
/// of the purposes indicated."
fn check_purpose(
    certificate: &Certificate<'_>,
    purpose: Oid<'_>,
    any_purpose: Choice,
    report: Sink<'_>,
) {
    let Some(value) = certificate.extension(ExtensionKind::ExtendedKeyUsage) else { return };
    if ExtendedKeyUsage::only_purpose(value) == Some(purpose) {
        return;
    }
    let allowed = certificate.extended_key_usage().is_some_and(|usage| {
        usage.is_ok_and(|usage| {
            usage.iter().any(|oid| {
                oid == purpose
                    || (any_purpose == Choice::Allow
                        && oid.as_bytes() == known::ANY_EXTENDED_KEY_USAGE)
            })
        })
    });
    if !allowed {
        report(Violation::Purpose { purpose: purpose.to_owned() });
    }
}

/// RFC 5280 6.1.4 (o), 6.1.5 (f): "Recognize and process any other critical extension present in
/// the certificate. Process any other recognized non-critical extension …"
///
/// Kinds that this crate reads but does not act on count as not processed.
pub(super) fn check_critical_extensions(
    certificate: &Certificate<'_>,
    policy: &ValidationPolicy,
    report: Sink<'_>,
) {
    const NOT_PROCESSED: ExtensionKinds = ExtensionKinds::of(&[
        ExtensionKind::PrivateKeyUsagePeriod,
        ExtensionKind::IssuerAltName,
        ExtensionKind::SubjectDirectoryAttributes,
        ExtensionKind::FreshestCrl,
        ExtensionKind::AuthorityInfoAccess,
        ExtensionKind::SubjectInfoAccess,
        ExtensionKind::SctList,
    ]);
    let suspect = certificate.unknown_critical_extension().is_some()
        || certificate.has_critical(NOT_PROCESSED);
    if !suspect {
        return;
    }
    for extension in certificate.extensions().filter(|extension| extension.critical) {
        let processed = ExtensionKind::of(extension.oid)
            .is_some_and(|kind| !NOT_PROCESSED.contains(kind))
            || policy.handlers.contains_key(&extension.oid.to_owned());
        if !processed {
            report(Violation::UnknownCriticalExtension(extension.oid.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::sample::*;
    use super::*;

    fn judge(
        sample: &Sample,
        policy: &ValidationPolicy,
        check: fn(&Certificate<'_>, &Demands<'_>, Sink<'_>),
    ) -> Vec<&'static str> {
        let demands = Demands { policy, purpose: None, now: Time::from_unix(NOW) };
        let mut found = Vec::new();
        sample.read(|certificate| check(certificate, &demands, &mut |v| found.push(v.code())));
        found
    }

    #[test]
    fn the_key_of_an_end_entity_is_judged() {
        let policy = ValidationPolicy::rfc5280();
        for (case, spki, expected) in [
            ("rsa 2048", rsa(2048), &[][..]),
            ("rsa 1024", rsa(1024), &["algorithm.key-too-small"]),
            ("p-192", ec(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1], 49), &["algorithm.key-refused"]),
        ] {
            let sample = Sample::end_entity().spki(spki);
            assert_eq!(judge(&sample, &policy, check_end_entity), expected, "{case}");
        }
    }

    #[test]
    fn svid_rules_are_not_said_twice() {
        let ca = Sample::end_entity().with(&BASIC_CONSTRAINTS, true, &[0x30, 3, 1, 1, 0xff]).with(
            &KEY_USAGE,
            true,
            &[3, 2, 2, 0x04],
        );
        let weak =
            Sample::issuer().without(&BASIC_CONSTRAINTS).with(&KEY_USAGE, true, &[3, 2, 1, 2]);
        for (policy, leaf, issuer) in [
            (
                ValidationPolicy::tls_server(),
                &["end-entity.is-a-ca", "end-entity.cert-sign", "key-usage.missing"][..],
                ["basic-constraints.absent", "key-usage.no-cert-sign"],
            ),
            (ValidationPolicy::spiffe(), &[], ["spiffe.x-14", "spiffe.x-17"]),
            (
                ValidationPolicy::spiffe_minimal(),
                &[],
                ["basic-constraints.absent", "key-usage.no-cert-sign"],
            ),
            (
                ValidationPolicy::spiffe()
                    .with_end_entity_key_usage(KeyUsage::KEY_AGREEMENT, Choice::Deny),
                &["key-usage.missing"],
                ["spiffe.x-14", "spiffe.x-17"],
            ),
        ] {
            assert_eq!(judge(&ca, &policy, check_end_entity), leaf, "{policy}");
            assert_eq!(judge(&weak, &policy, check_issuer), issuer, "{policy}");
        }
    }
}
