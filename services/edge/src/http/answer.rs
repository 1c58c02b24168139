//! Responses.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use schemas::{Fault, FaultCode};

use crate::fault_map;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// `{"error":{...}}` with the code's status.
pub(crate) fn fault(fault: &Fault) -> Response {
    let (status, body) = fault_map::rest(fault);
    json(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body)
}

/// 405. The fault table has no code of its own for it: for programs it is `unsupported`.
pub(crate) fn method(message: &str, allowed: &'static str) -> Response {
    let (_, body) = fault_map::rest(&Fault::new(FaultCode::Unsupported, message));
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, body);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}
