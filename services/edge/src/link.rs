//! The edge's side of NATS: connects, tells that the edge lives, listens to who else does.
//!
//! Invariant: a worker's heartbeat that says "connected to IB" reaches the breaker when it arrives, not when somebody asks.

use std::{sync::Arc, time::Duration};

use bus::{Beacon, Bus, Caller, ConnectError};
use schemas::health::{Heartbeat, State};
use service::Process;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    Error,
    breaker::Event,
    edge::{CALLS_MAX, Edge},
    health,
    mcp::watch,
};

/// Pause between attempts to reach NATS, each of which has its own deadline in `bus`.
const RETRY_PERIOD: Duration = Duration::from_secs(2);
/// How often readiness follows the state of the connection when no heartbeat comes.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// What the edge is called in heartbeats.
const SERVICE: &str = "edge";

#[derive(Debug)]
pub(crate) struct Link {
    bus: Bus,
    beacon: Beacon,
    follower: AbortOnDropHandle<()>,
    watcher: AbortOnDropHandle<()>,
}

impl Link {
    /// Says good-bye and leaves after everything sent has left.
    pub(crate) async fn close(self) {
        drop(self.follower);
        drop(self.watcher);
        self.beacon.finish().await;
        self.bus.close().await;
    }
}

/// Connects, however long that takes. Fails only where waiting mends nothing.
pub(crate) async fn establish(edge: &Arc<Edge>, process: &Process) -> Result<Link, Error> {
    let settings = bus::Settings {
        url: process.settings.text("NATS_URL").unwrap_or_default().to_owned(),
        creds_file: process.settings.file("NATS_CREDS_FILE"),
        name: format!("ib-mesh-{SERVICE}-{}", edge.gateway),
    };
    let mut attempts = tokio::time::interval(RETRY_PERIOD);
    attempts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let bus = loop {
        attempts.tick().await;
        match Bus::connect(&settings).await {
            Ok(bus) => break bus,
            Err(error @ ConnectError::Unreachable { .. }) => tracing::warn!(error = service::process::chain(&error), "no NATS yet"),
            Err(error) => return Err(error.into()),
        }
    };
    let caller = Caller::start(&bus, edge.gateway.clone()).await?;
    edge.linked(bus.clone(), caller);
    let beacon = Beacon::start(&bus, edge.gateway.clone(), heartbeats(edge, process));
    let follower = AbortOnDropHandle::new(tokio::spawn(follow(Arc::clone(edge), process.clone())));
    process.admin.set_ready(true);
    Ok(Link { bus, beacon, follower, watcher: watch::start(edge) })
}

fn heartbeats(edge: &Arc<Edge>, process: &Process) -> impl Fn() -> Heartbeat + Send + Sync + 'static {
    let (edge, process) = (Arc::clone(edge), process.clone());
    move || Heartbeat {
        service: SERVICE.to_owned(),
        id: process.id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        state: if process.shutdown.is_cancelled() { State::Draining } else { State::Ready },
        sequence: 0,
        started_at: process.started_at,
        in_flight: edge.metrics.calls_in_flight(),
        slots: u32::try_from(CALLS_MAX).unwrap_or(u32::MAX),
        operations: Vec::new(),
        ib: None,
        gateway: None,
    }
}

/// Tells the breaker of every worker's heartbeat with an IB session, and keeps `/ready` true to the connection.
async fn follow(edge: Arc<Edge>, process: Process) {
    let Some(caller) = edge.caller() else { return };
    let mut changes = caller.fleet().changes();
    let mut looks = tokio::time::interval(LOOK_PERIOD);
    let mut gateway = None;
    loop {
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = Instant::now();
                for at in caller.fleet().seen().iter().filter(|seen| health::is_worker_with_ib(&seen.beat)).filter_map(|seen| now.checked_sub(seen.age)) {
                    edge.breaker(Event::IbConnected { at });
                }
            }
            _ = looks.tick() => {}
        }
        let now = health::gateway(&edge.seen()).map(|part| (part.state, part.since));
        if now != gateway {
            edge.metrics.gateway(now);
            gateway = now;
        }
        process.admin.set_ready(edge.nats_connected() && !process.shutdown.is_cancelled());
    }
}
