//! The certificates of one search: parsed, without duplicates, in an order of their own, with
//! their names as small numbers.
//!
//! Candidates are kept in the order of their bytes, so that nothing that follows can depend on the
//! order in which a peer presented them. Two names have the same number exactly if they match by
//! RFC 5280 section 7.1, so that an edge of the graph is an equality of numbers.

use alloc::vec::Vec;
use core::ops::Range;

use smallvec::SmallVec;

use super::cost::{Cost, KeyMatch};
use super::graph::Vertex;
use crate::policy::{LimitExceeded, Limits};
use crate::trust::TrustBundle;
use crate::x509::{Certificate, CertificateError, Name};

/// A distinct name among the candidates.
#[derive(Debug)]
struct NameClass<'a> {
    name: Name<'a>,
    /// Computed when there are many classes.
    hash: Option<u64>,
    /// Positions in the bundle of anchors that may bear this name, once looked up.
    anchors: Option<Range<usize>>,
}

/// Names by number.
#[derive(Debug, Default)]
pub(super) struct NameTable<'a> {
    classes: SmallVec<[NameClass<'a>; 4]>,
}

/// Up to this many names are compared one by one; more are found by a hash first.
const FEW_NAMES: usize = 8;

impl<'a> NameTable<'a> {
    /// The number of a name; equal for names that match.
    fn intern(&mut self, name: Name<'a>) -> usize {
        let same_bytes = |class: &NameClass<'_>| class.name.as_der() == name.as_der();
        if let Some(found) = self.classes.iter().position(same_bytes) {
            return found;
        }
        let mut hash = None;
        let matching = if self.classes.len() < FEW_NAMES {
            self.classes.iter().position(|class| class.name.matches(&name))
        } else {
            let wanted = name.canonical_hash();
            hash = Some(wanted);
            self.classes.iter_mut().position(|class| {
                let found = *class.hash.get_or_insert_with(|| class.name.canonical_hash());
                found == wanted && class.name.matches(&name)
            })
        };
        matching.unwrap_or_else(|| {
            self.classes.push(NameClass { name, hash, anchors: None });
            self.classes.len() - 1
        })
    }

    pub(super) fn name(&self, class: usize) -> Option<Name<'a>> {
        self.classes.get(class).map(|class| class.name)
    }

    /// Positions in `bundle` of the anchors that may bear the name of `class`.
    pub(super) fn anchors(&mut self, class: usize, bundle: &TrustBundle) -> Range<usize> {
        match self.classes.get_mut(class) {
            Some(class) => class.anchors.get_or_insert_with(|| bundle.named(&class.name)).clone(),
            None => 0..0,
        }
    }
}

/// Positions in the bundle of the anchors that may bear the issuer's name of one certificate, those
/// without a key identifier first, and the ones with the identifier that the certificate gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnchorGroup {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where those without a key identifier end.
    pub(super) without_end: usize,
    pub(super) matching_start: usize,
    pub(super) matching_end: usize,
}

impl AnchorGroup {
    /// `wanted` is the key identifier that the certificate gives for its issuer's key. Where it
    /// gives none, all are alike, as if none had one.
    pub(super) fn new(group: &Range<usize>, wanted: Option<&[u8]>, bundle: &TrustBundle) -> Self {
        let (start, end) = (group.start, group.end);
        if wanted.is_none() || start == end {
            return Self { start, end, without_end: end, matching_start: end, matching_end: end };
        }
        if let (1, Some(only)) = (end - start, bundle.anchor(start)) {
            let without_end = if only.key_id().is_none() { end } else { start };
            let matching_start = if only.key_id() == wanted { start } else { end };
            return Self { start, end, without_end, matching_start, matching_end: end };
        }
        let without = bundle.with_key_id(group.clone(), None);
        let matching = bundle.with_key_id(group.clone(), wanted);
        Self {
            start,
            end,
            without_end: without.end,
            matching_start: matching.start,
            matching_end: matching.end,
        }
    }

    /// The anchor at `offset` of those whose key identifier relates so to the wanted one.
    pub(super) fn at(&self, key_match: KeyMatch, offset: usize) -> Option<usize> {
        let (index, end) = match key_match {
            KeyMatch::Match => (self.matching_start + offset, self.matching_end),
            KeyMatch::Unknown => (self.start + offset, self.without_end),
            KeyMatch::Mismatch => {
                let index = self.without_end + offset;
                let matching = self.matching_end - self.matching_start;
                (if index < self.matching_start { index } else { index + matching }, self.end)
            }
        };
        (index < end).then_some(index)
    }
}

/// A certificate of the pool, and what the search knows of it.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) certificate: Certificate<'a>,
    /// Number of the subject; of the target it is not needed and not known.
    pub(super) subject: Option<usize>,
    /// Number of the issuer.
    pub(super) issuer: usize,
    /// The key identifier of its own key.
    pub(super) key_id: Option<&'a [u8]>,
    /// The key identifier that it gives for its issuer's key.
    pub(super) issuer_key_id: Option<&'a [u8]>,
    /// Numbers of the two; equal for identifiers that are.
    pub(super) key: Option<u32>,
    pub(super) issuer_key: Option<u32>,
    /// Rules that it breaks as an issuer.
    pub(super) flaws: u32,
    /// It cannot be used whatever is admitted.
    pub(super) unusable: bool,
    /// The least number of intermediates, self-issued ones not counted, between the target and
    /// here; nothing where no way from the target leads here.
    pub(super) below: Option<u32>,
    /// The certificate next to here on the way from the target that has so few.
    pub(super) below_from: Option<usize>,
    /// Rules that every path through here breaks, however it goes: path length.
    pub(super) forced_flaws: u32,
    /// What the best way from here to an anchor costs; nothing where there is no way.
    pub(super) cost: Option<Cost>,
    /// Where that way goes next; which anchor is no matter.
    pub(super) next: Option<Vertex>,
    /// The anchors that may have issued it, once looked up.
    pub(super) anchors: Option<AnchorGroup>,
    /// Its possible issuers among the candidates, best first, once they are arranged.
    pub(super) issuers: Option<Range<usize>>,
}

impl<'a> Node<'a> {
    fn new(certificate: Certificate<'a>) -> Self {
        Self {
            certificate,
            subject: None,
            issuer: 0,
            key_id: None,
            issuer_key_id: certificate.issuer_key_id(),
            key: None,
            issuer_key: None,
            flaws: 0,
            unusable: false,
            below: None,
            below_from: None,
            forced_flaws: 0,
            cost: None,
            next: None,
            anchors: None,
            issuers: None,
        }
    }
}

impl Node<'_> {
    /// RFC 5280 6.1: "A certificate is self-issued if the same DN appears in the subject and
    /// issuer fields."
    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == Some(self.issuer)
    }
}

/// The candidates of one search; the target is node 0.
#[derive(Debug)]
pub(crate) struct Pool<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) names: NameTable<'a>,
    malformed: Vec<(&'a [u8], CertificateError)>,
}

/// How many malformed certificates are kept for the report.
const MALFORMED_KEPT: usize = 8;

impl<'a> Pool<'a> {
    /// Takes the target and its candidates.
    ///
    /// # Errors
    /// [`Limit::PoolCertificates`] and [`Limit::PoolBytes`].
    pub(crate) fn new(
        target: Certificate<'a>,
        candidates: impl ExactSizeIterator<Item = &'a [u8]>,
        limits: &Limits,
    ) -> Result<Self, LimitExceeded> {
        let count = candidates.len();
        limits.check_certificates(count)?;
        let mut pool = Self {
            nodes: Vec::with_capacity(count + 1),
            names: NameTable::default(),
            malformed: Vec::new(),
        };
        let issuer = pool.names.intern(target.issuer());
        pool.nodes.push(Node { issuer, ..Node::new(target) });
        let mut bytes = target.as_der().len();
        for der in candidates {
            bytes = bytes.saturating_add(der.len());
            limits.check_bytes(bytes)?;
            match Certificate::from_der(der) {
                Ok(certificate) => {
                    pool.nodes.push(Node::new(certificate));
                }
                Err(error) => pool.malformed.push((der, error)),
            }
        }
        pool.arrange();
        Ok(pool)
    }

    /// Sorts, drops duplicates and numbers the names.
    fn arrange(&mut self) {
        if self.nodes.len() > 2
            && let Some((_, candidates)) = self.nodes.split_first_mut()
        {
            candidates.sort_unstable_by(|a, b| a.certificate.as_der().cmp(b.certificate.as_der()));
        }
        let mut before: Option<&[u8]> = None;
        let mut target: Option<&[u8]> = None;
        self.nodes.retain(|node| {
            let der = Some(node.certificate.as_der());
            let duplicate = der == target || der == before;
            target = target.or(der);
            before = der;
            !duplicate
        });
        for node in self.nodes.iter_mut().skip(1) {
            node.subject = Some(self.names.intern(node.certificate.subject()));
            node.issuer = self.names.intern(node.certificate.issuer());
            node.key_id = node.certificate.key_id();
        }
        let mut key_ids: Vec<&[u8]> = self
            .nodes
            .iter()
            .flat_map(|node| [node.key_id, node.issuer_key_id])
            .flatten()
            .collect();
        key_ids.sort_unstable();
        key_ids.dedup();
        let number = |id: Option<&[u8]>| u32::try_from(key_ids.binary_search(&id?).ok()?).ok();
        for node in &mut self.nodes {
            node.key = number(node.key_id);
            node.issuer_key = number(node.issuer_key_id);
        }
        self.malformed.sort_unstable_by_key(|&(der, _)| der);
        self.malformed.dedup_by(|(a, _), (b, _)| a == b);
        self.malformed.truncate(MALFORMED_KEPT);
    }

    /// The anchors that may have issued a candidate.
    pub(super) fn anchors(&mut self, node: usize, bundle: &TrustBundle) -> Option<AnchorGroup> {
        let node = self.nodes.get_mut(node)?;
        if node.anchors.is_none() {
            let group = self.names.anchors(node.issuer, bundle);
            node.anchors = Some(AnchorGroup::new(&group, node.issuer_key_id, bundle));
        }
        node.anchors
    }

    pub(crate) fn node(&self, index: usize) -> Option<&Node<'a>> {
        self.nodes.get(index)
    }

    /// Candidates that could not be read, in the order of their bytes; at most eight.
    pub(crate) fn malformed(&self) -> &[(&'a [u8], CertificateError)] {
        &self.malformed
    }
}
