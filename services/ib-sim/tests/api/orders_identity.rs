//! Who owns an order, what it is called, and what outlives a connection or a restart.

use ib_sim::{OrderSettings, Settings, Sim};
use ibapi::orders::{Action, ExecutionFilter, Order, Orders, TimeInForce, order_builder};

use crate::frames::Frames;
use crate::orders::{Told, apple, executions, orders, resting};
use crate::support::{FRIDAY, client, friday, get, post, settings, soon, start, until};

/// The statuses of open orders as `client id/order id/status`.
async fn open(told: &Told, all: bool) -> Vec<String> {
    let rows = if all { told.client.all_open_orders().await } else { told.client.open_orders().await };
    let rows = orders(rows.unwrap()).await;
    let own = rows.iter().filter_map(|row| match row {
        Orders::OrderStatus(status) => Some(format!("{}/{}/{}", status.client_id, status.order_id, status.status)),
        Orders::OrderData(_) => None,
    });
    own.collect()
}

/// Another client's order is as unknown as one that never was.
#[tokio::test]
async fn an_order_belongs_to_its_client() {
    let sim = friday().await;
    let (mut one, mut two) = (Told::new(&sim, 1).await, Told::new(&sim, 2).await);
    let id = one.place(&apple(), &resting()).await;
    one.take(2).await;
    drop(two.client.cancel_order(id, "").await.unwrap());
    assert_eq!(two.next().await, format!("error 10147 OrderId {id} that needs to be cancelled is not found."));
    assert_eq!(open(&one, false).await, ["1/1/Submitted"]);
    assert!(open(&two, false).await.is_empty());
    assert_eq!(open(&two, true).await, ["1/1/Submitted"]);
    // The same number is another order for another client; a global cancel reaches both.
    two.place(&apple(), &resting()).await;
    two.take(2).await;
    two.client.global_cancel().await.unwrap();
    for told in [&mut one, &mut two] {
        // The client also puts what it asked for into its stream.
        told.until("status 1 Cancelled 0/1").await;
        assert_eq!(told.next().await, "error 202 Order Canceled - reason:");
    }
    sim.shutdown().await;
}

/// The master client hears of every client's orders.
#[tokio::test]
async fn the_master_client_sees_every_order() {
    let clock = FRIDAY.parse().unwrap();
    let master = OrderSettings { master_client_id: Some(9), ..Default::default() };
    let sim = start(Settings { clock, orders: master, ..settings() }).await;
    // As frames: the real client drops what is told of other clients' orders.
    let mut watching = Frames::start(&sim, 9).await;
    let (mut told, mut other) = (Told::new(&sim, 1).await, Told::new(&sim, 5).await);
    told.place(&apple(), &order_builder::market_order(Action::Buy, 1.0)).await;
    told.until("fees").await;
    // The order, its status, the execution, the order, its status, the fees.
    for message in [5, 3, 11, 5, 3, 59] {
        assert_eq!(watching.next().await.id, message);
    }
    // Nobody else does: what another client hears first is about its own order.
    let id = other.place(&apple(), &Order { total_quantity: 7.0, ..resting() }).await;
    assert_eq!(other.take(2).await, [format!("open {id} Submitted"), format!("status {id} Submitted 0/7")]);
    sim.shutdown().await;
}

/// Orders outlive their client and come first when it is back; it can then cancel them.
#[tokio::test]
async fn orders_survive_a_disconnect_and_are_replayed() {
    let sim = friday().await;
    let first = Told::new(&sim, 1).await;
    let id = first.place(&apple(), &Order { tif: TimeInForce::GoodTillCanceled, ..resting() }).await;
    until(&sim, "/orders", |shown| (shown["orders"][0]["status"] == "Submitted").then_some(())).await;
    first.client.disconnect().await;
    drop(first);
    until(&sim, "/clients", |shown| (shown["clients"] == serde_json::json!([])).then_some(())).await;
    let replayed = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&replayed);
    let again = soon(
        ibapi::Client::builder()
            .address(sim.addr().to_string())
            .client_id(1)
            .startup_callback(move |message| seen.lock().unwrap().push(format!("{message:?}")))
            .connect(),
    )
    .await
    .unwrap();
    let replayed = replayed.lock().unwrap().clone();
    assert!(replayed[0].starts_with("OpenOrder(") && replayed[1].starts_with("OrderStatus("), "{replayed:?}");
    assert_eq!(again.next_order_id(), id + 1);
    drop(again.cancel_order(id, "").await.unwrap());
    until(&sim, "/orders", |shown| (shown["orders"][0]["status"] == "Cancelled").then_some(())).await;
    sim.shutdown().await;
}

/// With a hundred frames before the ids a client that gives up early never learns them.
#[tokio::test]
async fn many_working_orders_come_before_the_ids() {
    let sim = start(Settings { pacing: false, ..settings() }).await;
    let first = Told::new(&sim, 1).await;
    for _ in 0..60 {
        first.place(&apple(), &resting()).await;
    }
    until(&sim, "/orders", |shown| (shown["orders"].as_array()?.len() == 60).then_some(())).await;
    first.client.disconnect().await;
    drop(first);
    until(&sim, "/clients", |shown| (shown["clients"] == serde_json::json!([])).then_some(())).await;
    let again = client(&sim, 1).await;
    assert_eq!(soon(again.managed_accounts()).await.unwrap(), ["DUSIM00001"]);
    assert!(soon(again.next_valid_order_id()).await.unwrap() > 60);
    sim.shutdown().await;
}

async fn kept(dir: &std::path::Path) -> Sim {
    let orders = OrderSettings { state_dir: Some(dir.into()), ..Default::default() };
    start(Settings { clock: FRIDAY.parse().unwrap(), orders, ..settings() }).await
}

/// Ids, orders, executions and what is held come back after a restart.
#[tokio::test]
async fn a_restart_forgets_nothing_with_a_state_directory() {
    let dir = tempfile::tempdir().unwrap();
    let sim = kept(dir.path()).await;
    let mut told = Told::new(&sim, 1).await;
    told.place(&apple(), &order_builder::market_order(Action::Buy, 5.0)).await;
    told.until("fees").await;
    told.place(&apple(), &Order { tif: TimeInForce::GoodTillCanceled, ..resting() }).await;
    told.take(2).await;
    let before = get(&sim, "/state").await["state"]["accounts"].clone();
    let permanent = get(&sim, "/orders").await["orders"].clone();
    sim.shutdown().await;
    let sim = kept(dir.path()).await;
    let told = Told::new(&sim, 1).await;
    assert_eq!(told.client.next_order_id(), 3);
    assert_eq!(get(&sim, "/orders").await["orders"], permanent);
    assert_eq!(open(&told, false).await, ["1/2/Submitted"]);
    assert_eq!(executions(&told.client, ExecutionFilter::default()).await.len(), 2);
    let after = get(&sim, "/state").await["state"]["accounts"].clone();
    assert_eq!((&after[0]["cash"], &after[0]["positions"][0]["quantity"]), (&before[0]["cash"], &105.0.into()));
    sim.shutdown().await;
}

/// Without one a gateway begins at 1, as after a reset of its settings.
#[tokio::test]
async fn ids_can_be_told_to_roll_back() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    for _ in 0..3 {
        told.place(&apple(), &order_builder::market_order(Action::Buy, 1.0)).await;
        told.until("fees").await;
    }
    told.client.submit_order(2, &apple(), &resting()).await.unwrap();
    assert_eq!(told.next().await, "error 104 Can't modify a filled order.");
    post(&sim, "/orders", r#"{"kind":"roll_back_ids","client_id":1,"by":2}"#).await;
    let again = client(&sim, 1_000).await;
    drop(again);
    // The old number now names a new order with a new perm id.
    told.client.submit_order(2, &apple(), &resting()).await.unwrap();
    assert_eq!(told.take(2).await, ["open 2 Submitted", "status 2 Submitted 0/1"]);
    let shown = get(&sim, "/orders").await;
    let perms: std::collections::BTreeSet<i64> =
        shown["orders"].as_array().unwrap().iter().map(|row| row["perm_id"].as_i64().unwrap()).collect();
    assert_eq!(perms.len(), 4);
    sim.shutdown().await;
}

/// The answer is lost, the order is not: only asking tells.
#[tokio::test]
async fn a_lost_answer_is_found_by_asking() {
    let sim = friday().await;
    let told = Told::new(&sim, 1).await;
    post(&sim, "/orders", r#"{"kind":"lose_ack"}"#).await;
    let order = Order { order_ref: "lost".into(), ..order_builder::market_order(Action::Buy, 2.0) };
    told.place(&apple(), &order).await;
    until(&sim, "/orders", |shown| (shown["orders"][0]["status"] == "Filled").then_some(())).await;
    let rows = orders(told.client.completed_orders(true).await.unwrap()).await;
    assert!(matches!(rows.as_slice(), [Orders::OrderData(data)] if data.order.order_ref == "lost"), "{rows:?}");
    assert_eq!(executions(&told.client, ExecutionFilter::default()).await.len(), 2);
    sim.shutdown().await;
}

/// Only client 0 binds; it then owns what a person entered.
#[tokio::test]
async fn orders_by_hand_are_bound_to_client_0() {
    let sim = friday().await;
    let mut other = Told::new(&sim, 5).await;
    drop(other.client.auto_open_orders(true).await.unwrap());
    let mut zero = Told::new(&sim, 0).await;
    post(&sim, "/orders", r#"{"kind":"by_hand","con_id":265598,"action":"BUY","quantity":1,"limit":10}"#).await;
    drop(zero.client.auto_open_orders(true).await.unwrap());
    assert_eq!(zero.take(3).await, ["bound -1", "open -1 Submitted", "status -1 Submitted 0/1"]);
    assert_eq!(open(&other, true).await, ["0/-1/Submitted"]);
    other.place(&apple(), &resting()).await;
    assert_eq!(other.take(2).await, ["open 1 Submitted", "status 1 Submitted 0/1"]);
    sim.shutdown().await;
}
