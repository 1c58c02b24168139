//! `ibmesh sim --replay FILE`: a gateway that says again what one once said.
//!
//! Invariant: nothing is made up: every answer stands in the transcript, except the error that says that none does.

mod player;
mod session;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::clock::{Clock, ClockSetting};
use crate::door::accept_failed;
use crate::transcript::{Section, Transcript, TranscriptError};
use crate::wire::hello::Hello;

const SHUTDOWN_MAX: Duration = Duration::from_secs(2);
/// Connections at once; IB serves 32.
const MAX_CONNECTIONS: usize = 256;

/// What to replay, and how.
#[derive(Debug, Clone)]
pub struct ReplaySettings {
    /// Where API clients connect. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// The transcript to answer from.
    pub transcript: PathBuf,
    /// How much faster than recorded: 1 keeps the recorded pauses, 10 makes them a tenth. Without it there are none.
    pub speed: Option<f64>,
}

/// Why a replay could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The transcript.
    #[error("cannot replay {path}")]
    Transcript {
        /// The file that was asked for.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: TranscriptError,
    },
    /// The port could not be taken.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
    /// A speed that is none.
    #[error("the replay speed {0} is not above 0")]
    Speed(f64),
}

/// What a replay has met so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Requests that were recorded.
    pub matched: u64,
    /// Requests that were asked more often than they were recorded.
    pub repeated: u64,
    /// Requests that were not recorded, and answered with an error that says so.
    pub unmatched: u64,
}

#[derive(Debug, Default)]
struct Counts {
    matched: AtomicU64,
    repeated: AtomicU64,
    unmatched: AtomicU64,
}

/// What all connections of a replay share.
#[derive(Debug)]
struct Tape {
    transcript: Transcript,
    speed: Option<f64>,
    clock: Clock,
    /// Which recorded connections have been played.
    played: Mutex<Vec<bool>>,
    counts: Counts,
}

/// A running replay.
#[derive(Debug)]
pub struct Replay {
    addr: SocketAddr,
    tape: Arc<Tape>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Replay {
    /// Reads the transcript, takes the port and begins to answer.
    pub async fn start(settings: ReplaySettings) -> Result<Self, ReplayError> {
        let ReplaySettings { bind, transcript: path, speed } = settings;
        if let Some(speed) = speed.filter(|speed| !speed.is_finite() || *speed <= 0.0) {
            return Err(ReplayError::Speed(speed));
        }
        // Read at the start, once, before anybody is served.
        let transcript = Transcript::open(&path).map_err(|source| ReplayError::Transcript { path, source })?;
        let listener = TcpListener::bind(bind).await.map_err(|source| ReplayError::Bind { addr: bind, source })?;
        let addr = listener.local_addr().map_err(|source| ReplayError::Bind { addr: bind, source })?;
        info!(%addr, connections = transcript.sections.len(), "replaying");
        let played = Mutex::new(vec![false; transcript.sections.len()]);
        let clock = Clock::new(ClockSetting::Real);
        let tape = Arc::new(Tape { transcript, speed, clock, played, counts: Counts::default() });
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(listener, Arc::clone(&tape), cancel.clone(), tasks.clone()));
        Ok(Self { addr, tape, cancel, tasks })
    }

    /// Where API clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What has been met so far.
    pub fn replayed(&self) -> Replayed {
        let counts = &self.tape.counts;
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Replayed { matched: of(&counts.matched), repeated: of(&counts.repeated), unmatched: of(&counts.unmatched) }
    }

    /// Ends all connections.
    pub async fn shutdown(self) -> Replayed {
        self.cancel.cancel();
        self.tasks.close();
        if timeout(SHUTDOWN_MAX, self.tasks.wait()).await.is_err() {
            warn!("some connections did not end in time");
        }
        self.replayed()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn accept(listener: TcpListener, tape: Arc<Tape>, cancel: CancellationToken, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((_, peer)) if tasks.len() > MAX_CONNECTIONS => warn!(%peer, "too many connections at once"),
            Ok((stream, _)) => {
                let (tape, cancel) = (Arc::clone(&tape), cancel.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = cancel.cancelled() => {}
                        () = session::run(stream, &tape) => {}
                    }
                });
            }
            Err(error) => accept_failed(&error).await,
        }
    }
}

impl Tape {
    /// The version to answer a hello with: the one of the next connection that this client can follow.
    fn version(&self, hello: &Hello) -> Option<&Section> {
        let played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |section: &&Section| (hello.min..=hello.max).contains(&section.server_version);
        let fresh = self.transcript.sections.iter().zip(played.iter()).find(|(section, played)| !**played && fits(section));
        fresh.map(|(section, _)| section).or_else(|| self.transcript.sections.iter().find(fits))
    }

    /// The connection to play for a client that started: one of its own client id before any other, one that has not
    /// been played before one that has.
    fn take(&self, version: i32, is_its_own: impl Fn(&Section) -> bool) -> Option<&Section> {
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        let candidates = self.transcript.sections.iter().enumerate().filter(|(_, section)| section.server_version == version);
        let (index, section) = candidates.min_by_key(|(index, section)| (played[*index], !is_its_own(section)))?;
        played[index] = true;
        Some(section)
    }
}
