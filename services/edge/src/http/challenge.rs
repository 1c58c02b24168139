//! What somebody is told who is not let in, and where tokens come from (RFC 6750, RFC 9728).

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use schemas::{Fault, FaultCode};

use super::answer;
use crate::auth::{Denied, Scope};

/// Paths about the edge itself, readable by everybody.
pub(super) const WELL_KNOWN: &str = "/.well-known/";
/// RFC 9728 3.1: before the path of what is protected.
pub(super) const METADATA: &str = "/.well-known/oauth-protected-resource";

pub(super) fn denied(denied: &Denied, request: &Request) -> Response {
    let (uri, headers) = (request.uri(), request.headers());
    match denied {
        Denied::TooOften { wait } => {
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
            let fault = Fault::new(FaultCode::RateLimited, "this caller asks more often than it may");
            answer::fault(&fault.hint("wait as long as Retry-After says; EDGE_RATE_PER_S is the limit").retry_after_ms(wait_ms))
        }
        Denied::Scope(scope) => {
            let fault = Fault::new(FaultCode::Forbidden, format!("this needs the scope {}, which the token does not have", scope.as_str()));
            let response = answer::fault(&fault.hint("call with a token that has it"));
            with_challenge(response, &format!("error=\"insufficient_scope\", scope=\"{}\"", scope.as_str()), uri, headers)
        }
    }
}

/// The answer to a message for which the caller lacks `scope`.
pub(super) fn insufficient(scope: Scope, body: Vec<u8>, uri: &Uri, headers: &HeaderMap) -> Response {
    let response = answer::json(StatusCode::FORBIDDEN, body);
    with_challenge(response, &format!("error=\"insufficient_scope\", scope=\"{}\"", scope.as_str()), uri, headers)
}

fn with_challenge(mut response: Response, says: &str, uri: &Uri, headers: &HeaderMap) -> Response {
    let comma = if says.is_empty() { "" } else { ", " };
    let value = format!("Bearer {says}{comma}resource_metadata=\"{}{METADATA}{}\"", base(uri, headers), uri.path());
    // A path that no header can hold has no metadata either.
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

/// The edge as the caller names it; the gate has checked the name. A proxy that ends TLS says so.
pub(super) fn base(uri: &Uri, headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = uri.authority().map_or(host, |authority| authority.as_str());
    let tls = headers.get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
    format!("{}://{host}", if tls { "https" } else { "http" })
}
