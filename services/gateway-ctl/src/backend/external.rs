//! A gateway that a person started: nothing can be started or stopped, and its API is all that is seen of it.
//!
//! Invariant: what the API has not shown is unknown.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Seen;
use crate::policy::{Api, Container, Engine};

/// There is no engine that could be lost.
pub(super) async fn watch(out: mpsc::Sender<Seen>, cancel: CancellationToken) {
    if out.send(Seen::Engine(Engine::Reachable)).await.is_ok() {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = out.closed() => {}
        }
    }
}

/// Whether such a gateway runs, by its API port.
pub fn container_of(api: Api) -> Container {
    match api {
        Api::Unknown => Container::Unknown,
        Api::Closed => Container::Exited { code: None, oom_killed: false, finished_at: None },
        Api::Silent | Api::TooOld { .. } | Api::Answers { .. } => Container::Running { started_at: None },
    }
}
