//! Asking the person behind a client, in both ways, and what cannot be forged about it.

use serde_json::{Value, json};

use super::{Running, modern::body, push::BOTH, start, world::world};

const ADMIN: [(&str, &str); 2] = [("EDGE_PROFILE", "admin"), ("EDGE_CONFORMANCE", "true")];

async fn logout(edge: &Running, more: Value) -> Value {
    let mut params = json!({ "name": "gateway_logout", "arguments": {} });
    if let (Some(params), Some(more)) = (params.as_object_mut(), more.as_object()) {
        params.extend(more.clone());
    }
    edge.modern("tools/call", params, json!({ "elicitation": {} })).await.json()
}

fn yes(state: &Value) -> Value {
    json!({ "requestState": state, "inputResponses": { "confirm": { "action": "accept", "content": { "confirm": true } } } })
}

/// There is no NATS: so far comes who was let through.
fn was_done(answer: &Value) -> bool {
    answer["result"]["_meta"]["ib-mesh/fault"]["code"] == json!("no_worker")
}

#[tokio::test]
async fn what_takes_the_gateway_away_is_confirmed_once() {
    let edge = start(&ADMIN).await;
    let asked = logout(&edge, json!({})).await;
    let result = &asked["result"];
    assert_eq!(
        (&result["resultType"], &result["inputRequests"]["confirm"]["method"]),
        (&json!("input_required"), &json!("elicitation/create"))
    );
    assert!(result["_meta"]["io.modelcontextprotocol/serverInfo"].is_object() && result.get("isError").is_none());
    let state = result["requestState"].clone();

    // Without an answer it is asked again; a no is a no; neither can a state be made up.
    let again = logout(&edge, json!({ "requestState": state })).await;
    assert_eq!(again["result"]["resultType"], json!("input_required"));
    let fresh = again["result"]["requestState"].clone();
    for word in [
        json!({ "action": "decline" }),
        json!({ "action": "cancel" }),
        json!({ "action": "accept" }),
        json!(12345),
        json!({ "action": "accept", "content": { "confirm": "true" } }),
    ] {
        let state = logout(&edge, json!({})).await["result"]["requestState"].clone();
        let said = logout(&edge, json!({ "requestState": state, "inputResponses": { "confirm": word } })).await;
        assert_eq!(said["result"]["_meta"]["ib-mesh/fault"]["code"], json!("cancelled"), "{said}");
    }
    for forged in [json!("AAAA"), json!(""), json!(format!("{}-TAMPERED", fresh.as_str().expect("text")))] {
        assert_eq!(logout(&edge, yes(&forged)).await["error"]["code"], json!(-32602), "{forged}");
    }
    for malformed in [json!({ "inputResponses": null }), json!({ "inputResponses": 7 }), json!({ "requestState": 7 })] {
        assert_eq!(logout(&edge, malformed.clone()).await["error"]["code"], json!(-32602), "{malformed}");
    }
    // A yes alone, to a question that was not asked, asks.
    let unasked = logout(&edge, json!({ "inputResponses": { "confirm": { "action": "accept", "content": { "confirm": true } } } })).await;
    assert_eq!(unasked["result"]["resultType"], json!("input_required"));
    // Given for another tool.
    let other = json!({ "name": "test_input_required_result_request_state", "arguments": {} });
    let other = edge.modern("tools/call", other, json!({ "elicitation": {} })).await.json()["result"]["requestState"].clone();
    assert_eq!(logout(&edge, yes(&other)).await["error"]["code"], json!(-32602));

    assert!(was_done(&logout(&edge, yes(&fresh)).await));
    let replayed = logout(&edge, yes(&fresh)).await;
    assert_eq!(replayed["error"]["code"], json!(-32602));
    assert!(
        replayed["error"]["message"].as_str().is_some_and(|text| text.contains("used already") && text.contains("call again")),
        "{replayed}"
    );
    // Another edge, or this one after a restart, has another key.
    assert_eq!(logout(&start(&ADMIN).await, yes(&state)).await["error"]["code"], json!(-32602));
}

#[tokio::test]
async fn who_cannot_be_asked_is_not() {
    let edge = start(&ADMIN).await;
    let call = json!({ "name": "gateway_logout", "arguments": {} });
    assert!(was_done(&edge.modern("tools/call", call.clone(), json!({ "elicitation": { "url": {} }, "sampling": {} })).await.json()));
    assert!(was_done(&edge.mcp(&body("tools/call", &call)).await.json()));
    let session = edge.session(json!({})).await;
    assert!(was_done(&edge.in_session(&session, "tools/call", call.clone()).await.json()));
    // A session whose client reads no stream at this call.
    let session = edge.session(json!({ "elicitation": {} })).await;
    assert!(was_done(&edge.ask("POST /mcp", &[&session], &body("tools/call", &call)).await.json()));
    // What ends nothing is not asked about.
    let status = edge.modern("tools/call", json!({ "name": "gateway_login", "arguments": {} }), json!({ "elicitation": {} })).await.json();
    assert!(was_done(&status), "{status}");
}

#[tokio::test]
async fn a_session_is_asked_over_the_stream_of_its_call() {
    let edge = start(&ADMIN).await;
    let session = edge.session(json!({ "elicitation": {} })).await;
    let stranger = edge.session(json!({ "elicitation": {} })).await;
    let call = body("tools/call", &json!({ "name": "gateway_logout", "arguments": {} }));
    for (content, done) in [(json!({ "confirm": true }), true), (json!({ "confirm": false }), false)] {
        let mut stream = edge.stream("POST /mcp", &[BOTH, &session], &call).await;
        let request = stream.next().await.expect("a question").json();
        assert_eq!((&request["method"], &request["params"]["mode"]), (&json!("elicitation/create"), &json!("form")));
        let answer = |result: Value| json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }).to_string();
        let accept = answer(json!({ "action": "accept", "content": { "confirm": true } }));
        // Another session's word, and one without a session, count for nothing.
        for lines in [vec![BOTH, &stranger], vec![BOTH]] {
            assert_eq!(edge.ask("POST /mcp", &lines, &accept).await.status, 202);
        }
        let own = answer(json!({ "action": "accept", "content": content }));
        assert_eq!(edge.ask("POST /mcp", &[BOTH, &session], &own).await.status, 202);
        let answer = stream.next().await.expect("the answer").json();
        assert_eq!((was_done(&answer), stream.next().await), (done, None), "{answer}");
    }
}

#[tokio::test]
async fn within_a_session_any_id_cancels() {
    let world = world().await;
    let session = world.edge.session(json!({})).await;
    let (edge, call) = (&world.edge, body("tools/call", &json!({ "name": "search_contracts", "arguments": { "pattern": "apple" } })));
    let lines = [BOTH, session.as_str()];
    let calling = edge.ask("POST /mcp", &lines, &call);
    let cancelling = async {
        tokio::time::timeout(super::PATIENCE, world.script.begun.notified()).await.expect("the call arrives");
        let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } }).to_string();
        // The same id from elsewhere is another call's.
        assert_eq!(edge.mcp(&cancel).await.status, 202);
        assert_eq!(edge.metrics_in_flight(), 1);
        assert_eq!(edge.ask("POST /mcp", &[BOTH, &session], &cancel).await.status, 202);
    };
    let (said, ()) = tokio::join!(calling, cancelling);
    assert_eq!(said.json()["result"]["_meta"]["ib-mesh/fault"]["code"], json!("cancelled"));
    world.dropped().await;
}

impl Running {
    fn metrics_in_flight(&self) -> u32 {
        self.edge.metrics.calls_in_flight()
    }
}
