//! Orders through the real client: one order's life, as captured.

use futures::StreamExt;
use ib_sim::{OrderSettings, Settings, Sim};
use ibapi::Client;
use ibapi::contracts::Contract;
use ibapi::orders::{Action, ExecutionFilter, Executions, Order, OrderUpdate, Orders, order_builder};
use ibapi::subscriptions::{Subscription, SubscriptionItem};

use crate::support::{client, connect, friday, get, post, settings, sim, soon, start};

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
