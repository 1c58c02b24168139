//! What the accounts hold. Values in money are computed elsewhere, from these and the prices.
//!
//! Invariant: one lock around all accounts, never held across an await; a position of zero stays listed
//! for the day, as IB keeps it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    pub(crate) realized: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) currency: String,
    pub(crate) cash: BTreeMap<String, f64>,
    pub(crate) positions: Vec<Position>,
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
                None => account.positions.push(Position {
                    con_id: change.con_id,
                    quantity: change.quantity,
                    average_cost: change.average_cost.unwrap_or_default(),
                    realized: 0.0,
                }),
            }
        }
        account.cash.extend(cash.iter().map(|(currency, amount)| (currency.clone(), *amount)));
        true
    }
}

impl From<&AccountData> for Account {
    fn from(row: &AccountData) -> Self {
        let positions = row.positions.iter().map(|held| Position {
            con_id: held.con_id,
            quantity: held.quantity,
            average_cost: held.average_cost,
            realized: 0.0,
        });
        Self { id: row.id.clone(), currency: row.currency.clone(), cash: row.cash.clone(), positions: positions.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::scenario::Scenario;

    #[test]
    fn extra_accounts_are_numbered_on() {
        let scenario = Scenario::load(None).unwrap();
        let accounts = Accounts::new(&scenario.accounts, Some(3));
        assert_eq!(accounts.ids(), ["DUSIM00001", "DUSIM00002", "DUSIM00003"]);
        assert_eq!(Accounts::new(&scenario.accounts, None).ids(), ["DUSIM00001"]);
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let scenario = Scenario::load(None).unwrap();
        let accounts = Accounts::new(&scenario.accounts, None);
        let change = PositionChange { con_id: 265_598, quantity: 0.0, average_cost: None };
        assert!(accounts.change("DUSIM00001", &[change], &BTreeMap::from([("EUR".to_owned(), 10.0)])));
        let account = accounts.get("DUSIM00001").unwrap();
        assert_eq!(account.positions[0].quantity, 0.0);
        assert!(account.positions[0].average_cost > 0.0);
        assert_eq!(account.cash.len(), 2);
        assert!(!accounts.change("U1", &[], &BTreeMap::new()));
    }
}
