//! The engine: the only room that knows the order of the others.
//!
//! ```text
//! bytes → certificate → trust domain → candidate path → valid path → identity → decision
//! ```
//!
//! [`Verifier::decide`] answers at once from what it has. [`Verifier::begin`] is the same machine as
//! steps, each with a bounded piece of work, so that a host may interleave others or give up by
//! ceasing to step. Neither blocks, reads a clock or does IO.
//!
//! `decide` first looks whether the presented certificates leave a choice at all. Where they do not, and
//! the path that there is is accepted, it has done what the search would have done, and says so in the
//! same words and numbers; in every other case it lets the search decide. Steps always search.
//!
//! The order of checks follows from what an attacker shapes. The leaf is read and its claim selects
//! the trust domain; then the search builds paths by cheap rules, signatures are checked from the
//! anchor down, and only then the rules whose cost the issuers shape: names, policies, custom
//! extensions. What a leaf breaks on its own is known before the search and still reported beside
//! what is wrong with its path: an unknown issuer outweighs an expired leaf.

mod context;
mod identify;
mod issuers;
mod report;
mod request;
#[cfg(feature = "std")]
mod seen;
#[cfg(feature = "std")]
mod seen_issuers;
mod status;
mod straight;
mod verification;
mod verifier;

pub use request::{Expect, Request};
#[cfg(feature = "std")]
pub use seen::SeenChains;
#[cfg(feature = "std")]
pub use seen_issuers::SeenIssuers;
pub use verification::{Step, Verification};
pub use verifier::Verifier;
