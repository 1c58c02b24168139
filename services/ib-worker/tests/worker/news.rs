//! How many headlines can be asked for (trap 9): IB has 300 at most, one byte holds 255.

use schemas::FaultCode;
use serde_json::{Value, json};

use crate::support::workers;

#[tokio::test]
async fn two_hundred_and_fifty_five_headlines_are_told_and_more_are_refused_with_the_range() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    let asked = |limit: u32| json!({"contract": {"symbol": "AAPL"}, "start": "2020-01-01", "end": "2026-01-01", "limit": limit});
    let told = rig.ask_json("news.headlines", &asked(255)).await.expect("as many as fit");
    assert_eq!((told["headlines"].as_array().map(Vec::len), &told["truncated"]), (Some(255), &Value::Bool(true)));
    for limit in [0, 256, 300] {
        let fault = rig.ask_json("news.headlines", &asked(limit)).await.expect_err("too many");
        assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::InvalidParams, Some("limit")), "{fault:?}");
        assert!(fault.message.contains(&limit.to_string()) && fault.message.contains("between 1 and 255"), "{}", fault.message);
    }
    assert_eq!(rig.requests("HistoricalNews").await.len(), 1);
}
