//! Who a peer can be: SPIFFE IDs, DNS names, addresses, mailboxes, URIs, distinguished names.

mod dns;
mod email;
mod error;
mod expected;
mod ip;
mod peer;
mod spiffe;
mod text;
mod trust_domain;
mod uri;

pub use dns::{DnsName, PresentedDnsName, dns_presented_matches};
pub use email::Mailbox;
pub use error::{NameError, NameErrorKind};
pub use expected::ExpectedName;
pub use ip::{IpPrefix, ip_from_octets};
pub use peer::{DistinguishedName, Identity, PeerIdentity};
pub use spiffe::{SpiffeId, SpiffeIdError, SpiffeIdErrorKind, SpiffeIdRef};
pub use trust_domain::{TrustDomain, TrustDomainRef};
pub use uri::WorkloadUri;
