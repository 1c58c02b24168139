//! Answers to historical queries: checks them as IB does, plans the stretch of time, folds the bars and
//! shows them in the form that was asked for.
//!
//! Invariant: the bars of an answer end at the query's end or now, whichever is earlier, and the last
//! close equals the mark price of that second.

use jiff::ToSpan;
use jiff::civil::Date;

use super::World;
use super::bars::{Bar, BarSize, floor, monday};
use super::calendar::{Span, TradingDay, tomorrow, wall};
use super::instrument::{Instrument, decimal, on_grid, plain};
use super::moment::{Reach, end_of_query};
use crate::errors::ApiError;
use crate::proto::request::{HeadTimestampQuery, HistoryQuery};
use crate::proto::types::{BarRow, SessionRow};

/// More bars than this are refused: a month of minutes around the clock fits, a year does not.
const MAX_BARS: i64 = 50_000;

/// What the bars show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Trades,
    Midpoint,
    Bid,
    Ask,
    BidAsk,
    HistoricalVolatility,
    ImpliedVolatility,
    FeeRate,
    Schedule,
}

/// A checked query.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) size: BarSize,
    show: Show,
    days: Vec<(TradingDay, Vec<Span>)>,
    unix_dates: bool,
    start: i64,
    end: i64,
}

/// What a historical query yields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Bars { rows: Vec<BarRow>, start: String, end: String },
    Schedule { sessions: Vec<SessionRow>, start: String, end: String, zone: String },
}

impl Show {
    /// What is shown, if this kind of instrument has it.
    fn parse(text: &str, instrument: &Instrument, label: &str) -> Result<Self, ApiError> {
        let kind = instrument.contract.sec_type.as_str();
        let show = match text {
            "TRADES" if kind == "CRYPTO" => return Err(ApiError::fixed(10299)),
            "TRADES" | "ADJUSTED_LAST" | "AGGTRADES" => Self::Trades,
            "MIDPOINT" => Self::Midpoint,
            "BID" => Self::Bid,
            "ASK" => Self::Ask,
            "BID_ASK" => Self::BidAsk,
            "HISTORICAL_VOLATILITY" => Self::HistoricalVolatility,
            "OPTION_IMPLIED_VOLATILITY" => Self::ImpliedVolatility,
            "FEE_RATE" => Self::FeeRate,
            "SCHEDULE" => Self::Schedule,
            _ => return Err(ApiError::invalid(format_args!("Historical data type is invalid: '{text}'"))),
        };
        let has = match show {
            Self::Trades => kind != "CASH",
            Self::Midpoint | Self::Bid | Self::Ask | Self::BidAsk => kind != "IND",
            Self::HistoricalVolatility | Self::ImpliedVolatility => matches!(kind, "STK" | "IND"),
            Self::FeeRate => kind == "STK",
            Self::Schedule => true,
        };
        if has {
            Ok(show)
        } else {
            let contract = &instrument.contract;
            Err(ApiError::history(format_args!(
                "No historical market data for {}/{kind}@{} {} {label}",
                contract.symbol,
                instrument.home_exchange(),
                show.label(),
            )))
        }
    }

    /// As HMDS names it in its texts.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Trades => "Trades",
            Self::Midpoint => "Midpoint",
            Self::Bid => "Bid",
            Self::Ask => "Ask",
            Self::BidAsk => "BidAsk",
            Self::HistoricalVolatility => "HistoricalVolatility",
            Self::ImpliedVolatility => "ImpliedVolatility",
            Self::FeeRate => "FeeRate",
            Self::Schedule => "Schedule",
        }
    }
}

impl World {
    /// Checks a query and finds the stretch of trading it covers.
    pub(crate) fn plan(&self, query: &HistoryQuery, now: i64) -> Result<Plan<'_>, ApiError> {
        let size = BarSize::parse(&query.bar_size).ok_or_else(ApiError::bar_size)?;
        let reach = Reach::parse(&query.duration)?;
        let instrument = self.contracts.only(&query.contract, self.today(now))?;
        let show = Show::parse(&query.what_to_show, instrument, &query.bar_size)?;
        if query.keep_up_to_date && !query.end.trim().is_empty() {
            return Err(ApiError::invalid("End date not supported with keep up to date"));
        }
        if query.what_to_show == "ADJUSTED_LAST" && !query.end.trim().is_empty() {
            return Err(ApiError::invalid("End Date not supported with adjusted last"));
        }
        let asked = end_of_query(&query.end, now, instrument.hours.zone())?;
        // An option's last bar ends when it settles.
        let end = asked.min(now + 1).min(instrument.option.map_or(i64::MAX, |model| model.expires_at));
        let days = self.days(instrument, reach, size, end, query.use_rth);
        let span: i64 = days.iter().flat_map(|(_, spans)| spans).map(|span| span.end - span.start).sum();
        if let BarSize::Seconds(seconds) = size
            && show != Show::Schedule
            && span / seconds > MAX_BARS
        {
            return Err(ApiError::history_too_long());
        }
        if days.is_empty() {
            let exchange = if query.contract.exchange.is_empty() { instrument.home_exchange() } else { &query.contract.exchange };
            return Err(ApiError::history_empty(&instrument.contract.symbol, exchange, show.label()));
        }
        let start = days.first().and_then(|(_, spans)| spans.first()).map_or(end, |span| span.start);
        Ok(Plan { instrument, size, show, days, unix_dates: query.format_date == 2, start, end: asked })
    }

    fn days(&self, row: &Instrument, reach: Reach, size: BarSize, end: i64, regular: bool) -> Vec<(TradingDay, Vec<Span>)> {
        let hours = row.path_hours();
        let Some(mut day) = self.calendar.latest(hours, end - 1) else {
            return Vec::new();
        };
        let first = first_date(row, reach, size, day.date);
        let mut found: Vec<(TradingDay, Vec<Span>)> = Vec::new();
        let mut left = match reach {
            Reach::Seconds(number) | Reach::Days(number) => number,
            _ => i64::MAX,
        };
        // A weekly or monthly bar is whole: the fold of all its days, also of those out of reach.
        let mut whole_from = Date::MAX;
        while day.date >= first && (left > 0 || day.date >= whole_from) {
            // What trades less than its path moves has sessions of its own.
            let own = if row.hours == hours { Some(day.clone()) } else { self.calendar.day(row.hours, day.date) };
            let sessions = own.map_or_else(Vec::new, |own| clip(own.sessions(regular), end));
            let mut spans = row.events.open(sessions);
            if !spans.is_empty() {
                left = match reach {
                    Reach::Seconds(_) => trim_front(row, &mut spans, left, size),
                    _ => left - 1,
                };
                whole_from = size.whole_from(day.date).unwrap_or(Date::MAX);
                found.push((day.clone(), spans));
            }
            match self.calendar.previous(hours, day.date) {
                Some(before) => day = before,
                None => break,
            }
        }
        found.reverse();
        found
    }

    /// Folds and shows a planned query.
    pub(crate) fn answer(&self, plan: &Plan<'_>) -> Answer {
        let hours = plan.instrument.hours;
        let stamp = |instant: i64| format!("{} {}", wall(hours, instant, "%Y%m%d %H:%M:%S"), hours.zone_id());
        if plan.show == Show::Schedule {
            return schedule(plan);
        }
        let bars = self.fold(plan);
        let rows = bars.iter().map(|bar| self.row(plan, bar)).collect();
        Answer::Bars { rows, start: stamp(plan.start), end: stamp(plan.end) }
    }

    fn fold(&self, plan: &Plan<'_>) -> Vec<Bar> {
        let row = plan.instrument;
        match plan.show {
            // Volatility wanders by a few percent of itself a day; lending fees hardly move.
            Show::HistoricalVolatility => self.series(row, 0x48, row.volatility, 0.02, |it| it.bars(&plan.days, plan.size)),
            Show::ImpliedVolatility => self.along(row, row.implied, |it| it.bars(&plan.days, plan.size)),
            Show::FeeRate => self.series(row, 0x46, 0.28, 0.01, |it| it.bars(&plan.days, plan.size)),
            _ => self.source(row, |source| source.bars(&plan.days, plan.size)),
        }
    }

    fn row(&self, plan: &Plan<'_>, bar: &Bar) -> BarRow {
        let row = plan.instrument;
        let date = if !plan.size.is_intraday() {
            bar.date.strftime("%Y%m%d").to_string()
        } else {
            if plan.unix_dates {
                bar.start.to_string()
            } else {
                format!("{} {}", wall(row.hours, bar.start, "%Y%m%d %H:%M:%S"), row.hours.zone_id())
            }
        };
        let half = half_spread(row);
        let (trade, bid, ask) =
            (|price: f64| row.round(price), |price: f64| row.round((price - half).max(row.min_tick)), |price: f64| row.round(price + half));
        let (open, high, low, close) = match plan.show {
            Show::Bid => (bid(bar.open), bid(bar.high), bid(bar.low), bid(bar.close)),
            Show::Ask => (ask(bar.open), ask(bar.high), ask(bar.low), ask(bar.close)),
            // IB: open and close are the time averages of bid and ask, high the highest ask, low the lowest bid.
            Show::BidAsk => (bid(bar.average()), ask(bar.high), bid(bar.low), ask(bar.average())),
            Show::Midpoint => {
                let mid = |price: f64| on_grid(price, row.min_tick / 2.0);
                (mid(bar.open), mid(bar.high), mid(bar.low), mid(bar.close))
            }
            Show::HistoricalVolatility | Show::ImpliedVolatility | Show::FeeRate => {
                (decimal(bar.open, 6), decimal(bar.high, 6), decimal(bar.low, 6), decimal(bar.close, 6))
            }
            Show::Trades | Show::Schedule => (trade(bar.open), trade(bar.high), trade(bar.low), trade(bar.close)),
        };
        let traded = plan.show == Show::Trades;
        BarRow {
            date,
            open,
            high,
            low,
            close,
            volume: if traded { volume(row, bar.volume) } else { NOT_TRADED.into() },
            wap: if traded { plain(decimal(bar.average(), 3)) } else { NOT_TRADED.into() },
            count: if traded { i32::try_from(bar.trades).unwrap_or(i32::MAX) } else { -1 },
        }
    }

    /// The first moment of an instrument's history.
    pub(crate) fn head(&self, query: &HeadTimestampQuery, now: i64) -> Result<String, ApiError> {
        let row = self.contracts.only(&query.contract, self.today(now))?;
        Show::parse(&query.what_to_show, row, "")?;
        let mut on = row.first_day;
        let day = loop {
            match self.calendar.day(row.hours, on) {
                Some(day) => break day,
                None => on = tomorrow(on),
            }
        };
        let first = day.sessions(query.use_rth).first().map_or(day.start(), |span| span.start);
        Ok(if query.format_date == 2 { first.to_string() } else { super::moment::show(first, &jiff::tz::TimeZone::UTC, "%Y%m%d-%H:%M:%S") })
    }
}

/// The oldest date that may belong to the answer.
fn first_date(row: &Instrument, reach: Reach, size: BarSize, last: Date) -> Date {
    // Whole weeks and months count from the running one: one week of weekly bars is one bar.
    let after = match (size, reach) {
        (BarSize::Week, Reach::Weeks(_)) => monday(last).saturating_add(7.days()),
        (BarSize::Month, Reach::Months(_) | Reach::Years(_)) => last.first_of_month().saturating_add(1.month()),
        _ => tomorrow(last),
    };
    let from = reach.calendar().map_or(Date::MIN, |span| after.checked_sub(span).unwrap_or(Date::MIN));
    size.whole_from(from).unwrap_or(from).max(row.first_day)
}

/// What IB sends for volume and average where nothing is traded, as in quotes.
const NOT_TRADED: &str = "-1";

fn volume(row: &Instrument, units: u64) -> String {
    if row.volume_unit > 1.0 { plain(super::bars::weight(units) / row.volume_unit) } else { units.to_string() }
}

/// Half the distance of bid and ask: a tick, or half a basis point for what is priced finer.
fn half_spread(row: &Instrument) -> f64 {
    if row.option.is_some() { row.min_tick } else { (row.path.base * 0.000_05).max(row.min_tick) }
}

fn clip(spans: &[Span], end: i64) -> Vec<Span> {
    let before = spans.iter().filter(|span| span.start < end);
    before.map(|span| Span { start: span.start, end: span.end.min(end) }).collect()
}

/// Keeps the last `left` seconds of trading, widened to the start of a bar; says what is still missing.
fn trim_front(row: &Instrument, spans: &mut Vec<Span>, mut left: i64, size: BarSize) -> i64 {
    let mut kept = Vec::new();
    for span in spans.iter().rev() {
        if left <= 0 {
            break;
        }
        let mut start = (span.end - left).max(span.start);
        left -= span.end - start;
        if let BarSize::Seconds(seconds) = size {
            start = floor(row.path_hours(), start, seconds).max(span.start);
        }
        kept.push(Span { start, end: span.end });
    }
    kept.reverse();
    *spans = kept;
    left
}

fn schedule(plan: &Plan<'_>) -> Answer {
    let hours = plan.instrument.hours;
    let dashed = |instant: i64| wall(hours, instant, "%Y%m%d-%H:%M:%S");
    let sessions: Vec<SessionRow> = plan
        .days
        .iter()
        .flat_map(|(day, spans)| {
            let whole = day.full.iter().chain(&day.regular);
            let ends: Vec<i64> = whole.map(|span| span.end).collect();
            spans.iter().map(move |span| {
                // A schedule shows sessions whole, also the one that is still running.
                let end = ends.iter().copied().filter(|end| *end >= span.end).min().unwrap_or(span.end);
                SessionRow { start: dashed(span.start), end: dashed(end), reference: day.date.strftime("%Y%m%d").to_string() }
            })
        })
        .collect();
    let first = sessions.first().map_or_else(|| dashed(plan.start), |row| row.start.clone());
    let last = sessions.last().map_or_else(|| dashed(plan.end), |row| row.end.clone());
    Answer::Schedule { sessions, start: first, end: last, zone: hours.zone_id().to_owned() }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
