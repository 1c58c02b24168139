//! Answers reads: any number of these processes share a queue group, each with its own IB client id.
//!
//! One file per family of operations; `gate` keeps the login's history window, `answers` what was just told. Invariant:
//! no answer leaves without its context: whose truth it is, and as of when.

mod account;
mod answers;
mod contracts;
mod fundamentals;
mod gate;
mod history;
mod memory;
mod news;
mod orders;
mod past;
mod rules;
mod time;
mod when;
mod worker;
mod worth;

use std::sync::Arc;

use ib_link::{ClientIds, pacing::Shares};
use ib_service::{Base, Error, Shape};
use schemas::subject::WORKER_QUEUE;
use service::Process;

pub(crate) use worker::Worker;

/// Historical requests that IB answers at once, for all connections of a login.
const HISTORY_OPEN_OF_LOGIN: u64 = 50;

/// Name in heartbeats and discovery.
pub const SERVICE: &str = "ib-worker";

/// Requests that wait for a slot, for each slot: what is in flight while a burst is answered, not a place to wait for minutes.
const WAITING_PER_SLOT: usize = 2;

/// Runs until `process.shutdown`, then drains.
pub async fn run(process: Process) -> Result<(), Error> {
    let slots = usize::try_from(process.settings.number("WORKER_SLOTS")).expect("checked by its kind");
    let pool_size = u32::try_from(process.settings.number("IB_POOL_SIZE")).expect("checked by its kind");
    let link = link_settings(&process, pool_size);
    let shape = Shape { service: SERVICE, queue: WORKER_QUEUE, slots, waiting_max: slots * WAITING_PER_SLOT, link };
    // All else that a worker does, it does for a request.
    let build = |base: Base, builder| {
        let worker = Arc::new(Worker::new(&base));
        (routes(builder, &worker), worker.remember_orders())
    };
    ib_service::run(process, shape, build).await
}

fn routes(builder: bus::Builder, worker: &Arc<Worker>) -> bus::Builder {
    let builder = account::routes(builder, worker);
    let builder = worth::routes(builder, worker);
    let builder = orders::routes(builder, worker);
    let builder = contracts::routes(builder, worker);
    let builder = rules::routes(builder, worker);
    let builder = history::routes(builder, worker);
    let builder = past::routes(builder, worker);
    let builder = time::routes(builder, worker);
    let builder = news::routes(builder, worker);
    fundamentals::routes(builder, worker)
}

fn link_settings(process: &Process, pool_size: u32) -> ib_link::Settings {
    let settings = &process.settings;
    ib_link::Settings {
        check_period_ms: settings.number("WORKER_CHECK_MS"),
        messages_per_s: Shares::OF_LOGIN.worker_share(pool_size),
        // IB allows 50 historical requests at once per login.
        history_open_max: usize::try_from(HISTORY_OPEN_OF_LOGIN / u64::from(pool_size)).unwrap_or(1).max(1),
        ..ib_service::link_settings(process, |hash| ClientIds::workers(settings.client_id(), hash))
    }
}
