//! What was read of a contract, as a row: IB's Greeks, or ours where IB gives only prices.
//!
//! Pure. Invariant: what nobody told is absent; a row says whose Greeks it has.

use ib_link::{Greeks as Told, Quote};
use jiff::{SignedDuration, Timestamp, civil::Date};
use schemas::{
    Num,
    context::DataType,
    options::{GreeksSource, OptionRow},
};

use crate::{
    calendar,
    pricing::{DAYS_PER_YEAR, Greeks, Inputs, Model},
    right::Right,
    series::{Listed, Series},
};

const DAY_S: f64 = 86_400.0;
/// Decimal places of values that are worked out here.
const PRICE_DP: u32 = 6;
/// Significant digits of a Greek: more would be noise of the computation.
const GREEK_DIGITS: i32 = 6;

/// What rows of one series have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) series: &'a Series,
    pub(crate) model: Model,
    /// The underlying's, where the ticks do not bring theirs.
    pub(crate) spot: Option<f64>,
    /// By the gateway's clock.
    pub(crate) now: Timestamp,
    /// How far that clock is from ours, by which ticks are stamped.
    pub(crate) ahead: SignedDuration,
}

impl Rows<'_> {
    pub(crate) fn row(&self, listed: &Listed, quote: &Quote) -> OptionRow {
        let Series { trading_class, multiplier, settlement, date, last_trade, zone, .. } = self.series;
        let mid = middle(quote);
        let (greeks, source, underlying) = self.greeks(listed, quote, mid);
        OptionRow {
            conid: listed.contract.conid,
            local_symbol: listed.contract.local_symbol.clone().unwrap_or_default(),
            trading_class: trading_class.clone(),
            multiplier: *multiplier,
            right: listed.right.as_str().to_owned(),
            strike: listed.strike,
            expiration: date.to_string(),
            settlement: *settlement,
            last_trade_time: Some(told_time(*last_trade, zone)),
            dte: days(calendar::today(self.now, zone), *date),
            bid: quote.bid,
            bid_size: quote.bid_size,
            ask: quote.ask,
            ask_size: quote.ask_size,
            last: quote.last,
            last_size: quote.last_size,
            close: quote.close,
            mid,
            volume: quote.volume,
            open_interest: match listed.right {
                Right::Call => quote.call_open_interest,
                Right::Put => quote.put_open_interest,
            },
            iv: greeks.iv.map(rounded),
            delta: greeks.delta.map(rounded),
            gamma: greeks.gamma.map(rounded),
            theta: greeks.theta.map(rounded),
            vega: greeks.vega.map(rounded),
            underlying_price: underlying.and_then(price),
            greeks_source: source,
            data_type: quote.data_type,
            as_of: quote.at.and_then(|at| at.checked_add(self.ahead).ok()).unwrap_or(self.now),
        }
    }

    /// IB's model first: it is made of the whole chain. Then the computations of single prices, then our own.
    fn greeks(&self, listed: &Listed, quote: &Quote, mid: Option<Num>) -> (Told, Option<GreeksSource>, Option<f64>) {
        let told = &quote.greeks;
        let of_ib = [
            (&told.model, GreeksSource::Model),
            (&told.bid, GreeksSource::Bid),
            (&told.ask, GreeksSource::Ask),
            (&told.last, GreeksSource::Last),
        ];
        let found =
            of_ib.into_iter().find_map(|(greeks, source)| greeks.filter(|greeks| greeks.delta.is_some()).map(|greeks| (greeks, source)));
        if let Some((greeks, source)) = found {
            let underlying = greeks.underlying_price.or(self.spot);
            return (greeks, Some(source), underlying);
        }
        let ours = mid.or(quote.last).zip(self.spot).and_then(|(price, spot)| {
            let inputs = Inputs { spot, strike: listed.strike.to_f64(), years: self.years(), right: listed.right };
            let iv = self.model.implied_volatility(&inputs, price.to_f64())?;
            Some((iv, self.model.greeks(&inputs, iv)?))
        });
        match ours {
            Some((iv, Greeks { price, delta, gamma, theta, vega })) => {
                let greeks = Told {
                    iv: Some(iv),
                    delta: Some(delta),
                    gamma: Some(gamma),
                    theta: Some(theta),
                    vega: Some(vega),
                    price: Some(price),
                    underlying_price: self.spot,
                };
                (greeks, Some(GreeksSource::Bs), self.spot)
            }
            None => (Told::default(), None, self.spot),
        }
    }

    /// Until the settlement price is made.
    fn years(&self) -> f64 {
        let left = self.series.settles.duration_since(self.now).as_secs_f64();
        left.max(0.0) / (DAYS_PER_YEAR * DAY_S)
    }
}

pub(crate) fn middle(quote: &Quote) -> Option<Num> {
    let (bid, ask) = quote.bid.zip(quote.ask)?;
    let sum = bid.0.checked_add(ask.0)?;
    Some(Num((sum / rust_decimal::Decimal::TWO).normalize()))
}

/// The lesser of two kinds of data: what a whole answer may call itself.
pub(crate) fn lesser(a: DataType, b: DataType) -> DataType {
    let rank = |data: &DataType| match data {
        DataType::Live => 0,
        DataType::Frozen => 1,
        DataType::Delayed => 2,
        _ => 3,
    };
    if rank(&b) > rank(&a) { b } else { a }
}

pub(crate) fn price(value: f64) -> Option<Num> {
    Num::from_ib(value).map(|value| Num(value.0.round_dp(PRICE_DP).normalize()))
}

fn told_time(at: Timestamp, zone: &str) -> String {
    at.to_zoned(calendar::zone(zone)).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn days(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

/// To [`GREEK_DIGITS`] significant digits.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10_f64.powi(GREEK_DIGITS - 1 - magnitude(value));
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

#[expect(clippy::cast_possible_truncation, reason = "a double's decimal exponent is within 325")]
fn magnitude(value: f64) -> i32 {
    value.abs().log10().floor() as i32
}
