//! The cheap question whether a gateway's API port answers: TCP and the API's hello, closed before START_API, so that
//! no client id is taken and no session opened.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::clock::instant;

/// Asks for every version, so that a gateway which is too old for `ibapi` says which one it has.
const HELLO: &[u8] = b"API\0\0\0\0\x09v100..226";
/// The answer is a version and a time; whatever is longer comes from something else.
const ANSWER_BYTES_MAX: usize = 256;

/// What a gateway says before any session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeReply {
    pub server_version: i32,
    /// The gateway's words: `20261121 10:06:18 US/Eastern`.
    pub connection_time: String,
}

impl ProbeReply {
    /// The zone of the gateway's host as the gateway names it.
    pub fn time_zone(&self) -> Option<&str> {
        self.connection_time.splitn(3, ' ').nth(2).filter(|zone| !zone.is_empty())
    }
}

/// Why a port did not answer as a gateway does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeFault {
    #[error("the host name {host} cannot be resolved")]
    Unresolved { host: String },
    #[error("nothing listens on {address}: the gateway is stopped, still starting, or waits for its log-in")]
    Refused { address: String },
    #[error("{address} cannot be reached: {reason}")]
    Unreachable { address: String, reason: String },
    #[error("{address} took no TCP connection within {waited_ms} ms")]
    ConnectTimeout { address: String, waited_ms: u64 },
    #[error(
        "{address} takes connections but did not answer the API's hello within {waited_ms} ms: the gateway is starting, a dialog waits for a \
         click, or its setting `Allow connections from localhost only` is on"
    )]
    HelloTimeout { address: String, waited_ms: u64 },
    #[error(
        "{address} closed the connection before it answered the API's hello: the gateway behind it is down or still starting, or this host is \
         missing in its `Trusted IPs`"
    )]
    Closed { address: String },
    #[error("{address} is no IB gateway: {reason}")]
    NotIb { address: String, reason: String },
}

/// Asks once. The time-out is for all of it.
pub async fn probe(host: &str, port: u16, timeout: Duration) -> Result<ProbeReply, ProbeFault> {
    let deadline = instant() + timeout;
    let waited_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let address = format!("{host}:{port}");
    let mut stream =
        connect(host, port, deadline).await.unwrap_or_else(|| Err(ProbeFault::ConnectTimeout { address: address.clone(), waited_ms }))?;
    match timeout_at(deadline, hello(&mut stream)).await {
        Err(_) => Err(ProbeFault::HelloTimeout { address, waited_ms }),
        Ok(Err(_)) => Err(ProbeFault::Closed { address }),
        Ok(Ok(body)) => read_answer(&body).map_err(|reason| ProbeFault::NotIb { address, reason }),
    }
}

/// `None` when the deadline came first.
async fn connect(host: &str, port: u16, deadline: Instant) -> Option<Result<TcpStream, ProbeFault>> {
    let address = || format!("{host}:{port}");
    let unresolved = || ProbeFault::Unresolved { host: host.to_owned() };
    let found = match timeout_at(deadline, tokio::net::lookup_host((host, port))).await.ok()? {
        Ok(addresses) => addresses.collect::<Vec<_>>(),
        Err(_) => return Some(Err(unresolved())),
    };
    if found.is_empty() {
        return Some(Err(unresolved()));
    }
    Some(match timeout_at(deadline, TcpStream::connect(found.as_slice())).await.ok()? {
        Ok(stream) => Ok(stream),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Err(ProbeFault::Refused { address: address() }),
        Err(error) => Err(ProbeFault::Unreachable { address: address(), reason: error.to_string() }),
    })
}

async fn hello(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    stream.write_all(HELLO).await?;
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    let mut body = vec![0; length.min(ANSWER_BYTES_MAX)];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

/// Two texts that end with NUL: server version and time.
fn read_answer(body: &[u8]) -> Result<ProbeReply, String> {
    let text = String::from_utf8_lossy(body);
    let mut fields = text.split('\0');
    let version = fields.next().and_then(|field| field.parse().ok());
    match (version, fields.next()) {
        (Some(server_version), Some(time)) => Ok(ProbeReply { server_version, connection_time: time.to_owned() }),
        _ => Err("its answer is not a server version and a time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    /// A port that answers one connection with these bytes and then keeps or closes it.
    async fn server(answer: Option<&'static [u8]>, close: bool) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind");
        let port = listener.local_addr().expect("address").port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accept");
            let mut hello = [0; HELLO.len()];
            stream.read_exact(&mut hello).await.expect("hello");
            if let Some(bytes) = answer {
                stream.write_all(bytes).await.expect("answer");
            }
            if !close {
                std::future::pending::<()>().await;
            }
        });
        port
    }

    #[test]
    fn the_hello_is_framed_as_the_api_wants_it() {
        let (head, versions) = HELLO.split_at(8);
        assert_eq!((&head[..4], usize::from(head[7])), (b"API\0".as_slice(), versions.len()));
    }

    #[tokio::test]
    async fn a_gateway_tells_version_and_zone() {
        let port = server(Some(b"\0\0\0\x23226\x0020261121 10:06:18 Central Time\0xx"), false).await;
        let reply = probe("127.0.0.1", port, LONG).await.expect("reply");
        assert_eq!((reply.server_version, reply.time_zone()), (226, Some("Central Time")));
    }

    #[tokio::test]
    async fn refused_closed_silent_and_foreign_ports_are_told_apart() {
        let closed = server(None, true).await;
        assert!(matches!(probe("127.0.0.1", closed, LONG).await, Err(ProbeFault::Closed { .. })));
        let foreign = server(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"), true).await;
        assert!(matches!(probe("127.0.0.1", foreign, LONG).await, Err(ProbeFault::NotIb { .. } | ProbeFault::Closed { .. })));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind");
        let free = listener.local_addr().expect("address").port();
        drop(listener);
        assert!(matches!(probe("127.0.0.1", free, LONG).await, Err(ProbeFault::Refused { .. })));
    }

    #[tokio::test]
    async fn a_silent_tcp_port_times_out_and_names_the_localhost_setting() {
        let silent = server(None, false).await;
        let fault = probe("127.0.0.1", silent, Duration::from_millis(200)).await.expect_err("silent");
        assert!(matches!(fault, ProbeFault::HelloTimeout { waited_ms: 200, .. }));
        assert!(fault.to_string().contains("Allow connections from localhost only"), "{fault}");
    }
}
