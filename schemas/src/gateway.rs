//! The gateway: what state it is in, who has the session, and the commands that start and stop it.
//!
//! Invariant: the predecessors' fields of each reply stay exactly; more fields may stand beside them. `ready:false` and a
//! stale status are answers, not faults: over HTTP they have the status 503.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// Stops the gateway, so that a person can log in with TWS.
#[derive(Debug)]
pub struct Logout;

impl Operation for Logout {
    const FAMILY: &'static str = "gateway";
    const OP: &'static str = "logout";
    const ABOUT: &'static str = "Stops the gateway and frees the IB session; nothing starts it again until login.";
    /// Five seconds for the fleet, 60 for IBC's STOP, 20 for a container that is too young, 100 for docker stop.
    const DEADLINE_MS: u64 = 190_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = LogoutParams;
    type Reply = CommandReply;
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoutParams {
    /// After so many minutes the system logs in again by itself, 1 to 10,080; absent: only a login does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// Told to whoever asks why the gateway is down, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Starts the gateway.
#[derive(Debug)]
pub struct Login;

impl Operation for Login {
    const FAMILY: &'static str = "gateway";
    const OP: &'static str = "login";
    const ABOUT: &'static str = "Starts the gateway; it authenticates with the saved credentials.";
    const DEADLINE_MS: u64 = 45_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = LoginParams;
    type Reply = CommandReply;
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginParams {}

/// Restarts the gateway: softly, with its authentication kept, else by stop and start.
#[derive(Debug)]
pub struct Reconnect;

impl Operation for Reconnect {
    const FAMILY: &'static str = "gateway";
    const OP: &'static str = "reconnect";
    const ABOUT: &'static str = "Restarts the gateway, softly first; `hard` stops and starts it at once.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Never;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = ReconnectParams;
    type Reply = CommandReply;
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconnectParams {
    /// Stop and start at once, with a full log-in.
    #[serde(default)]
    pub hard: bool,
}

/// The answer to a command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandReply {
    /// Always true; a refusal is a [`CommandFailure`].
    pub success: bool,
    pub message: String,
    pub note: String,
    /// False: it was so already, and nothing had to be done.
    pub changed: bool,
}

/// How a failed command looks over HTTP, with the HTTP status of its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandFailure {
    /// Always false.
    pub success: bool,
    pub message: String,
    pub code: FaultCode,
}

impl From<&Fault> for CommandFailure {
    fn from(fault: &Fault) -> Self {
        let message = match &fault.hint {
            Some(hint) => format!("{}: {hint}", fault.message.trim_end_matches('.')),
            None => fault.message.clone(),
        };
        Self { success: false, message, code: fault.code }
    }
}

/// Waits until the gateway is connected, and brings it back if it is not.
#[derive(Debug)]
pub struct EnsureReady;

impl Operation for EnsureReady {
    const FAMILY: &'static str = "gateway";
    const OP: &'static str = "ensure_ready";
    const ABOUT: &'static str = "Answers when the gateway is connected; brings it back and waits if it is not.";
    const DEADLINE_MS: u64 = READY_TIMEOUT_S_MAX as u64 * 1_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = EnsureReadyParams;
    type Reply = EnsureReadyReply;
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnsureReadyParams {
    /// Seconds after which the caller gives up, 1 to 300; absent means 90. The answer comes 2 s before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnsureReadyReply {
    /// False goes with HTTP 503.
    pub ready: bool,
    pub message: String,
    /// Seconds.
    pub waited: u64,
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
