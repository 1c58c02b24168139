use orders::{CommissionReport, ExecutionData, Executions, OrderData, OrderStatus, OrderStatusKind, Orders};

use super::*;

fn num(text: &str) -> Option<Num> {
    Num::from_ib_text(text)
}

fn open(perm_id: i64, order_type: &str, limit: Option<f64>) -> OrderData {
    let order = orders::Order {
        account: "DU1".into(),
        perm_id,
        client_id: 7,
        total_quantity: 10.0,
        order_type: order_type.into(),
        limit_price: limit,
        aux_price: Some(0.0),
        ..orders::Order::default()
    };
    OrderData { order_id: 3, contract: ib::Contract::stock("AAPL").build(), order, order_state: orders::OrderState::default() }
}

#[test]
fn an_order_has_the_status_that_came_with_it_in_whatever_order() {
    let status = OrderStatus {
        order_id: 3,
        client_id: 7,
        perm_id: 11,
        status: OrderStatusKind::PreSubmitted,
        filled: 4.0,
        remaining: 6.0,
        average_fill_price: Some(190.5),
        why_held: "locate".into(),
        ..OrderStatus::default()
    };
    let other = OrderStatus { perm_id: 12, remaining: 10.0, average_fill_price: Some(0.0), ..status.clone() };
    let rows = [
        Orders::OrderStatus(status),
        Orders::OrderData(open(12, "MKT", Some(0.0))),
        Orders::OrderData(open(11, "LMT", Some(190.0))),
        Orders::OrderStatus(OrderStatus { filled: 0.0, ..other }),
        Orders::OrderData(open(11, "LMT", Some(191.0))),
    ];
    let told = open_orders(&rows);
    assert_eq!(told.iter().map(|order| order.perm_id).collect::<Vec<_>>(), [11, 12]);
    let first = &told[0];
    assert_eq!((first.filled, first.remaining, first.average_fill_price), (num("4"), num("6"), num("190.5")));
    assert_eq!((first.status.as_str(), first.note.as_deref(), first.limit_price), ("PreSubmitted", Some("locate"), num("191")));
    assert_eq!((told[1].limit_price, told[1].aux_price, told[1].average_fill_price), (None, None, None), "zero means none here");
    assert_eq!((told[1].order_id, told[1].client_id, told[1].time_in_force.as_str()), (Some(3), Some(7), "DAY"));
}

#[test]
fn orders_without_a_permanent_id_are_told_apart_by_client_and_number() {
    let mut second = open(0, "MKT", None);
    second.order.client_id = 8;
    let told = open_orders(&[Orders::OrderData(open(0, "MKT", None)), Orders::OrderData(second)]);
    assert_eq!(told.iter().map(|order| order.client_id).collect::<Vec<_>>(), [Some(7), Some(8)]);
}

#[test]
fn a_completed_orders_quantity_is_what_was_ordered() {
    let mut data = open(11, "LMT", Some(190.0));
    (data.order_id, data.order.total_quantity, data.order.filled_quantity) = (-1, 6.0, 4.0);
    data.order_state.completed_time = "20261120 10:30:45 US/Eastern".into();
    data.order_state.completed_status = "Cancelled by Trader".into();
    let told = completed_order(&data);
    assert_eq!((told.quantity, told.filled, told.remaining), (num("10"), num("4"), num("6")));
    assert_eq!((told.order_id, told.client_id, told.note.as_deref()), (None, None, Some("Cancelled by Trader")));
    assert_eq!(told.completed_at, "2026-11-20T10:30:45-05:00".parse().ok());
    (data.order.total_quantity, data.order.filled_quantity, data.order_state.status) = (10.0, 10.0, OrderStatusKind::Filled);
    assert_eq!((completed_order(&data).quantity, completed_order(&data).remaining), (num("10"), num("0")), "as an older gateway tells it");
}

fn executed(id: &str, time: &str, price: f64) -> Executions {
    let execution = orders::Execution { execution_id: id.into(), time: time.into(), shares: 5.0, price, ..orders::Execution::default() };
    Executions::ExecutionData(ExecutionData { request_id: 1, contract: ib::Contract::stock("AAPL").build(), execution })
}

fn cost(id: &str, commission: f64) -> Executions {
    let report = CommissionReport {
        execution_id: id.into(),
        commission,
        currency: "USD".into(),
        realized_pnl: Some(f64::MAX),
        ..Default::default()
    };
    Executions::CommissionReport(report)
}

#[test]
fn a_correction_replaces_what_it_corrects_and_costs_are_joined() {
    let rows = [
        executed("0001f4e8.01.02", "20261120 10:00:01 US/Eastern", 190.0),
        cost("0001f4e8.01.02", 1.05),
        executed("0001f4e8.01.01", "20261120 10:00:00 US/Eastern", 191.0),
        executed("0001f4e9.01.01", "20261120 10:00:02 US/Eastern", 192.0),
        cost("0001f4e9.01.01", -1.0),
    ];
    let told = executions(&rows);
    assert_eq!(told.iter().map(|row| row.price).collect::<Vec<_>>(), [num("192").expect("set"), num("190").expect("set")], "newest first");
    assert_eq!((told[1].commission, told[1].commission_currency.as_deref(), told[1].realized_pnl), (num("1.05"), Some("USD"), None));
    assert_eq!((told[0].commission, told[0].commission_currency.as_deref()), (None, None), "-1 is not known yet");
}

#[test]
fn a_time_without_a_zone_is_not_guessed() {
    assert_eq!(moment("20261120 10:30:45 US/Eastern"), "2026-11-20T10:30:45-05:00".parse().ok());
    assert_eq!(moment("20261120-15:30:45"), "2026-11-20T15:30:45Z".parse().ok());
    assert_eq!(moment("20261120 16:30:45 Central European Standard Time"), "2026-11-20T15:30:45Z".parse().ok());
    for unknown in ["", "20261120  10:30:45", "20261120 10:30:45", "20261120 10:30:45 Mars/Olympus", "yesterday"] {
        assert_eq!(moment(unknown), None, "{unknown}");
    }
}
