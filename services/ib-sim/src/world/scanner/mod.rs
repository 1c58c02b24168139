//! Market scans: the contracts of the simulated market, filtered and ranked by what they do today.
//!
//! Invariant: a scan is a pure function of world, subscription and instant; ranks count from zero without
//! gaps, at most [`MAX_ROWS`] of them, and equal values rank by contract id.

mod filter;
mod parameters;
mod tables;

use super::World;
use super::bars::weight;
use super::instrument::Instrument;
use super::prices::{MINUTE, Node, QUARTER};
use crate::errors::ApiError;
use crate::proto::types::ScannerRow;
use crate::wire::pb::scanner::ScannerSubscription;
use filter::Bounds;
pub(crate) use parameters::document;
use tables::{KINDS, Measure, PLACES, Place, SCANS, Scan};

/// IB returns no more rows, whatever is asked for.
pub(crate) const MAX_ROWS: usize = 50;
/// Days of trading in which all shares of a company change hands; the quotes' ratios say the same.
const TURNOVER_DAYS: f64 = 250.0;
/// Options trade about a hundredth of their stock's volume.
const OPTION_SHARE: f64 = 0.01;

/// One candidate with its day so far.
#[derive(Debug)]
struct Row<'a> {
    instrument: &'a Instrument,
    last: f64,
    close: f64,
    open: f64,
    volume: f64,
    trades: f64,
    market_cap: f64,
    halted: bool,
}

impl Row<'_> {
    fn change(&self) -> f64 {
        self.last / self.close - 1.0
    }

    fn gap(&self) -> f64 {
        self.open / self.close - 1.0
    }

    fn option_volume(&self) -> f64 {
        self.volume * OPTION_SHARE
    }

    fn measure(&self, by: Measure) -> f64 {
        match by {
            Measure::Change => self.change(),
            Measure::Move => self.change().abs(),
            Measure::Gap => self.gap(),
            Measure::SinceOpen => self.last / self.open - 1.0,
            Measure::Volume => self.volume,
            Measure::Turnover => self.volume * self.last,
            Measure::Heat => self.volume / self.instrument.path.volume.max(1.0),
            Measure::Trades => self.trades,
            Measure::ImpliedVolatility => self.instrument.volatility,
            Measure::OptionVolume => self.option_volume(),
            Measure::Halted => 0.0,
        }
    }
}

/// A checked subscription.
#[derive(Debug)]
pub(crate) struct Search {
    scan: &'static Scan,
    place: &'static Place,
    sec_type: &'static str,
    bounds: Bounds,
    rows: usize,
}

impl Search {
    pub(crate) fn read(asked: &ScannerSubscription) -> Result<Self, ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let instrument = given(&asked.instrument).ok_or_else(|| ApiError::invalid("Please enter instrument"))?;
        let location = given(&asked.location_code).ok_or_else(|| ApiError::invalid("Please enter location code"))?;
        let code = given(&asked.scan_code).ok_or_else(|| ApiError::invalid("Please enter scan code"))?;
        let kind = KINDS.iter().find(|kind| kind.code == instrument).ok_or_else(|| ApiError::scan_place(&instrument))?;
        let place =
            PLACES.iter().find(|place| place.code == location && place.kind == kind.code).ok_or_else(|| ApiError::scan_place(&location))?;
        let scan =
            SCANS.iter().find(|scan| scan.code == code && scan.kinds.contains(&kind.code)).ok_or_else(|| ApiError::scan_disabled(&code))?;
        // Clients say "as many as there are" in several ways, -1 among them.
        let rows = asked.number_of_rows.and_then(|rows| usize::try_from(rows).ok()).filter(|rows| *rows > 0).unwrap_or(MAX_ROWS);
        Ok(Self { scan, place, sec_type: kind.sec_type, bounds: Bounds::read(asked)?, rows: rows.min(MAX_ROWS) })
    }

    fn covers(&self, row: &Instrument) -> bool {
        let listed = if row.is("STK") { row.contract.primary_exchange.as_str() } else { row.home_exchange() };
        let dollars = row.contract.currency == "USD";
        row.is(self.sec_type) && dollars && (self.place.exchanges.is_empty() || self.place.exchanges.contains(&listed))
    }
}

impl World {
    /// What a search finds now, best first.
    pub(crate) fn scan(&self, search: &Search, now: i64) -> Vec<ScannerRow> {
        let today = self.today(now);
        let candidates = self.contracts.iter().filter(|row| search.covers(row) && row.expiry.is_none_or(|last| last >= today));
        let mut found: Vec<(f64, Row<'_>)> = candidates
            .filter_map(|instrument| self.candidate(instrument, now))
            .filter(|row| (search.scan.measure != Measure::Halted || row.halted) && search.bounds.keep(row))
            .map(|row| (row.measure(search.scan.measure), row))
            .collect();
        found.sort_by(|(a, left), (b, right)| {
            let order = if search.scan.highest_first { b.total_cmp(a) } else { a.total_cmp(b) };
            order.then(left.instrument.contract.con_id.cmp(&right.instrument.contract.con_id))
        });
        found.truncate(search.rows);
        (0..).zip(found).map(|(rank, (_, row))| told(rank, row.instrument)).collect()
    }

    fn candidate<'a>(&self, instrument: &'a Instrument, now: i64) -> Option<Row<'a>> {
        let day = self.day_so_far(instrument, now)?;
        let last = self.mark(instrument, now);
        let shares = instrument.path.volume * TURNOVER_DAYS;
        Some(Row {
            instrument,
            last,
            close: self.previous_close(instrument, now),
            open: instrument.round(day.open),
            volume: weight(day.volume) / instrument.volume_unit,
            trades: weight(day.trades),
            market_cap: shares * last,
            halted: self.halted(instrument, now),
        })
    }

    /// The latest trading day up to now, folded from quarters, then minutes, then seconds.
    fn day_so_far(&self, instrument: &Instrument, now: i64) -> Option<Node> {
        self.source(instrument, |source| {
            let day = source.calendar.latest(source.hours, now)?;
            let root = source.path.day(source.calendar, source.hours, &day);
            let mut sum: Option<Node> = None;
            let mut add = |node: Node| {
                sum = Some(sum.map_or(node, |sum| Node {
                    open: sum.open,
                    high: sum.high.max(node.high),
                    low: sum.low.min(node.low),
                    close: node.close,
                    volume: sum.volume + node.volume,
                    trades: sum.trades + node.trades,
                }));
            };
            for (quarter, node) in source.path.quarters(&root, &day).into_iter().filter(|(start, _)| *start <= now) {
                let node = node.times(source.events.factor(quarter));
                if source.events.halt(quarter).is_some() {
                    continue;
                }
                if now >= quarter + QUARTER {
                    add(node);
                    continue;
                }
                for (minute, node) in source.path.minutes(&node, quarter).into_iter().filter(|(start, _)| *start <= now) {
                    if now >= minute + MINUTE {
                        add(node);
                    } else {
                        source.path.seconds(&node, minute).into_iter().filter(|(second, _)| *second <= now).for_each(|(_, node)| add(node));
                    }
                }
            }
            sum
        })
    }
}

/// As captured: routed to SMART with the primary exchange, and nothing but rank, contract and market.
fn told(rank: i32, instrument: &Instrument) -> ScannerRow {
    let mut contract = instrument.routed("");
    contract.description.clear();
    ScannerRow {
        rank,
        market_name: instrument.market_name.clone(),
        contract,
        distance: String::new(),
        benchmark: String::new(),
        projection: String::new(),
        combo_key: String::new(),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
