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
