//! The quote of a combination, from those of its legs.
//!
//! Invariant: it can always be filled leg by leg at the prices shown, so what clients are shown and what
//! their orders trade at is this one sum.

use super::Quote;
use crate::world::instrument::decimal;

/// One leg: its quote, its units in one unit of the combination (sold ones below zero), its multiplier.
pub(crate) type Part = (Quote, f64, f64);

/// One unit's quote: each leg by its ratio, in the terms of the largest multiplier, on the side that would be
/// taken; and how many units the shown sizes allow.
pub(crate) fn joined(parts: &[Part]) -> Quote {
    let largest = parts.iter().map(|(_, _, multiplier)| *multiplier).fold(1.0, f64::max);
    let mut sum = Quote { bid: 0.0, ask: 0.0, last: 0.0, bid_size: f64::INFINITY, ask_size: f64::INFINITY, last_size: f64::INFINITY };
    for (quote, ratio, multiplier) in parts {
        let weight = ratio * multiplier / largest;
        let (low, high, low_size, high_size) = if *ratio > 0.0 {
            (quote.bid, quote.ask, quote.bid_size, quote.ask_size)
        } else {
            (quote.ask, quote.bid, quote.ask_size, quote.bid_size)
        };
        sum.bid += low * weight;
        sum.ask += high * weight;
        sum.last += quote.last * weight;
        sum.bid_size = sum.bid_size.min((low_size / ratio.abs()).floor());
        sum.ask_size = sum.ask_size.min((high_size / ratio.abs()).floor());
        sum.last_size = sum.last_size.min((quote.last_size / ratio.abs()).floor());
    }
    Quote {
        bid: decimal(sum.bid, 6),
        ask: decimal(sum.ask, 6),
        last: decimal(sum.last, 6),
        // A ratio larger than what is shown still trades, one unit at a time.
        bid_size: sum.bid_size.max(1.0),
        ask_size: sum.ask_size.max(1.0),
        last_size: sum.last_size.max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(bid: f64, ask: f64, size: f64) -> Quote {
        Quote { bid, ask, last: bid, bid_size: size, ask_size: size, last_size: size }
    }

    #[test]
    fn a_unit_is_quoted_from_the_far_sides_of_its_legs() {
        let spread = joined(&[(quote(3.0, 3.2, 10.0), 1.0, 100.0), (quote(1.0, 1.1, 4.0), -2.0, 100.0)]);
        assert_eq!((spread.bid, spread.ask), (0.8, 1.2));
        assert_eq!((spread.bid_size, spread.ask_size), (2.0, 2.0));
        // A covered call: a hundred shares count as one option's unit.
        let covered = joined(&[(quote(50.0, 50.1, 1_000.0), 100.0, 1.0), (quote(2.0, 2.2, 5.0), -1.0, 100.0)]);
        assert_eq!((covered.bid, covered.ask), (47.8, 48.1));
    }
}
