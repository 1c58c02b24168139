//! Books through the real client and as frames.

use futures::StreamExt;
use ibapi::contracts::Contract;
use ibapi::market_data::SmartDepth;
use ibapi::market_data::realtime::MarketDepths;
use ibapi::subscriptions::SubscriptionItemStreamExt;

use crate::frames::{Answer, Field, Frames, contract, decode};
use crate::support::{client, fault, friday, sim, soon};

#[tokio::test]
async fn the_book_of_smart_names_exchanges() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let apple = Contract::stock("AAPL").build();
    let mut rows = client.market_depth(&apple, 5).smart_depth(SmartDepth::Yes).subscribe().await.unwrap().filter_data();
    let mut sides = [Vec::new(), Vec::new()];
    for _ in 0..10 {
        match soon(rows.next()).await.unwrap().unwrap() {
            MarketDepths::MarketDepthL2(row) => {
                assert!(row.operation == 0 && row.smart_depth && !row.market_maker.is_empty() && row.size > 0.0, "{row:?}");
                sides[usize::try_from(row.side).unwrap()].push((row.position, row.price));
            }
            other => panic!("{other:?}"),
        }
    }
    let [asks, bids] = &sides;
    assert!(bids.iter().map(|row| row.0).eq(0..5) && asks.iter().map(|row| row.0).eq(0..5));
    assert!(bids[0].1 < asks[0].1 && bids.is_sorted_by(|a, b| a.1 >= b.1) && asks.is_sorted_by(|a, b| a.1 <= b.1));
    // It lives: rows change in place.
    assert!(matches!(soon(rows.next()).await.unwrap().unwrap(), MarketDepths::MarketDepthL2(row) if row.operation == 1));
    sim.shutdown().await;
}

#[tokio::test]
async fn books_of_single_exchanges_with_and_without_makers() {
    let sim = sim().await;
    let mut frames = Frames::start(&sim, 7).await;
    for (exchange, message, maker) in [("ISLAND", 13, true), ("NYSE", 12, false)] {
        frames.ask(10, &[Field::Int(1, 5), Field::Inner(2, contract("AAPL", "STK", exchange)), Field::Int(3, 3)]).await;
        let answer = frames.next().await;
        assert_eq!(answer.id, message, "{exchange}");
        let row = Answer { id: message, fields: decode(&answer.all(2)[0]) };
        assert_eq!((row.text(6).is_empty(), row.int(7)), (!maker, 0), "{exchange}");
        frames.ask(11, &[Field::Int(1, 5)]).await;
        frames.ask(49, &[]).await;
        frames.until(|answer| answer.id == 49).await;
    }
    sim.shutdown().await;
}

/// What changed while the farm was away was not told: the book begins anew, and the client is told to empty its own.
#[tokio::test]
async fn a_book_is_reset_when_its_farm_is_back() {
    let sim = sim().await;
    let mut frames = Frames::start(&sim, 7).await;
    frames.ask(10, &[Field::Int(1, 5), Field::Inner(2, contract("AAPL", "STK", "ISLAND")), Field::Int(3, 3)]).await;
    frames.until(|answer| answer.id == 13).await;
    fault(&sim, r#"{"kind":"farm","farm":"usfarm"}"#).await;
    frames.until(|answer| answer.id == 4 && answer.int(3) == 2103).await;
    fault(&sim, r#"{"kind":"farm","farm":"usfarm","broken":false}"#).await;
    let reset = frames.until(|answer| answer.id == 4 && answer.int(3) == 317).await;
    assert_eq!(reset.int(1), 5);
    let answer = frames.until(|answer| answer.id == 13).await;
    let row = Answer { id: 13, fields: decode(&answer.all(2)[0]) };
    assert_eq!((row.int(1), row.int(2)), (0, 0), "the first row is inserted again");
    sim.shutdown().await;
}

#[tokio::test]
async fn what_books_refuse() {
    let sim = sim().await;
    let mut frames = Frames::start(&sim, 7).await;
    let ask = |id, symbol, kind, exchange, rows, smart| {
        vec![Field::Int(1, id), Field::Inner(2, contract(symbol, kind, exchange)), Field::Int(3, rows), Field::Int(4, smart)]
    };
    for (symbol, kind, exchange, rows, smart, code) in [
        ("AAPL", "STK", "SMART", 5, 0, 10092),
        ("SPX", "IND", "CBOE", 5, 0, 10092),
        ("AAPL", "BAG", "SMART", 5, 1, 10092),
        ("ZXZZT", "STK", "SMART", 5, 1, 354),
        ("NOPE", "STK", "SMART", 5, 1, 200),
        ("AAPL", "STK", "SMART", 0, 1, 321),
    ] {
        frames.ask(10, &ask(5, symbol, kind, exchange, rows, smart)).await;
        assert_eq!(frames.error().await.code(), code, "{symbol} {kind} {exchange}");
    }
    for (id, symbol) in [(1, "AAPL"), (2, "MSFT"), (3, "NVDA")] {
        frames.ask(10, &ask(id, symbol, "STK", "SMART", 2, 1)).await;
    }
    // The same contract once more takes no further place.
    frames.ask(10, &ask(4, "AAPL", "STK", "ISLAND", 2, 0)).await;
    frames.ask(10, &ask(5, "TSLA", "STK", "SMART", 2, 1)).await;
    let error = frames.error().await;
    assert_eq!((error.int(1), error.code()), (5, 309));
    assert_eq!(error.text(4), "Max number (3) of market depth requests has been reached");
    frames.ask(10, &ask(1, "AAPL", "STK", "SMART", 2, 1)).await;
    assert_eq!(frames.error().await.code(), 102);
    frames.ask(11, &[Field::Int(1, 77)]).await;
    assert_eq!(frames.error().await.text(4), "Can't find the subscribed market depth with tickerId:77");
    sim.shutdown().await;
}

#[tokio::test]
async fn a_halt_ends_the_book() {
    let sim = friday().await;
    let mut frames = Frames::start(&sim, 7).await;
    frames.ask(10, &[Field::Int(1, 5), Field::Inner(2, contract("ZVZZT", "STK", "SMART")), Field::Int(3, 5), Field::Int(4, 1)]).await;
    assert_eq!(frames.error().await.code(), 316);
    frames.ask(11, &[Field::Int(1, 5)]).await;
    assert_eq!(frames.error().await.code(), 310);
    sim.shutdown().await;
}

#[tokio::test]
async fn exchanges_and_their_letters() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let books = soon(client.market_depth_exchanges()).await.unwrap();
    assert!(books.iter().any(|row| row.exchange_name == "ISLAND" && row.security_type == "STK" && row.service_data_type == "Deep2"));
    let mut frames = Frames::start(&sim, 7).await;
    frames.ask(83, &[Field::Int(1, 5), Field::Text(2, "9c0001")]).await;
    let answer = frames.next().await;
    assert!(answer.id == 82 && answer.all(2).len() > 10, "{answer:?}");
    frames.ask(83, &[Field::Int(1, 5), Field::Text(2, "nowhere")]).await;
    assert_eq!(frames.next().await.code(), 321);
    sim.shutdown().await;
}
