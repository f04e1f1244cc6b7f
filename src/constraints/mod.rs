//! The rules of RFC 5280 section 6.1, each a pure function over a certificate, an edge or a path.

mod certificate;
mod conformance;
pub(crate) mod names;
mod policies;
#[cfg(test)]
mod sample;
mod svid;
mod violation;

pub(crate) use certificate::{Demands, Sink, check_end_entity, check_issuer};
pub(crate) use conformance::{Role, check_conformance};
pub use names::NameConstraintFailure;
pub(crate) use policies::{PolicyFailure, PolicyInputs, PolicyOutcome, PolicyView, valid_policies};
pub use svid::SvidRule;
pub(crate) use svid::{check_svid_anchor, check_svid_issuer, check_svid_leaf};
pub use violation::Violation;
