//! Orders and executions.

use std::collections::BTreeMap;

use ibapi::{contracts as ib, orders};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use schemas::{
    Num,
    account::{Execution, Order, OrderLeg, Side},
};

use super::{contract, iana_zone, text};

const fn side(action: orders::Action) -> Side {
    match action {
        orders::Action::Buy => Side::Buy,
        orders::Action::Sell => Side::Sell,
        orders::Action::SellShort => Side::Sshort,
        orders::Action::SellLong => Side::Slong,
    }
}

fn leg(leg: &ib::ComboLeg) -> OrderLeg {
    let side = match leg.action {
        ib::LegAction::Buy => Side::Buy,
        ib::LegAction::Sell => Side::Sell,
        ib::LegAction::SellShort => Side::Sshort,
    };
    OrderLeg { conid: leg.contract_id, side, ratio: leg.ratio, exchange: leg.exchange.clone() }
}

/// What two texts of IB's say, without saying it twice.
fn said(texts: &[&str]) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in texts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn positive(id: i32) -> Option<i32> {
    (id > 0).then_some(id)
}

/// An order as its frame alone tells it: IB leaves out of it what was filled.
fn order(found: &orders::OrderData) -> Order {
    let (order, state) = (&found.order, &found.order_state);
    // Of an order without a limit IB writes zero; a combination may have one.
    let limited = order.order_type.contains("LMT") || order.order_type.contains("LIMIT");
    Order {
        account: order.account.clone(),
        perm_id: order.perm_id,
        order_id: positive(found.order_id),
        client_id: Some(order.client_id),
        contract: contract(&found.contract),
        legs: found.contract.combo_legs.iter().map(leg).collect(),
        side: side(order.action),
        quantity: Num::from_ib(order.total_quantity).filter(|quantity| *quantity > Num::ZERO),
        filled: None,
        remaining: None,
        average_fill_price: None,
        order_type: order.order_type.clone(),
        limit_price: order.limit_price.and_then(Num::from_ib).filter(|price| limited || *price != Num::ZERO),
        aux_price: order.aux_price.and_then(Num::from_ib).filter(|price| *price != Num::ZERO),
        time_in_force: order.tif.as_str().to_owned(),
        status: state.status.as_str().to_owned(),
        parent_id: positive(order.parent_id),
        oca_group: text(&order.oca_group),
        order_ref: text(&order.order_ref),
        outside_rth: order.outside_rth,
        note: said(&[&state.warning_text, &state.reject_reason]),
        completed_at: None,
    }
}

/// Orders of one snapshot, each with its newest status. No order of the messages is promised.
pub(crate) fn open_orders(rows: &[orders::Orders]) -> Vec<Order> {
    let key = |perm_id: i64, client_id: i32, order_id: i32| if perm_id == 0 { (0, client_id, order_id) } else { (perm_id, 0, 0) };
    let mut statuses = BTreeMap::new();
    for row in rows {
        if let orders::Orders::OrderStatus(status) = row {
            statuses.insert(key(status.perm_id, status.client_id, status.order_id), status);
        }
    }
    let mut told = BTreeMap::new();
    for row in rows {
        let orders::Orders::OrderData(data) = row else { continue };
        let key = key(data.order.perm_id, data.order.client_id, data.order_id);
        let mut order = order(data);
        if let Some(status) = statuses.get(&key) {
            status.status.as_str().clone_into(&mut order.status);
            order.filled = Num::from_ib(status.filled);
            order.remaining = Num::from_ib(status.remaining);
            let filled = order.filled.is_some_and(|filled| filled > Num::ZERO);
            order.average_fill_price = status.average_fill_price.and_then(Num::from_ib).filter(|_| filled);
            order.note = said(&[order.note.as_deref().unwrap_or_default(), &status.why_held]);
        }
        told.insert((order.account.clone(), key), order);
    }
    told.into_values().collect()
}

/// An order that ended. IB tells its quantity as what was left; captures of older gateways have the whole there, which for
/// a filled order can be told apart.
pub(crate) fn completed_order(data: &orders::OrderData) -> Order {
    let (found, state) = (&data.order, &data.order_state);
    let filled = Num::from_ib(found.filled_quantity);
    let left = if state.status == orders::OrderStatusKind::Filled { Some(Num::ZERO) } else { Num::from_ib(found.total_quantity) };
    let whole = left.zip(filled).map(|(left, filled)| Num(left.0 + filled.0)).filter(|whole| *whole > Num::ZERO);
    Order {
        order_id: None,
        client_id: None,
        quantity: whole,
        filled,
        remaining: left,
        note: said(&[&state.completed_status, &state.reject_reason, &state.warning_text]),
        completed_at: moment(&state.completed_time),
        ..order(data)
    }
}

/// Executions with what they cost, newest first. A correction replaces what it corrects: the same id up to the last dot,
/// with a higher number behind.
pub(crate) fn executions(rows: &[orders::Executions]) -> Vec<Execution> {
    let mut costs = BTreeMap::new();
    for row in rows {
        if let orders::Executions::CommissionReport(report) = row {
            costs.insert(report.execution_id.as_str(), report);
        }
    }
    let mut told: BTreeMap<String, (u64, Execution)> = BTreeMap::new();
    for row in rows {
        let orders::Executions::ExecutionData(data) = row else { continue };
        let Some(execution) = execution(data, costs.get(data.execution.execution_id.as_str()).copied()) else { continue };
        let id = execution.execution_id.as_str();
        // Legs of a combination have ids of their own, so the account's other rows are never meant.
        let (base, version) = id.rsplit_once('.').and_then(|(base, last)| Some((base, last.parse().ok()?))).unwrap_or((id, 0));
        let base = format!("{base} {}", execution.contract.conid);
        if told.get(&base).is_none_or(|(before, _)| *before <= version) {
            told.insert(base, (version, execution));
        }
    }
    let mut executions: Vec<Execution> = told.into_values().map(|(_, execution)| execution).collect();
    executions.sort_by(|a, b| (b.time, &b.execution_id).cmp(&(a.time, &a.execution_id)));
    executions
}

fn execution(data: &orders::ExecutionData, cost: Option<&orders::CommissionReport>) -> Option<Execution> {
    let found = &data.execution;
    // IB writes -1 for a commission that it does not know yet.
    let commission = cost.and_then(|cost| Num::from_ib(cost.commission)).filter(|commission| *commission != Num::from(-1));
    Some(Execution {
        execution_id: found.execution_id.clone(),
        account: found.account_number.clone(),
        time: moment(&found.time),
        contract: contract(&data.contract),
        side: match found.side {
            orders::ExecutionSide::Bought => Side::Buy,
            orders::ExecutionSide::Sold => Side::Sell,
        },
        quantity: Num::from_ib(found.shares)?,
        price: Num::from_ib(found.price)?,
        exchange: found.exchange.clone(),
        perm_id: found.perm_id,
        order_id: found.order_id,
        client_id: found.client_id,
        order_ref: text(&found.order_reference),
        commission,
        commission_currency: cost.filter(|_| commission.is_some()).and_then(|cost| text(&cost.currency)),
        realized_pnl: cost.and_then(|cost| cost.realized_pnl).and_then(Num::from_ib),
        liquidation: found.liquidation != 0,
    })
}

/// `20261120 10:30:45 US/Eastern`, or `20261120-15:30:45`, which is UTC. Without a zone nobody knows when it was.
fn moment(told: &str) -> Option<Timestamp> {
    let told = told.trim();
    let mut parts = told.splitn(3, ' ').filter(|part| !part.is_empty());
    let (day, time, zone) = (parts.next()?, parts.next(), parts.next());
    let (civil, zone) = match (time, zone) {
        (None, None) => (DateTime::strptime("%Y%m%d-%H:%M:%S", day).ok()?, TimeZone::UTC),
        (Some(time), Some(zone)) => {
            let civil = DateTime::strptime("%Y%m%d %H:%M:%S", format!("{day} {time}")).ok()?;
            (civil, TimeZone::get(&iana_zone(zone)?).ok()?)
        }
        _ => return None,
    };
    zone.to_timestamp(civil).ok()
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
