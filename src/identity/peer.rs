//! What a peer is: the identities that a valid path confirmed.
//!
//! This file collects; it does not decide which names of a certificate may be believed. SPIFFE-ID
//! section 4.1 (ID-22): other contents of an SVID are not identities across trust domains without
//! agreement, so whoever builds a [`PeerIdentity`] leaves such names out.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use super::dns::PresentedDnsName;
use super::email::Mailbox;
use super::error::{NameError, NameErrorKind};
use super::ip::parse_ip;
use super::spiffe::SpiffeId;
use super::text::serde_as_text;
use super::trust_domain::TrustDomainRef;
use super::uri::WorkloadUri;
use crate::x509::{DerError, Name, write_hex};

/// A distinguished name, as its DER; equal to others by RFC 5280 section 7.1, which folds case and
/// spaces.
#[derive(Clone)]
pub struct DistinguishedName(
    // INVARIANT: one DER SEQUENCE and nothing after it.
    Arc<[u8]>,
);

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.as_name().matches(&other.as_name())
    }
}

impl Eq for DistinguishedName {}

impl Ord for DistinguishedName {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        if self.0 == other.0 {
            return core::cmp::Ordering::Equal;
        }
        self.as_name().to_canonical().cmp(&other.as_name().to_canonical())
    }
}

impl PartialOrd for DistinguishedName {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl core::hash::Hash for DistinguishedName {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_name().canonical_hash().hash(state);
    }
}

impl DistinguishedName {
    /// Takes the DER of a `Name` (RFC 5280 section 4.1.2.4).
    ///
    /// # Errors
    ///
    /// [`DerError`] unless it is a well-formed Name.
    pub fn from_der(der: &[u8]) -> Result<Self, DerError> {
        Name::from_der(der)?;
        Ok(Self(Arc::from(der)))
    }

    /// Takes a name whose framing was read before.
    pub(crate) fn of(name: Name<'_>) -> Self {
        Self(Arc::from(name.as_der()))
    }

    /// Returns the DER.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// Returns the name, to be read.
    #[must_use]
    pub fn as_name(&self) -> Name<'_> {
        Name::trusted(&self.0)
    }

    /// Reads `#` and hexadecimal digits.
    pub(super) fn parse(text: &str) -> Result<Self, NameError> {
        let wrong = |at| NameError::new(at, NameErrorKind::DistinguishedName);
        let mut digits = text.strip_prefix('#').ok_or(wrong(0))?.bytes().enumerate();
        let mut der = Vec::with_capacity(text.len() / 2);
        while let Some((at, high)) = digits.next() {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let low = digits.next().and_then(|(_, low)| digit(low));
            let value = digit(high).zip(low).and_then(|(h, l)| u8::try_from(h * 16 + l).ok());
            der.push(value.ok_or(wrong(at + 1))?);
        }
        Self::from_der(&der).map_err(|_| wrong(1))
    }
}

impl fmt::Display for DistinguishedName {
    /// Writes `#` and the DER in hexadecimal, as RFC 4514 section 2.4 does for values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("#")?;
        write_hex(f, &*self.0)
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

/// One identity of a peer.
///
/// The order of the variants is the order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// A SPIFFE ID.
    Spiffe(SpiffeId),
    /// Another URI.
    Uri(WorkloadUri),
    /// A DNS name, perhaps a wildcard.
    Dns(PresentedDnsName),
    /// An IP address.
    Ip(IpAddr),
    /// A mailbox.
    Email(Mailbox),
    /// The subject of the certificate.
    Subject(DistinguishedName),
}

impl FromStr for Identity {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (kind, at, name) = split_kind(text)?;
        match kind {
            "spiffe:" => Ok(Self::Spiffe(SpiffeId::parse(text)?)),
            "uri:" => WorkloadUri::parse(name).map(Self::Uri),
            "dns:" => PresentedDnsName::parse(name).map(Self::Dns),
            "ip:" => parse_ip(name).map(Self::Ip),
            "email:" => Mailbox::parse(name).map(Self::Email),
            "dn:" => DistinguishedName::parse(name).map(Self::Subject),
            _ => return Err(NameError::new(0, NameErrorKind::UnknownKind)),
        }
        .map_err(|error| error.shifted(at))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spiffe(id) => fmt::Display::fmt(id, f),
            Self::Uri(uri) => write!(f, "uri:{uri}"),
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
            Self::Email(mailbox) => write!(f, "email:{mailbox}"),
            Self::Subject(name) => write!(f, "dn:{name}"),
        }
    }
}

serde_as_text!(Identity, "an identity, as in \"dns:example.org\"");

/// The identities of one peer, each once, in order of precedence; a clone shares them.
///
/// The order is SPIFFE ID, other URI, DNS name, IP address, mailbox, subject; within a kind it is that
/// of bytes. It does not depend on the order in a certificate, so equal sets are equal values.
#[derive(Clone)]
pub struct PeerIdentity(Identities);

#[derive(Clone)]
enum Identities {
    /// Most peers have one.
    One(Identity),
    // INVARIANT: sorted, without duplicates, and not one.
    Several(Arc<[Identity]>),
}

impl PartialEq for PeerIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for PeerIdentity {}

impl Ord for PeerIdentity {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl PartialOrd for PeerIdentity {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl core::hash::Hash for PeerIdentity {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl fmt::Debug for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PeerIdentity").field(&self.as_slice()).finish()
    }
}

impl PeerIdentity {
    /// Collects identities.
    #[must_use]
    pub fn new(identities: impl IntoIterator<Item = Identity>) -> Self {
        let mut identities: Vec<_> = identities.into_iter().collect();
        identities.sort_unstable();
        identities.dedup();
        match <[Identity; 1]>::try_from(identities) {
            Ok([only]) => only.into(),
            Err(several) => Self(Identities::Several(several.into())),
        }
    }

    fn as_slice(&self) -> &[Identity] {
        match &self.0 {
            Identities::One(only) => core::slice::from_ref(only),
            Identities::Several(several) => several,
        }
    }

    /// Returns the identity of highest precedence; `None` for a peer without identity.
    #[must_use]
    pub fn primary(&self) -> Option<&Identity> {
        self.as_slice().first()
    }

    /// Whether there is no identity at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// How many identities there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether the peer has exactly this identity.
    #[must_use]
    pub fn contains(&self, identity: &Identity) -> bool {
        self.as_slice().binary_search(identity).is_ok()
    }

    /// Returns all identities, the primary one first.
    pub fn iter(&self) -> core::slice::Iter<'_, Identity> {
        self.as_slice().iter()
    }

    /// Returns the SPIFFE ID; `None` also where there are several, since no SVID has two (X-02).
    #[must_use]
    pub fn spiffe_id(&self) -> Option<&SpiffeId> {
        let mut ids = self.spiffe_ids();
        ids.next().filter(|_| ids.next().is_none())
    }

    /// Returns the trust domain of [`PeerIdentity::spiffe_id`].
    #[must_use]
    pub fn trust_domain(&self) -> Option<TrustDomainRef<'_>> {
        self.spiffe_id().map(SpiffeId::trust_domain)
    }

    /// Returns the SPIFFE IDs.
    pub fn spiffe_ids(&self) -> impl Iterator<Item = &SpiffeId> {
        self.iter().filter_map(|identity| match identity {
            Identity::Spiffe(id) => Some(id),
            _ => None,
        })
    }

    /// Returns the URIs that are no SPIFFE IDs.
    pub fn uris(&self) -> impl Iterator<Item = &WorkloadUri> {
        self.iter().filter_map(|identity| match identity {
            Identity::Uri(uri) => Some(uri),
            _ => None,
        })
    }

    /// Returns the DNS names, wildcards among them.
    pub fn dns_names(&self) -> impl Iterator<Item = &PresentedDnsName> {
        self.iter().filter_map(|identity| match identity {
            Identity::Dns(name) => Some(name),
            _ => None,
        })
    }

    /// Returns the IP addresses.
    pub fn ip_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.iter().filter_map(|identity| match identity {
            Identity::Ip(address) => Some(*address),
            _ => None,
        })
    }

    /// Returns the mailboxes.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        self.iter().filter_map(|identity| match identity {
            Identity::Email(mailbox) => Some(mailbox),
            _ => None,
        })
    }

    /// Returns the subject.
    #[must_use]
    pub fn subject(&self) -> Option<&DistinguishedName> {
        self.iter().find_map(|identity| match identity {
            Identity::Subject(name) => Some(name),
            _ => None,
        })
    }
}

impl From<Identity> for PeerIdentity {
    fn from(only: Identity) -> Self {
        Self(Identities::One(only))
    }
}

impl FromIterator<Identity> for PeerIdentity {
    fn from_iter<I: IntoIterator<Item = Identity>>(identities: I) -> Self {
        Self::new(identities)
    }
}

impl<'a> IntoIterator for &'a PeerIdentity {
    type Item = &'a Identity;
    type IntoIter = core::slice::Iter<'a, Identity>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for PeerIdentity {
    /// Writes the identities with commas between them; nothing for none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, identity) in self.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            write!(f, "{identity}")?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for PeerIdentity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for PeerIdentity {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Vec::<Identity>::deserialize(input).map(Self::new)
    }
}

/// Splits a text like `dns:example.org` after its colon: the kind, where the name begins, the name.
pub(super) fn split_kind(text: &str) -> Result<(&str, usize, &str), NameError> {
    let unknown = NameError::new(0, NameErrorKind::UnknownKind);
    let at = text.find(':').ok_or(unknown)? + 1;
    let (kind, name) = text.split_at_checked(at).ok_or(unknown)?;
    Ok((kind, at, name))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    const ALL: [&str; 6] = [
        "spiffe://td/a",
        "uri:wimse://td/a",
        "dns:*.example.org",
        "ip:::1",
        "email:ann@example.org",
        "dn:#3000",
    ];

    fn identity(text: &str) -> Identity {
        text.parse().unwrap()
    }

    #[test]
    fn an_identity_is_read_back_from_its_text() {
        for text in ALL {
            assert_eq!(identity(text).to_string(), text);
        }
        let refused = [
            ("no kind", "example.org", 0, "name.unknown-kind"),
            ("unknown kind", "cn:example.org", 0, "name.unknown-kind"),
            ("wrong name", "dns:a..b", 6, "name.empty-label"),
            ("wrong spiffe id", "spiffe://td/", 11, "spiffe-id.trailing-slash"),
            ("spiffe id as a uri", "uri:spiffe://td/a", 4, "name.spiffe-scheme"),
            ("prefix", "ip:10.0.0.0/8", 3, "name.address"),
            ("half a byte", "dn:#300", 6, "name.distinguished-name"),
            ("no sequence", "dn:#3100", 4, "name.distinguished-name"),
            ("bytes after it", "dn:#300000", 4, "name.distinguished-name"),
        ];
        for (case, text, offset, code) in refused {
            let error = text.parse::<Identity>().unwrap_err();
            assert_eq!((error.offset(), error.code()), (offset, code), "{case}");
        }
    }

    #[test]
    fn identities_are_kept_once_in_order_of_precedence() {
        let reversed = ALL.iter().rev().chain(&ALL).map(|text| identity(text));
        let peer = PeerIdentity::new(reversed);
        assert_eq!(peer, ALL.iter().map(|text| identity(text)).collect());
        assert_eq!(peer.to_string(), ALL.join(", "));
        for (skipped, first) in ALL.iter().enumerate() {
            let rest = ALL.iter().skip(skipped).map(|text| identity(text));
            let primary = PeerIdentity::new(rest).primary().map(ToString::to_string);
            assert_eq!(primary.as_deref(), Some(*first));
        }
        assert_eq!(peer.len(), ALL.len());
        assert!(peer.contains(&identity("ip:::1")) && !peer.contains(&identity("ip:::2")));
    }

    #[test]
    fn names_are_found_by_their_kind() {
        let peer: PeerIdentity = ALL.iter().map(|text| identity(text)).collect();
        assert_eq!(peer.spiffe_id().unwrap().as_str(), "spiffe://td/a");
        assert_eq!(peer.trust_domain().unwrap().as_str(), "td");
        assert_eq!(peer.uris().next().unwrap().as_str(), "wimse://td/a");
        assert!(peer.dns_names().next().unwrap().is_wildcard());
        assert_eq!(peer.ip_addresses().collect::<Vec<_>>(), ["::1".parse::<IpAddr>().unwrap()]);
        assert_eq!(peer.mailboxes().next().unwrap().local_part(), "ann");
        assert_eq!(peer.subject().unwrap().as_der(), [0x30, 0]);
        let nobody = PeerIdentity::new([]);
        assert!(nobody.is_empty() && nobody.primary().is_none() && nobody.subject().is_none());
    }

    #[test]
    fn x_02_two_spiffe_ids_are_no_spiffe_id() {
        let peer = PeerIdentity::new(vec![identity("spiffe://a/x"), identity("spiffe://b/x")]);
        assert_eq!((peer.spiffe_id(), peer.trust_domain()), (None, None));
        assert_eq!(peer.spiffe_ids().count(), 2);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serde_writes_a_list_of_texts_and_restores_the_order() {
        let peer: PeerIdentity = ["spiffe://td/a", "dns:a.b"].iter().map(|t| identity(t)).collect();
        assert_eq!(serde_json::to_string(&peer).unwrap(), r#"["spiffe://td/a","dns:a.b"]"#);
        let shuffled = r#"["dns:a.b","spiffe://td/a","dns:a.b"]"#;
        assert_eq!(serde_json::from_str::<PeerIdentity>(shuffled).unwrap(), peer);
    }
}
