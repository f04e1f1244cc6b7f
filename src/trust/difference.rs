//! What differs between two states of trust, from the older one to the newer one.
//!
//! Stores share what did not change, so that the difference of two stores of ten thousand domains
//! costs what changed between them, as long as one was made from the other.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::anchor::{AnchorState, TrustAnchor};
use super::bundle::TrustBundle;
use super::store::{Domain, TrustStore};
use crate::x509::{OwnedCertificate, Time};

/// A domain that is not in both stores as it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DomainDifference<'s> {
    pub(crate) older: Option<&'s Arc<Domain>>,
    pub(crate) newer: Option<&'s Arc<Domain>>,
}

/// What happened to an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnchorDifference {
    Added,
    Removed,
    /// Its constraints or its state are others, in a way that is not only a taint.
    Changed,
    /// It differs in being tainted, and in nothing else.
    Tainted {
        since: Time,
    },
    /// It speaks against an authority, and did not before.
    Distrusted,
}

impl TrustStore {
    /// The domains that differ, in the order of their names.
    pub(crate) fn differences<'s>(&'s self, newer: &'s Self) -> Vec<DomainDifference<'s>> {
        let mut found = Vec::new();
        let (mut old, mut new) = (self.unshared(newer), newer.unshared(self));
        let (mut left, mut right) = (old.next(), new.next());
        loop {
            let order = match (left, right) {
                (Some(left), Some(right)) => left.name().cmp(right.name()),
                (Some(_), None) => core::cmp::Ordering::Less,
                (None, Some(_)) => core::cmp::Ordering::Greater,
                (None, None) => return found,
            };
            let difference = DomainDifference {
                older: left.filter(|_| order.is_le()),
                newer: right.filter(|_| order.is_ge()),
            };
            let same = match (difference.older, difference.newer) {
                (Some(older), Some(newer)) => {
                    Arc::ptr_eq(older, newer)
                        || (older.scopes() == newer.scopes()
                            && older.bundle().digest() == newer.bundle().digest())
                }
                _ => false,
            };
            if !same {
                found.push(difference);
            }
            if order.is_le() {
                left = old.next();
            }
            if order.is_ge() {
                right = new.next();
            }
        }
    }
}

impl TrustBundle {
    /// The anchors that differ.
    pub(crate) fn differences<'b>(
        &'b self,
        newer: &'b Self,
    ) -> Vec<(&'b TrustAnchor, AnchorDifference)> {
        if self.digest() == newer.digest() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for old in self.anchors() {
            let standing = |new: &&TrustAnchor| new.state != AnchorState::Distrusted;
            let mut same_key = newer.anchors_like(old).filter(standing).peekable();
            if old.state == AnchorState::Distrusted {
                continue;
            }
            if same_key.peek().is_none() {
                found.push((old, AnchorDifference::Removed));
                continue;
            }
            let mut tainted = None;
            let same = same_key.any(|new| {
                if let AnchorState::Tainted { since } = new.state
                    && old.judges_like(&new.clone().with_state(old.state))
                {
                    tainted = Some((new, since));
                }
                old.judges_like(new)
            });
            match tainted {
                _ if same => {}
                Some((new, since)) => found.push((new, AnchorDifference::Tainted { since })),
                None => found.push((old, AnchorDifference::Changed)),
            }
        }
        for new in newer.anchors() {
            let mut same_key = self.anchors_like(new).peekable();
            if new.state == AnchorState::Distrusted {
                if !same_key.any(|old| old.judges_like(new)) {
                    found.push((new, AnchorDifference::Distrusted));
                }
            } else if same_key.peek().is_none() {
                found.push((new, AnchorDifference::Added));
            }
        }
        found
    }

    /// Whether a path that was valid under `anchor` still has it here, on the same terms, and the bundle
    /// speaks against no authority on it.
    pub(crate) fn keeps(&self, anchor: &TrustAnchor, path: &[OwnedCertificate]) -> bool {
        self.anchors_like(anchor).any(|held| held.judges_like(anchor))
            && !self.distrusts_authority(&anchor.subject(), anchor.spki_der())
            && !path.iter().any(|certificate| self.distrusts(&certificate.as_certificate()))
    }

    /// The anchors made of the same certificate, or of the same name and key.
    fn anchors_like<'b>(&'b self, anchor: &TrustAnchor) -> impl Iterator<Item = &'b TrustAnchor> {
        let fingerprint = *anchor.fingerprint();
        self.named(&anchor.subject())
            .filter_map(|index| self.anchor(index))
            .map(Arc::as_ref)
            .filter(move |held| *held.fingerprint() == fingerprint)
    }
}
