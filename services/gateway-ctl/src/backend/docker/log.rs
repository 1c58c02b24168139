//! The log of the container's present life: first all that was said, then what is said.
//!
//! What was said is told once, as where it stands, so that an old line is never taken for news. A stream that ends is asked
//! for again from its last line on; so is one that was silent for long, since a half-open connection looks the same.
//!
//! Invariant: lines older than the life's start never count, and none counts twice.

use std::{future::pending, time::Duration};

use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Docker, Trouble};
use crate::logs::{LogState, Reader};

/// A gateway that runs for months has said much.
const PAST_MAX: Duration = Duration::from_secs(60);
/// The last lines of a life that has ended.
const END_MAX: Duration = Duration::from_secs(3);
const SILENT_MAX: Duration = Duration::from_secs(300);
/// Before a stream that ended is asked for again.
const AGAIN: Duration = Duration::from_secs(1);
/// Some log drivers cannot be read, and some proxies refuse.
const REFUSED_AGAIN: Duration = Duration::from_secs(60);

type Chunks = BoxStream<'static, Result<Bytes, Trouble>>;

enum Stage {
    /// Nothing runs, or it is not known what.
    Idle,
    /// The life has ended and its last lines are read.
    Done,
    Waiting,
    /// All that was said until now.
    Past(Chunks),
    /// What is said from now on.
    Follow(Chunks),
}

/// What the log has to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    State(LogState),
    /// It cannot be read.
    Unreadable(String),
    /// The stream ended: maybe the container did, or the engine.
    Ended,
}

pub(super) struct Log {
    docker: Docker,
    life: Option<Timestamp>,
    reader: Reader,
    stage: Stage,
    until: Instant,
}

impl Log {
    pub(super) fn new(docker: Docker) -> Self {
        Self { docker, life: None, reader: Reader::plain(), stage: Stage::Idle, until: Instant::now() }
    }

    /// When the life began that is read.
    pub(super) const fn life(&self) -> Option<Timestamp> {
        self.life
    }

    /// Reads this life from its beginning, or goes on with it.
    pub(super) fn read(&mut self, started_at: Timestamp) {
        if self.life != Some(started_at) {
            (self.life, self.reader) = (Some(started_at), Reader::stamped(started_at));
            self.stage = Stage::Idle;
        }
        if matches!(self.stage, Stage::Idle | Stage::Done) {
            self.ask_for_past(PAST_MAX);
        }
    }

    /// Reads no more; what was read is kept for when the engine is back.
    pub(super) fn pause(&mut self) {
        if !matches!(self.stage, Stage::Done) {
            self.stage = Stage::Idle;
        }
    }

    /// The last lines of a life that has ended, from its beginning if it was never read.
    pub(super) async fn end(&mut self, started_at: Timestamp) -> Option<LogState> {
        if self.life == Some(started_at) {
            if matches!(self.stage, Stage::Done) {
                return None;
            }
        } else {
            (self.life, self.reader) = (Some(started_at), Reader::stamped(started_at));
        }
        self.ask_for_past(END_MAX);
        self.drain().await
    }

    /// What the stream of a life still has whose container runs again: Docker ends that stream by itself.
    pub(super) async fn end_of_follow(&mut self) -> Option<LogState> {
        if !matches!(self.stage, Stage::Follow(_)) {
            return None;
        }
        self.until = Instant::now() + END_MAX;
        self.drain().await
    }

    /// Reads the open stream to its end. `None`: it could not be read, and nothing was before.
    async fn drain(&mut self) -> Option<LogState> {
        let mut is_whole = true;
        if let Stage::Past(chunks) | Stage::Follow(chunks) = &mut self.stage {
            is_whole = loop {
                match timeout_at(self.until, chunks.next()).await {
                    Ok(Some(Ok(chunk))) => {
                        self.reader.feed(&chunk);
                    }
                    Ok(None) => break true,
                    Ok(Some(Err(_))) | Err(_) => break false,
                }
            };
        }
        self.stage = Stage::Done;
        (is_whole || self.reader.last().is_some()).then(|| self.reader.state().clone())
    }

    /// The next thing to tell. Cancelling it loses nothing.
    pub(super) async fn next(&mut self) -> Told {
        loop {
            match &mut self.stage {
                Stage::Idle | Stage::Done => pending().await,
                Stage::Waiting => {
                    sleep_until(self.until).await;
                    self.ask_for_past(PAST_MAX);
                }
                Stage::Past(chunks) => match timeout_at(self.until, chunks.next()).await {
                    Ok(Some(Ok(chunk))) => {
                        self.reader.feed(&chunk);
                    }
                    Ok(None) => {
                        self.follow();
                        return Told::State(self.reader.state().clone());
                    }
                    Ok(Some(Err(Trouble::Refused { status, message }))) => {
                        self.wait(REFUSED_AGAIN);
                        return Told::Unreadable(format!("refused with {status}: {message}"));
                    }
                    Ok(Some(Err(_))) | Err(_) => {
                        self.wait(AGAIN);
                        return Told::Ended;
                    }
                },
                Stage::Follow(chunks) => match timeout_at(self.until, chunks.next()).await {
                    Ok(Some(Ok(chunk))) => {
                        self.until = Instant::now() + SILENT_MAX;
                        if self.reader.feed(&chunk) {
                            return Told::State(self.reader.state().clone());
                        }
                    }
                    Ok(Some(Err(_)) | None) => {
                        self.wait(AGAIN);
                        return Told::Ended;
                    }
                    Err(_) => self.ask_for_past(PAST_MAX),
                },
            }
        }
    }

    fn wait(&mut self, pause: Duration) {
        (self.stage, self.until) = (Stage::Waiting, Instant::now() + pause);
    }

    fn ask_for_past(&mut self, within: Duration) {
        (self.stage, self.until) = (Stage::Past(self.ask(false)), Instant::now() + within);
    }

    fn follow(&mut self) {
        (self.stage, self.until) = (Stage::Follow(self.ask(true)), Instant::now() + SILENT_MAX);
    }

    /// From the last line that was read on, or from the beginning.
    fn ask(&mut self, follow: bool) -> Chunks {
        self.reader.resume();
        let since = self.reader.last().or(self.life).map_or(0, Timestamp::as_second);
        let options = LogsOptionsBuilder::new()
            .follow(follow)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .since(i32::try_from(since).unwrap_or(i32::MAX))
            .build();
        let docker = self.docker.clone();
        stream::once(async move {
            let client = docker.client().await?;
            let chunks = client.logs(docker.container(), Some(options));
            Ok(chunks.map_ok(bollard::container::LogOutput::into_bytes).map_err(|error| Trouble::of(&error)))
        })
        .try_flatten()
        .boxed()
    }
}
