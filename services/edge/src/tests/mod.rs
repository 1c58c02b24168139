//! The edge as its clients meet it: a real listener, real bytes. Where NATS is needed it is a real server.

mod asking;
mod attacks;
mod auth;
mod changes;
mod client;
mod gateway;
mod http;
mod issuer;
mod modern;
mod nats;
mod options;
mod own;
mod progress;
mod push;
mod requests;
mod resources;
mod rest;
mod streams;
mod world;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use service::{Process, Settings};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::edge::Edge;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running edge.
struct Running {
    address: SocketAddr,
    edge: Arc<Edge>,
    process: Process,
    shutdown: CancellationToken,
    server: AbortOnDropHandle<()>,
}

fn process(settings: &[(&str, &str)]) -> Process {
    let given: BTreeMap<&str, &str> = settings.iter().copied().chain([("EDGE_BIND", "127.0.0.1:0")]).collect();
    let settings = Settings::load("edge", &BTreeMap::new(), |name| given.get(name).map(|value| (*value).to_owned()));
    Process::new(settings.expect("good settings"))
}

/// Starts one that has not reached NATS.
async fn start(settings: &[(&str, &str)]) -> Running {
    let process = process(settings);
    let edge = Arc::new(Edge::new(&process).expect("an edge"));
    let listener = TcpListener::bind(process.settings.address("EDGE_BIND")).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let router = crate::http::router(Arc::clone(&edge), &process.admin);
    let front = crate::http::Front::new(Arc::clone(&edge), router);
    let shutdown = process.shutdown.clone();
    let server = AbortOnDropHandle::new(tokio::spawn(crate::listen::serve(listener, front, shutdown.clone())));
    Running { address, edge, process, shutdown, server }
}
