//! What the edge counts. Invariant: labels come from our tables, never from a request.

use std::sync::atomic::AtomicI64;

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use schemas::gateway::State;
use tokio::time::Instant;

use crate::breaker::Position;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    tool: &'static str,
    /// `ok`, the fault's code, or [`HUNG_UP`].
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTool {
    tool: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

/// From a cached answer to the longest deadline.
const BUCKETS_S: [f64; 15] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    calls: Family<ByOutcome, Counter>,
    seconds: Family<ByTool, Histogram, fn() -> Histogram>,
    in_flight: Gauge<i64, AtomicI64>,
    breaker: Gauge<i64, AtomicI64>,
    protocol_errors: Counter,
    gateway: Family<InState, Gauge<i64, AtomicI64>>,
    gateway_since: Gauge<i64, AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS_S)),
            in_flight: Gauge::default(),
            breaker: Gauge::default(),
            protocol_errors: Counter::default(),
            gateway: Family::default(),
            gateway_since: Gauge::default(),
        }
    }
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let edge = registry.sub_registry_with_prefix("edge");
        edge.register("tool_calls", "Calls by tool or path and outcome", self.calls.clone());
        edge.register("tool_call_seconds", "Time from the parsed request to its answer", self.seconds.clone());
        edge.register("calls_in_flight", "Calls being worked on", self.in_flight.clone());
        edge.register("breaker_state", "0 closed, 1 half open, 2 open", self.breaker.clone());
        edge.register("protocol_errors", "Messages answered with a JSON-RPC error", self.protocol_errors.clone());
        edge.register("gateway_state", "1 for the state that gateway-ctl tells, nothing while none does", self.gateway.clone());
        edge.register("gateway_state_since_seconds", "When the gateway came into it, as Unix time", self.gateway_since.clone());
    }

    /// What gateway-ctl's heartbeats say has changed.
    pub(crate) fn gateway(&self, told: Option<(State, Timestamp)>) {
        self.gateway.clear();
        if let Some((state, since)) = told {
            self.gateway.get_or_create(&InState { state: state.token() }).set(1);
            self.gateway_since.set(since.as_second());
        }
    }

    pub(crate) fn protocol_error(&self) {
        self.protocol_errors.inc();
    }

    pub(crate) fn breaker(&self, position: Position) {
        self.breaker.set(match position {
            Position::Closed => 0,
            Position::HalfOpen => 1,
            Position::Open => 2,
        });
    }

    /// Counts a call of `tool` from now until the result is told its outcome or dropped.
    pub(crate) fn begin(&self, tool: &'static str, started: Instant) -> Call<'_> {
        self.in_flight.inc();
        Call { metrics: self, tool, started, outcome: HUNG_UP }
    }

    pub(crate) fn calls_in_flight(&self) -> u32 {
        u32::try_from(self.in_flight.get()).unwrap_or(0)
    }
}

/// The outcome of a call that nobody waited for to the end.
const HUNG_UP: &str = "hung_up";

/// One call under way.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    metrics: &'a Metrics,
    tool: &'static str,
    started: Instant,
    outcome: &'static str,
}

impl Call<'_> {
    pub(crate) fn end(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let (tool, outcome) = (self.tool, self.outcome);
        self.metrics.in_flight.dec();
        self.metrics.calls.get_or_create(&ByOutcome { tool, outcome }).inc();
        self.metrics.seconds.get_or_create(&ByTool { tool }).observe(self.started.elapsed().as_secs_f64());
    }
}
