//! What every reply has in common.

use serde_json::{Value, json};

pub(crate) const LINE: &str = "SIMULATED · DUS***001 · delayed · 10:31:05 EDT · open until 16:00 EDT";

pub(crate) fn context() -> Value {
    json!({
        "mode": "simulated", "account": "DUS***001", "data_type": "delayed", "time": "2026-07-24T14:31:05Z",
        "time_zone": "America/New_York", "market_state": "open", "market_until": "2026-07-24T20:00:00Z"
    })
}

pub(crate) fn contract() -> Value {
    json!({
        "conid": 265598, "symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD", "primary_exchange": "NASDAQ",
        "local_symbol": "AAPL", "trading_class": "NMS", "name": "Apple Inc"
    })
}
