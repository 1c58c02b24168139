//! Option chains and calculators through the real client.

use futures::StreamExt;
use ibapi::contracts::{Contract, SecurityType};
use ibapi::subscriptions::SubscriptionItemStreamExt;

use crate::frames::{Field, Frames, by_id, contract};
use crate::quotes::listed_option;
use crate::support::{client, friday, soon};

#[tokio::test]
async fn a_chain_lists_classes_expirations_and_strikes() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let mut rows = client.option_chain("AAPL", SecurityType::Stock, 265_598).subscribe().await.unwrap().filter_data();
    let mut smart = 0;
    let mut all = 0;
    while let Some(row) = soon(rows.next()).await {
        let row = row.unwrap();
        assert_eq!(row.underlying_contract_id, 265_598);
        assert!(row.expirations.is_sorted() && row.strikes.is_sorted() && row.strikes.len() > 20, "{row:?}");
        smart += usize::from(row.exchange == "SMART" && row.trading_class == "AAPL");
        all += 1;
    }
    assert!(smart == 1 && all > 10, "{smart} {all}");
    sim.shutdown().await;
}

#[tokio::test]
async fn what_chains_refuse() {
    let sim = friday().await;
    let mut frames = Frames::start(&sim, 7).await;
    let ask = |symbol, exchange, con_id| {
        vec![Field::Int(1, 5), Field::Text(2, symbol), Field::Text(3, exchange), Field::Text(4, "STK"), Field::Int(5, con_id)]
    };
    frames.ask(78, &ask("AAPL", "", 0)).await;
    assert_eq!(frames.next().await.code(), 321);
    frames.ask(78, &ask("AAPL", "", 1)).await;
    assert_eq!(frames.next().await.code(), 200);
    // A test stock without options: the end alone.
    frames.ask(78, &ask("ZVZZT", "", 700_001_046)).await;
    assert_eq!(frames.next().await.id, 76);
    sim.shutdown().await;
}

/// Price and volatility find each other.
#[tokio::test]
async fn the_calculators_are_inverse() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let option = listed_option(&client, "AAPL").await;
    let priced = soon(client.calculate_option_price(&option, 0.31, option.strike)).await.unwrap();
    let price = priced.option_price.unwrap();
    assert!(price > 1.0 && priced.implied_volatility.is_some_and(|volatility| (volatility - 0.31).abs() < 1e-9), "{priced:?}");
    let found = soon(client.calculate_implied_volatility(&option, price, option.strike)).await.unwrap();
    assert!(found.implied_volatility.is_some_and(|volatility| (volatility - 0.31).abs() < 1e-4), "{found:?}");
    assert!(found.delta.is_some_and(|delta| (0.3..0.8).contains(&delta)) && found.underlying_price == Some(option.strike), "{found:?}");
    // Less than its intrinsic value: no volatility explains it.
    let cheap = soon(client.calculate_implied_volatility(&option, 0.5, option.strike * 1.5)).await.unwrap();
    assert_eq!((cheap.implied_volatility, cheap.delta), (None, None));
    let unknown = Contract { strike: 1.23, contract_id: 0, local_symbol: "".into(), ..option };
    assert!(soon(client.calculate_option_price(&unknown, 0.3, 100.0)).await.is_err());
    sim.shutdown().await;
}

#[tokio::test]
async fn what_the_calculators_refuse() {
    let sim = friday().await;
    let mut frames = Frames::start(&sim, 7).await;
    for (message, row, given, under, code) in [
        (54, by_id(265_598), 1.0, 100.0, 321),
        (55, by_id(265_598), 0.2, 100.0, 321),
        (54, contract("NOPE", "OPT", "SMART"), 1.0, 100.0, 200),
    ] {
        frames.ask(message, &[Field::Int(1, 5), Field::Inner(2, row), Field::Real(3, given), Field::Real(4, under)]).await;
        assert_eq!(frames.next().await.code(), code, "{message}");
        // Cancels of what is answered already say nothing.
        frames.ask(message + 2, &[Field::Int(1, 5)]).await;
    }
    frames.ask(49, &[]).await;
    assert_eq!(frames.next().await.id, 49);
    sim.shutdown().await;
}
