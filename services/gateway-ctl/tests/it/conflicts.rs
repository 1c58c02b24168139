//! Log-ins that only a person can help: a second factor, a wrong password, another session.

use gateway_ctl::{Tempo, policy::Rules};
use schemas::gateway::{Diagnose, DiagnoseParams, EnsureReady, EnsureReadyParams, State};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    gateway::Plan,
    support::{PATIENCE, World, inbox, quick, saturday},
};

#[tokio::test]
async fn a_second_factor_is_waited_for_and_a_person_is_told_once() {
    let world = World::new(Plan { login: "2fa".to_owned(), ..Plan::default() }).await;
    let (url, mut posts) = inbox().await;
    let _ctl = world.ctl_with(quick(), &[("NOTIFY_URL", &url)]);
    world.until_state(State::WaitTwoFactor).await;
    let told = timeout(PATIENCE, posts.recv()).await.expect("in time").expect("a post");
    assert_eq!(told["event"], "needs_human");
    assert!(told["text"].as_str().is_some_and(|text| text.contains("IBKR Mobile")), "{told}");
    let status = world.status().await;
    assert!(status.needs_human.is_some_and(|text| text.contains("IBKR Mobile")));
    let found = world.ask::<Diagnose>(&DiagnoseParams::default()).await.expect("a diagnosis");
    assert_eq!(found.verdict, "two_factor");
    world.sim("POST", "/login", &json!({"action": "approve"})).await;
    world.until_state(State::Connected).await;
    assert_eq!(world.status().await.needs_human, None);
    assert!(posts.try_recv().is_err(), "people are told once");
}

#[tokio::test]
async fn people_are_told_once_of_a_gateway_that_stays_down() {
    let world = World::new(Plan { login_ms: 120_000, ..Plan::default() }).await;
    let (url, mut posts) = inbox().await;
    let rules = Rules { down_notice_ms: 1_000, ..quick().rules };
    let _ctl = world.ctl_with(Tempo { rules, ..quick() }, &[("NOTIFY_URL", &url)]);
    let told = timeout(PATIENCE, posts.recv()).await.expect("in time").expect("a post");
    assert_eq!(told["event"], "down");
    assert!(told["text"].as_str().is_some_and(|text| text.contains("logging in") || text.contains("starting")), "{told}");
    // The wait ends, for callers too, and nobody is told again.
    let ready = world.ask::<EnsureReady>(&EnsureReadyParams { timeout: Some(4) }).await.expect("an answer");
    assert!(!ready.ready && posts.try_recv().is_err());
}

#[tokio::test]
async fn people_are_told_a_day_before_the_weekly_log_in() {
    let world = World::new(Plan::default()).await;
    let (url, mut posts) = inbox().await;
    let tempo = Tempo { clock: saturday, ..quick() };
    let ctl = world.ctl_with(tempo, &[("NOTIFY_URL", &url), ("IB_RESET_REGION", "america")]);
    let told = timeout(PATIENCE, posts.recv()).await.expect("in time").expect("a post");
    assert_eq!(told["event"], "weekly_log_in");
    assert!(told["text"].as_str().is_some_and(|text| text.contains("2026-11-22T06:00:00Z")), "{told}");
    world.until_state(State::Connected).await;
    ctl.finish();
    // Another process knows that it was told.
    let _ctl = world.ctl_with(tempo, &[("NOTIFY_URL", &url), ("IB_RESET_REGION", "america")]);
    world.until_state(State::Connected).await;
    assert!(posts.try_recv().is_err(), "once");
}

#[tokio::test]
async fn a_second_factor_that_does_not_come_costs_one_more_start_and_then_a_person() {
    let world = World::new(Plan { login: "2fa".to_owned(), two_factor_timeout_ms: Some(300), ..Plan::default() }).await;
    let _ctl = world.ctl();
    world.until_state(State::Halted).await;
    let status = world.status().await;
    assert!(status.needs_human.as_ref().is_some_and(|text| text.contains("second factor")), "{status:?}");
    assert_eq!(status.restart_budget.left_30_min, 1, "the first start and one more");
    assert!(!world.api_is_open().await);
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let world = World::new(Plan { login: "wrong-password".to_owned(), ..Plan::default() }).await;
    let (url, mut posts) = inbox().await;
    let _ctl = world.ctl_with(quick(), &[("NOTIFY_URL", &url)]);
    world.until_state(State::Halted).await;
    let status = world.status().await;
    assert!(status.needs_human.as_ref().is_some_and(|text| text.contains("password")), "{status:?}");
    let told = timeout(PATIENCE, posts.recv()).await.expect("in time").expect("a post");
    assert_eq!((told["event"].as_str(), told["gateway"].as_str()), (Some("halted"), Some("paper")));
    assert!(told["text"].as_str().is_some_and(|text| text.contains("password")), "{told}");
    assert_eq!(status.restart_budget.left_30_min, 2, "one start");
    let found = world.ask::<Diagnose>(&DiagnoseParams::default()).await.expect("a diagnosis");
    assert_eq!(found.verdict, "wrong_password");
    assert!(posts.try_recv().is_err(), "people are told once");
}

#[tokio::test]
async fn a_person_who_takes_the_session_keeps_it() {
    let world = World::new(Plan { existing_session: "primaryoverride".to_owned(), ..Plan::default() }).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    world.sim("POST", "/login", &json!({"action": "take_over"})).await;
    world.until_state(State::SessionConflict).await;
    let status = world.status().await;
    assert!(status.needs_human.as_ref().is_some_and(|text| text.contains("POST /gateway/login")), "{status:?}");
    assert_eq!(status.restart_budget.left_30_min, 2, "nothing was started against the person");
    let reply = world.login().await;
    assert!(reply.success);
    world.until_state(State::Connected).await;
}
