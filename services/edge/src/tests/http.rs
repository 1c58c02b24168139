//! Routes, limits, and who may call.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{PATIENCE, client::call, start};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[tokio::test]
async fn every_door_of_the_predecessors() {
    let edge = start(&[]).await;
    for path in ["/mcp", "/mcp/", "/api/v1/mcp", "/api/v1/mcp/", "/ib/mcp", "/ib/mcp/", "/paper/mcp", "/mcp?x=1"] {
        let said = edge.ask(&format!("POST {path}"), &[], PING).await;
        assert_eq!((said.status, said.json()["id"].clone()), (200, json!(1)), "{path}");
    }
    for path in ["/health", "/api/v1/health"] {
        let said = edge.get(path).await;
        assert_eq!((said.status, said.json()["status"].clone()), (503, json!("unhealthy")), "{path}");
        assert_eq!(said.json()["nats_connected"], json!(false));
    }
}

#[tokio::test]
async fn what_is_not_there_says_where_to_go() {
    let edge = start(&[]).await;
    // line, status, code, what the error names
    for (line, status, code, names) in [
        ("GET /", 404, "not_found", "/api/v1/mcp"),
        ("GET /api/v1", 404, "not_found", "/api/v1/mcp"),
        ("POST /nope", 404, "not_found", "/mcp"),
        ("GET /%ff/%2e", 404, "not_found", "/health"),
        ("POST /live/mcp", 404, "not_found", "/paper/mcp"),
        ("POST /%ff/mcp", 404, "not_found", "paper"),
        ("GET /mcp", 405, "unsupported", "POST"),
        ("PUT /api/v1/mcp", 405, "unsupported", "POST"),
        ("POST /health", 405, "unsupported", "GET"),
        ("POST /metrics", 405, "unsupported", "GET"),
    ] {
        let said = edge.ask(line, &[], "").await;
        assert_eq!((said.status, said.json()["error"]["code"].clone()), (status, json!(code)), "{line}");
        assert!(said.body.contains(names), "{line}: {}", said.body);
        assert_eq!(said.headers.contains_key("allow"), status == 405, "{line}");
    }
    let stream = edge.get("/mcp").await;
    assert!(stream.headers["allow"].contains("POST"));
    let session = edge.ask("DELETE /mcp", &[], "").await;
    assert_eq!((session.status, session.json()), (200, json!({})));
}

#[tokio::test]
async fn paths_that_coincide_are_one_path() {
    let edge = start(&[("EDGE_API_PREFIX", "/ib"), ("IB_GATEWAY", "ib")]).await;
    assert_eq!(edge.ask("POST /ib/mcp", &[], PING).await.status, 200);
    let edge = start(&[("EDGE_API_PREFIX", "/mcp"), ("IB_GATEWAY", "mcp")]).await;
    assert_eq!(edge.ask("POST /mcp/mcp", &[], PING).await.status, 200);
    assert_eq!(edge.ask("POST /mcp", &[], PING).await.status, 200);
}

#[tokio::test]
async fn operators_routes() {
    let edge = start(&[]).await;
    assert_eq!(edge.get("/live").await.status, 200);
    assert_eq!(edge.get("/ready").await.status, 503, "NATS has not been reached");
    edge.mcp(PING).await;
    edge.call("get_account_summary", "{}").await;
    edge.mcp("{").await;
    let metrics = edge.get("/metrics").await.body;
    for line in [
        r#"ibmesh_edge_tool_calls_total{tool="get_account_summary",outcome="no_worker"} 1"#,
        r#"ibmesh_edge_tool_call_seconds_count{tool="get_account_summary"} 1"#,
        "ibmesh_edge_protocol_errors_total 1",
        "ibmesh_edge_calls_in_flight 0",
        "ibmesh_edge_breaker_state 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn a_body_of_five_mebibytes_is_answered() {
    let edge = start(&[]).await;
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":"{}"}}}}"#, "x".repeat(5 * 1024 * 1024));
    let said = edge.mcp(&body).await;
    let json = said.json();
    assert_eq!((said.status, &json["error"]["code"], &json["id"]), (413, &json!(-32600), &json!(null)));
    assert!(said.body.contains("4 MiB"), "{}", said.body);

    // Its length is not known before.
    let mut chunked =
        format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n", edge.address).into_bytes();
    for part in body.as_bytes().chunks(100_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(edge.raw(&chunked).await.status, 413);

    // curl asks first; the answer comes before the body.
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5242880\r\n\r\n",
        edge.address
    );
    assert_eq!(edge.raw(head.as_bytes()).await.status, 413);

    let largest = format!("{PING}{}", " ".repeat(4 * 1024 * 1024 - PING.len()));
    assert_eq!(edge.mcp(&largest).await.status, 200);
    assert_eq!(edge.mcp(&format!("{largest} ")).await.status, 413);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let edge = start(&[]).await;
    let mut stream = edge.connect().await;
    for body in [PING, "{", PING] {
        let request = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}", edge.address, body.len());
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = vec![0; 4_096];
        let read = timeout(PATIENCE, stream.read(&mut answer)).await.expect("in time").expect("an answer");
        assert!(String::from_utf8_lossy(&answer[..read]).contains(r#""jsonrpc":"2.0""#));
    }
}

#[tokio::test]
async fn strangers_pages_are_refused() {
    let edge = start(&[("EDGE_ALLOWED_ORIGINS", "https://app.example"), ("EDGE_ALLOWED_HOSTS", "mesh.example")]).await;
    for (headers, status) in [
        (vec!["Host: localhost"], 200),
        (vec!["Host: mesh.example:443"], 200),
        (vec!["Host: evil.example.com"], 403),
        (vec!["Host: localhost:1", "Origin: http://localhost:1"], 200),
        (vec!["Host: localhost:1", "Origin: https://app.example"], 200),
        (vec!["Host: localhost:1", "Origin: http://localhost:2"], 403),
        (vec!["Host: localhost:1", "Origin: http://evil.example.com"], 403),
        (vec!["Host: localhost:1", "Origin: null"], 403),
    ] {
        let said = edge.ask("POST /mcp", &headers, PING).await;
        assert_eq!(said.status, status, "{headers:?}");
        if status == 403 {
            let error = &said.json()["error"];
            assert_eq!(error["code"], json!("forbidden"));
            assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("EDGE_ALLOWED_")), "{error}");
        }
        let origin = headers.iter().find_map(|header| header.strip_prefix("Origin: ")).filter(|_| status == 200);
        assert_eq!(said.headers.get("access-control-allow-origin").map(String::as_str), origin, "{headers:?}");
    }
    for path in ["/health", "/metrics", "/nope"] {
        assert_eq!(edge.ask(&format!("GET {path}"), &["Host: evil.example.com"], "").await.status, 403, "{path}");
    }
    assert_eq!(edge.ask("GET /live", &["Host: 10.1.2.3"], "").await.status, 200, "a probe names the address of its pod");
}

#[tokio::test]
async fn a_preflight_of_an_allowed_page() {
    let edge = start(&[("EDGE_ALLOWED_ORIGINS", "https://app.example")]).await;
    let asks = ["Origin: https://app.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type"];
    let said = edge.ask("OPTIONS /mcp", &asks, "").await;
    assert_eq!((said.status, said.body.as_str()), (204, ""));
    assert_eq!(said.headers["access-control-allow-origin"], "https://app.example");
    assert!(said.headers["access-control-allow-methods"].contains("POST"));
    assert!(said.headers["access-control-allow-headers"].contains("Content-Type"));
    assert_eq!(said.headers["vary"], "Origin");
    assert_eq!(edge.ask("OPTIONS /mcp", &["Origin: https://evil.example"], "").await.status, 403);
    assert_eq!(edge.ask("OPTIONS /mcp", &[], "").await.status, 204);
}

#[tokio::test]
async fn options_names_the_methods_of_the_path() {
    let edge = start(&[]).await;
    for (path, allowed) in [
        ("/health", "GET, HEAD, OPTIONS"),
        ("/metrics", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/api/v1/gateway/status", "GET, OPTIONS"),
        ("/gateway/logout", "POST, OPTIONS"),
        ("/gateway/events", "GET, OPTIONS"),
    ] {
        let said = edge.ask(&format!("OPTIONS {path}"), &[], "").await;
        assert_eq!((said.status, said.headers["allow"].as_str()), (204, allowed), "{path}");
    }
}

#[tokio::test]
async fn the_document_is_served_with_and_without_the_prefix() {
    let edge = start(&[("EDGE_API_PREFIX", "/x")]).await;
    for path in ["/openapi.json", "/x/openapi.json"] {
        let said = edge.get(path).await;
        assert_eq!((said.status, said.headers["content-type"].as_str()), (200, "application/json"), "{path}");
        let document = said.json();
        assert_eq!((&document["openapi"], &document["servers"][1]["url"]), (&json!("3.1.0"), &json!("/x")), "{path}");
    }
    assert_eq!(edge.ask("POST /openapi.json", &[], "").await.status, 405);
}

#[tokio::test]
async fn a_request_under_way_outlives_the_shutdown_and_no_new_one_begins() {
    let edge = start(&[]).await;
    let mut stream = edge.connect().await;
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n", edge.address, PING.len());
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(&PING.as_bytes()[..5]).await.expect("sent");
    // Answered on a later connection, so the first one's head has been read.
    assert_eq!(edge.mcp(PING).await.status, 200);
    edge.shutdown.cancel();
    let closed = async {
        while tokio::net::TcpStream::connect(edge.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, closed).await.expect("the listener is closed");
    stream.write_all(&PING.as_bytes()[5..]).await.expect("sent");
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("in time").expect("an answer");
    assert!(String::from_utf8_lossy(&answer).contains(r#""result":{}"#));
    timeout(PATIENCE, edge.server).await.expect("the drain ends").expect("no panic");
}

#[tokio::test]
async fn a_panic_is_answered_too() {
    let edge = start(&[]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let router = axum::Router::new().route("/boom", axum::routing::any(async || -> &'static str { panic!("on purpose") }));
    let front = crate::http::Front::new(std::sync::Arc::clone(&edge.edge), router);
    let server = tokio::spawn(crate::listen::serve(listener, front, edge.shutdown.clone()));
    let panicking = super::Running { address, ..edge };
    let said = panicking.get("/boom").await;
    assert_eq!((said.status, said.json()["error"]["code"].clone()), (500, json!("internal")));
    server.abort();
}

#[tokio::test]
async fn one_call_too_many_is_told_so() {
    let edge = start(&[]).await;
    let limit = u32::try_from(crate::edge::CALLS_MAX).expect("small");
    let all = edge.edge.calls.try_acquire_many(limit).expect("idle");
    let fault = edge.mcp(&call("get_positions", "{}")).await.json()["result"]["_meta"]["ib-mesh/fault"].clone();
    assert_eq!((&fault["code"], &fault["retry"]), (&json!("busy"), &json!("after")));
    drop(all);
}
