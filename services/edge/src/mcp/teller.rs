//! What reaches a client before its answer: progress, log messages and questions, over the stream of its call.
//!
//! Invariant: telling never waits; what does not fit is dropped, and whoever asked something is told so.

use tokio::sync::mpsc;

use crate::ask::ProgressSink;

/// Messages on their way to a client that does not read.
const MESSAGES_MAX: usize = 64;

/// One call's way to its client.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    pub(crate) progress: ProgressSink,
    messages: mpsc::Sender<Vec<u8>>,
}

impl Teller {
    pub(crate) fn new(progress: ProgressSink) -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (messages, said) = mpsc::channel(MESSAGES_MAX);
        (Self { progress, messages }, said)
    }

    /// False where the client does not read.
    pub(crate) fn say(&self, message: Vec<u8>) -> bool {
        self.messages.try_send(message).is_ok()
    }
}
