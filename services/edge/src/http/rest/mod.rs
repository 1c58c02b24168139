//! The REST API: paths that ask one operation each.
//!
//! A request is its path and query, where it is posted its JSON body too, read against the table's row, then the same way
//! as a tool call: slot, deadline, NATS. The reply's bytes are the body. Who reads event streams may follow a chain: `progress`, then `result` or `error`.
//!
//! A path is the same with a slash at its end. HEAD is refused like every method but GET: its answer would cost IB as much
//! as the real one, or promise a status that nobody knows.
//!
//! Invariants: what path, query and head show to be wrong is answered before anything is asked, with its status and never
//! as a stream (what the service refuses ends a stream as `error`); a fault's status is its code's and its field is the
//! caller's own name for it; a client that hangs up ends the call.

pub(super) mod gateway;
mod given;
pub(crate) mod openapi;
mod options;
mod shape;
pub(crate) mod table;

use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Query, RawPathParams, Request, State, rejection::RawPathParamsRejection},
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
    routing::any,
};
use bytes::Bytes;
use futures::FutureExt;
use schemas::{Fault, FaultCode, RequestId};
use tokio::{sync::watch, time::Instant};

use self::{
    given::Given,
    shape::{Shape, Written},
    table::{ENDPOINTS, Endpoint, Verb},
};
use super::{
    answer,
    body::{self, BodyError},
    head, sse,
};
use crate::{
    ask::{self, ProgressSink, Question},
    audit::Change,
    breaker::Evidence,
    caller::Meta,
    edge::Edge,
    fault_map,
};

/// Names the call in logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("ib-request-id");
/// `false` where a body that cannot say so, such as CSV, is not all.
const COMPLETE: HeaderName = HeaderName::from_static("ib-complete");
const CSV: &str = "text/csv";

/// Adds every path of the table, with and without the prefix, and each with a slash at its end.
pub(super) fn routes(mut router: Router<Arc<Edge>>, prefix: &str) -> Router<Arc<Edge>> {
    for head in BTreeSet::from(["", prefix]) {
        for endpoint in ENDPOINTS {
            let handler = move |State(edge): State<Arc<Edge>>, path: Path, request: Request| respond(edge, endpoint, path, request);
            for tail in ["", "/"] {
                router = router.route(&format!("{head}{}{tail}", endpoint.path), any(handler));
            }
        }
    }
    router
}

/// The paths, for who is lost.
pub(super) fn paths() -> String {
    let paths: Vec<String> = ENDPOINTS.iter().map(|endpoint| format!("{} {}", endpoint.verb.method(), endpoint.path)).collect();
    paths.join(", ")
}

/// One request that is good.
#[derive(Debug)]
struct Call {
    endpoint: &'static Endpoint,
    params: Bytes,
    shape: Shape,
    request: RequestId,
    caller: String,
    traceparent: Option<String>,
    granted: Option<Duration>,
    started: Instant,
}

/// A request, as it was sent.
struct Asked<'a> {
    head: &'a Parts,
    body: Result<Bytes, Fault>,
    request: RequestId,
    started: Instant,
}

type Path = Result<RawPathParams, RawPathParamsRejection>;

async fn respond(edge: Arc<Edge>, endpoint: &'static Endpoint, path: Path, request: Request) -> Response {
    let method = endpoint.verb.method();
    if *request.method() != method {
        return answer::method(&format!("`{}` is asked with {method}: {}", endpoint.path, endpoint.about), endpoint.verb.allowed());
    }
    let started = Instant::now();
    let request_id = RequestId::mint();
    let (head, body) = request.into_parts();
    let streams = endpoint.row.tells_progress && sse::accepted(&head.headers);
    let body = match endpoint.verb {
        Verb::Get => Ok(Bytes::new()),
        Verb::Post => body::read(&head.headers, body).await.map_err(body_fault),
    };
    let asked = Asked { head: &head, body, request: request_id, started };
    let read = Call::read(endpoint, path, asked);
    let mut response = match read.and_then(|call| call.fits(streams)) {
        Ok(_) if streams && sse::has_ended(&head.headers) => answer::empty(StatusCode::NO_CONTENT),
        Ok(call) if streams => stream(edge, call),
        Ok(call) => plain(&edge, call).await,
        Err(fault) => {
            edge.metrics.begin(endpoint.path, started).end(fault.code.as_str());
            ask::log(request_id, endpoint.path, &fault, started);
            (endpoint.failure)(&fault)
        }
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(request_id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    // A quote that a cache kept would be told as new. An event stream has said so already.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What the service calls `contract.symbol` is `symbol` in a path or query.
fn in_the_callers_names(mut fault: Fault) -> Fault {
    if let Some(field) = fault.field.as_deref().and_then(|field| field.strip_prefix("contract.")) {
        fault.field = Some(field.to_owned());
    }
    fault
}

impl Call {
    fn read(endpoint: &'static Endpoint, path: Path, asked: Asked<'_>) -> Result<Self, Fault> {
        let Asked { head, body, request, started } = asked;
        let path = path.map_err(|_| {
            Fault::invalid("path", "the path is not UTF-8 where it is decoded").hint("percent-encode it as UTF-8: a blank is %20, ^ is %5E")
        })?;
        let path: Vec<(&str, &str)> = path.iter().collect();
        let Query(mut query) = Query::<Vec<(String, String)>>::try_from_uri(&head.uri)
            .map_err(|_| Fault::invalid("query", "the query cannot be read").hint("write it as name=value&name=value"))?;
        query.extend(given::members(&body?)?);
        let mut given = Given::read(endpoint, &path, &query)?;
        let granted = head::timeout(&head.headers)?;
        given.granted = granted;
        Ok(Self {
            endpoint,
            params: (endpoint.bind)(&given)?.into(),
            shape: Shape::of(given.text(options::FORMAT), answer::prefers(&head.headers, CSV)),
            request,
            caller: Meta::default().caller(&head::principal(&head.extensions)),
            traceparent: head::traceparent(&head.headers).map(str::to_owned),
            granted,
            started,
        })
    }

    /// Refuses CSV where a stream is to be answered: its events are JSON.
    fn fits(self, streams: bool) -> Result<Self, Fault> {
        if streams && self.shape == Shape::OptopsyCsv {
            let fault = Fault::invalid(options::FORMAT, "a CSV file does not fit into an event stream");
            return Err(fault.hint("leave `Accept: text/event-stream` out, or send format=optopsy without text/csv"));
        }
        Ok(self)
    }

    /// Asks and writes; counted and logged as a tool call is.
    async fn run(self, edge: &Edge, progress: Option<ProgressSink>) -> Result<Written, Fault> {
        let (path, request, started) = (self.endpoint.path, self.request, self.started);
        let counted = edge.metrics.begin(path, started);
        // What is posted changes something.
        let audited = (self.endpoint.verb == Verb::Post).then(|| {
            let (who, row) = (self.caller.clone(), &self.endpoint.row);
            edge.audit.begin(Change { who, asked: path, row, arguments: &self.params, request })
        });
        let ended = self.perform(edge, progress).await;
        let outcome = ended.as_ref().map_or_else(|fault| fault.code.as_str(), |_| "ok");
        counted.end(outcome);
        if let Some(audited) = audited {
            audited.end(outcome);
        }
        ended.inspect_err(|fault| ask::log(request, path, fault, started))
    }

    async fn perform(self, edge: &Edge, progress: Option<ProgressSink>) -> Result<Written, Fault> {
        let question = Question {
            row: &self.endpoint.row,
            params: self.params,
            request: self.request,
            granted: self.granted,
            caller: self.caller,
            traces: [self.traceparent.as_deref(), None],
            progress,
        };
        let answered = ask::ask(edge, question).await.map_err(in_the_callers_names)?;
        let written = self.shape.write(answered.reply.body)?;
        answered.passage.ended(Evidence::Answered);
        Ok(written)
    }
}

fn body_fault(error: BodyError) -> Fault {
    match error {
        BodyError::TooLarge => {
            Fault::new(FaultCode::TooLarge, format!("the body is larger than {} bytes, the most that is read", body::BODY_MAX))
        }
        BodyError::TooSlow => Fault::invalid("body", format!("the body did not arrive within {} s", body::TIME_MAX.as_secs())),
        BodyError::Broken => Fault::invalid("body", "the body ended early"),
    }
}

async fn plain(edge: &Edge, call: Call) -> Response {
    let endpoint = call.endpoint;
    let written = match call.run(edge, None).await {
        Ok(written) => written,
        Err(fault) => return (endpoint.failure)(&fault),
    };
    let status = StatusCode::from_u16((endpoint.status)(&written.body)).unwrap_or(StatusCode::OK);
    let mut response = Response::new(Body::from(written.body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(written.media_type));
    if let Some(complete) = written.complete {
        headers.insert(COMPLETE, HeaderValue::from_static(if complete { "true" } else { "false" }));
    }
    response
}

/// `progress` events while the call is under way, then `result` with the body or `error` with the fault.
fn stream(edge: Arc<Edge>, call: Call) -> Response {
    let (tell, heard) = watch::channel(None);
    let id = call.request.to_string();
    let work = async move {
        // The connection's own net for panics ends with the head of the response.
        let ended = AssertUnwindSafe(call.run(&edge, Some(tell))).catch_unwind().await;
        let ended = ended.unwrap_or_else(|_| Err(Fault::new(FaultCode::Internal, "the edge failed at this request; it has been logged")));
        match ended {
            Ok(written) => sse::last_event("result", &id, &written.body),
            Err(fault) => sse::last_event("error", &id, &fault_map::rest(&fault).1),
        }
    };
    sse::respond(heard, work, |progress| {
        let mut json = Vec::with_capacity(progress.note.len() + 48);
        crate::rpc::write_json(&mut json, progress);
        Some(sse::event(Some("progress"), &json))
    })
}
