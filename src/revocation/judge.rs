//! Sources together: one verdict on one certificate, and what policy makes of it.
//!
//! An authentic "revoked" of any source wins; "good" comes from the source that covers the
//! certificate longest; else the weightiest reason for not knowing goes to the policy. What was let
//! through without being known to be good is an event of the decision.

use alloc::sync::Arc;
use alloc::vec::Vec;

use smallvec::SmallVec;

use super::answer::{Answer, EvidenceRequest, Revoked, SignerQuestion, Unknown, Verdict};
use super::{DenyList, EvidenceBudget, EvidenceId, OcspStore, Query, RevocationSource, exempt};
use crate::policy::OnUnknown;
use crate::x509::Time;

/// What is asked of one certificate: a deny list and any number of sources, published together.
#[derive(Clone, Debug, Default)]
pub struct Revocation {
    deny: Option<Arc<DenyList>>,
    sources: Vec<Arc<dyn RevocationSource>>,
}

/// What policy makes of the answers on one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each case")]
pub enum Outcome {
    /// Evidence says that it is not revoked.
    Good,
    /// Policy consults nothing for certificates of this kind.
    Unchecked,
    /// Unknown, and policy lets it pass.
    Passed {
        /// Why it is unknown.
        why: Unknown,
        /// Whether the decision records that.
        event: bool,
    },
    /// Unknown, and policy refuses.
    Refused(Unknown),
    /// Revoked.
    Revoked(Revoked),
}

/// The judgement of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Judgement {
    /// What follows.
    pub outcome: Outcome,
    /// The answer that decided.
    pub answer: Answer,
    /// Until when the judgement stands; nothing where no evidence bounds it.
    pub valid_until: Option<Time>,
    /// Signers to validate before the judgement is final; ask again when they are decided.
    pub signers: Vec<SignerQuestion>,
    /// Evidence that would help, duplicates merged.
    pub wants: Vec<EvidenceRequest>,
}

impl Revocation {
    /// Consults nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { deny: None, sources: Vec::new() }
    }

    /// Sets the deny list.
    #[must_use]
    pub fn with_deny_list(self, deny: Arc<DenyList>) -> Self {
        Self { deny: Some(deny), ..self }
    }

    /// Adds a source. The order of sources has no say in verdicts.
    #[must_use]
    pub fn with_source(mut self, source: Arc<dyn RevocationSource>) -> Self {
        self.sources.push(source);
        self
    }

    /// A copy with a source in the place of the first one of its name, or behind the others.
    #[must_use]
    pub fn with_replaced_source(&self, source: Arc<dyn RevocationSource>) -> Self {
        let mut next = self.clone();
        match next.sources.iter_mut().find(|held| held.name() == source.name()) {
            Some(held) => *held = source,
            None => next.sources.push(source),
        }
        next
    }

    /// Returns the deny list.
    #[must_use]
    pub const fn deny_list(&self) -> Option<&Arc<DenyList>> {
        self.deny.as_ref()
    }

    /// Returns the sources, in the order in which they were added.
    #[must_use]
    pub fn sources(&self) -> &[Arc<dyn RevocationSource>] {
        &self.sources
    }

    /// Names the content: equal digests judge alike.
    #[must_use]
    pub fn digest(&self) -> EvidenceId {
        let mut all: Vec<[u8; 32]> =
            self.sources.iter().map(|source| *source.digest().as_bytes()).collect();
        all.extend(self.deny.as_ref().map(|deny| *deny.digest().as_bytes()));
        all.sort_unstable();
        EvidenceId::of(all.as_flattened())
    }

    /// Whether nothing is consulted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deny.is_none() && self.sources.is_empty()
    }

    /// Judges one certificate by all sources and the policy of the query.
    #[must_use]
    pub fn judge(&self, query: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Judgement {
        let issuer_spki = query.issuer.key.spki().der();
        let rule = query.policy.rule(query.role, query.trust_domain, issuer_spki);
        let mut denial_begins = None;
        if let Some(deny) = &self.deny {
            let answer = deny.status(query, budget);
            match answer.verdict {
                Verdict::Revoked(revoked) => {
                    return Judgement::of(Outcome::Revoked(revoked), answer, None);
                }
                _ => denial_begins = answer.fresh_until,
            }
        }
        if rule.is_unchecked() {
            let answer = Answer::unknown(Unknown::NoSource);
            return Judgement::of(Outcome::Unchecked, answer, denial_begins);
        }
        let mut answers: SmallVec<[Answer; 1]> =
            self.sources.iter().map(|source| source.status(query, budget)).collect();
        // A staple is judged, whatever sources there are.
        if query.stapled_ocsp.is_some() {
            answers.push(OcspStore::new().status(query, budget));
        }
        answers.extend(exempt::status(&query.certificate, query.role, query.policy));
        let mut judgement = combine(answers, |why| match rule.on_unknown(why.reason()) {
            OnUnknown::Reject => Outcome::Refused(why.clone()),
            OnUnknown::AcceptWithEvent => Outcome::Passed { why: why.clone(), event: true },
            OnUnknown::Accept => Outcome::Passed { why: why.clone(), event: false },
        });
        judgement.valid_until = earliest(judgement.valid_until, denial_begins);
        judgement
    }
}

impl Judgement {
    fn of(outcome: Outcome, answer: Answer, valid_until: Option<Time>) -> Self {
        Self { outcome, answer, valid_until, signers: Vec::new(), wants: Vec::new() }
    }

    /// Whether the certificate passes.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self.outcome, Outcome::Good | Outcome::Unchecked | Outcome::Passed { .. })
    }
}

fn earliest(left: Option<Time>, right: Option<Time>) -> Option<Time> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (one, other) => one.or(other),
    }
}

/// The order of sources has no say: among answers of one kind the choice goes by what they say.
fn combine(
    answers: impl IntoIterator<Item = Answer>,
    on_unknown: impl Fn(&Unknown) -> Outcome,
) -> Judgement {
    let mut revoked: Option<(Revoked, Answer)> = None;
    let mut good: Option<Answer> = None;
    let mut unknown = (Unknown::NoSource, Answer::unknown(Unknown::NoSource));
    let (mut signers, mut wants) = (Vec::new(), Vec::new());
    for mut answer in answers {
        signers.append(&mut answer.signers);
        for want in core::mem::take(&mut answer.wants) {
            if wants.len() < EvidenceRequest::MAX && !wants.contains(&want) {
                wants.push(want);
            }
        }
        match &answer.verdict {
            Verdict::Revoked(found) => {
                let order =
                    |revoked: &Revoked, answer: &Answer| (revoked.at, answer.evidence.clone());
                let first = revoked
                    .as_ref()
                    .is_none_or(|(other, held)| order(found, &answer) < order(other, held));
                if first {
                    revoked = Some((*found, answer));
                }
            }
            Verdict::Good => {
                let order = |answer: &Answer| {
                    (answer.fresh_until.unwrap_or(Time::MAX), answer.evidence.clone())
                };
                if good.as_ref().is_none_or(|other| order(&answer) > order(other)) {
                    good = Some(answer);
                }
            }
            Verdict::Unknown(why) => {
                if why.reason() > unknown.0.reason() {
                    unknown = (why.clone(), answer);
                }
            }
        }
    }
    signers.sort_by_key(|question: &SignerQuestion| question.id);
    signers.dedup_by_key(|question| question.id);
    if let Some((revoked, answer)) = revoked {
        return Judgement::of(Outcome::Revoked(revoked), answer, None);
    }
    if let Some(answer) = good {
        let valid_until = answer.fresh_until;
        // A signer who is not decided may still revoke.
        return Judgement { signers, ..Judgement::of(Outcome::Good, answer, valid_until) };
    }
    let (why, answer) = unknown;
    Judgement { signers, wants, ..Judgement::of(on_unknown(&why), answer, None) }
}
