//! When to renew a credential, as a machine without clock, threads or IO.
//!
//! The host tells the time and what became of its attempts; each call answers with what to do, with
//! what happened, and with the instant at which to call again at the latest.
//!
//! ```text
//!          45–55 %            half of the rest                notAfter
//! Fresh ──────────▶ RenewDue ─────────────────▶ Overdue ─────────────────▶ Expired
//!   ▲ tainted ─────────▲          revoked ─────────▲                          │
//!   └──────────────────────────── renewed ────────────────────────────────────┘
//! ```
//!
//! The state follows from validity, urgency and `now` alone, so that no jump of the clock can strand
//! it: a clock that comes back from the future brings the state back, and the credential with it. What
//! is remembered besides (the attempt under way, the pause after a failure) is bounded from `now` at
//! every call. An issuer that is down is asked ever less often, as the end comes nearer more often
//! again, and never more than once for each pause; an issuer that hands out what it handed out before
//! has failed.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::renewal::{Life, RenewalPolicy};
use super::{Credential, Staple};
use crate::x509::Time;

/// Where a credential is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RotationState {
    /// Nothing to do.
    Fresh,
    /// To be renewed.
    RenewDue,
    /// Should have been renewed: somebody must look.
    Overdue,
    /// No longer to be presented, still to be renewed.
    Expired,
    /// Taken away by its source: neither presented nor renewed.
    Withdrawn,
}

impl RotationState {
    /// Returns the stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::RenewDue => "renew-due",
            Self::Overdue => "overdue",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl core::fmt::Display for RotationState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a credential is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Urgency {
    /// It grows old.
    Planned,
    /// Its authority is tainted, and will be removed from the bundles of peers.
    Tainted,
    /// It is revoked, or its authority removed: peers refuse it.
    Revoked,
}

/// What the host is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Ask the issuer, then say what became of it: [`RotationSchedule::on_renewed`] or
    /// [`RotationSchedule::on_failure`].
    #[non_exhaustive]
    Renew {
        /// Why.
        urgency: Urgency,
        /// Which attempt in a row, from 1.
        attempt: u32,
    },
    /// The next attempt comes at this instant.
    RetryAt(Time),
    /// Tell an operator.
    #[non_exhaustive]
    Warn {
        /// Where the credential stands.
        state: RotationState,
        /// The last second in which it can be presented.
        valid_until: Time,
        /// How many attempts failed in a row.
        failures: u32,
    },
    /// Present it no longer. A [`CredentialSet`](super::CredentialSet) heeds notAfter by itself.
    StopPresenting,
    /// Present it: it is the first, or another one, or the clock that said it was expired was wrong.
    Present,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotationEvent {
    /// The state changed.
    #[non_exhaustive]
    Transition {
        /// The state before.
        from: RotationState,
        /// The state after.
        to: RotationState,
    },
    /// An attempt failed.
    #[non_exhaustive]
    AttemptFailed {
        /// Which one in a row, from 1.
        attempt: u32,
        /// The code that the host gave, or one of [`RotationSchedule`].
        code: &'static str,
        /// When the next one comes.
        retry_at: Time,
    },
    /// Another credential took its place.
    #[non_exhaustive]
    Renewed {
        /// The last second in which the new one can be presented.
        valid_until: Time,
    },
    /// The clock went back.
    #[non_exhaustive]
    ClockBack {
        /// By how much, in seconds.
        seconds: i64,
    },
    /// The call came later than asked for: the clock jumped, or the host slept.
    #[non_exhaustive]
    Late {
        /// By how much, in seconds.
        seconds: i64,
    },
}

/// What a call came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// What to do, in this order.
    pub actions: Vec<Action>,
    /// What happened, in this order.
    pub events: Vec<RotationEvent>,
    /// When to call [`RotationSchedule::on_time`] at the latest, always after `now`; nothing for a
    /// withdrawn credential.
    pub next: Option<Time>,
}

/// Plans the renewals of one credential.
///
/// # Examples
/// ```
/// use bonafide::credential::{Action, RenewalPolicy, RotationSchedule, RotationState};
/// use bonafide::x509::Time;
///
/// let issued = Time::from_unix(1_782_864_000);
/// let until = issued.saturating_add(3_600);
/// let policy = RenewalPolicy::DEFAULT;
/// let mut schedule = RotationSchedule::new(policy, "spiffe://example.org/db", issued, until);
///
/// let step = schedule.on_time(issued);
/// assert_eq!((schedule.state(), step.actions.len()), (RotationState::Fresh, 0));
/// let due = step.next.unwrap();
///
/// let step = schedule.on_time(due);
/// assert!(matches!(step.actions[..], [Action::Renew { attempt: 1, .. }]));
/// let step = schedule.on_failure(due, "issuer.unreachable");
/// assert!(matches!(step.actions[..], [Action::RetryAt(_)]));
///
/// // Nobody calls in time: the credential is not presented a second too long.
/// let step = schedule.on_time(until.saturating_add(1));
/// assert!(step.actions.contains(&Action::StopPresenting));
/// ```
#[derive(Clone, Debug)]
pub struct RotationSchedule {
    policy: RenewalPolicy,
    life: Life,
    due: Time,
    urgency: Urgency,
    state: RotationState,
    attempt: Attempt,
    failures: u32,
    /// When to warn again while overdue.
    warn_at: Time,
    /// The latest `now`, and the instant asked for then.
    seen: Option<(Time, Option<Time>)>,
}

#[derive(Clone, Copy, Debug)]
enum Attempt {
    Idle,
    Running { deadline: Time },
    Waiting { until: Time },
}

impl RotationSchedule {
    /// Code of an attempt of which nothing was heard in time.
    pub const TIMEOUT: &'static str = "rotation.timeout";
    /// Code of an attempt that brought what there was already.
    pub const NO_PROGRESS: &'static str = "rotation.no-progress";

    /// Plans for a credential of `identity`, issued at the first instant and valid up to and with the
    /// second.
    #[must_use]
    pub fn new(policy: RenewalPolicy, identity: &str, issued_at: Time, valid_until: Time) -> Self {
        let life = Life::new(identity, issued_at, valid_until);
        Self {
            due: policy.due(&life),
            policy,
            life,
            urgency: Urgency::Planned,
            state: RotationState::Fresh,
            attempt: Attempt::Idle,
            failures: 0,
            warn_at: Time::MAX,
            seen: None,
        }
    }

    /// Plans for a credential.
    #[must_use]
    pub fn of(policy: RenewalPolicy, credential: &Credential) -> Self {
        let identity = credential.identity().to_string();
        Self::new(policy, &identity, credential.issued_at(), credential.valid_until())
    }

    /// Plans for a staple, which is renewed as a credential is: [`Action::Renew`] asks the responder,
    /// [`Action::StopPresenting`] tells that the set presents it no longer. Tell of the next one with
    /// [`RotationSchedule::on_renewed`].
    #[must_use]
    pub fn of_staple(policy: RenewalPolicy, staple: &Staple) -> Self {
        let leaf = staple.leaf().to_string();
        Self::new(policy, &leaf, staple.taken_at(), staple.valid_until())
    }

    /// Plans for an identity that has no credential yet: the first is asked for at once.
    #[must_use]
    pub fn without_credential(policy: RenewalPolicy, identity: &str) -> Self {
        Self { state: RotationState::Expired, ..Self::new(policy, identity, Time::MIN, Time::MIN) }
    }

    /// Returns the state as of the last call.
    #[must_use]
    pub const fn state(&self) -> RotationState {
        self.state
    }

    /// Returns the instant from which on the credential is to be renewed.
    #[must_use]
    pub const fn due(&self) -> Time {
        self.due
    }

    /// Returns how many attempts failed in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// It is `now`.
    pub fn on_time(&mut self, now: Time) -> Step {
        let mut step = Step::default();
        self.settle(now, &mut step);
        step
    }

    /// The attempt under way failed, for the reason that `code` names. Without an attempt under way
    /// (it timed out already), only the time is taken note of.
    pub fn on_failure(&mut self, now: Time, code: &'static str) -> Step {
        let mut step = Step::default();
        if let Attempt::Running { .. } = self.attempt {
            self.fail(now, code, &mut step);
        }
        self.settle(now, &mut step);
        step
    }

    /// Another credential is in force, whether it was asked for or not.
    pub fn on_renewed(&mut self, now: Time, issued_at: Time, valid_until: Time) -> Step {
        let mut step = Step::default();
        let same = (self.life.issued_at, self.life.valid_until) == (issued_at, valid_until);
        if (same || now > valid_until) && matches!(self.attempt, Attempt::Running { .. }) {
            self.fail(now, Self::NO_PROGRESS, &mut step);
        } else if !same || self.state == RotationState::Withdrawn {
            self.life = self.life.renewed(issued_at, valid_until);
            self.due = self.policy.due(&self.life);
            if self.due <= now {
                // Old when it comes (an issuer near its own end, a cache): what is left counts as its
                // life, else such an issuer would be asked again in the same breath, for ever.
                let rest = self.life.renewed(now, valid_until);
                self.due = self.policy.due(&rest).max(now.saturating_add(1));
            }
            self.urgency = Urgency::Planned;
            self.attempt = Attempt::Idle;
            self.failures = 0;
            step.events.push(RotationEvent::Renewed { valid_until });
            if self.state == RotationState::Withdrawn {
                self.enter(RotationState::Fresh, now, &mut step);
            }
        }
        self.settle(now, &mut step);
        step
    }

    /// The authority of the credential is tainted: renews it soon, spread over a fleet.
    pub fn on_tainted(&mut self, now: Time) -> Step {
        self.hurry(now, Urgency::Tainted, self.policy.taint_pause(&self.life))
    }

    /// The credential is revoked or its authority removed: renews it at once. It is presented until
    /// then, since nothing else is there to present, and peers judge for themselves.
    pub fn on_revoked(&mut self, now: Time) -> Step {
        self.hurry(now, Urgency::Revoked, 0)
    }

    /// The source took the credential away. [`RotationSchedule::on_renewed`] ends this.
    pub fn on_withdrawn(&mut self, now: Time) -> Step {
        let mut step = Step::default();
        if self.state != RotationState::Withdrawn {
            self.attempt = Attempt::Idle;
            self.failures = 0;
            self.enter(RotationState::Withdrawn, now, &mut step);
        }
        self.settle(now, &mut step);
        step
    }

    fn hurry(&mut self, now: Time, urgency: Urgency, pause: i64) -> Step {
        let mut step = Step::default();
        if urgency > self.urgency && self.state != RotationState::Withdrawn {
            self.urgency = urgency;
            self.failures = 0;
            if urgency == Urgency::Revoked {
                self.warn_at = now;
            }
            // What is under way may still bring a credential of the old authority; who finds that says
            // so again.
            if !matches!(self.attempt, Attempt::Running { .. }) {
                self.attempt = Attempt::Waiting { until: now.saturating_add(pause) };
            }
        }
        self.settle(now, &mut step);
        step
    }

    fn fail(&mut self, now: Time, code: &'static str, step: &mut Step) {
        self.failures = self.failures.saturating_add(1);
        let retry_at = now.saturating_add(self.policy.pause(&self.life, self.failures, now));
        self.attempt = Attempt::Waiting { until: retry_at };
        step.actions.push(Action::RetryAt(retry_at));
        step.events.push(RotationEvent::AttemptFailed { attempt: self.failures, code, retry_at });
    }

    /// Brings everything up to `now`.
    fn settle(&mut self, now: Time, step: &mut Step) {
        self.watch_clock(now, step);
        if self.state != RotationState::Withdrawn {
            if let Attempt::Running { deadline } = self.attempt
                && now >= deadline
            {
                self.fail(now, Self::TIMEOUT, step);
            }
            self.enter(self.state_at(now), now, step);
            self.warn_again(now, step);
            self.begin_attempt(now, step);
            step.next = Some(self.next_instant(now));
        }
        self.seen = Some((now, step.next));
    }

    fn watch_clock(&mut self, now: Time, step: &mut Step) {
        if let Some((last, next)) = self.seen {
            let back = last.seconds_since(now);
            let late = next.map_or(0, |next| now.seconds_since(next));
            if back > CLOCK_TOLERANCE {
                step.events.push(RotationEvent::ClockBack { seconds: back });
            } else if late > CLOCK_TOLERANCE {
                step.events.push(RotationEvent::Late { seconds: late });
            }
        }
        // An instant that was near when the clock was ahead must not be far after it went back.
        let bound = |instant: Time, seconds: i64| instant.min(now.saturating_add(seconds));
        match &mut self.attempt {
            Attempt::Idle => {}
            Attempt::Running { deadline } => {
                *deadline = bound(*deadline, self.policy.attempt_timeout());
            }
            Attempt::Waiting { until } => *until = bound(*until, self.policy.longest_retry()),
        }
    }

    fn state_at(&self, now: Time) -> RotationState {
        if now > self.life.valid_until {
            RotationState::Expired
        } else if now >= self.overdue_at() || self.urgency == Urgency::Revoked {
            RotationState::Overdue
        } else if now >= self.due || self.urgency == Urgency::Tainted {
            RotationState::RenewDue
        } else {
            RotationState::Fresh
        }
    }

    /// Half of the time between renewal and end.
    fn overdue_at(&self) -> Time {
        let rest = self.life.valid_until.seconds_since(self.due).max(0);
        self.due.saturating_add(rest - rest / 2)
    }

    fn enter(&mut self, state: RotationState, now: Time, step: &mut Step) {
        use RotationState as S;
        let from = core::mem::replace(&mut self.state, state);
        if from == state {
            return;
        }
        step.events.push(RotationEvent::Transition { from, to: state });
        match (from, state) {
            (S::Expired, S::Withdrawn) => {}
            (_, S::Expired | S::Withdrawn) => step.actions.push(Action::StopPresenting),
            (S::Expired | S::Withdrawn, _) => step.actions.push(Action::Present),
            _ => {}
        }
        match state {
            S::Overdue => self.warn_at = now,
            S::Expired => step.actions.push(self.warning()),
            _ => {}
        }
        // Brought back by the clock: there is nothing to try again.
        if state == S::Fresh && matches!(self.attempt, Attempt::Waiting { .. }) {
            self.attempt = Attempt::Idle;
            self.failures = 0;
        }
    }

    /// Warns while overdue, each time when half of what was left is gone.
    fn warn_again(&mut self, now: Time, step: &mut Step) {
        if self.state == RotationState::Overdue && now >= self.warn_at {
            step.actions.push(self.warning());
            let rest = self.life.valid_until.seconds_since(now);
            self.warn_at =
                if rest > LAST_WARNING { now.saturating_add(rest / 2) } else { Time::MAX };
        }
    }

    const fn warning(&self) -> Action {
        Action::Warn {
            state: self.state,
            valid_until: self.life.valid_until,
            failures: self.failures,
        }
    }

    fn begin_attempt(&mut self, now: Time, step: &mut Step) {
        let ready = match self.attempt {
            Attempt::Idle => true,
            Attempt::Waiting { until } => now >= until,
            Attempt::Running { .. } => false,
        };
        if ready && self.state != RotationState::Fresh {
            let deadline = now.saturating_add(self.policy.attempt_timeout());
            self.attempt = Attempt::Running { deadline };
            let attempt = self.failures.saturating_add(1);
            step.actions.push(Action::Renew { urgency: self.urgency, attempt });
        }
    }

    fn next_instant(&self, now: Time) -> Time {
        let attempt = match self.attempt {
            Attempt::Idle => Time::MAX,
            Attempt::Running { deadline } => deadline,
            Attempt::Waiting { until } => until,
        };
        let change = match self.state {
            RotationState::Fresh => self.due,
            RotationState::RenewDue => self.overdue_at(),
            RotationState::Overdue => self.warn_at,
            RotationState::Expired | RotationState::Withdrawn => Time::MAX,
        };
        let end = if now > self.life.valid_until {
            Time::MAX
        } else {
            self.life.valid_until.saturating_add(1)
        };
        attempt.min(change).min(end).max(now.saturating_add(1))
    }
}

/// Seconds by which clock and calls may be off before it is worth an event.
const CLOCK_TOLERANCE: i64 = 60;
/// With less than this left, in seconds, there is no further warning before the end.
const LAST_WARNING: i64 = 60;

#[cfg(test)]
mod tests;
