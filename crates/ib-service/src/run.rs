//! One service from its connections to its drain.

use std::{sync::Arc, time::Duration};

use bus::{Beacon, Bus, BusError, ConnectError, Fleet, ServeSettings, Server};
use ib_link::{ClientIds, Link};
use schemas::{
    ClientId, GatewayName,
    control::{RESTART, Restart, Restarting},
};
use serde_json::json;
use service::Process;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Lenders, Reference, heartbeat, hold, lending, membership, metrics, pace};

/// What is left of the drain budget for closing the IB session.
const CLOSE_MAX: Duration = Duration::from_secs(2);
/// Finishing requests at work at the end of a process.
const FINISH_MAX: Duration = Duration::from_secs(12);

/// Why a service did not start or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use NATS")]
    Connect(#[from] ConnectError),
    #[error("cannot serve over NATS")]
    Bus(#[from] BusError),
}

/// How a service differs from the others before it is at work.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Name in heartbeats and discovery.
    pub service: &'static str,
    /// Queue group of its operations.
    pub queue: &'static str,
    /// Requests handled at once.
    pub slots: usize,
    /// Requests that wait for a slot; one more is answered `busy`.
    pub waiting_max: usize,
    /// Its messages per second hold until the heartbeats say more or less.
    pub link: ib_link::Settings,
}

/// What a service is built from, once NATS is connected and the link started.
#[derive(Debug)]
pub struct Base {
    pub process: Process,
    pub bus: Bus,
    pub gateway: GatewayName,
    pub fleet: Fleet,
    pub link: Link,
    pub reference: Arc<Reference>,
    /// Where a burst of messages can come from.
    pub lenders: Lenders,
}

/// What the settings of every service say about its link.
pub fn link_settings(process: &Process, client_ids: impl FnOnce(u32) -> ClientIds) -> ib_link::Settings {
    // Each process starts its search for a free client id somewhere else, so that a fleet started at once does not race for the same one.
    let hash = process.id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    ib_link::Settings {
        host: process.settings.ib_host().to_owned(),
        port: process.settings.ib_port(),
        client_ids: client_ids(hash),
        // Checks of one login's sessions are spread over two seconds.
        check_stagger_ms: u64::from(hash) % 2_000,
        ..ib_link::Settings::default()
    }
}

/// Runs until `process.shutdown`, then drains. `build` adds the routes and answers what runs in the background, beside
/// keeping the queue groups, the pace and the reference data; should that end, the service drains.
pub async fn run<B>(process: Process, shape: Shape, build: impl FnOnce(Base, bus::Builder) -> (bus::Builder, B)) -> Result<(), Error>
where
    B: Future<Output = ()>,
{
    let Shape { service, queue, slots, waiting_max, link } = shape;
    let settings = &process.settings;
    let gateway = settings.gateway();
    let bus_settings = bus::Settings {
        url: settings.text("NATS_URL").expect("has a default").to_owned(),
        creds_file: settings.file("NATS_CREDS_FILE"),
        name: format!("{service} {}", process.id),
    };
    let bus = tokio::select! {
        bus = Bus::connect(&bus_settings) => bus?,
        // Told to end before there was anything to end.
        () = process.shutdown.cancelled() => return Ok(()),
    };
    let fleet = Fleet::follow(&bus, &gateway).await?;
    // Its own token: requests at work when the process is told to end still need the session.
    let link_end = CancellationToken::new();
    let first_per_s = link.messages_per_s;
    let link = Link::start(link, link_end.clone());
    let reference = Reference::new(link.clone());

    let (client_id, client_ids) = watch::channel(None::<ClientId>);
    let serve = ServeSettings {
        service,
        queue,
        id: process.id.clone(),
        slots,
        waiting_max,
        client_id: client_ids,
        observer: Some(metrics::register(&process.admin)),
    };
    let builder = lending::answer(Server::builder(&bus, gateway.clone(), serve), service, &link);
    let restarted = link.clone();
    let builder = builder.control(RESTART, move |Restart {}| {
        restarted.restart();
        std::future::ready(Ok(Restarting {}))
    });
    let lenders = Lenders { bus: bus.clone(), gateway: gateway.clone(), fleet: fleet.clone(), link: link.clone(), id: process.id.clone() };
    let base = Base {
        process: process.clone(),
        bus: bus.clone(),
        gateway: gateway.clone(),
        fleet: fleet.clone(),
        link: link.clone(),
        reference: Arc::clone(&reference),
        lenders,
    };
    let (builder, background) = build(base, builder);
    let server = Arc::new(builder.start().await?);
    let operations = membership::Joined::default();
    let beacon = {
        let teller = heartbeat::Teller::new(&process, service, slots, link.clone(), server.load(), operations.clone());
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
        () = reference.know_the_market() => {}
        () = pace::keep(&link, &fleet, service, first_per_s) => {}
        () = hold::keep(&link, &fleet) => {}
        () = background => {}
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
