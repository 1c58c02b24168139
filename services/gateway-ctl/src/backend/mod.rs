//! What starts and stops the gateway, and what it sees of it: Docker, a process of our own, or nothing at all.
//!
//! | file | is |
//! |---|---|
//! | `docker.rs`, `docker/` | a container, through Docker's API: inspected, followed, started, stopped |
//! | `process.rs` | a program of our own: the simulated gateway of `ibmesh up` |
//! | `external.rs` | a gateway that a person started |
//! | `yielding.rs` | the file that tells a start to give way to another session |
//! | `commands.rs` | IBC's command server inside the gateway |
//!
//! Invariants: nothing here decides anything, the policy does; what is seen is told as levels, which may be told again at
//! any time; the last lines of a life's log are told before its end; every call has a deadline, and a lost engine is a
//! state that is told and not an error that ends the watch.

mod commands;
mod docker;
mod external;
mod process;
mod yielding;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use commands::CommandServer;
pub use docker::{DEFAULT_DOCKER_HOST, Docker, DockerSettings, DockerSettingsError};
pub use external::container_of;
pub use process::{ProcessGateway, ProcessProgram, ProcessProgramError};
pub use yielding::YieldFile;

use crate::{
    diagnose::{Forwarder, Inspected, Sockets},
    logs::LogState,
    policy::{Container, Engine, Event, Means},
};

/// What the reader of a watch has not taken yet; then the watch waits for it.
const SEEN_MAX: usize = 64;

/// What may start and stop the gateway.
#[derive(Debug, Clone)]
pub enum Backend {
    Docker(Docker),
    Process(ProcessGateway),
    /// A gateway that a person started.
    External,
}

/// One level of what is seen of the gateway from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Engine(Engine),
    Container(Container),
    /// `None`: the log cannot be read.
    Log(Option<LogState>),
}

impl From<Seen> for Event {
    fn from(seen: Seen) -> Self {
        match seen {
            Seen::Engine(engine) => Self::Engine(engine),
            Seen::Container(container) => Self::Container(container),
            Seen::Log(log) => Self::Log(log),
        }
    }
}

/// What a diagnosis asks beside what the watch tells. What could not be had is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    pub engine_version: Option<String>,
    pub inspected: Option<Inspected>,
    pub forwarder: Option<Forwarder>,
    /// Asked only in a deep diagnosis, and only where commands may be run in the container.
    pub sockets: Option<Sockets>,
}

const UNSUPPORTED: &str = "unsupported: a person starts and stops this gateway";

impl Backend {
    pub fn means(&self) -> Means {
        match self {
            Self::Docker(docker) => docker.means(),
            Self::Process(process) => process.means(),
            Self::External => Means { control: false, commands: false, yielding: false, kick: false },
        }
    }

    /// The container's name, where there is a container.
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::Docker(docker) => Some(docker.container()),
            Self::Process(_) | Self::External => None,
        }
    }

    /// What runs in a container's place.
    pub fn process(&self) -> Option<String> {
        match self {
            Self::Process(process) => Some(format!("process {}", process.name())),
            Self::Docker(_) | Self::External => None,
        }
    }

    /// Everything that is seen from now on, until `cancel` or until nobody reads it.
    pub fn watch(&self, cancel: CancellationToken) -> mpsc::Receiver<Seen> {
        let (out, seen) = mpsc::channel(SEEN_MAX);
        match self {
            Self::Docker(docker) => drop(tokio::spawn(docker.clone().watch(out, cancel))),
            Self::Process(process) => drop(tokio::spawn(process.clone().watch(out, cancel))),
            Self::External => drop(tokio::spawn(external::watch(out, cancel))),
        }
        seen
    }

    /// One that runs already is a success. Nothing is ever created.
    pub async fn start(&self, within: Duration) -> Result<(), String> {
        match self {
            Self::Docker(docker) => docker.start(within).await,
            Self::Process(process) => process.start(within).await,
            Self::External => Err(UNSUPPORTED.to_owned()),
        }
    }

    /// Asked to end, and killed after the grace. One that does not run is a success. Nothing is ever removed. `within` has
    /// to be longer than the grace.
    pub async fn stop(&self, grace_s: u32, within: Duration) -> Result<(), String> {
        match self {
            Self::Docker(docker) => docker.stop(grace_s, within).await,
            Self::Process(process) => process.stop(grace_s, within).await,
            Self::External => Err(UNSUPPORTED.to_owned()),
        }
    }

    /// Ends the port forwarder inside the container, which comes back by itself.
    pub async fn kick_forwarder(&self, within: Duration) -> Result<(), String> {
        match self {
            Self::Docker(docker) => docker.kick_forwarder(within).await,
            Self::Process(_) => Err("unsupported: this gateway has no port forwarder".to_owned()),
            Self::External => Err(UNSUPPORTED.to_owned()),
        }
    }

    /// For a diagnosis; `own_port` is the gateway's own port inside the container. What is refused is left out.
    pub async fn look(&self, deep: bool, own_port: u16, within: Duration) -> Looked {
        match self {
            Self::Docker(docker) => docker.look(deep, own_port, within).await,
            Self::Process(_) | Self::External => Looked::default(),
        }
    }

    /// Ends what this process started itself. A container goes on.
    pub async fn close(&self) {
        if let Self::Process(process) = self {
            process.close().await;
        }
    }
}

#[cfg(test)]
mod tests;
