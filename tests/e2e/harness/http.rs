//! The edge as its callers see it: MCP, /health, and what a documented curl sends.

use std::{net::SocketAddr, time::Duration};

use reqwest::{Client, Method};
use serde_json::{Value, json};

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

    /// A path of REST, with a JSON body where it is posted.
    pub(crate) async fn ask(&self, line: &str, body: &Value) -> (u16, Value) {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let request = self.http.request(method.parse().expect("a method"), self.url(path));
        let request = if method == "POST" { request.json(body) } else { request };
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// A stream of server-sent events, as its bytes arrive.
    pub(crate) async fn follow(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).send().await.expect("an answer")
    }

    /// With what the caller accepts; answers the media type and the whole body.
    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> (String, String) {
        let response = self.http.get(self.url(path)).header("accept", accept).send().await.expect("an answer");
        let told = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        (told, response.text().await.expect("a body"))
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

/// The answer to a documented command line.
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

/// What a curl command line would send. Only the options of the documents are known; another one is a failure.
#[derive(Debug, PartialEq)]
struct Curl {
    method: Method,
    /// Without scheme, host and port.
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Curl {
    fn parse(command: &str) -> Self {
        let mut words = shell_words(command).into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
        let mut curl = Self { method: Method::GET, path: String::new(), headers: Vec::new(), body: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} without a value: {command}"));
            match word.as_str() {
                "-s" => {}
                "-X" => curl.method = value().parse().expect("a method"),
                "-d" => curl.body = Some(value()),
                "-H" => {
                    let header = value();
                    let (name, value) = header.split_once(": ").unwrap_or_else(|| panic!("no header: {header}"));
                    curl.headers.push((name.to_owned(), value.to_owned()));
                }
                url => {
                    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("neither a known option nor a URL: {url}"));
                    curl.path = rest.split_once('/').map(|(_, path)| format!("/{path}")).expect("a path");
                }
            }
        }
        curl
    }
}

/// The words of a POSIX shell, as far as the documents use one: single quotes and backslashes.
fn shell_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => word.get_or_insert_default().extend(chars.by_ref().take_while(|c| *c != '\'')),
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Sends the bytes and headers of a documented command line to this edge. The real curl runs in tests/interop, so that
/// these tests need no program that a machine may lack.
pub(crate) async fn curl(documented: &str, edge: &Edge) -> Curled {
    let asked = Curl::parse(documented);
    let mut request = edge.http.request(asked.method, edge.url(&asked.path)).header("accept", "*/*");
    for (name, value) in asked.headers {
        request = request.header(name, value);
    }
    if let Some(body) = asked.body {
        request = request.body(body);
    }
    let response = request.send().await.expect("an answer");
    Curled { status: response.status().as_u16(), body: response.text().await.expect("a body") }
}

#[test]
fn a_documented_command_line_is_read_as_a_shell_and_curl_do() {
    let read = Curl::parse("curl -s -X POST http://h:1/a/b \\\n  -H 'Content-Type: application/json' \\\n  -d '{\n \"a\": 1}' ");
    let wanted = Curl {
        method: Method::POST,
        path: "/a/b".to_owned(),
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: Some("{\n \"a\": 1}".to_owned()),
    };
    assert_eq!(read, wanted);
}
