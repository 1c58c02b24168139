//! Routes, and what every request passes before its handler.
//!
//! Invariant: every answer is JSON with `Content-Type: application/json`, errors of the router and panics included, unless
//! the caller asked for CSV or for an event stream; the three admin routes answer a word or metrics, as on the admin port.

pub(crate) mod answer;
mod body;
pub(crate) mod challenge;
mod events;
pub(crate) mod gate;
mod head;
mod mcp;
mod push;
mod rest;
mod sse;

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
    routing::any,
};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use schemas::{Fault, FaultCode};
use service::Admin;

use crate::{auth::Asked, edge::Edge};

/// The address of the connection's other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Probes of orchestrators name whatever host they like, and these two tell nothing.
const UNGUARDED: [&str; 2] = ["/live", "/ready"];

/// Every path.
pub(crate) fn router(edge: Arc<Edge>, admin: &Admin) -> Router {
    let mut router = Router::new();
    for path in mcp_paths(&edge) {
        router = router.route(&path, any(mcp::endpoint));
    }
    for path in health_paths(&edge) {
        router = router.route(&path, any(health));
    }
    router = rest::routes(router, &edge.prefix);
    for head in BTreeSet::from(["", edge.prefix.as_str()]) {
        router = router.route(&format!("{head}{}", events::PATH), any(events::endpoint));
    }
    // A prefix or a gateway's name may make one of these paths again, for which the static one wins.
    router = router.route("/{gateway}/mcp", any(other_gateway)).route("/{gateway}/mcp/", any(other_gateway));
    router.fallback(not_found).with_state(edge).merge(admin.router()).method_not_allowed_fallback(admin_method)
}

/// A router behind the guard.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    edge: Arc<Edge>,
    mcp_paths: Arc<BTreeSet<String>>,
    router: TowerToHyperService<Router>,
}

impl Front {
    pub(crate) fn new(edge: Arc<Edge>, router: Router) -> Self {
        Self { mcp_paths: Arc::new(mcp_paths(&edge)), edge, router: TowerToHyperService::new(router) }
    }

    /// Host and Origin, preflights, who calls, CORS headers. Not a layer of the router, which would box and copy it for each request.
    pub(crate) async fn answer(self, request: Request) -> Response {
        if UNGUARDED.contains(&request.uri().path()) {
            return self.route(request).await;
        }
        let origin = match self.edge.gate.check(request.uri(), request.headers()) {
            Ok(origin) => origin,
            Err(fault) => {
                // A browser sets both headers, so naming them in a log betrays nobody's data; the gate has cut them.
                tracing::info!(%fault, "refused");
                return answer::fault(&fault);
            }
        };
        let options = *request.method() == Method::OPTIONS;
        let mut response = if options { answer::empty(StatusCode::NO_CONTENT) } else { self.guarded(request).await };
        if response.status() == StatusCode::NO_CONTENT {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(gate::METHODS));
        }
        if let Some(origin) = origin {
            gate::allow(response.headers_mut(), origin);
        }
        response
    }

    /// What a browser asks before it sends anything, and where to get a token, nobody needs a token for.
    async fn guarded(&self, mut request: Request) -> Response {
        let path = request.uri().path();
        if !path.starts_with(challenge::WELL_KNOWN) {
            let peer = head::peer(request.extensions());
            let asked = Asked { method: request.method(), headers: request.headers(), peer, is_mcp: self.mcp_paths.contains(path) };
            match self.edge.guard.admit(asked).await {
                Ok(principal) => drop(request.extensions_mut().insert(principal)),
                Err(denied) => return challenge::denied(&denied, &request),
            }
        }
        self.route(request).await
    }

    async fn route(&self, request: Request) -> Response {
        let Ok(response) = self.router.call(request).await;
        response
    }
}

/// `/mcp`, `<prefix>/mcp`, `/ib/mcp` and `/<gw>/mcp`, each with and without a slash at the end, each once.
fn mcp_paths(edge: &Edge) -> BTreeSet<String> {
    let heads = [String::new(), edge.prefix.clone(), "/ib".to_owned(), format!("/{}", edge.gateway)];
    heads.iter().flat_map(|head| [format!("{head}/mcp"), format!("{head}/mcp/")]).collect()
}

fn health_paths(edge: &Edge) -> BTreeSet<String> {
    BTreeSet::from(["/health".to_owned(), format!("{}/health", edge.prefix)])
}

async fn health(State(edge): State<Arc<Edge>>, method: Method) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return answer::method("/health is read with GET", "GET, HEAD");
    }
    let report = edge.health();
    let mut body = Vec::with_capacity(1_024);
    crate::rpc::write_json(&mut body, &report);
    let mut response = answer::json(StatusCode::from_u16(report.http_status()).unwrap_or(StatusCode::OK), body);
    // A cached "healthy" would be a lie.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn other_gateway(State(edge): State<Arc<Edge>>) -> Response {
    let own = &edge.gateway;
    let fault = Fault::new(FaultCode::NotFound, format!("this edge serves the gateway `{own}` and no other"));
    answer::fault(&fault.hint(format!("POST /{own}/mcp, or run another edge with IB_GATEWAY set to that name")))
}

async fn not_found(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    let prefix = &edge.prefix;
    let fault = Fault::new(FaultCode::NotFound, format!("there is nothing at this path for {}", shown(request.method())));
    let paths = format!(
        "POST {prefix}/mcp (or /mcp) speaks MCP, GET /health tells the state, {}, GET /gateway/events (a stream) answer over REST; /live, /ready and /metrics are for operators",
        rest::paths()
    );
    answer::fault(&fault.hint(paths))
}

/// Clients may invent methods of any length.
fn shown(method: &Method) -> &str {
    method.as_str().get(..16).unwrap_or(method.as_str())
}

async fn admin_method() -> Response {
    answer::method("this path is read with GET", "GET, HEAD")
}
