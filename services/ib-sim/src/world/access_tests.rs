use std::io::Write as _;

use jiff::civil::date;

use super::*;
use crate::proto::request::HistoryQuery;
use crate::proto::types::{BarRow, Contract};
use crate::settings::Settings;
use crate::world::history::Answer;
use crate::world::scenario::DEFAULT;

/// Friday 2026-11-20 in New York.
const OPEN: i64 = 1_795_185_000; // 09:30
const FOUR: i64 = 1_795_208_400; // 16:00
const QUARTER: i64 = 900;

/// The default world with gaps, halts and entitlements of the test.
fn world(gaps: &str, halts: &str) -> World {
    let text = DEFAULT.replacen("gaps = []", &format!("gaps = [{gaps}]"), 1);
    let at = text.find("halts = [").unwrap();
    let end = at + text[at..].find('\n').unwrap();
    let text = format!("{}halts = [{halts}]{}", &text[..at], &text[end..]);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let settings = Settings { scenario: Some(file.path().to_owned()), ..Settings::default() };
    World::new(&settings, false, OPEN).unwrap()
}

fn bars(world: &World, con_id: i32, size: &str, duration: &str, now: i64) -> Vec<BarRow> {
    let query = HistoryQuery {
        req_id: 1,
        contract: Contract { con_id, ..Contract::default() },
        end: String::new(),
        bar_size: size.into(),
        duration: duration.into(),
        use_rth: true,
        what_to_show: "TRADES".into(),
        format_date: 2,
        keep_up_to_date: false,
    };
    let plan = world.plan(&query, now).unwrap();
    match world.answer(&plan) {
        Answer::Bars { rows, .. } => rows,
        Answer::Schedule { .. } => panic!("bars were asked for"),
    }
}

#[test]
fn the_default_login_sees_all_but_the_test_symbols() {
    let world = World::new(&Settings::default(), false, OPEN).unwrap();
    for row in world.contracts.iter() {
        let expected = match row.contract.symbol.as_str() {
            "ZWZZT" => Entitlement::Delayed,
            "ZXZZT" => Entitlement::None,
            _ => Entitlement::Live,
        };
        assert_eq!(world.entitlement(row), expected, "{}", row.contract.symbol);
        assert_eq!(world.halted(row, OPEN), row.contract.symbol == "ZVZZT", "{}", row.contract.symbol);
    }
}

#[test]
fn the_last_rule_that_fits_decides() {
    let mut world = World::new(&Settings::default(), false, OPEN).unwrap();
    let rule = |symbol: Option<&str>, exchange: Option<&str>, kind: Option<&str>, data| EntitlementData {
        symbol: symbol.map(Into::into),
        exchange: exchange.map(Into::into),
        kind: kind.map(Into::into),
        data,
    };
    world.entitlements = vec![
        rule(None, Some("IBIS"), None, Entitlement::Delayed),
        rule(None, None, Some("OPT"), Entitlement::None),
        rule(Some("SPY"), None, Some("OPT"), Entitlement::Delayed),
    ];
    let of = |con_id| world.entitlement(world.contracts.get(con_id).unwrap());
    assert_eq!(
        (of(14_204), of(7_015), of(265_598), of(800_000_101)),
        (Entitlement::Delayed, Entitlement::Live, Entitlement::Live, Entitlement::None)
    );
    let spy = Contract { symbol: "SPY".into(), sec_type: "OPT".into(), expiry: "20261218".into(), ..Contract::default() };
    assert_eq!(world.entitlement(world.contracts.find(&spy, date(2026, 11, 20)).unwrap()[0]), Entitlement::Delayed);
}

#[test]
fn a_gap_moves_prices_history_and_options_from_its_instant_on() {
    let at = OPEN + 3 * QUARTER;
    let calm = world("", "");
    let jumped = world(r#"{ symbol = "AAPL", at = "2026-11-20T10:15:00-05:00", percent = -10.0 }"#, "");
    let apple = |world: &World, now| world.mark(world.contracts.get(265_598).unwrap(), now);
    assert_eq!(apple(&calm, at - 1), apple(&jumped, at - 1));
    for later in [at, at + 600, at + 90 * 86_400] {
        assert!((apple(&jumped, later) / apple(&calm, later) - 0.9).abs() < 1e-4);
    }
    let now = at + 610;
    for size in ["1 secs", "1 min", "15 mins", "1 hour", "1 day"] {
        let rows = bars(&jumped, 265_598, size, if size == "1 secs" { "1800 S" } else { "2 D" }, now);
        assert_eq!(rows.last().unwrap().close, apple(&jumped, now), "{size}");
        let (high, low) = rows.iter().fold((0.0_f64, f64::MAX), |(high, low), bar| (high.max(bar.high), low.min(bar.low)));
        assert!(high / low > 1.1, "{size}");
    }
    let (day, parts) = (bars(&jumped, 265_598, "1 day", "1 D", now), bars(&jumped, 265_598, "1 min", "1 D", now));
    assert_eq!(day[0].low, parts.iter().map(|bar| bar.low).fold(f64::MAX, f64::min));
    let call = |world: &World, now| world.mark(world.contracts.get(800_000_101).unwrap(), now);
    assert_eq!(call(&calm, at - 1), call(&jumped, at - 1));
    assert!(call(&jumped, at) < call(&calm, at) / 2.0);
    // The chain of the days after surrounds the new price.
    let row = &jumped.secdef("AAPL", "SMART", "STK", 265_598, date(2026, 11, 23)).unwrap()[0];
    let near = row.strikes.iter().filter(|strike| (*strike / apple(&jumped, FOUR) - 1.0).abs() < 0.03).count();
    assert!(near >= 4, "{near}");
}

#[test]
fn a_halt_stops_prices_and_bars_until_it_ends() {
    let (from, to) = (OPEN + 2 * QUARTER, OPEN + 4 * QUARTER);
    let world = world("", r#"{ symbol = "AAPL", from = "2026-11-20T10:00:00-05:00", to = "2026-11-20T10:30:00-05:00" }"#);
    for con_id in [265_598, 800_000_101] {
        let row = world.contracts.get(con_id).unwrap();
        assert!(!world.halted(row, from - 1) && world.halted(row, from) && world.halted(row, to - 1) && !world.halted(row, to));
        let mark = |now| world.mark(row, now);
        assert_eq!(mark(from - 1), mark(to - 1));
        assert_ne!(mark(to - 1), mark(to + 300));
        for now in [from + 60, to + 300] {
            assert_eq!(bars(&world, con_id, "1 min", "1 D", now).last().unwrap().close, mark(now));
        }
        let times: Vec<i64> = bars(&world, con_id, "1 min", "1 D", FOUR).iter().map(|bar| bar.date.parse().unwrap()).collect();
        assert_eq!(times.len(), 360);
        assert!(times.iter().all(|time| *time < from || *time >= to));
    }
}

#[test]
fn a_halt_without_an_end_leaves_the_last_price_and_the_last_bars() {
    let world = World::new(&Settings::default(), false, OPEN).unwrap();
    let row = world.contracts.get(700_001_046).unwrap();
    let (mark, later) = (world.mark(row, OPEN), world.mark(row, OPEN + 400 * 86_400));
    assert_eq!((mark, mark), (later, world.previous_close(row, OPEN)));
    let days = bars(&world, 700_001_046, "1 day", "2 D", OPEN);
    assert_eq!(days.iter().map(|bar| bar.date.as_str()).collect::<Vec<_>>(), ["20261113", "20261116"]);
    assert_eq!(days[1].close, mark);
}

#[test]
fn what_tracks_an_index_moves_with_it() {
    let world = World::new(&Settings::default(), false, OPEN).unwrap();
    let at = |con_id, now| world.source(world.contracts.get(con_id).unwrap(), |source| source.price_at(now)).unwrap();
    let ratio = |now| at(756_733, now) / at(416_904, now);
    for now in [OPEN + 1, OPEN + 2000, FOUR - 1, OPEN - 30 * 86_400] {
        assert!((ratio(now) - 660.0 / 6603.0).abs() < 1e-9, "{now}");
    }
    // The index rests when its own session is over, though its trackers trade on.
    let index = world.contracts.get(416_904).unwrap();
    assert_eq!(world.mark(index, FOUR + 2 * 3600), world.mark(index, FOUR + 3 * 3600));
    assert_ne!(at(756_733, FOUR + 2 * 3600), at(756_733, FOUR + 3 * 3600));
}
