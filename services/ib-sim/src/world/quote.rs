//! What the market shows of one instrument at one instant: both sides around the mark, and its day so far.
//!
//! Invariant: a quote is a pure function of seed, contract and instant; `bid < ask`, both on the
//! instrument's grid and above zero. The trades of a second fold into its bar: the first is its open, the
//! last its close, one its high, one its low, and their sizes sum to its volume.

pub(crate) mod combo;
pub(crate) mod minute;
pub(crate) mod trades;

use super::World;
use super::instrument::{Instrument, on_grid};
use super::prices::{mix, unit};

/// One side is this far from the mark at most, as a share of the price; liquid stocks are at one tick.
const HALF_SPREAD: f64 = 0.000_05;
/// Options are wider, since fewer people quote them.
const OPTION_HALF_SPREAD: f64 = 0.01;
const QUOTE_SALT: u64 = 0x51_7e;

/// Both sides and the last trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quote {
    pub(crate) bid: f64,
    pub(crate) ask: f64,
    pub(crate) last: f64,
    pub(crate) bid_size: f64,
    pub(crate) ask_size: f64,
    pub(crate) last_size: f64,
}

impl World {
    pub(crate) fn quote(&self, instrument: &Instrument, now: i64) -> Quote {
        self.quote_around(instrument, self.mark(instrument, now), now)
    }

    /// Both sides around a price of the second `now`; the sizes are those of the second.
    pub(crate) fn quote_around(&self, instrument: &Instrument, mark: f64, now: i64) -> Quote {
        let tick = instrument.min_tick;
        let share = if instrument.option.is_some() { OPTION_HALF_SPREAD } else { HALF_SPREAD };
        let half = (mark * share).max(tick / 2.0);
        let bid = on_grid((mark - half).max(tick), tick);
        let ask = on_grid(mark + half, tick).max(on_grid(bid + tick, tick));
        let lot = if instrument.is("STK") { 100.0 } else { 1.0 };
        let lots = |salt: u64, most: f64| ((self.chance(instrument, now, salt) * most).floor() + 1.0) * lot;
        Quote { bid, ask, last: mark.clamp(bid, ask), bid_size: lots(1, 20.0), ask_size: lots(2, 20.0), last_size: lots(3, 5.0) }
    }

    /// A number in `0..1` that belongs to this instrument, second and purpose.
    pub(crate) fn chance(&self, instrument: &Instrument, second: i64, salt: u64) -> f64 {
        let own = mix(instrument.path.key, u64::from(instrument.contract.con_id.unsigned_abs()));
        unit(mix(mix(mix(self.seed, QUOTE_SALT), mix(own, second.unsigned_abs())), salt))
    }
}

#[cfg(test)]
#[path = "quote_tests.rs"]
mod tests;
