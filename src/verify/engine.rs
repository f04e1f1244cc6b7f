//! `Verifier` and `Verification`: one call, and the same machine as steps.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::identify::{check_expectation, identify, select_domain};
use super::report::Report;
use super::request::Request;
use crate::constraints::{
    Breach, Demands, PathCertificate, PathView, Reach, Violation, check_path, check_target,
};
use crate::decision::{
    CertifiedPeer, Decision, Finding, Fingerprint, Outcome, PeerRecord, Rejection,
};
use crate::path::{Event, Means, PathState, Pool, Search};
use crate::policy::{Budget, LimitExceeded, Purpose, ValidationPolicy};
use crate::signature::{SignatureBackend, SignatureMemo};
use crate::trust::{AnchorState, Domain, TrustAnchor, TrustStore};
use crate::x509::{Certificate, OwnedOid, Time};

/// Decides requests under one trust store and one policy. Cheap to clone; immutable.
#[derive(Clone, Debug)]
pub struct Verifier {
    trust: Arc<TrustStore>,
    labelled: Arc<BTreeMap<Arc<str>, Arc<TrustStore>>>,
    policy: Arc<ValidationPolicy>,
    policy_digest: [u8; 32],
    backend: Arc<dyn SignatureBackend>,
    memo: Option<Arc<dyn SignatureMemo>>,
}

impl Verifier {
    /// Takes who is trusted to speak for whom, what is demanded, and what verifies signatures.
    #[must_use]
    pub fn new(
        trust: Arc<TrustStore>,
        policy: Arc<ValidationPolicy>,
        backend: Arc<dyn SignatureBackend>,
    ) -> Self {
        let policy_digest = policy.digest();
        Self { trust, labelled: Arc::default(), policy, policy_digest, backend, memo: None }
    }

    /// Remembers signatures that verified. A memo changes no answer and no record. Default: none.
    #[must_use]
    pub fn with_memo(self, memo: Arc<dyn SignatureMemo>) -> Self {
        Self { memo: Some(memo), ..self }
    }

    /// Sets the trust that applies to requests with this label, instead of the one the verifier
    /// was made with: for listeners or tenants with their own. A request with a label that was not
    /// set is rejected.
    #[must_use]
    pub fn with_labelled_trust(self, label: &str, trust: Arc<TrustStore>) -> Self {
        let mut labelled = BTreeMap::clone(&self.labelled);
        labelled.insert(label.into(), trust);
        Self { labelled: Arc::new(labelled), ..self }
    }

    /// Returns the trust store of requests without a label.
    #[must_use]
    pub const fn trust(&self) -> &Arc<TrustStore> {
        &self.trust
    }

    /// Returns the policy.
    #[must_use]
    pub const fn policy(&self) -> &Arc<ValidationPolicy> {
        &self.policy
    }

    /// Answers a request as of `now`. Never blocks and never fetches.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>, now: Time) -> Decision {
        let mut verification = self.begin(request, now);
        loop {
            if let Step::Decided(decision) = verification.step() {
                return decision;
            }
        }
    }

    /// Begins to answer a request as of `now`, in steps.
    #[must_use]
    pub fn begin<'a>(&'a self, request: &'a Request<'a>, now: Time) -> Verification<'a> {
        let purpose = request.purpose.as_ref().unwrap_or(&self.policy.purpose);
        let demands = Demands { policy: &self.policy, purpose: Purpose::oid(purpose), now };
        Verification {
            verifier: self,
            request,
            demands,
            budget: Budget::new(self.policy.limits),
            stage: Stage::Start,
            report: Report::default(),
        }
    }

    fn trust_for(&self, label: Option<&str>) -> Result<&TrustStore, Violation> {
        match label {
            None => Ok(&self.trust),
            Some(label) => self
                .labelled
                .get(label)
                .map(Arc::as_ref)
                .ok_or_else(|| Violation::UnknownLabel { label: label.to_string() }),
        }
    }
}

/// What a step of a [`Verification`] came to.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each")]
pub enum Step {
    /// A bounded piece of work was done; there is more.
    Working,
    /// The answer. Further steps repeat it.
    Decided(Decision),
}

/// A request being answered, step by step.
///
/// Each step makes at most one partial path, checks at most one signature, or judges one path.
/// The answer does not depend on how the steps are spread over time.
#[derive(Debug)]
pub struct Verification<'a> {
    verifier: &'a Verifier,
    request: &'a Request<'a>,
    demands: Demands<'a>,
    budget: Budget,
    stage: Stage<'a>,
    report: Report,
}

#[derive(Debug)]
enum Stage<'a> {
    Start,
    Searching(Box<Searching<'a>>),
    Decided(Decision),
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
}

impl<'a> Verification<'a> {
    /// Does a bounded piece of work.
    pub fn step(&mut self) -> Step {
        let decision = match core::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Start => match self.start() {
                Ok(searching) => {
                    self.stage = Stage::Searching(Box::new(searching));
                    return Step::Working;
                }
                Err(finding) => self.reject(finding),
            },
            Stage::Searching(mut searching) => match self.advance(&mut searching) {
                None => {
                    self.stage = Stage::Searching(searching);
                    return Step::Working;
                }
                Some(decision) => decision,
            },
            Stage::Decided(decision) => decision,
        };
        self.stage = Stage::Decided(decision.clone());
        Step::Decided(decision)
    }

    /// Reads the leaf, selects the trust domain and opens the search.
    fn start(&mut self) -> Result<Searching<'a>, Finding> {
        let request = self.request;
        let at_leaf = |violation| {
            let fingerprint = Fingerprint::of(request.end_entity.as_ref());
            Finding::new(violation, Some(0), Some(fingerprint))
        };
        let store = self
            .verifier
            .trust_for(request.label)
            .map_err(|violation| Finding::new(violation, None, None))?;
        let leaf = Certificate::from_der(request.end_entity.as_ref())
            .and_then(|leaf| leaf.check().map(|()| leaf))
            .map_err(|error| at_leaf(Violation::Malformed(error)))?;
        let domain = select_domain(store, &leaf, request.expect).map_err(at_leaf)?;
        let target = check_target(&leaf, &self.demands).breaches;
        let candidates = request.intermediates.iter().map(AsRef::as_ref);
        let pool = Pool::new(leaf, candidates, &self.verifier.policy.limits)
            .map_err(|exceeded| Finding::new(Violation::Limit(exceeded), None, None))?;
        let means = Means {
            demands: self.demands,
            backend: &*self.verifier.backend,
            memo: self.verifier.memo.as_deref(),
        };
        let search = Search::new(pool, domain.bundle(), means);
        Ok(Searching { search, store, domain, target, flawed: false })
    }

    fn advance(&mut self, searching: &mut Searching<'a>) -> Option<Decision> {
        match searching.search.step(&mut self.budget) {
            Ok(Event::Working) => None,
            Ok(Event::Candidate(path)) => self.judge(searching, path),
            Ok(Event::Exhausted) => self.exhausted(searching),
            Err(exceeded) => Some(self.stopped(searching, exceeded)),
        }
    }

    /// Judges a path whose signatures hold.
    fn judge(&mut self, searching: &mut Searching<'a>, path: PathState) -> Option<Decision> {
        let (nodes, anchor) = searching.search.path(path);
        let anchor = anchor?;
        let search = &searching.search;
        let mut steps = Vec::with_capacity(nodes.len());
        for &node in &nodes {
            let certificate = search.certificate(node)?;
            steps.push(PathCertificate { certificate, self_issued: search.is_self_issued(node) });
        }
        let bundle = searching.domain.bundle();
        let view = PathView { certificates: &steps, anchor, bundle, flawed: searching.flawed };
        let mut judgement = check_path(&view, &self.demands, &mut self.budget);
        if judgement.breaches.is_empty() && searching.target.is_empty() && !searching.flawed {
            let policies = core::mem::take(&mut judgement.policies.user_constrained);
            return Some(self.identify(searching, &nodes, anchor, policies));
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
            return Some(self.stopped(searching, exceeded));
        }
        if hopeless {
            return Some(self.conclude());
        }
        for reach in reaches {
            searching.search.reject(path, reach);
        }
        None
    }

    /// Confirms the claim on a valid path.
    fn identify(
        &mut self,
        searching: &Searching<'a>,
        nodes: &[usize],
        anchor: &TrustAnchor,
        policies: Vec<OwnedOid>,
    ) -> Decision {
        let search = &searching.search;
        let Some(leaf) = search.certificate(0) else { return self.conclude() };
        let identified = identify(searching.store, searching.domain, leaf);
        if let Err(violation) = check_expectation(self.request.expect, &identified.identity) {
            let breach = Breach { violation, depth: Some(0), reach: Reach::Path };
            self.report.add_path(search, nodes, Some(anchor), alloc::vec![breach]);
            return self.conclude();
        }
        let skew = i64::from(self.verifier.policy.clock_skew_seconds);
        let mut valid_until = Time::MAX;
        let mut path = Vec::with_capacity(nodes.len());
        for &node in nodes {
            if let Some(certificate) = search.certificate(node) {
                valid_until = valid_until.min(certificate.not_after().saturating_add(skew));
                path.push(certificate.to_owned());
            }
        }
        if anchor.expiry_enforced
            && let Some(certificate) = anchor.certificate()
        {
            valid_until = valid_until.min(certificate.not_after().saturating_add(skew));
        }
        let mut notes = Vec::new();
        if let AnchorState::Tainted { since } = anchor.state {
            notes.push(Finding::new(Violation::Tainted { since }, Some(nodes.len()), None));
        }
        for name in identified.left_out {
            notes.push(Finding::new(Violation::OutsideTrustDomain { name }, Some(0), None));
        }
        let bundle = searching.domain.bundle();
        let peer = CertifiedPeer::new(PeerRecord {
            identity: identified.identity,
            path,
            anchor: Arc::new(anchor.clone()),
            trust_domain: searching.domain.shared_name().clone(),
            bundle_digest: *bundle.digest(),
            bundle_sequence: bundle.sequence(),
            policies,
            valid_until,
            decided_at: self.demands.now,
            notes,
        });
        self.decided(Outcome::Accepted(peer))
    }

    /// No further path: either nothing remains to be said, or paths that break rules say it.
    fn exhausted(&mut self, searching: &mut Searching<'a>) -> Option<Decision> {
        if searching.flawed || self.report.has_paths() {
            self.report.add_failures(&searching.search, &searching.target);
            return Some(self.conclude());
        }
        searching.flawed = true;
        searching.search.admit_flawed();
        None
    }

    /// A limit was reached. While sound paths are searched, that is the answer; afterwards it only
    /// ends the search for an explanation.
    fn stopped(&mut self, searching: &Searching<'a>, exceeded: LimitExceeded) -> Decision {
        if searching.flawed {
            self.report.add_failures(&searching.search, &searching.target);
            return self.conclude();
        }
        self.report.add_failures(&searching.search, &searching.target);
        self.reject(Finding::new(Violation::Limit(exceeded), None, None))
    }

    fn conclude(&mut self) -> Decision {
        let cause = self.report.cause();
        self.reject(cause)
    }

    fn reject(&mut self, cause: Finding) -> Decision {
        let report = core::mem::take(&mut self.report);
        let rejection: Rejection = report.into_rejection(cause);
        self.decided(Outcome::Rejected(Box::new(rejection)))
    }

    fn decided(&self, outcome: Outcome) -> Decision {
        let Self { verifier, demands, budget, .. } = self;
        Decision::new(outcome, demands.now, verifier.policy_digest, budget.work())
    }
}
