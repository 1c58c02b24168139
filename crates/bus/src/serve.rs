//! Answering operations: bounded slots, deadlines, cancels, and a queue group that is joined and left without losing a
//! request.
//!
//! The library's `service::Endpoint` cannot leave without loss, so these are plain queue subscriptions;
//! [`crate::discovery`] answers `$SRV` beside them.

mod answer;
mod control;
mod group;
mod job;
mod progress;
mod route;
mod run;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use schemas::{ClientId, Fault, FaultCode, GatewayName, Operation, RequestId, Row};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

pub use self::progress::Teller;
use self::{group::Member, job::Running, route::Route};
use crate::connection::{Bus, BusError};

/// What the reply headers and discovery tell, and how much is taken on at once.
#[derive(Clone)]
pub struct ServeSettings {
    pub service: &'static str,
    pub queue: &'static str,
    /// Heartbeat id of this process.
    pub id: String,
    pub slots: usize,
    /// Requests that wait for a slot; one more is answered `busy` at once.
    pub waiting_max: usize,
    pub client_id: watch::Receiver<Option<ClientId>>,
    pub observer: Option<Observer>,
}

/// Told after every request.
pub type Observer = Arc<dyn Fn(&Observation) + Send + Sync>;

/// How one request went.
#[derive(Debug, Clone, Copy)]
pub struct Observation {
    pub operation: &'static Row,
    /// `None` is success.
    pub fault: Option<FaultCode>,
    pub queued: Duration,
    pub worked: Duration,
}

impl fmt::Debug for ServeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeSettings")
            .field("service", &self.service)
            .field("id", &self.id)
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

/// What a handler is told beside the parameters.
#[derive(Debug, Clone)]
pub struct Request {
    pub id: RequestId,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// Who called, as the edge says; absent for direct NATS callers.
    pub caller: Option<String>,
    /// Tells the caller how far the work is.
    pub progress: Teller,
}

/// What a drain waits for after its budget: the replies that say that the work was stopped.
const LAST_REPLIES_MAX: Duration = Duration::from_secs(3);

/// Serves a set of operations; which of them it is asked for is decided by [`Server::join`] and [`Server::leave`].
/// Dropped, it leaves every group in the background and finishes what it has; [`Server::drain`] waits for that.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    members: tokio::sync::Mutex<BTreeMap<String, Member>>,
    /// Cancels, `$SRV` and what is asked by id.
    _listeners: Vec<AbortOnDropHandle<()>>,
}

pub(crate) struct Shared {
    pub(crate) bus: Bus,
    pub(crate) gateway: GatewayName,
    pub(crate) settings: ServeSettings,
    pub(crate) routes: BTreeMap<String, Arc<Route>>,
    controls: control::Controls,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Requests at work or waiting, so that a cancel finds them.
    running: Running,
    /// The receive loops and every request until its reply has left.
    tracker: TaskTracker,
    /// The drain's budget is over.
    ending: CancellationToken,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Collects the routes of a [`Server`].
pub struct Builder {
    bus: Bus,
    gateway: GatewayName,
    settings: ServeSettings,
    routes: BTreeMap<String, Arc<Route>>,
    controls: control::Controls,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).field("routes", &self.routes).finish_non_exhaustive()
    }
}

impl Builder {
    /// Answers `O` with `handler`.
    #[must_use]
    pub fn route<O, H, F>(mut self, handler: H) -> Self
    where
        O: Operation,
        H: Fn(O::Params, Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O::Reply, Fault>> + Send + 'static,
    {
        let route = Route::new::<O, H, F>(handler);
        self.routes.insert(route.row.name(), Arc::new(route));
        self
    }

    /// Answers `verb` with `handle` when this process is asked for it by its heartbeat id, whatever it has joined.
    #[must_use]
    pub fn control<P, R, H, F>(mut self, verb: &'static str, handle: H) -> Self
    where
        P: DeserializeOwned,
        R: Serialize,
        H: Fn(P) -> F + Send + Sync + 'static,
        F: Future<Output = Result<R, Fault>> + Send + 'static,
    {
        self.controls.insert(verb, control::handler(verb, handle));
        self
    }

    /// Starts listening to cancels, `$SRV` and what is asked by id; no operation is joined yet.
    pub async fn start(self) -> Result<Server, BusError> {
        let shared = Arc::new(Shared {
            slots: Arc::new(Semaphore::new(self.settings.slots)),
            bus: self.bus,
            gateway: self.gateway,
            settings: self.settings,
            routes: self.routes,
            controls: self.controls,
            waiting: AtomicUsize::new(0),
            running: Running::default(),
            tracker: TaskTracker::new(),
            ending: CancellationToken::new(),
        });
        let mut listeners = crate::discovery::answer(&shared).await?;
        listeners.push(job::listen_for_cancels(&shared).await?);
        listeners.push(job::listen_for_named(&shared).await?);
        listeners.push(control::listen(&shared).await?);
        shared.bus.barrier().await?;
        Ok(Server { shared, members: tokio::sync::Mutex::default(), _listeners: listeners })
    }
}

impl Server {
    pub fn builder(bus: &Bus, gateway: GatewayName, settings: ServeSettings) -> Builder {
        Builder { bus: bus.clone(), gateway, settings, routes: BTreeMap::new(), controls: BTreeMap::new() }
    }

    /// Joins the queue group of every named operation that is not joined; returns once the server knows.
    pub async fn join<'a>(&self, operations: impl IntoIterator<Item = &'a str>) -> Result<(), BusError> {
        let mut members = self.members.lock().await;
        if self.shared.tracker.is_closed() {
            return Err(BusError::Client("the server was drained".to_owned()));
        }
        let mut joined = false;
        for name in operations {
            if !members.contains_key(name) {
                let route = self.shared.routes.get(name).ok_or_else(|| BusError::Client(format!("no route for {name}")))?;
                members.insert(name.to_owned(), Member::join(&self.shared, Arc::clone(route)).await?);
                joined = true;
            }
        }
        if joined { self.shared.bus.barrier().await } else { Ok(()) }
    }

    /// Leaves the queue groups of the named operations; every request that was routed here before is still answered. It is
    /// left also when this future is dropped half-way.
    pub async fn leave<'a>(&self, operations: impl IntoIterator<Item = &'a str>) {
        let mut members = self.members.lock().await;
        let leaving: Vec<Member> = operations.into_iter().filter_map(|name| members.remove(name)).collect();
        futures::future::join_all(leaving.into_iter().map(Member::leave)).await;
    }

    /// The operations that there are handlers for.
    pub fn routed(&self) -> impl Iterator<Item = &'static Row> + '_ {
        self.shared.routes.values().map(|route| route.row)
    }

    /// Names of the operations joined now.
    pub async fn joined(&self) -> Vec<String> {
        self.members.lock().await.keys().cloned().collect()
    }

    /// Requests at work or waiting for a slot.
    pub fn in_flight(&self) -> u32 {
        self.shared.running.len()
    }

    /// A counter handle for heartbeats.
    pub fn load(&self) -> Load {
        Load(Arc::clone(&self.shared))
    }

    /// Leaves every group, finishes what was begun within `budget`, and makes sure that the replies have left. Nothing can
    /// be joined after it.
    pub async fn drain(&self, budget: Duration) {
        {
            let mut members = self.members.lock().await;
            self.shared.tracker.close();
            // Each leaves as it is dropped; the tracker has their tasks.
            members.clear();
        }
        if tokio::time::timeout(budget, self.shared.tracker.wait()).await.is_err() {
            tracing::warn!(in_flight = self.in_flight(), "requests were still at work at the end of the drain");
            self.shared.ending.cancel();
            drop(tokio::time::timeout(LAST_REPLIES_MAX, self.shared.tracker.wait()).await);
        }
        if let Err(error) = self.shared.bus.barrier().await {
            tracing::debug!(%error, "the last replies could not be confirmed");
        }
    }
}

/// Tells how many requests a server has.
#[derive(Debug, Clone)]
pub struct Load(Arc<Shared>);

impl Load {
    pub fn in_flight(&self) -> u32 {
        self.0.running.len()
    }
}
