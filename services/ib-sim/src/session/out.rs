//! The way out of a connection: a bounded queue and the task that writes it.
//!
//! Invariant: at most [`MAX_QUEUED_FRAMES`] frames and [`MAX_QUEUED_BYTES`] wait for a client; one that
//! does not read is dropped, never buffered without end. What waits is written together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::overtake::Overtaken;
use crate::faults::Faults;
use crate::faults::state::{Fate, Style};
use crate::gateway::Gateway;

/// The largest answers, all options of an index or all executions, have some ten thousands.
pub(crate) const MAX_QUEUED_FRAMES: usize = 1 << 17;
pub(crate) const MAX_QUEUED_BYTES: usize = 32 << 20;
/// Frames that go into one write at most.
const MAX_TOGETHER: usize = 256;
/// A client that takes no byte for this long is gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// What a closing connection may still say.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A frame that is to be overtaken waits no longer for others to do so.
const OVERTAKE_DEADLINE: Duration = Duration::from_secs(1);
/// Bytes that go slowly go this often.
const SLOW_BEAT: Duration = Duration::from_millis(50);
const SLOW_BEATS_PER_S: u32 = 20;

/// One frame, and how many later ones go before it.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) bytes: Bytes,
    pub(super) behind: u32,
}

/// What the session and its writer know of each other.
#[derive(Debug, Default)]
struct Shared {
    /// Bytes that wait.
    queued: AtomicUsize,
    /// The client took nothing for too long.
    stuck: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct Out {
    frames: mpsc::Sender<Queued>,
    shared: Arc<Shared>,
    /// Ends with the session, however that ends.
    writer: AbortOnDropHandle<()>,
}

/// The client reads too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow;

impl Out {
    pub(crate) fn new(stream: OwnedWriteHalf, gateway: Arc<Gateway>) -> Self {
        let (frames, queue) = mpsc::channel(MAX_QUEUED_FRAMES);
        let shared = Arc::new(Shared::default());
        let writer = AbortOnDropHandle::new(tokio::spawn(write(stream, queue, Arc::clone(&shared), gateway)));
        Self { frames, shared, writer }
    }

    pub(crate) fn send(&self, frame: &Bytes, fate: Fate) -> Result<(), Overflow> {
        if let Some(length) = fate.garbage {
            self.queue(Queued { bytes: garbage(length), behind: 0 })?;
        }
        (0..fate.copies).try_for_each(|_| self.queue(Queued { bytes: frame.clone(), behind: fate.behind }))
    }

    fn queue(&self, frame: Queued) -> Result<(), Overflow> {
        let length = frame.bytes.len();
        if self.shared.queued.fetch_add(length, Ordering::Relaxed) + length > MAX_QUEUED_BYTES {
            return Err(Overflow);
        }
        match self.frames.try_send(frame) {
            // Whoever left reads nothing either; the session is about to notice.
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Overflow),
        }
    }

    /// Resolves when the client no longer takes anything.
    pub(crate) async fn broken(&self) {
        self.frames.closed().await;
    }

    /// Whether it took nothing for too long, rather than left.
    pub(crate) fn stuck(&self) -> bool {
        self.shared.stuck.load(Ordering::Relaxed)
    }

    /// Writes what is queued, briefly, and closes.
    pub(crate) async fn finish(self) {
        drop(self.frames);
        // Dropping the handle afterwards aborts a writer that is not done.
        let _ = timeout(LAST_WORDS, self.writer).await;
    }
}

/// A length that no frame has, and some bytes of what it would begin with.
fn garbage(length: u32) -> Bytes {
    let mut bytes = BytesMut::with_capacity(12);
    bytes.put_u32(length);
    bytes.put_slice(&[0xff; 8]);
    bytes.freeze()
}

async fn write(mut stream: OwnedWriteHalf, mut queue: mpsc::Receiver<Queued>, shared: Arc<Shared>, gateway: Arc<Gateway>) {
    let mut overtaken = Overtaken::default();
    // Set with the first frame held back, so that others which are held back later do not prolong it.
    let mut release_at: Option<Instant> = None;
    let mut batch = Vec::new();
    loop {
        let taken = match release_at {
            None => queue.recv_many(&mut batch, MAX_TOGETHER).await,
            Some(at) => match timeout_at(at, queue.recv_many(&mut batch, MAX_TOGETHER)).await {
                Ok(taken) => taken,
                Err(_) => {
                    overtaken.release(&mut batch);
                    batch.len()
                }
            },
        };
        let style = gateway.faults.style();
        let ended = taken == 0;
        if let Style::Coalesce { frames, ms } = style {
            gather(&mut queue, &mut batch, usize::try_from(frames).unwrap_or(MAX_TOGETHER), ms).await;
        }
        overtaken.pass(&mut batch);
        if ended {
            overtaken.release(&mut batch);
        }
        release_at = (!overtaken.is_empty()).then(|| release_at.unwrap_or_else(|| Instant::now() + OVERTAKE_DEADLINE));
        let length: usize = batch.iter().map(|frame| frame.bytes.len()).sum();
        if let Err(gone) = put(&mut stream, &batch, style, &gateway.faults).await {
            shared.stuck.store(gone == Gone::Stuck, Ordering::Relaxed);
            return;
        }
        shared.queued.fetch_sub(length, Ordering::Relaxed);
        batch.clear();
        if ended {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

/// Waits until so many frames are together, or the time is over.
async fn gather(queue: &mut mpsc::Receiver<Queued>, batch: &mut Vec<Queued>, frames: usize, ms: u64) {
    let until = Instant::now() + Duration::from_millis(ms);
    while batch.len() < frames {
        match timeout_at(until, queue.recv()).await {
            Ok(Some(frame)) => batch.push(frame),
            Ok(None) | Err(_) => return,
        }
    }
}

/// The client takes nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    Left,
    Stuck,
}

async fn put(stream: &mut OwnedWriteHalf, batch: &[Queued], style: Style, faults: &Faults) -> Result<(), Gone> {
    // A way of writing that was switched off ends in the middle of a frame; the rest may be long.
    let holds = || faults.style() == style;
    match style {
        Style::Plain | Style::Coalesce { .. } => match batch {
            [] => Ok(()),
            [one] => all(stream, &one.bytes).await,
            many => {
                let mut together = BytesMut::with_capacity(many.iter().map(|frame| frame.bytes.len()).sum());
                many.iter().for_each(|frame| together.extend_from_slice(&frame.bytes));
                all(stream, &together).await
            }
        },
        Style::Split { bytes, pause_ms } => pieces(stream, batch, bytes, Duration::from_millis(pause_ms), holds).await,
        Style::Slow { bytes_per_s } => pieces(stream, batch, (bytes_per_s / SLOW_BEATS_PER_S).max(1), SLOW_BEAT, holds).await,
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause itself is what was asked for")]
async fn pieces(stream: &mut OwnedWriteHalf, batch: &[Queued], bytes: u32, pause: Duration, holds: impl Fn() -> bool) -> Result<(), Gone> {
    let size = usize::try_from(bytes).unwrap_or(usize::MAX);
    for frame in batch {
        let mut rest = &frame.bytes[..];
        while !rest.is_empty() {
            let end = if holds() { size.min(rest.len()) } else { rest.len() };
            all(stream, &rest[..end]).await?;
            rest = &rest[end..];
            if !pause.is_zero() && holds() {
                sleep(pause).await;
            }
        }
    }
    Ok(())
}

async fn all(stream: &mut OwnedWriteHalf, bytes: &[u8]) -> Result<(), Gone> {
    match timeout(WRITE_DEADLINE, stream.write_all(bytes)).await {
        Ok(written) => written.map_err(|_| Gone::Left),
        Err(_) => Err(Gone::Stuck),
    }
}
