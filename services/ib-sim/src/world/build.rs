//! From the scenario's rows to instruments.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::calendar::{Hours, Span, add};
use super::chain::greeks::IMPLIED_SERIES;
use super::events::Events;
use super::instrument::{Instrument, month_letter, third_friday};
use super::prices::{Path, TRADE_SIZE, mix};
use super::scenario::{CryptoData, FutureData, IndexData, PairData, Scenario, StockData};
use crate::proto::types::Contract;

/// What captures of a real gateway list for AAPL; every US stock gets the same.
const US_EXCHANGES: &str = "SMART,AMEX,NYSE,CBOE,PHLX,ISE,CHX,ARCA,NASDAQ,DRCTEDGE,BEX,BATS,EDGEA,BYX,IEX,EDGX,FOXRIVER,PEARL,NYSENAT,LTSE,MEMX,IBEOS,OVERNIGHT,TPLUS0,PSX,ISLAND";
const STOCK_ORDERS: &str = "ACTIVETIM,AD,ADDONT,ADJUST,ALERT,ALGO,ALLOC,AON,AVGCOST,BASKET,BENCHPX,CASHQTY,COND,CONDORDER,DARKONLY,DARKPOLL,DAY,DEACT,DEACTDIS,DEACTEOD,DIS,DUR,GAT,GTC,GTD,GTT,HID,IBKRATS,ICE,IMB,IOC,LIT,LMT,LOC,MIDPX,MIT,MKT,MOC,MTL,NGCOMB,NODARK,NONALGO,OCA,OPG,OPGREROUT,PEGBENCH,PEGMID,POSTATS,POSTONLY,PREOPGRTH,PRICECHK,REL,REL2MID,RELPCTOFS,RPI,RTH,SCALE,SCALEODD,SCALERST,SIZECHK,SMARTSTG,SNAPMID,SNAPMKT,SNAPREL,STP,STPLMT,SWEEP,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF";
pub(crate) const OTHER_ORDERS: &str = "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AVGCOST,BASKET,COND,CONDORDER,DAY,DEACT,DEACTDIS,DEACTEOD,GAT,GTC,GTD,GTT,IOC,LIT,LMT,MIT,MKT,MTL,NONALGO,OCA,PEGBENCH,REL,RELPCTOFS,SCALE,SCALERST,STP,STPLMT,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF";
const STOCK_DERIVATIVES: &[&str] = &["CFD", "OPT", "IOPT", "WAR", "BAG"];
const OTHER_DERIVATIVES: &[&str] = &["CFD", "IOPT", "WAR"];
const INDEX_DERIVATIVES: &[&str] = &["OPT", "FUT", "FOP", "WAR", "BAG"];
/// Trading days of a year, to bring annual figures to a day.
const YEAR_DAYS: f64 = 252.0;
const STOCK_DRIFT: f64 = 0.0002;
/// Implied volatility: what it is on average, relative to the realized one; by how much of itself it
/// moves in a day; and what part of a volatility index it is, whose points are percents and count wings.
const IMPLIED_PART: f64 = 1.05;
const IMPLIED_SIGMA: f64 = 0.04;
const IMPLIED_OF_INDEX: f64 = 0.0092;
/// The yearly cost of carrying an index to a future's expiration, less its dividends.
const CARRY: f64 = 0.028;

struct Builder<'a> {
    seed: u64,
    scenario: &'a Scenario,
}

/// Everything but option chains.
pub(crate) fn instruments(scenario: &Scenario, seed: u64, today: Date) -> Vec<Instrument> {
    let builder = Builder { seed, scenario };
    let indices: Vec<Instrument> = scenario.indices.iter().map(|row| builder.index(row)).collect();
    let mut all: Vec<Instrument> = scenario.stocks.iter().map(|row| builder.stock(row, &indices)).collect();
    all.extend(indices);
    all.extend(scenario.pairs.iter().map(|row| builder.pair(row)));
    all.extend(scenario.cryptos.iter().map(|row| builder.crypto(row)));
    for row in &scenario.futures {
        let index = all.iter().find(|instrument| instrument.contract.con_id == row.underlying).cloned();
        all.extend(index.into_iter().flat_map(|index| builder.chain(row, &index, today)));
    }
    all
}

impl Builder<'_> {
    fn path(&self, con_id: i32, base: f64, volatility: f64, drift: f64, volume: f64) -> Path {
        Path {
            key: mix(self.seed, u64::from(con_id.unsigned_abs())),
            base,
            anchor: self.scenario.anchor,
            sigma: volatility / YEAR_DAYS.sqrt(),
            drift,
            volume,
            trade_size: TRADE_SIZE,
        }
    }

    /// Jumps and halts of a symbol.
    fn events(&self, symbol: &str) -> Arc<Events> {
        let gaps = self.scenario.gaps.iter().filter(|row| row.symbol == symbol);
        let halts = self.scenario.halts.iter().filter(|row| row.symbol == symbol);
        Arc::new(Events {
            jumps: gaps.map(|row| (row.at.as_second(), 1.0 + row.percent / 100.0)).collect(),
            halts: halts.map(|row| Span { start: row.from.as_second(), end: row.to.map_or(i64::MAX, Timestamp::as_second) }).collect(),
        })
    }

    fn blank(&self, contract: Contract, hours: Hours, path: Path, volatility: f64) -> Instrument {
        Instrument {
            market_name: contract.trading_class.clone(),
            events: if matches!(contract.sec_type.as_str(), "STK" | "IND") { self.events(&contract.symbol) } else { Arc::default() },
            valid_exchanges: contract.exchange.clone(),
            contract,
            name: String::new(),
            industry: String::new(),
            category: String::new(),
            subcategory: String::new(),
            stock_type: String::new(),
            isin: String::new(),
            market_rule: 26,
            order_types: OTHER_ORDERS,
            derivatives: &[],
            min_tick: 0.01,
            size_step: "1",
            hours,
            path,
            implied: Path {
                key: mix(mix(self.seed, IMPLIED_SERIES), path.key),
                base: volatility * IMPLIED_PART,
                sigma: IMPLIED_SIGMA,
                drift: 0.0,
                volume: 0.0,
                ..path
            },
            option: None,
            under: None,
            expiry: None,
            settles: None,
            first_day: Date::constant(2004, 1, 23),
            volatility,
            volume_unit: 1.0,
        }
    }

    fn stock(&self, row: &StockData, indices: &[Instrument]) -> Instrument {
        let or = |given: &str, other: &str| if given.is_empty() { other.to_owned() } else { given.to_owned() };
        let class = match row.exchange.as_str() {
            "NASDAQ" => "NMS".to_owned(),
            _ => row.symbol.clone(),
        };
        let contract = Contract {
            con_id: row.con_id,
            symbol: row.symbol.clone(),
            sec_type: "STK".into(),
            primary_exchange: row.exchange.clone(),
            currency: row.currency.clone(),
            local_symbol: or(&row.local_symbol, &row.symbol),
            trading_class: or(&row.trading_class, &class),
            ..Contract::default()
        };
        let path = self.path(row.con_id, row.price, row.volatility, STOCK_DRIFT, row.volume * 1e6);
        // With the index's key and deviation the same moves, around the stock's own price.
        let tracked = row.tracks.and_then(|con_id| indices.iter().find(|index| index.contract.con_id == con_id));
        let path = tracked.map_or(path, |index| Path { base: path.base, volume: path.volume, ..index.path });
        let volatility = tracked.map_or(row.volatility, |index| index.volatility);
        let blank = self.blank(contract, row.hours, path, volatility);
        let american = row.hours == Hours::UsStock;
        Instrument {
            name: row.name.clone(),
            industry: row.industry.clone(),
            category: row.category.clone(),
            subcategory: row.subcategory.clone(),
            stock_type: row.r#type.clone(),
            isin: row.isin.clone(),
            valid_exchanges: if american { US_EXCHANGES.into() } else { format!("SMART,{}", row.exchange) },
            market_rule: match row.hours {
                Hours::Xetra => 635,
                Hours::Tokyo => 1404,
                _ => 26,
            },
            order_types: STOCK_ORDERS,
            derivatives: if american && row.optionable { STOCK_DERIVATIVES } else { OTHER_DERIVATIVES },
            min_tick: row.min_tick,
            size_step: if row.hours == Hours::Tokyo {
                "100"
            } else if american {
                "0.0001"
            } else {
                "1"
            },
            first_day: row.first_day,
            implied: tracked.map_or(blank.implied, |index| index.implied),
            ..blank
        }
    }

    fn index(&self, row: &IndexData) -> Instrument {
        let contract = Contract {
            con_id: row.con_id,
            symbol: row.symbol.clone(),
            sec_type: "IND".into(),
            exchange: row.exchange.clone(),
            currency: "USD".into(),
            local_symbol: row.symbol.clone(),
            ..Contract::default()
        };
        let of = |row: &IndexData| self.path(row.con_id, row.price, row.volatility, row.growth / 365.0, 0.0);
        let blank = self.blank(contract, Hours::UsIndex, of(row), row.volatility);
        let gauge = row.volatility_index.and_then(|con_id| self.scenario.indices.iter().find(|index| index.con_id == con_id)).map(of);
        Instrument {
            implied: gauge.map_or(blank.implied, |gauge| Path { base: gauge.base * IMPLIED_OF_INDEX, ..gauge }),
            name: row.name.clone(),
            industry: "Indices".into(),
            category: "Broad Range Equity Index".into(),
            subcategory: "*".into(),
            market_name: row.symbol.clone(),
            derivatives: INDEX_DERIVATIVES,
            order_types: "ACTIVETIM,ALERT,COND,DAY,GTC",
            ..blank
        }
    }

    fn pair(&self, row: &PairData) -> Instrument {
        let local = format!("{}.{}", row.base, row.quote);
        let contract = Contract {
            con_id: row.con_id,
            symbol: row.base.clone(),
            sec_type: "CASH".into(),
            exchange: "IDEALPRO".into(),
            currency: row.quote.clone(),
            local_symbol: local.clone(),
            trading_class: local,
            ..Contract::default()
        };
        Instrument {
            name: row.name.clone(),
            market_rule: if row.min_tick >= 0.001 { 240 } else { 239 },
            min_tick: row.min_tick,
            ..self.blank(contract, Hours::Forex, self.path(row.con_id, row.price, row.volatility, 0.0, 0.0), row.volatility)
        }
    }

    fn crypto(&self, row: &CryptoData) -> Instrument {
        let contract = Contract {
            con_id: row.con_id,
            symbol: row.symbol.clone(),
            sec_type: "CRYPTO".into(),
            exchange: "PAXOS".into(),
            currency: "USD".into(),
            local_symbol: format!("{}.USD", row.symbol),
            trading_class: row.symbol.clone(),
            ..Contract::default()
        };
        // The path counts hundredths of a coin, so that small trades exist.
        let path = self.path(row.con_id, row.price, row.volatility, 0.0, row.volume * 1e6);
        Instrument {
            name: row.name.clone(),
            market_rule: 557,
            min_tick: 0.25,
            size_step: "0.00000001",
            volume_unit: 100.0,
            first_day: Date::constant(2021, 9, 1),
            ..self.blank(contract, Hours::Crypto, path, row.volatility)
        }
    }

    /// Quarterly futures from half a year ago to two years ahead.
    fn chain(&self, row: &FutureData, index: &Instrument, today: Date) -> Vec<Instrument> {
        let quarters = (-6..=24).map(|months: i64| add(today.first_of_month(), months.months()));
        quarters
            .filter(|month| month.month() % 3 == 0)
            .map(|month| self.future(row, index, third_friday(month.year(), month.month())))
            .collect()
    }

    fn future(&self, row: &FutureData, index: &Instrument, expiry: Date) -> Instrument {
        let contract = Contract {
            con_id: row.con_id_base + i32::from(expiry.year()) * 100 + i32::from(expiry.month()),
            symbol: row.symbol.clone(),
            sec_type: "FUT".into(),
            expiry: expiry.strftime("%Y%m%d").to_string(),
            multiplier: Some(row.multiplier),
            exchange: row.exchange.clone(),
            currency: "USD".into(),
            local_symbol: format!("{}{}{}", row.symbol, month_letter(expiry), expiry.year() % 10),
            trading_class: row.symbol.clone(),
            ..Contract::default()
        };
        // The index's own daily closes plus the cost of carrying it, which shrinks to nothing at the end.
        let days = super::prices::day_number(expiry) - super::prices::day_number(self.scenario.anchor);
        let daily = CARRY / 365.0;
        let carry = (daily * f64::from(i32::try_from(days).unwrap_or(0))).exp();
        let path = Path { base: index.path.base * carry, drift: index.path.drift - daily, volume: row.volume * 1e6, ..index.path };
        Instrument {
            name: row.name.clone(),
            market_rule: 32,
            min_tick: row.min_tick,
            under: Some((row.underlying, index.contract.symbol.clone(), "IND")),
            expiry: Some(expiry),
            implied: index.implied,
            events: Arc::clone(&index.events),
            first_day: add(expiry, (-730).days()),
            ..self.blank(contract, Hours::CmeFuture, path, index.volatility)
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::settings::Settings;
    use crate::world::World;

    #[test]
    fn a_future_costs_its_index_and_the_carry_to_its_end() {
        let world = World::new(&Settings::default(), false, 1_795_186_800).unwrap();
        let row = |con_id| world.contracts.get(con_id).unwrap();
        for (index, december, march) in [(416_904, 600_202_612, 600_202_703), (416_843, 610_202_612, 610_202_703)] {
            let basis = |con_id, on| row(con_id).level(on) / row(index).level(on) - 1.0;
            let today = date(2026, 11, 20);
            assert!(0.001 < basis(december, today) && basis(december, today) < basis(march, today));
            for con_id in [december, march] {
                assert!(basis(con_id, row(con_id).expiry.unwrap()).abs() < 1e-9);
            }
        }
    }
}
