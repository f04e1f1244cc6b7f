//! The rules of RFC 5280 section 6.1, each a pure function over a certificate, an edge or a path.

pub(crate) mod names;
mod policies;

pub use names::NameConstraintFailure;
pub(crate) use policies::{PolicyFailure, PolicyInputs, PolicyOutcome, PolicyView, valid_policies};
