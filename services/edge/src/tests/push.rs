//! What is pushed: to a listener of 2026-07-28 and to a session of the generations before.

use serde_json::{Value, json};

use super::{
    Running,
    client::Said,
    modern::{body, headers, with_meta},
    start,
    streams::Stream,
};
use crate::mcp::hub::Kind;

pub(super) const BOTH: &str = "Accept: application/json, text/event-stream";

impl Running {
    pub(super) async fn listen(&self, notifications: Value) -> Stream {
        let params = with_meta(json!({ "notifications": notifications }), json!({}));
        let lines = headers("subscriptions/listen", &params);
        self.stream("POST /mcp", &lines.iter().map(String::as_str).collect::<Vec<_>>(), &body("subscriptions/listen", &params)).await
    }

    /// The id of a new session, as a header.
    pub(super) async fn session(&self, capabilities: Value) -> String {
        let params =
            json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": { "name": "t", "version": "1" } });
        let said = self.ask("POST /mcp", &[BOTH], &body("initialize", &params)).await;
        assert_eq!(said.status, 200, "{said:?}");
        let id = &said.headers["mcp-session-id"];
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        format!("Mcp-Session-Id: {id}")
    }

    pub(super) async fn in_session(&self, session: &str, method: &str, params: Value) -> Said {
        self.ask("POST /mcp", &[BOTH, session], &body(method, &params)).await
    }
}

async fn next(stream: &mut Stream) -> Value {
    stream.next().await.expect("an event").json()
}

#[tokio::test]
async fn a_listener_hears_what_it_asked_for_and_a_clear_end() {
    let edge = start(&[]).await;
    let wanted =
        json!({ "toolsListChanged": true, "promptsListChanged": false, "resourceSubscriptions": ["ibkr://health", "ibkr://accounts"] });
    let mut stream = edge.listen(wanted).await;
    let head = stream.head.to_ascii_lowercase();
    assert!(head.contains("text/event-stream") && head.contains("x-accel-buffering: no"), "{head}");
    let first = next(&mut stream).await;
    assert_eq!(first["method"], json!("notifications/subscriptions/acknowledged"));
    let tag = json!({ "io.modelcontextprotocol/subscriptionId": 7 });
    assert_eq!(first["params"]["_meta"], tag);
    assert_eq!(
        first["params"]["notifications"],
        json!({ "toolsListChanged": true, "resourceSubscriptions": ["ibkr://health", "ibkr://accounts"] })
    );

    let hub = &edge.edge.hub;
    assert_eq!(hub.watched().borrow().len(), 2);
    hub.listed(Kind::Prompts);
    hub.updated("ibkr://nobody");
    hub.updated("ibkr://health");
    hub.updated("ibkr://health");
    let told = next(&mut stream).await;
    assert_eq!(
        told,
        json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": { "_meta": tag, "uri": "ibkr://health" } })
    );
    hub.listed(Kind::Tools);
    assert_eq!(next(&mut stream).await["method"], json!("notifications/tools/list_changed"));

    edge.shutdown.cancel();
    let end = next(&mut stream).await;
    assert_eq!(end, json!({ "jsonrpc": "2.0", "id": 7, "result": { "resultType": "complete", "_meta": tag } }));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_list_of_resources_beyond_all_measure_costs_nothing() {
    let edge = start(&[]).await;
    let honoured = async |uris: Value| {
        let mut stream = edge.listen(json!({ "resourceSubscriptions": uris })).await;
        next(&mut stream).await["params"]["notifications"].clone()
    };
    assert_eq!(honoured(json!(vec!["ibkr://health"; 1_000])).await, json!({ "resourceSubscriptions": ["ibkr://health"] }));
    let mut strange: Vec<String> = (0..200_000).map(|n| format!("ibkr://{n}")).collect();
    strange.push("ibkr://health".to_owned());
    assert_eq!(honoured(json!(strange)).await, json!({}), "what stands far behind is not looked at");
}

#[tokio::test]
async fn a_listener_that_hangs_up_is_forgotten() {
    let edge = start(&[]).await;
    let mut stream = edge.listen(json!({ "resourceSubscriptions": ["ibkr://health"] })).await;
    next(&mut stream).await;
    let mut watched = edge.edge.hub.watched();
    assert_eq!(watched.borrow_and_update().len(), 1);
    drop(stream);
    tokio::time::timeout(super::PATIENCE, watched.wait_for(std::collections::BTreeSet::is_empty)).await.expect("in time").expect("open");
}

#[tokio::test]
async fn a_stream_is_only_for_who_asks_for_one() {
    let edge = start(&[]).await;
    let params = with_meta(json!({ "notifications": {} }), json!({}));
    let plain = ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: subscriptions/listen", "Accept: application/json"];
    let said = edge.ask("POST /mcp", &plain, &body("subscriptions/listen", &params)).await;
    assert_eq!((said.status, &said.json()["error"]["code"]), (406, &json!(-32600)));
    let wrong = edge.modern("subscriptions/listen", json!({ "notifications": [] }), json!({})).await;
    assert_eq!(wrong.json()["error"]["code"], json!(-32602));
    // Nor is a session, and no stream without one.
    let initialize = body("initialize", &json!({ "protocolVersion": "2025-11-25" }));
    for accept in ["Accept: */*", "Accept: application/json", "X-None: 1"] {
        assert!(!edge.ask("POST /mcp", &[accept], &initialize).await.headers.contains_key("mcp-session-id"), "{accept}");
    }
    assert_eq!(edge.ask("GET /mcp", &[BOTH], "").await.status, 405);
}

#[tokio::test]
async fn a_session_is_told_over_its_stream() {
    let edge = start(&[]).await;
    let session = edge.session(json!({})).await;
    let followed = edge.in_session(&session, "resources/subscribe", json!({ "uri": "ibkr://health" })).await;
    assert_eq!((followed.status, &followed.json()["result"]), (200, &json!({})));
    for accept in ["Accept: */*", "Accept: application/json", "X-None: 1"] {
        assert_eq!(edge.ask("GET /mcp", &[accept, &session], "").await.status, 406, "{accept}");
    }
    // What happens before the stream is open is not lost.
    edge.edge.hub.updated("ibkr://health");
    let mut stream = edge.stream("GET /mcp", &[BOTH, &session], "").await;
    assert!(stream.head.starts_with("HTTP/1.0 200"), "{}", stream.head);
    let told = loop {
        let event = stream.next().await.expect("an event");
        // The first pieces are a comment and the pause before a return.
        if !event.data.is_empty() {
            break event.json();
        }
    };
    assert_eq!(told, json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": { "uri": "ibkr://health" } }));

    edge.in_session(&session, "resources/unsubscribe", json!({ "uri": "ibkr://health" })).await;
    edge.edge.hub.updated("ibkr://health");
    edge.edge.hub.listed(Kind::Resources);
    assert_eq!(next(&mut stream).await["method"], json!("notifications/resources/list_changed"));

    let mut newer = edge.stream("GET /mcp", &[BOTH, &session], "").await;
    assert!(stream.next().await.is_none(), "the newest stream takes the older one's place");
    let ended = edge.ask("DELETE /mcp", &[&session], "").await;
    assert_eq!((ended.status, ended.json()), (200, json!({})));
    while newer.next().await.is_some() {}
    for (line, status) in [("POST /mcp", 404), ("GET /mcp", 404), ("DELETE /mcp", 404)] {
        assert_eq!(edge.ask(line, &[BOTH, &session], &body("ping", &json!({}))).await.status, status, "{line}: its client ended it");
    }
    let batch = format!("[{}]", body("ping", &json!({})));
    assert_eq!(edge.ask("POST /mcp", &[BOTH, &session], &batch).await.status, 404, "nor does a batch revive it");
}

#[tokio::test]
async fn an_unknown_session_is_no_reason_to_refuse_a_call() {
    let edge = start(&[]).await;
    let unknown = "Mcp-Session-Id: 00112233445566778899aabbccddeeff";
    assert_eq!(edge.in_session(unknown, "tools/list", json!({})).await.status, 200);
    assert_eq!(edge.in_session(unknown, "ping", json!({})).await.status, 200);
    // But what it is for is not there, and SDKs shake hands anew at 404.
    assert_eq!(edge.in_session(unknown, "resources/subscribe", json!({ "uri": "ibkr://health" })).await.status, 404);
    for line in ["GET /mcp", "DELETE /mcp"] {
        assert_eq!(edge.ask(line, &[BOTH, unknown], "").await.status, 404, "{line}");
    }
    let without = edge.mcp(&body("resources/subscribe", &json!({ "uri": "ibkr://health" }))).await;
    assert_eq!((without.status, &without.json()["error"]["code"]), (200, &json!(-32600)));
}

#[tokio::test]
async fn a_session_remembers_its_level_and_names_its_calls() {
    let edge = start(&[]).await;
    let session = edge.session(json!({})).await;
    let call = json!({ "name": "get_positions", "arguments": {} });
    assert_eq!(edge.in_session(&session, "tools/call", call.clone()).await.headers["content-type"], "application/json");
    assert_eq!(edge.in_session(&session, "logging/setLevel", json!({ "level": "loud" })).await.json()["error"]["code"], json!(-32602));
    assert_eq!(edge.in_session(&session, "logging/setLevel", json!({ "level": "info" })).await.json()["result"], json!({}));
    let mut stream = edge.stream("POST /mcp", &[BOTH, &session], &body("tools/call", &call)).await;
    assert_eq!(next(&mut stream).await["method"], json!("notifications/message"));
    assert_eq!(next(&mut stream).await["id"], json!(7));
}
