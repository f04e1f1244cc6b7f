//! What can be wrong with the text of a matcher.

use super::error::NameErrorKind;

/// What is wrong with the text of a matcher, without the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatcherErrorKind {
    /// A name within the text is wrong.
    #[error(transparent)]
    Name(NameErrorKind),
    /// The text ends where a clause or a bracket must follow.
    #[error("the text ends too early")]
    UnexpectedEnd,
    /// Something else stands where a comma or a closing bracket must.
    #[error("no comma or closing bracket")]
    Delimiter,
    /// Something follows the matcher.
    #[error("text after the matcher")]
    Trailing,
    /// A word before a bracket that is no clause.
    #[error("no known clause, as in \"any(\" or \"spiffe://\"")]
    UnknownClause,
    /// More clauses within one another than [`IdentityMatcher::MAX_DEPTH`].
    ///
    /// [`IdentityMatcher::MAX_DEPTH`]: super::IdentityMatcher::MAX_DEPTH
    #[error("clauses are nested too deeply")]
    TooDeep,
    /// A `*` that is not a whole segment.
    #[error("a wildcard must be a whole segment")]
    PartialWildcard,
    /// A second `**`.
    #[error("\"**\" is allowed once in a path")]
    RepeatedDeepWildcard,
}

impl MatcherErrorKind {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Name(kind) => kind.code(),
            Self::UnexpectedEnd => "matcher.unexpected-end",
            Self::Delimiter => "matcher.delimiter",
            Self::Trailing => "matcher.trailing",
            Self::UnknownClause => "matcher.unknown-clause",
            Self::TooDeep => "matcher.too-deep",
            Self::PartialWildcard => "matcher.partial-wildcard",
            Self::RepeatedDeepWildcard => "matcher.repeated-deep-wildcard",
        }
    }
}

/// A text is no matcher: which rule, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct MatcherError {
    offset: usize,
    kind: MatcherErrorKind,
}

impl MatcherError {
    pub(crate) const fn new(offset: usize, kind: MatcherErrorKind) -> Self {
        Self { offset, kind }
    }

    /// The byte offset of the first byte at fault; within a quoted clause, that of its quote, and
    /// for wildcards of a workload URI that of the URI.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong there.
    #[must_use]
    pub const fn kind(&self) -> MatcherErrorKind {
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

    pub(crate) const fn at(self, offset: usize) -> Self {
        Self { offset, kind: self.kind }
    }
}
