//! Who a peer can be: SPIFFE IDs, DNS names, addresses, mailboxes, URIs, distinguished names.

mod spiffe;
mod text;
mod trust_domain;

pub use spiffe::{SpiffeId, SpiffeIdError, SpiffeIdErrorKind, SpiffeIdRef};
pub use trust_domain::{TrustDomain, TrustDomainRef};
