use jiff::civil::date;

use super::*;
use crate::proto::request::HistoryQuery;
use crate::proto::types::Contract;
use crate::settings::Settings;
use crate::world::history::Answer;
use crate::world::pricing::{RATE, years_between};

/// A Friday, 10:15:30 in New York.
const FRIDAY: i64 = 1_795_187_730;
const HOUR: i64 = 3600;

fn world(open: bool) -> World {
    World::new(&Settings::default(), open, FRIDAY).unwrap()
}

fn rows<'a>(world: &'a World, symbol: &str, class: &str, expiry: &str) -> Vec<&'a Instrument> {
    let query = Contract {
        symbol: symbol.into(),
        sec_type: if symbol == "ES" { "FOP".into() } else { "OPT".into() },
        trading_class: class.into(),
        expiry: expiry.into(),
        ..Contract::default()
    };
    world.contracts.find(&query, date(2026, 11, 20)).unwrap()
}

/// Parity, signs and order over whole chains: today's, near, far, deep in and out of the money.
#[test]
fn a_chain_is_consistent() {
    let world = world(false);
    for (symbol, class, expiry) in [
        ("AAPL", "AAPL", "20261120"),
        ("AAPL", "AAPL", "20261218"),
        ("AAPL", "AAPL", "20290119"),
        ("SPX", "SPX", "20261217"),
        ("SPX", "SPXW", "20261120"),
        ("SPX", "SPXW", "20261231"),
        ("VIX", "VIX", "20261215"),
        ("NVO", "2NVO", ""),
        ("AMC", "AMC", ""),
        ("ES", "ES", "20261218"),
        ("ES", "EW", ""),
    ] {
        let rows = rows(&world, symbol, class, expiry);
        let greeks = world.chain_greeks(&rows, FRIDAY);
        assert_eq!(greeks.len(), rows.len());
        let mut before: Option<(&Instrument, Greeks, Greeks)> = None;
        for (pair, values) in rows.chunks(2).zip(greeks.chunks(2)) {
            let (row, model, call, put) = (pair[0], pair[0].option.unwrap(), values[0], values[1]);
            assert!(model.call && !pair[1].option.unwrap().call);
            let at = &row.contract.local_symbol;
            for found in [call, put] {
                assert!(
                    [found.iv, found.delta, found.gamma, found.vega, found.theta, found.price].iter().all(|value| value.is_finite()),
                    "{at}"
                );
                assert!(found.gamma >= 0.0 && found.vega >= 0.0 && found.price >= 0.0 && (0.02..4.0).contains(&found.iv), "{at} {found:?}");
            }
            assert!(call.delta >= 0.0 && put.delta <= 0.0, "{at}");
            // Waiting may pay only for who cannot exercise what he would gladly hold: a European's deep side.
            assert!(call.theta <= 0.0 || model.on_future && !model.american, "{at}");
            assert_eq!((call.iv, call.underlying), (put.iv, put.underlying));
            let spot = call.underlying * model.ratio;
            let left = years_between(step(FRIDAY), model.expires_at);
            let discount = (-RATE * left).exp();
            let forward = if model.on_future { spot * discount } else { spot } - model.strike * discount;
            let off = call.price - put.price - forward;
            let exercised = [put.price - (model.strike - spot), call.price - (spot - model.strike)].map(|time| time.abs() < 1e-9);
            assert!(off.abs() < 1e-6 || model.american && exercised.contains(&true), "{at}: {off}");
            let next_of = before.filter(|(earlier, ..)| earlier.expiry == row.expiry);
            if let Some((_, lower_call, lower_put)) = next_of {
                assert!(call.price <= lower_call.price + 1e-9 && put.price >= lower_put.price - 1e-9, "{at}");
            }
            before = Some((row, call, put));
        }
    }
}

#[test]
fn marks_greeks_and_calculators_agree() {
    let world = world(false);
    for row in rows(&world, "AAPL", "", "20261218") {
        let found = world.greeks(row, FRIDAY).unwrap();
        assert_eq!(world.mark(row, FRIDAY), row.round(found.price), "{}", row.contract.local_symbol);
        let priced = world.calculate_price(row, found.iv, found.underlying, FRIDAY).unwrap();
        assert_eq!(priced, found);
        if found.vega > 0.001 {
            let solved = world.calculate_volatility(row, found.price, found.underlying, FRIDAY).unwrap();
            assert!((solved.iv - found.iv).abs() < 1e-6 && (solved.delta - found.delta).abs() < 1e-6);
        }
    }
    let stock = world.contracts.get(265_598).unwrap();
    assert!(world.greeks(stock, FRIDAY).is_none() && world.calculate_price(stock, 0.3, 270.0, FRIDAY).is_none());
    let option = rows(&world, "AAPL", "", "20261218")[0];
    assert!(world.calculate_price(option, f64::NAN, 270.0, FRIDAY).is_none());
    assert!(world.calculate_volatility(option, 0.0, 270.0, FRIDAY).is_none());
}

#[test]
fn an_option_settles_at_its_underlying_s_last_price() {
    let world = world(false);
    let stock = world.contracts.get(265_598).unwrap();
    let close = 1_795_208_400; // 16:00 in New York
    let all = rows(&world, "AAPL", "", "20261120");
    let settled = world.mark(stock, close);
    for row in all {
        let model = row.option.unwrap();
        assert_eq!(model.expires_at, close);
        let intrinsic = if model.call { settled - model.strike } else { model.strike - settled };
        for later in [close, close + HOUR, close + 50 * HOUR] {
            let found = world.greeks(row, later).unwrap();
            assert!((found.price - intrinsic.max(0.0)).abs() < 0.006 && found.vega == 0.0, "{} {found:?}", row.contract.local_symbol);
            assert!((world.mark(row, later) - intrinsic).abs() < 0.011 || intrinsic < 0.01);
        }
    }
}

/// Bars of every size fold into each other, and the last one closes at the mark, around the clock.
#[test]
fn bars_of_options_end_at_the_mark() {
    for open in [false, true] {
        let world = world(open);
        let daily = rows(&world, "SPX", "SPXW", "20261123")[300];
        let near = rows(&world, "AAPL", "", "20261120").into_iter().find(|row| row.contract.strike == Some(270.0)).unwrap();
        let future = rows(&world, "ES", "EW", "20261130").into_iter().find(|row| row.contract.strike == Some(6600.0)).unwrap();
        for row in [daily, near, future, world.contracts.get(800_000_101).unwrap()] {
            for now in [FRIDAY, FRIDAY + 5 * HOUR, FRIDAY - 3 * HOUR, FRIDAY - 14 * HOUR] {
                let mark = world.mark(row, now);
                let mut days = Vec::new();
                for (size, duration) in [("1 secs", "120 S"), ("1 min", "2 D"), ("15 mins", "2 D"), ("1 hour", "2 D"), ("1 day", "2 D")] {
                    let query = HistoryQuery {
                        req_id: 1,
                        contract: Contract { con_id: row.contract.con_id, ..Contract::default() },
                        end: String::new(),
                        bar_size: size.into(),
                        duration: duration.into(),
                        use_rth: row.hours == Hours::UsOption,
                        what_to_show: "TRADES".into(),
                        format_date: 2,
                        keep_up_to_date: false,
                    };
                    let plan = world.plan(&query, now).unwrap();
                    let Answer::Bars { rows: bars, .. } = world.answer(&plan) else { panic!("bars") };
                    assert_eq!(bars.last().unwrap().close, mark, "{} {size} {now} open {open}", row.contract.local_symbol);
                    if duration == "2 D" {
                        let high = bars.iter().map(|bar| bar.high).fold(f64::MIN, f64::max);
                        let low = bars.iter().map(|bar| bar.low).fold(f64::MAX, f64::min);
                        let volume: u64 = bars.iter().map(|bar| bar.volume.parse::<u64>().unwrap()).sum();
                        days.push((bars[0].open, high, low, volume));
                    }
                }
                assert!(days.windows(2).all(|pair| pair[0] == pair[1]), "{days:?}");
            }
        }
    }
}

#[test]
fn a_hundred_options_take_well_below_a_millisecond() {
    let world = world(false);
    let all = rows(&world, "SPY", "", "20261218");
    let hundred = &all[..100];
    // The best of several runs: other work on the machine must not fail this.
    let best = (0..20).map(|_| {
        let start = tokio::time::Instant::now();
        assert_eq!(world.chain_greeks(hundred, FRIDAY).len(), 100);
        start.elapsed()
    });
    let best = best.min().unwrap();
    assert!(best < std::time::Duration::from_millis(1), "{best:?}");
}

/// An index's options cost what its volatility index says, and what tracks it has the same smile.
#[test]
fn the_volatility_index_tells_the_index_s_volatility() {
    let world = world(false);
    let near = |symbol: &str, expiry: &str| {
        let rows = rows(&world, symbol, "", expiry);
        let all = world.chain_greeks(&rows, FRIDAY);
        all.into_iter().min_by(|a, b| (a.delta - 0.5).abs().total_cmp(&(b.delta - 0.5).abs())).unwrap().iv
    };
    let gauge = world.contracts.get(13_455_763).unwrap();
    let told = world.previous_close(gauge, FRIDAY) / 100.0;
    let (index, tracker) = (near("SPX", "20261217"), near("SPY", "20261218"));
    assert!((0.8..1.05).contains(&(index / told)), "{index} {told}");
    assert!((tracker / index - 1.0).abs() < 0.05, "{tracker} {index}");
}
