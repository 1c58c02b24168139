//! Market data lines: what they bring, how they end, and that none stays open.

use std::{future::poll_fn, time::Duration};

use crate::support::{Gateway, connected, connected_to, deadline, sim_settings, stock, until};
use ib_link::{Instant, Line, LineRequest, Link, MarketDataWanted, Quote, Settings, State};
use schemas::{
    FaultCode, Num,
    context::DataType,
    contracts::{Contract, ContractQuery},
};

fn with_lines(settings: &mut Settings) {
    (settings.lines_max, settings.market_data_type) = (20, MarketDataWanted::DelayedFrozen);
    settings.keep_account = false;
}

async fn found(link: &Link, query: &ContractQuery) -> Contract {
    let mut found = link.contract_details(query, deadline()).await.expect("details");
    let mut contract = found.remove(0).contract;
    "SMART".clone_into(&mut contract.exchange);
    contract
}

/// A call of MSFT next month, near the money of the default scenario.
async fn option(link: &Link, symbol: &str) -> Contract {
    let rows = link.option_params(symbol, "STK", found(link, &stock(symbol)).await.conid, deadline()).await.expect("rows");
    let row = rows.iter().find(|row| row.exchange == "SMART" && row.trading_class == symbol).expect("SMART");
    let query = ContractQuery {
        sec_type: Some("OPT".into()),
        expiry: row.expirations.get(row.expirations.len() / 2).cloned(),
        strike: row.strikes.get(row.strikes.len() / 2).copied(),
        right: Some("C".into()),
        trading_class: Some(symbol.into()),
        ..stock(symbol)
    };
    found(link, &query).await
}

async fn line(link: &Link, contract: Contract) -> Line {
    link.line(&LineRequest { contract, generic_ticks: Vec::new() }, deadline()).await.expect("a line")
}

async fn of_stock(link: &Link, symbol: &str) -> Line {
    line(link, found(link, &stock(symbol)).await).await
}

/// Reads until the quote is like this.
async fn quoted(line: &mut Line, is: impl Fn(&Quote) -> bool) -> Quote {
    while !is(line.quote()) {
        if let Err(fault) = line.changed(deadline()).await {
            panic!("{fault}: {line:?}");
        }
    }
    line.quote().clone()
}

/// Reads until it ends.
async fn ended(line: &mut Line) -> schemas::Fault {
    loop {
        match line.changed(deadline()).await {
            Err(fault) => return fault,
            Ok(()) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn a_stock_is_quoted_and_its_line_closed_when_dropped() {
    let (gateway, link) = connected(with_lines).await;
    let contract = found(&link, &stock("AAPL")).await;
    let request = LineRequest { contract, generic_ticks: vec![100, 101, 104, 106] };
    let mut line = link.line(&request, deadline()).await.expect("a line");
    let quote = quoted(&mut line, |quote| {
        let prices = [quote.bid, quote.ask, quote.last, quote.close, quote.open, quote.high, quote.low, quote.volume];
        let options = [quote.call_volume, quote.put_volume, quote.call_open_interest, quote.put_open_interest];
        prices.iter().chain(&options).all(Option::is_some) && quote.historical_volatility.is_some() && quote.implied_volatility.is_some()
    });
    let quote = quote.await;
    assert!(quote.bid < quote.ask && quote.low <= quote.last && quote.last <= quote.high, "{quote:?}");
    assert!(quote.bid_size > Some(Num::ZERO) && quote.at.is_some() && quote.notices.is_empty(), "{quote:?}");
    assert_eq!((quote.data_type, quote.halted.unwrap_or(false)), (DataType::Live, false));
    assert_eq!((link.lines_free(), gateway.heard("MarketData").await), (19, 1));
    gateway.until_lines(1).await;
    drop(line);
    gateway.until_lines(0).await;
    assert_eq!(link.lines_free(), 20);
}

#[tokio::test]
async fn an_option_gets_its_greeks() {
    let (_gateway, link) = connected(with_lines).await;
    let contract = option(&link, "MSFT").await;
    let mut line = link.line(&LineRequest { contract, generic_ticks: vec![101] }, deadline()).await.expect("a line");
    let quote = quoted(&mut line, |quote| quote.greeks.model.is_some() && quote.greeks.bid.is_some() && quote.call_open_interest.is_some());
    let model = quote.await.greeks.model.expect("a model");
    let (delta, iv) = (model.delta.expect("delta"), model.iv.expect("volatility"));
    assert!((0.0..=1.0).contains(&delta) && (0.01..3.0).contains(&iv), "{model:?}");
    assert!(model.gamma > Some(0.0) && model.vega > Some(0.0) && model.theta < Some(0.0), "{model:?}");
    assert!(model.price > Some(0.0) && model.underlying_price > Some(10.0), "{model:?}");
}

/// MSFT and its options with delayed data only, beside ZWZZT, which has no options.
fn delayed_options() -> (tempfile::NamedTempFile, ib_sim::Settings) {
    let rule = r#"{ symbol = "ZXZZT", data = "none" },"#;
    let scenario = include_str!("../../../../services/ib-sim/scenarios/default.toml");
    assert!(scenario.contains(rule));
    let file = tempfile::NamedTempFile::new().expect("file");
    std::fs::write(file.path(), scenario.replace(rule, &format!(r#"{rule} {{ symbol = "MSFT", data = "delayed" }},"#))).expect("written");
    let settings = ib_sim::Settings { scenario: Some(file.path().into()), ..sim_settings() };
    (file, settings)
}

#[tokio::test]
async fn delayed_data_fill_the_same_fields() {
    let (_file, sim) = delayed_options();
    let (_gateway, link) = connected_to(sim, with_lines).await;
    let mut line = of_stock(&link, "ZWZZT").await;
    let quote = quoted(&mut line, |quote| quote.bid.is_some() && quote.ask.is_some() && quote.last.is_some()).await;
    assert!(quote.bid < quote.ask, "{quote:?}");
    assert_eq!((quote.data_type, quote.notices.iter().map(|(code, _)| *code).collect::<Vec<_>>()), (DataType::Delayed, vec![10167]));
    let mut line = self::line(&link, option(&link, "MSFT").await).await;
    let quote = quoted(&mut line, |quote| quote.greeks.model.is_some() && quote.ask.is_some()).await;
    assert_eq!(quote.data_type, DataType::Delayed);
    assert!(quote.greeks.model.and_then(|model| model.delta).is_some(), "{quote:?}");
}

/// IB offers delayed data then, and sends nothing more.
#[tokio::test]
async fn live_data_that_are_refused_end_the_line() {
    let (gateway, link) = connected(|settings| {
        with_lines(settings);
        settings.market_data_type = MarketDataWanted::Live;
    })
    .await;
    let mut line = of_stock(&link, "ZWZZT").await;
    let fault = ended(&mut line).await;
    assert_eq!((fault.code, fault.ib_code), (FaultCode::NotSubscribed, Some(10089)));
    gateway.until_lines(0).await;
    assert_eq!(line.changed(deadline()).await.expect_err("it stays ended"), fault);
}

#[tokio::test]
async fn what_ib_refuses_ends_the_line_with_ibs_words() {
    let (gateway, link) = connected(with_lines).await;
    let fault = ended(&mut of_stock(&link, "ZXZZT").await).await;
    assert_eq!((fault.code, fault.ib_code), (FaultCode::NotSubscribed, Some(354)));
    gateway.until_heard("CancelMarketData", 1).await;
    let mut unknown = found(&link, &stock("AAPL")).await;
    unknown.conid = 1;
    let fault = ended(&mut line(&link, unknown).await).await;
    assert_eq!((fault.code, fault.ib_code), (FaultCode::NotFound, Some(200)));
    assert_eq!(link.lines_free(), 20);
    assert_eq!(gateway.heard("CancelMarketData").await, 1, "IB has nothing to cancel");
}

#[tokio::test]
async fn a_halt_is_told() {
    let (_gateway, link) = connected(with_lines).await;
    let mut line = of_stock(&link, "ZVZZT").await;
    quoted(&mut line, |quote| quote.halted == Some(true)).await;
}

#[tokio::test]
async fn waiting_in_vain_is_a_time_out_and_the_line_goes_on() {
    let sim = ib_sim::Settings { tick_delay_ms: 1_500, ..sim_settings() };
    let (_gateway, link) = connected_to(sim, with_lines).await;
    let mut line = of_stock(&link, "AAPL").await;
    let fault = loop {
        match line.changed(Instant::now() + Duration::from_millis(200)).await {
            Ok(()) => assert!(line.quote().bid.is_none(), "{line:?}"),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.code, FaultCode::Timeout);
    quoted(&mut line, |quote| quote.bid.is_some()).await;
}

#[tokio::test]
async fn lines_that_others_hold_shrink_the_budget() {
    let sim = ib_sim::Settings { market_data_lines: 3, ..sim_settings() };
    let (gateway, link) = connected_to(sim, with_lines).await;
    let mut lines = Vec::new();
    for symbol in ["AAPL", "MSFT", "NVDA"] {
        lines.push(of_stock(&link, symbol).await);
    }
    for line in &mut lines {
        quoted(line, |quote| quote.bid.is_some()).await;
    }
    let fault = ended(&mut of_stock(&link, "AMZN").await).await;
    assert_eq!((fault.code, fault.ib_code), (FaultCode::Busy, Some(101)));
    assert!(link.lines_free() < 17, "{}", link.lines_free());
    gateway.until_lines(3).await;
    let contract = lines[0].quote().clone();
    assert!(contract.bid.is_some(), "the others go on");
    lines.remove(0);
    let mut next = of_stock(&link, "AMZN").await;
    quoted(&mut next, |quote| quote.bid.is_some()).await;
    drop((lines, next));
    gateway.until_lines(0).await;
}

/// Dropped after each of its first steps.
#[tokio::test]
async fn a_request_that_is_dropped_half_way_leaves_no_line_open() {
    let (gateway, link) = connected(|settings| {
        with_lines(settings);
        // No step waits for the pace.
        settings.messages_per_s = 400.0;
    })
    .await;
    let request = LineRequest { contract: found(&link, &stock("AAPL")).await, generic_ticks: Vec::new() };
    for polls in 0..6 {
        let mut asked = Box::pin(link.line(&request, deadline()));
        for _ in 0..polls {
            let ready = poll_fn(|cx| std::task::Poll::Ready(asked.as_mut().poll(cx).is_ready())).await;
            if ready {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    drop(line(&link, request.contract.clone()).await);
    let asked = async || (gateway.heard("MarketData").await, gateway.heard("CancelMarketData").await);
    gateway.until_lines(0).await;
    gateway.until_heard("CancelMarketData", asked().await.0).await;
    let (opened, cancelled) = asked().await;
    assert!(opened > 1, "some were dropped after they had been sent: {opened}");
    assert_eq!((opened, link.lines_free()), (cancelled, 20));
}

#[tokio::test]
async fn a_lost_session_ends_its_lines_and_gives_them_back() {
    let (gateway, link) = connected(with_lines).await;
    let mut line = of_stock(&link, "AAPL").await;
    quoted(&mut line, |quote| quote.bid.is_some()).await;
    gateway.fault(r#"{"kind":"drop_all"}"#).await;
    let fault = ended(&mut line).await;
    assert_eq!(fault.code, FaultCode::GatewayDown, "{fault:?}");
    assert!(line.quote().bid.is_some(), "what came is still there to read");
    assert_eq!(link.lines_free(), 20, "nothing has to be cancelled first");
    gateway.until_heard("StartApi", 2).await;
    until(&link, "connected", State::connected).await;
    quoted(&mut of_stock(&link, "AAPL").await, |quote| quote.bid.is_some()).await;
}

#[tokio::test]
async fn a_new_session_is_told_the_kind_of_data_again() {
    let (gateway, link) = connected(with_lines).await;
    assert_eq!(gateway.heard("MarketDataType").await, 1);
    gateway.fault(r#"{"kind":"drop_all"}"#).await;
    gateway.until_heard("MarketDataType", 2).await;
    // The state of the new session: the old one was over when it was asked for.
    until(&link, "connected", State::connected).await;
    let quote = quoted(&mut of_stock(&link, "ZWZZT").await, |quote| quote.bid.is_some()).await;
    assert_eq!(quote.data_type, DataType::Delayed);
}

async fn servers_lost(notices: &[i32]) -> (Gateway, Link, Line) {
    let (gateway, link) = connected(with_lines).await;
    let mut line = of_stock(&link, "AAPL").await;
    quoted(&mut line, |quote| quote.bid.is_some()).await;
    for code in notices {
        gateway.fault(&format!(r#"{{"kind":"notice","code":{code}}}"#)).await;
    }
    let fault = ended(&mut line).await;
    assert_eq!(fault.code, FaultCode::UpstreamLost, "{fault:?}");
    (gateway, link, line)
}

#[tokio::test]
async fn data_that_ib_has_lost_end_the_lines_and_new_ones_can_be_had() {
    let (gateway, link, _line) = servers_lost(&[1101]).await;
    until(&link, "ready", State::ready).await;
    let mut line = of_stock(&link, "AAPL").await;
    quoted(&mut line, |quote| quote.bid.is_some()).await;
    gateway.until_lines(1).await;
}

/// Also one that nobody read while they were away.
#[tokio::test]
async fn servers_that_were_lost_and_are_back_end_the_lines() {
    let (gateway, link, _line) = servers_lost(&[1100, 1102]).await;
    gateway.until_lines(0).await;
    until(&link, "ready", State::ready).await;
    assert_eq!(link.lines_free(), 20);
}

/// The simulator writes down when each came; its clock runs as ours does. Half a second: a busy machine shifts them.
#[tokio::test]
async fn cancels_keep_the_pace() {
    let (gateway, link) = connected(with_lines).await;
    let mut lines = Vec::new();
    for symbol in ["AAPL", "MSFT", "NVDA", "AMZN", "GOOGL", "META", "SPY", "QQQ"] {
        lines.push(of_stock(&link, symbol).await);
    }
    link.set_messages_per_s(4.0);
    drop(lines);
    assert!(link.lines_free() < 20, "they count until their cancels are out");
    gateway.until_heard("CancelMarketData", 8).await;
    gateway.until_lines(0).await;
    assert_eq!(link.lines_free(), 20);
    let times = gateway.heard_at("CancelMarketData").await;
    let within = |from: usize| times[from..].iter().take_while(|at| at.duration_since(times[from]).as_millis() < 500).count();
    assert!((0..times.len()).all(|from| within(from) <= 4), "{times:?}");
}

#[tokio::test]
async fn a_link_without_lines_refuses_and_says_nothing_about_data() {
    let (gateway, link) = connected(|settings| settings.keep_account = false).await;
    let contract = found(&link, &stock("AAPL")).await;
    let fault = link.line(&LineRequest { contract, generic_ticks: Vec::new() }, deadline()).await.expect_err("no lines");
    assert_eq!((fault.code, link.lines_free()), (FaultCode::Unsupported, 0));
    assert_eq!((gateway.heard("MarketDataType").await, gateway.heard("MarketData").await), (0, 0));
}
