//! Repairs of a gateway that runs, restarts of this process, and what people are told.

use super::super::*;
use super::run::{ALL, MINUTE, Run, SATURDAY, SECOND, TUESDAY, exited, log};
use crate::logs::{LogState, Marker};

const HOUR: u64 = 60 * MINUTE;

/// The soft restart happens and the gateway is logged in again.
fn restarted(run: &mut Run, launches: u32) -> &mut Run {
    let gone = LogState { launches: launches - 1, ..log(Marker::Restarting) };
    let back = LogState { launches, ..log(Marker::LoggedIn) };
    run.step(Event::Log(Some(gone))).step(Event::Log(Some(back)))
}

#[test]
fn an_api_that_stays_silent_is_restarted_once_and_then_a_person_is_asked() {
    let mut run = Run::reach(State::ApiWait);
    run.step(Event::Api(Api::Silent)).fleet_down().pass(90 * SECOND);
    assert_eq!(run.state(), State::SoftRestart);
    restarted(&mut run, 2).step(Event::Api(Api::Silent)).pass(2 * MINUTE);
    assert_eq!((run.state(), run.policy.need()), (State::Halted, Some(Need::ApiSilent)));
    assert_eq!(run.count(|action| *action == Action::SoftRestart), 1);
    assert_eq!(
        run.pass(48 * HOUR).count(|action| matches!(action, Action::StopContainer { .. } | Action::CloseGateway)),
        0,
        "it has to run"
    );
    // Somebody changed the setting.
    run.session();
    assert_eq!((run.state(), run.policy.saved().halted.is_none()), (State::Connected, true));
}

#[test]
fn a_soft_restart_that_does_not_happen_becomes_a_hard_one() {
    let mut run = Run::reach(State::Connected);
    run.reconnect(false).pass(149 * SECOND);
    assert_eq!(run.state(), State::SoftRestart, "the old session still answers");
    run.pass(SECOND).pass(5 * SECOND).exits(0);
    assert_eq!((run.state(), run.starts()), (State::Starting, 1));
}

#[test]
fn a_soft_restart_that_happens_ends_connected_without_a_start() {
    let mut run = Run::reach(State::Connected);
    run.reconnect(false).pass(60 * SECOND);
    restarted(&mut run, 2).session();
    assert_eq!((run.state(), run.starts()), (State::Connected, 0));
}

#[test]
fn the_ladder_of_a_lost_upstream_ends_with_a_start() {
    let mut run = Run::reach(State::UpstreamLost);
    run.fleet_down().pass(10 * MINUTE);
    restarted(&mut run, 2).session().step(Event::UpstreamLost).step(Event::Fleet(Fleet::Down)).step(Event::Fleet(Fleet::Down));
    run.pass(30 * MINUTE).exits(0);
    let ladder: Vec<_> = run
        .take()
        .into_iter()
        .filter(|action| matches!(action, Action::ReconnectAccount | Action::SoftRestart | Action::CloseGateway | Action::Start { .. }))
        .collect();
    assert_eq!(ladder[..2], [Action::ReconnectAccount, Action::SoftRestart]);
}

#[test]
fn a_serving_gateway_is_not_repaired_whatever_the_probe_says() {
    for fleet in [Fleet::Working, Fleet::Unknown] {
        let mut run = Run::reach(State::ApiReady);
        run.step(Event::Session(Session::Failed)).step(Event::Fleet(fleet)).step(Event::Fleet(fleet)).pass(HOUR);
        assert_eq!((run.state(), run.count(|action| matches!(action, Action::SoftRestart | Action::CloseGateway))), (State::ApiReady, 0));
        assert!(run.policy.wake_at().is_some(), "looked at again");
    }
}

#[test]
fn nothing_is_repaired_in_a_window_and_the_quarter_of_an_hour_after_it() {
    let mut run = Run::with(ALL, None, SATURDAY);
    run.step(Event::Engine(Engine::Reachable)).runs().says(Marker::LoggedIn).session().step(Event::UpstreamLost).fleet_down();
    // Sunday 02:14:30 in New York.
    run.pass(26 * HOUR + 4 * MINUTE);
    assert_eq!((run.state(), run.count(|action| *action == Action::ReconnectAccount)), (State::UpstreamLost, 0));
    assert_eq!(run.pass(MINUTE).count(|action| *action == Action::ReconnectAccount), 1);
}

#[test]
fn a_container_that_does_not_stop_is_left_to_a_person_after_three_tries() {
    let mut run = Run::reach(State::Connected);
    run.logout(None).pass(HOUR);
    assert_eq!(run.count(|action| matches!(action, Action::StopContainer { .. })), 3);
    assert_eq!((run.state(), run.policy.need()), (State::Halted, Some(Need::CannotStop)));
    assert!(matches!(run.answers()[..], [Answer::Refused(Refusal::Failed { .. })]));
    assert_eq!((run.exits(137).state(), run.starts()), (State::LoggedOut, 0));
}

#[test]
fn a_young_container_is_not_signalled() {
    let mut run = Run::with(Means { commands: false, ..ALL }, None, TUESDAY);
    run.step(Event::Engine(Engine::Reachable)).runs().says(Marker::Launched).logout(None).pass(19 * SECOND);
    assert_eq!(run.count(|action| matches!(action, Action::StopContainer { .. })), 0);
    assert_eq!(run.pass(SECOND).count(|action| matches!(action, Action::StopContainer { .. })), 1);
}

#[test]
fn a_logout_survives_a_restart_of_this_process_in_the_middle_of_the_stop() {
    let mut run = Run::reach(State::Stopping);
    run.pass(5 * SECOND);
    let mut again = Run::with(ALL, Some(Saved::load(&run.policy.saved().save()).expect("saved")), TUESDAY);
    again.step(Event::Engine(Engine::Reachable)).runs().pass(5 * SECOND);
    assert_eq!((again.state(), again.count(|action| *action == Action::CloseGateway)), (State::Stopping, 1));
    assert_eq!((again.exits(0).state(), again.starts()), (State::LoggedOut, 0));
}

#[test]
fn a_restart_of_docker_starts_nothing_twice_and_undoes_no_logout() {
    let mut run = Run::reach(State::LoggedOut);
    run.step(Event::Engine(Engine::Lost)).step(Event::Engine(Engine::Reachable)).pass(HOUR);
    assert_eq!((run.state(), run.starts()), (State::LoggedOut, 0));
    let mut run = Run::reach(State::Backoff);
    run.pass(MINUTE)
        .step(Event::Engine(Engine::Lost))
        .pass(5 * SECOND)
        .step(Event::Engine(Engine::Reachable))
        .step(Event::Container(exited(137)));
    assert_eq!((run.state(), run.starts()), (State::DockerUnreachable, 1), "the start may still come");
    assert_eq!((run.runs().state(), run.starts()), (State::Starting, 1));
}

#[test]
fn people_are_told_after_five_minutes_down_once_and_not_at_night() {
    let mut run = Run::reach(State::Login);
    run.pass(4 * MINUTE + 59 * SECOND);
    assert_eq!(run.notices(), []);
    run.step(Event::Engine(Engine::Lost)).pass(HOUR);
    assert_eq!(run.notices(), [Notice::Down]);
    let mut night = Run::with(ALL, None, SATURDAY);
    night.step(Event::Engine(Engine::Reachable)).runs().says(Marker::LoggedIn).pass(HOUR);
    assert_eq!(night.notices(), [Notice::WeeklyLogIn { due: "2026-11-22T06:00:00Z".parse().expect("time") }]);
}

#[test]
fn the_weekly_log_in_is_told_a_day_before_once() {
    let mut run = Run::with(ALL, None, "2026-11-20T15:00:00Z");
    run.step(Event::Engine(Engine::Reachable)).runs().says(Marker::LoggedIn).session().pass(14 * HOUR);
    assert_eq!(run.notices(), []);
    let due = "2026-11-22T06:00:00Z".parse().expect("time");
    assert_eq!(run.pass(20 * HOUR).notices(), [Notice::WeeklyLogIn { due }]);
    let mut again = Run::with(ALL, Some(Saved::load(&run.policy.saved().save()).expect("saved")), "2026-11-21T20:00:00Z");
    again.step(Event::Engine(Engine::Reachable)).pass(HOUR);
    assert_eq!(again.notices(), [], "the process before told it");
}

#[test]
fn a_full_log_in_moves_the_next_one_and_a_resumed_session_does_not() {
    let mut run = Run::with(ALL, None, "2026-11-22T07:30:00Z");
    run.step(Event::Engine(Engine::Reachable)).runs().says(Marker::Launched).says(Marker::LoggedIn);
    let next = "2026-11-29T06:00:00Z".parse().ok();
    assert_eq!((run.policy.saved().last_full_log_in, run.policy.next_auth_due(run.now.at)), (Some(run.now.at), next));
    run.pass(24 * 7 * HOUR);
    let resumed = LogState { launches: 2, full_log_in: false, ..log(Marker::LoggedIn) };
    run.step(Event::Log(Some(LogState { launches: 2, ..log(Marker::Launched) }))).step(Event::Log(Some(resumed)));
    assert_eq!(run.policy.next_auth_due(run.now.at), next, "due since");
}

#[test]
fn a_fleet_that_was_down_with_the_gateway_gets_its_time() {
    let mut run = Run::reach(State::UpstreamLost);
    run.fleet_down().step(Event::UpstreamRestored { data_lost: false }).step(Event::Fleet(Fleet::Down));
    assert_eq!((run.state(), run.count(|action| *action == Action::RestartWorkers)), (State::Connected, 0));
    run.pass(30 * SECOND).step(Event::Fleet(Fleet::Down));
    assert_eq!(run.count(|action| *action == Action::RestartWorkers), 1);
    // And the workers get theirs.
    run.fleet_down();
    assert_eq!(run.count(|action| *action == Action::RestartWorkers), 1);
    assert_eq!(run.pass(5 * MINUTE).fleet_down().count(|action| *action == Action::RestartWorkers), 2);
}

#[test]
fn a_soft_restart_that_was_over_between_two_looks_is_over() {
    let mut run = Run::reach(State::Connected);
    run.reconnect(false).pass(30 * SECOND);
    run.step(Event::Log(Some(LogState { launches: 2, ..log(Marker::LoggedIn) }))).session();
    assert_eq!(run.state(), State::Connected);
    assert_eq!(run.pass(HOUR).count(|action| matches!(action, Action::CloseGateway)), 0);
}

#[test]
fn a_stop_that_docker_forgot_excuses_no_later_end() {
    let mut run = Run::reach(State::Connected);
    run.reconnect(true).step(Event::Engine(Engine::Lost)).step(Event::Engine(Engine::Reachable));
    assert_eq!(run.state(), State::Connected, "the facts decide");
    assert_eq!((run.exits(77).state(), run.starts()), (State::Backoff, 0));
}
