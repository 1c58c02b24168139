//! What cannot be asked is refused with its field, and no line is opened for it.

use schemas::FaultCode::{self, InvalidParams, NotFound, Unsupported};
use serde_json::{Value, json};

use crate::support::{expiration, options};

#[tokio::test]
async fn every_bad_chain_is_refused_by_field_and_nothing_is_subscribed() {
    let rig = options(ib_sim::Settings::default()).await;
    let date = expiration(&rig, "AAPL").await;
    let chain = |change: Value| {
        let mut body = json!({"contract": {"symbol": "AAPL"}, "expiration": date});
        for (name, value) in change.as_object().expect("an object") {
            body[name] = value.clone();
        }
        ("options.chain", body)
    };
    let cases: Vec<((&str, Value), FaultCode, &str)> = vec![
        (chain(json!({"contract": {"symbol": "NOSUCHSYMBOL"}})), NotFound, ""),
        (chain(json!({"contract": {}})), InvalidParams, "symbol"),
        (chain(json!({"contract": {"symbol": "EUR", "sec_type": "CASH", "currency": "USD"}})), InvalidParams, "contract.sec_type"),
        (chain(json!({"expiration": "2020-01-17"})), InvalidParams, "expiration"),
        (chain(json!({"expiration": "2026-02-30"})), InvalidParams, "expiration"),
        (chain(json!({"expiration": "next friday"})), InvalidParams, "expiration"),
        // A day on which nothing expires.
        (chain(json!({"expiration": "2030-12-25"})), NotFound, "expiration"),
        (chain(json!({"trading_class": "NOPE"})), NotFound, "trading_class"),
        (chain(json!({"right": "X"})), InvalidParams, "right"),
        (chain(json!({"limit": 201})), InvalidParams, "limit"),
        (chain(json!({"limit": 0})), InvalidParams, "limit"),
        (chain(json!({"moneyness": 0.1, "strikes": 5})), InvalidParams, "moneyness"),
        (chain(json!({"moneyness": -0.1})), InvalidParams, "moneyness"),
        (chain(json!({"min_strike": 300, "max_strike": 200})), InvalidParams, "min_strike"),
        (chain(json!({"delta_min": 0.6, "delta_max": 0.4})), InvalidParams, "delta_min"),
        (chain(json!({"delta_min": -0.3})), InvalidParams, "delta_min"),
        (chain(json!({"max_age_ms": 60_001})), InvalidParams, "max_age_ms"),
        (chain(json!({"expiry": "2026-12-18"})), Unsupported, "expiry"),
        (
            ("options.quotes", json!({"contract": {"symbol": "AAPL"}, "expiration": date, "right": "C", "strikes": []})),
            InvalidParams,
            "strikes",
        ),
        (("options.quote", json!({"contract": {"symbol": "AAPL"}, "strike": -1})), InvalidParams, "strike"),
        (("options.quote", json!({"contract": {"symbol": "AAPL"}, "trading_class": "NOPE"})), NotFound, "trading_class"),
        (("options.expirations", json!({"contract": {"symbol": "AAPL"}, "trading_class": "NOPE"})), NotFound, "trading_class"),
        (("options.expirations", json!({"contract": {"symbol": "AAPL"}, "limit": 0})), InvalidParams, "limit"),
    ];
    for ((operation, body), code, field) in cases {
        let fault = rig.ask_json(operation, &body).await.expect_err(&body.to_string());
        assert_eq!((fault.code, fault.field.as_deref().unwrap_or_default()), (code, field), "{body}: {fault:?}");
        assert!(fault.hint.is_some() || code == InvalidParams && field == "symbol", "no next step: {fault:?}");
    }
    assert!(rig.requests("MarketData").await.is_empty(), "something was subscribed");
}
