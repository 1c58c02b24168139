//! Bars of any size, folded from the price tree.
//!
//! Invariant: a bar is the fold of the units it covers and of nothing else. Days fold into weeks and
//! months, minutes into every intraday size from one minute up, seconds into the smaller ones; the unit
//! that contains "now" is cut at the current second, which makes the forming bar.

use jiff::ToSpan;
use jiff::civil::Date;

use super::calendar::{Calendar, Hours, Span, TradingDay, add};
use super::events::Events;
use super::prices::{MINUTE, Node, Path, QUARTER};

/// The bar sizes IB knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BarSize {
    Seconds(i64),
    Day,
    Week,
    Month,
}

impl BarSize {
    /// IB's spelling only; `None` for everything else, 4 minutes included.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text.trim() {
            "1 secs" | "1 sec" => Self::Seconds(1),
            "5 secs" => Self::Seconds(5),
            "10 secs" => Self::Seconds(10),
            "15 secs" => Self::Seconds(15),
            "30 secs" => Self::Seconds(30),
            "1 min" => Self::Seconds(60),
            "2 mins" => Self::Seconds(120),
            "3 mins" => Self::Seconds(180),
            "5 mins" => Self::Seconds(300),
            "10 mins" => Self::Seconds(600),
            "15 mins" => Self::Seconds(900),
            "20 mins" => Self::Seconds(1200),
            "30 mins" => Self::Seconds(1800),
            "1 hour" => Self::Seconds(3600),
            "2 hours" => Self::Seconds(7200),
            "3 hours" => Self::Seconds(10_800),
            "4 hours" => Self::Seconds(14_400),
            "8 hours" => Self::Seconds(28_800),
            "1 day" => Self::Day,
            "1 week" | "1W" | "1 W" => Self::Week,
            "1 month" | "1M" | "1 M" => Self::Month,
            _ => return None,
        })
    }

    /// The first date of the bar that holds `on`, where a bar spans several days.
    pub(crate) fn whole_from(self, on: Date) -> Option<Date> {
        match self {
            Self::Week if on > Date::MIN => Some(monday(on)),
            Self::Month => Some(on.first_of_month()),
            _ => None,
        }
    }

    pub(crate) fn is_intraday(self) -> bool {
        matches!(self, Self::Seconds(_))
    }

    /// IB keeps its written history rules only for bars below one minute.
    pub(crate) fn is_small(self) -> bool {
        matches!(self, Self::Seconds(seconds) if seconds < MINUTE)
    }
}

/// A folded bar; prices not rounded yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bar {
    /// Unix second at which it begins.
    pub(crate) start: i64,
    /// The trading day of its newest part; daily and longer bars carry it.
    pub(crate) date: Date,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) volume: u64,
    pub(crate) trades: u64,
    /// Volume times typical price of the units, for the average.
    turnover: f64,
    units: u32,
    typical: f64,
}

impl Bar {
    fn new(start: i64, date: Date, node: &Node) -> Self {
        let mut bar = Self {
            start,
            date,
            open: node.open,
            high: node.high,
            low: node.low,
            close: node.close,
            volume: 0,
            trades: 0,
            turnover: 0.0,
            units: 0,
            typical: 0.0,
        };
        bar.add(date, node);
        bar
    }

    fn add(&mut self, date: Date, node: &Node) {
        let typical = (node.open + node.high + node.low + node.close) / 4.0;
        self.date = date;
        self.high = self.high.max(node.high);
        self.low = self.low.min(node.low);
        self.close = node.close;
        self.volume += node.volume;
        self.trades += node.trades;
        self.turnover += typical * weight(node.volume);
        self.typical += typical;
        self.units += 1;
    }

    /// The volume-weighted average price, or the plain one where nothing was traded.
    pub(crate) fn average(&self) -> f64 {
        let average = if self.volume > 0 { self.turnover / weight(self.volume) } else { self.typical / f64::from(self.units) };
        average.clamp(self.low, self.high)
    }
}

#[expect(clippy::cast_precision_loss, reason = "volumes are far below 2^53")]
pub(crate) fn weight(volume: u64) -> f64 {
    volume as f64
}

/// Where prices come from: a path, the hours it trades, and how a price is seen (an option's price is
/// its underlying's path seen through a model).
pub(crate) struct Source<'a> {
    pub(crate) calendar: Calendar,
    pub(crate) hours: Hours,
    pub(crate) path: Path,
    pub(crate) events: &'a Events,
    /// Given the beginning of the quarter of an hour in which the node lies.
    pub(crate) view: &'a (dyn Fn(i64, Node) -> Node + Send + Sync),
    /// Whether the view is another in each quarter of an hour, so that no day can be seen as one node.
    pub(crate) stepped: bool,
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("hours", &self.hours).finish_non_exhaustive()
    }
}

/// How fine the units of a fold have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaf {
    Day,
    Minute,
    Second,
}

impl Source<'_> {
    /// The last price at an instant: the current second's close, or the last session's.
    pub(crate) fn price_at(&self, instant: i64) -> Option<f64> {
        self.node_at(instant).map(|(_, node)| node.close)
    }

    /// The second at an instant or the last one before, and the quarter of an hour in which it lies.
    pub(crate) fn node_at(&self, instant: i64) -> Option<(i64, Node)> {
        let day = self.calendar.latest(self.hours, instant)?;
        let root = self.path.day(self.calendar, self.hours, &day);
        let quarters = self.path.quarters(&root, &day);
        let (begun, quarter) = *quarters.iter().rev().find(|(start, _)| *start <= instant)?;
        let node = if instant >= begun + QUARTER {
            quarter
        } else {
            let minutes = self.path.minutes(&quarter, begun);
            let (start, minute) = *minutes.iter().rev().find(|(start, _)| *start <= instant)?;
            self.path.seconds(&minute, start).into_iter().rev().find(|(start, _)| *start <= instant)?.1
        };
        Some((begun, self.seen(begun, node)))
    }

    fn seen(&self, quarter: i64, node: Node) -> Node {
        (self.view)(quarter, node.times(self.events.factor(quarter)))
    }

    /// Folds the given stretches of trading days into bars, oldest first.
    pub(crate) fn bars(&self, plan: &[(TradingDay, Vec<Span>)], size: BarSize) -> Vec<Bar> {
        let leaf = match size {
            BarSize::Seconds(seconds) if seconds < MINUTE => Leaf::Second,
            BarSize::Seconds(_) => Leaf::Minute,
            _ => Leaf::Day,
        };
        let mut bars: Vec<(i64, Bar)> = Vec::new();
        for (day, spans) in plan {
            for (start, node) in self.units(day, spans, leaf) {
                let bucket = self.bucket(size, start, day);
                match bars.last_mut() {
                    Some((key, bar)) if *key == bucket => bar.add(day.date, &node),
                    _ => bars.push((bucket, Bar::new(start, day.date, &node))),
                }
            }
        }
        bars.into_iter().map(|(_, bar)| bar).collect()
    }

    /// Bars begin at round times on the exchange's clock, whenever its session begins.
    fn bucket(&self, size: BarSize, start: i64, day: &TradingDay) -> i64 {
        match size {
            BarSize::Seconds(seconds) => floor(self.hours, start, seconds),
            BarSize::Day => start_of(day.date),
            BarSize::Week => start_of(monday(day.date)),
            BarSize::Month => start_of(day.date.first_of_month()),
        }
    }

    fn units(&self, day: &TradingDay, spans: &[Span], leaf: Leaf) -> Vec<(i64, Node)> {
        let root = self.path.day(self.calendar, self.hours, day);
        if leaf == Leaf::Day && spans == day.full && !self.stepped && self.events.is_whole(day) {
            return vec![(day.start(), self.seen(day.start(), root))];
        }
        let mut out = Vec::new();
        for (start, quarter) in self.path.quarters(&root, day) {
            match cover(spans, start, QUARTER) {
                Cover::None => {}
                Cover::Whole if leaf == Leaf::Day => out.push((start, self.seen(start, quarter))),
                _ => {
                    let from = out.len();
                    self.minutes(&quarter, start, spans, leaf, &mut out);
                    for (_, node) in &mut out[from..] {
                        *node = self.seen(start, *node);
                    }
                }
            }
        }
        out
    }

    fn minutes(&self, quarter: &Node, start: i64, spans: &[Span], leaf: Leaf, out: &mut Vec<(i64, Node)>) {
        for (start, minute) in self.path.minutes(quarter, start) {
            match cover(spans, start, MINUTE) {
                Cover::None => {}
                Cover::Whole if leaf != Leaf::Second => out.push((start, minute)),
                _ => out.extend(self.path.seconds(&minute, start).into_iter().filter(|(start, _)| cover(spans, *start, 1) == Cover::Whole)),
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cover {
    None,
    Part,
    Whole,
}

fn cover(spans: &[Span], start: i64, length: i64) -> Cover {
    let end = start + length;
    if spans.iter().any(|span| span.start <= start && end <= span.end) {
        Cover::Whole
    } else if spans.iter().any(|span| span.start < end && start < span.end) {
        Cover::Part
    } else {
        Cover::None
    }
}

/// The round time at or before `instant` on the exchange's clock.
pub(crate) fn floor(hours: Hours, instant: i64, seconds: i64) -> i64 {
    let timestamp = jiff::Timestamp::from_second(instant).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let offset = i64::from(hours.zone().to_offset(timestamp).seconds());
    (instant + offset).div_euclid(seconds) * seconds - offset
}

fn start_of(on: Date) -> i64 {
    super::prices::day_number(on)
}

pub(crate) fn monday(on: Date) -> Date {
    add(on, (-i64::from(on.weekday().to_monday_zero_offset())).days())
}

#[cfg(test)]
#[path = "bars_tests.rs"]
mod tests;
