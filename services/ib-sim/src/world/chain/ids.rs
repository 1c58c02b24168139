//! Contract ids of option chains.
//!
//! An id is arithmetic: the class's block, then expiration, strike and right. So a class is found from
//! an id, and an id from a contract, without building any chain; the same contract has the same id in
//! every run of a scenario. Blocks follow each other in the order of the scenario's underlyings: what is
//! added at the end of a list changes no other id.
//!
//! Invariant: no two contracts of one process share an id. Expirations are counted in a circle (of 512
//! weeks, or of 4096 days), which is longer than the years for which a process knows expirations. Futures
//! are counted by quarters in a circle of four years, longer than they are listed, and the expirations
//! that belong to one of them in a circle of sixteen weeks.

use jiff::civil::Date;

use super::ladder::Grid;
use crate::world::prices::day_number;

/// Ids from here on are those of chains; scenarios may not use them for anything else.
pub(crate) const FIRST: i32 = 1_000_000_000;
/// Bits of the circle of expirations.
const WEEK_BITS: u32 = 9;
const DAY_BITS: u32 = 12;
/// The circle of quarters, and bits of the circle of weeks in one.
const QUARTERS: i32 = 16;
const QUARTER_WEEK_BITS: u32 = 4;
/// Bits of a strike's multiple of the unit: enough for thrice the price.
const STRIKE_BITS: [u32; 2] = [10, 12];
const ROOM: f64 = 3.0;

/// The ids of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first: i32,
    daily: bool,
    slot_bits: u32,
    strike_bits: u32,
}

/// What an id says within its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    /// The place on the circle of expirations.
    pub(crate) slot: u32,
    pub(crate) strike: u32,
    pub(crate) call: bool,
}

impl Block {
    /// A block that begins at `first`, with its grid; none if the steps are no multiples of a half.
    pub(crate) fn new(first: i32, daily: bool, steps: [f64; 3], price: f64) -> Option<(Self, Grid)> {
        let unit = Grid::new(steps, 1)?.unit;
        let [few, many] = STRIKE_BITS;
        let strike_bits = if price * ROOM / unit < f64::from(1_u32 << few) { few } else { many };
        let slot_bits = if daily { DAY_BITS } else { WEEK_BITS };
        Some((Self { first, daily, slot_bits, strike_bits }, Grid::new(steps, (1 << strike_bits) - 1)?))
    }

    /// The block of one class of options on the future of one quarter, in a region that begins at `first`.
    pub(crate) fn of_future(first: i32, ends: Date, class: i32, classes: i32, steps: [f64; 3]) -> Option<(Self, Grid)> {
        let [_, strike_bits] = STRIKE_BITS;
        let quarter = i32::from(ends.year()) * 4 + i32::from(ends.month()) / 3;
        let place = quarter.rem_euclid(QUARTERS) * classes + class;
        let block = Self { first, daily: false, slot_bits: QUARTER_WEEK_BITS, strike_bits };
        let first = first.checked_add(place.checked_mul(1 << block.bits())?)?;
        Some((Self { first, ..block }, Grid::new(steps, (1 << strike_bits) - 1)?))
    }

    /// Where the region of a future ends that has so many classes.
    pub(crate) fn after_futures(first: i32, classes: i32) -> Option<i32> {
        let [_, strike_bits] = STRIKE_BITS;
        first.checked_add((QUARTERS * classes).checked_mul(1 << (QUARTER_WEEK_BITS + strike_bits + 1))?)
    }

    fn bits(self) -> u32 {
        self.slot_bits + self.strike_bits + 1
    }

    /// Where the next block begins; none at the end of all ids.
    pub(crate) fn next(self) -> Option<i32> {
        self.first.checked_add(1 << self.bits())
    }

    /// Days or weeks since 1970: a number that no two series of the class share.
    pub(crate) fn number(self, on: Date) -> i64 {
        // Day 0 was a Thursday; weeks begin on Mondays.
        if self.daily { day_number(on) } else { (day_number(on) + 3).div_euclid(7) }
    }

    fn slot(self, on: Date) -> u32 {
        u32::try_from(self.number(on).rem_euclid(1 << self.slot_bits)).unwrap_or(0)
    }

    pub(crate) fn id(self, on: Date, strike: u32, call: bool) -> i32 {
        let code = ((self.slot(on) << self.strike_bits) | strike) << 1 | u32::from(!call);
        self.first.saturating_add(i32::try_from(code).unwrap_or(i32::MAX))
    }

    pub(crate) fn code(self, id: i32) -> Option<Code> {
        let code = u32::try_from(id.checked_sub(self.first)?).ok().filter(|code| code >> self.bits() == 0)?;
        let strike = (code >> 1) & ((1 << self.strike_bits) - 1);
        Some(Code { slot: code >> (self.strike_bits + 1), strike, call: code & 1 == 0 })
    }

    /// The number of the series at a slot, counted from the first known expiration.
    pub(crate) fn number_at(self, slot: u32, first: Date) -> i64 {
        let from = self.number(first);
        from + (i64::from(slot) - from).rem_euclid(1 << self.slot_bits)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_leads_back_to_its_contract(daily: bool, price in 1.0_f64..7000.0, days in 0_i64..2500, strike in 1_u32..1000, call: bool) {
            let (block, _) = Block::new(FIRST, daily, [5.0, 25.0, 100.0], price).unwrap();
            let first = date(2026, 10, 1);
            let on = crate::world::calendar::add(first, jiff::ToSpan::days(days));
            let id = block.id(on, strike, call);
            prop_assert!(id >= FIRST && id < block.next().unwrap());
            let code = block.code(id).unwrap();
            prop_assert_eq!((code.strike, code.call), (strike, call));
            prop_assert_eq!(block.number_at(code.slot, first), block.number(on));
            let (next, _) = Block::new(block.next().unwrap(), daily, [0.5, 1.0, 2.5], price).unwrap();
            prop_assert_eq!(next.code(id), None);
        }
    }
}
