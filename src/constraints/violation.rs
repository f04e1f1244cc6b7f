//! Violations: which rule a certificate or path breaks, with the values that disagree.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::names::NameConstraintFailure;
use super::svid::SvidRule;
use crate::policy::{ConformanceRule, Limit, LimitExceeded, UnknownReason};
use crate::revocation::{Revoked, Unknown};
use crate::signature::{AlgorithmRefused, SignatureError};
use crate::x509::{Certificate, CertificateError, KeyUsage, OwnedOid, Time, Version, write_hex};

/// How many octets of a key identifier are written; a SHA-256 has as many.
const KEY_ID_WRITTEN: usize = 32;

/// A rule that is broken. [`Violation::code`] is stable; the text is not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// The certificate cannot be read.
    Malformed(CertificateError),
    /// RFC 5280 4.1.1.2: inner and outer signature algorithm differ.
    AlgorithmMismatch,
    /// A signature algorithm or key that the policy refuses.
    Algorithm(AlgorithmRefused),
    /// RFC 5280 6.1.3 (a) (1): the signature does not verify with the issuer's key.
    Signature(SignatureError),
    /// RFC 5280 6.1.3 (a) (2): now is after notAfter.
    Expired {
        /// notAfter.
        not_after: Time,
        /// The time of the decision.
        now: Time,
    },
    /// RFC 5280 6.1.3 (a) (2): now is before notBefore.
    NotYetValid {
        /// notBefore.
        not_before: Time,
        /// The time of the decision.
        now: Time,
    },
    /// The policy bounds the lifetime of end entities.
    LifetimeTooLong {
        /// notAfter − notBefore + 1, in seconds.
        seconds: i64,
        /// The bound, in seconds.
        max: i64,
    },
    /// RFC 5280 6.1.4 (k): a v1 or v2 certificate issues others.
    VersionCannotIssue(Version),
    /// RFC 5280 6.1.4 (k): basicConstraints is absent.
    NoBasicConstraints,
    /// RFC 5280 6.1.4 (k): cA is not set.
    NotACa,
    /// RFC 5280 6.1.4 (n): keyUsage is present without keyCertSign.
    NoCertSign,
    /// RFC 5280 6.1.4 (l), (m): more intermediates follow than pathLenConstraint allows.
    PathLength {
        /// pathLenConstraint.
        allowed: u32,
        /// Non-self-issued intermediates below.
        found: u32,
    },
    /// The policy bounds the number of intermediates.
    TooManyIntermediates {
        /// The bound.
        allowed: u32,
    },
    /// RFC 5280 4.2.1.12: extended key usage does not allow the purpose.
    Purpose {
        /// The purpose asked for.
        purpose: OwnedOid,
    },
    /// The policy wants extended key usage in the end entity.
    NoExtendedKeyUsage,
    /// The policy accepts no CA certificate as a peer.
    CaAsEndEntity,
    /// The policy accepts no end entity with keyCertSign.
    CertSignInEndEntity,
    /// The end entity lacks key usage bits.
    KeyUsage {
        /// The bits asked for.
        required: KeyUsage,
        /// The bits found; nothing where the extension is absent.
        found: Option<KeyUsage>,
    },
    /// A rule of the X.509-SVID standard.
    Svid(SvidRule),
    /// RFC 5280 6.1.4 (o), 6.1.5 (f): a critical extension that nobody processes.
    UnknownCriticalExtension(OwnedOid),
    /// RFC 5280 4.2.1.4: a critical certificatePolicies with qualifiers that nobody processes.
    UnknownPolicyQualifier,
    /// A handler of the policy refuses an extension.
    CustomExtension {
        /// The extension.
        oid: OwnedOid,
        /// The handler's code.
        code: &'static str,
    },
    /// RFC 5280 6.1.3 (b), (c): a name is not permitted or is excluded.
    NameConstraints {
        /// The stable code.
        code: &'static str,
        /// The name that is refused.
        name: String,
        /// The constraint, where one of them decides.
        constraint: Option<String>,
    },
    /// RFC 5280 6.1.3 (f), 6.1.5: no acceptable policy.
    ExplicitPolicy,
    /// RFC 5280 6.1.4 (a): anyPolicy is mapped.
    AnyPolicyMapped,
    /// A rule that the standard sets for CAs, and a strict profile enforces.
    Conformance(ConformanceRule),
    /// The operator distrusts this anchor.
    Distrusted,
    /// The anchor is distrusted for certificates issued after a date.
    DistrustedAfter {
        /// The date.
        distrust_after: Time,
        /// notBefore of the end entity.
        not_before: Time,
    },
    /// The anchor is about to be removed; a note, not a reason to reject.
    Tainted {
        /// Since when.
        since: Time,
    },
    /// The trust domain does not speak for this name of the leaf; a note, not a reason to reject.
    OutsideTrustDomain {
        /// The name, left out of the identity.
        name: String,
    },
    /// No candidate path leads to an anchor of the trust domain.
    NoRoute {
        /// The name for which there is no certificate and no anchor.
        issuer: String,
        /// The identifier of the key that is missing under that name, where the certificate gives
        /// one. Certificates and anchors of that name with other keys may be there.
        key_id: Option<Vec<u8>>,
    },
    /// A bound on work ended the search.
    Limit(LimitExceeded),
    /// No trust domain speaks for what the peer is or claims to be.
    NoTrustDomain {
        /// The name that was looked up; nothing where the leaf bears none.
        name: Option<String>,
    },
    /// No trust is configured under the label of the request.
    UnknownLabel {
        /// The label.
        label: String,
    },
    /// The certificate is revoked.
    Revoked(Revoked),
    /// Whether the certificate is revoked is not known, and the policy does not accept that; or a
    /// note that it does.
    RevocationUnknown(Unknown),
    /// The leaf bears no identity that its trust domain speaks for.
    NoIdentity,
    /// The leaf does not bear a name that the request demands.
    NameMismatch {
        /// The name demanded.
        expected: String,
        /// Names of that form that the leaf bears, a few of them.
        presented: String,
    },
    /// The matcher of the request refuses the identity.
    NotAccepted {
        /// The matcher's explanation.
        reason: String,
    },
}

impl Violation {
    codes!(code(&self) {
        Self::Malformed(_) => "encoding.malformed",
        Self::AlgorithmMismatch => "algorithm.mismatch",
        Self::Expired { .. } => "validity.expired",
        Self::NotYetValid { .. } => "validity.not-yet-valid",
        Self::LifetimeTooLong { .. } => "validity.lifetime-too-long",
        Self::VersionCannotIssue(_) => "version.cannot-issue",
        Self::NoBasicConstraints => "basic-constraints.absent",
        Self::NotACa => "basic-constraints.not-a-ca",
        Self::NoCertSign => "key-usage.no-cert-sign",
        Self::PathLength { .. } => "path-length.exceeded",
        Self::TooManyIntermediates { .. } => "path-length.policy",
        Self::Purpose { .. } => "extended-key-usage.purpose",
        Self::NoExtendedKeyUsage => "extended-key-usage.absent",
        Self::CaAsEndEntity => "end-entity.is-a-ca",
        Self::CertSignInEndEntity => "end-entity.cert-sign",
        Self::KeyUsage { .. } => "key-usage.missing",
        Self::UnknownCriticalExtension(_) => "extension.unknown-critical",
        Self::UnknownPolicyQualifier => "policy.unknown-qualifier",
        Self::CustomExtension { .. } => "extension.refused",
        Self::ExplicitPolicy => "policy.explicit-policy-required",
        Self::AnyPolicyMapped => "policy.mapping-of-any-policy",
        Self::Distrusted => "trust.distrusted",
        Self::DistrustedAfter { .. } => "trust.distrusted-after",
        Self::Tainted { .. } => "trust.tainted",
        Self::OutsideTrustDomain { .. } => "identity.outside-trust-domain",
        Self::NoRoute { .. } => "trust.no-route",
        Self::NoTrustDomain { .. } => "trust.no-domain",
        Self::UnknownLabel { .. } => "trust.unknown-label",
        Self::Revoked(_) => "revocation.revoked",
        Self::NoIdentity => "identity.none",
        Self::NameMismatch { .. } => "identity.name-mismatch",
        Self::NotAccepted { .. } => "identity.not-accepted",
    } nested {
        Self::Algorithm(refused) => refused.code(),
            AlgorithmRefused::CODES.iter().copied();
        Self::Signature(error) => error.code(),
            SignatureError::CODES.iter().copied();
        Self::Svid(rule) => rule.code(),
            SvidRule::ALL.iter().map(|rule| rule.code());
        Self::NameConstraints { code, .. } => code,
            NameConstraintFailure::codes().filter(|code| !Limit::CODES.contains(code));
        Self::Conformance(rule) => rule.code(),
            ConformanceRule::ALL.iter().map(|rule| rule.code());
        Self::RevocationUnknown(why) => why.code(),
            UnknownReason::ALL.iter().map(|reason| reason.code());
        Self::Limit(exceeded) => exceeded.limit().code(),
            Limit::CODES.iter().copied();
    });

    /// Nothing leads on from `certificate`.
    pub(crate) fn no_route(certificate: &Certificate<'_>) -> Self {
        Self::NoRoute {
            issuer: certificate.issuer().to_string(),
            key_id: certificate.key_id_of_signer().map(<[u8]>::to_vec),
        }
    }

    /// Which of several violations of one path is named first: the lowest.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::UnknownLabel { .. } | Self::NoTrustDomain { .. } => 0,
            Self::Limit(_) => 1,
            Self::Revoked(_) => 2,
            Self::Distrusted | Self::DistrustedAfter { .. } => 3,
            Self::Malformed(_) => 4,
            Self::Signature(_) => 5,
            Self::AlgorithmMismatch => 6,
            Self::Algorithm(_) => 7,
            Self::NameConstraints { .. } => 12,
            Self::ExplicitPolicy | Self::AnyPolicyMapped | Self::UnknownPolicyQualifier => 10,
            Self::UnknownCriticalExtension(_) | Self::CustomExtension { .. } => 14,
            Self::VersionCannotIssue(_)
            | Self::NoBasicConstraints
            | Self::NotACa
            | Self::NoCertSign => 20,
            Self::PathLength { .. } | Self::TooManyIntermediates { .. } => 22,
            Self::Purpose { .. } | Self::NoExtendedKeyUsage => 24,
            Self::CaAsEndEntity
            | Self::CertSignInEndEntity
            | Self::KeyUsage { .. }
            | Self::Svid(_) => 26,
            Self::Expired { .. } | Self::NotYetValid { .. } => 30,
            Self::LifetimeTooLong { .. } => 32,
            Self::RevocationUnknown(_) => 34,
            Self::Conformance(_) => 40,
            Self::NoIdentity => 50,
            Self::NameMismatch { .. } | Self::NotAccepted { .. } => 52,
            Self::NoRoute { .. } => 60,
            Self::Tainted { .. } | Self::OutsideTrustDomain { .. } => 70,
        }
    }

    /// What to do about it, for the people who run the peer or the relying party.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "have the certificate issued again by software that writes DER",
            Self::AlgorithmMismatch | Self::Signature(_) => {
                "check that the peer sends its own unaltered certificates, each with its issuer"
            }
            Self::Algorithm(_) => "have the certificate issued with a stronger key or algorithm",
            Self::Expired { .. } => {
                "renew the certificate; check that its renewal is automated and watched"
            }
            Self::NotYetValid { .. } => "check the clocks of the issuer and of this host",
            Self::LifetimeTooLong { .. } => "have a certificate with a shorter life issued",
            Self::VersionCannotIssue(_)
            | Self::NoBasicConstraints
            | Self::NotACa
            | Self::NoCertSign => {
                "the certificate must not issue others: find out who did that with its key"
            }
            Self::PathLength { .. } | Self::TooManyIntermediates { .. } => {
                "have the peer's certificate issued by a ca nearer to the trust anchor"
            }
            Self::Purpose { .. }
            | Self::NoExtendedKeyUsage
            | Self::CaAsEndEntity
            | Self::CertSignInEndEntity
            | Self::KeyUsage { .. } => {
                "have a certificate issued for this purpose, under a ca that may do so"
            }
            Self::Svid(_) => "have an x.509-svid issued that follows the spiffe standard",
            Self::UnknownCriticalExtension(_) | Self::CustomExtension { .. } => {
                "register a handler for the extension if its meaning is understood and wanted"
            }
            Self::NameConstraints { .. } => "have the name issued by a ca that may speak for it",
            Self::ExplicitPolicy | Self::AnyPolicyMapped | Self::UnknownPolicyQualifier => {
                "compare the policies of the path with those that are asked for"
            }
            Self::Conformance(_) => "have the ca follow its standard, or drop the strict rule",
            Self::Tainted { .. } => "have the peer's certificate renewed under another authority",
            Self::OutsideTrustDomain { .. } => {
                "let the trust domain speak for the name, if it is meant to"
            }
            Self::Distrusted | Self::DistrustedAfter { .. } => {
                "move the peer to a trusted authority"
            }
            Self::NoRoute { .. } => {
                "add the missing intermediate to what the peer sends, or its root to the bundle \
                 of the trust domain, if that authority is meant to be trusted"
            }
            Self::Limit(_) => "look for a peer that sends many certificates; raise the limit",
            Self::NoTrustDomain { .. } | Self::UnknownLabel { .. } => {
                "configure a trust domain that speaks for this name, if it is meant to be trusted"
            }
            Self::Revoked(_) => "do not serve the peer; find out why its certificate was revoked",
            Self::RevocationUnknown(_) => {
                "provide current revocation evidence, or let the policy accept its absence"
            }
            Self::NoIdentity => "have a certificate issued with a name in its trust domain",
            Self::NameMismatch { .. } | Self::NotAccepted { .. } => {
                "check that the right peer answered, and the name that is expected of it"
            }
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::AlgorithmMismatch => {
                f.write_str("the signature algorithms inside and outside of what is signed differ")
            }
            Self::Algorithm(refused) => refused.fmt(f),
            Self::Signature(error) => write!(f, "signature by the issuer: {error}"),
            Self::Expired { not_after, now } => {
                write!(f, "expired at {not_after}, it is {now}")
            }
            Self::NotYetValid { not_before, now } => {
                write!(f, "not valid before {not_before}, it is {now}")
            }
            Self::LifetimeTooLong { seconds, max } => {
                write!(f, "lifetime of {seconds} s exceeds {max} s")
            }
            Self::VersionCannotIssue(version) => write!(
                f,
                "a {} certificate cannot be told from an end entity and must not issue others",
                match version {
                    Version::V1 => "v1",
                    Version::V2 => "v2",
                    Version::V3 => "v3",
                }
            ),
            Self::NoBasicConstraints => f.write_str("issues others without basic constraints"),
            Self::NotACa => f.write_str("issues others although basic constraints say it is no ca"),
            Self::NoCertSign => f.write_str("issues others although key usage lacks keyCertSign"),
            Self::PathLength { allowed, found } => {
                write!(f, "{found} intermediate(s) below, {allowed} allowed by path length")
            }
            Self::TooManyIntermediates { allowed } => {
                write!(f, "more than {allowed} intermediate(s), the bound of the policy")
            }
            Self::Purpose { purpose } => {
                write!(f, "extended key usage does not allow {}", OidText(purpose))
            }
            Self::NoExtendedKeyUsage => f.write_str("extended key usage is absent"),
            Self::CaAsEndEntity => f.write_str("a ca certificate is used as an end entity"),
            Self::CertSignInEndEntity => f.write_str("key usage of an end entity has keyCertSign"),
            Self::KeyUsage { required, found } => {
                write!(f, "key usage must have {}", UsageText(*required))?;
                match found {
                    Some(found) if found.is_empty() => f.write_str(", it has no bit"),
                    Some(found) => write!(f, ", it has {}", UsageText(*found)),
                    None => f.write_str(", it is absent"),
                }
            }
            Self::Svid(rule) => rule.fmt(f),
            Self::UnknownCriticalExtension(oid) => {
                write!(f, "critical extension {} is not processed", OidText(oid))
            }
            Self::UnknownPolicyQualifier => {
                f.write_str("critical certificate policies have an unknown qualifier")
            }
            Self::CustomExtension { oid, code } => {
                write!(f, "extension {} is refused: {code}", OidText(oid))
            }
            Self::NameConstraints { name, constraint, code } => match constraint {
                Some(constraint) => write!(f, "{name} is refused by the constraint {constraint}"),
                None if *code == "name-constraints.not-permitted" => {
                    write!(f, "{name} is within no permitted subtree")
                }
                None => write!(f, "{name} cannot be judged by the name constraints"),
            },
            Self::ExplicitPolicy => {
                f.write_str("no acceptable certificate policy, one is required")
            }
            Self::AnyPolicyMapped => f.write_str("anyPolicy is mapped"),
            Self::Conformance(rule) => rule.fmt(f),
            Self::Distrusted => f.write_str("the anchor is distrusted"),
            Self::DistrustedAfter { distrust_after, not_before } => write!(
                f,
                "the anchor is distrusted for what it issued after {distrust_after}, \
                 this was issued at {not_before}"
            ),
            Self::Tainted { since } => write!(f, "the anchor is tainted since {since}"),
            Self::OutsideTrustDomain { name } => {
                write!(f, "{name} is left out of the identity: its trust domain is another or none")
            }
            Self::NoRoute { issuer, key_id } => {
                write!(f, "nothing that was presented leads from the issuer {issuer}")?;
                if let Some(key_id) = key_id {
                    f.write_str(" with key id ")?;
                    write_hex(f, key_id.iter().take(KEY_ID_WRITTEN))?;
                    f.write_str(if key_id.len() > KEY_ID_WRITTEN { "…" } else { "" })?;
                }
                f.write_str(" to an anchor")
            }
            Self::Limit(exceeded) => exceeded.fmt(f),
            Self::NoTrustDomain { name: Some(name) } => {
                write!(f, "no trust domain speaks for {name}")
            }
            Self::NoTrustDomain { name: None } => {
                f.write_str("the certificate bears no name that a trust domain speaks for")
            }
            Self::UnknownLabel { label } => write!(f, "no trust is configured for {label:?}"),
            Self::Revoked(revoked) => {
                f.write_str("revoked")?;
                // A deny rule may have no beginning.
                if revoked.at > Time::MIN {
                    write!(f, " since {}", revoked.at)?;
                }
                match revoked.reason {
                    Some(reason) => write!(f, ", reason {}", reason.name()),
                    None => Ok(()),
                }
            }
            Self::RevocationUnknown(why) => write!(f, "revocation status unknown: {why}"),
            Self::NoIdentity => {
                f.write_str("no name of the certificate is within its trust domain")
            }
            Self::NameMismatch { expected, presented } if presented.is_empty() => {
                write!(f, "{expected} is expected, the certificate bears no name of that form")
            }
            Self::NameMismatch { expected, presented } => {
                write!(f, "{expected} is expected, the certificate bears {presented}")
            }
            Self::NotAccepted { reason } => write!(f, "the identity is not accepted: {reason}"),
        }
    }
}

/// An identifier with its name, where it has one.
struct OidText<'a>(&'a OwnedOid);

impl fmt::Display for OidText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_oid().name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => self.0.fmt(f),
        }
    }
}

/// Key usage bits by their names.
struct UsageText(KeyUsage);

impl fmt::Display for UsageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (bit, name) in [
            (KeyUsage::DIGITAL_SIGNATURE, "digitalSignature"),
            (KeyUsage::CONTENT_COMMITMENT, "contentCommitment"),
            (KeyUsage::KEY_ENCIPHERMENT, "keyEncipherment"),
            (KeyUsage::DATA_ENCIPHERMENT, "dataEncipherment"),
            (KeyUsage::KEY_AGREEMENT, "keyAgreement"),
            (KeyUsage::KEY_CERT_SIGN, "keyCertSign"),
            (KeyUsage::CRL_SIGN, "cRLSign"),
            (KeyUsage::ENCIPHER_ONLY, "encipherOnly"),
            (KeyUsage::DECIPHER_ONLY, "decipherOnly"),
        ] {
            if self.0.contains(bit) {
                write!(f, "{separator}{name}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}
