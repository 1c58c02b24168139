//! One client's connection through the recorder: bytes pass on at once and unchanged, a copy is cut into frames.
//!
//! Invariant: what one side sends reaches the other whether or not the copy can be read; a side that closes its half
//! leaves the other half open, for [`HALF_CLOSED_MAX`] at most.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::sink::Note;
use crate::transcript::catalogue::Direction;
use crate::transcript::file::Line;
use crate::transcript::frame::{Cutter, Frame, split_text};
use crate::wire::hello;

/// How long the second half may stay open after the first.
const HALF_CLOSED_MAX: Duration = Duration::from_secs(30);
/// A side that takes no byte for this long is gone.
const WRITE_MAX: Duration = Duration::from_secs(60);
const READ_BYTES: usize = 16 * 1024;
/// Frames that a client may send before the gateway answered its hello; clients wait for that answer.
const MAX_EARLY: usize = 64;
/// `API`, a NUL and a length come before the client's first frame; the length belongs to a frame of its own.
const PREFIX: &[u8] = b"API\0";

/// Where one connection's notes go.
#[derive(Debug, Clone)]
pub(crate) struct Tap {
    pub(crate) connection: u32,
    pub(crate) started: Instant,
    pub(crate) notes: mpsc::Sender<Note>,
}

impl Tap {
    fn ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn note(&self, note: Note) {
        // A writer that ended has told why, and the recorder stops.
        let _ = self.notes.send(note).await;
    }
}

/// What the two directions of a connection know of each other.
#[derive(Debug, Default)]
struct Shared {
    hello: OnceLock<String>,
    /// 0 until the gateway answered.
    version: AtomicI32,
    /// What the client sent before that, to be written behind the connection's first line.
    early: Mutex<Vec<(u64, Frame)>>,
}

/// Carries both directions until both ended.
pub(crate) async fn run(client: TcpStream, gateway: TcpStream, tap: Tap) {
    let _ = (client.set_nodelay(true), gateway.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_gateway, to_gateway) = gateway.into_split();
    let shared = Arc::new(Shared::default());
    let up = carry(from_client, to_gateway, Watch::new(Direction::Client, tap.clone(), Arc::clone(&shared)));
    let down = carry(from_gateway, to_client, Watch::new(Direction::Gateway, tap.clone(), Arc::clone(&shared)));
    tokio::pin!(up, down);
    let by = tokio::select! {
        () = &mut up => Direction::Client,
        () = &mut down => Direction::Gateway,
    };
    let rest = async {
        match by {
            Direction::Client => down.await,
            Direction::Gateway => up.await,
        }
    };
    let _ = timeout(HALF_CLOSED_MAX, rest).await;
    if shared.version.load(Ordering::Relaxed) != 0 {
        tap.note(Note::Line(Line::Close { connection: tap.connection, ms: tap.ms(), by })).await;
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut watch: Watch) {
    let mut buffer = vec![0_u8; READ_BYTES];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let bytes = &buffer[..read];
        let notes = watch.look(bytes);
        if !matches!(timeout(WRITE_MAX, to.write_all(bytes)).await, Ok(Ok(()))) {
            return;
        }
        for note in notes {
            watch.tap.note(note).await;
        }
    }
    let _ = timeout(WRITE_MAX, to.shutdown()).await;
}

/// Reads the copy of one direction.
#[derive(Debug)]
struct Watch {
    direction: Direction,
    tap: Tap,
    shared: Arc<Shared>,
    cutter: Cutter,
    prefix_seen: usize,
    greeted: bool,
}

impl Watch {
    fn new(direction: Direction, tap: Tap, shared: Arc<Shared>) -> Self {
        Self { direction, tap, shared, cutter: Cutter::default(), prefix_seen: 0, greeted: false }
    }

    /// What the next bytes hold, for the transcript.
    fn look(&mut self, mut bytes: &[u8]) -> Vec<Note> {
        if self.direction == Direction::Client && self.prefix_seen < PREFIX.len() {
            let skip = bytes.len().min(PREFIX.len() - self.prefix_seen);
            self.prefix_seen += skip;
            bytes = &bytes[skip..];
        }
        let mut bodies = Vec::new();
        let cut = self.cutter.push(bytes, |body| bodies.push(body.to_vec()));
        let ms = self.tap.ms();
        let mut notes: Vec<Note> = bodies.iter().flat_map(|body| self.body(ms, body)).collect();
        if let Err(error) = cut {
            notes.push(self.unreadable(ms, error.to_string()));
        }
        notes
    }

    fn body(&mut self, ms: u64, body: &[u8]) -> Vec<Note> {
        if !self.greeted {
            self.greeted = true;
            return self.greeting(ms, &split_text(body));
        }
        let Some(frame) = Frame::read(body) else {
            return vec![self.unreadable(ms, format!("a frame of {} bytes without a message number", body.len()))];
        };
        let mut early = self.shared.early.lock().unwrap_or_else(PoisonError::into_inner);
        match self.shared.version.load(Ordering::Relaxed) {
            0 if early.len() < MAX_EARLY => {
                early.push((ms, frame));
                Vec::new()
            }
            version => vec![self.frame(ms, version, frame)],
        }
    }

    /// The client's hello is remembered; the gateway's answer opens the connection in the transcript.
    fn greeting(&self, ms: u64, fields: &[String]) -> Vec<Note> {
        let first = fields.first().map(String::as_str).unwrap_or_default();
        if self.direction == Direction::Client {
            let known = hello::parse(first).is_ok();
            let _ = self.shared.hello.set(if known { first.to_owned() } else { String::new() });
            return Vec::new();
        }
        let Ok(server_version) = first.parse() else {
            return vec![self.unreadable(ms, "the gateway's first frame holds no version".to_owned())];
        };
        let mut notes = vec![Note::Line(Line::Open {
            connection: self.tap.connection,
            ms,
            // The client sends this before the gateway answers.
            hello: self.shared.hello.get().cloned().unwrap_or_default(),
            server_version,
            connection_time: fields.get(1).cloned().unwrap_or_default(),
        })];
        let mut early = self.shared.early.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.version.store(server_version, Ordering::Relaxed);
        let early = early.drain(..);
        notes.extend(early.map(|(ms, frame)| Note::Frame {
            connection: self.tap.connection,
            ms,
            from: Direction::Client,
            version: server_version,
            frame,
        }));
        notes
    }

    fn frame(&self, ms: u64, version: i32, frame: Frame) -> Note {
        Note::Frame { connection: self.tap.connection, ms, from: self.direction, version, frame }
    }

    fn unreadable(&self, ms: u64, reason: String) -> Note {
        Note::Line(Line::Unreadable { connection: self.tap.connection, ms, from: self.direction, reason })
    }
}
