//! Watches the container: inspects it every 10 s and at each of Docker's events, and follows its log.
//!
//! An event is only a reason to look. A proxy that refuses events costs at most those 10 s.
//!
//! Invariants: one inspection at a time; what is told of a life is in its order: its begin, its log, its end; a lost engine
//! is asked again for as long as somebody listens.

use std::{collections::HashMap, time::Duration};

use bollard::query_parameters::EventsOptions;
use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Docker, MISSING, Trouble,
    log::{Log, Told},
    read::{Life, life_of},
};
use crate::{
    backend::Seen,
    policy::{Container, Engine},
};

const LOOK_EVERY: Duration = Duration::from_secs(10);
/// For one inspection, the negotiation included.
const LOOK_MAX: Duration = Duration::from_secs(5);
/// Between inspections of a lost engine; the last one stays.
const LOST_AGAIN: [Duration; 4] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];
const EVENTS_AGAIN: Duration = Duration::from_secs(2);
const EVENTS_REFUSED_AGAIN: Duration = Duration::from_secs(60);
/// What can change what an inspection says.
const EVENTS: [&str; 9] = ["create", "start", "restart", "die", "oom", "pause", "unpause", "rename", "destroy"];

/// Nobody listens any more.
struct Gone;

impl Docker {
    /// Tells everything that is seen, until `cancel` or until nobody listens.
    pub(in crate::backend) async fn watch(self, out: mpsc::Sender<Seen>, cancel: CancellationToken) {
        let listener = out.clone();
        let watcher = Watcher { log: Log::new(self.clone()), docker: self, out, lost: 0, reachable: None, unreadable: false };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = listener.closed() => {}
            Gone = watcher.run() => {}
        }
    }

    /// The container, or that there is none.
    async fn inspect(&self) -> Result<Life, Trouble> {
        let name = self.container().to_owned();
        match self.call(LOOK_MAX, async move |client| client.inspect_container(&name, None).await).await {
            Ok(inspected) => Ok(life_of(&inspected)),
            Err(Trouble::Refused { status: MISSING, .. }) => Ok(Life { container: Container::Missing, started_at: None }),
            // The engine is there, and what it says is not understood: nothing may follow from it.
            Err(Trouble::Unreadable(reason)) => {
                warn!(reason, "Docker's inspection of the container is not understood");
                Ok(Life { container: Container::Unknown, started_at: None })
            }
            Err(trouble) => Err(trouble),
        }
    }
}

struct Watcher {
    docker: Docker,
    out: mpsc::Sender<Seen>,
    log: Log,
    /// Inspections in a row that failed.
    lost: usize,
    reachable: Option<bool>,
    /// Said once, and again after it could be read.
    unreadable: bool,
}

impl Watcher {
    async fn run(mut self) -> Gone {
        match self.watch().await {
            Err(gone) => gone,
            Ok(never) => match never {},
        }
    }

    async fn watch(&mut self) -> Result<std::convert::Infallible, Gone> {
        let mut events = Events::new(self.docker.clone());
        let mut look_at = Instant::now();
        loop {
            tokio::select! {
                () = sleep_until(look_at) => look_at = self.look(&mut events).await?,
                () = events.next() => look_at = Instant::now(),
                () = self.docker.acted.notified() => look_at = Instant::now(),
                told = self.log.next() => match told {
                    Told::State(state) => {
                        self.unreadable = false;
                        self.tell(Seen::Log(Some(state))).await?;
                    }
                    Told::Unreadable(reason) => {
                        if !std::mem::replace(&mut self.unreadable, true) {
                            warn!(reason, "the container's log cannot be read");
                        }
                        self.tell(Seen::Log(None)).await?;
                    }
                    Told::Ended => look_at = Instant::now(),
                },
            }
        }
    }

    async fn tell(&mut self, seen: Seen) -> Result<(), Gone> {
        self.out.send(seen).await.map_err(|_| Gone)
    }

    /// One inspection and what follows from it; when the next one is due.
    async fn look(&mut self, events: &mut Events) -> Result<Instant, Gone> {
        match self.docker.inspect().await {
            Ok(life) => {
                if self.reachable.replace(true) != Some(true) {
                    info!(container = self.docker.container(), "Docker is reached");
                }
                self.lost = 0;
                events.resume();
                self.tell(Seen::Engine(Engine::Reachable)).await?;
                self.tell_life(life).await?;
                Ok(Instant::now() + LOOK_EVERY)
            }
            Err(trouble) => {
                if self.reachable.replace(false) != Some(false) {
                    warn!(host = self.docker.settings.host, reason = %trouble, "Docker is lost");
                }
                self.log.pause();
                events.pause();
                self.tell(Seen::Engine(Engine::Lost)).await?;
                let pause = LOST_AGAIN.get(self.lost).or(LOST_AGAIN.last()).copied().unwrap_or(LOOK_EVERY);
                self.lost = self.lost.saturating_add(1);
                Ok(Instant::now() + pause)
            }
        }
    }

    async fn tell_life(&mut self, Life { container, started_at }: Life) -> Result<(), Gone> {
        match (container, started_at) {
            (Container::Running { .. }, Some(started_at)) => {
                if self.log.life().is_some_and(|life| life != started_at)
                    && let Some(last) = self.log.end_of_follow().await
                {
                    self.tell(Seen::Log(Some(last))).await?;
                }
                self.tell(Seen::Container(container)).await?;
                self.log.read(started_at);
                return Ok(());
            }
            (Container::Exited { .. }, Some(started_at)) => {
                if let Some(last) = self.log.end(started_at).await {
                    self.tell(Seen::Log(Some(last))).await?;
                }
            }
            (Container::Missing, _) => self.log.pause(),
            _ => {}
        }
        self.tell(Seen::Container(container)).await
    }
}

enum Listening {
    /// The engine is lost: it is asked again when it is back.
    Paused,
    Waiting(Instant),
    Open(BoxStream<'static, Result<(), Trouble>>),
}

/// Docker's events of this container, of which only that there was one matters.
struct Events {
    docker: Docker,
    stage: Listening,
}

impl Events {
    fn new(docker: Docker) -> Self {
        Self { docker, stage: Listening::Paused }
    }

    fn pause(&mut self) {
        self.stage = Listening::Paused;
    }

    fn resume(&mut self) {
        if matches!(self.stage, Listening::Paused) {
            self.stage = Listening::Open(self.ask());
        }
    }

    /// Waits for a reason to look at the container. Cancelling it loses nothing.
    async fn next(&mut self) {
        loop {
            let pause = match &mut self.stage {
                Listening::Paused => return std::future::pending().await,
                Listening::Waiting(until) => {
                    sleep_until(*until).await;
                    // What happened meanwhile is seen by looking; the stream is open by the next event.
                    self.stage = Listening::Open(self.ask());
                    return;
                }
                Listening::Open(events) => match events.next().await {
                    Some(Ok(())) => return,
                    Some(Err(Trouble::Refused { .. })) => EVENTS_REFUSED_AGAIN,
                    Some(Err(_)) | None => EVENTS_AGAIN,
                },
            };
            self.stage = Listening::Waiting(Instant::now() + pause);
        }
    }

    fn ask(&self) -> BoxStream<'static, Result<(), Trouble>> {
        let of = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let filters = HashMap::from([
            ("type".to_owned(), of(&["container"])),
            ("container".to_owned(), of(&[self.docker.container()])),
            ("event".to_owned(), of(&EVENTS)),
        ]);
        let docker = self.docker.clone();
        stream::once(async move {
            let client = docker.client().await?;
            let options = EventsOptions { filters: Some(filters), ..EventsOptions::default() };
            Ok(client.events(Some(options)).map_ok(drop).map_err(|error| Trouble::of(&error)))
        })
        .try_flatten()
        .boxed()
    }
}
