//! The edge as a client sees it: /health, one MCP call, any path of REST.
//!
//! Invariant: every request has a deadline, and an edge that is not there is told with the command that starts one.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use reqwest::{Client, RequestBuilder, Url};
use serde_json::{Value, json};
use service::Settings;

use crate::follow::Events;

/// Reaching an edge takes milliseconds; more means that it is not there.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// /health is a memory read.
const HEALTH_MAX: Duration = Duration::from_secs(5);
/// Above the longest deadline of a read (history: 60 s), so that the edge's own answer arrives first.
pub(crate) const CALL_MAX: Duration = Duration::from_secs(75);

const DEFAULT_EDGE: &str = "http://127.0.0.1:48012";

/// Which edge a command asks.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EdgeArg {
    /// URL of the edge [default: where EDGE_BIND has it listen, else http://127.0.0.1:48012]
    #[arg(long, value_name = "URL", global = true)]
    edge: Option<String>,
}

impl EdgeArg {
    pub(crate) fn url(&self) -> String {
        self.edge.clone().unwrap_or_else(|| default_edge(Settings::edge_bind(|name| std::env::var(name).ok())))
    }
}

fn default_edge(bound: Option<SocketAddr>) -> String {
    bound.map_or_else(|| DEFAULT_EDGE.to_owned(), |address| format!("http://{}", reachable(address)))
}

/// Where a client on this machine finds a server that listens on all addresses.
pub(crate) fn reachable(mut bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => bound.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => bound.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    bound
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("`{text}` is no URL of an edge ({reason}); write it as {DEFAULT_EDGE}")]
    Url { text: String, reason: String },
    #[error("no edge answers at {url} ({reason}); `ibmesh up` starts one, --edge names another")]
    Unreachable { url: String, reason: String },
    #[error("{url} did not answer within {} s", within.as_secs())]
    TimedOut { url: String, within: Duration },
    #[error("{url} answered, but not as an edge does: {reason}")]
    Strange { url: String, reason: String },
    #[error("cannot make an HTTP client: {0}")]
    Client(reqwest::Error),
}

/// An answer over REST, whatever its status.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) const fn is_success(&self) -> bool {
        self.status == 200
    }

    /// What a refusal says and what to do, in one line.
    pub(crate) fn refusal(&self) -> String {
        self.told(["/message", "/error/message"])
    }

    /// What a refusal says, without what to do.
    pub(crate) fn message(&self) -> String {
        self.told(["/error/message", "/message"])
    }

    fn told(&self, places: [&str; 2]) -> String {
        let told = places.into_iter().find_map(|place| self.body.pointer(place).and_then(Value::as_str));
        told.map_or_else(|| format!("HTTP {}: {}", self.status, self.body), str::to_owned)
    }
}

/// A client of one edge.
#[derive(Debug, Clone)]
pub(crate) struct EdgeClient {
    base: Url,
    http: Client,
}

impl EdgeClient {
    pub(crate) fn new(edge: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::Url { text: edge.to_owned(), reason };
        let base: Url = edge.trim_end_matches('/').parse().map_err(|error| bad(format!("{error}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(bad("it must begin with http:// and name a host".to_owned()));
        }
        let mut builder = Client::builder().connect_timeout(CONNECT_MAX);
        if loopback(&base) {
            // A company's HTTP_PROXY cannot reach this machine's loopback.
            builder = builder.no_proxy();
        }
        Ok(Self { base, http: builder.build().map_err(Error::Client)? })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// The body of /health, whatever the status says: 503 carries it too.
    pub(crate) async fn health(&self) -> Result<Value, Error> {
        Ok(self.send(self.http.get(self.url("/health")), HEALTH_MAX).await?.body)
    }

    pub(crate) async fn get(&self, path: &str, within: Duration) -> Result<Answer, Error> {
        self.send(self.http.get(self.url(path)), within).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value, within: Duration) -> Result<Answer, Error> {
        self.send(self.http.post(self.url(path)).json(body), within).await
    }

    /// The changes of the gateway's state.
    pub(crate) async fn gateway_events(&self) -> Result<Events, Error> {
        let url = self.url("/gateway/events");
        let failed = |error: reqwest::Error| Error::Unreachable { url: url.clone(), reason: root_cause(&error) };
        let late = |_| Error::TimedOut { url: url.clone(), within: HEALTH_MAX };
        let response = tokio::time::timeout(HEALTH_MAX, self.http.get(&url).send()).await.map_err(late)?.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Error::Strange { url: url.clone(), reason: format!("HTTP {status}") });
        }
        Ok(Events::new(response))
    }

    /// The result of one `tools/call`, or the JSON-RPC error, as the edge sent it.
    pub(crate) async fn call(&self, tool: &str, arguments: &Value, within: Duration) -> Result<Value, Error> {
        let params = json!({ "name": tool, "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": "1", "method": "tools/call", "params": params });
        Ok(self.post("/mcp", &body, within).await?.body)
    }

    async fn send(&self, request: RequestBuilder, within: Duration) -> Result<Answer, Error> {
        let request = request.timeout(within).build().map_err(Error::Client)?;
        let url = request.url().to_string();
        let failed = |error: reqwest::Error| match error.is_timeout() && !error.is_connect() {
            true => Error::TimedOut { url: url.clone(), within },
            false => Error::Unreachable { url: url.clone(), reason: root_cause(&error) },
        };
        let response = self.http.execute(request).await.map_err(failed)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(failed)?;
        let strange = |_| Error::Strange { url: url.clone(), reason: format!("HTTP {status} and no JSON") };
        Ok(Answer { status: status.as_u16(), body: serde_json::from_slice(&bytes).map_err(strange)? })
    }
}

fn loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// reqwest's own words name the URL once more; the last cause says what the system answered.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let refusal = |body: Value| Answer { status: 503, body }.refusal();
        assert_eq!(refusal(json!({"success": false, "message": "logged out", "code": "conflict"})), "logged out");
        assert_eq!(refusal(json!({"ready": false, "message": "not ready"})), "not ready");
        assert_eq!(refusal(json!({"error": {"message": "nothing there"}})), "nothing there");
        assert_eq!(refusal(json!([])), "HTTP 503: []");
        let body = json!({"success": false, "message": "away: start it", "error": {"message": "away"}});
        let answer = Answer { status: 503, body };
        assert_eq!((answer.refusal().as_str(), answer.message().as_str()), ("away: start it", "away"));
    }

    #[test]
    fn an_edge_is_named_by_an_http_url() {
        for bad in ["", "127.0.0.1:48012", "ftp://127.0.0.1", "localhost"] {
            assert!(matches!(EdgeClient::new(bad), Err(Error::Url { .. })), "{bad}");
        }
        let client = EdgeClient::new("http://127.0.0.1:48012/api/v1/").unwrap();
        assert_eq!(client.url("/health"), "http://127.0.0.1:48012/api/v1/health");
    }

    #[test]
    fn the_edge_is_asked_where_it_listens() {
        for (bound, url) in [
            ("0.0.0.0:8000", "http://127.0.0.1:8000"),
            ("[::]:8000", "http://[::1]:8000"),
            ("10.0.0.7:8000", "http://10.0.0.7:8000"),
            ("127.0.0.1:48012", DEFAULT_EDGE),
        ] {
            assert_eq!(default_edge(bound.parse().ok()), url);
        }
        assert_eq!(default_edge(None), DEFAULT_EDGE);
    }

    #[test]
    fn loopback_is_never_asked_through_a_proxy() {
        for url in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
            assert!(loopback(&url.parse().unwrap()), "{url}");
        }
        assert!(!loopback(&"http://gateway.example:1".parse().unwrap()));
    }
}
