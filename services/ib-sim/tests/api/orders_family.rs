//! Orders that hang together, through the real client's own builders.

use ibapi::contracts::{Contract, SpreadBuilder};
use ibapi::orders::conditions::{PriceCondition, TimeCondition};
use ibapi::orders::{Action, ExecutionFilter, Executions, OcaType, Order, OrderCondition, order_builder};

use crate::orders::{APPLE, Told, apple, executions, resting};
use crate::support::{friday, post, settings, start};

const CALL: i32 = 800_000_101;
const HIGHER_CALL: i32 = 800_000_102;

/// The children of a bracket come with it, wait for it, and go with it.
#[tokio::test]
async fn a_bracket_of_the_client_is_held_and_ends_together() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    let contract = apple();
    let order = told.client.order(&contract).buy(10).bracket().entry_limit(10.0).take_profit(300.0).stop_loss(9.0);
    let ids = order.submit_all().await.unwrap();
    let (parent, profit, stop) = (ids.parent.value(), ids.take_profit.value(), ids.stop_loss.value());
    assert_eq!(
        told.take(6).await,
        [
            format!("open {parent} Submitted"),
            format!("status {parent} Submitted 0/10"),
            format!("open {profit} PreSubmitted"),
            format!("status {profit} PreSubmitted 0/10 (child)"),
            format!("open {stop} PreSubmitted"),
            format!("status {stop} PreSubmitted 0/10 (child,trigger)"),
        ]
    );
    drop(told.client.cancel_order(parent, "").await.unwrap());
    let lines = told.take(6).await;
    assert_eq!(lines[0], format!("status {parent} Cancelled 0/10"));
    assert_eq!((&lines[2], &lines[4]), (&format!("status {profit} Cancelled 0/10"), &format!("status {stop} Cancelled 0/10")));
    sim.shutdown().await;
}

#[tokio::test]
async fn presets_of_the_gateway_are_attached() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    let contract = apple();
    let order = told.client.order(&contract).buy(10).limit(100.0).preset_profit_taker().preset_stop_loss();
    order.submit().await.unwrap();
    let lines = told.take(6).await;
    assert_eq!(lines[1], "status 1 Submitted 0/10");
    assert!(lines[3].ends_with("(child,trigger)") && lines[5].ends_with("(child)"), "{lines:?}");
    sim.shutdown().await;
}

#[tokio::test]
async fn one_cancels_all() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    let member = |order: Order| Order { oca_group: "either".into(), oca_type: OcaType::CancelWithBlock, ..order };
    let waiting = told.place(&apple(), &member(resting())).await;
    told.take(2).await;
    let filled = told.place(&apple(), &member(order_builder::market_order(Action::Buy, 1.0))).await;
    let lines = told.until("error 202").await;
    assert!(lines.contains(&format!("status {filled} Filled 1/0")), "{lines:?}");
    assert!(lines.contains(&format!("status {waiting} Cancelled 0/1")), "{lines:?}");
    sim.shutdown().await;
}

#[tokio::test]
async fn conditions_hold_an_order_until_they_are_met() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    let never = PriceCondition::builder(APPLE, "SMART").greater_than(9_000.0).conjunction(false).build();
    let later = TimeCondition::builder().greater_than("20261120 10:30:00 US/Eastern").build();
    let conditions = vec![OrderCondition::Price(never), OrderCondition::Time(later)];
    let id = told.place(&apple(), &Order { conditions, ..order_builder::market_order(Action::Buy, 1.0) }).await;
    assert_eq!(told.take(2).await, [format!("open {id} PreSubmitted"), format!("status {id} PreSubmitted 0/1")]);
    post(&sim, "/clock", r#"{"advance_ms":900000}"#).await;
    let lines = told.until(&format!("status {id} Filled")).await;
    assert_eq!(lines[1], format!("status {id} Submitted 0/1"));
    sim.shutdown().await;
}

fn spread() -> Contract {
    SpreadBuilder::new().vertical(CALL, HIGHER_CALL).symbol("AAPL").in_currency("USD").on_exchange("SMART").build().unwrap()
}

/// An execution for the combination, one for each leg, and fees for the legs.
#[tokio::test]
async fn a_combination_is_filled_leg_by_leg() {
    let sim = friday().await;
    let mut told = Told::new(&sim, 1).await;
    let id = told.place(&spread(), &order_builder::combo_limit_order(Action::Buy, 1.0, 14.0)).await;
    let lines = told.until("fees").await;
    assert_eq!(
        lines[2..],
        [
            format!("execution {id} BOT 1"),
            format!("execution {id} BOT 1"),
            format!("execution {id} SLD 1"),
            format!("open {id} Filled"),
            format!("status {id} Filled 1/0"),
            "fees 1.00 -".to_owned(),
        ]
    );
    told.next().await;
    let rows = executions(&told.client, ExecutionFilter::default()).await;
    let kinds: Vec<String> = rows
        .iter()
        .filter_map(|row| match row {
            Executions::ExecutionData(data) => Some(data.contract.security_type.to_string()),
            Executions::CommissionReport(_) => None,
        })
        .collect();
    assert_eq!(kinds, ["BAG", "OPT", "OPT"]);
    sim.shutdown().await;
}

#[tokio::test]
async fn before_the_open_the_captured_warning_comes() {
    let clock = "2026-11-20T08:00:00-05:00".parse().unwrap();
    let sim = start(ib_sim::Settings { clock, ..settings() }).await;
    let mut told = Told::new(&sim, 1).await;
    let id = told.place(&apple(), &order_builder::market_order(Action::Buy, 1.0)).await;
    assert_eq!(
        told.take(3).await,
        [
            format!("open {id} PreSubmitted"),
            format!("status {id} PreSubmitted 0/1"),
            "error 399 Order Message:\nBUY 1 AAPL NASDAQ.NMS\nWarning: Your order will not be placed at the exchange until 2026-11-20 09:30:00 US/Eastern.".to_owned(),
        ]
    );
    post(&sim, "/clock", r#"{"set":"2026-11-20T09:30:05-05:00"}"#).await;
    told.until(&format!("status {id} Filled")).await;
    sim.shutdown().await;
}
