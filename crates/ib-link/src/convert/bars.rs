//! Bars of the past.

use ibapi::market_data::historical as ib;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use schemas::{
    Num,
    history::{self, BarSize, Span, SpanUnit, WhatToShow},
};

use super::timestamp;

/// Start of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BarTime {
    /// Daily and longer bars: a trading day of the exchange.
    Day(Date),
    /// Shorter bars.
    At(Timestamp),
}

impl BarTime {
    /// `YYYY-MM-DD`, or RFC 3339 with the offset that `zone` had then.
    pub fn text(self, zone: &TimeZone) -> String {
        match self {
            Self::Day(date) => date.to_string(),
            Self::At(at) => super::told_local(at, zone),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub time: BarTime,
    pub open: Num,
    pub high: Num,
    pub low: Num,
    pub close: Num,
    /// Absent where the data type has none.
    pub volume: Option<Num>,
    pub wap: Option<Num>,
    pub count: Option<i32>,
}

impl Bar {
    /// As callers see it, with times in the exchange's zone.
    pub fn told(&self, zone: &TimeZone, partial: bool) -> history::Bar {
        history::Bar {
            time: self.time.text(zone),
            open: self.open,
            high: self.high,
            low: self.low,
            close: self.close,
            volume: self.volume,
            wap: self.wap,
            count: self.count,
            partial,
        }
    }
}

/// An answer of IB's, oldest bar first.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// The period that IB says it answered for.
    pub start: Timestamp,
    pub end: Timestamp,
    pub bars: Vec<Bar>,
}

pub(crate) fn asked_size(size: BarSize) -> ib::BarSize {
    match size {
        BarSize::Sec1 => ib::BarSize::Sec,
        BarSize::Sec5 => ib::BarSize::Sec5,
        BarSize::Sec10 => ib::BarSize::Sec10,
        BarSize::Sec15 => ib::BarSize::Sec15,
        BarSize::Sec30 => ib::BarSize::Sec30,
        BarSize::Min1 => ib::BarSize::Min,
        BarSize::Min2 => ib::BarSize::Min2,
        BarSize::Min3 => ib::BarSize::Min3,
        BarSize::Min5 => ib::BarSize::Min5,
        BarSize::Min10 => ib::BarSize::Min10,
        BarSize::Min15 => ib::BarSize::Min15,
        BarSize::Min20 => ib::BarSize::Min20,
        BarSize::Min30 => ib::BarSize::Min30,
        BarSize::Hour1 => ib::BarSize::Hour,
        BarSize::Hour2 => ib::BarSize::Hour2,
        BarSize::Hour3 => ib::BarSize::Hour3,
        BarSize::Hour4 => ib::BarSize::Hour4,
        BarSize::Hour8 => ib::BarSize::Hour8,
        BarSize::Day => ib::BarSize::Day,
        BarSize::Week => ib::BarSize::Week,
        BarSize::Month => ib::BarSize::Month,
    }
}

pub(crate) fn asked_what(what: WhatToShow) -> ib::WhatToShow {
    match what {
        WhatToShow::Trades => ib::WhatToShow::Trades,
        WhatToShow::Midpoint => ib::WhatToShow::MidPoint,
        WhatToShow::Bid => ib::WhatToShow::Bid,
        WhatToShow::Ask => ib::WhatToShow::Ask,
        WhatToShow::BidAsk => ib::WhatToShow::BidAsk,
        WhatToShow::AdjustedLast => ib::WhatToShow::AdjustedLast,
        WhatToShow::HistoricalVolatility => ib::WhatToShow::HistoricalVolatility,
        WhatToShow::OptionImpliedVolatility => ib::WhatToShow::OptionImpliedVolatility,
        WhatToShow::FeeRate => ib::WhatToShow::FeeRate,
        WhatToShow::AggTrades => ib::WhatToShow::AggTrades,
    }
}

pub(crate) fn asked_duration(span: Span) -> ib::Duration {
    let count = i32::try_from(span.count).unwrap_or(i32::MAX);
    match span.unit {
        SpanUnit::Second => ib::Duration::seconds(count),
        SpanUnit::Day => ib::Duration::days(count),
        SpanUnit::Week => ib::Duration::weeks(count),
        SpanUnit::Month => ib::Duration::months(count),
        SpanUnit::Year => ib::Duration::years(count),
    }
}

pub(crate) fn bars(answer: &ib::HistoricalData, what: WhatToShow) -> Bars {
    Bars {
        start: timestamp(answer.start),
        end: timestamp(answer.end),
        bars: answer.bars.iter().filter_map(|found| bar(found, what)).collect(),
    }
}

/// A bar without prices says nothing and is left out.
fn bar(found: &ib::Bar, what: WhatToShow) -> Option<Bar> {
    // IB writes -1 for what a data type does not have.
    let counted = |value: f64| Num::from_ib(value).filter(|value| what.has_volume() && *value >= Num::ZERO);
    Some(Bar {
        time: bar_time(found.date)?,
        open: Num::from_ib(found.open)?,
        high: Num::from_ib(found.high)?,
        low: Num::from_ib(found.low)?,
        close: Num::from_ib(found.close)?,
        volume: counted(found.volume),
        wap: counted(found.wap).filter(|wap| *wap > Num::ZERO),
        count: (what.has_volume() && found.count >= 0 && found.count != i32::MAX).then_some(found.count),
    })
}

fn bar_time(time: ib::BarTimestamp) -> Option<BarTime> {
    match time {
        ib::BarTimestamp::DateTime(at) => Some(BarTime::At(timestamp(at))),
        ib::BarTimestamp::Date(date) => {
            let (month, day) = (i8::try_from(u8::from(date.month())).ok()?, i8::try_from(date.day()).ok()?);
            Date::new(i16::try_from(date.year()).ok()?, month, day).ok().map(BarTime::Day)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(date: ib::BarTimestamp) -> ib::Bar {
        ib::Bar { date, open: 190.1, high: 191.0, low: 189.5, close: 190.25, volume: 1_234.0, wap: 190.2, count: 77 }
    }

    fn day() -> ib::BarTimestamp {
        "20261120".parse().expect("date")
    }

    #[test]
    fn names_are_ibs_own() {
        for (size, name, _) in BarSize::ALL {
            assert_eq!(asked_size(*size).to_string(), *name);
        }
        for (what, name) in WhatToShow::ALL {
            assert_eq!(asked_what(*what).to_string(), *name);
        }
        for text in ["1800 S", "5 D", "2 W", "1 M", "10 Y"] {
            let span: Span = text.parse().expect(text);
            assert_eq!(asked_duration(span).to_string(), text);
        }
    }

    #[test]
    fn daily_bars_carry_a_date_and_shorter_ones_a_moment_with_its_offset() {
        let new_york = TimeZone::get("America/New_York").expect("zone");
        let daily = bar(&found(day()), WhatToShow::Trades).expect("bar");
        assert_eq!(daily.time.text(&new_york), "2026-11-20");
        let moment: ib::BarTimestamp = "1795185000".parse().expect("seconds");
        let short = bar(&found(moment), WhatToShow::Trades).expect("bar");
        assert_eq!(short.time.text(&new_york), "2026-11-20T09:30:00-05:00");
    }

    #[test]
    fn prices_keep_their_digits() {
        let told = bar(&found(day()), WhatToShow::Trades).expect("bar").told(&TimeZone::UTC, false);
        assert_eq!((told.open.to_string().as_str(), told.volume), ("190.1", Some(Num::from(1_234))));
    }

    #[test]
    fn minus_one_and_types_without_volume_have_none() {
        let mut minus = found(day());
        (minus.volume, minus.wap, minus.count) = (-1.0, -1.0, -1);
        for what in [WhatToShow::Trades, WhatToShow::Midpoint] {
            let bar = bar(&minus, what).expect("bar");
            assert_eq!((bar.volume, bar.wap, bar.count), (None, None, None), "{what}");
        }
        let midpoint = bar(&found(day()), WhatToShow::Midpoint).expect("bar");
        assert_eq!((midpoint.volume, midpoint.count), (None, None));
    }

    #[test]
    fn a_bar_without_prices_is_left_out() {
        let mut unset = found(day());
        unset.close = f64::MAX;
        assert_eq!(bar(&unset, WhatToShow::Trades), None);
    }
}
