//! The data of a simulated world: one TOML file that a person can copy and edit.
//!
//! Invariant: a scenario that loads is consistent (contract ids unique, positions known, numbers sane);
//! everything else is refused at the start with the place that is wrong.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use jiff::civil::Date;
use serde::Deserialize;

use super::calendar::Hours;
use super::chain::ids;
use super::scenario_market::{ChainData, EntitlementData, GapData, HaltData, Surfaces};
use crate::settings::Error;

pub(super) const DEFAULT: &str = include_str!("../../scenarios/default.toml");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The zone in which the gateway tells its time.
    pub(crate) time_zone: String,
    /// The date on which prices equal the `price` of each instrument.
    pub(crate) anchor: Date,
    pub(crate) accounts: Vec<AccountData>,
    /// How many US dollars one unit of a currency buys, for account values.
    pub(crate) fx: BTreeMap<String, f64>,
    pub(crate) stocks: Vec<StockData>,
    #[serde(default)]
    pub(crate) indices: Vec<IndexData>,
    #[serde(default)]
    pub(crate) pairs: Vec<PairData>,
    #[serde(default)]
    pub(crate) cryptos: Vec<CryptoData>,
    #[serde(default)]
    pub(crate) futures: Vec<FutureData>,
    #[serde(default)]
    pub(crate) options: Vec<OptionData>,
    #[serde(default)]
    pub(crate) chains: Vec<ChainData>,
    #[serde(default)]
    pub(crate) surfaces: Surfaces,
    #[serde(default)]
    pub(crate) gaps: Vec<GapData>,
    #[serde(default)]
    pub(crate) halts: Vec<HaltData>,
    #[serde(default)]
    pub(crate) entitlements: Vec<EntitlementData>,
    pub(crate) news: NewsData,
    #[serde(default)]
    pub(crate) market_rules: BTreeMap<String, Vec<(f64, f64)>>,
    /// Faults that are on from the start, as the control port takes them.
    #[serde(default)]
    pub(crate) faults: Vec<serde_json::Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountData {
    pub(crate) id: String,
    #[serde(default = "usd")]
    pub(crate) currency: String,
    pub(crate) cash: BTreeMap<String, f64>,
    #[serde(default)]
    pub(crate) positions: Vec<PositionData>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PositionData {
    pub(crate) con_id: i32,
    pub(crate) quantity: f64,
    /// Per unit as IB counts it: an option's includes its multiplier.
    pub(crate) average_cost: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StockData {
    pub(crate) symbol: String,
    pub(crate) con_id: i32,
    pub(crate) name: String,
    pub(crate) exchange: String,
    #[serde(default = "common")]
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) industry: String,
    #[serde(default)]
    pub(crate) category: String,
    #[serde(default)]
    pub(crate) subcategory: String,
    pub(crate) price: f64,
    /// Annual, as a fraction.
    pub(crate) volatility: f64,
    /// Shares of an average day, in millions.
    pub(crate) volume: f64,
    #[serde(default)]
    pub(crate) isin: String,
    #[serde(default = "usd")]
    pub(crate) currency: String,
    #[serde(default)]
    pub(crate) trading_class: String,
    #[serde(default)]
    pub(crate) local_symbol: String,
    #[serde(default = "us_stock")]
    pub(crate) hours: Hours,
    #[serde(default = "cent")]
    pub(crate) min_tick: f64,
    #[serde(default = "old_head")]
    pub(crate) first_day: Date,
    /// Whether a US stock has options.
    #[serde(default = "yes")]
    pub(crate) optionable: bool,
    /// The index whose every move it follows, with the index's volatility.
    #[serde(default)]
    pub(crate) tracks: Option<i32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndexData {
    pub(crate) symbol: String,
    pub(crate) con_id: i32,
    pub(crate) name: String,
    pub(crate) exchange: String,
    pub(crate) price: f64,
    pub(crate) volatility: f64,
    /// Yearly growth, as a fraction; a volatility index has none.
    #[serde(default = "growth")]
    pub(crate) growth: f64,
    /// The index that tells its implied volatility in percent.
    #[serde(default)]
    pub(crate) volatility_index: Option<i32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PairData {
    pub(crate) base: String,
    pub(crate) quote: String,
    pub(crate) con_id: i32,
    pub(crate) name: String,
    pub(crate) price: f64,
    pub(crate) volatility: f64,
    pub(crate) min_tick: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CryptoData {
    pub(crate) symbol: String,
    pub(crate) con_id: i32,
    pub(crate) name: String,
    pub(crate) price: f64,
    pub(crate) volatility: f64,
    pub(crate) volume: f64,
}

/// One contract of a chain that gets an id of its own, so that accounts can hold it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptionData {
    pub(crate) con_id: i32,
    pub(crate) underlying: i32,
    pub(crate) right: String,
    pub(crate) strike: f64,
    /// A date such as `2027-01-15`, or `monthly+2`: the third Friday of the month after next.
    pub(crate) expiry: String,
}

/// A quarterly future on an index of this scenario; the chain follows the clock's date.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FutureData {
    pub(crate) symbol: String,
    pub(crate) underlying: i32,
    pub(crate) name: String,
    pub(crate) exchange: String,
    pub(crate) multiplier: f64,
    pub(crate) min_tick: f64,
    /// Ids of the chain: this plus year and month, as in 600202612.
    pub(crate) con_id_base: i32,
    pub(crate) volume: f64,
    /// Distances of the strikes of its options; none without.
    #[serde(default)]
    pub(crate) option_steps: Option<[f64; 3]>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewsData {
    pub(crate) providers: Vec<ProviderData>,
    /// Sentences with `{name}` and `{symbol}`; which one is used follows from the seed.
    pub(crate) headlines: Vec<String>,
    /// How many headlines a stock has on an average day, over all providers.
    pub(crate) per_day: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderData {
    pub(crate) code: String,
    pub(crate) name: String,
}

fn usd() -> String {
    "USD".to_owned()
}

fn common() -> String {
    "COMMON".to_owned()
}

fn us_stock() -> Hours {
    Hours::UsStock
}

fn cent() -> f64 {
    0.01
}

fn yes() -> bool {
    true
}

fn growth() -> f64 {
    0.073
}

fn old_head() -> Date {
    Date::constant(2004, 1, 23)
}

impl Scenario {
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Error> {
        let Some(file) = file else {
            return Self::parse("default", DEFAULT);
        };
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| Error::Scenario { name: name.clone(), reason: error.to_string() })?;
        Self::parse(&name, &text)
    }

    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let fail = |reason: String| Error::Scenario { name: name.to_owned(), reason };
        let scenario: Self = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
        scenario.check().map_err(fail)?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(format!("time_zone {:?} is unknown", self.time_zone));
        }
        self.check_ids()?;
        for stock in &self.stocks {
            if !(stock.price > 0.0 && stock.volatility > 0.0 && stock.min_tick > 0.0 && stock.volume >= 0.0) {
                return Err(format!("stock {}: price, volatility and min_tick must be above zero", stock.symbol));
            }
            if stock.tracks.is_some_and(|tracked| !self.indices.iter().any(|index| index.con_id == tracked)) {
                return Err(format!("stock {}: it tracks no index of this scenario", stock.symbol));
            }
        }
        for index in &self.indices {
            if index.volatility_index.is_some_and(|gauge| !self.indices.iter().any(|other| other.con_id == gauge)) {
                return Err(format!("index {}: its volatility_index is no index of this scenario", index.symbol));
            }
        }
        for option in &self.options {
            if !matches!(option.right.as_str(), "C" | "P") || option.strike <= 0.0 {
                return Err(format!("option {}: needs right C or P and a strike", option.con_id));
            }
        }
        self.check_market()?;
        for future in &self.futures {
            if !self.indices.iter().any(|index| index.con_id == future.underlying) {
                return Err(format!("future {}: the underlying is no index of this scenario", future.symbol));
            }
        }
        if self.accounts.is_empty() || self.news.providers.is_empty() || self.news.headlines.is_empty() {
            return Err("at least one account, one news provider and one headline are needed".to_owned());
        }
        for account in &self.accounts {
            for currency in account.cash.keys().chain([&account.currency]) {
                if currency != "USD" && !self.fx.contains_key(currency) {
                    return Err(format!("account {}: fx has no rate for {currency}", account.id));
                }
            }
        }
        Ok(())
    }

    fn check_ids(&self) -> Result<(), String> {
        let all = (self.stocks.iter().map(|row| row.con_id))
            .chain(self.indices.iter().map(|row| row.con_id))
            .chain(self.pairs.iter().map(|row| row.con_id))
            .chain(self.cryptos.iter().map(|row| row.con_id))
            .chain(self.options.iter().map(|row| row.con_id));
        let mut seen = HashSet::new();
        for id in all {
            if id <= 0 || id >= ids::FIRST || !seen.insert(id) {
                return Err(format!("con_id {id} is used twice, is not positive, or belongs to option chains"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_scenario_holds_the_promised_world() {
        let scenario = Scenario::load(None).unwrap();
        assert!(scenario.stocks.len() >= 200, "{}", scenario.stocks.len());
        let id = |symbol: &str| scenario.stocks.iter().find(|row| row.symbol == symbol).map(|row| row.con_id);
        for (symbol, con_id) in [("AAPL", 265_598), ("MSFT", 272_093), ("SPY", 756_733), ("BRK B", 72_063_691)] {
            assert_eq!(id(symbol), Some(con_id), "{symbol}");
        }
        assert_eq!(scenario.accounts[0].id, "DUSIM00001");
        assert_eq!(scenario.accounts[0].positions.len(), 5);
    }

    #[test]
    fn mistakes_are_named() {
        let twice = DEFAULT.replacen("con_id = 272093", "con_id = 265598", 1);
        let error = Scenario::parse("mine.toml", &twice).unwrap_err().to_string();
        assert!(error.contains("mine.toml") && error.contains("265598"), "{error}");
        let error = Scenario::parse("mine.toml", "time_zone = 3").unwrap_err().to_string();
        assert!(error.contains("time_zone"), "{error}");
        let missing = Scenario::load(Some(Path::new("/nowhere/at/all.toml"))).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/at/all.toml"), "{missing}");
    }
}
