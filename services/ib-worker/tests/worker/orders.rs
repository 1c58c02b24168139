//! Orders, executions and profits: told as they are, and from memory while IB is away.

use schemas::FaultCode;
use serde_json::{Value, json};
use test_rig::{PATIENCE, Rig};
use tokio::time::timeout;

use crate::support::workers;

/// A person buys at the market and rests far below it; ends when both are told.
async fn trades(rig: &Rig) {
    for limit in [None, Some(1.0)] {
        let quantity = if limit.is_some() { 7 } else { 3 };
        rig.orders(&json!({"kind": "by_hand", "con_id": 265_598, "action": "BUY", "quantity": quantity, "limit": limit})).await;
    }
    let told = async {
        while ask(rig, "account.open_orders", json!({})).await["total"] != 1
            || ask(rig, "account.executions", json!({})).await["total"] != 1
        {}
    };
    timeout(PATIENCE, told).await.expect("told in time");
}

async fn ask(rig: &Rig, operation: &str, body: Value) -> Value {
    rig.ask_json(operation, &body).await.unwrap_or_else(|fault| panic!("{operation} {body}: {fault:?}"))
}

#[tokio::test]
async fn orders_are_told_also_while_ib_is_away_and_with_their_age() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    trades(&rig).await;
    let fresh = ask(&rig, "account.open_orders", json!({"account": "DUSIM00001"})).await;
    assert_eq!((&fresh["orders"][0]["quantity"], &fresh["context"]["stale"]), (&json!(7), &json!(false)), "{fresh}");
    assert!(fresh["context"]["as_of"].is_string(), "{fresh}");
    rig.notice(1100).await;
    let stale = async {
        loop {
            let told = ask(&rig, "account.open_orders", json!({})).await;
            if told["context"]["stale"] == true {
                return told;
            }
        }
    };
    let stale = timeout(PATIENCE, stale).await.expect("stale in time");
    assert_eq!(stale["orders"], fresh["orders"]);
    assert_eq!(ask(&rig, "account.executions", json!({})).await["context"]["stale"], true);
}

#[tokio::test]
async fn executions_say_how_far_back_they_are_whole() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    trades(&rig).await;
    let today = ask(&rig, "account.executions", json!({})).await;
    assert_eq!((&today["complete"], &today["days"], &today["executions"][0]["side"]), (&json!(true), &json!(1), &json!("BUY")), "{today}");
    let week = ask(&rig, "account.executions", json!({"days": 7, "symbol": "aapl"})).await;
    assert_eq!(
        (&week["complete"], &week["total"], &week["complete_since"]),
        (&json!(false), &json!(1), &today["complete_since"]),
        "{week}"
    );
    assert_eq!(ask(&rig, "account.executions", json!({"symbol": "MSFT"})).await["executions"], json!([]));
    for days in [0, 8] {
        let fault = rig.ask_json("account.executions", &json!({ "days": days })).await.expect_err("too far");
        assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::InvalidParams, Some("days")), "{fault:?}");
    }
    let done = ask(&rig, "account.completed_orders", json!({})).await;
    assert_eq!((&done["orders"][0]["status"], &done["orders"][0]["filled"]), (&json!("Filled"), &json!(3)), "{done}");
}

#[tokio::test]
async fn many_who_ask_for_orders_at_once_are_one_request() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    rig.until_heard("AllOpenOrders", 1).await;
    let before = rig.requests("AllOpenOrders").await.len();
    let asked = futures::future::join_all((0..20).map(|_| ask(&rig, "account.open_orders", json!({})))).await;
    assert!(asked.iter().all(|reply| reply["orders"] == json!([])));
    assert!(rig.requests("AllOpenOrders").await.len() <= before + 1, "the memory of a second, and one request for all");
}

#[tokio::test]
async fn an_account_that_the_login_has_not_is_refused_by_name() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    for operation in ["account.open_orders", "account.portfolio", "account.pnl", "account.values"] {
        let fault = rig.ask_json(operation, &json!({"account": "DU0"})).await.expect_err("nobody's");
        assert_eq!((fault.code, fault.field.as_deref(), fault.allowed.len()), (FaultCode::NotFound, Some("account"), 1), "{operation}");
    }
    let fault = rig.ask_json("account.position_pnl", &json!({"contract": {"symbol": "XOM"}})).await.expect_err("not held");
    assert_eq!(fault.code, FaultCode::NotFound, "{fault:?}");
}

#[tokio::test]
async fn profits_and_holdings_agree() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    let told = async {
        loop {
            let pnl = ask(&rig, "account.pnl", json!({})).await;
            if pnl["accounts"][0]["daily_pnl"].is_number() {
                return pnl;
            }
        }
    };
    let pnl = timeout(PATIENCE, told).await.expect("told in time");
    assert_eq!((&pnl["accounts"][0]["account"], &pnl["accounts"][0]["base_currency"]), (&json!("DUSIM00001"), &json!("USD")), "{pnl}");
    let portfolio = ask(&rig, "account.portfolio", json!({})).await;
    let positions = ask(&rig, "account.positions", json!({})).await;
    assert_eq!(portfolio["total"], positions["total"]);
    let first = &portfolio["holdings"][0];
    assert!(first["market_value"].is_number() && first["percent_of_account"].is_number(), "{first}");
    assert!(portfolio["accounts"][0]["net_liquidation"].is_number(), "{portfolio}");
    let list = ask(&rig, "account.list", json!({})).await;
    assert_eq!((&list["accounts"][0]["mode"], &list["accounts"][0]["base_currency"]), (&json!("simulated"), &json!("USD")), "{list}");
    let one = ask(&rig, "account.position_pnl", json!({"contract": {"conid": first["conid"]}})).await;
    assert_eq!((&one["quantity"], one["daily_pnl"].is_number()), (&first["quantity"], true), "{one}");
    let values = ask(&rig, "account.values", json!({})).await;
    let summary = ask(&rig, "account.summary", json!({})).await;
    let count = |reply: &Value| reply["accounts"][0]["values"].as_array().map(Vec::len);
    assert!(count(&values) > count(&summary), "{values}");
}
