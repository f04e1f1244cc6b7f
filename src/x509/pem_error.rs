//! Why an input is no sound PEM, and where.

use core::fmt;

use super::der::DerErrorKind;

/// A label as errors name it: at most 40 characters of printable ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PemLabel {
    octets: [u8; MAX_LABEL],
    length: u8,
}

impl PemLabel {
    /// RFC 7468 section 3: printable ASCII; one hyphen or space between other characters.
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let mut after_joint = true;
        for octet in text {
            let joint = matches!(octet, b' ' | b'-');
            if !matches!(octet, 0x20..=0x7e) || (joint && after_joint) {
                return None;
            }
            after_joint = joint;
        }
        if after_joint {
            return None;
        }
        let mut octets = [0; MAX_LABEL];
        octets.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { octets, length: u8::try_from(text.len()).ok()? })
    }

    /// Returns the label's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let octets = self.octets.get(..usize::from(self.length)).unwrap_or_default();
        core::str::from_utf8(octets).unwrap_or_default()
    }
}

impl fmt::Display for PemLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PemLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// What is wrong with a PEM input, without the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemErrorKind {
    /// Nothing but white space.
    #[error("the input is empty")]
    EmptyInput,
    /// Text or other bytes without a `BEGIN` line.
    #[error("no PEM block found")]
    NoBlock,
    /// The input begins as DER does.
    #[error("no PEM block found: the input looks like binary DER")]
    BinaryDer,
    /// A line that begins with `-----BEGIN` or `-----END` and is no boundary of RFC 7468.
    #[error("malformed BEGIN or END line")]
    MalformedBoundary,
    /// An `END` line outside a block.
    #[error("END {label} without its BEGIN line")]
    EndWithoutBegin {
        /// The label of the `END` line.
        label: PemLabel,
    },
    /// A block that the end of the input or another `BEGIN` line cuts off.
    #[error("block {label} has no END line")]
    Unterminated {
        /// The label of the `BEGIN` line.
        label: PemLabel,
    },
    /// An `END` line of another label.
    #[error("block {begin} ends as {end}")]
    LabelMismatch {
        /// The label of the `BEGIN` line.
        begin: PemLabel,
        /// The label of the `END` line.
        end: PemLabel,
    },
    /// A header of RFC 1421 within a block, as encrypted private keys have.
    #[error("headers within a block (an encrypted key?) are not supported")]
    Header,
    /// A block without content.
    #[error("block {label} is empty")]
    EmptyBlock {
        /// The block's label.
        label: PemLabel,
    },
    /// A character outside base64, or padding in the wrong place.
    #[error("character 0x{octet:02x} is not base64 here")]
    InvalidBase64 {
        /// The octet at the place.
        octet: u8,
    },
    /// Base64 that ends within a group or has bits after the last octet.
    #[error("base64 is cut off or not canonical")]
    IncompleteBase64,
    /// A block of a label that does not belong here.
    #[error("block {found} found where {expected} belongs")]
    WrongLabel {
        /// The label found.
        found: PemLabel,
        /// The label that belongs here.
        expected: &'static str,
    },
    /// An input that begins as DER does and is not one DER value.
    #[error("not one DER value: {0}")]
    Der(DerErrorKind),
}

/// An input that is no sound PEM, and the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}, line {line}")]
pub struct PemError {
    kind: PemErrorKind,
    offset: usize,
    line: usize,
}

impl PemError {
    pub(crate) const fn new(kind: PemErrorKind, offset: usize, line: usize) -> Self {
        Self { kind, offset, line }
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn kind(&self) -> PemErrorKind {
        self.kind
    }

    /// Returns the byte offset of the place, or of the line that it concerns.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the line number of the place, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.kind {
            PemErrorKind::EmptyInput => "pem.empty-input",
            PemErrorKind::NoBlock => "pem.no-block",
            PemErrorKind::BinaryDer => "pem.binary-der",
            PemErrorKind::MalformedBoundary => "pem.malformed-boundary",
            PemErrorKind::EndWithoutBegin { .. } => "pem.end-without-begin",
            PemErrorKind::Unterminated { .. } => "pem.unterminated",
            PemErrorKind::LabelMismatch { .. } => "pem.label-mismatch",
            PemErrorKind::Header => "pem.header",
            PemErrorKind::EmptyBlock { .. } => "pem.empty-block",
            PemErrorKind::InvalidBase64 { .. } => "pem.invalid-base64",
            PemErrorKind::IncompleteBase64 => "pem.incomplete-base64",
            PemErrorKind::WrongLabel { .. } => "pem.wrong-label",
            PemErrorKind::Der(_) => "pem.der",
        }
    }
}

const MAX_LABEL: usize = 40;
