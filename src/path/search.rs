//! The search itself; the room's documentation says how it goes.

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;

use smallvec::SmallVec;

use super::cost::{Cost, KeyMatch};
use super::graph::{AnchorCursor, FailedWay, Failure, Graph, Vertex};
use super::pool::{Node, Pool};
use super::straight::Checked;
use crate::constraints::{Demands, Reach, Violation, check_issuer, path_length};
use crate::policy::{Budget, LimitExceeded};
use crate::signature::{Message, PublicKey, SignatureBackend, SignatureCheck, SignatureMemo};
use crate::trust::{AnchorState, EndEntityUse, TrustAnchor, TrustBundle};
use crate::x509::{Certificate, ExtensionKind};

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

/// A path that the search found, by its last state. Good until the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathState(usize);

/// A partial path, linked towards the target.
#[derive(Clone, Copy, Debug)]
struct State {
    at: Vertex,
    below: Option<usize>,
    /// Certificates from the target to here, the anchor counted as one.
    length: usize,
    /// Intermediates that are not self-issued.
    intermediates: u32,
    cost: Cost,
    /// Where it stands among the possible issuers of its last certificate.
    anchors: AnchorCursor,
    candidates: usize,
    dead: bool,
}

/// An open state with the cost of the best path through its next extension; the least is taken
/// first, and of equals the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Promise {
    cost: Cost,
    longer_first: Reverse<usize>,
    state: usize,
}

/// Open states: the one that was opened last stands apart, so that a straight path needs no heap.
#[derive(Debug, Default)]
struct Queue {
    last: Option<Promise>,
    others: BinaryHeap<Reverse<Promise>>,
}

impl Queue {
    fn push(&mut self, promise: Promise) {
        if let Some(before) = self.last.replace(promise) {
            self.others.push(Reverse(before));
        }
    }

    fn pop(&mut self) -> Option<Promise> {
        match (self.last, self.others.peek()) {
            (Some(last), Some(Reverse(other))) if *other < last => {
                self.others.pop().map(|Reverse(promise)| promise)
            }
            (Some(last), _) => {
                self.last = None;
                Some(last)
            }
            (None, _) => self.others.pop().map(|Reverse(promise)| promise),
        }
    }

    fn clear(&mut self) {
        self.last = None;
        self.others.clear();
    }
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
    graph: Graph<'a>,
    means: Means<'a>,
    /// Signatures that were checked before the search began.
    checked: SmallVec<[Checked<'a>; 2]>,
    states: SmallVec<[State; 4]>,
    queue: Queue,
    /// Beginnings of paths, the target first, that were rejected with all that goes on from them.
    rejected: Vec<Vec<Vertex>>,
    verifying: Option<Verifying<'a>>,
    pinned: Option<usize>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(mut pool: Pool<'a>, bundle: &'a TrustBundle, means: Means<'a>) -> Self {
        for node in pool.nodes.iter_mut().skip(1) {
            let mut flaws = 0;
            check_issuer(&node.certificate, &means.demands, &mut |_| flaws += 1);
            node.flaws = flaws;
        }
        let mut search = Self {
            graph: Graph::new(pool, bundle),
            means,
            checked: SmallVec::new(),
            states: SmallVec::new(),
            queue: Queue::default(),
            rejected: Vec::new(),
            verifying: None,
            pinned: None,
        };
        search.pinned = search.find_pinned();
        search.restart();
        search
    }

    /// Takes signatures that were checked before, so that none is verified twice.
    pub(crate) fn with_checked(self, checked: SmallVec<[Checked<'a>; 2]>) -> Self {
        Self { checked, ..self }
    }

    /// Begins again, with certificates and paths that break rules.
    pub(crate) fn admit_flawed(&mut self) {
        self.graph.admit_flawed = true;
        self.pinned = None;
        self.restart();
    }

    /// Begins at the target, by what is known of the edges.
    fn restart(&mut self) {
        self.graph.measure(self.means.demands.policy.max_intermediates);
        self.begin();
    }

    /// Begins at the target again after an edge was found to fail.
    fn restart_without(&mut self, issuer: Vertex, subject: usize) {
        let max_intermediates = self.means.demands.policy.max_intermediates;
        self.graph.measure_without(issuer, subject, max_intermediates);
        if cfg!(debug_assertions) && self.graph.pool.nodes.len() <= 40 {
            let found: Vec<_> = self.graph.measures().collect();
            self.graph.measure(max_intermediates);
            debug_assert!(self.graph.measures().eq(found), "ways that went along a failed edge");
        }
        self.begin();
    }

    fn begin(&mut self) {
        self.verifying = None;
        self.states.clear();
        self.queue.clear();
        self.states.push(State {
            at: Vertex::Candidate(0),
            below: None,
            length: 1,
            intermediates: 0,
            cost: Cost::default(),
            anchors: AnchorCursor::default(),
            candidates: 0,
            dead: false,
        });
        self.open(0);
    }

    pub(crate) fn pool(&self) -> &Pool<'a> {
        &self.graph.pool
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
        while let Some(promise) = self.queue.pop() {
            if self.is_dead(promise.state) {
                continue;
            }
            let Some((issuer, _)) = self.next_issuer(promise.state) else { continue };
            budget.path_step()?;
            self.advance(promise.state, issuer);
            self.open(promise.state);
            self.extend(promise.state, issuer);
            return Ok(Event::Working);
        }
        Ok(Event::Exhausted)
    }

    /// Rejects the candidate of the last step, and with it all that shares what was found wrong.
    pub(crate) fn reject(&mut self, path: PathState, reaches: &[Reach]) {
        let vertices = self.vertices(path.0);
        let mut begin_anew = false;
        for reach in reaches {
            match *reach {
                Reach::Path => self.rejected.push(vertices.clone()),
                Reach::Prefix { depth } => {
                    self.rejected.extend(vertices.get(..=depth).map(<[Vertex]>::to_vec));
                    let mut next = Some(path.0);
                    while let Some(state) = next.and_then(|index| self.states.get_mut(index)) {
                        state.dead |= state.length == depth + 1;
                        next = state.below;
                    }
                }
                Reach::Certificate { depth } => {
                    if let Some(Vertex::Candidate(node)) = vertices.get(depth)
                        && let Some(node) = self.graph.pool.nodes.get_mut(*node)
                    {
                        node.unusable = true;
                        begin_anew = true;
                    }
                }
            }
        }
        if begin_anew {
            self.restart();
        }
    }

    /// The certificates of a path, the target first, and its anchor.
    pub(crate) fn path(
        &self,
        path: PathState,
    ) -> (SmallVec<[usize; 8]>, Option<&'a Arc<TrustAnchor>>) {
        let mut nodes = SmallVec::new();
        let mut anchor = None;
        for state in self.chain(path.0) {
            match state.at {
                Vertex::Candidate(node) => nodes.push(node),
                Vertex::Anchor(index) => anchor = self.graph.anchor(index),
            }
        }
        nodes.reverse();
        (nodes, anchor)
    }

    pub(crate) fn certificate(&self, node: usize) -> Option<&Certificate<'a>> {
        self.graph.node(node).map(|node| &node.certificate)
    }

    /// Whether subject and issuer of a candidate match.
    pub(crate) fn is_self_issued(&self, node: usize) -> bool {
        self.graph.node(node).is_some_and(Node::is_self_issued)
    }

    /// Ways from the target to certificates whose signature failed; shortest first.
    pub(crate) fn failed_ways(&self) -> impl Iterator<Item = FailedWay<'_>> {
        self.graph.failures()
    }

    /// The certificates from the target to the one that nobody leads on from.
    pub(crate) fn dead_end(&self) -> Vec<usize> {
        self.graph.dead_end()
    }

    /// The states of a path from `state` to the target.
    fn chain(&self, state: usize) -> impl Iterator<Item = &State> {
        let mut next = self.states.get(state);
        core::iter::from_fn(move || {
            let found = next?;
            next = found.below.and_then(|below| self.states.get(below));
            Some(found)
        })
    }

    /// The vertices of a path, the target first.
    fn vertices(&self, state: usize) -> Vec<Vertex> {
        let mut vertices: Vec<Vertex> = self.chain(state).map(|state| state.at).collect();
        vertices.reverse();
        vertices
    }

    /// An anchor whose certificate is the target and that may be presented itself.
    fn find_pinned(&self) -> Option<usize> {
        let bundle = self.graph.bundle();
        if !bundle.has_pinned() {
            return None;
        }
        let target = self.graph.node(0)?.certificate;
        bundle.named(&target.subject()).find(|&index| {
            self.graph.anchor(index).is_some_and(|anchor| {
                anchor.end_entity_use != EndEntityUse::Refused
                    && anchor.state != AnchorState::Distrusted
                    && anchor.certificate().is_some_and(|own| own == target)
            })
        })
    }

    fn take_pinned(&mut self, index: usize, budget: &mut Budget) -> Result<Event, LimitExceeded> {
        let Some(anchor) = self.graph.anchor(index) else { return Ok(Event::Working) };
        budget.path_step()?;
        if anchor.end_entity_use == EndEntityUse::PinnedSelfSigned {
            let Some(target) = self.graph.node(0).map(|node| node.certificate) else {
                return Ok(Event::Working);
            };
            let verdict = match anchor.public_key() {
                Some(_) if !target.subject().matches(&target.issuer()) => {
                    Some(Box::new(Violation::no_route(&target)))
                }
                Some(key) => self.check_signature(&target, key, Some(anchor), budget)?,
                None => None,
            };
            if let Some(why) = verdict {
                let failure = Failure { why: *why, way: alloc::vec![0] };
                self.graph.record(Vertex::Anchor(index), 0, Some(failure));
                return Ok(Event::Working);
            }
        }
        let below = self.states.first().copied();
        let Some(below) = below else { return Ok(Event::Working) };
        let at = Vertex::Anchor(index);
        self.states.push(State { at, below: Some(0), length: 2, ..below });
        Ok(Event::Candidate(PathState(self.states.len() - 1)))
    }

    /// Whether a state was given up, or goes on from one that was.
    fn is_dead(&self, state: usize) -> bool {
        self.chain(state).any(|state| state.dead)
    }

    /// Opens a state for its next extension.
    fn open(&mut self, state: usize) {
        if let Some((_, cost)) = self.next_issuer(state)
            && let Some(found) = self.states.get(state)
        {
            let longer_first = Reverse(found.length);
            self.queue.push(Promise { cost: found.cost + cost, longer_first, state });
        }
    }

    /// The best extension of a state that was not made yet, and what the way through it costs. Of
    /// equals an anchor comes first.
    fn next_issuer(&mut self, state: usize) -> Option<(Vertex, Cost)> {
        let found = *self.states.get(state)?;
        let Vertex::Candidate(node) = found.at else { return None };
        let mut cursor = found.anchors;
        let anchor = self.graph.next_anchor(node, &mut cursor);
        self.states.get_mut(state)?.anchors = cursor;
        let anchor =
            anchor.map(|(index, key_match)| (Vertex::Anchor(index), Cost::step(key_match)));
        let candidate = self
            .graph
            .issuer_at(node, found.candidates)
            .map(|(issuer, cost)| (Vertex::Candidate(issuer), cost));
        match (anchor, candidate) {
            (Some(anchor), Some(candidate)) if candidate.1 < anchor.1 => Some(candidate),
            (Some(anchor), _) => Some(anchor),
            (None, candidate) => candidate,
        }
    }

    /// Makes the partial path of `state` with `issuer` and, where the best way on from there was
    /// verified before, goes it to its end.
    fn extend(&mut self, state: usize, issuer: Vertex) {
        let Some(made) = self.make(state, issuer) else { return };
        match issuer {
            Vertex::Candidate(_) => {
                if !self.go_verified_way(made) {
                    self.open(made);
                }
            }
            Vertex::Anchor(anchor) => self.begin_verifying(made, anchor),
        }
    }

    /// Goes on from a state to an anchor along edges that are known to hold, as one step. Goes
    /// nowhere where the best way has another edge or is not allowed.
    fn go_verified_way(&mut self, from: usize) -> bool {
        let Some(before) = self.states.get(from).copied() else { return false };
        let mark = self.states.len();
        let mut at = from;
        while let Some((issuer, _)) = self.next_issuer(at) {
            let held = self.states.get(at).is_some_and(|state| match state.at {
                Vertex::Candidate(node) => self.graph.checked(issuer, node) == Some(true),
                Vertex::Anchor(_) => false,
            });
            let Some(made) = held.then(|| self.make(at, issuer)).flatten() else { break };
            self.advance(at, issuer);
            if let Vertex::Anchor(anchor) = issuer {
                self.open(from);
                (mark..made).for_each(|state| self.open(state));
                self.begin_verifying(made, anchor);
                return true;
            }
            at = made;
        }
        self.states.truncate(mark);
        if let Some(state) = self.states.get_mut(from) {
            *state = before;
        }
        false
    }

    /// Moves a state on behind the extension that was just made.
    fn advance(&mut self, state: usize, issuer: Vertex) {
        if let Some(state) = self.states.get_mut(state) {
            match issuer {
                Vertex::Anchor(_) => state.anchors.advance(),
                Vertex::Candidate(_) => state.candidates += 1,
            }
        }
    }

    fn begin_verifying(&mut self, path: usize, anchor: usize) {
        self.verifying = self
            .graph
            .anchor(anchor)
            .and_then(|anchor| anchor.public_key())
            .map(|key| Verifying { path, vouched: path, key });
    }

    /// Makes the partial path of `state` with `issuer`, unless it is a loop, was rejected, or
    /// breaks a rule that is not admitted.
    fn make(&mut self, state: usize, issuer: Vertex) -> Option<usize> {
        let found = self.states.get(state).copied()?;
        let Vertex::Candidate(subject) = found.at else { return None };
        let mut flaws = 0;
        let mut intermediates = found.intermediates;
        let key_match = match issuer {
            Vertex::Candidate(index) => {
                let (node, below) = (self.graph.node(index)?, self.graph.node(subject)?);
                if self.is_loop(state, &node.certificate) {
                    return None;
                }
                let allowed = node.certificate.basic_constraints().and_then(|b| b.path_len);
                flaws += node.flaws;
                flaws += u32::from(path_length(allowed, intermediates).is_some());
                if !node.is_self_issued() {
                    intermediates += 1;
                }
                let max = self.means.demands.policy.max_intermediates;
                flaws += u32::from(max.is_some_and(|max| intermediates > max));
                KeyMatch::of(below.issuer_key_id, node.key_id)
            }
            Vertex::Anchor(index) => {
                let (anchor, below) = (self.graph.anchor(index)?, self.graph.node(subject)?);
                flaws += u32::from(anchor.state == AnchorState::Distrusted);
                flaws += u32::from(path_length(anchor.path_len, intermediates).is_some());
                KeyMatch::of(below.issuer_key_id, anchor.key_id())
            }
        };
        if flaws > 0 && !self.graph.admit_flawed {
            return None;
        }
        let index = self.states.len();
        self.states.push(State {
            at: issuer,
            below: Some(state),
            length: found.length + 1,
            intermediates,
            cost: found.cost + Cost::step(key_match) + Cost::flaws(flaws),
            anchors: AnchorCursor::default(),
            candidates: 0,
            dead: false,
        });
        if !self.rejected.is_empty() && self.rejected.contains(&self.vertices(index)) {
            self.states.truncate(index);
            return None;
        }
        Some(index)
    }

    /// Whether the path of `state` has a certificate with subject, subject alternative names and
    /// key of `certificate`.
    fn is_loop(&self, state: usize, certificate: &Certificate<'_>) -> bool {
        self.chain(state).any(|state| match state.at {
            Vertex::Candidate(node) => self
                .graph
                .node(node)
                .is_some_and(|node| same_entity(&node.certificate, certificate)),
            Vertex::Anchor(_) => false,
        })
    }

    /// Checks the signature of the certificate below the one that is vouched for.
    fn verify_next(
        &mut self,
        verifying: Verifying<'a>,
        budget: &mut Budget,
    ) -> Result<Event, LimitExceeded> {
        let below = self.states.get(verifying.vouched).and_then(|upper| {
            let below = upper.below?;
            match self.states.get(below)?.at {
                Vertex::Candidate(node) => Some((upper.at, below, node)),
                Vertex::Anchor(_) => None,
            }
        });
        let Some((issuer, below, subject)) = below else { return Ok(Event::Working) };
        let Some(certificate) = self.graph.node(subject).map(|node| node.certificate) else {
            return Ok(Event::Working);
        };
        // An edge under inherited parameters holds for this path only.
        let alone = verifying.key.inherited_parameters().is_none();
        let known = if alone { self.graph.checked(issuer, subject) } else { None };
        let holds = match known {
            Some(holds) => holds,
            None => {
                let anchor = match issuer {
                    Vertex::Anchor(index) => self.graph.anchor(index).map(|anchor| &**anchor),
                    Vertex::Candidate(_) => None,
                };
                let why = self.check_signature(&certificate, verifying.key, anchor, budget)?;
                let holds = why.is_none();
                if alone || !holds {
                    let failure = why.map(|why| {
                        let way = self.path(PathState(below)).0.into_vec();
                        Failure { why: *why, way }
                    });
                    self.graph.record(issuer, subject, failure);
                }
                holds
            }
        };
        if !holds {
            self.restart_without(issuer, subject);
            return Ok(Event::Working);
        }
        if subject == 0 {
            return Ok(Event::Candidate(PathState(verifying.path)));
        }
        let Ok(spki) = certificate.subject_public_key_info() else {
            if let Some(node) = self.graph.pool.nodes.get_mut(subject) {
                node.unusable = true;
            }
            self.restart();
            return Ok(Event::Working);
        };
        let key = verifying.key.issued(spki);
        self.verifying = Some(Verifying { path: verifying.path, vouched: below, key });
        Ok(Event::Working)
    }

    /// Checks a signature, unless that was done before the search began.
    fn check_signature(
        &self,
        certificate: &Certificate<'a>,
        key: PublicKey<'a>,
        anchor: Option<&TrustAnchor>,
        budget: &mut Budget,
    ) -> Result<Option<Box<Violation>>, LimitExceeded> {
        let before = self
            .checked
            .iter()
            .find(|checked| checked.key == key && checked.certificate == certificate.as_der());
        match before {
            Some(Checked { failure: Some(failure), .. }) => {
                // A refused algorithm costs no check.
                if !matches!(**failure, Violation::Algorithm(_) | Violation::Malformed(_)) {
                    budget.signature()?;
                }
                Ok(Some(failure.clone()))
            }
            before => {
                let known = before.is_some();
                check_signature(&self.means, certificate, key, anchor, known, budget)
            }
        }
    }
}

/// RFC 5280 6.1.3 (a) (1): "The signature on the certificate can be verified using
/// working_public_key_algorithm, the working_public_key, and the working_public_key_parameters."
///
/// Says why it does not hold. A signature that is `known` to hold is not verified again; whether its
/// algorithm is allowed is asked in any case, and the check is demanded.
pub(super) fn check_signature(
    means: &Means<'_>,
    certificate: &Certificate<'_>,
    key: PublicKey<'_>,
    anchor: Option<&TrustAnchor>,
    known: bool,
    budget: &mut Budget,
) -> Result<Option<Box<Violation>>, LimitExceeded> {
    let algorithm = match certificate.signature_algorithm() {
        Ok(algorithm) => algorithm,
        Err(error) => return Ok(Some(Box::new(Violation::Malformed(error)))),
    };
    let policy = &means.demands.policy.algorithms;
    if let Err(refused) = policy.check(algorithm, &key.spki()) {
        return Ok(Some(Box::new(Violation::Algorithm(refused))));
    }
    budget.signature()?;
    if known {
        return Ok(None);
    }
    let check = SignatureCheck {
        key,
        algorithm,
        message: &Message::new(certificate.tbs_certificate()),
        signature: certificate.signature_value(),
    };
    let prepared = anchor.and_then(|anchor| anchor.prepared.as_deref());
    let checked = check.run(means.backend, prepared, means.memo);
    Ok(checked.err().map(|error| Box::new(Violation::Signature(error))))
}

/// RFC 4158 2.4.2: subject, subject alternative names and key are the same.
pub(super) fn same_entity(a: &Certificate<'_>, b: &Certificate<'_>) -> bool {
    let san = ExtensionKind::SubjectAltName;
    a.public_key_der() == b.public_key_der()
        && a.extension(san) == b.extension(san)
        && a.subject().matches(&b.subject())
}
