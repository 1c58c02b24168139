use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn leg(right: char, strike: f64, quantity: f64) -> Leg {
    Leg { call: right == 'C', strike, expiry: date(2027, 1, 15), quantity, multiplier: 100.0, mark: 1.0 }
}

fn group(legs: Vec<Leg>, shares: f64) -> Group {
    Group { legs, shares, underlying: 180.0, index: false, rate: 1.0 }
}

fn required(legs: Vec<Leg>) -> f64 {
    group(legs, 0.0).requirement()
}

/// A defined-risk combo ties up its widest loss; the premium is in the cash already.
#[test]
fn spreads_tie_up_their_width() {
    assert_eq!(required(vec![leg('P', 175.0, -1.0), leg('P', 170.0, 1.0)]), 500.0);
    assert_eq!(required(vec![leg('C', 185.0, -2.0), leg('C', 190.0, 2.0)]), 1_000.0);
    let condor = vec![leg('P', 170.0, 1.0), leg('P', 175.0, -1.0), leg('C', 185.0, -1.0), leg('C', 190.0, 1.0)];
    assert_eq!(required(condor), 500.0);
    let uneven = vec![leg('P', 169.0, 1.0), leg('P', 175.0, -1.0), leg('C', 185.0, -1.0), leg('C', 190.0, 1.0)];
    assert_eq!(required(uneven), 600.0);
    // A debit spread is paid for.
    assert_eq!(required(vec![leg('C', 175.0, 1.0), leg('C', 180.0, -1.0)]), 0.0);
    // A butterfly as well.
    assert_eq!(required(vec![leg('C', 175.0, 1.0), leg('C', 180.0, -2.0), leg('C', 185.0, 1.0)]), 0.0);
}

#[test]
fn uncovered_options_tie_up_a_share_of_the_underlying() {
    // 1 + max(20 % of 180 - 5, 10 % of 180) = 32.
    assert_eq!(required(vec![leg('C', 185.0, -1.0)]), 3_200.0);
    // A put far out: 10 % of its strike.
    assert_eq!(required(vec![leg('P', 100.0, -1.0)]), 1_100.0);
    // One of two is covered by 100 shares.
    assert_eq!(group(vec![leg('C', 185.0, -2.0)], 100.0).requirement(), 3_200.0);
    assert_eq!(group(vec![leg('C', 185.0, -1.0)], 100.0).requirement(), 0.0);
    assert_eq!(group(vec![leg('P', 175.0, -1.0)], -100.0).requirement(), 0.0);
}

#[test]
fn only_what_lives_long_enough_covers() {
    let near = Leg { expiry: date(2026, 12, 18), ..leg('C', 180.0, -1.0) };
    assert_eq!(required(vec![near, leg('C', 180.0, 1.0)]), 0.0);
    let far = Leg { expiry: date(2027, 2, 19), ..leg('C', 180.0, -1.0) };
    assert!(required(vec![far, leg('C', 180.0, 1.0)]) > 3_000.0);
}

proptest! {
    #[test]
    fn covering_never_ties_up_more_than_not_covering(
        strikes in prop::collection::vec((1_u32..60, -3_i32..3, any::<bool>()), 1..6),
    ) {
        let legs: Vec<Leg> = strikes.iter().filter(|row| row.1 != 0)
            .map(|(strike, quantity, call)| leg(if *call { 'C' } else { 'P' }, f64::from(*strike) * 5.0, f64::from(*quantity))).collect();
        let shorts: Vec<Leg> = legs.iter().filter(|leg| leg.quantity < 0.0).copied().collect();
        let covered = required(legs);
        prop_assert!((0.0..=required(shorts) + 1e-6).contains(&covered));
    }
}
