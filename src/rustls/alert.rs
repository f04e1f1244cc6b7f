//! From a class of alerts to the `CertificateError` that gives it, see
//! [`AlertClass`](crate::tls::AlertClass).
//!
//! Variants that have room for a reason ([`CertificateError::Other`]) carry the
//! [`Rejection`](crate::decision::Rejection), to be downcast.

use alloc::sync::Arc;

use rustls::{CertificateError, Error, OtherError, PeerMisbehaved};
use rustls_pki_types::UnixTime;

use crate::decision::{Rejection, Violation};
use crate::tls::{AlertClass, PeerError, RejectedPeer, SignatureRefused, classify};
use crate::x509::Time;

/// The error for a rejection; `stapled` says whether the peer sent an OCSP response.
fn certificate_error(rejection: &Rejection, stapled: bool) -> CertificateError {
    let cause = rejection.cause();
    let other = || CertificateError::Other(OtherError(Arc::new(rejection.clone())));
    match classify(cause.code()) {
        AlertClass::Encoding => CertificateError::BadEncoding,
        AlertClass::Signature => CertificateError::BadSignature,
        AlertClass::Unsupported | AlertClass::Purpose => CertificateError::InvalidPurpose,
        AlertClass::Expired => match cause.violation() {
            Violation::Expired { not_after, now } => expired(*now, *not_after),
            _ => CertificateError::Expired,
        },
        AlertClass::NotYetValid => match cause.violation() {
            Violation::NotYetValid { not_before, now } => not_yet_valid(*now, *not_before),
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
        AlertClass::Other => other(),
    }
}

/// The error for a peer that was rejected.
pub(super) fn rejected(rejected: &RejectedPeer) -> Error {
    Error::InvalidCertificate(match rejected.decision().rejection() {
        Some(rejection) => certificate_error(rejection, rejected.stapled()),
        // Not reached: a rejected peer has a rejection. Refused all the same.
        None => CertificateError::ApplicationVerificationFailure,
    })
}

/// Whether `error` is the one for this peer.
pub(super) fn is_about(error: &Error, peer: &RejectedPeer) -> bool {
    match error {
        // These are equal to nothing, and carry the rejection.
        Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            inner.downcast_ref::<Rejection>() == peer.decision().rejection()
        }
        error => *error == rejected(peer),
    }
}

impl From<PeerError> for Error {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Handshaking => Self::HandshakeNotComplete,
            PeerError::NoCertificate => Self::NoCertificatesPresented,
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
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
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
    use alloc::vec::Vec;
    use rustls::AlertDescription;

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
    }
}
