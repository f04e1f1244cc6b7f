//! When to renew and when to try again: the numbers behind a schedule.
//!
//! | number | default | where it comes from |
//! |---|---|---|
//! | renewal | 45 to 55 % of the life | SPIRE agent: half of the life, ± 10 % of that half |
//! | availability target | none | SPIRE agent, `availability_target` |
//! | spread of the target | 0 to 10 min before it | SPIRE agent |
//! | least rest of the life for a target | 12 h | SPIRE agent, grace period |
//! | first retry | 5 s | SPIRE agent, interval of its polls |
//! | longest pause | a quarter of what remains, at most 1 h; 1 min once expired | the last attempts come in the last seconds; an expired workload is an outage |
//! | an attempt without answer | 60 s | SPIRE, upstream taint handling |
//! | spread of a tainted fleet | 30 s | SPIRE agent: 100 SVIDs every 5 s |
//!
//! Spread is deterministic: a hash of identity and validity takes the place of chance, so that a
//! restart changes no plan, a plan can be explained, and the same two workloads do not meet again in
//! the next round.

use sha2::{Digest, Sha256};

use crate::x509::Time;

/// When to renew and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewalPolicy {
    availability_target: Option<i64>,
    first_retry: i64,
    longest_retry: i64,
    attempt_timeout: i64,
    taint_spread: i64,
}

impl RenewalPolicy {
    /// Renews around half of the life.
    pub const DEFAULT: Self = Self {
        availability_target: None,
        first_retry: 5,
        longest_retry: 3_600,
        attempt_timeout: 60,
        taint_spread: 30,
    };

    /// Renews so that credentials always have this much of their life left, plus up to 10 minutes: how
    /// long the issuer may be away. Applies to credentials that live at least 12 hours longer than
    /// that. Default: none.
    #[must_use]
    pub fn with_availability_target_seconds(self, seconds: u32) -> Self {
        Self { availability_target: Some(i64::from(seconds)), ..self }
    }

    /// Sets the pause after the first failure, which doubles with every further one, and the longest
    /// pause; each at least a second. Default: 5 seconds, an hour.
    #[must_use]
    pub fn with_retry_seconds(self, first: u32, longest: u32) -> Self {
        let first_retry = i64::from(first.max(1));
        Self { first_retry, longest_retry: i64::from(longest).max(first_retry), ..self }
    }

    /// Sets after how many seconds without an answer an attempt counts as failed; at least one.
    /// Default: 60.
    #[must_use]
    pub fn with_attempt_timeout_seconds(self, seconds: u32) -> Self {
        Self { attempt_timeout: i64::from(seconds.max(1)), ..self }
    }

    /// Sets over how many seconds a fleet spreads that is to be renewed at once because its authority
    /// is tainted. Default: 30.
    #[must_use]
    pub fn with_taint_spread_seconds(self, seconds: u32) -> Self {
        Self { taint_spread: i64::from(seconds), ..self }
    }

    pub(super) const fn attempt_timeout(&self) -> i64 {
        self.attempt_timeout
    }

    pub(super) const fn longest_retry(&self) -> i64 {
        self.longest_retry
    }

    /// The instant from which on a credential is to be renewed.
    pub(super) fn due(&self, life: &Life) -> Time {
        let length = life.length();
        if let Some(target) = self.availability_target
            && length.saturating_sub(target) > GRACE
        {
            let early = target.saturating_add(life.spread(Purpose::Renewal, 0, TARGET_SPREAD));
            return life.valid_until.saturating_sub(early);
        }
        let earliest = percent(length, 45);
        let window = length / 10;
        life.issued_at.saturating_add(earliest).saturating_add(life.spread(
            Purpose::Renewal,
            0,
            window,
        ))
    }

    /// How long to wait after the `failures`th failure in a row, in seconds; at least one.
    pub(super) fn pause(&self, life: &Life, failures: u32, now: Time) -> i64 {
        let doubled = 1_i64.checked_shl(failures.saturating_sub(1).min(32)).unwrap_or(i64::MAX);
        let remaining = life.valid_until.seconds_since(now);
        let bound = if remaining > 0 {
            (remaining / 4).clamp(1, self.longest_retry)
        } else {
            self.longest_retry.min(LONGEST_EXPIRED.max(self.first_retry))
        };
        let pause = self.first_retry.saturating_mul(doubled).min(bound);
        // Less, never more: the bound is one.
        (pause - life.spread(Purpose::Retry, failures, pause / 5)).max(1)
    }

    /// How long to wait before a tainted credential is renewed.
    pub(super) fn taint_pause(&self, life: &Life) -> i64 {
        life.spread(Purpose::Taint, 0, self.taint_spread)
    }
}

impl Default for RenewalPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const GRACE: i64 = 12 * 3_600;
const TARGET_SPREAD: i64 = 600;
const LONGEST_EXPIRED: i64 = 60;

fn percent(of: i64, percent: i128) -> i64 {
    i64::try_from(i128::from(of) * percent / 100).unwrap_or(i64::MAX)
}

/// The life of one credential of one identity.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// SHA-256 of the identity.
    identity: [u8; 32],
    pub(super) issued_at: Time,
    pub(super) valid_until: Time,
}

/// What a spread is for, so that one hash does not decide two things.
#[derive(Clone, Copy)]
enum Purpose {
    Renewal,
    Retry,
    Taint,
}

impl Life {
    pub(super) fn new(identity: &str, issued_at: Time, valid_until: Time) -> Self {
        Self { identity: Sha256::digest(identity.as_bytes()).into(), issued_at, valid_until }
    }

    pub(super) const fn renewed(&self, issued_at: Time, valid_until: Time) -> Self {
        Self { identity: self.identity, issued_at, valid_until }
    }

    pub(super) fn length(&self) -> i64 {
        self.valid_until.seconds_since(self.issued_at).max(0)
    }

    /// A number from 0 up to and with `window`, evenly spread over identities.
    fn spread(&self, purpose: Purpose, round: u32, window: i64) -> i64 {
        let purpose = match purpose {
            Purpose::Renewal => 0_u8,
            Purpose::Retry => 1,
            Purpose::Taint => 2,
        };
        let digest = Sha256::new()
            .chain_update(self.identity)
            .chain_update([purpose])
            .chain_update(round.to_be_bytes())
            .chain_update(self.issued_at.unix().to_be_bytes())
            .chain_update(self.valid_until.unix().to_be_bytes())
            .finalize();
        let first = digest.first_chunk().map_or(0, |octets| u64::from_be_bytes(*octets));
        let places = u128::from(u64::try_from(window).unwrap_or(0)) + 1;
        i64::try_from((u128::from(first) * places) >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::format;

    const START: i64 = 1_782_864_000;

    fn life(identity: &str, length: i64) -> Life {
        Life::new(identity, Time::from_unix(START), Time::from_unix(START + length))
    }

    #[test]
    fn renewal_is_around_half_of_the_life_or_before_the_target() {
        const HOUR: i64 = 3_600;
        let half = RenewalPolicy::DEFAULT;
        let target = |hours: u32| half.with_availability_target_seconds(hours * 3_600);
        for (case, policy, length, earliest, latest) in [
            ("an hour", half, HOUR, 1_620, 1_980),
            ("five seconds", half, 5, 2, 2),
            ("no life", half, 0, 0, 0),
            ("a day", half, 24 * HOUR, 38_880, 47_520),
            ("target", target(24), 72 * HOUR, 48 * HOUR - 600, 48 * HOUR),
            ("just enough grace", target(12), 24 * HOUR + 1, 12 * HOUR - 599, 12 * HOUR + 1),
            ("not enough grace", target(12), 24 * HOUR, 38_880, 47_520),
            ("a target longer than the life", target(48), 24 * HOUR, 38_880, 47_520),
        ] {
            for number in 0..200 {
                let life = life(&format!("spiffe://td/{number}"), length);
                let due = policy.due(&life).seconds_since(life.issued_at);
                assert!((earliest..=latest).contains(&due), "{case}: {due}");
            }
        }
        let life = Life::new("a", Time::MIN, Time::MAX);
        assert!(half.due(&life) > Time::MIN);
    }

    /// How many pairs of 1,000 identities renew in the same second.
    fn meetings(issued_at: i64) -> (usize, BTreeMap<i64, usize>) {
        let mut seconds = BTreeMap::<i64, usize>::new();
        for number in 0..1_000 {
            let identity = format!("spiffe://example.org/ns/default/sa/{number}");
            let issued = Time::from_unix(issued_at);
            let life = Life::new(&identity, issued, issued.saturating_add(86_400));
            *seconds.entry(RenewalPolicy::DEFAULT.due(&life).unix()).or_default() += 1;
        }
        let pairs = seconds.values().map(|count| count * (count - 1) / 2).sum();
        (pairs, seconds)
    }

    #[test]
    fn a_thousand_identities_meet_no_more_often_than_by_chance() {
        // A day of life leaves 8,641 seconds to choose from: 499,500 pairs meet 57.8 times by chance,
        // with a standard deviation of 7.6; 20 rounds 1,156 times, with one of 34.
        let rounds: alloc::vec::Vec<_> =
            (0..20).map(|round| meetings(START + round * 43_200).0).collect();
        for pairs in &rounds {
            assert!((35..=81).contains(pairs), "{pairs} meetings");
        }
        let total: usize = rounds.iter().sum();
        assert!((1_054..=1_258).contains(&total), "{total} meetings");
        let (_, seconds) = meetings(START);
        assert!(seconds.values().all(|count| *count <= 4));
    }

    #[test]
    fn pauses_double_within_their_bounds() {
        let policy = RenewalPolicy::DEFAULT;
        let life = life("a", 86_400);
        let at = |before_end: i64| life.valid_until.saturating_sub(before_end);
        for (case, failures, now, longest) in [
            ("first", 1, at(43_200), 5),
            ("second", 2, at(43_200), 10),
            ("tenth", 10, at(43_200), 2_560),
            ("eleventh", 11, at(43_200), 3_600),
            ("many", u32::MAX, at(43_200), 3_600),
            ("a quarter of what remains", 10, at(400), 100),
            ("the end is near", 10, at(1), 1),
            ("a life of seconds", 1, at(3), 1),
            ("expired", 10, at(-1), 60),
            ("long expired", 10, at(-1_000_000), 60),
        ] {
            let pause = policy.pause(&life, failures, now);
            assert!((longest - longest / 5..=longest).contains(&pause), "{case}: {pause}");
        }
        let steady = policy.with_retry_seconds(0, 0);
        assert_eq!(steady.pause(&life, 7, at(43_200)), 1);
    }
}
