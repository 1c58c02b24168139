//! gateway-ctl from its settings to its drain.

use std::{sync::Arc, time::Duration};

use bus::{Beacon, Bus, BusError, ConnectError, Events, Fleet, ServeSettings, Server};
use ib_link::{ClientIds, Link, pacing::Shares};
use jiff::Timestamp;
use schemas::{
    GatewayName,
    health::{Heartbeat, State},
    subject::GATEWAY_QUEUE,
};
use serde_json::json;
use service::{Process, Settings};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backend::{Backend, CommandServer, Docker, DockerSettings, DockerSettingsError, ProcessGateway, ProcessProgramError, YieldFile},
    diagnose::{Seen, Target},
    hands::Hands,
    keeper::{Keeper, Parts, SavedError},
    lease::{self, Lead},
    metrics::Metrics,
    notify::{NotTold, Notifier},
    policy::Rules,
    probes::{Probes, Rhythm},
    saved::Store,
    serve,
    session::{PROBE_IDS_COUNT, PROBE_IDS_FROM},
    windows::{NoZone, Region, Resets},
};

/// Name in heartbeats and discovery.
pub const SERVICE: &str = GATEWAY_QUEUE;

/// The port of IBC's command server, by convention.
const COMMAND_PORT: u16 = 7_462;
/// What waits for the task that owns the policy.
const INPUTS_MAX: usize = 512;
/// Events that wait to be kept.
const EVENTS_MAX: usize = 64;
/// The probe asks for the gateway's time this often: no other question proves that it still answers.
const CHECK_PERIOD_MS: u64 = 15_000;
/// Parts of the drain.
const FINISH_MAX: Duration = Duration::from_secs(5);
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// Why it did not start or could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cannot use NATS")]
    Connect(#[from] ConnectError),
    #[error("cannot serve over NATS")]
    Bus(#[from] BusError),
    #[error(transparent)]
    Docker(#[from] DockerSettingsError),
    #[error("GATEWAY_PROCESS is needed by GATEWAY_BACKEND=process: {0}")]
    Process(#[from] ProcessProgramError),
    #[error(transparent)]
    Zone(#[from] NoZone),
    #[error(transparent)]
    Notify(#[from] NotTold),
    #[error(transparent)]
    Saved(#[from] SavedError),
}

/// How patient it is. The defaults are those for a real gateway; a simulated one may be quicker.
#[derive(Debug, Clone, Copy)]
pub struct Tempo {
    pub rules: Rules,
    pub rhythm: Rhythm,
    /// After a process that vanished another one acts for the gateway.
    pub lease: Duration,
    /// What windows, logouts and starts are counted by.
    pub clock: fn() -> Timestamp,
}

impl Default for Tempo {
    fn default() -> Self {
        Self { rules: Rules::default(), rhythm: Rhythm::default(), lease: lease::TTL, clock: service::clock::now }
    }
}

impl Tempo {
    /// For a gateway that is a process of ours: it is on this machine, and what it plays has no account that IB could lock.
    pub fn simulated() -> Self {
        let rhythm = Rhythm { tcp_ms: 500, hello_ms: 2_000, ..Rhythm::default() };
        Self { rules: Rules::simulated(), rhythm, lease: Duration::from_secs(3), ..Self::default() }
    }
}

/// Runs until `process.shutdown`, then drains.
pub async fn run(process: Process) -> Result<(), Error> {
    let simulated = process.settings.text("GATEWAY_BACKEND") == Some("process");
    run_with(process, if simulated { Tempo::simulated() } else { Tempo::default() }).await
}

/// The same with another tempo.
pub async fn run_with(process: Process, tempo: Tempo) -> Result<(), Error> {
    let settings = &process.settings;
    let gateway = settings.gateway();
    let commands = commands(settings);
    let backend = backend(settings, &gateway, commands.is_some(), tempo.clock)?;
    let resets = Resets::new(region(settings))?;
    let notifier = Notifier::start(settings.text("NOTIFY_URL"))?;
    let bus_settings = bus::Settings {
        url: settings.text("NATS_URL").expect("has a default").to_owned(),
        creds_file: settings.file("NATS_CREDS_FILE"),
        name: format!("{SERVICE} {}", process.id),
    };
    let bus = tokio::select! {
        bus = Bus::connect(&bus_settings) => bus?,
        // Told to end before there was anything to end.
        () = process.shutdown.cancelled() => return Ok(()),
    };
    let fleet = Fleet::follow(&bus, &gateway).await?;
    let end = CancellationToken::new();
    let link = Link::start(link_settings(&process), end.child_token());

    let (inputs, taken) = mpsc::channel(INPUTS_MAX);
    let poke = Arc::new(Notify::new());
    let target = target(settings, &backend);
    let probes = Probes {
        target: target.clone(),
        rhythm: tempo.rhythm,
        backend: backend.clone(),
        commands: commands.clone(),
        link: link.clone(),
        inputs: inputs.clone(),
        poke: Arc::clone(&poke),
    };
    let serve = ServeSettings {
        service: SERVICE,
        queue: GATEWAY_QUEUE,
        id: process.id.clone(),
        slots: serve::SLOTS,
        waiting_max: serve::WAITING_MAX,
        client_id: watch::channel(None).1,
        observer: Some(ib_service::register_requests(&process.admin)),
    };
    let builder = Server::builder(&bus, gateway.clone(), serve);
    let server = Arc::new(serve::routes(builder, inputs.clone(), probes.clone()).start().await?);
    let (part, told_part) = watch::channel(None);
    let (operations, told_operations) = watch::channel(Vec::new());
    let beacon = {
        let (process, load) = (process.clone(), server.load());
        Beacon::start(&bus, gateway.clone(), move || Heartbeat {
            service: SERVICE.to_owned(),
            id: process.id.clone(),
            version: schemas::VERSION.to_owned(),
            pid: std::process::id(),
            state: state(&process, told_operations.borrow().is_empty()),
            sequence: 0,
            started_at: process.started_at,
            in_flight: load.in_flight(),
            slots: u32::try_from(serve::SLOTS).unwrap_or(u32::MAX),
            operations: if process.shutdown.is_cancelled() { Vec::new() } else { told_operations.borrow().clone() },
            // Its session is a probe: what it tells stands in the gateway's part.
            ib: None,
            gateway: told_part.borrow().clone(),
        })
    };
    let metrics = Metrics::default();
    process.admin.register(|registry| metrics.register(registry));
    process.announce(&json!({}));

    let deeds = TaskTracker::new();
    let (lead, leads) = watch::channel(Lead::Unsure);
    let leasing = tokio::spawn(lease::keep(bus.clone(), gateway.clone(), process.id.clone(), tempo.lease, lead, end.child_token()));
    let seen = Seen { writes_wanted: !settings.flag("IB_READONLY"), ..Seen::nothing(target) };
    let keeper = Keeper::new(Parts {
        bus: bus.clone(),
        gateway: gateway.clone(),
        fleet,
        link: link.clone(),
        server: Arc::clone(&server),
        backend: backend.clone(),
        hands: Hands {
            backend: backend.clone(),
            commands,
            yield_file: settings.file("GATEWAY_YIELD_FILE").map(YieldFile::new),
            inputs,
            tasks: deeds.clone(),
        },
        store: Store::new(&bus, &gateway),
        notifier,
        events: tell_events(Events::new(&bus, &gateway)),
        part,
        beat: beacon.trigger(),
        operations,
        poke,
        metrics,
        rules: tempo.rules,
        clock: tempo.clock,
        resets,
        fleet_period: Duration::from_millis(settings.number("GATEWAY_CHECK_MS")),
        seen,
    });
    process.admin.set_ready(true);
    let ended = tokio::select! {
        ended = keeper.run(taken, leads, process.shutdown.clone()) => ended,
        () = probes.clone().follow_network() => Ok(()),
        () = probes.follow_slowly() => Ok(()),
    };

    process.admin.set_ready(false);
    beacon.changed();
    server.drain(FINISH_MAX).await;
    link.close(Instant::now() + CLOSE_MAX).await;
    // What was begun with the container goes on in Docker; a process of our own ends with us.
    backend.close().await;
    end.cancel();
    drop(leasing.await);
    beacon.finish().await;
    bus.close().await;
    Ok(ended?)
}

fn state(process: &Process, joined_nothing: bool) -> State {
    match (process.shutdown.is_cancelled(), joined_nothing) {
        (true, _) => State::Draining,
        (false, true) => State::Starting,
        (false, false) => State::Ready,
    }
}

fn target(settings: &Settings, backend: &Backend) -> Target {
    Target {
        host: settings.ib_host().to_owned(),
        port: settings.ib_port(),
        live: settings.text("TRADING_MODE") == Some("live"),
        container: backend.container().map(str::to_owned),
        process: backend.process(),
    }
}

fn region(settings: &Settings) -> Region {
    settings.text("IB_RESET_REGION").and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// A container has a command server unless its settings say otherwise; what else there is has one where it is named.
fn commands(settings: &Settings) -> Option<CommandServer> {
    let named = settings.text("GATEWAY_COMMAND_ADDR").map(str::to_owned);
    let default = || format!("{}:{COMMAND_PORT}", settings.ib_host());
    match settings.text("GATEWAY_BACKEND") {
        Some("external") => None,
        Some("process") => named.map(CommandServer::new),
        _ => Some(CommandServer::new(named.unwrap_or_else(default))),
    }
}

fn backend(settings: &Settings, gateway: &GatewayName, commands: bool, clock: fn() -> Timestamp) -> Result<Backend, Error> {
    Ok(match settings.text("GATEWAY_BACKEND") {
        Some("external") => Backend::External,
        Some("process") => {
            let program = settings.text("GATEWAY_PROCESS").unwrap_or_default().parse()?;
            Backend::Process(ProcessGateway::new(program, commands, clock))
        }
        _ => Backend::Docker(Docker::new(DockerSettings {
            host: settings.text("DOCKER_HOST").expect("has a default").to_owned(),
            container: settings.text("GATEWAY_CONTAINER").map_or_else(|| format!("mcp-ib-gateway-{gateway}"), str::to_owned),
            commands,
            exec: settings.flag("GATEWAY_EXEC"),
        })?),
    })
}

fn link_settings(process: &Process) -> ib_link::Settings {
    ib_link::Settings {
        check_period_ms: CHECK_PERIOD_MS,
        messages_per_s: Shares::OF_LOGIN.gateway_ctl,
        keep_account: false,
        ..ib_service::link_settings(process, |_| ClientIds { from: PROBE_IDS_FROM, count: PROBE_IDS_COUNT, start: 0 })
    }
}

/// Events leave in order, and nobody waits for them.
fn tell_events(events: Events) -> mpsc::Sender<(String, Vec<u8>)> {
    let (tell, mut told) = mpsc::channel::<(String, Vec<u8>)>(EVENTS_MAX);
    tokio::spawn(async move {
        while let Some((subject, body)) = told.recv().await {
            if let Err(error) = events.tell(subject, body.into()).await {
                tracing::warn!(%error, "an event was not kept");
            }
        }
    });
    tell
}
