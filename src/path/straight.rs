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

    /// Whether every name and every extension value of its certificates can be read.
    pub(crate) fn is_readable(&self, certificates: &[Certificate<'a>]) -> bool {
        let mut above = self.anchor.subject();
        self.stops.iter().rev().all(|stop| {
            certificates.get(stop.place).is_some_and(|certificate| {
                let readable = certificate.is_readable_below(above);
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
        known: &impl Fn(usize, PublicKey<'_>) -> bool,
        budget: &mut Budget,
    ) -> Result<Verified, LimitExceeded> {
        for _ in &self.stops {
            budget.path_step()?;
        }
        let mut anchor = Some(&**self.anchor);
        let mut held = 0;
        for (place, certificate, key) in self.edges(certificates) {
            let known = known(place, key);
            let failure = check_signature(means, certificate, key, anchor.take(), known, budget)?;
            if let Some(failure) = failure {
                return Ok(Verified { held, failure: Some(Box::new(failure)) });
            }
            held += 1;
        }
        Ok(Verified { held, failure: None })
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
        known: &impl Fn(usize, PublicKey<'_>) -> bool,
        checked: &mut SmallVec<[Checked<'a>; 2]>,
    ) {
        let Verified { held, mut failure } = verified;
        for (number, (place, certificate, key)) in self.edges(certificates).enumerate() {
            let failure = if number < held { None } else { failure.take().map(|failure| *failure) };
            if (number < held && !known(place, key)) || failure.is_some() {
                checked.push(Checked { certificate: certificate.as_der(), key, failure });
            }
        }
    }

    /// Each certificate with its place and the key that its signature is checked with, from the anchor
    /// down; ends where a key cannot be read.
    fn edges<'w>(
        &'w self,
        certificates: &'w [Certificate<'a>],
    ) -> impl Iterator<Item = (usize, &'w Certificate<'a>, PublicKey<'a>)> {
        let mut above: Option<(PublicKey<'a>, &Certificate<'a>)> = None;
        self.stops.iter().rev().map_while(move |stop| {
            let certificate = certificates.get(stop.place)?;
            let key = match above {
                None => self.anchor.public_key()?,
                Some((key, issuer)) => key.issued(issuer.subject_public_key_info().ok()?),
            };
            above = Some((key, certificate));
            Some((stop.place, certificate, key))
        })
    }
}
