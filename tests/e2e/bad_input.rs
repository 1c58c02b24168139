//! Input that is wrong, absurd or hostile: a clear error each time, and a system that works on.

use serde_json::{Value, json};

use crate::harness::{Stack, StackOptions};

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

#[tokio::test]
async fn what_is_no_json_rpc_is_told_as_json_rpc() {
    let stack = Stack::with(StackOptions { workers: 0, ..StackOptions::default() }).await;
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"get_positions\",\"arguments\":{}1{}}}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    let cases: [(&str, i64); 7] = [
        ("{\"jsonrpc\":\"2.0\",", PARSE_ERROR),
        ("not json", PARSE_ERROR),
        ("", PARSE_ERROR),
        ("42", INVALID_REQUEST),
        ("{\"jsonrpc\":\"2.0\",\"id\":1}", INVALID_REQUEST),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/cal\"}", METHOD_NOT_FOUND),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":[1]}", INVALID_PARAMS),
    ];
    for (body, code) in cases {
        let (_, answer) = stack.edge.post(body.to_owned()).await;
        assert_eq!(answer["error"]["code"], code, "{body}: {answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer}");
    }
    let (_, answer) = stack.edge.post(deep).await;
    assert!([PARSE_ERROR, INVALID_PARAMS].contains(&answer["error"]["code"].as_i64().unwrap_or_default()), "{answer}");
    let (status, answer) = stack.edge.post(vec![b' '; 5 << 20]).await;
    assert_eq!(status, 413, "{answer}");
    assert!(answer.to_string().contains("4 MiB"), "the limit is named: {answer}");
    assert_eq!(stack.edge.get("/live").await.0, 200);
}

#[tokio::test]
async fn an_unknown_tool_is_told_with_the_nearest() {
    let stack = Stack::with(StackOptions { workers: 0, ..StackOptions::default() }).await;
    let answer = stack.edge.rpc("tools/call", json!({"name": "get_acount_summary", "arguments": {}})).await;
    assert_eq!(answer["error"]["code"], INVALID_PARAMS, "{answer}");
    assert!(answer["error"].to_string().contains("get_account_summary"), "{answer}");
}

#[tokio::test]
async fn wrong_arguments_name_the_argument_and_the_rule() {
    let stack = Stack::with(StackOptions { workers: 0, ..StackOptions::default() }).await;
    for (tool, arguments, parts) in [
        ("get_historical_data", json!({"symbol": "AAPL", "barz": "1 day"}), vec!["barz", "bar_size"]),
        ("get_historical_data", json!({}), vec!["symbol"]),
        ("get_historical_data", json!({"symbol": "AAPL", "max_bars": "many"}), vec!["max_bars"]),
        ("get_historical_data", json!({"symbol": "AAPL", "max_bars": 501}), vec!["max_bars", "500"]),
        ("get_historical_data", json!({"symbol": "AAPL", "max_bars": 9e99}), vec!["max_bars"]),
        ("get_historical_data", json!({"symbol": "AAPL", "max_bars": -1}), vec!["max_bars"]),
        ("get_historical_data", json!({"symbol": "AAPL", "use_rth": "perhaps"}), vec!["use_rth"]),
        ("get_historical_data", json!({"symbol": "AAPL", "duration": "99999 Y"}), vec!["99999 Y"]),
        ("get_historical_data", json!({"symbol": "AAPL", "duration": "2 h"}), vec!["7200 S"]),
        ("get_historical_data", json!({"symbol": "AAPL", "bar_size": "7 min"}), vec!["7 min", "5 mins"]),
        ("get_historical_data", json!({"symbol": "AAPL", "data_type": "PRICES"}), vec!["PRICES", "TRADES"]),
        ("get_historical_data", json!({"symbol": "AAPL", "data_type": "YIELD_BID"}), vec!["YIELD_BID", "TRADES", "MIDPOINT", "AGGTRADES"]),
        ("get_historical_data", json!({"symbol": "AAPL", "end": "yesterday"}), vec!["yesterday"]),
        ("get_historical_data", json!({"symbol": {"a": 1}}), vec!["symbol"]),
        ("get_historical_data", json!({"symbol": ["AAPL"]}), vec!["symbol"]),
        ("get_historical_data", json!({"symbol": ""}), vec!["symbol"]),
        ("get_historical_news", json!({"symbol": "AAPL", "start_date": "2026-13-01", "end_date": "2026-12-31"}), vec!["2026-13-01"]),
        (
            "get_historical_news",
            json!({"symbol": "AAPL", "start_date": "2026-01-01", "end_date": "2026-12-31", "max_count": 300}),
            vec!["max_count", "300", "255"],
        ),
        ("get_article", json!({"articleId": "x".repeat(100_000), "providerCode": "BRFG"}), vec!["articleId"]),
        ("search_contracts", json!({"pattern": "x".repeat(10_000)}), vec!["pattern"]),
    ] {
        let answer = stack.edge.call(tool, arguments).await;
        let text = answer.fault("invalid_params");
        for part in parts {
            assert!(text.contains(part), "{tool}: {part} missing in: {text}");
        }
        assert!(text.len() < 4_000, "{tool}: a fault of {} bytes", text.len());
    }
}

#[tokio::test]
async fn values_in_another_type_are_taken_where_the_schema_says_what_is_meant() {
    let stack = Stack::start().await;
    let answer =
        stack.edge.call("get_historical_data", json!({"symbol": "AAPL", "max_bars": "5", "use_rth": "true", "duration": "1mo"})).await;
    assert!(answer.typed()["bars"].as_array().is_some_and(|bars| (1..=5).contains(&bars.len())), "{}", answer.text);
    let answer = stack.edge.call("get_historical_data", json!({"symbol": "AAPL", "barSizeSetting": "1 day", "durationStr": "5 D"})).await;
    assert_eq!(answer.typed()["duration"], "5 D");
}

/// A symbol never becomes part of a subject, a pattern or another message.
#[tokio::test]
async fn hostile_symbols_are_refused_and_odd_ones_are_read() {
    let stack = Stack::start().await;
    let long = "A".repeat(10_000);
    for hostile in [
        "*",
        ">",
        "AAPL.>",
        "ib.v1.paper.rpc.account.summary",
        "AAPL\0",
        "AAPL\r\nPUB x 1",
        "\u{1b}[31m",
        "../../etc/passwd",
        "';--",
        &long,
    ] {
        for tool in ["lookup_contract", "get_historical_data"] {
            let answer = stack.edge.call(tool, json!({"symbol": hostile})).await;
            assert!(answer.is_error, "{tool} {hostile:?}: {}", answer.text);
            assert!(["invalid_params", "not_found"].iter().any(|code| answer.text.contains(code)), "{hostile:?}: {}", answer.text);
            assert!(!answer.text.chars().any(|c| c.is_control() && c != '\n'), "{hostile:?} comes back raw: {:?}", answer.text);
            assert!(answer.text.len() < 4_000, "{} bytes", answer.text.len());
        }
    }
    for (odd, symbol) in [("BRK.B", "BRK B"), ("BRK B", "BRK B"), ("EUR.USD", "EUR")] {
        let answer = stack.edge.call("lookup_contract", json!({"symbol": odd})).await;
        assert_eq!(answer.typed()["contracts"][0]["symbol"], symbol, "{odd}: {}", answer.text);
    }
}

#[tokio::test]
async fn identifiers_come_back_as_they_were_sent() {
    let stack = Stack::with(StackOptions { workers: 0, ..StackOptions::default() }).await;
    for id in [json!(0), json!(-7), json!("a \"quoted\" id"), json!("x".repeat(200))] {
        let (_, answer) = stack.edge.post(json!({"jsonrpc": "2.0", "id": id, "method": "ping"}).to_string()).await;
        assert_eq!((&answer["id"], &answer["result"]), (&id, &Value::Object(serde_json::Map::new())), "{answer}");
    }
}
