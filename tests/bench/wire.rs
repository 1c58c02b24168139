//! The least of an API client: frames out, frames in, and the bare server that they are measured against.

use std::{net::SocketAddr, time::Duration};

use bytes::{Buf, BufMut, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout_at},
};

const ANSWER_MAX: Duration = Duration::from_secs(20);
const PROTOBUF: u32 = 200;
const ERROR: u32 = 4;
/// Requests in flight at once.
const WINDOW: u8 = 64;

/// A request and the message that ends its answer.
pub(crate) struct Ask {
    pub(crate) name: &'static str,
    frame: Vec<u8>,
    last: u32,
}

impl Ask {
    pub(crate) fn current_time() -> Self {
        Self { name: "CurrentTime", frame: frame(49, &[]), last: 49 }
    }

    pub(crate) fn contract(symbol: &str) -> Self {
        Self { name: "ContractData", frame: frame(9, &about(5, symbol)), last: 52 }
    }

    /// A day of hours.
    pub(crate) fn bars(symbol: &str) -> Self {
        let mut payload = about(5, symbol);
        for (number, text) in [(4, "1 hour"), (5, "1 D"), (7, "TRADES")] {
            put_text(&mut payload, number, text);
        }
        payload.extend([6 << 3, 1, 8 << 3, 2]);
        Self { name: "HistoricalData", frame: frame(20, &payload), last: 108 }
    }

    /// A line that stays.
    pub(crate) fn market_data(id: i32, symbol: &str) -> Self {
        Self { name: "MarketData", frame: frame(1, &about(id, symbol)), last: 0 }
    }
}

/// Field 1 the request id, field 2 the contract.
fn about(id: i32, symbol: &str) -> Vec<u8> {
    let mut contract = Vec::new();
    for (number, text) in [(2, symbol), (3, "STK"), (8, "SMART"), (10, "USD")] {
        put_text(&mut contract, number, text);
    }
    let mut payload = vec![1 << 3];
    put_varint(&mut payload, u64::try_from(id).expect("ids count from 1"));
    payload.push(2 << 3 | 2);
    put_varint(&mut payload, contract.len() as u64);
    payload.extend(contract);
    payload
}

fn put_text(payload: &mut Vec<u8>, number: u8, text: &str) {
    payload.push(number << 3 | 2);
    put_varint(payload, text.len() as u64);
    payload.extend(text.as_bytes());
}

fn put_varint(payload: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        payload.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    payload.push(u8::try_from(value).expect("seven bits"));
}

fn frame(message: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 4).expect("a small request");
    [&length.to_be_bytes(), &(PROTOBUF + message).to_be_bytes(), payload].concat()
}

/// What came in a stretch of time.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) ticks: f64,
    pub(crate) errors: f64,
}

pub(crate) struct Client {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.expect("a server");
        stream.set_nodelay(true).expect("an open socket");
        Self { stream, buffer: BytesMut::with_capacity(64 * 1024) }
    }

    /// Says hello and starts the API; a client id that was just given up may be taken for a moment longer.
    pub(crate) async fn start(addr: SocketAddr, client_id: usize) -> Self {
        let deadline = Instant::now() + ANSWER_MAX;
        loop {
            let mut client = Self::connect(addr).await;
            client.stream.write_all(b"API\0\0\0\0\x09v213..226").await.expect("sent");
            client.next(deadline).await.expect("a version");
            let id = u8::try_from(client_id).expect("a small client id");
            client.stream.write_all(&frame(71, &[1 << 3, id])).await.expect("sent");
            // The last of the welcome is the third notice; an id that is taken has an error in front of all.
            let mut notices = 0;
            while let Some((message, _)) = client.next(deadline).await {
                notices += usize::from(message == ERROR);
                if notices == 3 {
                    return client;
                }
            }
            assert!(Instant::now() < deadline, "client id {client_id} stays taken");
        }
    }

    pub(crate) async fn send(&mut self, ask: &Ask) {
        self.stream.write_all(&ask.frame).await.expect("sent");
    }

    /// Asks and reads the whole answer: its frames and bytes.
    pub(crate) async fn exchange(&mut self, ask: &Ask) -> (usize, usize) {
        self.send(ask).await;
        let deadline = Instant::now() + ANSWER_MAX;
        let (mut frames, mut bytes) = (0, 0);
        loop {
            let (message, length) = self.next(deadline).await.expect("an answer");
            assert!(message != ERROR, "{} is refused", ask.name);
            frames += 1;
            bytes += length;
            if message == ask.last {
                return (frames, bytes);
            }
        }
    }

    /// Many requests at once, and all their answers.
    pub(crate) async fn window(&mut self, ask: &Ask) -> f64 {
        self.stream.write_all(&ask.frame.repeat(usize::from(WINDOW))).await.expect("sent");
        let deadline = Instant::now() + ANSWER_MAX;
        for _ in 0..WINDOW {
            self.next(deadline).await.expect("an answer");
        }
        f64::from(WINDOW)
    }

    /// Reads for a while.
    pub(crate) async fn count(&mut self, time: Duration) -> Counts {
        let (mut counts, until) = (Counts::default(), Instant::now() + time);
        while let Some((message, _)) = self.next(until).await {
            if message == ERROR {
                counts.errors += 1.0;
            } else {
                counts.ticks += 1.0;
            }
        }
        counts
    }

    /// One frame to the bare server and one back.
    pub(crate) async fn echo(&mut self) {
        self.stream.write_all(&frame(49, &[])).await.expect("sent");
        self.next(Instant::now() + ANSWER_MAX).await.expect("an answer");
    }

    /// Message number and length of the next frame; `None` at the deadline or once the server closed.
    async fn next(&mut self, deadline: Instant) -> Option<(u32, usize)> {
        loop {
            if let Some(length) = self.buffer.first_chunk::<4>() {
                let length = usize::try_from(u32::from_be_bytes(*length)).expect("64 bits") + 4;
                if self.buffer.len() >= length {
                    let mut frame = self.buffer.split_to(length);
                    frame.advance(4);
                    let number = if frame.len() >= 4 { frame.get_u32() } else { 0 };
                    return Some((number.wrapping_sub(PROTOBUF), length));
                }
            }
            self.buffer.reserve(64 * 1024);
            match timeout_at(deadline, self.stream.read_buf(&mut self.buffer)).await {
                Ok(Ok(1..)) => {}
                _ => return None,
            }
        }
    }
}

/// Answers every frame with one of `reply_bytes`, length included.
pub(crate) async fn echo(reply_bytes: usize, ready: impl Fn(SocketAddr)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    ready(listener.local_addr().expect("bound"));
    let mut reply = BytesMut::with_capacity(reply_bytes);
    reply.put_u32(u32::try_from(reply_bytes - 4).expect("a small reply"));
    reply.resize(reply_bytes, b'x');
    let reply = reply.freeze();
    while let Ok((stream, _)) = listener.accept().await {
        let reply = reply.clone();
        tokio::spawn(async move {
            let mut client = Client { stream, buffer: BytesMut::new() };
            drop(client.stream.set_nodelay(true));
            // The bench ends the process.
            while client.next(Instant::now() + Duration::from_secs(3600)).await.is_some() {
                if client.stream.write_all(&reply).await.is_err() {
                    return;
                }
            }
        });
    }
}
