//! The edge as a client sees it: /health and one MCP call.
//!
//! Invariant: every request has a deadline, and an edge that is not there is told with the command that starts one.

use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::{Value, json};

/// Reaching an edge takes milliseconds; more means that it is not there.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// /health is a memory read.
const HEALTH_MAX: Duration = Duration::from_secs(5);
/// Above the longest deadline of an operation (history: 60 s), so that the edge's own answer arrives first.
pub(crate) const CALL_MAX: Duration = Duration::from_secs(75);

pub(crate) const DEFAULT_EDGE: &str = "http://127.0.0.1:48012";

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
        self.send(&self.url("/health"), None, HEALTH_MAX).await
    }

    /// The result of one `tools/call`, or the JSON-RPC error, as the edge sent it.
    pub(crate) async fn call(&self, tool: &str, arguments: &Value, within: Duration) -> Result<Value, Error> {
        let params = json!({ "name": tool, "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": "1", "method": "tools/call", "params": params });
        self.send(&self.url("/mcp"), Some(&body), within).await
    }

    async fn send(&self, url: &str, body: Option<&Value>, within: Duration) -> Result<Value, Error> {
        let request = match body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        let strange = |reason: String| Error::Strange { url: url.to_owned(), reason };
        let failed = |error: reqwest::Error| match error.is_timeout() && !error.is_connect() {
            true => Error::TimedOut { url: url.to_owned(), within },
            false => Error::Unreachable { url: url.to_owned(), reason: root_cause(&error) },
        };
        let response = request.timeout(within).send().await.map_err(failed)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(failed)?;
        serde_json::from_slice(&bytes).map_err(|_| strange(format!("HTTP {status} and no JSON")))
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
    fn an_edge_is_named_by_an_http_url() {
        for bad in ["", "127.0.0.1:48012", "ftp://127.0.0.1", "localhost"] {
            assert!(matches!(EdgeClient::new(bad), Err(Error::Url { .. })), "{bad}");
        }
        let client = EdgeClient::new("http://127.0.0.1:48012/api/v1/").unwrap();
        assert_eq!(client.url("/health"), "http://127.0.0.1:48012/api/v1/health");
    }

    #[test]
    fn loopback_is_never_asked_through_a_proxy() {
        for url in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
            assert!(loopback(&url.parse().unwrap()), "{url}");
        }
        assert!(!loopback(&"http://gateway.example:1".parse().unwrap()));
    }
}
