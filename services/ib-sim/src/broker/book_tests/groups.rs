//! Families and groups, changes and cancels, and who may do what.

use super::*;

fn bracket(floor: &mut Floor, entry: Order, profit: f64, stop: f64) -> Vec<String> {
    let child = |order: Order| Order { parent_id: Some(1), ..order };
    assert!(floor.place(1, stock(APPLE), Order { transmit: Some(false), ..entry }).is_empty());
    assert!(floor.place(2, stock(APPLE), Order { transmit: Some(false), ..child(limit("SELL", 10, profit)) }).is_empty());
    floor.place(3, stock(APPLE), child(Order { aux_price: Some(stop), ..order("SELL", 10, "STP") }))
}

fn near(floor: &Floor, away: f64) -> f64 {
    floor.world.contracts.get(APPLE).unwrap().round(floor.quote(APPLE).last + away)
}

#[test]
fn a_bracket_is_held_until_it_is_transmitted_and_its_children_until_the_parent_fills() {
    let mut floor = Floor::friday();
    let (profit, stop) = (near(&floor, 0.30), near(&floor, -0.30));
    let lines = bracket(&mut floor, order("BUY", 10, "MKT"), profit, stop);
    assert_eq!(
        statuses(&lines),
        ["status 1 Submitted 0/10", "status 2 PreSubmitted 0/10 (child)", "status 3 PreSubmitted 0/10 (child,trigger)"]
    );
    let lines = floor.pass(1);
    assert_eq!(statuses(&lines), ["status 1 Filled 10/0", "status 2 Submitted 0/10", "status 3 PreSubmitted 0/10 (trigger)"]);
    // One of the two ends the other.
    let lines = floor.until("error");
    let [profit, stop] = [2, 3].map(|id| floor.status(id));
    assert!(matches!((profit, stop), ("Filled", "Cancelled") | ("Cancelled", "Filled")), "{lines:?}");
    assert_eq!(floor.held(APPLE), 100.0);
    let group = floor.book.find(1, 2).unwrap().terms.oca.clone().unwrap().0;
    assert_eq!(group, floor.book.find(1, 1).unwrap().perm_id.to_string());
}

#[test]
fn cancelling_a_parent_cancels_its_children() {
    let mut floor = Floor::friday();
    bracket(&mut floor, limit("BUY", 10, 10.0), 300.0, 9.0);
    assert_eq!(
        floor.cancel(1, 1),
        ["status 1 Cancelled 0/10", "error 1 202", "status 2 Cancelled 0/10", "error 2 202", "status 3 Cancelled 0/10", "error 3 202"]
    );
    // A child of a parent that is over is refused.
    let late = Order { parent_id: Some(1), ..limit("SELL", 10, 300.0) };
    assert_eq!(floor.place(4, stock(APPLE), late)[0], "error 4 201");
}

#[test]
fn what_was_never_transmitted_is_discarded() {
    let mut floor = Floor::friday();
    assert!(floor.place(1, stock(APPLE), Order { transmit: None, ..limit("BUY", 1, 10.0) }).is_empty());
    assert!(floor.book.open_orders(&floor.world, Some(1)).is_empty());
    assert_eq!(floor.cancel(1, 1), ["error 1 202", "error 1 161"]);
    // The id was used up.
    assert_eq!(floor.place(1, stock(APPLE), limit("BUY", 1, 10.0)), ["error 1 103"]);
}

#[test]
fn one_cancels_all_or_reduces_the_others() {
    for (kind, expected) in [(1, "status 2 Cancelled 0/10"), (2, "status 2 Submitted 0/6"), (3, "status 2 Submitted 0/6")] {
        let mut floor = Floor::friday();
        let member = |order: Order| Order { oca_group: Some("G".into()), oca_type: Some(kind), ..order };
        floor.place(2, stock(APPLE), member(limit("BUY", 10, 10.0)));
        floor.book.faults.fill_size = Some(4.0);
        floor.place(3, stock(MICROSOFT), member(order("BUY", 10, "MKT")));
        let lines = floor.pass(1);
        assert!(lines.iter().any(|line| line == expected), "{kind}: {lines:?}");
        // Filled as a whole, it ends the others.
        floor.pass(5);
        assert_eq!((floor.status(2), floor.status(3)), ("Cancelled", "Filled"));
    }
}

#[test]
fn an_order_is_changed_by_its_id() {
    let mut floor = Floor::friday();
    floor.place(1, stock(APPLE), limit("BUY", 10, 10.0));
    assert_eq!(floor.place(1, stock(APPLE), limit("BUY", 20, 11.0)), ["open 1 Submitted", "status 1 Submitted 0/20"]);
    // Another side, another contract, less than is filled: not the same order.
    for (contract, order) in [(APPLE, limit("SELL", 20, 11.0)), (MICROSOFT, limit("BUY", 20, 11.0))] {
        assert_eq!(floor.place(1, stock(contract), order), ["error 1 105"]);
    }
    let ask = near(&floor, 5.0);
    floor.book.faults.fill_size = Some(5.0);
    floor.place(1, stock(APPLE), limit("BUY", 20, ask));
    floor.pass(1);
    assert_eq!(floor.place(1, stock(APPLE), limit("BUY", 5, ask)), ["error 1 105"]);
    floor.pass(5);
    assert_eq!(floor.place(1, stock(APPLE), limit("BUY", 20, ask)), ["error 1 104"]);
}

#[test]
fn a_change_beyond_the_account_leaves_the_order_as_it_was() {
    let mut floor = Floor::friday();
    floor.place(1, stock(APPLE), limit("BUY", 10, 10.0));
    assert_eq!(floor.place(1, stock(APPLE), limit("BUY", 900_000, 10.0)), ["error 1 201"]);
    assert_eq!(floor.book.find(1, 1).unwrap().quantity, 10.0);
}

#[test]
fn only_the_owner_cancels_and_each_error_has_its_code() {
    let mut floor = Floor::friday();
    floor.place(1, stock(APPLE), limit("BUY", 1, 10.0));
    assert_eq!(floor.cancel(2, 1), ["error 1 10147"]);
    assert_eq!(floor.cancel(1, 7), ["error 7 10147"]);
    assert_eq!(floor.cancel(1, 1), ["status 1 Cancelled 0/1", "error 1 202"]);
    assert_eq!(floor.cancel(1, 1), ["error 1 10148"]);
    assert_eq!(floor.place(1, stock(APPLE), limit("BUY", 1, 10.0)), ["error 1 103"]);
    assert_eq!(floor.place_as(2, 1, stock(APPLE), limit("BUY", 1, 10.0)).len(), 2);
}

#[test]
fn a_global_cancel_reaches_every_client() {
    let mut floor = Floor::friday();
    floor.place_as(1, 1, stock(APPLE), limit("BUY", 1, 10.0));
    floor.place_as(2, 1, stock(APPLE), limit("BUY", 1, 10.0));
    bracket_of(&mut floor, 3);
    floor.step(|book, desk| book.cancel_all(desk, 2));
    let news = floor.news();
    let told = |client: i32| news.iter().filter(|news| news.client_id == client).map(line).collect::<Vec<_>>();
    assert_eq!(told(1), ["status 1 Cancelled 0/1", "error 1 202"]);
    assert_eq!(told(2), ["status 1 Cancelled 0/1", "error 1 202"]);
    assert_eq!(told(3).len(), 4);
    assert!(!floor.book.has_working());
}

fn bracket_of(floor: &mut Floor, client_id: i32) {
    floor.place_as(client_id, 1, stock(APPLE), limit("BUY", 1, 10.0));
    floor.place_as(client_id, 2, stock(APPLE), Order { parent_id: Some(1), ..limit("SELL", 1, 300.0) });
}

#[test]
fn presets_attach_a_stop_and_a_profit_taker() {
    let mut floor = Floor::friday();
    let attached = crate::wire::pb::order_request::AttachedOrders {
        sl_order_id: Some(2),
        sl_order_type: Some("PRESET".into()),
        pt_order_id: Some(3),
        pt_order_type: Some("PRESET".into()),
    };
    let placement =
        Placement { client_id: 1, order_id: 1, contract: stock(APPLE), order: limit("BUY", 5, 100.0), attached: Some(attached) };
    floor.step(|book, desk| book.place(desk, &placement));
    let lines = floor.lines();
    assert_eq!(
        statuses(&lines),
        ["status 1 Submitted 0/5", "status 2 PreSubmitted 0/5 (child,trigger)", "status 3 PreSubmitted 0/5 (child)"]
    );
    let prices = [2, 3].map(|id| floor.book.find(1, id).map(|entry| (entry.order.aux_price, entry.order.lmt_price)).unwrap());
    assert_eq!(prices, [(Some(99.0), None), (None, Some(101.0))]);
}

#[test]
fn orders_by_hand_belong_to_nobody_until_they_are_bound() {
    let mut floor = Floor::friday();
    floor.step(|book, desk| book.place_by_hand(desk, stock(APPLE), limit("BUY", 1, 10.0))).unwrap();
    assert!(floor.lines().is_empty());
    assert!(floor.book.open_orders(&floor.world, Some(0)).is_empty());
    assert_eq!(floor.book.open_orders(&floor.world, None).len(), 2);
    floor.step(|book, desk| book.set_auto_bind(desk, true));
    assert_eq!(floor.lines(), ["bound -1", "open -1 Submitted", "status -1 Submitted 0/1"]);
    assert_eq!(floor.cancel(0, -1), ["status -1 Cancelled 0/1", "error -1 202"]);
    // From now on at once.
    floor.step(|book, desk| book.place_by_hand(desk, stock(APPLE), limit("BUY", 1, 10.0))).unwrap();
    assert_eq!(floor.lines()[0], "bound -2");
}

#[test]
fn lost_answers_come_when_the_client_is_back() {
    let mut floor = Floor::friday();
    floor.book.faults.lose_ack = 1;
    assert!(floor.place(1, stock(APPLE), order("BUY", 5, "MKT")).is_empty());
    assert!(floor.pass(2).is_empty());
    assert_eq!((floor.status(1), floor.held(APPLE)), ("Filled", 105.0));
    assert_eq!(floor.book.completed_orders(&floor.world, true).len(), 1);
    floor.book.attach(1);
    assert_eq!(floor.place(2, stock(APPLE), limit("BUY", 5, 10.0)).len(), 2);
}

#[test]
fn refusals_on_demand_are_told_once() {
    let mut floor = Floor::friday();
    floor.book.faults.reject_next =
        Some(crate::broker::faults::Rejection { code: 201, text: Some("Order rejected - reason:no".into()), times: 1 });
    assert_eq!(floor.place(1, stock(APPLE), limit("BUY", 5, 10.0)), ["error 1 201", "open 1 Inactive", "status 1 Inactive 0/5"]);
    // One of the gateway's own leaves no order behind.
    floor.book.faults.reject_next = Some(crate::broker::faults::Rejection { code: 110, text: None, times: 1 });
    assert_eq!(floor.place(2, stock(APPLE), limit("BUY", 5, 10.0)), ["error 2 110"]);
    assert_eq!(floor.place(2, stock(APPLE), limit("BUY", 5, 10.0)).len(), 2);
}
