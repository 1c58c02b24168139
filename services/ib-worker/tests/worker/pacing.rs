//! IB's limits, kept by all workers of a login together: `gate` for historical requests, `pace` for messages.

use std::time::Duration;

use bus::CallOptions;
use futures::future::join_all;
use ib_sim::HistoryPacing;
use schemas::{
    FaultCode,
    contracts::{ContractParams, Details},
    history::Bars,
};
use serde_json::Value;

use crate::support::{bars, days, stock, workers};

/// The written rules for every bar size.
fn strict() -> ib_sim::Settings {
    ib_sim::Settings { history_pacing: HistoryPacing::Strict, ..ib_sim::Settings::default() }
}

/// When IB got a request, in milliseconds of its own clock.
fn at_ms(entry: &Value) -> i64 {
    let time: jiff::Timestamp = entry["time"].as_str().expect("a time").parse().expect("RFC 3339");
    time.as_millisecond()
}

#[tokio::test]
async fn two_workers_keep_ibs_historical_rules_together() {
    let rig = workers(2, strict()).await;
    let params: Vec<_> = (1..=9).map(days).collect();
    for told in join_all(params.iter().map(|params| bars(&rig, params))).await {
        told.expect("none is told of a pacing violation");
    }
    let asked = rig.requests("HistoricalData").await;
    assert_eq!(asked.len(), 9);
    let clients: std::collections::BTreeSet<i64> = asked.iter().filter_map(|entry| entry["client_id"].as_i64()).collect();
    assert_eq!(clients.len(), 2, "both have asked, or this shows nothing");
    let times: Vec<i64> = asked.iter().map(at_ms).collect();
    assert!(times.windows(6).all(|six| six[5] - six[0] >= 2_000), "six within two seconds: {times:?}");
}

#[tokio::test]
async fn a_turn_that_comes_too_late_is_refused_with_the_wait_and_nothing_is_sent() {
    let rig = workers(1, strict()).await;
    let params: Vec<_> = (1..=5).map(days).collect();
    for told in join_all(params.iter().map(|params| bars(&rig, params))).await {
        told.expect("five in a row are allowed");
    }
    let hurried = CallOptions { timeout: Some(Duration::from_millis(700)), ..CallOptions::default() };
    let fault = rig.caller.ask::<Bars>(&days(6), hurried).await.expect_err("the sixth must wait");
    assert_eq!(fault.code, FaultCode::Pacing, "{fault:?}");
    assert!(fault.retry_after_ms.is_some_and(|wait| wait <= 2_250) && fault.ib_code.is_none(), "{fault:?}");
    assert_eq!(rig.requests("HistoricalData").await.len(), 5);
    bars(&rig, &days(6)).await.expect("who has time waits");
}

#[tokio::test]
async fn the_same_question_within_fifteen_seconds_is_asked_once() {
    let rig = workers(2, strict()).await;
    let first = bars(&rig, &days(2)).await.expect("asked");
    for _ in 0..6 {
        assert_eq!(bars(&rig, &days(2)).await.expect("told again").bars, first.bars);
    }
    assert_eq!(rig.requests("HistoricalData").await.len(), 1, "whichever worker was met");
}

/// Each worker starts as if it were alone; the heartbeats tell it that it is not.
#[tokio::test]
async fn two_workers_send_no_more_than_the_share_of_all_workers() {
    let rig = workers(2, ib_sim::Settings::default()).await;
    let symbols = [
        "AAPL", "MSFT", "NVDA", "AMZN", "META", "GOOGL", "TSLA", "JPM", "V", "UNH", "XOM", "JNJ", "PG", "MA", "HD", "CVX", "KO", "PEP",
        "COST", "WMT", "DIS", "CSCO", "ORCL", "INTC",
    ];
    let params: Vec<_> = symbols.iter().map(|symbol| ContractParams { contract: stock(symbol) }).collect();
    for told in join_all(params.iter().map(|params| rig.ask::<Details>(params))).await {
        told.expect("told");
    }
    // Workers also ask on their own account, about the market's hours.
    let ours = |entry: &&Value| entry["fields"]["contract"]["symbol"].as_str().is_some_and(|symbol| symbols.contains(&symbol));
    let times: Vec<i64> = rig.requests("ContractData").await.iter().filter(ours).map(at_ms).collect();
    assert_eq!(times.len(), symbols.len());
    // 14 messages a second for all of them, and a few that were late; 28 if each thought itself alone.
    let most = times.iter().map(|from| times.iter().filter(|at| (*from..from + 1_000).contains(at)).count()).max();
    assert!(most.is_some_and(|most| most <= 14 + 4), "{most:?} in one second: {times:?}");
    let took = times.iter().max().zip(times.iter().min()).map(|(last, first)| last - first);
    assert!(took.is_some_and(|took| took >= 1_200), "24 questions at 14 a second: {took:?} ms");
}
