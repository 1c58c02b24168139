use super::*;

/// How a body reads: `request <id> <method> <params>`, `notification <method>`, `response`, or `<code> <id>`.
fn told(message: &Message<'_>) -> String {
    match message {
        Message::Request(r) => format!("request {} {} {}", r.id.as_json(), r.method, r.params.map_or("-", RawValue::get)),
        Message::Notification { method, .. } => format!("notification {method}"),
        Message::Response { .. } => "response".to_owned(),
        Message::Invalid(id, problem) => format!("{} {}", problem.code, id.map_or("null", Id::as_json)),
    }
}

fn read(body: &[u8]) -> String {
    match parse(body) {
        Ok(Input::One(message)) => told(&message),
        Ok(Input::Batch(messages)) => format!("[{}]", messages.iter().map(told).collect::<Vec<_>>().join(", ")),
        Err(problem) => problem.code.to_string(),
    }
}

#[test]
fn every_shape_of_a_body() {
    let table: &[(&str, &str)] = &[
        // what must work
        (
            r#"{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"x","arguments":{}}}"#,
            r#"request "1" tools/call {"name":"x","arguments":{}}"#,
        ),
        (r#"{"method":"ping","id":0,"jsonrpc":"2.0"}"#, "request 0 ping -"),
        (r#" { "jsonrpc" : "2.0" , "id" : -1.5e3 , "method" : "ping" , "params" : null } "#, "request -1.5e3 ping -"),
        (r#"{"jsonrpc":"2.0","id":"","method":"ping","later":{"a":[1]}}"#, r#"request "" ping -"#),
        ("\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n", "request 1 ping -"),
        (r#"{"jsonrpc":"2.0","id":9007199254740993,"method":"pi\u006eg"}"#, "request 9007199254740993 ping -"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#, "request 1 ping [1]"),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "notification notifications/initialized"),
        (r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, "response"),
        (r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"m"}}"#, "response"),
        // not JSON
        ("", "-32700"),
        ("  \n", "-32700"),
        ("{", "-32700"),
        ("nonsense", "-32700"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}}"#, "-32700"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0"}"#, "-32700"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping",}"#, "-32700"),
        (r#"{'jsonrpc':'2.0'}"#, "-32700"),
        (r#"{"jsonrpc":"2.0","id":01,"method":"ping"}"#, "-32700"),
        ("name=get_positions&x=1", "-32700"),
        ("[1,2", "-32700"),
        // JSON, but no message
        ("1", "-32600 null"),
        ("null", "-32600 null"),
        ("\"ping\"", "-32600 null"),
        ("{}", "-32600 null"),
        (r#"{"id":1,"method":"ping"}"#, "-32600 1"),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, "-32600 1"),
        (r#"{"jsonrpc":"1.0","id":"a","method":"ping"}"#, r#"-32600 "a""#),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "-32600 null"),
        (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, "-32600 null"),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, "-32600 null"),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, "-32600 null"),
        (r#"{"jsonrpc":"2.0","id":1}"#, "-32600 1"),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, "-32600 1"),
        (r#"{"jsonrpc":"2.0","id":1,"method":null}"#, "-32600 1"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, "-32600 1"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}"#, "-32600 1"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":7}"#, "-32600 1"),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, "-32600 null"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, "-32600 null"),
        // batches
        ("[]", "-32600"),
        (" [ ] ", "-32600"),
        ("[1,[],{}]", "[-32600 null, -32600 null, -32600 null]"),
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":null,"method":"x"}]"#,
            "[request 1 ping -, notification n, -32600 null]",
        ),
    ];
    for (body, expected) in table {
        assert_eq!(&read(body.as_bytes()), expected, "{body}");
    }
}

#[test]
fn bytes_that_are_no_text_are_a_parse_error() {
    assert_eq!(read(b"\xff\xfe{\0}\0"), "-32700");
    assert_eq!(read(b"{\"jsonrpc\":\"2.0\",\"id\":\"\xc3\x28\",\"method\":\"ping\"}"), "-32700");
}

#[test]
fn a_nesting_bomb_is_answered() {
    let deep = 1_000_000;
    let arrays = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    assert_eq!(read(arrays.as_bytes()), "[-32600 null]");
    assert_eq!(read("[".repeat(deep).as_bytes()), "-32700");
    assert_eq!(read("{\"a\":".repeat(deep).as_bytes()), "-32700");
    let params = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"a":{arrays}}}}}"#);
    assert!(read(params.as_bytes()).starts_with("request 1 m"));
}

#[test]
fn an_id_has_a_length() {
    let body = |len: usize| format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(len));
    assert!(read(body(ID_BYTES_MAX - 2).as_bytes()).starts_with("request"));
    assert_eq!(read(body(ID_BYTES_MAX - 1).as_bytes()), "-32600 null");
}

#[test]
fn a_batch_has_a_length() {
    let batch = |len: usize| format!("[{}]", vec![r#"{"jsonrpc":"2.0","method":"n"}"#; len].join(","));
    assert_eq!(read(batch(BATCH_MAX).as_bytes()).matches("notification").count(), BATCH_MAX);
    for len in [BATCH_MAX + 1, 10_000] {
        let Err(problem) = parse(batch(len).as_bytes()) else { panic!("{len} messages were taken") };
        assert_eq!(problem.code, INVALID_REQUEST);
        assert!(problem.message.contains(&len.to_string()) && problem.message.contains("64"), "{}", problem.message);
    }
    assert_eq!(read(format!("[{}", "1,".repeat(100)).as_bytes()), "-32700", "what follows the limit is still read");
}

#[test]
fn answers_are_json_and_keep_the_id_as_it_came() {
    for id in ["1", "-1.5e3", r#""\u0041 \"b\"""#, "9007199254740993"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let Ok(Input::One(Message::Request(request))) = parse(body.as_bytes()) else { panic!("{body}") };
        assert_eq!(result(request.id, b"{}"), format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#).into_bytes());
        let told = error(Some(request.id), &Problem::invalid_params("a \"b\"\n").data(serde_json::json!({"k": 1})));
        assert_eq!(
            String::from_utf8(told).expect("utf-8"),
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32602,"message":"a \"b\"\n","data":{{"k":1}}}}}}"#)
        );
    }
    assert_eq!(error(None, &Problem::new(PARSE_ERROR, "m")), br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}"#);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        read(&body);
    }

    #[test]
    fn no_json_like_text_makes_it_panic(body in r#"[\[\]{}":,0-9a-z\\ ]{0,80}"#) {
        read(body.as_bytes());
        read(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{body}}}"#).as_bytes());
    }
}
