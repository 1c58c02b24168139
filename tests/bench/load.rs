//! A small HTTP/1.1 load generator: keep-alive connections that each send the next request when the last is answered.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

/// One round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

pub(crate) async fn run(to: SocketAddr, body: &'static str, connections: usize, time: Duration) -> Measured {
    let started = Instant::now();
    let tasks: Vec<_> = (0..connections).map(|_| tokio::spawn(client(to, body, started + time))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("a client").expect("an answer"));
    }
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |part: usize| latencies[(latencies.len() - 1) * part / 100].as_secs_f64() * 1e6;
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let count = latencies.len() as f64;
    Measured { per_s: count / seconds, p50_us: at(50), p99_us: at(99) }
}

/// One request on a connection of its own.
pub(crate) async fn once(to: SocketAddr, body: &str) -> io::Result<Vec<u8>> {
    let mut connection = Connection::open(to).await?;
    connection.exchange(&request(to, body)).await?;
    Ok(connection.body.clone())
}

async fn client(to: SocketAddr, body: &'static str, until: Instant) -> io::Result<Vec<Duration>> {
    let (request, mut connection) = (request(to, body), Connection::open(to).await?);
    let mut latencies = Vec::with_capacity(1 << 16);
    loop {
        let sent = Instant::now();
        if sent >= until {
            return Ok(latencies);
        }
        connection.exchange(&request).await?;
        latencies.push(sent.elapsed());
    }
}

fn request(to: SocketAddr, body: &str) -> Vec<u8> {
    format!("POST /mcp HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    body: Vec<u8>,
}

impl Connection {
    async fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024], body: Vec::new() })
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await?;
        self.body.clear();
        let mut wanted = None;
        loop {
            let read = self.stream.read(&mut self.buffer).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.body.extend_from_slice(&self.buffer[..read]);
            if wanted.is_none() {
                wanted = head(&self.body)?;
            }
            if let Some((head, length)) = wanted
                && self.body.len() >= head + length
            {
                self.body.drain(..head);
                return Ok(());
            }
        }
    }
}

/// Where the head ends and how long the body is, once the head is there. Both servers send Content-Length.
fn head(received: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let Some(end) = received.windows(4).position(|part| part == b"\r\n\r\n") else { return Ok(None) };
    let text = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
    if !text.starts_with("http/1.1 200") {
        return Err(io::Error::other(format!("not 200: {text}")));
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|length| length.trim().parse().ok());
    length.map(|length| Some((end + 4, length))).ok_or_else(|| io::Error::other("no content-length"))
}
