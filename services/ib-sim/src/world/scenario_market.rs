//! The parts of a scenario that shape its market: option chains, volatility, jumps, halts, and which
//! data the login may see.
//!
//! Invariant: as for the whole scenario: what loads is consistent, and what is not is refused by name.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::chain::schedule::Schedule;
use super::prices::QUARTER;
use super::scenario::Scenario;
use super::surface::Surface;

/// One trading class of options on a stock or an index.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChainData {
    pub(crate) underlying: i32,
    /// The trading class: the beginning of the exchange's symbol.
    pub(crate) class: String,
    pub(crate) schedule: Schedule,
    /// Distances of strikes near the money, further out, and far out; the usual ones if left out.
    #[serde(default)]
    pub(crate) steps: Option<[f64; 3]>,
    #[serde(default = "hundred")]
    pub(crate) multiplier: f64,
    /// Shares that one contract delivers; differs from the multiplier for adjusted contracts.
    #[serde(default = "hundred")]
    pub(crate) deliverable: f64,
    /// Settled at the opening, last traded the day before.
    #[serde(default)]
    pub(crate) morning: bool,
    /// Comma-separated, SMART first.
    #[serde(default)]
    pub(crate) exchanges: Option<String>,
    #[serde(default)]
    pub(crate) surface: Option<Surface>,
}

/// Volatility surfaces of stocks and of indices.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Surfaces {
    pub(crate) stock: Surface,
    pub(crate) index: Surface,
}

impl Default for Surfaces {
    fn default() -> Self {
        Self {
            stock: Surface { skew: 0.06, smile: 0.025, term: 0.05, front: 0.12 },
            index: Surface { skew: 0.12, smile: 0.02, term: 0.08, front: 0.1 },
        }
    }
}

/// A jump of a price that stays.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GapData {
    pub(crate) symbol: String,
    pub(crate) at: Timestamp,
    pub(crate) percent: f64,
}

/// A time without trading; without an end it lasts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HaltData {
    pub(crate) symbol: String,
    pub(crate) from: Timestamp,
    #[serde(default)]
    pub(crate) to: Option<Timestamp>,
}

/// What market data the login gets for a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Entitlement {
    Live,
    /// Not subscribed, but delayed data is offered.
    Delayed,
    /// Not subscribed, and not even delayed data exists.
    None,
}

/// A rule about data; it holds for contracts that fit all that it names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntitlementData {
    /// Of the contract or its underlying.
    #[serde(default)]
    pub(crate) symbol: Option<String>,
    /// Where it is listed.
    #[serde(default)]
    pub(crate) exchange: Option<String>,
    /// IB's security type, such as OPT.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    pub(crate) data: Entitlement,
}

fn hundred() -> f64 {
    100.0
}

impl ChainData {
    /// The class that a stock has without being asked.
    pub(crate) fn usual(underlying: i32, class: &str, schedule: Schedule) -> Self {
        Self {
            underlying,
            class: class.to_owned(),
            schedule,
            steps: None,
            multiplier: hundred(),
            deliverable: hundred(),
            morning: false,
            exchanges: None,
            surface: None,
        }
    }

    pub(crate) fn ratio(&self) -> f64 {
        self.deliverable / self.multiplier
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let name = &self.class;
        if name.is_empty() || name.len() > 6 || name.contains(' ') {
            return Err(format!("chain {name:?}: a class has one to six characters"));
        }
        if !(self.multiplier > 0.0 && (0.1..=10.0).contains(&self.ratio())) {
            return Err(format!("chain {name}: multiplier and deliverable must be above zero and near each other"));
        }
        if self.exchanges.as_ref().is_some_and(|list| list.split(',').any(str::is_empty)) {
            return Err(format!("chain {name}: exchanges are separated by single commas"));
        }
        self.surface.map_or(Ok(()), |surface| surface.check()).map_err(|reason| format!("chain {name}: {reason}"))
    }
}

impl GapData {
    pub(crate) fn check(&self) -> Result<(), String> {
        on_quarter(self.at).map_err(|reason| format!("gap of {}: {reason}", self.symbol))?;
        let sane = (-95.0..=1000.0).contains(&self.percent);
        if sane { Ok(()) } else { Err(format!("gap of {}: percent must be from -95 to 1000", self.symbol)) }
    }
}

impl HaltData {
    pub(crate) fn check(&self) -> Result<(), String> {
        let ends = [Some(self.from), self.to];
        ends.into_iter().flatten().try_for_each(on_quarter).map_err(|reason| format!("halt of {}: {reason}", self.symbol))?;
        let ordered = self.to.is_none_or(|to| self.from < to);
        if ordered { Ok(()) } else { Err(format!("halt of {}: it ends before it begins", self.symbol)) }
    }
}

impl Scenario {
    pub(super) fn check_market(&self) -> Result<(), String> {
        self.surfaces.stock.check()?;
        self.surfaces.index.check()?;
        let mut classes = HashSet::new();
        for chain in &self.chains {
            chain.check()?;
            let known = self.stocks.iter().any(|row| row.con_id == chain.underlying)
                || self.indices.iter().any(|row| row.con_id == chain.underlying);
            if !known || !classes.insert((chain.underlying, &chain.class)) {
                return Err(format!(
                    "chain {}: its underlying is no stock or index of this scenario, or has this class twice",
                    chain.class
                ));
            }
        }
        self.gaps.iter().try_for_each(GapData::check)?;
        self.halts.iter().try_for_each(HaltData::check)?;
        let named = self.gaps.iter().map(|row| &row.symbol).chain(self.halts.iter().map(|row| &row.symbol));
        match named.into_iter().find(|symbol| !self.has_symbol(symbol)) {
            Some(symbol) => Err(format!("gaps and halts: no stock or index {symbol:?}")),
            None => Ok(()),
        }
    }

    fn has_symbol(&self, symbol: &str) -> bool {
        self.stocks.iter().any(|row| row.symbol == symbol) || self.indices.iter().any(|row| row.symbol == symbol)
    }
}

fn on_quarter(at: Timestamp) -> Result<(), String> {
    if at.as_second() % QUARTER == 0 && at.subsec_nanosecond() == 0 { Ok(()) } else { Err(format!("{at} is not on a quarter of an hour")) }
}

#[cfg(test)]
mod tests {
    use crate::world::scenario::{DEFAULT, Scenario};

    /// What is wrong in a copy of the default scenario with one text replaced.
    fn mistake(from: &str, to: &str) -> String {
        assert!(DEFAULT.contains(from), "{from}");
        Scenario::parse("mine.toml", &DEFAULT.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_in_the_market_are_named() {
        let gap = |row: &str| mistake("gaps = []", &format!("gaps = [{row}]"));
        for (error, word) in [
            (gap(r#"{ symbol = "NOPE", at = "2026-11-20T10:15:00-05:00", percent = 1.0 }"#), "NOPE"),
            (gap(r#"{ symbol = "AAPL", at = "2026-11-20T10:16:00-05:00", percent = 1.0 }"#), "quarter"),
            (gap(r#"{ symbol = "AAPL", at = "2026-11-20T10:15:00-05:00", percent = -100.0 }"#), "percent"),
            (
                mistake("from = \"2026-11-16T10:00:00-05:00\"", "from = \"2026-11-16T10:00:00-05:00\", to = \"2026-11-16T09:00:00-05:00\""),
                "before",
            ),
            (mistake("data = \"delayed\"", "data = \"late\""), "late"),
            (mistake("schedule = \"index\"", "schedule = \"hourly\""), "hourly"),
            (mistake("class = \"SPXW\"", "class = \"SPX\""), "SPX"),
            (mistake("class = \"SPXW\"", "class = \"SPX W\""), "SPX W"),
            (mistake("deliverable = 105.0", "deliverable = 0.0"), "2NVO"),
            (mistake("stock = { skew = 0.06", "stock = { skew = 0.6"), "skew"),
            (mistake("tracks = 416904", "tracks = 1"), "SPY"),
            (mistake("volatility_index = 13455763", "volatility_index = 1"), "SPX"),
            (mistake("con_id = 800000101", "con_id = 1800000101"), "1800000101"),
        ] {
            assert!(error.contains("mine.toml") && error.contains(word), "{word}: {error}");
        }
    }
}
