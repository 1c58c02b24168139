//! MCP over HTTP, as far as it needs no NATS.

use serde_json::{Value, json};

use super::{client::call, start};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[tokio::test]
async fn whatever_is_sent_is_answered_with_json() {
    let edge = start(&[]).await;
    let nested = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let deep_arguments = call("get_positions", &format!(r#"{{"account":{}{}}}"#, "[".repeat(500), "]".repeat(500)));
    // body, HTTP status, JSON-RPC code (0: a result), id
    let table: &[(&str, u16, i64, Value)] = &[
        (PING, 200, 0, json!(1)),
        ("\u{feff}{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"}", 200, 0, json!("a")),
        ("", 400, -32700, Value::Null),
        ("{", 400, -32700, Value::Null),
        ("a=b", 400, -32700, Value::Null),
        ("{}", 400, -32600, Value::Null),
        ("[]", 400, -32600, Value::Null),
        ("7", 400, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, 400, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, 400, -32600, Value::Null),
        (r#"{"id":1,"method":"ping"}"#, 400, -32600, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1}"#, 400, -32600, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, 400, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":1,"method":"nope"}"#, 200, -32601, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}"#, 200, -32601, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, 200, -32602, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#, 200, -32602, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_positions","arguments":[]}}"#, 200, -32602, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#, 200, -32602, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}"#, 200, 0, json!(1)),
        (&deep_arguments, 200, -32602, json!("1")),
        (&nested[1..], 400, -32700, Value::Null),
    ];
    for (body, status, code, id) in table {
        let said = edge.mcp(body).await;
        let json = said.json();
        let shown = &body[..body.len().min(120)];
        assert_eq!((said.status, json["error"]["code"].as_i64().unwrap_or(0)), (*status, *code), "{shown}: {json}");
        assert_eq!((&json["id"], &json["jsonrpc"]), (id, &json!("2.0")), "{shown}");
    }
    for (method, status, code) in [
        ("nope/list", 200, -32601),
        ("logging/setLevel", 200, -32602),
        ("resources/subscribe", 200, -32602),
        // Only the stateless generation has these, and they are asked in its way.
        ("server/discover", 400, -32602),
        ("subscriptions/listen", 400, -32602),
    ] {
        let said = edge.mcp(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{}}}}"#)).await;
        assert_eq!((said.status, &said.json()["error"]["code"]), (status, &json!(code)), "{method}");
    }
}

#[tokio::test]
async fn neither_accept_nor_content_type_is_a_reason_to_refuse() {
    let edge = start(&[]).await;
    let types = [
        "",
        "Content-Type: application/json; charset=utf-8",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: text/plain",
    ];
    let accepts = ["", "Accept: */*", "Accept: application/json", "Accept: text/html", "Accept: application/json, text/event-stream"];
    for content_type in types {
        for accept in accepts {
            let headers: Vec<&str> = [content_type, accept].into_iter().filter(|header| !header.is_empty()).collect();
            let said = edge.ask("POST /mcp", &headers, PING).await;
            assert_eq!((said.status, said.json()["result"].clone()), (200, json!({})), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn the_handshake_of_every_generation() {
    let edge = start(&[]).await;
    for (asked, offered) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let params = format!(r#"{{"protocolVersion":"{asked}","capabilities":{{}},"clientInfo":{{"name":"t","version":"1"}}}}"#);
        let body = format!(r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{params}}}"#);
        let said = edge.ask("POST /mcp", &[&format!("MCP-Protocol-Version: {asked}")], &body).await;
        let result = &said.json()["result"];
        assert_eq!(result["protocolVersion"], json!(offered), "{asked}");
        assert_eq!(
            result["capabilities"],
            json!({"tools": {"listChanged": false}, "logging": {}, "completions": {}, "prompts": {"listChanged": false}, "resources": {"subscribe": true, "listChanged": true}})
        );
        assert_eq!(result["serverInfo"]["name"], json!("ib-mesh"));
        assert!(result["instructions"].as_str().is_some_and(|text| !text.is_empty() && text.len() <= 1_000));
        assert!(!said.headers.contains_key("mcp-session-id"), "no session is made");
    }
    let initialized = edge.mcp(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!((initialized.status, initialized.body.as_str()), (202, ""));
}

#[tokio::test]
async fn a_version_header_that_is_not_known_is_400_and_names_those_that_are() {
    let edge = start(&[]).await;
    for (header, status) in [("2025-06-18", 200), ("2025-11-25", 200), ("1999-01-01", 400), ("v999", 400), ("", 400)] {
        let said = edge.ask("POST /mcp", &[&format!("MCP-Protocol-Version: {header}")], PING).await;
        assert_eq!(said.status, status, "{header}");
        if status == 400 {
            let json = said.json();
            assert_eq!((&json["id"], &json["error"]["code"]), (&json!(1), &json!(-32022)));
            assert_eq!(json["error"]["data"]["supported"][3], json!("2025-11-25"));
        }
    }
}

#[tokio::test]
async fn what_asks_for_no_answer_gets_none() {
    let edge = start(&[]).await;
    for body in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"r"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":[]}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"get_positions"}}"#,
        r#"{"jsonrpc":"2.0","method":"nope"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b"}]"#,
    ] {
        let said = edge.mcp(body).await;
        assert_eq!((said.status, said.body.as_str()), (202, ""), "{body}");
    }
}

#[tokio::test]
async fn a_batch_is_answered_in_order() {
    let edge = start(&[]).await;
    let one = |id: usize| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    let mut parts: Vec<String> = (0..30).map(one).collect();
    parts.insert(3, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned());
    parts.push("1".to_owned());
    parts.push(r#"{"jsonrpc":"2.0","id":"i","method":"initialize"}"#.to_owned());
    parts.push(call("no_such_tool", "{}"));
    let said = edge.mcp(&format!("[{}]", parts.join(","))).await;
    let answers = said.json();
    let answers = answers.as_array().expect("an array");
    assert_eq!((said.status, answers.len()), (200, 33));
    for (id, answer) in answers.iter().take(30).enumerate() {
        assert_eq!((&answer["id"], &answer["result"]), (&json!(id), &json!({})));
    }
    let codes: Vec<&Value> = answers[30..].iter().map(|answer| &answer["error"]["code"]).collect();
    assert_eq!(codes, [&json!(-32600), &json!(-32600), &json!(-32602)]);
    let too_many = edge.mcp(&format!("[{}]", vec![one(1); 65].join(","))).await;
    assert_eq!((too_many.status, &too_many.json()["error"]["code"]), (400, &json!(-32600)));
}

#[tokio::test]
async fn the_list_of_tools_follows_the_settings() {
    let names =
        |json: &Value| json["result"]["tools"].as_array().expect("tools").iter().map(|tool| tool["name"].clone()).collect::<Vec<_>>();
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let default = names(&start(&[]).await.mcp(list).await.json());
    assert!(default.contains(&json!("get_account_summary")), "{default:?}");
    assert!(names(&start(&[("EDGE_TOOLSETS", "admin")]).await.mcp(list).await.json()).is_empty());
    let unknown = crate::edge::Edge::new(&super::process(&[("EDGE_TOOLSETS", "core,nope")])).expect_err("refused").to_string();
    assert!(unknown.contains("`nope`") && unknown.contains("core, market"), "{unknown}");
}

#[tokio::test]
async fn wrong_calls_say_what_to_do() {
    let edge = start(&[]).await;
    let unknown = edge.mcp(&call("get_positons", "{}")).await;
    let error = &unknown.json()["error"];
    assert_eq!((unknown.status, &error["code"], &error["data"]["code"]), (200, &json!(-32602), &json!("unknown_tool")));
    assert!(error["message"].as_str().is_some_and(|text| text.contains("get_positions")), "{error}");

    for (tool, arguments) in
        [("get_historical_data", "{}"), ("get_positions", r#"{"nope":1}"#), ("ibkr_get_positions", r#"{"account":{}}"#)]
    {
        let result = edge.call(tool, arguments).await;
        assert_eq!(result["isError"], json!(true), "{tool} {arguments}");
        assert!(result.get("structuredContent").is_none());
        assert_eq!(result["_meta"]["ib-mesh/fault"]["code"], json!("invalid_params"), "{result}");
    }

    // The arguments are right, but there is no NATS: a tool error, not a protocol error.
    let result = edge.call("get_account_summary", "{}").await;
    assert_eq!((&result["isError"], &result["_meta"]["ib-mesh/fault"]["code"]), (&json!(true), &json!("no_worker")));
    assert!(result["_meta"]["ib-mesh/request_id"].as_str().is_some_and(|id| id.len() == 36));
}

#[tokio::test]
async fn a_budget_that_cannot_be_read_is_refused() {
    let edge = start(&[]).await;
    for bad in ["0", "-1", "5s", "1.5", ""] {
        let said = edge.ask("POST /mcp", &[&format!("Ib-Timeout-Ms: {bad}")], &call("get_positions", "{}")).await;
        let fault = &said.json()["result"]["_meta"]["ib-mesh/fault"];
        assert_eq!((&fault["code"], &fault["field"]), (&json!("invalid_params"), &json!("Ib-Timeout-Ms")), "{bad:?}");
    }
}
