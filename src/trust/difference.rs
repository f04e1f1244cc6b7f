//! What differs between two states of trust, from the older one to the newer one.
//!
//! Stores share what did not change, so that the difference of two stores of ten thousand domains
//! costs what changed between them, as long as one was made from the other.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::anchor::{AnchorState, TrustAnchor};
use super::bundle::TrustBundle;
use super::store::{Domain, TrustStore};
use crate::x509::{Certificate, Time};

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
    pub(crate) fn keeps<'a>(
        &self,
        anchor: &TrustAnchor,
        mut path: impl Iterator<Item = Certificate<'a>>,
    ) -> bool {
        self.anchors_like(anchor).any(|held| held.judges_like(anchor))
            && !self.distrusts_authority(&anchor.subject(), anchor.spki_der())
            && !path.any(|certificate| self.distrusts(&certificate))
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

#[cfg(test)]
mod tests {
    use alloc::collections::{BTreeMap, BTreeSet};
    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec;

    use super::*;

    fn anchor(path_len: u32) -> TrustAnchor {
        let name = b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01A";
        let algorithm = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
        let anchor =
            TrustAnchor::from_name_and_key(name, &[&algorithm[..], &[7; 32]].concat()).unwrap();
        anchor.with_path_len(path_len)
    }

    fn domain(name: &str, path_len: u32) -> Domain {
        Domain::spiffe(name.parse().unwrap(), TrustBundle::new([anchor(path_len)]))
    }

    /// Stores made from one another by random changes, against maps.
    #[test]
    fn stores_differ_where_their_domains_do() {
        let mut state = 1_u64;
        let mut random = |end: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % end
        };
        let mut model: BTreeMap<String, u32> =
            (0..600).map(|number| (format!("d{number}.test"), 0)).collect();
        let domains = model.iter().map(|(name, path_len)| domain(name, *path_len));
        let mut store = TrustStore::new(domains).unwrap();
        for round in 0..60 {
            let (old_model, old_store) = (model.clone(), store.clone());
            for _ in 0..random(12) {
                let name = format!("d{}.test", random(700));
                let path_len = u32::try_from(random(3)).unwrap();
                store = match (model.contains_key(&name), random(3) == 0) {
                    (true, true) => store.without_domain(&name).unwrap(),
                    (false, true) => continue,
                    (true, false) => {
                        store.with_bundle(&name, TrustBundle::new([anchor(path_len)])).unwrap()
                    }
                    (false, false) => store.with_domain(domain(&name, path_len)).unwrap(),
                };
                match store.domain(&name) {
                    Some(_) => model.insert(name, path_len),
                    None => model.remove(&name),
                };
            }
            let names: BTreeSet<&String> = old_model.keys().chain(model.keys()).collect();
            let expected: Vec<_> = names
                .into_iter()
                .filter(|name| old_model.get(*name) != model.get(*name))
                .map(|name| (old_model.contains_key(name), model.contains_key(name), name.clone()))
                .collect();
            let found: Vec<_> = old_store
                .differences(&store)
                .iter()
                .map(|DomainDifference { older, newer }| {
                    let name = older.or(*newer).map(|domain| domain.name().to_string());
                    (older.is_some(), newer.is_some(), name.unwrap())
                })
                .collect();
            assert_eq!(found, expected, "round {round}");
        }
    }

    #[test]
    fn bundles_differ_anchor_by_anchor() {
        let since = Time::from_unix(5);
        let tainted = || anchor(1).with_state(AnchorState::Tainted { since });
        let distrusted = || anchor(1).with_state(AnchorState::Distrusted);
        for (case, older, newer, expected) in [
            ("the same", vec![anchor(1)], vec![anchor(1)], vec![]),
            ("added", vec![], vec![anchor(1)], vec![AnchorDifference::Added]),
            ("removed", vec![anchor(1)], vec![], vec![AnchorDifference::Removed]),
            ("other terms", vec![anchor(1)], vec![anchor(2)], vec![AnchorDifference::Changed]),
            (
                "one of two terms",
                vec![anchor(1), anchor(2)],
                vec![anchor(2)],
                vec![AnchorDifference::Changed],
            ),
            (
                "tainted",
                vec![anchor(1)],
                vec![tainted()],
                vec![AnchorDifference::Tainted { since }],
            ),
            (
                "no longer tainted",
                vec![tainted()],
                vec![anchor(1)],
                vec![AnchorDifference::Changed],
            ),
            (
                "distrusted beside",
                vec![anchor(1)],
                vec![anchor(1), distrusted()],
                vec![AnchorDifference::Distrusted],
            ),
            (
                "distrusted instead",
                vec![anchor(1)],
                vec![distrusted()],
                vec![AnchorDifference::Removed, AnchorDifference::Distrusted],
            ),
            ("trusted again", vec![distrusted()], vec![anchor(1)], vec![]),
        ] {
            let [older, newer] = [older, newer].map(TrustBundle::new);
            let found: Vec<_> = older.differences(&newer).iter().map(|(_, found)| *found).collect();
            assert_eq!(found, expected, "{case}");
        }
    }
}
