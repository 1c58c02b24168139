use proptest::prelude::*;

use super::*;
use Event::{Asked, Ended};

const ASK: Event = Asked { kept: false };
const ASK_KEPT: Event = Asked { kept: true };
const FAILED: Event = Ended(Pass::Normal, Evidence::Failed);
const ANSWERED: Event = Ended(Pass::Normal, Evidence::Answered);

fn epoch() -> Instant {
    Instant::now()
}

/// Plays `(second, event)` and tells the last decision and where the breaker is then.
fn play(steps: &[(u64, Event)]) -> (Decision, Position, u32) {
    let (mut breaker, start) = (Breaker::default(), epoch());
    let mut last = (Decision::Noted, Position::Closed, 0);
    for (second, event) in steps {
        let now = start + Duration::from_secs(*second);
        let event = match event {
            // In tables the heartbeat's time is told in seconds from the start, through its distance from `start`.
            Event::IbConnected { .. } => Event::IbConnected { at: now },
            other => *other,
        };
        let decision = breaker.step(event, now);
        let view = breaker.view(now);
        last = (decision, view.position, view.failures);
    }
    last
}

/// Three failures at second 0, then `steps`.
fn opened(steps: &[(u64, Event)]) -> Vec<(u64, Event)> {
    [&[(0, FAILED); FAILURES_MAX as usize], steps].concat()
}

/// Name; what happens at which second; the last decision and the state then.
type Case<'a> = (&'a str, Vec<(u64, Event)>, (Decision, Position, u32));

#[test]
fn the_table() {
    use Decision::{Noted, Passed, Refused};
    use Position::{Closed, HalfOpen, Open};
    let beat = Event::IbConnected { at: epoch() };
    let probe_failed = Ended(Pass::Probe, Evidence::Failed);
    let probe_answered = Ended(Pass::Probe, Evidence::Answered);
    let probe_lost = Ended(Pass::Probe, Evidence::None);
    let beside_failed = Ended(Pass::Beside, Evidence::Failed);
    let beside_answered = Ended(Pass::Beside, Evidence::Answered);
    let s = Duration::from_secs;
    let table: &[Case<'_>] = &[
        ("new", vec![(0, ASK)], (Passed(Pass::Normal), Closed, 0)),
        ("two failures", vec![(0, FAILED), (1, FAILED), (2, ASK)], (Passed(Pass::Normal), Closed, 2)),
        ("three failures", vec![(0, FAILED), (1, FAILED), (2, FAILED)], (Noted, Open, 3)),
        ("an answer in between", vec![(0, FAILED), (1, FAILED), (2, ANSWERED), (3, FAILED), (4, FAILED)], (Noted, Closed, 2)),
        (
            "nothing said in between",
            vec![(0, FAILED), (1, FAILED), (2, Ended(Pass::Normal, Evidence::None)), (3, FAILED)],
            (Noted, Open, 3),
        ),
        ("memory answered in between", vec![(0, FAILED), (1, FAILED), (2, beside_answered), (3, FAILED)], (Noted, Open, 3)),
        ("kept calls fail too", vec![(0, beside_failed), (1, beside_failed), (2, beside_failed)], (Noted, Open, 3)),
        ("open refuses", opened(&[(20, ASK)]), (Refused { retry_after: s(40) }, Open, 3)),
        ("open passes what memory can answer", opened(&[(20, ASK_KEPT)]), (Passed(Pass::Beside), Open, 3)),
        ("a late failure does not prolong", opened(&[(30, FAILED), (59, ASK)]), (Refused { retry_after: s(1) }, Open, 3)),
        ("a late answer closes", opened(&[(1, ANSWERED)]), (Noted, Closed, 0)),
        ("memory does not close an open one", opened(&[(1, beside_answered)]), (Noted, Open, 3)),
        ("a probe after 60 s", opened(&[(60, ASK)]), (Passed(Pass::Probe), HalfOpen, 3)),
        ("one probe at a time", opened(&[(60, ASK), (61, ASK)]), (Refused { retry_after: PROBE_WAIT }, HalfOpen, 3)),
        ("kept beside the probe", opened(&[(60, ASK), (61, ASK_KEPT)]), (Passed(Pass::Beside), HalfOpen, 3)),
        ("the probe succeeds", opened(&[(60, ASK), (61, probe_answered)]), (Noted, Closed, 0)),
        ("the probe fails", opened(&[(60, ASK), (65, probe_failed), (66, ASK)]), (Refused { retry_after: s(59) }, Open, 4)),
        ("the probe is lost", opened(&[(60, ASK), (61, probe_lost), (61, ASK)]), (Passed(Pass::Probe), HalfOpen, 3)),
        ("fresh memory closes a half-open one", opened(&[(60, ASK_KEPT), (60, beside_answered)]), (Noted, Closed, 0)),
        ("memory's failure is not the probe's", opened(&[(60, ASK_KEPT), (60, beside_failed)]), (Noted, HalfOpen, 3)),
        ("a heartbeat half-opens", opened(&[(1, beat), (1, ASK)]), (Passed(Pass::Probe), HalfOpen, 3)),
        ("a heartbeat of the same moment knows nothing new", opened(&[(0, beat)]), (Noted, Open, 3)),
        (
            "a heartbeat frees no second probe",
            opened(&[(1, beat), (1, ASK), (3, beat), (3, ASK)]),
            (Refused { retry_after: PROBE_WAIT }, HalfOpen, 3),
        ),
        ("a heartbeat closes nothing", vec![(0, FAILED), (1, FAILED), (2, beat)], (Noted, Closed, 2)),
    ];
    for (name, steps, expected) in table {
        assert_eq!(&play(steps), expected, "{name}");
    }
}

#[test]
fn the_view_counts_down() {
    let (mut breaker, start) = (Breaker::default(), epoch());
    assert_eq!(breaker.view(start), View { position: Position::Closed, failures: 0, last_failure_ago: None, recovery_in: None });
    for _ in 0..FAILURES_MAX {
        breaker.step(FAILED, start);
    }
    let at = |seconds| breaker.view(start + Duration::from_secs(seconds));
    assert_eq!(
        (at(10).position, at(10).recovery_in, at(10).last_failure_ago),
        (Position::Open, Some(Duration::from_secs(50)), Some(Duration::from_secs(10)))
    );
    // Nobody has asked since: it is half-open all the same.
    assert_eq!((at(60).position, at(60).recovery_in), (Position::HalfOpen, None));
}

/// What callers and heartbeats may do, in any order. A call that passed ends with any evidence or not at all.
fn happening() -> impl Strategy<Value = (u64, u8, u8)> {
    (0..90_000_u64, 0..4_u8, 0..3_u8)
}

proptest! {
    #[test]
    fn never_open_below_the_threshold_one_probe_at_a_time_and_always_recovering(happenings in prop::collection::vec(happening(), 0..60)) {
        let (mut breaker, mut now) = (Breaker::default(), epoch());
        let mut passed: Vec<Pass> = Vec::new();
        let mut failures_since_answer = 0;
        for (wait_ms, what, which) in happenings {
            now += Duration::from_millis(wait_ms);
            match what {
                0 | 1 => match breaker.step(Asked { kept: what == 1 }, now) {
                    Decision::Passed(pass) => passed.push(pass),
                    Decision::Refused { retry_after } => {
                        prop_assert!(what == 0, "memory is always asked");
                        prop_assert!(retry_after <= RECOVERY && !retry_after.is_zero());
                    }
                    Decision::Noted => prop_assert!(false, "a question gets a decision"),
                },
                2 => if let Some(pass) = passed.pop() {
                    let evidence = [Evidence::Answered, Evidence::Failed, Evidence::None][usize::from(which)];
                    breaker.step(Ended(pass, evidence), now);
                    match evidence {
                        Evidence::Failed => failures_since_answer += 1,
                        Evidence::Answered if breaker.view(now).failures == 0 => failures_since_answer = 0,
                        _ => {}
                    }
                },
                _ => {
                    breaker.step(Event::IbConnected { at: now }, now);
                }
            }
            let view = breaker.view(now);
            prop_assert!(view.position == Position::Closed || failures_since_answer >= FAILURES_MAX);
            prop_assert_eq!(view.position == Position::Open, view.recovery_in.is_some());
        }
        // Whoever still works answers nothing more; after the recovery time one call passes, and its answer closes.
        for pass in passed {
            breaker.step(Ended(pass, Evidence::None), now);
        }
        now += RECOVERY;
        let Decision::Passed(pass) = breaker.step(ASK, now) else { panic!("still refused after {RECOVERY:?}") };
        if pass == Pass::Probe {
            prop_assert_eq!(breaker.step(ASK, now), Decision::Refused { retry_after: PROBE_WAIT });
        }
        breaker.step(Ended(pass, Evidence::Answered), now);
        prop_assert_eq!(breaker.view(now).position, Position::Closed);
        prop_assert_eq!(breaker.step(ASK, now), Decision::Passed(Pass::Normal));
    }
}
