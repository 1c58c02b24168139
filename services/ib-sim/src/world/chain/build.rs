//! From the scenario's rows to trading classes.
//!
//! Every US stock has a class of its own unless it says otherwise; indices, daily expirations and
//! adjusted contracts are rows of the scenario. Invariant: ids are given out in the scenario's order,
//! first to indices, then to futures, then to stocks, so a stock added at the end of its list moves none.

use jiff::ToSpan;
use jiff::civil::Date;

use super::Chains;
use super::class::{Class, DAYS_BACK, Pinned, YEARS_AHEAD};
use super::ids::{Block, FIRST};
use super::ladder::Grid;
use super::schedule::{Schedule, trading_day};
use crate::proto::types::Contract;
use crate::settings::Error;
use crate::world::calendar::{Hours, add};
use crate::world::instrument::{Instrument, third_friday};
use crate::world::scenario::{OptionData, Scenario};
use crate::world::scenario_market::ChainData;

const STOCK_EXCHANGES: &str =
    "SMART,AMEX,CBOE,PHLX,PSE,ISE,BOX,BATS,NASDAQOM,CBOE2,NASDAQBX,MIAX,GEMINI,EDGX,MERCURY,PEARL,EMERALD,MEMX,IBUSOPT";
const INDEX_EXCHANGES: &str = "SMART,CBOE,IBUSOPT";
/// Shares a day, in millions, from which on a stock has weekly options in steps of a cent.
const BUSY_MILLIONS: f64 = 3.0;
/// Market rules: a cent everywhere; a cent below three dollars; a nickel below three dollars.
const PENNY_RULES: [i32; 2] = [26, 110];
const NICKEL_RULE: i32 = 109;
/// Options on index futures: a nickel below ten points, then a quarter.
const FUTURE_RULE: i32 = 33;
/// Classes of options on one future.
const FUTURE_CLASSES: i32 = 6;

/// Chains of all optionable instruments among `all`, as known around `today`.
pub(crate) fn chains(scenario: &Scenario, all: &[Instrument], today: Date) -> Result<Chains, Error> {
    let known = (add(today, (-DAYS_BACK).days()), add(today, YEARS_AHEAD.years()));
    let mut builder = Builder { scenario, all, known, first: FIRST, classes: Vec::new() };
    let built = builder.on_stocks("IND").and_then(|()| builder.on_futures()).and_then(|()| builder.on_stocks("STK"));
    built.map_err(|reason| Error::Scenario { name: "chains".into(), reason })?;
    let mut classes = builder.classes;
    for row in &scenario.options {
        pin(row, &mut classes, today).map_err(|reason| Error::Scenario { name: format!("option {}", row.con_id), reason })?;
    }
    Ok(Chains::new(classes))
}

struct Builder<'a> {
    scenario: &'a Scenario,
    all: &'a [Instrument],
    known: (Date, Date),
    /// The first id that is still free.
    first: i32,
    classes: Vec<Class>,
}

/// All ids are given out.
const TOO_MANY: &str = "more option classes than ids; set optionable = false on some stocks";

impl Builder<'_> {
    /// Options on stocks, or on indices.
    fn on_stocks(&mut self, kind: &str) -> Result<(), String> {
        for under in self.all.iter().filter(|row| row.is(kind)) {
            for row in self.rows(under) {
                let class = class_of(self.scenario, &row, under, self.first, self.known);
                let class = class.ok_or_else(|| format!("class {}: bad steps", row.class))?;
                self.first = class.block.next().ok_or(TOO_MANY)?;
                self.classes.push(class);
            }
        }
        Ok(())
    }

    /// The classes that the scenario names for an underlying, and a US stock's own.
    fn rows(&self, under: &Instrument) -> Vec<ChainData> {
        let own = under.contract.con_id;
        let mut rows: Vec<ChainData> = self.scenario.chains.iter().filter(|row| row.underlying == own).cloned().collect();
        let class = under.contract.symbol.replace(' ', "");
        let stock = self.scenario.stocks.iter().find(|stock| stock.con_id == own && stock.optionable && stock.hours == Hours::UsStock);
        if let Some(stock) = stock.filter(|_| rows.iter().all(|row| row.class != class)) {
            let schedule = if stock.volume >= BUSY_MILLIONS { Schedule::Weekly } else { Schedule::Monthly };
            rows.insert(0, ChainData::usual(own, &class, schedule));
        }
        rows
    }

    fn on_futures(&mut self) -> Result<(), String> {
        for row in &self.scenario.futures {
            let Some(steps) = row.option_steps else { continue };
            for future in self.all.iter().filter(|future| future.is("FUT") && future.contract.symbol == row.symbol) {
                let own = on_future(self.scenario, future, self.first, steps);
                self.classes.extend(own.ok_or_else(|| format!("future {}: bad option_steps", row.symbol))?);
            }
            self.first = Block::after_futures(self.first, FUTURE_CLASSES).ok_or(TOO_MANY)?;
        }
        Ok(())
    }
}

fn class_of(scenario: &Scenario, row: &ChainData, under: &Instrument, first: i32, known: (Date, Date)) -> Option<Class> {
    let index = under.is("IND");
    let price = under.path.base * row.ratio();
    let (block, grid) = Block::new(first, row.schedule.is_daily(), row.steps.unwrap_or_else(|| Grid::usual(price)), price)?;
    let busy = under.path.volume >= BUSY_MILLIONS * 1e6;
    let (market_rule, min_tick) = match (index, row.schedule.is_daily(), busy) {
        (true, ..) | (false, false, false) => (NICKEL_RULE, 0.05),
        (false, true, _) => (PENNY_RULES[0], 0.01),
        (false, false, true) => (PENNY_RULES[1], 0.01),
    };
    let exchanges = row.exchanges.clone().unwrap_or_else(|| (if index { INDEX_EXCHANGES } else { STOCK_EXCHANGES }).to_owned());
    let contract = Contract {
        symbol: under.contract.symbol.clone(),
        sec_type: "OPT".into(),
        multiplier: Some(row.multiplier),
        currency: under.contract.currency.clone(),
        trading_class: row.class.clone(),
        ..Contract::default()
    };
    let pattern = Instrument {
        market_name: row.class.clone(),
        valid_exchanges: exchanges,
        contract,
        stock_type: String::new(),
        isin: String::new(),
        market_rule,
        min_tick,
        order_types: crate::world::build::OTHER_ORDERS,
        derivatives: &[],
        size_step: "1",
        hours: Hours::UsOption,
        under: Some((under.contract.con_id, under.contract.symbol.clone(), if index { "IND" } else { "STK" })),
        ..under.clone()
    };
    Some(Class {
        under_con_id: under.contract.con_id,
        schedule: row.schedule,
        cycle: u8::try_from(under.contract.con_id.rem_euclid(3)).unwrap_or(0),
        morning: row.morning,
        american: !index,
        ratio: row.ratio(),
        surface: row.surface.unwrap_or(if index { scenario.surfaces.index } else { scenario.surfaces.stock }),
        grid,
        block,
        known,
        pinned: Vec::new(),
        series: std::sync::OnceLock::new(),
        pattern,
    })
}

/// The classes of options on one quarter's future: on its own last day, on month ends and on Fridays, as
/// the E-minis have them.
fn on_future(scenario: &Scenario, future: &Instrument, first: i32, steps: [f64; 3]) -> Option<Vec<Class>> {
    let ends = future.expiry?;
    let symbol = &future.contract.symbol;
    let (stem, month_end) = if symbol == "NQ" { ("QN", "QNE") } else { ("EW", "EW") };
    let mut schedules = vec![(symbol.clone(), Schedule::FutureEnd), (month_end.to_owned(), Schedule::MonthEnd)];
    schedules.extend((1..=4).map(|nth| (format!("{stem}{nth}"), Schedule::Friday(nth))));
    let before = add(ends.first_of_month(), (-3).months());
    let known = (add(third_friday(before.year(), before.month()), 1.days()), ends);
    let classes = (0..FUTURE_CLASSES).zip(schedules).map(|(place, (name, schedule))| {
        let (block, grid) = Block::of_future(first, ends, place, FUTURE_CLASSES, steps)?;
        let contract = Contract {
            sec_type: "FOP".into(),
            trading_class: name.clone(),
            con_id: 0,
            expiry: String::new(),
            local_symbol: String::new(),
            ..future.contract.clone()
        };
        let pattern = Instrument {
            market_name: name,
            contract,
            market_rule: FUTURE_RULE,
            min_tick: 0.05,
            under: Some((future.contract.con_id, symbol.clone(), "FUT")),
            ..future.clone()
        };
        let morning = schedule == Schedule::FutureEnd;
        Some(Class {
            under_con_id: future.contract.con_id,
            schedule,
            cycle: 0,
            morning,
            // Only the quarter's own options may be exercised early.
            american: morning,
            ratio: 1.0,
            surface: scenario.surfaces.index,
            grid,
            block,
            known,
            pinned: Vec::new(),
            series: std::sync::OnceLock::new(),
            pattern,
        })
    });
    classes.collect()
}

/// Gives a contract of a class the id that the scenario wants for it.
fn pin(row: &OptionData, classes: &mut [Class], today: Date) -> Result<(), String> {
    let on = expiry(&row.expiry, today).ok_or_else(|| format!("expiry {:?} is neither a date nor monthly+N", row.expiry))?;
    let class = classes.iter_mut().find(|class| class.under_con_id == row.underlying && class.ratio == 1.0);
    let class = class.ok_or("the underlying has no options")?;
    let strike = class.grid.code(row.strike).ok_or_else(|| format!("strike {} is not on the grid of {}", row.strike, class.name()))?;
    let series = class.series_of(class.block.number(on)).filter(|series| series.expiration.on == on);
    if series.is_none() {
        return Err(format!("{} has no series that expires on {on}", class.name()));
    }
    class.pinned.push(Pinned { con_id: row.con_id, on, since: today, strike, call: row.right == "C" });
    // What was made for the look is made again, with the pin.
    class.series = std::sync::OnceLock::new();
    Ok(())
}

/// A date, or `monthly+2`: the third Friday of the month after next.
fn expiry(text: &str, today: Date) -> Option<Date> {
    if let Ok(on) = text.parse() {
        return Some(on);
    }
    let months: i64 = text.strip_prefix("monthly+")?.parse().ok()?;
    let month = add(today.first_of_month(), months.months());
    Some(trading_day(third_friday(month.year(), month.month())))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::world::build::instruments;
    use crate::world::scenario::DEFAULT;

    const TODAY: Date = date(2026, 11, 20);

    fn build(from: &str, to: &str) -> Result<Chains, String> {
        assert!(DEFAULT.contains(from), "{from}");
        let scenario = Scenario::parse("mine.toml", &DEFAULT.replacen(from, to, 1)).unwrap();
        chains(&scenario, &instruments(&scenario, 1, TODAY), TODAY).map_err(|error| error.to_string())
    }

    #[test]
    fn options_that_no_chain_has_are_refused() {
        let option = r#"con_id = 800000101, underlying = 265598, right = "C", strike = 275.0, expiry = "monthly+2""#;
        let with = |to: &str| build(option, to).map(|_| ()).unwrap_err();
        for (row, word) in [
            (r#"con_id = 800000101, underlying = 265598, right = "C", strike = 276.0, expiry = "monthly+2""#, "grid"),
            (r#"con_id = 800000101, underlying = 265598, right = "C", strike = 275.0, expiry = "2026-12-17""#, "2026-12-17"),
            (r#"con_id = 800000101, underlying = 265598, right = "C", strike = 275.0, expiry = "2035-01-19""#, "2035-01-19"),
            (r#"con_id = 800000101, underlying = 265598, right = "C", strike = 275.0, expiry = "soon""#, "soon"),
            (r#"con_id = 800000101, underlying = 14204, right = "C", strike = 275.0, expiry = "monthly+2""#, "no options"),
        ] {
            let error = with(row);
            assert!(error.contains("800000101") && error.contains(word), "{error}");
        }
        for (steps, word) in [("morning = true, steps = [5.0, 25.0", "SPX"), ("option_steps = [5.0, 25.0", "ES")] {
            assert!(build(steps, &steps.replace("5.0, 25.0", "0.3, 25.0")).unwrap_err().contains(word));
        }
    }

    /// A default scenario starts on any day: the leg two months ahead is there before its class lists it.
    #[test]
    fn a_pinned_series_is_listed_from_the_start() {
        let scenario = Scenario::load(None).unwrap();
        let mut early = 0;
        for month in 0..24 {
            let today = add(date(2025, 1, 3), jiff::Span::new().months(month));
            let found = chains(&scenario, &instruments(&scenario, 1, today), today).unwrap();
            let leg = found.get(800_000_101).unwrap();
            let query = Contract { local_symbol: leg.contract.local_symbol.clone(), sec_type: "OPT".into(), ..Contract::default() };
            assert_eq!(found.find(&query, today).len(), 1, "{today}");
            early += i32::from(leg.first_day == today);
        }
        assert!((1..24).contains(&early), "{early}");
    }

    /// A strike that the ladder would not have is added for who names it.
    #[test]
    fn a_pinned_strike_is_added() {
        let far = r#"con_id = 800000101, underlying = 265598, right = "P", strike = 52.5, expiry = "monthly+2""#;
        let found = build(r#"con_id = 800000101, underlying = 265598, right = "C", strike = 275.0, expiry = "monthly+2""#, far).unwrap();
        assert_eq!(found.get(800_000_101).unwrap().contract.local_symbol, "AAPL  270115P00052500");
    }

    #[test]
    fn a_stock_added_at_the_end_moves_no_id() {
        let last = r#"    { symbol = "7203""#;
        let more = r#"    { symbol = "MORE", con_id = 999000001, name = "MORE INC", exchange = "NYSE", price = 50.0, volatility = 0.3, volume = 5.0 },
    { symbol = "7203""#;
        let firsts = |chains: &Chains| chains.classes.iter().map(|class| (class.name().to_owned(), class.block)).collect::<Vec<_>>();
        let (before, after) = (firsts(&build(last, last).unwrap()), firsts(&build(last, more).unwrap()));
        assert_eq!(before[..], after[..before.len()]);
        assert_eq!(after.len(), before.len() + 1);
    }
}
