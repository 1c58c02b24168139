//! The maths of one option: Black-Scholes value, Greeks, and the volatility that explains a price.
//!
//! Invariant: for every finite input the results are finite; a value never falls when the volatility
//! rises, and moves with the underlying in the option's direction. One rate for all, no dividends. An
//! American option is worth at least what exercising it now brings (of a stock's only deep puts ever need
//! that rule, and there the Greeks are those of the exercised position); European ones keep put-call
//! parity exactly.

/// The yearly rate of every model in this world, continuously compounded.
pub(crate) const RATE: f64 = 0.04;
/// Years are counted as 365 days of this length.
pub(crate) const DAY_SECONDS: f64 = 86_400.0;
const YEAR_DAYS: f64 = 365.0;
/// Volatilities outside are not looked for: 0.01% and 1000% a year.
const VOLATILITIES: (f64, f64) = (0.0001, 10.0);
/// Halvings of the search for a volatility; leaves less than 1e-14 of the range.
const MAX_STEPS: usize = 64;

/// An option with the time it has left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Vanilla {
    pub(crate) call: bool,
    pub(crate) strike: f64,
    /// Years until the expiration; zero or less is expired.
    pub(crate) years: f64,
    /// May be exercised at any time.
    pub(crate) american: bool,
    /// The underlying is a future, whose price holds the cost of carrying already.
    pub(crate) on_future: bool,
}

/// Value and sensitivities in IB's units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Greeks {
    /// Annual, as a fraction.
    pub(crate) iv: f64,
    pub(crate) delta: f64,
    pub(crate) gamma: f64,
    /// For one percentage point of volatility.
    pub(crate) vega: f64,
    /// For one day.
    pub(crate) theta: f64,
    /// The model's value, not rounded to any grid.
    pub(crate) price: f64,
    pub(crate) underlying: f64,
}

struct Terms {
    d1: f64,
    d2: f64,
    /// Today's value of the underlying and of the strike at the expiration.
    carried: f64,
    discounted: f64,
    root: f64,
}

pub(crate) fn years_between(from: i64, to: i64) -> f64 {
    f64::from(i32::try_from((to - from).max(0)).unwrap_or(i32::MAX)) / (YEAR_DAYS * DAY_SECONDS)
}

impl Vanilla {
    pub(crate) fn intrinsic(&self, spot: f64) -> f64 {
        (if self.call { spot - self.strike } else { self.strike - spot }).max(0.0)
    }

    fn terms(&self, spot: f64, volatility: f64) -> Option<Terms> {
        let root = self.years.max(0.0).sqrt();
        let spread = volatility * root;
        if !(spread > 0.0 && spot > 0.0 && self.strike > 0.0) {
            return None;
        }
        let (carried, discounted) = self.present(spot);
        let d1 = (carried / discounted).ln() / spread + spread / 2.0;
        Some(Terms { d1, d2: d1 - spread, carried, discounted, root })
    }

    /// Today's values of the underlying and of the strike at the expiration.
    fn present(&self, spot: f64) -> (f64, f64) {
        let discount = (-RATE * self.years.max(0.0)).exp();
        (if self.on_future { spot * discount } else { spot }, self.strike * discount)
    }

    pub(crate) fn price(&self, spot: f64, volatility: f64) -> f64 {
        let european = match self.terms(spot, volatility) {
            None => self.without_volatility(spot),
            Some(terms) => self.value(&terms),
        };
        if self.american { european.max(self.intrinsic(spot)) } else { european }
    }

    fn value(&self, terms: &Terms) -> f64 {
        let sign = self.sign();
        (sign * (terms.carried * normal(sign * terms.d1) - terms.discounted * normal(sign * terms.d2))).max(0.0)
    }

    /// The forward's intrinsic value: the limit for a vanishing volatility.
    fn without_volatility(&self, spot: f64) -> f64 {
        let (carried, discounted) = self.present(spot);
        (self.sign() * (carried - discounted)).max(0.0)
    }

    fn sign(&self) -> f64 {
        if self.call { 1.0 } else { -1.0 }
    }

    pub(crate) fn greeks(&self, spot: f64, volatility: f64) -> Greeks {
        let still = |price: f64, delta: f64| Greeks { iv: volatility, delta, gamma: 0.0, vega: 0.0, theta: 0.0, price, underlying: spot };
        let price = self.price(spot, volatility);
        let intrinsic = self.intrinsic(spot);
        let Some(terms) = self.terms(spot, volatility) else {
            return still(price, if price > 0.0 { self.sign() } else { 0.0 });
        };
        let european = self.value(&terms);
        if self.american && intrinsic > european {
            return still(intrinsic, self.sign());
        }
        let sign = self.sign();
        let density = (-terms.d1 * terms.d1 / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let (kept, above) = (terms.carried / spot, normal(sign * terms.d1));
        let earned = if self.on_future { sign * RATE * terms.carried * above } else { 0.0 };
        let paid = sign * RATE * terms.discounted * normal(sign * terms.d2);
        let theta = (earned - paid - terms.carried * density * volatility / (2.0 * terms.root)) / YEAR_DAYS;
        // Waiting never gains on what may be exercised at once, and no day costs more than all there is.
        let theta = if self.american { theta.min(0.0) } else { theta };
        // Adding zero turns minus zero into zero, which a wire would show as "-0".
        Greeks {
            iv: volatility,
            delta: sign * kept * above + 0.0,
            gamma: kept * density / (spot * volatility * terms.root),
            vega: terms.carried * density * terms.root / 100.0,
            theta: theta.max(-price) + 0.0,
            price: price + 0.0,
            underlying: spot,
        }
    }

    /// The volatility at which the model gives `price`; none where no volatility does.
    pub(crate) fn implied_volatility(&self, spot: f64, price: f64) -> Option<f64> {
        let (mut low, mut high) = VOLATILITIES;
        if !(price.is_finite() && spot.is_finite()) || self.price(spot, low) >= price || self.price(spot, high) < price {
            return None;
        }
        for _ in 0..MAX_STEPS {
            let middle = f64::midpoint(low, high);
            if self.price(spot, middle) < price {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(f64::midpoint(low, high))
    }
}

/// The normal distribution to double precision (Hart's rational approximation, as West gives it).
fn normal(x: f64) -> f64 {
    const ABOVE: [f64; 7] = [
        220.206_867_912_376,
        221.213_596_169_931,
        112.079_291_497_871,
        33.912_866_078_383,
        6.373_962_203_531_65,
        0.700_383_064_443_688,
        3.526_249_659_989_11e-2,
    ];
    const BELOW: [f64; 8] = [
        440.413_735_824_752,
        793.826_512_519_948,
        637.333_633_378_831,
        296.564_248_779_674,
        86.780_732_202_946_1,
        16.064_177_579_207,
        1.755_667_163_182_64,
        8.838_834_764_831_84e-2,
    ];
    let size = x.abs();
    let exponential = (-size * size / 2.0).exp();
    let tail = if size > 37.0 {
        0.0
    } else if size < 7.071_067_811_865_47 {
        let poly = |coefficients: &[f64]| coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * size + coefficient);
        exponential * poly(&ABOVE) / poly(&BELOW)
    } else {
        let fraction = size + 1.0 / (size + 2.0 / (size + 3.0 / (size + 4.0 / (size + 0.65))));
        exponential / (fraction * (2.0 * std::f64::consts::PI).sqrt())
    };
    if x > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
#[path = "pricing_tests.rs"]
mod tests;
