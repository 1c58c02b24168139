//! One tradable thing: what identifies it, what IB tells about it, and where its price comes from.

use jiff::ToSpan;
use jiff::civil::Date;

use super::calendar::{Calendar, Hours, add};
use super::prices::{Node, Path};
use crate::proto::types::{Contract, ContractDetails};

/// An option's price seen through its underlying's path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionModel {
    pub(crate) strike: f64,
    pub(crate) call: bool,
    pub(crate) expiry: Date,
    pub(crate) volatility: f64,
}

/// The rate in the option model; high enough to matter, low enough not to need a curve.
const RATE: f64 = 0.04;

impl OptionModel {
    /// Black-Scholes at this price of the underlying. Time counts in whole days, so that within a day
    /// the price is monotone in the underlying's and bars still fold.
    pub(crate) fn price(&self, on: Date, underlying: f64) -> f64 {
        let days = super::prices::day_number(self.expiry) - super::prices::day_number(on);
        let years = f64::from(i32::try_from(days.max(0)).unwrap_or(0)) / 365.0;
        let value = if years <= 0.0 {
            if self.call { underlying - self.strike } else { self.strike - underlying }
        } else {
            let spread = self.volatility * years.sqrt();
            let d1 = ((underlying / self.strike).ln() + (RATE + self.volatility.powi(2) / 2.0) * years) / spread;
            let d2 = d1 - spread;
            let discounted = self.strike * (-RATE * years).exp();
            if self.call { underlying * normal(d1) - discounted * normal(d2) } else { discounted * normal(-d2) - underlying * normal(-d1) }
        };
        value.max(0.01)
    }

    pub(crate) fn view(&self, on: Date, node: Node) -> Node {
        let (a, b) = (self.price(on, node.high), self.price(on, node.low));
        Node {
            open: self.price(on, node.open),
            high: a.max(b),
            low: a.min(b),
            close: self.price(on, node.close),
            // Options trade in far fewer lots than their underlying.
            volume: node.volume / 20_000,
            trades: node.volume / 100_000,
        }
    }
}

/// The normal distribution (Abramowitz and Stegun 26.2.17, error below 1e-7).
fn normal(x: f64) -> f64 {
    let k = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let poly = k * (0.319_381_530 + k * (-0.356_563_782 + k * (1.781_477_937 + k * (-1.821_255_978 + k * 1.330_274_429))));
    let tail = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
    if x >= 0.0 { 1.0 - tail } else { tail }
}

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
    pub(crate) option: Option<OptionModel>,
    /// Contract id, symbol and kind of the underlying, for derivatives.
    pub(crate) under: Option<(i32, String, &'static str)>,
    pub(crate) expiry: Option<Date>,
    pub(crate) first_day: Date,
    pub(crate) volatility: f64,
    /// Shown volume is the path's volume divided by this (crypto trades in fractions).
    pub(crate) volume_unit: f64,
}

/// How many days of opening hours contract details list.
const HOURS_LISTED: i64 = 6;

impl Instrument {
    pub(crate) fn multiplier(&self) -> f64 {
        self.contract.multiplier.unwrap_or(1.0)
    }

    /// The hours in which the price moves: an option's follows its stock, also before the open.
    pub(crate) fn path_hours(&self) -> Hours {
        if self.option.is_some() { Hours::UsStock } else { self.hours }
    }

    pub(crate) fn is(&self, sec_type: &str) -> bool {
        self.contract.sec_type == sec_type
    }

    /// The exchange that a request without one gets.
    pub(crate) fn home_exchange(&self) -> &str {
        self.valid_exchanges.split(',').next().unwrap_or_default()
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
        let expiry = self.expiry.map(|on| on.strftime("%Y%m%d").to_string()).unwrap_or_default();
        ContractDetails {
            market_name: self.market_name.clone(),
            min_tick: plain(self.min_tick),
            order_types: self.order_types.to_owned(),
            valid_exchanges: self.valid_exchanges.clone(),
            price_magnifier: 1,
            under_con_id,
            long_name: self.name.clone(),
            contract_month: self.expiry.map(|on| on.strftime("%Y%m").to_string()).unwrap_or_default(),
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
            real_expiration_date: expiry.clone(),
            last_trade_date: expiry,
            stock_type: self.stock_type.clone(),
            min_size: self.size_step.to_owned(),
            size_increment: self.size_step.to_owned(),
            suggested_size_increment: if self.is("STK") { "100".into() } else { self.size_step.to_owned() },
        }
    }

    /// A price on the grid of this instrument.
    pub(crate) fn round(&self, price: f64) -> f64 {
        on_grid(price, self.min_tick)
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

    /// Put-call parity, and a textbook value (Hull: S=42, K=40, r=0.1 differs; here r=0.04).
    #[test]
    fn options_keep_put_call_parity() {
        let today = date(2026, 11, 20);
        let call = OptionModel { strike: 275.0, call: true, expiry: date(2027, 1, 15), volatility: 0.28 };
        let put = OptionModel { call: false, ..call };
        let years = 56.0 / 365.0;
        for spot in [200.0, 275.0, 350.0] {
            let parity = call.price(today, spot) - put.price(today, spot);
            assert!((parity - (spot - 275.0 * (-0.04_f64 * years).exp())).abs() < 0.02, "{spot}");
        }
        assert_eq!(call.price(call.expiry, 300.0), 25.0);
    }
}
