//! When each kind of market trades.
//!
//! Invariant: sessions of a trading day are in order, do not overlap, and begin and end on a quarter of
//! an hour, which the price tree relies on. New York's holidays are computed from the exchange's rules
//! and hold for 2020 to 2035; other markets follow simplified rules, named where they stand.

use std::cell::RefCell;
use std::sync::LazyLock;

use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{Span as Step, Timestamp, ToSpan};
use serde::Deserialize;

/// A stretch of trading, in unix seconds, the end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// One trading day: its date is the one that daily bars carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TradingDay {
    pub(crate) date: Date,
    pub(crate) full: Vec<Span>,
    pub(crate) regular: Vec<Span>,
}

impl TradingDay {
    pub(crate) fn sessions(&self, regular_only: bool) -> &[Span] {
        if regular_only { &self.regular } else { &self.full }
    }

    pub(crate) fn start(&self) -> i64 {
        self.full.first().map_or(0, |span| span.start)
    }
}

/// The opening hours of a kind of market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Hours {
    UsStock,
    UsIndex,
    UsOption,
    CmeFuture,
    Forex,
    Crypto,
    Xetra,
    Tokyo,
}

/// The calendar of one simulator: the real one, or every day open around the clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calendar {
    pub(crate) always_open: bool,
}

static EASTERN: LazyLock<TimeZone> = LazyLock::new(|| bundled("US/Eastern"));
static CENTRAL: LazyLock<TimeZone> = LazyLock::new(|| bundled("US/Central"));
static BERLIN: LazyLock<TimeZone> = LazyLock::new(|| bundled("MET"));
static JAPAN: LazyLock<TimeZone> = LazyLock::new(|| bundled("Japan"));

fn bundled(name: &str) -> TimeZone {
    TimeZone::get(name).expect("the time zone database is compiled in")
}

impl Hours {
    /// The id as IB writes it in contract details.
    pub(crate) fn zone_id(self) -> &'static str {
        match self {
            Self::UsStock | Self::UsIndex | Self::UsOption | Self::Forex | Self::Crypto => "US/Eastern",
            Self::CmeFuture => "US/Central",
            Self::Xetra => "MET",
            Self::Tokyo => "Japan",
        }
    }

    pub(crate) fn zone(self) -> &'static TimeZone {
        match self {
            Self::UsStock | Self::UsIndex | Self::UsOption | Self::Forex | Self::Crypto => &EASTERN,
            Self::CmeFuture => &CENTRAL,
            Self::Xetra => &BERLIN,
            Self::Tokyo => &JAPAN,
        }
    }

    fn span(self, from: (Date, i8, i8), to: (Date, i8, i8)) -> Span {
        Span { start: self.instant(from), end: self.instant(to) }
    }

    pub(crate) fn instant(self, (date, hour, minute): (Date, i8, i8)) -> i64 {
        self.zone().to_ambiguous_zoned(date.at(hour, minute, 0, 0)).compatible().map_or(0, |zoned| zoned.timestamp().as_second())
    }

    /// The date on the exchange's wall at this instant.
    pub(crate) fn local_date(self, instant: i64) -> Date {
        let timestamp = Timestamp::from_second(instant).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone().to_datetime(timestamp).date()
    }
}

/// Longest stretch without trading that any of these markets knows, with room to spare.
const LONGEST_CLOSURE_DAYS: i32 = 15;

impl Calendar {
    pub(crate) fn day(self, hours: Hours, on: Date) -> Option<TradingDay> {
        if self.always_open {
            let whole = vec![hours.span((on, 0, 0), (tomorrow(on), 0, 0))];
            return Some(TradingDay { date: on, full: whole.clone(), regular: whole });
        }
        let weekend = matches!(on.weekday(), Weekday::Saturday | Weekday::Sunday);
        if hours == Hours::Crypto {
            let whole = vec![hours.span((on, 0, 0), (tomorrow(on), 0, 0))];
            return Some(TradingDay { date: on, full: whole.clone(), regular: whole });
        }
        if weekend {
            return None;
        }
        let (full, regular) = real_sessions(hours, on)?;
        Some(TradingDay { date: on, full, regular })
    }

    /// The newest trading day that has begun at `instant`.
    pub(crate) fn latest(self, hours: Hours, instant: i64) -> Option<TradingDay> {
        let today = hours.local_date(instant);
        // An evening session belongs to the next day's date.
        let mut on = tomorrow(today);
        for _ in 0..LONGEST_CLOSURE_DAYS {
            if let Some(day) = self.day(hours, on).filter(|day| day.start() <= instant) {
                return Some(day);
            }
            on = yesterday(on);
        }
        None
    }

    pub(crate) fn previous(self, hours: Hours, before: Date) -> Option<TradingDay> {
        let mut on = yesterday(before);
        for _ in 0..LONGEST_CLOSURE_DAYS {
            if let Some(day) = self.day(hours, on) {
                return Some(day);
            }
            on = yesterday(on);
        }
        None
    }

    /// IB's text for a few days from `from` on: `20261120:0930-20261120:1600;20261121:CLOSED`.
    ///
    /// A chain of options asks thousands of times for the same text, so the last few are kept.
    pub(crate) fn hours_text(self, hours: Hours, from: Date, days: i64, regular_only: bool) -> String {
        let key = (self.always_open, hours, from, days, regular_only);
        HOURS_TEXTS.with_borrow_mut(|kept| {
            if let Some((_, text)) = kept.iter().find(|(known, _)| *known == key) {
                return text.clone();
            }
            let text = self.write_hours(hours, from, days, regular_only);
            if kept.len() >= MAX_HOURS_TEXTS {
                kept.clear();
            }
            kept.push((key, text.clone()));
            text
        })
    }

    fn write_hours(self, hours: Hours, from: Date, days: i64, regular_only: bool) -> String {
        let mut parts = Vec::new();
        for offset in 0..days {
            let on = add(from, offset.days());
            match self.day(hours, on) {
                None => parts.push(format!("{}:CLOSED", on.strftime("%Y%m%d"))),
                Some(day) => parts.extend(
                    day.sessions(regular_only)
                        .iter()
                        .map(|span| format!("{}-{}", wall(hours, span.start, "%Y%m%d:%H%M"), wall(hours, span.end, "%Y%m%d:%H%M"))),
                ),
            }
        }
        parts.join(";")
    }
}

/// Texts kept per thread: both of every kind of hours.
const MAX_HOURS_TEXTS: usize = 16;

type HoursKey = (bool, Hours, Date, i64, bool);

thread_local! {
    static HOURS_TEXTS: RefCell<Vec<(HoursKey, String)>> = const { RefCell::new(Vec::new()) };
}

/// An instant on the exchange's wall clock, in any form.
pub(crate) fn wall(hours: Hours, instant: i64, format: &str) -> String {
    let timestamp = Timestamp::from_second(instant).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(hours.zone().clone()).strftime(format).to_string()
}

pub(crate) fn add(on: Date, step: Step) -> Date {
    on.saturating_add(step)
}

pub(crate) fn tomorrow(on: Date) -> Date {
    on.tomorrow().unwrap_or(on)
}

pub(crate) fn yesterday(on: Date) -> Date {
    on.yesterday().unwrap_or(on)
}

fn real_sessions(hours: Hours, on: Date) -> Option<(Vec<Span>, Vec<Span>)> {
    let same = |from: (i8, i8), to: (i8, i8)| vec![hours.span((on, from.0, from.1), (on, to.0, to.1))];
    match hours {
        Hours::UsStock | Hours::UsIndex | Hours::UsOption => {
            if is_us_holiday(on) {
                return None;
            }
            let half = is_us_half_day(on);
            let (close, late) = if half { ((13, 0), (17, 0)) } else { ((16, 0), (20, 0)) };
            Some(match hours {
                Hours::UsStock => (same((4, 0), late), same((9, 30), close)),
                // Index levels are published until a quarter past the close.
                Hours::UsIndex => {
                    let end = (close.0, 15);
                    (same((9, 30), end), same((9, 30), end))
                }
                _ => (same((9, 30), close), same((9, 30), close)),
            })
        }
        Hours::CmeFuture => {
            // Simplified: closed on three days, an early end at noon on the other US holidays.
            if is_cme_closed(on) {
                return None;
            }
            let end = if is_us_holiday(on) { (12, 0) } else { (16, 0) };
            let full = vec![hours.span((yesterday(on), 17, 0), (on, end.0, end.1))];
            Some((full, same((8, 30), end)))
        }
        Hours::Forex => {
            if (on.month(), on.day()) == (1, 1) || (on.month(), on.day()) == (12, 25) {
                return None;
            }
            let full = vec![hours.span((yesterday(on), 17, 15), (on, 17, 0))];
            Some((full.clone(), full))
        }
        Hours::Xetra => (!is_xetra_holiday(on)).then(|| (same((9, 0), (17, 30)), same((9, 0), (17, 30)))),
        Hours::Tokyo => {
            // Simplified: only the year's end is closed besides weekends.
            if matches!((on.month(), on.day()), (1, 1..=3) | (12, 31)) {
                return None;
            }
            let mut day = same((9, 0), (11, 30));
            day.extend(same((12, 30), (15, 30)));
            Some((day.clone(), day))
        }
        Hours::Crypto => None,
    }
}

/// Full closings of the New York exchanges.
pub(crate) fn is_us_holiday(on: Date) -> bool {
    let (year, month, day, weekday) = (on.year(), on.month(), on.day(), on.weekday());
    // A national day of mourning, the one unscheduled closing since 2020 so far.
    if on == date(2025, 1, 9) {
        return true;
    }
    match month {
        // A New Year's Day on a Saturday is not observed on the Friday before.
        1 => (day == 1) || (day == 2 && weekday == Weekday::Monday) || is_nth(on, Weekday::Monday, 3),
        2 => is_nth(on, Weekday::Monday, 3),
        3 | 4 => on == good_friday(year),
        5 => weekday == Weekday::Monday && day > 24,
        6 => year >= 2022 && is_observed(on, 19),
        7 => is_observed(on, 4),
        9 => is_nth(on, Weekday::Monday, 1),
        11 => is_nth(on, Weekday::Thursday, 4),
        12 => is_observed(on, 25),
        _ => false,
    }
}

/// Days on which New York closes at 13:00.
pub(crate) fn is_us_half_day(on: Date) -> bool {
    let early_in_week = matches!(on.weekday(), Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday);
    match (on.month(), on.day()) {
        (7, 3) | (12, 24) => early_in_week,
        (11, 23..=29) => on.weekday() == Weekday::Friday && is_nth(yesterday(on), Weekday::Thursday, 4),
        _ => false,
    }
}

fn is_cme_closed(on: Date) -> bool {
    on == good_friday(on.year()) || (on.month() == 12 && is_observed(on, 25)) || (on.month() == 1 && on.day() == 1)
}

fn is_xetra_holiday(on: Date) -> bool {
    let friday = good_friday(on.year());
    matches!((on.month(), on.day()), (1 | 5, 1) | (12, 24..=26 | 31)) || on == friday || on == add(friday, 3.days())
}

/// A fixed date that moves to Friday from a Saturday and to Monday from a Sunday.
fn is_observed(on: Date, day: i8) -> bool {
    match on.weekday() {
        Weekday::Friday => on.day() == day || on.day() == day - 1,
        Weekday::Monday => on.day() == day || on.day() == day + 1,
        Weekday::Saturday | Weekday::Sunday => false,
        _ => on.day() == day,
    }
}

fn is_nth(on: Date, weekday: Weekday, nth: i8) -> bool {
    on.weekday() == weekday && (on.day() - 1) / 7 + 1 == nth
}

/// Two days before Easter Sunday, by the Gregorian computus.
pub(crate) fn good_friday(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let sum = h + l - 7 * m + 114;
    let month = i8::try_from(sum / 31).expect("the computus yields March or April");
    let day = i8::try_from(sum % 31 + 1).expect("the computus yields a day of the month");
    add(date(year, month, day), (-2).days())
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
