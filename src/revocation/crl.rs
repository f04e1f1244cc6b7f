//! A revocation list that was taken in: what it says of itself, who signed it, its entries.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::answer::{CrlSummary, EvidenceId, Revoked};
use super::entry_table::{EntryTable, same_name};
use crate::signature::PublicKey;
use crate::x509::{
    GeneralNames, IssuingDistributionPoint, IssuingDistributionPointIndex, Name, OwnedCertificate,
    OwnedOid, ReasonCode, SubjectPublicKeyInfo,
};

/// A revocation list whose signature was verified and whose entries were read, once.
///
/// The signature was verified with a key that somebody offered for the list's issuer; whether
/// that key may speak for a certificate is judged with each question, by the path of that
/// certificate. So a list stays in the store when its authority is removed, and says nothing.
///
/// The bytes of the list are not kept. [`VerifiedCrl::id`] names them.
pub struct VerifiedCrl {
    pub(super) summary: Arc<CrlSummary>,
    pub(super) issuer_hash: u64,
    pub(super) key: SignerKey,
    /// Whether the key says all of its parameters itself, so that it inherits none in any path.
    pub(super) key_is_whole: bool,
    /// Certificates with the list's issuer as subject and its key; the anchor's may be among them.
    pub(super) signers: Vec<Signer>,
    /// Whether the key was offered as that of a trust anchor.
    pub(super) signed_by_anchor: bool,
    /// Value of issuingDistributionPoint; lists of one scope have the same octets.
    pub(super) scope_der: Option<Box<[u8]>>,
    pub(super) scope: Option<IssuingDistributionPointIndex>,
    /// Where deltas are, as the list says (RFC 5280 section 5.2.6).
    pub(super) freshest: Vec<String>,
    pub(super) unrecognized_critical: Option<OwnedOid>,
    /// Entries of certificates that the list's issuer issued.
    pub(super) own: Box<EntryTable>,
    /// Entries with a certificate issuer, by the hash of each directory name it has.
    pub(super) others: BTreeMap<u64, Vec<Arc<OtherIssuer>>>,
    pub(super) entries: usize,
}

/// A key with the parameters that it inherited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SignerKey {
    pub(super) spki: Arc<[u8]>,
    pub(super) inherited_parameters: Option<Arc<[u8]>>,
}

impl SignerKey {
    pub(super) fn is(&self, key: &PublicKey<'_>) -> bool {
        *self.spki == *key.spki().der()
            && self.inherited_parameters.as_deref() == key.inherited_parameters()
    }

    /// Whether it has parameters of its own and so inherits none, whoever certifies it.
    pub(super) fn is_whole(&self) -> bool {
        let with_parameters =
            |key: PublicKey<'_>| PublicKey::new(key.spki()).parameters().is_some();
        self.inherited_parameters.is_none() && self.public_key().is_some_and(with_parameters)
    }

    pub(super) fn public_key(&self) -> Option<PublicKey<'_>> {
        let spki = SubjectPublicKeyInfo::from_der(&self.spki).ok()?;
        Some(PublicKey::with_inherited(spki, self.inherited_parameters.as_deref()))
    }
}

/// A certificate that a list may have been signed under.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) fingerprint: [u8; 32],
    pub(super) certificate: OwnedCertificate,
}

/// Entries under one certificate issuer extension.
#[derive(Debug)]
pub(super) struct OtherIssuer {
    pub(super) names: Box<[u8]>,
    pub(super) table: EntryTable,
}

impl VerifiedCrl {
    /// Returns the name of the list, as [`EvidenceId::of_list`] makes it.
    #[must_use]
    pub fn id(&self) -> EvidenceId {
        self.summary.id
    }

    /// Returns what the list says of itself.
    #[must_use]
    pub fn summary(&self) -> &CrlSummary {
        &self.summary
    }

    /// Returns how many entries it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries
    }

    /// Whether it has no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Returns about how many bytes its entries hold.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let others = self.others.values().flatten();
        self.own.heap_bytes()
            + others.map(|other| other.names.len() + other.table.heap_bytes()).sum::<usize>()
    }

    /// Looks up an entry by issuer and serial number (content octets of the INTEGER) of a
    /// certificate: what the list says, whoever signed it, whatever its dates and scope.
    #[inline]
    #[must_use]
    pub fn entry_of(&self, certificate_issuer: &Name<'_>, serial: &[u8]) -> Option<Revoked> {
        self.find(certificate_issuer, serial)
    }

    pub(super) fn issuer(&self) -> Name<'_> {
        self.summary.issuer.as_name()
    }

    /// Whether one of the two takes the place of the other in a store.
    pub(super) fn takes_place_of(&self, other: &Self) -> bool {
        super::crl_store::slot(self).eq(&super::crl_store::slot(other))
    }

    /// Whether it is complete, for all certificates of its issuer and for all reasons.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_delta() && self.scope.is_none() && self.unrecognized_critical.is_none()
    }

    pub(super) fn is_delta(&self) -> bool {
        self.summary.base_number.is_some()
    }

    pub(super) fn issuing_distribution_point(&self) -> Option<IssuingDistributionPoint<'_>> {
        Some(self.scope.as_ref()?.of(self.scope_der.as_deref()?))
    }

    /// Searches for the entry of a certificate by its issuer and serial number.
    ///
    /// RFC 5280 5.3.3: "If this extension is not present on the first entry in an indirect CRL,
    /// the certificate issuer defaults to the CRL issuer. On subsequent entries in an indirect CRL,
    /// if this extension is not present, the certificate issuer for the entry is the same as that
    /// for the preceding entry."
    #[inline]
    pub(super) fn find(&self, certificate_issuer: &Name<'_>, serial: &[u8]) -> Option<Revoked> {
        // Nearly always the octets are the same, and there are no others.
        if same_name(self.issuer().as_der(), certificate_issuer.as_der()) && self.others.is_empty()
        {
            return self.own.find(serial);
        }
        self.find_among_all(certificate_issuer, serial)
    }

    #[inline(never)]
    fn find_among_all(&self, certificate_issuer: &Name<'_>, serial: &[u8]) -> Option<Revoked> {
        let is_own = self.issuer().matches(certificate_issuer);
        let own = if is_own { self.own.find(serial) } else { None };
        self.least_with_others(own, certificate_issuer, serial)
    }

    /// The same for a certificate of the list's issuer.
    #[inline]
    pub(super) fn find_own(&self, serial: &[u8]) -> Option<Revoked> {
        if self.others.is_empty() {
            return self.own.find(serial);
        }
        self.least_with_others(self.own.find(serial), &self.issuer(), serial)
    }

    fn least_with_others(
        &self,
        own: Option<Revoked>,
        certificate_issuer: &Name<'_>,
        serial: &[u8],
    ) -> Option<Revoked> {
        let others = self.others.get(&certificate_issuer.canonical_hash()).into_iter().flatten();
        let others = others.filter(|other| {
            let mut names = GeneralNames::trusted(&other.names, 0).directory_names();
            names.any(|name| name.matches(certificate_issuer))
        });
        let order = |listed: &Revoked| {
            (listed.reason == Some(ReasonCode::RemoveFromCrl), listed.at, listed.reason)
        };
        own.into_iter().chain(others.filter_map(|other| other.table.find(serial))).min_by_key(order)
    }
}

impl fmt::Debug for VerifiedCrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedCrl")
            .field("summary", &self.summary)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}
