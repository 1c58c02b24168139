//! What changes something: logout, login, reconnect, ensure-ready, restart of the workers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::READY_TIMEOUT_S_MAX;
use crate::{Fault, FaultCode, Freshness, Operation, Retry};

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

/// Every process with an IB session, a hung one too, drops it and connects anew. The gateway is left alone.
#[derive(Debug)]
pub struct RestartWorkers;

impl Operation for RestartWorkers {
    const FAMILY: &'static str = "gateway";
    const OP: &'static str = "restart_workers";
    const ABOUT: &'static str = "Every worker and the options service drop their IB connection and connect anew.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Never;
    const FRESHNESS: Freshness = Freshness::Asked;
    type Params = RestartWorkersParams;
    type Reply = RestartWorkersReply;
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartWorkersParams {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestartWorkersReply {
    /// Always true; a refusal is a [`CommandFailure`].
    pub success: bool,
    /// Processes that said that they connect anew.
    pub restarted: u32,
    /// Heartbeat ids of those that were asked and did not answer: they do it as soon as they wake, if they wake.
    pub not_answering: Vec<String>,
    pub message: String,
}
