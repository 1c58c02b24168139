//! Market data lines through the real client and as frames.

use futures::StreamExt;
use ib_sim::Settings;
use ibapi::Client;
use ibapi::contracts::tick_types::TickType;
use ibapi::contracts::{Contract, SecurityType};
use ibapi::market_data::MarketDataType;
use ibapi::market_data::realtime::{Quote, TickTypes};
use ibapi::subscriptions::{SubscriptionItem, SubscriptionItemStreamExt};

use crate::frames::{Field, Frames, by_id, contract, encode};
use crate::support::{client, fault, friday, post, settings, sim, soon, start, until};

fn stock(symbol: &str) -> Contract {
    Contract::stock(symbol).build()
}

/// The ticks of a snapshot up to its end, and its notices.
async fn snapshot(client: &Client, contract: &Contract) -> Result<(Vec<TickTypes>, Vec<i32>), ibapi::Error> {
    let mut items = client.market_data(contract).snapshot().subscribe().await?;
    let (mut ticks, mut codes) = (Vec::new(), Vec::new());
    loop {
        match soon(items.next()).await.expect("a snapshot ends")? {
            SubscriptionItem::Data(TickTypes::SnapshotEnd) => return Ok((ticks, codes)),
            SubscriptionItem::Data(tick) => ticks.push(tick),
            SubscriptionItem::Notice(notice) => codes.push(notice.code),
        }
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ibapi::Error>) -> i32 {
    match result {
        Err(ibapi::Error::Notice(notice)) => notice.code,
        other => panic!("expected a notice, got {other:?}"),
    }
}

async fn lines_are(sim: &ib_sim::Sim, count: u64) {
    until(sim, "/state", |body| (body["state"]["lines_open"] == count).then_some(())).await;
}

#[tokio::test]
async fn a_snapshot_brings_every_field_and_ends() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let (ticks, codes) = snapshot(&client, &stock("AAPL")).await.unwrap();
    let quote = Quote::from_ticks(&ticks);
    let (bid, ask, last) = (quote.bid.unwrap(), quote.ask.unwrap(), quote.last.unwrap());
    assert!(bid < ask && (last - bid).abs() < 1.0, "{quote:?}");
    assert!(quote.low.unwrap() <= last && last <= quote.high.unwrap() && quote.volume.unwrap() > 1e5, "{quote:?}");
    assert!(quote.open.is_some() && quote.close.is_some() && quote.bid_size.unwrap() >= 100.0);
    assert_eq!((codes, quote.market_data_type), (vec![], None));
    assert!(matches!(&ticks[0], TickTypes::RequestParameters(params) if params.bbo_exchange == "9c0001"));
    lines_are(&sim, 0).await;
    sim.shutdown().await;
}

/// What a quote says agrees with what history says of the same day.
#[tokio::test]
async fn quotes_continue_history() {
    use ibapi::market_data::historical::{BarSize, ToDuration};
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let apple = stock("AAPL");
    let (ticks, _) = snapshot(&client, &apple).await.unwrap();
    let quote = Quote::from_ticks(&ticks);
    let days = soon(client.historical_data(&apple, BarSize::Day).duration(2.days()).fetch()).await.unwrap();
    assert_eq!((quote.close, quote.open), (Some(days.bars[0].close), Some(days.bars[1].open)));
    assert!(quote.high.unwrap() <= days.bars[1].high && quote.low.unwrap() >= days.bars[1].low, "{quote:?} {days:?}");
    sim.shutdown().await;
}

#[tokio::test]
async fn a_stream_moves_and_its_cancel_frees_the_line() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let mut ticks = client.market_data(&stock("MSFT")).subscribe().await.unwrap();
    let mut lasts = std::collections::BTreeSet::new();
    while lasts.len() < 3 {
        match soon(ticks.next()).await.unwrap().unwrap() {
            SubscriptionItem::Data(TickTypes::PriceSize(tick)) if tick.price_tick_type == TickType::Last => {
                lasts.insert(tick.price.to_bits());
            }
            SubscriptionItem::Data(TickTypes::SnapshotEnd) => panic!("streams have no end"),
            _ => {}
        }
    }
    lines_are(&sim, 1).await;
    drop(ticks);
    lines_are(&sim, 0).await;
    sim.shutdown().await;
}

#[tokio::test]
async fn a_lost_connection_frees_every_line() {
    let sim = sim().await;
    let mut frames = Frames::start(&sim, 7).await;
    let apple = contract("AAPL", "STK", "SMART");
    for (id, message) in [(1, 1), (2, 50), (3, 97), (4, 10)] {
        let fields = match message {
            50 => vec![Field::Int(1, id), Field::Inner(2, apple.clone()), Field::Text(4, "TRADES")],
            97 => vec![Field::Int(1, id), Field::Inner(2, apple.clone()), Field::Text(3, "Last")],
            10 => vec![Field::Int(1, id), Field::Inner(2, apple.clone()), Field::Int(3, 5), Field::Int(4, 1)],
            _ => vec![Field::Int(1, id), Field::Inner(2, apple.clone())],
        };
        frames.ask(message, &fields).await;
    }
    lines_are(&sim, 4).await;
    drop(frames);
    lines_are(&sim, 0).await;
    sim.shutdown().await;
}

/// ZWZZT is subscribed for delayed data only, ZXZZT for none.
#[tokio::test]
async fn data_that_is_not_subscribed() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    assert_eq!(code(snapshot(&client, &stock("ZXZZT")).await), 354);
    assert_eq!(code(snapshot(&client, &stock("NOPE")).await), 200);
    let mut unclear = stock("SAP");
    unclear.currency = "".into();
    assert_eq!(code(snapshot(&client, &unclear).await), 200);
    client.switch_market_data_type(MarketDataType::Delayed).await.unwrap();
    let (ticks, codes) = snapshot(&client, &stock("ZWZZT")).await.unwrap();
    let quote = Quote::from_ticks(&ticks);
    assert_eq!((codes, quote.market_data_type), (vec![10167], Some(MarketDataType::Delayed)));
    assert!(quote.bid.unwrap() < quote.ask.unwrap() && quote.last.is_some());
    let kinds = |ticks: &[TickTypes], kind: TickType| {
        ticks.iter().any(|tick| matches!(tick, TickTypes::PriceSize(one) if one.price_tick_type == kind))
    };
    assert!(kinds(&ticks, TickType::DelayedBid) && !kinds(&ticks, TickType::Bid));
    // Whoever has live data goes on seeing it.
    let (ticks, codes) = snapshot(&client, &stock("AAPL")).await.unwrap();
    assert!(kinds(&ticks, TickType::Bid) && codes.is_empty());
    assert_eq!(code(snapshot(&client, &stock("ZXZZT")).await), 354, "not even delayed data exists");
    sim.shutdown().await;
}

/// The captured order: parameters, then 10089 with the line's name, and never an end.
#[tokio::test]
async fn a_snapshot_without_subscription_never_ends() {
    let sim = friday().await;
    let mut frames = Frames::start(&sim, 7).await;
    let test = contract("ZWZZT", "STK", "SMART");
    frames.ask(1, &[Field::Int(1, 5), Field::Inner(2, test), Field::Int(4, 1)]).await;
    let params = frames.next().await;
    assert_eq!((params.id, params.text(2), params.int(4)), (81, "0.01".into(), 4));
    let error = frames.next().await;
    assert_eq!(error.code(), 10089);
    assert!(error.text(4).ends_with("Delayed market data is available.ZWZZT NASDAQ.NMS/TOP/ALL"), "{error:?}");
    post(&sim, "/clock", r#"{"advance_ms":60000}"#).await;
    frames.ask(49, &[]).await;
    assert_eq!(frames.next().await.id, 49, "no tick and no end in between");
    frames.ask(2, &[Field::Int(1, 5)]).await;
    lines_are(&sim, 0).await;
    sim.shutdown().await;
}

/// Only stocks are told with 10089; options of a symbol with delayed data get 354, and 10168 afterwards.
#[tokio::test]
async fn an_offer_of_delayed_data_is_made_once() {
    let scenario = include_str!("../../scenarios/default.toml").replace(
        r#"{ symbol = "ZXZZT", data = "none" },"#,
        r#"{ symbol = "ZXZZT", data = "none" }, { symbol = "MSFT", kind = "OPT", data = "delayed" }, { symbol = "AAPL", kind = "STK", data = "none" },"#,
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), scenario).unwrap();
    let sim = start(Settings { scenario: Some(file.path().into()), ..settings() }).await;
    let client = client(&sim, 1).await;
    let option = listed_option(&client, "MSFT").await;
    assert_eq!(code(snapshot(&client, &option).await), 354);
    assert_eq!(code(snapshot(&client, &option).await), 10168);
    client.switch_market_data_type(MarketDataType::DelayedFrozen).await.unwrap();
    let (ticks, codes) = snapshot(&client, &option).await.unwrap();
    assert_eq!(codes, [10167]);
    let greeks = |kind: TickType| ticks.iter().any(|tick| matches!(tick, TickTypes::OptionComputation(one) if one.field == kind));
    assert!(greeks(TickType::DelayedModelOption) && greeks(TickType::DelayedBidOption) && !greeks(TickType::ModelOption));
    // An option whose underlying cannot be seen: prices, but no model.
    client.switch_market_data_type(MarketDataType::Realtime).await.unwrap();
    let option = listed_option(&client, "AAPL").await;
    let (ticks, codes) = snapshot(&client, &option).await.unwrap();
    assert_eq!(codes, [10090]);
    assert!(!ticks.iter().any(|tick| matches!(tick, TickTypes::OptionComputation(_))) && Quote::from_ticks(&ticks).bid.is_some());
    sim.shutdown().await;
}

/// A call near the money of the first expiration after a month.
pub(crate) async fn listed_option(client: &Client, symbol: &str) -> Contract {
    let stock = soon(client.contract_details(&stock(symbol))).await.unwrap().remove(0).contract;
    let now = soon(client.server_time()).await.unwrap();
    let month = (now + time::Duration::days(35)).date();
    let mut asked = Contract {
        symbol: symbol.into(),
        security_type: SecurityType::Option,
        exchange: "SMART".into(),
        currency: "USD".into(),
        right: Some(ibapi::contracts::OptionRight::Call),
        last_trade_date_or_contract_month: format!("{}{:02}", month.year(), u8::from(month.month())),
        ..Contract::default()
    };
    let (ticks, _) = snapshot(client, &stock).await.unwrap_or_default();
    let spot = Quote::from_ticks(&ticks).last.unwrap_or(272.0);
    let rows = soon(client.contract_details(&asked)).await.unwrap();
    let nearest = rows.into_iter().map(|row| row.contract).min_by(|a, b| (a.strike - spot).abs().total_cmp(&(b.strike - spot).abs()));
    asked = nearest.unwrap();
    asked.exchange = "SMART".into();
    asked
}

#[tokio::test]
async fn greeks_come_after_the_prices() {
    let sim = start(Settings { greeks_delay_ms: 400, ..settings() }).await;
    let client = client(&sim, 1).await;
    let option = listed_option(&client, "AAPL").await;
    let mut ticks = client.market_data(&option).generic_ticks(&["101"]).subscribe().await.unwrap().filter_data();
    let (mut prices, mut model, mut interest) = (0, None, false);
    while model.is_none() {
        match soon(ticks.next()).await.unwrap().unwrap() {
            TickTypes::PriceSize(_) => prices += 1,
            TickTypes::Size(tick) => interest |= tick.tick_type == TickType::OptionCallOpenInterest && tick.size > 0.0,
            TickTypes::OptionComputation(one) if one.field == TickType::ModelOption => model = Some(one),
            _ => {}
        }
    }
    let model = model.unwrap();
    assert!(prices >= 3 && interest, "{prices} {interest}");
    let (delta, volatility) = (model.delta.unwrap(), model.implied_volatility.unwrap());
    assert!((0.3..0.7).contains(&delta) && (0.05..2.0).contains(&volatility), "{model:?}");
    assert!(model.gamma.unwrap() > 0.0 && model.vega.unwrap() > 0.0 && model.theta.unwrap() < 0.0, "{model:?}");
    assert!(model.underlying_price.unwrap() > 10.0);
    sim.shutdown().await;
}

#[tokio::test]
async fn generic_ticks_are_served_and_illegal_ones_refused() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let apple = stock("AAPL");
    let wanted = [
        ("100", TickType::OptionCallVolume),
        ("101", TickType::OptionPutOpenInterest),
        ("104", TickType::OptionHistoricalVol),
        ("105", TickType::AvgOptVolume),
        ("106", TickType::OptionImpliedVol),
        ("165", TickType::Low52Week),
        ("232", TickType::MarkPrice),
        ("233", TickType::RtVolume),
        ("236", TickType::ShortableShares),
        ("293", TickType::TradeCount),
        ("294", TickType::TradeRate),
        ("295", TickType::VolumeRate),
        ("318", TickType::LastRthTrade),
        ("375", TickType::RtTrdVolume),
        ("411", TickType::RtHistoricalVol),
        ("456", TickType::IbDividends),
        ("595", TickType::ShortTermVolume10Min),
    ];
    let ids: Vec<&str> = wanted.iter().map(|(id, _)| *id).collect();
    let mut ticks = client.market_data(&apple).generic_ticks(&ids).subscribe().await.unwrap().filter_data();
    let mut missing: Vec<TickType> = wanted.iter().map(|(_, kind)| *kind).collect();
    while !missing.is_empty() {
        let kind = match soon(ticks.next()).await.unwrap().unwrap() {
            TickTypes::Generic(tick) => tick.tick_type,
            TickTypes::Size(tick) => tick.tick_type,
            TickTypes::String(tick) => tick.tick_type,
            TickTypes::Price(tick) => tick.tick_type,
            _ => continue,
        };
        missing.retain(|one| *one != kind);
    }
    drop(ticks);
    let mut refused = client.market_data(&apple).generic_ticks(&["576"]).subscribe().await.unwrap();
    match soon(refused.next()).await.unwrap() {
        Err(ibapi::Error::Notice(notice)) => {
            assert!(notice.code == 321 && notice.message.contains("Incorrect generic tick list of 576."), "{notice:?}")
        }
        other => panic!("{other:?}"),
    }
    let mut frames = Frames::start(&sim, 7).await;
    let apple = contract("AAPL", "STK", "SMART");
    frames.ask(1, &[Field::Int(1, 5), Field::Inner(2, apple), Field::Text(3, "233"), Field::Int(4, 1)]).await;
    let error = frames.error().await;
    assert_eq!(error.code(), 321);
    assert!(error.text(4).ends_with("Snapshot market data subscription is not applicable to generic ticks"), "{error:?}");
    sim.shutdown().await;
}

#[tokio::test]
async fn ids_in_use_and_unknown_ids() {
    let sim = sim().await;
    let mut frames = Frames::start(&sim, 7).await;
    let apple = || Field::Inner(2, contract("AAPL", "STK", "SMART"));
    frames.ask(1, &[Field::Int(1, 5), apple()]).await;
    frames.ask(1, &[Field::Int(1, 5), apple()]).await;
    let error = frames.error().await;
    assert_eq!((error.code(), error.int(1)), (322, 5));
    assert!(error.text(4).ends_with("Duplicate ticker id"));
    frames.ask(2, &[Field::Int(1, 6)]).await;
    assert_eq!(frames.error().await.text(4), "Can't find EId with tickerId:6");
    frames.ask(2, &[Field::Int(1, 5)]).await;
    frames.ask(51, &[Field::Int(1, 5)]).await;
    assert_eq!(frames.error().await.code(), 300);
    sim.shutdown().await;
}

/// Lines are the login's: two clients share them, and the same contract counts once.
#[tokio::test]
async fn lines_are_limited_over_all_clients() {
    let sim = start(Settings { market_data_lines: 2, ..settings() }).await;
    let (mut one, mut two) = (Frames::start(&sim, 1).await, Frames::start(&sim, 2).await);
    let ask = |id, symbol| vec![Field::Int(1, id), Field::Inner(2, contract(symbol, "STK", "SMART"))];
    one.ask(1, &ask(1, "AAPL")).await;
    one.until(|answer| answer.id == 81).await;
    two.ask(1, &ask(1, "MSFT")).await;
    two.ask(1, &ask(2, "AAPL")).await;
    two.ask(1, &ask(3, "NVDA")).await;
    let error = two.error().await;
    assert_eq!((error.code(), error.int(1), error.text(4)), (101, 3, "Max number of tickers has been reached".into()));
    one.ask(2, &[Field::Int(1, 1)]).await;
    two.ask(2, &[Field::Int(1, 2)]).await;
    lines_are(&sim, 1).await;
    two.ask(1, &ask(4, "NVDA")).await;
    assert_eq!(two.until(|answer| answer.int(1) == 4).await.id, 81);
    sim.shutdown().await;
}

#[tokio::test]
async fn a_closed_market_is_frozen_or_empty() {
    // A Saturday.
    let clock = "2026-11-21T12:00:00-05:00".parse().unwrap();
    let sim = start(Settings { clock, ..settings() }).await;
    let client = client(&sim, 1).await;
    let (ticks, _) = snapshot(&client, &stock("AAPL")).await.unwrap();
    let live = Quote::from_ticks(&ticks);
    assert_eq!((live.bid, live.ask, live.market_data_type), (Some(-1.0), Some(-1.0), None));
    client.switch_market_data_type(MarketDataType::Frozen).await.unwrap();
    let (ticks, _) = snapshot(&client, &stock("AAPL")).await.unwrap();
    let frozen = Quote::from_ticks(&ticks);
    assert!(frozen.bid.unwrap() > 1.0 && frozen.bid < frozen.ask, "{frozen:?}");
    assert_eq!((frozen.market_data_type, frozen.last), (Some(MarketDataType::Frozen), live.last));
    sim.shutdown().await;
}

#[tokio::test]
async fn a_halt_is_told() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let mut ticks = client.market_data(&stock("ZVZZT")).subscribe().await.unwrap().filter_data();
    loop {
        if let TickTypes::Generic(tick) = soon(ticks.next()).await.unwrap().unwrap()
            && tick.tick_type == TickType::Halted
        {
            assert_eq!(tick.value, 1.0);
            break;
        }
    }
    sim.shutdown().await;
}

/// A vertical spread from its legs: the bid of the bought one less the ask of the sold one.
#[tokio::test]
async fn combinations_are_quoted_from_their_legs() {
    let sim = friday().await;
    let mut frames = Frames::start(&sim, 7).await;
    let leg_of =
        |con_id, ratio, action| encode(&[Field::Int(1, con_id), Field::Int(2, ratio), Field::Text(3, action), Field::Text(4, "SMART")]);
    let leg = |con_id, action| leg_of(con_id, 1, action);
    let parts = [Field::Text(2, "AAPL"), Field::Text(3, "BAG"), Field::Text(8, "SMART"), Field::Text(10, "USD")];
    let mut pair = parts.to_vec();
    pair.extend([Field::Inner(20, leg(272_093, "BUY")), Field::Inner(20, leg(265_598, "SELL"))]);
    frames.ask(1, &[Field::Int(1, 5), Field::Inner(2, encode(&pair)), Field::Int(4, 1)]).await;
    let bid = frames.until(|answer| answer.id == 1 && answer.int(2) == 1).await.real(3).unwrap();
    let ask = frames.until(|answer| answer.id == 1 && answer.int(2) == 2).await.real(3).unwrap();
    assert!(bid < ask && (100.0..400.0).contains(&bid), "{bid} {ask}");
    frames.until(|answer| answer.id == 57).await;
    // A covered call is quoted per share, as orders for it are.
    let mut covered = parts.to_vec();
    covered.extend([Field::Inner(20, leg_of(265_598, 100, "BUY")), Field::Inner(20, leg_of(800_000_101, 1, "SELL"))]);
    frames.ask(1, &[Field::Int(1, 7), Field::Inner(2, encode(&covered)), Field::Int(4, 1)]).await;
    let bid = frames.until(|answer| answer.id == 1 && answer.int(2) == 1).await.real(3).unwrap();
    assert!((200.0..300.0).contains(&bid), "{bid}");
    frames.until(|answer| answer.id == 57).await;
    for (legs, code) in [(vec![], 314), (vec![Field::Inner(20, leg(272_093, "HOLD"))], 313), (vec![Field::Inner(20, leg(1, "BUY"))], 200)] {
        let mut wrong = parts.to_vec();
        wrong.extend(legs);
        frames.ask(1, &[Field::Int(1, 6), Field::Inner(2, encode(&wrong))]).await;
        assert_eq!(frames.error().await.code(), code);
    }
    sim.shutdown().await;
}

/// The regulatory snapshot is paid for one by one: it needs no subscription.
#[tokio::test]
async fn a_regulatory_snapshot_is_for_everybody() {
    let sim = friday().await;
    let mut frames = Frames::start(&sim, 7).await;
    frames.ask(1, &[Field::Int(1, 5), Field::Inner(2, contract("ZXZZT", "STK", "SMART")), Field::Int(5, 1)]).await;
    assert!(frames.until(|answer| answer.id == 1 && answer.int(2) == 1).await.real(3).unwrap() > 1.0);
    frames.until(|answer| answer.id == 57).await;
    sim.shutdown().await;
}

#[tokio::test]
async fn real_time_bars_are_those_of_history() {
    use ibapi::market_data::historical::{BarSize, BarTimestamp, ToDuration};
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let apple = stock("AAPL");
    let mut bars = client.realtime_bars(&apple).subscribe().await.unwrap().filter_data();
    let bar = soon(bars.next()).await.unwrap().unwrap();
    assert_eq!(bar.date.unix_timestamp() % 5, 0);
    let history = soon(client.historical_data(&apple, BarSize::Sec5).duration(60.seconds()).fetch()).await.unwrap();
    let same = history.bars.iter().find(|one| matches!(one.date, BarTimestamp::DateTime(at) if at == bar.date)).unwrap();
    assert_eq!((same.open, same.high, same.low, same.close), (bar.open, bar.high, bar.low, bar.close));
    assert_eq!((same.volume, same.count), (bar.volume, bar.count));
    let refused = client.realtime_bars(&stock("ZWZZT")).subscribe().await.unwrap().filter_data().next().await.unwrap();
    assert_eq!(code(refused), 420);
    sim.shutdown().await;
}

/// After 1101 everything has to be asked for anew.
#[tokio::test]
async fn lost_data_ends_the_streams() {
    let sim = sim().await;
    let mut frames = Frames::start(&sim, 7).await;
    frames.ask(1, &[Field::Int(1, 5), Field::Inner(2, by_id(265_598))]).await;
    frames.until(|answer| answer.id == 1).await;
    fault(&sim, r#"{"kind":"notice","code":1101}"#).await;
    lines_are(&sim, 0).await;
    frames.ask(1, &[Field::Int(1, 5), Field::Inner(2, by_id(265_598))]).await;
    frames.until(|answer| answer.id == 1).await;
    lines_are(&sim, 1).await;
    sim.shutdown().await;
}

/// A frozen line tells when the market opens, and shows its quotes from then on.
#[tokio::test]
async fn a_frozen_line_thaws() {
    let clock = "2026-11-20T03:50:00-05:00".parse().unwrap();
    let sim = start(Settings { clock, ..settings() }).await;
    let mut frames = Frames::start(&sim, 7).await;
    frames.ask(59, &[Field::Int(1, 2)]).await;
    frames.ask(1, &[Field::Int(1, 5), Field::Inner(2, by_id(265_598))]).await;
    let told = frames.next().await;
    assert_eq!((told.id, told.int(2)), (58, 2));
    frames.until(|answer| answer.id == 1 && answer.int(2) == 1).await;
    post(&sim, "/clock", r#"{"advance_ms":660000}"#).await;
    let told = frames.until(|answer| answer.id == 58).await;
    assert_eq!(told.int(2), 1);
    frames.until(|answer| answer.id == 1 && answer.int(2) == 1).await;
    sim.shutdown().await;
}

/// Bars that are kept up to date hold a line each.
#[tokio::test]
async fn live_bars_hold_lines() {
    let sim = start(Settings { market_data_lines: 1, ..settings() }).await;
    let mut frames = Frames::start(&sim, 7).await;
    let ask = |id, con_id| {
        let text = [(4, "1 min"), (5, "600 S"), (7, "TRADES")].map(|(number, text)| Field::Text(number, text));
        let mut fields = vec![Field::Int(1, id), Field::Inner(2, by_id(con_id)), Field::Int(8, 2), Field::Int(9, 1)];
        fields.extend(text);
        fields
    };
    frames.ask(20, &ask(1, 265_598)).await;
    frames.until(|answer| answer.id == 108).await;
    lines_are(&sim, 1).await;
    frames.ask(20, &ask(2, 272_093)).await;
    let error = frames.error().await;
    assert_eq!((error.int(1), error.code()), (2, 101));
    frames.ask(25, &[Field::Int(1, 1)]).await;
    lines_are(&sim, 0).await;
    sim.shutdown().await;
}

/// Headlines of a contract come on its line, the newest few at once.
#[tokio::test]
async fn contract_news_on_a_line() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let mut news = client.contract_news(&stock("AAPL"), &["BRFG", "DJNL"]).await.unwrap().filter_data();
    let one = soon(news.next()).await.unwrap().unwrap();
    assert!(!one.headline.is_empty() && ["BRFG", "DJNL"].contains(&one.provider_code.as_str()));
    sim.shutdown().await;
}

/// A provider's broad tape; what is no provider has none.
#[tokio::test]
async fn a_providers_tape() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let mut news = client.broad_tape_news("BRFG").await.unwrap().filter_data();
    let (one, two) = (soon(news.next()).await.unwrap().unwrap(), soon(news.next()).await.unwrap().unwrap());
    assert_eq!((one.provider_code.as_str(), one.time <= two.time), ("BRFG", true));
    let article = soon(client.news_article(&two.provider_code, &two.article_id)).await.unwrap();
    assert!(article.article_text.contains(&two.headline));
    let mut unknown = client.broad_tape_news("NOBODY").await.unwrap();
    assert_eq!(code(soon(unknown.next()).await.unwrap()), 200);
    sim.shutdown().await;
}
