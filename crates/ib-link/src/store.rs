//! A pure store of what IB pushes about accounts; [`Kept`] is its snapshot.
//!
//! Invariants: a snapshot is of one subscription from its beginning, complete only after IB's end marks; what a new
//! subscription brings replaces the old content at its end mark, never before, so that nothing flickers to empty; a
//! position of zero is no holding; what an optional source has told goes when that source ends.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemas::{Num, contracts::Contract};

use crate::kept::{AccountKept, Holding, Kept, KeptValue, Profit};

/// Decimal places of money that is worked out here.
const MONEY_DP: u32 = 2;

/// One subscription. Content is complete when each of them has sent its end mark.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// Account values and the market values of holdings, of the only account of a login.
    Updates,
    /// Ledger and net liquidation of one of several accounts.
    Ledger(String),
    /// Margins and buying power of all of several accounts.
    Summary,
    Positions(String),
    /// What one holding of several accounts is worth; never waited for.
    Price {
        account: String,
        conid: i32,
        multiplier: Num,
    },
    /// What one account gained; never waited for.
    Profit(String),
}

impl Source {
    /// Content can be told without it. IB allows two account summaries per login, which others may hold.
    pub(crate) fn optional(&self) -> bool {
        matches!(self, Self::Summary | Self::Price { .. } | Self::Profit(_))
    }
}

/// What a holding is worth.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Market {
    pub(crate) price: Option<Num>,
    pub(crate) value: Option<Num>,
    pub(crate) unrealized: Option<Num>,
    pub(crate) realized: Option<Num>,
}

/// One message of IB's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Push {
    Value {
        from: Source,
        account: String,
        tag: String,
        currency: String,
        value: String,
    },
    Position {
        account: String,
        contract: Box<Contract>,
        model: String,
        quantity: Num,
        avg_cost: Num,
    },
    Market {
        account: String,
        conid: i32,
        market: Market,
    },
    Profit {
        account: String,
        profit: Profit,
    },
    End(Source),
    /// An optional source is away: what it told is true no longer.
    Gone(Source),
    /// Nothing but a sign of life.
    Alive,
}

#[derive(Debug, Clone)]
struct Position {
    contract: Contract,
    quantity: Num,
    avg_cost: Num,
}

#[derive(Debug, Clone, Default)]
struct Account {
    /// By tag and currency, and then by who told it: of two, the one that content cannot do without comes first.
    values: BTreeMap<(String, String), BTreeMap<Source, String>>,
    /// By contract id and model: an adviser's models hold the same instrument separately.
    positions: BTreeMap<(i32, String), Position>,
    markets: BTreeMap<i32, Market>,
    profit: Option<Profit>,
}

type Book = BTreeMap<String, Account>;

/// Turns pushes into snapshots.
#[derive(Debug, Default)]
pub(crate) struct Store {
    book: Book,
    /// Content of a subscription that has not told everything yet.
    next: Option<Book>,
    waiting: BTreeSet<Source>,
    /// The session's subscription has told everything and has not ended.
    live: bool,
    /// The gateway has IB's servers.
    upstream: bool,
    complete_at: Option<Timestamp>,
    alive_at: Option<Timestamp>,
    as_of: Option<Timestamp>,
    /// Why the last subscription ended; until one is complete.
    trouble: Option<String>,
}

impl Store {
    /// A new subscription begins; the old content stays until this one is complete. It proves nothing about IB's
    /// servers: the gateway answers from memory while they are away.
    pub(crate) fn begin(&mut self, accounts: &[String], sources: impl IntoIterator<Item = Source>) {
        self.next = Some(accounts.iter().map(|account| (account.clone(), Account::default())).collect());
        self.waiting = sources.into_iter().collect();
        self.live = false;
        // Another login: what the session has not must not be told, and what it has anew is not known yet.
        self.book.retain(|name, _| accounts.contains(name));
        if accounts.iter().any(|account| !self.book.contains_key(account)) {
            (self.complete_at, self.alive_at, self.as_of) = (None, None, None);
        }
    }

    /// The subscription ended though the session lives; until it is back, content is stale.
    pub(crate) fn failed(&mut self, reason: String) {
        self.lost();
        self.trouble = Some(reason);
    }

    /// Why there is no complete content, as far as IB or its gateway has told.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// The session or its subscription is over.
    pub(crate) fn lost(&mut self) {
        self.next = None;
        self.waiting.clear();
        self.live = false;
    }

    /// The gateway has lost IB's servers, or has them again; a new session counts as having them.
    pub(crate) fn upstream(&mut self, there: bool, now: Timestamp) {
        self.upstream = there;
        if there {
            self.alive(now);
        }
    }

    /// The session passed a check.
    pub(crate) fn alive(&mut self, now: Timestamp) {
        if self.live && self.upstream {
            self.alive_at = Some(now);
        }
    }

    pub(crate) fn waits_for(&self) -> &BTreeSet<Source> {
        &self.waiting
    }

    /// Goes on without the optional sources that have not answered; false when others are missing too.
    pub(crate) fn settle(&mut self, now: Timestamp) -> bool {
        self.waiting.retain(|source| !source.optional());
        self.complete(now);
        self.waiting.is_empty()
    }

    pub(crate) fn apply(&mut self, push: Push, now: Timestamp) {
        let changes = !matches!(push, Push::End(_) | Push::Alive);
        let book = self.next.as_mut().unwrap_or(&mut self.book);
        match push {
            Push::Value { from, account, tag, currency, value } => {
                book.entry(account).or_default().values.entry((tag, currency)).or_default().insert(from, value);
            }
            Push::Position { account, contract, model, quantity, avg_cost } => {
                book.entry(account).or_default().hold(*contract, model, quantity, avg_cost);
            }
            Push::Market { account, conid, market } => {
                book.entry(account).or_default().markets.insert(conid, market);
            }
            Push::Profit { account, profit } => book.entry(account).or_default().profit = Some(profit),
            Push::End(source) => self.told_all(&source, now),
            Push::Gone(source) => {
                for (name, account) in self.book.iter_mut().chain(self.next.iter_mut().flatten()) {
                    account.forget(name, &source);
                }
                self.told_all(&source, now);
                self.as_of = if self.live { Some(now) } else { self.as_of };
                // No sign of life.
                return;
            }
            Push::Alive => {}
        }
        self.alive(now);
        if self.live {
            self.as_of = if changes { Some(now) } else { self.as_of };
        }
    }

    /// Nothing more of this source is waited for.
    fn told_all(&mut self, source: &Source, now: Timestamp) {
        self.waiting.remove(source);
        self.complete(now);
    }

    fn complete(&mut self, now: Timestamp) {
        if !self.waiting.is_empty() {
            return;
        }
        let Some(mut next) = self.next.take() else { return };
        // Prices come after the positions and only for what moves: the last known ones stay until then.
        for (name, account) in &mut next {
            let Some(before) = self.book.get(name) else { continue };
            for (conid, market) in &before.markets {
                account.markets.entry(*conid).or_insert_with(|| market.clone());
            }
            account.profit = account.profit.or(before.profit);
        }
        self.book = next;
        self.live = true;
        self.trouble = None;
        self.complete_at = Some(now);
        if self.upstream || self.alive_at.is_none() {
            self.alive_at = Some(now);
        }
        self.as_of = Some(now);
    }

    /// Account, contract id and multiplier of everything held, whether complete or not.
    pub(crate) fn held(&self) -> Vec<(String, i32, Num)> {
        let rows = self.book.iter().flat_map(|(name, account)| account.positions.values().map(move |position| (name, position)));
        rows.map(|(name, position)| (name.clone(), position.contract.conid, position.contract.multiplier.unwrap_or(Num::from(1)))).collect()
    }

    pub(crate) fn snapshot(&self) -> Kept {
        Kept {
            accounts: self.book.iter().map(|(name, account)| (name.clone(), account.snapshot())).collect(),
            complete_at: self.complete_at,
            alive_at: self.alive_at,
            as_of: self.as_of,
            connected: self.live && self.upstream,
        }
    }
}

impl Account {
    /// The positions in one instrument: several where an adviser's models hold it.
    fn of_instrument(&self, conid: i32) -> impl Iterator<Item = &Position> {
        self.positions.range((conid, String::new())..).take_while(move |((held, _), _)| *held == conid).map(|(_, position)| position)
    }

    fn hold(&mut self, contract: Contract, model: String, quantity: Num, avg_cost: Num) {
        let conid = contract.conid;
        if quantity != Num::ZERO {
            self.positions.insert((conid, model), Position { contract, quantity, avg_cost });
            return;
        }
        self.positions.remove(&(conid, model));
        if self.of_instrument(conid).next().is_none() {
            // Bought again later, it must not come with the price of today.
            self.markets.remove(&conid);
        }
    }

    /// Drops what this source told.
    fn forget(&mut self, name: &str, source: &Source) {
        match source {
            Source::Price { account, conid, .. } if account == name => drop(self.markets.remove(conid)),
            Source::Profit(account) if account == name => self.profit = None,
            _ => {}
        }
        self.values.retain(|_, told| {
            told.remove(source);
            !told.is_empty()
        });
    }

    fn snapshot(&self) -> AccountKept {
        let told = self.values.iter().filter_map(|(key, told)| told.values().next().map(|value| (key, value)));
        let values = told.map(|((tag, currency), value)| KeptValue {
            tag: tag.clone(),
            currency: (!currency.is_empty()).then(|| currency.clone()),
            value: value.clone(),
        });
        let mut holdings: Vec<Holding> = self
            .positions
            .values()
            .map(|position| {
                let market = self.market_of(position);
                Holding {
                    contract: position.contract.clone(),
                    quantity: position.quantity,
                    avg_cost: position.avg_cost,
                    market_price: market.price,
                    market_value: market.value,
                    unrealized_pnl: market.unrealized,
                    realized_pnl: market.realized,
                }
            })
            .collect();
        holdings.sort_by(|a, b| (&a.contract.symbol, a.contract.conid).cmp(&(&b.contract.symbol, b.contract.conid)));
        AccountKept { values: values.collect(), holdings, profit: self.profit }
    }

    /// What a position is worth. IB tells it for the account's whole holding: of several models each gets the part that
    /// its quantity is, and the profit against its own cost; whose profit was realized is not known.
    fn market_of(&self, position: &Position) -> Market {
        let conid = position.contract.conid;
        let whole = self.markets.get(&conid).cloned().unwrap_or_default();
        if self.of_instrument(conid).nth(1).is_none() {
            return whole;
        }
        let held = self.of_instrument(conid).try_fold(Num::ZERO.0, |sum, model| sum.checked_add(model.quantity.0));
        let value = whole.value.zip(held).and_then(|(value, held)| value.0.checked_mul(position.quantity.0)?.checked_div(held));
        let cost = position.avg_cost.0.checked_mul(position.quantity.0);
        let unrealized = value.zip(cost).and_then(|(value, cost)| value.checked_sub(cost));
        let [value, unrealized] = [value, unrealized].map(|money| money.map(|money| Num(money.round_dp(MONEY_DP).normalize())));
        Market { price: whole.price, value, unrealized, realized: None }
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
