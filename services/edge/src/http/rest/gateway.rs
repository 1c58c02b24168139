//! `/gateway/...` and `/restart-workers`: what people and programs ask of gateway-ctl.
//!
//! Invariant: replies are the service's own bytes, word for word as the predecessors had them; a failure says
//! `success:false`, message and code, as the predecessors' did, and `error` as everywhere.

use axum::response::Response;
use schemars::{JsonSchema, Schema};
use schemas::{
    Fault, FaultCode,
    gateway::{
        CommandFailure, Diagnose, DiagnoseParams, EnsureReady, EnsureReadyParams, LOGOUT_MINUTES_MAX, Login, LoginParams, Logout,
        LogoutParams, READY_TIMEOUT_S_DEFAULT, READY_TIMEOUT_S_MAX, REASON_CHARS_MAX, Reconnect, ReconnectParams, RestartWorkers,
        RestartWorkersParams, Status, StatusParams,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    given::Given,
    table::{Endpoint, Kind, Param, written_schema},
};
use crate::http::answer;

pub(super) const STATUS: Endpoint =
    Endpoint::of::<Status>("/gateway/status", &[], |_| written(&StatusParams {})).answered(status_of, failure);

pub(super) const LOGOUT: Endpoint = Endpoint::of::<Logout>(
    "/gateway/logout",
    &[
        Param::query(
            "minutes",
            Kind::Whole { min: 1, max: LOGOUT_MINUTES_MAX },
            "after so many minutes the system logs in again by itself; without it only a login does",
        )
        .such_as("60"),
        Param::query("reason", Kind::Line { max: REASON_CHARS_MAX }, "told to whoever asks why the gateway is down")
            .such_as("a person works in TWS"),
    ],
    |given| written(&LogoutParams { minutes: given.whole("minutes"), reason: given.text("reason").map(str::to_owned) }),
)
.posted()
.answered(always_200, failure);

pub(super) const LOGIN: Endpoint =
    Endpoint::of::<Login>("/gateway/login", &[], |_| written(&LoginParams {})).posted().answered(always_200, failure);

pub(super) const RECONNECT: Endpoint = Endpoint::of::<Reconnect>(
    "/gateway/reconnect",
    &[Param::query("hard", Kind::Flag, "stop and start at once, with a full log-in").such_as("false")],
    |given| written(&ReconnectParams { hard: given.flag("hard").unwrap_or_default() }),
)
.posted()
.answered(always_200, failure);

pub(super) const ENSURE_READY: Endpoint = Endpoint::of::<EnsureReady>(
    "/gateway/ensure-ready",
    &[Param::query("timeout", Kind::Whole { min: 1, max: READY_TIMEOUT_S_MAX }, "seconds after which the caller gives up, 90 if not said")
        .such_as("60")],
    ensure_ready,
)
.posted()
.answered(ready_of, failure);

pub(super) const DIAGNOSE: Endpoint = Endpoint::of::<Diagnose>(
    "/gateway/diagnose",
    &[Param::query("deep", Kind::Flag, "also what takes longer: the sockets inside the container, a session of its own").such_as("false")],
    |given| written(&DiagnoseParams { deep: given.flag("deep").unwrap_or_default() }),
)
.answered(always_200, failure);

pub(super) const RESTART_WORKERS: Endpoint =
    Endpoint::of::<RestartWorkers>("/restart-workers", &[], |_| written(&RestartWorkersParams {})).posted().answered(always_200, failure);

/// A caller that says in the header how long it waits gets its answer before that, whatever the parameter says.
fn ensure_ready(given: &Given) -> Result<Vec<u8>, Fault> {
    let said = given.whole("timeout");
    let granted = given.granted.map(|granted| u32::try_from(granted.as_secs()).unwrap_or(u32::MAX).clamp(1, READY_TIMEOUT_S_MAX));
    let timeout = granted.map_or(said, |granted| Some(granted.min(said.unwrap_or(READY_TIMEOUT_S_DEFAULT))));
    written(&EnsureReadyParams { timeout })
}

fn written(params: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(params).map_err(|error| Fault::new(FaultCode::Internal, format!("the parameters cannot be written: {error}")))
}

fn always_200(_: &[u8]) -> u16 {
    200
}

/// What the status of a reply hangs on.
#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    stale: bool,
    ready: Option<bool>,
}

/// What cannot be read is passed on as it is.
fn read(body: &[u8]) -> Read {
    serde_json::from_slice(body).unwrap_or(Read { stale: false, ready: None })
}

/// 503 while Docker does not answer: what is told was seen before.
fn status_of(body: &[u8]) -> u16 {
    if read(body).stale { 503 } else { 200 }
}

fn ready_of(body: &[u8]) -> u16 {
    if read(body).ready == Some(false) { 503 } else { 200 }
}

/// A fault, in the words of the predecessors and in ours.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CommandFault")]
struct Failure<'a> {
    #[serde(flatten)]
    said: CommandFailure,
    error: &'a Fault,
}

pub(in crate::http) fn failure(fault: &Fault) -> Response {
    let mut body = Vec::with_capacity(512);
    crate::rpc::write_json(&mut body, &Failure { said: CommandFailure::from(fault), error: fault });
    answer::fault_with(fault, body)
}

pub(super) fn failure_body(fault: &Fault) -> Value {
    serde_json::to_value(Failure { said: CommandFailure::from(fault), error: fault }).unwrap_or_default()
}

pub(super) fn failure_schema() -> Schema {
    written_schema::<Failure<'_>>()
}
