//! Other sessions with the same user name, and logouts that end by themselves.

use super::super::*;
use super::run::{ALL, MINUTE, Run, SECOND, TUESDAY, log, log_of};
use crate::logs::{Conflict, LogState, Marker};

const HOUR: u64 = 60 * MINUTE;
const BLUNT: Means = Means { yielding: false, ..ALL };

fn yielded() -> LogState {
    LogState { conflict: Some(Conflict::Yielded), ..log(Marker::Conflict) }
}

#[test]
fn holds_grow_while_the_other_session_stays() {
    let mut run = Run::reach(State::SessionConflict);
    let mut holds = Vec::new();
    for _ in 0..3 {
        let at = run.policy.next_attempt_at(run.now).expect("an attempt");
        holds.push(at.duration_since(run.now.at).as_mins());
        run.pass(u64::try_from(holds[holds.len() - 1]).expect("minutes") * MINUTE);
        assert_eq!(run.take().iter().filter(|action| **action == Action::Start { yielding: true }).count(), 1);
        run.runs().step(Event::Log(Some(yielded()))).exits(0);
        assert_eq!(run.state(), State::SessionConflict);
    }
    assert_eq!(holds, [10, 20, 40]);
}

#[test]
fn people_are_told_once_of_a_conflict() {
    let mut run = Run::reach(State::UpstreamLost);
    run.step(Event::Log(Some(yielded()))).exits(0).pass(5 * MINUTE);
    assert_eq!(run.notices().iter().filter(|notice| **notice == Notice::SessionConflict).count(), 1);
}

#[test]
fn the_logs_last_line_may_come_after_the_end() {
    let mut run = Run::reach(State::Connected);
    run.exits(0);
    assert_eq!(run.state(), State::Backoff);
    run.step(Event::Log(Some(yielded())));
    assert_eq!((run.state(), run.pass(9 * MINUTE).starts()), (State::SessionConflict, 0));
}

#[test]
fn a_gateway_that_keeps_its_session_is_connected_again() {
    let lost = "2026-11-20 10:15:20:042 IBC: Re-starting session\n2026-11-20 10:15:30:042 IBC: Login has completed\n2026-11-20 10:15:30:042 IBC: Re-login to session\n";
    let mut run = Run::reach(State::UpstreamLost);
    run.step(Event::Log(Some(log_of(lost))));
    assert_eq!(run.state(), State::SessionConflict);
    let kept = format!("{lost}2026-11-20 10:15:30:042 IBC: Continue this session and let the other session exit (scenario 5)\n");
    run.step(Event::Log(Some(log_of(&kept)))).step(Event::UpstreamRestored { data_lost: true });
    assert_eq!((run.state(), run.policy.saved().yield_next, run.policy.saved().hold.is_none()), (State::Connected, false, true));
}

#[test]
fn a_backend_that_cannot_yield_waits_for_a_person() {
    let mut run = Run::with(BLUNT, None, TUESDAY);
    run.step(Event::Engine(Engine::Reachable)).runs().says(Marker::LoggedIn).session();
    run.step(Event::Log(Some(yielded()))).step(Event::UpstreamLost).exits(0).pass(48 * HOUR);
    assert_eq!((run.state(), run.starts(), run.policy.need()), (State::SessionConflict, 0, Some(Need::Conflict)));
    assert_eq!((run.login().state(), run.count(|action| *action == Action::Start { yielding: false })), (State::Starting, 1));
}

#[test]
fn login_takes_the_session_from_an_open_dialog() {
    let mut run = Run::reach(State::Connected);
    let open = LogState { conflict: Some(Conflict::Open), ..log(Marker::Conflict) };
    run.step(Event::UpstreamLost).step(Event::Log(Some(open))).pass(HOUR);
    assert_eq!((run.state(), run.starts()), (State::SessionConflict, 0));
    run.login();
    assert_eq!(run.state(), State::Stopping);
    assert_eq!((run.exits(0).state(), run.starts()), (State::Starting, 1));
}

#[test]
fn a_logout_with_minutes_ends_by_itself_and_yields() {
    let mut run = Run::reach(State::Connected);
    run.logout(Some(30)).pass(5 * SECOND).exits(0);
    assert_eq!(run.pass(29 * MINUTE).starts(), 0);
    run.pass(MINUTE);
    assert_eq!((run.state(), run.count(|action| *action == Action::Start { yielding: true })), (State::Starting, 1));
    assert!(run.policy.saved().wanted.by.contains("dora"));
    // Nobody was there: it is ours again.
    run.runs().says(Marker::LoggedIn).session();
    assert!(!run.policy.saved().yield_next);
}

#[test]
fn a_logout_with_minutes_needs_a_person_where_nothing_can_yield() {
    let mut run = Run::with(BLUNT, None, TUESDAY);
    run.step(Event::Engine(Engine::Reachable)).exits(0).logout(Some(30)).pass(48 * HOUR);
    assert_eq!((run.state(), run.policy.need()), (State::LoggedOut, Some(Need::LogoutOver)));
    assert_eq!(run.notices().iter().filter(|notice| **notice == Notice::NeedsHuman(Need::LogoutOver)).count(), 1);
    assert_eq!(run.starts(), 1, "the one before the logout");
}

#[test]
fn the_last_logout_counts() {
    let mut run = Run::reach(State::Connected);
    run.logout(Some(30)).exits(0).logout(None);
    assert_eq!((run.pass(48 * HOUR).state(), run.starts()), (State::LoggedOut, 0));
}

#[test]
fn somebody_who_works_with_tws_for_days_is_waited_for_and_nobody_is_called_twice() {
    let mut run = Run::reach(State::SessionConflict);
    let mut tried = 0;
    while run.now.uptime_ms < 72 * HOUR {
        run.pass(MINUTE);
        assert!(matches!(run.state(), State::SessionConflict | State::Starting), "{:?}", run.state());
        if run.state() == State::Starting {
            tried += 1;
            run.runs().step(Event::Log(Some(yielded()))).exits(0);
        }
    }
    assert!((8..=24).contains(&tried), "{tried} in three days");
    assert_eq!(run.notices(), [], "told before");
    let at_last = run.pass(24 * HOUR).runs().says(Marker::LoggedIn).session().state();
    assert_eq!((at_last, run.policy.saved().conflicts > 0), (State::Connected, true));
}
