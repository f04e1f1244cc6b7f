//! The search itself; the room's documentation says how it goes.

use alloc::collections::BinaryHeap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::pool::{Node, Pool};
use crate::constraints::{Demands, Reach, Violation, check_issuer, path_length};
use crate::policy::{Budget, LimitExceeded};
use crate::signature::{PublicKey, SignatureBackend, SignatureCheck, SignatureMemo};
use crate::trust::{AnchorState, EndEntityUse, TrustAnchor, TrustBundle};
use crate::x509::{Certificate, ExtensionKind, Time};

/// What the search compares and computes with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means<'a> {
    pub(crate) demands: Demands<'a>,
    pub(crate) backend: &'a dyn SignatureBackend,
    pub(crate) memo: Option<&'a dyn SignatureMemo>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Something was tried; there is more to do.
    Working,
    /// A path whose signatures hold. The caller judges it and says
    /// [`Search::reject`] before the next step, or stops.
    Candidate(PathState),
    /// There is no further path.
    Exhausted,
}

/// A path that the search found, by its last state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathState(usize);

/// A vertex: a candidate by its number, or an anchor by its place in the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Vertex {
    Anchor(usize),
    Candidate(usize),
}

/// What the key identifiers of a certificate and a possible issuer say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum KeyMatch {
    Match,
    Unknown,
    Mismatch,
}

/// Where a state stands among the possible issuers of its last certificate: anchors with a
/// matching key identifier, candidates with one, then those without, then the mismatching ones.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    stage: u8,
    offset: usize,
}

const STAGES: u8 = 6;

/// A partial path, linked towards the target.
#[derive(Clone, Copy, Debug)]
struct State {
    at: Vertex,
    below: Option<usize>,
    /// Certificates from the target to here.
    length: u32,
    /// Intermediates that are not self-issued.
    intermediates: u32,
    /// Rules broken by certificates from the target to here, the target's own not counted.
    flaws: u32,
    mismatches: u32,
    unknown: u32,
    cursor: Cursor,
    dead: bool,
}

/// An open state with the promise of its next extension; the least is taken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Promise {
    flaws: u32,
    mismatches: u32,
    /// Length of the shortest path through the next extension.
    length: u32,
    unknown: u32,
    deeper_first: Reverse<u32>,
    state: usize,
}

/// Possible issuers among the candidates, in `Search::order`.
#[derive(Clone, Copy, Debug)]
struct Issuers {
    start: usize,
    unknown: usize,
    mismatch: usize,
    end: usize,
}

/// What is known of a candidate beyond its certificate.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    /// Rules that it breaks as an issuer.
    flaws: u32,
    /// It cannot be used whatever is admitted.
    unusable: bool,
    /// Certificates from here to an anchor; nothing where there is no way.
    distance: Option<u32>,
    issuers: Option<Issuers>,
}

/// An edge whose signature was checked.
#[derive(Clone, Debug)]
struct Edge {
    issuer: Vertex,
    subject: usize,
    failure: Option<Failure>,
}

/// A signature that does not hold.
#[derive(Clone, Debug)]
struct Failure {
    why: Violation,
    /// The certificates from the target to the one with the signature.
    way: Vec<usize>,
}

/// A complete path whose signatures are being checked from the anchor down.
#[derive(Clone, Copy, Debug)]
struct Verifying<'a> {
    path: usize,
    /// The state whose key is vouched for.
    vouched: usize,
    key: PublicKey<'a>,
}

/// A search for paths from a target to the anchors of one bundle.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    pool: Pool<'a>,
    bundle: &'a TrustBundle,
    means: Means<'a>,
    standings: Vec<Standing>,
    admit_flawed: bool,
    order: Vec<u32>,
    states: Vec<State>,
    queue: BinaryHeap<Reverse<Promise>>,
    edges: Vec<Edge>,
    verifying: Option<Verifying<'a>>,
    pinned: Option<usize>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(pool: Pool<'a>, bundle: &'a TrustBundle, means: Means<'a>) -> Self {
        let mut standings = Vec::with_capacity(pool.nodes.len());
        for (index, node) in pool.nodes.iter().enumerate() {
            let mut flaws = 0;
            if index > 0 {
                check_issuer(&node.certificate, &means.demands, &mut |_| flaws += 1);
            }
            standings.push(Standing { flaws, ..Standing::default() });
        }
        let mut search = Self {
            pool,
            bundle,
            means,
            standings,
            admit_flawed: false,
            order: Vec::new(),
            states: Vec::with_capacity(4),
            queue: BinaryHeap::with_capacity(4),
            edges: Vec::new(),
            verifying: None,
            pinned: None,
        };
        search.pinned = search.find_pinned();
        search.start();
        search
    }

    /// Begins again, with certificates and paths that break rules.
    pub(crate) fn admit_flawed(&mut self) {
        self.admit_flawed = true;
        self.pinned = None;
        self.verifying = None;
        self.states.clear();
        self.queue.clear();
        self.order.clear();
        for standing in &mut self.standings {
            standing.issuers = None;
        }
        self.start();
    }

    fn start(&mut self) {
        self.measure();
        self.states.push(State {
            at: Vertex::Candidate(0),
            below: None,
            length: 1,
            intermediates: 0,
            flaws: 0,
            mismatches: 0,
            unknown: 0,
            cursor: Cursor::default(),
            dead: false,
        });
        self.enqueue(0);
    }

    pub(crate) fn pool(&self) -> &Pool<'a> {
        &self.pool
    }

    /// Makes one partial path or checks one signature.
    ///
    /// # Errors
    /// The limit that was reached; the search is over then.
    pub(crate) fn step(&mut self, budget: &mut Budget) -> Result<Event, LimitExceeded> {
        if let Some(anchor) = self.pinned.take() {
            return self.take_pinned(anchor, budget);
        }
        if let Some(verifying) = self.verifying.take() {
            return self.verify_next(verifying, budget);
        }
        while let Some(Reverse(promise)) = self.queue.pop() {
            if self.is_dead(promise.state) {
                continue;
            }
            let Some((child, key_match)) = self.next_issuer(promise.state) else { continue };
            let current = self.promise(promise.state, child, key_match);
            if current > promise {
                self.queue.push(Reverse(current));
                continue;
            }
            budget.path_step()?;
            if let Some(state) = self.states.get_mut(promise.state) {
                state.cursor.offset += 1;
            }
            self.enqueue(promise.state);
            self.extend(promise.state, child, key_match);
            return Ok(Event::Working);
        }
        Ok(Event::Exhausted)
    }

    /// Rejects the candidate of the last step.
    pub(crate) fn reject(&mut self, path: PathState, scope: Reach) {
        let (Reach::Prefix { depth } | Reach::Certificate { depth }) = scope else {
            return;
        };
        let mut state = Some(path.0);
        while let Some(index) = state {
            let Some(found) = self.states.get_mut(index) else { return };
            if usize::try_from(found.length).is_ok_and(|length| length == depth + 1) {
                match (scope, found.at) {
                    (Reach::Certificate { .. }, Vertex::Candidate(node)) => {
                        if let Some(standing) = self.standings.get_mut(node) {
                            standing.flaws += 1;
                        }
                        self.measure();
                    }
                    _ => found.dead = true,
                }
                return;
            }
            state = found.below;
        }
    }

    /// The certificates of a path, the target first, and its anchor.
    pub(crate) fn path(&self, path: PathState) -> (Vec<usize>, Option<&'a Arc<TrustAnchor>>) {
        let mut nodes = Vec::with_capacity(4);
        let mut anchor = None;
        let mut state = self.states.get(path.0);
        while let Some(found) = state {
            match found.at {
                Vertex::Candidate(node) => nodes.push(node),
                Vertex::Anchor(index) => anchor = self.bundle.anchor(index),
            }
            state = found.below.and_then(|below| self.states.get(below));
        }
        nodes.reverse();
        (nodes, anchor)
    }

    pub(crate) fn certificate(&self, node: usize) -> Option<&Certificate<'a>> {
        self.pool.node(node).map(|node| &node.certificate)
    }

    /// Whether subject and issuer of a candidate match.
    pub(crate) fn is_self_issued(&self, node: usize) -> bool {
        self.pool.node(node).is_some_and(Node::is_self_issued)
    }

    /// Ways from the target to edges whose signature failed, and why; the last certificate of a
    /// way is the one whose signature failed. At most `count`, shortest first.
    pub(crate) fn failed_ways(&self, count: usize) -> Vec<(&[usize], &Violation)> {
        let mut ways: Vec<(&[usize], &Violation)> = self
            .edges
            .iter()
            .filter_map(|edge| edge.failure.as_ref().map(|failure| (&*failure.way, &failure.why)))
            .collect();
        ways.sort_by_key(|&(way, _)| (way.len(), way));
        ways.truncate(count);
        ways
    }

    /// The certificates from the target to the one at `state`.
    fn way_to(&self, state: usize) -> Vec<usize> {
        self.path(PathState(state)).0
    }

    /// The certificate above the target that no certificate and no anchor issued, by the walk
    /// that a person would take: always to the first possible issuer.
    pub(crate) fn dead_end(&self) -> Vec<usize> {
        let mut walk = alloc::vec![0];
        while let Some(&last) = walk.last() {
            let Some(issuer) = self.pool.node(last).map(|node| node.issuer) else { break };
            let next = (1..self.pool.nodes.len()).find(|&index| {
                !walk.contains(&index)
                    && self.pool.node(index).is_some_and(|node| node.subject == Some(issuer))
            });
            match next {
                Some(next) if walk.len() < 16 => walk.push(next),
                _ => break,
            }
        }
        walk
    }

    fn anchor(&self, index: usize) -> Option<&'a TrustAnchor> {
        self.bundle.anchor(index).map(|anchor| &**anchor)
    }

    /// An anchor whose certificate is the target and that may be presented itself.
    fn find_pinned(&self) -> Option<usize> {
        if !self.bundle.has_pinned() {
            return None;
        }
        let target = self.pool.nodes.first()?.certificate;
        self.bundle.named(&target.subject()).find(|&index| {
            self.anchor(index).is_some_and(|anchor| {
                anchor.end_entity_use != EndEntityUse::Refused
                    && anchor.state != AnchorState::Distrusted
                    && anchor.certificate().is_some_and(|own| own == target)
            })
        })
    }

    fn take_pinned(&mut self, index: usize, budget: &mut Budget) -> Result<Event, LimitExceeded> {
        let Some(anchor) = self.anchor(index) else { return Ok(Event::Working) };
        budget.path_step()?;
        if anchor.end_entity_use == EndEntityUse::PinnedSelfSigned {
            let Some(target) = self.pool.nodes.first().map(|node| node.certificate) else {
                return Ok(Event::Working);
            };
            let verdict = match anchor.public_key() {
                Some(_) if !target.subject().matches(&target.issuer()) => {
                    Some(Violation::NoRoute { issuer: alloc::format!("{}", target.issuer()) })
                }
                Some(key) => self.check_signature(&target, key, Some(anchor), budget)?,
                None => None,
            };
            if let Some(why) = verdict {
                let failure = Failure { why, way: alloc::vec![0] };
                self.record(Vertex::Anchor(index), 0, Some(failure));
                return Ok(Event::Working);
            }
        }
        let length = 2;
        self.states.push(State {
            at: Vertex::Anchor(index),
            below: Some(0),
            length,
            intermediates: 0,
            flaws: 0,
            mismatches: 0,
            unknown: 0,
            cursor: Cursor::default(),
            dead: false,
        });
        Ok(Event::Candidate(PathState(self.states.len() - 1)))
    }

    /// Breadth-first distances from the anchors, along edges that are not known to fail.
    fn measure(&mut self) {
        for index in 0..self.standings.len() {
            let anchored = index > 0 && self.is_usable(index) && self.is_anchored(index);
            if let Some(standing) = self.standings.get_mut(index) {
                standing.distance = anchored.then_some(1);
            }
        }
        for distance in 1_u32.. {
            let mut reached = false;
            for issuer in 1..self.standings.len() {
                if self.distance(issuer) != Some(distance) {
                    continue;
                }
                let subject = self.pool.node(issuer).and_then(|node| node.subject);
                for index in 1..self.standings.len() {
                    let joins = self.distance(index).is_none()
                        && self.pool.node(index).is_some_and(|node| Some(node.issuer) == subject)
                        && self.is_usable(index)
                        && !self.is_broken(Vertex::Candidate(issuer), index);
                    if joins && let Some(standing) = self.standings.get_mut(index) {
                        standing.distance = Some(distance + 1);
                        reached = true;
                    }
                }
            }
            if !reached {
                return;
            }
        }
    }

    fn distance(&self, node: usize) -> Option<u32> {
        self.standings.get(node).and_then(|standing| standing.distance)
    }

    fn is_usable(&self, node: usize) -> bool {
        self.standings.get(node).is_some_and(|standing| {
            !standing.unusable && (self.admit_flawed || standing.flaws == 0)
        })
    }

    /// Whether an anchor may have issued the certificate. Of a large group of anchors with one
    /// name, only the number of failures is looked at.
    fn is_anchored(&mut self, node: usize) -> bool {
        const FEW: usize = 8;
        let Some(issuer) = self.pool.nodes.get(node).map(|node| node.issuer) else { return false };
        let group = self.pool.names.anchors(issuer, self.bundle);
        if group.len() <= FEW {
            group.clone().any(|index| self.may_have_issued(index, node))
        } else {
            let failed = self
                .edges
                .iter()
                .filter(|edge| {
                    edge.subject == node
                        && edge.failure.is_some()
                        && matches!(edge.issuer, Vertex::Anchor(_))
                })
                .count();
            failed < group.len()
        }
    }

    fn may_have_issued(&self, anchor: usize, node: usize) -> bool {
        let Some(found) = self.anchor(anchor) else { return false };
        let Some(issuer) = self.pool.node(node).and_then(|node| self.pool.names.name(node.issuer))
        else {
            return false;
        };
        (self.admit_flawed || found.state != AnchorState::Distrusted)
            && found.subject().matches(&issuer)
            && !self.is_broken(Vertex::Anchor(anchor), node)
    }

    fn is_broken(&self, issuer: Vertex, subject: usize) -> bool {
        self.edge(issuer, subject).is_some_and(|edge| edge.failure.is_some())
    }

    fn edge(&self, issuer: Vertex, subject: usize) -> Option<&Edge> {
        let found =
            self.edges.binary_search_by_key(&(subject, issuer), |edge| (edge.subject, edge.issuer));
        found.ok().and_then(|place| self.edges.get(place))
    }

    fn record(&mut self, issuer: Vertex, subject: usize, failure: Option<Failure>) {
        let found =
            self.edges.binary_search_by_key(&(subject, issuer), |edge| (edge.subject, edge.issuer));
        if let Err(place) = found {
            self.edges.insert(place, Edge { issuer, subject, failure });
        }
    }

    /// Whether a state was given up, or rests on one that was or on an edge that failed.
    fn is_dead(&self, state: usize) -> bool {
        let mut upper: Option<Vertex> = None;
        let mut next = self.states.get(state);
        while let Some(found) = next {
            if found.dead {
                return true;
            }
            if let Vertex::Candidate(node) = found.at {
                if let Some(issuer) = upper
                    && self.is_broken(issuer, node)
                {
                    return true;
                }
                if found.below.is_some() && !self.is_usable(node) {
                    return true;
                }
            }
            upper = Some(found.at);
            next = found.below.and_then(|below| self.states.get(below));
        }
        false
    }

    /// Opens a state for its next extension.
    fn enqueue(&mut self, state: usize) {
        if let Some((child, key_match)) = self.next_issuer(state) {
            let promise = self.promise(state, child, key_match);
            self.queue.push(Reverse(promise));
        }
    }

    fn promise(&self, state: usize, child: Vertex, key_match: KeyMatch) -> Promise {
        let Some(found) = self.states.get(state) else {
            return Promise {
                flaws: u32::MAX,
                mismatches: 0,
                length: 0,
                unknown: 0,
                deeper_first: Reverse(0),
                state,
            };
        };
        let (flaws, distance) = match child {
            Vertex::Anchor(index) => {
                let distrusted =
                    self.anchor(index).is_some_and(|a| a.state == AnchorState::Distrusted);
                (u32::from(distrusted), 0)
            }
            Vertex::Candidate(node) => (
                self.standings.get(node).map_or(0, |standing| standing.flaws),
                self.distance(node).unwrap_or(u32::MAX / 2),
            ),
        };
        Promise {
            flaws: found.flaws + flaws,
            mismatches: found.mismatches + u32::from(key_match == KeyMatch::Mismatch),
            length: found.length + distance,
            unknown: found.unknown + u32::from(key_match == KeyMatch::Unknown),
            deeper_first: Reverse(found.length),
            state,
        }
    }

    /// The next possible issuer of a state's last certificate; moves its cursor over those that
    /// cannot be used.
    fn next_issuer(&mut self, state: usize) -> Option<(Vertex, KeyMatch)> {
        let found = *self.states.get(state)?;
        let Vertex::Candidate(node) = found.at else { return None };
        let issuer = self.pool.nodes.get(node)?.issuer;
        let wanted = self.pool.nodes.get(node)?.certificate.issuer_key_id();
        let group = self.pool.names.anchors(issuer, self.bundle);
        let mut cursor = found.cursor;
        let next = loop {
            if cursor.stage >= STAGES {
                break None;
            }
            let key_match = match cursor.stage {
                0 | 1 => KeyMatch::Match,
                2 | 3 => KeyMatch::Unknown,
                _ => KeyMatch::Mismatch,
            };
            let vertex = if cursor.stage % 2 == 0 {
                self.anchor_at(&group, wanted, key_match, cursor.offset).map(Vertex::Anchor)
            } else {
                self.candidate_at(node, key_match, cursor.offset).map(Vertex::Candidate)
            };
            let Some(vertex) = vertex else {
                cursor = Cursor { stage: cursor.stage + 1, offset: 0 };
                continue;
            };
            let usable = match vertex {
                Vertex::Anchor(index) => self.may_have_issued(index, node),
                Vertex::Candidate(index) => {
                    self.is_usable(index)
                        && self.distance(index).is_some()
                        && !self.is_broken(vertex, node)
                }
            };
            if usable {
                break Some((vertex, key_match));
            }
            cursor.offset += 1;
        };
        self.states.get_mut(state)?.cursor = cursor;
        next
    }

    /// The anchor at `offset` of those in `group` whose key identifier relates so to `wanted`.
    fn anchor_at(
        &self,
        group: &core::ops::Range<usize>,
        wanted: Option<&[u8]>,
        key_match: KeyMatch,
        offset: usize,
    ) -> Option<usize> {
        if group.is_empty() {
            return None;
        }
        let Some(wanted) = wanted else {
            let index = group.start + offset;
            return (key_match == KeyMatch::Unknown && index < group.end).then_some(index);
        };
        let without = self.bundle.with_key_id(group.clone(), None);
        let matching = self.bundle.with_key_id(group.clone(), Some(wanted));
        let range = match key_match {
            KeyMatch::Match => matching,
            KeyMatch::Unknown => without,
            KeyMatch::Mismatch => {
                let index = without.end + offset;
                let index = if index < matching.start { index } else { index + matching.len() };
                return (index < group.end).then_some(index);
            }
        };
        let index = range.start + offset;
        (index < range.end).then_some(index)
    }

    /// The candidate at `offset` of those whose key identifier relates so to that of `node`.
    fn candidate_at(&mut self, node: usize, key_match: KeyMatch, offset: usize) -> Option<usize> {
        let issuers = match self.standings.get(node)?.issuers {
            Some(issuers) => issuers,
            None => self.arrange_issuers(node)?,
        };
        let (start, end) = match key_match {
            KeyMatch::Match => (issuers.start, issuers.unknown),
            KeyMatch::Unknown => (issuers.unknown, issuers.mismatch),
            KeyMatch::Mismatch => (issuers.mismatch, issuers.end),
        };
        let place = start + offset;
        if place >= end {
            return None;
        }
        self.order.get(place).and_then(|&index| usize::try_from(index).ok())
    }

    /// Orders the possible issuers of a certificate among the candidates.
    fn arrange_issuers(&mut self, node: usize) -> Option<Issuers> {
        let this = self.pool.nodes.get(node)?;
        let wanted = this.certificate.issuer_key_id();
        let mut ranked: Vec<(KeyMatch, u32, bool, Reverse<Time>, Reverse<Time>, usize)> =
            Vec::new();
        for (index, other) in self.pool.nodes.iter().enumerate().skip(1) {
            if index == node || other.subject != Some(this.issuer) || !self.is_usable(index) {
                continue;
            }
            let Some(distance) = self.distance(index) else { continue };
            let key_match = match (wanted, other.certificate.key_id()) {
                (Some(wanted), Some(found)) if wanted == found => KeyMatch::Match,
                (Some(_), Some(_)) => KeyMatch::Mismatch,
                _ => KeyMatch::Unknown,
            };
            ranked.push((
                key_match,
                distance,
                other.is_self_issued(),
                Reverse(other.certificate.not_before()),
                Reverse(other.certificate.not_after()),
                index,
            ));
        }
        ranked.sort_unstable();
        let start = self.order.len();
        let issuers = Issuers {
            start,
            unknown: start + ranked.partition_point(|r| r.0 < KeyMatch::Unknown),
            mismatch: start + ranked.partition_point(|r| r.0 < KeyMatch::Mismatch),
            end: start + ranked.len(),
        };
        self.order.extend(ranked.iter().filter_map(|r| u32::try_from(r.5).ok()));
        self.standings.get_mut(node)?.issuers = Some(issuers);
        Some(issuers)
    }

    /// Makes the partial path of `state` with `child`, unless it is a loop or breaks a rule that
    /// is not admitted.
    fn extend(&mut self, state: usize, child: Vertex, key_match: KeyMatch) {
        let Some(found) = self.states.get(state).copied() else { return };
        let policy = self.means.demands.policy;
        let mut flaws = found.flaws;
        let mut intermediates = found.intermediates;
        match child {
            Vertex::Candidate(node) => {
                let Some(issuer) = self.pool.node(node) else { return };
                if self.is_loop(state, &issuer.certificate) {
                    return;
                }
                let allowed = issuer.certificate.basic_constraints().and_then(|b| b.path_len);
                flaws += self.standings.get(node).map_or(0, |standing| standing.flaws);
                flaws += u32::from(path_length(allowed, intermediates).is_some());
                if !issuer.is_self_issued() {
                    intermediates += 1;
                }
                flaws += u32::from(policy.max_intermediates.is_some_and(|max| intermediates > max));
            }
            Vertex::Anchor(index) => {
                let Some(anchor) = self.anchor(index) else { return };
                flaws += u32::from(anchor.state == AnchorState::Distrusted);
                flaws += u32::from(path_length(anchor.path_len, intermediates).is_some());
            }
        }
        if flaws > 0 && !self.admit_flawed {
            return;
        }
        let index = self.states.len();
        self.states.push(State {
            at: child,
            below: Some(state),
            length: found.length + 1,
            intermediates,
            flaws,
            mismatches: found.mismatches + u32::from(key_match == KeyMatch::Mismatch),
            unknown: found.unknown + u32::from(key_match == KeyMatch::Unknown),
            cursor: Cursor::default(),
            dead: false,
        });
        match child {
            Vertex::Candidate(_) => self.enqueue(index),
            Vertex::Anchor(anchor) => {
                self.verifying = self
                    .anchor(anchor)
                    .and_then(TrustAnchor::public_key)
                    .map(|key| Verifying { path: index, vouched: index, key });
            }
        }
    }

    /// Whether the path of `state` has a certificate with subject, subject alternative names and
    /// key of `certificate`.
    fn is_loop(&self, state: usize, certificate: &Certificate<'_>) -> bool {
        let mut next = self.states.get(state);
        while let Some(found) = next {
            if let Vertex::Candidate(node) = found.at
                && let Some(node) = self.pool.node(node)
                && same_entity(&node.certificate, certificate)
            {
                return true;
            }
            next = found.below.and_then(|below| self.states.get(below));
        }
        false
    }

    /// Checks the signature of the certificate below the one that is vouched for.
    fn verify_next(
        &mut self,
        verifying: Verifying<'a>,
        budget: &mut Budget,
    ) -> Result<Event, LimitExceeded> {
        let Some(upper) = self.states.get(verifying.vouched).copied() else {
            return Ok(Event::Working);
        };
        let Some((below, subject)) =
            upper.below.and_then(|below| match self.states.get(below)?.at {
                Vertex::Candidate(node) => Some((below, node)),
                Vertex::Anchor(_) => None,
            })
        else {
            return Ok(Event::Working);
        };
        let Some(certificate) = self.pool.node(subject).map(|node| node.certificate) else {
            return Ok(Event::Working);
        };
        // An edge under inherited parameters holds for this path only.
        let alone = verifying.key.inherited_parameters().is_none();
        let known = if alone { self.edge(upper.at, subject) } else { None };
        let holds = match known {
            Some(edge) => edge.failure.is_none(),
            None => {
                let anchor = match upper.at {
                    Vertex::Anchor(index) => self.anchor(index),
                    Vertex::Candidate(_) => None,
                };
                let why = self.check_signature(&certificate, verifying.key, anchor, budget)?;
                let holds = why.is_none();
                if alone || !holds {
                    let failure = why.map(|why| Failure { why, way: self.way_to(below) });
                    self.record(upper.at, subject, failure);
                }
                holds
            }
        };
        if !holds {
            self.measure();
            return Ok(Event::Working);
        }
        if subject == 0 {
            return Ok(Event::Candidate(PathState(verifying.path)));
        }
        let Ok(spki) = certificate.subject_public_key_info() else {
            if let Some(standing) = self.standings.get_mut(subject) {
                standing.unusable = true;
            }
            self.measure();
            return Ok(Event::Working);
        };
        let key = verifying.key.issued(spki);
        self.verifying = Some(Verifying { path: verifying.path, vouched: below, key });
        Ok(Event::Working)
    }

    /// RFC 5280 6.1.3 (a) (1): "The signature on the certificate can be verified using
    /// working_public_key_algorithm, the working_public_key, and the
    /// working_public_key_parameters."
    fn check_signature(
        &self,
        certificate: &Certificate<'a>,
        key: PublicKey<'a>,
        anchor: Option<&TrustAnchor>,
        budget: &mut Budget,
    ) -> Result<Option<Violation>, LimitExceeded> {
        let algorithm = match certificate.signature_algorithm() {
            Ok(algorithm) => algorithm,
            Err(error) => return Ok(Some(Violation::Malformed(error))),
        };
        let policy = &self.means.demands.policy.algorithms;
        if let Err(refused) = policy.check(algorithm, &key.spki()) {
            return Ok(Some(Violation::Algorithm(refused)));
        }
        budget.signature()?;
        let check = SignatureCheck {
            key,
            algorithm,
            message: certificate.tbs_certificate(),
            signature: certificate.signature_value(),
        };
        let prepared = anchor.and_then(|anchor| anchor.prepared.as_deref());
        Ok(check.run(self.means.backend, prepared, self.means.memo).err().map(Violation::Signature))
    }
}

/// RFC 4158 2.4.2: subject, subject alternative names and key are the same.
fn same_entity(a: &Certificate<'_>, b: &Certificate<'_>) -> bool {
    fn key<'a>(certificate: &Certificate<'a>) -> Option<&'a [u8]> {
        certificate.subject_public_key_info().map(|spki| spki.der()).ok()
    }
    let san = ExtensionKind::SubjectAltName;
    key(a) == key(b) && a.extension(san) == b.extension(san) && a.subject().matches(&b.subject())
}
