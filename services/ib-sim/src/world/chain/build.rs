//! From the scenario's rows to trading classes.
//!
//! Every US stock has a class of its own unless it says otherwise; indices, daily expirations and
//! adjusted contracts are rows of the scenario. Invariant: ids are given out in the scenario's order,
//! indices before stocks, so a stock added at the end of its list moves none.

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

/// Chains of all optionable instruments among `all`, as known around `today`.
pub(crate) fn chains(scenario: &Scenario, all: &[Instrument], today: Date) -> Result<Chains, Error> {
    let fail = |reason: String| Error::Scenario { name: "chains".into(), reason };
    let known = (add(today, (-DAYS_BACK).days()), add(today, YEARS_AHEAD.years()));
    let kinds = ["IND", "STK"];
    let unders = kinds.iter().flat_map(|kind| all.iter().filter(move |row| row.is(kind)));
    let mut classes = Vec::new();
    let mut first = FIRST;
    for under in unders {
        let own = under.contract.con_id;
        let mut rows: Vec<ChainData> = scenario.chains.iter().filter(|row| row.underlying == own).cloned().collect();
        let stock = scenario.stocks.iter().find(|stock| stock.con_id == own);
        let class = under.contract.symbol.replace(' ', "");
        if stock.is_some_and(|stock| stock.optionable && stock.hours == Hours::UsStock) && rows.iter().all(|row| row.class != class) {
            let busy = stock.is_some_and(|stock| stock.volume >= BUSY_MILLIONS);
            rows.insert(0, ChainData::usual(own, &class, if busy { Schedule::Weekly } else { Schedule::Monthly }));
        }
        for row in rows {
            let class = class_of(scenario, &row, under, first, known).ok_or_else(|| fail(format!("class {}: bad steps", row.class)))?;
            first = class.block.next().ok_or_else(|| fail("more option classes than ids; set optionable = false on some stocks".into()))?;
            classes.push(class);
        }
    }
    for row in &scenario.options {
        pin(row, &mut classes, today).map_err(|reason| Error::Scenario { name: format!("option {}", row.con_id), reason })?;
    }
    Ok(Chains::new(classes))
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

/// Gives a contract of a class the id that the scenario wants for it.
fn pin(row: &OptionData, classes: &mut [Class], today: Date) -> Result<(), String> {
    let on = expiry(&row.expiry, today).ok_or_else(|| format!("expiry {:?} is neither a date nor monthly+N", row.expiry))?;
    let class = classes.iter_mut().find(|class| class.under_con_id == row.underlying && class.ratio == 1.0);
    let class = class.ok_or("the underlying has no options")?;
    let strike = class.grid.code(row.strike).ok_or_else(|| format!("strike {} is not on the grid of {}", row.strike, class.name()))?;
    let series = class.series_of(class.block.number(on)).filter(|series| series.expiration.on == on && series.expiration.listed <= today);
    if series.is_none() {
        return Err(format!("{} has no series that expires on {on}", class.name()));
    }
    class.pinned.push(Pinned { con_id: row.con_id, on, strike, call: row.right == "C" });
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
