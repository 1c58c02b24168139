//! The state that all requests share.
//!
//! Invariants: the breaker's lock is never held across an await; everything a request needs but the answer itself is in
//! memory, so the edge answers `initialize`, `tools/list` and `/health` while NATS is away.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bus::{Bus, Caller, Seen};
use schemas::GatewayName;
use service::Process;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;
use tools::{Profile, Texts, Toolset};

use crate::{
    Error,
    auth::Guard,
    breaker::{Breaker, Decision, Event},
    cancels::Cancels,
    health,
    http::gate::Gate,
    mcp,
    metrics::Metrics,
};

/// Tool calls worked on at once; the next is answered `busy`. Far above what one gateway can do, so that only a runaway
/// client meets it.
pub(crate) const CALLS_MAX: usize = 1_024;
/// Followers of the gateway's state at once; each has a subscription of its own.
pub(crate) const FOLLOWERS_MAX: usize = 64;
/// Streams of sessions and listeners at once: far below the connections, so that calls always get through.
pub(crate) const STREAMS_MAX: usize = 256;

#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) gateway: GatewayName,
    /// `EDGE_API_PREFIX`, such as `/api/v1`.
    pub(crate) prefix: String,
    pub(crate) profile: Profile,
    pub(crate) readonly: bool,
    pub(crate) listings: mcp::tools::Listings,
    pub(crate) gate: Gate,
    pub(crate) guard: Guard,
    pub(crate) metrics: Metrics,
    pub(crate) cancels: Cancels,
    pub(crate) calls: Semaphore,
    pub(crate) followers: Arc<Semaphore>,
    /// Ends what would never end by itself.
    pub(crate) shutdown: CancellationToken,
    pub(crate) texts: Texts,
    /// Who wants to hear of which change.
    pub(crate) hub: mcp::hub::Hub,
    pub(crate) watch: mcp::watch::Watch,
    pub(crate) sessions: mcp::sessions::Sessions,
    pub(crate) seal: mcp::seal::Seal,
    /// Streams that last: of sessions and of listeners.
    pub(crate) streams: Arc<Semaphore>,
    /// JSON of who answers.
    pub(crate) server_info: String,
    /// Arguments that 2026-07-28 mirrors in headers.
    pub(crate) mirrors: mcp::mirror::Mirrors,
    /// Whether the conformance suite's fixtures stand beside the real tools.
    pub(crate) conformance: bool,
    ib_host: String,
    ib_port: u16,
    pool_size: u64,
    breaker: Mutex<Breaker>,
    link: OnceLock<(Bus, Caller)>,
}

impl Edge {
    pub(crate) fn new(process: &Process) -> Result<Self, Error> {
        let settings = &process.settings;
        let profile = settings.text("EDGE_PROFILE").and_then(Profile::parse).unwrap_or(Profile::Readonly);
        let toolsets = toolsets(&settings.list("EDGE_TOOLSETS"))?;
        let metrics = Metrics::default();
        process.admin.register(|registry| metrics.register(registry));
        let conformance = settings.flag("EDGE_CONFORMANCE");
        // None of the real tools mirrors an argument.
        let fixtures = if conformance { crate::conformance::listed_tools() } else { Vec::new() };
        Ok(Self {
            gateway: settings.gateway(),
            prefix: settings.text("EDGE_API_PREFIX").unwrap_or("/api/v1").to_owned(),
            profile,
            readonly: settings.flag("IB_READONLY"),
            listings: mcp::tools::Listings::new(toolsets),
            gate: Gate::new(settings),
            guard: Guard::new(settings, profile),
            metrics,
            cancels: Cancels::default(),
            calls: Semaphore::new(CALLS_MAX),
            followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
            shutdown: process.shutdown.clone(),
            texts: Texts::default(),
            hub: mcp::hub::Hub::default(),
            watch: mcp::watch::Watch::default(),
            sessions: mcp::sessions::Sessions::default(),
            seal: mcp::seal::Seal::new()?,
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            server_info: mcp::server_info(&settings.gateway()),
            mirrors: mcp::mirror::Mirrors::of(&fixtures),
            conformance,
            ib_host: settings.ib_host().to_owned(),
            ib_port: settings.ib_port(),
            pool_size: settings.number("IB_POOL_SIZE"),
            breaker: Mutex::default(),
            link: OnceLock::new(),
        })
    }

    /// From now on calls can be made. NATS is connected once; the client reconnects by itself.
    pub(crate) fn linked(&self, bus: Bus, caller: Caller) {
        // A second link would be a mistake of ours that changes nothing.
        drop(self.link.set((bus, caller)));
    }

    /// None until NATS was first reached.
    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.link.get().map(|(_, caller)| caller)
    }

    pub(crate) fn bus(&self) -> Option<&Bus> {
        self.link.get().map(|(bus, _)| bus)
    }

    pub(crate) fn nats_connected(&self) -> bool {
        self.link.get().is_some_and(|(bus, _)| bus.is_connected())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.caller().map(|caller| caller.fleet().seen()).unwrap_or_default()
    }

    /// Whether a worker that lives says that it has IB. Other processes with a session do not answer for it.
    pub(crate) fn workers_have_ib(&self) -> bool {
        self.seen().iter().any(|seen| seen.is_alive() && health::is_worker_with_ib(&seen.beat))
    }

    pub(crate) fn breaker(&self, event: Event) -> Decision {
        let now = Instant::now();
        let (decision, before, after) = {
            let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            let before = breaker.view(now).position;
            (breaker.step(event, now), before, breaker.view(now).position)
        };
        if before != after {
            tracing::warn!(from = ?before, to = ?after, "breaker");
        }
        self.metrics.breaker(after);
        decision
    }

    pub(crate) fn health(&self) -> health::Report {
        let breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner).view(Instant::now());
        self.metrics.breaker(breaker.position);
        health::report(&health::Facts {
            gateway: self.gateway.as_str(),
            ib_host: &self.ib_host,
            ib_port: self.ib_port,
            pool_size: self.pool_size,
            seen: &self.seen(),
            breaker,
            nats_connected: self.nats_connected(),
        })
    }
}

/// `EDGE_TOOLSETS`; nothing said means the default.
fn toolsets(names: &[String]) -> Result<Vec<Toolset>, Error> {
    if names.is_empty() {
        return Ok(Toolset::DEFAULT.to_vec());
    }
    names.iter().map(|name| Toolset::parse(name).ok_or_else(|| Error::Toolset(name.clone()))).collect()
}
