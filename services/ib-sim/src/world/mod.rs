//! The simulated market and the accounts in it. Knows nothing of clients or wires.
//!
//! Invariant: everything but the accounts is immutable after the start, so any number of sessions read
//! it without locks; accounts change only through [`account::Accounts`].

pub(crate) mod access;
pub(crate) mod account;
pub(crate) mod bars;
pub(crate) mod build;
pub(crate) mod calendar;
pub(crate) mod chain;
pub(crate) mod contracts;
pub(crate) mod events;
pub(crate) mod history;
pub(crate) mod instrument;
pub(crate) mod margin;
pub(crate) mod moment;
pub(crate) mod news;
pub(crate) mod prices;
pub(crate) mod pricing;
pub(crate) mod quote;
pub(crate) mod scenario;
pub(crate) mod scenario_market;
pub(crate) mod surface;
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
use scenario_market::EntitlementData;

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
    entitlements: Vec<EntitlementData>,
    /// What the scenario wants to go wrong; checked and switched on by the gateway.
    pub(crate) faults: Vec<serde_json::Value>,
    rules: BTreeMap<i32, Vec<(f64, f64)>>,
    seed: u64,
}

impl World {
    pub(crate) fn new(settings: &Settings, always_open: bool, now: i64) -> Result<Self, Error> {
        let scenario = Scenario::load(settings.scenario.as_deref())?;
        let today = Hours::UsStock.local_date(now);
        let all = build::instruments(&scenario, settings.seed, today);
        let chains = chain::build::chains(&scenario, &all, today)?;
        let contracts = Contracts::new(all, chains);
        check_positions(&scenario, &contracts)?;
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
            entitlements: scenario.entitlements,
            faults: scenario.faults,
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
        let Some(model) = instrument.option else {
            return self.raw_source(instrument, with);
        };
        let view = |at: i64, node: Node| model.view(at, &Self::level(instrument, Hours::UsStock.local_date(at)), node);
        self.raw_source(instrument, |raw| with(&Source { view: &view, stepped: true, ..*raw }))
    }

    /// Runs `with` on the path of an instrument: an option's is its underlying's.
    pub(crate) fn raw_source<T>(&self, instrument: &Instrument, with: impl FnOnce(&Source<'_>) -> T) -> T {
        let (hours, path, events) = (instrument.path_hours(), instrument.path, instrument.events.as_ref());
        with(&Source { calendar: self.calendar, hours, path, events, view: &|_, node| node, stepped: false })
    }

    /// The instant whose price is the last one at `now`: what does not trade keeps the price at which it
    /// stopped, be it for the night or a halt; what has expired keeps the price at which it settled.
    pub(crate) fn shown_at(&self, instrument: &Instrument, now: i64) -> i64 {
        let settled = instrument.option.map(|model| model.expires_at).filter(|end| *end <= now);
        let mut at = settled.unwrap_or(now);
        // Each halt can be met once, and the night before it.
        for _ in 0..=instrument.events.halts.len() {
            let halt = instrument.events.halt(at).map(|halt| halt.start - 1);
            let open = halt.unwrap_or(at);
            let night = if settled == Some(open) { None } else { self.last_session_end(instrument, open) };
            if halt.is_none() && night.is_none() {
                break;
            }
            at = night.unwrap_or(open);
        }
        at
    }

    /// The last second of the session before `at`, for what trades less than its path moves and is closed.
    fn last_session_end(&self, instrument: &Instrument, at: i64) -> Option<i64> {
        if instrument.hours == instrument.path_hours() {
            return None;
        }
        let end = self.calendar.latest(instrument.hours, at)?.full.last()?.end;
        (at >= end).then(|| end - 1)
    }

    /// A series that is no price, such as a volatility: its own path around its own level.
    pub(crate) fn series<T>(&self, instrument: &Instrument, salt: u64, base: f64, sigma: f64, with: impl FnOnce(&Source<'_>) -> T) -> T {
        let key = mix(mix(self.seed, salt), instrument.path.key);
        self.along(instrument, prices::Path { key, base, sigma, drift: 0.0, volume: 0.0, ..instrument.path }, with)
    }

    /// Any path in the hours of an instrument, without the jumps of its price.
    pub(crate) fn along<T>(&self, instrument: &Instrument, path: prices::Path, with: impl FnOnce(&Source<'_>) -> T) -> T {
        let (hours, events) = (instrument.path_hours(), &events::Events::default());
        with(&Source { calendar: self.calendar, hours, path, events, view: &|_, node| node, stepped: false })
    }

    /// The mark price, on the instrument's grid.
    pub(crate) fn mark(&self, instrument: &Instrument, now: i64) -> f64 {
        let at = self.shown_at(instrument, now);
        let price = self.source(instrument, |source| source.price_at(at));
        instrument.round(price.unwrap_or(instrument.path.base))
    }

    /// Where regular trading ended on the trading day before the one of `now`.
    pub(crate) fn previous_close(&self, instrument: &Instrument, now: i64) -> f64 {
        let today = self.calendar.latest(instrument.path_hours(), now);
        let day = today.and_then(|today| self.calendar.previous(instrument.hours, today.date));
        let end = day.and_then(|day| day.regular.last().map(|span| span.end - 1)).map(|end| self.shown_at(instrument, end));
        let price = end.and_then(|end| self.source(instrument, |source| source.price_at(end)));
        instrument.round(price.unwrap_or(instrument.path.base))
    }

    /// US dollars for one unit; currencies without a rate were refused at the start where they matter.
    pub(crate) fn dollars(&self, currency: &str) -> f64 {
        if currency == "USD" { 1.0 } else { self.fx.get(currency).copied().unwrap_or(1.0) }
    }
}

fn check_positions(scenario: &Scenario, contracts: &Contracts) -> Result<(), Error> {
    for account in &scenario.accounts {
        if let Some(position) = account.positions.iter().find(|position| contracts.get(position.con_id).is_none()) {
            let reason = format!("no instrument has con_id {}", position.con_id);
            return Err(Error::Scenario { name: format!("account {}", account.id), reason });
        }
    }
    Ok(())
}
