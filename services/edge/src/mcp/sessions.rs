//! Sessions of the handshake generations: only for what is pushed to a client or asked of it. No call needs one.
//!
//! Whoever shakes hands and reads event streams gets one. It ends when its client says so or after [`IDLE_MAX`] in which
//! nothing came from it and it had no stream open; a caller with many loses its own oldest first.
//!
//! An id that is not known (a session that expired, an edge that was restarted) is no reason to refuse a call: SDKs do
//! not shake hands anew by themselves, and the call needs nothing of it. Only what the session is for says 404. A session
//! that its own client ended is gone for everything, as MCP demands.
//!
//! Invariants: at most [`SESSIONS_MAX`]; an id has 128 random bits and is good for the principal it was given to; what
//! waits for a client's word is bounded and forgotten with whoever waits.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json, value::RawValue};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Teller,
    hub::{Hub, Kind, Subscription},
    level::Level,
    terms::Capabilities,
};
use crate::{auth, rpc::Id};

const SESSIONS_MAX: usize = 1_024;
const OF_ONE_CALLER_MAX: usize = 256;
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);
/// Ids of sessions that were ended, so that they are told apart from unknown ones.
const ENDED_MAX: usize = 1_024;
/// Questions to one client at once.
const ASKED_MAX: usize = 8;
/// A person has this long to answer.
const ANSWER_MAX: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(crate) struct Sessions {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    live: HashMap<Arc<str>, Arc<Session>>,
    ended: HashSet<Arc<str>>,
    /// The same, the oldest first.
    ended_order: VecDeque<Arc<str>>,
    /// Counts handshakes and messages.
    turn: u64,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: Arc<str>,
    owner: auth::Key,
    pub(crate) capabilities: Capabilities,
    pub(crate) subscription: Subscription,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    touched: Instant,
    /// The table's count at the same time: clocks may show two of them as one.
    turn: u64,
    level: Option<Level>,
    /// Ends the stream that is open.
    stream: Option<CancellationToken>,
    next: u64,
    asked: HashMap<u64, oneshot::Sender<Option<Value>>>,
}

/// What an id stands for.
#[derive(Debug)]
pub(crate) enum Found {
    Live(Arc<Session>),
    /// Its client has ended it.
    Ended,
    Unknown,
}

/// Why a client's word does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoWord {
    /// It is asked too much already, or its stream is full.
    Busy,
    TooLate,
    /// It answered with an error.
    Refused,
}

impl Sessions {
    /// A new session, or none where no room can be made.
    pub(crate) fn mint(&self, hub: &Hub, id: String, owner: &auth::Key, capabilities: Capabilities) -> Option<Arc<Session>> {
        let now = Instant::now();
        let mut table = self.table();
        table.live.retain(|_, session| !session.is_over(now));
        if table.live.len() >= OF_ONE_CALLER_MAX
            && table.live.values().filter(|session| session.owner == *owner).count() >= OF_ONE_CALLER_MAX
        {
            table.evict(now, |session| session.owner == *owner)?;
        }
        if table.live.len() >= SESSIONS_MAX {
            table.evict(now, |_| true)?;
        }
        let subscription = hub.subscribe(&[Kind::Tools, Kind::Resources, Kind::Prompts])?;
        let state = State { touched: now, turn: table.next_turn(), level: None, stream: None, next: 0, asked: HashMap::new() };
        let session = Arc::new(Session { id: id.into(), owner: owner.clone(), capabilities, subscription, state: Mutex::new(state) });
        table.live.insert(Arc::clone(&session.id), Arc::clone(&session));
        Some(session)
    }

    /// Another caller's id is as good as none.
    pub(crate) fn find(&self, id: &str, owner: &auth::Key) -> Found {
        let now = Instant::now();
        let mut table = self.table();
        let turn = table.next_turn();
        match table.live.get(id).filter(|session| session.owner == *owner) {
            Some(session) if !session.is_over(now) => {
                {
                    let mut state = session.state();
                    (state.touched, state.turn) = (now, turn);
                }
                Found::Live(Arc::clone(session))
            }
            Some(_) => {
                table.live.remove(id);
                Found::Unknown
            }
            None if table.ended.contains(id) => Found::Ended,
            None => Found::Unknown,
        }
    }

    /// As its client wishes. False where there is none.
    pub(crate) fn end(&self, id: &str, owner: &auth::Key) -> bool {
        let mut table = self.table();
        if table.live.get(id).is_none_or(|session| session.owner != *owner) {
            return false;
        }
        let Some(session) = table.live.remove(id) else { return false };
        session.close();
        if table.ended_order.len() >= ENDED_MAX
            && let Some(oldest) = table.ended_order.pop_front()
        {
            table.ended.remove(&oldest);
        }
        table.ended_order.push_back(Arc::clone(&session.id));
        table.ended.insert(Arc::clone(&session.id));
        true
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.table().live.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    /// Ends the one of these that was silent longest; one with a stream open only where all have.
    fn evict(&mut self, now: Instant, of: impl Fn(&Session) -> bool) -> Option<()> {
        let silent = |session: &Session| {
            let is_streaming = session.is_streaming();
            let state = session.state();
            (!is_streaming, now.duration_since(state.touched), Reverse(state.turn))
        };
        let id = self
            .live
            .values()
            .filter(|session| of(session))
            .max_by_key(|session| silent(session))
            .map(|session| Arc::clone(&session.id))?;
        self.live.remove(&id)?.close();
        Some(())
    }
}

impl Session {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_streaming(&self) -> bool {
        self.state().stream.as_ref().is_some_and(|stream| !stream.is_cancelled())
    }

    fn is_over(&self, now: Instant) -> bool {
        !self.is_streaming() && now.duration_since(self.state().touched) >= IDLE_MAX
    }

    fn close(&self) {
        let stream = self.state().stream.take();
        stream.inspect(CancellationToken::cancel);
    }

    pub(crate) fn level(&self) -> Option<Level> {
        self.state().level
    }

    pub(crate) fn set_level(&self, level: Level) {
        self.state().level = Some(level);
    }

    /// A stream of this session: each message goes to one stream only, so that the newest takes the older one's place.
    pub(crate) fn stream(&self) -> CancellationToken {
        let token = CancellationToken::new();
        let older = self.state().stream.replace(token.clone());
        older.inspect(CancellationToken::cancel);
        token
    }

    /// The stream that `token` stands for is gone; idle time counts from now.
    pub(crate) fn streamed(&self, token: &CancellationToken) {
        token.cancel();
        self.state().touched = Instant::now();
    }

    /// Asks the client over the stream of the call that needs to know.
    pub(crate) async fn ask(&self, teller: &Teller, method: &str, params: &Value) -> Result<Value, NoWord> {
        let (tell, heard) = oneshot::channel();
        let number = {
            let mut state = self.state();
            if state.asked.len() >= ASKED_MAX {
                return Err(NoWord::Busy);
            }
            state.next += 1;
            let number = state.next;
            state.asked.insert(number, tell);
            number
        };
        let _forgotten = Forget { session: self, number };
        let request = json!({ "jsonrpc": "2.0", "id": number, "method": method, "params": params });
        if !teller.say(request.to_string().into_bytes()) {
            return Err(NoWord::Busy);
        }
        match timeout(ANSWER_MAX, heard).await {
            Ok(Ok(Some(result))) => Ok(result),
            Ok(Ok(None)) => Err(NoWord::Refused),
            Ok(Err(_)) | Err(_) => Err(NoWord::TooLate),
        }
    }

    /// The client's answer to a question. What nobody asked, or asks no more, is dropped.
    pub(crate) fn answered(&self, id: Option<Id<'_>>, result: Option<&RawValue>) {
        let Some(number) = id.and_then(|id| id.as_json().parse().ok()) else { return };
        let waiting = self.state().asked.remove(&number);
        if let Some(waiting) = waiting {
            // Whoever asked may have gone.
            drop(waiting.send(result.and_then(|result| serde_json::from_str(result.get()).ok())));
        }
    }
}

/// Nobody waits for that answer any more.
struct Forget<'a> {
    session: &'a Session,
    number: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.session.state().asked.remove(&self.number);
    }
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
