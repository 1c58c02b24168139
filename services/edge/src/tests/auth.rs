//! Who may call: tokens, rights, limits, and what an attacker would try.

use std::{
    fs,
    path::{Path, PathBuf},
};

use axum::http::{HeaderMap, Method, header::AUTHORIZATION};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{PATIENCE, client::call, process, start};
use crate::{
    Error,
    auth::{
        Asked,
        jwt_tests::{AUDIENCE, ISSUER},
    },
    edge::Edge,
    tokens::{self, Entry, Scopes, Secret},
};

pub(super) const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// A file of tokens.
struct Tokens {
    _dir: TempDir,
    path: PathBuf,
}

impl Tokens {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        Self { path: dir.path().join("tokens"), _dir: dir }
    }

    fn path(&self) -> &str {
        self.path.to_str().expect("UTF-8")
    }

    /// The header of a new token.
    fn add(&self, name: &str, scopes: &str) -> String {
        self.add_until(name, scopes, None)
    }

    fn add_until(&self, name: &str, scopes: &str, expires: Option<jiff::Timestamp>) -> String {
        let secret = Secret::mint().expect("random");
        let scopes = Scopes::parse(scopes).expect("scopes");
        let entry = Entry::new(name, scopes, &secret, jiff::Timestamp::UNIX_EPOCH, expires).expect("good");
        edit(&self.path, |entries| entries.push(entry));
        format!("Authorization: Bearer {}", secret.reveal())
    }

    fn revoke(&self, name: &str) {
        edit(&self.path, |entries| entries.retain(|entry| entry.name != name));
    }
}

fn edit(path: &Path, act: impl FnOnce(&mut Vec<Entry>)) {
    tokens::edit(path, |entries| {
        act(entries);
        Ok(())
    })
    .expect("written");
}

pub(super) fn names(listed: &Value) -> Vec<&str> {
    listed["result"]["tools"].as_array().expect("tools").iter().map(|tool| tool["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn every_path_but_probes_and_metadata_asks_for_a_token() {
    let tokens = Tokens::new();
    let good = tokens.add("desk", "mcp.read,mcp.trade,mcp.admin");
    let edge = start(&[("EDGE_TOKENS_FILE", tokens.path())]).await;
    for line in [
        "POST /mcp",
        "POST /mcp/",
        "GET /mcp",
        "DELETE /mcp",
        "POST /api/v1/mcp",
        "POST /paper/mcp",
        "POST /live/mcp",
        "GET /health",
        "GET /metrics",
        "GET /gateway/status",
        "GET /gateway/events",
        "POST /gateway/logout",
        "POST /restart-workers",
        "GET /options/quote/AAPL",
        "GET /nope",
        "GET /live/",
        "GET //live",
        "GET /LIVE",
        "GET /.well-known",
        "PUT /ready/x",
    ] {
        let said = edge.ask(line, &[], PING).await;
        let challenge = said.headers.get("www-authenticate").cloned().unwrap_or_default();
        assert_eq!((said.status, said.json()["error"]["code"].clone()), (401, json!("unauthorized")), "{line}");
        let path = line.split(' ').nth(1).filter(|path| path.contains("/mcp") && !path.contains("live")).unwrap_or_default();
        let metadata = format!("/.well-known/oauth-protected-resource{path}");
        assert_eq!(challenge, format!("Bearer scope=\"mcp.read\", resource_metadata=\"http://{}{metadata}\"", edge.address), "{line}");
        assert_eq!(edge.get(&metadata).await.status, 200, "{metadata}");
        assert_ne!(edge.ask(line, &[&good], PING).await.status, 401, "{line}");
    }
    for line in ["GET /live", "GET /ready", "GET /.well-known/oauth-protected-resource", "OPTIONS /mcp"] {
        assert_ne!(edge.ask(line, &[], "").await.status, 401, "{line}");
    }
    let evil = edge.ask("POST /mcp", &[&good, "Host: evil.example"], PING).await;
    assert_eq!(evil.status, 403, "a token does not make up for a strange host");
    let page = edge.ask("POST /mcp", &["Host: localhost", "Origin: http://localhost"], PING).await;
    assert_eq!((page.status, page.headers["access-control-allow-origin"].as_str()), (401, "http://localhost"));
    assert!(page.headers["access-control-expose-headers"].contains("WWW-Authenticate"));
}

#[tokio::test]
async fn what_is_no_good_token_is_told_so_and_opens_nothing() {
    let tokens = Tokens::new();
    let good = tokens.add("desk", "mcp.read");
    let expired = tokens.add_until("old", "mcp.read", Some("2020-01-01T00:00:00Z".parse().expect("a time")));
    let revoked = tokens.add("gone", "mcp.read");
    let edge = start(&[("EDGE_TOKENS_FILE", tokens.path())]).await;
    for (header, status) in [(&good, 200), (&expired, 401), (&revoked, 200)] {
        assert_eq!(edge.ask("POST /mcp", &[header], PING).await.status, status);
    }
    tokens.revoke("gone");
    let digest = fs::read_to_string(&tokens.path)
        .expect("there")
        .split_whitespace()
        .find(|part| part.starts_with("sha256:"))
        .expect("one")
        .to_owned();
    let text = good.strip_prefix("Authorization: Bearer ").expect("so made");
    for header in [
        revoked,
        expired,
        good.replace("Bearer", "Basic"),
        good.replace("Bearer", "Bearer Bearer"),
        good.replace("Authorization", "X-Authorization-Not"),
        good.replace("ibm_", "ibm-"),
        format!("{good}0"),
        good[..good.len() - 1].to_owned(),
        format!("Authorization: {text}"),
        format!("Authorization: Bearer {digest}"),
        "Authorization: Bearer ibm_".to_owned(),
        "Authorization: Bearer".to_owned(),
        "Authorization:".to_owned(),
        format!("Authorization: Bearer {}", "x".repeat(20_000)),
        format!("{good}\r\n{good}"),
    ] {
        let said = edge.ask("POST /mcp", &[&header], PING).await;
        assert_eq!(said.status, 401, "{header:.60}");
        assert!(!said.body.contains(&text[4..]), "{}", said.body);
    }
    for line in [format!("POST /mcp?access_token={text}"), format!("POST /mcp?token={text}")] {
        assert_eq!(edge.ask(&line, &[], PING).await.status, 401, "a token in the URL is none");
    }
    let said = edge.ask("POST /mcp", &["Authorization: Bearer ibm_wrong"], PING).await;
    assert!(said.headers["www-authenticate"].contains("error=\"invalid_token\""), "{said:?}");
    assert_eq!(edge.ask("POST /mcp", &[&good.replace("Bearer ", "bearer  ")], PING).await.status, 200);
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let tokens = Tokens::new();
    let (reads, admin) = (tokens.add("reads", "mcp.read"), tokens.add("admin", "mcp.admin"));
    let approves = tokens.add("approves", "trade.approve");
    let edge = start(&[("EDGE_TOKENS_FILE", tokens.path()), ("EDGE_PROFILE", "admin"), ("EDGE_TOOLSETS", "core,admin")]).await;
    let tool = |name: &str| call(name, "{}");
    let (summary, login) = (tool("get_account_summary"), tool("gateway_login"));
    for (header, line, body, lacks) in [
        (&reads, "POST /mcp", summary.as_str(), None),
        (&reads, "POST /mcp", login.as_str(), Some("mcp.admin")),
        (&admin, "POST /mcp", login.as_str(), None),
        (&admin, "POST /mcp", summary.as_str(), Some("mcp.read")),
        (&approves, "POST /mcp", summary.as_str(), Some("mcp.read")),
        (&approves, "POST /mcp", PING, None),
        (&approves, "POST /mcp", r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{}}"#, Some("mcp.read")),
        (&reads, "GET /health", "", None),
        (&admin, "GET /health", "", Some("mcp.read")),
        (&reads, "POST /gateway/logout", "", Some("mcp.admin")),
        (&reads, "POST /api/v1/gateway/ensure-ready", "", Some("mcp.admin")),
        (&reads, "POST /restart-workers/", "", Some("mcp.admin")),
        (&admin, "POST /restart-workers", "", None),
    ] {
        let said = edge.ask(line, &[header], body).await;
        let challenge = said.headers.get("www-authenticate").map(String::as_str);
        assert_eq!(said.status == 403, lacks.is_some(), "{line} {body}: {said:?}");
        if let Some(scope) = lacks {
            let challenge = challenge.expect("a challenge");
            assert!(challenge.contains(&format!("error=\"insufficient_scope\", scope=\"{scope}\"")), "{challenge}");
            assert!(said.body.contains(scope) && said.body.contains("forbidden"), "{}", said.body);
        }
    }
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    for (header, has, lacks) in [(&reads, "get_account_summary", "gateway_login"), (&admin, "gateway_login", "get_account_summary")] {
        let listed = edge.ask("POST /mcp", &[header], list).await.json();
        let names = names(&listed);
        assert!(names.contains(&has) && !names.contains(&lacks), "{names:?}");
    }
    assert!(names(&edge.ask("POST /mcp", &[&approves], list).await.json()).is_empty());
    let batch = edge.ask("POST /mcp", &[&reads], &format!("[{PING},{login}]")).await.json();
    assert_eq!((&batch[0]["result"], &batch[1]["error"]["data"]["code"]), (&json!({}), &json!("forbidden")));
}

#[tokio::test]
async fn a_tool_that_the_edge_does_not_have_is_no_matter_of_rights() {
    let tokens = Tokens::new();
    let header = tokens.add("reads", "mcp.read");
    let edge = start(&[("EDGE_TOKENS_FILE", tokens.path())]).await;
    let said = edge.ask("POST /mcp", &[&header], &call("gateway_login", "{}")).await;
    assert_eq!((said.status, said.json()["result"]["isError"].clone()), (200, json!(true)));
}

#[tokio::test]
async fn metadata_tell_where_tokens_come_from() {
    let tokens = Tokens::new();
    tokens.add("desk", "mcp.read");
    let edge = start(&[("EDGE_TOKENS_FILE", tokens.path())]).await;
    let base = format!("http://{}", edge.address);
    for (path, resource) in [("", ""), ("/mcp", "/mcp"), ("/api/v1/mcp", "/api/v1/mcp"), ("/paper/mcp", "/paper/mcp")] {
        let told = edge.get(&format!("/.well-known/oauth-protected-resource{path}")).await;
        assert_eq!((told.status, told.json()["resource"].clone()), (200, json!(format!("{base}{resource}"))));
        assert_eq!(told.json()["bearer_methods_supported"], json!(["header"]));
        assert!(told.json().get("authorization_servers").is_none(), "these tokens come from a person");
    }
    let behind = ["X-Forwarded-Proto: https", "Host: localhost"];
    let told = edge.ask("GET /.well-known/oauth-protected-resource/mcp", &behind, "").await.json();
    assert_eq!(told["resource"], json!("https://localhost/mcp"));
    assert_eq!(edge.get("/.well-known/oauth-protected-resource/live/mcp").await.status, 404);
    assert_eq!(edge.get("/.well-known/openid-configuration").await.status, 404);
    assert_eq!(start(&[]).await.get("/.well-known/oauth-protected-resource").await.status, 404);
}

#[tokio::test]
async fn thousands_of_wrong_tokens_are_slowed_down_and_lock_nobody_out() {
    let tokens = Tokens::new();
    let good = tokens.add("desk", "mcp.read");
    let edge = start(&[("EDGE_TOKENS_FILE", tokens.path())]).await;
    let mut answers = std::collections::BTreeMap::new();
    for n in 0..2_000 {
        let said = edge.ask("POST /mcp", &[&format!("Authorization: Bearer ibm_{n:064}")], PING).await;
        *answers.entry(said.status).or_insert(0) += 1;
        if said.status == 429 {
            assert!(said.headers.contains_key("retry-after") && said.json()["error"]["code"] == json!("rate_limited"), "{said:?}");
        }
    }
    assert!(answers[&401] < 100 && answers[&429] > 1_900 && answers.len() == 2, "{answers:?}");
    assert_eq!(edge.ask("POST /mcp", &[&good], PING).await.status, 200, "the neighbour with a good one");
    let metrics = edge.ask("GET /metrics", &[&good], "").await.body;
    assert!(metrics.contains(&format!("ibmesh_edge_denied_total{{reason=\"rate\"}} {}", answers[&429])), "{metrics}");
}

#[tokio::test]
async fn a_caller_that_asks_too_often_waits_and_others_do_not() {
    let tokens = Tokens::new();
    let (one, two) = (tokens.add("one", "mcp.read"), tokens.add("two", "mcp.read"));
    let edge = start(&[("EDGE_TOKENS_FILE", tokens.path()), ("EDGE_RATE_PER_S", "1")]).await;
    let batch = format!("[{}]", [PING; 60].join(","));
    assert_eq!(edge.ask("POST /mcp", &[&one], &batch).await.status, 200);
    let said = edge.ask("POST /mcp", &[&one], PING).await;
    assert_eq!((said.status, said.json()["error"]["code"].clone()), (429, json!("rate_limited")), "a batch counts as its messages");
    let wait: u64 = said.headers["retry-after"].parse().expect("seconds");
    assert!((40..=60).contains(&wait), "{wait}");
    assert_eq!(edge.ask("POST /mcp", &[&two], PING).await.status, 200);
    let open = start(&[("EDGE_RATE_PER_S", "1")]).await;
    let mut last = 200;
    for _ in 0..12 {
        last = open.mcp(PING).await.status;
    }
    assert_eq!((last, open.get("/live").await.status), (429, 200));
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let tokens = Tokens::new();
    let soon = service::clock::now() + jiff::SignedDuration::from_secs(2);
    let (stays, ends) = (tokens.add("stays", "mcp.read"), tokens.add_until("ends", "mcp.read", Some(soon)));
    let edge = start(&[("EDGE_TOKENS_FILE", tokens.path())]).await;
    let guard = &edge.edge.guard;
    let admitted = async |header: &str| {
        let value = header.split_once(": ").expect("a header").1.parse().expect("a value");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        guard.admit(Asked { method: &Method::GET, headers: &headers, peer: [127, 0, 0, 1].into(), is_mcp: false }).await.expect("good")
    };
    let (stays, ends) = (admitted(&stays).await, admitted(&ends).await);
    assert!(guard.still_admits(&stays) && guard.still_admits(&ends));
    let over = async {
        while guard.still_admits(&ends) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, over).await.expect("it has ended");
    assert!(guard.still_admits(&stays));
    tokens.revoke("stays");
    assert!(!guard.still_admits(&stays));
}

fn refused(settings: &[(&str, &str)]) -> String {
    Edge::new(&process(settings)).map(drop).expect_err("must not start").to_string()
}

#[tokio::test]
async fn an_edge_that_would_be_open_by_mistake_does_not_start() {
    let tokens = Tokens::new();
    assert!(refused(&[("EDGE_TOKENS_FILE", tokens.path())]).contains("ibmesh token new"), "not there");
    assert!(refused(&[("EDGE_TOKENS_FILE", "/dev/null")]).contains("no token"));
    drop(start(&[("EDGE_TOKENS_FILE", "/dev/null"), ("EDGE_AUTH", "none")]).await);
    tokens.add("desk", "mcp.read");
    assert!(refused(&[("EDGE_TOKENS_FILE", tokens.path()), ("EDGE_AUTH", "none")]).contains("contradict"));
    let jwt = |url| [("EDGE_JWKS_URL", url), ("EDGE_JWT_ISSUER", ISSUER), ("EDGE_JWT_AUDIENCE", AUDIENCE)];
    assert!(refused(&jwt("http://id.example/keys")).contains("https"));
    assert!(matches!(Edge::new(&process(&jwt("https://id.example/keys"))), Ok(_) | Err(Error::Toolset(_))));
}

#[tokio::test]
async fn who_may_control_the_gateway_over_rest_may_connect() {
    let tokens = Tokens::new();
    let (desk, reader) = (tokens.add("desk", "mcp.read,mcp.admin"), tokens.add("reader", "mcp.read"));
    let edge = start(&[("EDGE_TOKENS_FILE", tokens.path())]).await;
    let connect = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ibkr_connect","arguments":{}}}"#;
    let said = async |token: &String| edge.ask("POST /mcp", &[token], connect).await.json()["result"].to_string();
    assert!(said(&reader).await.contains("needs the scope mcp.admin"));
    assert!(!said(&desk).await.contains("needs the scope mcp.admin"));
}
