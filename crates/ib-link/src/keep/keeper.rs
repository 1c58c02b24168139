//! Store and snapshot of one link: what the subscriptions change and readers see.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{clock::Clock, kept::Kept, store::Store};

/// For as long as the link lives.
#[derive(Debug)]
pub(crate) struct Keeper {
    store: Mutex<Store>,
    snapshot: watch::Sender<Arc<Kept>>,
    clock: Clock,
}

impl Keeper {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { store: Mutex::default(), snapshot: watch::Sender::new(Arc::default()), clock }
    }

    pub(crate) fn snapshot(&self) -> watch::Receiver<Arc<Kept>> {
        self.snapshot.subscribe()
    }

    pub(crate) fn lost(&self) {
        self.change(|store, _| store.lost());
    }

    /// Why there is no complete content, as far as IB or its gateway has told.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.store().trouble().map(str::to_owned)
    }

    pub(crate) fn upstream(&self, there: bool) {
        self.change(|store, now| store.upstream(there, now));
    }

    pub(crate) fn alive(&self) {
        self.change(|store, now| store.alive(now));
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Store, jiff::Timestamp) -> T) -> T {
        let mut store = self.store();
        let done = change(&mut store, self.clock.now());
        // Sent under the lock, so that two changes cannot be published in the wrong order.
        self.snapshot.send_replace(Arc::new(store.snapshot()));
        done
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
