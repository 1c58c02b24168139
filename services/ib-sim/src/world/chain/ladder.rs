//! Which strikes a series has.
//!
//! An exchange lists strikes around the price of the day, finely near the money and coarsely far away,
//! and adds more as the price moves. Near expirations are fine, far ones coarse; so a class as a whole
//! has strikes that many of its expirations lack.
//!
//! Invariant: strikes rise, are whole multiples of the class's unit, and fit into its con ids. At every
//! instant until the expiration there are strikes on both sides of the money.

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
/// Days listed up to which a series is short, or of the middle kind.
const SHORT_DAYS: i64 = 60;
const MIDDLE_DAYS: i64 = 420;

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

    /// The strikes of a series that is listed for so many days, as multiples of the unit: around each of
    /// the prices that the underlying has in its time.
    pub(crate) fn strikes(&self, days_listed: i64, prices: &[f64]) -> Vec<u32> {
        let [fine, middle, coarse] = self.steps;
        // How far each step reaches, as fractions of the price.
        let zones: &[(f64, f64, f64)] = if days_listed <= SHORT_DAYS {
            &[(fine, 0.90, 1.10), (middle, 0.80, 1.20), (coarse, 0.65, 1.35)]
        } else if days_listed <= MIDDLE_DAYS {
            &[(fine, 0.95, 1.05), (middle, 0.75, 1.25), (coarse, 0.5, 1.6)]
        } else {
            &[(middle, 0.9, 1.1), (coarse, 0.4, 2.0)]
        };
        let mut codes: Vec<u32> = Vec::new();
        for price in prices {
            for (step, from, to) in zones {
                codes.extend(self.rungs(*step, price * from, price * to));
            }
        }
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// The multiples of `step` from just below `from` to just above `to`.
    fn rungs(&self, step: f64, from: f64, to: f64) -> impl Iterator<Item = u32> {
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

    #[test]
    fn near_series_are_finer_than_far_ones() {
        let grid = Grid::new([2.5, 5.0, 10.0], 1023).unwrap();
        let strikes = |days| grid.strikes(days, &[272.0]).into_iter().map(|code| grid.strike(code)).collect::<Vec<_>>();
        let (near, middle, far) = (strikes(57), strikes(270), strikes(850));
        assert!(near.contains(&272.5) && middle.contains(&272.5) && !far.contains(&272.5));
        assert!(near.contains(&292.5) && !middle.contains(&292.5));
        assert!(near.contains(&295.0) && middle.contains(&295.0) && far.contains(&295.0));
        assert!(!near.contains(&500.0) && far.contains(&500.0));
        assert!(near.len() > 30 && far.len() > 40, "{} {}", near.len(), far.len());
    }

    proptest! {
        #[test]
        fn ladders_rise_surround_the_money_and_fit(price in 1.0_f64..12_000.0, days in 1_i64..1000, drift in 0.7_f64..1.4) {
            let grid = Grid::new(Grid::usual(price), 4095).unwrap();
            let codes = grid.strikes(days, &[price, price * drift]);
            prop_assert!(codes.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(codes.iter().all(|code| grid.code(grid.strike(*code)) == Some(*code)));
            for money in [price, price * drift] {
                let top = grid.strike(grid.most);
                prop_assert!(codes.iter().any(|code| grid.strike(*code) <= money || money < grid.unit));
                prop_assert!(money >= top || codes.iter().any(|code| grid.strike(*code) > money));
            }
        }
    }
}
