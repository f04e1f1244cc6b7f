//! What a way through the graph costs: the order in which paths are tried.

use core::ops::Add;

/// Rules broken, then key identifiers that do not match, then certificates, then key identifiers
/// that say nothing; compared in this order, added part by part.
///
/// The parts are 32 bits each of one number; no path has 2³² certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost(u128);

impl Cost {
    pub(super) fn flaws(count: u32) -> Self {
        Self(u128::from(count) << 96)
    }

    /// One more certificate whose issuer's key identifier relates so.
    pub(super) const fn step(key_match: KeyMatch) -> Self {
        const LENGTH: u128 = 1 << 32;
        Self(match key_match {
            KeyMatch::Match => LENGTH,
            KeyMatch::Unknown => LENGTH + 1,
            KeyMatch::Mismatch => LENGTH + (1 << 64),
        })
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// What the key identifiers of a certificate and a possible issuer say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyMatch {
    Match,
    Unknown,
    Mismatch,
}

impl KeyMatch {
    pub(super) const ALL: [Self; 3] = [Self::Match, Self::Unknown, Self::Mismatch];

    /// `wanted` is what the certificate gives for its issuer's key, `found` what the issuer gives.
    pub(super) fn of<T: PartialEq + Copy>(wanted: Option<T>, found: Option<T>) -> Self {
        match (wanted, found) {
            (Some(wanted), Some(found)) if wanted == found => Self::Match,
            (Some(_), Some(_)) => Self::Mismatch,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_compared_in_order() {
        let best = Cost::step(KeyMatch::Match);
        let unknown = Cost::step(KeyMatch::Unknown);
        let long = best + best;
        let mismatch = Cost::step(KeyMatch::Mismatch);
        let flawed = Cost::flaws(1);
        assert!(best < unknown && unknown < long && long < mismatch && mismatch < flawed);
        assert!(unknown + unknown < long + best);
    }
}
