//! One stack per test: nats-server, simulator, workers, edge, as the children that production has.
//!
//! Invariants: every port is a free one; everything ends with its [`Stack`], also when the test program is killed; a
//! failing test shows the end of every log.

pub(crate) mod beats;
pub(crate) mod http;
pub(crate) mod kept;
pub(crate) mod proc;
pub(crate) mod proxy;
pub(crate) mod sim;
pub(crate) mod wait;

use std::{net::SocketAddr, time::Duration};

use nats_local::{Launcher, Locate, NatsServer, NoProgress, StartOptions};
use serde_json::Value;
use tempfile::TempDir;

use http::Edge;
use proc::{Proc, ibmesh};
use proxy::Proxy;
use sim::Sim;
use wait::eventually;

/// For a state that comes within a second on an idle machine, on a machine that builds something else at the same time.
pub(crate) const SOON: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub(crate) struct StackOptions {
    pub(crate) workers: usize,
    pub(crate) clock: &'static str,
    pub(crate) seed: u64,
    /// The simulator's limits on rates. Off, since most tests are not about them and ask quickly.
    pub(crate) pacing: bool,
    /// At least this many accounts at the simulator.
    pub(crate) accounts: usize,
    pub(crate) worker_flags: Vec<(&'static str, String)>,
    pub(crate) edge_flags: Vec<(&'static str, String)>,
    /// Whether the options service runs too.
    pub(crate) options: bool,
    /// Whether the start waits until every worker is connected to IB.
    pub(crate) connected: bool,
}

impl Default for StackOptions {
    fn default() -> Self {
        Self {
            workers: 1,
            clock: "open",
            seed: 1,
            pacing: false,
            accounts: 1,
            // A lost gateway is noticed within a test's patience, and a check costs the simulator nothing.
            worker_flags: vec![("--worker-check-ms", "1000".to_owned())],
            edge_flags: Vec::new(),
            options: false,
            connected: true,
        }
    }
}

/// A running stack. The fields end in this order, and the logs' folder last.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) edge: Edge,
    pub(crate) edge_proc: Proc,
    pub(crate) workers: Vec<Proc>,
    pub(crate) options_service: Option<Proc>,
    /// Between the options service and the simulator: a connection of its own.
    pub(crate) options_gateway: Proxy,
    /// Between the workers and the simulator.
    pub(crate) gateway: Proxy,
    pub(crate) sim: Sim,
    pub(crate) nats: NatsServer,
    options: StackOptions,
    folder: TempDir,
}

impl Stack {
    /// One worker, connected.
    pub(crate) async fn start() -> Self {
        Self::with(StackOptions::default()).await
    }

    pub(crate) async fn with_workers(workers: usize) -> Self {
        Self::with(StackOptions { workers, ..StackOptions::default() }).await
    }

    pub(crate) async fn with(options: StackOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder for logs");
        let nats = start_nats().await;
        let sim = Sim::start(folder.path(), &options).await;
        let (gateway, options_gateway) = (Proxy::start(sim.api).await, Proxy::start(sim.api).await);
        let mut flags = vec![("--edge-bind", "127.0.0.1:0".to_owned()), ("--ib-pool-size", options.workers.max(1).to_string())];
        flags.extend(mesh_flags(&nats, gateway.addr));
        flags.extend(options.edge_flags.clone());
        let edge_proc = ibmesh(folder.path(), "edge", "edge", &flags).await;
        let edge = Edge::new(edge_proc.address("http"));
        let workers = Vec::new();
        let mut stack = Self { edge, edge_proc, workers, options_service: None, options_gateway, gateway, sim, nats, options, folder };
        if stack.options.options {
            stack.start_options().await;
        }
        for _ in 0..stack.options.workers {
            stack.add_worker().await;
        }
        if stack.options.connected {
            stack.until_connected(stack.options.workers).await;
            stack.until_options(stack.options.options).await;
        }
        stack
    }

    /// Starts the options service; it connects in its own time.
    pub(crate) async fn start_options(&mut self) {
        let mut flags = mesh_flags(&self.nats, self.options_gateway.addr);
        flags.push(("--options-check-ms", "1000".to_owned()));
        self.options_service = Some(ibmesh(self.folder.path(), "options", "options", &flags).await);
    }

    /// Waits until `/health` says that the options service is connected to IB, or that it is not.
    pub(crate) async fn until_options(&self, connected: bool) {
        eventually(&format!("the options client's connection is {connected}"), SOON, async || {
            let (_, health) = self.edge.health().await;
            if health["options_client_connected"] == connected { Ok(()) } else { Err(health.to_string()) }
        })
        .await;
    }

    /// Starts one more worker; it connects in its own time.
    pub(crate) async fn add_worker(&mut self) {
        let mut flags = mesh_flags(&self.nats, self.gateway.addr);
        flags.extend(self.options.worker_flags.clone());
        let name = format!("worker-{}", self.workers.len() + 1);
        self.workers.push(ibmesh(self.folder.path(), &name, "worker", &flags).await);
    }

    /// Waits until exactly this many workers are connected to IB and one can take a call.
    pub(crate) async fn until_connected(&self, workers: usize) -> Value {
        eventually(&format!("{workers} workers are connected to IB"), SOON, async || {
            let (_, health) = self.edge.health().await;
            let pool = &health["pool"];
            let good = pool["workers_ib_connected"] == workers && (workers == 0 || pool["workers_available"] != 0);
            if good { Ok(health) } else { Err(health.to_string()) }
        })
        .await
    }

    /// Waits until `/health` says this status.
    pub(crate) async fn until_status(&self, status: &str) -> (u16, Value) {
        eventually(&format!("the status is {status}"), SOON, async || {
            let (code, health) = self.edge.health().await;
            if health["status"] == status { Ok((code, health)) } else { Err(health.to_string()) }
        })
        .await
    }
}

pub(crate) fn mesh_flags(nats: &NatsServer, gateway: SocketAddr) -> Vec<(&'static str, String)> {
    vec![("--nats-url", nats.url()), ("--ib-host", gateway.ip().to_string()), ("--ib-port", gateway.port().to_string())]
}

/// A server of the test's own, on a free port and with a store that ends with it.
pub(crate) async fn start_nats() -> NatsServer {
    let binary = nats_local::locate(&Locate::from_env(), &NoProgress).await.expect("a nats-server");
    let launcher = Launcher::Guard { program: proc::PROGRAM.into(), args: vec!["nats-guard".into(), "--".into()] };
    NatsServer::start(&binary, StartOptions { launcher, ..StartOptions::default() }).await.expect("nats-server starts")
}
