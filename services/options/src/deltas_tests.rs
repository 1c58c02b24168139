use std::collections::BTreeSet;

use proptest::prelude::*;
use schemas::options::ChainParams;

use super::*;
use crate::{
    pricing::{Inputs, Model},
    window::select,
};

/// Deltas of a whole chain, as IB would send them: those of puts are negative.
type Chain = HashMap<Wanted, f64>;

fn window(change: impl FnOnce(&mut ChainParams)) -> Window {
    let mut params = ChainParams { delta_min: Some(0.5), ..ChainParams::default() };
    change(&mut params);
    Window::of(&params).expect("a window")
}

fn chain(strikes: &[Num], spot: f64, iv: f64, years: f64) -> Chain {
    let model = Model { rate: 0.04, dividend_yield: 0.01 };
    let all = select(strikes, spot, &window(|_| ()));
    let delta = |wanted: &Wanted| {
        let inputs = Inputs { spot, strike: wanted.strike.to_f64(), years, right: wanted.right };
        model.greeks(&inputs, iv).expect("market inputs").delta
    };
    all.into_iter().map(|wanted| (wanted, delta(&wanted))).collect()
}

fn fitting(chain: &Chain, range: DeltaRange) -> BTreeSet<Wanted> {
    chain.iter().filter(|(_, delta)| (range.min..=range.max).contains(&delta.abs())).map(|(wanted, _)| *wanted).collect()
}

#[derive(Debug)]
struct Outcome {
    found: Vec<Wanted>,
    asked: Vec<Wanted>,
    rounds: u32,
    known: Known,
    unresolved: Vec<Wanted>,
}

/// Answers what the search asks for until it is done.
fn run(mut search: DeltaSearch, mut known: Known, answer: impl Fn(Wanted) -> Option<Option<f64>>) -> Outcome {
    let mut asked = Vec::new();
    for rounds in 0..=ROUNDS_MAX {
        match search.step(&known) {
            Step::Done(found) => return Outcome { found, asked, rounds, unresolved: search.unresolved(&known), known },
            Step::Ask(wanted) => {
                assert!(!wanted.is_empty());
                known.extend(wanted.iter().filter_map(|wanted| Some((*wanted, answer(*wanted)?))));
                asked.extend(wanted);
            }
        }
    }
    panic!("it asks on after {ROUNDS_MAX} rounds");
}

fn strikes(count: i64, step: i64) -> Vec<Num> {
    (1..=count).map(|n| Num::from(n * step)).collect()
}

fn set(contracts: &[Wanted]) -> BTreeSet<Wanted> {
    contracts.iter().copied().collect()
}

#[test]
fn two_hundred_strikes_are_searched_by_asking_for_few() {
    let strikes = strikes(200, 5);
    let chain = chain(&strikes, 502.0, 0.3, 0.25);
    let range = DeltaRange { min: 0.2, max: 0.4 };
    let outcome = run(DeltaSearch::new(&strikes, 502.0, &window(|_| ()), range), Known::new(), |wanted| Some(Some(chain[&wanted])));
    assert_eq!(set(&outcome.found), fitting(&chain, range));
    assert!(!outcome.found.is_empty() && outcome.asked.len() <= 2 * (GRID_MAX + 8), "{} asked", outcome.asked.len());
    assert!(outcome.rounds <= 3, "{} rounds", outcome.rounds);
}

#[test]
fn the_first_round_is_the_grid_outward_from_the_money() {
    let strikes = strikes(20, 10);
    let window = window(|p| p.right = Some("C".to_owned()));
    let range = DeltaRange { min: 0.2, max: 0.4 };
    let Step::Ask(asked) = DeltaSearch::new(&strikes, 101.0, &window, range).step(&Known::new()) else { panic!("nothing asked") };
    let asked: Vec<Num> = asked.iter().map(|wanted| wanted.strike).collect();
    assert_eq!(asked, [100, 140, 60, 180, 20].map(Num::from));
}

#[test]
fn a_window_that_holds_every_delta_asks_for_nothing() {
    let strikes = strikes(50, 2);
    let range = DeltaRange { min: 0.0, max: 1.0 };
    let Step::Done(found) = DeltaSearch::new(&strikes, 50.0, &window(|_| ()), range).step(&Known::new()) else { panic!("it asks") };
    assert_eq!(found, select(&strikes, 50.0, &window(|_| ())));
    let Step::Done(none) = DeltaSearch::new(&[], 50.0, &window(|_| ()), DeltaRange { min: 0.2, max: 0.4 }).step(&Known::new()) else {
        panic!("it asks of an empty chain")
    };
    assert_eq!(none, []);
}

#[test]
fn what_is_known_is_not_asked_again_and_bounds_hold() {
    let strikes = strikes(60, 2);
    let chain = chain(&strikes, 61.0, 0.4, 0.3);
    let range = DeltaRange { min: 0.25, max: 0.6 };
    let window = window(|p| (p.min_strike, p.max_strike) = (Some(Num::from(40)), Some(Num::from(64))));
    let known: Known = chain.iter().map(|(wanted, delta)| (*wanted, Some(*delta))).collect();
    let outcome = run(DeltaSearch::new(&strikes, 61.0, &window, range), known, |wanted| panic!("{wanted:?} is known"));
    let expected: BTreeSet<Wanted> = fitting(&chain, range).into_iter().filter(|wanted| window.bounds_admit(wanted.strike)).collect();
    assert_eq!(set(&outcome.found), expected);
}

#[test]
fn without_any_delta_it_ends_and_finds_nothing() {
    let strikes = strikes(300, 1);
    let range = DeltaRange { min: 0.2, max: 0.4 };
    for answer in [None, Some(None), Some(Some(f64::NAN)), Some(Some(-2.0))] {
        let outcome = run(DeltaSearch::new(&strikes, 150.0, &window(|_| ()), range), Known::new(), |_| answer);
        assert_eq!(outcome.found, []);
        assert_eq!(outcome.unresolved, select(&strikes, 150.0, &window(|_| ())));
        assert!(outcome.asked.len() < 100, "{} asked", outcome.asked.len());
    }
}

#[test]
fn between_deltas_that_contradict_each_other_it_looks_for_itself() {
    let strikes = strikes(50, 1);
    let window = window(|p| p.right = Some("P".to_owned()));
    let put = |strike| Wanted { strike: Num::from(strike), right: Right::Put };
    let wrong = Known::from([(put(10), Some(-0.5)), (put(20), Some(-0.1))]);
    let range = DeltaRange { min: 0.2, max: 0.4 };
    let outcome = run(DeltaSearch::new(&strikes, 25.0, &window, range), wrong, |wanted| Some(Some(-0.02 * wanted.strike.to_f64())));
    assert_eq!(set(&outcome.found), (11..20).map(put).collect());
}

fn any_range() -> impl Strategy<Value = DeltaRange> {
    (0.0_f64..=1.0, 0.0_f64..=1.0).prop_map(|(a, b)| DeltaRange { min: a.min(b), max: a.max(b) })
}

proptest! {
    #[test]
    fn it_finds_what_a_look_at_every_delta_finds(
        count in 0_i64..260, spot in 1.0_f64..300.0, iv in 0.05_f64..1.5, years in 0.003_f64..2.0, range in any_range(),
    ) {
        let strikes = strikes(count, 1);
        let chain = chain(&strikes, spot, iv, years);
        let outcome = run(DeltaSearch::new(&strikes, spot, &window(|_| ()), range), Known::new(), |wanted| Some(Some(chain[&wanted])));
        prop_assert_eq!(set(&outcome.found), fitting(&chain, range));
        prop_assert_eq!(set(&outcome.found).len(), outcome.found.len());
        prop_assert_eq!(outcome.unresolved, []);
        prop_assert!(outcome.found.is_sorted_by(|a, b| outward(spot, *a, *b).is_lt()));
        prop_assert_eq!(set(&outcome.asked).len(), outcome.asked.len());
        // Two rights with a grid, and two edges each of which takes at most two narrowings of a gap of ten.
        prop_assert!(outcome.asked.len() <= 2 * (GRID_MAX + 2 * 2 * GAP_ASKS), "{} asked", outcome.asked.len());
        prop_assert!(outcome.rounds <= 3, "{} rounds", outcome.rounds);
    }

    /// Some deltas never come, some contracts are never heard of, some deltas are wrong.
    #[test]
    fn with_holes_and_errors_it_ends_and_keeps_what_is_known(
        spot in 50.0_f64..150.0, range in any_range(), fates in (0_u8..2).prop_flat_map(|least| prop::collection::vec(least..10, 400)), share in 0_u8..10,
    ) {
        let strikes = strikes(200, 1);
        let chain = chain(&strikes, spot, 0.3, 0.5);
        let order = select(&strikes, spot, &window(|_| ()));
        let fate: HashMap<Wanted, u8> = order.into_iter().zip(fates).collect();
        let answer = |wanted: Wanted| match fate[&wanted] {
            fate if fate >= share => Some(Some(chain[&wanted])),
            0 => Some(Some(1.0 - chain[&wanted].abs())),
            fate if fate % 2 == 0 => Some(None),
            _ => None,
        };
        let outcome = run(DeltaSearch::new(&strikes, spot, &window(|_| ()), range), Known::new(), answer);
        let found = set(&outcome.found);
        prop_assert_eq!(found.len(), outcome.found.len());
        prop_assert_eq!(set(&outcome.asked).len(), outcome.asked.len());
        prop_assert!(outcome.unresolved.iter().all(|wanted| !found.contains(wanted)));
        if share == 0 {
            prop_assert_eq!(&outcome.unresolved, &[]);
        }
        // Where only holes and no errors are in the way, whatever fits is found or told to be unresolved.
        if !fate.values().any(|fate| *fate == 0 && share > 0) {
            let lost: Vec<Wanted> = fitting(&chain, range).into_iter().filter(|wanted| !found.contains(wanted)).collect();
            prop_assert!(lost.iter().all(|wanted| outcome.unresolved.contains(wanted)), "{lost:?}");
        }
        for (wanted, delta) in outcome.known {
            if let Some(delta) = delta {
                prop_assert_eq!(found.contains(&wanted), (range.min..=range.max).contains(&delta.abs()), "{:?} {}", wanted, delta);
            }
        }
    }
}
