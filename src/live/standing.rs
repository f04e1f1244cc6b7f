//! `Standing`: whether an answer still holds.

use core::fmt;

use crate::decision::Decision;
use crate::x509::Time;

/// What a peer that was accepted is at a later time.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each case")]
pub enum Standing<'a> {
    /// The answer holds: nothing that it rests on changed.
    Current,
    /// The peer is refused from now on, for good, whatever is published and whatever the clock says:
    /// close the session. To come back, it connects again.
    Lapsed(&'a Lapse),
    /// Something that the answer rests on changed, or ran out: ask again before anything more is done for
    /// the peer.
    AskAgain,
}

impl Standing<'_> {
    /// Whether the answer holds.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        matches!(self, Self::Current)
    }
}

/// Why a peer is refused that was accepted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Lapse {
    /// The peer's own certificate is no longer in date.
    #[non_exhaustive]
    Expired {
        /// Its notAfter and the clock skew allowed.
        at: Time,
    },
    /// It was asked again, and the decision was no.
    Refused(Decision),
}

impl Lapse {
    /// Returns the stable, machine-readable name: that of the cause of the rejection.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "validity.expired",
            Self::Refused(decision) => decision.code(),
        }
    }

    /// Returns the decision that refused, where there was one.
    #[must_use]
    pub const fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Expired { .. } => None,
            Self::Refused(decision) => Some(decision),
        }
    }
}

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { at } => write!(f, "the certificate of the peer expired at {at}"),
            Self::Refused(decision) => match decision.rejection() {
                Some(rejection) => write!(f, "refused when asked again: {}", rejection.cause()),
                None => f.write_str("refused when asked again"),
            },
        }
    }
}

impl core::error::Error for Lapse {}
