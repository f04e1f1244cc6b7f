//! Why a revocation list or an OCSP response is malformed.
//!
//! CRL and OCSP share this one error: a field in the words of its RFC, a fault, a place.

use super::der::{DerError, DerErrorKind};

/// What is wrong with a structure, without field and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatErrorKind {
    /// The encoding is not DER, or not of the type that belongs here.
    #[error("{0}")]
    Der(DerErrorKind),
    /// A version that no RFC defines, or that must not be written out.
    #[error("version is not one that may stand here")]
    UnsupportedVersion,
    /// Extensions in a list of version 1.
    #[error("extensions need version 2")]
    VersionMismatch,
    /// The signed and the unsigned AlgorithmIdentifier differ.
    #[error("signature algorithm differs from the signed one")]
    SignatureAlgorithmMismatch,
    /// An extension occurs more than once.
    #[error("an extension occurs more than once")]
    DuplicateExtension,
    /// More extensions in one list than this crate reads.
    #[error("more than {limit} extensions in one list")]
    TooManyExtensions {
        /// The bound.
        limit: usize,
    },
    /// An extension that must be critical is not.
    #[error("extension is not marked critical")]
    NotCritical,
    /// More than one of `onlyContainsUserCerts`, `onlyContainsCACerts` and
    /// `onlyContainsAttributeCerts`.
    #[error("more than one kind of certificate is said to be the only one")]
    ConflictingScope,
    /// A field that other fields demand or exclude is missing or present.
    #[error("fields that belong together are not together")]
    Inconsistent,
    /// A reason, a response status or a response type that is not assigned.
    #[error("value is not assigned")]
    Unassigned,
}

/// A malformed revocation list or OCSP response, and the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {field}: {kind} at byte {offset}")]
pub struct FormatError {
    field: &'static str,
    offset: usize,
    kind: FormatErrorKind,
}

impl FormatError {
    pub(crate) const fn new(field: &'static str, offset: usize, kind: FormatErrorKind) -> Self {
        Self { field, offset, kind }
    }

    /// Returns the field in the words of its RFC, such as `thisUpdate`.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Returns the byte offset from the first byte of the outermost structure.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn kind(&self) -> FormatErrorKind {
        self.kind
    }

    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.kind {
            FormatErrorKind::Der(_) => "format.der",
            FormatErrorKind::UnsupportedVersion => "format.unsupported-version",
            FormatErrorKind::VersionMismatch => "format.version-mismatch",
            FormatErrorKind::SignatureAlgorithmMismatch => "format.signature-algorithm-mismatch",
            FormatErrorKind::DuplicateExtension => "format.duplicate-extension",
            FormatErrorKind::TooManyExtensions { .. } => "format.too-many-extensions",
            FormatErrorKind::NotCritical => "format.not-critical",
            FormatErrorKind::ConflictingScope => "format.conflicting-scope",
            FormatErrorKind::Inconsistent => "format.inconsistent",
            FormatErrorKind::Unassigned => "format.unassigned",
        }
    }
}

/// Names the field that a DER error stands in.
pub(crate) trait Within<T> {
    fn within(self, field: &'static str) -> Result<T, FormatError>;
}

impl<T> Within<T> for Result<T, DerError> {
    #[inline]
    fn within(self, field: &'static str) -> Result<T, FormatError> {
        self.map_err(|error| {
            FormatError::new(field, error.offset(), FormatErrorKind::Der(error.kind()))
        })
    }
}
