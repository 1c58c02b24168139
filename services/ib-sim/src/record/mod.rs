//! `ibmesh record`: stands between any client and a gateway and writes down what they say, without accounts, names
//! and ids.
//!
//! Invariant: the recorder changes no byte that passes and keeps no frame longer than it takes to write it.

mod pipe;
mod pseudonyms;
pub(crate) mod redact;
mod sink;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::clock::{Clock, ClockSetting};
use crate::door::accept_failed;
use pipe::Tap;
pub(crate) use pseudonyms::Pseudonyms;
pub use sink::Recorded;

/// A gateway on the same machine answers at once and one across the world within this.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// IB serves 32 clients; probes and restarts come on top.
const MAX_CONNECTIONS: usize = 256;
/// What the writer may take for the last lines.
const LAST_LINES_MAX: Duration = Duration::from_secs(10);

/// What to record.
#[derive(Debug, Clone)]
pub struct RecordSettings {
    /// Where clients connect. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The gateway, as `HOST:PORT`.
    pub gateway: String,
    /// The file to write; it must not exist.
    pub out: PathBuf,
}

/// Why a recording could not begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The port could not be taken.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
    /// There is no gateway.
    #[error("no gateway at {gateway}")]
    Gateway {
        /// The address that was asked for.
        gateway: String,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
    /// The file could not be made or written.
    #[error("cannot write {path}")]
    File {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
}

/// A running recorder.
#[derive(Debug)]
pub struct Recorder {
    addr: SocketAddr,
    out: PathBuf,
    /// Ends the tasks, also when the recorder is dropped without a shutdown.
    cancel: DropGuard,
    tasks: TaskTracker,
    writer: JoinHandle<std::io::Result<Recorded>>,
}

impl Recorder {
    /// Looks for the gateway, takes the port, makes the file and begins to record.
    pub async fn start(settings: RecordSettings) -> Result<Self, RecordError> {
        let RecordSettings { listen, gateway, out } = settings;
        // A gateway takes a connection without a hello for a probe.
        drop(connect(&gateway).await.map_err(|source| RecordError::Gateway { gateway: gateway.clone(), source })?);
        let listener = TcpListener::bind(listen).await.map_err(|source| RecordError::Listen { addr: listen, source })?;
        let addr = listener.local_addr().map_err(|source| RecordError::Listen { addr: listen, source })?;
        let started_ms = Clock::new(ClockSetting::Real).now_ms();
        let sink = sink::open(&out, started_ms).map_err(|source| RecordError::File { path: out.clone(), source })?;
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        info!(%addr, gateway, out = %out.display(), "recording");
        let tap = Tap { connection: 0, started: Instant::now(), notes: sink.notes };
        tasks.spawn(accept(listener, gateway, tap, cancel.clone(), tasks.clone()));
        Ok(Self { addr, out, cancel: cancel.drop_guard(), tasks, writer: sink.writer })
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The file that is written.
    pub fn out(&self) -> &std::path::Path {
        &self.out
    }

    /// Resolves when recording has ended by itself: the file can no longer be written.
    pub async fn failed(&mut self) -> RecordError {
        let source = match (&mut self.writer).await {
            Ok(Ok(_)) => std::io::Error::other("the writer ended"),
            Ok(Err(error)) => error,
            Err(error) => std::io::Error::other(error),
        };
        RecordError::File { path: self.out.clone(), source }
    }

    /// Closes all connections, writes the last lines, and tells how much was recorded.
    pub async fn shutdown(self) -> Result<Recorded, RecordError> {
        drop(self.cancel);
        self.tasks.close();
        let ended = async {
            self.tasks.wait().await;
            self.writer.await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
        };
        let written = timeout(LAST_LINES_MAX, ended).await;
        let late = || Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "the last lines took too long"));
        written.unwrap_or_else(|_| late()).map_err(|source| RecordError::File { path: self.out, source })
    }
}

async fn connect(gateway: &str) -> std::io::Result<TcpStream> {
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {} s", CONNECT_MAX.as_secs()));
    timeout(CONNECT_MAX, TcpStream::connect(gateway)).await.unwrap_or_else(|_| Err(late()))
}

async fn accept(listener: TcpListener, gateway: String, tap: Tap, cancel: CancellationToken, tasks: TaskTracker) {
    let mut connection = 0;
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((_, peer)) if tasks.len() > MAX_CONNECTIONS => warn!(%peer, "too many connections at once"),
            Ok((client, _)) => {
                connection += 1;
                let tap = Tap { connection, ..tap.clone() };
                let (gateway, cancel) = (gateway.clone(), cancel.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = cancel.cancelled() => {}
                        () = serve(client, &gateway, tap) => {}
                    }
                });
            }
            Err(error) => accept_failed(&error).await,
        }
    }
}

async fn serve(client: TcpStream, gateway: &str, tap: Tap) {
    match connect(gateway).await {
        Ok(stream) => pipe::run(client, stream, tap).await,
        // The client sees its connection end, as with a gateway that ends.
        Err(error) => warn!(gateway, %error, "the gateway does not answer; the client is turned away"),
    }
}
