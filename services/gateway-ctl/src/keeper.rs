//! The task that owns the policy: everything seen and asked goes in, everything decided goes out.
//!
//! Invariants: only who holds the lease acts; what must survive is saved before anything is started on the strength of it;
//! a wish that could not be saved is not answered as done; nothing here waits longer than a save.

mod act;
mod lead;
mod tell;

use std::{collections::HashMap, sync::Arc, time::Duration};

use bus::{Bus, Fleet, Server};
use ib_link::Link;
use jiff::Timestamp;
use schemas::{Fault, FaultCode, GatewayName, health::GatewayPart};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, interval_at, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    backend::{self, Backend, container_of},
    diagnose::{Hello, Seen, diagnose},
    hands::Hands,
    input::{Ask, Caller, Input, Sight, Wish},
    lease::Lead,
    metrics::Metrics,
    notify::Notifier,
    policy::{self, Api, Event, Facts, Now, Policy, Rules, WaiterId},
    saved::Store,
    session::{self, Follower},
    status,
    windows::Resets,
};

/// What has to be tried again is, this often: a save, taking over, joining the queue groups.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the others may take to answer a restart.
const RESTART_MAX: Duration = Duration::from_secs(3);

/// What a keeper is built from.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) bus: Bus,
    pub(crate) gateway: GatewayName,
    pub(crate) fleet: Fleet,
    pub(crate) link: Link,
    pub(crate) server: Arc<Server>,
    pub(crate) backend: Backend,
    pub(crate) hands: Hands,
    pub(crate) store: Store,
    pub(crate) notifier: Notifier,
    /// Subject and body of events.
    pub(crate) events: mpsc::Sender<(String, Vec<u8>)>,
    /// What the heartbeat says, and what publishes one at once.
    pub(crate) part: watch::Sender<Option<GatewayPart>>,
    pub(crate) beat: Arc<Notify>,
    pub(crate) operations: watch::Sender<Vec<String>>,
    /// Makes the probes look at once.
    pub(crate) poke: Arc<Notify>,
    pub(crate) metrics: Metrics,
    pub(crate) rules: Rules,
    pub(crate) clock: fn() -> Timestamp,
    pub(crate) resets: Resets,
    pub(crate) fleet_period: Duration,
    pub(crate) seen: Seen,
}

#[derive(Debug)]
pub(crate) struct Keeper {
    parts: Parts,
    policy: Policy,
    seen: Seen,
    follower: Follower,
    born: Instant,
    /// Acting, because the lease is held and what was saved is known.
    leading: bool,
    /// It was once, and nobody else has been since, as far as known: what it knows may be told.
    speaks: bool,
    /// Of the lease under which it was taken over.
    term: u64,
    /// The next try to take over.
    take_over_at: Instant,
    /// What could not be saved yet, and why.
    unsaved: Option<String>,
    callers: HashMap<WaiterId, Caller>,
}

/// Why the keeper ended before it was told to.
#[derive(Debug, thiserror::Error)]
#[error(
    "what is saved of gateway {gateway} in the bucket gateway-ctl cannot be read; nothing is started over it. Delete the key to begin anew"
)]
pub struct SavedError {
    gateway: GatewayName,
    #[source]
    source: crate::policy::NotSaved,
}

impl Keeper {
    pub(crate) fn new(parts: Parts) -> Self {
        let born = Instant::now();
        let now = Now { uptime_ms: 0, at: (parts.clock)() };
        let policy = lead::standby(&parts, now);
        let seen = parts.seen.clone();
        Self {
            parts,
            policy,
            seen,
            follower: Follower::default(),
            born,
            leading: false,
            speaks: false,
            term: 0,
            take_over_at: born,
            unsaved: None,
            callers: HashMap::new(),
        }
    }

    fn now(&self) -> Now {
        let uptime_ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { uptime_ms, at: (self.parts.clock)() }
    }

    /// Until `end`.
    pub(crate) async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Input>,
        mut leads: watch::Receiver<Lead>,
        end: CancellationToken,
    ) -> Result<(), SavedError> {
        let watching = end.child_token();
        let mut backend = self.parts.backend.watch(watching.clone());
        let mut states = self.parts.link.state();
        let mut checks = interval_at(self.born + self.parts.fleet_period, self.parts.fleet_period);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut again = interval(AGAIN);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        states.mark_changed();
        loop {
            let lead = *leads.borrow_and_update();
            self.follow_lead(lead).await?;
            let wake = self.policy.wake_at().map(|ms| self.born + Duration::from_millis(ms));
            let lease_over = if let (true, Lead::Held { until, .. }) = (self.leading, lead) { Some(until) } else { None };
            tokio::select! {
                () = end.cancelled() => break,
                Ok(()) = leads.changed() => {}
                Some(seen) = backend.recv() => self.hear_backend(seen).await,
                Some(input) = inputs.recv() => self.hear(input).await,
                Ok(()) = states.changed() => {
                    let state = states.borrow_and_update().clone();
                    self.hear_link(&state).await;
                }
                _ = checks.tick() => self.check_fleet().await,
                _ = again.tick() => self.try_again().await,
                // The policy and the lease name moments: time itself is meant.
                () = sleep_until(wake.unwrap_or(self.born)), if wake.is_some() => self.step(Event::Tick).await,
                () = sleep_until(lease_over.unwrap_or(self.born)), if lease_over.is_some() => {}
            }
        }
        watching.cancel();
        self.leave_callers();
        Ok(())
    }

    async fn step(&mut self, event: Event) {
        let now = self.now();
        let actions = self.policy.step(event, now);
        self.act(actions, now).await;
        self.follow_policy();
    }

    async fn hear_backend(&mut self, seen: backend::Seen) {
        let look = |facts: &Facts| (facts.container, facts.log.as_ref().map(|log| (log.marker, log.launches)));
        let before = look(self.policy.facts());
        self.step(seen.into()).await;
        if look(self.policy.facts()) != before {
            // The API may be another.
            self.parts.poke.notify_one();
        }
    }

    async fn hear_link(&mut self, state: &ib_link::State) {
        self.seen.session = session::seen_of(state);
        if !state.connected() {
            (self.seen.clock_skew_ms, self.seen.read_only) = (None, None);
        }
        for event in self.follower.hear(state) {
            self.parts.poke.notify_one();
            self.step(event).await;
        }
    }

    async fn hear(&mut self, input: Input) {
        match input {
            Input::Seen(sight) => self.hear_sight(*sight).await,
            Input::Failed(deed, reason) => self.step(Event::Failed(deed, reason)).await,
            Input::Gone(id) => {
                self.callers.remove(&id);
                self.step(Event::Gone(id)).await;
            }
            Input::Ask(ask) => self.asked(ask).await,
        }
    }

    async fn hear_sight(&mut self, sight: Sight) {
        match sight {
            Sight::Network { resolved, tcp } => {
                let open = tcp.iter().any(|tcp| tcp.open);
                // A name that cannot be resolved says nothing about the gateway.
                let api = if resolved.is_empty() { Api::Unknown } else { Api::Closed };
                self.seen.resolved = Some(resolved);
                self.seen.tcp = tcp;
                if !open {
                    self.seen.hello = Hello::NoConnection;
                    self.hear_api(api).await;
                }
            }
            Sight::Hello(hello) => {
                let api = match &hello {
                    Hello::NotAsked => Api::Unknown,
                    Hello::NoConnection => Api::Closed,
                    Hello::Silent | Hello::Closed | Hello::NotIb(_) => Api::Silent,
                    Hello::Answers(version) if *version < ib_link::SERVER_VERSION_MIN => Api::TooOld { server_version: *version },
                    Hello::Answers(version) => Api::Answers { server_version: *version },
                };
                self.seen.hello = hello;
                self.hear_api(api).await;
            }
            Sight::Slow(slow) => {
                let looked = slow.looked;
                self.seen.engine_version = looked.engine_version;
                self.seen.inspected = looked.inspected;
                self.seen.forwarder = looked.forwarder;
                self.seen.sockets = looked.sockets;
                self.seen.command_server = slow.command_server;
                // The probe's share of messages is small: one that came too late for its turn unsays nothing.
                self.seen.clock_skew_ms = slow.clock_skew_ms.or(self.seen.clock_skew_ms);
                self.seen.read_only = slow.read_only.or(self.seen.read_only);
                self.seen.answers_on = slow.answers_on;
            }
        }
    }

    async fn hear_api(&mut self, api: Api) {
        if matches!(self.parts.backend, Backend::External) {
            self.step(Event::Container(container_of(api))).await;
        }
        self.step(Event::Api(api)).await;
    }

    async fn check_fleet(&mut self) {
        let fleet = self.look_at_fleet();
        self.step(Event::Fleet(fleet)).await;
    }

    /// What the heartbeats say at this moment. Without NATS they are not known.
    fn look_at_fleet(&mut self) -> policy::Fleet {
        let seen = self.parts.fleet.seen();
        let (fleet, members) = session::fleet_of(&seen);
        let known = self.parts.bus.is_connected();
        self.seen.fleet = known.then_some(members);
        self.seen.notices = session::notices_of(&seen, self.parts.link.notices(), self.now().at);
        if known { fleet } else { policy::Fleet::Unknown }
    }

    async fn asked(&mut self, ask: Ask) {
        let now = self.now();
        match ask {
            Ask::Status(reply) if !self.speaks => drop(reply.send(Err(not_leading()))),
            Ask::Diagnose(reply) if !self.speaks => drop(reply.send(Err(not_leading()))),
            Ask::Status(reply) => {
                let _ = self.look_at_fleet();
                drop(reply.send(Ok(status::status(&self.seen, &self.policy, now))));
            }
            Ask::Diagnose(reply) => {
                let _ = self.look_at_fleet();
                drop(reply.send(Ok(diagnose(&self.seen, &self.policy, now))));
            }
            Ask::RestartWorkers(reply) => {
                let (bus, gateway, seen) = (self.parts.bus.clone(), self.parts.gateway.clone(), self.parts.fleet.remembered());
                self.parts.hands.tasks.spawn(async move { reply.send(Ok(bus.restart_workers(&gateway, &seen, RESTART_MAX).await)) });
            }
            Ask::Command(_, _, reply) if !self.leading => drop(reply.send(Err(not_leading()))),
            Ask::EnsureReady { reply, .. } if !self.leading => drop(reply.send(Err(not_leading()))),
            Ask::Command(id, wish, reply) => {
                self.callers.insert(id, Caller::Command(reply));
                let event = match wish {
                    Wish::Logout { by, params } => Event::Logout { id, by, reason: params.reason, minutes: params.minutes },
                    Wish::Login { by } => Event::Login { id, by },
                    Wish::Reconnect { by, hard } => Event::Reconnect { id, by, hard },
                };
                self.step(event).await;
            }
            Ask::EnsureReady { id, timeout_ms, reply } => {
                self.callers.insert(id, Caller::Ready(reply));
                self.step(Event::EnsureReady { id, timeout_ms }).await;
            }
        }
    }

    /// Their handlers tell them that this process ends.
    fn leave_callers(&mut self) {
        self.callers.clear();
    }
}

/// What a command gets while this process may not act.
fn not_leading() -> Fault {
    Fault::new(FaultCode::Busy, "gateway-ctl cannot act now: it does not hold the lease on this gateway")
        .hint("NATS with JetStream must be reachable, and another gateway-ctl may be taking over; ask again in some seconds")
        .retry_after_ms(5_000)
}
