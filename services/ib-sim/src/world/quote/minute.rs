//! One minute of an instrument, second by second, and its day before it: what quotes are read from.
//!
//! Invariant: the seconds are the bars that history shows for them, and the day is the fold of all bars
//! from the session's first to the minute's, so that live data continues what history ends with.

use jiff::ToSpan;

use crate::world::World;
use crate::world::bars::{Bar, BarSize};
use crate::world::calendar::{Span, TradingDay, add};
use crate::world::instrument::Instrument;
use crate::world::prices::MINUTE;

/// Ticks come in quarters of a second.
pub(crate) const SLOTS: i64 = 4;
pub(crate) const SLOT_MS: i64 = 1000 / SLOTS;
/// No market of this world is closed for longer.
const LONGEST_WAIT_DAYS: i64 = 15;

/// The day up to a moment; prices are not rounded.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Day {
    /// First price of the regular hours, once they began.
    pub(crate) open: Option<f64>,
    /// Of the regular hours, or of all hours before they began.
    pub(crate) high: Option<f64>,
    pub(crate) low: Option<f64>,
    pub(crate) volume: u64,
    pub(crate) trades: u64,
    /// Price times volume, for the average.
    pub(crate) turnover: f64,
}

impl Day {
    fn add(&mut self, bar: &Bar, regular: bool) {
        if regular && self.open.is_none() {
            *self = Self { open: Some(bar.open), high: None, low: None, ..*self };
        }
        if regular || self.open.is_none() {
            self.high = Some(self.high.map_or(bar.high, |high| high.max(bar.high)));
            self.low = Some(self.low.map_or(bar.low, |low| low.min(bar.low)));
        }
        self.volume += bar.volume;
        self.trades += bar.trades;
        self.turnover += bar.average() * crate::world::bars::weight(bar.volume);
    }
}

/// A minute that trades, or the rest of time until the next one.
#[derive(Debug)]
pub(crate) struct Minute {
    /// The first second, and the one after the last.
    pub(crate) span: Span,
    /// One bar a second; none while the market is closed.
    pub(crate) seconds: Vec<Bar>,
    before: Day,
    /// Where the price stood before the first second.
    pub(crate) price_before: f64,
    pub(crate) previous_close: f64,
    regular: bool,
    /// When the last trade before the minute took place, as far as that is known.
    traded_at: i64,
}

/// The market at one quarter of a second, not rounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    pub(crate) second: i64,
    /// The price, moved by quotes and trades.
    pub(crate) price: f64,
    /// The price of the last trade, and when it was.
    pub(crate) last: f64,
    pub(crate) traded_at: i64,
    pub(crate) day: Day,
    pub(crate) open: bool,
}

/// The prices of a second in their order: both extremes lie between open and close.
pub(crate) fn route(bar: &Bar) -> [f64; 4] {
    // A second that rises has seen its low first.
    if bar.close >= bar.open { [bar.open, bar.low, bar.high, bar.close] } else { [bar.open, bar.high, bar.low, bar.close] }
}

impl Minute {
    pub(crate) fn holds(&self, second: i64) -> bool {
        self.span.start <= second && second < self.span.end
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.seconds.is_empty()
    }

    pub(crate) fn second(&self, second: i64) -> Option<&Bar> {
        usize::try_from(second - self.span.start).ok().and_then(|index| self.seconds.get(index))
    }

    /// The state at a quarter of a second of this minute.
    pub(crate) fn at(&self, slot: i64) -> Moment {
        let second = slot.div_euclid(SLOTS);
        let mut now = Moment {
            second,
            price: self.price_before,
            last: self.price_before,
            traded_at: self.traded_at,
            day: self.before,
            open: self.is_open(),
        };
        for (bar, at) in self.seconds.iter().zip(self.span.start..=second) {
            now.day.add(bar, self.regular);
            let step = if at == second { usize::try_from(slot.rem_euclid(SLOTS)).unwrap_or(0) } else { 3 };
            now.price = route(bar)[step];
            if bar.trades > 0 {
                (now.last, now.traded_at) = (now.price, at);
            }
        }
        now
    }
}

impl World {
    /// The session that runs or was last: its trading day in the instrument's own hours and in its path's.
    fn latest_session(&self, row: &Instrument, now: i64) -> Option<(TradingDay, TradingDay)> {
        let own = self.calendar.latest(row.hours, now)?;
        let of_path = self.calendar.day(row.path_hours(), own.date)?;
        Some((own, of_path))
    }

    /// The minute around `now`.
    pub(crate) fn minute(&self, row: &Instrument, now: i64) -> Minute {
        let start = now.div_euclid(MINUTE) * MINUTE;
        let previous_close = self.previous_close(row, now);
        let Some((own, day)) = self.latest_session(row, now) else {
            let price_before = row.path.base;
            let span = Span { start, end: start + MINUTE };
            return Minute {
                span,
                seconds: Vec::new(),
                before: Day::default(),
                price_before,
                previous_close,
                regular: false,
                traded_at: start,
            };
        };
        let open = own.full.iter().any(|span| span.start <= now && now < span.end);
        let closed_since = own.full.iter().map(|span| span.end).filter(|end| *end <= now).max().unwrap_or(start);
        let until = if open { start } else { closed_since };
        let (before, price_before) = self.source(row, |source| {
            let fold = |spans: &[Span]| source.bars(&[(day.clone(), spans.to_vec())], BarSize::Day).pop();
            let clip = |spans: &[Span]| -> Vec<Span> {
                let begun = spans.iter().filter(|span| span.start < until);
                begun.map(|span| Span { start: span.start, end: span.end.min(until) }).collect()
            };
            let mut before = Day::default();
            if let Some(bar) = fold(&clip(&own.full)) {
                before.add(&bar, false);
            }
            if let Some(bar) = fold(&clip(&own.regular)) {
                (before.open, before.high, before.low) = (Some(bar.open), Some(bar.high), Some(bar.low));
            }
            let price = source.price_at(until - 1).unwrap_or(row.path.base);
            (before, price)
        });
        let seconds = if open { self.seconds(row, start, false) } else { Vec::new() };
        let regular = own.regular.iter().any(|span| span.start <= now && now < span.end);
        let span = Span { start, end: start + MINUTE };
        Minute { span, seconds, before, price_before, previous_close, regular, traded_at: until - 1 }
    }

    /// The seconds of one minute that trade, as bars.
    pub(crate) fn seconds(&self, row: &Instrument, start: i64, regular_only: bool) -> Vec<Bar> {
        let Some((own, day)) = self.latest_session(row, start + MINUTE - 1) else {
            return Vec::new();
        };
        let spans: Vec<Span> = own
            .sessions(regular_only)
            .iter()
            .map(|span| Span { start: span.start.max(start), end: span.end.min(start + MINUTE) })
            .filter(|span| span.start < span.end)
            .collect();
        if spans.is_empty() {
            return Vec::new();
        }
        self.source(row, |source| source.bars(&[(day, spans)], BarSize::Seconds(1)))
    }

    /// The first second of an instrument's history.
    pub(crate) fn first_second(&self, row: &Instrument) -> i64 {
        crate::world::prices::day_number(row.first_day) * 86_400
    }

    /// The first second at or after `from` in which the instrument trades; none within two weeks.
    pub(crate) fn next_open(&self, row: &Instrument, from: i64) -> Option<i64> {
        let today = row.hours.local_date(from);
        (0..=LONGEST_WAIT_DAYS).find_map(|offset| {
            let day = self.calendar.day(row.hours, add(today, offset.days()))?;
            day.full.iter().find(|span| span.end > from).map(|span| span.start.max(from))
        })
    }

    /// The last second in which the instrument traded, at or before `now`: frozen data is of it.
    pub(crate) fn last_open(&self, row: &Instrument, now: i64) -> i64 {
        let Some((own, _)) = self.latest_session(row, now) else { return now };
        let begun = own.full.iter().filter(|span| span.start <= now);
        begun.map(|span| now.min(span.end - 1)).max().unwrap_or(now)
    }
}
