//! Ends of faults that were asked for a time.
//!
//! Invariant: one timer per fault, so that the end of an older one never ends a newer one; never more
//! than [`MAX_TIMERS`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::apply;
use super::kinds::Fault;
use crate::gateway::Gateway;

/// There are fewer faults than this, and few names for those that take one.
const MAX_TIMERS: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// What ends a fault and at which uptime, by what the fault is called.
    ends: Mutex<BTreeMap<String, (Duration, Fault)>>,
    changed: Notify,
    /// Held from looking at a fault's end until the fault is switched, so that an end that was already
    /// taken out never meets a fault that was switched on anew.
    switching: Mutex<()>,
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (Duration, Fault)>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn switching(&self) -> MutexGuard<'_, ()> {
        self.switching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Forgets the end of a fault that is switched anew. True if there was one.
    pub(super) fn forget(&self, name: &str) -> bool {
        self.lock().remove(name).is_some()
    }

    /// False if there is no room.
    pub(super) fn add(&self, name: String, at: Duration, end: Fault) -> bool {
        let mut ends = self.lock();
        let fits = ends.len() < MAX_TIMERS;
        if fits {
            ends.insert(name, (at, end));
            drop(ends);
            self.changed.notify_one();
        }
        fits
    }

    /// The faults that end now, and when the next one does.
    fn due(&self, uptime: Duration) -> (Vec<Fault>, Option<Duration>) {
        let mut ends = self.lock();
        let names: Vec<String> = ends.iter().filter(|(_, (at, _))| *at <= uptime).map(|(name, _)| name.clone()).collect();
        let due = names.iter().filter_map(|name| ends.remove(name)).map(|(_, end)| end).collect();
        (due, ends.values().map(|(at, _)| at.saturating_sub(uptime)).min())
    }
}

/// Ends faults when their time is over, until cancelled.
pub(crate) async fn run(gateway: Arc<Gateway>, cancel: CancellationToken) {
    loop {
        let timers = &gateway.faults.timers;
        let next = expire(&gateway);
        let changed = async {
            match next {
                Some(wait) => drop(timeout(wait, timers.changed.notified()).await),
                None => timers.changed.notified().await,
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = changed => {}
        }
    }
}

/// Ends what is due; when the next end is.
fn expire(gateway: &Gateway) -> Option<Duration> {
    let timers = &gateway.faults.timers;
    let _switching = timers.switching();
    let (due, next) = timers.due(gateway.clock.uptime());
    for end in due {
        info!(?end, "the time of a fault is over");
        // What was accepted with its end can be ended.
        let _ = apply::apply(gateway, end);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_come_due_in_time_and_once() {
        let timers = Timers::default();
        let at = Duration::from_secs;
        assert!(timers.add("a".into(), at(5), Fault::DropAll {}) && timers.add("b".into(), at(9), Fault::DropAll {}));
        assert_eq!((timers.due(at(4)).0.len(), timers.due(at(4)).1), (0, Some(at(1))));
        assert_eq!((timers.due(at(5)).0.len(), timers.due(at(5)).1), (1, Some(at(4))));
        assert!(timers.forget("b") && !timers.forget("b"));
        assert_eq!(timers.due(at(60)).1, None);
        assert!((0..MAX_TIMERS).all(|n| timers.add(n.to_string(), at(1), Fault::DropAll {})));
        assert!(!timers.add("one more".into(), at(1), Fault::DropAll {}));
    }
}
