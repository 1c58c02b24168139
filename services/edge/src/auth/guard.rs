//! The one place that decides whether a request passes.

use std::{net::IpAddr, time::Duration};

use axum::http::{HeaderMap, Method};
use service::Settings;
use tokio::time::Instant;
use tools::Profile;

use super::{Principal, Scope, rate::Rates};

/// So many seconds' worth of requests may come at once.
const BURST_S: u32 = 10;

#[derive(Debug)]
pub(crate) struct Guard {
    profile: Profile,
    rates: Rates,
}

/// Why a request does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denied {
    /// HTTP 429.
    TooOften { wait: Duration },
    /// HTTP 403: a right is missing.
    Scope(Scope),
}

/// What of a request is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) peer: IpAddr,
    /// One of the paths that speak MCP: what its messages need is known when they are read.
    pub(crate) is_mcp: bool,
}

impl Guard {
    pub(crate) fn new(settings: &Settings, profile: Profile) -> Self {
        Self { profile, rates: Rates::per_s(settings.number("EDGE_RATE_PER_S"), BURST_S) }
    }

    pub(crate) async fn admit(&self, asked: Asked<'_>) -> Result<Principal, Denied> {
        let principal = Principal::open(asked.peer, self.profile);
        self.rates.take(principal.key(), Instant::now()).map_err(|wait| Denied::TooOften { wait })?;
        match needed(asked.method, asked.is_mcp) {
            Some(scope) if !principal.scopes().has(scope) => Err(Denied::Scope(scope)),
            _ => Ok(principal),
        }
    }

    /// The other messages of a batch.
    pub(crate) fn charge(&self, principal: &Principal, further: usize) {
        self.rates.charge(principal.key(), u32::try_from(further).unwrap_or(u32::MAX), Instant::now());
    }
}

/// What a path outside MCP needs: to look is to read, and everything else over REST controls the gateway.
fn needed(method: &Method, is_mcp: bool) -> Option<Scope> {
    match *method {
        _ if is_mcp => None,
        Method::GET | Method::HEAD => Some(Scope::Read),
        _ => Some(Scope::Admin),
    }
}
