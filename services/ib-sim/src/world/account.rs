//! What the accounts hold. Values in money are computed elsewhere, from these and the prices.
//!
//! Invariant: one lock around all accounts, never held across an await; a position of zero stays listed
//! for the day, as IB keeps it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;

use super::instrument::decimal;
use super::scenario::AccountData;

/// Further accounts are numbered from the first one's id.
const EXTRA_PREFIX: &str = "DUSIM";
const EXTRA_CASH: f64 = 1_000_000.0;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Position {
    pub(crate) con_id: i32,
    pub(crate) quantity: f64,
    /// As IB counts it: an option's includes its multiplier.
    pub(crate) average_cost: f64,
    /// Of the trading day `day`; each day begins at zero.
    pub(crate) realized: f64,
    /// What the trades of the day changed against yesterday's close, fees included.
    pub(crate) flow: f64,
    pub(crate) day: Option<Date>,
}

impl Position {
    pub(crate) fn new(con_id: i32, quantity: f64, average_cost: f64) -> Self {
        Self { con_id, quantity, average_cost, realized: 0.0, flow: 0.0, day: None }
    }

    /// As it counts on a day: what other days realized is history.
    pub(crate) fn on(&self, today: Date) -> Self {
        let today = Some(today);
        if self.day == today { self.clone() } else { Self { realized: 0.0, flow: 0.0, day: today, ..self.clone() } }
    }

    /// Takes in a trade; answers what it realized, if it closed anything. As IB counts, the average
    /// cost carries the fees of opening, and what is realized carries those of closing.
    fn take(&mut self, trade: &Trade) -> Option<f64> {
        *self = self.on(trade.day);
        let unit = trade.price * trade.multiplier;
        let closing = if self.quantity * trade.quantity < 0.0 { trade.quantity.abs().min(self.quantity.abs()) } else { 0.0 };
        let opening = trade.quantity.abs() - closing;
        let fee_of = |part: f64| trade.fee * part / trade.quantity.abs();
        let realized = (closing > 0.0).then(|| self.quantity.signum() * (unit - self.average_cost) * closing - fee_of(closing));
        let before = self.quantity.abs() - closing;
        self.quantity = decimal(self.quantity + trade.quantity, 8);
        if opening > 0.0 {
            // A short sale brings in less by its fee.
            let cost = unit * opening + fee_of(opening) * trade.quantity.signum();
            self.average_cost = (self.average_cost * before + cost) / (before + opening);
        } else if self.quantity == 0.0 {
            self.average_cost = 0.0;
        }
        self.realized += realized.unwrap_or(0.0);
        self.flow += trade.quantity * (trade.previous_close - trade.price) * trade.multiplier - trade.fee;
        realized
    }
}

/// How a trade is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// Paid in full.
    Cash,
    /// Only gains and losses are paid, when they are realized.
    Future,
    /// This currency against the other one; there is no position.
    Exchange { bought: String },
}

/// One fill as an account sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trade {
    pub(crate) con_id: i32,
    pub(crate) settlement: Settlement,
    pub(crate) currency: String,
    pub(crate) multiplier: f64,
    /// Signed: bought is positive.
    pub(crate) quantity: f64,
    pub(crate) price: f64,
    pub(crate) fee: f64,
    pub(crate) previous_close: f64,
    pub(crate) day: Date,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) currency: String,
    pub(crate) cash: BTreeMap<String, f64>,
    pub(crate) positions: Vec<Position>,
}

impl Account {
    /// Books a fill; answers what it realized, if it closed anything.
    pub(crate) fn take(&mut self, trade: &Trade) -> Option<f64> {
        let cash = |account: &mut Self, currency: &str, amount: f64| {
            *account.cash.entry(currency.to_owned()).or_default() += amount;
        };
        if let Settlement::Exchange { bought } = &trade.settlement {
            cash(self, bought, trade.quantity);
            cash(self, &trade.currency, -trade.quantity * trade.price - trade.fee);
            return None;
        }
        let index = self.positions.iter().position(|held| held.con_id == trade.con_id).unwrap_or_else(|| {
            self.positions.push(Position::new(trade.con_id, 0.0, 0.0));
            self.positions.len() - 1
        });
        let realized = self.positions[index].take(trade);
        let paid = match trade.settlement {
            Settlement::Future => realized.unwrap_or(0.0),
            _ => -trade.quantity * trade.price * trade.multiplier - trade.fee,
        };
        cash(self, &trade.currency, paid);
        realized
    }

    pub(crate) fn quantity(&self, con_id: i32) -> f64 {
        self.positions.iter().find(|held| held.con_id == con_id).map_or(0.0, |held| held.quantity)
    }
}

/// One change to a position; what is left out stays.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PositionChange {
    pub(crate) con_id: i32,
    pub(crate) quantity: f64,
    pub(crate) average_cost: Option<f64>,
}

#[derive(Debug)]
pub(crate) struct Accounts {
    all: Mutex<Vec<Account>>,
}

impl Accounts {
    pub(crate) fn new(rows: &[AccountData], at_least: Option<usize>) -> Self {
        let mut all: Vec<Account> = rows.iter().map(Account::from).collect();
        let mut number = 1;
        while all.len() < at_least.unwrap_or(0) {
            let id = format!("{EXTRA_PREFIX}{number:05}");
            if all.iter().all(|account| account.id != id) {
                let cash = BTreeMap::from([("USD".to_owned(), EXTRA_CASH)]);
                all.push(Account { id, currency: "USD".into(), cash, positions: Vec::new() });
            }
            number += 1;
        }
        Self { all: Mutex::new(all) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Account>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.lock().iter().map(|account| account.id.clone()).collect()
    }

    pub(crate) fn get(&self, id: &str) -> Option<Account> {
        self.lock().iter().find(|account| account.id == id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Account> {
        self.lock().clone()
    }

    /// Books a fill in an account; answers what it realized, if it closed anything.
    pub(crate) fn take(&self, id: &str, trade: &Trade) -> Option<f64> {
        self.lock().iter_mut().find(|account| account.id == id)?.take(trade)
    }

    /// Puts accounts back as they were saved; ones that no longer exist are left out.
    pub(crate) fn restore(&self, saved: Vec<Account>) {
        let mut all = self.lock();
        for account in saved {
            if let Some(own) = all.iter_mut().find(|own| own.id == account.id) {
                *own = account;
            }
        }
    }

    /// Sets positions and cash; false if there is no such account.
    pub(crate) fn change(&self, id: &str, positions: &[PositionChange], cash: &BTreeMap<String, f64>) -> bool {
        let mut all = self.lock();
        let Some(account) = all.iter_mut().find(|account| account.id == id) else {
            return false;
        };
        for change in positions {
            match account.positions.iter_mut().find(|held| held.con_id == change.con_id) {
                Some(held) => {
                    held.quantity = change.quantity;
                    held.average_cost = change.average_cost.unwrap_or(held.average_cost);
                }
                None => {
                    account.positions.push(Position::new(change.con_id, change.quantity, change.average_cost.unwrap_or_default()));
                }
            }
        }
        account.cash.extend(cash.iter().map(|(currency, amount)| (currency.clone(), *amount)));
        true
    }
}

impl From<&AccountData> for Account {
    fn from(row: &AccountData) -> Self {
        let positions = row.positions.iter().map(|held| Position::new(held.con_id, held.quantity, held.average_cost));
        Self { id: row.id.clone(), currency: row.currency.clone(), cash: row.cash.clone(), positions: positions.collect() }
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
