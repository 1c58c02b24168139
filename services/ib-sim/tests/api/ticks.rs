//! Tick-by-tick, historical ticks and the histogram.

use futures::StreamExt;
use ibapi::contracts::Contract;
use ibapi::market_data::historical::{BarSize, BarTimestamp, ToDuration, WhatToShow};
use ibapi::market_data::{IgnoreSize, TradingHours};
use ibapi::subscriptions::SubscriptionItemStreamExt;
use time::OffsetDateTime;

use crate::frames::{Answer, Field, Frames, by_id, contract, decode};
use crate::support::{client, friday, post, sim, soon};

fn apple() -> Contract {
    Contract::stock("AAPL").build()
}

/// Every trade of a stretch folds into the one-second bars of that stretch.
#[tokio::test]
async fn past_trades_fold_into_bars() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let end = time::macros::datetime!(2026-11-20 15:10 UTC);
    let mut past = client.historical_ticks(&apple(), 500).ending(end).trade().await.unwrap().filter_data();
    let mut trades = Vec::new();
    while let Some(tick) = soon(past.next()).await {
        trades.push(tick.unwrap());
    }
    assert!(trades.len() >= 500 && trades.len() < 600, "{}", trades.len());
    assert!(trades.windows(2).all(|pair| pair[0].timestamp <= pair[1].timestamp) && trades.last().unwrap().timestamp < end);
    let bars = soon(client.historical_data(&apple(), BarSize::Sec).duration(300.seconds()).ending(end).fetch()).await.unwrap();
    let mut compared = 0;
    for bar in &bars.bars {
        let BarTimestamp::DateTime(at) = bar.date else { panic!("a second has a time") };
        let of: Vec<_> = trades.iter().filter(|tick| tick.timestamp == at).collect();
        let (Some(first), Some(last)) = (of.first(), of.last()) else { continue };
        assert_eq!((first.price, last.price), (bar.open, bar.close), "{at}");
        assert_eq!(of.iter().map(|tick| tick.price).fold(f64::MIN, f64::max), bar.high, "{at}");
        assert_eq!(of.iter().map(|tick| tick.price).fold(f64::MAX, f64::min), bar.low, "{at}");
        assert_eq!(of.iter().filter_map(|tick| tick.size).sum::<f64>(), bar.volume, "{at}");
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
    sim.shutdown().await;
}

#[tokio::test]
async fn past_ticks_of_every_kind_and_their_refusals() {
    let sim = friday().await;
    let mut frames = Frames::start(&sim, 7).await;
    let ask = |id: i64, start: &'static str, end: &'static str, count: i64, what: &'static str| {
        vec![
            Field::Int(1, id),
            Field::Inner(2, by_id(265_598)),
            Field::Text(3, start),
            Field::Text(4, end),
            Field::Int(5, count),
            Field::Text(6, what),
        ]
    };
    for (what, message) in [("TRADES", 98), ("BID_ASK", 97), ("MIDPOINT", 96)] {
        frames.ask(96, &ask(5, "20261120-15:00:00", "", 20, what)).await;
        let answer = frames.next().await;
        assert_eq!((answer.id, answer.int(3)), (message, 1), "{what}");
        let rows = answer.all(2);
        assert!((20..60).contains(&rows.len()), "{what} {}", rows.len());
        let first = Answer { id: 0, fields: decode(&rows[0]) };
        assert_eq!(first.int(1), 1_795_186_800, "{what}");
    }
    for (start, end, count, what, code) in [
        ("", "", 10, "TRADES", 321),
        ("20261120-15:00:00", "20261120-15:01:00", 10, "TRADES", 321),
        ("", "20261120-15:00:00", 0, "TRADES", 321),
        ("", "20261120-15:00:00", 1_001, "TRADES", 321),
        ("", "20261120-15:00:00", 10, "BARS", 321),
        ("", "yesterday", 10, "TRADES", 10314),
    ] {
        frames.ask(96, &ask(6, start, end, count, what)).await;
        assert_eq!(frames.next().await.code(), code, "{start} {end} {count} {what}");
    }
    frames
        .ask(
            96,
            &[
                Field::Int(1, 6),
                Field::Inner(2, contract("ZXZZT", "STK", "SMART")),
                Field::Text(4, "20261120-15:00:00"),
                Field::Int(5, 5),
                Field::Text(6, "TRADES"),
            ],
        )
        .await;
    let error = frames.next().await;
    assert_eq!((error.code(), error.text(4)), (10187, "Failed to request historical ticks:No market data permissions for AMEX STK".into()));
    sim.shutdown().await;
}

/// Ticks end where the weekend began, and go on where it ended.
#[tokio::test]
async fn past_ticks_cross_a_weekend() {
    let sim = friday().await;
    post(&sim, "/clock", r#"{"set":"2026-11-24T12:00:00-05:00"}"#).await;
    let mut frames = Frames::start(&sim, 7).await;
    let ask = |edge: u32| {
        vec![
            Field::Int(1, 5),
            Field::Inner(2, by_id(265_598)),
            Field::Text(edge, "20261122-12:00:00"),
            Field::Int(5, 10),
            Field::Text(6, "TRADES"),
        ]
    };
    let ends = [(4, 1_795_222_800 - 900..1_795_222_800), (3, 1_795_424_400..1_795_424_400 + 900)];
    for (edge, within) in ends {
        frames.ask(96, &ask(edge)).await;
        let rows = frames.next().await.all(2);
        assert!(!rows.is_empty());
        for row in rows {
            let time = Answer { id: 0, fields: decode(&row) }.int(1);
            assert!(within.contains(&time), "{time} {within:?}");
        }
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn live_ticks_of_every_kind() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let (apple, microsoft, nvidia, tesla) =
        (apple(), Contract::stock("MSFT").build(), Contract::stock("NVDA").build(), Contract::stock("TSLA").build());
    let mut last = client.tick_by_tick(&apple, 0).last().await.unwrap().filter_data();
    let mut all = client.tick_by_tick(&microsoft, 0).all_last().await.unwrap().filter_data();
    let mut quotes = client.tick_by_tick(&nvidia, 0).bid_ask(IgnoreSize::No).await.unwrap().filter_data();
    let mut middle = client.tick_by_tick(&tesla, 0).mid_point().await.unwrap().filter_data();
    let trade = soon(last.next()).await.unwrap().unwrap();
    assert!(trade.price > 1.0 && trade.size > 0.0 && !trade.exchange.is_empty());
    assert!(soon(all.next()).await.unwrap().unwrap().price > 1.0);
    let (one, two) = (soon(quotes.next()).await.unwrap().unwrap(), soon(quotes.next()).await.unwrap().unwrap());
    // A tick tells a change, if only of one size.
    let told = |tick: &ibapi::market_data::realtime::BidAsk| (tick.bid_price, tick.ask_price, tick.bid_size, tick.ask_size);
    assert!(one.bid_price < one.ask_price && told(&one) != told(&two), "{one:?} {two:?}");
    assert!(soon(middle.next()).await.unwrap().unwrap().mid_point > 1.0);
    sim.shutdown().await;
}

/// The live ticks are those that history has of the same seconds.
#[tokio::test]
async fn live_ticks_are_those_of_history() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let mut last = client.tick_by_tick(&apple(), 0).last().await.unwrap().filter_data();
    let mut seen = Vec::new();
    while seen.is_empty() || seen.last().map(|tick: &ibapi::market_data::realtime::Trade| tick.time) == seen.first().map(|tick| tick.time) {
        seen.push(soon(last.next()).await.unwrap().unwrap());
    }
    let second: OffsetDateTime = seen[0].time;
    let mut past = client.historical_ticks(&apple(), 100).starting(second).trade().await.unwrap().filter_data();
    let mut prices = Vec::new();
    while let Some(tick) = soon(past.next()).await {
        let tick = tick.unwrap();
        if tick.timestamp == second {
            prices.push(tick.price);
        }
    }
    let live: Vec<f64> = seen.iter().filter(|tick| tick.time == second).map(|tick| tick.price).collect();
    assert_eq!(prices, live);
    sim.shutdown().await;
}

#[tokio::test]
async fn tick_by_tick_begins_with_history_and_has_limits() {
    let sim = sim().await;
    let mut frames = Frames::start(&sim, 7).await;
    let ask = |id, symbol, kind, count| {
        vec![Field::Int(1, id), Field::Inner(2, contract(symbol, "STK", "SMART")), Field::Text(3, kind), Field::Int(4, count)]
    };
    frames.ask(97, &ask(1, "AAPL", "BidAsk", 10)).await;
    let before = frames.next().await;
    assert!(before.id == 97 && before.all(2).len() >= 10 && before.int(3) == 1, "{before:?}");
    let live = frames.next().await;
    assert_eq!((live.id, live.int(1), live.int(2)), (99, 1, 3));
    frames.ask(97, &ask(1, "MSFT", "Last", 0)).await;
    assert_eq!(frames.error().await.code(), 102);
    frames.ask(97, &ask(2, "AAPL", "Last", 0)).await;
    assert_eq!(frames.error().await.code(), 10190, "one request for a contract in 15 seconds");
    for (id, symbol) in [(3, "MSFT"), (4, "NVDA"), (5, "TSLA"), (6, "AMZN")] {
        frames.ask(97, &ask(id, symbol, "Last", 0)).await;
    }
    frames.ask(97, &ask(7, "META", "Last", 0)).await;
    let error = frames.error().await;
    assert_eq!((error.int(1), error.code()), (7, 10190));
    assert_eq!(error.text(4), "Max number of tick-by-tick requests has been reached.");
    frames.ask(98, &[Field::Int(1, 77)]).await;
    assert_eq!(frames.error().await.code(), 300);
    frames.ask(97, &ask(8, "META", "Quotes", 0)).await;
    assert_eq!(frames.error().await.code(), 321);
    frames.ask(97, &ask(9, "ZXZZT", "Last", 0)).await;
    let error = frames.error().await;
    assert_eq!(
        (error.code(), error.text(4)),
        (10189, "Failed to request tick-by-tick data.No market data permissions for AMEX STK.".into())
    );
    frames.ask(97, &[Field::Int(1, 10), Field::Inner(2, contract("EUR", "CASH", "IDEALPRO")), Field::Text(3, "Last")]).await;
    let error = frames.error().await;
    assert_eq!(
        (error.code(), error.text(4)),
        (10189, "Failed to request tick-by-tick data.Last tick-by-tick requests are not supported for EUR.USD.".into())
    );
    sim.shutdown().await;
}

#[tokio::test]
async fn a_histogram_sums_to_the_volume() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let mut frames = Frames::start(&sim, 7).await;
    frames.ask(88, &[Field::Int(1, 5), Field::Inner(2, by_id(265_598)), Field::Int(3, 1), Field::Text(4, "3 days")]).await;
    let rows = frames.next().await.all(2);
    let rows: Vec<Answer> = rows.iter().map(|row| Answer { id: 89, fields: decode(row) }).collect();
    assert!(rows.len() > 50 && rows.windows(2).all(|pair| pair[0].real(1) < pair[1].real(1)));
    let sum: f64 = rows.iter().map(|row| row.text(2).parse::<f64>().unwrap()).sum();
    let apple = apple();
    let asked = client.historical_data(&apple, BarSize::Day).what_to_show(WhatToShow::Trades).duration(3.days());
    let days = soon(asked.fetch()).await.unwrap();
    let volume: f64 = days.bars.iter().map(|bar| bar.volume).sum();
    // Both run on while the test does.
    assert!((sum - volume).abs() < volume * 0.01, "{sum} {volume}");
    assert!(!soon(client.histogram_data(&apple, TradingHours::Regular, BarSize::Day)).await.unwrap().is_empty());
    frames.ask(88, &[Field::Int(1, 6), Field::Inner(2, by_id(265_598)), Field::Text(4, "3 fortnights")]).await;
    assert_eq!(frames.next().await.code(), 321);
    frames.ask(88, &[Field::Int(1, 6), Field::Inner(2, contract("ZXZZT", "STK", "SMART")), Field::Text(4, "1 day")]).await;
    assert_eq!(frames.next().await.code(), 10188);
    sim.shutdown().await;
}
