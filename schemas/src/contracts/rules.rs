//! When an instrument trades, and in which steps its price moves.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Contract, ContractQuery};
use crate::{Context, Freshness, Num, Operation, Retry};

/// The price steps of a market rule.
#[derive(Debug)]
pub struct MarketRule;

impl Operation for MarketRule {
    const FAMILY: &'static str = "contracts";
    const OP: &'static str = "market_rule";
    const ABOUT: &'static str = "The smallest price steps of a market rule, by price.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Cached { for_s: 86_400 };
    type Params = MarketRuleParams;
    type Reply = MarketRuleReply;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarketRuleParams {
    /// One of `market_rule_ids` in an instrument's details.
    pub rule_id: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MarketRuleReply {
    pub rule_id: i32,
    /// By price, ascending.
    pub steps: Vec<PriceStep>,
    pub context: Context,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceStep {
    /// From this price on.
    pub from_price: Num,
    pub step: Num,
}

/// When an instrument trades on the coming days.
#[derive(Debug)]
pub struct Schedule;

impl Operation for Schedule {
    const FAMILY: &'static str = "contracts";
    const OP: &'static str = "schedule";
    const ABOUT: &'static str = "Trading and regular sessions of an instrument, today and on the coming days.";
    const DEADLINE_MS: u64 = 15_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Cached { for_s: 86_400 };
    type Params = ScheduleParams;
    type Reply = ScheduleReply;
}

/// IB tells no more days ahead than this.
pub const SCHEDULE_DAYS_MAX: u32 = 30;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleParams {
    pub contract: ContractQuery,
    /// 1 to 30: today and the days after it, as many as IB tells.
    #[serde(default = "five")]
    pub days: u32,
}

fn five() -> u32 {
    5
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleReply {
    pub contract: Contract,
    /// IANA zone of the sessions' times.
    pub time_zone: String,
    pub days: Vec<TradingDay>,
    /// False where IB tells fewer days ahead than were asked for.
    pub complete: bool,
    pub context: Context,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TradingDay {
    /// The day on which its sessions end.
    pub date: Date,
    /// No session at all.
    pub closed: bool,
    pub trading: Vec<TradingSession>,
    /// The part of it that is the regular session.
    pub regular: Vec<TradingSession>,
}

/// RFC 3339 with the exchange's offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TradingSession {
    pub from: String,
    pub until: String,
}
