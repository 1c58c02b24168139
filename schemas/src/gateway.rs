//! The gateway: what state it is in, who has the session, and the commands that start and stop it.
//!
//! Invariant: the predecessors' fields of each reply stay exactly; more fields may stand beside them. `ready:false` and a
//! stale status are answers, not faults: over HTTP they have the status 503.

mod commands;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use commands::{
    CommandFailure, CommandReply, EnsureReady, EnsureReadyParams, EnsureReadyReply, Login, LoginParams, Logout, LogoutParams, Reconnect,
    ReconnectParams, RestartWorkers, RestartWorkersParams, RestartWorkersReply,
};

use crate::{Fault, FaultCode, Freshness, Operation, Retry};

/// Seconds that `ensure_ready` takes unless the caller says otherwise.
pub const READY_TIMEOUT_S_DEFAULT: u32 = 90;
/// Seconds that a caller of `ensure_ready` may wait at most.
pub const READY_TIMEOUT_S_MAX: u32 = 300;
/// Minutes after which a logout may end by itself at most: a week, since IB wants a full log-in then.
pub const LOGOUT_MINUTES_MAX: u32 = 10_080;
/// Characters of a reason that a person gives.
pub const REASON_CHARS_MAX: usize = 200;

/// What the gateway is doing.
#[derive(Debug)]
pub struct Status;

impl Operation for Status {
    const FAMILY: &'static str = "gateway";
    const OP: &'static str = "status";
    const ABOUT: &'static str = "State of the IB gateway: running, authenticated, wanted up or down, what it waits for.";
    const DEADLINE_MS: u64 = 5_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Kept;
    type Params = StatusParams;
    type Reply = StatusReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusParams {}

/// The predecessors' four words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Running and authenticated.
    Connected,
    /// The API port is open; not authenticated, or cut off from IB.
    ApiReady,
    /// Running; the API is not open yet.
    Starting,
    /// Stopped.
    Disconnected,
    #[serde(other)]
    Unknown,
}

/// What gateway-ctl's state machine is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Docker does not answer: the last facts are kept and nothing is done.
    DockerUnreachable,
    /// Stopped on request. Only a login starts it again, or the end of the minutes that the logout named.
    LoggedOut,
    Stopping,
    /// Not running though wanted: a start comes, or gateway-ctl may not start this one.
    Stopped,
    /// Somebody paused the container: nothing is done to it.
    Paused,
    Starting,
    /// Name and password are being entered.
    Login,
    /// A person has to confirm the log-in.
    #[serde(rename = "WAIT_2FA")]
    WaitTwoFactor,
    /// Logged in; the API does not answer yet.
    ApiWait,
    /// The API answers; no session yet.
    ApiReady,
    Connected,
    /// The session is open and the gateway has lost IB's servers.
    UpstreamLost,
    /// The gateway restarts inside its container and keeps its authentication.
    SoftRestart,
    /// Another session with the same user name.
    SessionConflict,
    /// Waits before the next start.
    Backoff,
    /// Starts nothing any more until a person says so.
    Halted,
    #[serde(other)]
    Unknown,
}

impl State {
    /// As it stands in a subject: `wait_2fa`.
    pub const fn token(self) -> &'static str {
        match self {
            Self::DockerUnreachable => "docker_unreachable",
            Self::LoggedOut => "logged_out",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Starting => "starting",
            Self::Login => "login",
            Self::WaitTwoFactor => "wait_2fa",
            Self::ApiWait => "api_wait",
            Self::ApiReady => "api_ready",
            Self::Connected => "connected",
            Self::UpstreamLost => "upstream_lost",
            Self::SoftRestart => "soft_restart",
            Self::SessionConflict => "session_conflict",
            Self::Backoff => "backoff",
            Self::Halted => "halted",
            Self::Unknown => "unknown",
        }
    }
}

/// What gateway-ctl tells all sessions at once, as an event beside the changes of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// The session ends in a moment: nothing new is to be begun.
    Draining,
    /// Market data was lost with IB's servers.
    Resubscribe,
}

impl Call {
    /// As it stands in a subject.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Resubscribe => "resubscribe",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    Up,
    Down,
}

/// A window in which IB restarts its servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetKind {
    Nightly,
    Weekend,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResetWindow {
    pub kind: ResetKind,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// A logout that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedOut {
    pub by: String,
    pub since: Timestamp,
    pub reason: Option<String>,
    /// When the system logs in again by itself; null: never.
    pub until: Option<Timestamp>,
    /// What ends it before: `POST /gateway/login`.
    pub ends_with: String,
}

impl LoggedOut {
    /// Who, since when, why and until when.
    pub fn sentence(&self) -> String {
        let reason = self.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
        let until = self.until.map_or("until somebody logs it in".to_owned(), |until| format!("until {until:.0}"));
        format!("Gateway is logged out by {} since {:.0}{reason}, {until}.", self.by, self.since)
    }

    /// The fault of every request that needs the gateway.
    pub fn fault(&self) -> Fault {
        let hint = format!("{} or `ibmesh gateway login` ends it.", self.ends_with);
        Fault::new(FaultCode::GatewayLoggedOut, self.sentence()).hint(hint)
    }
}

/// Automatic starts that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestartBudget {
    /// In the next half hour.
    pub left_30_min: u32,
    pub left_24_h: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    Pass,
    Warn,
    Fail,
    /// Not looked at, or it cannot be looked at here.
    Skip,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// `engine`, `container`, `log`, `network`, `api`, `session`, `upstream`, `fleet`, `clock`.
    pub layer: String,
    pub check: String,
    pub status: CheckStatus,
    pub detail: String,
    /// What was seen, in the words of who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReply {
    pub status: Link,
    pub container_running: bool,
    pub api_port_open: bool,
    pub ib_connected: bool,
    pub gateway_container: String,
    pub api_host: String,
    /// A text, as the predecessors had it.
    pub api_port: String,
    pub state: State,
    /// Since when it is in this state.
    pub since: Timestamp,
    pub reason: Option<String>,
    /// What only a person can do, in one sentence.
    pub needs_human: Option<String>,
    pub desired: Desired,
    pub reset_window: Option<ResetWindow>,
    pub next_attempt_at: Option<Timestamp>,
    pub layers: Vec<Check>,
    /// Docker does not answer: everything above is what was seen last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// Null unless somebody logged it out.
    pub logged_out: Option<LoggedOut>,
    /// When IB wants the next full log-in; null where IB's resets do not count.
    pub next_auth_due: Option<Timestamp>,
    pub restart_budget: RestartBudget,
    /// What the gateway said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<i32>,
}

/// The gateway has come into another state: told on `evt.gateway.<state>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateChange {
    pub at: Timestamp,
    /// Absent where no change is told but the present state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<State>,
    pub state: State,
    pub reason: Option<String>,
    pub needs_human: Option<String>,
    pub desired: Desired,
    pub next_attempt_at: Option<Timestamp>,
}

impl From<&StatusReply> for StateChange {
    /// The present state, since when it is so.
    fn from(status: &StatusReply) -> Self {
        Self {
            at: status.since,
            from: None,
            state: status.state,
            reason: status.reason.clone(),
            needs_human: status.needs_human.clone(),
            desired: status.desired,
            next_attempt_at: status.next_attempt_at,
        }
    }
}

/// Looks at every layer and says what is wrong.
#[derive(Debug)]
pub struct Diagnose;

impl Operation for Diagnose {
    const FAMILY: &'static str = "gateway";
    const OP: &'static str = "diagnose";
    const ABOUT: &'static str = "Checks every layer from Docker to the workers; verdict and next step in one sentence.";
    const DEADLINE_MS: u64 = 30_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = DiagnoseParams;
    type Reply = DiagnoseReply;
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiagnoseParams {
    /// Also what takes longer: the sockets inside the container, a session of its own.
    #[serde(default)]
    pub deep: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiagnoseReply {
    /// The word of the first cause that fits, such as `localhost_only`; `healthy` if none does.
    pub verdict: String,
    pub next_action: String,
    pub layers: Vec<Check>,
}

#[cfg(test)]
#[path = "gateway_tests.rs"]
mod tests;
