//! Hours, dates and conditions.

use super::*;
use crate::wire::pb::order::OrderCondition;

const BEFORE_OPEN: &str = "2026-11-20T13:00:00Z";

#[test]
fn before_the_open_an_order_waits_with_a_warning() {
    let mut floor = Floor::open_at(BEFORE_OPEN);
    floor.step(|book, desk| {
        let placement = Placement { client_id: 1, order_id: 1, contract: stock(APPLE), order: order("BUY", 1, "MKT"), attached: None };
        book.place(desk, &placement);
    });
    let news = floor.news();
    assert_eq!(news.iter().map(line).collect::<Vec<_>>(), ["open 1 PreSubmitted", "status 1 PreSubmitted 0/1", "error 1 399"]);
    let What::Error { error, .. } = &news[2].what else { panic!() };
    assert_eq!(
        error.text,
        "Order Message:\nBUY 1 AAPL NASDAQ.NMS\nWarning: Your order will not be placed at the exchange until 2026-11-20 09:30:00 US/Eastern."
    );
    assert!(floor.pass(60).is_empty());
    let lines = floor.jump("2026-11-20T14:30:02Z");
    assert_eq!(statuses(&lines), ["status 1 Submitted 0/1", "status 1 Filled 1/0"]);
}

#[test]
fn outside_regular_hours_only_by_request() {
    let mut floor = Floor::open_at(BEFORE_OPEN);
    let price = floor.world.contracts.get(APPLE).unwrap().round(floor.quote(APPLE).ask + 5.0);
    let early = Order { outside_rth: Some(true), ..limit("BUY", 1, price) };
    floor.place(1, stock(APPLE), early);
    floor.place(2, stock(APPLE), limit("BUY", 1, price));
    floor.pass(2);
    assert_eq!((floor.status(1), floor.status(2)), ("Filled", "PreSubmitted"));
    // A market order cannot ask for it.
    let lines = floor.place(3, stock(APPLE), Order { outside_rth: Some(true), ..order("BUY", 1, "MKT") });
    assert_eq!(lines, ["error 3 2109", "open 3 PreSubmitted", "status 3 PreSubmitted 0/1", "error 3 399"]);
}

/// Also when the clock jumps over the close and the next open.
#[test]
fn a_day_order_ends_with_its_day() {
    let mut floor = Floor::friday();
    floor.place(1, stock(APPLE), limit("BUY", 1, 10.0));
    floor.place(2, stock(APPLE), Order { tif: Some("GTC".into()), ..limit("BUY", 1, 10.0) });
    let lines = floor.jump("2026-11-23T15:00:00Z");
    assert_eq!(lines, ["status 1 Cancelled 0/1", "error 1 202"]);
    assert_eq!(floor.status(2), "Submitted");
    let done = floor.book.find(1, 1).unwrap().completed.clone().unwrap();
    assert_eq!((done.time, done.words.as_str()), (seconds("2026-11-20T21:00:00Z"), "Cancelled by System"));
}

#[test]
fn a_date_ends_an_order_and_a_date_begins_one() {
    let mut floor = Floor::friday();
    let until = Order { tif: Some("GTD".into()), good_till_date: Some("20261120 10:20:00 US/Eastern".into()), ..limit("BUY", 1, 10.0) };
    floor.place(1, stock(APPLE), until);
    let from = Order { good_after_time: Some("20261120 10:25:00 US/Eastern".into()), ..order("BUY", 1, "MKT") };
    assert_eq!(floor.place(2, stock(APPLE), from), ["open 2 PreSubmitted", "status 2 PreSubmitted 0/1"]);
    floor.jump("2026-11-20T15:20:01Z");
    assert_eq!((floor.status(1), floor.status(2)), ("Cancelled", "PreSubmitted"));
    let lines = floor.until("status 2 Filled");
    assert_eq!(floor.now(), seconds("2026-11-20T15:25:00Z"), "{lines:?}");
}

#[test]
fn closing_orders_trade_in_the_last_second() {
    let mut floor = Floor::friday();
    assert_eq!(floor.place(1, stock(APPLE), order("BUY", 5_000, "MOC")), ["open 1 PreSubmitted", "status 1 PreSubmitted 0/5000"]);
    floor.place(2, stock(APPLE), Order { lmt_price: Some(10.0), ..order("BUY", 1, "LOC") });
    floor.jump("2026-11-20T20:59:58Z");
    assert_eq!(floor.status(1), "PreSubmitted");
    floor.jump("2026-11-20T21:00:30Z");
    assert_eq!((floor.status(1), floor.status(2)), ("Filled", "Cancelled"));
    let close = floor.world.quote(floor.world.contracts.get(APPLE).unwrap(), seconds("2026-11-20T20:59:59Z")).last;
    assert_eq!(floor.book.find(1, 1).unwrap().average(), close);
    assert_eq!(floor.book.records[0].time, seconds("2026-11-20T20:59:59Z"));
}

#[test]
fn opening_orders_trade_at_the_opening_or_not_at_all() {
    let mut floor = Floor::open_at(BEFORE_OPEN);
    let opening = |order: Order| Order { tif: Some("OPG".into()), ..order };
    floor.place(1, stock(APPLE), opening(order("BUY", 5_000, "MKT")));
    floor.place(2, stock(APPLE), opening(limit("BUY", 1, 10.0)));
    floor.jump("2026-11-20T14:30:05Z");
    assert_eq!((floor.status(1), floor.status(2)), ("Filled", "Cancelled"));
    assert_eq!(floor.book.records[0].time, seconds("2026-11-20T14:30:00Z"));
}

/// A stop is reached on the way of a jump, not at its end alone.
#[test]
fn a_jump_is_walked() {
    let mut floor = Floor::friday();
    let apple = floor.world.contracts.get(APPLE).unwrap();
    let hour: Vec<f64> = (0..3_600).map(|second| floor.world.quote(apple, floor.now() + second).last).collect();
    let lowest = hour.iter().copied().fold(f64::INFINITY, f64::min);
    let stop = apple.round(lowest + (hour[0] - lowest) * 0.5);
    assert!(stop < hour[0]);
    floor.place(1, stock(APPLE), Order { aux_price: Some(stop), ..order("SELL", 5, "STP") });
    floor.jump("2026-11-20T16:15:30Z");
    assert_eq!(floor.status(1), "Filled");
}

/// A halt holds what waits and refuses what cannot.
#[test]
fn a_halted_contract_does_not_trade() {
    let mut floor = Floor::friday();
    let halted = floor.world.contracts.iter().find(|row| row.contract.symbol == "ZVZZT").unwrap().contract.con_id;
    assert!(floor.world.halted(floor.world.contracts.get(halted).unwrap(), floor.now()));
    let price = floor.quote(halted).ask + 1.0;
    let price = floor.world.contracts.get(halted).unwrap().round(price);
    floor.place(1, stock(halted), limit("BUY", 1, price));
    floor.place(2, stock(halted), order("BUY", 1, "MKT"));
    floor.pass(5);
    assert_eq!((floor.status(1), floor.status(2)), ("Submitted", "Inactive"));
}

fn condition(kind: i32, more: bool, and: bool) -> OrderCondition {
    OrderCondition {
        kind: Some(kind),
        is_more: Some(more),
        is_conjunction_connection: Some(and),
        con_id: Some(APPLE),
        exchange: Some("SMART".into()),
        ..OrderCondition::default()
    }
}

#[test]
fn conditions_are_read_from_left_to_right() {
    let now = seconds(FRIDAY);
    let time = |more: bool, and: bool| OrderCondition { time: Some("20261120 12:00:00 US/Eastern".into()), ..condition(3, more, and) };
    let price = |price: f64, and: bool| OrderCondition { price: Some(price), ..condition(1, true, and) };
    for (conditions, fills) in [
        (vec![price(1.0, true)], true),
        (vec![price(9_000.0, true)], false),
        (vec![time(false, true)], true),
        (vec![time(true, true)], false),
        (vec![price(9_000.0, false), time(false, true)], true),
        (vec![price(1.0, true), time(true, true)], false),
        (vec![OrderCondition { percent: Some(10), ..condition(4, true, true) }], true),
        (vec![OrderCondition { percent: Some(10), ..condition(4, false, true) }], false),
        (vec![OrderCondition { volume: Some(1_000), ..condition(6, true, true) }], true),
        (vec![OrderCondition { volume: Some(2_000_000_000), ..condition(6, true, true) }], false),
        (vec![OrderCondition { change_percent: Some(-90.0), ..condition(7, true, true) }], true),
        (vec![OrderCondition { change_percent: Some(90.0), ..condition(7, true, true) }], false),
    ] {
        let mut floor = Floor::friday();
        let shown = format!("{conditions:?}");
        let lines = floor.place(1, stock(MICROSOFT), Order { conditions, ..order("BUY", 1, "MKT") });
        floor.pass(2);
        assert_eq!(floor.status(1) == "Filled", fills, "{shown} {lines:?}");
        assert!(fills || lines[1] == "status 1 PreSubmitted 0/1", "{lines:?}");
        assert_eq!(floor.now(), now + 2);
    }
}

#[test]
fn an_execution_wakes_an_order_and_a_condition_cancels_one() {
    let mut floor = Floor::friday();
    let traded = OrderCondition { symbol: Some("AAPL".into()), sec_type: Some("STK".into()), ..condition(5, true, true) };
    floor.place(1, stock(MICROSOFT), Order { conditions: vec![traded.clone()], ..order("BUY", 1, "MKT") });
    let cancelled = Order { conditions: vec![traded], conditions_cancel_order: Some(true), ..limit("BUY", 1, 10.0) };
    assert_eq!(floor.place(2, stock(MICROSOFT), cancelled)[1], "status 2 Submitted 0/1");
    floor.pass(2);
    assert_eq!((floor.status(1), floor.status(2)), ("PreSubmitted", "Submitted"));
    floor.place(3, stock(APPLE), order("BUY", 1, "MKT"));
    floor.pass(3);
    assert_eq!((floor.status(1), floor.status(2)), ("Filled", "Cancelled"));
}
