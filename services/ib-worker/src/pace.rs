//! The workers' part of the login's messages per second, split by those that live.

use bus::Fleet;
use ib_link::{Link, pacing::Shares};

use crate::SERVICE;

/// Follows the heartbeats and gives the link its share; never ends while heartbeats are followed.
pub(crate) async fn share(link: &Link, fleet: &Fleet) {
    let mut changes = fleet.changes();
    let mut split_by = 0;
    loop {
        let live = u32::try_from(fleet.alive(SERVICE).iter().filter(|beat| beat.ib_connected()).count()).unwrap_or(u32::MAX).max(1);
        if live != split_by {
            split_by = live;
            link.set_messages_per_s(Shares::OF_LOGIN.worker_share(live));
        }
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}
