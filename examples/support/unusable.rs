//! Input that cannot be decided on: what was given, where it is wrong, what was expected.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use bonafide::identity::NameError;
use bonafide::trust::AnchorError;
use bonafide::x509::{CertificateError, ParseOidError, ParseTimeError, PemError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("{option} is no option; --help lists them")]
    UnknownOption { option: String },
    #[error("{option} needs a value; --help says which")]
    NoValue { option: String },
    #[error("{option} is given twice")]
    Twice { option: String },
    #[error("{option} is missing: anchors and chain are both needed to decide files")]
    Missing { option: &'static str },
    #[error("argument {} is no UTF-8 text", argument.display())]
    NotText { argument: OsString },
    #[error("--time {given}")]
    Time { given: String, error: ParseTimeError },
    #[error("--profile {given}: no profile of that name; --help lists them")]
    Profile { given: String },
    #[error("--purpose {given}: neither serverAuth, clientAuth, any nor an object identifier")]
    Purpose { given: String, error: ParseOidError },
    #[error("--name {given}")]
    Name { given: String, error: NameError },
    #[cfg(not(feature = "serde"))]
    #[error("--json needs the feature serde: cargo run --features serde --example decide -- …")]
    WithoutSerde,
    #[error("{}: cannot be read", file.display())]
    File { file: PathBuf, error: io::Error },
    #[error("{}: certificates in PEM or one in DER are expected", file.display())]
    Pem { file: PathBuf, error: PemError },
    #[error("{}: {place}: an X.509 certificate is expected", file.display())]
    Certificate { file: PathBuf, place: Place, error: CertificateError },
    #[error("{}: {place}: the certificate of a trust anchor is expected", file.display())]
    Anchor { file: PathBuf, place: Place, error: AnchorError },
    #[error("the chain holds no certificate")]
    NoCertificate,
}

/// Where in a file a certificate stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The file is one certificate.
    Whole,
    /// The line of its BEGIN boundary, from 1, and which certificate of the file it is, from 1.
    Block { line: usize, number: usize },
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => f.write_str("the file"),
            Self::Block { line, number } => {
                write!(f, "line {line}, certificate {number} (bytes are those of its DER)")
            }
        }
    }
}

impl Unusable {
    fn cause(&self) -> Option<&dyn Error> {
        Some(match self {
            Self::Time { error, .. } => error,
            Self::Purpose { error, .. } => error,
            Self::Name { error, .. } => error,
            Self::File { error, .. } => error,
            Self::Pem { error, .. } => error,
            Self::Certificate { error, .. } => error,
            Self::Anchor { error, .. } => error,
            _ => return None,
        })
    }

    /// The error and everything that caused it, a line each.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("unusable input: {self}");
        let mut cause = self.cause();
        while let Some(error) = cause {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {error}");
            cause = error.source();
        }
        text
    }
}
