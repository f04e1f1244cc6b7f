//! What is so in the simulated world: numbers and spans, no bytes and no library.
//!
//! Everything that the oracle judges by is written down here while the world is made, never read back
//! from certificates or from the library under test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A key pair, by its number; also what an authority is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

/// A trust domain, by its place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainId(pub usize);

/// A workload, by its place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(pub usize);

/// Seconds of true time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub until: i64,
}

impl Span {
    /// Whether it holds for a verifier whose clock shows `clock` and who lets clocks differ by
    /// `tolerance`.
    pub fn has_begun(self, clock: i64, tolerance: i64) -> bool {
        clock + tolerance >= self.from
    }

    /// The other end of it.
    pub fn is_over(self, clock: i64, tolerance: i64) -> bool {
        clock - tolerance > self.until
    }

    pub fn holds(self, clock: i64, tolerance: i64) -> bool {
        self.has_begun(clock, tolerance) && !self.is_over(clock, tolerance)
    }
}

/// A CA certificate that is sent along: one key vouches for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub key: KeyId,
    pub issuer: KeyId,
    pub valid: Span,
}

/// An SVID as it was issued.
#[derive(Debug)]
pub struct Svid {
    /// Counts all SVIDs of the world.
    pub number: u64,
    pub domain: DomainId,
    pub id: String,
    pub issuer: KeyId,
    pub valid: Span,
    /// The CA certificates behind the leaf.
    pub links: Vec<Link>,
}

impl Svid {
    /// The last second in which its holder can present it.
    pub fn presentable_until(&self) -> i64 {
        self.links.iter().map(|link| link.valid.until).fold(self.valid.until, i64::min)
    }
}

/// One state of a trust domain's bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub sequence: u64,
    pub roots: BTreeSet<KeyId>,
}

/// What one workload holds to be true: what was delivered to it last.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub bundles: BTreeMap<DomainId, Bundle>,
    pub svid: Option<Arc<Svid>>,
}

impl View {
    /// Whether an authority, or a whole bundle, of an earlier view is gone.
    pub fn lacks_what_is_in(&self, before: &View) -> bool {
        before.bundles.iter().any(|(domain, bundle)| match self.bundles.get(domain) {
            Some(now) => !bundle.roots.is_subset(&now.roots),
            None => true,
        })
    }
}
