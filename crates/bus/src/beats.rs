//! Telling that a process is alive: a heartbeat every 2 s and at every change.

use std::{fmt, sync::Arc, time::Duration};

use schemas::{
    GatewayName,
    health::{HEARTBEAT_PERIOD_MS, Heartbeat},
};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::connection::Bus;

/// Publishes heartbeats until dropped.
pub struct Beacon {
    changed: Arc<Notify>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl fmt::Debug for Beacon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Beacon")
    }
}

impl Beacon {
    /// `source` tells the state now; it is asked for each heartbeat, and its `sequence` is filled in here.
    pub fn start(bus: &Bus, gateway: GatewayName, source: impl Fn() -> Heartbeat + Send + Sync + 'static) -> Self {
        let (changed, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let task = publish(bus.clone(), gateway, source, Arc::clone(&changed), stop.clone());
        Self { changed, stop, task: AbortOnDropHandle::new(tokio::spawn(task)) }
    }

    /// Publishes at once.
    pub fn changed(&self) {
        self.changed.notify_one();
    }

    /// A handle that publishes at once, for those who know of a change.
    pub fn trigger(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Publishes the last state and ends.
    pub async fn finish(self) {
        self.stop.cancel();
        // The task ends after one more publish, which is bounded.
        drop(self.task.await);
    }
}

async fn publish(
    bus: Bus,
    gateway: GatewayName,
    source: impl Fn() -> Heartbeat + Send + Sync + 'static,
    changed: Arc<Notify>,
    stop: CancellationToken,
) {
    // Two processes started by one command must not beat in step for ever.
    let spread_ms = u64::from(uuid::Uuid::now_v7().as_bytes()[15]);
    let mut ticks = tokio::time::interval(Duration::from_millis(HEARTBEAT_PERIOD_MS - 128 + spread_ms));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut sequence = 0;
    loop {
        let ending = tokio::select! {
            _ = ticks.tick() => false,
            () = changed.notified() => false,
            () = stop.cancelled() => true,
        };
        sequence += 1;
        let mut beat = source();
        beat.sequence = sequence;
        let subject = gateway.health(&beat.service, &beat.id);
        match serde_json::to_vec(&beat) {
            // Skipped while disconnected: stale heartbeats in a burst after a reconnect would be lies.
            Ok(body) => drop(bus.publish(subject, body.into()).await),
            Err(error) => tracing::error!(%error, "a heartbeat that cannot be written"),
        }
        if ending {
            return;
        }
    }
}
