//! Scopes: which identities the authorities of a trust domain may speak for.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use crate::identity::{DistinguishedName, TrustDomain};
use crate::x509::{DerError, Name};

/// A set of names that a trust domain speaks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The SPIFFE IDs of one SPIFFE trust domain: exactly that name, not names below it.
    Spiffe(TrustDomain),
    /// Other URIs with this host, whatever their scheme: exactly that host.
    UriHost(Arc<str>),
    /// URNs of this namespace identifier.
    UrnNamespace(Arc<str>),
    /// A DNS name and all names below it.
    Dns(Arc<str>),
    /// The addresses that share the first `prefix_len` bits with `address`.
    Ip {
        /// The network, host bits zero.
        address: IpAddr,
        /// Length of the network prefix in bits, at most 32 or 128.
        prefix_len: u8,
    },
    /// The mailboxes of this domain: exactly that domain.
    EmailDomain(Arc<str>),
    /// The distinguished names at or below this one (RFC 5280 section 7.1).
    Directory(DistinguishedName),
    /// Every name of every form: the trust domain is not limited.
    Everything,
}

/// A scope that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// An empty name, or one with characters that no host name has.
    #[error("not a host name")]
    Host,
    /// A prefix longer than the address.
    #[error("prefix of {found} bits is longer than the address")]
    PrefixLength {
        /// The length given.
        found: u8,
    },
    /// Host bits that are not zero.
    #[error("address has bits set behind its prefix")]
    HostBits,
    /// The distinguished name cannot be read.
    #[error("the distinguished name cannot be read")]
    Directory(#[source] DerError),
}

impl Scope {
    /// A DNS name and all names below it; case does not matter.
    ///
    /// # Errors
    /// [`ScopeError::Host`] where `name` is no host name.
    pub fn dns(name: &str) -> Result<Self, ScopeError> {
        host(name).map(Self::Dns)
    }

    /// The mailboxes of a domain; case does not matter.
    ///
    /// # Errors
    /// [`ScopeError::Host`] where `domain` is no host name.
    pub fn email_domain(domain: &str) -> Result<Self, ScopeError> {
        host(domain).map(Self::EmailDomain)
    }

    /// URIs other than SPIFFE IDs with a host; case does not matter.
    ///
    /// # Errors
    /// [`ScopeError::Host`] where `name` is no host name.
    pub fn uri_host(name: &str) -> Result<Self, ScopeError> {
        host(name).map(Self::UriHost)
    }

    /// URNs of a namespace; case does not matter.
    ///
    /// # Errors
    /// [`ScopeError::Host`] where `namespace` has characters that no namespace identifier has.
    pub fn urn_namespace(namespace: &str) -> Result<Self, ScopeError> {
        if namespace.contains(['.', '_']) {
            return Err(ScopeError::Host);
        }
        host(namespace).map(Self::UrnNamespace)
    }

    /// A range of addresses.
    ///
    /// # Errors
    /// [`ScopeError::PrefixLength`] and [`ScopeError::HostBits`].
    pub fn ip(address: IpAddr, prefix_len: u8) -> Result<Self, ScopeError> {
        let (bits, width) = address_bits(address);
        if prefix_len > width {
            return Err(ScopeError::PrefixLength { found: prefix_len });
        }
        if bits != masked(bits, width, prefix_len) {
            return Err(ScopeError::HostBits);
        }
        Ok(Self::Ip { address, prefix_len })
    }

    /// The distinguished names at or below the one whose DER is given.
    ///
    /// # Errors
    /// [`ScopeError::Directory`] where it cannot be read.
    pub fn directory(der: &[u8]) -> Result<Self, ScopeError> {
        let name = DistinguishedName::from_der(der).map_err(ScopeError::Directory)?;
        Ok(Self::Directory(name))
    }
}

fn host(name: &str) -> Result<Arc<str>, ScopeError> {
    let sound = !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| !label.is_empty())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if sound { Ok(name.to_ascii_lowercase().into()) } else { Err(ScopeError::Host) }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spiffe(domain) => write!(f, "spiffe://{domain}"),
            Self::UriHost(host) => write!(f, "uri-host:{host}"),
            Self::UrnNamespace(namespace) => write!(f, "urn:{namespace}"),
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Ip { address, prefix_len } => write!(f, "ip:{address}/{prefix_len}"),
            Self::EmailDomain(domain) => write!(f, "email-domain:{domain}"),
            Self::Directory(name) => write!(f, "dn:{name}"),
            Self::Everything => f.write_str("everything"),
        }
    }
}

/// The bits of an address, left-aligned in 128, and how many there are.
fn address_bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

fn masked(bits: u128, width: u8, prefix_len: u8) -> u128 {
    let kept = u32::from(prefix_len.min(width));
    if kept == 0 { 0 } else { bits & (u128::MAX << (128 - kept)) }
}

/// From names to the name of the trust domain that speaks for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    spiffe: BTreeMap<TrustDomain, Arc<str>>,
    uri_hosts: BTreeMap<Arc<str>, Arc<str>>,
    urn_namespaces: BTreeMap<Arc<str>, Arc<str>>,
    dns: BTreeMap<Arc<str>, Arc<str>>,
    email_domains: BTreeMap<Arc<str>, Arc<str>>,
    /// Left-aligned bits, by width and prefix length.
    networks: BTreeMap<(u8, u8), BTreeMap<u128, Arc<str>>>,
    names: Vec<(DistinguishedName, Arc<str>)>,
    everything: Option<Arc<str>>,
}

impl Directory {
    /// Adds a scope of the domain `owner`; returns the domain that had it before.
    pub(super) fn insert(&mut self, scope: &Scope, owner: Arc<str>) -> Option<Arc<str>> {
        match scope {
            Scope::Spiffe(domain) => self.spiffe.insert(domain.clone(), owner),
            Scope::UriHost(host) => self.uri_hosts.insert(host.clone(), owner),
            Scope::UrnNamespace(id) => self.urn_namespaces.insert(id.clone(), owner),
            Scope::Dns(name) => self.dns.insert(name.clone(), owner),
            Scope::EmailDomain(domain) => self.email_domains.insert(domain.clone(), owner),
            Scope::Ip { address, prefix_len } => {
                let (bits, width) = address_bits(*address);
                self.networks.entry((width, *prefix_len)).or_default().insert(bits, owner)
            }
            Scope::Directory(name) => {
                let before = self
                    .names
                    .iter()
                    .find(|(other, _)| other.as_name().matches(&name.as_name()))
                    .map(|(_, owner)| owner.clone());
                self.names.push((name.to_owned(), owner));
                before
            }
            Scope::Everything => self.everything.replace(owner),
        }
    }

    /// Takes a scope away from whoever has it.
    pub(super) fn remove(&mut self, scope: &Scope) {
        match scope {
            Scope::Spiffe(domain) => drop(self.spiffe.remove(domain)),
            Scope::UriHost(host) => drop(self.uri_hosts.remove(host)),
            Scope::UrnNamespace(id) => drop(self.urn_namespaces.remove(id)),
            Scope::Dns(name) => drop(self.dns.remove(name)),
            Scope::EmailDomain(domain) => drop(self.email_domains.remove(domain)),
            Scope::Ip { address, prefix_len } => {
                let (bits, width) = address_bits(*address);
                if let Some(networks) = self.networks.get_mut(&(width, *prefix_len)) {
                    networks.remove(&bits);
                }
            }
            Scope::Directory(name) => {
                self.names.retain(|(other, _)| !other.as_name().matches(&name.as_name()));
            }
            Scope::Everything => self.everything = None,
        }
    }

    /// The domain with exactly this SPIFFE scope.
    pub(super) fn exactly_spiffe(&self, domain: &str) -> Option<&Arc<str>> {
        self.spiffe.get(domain)
    }

    pub(super) fn spiffe(&self, domain: &str) -> Option<&Arc<str>> {
        self.spiffe.get(domain).or(self.everything.as_ref())
    }

    pub(super) fn uri_host(&self, host: &str) -> Option<&Arc<str>> {
        lower(host, |host| self.uri_hosts.get(host)).or(self.everything.as_ref())
    }

    pub(super) fn urn_namespace(&self, id: &str) -> Option<&Arc<str>> {
        lower(id, |id| self.urn_namespaces.get(id)).or(self.everything.as_ref())
    }

    /// The longest scope at or above `name`.
    pub(super) fn dns(&self, name: &str) -> Option<&Arc<str>> {
        if self.dns.is_empty() {
            return self.everything.as_ref();
        }
        lower(name, |name| {
            let mut rest = name;
            loop {
                if let Some(owner) = self.dns.get(rest) {
                    return Some(owner);
                }
                rest = rest.split_once('.')?.1;
            }
        })
        .or(self.everything.as_ref())
    }

    pub(super) fn email_domain(&self, domain: &str) -> Option<&Arc<str>> {
        lower(domain, |domain| self.email_domains.get(domain)).or(self.everything.as_ref())
    }

    /// The longest prefix that holds `address`.
    pub(super) fn ip(&self, address: IpAddr) -> Option<&Arc<str>> {
        let (bits, width) = address_bits(address);
        self.networks
            .range((width, 0)..=(width, width))
            .rev()
            .find_map(|(&(_, prefix_len), networks)| networks.get(&masked(bits, width, prefix_len)))
            .or(self.everything.as_ref())
    }

    /// Whether there is a scope for any distinguished name.
    pub(super) const fn has_directory(&self) -> bool {
        !self.names.is_empty() || self.everything.is_some()
    }

    /// The scope with the most RDNs at or above `name`.
    pub(super) fn directory(&self, name: &Name<'_>) -> Option<&Arc<str>> {
        self.names
            .iter()
            .filter(|(base, _)| name.is_within(&base.as_name()))
            .max_by_key(|(base, _)| base.as_name().rdns().count())
            .map(|(_, owner)| owner)
            .or(self.everything.as_ref())
    }
}

/// Looks up `text` in lower case, copied only where it is not.
fn lower<T>(text: &str, find: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        let text: String = text.to_ascii_lowercase();
        find(&text)
    } else {
        find(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_scope_wins() {
        let mut directory = Directory::default();
        let scopes = [
            ("dns", Scope::dns("example.com").unwrap()),
            ("prod", Scope::dns("prod.example.com").unwrap()),
            ("ip8", Scope::ip("10.0.0.0".parse().unwrap(), 8).unwrap()),
            ("ip16", Scope::ip("10.1.0.0".parse().unwrap(), 16).unwrap()),
            ("spiffe", Scope::Spiffe("example.com".parse().unwrap())),
            ("email", Scope::email_domain("example.com").unwrap()),
        ];
        for (owner, scope) in &scopes {
            assert_eq!(directory.insert(scope, (*owner).into()), None);
        }
        for (name, expected) in [
            ("example.com", Some("dns")),
            ("A.Example.COM", Some("dns")),
            ("x.prod.example.com", Some("prod")),
            ("notexample.com", None),
            ("com", None),
            ("", None),
        ] {
            assert_eq!(directory.dns(name).map(AsRef::as_ref), expected, "{name}");
        }
        assert_eq!(directory.ip("10.2.3.4".parse().unwrap()).map(AsRef::as_ref), Some("ip8"));
        assert_eq!(directory.ip("10.1.3.4".parse().unwrap()).map(AsRef::as_ref), Some("ip16"));
        assert_eq!(directory.ip("11.1.3.4".parse().unwrap()).map(AsRef::as_ref), None);
        assert_eq!(directory.ip("::ffff:10.1.3.4".parse().unwrap()).map(AsRef::as_ref), None);
        assert_eq!(directory.spiffe("example.com").map(AsRef::as_ref), Some("spiffe"));
        assert_eq!(directory.spiffe("sub.example.com").map(AsRef::as_ref), None);
        assert_eq!(directory.email_domain("EXAMPLE.com").map(AsRef::as_ref), Some("email"));
        assert_eq!(directory.email_domain("sub.example.com").map(AsRef::as_ref), None);
        assert_eq!(directory.insert(&Scope::Everything, "rest".into()), None);
        assert_eq!(directory.dns("other.test").map(AsRef::as_ref), Some("rest"));
        for (_, scope) in &scopes {
            directory.remove(scope);
        }
        assert_eq!(directory.dns("example.com").map(AsRef::as_ref), Some("rest"));
        assert_eq!(directory.ip("10.1.3.4".parse().unwrap()).map(AsRef::as_ref), Some("rest"));
        directory.remove(&Scope::Everything);
        assert_eq!(directory.spiffe("example.com"), None);
    }

    #[test]
    fn scopes_are_checked() {
        for name in ["", ".", "a..b", ".a", "a.", "*.a", "a b", "a/b"] {
            assert_eq!(Scope::dns(name), Err(ScopeError::Host), "{name}");
        }
        let address = "10.0.0.1".parse().unwrap();
        assert_eq!(Scope::ip(address, 8), Err(ScopeError::HostBits));
        assert_eq!(Scope::ip(address, 33), Err(ScopeError::PrefixLength { found: 33 }));
        assert!(Scope::ip(address, 32).is_ok());
        assert!(Scope::urn_namespace("example.org").is_err());
    }
}
