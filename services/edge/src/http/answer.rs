//! Responses.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use schemas::{Fault, FaultCode};

use crate::fault_map;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// `{"error":{...}}` with the code's status, and `Retry-After` where a retry makes sense.
pub(crate) fn fault(fault: &Fault) -> Response {
    fault_with(fault, fault_map::rest(fault).1)
}

/// The same with another body.
pub(crate) fn fault_with(fault: &Fault, body: Vec<u8>) -> Response {
    let mut response = json(StatusCode::from_u16(fault.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body);
    if let Some(wait_ms) = fault.retry_after_ms {
        // Whole seconds are all that RFC 9110 10.2.3 has; rounded up, so that nobody comes too early.
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_ms.div_ceil(1_000)));
    }
    response
}

/// Whether `Accept` names `media_type` itself, which a wildcard does not, and does not prefer JSON to it.
pub(crate) fn prefers(headers: &HeaderMap, media_type: &str) -> bool {
    let own = weight(headers, media_type);
    own > 0.0 && own >= weight(headers, "application/json")
}

/// RFC 9110 12.4.2: from 0, which refuses, to 1, which is meant where no weight is said. 0 where the type is not named.
fn weight(headers: &HeaderMap, media_type: &str) -> f64 {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let weights = values.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
        let said = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        named.then(|| said.and_then(|q| q.parse().ok()).unwrap_or(1.0))
    });
    weights.fold(0.0, f64::max)
}

/// 405. The fault table has no code of its own for it: for programs it is `unsupported`.
pub(crate) fn method(message: &str, allowed: &'static str) -> Response {
    let fault = Fault::new(FaultCode::Unsupported, message).hint(format!("this path takes {allowed}"));
    let (_, body) = fault_map::rest(&fault);
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, body);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}
