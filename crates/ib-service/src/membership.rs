//! Which operations this process answers now, and keeping the queue groups so.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::Server;
use ib_link::{Freshness, Link, State};
use schemas::{ClientId, Row, context::Mode};
use service::Admin;
use tokio::sync::{Notify, watch};

/// The memory's age is looked at this often while IB is away, and a join that failed is tried again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Names of the operations joined now, for the heartbeat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Joined(Arc<Mutex<BTreeSet<String>>>);

impl Joined {
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.set(BTreeSet::new());
    }

    fn set(&self, names: BTreeSet<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }
}

/// What can be answered: everything with IB at hand, what is in memory without, nothing before anything was ever kept.
pub(crate) fn answerable(routed: impl Iterator<Item = &'static Row>, ib_ready: bool, memory_tellable: bool) -> BTreeSet<String> {
    use schemas::Freshness::{Asked, Cached, Kept};
    let can = |row: &&'static Row| match row.freshness {
        Kept => ib_ready || memory_tellable,
        Cached { .. } | Asked => ib_ready,
    };
    routed.filter(can).map(Row::name).collect()
}

/// Joins and leaves as the link's state changes.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) server: Arc<Server>,
    pub(crate) link: Link,
    pub(crate) operations: Joined,
    pub(crate) admin: Admin,
    /// Publishes a heartbeat at once.
    pub(crate) changed: Arc<Notify>,
    pub(crate) client_id: watch::Sender<Option<ClientId>>,
    /// `TRADING_MODE=live`.
    pub(crate) live_meant: bool,
    pub(crate) told_mode: Option<Mode>,
}

impl Keeper {
    pub(crate) async fn keep(mut self) {
        let mut states = self.link.state();
        let mut joined = BTreeSet::new();
        loop {
            let state = states.borrow_and_update().clone();
            self.tell_of_another_mode(&state);
            self.client_id.send_replace(state.client_id.filter(|_| state.connected()));
            // The heartbeat first: who follows them learns of a lost session without waiting for the queue groups.
            self.changed.notify_one();
            let wanted = answerable(self.server.routed(), state.ready(), self.memory_tellable());
            self.apply(&state, &mut joined, &wanted).await;
            tokio::select! {
                changed = states.changed() => if changed.is_err() { return std::future::pending().await },
                () = tokio::time::sleep_until(tokio::time::Instant::now() + LOOK_AGAIN) => {}
            }
        }
    }

    /// What is live is decided by the account; an operator who meant otherwise is told.
    fn tell_of_another_mode(&mut self, state: &State) {
        if state.mode == self.told_mode {
            return;
        }
        self.told_mode = state.mode;
        if let Some(mode) = state.mode
            && (mode == Mode::Live) != self.live_meant
        {
            let meant = if self.live_meant { "live" } else { "paper" };
            tracing::warn!(account = mode.as_str(), meant, "TRADING_MODE and the account disagree; the account decides");
        }
    }

    fn memory_tellable(&self) -> bool {
        matches!(self.link.kept().borrow().freshness(service::clock::now()), Freshness::Fresh | Freshness::Stale)
    }

    async fn apply(&mut self, state: &State, joined: &mut BTreeSet<String>, wanted: &BTreeSet<String>) {
        let leaving: Vec<&str> = joined.difference(wanted).map(String::as_str).collect();
        if !leaving.is_empty() {
            tracing::info!(operations = leaving.len(), reason = state.reason, "leaving: cannot be answered now");
            self.server.leave(leaving).await;
        }
        let joining: Vec<&str> = wanted.difference(joined).map(String::as_str).collect();
        if !joining.is_empty()
            && let Err(error) = self.server.join(joining.iter().copied()).await
        {
            tracing::warn!(%error, "cannot join the queue groups yet");
        }
        let now: BTreeSet<String> = self.server.joined().await.into_iter().collect();
        if now != *joined {
            tracing::info!(operations = now.len(), client_id = ?state.client_id, "answering");
            joined.clone_from(&now);
            self.operations.set(now);
            self.changed.notify_one();
        }
        self.admin.set_ready(!joined.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use schemas::OPERATIONS;

    use super::*;

    fn operations() -> impl Iterator<Item = &'static schemas::Row> {
        OPERATIONS.iter().filter(|row| row.family != "gateway" && row.over_nats())
    }

    fn answerable(ib_ready: bool, memory_tellable: bool) -> BTreeSet<String> {
        // gateway-ctl answers its own whatever the gateway does.
        super::answerable(operations(), ib_ready, memory_tellable)
    }

    #[test]
    fn without_ib_only_memory_is_told_and_only_while_it_may_be() {
        assert_eq!(answerable(true, true).len(), operations().count());
        assert_eq!(answerable(true, false).len(), operations().count(), "with IB at hand the first snapshot is waited for");
        let away: Vec<String> = answerable(false, true).into_iter().collect();
        let kept = ["executions", "list", "open_orders", "overview", "pnl", "portfolio", "positions", "summary", "values"];
        assert_eq!(away, kept.map(|op| format!("account.{op}")));
        assert!(answerable(false, false).is_empty());
    }
}
