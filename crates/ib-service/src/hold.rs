//! Keeps the session closed while somebody has logged the gateway out, so that nobody hammers it and nothing counts as a
//! failure.
//!
//! Invariant: only a living gateway-ctl holds it; when it falls silent the link finds out for itself.

use std::time::Duration;

use bus::Fleet;
use ib_link::Link;

/// Who falls silent changes nothing by itself: it has to be looked for.
const LOOK_PERIOD: Duration = Duration::from_secs(2);

/// Follows the heartbeats; never ends.
pub(crate) async fn keep(link: &Link, fleet: &Fleet) {
    let mut changes = fleet.changes();
    let mut looks = tokio::time::interval(LOOK_PERIOD);
    loop {
        link.hold(bus::logged_out(&fleet.seen()));
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return std::future::pending().await },
            _ = looks.tick() => {}
        }
    }
}
