//! IB's three rules for historical requests, as a window that is shared by all workers of a login.
//!
//! IB: no identical request within 15 seconds; not six or more requests for the same contract, exchange and data type
//! within two seconds; not more than 60 requests in ten minutes, BID_ASK counting twice. For bars of one minute and
//! more IB no longer answers "pacing violation" but slows down. We keep all three rules for every bar size all the
//! same: a slowed answer uses up its caller's deadline and one of the 50 open requests, and tells nobody why. IB counts
//! when a request reaches it, so that one is entered when nothing is left to wait for.
//!
//! Whoever holds the window asks [`HistoryWindow::admit`] before each send; a [`WaitMs`] that fits into the deadline is
//! waited, one that does not becomes the fault [`WaitMs::fault`].

use std::time::Duration;

use schemas::{
    Fault, FaultCode,
    history::{TickKind, WhatToShow},
};
use serde::{Deserialize, Serialize};

use crate::{BarsRequest, HeadTimestampRequest, HistogramRequest, TicksRequest};

/// Two requests can reach IB closer together than they were entered: by what the first needed longer for its way.
const MARGIN_MS: i64 = 250;
const IDENTICAL_MS: i64 = 15_000 + MARGIN_MS;
const BURST_MS: i64 = 2_000 + MARGIN_MS;
/// Six within [`BURST_MS`] are a violation.
const BURST_MAX: usize = 5;
const WINDOW_MS: i64 = 600_000 + MARGIN_MS;
/// Weight that fits into [`WINDOW_MS`].
const WINDOW_WEIGHT_MAX: u32 = 60;
/// Clocks of two hosts differ by less; an entry further in the future was written by a broken one.
const SKEW_MS: i64 = 5_000;

/// What IB compares of a historical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryKey {
    /// The whole request.
    request: u64,
    /// Contract, exchange and data type.
    series: u64,
    weight: u32,
}

impl HistoryKey {
    pub fn of_bars(request: &BarsRequest) -> Self {
        let series = Self::series(request.contract.conid, &request.contract.exchange, request.what_to_show);
        let end = request.end.map_or_else(|| "now".to_owned(), |end| end.as_second().to_string());
        let rest = format!("{}|{}|{}|{end}", request.duration, request.bar_size, request.use_rth);
        Self::new(&format!("{series}|{rest}"), &series, request.what_to_show)
    }

    /// IB counts a head timestamp as a historical request.
    pub fn of_head_timestamp(request: &HeadTimestampRequest) -> Self {
        let series = Self::series(request.contract.conid, &request.contract.exchange, request.what_to_show);
        Self::new(&format!("{series}|head|{}", request.use_rth), &series, request.what_to_show)
    }

    pub fn of_histogram(request: &HistogramRequest) -> Self {
        let series = Self::series(request.contract.conid, &request.contract.exchange, WhatToShow::Trades);
        Self::new(&format!("{series}|histogram|{}|{}", request.period, request.use_rth), &series, WhatToShow::Trades)
    }

    pub fn of_ticks(request: &TicksRequest) -> Self {
        let what = match request.kind {
            TickKind::Trades => WhatToShow::Trades,
            TickKind::BidAsk => WhatToShow::BidAsk,
            TickKind::Midpoint => WhatToShow::Midpoint,
        };
        let series = Self::series(request.contract.conid, &request.contract.exchange, what);
        let at = |moment: Option<jiff::Timestamp>| moment.map_or_else(String::new, |moment| moment.as_second().to_string());
        let rest = format!("{}|{}|{}|{}", at(request.start), at(request.end), request.count, request.use_rth);
        Self::new(&format!("{series}|ticks|{rest}"), &series, what)
    }

    fn series(conid: i32, exchange: &str, what_to_show: WhatToShow) -> String {
        format!("{conid}|{exchange}|{what_to_show}")
    }

    fn new(request: &str, series: &str, what_to_show: WhatToShow) -> Self {
        let weight = if what_to_show == WhatToShow::BidAsk { 2 } else { 1 };
        Self { request: fnv1a(request), series: fnv1a(series), weight }
    }
}

/// How long to wait until a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitMs(pub u64);

impl WaitMs {
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// For a caller whose deadline comes before the wait ends.
    pub fn fault(self) -> Fault {
        Fault::new(
            FaultCode::Pacing,
            format!("IB limits historical requests (never the same within 15 s, 60 in 10 minutes); this one may be sent in {} ms", self.0),
        )
        .hint("Wait, or ask once for a longer duration instead of several times for short ones")
        .retry_after_ms(self.0)
    }
}

/// The historical requests of the last ten minutes, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryWindow {
    entries: Vec<Entry>,
}

/// Short names: the window is one small JSON value that every historical request reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    #[serde(rename = "t")]
    at_ms: i64,
    #[serde(rename = "r")]
    request: u64,
    #[serde(rename = "s")]
    series: u64,
    #[serde(rename = "w")]
    weight: u32,
}

impl HistoryWindow {
    /// Enters the request, or tells how long it has to wait; then nothing is entered.
    pub fn admit(&mut self, key: HistoryKey, now_ms: i64) -> Result<(), WaitMs> {
        self.forget(now_ms);
        let wait = self.identical(key, now_ms).max(self.burst(key, now_ms)).max(self.full(key, now_ms));
        if wait > 0 {
            return Err(WaitMs(wait.unsigned_abs()));
        }
        self.entries.push(Entry { at_ms: now_ms, request: key.request, series: key.series, weight: key.weight });
        self.entries.sort_by_key(|entry| entry.at_ms);
        Ok(())
    }

    /// Weight left until the window is full.
    pub fn left(&self, now_ms: i64) -> u32 {
        let used: u32 = self.entries.iter().filter(|entry| entry.at_ms + WINDOW_MS > now_ms).map(|entry| entry.weight).sum();
        WINDOW_WEIGHT_MAX.saturating_sub(used)
    }

    fn forget(&mut self, now_ms: i64) {
        self.entries.retain(|entry| entry.at_ms + WINDOW_MS > now_ms);
        for entry in &mut self.entries {
            if entry.at_ms > now_ms + SKEW_MS {
                entry.at_ms = now_ms;
            }
        }
    }

    fn identical(&self, key: HistoryKey, now_ms: i64) -> i64 {
        let last = self.entries.iter().rev().find(|entry| entry.request == key.request);
        last.map_or(0, |entry| entry.at_ms + IDENTICAL_MS - now_ms)
    }

    fn burst(&self, key: HistoryKey, now_ms: i64) -> i64 {
        let same: Vec<i64> = self.entries.iter().filter(|entry| entry.series == key.series).map(|entry| entry.at_ms).collect();
        // The fifth from the end: once it is two seconds old, at most four others are younger.
        let pivot = same.len().checked_sub(BURST_MAX).map(|index| same[index]);
        pivot.map_or(0, |at_ms| at_ms + BURST_MS - now_ms)
    }

    fn full(&self, key: HistoryKey, now_ms: i64) -> i64 {
        let mut used: u32 = self.entries.iter().map(|entry| entry.weight).sum();
        let mut wait = 0;
        for entry in &self.entries {
            if used + key.weight <= WINDOW_WEIGHT_MAX {
                break;
            }
            used -= entry.weight;
            wait = entry.at_ms + WINDOW_MS - now_ms;
        }
        wait
    }
}

/// Stable over releases and hosts, unlike the standard library's hasher.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(request: u64, series: u64, weight: u32) -> HistoryKey {
        HistoryKey { request, series, weight }
    }

    #[test]
    fn the_same_request_waits_fifteen_seconds() {
        let mut window = HistoryWindow::default();
        assert_eq!(window.admit(key(1, 1, 1), 0), Ok(()));
        assert_eq!(window.admit(key(1, 1, 1), 4_000), Err(WaitMs(11_250)));
        assert_eq!(window.admit(key(2, 1, 1), 4_000), Ok(()));
        assert_eq!(window.admit(key(1, 1, 1), 15_250), Ok(()));
    }

    #[test]
    fn the_sixth_request_for_one_series_waits_two_seconds() {
        let mut window = HistoryWindow::default();
        for request in 0..5 {
            assert_eq!(window.admit(key(request, 1, 1), 100), Ok(()));
        }
        assert_eq!(window.admit(key(9, 1, 1), 600), Err(WaitMs(1_750)));
        assert_eq!(window.admit(key(8, 2, 1), 600), Ok(()), "another series");
        assert_eq!(window.admit(key(9, 1, 1), 2_350), Ok(()));
    }

    #[test]
    fn bid_ask_counts_twice_and_waits_for_two_old_ones() {
        let mut window = HistoryWindow::default();
        for request in 0..60_i64 {
            assert_eq!(window.admit(key(request.unsigned_abs(), request.unsigned_abs(), 1), request * 10), Ok(()));
        }
        assert_eq!(window.left(600), 0);
        assert_eq!(window.admit(key(100, 100, 1), 1_000), Err(WaitMs(599_250)));
        assert_eq!(window.admit(key(100, 100, 2), 1_000), Err(WaitMs(599_260)));
        assert_eq!(window.admit(key(100, 100, 2), 600_260), Ok(()));
    }

    #[test]
    fn an_entry_of_a_broken_clock_does_not_block_for_ever() {
        let mut window = HistoryWindow::default();
        window.admit(key(1, 1, 1), 9_000_000_000).expect("first");
        assert_eq!(window.admit(key(1, 1, 1), 1_000), Err(WaitMs(15_250)));
    }

    #[test]
    fn a_full_window_is_a_small_value() {
        let mut window = HistoryWindow::default();
        for request in 0..60 {
            window.admit(key(u64::MAX - request, u64::MAX - request, 1), 1_800_000_000_000).expect("room");
        }
        let json = serde_json::to_string(&window).expect("json");
        assert!(json.len() < 8_192, "{}", json.len());
        assert_eq!(serde_json::from_str::<HistoryWindow>(&json).expect("back"), window);
    }

    #[test]
    fn a_wait_is_a_fault_that_says_when() {
        let fault = WaitMs(11_000).fault();
        assert_eq!((fault.code, fault.retry_after_ms), (FaultCode::Pacing, Some(11_000)));
    }

    proptest! {
        #[test]
        fn no_rule_is_ever_broken(steps in prop::collection::vec((0_u64..8, 0_u64..3, any::<bool>(), 0_i64..20_000), 1..400)) {
            let mut window = HistoryWindow::default();
            let mut now = 0;
            let mut sent: Vec<(i64, HistoryKey)> = Vec::new();
            for (request, series, double, pause) in steps {
                now += pause;
                let key = key(request * 10 + series, series, if double { 2 } else { 1 });
                if let Err(WaitMs(wait)) = window.admit(key, now) {
                    now += i64::try_from(wait).expect("small");
                    prop_assert_eq!(window.admit(key, now), Ok(()), "the wait that was told is enough");
                }
                sent.push((now, key));
            }
            for (index, (at, key)) in sent.iter().enumerate() {
                let after = &sent[index + 1..];
                let weight: u32 = after.iter().take_while(|(t, _)| *t < at + WINDOW_MS).map(|(_, k)| k.weight).sum();
                prop_assert!(weight + key.weight <= WINDOW_WEIGHT_MAX);
                prop_assert!(!after.iter().any(|(t, k)| k.request == key.request && *t < at + IDENTICAL_MS));
                let burst = after.iter().filter(|(t, k)| k.series == key.series && *t < at + BURST_MS).count();
                prop_assert!(burst < BURST_MAX);
            }
        }
    }
}
