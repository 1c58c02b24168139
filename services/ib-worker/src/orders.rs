//! `account.open_orders`, `account.executions`, `account.completed_orders`: snapshots of the whole login.

use std::{sync::Arc, time::Duration};

use bus::{Builder, Request};
use jiff::{Timestamp, tz::TimeZone};
use schemas::{
    Context, Fault, FaultCode,
    account::{
        CompletedOrders, CompletedOrdersParams, CompletedOrdersReply, EXECUTION_DAYS_MAX, Execution, Executions, ExecutionsParams,
        ExecutionsReply, ORDERS_MAX, OpenOrders, OpenOrdersParams, OpenOrdersReply, Order,
    },
    context::{DataType, mask_account},
};
use tokio::time::Instant;

use crate::{account::no_account, memory::Remembered, worker::Worker};

/// IB's day of executions begins at midnight there, where nothing else is known.
const NEW_YORK: &str = "America/New_York";
/// What is remembered is asked for within this after a connection.
const FIRST_WAIT: Duration = Duration::from_secs(10);

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let (a, b, c) = (Arc::clone(worker), Arc::clone(worker), Arc::clone(worker));
    builder
        .route::<OpenOrders, _, _>(move |params, request| open_orders(Arc::clone(&a), params, request))
        .route::<Executions, _, _>(move |params, request| executions(Arc::clone(&b), params, request))
        .route::<CompletedOrders, _, _>(move |params, request| completed_orders(Arc::clone(&c), params, request))
}

/// One page of rows.
struct Page<T> {
    rows: Vec<T>,
    total: usize,
    truncated: bool,
    next: Option<usize>,
}

impl<T: Clone> Page<T> {
    fn of<'a>(rows: impl Iterator<Item = &'a T> + Clone, offset: usize) -> Self
    where
        T: 'a,
    {
        let total = rows.clone().count();
        let rows: Vec<T> = rows.skip(offset).take(ORDERS_MAX).cloned().collect();
        let end = offset.saturating_add(rows.len());
        let truncated = end < total;
        Self { rows, total, truncated, next: truncated.then_some(end) }
    }
}

async fn open_orders(worker: Arc<Worker>, params: OpenOrdersParams, request: Request) -> Result<OpenOrdersReply, Fault> {
    let wanted = worker.named_account(&params.account)?;
    let told = worker.open_orders(request.deadline).await?;
    let context = worker.about_orders(&told, wanted.as_deref());
    let rows = told.rows.iter().filter(|order| wanted.as_ref().is_none_or(|account| *account == order.account));
    let Page { rows, total, truncated, next } = Page::of(rows, params.offset);
    Ok(OpenOrdersReply { orders: rows, total, truncated, next, context })
}

async fn executions(worker: Arc<Worker>, params: ExecutionsParams, request: Request) -> Result<ExecutionsReply, Fault> {
    if params.days == 0 || params.days > EXECUTION_DAYS_MAX {
        let message = format!("days {} is not between 1 and {EXECUTION_DAYS_MAX}: IB keeps executions for a week at most", params.days);
        return Err(Fault::invalid("days", message));
    }
    let zone = worker.gateway_zone();
    let told = worker.executions(params.days, request.deadline).await?;
    let midnight = start_of_day(worker.reference.now(), &zone, 0);
    let since = start_of_day(worker.reference.now(), &zone, i64::from(params.days) - 1);
    let symbol = params.symbol.trim();
    let fits = |row: &&Execution| {
        // A time that cannot be read hides nothing.
        row.time.is_none_or(|time| time >= since) && (symbol.is_empty() || row.contract.symbol.eq_ignore_ascii_case(symbol))
    };
    let Page { rows, total, truncated, next } = Page::of(told.rows.iter().filter(fits), params.offset);
    Ok(ExecutionsReply {
        executions: rows,
        total,
        truncated,
        next,
        days: params.days,
        complete_since: midnight,
        complete: params.days == 1,
        context: worker.about_orders(&told, None),
    })
}

async fn completed_orders(worker: Arc<Worker>, params: CompletedOrdersParams, request: Request) -> Result<CompletedOrdersReply, Fault> {
    let (link, api_only, deadline) = (worker.link.clone(), params.api_only, request.deadline);
    let ask = move || {
        let link = link.clone();
        async move { link.completed_orders(api_only, deadline).await }
    };
    let asked_at = worker.reference.now();
    let rows = worker.completed.get(api_only.to_string(), ask).await?;
    let Page { rows, total, truncated, next } = Page::of(rows.iter(), params.offset);
    let context = Context { as_of: Some(asked_at), ..worker.reference.context(DataType::Account) };
    Ok(CompletedOrdersReply { orders: rows, total, truncated, next, context })
}

fn start_of_day(now: Timestamp, zone: &TimeZone, days_before: i64) -> Timestamp {
    let day = now.to_zoned(zone.clone()).date();
    let day = day.checked_sub(jiff::Span::new().days(days_before)).unwrap_or(day);
    day.to_zoned(zone.clone()).map_or(now, |start| start.timestamp())
}

impl Worker {
    /// After each connection asks what must be remembered if IB goes away before anybody has asked. Never ends.
    pub(crate) async fn remember_orders(self: Arc<Self>) {
        let mut states = self.link.state();
        loop {
            if states.wait_for(ib_link::State::ready).await.is_err() {
                return std::future::pending().await;
            }
            let deadline = Instant::now() + FIRST_WAIT;
            for fault in [self.open_orders(deadline).await.err(), self.executions(1, deadline).await.err()].into_iter().flatten() {
                // A gateway in Read-Only mode tells no orders; whoever asks hears it.
                tracing::info!(%fault, "orders are not remembered yet");
            }
            if states.wait_for(|state| !state.ready()).await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    async fn open_orders(&self, deadline: Instant) -> Result<Remembered<Vec<Order>>, Fault> {
        let link = self.link.clone();
        let ask = move || {
            let link = link.clone();
            async move { link.open_orders(deadline).await }
        };
        self.open.get(&self.link, ask).await
    }

    /// Today has a memory of its own: of days before IB may refuse to tell.
    async fn executions(&self, days: u32, deadline: Instant) -> Result<Remembered<Vec<Execution>>, Fault> {
        let (memory, days) = if days == 1 { (&self.today, 1) } else { (&self.week, EXECUTION_DAYS_MAX) };
        let link = self.link.clone();
        let ask = move || {
            let link = link.clone();
            async move { link.executions(days, deadline).await }
        };
        memory.get(&self.link, ask).await
    }

    fn about_orders<T>(&self, told: &Remembered<T>, account: Option<&str>) -> Context {
        let context = self.reference.context(DataType::Account);
        let ahead = self.reference.market().clock_ahead;
        let as_of = told.asked_at.checked_add(ahead).unwrap_or(told.asked_at);
        Context { as_of: Some(as_of), stale: told.stale, account: account.map(mask_account).or(context.account), ..context }
    }

    /// The account that is meant, as the login spells it; none means all.
    fn named_account(&self, wanted: &str) -> Result<Option<String>, Fault> {
        let wanted = wanted.trim();
        if wanted.is_empty() || wanted.eq_ignore_ascii_case("all") {
            return Ok(None);
        }
        let accounts = self.link.state().borrow().accounts.clone();
        match accounts.iter().find(|account| account.eq_ignore_ascii_case(wanted)) {
            Some(account) => Ok(Some(account.clone())),
            None if accounts.is_empty() => Err(Fault::new(FaultCode::GatewayDown, "no session has told the login's accounts yet")),
            None => Err(no_account(wanted, &accounts)),
        }
    }

    fn gateway_zone(&self) -> TimeZone {
        let name = self.link.state().borrow().gateway_time_zone.clone();
        name.and_then(|name| TimeZone::get(&name).ok()).or_else(|| TimeZone::get(NEW_YORK).ok()).unwrap_or(TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_end_where_the_rows_do() {
        let rows: Vec<usize> = (0..ORDERS_MAX + 3).collect();
        let first = Page::of(rows.iter(), 0);
        assert_eq!((first.rows.len(), first.total, first.truncated, first.next), (ORDERS_MAX, ORDERS_MAX + 3, true, Some(ORDERS_MAX)));
        let last = Page::of(rows.iter(), ORDERS_MAX);
        assert_eq!((last.rows.len(), last.truncated, last.next), (3, false, None));
        assert_eq!(Page::of(rows.iter(), 10_000).rows, Vec::<usize>::new());
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_zone_also_when_clocks_change() {
        let zone = TimeZone::get(NEW_YORK).expect("zone");
        let at = |text: &str| text.parse::<Timestamp>().expect(text);
        assert_eq!(start_of_day(at("2026-11-20T15:00:00Z"), &zone, 0), at("2026-11-20T05:00:00Z"));
        assert_eq!(start_of_day(at("2026-11-02T15:00:00Z"), &zone, 6), at("2026-10-27T04:00:00Z"), "summer time ended on the first");
    }
}
