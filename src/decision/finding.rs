//! Findings: what was seen on the way to a decision, with the place where it stands.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::constraints::Violation;
use crate::trust::TrustAnchor;
use crate::x509::{Certificate, Time, write_hex};
use sha2::{Digest, Sha256};

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of an encoding.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A certificate as reports name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    fingerprint: Fingerprint,
    subject: String,
    validity: Option<(Time, Time)>,
}

impl CertificateSummary {
    pub(crate) fn of(certificate: &Certificate<'_>) -> Self {
        Self {
            fingerprint: Fingerprint::of(certificate.as_der()),
            subject: alloc::format!("{}", certificate.subject()),
            validity: Some((certificate.not_before(), certificate.not_after())),
        }
    }

    pub(crate) fn of_anchor(anchor: &TrustAnchor) -> Self {
        Self {
            fingerprint: Fingerprint::from_bytes(*anchor.fingerprint()),
            subject: alloc::format!("{}", anchor.subject()),
            validity: anchor.certificate().map(|c| (c.not_before(), c.not_after())),
        }
    }

    /// The SHA-256 of the certificate; of an anchor without one, of its name and key.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The subject as RFC 4514 writes it, cut off where it is long.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// notBefore and notAfter; nothing for an anchor without a certificate.
    #[must_use]
    pub const fn validity(&self) -> Option<(Time, Time)> {
        self.validity
    }
}

impl fmt::Display for CertificateSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject.as_str() {
            "" => f.write_str("(no subject)")?,
            subject => f.write_str(subject)?,
        }
        if let Some((not_before, not_after)) = self.validity {
            write!(f, ", {not_before} to {not_after}")?;
        }
        f.write_str(", sha256 ")?;
        write_hex(f, self.fingerprint.0.iter().take(8))?;
        f.write_str("…")
    }
}

/// A broken rule and the certificate that breaks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    violation: Violation,
    depth: Option<usize>,
    certificate: Option<Fingerprint>,
}

impl Finding {
    pub(crate) const fn new(
        violation: Violation,
        depth: Option<usize>,
        certificate: Option<Fingerprint>,
    ) -> Self {
        Self { violation, depth, certificate }
    }

    /// The rule, with the values that disagree.
    #[must_use]
    pub const fn violation(&self) -> &Violation {
        &self.violation
    }

    /// The stable, machine-readable name of the rule.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.violation.code()
    }

    /// Where on the path: 0 is the peer's own certificate, the anchor stands behind the last one;
    /// nothing for the path as a whole, and for what is no matter of certificates.
    #[must_use]
    pub const fn depth(&self) -> Option<usize> {
        self.depth
    }

    /// The certificate that breaks the rule.
    #[must_use]
    pub const fn certificate(&self) -> Option<Fingerprint> {
        self.certificate
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(depth) = self.depth {
            write!(f, "certificate {depth}: ")?;
        }
        self.violation.fmt(f)
    }
}

/// A path that was tried and why it was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    certificates: Vec<CertificateSummary>,
    anchor: Option<CertificateSummary>,
    findings: Vec<Finding>,
}

impl Attempt {
    pub(crate) const fn new(
        certificates: Vec<CertificateSummary>,
        anchor: Option<CertificateSummary>,
        findings: Vec<Finding>,
    ) -> Self {
        Self { certificates, anchor, findings }
    }

    /// The certificates, the peer's own first.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateSummary] {
        &self.certificates
    }

    /// The anchor, where the path reached one with all signatures holding.
    #[must_use]
    pub const fn anchor(&self) -> Option<&CertificateSummary> {
        self.anchor.as_ref()
    }

    /// What is wrong with it, the gravest first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}
