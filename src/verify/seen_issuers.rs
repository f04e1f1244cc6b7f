//! Certificates of issuers that were presented before: recognised by their bytes, whatever is below them.
//!
//! Peers that were never seen present intermediates that were. [`SeenIssuers`] keeps, for each
//! certificate between a peer and an anchor on a path that was accepted, what follows from its bytes
//! alone: how it was read, that every value in it can be read, and under which key its signature holds.
//! It keeps no verdict and no trust: whether it may issue, and whether that key is trusted, is judged
//! by the same code as of any other certificate, and the decision is the same, its counts of demanded
//! work included.
//!
//! A certificate is found by its last octets, which belong to a signature, and compared whole, so that
//! nothing needs to be hashed. Only what stood on an accepted path is kept, so that a stranger fills
//! no table. Left out are certificates of issuers whose key inherited parameters.

use alloc::boxed::Box;

use arrayvec::ArrayVec;

use crate::path::{Stop, Way};
use crate::signature::PublicKey;
use crate::table::{SharedTable, tag};
use crate::x509::{Certificate, OwnedCertificate};

/// Certificates of issuers on paths that were accepted, a bounded number; shared between threads without a
/// lock.
///
/// What it says about signatures is believed, as with a
/// [`SignatureMemo`](crate::signature::SignatureMemo): share one only between verifiers whose backends
/// are trusted alike. They need not have the same trust or policy.
#[derive(Debug)]
pub struct SeenIssuers(SharedTable<SeenIssuer>);

#[derive(Debug)]
struct SeenIssuer {
    certificate: OwnedCertificate,
    /// The SubjectPublicKeyInfo under which its signature holds.
    signed_by: Box<[u8]>,
}

impl SeenIssuers {
    /// Makes a table for about `capacity` certificates, rounded up to a power of two, at least four.
    ///
    /// It takes 17 bytes for each at once; a certificate takes its own size, that of its issuer's key and
    /// some 400 bytes while it is kept. The bound is of the caller's choosing: the intermediates between
    /// the expected peers and their anchors.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(SharedTable::with_capacity(capacity))
    }

    /// Returns how many certificates it holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Counts the certificates that it holds; looks at the whole table.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Forgets all certificates.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Adds the certificate with this encoding to a list, as it was read before; whether it is known and
    /// the list has room.
    pub(super) fn read_into<'a, const N: usize>(
        &self,
        list: &mut ArrayVec<Certificate<'a>, N>,
        der: &'a [u8],
    ) -> bool {
        self.find(der, |seen| {
            seen.certificate.over(der).is_some_and(|certificate| list.try_push(certificate).is_ok())
        })
        .unwrap_or(false)
    }

    /// Whether the signature of a certificate is known to hold under `key`.
    pub(super) fn is_signed(&self, certificate: &Certificate<'_>, key: &PublicKey<'_>) -> bool {
        // What was inherited is no part of the key's bytes.
        key.inherited_parameters().is_none()
            && self.find(certificate.as_der(), |seen| *seen.signed_by == *key.spki().der())
                == Some(true)
    }

    /// Keeps the certificates above the leaf on a way that was accepted, but for those at places that
    /// `is_known` says are kept.
    #[inline]
    pub(super) fn insert_way<'a>(
        &self,
        way: &Way<'a>,
        certificates: &[Certificate<'a>],
        is_known: impl Fn(usize) -> bool,
    ) {
        let is_new = |stop: &Stop| stop.place() > 0 && !is_known(stop.place());
        if way.stops.iter().any(is_new) {
            self.insert_new(way, certificates, is_known);
        }
    }

    #[inline(never)]
    fn insert_new<'a>(
        &self,
        way: &Way<'a>,
        certificates: &[Certificate<'a>],
        is_known: impl Fn(usize) -> bool,
    ) {
        way.each_edge(certificates, |place, certificate, key| {
            let alone = key.inherited_parameters().is_none();
            if place > 0 && alone && !is_known(place) {
                let der = certificate.as_der();
                let signed_by = key.spki().der().into();
                self.0.insert(
                    tag(der),
                    SeenIssuer { certificate: certificate.to_owned(), signed_by },
                );
            }
        });
    }

    fn find<R>(&self, der: &[u8], then: impl FnOnce(&SeenIssuer) -> R) -> Option<R> {
        self.0.find(tag(der), |seen| seen.certificate.as_der() == der, then)
    }
}
