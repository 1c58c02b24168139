use schemas::gateway::CommandFailure;
use serde_json::{Value, json, to_value};

use super::*;
use crate::{
    diagnose::Target,
    logs::Marker,
    policy::tests::run::{MINUTE, Run, SECOND},
    policy::{Engine, Event},
};

fn seen() -> Seen {
    let container = Some("mcp-ib-gateway-paper".to_owned());
    Seen::nothing(Target { host: "ibgateway-paper".to_owned(), port: 4004, live: false, container, process: None })
}

fn told(run: &Run) -> Value {
    to_value(status(&seen(), &run.policy, run.now)).expect("json")
}

/// The four fields that say it.
fn short(run: &Run) -> (String, bool, bool, bool) {
    let told = told(run);
    let is = |name: &str| told[name].as_bool().expect("a bool");
    (told["status"].as_str().expect("a word").to_owned(), is("container_running"), is("api_port_open"), is("ib_connected"))
}

#[test]
fn a_connected_gateway_has_every_field_of_the_specification() {
    let told = told(&Run::reach(State::Connected));
    for (name, value) in [
        ("status", json!("connected")),
        ("container_running", json!(true)),
        ("api_port_open", json!(true)),
        ("ib_connected", json!(true)),
        ("gateway_container", json!("mcp-ib-gateway-paper")),
        ("api_host", json!("ibgateway-paper")),
        ("api_port", json!("4004")),
        ("state", json!("CONNECTED")),
        ("reason", json!(null)),
        ("needs_human", json!(null)),
        ("desired", json!("up")),
        ("reset_window", json!(null)),
        ("next_attempt_at", json!(null)),
        ("logged_out", json!(null)),
        ("next_auth_due", json!("2026-11-22T06:00:00Z")),
        ("restart_budget", json!({"left_30_min": 3, "left_24_h": 8})),
        ("server_version", json!(226)),
    ] {
        assert!(told.as_object().expect("object").contains_key(name), "{name} is missing");
        assert_eq!(told[name], value, "{name}");
    }
    assert!(told["since"].is_string() && told["layers"].as_array().is_some_and(|layers| !layers.is_empty()));
    assert!(told.get("stale").is_none());
}

#[test]
fn the_predecessors_words_follow_the_states() {
    let is = |word: &str, running, open, connected| (word.to_owned(), running, open, connected);
    for (state, expected) in [
        (State::Connected, is("connected", true, true, true)),
        (State::ApiReady, is("api_ready", true, true, false)),
        (State::UpstreamLost, is("api_ready", true, true, false)),
        (State::ApiWait, is("starting", true, false, false)),
        (State::Starting, is("starting", true, false, false)),
        (State::Login, is("starting", true, false, false)),
        (State::WaitTwoFactor, is("starting", true, false, false)),
        (State::SoftRestart, is("starting", true, false, false)),
        (State::Stopping, is("starting", true, true, true)),
        (State::Paused, is("starting", true, false, false)),
        (State::LoggedOut, is("disconnected", false, false, false)),
        (State::Backoff, is("disconnected", false, false, false)),
        (State::Halted, is("disconnected", false, false, false)),
        (State::SessionConflict, is("disconnected", false, false, false)),
        (State::Stopped, is("disconnected", false, false, false)),
    ] {
        assert_eq!(short(&Run::reach(state)), expected, "{state:?}");
    }
    let mut forwarded = Run::reach(State::Login);
    forwarded.step(Event::Api(Api::Silent));
    assert_eq!(short(&forwarded), is("starting", true, true, false), "the forwarder is open before the log-in");
    forwarded.says(Marker::LoggedIn);
    assert_eq!(short(&forwarded), is("api_ready", true, true, false));
}

#[test]
fn without_docker_the_last_facts_are_told_as_stale() {
    let mut run = Run::reach(State::Connected);
    run.step(Event::Engine(Engine::Lost));
    let told = told(&run);
    assert_eq!((&told["status"], &told["stale"], &told["state"]), (&json!("connected"), &json!(true), &json!("DOCKER_UNREACHABLE")));
}

#[test]
fn a_logout_names_who_when_why_until_and_what_ends_it() {
    let mut run = Run::reach(State::Connected);
    run.logout(Some(30)).exits(0);
    let told = told(&run);
    let expected = json!({"by": "dora", "since": "2026-11-17T15:00:00Z", "reason": "TWS", "until": "2026-11-17T15:30:00Z", "ends_with": "POST /gateway/login"});
    assert_eq!((&told["logged_out"], &told["desired"]), (&expected, &json!("down")));
    let fault = logged_out_fault(&run.policy.saved().wanted);
    assert_eq!(fault.code, FaultCode::GatewayLoggedOut);
    assert_eq!(fault.message, "Gateway is logged out by dora since 2026-11-17T15:00:00Z (TWS), until 2026-11-17T15:30:00Z.");
    assert!(fault.hint.expect("hint").contains("ibmesh gateway login"));
}

#[test]
fn the_next_attempt_and_what_a_person_must_do_are_told() {
    let told_backoff = told(&Run::reach(State::Backoff));
    assert_eq!(told_backoff["next_attempt_at"], json!("2026-11-17T15:01:00Z"));
    let told = told(&Run::reach(State::Halted));
    assert!(told["needs_human"].as_str().expect("text").contains("password"));
}

fn replied(answer: &Answer) -> Value {
    let run = Run::new();
    to_value(command(answer, &run.policy, run.now).expect("a reply")).expect("json")
}

#[test]
fn commands_answer_word_for_word() {
    assert_eq!(
        replied(&Answer::LoggedOut { changed: true }),
        json!({"success": true, "message": "Gateway stopped. IB session is now free for TWS.", "note": "Use POST /gateway/login to restart the gateway when ready.", "changed": true})
    );
    assert_eq!(
        replied(&Answer::LoggedIn { changed: false }),
        json!({"success": true, "message": "Gateway started. Authentication in progress.", "note": "Wait 30-60 seconds for gateway to authenticate, then check /gateway/status", "changed": false})
    );
    assert_eq!(
        replied(&Answer::Reconnecting { changed: true }),
        json!({"success": true, "message": "Gateway restart initiated. Workers stopped.", "note": "Wait 30-60 seconds for gateway to reconnect, then check /gateway/status", "changed": true})
    );
}

#[test]
fn refusals_have_the_faults_code_and_status() {
    let run = Run::reach(State::LoggedOut);
    let at = run.now.at.checked_add(jiff::SignedDuration::from_secs(90)).expect("time");
    for (refusal, code, http) in [
        (Refusal::LoggedOut, FaultCode::Conflict, 409),
        (Refusal::NoControl, FaultCode::Unsupported, 501),
        (Refusal::NotBefore { at, reason: "IB asked to wait".to_owned() }, FaultCode::RateLimited, 429),
        (Refusal::Failed { reason: "no such image".to_owned() }, FaultCode::GatewayDown, 503),
        (Refusal::TooManyWaiters, FaultCode::Busy, 503),
    ] {
        let fault = command(&Answer::Refused(refusal), &run.policy, run.now).expect_err("refused");
        assert_eq!((fault.code, fault.code.http_status()), (code, http));
        assert!(!CommandFailure::from(&fault).success);
        if code == FaultCode::RateLimited {
            assert_eq!(fault.retry_after_ms, Some(90_000));
        }
    }
}

#[test]
fn ensure_ready_answers_word_for_word() {
    let run = Run::new();
    let told = |answer: Answer| to_value(ready(&answer, &run.policy, run.now).expect("a reply")).expect("json");
    assert_eq!(told(Answer::Ready { waited_ms: 0 }), json!({"ready": true, "message": "Gateway already connected", "waited": 0}));
    assert_eq!(told(Answer::Ready { waited_ms: 45_000 }), json!({"ready": true, "message": "Gateway connected after 45s", "waited": 45}));
    assert_eq!(told(Answer::Ready { waited_ms: 300 }), json!({"ready": true, "message": "Gateway connected after 1s", "waited": 1}));
    assert_eq!(
        told(Answer::NotReady { waited_ms: 90_000, reason: "the gateway is starting".to_owned() }),
        json!({"ready": false, "message": "Gateway not ready after 90s: the gateway is starting", "waited": 90})
    );
    assert_eq!(
        told(Answer::NotReadyLoggedOut { waited_ms: 0 }),
        json!({"ready": false, "message": "Gateway is logged out. Use POST /gateway/login.", "waited": 0})
    );
}

#[test]
fn parameters_out_of_range_are_refused_by_name() {
    let timeout = |timeout| ready_timeout_ms(&EnsureReadyParams { timeout });
    assert_eq!((timeout(None), timeout(Some(300))), (Ok(90_000), Ok(300_000)));
    for wrong in [0, 301] {
        assert_eq!(timeout(Some(wrong)).expect_err("refused").field.as_deref(), Some("timeout"));
    }
    let logout =
        |minutes, reason: &str| check_logout(&LogoutParams { minutes, reason: Some(reason.to_owned()) }).map_err(|fault| fault.field);
    assert_eq!(logout(Some(1), "TWS"), Ok(()));
    assert_eq!(logout(Some(0), ""), Err(Some("minutes".to_owned())));
    assert_eq!(logout(Some(10_081), ""), Err(Some("minutes".to_owned())));
    assert_eq!(logout(None, "a\nb"), Err(Some("reason".to_owned())));
    assert_eq!(logout(None, &"x".repeat(201)), Err(Some("reason".to_owned())));
}

#[test]
fn a_notice_says_what_is_the_matter() {
    let mut run = Run::reach(State::Login);
    run.pass(5 * MINUTE - SECOND);
    assert_eq!(notice(Notice::Down, &run.policy), "The gateway has not been connected for 5 minutes: the gateway is logging in.");
}
