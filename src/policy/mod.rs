//! What a relying party demands: validation policy, revocation policy, limits.

mod limits;

pub(crate) use limits::Budget;
pub use limits::{Limit, LimitExceeded, Limits, Work};
