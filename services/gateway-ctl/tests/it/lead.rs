//! Who acts, and what of it survives: two processes, a process that vanished, a message server that is away.

use bus::Bucket;
use gateway_ctl::{Error, SERVICE};
use nats_local::StartOptions;
use schemas::gateway::{Logout, LogoutParams, State, StateChange, Status, StatusParams};

use crate::{
    gateway::Plan,
    support::{PATIENCE, World, nats},
};

async fn bucket(world: &World) -> Bucket {
    Bucket::open(&world.bus, "gateway-ctl", "of a test", None).await.expect("a bucket")
}

#[tokio::test]
async fn of_two_one_acts_and_the_other_takes_over_when_it_ends() {
    let world = World::new(Plan::default()).await;
    let first = world.ctl();
    world.until_state(State::Connected).await;
    let second = world.ctl();
    let both = async || world.caller.fleet().alive(SERVICE).len() == 2;
    world.until("both live", both).await;
    let serving = || -> Vec<String> {
        let beats = world.caller.fleet().alive(SERVICE).into_iter();
        beats.filter(|beat| !beat.operations.is_empty()).map(|beat| beat.id).collect()
    };
    assert_eq!(serving(), [first.id.as_str()]);
    assert_eq!(world.logout().await.message, "Gateway stopped. IB session is now free for TWS.");
    first.finish();
    world.until("the other serves", async || serving() == [second.id.as_str()]).await;
    let latch = world.part().and_then(|part| part.logged_out).expect("it knows of the logout");
    assert_eq!((latch.by.as_str(), world.status().await.state), ("dora", State::LoggedOut));
}

#[tokio::test]
async fn the_lease_of_a_process_that_vanished_runs_out() {
    let world = World::new(Plan::default()).await;
    bucket(&world).await.put("paper.lease", "0190a1b2-somebody-else".into()).await.expect("a lease of another");
    let ctl = world.ctl();
    world.until("it lives", async || !world.caller.fleet().alive(SERVICE).is_empty()).await;
    let beats = world.caller.fleet().alive(SERVICE);
    assert!(beats.iter().all(|beat| beat.id == ctl.id && beat.gateway.is_none() && beat.operations.is_empty()), "{beats:?}");
    assert!(!world.api_is_open().await, "and starts nothing");
    world.until_state(State::Connected).await;
}

#[tokio::test]
async fn over_a_saved_state_that_cannot_be_read_nothing_is_started() {
    let world = World::new(Plan::default()).await;
    bucket(&world).await.put("paper", "{\"version\":7}".into()).await.expect("a state of a later release");
    let ended = world.ctl().ended().expect_err("it says so");
    assert!(matches!(ended, Error::Saved(_)), "{ended:?}");
    assert!(!world.api_is_open().await);
}

#[tokio::test]
async fn a_message_server_that_goes_and_comes_back_changes_nothing_for_the_gateway() {
    let store = tempfile::tempdir().expect("a folder");
    let server = nats(StartOptions { store_dir: Some(store.path().to_owned()), ..StartOptions::default() }).await;
    let mut world = World::on(server, Plan::default()).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    world.nats.abort().await.expect("killed");
    assert!(world.api_is_open().await, "the gateway has nothing to do with it");
    world.nats.restart().await.expect("back");
    let params = StatusParams::default();
    world
        .until("it is served again", async || world.ask::<Status>(&params).await.is_ok_and(|status| status.state == State::Connected))
        .await;
    let budget = world.status().await.restart_budget;
    assert_eq!(budget.left_30_min, 2, "nothing was started again");
    world.logout().await;
    world.until_state(State::LoggedOut).await;
}

#[tokio::test]
async fn what_cannot_be_saved_is_not_answered_as_done() {
    let world = World::new(Plan::default()).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    // A value of somebody else: the next save finds out that it is not alone, and reads what counts.
    let (value, _) = bucket(&world).await.get("paper").await.expect("saved");
    let theirs = String::from_utf8(value.expect("a value").to_vec()).expect("text").replace("default", "otto");
    bucket(&world).await.put("paper", theirs.into()).await.expect("a save of another");
    let refused = world.ask::<Logout>(&LogoutParams::default()).await;
    assert!(refused.is_err(), "{refused:?}");
    world.until("it goes on", async || world.logout_again().await).await;
    world.until_state(State::LoggedOut).await;
    let saved = bucket(&world).await.get("paper").await.expect("saved").0.expect("a value");
    assert!(String::from_utf8_lossy(&saved).contains("\"down\""), "and now it is remembered");
}

#[tokio::test]
async fn changes_of_state_are_events() {
    let world = World::new(Plan::default()).await;
    let mut listener = world.bus.listen(crate::support::gateway().gateway_events()).await.expect("listening");
    let _ctl = world.ctl();
    let mut heard = Vec::new();
    while heard.last() != Some(&State::Connected) {
        let body = tokio::time::timeout(PATIENCE, listener.next()).await.expect("in time").expect("open");
        let change: StateChange = serde_json::from_slice(&body).expect("a change");
        heard.push(change.state);
    }
    assert!(heard.contains(&State::Starting), "{heard:?}");
}
