//! The way out of a connection: a bounded queue and the task that writes it.
//!
//! Invariant: at most [`MAX_QUEUED_FRAMES`] frames and [`MAX_QUEUED_BYTES`] wait for a client; one that
//! does not read is dropped, never buffered without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

pub(crate) const MAX_QUEUED_FRAMES: usize = 8_192;
pub(crate) const MAX_QUEUED_BYTES: usize = 64 << 20;
/// A client that takes no byte for this long is gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// What a closing connection may still say.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Out {
    frames: mpsc::Sender<Bytes>,
    queued: Arc<AtomicUsize>,
    /// Ends with the session, however that ends.
    writer: AbortOnDropHandle<()>,
}

/// The client reads too slowly, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow;

impl Out {
    pub(crate) fn new(stream: OwnedWriteHalf) -> Self {
        let (frames, queue) = mpsc::channel(MAX_QUEUED_FRAMES);
        let queued = Arc::new(AtomicUsize::new(0));
        let writer = AbortOnDropHandle::new(tokio::spawn(write(stream, queue, Arc::clone(&queued))));
        Self { frames, queued, writer }
    }

    pub(crate) fn send(&self, frame: Bytes) -> Result<(), Overflow> {
        let length = frame.len();
        if self.queued.fetch_add(length, Ordering::Relaxed) + length > MAX_QUEUED_BYTES {
            return Err(Overflow);
        }
        self.frames.try_send(frame).map_err(|_| Overflow)
    }

    /// Resolves when the client no longer takes anything.
    pub(crate) async fn broken(&self) {
        self.frames.closed().await;
    }

    /// Writes what is queued, briefly, and closes.
    pub(crate) async fn finish(self) {
        drop(self.frames);
        // Dropping the handle afterwards aborts a writer that is not done.
        let _ = timeout(LAST_WORDS, self.writer).await;
    }
}

async fn write(mut stream: OwnedWriteHalf, mut queue: mpsc::Receiver<Bytes>, queued: Arc<AtomicUsize>) {
    while let Some(frame) = queue.recv().await {
        match timeout(WRITE_DEADLINE, stream.write_all(&frame)).await {
            Ok(Ok(())) => queued.fetch_sub(frame.len(), Ordering::Relaxed),
            _ => return,
        };
    }
    let _ = stream.shutdown().await;
}
