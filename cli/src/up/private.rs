//! A stack for one client alone: on free ports, in a folder that ends with it, told on stderr.
//!
//! Invariant: it ends with its handle, and every process of it with this one, however that ends.

use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, interval};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Options, Progress, plan, stack::Stack};
use crate::{health::Health, http::EdgeClient};

/// A client may ask at once, so its stack is given this long to be connected to IB; then it is told what is missing.
const CONNECTED_MAX: Duration = Duration::from_secs(10);
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// A drain in good order; then everything is killed.
const END_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Private {
    edge: String,
    end: CancellationToken,
    hurry: CancellationToken,
    running: AbortOnDropHandle<()>,
    _folder: TempDir,
}

impl Private {
    /// `gateway` as for `ibmesh up`; the environment is read as there.
    pub(crate) async fn start(gateway: Option<String>) -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::Builder::new().prefix("ibmesh-mcp-").tempdir()?;
        let options = Options {
            edge_bind: Some("127.0.0.1:0".to_owned()),
            nats_port: 0,
            sim_port: 0,
            sim_clock: "open".to_owned(),
            workers: None,
            data_dir: folder.path().join("mesh"),
            seed: 1,
            gateway,
            conformance: false,
        };
        let (said, end, hurry) = (Progress::aside(), CancellationToken::new(), CancellationToken::new());
        let plan = plan::plan(&options, &|name| std::env::var(name).ok())?;
        let stack = Stack::start(plan, &said, hurry.clone()).await?;
        let edge = stack.edge();
        let running = {
            let end = end.clone();
            AbortOnDropHandle::new(tokio::spawn(async move { stack.run_until(&end, &said).await }))
        };
        connected(&edge).await;
        Ok(Self { edge, end, hurry, running, _folder: folder })
    }

    /// The URL of its edge.
    pub(crate) fn edge(&self) -> String {
        self.edge.clone()
    }

    pub(crate) async fn end(self) {
        self.end.cancel();
        let mut running = self.running;
        if tokio::time::timeout(END_MAX, &mut running).await.is_err() {
            self.hurry.cancel();
            drop(tokio::time::timeout(END_MAX, running).await);
        }
    }
}

async fn connected(edge: &str) {
    let Ok(client) = EdgeClient::new(edge) else { return };
    let (deadline, mut looks) = (Instant::now() + CONNECTED_MAX, interval(LOOK_PERIOD));
    while Instant::now() < deadline {
        looks.tick().await;
        let health = client.health().await.ok().and_then(|health| serde_json::from_value::<Health>(health).ok());
        if health.is_some_and(|health| health.pool.workers_ib_connected > 0 && health.options_client_connected) {
            return;
        }
    }
}
