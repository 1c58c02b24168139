//! One connection to NATS, its version gate, and the round trip that proves what the server has processed.

use std::{fmt, path::PathBuf, time::Duration};

use async_nats::{Client, ConnectOptions, Event, connection::State};
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::{Instant, timeout};

use crate::address::{Login, login, redacted};

/// Older servers drop or ignore what this system needs: 2.9 stores a key's TTL without obeying it, and only from 2.11.9
/// on is a downgrade safe (NATS 2.12 release notes).
pub const SERVER_VERSION_MIN: (u64, u64, u64) = (2, 11, 9);

/// How long a start waits for the server.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Bounds one server round trip.
const BARRIER_MAX: Duration = Duration::from_secs(2);
/// One write to a stream or a bucket.
pub(crate) const STORE_MAX: Duration = Duration::from_secs(2);
/// A dead peer is noticed after two of these; the library's default takes three minutes.
const PING_PERIOD: Duration = Duration::from_secs(5);
/// Messages that wait in one subscription. Small: the library's 65,536 would hoard minutes of work at IB's pace.
const SUBSCRIPTION_CAPACITY: usize = 1_024;
/// Reconnect attempts are this far apart at most, so that a returned server is found within it.
const RECONNECT_MAX_MS: u64 = 1_000;

/// Where and as whom to connect.
#[derive(Clone)]
pub struct Settings {
    pub url: String,
    pub creds_file: Option<PathBuf>,
    /// Shown by `nats server report connections`.
    pub name: String,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = redacted(&self.url);
        f.debug_struct("Settings").field("url", &url).field("creds_file", &self.creds_file).field("name", &self.name).finish()
    }
}

/// Why no connection came about. The text names what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("no NATS server answers at {url} within {} s; start one or set NATS_URL", CONNECT_MAX.as_secs())]
    Unreachable { url: String, source: Option<async_nats::ConnectError> },
    #[error(
        "the NATS server at {url} is {version}, but {}.{}.{} or newer is needed: older ones accept a key's time to live and ignore it; install a newer nats-server",
        SERVER_VERSION_MIN.0, SERVER_VERSION_MIN.1, SERVER_VERSION_MIN.2
    )]
    TooOld { url: String, version: String },
    #[error("the NATS server at {url} does not let us in; check NATS_CREDS_FILE, or the user and password in NATS_URL")]
    Refused { url: String, source: async_nats::ConnectError },
    #[error("NATS_CREDS_FILE {} cannot be used", path.display())]
    Credentials { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// What can go wrong on a connection that once was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    #[error("not connected to NATS")]
    Disconnected,
    #[error("NATS did not answer within {0} ms")]
    Timeout(u128),
    #[error("the NATS client refused: {0}")]
    Client(String),
}

/// A connection; clones share it.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    url: String,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("connected", &self.is_connected()).finish_non_exhaustive()
    }
}

impl Bus {
    /// Connects within [`CONNECT_MAX`] and refuses a server that is too old.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let deadline = Instant::now() + CONNECT_MAX;
        let mut pause_ms = 50;
        let client = loop {
            let last = match tokio::time::timeout_at(deadline, options(settings)?.connect(redacted(&settings.url))).await {
                Ok(Ok(client)) => break client,
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            let last = match last {
                Some(source) if is_refusal(&source) => return Err(ConnectError::Refused { url: redacted(&settings.url), source }),
                last => last,
            };
            let next = Instant::now() + Duration::from_millis(pause_ms);
            if next >= deadline || last.as_ref().is_some_and(is_final) {
                return Err(ConnectError::Unreachable { url: redacted(&settings.url), source: last });
            }
            tokio::time::sleep_until(next).await;
            pause_ms = (pause_ms * 2).min(RECONNECT_MAX_MS);
        };
        let version = client.server_info().version;
        if !is_new_enough(&version) {
            return Err(ConnectError::TooOld { url: redacted(&settings.url), version });
        }
        Ok(Self { client, url: redacted(&settings.url) })
    }

    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The server's URL without credentials.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Fails at once while disconnected instead of queueing: a queued message is sent after the reconnect, when nobody
    /// waits for it any more.
    pub(crate) fn require_connected(&self) -> Result<(), BusError> {
        if self.is_connected() { Ok(()) } else { Err(BusError::Disconnected) }
    }

    /// Publishes now or not at all.
    pub async fn publish(&self, subject: String, payload: Bytes) -> Result<(), BusError> {
        self.require_connected()?;
        within(BARRIER_MAX, self.client.publish(subject, payload)).await
    }

    /// One round trip: everything this connection sent before has been processed, and everything the server routed to it
    /// before has arrived. `flush` alone only empties the local socket buffer.
    pub async fn barrier(&self) -> Result<(), BusError> {
        self.require_connected()?;
        let inbox = self.client.new_inbox();
        let round_trip = async {
            let mut echo = self.client.subscribe(inbox.clone()).await.map_err(|error| BusError::Client(error.to_string()))?;
            self.client.publish(inbox, Bytes::from_static(b"b")).await.map_err(|error| BusError::Client(error.to_string()))?;
            echo.next().await.map(drop).ok_or(BusError::Disconnected)
        };
        // One bound around all three: each can hang.
        timeout(BARRIER_MAX, round_trip).await.unwrap_or(Err(BusError::Timeout(BARRIER_MAX.as_millis())))
    }

    /// Ends the connection after everything published has left.
    pub async fn close(&self) {
        if self.barrier().await.is_ok()
            && let Err(error) = within(BARRIER_MAX, self.client.drain()).await
        {
            tracing::debug!(%error, "the connection did not drain");
        }
    }
}

/// Awaits a client call, but no longer than `limit`: with a full command buffer it can hang for ever.
pub(crate) async fn within<T, E: fmt::Display>(limit: Duration, call: impl Future<Output = Result<T, E>>) -> Result<T, BusError> {
    match timeout(limit, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(BusError::Client(error.to_string())),
        Err(_) => Err(BusError::Timeout(limit.as_millis())),
    }
}

fn options(settings: &Settings) -> Result<ConnectOptions, ConnectError> {
    let mut options = ConnectOptions::new()
        .name(&settings.name)
        .ping_interval(PING_PERIOD)
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .connection_timeout(CONNECT_MAX / 2)
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(|event| async move { log(&event) });
    match login(&settings.url) {
        Some(Login::User { name, password }) => {
            // Replies of a user's own: with one inbox for all, whoever may read his own replies could read everybody's.
            // deploy/users.conf allows exactly this one.
            if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
                options = options.custom_inbox_prefix(format!("_INBOX_{name}"));
            }
            options = options.user_and_password(name, password);
        }
        Some(Login::Token(token)) => options = options.token(token),
        None => {}
    }
    if let Some(path) = &settings.creds_file {
        let credentials = |source| ConnectError::Credentials { path: path.clone(), source };
        let text = std::fs::read_to_string(path).map_err(credentials)?;
        options = options.credentials(&text).map_err(credentials)?;
    }
    Ok(options)
}

/// 0, 100, 200, ... ms with a spread, so that a whole fleet does not return in the same instant.
fn reconnect_delay(attempts: usize) -> Duration {
    let steps = u64::try_from(attempts).unwrap_or(u64::MAX).min(10);
    let spread_ms = u64::from(uuid::Uuid::now_v7().as_bytes()[15]) / 4;
    Duration::from_millis((steps.saturating_sub(1) * 100).min(RECONNECT_MAX_MS) + spread_ms)
}

fn is_refusal(error: &async_nats::ConnectError) -> bool {
    use async_nats::ConnectErrorKind as Kind;
    matches!(error.kind(), Kind::Authentication | Kind::AuthorizationViolation)
}

/// No amount of waiting mends a wrong address or certificate.
fn is_final(error: &async_nats::ConnectError) -> bool {
    use async_nats::ConnectErrorKind as Kind;
    matches!(error.kind(), Kind::ServerParse | Kind::Tls)
}

fn log(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("NATS connection lost"),
        Event::SlowConsumer(sid) => tracing::warn!(sid, "messages dropped: a subscription's buffer was full"),
        // A permission violation shows here and otherwise only as a time-out of the call.
        Event::ServerError(error) => tracing::error!(%error, "NATS server error"),
        Event::ClientError(error) => tracing::warn!(%error, "NATS client error"),
        other => tracing::debug!(event = %other, "NATS event"),
    }
}

/// `2.15.1`, `2.11.9-preview.1`: the first three numbers count.
fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split(['.', '-', '+']).map(|part| part.parse::<u64>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= SERVER_VERSION_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        for good in ["2.11.9", "2.11.11", "2.15.1", "3.0.0", "2.12.0-RC.1"] {
            assert!(is_new_enough(good), "{good}");
        }
        for old in ["2.9.10", "2.11.8", "1.4.1", "", "dev"] {
            assert!(!is_new_enough(old), "{old}");
        }
    }
}
