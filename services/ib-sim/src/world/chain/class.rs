//! One trading class of options: its expirations, their strikes, and the contracts, built when asked for.
//!
//! Invariant: dates are known once a class is asked for, strikes once an expiration is, contracts once
//! they are named; what is built stays, so that references live as long as the world. What a class holds
//! does not depend on the clock: an expiration has its first and last day, and is told on those only.

use std::sync::OnceLock;

use jiff::ToSpan;
use jiff::civil::Date;

use super::ids::Block;
use super::ladder::{Grid, Rung};
use super::model::OptionModel;
use super::schedule::{Expiration, Schedule};
use crate::world::calendar::{Hours, add, is_us_half_day, yesterday};
use crate::world::instrument::{Instrument, month_letter, plain};
use crate::world::prices::Path;
use crate::world::surface::Surface;

/// How far back and ahead of the start expirations are known.
pub(crate) const DAYS_BACK: i64 = 45;
pub(crate) const YEARS_AHEAD: i64 = 7;
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
    /// Listed from this day on, even if its class would list it later.
    pub(crate) since: Date,
    pub(crate) strike: u32,
    pub(crate) call: bool,
}

/// One expiration of a class.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) expiration: Expiration,
    strikes: OnceLock<Vec<Strike>>,
}

/// One strike of a series, with its call and its put once somebody has asked for them.
#[derive(Debug)]
pub(crate) struct Strike {
    pub(crate) rung: Rung,
    pair: OnceLock<Box<[Instrument; 2]>>,
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
            // Options on futures still trade on the morning on which they settle.
            let day_before = self.morning && !self.is_on_future();
            let all = self.schedule.expirations(self.known.0, self.known.1, self.cycle, day_before);
            let listed = |own: &Expiration| {
                let pins = self.pinned.iter().filter(|pin| pin.on == own.on);
                pins.map(|pin| pin.since).fold(own.listed, Date::min)
            };
            let early = all.into_iter().map(|own| Expiration { listed: listed(&own), ..own });
            early.map(|expiration| Series { expiration, strikes: OnceLock::new() }).collect()
        })
    }

    /// The series that expires on a day, by the number its block gives it.
    pub(crate) fn series_of(&self, number: i64) -> Option<&Series> {
        let all = self.series();
        all.binary_search_by_key(&number, |series| self.block.number(series.expiration.on)).ok().map(|index| &all[index])
    }

    /// The strikes that a series ever has, rising.
    pub(crate) fn strikes<'a>(&self, series: &'a Series) -> &'a [Strike] {
        series.strikes.get_or_init(|| {
            let own = &series.expiration;
            let mut rungs = self.grid.rungs(self.life(own));
            let pinned = self.pinned.iter().filter(|pin| pin.on == own.on);
            rungs.extend(pinned.map(|pin| Rung { code: pin.strike, since: own.listed }));
            rungs.sort_unstable();
            rungs.dedup_by_key(|rung| rung.code);
            rungs.into_iter().map(|rung| Strike { rung, pair: OnceLock::new() }).collect()
        })
    }

    /// The strikes listed on a day: all of them, or the one that is named by its multiple of the unit.
    pub(crate) fn listed<'a>(&self, series: &'a Series, code: Option<u32>, today: Date) -> impl Iterator<Item = &'a Strike> + use<'a> {
        let all = self.strikes(series);
        let found = match code {
            None => all,
            Some(code) => self.place(series, code).map_or(&[][..], |index| &all[index..=index]),
        };
        found.iter().filter(move |strike| strike.rung.since <= today)
    }

    fn place(&self, series: &Series, code: u32) -> Option<usize> {
        self.strikes(series).binary_search_by_key(&code, |strike| strike.rung.code).ok()
    }

    /// The call and the put of a strike.
    pub(crate) fn pair<'a>(&self, series: &Series, strike: &'a Strike) -> &'a [Instrument; 2] {
        strike.pair.get_or_init(|| Box::new([true, false].map(|call| self.row(series.expiration, strike.rung, call))))
    }

    pub(crate) fn get<'a>(&self, series: &'a Series, code: u32, call: bool) -> Option<&'a Instrument> {
        let strike = &self.strikes(series)[self.place(series, code)?];
        self.pair(series, strike).get(usize::from(!call))
    }

    /// The days of a series, each with the days left and the price at which the one before closed.
    fn life(&self, own: &Expiration) -> impl Iterator<Item = (Date, i64, f64)> {
        let length = own.days_listed();
        (0..=length).map(move |passed| {
            let on = add(own.listed, passed.days());
            (on, length - passed, self.pattern.level(yesterday(on)) * self.ratio)
        })
    }

    fn row(&self, own: Expiration, Rung { code, since }: Rung, call: bool) -> Instrument {
        let pattern = &self.pattern;
        let strike = self.grid.strike(code);
        let right = if call { "C" } else { "P" };
        let pinned = self.pinned.iter().find(|pin| (pin.on, pin.strike, pin.call) == (own.on, code, call));
        let mut row = pattern.clone();
        row.contract.con_id = pinned.map_or_else(|| self.block.id(own.on, code, call), |pin| pin.con_id);
        row.contract.expiry = own.last_trade.strftime("%Y%m%d").to_string();
        row.contract.strike = Some(strike);
        right.clone_into(&mut row.contract.right);
        row.contract.local_symbol = self.symbol(own.on, strike, right);
        row.option = Some(OptionModel {
            strike,
            call,
            expires_at: self.settled_at(own.on),
            american: self.american,
            on_future: self.is_on_future(),
            ratio: self.ratio,
            surface: self.surface,
            least: pattern.min_tick,
        });
        row.expiry = Some(own.last_trade);
        row.settles = Some(own.on);
        row.first_day = since;
        row.path = self.path(strike);
        row
    }

    pub(crate) fn is_on_future(&self) -> bool {
        self.pattern.is("FOP")
    }

    fn symbol(&self, on: Date, strike: f64, right: &str) -> String {
        if self.is_on_future() {
            return format!("{}{}{} {right}{}", self.name(), month_letter(on), on.year() % 10, plain(strike));
        }
        // The exchanges' 21 characters: class padded to 6, date, right, strike in thousandths.
        format!("{:<6}{}{right}{:08.0}", self.name(), on.strftime("%y%m%d"), strike * 1000.0)
    }

    /// Whether a local symbol can be one of this class.
    pub(crate) fn may_be(&self, local_symbol: &str) -> bool {
        let root = if self.is_on_future() { local_symbol.get(..self.name().len()) } else { local_symbol.get(..6).map(str::trim_end) };
        local_symbol.is_empty() || root == Some(self.name())
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
