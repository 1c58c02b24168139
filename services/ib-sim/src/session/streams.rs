//! The market data streams of one connection, and when the next of them is due.
//!
//! Invariant: while nothing is subscribed nothing wakes; otherwise the session wakes at the next quarter
//! of a simulated second or at the first delayed tick, whichever is earlier, so that all connections look
//! at the same moments and share what is computed for them.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::depth::Book;
use super::live::Live;
use super::quotes::Quotes;
use super::quotes::bars::RealTimeBars;
use super::ticks::TickStream;
use crate::errors::ApiError;
use crate::world::quote::minute::SLOT_MS;

#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) quotes: Quotes,
    pub(super) bars: BTreeMap<i32, RealTimeBars>,
    pub(super) books: BTreeMap<i32, Book>,
    pub(super) ticks: BTreeMap<i32, TickStream>,
    wake: Option<Instant>,
}

impl Streams {
    fn is_empty(&self) -> bool {
        self.quotes.is_empty() && self.bars.is_empty() && self.books.is_empty() && self.ticks.is_empty()
    }
}

/// Resolves when the streams are due; never while there are none.
pub(super) async fn due(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Live {
    /// When the streams are due next.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.streams.wake
    }

    /// Plans the next wake-up anew, after anything that may have changed it.
    pub(super) fn plan_wake(&mut self) {
        self.streams.wake = (!self.streams.is_empty()).then(|| {
            let to_slot = SLOT_MS - self.gateway.clock.now_ms().rem_euclid(SLOT_MS);
            let slot = Duration::from_millis(to_slot.unsigned_abs());
            let uptime = self.gateway.clock.uptime();
            let first = self.streams.quotes.next_due(uptime).map_or(slot, |due| due.saturating_sub(uptime).min(slot));
            Instant::now() + first
        });
    }

    /// Sends what is due.
    pub(super) fn on_streams(&mut self) {
        if !self.gateway.faults.stalled() {
            self.push_quotes();
            self.push_real_time_bars();
            self.push_books();
            self.push_ticks();
        }
        self.plan_wake();
    }

    /// Begins every line and book anew: what changed while their farm was away was not told. A book's client
    /// has to empty it first (317).
    pub(super) fn renew_streams(&mut self) {
        self.streams.quotes.tell_anew();
        self.streams.books.values_mut().for_each(Book::tell_anew);
        for req_id in self.streams.books.keys().copied().collect::<Vec<_>>() {
            self.error(req_id, ApiError::depth_reset());
        }
    }

    /// Ends every stream of market data without a word: IB's servers have forgotten them (1101).
    /// The data type that the client chose is the gateway's own knowledge and stays.
    pub(super) fn forget_streams(&mut self) {
        self.streams = Streams { quotes: self.streams.quotes.without_lines(), ..Streams::default() };
    }
}
