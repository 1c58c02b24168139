//! Words that IB has and `ibapi` has not (trap 9): refused before anything is asked, with the words that go.

use schemas::FaultCode;
use serde_json::json;

use crate::support::workers;

#[tokio::test]
async fn yield_bars_are_refused_with_the_data_types_that_can_be_asked_for() {
    let rig = workers(1, ib_sim::Settings::default()).await;
    for word in ["YIELD_BID", "YIELD_ASK", "YIELD_BID_ASK", "YIELD_LAST"] {
        let asked = json!({"contract": {"symbol": "AAPL"}, "what_to_show": word});
        let fault = rig.ask_json("history.bars", &asked).await.expect_err(word);
        assert_eq!(fault.code, FaultCode::InvalidParams, "{fault:?}");
        let said = format!("{} {:?}", fault.message, fault.allowed);
        for part in [word, "TRADES", "MIDPOINT", "BID_ASK", "AGGTRADES"] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
    assert!(rig.requests("HistoricalData").await.is_empty());
}
