//! A client that sends the very bytes it is told to, so that a test can send what no library would.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{PATIENCE, Running};

#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Said {
    pub(super) fn json(&self) -> Value {
        assert_eq!(self.headers.get("content-type").map(String::as_str), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).expect("a status");
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        Self { status, headers: headers.collect(), body: body.to_owned() }
    }
}

impl Running {
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Sends `bytes` on a connection of its own and reads until the edge closes it.
    pub(super) async fn raw(&self, bytes: &[u8]) -> Said {
        let mut stream = self.connect().await;
        let exchange = async {
            stream.write_all(bytes).await.expect("sent");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.expect("an answer, not a reset");
            answer
        };
        Said::read(&timeout(PATIENCE, exchange).await.expect("an answer in time"))
    }

    /// One request. `headers` are lines; Host is added where none is given.
    pub(super) async fn ask(&self, line: &str, headers: &[&str], body: &str) -> Said {
        let mut head = format!("{line} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|header| header.starts_with("Host:")) {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        self.raw(format!("{head}\r\n{body}").as_bytes()).await
    }

    pub(super) async fn get(&self, path: &str) -> Said {
        self.ask(&format!("GET {path}"), &[], "").await
    }

    /// As the predecessors' curl: a Content-Type and nothing else.
    pub(super) async fn mcp(&self, body: &str) -> Said {
        self.ask("POST /mcp", &["Content-Type: application/json"], body).await
    }

    /// The result of a call of `tool`.
    pub(super) async fn call(&self, tool: &str, arguments: &str) -> Value {
        let said = self.mcp(&call(tool, arguments)).await;
        assert_eq!(said.status, 200, "{said:?}");
        said.json()["result"].clone()
    }
}

pub(super) fn call(tool: &str, arguments: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#)
}
