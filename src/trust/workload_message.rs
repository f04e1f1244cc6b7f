//! Messages of the SPIFFE Workload API, as a host's gRPC stack decoded them, and what they mean.
//!
//! The structs mirror the fields of the protocol and are filled by the host. A message is read whole
//! or discarded (W-05): every SVID and bundle in it must be readable, name one identity and come with
//! an unencrypted key (W-13, W-14), or nothing of it takes effect. Whether a chain is valid, and its
//! key belongs to it, is found out where a credential is made of it.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::SpiffeBundle;
use super::bundle_error::BundleError;
use super::spiffe_bundle::concatenated_certificates;
use crate::identity::{SpiffeId, SpiffeIdError, TrustDomain};
use crate::x509::der::Reader;
use crate::x509::{FormatError, OwnedCertificate, OwnedCertificateRevocationList, Tag};

/// W-16: "hints over 1024 bytes not supported".
const MAX_HINT: usize = 1_024;

/// Octets of a private key: wiped when dropped, shown to nobody by accident.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SvidKey(Vec<u8>);

impl SvidKey {
    /// Returns the octets: PKCS#8 in DER (W-14).
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SvidKey {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets)
    }
}

impl Drop for SvidKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SvidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SvidKey(redacted)")
    }
}

/// `X509SVID` of the Workload API.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "mirrors a message of the protocol")]
pub struct X509SvidEntry {
    /// `spiffe_id`.
    pub spiffe_id: String,
    /// `x509_svid`: certificates in DER, one after the other, the leaf first (W-13).
    pub x509_svid: Vec<u8>,
    /// `x509_svid_key`: PKCS#8 in DER, not encrypted (W-14).
    pub x509_svid_key: SvidKey,
    /// `bundle`: authorities of the SVID's trust domain in DER, one after the other.
    pub bundle: Vec<u8>,
    /// `hint`: empty for none.
    pub hint: String,
}

/// `X509SVIDResponse` of the Workload API.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "mirrors a message of the protocol")]
pub struct X509SvidMessage {
    /// `svids`, at least one.
    pub svids: Vec<X509SvidEntry>,
    /// `crl`: certificate revocation lists in DER (W-07).
    pub crls: Vec<Vec<u8>>,
    /// `federated_bundles`: by SPIFFE ID of the trust domain (W-15).
    pub federated_bundles: BTreeMap<String, Vec<u8>>,
}

/// `X509BundlesResponse` of the Workload API.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "mirrors a message of the protocol")]
pub struct X509BundlesMessage {
    /// `crl`: certificate revocation lists in DER (W-07).
    pub crls: Vec<Vec<u8>>,
    /// `bundles`: by SPIFFE ID of the trust domain (W-15), at least one.
    pub bundles: BTreeMap<String, Vec<u8>>,
}

/// Why a message is discarded, without the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageErrorKind {
    /// A mandatory field is empty (W-05).
    #[error("mandatory field {field} is empty")]
    EmptyField {
        /// Its name in the protocol.
        field: &'static str,
    },
    /// A SPIFFE ID cannot be read, or that of an SVID has no path.
    #[error("not the SPIFFE ID of a workload")]
    SpiffeId(#[source] Option<SpiffeIdError>),
    /// The chain of an SVID cannot be read (W-13).
    #[error("the chain of the SVID cannot be read")]
    Chain(#[source] BundleError),
    /// The leaf does not name exactly the SPIFFE ID of its entry.
    #[error("the leaf does not name the SPIFFE ID of its entry")]
    AnotherId,
    /// The key is no PKCS#8 in DER without encryption (W-14).
    #[error("the key is not unencrypted PKCS#8")]
    Key,
    /// The key of a bundle is not the SPIFFE ID of a trust domain (W-15).
    #[error("a bundle is not named by the SPIFFE ID of a trust domain")]
    BundleName,
    /// A bundle cannot be read (W-15).
    #[error("a bundle cannot be read")]
    Bundle(#[source] BundleError),
    /// Two entries give one trust domain different bundles.
    #[error("one trust domain has two different bundles")]
    BundlesDiffer,
    /// A revocation list cannot be read (W-07).
    #[error("a revocation list cannot be read")]
    Crl(#[source] FormatError),
}

impl MessageErrorKind {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmptyField { .. } => "workload-api.empty-field",
            Self::SpiffeId(_) => "workload-api.spiffe-id",
            Self::Chain(_) => "workload-api.chain",
            Self::AnotherId => "workload-api.another-id",
            Self::Key => "workload-api.key",
            Self::BundleName => "workload-api.bundle-name",
            Self::Bundle(_) => "workload-api.bundle",
            Self::BundlesDiffer => "workload-api.bundles-differ",
            Self::Crl(_) => "workload-api.crl",
        }
    }
}

/// A message that was discarded: nothing of it took effect (W-05).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRejected {
    kind: MessageErrorKind,
    element: Option<usize>,
}

impl MessageRejected {
    const fn at(kind: MessageErrorKind, element: usize) -> Self {
        Self { kind, element: Some(element) }
    }

    const fn of(kind: MessageErrorKind) -> Self {
        Self { kind, element: None }
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn kind(&self) -> &MessageErrorKind {
        &self.kind
    }

    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// Returns the index of the SVID, bundle (in the order of names) or list, from 0.
    #[must_use]
    pub const fn element(&self) -> Option<usize> {
        self.element
    }
}

impl fmt::Display for MessageRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        self.element.map_or(Ok(()), |element| write!(f, " at element {element}"))
    }
}

impl core::error::Error for MessageRejected {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.kind.source()
    }
}

/// One identity of this workload: chain and key arrived together and stay together (I4).
#[derive(Clone, Debug)]
pub struct WorkloadSvid {
    pub(super) id: SpiffeId,
    pub(super) chain: Vec<OwnedCertificate>,
    pub(super) key: SvidKey,
    pub(super) hint: Option<String>,
    pub(super) hint_too_long: bool,
}

impl WorkloadSvid {
    /// Returns the SPIFFE ID.
    #[must_use]
    pub const fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// Returns the chain, the leaf first.
    #[must_use]
    pub fn chain(&self) -> &[OwnedCertificate] {
        &self.chain
    }

    /// Returns the private key.
    #[must_use]
    pub const fn key(&self) -> &SvidKey {
        &self.key
    }

    /// Returns the operator's name for the identity; none where it is over 1,024 bytes (W-16).
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
            && self.hint == other.hint
            && self.chain == other.chain
            && self.key == other.key
    }
}

/// The contents of one message.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) svids: Vec<Arc<WorkloadSvid>>,
    pub(super) bundles: BTreeMap<TrustDomain, SpiffeBundle>,
    pub(super) crls: Vec<OwnedCertificateRevocationList>,
}

/// A message that can be told from another and read.
pub(super) trait Message {
    fn digest(&self) -> [u8; 32];
    fn read(self) -> Result<Contents, MessageRejected>;
}

impl Message for X509SvidMessage {
    fn digest(&self) -> [u8; 32] {
        let mut hash = Fields(Sha256::new());
        hash.count(self.svids.len());
        for svid in &self.svids {
            hash.field(svid.spiffe_id.as_bytes());
            hash.field(&svid.x509_svid);
            hash.field(svid.x509_svid_key.as_der());
            hash.field(&svid.bundle);
            hash.field(svid.hint.as_bytes());
        }
        hash.shared(&self.crls, &self.federated_bundles)
    }

    fn read(self) -> Result<Contents, MessageRejected> {
        // W-05: `svids` is mandatory. A server that takes all SVIDs away says PermissionDenied.
        if self.svids.is_empty() {
            return Err(MessageRejected::of(MessageErrorKind::EmptyField { field: "svids" }));
        }
        let mut bundles = bundles(&self.federated_bundles)?;
        let mut svids = Vec::with_capacity(self.svids.len());
        for (index, entry) in self.svids.into_iter().enumerate() {
            let (svid, bundle) = svid(entry).map_err(|kind| MessageRejected::at(kind, index))?;
            let known = bundles.entry(svid.id.trust_domain().to_owned());
            let known = known.or_insert_with(|| bundle.clone());
            if known.trust_bundle().digest() != bundle.trust_bundle().digest() {
                return Err(MessageRejected::at(MessageErrorKind::BundlesDiffer, index));
            }
            svids.push(Arc::new(svid));
        }
        Ok(Contents { svids, bundles, crls: crls(self.crls)? })
    }
}

impl Message for X509BundlesMessage {
    fn digest(&self) -> [u8; 32] {
        Fields(Sha256::new()).shared(&self.crls, &self.bundles)
    }

    fn read(self) -> Result<Contents, MessageRejected> {
        if self.bundles.is_empty() {
            return Err(MessageRejected::of(MessageErrorKind::EmptyField { field: "bundles" }));
        }
        let bundles = bundles(&self.bundles)?;
        Ok(Contents { svids: Vec::new(), bundles, crls: crls(self.crls)? })
    }
}

/// Hashes fields so that none can be taken for its neighbour.
struct Fields(Sha256);

impl Fields {
    fn count(&mut self, count: usize) {
        self.0.update(u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
    }

    fn field(&mut self, octets: &[u8]) {
        self.count(octets.len());
        self.0.update(octets);
    }

    fn shared(mut self, crls: &[Vec<u8>], bundles: &BTreeMap<String, Vec<u8>>) -> [u8; 32] {
        self.count(crls.len());
        crls.iter().for_each(|crl| self.field(crl));
        self.count(bundles.len());
        for (name, bundle) in bundles {
            self.field(name.as_bytes());
            self.field(bundle);
        }
        self.0.finalize().into()
    }
}

fn svid(entry: X509SvidEntry) -> Result<(WorkloadSvid, SpiffeBundle), MessageErrorKind> {
    // W-05: of an SVID, everything but the hint is mandatory.
    for (field, empty) in [
        ("spiffe_id", entry.spiffe_id.is_empty()),
        ("x509_svid", entry.x509_svid.is_empty()),
        ("x509_svid_key", entry.x509_svid_key.as_der().is_empty()),
        ("bundle", entry.bundle.is_empty()),
    ] {
        if empty {
            return Err(MessageErrorKind::EmptyField { field });
        }
    }
    let id = SpiffeId::parse(&entry.spiffe_id)
        .map_err(|error| MessageErrorKind::SpiffeId(Some(error)))?;
    if !id.has_path() {
        return Err(MessageErrorKind::SpiffeId(None));
    }
    let chain = concatenated_certificates(&entry.x509_svid).map_err(MessageErrorKind::Chain)?;
    let names = chain.first().and_then(|leaf| leaf.as_certificate().subject_alt_name());
    let uris = names.and_then(Result::ok).into_iter().flat_map(|names| names.uris());
    if !uris.eq([id.as_str()]) {
        return Err(MessageErrorKind::AnotherId);
    }
    if !is_unencrypted_pkcs8(entry.x509_svid_key.as_der()) {
        return Err(MessageErrorKind::Key);
    }
    let bundle = SpiffeBundle::from_der(id.trust_domain().to_owned(), &entry.bundle)
        .map_err(MessageErrorKind::Bundle)?;
    let hint_too_long = entry.hint.len() > MAX_HINT;
    let hint = Some(entry.hint).filter(|hint| !hint.is_empty() && !hint_too_long);
    Ok((WorkloadSvid { id, chain, key: entry.x509_svid_key, hint, hint_too_long }, bundle))
}

/// RFC 5958 section 2: a SEQUENCE that begins with a version; that of an encrypted key (section 3)
/// begins with an algorithm.
fn is_unencrypted_pkcs8(der: &[u8]) -> bool {
    let read = || {
        let mut outer = Reader::new(der)?;
        let mut fields = outer.sequence()?;
        outer.finish()?;
        fields.element(Tag::INTEGER)?;
        fields.element(Tag::SEQUENCE)?;
        fields.element(Tag::OCTET_STRING)
    };
    read().is_ok()
}

fn bundles(
    entries: &BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<TrustDomain, SpiffeBundle>, MessageRejected> {
    let mut bundles = BTreeMap::new();
    for (index, (name, der)) in entries.iter().enumerate() {
        let fail = |kind| MessageRejected::at(kind, index);
        let trust_domain = SpiffeId::parse(name)
            .ok()
            .filter(|id| !id.has_path())
            .map(|id| id.trust_domain().to_owned())
            .ok_or_else(|| fail(MessageErrorKind::BundleName))?;
        let bundle = SpiffeBundle::from_der(trust_domain.clone(), der)
            .map_err(|error| fail(MessageErrorKind::Bundle(error)))?;
        bundles.insert(trust_domain, bundle);
    }
    Ok(bundles)
}

fn crls(crls: Vec<Vec<u8>>) -> Result<Vec<OwnedCertificateRevocationList>, MessageRejected> {
    let read = |(index, der): (usize, Vec<u8>)| {
        OwnedCertificateRevocationList::from_der(der)
            .map_err(|error| MessageRejected::at(MessageErrorKind::Crl(error), index))
    };
    crls.into_iter().enumerate().map(read).collect()
}
