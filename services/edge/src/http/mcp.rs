//! `/mcp`: from an HTTP request to messages, and from answers to an HTTP response.
//!
//! Accept and Content-Type are no reason to refuse: the predecessors' curl sends neither `Accept` nor, without `-H`, a
//! JSON type (MCP asks for both, and strict servers are the most common complaint about MCP over HTTP). A web page that
//! exploits the lenient type is stopped by its Origin.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use tokio::sync::watch;

use super::{
    answer,
    body::{self, BodyError},
    challenge,
    head::{timeout, traceparent},
    sse,
};
use crate::{
    auth::Principal,
    edge::Edge,
    mcp::{self, Answer, Asker, Listener, progress::Notifications},
    rpc::{self, Problem},
};

/// Every handshake version from 2025-06-18 on sends it.
const PROTOCOL_VERSION: &str = "mcp-protocol-version";
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
            agent: String::from_utf8_lossy(&agent[..agent.len().min(AGENT_BYTES)]),
            traceparent: traceparent(&self.headers),
            timeout: timeout(&self.headers),
            listener,
        }
    }
}

pub(super) async fn endpoint(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    match *request.method() {
        Method::POST => post(&edge, request).await,
        // Ends a session, of which the edge has none. Python's client warns at anything but 200 and 204.
        Method::DELETE => answer::json(StatusCode::OK, b"{}".to_vec()),
        // MCP "Listening for messages from the server": 405 says that there is no such stream.
        _ => answer::method("this edge opens no stream; send MCP messages with POST", "POST, DELETE, OPTIONS"),
    }
}

async fn post(edge: &Arc<Edge>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let (peer, principal) = (super::head::peer(&head.extensions), super::head::principal(&head.extensions));
    let body = match body::read(&head.headers, body).await {
        Ok(body) => body,
        Err(error) => return body_refused(edge, error),
    };
    let uri = head.uri;
    let head = Head { headers: head.headers, peer, principal };
    let listener = if sse::accepted(&head.headers) { Listener::Possible } else { Listener::None };
    match mcp::handle(edge, &body, &head.asker(listener)).await {
        // MCP "Sending messages to the server": notifications and responses are answered 202 without a body.
        Answer::Nothing => answer::empty(StatusCode::ACCEPTED),
        Answer::Json(body) => answer::json(StatusCode::OK, body),
        Answer::BadRequest(body) => answer::json(StatusCode::BAD_REQUEST, body),
        Answer::Forbidden { scope, body } => challenge::insufficient(scope, body, &uri, &head.headers),
        Answer::Stream { token } => stream(Arc::clone(edge), head, body, token),
    }
}

/// The call's progress as notifications, then its answer.
fn stream(edge: Arc<Edge>, head: Head, body: Bytes, token: String) -> Response {
    let (tell, heard) = watch::channel(None);
    let work = async move {
        match mcp::handle(&edge, &body, &head.asker(Listener::Told(tell))).await {
            Answer::Json(answer) | Answer::BadRequest(answer) => sse::event(None, &answer),
            // It was a request, so it is answered, and a stream that is open is not opened again.
            Answer::Forbidden { body, .. } => sse::event(None, &body),
            Answer::Nothing | Answer::Stream { .. } => Bytes::new(),
        }
    };
    let mut notifications = Notifications::new(token);
    sse::respond(heard, work, move |progress| notifications.next(progress).map(|json| sse::event(None, &json)))
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
