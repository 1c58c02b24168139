//! Clients that mean no good: too many, too large, too slow, or deaf.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    modern::{body, headers, with_meta},
    push::BOTH,
    start,
};

#[tokio::test]
async fn ten_thousand_sessions_are_a_few() {
    let edge = start(&[("EDGE_RATE_PER_S", "0")]).await;
    let initialize = body("initialize", &json!({ "protocolVersion": "2025-11-25", "capabilities": {} }));
    let request =
        format!("POST /mcp HTTP/1.1\r\nHost: {}\r\n{BOTH}\r\nContent-Length: {}\r\n\r\n{initialize}", edge.address, initialize.len());
    let (mut reader, mut writer) = edge.connect().await.into_split();
    let writing = async {
        for _ in 0..10_000 {
            writer.write_all(request.as_bytes()).await.expect("sent");
        }
    };
    let reading = async {
        let (mut seen, mut piece) = (0, vec![0; 256 * 1024]);
        let mut rest = Vec::new();
        while seen < 10_000 {
            let read = reader.read(&mut piece).await.expect("an answer");
            assert_ne!(read, 0, "the edge stays");
            rest.extend_from_slice(&piece[..read]);
            let needle = b"mcp-session-id: ";
            seen += rest.windows(needle.len()).filter(|window| window == needle).count();
            // What may be the beginning of the next one.
            rest.drain(..rest.len() - rest.len().min(needle.len() - 1));
        }
    };
    tokio::time::timeout(super::PATIENCE * 3, async { tokio::join!(writing, reading) }).await.expect("in time");
    assert!(edge.edge.sessions.count() <= 256, "{}", edge.edge.sessions.count());
    // The newest still works.
    let session = edge.session(json!({})).await;
    assert_eq!(edge.in_session(&session, "resources/subscribe", json!({ "uri": "ibkr://health" })).await.status, 200);
}

#[tokio::test]
async fn streams_that_nobody_reads_cost_their_place() {
    let edge = start(&[("EDGE_RATE_PER_S", "0")]).await;
    let params = with_meta(json!({ "notifications": { "toolsListChanged": true, "resourceSubscriptions": ["ibkr://health"] } }), json!({}));
    let lines = headers("subscriptions/listen", &params).join("\r\n");
    let text = body("subscriptions/listen", &params);
    let request = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\n{lines}\r\nContent-Length: {}\r\n\r\n{text}", edge.address, text.len());
    let mut deaf = Vec::new();
    for _ in 0..crate::edge::STREAMS_MAX {
        let mut stream = edge.connect().await;
        stream.write_all(request.as_bytes()).await.expect("sent");
        deaf.push(stream);
    }
    let full = async {
        while edge.edge.streams.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, full).await.expect("all are open");
    for _ in 0..100_000 {
        edge.edge.hub.updated("ibkr://health");
    }
    let one_more = edge.ask("POST /mcp", &lines.split("\r\n").collect::<Vec<_>>(), &text).await;
    assert_eq!((one_more.status, &one_more.json()["error"]["code"]), (503, &json!("busy")));
    assert_eq!(edge.mcp(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await.status, 200, "calls need no stream");
    drop(deaf);
    let idle = async {
        while edge.edge.streams.available_permits() < crate::edge::STREAMS_MAX {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, idle).await.expect("who hangs up makes room");
    assert!(edge.edge.hub.watched().borrow().is_empty());
}

#[tokio::test]
async fn headers_beyond_all_measure_are_refused() {
    let edge = start(&[]).await;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let many = edge.ask("POST /mcp", &["X-A: 1\r\n".repeat(200).trim_end()], ping).await;
    assert_eq!(many.status, 431, "more headers than anybody sends");
    // The edge stops reading, so whoever still writes may be cut off before it reads why.
    let mut stream = edge.connect().await;
    let large = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nMcp-Name: {}\r\n\r\n", edge.address, "x".repeat(1024 * 1024));
    let mut answer = Vec::new();
    if stream.write_all(large.as_bytes()).await.is_ok() && stream.read_to_end(&mut answer).await.is_ok() {
        assert!(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 431"), "{}", answer.len());
    }
    let session = format!("Mcp-Session-Id: {}", "f".repeat(30_000));
    assert_eq!(edge.in_session(&session, "ping", json!({})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_dribbles_is_given_up() {
    let edge = start(&[]).await;
    let mut stream = edge.connect().await;
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000\r\n\r\n{{\"jsonrpc\"", edge.address);
    stream.write_all(head.as_bytes()).await.expect("sent");
    let before = tokio::time::Instant::now();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("-32600"), "{answer}");
    assert_eq!(before.elapsed().as_secs(), 30);
}
