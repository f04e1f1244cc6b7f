//! What a source answers: a verdict, on whose authority, by which evidence, fresh until when, and
//! what it would need to say more.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha256};

use super::query::SignatureFailure;
use crate::identity::DistinguishedName;
use crate::policy::{LimitExceeded, UnknownReason};
use crate::x509::{
    Certificate, CertificateError, CertificateRevocationList, CrlNumber, CrlScope, FormatError,
    OcspErrorStatus, OcspRequest, OwnedCertificate, OwnedOid, ReasonCode, ReasonFlags, Time,
};

/// What a source says of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each case")]
pub enum Verdict {
    /// Not revoked, by evidence that covers the certificate and is fresh.
    Good,
    /// Revoked, by authentic evidence, fresh or not.
    Revoked(Revoked),
    /// Neither can be said.
    Unknown(Unknown),
}

/// A revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// Why, where the authority says.
    pub reason: Option<ReasonCode>,
    /// Since when; for a denial without a date, [`Time::MIN`].
    pub at: Time,
    /// When the key is known or suspected to have been compromised (RFC 5280 section 5.3.2).
    pub invalidity: Option<Time>,
}

impl Revoked {
    /// Revoked since `at`. Default: for no stated reason.
    #[must_use]
    pub const fn new(at: Time) -> Self {
        Self { reason: None, at, invalidity: None }
    }

    /// Sets why.
    #[must_use]
    pub const fn with_reason(self, reason: ReasonCode) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Sets when the key is known or suspected to have been compromised.
    #[must_use]
    pub const fn with_invalidity(self, invalidity: Time) -> Self {
        Self { invalidity: Some(invalidity), ..self }
    }
}

/// Why neither can be said. [`Unknown::reason`] is what policy goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unknown {
    /// No source has anything for this issuer or certificate.
    NoSource,
    /// There is evidence of the issuer, and it does not speak of this certificate.
    NotCovered,
    /// A list is for other certificates, by its issuing distribution point.
    ScopeMismatch,
    /// A delta without the complete list that it builds on.
    UnsupportedForm,
    /// The certificate cannot be read where it says how it may be revoked.
    MalformedCertificate(CertificateError),
    /// The evidence cannot be read.
    Malformed(FormatError),
    /// A critical extension in a list, an entry or a response is not known.
    UnknownCriticalExtension(OwnedOid),
    /// The responder reports an error instead of a status.
    ResponderError(OcspErrorStatus),
    /// The responder does not know the certificate.
    ResponderUnknown,
    /// The nonce of the response is not that of the request.
    NonceMismatch,
    /// The signature on the evidence does not hold.
    BadSignature(SignatureFailure),
    /// Who signed the evidence may not speak for this certificate.
    SignerNotAuthorized,
    /// Whether the signer may speak was not decided; [`Answer::signers`] asks.
    SignerUndecided,
    /// Newer evidence was held before.
    RolledBack,
    /// The evidence is not valid yet.
    FromFuture {
        /// Seconds until its thisUpdate.
        by: i64,
    },
    /// The evidence is past its nextUpdate or older than the policy allows.
    Stale {
        /// Seconds since then.
        by: i64,
    },
    /// Lists cover these revocation reasons and no others.
    PartialReasons {
        /// The reasons covered.
        covered: ReasonFlags,
    },
    /// noRevAvail in a certificate that lives longer than the policy allows without revocation.
    ExemptionRefused {
        /// notAfter − notBefore, in seconds.
        lifetime: i64,
        /// The bound, in seconds.
        max: i64,
    },
    /// A bound on work was reached.
    Limit(LimitExceeded),
}

impl Unknown {
    /// Returns the reason that policy goes by.
    #[must_use]
    pub const fn reason(&self) -> UnknownReason {
        match self {
            Self::NoSource => UnknownReason::NoSource,
            Self::NotCovered => UnknownReason::NotCovered,
            Self::ScopeMismatch => UnknownReason::ScopeMismatch,
            Self::UnsupportedForm => UnknownReason::UnsupportedForm,
            Self::MalformedCertificate(_) | Self::Malformed(_) => UnknownReason::Malformed,
            Self::UnknownCriticalExtension(_) => UnknownReason::UnknownCriticalExtension,
            Self::ResponderError(_) => UnknownReason::ResponderError,
            Self::ResponderUnknown => UnknownReason::ResponderUnknown,
            Self::NonceMismatch => UnknownReason::NonceMismatch,
            Self::BadSignature(_) => UnknownReason::BadSignature,
            Self::SignerNotAuthorized => UnknownReason::SignerNotAuthorized,
            Self::SignerUndecided => UnknownReason::SignerUndecided,
            Self::RolledBack => UnknownReason::RolledBack,
            Self::FromFuture { .. } => UnknownReason::FromFuture,
            Self::Stale { .. } => UnknownReason::Stale,
            Self::PartialReasons { .. } => UnknownReason::PartialReasons,
            Self::ExemptionRefused { .. } => UnknownReason::ExemptionRefused,
            Self::Limit(_) => UnknownReason::Limit,
        }
    }

    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.reason().code()
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSource => f.write_str("no revocation evidence for this issuer"),
            Self::NotCovered => {
                f.write_str("the evidence at hand does not speak of this certificate")
            }
            Self::ScopeMismatch => f.write_str("the lists at hand are for other certificates"),
            Self::UnsupportedForm => f.write_str("a delta list without its base"),
            Self::MalformedCertificate(error) => error.fmt(f),
            Self::Malformed(error) => error.fmt(f),
            Self::UnknownCriticalExtension(oid) => {
                write!(f, "the evidence has the unknown critical extension {oid}")
            }
            Self::ResponderError(status) => write!(f, "the responder says {}", status.name()),
            Self::ResponderUnknown => f.write_str("the responder does not know the certificate"),
            Self::NonceMismatch => f.write_str("the response is not the answer to this request"),
            Self::BadSignature(failure) => write!(f, "evidence with a bad signature: {failure}"),
            Self::SignerNotAuthorized => {
                f.write_str("who signed the evidence may not speak for this certificate")
            }
            Self::SignerUndecided => f.write_str("the signer of the evidence was not validated"),
            Self::RolledBack => f.write_str("newer evidence was held before"),
            Self::FromFuture { by } => write!(f, "the evidence is valid in {by} seconds only"),
            Self::Stale { by } => write!(f, "the evidence is stale by {by} seconds"),
            Self::PartialReasons { .. } => f.write_str("not all revocation reasons are covered"),
            Self::ExemptionRefused { lifetime, max } => write!(
                f,
                "a certificate without revocation lives {lifetime} seconds, at most {max} allowed"
            ),
            Self::Limit(limit) => limit.fmt(f),
        }
    }
}

/// Names evidence by a SHA-256 of its bytes.
///
/// Of a revocation list, it is the SHA-256 of
///
/// 1. the SHA-256 of its tbsCertList (32 octets), which its signature is mostly made over too,
/// 2. what follows the tbsCertList in its DER: signatureAlgorithm, then signatureValue.
///
/// So a list of megabytes is hashed once, and no two lists have one name. Of everything else, a
/// response, a filter, a rule of a deny list, it is the SHA-256 of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidenceId([u8; 32]);

impl EvidenceId {
    /// Names the evidence that has these bytes, which is not a revocation list.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Names a revocation list, as [`VerifiedCrl::id`](super::VerifiedCrl::id) does.
    #[must_use]
    pub fn of_list(list: &CertificateRevocationList<'_>) -> Self {
        Self::of_list_with(list, &Sha256::digest(list.tbs_cert_list()).into())
    }

    /// The same with the SHA-256 of the tbsCertList.
    pub(super) fn of_list_with(list: &CertificateRevocationList<'_>, tbs: &[u8; 32]) -> Self {
        let after_tbs = list.as_der().get(list.tbs_cert_list_range().end..).unwrap_or_default();
        Self(Sha256::new().chain_update(tbs).chain_update(after_tbs).finalize().into())
    }

    pub(super) const fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Returns the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for EvidenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for EvidenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a list says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrlSummary {
    /// Who issued it.
    pub issuer: DistinguishedName,
    /// cRLNumber.
    pub number: Option<CrlNumber>,
    /// Whether cRLNumber is critical, which RFC 5280 section 5.2.3 forbids.
    pub number_critical: bool,
    /// BaseCRLNumber, where it is a delta.
    pub base_number: Option<CrlNumber>,
    /// Which certificates it is about.
    pub scope: CrlScope,
    /// The reasons it covers, where not all.
    pub only_some_reasons: Option<ReasonFlags>,
    /// Whether it has entries of other issuers.
    pub indirect: bool,
    /// thisUpdate.
    pub this_update: Time,
    /// nextUpdate.
    pub next_update: Option<Time>,
    /// The name of the list.
    pub id: EvidenceId,
}

/// On whose word a verdict rests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authority {
    /// A revocation list.
    Crl(Arc<CrlSummary>),
    /// An OCSP responder.
    Ocsp {
        /// Name of the responder's certificate, or of the issuer that answered itself.
        responder: DistinguishedName,
        /// Whether the issuer delegated to it.
        delegated: bool,
        /// producedAt.
        produced_at: Time,
    },
    /// The operator's deny list.
    DenyList {
        /// The digest of the rule that denies.
        rule: EvidenceId,
    },
    /// A set of filters such as CRLite.
    Filter {
        /// The digest of the filter.
        id: EvidenceId,
    },
    /// A source that this crate does not know.
    Other {
        /// [`RevocationSource::name`](super::RevocationSource::name).
        source: Arc<str>,
    },
    /// No revocation is needed: noRevAvail in a short-lived certificate (RFC 9608).
    NoRevAvail,
    /// No revocation is needed: the certificate is short-lived.
    ShortLived,
}

impl Authority {
    /// Returns the stable, machine-readable name of the kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Crl(_) => "crl",
            Self::Ocsp { .. } => "ocsp",
            Self::DenyList { .. } => "deny-list",
            Self::Filter { .. } => "filter",
            Self::Other { .. } => "other",
            Self::NoRevAvail => "no-rev-avail",
            Self::ShortLived => "short-lived",
        }
    }
}

/// Evidence that a host may fetch. Its URLs are what the certificate says, untrusted data: this
/// crate follows none, and a host decides which it follows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvidenceRequest {
    /// A complete revocation list.
    Crl {
        /// Where the certificate says it is.
        uris: Vec<String>,
        /// Who issues it.
        issuer: DistinguishedName,
    },
    /// A delta to a list at hand.
    DeltaCrl {
        /// Where certificate or list say it is.
        uris: Vec<String>,
        /// Who issues it.
        issuer: DistinguishedName,
    },
    /// An OCSP response.
    Ocsp {
        /// Where the certificate says its responders are.
        urls: Vec<String>,
        /// What to send.
        request: OcspRequest,
    },
    /// The certificate of an issuer that is missing on the way to an anchor
    /// ([RFC 5280 section 4.2.2.1], id-ad-caIssuers). Asked by the engine, never by a source;
    /// [`certificates_of_issuers`](crate::x509::certificates_of_issuers) reads what such a place
    /// serves.
    ///
    /// [RFC 5280 section 4.2.2.1]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.2.1
    IssuerCertificate {
        /// Where the certificate says it is.
        uris: Vec<String>,
        /// Whose certificate it is.
        issuer: DistinguishedName,
    },
}

impl EvidenceRequest {
    /// How many requests an answer may have, and how many URIs a request.
    pub const MAX: usize = 8;
    /// The longest URI passed on, in bytes.
    pub const MAX_URI: usize = 2_048;
}

/// Collects URIs within the bounds.
pub(crate) fn bounded_uris<'a>(uris: impl Iterator<Item = &'a str>) -> Vec<String> {
    uris.filter(|uri| uri.len() <= EvidenceRequest::MAX_URI)
        .take(EvidenceRequest::MAX)
        .map(String::from)
        .collect()
}

/// What a signer of evidence must be certified for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SignerUsage {
    /// Signing revocation lists: cRLSign where key usage is present (RFC 5280 6.3.3 (f)).
    CrlSign,
    /// Signing OCSP responses: id-kp-OCSPSigning (RFC 6960 section 4.2.2.2).
    OcspSigning,
}

/// A signer and what it must be certified for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct SignerId {
    /// SHA-256 of its certificate.
    pub fingerprint: [u8; 32],
    /// For what.
    pub usage: SignerUsage,
}

impl SignerId {
    /// Names the signer with this certificate.
    #[must_use]
    pub fn of(certificate: &Certificate<'_>, usage: SignerUsage) -> Self {
        Self { fingerprint: Sha256::digest(certificate.as_der()).into(), usage }
    }
}

/// A signer whose path must be validated before its evidence counts.
///
/// RFC 5280 6.3.3 (f): "Obtain and validate the certification path for the issuer of the complete
/// CRL. The trust anchor for the certification path MUST be the same as the trust anchor used to
/// validate the target certificate."
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignerQuestion {
    /// Who is asked about.
    pub id: SignerId,
    /// Its certificate.
    pub certificate: OwnedCertificate,
    /// Whether revocation of the signer itself is not to be checked: id-pkix-ocsp-nocheck (RFC
    /// 6960 section 4.2.2.2.1).
    pub no_check: bool,
    /// Further certificates that came with the evidence, candidates for its path.
    pub pool: Vec<OwnedCertificate>,
}

impl SignerQuestion {
    /// Asks whether the holder of `certificate` may sign evidence of this kind. Default: its own
    /// revocation is checked, no further certificates.
    #[must_use]
    pub fn new(certificate: OwnedCertificate, usage: SignerUsage) -> Self {
        let id = SignerId::of(&certificate.as_certificate(), usage);
        Self { id, certificate, no_check: false, pool: Vec::new() }
    }
}

/// What a source says, and on what it rests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// On whose word.
    pub authority: Option<Authority>,
    /// The evidence it rests on, in a fixed order.
    pub evidence: Vec<EvidenceId>,
    /// The earliest thisUpdate of that evidence.
    pub this_update: Option<Time>,
    /// Until when the verdict may be relied upon; nothing where it does not end.
    pub fresh_until: Option<Time>,
    /// What would help; at most [`EvidenceRequest::MAX`].
    pub wants: Vec<EvidenceRequest>,
    /// Signers to validate. Whoever can should do so and ask the source again.
    pub signers: Vec<SignerQuestion>,
}

impl Answer {
    /// An answer without anything but its verdict.
    #[must_use]
    pub const fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            authority: None,
            evidence: Vec::new(),
            this_update: None,
            fresh_until: None,
            wants: Vec::new(),
            signers: Vec::new(),
        }
    }

    /// Neither can be said.
    #[must_use]
    pub const fn unknown(unknown: Unknown) -> Self {
        Self::new(Verdict::Unknown(unknown))
    }
}
