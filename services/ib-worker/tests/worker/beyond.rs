//! What IB has beside bars, and what it tells of instruments and itself.

use schemas::FaultCode;
use serde_json::{Value, json};
use test_rig::Rig;

use crate::support::workers;

async fn ask(rig: &Rig, operation: &str, body: Value) -> Value {
    rig.ask_json(operation, &body).await.unwrap_or_else(|fault| panic!("{operation} {body}: {fault:?}"))
}

#[tokio::test]
async fn first_moments_ticks_and_volume_by_price() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    let apple = json!({"symbol": "AAPL"});
    for _ in 0..2 {
        let head = ask(&rig, "history.head", json!({"contract": apple})).await;
        assert_eq!((&head["what_to_show"], &head["time_zone"]), (&json!("TRADES"), &json!("America/New_York")), "{head}");
        assert!(head["head_local"].as_str().is_some_and(|text| text.ends_with("-05:00") || text.ends_with("-04:00")), "{head}");
    }
    assert_eq!(rig.requests("HeadTimestamp").await.len(), 1, "where data begin hardly changes");
    let euro = ask(&rig, "history.head", json!({"contract": {"symbol": "EUR", "sec_type": "CASH", "currency": "USD"}})).await;
    assert_eq!((&euro["what_to_show"], euro["contract"]["assumed"].is_array()), (&json!("MIDPOINT"), true), "{euro}");

    let ticks = ask(&rig, "history.ticks", json!({"contract": apple, "count": 10})).await;
    assert_eq!((ticks["ticks"].as_array().map(Vec::len), &ticks["truncated"]), (Some(10), &json!(true)), "{ticks}");
    let fault = rig.ask_json("history.ticks", &json!({"contract": apple, "start": "2026-01-02", "end": "2026-01-03"})).await;
    assert_eq!(fault.expect_err("both").field.as_deref(), Some("end"));
    let fault = rig.ask_json("history.ticks", &json!({"contract": apple, "count": 1_001})).await.expect_err("too many");
    assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::InvalidParams, Some("count")));

    let histogram = ask(&rig, "history.histogram", json!({"contract": apple, "period": "1 Day"})).await;
    assert_eq!(&histogram["period"], "1 day");
    assert!(histogram["rows"].as_array().is_some_and(|rows| !rows.is_empty()), "{histogram}");
    let fault = rig.ask_json("history.histogram", &json!({"contract": apple, "period": "5 weeks"})).await.expect_err("no such period");
    assert_eq!((fault.field.as_deref(), fault.allowed.is_empty()), (Some("period"), false));
}

#[tokio::test]
async fn rules_schedules_providers_and_the_time() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    let details = ask(&rig, "contracts.details", json!({"contract": {"symbol": "AAPL"}})).await;
    let rule = ask(&rig, "contracts.market_rule", json!({"rule_id": details["details"]["market_rule_ids"][0]})).await;
    assert!(rule["steps"][0]["step"].is_number(), "{rule}");
    for id in [0, 987_654] {
        let fault = rig.ask_json("contracts.market_rule", &json!({ "rule_id": id })).await.expect_err("no such rule");
        assert_eq!(fault.code, FaultCode::InvalidParams, "{fault:?}");
    }
    let schedule = ask(&rig, "contracts.schedule", json!({"contract": {"symbol": "AAPL"}})).await;
    assert_eq!((&schedule["complete"], schedule["days"].as_array().map(Vec::len)), (&json!(true), Some(5)), "{schedule}");
    let fault = rig.ask_json("contracts.schedule", &json!({"contract": {"symbol": "AAPL"}, "days": 31})).await.expect_err("too many");
    assert_eq!(fault.field.as_deref(), Some("days"));
    let providers = ask(&rig, "news.providers", json!({})).await;
    assert!(providers["providers"].as_array().is_some_and(|all| all.iter().any(|one| one["code"] == "BRFG")), "{providers}");
    let time = ask(&rig, "session.time", json!({})).await;
    assert!(time["server_time"].is_string() && time["ahead_ms"].is_i64(), "{time}");
}
