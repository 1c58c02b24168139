//! Option chains of every optionable underlying: found by id, by whatever a client names, and listed by
//! class for those who ask what there is.
//!
//! Invariant: the classes are fixed at the start and cost a few hundred bytes each; their expirations,
//! strikes and contracts are built when somebody asks for them.

pub(crate) mod build;
pub(crate) mod class;
pub(crate) mod greeks;
pub(crate) mod ids;
pub(crate) mod ladder;
pub(crate) mod model;
pub(crate) mod schedule;
pub(crate) mod secdef;

use std::collections::HashMap;

use jiff::civil::Date;

use super::contracts::{exchange_fits, fits, type_fits};
use super::instrument::Instrument;
use crate::proto::types::Contract;
use class::{Class, Series};

/// All option chains of a world.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    /// In the order of their ids.
    classes: Vec<Class>,
    /// Where the contracts are to which the scenario gave ids.
    pinned: HashMap<i32, (usize, class::Pinned)>,
}

impl Chains {
    pub(crate) fn new(mut classes: Vec<Class>) -> Self {
        classes.sort_by_key(|class| class.block.first);
        let pins = classes.iter().enumerate().flat_map(|(index, class)| class.pinned.iter().map(move |pin| (pin.con_id, (index, *pin))));
        Self { pinned: pins.collect(), classes }
    }

    pub(crate) fn get(&self, con_id: i32) -> Option<&Instrument> {
        if let Some((index, pin)) = self.pinned.get(&con_id) {
            let class = &self.classes[*index];
            return class.get(class.series_of(class.block.number(pin.on))?, pin.strike, pin.call);
        }
        if con_id < ids::FIRST {
            return None;
        }
        let after = self.classes.partition_point(|class| class.block.first <= con_id);
        let class = &self.classes[after.checked_sub(1)?];
        let code = class.block.code(con_id)?;
        let series = class.series_of(class.block.number_at(code.slot, class.known.0))?;
        // A contract with an id of its own does not answer to the computed one.
        class.get(series, code.strike, code.call).filter(|row| row.contract.con_id == con_id)
    }

    pub(crate) fn of(&self, under_con_id: i32) -> impl Iterator<Item = &Class> {
        self.classes.iter().filter(move |class| class.under_con_id == under_con_id)
    }

    /// Everything that fits, by class, expiration and strike.
    pub(crate) fn find(&self, query: &Contract, today: Date) -> Vec<&Instrument> {
        let classes = self.classes.iter().filter(|class| class_fits(class, query));
        let series = classes.flat_map(|class| class.series().iter().map(move |series| (class, series)));
        let series = series.filter(|(class, series)| series_fits(class, series, query, today));
        series.flat_map(|(class, series)| candidates(class, series, query, today)).filter(|row| fits(row, query, today)).collect()
    }
}

fn class_fits(class: &Class, query: &Contract) -> bool {
    let own = &class.pattern.contract;
    let same = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
    type_fits(&class.pattern, query)
        && !query.sec_type.is_empty()
        && exchange_fits(&class.pattern, &query.exchange)
        && same(&query.symbol, &own.symbol)
        && same(&query.trading_class, &own.trading_class)
        && class.may_be(&query.local_symbol)
}

fn series_fits(class: &Class, series: &Series, query: &Contract, today: Date) -> bool {
    let own = &series.expiration;
    let told = series.is_listed(today) || (query.include_expired && series.is_over(today));
    let dated = |date: Date, text: &str, format: &str| date.strftime(format).to_string().starts_with(text);
    let by_symbol = class.is_on_future() || query.local_symbol.get(6..12).is_none_or(|date| dated(own.on, date, "%y%m%d"));
    told && by_symbol && (query.expiry.is_empty() || dated(own.last_trade, &query.expiry, "%Y%m%d"))
}

/// The contracts of a series at the strike that was named, or all of them. Only what may fit is built.
fn candidates<'a>(class: &Class, series: &'a Series, query: &Contract, today: Date) -> Vec<&'a Instrument> {
    let code = query.strike.map(|strike| class.grid.code(strike));
    if code == Some(None) {
        return Vec::new();
    }
    class.listed(series, code.flatten(), today).flat_map(|strike| class.pair(series, strike)).collect()
}

#[cfg(test)]
mod tests;
