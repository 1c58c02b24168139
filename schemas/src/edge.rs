//! What the edge answers itself, because it alone knows: how the whole is, and the caller's own connection.
//!
//! These go over no subject. They stand in the table of operations so that their replies have schemas like all others.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Freshness, Operation, Retry,
    context::{MarketState, Mode},
    gateway::ResetWindow,
};

/// How everything is, in one answer.
#[derive(Debug)]
pub struct Health;

impl Operation for Health {
    const FAMILY: &'static str = "edge";
    const OP: &'static str = "health";
    const ABOUT: &'static str = "Gateway, workers, accounts, market and what to do next; answers whatever is down.";
    const DEADLINE_MS: u64 = 5_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = HealthParams;
    type Reply = HealthReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthParams {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    Healthy,
    /// Processes live, none is connected to IB.
    Degraded,
    Unhealthy,
}

impl HealthStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What is not known is null or empty, and `missing` says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthReply {
    /// As `GET /health` has it.
    pub status: HealthStatus,
    /// What holds now and what to do about it, in one or two sentences.
    pub advice: String,
    /// The gateway's name in subjects.
    pub gateway: String,
    pub version: String,
    /// Null until an account is known.
    pub mode: Option<Mode>,
    /// This caller's.
    pub profile: String,
    /// Whether this caller can place orders here.
    pub can_trade: bool,
    /// A worker is connected to IB.
    pub ib_connected: bool,
    pub options_connected: bool,
    /// The gateway has IB's servers, as far as workers know.
    pub upstream: bool,
    pub workers: HealthWorkers,
    /// `closed`, `open` or `half_open`: open refuses calls for a while.
    pub circuit_breaker: String,
    pub accounts: Vec<HealthAccount>,
    /// Account facts come from memory, because IB is away.
    pub stale: bool,
    /// Of US stocks.
    pub market_state: MarketState,
    pub market_until: Option<Timestamp>,
    /// gateway-ctl's word, such as `connected`; null where none runs.
    pub gateway_state: Option<String>,
    pub gateway_reason: Option<String>,
    /// What only a person can do.
    pub needs_human: Option<String>,
    /// Null outside IB's reset windows.
    pub reset_window: Option<ResetWindow>,
    /// When IB wants the next full log-in.
    pub next_login_due: Option<Timestamp>,
    /// What could not be told, and why.
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthWorkers {
    pub wanted: u64,
    pub alive: usize,
    pub connected: usize,
    /// Connected, with a free slot.
    pub available: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthAccount {
    pub account: String,
    pub base_currency: Option<String>,
}

/// What `haymant/tws-mcp` calls connecting: the gateway is made ready, and what is connected is told.
#[derive(Debug)]
pub struct Connect;

impl Operation for Connect {
    const FAMILY: &'static str = "edge";
    const OP: &'static str = "connect";
    const ABOUT: &'static str = "Makes the gateway ready and tells what is connected; never goes to another host.";
    const DEADLINE_MS: u64 = 75_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = ConnectParams;
    type Reply = ConnectReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectParams {
    /// Refused unless it is the configured one; absent means that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Accepted and not used: workers choose free ids, the reply has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectReply {
    pub connected: bool,
    pub message: String,
    pub host: String,
    pub port: u16,
    /// Of the workers that are connected.
    pub client_ids: Vec<i32>,
    pub mode: Option<Mode>,
}

/// What `haymant/tws-mcp` calls disconnecting: the caller's streams end, nothing else.
#[derive(Debug)]
pub struct Disconnect;

impl Operation for Disconnect {
    const FAMILY: &'static str = "edge";
    const OP: &'static str = "disconnect";
    const ABOUT: &'static str = "Ends the caller's streams; the gateway and other callers are left alone.";
    const DEADLINE_MS: u64 = 5_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = DisconnectParams;
    type Reply = DisconnectReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisconnectParams {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DisconnectReply {
    /// Always true: ending what is not there is done.
    pub success: bool,
    pub streams_ended: u32,
    pub message: String,
}
