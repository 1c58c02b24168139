//! The broker behind the gateway: takes orders, trades them in the simulated market, books them in the
//! accounts, and tells everybody concerned.
//!
//! [`book`] is the core, without clock, task or wire; this module puts a lock around it, sends on what
//! it leaves to be told, and keeps its state file. [`driver`] lets time pass for it.
//!
//! Invariant: the book changes under one lock, news leaves in the order of the changes, and the state
//! file is written before anybody is told.

mod adjust;
mod book;
mod cancel;
mod combo;
mod conditions;
pub(crate) mod driver;
mod entry;
mod exercise;
mod faults;
mod fees;
mod fill;
mod hours;
mod ids;
mod place;
mod preview;
mod records;
mod report;
mod saved;
mod settings;
mod status;
mod store;
mod terms;
mod tick;
mod transmit;
mod trigger;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast};

use crate::gateway::{Announcement, Gateway};
use crate::settings::Error;
use crate::world::World;
use book::MAX_OPEN;
pub(crate) use book::{Book, Desk, News, What};
pub(crate) use entry::Entry;
pub(crate) use faults::{MAX_FILL_DELAY_MS, Rejection};
pub(crate) use place::Placement;
pub use settings::OrderSettings;
use store::Store;

/// What one step tells about one order: an execution, the order, its status, fees, an error, or two of them.
const NEWS_PER_ORDER: usize = 6;
/// News that a session may be behind before it is cut off: orders must not be lost on the way. One step may
/// tell of every order that works, as a cancel of all does.
const NEWS: usize = (MAX_OPEN * NEWS_PER_ORDER).next_power_of_two();

#[derive(Debug)]
pub(crate) struct Broker {
    book: Mutex<Book>,
    news: broadcast::Sender<Arc<News>>,
    /// Somebody did something that time may have to follow.
    pub(super) stirred: Notify,
    store: Option<Store>,
}

impl Broker {
    /// Opens the state file, if there is to be one, and puts back what it holds.
    pub(crate) fn new(settings: &OrderSettings, world: &World, now_ms: i64) -> Result<Self, Error> {
        let store = settings.state_dir.as_deref().map(Store::open).transpose()?;
        let mut book = Book::default();
        if let Some(store) = &store {
            store.load(&mut book, &Desk { world, settings, now_ms })?;
        }
        Ok(Self { book: Mutex::new(book), news: broadcast::Sender::new(NEWS), stirred: Notify::new(), store })
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<News>> {
        self.news.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gateway {
    /// One step of the broker: changes the book and sends on what follows.
    pub(crate) fn broker_step<T>(&self, step: impl FnOnce(&mut Book, &Desk<'_>) -> T) -> T {
        let desk = Desk { world: &self.world, settings: &self.settings.orders, now_ms: self.clock.now_ms() };
        let mut book = self.broker.lock();
        let result = step(&mut book, &desk);
        let outcome = book.outcome();
        if outcome.dirty
            && let Some(store) = &self.broker.store
        {
            store.save(&book, &desk);
        }
        for news in outcome.news {
            // Nobody listening is no failure.
            let _ = self.broker.news.send(Arc::new(news));
        }
        drop(book);
        for account in outcome.accounts {
            self.announce(Announcement::AccountChanged(account));
        }
        self.broker.stirred.notify_one();
        result
    }
}
