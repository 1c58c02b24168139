use super::*;
use crate::proto::types::Contract;
use crate::settings::Settings;

/// A Friday, 10:15:30 in New York.
const FRIDAY: i64 = 1_795_187_730;

fn world(open: bool) -> World {
    World::new(&Settings::default(), open, FRIDAY).unwrap()
}

fn query(size: &str, duration: &str, what: &str) -> HistoryQuery {
    HistoryQuery {
        req_id: 1,
        contract: Contract { con_id: 265_598, ..Contract::default() },
        end: String::new(),
        bar_size: size.into(),
        duration: duration.into(),
        use_rth: true,
        what_to_show: what.into(),
        format_date: 1,
        keep_up_to_date: false,
    }
}

fn bars(world: &World, query: &HistoryQuery) -> Result<Vec<BarRow>, ApiError> {
    let plan = world.plan(query, FRIDAY)?;
    match world.answer(&plan) {
        Answer::Bars { rows, .. } => Ok(rows),
        Answer::Schedule { .. } => panic!("bars were asked for"),
    }
}

fn dates(world: &World, query: &HistoryQuery) -> Vec<String> {
    bars(world, query).unwrap().into_iter().map(|row| row.date).collect()
}

#[test]
fn one_day_of_hours_is_the_running_session() {
    let world = world(false);
    assert_eq!(dates(&world, &query("1 hour", "1 D", "TRADES")), ["20261120 09:30:00 US/Eastern", "20261120 10:00:00 US/Eastern"]);
    let unix = HistoryQuery { format_date: 2, ..query("1 hour", "1 D", "TRADES") };
    assert_eq!(dates(&world, &unix), ["1795185000", "1795186800"]);
    let ended = HistoryQuery { end: "20261119 23:59:59 US/Eastern".into(), ..query("1 hour", "1 D", "TRADES") };
    assert_eq!(dates(&world, &ended).len(), 7);
}

/// The captured request was sent on a Sunday over a holiday weekend: it got Thursday's seven bars.
#[test]
fn a_closed_market_answers_with_its_last_session() {
    let world = world(false);
    let captured = include_str!("../../tests/data/historical_bars.txt");
    let asked = HistoryQuery { end: "20260405-21:50:56".into(), ..query("1 hour", "1 D", "TRADES") };
    for date in dates(&world, &asked) {
        assert!(captured.contains(&format!("\"time\":\"{date}\"")), "{date}");
    }
    assert_eq!(dates(&world, &asked).len(), captured.matches("server historical_bar {").count());
}

#[test]
fn the_last_close_is_the_mark_for_every_size() {
    for open in [false, true] {
        let world = world(open);
        let mark = world.mark(world.contracts.get(265_598).unwrap(), FRIDAY);
        for (size, duration) in [
            ("1 secs", "60 S"),
            ("5 secs", "600 S"),
            ("30 secs", "3600 S"),
            ("1 min", "1 D"),
            ("5 mins", "2 D"),
            ("15 mins", "1 W"),
            ("1 hour", "1 W"),
            ("4 hours", "1 M"),
            ("8 hours", "1 M"),
            ("1 day", "1 Y"),
            ("1 week", "1 Y"),
            ("1 month", "2 Y"),
        ] {
            let rows = bars(&world, &query(size, duration, "TRADES")).unwrap();
            assert_eq!(rows.last().unwrap().close, mark, "{size} over {duration}, open {open}");
            assert!(rows.iter().all(|row| row.low <= row.open.min(row.close) && row.high >= row.open.max(row.close)));
        }
    }
}

#[test]
fn lengths_are_as_expected() {
    let (real, open) = (world(false), world(true));
    for (world, size, duration, count) in [
        (&real, "1 day", "10 D", 10),
        (&real, "1 day", "1 W", 5),
        (&real, "1 week", "1 W", 1),
        (&real, "1 week", "3 W", 3),
        (&real, "1 month", "1 M", 1),
        (&real, "1 month", "1 Y", 12),
        (&real, "1 secs", "60 S", 60),
        (&real, "1 min", "3600 S", 61),
        (&open, "1 day", "7 D", 7),
        (&open, "1 hour", "2 D", 35),
        (&open, "1 day", "1 W", 7),
        (&open, "1 day", "2 Y", 730),
    ] {
        assert_eq!(dates(world, &query(size, duration, "TRADES")).len(), count, "{size} over {duration}");
    }
}

#[test]
fn weeks_and_months_are_whole() {
    let world = world(false);
    let weeks = bars(&world, &query("1 week", "2 W", "TRADES")).unwrap();
    let days = bars(&world, &query("1 day", "2 W", "TRADES")).unwrap();
    assert_eq!((weeks[0].date.as_str(), weeks[1].date.as_str()), ("20261113", "20261120"));
    assert_eq!(weeks[0].open, days[0].open);
    assert_eq!(weeks[0].close, days[4].close);
    let volume = |rows: &[BarRow]| rows.iter().map(|row| row.volume.parse::<u64>().unwrap()).sum::<u64>();
    assert_eq!(volume(&weeks), volume(&days));
    // Asked for in days, a month is still whole.
    let month = bars(&world, &query("1 month", "3 D", "TRADES")).unwrap();
    assert_eq!(month[0], bars(&world, &query("1 month", "1 M", "TRADES")).unwrap()[0]);
}

#[test]
fn quotes_surround_the_trades() {
    let world = world(true);
    let of = |what: &str| bars(&world, &query("1 hour", "1 D", what)).unwrap();
    let (trades, mid, bid, ask, both) = (of("TRADES"), of("MIDPOINT"), of("BID"), of("ASK"), of("BID_ASK"));
    for n in 0..trades.len() {
        assert!(bid[n].close < trades[n].close && trades[n].close < ask[n].close);
        assert!(bid[n].close < mid[n].close && mid[n].close < ask[n].close);
        assert_eq!((both[n].low, both[n].high), (bid[n].low, ask[n].high));
        assert_eq!((mid[n].volume.as_str(), mid[n].wap.as_str(), mid[n].count), ("-1", "-1", -1));
        assert!(trades[n].count > 0);
    }
    assert_eq!(of("ADJUSTED_LAST"), trades);
    assert_eq!(of("AGGTRADES"), trades);
    for volatility in ["HISTORICAL_VOLATILITY", "OPTION_IMPLIED_VOLATILITY", "FEE_RATE"] {
        assert!(of(volatility).iter().all(|row| (0.05..1.5).contains(&row.close)), "{volatility}");
    }
}

#[test]
fn refusals_carry_ibs_codes() {
    let world = world(false);
    let code = |query: &HistoryQuery| bars(&world, query).map(|rows| rows.len()).map_err(|error| (error.code, error.text));
    let with = |change: fn(&mut HistoryQuery)| {
        let mut query = query("1 hour", "1 D", "TRADES");
        change(&mut query);
        code(&query).unwrap_err()
    };
    assert_eq!(with(|query| query.bar_size = "4 mins".into()).0, 321);
    assert_eq!(with(|query| query.duration = "one day".into()).0, 321);
    assert_eq!(with(|query| query.what_to_show = "RUMOURS".into()).0, 321);
    assert_eq!(with(|query| query.end = "tomorrow".into()).0, 10314);
    assert_eq!(with(|query| query.contract.con_id = 5).0, 200);
    assert_eq!(with(|query| query.contract.con_id = 479_624_278).0, 10299);
    assert_eq!(with(|query| query.contract.con_id = 12_087_792).0, 162);
    let too_long = with(|query| {
        query.bar_size = "1 secs".into();
        query.duration = "1 M".into();
    });
    assert_eq!(too_long, (162, "Historical Market Data Service error message:Time length exceed max.".into()));
    let empty = with(|query| query.end = "19990101 00:00:00 UTC".into());
    let text = "Historical Market Data Service error message:HMDS query returned no data: AAPL@SMART Trades";
    assert_eq!(empty, (162, text.into()));
    let live = with(|query| {
        query.keep_up_to_date = true;
        query.end = "20261120 10:00:00 UTC".into();
    });
    assert_eq!(live.0, 321);
}

#[test]
fn options_fold_too_and_cost_what_the_model_says() {
    let world = world(true);
    let option = HistoryQuery { contract: Contract { con_id: 800_000_101, ..Contract::default() }, ..query("1 hour", "2 D", "TRADES") };
    let rows = bars(&world, &option).unwrap();
    let row = world.contracts.get(800_000_101).unwrap();
    assert_eq!(rows.last().unwrap().close, world.mark(row, FRIDAY));
    assert!((5.0..25.0).contains(&rows.last().unwrap().close));
}

#[test]
fn schedules_show_whole_sessions() {
    let world = world(false);
    let plan_query = query("1 day", "3 D", "SCHEDULE");
    let plan = world.plan(&plan_query, FRIDAY).unwrap();
    let Answer::Schedule { sessions, start, end, zone } = world.answer(&plan) else { panic!("a schedule") };
    assert_eq!((sessions.len(), zone.as_str()), (3, "US/Eastern"));
    assert_eq!(sessions[2].start, "20261120-09:30:00");
    assert_eq!((start.as_str(), end.as_str()), ("20261118-09:30:00", "20261120-16:00:00"));
}

#[test]
fn heads_are_the_first_session() {
    let world = world(false);
    let mut head = HeadTimestampQuery {
        req_id: 1,
        contract: Contract { con_id: 265_598, ..Contract::default() },
        use_rth: true,
        what_to_show: "TRADES".into(),
        format_date: 1,
    };
    assert_eq!(world.head(&head, FRIDAY).unwrap(), "20040123-14:30:00");
    head.format_date = 2;
    assert_eq!(world.head(&head, FRIDAY).unwrap(), "1074868200");
}

#[test]
fn every_kind_of_instrument_has_a_history_that_ends_at_its_mark() {
    for open in [false, true] {
        let world = world(open);
        for (con_id, what) in [
            (416_904, "TRADES"),
            (13_455_763, "TRADES"),
            (600_202_612, "TRADES"),
            (600_202_703, "BID_ASK"),
            (13_905_720, "TRADES"),
            (14_204, "TRADES"),
            (479_624_278, "AGGTRADES"),
            (12_087_792, "MIDPOINT"),
            (800_000_102, "TRADES"),
        ] {
            let contract = Contract { con_id, ..Contract::default() };
            let rows = bars(&world, &HistoryQuery { contract, ..query("15 mins", "3 D", what) }).unwrap();
            let row = world.contracts.get(con_id).unwrap();
            let (last, mark) = (rows.last().unwrap().close, world.mark(row, FRIDAY));
            assert!((last - mark).abs() <= row.min_tick * 2.0 + mark * 0.0001, "{con_id} {last} {mark} open {open}");
            assert!(rows.len() > 20, "{con_id}");
        }
    }
}

#[test]
fn volumes_beyond_32_bits_survive() {
    let world = world(true);
    let nvidia = |size| HistoryQuery { contract: Contract { con_id: 4_815_747, ..Contract::default() }, ..query(size, "12 M", "TRADES") };
    let sum = |rows: &[BarRow]| rows.iter().map(|row| row.volume.parse::<u64>().unwrap()).sum::<u64>();
    let months = bars(&world, &nvidia("1 month")).unwrap();
    assert!(months.iter().any(|row| row.volume.parse::<u64>().unwrap() > u64::from(u32::MAX)), "{months:?}");
    let days = bars(&world, &nvidia("1 day")).unwrap();
    let october: Vec<BarRow> = days.into_iter().filter(|row| row.date.starts_with("202610")).collect();
    let month = months.iter().find(|row| row.date == "20261031").unwrap();
    assert_eq!(sum(&october).to_string(), month.volume);
}

/// Dates no market ever saw are refused without a search through the ages.
#[test]
fn the_ends_of_time_are_empty() {
    let world = world(false);
    for end in ["00010101 00:00:00 UTC", "18700101-00:00:00"] {
        let asked = HistoryQuery { end: end.into(), ..query("1 day", "100 Y", "TRADES") };
        assert_eq!(bars(&world, &asked).unwrap_err().code, 162, "{end}");
    }
    let asked = HistoryQuery { end: "99981231 23:59:59 UTC".into(), ..query("1 day", "5 D", "TRADES") };
    assert_eq!(bars(&world, &asked).unwrap().len(), 5);
}

#[test]
fn the_seed_decides() {
    let rows = |seed| {
        let settings = Settings { seed, ..Settings::default() };
        let world = World::new(&settings, true, FRIDAY).unwrap();
        bars(&world, &query("1 hour", "2 D", "TRADES")).unwrap()
    };
    assert_eq!(rows(1), rows(1));
    assert_ne!(rows(1), rows(2));
}
