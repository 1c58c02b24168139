//! What gateway-ctl counts. Invariant: a gateway for which another process speaks has no state here.

use std::sync::atomic::AtomicI64;

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use schemas::{gateway::Desired, health::GatewayPart};

use crate::policy::Action;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAction {
    action: &'static str,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    state: Family<InState, Gauge<i64, AtomicI64>>,
    wanted_up: Gauge<i64, AtomicI64>,
    last_change: Gauge<i64, AtomicI64>,
    actions: Family<OfAction, Counter>,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let gateway = registry.sub_registry_with_prefix("gateway");
        gateway.register(
            "state",
            "1 for the state that the gateway is in, nothing while another process speaks for it",
            self.state.clone(),
        );
        gateway.register("wanted_up", "1 wanted up, 0 logged out", self.wanted_up.clone());
        gateway.register("state_since_seconds", "When the gateway came into its state, as Unix time", self.last_change.clone());
        gateway.register("actions", "What was done to the gateway and to the workers", self.actions.clone());
    }

    /// What the heartbeat tells too.
    pub(crate) fn tell(&self, part: Option<&GatewayPart>) {
        self.state.clear();
        let Some(part) = part else { return };
        self.state.get_or_create(&InState { state: part.state.token() }).set(1);
        self.wanted_up.set(i64::from(part.desired == Desired::Up));
        self.last_change.set(Timestamp::as_second(part.since));
    }

    pub(crate) fn count(&self, action: &Action) {
        let action = match action {
            Action::Start { .. } => "start",
            Action::CloseGateway => "close",
            Action::StopContainer { .. } => "stop",
            Action::SoftRestart => "soft_restart",
            Action::ReconnectAccount => "reconnect_account",
            Action::KickForwarder => "kick_forwarder",
            Action::RestartWorkers => "restart_workers",
            _ => return,
        };
        self.actions.get_or_create(&OfAction { action }).inc();
    }
}
