//! What IB's historical service has beside bars: the first moment, prices by volume, single ticks.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WhatToShow;
use crate::{
    Context, Freshness, Num, Operation, Retry,
    contracts::{Contract, ContractQuery},
};

/// The first moment that IB has data of a type for.
#[derive(Debug)]
pub struct Head;

impl Operation for Head {
    const FAMILY: &'static str = "history";
    const OP: &'static str = "head";
    const ABOUT: &'static str = "The first moment for which IB has data of a type.";
    const DEADLINE_MS: u64 = 30_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Cached { for_s: 86_400 };
    type Params = HeadParams;
    type Reply = HeadReply;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadParams {
    pub contract: ContractQuery,
    /// TRADES unless the instrument has none: MIDPOINT for CASH, AGGTRADES for CRYPTO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_to_show: Option<WhatToShow>,
    /// Only the regular session.
    #[serde(default = "yes")]
    pub use_rth: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeadReply {
    pub contract: Contract,
    pub what_to_show: WhatToShow,
    pub use_rth: bool,
    pub head: Timestamp,
    /// The same with the exchange's offset.
    pub head_local: String,
    /// IANA zone of `head_local`.
    pub time_zone: String,
    pub context: Context,
}

/// Volume by price.
#[derive(Debug)]
pub struct Histogram;

impl Operation for Histogram {
    const FAMILY: &'static str = "history";
    const OP: &'static str = "histogram";
    const ABOUT: &'static str = "Traded volume by price over a period.";
    const DEADLINE_MS: u64 = 30_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = HistogramParams;
    type Reply = HistogramReply;
}

/// The periods that can be asked for.
pub const HISTOGRAM_PERIODS: &[&str] = &["1 hour", "4 hours", "1 day", "1 week", "1 month"];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistogramParams {
    pub contract: ContractQuery,
    /// `1 hour`, `4 hours`, `1 day`, `1 week` or `1 month`.
    #[serde(default = "week")]
    pub period: String,
    /// Only the regular session.
    #[serde(default = "yes")]
    pub use_rth: bool,
}

fn week() -> String {
    "1 week".to_owned()
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistogramReply {
    pub contract: Contract,
    pub period: String,
    pub use_rth: bool,
    /// By price, ascending; at most 5,000, those with the most volume.
    pub rows: Vec<HistogramBar>,
    /// Prices that IB sent.
    pub total: usize,
    pub truncated: bool,
    pub context: Context,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistogramBar {
    pub price: Num,
    pub size: Num,
}

/// Single ticks of the past.
#[derive(Debug)]
pub struct Ticks;

impl Operation for Ticks {
    const FAMILY: &'static str = "history";
    const OP: &'static str = "ticks";
    const ABOUT: &'static str = "Single trades, quotes or midpoints of the past.";
    const DEADLINE_MS: u64 = 30_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = TicksParams;
    type Reply = TicksReply;
}

/// IB answers at most so many, and the rest of their second.
pub const TICKS_MAX: u32 = 1_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TickKind {
    #[default]
    Trades,
    BidAsk,
    Midpoint,
}

impl TickKind {
    pub const ALL: &'static [(&'static str, Self)] = &[("trades", Self::Trades), ("bid_ask", Self::BidAsk), ("midpoint", Self::Midpoint)];

    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TicksParams {
    pub contract: ContractQuery,
    /// From here on: `YYYY-MM-DD`, `YYYY-MM-DD HH:MM[:SS]` (exchange time) or RFC 3339. Not both this and `end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Up to here; with neither, up to now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// 1 to 1,000.
    #[serde(default = "hundred")]
    pub count: u32,
    #[serde(default)]
    pub kind: TickKind,
    /// Only the regular session.
    #[serde(default)]
    pub use_rth: bool,
}

fn hundred() -> u32 {
    100
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TicksReply {
    pub contract: Contract,
    pub kind: TickKind,
    /// IANA zone of the ticks' times.
    pub time_zone: String,
    /// Oldest first.
    pub ticks: Vec<Tick>,
    /// IB sent as many as were asked for, so that there may be more: `start` or `end` at the last tick gets them.
    pub truncated: bool,
    pub context: Context,
}

/// One tick; what its kind does not have is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tick {
    /// RFC 3339 with the exchange's offset; whole seconds.
    pub time: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid_size: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_size: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    /// Conditions of the trade, IB's letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<String>,
}
