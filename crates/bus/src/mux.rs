//! Replies of all calls over one subscription.
//!
//! The library's own `request` leaks an entry per timed-out call for the life of the client (nats.rs #1617) and knows
//! no "accepted" message. Here an entry goes with the call that made it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use async_nats::{Message, StatusCode};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::connection::{Bus, BusError, within};

/// What can arrive for a call.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A worker has it and is at work: the value is its heartbeat id.
    Accepted(String),
    NoResponders,
    Reply(Message),
}

/// One accepted message and one reply, per attempt.
const INCOMING_CAPACITY: usize = 4;

type Waiting = Mutex<HashMap<String, mpsc::Sender<Incoming>>>;

#[derive(Debug, Clone)]
pub(crate) struct Mux {
    prefix: String,
    waiting: Arc<Waiting>,
    attempts: Arc<AtomicU64>,
    /// The subscription; ends with the last clone.
    _task: Arc<AbortOnDropHandle<()>>,
}

/// One call's place in the table; leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) reply_to: String,
    pub(crate) incoming: mpsc::Receiver<Incoming>,
    token: String,
    waiting: Weak<Waiting>,
}

impl Mux {
    pub(crate) async fn start(bus: &Bus) -> Result<Self, BusError> {
        let prefix = bus.client.new_inbox();
        let mut replies = within(std::time::Duration::from_secs(2), bus.client.subscribe(format!("{prefix}.*"))).await?;
        bus.barrier().await?;
        let waiting: Arc<Waiting> = Arc::default();
        let table = Arc::clone(&waiting);
        let task = tokio::spawn(async move {
            while let Some(message) = replies.next().await {
                deliver(&table, message);
            }
        });
        Ok(Self { prefix, waiting, attempts: Arc::default(), _task: Arc::new(AbortOnDropHandle::new(task)) })
    }

    pub(crate) fn waiting(&self) -> usize {
        lock(&self.waiting).len()
    }

    /// A place of its own for every attempt, so that a late answer to the first is not taken for one to the second. Not the
    /// request's id: one request may make several calls.
    pub(crate) fn slot(&self) -> Slot {
        let token = self.attempts.fetch_add(1, Ordering::Relaxed).to_string();
        let (sender, incoming) = mpsc::channel(INCOMING_CAPACITY);
        lock(&self.waiting).insert(token.clone(), sender);
        Slot { reply_to: format!("{}.{token}", self.prefix), incoming, token, waiting: Arc::downgrade(&self.waiting) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.upgrade() {
            lock(&waiting).remove(&self.token);
        }
    }
}

fn lock(table: &Waiting) -> std::sync::MutexGuard<'_, HashMap<String, mpsc::Sender<Incoming>>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

fn deliver(table: &Waiting, message: Message) {
    let token = message.subject.rsplit('.').next().unwrap_or_default();
    let Some(sender) = lock(table).get(token).cloned() else { return };
    let accepted_by = message.headers.as_ref().and_then(|headers| headers.get(schemas::headers::ACCEPTED_BY)).map(|id| id.to_string());
    let incoming = match accepted_by {
        Some(id) => Incoming::Accepted(id),
        None if message.status == Some(StatusCode::NO_RESPONDERS) => Incoming::NoResponders,
        None => Incoming::Reply(message),
    };
    // Full means that four messages came for one call: the first is the one that counts.
    drop(sender.try_send(incoming));
}
