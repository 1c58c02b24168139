//! Orders, executions and the profit of one holding: what IB answers when it is asked.
//!
//! Invariant: each answer is a whole snapshot; changes of orders are pushed to the client that placed them and to no
//! other, so that nobody else has a stream of them.

use futures::StreamExt;
use ibapi::{
    Error,
    orders::{ExecutionFilter, Orders},
    subscriptions::SubscriptionItem,
};
use schemas::{
    Fault, FaultCode, Num,
    account::{Execution, Order},
};

use crate::{
    ask::Ask,
    clock::{Instant, instant},
    convert,
    keep::cents,
    link::Link,
};

/// What one holding gained, in the instrument's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionProfit {
    pub quantity: Option<Num>,
    pub market_value: Option<Num>,
    /// Since the reset of IB's trading day.
    pub daily: Option<Num>,
    pub unrealized: Option<Num>,
    pub realized: Option<Num>,
}

impl Link {
    /// Working orders of every client and of TWS.
    pub async fn open_orders(&self, deadline: Instant) -> Result<Vec<Order>, Fault> {
        let ask = Ask { what: "a request for open orders", deadline, upstream: true, cancels: false };
        let rows = self
            .ask_alone(
                ask,
                |session| &session.orders,
                |session| async move {
                    let mut rows = session.client.all_open_orders().await?;
                    rows.collect_to_end_within(deadline.saturating_duration_since(instant())).await
                },
            )
            .await?;
        Ok(convert::open_orders(&rows))
    }

    /// Orders that ended lately, the newest first; how far back is IB's choice.
    pub async fn completed_orders(&self, api_only: bool, deadline: Instant) -> Result<Vec<Order>, Fault> {
        let ask = Ask { what: "a request for completed orders", deadline, upstream: true, cancels: false };
        let rows = self
            .ask_alone(
                ask,
                |session| &session.orders,
                |session| async move {
                    let mut rows = session.client.completed_orders(api_only).await?;
                    rows.collect_to_end_within(deadline.saturating_duration_since(instant())).await
                },
            )
            .await?;
        let data = rows.iter().filter_map(|row| match row {
            Orders::OrderData(data) => Some(convert::completed_order(data)),
            Orders::OrderStatus(_) => None,
        });
        let mut orders: Vec<Order> = data.collect();
        orders.sort_by_key(|order| std::cmp::Reverse((order.completed_at, order.perm_id)));
        Ok(orders)
    }

    /// Executions of today and of `days - 1` days before, as far as the gateway still has them; the newest first.
    pub async fn executions(&self, days: u32, deadline: Instant) -> Result<Vec<Execution>, Fault> {
        let ask = Ask { what: "a request for executions", deadline, upstream: true, cancels: false };
        // Today is what IB answers by itself.
        let last_n_days = if days > 1 { i32::try_from(days).unwrap_or(i32::MAX) } else { 0 };
        let rows = self
            .ask(ask, |session| async move {
                let mut rows = session.client.executions(ExecutionFilter { last_n_days, ..ExecutionFilter::default() }).await?;
                rows.collect_to_end_within(deadline.saturating_duration_since(instant())).await
            })
            .await?;
        Ok(convert::executions(&rows))
    }

    /// What one holding gained: the first row of a subscription that ends with it.
    pub async fn position_profit(&self, account: &str, conid: i32, deadline: Instant) -> Result<PositionProfit, Fault> {
        let ask = Ask { what: "a request for the profit of a position", deadline, upstream: true, cancels: true };
        let account = account.to_owned();
        let first = self
            .ask(ask, |session| async move {
                let id = account.as_str().into();
                let mut rows = session.client.pnl_single(&id, conid.into(), None).await?;
                while let Some(row) = rows.next().await {
                    if let SubscriptionItem::Data(row) = row? {
                        return Ok(row);
                    }
                }
                Err(Error::UnexpectedEndOfStream)
            })
            .await?;
        // The subscription is dropped with its answer, and `ibapi` cancels it.
        self.shared.bucket.charge();
        let money = |value: f64| Num::from_ib(value).map(cents);
        Ok(PositionProfit {
            quantity: Num::from_ib(first.position),
            market_value: money(first.value),
            daily: money(first.daily_pnl),
            unrealized: money(first.unrealized_pnl),
            realized: money(first.realized_pnl),
        })
    }

    /// The price steps of a market rule: from which price on, and how large.
    pub async fn market_rule(&self, rule_id: i32, deadline: Instant) -> Result<Vec<(Num, Num)>, Fault> {
        let ask = Ask { what: "a request for a market rule", deadline, upstream: true, cancels: false };
        let found =
            self.ask_alone(ask, |session| &session.market_rule, |session| async move { session.client.market_rule(rule_id).await }).await?;
        let steps: Vec<(Num, Num)> =
            found.price_increments.iter().filter_map(|step| Num::from_ib(step.low_edge).zip(Num::from_ib(step.increment))).collect();
        if steps.is_empty() {
            return Err(Fault::new(FaultCode::NotFound, format!("IB tells no price steps for the market rule {rule_id}")));
        }
        Ok(steps)
    }
}
