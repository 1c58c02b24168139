//! The messages of one client, from the first line to the last answer.
//!
//! Invariants: at most [`CALLS_MAX`] requests are under way, and the next waits in the pipe; a request that the client
//! cancels is not answered; what is under way at the end of stdin has [`DRAIN_MAX`] to be answered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Way,
    bridge::Bridge,
    lines::{LINE_BYTES_MAX, Line},
    message::{self, INTERNAL_ERROR, INVALID_REQUEST, Message},
};
use crate::out;

/// Far below what an edge takes from all its clients.
const CALLS_MAX: usize = 64;
/// Streams that last as long as the client wants.
const LISTENS_MAX: usize = 16;
/// Who asks again so soon is told the same, without another look.
const LOOK_PERIOD: Duration = Duration::from_secs(3);
/// A chain with Greeks or a year of bars takes this long at the most.
const DRAIN_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Conversation {
    way: Way,
    token: Option<String>,
    out: mpsc::Sender<Vec<u8>>,
    bridge: Option<Arc<Bridge>>,
    /// When no door was found last, and why.
    missed: Option<(Instant, String)>,
    calls: JoinSet<()>,
    running: Running,
    slots: Arc<Semaphore>,
    listens: Arc<Semaphore>,
    /// Ends the streams that last.
    listening: CancellationToken,
    follower: Option<AbortOnDropHandle<()>>,
}

/// Requests under way, by their ids. Of two with one id, which a client must not send, the later can be cancelled.
#[derive(Debug, Clone, Default)]
struct Running(Arc<Mutex<HashMap<String, CancellationToken>>>);

impl Running {
    fn enter(&self, id: &str, token: &CancellationToken) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), token.clone());
    }

    fn leave(&self, id: &str, token: &CancellationToken) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A token that was cancelled has been taken out already, and the id may be another's.
        if !token.is_cancelled() {
            running.remove(id);
        }
    }

    fn cancel(&self, id: &str) {
        if let Some(token) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id) {
            token.cancel();
        }
    }
}

impl Conversation {
    pub(super) fn new(way: Way, token: Option<String>, out: mpsc::Sender<Vec<u8>>) -> Self {
        Self {
            way,
            token,
            out,
            bridge: None,
            missed: None,
            calls: JoinSet::new(),
            running: Running::default(),
            slots: Arc::new(Semaphore::new(CALLS_MAX)),
            listens: Arc::new(Semaphore::new(LISTENS_MAX)),
            listening: CancellationToken::new(),
            follower: None,
        }
    }

    /// Takes lines until there are no more, or until `gone`. Answers whether there was a door.
    pub(super) async fn hold(mut self, mut lines: mpsc::Receiver<Line>, gone: CancellationToken) -> bool {
        let talk = async {
            // A person at a terminal is told before the first message; a program may never send one.
            drop(self.bridge().await);
            while let Some(line) = lines.recv().await {
                self.take(line).await;
            }
            self.listening.cancel();
            self.follower = None;
            let under_way = async { while self.calls.join_next().await.is_some() {} };
            if tokio::time::timeout(DRAIN_MAX, under_way).await.is_err() {
                tracing::warn!(calls = self.calls.len(), "given up at the end of stdin");
            }
        };
        tokio::select! {
            () = talk => {}
            () = gone.cancelled() => {}
        }
        self.follower = None;
        self.calls.shutdown().await;
        let Some(bridge) = self.bridge else { return false };
        if let Some(bridge) = Arc::into_inner(bridge) {
            bridge.end().await;
        }
        true
    }

    /// The way to the edge; looked for anew with each request until there is one.
    async fn bridge(&mut self) -> Result<Arc<Bridge>, String> {
        if let Some(bridge) = &self.bridge {
            return Ok(Arc::clone(bridge));
        }
        if let Some((at, why)) = &self.missed
            && at.elapsed() < LOOK_PERIOD
        {
            return Err(why.clone());
        }
        let door = match super::open(&self.way, self.token.is_some()).await {
            Ok(door) => door,
            Err(why) => {
                out::problem(format_args!("ibmesh mcp: {why}"));
                self.missed = Some((Instant::now(), why.clone()));
                return Err(why);
            }
        };
        let bridge = Arc::new(Bridge::new(door, self.token.as_deref(), self.out.clone()));
        self.bridge = Some(Arc::clone(&bridge));
        Ok(bridge)
    }

    async fn say(&self, line: Vec<u8>) {
        // As in the bridge.
        drop(self.out.send(line).await);
    }

    async fn take(&mut self, line: Line) {
        while self.calls.try_join_next().is_some() {}
        let line = match line {
            Line::Text(line) => line,
            Line::TooLong => {
                let text = format!("the line is longer than {LINE_BYTES_MAX} bytes, the most that is read");
                return self.say(message::error(None, INVALID_REQUEST, &text, None)).await;
            }
        };
        let message = Message::read(&line);
        let bridge = match self.bridge().await {
            Ok(bridge) => bridge,
            Err(why) if message.is_request() => {
                return self.say(message::error(message.id.as_deref(), INTERNAL_ERROR, &why, None)).await;
            }
            // Nobody waits for an answer to it.
            Err(_) => return,
        };
        if let Some(id) = &message.cancels {
            self.running.cancel(id);
            if !bridge.has_version() {
                return;
            }
        }
        // What comes after the handshake must find its session.
        if message.is("initialize") || message.is("notifications/initialized") {
            self.follower = None;
            bridge.pass(line, &message).await;
            if message.is("notifications/initialized") && bridge.has_session() {
                self.follower = Some(AbortOnDropHandle::new(tokio::spawn(async move { bridge.follow().await })));
            }
            return;
        }
        self.begin(bridge, line, message).await;
    }

    async fn begin(&mut self, bridge: Arc<Bridge>, line: Vec<u8>, message: Message) {
        let lasts = message.is("subscriptions/listen");
        let slot: Option<OwnedSemaphorePermit> = if lasts {
            Arc::clone(&self.listens).try_acquire_owned().ok()
        } else {
            // The semaphore is never closed.
            Arc::clone(&self.slots).acquire_owned().await.ok()
        };
        let Some(slot) = slot else {
            let text = format!("{LISTENS_MAX} subscriptions are open already; end one first");
            return self.say(message::error(message.id.as_deref(), INTERNAL_ERROR, &text, None)).await;
        };
        let token = if lasts { self.listening.child_token() } else { CancellationToken::new() };
        let id = message.id.clone().filter(|_| message.is_request());
        if let Some(id) = &id {
            self.running.enter(id, &token);
        }
        let running = self.running.clone();
        self.calls.spawn(async move {
            tokio::select! {
                () = bridge.pass(line, &message) => {}
                () = token.cancelled() => {}
            }
            if let Some(id) = &id {
                running.leave(id, &token);
            }
            drop(slot);
        });
    }
}
