//! Black-Scholes-Merton prices, Greeks and implied volatility, for contracts whose Greeks IB did not send.
//!
//! Invariant: every number that is returned is finite. The model knows European exercise only; that an American put is
//! worth more, and that the rates are assumptions, is for the reply's notes to say.

use std::f64::consts::{PI, SQRT_2};

use crate::right::Right;

/// A year has 365 days.
pub(crate) const DAYS_PER_YEAR: f64 = 365.0;
/// Volatilities that are looked for, as fractions of a year's.
pub(crate) const IV_MIN: f64 = 1e-4;
pub(crate) const IV_MAX: f64 = 5.0;
/// Halvings of that range: below 1e-14, finer than a price can tell.
const HALVINGS: u32 = 49;
/// Standard deviations of the underlying until expiration below this are none: the limits of the formulas are taken.
const DEVIATION_MIN: f64 = 1e-9;
/// Where a point of volatility moves the price by less than this part of the underlying's, no quoted price tells the
/// volatility: a cent on a 100 dollar stock would be 100 points.
const VEGA_MIN_OF_SPOT: f64 = 1e-6;

/// What is assumed of the market, as continuous yearly rates.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(crate) struct Model {
    pub(crate) rate: f64,
    pub(crate) dividend_yield: f64,
}

/// One contract and what its underlying stands at.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(crate) struct Inputs {
    pub(crate) spot: f64,
    pub(crate) strike: f64,
    /// Until expiration.
    pub(crate) years: f64,
    pub(crate) right: Right,
}

/// In the units of `schemas::options::OptionRow`.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(crate) struct Greeks {
    pub(crate) price: f64,
    pub(crate) delta: f64,
    pub(crate) gamma: f64,
    /// Of one calendar day.
    pub(crate) theta: f64,
    /// Of one point (0.01) of volatility.
    pub(crate) vega: f64,
}

impl Model {
    /// `None` where a price is not positive, or a result is beyond what a double holds.
    pub(crate) fn greeks(&self, inputs: &Inputs, iv: f64) -> Option<Greeks> {
        let terms = Terms::of(self, inputs).filter(|_| iv >= 0.0)?;
        let Terms { sign, spot, strike, .. } = terms;
        let deviation = iv * terms.root_years;
        let chances = terms.chances(deviation);
        let (in_money_spot, in_money_strike) = chances;
        // Of a fixed outcome, and after expiration, nothing is left but what the rates do.
        let (density, decay) = if deviation < DEVIATION_MIN {
            (0.0, 0.0)
        } else {
            let density = density(terms.d1(deviation));
            (density, spot * density * iv / (2.0 * terms.root_years))
        };
        let carry = self.dividend_yield * spot * in_money_spot - self.rate * strike * in_money_strike;
        let expired = inputs.years <= 0.0;
        let greeks = Greeks {
            price: terms.value(chances),
            delta: sign * terms.dividend_discount * in_money_spot,
            gamma: if density > 0.0 { terms.dividend_discount * density / (inputs.spot * deviation) } else { 0.0 },
            theta: if expired { 0.0 } else { (sign * carry - decay) / DAYS_PER_YEAR },
            vega: spot * density * terms.root_years * 0.01,
        };
        let Greeks { price, delta, gamma, theta, vega } = greeks;
        [price, delta, gamma, theta, vega].iter().all(|value| value.is_finite()).then_some(greeks)
    }

    /// The volatility at which the model gives this price. `None` where no volatility does, because the price breaks a
    /// bound that arbitrage sets, and where the price hardly depends on it.
    pub(crate) fn implied_volatility(&self, inputs: &Inputs, price: f64) -> Option<f64> {
        let terms = Terms::of(self, inputs)?;
        let price_at = |iv: f64| terms.value(terms.chances(iv * terms.root_years));
        let (mut low, mut high) = (IV_MIN, IV_MAX);
        // Written so that a price or a bound that is no number is refused.
        if !(price > price_at(low) && price < price_at(high)) {
            return None;
        }
        // The price rises with the volatility.
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if price_at(middle) < price {
                low = middle;
            } else {
                high = middle;
            }
        }
        let iv = 0.5 * (low + high);
        self.greeks(inputs, iv).filter(|greeks| greeks.vega >= VEGA_MIN_OF_SPOT * inputs.spot).map(|_| iv)
    }
}

/// What does not depend on the volatility. Spot and strike are discounted: by the dividends, and by the rate.
#[derive(Debug)]
struct Terms {
    sign: f64,
    spot: f64,
    strike: f64,
    dividend_discount: f64,
    /// Logarithm of the forward price over the strike.
    log_forward: f64,
    root_years: f64,
}

impl Terms {
    fn of(model: &Model, inputs: &Inputs) -> Option<Self> {
        let years = inputs.years.max(0.0);
        let dividend_discount = (-model.dividend_yield * years).exp();
        let terms = Self {
            sign: match inputs.right {
                Right::Call => 1.0,
                Right::Put => -1.0,
            },
            spot: inputs.spot * dividend_discount,
            strike: inputs.strike * (-model.rate * years).exp(),
            dividend_discount,
            log_forward: inputs.spot.ln() - inputs.strike.ln() + (model.rate - model.dividend_yield) * years,
            root_years: years.sqrt(),
        };
        let known = inputs.spot > 0.0 && inputs.strike > 0.0 && !inputs.years.is_nan();
        (known && [terms.spot, terms.strike, terms.log_forward, terms.root_years].iter().all(|term| term.is_finite())).then_some(terms)
    }

    fn d1(&self, deviation: f64) -> f64 {
        self.log_forward / deviation + 0.5 * deviation
    }

    /// The chances of ending in the money, as the holder of the underlying and as the holder of cash weighs them: N(d1)
    /// and N(d2) of a call, N(-d1) and N(-d2) of a put.
    fn chances(&self, deviation: f64) -> (f64, f64) {
        if deviation < DEVIATION_MIN {
            let certain = match (self.sign * self.log_forward).partial_cmp(&0.0) {
                Some(std::cmp::Ordering::Greater) => 1.0,
                Some(std::cmp::Ordering::Less) => 0.0,
                _ => 0.5,
            };
            return (certain, certain);
        }
        let d1 = self.d1(deviation);
        (normal(self.sign * d1), normal(self.sign * (d1 - deviation)))
    }

    fn value(&self, (in_money_spot, in_money_strike): (f64, f64)) -> f64 {
        // Rounding must not leave a far contract a price below nothing.
        (self.sign * (self.spot * in_money_spot - self.strike * in_money_strike)).max(0.0)
    }
}

/// The normal distribution up to `x`.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

#[cfg(test)]
#[path = "pricing_tests.rs"]
mod tests;
