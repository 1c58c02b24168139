//! The heartbeat: every process publishes one every [`HEARTBEAT_PERIOD_MS`] and at every change of its state.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ClientId,
    context::Mode,
    gateway::{Desired, LoggedOut, State as GatewayState},
};

pub const HEARTBEAT_PERIOD_MS: u64 = 2_000;
/// Three periods without one: the process counts as gone.
pub const HEARTBEAT_STALE_MS: u64 = 6_000;
/// After this it is forgotten.
pub const HEARTBEAT_FORGET_MS: u64 = 30_000;

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Starting,
    Ready,
    /// Alive, but its IB session is not.
    IbDown,
    Draining,
    #[serde(other)]
    Unknown,
}

/// One process, now. Readers ignore fields they do not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// `ib-worker`, `options`, `edge`, ...
    pub service: String,
    /// Uuid of this process start.
    pub id: String,
    pub version: String,
    pub pid: u32,
    pub state: State,
    /// Counts this process's heartbeats, so that a reader sees a gap.
    pub sequence: u64,
    pub started_at: Timestamp,
    pub in_flight: u32,
    pub slots: u32,
    /// `family.op` names answered right now: empty while the process cannot answer any.
    #[serde(default)]
    pub operations: Vec<String>,
    /// The IB session, for processes that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ib: Option<IbSession>,
    /// What gateway-ctl says of the gateway; nobody else says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayPart>,
}

/// The gateway, as gateway-ctl sees it: whoever needs it knows from this whether asking makes sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayPart {
    pub state: GatewayState,
    pub desired: Desired,
    /// Since when it is in this state.
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Absent unless somebody logged it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged_out: Option<LoggedOut>,
}

/// The IB session of a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IbSession {
    pub connected: bool,
    pub host: String,
    pub port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Failed checks or connection attempts in a row.
    pub consecutive_failures: u32,
    /// Reconnects since the last success; reset only by a successful connection.
    pub restart_count: u32,
    /// IB told 1100 and has not told 1101 or 1102 since: connected to the gateway, the gateway not to IB.
    #[serde(default)]
    pub upstream_lost: bool,
    /// Why it is not connected, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What IB told of the login itself, whoever asked what: read-only mode, a competing session. The newest of each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<IbNotice>,
}

/// What a notice of IB's is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IbNoticeKind {
    /// The gateway's setting `Read-Only API`.
    ReadOnly,
    /// Another live session with the same user has the market data.
    CompetingSession,
    #[serde(other)]
    Unknown,
}

/// A thing that IB told, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IbNotice {
    pub about: IbNoticeKind,
    /// IB's number for it.
    pub code: i32,
    pub message: String,
    pub at: Timestamp,
}

impl Heartbeat {
    pub fn ib_connected(&self) -> bool {
        self.ib.as_ref().is_some_and(|ib| ib.connected)
    }

    /// Connected to IB, a free slot, not draining.
    pub fn available(&self) -> bool {
        self.state == State::Ready && self.ib_connected() && self.in_flight < self.slots
    }
}
