//! The edge as its callers see it: MCP, /health, and the real curl.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::process::Command;

use super::SOON;

/// Above the longest deadline of an operation.
const ANSWER_MAX: Duration = Duration::from_secs(90);

#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) addr: SocketAddr,
    http: Client,
}

/// The answer to one `tools/call`.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) is_error: bool,
    pub(crate) text: String,
    pub(crate) structured: Option<Value>,
    /// The whole JSON-RPC message.
    pub(crate) message: Value,
}

impl Answer {
    /// The typed value of an answer that must not be a fault.
    pub(crate) fn typed(&self) -> &Value {
        assert!(!self.is_error, "a fault: {}", self.text);
        self.structured.as_ref().unwrap_or_else(|| panic!("no structuredContent: {}", self.message))
    }

    /// The text of an answer that must be a fault with this code.
    pub(crate) fn fault(&self, code: &str) -> &str {
        assert!(self.is_error, "no fault: {}", self.message);
        assert!(self.structured.is_none(), "a failed tool carries no structuredContent: {}", self.message);
        assert!(self.text.contains(code), "the fault is not {code}: {}", self.text);
        &self.text
    }
}

impl Edge {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        let http = Client::builder().no_proxy().timeout(ANSWER_MAX).build().expect("an HTTP client");
        Self { addr, http }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.http.get(self.url(path)).send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("a body"))
    }

    pub(crate) async fn health(&self) -> (u16, Value) {
        let (status, body) = self.get("/health").await;
        (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("/health is no JSON: {body}")))
    }

    /// Posts a body as it is.
    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let request = self.http.post(self.url("/mcp")).header("content-type", "application/json").body(body);
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("HTTP {status} and no JSON: {text}")))
    }

    /// One JSON-RPC request.
    pub(crate) async fn rpc(&self, method: &str, params: Value) -> Value {
        let (status, answer) = self.post(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Answer {
        let message = self.rpc("tools/call", json!({"name": tool, "arguments": arguments})).await;
        let result = &message["result"];
        assert!(result.is_object(), "{tool}: not a result: {message}");
        Answer {
            is_error: result["isError"] == true,
            text: result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default().to_owned(),
            structured: result.get("structuredContent").cloned(),
            message,
        }
    }
}

/// What curl printed, and the status that it got.
#[derive(Debug)]
pub(crate) struct Curled {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Curled {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

/// Runs a documented command line in a shell, with the documented host and port replaced by the stack's.
pub(crate) async fn curl(documented: &str, edge: SocketAddr) -> Curled {
    let here =
        ["localhost:48012", "localhost:9090"].iter().fold(documented.to_owned(), |text, there| text.replace(there, &edge.to_string()));
    assert_ne!(here, documented, "the command names no address of the documents");
    // `-w` after the command: everything before it is as documented.
    let line = format!("{} -w '\\n%{{http_code}}'", here.trim_end());
    let run = Command::new("sh").arg("-c").arg(&line).env("no_proxy", "*").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(SOON, run).await.expect("curl ends").expect("sh and curl are installed");
    let printed = String::from_utf8(output.stdout).expect("text");
    let (body, status) = printed.rsplit_once('\n').unwrap_or_else(|| panic!("{line}: {}", String::from_utf8_lossy(&output.stderr)));
    Curled { status: status.parse().expect("a status"), body: body.to_owned() }
}
