//! Why a bundle cannot be read or written, and where.

use alloc::boxed::Box;
use core::fmt;

use super::AnchorError;
use crate::identity::{SpiffeIdError, TrustDomain};
use crate::x509::{DerError, PemError};

/// What is wrong with a bundle, without the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleErrorKind {
    /// More bytes than a document may have.
    #[error("{found} bytes are more than the {limit} that a document may have")]
    TooLarge {
        /// Bytes of the document.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The document is not UTF-8 (F-17).
    #[error("the document is not UTF-8")]
    Utf8,
    /// The document begins with a byte order mark, which RFC 8259 section 8.1 forbids (F-17).
    #[error("the document begins with a byte order mark")]
    ByteOrderMark,
    /// Arrays and objects stand deeper within each other than allowed.
    #[error("arrays and objects are nested deeper than {limit}")]
    TooDeep {
        /// Levels allowed.
        limit: usize,
    },
    /// The document is not one JSON text (B-06).
    #[error("not one JSON text")]
    Syntax,
    /// An object belongs here (B-06).
    #[error("an object belongs here")]
    NotAnObject,
    /// Two members of one object have one name (B-19).
    #[error("two members of one object have the same name")]
    DuplicateMember,
    /// A member that must be there is not (B-11, B-17).
    #[error("member {member} is missing")]
    MissingMember {
        /// Its name.
        member: &'static str,
    },
    /// A member has another JSON type than it must have (B-11, B-17, X-35).
    #[error("member {member} is not an {expected}")]
    WrongType {
        /// Its name.
        member: &'static str,
        /// The JSON type that it must have.
        expected: &'static str,
    },
    /// A number that is not written as an integer of 0 to 2⁶⁴ − 1 (B-08 to B-10).
    #[error("member {member} is not an integer from 0 to 18446744073709551615")]
    Integer {
        /// The name of the member.
        member: &'static str,
    },
    /// A private key is published (B-16): whoever read the document may issue.
    #[error("member {member} of a private key is published")]
    PrivateKey {
        /// The name of the member.
        member: &'static str,
    },
    /// `x5c` does not hold base64 with padding, without line breaks (X-35, RFC 7517 section 4.7).
    #[error("the certificate is not in base64")]
    Base64,
    /// The certificate cannot be read, or is no trust anchor.
    #[error("the certificate is no authority")]
    Authority(#[source] AnchorError),
    /// The key of the certificate is not the key of the JWK that it stands in.
    #[error("the key of the certificate is not that of its JWK")]
    KeyMismatch,
    /// A bundle map has a member name that is no trust domain (B-17, ID-06).
    #[error("not the name of a trust domain")]
    TrustDomain(#[source] SpiffeIdError),
    /// A bundle map names a trust domain twice (B-18).
    #[error("a trust domain is named twice")]
    DuplicateTrustDomain,
    /// The input is no sound PEM.
    #[error("not certificates in PEM")]
    Pem(#[source] PemError),
    /// The input is not one DER value after the other (W-13, W-15).
    #[error("not certificates in DER, one after the other")]
    Der(#[source] DerError),
    /// No JWK can be written for the key of this authority.
    #[error("no JWK is defined for the key of this authority")]
    UnsupportedKey,
}

impl BundleErrorKind {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "bundle.too-large",
            Self::Utf8 => "bundle.utf-8",
            Self::ByteOrderMark => "bundle.byte-order-mark",
            Self::TooDeep { .. } => "bundle.too-deep",
            Self::Syntax => "bundle.json",
            Self::NotAnObject => "bundle.not-an-object",
            Self::DuplicateMember => "bundle.duplicate-member",
            Self::MissingMember { .. } => "bundle.missing-member",
            Self::WrongType { .. } => "bundle.wrong-type",
            Self::Integer { .. } => "bundle.integer",
            Self::PrivateKey { .. } => "bundle.private-key",
            Self::Base64 => "bundle.base64",
            Self::Authority(_) => "bundle.authority",
            Self::KeyMismatch => "bundle.key-mismatch",
            Self::TrustDomain(_) => "bundle.trust-domain",
            Self::DuplicateTrustDomain => "bundle.duplicate-trust-domain",
            Self::Pem(_) => "bundle.pem",
            Self::Der(_) => "bundle.der",
            Self::UnsupportedKey => "bundle.unsupported-key",
        }
    }
}

/// A bundle that cannot be read or written, and the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleError(Box<Fault>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    kind: BundleErrorKind,
    /// Line and column of a text, from 1.
    position: Option<(usize, usize)>,
    element: Option<usize>,
    trust_domain: Option<TrustDomain>,
}

impl BundleError {
    pub(super) fn new(kind: BundleErrorKind) -> Self {
        Self(Box::new(Fault { kind, position: None, element: None, trust_domain: None }))
    }

    pub(super) fn at(mut self, line: usize, column: usize) -> Self {
        self.0.position = Some((line, column));
        self
    }

    pub(super) fn at_element(mut self, element: Option<usize>) -> Self {
        self.0.element = element;
        self
    }

    #[cfg(feature = "spiffe")]
    pub(super) fn of(mut self, trust_domain: Option<TrustDomain>) -> Self {
        self.0.trust_domain = trust_domain;
        self
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> &BundleErrorKind {
        &self.0.kind
    }

    /// Returns the stable, machine-readable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// Returns the line of the text, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.0.position.map(|(line, _)| line)
    }

    /// Returns the column of the text in bytes, from 1: the place up to which it was read.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.0.position.map(|(_, column)| column)
    }

    /// Returns the index of the element of `keys`, or of the certificate, from 0.
    #[must_use]
    pub fn element(&self) -> Option<usize> {
        self.0.element
    }

    /// Returns the trust domain whose bundle it is, if a bundle map was read.
    #[must_use]
    pub fn trust_domain(&self) -> Option<&TrustDomain> {
        self.0.trust_domain.as_ref()
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)?;
        if let Some(domain) = &self.0.trust_domain {
            write!(f, " in the bundle of {domain}")?;
        }
        if let Some(element) = self.0.element {
            write!(f, " at element {element}")?;
        }
        if let Some((line, column)) = self.0.position {
            write!(f, " at line {line}, column {column}")?;
        }
        Ok(())
    }
}

impl core::error::Error for BundleError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.kind.source()
    }
}

/// Why an element of `keys` is no authority of an X.509-SVID, although the document is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// The element is no object, so that it has no key type (B-13).
    #[error("not an object")]
    NotAnObject,
    /// The key type `kty` is missing, no string or not known here (B-13).
    #[error("the key type is missing or unknown")]
    KeyType,
    /// The key is symmetric, and never an authority (B-13).
    #[error("the key is symmetric")]
    SymmetricKey,
    /// The curve `crv` is missing, no string or not known here (RFC 7517 section 5).
    #[error("the curve is missing or unknown")]
    Curve,
    /// A member of the key is missing, no string or empty (RFC 7517 section 5).
    #[error("member {member} of the key is missing")]
    KeyMember {
        /// Its name.
        member: &'static str,
    },
    /// `use` is missing, no string or not known here; the values are case-sensitive (B-14).
    #[error("the use is missing or unknown")]
    Use,
    /// A JWT-SVID authority without a key identifier.
    #[error("the key identifier of a JWT authority is missing")]
    KeyId,
    /// `x5c` is missing or empty.
    #[error("there is no certificate")]
    NoCertificate,
    /// The certificate is not that of a CA.
    #[error("the certificate is not that of a certification authority")]
    NotAnAuthority,
}

impl SkipReason {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAnObject => "bundle.skipped.not-an-object",
            Self::KeyType => "bundle.skipped.key-type",
            Self::SymmetricKey => "bundle.skipped.symmetric-key",
            Self::Curve => "bundle.skipped.curve",
            Self::KeyMember { .. } => "bundle.skipped.key-member",
            Self::Use => "bundle.skipped.use",
            Self::KeyId => "bundle.skipped.key-id",
            Self::NoCertificate => "bundle.skipped.no-certificate",
            Self::NotAnAuthority => "bundle.skipped.not-an-authority",
        }
    }
}

/// An element of `keys` that was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("element {index} skipped: {reason}")]
#[non_exhaustive]
pub struct SkippedElement {
    /// Its index in `keys`, from 0.
    pub index: usize,
    /// Why.
    pub reason: SkipReason,
}
