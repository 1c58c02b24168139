//! Bars of the past. `words` has IB's bar sizes, durations and data types, in every spelling that people use.

mod beyond;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use beyond::{
    HISTOGRAM_PERIODS, Head, HeadParams, HeadReply, Histogram, HistogramBar, HistogramParams, HistogramReply, TICKS_MAX, Tick, TickKind,
    Ticks, TicksParams, TicksReply,
};
pub use words::{BarSize, Span, SpanUnit, WhatToShow};

use crate::{
    Context, Freshness, Num, Operation, Retry,
    contracts::{Contract, ContractQuery},
};

/// Bars of one instrument.
#[derive(Debug)]
pub struct Bars;

impl Operation for Bars {
    const FAMILY: &'static str = "history";
    const OP: &'static str = "bars";
    const ABOUT: &'static str = "Bars of one instrument: open, high, low, close, volume.";
    const DEADLINE_MS: u64 = 60_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = BarsParams;
    type Reply = BarsReply;
}

/// Most bars of one reply; the newest are kept.
pub const BARS_MAX: u32 = 10_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BarsParams {
    pub contract: ContractQuery,
    #[serde(default)]
    pub duration: Span,
    #[serde(default)]
    pub bar_size: BarSize,
    /// TRADES unless the instrument has none: MIDPOINT for CASH, AGGTRADES for CRYPTO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_to_show: Option<WhatToShow>,
    /// Only the regular session.
    #[serde(default = "yes")]
    pub use_rth: bool,
    /// End of the last bar: `YYYY-MM-DD`, `YYYY-MM-DD HH:MM[:SS]` (exchange time) or RFC 3339; absent means now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// 1 to 10,000: the newest bars of the period.
    #[serde(default = "most_bars")]
    pub limit: u32,
}

fn yes() -> bool {
    true
}

fn most_bars() -> u32 {
    BARS_MAX
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BarsReply {
    pub contract: Contract,
    pub duration: Span,
    pub bar_size: BarSize,
    pub what_to_show: WhatToShow,
    pub use_rth: bool,
    /// `splits` (TRADES), `splits and dividends` (ADJUSTED_LAST) or `none`.
    pub adjustment: String,
    /// IANA zone of the bars' times.
    pub time_zone: String,
    pub bars: Vec<Bar>,
    /// Bars that IB sent for the period.
    pub total: usize,
    /// Older bars of the period were left out.
    pub truncated: bool,
    pub context: Context,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bar {
    /// Start of the bar: RFC 3339 with offset, or `YYYY-MM-DD` for daily and longer bars.
    pub time: String,
    pub open: Num,
    pub high: Num,
    pub low: Num,
    pub close: Num,
    /// Absent where the data type has none (MIDPOINT, BID, ...).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Num>,
    /// Volume-weighted average price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wap: Option<Num>,
    /// Number of trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i32>,
    /// The bar is still forming.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}
