//! What the head of a request says about its caller, for MCP and REST alike.

use std::{net::IpAddr, time::Duration};

use axum::http::{Extensions, HeaderMap};
use schemas::Fault;

use super::Peer;
use crate::auth::Principal;

/// W3C's name; NATS keeps the same.
const TRACEPARENT: &str = "traceparent";

pub(super) fn peer(extensions: &Extensions) -> IpAddr {
    extensions.get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0)
}

/// Whom the guard has let in. A path that it does not guard has nobody, who may nothing.
pub(super) fn principal(extensions: &Extensions) -> Principal {
    extensions.get::<Principal>().cloned().unwrap_or_else(Principal::nobody)
}

/// Not checked yet.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    headers.get(TRACEPARENT).and_then(|value| value.to_str().ok())
}

/// `Ib-Timeout-Ms`: how long the caller waits at most.
pub(super) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Fault> {
    let Some(value) = headers.get(schemas::headers::TIMEOUT_MS) else { return Ok(None) };
    match value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok()) {
        Some(ms @ 1..) => Ok(Some(Duration::from_millis(ms))),
        _ => {
            Err(Fault::invalid(schemas::headers::TIMEOUT_MS, "the header Ib-Timeout-Ms must be a whole number of milliseconds, at least 1")
                .hint("send Ib-Timeout-Ms: 5000 for five seconds, or leave it out for the operation's own deadline"))
        }
    }
}
