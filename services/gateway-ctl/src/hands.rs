//! Carries out what the policy decides about the gateway: each deed in a task of its own, with a deadline.
//!
//! Invariant: a deed that failed is told to the policy, which decides what comes instead; nothing is tried again here.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::{
    backend::{Backend, CommandServer, YieldFile},
    input::Input,
    policy::{Deed, Means},
};

const START_MAX: Duration = Duration::from_secs(20);
/// Added to the grace of a stop.
const STOP_MARGIN: Duration = Duration::from_secs(8);
const KICK_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(crate) struct Hands {
    pub(crate) backend: Backend,
    pub(crate) commands: Option<CommandServer>,
    pub(crate) yield_file: Option<YieldFile>,
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) tasks: TaskTracker,
}

impl Hands {
    /// What the backend can do, and what can be done around it.
    pub(crate) fn means(&self) -> Means {
        Means { yielding: self.yield_file.is_some(), ..self.backend.means() }
    }

    pub(crate) fn start(&self, yielding: bool) {
        let (backend, file) = (self.backend.clone(), self.yield_file.clone());
        self.doing(Deed::Start, async move {
            if let Some(file) = file {
                file.set(yielding).await?;
            }
            backend.start(START_MAX).await
        });
    }

    pub(crate) fn stop(&self, grace_s: u32) {
        let backend = self.backend.clone();
        let within = Duration::from_secs(u64::from(grace_s)) + STOP_MARGIN;
        self.doing(Deed::StopContainer, async move { backend.stop(grace_s, within).await });
    }

    pub(crate) fn close_gateway(&self) {
        self.command(Deed::CloseGateway, |commands| async move { commands.stop().await });
    }

    pub(crate) fn restart_softly(&self) {
        self.command(Deed::SoftRestart, |commands| async move { commands.restart().await });
    }

    pub(crate) fn reconnect_account(&self) {
        self.command(Deed::ReconnectAccount, |commands| async move { commands.reconnect_account().await });
    }

    /// Not waited for by anything: whether it helped is seen at the API.
    pub(crate) fn kick_forwarder(&self) {
        let backend = self.backend.clone();
        self.tasks.spawn(async move {
            if let Err(reason) = backend.kick_forwarder(KICK_MAX).await {
                tracing::warn!(reason, "the port forwarder was not ended");
            }
        });
    }

    /// A deed that is not even begun.
    pub(crate) fn refuse(&self, deed: Deed, reason: &str) {
        let reason = reason.to_owned();
        self.doing(deed, async move { Err(reason) });
    }

    fn command<F>(&self, deed: Deed, send: impl FnOnce(CommandServer) -> F + Send + 'static)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let commands = self.commands.clone();
        self.doing(deed, async move {
            match commands {
                Some(commands) => send(commands).await,
                None => Err("there is no command server (GATEWAY_COMMAND_ADDR)".to_owned()),
            }
        });
    }

    fn doing(&self, deed: Deed, done: impl Future<Output = Result<(), String>> + Send + 'static) {
        let inputs = self.inputs.clone();
        tracing::info!(?deed, "doing");
        self.tasks.spawn(async move {
            match done.await {
                Ok(()) => tracing::info!(?deed, "done"),
                Err(reason) => {
                    tracing::warn!(?deed, reason, "failed");
                    // The reader has ended with the process.
                    let _ = inputs.send(Input::Failed(deed, reason)).await;
                }
            }
        });
    }
}
