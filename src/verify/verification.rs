//! `Verification`: a request being answered, step by step.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use arrayvec::ArrayVec;
use smallvec::SmallVec;

use super::identify::{check_expectation, identify, select_domain};
use super::report::{Ended, Report};
use super::request::Request;
use super::status::{Inquiry, Path, Signers, StatusReport};
use super::verifier::Verifier;
use crate::constraints::{
    Breach, Demands, PathCertificate, PathView, Reach, Violation, check_path, check_target,
};
use crate::decision::{CertifiedPeer, Decision, Finding, Fingerprint, Outcome, PeerRecord};
use crate::identity::PeerIdentity;
use crate::path::{Checked, Event, MAX_CANDIDATES, Means, PathState, Pool, Search, Way};
use crate::policy::{Budget, LimitExceeded, Purpose};
use crate::revocation::{EvidenceRequest, Revocation};
use crate::signature::PublicKey;
use crate::trust::{AnchorState, Domain, TrustAnchor, TrustStore};
use crate::x509::{Certificate, OwnedCertificate, OwnedOid, Time};

/// What a step of a [`Verification`] came to.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each")]
pub enum Step {
    /// A bounded piece of work was done; there is more.
    Working,
    /// Evidence would help. The host fetches what it chooses (every URL in a request is what a
    /// certificate says, and nobody vouches for it) and calls [`Verification::supply`]; or it
    /// steps again, and the answer is given without.
    Needs(Vec<EvidenceRequest>),
    /// The answer. Further steps repeat it.
    Decided(Decision),
}

/// A request being answered, step by step.
///
/// Each step makes at most one partial path, checks at most one signature, or judges one path.
/// The answer does not depend on how the steps are spread over time. A host that has waited long
/// enough gives up by ceasing to step.
#[derive(Debug)]
pub struct Verification<'a> {
    context: Context<'a>,
    searching: Option<Searching<'a>>,
    decided: Option<Decision>,
}

/// What stays the same, what is spent, and what was found.
#[derive(Debug)]
struct Context<'a> {
    verifier: &'a Verifier,
    request: &'a Request<'a>,
    demands: Demands<'a>,
    revocation: &'a Revocation,
    budget: Budget,
    report: Report,
}

/// What is known once the leaf was read.
#[derive(Debug)]
struct Started<'a> {
    leaf: Certificate<'a>,
    store: &'a TrustStore,
    domain: &'a Arc<Domain>,
    /// What the target breaks on its own.
    target: Vec<Breach>,
}

/// What the straight way came to.
struct Straight<'a> {
    started: Started<'a>,
    checked: SmallVec<[Checked<'a>; 2]>,
    decision: Option<Decision>,
}

/// Who speaks for the peer.
#[derive(Clone, Copy)]
struct Speaking<'s> {
    store: &'s TrustStore,
    domain: &'s Arc<Domain>,
}

/// The state between the leaf and the decision.
#[derive(Debug)]
struct Searching<'a> {
    search: Search<'a>,
    store: &'a TrustStore,
    domain: &'a Arc<Domain>,
    /// What the target breaks on its own.
    target: Vec<Breach>,
    flawed: bool,
    /// A path that waits for evidence.
    waiting: Option<PathState>,
}

/// What a piece of work came to.
enum Turn {
    Working,
    Needs(Vec<EvidenceRequest>),
    Decided(Decision),
}

impl<'a> Verification<'a> {
    pub(super) fn new(verifier: &'a Verifier, request: &'a Request<'a>, now: Time) -> Self {
        let purpose = request.purpose.as_ref().unwrap_or(&verifier.policy.purpose);
        let demands = Demands { policy: &verifier.policy, purpose: Purpose::oid(purpose), now };
        let context = Context {
            verifier,
            request,
            demands,
            revocation: &verifier.revocation,
            budget: Budget::new(verifier.policy.limits),
            report: Report::default(),
        };
        Self { context, searching: None, decided: None }
    }

    /// Answers [`Step::Needs`] with a snapshot that holds what the host found beside what the
    /// verifier had.
    pub fn supply(&mut self, revocation: &'a Revocation) {
        self.context.revocation = revocation;
    }

    /// Goes on to the end without further evidence, whatever would help.
    pub(super) fn run(mut self) -> Decision {
        let mut straight = match self.context.straight() {
            Ok(straight) => straight,
            Err(finding) => return self.context.reject(finding),
        };
        if let Some(decision) = straight.decision.take() {
            return decision;
        }
        let opened = self.context.open(straight.started);
        match opened {
            Ok(mut searching) => {
                searching.search = searching.search.with_checked(straight.checked);
                loop {
                    if let Turn::Decided(decision) = self.context.advance(&mut searching) {
                        return decision;
                    }
                }
            }
            Err(finding) => self.context.reject(finding),
        }
    }

    fn turn(&mut self) -> Turn {
        match &mut self.searching {
            None => {
                let opened = self.context.start().and_then(|started| self.context.open(started));
                match opened {
                    Ok(searching) => {
                        self.searching = Some(searching);
                        Turn::Working
                    }
                    Err(finding) => Turn::Decided(self.context.reject(finding)),
                }
            }
            Some(searching) => self.context.advance(searching),
        }
    }

    /// Does a bounded piece of work.
    pub fn step(&mut self) -> Step {
        if let Some(decision) = &self.decided {
            return Step::Decided(decision.clone());
        }
        match self.turn() {
            Turn::Working => Step::Working,
            Turn::Needs(wants) => Step::Needs(wants),
            Turn::Decided(decision) => {
                self.decided = Some(decision.clone());
                self.searching = None;
                Step::Decided(decision)
            }
        }
    }
}

impl<'a> Context<'a> {
    fn means(&self) -> Means<'a> {
        Means {
            demands: self.demands,
            backend: &*self.verifier.backend,
            memo: self.verifier.memo.as_deref(),
        }
    }

    /// Reads the leaf and selects the trust domain.
    fn start(&self) -> Result<Started<'a>, Finding> {
        let request = self.request;
        let leaf = Certificate::from_der(request.end_entity.as_ref())
            .and_then(|leaf| leaf.check().map(|()| leaf))
            .map_err(|error| self.at_leaf(Violation::Malformed(error)))?;
        self.start_with(leaf)
    }

    /// Selects the trust domain of a leaf in which every value can be read.
    fn start_with<'c>(&self, leaf: Certificate<'c>) -> Result<Started<'c>, Finding>
    where
        'a: 'c,
    {
        let store = self
            .verifier
            .trust_for(self.request.label)
            .map_err(|violation| Finding::new(violation, None, None))?;
        let domain = select_domain(store, &leaf, self.request.expect)
            .map_err(|violation| self.at_leaf(violation))?;
        let target = check_target(&leaf, &self.demands).breaches;
        Ok(Started { leaf, store, domain, target })
    }

    fn at_leaf(&self, violation: Violation) -> Finding {
        let fingerprint = Fingerprint::of(self.request.end_entity.as_ref());
        Finding::new(violation, Some(0), Some(fingerprint))
    }

    /// Opens the search.
    fn open(&self, started: Started<'a>) -> Result<Searching<'a>, Finding> {
        let Started { leaf, store, domain, target } = started;
        let candidates = self.request.intermediates.iter().map(AsRef::as_ref);
        let pool = Pool::new(leaf, candidates, &self.verifier.policy.limits)
            .map_err(|exceeded| Finding::new(Violation::Limit(exceeded), None, None))?;
        let search = Search::new(pool, domain.bundle(), self.means());
        Ok(Searching { search, store, domain, target, flawed: false, waiting: None })
    }

    /// Begins, and decides at once where the straight way leads to an acceptance. Where it does not,
    /// nothing is spent, and the search begins as if nobody had looked.
    fn straight(&mut self) -> Result<Straight<'a>, Finding> {
        let started = self.start()?;
        let mut checked = SmallVec::new();
        let decision = self.go_straight(&started, &mut checked);
        if decision.is_none() {
            self.budget = Budget::new(self.verifier.policy.limits);
        }
        Ok(Straight { started, checked, decision })
    }

    fn go_straight(
        &mut self,
        started: &Started<'a>,
        checked: &mut SmallVec<[Checked<'a>; 2]>,
    ) -> Option<Decision> {
        let request = self.request;
        if !started.target.is_empty() || request.intermediates.len() > MAX_CANDIDATES {
            return None;
        }
        let limits = &self.verifier.policy.limits;
        let sizes = request.intermediates.iter().map(|der| der.as_ref().len());
        limits.pool_certificates(request.intermediates.len()).ok()?;
        limits.pool_bytes(started.leaf.as_der().len() + sizes.sum::<usize>()).ok()?;
        let mut certificates: ArrayVec<Certificate<'a>, { MAX_CANDIDATES + 1 }> = ArrayVec::new();
        certificates.push(started.leaf);
        // What cannot be read is reported where there is something to report.
        let read = request.intermediates.iter().map(AsRef::as_ref);
        certificates.extend(read.filter_map(|der| Certificate::from_der(der).ok()));
        let bundle = started.domain.bundle();
        let way = Way::find(&certificates, bundle, &self.means())?;
        let unknown = |_, _: PublicKey<'_>| false;
        let means = self.means();
        let holds = way.verify(&certificates, &means, unknown, checked, &mut self.budget);
        if holds != Ok(true) {
            return None;
        }
        let steps: SmallVec<[PathCertificate<'_, '_>; 8]> = way
            .stops
            .iter()
            .filter_map(|stop| {
                let certificate = certificates.get(stop.place)?;
                Some(PathCertificate { certificate, self_issued: stop.self_issued })
            })
            .collect();
        let view = PathView { certificates: &steps, anchor: way.anchor, bundle, flawed: false };
        let mut judgement = check_path(&view, &self.demands, &mut self.budget);
        if !judgement.breaches.is_empty() {
            return None;
        }
        let policies = core::mem::take(&mut judgement.policies.user_constrained);
        let domain = Speaking { store: started.store, domain: started.domain };
        match self.confirm(domain, &steps, way.anchor, policies) {
            Ok(Confirmed::Peer(peer)) => Some(self.decided(Outcome::Accepted(peer))),
            Ok(Confirmed::Broken { .. }) | Err(_) => None,
        }
    }

    fn advance(&mut self, searching: &mut Searching<'a>) -> Turn {
        if let Some(path) = searching.waiting.take() {
            return self.judge(searching, path, false);
        }
        match searching.search.step(&mut self.budget) {
            Ok(Event::Working) => Turn::Working,
            Ok(Event::Candidate(path)) => self.judge(searching, path, true),
            Ok(Event::Exhausted) => self.exhausted(searching),
            Err(exceeded) => Turn::Decided(self.stopped(searching, exceeded)),
        }
    }

    /// Judges a path whose signatures hold. While `may_wait`, evidence that is missing is asked for
    /// before the path is given up.
    fn judge(&mut self, searching: &mut Searching<'a>, path: PathState, may_wait: bool) -> Turn {
        let (nodes, anchor) = searching.search.path(path);
        let Some(anchor) = anchor else { return Turn::Working };
        let search = &searching.search;
        let mut steps: SmallVec<[PathCertificate<'_, '_>; 8]> = SmallVec::new();
        for &node in &nodes {
            let Some(certificate) = search.certificate(node) else { return Turn::Working };
            steps.push(PathCertificate { certificate, self_issued: search.is_self_issued(node) });
        }
        let bundle = searching.domain.bundle();
        let view = PathView { certificates: &steps, anchor, bundle, flawed: searching.flawed };
        let mut judgement = check_path(&view, &self.demands, &mut self.budget);
        if judgement.breaches.is_empty() && searching.target.is_empty() && !searching.flawed {
            let policies = core::mem::take(&mut judgement.policies.user_constrained);
            let domain = Speaking { store: searching.store, domain: searching.domain };
            match self.confirm(domain, &steps, anchor, policies) {
                Ok(Confirmed::Peer(peer)) => {
                    return Turn::Decided(self.decided(Outcome::Accepted(peer)));
                }
                Ok(Confirmed::Broken { breach, wants }) => {
                    if may_wait && !wants.is_empty() {
                        searching.waiting = Some(path);
                        return Turn::Needs(wants);
                    }
                    judgement.breaches.push(breach);
                }
                Err(exceeded) => return Turn::Decided(self.stopped(searching, exceeded)),
            }
        }

        let limit = judgement.breaches.iter().find_map(|breach| match breach.violation {
            Violation::Limit(exceeded) => Some(exceeded),
            _ => None,
        });
        let reaches: Vec<Reach> = judgement.breaches.iter().map(|breach| breach.reach).collect();
        let hopeless = !searching.target.is_empty()
            || searching.flawed
            || reaches.contains(&Reach::Certificate { depth: 0 });
        let breaches = searching.target.iter().cloned().chain(judgement.breaches).collect();
        self.report.add_path(search, &nodes, Some(anchor), breaches);
        if let Some(exceeded) = limit {
            return Turn::Decided(self.stopped(searching, exceeded));
        }
        if hopeless {
            return Turn::Decided(self.conclude());
        }
        drop(steps);
        searching.search.reject(path, &reaches);
        Turn::Working
    }

    /// Confirms the claim on a valid path: identity, expectation, revocation.
    fn confirm(
        &mut self,
        speaking: Speaking<'_>,
        steps: &[PathCertificate<'_, '_>],
        anchor: &Arc<TrustAnchor>,
        policies: Vec<OwnedOid>,
    ) -> Result<Confirmed, LimitExceeded> {
        let Some(leaf) = steps.first() else { return Ok(Confirmed::nobody()) };
        let identified = identify(speaking.store, speaking.domain, leaf.certificate);
        if let Err(violation) = check_expectation(self.request.expect, &identified.identity) {
            // No other path changes the names of the peer.
            let breach =
                Breach { violation, depth: Some(0), reach: Reach::Certificate { depth: 0 } };
            return Ok(Confirmed::Broken { breach, wants: Vec::new() });
        }
        let mut status = StatusReport::default();
        let asked = self.verifier.asks_about_revocation();
        if asked || self.request.stapled_ocsp.is_some() {
            status = self.inquire(speaking, steps, anchor, &identified.identity)?;
            if let Some(breach) = status.breach {
                return Ok(Confirmed::Broken { breach, wants: status.wants });
            }
        }

        let skew = i64::from(self.verifier.policy.clock_skew_seconds);
        let mut valid_until = status.valid_until.unwrap_or(Time::MAX);
        let anchored = if anchor.expiry_enforced { anchor.certificate() } else { None };
        let dated = steps.iter().map(|step| step.certificate).chain(anchored.as_ref());
        for certificate in dated {
            valid_until = valid_until.min(certificate.not_after().saturating_add(skew));
        }
        let mut notes = Vec::new();
        if let AnchorState::Tainted { since } = anchor.state {
            notes.push(Finding::new(Violation::Tainted { since }, Some(steps.len()), None));
        }
        for name in identified.left_out {
            notes.push(Finding::new(Violation::OutsideTrustDomain { name }, Some(0), None));
        }
        for (why, depth) in status.passed {
            let violation = Violation::RevocationUnknown(why);
            notes.push(Finding::new(violation, Some(depth), None));
        }
        let bundle = speaking.domain.bundle();
        Ok(Confirmed::Peer(CertifiedPeer::new(PeerRecord {
            identity: identified.identity,
            path: OwnedCertificate::share(steps.iter().map(|step| step.certificate)),
            anchor: Arc::clone(anchor),
            trust_domain: speaking.domain.shared_name().clone(),
            bundle_digest: *bundle.digest(),
            bundle_sequence: bundle.sequence(),
            policies,
            valid_until,
            decided_at: self.demands.now,
            revocation_asked: asked,
            evidence: status.evidence,
            notes,
        })))
    }

    fn inquire(
        &mut self,
        speaking: Speaking<'_>,
        steps: &[PathCertificate<'_, '_>],
        anchor: &TrustAnchor,
        identity: &PeerIdentity,
    ) -> Result<StatusReport, LimitExceeded> {
        let inquiry = Inquiry {
            revocation: self.revocation,
            policy: match self.verifier.asks_about_revocation() {
                true => &self.verifier.revocation_policy,
                // What a peer staples is heard even where nobody asks.
                false => &self.verifier.staple_policy,
            },
            signer_policy: &self.verifier.signer_policy,
            means: self.means(),
            trust_domain: speaking.domain.name(),
            presented: self.request.intermediates,
            stapled_ocsp: self.request.stapled_ocsp,
            scts: self.request.scts,
        };
        let path = Path { steps, anchor, identity: Some(identity) };
        inquiry.status_of(&path, &mut Signers::default(), false, 0, &mut self.budget)
    }

    /// No further path: either nothing remains to be said, or paths that break rules say it.
    fn exhausted(&mut self, searching: &mut Searching<'a>) -> Turn {
        if searching.flawed || self.report.has_paths() {
            self.report.add_failures(&searching.search, &searching.target, Ended::Exhausted);
            return Turn::Decided(self.conclude());
        }
        searching.flawed = true;
        searching.search.admit_flawed();
        Turn::Working
    }

    /// A limit was reached. While sound paths are searched, that is the answer; afterwards it only
    /// ends the search for an explanation.
    fn stopped(&mut self, searching: &Searching<'a>, exceeded: LimitExceeded) -> Decision {
        self.report.add_failures(&searching.search, &searching.target, Ended::ByLimit);
        if searching.flawed && self.report.has_findings() {
            return self.conclude();
        }
        self.reject(Finding::new(Violation::Limit(exceeded), None, None))
    }

    fn conclude(&mut self) -> Decision {
        let cause = self.report.cause();
        self.reject(cause)
    }

    fn reject(&mut self, cause: Finding) -> Decision {
        let report = core::mem::take(&mut self.report);
        self.decided(Outcome::Rejected(Box::new(report.into_rejection(cause))))
    }

    fn decided(&self, outcome: Outcome) -> Decision {
        let Self { verifier, demands, budget, .. } = self;
        Decision::new(outcome, demands.now, verifier.policy_digest, budget.work())
    }
}

/// What became of a valid path.
enum Confirmed {
    Peer(CertifiedPeer),
    Broken {
        breach: Breach,
        /// Evidence that might mend it.
        wants: Vec<EvidenceRequest>,
    },
}

impl Confirmed {
    /// A path without certificates, which no search makes.
    const fn nobody() -> Self {
        let breach = Breach {
            violation: Violation::NoIdentity,
            depth: None,
            reach: Reach::Certificate { depth: 0 },
        };
        Self::Broken { breach, wants: Vec::new() }
    }
}
