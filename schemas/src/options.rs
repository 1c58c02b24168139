//! Options: expirations and strikes, chains with Greeks, quotes.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Context, Freshness, Num, Operation, Retry,
    context::DataType,
    contracts::{Contract, ContractQuery},
};

/// Contracts of one answer, unless the caller says otherwise.
pub const CHAIN_LIMIT_DEFAULT: u32 = 40;
/// Contracts of one answer at most.
pub const CHAIN_LIMIT_MAX: u32 = 200;
/// `|strike / underlying price - 1|` of a window that the caller did not name.
pub const MONEYNESS_DEFAULT: f64 = 0.10;
/// Widest window around the money.
pub const MONEYNESS_MAX: f64 = 10.0;
/// Strikes on each side of the money at most.
pub const STRIKES_EACH_SIDE_MAX: u32 = 100;
/// Strikes of one [`Quotes`] request, as in ib-mcp.
pub const QUOTED_STRIKES_MAX: usize = 20;
/// Oldest quotes that a caller may accept.
pub const MAX_AGE_MS_MAX: u64 = 60_000;
/// Strikes of one page of [`Expirations`] at most.
pub const STRIKES_PAGE_MAX: u32 = 5_000;

/// Expirations and strikes of an underlying, by trading class and multiplier.
#[derive(Debug)]
pub struct Expirations;

impl Operation for Expirations {
    const FAMILY: &'static str = "options";
    const OP: &'static str = "expirations";
    const ABOUT: &'static str = "Expirations and strikes of an underlying, by trading class and multiplier.";
    const DEADLINE_MS: u64 = 30_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Cached { for_s: 86_400 };
    type Params = ExpirationsParams;
    type Reply = ExpirationsReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpirationsParams {
    /// The underlying.
    pub contract: ContractQuery,
    /// Only this class, such as SPXW; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_strike: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_strike: Option<Num>,
    /// Strikes of each chain, 1 to 5,000; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Strikes of each chain that are left out at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// Absent means a stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer: Option<Prefer>,
}

/// Which of two underlyings a symbol means that is sent without a `sec_type`, where both are called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prefer {
    Stock,
    Index,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpirationsReply {
    pub symbol: String,
    pub underlying_conid: i32,
    /// The underlying, and what had to be assumed to find it.
    pub underlying: Contract,
    /// `YYYY-MM-DD`, ascending, of all chains together, none that has expired in exchange time.
    pub expirations: Vec<String>,
    pub chains: Vec<ChainStrikes>,
    /// A chain has more strikes in the asked range than are told: ask again with `offset` = `next`.
    pub truncated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
    /// When IB told it.
    pub as_of: Timestamp,
    pub context: Context,
}

/// One trading class. Not every combination of its expirations and strikes exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainStrikes {
    pub trading_class: String,
    pub multiplier: Num,
    /// SMART where the class trades there.
    pub exchange: String,
    /// `YYYY-MM-DD`, ascending.
    pub expirations: Vec<String>,
    /// Ascending, of any of the expirations.
    pub strikes: Vec<Num>,
    /// Strikes in the asked range, before `limit` and `offset`.
    pub strikes_total: u32,
}

/// One expiration with quotes and Greeks.
#[derive(Debug)]
pub struct Chain;

impl Operation for Chain {
    const FAMILY: &'static str = "options";
    const OP: &'static str = "chain";
    const ABOUT: &'static str = "The contracts of one expiration in a window around the money, with quotes and Greeks.";
    const DEADLINE_MS: u64 = 60_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    const TELLS_PROGRESS: bool = true;
    type Params = ChainParams;
    type Reply = ChainReply;
}

/// Which market data a caller accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataWanted {
    /// Live where the login is subscribed, else delayed; frozen while the market is closed.
    #[default]
    Best,
    /// Live (or frozen live) values; contracts without a subscription are missing.
    Live,
}

/// At most one of `moneyness`, `strikes` and the deltas names the window; `min_strike` and `max_strike` narrow it, or
/// alone are the window. Without any of them it is a moneyness of 0.10.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainParams {
    /// The underlying.
    pub contract: ContractQuery,
    /// `YYYY-MM-DD` or `YYYYMMDD`.
    pub expiration: String,
    /// Absent: the standard multiplier and the class that settles in the afternoon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_class: Option<String>,
    /// C or P; absent means both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_strike: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_strike: Option<Num>,
    /// Strikes with `|strike / underlying price - 1|` up to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moneyness: Option<f64>,
    /// So many strikes on each side of the money, 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strikes: Option<u32>,
    /// Absolute delta, 0 to 1, of calls and puts alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta_min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta_max: Option<f64>,
    /// Contracts, 1 to 200, 40 by default: those nearest the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Contracts nearest the money that are left out, for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// Quotes up to this old are answered from memory, 0 to 60,000; absent means 2,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_ms: Option<u64>,
    #[serde(default)]
    pub data_type: DataWanted,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainReply {
    pub symbol: String,
    pub underlying_conid: i32,
    /// The underlying, and what had to be assumed to find it.
    pub underlying: Contract,
    /// `YYYY-MM-DD`.
    pub expiration: String,
    pub trading_class: String,
    pub multiplier: Num,
    /// Classes that have this expiration too, such as SPX beside SPXW, or contracts adjusted for a corporate action.
    #[serde(default)]
    pub other_classes: Vec<String>,
    pub underlying_price: Option<Num>,
    /// Of the oldest row.
    pub as_of: Timestamp,
    /// Of the oldest row, when the answer was made.
    pub age_ms: u64,
    /// Of the rows; where they differ, the lesser one.
    pub data_type: DataType,
    /// Every contract of this page has a quote and Greeks.
    pub complete: bool,
    /// What is not complete, and why.
    pub missing: Vec<Missing>,
    /// By strike, the call before the put.
    pub rows: Vec<OptionRow>,
    /// Contracts in the window, of all pages.
    pub total: u32,
    pub truncated: bool,
    /// `offset` of the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
    /// What a reader must know of how values were made: rates behind Greeks of our own, American exercise.
    #[serde(default)]
    pub notes: Vec<String>,
    pub context: Context,
}

/// A contract of the asked window without all of its values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    pub strike: Num,
    /// C or P.
    pub right: String,
    pub what: MissingWhat,
    /// IB's words, where it said why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingWhat {
    /// This expiration has no such strike.
    Contract,
    /// The login has no subscription that shows it.
    Subscription,
    /// IB's market data lines are used up.
    Line,
    /// Nobody quoted it in time; a row, where there is one, has Greeks alone.
    Quote,
    /// There is a row, but neither IB nor a price gives its Greeks.
    Greeks,
    /// Nobody told its delta, so whether it is in the window is not known; there is no row.
    Delta,
    /// The deadline came before its turn.
    Time,
    /// IB refused it.
    Refused,
    #[serde(other)]
    Unknown,
}

/// Whose Greeks a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GreeksSource {
    /// IB's model price.
    Model,
    /// IB's, of the bid.
    Bid,
    /// IB's, of the ask.
    Ask,
    /// IB's, of the last trade.
    Last,
    /// Black-Scholes by this service, from the middle of bid and ask or the last price.
    Bs,
    #[serde(other)]
    Unknown,
}

/// When the settlement price of a contract is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Settlement {
    #[serde(rename = "AM")]
    Am,
    #[serde(rename = "PM")]
    Pm,
}

/// One contract. What nobody told is absent: also of a complete answer, where quote and Greeks are there, IB may not have
/// told a size, a volume or an open interest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OptionRow {
    pub conid: i32,
    pub local_symbol: String,
    pub trading_class: String,
    pub multiplier: Num,
    /// C or P.
    pub right: String,
    pub strike: Num,
    /// `YYYY-MM-DD`.
    pub expiration: String,
    pub settlement: Settlement,
    /// End of the last trading session, in exchange time with its offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_trade_time: Option<String>,
    /// Days to expiration, in exchange time.
    pub dte: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid_size: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_size: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_size: Option<Num>,
    /// Of the day before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<Num>,
    /// Middle of bid and ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_interest: Option<Num>,
    /// Implied volatility of a year, as a fraction: 0.25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iv: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// Of one calendar day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theta: Option<f64>,
    /// Of one point (0.01) of volatility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vega: Option<f64>,
    /// Of the underlying, as it entered the Greeks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlying_price: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeks_source: Option<GreeksSource>,
    pub data_type: DataType,
    /// When the last of these values came.
    pub as_of: Timestamp,
}

/// Chosen strikes of one expiration and right.
#[derive(Debug)]
pub struct Quotes;

impl Operation for Quotes {
    const FAMILY: &'static str = "options";
    const OP: &'static str = "quotes";
    const ABOUT: &'static str = "Quotes and Greeks of chosen strikes of one expiration and right.";
    const DEADLINE_MS: u64 = 30_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    const TELLS_PROGRESS: bool = true;
    type Params = QuotesParams;
    type Reply = ChainReply;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotesParams {
    /// The underlying.
    pub contract: ContractQuery,
    /// `YYYY-MM-DD` or `YYYYMMDD`.
    pub expiration: String,
    /// C or P.
    pub right: String,
    /// 1 to 20; one that is named twice is answered once.
    pub strikes: Vec<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_class: Option<String>,
    /// Where the options trade; absent means SMART, for options on futures the future's own exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    /// As in [`ChainParams`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_ms: Option<u64>,
    #[serde(default)]
    pub data_type: DataWanted,
}

/// The underlying and its at-the-money call and put, or one contract.
#[derive(Debug)]
pub struct Quote;

impl Operation for Quote {
    const FAMILY: &'static str = "options";
    const OP: &'static str = "quote";
    const ABOUT: &'static str =
        "The underlying's quote with option figures, and the call and the put at the money of the nearest expiration.";
    const DEADLINE_MS: u64 = 30_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = QuoteParams;
    type Reply = QuoteReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteParams {
    /// The underlying.
    pub contract: ContractQuery,
    /// `YYYY-MM-DD` or `YYYYMMDD`; absent means the nearest that has not expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<String>,
    /// Absent means the strike nearest the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strike: Option<Num>,
    /// C or P; absent means both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_class: Option<String>,
    /// As in [`ChainParams`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_ms: Option<u64>,
    #[serde(default)]
    pub data_type: DataWanted,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuoteReply {
    pub symbol: String,
    pub underlying_conid: i32,
    pub underlying: Contract,
    /// What the underlying is quoted at; absent where the login sees nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<UnderlyingQuote>,
    /// `YYYY-MM-DD`.
    pub expiration: String,
    pub trading_class: String,
    #[serde(default)]
    pub other_classes: Vec<String>,
    /// The call, then the put.
    pub rows: Vec<OptionRow>,
    /// Every asked contract has a quote and Greeks.
    pub complete: bool,
    pub missing: Vec<Missing>,
    pub as_of: Timestamp,
    pub age_ms: u64,
    /// Of the rows; where they differ, the lesser one.
    pub data_type: DataType,
    #[serde(default)]
    pub notes: Vec<String>,
    pub context: Context,
}

/// The underlying, with what IB tells about its options as a whole. What nobody told is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnderlyingQuote {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid_size: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_size: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Num>,
    /// Of the day before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Num>,
    /// Trading is halted; absent where nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<bool>,
    /// Of the last 30 days, for a year, as a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub historical_volatility: Option<f64>,
    /// Of the options of about 30 days, for a year, as a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implied_volatility: Option<f64>,
    /// Contracts traded today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_volume: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_volume: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_open_interest: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_open_interest: Option<Num>,
    /// What the price is that windows are laid around: last, else the middle, else the close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Num>,
    pub data_type: DataType,
    pub as_of: Timestamp,
}
