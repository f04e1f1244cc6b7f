//! Who a peer can be: SPIFFE IDs, DNS names, addresses, mailboxes, URIs, distinguished names.
//!
//! Every name is a type that is valid by construction: what failed to parse is not an identity, and what
//! parsed is in one normal form, so that equality is equality of bytes. Errors name the rule (`code()`)
//! and the byte. Requirement numbers (ID-01 to ID-22) are those of SPIFFE-ID.md as this project counts
//! them; ID-01 to ID-17 are kept by [`SpiffeId`], ID-18 by every comparison of trust domains.
//!
//! Three roles, never mixed:
//! - *presented*: [`Identity`] and [`PeerIdentity`], what a certificate says and a valid path confirmed;
//! - *expected*: [`ExpectedName`], the one name a caller asks for (RFC 9525: reference identifier);
//! - *meant*: [`IdentityMatcher`], a rule over presented identities, written as text.
//!
//! A SPIFFE ID and another URI are different kinds, from the parser on: [`WorkloadUri`] refuses the
//! scheme `spiffe` in every case.
//!
//! Left to others: which trust domain may speak for a name (ID-19, ID-20), what of a certificate is
//! signed (ID-21), which other names of an SVID count (ID-22), the X.509-SVID profile, and how many
//! labels must follow a wildcard. Nothing here knows a certificate, a clock or trust.
//!
//! Deviations, each explained where it is made: SPIFFE IDs in upper case only by the lenient parser
//! ([`SpiffeId::parse_lenient`]), IDs over 2,048 bytes refused; underscores allowed in DNS names; dot
//! segments, userinfo and fragments refused in URIs; distinguished names compared by bytes.

mod claimed;
mod dns;
mod email;
mod error;
mod expected;
mod ip;
mod matcher;
mod matcher_error;
mod matcher_text;
mod pattern;
mod peer;
mod spiffe;
mod text;
mod trust_domain;
mod uri;

pub(crate) use dns::is_preferred_name;
pub use dns::{DnsName, PresentedDnsName, dns_presented_matches};
pub use email::Mailbox;
pub use error::{NameError, NameErrorKind};
pub use expected::ExpectedName;
pub use ip::{IpPrefix, ip_from_octets};
pub use matcher::{IdentityMatcher, MatchReport};
pub use matcher_error::{MatcherError, MatcherErrorKind};
pub use peer::{DistinguishedName, Identity, PeerIdentity};
pub use spiffe::{SpiffeId, SpiffeIdError, SpiffeIdErrorKind, SpiffeIdRef};
pub use trust_domain::{TrustDomain, TrustDomainRef};
pub use uri::WorkloadUri;
