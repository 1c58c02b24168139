//! `/health`: what the heartbeats and the breaker say, in the predecessors' words. Pure: a read of memory that never
//! waits for IB.
//!
//! Invariant: the predecessors' fields come first, with their names and order; ours stand after them.

use std::time::Duration;

use bus::Seen;
use schemars::JsonSchema;
use schemas::{
    context::Mode,
    edge::HealthWorkers,
    health::{GatewayPart, Heartbeat},
    subject::OPTIONS_SERVICE,
};
use serde::Serialize;

use crate::breaker::{Position, View};

/// Heartbeats' name of the processes that answer reads.
const WORKERS: &str = "ib-worker";

/// All that the answer is made of.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) gateway: &'a str,
    pub(crate) ib_host: &'a str,
    pub(crate) ib_port: u16,
    /// Workers there should be.
    pub(crate) pool_size: u64,
    pub(crate) seen: &'a [Seen],
    pub(crate) breaker: View,
    pub(crate) nats_connected: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HealthStatus")]
pub(crate) enum Status {
    Healthy,
    Degraded,
    Unhealthy,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "HealthReport")]
pub(crate) struct Report {
    pub(crate) status: Status,
    ib_connected: bool,
    options_client_connected: bool,
    service: String,
    ib_host: String,
    /// A text, as the predecessors answer it.
    ib_port: String,
    circuit_breaker: CircuitBreaker,
    pool: Pool,
    version: &'static str,
    mode: Option<Mode>,
    nats_connected: bool,
    /// What gateway-ctl says, where one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<GatewayPart>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct CircuitBreaker {
    state: Position,
    failure_count: u32,
    last_failure_ago: Option<u64>,
    recovery_in: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct Pool {
    pool_size: u64,
    workers_alive: usize,
    workers_ib_connected: usize,
    workers_available: usize,
    workers: Vec<Worker>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct Worker {
    id: String,
    client_id: Option<i32>,
    alive: bool,
    ib_connected: bool,
    available: bool,
    consecutive_failures: u32,
    restart_count: u32,
    /// It has the gateway, but the gateway has lost IB's servers (1100).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    upstream_lost: bool,
    /// Why it is not connected to IB, while it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Report {
    pub(crate) fn pool(&self) -> HealthWorkers {
        let pool = &self.pool;
        let (alive, connected, available) = (pool.workers_alive, pool.workers_ib_connected, pool.workers_available);
        HealthWorkers { wanted: pool.pool_size, alive, connected, available }
    }

    pub(crate) fn options_connected(&self) -> bool {
        self.options_client_connected
    }

    pub(crate) fn breaker_word(&self) -> &'static str {
        match self.circuit_breaker.state {
            Position::Closed => "closed",
            Position::Open => "open",
            Position::HalfOpen => "half_open",
        }
    }

    /// Where the gateway is.
    pub(crate) fn address(&self) -> (String, u16) {
        (self.ib_host.clone(), self.ib_port.parse().unwrap_or_default())
    }

    /// 200 while anything may be answered, 503 otherwise.
    pub(crate) fn http_status(&self) -> u16 {
        if self.status == Status::Unhealthy { 503 } else { 200 }
    }
}

pub(crate) fn report(facts: &Facts<'_>) -> Report {
    let mut workers: Vec<Worker> = facts.seen.iter().filter(|seen| seen.beat.service == WORKERS).map(worker).collect();
    workers.sort_by(|a, b| (a.client_id.unwrap_or(i32::MAX), &a.id).cmp(&(b.client_id.unwrap_or(i32::MAX), &b.id)));
    let count = |holds: fn(&Worker) -> bool| workers.iter().filter(|worker| holds(worker)).count();
    let (alive, connected, available) = (count(|w| w.alive), count(|w| w.ib_connected), count(|w| w.available));
    let options_connected =
        facts.seen.iter().any(|seen| seen.beat.service == OPTIONS_SERVICE && seen.is_alive() && seen.beat.ib_connected());
    let ib_connected = connected > 0 || options_connected;
    let gateway = gateway(facts.seen).cloned();
    let logged_out = gateway.as_ref().is_some_and(|part| part.logged_out.is_some());
    let status = match facts.breaker.position {
        // Somebody wants the gateway down: what failed on the way there is no reason to restart anything.
        Position::Open if !logged_out => Status::Unhealthy,
        _ if ib_connected => Status::Healthy,
        _ if alive == 0 => Status::Unhealthy,
        _ => Status::Degraded,
    };
    // Where the workers are connected to, which an edge with other settings does not know better.
    let session = facts.seen.iter().filter(|seen| seen.is_alive()).find_map(|seen| seen.beat.ib.as_ref());
    Report {
        status,
        ib_connected,
        options_client_connected: options_connected,
        service: format!("ib-{}", facts.gateway),
        ib_host: session.map_or(facts.ib_host, |ib| &ib.host).to_owned(),
        ib_port: session.map_or(facts.ib_port, |ib| ib.port).to_string(),
        circuit_breaker: CircuitBreaker {
            state: facts.breaker.position,
            failure_count: facts.breaker.failures,
            last_failure_ago: facts.breaker.last_failure_ago.map(|ago| ago.as_secs()),
            recovery_in: facts.breaker.recovery_in.map(seconds_up),
        },
        pool: Pool {
            pool_size: facts.pool_size.max(workers.len() as u64),
            workers_alive: alive,
            workers_ib_connected: connected,
            workers_available: available,
            workers,
        },
        version: env!("CARGO_PKG_VERSION"),
        mode: mode(facts.seen),
        nats_connected: facts.nats_connected,
        gateway,
    }
}

/// What gateway-ctl says, while it lives.
pub(crate) fn gateway(seen: &[Seen]) -> Option<&GatewayPart> {
    seen.iter().filter(|seen| seen.is_alive()).find_map(|seen| seen.beat.gateway.as_ref())
}

/// What the login is, as the processes that are connected to IB say; where they differ, the one with more at stake.
pub(crate) fn mode(seen: &[Seen]) -> Option<Mode> {
    let stake = |mode: &Mode| match mode {
        Mode::Simulated => 0,
        Mode::Paper => 1,
        Mode::Live => 2,
    };
    seen.iter().filter(|seen| seen.is_alive()).filter_map(|seen| seen.beat.ib.as_ref()?.mode).max_by_key(stake)
}

/// A worker that is connected to the gateway, and the gateway to IB.
pub(crate) fn is_worker_with_ib(beat: &Heartbeat) -> bool {
    beat.service == WORKERS && beat.ib.as_ref().is_some_and(|ib| ib.connected && !ib.upstream_lost)
}

fn worker(seen: &Seen) -> Worker {
    let (beat, alive) = (&seen.beat, seen.is_alive());
    let ib = beat.ib.as_ref();
    let upstream_lost = ib.is_some_and(|ib| ib.upstream_lost);
    Worker {
        id: beat.id.clone(),
        client_id: ib.and_then(|ib| ib.client_id).map(|id| id.0),
        alive,
        ib_connected: alive && beat.ib_connected(),
        available: alive && beat.available() && !upstream_lost,
        consecutive_failures: ib.map_or(0, |ib| ib.consecutive_failures),
        restart_count: ib.map_or(0, |ib| ib.restart_count),
        upstream_lost,
        reason: ib.filter(|ib| !ib.connected).and_then(|ib| ib.reason.clone()),
    }
}

/// Rounded up, so that a caller who waits this long does not come a moment too early.
fn seconds_up(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
