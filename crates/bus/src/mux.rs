//! Replies of all calls over one subscription.
//!
//! The library's own `request` leaks an entry per timed-out call for the life of the client (nats.rs #1617) and knows
//! no "accepted" message. Here an entry goes with the call that made it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use async_nats::{Message, StatusCode};
use futures::StreamExt;
use schemas::Progress;
use tokio::sync::{oneshot, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    connection::{Bus, BusError, within},
    names,
    text::header_text,
};

/// What ends an attempt's wait.
#[derive(Debug)]
pub(crate) enum Incoming {
    NoResponders,
    Reply(Message),
}

/// Who waits for one attempt. The first message of each kind is the one that counts.
#[derive(Debug)]
struct Waiter {
    accepted: Option<oneshot::Sender<String>>,
    ended: oneshot::Sender<Incoming>,
    progress: Option<ProgressSink>,
}

/// Where a caller is told how far its call is.
pub(crate) type ProgressSink = watch::Sender<Option<Progress>>;

type Waiting = Mutex<HashMap<u64, Waiter>>;

#[derive(Debug, Clone)]
pub(crate) struct Mux {
    prefix: String,
    waiting: Arc<Waiting>,
    attempts: Arc<AtomicU64>,
    /// The subscription; ends with the last clone.
    _task: Arc<AbortOnDropHandle<()>>,
}

/// One attempt's place in the table; leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    /// A worker has it and is at work: the value is its heartbeat id, empty where it told its progress without its name.
    pub(crate) accepted: oneshot::Receiver<String>,
    pub(crate) ended: oneshot::Receiver<Incoming>,
    number: u64,
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
    pub(crate) fn slot(&self, progress: Option<ProgressSink>) -> Slot {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed);
        let ((accepting, accepted), (ending, ended)) = (oneshot::channel(), oneshot::channel());
        lock(&self.waiting).insert(number, Waiter { accepted: Some(accepting), ended: ending, progress });
        Slot { accepted, ended, number, waiting: Arc::downgrade(&self.waiting) }
    }

    /// Where the answers to `slot` are sent.
    pub(crate) fn reply_to(&self, slot: &Slot) -> String {
        format!("{}.{}", self.prefix, slot.number)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.upgrade() {
            lock(&waiting).remove(&self.number);
        }
    }
}

fn lock(table: &Waiting) -> MutexGuard<'_, HashMap<u64, Waiter>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

fn deliver(table: &Waiting, message: Message) {
    let token = message.subject.rsplit('.').next().unwrap_or_default();
    let Ok(number) = token.parse::<u64>() else { return };
    let get = |name| names::value(message.headers.as_ref(), name);
    let (id, progress) = (get(&names::ACCEPTED_BY), get(&names::PROGRESS));
    if id.is_some() || progress.is_some() {
        let mut waiting = lock(table);
        let Some(waiter) = waiting.get_mut(&number) else { return };
        // Who waited may have gone since.
        drop(waiter.accepted.take().map(|accepting| accepting.send(id.unwrap_or_default().to_owned())));
        if let (Some(sink), Some(progress)) = (&waiter.progress, progress.and_then(read_progress)) {
            sink.send_replace(Some(progress));
        }
        return;
    }
    let Some(waiter) = lock(table).remove(&number) else { return };
    let nobody = message.status == Some(StatusCode::NO_RESPONDERS);
    drop(waiter.ended.send(if nobody { Incoming::NoResponders } else { Incoming::Reply(message) }));
}

/// Whoever may answer on this subject may write what it likes, so it is bounded here too.
fn read_progress(text: &str) -> Option<Progress> {
    let progress: Progress = serde_json::from_str(text).ok()?;
    Some(Progress { note: header_text(&progress.note), ..progress })
}
