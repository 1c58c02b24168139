//! What a session has subscribed, and the pushes that follow.
//!
//! Invariant: a push carries only what changed since the last one; the first push of a subscription
//! therefore carries everything. The fault `freeze_account_pushes` stops later pushes, not first ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio::sync::OwnedSemaphorePermit;

use super::live::Live;
use crate::proto::event::{Event, Portfolio};
use crate::world::account::Position;
use crate::world::instrument::plain;
use crate::world::moment::show;
use crate::world::values::{Statement, Value};

/// IB refreshes account values about every three minutes.
const ACCOUNT_TICKS: u64 = 180;
/// Live bars are renewed this often.
const BAR_TICKS: u64 = 5;

/// Last values sent, by account, key and currency.
type Sent = BTreeMap<(String, String, String), String>;
/// Last positions sent, by account and contract.
type Held = BTreeMap<(String, i32), (f64, f64)>;

#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    pub(super) summaries: HashMap<i32, Summary>,
    pub(super) account_data: Option<AccountData>,
    pub(super) multi_updates: HashMap<i32, MultiUpdates>,
    pub(super) positions: Option<Held>,
    pub(super) multi_positions: HashMap<i32, (String, String, Held)>,
    pub(super) pnl: HashMap<i32, (String, Option<[f64; 3]>)>,
    pub(super) pnl_single: HashMap<i32, (String, i32, Option<[f64; 5]>)>,
    /// Live bars: the query and the last bar sent.
    pub(super) bars: HashMap<i32, super::market::LiveBars>,
    pub(super) reference: super::reference::Subscribed,
}

#[derive(Debug)]
pub(super) struct Summary {
    pub(super) accounts: Vec<String>,
    pub(super) tags: BTreeSet<String>,
    pub(super) last: Sent,
    /// One of the login's, given back however the summary ends.
    pub(super) _place: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
pub(super) struct AccountData {
    pub(super) account: String,
    pub(super) last: Sent,
    pub(super) portfolio: BTreeMap<i32, Portfolio>,
}

#[derive(Debug)]
pub(super) struct MultiUpdates {
    pub(super) account: String,
    pub(super) model: String,
    pub(super) ledger_and_nlv: bool,
    pub(super) last: Sent,
}

/// Records a value; true if it is news.
fn news(last: &mut Sent, account: &str, value: &Value) -> bool {
    let key = (account.to_owned(), value.key.to_owned(), value.currency.clone());
    last.insert(key, value.value.clone()).as_ref() != Some(&value.value)
}

/// The rows that the tags ask for, alphabetical by tag as captured.
fn summary_rows(statement: &Statement<'_>, live: &Live, tags: &BTreeSet<String>) -> Vec<Value> {
    let all = tags.contains("All");
    let mut rows: Vec<Value> = statement.summary().into_iter().filter(|value| all || tags.contains(value.key)).collect();
    for tag in tags.iter().filter_map(|tag| tag.strip_prefix("$LEDGER")) {
        let ledger = statement.ledger(&live.gateway.world);
        match tag.strip_prefix(':') {
            None => rows.extend(ledger.get("BASE").cloned().unwrap_or_default()),
            Some("ALL") => rows.extend(ledger.into_values().flatten()),
            Some(currency) => rows.extend(ledger.get(currency).cloned().unwrap_or_default()),
        }
    }
    rows.sort_by(|a, b| a.key.cmp(b.key).then_with(|| a.currency.cmp(&b.currency)));
    rows.dedup();
    rows
}

impl Live {
    pub(super) fn on_tick(&mut self, ticks: u64) {
        if self.gateway.faults.stalled() {
            return;
        }
        self.push_pnl();
        self.push_reference();
        if ticks.is_multiple_of(BAR_TICKS) {
            self.push_bars();
        }
        if ticks.is_multiple_of(ACCOUNT_TICKS) {
            self.push_accounts();
        }
    }

    /// Everything about accounts but P&L, as far as it changed.
    pub(super) fn push_accounts(&mut self) {
        // What a stalled gateway does not say it must not believe said either.
        if self.gateway.faults.frozen() || self.gateway.faults.stalled() {
            return;
        }
        self.push_positions();
        let ids: Vec<i32> = self.subs.multi_positions.keys().copied().collect();
        ids.into_iter().for_each(|id| self.push_multi_positions(id));
        self.push_account_data();
        let ids: Vec<i32> = self.subs.summaries.keys().copied().collect();
        ids.into_iter().for_each(|id| self.push_summary(id));
        let ids: Vec<i32> = self.subs.multi_updates.keys().copied().collect();
        ids.into_iter().for_each(|id| self.push_multi_updates(id));
    }

    fn each_statement(&self, accounts: &[String], mut with: impl FnMut(&Statement<'_>)) {
        let now = self.now();
        for id in accounts {
            if let Some(account) = self.gateway.world.accounts.get(id) {
                with(&self.gateway.world.statement(&account, now));
            }
        }
    }

    pub(super) fn push_summary(&mut self, req_id: i32) {
        let Some(mut summary) = self.subs.summaries.remove(&req_id) else { return };
        let mut events = Vec::new();
        self.each_statement(&summary.accounts, |statement| {
            let account = &statement.account.id;
            for row in summary_rows(statement, self, &summary.tags) {
                if news(&mut summary.last, account, &row) {
                    events.push(Event::AccountSummary {
                        req_id,
                        account: account.clone(),
                        tag: row.key.to_owned(),
                        value: row.value,
                        currency: row.currency,
                    });
                }
            }
        });
        self.subs.summaries.insert(req_id, summary);
        events.iter().for_each(|event| self.send(event));
    }

    pub(super) fn push_account_data(&mut self) {
        let Some(mut data) = self.subs.account_data.take() else { return };
        let mut events = Vec::new();
        self.each_statement(&[data.account.clone()], |statement| {
            let account = statement.account.id.clone();
            let ledger = statement.ledger(&self.gateway.world).into_values().flatten();
            for row in statement.updates().into_iter().chain(ledger) {
                if news(&mut data.last, &account, &row) {
                    let account = account.clone();
                    events.push(Event::AccountValue { key: row.key.to_owned(), value: row.value, currency: row.currency, account });
                }
            }
            for row in portfolio(statement) {
                // As with positions: what was closed on another day is listed for nobody anew.
                if row.quantity == "0" && row.realized == 0.0 && !data.portfolio.contains_key(&row.contract.con_id) {
                    continue;
                }
                let before = data.portfolio.insert(row.contract.con_id, row.clone());
                if before.as_ref() != Some(&row) {
                    events.push(Event::PortfolioValue(Box::new(row)));
                }
            }
        });
        if !events.is_empty() {
            events.push(Event::AccountUpdateTime(show(self.now(), &self.gateway.world.zone, "%H:%M")));
        }
        self.subs.account_data = Some(data);
        events.iter().for_each(|event| self.send(event));
    }

    pub(super) fn push_multi_updates(&mut self, req_id: i32) {
        let Some(mut multi) = self.subs.multi_updates.remove(&req_id) else { return };
        let mut events = Vec::new();
        let accounts = self.accounts_of(&multi.account).unwrap_or_default();
        self.each_statement(&accounts, |statement| {
            let account = &statement.account.id;
            let ledger = statement.ledger(&self.gateway.world).into_values().flatten();
            let whole = statement.updates().into_iter();
            let rows: Vec<Value> = if multi.ledger_and_nlv {
                whole.filter(|row| row.key == "NetLiquidation").chain(ledger).collect()
            } else {
                whole.chain(ledger).collect()
            };
            for row in rows {
                if news(&mut multi.last, account, &row) {
                    events.push(Event::AccountUpdateMulti {
                        req_id,
                        account: account.clone(),
                        model: multi.model.clone(),
                        key: row.key.to_owned(),
                        value: row.value,
                        currency: row.currency,
                    });
                }
            }
        });
        self.subs.multi_updates.insert(req_id, multi);
        events.iter().for_each(|event| self.send(event));
    }

    /// Positions that differ from what was sent, over the named accounts.
    fn changed_positions(&self, accounts: &[String], held: &mut Held) -> Vec<(String, Position)> {
        let all = self.gateway.world.accounts.all();
        let today = Some(self.gateway.world.today(self.now()));
        let mut changed = Vec::new();
        for account in all.into_iter().filter(|account| accounts.contains(&account.id)) {
            for position in account.positions {
                let now = (position.quantity, position.average_cost);
                let key = (account.id.clone(), position.con_id);
                // IB lists what was closed for the rest of that day only; who has seen it before is told.
                if position.quantity == 0.0 && position.day != today && !held.contains_key(&key) {
                    continue;
                }
                if held.insert(key, now) != Some(now) {
                    changed.push((account.id.clone(), position));
                }
            }
        }
        changed
    }

    pub(super) fn push_positions(&mut self) {
        let Some(mut held) = self.subs.positions.take() else { return };
        let accounts = self.gateway.world.accounts.ids();
        let changed = self.changed_positions(&accounts, &mut held);
        self.subs.positions = Some(held);
        for (account, position) in changed {
            if let Some(row) = self.gateway.world.contracts.get(position.con_id) {
                let contract = Box::new(row.held());
                let quantity = plain(position.quantity);
                self.send(&Event::Position { account, contract, quantity, average_cost: position.average_cost });
            }
        }
    }

    pub(super) fn push_multi_positions(&mut self, req_id: i32) {
        let Some((account, model, mut held)) = self.subs.multi_positions.remove(&req_id) else { return };
        let accounts = self.accounts_of(&account).unwrap_or_default();
        let changed = self.changed_positions(&accounts, &mut held);
        self.subs.multi_positions.insert(req_id, (account, model.clone(), held));
        for (account, position) in changed {
            if let Some(row) = self.gateway.world.contracts.get(position.con_id) {
                let contract = Box::new(row.held());
                let (quantity, average_cost) = (plain(position.quantity), position.average_cost);
                let model = model.clone();
                self.send(&Event::PositionMulti { req_id, account, model, contract, quantity, average_cost });
            }
        }
    }

    pub(super) fn push_pnl(&mut self) {
        if self.subs.pnl.is_empty() && self.subs.pnl_single.is_empty() {
            return;
        }
        let frozen = self.gateway.faults.frozen() || self.gateway.faults.stalled();
        let mut events = Vec::new();
        let (mut pnl, mut single) = (std::mem::take(&mut self.subs.pnl), std::mem::take(&mut self.subs.pnl_single));
        for (req_id, (account, last)) in &mut pnl {
            self.each_statement(std::slice::from_ref(account), |statement| {
                let now = [statement.daily, statement.unrealized, statement.realized];
                if last.is_none() || !frozen && *last != Some(now) {
                    *last = Some(now);
                    let [daily, unrealized, realized] = now;
                    events.push(Event::PnL { req_id: *req_id, daily, unrealized, realized });
                }
            });
        }
        for (req_id, (account, con_id, last)) in &mut single {
            self.each_statement(std::slice::from_ref(account), |statement| {
                let now = pnl_of(statement, *con_id);
                if last.is_none() || !frozen && *last != Some(now) {
                    *last = Some(now);
                    let [quantity, daily, unrealized, realized, value] = now;
                    let quantity = plain(quantity);
                    events.push(Event::PnLSingle { req_id: *req_id, quantity, daily, unrealized, realized, value });
                }
            });
        }
        (self.subs.pnl, self.subs.pnl_single) = (pnl, single);
        events.iter().for_each(|event| self.send(event));
    }
}

fn pnl_of(statement: &Statement<'_>, con_id: i32) -> [f64; 5] {
    let held = statement.holdings.iter().find(|held| held.position.con_id == con_id);
    held.map_or([0.0; 5], |held| [held.position.quantity, held.daily, held.unrealized, held.position.realized, held.value])
}

fn portfolio(statement: &Statement<'_>) -> Vec<Portfolio> {
    let row = |held: &crate::world::values::Holding<'_>| Portfolio {
        account: statement.account.id.clone(),
        contract: held.instrument.contract.clone(),
        quantity: plain(held.position.quantity),
        market_price: held.mark,
        market_value: held.value,
        average_cost: held.position.average_cost,
        unrealized: held.unrealized,
        realized: held.position.realized,
    };
    statement.holdings.iter().map(row).collect()
}
