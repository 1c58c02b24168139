//! What IB pushes about accounts, kept in memory: a pure store and the snapshot that readers get.
//!
//! Invariants: a snapshot is of one subscription from its beginning, complete only after IB's end marks; what a new
//! subscription brings replaces the old content at its end mark, never before, so that nothing flickers to empty; a
//! position of zero is no holding; what IB has not told is absent.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemas::{Num, contracts::Contract};

/// How long kept state is still told while IB is away.
pub const STALE_MAX_MS: i64 = 15 * 60 * 1_000;

/// One value of an account, such as `NetLiquidation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptValue {
    pub tag: String,
    /// `USD`, `BASE`, or absent where the value has none.
    pub currency: Option<String>,
    /// IB's text.
    pub value: String,
}

impl KeptValue {
    pub fn number(&self) -> Option<Num> {
        Num::from_ib_text(&self.value)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    pub contract: Contract,
    /// Negative when short, never zero.
    pub quantity: Num,
    /// Per contract, multiplier and commissions included.
    pub avg_cost: Num,
    /// Per share or point.
    pub market_price: Option<Num>,
    pub market_value: Option<Num>,
    pub unrealized_pnl: Option<Num>,
    pub realized_pnl: Option<Num>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountKept {
    /// By tag and currency.
    pub values: Vec<KeptValue>,
    /// By symbol and contract id.
    pub holdings: Vec<Holding>,
}

impl AccountKept {
    /// A value in a currency; without one, the first of the tag.
    pub fn value(&self, tag: &str, currency: Option<&str>) -> Option<&KeptValue> {
        self.values.iter().find(|value| value.tag == tag && currency.is_none_or(|wanted| value.currency.as_deref() == Some(wanted)))
    }
}

/// How far a snapshot can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// IB has not told everything yet.
    Missing,
    /// The subscription lives: this is what IB knows.
    Fresh,
    /// IB is away; the content is of [`Kept::alive_at`].
    Stale,
    /// IB has been away for longer than [`STALE_MAX_MS`].
    Expired,
}

/// All accounts of the login as of one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    pub accounts: BTreeMap<String, AccountKept>,
    /// When IB had told everything for the first time on this subscription.
    pub complete_at: Option<Timestamp>,
    /// The last proof that the subscription lives: a push, or a check that the session passed.
    pub alive_at: Option<Timestamp>,
    /// When the content last changed.
    pub as_of: Option<Timestamp>,
    /// The subscription lives: false from the loss of session or servers until IB has told everything anew.
    pub connected: bool,
}

impl Kept {
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        match (self.complete_at, self.alive_at) {
            (Some(_), _) if self.connected => Freshness::Fresh,
            (Some(_), Some(alive)) if now.as_millisecond() - alive.as_millisecond() <= STALE_MAX_MS => Freshness::Stale,
            (Some(_), _) => Freshness::Expired,
            (None, _) => Freshness::Missing,
        }
    }
}

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
    Price,
}

impl Source {
    /// Content can be told without it. IB allows two account summaries per login, which others may hold.
    pub(crate) fn optional(&self) -> bool {
        matches!(self, Self::Summary | Self::Price)
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
    End(Source),
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
    values: BTreeMap<(String, String), String>,
    /// By contract id and model: an adviser's models hold the same instrument separately.
    positions: BTreeMap<(i32, String), Position>,
    markets: BTreeMap<i32, Market>,
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
            Push::Value { account, tag, currency, value } => {
                book.entry(account).or_default().values.insert((tag, currency), value);
            }
            Push::Position { account, contract, model, quantity, avg_cost } => {
                let positions = &mut book.entry(account).or_default().positions;
                let key = (contract.conid, model);
                if quantity == Num::ZERO {
                    positions.remove(&key);
                } else {
                    positions.insert(key, Position { contract: *contract, quantity, avg_cost });
                }
            }
            Push::Market { account, conid, market } => {
                book.entry(account).or_default().markets.insert(conid, market);
            }
            Push::End(source) => {
                self.waiting.remove(&source);
                self.complete(now);
            }
            Push::Alive => {}
        }
        self.alive(now);
        if self.live {
            self.as_of = if changes { Some(now) } else { self.as_of };
        }
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
        }
        self.book = next;
        self.live = true;
        self.complete_at = Some(now);
        if self.upstream || self.alive_at.is_none() {
            self.alive_at = Some(now);
        }
        self.as_of = Some(now);
    }

    /// Account, contract id and multiplier of everything held, whether complete or not.
    pub(crate) fn held(&self) -> Vec<(String, i32, Num, Num)> {
        let rows = self.book.iter().flat_map(|(name, account)| account.positions.values().map(move |position| (name, position)));
        rows.map(|(name, position)| {
            let multiplier = position.contract.multiplier.unwrap_or(Num::from(1));
            (name.clone(), position.contract.conid, position.quantity, multiplier)
        })
        .collect()
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
    fn snapshot(&self) -> AccountKept {
        let values = self.values.iter().map(|((tag, currency), value)| KeptValue {
            tag: tag.clone(),
            currency: (!currency.is_empty()).then(|| currency.clone()),
            value: value.clone(),
        });
        let mut holdings: Vec<Holding> = self
            .positions
            .values()
            .map(|position| {
                let market = self.markets.get(&position.contract.conid).cloned().unwrap_or_default();
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
        AccountKept { values: values.collect(), holdings }
    }
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
