//! Progress of `tools/call`, from the service's word to the client's event.

use schemas::{Fault, FaultCode, Progress};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{PATIENCE, options, world::world};

const BOTH: &str = "Accept: application/json, text/event-stream";

const ARGUMENTS: &str = r#"{"symbol":"AAPL","expiration":"2026-12-18"}"#;

fn call(token: &str) -> String {
    let meta = format!(r#"{{"progressToken":{token}}}"#);
    format!(
        r#"{{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{{"name":"get_option_chain_greeks","arguments":{ARGUMENTS},"_meta":{meta}}}}}"#
    )
}

fn step(done: u32, note: &str) -> Progress {
    Progress { done, total: 3, note: note.to_owned() }
}

#[tokio::test]
async fn who_gives_a_token_and_reads_streams_is_told_at_once_and_gets_the_answer_last() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    *script.steps.lock().expect("lock") = vec![step(1, "asking IB"), step(1, "still"), step(2, "reading")];
    *script.fault.lock().expect("lock") = Some(Fault::new(FaultCode::Rejected, "IB says no"));
    for token in ["\"t-1\"", "17"] {
        let mut stream = world.edge.stream("POST /mcp", &[BOTH], &call(token)).await;
        assert!(stream.head.starts_with("HTTP/1.0 200"), "{}", stream.head);
        let head = stream.head.to_ascii_lowercase();
        for line in ["content-type: text/event-stream", "cache-control: no-cache", "x-accel-buffering: no"] {
            assert!(head.contains(line), "{line} is not in {head}");
        }
        // The first word is here while the call is still under way.
        let token: Value = serde_json::from_str(token).expect("json");
        let first = json!({"jsonrpc": "2.0", "method": "notifications/progress",
            "params": {"progressToken": token, "progress": 1, "total": 3, "message": "asking IB"}});
        assert_eq!(stream.next().await.expect("an event").json(), first);
        // A word that is no progress is not passed on.
        script.go.open();
        script.go.open();
        let second = stream.next().await.expect("an event").json();
        assert_eq!(second["params"], json!({"progressToken": token, "progress": 2, "total": 3, "message": "reading"}));
        script.go.open();
        let answer = stream.next().await.expect("an event").json();
        assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!("1"), &json!(true)), "{answer}");
        assert_eq!(answer["result"]["_meta"]["ib-mesh/fault"]["message"], json!("IB says no"));
        assert_eq!(stream.next().await, None, "the answer ends the stream");
    }
}

#[tokio::test]
async fn whoever_did_not_ask_for_a_stream_gets_plain_json() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    *script.fault.lock().expect("lock") = Some(Fault::new(FaultCode::Rejected, "IB says no"));
    let without = super::client::call("get_option_chain_greeks", ARGUMENTS);
    for (accept, body) in [
        (BOTH, without.clone()),
        (BOTH, call("null")),
        (BOTH, call("1.5")),
        (BOTH, r#"{"jsonrpc":"2.0","id":"1","method":"tools/list","params":{"_meta":{"progressToken":1}}}"#.to_owned()),
        ("Accept: */*", call("1")),
        ("Accept: application/json", call("1")),
        ("Accept: text/event-stream;q=0, application/json", call("1")),
        ("Accept: application/json, text/event-stream;q=0.9", call("1")),
        ("X-None: 1", call("1")),
    ] {
        let said = world.edge.ask("POST /mcp", &[accept], &body).await;
        assert_eq!((said.status, &said.json()["id"]), (200, &json!("1")), "{accept}: {body}");
    }
    let batch = world.edge.ask("POST /mcp", &[BOTH], &format!("[{},{without}]", call("1"))).await;
    assert_eq!(batch.json().as_array().map(Vec::len), Some(2));
    let wrong = world.edge.ask("POST /mcp", &[BOTH, "MCP-Protocol-Version: 1999-01-01"], &call("1")).await;
    assert_eq!((wrong.status, &wrong.json()["error"]["code"]), (400, &json!(-32022)));
}

#[tokio::test]
async fn what_tells_no_progress_needs_no_stream() {
    let world = world().await;
    let summary = call("1").replace("get_option_chain_greeks", "get_account_summary").replace(ARGUMENTS, "{}");
    for accept in [BOTH, "Accept: text/event-stream"] {
        let said = world.edge.ask("POST /mcp", &[accept], &summary).await;
        assert_eq!(said.headers["content-type"], "application/json");
        assert_eq!(said.json()["result"]["structuredContent"]["accounts"][0]["account"], json!("DUSIM00001"));
        let said = world.edge.ask("POST /mcp", &[accept], &summary.replace("get_account_summary", "nope")).await;
        assert_eq!(said.json()["error"]["code"], json!(-32602));
    }
}

#[tokio::test]
async fn what_is_answered_at_once_has_a_stream_of_one_event() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    let mut stream = world.edge.stream("POST /mcp", &["Accept: text/event-stream"], &call("1")).await;
    let answer = stream.next().await.expect("an event").json();
    assert_eq!(answer["result"]["structuredContent"]["symbol"], json!("AAPL"), "{answer}");
    assert_eq!(stream.next().await, None);
    let bad = call("1").replace("2026-12-18", "soon");
    let mut stream = world.edge.stream("POST /mcp", &["Accept: text/event-stream"], &bad).await;
    assert_eq!(stream.next().await.expect("an event").json()["result"]["isError"], json!(true));
    assert_eq!((stream.next().await, script.count()), (None, 1));
}

#[tokio::test]
async fn whoever_closes_the_stream_ends_the_call() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    *script.steps.lock().expect("lock") = vec![step(1, "asking IB")];
    let mut stream = world.edge.stream("POST /mcp", &[BOTH], &call("1")).await;
    assert_eq!(stream.next().await.expect("an event").json()["params"]["progress"], json!(1));
    drop(stream);
    timeout(PATIENCE, script.dropped.notified()).await.expect("the service stops");
    let idle = async {
        while world.edge.edge.metrics.calls_in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, idle).await.expect("the edge forgets the call");
    assert_eq!(script.count(), 1, "nobody was asked twice");
}
