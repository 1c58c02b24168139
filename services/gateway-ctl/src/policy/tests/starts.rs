//! When the container is started again, and when no more.

use super::super::*;
use super::run::{ALL, MINUTE, Run, SATURDAY, SECOND, TUESDAY, exited, log};
use crate::{
    logs::{LogState, Marker},
    windows::Region,
};

const HOUR: u64 = 60 * MINUTE;

/// A container that is started and ends with that code as soon as it runs.
fn fails_again(run: &mut Run, code: u8, ms: u64) -> usize {
    let end = run.now.uptime_ms + ms;
    let mut starts = 0;
    while run.now.uptime_ms < end && run.state() != State::Halted {
        run.pass(SECOND);
        let started = run.starts();
        run.out.retain(|action| !matches!(action, Action::Start { .. }));
        for _ in 0..started {
            starts += 1;
            run.runs().exits(code);
        }
    }
    starts
}

#[test]
fn each_failure_waits_longer_and_the_budget_ends_it() {
    let mut run = Run::new();
    run.step(Event::Engine(Engine::Reachable)).runs().exits(77);
    let mut waits = Vec::new();
    while run.state() == State::Backoff && waits.len() < 10 {
        let at = run.policy.next_attempt_at(run.now).expect("an attempt");
        waits.push(at.duration_since(run.now.at).as_secs().unsigned_abs());
        run.pass(waits[waits.len() - 1] * SECOND).runs().exits(77);
    }
    assert_eq!((waits, run.state()), (vec![15, 60, 300], State::Halted));
    assert_eq!(run.policy.saved().halted.as_ref().map(|halted| halted.kind), Some(HaltKind::Budget));
    assert_eq!(run.notices().iter().filter(|notice| **notice == Notice::Halted(Need::Budget)).count(), 1);
    run.take();
    assert_eq!(run.pass(48 * HOUR).starts(), 0);
}

#[test]
fn ten_minutes_of_a_session_forget_the_back_off() {
    for (minutes, wait_s) in [(9, 60), (10, 15)] {
        let mut run = Run::reach(State::Connected);
        run.exits(77).pass(15 * SECOND).runs().says(Marker::LoggedIn).session().pass(minutes * MINUTE).exits(77);
        assert_eq!(run.policy.next_attempt_at(run.now), Some(run.now.wall_of(run.now.uptime_ms + wait_s * SECOND)), "{minutes} min");
    }
}

#[test]
fn a_day_has_eight_automatic_starts() {
    let mut run = Run::reach(State::Connected);
    for _ in 0..20 {
        run.exits(77).pass(15 * SECOND);
        if run.state() != State::Starting {
            break;
        }
        run.runs().says(Marker::LoggedIn).session().pass(50 * MINUTE);
    }
    assert_eq!((run.state(), run.starts(), run.policy.budget(run.now.at).left_24_h), (State::Halted, AUTOMATIC_LONG_MAX, 0));
}

#[test]
fn an_unclean_end_waits_a_minute_for_ib() {
    for (code, wait_s) in [(137, 60), (1, 60), (143, 60), (77, 15)] {
        let mut run = Run::reach(State::Connected);
        run.exits(code).pass((wait_s - 1) * SECOND);
        assert_eq!((run.state(), run.starts()), (State::Backoff, 0), "exit code {code}");
        assert_eq!((run.pass(SECOND).state(), run.starts()), (State::Starting, 1), "exit code {code}");
    }
    // The same for one that ended while this process was away.
    let mut run = Run::new();
    let finished_at = run.now.at.checked_sub(jiff::SignedDuration::from_secs(20)).ok();
    run.step(Event::Engine(Engine::Reachable)).step(Event::Container(Container::Exited {
        code: Some(137),
        oom_killed: false,
        finished_at,
    }));
    assert_eq!((run.pass(39 * SECOND).starts(), run.pass(SECOND).starts()), (0, 1));
}

#[test]
fn an_end_for_want_of_memory_says_what_helps() {
    for (oom_killed, told) in [(true, "ran out of memory and was killed"), (false, "if nobody did it, it ran out of memory")] {
        let mut run = Run::reach(State::Connected);
        run.step(Event::Container(Container::Exited { code: Some(137), oom_killed, finished_at: None }));
        let reason = run.policy.reason().expect("reason");
        assert_eq!(run.state(), State::Backoff);
        for part in [told, "memory limit", "JAVA_HEAP_SIZE"] {
            assert!(reason.contains(part), "{reason}");
        }
    }
    let mut run = Run::reach(State::Connected);
    let reason = run.exits(1).policy.reason().expect("reason");
    assert!(!reason.contains("memory"), "{reason}");
}

#[test]
fn a_start_that_is_not_seen_running_counts_as_a_failure() {
    let mut run = Run::reach(State::Stopped);
    run.exits(0).pass(29 * SECOND);
    assert_eq!((run.state(), run.starts()), (State::Starting, 1));
    assert_eq!(run.pass(SECOND).state(), State::Backoff);
    run.pass(15 * SECOND).step(Event::Failed(Deed::Start, "no such image".to_owned()));
    assert_eq!((run.state(), run.starts()), (State::Backoff, 2));
    assert!(run.policy.reason().expect("reason").contains("no such image"));
}

#[test]
fn a_second_factor_gets_one_automatic_start() {
    let mut run = Run::reach(State::WaitTwoFactor);
    assert_eq!(run.policy.need(), Some(Need::SecondFactor));
    run.exits(87).pass(15 * SECOND);
    assert_eq!((run.state(), run.starts()), (State::Starting, 1));
    run.runs().says(Marker::SecondFactor).exits(87);
    assert_eq!((run.state(), run.policy.need()), (State::Halted, Some(Need::SecondFactor)));
    // A process that starts anew knows it too.
    let mut again = Run::with(ALL, Some(Saved::load(&run.policy.saved().save()).expect("saved")), TUESDAY);
    again.step(Event::Engine(Engine::Reachable)).exits(87).pass(48 * HOUR);
    assert_eq!((again.state(), again.starts()), (State::Halted, 0));
    assert!(again.notices().is_empty(), "people were told before");
    // Login by a person asks again, and ten minutes of a session give the next outage its start.
    run.take();
    run.login().runs().says(Marker::SecondFactor).says(Marker::LoggedIn).session().pass(10 * MINUTE).exits(137).pass(MINUTE);
    assert_eq!((run.state(), run.starts()), (State::Starting, 2));
}

#[test]
fn a_wrong_password_is_tried_once_and_the_gateway_is_stopped() {
    let mut run = Run::reach(State::Login);
    run.step(Event::Log(Some(LogState { failed_log_ins: 1, launches: 2, ..log(Marker::Launched) })));
    assert_eq!(run.state(), State::Stopping, "also when the script has gone on");
    run.exits(0).pass(48 * HOUR);
    assert_eq!((run.state(), run.policy.need(), run.starts()), (State::Halted, Some(Need::Credentials), 0));
}

#[test]
fn what_ib_asks_to_wait_is_waited_for_by_people_too() {
    let locked = LogState { lockouts: 1, lockout_wait_s: Some(287), ..log(Marker::LockedOut) };
    let mut run = Run::reach(State::Login);
    run.step(Event::Log(Some(locked))).exits(0).login();
    assert!(matches!(run.answers().last(), Some(Answer::Refused(Refusal::NotBefore { .. }))), "{:?}", run.out);
    run.pass((287 + 29) * SECOND);
    assert_eq!((run.state(), run.starts()), (State::Backoff, 0));
    assert_eq!(run.pass(SECOND).state(), State::Starting);
}

#[test]
fn too_many_starts_of_people_are_refused() {
    let mut run = Run::reach(State::Stopped);
    run.exits(0).runs();
    let mut refused = 0;
    for _ in 0..20 {
        run.take();
        run.reconnect(true).pass(5 * SECOND).exits(0);
        refused += run.count(|action| matches!(action, Action::Answer { answer: Answer::Refused(Refusal::NotBefore { .. }), .. }));
        if run.starts() > 0 {
            run.runs();
        }
    }
    assert!(refused > 0);
    assert_eq!(run.policy.saved().starts.len(), ALL_SHORT_MAX);
}

#[test]
fn nothing_starts_by_itself_while_ib_restarts_its_servers() {
    let mut run = Run::with(ALL, None, SATURDAY);
    run.step(Event::Engine(Engine::Reachable)).runs().says(Marker::LoggedIn).session().exits(77);
    // Held until 03:15 in New York.
    assert_eq!(run.policy.next_attempt_at(run.now).expect("an attempt").to_string(), "2026-11-21T08:15:00Z");
    assert!(run.policy.reason().expect("reason").contains("IB restarts its servers"));
    assert_eq!(run.pass(3 * HOUR).starts(), 0);
    assert_eq!((run.login().state(), run.starts()), (State::Starting, 1), "a person may");
}

#[test]
fn a_close_around_midnight_is_not_answered_at_once() {
    // Wednesday 23:45 in New York, with Asia's windows, so that no window holds the start.
    let now = Now { uptime_ms: 0, at: "2026-11-19T04:45:00Z".parse().expect("time") };
    let resets = crate::windows::Resets::new(crate::windows::Region::Asia).expect("zones");
    let setup = Setup { means: ALL, rules: Rules { unclean_ms: 0, ..Rules::default() }, resets, saved: Saved::new(now.at) };
    let mut policy = Policy::new(setup, now);
    policy.step(Event::Engine(Engine::Reachable), now);
    policy.step(Event::Container(Container::Running { started_at: None }), now);
    policy.step(Event::Container(exited(77)), now);
    assert_eq!(policy.next_attempt_at(now).expect("an attempt").to_string(), "2026-11-19T04:45:15Z");
    policy.step(Event::Container(Container::Running { started_at: None }), now);
    policy.step(Event::Container(exited(0)), now);
    assert_eq!(policy.next_attempt_at(now).map(|at| at.to_string()), Some("2026-11-19T04:53:00Z".to_owned()), "{policy:?}");
}

#[test]
fn a_clock_that_is_set_lengthens_and_shortens_no_wait() {
    for hours in [-1, 1] {
        let mut run = Run::reach(State::Connected);
        let starts = fails_again(run.exits(77), 77, 2 * MINUTE);
        assert_eq!(starts, 2);
        run.now.at = run.now.at.checked_add(jiff::SignedDuration::from_hours(hours)).expect("time");
        run.step(Event::Tick);
        assert_eq!(run.policy.budget(run.now.at).left_30_min, 1, "{hours} h");
        assert_eq!(fails_again(&mut run, 77, 25 * MINUTE), 1, "{hours} h");
        assert_eq!(run.state(), State::Halted);
    }
}

#[test]
fn a_login_gives_automatic_starts_back_and_what_people_start_costs_none() {
    let mut run = Run::reach(State::Connected);
    fails_again(run.exits(77), 77, HOUR);
    assert_eq!(run.state(), State::Halted);
    run.login();
    assert_eq!((run.state(), run.policy.budget(run.now.at).left_30_min), (State::Starting, 3));
    run.take();
    run.runs().exits(77);
    assert_eq!((run.state(), fails_again(&mut run, 77, HOUR)), (State::Backoff, 3));
    let mut people = Run::reach(State::Connected);
    for _ in 0..4 {
        people.reconnect(true).pass(5 * SECOND).exits(0).runs().says(Marker::LoggedIn).session();
    }
    assert_eq!((people.starts(), people.policy.budget(people.now.at).left_30_min), (4, 3));
}

#[test]
fn starts_of_a_process_whose_clock_was_wrong_block_nothing_for_long() {
    let mut saved = Saved::new(TUESDAY.parse().expect("time"));
    saved.starts = vec![Start { at: "2026-12-31T00:00:00Z".parse().expect("time"), automatic: false }; ALL_SHORT_MAX];
    let mut run = Run::with(ALL, Some(saved), TUESDAY);
    run.step(Event::Engine(Engine::Reachable)).step(Event::Container(Container::Missing)).pass(31 * MINUTE).exits(0).login();
    assert_eq!((run.state(), run.starts()), (State::Starting, 1));
}

#[test]
fn a_second_login_makes_no_later_start_a_persons() {
    let mut run = Run::reach(State::LoggedOut);
    run.login().login().runs().exits(77);
    assert_eq!((run.state(), run.starts()), (State::Backoff, 1));
}

#[test]
fn a_logout_forgets_a_start_that_was_not_seen() {
    let mut run = Run::reach(State::LoggedOut);
    run.login().logout(None);
    assert_eq!(run.state(), State::LoggedOut);
    assert_eq!((run.login().state(), run.starts()), (State::Starting, 2), "starting twice is starting once to Docker");
}

#[test]
fn nothing_starts_before_docker_was_looked_at() {
    let mut run = Run::new();
    run.exits(0).pass(HOUR);
    assert_eq!((run.state(), run.starts()), (State::DockerUnreachable, 0));
    assert_eq!(run.step(Event::Engine(Engine::Reachable)).starts(), 1);
}

#[test]
fn a_simulated_gateway_comes_back_within_seconds_and_as_often_as_needed() {
    let mut run = Run::new();
    let resets = Resets::new(Region::None).expect("zones");
    run.policy = Policy::new(Setup { means: ALL, rules: Rules::simulated(), resets, saved: Saved::new(run.now.at) }, run.now);
    run.step(Event::Engine(Engine::Reachable)).runs().exits(137);
    assert_eq!(run.pass(SECOND).starts(), 1, "a kill leaves no session behind that must be waited for");
    for count in 2..=AUTOMATIC_LONG_MAX + 2 {
        run.runs().exits(77);
        assert_eq!(run.pass(15 * SECOND).starts(), count, "{:?}", run.state());
    }
}
