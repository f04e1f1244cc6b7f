//! `Verification`: a request being answered, step by step.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use arrayvec::ArrayVec;
use rustls_pki_types::CertificateDer;
use smallvec::SmallVec;

use super::identify::{check_expectation, identify, select_domain};
use super::issuers;
use super::report::{Ended, Report};
use super::request::Request;
#[cfg(feature = "std")]
use super::seen::Seen;
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
    /// certificate says, and nobody vouches for it) and calls [`Verification::supply`] or
    /// [`Verification::supply_certificates`]; or it steps again, and the answer is given without.
    /// Nothing is asked for twice, and of one decision no more than 64 things.
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
    /// Certificates that the host supplied.
    supplied: Vec<&'a [u8]>,
    /// What the host was asked for.
    asked: Vec<EvidenceRequest>,
    /// Something was supplied since it was asked.
    anew: bool,
}

/// How many things a host is asked for: eight each for a path of eight.
const MAX_ASKED: usize = 8 * EvidenceRequest::MAX;
/// What is known once the leaf was read.
#[derive(Debug)]
struct Started<'a> {
    leaf: Certificate<'a>,
    store: &'a TrustStore,
    domain: &'a Arc<Domain>,
    /// What the target breaks on its own.
    target: Vec<Breach>,
}

/// What came of a chain that was presented before.
#[cfg_attr(not(feature = "std"), expect(dead_code, reason = "there is no table"))]
enum Known {
    Accepted(Decision),
    /// The search must look.
    NotStraight,
}

/// Certificates that were presented, the leaf first, and what is known of them.
struct Chain<'p, 'c> {
    certificates: &'p [Certificate<'c>],
    #[cfg(feature = "std")]
    seen: Option<&'p Seen>,
}

#[cfg(feature = "std")]
impl Chain<'_, '_> {
    fn is_signed(&self, place: usize, key: PublicKey<'_>) -> bool {
        self.seen.is_some_and(|seen| seen.is_signed(place, key))
    }

    fn is_read(&self, way: &Way<'_>) -> bool {
        self.seen.is_some_and(|seen| seen.is_sound(&way.stops))
    }

    /// The certificates, if they are the path as they stand.
    fn shared_path(&self, way: &Way<'_>) -> Option<Arc<[OwnedCertificate]>> {
        let all = way.stops.len() == self.certificates.len()
            && way.stops.iter().enumerate().all(|(place, stop)| stop.place == place);
        self.seen.filter(|_| all).map(|seen| Arc::clone(seen.certificates()))
    }
}

#[cfg(not(feature = "std"))]
impl Chain<'_, '_> {
    const fn is_signed(&self, _: usize, _: PublicKey<'_>) -> bool {
        false
    }

    const fn is_read(&self, _: &Way<'_>) -> bool {
        false
    }

    const fn shared_path(&self, _: &Way<'_>) -> Option<Arc<[OwnedCertificate]>> {
        None
    }
}

/// Who speaks for the peer, and its path where somebody holds it.
struct Claim<'s> {
    store: &'s TrustStore,
    domain: &'s Arc<Domain>,
    path: Option<Arc<[OwnedCertificate]>>,
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
    /// How many of the supplied certificates the search knows.
    supplied: usize,
    /// A path that waits for evidence.
    waiting: Option<Waiting>,
}

/// A path that waits for evidence, and what holds without.
#[derive(Debug)]
struct Waiting {
    path: PathState,
    without: Result<CertifiedPeer, Vec<Breach>>,
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
            supplied: Vec::new(),
            asked: Vec::new(),
            anew: false,
        };
        Self { context, searching: None, decided: None }
    }

    /// Answers [`Step::Needs`] with a snapshot that holds what the host found beside what the
    /// verifier had.
    pub fn supply(&mut self, revocation: &'a Revocation) {
        self.context.revocation = revocation;
        self.context.anew = true;
    }

    /// Answers [`EvidenceRequest::IssuerCertificate`] with certificates, in any order: the search
    /// goes on with them beside what the peer presented, within the same limits
    /// ([`Limits::pool_certificates`](crate::policy::Limits::pool_certificates) and
    /// [`Limits::pool_bytes`](crate::policy::Limits::pool_bytes) count both). They are candidates
    /// and no more: nobody vouches for them before a path does.
    pub fn supply_certificates(&mut self, certificates: &'a [CertificateDer<'a>]) {
        self.context.supplied.extend(certificates.iter().map(AsRef::as_ref));
        self.context.anew = true;
    }

    /// Goes on to the end without further evidence, whatever would help.
    pub(super) fn run(mut self) -> Decision {
        match self.context.decide() {
            Ok(decision) => decision,
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
        Ok(Searching { search, store, domain, target, flawed: false, supplied: 0, waiting: None })
    }

    /// Begins the search anew, with what was supplied.
    fn reopen(&mut self, searching: &mut Searching<'a>) -> Result<(), LimitExceeded> {
        let Some(&leaf) = searching.search.certificate(0) else { return Ok(()) };
        let presented = self.request.intermediates.iter().map(AsRef::as_ref);
        let candidates: Vec<&[u8]> = presented.chain(self.supplied.iter().copied()).collect();
        let pool = Pool::new(leaf, candidates.into_iter(), &self.verifier.policy.limits)?;
        searching.search = Search::new(pool, searching.domain.bundle(), self.means());
        searching.supplied = self.supplied.len();
        Ok(())
    }

    /// What of these the host was not asked for yet.
    fn ask(&mut self, wants: Vec<EvidenceRequest>) -> Vec<EvidenceRequest> {
        let mut fresh = Vec::new();
        for want in wants {
            if self.asked.len() < MAX_ASKED && !self.asked.contains(&want) {
                self.asked.push(want.clone());
                fresh.push(want);
            }
        }
        fresh
    }

    /// Decides without steps: by the straight way where it leads to an acceptance. Where it does not,
    /// nothing was spent, and the search begins as if nobody had looked.
    fn decide(&mut self) -> Result<Decision, Finding> {
        let mut checked = SmallVec::new();
        let known = self.decide_seen()?;
        let started = match known {
            Some(Known::Accepted(decision)) => return Ok(decision),
            Some(Known::NotStraight) => self.start()?,
            None => {
                let started = self.start()?;
                if let Some(decision) = self.decide_presented(&started, &mut checked) {
                    return Ok(decision);
                }
                started
            }
        };
        self.budget = Budget::new(self.verifier.policy.limits);
        self.report = Report::default();
        let mut searching = self.open(started)?;
        searching.search = searching.search.with_checked(checked);
        loop {
            if let Turn::Decided(decision) = self.advance(&mut searching) {
                return Ok(decision);
            }
        }
    }

    /// Judges a chain that was presented before, from what is known of its bytes.
    #[cfg(feature = "std")]
    fn decide_seen(&mut self) -> Result<Option<Known>, Finding> {
        let request = self.request;
        let Some(table) = self.verifier.seen.as_deref().filter(|_| self.is_small()) else {
            return Ok(None);
        };
        let Some(seen) = table.find(request.end_entity, request.intermediates) else {
            return Ok(None);
        };
        let certificates: ArrayVec<Certificate<'_>, { MAX_CANDIDATES + 1 }> =
            seen.certificates().iter().map(OwnedCertificate::as_certificate).collect();
        let Some(&leaf) = certificates.first() else { return Ok(None) };
        let started = self.start_with(leaf)?;
        let chain = Chain { certificates: &certificates, seen: Some(&seen) };
        let accepted = self.go_straight(&started, &chain, &mut SmallVec::new());
        Ok(Some(accepted.map_or(Known::NotStraight, |(decision, _)| Known::Accepted(decision))))
    }

    #[cfg(not(feature = "std"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as with the table")]
    const fn decide_seen(&mut self) -> Result<Option<Known>, Finding> {
        Ok(None)
    }

    /// Whether so few certificates were presented that the straight way is worth a look, and within
    /// the limits.
    fn is_small(&self) -> bool {
        let (leaf, others) = (self.request.end_entity, self.request.intermediates);
        let limits = &self.verifier.policy.limits;
        let octets = others.iter().fold(leaf.len(), |sum, der| sum.saturating_add(der.len()));
        others.len() <= MAX_CANDIDATES
            && limits.check_certificates(others.len()).is_ok()
            && limits.check_bytes(octets).is_ok()
    }

    /// Judges what was presented where it leaves no choice.
    fn decide_presented(
        &mut self,
        started: &Started<'a>,
        checked: &mut SmallVec<[Checked<'a>; 2]>,
    ) -> Option<Decision> {
        let request = self.request;
        if !started.target.is_empty() || !self.is_small() {
            return None;
        }
        let mut certificates: ArrayVec<Certificate<'a>, { MAX_CANDIDATES + 1 }> = ArrayVec::new();
        certificates.push(started.leaf);
        // What cannot be read is reported where there is something to report.
        let read = request.intermediates.iter().map(AsRef::as_ref);
        certificates.extend(read.filter_map(|der| Certificate::from_der(der).ok()));
        let chain = Chain {
            certificates: &certificates,
            #[cfg(feature = "std")]
            seen: None,
        };
        let (decision, way) = self.go_straight(started, &chain, checked)?;
        #[cfg(feature = "std")]
        if let (Some(table), Some(peer)) = (self.verifier.seen.as_deref(), decision.peer())
            && let presented = request.intermediates.len() + 1
            && let Some(seen) = Seen::new(presented, &certificates, &way, peer.shared_path())
        {
            table.insert(seen);
        }
        #[cfg(not(feature = "std"))]
        drop(way);
        Some(decision)
    }

    /// Finds the straight way, checks its signatures and judges it; nothing unless it is accepted.
    fn go_straight<'c>(
        &mut self,
        started: &Started<'c>,
        chain: &Chain<'_, 'c>,
        checked: &mut SmallVec<[Checked<'c>; 2]>,
    ) -> Option<(Decision, Way<'c>)>
    where
        'a: 'c,
    {
        if !started.target.is_empty() {
            return None;
        }
        let means = self.means();
        let bundle = started.domain.bundle();
        let way = Way::find(chain.certificates, bundle, &means)?;
        let known = |place, key: PublicKey<'_>| chain.is_signed(place, key);
        let holds = way.verify(chain.certificates, &means, known, checked, &mut self.budget);
        if holds != Ok(true) {
            return None;
        }
        let steps: SmallVec<[PathCertificate<'_, '_>; 8]> = way
            .stops
            .iter()
            .filter_map(|stop| {
                let certificate = chain.certificates.get(stop.place)?;
                Some(PathCertificate { certificate, self_issued: stop.self_issued })
            })
            .collect();
        let view = PathView {
            certificates: &steps,
            anchor: way.anchor,
            bundle,
            flawed: false,
            read: chain.is_read(&way),
        };
        let mut judgement = check_path(&view, &self.demands, &mut self.budget);
        if !judgement.breaches.is_empty() {
            return None;
        }
        let policies = core::mem::take(&mut judgement.policies.user_constrained);
        let claim =
            Claim { store: started.store, domain: started.domain, path: chain.shared_path(&way) };
        match self.confirm(claim, &steps, way.anchor, policies) {
            Ok(Confirmed { outcome: Ok(peer), .. }) => {
                Some((self.decided(Outcome::Accepted(peer)), way))
            }
            Ok(Confirmed { outcome: Err(_), .. }) | Err(_) => None,
        }
    }

    fn advance(&mut self, searching: &mut Searching<'a>) -> Turn {
        if let Some(Waiting { path, without }) = searching.waiting.take() {
            return match without {
                _ if core::mem::take(&mut self.anew) => self.judge(searching, path),
                Ok(peer) => Turn::Decided(self.decided(Outcome::Accepted(peer))),
                Err(breaches) => self.refuse(searching, path, breaches),
            };
        }
        match searching.search.step(&mut self.budget) {
            Ok(Event::Working) => Turn::Working,
            Ok(Event::Candidate(path)) => self.judge(searching, path),
            Ok(Event::Exhausted) => self.exhausted(searching),
            Err(exceeded) => Turn::Decided(self.stopped(searching, exceeded)),
        }
    }

    /// Judges a path whose signatures hold. Evidence that is missing is asked for before the path is
    /// given up, and before it is accepted without.
    fn judge(&mut self, searching: &mut Searching<'a>, path: PathState) -> Turn {
        let (nodes, anchor) = searching.search.path(path);
        let Some(anchor) = anchor else { return Turn::Working };
        let search = &searching.search;
        let mut steps: SmallVec<[PathCertificate<'_, '_>; 8]> = SmallVec::new();
        for &node in &nodes {
            let Some(certificate) = search.certificate(node) else { return Turn::Working };
            steps.push(PathCertificate { certificate, self_issued: search.is_self_issued(node) });
        }
        let bundle = searching.domain.bundle();
        let view = PathView {
            certificates: &steps,
            anchor,
            bundle,
            flawed: searching.flawed,
            read: false,
        };
        let mut judgement = check_path(&view, &self.demands, &mut self.budget);
        if judgement.breaches.is_empty() && searching.target.is_empty() && !searching.flawed {
            let policies = core::mem::take(&mut judgement.policies.user_constrained);
            let claim = Claim { store: searching.store, domain: searching.domain, path: None };
            match self.confirm(claim, &steps, anchor, policies) {
                Ok(Confirmed { outcome, wants }) => {
                    let wants = self.ask(wants);
                    let without = outcome.map_err(|breach| alloc::vec![breach]);
                    if !wants.is_empty() {
                        self.anew = false;
                        searching.waiting = Some(Waiting { path, without });
                        return Turn::Needs(wants);
                    }
                    match without {
                        Ok(peer) => return Turn::Decided(self.decided(Outcome::Accepted(peer))),
                        Err(breaches) => judgement.breaches = breaches,
                    }
                }
                Err(exceeded) => return Turn::Decided(self.stopped(searching, exceeded)),
            }
        }
        drop(steps);
        self.refuse(searching, path, judgement.breaches)
    }

    /// Gives a path up for what it breaks.
    fn refuse(
        &mut self,
        searching: &mut Searching<'a>,
        path: PathState,
        breaches: Vec<Breach>,
    ) -> Turn {
        let (nodes, anchor) = searching.search.path(path);
        let limit = breaches.iter().find_map(|breach| match breach.violation {
            Violation::Limit(exceeded) => Some(exceeded),
            _ => None,
        });
        let reaches: Vec<Reach> = breaches.iter().map(|breach| breach.reach).collect();
        let hopeless = !searching.target.is_empty()
            || searching.flawed
            || reaches.contains(&Reach::Certificate { depth: 0 });
        let breaches = searching.target.iter().cloned().chain(breaches).collect();
        self.report.add_path(&searching.search, &nodes, anchor.map(Arc::as_ref), breaches);
        if let Some(exceeded) = limit {
            return Turn::Decided(self.stopped(searching, exceeded));
        }
        if hopeless {
            return Turn::Decided(self.conclude());
        }
        searching.search.reject(path, &reaches);
        Turn::Working
    }

    /// Confirms the claim on a valid path: identity, expectation, revocation.
    fn confirm(
        &mut self,
        claim: Claim<'_>,
        steps: &[PathCertificate<'_, '_>],
        anchor: &Arc<TrustAnchor>,
        policies: Vec<OwnedOid>,
    ) -> Result<Confirmed, LimitExceeded> {
        let Some(leaf) = steps.first() else { return Ok(Confirmed::nobody()) };
        let identified = identify(claim.store, claim.domain, leaf.certificate);
        if let Err(violation) = check_expectation(self.request.expect, &identified.identity) {
            // No other path changes the names of the peer.
            let breach =
                Breach { violation, depth: Some(0), reach: Reach::Certificate { depth: 0 } };
            return Ok(Confirmed { outcome: Err(breach), wants: Vec::new() });
        }
        let mut status = StatusReport::default();
        let asked = self.verifier.asks_about_revocation();
        let denies = self.revocation.deny_list().is_some();
        if asked || denies || self.request.stapled_ocsp.is_some() {
            status = self.inquire(&claim, steps, anchor, &identified.identity)?;
            if let Some(breach) = status.breach {
                self.report.add_evidence(status.evidence);
                return Ok(Confirmed { outcome: Err(breach), wants: status.wants });
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
        let bundle = claim.domain.bundle();
        let peer = CertifiedPeer::new(PeerRecord {
            identity: identified.identity,
            path: claim.path.unwrap_or_else(|| {
                OwnedCertificate::share(steps.iter().map(|step| step.certificate))
            }),
            anchor: Arc::clone(anchor),
            trust_domain: claim.domain.shared_name().clone(),
            bundle_digest: *bundle.digest(),
            bundle_sequence: bundle.sequence(),
            policies,
            valid_until,
            decided_at: self.demands.now,
            revocation_asked: asked,
            evidence: status.evidence,
            notes,
        });
        Ok(Confirmed { outcome: Ok(peer), wants: status.wants })
    }

    fn inquire(
        &mut self,
        claim: &Claim<'_>,
        steps: &[PathCertificate<'_, '_>],
        anchor: &TrustAnchor,
        identity: &PeerIdentity,
    ) -> Result<StatusReport, LimitExceeded> {
        let inquiry = Inquiry {
            revocation: self.revocation,
            policy: if self.verifier.asks_about_revocation() {
                &self.verifier.revocation_policy
            } else if self.request.stapled_ocsp.is_some() {
                // What a peer staples is heard even where nobody asks.
                &self.verifier.staple_policy
            } else {
                // A deny list says no to those that it names, and nothing of others.
                &self.verifier.deny_policy
            },
            signer_policy: &self.verifier.signer_policy,
            means: self.means(),
            trust_domain: claim.domain.name(),
            bundle: claim.domain.bundle(),
            presented: self.request.intermediates,
            supplied: &self.supplied,
            stapled_ocsp: self.request.stapled_ocsp,
            scts: self.request.scts,
        };
        let path = Path { steps, anchor, identity: Some(identity) };
        inquiry.status_of(&path, &mut Signers::default(), false, 0, &mut self.budget)
    }

    /// No further path: either nothing remains to be said, or paths that break rules say it.
    fn exhausted(&mut self, searching: &mut Searching<'a>) -> Turn {
        if !searching.flawed && !self.report.has_paths() {
            if core::mem::take(&mut self.anew) && searching.supplied < self.supplied.len() {
                return match self.reopen(searching) {
                    Ok(()) => Turn::Working,
                    Err(exceeded) => Turn::Decided(self.stopped(searching, exceeded)),
                };
            }
            let wants = self.ask(issuers::missing(&searching.search));
            if !wants.is_empty() {
                return Turn::Needs(wants);
            }
        }
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
struct Confirmed {
    outcome: Result<CertifiedPeer, Breach>,
    /// Evidence that might mend it, or take the place of what policy let pass.
    wants: Vec<EvidenceRequest>,
}

impl Confirmed {
    /// A path without certificates, which no search makes.
    const fn nobody() -> Self {
        let breach = Breach {
            violation: Violation::NoIdentity,
            depth: None,
            reach: Reach::Certificate { depth: 0 },
        };
        Self { outcome: Err(breach), wants: Vec::new() }
    }
}
