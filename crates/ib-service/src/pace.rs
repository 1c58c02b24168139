//! A service's part of the login's messages per second, split by its processes that live.

use std::time::Duration;

use bus::Fleet;
use ib_link::Link;
use schemas::health::HEARTBEAT_PERIOD_MS;
use tokio::time::Instant;

/// Two periods: every process that lives has been heard of.
const LISTEN_FIRST: Duration = Duration::from_millis(2 * HEARTBEAT_PERIOD_MS);

/// Follows the heartbeats of `service` and gives the link what `share` says for so many processes; never ends. Until
/// all have been heard, `meant` processes are counted on.
pub async fn split(link: &Link, fleet: &Fleet, service: &str, meant: u32, share: impl Fn(u32) -> f64) {
    let mut changes = fleet.changes();
    let mut split_by = meant;
    let began = Instant::now();
    loop {
        // Who is not connected yet will be in a moment, and must not find the login's messages all given away.
        let live = u32::try_from(fleet.alive(service).len()).unwrap_or(u32::MAX).max(1);
        let heard_long_enough = began.elapsed() >= LISTEN_FIRST;
        if live > split_by || (live < split_by && heard_long_enough) {
            split_by = live;
            link.set_messages_per_s(share(live));
        }
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}
