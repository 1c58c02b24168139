//! What readers get of the accounts: a snapshot, and how far it can be trusted. `store.rs` makes it.
//!
//! Invariant: what IB has not told, or what the subscription that told it no longer stands for, is absent.

use std::collections::BTreeMap;

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

/// What an account gained, in its own currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Profit {
    /// Since the reset of IB's trading day.
    pub daily: Option<Num>,
    pub unrealized: Option<Num>,
    /// Since the same reset.
    pub realized: Option<Num>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountKept {
    /// By tag and currency.
    pub values: Vec<KeptValue>,
    /// By symbol and contract id.
    pub holdings: Vec<Holding>,
    /// Absent until IB has told it; content is complete without.
    pub profit: Option<Profit>,
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
