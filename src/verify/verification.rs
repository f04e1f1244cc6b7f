//! `Verification`: a request being answered, step by step.

use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls_pki_types::CertificateDer;
use smallvec::SmallVec;

use super::context::{Claim, Confirmed, Context};
use super::identify::{Selected, select_domain};
use super::issuers;
use super::report::Ended;
use super::request::Request;
use super::straight::CheckedSignatures;
use super::verifier::Verifier;
use crate::constraints::{
    Breach, PathCertificate, PathView, Reach, Violation, check_path, check_target,
};
use crate::decision::{CertifiedPeer, Decision, Finding, Fingerprint, Outcome};
use crate::path::{Event, PathState, Pool, Search};
use crate::policy::LimitExceeded;
use crate::revocation::{EvidenceRequest, Revocation};
use crate::x509::{Certificate, Time};

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

/// How many things a host is asked for: eight each for a path of eight.
const MAX_ASKED: usize = 8 * EvidenceRequest::MAX;

/// What is known once the leaf was read.
#[derive(Debug)]
struct Started<'a> {
    leaf: Certificate<'a>,
    selected: Selected<'a>,
    /// What the target breaks on its own.
    target: Vec<Breach>,
}

/// The state between the leaf and the decision.
#[derive(Debug)]
struct Searching<'a> {
    search: Search<'a>,
    selected: Selected<'a>,
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
        let context = Context::new(verifier, request, now);
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
    /// Searches to the end, without further evidence, whatever would help. Signatures that were
    /// `checked` are not verified again.
    pub(super) fn search(mut self, checked: CheckedSignatures<'a>) -> Decision {
        let mut searching = match self.start().and_then(|started| self.open(started)) {
            Ok(searching) => searching,
            Err(finding) => return self.reject(finding),
        };
        searching.search = searching.search.with_checked(checked);
        loop {
            if let Turn::Decided(decision) = self.advance(&mut searching) {
                return decision;
            }
        }
    }

    /// Reads the leaf and selects the trust domain.
    fn start(&self) -> Result<Started<'a>, Finding> {
        let request = self.request;
        let leaf = Certificate::from_der(request.end_entity.as_ref())
            .and_then(|leaf| leaf.check().map(|()| leaf))
            .map_err(|error| self.at_leaf(Violation::Malformed(error)))?;
        let store = self
            .verifier
            .trust_for(request.label)
            .map_err(|violation| Finding::new(violation, None, None))?;
        let selected = select_domain(store, &leaf, request.expect)
            .map_err(|violation| self.at_leaf(violation))?;
        let target = check_target(&leaf, &self.demands).breaches;
        Ok(Started { leaf, selected, target })
    }

    fn at_leaf(&self, violation: Violation) -> Finding {
        let fingerprint = Fingerprint::of(self.request.end_entity.as_ref());
        Finding::new(violation, Some(0), Some(fingerprint))
    }

    /// Opens the search.
    fn open(&self, started: Started<'a>) -> Result<Searching<'a>, Finding> {
        let Started { leaf, selected, target } = started;
        let candidates = self.request.intermediates.iter().map(AsRef::as_ref);
        let pool = Pool::new(leaf, candidates, &self.verifier.policy.limits)
            .map_err(|exceeded| Finding::new(Violation::Limit(exceeded), None, None))?;
        let search = Search::new(pool, selected.domain.bundle(), self.means());
        Ok(Searching { search, selected, target, flawed: false, supplied: 0, waiting: None })
    }

    /// Begins the search anew, with what was supplied.
    fn reopen(&mut self, searching: &mut Searching<'a>) -> Result<(), LimitExceeded> {
        let Some(&leaf) = searching.search.certificate(0) else { return Ok(()) };
        let presented = self.request.intermediates.iter().map(AsRef::as_ref);
        let candidates: Vec<&[u8]> = presented.chain(self.supplied.iter().copied()).collect();
        let pool = Pool::new(leaf, candidates.into_iter(), &self.verifier.policy.limits)?;
        searching.search = Search::new(pool, searching.selected.domain.bundle(), self.means());
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
        let domain = searching.selected.domain;
        let Some(voucher) = domain.voucher_of(anchor) else { return Turn::Working };
        let bundle = domain.bundle();
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
            let claim = Claim { selected: searching.selected, path: None };
            match self.confirm(claim, &steps, voucher, policies) {
                Ok(Confirmed { outcome, wants }) => {
                    let wants = self.ask(wants);
                    let without = outcome.map_err(|breach| alloc::vec![*breach]);
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
}
