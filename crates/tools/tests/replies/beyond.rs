//! Replies of the tools beside ib-mcp's.

use serde_json::{Value, json};

fn order(words: &str, contract: &Value) -> Value {
    json!({
        "account": words, "perm_id": 9_000_000_600_i64, "order_id": 3, "client_id": 77, "contract": contract,
        "legs": [{"conid": 1, "side": "SELL", "ratio": 1, "exchange": words}], "side": "BUY", "quantity": 7, "filled": 2, "remaining": 5,
        "average_fill_price": 190.5, "order_type": words, "limit_price": 191.25, "time_in_force": words, "status": words, "order_ref": words,
        "oca_group": words, "note": words, "completed_at": "2026-07-24T14:00:00Z"
    })
}

/// One reply without its context, `words` wherever someone else's words stand, `rows` of what there are several of.
pub(crate) fn reply(tool: &str, words: &str, rows: usize, contract: &Value) -> Option<Value> {
    let next = (rows > 1).then_some(rows);
    Some(match tool {
        "list_accounts" => {
            let entry = json!({"account": words, "mode": "paper", "base_currency": words, "net_liquidation": 1000.5});
            json!({"accounts": vec![entry; rows]})
        }
        "get_account_values" => {
            json!({"accounts": [{"account": words, "values": vec![json!({"tag": words, "value": words, "currency": words}); rows]}]})
        }
        "get_portfolio" => {
            let worth = json!({
                "account": words, "base_currency": words, "net_liquidation": 1000, "cash": null, "positions_value": 2, "unrealized_pnl": -3,
                "realized_pnl": null
            });
            let row = json!({
                "account": words, "symbol": words, "sec_type": words, "conid": 1, "local_symbol": words, "currency": words, "quantity": -2,
                "market_price": 1.5, "market_value": null, "average_cost": 1.25, "unrealized_pnl": 4, "realized_pnl": null,
                "percent_of_account": 12.34
            });
            let mut reply = json!({"accounts": [worth], "holdings": vec![row; rows], "total": rows, "truncated": next.is_some()});
            next.iter().for_each(|next| reply["next"] = json!(next));
            reply
        }
        "get_pnl" => {
            let gained = json!({"account": words, "base_currency": words, "daily_pnl": 12.5, "unrealized_pnl": null, "realized_pnl": 0});
            json!({"accounts": vec![gained; rows]})
        }
        "get_position_pnl" => json!({
            "contract": contract, "account": words, "quantity": 5, "market_value": 10, "daily_pnl": null, "unrealized_pnl": 2, "realized_pnl": 0
        }),
        "get_open_orders" | "get_completed_orders" => {
            let mut reply = json!({"orders": vec![order(words, contract); rows], "total": rows + 1, "truncated": next.is_some()});
            next.iter().for_each(|next| reply["next"] = json!(next));
            reply
        }
        "get_executions" => {
            let row = json!({
                "execution_id": words, "account": words, "time": "2026-07-24T14:00:00Z", "contract": contract, "side": "SELL", "quantity": 1,
                "price": 190.5, "exchange": words, "perm_id": 1, "order_id": 2, "client_id": 3, "order_ref": words, "commission": 1.05,
                "commission_currency": words, "realized_pnl": -4
            });
            json!({
                "executions": vec![row; rows], "total": rows, "truncated": false, "days": 1, "complete_since": "2026-07-24T04:00:00Z",
                "complete": rows.is_multiple_of(2)
            })
        }
        "get_head_timestamp" => json!({
            "contract": contract, "what_to_show": "TRADES", "use_rth": true, "head": "1980-12-12T14:30:00Z", "head_local": words,
            "time_zone": words
        }),
        "get_histogram" => json!({
            "contract": contract, "period": words, "use_rth": true, "rows": vec![json!({"price": 1.5, "size": 100}); rows], "total": rows,
            "truncated": rows > 2
        }),
        "get_historical_ticks" => {
            let tick = json!({"time": words, "price": 1.5, "size": 2, "exchange": words, "conditions": words});
            json!({"contract": contract, "kind": "trades", "time_zone": words, "ticks": vec![tick; rows], "truncated": rows > 2})
        }
        "get_trading_schedule" => {
            let session = json!({"from": words, "until": words});
            let day = json!({"date": "2026-07-24", "closed": false, "trading": [session], "regular": [session, session]});
            json!({"contract": contract, "time_zone": words, "days": vec![day; rows], "complete": false})
        }
        "get_market_rule" => json!({"rule_id": 26, "steps": vec![json!({"from_price": 0, "step": 0.01}); rows]}),
        "get_news_providers" => json!({"providers": vec![json!({"code": words, "name": words}); rows]}),
        "get_server_time" => json!({
            "server_time": "2026-07-24T14:00:00Z", "host_time": "2026-07-24T14:00:05Z", "ahead_ms": -5_000, "gateway_time_zone": words
        }),
        "get_health" => health(words, rows),
        "ibkr_connect" => json!({
            "connected": true, "message": words, "host": words, "port": 4002, "client_ids": (0..rows).collect::<Vec<_>>(), "mode": "paper"
        }),
        "ibkr_disconnect" => json!({"success": true, "streams_ended": 0, "message": words}),
        _ => return None,
    })
}

fn health(words: &str, rows: usize) -> Value {
    json!({
        "status": "degraded", "advice": words, "gateway": words, "version": words, "mode": null, "profile": words, "can_trade": false,
        "ib_connected": false, "options_connected": true, "upstream": false,
        "workers": {"wanted": 3, "alive": 3, "connected": 0, "available": 0}, "circuit_breaker": words,
        "accounts": vec![json!({"account": words, "base_currency": words}); rows], "stale": true, "market_state": "open",
        "market_until": "2026-07-24T20:00:00Z", "gateway_state": words, "gateway_reason": words, "needs_human": words,
        "reset_window": {"kind": "nightly", "from": "2026-07-24T14:00:00Z", "until": "2026-07-24T15:00:00Z"},
        "next_login_due": "2026-07-26T05:00:00Z", "missing": vec![words; rows]
    })
}
