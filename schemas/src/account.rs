//! Accounts: what IB pushes about money, holdings and orders, answered from memory.

mod orders;
mod worth;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use orders::{
    CompletedOrders, CompletedOrdersParams, CompletedOrdersReply, EXECUTION_DAYS_MAX, Execution, Executions, ExecutionsParams,
    ExecutionsReply, ORDERS_MAX, OpenOrders, OpenOrdersParams, OpenOrdersReply, Order, OrderLeg, Side,
};
pub use worth::{
    AccountEntry, AccountPnl, AccountWorth, List, ListParams, ListReply, Pnl, PnlReply, Portfolio, PortfolioParams, PortfolioReply,
    PortfolioRow, PositionPnl, PositionPnlParams, PositionPnlReply, Values,
};

use crate::{Context, Freshness, Num, Operation, Retry, Written};

/// Every value that IB tells about accounts, by tag.
#[derive(Debug)]
pub struct Summary;

impl Operation for Summary {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "summary";
    const ABOUT: &'static str = "Account values by tag: equity, cash, buying power, margins.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Kept;
    type Params = AccountParams;
    type Reply = SummaryReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountParams {
    /// Account id; empty means every account of the login.
    #[serde(default)]
    pub account: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SummaryReply {
    pub accounts: Vec<AccountSummary>,
    pub context: Context,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountSummary {
    pub account: String,
    /// In the order of the tags' names, as IB sends them.
    pub values: Vec<AccountValue>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountValue {
    /// IB's name, such as `NetLiquidation`.
    pub tag: String,
    /// IB's text; `number` holds it where it is one.
    pub value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// The few numbers that most callers want of one account.
#[derive(Debug)]
pub struct Overview;

impl Operation for Overview {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "overview";
    const ABOUT: &'static str = "Net liquidation, cash, buying power and profit of one account.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Kept;
    /// With several accounts and none named: `ambiguous`, with the list.
    type Params = AccountParams;
    type Reply = OverviewReply;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverviewReply {
    pub account_id: String,
    pub base_currency: String,
    pub net_liquidation: Option<Num>,
    pub cash_balance: Option<Num>,
    pub buying_power: Option<Num>,
    /// Market value of all holdings, shorts negative.
    pub total_positions_value: Option<Num>,
    pub unrealized_pnl: Option<Num>,
    /// Of today: IB resets it with its trading day.
    pub realized_pnl: Option<Num>,
    /// Says so: `today`.
    pub realized_pnl_period: String,
    pub context: Context,
}

/// What is held.
#[derive(Debug)]
pub struct Positions;

impl Operation for Positions {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "positions";
    const ABOUT: &'static str = "Holdings with cost, market value and unrealized profit.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Kept;
    type Params = PositionsParams;
    type Reply = PositionsReply;
}

/// Most rows of one reply; more are told by `truncated` and fetched with `offset`.
pub const POSITIONS_MAX: usize = 1_000;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionsParams {
    /// Account id; empty means every account of the login.
    #[serde(default)]
    pub account: String,
    /// Only holdings of this symbol (options by their underlying's); empty means all.
    #[serde(default)]
    pub symbol: String,
    /// Rows to skip: the `next` of a truncated reply.
    #[serde(default)]
    pub offset: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PositionsReply {
    // Between two pushes of IB's every caller gets the same rows.
    pub positions: Written<Vec<Position>>,
    pub total: usize,
    #[serde(default)]
    pub truncated: bool,
    /// The `offset` of the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    pub context: Context,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    pub account: String,
    pub symbol: String,
    /// Shares or contracts; negative when short.
    pub quantity: Num,
    /// IB's average cost: per contract, multiplier and commissions included.
    pub avg_cost: Num,
    /// `avg_cost` per share or point.
    pub avg_price: Num,
    pub current_price: Option<Num>,
    pub market_value: Option<Num>,
    pub unrealized_pnl: Option<Num>,
    /// Of the cost basis, two decimals.
    pub unrealized_pnl_percent: Option<Num>,
    pub currency: String,
    pub sec_type: String,
    pub multiplier: Num,
    pub conid: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strike: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_symbol: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
}
