//! The stateless generation, 2026-07-28: strict where it is declared, and nothing of it for anybody else.

use serde_json::{Value, json};

use super::{Running, client::Said, start, world::world};

pub(super) const VERSION: &str = "2026-07-28";
const VERSION_LINE: &str = "MCP-Protocol-Version: 2026-07-28";

/// `params` with what every request must carry.
pub(super) fn with_meta(mut params: Value, capabilities: Value) -> Value {
    params["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": capabilities });
    params
}

pub(super) fn body(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string()
}

/// The headers that mirror a request.
pub(super) fn headers(method: &str, params: &Value) -> Vec<String> {
    let mut lines =
        vec![VERSION_LINE.to_owned(), format!("Mcp-Method: {method}"), "Accept: application/json, text/event-stream".to_owned()];
    lines.extend(params["name"].as_str().or(params["uri"].as_str()).map(|name| format!("Mcp-Name: {name}")));
    lines
}

impl Running {
    pub(super) async fn modern(&self, method: &str, params: Value, capabilities: Value) -> Said {
        let params = with_meta(params, capabilities);
        let lines = headers(method, &params);
        self.ask("POST /mcp", &lines.iter().map(String::as_str).collect::<Vec<_>>(), &body(method, &params)).await
    }
}

#[tokio::test]
async fn every_result_says_what_it_is_and_who_answered() {
    let world = world().await;
    let summary = json!({ "name": "get_account_summary", "arguments": {} });
    for (method, params, kept) in
        [("server/discover", json!({}), true), ("tools/list", json!({}), true), ("tools/call", summary.clone(), false)]
    {
        let said = world.edge.modern(method, params, json!({})).await;
        let result = said.json()["result"].clone();
        assert_eq!((said.status, &result["resultType"]), (200, &json!("complete")), "{method}: {result}");
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], json!("ib-mesh"), "{method}");
        assert_eq!((result["ttlMs"].is_u64(), result["cacheScope"] == json!("private")), (kept, kept), "{method}");
    }
    let called = world.edge.modern("tools/call", summary, json!({})).await.json()["result"].clone();
    assert_eq!(called["structuredContent"]["accounts"][0]["account"], json!("DUSIM00001"));
    assert!(called["_meta"]["ib-mesh/served_by"].is_string(), "{called}");
    let discovered = world.edge.modern("server/discover", json!({}), json!({})).await.json()["result"].clone();
    assert_eq!(discovered["supportedVersions"].as_array().map(Vec::len), Some(5));
    assert!(discovered["capabilities"]["tools"].is_object() && discovered["instructions"].is_string());

    let plain = world.edge.call("get_account_summary", "{}").await;
    for member in ["resultType", "ttlMs", "cacheScope"] {
        assert!(plain.get(member).is_none(), "{member} is not for the generations before");
    }
    assert!(plain["_meta"].get("io.modelcontextprotocol/serverInfo").is_none());
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let edge = start(&[]).await;
    for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "nope", "tasks/get"] {
        let said = edge.modern(method, json!({ "uri": "ibkr://health" }), json!({})).await;
        assert_eq!((said.status, &said.json()["error"]["code"], &said.json()["id"]), (404, &json!(-32601), &json!(7)), "{method}");
    }
    // A tool that does not exist is another matter.
    let said = edge.modern("tools/call", json!({ "name": "nope" }), json!({})).await;
    assert_eq!((said.status, &said.json()["error"]["code"]), (200, &json!(-32602)));
}

#[tokio::test]
async fn a_request_that_declares_it_is_held_to_it() {
    let edge = start(&[]).await;
    let version = json!({ "io.modelcontextprotocol/protocolVersion": VERSION });
    let whole = json!({ "io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {} });
    let of =
        |version: &str| json!({ "io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {} });
    let list = "Mcp-Method: tools/list";
    let long = format!("Mcp-Method: {}", "x".repeat(10_000));
    let deep = with_log_level(&whole, "loud");
    // headers, `_meta`, code
    let table: &[(&[&str], Value, i64)] = &[
        (&[VERSION_LINE, list], json!({}), -32602),
        (&[VERSION_LINE, list], json!([]), -32602),
        (&[VERSION_LINE, list], version, -32602),
        (&[VERSION_LINE, list], json!({ "io.modelcontextprotocol/clientCapabilities": {} }), -32602),
        (
            &[VERSION_LINE, list],
            json!({ "io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": 1 }),
            -32602,
        ),
        (&[VERSION_LINE, list], deep, -32602),
        (&[list], whole.clone(), -32020),
        (&["MCP-Protocol-Version: 2025-11-25", list], whole.clone(), -32020),
        (&[VERSION_LINE, list], of("v999.0.0"), -32020),
        (&[VERSION_LINE, list], of("2025-11-25"), -32020),
        (&[VERSION_LINE], whole.clone(), -32020),
        (&[VERSION_LINE, "Mcp-Method: tools/call"], whole.clone(), -32020),
        (&[VERSION_LINE, "Mcp-Method: TOOLS/LIST"], whole.clone(), -32020),
        (&[VERSION_LINE, list, list], whole.clone(), -32020),
        (&[VERSION_LINE, &long], whole.clone(), -32020),
        (&["MCP-Protocol-Version: 2027-01-01", list], of("2027-01-01"), -32022),
        (&["MCP-Protocol-Version: v999.0.0", list], of("v999.0.0"), -32022),
    ];
    for (headers, meta, code) in table {
        let said = edge.ask("POST /mcp", headers, &body("tools/list", &json!({ "_meta": meta }))).await;
        assert_eq!((said.status, said.json()["error"]["code"].as_i64()), (400, Some(*code)), "{headers:?} {meta}");
        assert_eq!(said.json()["id"], json!(7));
    }
    let good = edge
        .ask(
            "POST /mcp",
            &["mcp-protocol-version:   2026-07-28 ", "MCP-METHOD:tools/list"],
            &body("tools/list", &json!({ "_meta": whole })),
        )
        .await;
    assert_eq!(good.status, 200, "names of headers are free in case, and blanks around values mean nothing");
    let batch = edge.ask("POST /mcp", &[VERSION_LINE, list], &format!("[{}]", body("tools/list", &json!({})))).await;
    assert_eq!((batch.status, &batch.json()["error"]["code"]), (400, &json!(-32600)));
    let unknown = edge.ask("POST /mcp", &["MCP-Protocol-Version: 1999-01-01"], &format!("[{}]", body("tools/list", &json!({})))).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (400, &json!(-32022)));
    // An older version in `_meta` declares nothing.
    let old = edge.mcp(&body("ping", &json!({ "_meta": of("2025-11-25") }))).await;
    assert_eq!((old.status, &old.json()["result"]), (200, &json!({})));
}

fn with_log_level(meta: &Value, level: &str) -> Value {
    let mut meta = meta.clone();
    meta["io.modelcontextprotocol/logLevel"] = json!(level);
    meta
}

#[tokio::test]
async fn names_are_mirrored_plainly_or_in_base64() {
    let edge = start(&[]).await;
    let params = with_meta(json!({ "name": "get_positions", "arguments": {} }), json!({}));
    for (name, status) in [
        ("get_positions", 200),
        ("=?base64?Z2V0X3Bvc2l0aW9ucw==?=", 200),
        ("=?base64?Z2V0X3Bvc2l0aW9ucw?=", 400),
        ("=?base64?Z2V0!!!3Bvc2l0aW9ucw==?=", 400),
        ("Z2V0X3Bvc2l0aW9ucw==", 400),
        ("get_account", 400),
        ("", 400),
    ] {
        let name = format!("Mcp-Name: {name}");
        let said = edge.ask("POST /mcp", &[VERSION_LINE, "Mcp-Method: tools/call", &name], &body("tools/call", &params)).await;
        assert_eq!(said.status, status, "{name}");
        if status == 400 {
            assert_eq!(said.json()["error"]["code"], json!(-32020), "{name}");
        }
    }
}

#[tokio::test]
async fn log_messages_are_for_who_names_a_level() {
    let edge = start(&[]).await;
    let mut params = with_meta(json!({ "name": "get_positions", "arguments": {} }), json!({}));
    let lines = headers("tools/call", &params);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let said = edge.ask("POST /mcp", &lines, &body("tools/call", &params)).await;
    assert_eq!(said.headers["content-type"], "application/json");
    for (level, told) in [("debug", true), ("warning", true), ("error", false)] {
        params["_meta"] = with_log_level(&params["_meta"], level);
        let mut stream = edge.stream("POST /mcp", &lines, &body("tools/call", &params)).await;
        if told {
            let message = stream.next().await.expect("a message").json();
            assert_eq!((&message["method"], &message["params"]["level"]), (&json!("notifications/message"), &json!("warning")));
            assert_eq!(message["params"]["data"]["outcome"], json!("no_worker"));
        }
        assert_eq!(stream.next().await.expect("the answer").json()["result"]["isError"], json!(true), "{level}");
        assert_eq!(stream.next().await, None);
    }
}
