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

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::convert::Infallible;
use core::ops::ControlFlow;

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
    place: u8,
    /// Whether subject and issuer match.
    pub(crate) self_issued: bool,
}

impl Stop {
    /// The target.
    const TARGET: Self = Self { place: 0, self_issued: false };

    /// Its place: 0 is the target, the candidates follow in the order in which they came.
    pub(crate) fn place(self) -> usize {
        self.place.into()
    }
}

/// A path from a target to an anchor, found without a choice.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    /// The target first.
    pub(crate) stops: ArrayVec<Stop, { MAX_CANDIDATES + 1 }>,
    pub(crate) anchor: &'a Arc<TrustAnchor>,
    /// Its place in the bundle.
    pub(crate) anchor_place: usize,
}

/// A signature that was checked: which certificate's, with which key, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Checked<'a> {
    pub(crate) certificate: &'a [u8],
    pub(crate) key: PublicKey<'a>,
    pub(crate) failure: Option<Box<Violation>>,
}

/// What came of the signatures of a way, from the anchor down.
#[derive(Debug)]
pub(crate) struct Verified {
    /// How many hold, up to the first that does not.
    held: usize,
    /// Why that one does not; nothing where its key cannot be read.
    failure: Option<Box<Violation>>,
}

impl<'a> Way<'a> {
    /// Finds the way, without looking at a signature. The first of `certificates` is the target.
    #[inline]
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
        stops.push(Stop::TARGET);
        let mut subject = target;
        let mut intermediates = 0;
        let mut place = 0;
        loop {
            let issuer = subject.issuer();
            let group = bundle.named(&issuer);
            if place > 0 {
                // What is no anchor's name is not the name of its issuer where that is an anchor's.
                let self_issued = !bundle.bears_all(&group) && subject.subject().matches(&issuer);
                intermediates += u32::from(!self_issued);
                let max = means.demands.policy.max_intermediates;
                if max.is_some_and(|max| intermediates > max) {
                    return None;
                }
                stops.try_push(Stop { place, self_issued }).ok()?;
            }
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
                return sound.then_some(Self { stops, anchor, anchor_place: first });
            }
            let mut named = candidates
                .iter()
                .zip(1..)
                .filter(|(candidate, _)| candidate.subject().matches(&issuer));
            let (next, at) = named.next()?;
            if named.next().is_some() {
                return None;
            }
            let mut sound = true;
            check_issuer(next, &means.demands, &mut |_| sound = false);
            let allowed = next.basic_constraints().and_then(|b| b.path_len);
            sound &= path_length(allowed, intermediates).is_none();
            let stands_there = |stop: &Stop| {
                certificates.get(stop.place()).is_some_and(|stop| same_entity(stop, next))
            };
            if !sound || stops.iter().any(stands_there) {
                return None;
            }
            (subject, place) = (next, at);
        }
    }

    /// Whether every name and every extension value of its certificates can be read; of those at the
    /// places that `is_read` names, that is known.
    pub(crate) fn is_readable(
        &self,
        certificates: &[Certificate<'a>],
        is_read: impl Fn(usize) -> bool,
    ) -> bool {
        let mut above = self.anchor.subject();
        self.stops.iter().rev().all(|stop| {
            certificates.get(stop.place()).is_some_and(|certificate| {
                let readable = is_read(stop.place()) || certificate.is_readable_below(above);
                above = certificate.subject();
                readable
            })
        })
    }

    /// Checks the signatures from the anchor down, up to the first that does not hold. `known` says
    /// which certificate's signature is known to hold under which key.
    ///
    /// # Errors
    /// The limit that was reached.
    pub(crate) fn verify(
        &self,
        certificates: &[Certificate<'a>],
        means: &Means<'_>,
        known: &impl Fn(usize, &PublicKey<'_>) -> bool,
        budget: &mut Budget,
    ) -> Result<Verified, LimitExceeded> {
        for _ in &self.stops {
            budget.path_step()?;
        }
        let mut anchor = Some(&**self.anchor);
        let mut held = 0;
        let checked = self.walk(certificates, |place, certificate, key| {
            let (known, anchor) = (known(place, key), anchor.take());
            match check_signature(means, certificate, *key, anchor, known, budget) {
                Ok(None) => {
                    held += 1;
                    ControlFlow::Continue(())
                }
                Ok(Some(failure)) => ControlFlow::Break(Ok(failure)),
                Err(exceeded) => ControlFlow::Break(Err(exceeded)),
            }
        });
        let failure = checked.break_value().transpose()?;
        Ok(Verified { held, failure })
    }

    /// Whether all signatures hold.
    pub(crate) fn is_verified(&self, verified: &Verified) -> bool {
        verified.held == self.stops.len()
    }

    /// Hands the signatures that were verified on to the search, but for those that are `known`.
    pub(crate) fn hand_on(
        &self,
        certificates: &[Certificate<'a>],
        verified: Verified,
        known: &impl Fn(usize, &PublicKey<'_>) -> bool,
        checked: &mut SmallVec<[Checked<'a>; 2]>,
    ) {
        let Verified { held, mut failure } = verified;
        let mut number = 0;
        self.each_edge(certificates, |place, certificate, key| {
            let failure = if number < held { None } else { failure.take() };
            if (number < held && !known(place, key)) || failure.is_some() {
                checked.push(Checked { certificate: certificate.as_der(), key: *key, failure });
            }
            number += 1;
        });
    }

    /// Hands each certificate to `each`, from the anchor down, with its place and the key that its
    /// signature is checked with: the anchor's, or that of the certificate above. Ends where a key
    /// cannot be read.
    pub(crate) fn each_edge(
        &self,
        certificates: &[Certificate<'a>],
        mut each: impl FnMut(usize, &Certificate<'a>, &PublicKey<'a>),
    ) {
        let ControlFlow::Continue(()) = self.walk(certificates, |place, certificate, key| {
            each(place, certificate, key);
            ControlFlow::<Infallible>::Continue(())
        });
    }

    /// The same, until `each` has enough.
    #[inline]
    fn walk<B>(
        &self,
        certificates: &[Certificate<'a>],
        mut each: impl FnMut(usize, &Certificate<'a>, &PublicKey<'a>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(mut key) = self.anchor.public_key() else { return ControlFlow::Continue(()) };
        let mut stops = self.stops.iter().rev().peekable();
        while let Some(stop) = stops.next() {
            let Some(certificate) = certificates.get(stop.place()) else { break };
            each(stop.place(), certificate, &key)?;
            if stops.peek().is_some() {
                let Ok(own) = certificate.subject_public_key_info() else { break };
                key = key.issued(own);
            }
        }
        ControlFlow::Continue(())
    }
}
