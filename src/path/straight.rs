//! The straight way: where every certificate has one possible issuer, nothing needs to be searched.
//!
//! Nearly all peers present a chain: each certificate issued by the next, the last one by an anchor.
//! [`Way::find`] walks it with the rules of the search and gives up wherever the search would have a
//! choice, or something to report: two candidates of one name, one that breaks a rule, an anchor whose
//! key identifier is another one. So it finds the path that the search finds first, by as many steps,
//! or none; what it costs is a comparison of names for each certificate and no memory.
//!
//! Whoever refuses the path asks the search, which begins with nothing spent; the signatures that were
//! checked on the way are handed on as [`Checked`], so that none is verified twice.

use alloc::sync::Arc;

use arrayvec::ArrayVec;
use smallvec::SmallVec;

use super::cost::KeyMatch;
use super::pool::AnchorGroup;
use super::search::{Means, check_signature, same_entity};
use crate::constraints::{Violation, check_issuer, path_length};
use crate::policy::{Budget, LimitExceeded};
use crate::signature::PublicKey;
use crate::trust::{AnchorState, TrustAnchor, TrustBundle};
use crate::x509::Certificate;

/// How many candidates there may be; with more the search is worth its preparation.
pub(crate) const MAX_CANDIDATES: usize = 6;

/// A certificate on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    /// Its place: 0 is the target, the candidates follow in the order in which they came.
    pub(crate) place: usize,
    /// Whether subject and issuer match.
    pub(crate) self_issued: bool,
}

/// A path from a target to an anchor, found without a choice.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    /// The target first.
    pub(crate) stops: ArrayVec<Stop, { MAX_CANDIDATES + 1 }>,
    pub(crate) anchor: &'a Arc<TrustAnchor>,
}

/// A signature that was checked: which certificate's, with which key, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Checked<'a> {
    pub(crate) certificate: &'a [u8],
    pub(crate) key: PublicKey<'a>,
    pub(crate) failure: Option<Violation>,
}

impl<'a> Way<'a> {
    /// Finds the way, without looking at a signature. The first of `certificates` is the target.
    pub(crate) fn find(
        certificates: &[Certificate<'a>],
        bundle: &'a TrustBundle,
        means: &Means<'_>,
    ) -> Option<Self> {
        let (target, candidates) = certificates.split_first()?;
        if candidates.len() > MAX_CANDIDATES || bundle.has_pinned() {
            return None;
        }
        let mut stops = ArrayVec::new();
        stops.push(Stop { place: 0, self_issued: false });
        let mut subject = target;
        let mut intermediates = 0;
        loop {
            let issuer = subject.issuer();
            let group = bundle.named(&issuer);
            if !group.is_empty() {
                let group = AnchorGroup::new(&group, subject.issuer_key_id(), bundle);
                // A path that ends here is shorter than any other, unless the key identifiers say
                // that another key was meant.
                let first =
                    group.at(KeyMatch::Match, 0).or_else(|| group.at(KeyMatch::Unknown, 0))?;
                let anchor = bundle.anchor(first)?;
                let sound = anchor.state != AnchorState::Distrusted
                    && bundle.bears(anchor, &issuer)
                    && path_length(anchor.path_len, intermediates).is_none();
                return sound.then_some(Self { stops, anchor });
            }
            let mut named = candidates
                .iter()
                .enumerate()
                .filter(|(_, candidate)| candidate.subject().matches(&issuer));
            let (at, next) = named.next()?;
            if named.next().is_some() {
                return None;
            }
            let mut sound = true;
            check_issuer(next, &means.demands, &mut |_| sound = false);
            let allowed = next.basic_constraints().and_then(|b| b.path_len);
            sound &= path_length(allowed, intermediates).is_none();
            let self_issued = next.subject().matches(&next.issuer());
            intermediates += u32::from(!self_issued);
            sound &= means.demands.policy.max_intermediates.is_none_or(|max| intermediates <= max);
            let stands_there = |stop: &Stop| {
                certificates.get(stop.place).is_some_and(|stop| same_entity(stop, next))
            };
            if !sound || stops.iter().any(stands_there) {
                return None;
            }
            stops.try_push(Stop { place: at + 1, self_issued }).ok()?;
            subject = next;
        }
    }

    /// Checks the signatures from the anchor down; says whether all hold. `known` says which
    /// certificate's signature is known to hold under which key.
    ///
    /// # Errors
    /// The limit that was reached.
    pub(crate) fn verify(
        &self,
        certificates: &[Certificate<'a>],
        means: &Means<'_>,
        known: impl Fn(usize, PublicKey<'_>) -> bool,
        checked: &mut SmallVec<[Checked<'a>; 2]>,
        budget: &mut Budget,
    ) -> Result<bool, LimitExceeded> {
        for _ in &self.stops {
            budget.path_step()?;
        }
        let Some(mut key) = self.anchor.public_key() else { return Ok(false) };
        let mut anchor = Some(&**self.anchor);
        for stop in self.stops.iter().rev() {
            let Some(certificate) = certificates.get(stop.place) else { return Ok(false) };
            let known = known(stop.place, key);
            let failure = check_signature(means, certificate, key, anchor.take(), known, budget)?;
            let holds = failure.is_none();
            if !known {
                checked.push(Checked { certificate: certificate.as_der(), key, failure });
            }
            if !holds {
                return Ok(false);
            }
            if stop.place == 0 {
                return Ok(true);
            }
            let Ok(spki) = certificate.subject_public_key_info() else { return Ok(false) };
            key = key.issued(spki);
        }
        Ok(false)
    }
}
