//! Which accounts a login has, what is in them, and what they gain.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccountParams, SummaryReply};
use crate::{
    Context, Freshness, Num, Operation, Retry,
    context::Mode,
    contracts::{Contract, ContractQuery},
};

/// The accounts of the login.
#[derive(Debug)]
pub struct List;

impl Operation for List {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "list";
    const ABOUT: &'static str = "The accounts of the login, with currency and net liquidation.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Kept;
    type Params = ListParams;
    type Reply = ListReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParams {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListReply {
    pub accounts: Vec<AccountEntry>,
    pub context: Context,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountEntry {
    pub account: String,
    /// Decided by the account's id alone.
    pub mode: Mode,
    /// Null until IB has told a value in it.
    pub base_currency: Option<String>,
    pub net_liquidation: Option<Num>,
}

/// Every value that IB tells, also those of each currency.
#[derive(Debug)]
pub struct Values;

impl Operation for Values {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "values";
    const ABOUT: &'static str = "Every account value that IB pushes, with the ledger of each currency.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Kept;
    type Params = AccountParams;
    /// The currency `BASE` is the account's own.
    type Reply = SummaryReply;
}

/// What is held, worth and gained, by account.
#[derive(Debug)]
pub struct Portfolio;

impl Operation for Portfolio {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "portfolio";
    const ABOUT: &'static str = "Holdings with realized and unrealized profit and their part of the account, and each account's totals.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Kept;
    type Params = PortfolioParams;
    type Reply = PortfolioReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortfolioParams {
    /// Account id; empty means every account of the login.
    #[serde(default)]
    pub account: String,
    /// Rows to skip: the `next` of a truncated reply.
    #[serde(default)]
    pub offset: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PortfolioReply {
    pub accounts: Vec<AccountWorth>,
    /// At most [`super::POSITIONS_MAX`].
    pub holdings: Vec<PortfolioRow>,
    pub total: usize,
    #[serde(default)]
    pub truncated: bool,
    /// The `offset` of the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    pub context: Context,
}

/// Totals of one account, in its own currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountWorth {
    pub account: String,
    pub base_currency: Option<String>,
    pub net_liquidation: Option<Num>,
    pub cash: Option<Num>,
    /// Market value of all holdings, shorts negative.
    pub positions_value: Option<Num>,
    pub unrealized_pnl: Option<Num>,
    /// Of today.
    pub realized_pnl: Option<Num>,
}

/// One holding. Money is in `currency`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PortfolioRow {
    pub account: String,
    pub symbol: String,
    pub sec_type: String,
    pub conid: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_symbol: Option<String>,
    pub currency: String,
    /// Shares or contracts; negative when short.
    pub quantity: Num,
    /// Per share or point.
    pub market_price: Option<Num>,
    pub market_value: Option<Num>,
    /// IB's: per contract, multiplier and commissions included.
    pub average_cost: Num,
    pub unrealized_pnl: Option<Num>,
    /// Of today, where IB tells it for the holding.
    pub realized_pnl: Option<Num>,
    /// Market value of the account's net liquidation, two decimals.
    pub percent_of_account: Option<Num>,
}

/// What accounts gained today and since they bought.
#[derive(Debug)]
pub struct Pnl;

impl Operation for Pnl {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "pnl";
    const ABOUT: &'static str = "Daily, unrealized and realized profit of each account, as IB pushes it.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Kept;
    type Params = AccountParams;
    type Reply = PnlReply;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PnlReply {
    pub accounts: Vec<AccountPnl>,
    pub context: Context,
}

/// In the account's own currency; null where IB has told none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountPnl {
    pub account: String,
    pub base_currency: Option<String>,
    /// Since the reset of IB's trading day.
    pub daily_pnl: Option<Num>,
    pub unrealized_pnl: Option<Num>,
    /// Since the same reset.
    pub realized_pnl: Option<Num>,
}

/// What one holding gained.
#[derive(Debug)]
pub struct PositionPnl;

impl Operation for PositionPnl {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "position_pnl";
    const ABOUT: &'static str = "Daily, unrealized and realized profit of one holding.";
    const DEADLINE_MS: u64 = 15_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = PositionPnlParams;
    type Reply = PositionPnlReply;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionPnlParams {
    pub contract: ContractQuery,
    /// Account id; empty means the one that holds it.
    #[serde(default)]
    pub account: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PositionPnlReply {
    pub contract: Contract,
    pub account: String,
    pub quantity: Num,
    pub market_value: Option<Num>,
    /// Since the reset of IB's trading day; this and the others in the instrument's currency.
    pub daily_pnl: Option<Num>,
    pub unrealized_pnl: Option<Num>,
    pub realized_pnl: Option<Num>,
    pub context: Context,
}
