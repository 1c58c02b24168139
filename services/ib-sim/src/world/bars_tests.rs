use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::world::calendar::wall;

fn same(_: i64, node: Node) -> Node {
    node
}

static CALM: Events = Events { jumps: Vec::new(), halts: Vec::new() };

fn source(key: u64, always_open: bool) -> Source<'static> {
    Source {
        calendar: Calendar { always_open },
        hours: Hours::UsStock,
        path: Path { key, base: 250.0, anchor: date(2026, 11, 20), sigma: 0.02, drift: 0.0, volume: 4.0e6, trade_size: 207.0 },
        events: &CALM,
        view: &same,
        stepped: false,
    }
}

fn days(source: &Source<'_>, from: Date, count: usize, regular: bool) -> Vec<(TradingDay, Vec<Span>)> {
    let mut on = from;
    let mut plan = Vec::new();
    while plan.len() < count {
        if let Some(day) = source.calendar.day(source.hours, on) {
            let spans = day.sessions(regular).to_vec();
            plan.push((day, spans));
        }
        on = crate::world::calendar::tomorrow(on);
    }
    plan
}

/// Prices and volumes of two bar lists, the finer folded by the coarser's starts.
fn assert_folds(coarse: &[Bar], fine: &[Bar]) {
    for (n, bar) in coarse.iter().enumerate() {
        let end = coarse.get(n + 1).map_or(i64::MAX, |next| next.start);
        let parts: Vec<&Bar> = fine.iter().filter(|part| bar.start <= part.start && part.start < end).collect();
        assert_eq!(parts.first().unwrap().open, bar.open);
        assert_eq!(parts.last().unwrap().close, bar.close);
        assert_eq!(parts.iter().map(|part| part.high).fold(f64::MIN, f64::max), bar.high);
        assert_eq!(parts.iter().map(|part| part.low).fold(f64::MAX, f64::min), bar.low);
        assert_eq!(parts.iter().map(|part| part.volume).sum::<u64>(), bar.volume);
        assert_eq!(parts.iter().map(|part| part.trades).sum::<u64>(), bar.trades);
    }
}

#[test]
fn sizes_are_spelled_as_ib_does() {
    assert_eq!(BarSize::parse("1 hour"), Some(BarSize::Seconds(3600)));
    assert_eq!(BarSize::parse("1W"), Some(BarSize::Week));
    for wrong in ["4 mins", "1 hours", "2 days", "", "1hour", "90 secs"] {
        assert_eq!(BarSize::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn hourly_bars_begin_as_in_the_capture() {
    let source = source(3, false);
    let bars = source.bars(&days(&source, date(2026, 4, 2), 1, true), BarSize::Seconds(3600));
    let starts: Vec<String> = bars.iter().map(|bar| wall(source.hours, bar.start, "%H:%M")).collect();
    assert_eq!(starts, ["09:30", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00"]);
}

#[test]
fn the_last_close_is_the_price_at_that_instant() {
    let source = source(9, true);
    let now = 1_795_186_843;
    let day = source.calendar.latest(source.hours, now).unwrap();
    let spans = vec![Span { start: day.start(), end: now + 1 }];
    for size in [BarSize::Seconds(1), BarSize::Seconds(300), BarSize::Seconds(3600), BarSize::Day, BarSize::Month] {
        let bars = source.bars(&[(day.clone(), spans.clone())], size);
        assert_eq!(bars.last().unwrap().close, source.price_at(now).unwrap(), "{size:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn bars_agree_across_sizes(key: u64, open: bool, regular: bool, offset in 0_i64..2000, size in 0_usize..9) {
        let source = source(key, open);
        let plan = days(&source, add(date(2021, 1, 4), offset.days()), 2, regular);
        let minutes = source.bars(&plan, BarSize::Seconds(60));
        let seconds = [120, 180, 300, 600, 900, 1200, 1800, 3600, 14_400][size];
        let coarse = source.bars(&plan, BarSize::Seconds(seconds));
        assert_folds(&coarse, &minutes);
        for bar in &coarse {
            prop_assert!(bar.low <= bar.average() && bar.average() <= bar.high);
        }
        let daily = source.bars(&plan, BarSize::Day);
        prop_assert_eq!(daily.len(), 2);
        assert_folds(&daily, &minutes);
    }

    #[test]
    fn weeks_fold_their_days_and_seconds_fold_into_minutes(key: u64, offset in 0_i64..300) {
        let source = source(key, false);
        let plan = days(&source, monday(add(date(2025, 1, 6), (offset * 7).days())), 10, true);
        let weekly = source.bars(&plan, BarSize::Week);
        assert_folds(&weekly, &source.bars(&plan, BarSize::Day));
        let (day, spans) = plan[0].clone();
        let first = vec![Span { start: spans[0].start, end: spans[0].start + 600 }];
        let plan = [(day, first)];
        assert_folds(&source.bars(&plan, BarSize::Seconds(60)), &source.bars(&plan, BarSize::Seconds(5)));
    }
}
