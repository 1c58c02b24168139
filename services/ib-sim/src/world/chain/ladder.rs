//! Which strikes a series has.
//!
//! An exchange lists strikes around the price of the day, finely near the money and coarsely far away,
//! and adds more as the price moves and as the expiration comes near. So near expirations are fine, far
//! ones coarse, and a class as a whole has strikes that many of its expirations lack.
//!
//! Invariant: strikes rise, are whole multiples of the class's unit, and fit into its con ids; each is
//! listed from its own day on. On every day there are strikes on both sides of the money.

use jiff::civil::Date;

/// The distances between strikes: near the money, further out, far out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grid {
    pub(crate) steps: [f64; 3],
    /// What every step is a multiple of.
    pub(crate) unit: f64,
    /// The largest multiple of the unit that a con id can carry.
    pub(crate) most: u32,
}

/// Steps come in halves, so that 2.5 and 1 have a common unit.
const HALVES: f64 = 2.0;
/// Rungs of one zone: a bound, should a scenario ask for steps of half a cent on an index.
const MAX_RUNGS: u32 = 2000;
/// Days before the expiration from which on strikes are near, or of the middle kind.
const NEAR_DAYS: i64 = 60;
const MIDDLE_DAYS: i64 = 420;
/// New strikes are listed when the price has left the middle of those that exist by this part.
const MOVED: f64 = 0.04;

/// One strike of a series, as a multiple of the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rung {
    pub(crate) code: u32,
    /// The first day on which it trades.
    pub(crate) since: Date,
}

/// How finely strikes are listed, by the time that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Density {
    Near,
    Middle,
    Far,
}

impl Density {
    fn of(days_left: i64) -> Self {
        if days_left <= NEAR_DAYS {
            Self::Near
        } else if days_left <= MIDDLE_DAYS {
            Self::Middle
        } else {
            Self::Far
        }
    }
}

impl Grid {
    /// The steps that exchanges use for a price of this size.
    pub(crate) fn usual(price: f64) -> [f64; 3] {
        match price {
            price if price < 5.0 => [0.5, 0.5, 1.0],
            price if price < 25.0 => [0.5, 1.0, 2.5],
            price if price < 100.0 => [1.0, 2.5, 5.0],
            price if price < 200.0 => [2.5, 5.0, 10.0],
            price if price < 500.0 => [2.5, 5.0, 10.0],
            price if price < 1000.0 => [5.0, 10.0, 20.0],
            price if price < 3000.0 => [10.0, 20.0, 50.0],
            _ => [20.0, 50.0, 100.0],
        }
    }

    /// None if the steps are no positive multiples of a half.
    pub(crate) fn new(steps: [f64; 3], most: u32) -> Option<Self> {
        let halves = |step: f64| Some(whole(step * HALVES)?).filter(|count| *count > 0);
        let unit = steps.into_iter().try_fold(0, |common, step| Some(divisor(common, halves(step)?)))?;
        Some(Self { steps, unit: f64::from(unit) / HALVES, most })
    }

    /// Which multiple of the unit a strike is.
    pub(crate) fn code(&self, strike: f64) -> Option<u32> {
        whole(strike / self.unit).filter(|code| (1..=self.most).contains(code))
    }

    pub(crate) fn strike(&self, code: u32) -> f64 {
        f64::from(code) * self.unit
    }

    /// The strikes of a series: for each day of its life, with the days that are left and the price at
    /// which the day before closed.
    pub(crate) fn rungs(&self, days: impl Iterator<Item = (Date, i64, f64)>) -> Vec<Rung> {
        let mut rungs: Vec<Rung> = Vec::new();
        let mut listed: Option<(Density, f64)> = None;
        for (since, left, price) in days {
            let density = Density::of(left);
            if listed.is_some_and(|(before, around)| before == density && (price / around - 1.0).abs() < MOVED) {
                continue;
            }
            listed = Some((density, price));
            for (step, from, to) in self.zones(density) {
                rungs.extend(self.codes(step, price * from, price * to).map(|code| Rung { code, since }));
            }
        }
        // Of a strike that was listed again, the first day counts.
        rungs.sort_unstable();
        rungs.dedup_by_key(|rung| rung.code);
        rungs
    }

    /// How far each step reaches, as fractions of the price.
    fn zones(&self, density: Density) -> [(f64, f64, f64); 3] {
        let [fine, middle, coarse] = self.steps;
        match density {
            Density::Near => [(fine, 0.90, 1.10), (middle, 0.80, 1.20), (coarse, 0.65, 1.35)],
            Density::Middle => [(fine, 0.97, 1.03), (middle, 0.80, 1.20), (coarse, 0.5, 1.6)],
            Density::Far => [(middle, 0.95, 1.05), (coarse, 0.7, 1.3), (coarse * 2.0, 0.4, 2.0)],
        }
    }

    /// The multiples of `step` from just below `from` to just above `to`.
    fn codes(&self, step: f64, from: f64, to: f64) -> impl Iterator<Item = u32> {
        let each = whole(step / self.unit).unwrap_or(1).max(1);
        let first = floor(from / step).max(1);
        let last = floor(to / step).saturating_add(1).min(first.saturating_add(MAX_RUNGS));
        let most = self.most;
        (first..=last).map(move |rung| rung.saturating_mul(each)).filter(move |code| *code <= most)
    }
}

/// The number, if it is whole and small.
fn whole(value: f64) -> Option<u32> {
    let count = floor(value + 1e-6);
    ((value - f64::from(count)).abs() < 1e-5).then_some(count)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to the range before")]
fn floor(value: f64) -> u32 {
    value.clamp(0.0, f64::from(u32::MAX)).floor() as u32
}

fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_divide_every_step() {
        for (steps, unit) in
            [([0.5, 1.0, 2.5], 0.5), ([1.0, 2.5, 5.0], 0.5), ([2.5, 5.0, 10.0], 2.5), ([5.0, 25.0, 100.0], 5.0), ([1.0, 5.0, 10.0], 1.0)]
        {
            assert_eq!(Grid::new(steps, 1023).unwrap().unit, unit);
        }
        for wrong in [[0.0, 1.0, 2.0], [0.3, 1.0, 2.0], [-1.0, 1.0, 2.0], [f64::NAN, 1.0, 1.0]] {
            assert_eq!(Grid::new(wrong, 1023), None, "{wrong:?}");
        }
    }

    const DAY: Date = jiff::civil::date(2026, 11, 20);

    fn strikes(grid: &Grid, left: i64, price: f64) -> Vec<f64> {
        grid.rungs(std::iter::once((DAY, left, price))).into_iter().map(|rung| grid.strike(rung.code)).collect()
    }

    #[test]
    fn near_series_are_finer_than_far_ones() {
        let grid = Grid::new([2.5, 5.0, 10.0], 1023).unwrap();
        let (near, middle, far) = (strikes(&grid, 57, 272.0), strikes(&grid, 270, 272.0), strikes(&grid, 850, 272.0));
        assert!(near.contains(&272.5) && middle.contains(&272.5) && !far.contains(&272.5));
        assert!(near.contains(&292.5) && !middle.contains(&292.5));
        assert!(near.contains(&300.0) && middle.contains(&300.0) && far.contains(&300.0));
        assert!(!near.contains(&500.0) && far.contains(&500.0));
        assert!(near.len() > 30 && far.len() > 20, "{} {}", near.len(), far.len());
    }

    #[test]
    fn strikes_are_added_when_the_price_moves_or_time_runs_out() {
        let grid = Grid::new([2.5, 5.0, 10.0], 1023).unwrap();
        let day = |n: i8| jiff::civil::date(2026, 11, n);
        let since = |days: &[(Date, i64, f64)], strike: f64| {
            let found = grid.rungs(days.iter().copied()).into_iter().find(|rung| grid.strike(rung.code) == strike);
            found.map(|rung| rung.since)
        };
        let moved = [(day(1), 50, 272.0), (day(2), 49, 273.0), (day(3), 48, 320.0)];
        assert_eq!((since(&moved, 272.5), since(&moved, 342.5), since(&moved, 600.0)), (Some(day(1)), Some(day(3)), None));
        let nearer = [(day(1), 61, 272.0), (day(2), 60, 272.0)];
        assert_eq!((since(&nearer, 290.0), since(&nearer, 292.5)), (Some(day(1)), Some(day(2))));
    }

    proptest! {
        #[test]
        fn ladders_rise_surround_the_money_and_fit(price in 1.0_f64..12_000.0, left in 1_i64..1000, drift in 0.7_f64..1.4) {
            let grid = Grid::new(Grid::usual(price), 4095).unwrap();
            let codes: Vec<u32> = grid.rungs([(DAY, left, price), (DAY, left, price * drift)].into_iter()).iter().map(|rung| rung.code).collect();
            prop_assert!(codes.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(codes.iter().all(|code| grid.code(grid.strike(*code)) == Some(*code)));
            for money in [price, price * drift] {
                prop_assert!(codes.iter().any(|code| grid.strike(*code) <= money || money < grid.steps[1]));
                prop_assert!(codes.iter().any(|code| grid.strike(*code) > money));
            }
        }
    }
}
