//! The gateway's container, through Docker's API: over a unix socket, or over TCP to a socket proxy.
//!
//! Asked for are `/version`, `/events` and of this one container `json`, `logs`, `start`, `stop` and `top`; `exec` only
//! where the settings allow it. The version is negotiated; bollard sends its paths without one all the same, which any
//! engine takes, and a proxy has to let through.
//!
//! Invariants: the container is never created, changed or removed; each call has a deadline; after a lost engine the
//! version is negotiated anew.

mod log;
mod look;
mod read;
mod watch;

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, errors::Error as BollardError, query_parameters::StopContainerOptions};
use service::process::chain;
use tokio::{sync::Notify, time::timeout};

use crate::policy::Means;

/// Where Docker listens where nobody says otherwise.
pub const DEFAULT_DOCKER_HOST: &str = "unix:///var/run/docker.sock";
/// The client's own limit for the head of an answer. Every call here has a shorter one, and a stop takes its grace.
const HEAD_S_MAX: u64 = 900;
/// Docker's rule for names; a name goes into paths.
const NAME_BYTES_MAX: usize = 255;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DockerSettingsError {
    #[error("DOCKER_HOST={0:?}: allowed are unix:///path and tcp://host:port")]
    Host(String),
    #[error("GATEWAY_CONTAINER={0:?}: letters, digits, `_`, `.` and `-`, and the first one no sign")]
    Container(String),
}

/// Which container, and how it is reached.
#[derive(Debug, Clone)]
pub struct DockerSettings {
    /// `DOCKER_HOST`.
    pub host: String,
    /// `GATEWAY_CONTAINER`.
    pub container: String,
    /// IBC's command server can be asked to close the gateway.
    pub commands: bool,
    /// Commands may be run inside the container. The shipped socket proxy refuses them.
    pub exec: bool,
}

/// Why a call did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trouble {
    /// Nobody answered, or a proxy in the engine's place.
    Lost(String),
    Refused {
        status: u16,
        message: String,
    },
    /// An answer that is not understood.
    Unreadable(String),
}

/// What a proxy says when the engine behind it is away.
const PROXY: [u16; 3] = [502, 503, 504];
const MISSING: u16 = 404;

impl Trouble {
    fn of(error: &BollardError) -> Self {
        match error {
            BollardError::DockerResponseServerError { status_code, message } if PROXY.contains(status_code) => {
                Self::Lost(format!("answered with {status_code}: {}", message.trim()))
            }
            BollardError::DockerResponseServerError { status_code, message } => {
                Self::Refused { status: *status_code, message: message.trim().to_owned() }
            }
            BollardError::JsonDataError { .. } | BollardError::JsonSerdeError { .. } | BollardError::APIVersionParseError {} => {
                Self::Unreadable(chain(error))
            }
            _ => Self::Lost(chain(error)),
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost(reason) => write!(f, "Docker cannot be reached: {reason}"),
            Self::Refused { status, message } => write!(f, "Docker refused with {status}: {message}"),
            Self::Unreadable(reason) => write!(f, "Docker's answer is not understood: {reason}"),
        }
    }
}

/// One container of one engine. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Docker {
    settings: Arc<DockerSettings>,
    /// Once the version is negotiated, until the engine is lost.
    client: Arc<Mutex<Option<bollard::Docker>>>,
    /// Something was done to the container: the watch looks at once.
    acted: Arc<Notify>,
}

impl Docker {
    pub fn new(settings: DockerSettings) -> Result<Self, DockerSettingsError> {
        let after = |scheme: &str| settings.host.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty());
        if !["unix://", "tcp://", "http://"].into_iter().any(after) {
            return Err(DockerSettingsError::Host(settings.host));
        }
        let name = settings.container.as_bytes();
        let signs = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
        if !name.first().is_some_and(u8::is_ascii_alphanumeric) || name.len() > NAME_BYTES_MAX || !name.iter().all(signs) {
            return Err(DockerSettingsError::Container(settings.container));
        }
        Ok(Self { settings: Arc::new(settings), client: Arc::default(), acted: Arc::default() })
    }

    pub fn container(&self) -> &str {
        &self.settings.container
    }

    pub(super) fn means(&self) -> Means {
        // Nothing of a start can be changed without a new container, so none can be told to give way.
        Means { control: true, commands: self.settings.commands, yielding: false, kick: self.settings.exec }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<bollard::Docker>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine, with the version that both sides speak.
    async fn client(&self) -> Result<bollard::Docker, Trouble> {
        if let Some(client) = self.held().clone() {
            return Ok(client);
        }
        let host = &self.settings.host;
        let connected = if host.starts_with("unix://") {
            bollard::Docker::connect_with_unix(host, HEAD_S_MAX, API_DEFAULT_VERSION)
        } else {
            bollard::Docker::connect_with_http(host, HEAD_S_MAX, API_DEFAULT_VERSION)
        };
        let negotiated = match connected {
            Ok(client) => client.negotiate_version().await,
            Err(error) => Err(error),
        };
        // Whoever does not tell a version is no engine, whatever else it says.
        let client = negotiated.map_err(|error| match Trouble::of(&error) {
            Trouble::Lost(reason) => Trouble::Lost(reason),
            Trouble::Refused { status, message } => Trouble::Lost(format!("its version was refused with {status}: {message}")),
            Trouble::Unreadable(reason) => Trouble::Lost(format!("its version is not understood: {reason}")),
        })?;
        *self.held() = Some(client.clone());
        Ok(client)
    }

    /// One call and its deadline, the negotiation included.
    async fn call<T, F>(&self, within: Duration, ask: impl FnOnce(bollard::Docker) -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, BollardError>>,
    {
        let asked = async {
            let client = self.client().await?;
            ask(client).await.map_err(|error| Trouble::of(&error))
        };
        let result = match timeout(within, asked).await {
            Ok(result) => result,
            Err(_) => Err(Trouble::Lost(format!("no answer within {} ms", within.as_millis()))),
        };
        if matches!(result, Err(Trouble::Lost(_))) {
            *self.held() = None;
        }
        result
    }

    /// One that runs answers 304, which is a success.
    pub(super) async fn start(&self, within: Duration) -> Result<(), String> {
        let name = self.settings.container.clone();
        let started = self.call(within, async move |client| client.start_container(&name, None).await).await;
        self.done(started)
    }

    pub(super) async fn stop(&self, grace_s: u32, within: Duration) -> Result<(), String> {
        let name = self.settings.container.clone();
        let options = StopContainerOptions { t: Some(i32::try_from(grace_s).unwrap_or(i32::MAX)), signal: None };
        let stopped = self.call(within, async move |client| client.stop_container(&name, Some(options)).await).await;
        self.done(stopped)
    }

    fn done(&self, result: Result<(), Trouble>) -> Result<(), String> {
        self.acted.notify_one();
        result.map_err(|trouble| match trouble {
            Trouble::Refused { status: MISSING, .. } => format!("the container {} does not exist", self.settings.container),
            trouble => trouble.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(host: &str, container: &str) -> Result<Docker, DockerSettingsError> {
        Docker::new(DockerSettings { host: host.to_owned(), container: container.to_owned(), commands: true, exec: false })
    }

    #[test]
    fn an_address_or_a_name_that_cannot_be_is_refused() {
        assert!(new(DEFAULT_DOCKER_HOST, "mcp-ib-gateway-paper").is_ok());
        assert!(new("tcp://docker-proxy:2375", "a").is_ok());
        for host in ["", "unix://", "ssh://host", "https://host:2376", "/var/run/docker.sock"] {
            assert_eq!(new(host, "a").expect_err(host), DockerSettingsError::Host(host.to_owned()));
        }
        for name in ["", "-a", "a/../b", "a b", "a?b", "ä"] {
            assert_eq!(new(DEFAULT_DOCKER_HOST, name).expect_err(name), DockerSettingsError::Container(name.to_owned()));
        }
    }
}
