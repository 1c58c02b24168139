//! NATS goes away and comes back.

use std::time::Duration;

use bus::{Beacon, Bucket, Caller};
use futures::StreamExt;
use schemas::{FaultCode, health::State};
use tokio::time::{Instant, timeout};

use crate::support::{LIMIT, SUMMARY, TestResult, ask, asking, beat, eventually, foreign, gateway, pass, rig, settle, summary, within_ms};

#[tokio::test]
async fn a_call_without_nats_fails_at_once_and_is_not_run_later() -> TestResult {
    let mut rig = rig(2, 2).await;
    rig.nats.abort().await?;
    eventually("the loss is noticed", async || !rig.calling.is_connected() && !rig.serving.is_connected()).await;
    let asked = Instant::now();
    let fault = ask(&rig.caller, "late").await.expect_err("NATS is away");
    assert!(asked.elapsed() < Duration::from_millis(200), "{:?}", asked.elapsed());
    assert_eq!(fault.code, FaultCode::NoWorker);
    assert!(fault.message.contains("not connected"), "{fault}");
    assert!(!rig.server.joined().await.is_empty());

    rig.nats.restart().await?;
    // Serves on: nobody joins again.
    eventually("it is served again", async || ask(&rig.caller, "DU1").await.is_ok()).await;
    rig.calling.barrier().await?;
    pass(200).await;
    assert_eq!(rig.script.count("late"), 0);
    Ok(())
}

#[tokio::test]
async fn heartbeats_cancels_and_discovery_go_on_after_a_restart() -> TestResult {
    let mut rig = rig(2, 2).await;
    let beacon = Beacon::start(&rig.serving, gateway(), || beat("worker-1", State::Ready, &[SUMMARY]));
    eventually("it is seen", async || rig.caller.fleet().seen().len() == 1).await;
    rig.nats.abort().await?;
    eventually("the loss is noticed", async || !rig.serving.is_connected() && !rig.calling.is_connected()).await;
    let before = rig.caller.fleet().seen()[0].beat.sequence;
    for _ in 0..50 {
        beacon.changed();
        tokio::task::yield_now().await;
    }
    rig.nats.restart().await?;
    let foreign = foreign(&rig.nats).await;
    let mut beats = foreign.subscribe("ib.v1.paper.health.>").await?;
    settle(&foreign).await;
    eventually("both are back", async || rig.serving.is_connected() && rig.calling.is_connected()).await;
    rig.serving.barrier().await?;
    rig.calling.barrier().await?;
    beacon.changed();
    eventually("it is heard of again", async || rig.caller.fleet().seen()[0].beat.sequence > before).await;
    let mut heard = 0;
    while let Ok(Some(_)) = timeout(Duration::from_millis(300), beats.next()).await {
        heard += 1;
    }
    assert!((1..=3).contains(&heard), "{heard} heartbeats: those of the outage must not follow");

    let call = asking(&rig.caller, "never", within_ms(9_000));
    eventually("it is at work", async || rig.script.alive() == 1).await;
    call.abort();
    eventually("the cancel arrives", async || rig.script.alive() == 0).await;
    assert!(foreign.request("$SRV.PING", "".into()).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_bucket_writes_nothing_after_it_said_that_it_could_not() -> TestResult {
    let mut rig = rig(2, 2).await;
    let bucket = Bucket::open(&rig.calling, "test", "a test", None).await?;
    bucket.put("key", "before".into()).await?;
    let (_, revision) = bucket.get("key").await?;
    rig.nats.abort().await?;
    eventually("the loss is noticed", async || !rig.calling.is_connected()).await;
    let asked = Instant::now();
    assert!(bucket.put("key", "late".into()).await.is_err());
    assert!(bucket.put_if("key", "late".into(), revision).await.is_err());
    assert!(bucket.get("key").await.is_err());
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    rig.nats.restart().await?;
    eventually("it is back", async || rig.calling.is_connected()).await;
    eventually("it can be read", async || bucket.get("key").await.is_ok()).await;
    pass(200).await;
    assert_eq!(bucket.get("key").await?.0.as_deref(), Some(&b"before"[..]));
    Ok(())
}

#[tokio::test]
async fn a_stalled_server_holds_nobody_for_longer_than_the_bounds() -> TestResult {
    let mut rig = rig(2, 2).await;
    rig.nats.pause().await?;
    let begun = Instant::now();
    let fault = timeout(LIMIT, asking(&rig.caller, "DU1", within_ms(1_000))).await??.expect_err("nothing moves");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(matches!(fault.code, FaultCode::Timeout | FaultCode::NoWorker), "{fault}");
    let leaving = Instant::now();
    timeout(LIMIT, rig.server.leave([SUMMARY])).await?;
    assert!(leaving.elapsed() < Duration::from_secs(7), "{:?}", leaving.elapsed());
    assert!(rig.calling.barrier().await.is_err());
    rig.nats.resume()?;
    eventually("it moves again", async || rig.calling.barrier().await.is_ok() && rig.serving.barrier().await.is_ok()).await;
    rig.server.join([SUMMARY]).await?;
    assert_eq!(ask(&rig.caller, "DU2").await?, summary("DU2"));
    Ok(())
}

#[tokio::test]
async fn callers_and_fleets_take_their_subscriptions_with_them() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    let bus = crate::support::connect(&rig.nats).await;
    let caller = Caller::start(&bus, gateway()).await?;
    let clone = caller.clone();
    drop(caller);
    assert_eq!(ask(&clone, "DU1").await?, summary("DU1"), "a clone keeps them");
    drop((clone, rig.caller));
    pass(200).await;
    // A request is refused at once where nobody listens; a listener that only noticed its end with the next message would
    // swallow this one.
    let answer = timeout(LIMIT, foreign.request("ib.v1.paper.health.test.x", "".into())).await?;
    assert_eq!(answer.map_err(|error| error.kind()).expect_err("nobody listens"), async_nats::client::RequestErrorKind::NoResponders);
    Ok(())
}
