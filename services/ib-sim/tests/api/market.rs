//! Contracts, bars and news through the real client.

use futures::StreamExt;
use ib_sim::{HistoryPacing, Settings};
use ibapi::Client;
use ibapi::contracts::{Contract, SecurityType};
use ibapi::market_data::TradingHours;
use ibapi::market_data::historical::{BarSize, BarTimestamp, HistoricalBarUpdate, HistoricalData, ToDuration, WhatToShow};
use ibapi::news::ArticleType;
use ibapi::subscriptions::SubscriptionItemStreamExt;
use time::OffsetDateTime;

use crate::frames::{Field, Frames, by_id, contract};
use crate::support::{client, fault, friday, get, post, settings, sim, soon, start};

/// The code of a terminal notice.
fn code<T: std::fmt::Debug>(result: Result<T, ibapi::Error>) -> i32 {
    match result {
        Err(ibapi::Error::Notice(notice)) => notice.code,
        other => panic!("expected a notice, got {other:?}"),
    }
}

/// Without a currency, which the client otherwise fills in.
fn any(symbol: &str, kind: SecurityType, exchange: &str) -> Contract {
    Contract { symbol: symbol.into(), security_type: kind, exchange: exchange.into(), currency: "".into(), ..Contract::default() }
}

async fn bars(client: &Client, contract: &Contract, size: BarSize, duration: ibapi::market_data::historical::Duration) -> HistoricalData {
    soon(client.historical_data(contract, size).duration(duration).fetch()).await.expect("bars")
}

#[tokio::test]
async fn contract_details_of_every_kind() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let found = soon(client.contract_details(&Contract::stock("AAPL").build())).await.unwrap();
    assert_eq!(found.len(), 1);
    let apple = &found[0];
    assert_eq!((apple.contract.contract_id, apple.long_name.as_str(), apple.min_tick), (265_598, "APPLE INC", 0.01));
    assert_eq!((apple.contract.primary_exchange.as_str(), apple.stock_type.as_str()), ("NASDAQ", "COMMON"));
    assert_eq!(apple.liquid_hours[0], "20261120:0930-20261120:1600");
    assert_eq!(apple.sec_id_list[0].value, "US0378331005");
    assert!(apple.valid_exchanges.len() == apple.market_rule_ids.len() && apple.order_types.contains(&"LMT".to_owned()));
    for (contract, id) in [
        (any("SPY", SecurityType::Stock, "SMART"), 756_733),
        (any("SPX", SecurityType::Index, "CBOE"), 416_904),
        (any("EUR", SecurityType::ForexPair, "IDEALPRO"), 12_087_792),
        (any("BTC", SecurityType::Crypto, "PAXOS"), 479_624_278),
        (any("BRK B", SecurityType::Stock, "SMART"), 72_063_691),
        (any("7203", SecurityType::Stock, "TSEJ"), 13_905_720),
        (any("ES", SecurityType::ContinuousFuture, "CME"), 600_202_612),
    ] {
        let found = soon(client.contract_details(&contract)).await.unwrap();
        assert_eq!(found.iter().map(|row| row.contract.contract_id).collect::<Vec<_>>(), [id], "{contract:?}");
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn ambiguous_unknown_and_chains() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let sap = soon(client.contract_details(&any("SAP", SecurityType::Stock, "SMART"))).await.unwrap();
    let currencies: Vec<&str> = sap.iter().map(|row| row.contract.currency.as_str()).collect();
    assert_eq!(currencies, ["EUR", "USD"]);
    assert_eq!(code(soon(client.contract_details(&Contract::stock("NOPE").build())).await), 200);
    let chain = soon(client.contract_details(&any("ES", SecurityType::Future, "CME"))).await.unwrap();
    assert!(chain.len() >= 8);
    assert_eq!((chain[0].contract.local_symbol.as_str(), chain[0].contract.multiplier.as_str()), ("ESZ6", "50"));
    assert_eq!(chain[0].under_contract_id, 416_904);
    let pair = Contract { last_trade_date_or_contract_month: "202701".into(), strike: 275.0, ..any("AAPL", SecurityType::Option, "SMART") };
    let weeks = soon(client.contract_details(&pair)).await.unwrap();
    let days: Vec<&str> = weeks.iter().map(|row| row.contract.last_trade_date_or_contract_month.as_str()).collect();
    assert_eq!(days, ["20270108", "20270108", "20270115", "20270115"]);
    let call = &weeks[2].contract;
    assert_eq!((call.contract_id, call.local_symbol.as_str(), call.multiplier.as_str()), (800_000_101, "AAPL  270115C00275000", "100"));
    assert_eq!((weeks[2].real_expiration_date.as_str(), weeks[2].under_contract_id), ("20270115", 265_598));
    let unclear = any("SAP", SecurityType::Stock, "SMART");
    let asked = client.historical_data(&unclear, BarSize::Day).duration(1.days()).fetch();
    assert_eq!(code(soon(asked).await), 200);
    sim.shutdown().await;
}

#[tokio::test]
async fn symbols_are_found_and_rules_told() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let rows = soon(client.matching_symbols("AAPL")).await.unwrap();
    assert_eq!((rows[0].contract.contract_id, rows[0].contract.description.as_str()), (265_598, "APPLE INC"));
    assert!(rows[0].derivative_security_types.contains(&"OPT".to_owned()));
    assert!(soon(client.matching_symbols("no such thing")).await.unwrap().is_empty());
    let rule = soon(client.market_rule(26)).await.unwrap();
    assert_eq!((rule.price_increments[0].low_edge, rule.price_increments[0].increment), (0.0, 0.01));
    sim.shutdown().await;
}

#[tokio::test]
async fn bars_of_several_sizes_agree_on_the_wire() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let apple = Contract::stock("AAPL").build();
    let until = time::macros::datetime!(2026-11-20 01:00 UTC);
    let fetch = |size| soon(client.historical_data(&apple, size).duration(1.days()).ending(until).fetch());
    let hours = fetch(BarSize::Hour).await.unwrap();
    let minutes = fetch(BarSize::Min).await.unwrap();
    let days = fetch(BarSize::Day).await.unwrap();
    assert_eq!((days.bars.len(), hours.bars.len(), minutes.bars.len()), (1, 7, 390));
    assert!(days.bars[0].date.is_date() && hours.bars[0].date.is_date_time());
    let day = &days.bars[0];
    for finer in [&hours.bars, &minutes.bars] {
        assert_eq!((finer[0].open, finer[finer.len() - 1].close), (day.open, day.close));
        assert_eq!(finer.iter().map(|bar| bar.high).fold(f64::MIN, f64::max), day.high);
        assert_eq!(finer.iter().map(|bar| bar.low).fold(f64::MAX, f64::min), day.low);
        assert_eq!(finer.iter().map(|bar| bar.volume).sum::<f64>(), day.volume);
        assert_eq!(finer.iter().map(|bar| bar.count).sum::<i32>(), day.count);
    }
    assert!(hours.start < hours.end);
    sim.shutdown().await;
}

#[tokio::test]
async fn every_size_and_kind_is_accepted_by_the_client() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let apple = Contract::stock("AAPL").build();
    for (size, duration) in [
        (BarSize::Sec, 60.seconds()),
        (BarSize::Sec30, 600.seconds()),
        (BarSize::Min5, 2.days()),
        (BarSize::Min20, 1.weeks()),
        (BarSize::Hour4, 1.months()),
        (BarSize::Day, 1.years()),
        (BarSize::Week, 1.years()),
        (BarSize::Month, 5.years()),
    ] {
        let data = bars(&client, &apple, size, duration).await;
        assert!(!data.bars.is_empty(), "{size}");
        assert!(data.bars.windows(2).all(|pair| pair[0].date < pair[1].date), "{size}");
    }
    for what in [
        WhatToShow::MidPoint,
        WhatToShow::Bid,
        WhatToShow::Ask,
        WhatToShow::BidAsk,
        WhatToShow::AdjustedLast,
        WhatToShow::HistoricalVolatility,
        WhatToShow::OptionImpliedVolatility,
        WhatToShow::FeeRate,
        WhatToShow::AggTrades,
    ] {
        let asked = client.historical_data(&apple, BarSize::Day).what_to_show(what).duration(5.days()).fetch();
        assert_eq!(soon(asked).await.unwrap().bars.len(), 5, "{what}");
    }
    let bitcoin = any("BTC", SecurityType::Crypto, "PAXOS");
    let asked = client.historical_data(&bitcoin, BarSize::Hour).duration(1.days()).fetch();
    assert_eq!(code(soon(asked).await), 10299);
    let asked = client.historical_data(&bitcoin, BarSize::Hour).what_to_show(WhatToShow::AggTrades).duration(1.days()).fetch();
    assert!(!soon(asked).await.unwrap().bars.is_empty());
    sim.shutdown().await;
}

/// The client has to know every zone that the gateway names.
#[tokio::test]
async fn markets_in_other_zones_are_understood() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    for (contract, what) in [
        (any("7203", SecurityType::Stock, "TSEJ"), WhatToShow::Trades),
        (any("SAP", SecurityType::Stock, "IBIS"), WhatToShow::Trades),
        (any("SPX", SecurityType::Index, "CBOE"), WhatToShow::Trades),
        (any("EUR", SecurityType::ForexPair, "IDEALPRO"), WhatToShow::MidPoint),
        (any("ES", SecurityType::ContinuousFuture, "CME"), WhatToShow::Trades),
    ] {
        let asked = client.historical_data(&contract, BarSize::Hour).what_to_show(what).duration(3.days()).fetch();
        let data = soon(asked).await.unwrap();
        assert!(data.bars.len() > 12 && data.start < data.end, "{contract:?}");
        let schedule = soon(client.historical_schedules(&contract, 5.days()).fetch()).await.unwrap();
        assert!(schedule.sessions.len() >= 5, "{contract:?}");
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn open_days_have_twenty_four_hours() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let data = bars(&client, &Contract::stock("MSFT").build(), BarSize::Hour, 3.days()).await;
    assert!(data.bars.len() > 48);
    let BarTimestamp::DateTime(last) = data.bars[data.bars.len() - 1].date else { panic!("an hour has a time") };
    let now = soon(client.server_time()).await.unwrap();
    assert!((now - last).whole_seconds() < 3700, "the forming bar is there: {last} {now}");
    let microsoft = Contract::stock("MSFT").build();
    let asked = client.historical_schedules(&microsoft, 3.days()).fetch();
    let schedule = soon(asked).await.unwrap();
    assert_eq!(schedule.sessions.len(), 3);
    assert!(schedule.sessions.iter().all(|row| (row.end - row.start).whole_hours() >= 23));
    sim.shutdown().await;
}

#[tokio::test]
async fn empty_and_absurd_histories() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let apple = Contract::stock("AAPL").build();
    let old = time::macros::datetime!(1999-01-01 0:00 UTC);
    match soon(client.historical_data(&apple, BarSize::Day).duration(1.days()).ending(old).fetch()).await {
        Err(ibapi::Error::Notice(notice)) => assert_eq!(
            (notice.code, notice.message.as_str()),
            (162, "Historical Market Data Service error message:HMDS query returned no data: AAPL@SMART Trades")
        ),
        other => panic!("{other:?}"),
    }
    for (size, duration, expected) in [(BarSize::Min4, 1.days(), 321), (BarSize::Day, 400.days(), 321), (BarSize::Sec, 1.months(), 162)] {
        let asked = client.historical_data(&apple, size).duration(duration).fetch();
        assert_eq!(code(soon(asked).await), expected, "{size} {duration}");
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn a_chart_kept_up_to_date_moves() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let apple = Contract::stock("AAPL").build();
    let mut rows = client.historical_data(&apple, BarSize::Min).duration(1.days()).stream().await.unwrap().filter_data();
    assert!(matches!(soon(rows.next()).await.unwrap().unwrap(), HistoricalBarUpdate::Historical(_)));
    assert!(matches!(soon(rows.next()).await.unwrap().unwrap(), HistoricalBarUpdate::End { .. }));
    post(&sim, "/clock", r#"{"advance_ms":61000}"#).await;
    assert!(matches!(soon(rows.next()).await.unwrap().unwrap(), HistoricalBarUpdate::Update(_)));
    sim.shutdown().await;
}

#[tokio::test]
async fn heads() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let apple = Contract::stock("AAPL").build();
    let head = client.head_timestamp(&apple, WhatToShow::Trades, TradingHours::Regular);
    assert_eq!(soon(head).await.unwrap().year(), 2004);
    let unknown = Contract::stock("NOPE").build();
    let head = client.head_timestamp(&unknown, WhatToShow::Trades, TradingHours::Regular);
    assert_eq!(code(soon(head).await), 200);
    sim.shutdown().await;
}

#[tokio::test]
async fn news_from_provider_to_article() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let providers = soon(client.news_providers()).await.unwrap();
    let codes: Vec<&str> = providers.iter().map(|row| row.code.as_str()).collect();
    assert_eq!(codes, ["BRFG", "BRFUPDN", "DJNL"]);
    let now = soon(client.server_time()).await.unwrap();
    let month = now - time::Duration::days(30);
    let mut rows = client.historical_news(265_598, &codes, month, now, 10).await.unwrap().filter_data();
    let mut found = Vec::new();
    while let Some(row) = soon(rows.next()).await {
        found.push(row.unwrap());
    }
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|row| month < row.time && row.time <= now && row.time != OffsetDateTime::UNIX_EPOCH));
    let one = &found[0];
    let article = soon(client.news_article(&one.provider_code, &one.article_id)).await.unwrap();
    assert_eq!(article.article_type, ArticleType::Text);
    assert!(article.article_text.contains(&one.headline));
    assert_eq!(code(soon(client.news_article("BRFG", "BRFG$nothing")).await), 10172);
    sim.shutdown().await;
}

#[tokio::test]
async fn identical_small_histories_violate_the_pacing() {
    let sim = start(Settings { history_pacing: HistoryPacing::Ib, ..settings() }).await;
    let client = client(&sim, 1).await;
    let apple = Contract::stock("AAPL").build();
    let ask = || soon(client.historical_data(&apple, BarSize::Sec5).duration(600.seconds()).fetch());
    ask().await.unwrap();
    match ask().await {
        Err(ibapi::Error::Notice(notice)) => {
            assert_eq!(notice.message, "Historical Market Data Service error message:Historical data request pacing violation");
        }
        other => panic!("{other:?}"),
    }
    post(&sim, "/clock", r#"{"advance_ms":15000}"#).await;
    ask().await.unwrap();
    let minute = || soon(client.historical_data(&apple, BarSize::Min).duration(600.seconds()).fetch());
    assert!(minute().await.is_ok() && minute().await.is_ok(), "a minute and more is not paced");
    assert_eq!(get(&sim, "/counters").await["counters"]["history_violations"], 1);
    sim.shutdown().await;
}

/// An id may stand for several requests that wait; a cancel of another kind finds none of them.
#[tokio::test]
async fn requests_that_wait_under_one_id_are_all_answered() {
    let sim = sim().await;
    let mut frames = Frames::start(&sim, 7).await;
    fault(&sim, r#"{"kind":"delay","message":"ContractData","ms":300}"#).await;
    for con_id in [265_598, 272_093] {
        frames.ask(9, &[Field::Int(1, 5), Field::Inner(2, by_id(con_id))]).await;
    }
    frames.ask(2, &[Field::Int(1, 5)]).await;
    assert_eq!(frames.next().await.code(), 300);
    for _ in 0..2 {
        frames.until(|answer| answer.id == 52).await;
    }
    sim.shutdown().await;
}

/// Every option of an index in one answer: tens of thousands of frames, and the client stays.
#[tokio::test]
async fn a_whole_chain_is_answered() {
    let sim = friday().await;
    let mut frames = Frames::start(&sim, 7).await;
    frames.ask(9, &[Field::Int(1, 5), Field::Inner(2, contract("SPX", "OPT", ""))]).await;
    let mut count = 0;
    while frames.next().await.id == 10 {
        count += 1;
    }
    assert!(count > 20_000, "{count}");
    frames.ask(49, &[]).await;
    assert_eq!(frames.next().await.id, 49);
    sim.shutdown().await;
}
