//! What people ask for: logout, login, reconnect, ensure-ready.

use schemas::{
    FaultCode,
    gateway::{
        Desired, Diagnose, DiagnoseParams, EnsureReady, EnsureReadyParams, Link, Logout, LogoutParams, Reconnect, ReconnectParams, State,
    },
};
use serde_json::{Value, json};

use crate::{gateway::Plan, support::World};

#[tokio::test]
async fn it_comes_up_by_itself_and_tells_every_layer() {
    let world = World::new(Plan::default()).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    let status = world.status().await;
    assert_eq!((status.status, status.desired, status.container_running, status.ib_connected), (Link::Connected, Desired::Up, true, true));
    assert!(status.logged_out.is_none() && status.server_version.is_some_and(|version| version >= 213), "{status:?}");
    let found = world.ask::<Diagnose>(&DiagnoseParams { deep: true }).await.expect("a diagnosis");
    let check = |layer: &str, status| found.layers.iter().any(|check| check.layer == layer && check.status == status);
    for layer in ["network", "api", "session", "upstream", "clock"] {
        assert!(check(layer, schemas::gateway::CheckStatus::Pass), "{layer}: {found:#?}");
    }
    assert_eq!(found.verdict, "healthy", "{found:#?}");
}

#[tokio::test]
async fn a_logout_ends_the_process_and_outlives_gateway_ctl_until_the_login() {
    let world = World::new(Plan::default()).await;
    let ctl = world.ctl();
    world.until_state(State::Connected).await;
    let reply = world.logout().await;
    assert_eq!((reply.message.as_str(), reply.changed), ("Gateway stopped. IB session is now free for TWS.", true));
    assert!(!world.api_is_open().await, "it has ended");
    let status = world.status().await;
    assert_eq!((status.state, status.status, status.desired), (State::LoggedOut, Link::Disconnected, Desired::Down));
    let latch = status.logged_out.expect("who");
    assert_eq!((latch.by.as_str(), latch.reason.as_deref(), latch.until), ("dora", Some("TWS"), None));
    assert!(!world.logout().await.changed, "a second one succeeds and changes nothing");
    let ready = world.ask::<EnsureReady>(&EnsureReadyParams::default()).await.expect("an answer");
    assert_eq!((ready.ready, ready.waited), (false, 0));
    let refused = world.ask::<Reconnect>(&ReconnectParams::default()).await.expect_err("logged out");
    assert_eq!(refused.code, FaultCode::Conflict);
    ctl.finish();

    let ctl = world.ctl();
    world.until("the new one serves", async || world.beat().is_some_and(|beat| beat.id == ctl.id)).await;
    world.until_state(State::LoggedOut).await;
    assert_eq!(world.part().and_then(|part| part.logged_out).map(|latch| latch.by), Some("dora".to_owned()));
    assert!(!world.api_is_open().await, "and it stays down");
    let reply = world.login().await;
    assert!(reply.changed && reply.message.starts_with("Gateway started."), "{reply:?}");
    world.until_state(State::Connected).await;
    assert!(!world.login().await.changed);
}

#[tokio::test]
async fn many_who_need_it_ready_share_one_start() {
    let world = World::new(Plan { login_ms: 1_500, ..Plan::default() }).await;
    let _ctl = world.ctl();
    world.until("it answers", async || world.part().is_some()).await;
    let params = EnsureReadyParams::default();
    let asked = (0..20).map(|_| world.ask::<EnsureReady>(&params));
    for reply in futures::future::join_all(asked).await {
        let reply = reply.expect("an answer");
        assert!(reply.ready, "{reply:?}");
    }
    let budget = world.status().await.restart_budget;
    assert_eq!((budget.left_30_min, budget.left_24_h), (2, 7), "one start");
    let at_once = world.ask::<EnsureReady>(&EnsureReadyParams::default()).await.expect("an answer");
    assert_eq!((at_once.ready, at_once.message.as_str(), at_once.waited), (true, "Gateway already connected", 0));
}

#[tokio::test]
async fn who_waits_for_readiness_is_answered_before_he_gives_up() {
    let world = World::new(Plan { login_ms: 120_000, ..Plan::default() }).await;
    let _ctl = world.ctl();
    world.until_state(State::Starting).await;
    let reply = world.ask::<EnsureReady>(&EnsureReadyParams { timeout: Some(3) }).await.expect("an answer");
    assert!(!reply.ready && reply.waited <= 2, "{reply:?}");
    let wrong = world.ask::<EnsureReady>(&EnsureReadyParams { timeout: Some(0) }).await.expect_err("no time");
    assert_eq!(wrong.code, FaultCode::InvalidParams);
}

#[tokio::test]
async fn a_hard_reconnect_stops_and_starts_it() {
    let world = World::new(Plan::default()).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    world.sim("POST", "/faults", &json!({"kind": "delay", "message": "HistoricalData", "ms": 7})).await;
    let reply = world.ask::<Reconnect>(&ReconnectParams { hard: true }).await.expect("a reconnect");
    assert!(reply.changed, "{reply:?}");
    world.until("it left", async || world.part().is_some_and(|part| part.state != State::Connected)).await;
    world.until_state(State::Connected).await;
    let faults = world.sim("GET", "/faults", &Value::Null).await.to_string();
    assert!(!faults.contains("HistoricalData"), "it is another process, without the faults of the first: {faults}");
    let starts = world.status().await.restart_budget;
    assert_eq!((starts.left_30_min, starts.left_24_h), (3, 8), "a person's starts are not counted as automatic: {starts:?}");
}

#[tokio::test]
async fn a_logout_for_minutes_says_until_when() {
    let world = World::new(Plan::default()).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    let wrong = world.ask::<Logout>(&LogoutParams { minutes: Some(0), reason: None }).await.expect_err("no minutes");
    assert_eq!(wrong.code, FaultCode::InvalidParams);
    world.ask::<Logout>(&LogoutParams { minutes: Some(30), reason: None }).await.expect("a logout");
    let latch = world.status().await.logged_out.expect("who");
    assert_eq!(latch.until.map(|until| until.duration_since(latch.since).as_secs()), Some(1_800));
}
