//! The values of generic ticks and of exchange letters.
//!
//! Invariant: each value follows from the world alone, so two clients see the same; those that IB defines
//! by other data (volumes, ranges, counts) are computed from that data. Kinds that have nothing to say at
//! the moment (auctions, offerings, funds' values of other types) stay silent, as at IB.

use std::sync::Arc;

use super::generic::NEWS;
use super::kinds::{ASK_EXCHANGE, BID_EXCHANGE, LAST_EXCHANGE};
use super::line::{Line, Shown, Tick};
use super::{Live, news};
use crate::feed::View;
use crate::proto::event::Event;
use crate::proto::request::HistoryQuery;
use crate::world::World;
use crate::world::bars::weight;
use crate::world::history::Answer;
use crate::world::instrument::{Instrument, decimal, plain};
use crate::world::prices::MINUTE;

/// Exchanges that take turns at the best price, by the letters of their tapes.
const AT_THE_BEST: [&str; 6] = ["Q", "PQ", "KQZ", "NPQZ", "KPZ", "PQU"];
const DAYS_13_WEEKS: usize = 63;
const DAYS_26_WEEKS: usize = 126;
/// Days that the average volume is taken over.
const VOLUME_DAYS: usize = 90;
/// Seconds since midnight to milliseconds and back.
const SECOND_MS: i64 = 1000;

fn number(kind: i32, value: f64) -> Tick {
    Tick::Number { kind, value }
}

fn size(kind: i32, size: f64) -> Tick {
    Tick::Size { kind, size: size.max(0.0).floor() }
}

fn price(row: &Instrument, kind: i32, price: f64) -> Tick {
    // Captured: a price that nobody quotes travels with the size zero.
    Tick::Price { kind, price: row.round(price), size: None, attributes: 0 }
}

/// Which exchanges are at the best bid and ask and made the last trade; US stocks only.
pub(super) fn exchanges(world: &World, row: &Instrument, view: &View, shown: Shown) -> Vec<Tick> {
    if shown.delayed || !row.is("STK") || super::super::depth::venues::bbo_exchange(row).is_empty() {
        return Vec::new();
    }
    let pick = |salt: u64| {
        let index = world.chance(row, view.second.div_euclid(MINUTE), salt) * weight(AT_THE_BEST.len() as u64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the length of the table")]
        AT_THE_BEST[index as usize]
    };
    let text = |kind, value: &str| Tick::Text { kind, value: value.to_owned() };
    vec![text(BID_EXCHANGE, pick(21)), text(ASK_EXCHANGE, pick(22)), text(LAST_EXCHANGE, &pick(23)[..1])]
}

impl Live {
    /// The generic ticks of a line, each as often as it can change.
    pub(super) fn push_generics(&mut self, line: &mut Line, row: &Instrument, view: &Arc<View>, out: &mut Vec<Event>) {
        let world = &self.gateway.world;
        let last = line.refreshed.replace(view.second);
        let ids = line.generics.ids().to_vec();
        let new_second = last != Some(view.second);
        let new_minute = last.is_none_or(|last| last.div_euclid(MINUTE) != view.second.div_euclid(MINUTE));
        for id in ids {
            line.send(&at_once(row, view, id), out);
            if new_second {
                line.send(&each_second(world, row, view, id), out);
            }
            if new_minute {
                line.send(&each_minute(world, row, view, id), out);
            }
            if new_second && id == NEWS {
                let providers = line.generics.news.clone().unwrap_or_default();
                out.extend(news::headlines(world, row, line.req_id, &providers, last, view.second));
            }
        }
    }
}

/// What changes with every trade.
fn at_once(row: &Instrument, view: &View, id: i32) -> Vec<Tick> {
    let kind = match id {
        233 => 48,
        375 => 77,
        _ => return Vec::new(),
    };
    let units = |volume: f64| plain(decimal(volume / row.volume_unit, 8));
    let vwap = if view.day.volume > 0 { view.day.turnover / weight(view.day.volume) } else { view.last };
    // price;size;time in ms;total volume;VWAP;whether one trade made it
    let value = format!(
        "{};{};{};{};{};true",
        plain(view.last),
        plain(view.quote.last_size),
        view.traded_at * SECOND_MS,
        units(weight(view.day.volume)),
        plain(decimal(vwap, 8))
    );
    vec![Tick::Text { kind, value }]
}

fn each_second(world: &World, row: &Instrument, view: &View, id: i32) -> Vec<Tick> {
    let sigma = row.volatility;
    match id {
        100 if row.option.is_none() => {
            let (calls, puts) = option_volumes(row, view);
            vec![size(29, calls), size(30, puts)]
        }
        104 => vec![number(23, sigma)],
        106 if row.option.is_none() => {
            // As the bars of OPTION_IMPLIED_VOLATILITY show it.
            let value = world.series(row, 0x49, sigma * 1.05, 0.04, |source| source.price_at(view.second));
            value.map(|value| number(24, value)).into_iter().collect()
        }
        232 | 221 => vec![Tick::Price { kind: 37, price: decimal(view.mark, 8), size: None, attributes: 0 }],
        293 => vec![number(54, weight(view.day.trades))],
        294 => vec![number(55, weight(view.day.trades) / minutes_of_day(view))],
        295 => vec![number(56, weight(view.day.volume) / minutes_of_day(view))],
        318 => vec![price(row, 57, view.last)],
        411 => vec![number(58, decimal(sigma * (0.9 + 0.2 * world.chance(row, view.second.div_euclid(MINUTE), 58)), 6))],
        619 => vec![price(row, 79, view.mark)],
        _ => Vec::new(),
    }
}

/// Minutes that a day of average length has; rates are told per minute.
fn minutes_of_day(view: &View) -> f64 {
    let seconds = u32::try_from(view.second.rem_euclid(86_400)).unwrap_or(0);
    (f64::from(seconds) / 60.0).max(1.0)
}

/// Options trade about a hundredth of their stock's volume, calls more than puts.
fn option_volumes(row: &Instrument, view: &View) -> (f64, f64) {
    let traded = if row.is("IND") { 40_000.0 } else { weight(view.day.volume) / 100.0 };
    (traded * 0.58, traded * 0.42)
}

fn each_minute(world: &World, row: &Instrument, view: &View, id: i32) -> Vec<Tick> {
    let stock = row.is("STK");
    match id {
        101 => open_interest(world, row),
        105 if stock => vec![size(87, row.path.volume / 100.0)],
        165 if stock => ranges(world, row, view.second),
        236 if stock => vec![number(46, 3.0), size(89, (row.path.volume * (0.2 + world.chance(row, 0, 89))).max(1_000.0))],
        258 if stock => vec![Tick::Text { kind: 47, value: ratios(world, row, view) }],
        456 if stock => vec![Tick::Text { kind: 59, value: dividends(world, row, view) }],
        588 if row.is("FUT") => vec![size(86, row.path.volume * 1.4)],
        595 => recent_volumes(world, row, view.second),
        577 | 623 if row.stock_type == "ETF" => vec![price(row, if id == 577 { 96 } else { 97 }, view.mark)],
        614 if row.stock_type == "ETF" => {
            let ends = [(98, view.day.high), (99, view.day.low)];
            ends.into_iter().filter_map(|(kind, value)| value.map(|value| price(row, kind, value))).collect()
        }
        _ => Vec::new(),
    }
}

/// Of an option its own on its side, of an underlying the sums.
fn open_interest(world: &World, row: &Instrument) -> Vec<Tick> {
    match &row.option {
        Some(model) => {
            let own = 20.0 + 4_000.0 * world.chance(row, 0, 27).powi(3);
            if model.call { vec![size(27, own), size(28, 0.0)] } else { vec![size(27, 0.0), size(28, own)] }
        }
        None if row.is("STK") || row.is("IND") => {
            let all = (row.path.volume / 12.0).max(50_000.0) * (0.5 + world.chance(row, 0, 27));
            vec![size(27, all * 0.55), size(28, all * 0.45)]
        }
        None => Vec::new(),
    }
}

fn daily(world: &World, row: &Instrument, now: i64, reach: &str, bar_size: &str) -> Vec<crate::proto::types::BarRow> {
    let query = HistoryQuery {
        req_id: 0,
        contract: crate::proto::types::Contract { con_id: row.contract.con_id, ..Default::default() },
        end: String::new(),
        bar_size: bar_size.to_owned(),
        duration: reach.to_owned(),
        use_rth: bar_size == "1 day",
        what_to_show: if row.is("CRYPTO") { "AGGTRADES" } else { "TRADES" }.to_owned(),
        format_date: 2,
        keep_up_to_date: false,
    };
    match world.plan(&query, now).map(|plan| world.answer(&plan)) {
        Ok(Answer::Bars { rows, .. }) => rows,
        _ => Vec::new(),
    }
}

/// Lows and highs of 13, 26 and 52 weeks and the average volume, from the bars that history shows.
fn ranges(world: &World, row: &Instrument, now: i64) -> Vec<Tick> {
    let days = daily(world, row, now, "1 Y", "1 day");
    let mut ticks = Vec::new();
    for (low, high, count) in [(15, 16, DAYS_13_WEEKS), (17, 18, DAYS_26_WEEKS), (19, 20, usize::MAX)] {
        let of = days.iter().rev().take(count);
        ticks.extend(of.clone().map(|bar| bar.low).reduce(f64::min).map(|value| price(row, low, value)));
        ticks.extend(of.map(|bar| bar.high).reduce(f64::max).map(|value| price(row, high, value)));
    }
    let volumes: Vec<f64> = days.iter().rev().take(VOLUME_DAYS).filter_map(|bar| bar.volume.parse().ok()).collect();
    let average = volumes.iter().sum::<f64>() / f64::from(u32::try_from(volumes.len()).unwrap_or(1).max(1));
    ticks.push(size(21, average));
    ticks
}

fn recent_volumes(world: &World, row: &Instrument, now: i64) -> Vec<Tick> {
    let minutes = daily(world, row, now, "600 S", "1 min");
    let sum = |count: usize| minutes.iter().rev().take(count).filter_map(|bar| bar.volume.parse::<f64>().ok()).sum();
    [(63, 3), (64, 5), (65, 10)].map(|(kind, count)| size(kind, sum(count))).to_vec()
}

/// A few of the ratios of IB's list, under its names.
fn ratios(world: &World, row: &Instrument, view: &View) -> String {
    let earnings = 12.0 + 30.0 * world.chance(row, 0, 47);
    let shares = row.path.volume * 250.0 / 1e6;
    format!(
        "NPRICE={};PEEXCLXOR={};MKTCAP={};TTMEPSXCLX={};BETA={}",
        plain(view.last),
        plain(decimal(earnings, 5)),
        plain(decimal(shares * view.last, 5)),
        plain(decimal(view.close / earnings, 5)),
        plain(decimal(0.6 + world.chance(row, 0, 48), 5))
    )
}

/// Sums of the past and of the next twelve months, the next date and amount; `,,,` pays nothing.
fn dividends(world: &World, row: &Instrument, view: &View) -> String {
    if world.chance(row, 0, 59) < 0.35 {
        return ",,,".to_owned();
    }
    let quarterly = decimal(view.close * (0.001 + 0.008 * world.chance(row, 0, 60)), 2).max(0.01);
    let next = view.second.div_euclid(91 * 86_400) * 91 * 86_400 + 91 * 86_400;
    let on = crate::world::moment::show(next, &jiff::tz::TimeZone::UTC, "%Y%m%d");
    let year = decimal(quarterly * 4.0, 2);
    format!("{},{},{on},{}", plain(decimal(year * 0.96, 2)), plain(year), plain(quarterly))
}
