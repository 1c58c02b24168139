//! Who wants to hear of which change, and what each has not heard yet.
//!
//! A service's word (`updated`, `listed`) is noted for whoever wants it; the reader takes all that is noted at once. So a
//! change that comes again before it was read is one change, and a reader that never reads holds a few names.
//!
//! Invariants: noting never waits; a subscription holds at most [`URIS_MAX`] names and what is noted for it is among
//! them; a reader hears the first change at once and further ones at most each [`PAUSE`]; a dropped subscription is
//! forgotten.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};

/// Subscriptions at once, of sessions and of listeners together.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 2_048;
/// Resources that one subscription follows.
pub(crate) const URIS_MAX: usize = 64;
/// Resources that all follow together, the same one as often as it is followed.
const ALL_URIS_MAX: usize = 8_192;
/// Bytes of one URI.
pub(crate) const URI_BYTES_MAX: usize = 512;
/// Between two batches of one reader.
const PAUSE: Duration = Duration::from_millis(250);

/// What a list changes of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Tools,
    Resources,
    Prompts,
}

/// What a reader is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// The list of that kind is another now.
    Listed(Kind),
    /// The resource reads differently now.
    Updated(Arc<str>),
}

#[derive(Debug, Default)]
pub(crate) struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<Table>,
    /// The URIs that somebody follows.
    watched: watch::Sender<BTreeSet<String>>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    subscribers: HashMap<u64, Subscriber>,
    /// How many follow it.
    followed: BTreeMap<Arc<str>, usize>,
    /// The sum of `followed`.
    all: usize,
}

#[derive(Debug)]
struct Subscriber {
    kinds: Vec<Kind>,
    uris: BTreeSet<Arc<str>>,
    pending: BTreeSet<Change>,
    told: Option<Instant>,
    ring: Arc<Notify>,
}

impl Subscriber {
    fn note(&mut self, change: Change) {
        if self.pending.insert(change) {
            self.ring.notify_one();
        }
    }
}

impl Hub {
    /// The resource `uri` reads differently now.
    pub(crate) fn updated(&self, uri: &str) {
        let mut table = self.shared.table();
        let Some((uri, _)) = table.followed.get_key_value(uri) else { return };
        let uri = Arc::clone(uri);
        for subscriber in table.subscribers.values_mut().filter(|subscriber| subscriber.uris.contains(&uri)) {
            subscriber.note(Change::Updated(Arc::clone(&uri)));
        }
    }

    /// The list of `kind` is another now.
    pub(crate) fn listed(&self, kind: Kind) {
        let mut table = self.shared.table();
        for subscriber in table.subscribers.values_mut().filter(|subscriber| subscriber.kinds.contains(&kind)) {
            subscriber.note(Change::Listed(kind));
        }
    }

    /// From now on what changes of these is noted. `None` where [`SUBSCRIPTIONS_MAX`] follow already.
    pub(crate) fn subscribe(&self, kinds: &[Kind]) -> Option<Subscription> {
        let ring = Arc::new(Notify::new());
        let subscriber =
            Subscriber { kinds: kinds.to_vec(), uris: BTreeSet::new(), pending: BTreeSet::new(), told: None, ring: Arc::clone(&ring) };
        let mut table = self.shared.table();
        if table.subscribers.len() >= SUBSCRIPTIONS_MAX {
            return None;
        }
        table.next += 1;
        let id = table.next;
        table.subscribers.insert(id, subscriber);
        Some(Subscription { shared: Arc::clone(&self.shared), id, ring })
    }

    /// The URIs that somebody follows; what is not among them need not be looked at.
    pub(crate) fn watched(&self) -> watch::Receiver<BTreeSet<String>> {
        self.shared.watched.subscribe()
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self, table: &mut Table, uri: &Arc<str>) {
        table.all -= 1;
        let Some(count) = table.followed.get_mut(uri) else { return };
        *count -= 1;
        if *count == 0 {
            table.followed.remove(uri);
            self.watched.send_modify(|watched| {
                watched.remove(&**uri);
            });
        }
    }
}

/// One reader's wishes and what it has not heard yet; forgotten when dropped.
#[derive(Debug)]
pub(crate) struct Subscription {
    shared: Arc<Shared>,
    id: u64,
    ring: Arc<Notify>,
}

impl Subscription {
    /// Follows `uri` too. False where a limit forbids it.
    pub(crate) fn follow(&self, uri: &str) -> bool {
        let mut table = self.shared.table();
        let table = &mut *table;
        let Some(subscriber) = table.subscribers.get_mut(&self.id) else { return false };
        if subscriber.uris.contains(uri) {
            return true;
        }
        if uri.len() > URI_BYTES_MAX || subscriber.uris.len() >= URIS_MAX || table.all >= ALL_URIS_MAX {
            return false;
        }
        let uri = table.followed.get_key_value(uri).map_or_else(|| Arc::from(uri), |(uri, _)| Arc::clone(uri));
        subscriber.uris.insert(Arc::clone(&uri));
        table.all += 1;
        let count = table.followed.entry(Arc::clone(&uri)).or_default();
        *count += 1;
        if *count == 1 {
            self.shared.watched.send_modify(|watched| {
                watched.insert(uri.as_ref().to_owned());
            });
        }
        true
    }

    /// Follows `uri` no more, and does not tell what is noted of it.
    pub(crate) fn leave(&self, uri: &str) {
        let mut table = self.shared.table();
        let Some(subscriber) = table.subscribers.get_mut(&self.id) else { return };
        if let Some(uri) = subscriber.uris.take(uri) {
            subscriber.pending.remove(&Change::Updated(Arc::clone(&uri)));
            self.shared.left(&mut table, &uri);
        }
    }

    /// What has changed since the last answer, never empty. Dropping the future loses nothing.
    pub(crate) async fn next(&self) -> Vec<Change> {
        loop {
            match self.take() {
                Noted::Nothing => self.ring.notified().await,
                Noted::TooSoon(until) => sleep_until(until).await,
                Noted::All(changes) => return changes,
            }
        }
    }

    fn take(&self) -> Noted {
        let mut table = self.shared.table();
        let Some(subscriber) = table.subscribers.get_mut(&self.id).filter(|subscriber| !subscriber.pending.is_empty()) else {
            return Noted::Nothing;
        };
        let now = Instant::now();
        if let Some(until) = subscriber.told.map(|told| told + PAUSE).filter(|until| *until > now) {
            return Noted::TooSoon(until);
        }
        subscriber.told = Some(now);
        Noted::All(mem::take(&mut subscriber.pending).into_iter().collect())
    }
}

/// What a reader may have now.
enum Noted {
    Nothing,
    TooSoon(Instant),
    All(Vec<Change>),
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut table = self.shared.table();
        let Some(subscriber) = table.subscribers.remove(&self.id) else { return };
        for uri in &subscriber.uris {
            self.shared.left(&mut table, uri);
        }
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
