//! Orders through the real client: one order's life, as captured.

use futures::StreamExt;
use ib_sim::{OrderSettings, Settings, Sim};
use ibapi::Client;
use ibapi::accounts::PositionUpdate;
use ibapi::contracts::Contract;
use ibapi::orders::{Action, ExecutionFilter, Executions, Order, OrderUpdate, Orders, order_builder};
use ibapi::subscriptions::{Subscription, SubscriptionItem};

use crate::support::{FRIDAY, client, friday, get, post, settings, sim, soon, start};

pub(crate) const APPLE: i32 = 265_598;

pub(crate) fn apple() -> Contract {
    Contract::stock("AAPL").build()
}

/// A client that writes down what it is told about orders, one short line each.
pub(crate) struct Told {
    pub(crate) client: Client,
    updates: Subscription<OrderUpdate>,
}

impl Told {
    pub(crate) async fn new(sim: &Sim, id: i32) -> Self {
        let client = client(sim, id).await;
        let updates = client.order_update_stream().await.unwrap();
        Self { client, updates }
    }

    pub(crate) async fn place(&self, contract: &Contract, order: &Order) -> i32 {
        let id = self.client.next_order_id();
        self.client.submit_order(id, contract, order).await.unwrap();
        id
    }

    pub(crate) async fn next(&mut self) -> String {
        match soon(self.updates.next()).await.expect("a line") {
            Ok(SubscriptionItem::Data(update)) => line(&update),
            Ok(SubscriptionItem::Notice(notice)) => format!("error {} {}", notice.code, notice.message),
            Err(ibapi::Error::Notice(notice)) => format!("error {} {}", notice.code, notice.message),
            Err(error) => panic!("{error}"),
        }
    }

    /// So many lines.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for _ in 0..count {
            lines.push(self.next().await);
        }
        lines
    }

    /// Lines up to and with the one that begins so.
    pub(crate) async fn until(&mut self, start: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(self.next().await);
            if lines.last().is_some_and(|line| line.starts_with(start)) {
                return lines;
            }
        }
    }
}

fn line(update: &OrderUpdate) -> String {
    match update {
        OrderUpdate::OpenOrder(data) => format!("open {} {}", data.order_id, data.order_state.status),
        OrderUpdate::OrderStatus(status) => {
            let held = if status.why_held.is_empty() { String::new() } else { format!(" ({})", status.why_held) };
            format!("status {} {} {}/{}{held}", status.order_id, status.status, status.filled, status.remaining)
        }
        OrderUpdate::OrderBound(bound) => format!("bound {}", bound.order_id),
        OrderUpdate::ExecutionData(data) => {
            let execution = &data.execution;
            format!("execution {} {} {}", execution.order_id, execution.side, execution.shares)
        }
        OrderUpdate::CommissionReport(report) => {
            format!("fees {:.2} {}", report.commission, report.realized_pnl.map_or("-".to_owned(), |_| "realized".to_owned()))
        }
    }
}

/// A limit order that no market comes to.
pub(crate) fn resting() -> Order {
    order_builder::limit_order(Action::Buy, 1.0, 10.0)
}

pub(crate) async fn orders(mut rows: Subscription<Orders>) -> Vec<Orders> {
    let mut found = Vec::new();
    while let Some(row) = soon(rows.next()).await {
        if let SubscriptionItem::Data(row) = row.unwrap() {
            found.push(row);
        }
    }
    found
}

pub(crate) async fn executions(client: &Client, filter: ExecutionFilter) -> Vec<Executions> {
    let mut rows = soon(client.executions(filter)).await.unwrap();
    let mut found = Vec::new();
    while let Some(row) = soon(rows.next()).await {
        if let SubscriptionItem::Data(row) = row.unwrap() {
            found.push(row);
        }
    }
    found
}

/// The captured order: the order, its status, the execution, the order, its status, the fees.
#[tokio::test]
async fn a_market_order_is_told_as_captured() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    let id = told.place(&apple(), &order_builder::market_order(Action::Buy, 1.0)).await;
    assert_eq!(
        told.take(6).await,
        [
            format!("open {id} Submitted"),
            format!("status {id} Submitted 0/1"),
            format!("execution {id} BOT 1"),
            format!("open {id} Filled"),
            format!("status {id} Filled 1/0"),
            "fees 1.00 -".to_owned(),
        ]
    );
    let id = told.place(&apple(), &order_builder::market_order(Action::Sell, 1.0)).await;
    assert_eq!(told.until("fees").await.last().unwrap(), "fees 1.00 realized");
    assert_eq!(id, 2);
    sim.shutdown().await;
}

/// As captured: the status, then 202.
#[tokio::test]
async fn a_resting_order_is_cancelled_as_captured() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    let id = told.place(&apple(), &resting()).await;
    assert_eq!(told.take(2).await, [format!("open {id} Submitted"), format!("status {id} Submitted 0/1")]);
    drop(told.client.cancel_order(id, "").await.unwrap());
    assert_eq!(told.take(2).await, [format!("status {id} Cancelled 0/1"), "error 202 Order Canceled - reason:".to_owned()]);
    drop(told.client.cancel_order(id, "").await.unwrap());
    assert_eq!(told.next().await, format!("error 10148 OrderId {id} that needs to be cancelled can not be cancelled, state: Cancelled."));
    sim.shutdown().await;
}

/// Fields that a capture of a real gateway shows, and those that it leaves out.
#[tokio::test]
async fn the_echo_has_the_captured_fields() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    let order = Order { order_ref: "mine".into(), ..resting() };
    told.place(&apple(), &order).await;
    told.take(2).await;
    let rows = orders(told.client.open_orders().await.unwrap()).await;
    let [Orders::OrderData(data), Orders::OrderStatus(status)] = rows.as_slice() else { panic!("{rows:?}") };
    let echo = &data.order;
    assert_eq!((echo.client_id, echo.order_id, echo.parent_id, echo.total_quantity), (1, 1, 0, 1.0));
    assert_eq!((echo.order_type.as_str(), echo.limit_price, echo.aux_price), ("LMT", Some(10.0), Some(0.0)));
    assert_eq!((echo.account.as_str(), echo.clearing_intent.as_str(), echo.order_ref.as_str()), ("DUSIM00001", "IB", "mine"));
    assert_eq!((echo.perm_id, echo.trail_stop_price, echo.min_compete_size), (status.perm_id, Some(11.0), Some(100)));
    assert_eq!((echo.filled_quantity, echo.shareholder.as_str()), (0.0, "Not an insider or substantial shareholder"));
    let contract = &data.contract;
    assert_eq!((contract.contract_id, contract.exchange.as_str(), contract.local_symbol.as_str()), (APPLE, "SMART", "AAPL"));
    assert_eq!((contract.trading_class.as_str(), contract.primary_exchange.as_str()), ("NMS", ""));
    assert_eq!((status.average_fill_price, status.last_fill_price, status.why_held.as_str()), (Some(0.0), Some(0.0), ""));
    sim.shutdown().await;
}

/// Every execution, then every fee, then the end; the time on the exchange's wall.
#[tokio::test]
async fn executions_can_be_asked_for() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    for action in [Action::Buy, Action::Sell] {
        let order = Order { order_ref: "mine".into(), ..order_builder::market_order(action, 5.0) };
        told.place(&apple(), &order).await;
        told.until("fees").await;
    }
    let rows = executions(&told.client, ExecutionFilter::default()).await;
    let [
        Executions::ExecutionData(bought),
        Executions::ExecutionData(sold),
        Executions::CommissionReport(first),
        Executions::CommissionReport(last),
    ] = rows.as_slice()
    else {
        panic!("{rows:?}")
    };
    let execution = &bought.execution;
    assert!(execution.time.starts_with("20261120 10:15:") && execution.time.ends_with(" US/Eastern"), "{}", execution.time);
    assert_eq!((execution.shares, execution.cumulative_quantity, execution.order_reference.as_str()), (5.0, 5.0, "mine"));
    assert_eq!((bought.contract.exchange.as_str(), execution.exchange.as_str()), ("NASDAQ", "NASDAQ"));
    assert_ne!(execution.execution_id, sold.execution.execution_id);
    assert_eq!((&first.execution_id, first.realized_pnl), (&execution.execution_id, None));
    let gained = (sold.execution.price - execution.price) * 5.0;
    // Sold out of a position that was cheaper on average.
    assert!(last.realized_pnl.is_some_and(|realized| realized > gained), "{last:?}");
    for (filter, count) in [
        (ExecutionFilter { symbol: "MSFT".into(), ..Default::default() }, 0),
        (ExecutionFilter { client_id: Some(9), ..Default::default() }, 0),
        (ExecutionFilter { side: Some(ibapi::orders::ExecutionFilterSide::Sell), ..Default::default() }, 2),
    ] {
        assert_eq!(executions(&told.client, filter).await.len(), count);
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn finished_orders_are_listed_with_their_words() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    told.place(&apple(), &order_builder::market_order(Action::Buy, 1.0)).await;
    told.until("fees").await;
    let id = told.place(&apple(), &resting()).await;
    told.take(2).await;
    drop(told.client.cancel_order(id, "").await.unwrap());
    told.until("error 202").await;
    let rows = orders(told.client.completed_orders(false).await.unwrap()).await;
    let words: Vec<(String, String)> = rows
        .iter()
        .map(|row| match row {
            Orders::OrderData(data) => {
                assert!(data.order_state.completed_time.ends_with(" US/Eastern"), "{}", data.order_state.completed_time);
                (data.order_state.status.to_string(), data.order_state.completed_status.clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let pair = |status: &str, words: &str| (status.to_owned(), words.to_owned());
    assert_eq!(words, [pair("Filled", "Filled Size: 1"), pair("Cancelled", "Cancelled by Trader")]);
    sim.shutdown().await;
}

/// One answer, the margins in it, and nothing placed.
#[tokio::test]
async fn a_what_if_is_answered_once_and_places_nothing() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let contract = apple();
    let state = soon(client.order(&contract).buy(10).market().analyze()).await.unwrap();
    let price = 10.0 * 270.0;
    assert!(state.initial_margin_change.is_some_and(|change| (change - price / 2.0).abs() < price * 0.2), "{state:?}");
    assert_eq!((state.commission, state.commission_currency.as_str(), state.margin_currency.as_str()), (Some(1.0), "USD", "USD"));
    let after = state.initial_margin_before.unwrap() + state.initial_margin_change.unwrap();
    assert!((after - state.initial_margin_after.unwrap()).abs() < 0.011);
    assert_eq!(get(&sim, "/orders").await["orders"], serde_json::json!([]));
    sim.shutdown().await;
}

/// As captured, with its words.
#[tokio::test]
async fn an_unknown_type_is_refused_in_the_captured_words() {
    let sim = sim().await;
    let mut told = Told::new(&sim, 1).await;
    told.place(&apple(), &Order { order_type: "FEELINGS".into(), ..resting() }).await;
    assert_eq!(told.next().await, "error 321 Error validating request.-'v' : cause - Invalid order type was entered");
    sim.shutdown().await;
}

#[tokio::test]
async fn too_much_for_the_account_is_rejected_and_inactive() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    let id = told.place(&apple(), &order_builder::market_order(Action::Buy, 100_000.0)).await;
    let lines = told.take(3).await;
    assert!(lines[0].starts_with("error 201 Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN"), "{lines:?}");
    assert_eq!(lines[1..], [format!("open {id} Inactive"), format!("status {id} Inactive 0/100000")]);
    sim.shutdown().await;
}

#[tokio::test]
async fn settings_refuse_sizes_and_everything() {
    let limited = OrderSettings { size_limit: Some(500), ..Default::default() };
    let sim = start(Settings { orders: limited, ..settings() }).await;
    let mut told = Told::new(&sim, 1).await;
    told.place(&apple(), &order_builder::market_order(Action::Buy, 501.0)).await;
    assert!(told.next().await.starts_with("error 383 The following order \"ID:1\" size exceeds the Size Limit of 500."));
    sim.shutdown().await;
    let reading = OrderSettings { read_only_api: true, ..Default::default() };
    let sim = start(Settings { orders: reading, ..settings() }).await;
    let mut told = Told::new(&sim, 1).await;
    let words = "error 321 Error validating request.-'v' : cause - The API interface is currently in Read-Only mode.";
    told.place(&apple(), &resting()).await;
    assert_eq!(told.next().await, words);
    drop(told.client.cancel_order(1, "").await.unwrap());
    assert_eq!(told.next().await, words);
    assert!(executions(&told.client, ExecutionFilter::default()).await.is_empty());
    sim.shutdown().await;
}

/// With several accounts an order has to name one, and moves only that one.
#[tokio::test]
async fn several_accounts_have_to_be_named() {
    let clock = FRIDAY.parse().unwrap();
    let sim = start(Settings { accounts: Some(2), clock, ..settings() }).await;
    let mut told = Told::new(&sim, 1).await;
    told.place(&apple(), &resting()).await;
    assert_eq!(told.next().await, "error 435 You must specify an account.");
    let named = |account: &str| Order { account: account.into(), ..order_builder::market_order(Action::Buy, 2.0) };
    told.place(&apple(), &named("U1")).await;
    assert!(told.next().await.starts_with("error 321"));
    told.place(&apple(), &named("DUSIM00002")).await;
    told.until("fees").await;
    let accounts = get(&sim, "/state").await["state"]["accounts"].clone();
    assert_eq!((&accounts[0]["positions"][0]["quantity"], &accounts[1]["positions"][0]["quantity"]), (&100.0.into(), &2.0.into()));
    sim.shutdown().await;
}

/// A fill is pushed to everybody who follows the account, not to its client alone.
#[tokio::test]
async fn positions_and_cash_follow_every_fill() {
    let sim = friday().await;
    let watcher = client(&sim, 2).await;
    let mut positions = watcher.positions().await.unwrap();
    let mut told = Told::new(&sim, 1).await;
    let before = get(&sim, "/state").await["state"]["accounts"][0]["cash"]["USD"].as_f64().unwrap();
    told.place(&apple(), &order_builder::market_order(Action::Buy, 3.0)).await;
    told.until("fees").await;
    let held = soon(async {
        loop {
            if let SubscriptionItem::Data(PositionUpdate::Position(row)) = positions.next().await.unwrap().unwrap()
                && row.contract.contract_id == APPLE
                && row.position > 100.0
            {
                return row;
            }
        }
    })
    .await;
    assert_eq!(held.position, 103.0);
    let after = get(&sim, "/state").await["state"]["accounts"][0]["cash"]["USD"].as_f64().unwrap();
    let rows = executions(&told.client, ExecutionFilter::default()).await;
    let Executions::ExecutionData(data) = &rows[0] else { panic!("{rows:?}") };
    assert!((before - after - 3.0 * data.execution.price - 1.0).abs() < 1e-6);
    sim.shutdown().await;
}

#[tokio::test]
async fn the_control_port_holds_and_cuts_fills() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    post(&sim, "/orders", r#"{"kind":"hold_fills"}"#).await;
    let id = told.place(&apple(), &order_builder::market_order(Action::Buy, 4.0)).await;
    told.take(2).await;
    post(&sim, "/orders", r#"{"kind":"fill_size","quantity":2}"#).await;
    post(&sim, "/orders", r#"{"kind":"hold_fills","on":false}"#).await;
    let lines = told.until(&format!("status {id} Filled")).await;
    assert!(lines.contains(&format!("status {id} Submitted 2/2")), "{lines:?}");
    sim.shutdown().await;
}
