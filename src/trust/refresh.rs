//! When to fetch the bundle of a federated trust domain, without fetching it.
//!
//! One [`RefreshSchedule`] per trust domain. The host asks [`RefreshSchedule::on_time`] when its timer
//! for [`RefreshSchedule::next_poll_at`] fires, fetches, and tells how it went. Same seed, same
//! answers: nothing here reads a clock or a source of chance.
//!
//! - The interval is the publisher's hint, 5 minutes without one (F-04), within bounds, less a jitter
//!   so that many consumers do not come at once. A hint is only a hint (B-10).
//! - A failed poll is repeated at the next interval, not at once (F-19).
//! - A peer that shows an unknown authority may bring the next poll forward, at most once in a while:
//!   strangers can do that at will.
//! - How old the bundle is allowed to grow is the operator's choice: it is reported as stale, and as
//!   expired where a bound is set, and the host then drops it or keeps it.
//!
//! An endpoint that serves its own trust domain must be bootstrapped with a configured bundle, and
//! again if the server can no longer be verified with the stored one (F-11): [`Bootstrap::Again`] is
//! a state of its own, and no document from a server that was not verified ends it.

use super::BundleEndpoint;
use crate::x509::Time;

/// Bounds of a refresh schedule, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshPolicy {
    minimum: u64,
    default: u64,
    maximum: u64,
    jitter_percent: u8,
    forced_minimum: u64,
    stale_after: u64,
    fail_closed_after: Option<u64>,
}

impl RefreshPolicy {
    /// What the builder methods name as defaults.
    pub const DEFAULT: Self = Self {
        minimum: 60,
        default: 300,
        maximum: 86_400,
        jitter_percent: 10,
        forced_minimum: 60,
        stale_after: 3,
        fail_closed_after: None,
    };

    /// Sets the shortest interval; shorter hints are raised to it. Default: 60 seconds, as SPIRE
    /// has it.
    #[must_use]
    pub const fn with_minimum_seconds(self, seconds: u64) -> Self {
        Self { minimum: seconds, ..self }
    }

    /// Sets the interval without a hint. Default: 300 seconds (F-04).
    #[must_use]
    pub const fn with_default_seconds(self, seconds: u64) -> Self {
        Self { default: seconds, ..self }
    }

    /// Sets the longest interval; longer hints are cut to it. Default: one day.
    #[must_use]
    pub const fn with_maximum_seconds(self, seconds: u64) -> Self {
        Self { maximum: seconds, ..self }
    }

    /// Sets up to which part of an interval a poll may come early, in percent up to 100. Default:
    /// 10.
    #[must_use]
    pub const fn with_jitter_percent(self, percent: u8) -> Self {
        Self { jitter_percent: if percent > 100 { 100 } else { percent }, ..self }
    }

    /// Sets how far polls for unknown authorities stand apart. Default: 60 seconds.
    #[must_use]
    pub const fn with_forced_minimum_seconds(self, seconds: u64) -> Self {
        Self { forced_minimum: seconds, ..self }
    }

    /// Sets after how many intervals without success a bundle is stale. Default: 3, the least that
    /// publishers announce new keys ahead (F-01).
    #[must_use]
    pub const fn with_stale_after_intervals(self, intervals: u32) -> Self {
        #[expect(clippy::as_conversions, reason = "widening, and From is not const")]
        Self { stale_after: intervals as u64, ..self }
    }

    /// Sets after how many seconds without success a bundle is expired. Default: never.
    #[must_use]
    pub const fn with_fail_closed_after_seconds(self, seconds: u64) -> Self {
        Self { fail_closed_after: Some(seconds), ..self }
    }

    fn interval(&self, hint: Option<u64>) -> u64 {
        hint.unwrap_or(self.default).min(self.maximum).max(self.minimum)
    }
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Whether the server of an endpoint can be verified at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bootstrap {
    /// The operator must set a first bundle (F-11). No poll is due.
    Needed,
    /// The server is verified with the stored bundle, or by other means.
    Done,
    /// The server can no longer be verified with the stored bundle: its authorities were all
    /// replaced between two polls, or somebody else answers. The operator must set a bundle again;
    /// polls go on, in case the server that is known comes back.
    Again {
        /// When a poll first found it so.
        since: Time,
    },
}

/// How old a bundle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Freshness {
    /// There was no success yet.
    Never,
    /// The last success is recent.
    Fresh,
    /// Polls that should have succeeded did not.
    Stale {
        /// Seconds since the last success.
        age: u64,
    },
    /// The last success is longer ago than the operator allows.
    Expired {
        /// Seconds since the last success.
        age: u64,
    },
}

/// Why a poll brought no bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PollFailure {
    /// No answer, or none that is a document.
    Unreachable,
    /// The server could not be verified.
    ServerNotTrusted,
    /// The document cannot be read, or was refused.
    Refused,
}

/// A poll to be made.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Poll {
    number: u64,
}

impl Poll {
    /// Returns the number of the poll; later polls have greater ones.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

/// When to fetch one bundle.
#[derive(Clone, Debug)]
pub struct RefreshSchedule {
    endpoint: BundleEndpoint,
    policy: RefreshPolicy,
    seed: u64,
    interval: u64,
    next: Time,
    polls: u64,
    last_attempt: Option<Time>,
    last_success: Option<Time>,
    failures: u32,
    bootstrap: Bootstrap,
}

impl RefreshSchedule {
    /// The first poll is due at `now`, but for a self-serving endpoint, which first needs
    /// [`RefreshSchedule::on_bundle_set`].
    #[must_use]
    pub fn new(endpoint: BundleEndpoint, policy: RefreshPolicy, seed: u64, now: Time) -> Self {
        let bootstrap =
            if endpoint.is_self_serving() { Bootstrap::Needed } else { Bootstrap::Done };
        let interval = policy.interval(None);
        Self {
            endpoint,
            policy,
            seed,
            interval,
            next: now,
            polls: 0,
            last_attempt: None,
            last_success: None,
            failures: 0,
            bootstrap,
        }
    }

    /// The operator, or a restart, set a bundle that is current since `received_at`: the server can
    /// be verified with it, and a poll is due at once (F-07, F-11). The one before, if it is not over,
    /// no longer counts: it verifies the server with what was held before.
    pub fn on_bundle_set(&mut self, hint: Option<u64>, received_at: Time, now: Time) {
        self.polls += 1;
        self.failures = 0;
        self.bootstrap = Bootstrap::Done;
        self.interval = self.policy.interval(hint);
        self.last_success = Some(received_at);
        self.next = now;
    }

    /// Returns the poll to make at `now`, if one is due. The one before, if it is not over, no
    /// longer counts.
    pub fn on_time(&mut self, now: Time) -> Option<Poll> {
        // What a clock that was set back since said to be later is no later than now, lest a bundle
        // counts as fresh until the clock is there again.
        self.last_success = self.last_success.map(|last| last.min(now));
        self.last_attempt = self.last_attempt.map(|last| last.min(now));
        // Nor must it put polls off for longer than an interval.
        let wait = self.next.seconds_since(now);
        let clock_set_back = u64::try_from(wait).is_ok_and(|wait| wait > self.interval);
        if self.bootstrap == Bootstrap::Needed || (wait > 0 && !clock_set_back) {
            return None;
        }
        self.polls += 1;
        self.last_attempt = Some(now);
        // F-19: "failed poll: retry at the next polling interval, not at once"; nor earlier where
        // the answer never comes.
        self.plan(now);
        Some(Poll { number: self.polls })
    }

    /// The poll brought a bundle, new or the same as before, with this hint.
    pub fn on_success(&mut self, poll: &Poll, hint: Option<u64>, now: Time) {
        if poll.number != self.polls {
            return;
        }
        self.interval = self.policy.interval(hint);
        self.last_success = Some(now);
        self.failures = 0;
        self.bootstrap = Bootstrap::Done;
        self.plan(now);
    }

    /// The poll brought no bundle. The next one stays where it is (F-19).
    pub fn on_failure(&mut self, poll: &Poll, failure: PollFailure, now: Time) {
        if poll.number != self.polls {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if failure == PollFailure::ServerNotTrusted
            && self.endpoint.is_self_serving()
            && self.bootstrap == Bootstrap::Done
        {
            self.bootstrap = Bootstrap::Again { since: now };
        }
    }

    /// A peer showed an authority that the bundle does not have: the next poll is brought forward
    /// to `now`, or to the time when one is allowed again. Returns when it will be.
    pub fn on_unknown_authority(&mut self, now: Time) -> Time {
        let allowed =
            self.last_attempt.map_or(now, |last| later(last, self.policy.forced_minimum).max(now));
        self.next = self.next.min(allowed);
        self.next
    }

    fn plan(&mut self, now: Time) {
        let span = self.interval.saturating_mul(self.policy.jitter_percent.into()) / 100;
        let early = mix(self.seed ^ self.polls) % span.saturating_add(1);
        let wait = self.interval.saturating_sub(early).max(self.policy.minimum);
        self.next = later(now, wait);
    }

    /// Returns the endpoint.
    #[must_use]
    pub const fn endpoint(&self) -> &BundleEndpoint {
        &self.endpoint
    }

    /// Returns when the next poll is due; none before the bootstrap.
    #[must_use]
    pub fn next_poll_at(&self) -> Option<Time> {
        (self.bootstrap != Bootstrap::Needed).then_some(self.next)
    }

    /// Returns the interval in seconds, before jitter.
    #[must_use]
    pub const fn interval_seconds(&self) -> u64 {
        self.interval
    }

    /// Returns whether the server can be verified.
    #[must_use]
    pub const fn bootstrap(&self) -> Bootstrap {
        self.bootstrap
    }

    /// Returns how many polls failed since the last success.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Says how old the bundle is at `now`.
    #[must_use]
    pub fn freshness(&self, now: Time) -> Freshness {
        let Some(last) = self.last_success else { return Freshness::Never };
        let age = u64::try_from(now.seconds_since(last)).unwrap_or(0);
        if self.policy.fail_closed_after.is_some_and(|bound| age > bound) {
            Freshness::Expired { age }
        } else if age > self.interval.saturating_mul(self.policy.stale_after) {
            Freshness::Stale { age }
        } else {
            Freshness::Fresh
        }
    }
}

fn later(time: Time, seconds: u64) -> Time {
    time.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// SplitMix64.
pub(super) fn mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::trust::EndpointProfile;

    const START: Time = Time::from_unix(1_000_000);

    fn at(seconds: i64) -> Time {
        START.saturating_add(seconds)
    }

    fn endpoint(id: Option<&str>) -> BundleEndpoint {
        let profile = match id {
            Some(id) => EndpointProfile::HttpsSpiffe { endpoint_id: id.parse().unwrap() },
            None => EndpointProfile::HttpsWeb,
        };
        let url = "https://example.org/".parse().unwrap();
        BundleEndpoint::new("example.org".parse().unwrap(), url, profile).unwrap()
    }

    fn steady() -> RefreshPolicy {
        RefreshPolicy::DEFAULT.with_jitter_percent(0)
    }

    #[test]
    fn intervals_follow_the_hint_within_bounds() {
        for (case, hint, expected) in [
            ("F-04 no hint", None, 300),
            ("a hint", Some(600), 600),
            ("a short hint", Some(1), 60),
            ("no interval at all", Some(0), 60),
            ("a long hint", Some(u64::MAX), 86_400),
        ] {
            let mut schedule = RefreshSchedule::new(endpoint(None), steady(), 0, START);
            let poll = schedule.on_time(START).unwrap();
            schedule.on_success(&poll, hint, at(5));
            assert_eq!(schedule.interval_seconds(), expected, "{case}");
            let due = later(at(5), expected);
            assert_eq!(schedule.next_poll_at(), Some(due), "{case}");
            assert_eq!(schedule.on_time(due.saturating_sub(1)), None, "{case}");
            assert_eq!(schedule.on_time(due), Some(Poll { number: 2 }), "{case}");
        }
    }

    #[test]
    fn jitter_is_early_bounded_and_of_the_seed() {
        let waits = |seed| -> Vec<i64> {
            let mut schedule =
                RefreshSchedule::new(endpoint(None), RefreshPolicy::DEFAULT, seed, START);
            let mut now = START;
            (0..200)
                .map(|_| {
                    let poll = schedule.on_time(now).unwrap();
                    schedule.on_success(&poll, Some(1_000), now);
                    let wait = schedule.next_poll_at().unwrap().seconds_since(now);
                    now = now.saturating_add(wait);
                    wait
                })
                .collect()
        };
        let first = waits(1);
        assert!(first.iter().all(|wait| (900..=1_000).contains(wait)), "{first:?}");
        assert!(first.iter().any(|&wait| wait < 920) && first.iter().any(|&wait| wait > 980));
        assert_eq!(first, waits(1));
        assert_ne!(first, waits(2));
    }

    #[test]
    fn failures_wait_for_the_next_interval() {
        let mut schedule = RefreshSchedule::new(endpoint(None), steady(), 0, START);
        for round in 0..5 {
            let now = at(300 * round);
            let poll = schedule.on_time(now).unwrap();
            schedule.on_failure(&poll, PollFailure::Unreachable, now.saturating_add(30));
            assert_eq!(schedule.next_poll_at(), Some(at(300 * (round + 1))), "F-19");
        }
        assert_eq!(schedule.failures(), 5);
        // A poll that never ends does not stop the next one, and no longer counts.
        let lost = schedule.on_time(at(1_500)).unwrap();
        let poll = schedule.on_time(at(1_800)).unwrap();
        schedule.on_success(&lost, None, at(1_801));
        assert_eq!((schedule.failures(), schedule.freshness(at(1_801))), (5, Freshness::Never));
        schedule.on_success(&poll, None, at(1_802));
        assert_eq!((schedule.failures(), schedule.freshness(at(1_802))), (0, Freshness::Fresh));
    }

    #[test]
    fn age_is_told() {
        let policy = steady().with_fail_closed_after_seconds(2_000);
        let mut schedule = RefreshSchedule::new(endpoint(None), policy, 0, START);
        assert_eq!(schedule.freshness(START), Freshness::Never);
        let poll = schedule.on_time(START).unwrap();
        schedule.on_success(&poll, None, START);
        for (age, expected) in [
            (-50, Freshness::Fresh),
            (900, Freshness::Fresh),
            (901, Freshness::Stale { age: 901 }),
            (2_000, Freshness::Stale { age: 2_000 }),
            (2_001, Freshness::Expired { age: 2_001 }),
        ] {
            assert_eq!(schedule.freshness(at(age)), expected, "S13 at {age}");
        }
    }

    #[test]
    fn unknown_authorities_bring_a_poll_forward_once_in_a_while() {
        let mut schedule = RefreshSchedule::new(endpoint(None), steady(), 0, START);
        let poll = schedule.on_time(START).unwrap();
        schedule.on_success(&poll, Some(3_600), START);
        assert_eq!(schedule.on_unknown_authority(at(10)), at(60), "S4: not within a minute");
        assert_eq!(schedule.on_unknown_authority(at(20)), at(60));
        let poll = schedule.on_time(at(60)).unwrap();
        schedule.on_success(&poll, Some(3_600), at(61));
        assert_eq!(schedule.on_unknown_authority(at(1_000)), at(1_000), "S4: at once");
        assert!(schedule.on_time(at(1_000)).is_some());
    }

    #[test]
    fn a_clock_set_back_does_not_put_polls_off() {
        let mut schedule = RefreshSchedule::new(endpoint(None), steady(), 0, START);
        let poll = schedule.on_time(START).unwrap();
        schedule.on_success(&poll, None, START);
        assert_eq!(schedule.on_time(at(-1)).map(|poll| poll.number), Some(2));
    }

    #[test]
    fn a_clock_set_back_does_not_keep_a_bundle_fresh() {
        let policy = steady().with_fail_closed_after_seconds(2_000);
        let mut schedule = RefreshSchedule::new(endpoint(None), policy, 0, at(1_000_000));
        let poll = schedule.on_time(at(1_000_000)).unwrap();
        schedule.on_success(&poll, None, at(1_000_000));
        let poll = schedule.on_time(START).unwrap();
        schedule.on_failure(&poll, PollFailure::Unreachable, START);
        assert_eq!(schedule.freshness(at(901)), Freshness::Stale { age: 901 });
        assert_eq!(schedule.freshness(at(2_001)), Freshness::Expired { age: 2_001 });
        assert_eq!(schedule.on_unknown_authority(at(100)), at(100), "nor forced polls away");
    }

    #[test]
    fn self_serving_endpoints_are_bootstrapped() {
        let own = endpoint(Some("spiffe://example.org/server"));
        let mut schedule = RefreshSchedule::new(own, steady(), 0, START);
        assert_eq!((schedule.bootstrap(), schedule.next_poll_at()), (Bootstrap::Needed, None));
        assert_eq!(schedule.on_time(at(1_000)), None, "F-11");
        assert_eq!(schedule.on_unknown_authority(at(1_000)), START);
        assert_eq!(schedule.on_time(at(1_000)), None, "F-11");

        schedule.on_bundle_set(None, at(1_000), at(1_000));
        let poll = schedule.on_time(at(1_000)).unwrap();
        schedule.on_failure(&poll, PollFailure::Unreachable, at(1_010));
        assert_eq!(schedule.bootstrap(), Bootstrap::Done, "no answer says nothing");
        let poll = schedule.on_time(at(1_300)).unwrap();
        schedule.on_failure(&poll, PollFailure::ServerNotTrusted, at(1_301));
        assert_eq!(schedule.bootstrap(), Bootstrap::Again { since: at(1_301) }, "S9");
        let poll = schedule.on_time(at(1_600)).unwrap();
        schedule.on_failure(&poll, PollFailure::ServerNotTrusted, at(1_601));
        assert_eq!(schedule.bootstrap(), Bootstrap::Again { since: at(1_301) }, "S9");
        // A poll that was under way while the operator set a bundle went by the one before.
        let poll = schedule.on_time(at(1_900)).unwrap();
        schedule.on_bundle_set(None, at(1_901), at(1_901));
        assert_eq!((schedule.bootstrap(), schedule.failures()), (Bootstrap::Done, 0));
        schedule.on_failure(&poll, PollFailure::ServerNotTrusted, at(1_902));
        assert_eq!((schedule.bootstrap(), schedule.failures()), (Bootstrap::Done, 0), "F-11");

        let other = endpoint(Some("spiffe://other.org/server"));
        let mut schedule = RefreshSchedule::new(other, steady(), 0, START);
        let poll = schedule.on_time(START).unwrap();
        schedule.on_failure(&poll, PollFailure::ServerNotTrusted, at(1));
        assert_eq!(schedule.bootstrap(), Bootstrap::Done, "F-12");
    }
}
