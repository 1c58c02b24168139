//! Keeps children running: what dies unexpectedly is started again, with back-off and a limit.
//!
//! Invariant: a supervised thing ends only when it is told to, and what happened to it is told as an [`Event`].

use std::{path::PathBuf, time::Duration};

use nats_local::NatsServer;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::child::{self, Ended, Running, Spec};

/// Starts in a row of a thing that does not stay up; after that it is left ended, and the rest runs on.
pub(crate) const RESTARTS_MAX: u32 = 8;
/// A thing that ran for this long was up: its restarts are counted anew.
const STEADY_AFTER: Duration = Duration::from_secs(60);
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(15);
/// Events that nobody has read yet; a full queue holds the restarts back.
pub(crate) const EVENTS_MAX: usize = 64;

/// What a person is told while the stack runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Ended { name: String, how: String, again_in: Duration },
    Restarted { name: String, restarts: u32 },
    GivenUp { name: String, how: String, log: PathBuf },
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended { name, how, again_in } => {
                write!(f, "{name} ended unexpectedly ({how}); starting it again in {:.1} s", again_in.as_secs_f64())
            }
            Self::Restarted { name, restarts } => write!(f, "{name} runs again (restart {restarts})"),
            Self::GivenUp { name, how, log } => {
                write!(f, "{name} does not stay up ({how}) and is left ended after {RESTARTS_MAX} restarts; see {}", log.display())
            }
        }
    }
}

/// How many starts in a row have failed, and how long to wait before the next. Pure, but for the time it is handed.
#[derive(Debug, Default)]
struct Patience {
    restarts: u32,
}

impl Patience {
    /// The wait before the next start, or nothing: it was tried often enough.
    fn after(&mut self, uptime: Duration) -> Option<Duration> {
        if uptime >= STEADY_AFTER {
            self.restarts = 0;
        }
        if self.restarts == RESTARTS_MAX {
            return None;
        }
        let wait = BACKOFF_FIRST.saturating_mul(1 << self.restarts).min(BACKOFF_MAX);
        self.restarts += 1;
        Some(wait)
    }
}

/// A thing that is kept running until it is told to end.
#[derive(Debug)]
pub(crate) struct Supervised {
    name: String,
    stop: CancellationToken,
    task: JoinHandle<Ended>,
}

impl Supervised {
    pub(crate) fn child(program: PathBuf, spec: Spec, running: Running, told: Told) -> Self {
        let (name, stop) = (spec.name.clone(), CancellationToken::new());
        let task = tokio::spawn(keep_child(program, spec, running, told, stop.clone()));
        Self { name, stop, task }
    }

    pub(crate) fn nats(server: NatsServer, told: Told) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(keep_nats(server, told, stop.clone()));
        Self { name: "nats-server".to_owned(), stop, task }
    }

    /// Tells it to end; [`Supervised::ended`] waits for it.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Its name, and whether it ended in good order.
    pub(crate) async fn ended(self) -> (String, Ended) {
        (self.name, self.task.await.unwrap_or(Ended::Killed))
    }
}

/// What a supervisor hears from and reports to.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) events: mpsc::Sender<Event>,
    /// A second Ctrl-C: no more patience with drains.
    pub(crate) hurry: CancellationToken,
}

impl Told {
    async fn tell(&self, event: Event) {
        // Nobody listens once the stack ends, and then nobody needs to know.
        let _ = self.events.send(event).await;
    }
}

async fn keep_child(program: PathBuf, spec: Spec, first: Running, told: Told, stop: CancellationToken) -> Ended {
    let mut patience = Patience::default();
    let mut current = Some(first);
    let mut how = String::new();
    loop {
        let uptime = match current.as_mut() {
            Some(running) => {
                let status = tokio::select! {
                    status = running.wait() => Some(status),
                    () = stop.cancelled() => None,
                };
                match (status, current.take()) {
                    (Some(status), Some(running)) => {
                        how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                        running.started.elapsed()
                    }
                    (_, Some(running)) => return running.end(&told.hurry).await,
                    (_, None) => Duration::ZERO,
                }
            }
            None => Duration::ZERO,
        };
        let Some(again_in) = patience.after(uptime) else {
            told.tell(Event::GivenUp { name: spec.name.clone(), how, log: spec.log.clone() }).await;
            stop.cancelled().await;
            return Ended::Drained;
        };
        told.tell(Event::Ended { name: spec.name.clone(), how: how.clone(), again_in }).await;
        if timeout(again_in, stop.cancelled()).await.is_ok() {
            return Ended::Drained;
        }
        // Not raced against `stop`: a launch has a deadline, and what it has started is then ended in order. Who has no
        // patience left gets what it has started killed, with the future that holds it.
        let launched = tokio::select! {
            launched = child::launch(&program, &spec) => launched,
            () = told.hurry.cancelled() => return Ended::Killed,
        };
        match launched {
            Ok(running) => {
                told.tell(Event::Restarted { name: spec.name.clone(), restarts: patience.restarts }).await;
                current = Some(running);
            }
            Err(error) => how = error.to_string(),
        }
    }
}

async fn keep_nats(mut server: NatsServer, told: Told, stop: CancellationToken) -> Ended {
    let name = || "nats-server".to_owned();
    let mut patience = Patience::default();
    let mut started = Instant::now();
    loop {
        let mut how = tokio::select! {
            ended = server.wait() => ended.map_or_else(|error| error.to_string(), |status| status.to_string()),
            () = stop.cancelled() => {
                return tokio::select! {
                    stopped = server.stop() => if stopped.is_ok() { Ended::Drained } else { Ended::Killed },
                    () = told.hurry.cancelled() => Ended::Killed,
                };
            }
        };
        let mut uptime = started.elapsed();
        loop {
            let Some(again_in) = patience.after(uptime) else {
                told.tell(Event::GivenUp { name: name(), how, log: server.store_dir().join("nats-server.log") }).await;
                stop.cancelled().await;
                return Ended::Drained;
            };
            told.tell(Event::Ended { name: name(), how: how.clone(), again_in }).await;
            if timeout(again_in, stop.cancelled()).await.is_ok() {
                return Ended::Drained;
            }
            let restarted = tokio::select! {
                restarted = server.restart() => restarted,
                () = told.hurry.cancelled() => return Ended::Killed,
            };
            match restarted {
                Ok(()) => break,
                Err(error) => (how, uptime) = (error.to_string(), Duration::ZERO),
            }
        }
        started = Instant::now();
        told.tell(Event::Restarted { name: name(), restarts: patience.restarts }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_to_a_limit_and_is_renewed_by_a_steady_run() {
        let mut patience = Patience::default();
        let waits: Vec<Option<Duration>> = (0..=RESTARTS_MAX).map(|_| patience.after(Duration::from_secs(1))).collect();
        assert_eq!(waits[0], Some(BACKOFF_FIRST));
        assert_eq!(waits[1], Some(BACKOFF_FIRST * 2));
        assert_eq!(waits[7], Some(BACKOFF_MAX));
        assert_eq!(waits[8], None, "the limit is a limit");
        assert_eq!(patience.after(STEADY_AFTER), Some(BACKOFF_FIRST));
    }

    /// One that listens once and never again: its restart hangs, and with it who would wait for its end.
    #[tokio::test]
    async fn who_hurries_does_not_wait_for_a_launch_that_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (source, program) = (at("source"), at("program"));
        let (once, pid) = (at("once").display().to_string(), at("pid").display().to_string());
        let body = format!(
            "#!/bin/sh\nif [ -e {once} ]; then echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 600; fi\ntouch {once}\necho '{{\"event\":\"listening\",\"addresses\":{{}}}}'\n"
        );
        std::fs::write(&source, body).unwrap();
        let installed = std::process::Command::new("install").args(["-m", "755"]).args([&source, &program]).status().unwrap();
        assert!(installed.success());
        let spec = Spec { name: "the child".to_owned(), service: "sim", flags: Vec::new(), log: at("child.log") };
        let first = child::launch(&program, &spec).await.unwrap();
        let (events, mut heard) = mpsc::channel(EVENTS_MAX);
        let told = Told { events, hurry: CancellationToken::new() };
        let supervised = Supervised::child(program, spec, first, told.clone());
        let launching = async {
            let mut looks = tokio::time::interval(Duration::from_millis(20));
            while !at("pid").exists() {
                looks.tick().await;
            }
        };
        timeout(Duration::from_secs(20), launching).await.expect("its restart is under way");
        assert!(matches!(heard.try_recv(), Ok(Event::Ended { .. })));
        supervised.stop();
        told.hurry.cancel();
        let (_, ended) = timeout(Duration::from_secs(5), supervised.ended()).await.expect("at once");
        assert_eq!(ended, Ended::Killed);
        let killed = std::fs::read_to_string(at("pid")).unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", killed.trim())).unwrap_or_default();
        // Gone, or dead and not yet reaped.
        let gone = async {
            let mut looks = tokio::time::interval(Duration::from_millis(20));
            while !state().is_empty() && !state().contains(") Z") {
                looks.tick().await;
            }
        };
        timeout(Duration::from_secs(20), gone).await.expect("and took its process with it");
    }
}
