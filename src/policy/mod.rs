//! What a relying party demands: validation policy, revocation policy, limits.

mod conformance;
mod limits;
mod public_suffixes;
mod revocation;
mod unknown;
mod validation;

pub use conformance::{Conformance, ConformanceRule};
pub(crate) use limits::Budget;
pub use limits::{Limit, LimitExceeded, Limits, Work};
pub use public_suffixes::PublicSuffixes;
pub use revocation::{OnUnknown, RevocationPolicy, RevocationRule, Role};
pub use unknown::UnknownReason;
pub use validation::{Choice, ExtensionHandler, Profile, Purpose, SvidProfile, ValidationPolicy};
