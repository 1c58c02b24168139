//! The HTTP edge: MCP and a small REST API in front, NATS behind.
//!
//! A call is `http` (limits, Host and Origin, body) -> `rpc` (JSON-RPC) -> `mcp` (method, tool, arguments) -> `bus`, and
//! back through `reply`, which passes the service's bytes on as they are. The pure parts (`rpc`, `breaker`, `health`,
//! `fault_map`, `http::gate`) know neither sockets nor clocks.
//!
//! Invariants: every answer is JSON, whatever was sent (events and CSV where they were asked for); no text of a caller becomes part of a subject or of a metric's
//! label; a call ends with the HTTP request that made it.

mod ask;
mod audit;
mod auth;
mod breaker;
mod caller;
mod cancels;
mod conformance;
mod edge;
mod fault_map;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod health;
mod http;
mod link;
mod listen;
mod local;
mod mcp;
mod metrics;
mod own;
mod reply;
mod rpc;

/// The tokens file, for whoever writes it.
pub mod tokens {
    pub use crate::auth::{Entry, FileError, Scope, Scopes, Secret, edit, read};
}

pub use local::{Answer, Local};

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use serde_json::json;
use service::Process;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::task::AbortOnDropHandle;

/// The announcement waits this long for NATS, so that whoever reads it can call at once. Without NATS the edge runs all
/// the same and says what is missing.
const ANNOUNCE_WAIT: Duration = Duration::from_secs(3);

/// Why the edge cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on EDGE_BIND {address}; is another edge running?")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("NOTIFY_URL cannot be used")]
    Notify(#[from] service::notify::NotTold),
    #[error("EDGE_TOOLSETS names `{0}`; known are {known}", known = known_toolsets())]
    Toolset(String),
    #[error("the system gives no random numbers")]
    Random,
    #[error(transparent)]
    Auth(#[from] auth::AuthError),
    #[error(transparent)]
    Connect(#[from] bus::ConnectError),
    #[error("NATS cannot be used")]
    Bus(#[from] bus::BusError),
}

fn known_toolsets() -> String {
    let names: Vec<&str> = tools::Toolset::ALL.iter().map(|toolset| toolset.as_str()).collect();
    names.join(", ")
}

/// Serves until `process.shutdown`, then finishes the requests that are under way.
pub async fn run(process: Process) -> Result<(), Error> {
    let edge = Arc::new(edge::Edge::new(&process)?);
    let address = process.settings.address("EDGE_BIND");
    let bind = |source| Error::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(bind)?;
    let bound = listener.local_addr().map_err(bind)?;
    let front = http::Front::new(Arc::clone(&edge), http::router(Arc::clone(&edge), &process.admin));
    let server = AbortOnDropHandle::new(tokio::spawn(listen::serve(listener, front, process.shutdown.clone())));

    let mut linking = pin!(link::establish(&edge, &process));
    let early = timeout(ANNOUNCE_WAIT, &mut linking).await;
    let early = early.ok().transpose()?;
    process.announce(&json!({ "http": bound.to_string() }));
    tracing::info!(address = %bound, gateway = %edge.gateway, "serving MCP");
    let link = match early {
        Some(link) => Some(link),
        None => tokio::select! {
            link = linking => Some(link?),
            () = process.shutdown.cancelled() => None,
        },
    };
    // It ends with the shutdown, after its drain.
    if let Err(error) = server.await {
        tracing::error!(%error, "the server task failed");
    }
    if let Some(link) = link {
        link.close().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
