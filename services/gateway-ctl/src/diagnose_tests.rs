use schemas::gateway::CheckStatus;

use super::*;
use crate::{
    logs::{Conflict, Forward, LogState, Marker},
    policy::tests::run::{ALL, MINUTE, Run, SATURDAY, SECOND, TUESDAY, log, log_of},
    policy::{Container, Engine, Event, Session},
};

fn target(port: u16) -> Target {
    Target { host: "ibgateway-paper".to_owned(), port, live: false, container: Some("mcp-ib-gateway-paper".to_owned()), process: None }
}

fn seen(port: u16) -> Seen {
    Seen { resolved: Some(vec!["172.20.0.2".parse().expect("address")]), ..Seen::nothing(target(port)) }
}

fn tcp(open: bool) -> Vec<Tcp> {
    vec![Tcp { address: "172.20.0.2".parse().expect("address"), open, error: (!open).then(|| "Connection refused".to_owned()) }]
}

fn silent() -> Seen {
    Seen { tcp: tcp(true), hello: Hello::Silent, ..seen(4004) }
}

fn open() -> SessionSeen {
    SessionSeen::Open { client_id: 90, accounts: vec!["DUS***001".to_owned()] }
}

fn answering() -> Seen {
    Seen { tcp: tcp(true), hello: Hello::Answers(226), session: open(), ..seen(4004) }
}

fn member(client_id: i32, connected: bool) -> Member {
    Member { service: "ib-worker".to_owned(), client_id: Some(client_id), connected, reason: None }
}

fn verdict(seen: &Seen, run: &Run) -> String {
    diagnose(seen, &run.policy, run.now).verdict
}

fn logged_in() -> Run {
    let mut run = Run::new();
    run.step(Event::Engine(Engine::Reachable)).runs().says(Marker::LoggedIn);
    run
}

fn connected() -> Run {
    let mut run = logged_in();
    run.session();
    run
}

/// What the check of that name says.
fn status_of(seen: &Seen, run: &Run, name: &str) -> (CheckStatus, Check) {
    let check =
        layers(seen, &run.policy, run.now).into_iter().find(|check| check.check == name).unwrap_or_else(|| panic!("no check {name}"));
    (check.status, check)
}

#[test]
fn a_healthy_gateway_is_healthy_and_nothing_fails() {
    let mut healthy = answering();
    healthy.fleet = Some(vec![member(10, true), member(11, true)]);
    let run = connected();
    assert_eq!(verdict(&healthy, &run), "healthy");
    assert!(layers(&healthy, &run.policy, run.now).iter().all(|check| matches!(check.status, CheckStatus::Pass | CheckStatus::Skip)));
}

#[test]
fn localhost_only_is_named_when_the_api_is_silent_behind_an_open_port() {
    let run = logged_in();
    for hello in [Hello::Silent, Hello::Closed] {
        let seen = Seen { hello, ..silent() };
        let reply = diagnose(&seen, &run.policy, run.now);
        assert_eq!(reply.verdict, "localhost_only");
        assert!(reply.next_action.contains("Allow connections from localhost only"));
        assert_eq!(status_of(&seen, &run, "hello").0, CheckStatus::Fail);
    }
    let listening = Seen { sockets: Some(Sockets { ipv4: false, ipv6: true }), ..silent() };
    assert_eq!(verdict(&listening, &run), "localhost_only");
}

#[test]
fn the_gateways_own_port_behind_a_container_is_the_wrong_port() {
    let mut run = logged_in();
    run.step(Event::Log(Some(LogState { forward: Some(Forward { target_port: 4002, listen_port: 4004 }), ..log(Marker::LoggedIn) })));
    let wrong = Seen { tcp: tcp(false), hello: Hello::NoConnection, ..seen(4002) };
    let reply = diagnose(&wrong, &run.policy, run.now);
    assert_eq!(reply.verdict, "wrong_port");
    assert!(reply.next_action.contains("IB_PORT=4004") && reply.next_action.contains("4002"), "{}", reply.next_action);
    let other = Seen { tcp: tcp(false), hello: Hello::NoConnection, answers_on: Some(4004), ..seen(4003) };
    assert_eq!(verdict(&other, &run), "wrong_port");
    // Told is the port that answers, whichever it is.
    let direct = Seen { tcp: tcp(false), hello: Hello::NoConnection, answers_on: Some(4002), ..seen(4004) };
    assert!(diagnose(&direct, &run.policy, run.now).next_action.contains("IB_PORT=4002"));
    let mut logging_in = Run::new();
    logging_in.step(Event::Engine(Engine::Reachable)).runs().says(Marker::LogIn { attempt: 1 });
    assert_eq!(verdict(&direct, &logging_in), "starting", "the other one is another gateway");
    assert!(status_of(&other, &run, "other port").1.fix.expect("fix").contains("4004"));
}

#[test]
fn a_closed_port_of_a_logged_in_gateway_is_the_forwarder() {
    let closed = Seen { tcp: tcp(false), hello: Hello::NoConnection, ..seen(4004) };
    assert_eq!(verdict(&closed, &logged_in()), "forwarder_down");
}

#[test]
fn the_forwarders_target_and_its_family_are_told() {
    let run = logged_in();
    let forwarder = |host: &str, port| Some(Forwarder { listen_port: 4004, target_host: host.to_owned(), target_port: port });
    let wrong = Seen { forwarder: forwarder("127.0.0.1", 4000), ..silent() };
    assert_eq!((verdict(&wrong, &run).as_str(), status_of(&wrong, &run, "forwarder").0), ("forwarder_target", CheckStatus::Fail));
    let six = Seen { forwarder: forwarder("::1", 4002), sockets: Some(Sockets { ipv4: false, ipv6: true }), ..silent() };
    let (status, check) = status_of(&six, &run, "forwarder");
    assert_eq!((verdict(&six, &run).as_str(), status), ("forwarder_ipv6", CheckStatus::Warn));
    assert!(check.detail.contains("::1") && check.fix.expect("fix").contains("127.0.0.1:4002"));
    let mut announced = logged_in();
    announced.step(Event::Log(Some(LogState { forward: Some(Forward { target_port: 4000, listen_port: 4004 }), ..log(Marker::LoggedIn) })));
    assert_eq!(verdict(&silent(), &announced), "forwarder_target");
}

#[test]
fn nothing_listening_in_the_container_is_the_socket_port() {
    let seen = Seen { sockets: Some(Sockets::default()), ..silent() };
    assert_eq!(verdict(&seen, &logged_in()), "api_port_closed");
}

#[test]
fn a_read_only_api_counts_when_orders_are_wanted() {
    let run = connected();
    for (writes_wanted, word, status) in [(true, "read_only", CheckStatus::Fail), (false, "healthy", CheckStatus::Warn)] {
        let seen = Seen { read_only: Some(true), writes_wanted, ..answering() };
        assert_eq!((verdict(&seen, &run).as_str(), status_of(&seen, &run, "read-only API").0), (word, status));
    }
}

fn notice(about: IbNoticeKind, code: i32) -> IbNotice {
    IbNotice { about, code, message: "in IB's words".to_owned(), at: TUESDAY.parse().expect("time") }
}

#[test]
fn what_ib_told_of_the_login_is_named_with_its_words_and_when() {
    let run = connected();
    let told = Seen { notices: vec![notice(IbNoticeKind::ReadOnly, 321)], writes_wanted: true, ..answering() };
    let (status, check) = status_of(&told, &run, "read-only API");
    assert_eq!((verdict(&told, &run).as_str(), status), ("read_only", CheckStatus::Fail));
    assert_eq!(check.evidence.as_deref(), Some("2026-11-17 15:00 UTC: IB told 321: in IB's words"));
    // Its settings are newer than what was told.
    assert_eq!(verdict(&Seen { read_only: Some(false), ..told }, &run), "healthy");
    let competing = Seen { notices: vec![notice(IbNoticeKind::CompetingSession, 10197)], ..answering() };
    let reply = diagnose(&competing, &run.policy, run.now);
    assert_eq!(reply.verdict, "competing_session");
    assert!(reply.next_action.contains("Close the other session"), "{}", reply.next_action);
    assert_eq!(status_of(&competing, &run, "ib").0, CheckStatus::Warn);
}

#[test]
fn client_ids_that_are_in_use_are_told_apart() {
    let run = connected();
    let mut held = logged_in();
    held.step(Event::Session(Session::IdInUse));
    let probe = Seen { session: SessionSeen::IdInUse { client_ids: (90..98).collect() }, ..answering() };
    assert_eq!(verdict(&probe, &held), "client_id_in_use");
    assert!(status_of(&probe, &held, "client id").1.detail.contains("326"));
    let twice = Seen { fleet: Some(vec![member(10, true), member(11, true), member(10, false)]), ..answering() };
    assert_eq!(verdict(&twice, &run), "duplicate_client_id");
    assert!(status_of(&twice, &run, "sessions").1.evidence.expect("evidence").contains("[10]"));
}

#[test]
fn a_log_in_that_waits_or_failed_is_named() {
    for (marker, failed, word) in
        [(Marker::SecondFactor, 0, "two_factor"), (Marker::LockedOut, 0, "locked_out"), (Marker::Launched, 1, "wrong_password")]
    {
        let mut run = Run::new();
        run.step(Event::Engine(Engine::Reachable)).runs();
        run.step(Event::Log(Some(LogState { failed_log_ins: failed, ..log(marker) })));
        // The port forwarder is open all the time.
        assert_eq!(verdict(&silent(), &run), word);
        assert_eq!(status_of(&silent(), &run, "log-in").0, CheckStatus::Fail);
        run.exits(0);
        let stopped = Seen { tcp: tcp(false), hello: Hello::NoConnection, ..seen(4004) };
        if failed > 0 {
            assert_eq!(verdict(&stopped, &run), word, "still, when it is stopped");
        }
    }
}

#[test]
fn a_session_that_was_taken_is_named() {
    let mut run = connected();
    run.step(Event::UpstreamLost).step(Event::Log(Some(LogState { conflict: Some(Conflict::Yielded), ..log(Marker::Conflict) })));
    assert_eq!(verdict(&answering(), &run), "session_taken");
    run.exits(0);
    let stopped = Seen { tcp: tcp(false), hello: Hello::NoConnection, ..seen(4004) };
    assert_eq!(verdict(&stopped, &run), "session_taken");
}

#[test]
fn a_reset_window_explains_a_lost_upstream_and_a_restart() {
    for (at, word) in [(SATURDAY, "reset_window"), (TUESDAY, "upstream_lost")] {
        let mut run = Run::with(ALL, None, at);
        run.step(Event::Engine(Engine::Reachable)).runs().says(Marker::LoggedIn).session().step(Event::UpstreamLost);
        assert_eq!(verdict(&answering(), &run), word);
    }
    let restart = log_of("IBC returned exit status 0\nIBC will restart shortly\n");
    for (at, word) in [(SATURDAY, "reset_window"), (TUESDAY, "starting")] {
        let mut run = Run::with(ALL, None, at);
        run.step(Event::Engine(Engine::Reachable)).runs().step(Event::Log(Some(restart.clone())));
        assert_eq!(verdict(&silent(), &run), word);
    }
}

#[test]
fn what_ended_is_told_by_its_exit_code() {
    let oom = Container::Exited { code: Some(137), oom_killed: true, finished_at: None };
    let exited = |code| Container::Exited { code: Some(code), oom_killed: false, finished_at: None };
    for (container, word) in [
        (exited(87), "two_factor"),
        (exited(88), "login_dialog"),
        (exited(80), "bad_configuration"),
        (oom, "out_of_memory"),
        (exited(137), "container_stopped"),
        (Container::Missing, "container_missing"),
        (Container::Paused, "container_paused"),
    ] {
        let mut run = logged_in();
        run.step(Event::Container(container));
        assert_eq!(verdict(&seen(4004), &run), word, "{container:?}");
    }
    let mut lost = logged_in();
    lost.step(Event::Engine(Engine::Lost));
    assert_eq!(verdict(&seen(4004), &lost), "docker_unreachable");
    let mut out = connected();
    out.logout(None).pass(5 * SECOND).exits(0);
    assert_eq!(verdict(&seen(4004), &out), "logged_out");
}

#[test]
fn the_api_and_the_fleet_are_told_apart() {
    let run = connected();
    let away = Seen { fleet: Some(vec![member(10, false), member(99, false)]), ..answering() };
    assert_eq!(verdict(&away, &run), "workers_not_connected");
    let old = Seen { hello: Hello::Answers(178), ..answering() };
    let reply = diagnose(&old, &run.policy, run.now);
    assert_eq!(reply.verdict, "gateway_too_old");
    assert!(reply.next_action.contains("213"));
    assert_eq!(verdict(&Seen { hello: Hello::NotIb("HTTP/1.1".to_owned()), ..answering() }, &run), "not_ib");
    assert_eq!(verdict(&Seen { resolved: Some(Vec::new()), ..seen(4004) }, &run), "unknown_host");
    assert_eq!(verdict(&Seen { session: SessionSeen::Failed("no accounts".to_owned()), ..answering() }, &run), "session_silent");
}

#[test]
fn what_was_not_looked_at_is_skipped_and_never_passed() {
    let run = Run::new();
    let nothing = Seen::nothing(target(4004));
    assert!(layers(&nothing, &run.policy, run.now).iter().all(|check| check.status != CheckStatus::Pass || check.check == "reset window"));
    assert_eq!(verdict(&nothing, &run), "unclear");
}

#[test]
fn settings_of_the_container_that_undo_what_people_want_are_warned_about() {
    let inspected = Inspected {
        restart_policy: Some("always".to_owned()),
        settings_kept: Some(false),
        missing_env: vec!["TWS_USERID".to_owned()],
        ..Inspected::default()
    };
    let seen = Seen { inspected: Some(inspected), command_server: Some(false), clock_skew_ms: Some(-3_600_000), ..answering() };
    let run = connected();
    for (name, status) in [
        ("restart policy", CheckStatus::Warn),
        ("settings volume", CheckStatus::Warn),
        ("variables", CheckStatus::Fail),
        ("command server", CheckStatus::Warn),
        ("skew", CheckStatus::Warn),
    ] {
        assert_eq!(status_of(&seen, &run, name).0, status, "{name}");
    }
}

#[test]
fn every_line_that_fails_says_what_to_do_or_what_was_seen() {
    let mut run = logged_in();
    run.pass(MINUTE);
    for seen in [
        silent(),
        Seen { tcp: tcp(false), hello: Hello::NoConnection, resolved: Some(Vec::new()), ..seen(4002) },
        Seen { hello: Hello::Answers(100), ..answering() },
    ] {
        for check in layers(&seen, &run.policy, run.now).iter().filter(|check| check.status == CheckStatus::Fail) {
            assert!(check.fix.is_some() || check.evidence.is_some(), "{check:?}");
        }
    }
}
