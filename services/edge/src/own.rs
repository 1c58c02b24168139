//! The operations that the edge answers itself: it knows the fleet's heartbeats, the breaker and the caller.
//!
//! Invariants: `edge.health` answers within [`ASK_MAX`] and some, whatever is down, and says what it could not learn; a
//! connect never goes anywhere but to the configured gateway.

use std::time::Duration;

use ::tools::Profile;
use bytes::Bytes;
use schemas::{
    Fault, FaultCode, Operation, RequestId, Row,
    account::{List, ListParams, ListReply},
    context::MarketState,
    edge::{Connect, ConnectParams, ConnectReply, Disconnect, DisconnectReply, Health, HealthAccount, HealthReply, HealthStatus},
    gateway::{EnsureReady, EnsureReadyParams, EnsureReadyReply, Status, StatusParams, StatusReply},
};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::{
    ask::{self, Question},
    auth::{Principal, Scope},
    edge::Edge,
    health::{self, Report},
};

/// What others know of the whole is waited for so long: both answer from memory.
const ASK_MAX: Duration = Duration::from_millis(1_500);
/// How long a connect waits for the gateway, in seconds.
const READY_S: u32 = 60;
/// And then for a worker to have its session.
const WORKER_WAIT: Duration = Duration::from_secs(10);

/// Who asks, and how to pass it on.
#[derive(Debug)]
pub(crate) struct OwnCall<'a> {
    pub(crate) row: &'static Row,
    pub(crate) params: &'a [u8],
    pub(crate) caller: String,
    pub(crate) principal: &'a Principal,
}

/// The reply's JSON.
pub(crate) async fn answer(edge: &Edge, call: &OwnCall<'_>) -> Result<Bytes, Fault> {
    match call.row.op {
        Health::OP => written(&whole(edge, call).await),
        Connect::OP => written(&connect(edge, call).await?),
        Disconnect::OP => written(&DisconnectReply {
            success: true,
            streams_ended: 0,
            message: "You have no streams here that would have to end. The gateway and everybody else stay connected.".to_owned(),
        }),
        op => Err(Fault::new(FaultCode::Internal, format!("the edge has no operation `{op}`"))),
    }
}

fn written(reply: &impl Serialize) -> Result<Bytes, Fault> {
    let bytes = serde_json::to_vec(reply).map_err(|error| Fault::new(FaultCode::Internal, format!("a reply is no JSON: {error}")))?;
    Ok(bytes.into())
}

/// Asks another service as this caller.
async fn ask<O: Operation>(edge: &Edge, call: &OwnCall<'_>, params: &O::Params, granted: Duration) -> Result<O::Reply, Fault> {
    let row = schemas::find(&format!("{}.{}", O::FAMILY, O::OP));
    let row = row.ok_or_else(|| Fault::new(FaultCode::Internal, "an operation is in no table"))?;
    let question = Question {
        row,
        params: written(params)?,
        request: RequestId::mint(),
        granted: Some(granted),
        caller: call.caller.clone(),
        traces: [None, None],
        progress: None,
    };
    let late = || Fault::new(FaultCode::Timeout, "no answer in time");
    let answered = timeout_at(Instant::now() + granted, ask::ask(edge, question)).await.map_err(|_| late())??;
    serde_json::from_slice(&answered.reply.body)
        .map_err(|error| Fault::new(FaultCode::Internal, format!("a reply cannot be read: {error}")))
}

async fn whole(edge: &Edge, call: &OwnCall<'_>) -> HealthReply {
    let report = edge.health();
    let (accounts, status) =
        tokio::join!(ask::<List>(edge, call, &ListParams {}, ASK_MAX), ask::<Status>(edge, call, &StatusParams {}, ASK_MAX),);
    let mut missing = Vec::new();
    let mut note = |what: &str, fault: &Fault| missing.push(format!("{what}: {}", fault.message));
    let accounts: Option<ListReply> = accounts.inspect_err(|fault| note("accounts and market state", fault)).ok();
    let status: Option<StatusReply> = status.inspect_err(|fault| note("reset window and next log-in", fault)).ok();
    put_together(edge, call, &report, accounts, status, missing)
}

fn put_together(
    edge: &Edge,
    call: &OwnCall<'_>,
    report: &Report,
    accounts: Option<ListReply>,
    status: Option<StatusReply>,
    missing: Vec<String>,
) -> HealthReply {
    let seen = edge.seen();
    let beat = seen.iter().filter(|seen| seen.is_alive()).find_map(|seen| seen.beat.gateway.clone());
    let context = accounts.as_ref().map(|list| &list.context);
    let pool = report.pool();
    HealthReply {
        status: match report.status {
            health::Status::Healthy => HealthStatus::Healthy,
            health::Status::Degraded => HealthStatus::Degraded,
            health::Status::Unhealthy => HealthStatus::Unhealthy,
        },
        advice: advice(edge, report, status.as_ref()),
        gateway: edge.gateway.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: health::mode(&seen),
        profile: edge.profile.as_str().to_owned(),
        can_trade: call.principal.has(Profile::Trading) && !edge.readonly && ::tools::find("preview_order").is_some(),
        ib_connected: pool.connected > 0,
        options_connected: report.options_connected(),
        upstream: edge.workers_have_ib(),
        workers: pool,
        circuit_breaker: report.breaker_word().to_owned(),
        stale: context.is_some_and(|context| context.stale),
        market_state: context.map_or(MarketState::Unknown, |context| context.market_state),
        market_until: context.and_then(|context| context.market_until),
        accounts: accounts
            .into_iter()
            .flat_map(|list| list.accounts)
            .map(|entry| HealthAccount { account: entry.account, base_currency: entry.base_currency })
            .collect(),
        gateway_state: status
            .as_ref()
            .map(|status| status.state)
            .or(beat.as_ref().map(|beat| beat.state))
            .map(|state| state.token().to_owned()),
        gateway_reason: status.as_ref().and_then(|status| status.reason.clone()).or(beat.and_then(|beat| beat.reason)),
        needs_human: status.as_ref().and_then(|status| status.needs_human.clone()),
        reset_window: status.as_ref().and_then(|status| status.reset_window),
        next_login_due: status.as_ref().and_then(|status| status.next_auth_due),
        missing,
    }
}

/// What holds, and what to do about it.
fn advice(edge: &Edge, report: &Report, status: Option<&StatusReply>) -> String {
    let pool = report.pool();
    if let Some(out) = bus::logged_out(&edge.seen()) {
        return format!("{} {}", out.message, out.hint.unwrap_or_default());
    }
    if let Some(needed) = status.and_then(|status| status.needs_human.as_deref()) {
        return format!("A person is needed: {needed}");
    }
    if !edge.nats_connected() {
        return "The edge cannot reach NATS, so nothing can be asked: start nats-server, or set NATS_URL.".to_owned();
    }
    if pool.alive == 0 {
        return "No worker runs, so that nothing can be read: start `ibmesh worker`, or `ibmesh up`.".to_owned();
    }
    if pool.connected == 0 {
        return "Workers run, but none is connected to the gateway; account data are told from memory for 15 minutes. gateway_diagnose, or \
                `ibmesh doctor`, says what is wrong."
            .to_owned();
    }
    if !edge.workers_have_ib() {
        return "The gateway is connected but has lost IB's servers; it restores that by itself, usually within minutes.".to_owned();
    }
    if report.status == health::Status::Unhealthy {
        return "Several calls failed in a row and the breaker is open; calls are tried again within a minute.".to_owned();
    }
    "All calls should work.".to_owned()
}

async fn connect(edge: &Edge, call: &OwnCall<'_>) -> Result<ConnectReply, Fault> {
    let params: ConnectParams = serde_json::from_slice(call.params)
        .map_err(|error| Fault::new(FaultCode::Internal, format!("parameters cannot be read: {error}")))?;
    let (host, port) = edge.health().address();
    refuse_another(&params, &host, port)?;
    let mut note = String::new();
    // Whoever may only read waits for a gateway that others bring back.
    let may_control = call.principal.scopes().has(Scope::Admin);
    if !connected(edge) && !may_control {
        note = "this token may not start the gateway, which needs the scope mcp.admin.".to_owned();
    } else if !connected(edge) {
        let granted = Duration::from_secs(u64::from(READY_S));
        match ask::<EnsureReady>(edge, call, &EnsureReadyParams { timeout: Some(READY_S) }, granted).await {
            Ok(EnsureReadyReply { message, .. }) => note = message,
            // Where nothing controls the gateway, workers connect by themselves as soon as it answers.
            Err(fault) if matches!(fault.code, FaultCode::NoWorker | FaultCode::Timeout) => note = fault.message,
            Err(fault) => return Err(fault),
        }
        until_connected(edge).await;
    }
    let is = connected(edge);
    let message = if is {
        format!("Connected to the gateway at {host}:{port}.")
    } else {
        format!("Not connected to the gateway at {host}:{port} yet: {note} Workers connect by themselves; get_health says how things are.")
    };
    let seen = edge.seen();
    let ids = seen.iter().filter(|seen| seen.is_alive() && seen.beat.ib_connected());
    let mut client_ids: Vec<i32> = ids.filter_map(|seen| seen.beat.ib.as_ref()?.client_id).map(|id| id.0).collect();
    client_ids.sort_unstable();
    Ok(ConnectReply { connected: is, message, host, port, client_ids, mode: health::mode(&seen) })
}

fn connected(edge: &Edge) -> bool {
    edge.health().pool().connected > 0
}

/// Until a heartbeat says so, or for [`WORKER_WAIT`].
async fn until_connected(edge: &Edge) {
    let Some(caller) = edge.caller() else { return };
    let mut changes = caller.fleet().changes();
    let found = async { while !connected(edge) && changes.changed().await.is_ok() {} };
    // What is so after that is told.
    let _ = timeout_at(Instant::now() + WORKER_WAIT, found).await;
}

/// One system, one gateway: whoever names another means another system.
fn refuse_another(params: &ConnectParams, host: &str, port: u16) -> Result<(), Fault> {
    let same = |given: &str| given.eq_ignore_ascii_case(host) || (is_here(given) && is_here(host));
    let refuse = |field: &str, given: &str, own: String| {
        let message = format!("this system is connected to {host}:{port} and to nothing else; `{field}` is {given}");
        Err(Fault::invalid(field, message).allowed([own]).hint("leave host and port out; IB_HOST and IB_PORT of the system set them"))
    };
    match (&params.host, params.port) {
        (Some(given), _) if !same(given) => refuse("host", given, host.to_owned()),
        (_, Some(given)) if given != port => refuse("port", &given.to_string(), port.to_string()),
        _ => Ok(()),
    }
}

fn is_here(host: &str) -> bool {
    ["localhost", "127.0.0.1", "::1", "[::1]"].iter().any(|name| host.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_configured_gateway_may_be_named() {
        let asked = |host: Option<&str>, port: Option<u16>| ConnectParams { host: host.map(str::to_owned), port, client_id: Some(1) };
        for (host, port) in [(None, None), (Some("localhost"), None), (Some("127.0.0.1"), Some(4002)), (Some("LOCALHOST"), Some(4002))] {
            assert_eq!(refuse_another(&asked(host, port), "127.0.0.1", 4002), Ok(()), "{host:?} {port:?}");
        }
        for (host, port, field) in [
            (Some("10.0.0.1"), None, "host"),
            (None, Some(7497), "port"),
            (Some("127.0.0.1"), Some(7496), "port"),
            (Some("ib"), Some(4002), "host"),
        ] {
            let fault = refuse_another(&asked(host, port), "127.0.0.1", 4002).expect_err("another");
            assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::InvalidParams, Some(field)));
            assert!(fault.message.contains("127.0.0.1:4002"), "{}", fault.message);
        }
        assert_eq!(refuse_another(&asked(Some("IBGateway-Paper"), None), "ibgateway-paper", 4004), Ok(()));
    }
}
