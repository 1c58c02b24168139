//! One trading class of options: its expirations, their strikes, and the contracts, built when asked for.
//!
//! Invariant: dates are known once a class is asked for, strikes once an expiration is, contracts once
//! they are named; what is built stays, so that references live as long as the world. What a class holds
//! does not depend on the clock: an expiration has its first and last day, and is told on those only.

use std::sync::OnceLock;

use jiff::ToSpan;
use jiff::civil::Date;

use super::ids::Block;
use super::ladder::Grid;
use super::model::OptionModel;
use super::schedule::{Expiration, Schedule};
use crate::world::calendar::{Hours, add, is_us_half_day, yesterday};
use crate::world::instrument::Instrument;
use crate::world::prices::Path;
use crate::world::surface::Surface;

/// How far back and ahead of the start expirations are known.
pub(crate) const DAYS_BACK: i64 = 45;
pub(crate) const YEARS_AHEAD: i64 = 7;
/// Distance of the days whose prices get strikes around them, for series listed for weeks and for years.
const SAMPLE_DAYS: [i64; 2] = [7, 30];
/// An option's volume as a part of its underlying's, at the money; an index counts as this many shares.
const VOLUME_SHARE: f64 = 1.0 / 20_000.0;
const INDEX_VOLUME: f64 = 4e7;
/// Contracts in an average trade.
const TRADE_SIZE: f64 = 6.0;

/// What all contracts of a class have in common.
#[derive(Debug)]
pub(crate) struct Class {
    /// A contract of the class without expiration, strike and right.
    pub(crate) pattern: Instrument,
    pub(crate) under_con_id: i32,
    pub(crate) schedule: Schedule,
    /// Which months of a quarter are listed ahead.
    pub(crate) cycle: u8,
    /// Settled at the opening.
    pub(crate) morning: bool,
    pub(crate) american: bool,
    pub(crate) ratio: f64,
    pub(crate) surface: Surface,
    pub(crate) grid: Grid,
    pub(crate) block: Block,
    /// The first and last known expiration.
    pub(crate) known: (Date, Date),
    /// Contracts to which the scenario gives an id of its own.
    pub(crate) pinned: Vec<Pinned>,
    pub(crate) series: OnceLock<Vec<Series>>,
}

/// A contract whose id the scenario chose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pinned {
    pub(crate) con_id: i32,
    pub(crate) on: Date,
    pub(crate) strike: u32,
    pub(crate) call: bool,
}

/// One expiration of a class.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) expiration: Expiration,
    strikes: OnceLock<Vec<u32>>,
    rows: OnceLock<Vec<Instrument>>,
}

impl Series {
    pub(crate) fn is_listed(&self, today: Date) -> bool {
        self.expiration.listed <= today && today <= self.expiration.last_trade
    }

    pub(crate) fn is_over(&self, today: Date) -> bool {
        self.expiration.last_trade < today
    }
}

impl Class {
    pub(crate) fn name(&self) -> &str {
        &self.pattern.contract.trading_class
    }

    pub(crate) fn series(&self) -> &[Series] {
        self.series.get_or_init(|| {
            let all = self.schedule.expirations(self.known.0, self.known.1, self.cycle, self.morning);
            all.into_iter().map(|expiration| Series { expiration, strikes: OnceLock::new(), rows: OnceLock::new() }).collect()
        })
    }

    /// The series that expires on a day, by the number its block gives it.
    pub(crate) fn series_of(&self, number: i64) -> Option<&Series> {
        let all = self.series();
        all.binary_search_by_key(&number, |series| self.block.number(series.expiration.on)).ok().map(|index| &all[index])
    }

    /// The strikes of a series as multiples of the unit, rising.
    pub(crate) fn strikes<'a>(&self, series: &'a Series) -> &'a [u32] {
        series.strikes.get_or_init(|| {
            let own = &series.expiration;
            let mut codes = self.grid.strikes(own.days_listed(), &self.prices(own));
            codes.extend(self.pinned.iter().filter(|pin| pin.on == own.on).map(|pin| pin.strike));
            codes.sort_unstable();
            codes.dedup();
            codes
        })
    }

    /// The underlying's closes in a series' time, a week or a month apart.
    fn prices(&self, own: &Expiration) -> Vec<f64> {
        let apart = if own.days_listed() > 60 { SAMPLE_DAYS[1] } else { SAMPLE_DAYS[0] };
        let days = std::iter::successors(Some(yesterday(own.listed)), |on| Some(add(*on, apart.days())).filter(|next| next < &own.on));
        days.chain([own.on]).map(|on| self.pattern.level(on) * self.ratio).collect()
    }

    pub(crate) fn rows<'a>(&self, series: &'a Series) -> &'a [Instrument] {
        series.rows.get_or_init(|| {
            let strikes = self.strikes(series).iter();
            strikes.flat_map(|strike| [self.row(series.expiration, *strike, true), self.row(series.expiration, *strike, false)]).collect()
        })
    }

    pub(crate) fn get<'a>(&self, series: &'a Series, strike: u32, call: bool) -> Option<&'a Instrument> {
        let index = self.strikes(series).binary_search(&strike).ok()?;
        self.rows(series).get(index * 2 + usize::from(!call))
    }

    fn row(&self, own: Expiration, code: u32, call: bool) -> Instrument {
        let pattern = &self.pattern;
        let strike = self.grid.strike(code);
        let right = if call { "C" } else { "P" };
        let pinned = self.pinned.iter().find(|pin| (pin.on, pin.strike, pin.call) == (own.on, code, call));
        let mut row = pattern.clone();
        row.contract.con_id = pinned.map_or_else(|| self.block.id(own.on, code, call), |pin| pin.con_id);
        row.contract.expiry = own.last_trade.strftime("%Y%m%d").to_string();
        row.contract.strike = Some(strike);
        right.clone_into(&mut row.contract.right);
        // The exchange's 21 characters: class padded to 6, date, right, strike in thousandths.
        row.contract.local_symbol = format!("{:<6}{}{right}{:08.0}", self.name(), own.on.strftime("%y%m%d"), strike * 1000.0);
        row.option = Some(OptionModel {
            strike,
            call,
            expires_at: self.settled_at(own.on),
            american: self.american,
            ratio: self.ratio,
            surface: self.surface,
            least: pattern.min_tick,
        });
        row.expiry = Some(own.last_trade);
        row.settles = Some(own.on);
        row.first_day = own.listed;
        row.path = self.path(strike);
        row
    }

    /// The underlying's path, with the volume of one of its options: most at the money.
    fn path(&self, strike: f64) -> Path {
        let under = self.pattern.path;
        let shares = if under.volume > 0.0 { under.volume } else { INDEX_VOLUME };
        let away = (strike / (under.base * self.ratio)).ln() / 0.12;
        let volume = shares * VOLUME_SHARE * (0.01 + (-away * away / 2.0).exp());
        Path { volume, trade_size: TRADE_SIZE, ..under }
    }

    fn settled_at(&self, on: Date) -> i64 {
        let (hour, minute) = match (self.morning, is_us_half_day(on)) {
            (true, _) => (9, 30),
            (false, true) => (13, 0),
            (false, false) => (16, 0),
        };
        Hours::UsOption.instant((on, hour, minute))
    }
}
