//! A trust bundle: the anchors of one trust domain, indexed by name and key identifier.
//!
//! A path search asks for the anchors of one name, those first whose key identifier the child
//! names. Both are found by binary search, so that a thousand anchors of one name cost what one
//! costs; names are found by a hash of their canonical form (RFC 5280 section 7.1) and compared
//! in full.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use sha2::{Digest, Sha256};

use super::anchor::{AnchorState, EndEntityUse, TrustAnchor};
use crate::signature::SignatureBackend;
use crate::x509::{Certificate, Name};

/// The anchors of one trust domain, at one point of its history.
#[derive(Clone)]
pub struct TrustBundle {
    anchors: Arc<[Arc<TrustAnchor>]>,
    /// Canonical hash of each anchor's name, in the order of `anchors`.
    hashes: Arc<[u64]>,
    /// Whether anchors of one hash bear one name, as they do unless somebody made them collide.
    hashes_tell: bool,
    has_pinned: bool,
    has_distrusted: bool,
    sequence: Option<u64>,
    refresh_hint_seconds: Option<u64>,
    digest: [u8; 32],
}

impl TrustBundle {
    /// Takes anchors in any order; duplicates are kept once.
    #[must_use]
    pub fn new(anchors: impl IntoIterator<Item = TrustAnchor>) -> Self {
        let mut sorted: Vec<(u64, String, Arc<TrustAnchor>)> = anchors
            .into_iter()
            .map(|anchor| {
                let mut line = String::new();
                // Writing to a string does not fail.
                anchor.write_canonical(&mut line).unwrap_or_default();
                (anchor.subject().canonical_hash(), line, Arc::new(anchor))
            })
            .collect();
        // One name and key may stand there twice under different constraints: the line orders them.
        sorted.sort_by(|(a_hash, a_line, a), (b_hash, b_line, b)| {
            let a = (a_hash, a.key_id(), a.fingerprint(), a_line);
            a.cmp(&(b_hash, b.key_id(), b.fingerprint(), b_line))
        });
        sorted.dedup_by(|(_, a, _), (_, b, _)| a == b);
        let mut lines: Vec<&str> = sorted.iter().map(|(_, line, _)| line.as_str()).collect();
        lines.sort_unstable();
        let mut hash = Sha256::new();
        hash.update(b"bonafide-bundle 1\n");
        for line in lines {
            hash.update(line.as_bytes());
        }
        let anchors = || sorted.iter().map(|(_, _, anchor)| anchor);
        let mut neighbours = sorted.iter().zip(sorted.iter().skip(1));
        Self {
            hashes_tell: neighbours.all(|((a_hash, _, a), (b_hash, _, b))| {
                a_hash != b_hash || a.subject().matches(&b.subject())
            }),
            has_pinned: anchors().any(|anchor| anchor.end_entity_use != EndEntityUse::Refused),
            has_distrusted: anchors().any(|anchor| anchor.state == AnchorState::Distrusted),
            hashes: sorted.iter().map(|&(hash, _, _)| hash).collect(),
            anchors: anchors().cloned().collect(),
            sequence: None,
            refresh_hint_seconds: None,
            digest: hash.finalize().into(),
        }
    }

    /// Sets the sequence number that the publisher gave this state. Default: none.
    #[must_use]
    pub fn with_sequence(self, sequence: u64) -> Self {
        Self { sequence: Some(sequence), ..self }
    }

    /// Sets after how many seconds the publisher suggests to look again. Default: none.
    #[must_use]
    pub fn with_refresh_hint_seconds(self, seconds: u64) -> Self {
        Self { refresh_hint_seconds: Some(seconds), ..self }
    }

    /// Other anchors under the same sequence number and refresh hint.
    pub(super) fn with_anchors(&self, anchors: impl Iterator<Item = TrustAnchor>) -> Self {
        let (sequence, refresh_hint_seconds) = (self.sequence, self.refresh_hint_seconds);
        Self { sequence, refresh_hint_seconds, ..Self::new(anchors) }
    }

    /// Lets `backend` parse the keys of all anchors once, as [`TrustAnchor::prepared_by`] does.
    #[must_use]
    pub fn prepared_by(self, backend: &dyn SignatureBackend) -> Self {
        let prepare = |anchor: &TrustAnchor| Arc::new(anchor.clone().prepared_by(backend));
        Self { anchors: self.anchors().map(prepare).collect(), ..self }
    }

    /// The anchors, ordered by canonical hash of the name, key identifier and fingerprint.
    pub fn anchors(&self) -> impl ExactSizeIterator<Item = &TrustAnchor> {
        self.anchors.iter().map(Arc::as_ref)
    }

    /// How many anchors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there is no anchor, so that nothing can be accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Returns the sequence number.
    #[must_use]
    pub const fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// Returns the refresh hint in seconds.
    #[must_use]
    pub const fn refresh_hint_seconds(&self) -> Option<u64> {
        self.refresh_hint_seconds
    }

    /// Returns the SHA-256 of the anchors and their constraints, in canonical text; sequence and
    /// refresh hint are not part of it.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Whether any anchor may itself be presented.
    pub(crate) const fn has_pinned(&self) -> bool {
        self.has_pinned
    }

    /// Whether any anchor is distrusted.
    pub(crate) const fn has_distrusted(&self) -> bool {
        self.has_distrusted
    }

    /// Whether a certificate has name and key of an anchor that is distrusted.
    pub(crate) fn distrusts(&self, certificate: &Certificate<'_>) -> bool {
        self.has_distrusted
            && self.distrusts_authority(&certificate.subject(), certificate.public_key_der())
    }

    /// Whether there is a distrusted anchor with this name and this key.
    pub(crate) fn distrusts_authority(&self, name: &Name<'_>, spki: &[u8]) -> bool {
        self.has_distrusted
            && self.named(name).any(|index| {
                self.anchor(index).is_some_and(|anchor| {
                    anchor.state == AnchorState::Distrusted
                        && self.bears(anchor, name)
                        && anchor.spki_der() == spki
                })
            })
    }

    /// Names the anchors that are distrusted.
    #[cfg(feature = "std")]
    pub(crate) fn distrusted_digest(&self) -> [u8; 32] {
        if !self.has_distrusted {
            return [0; 32];
        }
        let distrusted = self.anchors().filter(|anchor| anchor.state == AnchorState::Distrusted);
        let mut fingerprints: Vec<_> = distrusted.map(|anchor| *anchor.fingerprint()).collect();
        fingerprints.sort_unstable();
        Sha256::digest(fingerprints.as_flattened()).into()
    }

    pub(super) fn shared_anchors(&self) -> &[Arc<TrustAnchor>] {
        &self.anchors
    }

    pub(crate) fn anchor(&self, index: usize) -> Option<&Arc<TrustAnchor>> {
        self.anchors.get(index)
    }

    /// The anchors that may bear `name`; [`TrustBundle::bears`] tells of each whether it does.
    pub(crate) fn named(&self, name: &Name<'_>) -> Range<usize> {
        // Where all bear one name, that is compared without hashing.
        let group = if self.hashes_tell && self.hashes.first() == self.hashes.last() {
            0..self.anchors.len()
        } else {
            let hash = name.canonical_hash();
            let start = self.hashes.partition_point(|&other| other < hash);
            let end = self.hashes.partition_point(|&other| other <= hash);
            start..end
        };
        let first = self.anchors.get(group.start);
        if self.hashes_tell && !first.is_some_and(|first| first.subject().matches(name)) {
            return group.start..group.start;
        }
        group
    }

    /// Whether an anchor that [`TrustBundle::named`] gave for `name` bears it.
    pub(crate) fn bears(&self, anchor: &TrustAnchor, name: &Name<'_>) -> bool {
        self.hashes_tell || anchor.subject().matches(name)
    }

    /// Whether there are anchors in `group`, which [`TrustBundle::named`] gave for a name, and all of
    /// them bear it.
    pub(crate) fn bears_all(&self, group: &Range<usize>) -> bool {
        self.hashes_tell && !group.is_empty()
    }

    /// Of `group`, which [`TrustBundle::named`] gave, the part with exactly this key identifier;
    /// [`None`] asks for the anchors without one, which come first.
    pub(crate) fn with_key_id(&self, group: Range<usize>, key_id: Option<&[u8]>) -> Range<usize> {
        let anchors = self.anchors.get(group.clone()).unwrap_or(&[]);
        let start = match key_id {
            Some(_) => anchors.partition_point(|anchor| anchor.key_id() < key_id),
            None => 0,
        };
        let others = anchors.get(start..).unwrap_or(&[]);
        let has = |anchor: &TrustAnchor| anchor.key_id() == key_id;
        let count = match others {
            [first, second, ..] if has(first) && has(second) => {
                others.partition_point(|anchor| anchor.key_id() <= key_id)
            }
            [first, ..] if has(first) => 1,
            _ => 0,
        };
        group.start + start..group.start + start + count
    }

    /// Writes the anchors in canonical text, sorted by line.
    pub(crate) fn write_canonical(&self, f: &mut dyn fmt::Write) -> fmt::Result {
        let mut lines = Vec::with_capacity(self.anchors.len());
        for anchor in self.anchors() {
            let mut line = String::new();
            anchor.write_canonical(&mut line)?;
            lines.push(line);
        }
        lines.sort_unstable();
        lines.iter().try_for_each(|line| f.write_str(line))
    }
}

impl fmt::Debug for TrustBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustBundle")
            .field("anchors", &self.anchors.len())
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor() -> TrustAnchor {
        let name = b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01A";
        let algorithm = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
        TrustAnchor::from_name_and_key(name, &[&algorithm[..], &[7; 32]].concat()).unwrap()
    }

    #[test]
    fn anchors_of_one_name_and_key_have_one_order() {
        let anchors = [
            anchor().with_state(AnchorState::Distrusted),
            anchor().with_path_len(0),
            anchor().with_path_len(3),
            anchor(),
        ];
        let look = |anchors: &[TrustAnchor]| {
            let bundle = TrustBundle::new(anchors.iter().chain(anchors).cloned());
            let order: Vec<_> = bundle.anchors().map(|a| (a.state, a.path_len)).collect();
            (*bundle.digest(), order)
        };
        let expected = look(&anchors);
        assert_eq!(expected.1.len(), 4, "duplicates are kept once");
        let mut turned = anchors;
        for _ in 0..3 {
            turned.rotate_left(1);
            assert_eq!(look(&turned), expected);
        }
        turned.reverse();
        assert_eq!(look(&turned), expected);
    }

    #[test]
    fn anchors_of_one_name_are_found_by_key_identifier() {
        let ids = [None, None, Some(b"a"), Some(b"c"), Some(b"c"), Some(b"c"), Some(b"e")];
        for count in 0..=ids.len() {
            let anchors = ids.iter().take(count).zip(0..).map(|(id, number)| {
                let anchor = anchor().with_path_len(number);
                id.map_or_else(|| anchor.clone(), |id| anchor.clone().with_key_id(id))
            });
            let bundle = TrustBundle::new(anchors);
            let group = bundle.named(&anchor().subject());
            assert_eq!(group, 0..count);
            for wanted in
                [None, Some(b"0"), Some(b"a"), Some(b"b"), Some(b"c"), Some(b"e"), Some(b"f")]
            {
                let wanted = wanted.map(|id: &[u8; 1]| id.as_slice());
                let found = bundle.with_key_id(group.clone(), wanted);
                let expected: Vec<usize> = group
                    .clone()
                    .filter(|&at| bundle.anchor(at).unwrap().key_id() == wanted)
                    .collect();
                assert_eq!(found.collect::<Vec<_>>(), expected, "{wanted:?} among {count}");
            }
        }
        let other = b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01B";
        assert!(TrustBundle::new([anchor()]).named(&Name::from_der(other).unwrap()).is_empty());
    }
}
