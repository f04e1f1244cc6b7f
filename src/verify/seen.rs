//! Chains that were presented before: recognised by their bytes, judged afresh.
//!
//! Peers come back, and present what they presented the last time. [`SeenChains`] keeps, for chains
//! that led to an acceptance, what follows from their bytes alone: the certificates as they were read,
//! and which signature holds under which key. It keeps no verdict, no path and no trust: the trust
//! domain, the way to an anchor, time, policy, names and revocation are judged by the same code and
//! against the same snapshot as those of any other peer, and the decision is the same, its counts of
//! demanded work included. A chain whose authority was removed is refused like one that was never seen.
//!
//! A chain is found by the last octets of its leaf, which belong to a signature, and compared whole,
//! so that nothing needs to be hashed. Only what was accepted is kept, so that a stranger fills no
//! table; somebody who can get many certificates issued can push others out, which costs their peers the
//! reading of a chain, and its signatures where there is no memo.
//!
//! Left out: chains of more than six certificates beside the leaf, chains with something in them that
//! cannot be read, those that leave the search a choice, and those with a key that inherited parameters:
//! what holds under such a key holds below one anchor and perhaps not below another.

use alloc::boxed::Box;
use alloc::sync::Arc;

use rustls_pki_types::CertificateDer;
use smallvec::SmallVec;

use crate::decision::CertificationPath;
use crate::path::{Stop, Way};
use crate::signature::PublicKey;
use crate::table::{SharedTable, tag};
use crate::x509::{Certificate, OwnedCertificate};

/// Chains that led to an acceptance, a bounded number; shared between threads without a lock.
///
/// What it says about signatures is believed, as with a
/// [`SignatureMemo`](crate::signature::SignatureMemo): share one only between verifiers whose backends
/// are trusted alike. They need not have the same trust or policy.
#[derive(Debug)]
pub struct SeenChains(SharedTable<Seen>);

/// One chain.
#[derive(Debug)]
pub(super) struct Seen {
    /// As presented, the leaf first.
    certificates: Box<[OwnedCertificate]>,
    /// The same, where they are the path that was accepted.
    path: Option<CertificationPath>,
    /// The places of those in which every value was read in full, and the SubjectPublicKeyInfo
    /// under which the signature of each holds; the path that was accepted, the leaf first.
    signed: SmallVec<[(usize, Key); 3]>,
}

#[derive(Debug)]
enum Key {
    /// That of the certificate at this place.
    Certificate(usize),
    /// That of an anchor.
    Anchor(Arc<[u8]>),
}

impl SeenChains {
    /// Makes a table for about `capacity` chains, rounded up to a power of two, at least four.
    ///
    /// It takes 17 bytes for each at once; a chain takes its own size and some 400 bytes for each
    /// certificate while it is kept. The bound is of the caller's choosing: the peers expected within
    /// the life of their certificates.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(SharedTable::with_capacity(capacity))
    }

    /// Returns how many chains it holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Counts the chains that it holds; looks at the whole table.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Forgets all chains.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Hands the chain that was presented with exactly these certificates to `then`.
    pub(super) fn find<R>(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        then: impl FnOnce(&Seen) -> R,
    ) -> Option<R> {
        self.0.find(tag(leaf), |seen| seen.is(leaf, others), then)
    }

    pub(super) fn insert(&self, seen: Seen) {
        if let Some(leaf) = seen.certificates.first() {
            self.0.insert(tag(leaf.as_der()), seen);
        }
    }
}

impl Seen {
    /// What is kept of a chain that was accepted by `way`, whose path is `path`. Nothing unless every
    /// certificate that was presented could be read.
    pub(super) fn new(
        presented: usize,
        certificates: &[Certificate<'_>],
        way: &Way<'_>,
        path: &CertificationPath,
    ) -> Option<Self> {
        if certificates.len() != presented || inherits(certificates, way)? {
            return None;
        }
        let all_in_order = way.stops.len() == presented
            && way.stops.iter().enumerate().all(|(place, stop)| stop.place() == place);
        let above = way.stops.iter().skip(1).map(|stop| Key::Certificate(stop.place()));
        let anchor = Key::Anchor(Arc::clone(way.anchor.shared_spki()));
        Some(Self {
            certificates: match all_in_order {
                true => path.read_already(certificates).collect(),
                false => certificates.iter().map(Certificate::to_owned).collect(),
            },
            path: all_in_order.then(|| path.clone()),
            signed: way
                .stops
                .iter()
                .map(|stop| stop.place())
                .zip(above.chain(core::iter::once(anchor)))
                .collect(),
        })
    }

    fn is(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> bool {
        let presented = core::iter::once(leaf).chain(others).map(AsRef::as_ref);
        self.certificates.len() == others.len() + 1
            && self.certificates.iter().map(OwnedCertificate::as_der).eq(presented)
    }

    /// The certificates as they were presented, the leaf first.
    pub(super) const fn certificates(&self) -> &[OwnedCertificate] {
        &self.certificates
    }

    /// What was presented, where it is the path from `stops` as it stands.
    pub(super) fn path(&self, stops: &[Stop]) -> Option<&CertificationPath> {
        let in_order = stops.iter().enumerate().all(|(place, stop)| stop.place() == place);
        self.path.as_ref().filter(|path| in_order && path.len() == stops.len())
    }

    /// Whether the signature of the certificate at `place` is known to hold under `key`.
    pub(super) fn is_signed(&self, place: usize, key: &PublicKey<'_>) -> bool {
        // What was inherited is no part of the key's bytes.
        key.inherited_parameters().is_none()
            && self.signed.iter().filter(|(signed, _)| *signed == place).any(|(_, by)| match by {
                Key::Anchor(spki) => **spki == *key.spki().der(),
                Key::Certificate(issuer) => self.certificates.get(*issuer).is_some_and(|issuer| {
                    issuer.as_certificate().public_key_der() == key.spki().der()
                }),
            })
    }

    /// Whether every value of the certificates on a way was read in full.
    pub(super) fn is_sound(&self, stops: &[Stop]) -> bool {
        stops.iter().all(|stop| self.signed.iter().any(|(place, _)| *place == stop.place()))
    }
}

/// Whether a key on the way has parameters that come from above it.
fn inherits(certificates: &[Certificate<'_>], way: &Way<'_>) -> Option<bool> {
    let mut key = way.anchor.public_key()?;
    for stop in way.stops.iter().skip(1).rev() {
        key = key.issued(certificates.get(stop.place())?.subject_public_key_info().ok()?);
        if key.inherited_parameters().is_some() {
            return Some(true);
        }
    }
    Some(false)
}
