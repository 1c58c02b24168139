//! What the market shows of one instrument at one instant: both sides around the mark.
//!
//! Invariant: a quote is a pure function of seed, contract and second; `bid < ask`, both on the
//! instrument's grid and above zero, and the last price lies between them.

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
        let mark = self.mark(instrument, now);
        let tick = instrument.min_tick;
        let share = if instrument.option.is_some() { OPTION_HALF_SPREAD } else { HALF_SPREAD };
        let half = (mark * share).max(tick / 2.0);
        let bid = on_grid((mark - half).max(tick), tick);
        let ask = on_grid(mark + half, tick).max(on_grid(bid + tick, tick));
        let key = mix(mix(self.seed, QUOTE_SALT), mix(instrument.path.key, now.unsigned_abs()));
        let lots = |salt: u64, most: f64| (unit(mix(key, salt)) * most).floor() + 1.0;
        let lot = if instrument.is("STK") { 100.0 } else { 1.0 };
        Quote {
            bid,
            ask,
            last: mark.clamp(bid, ask),
            bid_size: lots(1, 20.0) * lot,
            ask_size: lots(2, 20.0) * lot,
            last_size: lots(3, 5.0) * lot,
        }
    }
}
