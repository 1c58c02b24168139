//! A logout for some minutes: what happens at their end, with and without a person who still has the session.

use std::sync::atomic::{AtomicI64, Ordering};

use gateway_ctl::{
    Tempo,
    policy::{Rules, StartLimits},
};
use jiff::{SignedDuration, Timestamp};
use schemas::gateway::{Desired, Diagnose, DiagnoseParams, Logout, LogoutParams, State};

use crate::{
    gateway::Plan,
    support::{World, inbox, quick},
};

/// A minute is long for a test: its clock is moved instead.
macro_rules! movable_clock {
    () => {{
        static AHEAD_S: AtomicI64 = AtomicI64::new(0);
        fn now() -> Timestamp {
            service::clock::now() + SignedDuration::from_secs(AHEAD_S.load(Ordering::SeqCst))
        }
        (now as fn() -> Timestamp, &AHEAD_S)
    }};
}

fn minutes(minutes: u32) -> LogoutParams {
    LogoutParams { minutes: Some(minutes), reason: Some("TWS for a moment".to_owned()) }
}

/// With a file by which a start can be told to give way.
fn plan(folder: &tempfile::TempDir, login: &str) -> Plan {
    Plan {
        existing_session: "primaryoverride".to_owned(),
        login: login.to_owned(),
        yield_file: Some(folder.path().join("yield")),
        ..Plan::default()
    }
}

fn file_of(world: &World) -> String {
    world.plan.yield_file.as_ref().and_then(|file| file.to_str()).expect("a path").to_owned()
}

#[tokio::test]
async fn at_the_end_of_the_minutes_it_logs_in_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new(plan(&folder, "ok")).await;
    let (clock, ahead_s) = movable_clock!();
    let _ctl = world.ctl_with(Tempo { clock, ..quick() }, &[("GATEWAY_YIELD_FILE", &file_of(&world))]);
    world.until_state(State::Connected).await;
    world.ask::<Logout>(&minutes(30)).await.expect("a logout");
    world.until_state(State::LoggedOut).await;
    ahead_s.store(29 * 60, Ordering::SeqCst);
    let status = world.status().await;
    assert_eq!((status.state, status.needs_human), (State::LoggedOut, None), "a minute is left");
    ahead_s.store(30 * 60 + 1, Ordering::SeqCst);
    world.until_state(State::Connected).await;
    let status = world.status().await;
    assert_eq!((status.desired, status.needs_human, status.logged_out), (Desired::Up, None, None));
}

#[tokio::test]
async fn a_person_who_still_has_the_session_keeps_it_when_the_minutes_are_over() {
    let folder = tempfile::tempdir().expect("a folder");
    // Every start meets another session. The first one is no business of a logout, and takes it.
    let world = World::new(plan(&folder, "existing-session")).await;
    let (clock, ahead_s) = movable_clock!();
    let (url, mut posts) = inbox().await;
    let starts = StartLimits { automatic_short: 10, ..StartLimits::default() };
    let rules = Rules { conflict_hold_ms: 1_500, starts, ..quick().rules };
    let flags = [("GATEWAY_YIELD_FILE", file_of(&world)), ("NOTIFY_URL", url)];
    let flags: Vec<(&'static str, &str)> = flags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let _ctl = world.ctl_with(Tempo { clock, rules, ..quick() }, &flags);
    world.until_state(State::Connected).await;
    world.ask::<Logout>(&minutes(1)).await.expect("a logout");
    world.until_state(State::LoggedOut).await;
    ahead_s.store(61, Ordering::SeqCst);
    world.until_state(State::SessionConflict).await;
    // When the next attempt comes is known once this one has ended.
    world.until("the next attempt is known", async || world.status().await.next_attempt_at.is_some()).await;
    let status = world.status().await;
    assert!(status.needs_human.as_ref().is_some_and(|text| text.contains("Another session")), "{status:?}");
    assert!(status.state == State::SessionConflict && !status.ib_connected, "{status:?}");
    let found = world.ask::<Diagnose>(&DiagnoseParams::default()).await.expect("a diagnosis");
    assert_eq!(found.verdict, "session_taken", "{found:#?}");
    // It asks again after the hold, and gives way again.
    let before = status.restart_budget.left_30_min;
    world.until("it has tried again", async || world.status().await.restart_budget.left_30_min < before).await;
    assert!(!world.status().await.ib_connected);
    world.until_state(State::SessionConflict).await;
    let told = posts.recv().await.expect("a post");
    assert_eq!(told["event"], "session_conflict", "{told}");
    assert!(posts.try_recv().is_err(), "people are told once");
    // What a person starts takes the session: that is what login is for.
    world.login().await;
    world.until_state(State::Connected).await;
}

#[tokio::test]
async fn without_a_way_to_yield_a_person_is_asked_at_the_end_of_the_minutes() {
    let world = World::new(Plan::default()).await;
    let (clock, ahead_s) = movable_clock!();
    let (url, mut posts) = inbox().await;
    let _ctl = world.ctl_with(Tempo { clock, ..quick() }, &[("NOTIFY_URL", &url)]);
    world.until_state(State::Connected).await;
    world.ask::<Logout>(&minutes(1)).await.expect("a logout");
    world.until_state(State::LoggedOut).await;
    ahead_s.store(61, Ordering::SeqCst);
    let told = posts.recv().await.expect("a post");
    assert_eq!(told["event"], "needs_human", "{told}");
    let status = world.status().await;
    assert_eq!(status.state, State::LoggedOut);
    assert!(status.needs_human.is_some_and(|text| text.contains("POST /gateway/login")));
    assert!(!world.api_is_open().await, "nothing was started");
}
