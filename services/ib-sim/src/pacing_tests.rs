use super::*;
use crate::proto::types::Contract;

fn query(con_id: i32, bar_size: &str, what: &str) -> HistoryQuery {
    HistoryQuery {
        req_id: con_id,
        contract: Contract { con_id, ..Contract::default() },
        end: String::new(),
        bar_size: bar_size.into(),
        duration: "60 S".into(),
        use_rth: true,
        what_to_show: what.into(),
        format_date: 2,
        keep_up_to_date: false,
    }
}

#[test]
fn fifty_messages_a_second() {
    let pacing = Pacing::new(true, HistoryPacing::Ib);
    let at = Duration::from_millis;
    for n in 0..50 {
        assert_eq!(pacing.message(at(n)), Rate::Within);
    }
    assert_eq!(pacing.message(at(999)), Rate::Exceeded { second: 0 });
    assert_eq!(pacing.message(at(1000)), Rate::Within);
    assert_eq!(pacing.message(at(1000)), Rate::Exceeded { second: 1 });
    let free = Pacing::new(false, HistoryPacing::Strict);
    assert!((0..500).all(|_| free.message(at(1)) == Rate::Within));
}

#[test]
fn identical_requests_wait_fifteen_seconds() {
    let pacing = Pacing::new(true, HistoryPacing::Ib);
    let same = query(1, "5 secs", "TRADES");
    assert!(pacing.history(0, &same).is_some());
    assert!(pacing.history(14_999, &HistoryQuery { req_id: 9, ..same.clone() }).is_none());
    assert!(pacing.history(15_000, &same).is_some());
    // IB lifted the rules for bars of a minute and more; the strict form keeps them.
    let minute = query(1, "1 min", "TRADES");
    assert!((0..10).all(|_| pacing.history(20_000, &minute).is_some()));
    let strict = Pacing::new(true, HistoryPacing::Strict);
    assert!(strict.history(0, &minute).is_some() && strict.history(1, &minute).is_none());
}

#[test]
fn six_for_one_contract_within_two_seconds() {
    let pacing = Pacing::new(true, HistoryPacing::Strict);
    let nth = |n: i64| HistoryQuery { duration: format!("{n} S"), ..query(1, "1 secs", "TRADES") };
    assert!((0..5).all(|n| pacing.history(n, &nth(n)).is_some()));
    assert!(pacing.history(1_999, &nth(6)).is_none());
    assert!(pacing.history(1_999, &query(1, "1 secs", "BID")).is_some());
    assert!(pacing.history(2_000, &nth(7)).is_some());
}

#[test]
fn sixty_in_ten_minutes_quotes_counting_twice() {
    let pacing = Pacing::new(true, HistoryPacing::Strict);
    for n in 0..28 {
        assert!(pacing.history(i64::from(n), &query(n + 1, "1 secs", "BID_ASK")).is_some());
    }
    for n in 0..4 {
        assert!(pacing.history(30, &query(100 + n, "1 secs", "TRADES")).is_some());
    }
    assert!(pacing.history(31, &query(200, "1 secs", "TRADES")).is_none());
    assert!(pacing.history(600_000, &query(200, "1 secs", "TRADES")).is_some());
    // A clock set back forgets instead of locking up.
    assert!(pacing.history(-5_000_000, &query(300, "1 secs", "TRADES")).is_some());
}

#[test]
fn fifty_open_at_once() {
    let pacing = Pacing::new(true, HistoryPacing::Ib);
    let held: Vec<_> = (0..50).map(|n| pacing.history(0, &query(n + 1, "1 hour", "TRADES")).unwrap()).collect();
    assert!(pacing.history(0, &query(99, "1 hour", "TRADES")).is_none());
    drop(held);
    assert!(pacing.history(0, &query(99, "1 hour", "TRADES")).is_some());
}

#[test]
fn symbol_searches_take_turns() {
    let pacing = Pacing::new(true, HistoryPacing::Ib);
    let at = Duration::from_millis;
    assert_eq!(pacing.symbol_search(at(100)), Some(at(0)));
    assert_eq!(pacing.symbol_search(at(300)), Some(at(800)));
    assert_eq!(pacing.symbol_search(at(300)), Some(at(1800)));
    assert_eq!(pacing.symbol_search(at(9000)), Some(at(0)));
}

/// A client that floods the search does not lock out the others for as long as it likes.
#[test]
fn a_flood_of_searches_is_refused_and_costs_later_ones_no_more() {
    let pacing = Pacing::new(true, HistoryPacing::Ib);
    let taken = (0..1_000).filter(|_| pacing.symbol_search(Duration::ZERO).is_some()).count();
    assert_eq!(taken, 61);
    assert_eq!(pacing.symbol_search(Duration::from_secs(30)), Some(Duration::from_secs(31)));
}

#[test]
fn real_time_bars_and_tick_by_tick_have_their_own_windows() {
    let pacing = Pacing::new(true, HistoryPacing::Ib);
    assert!((0..60).all(|n| pacing.real_time(n)));
    assert!(!pacing.real_time(599_999) && pacing.real_time(600_000));
    assert!(pacing.tick_by_tick(0, 1) && !pacing.tick_by_tick(14_999, 1));
    assert!(pacing.tick_by_tick(1, 2) && pacing.tick_by_tick(15_000, 1));
    let free = Pacing::new(false, HistoryPacing::Ib);
    assert!((0..100).all(|_| free.real_time(0) && free.tick_by_tick(0, 1)));
}
