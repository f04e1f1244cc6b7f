//! From a rejection to the `CertificateError` whose alert tells the peer what it needs to know.
//!
//! rustls derives the alert from the variant of `CertificateError` and cannot be told otherwise, and
//! most variants have no room for a reason. So the variant is chosen for its alert; the reasons go to
//! the application as a [`Decision`]. Variants that do have room ([`CertificateError::Other`]) carry
//! the [`Rejection`](crate::decision::Rejection), to be downcast.
//!
//! | alert | sent for | source |
//! |---|---|---|
//! | `certificate_expired` | out of its validity period, on either side | RFC 8446 section 6.2: "A certificate has expired or is not currently valid." |
//! | `certificate_revoked` | proven revocation | "A certificate was revoked by its signer." |
//! | `unknown_ca` | no authority of the trust domain, distrusted ones, issuers that may not issue | "the CA certificate could not be located or could not be matched with a known trust anchor" |
//! | `unknown_ca` | unknown revocation status | as OpenSSL, BoringSSL, AWS-LC and rustls do |
//! | `bad_certificate_status_response` | an unusable OCSP response that the peer stapled | RFC 6066 section 8 |
//! | `unsupported_certificate` | key usage, key purpose, algorithms that the backend does not know | "A certificate was of an unsupported type." |
//! | `bad_certificate` | malformed, other name, unknown critical extension, refused algorithm | RFC 8446 section 4.4.2.4 wants it for MD5 |
//! | `decrypt_error` | a signature that does not hold | *RFC 8446:* `bad_certificate` for one within a certificate. *Here:* as OpenSSL and rustls do |
//! | `access_denied` | an identity that is not accepted, an extension that a handler refused | "A valid certificate or PSK was received, but when access control was applied, the sender decided not to proceed with negotiation." |
//! | `certificate_unknown` | everything else | "Some other (unspecified) issue arose in processing the certificate, rendering it unacceptable." |

use alloc::sync::Arc;

use rustls::{CertificateError, Error, OtherError};
use rustls_pki_types::UnixTime;

use crate::decision::{Decision, Rejection, Violation};
use crate::x509::Time;

/// What the peer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Encoding,
    Signature,
    Unsupported,
    Expired,
    NotYetValid,
    Revoked,
    /// Nothing is known, or not from what the peer sent.
    StatusUnknown,
    /// What is known is too old.
    StatusStale,
    /// Evidence that cannot be used; the peer's own, where it stapled one.
    StatusUnusable,
    Issuer,
    Purpose,
    Extension,
    Name,
    Application,
    Other,
}

/// Codes, and families of codes, which end with the dot.
const CLASSES: &[(&str, Class)] = &[
    ("encoding.malformed", Class::Encoding),
    ("algorithm.mismatch", Class::Encoding),
    ("algorithm.unknown", Class::Encoding),
    ("algorithm.signature-refused", Class::Encoding),
    ("algorithm.key-unknown", Class::Unsupported),
    ("algorithm.key-malformed", Class::Encoding),
    ("algorithm.key-refused", Class::Encoding),
    ("algorithm.key-too-small", Class::Encoding),
    ("algorithm.key-too-large", Class::Encoding),
    ("algorithm.key-mismatch", Class::Encoding),
    ("signature.invalid", Class::Signature),
    ("signature.algorithm-unsupported", Class::Unsupported),
    ("signature.key-unsupported", Class::Unsupported),
    ("signature.key-mismatch", Class::Signature),
    ("signature.key-malformed", Class::Encoding),
    ("validity.expired", Class::Expired),
    ("validity.not-yet-valid", Class::NotYetValid),
    ("validity.lifetime-too-long", Class::Other),
    ("version.cannot-issue", Class::Issuer),
    ("basic-constraints.absent", Class::Issuer),
    ("basic-constraints.not-a-ca", Class::Issuer),
    ("key-usage.no-cert-sign", Class::Issuer),
    ("path-length.exceeded", Class::Issuer),
    ("path-length.policy", Class::Issuer),
    ("extended-key-usage.purpose", Class::Purpose),
    ("extended-key-usage.absent", Class::Purpose),
    ("end-entity.is-a-ca", Class::Purpose),
    ("end-entity.cert-sign", Class::Purpose),
    ("key-usage.missing", Class::Purpose),
    ("extension.unknown-critical", Class::Extension),
    ("extension.refused", Class::Application),
    ("policy.unknown-qualifier", Class::Extension),
    ("policy.explicit-policy-required", Class::Other),
    ("policy.mapping-of-any-policy", Class::Other),
    ("name-constraints.", Class::Other),
    ("spiffe.", Class::Other),
    ("conformance.", Class::Other),
    ("limit.", Class::Other),
    ("trust.distrusted", Class::Issuer),
    ("trust.distrusted-after", Class::Issuer),
    ("trust.no-route", Class::Issuer),
    ("trust.no-domain", Class::Issuer),
    ("trust.unknown-label", Class::Issuer),
    // Notes, which reject nobody.
    ("trust.tainted", Class::Other),
    ("identity.outside-trust-domain", Class::Other),
    ("revocation.revoked", Class::Revoked),
    ("revocation.stale", Class::StatusStale),
    ("revocation.no-source", Class::StatusUnknown),
    ("revocation.not-covered", Class::StatusUnknown),
    ("revocation.scope-mismatch", Class::StatusUnknown),
    ("revocation.unsupported-form", Class::StatusUnknown),
    ("revocation.rolled-back", Class::StatusUnknown),
    ("revocation.partial-reasons", Class::StatusUnknown),
    ("revocation.exemption-refused", Class::StatusUnknown),
    ("revocation.signer-undecided", Class::StatusUnknown),
    ("revocation.limit", Class::StatusUnknown),
    ("revocation.malformed", Class::StatusUnusable),
    ("revocation.unknown-critical-extension", Class::StatusUnusable),
    ("revocation.responder-error", Class::StatusUnusable),
    ("revocation.responder-unknown", Class::StatusUnusable),
    ("revocation.nonce-mismatch", Class::StatusUnusable),
    ("revocation.bad-signature", Class::StatusUnusable),
    ("revocation.signer-not-authorized", Class::StatusUnusable),
    ("revocation.from-future", Class::StatusUnusable),
    ("identity.none", Class::Name),
    ("identity.name-mismatch", Class::Name),
    ("identity.not-accepted", Class::Application),
];

fn classify(code: &str) -> Option<Class> {
    let family = |row: &str| row.ends_with('.') && code.starts_with(row);
    CLASSES.iter().find(|(row, _)| *row == code || family(row)).map(|&(_, class)| class)
}

/// The error for a rejection; `stapled` says whether the peer sent an OCSP response.
///
/// A code without a row is refused all the same, as `certificate_unknown`.
pub(super) fn certificate_error(rejection: &Rejection, stapled: bool) -> CertificateError {
    let cause = rejection.cause();
    let other = || CertificateError::Other(OtherError(Arc::new(rejection.clone())));
    match classify(cause.code()) {
        Some(Class::Encoding) => CertificateError::BadEncoding,
        Some(Class::Signature) => CertificateError::BadSignature,
        Some(Class::Unsupported | Class::Purpose) => CertificateError::InvalidPurpose,
        Some(Class::Expired) => match cause.violation() {
            Violation::Expired { not_after, now } => expired(*now, *not_after),
            _ => CertificateError::Expired,
        },
        Some(Class::NotYetValid) => match cause.violation() {
            Violation::NotYetValid { not_before, now } => not_yet_valid(*now, *not_before),
            _ => CertificateError::NotValidYet,
        },
        Some(Class::Revoked) => CertificateError::Revoked,
        Some(Class::StatusUnusable) if stapled => CertificateError::InvalidOcspResponse,
        Some(Class::StatusUnknown | Class::StatusUnusable) => {
            CertificateError::UnknownRevocationStatus
        }
        Some(Class::StatusStale) => CertificateError::ExpiredRevocationList,
        Some(Class::Issuer) => CertificateError::UnknownIssuer,
        Some(Class::Extension) => CertificateError::UnhandledCriticalExtension,
        Some(Class::Name) => CertificateError::NotValidForName,
        Some(Class::Application) => CertificateError::ApplicationVerificationFailure,
        Some(Class::Other) | None => other(),
    }
}

/// The error for a decision that is a rejection.
pub(super) fn error(decision: &Decision, stapled: bool) -> Error {
    Error::InvalidCertificate(match decision.rejection() {
        Some(rejection) => certificate_error(rejection, stapled),
        // Not reached: callers have looked. An acceptance must not become a different one here.
        None => CertificateError::ApplicationVerificationFailure,
    })
}

fn expired(now: Time, not_after: Time) -> CertificateError {
    match (unix(now), unix(not_after)) {
        (Some(time), Some(not_after)) => CertificateError::ExpiredContext { time, not_after },
        _ => CertificateError::Expired,
    }
}

fn not_yet_valid(now: Time, not_before: Time) -> CertificateError {
    match (unix(now), unix(not_before)) {
        (Some(time), Some(not_before)) => CertificateError::NotValidYetContext { time, not_before },
        _ => CertificateError::NotValidYet,
    }
}

/// Nothing before 1970.
fn unix(time: Time) -> Option<UnixTime> {
    let seconds = u64::try_from(time.unix()).ok()?;
    Some(UnixTime::since_unix_epoch(core::time::Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Finding;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use rustls::AlertDescription;

    #[test]
    fn every_code_has_one_row() {
        let mut used = alloc::collections::BTreeSet::new();
        for code in Violation::codes() {
            let rows: Vec<&str> = CLASSES
                .iter()
                .map(|(row, _)| *row)
                .filter(|row| *row == code || row.ends_with('.') && code.starts_with(row))
                .collect();
            assert_eq!(rows.len(), 1, "{code}: {rows:?}");
            used.extend(rows);
        }
        let unused: Vec<_> = CLASSES.iter().filter(|(row, _)| !used.contains(row)).collect();
        assert!(unused.is_empty(), "rows of no code: {unused:?}");
        assert_eq!(classify("future.code"), None);
    }

    fn alert(violation: Violation, stapled: bool) -> (AlertDescription, bool) {
        let cause = Finding::new(violation, Some(0), None);
        let rejection = Rejection::new(cause, Vec::new(), Vec::new(), 0);
        let error = certificate_error(&rejection, stapled);
        let carries = matches!(&error, CertificateError::Other(OtherError(inner))
            if inner.downcast_ref::<Rejection>() == Some(&rejection));
        (error.into(), carries)
    }

    #[test]
    fn the_alert_fits_and_other_carries_the_reasons() {
        use AlertDescription as A;
        let time = Time::from_unix;
        let custom = |code| Violation::NameConstraints { code, name: "x".into(), constraint: None };
        let unknown = Violation::RevocationUnknown;
        use crate::revocation::Unknown as U;
        for (case, violation, stapled, expected, carries) in [
            (
                "expired",
                Violation::Expired { not_after: time(1), now: time(2) },
                false,
                A::CertificateExpired,
                false,
            ),
            (
                "expired before 1970",
                Violation::Expired { not_after: time(-2), now: time(-1) },
                false,
                A::CertificateExpired,
                false,
            ),
            (
                "not yet valid",
                Violation::NotYetValid { not_before: time(2), now: time(1) },
                false,
                A::CertificateExpired,
                false,
            ),
            ("not a ca", Violation::NotACa, false, A::UnknownCA, false),
            ("stale", unknown(U::Stale { by: 1 }), false, A::UnknownCA, false),
            ("of no use", unknown(U::ResponderUnknown), false, A::UnknownCA, false),
            (
                "staple of no use",
                unknown(U::ResponderUnknown),
                true,
                A::BadCertificateStatusResponse,
                false,
            ),
            ("no source, stapled", unknown(U::NoSource), true, A::UnknownCA, false),
            ("leaf is a ca", Violation::CaAsEndEntity, false, A::UnsupportedCertificate, false),
            (
                "signature",
                Violation::Signature(crate::signature::SignatureError::Invalid),
                false,
                A::DecryptError,
                false,
            ),
            (
                "not accepted",
                Violation::NotAccepted { reason: "no".into() },
                false,
                A::AccessDenied,
                false,
            ),
            ("no identity", Violation::NoIdentity, false, A::BadCertificate, false),
            ("no domain", Violation::NoTrustDomain { name: None }, false, A::UnknownCA, false),
            ("policy", Violation::ExplicitPolicy, false, A::CertificateUnknown, true),
            (
                "a code that is not in the table",
                custom("future.code"),
                false,
                A::CertificateUnknown,
                true,
            ),
        ] {
            assert_eq!(alert(violation, stapled), (expected, carries), "{case}");
        }
        let cause = Finding::new(Violation::ExplicitPolicy, None, None);
        let rejection = Rejection::new(cause, Vec::new(), Vec::new(), 0);
        let text = certificate_error(&rejection, false).to_string();
        assert!(text.contains("no acceptable certificate policy"), "{text}");
    }
}
