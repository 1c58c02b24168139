//! One tradable thing: what identifies it, what IB tells about it, and where its price comes from.

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;

use super::calendar::{Calendar, Hours, add};
use super::chain::model::OptionModel;
use super::events::Events;
use super::prices::Path;
use crate::proto::types::{Contract, ContractDetails};

/// Everything known about one contract.
#[derive(Debug, Clone)]
pub(crate) struct Instrument {
    /// As positions show it: without the exchange of a request.
    pub(crate) contract: Contract,
    pub(crate) name: String,
    pub(crate) industry: String,
    pub(crate) category: String,
    pub(crate) subcategory: String,
    pub(crate) stock_type: String,
    pub(crate) isin: String,
    pub(crate) market_name: String,
    pub(crate) valid_exchanges: String,
    pub(crate) market_rule: i32,
    pub(crate) order_types: &'static str,
    pub(crate) derivatives: &'static [&'static str],
    pub(crate) min_tick: f64,
    pub(crate) size_step: &'static str,
    pub(crate) hours: Hours,
    pub(crate) path: Path,
    /// Its implied volatility, or its underlying's: annual, at the money, a month out.
    pub(crate) implied: Path,
    pub(crate) option: Option<OptionModel>,
    /// Contract id, symbol and kind of the underlying, for derivatives.
    pub(crate) under: Option<(i32, String, &'static str)>,
    /// The last day on which it trades.
    pub(crate) expiry: Option<Date>,
    /// The day on which it settles, where that is another.
    pub(crate) settles: Option<Date>,
    /// Jumps and halts, its own or its underlying's.
    pub(crate) events: Arc<Events>,
    pub(crate) first_day: Date,
    pub(crate) volatility: f64,
    /// Shown volume is the path's volume divided by this (crypto trades in fractions).
    pub(crate) volume_unit: f64,
}

/// How many days of opening hours contract details list.
const HOURS_LISTED: i64 = 6;
/// Seconds of a day.
const DAY: i64 = 86_400;

impl Instrument {
    pub(crate) fn multiplier(&self) -> f64 {
        self.contract.multiplier.unwrap_or(1.0)
    }

    /// The hours by which the path of the price splits into days: those of the stock market for all that
    /// follows it, so that an index, what tracks it and their options move as one.
    pub(crate) fn path_hours(&self) -> Hours {
        if matches!(self.hours, Hours::UsIndex | Hours::UsOption) { Hours::UsStock } else { self.hours }
    }

    /// Where the path ends a day, before rounding; an option's is its underlying's.
    pub(crate) fn level(&self, on: Date) -> f64 {
        let end = (super::prices::day_number(on) + 1) * DAY;
        self.path.level(on) * self.events.factor(end)
    }

    pub(crate) fn is(&self, sec_type: &str) -> bool {
        self.contract.sec_type == sec_type
    }

    /// The exchange that a request without one gets.
    pub(crate) fn home_exchange(&self) -> &str {
        self.valid_exchanges.split(',').next().unwrap_or_default()
    }

    /// The first exchange behind the router; empty where there is none.
    pub(crate) fn venue(&self) -> &str {
        self.valid_exchanges.split(',').find(|name| *name != "SMART").unwrap_or_default()
    }

    /// The contract as details and bars name it: with the exchange that was asked for.
    pub(crate) fn routed(&self, exchange: &str) -> Contract {
        let exchange = if exchange.is_empty() { self.home_exchange() } else { exchange };
        Contract { exchange: exchange.to_owned(), ..self.contract.clone() }
    }

    /// The contract as positions name it: the captures show the primary exchange of a stock in the
    /// exchange field, an empty one for derivatives, and no primary exchange.
    pub(crate) fn held(&self) -> Contract {
        let exchange = if self.is("STK") { self.contract.primary_exchange.clone() } else { String::new() };
        Contract { exchange, primary_exchange: String::new(), ..self.contract.clone() }
    }

    pub(crate) fn details(&self, calendar: Calendar, today: Date) -> ContractDetails {
        let (under_con_id, under_symbol, under_sec_type) =
            self.under.clone().map_or((0, String::new(), String::new()), |(id, symbol, kind)| (id, symbol, kind.into()));
        let rules = self.valid_exchanges.split(',').map(|_| self.market_rule.to_string());
        let day = |on: Option<Date>| on.map(|on| on.strftime("%Y%m%d").to_string()).unwrap_or_default();
        let settles = self.settles.or(self.expiry);
        ContractDetails {
            market_name: self.market_name.clone(),
            min_tick: plain(self.min_tick),
            order_types: self.order_types.to_owned(),
            valid_exchanges: self.valid_exchanges.clone(),
            price_magnifier: 1,
            under_con_id,
            long_name: self.name.clone(),
            contract_month: settles.map(|on| on.strftime("%Y%m").to_string()).unwrap_or_default(),
            industry: self.industry.clone(),
            category: self.category.clone(),
            subcategory: self.subcategory.clone(),
            time_zone_id: self.hours.zone_id().to_owned(),
            trading_hours: calendar.hours_text(self.hours, today, HOURS_LISTED, false),
            liquid_hours: calendar.hours_text(self.hours, today, HOURS_LISTED, true),
            sec_ids: if self.isin.is_empty() { Vec::new() } else { vec![("ISIN".into(), self.isin.clone())] },
            agg_group: 1,
            under_symbol,
            under_sec_type,
            market_rule_ids: rules.collect::<Vec<_>>().join(","),
            real_expiration_date: day(settles),
            last_trade_date: day(self.expiry),
            stock_type: self.stock_type.clone(),
            min_size: self.size_step.to_owned(),
            size_increment: self.size_step.to_owned(),
            suggested_size_increment: if self.is("STK") { "100".into() } else { self.size_step.to_owned() },
        }
    }

    /// A price on the grid of this instrument.
    pub(crate) fn round(&self, price: f64) -> f64 {
        let nearest = on_grid(price, self.min_tick);
        // Nothing that trades at all is quoted at zero.
        if self.option.is_some() { nearest.max(self.min_tick) } else { nearest }
    }
}

/// The nearest multiple of `step`, free of binary dust.
pub(crate) fn on_grid(value: f64, step: f64) -> f64 {
    let steps = (value / step).round();
    decimal(steps * step, 8)
}

pub(crate) fn decimal(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    (value * scale).round() / scale
}

/// A number as IB writes it: no exponent, no trailing zeros.
pub(crate) fn plain(value: f64) -> String {
    let text = format!("{value:.8}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// How futures exchanges write a month.
pub(crate) fn month_letter(on: Date) -> char {
    let letters = ['F', 'G', 'H', 'J', 'K', 'M', 'N', 'Q', 'U', 'V', 'X', 'Z'];
    letters[usize::try_from(on.month() - 1).unwrap_or(0).min(11)]
}

/// The third Friday of a month, when monthly options and quarterly futures end.
pub(crate) fn third_friday(year: i16, month: i8) -> Date {
    let first = Date::new(year, month, 1).unwrap_or(Date::constant(1970, 1, 1));
    let to_friday = (4 - i64::from(first.weekday().to_monday_zero_offset())).rem_euclid(7);
    add(first, (to_friday + 14).days())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn third_fridays() {
        for (year, month, day) in [(2026, 12, 18), (2027, 1, 15), (2027, 3, 19), (2026, 5, 15)] {
            assert_eq!(third_friday(year, month), date(year, month, day));
        }
    }

    #[test]
    fn numbers_are_plain() {
        for (value, text) in [(0.01, "0.01"), (0.00005, "0.00005"), (100.0, "100"), (-3.0, "-3"), (-0.0, "0"), (1.5, "1.5")] {
            assert_eq!(plain(value), text);
        }
        assert_eq!(on_grid(254.204_999, 0.01), 254.20);
        assert_eq!(on_grid(1.151_53, 0.00005), 1.151_55);
    }
}
