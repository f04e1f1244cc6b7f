//! `Batch`: decides item after item, or on all cores.

use core::ops::ControlFlow;

use rustls_pki_types::CertificateDer;

use super::item::Item;
use super::pool::IntermediatePool;
use super::summary::Summary;
use crate::decision::Decision;
use crate::policy::Purpose;
use crate::verify::{Expect, Request, Verifier};
use crate::x509::Time;

/// One verifier, one time and one expectation for all items.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    verifier: &'a Verifier,
    pool: &'a IntermediatePool,
    expect: Expect<'a>,
    purpose: Option<Purpose>,
    label: Option<&'a str>,
    now: Time,
}

/// What a batch says of one item.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer<K> {
    /// The key of the item.
    pub key: K,
    /// The certificate that was decided about.
    pub end_entity: CertificateDer<'static>,
    /// The decision.
    pub decision: Decision,
}

/// How far a batch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Items decided, this one included.
    pub done: u64,
    /// Those that were accepted.
    pub accepted: u64,
    /// Certificates of the pool that limits kept from requests, over all items.
    pub left_out: u64,
}

impl<'a> Batch<'a> {
    /// Decides with this verifier as of `now`; `expect` holds for items without names of their own.
    #[must_use]
    pub const fn new(
        verifier: &'a Verifier,
        pool: &'a IntermediatePool,
        expect: Expect<'a>,
        now: Time,
    ) -> Self {
        Self { verifier, pool, expect, purpose: None, label: None, now }
    }

    /// Sets the purpose that keys must be certified for. Default: that of the policy.
    #[must_use]
    pub fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose: Some(purpose), ..self }
    }

    /// Names the listener or tenant whose trust applies; see
    /// [`Verifier::with_labelled_trust`].
    #[must_use]
    pub fn with_label(self, label: &'a str) -> Self {
        Self { label: Some(label), ..self }
    }

    /// Decides the items in their order and hands out each answer before it takes the next item.
    /// `each` ends the batch by [`ControlFlow::Break`]; the summary is then of what was decided.
    pub fn run<K>(
        &self,
        items: impl IntoIterator<Item = Item<K>>,
        mut each: impl FnMut(Answer<K>, &Progress) -> ControlFlow<()>,
    ) -> Summary {
        let mut summary = Summary::default();
        let mut progress = Progress::default();
        for item in items {
            let (answer, left_out) = self.decide(item);
            summary.count(&answer.end_entity, &answer.decision);
            progress.count(&answer.decision, left_out);
            if each(answer, &progress).is_break() {
                break;
            }
        }
        summary
    }

    /// Decides the items on all threads of the current `rayon` pool. Answers come in any order,
    /// several at a time; their decisions and the summary are those of [`Batch::run`]. After
    /// [`ControlFlow::Break`] no further item is taken; those in hand are finished.
    #[cfg(feature = "rayon")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rayon")))]
    pub fn run_parallel<K: Send>(
        &self,
        items: impl IntoIterator<Item = Item<K>, IntoIter: Send>,
        each: impl Fn(Answer<K>, &Progress) -> ControlFlow<()> + Sync,
    ) -> Summary {
        use core::sync::atomic::{AtomicBool, Ordering};

        use rayon::iter::{ParallelBridge, ParallelIterator};

        let stopped = AtomicBool::new(false);
        let progress = std::sync::Mutex::new(Progress::default());
        items
            .into_iter()
            .take_while(|_| !stopped.load(Ordering::Relaxed))
            .par_bridge()
            .fold(Summary::default, |mut summary, item| {
                let (answer, left_out) = self.decide(item);
                summary.count(&answer.end_entity, &answer.decision);
                let progress = {
                    let mut progress =
                        progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    progress.count(&answer.decision, left_out);
                    *progress
                };
                if each(answer, &progress).is_break() {
                    stopped.store(true, Ordering::Relaxed);
                }
                summary
            })
            .reduce(Summary::default, Summary::merge)
    }

    fn decide<K>(&self, item: Item<K>) -> (Answer<K>, usize) {
        let Item { key, end_entity, intermediates, names } = item;
        let limits = self.verifier.policy().limits();
        let selection = self.pool.select(&end_entity, &intermediates, limits);
        let expect = names.as_deref().map_or(self.expect, Expect::all_names);
        let mut request = Request::new(&end_entity, &selection.certificates, expect);
        if let Some(purpose) = &self.purpose {
            request = request.with_purpose(purpose.clone());
        }
        if let Some(label) = self.label {
            request = request.with_label(label);
        }
        let decision = self.verifier.decide(&request, self.now);
        let left_out = selection.left_out;
        (Answer { key, end_entity, decision }, left_out)
    }
}

impl Progress {
    fn count(&mut self, decision: &Decision, left_out: usize) {
        self.done += 1;
        self.accepted += u64::from(decision.is_accepted());
        self.left_out = self.left_out.saturating_add(u64::try_from(left_out).unwrap_or(u64::MAX));
    }
}
