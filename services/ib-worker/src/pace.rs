//! The workers' part of the login's messages per second, split by those that live.

use std::time::Duration;

use bus::Fleet;
use ib_link::{Link, pacing::Shares};

use schemas::health::HEARTBEAT_PERIOD_MS;
use tokio::time::Instant;

use crate::SERVICE;

/// Two periods: every worker that lives has been heard of.
const LISTEN_FIRST: Duration = Duration::from_millis(2 * HEARTBEAT_PERIOD_MS);

/// Follows the heartbeats and gives the link its share; never ends while heartbeats are followed.
pub(crate) async fn share(link: &Link, fleet: &Fleet, pool_size: u32) {
    let mut changes = fleet.changes();
    // As many as there should be, until all heartbeats have been heard.
    let mut split_by = pool_size;
    let began = Instant::now();
    loop {
        // Who is not connected yet will be in a moment, and must not find the login's messages all given away.
        let live = u32::try_from(fleet.alive(SERVICE).len()).unwrap_or(u32::MAX).max(1);
        let heard_long_enough = began.elapsed() >= LISTEN_FIRST;
        if live > split_by || (live < split_by && heard_long_enough) {
            split_by = live;
            link.set_messages_per_s(Shares::OF_LOGIN.worker_share(live));
        }
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}
