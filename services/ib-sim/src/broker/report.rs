//! Orders as a gateway tells them: the echo of an order, its state, its status.
//!
//! Invariant: a field that a captured gateway leaves out is left out here; what it fills in by itself
//! is filled in the same way.

use super::entry::Entry;
use super::terms::{Kind, Tif};
use crate::proto::event::Event;
use crate::wire::pb::order::Order;
use crate::wire::pb::order_report::{OrderState, OrderStatus};
use crate::world::World;
use crate::world::calendar::wall;
use crate::world::instrument::{decimal, plain};

/// Who a gateway says has entered the order.
pub(super) const SUBMITTER: &str = "ibsim";
const SHAREHOLDER: &str = "Not an insider or substantial shareholder";
/// IB ends a good-till-cancelled order that nobody touched after about a quarter.
const GTC_DAYS: i64 = 90;
const SECONDS_PER_DAY: i64 = 86_400;

/// An instant on the wall of the exchange, as orders and executions carry it.
pub(super) fn stamp(world: &World, entry: &Entry, instant: i64) -> String {
    let hours = entry.traded.lead(world).map_or(crate::world::calendar::Hours::UsStock, |row| row.hours);
    format!("{} {}", wall(hours, instant, "%Y%m%d %H:%M:%S"), hours.zone_id())
}

/// The order as it is echoed.
pub(super) fn echo(world: &World, entry: &Entry) -> Order {
    let limit = entry.terms.kind.limit();
    let bounded = limit.filter(|_| matches!(entry.terms.kind, Kind::Limit(_)));
    let trail = entry.trail.map(|stop| decimal(stop, 4)).or(bounded.map(|limit| decimal(limit + entry.side().sign(), 6)));
    Order {
        client_id: Some(entry.client_id),
        order_id: Some(entry.order_id),
        perm_id: Some(entry.perm_id),
        parent_id: Some(entry.terms.parent_id),
        total_quantity: Some(plain(entry.quantity)),
        lmt_price: Some(entry.order.lmt_price.unwrap_or(0.0)),
        aux_price: Some(entry.order.aux_price.unwrap_or(0.0)),
        tif: Some(entry.order.tif.clone().filter(|tif| !tif.is_empty()).unwrap_or_else(|| "DAY".into())),
        account: Some(entry.account.clone()),
        clearing_intent: Some("IB".into()),
        oca_group: entry.terms.oca.as_ref().map(|(group, _)| group.clone()),
        oca_type: Some(entry.order.oca_type.filter(|kind| *kind > 0).unwrap_or(3)),
        trigger_method: Some(entry.order.trigger_method.unwrap_or(0)),
        trail_stop_price: trail,
        volatility_type: Some(0),
        delta_neutral_order_type: Some("None".into()),
        exempt_code: Some(-1),
        adjusted_order_type: entry.order.adjusted_order_type.clone().filter(|kind| !kind.is_empty()).or(Some("None".into())),
        dont_use_auto_price_for_hedge: Some(true),
        filled_quantity: Some(plain(entry.filled)),
        shareholder: Some(SHAREHOLDER.into()),
        min_compete_size: Some(100),
        compete_against_best_offset: Some(0.02),
        submitter: Some(SUBMITTER.into()),
        auto_cancel_date: (entry.terms.tif == Tif::GoodTillCancelled)
            .then(|| stamp(world, entry, entry.accepted + GTC_DAYS * SECONDS_PER_DAY)),
        transmit: None,
        what_if: None,
        ..entry.order.clone()
    }
}

fn state(world: &World, entry: &Entry) -> OrderState {
    let fees: f64 = entry.fees.iter().sum();
    OrderState {
        status: Some(entry.status.word().into()),
        commission_and_fees: (fees > 0.0).then(|| decimal(fees, 6)),
        commission_and_fees_currency: (fees > 0.0).then(|| entry.traded.contract.currency.clone()),
        completed_time: entry.completed.as_ref().map(|done| stamp(world, entry, done.time)),
        completed_status: entry.completed.as_ref().map(|done| done.words.clone()),
        ..OrderState::default()
    }
}

pub(super) fn open_order(world: &World, entry: &Entry) -> Event {
    Event::OpenOrder {
        order_id: entry.order_id,
        contract: Box::new(entry.traded.contract.clone()),
        order: Box::new(echo(world, entry)),
        state: Box::new(state(world, entry)),
    }
}

pub(super) fn preview(world: &World, entry: &Entry, state: OrderState) -> Event {
    Event::OpenOrder {
        order_id: entry.order_id,
        contract: Box::new(entry.traded.contract.clone()),
        order: Box::new(Order { what_if: Some(true), what_if_type: Some(1), ..echo(world, entry) }),
        state: Box::new(state),
    }
}

pub(super) fn order_status(entry: &Entry) -> Event {
    Event::OrderStatus(Box::new(OrderStatus {
        order_id: Some(entry.order_id),
        status: Some(entry.status.word().into()),
        filled: Some(plain(entry.filled)),
        remaining: Some(plain(entry.remaining())),
        avg_fill_price: Some(entry.average()),
        perm_id: Some(entry.perm_id),
        parent_id: Some(entry.terms.parent_id),
        last_fill_price: Some(entry.last_price),
        client_id: Some(entry.client_id),
        why_held: entry.why_held().map(str::to_owned),
        mkt_cap_price: Some(0.0),
    }))
}

/// A finished order: it has no order id any more, only the broker's.
pub(super) fn completed_order(world: &World, entry: &Entry) -> Event {
    let order = Order { order_id: None, client_id: None, ..echo(world, entry) };
    Event::CompletedOrder {
        contract: Box::new(entry.traded.contract.clone()),
        order: Box::new(order),
        state: Box::new(state(world, entry)),
    }
}

/// The first line of a 399: side, size and contract, as `BUY 1 AAPL NASDAQ.NMS`.
pub(super) fn headline(world: &World, entry: &Entry) -> String {
    let own = &entry.traded.contract;
    let place = entry.traded.lead(world).filter(|_| !entry.traded.combo).map_or_else(String::new, |row| {
        let primary = &row.contract.primary_exchange;
        if primary.is_empty() { row.home_exchange().to_owned() } else { format!("{primary}.{}", own.trading_class) }
    });
    let side = if entry.side().sign() > 0.0 { "BUY" } else { "SELL" };
    let name = if own.sec_type == "OPT" { own.local_symbol.as_str() } else { own.symbol.as_str() };
    format!("{side} {} {name} {place}", plain(entry.quantity)).trim_end().to_owned()
}
