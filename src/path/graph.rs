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
use crate::x509::Name;

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

/// How long a walk for a report may be.
const LONGEST_WALK: usize = 16;

/// A signature that does not hold, as reports see it.
#[derive(Debug)]
pub(crate) struct FailedWay<'g> {
    /// The certificates from the target to the one with the signature.
    pub(crate) way: &'g [usize],
    pub(crate) why: &'g Violation,
    /// The certificates from the target to the one that names a key of its issuer that nobody at
    /// hand has, where the signature was only tried with another key of that name.
    pub(crate) missing: Option<Vec<usize>>,
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
    pub(super) fn failures(&self) -> impl Iterator<Item = FailedWay<'_>> {
        let failed = self.edges.iter().filter_map(|edge| Some((edge, edge.failure.as_deref()?)));
        let mut failures: Vec<(&Edge, &Failure)> = failed.collect();
        failures.sort_by_key(|(_, failure)| (failure.way.len(), &failure.way));
        failures.into_iter().map(|(edge, failure)| FailedWay {
            way: &failure.way,
            why: &failure.why,
            missing: self.way_by_keys(edge, failure),
        })
    }

    fn is_broken(&self, issuer: Vertex, subject: usize) -> bool {
        self.checked(issuer, subject) == Some(false)
    }

    /// What the best way from each candidate to an anchor costs, along edges that are not known to
    /// fail: Dijkstra's algorithm from the anchors, without a heap, since the graph is dense where
    /// it is large.
    pub(super) fn measure(&mut self, max_intermediates: Option<u32>) {
        self.forget_order();
        for node in &mut self.pool.nodes {
            node.below = None;
            node.below_from = None;
            node.forced_flaws = 0;
        }
        let all = alloc::vec![true; self.pool.nodes.len()];
        self.reach(&all, alloc::vec![0], max_intermediates);
        self.settle(&all);
    }

    /// The same after one more edge failed: measures again only what went along it.
    pub(super) fn measure_without(
        &mut self,
        issuer: Vertex,
        subject: usize,
        max_intermediates: Option<u32>,
    ) {
        self.forget_order();
        let mut stale = alloc::vec![false; self.pool.nodes.len()];
        let lost = match (issuer, self.node(subject).and_then(|node| node.next)) {
            (Vertex::Anchor(_), Some(Vertex::Anchor(_))) => true,
            (issuer, next) => next == Some(issuer),
        };
        if let Some(stale) = stale.get_mut(subject) {
            *stale = lost;
        }
        if let Vertex::Candidate(issuer) = issuer
            && self.node(issuer).is_some_and(|node| node.below_from == Some(subject))
        {
            self.reach_without(issuer, max_intermediates, &mut stale);
        }
        // Whatever goes through a candidate whose way is measured again.
        self.spread(&mut stale, |node| match node.next {
            Some(Vertex::Candidate(next)) => Some(next),
            _ => None,
        });
        if stale.contains(&true) {
            self.settle(&stale);
        }
    }

    fn forget_order(&mut self) {
        self.order.clear();
        self.pool.nodes.iter_mut().for_each(|node| node.issuers = None);
    }

    /// Marks every candidate that `leans` on a marked one.
    fn spread(&self, marked: &mut [bool], leans: impl Fn(&Node<'_>) -> Option<usize>) {
        let mut changed = true;
        while changed {
            changed = false;
            for (index, node) in self.pool.nodes.iter().enumerate().skip(1) {
                let on = leans(node).is_some_and(|on| is_marked(marked, on));
                if let Some(mark) = marked.get_mut(index)
                    && on
                    && !*mark
                {
                    *mark = true;
                    changed = true;
                }
            }
        }
    }

    /// Looks anew for ways from the target to `lost` and to all that were reached through it. Marks
    /// as `stale` the ways to an anchor that this changes.
    fn reach_without(&mut self, lost: usize, max_intermediates: Option<u32>, stale: &mut [bool]) {
        let mut cut = alloc::vec![false; self.pool.nodes.len()];
        if let Some(cut) = cut.get_mut(lost) {
            *cut = true;
        }
        self.spread(&mut cut, |node| node.below_from);
        let before: Vec<(bool, u32)> = self.pool.nodes.iter().map(standing).collect();
        for (node, _) in self.pool.nodes.iter_mut().zip(&cut).filter(|(_, cut)| **cut) {
            node.below = None;
            node.below_from = None;
            node.forced_flaws = 0;
        }
        let reached = |(index, node): (usize, &Node<'_>)| {
            (index == 0 || node.below.is_some()).then_some(index)
        };
        let offering = self.pool.nodes.iter().enumerate().filter_map(reached).collect();
        self.reach(&cut, offering, max_intermediates);
        for (index, (node, before)) in self.pool.nodes.iter().zip(before).enumerate() {
            let now = standing(node);
            if now == before {
                continue;
            }
            let over = |node: &Node<'_>| node.next == Some(Vertex::Candidate(index));
            for (at, (mark, node)) in stale.iter_mut().zip(&self.pool.nodes).enumerate() {
                *mark |= over(node) || (at == index && !now.0);
            }
        }
    }

    /// How many intermediates stand at least between the target and each candidate that is `open`,
    /// by what those in `offering` offer. Path length never allows a way to a candidate that has more
    /// below it than it or the policy allows, so none leads there; where flaws are admitted, that
    /// is one.
    fn reach(&mut self, open: &[bool], mut offering: Vec<usize>, max_intermediates: Option<u32>) {
        while !offering.is_empty() {
            let mut taken = Vec::new();
            for subject in offering {
                let Some(node) = self.node(subject) else { continue };
                let below = match node.below {
                    _ if subject == 0 => 0,
                    Some(below) => below + u32::from(!node.is_self_issued()),
                    None => continue,
                };
                for index in 1..self.pool.nodes.len() {
                    if is_marked(open, index)
                        && self.offer(subject, index, below, max_intermediates)
                        && !taken.contains(&index)
                    {
                        taken.push(index);
                    }
                }
            }
            offering = taken;
        }
    }

    /// Offers `below` to a possible issuer of `subject`; says whether it took it.
    fn offer(
        &mut self,
        subject: usize,
        index: usize,
        below: u32,
        max_intermediates: Option<u32>,
    ) -> bool {
        // The cheap question first: most offers in a dense graph are no better.
        let better =
            self.node(index).is_some_and(|node| node.below.is_none_or(|held| below < held));
        if !better || !self.is_usable(index) || self.step_cost(subject, index).is_none() {
            return false;
        }
        let admit_flawed = self.admit_flawed;
        let Some(node) = self.pool.nodes.get_mut(index) else { return false };
        let path_len = node.certificate.basic_constraints().and_then(|b| b.path_len);
        let counted = below + u32::from(!node.is_self_issued());
        let allowed = path_len.is_none_or(|allowed| below <= allowed)
            && max_intermediates.is_none_or(|max| counted <= max);
        if allowed || admit_flawed {
            node.below = Some(below);
            node.below_from = Some(subject);
            node.forced_flaws = u32::from(!allowed);
        }
        allowed || admit_flawed
    }

    /// Measures the ways of the candidates that are `stale`; what the others cost stands.
    fn settle(&mut self, stale: &[bool]) {
        let count = self.pool.nodes.len();
        for index in (1..count).filter(|&index| is_marked(stale, index)) {
            let reached = self.node(index).is_some_and(|node| node.below.is_some());
            let usable = reached && self.is_usable(index);
            let cost = if usable { self.cost_to_anchor(index) } else { None };
            if let Some(node) = self.pool.nodes.get_mut(index) {
                node.cost = cost;
                node.next = cost.map(|_| Vertex::Anchor(0));
            }
        }
        for index in (1..count).filter(|&index| is_marked(stale, index)) {
            for issuer in (1..count).filter(|&issuer| !is_marked(stale, issuer)) {
                if let Some(cost) = self.node(issuer).and_then(|node| node.cost) {
                    self.improve(index, issuer, cost);
                }
            }
        }
        let mut settled: Option<(Cost, usize)> = None;
        while let Some((cost, issuer)) = self.next_to_settle(stale, settled) {
            settled = Some((cost, issuer));
            for index in (1..count).filter(|&index| is_marked(stale, index)) {
                self.improve(index, issuer, cost);
            }
        }
    }

    /// Offers a candidate the way through `issuer`, whose own costs `cost`.
    fn improve(&mut self, index: usize, issuer: usize, cost: Cost) {
        let reached = self.node(index).is_some_and(|node| node.below.is_some());
        let offer = self.step_cost(index, issuer).filter(|_| reached).map(|step| step + cost);
        if let (Some(offer), Some(node)) = (offer, self.pool.nodes.get_mut(index))
            && node.cost.is_none_or(|held| offer < held)
        {
            node.cost = Some(offer);
            node.next = Some(Vertex::Candidate(issuer));
        }
    }

    /// The cheapest stale candidate behind the one settled last; every step costs something, so that
    /// none before it changes any more.
    fn next_to_settle(
        &self,
        stale: &[bool],
        settled: Option<(Cost, usize)>,
    ) -> Option<(Cost, usize)> {
        self.pool
            .nodes
            .iter()
            .enumerate()
            .zip(stale)
            .skip(1)
            .filter(|(_, stale)| **stale)
            .filter_map(|((index, node), _)| Some((node.cost?, index)))
            .filter(|&found| settled.is_none_or(|settled| found > settled))
            .min()
    }

    /// What is known of the ways, for comparison.
    pub(super) fn measures(&self) -> impl Iterator<Item = (Option<Cost>, Option<u32>, u32)> {
        self.pool.nodes.iter().map(|node| (node.cost, node.below, node.forced_flaws))
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
            Cost::step(KeyMatch::of(below.issuer_key, above.key))
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

    /// Where a signature failed with the key of a mere namesake of the issuer that the certificate
    /// names by its key: the way on by named keys, if it ends at a key that nobody at hand has.
    fn way_by_keys(&self, edge: &Edge, failure: &Failure) -> Option<Vec<usize>> {
        let tried = match edge.issuer {
            Vertex::Anchor(index) => self.anchor(index)?.key_id(),
            Vertex::Candidate(index) => self.node(index)?.key_id,
        };
        let named = |node: &Node<'a>| node.certificate.key_id_of_signer();
        if KeyMatch::of(self.node(edge.subject).and_then(named), tried) != KeyMatch::Mismatch {
            return None;
        }
        let mut way = failure.way.clone();
        loop {
            let last = self.node(*way.last()?)?;
            let wanted = named(last)?;
            let of_issuer = |&(_, node): &(usize, &Node<'a>)| node.subject == Some(last.issuer);
            let mut issuers = self.pool.nodes.iter().enumerate().filter(of_issuer);
            match issuers
                .clone()
                .find(|(index, node)| node.key_id == Some(wanted) && !way.contains(index))
            {
                Some((next, _)) if way.len() < LONGEST_WALK => way.push(next),
                _ => {
                    let others = issuers.any(|(index, node)| {
                        !way.contains(&index) && node.key_id.is_none_or(|key_id| key_id == wanted)
                    });
                    let issuer = last.certificate.issuer();
                    return (!others && !self.has_anchor(&issuer, wanted)).then_some(way);
                }
            }
        }
    }

    /// Whether an anchor of this name has this key, or may have it without saying so.
    fn has_anchor(&self, name: &Name<'_>, key_id: &[u8]) -> bool {
        let group = self.bundle.named(name);
        [None, Some(key_id)].into_iter().any(|key_id| {
            self.bundle
                .with_key_id(group.clone(), key_id)
                .any(|index| self.anchor(index).is_some_and(|found| self.bundle.bears(found, name)))
        })
    }

    /// Where the walk that a person would take ends: always to the first possible issuer.
    pub(super) fn dead_end(&self) -> Vec<usize> {
        let mut walk = alloc::vec![0];
        while let Some(&last) = walk.last() {
            let Some(issuer) = self.node(last).map(|node| node.issuer) else { break };
            let next = (1..self.pool.nodes.len()).find(|&index| {
                !walk.contains(&index)
                    && self.node(index).is_some_and(|node| node.subject == Some(issuer))
            });
            match next {
                Some(next) if walk.len() < LONGEST_WALK => walk.push(next),
                _ => break,
            }
        }
        walk
    }
}

fn is_marked(marks: &[bool], index: usize) -> bool {
    marks.get(index).copied().unwrap_or(false)
}

/// What of a candidate's place above the target counts for ways to an anchor.
fn standing(node: &Node<'_>) -> (bool, u32) {
    (node.below.is_some(), node.forced_flaws)
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
