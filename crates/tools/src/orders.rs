//! Tools about orders and executions; they read, and change nothing.

use jiff::Timestamp;
use schemas::{
    Context, Fault, Num,
    account::{
        CompletedOrders, CompletedOrdersParams, CompletedOrdersReply, EXECUTION_DAYS_MAX, Execution, Executions, ExecutionsParams,
        ExecutionsReply, OpenOrders, OpenOrdersParams, OpenOrdersReply, Order,
    },
};

use crate::{
    account::{ACCOUNT, account, whose},
    argument::Argument,
    asked::Asked,
    context::{NEW_YORK, full, zone},
    page::{Body, Keep},
    symbol, text,
    tool::{Definition, Toolset},
    worth::OFFSET,
};

/// Times in New York's zone: the text of an answer from memory must not depend on its context.
fn time(at: Option<Timestamp>) -> String {
    at.map(|at| full(at, &zone(NEW_YORK))).unwrap_or_default()
}

fn price(value: Option<Num>) -> String {
    value.map(text::price).unwrap_or_default()
}

fn plain(value: Option<Num>) -> String {
    value.map(text::plain).unwrap_or_default()
}

/// What was cut, and how to get it.
fn paged(body: &mut Body, asked: &Asked, (total, next): (usize, Option<usize>)) {
    let offset = asked.count("offset").unwrap_or(0);
    if let Some(next) = next {
        body.after(format!("*Rows {} to {next} of {total} were answered. offset={next} gets the rest.*", offset + 1));
    }
    body.when_cut(Keep::First, move |shown, _| {
        let end = offset + shown;
        format!("*Showing rows {} to {end} of {total}. offset={end} gets the rest.*", offset + 1)
    });
}

/// Instead of "none" where there are some, but none so far down.
fn beyond(what: &str, total: usize) -> Option<Body> {
    (total > 0).then(|| Body::titled(format!("No {what} beyond this offset: there are {total}.")))
}

/// An instrument in one cell.
fn instrument(contract: &schemas::contracts::Contract) -> String {
    match &contract.local_symbol {
        Some(local) if *local != contract.symbol => format!("{} {} ({local})", contract.symbol, contract.sec_type),
        _ => format!("{} {}", contract.symbol, contract.sec_type),
    }
}

pub(crate) struct GetOpenOrders;

impl Definition for GetOpenOrders {
    type Op = OpenOrders;
    const NAME: &'static str = "get_open_orders";
    const TITLE: &'static str = "Get Open Orders";
    const ABOUT: &'static str = "Working orders of the whole login, whoever placed them (programs, TWS), with status and what is filled.";
    const TOOLSET: Toolset = Toolset::Orders;
    const ARGUMENTS: &'static [Argument] = &[ACCOUNT, OFFSET];

    fn params(asked: &mut Asked) -> Result<OpenOrdersParams, Fault> {
        Ok(OpenOrdersParams { account: account(asked)?, offset: asked.count("offset").unwrap_or(0) })
    }

    fn context(reply: &OpenOrdersReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &OpenOrdersReply) -> Body {
        if reply.orders.is_empty() {
            let none = || Body::titled(format!("No open orders{}", whose(asked, " for account ", "")));
            return beyond("open orders", reply.total).unwrap_or_else(none);
        }
        let mut body = Body::titled(format!("# Open Orders{}", whose(asked, " for account ", " (all accounts)")));
        body.gap();
        table(&mut body, &reply.orders, "Remaining", |order| plain(order.remaining));
        paged(&mut body, asked, (reply.total, reply.next));
        body
    }
}

fn table(body: &mut Body, orders: &[Order], last: &str, told: impl Fn(&Order) -> String) {
    #[rustfmt::skip]
    let columns = ["Account", "Perm ID", "Order ID", "Client", "Instrument", "Side", "Quantity", "Type", "Limit", "Aux", "TIF", "Status", "Filled", "Avg Price", last, "Ref", "Note"];
    body.columns(&columns);
    let number = |id: Option<i32>| id.map(|id| id.to_string()).unwrap_or_default();
    for order in orders {
        body.cells(&[
            order.account.clone(),
            order.perm_id.to_string(),
            number(order.order_id),
            number(order.client_id),
            instrument(&order.contract),
            order.side.as_str().to_owned(),
            plain(order.quantity),
            order.order_type.clone(),
            price(order.limit_price),
            price(order.aux_price),
            order.time_in_force.clone(),
            order.status.clone(),
            plain(order.filled),
            price(order.average_fill_price),
            told(order),
            order.order_ref.clone().unwrap_or_default(),
            order.note.clone().unwrap_or_default(),
        ]);
    }
}

pub(crate) struct GetCompletedOrders;

impl Definition for GetCompletedOrders {
    type Op = CompletedOrders;
    const NAME: &'static str = "get_completed_orders";
    const TITLE: &'static str = "Get Completed Orders";
    const ABOUT: &'static str =
        "Orders that were filled, cancelled or refused lately, newest first. How far back is IB's choice, often today only.";
    const TOOLSET: Toolset = Toolset::Orders;
    const ARGUMENTS: &'static [Argument] = &[Argument::boolean("api_only", "Only orders of programs, not of TWS", false), OFFSET];

    fn params(asked: &mut Asked) -> Result<CompletedOrdersParams, Fault> {
        Ok(CompletedOrdersParams { api_only: asked.boolean("api_only").unwrap_or(false), offset: asked.count("offset").unwrap_or(0) })
    }

    fn context(reply: &CompletedOrdersReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &CompletedOrdersReply) -> Body {
        if reply.orders.is_empty() {
            return beyond("completed orders", reply.total).unwrap_or_else(|| Body::titled("No completed orders that IB still tells"));
        }
        let mut body = Body::titled("# Completed Orders");
        body.gap();
        table(&mut body, &reply.orders, "Completed", |order| time(order.completed_at));
        paged(&mut body, asked, (reply.total, reply.next));
        body
    }
}

pub(crate) struct GetExecutions;

impl Definition for GetExecutions {
    type Op = Executions;
    const NAME: &'static str = "get_executions";
    const TITLE: &'static str = "Get Executions";
    const ABOUT: &'static str = "What was traded, by whomever, with commissions and realized profit, newest first. IB surely tells today; of days before only what its gateway still has, and then complete is false.";
    const TOOLSET: Toolset = Toolset::Orders;
    const ARGUMENTS: &'static [Argument] = &[
        Argument::text("symbol", "Only this symbol").or_text(""),
        Argument::integer("days", "Today and days before it", 1, EXECUTION_DAYS_MAX as i64).or_integer(1),
        OFFSET,
    ];

    fn params(asked: &mut Asked) -> Result<ExecutionsParams, Fault> {
        let (symbol, understood) = asked.text("symbol").map(symbol::filter).transpose()?.unwrap_or_default();
        asked.understood = understood;
        let days = asked.integer("days").and_then(|days| u32::try_from(days).ok()).unwrap_or(1);
        Ok(ExecutionsParams { symbol, days, offset: asked.count("offset").unwrap_or(0) })
    }

    fn context(reply: &ExecutionsReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &ExecutionsReply) -> Body {
        let of = asked.text("symbol").map(|symbol| format!(" of {}", text::inline(symbol, 64))).unwrap_or_default();
        let since = full(reply.complete_since, &zone(NEW_YORK));
        let whole =
            if reply.complete { "everything since then is told" } else { "of the days before, IB tells only what its gateway still has" };
        let reach = format!("*Complete since {since}: {whole}.*");
        if reply.executions.is_empty() {
            let none = || Body::titled(format!("No executions{of} in {} day(s)", reply.days));
            let mut body = beyond("executions", reply.total).unwrap_or_else(none);
            body.line(reach);
            return body;
        }
        let mut body = Body::titled(format!("# Executions{of}"));
        body.line(reach);
        body.note(asked.understood.as_ref().map(|words| format!("*{words}.*")));
        body.gap();
        body.columns(&[
            "Time",
            "Account",
            "Instrument",
            "Side",
            "Quantity",
            "Price",
            "Exchange",
            "Commission",
            "Realized P&L",
            "Perm ID",
            "Ref",
        ]);
        reply.executions.iter().for_each(|row| body.cells(&cells(row)));
        paged(&mut body, asked, (reply.total, reply.next));
        body
    }
}

fn cells(row: &Execution) -> [String; 11] {
    let currency = row.commission_currency.as_deref().map(|currency| format!(" {currency}")).unwrap_or_default();
    [
        time(row.time),
        row.account.clone(),
        instrument(&row.contract),
        row.side.as_str().to_owned(),
        text::plain(row.quantity),
        text::price(row.price),
        row.exchange.clone(),
        row.commission.map(|commission| format!("{}{currency}", text::price(commission))).unwrap_or_default(),
        row.realized_pnl.map(text::money).unwrap_or_default(),
        row.perm_id.to_string(),
        row.order_ref.clone().unwrap_or_default(),
    ]
}
