//! Telling and hearing who is alive.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bus::{Beacon, Fleet};
use schemas::health::State;
use tokio::time::{Instant, timeout};

use crate::support::{LIMIT, TestResult, beat, connect, eventually, foreign, gateway, nats, pass, settle, tell};

#[tokio::test]
async fn a_change_is_told_at_once_and_the_end_too() -> TestResult {
    let nats = nats().await;
    let (telling, hearing) = (connect(&nats).await, connect(&nats).await);
    let fleet = Fleet::follow(&hearing, &gateway()).await?;
    let mut changes = fleet.changes();
    let in_flight = Arc::new(AtomicU32::new(0));
    let source = Arc::clone(&in_flight);
    let beacon = Beacon::start(&telling, gateway(), move || {
        let mut beat = beat("w", State::Ready, &[]);
        beat.in_flight = source.load(Ordering::SeqCst);
        beat
    });
    timeout(LIMIT, changes.changed()).await??;
    assert_eq!(fleet.alive("ib-worker").len(), 1);
    assert!(fleet.alive("edge").is_empty());

    for n in 1..=3 {
        in_flight.store(n, Ordering::SeqCst);
        let changed = Instant::now();
        if n == 2 {
            beacon.trigger().notify_one()
        } else {
            beacon.changed()
        }
        eventually("the change is heard", async || fleet.seen()[0].beat.in_flight == n).await;
        assert!(changed.elapsed() < Duration::from_secs(1), "{:?}", changed.elapsed());
    }
    let sequence = fleet.seen()[0].beat.sequence;
    in_flight.store(9, Ordering::SeqCst);
    beacon.finish().await;
    eventually("the last one is heard", async || fleet.seen()[0].beat.in_flight == 9).await;
    assert!(fleet.seen()[0].beat.sequence > sequence);
    Ok(())
}

#[tokio::test]
async fn they_come_without_a_change_every_two_seconds() -> TestResult {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let fleet = Fleet::follow(&bus, &gateway()).await?;
    let mut changes = fleet.changes();
    let _beacon = Beacon::start(&bus, gateway(), || beat("w", State::Ready, &[]));
    timeout(LIMIT, changes.changed()).await??;
    for _ in 0..2 {
        let last = Instant::now();
        timeout(LIMIT, changes.changed()).await??;
        assert!((1_500..2_700).contains(&last.elapsed().as_millis()), "{:?}", last.elapsed());
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_a_heartbeat_is_passed_over() -> TestResult {
    let nats = nats().await;
    let (bus, foreign) = (connect(&nats).await, foreign(&nats).await);
    let fleet = Fleet::follow(&bus, &gateway()).await?;
    let good = serde_json::to_string(&beat("other", State::Ready, &[]))?;
    let mut huge = beat("w", State::Ready, &[]);
    huge.operations = vec!["x".repeat(100); 1_000];
    let huge = serde_json::to_string(&huge)?;
    for body in ["", "{", "[]", "{\"service\":\"x\"}", "\u{0}", &good, &huge] {
        foreign.publish("ib.v1.paper.health.ib-worker.w", body.to_owned().into()).await?;
    }
    settle(&foreign).await;
    tell(&foreign, &beat("last", State::Ready, &[])).await;
    eventually("the good one is heard", async || fleet.seen().iter().any(|seen| seen.beat.id == "last")).await;
    assert_eq!(fleet.seen().len(), 1, "nobody speaks for another, and nobody fills the memory");
    Ok(())
}

#[tokio::test]
async fn a_field_or_state_of_a_later_release_is_no_reason_to_miss_a_process() -> TestResult {
    let nats = nats().await;
    let (bus, foreign) = (connect(&nats).await, foreign(&nats).await);
    let fleet = Fleet::follow(&bus, &gateway()).await?;
    let mut body = serde_json::to_value(beat("w", State::Ready, &[]))?;
    body["invented"] = "later".into();
    body["state"] = "meditating".into();
    foreign.publish("ib.v1.paper.health.ib-worker.w", body.to_string().into()).await?;
    eventually("it is heard", async || fleet.seen().len() == 1).await;
    assert_eq!(fleet.seen()[0].beat.state, State::Unknown);
    Ok(())
}

#[tokio::test]
async fn a_beacon_that_is_dropped_is_silent() -> TestResult {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let fleet = Fleet::follow(&bus, &gateway()).await?;
    let beacon = Beacon::start(&bus, gateway(), || beat("w", State::Ready, &[]));
    eventually("it is heard", async || fleet.seen().len() == 1).await;
    let trigger = beacon.trigger();
    drop(beacon);
    trigger.notify_one();
    let changes = fleet.changes();
    let count = *changes.borrow();
    pass(300).await;
    assert_eq!(*fleet.changes().borrow(), count);
    Ok(())
}
