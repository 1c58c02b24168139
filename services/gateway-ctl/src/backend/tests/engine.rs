//! A Docker engine with one container, as far as gateway-ctl asks it: on a unix socket, with a clock of its own.
//!
//! Times are its own: a line and a state each take a millisecond, whatever a test's speed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::{
    net::UnixListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use super::{Backend, engine_wire};
use crate::backend::{Docker, DockerSettings};

pub(super) const NAME: &str = "mcp-ib-gateway-paper";
/// An API version and the oldest one that the same engine takes.
pub(super) const OLD: (&str, &str) = ("1.41", "1.12");
pub(super) const NEW: (&str, &str) = ("1.53", "1.44");

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) at: Timestamp,
    pub(super) stderr: bool,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) api: (&'static str, &'static str),
    /// As Docker calls it; empty: there is no such container.
    pub(super) status: &'static str,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) code: u8,
    pub(super) lines: Vec<Line>,
    /// The last word of a path, and the status that it is refused with.
    pub(super) refused: BTreeMap<&'static str, u16>,
    /// Takes requests and does not answer.
    pub(super) mute: bool,
    /// How long the pieces are in which a log is sent.
    pub(super) piece: usize,
    /// Every request, method and path with its query.
    pub(super) asked: Vec<String>,
    /// What `exec` is told to run, and what comes of it.
    pub(super) ran: Vec<String>,
    pub(super) outputs: BTreeMap<&'static str, (&'static str, i64)>,
    now: Timestamp,
    /// Log streams that are open end when it changes, in the middle of a line.
    pub(super) cuts: u32,
    pub(super) events: Vec<String>,
    /// Log streams that follow.
    pub(super) followers: usize,
}

impl Held {
    pub(super) fn tick(&mut self) -> Timestamp {
        self.now = self.now.checked_add(SignedDuration::from_millis(1)).expect("a time");
        self.now
    }

    pub(super) fn runs(&self) -> bool {
        matches!(self.status, "running" | "paused")
    }

    pub(super) fn event(&mut self, action: &str) {
        let event = serde_json::json!({ "Type": "container", "Action": action, "Actor": { "ID": "c0", "Attributes": { "name": NAME } },
            "scope": "local", "time": self.now.as_second() });
        self.events.push(format!("{event}\n"));
    }

    pub(super) fn start(&mut self) {
        self.started_at = Some(self.tick());
        self.status = "running";
        self.event("start");
    }

    pub(super) fn die(&mut self, code: u8) {
        self.finished_at = Some(self.tick());
        (self.status, self.code) = ("exited", code);
        self.event("die");
    }
}

#[derive(Debug)]
pub(super) struct Shared {
    held: Mutex<Held>,
    /// Counts the changes.
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        let value = change(&mut self.held());
        self.changed.send_modify(|count| *count += 1);
        value
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

#[derive(Debug)]
pub(super) struct Engine {
    dir: TempDir,
    pub(super) shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

impl Engine {
    /// With the container made and never started.
    pub(super) fn start(api: (&'static str, &'static str)) -> Self {
        let held = Held {
            api,
            status: "created",
            started_at: None,
            finished_at: None,
            code: 0,
            lines: Vec::new(),
            refused: BTreeMap::new(),
            mute: false,
            piece: usize::MAX,
            asked: Vec::new(),
            ran: Vec::new(),
            outputs: BTreeMap::new(),
            now: "2026-11-20T10:15:30.9995Z".parse().expect("a time"),
            cuts: 0,
            events: Vec::new(),
            followers: 0,
        };
        let shared = Arc::new(Shared { held: Mutex::new(held), changed: watch::Sender::new(0) });
        let mut engine = Self { dir: TempDir::new().expect("a directory"), shared, server: None };
        engine.back();
        engine
    }

    fn socket(&self) -> std::path::PathBuf {
        self.dir.path().join("docker.sock")
    }

    /// Listens, again after it was lost.
    pub(super) fn back(&mut self) {
        let listener = UnixListener::bind(self.socket()).expect("a socket");
        let router = Router::new().fallback(engine_wire::answer).with_state(Arc::clone(&self.shared));
        self.server = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(router.clone());
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
            }
        }));
    }

    /// Every connection ends, and nobody listens.
    pub(super) async fn lose(&mut self) {
        let server = self.server.take().expect("a server");
        server.abort();
        let _ = server.await;
        std::fs::remove_file(self.socket()).expect("the socket");
    }

    pub(super) fn backend(&self) -> Backend {
        self.backend_with(false)
    }

    pub(super) fn backend_with(&self, exec: bool) -> Backend {
        let host = format!("unix://{}", self.socket().display());
        Backend::Docker(Docker::new(DockerSettings { host, container: NAME.to_owned(), commands: true, exec }).expect("settings"))
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        self.shared.change(change)
    }

    pub(super) fn run(&self) {
        self.change(Held::start);
    }

    pub(super) fn say(&self, text: &str) {
        self.change(|held| {
            let at = held.tick();
            held.lines.push(Line { at, stderr: held.lines.len() % 3 == 1, text: text.to_owned() });
        });
    }

    pub(super) fn die(&self, code: u8) {
        self.change(|held| held.die(code));
    }

    /// How often that was asked for.
    pub(super) fn asked(&self, what: &str) -> usize {
        self.shared.held().asked.iter().filter(|asked| asked.contains(what)).count()
    }
}
