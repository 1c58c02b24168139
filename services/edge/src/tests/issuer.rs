//! Who may call with another issuer's tokens.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{Router, http::StatusCode, routing::get};
use serde_json::json;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Running,
    auth::{PING, names},
    start,
};
use crate::auth::jwt_tests::{AUDIENCE, ISSUER, Signer, claims};

/// An issuer's web server.
struct IdServer {
    url: String,
    fetched: Arc<AtomicU32>,
    _server: AbortOnDropHandle<()>,
}

async fn id_server(status: StatusCode, body: String) -> IdServer {
    let fetched = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&fetched);
    let answer = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let body = body.clone();
        async move { (status, body) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/keys", listener.local_addr().expect("bound"));
    let router = Router::new().route("/keys", get(answer));
    let server = AbortOnDropHandle::new(tokio::spawn(async move { axum::serve(listener, router).await.expect("served") }));
    IdServer { url, fetched, _server: server }
}

async fn with_issuer(url: &str) -> Running {
    start(&[("EDGE_JWKS_URL", url), ("EDGE_JWT_ISSUER", ISSUER), ("EDGE_JWT_AUDIENCE", AUDIENCE), ("EDGE_PROFILE", "admin")]).await
}

fn header(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

#[tokio::test]
async fn tokens_of_another_issuer() {
    let signer = Signer::new();
    let issuer = id_server(StatusCode::OK, signer.jwks().to_string()).await;
    let edge = with_issuer(&issuer.url).await;
    let now_s = service::clock::now().as_second();
    let good = header(&signer.token(&claims(now_s)));
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let listed = edge.ask("POST /mcp", &[&good], list).await.json();
    assert!(names(&listed).contains(&"get_account_summary"), "{listed}");
    assert_eq!(edge.ask("POST /gateway/logout", &[&good], "").await.status, 403, "the scope is mcp.read");
    let told = edge.get("/.well-known/oauth-protected-resource/mcp").await.json();
    assert_eq!(told["authorization_servers"], json!([ISSUER]));

    let mut other = claims(now_s);
    other["aud"] = json!("https://other.example");
    let ec = json!({ "alg": "ES256", "kid": "ec" });
    assert_eq!(edge.ask("POST /mcp", &[&header(&signer.sign(&ec, &claims(now_s)))], PING).await.status, 200);
    for bad in [
        signer.token(&other),
        signer.token(&claims(now_s - 7_200)),
        signer.sign(&json!({ "alg": "none", "kid": "rsa" }), &claims(now_s)),
        signer.sign(&json!({ "alg": "HS256", "kid": "rsa" }), &claims(now_s)),
        signer.sign(&json!({ "alg": "RS256", "kid": "encrypts" }), &claims(now_s)),
        Signer::new().sign(&ec, &claims(now_s)),
        "ibm_0000".to_owned(),
    ] {
        let said = edge.ask("POST /mcp", &[&header(&bad)], PING).await;
        assert_eq!(said.status, 401, "{bad}");
        assert!(said.headers["www-authenticate"].contains("invalid_token"), "{said:?}");
    }
    for n in 0..5 {
        let made_up = signer.sign(&json!({ "alg": "RS256", "kid": format!("k{n}") }), &claims(now_s));
        assert_ne!(edge.ask("POST /mcp", &[&header(&made_up)], PING).await.status, 200);
    }
    assert_eq!(issuer.fetched.load(Ordering::Relaxed), 1, "strangers do not make the edge ask the issuer");
}

#[tokio::test]
async fn without_the_issuers_keys_nobody_passes() {
    let signer = Signer::new();
    let token = header(&signer.token(&claims(service::clock::now().as_second())));
    let huge = json!({ "keys": ["x".repeat(300_000)] }).to_string();
    for (status, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, signer.jwks().to_string()),
        (StatusCode::OK, "no keys".to_owned()),
        (StatusCode::OK, json!({ "keys": [] }).to_string()),
        (StatusCode::OK, huge),
    ] {
        let issuer = id_server(status, body).await;
        let edge = with_issuer(&issuer.url).await;
        for _ in 0..3 {
            let said = edge.ask("POST /mcp", &[&token], PING).await;
            assert_eq!((said.status, said.headers.contains_key("retry-after")), (503, true), "{said:?}");
        }
        assert_eq!(issuer.fetched.load(Ordering::Relaxed), 1, "a failure is not repeated at once");
    }
    let nobody = with_issuer("http://127.0.0.1:9/keys").await;
    assert_eq!(nobody.ask("POST /mcp", &[&token], PING).await.status, 503);
}
