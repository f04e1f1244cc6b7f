//! Deciding where there is nothing to choose.
//!
//! Nearly every peer presents its certificate and the intermediates above it, and is accepted. Then
//! [`Way::find`] sees the path without a search, and what is left is to judge it. Everything else, a
//! rejection above all, is left to the search, which begins as if nobody had looked: it reads, judges
//! and reports on its own, and only the signatures that were verified here are not verified again. So
//! nothing in this file needs to say why.

use arrayvec::ArrayVec;
use smallvec::SmallVec;

use super::context::{Claim, Context};
use super::identify::{Selected, select_domain};
use super::report::Report;
#[cfg(feature = "std")]
use super::seen::Seen;
#[cfg(feature = "std")]
use super::seen_issuers::SeenIssuers;
use crate::constraints::{PathCertificate, PathView, check_end_entity, check_path};
use crate::decision::{CertificationPath, CertifiedPeer, Decision, Outcome};
use crate::path::{Checked, MAX_CANDIDATES, Way};
use crate::policy::Budget;
use crate::signature::PublicKey;
use crate::x509::Certificate;
#[cfg(feature = "std")]
use crate::x509::OwnedCertificate;

/// Signatures that were verified on the straight way, good or bad.
pub(super) type CheckedSignatures<'a> = SmallVec<[Checked<'a>; 2]>;

/// What was presented, the leaf first.
type Presented<'a> = ArrayVec<Certificate<'a>, { MAX_CANDIDATES + 1 }>;

/// Certificates that were presented, the leaf first, and what is known of them.
struct Chain<'p, 'c> {
    certificates: &'p [Certificate<'c>],
    #[cfg(feature = "std")]
    seen: Option<&'p Seen>,
    #[cfg(feature = "std")]
    issuers: Option<(&'p SeenIssuers, Places)>,
}

/// Places among the certificates that were presented.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, Default)]
struct Places(u8);

#[cfg(feature = "std")]
impl Places {
    fn add(&mut self, place: usize) {
        self.0 |= Self::bit(place);
    }

    fn contains(self, place: usize) -> bool {
        self.0 & Self::bit(place) != 0
    }

    fn bit(place: usize) -> u8 {
        u32::try_from(place).ok().and_then(|place| 1_u8.checked_shl(place)).unwrap_or(0)
    }
}

#[cfg(feature = "std")]
impl Chain<'_, '_> {
    fn is_signed(&self, place: usize, key: &PublicKey<'_>) -> bool {
        self.seen.is_some_and(|seen| seen.is_signed(place, key))
            || self.issuers.is_some_and(|(issuers, places)| {
                places.contains(place)
                    && self.certificates.get(place).is_some_and(|c| issuers.is_signed(c, key))
            })
    }

    fn is_readable(&self, way: &Way<'_>) -> bool {
        self.seen.is_some_and(|seen| seen.is_sound(&way.stops))
            || way.is_readable(self.certificates, |place| {
                self.issuers.is_some_and(|(_, places)| places.contains(place))
            })
    }

    /// The path, if somebody holds it.
    fn path(&self, way: &Way<'_>) -> Option<CertificationPath> {
        self.seen.and_then(|seen| seen.path(&way.stops)).cloned()
    }
}

#[cfg(not(feature = "std"))]
impl Chain<'_, '_> {
    const fn is_signed(&self, _: usize, _: &PublicKey<'_>) -> bool {
        false
    }

    fn is_readable(&self, way: &Way<'_>) -> bool {
        way.is_readable(self.certificates, |_| false)
    }

    const fn path(&self, _: &Way<'_>) -> Option<CertificationPath> {
        None
    }
}

impl<'a> Context<'a> {
    /// Decides by the straight way where it leads to an acceptance, by the search where it does not.
    pub(super) fn decide(mut self) -> Decision {
        let mut checked = CheckedSignatures::new();
        if self.is_small() {
            if let Some(decision) = self.decide_straight(&mut checked) {
                return decision;
            }
            self.budget = Budget::new(self.verifier.policy.limits);
            self.report = Report::default();
        }
        self.search(checked)
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

    /// Judges what was presented; from what is known of its bytes, where it was presented before.
    fn decide_straight(&mut self, checked: &mut CheckedSignatures<'a>) -> Option<Decision> {
        let request = self.request;
        #[cfg(feature = "std")]
        let table = self.verifier.seen.as_deref();
        #[cfg(feature = "std")]
        let known = table.and_then(|table| {
            table.find(request.end_entity, request.intermediates, |seen| {
                let certificates: Presented<'_> =
                    seen.certificates().iter().map(OwnedCertificate::as_certificate).collect();
                let chain = Chain { certificates: &certificates, seen: Some(seen), issuers: None };
                self.go_straight(&chain, &mut SmallVec::new(), |_, _| {})
            })
        });
        #[cfg(feature = "std")]
        if let Some(decided) = known {
            return decided;
        }
        let mut certificates = Presented::new();
        Certificate::read_into(&mut certificates, request.end_entity);
        certificates.first()?;
        #[cfg(feature = "std")]
        let mut issuers = self.verifier.seen_issuers.as_deref().map(|i| (i, Places::default()));
        for der in request.intermediates {
            #[cfg(feature = "std")]
            if let Some((issuers, places)) = &mut issuers
                && issuers.read_into(&mut certificates, der)
            {
                places.add(certificates.len() - 1);
                continue;
            }
            // What cannot be read among the others is no obstacle, and reported where there is a report.
            Certificate::read_into(&mut certificates, der);
        }
        let chain = Chain {
            certificates: &certificates,
            #[cfg(feature = "std")]
            seen: None,
            #[cfg(feature = "std")]
            issuers,
        };
        #[cfg(feature = "std")]
        let accepted = |way: &Way<'a>, peer: &CertifiedPeer| {
            if let Some((issuers, places)) = issuers {
                issuers.insert_way(way, &certificates, |place| places.contains(place));
            }
            if let Some(table) = table
                && let presented = request.intermediates.len() + 1
                && let Some(seen) = Seen::new(presented, &certificates, way, peer.path())
            {
                table.insert(seen);
            }
        };
        #[cfg(not(feature = "std"))]
        let accepted = |_: &Way<'_>, _: &CertifiedPeer| {};
        self.go_straight(&chain, checked, accepted)
    }

    /// Finds the straight way, checks its signatures and judges it; nothing unless it is accepted, and
    /// then not before `accepted` was told of it.
    fn go_straight<'c>(
        &mut self,
        chain: &Chain<'_, 'c>,
        checked: &mut CheckedSignatures<'c>,
        accepted: impl FnOnce(&Way<'c>, &CertifiedPeer),
    ) -> Option<Decision>
    where
        'a: 'c,
    {
        let leaf = chain.certificates.first()?;
        let store = self.verifier.trust_for(self.request.label).ok()?;
        let selected = select_domain(store, leaf, self.request.expect).ok()?;
        let mut sound = true;
        check_end_entity(leaf, &self.demands, &mut |_| sound = false);
        if !sound {
            return None;
        }
        let means = self.means();
        let bundle = selected.domain.bundle();
        let way = Way::find(chain.certificates, bundle, &means)?;
        if !chain.is_readable(&way) {
            return None;
        }
        let known = |place, key: &PublicKey<'_>| chain.is_signed(place, key);
        let verified = way.verify(chain.certificates, &means, &known, &mut self.budget).ok()?;
        if way.is_verified(&verified)
            && let Some(peer) = self.judge_straight(&selected, chain, &way)
        {
            accepted(&way, &peer);
            return Some(self.decided(Outcome::Accepted(peer)));
        }
        way.hand_on(chain.certificates, verified, &known, checked);
        None
    }

    /// Judges the straight way, whose signatures hold; nothing unless it is accepted.
    fn judge_straight<'c>(
        &mut self,
        selected: &Selected<'c>,
        chain: &Chain<'_, 'c>,
        way: &Way<'c>,
    ) -> Option<CertifiedPeer>
    where
        'a: 'c,
    {
        let mut steps: ArrayVec<PathCertificate<'_, '_>, { MAX_CANDIDATES + 1 }> = ArrayVec::new();
        for stop in &way.stops {
            let certificate = chain.certificates.get(stop.place())?;
            steps.push(PathCertificate { certificate, self_issued: stop.self_issued });
        }
        let view = PathView {
            certificates: &steps,
            anchor: way.anchor,
            bundle: selected.domain.bundle(),
            flawed: false,
            read: true,
        };
        let judgement = check_path(&view, &self.demands, &mut self.budget);
        if !judgement.breaches.is_empty() {
            return None;
        }
        let claim = Claim { selected: *selected, path: chain.path(way) };
        let policies = judgement.policies.user_constrained;
        let voucher = selected.domain.voucher(way.anchor_place)?;
        self.confirm(claim, &steps, voucher, policies).ok()?.outcome.ok()
    }
}
