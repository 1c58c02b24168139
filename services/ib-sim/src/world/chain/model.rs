//! An option's price seen through its underlying's path.
//!
//! Invariant: time counts in steps of a quarter of an hour, the unit into which trading days split.
//! Within a step the price is a monotone function of the underlying's, so quarters, minutes and seconds
//! of an option fold into each other exactly as its underlying's do, and mark, Greeks and the last bar
//! agree to the cent. The step is counted from its beginning: nothing is worthless before its last second.

use crate::world::prices::{Node, QUARTER};
use crate::world::pricing::{Greeks, Vanilla, years_between};
use crate::world::surface::{Level, Surface};

/// The terms of one option contract.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionModel {
    pub(crate) strike: f64,
    pub(crate) call: bool,
    /// The unix second at which the value is settled.
    pub(crate) expires_at: i64,
    pub(crate) american: bool,
    pub(crate) on_future: bool,
    /// Units of the underlying delivered per unit of the multiplier; not 1 for adjusted contracts.
    pub(crate) ratio: f64,
    pub(crate) surface: Surface,
    /// The least price at which it trades.
    pub(crate) least: f64,
}

/// All that the options of one underlying have in common at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spot {
    /// The beginning of the quarter of an hour from which time is counted.
    pub(crate) at: i64,
    /// The underlying's price, not rounded.
    pub(crate) price: f64,
    pub(crate) level: Level,
}

/// The step of model time in which an instant falls.
pub(crate) fn step(instant: i64) -> i64 {
    instant.div_euclid(QUARTER) * QUARTER
}

impl OptionModel {
    fn vanilla(&self, at: i64) -> Vanilla {
        let years = years_between(at, self.expires_at);
        Vanilla { call: self.call, strike: self.strike, years, american: self.american, on_future: self.on_future }
    }

    /// The surface's volatility for this contract.
    pub(crate) fn volatility(&self, at: i64, level: &Level) -> f64 {
        // A deliverable other than the standard moves the money; the smile follows the underlying's own price.
        self.surface.volatility(level, self.strike / self.ratio, years_between(at, self.expires_at))
    }

    pub(crate) fn greeks(&self, spot: &Spot) -> Greeks {
        self.greeks_with(spot, self.volatility(spot.at, &spot.level))
    }

    /// The Greeks at a volatility of the caller's choice.
    pub(crate) fn greeks_with(&self, spot: &Spot, volatility: f64) -> Greeks {
        let own = self.vanilla(spot.at).greeks(spot.price * self.ratio, volatility);
        Greeks { delta: own.delta * self.ratio, gamma: own.gamma * self.ratio * self.ratio, underlying: spot.price, ..own }
    }

    /// The volatility that explains a price at this instant; none where no volatility does.
    pub(crate) fn implied_volatility(&self, spot: &Spot, price: f64) -> Option<f64> {
        self.vanilla(spot.at).implied_volatility(spot.price * self.ratio, price)
    }

    /// A node of the underlying's path as this option's.
    pub(crate) fn view(&self, at: i64, level: &Level, node: Node) -> Node {
        let (vanilla, volatility) = (self.vanilla(at), self.volatility(at, level));
        let price = |underlying: f64| vanilla.price(underlying * self.ratio, volatility).max(self.least);
        let (a, b) = (price(node.high), price(node.low));
        Node { open: price(node.open), high: a.max(b), low: a.min(b), close: price(node.close), ..node }
    }
}
