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
//! cannot be read, and those that leave the search a choice.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use rustls_pki_types::CertificateDer;
use smallvec::SmallVec;

use crate::path::{Stop, Way};
use crate::signature::PublicKey;
use crate::x509::{Certificate, OwnedCertificate};

/// Chains that led to an acceptance, a bounded number; shared between threads without a lock.
///
/// What it says about signatures is believed, as with a
/// [`SignatureMemo`](crate::signature::SignatureMemo): share one only between verifiers whose backends
/// are trusted alike. They need not have the same trust or policy.
pub struct SeenChains {
    /// INVARIANT: as many as a power of two.
    buckets: Box<[Bucket]>,
}

/// Slots of a bucket.
const WAYS: usize = 4;

#[derive(Default)]
struct Bucket {
    /// What the chain in each slot is found by; a hint, since the slot is written apart from it.
    tags: [AtomicU64; WAYS],
    slots: [ArcSwapOption<Seen>; WAYS],
    /// One bit for each slot that was found since the hand last passed.
    touched: AtomicU8,
    hand: AtomicU8,
}

/// One chain.
#[derive(Debug)]
pub(super) struct Seen {
    /// As presented, the leaf first.
    certificates: Arc<[OwnedCertificate]>,
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
    /// The table takes 26 bytes for each at once; a chain takes its own size and some 400 bytes for each
    /// certificate while it is kept. The bound is of the caller's choosing: the peers expected within
    /// the life of their certificates.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        // A quarter of `usize::MAX`, rounded up, is a power of two: nothing overflows here.
        let buckets = capacity.div_ceil(WAYS).next_power_of_two();
        Self { buckets: (0..buckets).map(|_| Bucket::default()).collect() }
    }

    /// Returns how many chains it holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buckets.len() * WAYS
    }

    /// Counts the chains that it holds; looks at the whole table.
    #[must_use]
    pub fn count(&self) -> usize {
        let used = |slot: &&ArcSwapOption<Seen>| slot.load().is_some();
        self.buckets.iter().map(|bucket| bucket.slots.iter().filter(used).count()).sum()
    }

    /// Forgets all chains.
    pub fn clear(&self) {
        for bucket in &self.buckets {
            bucket.slots.iter().for_each(|slot| slot.store(None));
        }
    }

    fn bucket(&self, tag: u64) -> Option<&Bucket> {
        // The count is a power of two.
        let mask = u64::try_from(self.buckets.len()).ok()?.wrapping_sub(1);
        self.buckets.get(usize::try_from(tag & mask).ok()?)
    }

    /// The chain that was presented with exactly these certificates.
    pub(super) fn find(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
    ) -> Option<Arc<Seen>> {
        let tag = tag(leaf);
        let bucket = self.bucket(tag)?;
        let mut bit = 1_u8;
        for (held, slot) in bucket.tags.iter().zip(&bucket.slots) {
            if held.load(Ordering::Relaxed) == tag
                && let Some(seen) = &*slot.load()
                && seen.is(leaf, others)
            {
                // A store only where the bit is new keeps the line shared between readers.
                if bucket.touched.load(Ordering::Relaxed) & bit == 0 {
                    bucket.touched.fetch_or(bit, Ordering::Relaxed);
                }
                return Some(Arc::clone(seen));
            }
            bit = bit.wrapping_shl(1);
        }
        None
    }

    pub(super) fn insert(&self, seen: Seen) {
        let Some(leaf) = seen.certificates.first() else { return };
        let tag = tag(leaf.as_der());
        let Some(bucket) = self.bucket(tag) else { return };
        let empty = bucket.slots.iter().position(|slot| slot.load().is_none());
        let place = empty.unwrap_or_else(|| bucket.to_give_up());
        if let (Some(held), Some(slot)) = (bucket.tags.get(place), bucket.slots.get(place)) {
            held.store(tag, Ordering::Relaxed);
            slot.store(Some(Arc::new(seen)));
        }
    }
}

impl Bucket {
    /// The first slot from the hand on that nobody asked for since it last passed.
    fn to_give_up(&self) -> usize {
        let hand = usize::from(self.hand.fetch_add(1, Ordering::Relaxed));
        let touched = self.touched.load(Ordering::Relaxed);
        let mut places = (hand..hand + WAYS).map(|place| place % WAYS);
        places.find(|place| touched & (1 << place) == 0).unwrap_or_else(|| {
            // All were asked for: each gets its second chance, and the hand decides.
            self.touched.store(0, Ordering::Relaxed);
            hand % WAYS
        })
    }
}

impl fmt::Debug for SeenChains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenChains").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

impl Seen {
    /// What is kept of a chain that was accepted by `way`, whose path is `path`. Nothing unless every
    /// certificate that was presented could be read.
    pub(super) fn new(
        presented: usize,
        certificates: &[Certificate<'_>],
        way: &Way<'_>,
        path: &Arc<[OwnedCertificate]>,
    ) -> Option<Self> {
        if certificates.len() != presented {
            return None;
        }
        let all_in_order = way.stops.len() == presented
            && way.stops.iter().enumerate().all(|(place, stop)| stop.place == place);
        let above = way.stops.iter().skip(1).map(|stop| Key::Certificate(stop.place));
        let anchor = Key::Anchor(Arc::clone(way.anchor.shared_spki()));
        Some(Self {
            certificates: match all_in_order {
                true => Arc::clone(path),
                false => OwnedCertificate::share(certificates.iter()),
            },
            signed: way
                .stops
                .iter()
                .map(|stop| stop.place)
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
    pub(super) const fn certificates(&self) -> &Arc<[OwnedCertificate]> {
        &self.certificates
    }

    /// Whether the signature of the certificate at `place` is known to hold under `key`.
    pub(super) fn is_signed(&self, place: usize, key: PublicKey<'_>) -> bool {
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
        stops.iter().all(|stop| self.signed.iter().any(|(place, _)| *place == stop.place))
    }
}

/// What a chain is found by: the last octets of its leaf.
fn tag(leaf: &[u8]) -> u64 {
    let tail = leaf.last_chunk().map_or(0, |tail| u64::from_be_bytes(*tail));
    // The last octets of a signature are distributed evenly; those of a toy need not be.
    let mixed = tail.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}
