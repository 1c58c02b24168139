//! The backends against real parts: an engine on a unix socket that speaks Docker's API, child processes, the simulated
//! gateway's command server.

mod commands;
mod docker;
mod docker_acts;
mod engine;
mod engine_wire;
mod process;

use std::time::Duration;

use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{Backend, Seen};
use crate::{
    logs::{LogState, Marker},
    policy::{Container, Engine as EngineSeen},
};

/// Every wait in these tests ends here; nothing sleeps.
const DEADLINE: Duration = Duration::from_secs(30);

/// Shorter than the time between two looks: for what must not wait for one.
const AT_ONCE: Duration = Duration::from_secs(8);

async fn soon<F: std::future::IntoFuture>(future: F) -> F::Output {
    timeout(DEADLINE, future).await.expect("in time")
}

/// A watch, all that it told and where that stands.
#[derive(Debug)]
struct Watch {
    seen: mpsc::Receiver<Seen>,
    cancel: CancellationToken,
    told: Vec<Seen>,
    engine: EngineSeen,
    container: Container,
    /// `None`: it cannot be read.
    log: Option<LogState>,
}

impl Watch {
    fn on(backend: &Backend) -> Self {
        let cancel = CancellationToken::new();
        let seen = backend.watch(cancel.clone());
        Self { seen, cancel, told: Vec::new(), engine: EngineSeen::Unknown, container: Container::Unknown, log: Some(LogState::default()) }
    }

    async fn next(&mut self) -> Option<Seen> {
        let seen = soon(self.seen.recv()).await?;
        self.told.push(seen.clone());
        match seen.clone() {
            Seen::Engine(engine) => self.engine = engine,
            Seen::Container(container) => {
                // A new life has a log of its own, as to the policy.
                if matches!(container, Container::Running { .. }) && container != self.container {
                    self.log = Some(LogState::default());
                }
                self.container = container;
            }
            Seen::Log(log) => self.log = log,
        }
        Some(seen)
    }

    /// Reads on until it is so.
    async fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let reached = timeout(DEADLINE, async {
            while !is_so(self) {
                self.next().await.expect("the watch goes on");
            }
        });
        if reached.await.is_err() {
            panic!("{what}: not seen in {:?}", self.told);
        }
    }

    async fn marker(&mut self, marker: Marker) {
        self.until(&format!("{marker:?}"), |watch| watch.log.as_ref().is_some_and(|log| log.marker == marker)).await;
    }

    async fn runs(&mut self) {
        self.until("running", |watch| matches!(watch.container, Container::Running { .. })).await;
    }

    /// Waits for the end; its exit code.
    async fn exits(&mut self) -> Option<u8> {
        self.until("exited", |watch| matches!(watch.container, Container::Exited { .. })).await;
        match self.container {
            Container::Exited { code, .. } => code,
            _ => None,
        }
    }

    fn log(&self) -> &LogState {
        self.log.as_ref().expect("a log")
    }

    /// The markers of the logs told since the list was emptied.
    fn markers(&self) -> Vec<Marker> {
        self.told.iter().filter_map(|seen| if let Seen::Log(Some(log)) = seen { Some(log.marker) } else { None }).collect()
    }

    /// Ends the watch and waits until it has.
    async fn end(mut self) {
        self.cancel.cancel();
        while self.next().await.is_some() {}
    }
}
