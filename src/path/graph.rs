//! The graph: candidates and anchors as vertices, edges where names match, and what the best way
//! from each candidate to an anchor costs.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::ops::Range;

use smallvec::SmallVec;

use super::cost::{Cost, KeyMatch};
use super::pool::{Node, Pool};
use crate::constraints::Violation;
use crate::trust::{AnchorState, TrustAnchor, TrustBundle};

/// A vertex: an anchor by its place in the bundle, or a candidate by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Vertex {
    Anchor(usize),
    Candidate(usize),
}

/// A signature that does not hold.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) why: Violation,
    /// The certificates from the target to the one with the signature.
    pub(super) way: Vec<usize>,
}

/// An edge whose signature was checked.
#[derive(Debug)]
struct Edge {
    subject: usize,
    issuer: Vertex,
    failure: Option<Box<Failure>>,
}

#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) pool: Pool<'a>,
    bundle: &'a TrustBundle,
    /// Ordered by subject and issuer.
    edges: SmallVec<[Edge; 4]>,
    /// Possible issuers of the candidates, best first; each node knows its part.
    order: SmallVec<[u32; 8]>,
    /// Whether certificates and anchors that break rules take part.
    pub(super) admit_flawed: bool,
}

impl<'a> Graph<'a> {
    pub(super) fn new(pool: Pool<'a>, bundle: &'a TrustBundle) -> Self {
        Self { pool, bundle, edges: SmallVec::new(), order: SmallVec::new(), admit_flawed: false }
    }

    pub(super) fn node(&self, index: usize) -> Option<&Node<'a>> {
        self.pool.node(index)
    }

    pub(super) fn anchor(&self, index: usize) -> Option<&'a Arc<TrustAnchor>> {
        self.bundle.anchor(index)
    }

    pub(super) const fn bundle(&self) -> &'a TrustBundle {
        self.bundle
    }

    /// Whether a candidate may stand on a path.
    pub(super) fn is_usable(&self, node: usize) -> bool {
        self.node(node).is_some_and(|node| !node.unusable && (self.admit_flawed || node.flaws == 0))
    }

    /// The check of an edge: nothing where it was not checked, else whether it holds.
    pub(super) fn checked(&self, issuer: Vertex, subject: usize) -> Option<bool> {
        let place = self.place(issuer, subject).ok()?;
        self.edges.get(place).map(|edge| edge.failure.is_none())
    }

    fn place(&self, issuer: Vertex, subject: usize) -> Result<usize, usize> {
        self.edges.binary_search_by_key(&(subject, issuer), |edge| (edge.subject, edge.issuer))
    }

    pub(super) fn record(&mut self, issuer: Vertex, subject: usize, failure: Option<Failure>) {
        if let Err(place) = self.place(issuer, subject) {
            self.edges.insert(place, Edge { subject, issuer, failure: failure.map(Box::new) });
        }
    }

    /// Edges that failed, shortest way first.
    pub(super) fn failures(&self) -> Vec<&Failure> {
        let mut failures: Vec<&Failure> =
            self.edges.iter().filter_map(|edge| edge.failure.as_deref()).collect();
        failures.sort_by_key(|failure| (failure.way.len(), &failure.way));
        failures
    }

    fn is_broken(&self, issuer: Vertex, subject: usize) -> bool {
        self.checked(issuer, subject) == Some(false)
    }

    /// What the best way from each candidate to an anchor costs, along edges that are not known to
    /// fail: Dijkstra's algorithm from the anchors, without a heap, since the graph is dense where
    /// it is large.
    pub(super) fn measure(&mut self, max_intermediates: Option<u32>) {
        self.order.clear();
        let count = self.pool.nodes.len();
        self.measure_below(max_intermediates);
        for index in 1..count {
            let usable =
                self.is_usable(index) && self.node(index).is_some_and(|node| node.below.is_some());
            let cost = if usable { self.cost_to_anchor(index) } else { None };
            if let Some(node) = self.pool.nodes.get_mut(index) {
                node.cost = cost;
                node.issuers = None;
            }
        }
        if let Some(target) = self.pool.nodes.first_mut() {
            target.issuers = None;
        }
        let mut settled: Option<(Cost, usize)> = None;
        while let Some((cost, issuer)) = self.next_to_settle(settled) {
            settled = Some((cost, issuer));
            for index in 1..count {
                let reached = self.node(index).is_some_and(|node| node.below.is_some());
                let offer =
                    self.step_cost(index, issuer).filter(|_| reached).map(|step| step + cost);
                if let (Some(offer), Some(node)) = (offer, self.pool.nodes.get_mut(index))
                    && node.cost.is_none_or(|held| offer < held)
                {
                    node.cost = Some(offer);
                }
            }
        }
    }

    /// How many intermediates stand at least between the target and each candidate. Path length
    /// never allows a way to a candidate that has more below it than it or the policy allows, so
    /// none leads there; where flaws are admitted, that is one.
    fn measure_below(&mut self, max_intermediates: Option<u32>) {
        for node in &mut self.pool.nodes {
            node.below = None;
            node.forced_flaws = 0;
        }
        let mut changed = self.reach_from(0, 0, max_intermediates);
        while changed {
            changed = false;
            for index in 1..self.pool.nodes.len() {
                let Some(node) = self.node(index) else { continue };
                if let Some(below) = node.below {
                    let above = below + u32::from(!node.is_self_issued());
                    changed |= self.reach_from(index, above, max_intermediates);
                }
            }
        }
    }

    /// Offers `below` to the possible issuers of a candidate; says whether any took it.
    fn reach_from(&mut self, subject: usize, below: u32, max_intermediates: Option<u32>) -> bool {
        let mut taken = false;
        let admit_flawed = self.admit_flawed;
        for index in 1..self.pool.nodes.len() {
            // The cheap question first: most offers in a dense graph are no better.
            let better =
                self.node(index).is_some_and(|node| node.below.is_none_or(|held| below < held));
            if !better || !self.is_usable(index) || self.step_cost(subject, index).is_none() {
                continue;
            }
            if let Some(node) = self.pool.nodes.get_mut(index) {
                let path_len = node.certificate.basic_constraints().and_then(|b| b.path_len);
                let counted = below + u32::from(!node.is_self_issued());
                let allowed = path_len.is_none_or(|allowed| below <= allowed)
                    && max_intermediates.is_none_or(|max| counted <= max);
                if allowed || admit_flawed {
                    node.below = Some(below);
                    node.forced_flaws = u32::from(!allowed);
                    taken = true;
                }
            }
        }
        taken
    }

    /// The cheapest candidate behind the one settled last; every step costs something, so that
    /// none before it changes any more.
    fn next_to_settle(&self, settled: Option<(Cost, usize)>) -> Option<(Cost, usize)> {
        self.pool
            .nodes
            .iter()
            .enumerate()
            .skip(1)
            .filter_map(|(index, node)| Some((node.cost?, index)))
            .filter(|&found| settled.is_none_or(|settled| found > settled))
            .min()
    }

    /// What the step from a candidate to an issuer among the candidates costs; nothing where there
    /// is no edge, or one that failed. The issuer's own way on is not part of it.
    fn step_cost(&self, subject: usize, issuer: usize) -> Option<Cost> {
        let (below, above) = (self.node(subject)?, self.node(issuer)?);
        let joins = subject != issuer
            && above.subject == Some(below.issuer)
            && self.is_usable(subject)
            && !self.is_broken(Vertex::Candidate(issuer), subject);
        joins.then(|| {
            Cost::step(KeyMatch::of(below.issuer_key_id, above.key_id))
                + Cost::flaws(above.flaws + above.forced_flaws)
        })
    }

    fn cost_to_anchor(&mut self, node: usize) -> Option<Cost> {
        let mut cursor = AnchorCursor::default();
        self.next_anchor(node, &mut cursor).map(|(_, key_match)| Cost::step(key_match))
    }

    /// The anchor at the cursor that may have issued a candidate; moves over those that cannot.
    pub(super) fn next_anchor(
        &mut self,
        node: usize,
        cursor: &mut AnchorCursor,
    ) -> Option<(usize, KeyMatch)> {
        let group = self.pool.anchors(node, self.bundle)?;
        if group.start == group.end {
            return None;
        }
        while let Some(&key_match) = KeyMatch::ALL.get(cursor.class) {
            match group.at(key_match, cursor.offset) {
                Some(index) if self.may_have_issued(index, node) => {
                    return Some((index, key_match));
                }
                Some(_) => cursor.offset += 1,
                None => *cursor = AnchorCursor { class: cursor.class + 1, offset: 0 },
            }
        }
        None
    }

    fn may_have_issued(&self, anchor: usize, node: usize) -> bool {
        let Some(found) = self.anchor(anchor) else { return false };
        let Some(issuer) = self.node(node).and_then(|node| self.pool.names.name(node.issuer))
        else {
            return false;
        };
        (self.admit_flawed || found.state != AnchorState::Distrusted)
            && self.bundle.bears(found, &issuer)
            && !self.is_broken(Vertex::Anchor(anchor), node)
    }

    /// The possible issuer of a candidate among the candidates at `offset`, best first, with what
    /// the way through it costs.
    pub(super) fn issuer_at(&mut self, node: usize, offset: usize) -> Option<(usize, Cost)> {
        let range = match self.pool.nodes.get(node)?.issuers.clone() {
            Some(range) => range,
            None => self.arrange_issuers(node)?,
        };
        let place = range.start + offset;
        if place >= range.end {
            return None;
        }
        let issuer = usize::try_from(*self.order.get(place)?).ok()?;
        Some((issuer, self.step_cost(node, issuer)? + self.node(issuer)?.cost?))
    }

    /// Orders the possible issuers of a candidate: by cost, then not self-issued, later notBefore,
    /// later notAfter, bytes.
    fn arrange_issuers(&mut self, node: usize) -> Option<Range<usize>> {
        let start = self.order.len();
        let mut ranked: SmallVec<[_; 4]> = SmallVec::new();
        for (index, issuer) in self.pool.nodes.iter().enumerate().skip(1) {
            if let (Some(step), Some(rest)) = (self.step_cost(node, index), issuer.cost) {
                ranked.push((
                    step + rest,
                    issuer.is_self_issued(),
                    Reverse(issuer.certificate.not_before()),
                    Reverse(issuer.certificate.not_after()),
                    index,
                ));
            }
        }
        ranked.sort_unstable();
        self.order.extend(ranked.iter().filter_map(|ranked| u32::try_from(ranked.4).ok()));
        let range = start..self.order.len();
        self.pool.nodes.get_mut(node)?.issuers = Some(range.clone());
        Some(range)
    }

    /// Where the walk that a person would take ends: always to the first possible issuer.
    pub(super) fn dead_end(&self) -> Vec<usize> {
        const LONGEST: usize = 16;
        let mut walk = alloc::vec![0];
        while let Some(&last) = walk.last() {
            let Some(issuer) = self.node(last).map(|node| node.issuer) else { break };
            let next = (1..self.pool.nodes.len()).find(|&index| {
                !walk.contains(&index)
                    && self.node(index).is_some_and(|node| node.subject == Some(issuer))
            });
            match next {
                Some(next) if walk.len() < LONGEST => walk.push(next),
                _ => break,
            }
        }
        walk
    }
}

/// Where a walk over the anchors that may have issued one certificate stands: those with its key
/// identifier, those without one, those with another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AnchorCursor {
    class: usize,
    offset: usize,
}

impl AnchorCursor {
    pub(super) const fn advance(&mut self) {
        self.offset += 1;
    }
}
