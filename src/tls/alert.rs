//! From a rejection to what the peer is told.
//!
//! TLS stacks derive the alert from the error that a verifier returns and cannot be told otherwise, and
//! most of those errors have no room for a reason. So the error is chosen for its alert; the reasons go
//! to the application as a [`Decision`](crate::decision::Decision).
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

/// What the peer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AlertClass {
    /// `bad_certificate`.
    Encoding,
    /// `decrypt_error`.
    Signature,
    /// `unsupported_certificate`: an algorithm that nobody here knows.
    Unsupported,
    /// `certificate_expired`.
    Expired,
    /// `certificate_expired`.
    NotYetValid,
    /// `certificate_revoked`.
    Revoked,
    /// `unknown_ca`: nothing is known, or not from what the peer sent.
    StatusUnknown,
    /// `unknown_ca`: what is known is too old.
    StatusStale,
    /// `bad_certificate_status_response` where the peer stapled it, else as unknown.
    StatusUnusable,
    /// `unknown_ca`.
    Issuer,
    /// `unsupported_certificate`.
    Purpose,
    /// `bad_certificate`: a critical extension that nobody processes.
    Extension,
    /// `bad_certificate`: another name.
    Name,
    /// `access_denied`.
    Application,
    /// `certificate_unknown`.
    Other,
}

/// Codes, and families of codes, which end with the dot.
const CLASSES: &[(&str, AlertClass)] = &[
    ("encoding.malformed", AlertClass::Encoding),
    ("algorithm.mismatch", AlertClass::Encoding),
    ("algorithm.unknown", AlertClass::Encoding),
    ("algorithm.signature-refused", AlertClass::Encoding),
    ("algorithm.key-unknown", AlertClass::Unsupported),
    ("algorithm.key-malformed", AlertClass::Encoding),
    ("algorithm.key-refused", AlertClass::Encoding),
    ("algorithm.key-too-small", AlertClass::Encoding),
    ("algorithm.key-too-large", AlertClass::Encoding),
    ("algorithm.key-mismatch", AlertClass::Encoding),
    ("signature.invalid", AlertClass::Signature),
    ("signature.algorithm-unsupported", AlertClass::Unsupported),
    ("signature.key-unsupported", AlertClass::Unsupported),
    ("signature.key-mismatch", AlertClass::Signature),
    ("signature.key-malformed", AlertClass::Encoding),
    ("validity.expired", AlertClass::Expired),
    ("validity.not-yet-valid", AlertClass::NotYetValid),
    ("validity.lifetime-too-long", AlertClass::Other),
    ("version.cannot-issue", AlertClass::Issuer),
    ("basic-constraints.absent", AlertClass::Issuer),
    ("basic-constraints.not-a-ca", AlertClass::Issuer),
    ("key-usage.no-cert-sign", AlertClass::Issuer),
    ("path-length.exceeded", AlertClass::Issuer),
    ("path-length.policy", AlertClass::Issuer),
    ("extended-key-usage.purpose", AlertClass::Purpose),
    ("extended-key-usage.absent", AlertClass::Purpose),
    ("end-entity.is-a-ca", AlertClass::Purpose),
    ("end-entity.cert-sign", AlertClass::Purpose),
    ("key-usage.missing", AlertClass::Purpose),
    ("extension.unknown-critical", AlertClass::Extension),
    ("extension.refused", AlertClass::Application),
    ("policy.unknown-qualifier", AlertClass::Extension),
    ("policy.explicit-policy-required", AlertClass::Other),
    ("policy.mapping-of-any-policy", AlertClass::Other),
    ("name-constraints.", AlertClass::Other),
    ("spiffe.", AlertClass::Other),
    ("conformance.", AlertClass::Other),
    ("limit.", AlertClass::Other),
    ("trust.distrusted", AlertClass::Issuer),
    ("trust.distrusted-after", AlertClass::Issuer),
    ("trust.no-route", AlertClass::Issuer),
    ("trust.no-domain", AlertClass::Issuer),
    ("trust.unknown-label", AlertClass::Issuer),
    // Notes, which reject nobody.
    ("trust.tainted", AlertClass::Other),
    ("identity.outside-trust-domain", AlertClass::Other),
    ("revocation.revoked", AlertClass::Revoked),
    ("revocation.stale", AlertClass::StatusStale),
    ("revocation.no-source", AlertClass::StatusUnknown),
    ("revocation.not-covered", AlertClass::StatusUnknown),
    ("revocation.scope-mismatch", AlertClass::StatusUnknown),
    ("revocation.unsupported-form", AlertClass::StatusUnknown),
    ("revocation.rolled-back", AlertClass::StatusUnknown),
    ("revocation.partial-reasons", AlertClass::StatusUnknown),
    ("revocation.exemption-refused", AlertClass::StatusUnknown),
    ("revocation.signer-undecided", AlertClass::StatusUnknown),
    ("revocation.limit", AlertClass::StatusUnknown),
    ("revocation.malformed", AlertClass::StatusUnusable),
    ("revocation.unknown-critical-extension", AlertClass::StatusUnusable),
    ("revocation.responder-error", AlertClass::StatusUnusable),
    ("revocation.responder-unknown", AlertClass::StatusUnusable),
    ("revocation.nonce-mismatch", AlertClass::StatusUnusable),
    ("revocation.bad-signature", AlertClass::StatusUnusable),
    ("revocation.signer-not-authorized", AlertClass::StatusUnusable),
    ("revocation.from-future", AlertClass::StatusUnusable),
    ("identity.none", AlertClass::Name),
    ("identity.name-mismatch", AlertClass::Name),
    ("identity.not-accepted", AlertClass::Application),
];

/// The class of a code. A code without a row is refused all the same, as [`AlertClass::Other`].
pub(crate) fn classify(code: &str) -> AlertClass {
    row(code).unwrap_or(AlertClass::Other)
}

fn row(code: &str) -> Option<AlertClass> {
    let family = |row: &str| row.ends_with('.') && code.starts_with(row);
    CLASSES.iter().find(|(row, _)| *row == code || family(row)).map(|&(_, class)| class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Violation;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    #[test]
    fn every_code_has_one_row() {
        let mut used = BTreeSet::new();
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
    }

    #[test]
    fn what_has_no_row_is_refused_without_a_reason() {
        assert_eq!(row("future.code"), None);
        assert_eq!(classify("future.code"), AlertClass::Other);
    }
}
