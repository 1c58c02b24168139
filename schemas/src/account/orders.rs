//! Orders and executions of the login, whoever placed them.
//!
//! IB pushes an order's changes only to the client that placed it. What all clients have is a snapshot that is asked
//! for: it is kept, taken anew when somebody asks, and told from memory while IB is away.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Context, Freshness, Num, Operation, Retry, contracts::Contract};

/// Most rows of one reply; more are told by `truncated` and fetched with `offset`.
pub const ORDERS_MAX: usize = 500;
/// Days of executions that IB has at most.
pub const EXECUTION_DAYS_MAX: u32 = 7;

/// Orders that work.
#[derive(Debug)]
pub struct OpenOrders;

impl Operation for OpenOrders {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "open_orders";
    const ABOUT: &'static str = "Working orders of all clients and of TWS, with status and filled quantity.";
    const DEADLINE_MS: u64 = 15_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Kept;
    type Params = OpenOrdersParams;
    type Reply = OpenOrdersReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenOrdersParams {
    /// Account id; empty means every account of the login.
    #[serde(default)]
    pub account: String,
    /// Rows to skip: the `next` of a truncated reply.
    #[serde(default)]
    pub offset: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenOrdersReply {
    /// By account and permanent id.
    pub orders: Vec<Order>,
    pub total: usize,
    #[serde(default)]
    pub truncated: bool,
    /// The `offset` of the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    pub context: Context,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Side {
    Buy,
    Sell,
    /// Short sale, of institutions.
    Sshort,
    /// Sale of a long position that is not delivered yet, of institutions.
    Slong,
}

impl Side {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
            Self::Sshort => "SSHORT",
            Self::Slong => "SLONG",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    pub account: String,
    /// IB's id of the order, the same for ever; 0 until IB has given one.
    pub perm_id: i64,
    /// The placing client's number of the order; absent where it has none, as orders of TWS and completed ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<i32>,
    /// The client that placed it: the only one that can change it. Absent for completed orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<i32>,
    pub contract: Contract,
    /// Of a combination: what it is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<OrderLeg>,
    pub side: Side,
    /// As ordered. Absent where IB does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filled: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_fill_price: Option<Num>,
    /// IB's: `LMT`, `MKT`, `STP LMT`.
    pub order_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Num>,
    /// The trigger of a stop, or the amount of a trailing one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aux_price: Option<Num>,
    /// `DAY`, `GTC`.
    pub time_in_force: String,
    /// IB's: `Submitted`, `PreSubmitted`, `Filled`, `Cancelled`.
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oca_group: Option<String>,
    /// The placing program's own name of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_ref: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside_rth: bool,
    /// What IB says beside the status: why it is held, a warning, why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Of a completed order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLeg {
    pub conid: i32,
    pub side: Side,
    pub ratio: i32,
    pub exchange: String,
}

/// Orders that ended.
#[derive(Debug)]
pub struct CompletedOrders;

impl Operation for CompletedOrders {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "completed_orders";
    const ABOUT: &'static str = "Orders that were filled, cancelled or refused lately; how far back is IB's choice.";
    const DEADLINE_MS: u64 = 15_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = CompletedOrdersParams;
    type Reply = CompletedOrdersReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompletedOrdersParams {
    /// Only orders that were placed by programs.
    #[serde(default)]
    pub api_only: bool,
    /// Rows to skip: the `next` of a truncated reply.
    #[serde(default)]
    pub offset: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompletedOrdersReply {
    /// Newest first.
    pub orders: Vec<Order>,
    pub total: usize,
    #[serde(default)]
    pub truncated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    pub context: Context,
}

/// What was traded.
#[derive(Debug)]
pub struct Executions;

impl Operation for Executions {
    const FAMILY: &'static str = "account";
    const OP: &'static str = "executions";
    const ABOUT: &'static str = "Executions of all clients and of TWS, with commissions, newest first.";
    const DEADLINE_MS: u64 = 15_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Kept;
    type Params = ExecutionsParams;
    type Reply = ExecutionsReply;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecutionsParams {
    /// Only this symbol (options by their underlying's); empty means all.
    #[serde(default)]
    pub symbol: String,
    /// 1 to 7: today, and days before it.
    #[serde(default = "today")]
    pub days: u32,
    /// Rows to skip: the `next` of a truncated reply.
    #[serde(default)]
    pub offset: usize,
}

impl Default for ExecutionsParams {
    fn default() -> Self {
        Self { symbol: String::new(), days: today(), offset: 0 }
    }
}

fn today() -> u32 {
    1
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionsReply {
    /// Newest first.
    pub executions: Vec<Execution>,
    pub total: usize,
    #[serde(default)]
    pub truncated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    pub days: u32,
    /// From here on IB is sure to have told everything: midnight of its day.
    pub complete_since: Timestamp,
    /// False where more days were asked for: of those before today IB tells what its gateway still has.
    pub complete: bool,
    pub context: Context,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Execution {
    pub execution_id: String,
    pub account: String,
    /// Absent where IB's text cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Of a combination there is one row for it and one for each leg.
    pub contract: Contract,
    pub side: Side,
    pub quantity: Num,
    pub price: Num,
    pub exchange: String,
    pub perm_id: i64,
    pub order_id: i32,
    pub client_id: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_ref: Option<String>,
    /// Absent until IB has told it, and for orders of other clients where IB does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commission: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commission_currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realized_pnl: Option<Num>,
    /// IB closed the position by force.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub liquidation: bool,
}
