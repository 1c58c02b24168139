use super::minute::{SLOTS, route};
use super::*;
use crate::settings::Settings;
use crate::world::bars::{Bar, weight};
use crate::world::prices::MINUTE;

/// 2026-11-20, a Friday, at this time in New York.
fn friday(hour: i64, minute: i64) -> i64 {
    1_795_150_800 + hour * 3600 + minute * 60
}

fn world(always_open: bool) -> World {
    World::new(&Settings::default(), always_open, friday(10, 0)).unwrap()
}

/// A stock, a future, a coin, a pair, a stock elsewhere.
const SAMPLE: [i32; 5] = [265_598, 600_202_612, 479_624_278, 12_087_792, 13_905_720];

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6 * a.abs().max(1.0)
}

#[test]
fn the_trades_of_a_second_fold_into_its_bar() {
    let world = world(true);
    let mut compared = 0;
    for row in SAMPLE.map(|id| world.contracts.get(id).unwrap()) {
        for bar in world.seconds(row, friday(10, 15), false).iter().filter(|bar| bar.trades > 0) {
            let trades = world.trades(row, bar);
            let prices: Vec<f64> = trades.iter().map(|one| one.price).collect();
            assert_eq!((prices.first(), prices.last()), (Some(&row.round(bar.open)), Some(&row.round(bar.close))));
            assert_eq!(prices.iter().copied().fold(f64::MIN, f64::max), row.round(bar.high), "{}", row.name);
            assert_eq!(prices.iter().copied().fold(f64::MAX, f64::min), row.round(bar.low), "{}", row.name);
            let size: f64 = trades.iter().map(|one| one.size).sum();
            assert!(near(size, weight(bar.volume) / row.volume_unit), "{size} {bar:?}");
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared}");
}

/// At its last quarter of a second a view stands where the mark and the bars stand.
#[test]
fn a_moment_continues_the_day() {
    for always_open in [true, false] {
        let world = world(always_open);
        for row in SAMPLE.map(|id| world.contracts.get(id).unwrap()) {
            for now in [friday(10, 15) + 7, friday(9, 30), friday(18, 0) + 59, friday(3, 0)] {
                let minute = world.minute(row, now);
                let end = minute.at(now * SLOTS + SLOTS - 1);
                assert!(minute.holds(now) && near(row.round(end.price), world.mark(row, now)), "{} {now}: {end:?}", row.name);
                let (high, low) = (end.day.high.unwrap(), end.day.low.unwrap());
                assert!(low <= high && end.traded_at <= now, "{end:?}");
                if let Some(bar) = minute.second(now) {
                    let steps: Vec<f64> = (0..SLOTS).map(|step| minute.at(now * SLOTS + step).price).collect();
                    assert_eq!(steps, route(bar));
                }
            }
        }
    }
}

#[test]
fn volumes_and_highs_only_grow_within_a_day() {
    let world = world(false);
    let row = world.contracts.get(265_598).unwrap();
    let mut before = world.minute(row, friday(9, 31)).at(friday(9, 31) * SLOTS).day;
    for now in (friday(9, 31)..friday(15, 59)).step_by(1_847) {
        let day = world.minute(row, now).at(now * SLOTS).day;
        assert!(day.volume >= before.volume && day.trades >= before.trades && day.high >= before.high && day.low <= before.low);
        assert_eq!(day.open, before.open);
        before = day;
    }
    // Until the regular hours begin there is no opening price.
    assert_eq!(world.minute(row, friday(8, 0)).at(friday(8, 0) * SLOTS).day.open, None);
}

#[test]
fn sides_lie_on_the_grid_around_the_mark() {
    let world = world(true);
    for row in SAMPLE.map(|id| world.contracts.get(id).unwrap()) {
        for now in (friday(10, 0)..friday(11, 0)).step_by(61) {
            let quote = world.quote(row, now);
            assert!(0.0 < quote.bid && quote.bid < quote.ask && quote.bid <= quote.last && quote.last <= quote.ask, "{quote:?}");
            assert!(near(quote.bid, row.round(quote.bid)) && near(quote.ask, row.round(quote.ask)));
            assert!(quote.bid_size > 0.0 && quote.ask_size > 0.0);
        }
    }
}

#[test]
fn closed_hours_end_at_the_next_session() {
    let world = world(false);
    let row = world.contracts.get(265_598).unwrap();
    let saturday = friday(36, 0);
    assert_eq!(world.next_open(row, saturday), Some(friday(76, 0)));
    assert_eq!(world.last_open(row, saturday), friday(20, 0) - 1);
    assert!(!world.minute(row, saturday).is_open() && world.seconds(row, saturday, false).is_empty());
    let whole: Vec<Bar> = world.seconds(row, friday(9, 29), true);
    assert!(whole.is_empty() && i64::try_from(world.seconds(row, friday(9, 30), true).len()) == Ok(MINUTE));
}
