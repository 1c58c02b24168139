//! Replies as a worker sends them.

use serde_json::{Value, json};

use crate::replies::{context, contract};

pub(crate) fn option(expiry: &str, strike: f64) -> Value {
    json!({
        "conid": 700001, "symbol": "AAPL", "sec_type": "OPT", "exchange": "SMART", "currency": "USD", "local_symbol": "AAPL  261218C00150000",
        "trading_class": "AAPL", "expiry": expiry, "strike": strike, "right": "C", "multiplier": 100
    })
}

pub(crate) fn position(symbol: &str) -> Value {
    json!({
        "account": "DUSIM00001", "symbol": symbol, "quantity": 100, "avg_cost": 150.1234, "avg_price": 150.1234, "current_price": 180,
        "market_value": 18000, "unrealized_pnl": 2987.66, "unrealized_pnl_percent": 19.9, "currency": "USD", "sec_type": "STK",
        "multiplier": 1, "conid": 265598, "local_symbol": symbol, "trading_class": "NMS", "exchange": "NASDAQ"
    })
}

pub(crate) fn bar(time: &str, close: f64) -> Value {
    json!({"time": time, "open": 150, "high": 151.5, "low": 149.25, "close": close, "volume": 1234567})
}

pub(crate) fn bars(bars: Vec<Value>, total: usize) -> Value {
    json!({
        "contract": contract(), "duration": "1 M", "bar_size": "1 day", "what_to_show": "TRADES", "use_rth": true, "adjustment": "splits",
        "time_zone": "America/New_York", "truncated": total > bars.len(), "total": total, "bars": bars, "context": context()
    })
}

pub(crate) fn article(format: &str, text: &str) -> Value {
    json!({"article_id": "BRFG$1", "provider": "BRFG", "format": format, "text": text, "untrusted": true, "context": context()})
}

pub(crate) fn headlines(headlines: Vec<Value>, truncated: bool) -> Value {
    json!({
        "contract": contract(), "headlines": headlines, "truncated": truncated, "providers": ["BRFG", "DJ-N"], "untrusted": true,
        "context": context()
    })
}
