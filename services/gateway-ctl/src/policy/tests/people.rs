//! What callers get: each an answer, and many of them one attempt.

use super::super::*;
use super::run::{ALL, MINUTE, Run, SATURDAY, SECOND, TUESDAY};
use crate::logs::Marker;

#[test]
fn ensure_ready_answers_at_once_when_connected() {
    let mut run = Run::reach(State::Connected);
    assert_eq!(run.ensure_ready(90 * SECOND).answers(), [Answer::Ready { waited_ms: 0 }]);
}

#[test]
fn many_callers_share_one_attempt_and_each_is_answered() {
    let mut run = Run::reach(State::Backoff);
    for _ in 0..50 {
        run.ensure_ready(90 * SECOND);
    }
    run.pass(45 * SECOND);
    // Exit 137: IB's minute is waited for.
    assert_eq!((run.starts(), run.answers().len()), (0, 0));
    run.pass(15 * SECOND).runs().says(Marker::LoggedIn).session();
    assert_eq!((run.starts(), run.answers()), (1, vec![Answer::Ready { waited_ms: 60_000 }; 50]));
}

#[test]
fn a_waiting_caller_ends_a_back_off_but_not_what_ib_needs() {
    let mut run = Run::reach(State::Connected);
    run.exits(77).pass(15 * SECOND).runs().exits(77);
    assert_eq!((run.state(), run.starts()), (State::Backoff, 1), "60 s to wait");
    assert_eq!((run.ensure_ready(90 * SECOND).state(), run.starts()), (State::Starting, 2));
}

#[test]
fn it_answers_two_seconds_before_its_caller_gives_up() {
    for (timeout_ms, after_ms) in [(90 * SECOND, 88 * SECOND), (300 * SECOND, 298 * SECOND), (3 * SECOND, 1_500), (1_000, 500)] {
        let mut run = Run::reach(State::Login);
        run.ensure_ready(timeout_ms).pass(after_ms - 1);
        assert_eq!(run.answers(), []);
        run.pass(1);
        let answers = run.answers();
        assert!(
            matches!(&answers[..], [Answer::NotReady { waited_ms, reason }] if *waited_ms == after_ms && reason.contains("logging in")),
            "{answers:?}"
        );
    }
}

#[test]
fn nobody_waits_for_what_only_a_person_can_do() {
    let mut run = Run::reach(State::Halted);
    let answers = run.ensure_ready(90 * SECOND).answers();
    assert!(matches!(&answers[..], [Answer::NotReady { waited_ms: 0, reason }] if reason.contains("password")), "{answers:?}");
}

#[test]
fn a_logout_answers_who_waits() {
    let mut run = Run::reach(State::Login);
    run.ensure_ready(90 * SECOND).pass(10 * SECOND).logout(None);
    assert_eq!(run.answers(), [Answer::NotReadyLoggedOut { waited_ms: 10_000 }]);
}

#[test]
fn ensure_ready_connects_a_lost_upstream_anew_once() {
    let mut run = Run::reach(State::UpstreamLost);
    run.ensure_ready(90 * SECOND).ensure_ready(90 * SECOND);
    assert_eq!(run.count(|action| *action == Action::ReconnectAccount), 1);
}

#[test]
fn a_caller_who_went_away_gets_nothing_and_too_many_are_refused() {
    let mut run = Run::reach(State::Login);
    let id = run.id();
    run.step(Event::EnsureReady { id, timeout_ms: 90 * SECOND }).step(Event::Gone(id)).pass(2 * MINUTE);
    assert_eq!(run.answers(), []);
    for _ in 0..257 {
        run.ensure_ready(90 * SECOND);
    }
    assert_eq!(run.answers(), [Answer::Refused(Refusal::TooManyWaiters)]);
}

#[test]
fn login_is_answered_when_the_container_runs_and_a_second_one_shares_it() {
    let mut run = Run::reach(State::LoggedOut);
    run.login().login();
    assert_eq!((run.answers().len(), run.starts()), (0, 1));
    run.runs();
    assert_eq!(run.answers(), vec![Answer::LoggedIn { changed: true }; 2]);
}

#[test]
fn a_login_that_docker_fails_is_told() {
    let mut run = Run::reach(State::LoggedOut);
    run.login().step(Event::Failed(Deed::Start, "no such image".to_owned()));
    assert!(matches!(&run.answers()[..], [Answer::Refused(Refusal::Failed { reason })] if reason.contains("no such image")));
}

#[test]
fn a_logout_is_answered_when_it_is_out_and_names_who() {
    let mut run = Run::reach(State::Connected);
    run.logout(Some(5)).pass(5 * SECOND);
    assert_eq!(run.answers(), []);
    assert_eq!(run.exits(0).answers(), [Answer::LoggedOut { changed: true }]);
    let wanted = &run.policy.saved().wanted;
    assert_eq!((wanted.by.as_str(), wanted.reason.as_deref(), wanted.until.is_some()), ("dora", Some("TWS"), true));
}

#[test]
fn what_is_saved_can_be_loaded_whoever_calls_himself_what() {
    let mut run = Run::reach(State::Connected);
    let long = "x".repeat(SAVED_BYTES_MAX);
    let id = run.id();
    run.step(Event::Logout { id, by: long.clone(), reason: Some(long), minutes: Some(u32::MAX) });
    let saved = Saved::load(&run.policy.saved().save()).expect("saved");
    // An end that no calendar has is no end.
    assert_eq!((saved.wanted.is_up(), saved.wanted.until), (false, None));
}

#[test]
fn what_must_survive_is_saved_before_it_is_acted_upon() {
    let mut run = Run::reach(State::Connected);
    run.logout(None);
    assert!(matches!(&run.out[0], Action::Save(text) if !Saved::load(text).expect("saved").wanted.is_up()), "{:?}", run.out);
    let mut run = Run::reach(State::LoggedOut);
    run.login();
    assert!(matches!(&run.out[0], Action::Save(text) if Saved::load(text).expect("saved").starts.len() == 1));
}

#[test]
fn a_logout_without_docker_is_remembered_and_carried_out() {
    let mut run = Run::reach(State::DockerUnreachable);
    run.logout(None);
    assert!(matches!(&run.answers()[..], [Answer::Refused(Refusal::Failed { reason })] if reason.contains("remembered")));
    run.step(Event::Engine(Engine::Reachable)).runs().pass(5 * SECOND);
    assert_eq!((run.state(), run.count(|action| *action == Action::CloseGateway)), (State::Stopping, 1));
}

#[test]
fn a_gateway_that_a_person_started_is_watched_and_never_touched() {
    let means = Means { control: false, commands: false, yielding: false, kick: false };
    let mut run = Run::with(means, None, TUESDAY);
    run.step(Event::Engine(Engine::Reachable)).runs().session();
    assert_eq!(run.state(), State::Connected);
    run.logout(None).login().reconnect(true);
    assert_eq!(run.answers(), vec![Answer::Refused(Refusal::NoControl); 3]);
    run.take();
    run.step(Event::Session(Session::Failed)).step(Event::Api(Api::Closed)).fleet_down().pass(120 * MINUTE).exits(1).pass(120 * MINUTE);
    assert_eq!(run.state(), State::Stopped);
    let touched = run.count(|action| !matches!(action, Action::Changed { .. } | Action::Notify(_) | Action::Save(_)));
    assert_eq!(touched, 0, "{:?}", run.out);
}

#[test]
fn only_the_leader_acts() {
    let mut run = Run::with(ALL, None, TUESDAY);
    run.step(Event::Leader(false)).step(Event::Engine(Engine::Reachable)).exits(0).pass(10 * MINUTE);
    assert_eq!((run.state(), run.starts()), (State::Stopped, 0));
    assert_eq!((run.step(Event::Leader(true)).state(), run.starts()), (State::Starting, 1));
}

#[test]
fn who_logs_out_again_without_a_reason_does_not_unsay_the_first_one() {
    let mut run = Run::reach(State::LoggedOut);
    let again = |run: &mut Run, reason: Option<&str>| {
        let id = run.id();
        run.step(Event::Logout { id, by: "emil".to_owned(), reason: reason.map(str::to_owned), minutes: None });
        run.policy.saved().wanted.reason.clone()
    };
    assert_eq!(again(&mut run, None).as_deref(), Some("TWS"));
    assert_eq!(again(&mut run, Some("holidays")).as_deref(), Some("holidays"));
    assert_eq!(run.policy.reason(), Some("holidays"));
    // The next logout is another one.
    run.login().runs().says(Marker::LoggedIn).session();
    assert_eq!(again(&mut run, None), None);
}

#[test]
fn what_was_not_told_while_another_led_is_told_by_who_leads_then() {
    let mut run = Run::with(ALL, None, SATURDAY);
    run.step(Event::Leader(false)).step(Event::Engine(Engine::Reachable)).runs().says(Marker::SecondFactor).pass(60 * MINUTE);
    assert_eq!((run.notices(), run.policy.saved().reminded_of), (vec![], None));
    run.step(Event::Leader(true));
    assert!(matches!(run.notices()[..], [Notice::NeedsHuman(Need::SecondFactor), Notice::WeeklyLogIn { .. }]), "{:?}", run.notices());
    assert_eq!(run.pass(MINUTE).notices().len(), 2, "once");
}
