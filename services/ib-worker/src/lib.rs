//! Answers reads: any number of these processes share a queue group, each with its own IB client id.
//!
//! One file per family of operations; `resolve` names instruments, `gate` keeps the login's history window, `membership`
//! decides which operations are answered now. Invariant: an operation is in its queue group only while it can be
//! answered; those that need IB leave while IB is away, those kept in memory stay for as long as memory may be told.

mod account;
mod answers;
mod coalesce;
mod context;
mod contracts;
mod fundamentals;
mod gate;
mod heartbeat;
mod history;
mod market;
mod membership;
mod metrics;
mod news;
mod pace;
mod resolve;
mod when;
mod worker;

use std::{sync::Arc, time::Duration};

use bus::{Beacon, Bus, BusError, ConnectError, Fleet, ServeSettings, Server};
use ib_link::{ClientIds, Link, pacing::Shares};
use schemas::{ClientId, subject::WORKER_QUEUE};
use serde_json::json;
use service::Process;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use worker::Worker;

/// Historical requests that IB answers at once, for all connections of a login.
const HISTORY_OPEN_OF_LOGIN: u64 = 50;

/// Name in heartbeats and discovery.
pub const SERVICE: &str = "ib-worker";

/// Requests that wait for a slot, for each slot: what is in flight while a burst is answered, not a place to wait for minutes.
const WAITING_PER_SLOT: usize = 2;
/// What is left of the drain budget for closing the IB session.
const CLOSE_MAX: Duration = Duration::from_secs(2);
/// Finishing requests at work at the end of a process.
const FINISH_MAX: Duration = Duration::from_secs(12);

/// Why a worker did not start or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use NATS")]
    Connect(#[from] ConnectError),
    #[error("cannot serve over NATS")]
    Bus(#[from] BusError),
}

/// Runs until `process.shutdown`, then drains.
pub async fn run(process: Process) -> Result<(), Error> {
    let settings = &process.settings;
    let slots = usize::try_from(settings.number("WORKER_SLOTS")).expect("checked by its kind");
    let pool_size = u32::try_from(settings.number("IB_POOL_SIZE")).expect("checked by its kind");
    let gateway = settings.gateway();
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
    // Its own token: requests at work when the process is told to end still need the session.
    let link_end = CancellationToken::new();
    let link = Link::start(link_settings(&process), link_end.clone());
    let worker = Arc::new(Worker::new(link.clone(), gate::Gate::new(&bus, &gateway), answers::Answers::new(&bus, &gateway)));

    let (client_id, client_ids) = watch::channel(None::<ClientId>);
    let serve = ServeSettings {
        service: SERVICE,
        queue: WORKER_QUEUE,
        id: process.id.clone(),
        slots,
        waiting_max: slots * WAITING_PER_SLOT,
        client_id: client_ids,
        observer: Some(metrics::register(&process.admin)),
    };
    let server = Arc::new(routes(Server::builder(&bus, gateway.clone(), serve), &worker).start().await?);
    let operations = membership::Joined::default();
    let beacon = {
        let teller = heartbeat::Teller::new(&process, slots, link.clone(), server.load(), operations.clone());
        Beacon::start(&bus, gateway, move || teller.tell())
    };
    process.announce(&json!({}));

    let keeper = membership::Keeper {
        server: Arc::clone(&server),
        link: link.clone(),
        operations: operations.clone(),
        admin: process.admin.clone(),
        changed: beacon.trigger(),
        client_id,
        live_meant: process.settings.text("TRADING_MODE") == Some("live"),
        told_mode: None,
    };
    tokio::select! {
        () = keeper.keep() => {}
        () = pace::share(&link, &fleet, pool_size) => {}
        () = worker.know_the_market() => {}
        () = process.shutdown.cancelled() => {}
    }

    process.admin.set_ready(false);
    beacon.changed();
    server.drain(FINISH_MAX).await;
    link.close(tokio::time::Instant::now() + CLOSE_MAX).await;
    link_end.cancel();
    operations.clear();
    beacon.finish().await;
    bus.close().await;
    Ok(())
}

fn routes(builder: bus::Builder, worker: &Arc<Worker>) -> bus::Builder {
    let builder = account::routes(builder, worker);
    let builder = contracts::routes(builder, worker);
    let builder = history::routes(builder, worker);
    let builder = news::routes(builder, worker);
    fundamentals::routes(builder, worker)
}

fn link_settings(process: &Process) -> ib_link::Settings {
    let settings = &process.settings;
    let from = settings.client_id();
    // Each process starts its search for a free client id somewhere else, so that a fleet started at once does not race for the same one.
    let start = process.id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    ib_link::Settings {
        host: settings.ib_host().to_owned(),
        port: settings.ib_port(),
        client_ids: ClientIds { from, count: ClientId::WORKERS_COUNT, start },
        check_period_ms: settings.number("WORKER_CHECK_MS"),
        // Checks of one login's workers are spread over two seconds.
        check_stagger_ms: u64::from(start) % 2_000,
        messages_per_s: Shares::OF_LOGIN.worker_share(u32::try_from(settings.number("IB_POOL_SIZE")).expect("checked by its kind")),
        // IB allows 50 historical requests at once per login.
        history_open_max: usize::try_from(HISTORY_OPEN_OF_LOGIN / settings.number("IB_POOL_SIZE")).unwrap_or(1).max(1),
        ..ib_link::Settings::default()
    }
}
