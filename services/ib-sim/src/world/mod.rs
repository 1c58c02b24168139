//! The simulated market and the accounts in it. Knows nothing of clients or wires.
//!
//! Invariant: everything but the accounts is immutable after the start, so any number of sessions read
//! it without locks; accounts change only through [`account::Accounts`].

pub(crate) mod account;
pub(crate) mod bars;
pub(crate) mod build;
pub(crate) mod calendar;
pub(crate) mod contracts;
pub(crate) mod history;
pub(crate) mod instrument;
pub(crate) mod margin;
pub(crate) mod moment;
pub(crate) mod news;
pub(crate) mod prices;
pub(crate) mod quote;
pub(crate) mod scenario;
pub(crate) mod symbols;
pub(crate) mod values;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::settings::{Error, Settings};
use account::Accounts;
use bars::Source;
use calendar::{Calendar, Hours};
use contracts::Contracts;
use instrument::Instrument;
use news::News;
use prices::{Node, mix};
use scenario::Scenario;

/// One simulated world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) calendar: Calendar,
    pub(crate) contracts: Contracts,
    pub(crate) accounts: Accounts,
    pub(crate) news: News,
    pub(crate) zone_name: String,
    pub(crate) zone: TimeZone,
    /// US dollars for one unit of a currency.
    pub(crate) fx: BTreeMap<String, f64>,
    rules: BTreeMap<i32, Vec<(f64, f64)>>,
    seed: u64,
}

impl World {
    pub(crate) fn new(settings: &Settings, always_open: bool, now: i64) -> Result<Self, Error> {
        let scenario = Scenario::load(settings.scenario.as_deref())?;
        let today = Hours::UsStock.local_date(now);
        let contracts = Contracts::new(build::instruments(&scenario, settings.seed, today)?);
        let zone =
            TimeZone::get(&scenario.time_zone).map_err(|error| Error::Scenario { name: "time_zone".into(), reason: error.to_string() })?;
        let rules = scenario
            .market_rules
            .iter()
            .map(|(id, steps)| id.parse().map(|id| (id, steps.clone())))
            .collect::<Result<_, _>>()
            .map_err(|_| Error::Scenario { name: "market_rules".into(), reason: "ids must be numbers".into() })?;
        Ok(Self {
            calendar: Calendar { always_open },
            contracts,
            accounts: Accounts::new(&scenario.accounts, settings.accounts),
            news: News::new(&scenario.news, settings.seed),
            zone_name: scenario.time_zone,
            zone,
            fx: scenario.fx,
            rules,
            seed: settings.seed,
        })
    }

    pub(crate) fn today(&self, now: i64) -> Date {
        Hours::UsStock.local_date(now)
    }

    pub(crate) fn market_rule(&self, id: i32) -> Option<&Vec<(f64, f64)>> {
        self.rules.get(&id)
    }

    /// Runs `with` on the prices of an instrument.
    pub(crate) fn source<T>(&self, instrument: &Instrument, with: impl FnOnce(&Source<'_>) -> T) -> T {
        let option = instrument.option;
        let view = move |on: Date, node: Node| option.map_or(node, |model| model.view(on, node));
        with(&Source { calendar: self.calendar, hours: instrument.path_hours(), path: instrument.path, view: &view })
    }

    /// A series that is no price, such as a volatility: its own path around its own level.
    pub(crate) fn series<T>(&self, instrument: &Instrument, salt: u64, base: f64, sigma: f64, with: impl FnOnce(&Source<'_>) -> T) -> T {
        let key = mix(mix(self.seed, salt), instrument.path.key);
        let path = prices::Path { key, base, sigma, drift: 0.0, volume: 0.0, ..instrument.path };
        with(&Source { calendar: self.calendar, hours: instrument.path_hours(), path, view: &|_, node| node })
    }

    /// The mark price, on the instrument's grid.
    pub(crate) fn mark(&self, instrument: &Instrument, now: i64) -> f64 {
        let price = self.source(instrument, |source| source.price_at(now));
        instrument.round(price.unwrap_or(instrument.path.base))
    }

    pub(crate) fn previous_close(&self, instrument: &Instrument, now: i64) -> f64 {
        let price = self.source(instrument, |source| source.previous_close(now));
        instrument.round(price.unwrap_or(instrument.path.base))
    }

    /// US dollars for one unit; currencies without a rate were refused at the start where they matter.
    pub(crate) fn dollars(&self, currency: &str) -> f64 {
        if currency == "USD" { 1.0 } else { self.fx.get(currency).copied().unwrap_or(1.0) }
    }
}
