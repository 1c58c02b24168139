//! What somebody is told who is not let in, and where tokens come from (RFC 6750, RFC 9728).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::Response,
};
use schemas::{Fault, FaultCode};
use serde_json::json;

use super::{answer, mcp_paths};
use crate::{
    auth::{Denied, Scope},
    edge::Edge,
};

/// Paths about the edge itself, readable by everybody.
pub(super) const WELL_KNOWN: &str = "/.well-known/";
/// RFC 9728 3.1: before the path of what is protected.
pub(super) const METADATA: &str = "/.well-known/oauth-protected-resource";
const UNAVAILABLE_RETRY_MS: u64 = 5_000;

/// The metadata that a challenge names: of the path where MCP is spoken, else of the whole edge.
pub(super) fn metadata_url(uri: &Uri, headers: &HeaderMap, is_mcp: bool) -> String {
    format!("{}{METADATA}{}", base(uri, headers), if is_mcp { uri.path() } else { "" })
}

pub(super) fn denied(denied: &Denied, metadata: &str) -> Response {
    let hint = "send the header `Authorization: Bearer TOKEN`, never a token in the URL; `ibmesh token new NAME` makes one";
    match denied {
        Denied::Missing => {
            let fault = Fault::new(FaultCode::Unauthorized, "this edge asks for a token, and none was sent").hint(hint);
            with_challenge(answer::fault(&fault), &format!("scope=\"{}\"", Scope::Read.as_str()), metadata)
        }
        Denied::Invalid(why) => {
            let fault = Fault::new(FaultCode::Unauthorized, *why).hint(hint);
            with_challenge(
                answer::fault(&fault),
                &format!("error=\"invalid_token\", error_description=\"{}\"", why.replace('"', "'")),
                metadata,
            )
        }
        Denied::Unavailable => {
            let fault = Fault::new(FaultCode::Busy, "the issuer's keys cannot be fetched, so no token of it can be checked");
            answer::fault(
                &fault.hint("ask again shortly; the edge's log says what is wrong with EDGE_JWKS_URL").retry_after_ms(UNAVAILABLE_RETRY_MS),
            )
        }
        Denied::TooOften { wait } => {
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
            let fault = Fault::new(FaultCode::RateLimited, "this caller asks more often than it may");
            answer::fault(&fault.hint("wait as long as Retry-After says; EDGE_RATE_PER_S is the limit").retry_after_ms(wait_ms))
        }
        Denied::Scope(scope) => {
            let fault = Fault::new(FaultCode::Forbidden, format!("this needs the scope {}, which the token does not have", scope.as_str()));
            with_challenge(answer::fault(&fault.hint("call with a token that has it")), &wanted(*scope), metadata)
        }
    }
}

/// The answer to a message for which the caller lacks `scope`.
pub(super) fn insufficient(scope: Scope, body: Vec<u8>, metadata: &str) -> Response {
    with_challenge(answer::json(StatusCode::FORBIDDEN, body), &wanted(scope), metadata)
}

fn wanted(scope: Scope) -> String {
    format!("error=\"insufficient_scope\", scope=\"{}\"", scope.as_str())
}

fn with_challenge(mut response: Response, says: &str, metadata: &str) -> Response {
    let value = format!("Bearer {says}, resource_metadata=\"{metadata}\"");
    // A path that no header can hold has no metadata either.
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

/// The edge as the caller names it; the gate has checked the name. A proxy that ends TLS says so.
fn base(uri: &Uri, headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = uri.authority().map_or(host, |authority| authority.as_str());
    let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok()?.split(',').next());
    let tls = forwarded.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"));
    format!("{}://{host}", if tls { "https" } else { "http" })
}

/// `GET /.well-known/oauth-protected-resource`, alone or with the path of what is protected behind it.
pub(super) async fn metadata(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer::method("this path is read with GET", "GET, HEAD");
    }
    let path = request.uri().path().strip_prefix(METADATA).unwrap_or_default();
    let Some(issuers) = edge.guard.issuers() else {
        return answer::fault(&Fault::new(FaultCode::NotFound, "this edge asks nobody for a token"));
    };
    if !path.is_empty() && !mcp_paths(&edge).contains(path) {
        let fault = Fault::new(FaultCode::NotFound, "there is no such resource");
        return answer::fault(&fault.hint(format!("{METADATA}/mcp describes what MCP clients call")));
    }
    let mut body = json!({
        "resource": format!("{}{path}", base(request.uri(), request.headers())),
        "resource_name": format!("ib-mesh: Interactive Brokers ({})", edge.gateway),
        "scopes_supported": Scope::ALL.map(Scope::as_str),
        "bearer_methods_supported": ["header"],
    });
    if !issuers.is_empty() {
        body["authorization_servers"] = json!(issuers);
    }
    answer::json(StatusCode::OK, body.to_string().into_bytes())
}
