//! What is told from the last text is what rendering tells.

#[path = "replies/beyond.rs"]
mod replies_beyond;

use serde_json::{Value, json};
use tools::{Call, Texts, Tool, find};

/// As a worker lays it out: the context is the last member.
fn reply(facts: &Value, minute: u8) -> String {
    let mut reply = facts.clone();
    reply["context"] = json!({
        "mode": "simulated", "account": "DUS***001", "data_type": "account", "time": format!("2026-07-24T14:{minute:02}:05.123456789Z"),
        "time_zone": "America/New_York", "market_state": "open", "market_until": "2026-07-24T20:00:00Z", "stale": minute.is_multiple_of(2)
    });
    reply.to_string()
}

fn positions(symbol: &str, rows: usize) -> Value {
    let row = json!({
        "account": "DUSIM00001", "symbol": symbol, "quantity": 100, "avg_cost": 150.1234, "avg_price": 150.1234, "current_price": 180,
        "market_value": 18000, "unrealized_pnl": 2987.66, "unrealized_pnl_percent": 19.9, "currency": "USD", "sec_type": "STK",
        "multiplier": 1, "conid": 265_598
    });
    json!({"positions": vec![row; rows], "total": rows, "truncated": false})
}

fn summary(value: &str) -> Value {
    json!({"accounts": [{"account": "DUSIM00001", "values": [{"tag": "NetLiquidation", "value": value, "currency": "USD"}]}]})
}

fn bound(name: &str, arguments: &Value) -> (&'static Tool, Call) {
    let tool = find(name).expect("a tool");
    (tool, tool.bind(arguments.as_object().expect("object")).expect("good arguments"))
}

#[test]
fn a_text_told_again_is_the_text_that_rendering_makes() {
    let article = json!({"article_id": "BRFG$1", "provider": "BRFG", "format": "text", "text": "News", "untrusted": true});
    let overview = json!({"account_id": "DUSIM00001", "base_currency": "USD", "net_liquidation": 1.5, "cash_balance": null, "buying_power": null,
        "total_positions_value": null, "unrealized_pnl": null, "realized_pnl": null, "realized_pnl_period": "today"});
    // A name that looks like the mark; the same reply to other arguments; and one that must be cut.
    let asked = [
        ("get_positions", json!({}), positions("AAPL", 3)),
        ("get_positions", json!({"symbol": "AAPL"}), positions("AAPL", 3)),
        ("get_positions", json!({}), positions("\",\"context\":{}", 1)),
        ("get_positions", json!({}), positions("AAPL", 400)),
        ("get_positions", json!({}), positions("AAPL", 0)),
        ("get_account", json!({}), overview),
        ("get_account_summary", json!({}), summary("1")),
        ("get_account_summary", json!({}), summary("2")),
        ("get_article", json!({"provider_code": "BRFG", "article_id": "BRFG$1"}), article),
    ];
    let contract = json!({"conid": 265_598, "symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD"});
    let beyond = ["list_accounts", "get_account_values", "get_portfolio", "get_pnl", "get_open_orders", "get_executions"];
    let beyond = beyond
        .iter()
        .flat_map(|name| [0, 3].map(|rows| (*name, json!({}), replies_beyond::reply(name, "AAPL", rows, &contract).expect("a reply"))));
    let asked: Vec<(&str, Value, Value)> = asked.into_iter().chain(beyond).collect();
    let kept = |tool: &&Tool| tool.operation().freshness == schemas::Freshness::Kept && tool.operation().family != "gateway";
    for tool in tools::TOOLS.iter().filter(kept) {
        assert!(asked.iter().any(|(name, ..)| *name == tool.name), "{} is answered from memory and not tried here", tool.name);
    }
    let texts = Texts::default();
    for (name, arguments, facts) in &asked {
        let (tool, call) = bound(name, arguments);
        for minute in [0, 1, 2, 59] {
            let reply = reply(facts, minute);
            let told = texts.render(tool, &call, reply.as_bytes()).expect("readable");
            assert_eq!(told, tool.render(&call, reply.as_bytes()).expect("readable"), "{name} {arguments} at minute {minute}");
        }
    }
}

#[test]
fn a_broken_context_is_refused_although_the_rest_is_known() {
    let texts = Texts::default();
    let (tool, call) = bound("get_account_summary", &json!({}));
    let good = reply(&summary("1"), 1);
    texts.render(tool, &call, good.as_bytes()).expect("readable");
    let bad = [
        good.replace("simulated", "dreamt"),
        format!("{good}}}"),
        good[..good.len() - 1].to_owned(),
        good.replace(",\"context\"", ",\"con\""),
    ];
    for bad in bad {
        assert_eq!(texts.render(tool, &call, bad.as_bytes()), tool.render(&call, bad.as_bytes()), "{bad}");
        assert!(texts.render(tool, &call, bad.as_bytes()).is_err(), "{bad}");
    }
}
