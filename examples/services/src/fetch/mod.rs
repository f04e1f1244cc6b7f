//! A host that fetches: evidence that is missing comes over HTTP, within rules, and is kept.

mod host;
mod site;

pub use host::{Host, Rules};
pub use site::{GOOD_FOR, PEER, Site};
