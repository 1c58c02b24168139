//! The answer of `tools/call`: one buffer, written once.
//!
//! Invariants: `structuredContent` is the service's own bytes, verbatim; a failed tool carries none (its content would
//! not fit the tool's `outputSchema`).

use bus::Reply;
use schemas::{Fault, RequestId};

use crate::{mcp::frame::Frame, rpc::write_json};

/// `_meta` keys; MCP 2025-06-18 "_meta" asks for a prefix.
const REQUEST_ID: &str = "ib-mesh/request_id";
const SERVED_BY: &str = "ib-mesh/served_by";
const CLIENT_ID: &str = "ib-mesh/client_id";
const QUEUE_MS: &str = "ib-mesh/queue_ms";
const WORK_MS: &str = "ib-mesh/work_ms";
const FAULT: &str = "ib-mesh/fault";
const CONTEXT: &str = "ib-mesh/context";

/// What is written around the payload, with room to spare.
const FRAME_BYTES: usize = 1_024;

/// A tool that worked. `reply.body` has been read by `Tool::render`, so it is known to be JSON.
pub(crate) fn success(frame: &Frame<'_>, request: &RequestId, text: &str, context: &impl serde::Serialize, reply: &Reply) -> Vec<u8> {
    // Escapes make a Markdown text a little longer: one byte a line.
    let mut out = Vec::with_capacity(reply.body.len() + text.len() + text.len() / 8 + FRAME_BYTES);
    frame.begin(&mut out);
    content(&mut out, text);
    out.extend_from_slice(br#","structuredContent":"#);
    out.extend_from_slice(&reply.body);
    out.extend_from_slice(br#","isError":false,"#);
    frame.begin_meta(&mut out);
    member(&mut out, REQUEST_ID, &request.to_string());
    optional(&mut out, SERVED_BY, reply.served_by.as_ref());
    optional(&mut out, CLIENT_ID, reply.client_id.as_ref());
    optional(&mut out, QUEUE_MS, reply.queue_ms.as_ref());
    optional(&mut out, WORK_MS, reply.work_ms.as_ref());
    member(&mut out, CONTEXT, context);
    out.extend_from_slice(b"}}}");
    out
}

/// A tool that failed: the text says what happened and what to do, `_meta` has the fault for programs.
pub(crate) fn failure(frame: &Frame<'_>, request: &RequestId, fault: &Fault) -> Vec<u8> {
    let text = tools::fault_text(fault);
    let mut out = Vec::with_capacity(2 * text.len() + FRAME_BYTES);
    frame.begin(&mut out);
    content(&mut out, &text);
    out.extend_from_slice(br#","isError":true,"#);
    frame.begin_meta(&mut out);
    member(&mut out, REQUEST_ID, &request.to_string());
    member(&mut out, FAULT, fault);
    out.extend_from_slice(b"}}}");
    out
}

/// `_meta` of an answer that is no tool's.
pub(crate) fn meta(request: &RequestId, reply: &Reply) -> serde_json::Value {
    let mut meta = serde_json::Map::from_iter([(REQUEST_ID.to_owned(), request.to_string().into())]);
    meta.extend(reply.served_by.as_ref().map(|id| (SERVED_BY.to_owned(), id.as_str().into())));
    meta.extend(reply.client_id.map(|id| (CLIENT_ID.to_owned(), id.into())));
    meta.into()
}

fn content(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(br#""content":[{"type":"text","text":"#);
    write_json(out, &text);
    out.extend_from_slice(b"}]");
}

fn optional<T: serde::Serialize>(out: &mut Vec<u8>, key: &str, value: Option<&T>) {
    if let Some(value) = value {
        member(out, key, value);
    }
}

fn member(out: &mut Vec<u8>, key: &str, value: &impl serde::Serialize) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    // Keys are ours and need no escapes.
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
    write_json(out, value);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use schemas::FaultCode;
    use serde_json::{Value, json};

    use super::*;
    use crate::rpc::{self, Id};

    fn reply(body: &'static [u8]) -> Reply {
        Reply {
            body: Bytes::from_static(body),
            served_by: Some("w\"1".to_owned()),
            client_id: Some(10),
            queue_ms: None,
            work_ms: Some(3),
            attempts: 1,
        }
    }

    fn with_id<T>(json: &str, run: impl FnOnce(Id<'_>) -> T) -> T {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{json},"method":"ping"}}"#);
        match rpc::parse(body.as_bytes()).expect("readable") {
            rpc::Input::One(rpc::Message::Request(request)) => run(request.id),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_services_bytes_are_passed_on_verbatim() {
        // Blanks, an exponent, a trailing zero and a key twice: each would be lost by reading and writing again.
        let body: &[u8] = b"{ \"a\":1.50, \"big\":1E3,\"a\":12345678901234567890 ,\"\\u0041\":\"\\/\"}";
        let context = json!({ "mode": "paper", "data_type": "account", "time": "2026-01-02T15:00:00Z", "time_zone": "UTC",
            "market_state": "open", "stale": false });
        let context: schemas::Context = serde_json::from_value(context).expect("a context");
        let text = "# T\n\"x\" \u{2028}";
        let out = with_id("\"1\"", |id| success(&Frame::plain(id), &RequestId::mint(), text, &context, &reply(body)));
        assert!(out.windows(body.len()).any(|window| window == body), "{}", String::from_utf8_lossy(&out));
        let json: Value = serde_json::from_slice(&out).expect("one JSON document");
        assert_eq!((&json["jsonrpc"], &json["id"]), (&json!("2.0"), &json!("1")));
        let result = &json["result"];
        assert_eq!(result["content"], json!([{ "type": "text", "text": text }]));
        assert_eq!(result["isError"], json!(false));
        assert_eq!(result["_meta"][CONTEXT]["mode"], json!("paper"));
        assert_eq!((&result["_meta"][SERVED_BY], &result["_meta"][CLIENT_ID]), (&json!("w\"1"), &json!(10)));
        assert!(result["_meta"].get(QUEUE_MS).is_none(), "what is not known is absent");
    }

    #[test]
    fn a_failed_tool_has_no_structured_content() {
        let fault = Fault::new(FaultCode::GatewayDown, "IB is \"away\"").hint("wait");
        let out = with_id("-7", |id| failure(&Frame::plain(id), &RequestId::mint(), &fault));
        let json: Value = serde_json::from_slice(&out).expect("one JSON document");
        assert_eq!(json["id"], json!(-7));
        assert_eq!(json["result"]["isError"], json!(true));
        assert!(json["result"].get("structuredContent").is_none());
        assert_eq!(json["result"]["_meta"][FAULT]["code"], json!("gateway_down"));
        assert!(json["result"]["content"][0]["text"].as_str().expect("text").contains("away"));
    }
}
