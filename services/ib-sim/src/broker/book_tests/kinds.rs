//! Kinds of orders, and what is refused.

use super::*;

#[test]
fn a_market_order_pays_the_ask_and_fills_what_is_shown() {
    let mut floor = Floor::friday();
    let (cash, held) = (floor.cash(), floor.held(APPLE));
    floor.place(1, stock(APPLE), order("BUY", 7, "MKT"));
    let lines = floor.pass(1);
    let ask = floor.quote(APPLE).ask;
    assert_eq!(lines, ["execution 1 STK BOT 7", "open 1 Filled", "status 1 Filled 7/0", "fees 1.00"]);
    assert!((cash - floor.cash() - 7.0 * ask - 1.0).abs() < 1e-6);
    assert_eq!(floor.held(APPLE), held + 7.0);
}

/// Larger than what is shown: one piece a second, each a tick further away.
#[test]
fn a_large_order_fills_in_pieces() {
    let mut floor = Floor::friday();
    floor.place(1, stock(APPLE), order("SELL", 6_000, "MKT"));
    let before = floor.quote(APPLE).bid;
    let lines = floor.until("status 1 Filled");
    let pieces: Vec<f64> =
        lines.iter().filter_map(|line| line.strip_prefix("execution 1 STK SLD ")).map(|size| size.parse().unwrap()).collect();
    assert!(pieces.len() > 2, "{pieces:?}");
    assert_eq!(pieces.iter().sum::<f64>(), 6_000.0);
    // The fee of the whole: 0.005 a share.
    let fees: f64 = lines.iter().filter_map(|line| line.strip_prefix("fees ")).map(|fee| fee.parse::<f64>().unwrap()).sum();
    assert!((fees - 30.0).abs() < 0.05, "{fees}");
    let average = floor.book.find(1, 1).unwrap().average();
    assert!(average < before && before * 0.99 < average, "{average} {before}");
}

#[test]
fn the_fill_size_fault_makes_pieces_of_small_orders() {
    let mut floor = Floor::friday();
    floor.book.faults.fill_size = Some(2.0);
    floor.place(1, stock(APPLE), order("BUY", 5, "MKT"));
    assert_eq!(statuses(&floor.pass(3)), ["status 1 Submitted 2/3", "status 1 Submitted 4/1", "status 1 Filled 5/0"]);
    // The least fee of an order is charged once.
    assert_eq!(floor.book.find(1, 1).unwrap().fees, [1.0]);
}

#[test]
fn a_limit_order_waits_for_its_price() {
    let mut floor = Floor::friday();
    let ask = floor.quote(APPLE).ask;
    let price = floor.world.contracts.get(APPLE).unwrap().round(ask - 0.30);
    assert_eq!(floor.place(1, stock(APPLE), limit("BUY", 5, price)), ["open 1 Submitted", "status 1 Submitted 0/5"]);
    floor.until("status 1 Filled");
    let entry = floor.book.find(1, 1).unwrap();
    assert!(entry.average() <= price && floor.quote(APPLE).ask <= price);
    let liquidity = floor.book.records[0].execution.last_liquidity;
    assert_eq!(liquidity, Some(1));
}

#[test]
fn a_stop_waits_for_its_trigger_and_becomes_a_market_order() {
    let mut floor = Floor::friday();
    let last = floor.quote(APPLE).last;
    let stop = floor.world.contracts.get(APPLE).unwrap().round(last - 0.25);
    let lines = floor.place(1, stock(APPLE), Order { aux_price: Some(stop), ..order("SELL", 5, "STP") });
    assert_eq!(lines, ["open 1 PreSubmitted", "status 1 PreSubmitted 0/5 (trigger)"]);
    let lines = floor.until("status 1 Filled");
    assert_eq!(statuses(&lines), ["status 1 Submitted 0/5", "status 1 Filled 5/0"]);
    assert!(floor.quote(APPLE).last <= stop);
}

#[test]
fn a_stop_limit_keeps_its_limit() {
    let mut floor = Floor::friday();
    let last = floor.quote(APPLE).last;
    let grid = |price: f64| floor.world.contracts.get(APPLE).unwrap().round(price);
    let (stop, floor_price) = (grid(last - 0.20), grid(last - 0.21));
    let order = Order { aux_price: Some(stop), lmt_price: Some(floor_price), ..order("SELL", 5, "STP LMT") };
    floor.place(1, stock(APPLE), order);
    floor.until("status 1 Filled");
    assert!(floor.book.find(1, 1).unwrap().average() >= floor_price);
}

#[test]
fn a_trailing_stop_follows_the_market() {
    for (amount, percent) in [(Some(0.40), None), (None, Some(0.15))] {
        let mut floor = Floor::friday();
        let order = Order { aux_price: amount, trailing_percent: percent, ..order("SELL", 5, "TRAIL") };
        floor.place(1, stock(APPLE), order);
        let mut highest = floor.quote(APPLE).last;
        loop {
            let lines = floor.pass(1);
            highest = highest.max(floor.quote(APPLE).last);
            let away = amount.unwrap_or(highest * 0.0015);
            let entry = floor.book.find(1, 1).unwrap();
            assert!((entry.trail.unwrap() - (highest - away)).abs() < 1e-6);
            if lines.iter().any(|line| line.starts_with("status 1 Filled")) {
                assert!(floor.quote(APPLE).last <= entry.trail.unwrap());
                break;
            }
        }
    }
}

#[test]
fn a_trailing_limit_takes_its_limit_from_where_the_stop_was() {
    let mut floor = Floor::friday();
    let order = Order { aux_price: Some(0.30), lmt_price_offset: Some(0.20), ..order("SELL", 5, "TRAIL LIMIT") };
    floor.place(1, stock(APPLE), order);
    floor.until("status 1 Filled");
    let entry = floor.book.find(1, 1).unwrap();
    assert!(entry.average() >= entry.trail.unwrap() - 0.20);
}

#[test]
fn touched_orders_wait_for_the_price_to_come() {
    let mut floor = Floor::friday();
    let touch = floor.world.contracts.get(APPLE).unwrap().round(floor.quote(APPLE).last - 0.20);
    floor.place(1, stock(APPLE), Order { aux_price: Some(touch), ..order("BUY", 5, "MIT") });
    floor.until("status 1 Filled");
    assert!(floor.quote(APPLE).last <= touch);
}

/// A stop below the market becomes a trail once the market has risen.
#[test]
fn a_stop_is_adjusted_once_the_market_has_come_far_enough() {
    let mut floor = Floor::friday();
    let apple = floor.world.contracts.get(APPLE).unwrap();
    let start = floor.quote(APPLE).last;
    let order = Order {
        aux_price: Some(apple.round(start - 50.0)),
        trigger_price: Some(apple.round(start + 0.10)),
        adjusted_order_type: Some("TRAIL".into()),
        adjusted_trailing_amount: Some(0.20),
        ..order("SELL", 5, "STP")
    };
    let untouched = Order { trigger_price: Some(apple.round(start + 50.0)), ..order.clone() };
    floor.place(1, stock(APPLE), order);
    floor.place(2, stock(APPLE), untouched);
    floor.until("open 1 PreSubmitted");
    assert!(floor.quote(APPLE).last >= start + 0.09);
    assert_eq!(floor.book.find(1, 1).unwrap().order.order_type.as_deref(), Some("TRAIL"));
    floor.until("status 1 Filled");
    assert_eq!(floor.status(2), "PreSubmitted");
}

/// As captured: an IOC without a market is cancelled in two steps, a FOK is inactive; neither says 202.
#[test]
fn immediate_orders_fill_or_go_as_captured() {
    let mut floor = Floor::friday();
    let immediate = |tif: &str, quantity: i32, price: f64| Order { tif: Some(tif.into()), ..limit("BUY", quantity, price) };
    assert_eq!(floor.place(1, stock(APPLE), immediate("IOC", 1, 10.0)), ["open 1 Submitted"]);
    assert_eq!(floor.pass(1), ["status 1 PendingCancel 0/1", "status 1 Cancelled 0/1"]);
    assert_eq!(floor.place(2, stock(APPLE), immediate("FOK", 1, 10.0)), ["open 2 Submitted"]);
    assert_eq!(floor.pass(1), ["status 2 Inactive 0/1"]);
    // Partly filled: the rest of an IOC goes, a FOK takes nothing.
    floor.book.faults.fill_size = Some(3.0);
    let ask = floor.quote(APPLE).ask + 5.0;
    let ask = floor.world.contracts.get(APPLE).unwrap().round(ask);
    floor.place(3, stock(APPLE), immediate("IOC", 5, ask));
    assert_eq!(statuses(&floor.pass(1)), ["status 3 Submitted 3/2", "status 3 PendingCancel 3/2", "status 3 Cancelled 3/2"]);
    floor.place(4, stock(APPLE), immediate("FOK", 5, ask));
    assert_eq!(statuses(&floor.pass(1)), ["status 4 Inactive 0/5"]);
}

#[test]
fn money_buys_as_much_as_it_can() {
    let mut floor = Floor::friday();
    let order = Order { total_quantity: None, cash_qty: Some(1_000.0), ..order("BUY", 0, "MKT") };
    floor.place(1, stock(APPLE), order);
    assert_eq!(floor.book.find(1, 1).unwrap().quantity, (1_000.0 / floor.quote(APPLE).ask * 1e4).floor() / 1e4);
}

#[test]
fn what_is_wrong_is_named_by_its_code() {
    let mut floor = Floor::friday();
    floor.settings.size_limit = Some(500);
    let tif = |tif: &str, order: Order| Order { tif: Some(tif.into()), ..order };
    for (order, code) in [
        (order("BUY", 1, "FEELINGS"), 321),
        (order("BUY", 1, "REL"), 387),
        (order("HOLD", 1, "MKT"), 321),
        (order("BUY", 0, "MKT"), 434),
        (Order { total_quantity: Some("1.00005".into()), ..order("BUY", 1, "MKT") }, 10_318),
        (Order { total_quantity: Some("NaN".into()), ..order("BUY", 1, "MKT") }, 434),
        (order("BUY", 501, "MKT"), 383),
        (limit("BUY", 1, 100.001), 110),
        (order("BUY", 1, "STP"), 321),
        (tif("SOON", order("BUY", 1, "MKT")), 321),
        (tif("GTD", order("BUY", 1, "MKT")), 321),
        (tif("GTC", order("BUY", 1, "MOC")), 113),
        (tif("IOC", Order { aux_price: Some(1.0), ..order("SELL", 1, "STP") }), 111),
        (Order { account: Some("U1".into()), ..order("BUY", 1, "MKT") }, 321),
        (Order { what_if: Some(true), transmit: None, ..order("BUY", 1, "MKT") }, 413),
    ] {
        assert_eq!(floor.place(1, stock(APPLE), order.clone()), [format!("error 1 {code}")], "{order:?}");
    }
    assert_eq!(floor.place(1, stock(5), order("BUY", 1, "MKT")), ["error 1 200"]);
    // Nothing of this used up the id.
    assert_eq!(floor.place(1, stock(APPLE), limit("BUY", 1, 10.0)).len(), 2);
}

/// Checks and previews come from one sum: what a what-if shows as affordable is taken, and only that.
#[test]
fn a_preview_and_the_check_agree() {
    let mut floor = Floor::friday();
    let mut order_id = 0;
    for quantity in [10, 1_000, 4_000, 6_000, 8_000, 20_000] {
        for action in ["BUY", "SELL"] {
            let state = floor.what_if(stock(MICROSOFT), order(action, quantity, "MKT"));
            let left = state.equity_with_loan_after.unwrap() - state.init_margin_after.unwrap();
            assert_eq!(state.status.as_deref(), Some("PreSubmitted"));
            assert!(state.commission_and_fees.unwrap() > 0.0 && state.margin_currency.as_deref() == Some("USD"));
            order_id += 1;
            floor.book.faults.hold_fills = true;
            let lines = floor.place(order_id, stock(MICROSOFT), order(action, quantity, "MKT"));
            let refused = lines[0] == format!("error {order_id} 201");
            assert_eq!(refused, left < 0.0, "{action} {quantity}: {left} {lines:?}");
            assert_eq!(refused, state.warning_text.is_some());
            if refused {
                assert_eq!(lines[2], format!("status {order_id} Inactive 0/{quantity}"));
            }
        }
    }
    assert_eq!(floor.held(MICROSOFT), 75.0);
}

#[test]
fn shares_that_cannot_be_borrowed_are_located_first() {
    let mut floor = Floor::friday();
    floor.book.faults.not_shortable = [APPLE].into();
    let lines = floor.place(1, stock(APPLE), order("SELL", 101, "MKT"));
    assert_eq!(lines, ["open 1 PreSubmitted", "status 1 PreSubmitted 0/101 (locate)", "error 1 404"]);
    assert!(floor.pass(3).is_empty());
    // What is held can be sold.
    floor.place(2, stock(APPLE), order("SELL", 100, "MKT"));
    assert_eq!(floor.pass(1)[2], "status 2 Filled 100/0");
}

#[test]
fn both_sides_of_one_option_are_refused() {
    let mut floor = Floor::friday();
    floor.place(1, stock(CALL), limit("BUY", 1, 0.05));
    let lines = floor.place(2, stock(CALL), limit("SELL", 1, 90.0));
    assert_eq!(lines[0], "error 2 201");
    assert_eq!(floor.status(2), "Inactive");
}
