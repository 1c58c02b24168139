//! Lines that others hold, and lines that are lost.

use std::time::Duration;

use bus::CallOptions;
use ib_link::{ClientIds, LineRequest, Link, MarketDataWanted};
use schemas::{
    ClientId, FaultCode,
    contracts::ContractQuery,
    options::{Chain, ChainParams, MissingWhat},
};
use serde_json::json;
use test_rig::{PATIENCE, Rig};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::{ask, chain_of, option_lines, options, until_no_lines};

const OTHERS: [&str; 9] = ["MSFT", "NVDA", "AMZN", "META", "GOOGL", "TSLA", "JPM", "V", "UNH"];

/// Another program of the same login, with so many lines.
async fn somebody_else(rig: &Rig, lines: usize) -> (Link, Vec<ib_link::Line>, CancellationToken) {
    let end = CancellationToken::new();
    let settings = ib_link::Settings {
        host: rig.api().ip().to_string(),
        port: rig.api().port(),
        client_ids: ClientIds::fixed(ClientId(50)),
        lines_max: 20,
        market_data_type: MarketDataWanted::Live,
        keep_account: false,
        messages_per_s: 20.0,
        ..ib_link::Settings::default()
    };
    let link = Link::start(settings, end.clone());
    link.state().wait_for(ib_link::State::ready).await.expect("a session");
    let deadline = || Instant::now() + PATIENCE;
    let mut held = Vec::new();
    for symbol in &OTHERS[..lines] {
        let query = ContractQuery {
            symbol: Some((*symbol).to_owned()),
            sec_type: Some("STK".into()),
            exchange: Some("SMART".into()),
            currency: Some("USD".into()),
            ..ContractQuery::default()
        };
        let found = link.contract_details(&query, deadline()).await.expect("a stock");
        let request = LineRequest { contract: found[0].contract.clone(), generic_ticks: Vec::new() };
        let mut line = link.line(&request, deadline()).await.expect("a line");
        line.changed(deadline()).await.expect("its first ticks");
        held.push(line);
    }
    (link, held, end)
}

/// F15: error 101.
#[tokio::test]
async fn with_few_lines_left_a_chain_is_read_in_smaller_steps() {
    let rig = options(ib_sim::Settings { market_data_lines: 12, ..ib_sim::Settings::default() }).await;
    let params = ChainParams { limit: Some(16), ..chain_of(&rig, "AAPL").await };
    let (_link, others, _end) = somebody_else(&rig, 8).await;
    let told = ask(&rig, &params).await.expect("a chain");
    assert!(told.complete && told.rows.len() == 16, "{:?}", told.missing);
    drop(others);
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn with_no_line_left_in_time_the_answer_says_what_is_missing() {
    let rig = options(ib_sim::Settings { market_data_lines: 10, ..ib_sim::Settings::default() }).await;
    let params = ChainParams { limit: Some(30), max_age_ms: Some(0), ..chain_of(&rig, "AAPL").await };
    // The underlying's line and none beside.
    let (_link, others, _end) = somebody_else(&rig, 9).await;
    let hurried = CallOptions { timeout: Some(Duration::from_secs(4)), ..CallOptions::default() };
    match rig.caller.ask::<Chain>(&params, hurried).await {
        Ok(told) => {
            assert!(!told.complete && told.rows.len() < 30, "{}", told.rows.len());
            let whats: Vec<MissingWhat> = told.missing.iter().map(|missing| missing.what).collect();
            assert!(whats.iter().all(|what| matches!(what, MissingWhat::Line | MissingWhat::Time)), "{whats:?}");
            assert_eq!(told.rows.len() + told.missing.len(), 30);
        }
        Err(fault) => panic!("a partial answer is one too: {fault:?}"),
    }
    drop(others);
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn a_session_that_is_lost_in_the_middle_is_a_fault_that_says_when_to_come_back() {
    let rig = options(ib_sim::Settings { greeks_delay_ms: 60_000, ..ib_sim::Settings::default() }).await;
    let params = chain_of(&rig, "AAPL").await;
    let (told, ()) = tokio::join!(ask(&rig, &params), async {
        let begun = rig.until(async || option_lines(&rig).await >= 5).await;
        begun.expect("the chain is being read");
        rig.fault(&json!({"kind": "drop_all"})).await;
    });
    let fault = told.expect_err("the session is gone");
    assert!(matches!(fault.code, FaultCode::GatewayDown), "{fault:?}");
    assert!(fault.retry_after_ms.is_some(), "{fault:?}");
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn a_caller_who_gives_up_takes_its_lines_along() {
    let rig = options(ib_sim::Settings { greeks_delay_ms: 60_000, ..ib_sim::Settings::default() }).await;
    let params = chain_of(&rig, "AAPL").await;
    let asked = tokio::select! {
        told = ask(&rig, &params) => panic!("it cannot be answered yet: {told:?}"),
        begun = rig.until(async || option_lines(&rig).await >= 5) => begun,
    };
    asked.expect("the chain is being read");
    until_no_lines(&rig).await;
    // A line that nobody cancels ends by itself after some seconds; the contracts that wait for their turn would follow.
    let asked = option_lines(&rig).await;
    assert!(asked < 40, "the whole chain was asked for all the same: {asked}");
}

/// F15 for the underlying's own line.
#[tokio::test]
async fn an_underlying_without_a_line_waits_until_somebody_gives_one_back() {
    let rig = options(ib_sim::Settings { market_data_lines: 9, ..ib_sim::Settings::default() }).await;
    let params = ChainParams { limit: Some(4), ..chain_of(&rig, "AAPL").await };
    let (_link, others, _end) = somebody_else(&rig, 9).await;
    let (told, ()) = tokio::join!(ask(&rig, &params), async {
        let refused = rig.until(async || !rig.requests("MarketData").await.iter().all(|entry| entry["client_id"] != 99)).await;
        refused.expect("the underlying was asked for");
        drop(others);
    });
    assert_eq!(told.expect("a chain").rows.len(), 4);
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn greeks_that_never_come_are_missing_and_the_prices_are_told() {
    let rig = options(ib_sim::Settings { greeks_delay_ms: 60_000, ..ib_sim::Settings::default() }).await;
    let params = ChainParams { limit: Some(6), ..chain_of(&rig, "AAPL").await };
    let told = ask(&rig, &params).await.expect("what there is");
    assert_eq!(told.rows.len(), 6);
    assert!(
        told.rows.iter().all(|row| row.bid.is_some() && row.greeks_source == Some(schemas::options::GreeksSource::Bs)),
        "{:?}",
        told.rows
    );
    until_no_lines(&rig).await;
}
