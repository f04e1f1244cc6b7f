//! What can be wrong with a name that is not a SPIFFE ID.

use super::spiffe::{SpiffeIdError, SpiffeIdErrorKind};

/// What is wrong with a name, without the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameErrorKind {
    /// Nothing where something must stand.
    #[error("the name is empty")]
    Empty,
    /// More bytes than this kind of name may have.
    #[error("the name is longer than {0} bytes")]
    TooLong(usize),
    /// A byte that this kind of name does not hold there.
    #[error("byte 0x{0:02x} is not allowed here")]
    Character(u8),
    /// Two dots in a row, or a dot at the beginning.
    #[error("a label is empty")]
    EmptyLabel,
    /// A label of more than 63 bytes (RFC 1035 section 2.3.4).
    #[error("a label is longer than 63 bytes")]
    LabelTooLong,
    /// A label that begins or ends with a hyphen (RFC 1123 section 2.1).
    #[error("a label begins or ends with a hyphen")]
    LabelHyphen,
    /// The last label is a number, so that the name may be read as an IPv4 address.
    #[error("the last label is a number, as in an IP address")]
    NumericLastLabel,
    /// A wildcard that is not the whole left-most label, or has nothing after it.
    #[error("a wildcard must be the whole left-most label and have labels after it")]
    Wildcard,
    /// No IP address in its usual text.
    #[error("no IP address")]
    Address,
    /// No prefix length, or one longer than the address.
    #[error("no prefix length that fits the address")]
    PrefixLength,
    /// Bits are set behind the prefix.
    #[error("bits behind the prefix are set")]
    HostBits,
    /// No `@` between local part and host.
    #[error("no \"@\" between local part and host")]
    NoAt,
    /// A local part that is neither a dot-string nor a quoted string (RFC 5321 section 4.1.2).
    #[error("the local part is neither a dot-string nor a quoted string")]
    LocalPart,
    /// No scheme, or nothing after it.
    #[error("no absolute URI")]
    NotAbsolute,
    /// A SPIFFE ID where another URI belongs.
    #[error("a SPIFFE ID is not among other workload URIs")]
    SpiffeScheme,
    /// A `@` in the authority of a URI.
    #[error("userinfo is not allowed")]
    UserInfo,
    /// The authority of a URI without a host, or with one that is no name and no address.
    #[error("no host")]
    Host,
    /// A port that is no number up to 65,535.
    #[error("no port number")]
    Port,
    /// A fragment (RFC 3986 section 4.3: an absolute URI has none).
    #[error("a fragment is not allowed")]
    Fragment,
    /// A `%` without two hexadecimal digits.
    #[error("a percent sign without two hexadecimal digits")]
    PercentEncoding,
    /// A path segment `.` or `..`, also percent-encoded.
    #[error("a path segment is \".\" or \"..\"")]
    DotSegment,
    /// The text is no distinguished name: `#` and the hexadecimal digits of its DER.
    #[error("no distinguished name as \"#\" and hexadecimal DER")]
    DistinguishedName,
    /// The text begins with no known kind of name.
    #[error("no known kind of name, as in \"dns:\" or \"spiffe://\"")]
    UnknownKind,
    /// The text is a SPIFFE ID, and a wrong one.
    #[error(transparent)]
    SpiffeId(SpiffeIdErrorKind),
}

impl NameErrorKind {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "name.empty",
            Self::TooLong(_) => "name.too-long",
            Self::Character(_) => "name.character",
            Self::EmptyLabel => "name.empty-label",
            Self::LabelTooLong => "name.label-too-long",
            Self::LabelHyphen => "name.label-hyphen",
            Self::NumericLastLabel => "name.numeric-last-label",
            Self::Wildcard => "name.wildcard",
            Self::Address => "name.address",
            Self::PrefixLength => "name.prefix-length",
            Self::HostBits => "name.host-bits",
            Self::NoAt => "name.no-at",
            Self::LocalPart => "name.local-part",
            Self::NotAbsolute => "name.not-absolute",
            Self::SpiffeScheme => "name.spiffe-scheme",
            Self::UserInfo => "name.userinfo",
            Self::Host => "name.host",
            Self::Port => "name.port",
            Self::Fragment => "name.fragment",
            Self::PercentEncoding => "name.percent-encoding",
            Self::DotSegment => "name.dot-segment",
            Self::DistinguishedName => "name.distinguished-name",
            Self::UnknownKind => "name.unknown-kind",
            Self::SpiffeId(kind) => kind.code(),
        }
    }
}

/// A text is no name of the kind asked for: which rule, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct NameError {
    offset: usize,
    kind: NameErrorKind,
}

impl NameError {
    pub(crate) const fn new(offset: usize, kind: NameErrorKind) -> Self {
        Self { offset, kind }
    }

    /// The byte offset of the first byte at fault.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong there.
    #[must_use]
    pub const fn kind(&self) -> NameErrorKind {
        self.kind
    }

    /// Returns the stable, machine-readable name of the rule.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    pub(crate) const fn shifted(self, by: usize) -> Self {
        Self { offset: self.offset.saturating_add(by), kind: self.kind }
    }
}

impl From<SpiffeIdError> for NameError {
    fn from(error: SpiffeIdError) -> Self {
        Self::new(error.offset(), NameErrorKind::SpiffeId(error.kind()))
    }
}
