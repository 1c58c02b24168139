//! What the market shows now, computed once for all connections.
//!
//! Invariant: an entry is replaced as soon as it is of another minute or quarter of a second, so a reader
//! never gets what is past; at most [`MAX_ENTRIES`] are kept, which is far above what a login may watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::session::Computations;
use crate::world::World;
use crate::world::instrument::Instrument;
use crate::world::quote::Quote;
use crate::world::quote::minute::{Day, Minute, SLOT_MS};

/// Free data runs a quarter of an hour behind.
pub(crate) const DELAY_MS: i64 = 900_000;
const MAX_ENTRIES: usize = 16_384;

/// One instrument at one quarter of a second, on its grid.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    pub(crate) slot: i64,
    pub(crate) second: i64,
    /// Whether the market is open; if not, this is how it closed.
    pub(crate) open: bool,
    pub(crate) halted: bool,
    pub(crate) quote: Quote,
    pub(crate) last: f64,
    pub(crate) traded_at: i64,
    pub(crate) day: Day,
    pub(crate) close: f64,
    /// What positions are valued at: not rounded to the grid.
    pub(crate) mark: f64,
}

/// A contract, and whether it is seen with the delay of free data.
type Key = (i32, bool);

#[derive(Debug, Default)]
pub(crate) struct Feed {
    minutes: Mutex<HashMap<Key, Arc<Minute>>>,
    views: Mutex<HashMap<Key, Arc<View>>>,
    computations: Mutex<HashMap<Key, Arc<(i64, Computations)>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep<T>(mutex: &Mutex<HashMap<Key, Arc<T>>>, key: Key, value: &Arc<T>) {
    let mut kept = lock(mutex);
    if kept.len() >= MAX_ENTRIES && !kept.contains_key(&key) {
        kept.clear();
    }
    kept.insert(key, Arc::clone(value));
}

impl Feed {
    /// The minute that holds a second.
    pub(crate) fn minute(&self, world: &World, row: &Instrument, second: i64, delayed: bool) -> Arc<Minute> {
        let key = (row.contract.con_id, delayed);
        let known = lock(&self.minutes).get(&key).filter(|minute| minute.holds(second)).cloned();
        known.unwrap_or_else(|| {
            let minute = Arc::new(world.minute(row, second));
            keep(&self.minutes, key, &minute);
            minute
        })
    }

    /// What an instrument shows now, or a quarter of an hour ago.
    pub(crate) fn view(&self, world: &World, clock: &Clock, row: &Instrument, delayed: bool) -> Arc<View> {
        let slot = (clock.now_ms() - if delayed { DELAY_MS } else { 0 }).div_euclid(SLOT_MS);
        let key = (row.contract.con_id, delayed);
        let known = lock(&self.views).get(&key).filter(|view| view.slot == slot).cloned();
        known.unwrap_or_else(|| {
            let view = Arc::new(self.compute(world, row, slot, delayed));
            keep(&self.views, key, &view);
            view
        })
    }

    /// The option computations of the second of a view; none for what is no option.
    pub(crate) fn computations(&self, world: &World, row: &Instrument, view: &View, delayed: bool) -> Option<Arc<(i64, Computations)>> {
        let key = (row.contract.con_id, delayed);
        let known = lock(&self.computations).get(&key).filter(|kept| kept.0 == view.second).cloned();
        known.or_else(|| {
            let computed = Arc::new((view.second, Computations::of(world, row, view)?));
            keep(&self.computations, key, &computed);
            Some(computed)
        })
    }

    fn compute(&self, world: &World, row: &Instrument, slot: i64, delayed: bool) -> View {
        let minute = self.minute(world, row, (slot * SLOT_MS).div_euclid(1000), delayed);
        let now = minute.at(slot);
        let second = if now.open { now.second } else { now.traded_at };
        let mark = row.round(now.price);
        let quote = world.quote_around(row, mark, second);
        View {
            slot,
            second,
            open: now.open,
            halted: world.halted(row, second),
            quote,
            last: row.round(now.last),
            traded_at: now.traded_at,
            day: now.day,
            close: minute.previous_close,
            mark: now.price,
        }
    }
}
