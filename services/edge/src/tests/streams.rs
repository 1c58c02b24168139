//! A client of event streams, byte for byte: what came when, and what is left when the edge closes.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{PATIENCE, Running};

/// One event of a stream: its name and its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: Option<String>,
    pub(super) data: String,
    pub(super) id: Option<String>,
}

impl Event {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(super) struct Stream {
    connection: TcpStream,
    received: String,
    /// Status line and headers.
    pub(super) head: String,
}

impl Running {
    pub(super) async fn stream(&self, line: &str, headers: &[&str], body: &str) -> Stream {
        let mut connection = self.connect().await;
        let mut request = format!("{line} HTTP/1.0\r\nHost: {}\r\nContent-Length: {}\r\n", self.address, body.len());
        headers.iter().for_each(|header| request.push_str(&format!("{header}\r\n")));
        // HTTP/1.0 has no chunks: what comes is the stream itself.
        connection.write_all(format!("{request}\r\n{body}").as_bytes()).await.expect("sent");
        let mut stream = Stream { connection, received: String::new(), head: String::new() };
        stream.head = stream.until("\r\n\r\n").await.expect("a head");
        stream
    }
}

impl Stream {
    /// The text up to `end`; `None` when the edge closes before that.
    async fn until(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some((before, after)) = self.received.split_once(end) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.received = after;
                return Some(before);
            }
            let mut piece = vec![0; 64 * 1024];
            let read = timeout(PATIENCE, self.connection.read(&mut piece)).await.expect("in time").expect("no reset");
            if read == 0 {
                return None;
            }
            self.received.push_str(std::str::from_utf8(&piece[..read]).expect("the tests' answers are ASCII"));
        }
    }

    /// The next event; `None` when the stream has ended as it should.
    pub(super) async fn next(&mut self) -> Option<Event> {
        let Some(block) = self.until("\n\n").await else {
            assert_eq!(self.received, "", "half an event");
            return None;
        };
        let field = |name: &str| block.lines().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect::<Vec<_>>();
        Some(Event { name: field("event: ").pop(), data: field("data: ").join("\n"), id: field("id: ").pop() })
    }
}
