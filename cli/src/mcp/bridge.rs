//! One client's messages to the edge's HTTP contract and back.
//!
//! Requests of the handshake generation share a session where the edge gives one; those of the stateless generation repeat
//! in their head what their body says. Answers, progress and what the edge pushes become lines, each as it comes.
//!
//! Invariants: every request is answered once, with an error where the edge did not; dropping [`Bridge::pass`] ends the
//! request at the edge.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    door::{Answer, Ask, Door},
    events::Reader,
    message::{self, INTERNAL_ERROR, Message},
};

/// Between attempts to follow what the edge pushes.
const FOLLOW_PAUSE_FIRST: Duration = Duration::from_secs(1);
const FOLLOW_PAUSE_MAX: Duration = Duration::from_secs(30);
/// Subscriptions that are made again in a new session.
const SUBSCRIBED_MAX: usize = 256;
/// For the good-bye to a session.
const END_MAX: Duration = Duration::from_secs(2);
const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

#[derive(Debug)]
pub(super) struct Bridge {
    door: Door,
    /// The value of `Authorization`.
    authorization: Option<String>,
    out: mpsc::Sender<Vec<u8>>,
    session: Mutex<Session>,
}

/// What the handshake generation agrees on.
#[derive(Debug, Default, Clone)]
struct Session {
    id: Option<String>,
    version: Option<String>,
    /// As it was sent, for an edge that has forgotten the session.
    initialize: Option<Vec<u8>>,
    /// By URI.
    subscribed: BTreeMap<String, Vec<u8>>,
}

impl Bridge {
    pub(super) fn new(door: Door, token: Option<&str>, out: mpsc::Sender<Vec<u8>>) -> Self {
        Self { door, authorization: token.map(|token| format!("Bearer {token}")), out, session: Mutex::default() }
    }

    fn session<T>(&self, look: impl FnOnce(&mut Session) -> T) -> T {
        look(&mut self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn has_session(&self) -> bool {
        self.session(|session| session.id.is_some())
    }

    /// A handshake was made, so that the edge knows this client's cancels.
    pub(super) fn has_version(&self) -> bool {
        self.session(|session| session.version.is_some())
    }

    /// Sends one message and writes all that comes of it.
    pub(super) async fn pass(&self, line: Vec<u8>, message: &Message) {
        if message.is("initialize") {
            self.session(|session| *session = Session { initialize: Some(line.clone()), ..Session::default() });
        }
        let subscription = message.name.clone().filter(|_| message.is("resources/subscribe") || message.is("resources/unsubscribe"));
        if let Some(uri) = subscription {
            self.session(|session| {
                if !message.is("resources/subscribe") {
                    session.subscribed.remove(&uri);
                } else if session.subscribed.len() < SUBSCRIBED_MAX {
                    session.subscribed.insert(uri, line.clone());
                }
            });
        }
        let passed = match self.door.send(self.post(message, line)).await {
            Ok(answer) => self.answered(message, answer).await,
            Err(why) => Err(why),
        };
        if let Err(why) = passed {
            self.failed(message, &why).await;
        }
    }

    fn post(&self, message: &Message, body: Vec<u8>) -> Ask {
        let mut headers = self.headers("application/json, text/event-stream", message.version.as_deref());
        headers.push(("content-type", "application/json".to_owned()));
        if message.version.is_some() {
            headers.extend(message.method.clone().map(|method| ("mcp-method", method)));
            headers.extend(message.header_name().map(|name| ("mcp-name", name)));
        }
        Ask { method: "POST", headers, body }
    }

    /// `version` is that of a request of the stateless generation, which knows no session.
    fn headers(&self, accept: &str, version: Option<&str>) -> Vec<(&'static str, String)> {
        let mut headers = vec![("accept", accept.to_owned())];
        headers.extend(self.authorization.clone().map(|value| ("authorization", value)));
        let Session { id, version: agreed, .. } = self.session(|session| session.clone());
        if let Some(version) = version {
            headers.push(("mcp-protocol-version", version.to_owned()));
        } else {
            headers.extend(agreed.map(|version| ("mcp-protocol-version", version)));
            headers.extend(id.map(|id| ("mcp-session-id", id)));
        }
        headers
    }

    async fn answered(&self, message: &Message, answer: Answer) -> Result<(), String> {
        let status = answer.status;
        if message.is("initialize") {
            let id = answer.session.clone();
            self.session(|session| session.id = id);
        }
        if status == 200 && answer.is_stream {
            return self.streamed(message, answer).await;
        }
        let body = answer.whole().await?;
        let is_message = || serde_json::from_slice::<Value>(&body).is_ok_and(|said| said.is_array() || said.get("jsonrpc").is_some());
        match message.id.as_deref().filter(|_| message.is_request()) {
            Some(_) if status == 200 && is_message() => {
                self.learn(message, &body);
                self.say(body).await;
            }
            Some(id) => self.say(message::refusal(id, status, &body)).await,
            // A batch, or what is no good message.
            None if !message.is_notification() && is_message() => self.say(body).await,
            None if status >= 300 => tracing::warn!(status, "the edge refused a notification: {}", String::from_utf8_lossy(&body)),
            None => {}
        }
        Ok(())
    }

    async fn streamed(&self, message: &Message, mut answer: Answer) -> Result<(), String> {
        let mut reader = Reader::default();
        let mut answered = false;
        while let Some(piece) = answer.piece().await? {
            reader.push(&piece).ok_or("an event of the edge has no end")?;
            while let Some(event) = reader.next().filter(|event| !event.is_empty()) {
                if message.id.as_deref().is_some_and(|id| Message::read(&event).answers(id)) {
                    answered = true;
                    self.learn(message, &event);
                }
                self.say(event).await;
            }
        }
        if answered || !message.is_request() { Ok(()) } else { Err("the edge ended the stream before it answered".to_owned()) }
    }

    /// The version that the handshake agreed on.
    fn learn(&self, message: &Message, answer: &[u8]) {
        if message.is("initialize") {
            let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
            let version = answer.pointer("/result/protocolVersion").and_then(Value::as_str).map(str::to_owned);
            self.session(|session| session.version = version);
        }
    }

    async fn failed(&self, message: &Message, why: &str) {
        tracing::warn!(method = message.method.as_deref().unwrap_or("(none)"), "{why}");
        if let Some(id) = message.id.as_deref().filter(|_| message.is_request()) {
            self.say(message::error(Some(id), INTERNAL_ERROR, why, None)).await;
        }
    }

    async fn say(&self, line: Vec<u8>) {
        // Who does not read any more is told nothing; the end of the writer ends the process.
        drop(self.out.send(line).await);
    }

    /// Writes what the edge pushes to the session, until there is none.
    pub(super) async fn follow(&self) {
        let (mut last_id, mut pause) = (None::<String>, FOLLOW_PAUSE_FIRST);
        while self.has_session() {
            let mut headers = self.headers("text/event-stream", None);
            headers.extend(last_id.clone().map(|id| ("last-event-id", id)));
            match self.door.send(Ask { method: "GET", headers, body: Vec::new() }).await {
                Ok(answer) if answer.status == 200 && answer.is_stream => {
                    pause = FOLLOW_PAUSE_FIRST;
                    last_id = self.pushed(answer).await.or(last_id);
                }
                Ok(answer) if answer.status == 404 => {
                    last_id = None;
                    self.renew().await;
                }
                // It keeps no streams, or not for this caller.
                Ok(answer) if (400..500).contains(&answer.status) => return,
                Ok(_) | Err(_) => {}
            }
            #[expect(clippy::disallowed_methods, reason = "a back-off: nothing tells when the edge is back")]
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(FOLLOW_PAUSE_MAX);
        }
    }

    /// Answers with the id of the last event.
    async fn pushed(&self, mut answer: Answer) -> Option<String> {
        let mut reader = Reader::default();
        while let Ok(Some(piece)) = answer.piece().await {
            if reader.push(&piece).is_none() {
                break;
            }
            while let Some(event) = reader.next().filter(|event| !event.is_empty()) {
                self.say(event).await;
            }
        }
        reader.last_id
    }

    /// The edge has forgotten the session: it makes a new one, and subscribes as before.
    async fn renew(&self) {
        let Session { initialize, subscribed, .. } = self.session(|session| {
            session.id = None;
            session.clone()
        });
        let Some(initialize) = initialize else { return };
        let ask = self.post(&Message::read(&initialize), initialize);
        let Ok(answer) = self.door.send(ask).await else { return };
        let id = answer.session.clone();
        drop(answer.whole().await);
        self.session(|session| session.id = id);
        for body in [INITIALIZED.to_vec()].into_iter().chain(subscribed.into_values()) {
            if let Ok(answer) = self.door.send(self.post(&Message::read(&body), body)).await {
                drop(answer.whole().await);
            }
        }
        tracing::info!("the edge had forgotten the session; a new one was made");
    }

    /// Ends the session, and the link where this process has one.
    pub(super) async fn end(self) {
        if self.has_session() {
            let ask = Ask { method: "DELETE", headers: self.headers("application/json", None), body: Vec::new() };
            drop(tokio::time::timeout(END_MAX, self.door.send(ask)).await);
        }
        self.door.close().await;
    }
}
