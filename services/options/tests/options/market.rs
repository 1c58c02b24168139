//! Markets that are not as one would like: delayed data, prices without Greeks, a halt, nothing at all.

use schemas::{
    FaultCode,
    context::DataType,
    options::{ChainParams, DataWanted, GreeksSource, Quote, QuoteParams},
};

use crate::support::{ask, chain_of, check_parity, check_signs, options, scenario, sees, symbol, until_no_lines};

#[tokio::test]
async fn a_login_without_subscriptions_gets_delayed_chains_that_say_so() {
    let (sim, _folder) = sees(r#"{ data = "delayed" }"#);
    let rig = options(sim).await;
    let params = ChainParams { limit: Some(20), ..chain_of(&rig, "AAPL").await };
    let told = ask(&rig, &params).await.expect("a chain");
    assert!(told.complete, "{:?}", told.missing);
    assert_eq!((told.data_type, told.context.data_type), (DataType::Delayed, DataType::Delayed));
    assert!(told.notes.iter().any(|note| note.contains("delayed")), "{:?}", told.notes);
    check_signs(&told.rows);
    assert_eq!(check_parity(&told.rows, told.rows[0].dte), 10);
    let live = ChainParams { data_type: DataWanted::Live, ..params };
    let fault = ask(&rig, &live).await.expect_err("there is nothing live");
    assert_eq!(fault.code, FaultCode::NotSubscribed, "{fault:?}");
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn where_ib_gives_only_prices_the_greeks_are_our_own_and_say_so() {
    // Without live data of the share, IB computes nothing for its options.
    let (sim, _folder) = sees(r#"{ symbol = "AAPL", kind = "STK", data = "delayed" }"#);
    let rig = options(sim).await;
    let params = ChainParams { limit: Some(20), ..chain_of(&rig, "AAPL").await };
    let told = ask(&rig, &params).await.expect("a chain");
    assert!(told.complete, "{:?}", told.missing);
    assert!(told.rows.iter().all(|row| row.greeks_source == Some(GreeksSource::Bs)), "{:?}", told.rows);
    assert!(
        told.notes.iter().any(|note| note.contains("Black-Scholes") && note.contains("4.00 %") && note.contains("American")),
        "{:?}",
        told.notes
    );
    check_signs(&told.rows);
    assert_eq!(check_parity(&told.rows, told.rows[0].dte), 10);
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn a_halted_share_still_has_a_chain_and_says_that_it_is_halted() {
    let (sim, _folder) =
        scenario(|text| text.replace("halts = [", r#"halts = [{ symbol = "AAPL", from = "2026-11-16T10:00:00-05:00" }, "#));
    let rig = options(sim).await;
    let params = ChainParams { limit: Some(10), ..chain_of(&rig, "AAPL").await };
    let told = ask(&rig, &params).await.expect("a chain");
    assert!(!told.rows.is_empty(), "{:?}", told.missing);
    assert!(told.notes.iter().any(|note| note.contains("halted")), "{:?}", told.notes);
    let quote = rig.ask::<Quote>(&QuoteParams { contract: symbol("AAPL"), ..QuoteParams::default() }).await.expect("a quote");
    assert_eq!(quote.quote.as_ref().and_then(|quote| quote.halted), Some(true), "{:?}", quote.quote);
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn what_the_login_may_not_see_is_a_fault_and_not_an_empty_chain() {
    let (sim, _folder) = sees(r#"{ symbol = "AAPL", kind = "OPT", data = "none" }"#);
    let rig = options(sim).await;
    let fault = ask(&rig, &chain_of(&rig, "AAPL").await).await.expect_err("nothing can be seen");
    assert_eq!(fault.code, FaultCode::NotSubscribed, "{fault:?}");
    assert!(fault.ib_code.is_some() && fault.hint.is_some(), "{fault:?}");
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn a_share_without_a_price_has_a_chain_where_the_strikes_are_named() {
    let (sim, _folder) = sees(r#"{ symbol = "AAPL", kind = "STK", data = "none" }"#);
    let rig = options(sim).await;
    let params = ChainParams { limit: Some(6), ..chain_of(&rig, "AAPL").await };
    let fault = ask(&rig, &params).await.expect_err("nobody knows where the money is");
    assert!(fault.hint.is_some_and(|hint| hint.contains("min_strike")));
    let strike = |price: i64| Some(schemas::Num::from(price));
    let told = ask(&rig, &ChainParams { min_strike: strike(150), max_strike: strike(400), ..params }).await.expect("a chain");
    assert_eq!(told.rows.len(), 6, "{:?}", told.missing);
    let row = &told.rows[0];
    let one = QuoteParams {
        contract: symbol("AAPL"),
        expiration: Some(row.expiration.clone()),
        strike: Some(row.strike),
        ..QuoteParams::default()
    };
    let one = rig.ask::<Quote>(&one).await.expect("a named contract needs no price of its underlying");
    assert!(one.quote.is_none() && one.rows.len() == 2, "{one:?}");
    until_no_lines(&rig).await;
}
