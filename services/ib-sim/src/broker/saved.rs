//! The rows of the state file, and what they stand for.
//!
//! Invariant: a row made from a value gives back the same value.

use std::collections::BTreeMap;

use jiff::civil::Date;
use prost::Message;

use super::book::Desk;
use super::combo::Traded;
use super::entry::{Completed, Entry};
use super::records::Record;
use super::status::Status;
use super::terms::Terms;
use crate::proto::pb_decode::contract_of;
use crate::proto::pb_encode::wire_contract;
use crate::wire::pb::contract::Contract;
use crate::wire::pb::order::Order;
use crate::wire::pb::order_report::{CommissionAndFeesReport, Execution};
use crate::world::account::{Account, Position};

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedBook {
    #[prost(int32, tag = "1")]
    pub(super) format: i32,
    #[prost(int64, tag = "2")]
    pub(super) perms: i64,
    #[prost(uint32, tag = "3")]
    pub(super) executions: u32,
    #[prost(int32, tag = "4")]
    pub(super) bound: i32,
    #[prost(message, repeated, tag = "5")]
    pub(super) sequences: Vec<SavedSequence>,
    #[prost(message, repeated, tag = "6")]
    pub(super) orders: Vec<SavedOrder>,
    #[prost(message, repeated, tag = "7")]
    pub(super) records: Vec<SavedRecord>,
    #[prost(message, repeated, tag = "8")]
    pub(super) accounts: Vec<SavedAccount>,
    #[prost(int64, tag = "9")]
    pub(super) last_tick: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedSequence {
    #[prost(int32, tag = "1")]
    pub(super) client_id: i32,
    #[prost(int32, tag = "2")]
    pub(super) highest: i32,
    #[prost(int32, tag = "3")]
    pub(super) told: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedOrder {
    #[prost(int32, tag = "1")]
    pub(super) client_id: i32,
    #[prost(int32, tag = "2")]
    order_id: i32,
    #[prost(int64, tag = "3")]
    pub(super) perm_id: i64,
    #[prost(message, optional, tag = "4")]
    contract: Option<Contract>,
    #[prost(message, optional, tag = "5")]
    order: Option<Order>,
    #[prost(string, tag = "6")]
    account: String,
    #[prost(int32, tag = "7")]
    status: i32,
    #[prost(double, tag = "8")]
    quantity: f64,
    #[prost(double, tag = "9")]
    filled: f64,
    #[prost(double, tag = "10")]
    spent: f64,
    #[prost(double, tag = "11")]
    last_price: f64,
    #[prost(double, repeated, tag = "12")]
    fees: Vec<f64>,
    #[prost(int64, tag = "13")]
    accepted: i64,
    #[prost(int64, tag = "14")]
    not_before_ms: i64,
    #[prost(int64, optional, tag = "15")]
    expires: Option<i64>,
    #[prost(bool, tag = "16")]
    triggered: bool,
    #[prost(double, optional, tag = "17")]
    trail: Option<f64>,
    #[prost(bool, tag = "18")]
    met: bool,
    #[prost(bool, tag = "19")]
    child: bool,
    #[prost(bool, tag = "20")]
    locate: bool,
    #[prost(uint32, tag = "21")]
    slices: u32,
    #[prost(int64, optional, tag = "22")]
    completed_time: Option<i64>,
    #[prost(string, tag = "23")]
    completed_words: String,
    /// The group that the broker gave a bracket's child.
    #[prost(string, tag = "24")]
    oca_group: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedRecord {
    #[prost(int32, tag = "1")]
    pub(super) client_id: i32,
    #[prost(int64, tag = "2")]
    time: i64,
    #[prost(message, optional, tag = "3")]
    contract: Option<Contract>,
    #[prost(message, optional, tag = "4")]
    execution: Option<Execution>,
    #[prost(message, optional, tag = "5")]
    report: Option<CommissionAndFeesReport>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedAccount {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    currency: String,
    #[prost(btree_map = "string, double", tag = "3")]
    cash: BTreeMap<String, f64>,
    #[prost(message, repeated, tag = "4")]
    positions: Vec<SavedPosition>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedPosition {
    #[prost(int32, tag = "1")]
    con_id: i32,
    #[prost(double, tag = "2")]
    quantity: f64,
    #[prost(double, tag = "3")]
    average_cost: f64,
    #[prost(double, tag = "4")]
    realized: f64,
    #[prost(double, tag = "5")]
    flow: f64,
    #[prost(string, tag = "6")]
    day: String,
}

impl From<&Entry> for SavedOrder {
    fn from(entry: &Entry) -> Self {
        Self {
            client_id: entry.client_id,
            order_id: entry.order_id,
            perm_id: entry.perm_id,
            contract: Some(wire_contract(&entry.traded.contract)),
            order: Some(entry.order.clone()),
            account: entry.account.clone(),
            status: entry.status.code(),
            quantity: entry.quantity,
            filled: entry.filled,
            spent: entry.spent,
            last_price: entry.last_price,
            fees: entry.fees.clone(),
            accepted: entry.accepted,
            not_before_ms: entry.not_before_ms,
            expires: entry.expires,
            triggered: entry.triggered,
            trail: entry.trail,
            met: entry.met,
            child: entry.child,
            locate: entry.locate,
            slices: entry.slices,
            completed_time: entry.completed.as_ref().map(|done| done.time),
            completed_words: entry.completed.as_ref().map(|done| done.words.clone()).unwrap_or_default(),
            oca_group: entry.terms.oca.as_ref().map(|(group, _)| group.clone()).unwrap_or_default(),
        }
    }
}

impl SavedOrder {
    pub(super) fn is_over(&self) -> bool {
        Status::from_code(self.status).is_some_and(Status::is_final)
    }

    pub(super) fn entry(self, desk: &Desk<'_>) -> Option<Entry> {
        let mut query = contract_of(self.contract);
        // An order that is over may be in a contract that has expired meanwhile.
        query.include_expired = true;
        let combo = query.sec_type == "BAG";
        let earliest = if combo { Date::MIN } else { desk.world.today(desk.now()) };
        let order = self.order?;
        let mut traded = Traded::resolve(desk.world, &query, earliest).ok()?;
        query.include_expired = false;
        traded.contract = query;
        let zone = traded.lead(desk.world)?.hours.zone();
        let mut terms = Terms::read(&order, self.accepted, zone).ok()?;
        if terms.oca.is_none() && !self.oca_group.is_empty() {
            terms.oca = Some((self.oca_group, super::terms::OcaType::Reduce));
        }
        Some(Entry {
            client_id: self.client_id,
            order_id: self.order_id,
            perm_id: self.perm_id,
            traded,
            order,
            account: self.account,
            terms,
            status: Status::from_code(self.status)?,
            quantity: self.quantity,
            filled: self.filled,
            spent: self.spent,
            last_price: self.last_price,
            fees: self.fees,
            accepted: self.accepted,
            not_before_ms: self.not_before_ms,
            expires: self.expires,
            triggered: self.triggered,
            trail: self.trail,
            streak: 0,
            met: self.met,
            child: self.child,
            locate: self.locate,
            seen: 0,
            slices: self.slices,
            muted: false,
            completed: self.completed_time.map(|time| Completed { time, words: self.completed_words }),
        })
    }
}

impl From<&Record> for SavedRecord {
    fn from(record: &Record) -> Self {
        Self {
            client_id: record.client_id,
            time: record.time,
            contract: Some(wire_contract(&record.contract)),
            execution: Some(record.execution.clone()),
            report: record.report.clone(),
        }
    }
}

impl From<SavedRecord> for Record {
    fn from(row: SavedRecord) -> Self {
        Self {
            client_id: row.client_id,
            time: row.time,
            contract: contract_of(row.contract),
            execution: row.execution.unwrap_or_default(),
            report: row.report,
        }
    }
}

impl From<&Account> for SavedAccount {
    fn from(account: &Account) -> Self {
        let positions = account.positions.iter().map(|held| SavedPosition {
            con_id: held.con_id,
            quantity: held.quantity,
            average_cost: held.average_cost,
            realized: held.realized,
            flow: held.flow,
            day: held.day.map(|day| day.to_string()).unwrap_or_default(),
        });
        Self { id: account.id.clone(), currency: account.currency.clone(), cash: account.cash.clone(), positions: positions.collect() }
    }
}

impl From<SavedAccount> for Account {
    fn from(row: SavedAccount) -> Self {
        let positions = row.positions.into_iter().map(|held| Position {
            con_id: held.con_id,
            quantity: held.quantity,
            average_cost: held.average_cost,
            realized: held.realized,
            flow: held.flow,
            day: held.day.parse().ok(),
        });
        Self { id: row.id, currency: row.currency, cash: row.cash, positions: positions.collect() }
    }
}
