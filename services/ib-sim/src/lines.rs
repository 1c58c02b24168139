//! Subscriptions that IB limits by number, counted per login: over all clients of this gateway together.
//!
//! A quote, a real-time bar and a bar kept up to date each hold a market data line; depth and
//! tick-by-tick have budgets of their own. As at IB, several requests for one contract share a place; a
//! combination holds one, whatever its legs. Invariant: a place is held by a value and returned when that
//! value is dropped, so neither a cancel nor a lost connection can leave one behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a place is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    Quotes,
    Depth,
    TickByTick,
}

/// IB's page on market data lines: 3 books for up to 400 lines.
pub(crate) const DEPTH_REQUESTS: usize = 3;
/// Two people measured 5 with 100 lines; the sixth is answered 10190.
const TICK_BY_TICK_REQUESTS: usize = 5;

type Held = [HashMap<i64, usize>; 3];

#[derive(Debug)]
pub(crate) struct Lines {
    most: [usize; 3],
    held: Arc<Mutex<Held>>,
}

/// One place, returned when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    held: Arc<Mutex<Held>>,
    budget: Budget,
    key: i64,
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        let of = &mut held[self.budget as usize];
        if let Some(count) = of.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                of.remove(&self.key);
            }
        }
    }
}

impl Lines {
    pub(crate) fn new(quotes: usize) -> Self {
        Self { most: [quotes, DEPTH_REQUESTS, TICK_BY_TICK_REQUESTS], held: Arc::default() }
    }

    /// A place for one contract, unless all are taken by others.
    pub(crate) fn take(&self, budget: Budget, key: i64) -> Option<Place> {
        let mut held = lock(&self.held);
        let of = &mut held[budget as usize];
        if !of.contains_key(&key) && of.len() >= self.most[budget as usize] {
            return None;
        }
        *of.entry(key).or_default() += 1;
        Some(Place { held: Arc::clone(&self.held), budget, key })
    }

    /// Open subscriptions of every kind, those that share a place included.
    pub(crate) fn open(&self) -> usize {
        lock(&self.held).iter().flat_map(HashMap::values).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_by_contract_shared_and_returned() {
        let lines = Lines::new(2);
        let first = lines.take(Budget::Quotes, 1).unwrap();
        let shared = lines.take(Budget::Quotes, 1).unwrap();
        let second = lines.take(Budget::Quotes, 2).unwrap();
        assert!(lines.take(Budget::Quotes, 3).is_none());
        assert!(lines.take(Budget::Depth, 3).is_some(), "each kind has its own places");
        drop(first);
        assert!(lines.take(Budget::Quotes, 3).is_none(), "the other request still holds the contract");
        drop(shared);
        assert!(lines.take(Budget::Quotes, 3).is_some());
        drop(second);
        assert_eq!(lines.open(), 0);
    }

    #[test]
    fn a_sixth_tick_by_tick_and_a_fourth_book_find_no_place() {
        let lines = Lines::new(100);
        let held: Vec<_> = (0..5).map(|key| lines.take(Budget::TickByTick, key).unwrap()).collect();
        let books: Vec<_> = (0..3).map(|key| lines.take(Budget::Depth, key).unwrap()).collect();
        assert!(lines.take(Budget::TickByTick, 5).is_none() && lines.take(Budget::Depth, 3).is_none());
        assert_eq!(lines.open(), held.len() + books.len());
    }
}
