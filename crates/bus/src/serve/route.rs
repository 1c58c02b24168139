//! One operation's handler with its types erased, and its counters.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use schemas::{Fault, FaultCode, Operation, Row};

use super::Request;
use crate::text::clipped;

/// Text of a caller that is quoted back, in characters.
const QUOTE_MAX: usize = 300;

type Handler = Box<dyn Fn(Bytes, Request) -> BoxFuture<'static, Result<Vec<u8>, Fault>> + Send + Sync>;

pub(crate) struct Route {
    pub(crate) row: &'static Row,
    handler: Handler,
    stats: Mutex<Stats>,
}

/// What `$SRV.STATS` tells of an operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stats {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) last_error: String,
    pub(crate) processing: Duration,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({})", self.row.name())
    }
}

impl Route {
    pub(super) fn new<O, H, F>(handler: H) -> Self
    where
        O: Operation,
        H: Fn(O::Params, Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O::Reply, Fault>> + Send + 'static,
    {
        let row = schemas::find(&format!("{}.{}", O::FAMILY, O::OP)).expect("every operation is in the table");
        let handler: Handler = Box::new(move |body, request| match decode::<O>(row, &body) {
            Ok(params) => handler(params, request).map(|reply| reply.and_then(|reply| encode::<O>(row, &reply))).boxed(),
            Err(fault) => std::future::ready(Err(fault)).boxed(),
        });
        Self { row, handler, stats: Mutex::default() }
    }

    pub(super) fn call(&self, body: Bytes, request: Request) -> BoxFuture<'static, Result<Vec<u8>, Fault>> {
        (self.handler)(body, request)
    }

    pub(super) fn count(&self, fault: Option<&Fault>, worked: Duration) {
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.requests += 1;
        stats.processing += worked;
        if let Some(fault) = fault {
            stats.errors += 1;
            stats.last_error = clipped(&fault.to_string(), QUOTE_MAX);
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A body that may be a JSON object, else how it begins. An empty one counts as `{}`, so that the shortest script can
/// call. serde would read a list as a struct's fields in their order, which is nobody's contract.
pub(super) fn object(body: &[u8]) -> Result<&[u8], String> {
    match body.trim_ascii_start().first() {
        None => Ok(b"{}"),
        Some(b'{') => Ok(body),
        Some(_) => Err(clipped(&String::from_utf8_lossy(body), 20)),
    }
}

/// Parameters from JSON.
fn decode<O: Operation>(row: &Row, body: &[u8]) -> Result<O::Params, Fault> {
    let body = object(body).map_err(|begins| {
        let message = format!("the body of {} is no JSON object; it begins with `{begins}`", row.name());
        Fault::invalid("body", message).hint(hint(row))
    })?;
    // Keeping track of where costs time which readable parameters need not pay.
    if let Ok(params) = serde_json::from_slice(body) {
        return Ok(params);
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let params = serde_path_to_error::deserialize(&mut json).map_err(|error| bad_params(row, &error))?;
    json.end().map_err(|error| Fault::invalid("body", format!("the body of {} goes on after its JSON: {error}", row.name())))?;
    Ok(params)
}

fn hint(row: &Row) -> String {
    let name = row.name();
    format!("schemas/json/{name}.params.json describes the parameters of {name}")
}

fn bad_params(row: &Row, error: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
    let (path, inner) = (clipped(&error.path().to_string(), QUOTE_MAX), error.inner());
    let (name, hint) = (row.name(), hint(row));
    if !inner.is_data() {
        return Fault::invalid("body", format!("the body of {name} is no JSON: {inner}")).hint(hint);
    }
    // It quotes the value, which may be a megabyte.
    let text = clipped(&inner.to_string(), QUOTE_MAX);
    if text.starts_with("unknown field") {
        // A newer caller may know parameters that this release does not; ignoring one would answer another question.
        let message = format!("{name} of ib-mesh {} does not know it: {text}", schemas::VERSION);
        let mut fault = Fault::new(FaultCode::Unsupported, message).hint(hint);
        fault.field = Some(path);
        return fault;
    }
    let field = if path == "." { "body".to_owned() } else { path };
    Fault::invalid(field.clone(), format!("{field} of {name}: {text}")).hint(hint)
}

fn encode<O: Operation>(row: &Row, reply: &O::Reply) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(reply).map_err(|e| Fault::new(FaultCode::Internal, format!("the reply of {} cannot be written: {e}", row.name())))
}
