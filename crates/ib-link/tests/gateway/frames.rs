//! A server that speaks just enough of IB's wire to send frames which no simulator would: version 226, protobuf, by hand.
//!
//! It accepts every connection, tells one or more accounts and an order id, answers its clock, and ends account
//! subscriptions at once. What a test wants otherwise it says per request.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

/// Added to the number of every message whose body is protobuf.
const PROTOBUF: u32 = 200;

/// Requests, by IB's numbers.
pub(crate) const ACCOUNT_DATA: u32 = 6;
const NEXT_ID: u32 = 8;
pub(crate) const CONTRACT_DATA: u32 = 9;
const MANAGED_ACCOUNTS: u32 = 17;
pub(crate) const CURRENT_TIME: u32 = 49;
pub(crate) const ACCOUNT_SUMMARY: u32 = 62;
pub(crate) const START_API: u32 = 71;
pub(crate) const POSITIONS_MULTI: u32 = 74;
pub(crate) const ACCOUNT_UPDATES_MULTI: u32 = 76;
pub(crate) const PNL_SINGLE: u32 = 94;

/// A message to the client: IB's number and the protobuf body.
pub(crate) type Frame = (u32, Vec<u8>);

/// A request: IB's number, the id in its first field, and how many of this kind came before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) message: u32,
    pub(crate) id: u64,
    pub(crate) before: usize,
}

type Answer = dyn Fn(Asked) -> Option<Vec<Frame>> + Send + Sync;

pub(crate) struct FrameServer {
    port: u16,
    heard: Arc<Mutex<Vec<u32>>>,
    _accepting: AbortOnDropHandle<()>,
}

impl FrameServer {
    /// `answer` says what to send for a request; `None` leaves it to the usual answer.
    pub(crate) async fn start(accounts: &'static str, answer: impl Fn(Asked) -> Option<Vec<Frame>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind");
        let port = listener.local_addr().expect("address").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answer: Arc<Answer> = Arc::new(answer);
        let told = Arc::clone(&heard);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, accounts, Arc::clone(&answer), Arc::clone(&told)));
            }
        });
        Self { port, heard, _accepting: AbortOnDropHandle::new(accepting) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn heard(&self, message: u32) -> usize {
        self.heard.lock().expect("no panic inside").iter().filter(|heard| **heard == message).count()
    }
}

async fn serve(mut stream: TcpStream, accounts: &'static str, answer: Arc<Answer>, heard: Arc<Mutex<Vec<u32>>>) -> Option<()> {
    let mut api = [0; 4];
    stream.read_exact(&mut api).await.ok()?;
    read(&mut stream).await?;
    let hello = b"226\x0020261121 10:06:18 UTC\0".to_vec();
    write(&mut stream, hello).await?;
    loop {
        let body = read(&mut stream).await?;
        let message = u32::from_be_bytes(*body.first_chunk()?) - PROTOBUF;
        let id = first_field(&body[4..]);
        let before = {
            let mut heard = heard.lock().expect("no panic inside");
            let before = heard.iter().filter(|heard| **heard == message).count();
            heard.push(message);
            before
        };
        let frames = answer(Asked { message, id, before }).unwrap_or_else(|| usual(message, id, accounts));
        for (number, body) in frames {
            write(&mut stream, [(number + PROTOBUF).to_be_bytes().to_vec(), body].concat()).await?;
        }
    }
}

fn usual(message: u32, id: u64, accounts: &str) -> Vec<Frame> {
    let (accounts, next_id) = ((15, text(1, accounts)), (9, number(1, 1)));
    match message {
        START_API => vec![accounts, next_id],
        MANAGED_ACCOUNTS => vec![accounts],
        NEXT_ID => vec![next_id],
        CURRENT_TIME => vec![time()],
        // Not the one that ends the subscription.
        ACCOUNT_DATA if id == 1 => vec![(54, Vec::new())],
        POSITIONS_MULTI => vec![(72, number(1, id))],
        ACCOUNT_UPDATES_MULTI => vec![(74, number(1, id))],
        ACCOUNT_SUMMARY => vec![(64, number(1, id))],
        _ => Vec::new(),
    }
}

/// The answer to [`CURRENT_TIME`].
pub(crate) fn time() -> Frame {
    (49, number(1, 1_800_000_000))
}

async fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = stream.read_u32().await.ok()?;
    let mut body = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}

async fn write(stream: &mut TcpStream, body: Vec<u8>) -> Option<()> {
    let length = u32::try_from(body.len()).ok()?;
    stream.write_all(&[length.to_be_bytes().to_vec(), body].concat()).await.ok()
}

/// A whole number, as every kind of protobuf's varint that is not negative.
pub(crate) fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

pub(crate) fn text(field: u64, value: &str) -> Vec<u8> {
    message(field, value.as_bytes())
}

pub(crate) fn message(field: u64, body: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(u64::try_from(body.len()).expect("short")), body.to_vec()].concat()
}

pub(crate) fn double(field: u64, value: f64) -> Vec<u8> {
    [varint(field << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).expect("seven bits"));
    bytes
}

/// The number in field 1, which every request begins with that has an id; zero without one.
fn first_field(body: &[u8]) -> u64 {
    let Some((0x08, rest)) = body.split_first() else { return 0 };
    let last = rest.iter().position(|byte| *byte < 0x80).unwrap_or(rest.len().saturating_sub(1));
    rest[..=last].iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}
