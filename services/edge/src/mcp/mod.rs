//! MCP's methods, whatever carries them.
//!
//! Invariants: one answer for each request, in the order of a batch; a method that fails or panics answers with its
//! request's id; nothing here is spawned, so that dropping [`handle`]'s future ends the calls it made.

mod batch;
mod beside;
mod completion;
pub(crate) mod confirm;
pub(crate) mod frame;
mod given;
pub(crate) mod hub;
pub(crate) mod level;
mod lifecycle;
pub(crate) mod listen;
mod methods;
pub(crate) mod mirror;
pub(crate) mod progress;
mod prompts;
mod resources;
mod rights;
pub(crate) mod seal;
pub(crate) mod sessions;
mod teller;
pub(crate) mod terms;
pub(crate) mod tools;
pub(crate) mod watch;

use std::{borrow::Cow, net::IpAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::http::HeaderMap;
use futures::FutureExt;
use schemas::Fault;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use self::{
    level::Level,
    listen::Listening,
    sessions::{Found, Session},
};
pub(crate) use self::{lifecycle::server_info, teller::Teller, terms::Terms};
use crate::{
    ask::ProgressSink,
    auth::{Principal, Scope},
    cancels::Key,
    conformance,
    edge::Edge,
    rpc::{self, Id, Input, Message, Problem, Request},
};

/// What carried a message: the same for all messages of one body.
#[derive(Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) principal: Principal,
    pub(crate) peer: IpAddr,
    /// User-Agent.
    pub(crate) agent: Cow<'a, str>,
    /// `MCP-Protocol-Version`.
    pub(crate) version: Option<&'a str>,
    /// `Mcp-Session-Id`.
    pub(crate) session: Option<&'a str>,
    /// Absent where the carrier has none, as stdio.
    pub(crate) headers: Option<&'a HeaderMap>,
    /// Not checked yet.
    pub(crate) traceparent: Option<&'a str>,
    /// What the caller grants; a header that cannot be read fails the calls, not the protocol.
    pub(crate) timeout: Result<Option<Duration>, Fault>,
    pub(crate) listener: Listener,
    /// What the message itself says; [`handle`] finds it out.
    pub(crate) terms: Terms,
}

impl Asker<'_> {
    /// The way to the client before its answer, if there is one.
    pub(crate) fn teller(&self) -> Option<&Teller> {
        match &self.listener {
            Listener::Told(teller) => Some(teller),
            Listener::None | Listener::Possible => None,
        }
    }

    /// Where the progress of a call goes, if anywhere.
    pub(crate) fn progress(&self) -> Option<ProgressSink> {
        self.teller().map(|teller| teller.progress.clone())
    }

    /// Tells the client, if it wants to hear of such things.
    pub(crate) fn log(&self, level: Level, data: impl FnOnce() -> Value) {
        if let Some(teller) = self.teller()
            && self.terms.level.is_some_and(|wanted| level >= wanted)
        {
            // Whoever does not read does not miss it.
            teller.say(level.message(&data()));
        }
    }

    /// What names a call of this client, to cancel it.
    pub(crate) fn cancel_key(&self, id: &str) -> Option<Key> {
        match &self.terms.session {
            Some(session) => Some(Key::of_session(&session.id, id)),
            None => Key::new(self.peer, &self.agent, id),
        }
    }
}

/// Whether somebody can be told of a call's progress.
#[derive(Debug)]
pub(crate) enum Listener {
    /// The client reads one answer and nothing before it.
    None,
    /// The client reads event streams; none is open.
    Possible,
    /// A stream is open.
    Told(Teller),
}

/// The answer to one body.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Only notifications: HTTP 202.
    Nothing,
    Json(Vec<u8>),
    /// Not even a request: HTTP 400.
    BadRequest(Vec<u8>),
    /// HTTP 404: 2026-07-28 wants it for an unknown method, the generations before for a session that is over.
    NotFound(Vec<u8>),
    /// The caller lacks a right, which one of its tokens may have: HTTP 403.
    Forbidden {
        scope: Scope,
        body: Vec<u8>,
    },
    /// The answer to a handshake, with the session that came of it.
    Welcome {
        session: Arc<Session>,
        body: Vec<u8>,
    },
    /// Nothing was done: the call has something to tell before its answer, so it is to be handled again with a stream open.
    Stream {
        /// JSON of the progress token.
        token: Option<String>,
    },
    /// Opened; its words go to a stream until one side ends it.
    Listen(Listening),
}

impl Answer {
    /// An answer whose status its error's code says.
    fn of(refused: Option<i32>, modern: bool, body: Vec<u8>) -> Self {
        match refused {
            Some(rpc::HEADER_MISMATCH | rpc::MISSING_CAPABILITY | rpc::UNSUPPORTED_VERSION) => Self::BadRequest(body),
            Some(rpc::METHOD_NOT_FOUND) if modern => Self::NotFound(body),
            _ => Self::Json(body),
        }
    }
}

/// Reads a body and answers it.
pub(crate) async fn handle(edge: &Edge, body: &[u8], asker: Asker<'_>) -> Answer {
    match rpc::parse(body) {
        Err(problem) => bad(edge, None, &problem),
        Ok(Input::One(Message::Invalid(id, problem))) => bad(edge, id, &problem),
        Ok(Input::One(message)) => alone(edge, &message, asker).await,
        Ok(Input::Batch(_)) if terms::declares_modern(asker.version) => {
            bad(edge, None, &Problem::invalid_request("there are no batches since 2025-06-18; send one message"))
        }
        Ok(Input::Batch(messages)) => {
            if let Some(problem) = messages.iter().find_map(|message| terms::unknown_version(message, &asker)) {
                return bad(edge, None, &problem);
            }
            edge.guard.charge(&asker.principal, messages.len() - 1);
            match session(edge, &asker) {
                Ok(session) => batch::answer(edge, &messages, &Asker { terms: Terms::of_session(session), ..asker }).await,
                Err(()) => over(edge, None),
            }
        }
    }
}

fn bad(edge: &Edge, id: Option<Id<'_>>, problem: &Problem) -> Answer {
    Answer::BadRequest(refused(edge, id, problem))
}

fn over(edge: &Edge, id: Option<Id<'_>>) -> Answer {
    Answer::NotFound(refused(edge, id, &Problem::invalid_request("this session is over; shake hands anew with `initialize`")))
}

/// The session that the caller names. An error where it has ended that one itself.
fn session(edge: &Edge, asker: &Asker<'_>) -> Result<Option<Arc<Session>>, ()> {
    let Some(id) = asker.session else { return Ok(None) };
    match edge.sessions.find(id, asker.principal.key()) {
        Found::Live(session) => Ok(Some(session)),
        Found::Unknown => Ok(None),
        Found::Ended => Err(()),
    }
}

async fn alone(edge: &Edge, message: &Message<'_>, mut asker: Asker<'_>) -> Answer {
    let id = batch::id_of(message);
    let modern = match message {
        Message::Request(request) => terms::modern(request, asker.version, asker.headers, &edge.mirrors),
        _ => None,
    };
    match modern {
        Some(Ok(terms)) => asker.terms = terms,
        Some(Err(problem)) => return bad(edge, id, &problem),
        None => {
            if let Some(problem) = terms::unknown_version(message, &asker) {
                return bad(edge, id, &problem);
            }
            match session(edge, &asker) {
                Ok(None) if asker.session.is_some() && methods::needs_session(message) => return over(edge, id),
                Ok(session) => asker.terms = Terms::of_session(session),
                Err(()) => return over(edge, id),
            }
        }
    }
    if let Some((id, scope)) = rights::lacking(edge, message, &asker.principal) {
        return Answer::Forbidden { scope, body: refused(edge, Some(id), &rights::problem(scope)) };
    }
    if let Some(token) = wanted(edge, message, &asker) {
        return Answer::Stream { token: token.map(str::to_owned) };
    }
    match message {
        Message::Request(request) if request.method == "initialize" && !asker.terms.modern => welcome(edge, request, &asker),
        Message::Request(request) if request.method == "subscriptions/listen" && asker.terms.modern => match Listening::open(edge, request)
        {
            Ok(listening) => Answer::Listen(listening),
            Err(problem) => Answer::Json(refused(edge, id, &problem)),
        },
        _ => match one(edge, message, &asker).await {
            Some((code, body)) => Answer::of(code, asker.terms.modern, body),
            None => Answer::Nothing,
        },
    }
}

/// A handshake. Who reads event streams gets a session, which is what push and questions need; nobody else has use for one.
fn welcome(edge: &Edge, request: &Request<'_>, asker: &Asker<'_>) -> Answer {
    match lifecycle::initialize(edge, request, &asker.principal) {
        Err(problem) => Answer::Json(refused(edge, Some(request.id), &problem)),
        Ok((body, _)) if matches!(asker.listener, Listener::None) => Answer::Json(body),
        Ok((body, capabilities)) => {
            let id = edge.seal.id();
            match id.and_then(|id| edge.sessions.mint(&edge.hub, id, asker.principal.key(), capabilities)) {
                Some(session) => Answer::Welcome { session, body },
                None => Answer::Json(body),
            }
        }
    }
}

/// Whether a stream is worth opening for a call, and its progress token. Clients give a token to every call; an operation
/// that tells nothing is answered with plain JSON, which MCP leaves to the server.
fn wanted<'a>(edge: &Edge, message: &Message<'a>, asker: &Asker<'_>) -> Option<Option<&'a str>> {
    let (Message::Request(request), Listener::Possible) = (message, &asker.listener) else { return None };
    if request.method != "tools/call" {
        return None;
    }
    let token = progress::token(request);
    let tool = tools::named(request);
    let tells = token.is_some() && tool.is_some_and(|tool| tool.operation().tells_progress);
    let asks = tool.is_some_and(tools::asks_first) && !asker.terms.modern && confirm::can_ask(asker);
    let logs = tool.is_some() && asker.terms.level.is_some();
    (tells || asks || logs || (edge.conformance && conformance::streams(request))).then_some(token)
}

/// Answers one message, if it is to be answered: the error's code, if it is one, and the body.
async fn one(edge: &Edge, message: &Message<'_>, asker: &Asker<'_>) -> Option<(Option<i32>, Vec<u8>)> {
    match message {
        Message::Request(request) => {
            // A panic that went further would take the id with it, and in a batch the other answers too.
            let answered = AssertUnwindSafe(methods::answer(edge, request, asker)).catch_unwind().await;
            let answered =
                answered.unwrap_or_else(|_| Err(Problem::new(rpc::INTERNAL_ERROR, "the edge failed at this request; it has been logged")));
            Some(match answered {
                Ok(body) => (None, body),
                Err(problem) => (Some(problem.code), refused(edge, Some(request.id), &problem)),
            })
        }
        Message::Notification { method, params } => {
            notified(edge, method, *params, asker);
            None
        }
        Message::Response { id, result } => {
            if let Some(session) = &asker.terms.session {
                session.answered(*id, *result);
            }
            None
        }
        Message::Invalid(id, problem) => Some((Some(problem.code), refused(edge, *id, problem))),
    }
}

fn refused(edge: &Edge, id: Option<Id<'_>>, problem: &Problem) -> Vec<u8> {
    edge.metrics.protocol_error();
    rpc::error(id, problem)
}

/// Notifications are never answered, not even wrong ones (JSON-RPC 2.0 section 4.1). `notifications/initialized` needs
/// nothing.
fn notified(edge: &Edge, method: &str, params: Option<&RawValue>, asker: &Asker<'_>) {
    #[derive(Deserialize)]
    struct Cancelled<'a> {
        #[serde(borrow, rename = "requestId")]
        request_id: &'a RawValue,
    }
    if method != "notifications/cancelled" {
        return;
    }
    let object = params.map(RawValue::get).filter(|text| text.starts_with('{'));
    let Some(Ok(cancelled)) = object.map(serde_json::from_str::<Cancelled<'_>>) else { return };
    if let Some(key) = asker.cancel_key(cancelled.request_id.get()) {
        let found = edge.cancels.cancel(&key);
        tracing::debug!(found, "cancelled by notification");
    }
}
