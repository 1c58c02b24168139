//! What a client can pile up, and what that may cost.

use super::*;
use crate::broker::book::{MAX_COMPLETED, MAX_UNTRANSMITTED};
use crate::broker::entry::Entry;
use crate::broker::status::Status;
use crate::broker::terms::Terms;

/// Copies of the client's first order as its orders 2 to `last`.
fn multiply(floor: &mut Floor, last: i32, with: impl Fn(i32, Entry) -> Entry) {
    let first = floor.book.find(1, 1).unwrap().clone();
    for order_id in 2..=last {
        let perm_id = first.perm_id + i64::from(order_id);
        floor.book.orders.insert(perm_id, with(order_id, Entry { order_id, perm_id, ..first.clone() }));
    }
}

/// A family of many generations, which a recursion would need a deep stack for.
#[test]
fn a_deep_family_ends_together_and_in_order() {
    let mut floor = Floor::friday();
    floor.place(1, stock(APPLE), limit("BUY", 1, 10.0));
    multiply(&mut floor, 4_000, |order_id, entry| {
        let terms = Terms { parent_id: order_id - 1, ..entry.terms };
        Entry { child: true, status: Status::PreSubmitted, terms, ..entry }
    });
    let lines = floor.cancel(1, 1);
    assert_eq!(lines[..4], ["status 1 Cancelled 0/1", "error 1 202", "status 2 Cancelled 0/1", "error 2 202"]);
    assert_eq!((lines.len(), lines[7_999].as_str()), (8_000, "error 4000 202"));
    assert!(!floor.book.has_working());
}

/// A child may take its parent, and with it its sisters, along; each is told once.
#[test]
fn a_child_can_take_its_parent_along() {
    let mut floor = Floor::friday();
    floor.place(1, stock(APPLE), limit("BUY", 1, 10.0));
    let child = Order { parent_id: Some(1), auto_cancel_parent: Some(true), ..limit("SELL", 1, 300.0) };
    floor.place(2, stock(APPLE), child.clone());
    floor.place(3, stock(APPLE), child);
    let lines = floor.cancel(1, 2);
    assert_eq!(statuses(&lines)[..3], ["status 2 Cancelled 0/1", "error 2 202", "status 1 Cancelled 0/1"]);
    assert_eq!((lines.len(), floor.status(3)), (6, "Cancelled"));
}

/// Orders that were refused never saw a tick; they are forgotten all the same.
#[test]
fn finished_orders_are_forgotten_while_nothing_works() {
    let mut floor = Floor::friday();
    floor.place(1, stock(APPLE), limit("BUY", 1, 10.0));
    floor.cancel(1, 1);
    multiply(&mut floor, i32::try_from(MAX_COMPLETED).unwrap() + 20, |_, entry| entry);
    let now = floor.now();
    floor.book.rest(now);
    assert_eq!(floor.book.entries().count(), MAX_COMPLETED);
    assert!(floor.book.find(1, 20).is_none() && floor.book.find(1, 21).is_some());
}

#[test]
fn orders_that_are_never_transmitted_have_a_limit() {
    let mut floor = Floor::friday();
    let kept = || Order { transmit: Some(false), ..limit("BUY", 1, 10.0) };
    floor.place(1, stock(APPLE), kept());
    let last = i32::try_from(MAX_UNTRANSMITTED).unwrap();
    multiply(&mut floor, last - 1, |_, entry| entry);
    assert!(floor.place(last, stock(APPLE), kept()).is_empty());
    assert_eq!(floor.place(last + 1, stock(APPLE), kept()), [format!("error {} 201", last + 1)]);
    floor.cancel(1, 1);
    assert!(floor.place(last + 1, stock(APPLE), kept()).is_empty());
}

/// An order by hand has no id until it is bound, so no id reaches it.
#[test]
fn zero_is_nobodys_order() {
    let mut floor = Floor::friday();
    floor.step(|book, desk| book.place_by_hand(desk, stock(APPLE), limit("BUY", 1, 10.0))).unwrap();
    assert_eq!(floor.cancel(0, 0), ["error 0 10147"]);
    assert_eq!(floor.place_as(0, 0, stock(APPLE), limit("BUY", 2, 10.0)), ["error 0 103"]);
    assert!(floor.book.has_working());
}
