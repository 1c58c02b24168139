//! Lets time pass for the broker: looks at the market a few times a second while orders work.
//!
//! Invariant: without working orders it sleeps until somebody does something.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;

/// Prices change once a second; what was just placed is seen sooner.
const PERIOD: Duration = Duration::from_millis(60);

#[expect(clippy::disallowed_methods, reason = "the period itself is what is meant")]
pub(crate) async fn run(gateway: Arc<Gateway>, cancel: CancellationToken) {
    let mut jumps = gateway.clock.jumps();
    loop {
        let working = gateway.broker.lock().has_working();
        tokio::select! {
            () = cancel.cancelled() => return,
            () = gateway.broker.stirred.notified(), if !working => {}
            () = sleep(PERIOD), if working => {}
            changed = jumps.changed(), if working => if changed.is_err() { return },
        }
        // A step stirs: while orders work that is ignored, and afterwards it costs one idle turn.
        if gateway.broker.lock().has_working() {
            gateway.broker_step(|book, desk| book.tick(desk));
        } else {
            gateway.broker.lock().rest(gateway.clock.now_secs());
        }
    }
}
