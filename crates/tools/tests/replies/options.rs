//! Replies as the service `options` sends them.

use serde_json::{Value, json};

use crate::replies::{context, contract};

pub(crate) fn expirations(chains: Vec<Value>, next: Option<u32>) -> Value {
    let mut reply = json!({
        "symbol": "AAPL", "underlying_conid": 265598, "underlying": contract(), "expirations": ["2026-12-18", "2027-01-15"], "chains": chains,
        "truncated": next.is_some(), "as_of": "2026-07-24T13:00:00Z", "context": context()
    });
    next.iter().for_each(|next| reply["next"] = json!(next));
    reply
}

/// A page of one class's strikes.
pub(crate) fn class(name: &str, strikes: &[f64], total: usize) -> Value {
    json!({
        "trading_class": name, "multiplier": 100, "exchange": "SMART", "expirations": ["2026-12-18", "2027-01-15"], "strikes": strikes,
        "strikes_total": total
    })
}

pub(crate) fn option_row(strike: f64, right: &str) -> Value {
    json!({
        "conid": 700001, "local_symbol": "AAPL  261218C00190000", "trading_class": "AAPL", "multiplier": 100, "right": right, "strike": strike,
        "expiration": "2026-12-18", "settlement": "PM", "dte": 147, "bid": 5.1, "bid_size": 10, "ask": 5.3, "ask_size": 12, "last": 5.25,
        "close": 4.9, "mid": 5.2, "volume": 1234, "open_interest": 5678, "iv": 0.254321, "delta": if right == "C" { 0.5123 } else { -0.4877 },
        "gamma": 0.000812, "theta": -0.0412, "vega": 0.3377, "underlying_price": 190.12, "greeks_source": "model", "data_type": "delayed",
        "as_of": "2026-07-24T14:31:04Z"
    })
}

pub(crate) fn option_rows(rows: Vec<Value>) -> Value {
    let total = rows.len();
    json!({
        "symbol": "AAPL", "underlying_conid": 265598, "underlying": contract(), "expiration": "2026-12-18", "trading_class": "AAPL",
        "multiplier": 100, "underlying_price": 190.12, "as_of": "2026-07-24T14:31:03Z", "age_ms": 1250, "data_type": "delayed",
        "complete": true, "missing": [], "rows": rows, "total": total, "truncated": false, "context": context()
    })
}
