use super::*;
use alloc::format;
use alloc::string::String;
use alloc::vec;

const START: Time = Time::from_unix(1_782_864_000);
const HOUR: i64 = 3_600;

fn at(seconds: i64) -> Time {
    START.saturating_add(seconds)
}

fn hourly() -> RotationSchedule {
    RotationSchedule::new(RenewalPolicy::DEFAULT, "spiffe://td/a", START, at(HOUR))
}

/// A step in short: what happened, then what to do.
fn short(step: &Step) -> String {
    let mut text = vec![];
    for event in &step.events {
        text.push(match event {
            RotationEvent::Transition { from, to } => format!("{from}>{to}"),
            RotationEvent::AttemptFailed { attempt, code, .. } => format!("{code}#{attempt}"),
            RotationEvent::Renewed { .. } => "renewed".into(),
            RotationEvent::ClockBack { seconds } => format!("back {seconds}"),
            RotationEvent::Late { seconds } => format!("late {seconds}"),
        });
    }
    for action in &step.actions {
        text.push(match action {
            Action::Renew { urgency, attempt } => format!("RENEW {urgency:?} {attempt}"),
            Action::RetryAt(_) => "RETRY".into(),
            Action::Warn { state, .. } => format!("WARN {state}"),
            Action::StopPresenting => "STOP".into(),
            Action::Present => "PRESENT".into(),
        });
    }
    text.join(", ")
}

#[test]
fn a_life_goes_through_its_states() {
    let mut schedule = hourly();
    let due = schedule.due();
    let step = schedule.on_time(START);
    assert_eq!((short(&step).as_str(), step.next), ("", Some(due)));
    let step = schedule.on_time(due);
    assert_eq!(short(&step), "fresh>renew-due, RENEW Planned 1");
    // Asked again before there is an answer: nothing new.
    assert_eq!(short(&schedule.on_time(due.saturating_add(1))), "");
    let step = schedule.on_renewed(due.saturating_add(2), due, due.saturating_add(HOUR));
    assert_eq!(short(&step), "renewed, renew-due>fresh");
    let next = schedule.due();
    assert!((1_620..=1_980).contains(&next.seconds_since(due)));
    assert_eq!(step.next, Some(next));
}

#[test]
fn an_attempt_without_answer_fails_and_a_late_answer_still_counts() {
    let mut schedule = hourly();
    let due = schedule.due();
    let step = schedule.on_time(due);
    let deadline = due.saturating_add(60);
    assert_eq!(step.next, Some(deadline));
    assert_eq!(short(&schedule.on_time(deadline)), "rotation.timeout#1, RETRY");
    // The failure that was given up on changes nothing any more.
    assert_eq!(short(&schedule.on_failure(deadline, "issuer.late")), "");
    assert_eq!(schedule.failures(), 1);
    let step = schedule.on_renewed(deadline, due, due.saturating_add(HOUR));
    assert_eq!(short(&step), "renewed, renew-due>fresh");
    assert_eq!(schedule.failures(), 0);
}

/// Runs a schedule on whose attempts all fail, until `end`; returns the times of the attempts and what
/// happened besides.
fn fail_until(schedule: &mut RotationSchedule, end: Time) -> (Vec<Time>, Vec<(i64, String)>) {
    let (mut attempts, mut others) = (vec![], vec![]);
    let mut now = START;
    while now <= end {
        let mut step = schedule.on_time(now);
        loop {
            let next = step.next.unwrap();
            assert!(next > now, "asks to be called at {next} while it is {now}");
            let renews = step.actions.iter().any(|a| matches!(a, Action::Renew { .. }));
            let text = short(&step);
            let rest: Vec<_> = text
                .split(", ")
                .filter(|part| {
                    !part.is_empty()
                        && !["RENEW", "RETRY", "x#"].iter().any(|p| part.starts_with(p))
                })
                .collect();
            if !rest.is_empty() {
                others.push((now.seconds_since(START), rest.join(", ")));
            }
            if !renews {
                now = next;
                break;
            }
            attempts.push(now);
            step = schedule.on_failure(now, "x");
        }
    }
    (attempts, others)
}

#[test]
fn an_issuer_that_is_down_is_asked_a_bounded_number_of_times() {
    for (case, life, longest) in [
        ("five seconds", 5, 10),
        ("hour", HOUR, 35),
        ("day", 24 * HOUR, 60),
        ("90 days", 90 * 24 * HOUR, 1_500),
    ] {
        let mut schedule =
            RotationSchedule::new(RenewalPolicy::DEFAULT, "spiffe://td/a", START, at(life));
        let (attempts, _) = fail_until(&mut schedule, at(life));
        let count = attempts.len();
        assert!((2..=longest).contains(&count), "{case}: {count} attempts");
        // The last attempts come near the end: recovery in the last moment is used.
        let left = at(life).seconds_since(*attempts.last().unwrap());
        assert!(left <= 3, "{case}: last attempt {left} s before the end");
        // Once expired, at most one attempt in 48 seconds.
        let before = attempts.len();
        let (attempts, _) = fail_until(&mut schedule, at(life + HOUR));
        assert!(attempts.len() <= before + 80, "{case}: {} attempts", attempts.len());
    }
}

#[test]
fn warnings_come_at_each_half_and_presenting_ends_with_the_life() {
    let mut schedule = hourly();
    let due = schedule.due().seconds_since(START);
    let rest = HOUR - due;
    let (_, others) = fail_until(&mut schedule, at(HOUR + 1_000));
    let (times, texts): (Vec<_>, Vec<_>) = others.into_iter().unzip();
    assert_eq!(texts.first().map(String::as_str), Some("fresh>renew-due"));
    assert_eq!(texts[1], "renew-due>overdue, WARN overdue");
    assert_eq!(texts.last().map(String::as_str), Some("overdue>expired, STOP, WARN expired"));
    assert!(texts[2..texts.len() - 1].iter().all(|text| text == "WARN overdue"));
    assert_eq!((times[0], times[1]), (due, due + rest - rest / 2));
    assert_eq!(times.last(), Some(&(HOUR + 1)));
    assert!((3..=10).contains(&texts.len()), "{texts:?}");
}

#[test]
fn the_last_second_is_presented_and_the_next_is_not() {
    let mut schedule = hourly();
    let step = schedule.on_time(at(HOUR));
    assert!(!short(&step).contains("STOP"));
    assert_eq!(schedule.state(), RotationState::Overdue);
    assert_eq!(step.next, Some(at(HOUR + 1)));
    assert!(short(&schedule.on_time(at(HOUR + 1))).contains("STOP"));
    assert_eq!(schedule.state(), RotationState::Expired);
}

#[test]
fn taint_and_revocation_hurry() {
    let mut schedule = hourly();
    schedule.on_time(START);
    let step = schedule.on_tainted(at(10));
    assert_eq!(short(&step), "fresh>renew-due");
    let begin = step.next.unwrap();
    assert!((0..=30).contains(&begin.seconds_since(at(10))));
    assert_eq!(short(&schedule.on_time(begin)), "RENEW Tainted 1");
    // Told again: once is enough.
    assert_eq!(short(&schedule.on_tainted(begin)), "");
    let step = schedule.on_failure(begin, "issuer.busy");
    assert_eq!(short(&step), "issuer.busy#1, RETRY");
    let step = schedule.on_revoked(begin.saturating_add(1));
    assert_eq!(short(&step), "renew-due>overdue, WARN overdue, RENEW Revoked 1");
    let now = begin.saturating_add(2);
    let step = schedule.on_renewed(now, now, now.saturating_add(HOUR));
    assert_eq!(short(&step), "renewed, overdue>fresh");

    // A fleet spreads.
    let mut begins: Vec<_> = (0..300)
        .map(|number| {
            let id = format!("spiffe://td/{number}");
            let mut one = RotationSchedule::new(RenewalPolicy::DEFAULT, &id, START, at(HOUR));
            one.on_tainted(at(10)).next.unwrap().seconds_since(at(10))
        })
        .collect();
    begins.sort_unstable();
    begins.dedup();
    assert!(begins.len() >= 29, "{begins:?}");
}

#[test]
fn a_clock_that_jumps_strands_nothing() {
    // Forward past the end and back again.
    let mut schedule = hourly();
    schedule.on_time(START);
    let step = schedule.on_time(at(1_000_000));
    let late = 1_000_000 - schedule.due().seconds_since(START);
    let expected = format!("late {late}, fresh>expired, STOP, WARN expired, RENEW Planned 1");
    assert_eq!(short(&step), expected);
    let step = schedule.on_failure(at(1_000_001), "issuer.clock");
    assert_eq!(short(&step), "issuer.clock#1, RETRY");
    let step = schedule.on_time(at(60));
    assert_eq!(short(&step), "back 999941, expired>fresh, PRESENT");
    assert_eq!(step.next, Some(schedule.due()));

    // Back while an attempt is under way, and while one waits: neither waits for the old future.
    for (case, fails) in [("under way", false), ("waiting", true)] {
        let mut schedule = hourly();
        let late = at(3_000);
        assert!(short(&schedule.on_time(late)).contains("RENEW"));
        if fails {
            schedule.on_failure(late, "issuer.down");
        }
        let back = at(2_500);
        let step = schedule.on_time(back);
        assert!(short(&step).starts_with("back 500"), "{case}");
        assert!(step.next.unwrap().seconds_since(back) <= 3_600, "{case}");
        let mut now = back;
        let mut renewals = 0;
        while now < at(3_600) {
            let step = schedule.on_time(now);
            renewals += step.actions.iter().filter(|a| matches!(a, Action::Renew { .. })).count();
            now = step.next.unwrap();
        }
        assert!(renewals >= 1, "{case}");
    }

    // Before the beginning of the validity: nothing to do.
    let mut schedule = hourly();
    assert_eq!(short(&schedule.on_time(at(-HOUR))), "");
    // The edges of time.
    for now in [Time::MIN, Time::MAX] {
        let step = schedule.on_time(now);
        assert!(now == Time::MAX || step.next.unwrap() > now);
    }
}

#[test]
fn an_issuer_that_repeats_itself_has_failed() {
    let mut schedule = hourly();
    let due = schedule.due();
    schedule.on_time(due);
    let step = schedule.on_renewed(due, START, at(HOUR));
    assert_eq!(short(&step), "rotation.no-progress#1, RETRY");
    // Unasked, it is a source that repeats its state.
    let step = schedule.on_renewed(due, START, at(HOUR));
    assert_eq!(short(&step), "");
    // What is expired when it comes is no progress either.
    let retry = step.next.unwrap();
    schedule.on_time(retry);
    let step = schedule.on_renewed(retry, START, START.saturating_add(1));
    assert_eq!(short(&step), "rotation.no-progress#2, RETRY");
}

#[test]
fn what_is_old_when_it_comes_lives_from_then_on() {
    let mut schedule = hourly();
    let due = schedule.due();
    schedule.on_time(due);
    for (case, left, earliest, latest) in [
        ("a cache", 1_200, 540, 660),
        ("its last minute", 60, 27, 33),
        ("its last second", 1, 1, 1),
    ] {
        let step = schedule.on_renewed(due, at(-HOUR), due.saturating_add(left));
        assert_eq!(schedule.state(), RotationState::Fresh, "{case}");
        let pause = step.next.unwrap().seconds_since(due);
        assert!((earliest..=latest).contains(&pause), "{case}: {pause}");
    }
    // An issuer that never hands out more than a third of a life is asked twice for each third.
    let mut schedule = hourly();
    let (mut now, mut renewals) = (START, 0);
    while now < at(24 * HOUR) {
        let step = schedule.on_time(now);
        if short(&step).contains("RENEW") {
            renewals += 1;
            let issued = now.saturating_sub(HOUR * 2 / 3);
            schedule.on_renewed(now, issued, issued.saturating_add(HOUR));
        }
        now = schedule.on_time(now).next.unwrap();
    }
    assert!((110..=170).contains(&renewals), "{renewals} renewals in a day");
}

#[test]
fn lives_of_seconds_are_renewed_in_time() {
    let mut schedule = RotationSchedule::new(RenewalPolicy::DEFAULT, "spiffe://td/a", START, at(5));
    let mut now = START;
    for _ in 0..1_000 {
        now = schedule.on_time(now).next.unwrap();
        let step = schedule.on_time(now);
        assert!(short(&step).contains("RENEW"), "{}", short(&step));
        let step = schedule.on_renewed(now, now, now.saturating_add(5));
        assert_eq!(schedule.state(), RotationState::Fresh);
        assert!(!short(&step).contains("STOP"));
    }
}

#[test]
fn withdrawn_means_neither_presented_nor_renewed_until_restored() {
    let mut schedule = hourly();
    schedule.on_time(START);
    let step = schedule.on_withdrawn(at(1));
    assert_eq!((short(&step).as_str(), step.next), ("fresh>withdrawn, STOP", None));
    for step in [
        schedule.on_time(at(2_000)),
        schedule.on_tainted(at(2_001)),
        schedule.on_withdrawn(at(2_002)),
        schedule.on_failure(at(2_003), "x"),
    ] {
        assert_eq!((short(&step).as_str(), step.next), ("", None));
    }
    // The same bytes come back (PermissionDenied, then restored).
    let step = schedule.on_renewed(at(2_004), START, at(HOUR));
    assert_eq!(short(&step), "renewed, withdrawn>fresh, PRESENT");
    // Past its time by now: renewed in the middle of what is left.
    let pause = step.next.unwrap().seconds_since(at(2_004));
    assert!((718..=878).contains(&pause), "{pause}");
}

#[test]
fn the_first_credential_is_asked_for_at_once() {
    let mut schedule =
        RotationSchedule::without_credential(RenewalPolicy::DEFAULT, "spiffe://td/a");
    let step = schedule.on_time(START);
    assert_eq!(short(&step), "RENEW Planned 1");
    let step = schedule.on_failure(START, "issuer.down");
    assert_eq!(short(&step), "issuer.down#1, RETRY");
    let retry = step.next.unwrap();
    assert!(retry.seconds_since(START) <= 5);
    schedule.on_time(retry);
    let step = schedule.on_renewed(retry, START, at(HOUR));
    assert_eq!(short(&step), "renewed, expired>fresh, PRESENT");
}
