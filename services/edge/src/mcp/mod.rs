//! MCP's methods, whatever carries them.
//!
//! Invariants: one answer for each request, in the order of a batch; a method that fails or panics answers with its
//! request's id; nothing here is spawned, so that dropping [`handle`]'s future ends the calls it made.

mod beside;
mod completion;
mod given;
#[cfg_attr(not(test), expect(dead_code, reason = "the sessions and listeners that read it come in the next commits"))]
pub(crate) mod hub;
pub(crate) mod lifecycle;
pub(crate) mod progress;
mod prompts;
mod resources;
mod rights;
pub(crate) mod tools;
pub(crate) mod watch;

use std::{borrow::Cow, net::IpAddr, panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt, StreamExt, stream::FuturesOrdered};
use schemas::Fault;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{
    ask::ProgressSink,
    auth::{Principal, Scope},
    cancels::Key,
    edge::Edge,
    rpc::{self, Id, Input, Message, Problem, Request},
};

/// Messages of one batch that are worked on at the same time: a batch is one caller.
const BATCH_CONCURRENCY: usize = 8;
/// Bytes of a batch's answers together; requests whose answers come later are told to ask alone.
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What carried a message: the same for all messages of one body.
#[derive(Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) principal: Principal,
    pub(crate) peer: IpAddr,
    /// User-Agent.
    pub(crate) agent: Cow<'a, str>,
    /// `MCP-Protocol-Version`.
    pub(crate) version: Option<&'a str>,
    /// Not checked yet.
    pub(crate) traceparent: Option<&'a str>,
    /// What the caller grants; a header that cannot be read fails the calls, not the protocol.
    pub(crate) timeout: Result<Option<Duration>, Fault>,
    pub(crate) listener: Listener,
}

impl Asker<'_> {
    /// Where the progress of a call goes, if anywhere.
    pub(crate) fn progress(&self) -> Option<ProgressSink> {
        match &self.listener {
            Listener::Told(sink) => Some(sink.clone()),
            Listener::None | Listener::Possible => None,
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
    Told(ProgressSink),
}

/// The answer to one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Only notifications: HTTP 202.
    Nothing,
    Json(Vec<u8>),
    /// Not even a request: HTTP 400.
    BadRequest(Vec<u8>),
    /// The caller lacks a right, which one of its tokens may have: HTTP 403.
    Forbidden {
        scope: Scope,
        body: Vec<u8>,
    },
    /// Nothing was done: the call wants to be told of its progress, so it is to be handled again with a stream open.
    Stream {
        token: String,
    },
}

/// Reads a body and answers it.
pub(crate) async fn handle(edge: &Edge, body: &[u8], asker: &Asker<'_>) -> Answer {
    let bad = |id: Option<Id<'_>>, problem: &Problem| {
        edge.metrics.protocol_error();
        Answer::BadRequest(rpc::error(id, problem))
    };
    match rpc::parse(body) {
        Err(problem) => bad(None, &problem),
        Ok(Input::One(Message::Invalid(id, problem))) => bad(id, &problem),
        Ok(Input::One(message)) => match unknown_version(&message, asker) {
            Some((id, problem)) => bad(id, &problem),
            None if let Some((id, scope)) = rights::lacking(edge, &message, &asker.principal) => {
                edge.metrics.protocol_error();
                Answer::Forbidden { scope, body: rpc::error(Some(id), &rights::problem(scope)) }
            }
            None if let Some(token) = wanted(&message, asker) => Answer::Stream { token: token.to_owned() },
            None => one(edge, &message, asker, false).await.map_or(Answer::Nothing, Answer::Json),
        },
        Ok(Input::Batch(messages)) => {
            edge.guard.charge(&asker.principal, messages.len() - 1);
            batch(edge, &messages, asker).await
        }
    }
}

/// The progress token of a call that a stream is worth opening for. Clients give a token to every call; an operation that
/// tells nothing is answered with plain JSON, which MCP leaves to the server.
fn wanted<'a>(message: &Message<'a>, asker: &Asker<'_>) -> Option<&'a str> {
    match (message, &asker.listener) {
        (Message::Request(request), Listener::Possible) => progress::token(request).filter(|_| tools::tells_progress(request)),
        _ => None,
    }
}

/// MCP "Protocol version header": HTTP 400 for a version that is not known. Absent means a client from before it. The
/// handshake negotiates by itself, and a client of the stateless generation finds it by `server/discover` being unknown.
fn unknown_version<'a>(message: &Message<'a>, asker: &Asker<'_>) -> Option<(Option<Id<'a>>, Problem)> {
    let asked = asker.version.filter(|asked| !lifecycle::VERSIONS.contains(asked))?;
    let id = match message {
        Message::Request(request) if ["initialize", "server/discover"].contains(&&*request.method) => return None,
        Message::Request(request) => Some(request.id),
        _ => None,
    };
    let shown: String = asked.chars().filter(char::is_ascii_graphic).take(40).collect();
    let problem = Problem::new(rpc::UNSUPPORTED_VERSION, format!("the protocol version `{shown}` is not supported"));
    Some((id, problem.data(json!({ "supported": lifecycle::VERSIONS, "requested": shown }))))
}

async fn batch(edge: &Edge, messages: &[Message<'_>], asker: &Asker<'_>) -> Answer {
    let mut out = vec![b'['];
    let (mut waiting, mut running) = (messages.iter(), FuturesOrdered::new());
    loop {
        while running.len() < BATCH_CONCURRENCY
            && let Some(message) = waiting.next()
        {
            running.push_back(in_batch(edge, message, asker));
        }
        let Some((id, answer)) = running.next().await else { break };
        let Some(mut answer) = answer else { continue };
        if out.len() + answer.len() > BATCH_BYTES_MAX {
            let mib = BATCH_BYTES_MAX / (1024 * 1024);
            let problem =
                Problem::new(rpc::INTERNAL_ERROR, format!("the answers of this batch are larger than {mib} MiB; ask this one alone"));
            answer = refused(edge, id, &problem);
        }
        if out.len() > 1 {
            out.push(b',');
        }
        out.append(&mut answer);
    }
    if out.len() == 1 {
        return Answer::Nothing;
    }
    out.push(b']');
    Answer::Json(out)
}

async fn in_batch<'a>(edge: &Edge, message: &Message<'a>, asker: &Asker<'_>) -> (Option<Id<'a>>, Option<Vec<u8>>) {
    (id_of(message), one(edge, message, asker, true).await)
}

fn id_of<'a>(message: &Message<'a>) -> Option<Id<'a>> {
    match message {
        Message::Request(request) => Some(request.id),
        Message::Invalid(id, _) => *id,
        Message::Notification { .. } | Message::Response => None,
    }
}

/// Answers one message, if it is to be answered.
async fn one(edge: &Edge, message: &Message<'_>, asker: &Asker<'_>, in_batch: bool) -> Option<Vec<u8>> {
    match message {
        Message::Request(request) => {
            // A panic that went further would take the id with it, and in a batch the other answers too.
            let answered = AssertUnwindSafe(request_answer(edge, request, asker, in_batch)).catch_unwind().await;
            Some(answered.unwrap_or_else(|_| {
                let problem = Problem::new(rpc::INTERNAL_ERROR, "the edge failed at this request; it has been logged");
                refused(edge, Some(request.id), &problem)
            }))
        }
        Message::Notification { method, params } => {
            notified(edge, method, *params, asker);
            None
        }
        Message::Response => None,
        Message::Invalid(id, problem) => Some(refused(edge, *id, problem)),
    }
}

async fn request_answer(edge: &Edge, request: &Request<'_>, asker: &Asker<'_>, in_batch: bool) -> Vec<u8> {
    if let Some(scope) = rights::lacked(edge, request, &asker.principal) {
        return refused(edge, Some(request.id), &rights::problem(scope));
    }
    let result = match &*request.method {
        "tools/call" => tools::call(edge, request, asker).await,
        "tools/list" => tools::list(edge, request, &asker.principal),
        "ping" => Ok(rpc::result(request.id, b"{}")),
        // MCP 2025-03-26 "Lifecycle": the handshake must not be part of a batch.
        "initialize" if in_batch => Err(Problem::invalid_request("`initialize` must not be part of a batch")),
        "initialize" => lifecycle::initialize(edge, request, &asker.principal),
        method => match beside::answer(edge, method, request.params, asker).await {
            Some(answered) => answered.map(|value| rpc::result(request.id, value.to_string().as_bytes())),
            None => Err(unknown_method(method)),
        },
    };
    result.unwrap_or_else(|problem| refused(edge, Some(request.id), &problem))
}

fn unknown_method(method: &str) -> Problem {
    let text = if method.starts_with("notifications/") {
        "a notification carries no `id`"
    } else {
        "unknown method; this server has initialize, ping and the methods of tools, resources, prompts and completion"
    };
    Problem::new(rpc::METHOD_NOT_FOUND, text)
}

fn refused(edge: &Edge, id: Option<Id<'_>>, problem: &Problem) -> Vec<u8> {
    edge.metrics.protocol_error();
    rpc::error(id, problem)
}

/// Notifications are never answered, not even wrong ones (JSON-RPC 2.0 section 4.1). `notifications/initialized` needs
/// nothing from a server without sessions.
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
    if let Some(key) = Key::new(asker.peer, &asker.agent, cancelled.request_id.get()) {
        let found = edge.cancels.cancel(&key);
        tracing::debug!(found, "cancelled by notification");
    }
}
