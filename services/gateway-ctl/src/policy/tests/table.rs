//! Each row of the transition table: from, event, to, what is done. The numbers are those of the research.

use super::super::*;
use super::run::{MINUTE, Run, SECOND, exited, log, log_of};
use crate::logs::{Conflict, LogState, Marker};

type Do = fn(&mut Run) -> &mut Run;

struct Row {
    number: u32,
    from: State,
    what: Do,
    to: State,
    /// The actions, by the beginning of what Debug says; state changes, savings and notices aside.
    done: &'static [&'static str],
}

const fn row(number: u32, from: State, what: Do, to: State, done: &'static [&'static str]) -> Row {
    Row { number, from, what, to, done }
}

const RESTARTING: &str = "IBC returned exit status 0\nIBC will restart shortly\n";

fn fails(run: &mut Run) -> &mut Run {
    run.step(Event::Log(Some(LogState { failed_log_ins: 1, ..log(Marker::LogInFailed) })))
}

fn silent(run: &mut Run) -> &mut Run {
    run.step(Event::Api(Api::Silent)).fleet_down()
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // 1: wanted up and not running
    row(1, State::Stopped, |run| run.exits(0), State::Starting, &["Start { yielding: false }"]),
    row(1, State::Backoff, |run| run.pass(60 * SECOND), State::Starting, &["Start { yielding: false }"]),
    // 2: the container runs
    row(2, State::Starting, |run| run.says(Marker::LogIn { attempt: 1 }), State::Login, &[]),
    row(2, State::Starting, |run| run.pass(89 * SECOND), State::Starting, &[]),
    row(2, State::Starting, |run| run.pass(90 * SECOND), State::Stopping, &["CloseGateway"]),
    row(2, State::Starting, |run| run.pass(90 * SECOND).exits(0), State::Backoff, &["CloseGateway"]),
    // 3: the log-in
    row(3, State::Login, |run| run.says(Marker::SecondFactor), State::WaitTwoFactor, &[]),
    row(3, State::Login, |run| run.says(Marker::LoggedIn), State::ApiWait, &[]),
    row(3, State::Login, fails, State::Stopping, &["CloseGateway"]),
    row(3, State::Login, |run| fails(run).exits(0), State::Halted, &["CloseGateway"]),
    row(3, State::Login, |run| run.step(Event::Log(Some(LogState { lockouts: 1, lockout_wait_s: Some(287), ..log(Marker::LockedOut) }))), State::Stopping, &["CloseGateway"]),
    row(3, State::Login, |run| run.pass(300 * SECOND), State::Stopping, &["CloseGateway"]),
    row(3, State::WaitTwoFactor, |run| run.says(Marker::LoggedIn), State::ApiWait, &[]),
    row(3, State::WaitTwoFactor, |run| run.pass(14 * MINUTE), State::WaitTwoFactor, &[]),
    row(3, State::WaitTwoFactor, |run| run.pass(10 * MINUTE).says(Marker::LogIn { attempt: 2 }).pass(5 * MINUTE), State::Stopping, &["CloseGateway"]),
    row(3, State::WaitTwoFactor, |run| run.pass(15 * MINUTE).exits(0), State::Backoff, &["CloseGateway"]),
    row(3, State::WaitTwoFactor, |run| run.exits(87), State::Backoff, &[]),
    // 4: logged in, the API silent
    row(4, State::ApiWait, |run| run.step(Event::Api(Api::Answers { server_version: 226 })), State::ApiReady, &[]),
    row(4, State::ApiWait, |run| silent(run).pass(30 * SECOND), State::ApiWait, &["KickForwarder"]),
    row(4, State::ApiWait, |run| silent(run).pass(90 * SECOND), State::SoftRestart, &["KickForwarder", "SoftRestart"]),
    row(4, State::ApiWait, |run| run.pass(10 * MINUTE), State::ApiWait, &[]), // an API that nobody asked is not silent
    row(4, State::ApiWait, |run| run.step(Event::Api(Api::Silent)).pass(10 * MINUTE), State::ApiWait, &["KickForwarder"]), // the fleet is unknown
    row(4, State::ApiWait, |run| run.step(Event::Api(Api::Silent)).step(Event::Fleet(Fleet::Working)).pass(10 * MINUTE), State::ApiWait, &["KickForwarder"]),
    // 5: the API answers
    row(5, State::ApiReady, |run| run.step(Event::Session(Session::Open)), State::Connected, &[]),
    row(5, State::ApiReady, |run| run.step(Event::Session(Session::IdInUse)).fleet_down().pass(10 * MINUTE), State::ApiReady, &[]),
    row(5, State::ApiReady, |run| run.step(Event::Api(Api::TooOld { server_version: 178 })).fleet_down().pass(10 * MINUTE), State::ApiReady, &[]),
    row(5, State::ApiReady, |run| run.step(Event::Session(Session::Failed)).fleet_down().pass(150 * SECOND), State::SoftRestart, &["SoftRestart"]),
    // 6: connected
    row(6, State::Connected, |run| run.step(Event::UpstreamLost), State::UpstreamLost, &[]),
    row(6, State::Connected, |run| run.step(Event::Session(Session::Failed)).step(Event::Api(Api::Silent)), State::ApiWait, &[]),
    row(6, State::Connected, |run| run.step(Event::Log(Some(log_of(RESTARTING)))), State::SoftRestart, &[]),
    row(6, State::Connected, |run| run.exits(137), State::Backoff, &[]),
    // 7: the upstream is lost
    row(7, State::UpstreamLost, |run| run.step(Event::UpstreamRestored { data_lost: false }), State::Connected, &[]),
    row(7, State::UpstreamLost, |run| run.step(Event::UpstreamRestored { data_lost: true }), State::Connected, &["Resubscribe"]),
    row(7, State::UpstreamLost, |run| run.fleet_down().pass(4 * MINUTE), State::UpstreamLost, &[]),
    row(7, State::UpstreamLost, |run| run.fleet_down().pass(5 * MINUTE), State::UpstreamLost, &["ReconnectAccount"]),
    row(7, State::UpstreamLost, |run| run.fleet_down().pass(10 * MINUTE), State::SoftRestart, &["ReconnectAccount", "SoftRestart"]),
    row(7, State::UpstreamLost, |run| run.pass(60 * MINUTE), State::UpstreamLost, &[]), // the fleet is unknown
    // 8: a restart inside the container
    row(8, State::SoftRestart, |run| run.step(Event::Log(Some(LogState { launches: 2, ..log(Marker::LoggedIn) }))), State::ApiWait, &[]),
    row(8, State::SoftRestart, |run| run.step(Event::Log(Some(LogState { launches: 2, ..log(Marker::LoggedIn) }))).session(), State::Connected, &[]),
    row(8, State::SoftRestart, |run| run.step(Event::Log(Some(LogState { launches: 2, ..log(Marker::LogIn { attempt: 1 }) }))), State::Login, &[]),
    row(8, State::SoftRestart, |run| run.fleet_down().pass(9 * MINUTE), State::SoftRestart, &[]),
    row(8, State::SoftRestart, |run| run.fleet_down().pass(10 * MINUTE), State::Stopping, &["CloseGateway"]),
    // 9: the fleet is dead and the gateway is not
    row(9, State::Connected, |run| run.fleet_down(), State::Connected, &["RestartWorkers"]),
    row(9, State::Connected, |run| run.step(Event::Fleet(Fleet::Down)).step(Event::Fleet(Fleet::Unknown)).step(Event::Fleet(Fleet::Down)), State::Connected, &[]),
    row(9, State::Connected, |run| run.step(Event::Fleet(Fleet::Absent)).step(Event::Fleet(Fleet::Absent)), State::Connected, &[]),
    // 10: logout
    row(10, State::Connected, |run| run.logout(None), State::Stopping, &["Drain"]),
    row(10, State::Connected, |run| run.logout(None).pass(5 * SECOND), State::Stopping, &["Drain", "CloseGateway"]),
    row(10, State::Connected, |run| run.logout(None).pass(5 * SECOND).exits(0), State::LoggedOut, &["Drain", "CloseGateway", "Answer"]),
    row(10, State::Connected, |run| run.logout(None).pass(65 * SECOND), State::Stopping, &["Drain", "CloseGateway", "StopContainer { grace_s: 90 }"]),
    row(10, State::Stopping, |run| run.pass(5 * SECOND).step(Event::Failed(Deed::CloseGateway, "refused".to_owned())).pass(15 * SECOND), State::Stopping, &["CloseGateway", "StopContainer { grace_s: 90 }"]),
    row(10, State::Backoff, |run| run.logout(None), State::LoggedOut, &["Answer"]),
    row(10, State::Halted, |run| run.logout(None), State::LoggedOut, &["Answer"]),
    row(10, State::LoggedOut, |run| run.logout(None), State::LoggedOut, &["Answer { id: WaiterId(2), answer: LoggedOut { changed: false } }"]),
    row(10, State::LoggedOut, |run| run.ensure_ready(90 * SECOND), State::LoggedOut, &["Answer { id: WaiterId(2), answer: NotReadyLoggedOut { waited_ms: 0 } }"]),
    row(10, State::LoggedOut, |run| run.runs().pass(20 * SECOND), State::Stopping, &["StopContainer"]), // a restart policy, or by hand
    row(10, State::Stopping, |run| run.exits(143), State::LoggedOut, &["Answer"]),
    // 11: login and reconnect
    row(11, State::LoggedOut, |run| run.login(), State::Starting, &["Start { yielding: false }"]),
    row(11, State::Halted, |run| run.login(), State::Starting, &["Start { yielding: false }"]),
    row(11, State::Backoff, |run| run.login(), State::Starting, &["Start { yielding: false }"]),
    row(11, State::Connected, |run| run.login(), State::Connected, &["Answer { id: WaiterId(1), answer: LoggedIn { changed: false } }"]),
    row(11, State::LoggedOut, |run| run.reconnect(false), State::LoggedOut, &["Answer { id: WaiterId(2), answer: Refused(LoggedOut) }"]),
    row(11, State::Connected, |run| run.reconnect(false), State::SoftRestart, &["Drain", "SoftRestart", "Answer"]),
    row(11, State::Connected, |run| run.reconnect(true), State::Stopping, &["Drain", "Answer"]),
    row(11, State::Connected, |run| run.reconnect(true).pass(5 * SECOND).exits(0), State::Starting, &["Drain", "Answer", "CloseGateway", "Start { yielding: false }"]),
    row(11, State::Connected, |run| run.reconnect(false).step(Event::Failed(Deed::SoftRestart, "refused".to_owned())), State::Stopping, &["Drain", "SoftRestart", "Answer", "Drain"]),
    row(11, State::SoftRestart, |run| run.reconnect(false), State::SoftRestart, &["Answer { id: WaiterId(1), answer: Reconnecting { changed: false } }"]),
    row(11, State::Backoff, |run| run.reconnect(false), State::Starting, &["Answer", "Start { yielding: false }"]),
    // 12: somebody outside
    row(12, State::Connected, |run| run.exits(143), State::Backoff, &[]),
    row(12, State::Connected, |run| run.exits(0), State::Backoff, &[]),
    row(12, State::Connected, |run| run.exits(143).pass(MINUTE).runs().exits(143), State::Halted, &["Start { yielding: false }"]),
    row(12, State::Connected, |run| run.step(Event::Container(Container::Paused)).pass(60 * MINUTE), State::Paused, &[]),
    row(12, State::Paused, |run| run.logout(None).pass(20 * SECOND), State::Stopping, &["StopContainer"]),
    // Docker
    row(0, State::Connected, |run| run.step(Event::Engine(Engine::Lost)).exits(137).pass(60 * MINUTE), State::DockerUnreachable, &[]),
    row(0, State::DockerUnreachable, |run| run.step(Event::Engine(Engine::Reachable)).exits(0), State::Starting, &["Start"]),
    row(0, State::Stopping, |run| run.step(Event::Engine(Engine::Lost)).step(Event::Engine(Engine::Reachable)), State::Stopping, &["Drain"]),
    row(0, State::Connected, |run| run.step(Event::Container(Container::Missing)).pass(60 * MINUTE), State::Stopped, &[]),
    // Sessions of others
    row(0, State::UpstreamLost, |run| run.step(Event::Log(Some(LogState { conflict: Some(Conflict::Open), ..log(Marker::Conflict) }))), State::SessionConflict, &[]),
    row(0, State::UpstreamLost, |run| run.exits(0), State::SessionConflict, &[]),
    row(0, State::SessionConflict, |run| run.pass(9 * MINUTE), State::SessionConflict, &[]),
    row(0, State::SessionConflict, |run| run.pass(10 * MINUTE), State::Starting, &["Start { yielding: true }"]),
    row(0, State::SessionConflict, |run| run.login(), State::Starting, &["Start { yielding: false }"]),
    row(0, State::Starting, |run| run.step(Event::Container(Container::Unknown)).pass(SECOND), State::Starting, &[]),
    row(0, State::LoggedOut, |run| run.step(Event::Container(exited(137))).pass(600 * MINUTE), State::LoggedOut, &[]),
];

fn is_done(action: &Action) -> bool {
    !matches!(action, Action::Changed { .. } | Action::Save(_) | Action::Notify(_))
}

#[test]
fn every_row_of_the_table_holds() {
    for (index, row) in TABLE.iter().enumerate() {
        let mut run = Run::reach(row.from);
        (row.what)(&mut run);
        let done: Vec<String> = run.take().iter().filter(|action| is_done(action)).map(|action| format!("{action:?}")).collect();
        let name = format!("row {index} (research {}) from {:?}", row.number, row.from);
        assert_eq!(run.state(), row.to, "{name}: {done:#?}");
        assert_eq!(done.len(), row.done.len(), "{name}: {done:#?}");
        for (done, expected) in done.iter().zip(row.done) {
            assert!(done.starts_with(expected), "{name}: {done} is not {expected}");
        }
    }
}

#[test]
fn every_state_can_be_reached_and_is_left_in_some_row() {
    for state in [
        State::DockerUnreachable,
        State::LoggedOut,
        State::Stopping,
        State::Stopped,
        State::Paused,
        State::Starting,
        State::Login,
        State::WaitTwoFactor,
        State::ApiWait,
        State::ApiReady,
        State::Connected,
        State::UpstreamLost,
        State::SoftRestart,
        State::SessionConflict,
        State::Backoff,
        State::Halted,
    ] {
        assert_eq!(Run::reach(state).state(), state);
        assert!(TABLE.iter().any(|row| row.from == state && row.to != state), "{state:?} is never left");
    }
}

#[test]
fn a_change_says_from_where_to_where_and_why() {
    let mut run = Run::reach(State::Connected);
    run.step(Event::UpstreamLost);
    let changes =
        run.count(|action| matches!(action, Action::Changed { from: State::Connected, to: State::UpstreamLost, reason: Some(_) }));
    assert_eq!(changes, 1);
    run.take();
    run.step(Event::UpstreamLost).step(Event::UpstreamLost);
    assert!(run.take().is_empty(), "a storm of 1100 is one transition");
}
