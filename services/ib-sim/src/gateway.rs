//! What all connections of one simulated gateway share.
//!
//! Invariant: a client id belongs to one connection at a time; the lease returns it when dropped,
//! however the connection ends.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, broadcast, watch};

use crate::broker::Broker;
use crate::clock::Clock;
use crate::errors::ApiError;
use crate::face::Face;
use crate::faults::{Faults, apply};
use crate::feed::Feed;
use crate::journal::{Counters, Journal};
use crate::lines::Lines;
use crate::pacing::Pacing;
use crate::session::Reference;
use crate::settings::{Error, Settings};
use crate::world::World;

/// IB accepts this many API clients on one gateway.
pub(crate) const MAX_CLIENTS: usize = 32;
/// IB serves a login at most this many account summaries at once.
const MAX_SUMMARIES: usize = 2;
/// Announcements a busy connection may be behind before it is told to read the state anew.
const ANNOUNCEMENTS: usize = 256;

/// What every connection is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Announcement {
    Notice(ApiError),
    AccountChanged(String),
}

#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) world: World,
    pub(crate) faults: Faults,
    pub(crate) face: Face,
    pub(crate) journal: Journal,
    pub(crate) counters: Counters,
    pub(crate) pacing: Pacing,
    pub(crate) broker: Broker,
    pub(crate) lines: Lines,
    pub(crate) feed: Feed,
    pub(crate) reference: Reference,
    /// Places for account summaries, of all clients.
    pub(crate) summaries: Arc<Semaphore>,
    clients: Mutex<BTreeSet<i32>>,
    announcements: broadcast::Sender<Announcement>,
    /// How often all connections were ended; apart from the announcements, of which a busy connection may miss one.
    drops: watch::Sender<u64>,
}

/// A client id held by one connection.
#[derive(Debug)]
pub(crate) struct Lease {
    gateway: Arc<Gateway>,
    pub(crate) client_id: i32,
}

/// Why a client id was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LeaseError {
    #[error("client id {0} is already in use")]
    InUse(i32),
    #[error("{MAX_CLIENTS} clients are connected already")]
    Full,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.gateway.faults.client_left(self.client_id, self.gateway.clock.uptime());
        lock(&self.gateway.clients).remove(&self.client_id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gateway {
    pub(crate) fn new(settings: Settings) -> Result<Self, Error> {
        let clock = Clock::new(settings.clock);
        let world = World::new(&settings, clock.always_open(), clock.now_secs())?;
        let face = Face::new(settings.login.clone(), world.zone.clone());
        let gateway = Self {
            broker: Broker::new(&settings.orders, &world, clock.now_ms())?,
            pacing: Pacing::new(settings.pacing, settings.history_pacing),
            lines: Lines::new(settings.market_data_lines),
            feed: Feed::default(),
            reference: Reference::new(&settings),
            summaries: Arc::new(Semaphore::new(MAX_SUMMARIES)),
            clock,
            world,
            faults: Faults::default(),
            face,
            journal: Journal::default(),
            counters: Counters::default(),
            clients: Mutex::default(),
            announcements: broadcast::Sender::new(ANNOUNCEMENTS),
            drops: watch::Sender::default(),
            settings,
        };
        apply::start(&gateway)?;
        Ok(gateway)
    }

    pub(crate) fn lease(self: &Arc<Self>, client_id: i32) -> Result<Lease, LeaseError> {
        let mut clients = lock(&self.clients);
        if clients.contains(&client_id) || self.faults.client_id_taken(client_id, self.clock.uptime()) {
            return Err(LeaseError::InUse(client_id));
        }
        if clients.len() >= MAX_CLIENTS {
            return Err(LeaseError::Full);
        }
        clients.insert(client_id);
        Ok(Lease { gateway: Arc::clone(self), client_id })
    }

    pub(crate) fn clients(&self) -> Vec<i32> {
        lock(&self.clients).iter().copied().collect()
    }

    /// The next order id of a client id; each client id has its own sequence.
    pub(crate) fn order_id(&self, client_id: i32) -> i32 {
        self.broker_step(|book, _| book.next_id(client_id))
    }

    /// As `order_id`, one further: a captured gateway answers a request for ids this way.
    pub(crate) fn next_order_id(&self, client_id: i32) -> i32 {
        self.broker_step(|book, _| book.ask_id(client_id))
    }

    pub(crate) fn announce(&self, announcement: Announcement) {
        // Nobody listening is no failure.
        let _ = self.announcements.send(announcement);
    }

    /// Ends every connection without a word.
    pub(crate) fn drop_clients(&self) {
        self.drops.send_modify(|drops| *drops += 1);
    }

    /// Changes when every connection is to end.
    pub(crate) fn drops(&self) -> watch::Receiver<u64> {
        self.drops.subscribe()
    }

    pub(crate) fn announcements(&self) -> broadcast::Receiver<Announcement> {
        self.announcements.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_are_leased_and_returned() {
        let gateway = Arc::new(Gateway::new(Settings::default()).unwrap());
        let lease = gateway.lease(7).unwrap();
        assert_eq!(gateway.lease(7).unwrap_err(), LeaseError::InUse(7));
        drop(lease);
        let leases: Vec<Lease> = (0..32).map(|id| gateway.lease(id).unwrap()).collect();
        assert_eq!(gateway.lease(99).unwrap_err(), LeaseError::Full);
        assert_eq!(gateway.clients().len(), leases.len());
    }

    #[test]
    fn order_ids_count_per_client() {
        let gateway = Gateway::new(Settings::default()).unwrap();
        assert_eq!((gateway.order_id(1), gateway.next_order_id(1), gateway.order_id(1)), (1, 2, 2));
        assert_eq!(gateway.order_id(2), 1);
    }
}
