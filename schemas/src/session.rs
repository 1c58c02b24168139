//! The session to IB itself.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Context, Freshness, Operation, Retry};

/// What time it is at IB.
#[derive(Debug)]
pub struct Time;

impl Operation for Time {
    const FAMILY: &'static str = "session";
    const OP: &'static str = "time";
    const ABOUT: &'static str = "The gateway's clock, and how far it is from ours.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = TimeParams;
    type Reply = TimeReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeParams {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimeReply {
    /// IB tells whole seconds.
    pub server_time: Timestamp,
    /// The clock of the host that asked.
    pub host_time: Timestamp,
    /// Positive when IB's clock is ahead of the host's; below a second it says nothing.
    pub ahead_ms: i64,
    /// The gateway host's zone, where it tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_time_zone: Option<String>,
    pub context: Context,
}
