//! A chain from question to answer.

use std::{collections::BTreeSet, time::Duration};

use bus::CallOptions;
use schemas::{
    FaultCode, Num, Progress,
    context::DataType,
    options::{Chain, ChainParams, GreeksSource, MissingWhat, Quote, QuoteParams, Quotes, QuotesParams, Settlement},
};
use serde_json::json;

use crate::support::{ask, chain_of, check_parity, check_signs, option_lines, options, symbol, until_no_lines};

#[tokio::test]
async fn forty_contracts_around_the_money_with_greeks_and_nothing_left_open() {
    let rig = options(ib_sim::Settings::default()).await;
    let params = chain_of(&rig, "AAPL").await;
    let told = ask(&rig, &params).await.expect("a chain");
    assert!(told.complete && told.missing.is_empty(), "{:?}", told.missing);
    assert_eq!((told.rows.len(), told.symbol.as_str(), told.expiration.as_str()), (40, "AAPL", params.expiration.as_str()));
    assert_eq!((told.trading_class.as_str(), told.multiplier, told.data_type), ("AAPL", Num::from(100), DataType::Live));
    assert!(told.total > 40 && told.truncated && told.next == Some(40), "{} {:?}", told.total, told.next);
    check_signs(&told.rows);
    assert_eq!(check_parity(&told.rows, told.rows[0].dte), 20, "20 strikes, each with its pair");
    let price = told.underlying_price.expect("a price").to_f64();
    let distances = |strikes: &BTreeSet<Num>| strikes.iter().map(|strike| (strike.to_f64() / price - 1.0).abs()).fold(0.0, f64::max);
    let strikes: BTreeSet<Num> = told.rows.iter().map(|row| row.strike).collect();
    assert!(distances(&strikes) < 0.10, "the nearest ones: {strikes:?} around {price}");
    for row in &told.rows {
        assert_eq!(row.greeks_source, Some(GreeksSource::Model), "{row:?}");
        assert!(
            row.conid > 0 && !row.local_symbol.is_empty() && row.settlement == Settlement::Pm && row.open_interest.is_some(),
            "{row:?}"
        );
    }
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let rig = options(ib_sim::Settings::default()).await;
    let first = ChainParams { limit: Some(10), right: Some("call".to_owned()), ..chain_of(&rig, "MSFT").await };
    let one = ask(&rig, &first).await.expect("a page");
    let two = ask(&rig, &ChainParams { offset: one.next, ..first.clone() }).await.expect("the next");
    let both = ask(&rig, &ChainParams { limit: Some(20), ..first }).await.expect("both");
    let ids = |rows: &[schemas::options::OptionRow]| rows.iter().map(|row| row.conid).collect::<BTreeSet<_>>();
    assert!(ids(&one.rows).is_disjoint(&ids(&two.rows)));
    assert_eq!(&ids(&one.rows) | &ids(&two.rows), ids(&both.rows));
    assert!([&one, &two].iter().all(|page| page.total == both.total && page.rows.iter().all(|row| row.right == "C")));
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn a_window_of_deltas_is_found_without_asking_for_everything() {
    let rig = options(ib_sim::Settings::default()).await;
    let whole = ChainParams { limit: Some(200), moneyness: Some(10.0), right: Some("P".to_owned()), ..chain_of(&rig, "AAPL").await };
    let window =
        ChainParams { moneyness: None, delta_min: Some(0.2), delta_max: Some(0.4), limit: Some(100), max_age_ms: Some(0), ..whole.clone() };
    let told = ask(&rig, &window).await.expect("a window");
    let asked = option_lines(&rig).await;
    let inside = |delta: f64| (0.2..=0.4).contains(&delta.abs());
    assert!(!told.rows.is_empty() && told.rows.iter().all(|row| row.delta.is_some_and(inside)), "{:?}", told.rows);
    let all = ask(&rig, &whole).await.expect("everything");
    assert!(asked * 2 < all.rows.len(), "{asked} of {} were asked for", all.rows.len());
    // At the edges a delta may have moved between the two answers.
    let strikes: BTreeSet<Num> = told.rows.iter().map(|row| row.strike).collect();
    for row in all.rows.iter().filter(|row| row.delta.is_some_and(|delta| (0.21..=0.39).contains(&delta.abs()))) {
        assert!(strikes.contains(&row.strike), "{} with {:?} was not found", row.strike, row.delta);
    }
    until_no_lines(&rig).await;
}

/// A search in rounds is one piece of work to who follows it.
#[tokio::test]
async fn the_progress_of_a_search_in_rounds_only_grows() {
    // Slow enough that every round is heard of.
    let sim = ib_sim::Settings { greeks_delay_ms: 1_000, ..ib_sim::Settings::default() };
    let rig = options(sim).await;
    let window = ChainParams { delta_min: Some(0.2), delta_max: Some(0.4), ..chain_of(&rig, "AAPL").await };
    let (tell, mut heard) = tokio::sync::watch::channel(None);
    let call = rig.caller.ask::<Chain>(&window, CallOptions { progress: Some(tell), ..CallOptions::default() });
    let listen = async {
        let mut told: Vec<Progress> = Vec::new();
        while heard.changed().await.is_ok() {
            told.extend(heard.borrow_and_update().clone());
        }
        told
    };
    let (reply, told) = tokio::join!(call, listen);
    reply.expect("a chain");
    let totals: BTreeSet<u32> = told.iter().map(|progress| progress.total).collect();
    assert!(totals.len() > 1, "more than one round was heard of: {told:?}");
    assert!(told.is_sorted_by_key(|progress| progress.done) && told.is_sorted_by_key(|progress| progress.total), "{told:?}");
    assert!(told.iter().all(|progress| progress.done <= progress.total), "{told:?}");
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn bounds_and_strikes_on_each_side_are_windows_too() {
    let rig = options(ib_sim::Settings::default()).await;
    let params = chain_of(&rig, "SPY").await;
    let near = ask(&rig, &ChainParams { strikes: Some(3), ..params.clone() }).await.expect("three on each side");
    assert!((12..=14).contains(&near.rows.len()) && !near.truncated, "{}", near.rows.len());
    let (low, high) = (near.rows[0].strike, near.rows[near.rows.len() - 1].strike);
    let between = ask(&rig, &ChainParams { min_strike: Some(low), max_strike: Some(high), ..params }).await.expect("bounds");
    let strikes = |rows: &[schemas::options::OptionRow]| rows.iter().map(|row| row.strike).collect::<BTreeSet<_>>();
    assert_eq!(strikes(&between.rows), strikes(&near.rows));
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn callers_at_the_same_time_share_lines_and_later_ones_what_was_read() {
    let rig = options(ib_sim::Settings::default()).await;
    let params = ChainParams { moneyness: Some(0.5), ..chain_of(&rig, "NVDA").await };
    let wider = ChainParams { limit: Some(50), ..params.clone() };
    let (a, b, c) = tokio::join!(ask(&rig, &params), ask(&rig, &params), ask(&rig, &wider));
    assert_eq!((a.expect("a").rows.len(), b.expect("b").rows.len(), c.expect("c").rows.len()), (40, 40, 50));
    assert_eq!(option_lines(&rig).await, 50, "each contract once");
    let again = ask(&rig, &ChainParams { max_age_ms: Some(60_000), ..wider.clone() }).await.expect("from memory");
    assert!(again.rows.len() == 50 && again.complete, "{:?}", again.missing);
    assert_eq!(option_lines(&rig).await, 50);
    ask(&rig, &ChainParams { max_age_ms: Some(0), ..params }).await.expect("asked anew");
    assert_eq!(option_lines(&rig).await, 90);
    until_no_lines(&rig).await;
}

/// The reading goes on for whoever has the time for it.
#[tokio::test]
async fn callers_of_one_contract_have_each_their_own_deadline() {
    let rig = options(ib_sim::Settings { greeks_delay_ms: 2_000, ..ib_sim::Settings::default() }).await;
    let params = ChainParams { strikes: Some(1), right: Some("C".to_owned()), ..chain_of(&rig, "AAPL").await };
    let hurried = CallOptions { timeout: Some(Duration::from_millis(900)), ..CallOptions::default() };
    let (hurried, patient) = tokio::join!(rig.caller.ask::<Chain>(&params, hurried), ask(&rig, &params));
    let (hurried, patient) = (hurried.expect("what there is by then"), patient.expect("all of it"));
    let by_model =
        |chain: &schemas::options::ChainReply| chain.rows.iter().filter(|row| row.greeks_source == Some(GreeksSource::Model)).count();
    assert_eq!(by_model(&hurried), 0, "{hurried:?}");
    assert_eq!((by_model(&patient), patient.rows.is_empty()), (patient.rows.len(), false), "{patient:?}");
    assert!(patient.complete, "{:?}", patient.missing);
    until_no_lines(&rig).await;
}

/// The same contract has other quotes on one exchange than on IB's router.
#[tokio::test]
async fn a_quote_of_one_exchange_is_not_told_for_another() {
    let rig = options(ib_sim::Settings::default()).await;
    let chain = ask(&rig, &ChainParams { strikes: Some(1), ..chain_of(&rig, "AAPL").await }).await.expect("a chain");
    let body = json!({"contract": {"symbol": "AAPL"}, "expiration": chain.expiration, "right": "C", "strikes": [chain.rows[0].strike],
        "exchange": "cboe", "max_age_ms": 60_000});
    rig.ask_json("options.quotes", &body).await.expect("quotes");
    let asked = rig.requests("MarketData").await;
    let exchanges: BTreeSet<&str> = asked
        .iter()
        .filter(|entry| entry["fields"]["contract"]["sec_type"] == "OPT")
        .filter_map(|entry| entry["fields"]["contract"]["exchange"].as_str())
        .collect();
    assert_eq!(exchanges, BTreeSet::from(["CBOE", "SMART"]), "{asked:?}");
    let mut nowhere = body;
    nowhere["exchange"] = json!("NOPE");
    let fault = rig.ask_json("options.quotes", &nowhere).await.expect_err("no such exchange");
    assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::NotFound, Some("exchange")), "{fault:?}");
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn options_on_a_future_are_those_of_that_future() {
    let rig = options(ib_sim::Settings::default()).await;
    let future = json!({"symbol": "ES", "sec_type": "FUT"});
    let told = rig.ask_json("options.expirations", &json!({"contract": future, "limit": 1})).await.expect("expirations");
    assert_eq!(told["underlying"]["sec_type"], "FUT");
    let date = told["expirations"][0].as_str().expect("a date").to_owned();
    let chain = rig.ask_json("options.chain", &json!({"contract": future, "expiration": date, "strikes": 2})).await.expect("a chain");
    let rows = chain["rows"].as_array().expect("rows");
    assert!(rows.len() >= 8 && chain["complete"] == true, "{chain}");
    assert_eq!(chain["underlying_conid"], told["underlying_conid"]);
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn chosen_strikes_are_quoted_and_those_that_are_not_listed_are_named() {
    let rig = options(ib_sim::Settings::default()).await;
    let chain = ask(&rig, &ChainParams { strikes: Some(2), ..chain_of(&rig, "AAPL").await }).await.expect("a chain");
    let listed = chain.rows[0].strike;
    let params: QuotesParams = serde_json::from_value(json!({
        "contract": {"symbol": "AAPL"}, "expiration": chain.expiration.replace('-', ""), "right": "P", "strikes": [listed, 1.23, listed]
    }))
    .expect("parameters");
    let told = rig.ask::<Quotes>(&params).await.expect("quotes");
    assert_eq!(told.rows.iter().map(|row| (row.strike, row.right.as_str())).collect::<Vec<_>>(), [(listed, "P")]);
    let missing: Vec<_> = told.missing.iter().map(|missing| (missing.strike, missing.what)).collect();
    assert_eq!(missing, [(Num::from_ib(1.23).expect("a number"), MissingWhat::Contract)]);
    assert!(!told.complete);
    let nothing = QuotesParams { strikes: vec![Num::from_ib(1.23).expect("a number")], ..params };
    let fault = rig.ask::<Quotes>(&nothing).await.expect_err("no such strike");
    assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::NotFound, Some("strikes")), "{fault:?}");
    assert!(!fault.allowed.is_empty() && fault.hint.is_some_and(|hint| hint.contains("nearest")));
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn a_quote_tells_the_underlying_and_the_pair_at_the_money() {
    let rig = options(ib_sim::Settings::default()).await;
    let told = rig.ask::<Quote>(&QuoteParams { contract: symbol("AAPL"), ..QuoteParams::default() }).await.expect("a quote");
    let quote = told.quote.as_ref().expect("the underlying's");
    let price = quote.price.expect("a price").to_f64();
    assert!(quote.bid < quote.ask && quote.historical_volatility.is_some() && quote.implied_volatility.is_some(), "{quote:?}");
    assert!(quote.call_volume.is_some() && quote.put_volume.is_some(), "{quote:?}");
    let rights: Vec<&str> = told.rows.iter().map(|row| row.right.as_str()).collect();
    assert_eq!(rights, ["C", "P"]);
    assert!(told.rows.iter().all(|row| (row.strike.to_f64() / price - 1.0).abs() < 0.03 && row.strike == told.rows[0].strike));
    check_signs(&told.rows);
    let one = QuoteParams {
        contract: symbol("AAPL"),
        expiration: Some(told.expiration.clone()),
        strike: Some(told.rows[0].strike),
        right: Some("P".to_owned()),
        ..QuoteParams::default()
    };
    let one = rig.ask::<Quote>(&one).await.expect("one contract");
    assert_eq!(one.rows.iter().map(|row| row.conid).collect::<Vec<_>>(), [told.rows[1].conid]);
    until_no_lines(&rig).await;
}

/// Delays as a real gateway has them: the answer takes as long as the slowest contract, not as all of them.
#[tokio::test]
async fn contracts_wait_for_their_greeks_at_the_same_time() {
    let sim = ib_sim::Settings { tick_delay_ms: 300, greeks_delay_ms: 1_000, ..ib_sim::Settings::default() };
    let rig = options(sim).await;
    let params = ChainParams { limit: Some(24), ..chain_of(&rig, "AAPL").await };
    let began = tokio::time::Instant::now();
    let told = ask(&rig, &params).await.expect("a chain");
    assert!(told.complete && told.rows.len() == 24, "{:?}", told.missing);
    // One after the other they would take half a minute.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    until_no_lines(&rig).await;
}
