//! IB's limits on how much may be asked, counted per login: over all clients of this gateway together.
//!
//! Sources: 50 messages a second (IB's API pages), the historical rules of IB's "historical data
//! limitations" page, and its note that they are lifted for bars of a minute and more; one symbol
//! search a second. Invariant: every window is bounded by its limit, so memory is too.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::proto::request::HistoryQuery;
use crate::settings::HistoryPacing;
use crate::world::bars::BarSize;

pub(crate) const MESSAGES_PER_SECOND: usize = 50;
/// A connection that exceeded the rate in this many different seconds is closed.
pub(crate) const OFFENCES_TO_CLOSE: u32 = 3;
const OPEN_HISTORIES: usize = 50;
const HISTORY_WINDOW_MS: i64 = 600_000;
const HISTORIES_PER_WINDOW: usize = 60;
const IDENTICAL_MS: i64 = 15_000;
const BURST_MS: i64 = 2_000;
const BURST: usize = 6;
/// More tick-by-tick requests than that within their window are none of a sane client.
const MAX_TICK_REQUESTS: usize = 1_000;
const SYMBOL_SEARCH_EVERY: Duration = Duration::from_secs(1);
/// A search that would wait longer is refused.
const LONGEST_SEARCH_WAIT: Duration = Duration::from_secs(60);

/// What happened to a message that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    Within,
    /// Too many; the number is that of the current second, so that one second counts once.
    Exceeded {
        second: u64,
    },
}

#[derive(Debug)]
struct Past {
    at_ms: i64,
    /// Contract, exchange and kind of data.
    line: String,
    whole: HistoryQuery,
}

#[derive(Debug, Default)]
struct Windows {
    messages: VecDeque<Duration>,
    histories: VecDeque<Past>,
    next_search: Duration,
    real_times: VecDeque<i64>,
    /// Contract and time of tick-by-tick requests.
    ticks: VecDeque<(i64, i64)>,
}

#[derive(Debug)]
pub(crate) struct Pacing {
    on: bool,
    history: HistoryPacing,
    windows: Mutex<Windows>,
    open: Arc<Mutex<usize>>,
}

/// One open historical request; closes when dropped.
#[derive(Debug)]
pub(crate) struct OpenHistory(Arc<Mutex<usize>>);

impl Drop for OpenHistory {
    fn drop(&mut self) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *open = open.saturating_sub(1);
    }
}

impl Pacing {
    pub(crate) fn new(on: bool, history: HistoryPacing) -> Self {
        let history = if on { history } else { HistoryPacing::Off };
        Self { on, history, windows: Mutex::default(), open: Arc::default() }
    }

    fn windows(&self) -> std::sync::MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one message at this time since the start.
    pub(crate) fn message(&self, uptime: Duration) -> Rate {
        if !self.on {
            return Rate::Within;
        }
        let mut windows = self.windows();
        let past = &mut windows.messages;
        while past.front().is_some_and(|at| uptime.saturating_sub(*at) >= Duration::from_secs(1)) {
            past.pop_front();
        }
        if past.len() >= MESSAGES_PER_SECOND {
            return Rate::Exceeded { second: uptime.as_secs() };
        }
        past.push_back(uptime);
        Rate::Within
    }

    /// How long a symbol search has to wait. IB answers faster ones late rather than with an error, so
    /// does this gateway: each search takes the next free second. None if too many wait already; such a
    /// search takes no second from those that come later.
    pub(crate) fn symbol_search(&self, uptime: Duration) -> Option<Duration> {
        if !self.on {
            return Some(Duration::ZERO);
        }
        let mut windows = self.windows();
        let slot = windows.next_search.max(uptime);
        let wait = slot.saturating_sub(uptime);
        if wait > LONGEST_SEARCH_WAIT {
            return None;
        }
        windows.next_search = slot + SYMBOL_SEARCH_EVERY;
        Some(wait)
    }

    /// Opens a historical request, or says that it violates the rules.
    pub(crate) fn history(&self, now_ms: i64, query: &HistoryQuery) -> Option<OpenHistory> {
        if self.history != HistoryPacing::Off && !self.within(now_ms, query) {
            return None;
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.history != HistoryPacing::Off && *open >= OPEN_HISTORIES {
            return None;
        }
        *open += 1;
        Some(OpenHistory(Arc::clone(&self.open)))
    }

    /// Whether one more request for real-time bars keeps the limit that historical requests have.
    pub(crate) fn real_time(&self, now_ms: i64) -> bool {
        if !self.on {
            return true;
        }
        let past = &mut self.windows().real_times;
        past.retain(|at| (0..HISTORY_WINDOW_MS).contains(&(now_ms - at)));
        let within = past.len() < HISTORIES_PER_WINDOW;
        if within {
            past.push_back(now_ms);
        }
        within
    }

    /// Whether a tick-by-tick request may begin: one in a while for each contract.
    pub(crate) fn tick_by_tick(&self, now_ms: i64, key: i64) -> bool {
        if !self.on {
            return true;
        }
        let past = &mut self.windows().ticks;
        past.retain(|(_, at)| (0..IDENTICAL_MS).contains(&(now_ms - at)));
        let within = past.len() < MAX_TICK_REQUESTS && past.iter().all(|(known, _)| *known != key);
        if within {
            past.push_back((key, now_ms));
        }
        within
    }

    fn within(&self, now_ms: i64, query: &HistoryQuery) -> bool {
        let small = BarSize::parse(&query.bar_size).is_some_and(BarSize::is_small);
        if self.history == HistoryPacing::Ib && !small {
            return true;
        }
        let mut windows = self.windows();
        let past = &mut windows.histories;
        // A clock that was set back must not lock the window for ever.
        past.retain(|one| (0..HISTORY_WINDOW_MS).contains(&(now_ms - one.at_ms)));
        let whole = HistoryQuery { req_id: 0, ..query.clone() };
        let line = format!("{:?}/{}", query.contract, query.what_to_show);
        let recent = |within: i64| past.iter().filter(move |one| now_ms - one.at_ms < within);
        let identical = recent(IDENTICAL_MS).any(|one| one.whole == whole);
        let burst = recent(BURST_MS).filter(|one| one.line == line).count() + 1 >= BURST;
        let weight = if query.what_to_show == "BID_ASK" { 2 } else { 1 };
        let spent: usize = past.iter().map(|one| if one.whole.what_to_show == "BID_ASK" { 2 } else { 1 }).sum();
        if identical || burst || spent + weight > HISTORIES_PER_WINDOW {
            return false;
        }
        past.push_back(Past { at_ms: now_ms, line, whole });
        true
    }
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
