//! The volatility surface: one level per underlying and day, a term structure, and a smile over strikes.
//!
//! Invariant: within a day an option's volatility depends on its strike and time alone, not on where the
//! underlying trades (sticky strike), so its value stays monotone in the underlying's price. From day
//! to day the smile is centred again on the previous day's close.

use serde::Deserialize;

/// The shape that all expirations of an underlying share.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Surface {
    /// How much volatility falls for one deviation of the strike above the money, as a fraction.
    pub(crate) skew: f64,
    /// How much it rises for one deviation squared, to both sides.
    pub(crate) smile: f64,
    /// How much higher it is for far expirations.
    pub(crate) term: f64,
    /// How much higher it is for the last days.
    pub(crate) front: f64,
}

/// Where the surface stands on one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Level {
    /// The price around which the smile is centred.
    pub(crate) centre: f64,
    /// At the money, a month out; annual, as a fraction.
    pub(crate) volatility: f64,
}

/// Deviations beyond this flatten out, so that far wings stay sane.
const WING: f64 = 2.5;
/// The deviation of shorter expirations is counted as if they had a week left.
const SHORTEST_YEARS: f64 = 1.0 / 52.0;
/// How fast the far and the near end of the term structure take hold, per year.
const FAR: f64 = 4.0;
const NEAR: f64 = 60.0;
/// No option trades below this volatility.
const LEAST: f64 = 0.02;

impl Surface {
    pub(crate) fn volatility(&self, level: &Level, strike: f64, years: f64) -> f64 {
        let years = years.max(0.0);
        let at_the_money = level.volatility * (1.0 + self.term * (1.0 - (-FAR * years).exp()) + self.front * (-NEAR * years).exp());
        let deviation = (strike / level.centre).ln() / (at_the_money * years.max(SHORTEST_YEARS).sqrt());
        let wing = WING * (deviation / WING).tanh();
        (at_the_money * (1.0 - self.skew * wing + self.smile * wing * wing)).max(LEAST)
    }

    /// Shapes outside of these bounds would let wings cross.
    pub(crate) fn check(&self) -> Result<(), String> {
        let sane = self.skew.abs() <= 0.2
            && (0.0..=0.05).contains(&self.smile)
            && (-0.3..=0.5).contains(&self.term)
            && (0.0..=0.5).contains(&self.front);
        if sane { Ok(()) } else { Err(format!("{self:?}: skew within 0.2, smile 0 to 0.05, term -0.3 to 0.5, front 0 to 0.5")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::pricing::{RATE, Vanilla};

    const STOCK: Surface = Surface { skew: 0.06, smile: 0.025, term: 0.05, front: 0.12 };
    const INDEX: Surface = Surface { skew: 0.12, smile: 0.02, term: 0.08, front: 0.1 };
    const UPSIDE: Surface = Surface { skew: -0.12, smile: 0.02, term: -0.2, front: 0.1 };

    #[test]
    fn puts_cost_more_on_an_index_and_far_months_differ_from_near() {
        let level = Level { centre: 6600.0, volatility: 0.16 };
        let month = 30.0 / 365.0;
        let (low, middle, high) =
            (INDEX.volatility(&level, 6000.0, month), INDEX.volatility(&level, 6600.0, month), INDEX.volatility(&level, 7200.0, month));
        assert!(low > middle * 1.15 && high < middle, "{low} {middle} {high}");
        assert!((middle / 0.16 - 1.0).abs() < 0.04);
        assert!(UPSIDE.volatility(&level, 7200.0, month) > UPSIDE.volatility(&level, 6000.0, month));
        assert!(INDEX.volatility(&level, 6600.0, 2.0) > middle);
        assert!(INDEX.volatility(&level, 6600.0, 0.001) > middle);
    }

    /// A dearer call at a higher strike, or a butterfly below zero, would be money for nothing.
    #[test]
    fn no_strike_is_mispriced_against_its_neighbours() {
        for (surface, volatility) in [(STOCK, 0.28), (STOCK, 0.7), (INDEX, 0.16), (INDEX, 0.3), (UPSIDE, 1.1)] {
            let level = Level { centre: 100.0, volatility };
            for days in [0.05, 1.0, 7.0, 30.0, 90.0, 365.0, 800.0] {
                let years = days / 365.0;
                let call = |strike: f64| {
                    Vanilla { call: true, strike, years, american: false, on_future: false }
                        .price(100.0, surface.volatility(&level, strike, years))
                };
                let mut before = (call(40.0), call(41.0));
                for n in 42..220 {
                    let next = call(f64::from(n));
                    assert!(next <= before.1 + 1e-9, "{surface:?} {days} {n}");
                    assert!(before.0 - 2.0 * before.1 + next >= -2e-3, "{surface:?} {volatility} {days} days, strike {n}");
                    assert!(before.1 - next <= (-RATE * years).exp() + 1e-9);
                    before = (before.1, next);
                }
            }
        }
    }
}
