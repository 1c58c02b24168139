//! `/mcp`: from an HTTP request to messages, and from answers to an HTTP response.
//!
//! Accept and Content-Type are no reason to refuse: the predecessors' curl sends neither `Accept` nor, without `-H`, a
//! JSON type (MCP asks for both, and strict servers are the most common complaint about MCP over HTTP). A web page that
//! exploits the lenient type is stopped by its Origin.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use schemas::{Fault, FaultCode};
use tokio::sync::watch;

use super::{
    answer,
    body::{self, BodyError},
    challenge,
    head::{principal, timeout, traceparent},
    push, sse,
};
use crate::{
    auth::Principal,
    edge::Edge,
    mcp::{self, Answer, Asker, Listener, Teller, Terms, progress::Notifications, sessions::Found},
    rpc::{self, Problem},
};

/// Every handshake version from 2025-06-18 on sends it.
const PROTOCOL_VERSION: &str = "mcp-protocol-version";
const SESSION: &str = "mcp-session-id";
/// Bytes of User-Agent that tell two callers of one machine apart.
const AGENT_BYTES: usize = 128;

/// What a request says beside its body, kept for as long as an event stream lasts.
#[derive(Debug)]
struct Head {
    headers: HeaderMap,
    peer: IpAddr,
    principal: Principal,
}

impl Head {
    fn asker(&self, listener: Listener) -> Asker<'_> {
        let agent = self.headers.get(header::USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
        Asker {
            principal: self.principal.clone(),
            peer: self.peer,
            version: self.headers.get(PROTOCOL_VERSION).map(|value| value.to_str().unwrap_or_default().trim()),
            session: session(&self.headers),
            headers: Some(&self.headers),
            terms: Terms::default(),
            agent: String::from_utf8_lossy(&agent[..agent.len().min(AGENT_BYTES)]),
            traceparent: traceparent(&self.headers),
            timeout: timeout(&self.headers),
            listener,
        }
    }
}

/// `Mcp-Session-Id`.
fn session(headers: &HeaderMap) -> Option<&str> {
    headers.get(SESSION).map(|value| value.to_str().unwrap_or_default())
}

pub(super) async fn endpoint(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    match *request.method() {
        Method::POST => post(&edge, request).await,
        Method::GET => get(&edge, &request),
        Method::DELETE => delete(&edge, &request),
        _ => answer::method("send MCP messages with POST", "GET, POST, DELETE, OPTIONS"),
    }
}

/// What is pushed to a session. MCP "Listening for messages from the server": 405 says that there is no such stream, 404
/// that the session is over and another must be made.
fn get(edge: &Arc<Edge>, request: &Request) -> Response {
    let Some(id) = session(request.headers()) else {
        return answer::method("without a session this edge opens no stream; send MCP messages with POST", "POST, DELETE, OPTIONS");
    };
    if !sse::accepted(request.headers()) {
        let text = "what is pushed to a session is an event stream; send Accept: text/event-stream";
        return refused(edge, StatusCode::NOT_ACCEPTABLE, &Problem::invalid_request(text));
    }
    let principal = principal(request.extensions());
    match edge.sessions.find(id, principal.key()) {
        Found::Live(session) => push::session(edge, session, principal),
        Found::Ended | Found::Unknown => no_session(),
    }
}

/// Ends a session. Python's client warns at anything but 200 and 204, and whoever has none has ended it.
fn delete(edge: &Edge, request: &Request) -> Response {
    match session(request.headers()) {
        Some(id) if !edge.sessions.end(id, principal(request.extensions()).key()) => no_session(),
        _ => answer::json(StatusCode::OK, b"{}".to_vec()),
    }
}

fn no_session() -> Response {
    answer::fault(&Fault::new(FaultCode::NotFound, "there is no such session").hint("send `initialize` to get one; calls need none"))
}

async fn post(edge: &Arc<Edge>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let (peer, principal) = (super::head::peer(&head.extensions), principal(&head.extensions));
    let body = match body::read(&head.headers, body).await {
        Ok(body) => body,
        Err(error) => return body_refused(edge, error),
    };
    let uri = head.uri;
    let head = Head { headers: head.headers, peer, principal };
    let listener = if sse::accepted(&head.headers) { Listener::Possible } else { Listener::None };
    match mcp::handle(edge, &body, head.asker(listener)).await {
        // MCP "Sending messages to the server": notifications and responses are answered 202 without a body.
        Answer::Nothing => answer::empty(StatusCode::ACCEPTED),
        Answer::Json(body) => answer::json(StatusCode::OK, body),
        Answer::BadRequest(body) => answer::json(StatusCode::BAD_REQUEST, body),
        Answer::Forbidden { scope, body } => challenge::insufficient(scope, body, &challenge::metadata_url(&uri, &head.headers, true)),
        Answer::NotFound(body) => answer::json(StatusCode::NOT_FOUND, body),
        Answer::Welcome { session, body } => {
            let mut response = answer::json(StatusCode::OK, body);
            // Hex digits.
            response.headers_mut().extend(HeaderValue::from_str(&session.id).ok().map(|id| (HeaderName::from_static(SESSION), id)));
            response
        }
        Answer::Listen(_) if !sse::accepted(&head.headers) => {
            let text = "subscriptions/listen is answered with an event stream; send Accept: application/json, text/event-stream";
            refused(edge, StatusCode::NOT_ACCEPTABLE, &Problem::invalid_request(text))
        }
        Answer::Listen(listening) => push::listener(edge, listening, head.principal),
        Answer::Stream { token } => stream(Arc::clone(edge), head, body, token),
    }
}

/// The call's progress and whatever else it tells, then its answer.
fn stream(edge: Arc<Edge>, head: Head, body: Bytes, token: Option<String>) -> Response {
    let (tell, heard) = watch::channel(None);
    let (teller, said) = Teller::new(tell);
    let work = async move {
        match mcp::handle(&edge, &body, head.asker(Listener::Told(teller))).await {
            Answer::Json(answer) | Answer::BadRequest(answer) | Answer::NotFound(answer) => sse::event(None, &answer),
            // It was a call, so it is answered, and a stream that is open is not opened again.
            Answer::Forbidden { body, .. } | Answer::Welcome { body, .. } => sse::event(None, &body),
            Answer::Nothing | Answer::Stream { .. } | Answer::Listen(_) => Bytes::new(),
        }
    };
    let mut notifications = token.map(Notifications::new);
    sse::respond_saying(heard, said, work, move |progress| {
        notifications.as_mut().and_then(|notifications| notifications.next(progress)).map(|json| sse::event(None, &json))
    })
}

fn body_refused(edge: &Edge, error: BodyError) -> Response {
    let (status, text) = match error {
        BodyError::TooLarge => {
            let mib = body::BODY_MAX / (1024 * 1024);
            (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {mib} MiB ({} bytes), the most that is read", body::BODY_MAX))
        }
        BodyError::TooSlow => (StatusCode::REQUEST_TIMEOUT, format!("the body did not arrive within {} s", body::TIME_MAX.as_secs())),
        BodyError::Broken => (StatusCode::BAD_REQUEST, "the body ended early".to_owned()),
    };
    let mut response = refused(edge, status, &Problem::invalid_request(text));
    // What is left of the body must not be read as the next request.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn refused(edge: &Edge, status: StatusCode, problem: &Problem) -> Response {
    edge.metrics.protocol_error();
    answer::json(status, rpc::error(None, problem))
}
