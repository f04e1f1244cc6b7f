//! Which failures the standard demands, told from the facts of the world alone.
//!
//! An SVID is to be accepted where the bundle of its own trust domain, as the verifier knows it, has an
//! authority that vouches for it through certificates that are in date (ID-20, X-26, B-05), where it is
//! in date itself, and where it bears the identity that is expected. Everything else is to be refused
//! (B-12, W-10), and whoever has nothing in date presents nothing (S13). There is no third case: where
//! nothing is to be refused, a handshake that fails is an outage that nobody demanded (I3).

use std::collections::BTreeSet;

use super::facts::{KeyId, Svid, View};

/// Why an SVID must be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The holder has none, or none that is in date.
    NothingPresented,
    NotYetValid,
    Expired,
    /// The verifier knows no bundle of the trust domain.
    NoBundle,
    /// No authority of the bundle vouches for it.
    NoAuthority,
    /// It is somebody else's.
    AnotherIdentity,
}

impl Why {
    /// The codes by which the library may say so.
    pub fn codes(self) -> &'static [&'static str] {
        match self {
            Why::NothingPresented => &["nothing-presented"],
            Why::NotYetValid => &["validity.not-yet-valid"],
            Why::Expired => &["validity.expired"],
            Why::NoBundle => &["trust.no-domain"],
            Why::NoAuthority => &["trust.no-route"],
            Why::AnotherIdentity => &["identity.not-accepted", "identity.name-mismatch"],
        }
    }
}

/// Who asks: what is known, at which time, with how much patience, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub view: &'a View,
    /// What the asker's clock shows.
    pub clock: i64,
    pub tolerance: i64,
    /// The SPIFFE IDs that are accepted; all where there are none.
    pub expected: &'a [String],
}

/// All that stands in the way of accepting `svid`; it must be accepted where nothing does.
pub fn objections(asker: Asker<'_>, svid: &Svid) -> BTreeSet<Why> {
    let Asker { view, clock, tolerance, expected } = asker;
    let mut why = BTreeSet::new();
    if !svid.valid.has_begun(clock, tolerance) {
        why.insert(Why::NotYetValid);
    }
    if svid.valid.is_over(clock, tolerance) {
        why.insert(Why::Expired);
    }
    if !expected.is_empty() && !expected.contains(&svid.id) {
        why.insert(Why::AnotherIdentity);
    }
    let Some(bundle) = view.bundles.get(&svid.domain) else {
        why.insert(Why::NoBundle);
        return why;
    };
    let in_date = |link: &super::facts::Link| link.valid.holds(clock, tolerance);
    if !vouched(svid, &bundle.roots, in_date) {
        if vouched(svid, &bundle.roots, |_| true) {
            // There is a way, but one of its certificates is out of date.
            for link in svid.links.iter().filter(|link| !in_date(link)) {
                let begun = link.valid.has_begun(clock, tolerance);
                why.insert(if begun { Why::Expired } else { Why::NotYetValid });
            }
        } else {
            why.insert(Why::NoAuthority);
        }
    }
    why
}

/// Whether a key of `roots` vouches for the issuer of `svid` through those of its links that `may`.
fn vouched(
    svid: &Svid,
    roots: &BTreeSet<KeyId>,
    may: impl Fn(&super::facts::Link) -> bool,
) -> bool {
    let mut reached = BTreeSet::from([svid.issuer]);
    let mut edge = vec![svid.issuer];
    while let Some(key) = edge.pop() {
        if roots.contains(&key) {
            return true;
        }
        for link in svid.links.iter().filter(|link| link.key == key && may(link)) {
            if reached.insert(link.issuer) {
                edge.push(link.issuer);
            }
        }
    }
    false
}

/// What a holder whose clock shows `clock` presents: nothing that is expired (S13, S20).
pub fn presented(view: &View, clock: i64) -> Option<&std::sync::Arc<Svid>> {
    view.svid.as_ref().filter(|svid| clock <= svid.presentable_until())
}
