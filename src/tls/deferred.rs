//! `Deferred`: a question that waits for evidence while the host fetches it.
//!
//! Nothing is held between steps but what the host has found. Each step asks the whole question, under
//! the snapshot then in force and as of the time then: a handshake that waited is not accepted by an
//! authority that was removed meanwhile, and a list that was made meanwhile is not one from the future.
//! Signatures come out of the memo, so that a step costs what a repeated decision costs.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;
use core::ops::ControlFlow;

use rustls_pki_types::{CertificateDer, ServerName};

use super::judge::{Judge, PeerError};
use super::table::ChainDigest;
use crate::live::{Presented, Ruling};
use crate::revocation::{EvidenceRequest, Revocation, RevocationSource};
use crate::verify::Step;
use crate::x509::Time;

/// What is asked: of whom, by which name, when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) end_entity: &'a CertificateDer<'a>,
    pub(crate) intermediates: &'a [CertificateDer<'a>],
    pub(crate) name: Option<&'a ServerName<'a>>,
    /// Empty where there is none.
    pub(crate) staple: &'a [u8],
    pub(crate) now: Time,
}

impl Question<'_> {
    pub(crate) fn chain(&self) -> ChainDigest {
        let chain = core::iter::once(self.end_entity).chain(self.intermediates);
        ChainDigest::of_parts(chain.map(AsRef::as_ref))
    }
}

/// Whoever has a judge: a verifier, which stays as long as somebody waits for its answer.
pub(crate) trait HasJudge: fmt::Debug + Send + Sync {
    fn judge(&self) -> &Judge;
}

/// What has been found so far.
#[derive(Clone, Debug)]
pub(crate) struct Deferred {
    verifier: Arc<dyn HasJudge>,
    found: Vec<Arc<dyn RevocationSource>>,
    /// How often the host was asked.
    rounds: usize,
}

/// What asking came to.
#[derive(Debug)]
pub(crate) enum Progress {
    Needs(Vec<EvidenceRequest>),
    Decided(Ruling),
}

impl Deferred {
    pub(crate) fn new(verifier: Arc<dyn HasJudge>) -> Self {
        Self { verifier, found: Vec::new(), rounds: 0 }
    }

    /// Adds what the host found when it was asked, which may be nothing.
    pub(crate) fn supply(&mut self, found: impl IntoIterator<Item = Arc<dyn RevocationSource>>) {
        self.found.extend(found);
        self.rounds = self.rounds.saturating_add(1);
    }

    /// Asks, and stops where evidence is wanted that the host was not yet asked for.
    pub(crate) fn step(&self, question: &Question<'_>) -> Result<Progress, PeerError> {
        let mut asked = self.rounds;
        let flow = self.ask(question, |wants| match asked.checked_sub(1) {
            Some(left) => {
                asked = left;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(wants),
        })?;
        Ok(match flow {
            ControlFlow::Break(wants) => Progress::Needs(wants),
            ControlFlow::Continue(ruling) => Progress::Decided(ruling),
        })
    }

    /// Asks, and decides on what there is; a rejection is remembered and told.
    pub(crate) fn conclude(&self, question: &Question<'_>) -> Result<Ruling, PeerError> {
        let ControlFlow::Continue(ruling) =
            self.ask(question, |_| ControlFlow::<Infallible>::Continue(()))?;
        if ruling.decision().is_accepted() {
            return Ok(ruling);
        }
        let judge = self.verifier.judge();
        let requirement = judge.expected.text(question.name).ok_or(PeerError::Name)?;
        let stapled = !question.staple.is_empty();
        let rejected = judge.refuse(question.chain(), requirement, &ruling, stapled);
        Err(PeerError::Rejected(rejected))
    }

    /// Asks; `wants` says whether to go on with what was found where evidence is wanted.
    fn ask<B>(
        &self,
        question: &Question<'_>,
        mut wants: impl FnMut(Vec<EvidenceRequest>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Ruling>, PeerError> {
        let judge = self.verifier.judge();
        let snapshot = judge.live.snapshot();
        let verifier = snapshot.verifier();
        let requirement = judge.requirement(question.name, verifier.policy())?;
        let mut presented = Presented::new(question.end_entity, question.intermediates);
        if !question.staple.is_empty() {
            presented = presented.with_stapled_ocsp(question.staple);
        }
        // What the host found stands beside what is in force, never in its place: a deny list stays.
        let in_force = Revocation::clone(verifier.revocation());
        let evidence = self.found.iter().cloned().fold(in_force, Revocation::with_source);
        let request = requirement.request(&presented);
        let mut verification = verifier.begin(&request, question.now);
        let decision = loop {
            match verification.step() {
                Step::Working => {}
                Step::Decided(decision) => break decision,
                Step::Needs(evidence_wanted) => match wants(evidence_wanted) {
                    ControlFlow::Continue(()) => verification.supply(&evidence),
                    ControlFlow::Break(wanted) => return Ok(ControlFlow::Break(wanted)),
                },
            }
        };
        Ok(ControlFlow::Continue(snapshot.ruling(&requirement, &presented, decision)))
    }
}
