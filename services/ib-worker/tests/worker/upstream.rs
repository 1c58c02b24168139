//! The gateway lives and has lost IB's servers: 1100, and 1101 or 1102 when they are back.

use std::time::Duration;

use schemas::{
    FaultCode,
    account::{AccountParams, Positions, PositionsParams, Summary, SummaryReply},
};
use serde_json::json;
use tokio::time::Instant;

use test_rig::{PATIENCE, Rig};

use crate::support::{bars, days, everything, kept_operations, workers};

async fn summary(rig: &Rig) -> SummaryReply {
    rig.ask::<Summary>(&AccountParams::default()).await.expect("what is kept is told")
}

async fn until_away(rig: &Rig) {
    rig.until_beats(ib_worker::SERVICE, "the heartbeat tells of it, and what needs IB is not served", |beats| {
        beats.iter().all(|beat| beat.ib.as_ref().is_some_and(|ib| ib.connected && ib.upstream_lost))
            && beats.iter().all(|beat| beat.operations == kept_operations())
    })
    .await;
}

async fn until_back(rig: &Rig) {
    rig.until_beats(ib_worker::SERVICE, "everything is served again", |beats| {
        beats.iter().all(|beat| beat.ib.as_ref().is_some_and(|ib| !ib.upstream_lost) && beat.operations.len() == everything())
    })
    .await;
}

#[tokio::test]
async fn reads_say_so_while_1100_holds_and_go_on_after_1102() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    let before = summary(&rig).await;
    assert!(!before.context.stale);
    rig.notice(1100).await;
    until_away(&rig).await;
    let fault = bars(&rig, &days(1)).await.expect_err("IB cannot be asked");
    assert_eq!(fault.code, FaultCode::UpstreamLost, "{fault:?}");
    assert!(fault.retry_after_ms.is_some() && fault.message.contains("IB's servers"), "{fault:?}");
    let away = summary(&rig).await;
    assert!(away.context.stale && away.context.as_of.is_some(), "{:?}", away.context);
    assert_eq!(away.accounts, before.accounts, "the last that was known");
    assert!(rig.requests("HistoricalData").await.is_empty(), "nothing was sent");

    rig.notice(1102).await;
    until_back(&rig).await;
    assert!(!bars(&rig, &days(1)).await.expect("asked again").bars.is_empty());
    assert!(!summary(&rig).await.context.stale);
    assert_eq!((rig.requests("PositionsMulti").await.len(), rig.requests("StartApi").await.len()), (1, 1), "nothing was lost");
}

#[tokio::test]
async fn after_1101_what_is_kept_is_stale_until_ib_has_told_it_anew() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    summary(&rig).await;
    rig.notice(1100).await;
    until_away(&rig).await;
    // The answer comes late: until then the numbers of before are told, and called stale.
    rig.fault(&json!({"kind": "delay", "message": "PositionsMulti", "ms": 1_500})).await;
    rig.notice(1101).await;
    rig.until_heard("PositionsMulti", 2).await;
    let held = rig.ask::<Positions>(&PositionsParams::default()).await.expect("told");
    assert!(held.context.stale && !held.positions.is_empty(), "{:?}", held.context);
    until_back(&rig).await;
    let fresh_by = Instant::now() + PATIENCE;
    while summary(&rig).await.context.stale {
        assert!(Instant::now() < fresh_by, "still stale");
    }
    assert!(!bars(&rig, &days(1)).await.expect("asked again").bars.is_empty());
    assert_eq!((rig.requests("PositionsMulti").await.len(), rig.requests("StartApi").await.len()), (2, 1), "on the same session");
}

#[tokio::test]
async fn a_read_at_work_ends_when_1100_comes() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    rig.fault(&json!({"kind": "delay", "message": "HistoricalData", "ms": 60_000})).await;
    let asked_at = Instant::now();
    let params = days(1);
    let (told, ()) = tokio::join!(bars(&rig, &params), async {
        rig.until_heard("HistoricalData", 1).await;
        rig.notice(1100).await;
    });
    assert_eq!(told.expect_err("IB cannot answer").code, FaultCode::UpstreamLost);
    assert!(asked_at.elapsed() < Duration::from_secs(30), "half of the operation's deadline: {:?}", asked_at.elapsed());
    rig.until_heard("CancelHistoricalData", 1).await;
}
