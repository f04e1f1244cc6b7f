//! From a class of alerts to the `CertificateError` that gives it, see
//! [`AlertClass`](crate::tls::AlertClass).
//!
//! Variants that have room for a reason ([`CertificateError::Other`]) carry the
//! [`Rejection`](crate::decision::Rejection), as their source. `Error::Other` is never used: 0.24 sends no
//! alert for it.

use core::time::Duration;

use rustls_0_24::Error;
use rustls_0_24::error::{CertificateError, OtherError, PeerMisbehaved};
use rustls_pki_types::UnixTime;

use crate::decision::{Rejection, Violation};
use crate::tls::{AlertClass, PeerError, RejectedPeer, SignatureRefused, classify};
use crate::x509::Time;

fn certificate_error(rejection: &Rejection, stapled: bool) -> CertificateError {
    let cause = rejection.cause();
    match classify(cause.code()) {
        AlertClass::Encoding => CertificateError::BadEncoding,
        AlertClass::Signature => CertificateError::BadSignature,
        AlertClass::Unsupported | AlertClass::Purpose => CertificateError::InvalidPurpose,
        AlertClass::Expired => match cause.violation() {
            Violation::Expired { not_after, now } => match (unix(*now), unix(*not_after)) {
                (Some(time), Some(not_after)) => {
                    CertificateError::ExpiredContext { time, not_after }
                }
                _ => CertificateError::Expired,
            },
            _ => CertificateError::Expired,
        },
        AlertClass::NotYetValid => match cause.violation() {
            Violation::NotYetValid { not_before, now } => match (unix(*now), unix(*not_before)) {
                (Some(time), Some(not_before)) => {
                    CertificateError::NotValidYetContext { time, not_before }
                }
                _ => CertificateError::NotValidYet,
            },
            _ => CertificateError::NotValidYet,
        },
        AlertClass::Revoked => CertificateError::Revoked,
        AlertClass::StatusUnusable if stapled => CertificateError::InvalidOcspResponse,
        AlertClass::StatusUnknown | AlertClass::StatusUnusable => {
            CertificateError::UnknownRevocationStatus
        }
        AlertClass::StatusStale => CertificateError::ExpiredRevocationList,
        AlertClass::Issuer => CertificateError::UnknownIssuer,
        AlertClass::Extension => CertificateError::UnhandledCriticalExtension,
        AlertClass::Name => CertificateError::NotValidForName,
        AlertClass::Application => CertificateError::ApplicationVerificationFailure,
        AlertClass::Other => CertificateError::Other(OtherError::new(rejection.clone())),
    }
}

fn rejected(rejected: &RejectedPeer) -> Error {
    Error::InvalidCertificate(match rejected.decision().rejection() {
        Some(rejection) => certificate_error(rejection, rejected.stapled()),
        // Not reached: a rejected peer has a rejection. Refused all the same.
        None => CertificateError::ApplicationVerificationFailure,
    })
}

impl From<PeerError> for Error {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Handshaking => Self::HandshakeNotComplete,
            PeerError::NoCertificate => PeerMisbehaved::NoCertificatesPresented.into(),
            PeerError::Name => Self::InvalidCertificate(CertificateError::NotValidForName),
            PeerError::NoTime => Self::FailedToGetCurrentTime,
            PeerError::Foreign => {
                Self::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
            }
            PeerError::Rejected(peer) => rejected(&peer),
        }
    }
}

/// The error for a signature of a handshake that is refused.
pub(super) fn signature(refused: SignatureRefused) -> Error {
    Error::InvalidCertificate(match refused {
        SignatureRefused::NotOffered => {
            return PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into();
        }
        SignatureRefused::Key { signature_algorithm, key_algorithm } => {
            CertificateError::UnsupportedSignatureAlgorithmForPublicKey {
                signature_algorithm_id: signature_algorithm,
                public_key_algorithm_id: key_algorithm,
            }
        }
        SignatureRefused::Malformed | SignatureRefused::Policy => CertificateError::BadEncoding,
        SignatureRefused::KeyUsage | SignatureRefused::Unsupported => {
            CertificateError::InvalidPurpose
        }
        SignatureRefused::Invalid => CertificateError::BadSignature,
    })
}

/// The error for a raw public key: `unsupported_certificate`.
pub(super) const fn raw_public_key() -> Error {
    Error::InvalidCertificate(CertificateError::InvalidPurpose)
}

/// Nothing before 1970.
fn unix(time: Time) -> Option<UnixTime> {
    u64::try_from(time.unix()).ok().map(Duration::from_secs).map(UnixTime::since_unix_epoch)
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;
    use core::error::Error as _;

    use rustls_0_24::error::AlertDescription;

    use super::*;
    use crate::decision::{Decision, Finding, Outcome};
    use crate::policy::Work;
    use crate::tls::{ChainDigest, PeerRole};

    fn rejection(code: &'static str) -> Rejection {
        let name = "x".into();
        let violation = Violation::NameConstraints { code, name, constraint: None };
        Rejection::new(Finding::new(violation, Some(0), None), Vec::new(), Vec::new(), 0)
    }

    fn refusal(rejection: Rejection, stapled: bool) -> PeerError {
        let outcome = Outcome::Rejected(rejection.into());
        PeerError::Rejected(Arc::new(RejectedPeer {
            role: PeerRole::Server,
            chain: ChainDigest::of(&[]),
            requirement: "x".into(),
            label: None,
            decision: Decision::new(outcome, Time::from_unix(0), [0; 32], Work::default()),
            epoch: 0,
            stapled,
        }))
    }

    /// The number of the alert that is sent; none where none is.
    fn sent(error: PeerError) -> Option<u8> {
        AlertDescription::try_from(&Error::from(error)).ok().map(|alert| alert.0)
    }

    #[test]
    fn the_alert_fits() {
        for (code, stapled, alert) in [
            ("encoding.malformed", false, 42),
            ("signature.invalid", false, 51),
            ("signature.key-unsupported", false, 43),
            ("extended-key-usage.purpose", false, 43),
            ("validity.expired", false, 45),
            ("validity.not-yet-valid", false, 45),
            ("revocation.revoked", false, 44),
            ("revocation.no-source", true, 48),
            ("revocation.stale", false, 48),
            ("revocation.malformed", false, 48),
            ("revocation.malformed", true, 113),
            ("trust.no-route", false, 48),
            ("extension.unknown-critical", false, 42),
            ("identity.name-mismatch", false, 42),
            ("identity.not-accepted", false, 49),
            ("path-length.exceeded", false, 48),
            ("name-constraints.not-permitted", false, 46),
            ("a code of the future", false, 46),
        ] {
            assert_eq!(sent(refusal(rejection(code), stapled)), Some(alert), "{code} {stapled}");
        }
        for (error, alert) in [
            (PeerError::NoCertificate, Some(116)),
            (PeerError::Name, Some(42)),
            (PeerError::Foreign, Some(49)),
            // There is nobody to tell.
            (PeerError::Handshaking, None),
            (PeerError::NoTime, None),
        ] {
            let code = error.code();
            assert_eq!(sent(error), alert, "{code}");
        }
    }

    #[test]
    fn dates_and_reasons_are_carried() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let error = |violation| {
            let cause = Finding::new(violation, Some(0), None);
            certificate_error(&Rejection::new(cause, Vec::new(), Vec::new(), 0), false)
        };
        let time = Time::from_unix;
        assert_eq!(
            error(Violation::Expired { not_after: time(1), now: time(2) }),
            CertificateError::ExpiredContext { time: at(2), not_after: at(1) }
        );
        assert_eq!(
            error(Violation::Expired { not_after: time(-2), now: time(-1) }),
            CertificateError::Expired
        );
        assert_eq!(
            error(Violation::NotYetValid { not_before: time(2), now: time(1) }),
            CertificateError::NotValidYetContext { time: at(1), not_before: at(2) }
        );
        let CertificateError::Other(other) = error(Violation::ExplicitPolicy) else {
            panic!("there is no better error for policies");
        };
        let carried = other.source().and_then(|inner| inner.downcast_ref::<Rejection>());
        assert_eq!(carried.unwrap().cause().code(), "policy.explicit-policy-required");
    }

    /// Both adapters tell the peer the same.
    #[cfg(feature = "rustls")]
    #[test]
    fn the_alerts_of_both_adapters_are_the_same() {
        for code in Violation::codes() {
            for stapled in [false, true] {
                let error = refusal(rejection(code), stapled);
                let rustls::Error::InvalidCertificate(older) = rustls::Error::from(error.clone())
                else {
                    panic!("{code} is not an invalid certificate for 0.23");
                };
                let older = u8::from(rustls::AlertDescription::from(older));
                assert_eq!(sent(error), Some(older), "{code} {stapled}");
            }
        }
    }
}
