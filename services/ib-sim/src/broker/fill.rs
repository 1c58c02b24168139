//! What follows a fill: executions, fees, positions and cash, then the order's group and children.
//!
//! Invariant: what an order has filled is the sum of its executions, and every execution is booked in
//! the account once, at its own price and fee.

use super::book::{Book, Desk};
use super::entry::Entry;
use super::records::Record;
use super::status::Status;
use super::terms::{OcaType, Side};
use super::{cancel, fees, place, report};
use crate::proto::types::Contract;
use crate::wire::pb::order_report::{CommissionAndFeesReport, Execution};
use crate::world::account::{Settlement, Trade};
use crate::world::instrument::{Instrument, decimal, plain};

/// A fill of an order: units and the price of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fill {
    pub(super) size: f64,
    pub(super) price: f64,
    /// The order stood in the book and somebody came to it.
    pub(super) added: bool,
}

impl Book {
    /// In the order of the captures: executions, the order, its status, then the fees.
    pub(super) fn fill(&mut self, desk: &Desk<'_>, perm_id: i64, fill: Fill) {
        let Some(entry) = self.orders.get_mut(&perm_id) else { return };
        entry.filled = decimal(entry.filled + fill.size, 8);
        entry.spent += fill.size * fill.price;
        entry.last_price = fill.price;
        let done = entry.remaining() <= 0.0;
        let words = place::filled_words(entry.filled);
        let records = self.book_executions(desk, perm_id, fill);
        if done {
            self.complete(perm_id, Status::Filled, desk.now(), words);
        }
        for record in &records {
            self.tell(perm_id, record.details(-1));
        }
        self.tell_open(desk, perm_id);
        self.tell_status(perm_id);
        for report in records.iter().filter_map(Record::fees) {
            self.tell(perm_id, report);
        }
        self.records.extend(records);
        self.touch();
        self.reduce_group(desk, perm_id, fill.size, done);
        if done {
            self.wake_children(desk, perm_id);
        }
    }

    fn book_executions(&mut self, desk: &Desk<'_>, perm_id: i64, fill: Fill) -> Vec<Record> {
        let Some(entry) = self.orders.get(&perm_id).cloned() else { return Vec::new() };
        let mut records = Vec::new();
        if entry.traded.combo {
            let contract = entry.traded.contract.clone();
            let own = Part { side: entry.side(), size: fill.size, price: fill.price, filled: entry.filled, average: entry.average() };
            records.push(self.record(desk, &entry, contract, own, fill.added));
        }
        let prices = if entry.traded.combo { entry.traded.leg_prices(desk.world, entry.side(), desk.now()) } else { vec![fill.price] };
        for (index, ((instrument, ratio), price)) in entry.traded.instruments(desk.world).into_iter().zip(prices).enumerate() {
            let side = Side::of(ratio * entry.side().sign());
            let units = ratio.abs();
            let average = if entry.traded.combo { price } else { entry.average() };
            let part = Part { side, size: decimal(fill.size * units, 8), price, filled: decimal(entry.filled * units, 8), average };
            let fee = (fees::order_fee(instrument, part.filled, price) - entry.fees[index]).max(0.0);
            let realized = desk.world.accounts.take(&entry.account, &trade(desk, instrument, &part, fee));
            if let Some(charged) = self.orders.get_mut(&perm_id).and_then(|entry| entry.fees.get_mut(index)) {
                *charged += fee;
            }
            let mut contract = instrument.contract.clone();
            contract.primary_exchange = String::new();
            contract.exchange = venue(instrument, &entry.traded.contract.exchange).to_owned();
            let mut record = self.record(desk, &entry, contract, part, fill.added);
            record.report = Some(CommissionAndFeesReport {
                exec_id: record.execution.exec_id.clone(),
                commission_and_fees: Some(decimal(fee, 6)),
                currency: Some(instrument.contract.currency.clone()),
                // Absent on an opening trade, as captured.
                realized_pnl: realized.map(|amount| decimal(amount, 6)),
                bond_yield: None,
                yield_redemption_date: None,
            });
            records.push(record);
        }
        self.account_changed(&entry.account);
        records
    }

    fn record(&mut self, desk: &Desk<'_>, entry: &Entry, contract: Contract, part: Part, added: bool) -> Record {
        let now = desk.now();
        let execution = Execution {
            order_id: Some(entry.order_id),
            exec_id: Some(self.ids.execution(now)),
            time: Some(report::stamp(desk.world, entry, now)),
            acct_number: Some(entry.account.clone()),
            exchange: Some(contract.exchange.clone()),
            side: Some(part.side.executed().into()),
            shares: Some(plain(part.size)),
            price: Some(part.price),
            perm_id: Some(entry.perm_id),
            client_id: Some(entry.client_id),
            is_liquidation: Some(false),
            cum_qty: Some(plain(part.filled)),
            avg_price: Some(part.average),
            order_ref: entry.order.order_ref.clone().filter(|text| !text.is_empty()),
            last_liquidity: Some(if added { 1 } else { 2 }),
            submitter: Some(report::SUBMITTER.into()),
            opt_exercise_or_lapse_type: Some(-1),
            ..Execution::default()
        };
        Record { client_id: entry.client_id, time: now, contract, execution, report: None }
    }

    /// One cancels the others, or takes its size from them.
    fn reduce_group(&mut self, desk: &Desk<'_>, perm_id: i64, size: f64, done: bool) {
        let Some(entry) = self.orders.get(&perm_id) else { return };
        let Some((group, kind)) = entry.terms.oca.clone() else { return };
        let account = entry.account.clone();
        let others: Vec<i64> = self
            .orders
            .values()
            .filter(|other| other.perm_id != perm_id && other.status.is_working() && other.account == account)
            .filter(|other| other.terms.oca.as_ref().is_some_and(|(own, _)| *own == group))
            .map(|other| other.perm_id)
            .collect();
        for other in others {
            let Some(entry) = self.orders.get_mut(&other).filter(|entry| entry.status.is_working()) else { continue };
            if done || kind == OcaType::Cancel || entry.remaining() <= size {
                self.withdraw(desk, other, cancel::BY_SYSTEM);
            } else {
                entry.quantity = decimal(entry.quantity - size, 8);
                self.tell_open(desk, other);
                self.tell_status(other);
            }
        }
    }

    fn wake_children(&mut self, desk: &Desk<'_>, perm_id: i64) {
        let Some((client_id, order_id)) = self.orders.get(&perm_id).map(|entry| (entry.client_id, entry.order_id)) else { return };
        let children: Vec<i64> = self
            .orders
            .values()
            .filter(|entry| entry.child && entry.client_id == client_id && entry.terms.parent_id == order_id)
            .map(|entry| entry.perm_id)
            .collect();
        for child in children {
            if let Some(entry) = self.orders.get_mut(&child) {
                entry.child = false;
            }
            self.schedule(desk, child);
            self.restate(desk, child);
            self.tell_open(desk, child);
            self.tell_status(child);
        }
    }
}

/// One execution's part of an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) side: Side,
    pub(super) size: f64,
    pub(super) price: f64,
    pub(super) filled: f64,
    pub(super) average: f64,
}

pub(super) fn trade(desk: &Desk<'_>, instrument: &Instrument, part: &Part, fee: f64) -> Trade {
    let own = &instrument.contract;
    Trade {
        con_id: own.con_id,
        settlement: match own.sec_type.as_str() {
            "FUT" => Settlement::Future,
            "CASH" => Settlement::Exchange { bought: own.symbol.clone() },
            _ => Settlement::Cash,
        },
        currency: own.currency.clone(),
        multiplier: instrument.multiplier(),
        quantity: part.side.sign() * part.size,
        price: part.price,
        fee,
        previous_close: desk.world.previous_close(instrument, desk.now()),
        day: desk.world.today(desk.now()),
    }
}

/// Where a routed order is filled.
fn venue<'a>(instrument: &'a Instrument, exchange: &'a str) -> &'a str {
    if exchange != "SMART" {
        return exchange;
    }
    let primary = &instrument.contract.primary_exchange;
    if primary.is_empty() { instrument.venue() } else { primary }
}
