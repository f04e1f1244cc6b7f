//! The rules of RFC 5280 section 6.1, each a pure function over a certificate, an edge or a path.

mod certificate;
mod conformance;
mod name_grammar;
pub(crate) mod names;
mod path;
mod policies;
#[cfg(test)]
mod sample;
mod svid;
mod violation;

pub(crate) use certificate::{Demands, check_end_entity, check_issuer};
pub use names::NameConstraintFailure;
pub(crate) use path::{
    Breach, PathCertificate, PathView, Reach, check_path, check_target, path_length,
};
pub use svid::SvidRule;
pub use violation::Violation;
