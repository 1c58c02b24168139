use super::*;

fn read(text: &str) -> Message {
    Message::read(text.as_bytes())
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("json")
}

#[test]
fn a_message_is_read_as_far_as_the_head_repeats_it() {
    let call = read(
        r#"{"jsonrpc":"2.0","id":"a\u0062","method":"tools/call","params":{"name":"get_positions","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
    );
    assert_eq!(call.id.as_deref(), Some(r#""a\u0062""#), "the very bytes");
    assert_eq!((call.version.as_deref(), call.name.as_deref()), (Some("2026-07-28"), Some("get_positions")));
    assert!(call.is_request() && call.is("tools/call"));
    let read_it = read(r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"ibkr://health"}}"#);
    assert_eq!(read_it.header_name().as_deref(), Some("ibkr://health"));
    let cancel = read(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#);
    assert_eq!((cancel.cancels.as_deref(), cancel.is_request()), (Some("7"), false));
    assert!(read(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#).answers("7"));
    assert!(!read(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#).answers("7"));
    for strange in ["", "[]", "{", "7", r#"[{"id":1}]"#, r#"{"id":1,"id":2}"#, r#"{"id":1,"method":7}"#] {
        assert!(!read(strange).is_request(), "{strange}");
    }
}

#[test]
fn a_name_that_no_header_can_carry_is_encoded() {
    let named = |name: &str| Message { method: Some("tools/call".to_owned()), name: Some(name.to_owned()), ..Message::default() };
    for (name, header) in [
        ("get_quote", "get_quote"),
        ("a b", "a b"),
        (" a", "=?base64?IGE=?="),
        ("größe", "=?base64?Z3LDtsOfZQ==?="),
        ("a\r\nX: y", "=?base64?YQ0KWDogeQ==?="),
        ("=?base64?x", "=?base64?PT9iYXNlNjQ/eA==?="),
        ("", ""),
    ] {
        assert_eq!(named(name).header_name().as_deref(), Some(header), "{name:?}");
    }
    assert_eq!(Message { method: Some("ping".to_owned()), name: Some("x".to_owned()), ..Message::default() }.header_name(), None);
}

#[test]
fn a_refusal_answers_the_request() {
    let own = br#"{"jsonrpc":"2.0","id":5,"error":{"code":-32020,"message":"m"}}"#;
    assert_eq!(refusal("5", 400, own), own);
    let nobodys = br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m","data":{"a":1}}}"#;
    assert_eq!(
        parsed(&refusal("5", 400, nobodys)),
        json!({"jsonrpc": "2.0", "id": 5, "error": {"code": -32700, "message": "m", "data": {"a": 1}}})
    );
    let fault = br#"{"error":{"code":"unauthorized","message":"no token","hint":"send one"}}"#;
    let said = parsed(&refusal("\"x\"", 401, fault));
    assert_eq!(
        (&said["id"], &said["error"]["code"], &said["error"]["data"]["code"]),
        (&json!("x"), &json!(-32603), &json!("unauthorized"))
    );
    let text = said["error"]["message"].as_str().expect("text");
    assert!(text.contains("no token; send one") && text.contains("IBMESH_TOKEN"), "{text}");
    assert!(parsed(&refusal("1", 502, b"<html>"))["error"]["message"].as_str().expect("text").contains("502"));
}
