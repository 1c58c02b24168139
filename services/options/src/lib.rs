//! Answers about options from an IB session of its own (client id 99): expirations, chains with Greeks, quotes.
//!
//! A chain's way: `window` checks what is asked; `underlying` finds the instrument; `series` knows which contracts exist
//! on the date; `spot` knows the underlying's price; `window` chooses contracts outward from the money; `snapshot` streams
//! each of them until its Greeks are there; `rows` writes them down, with Greeks of our own (`pricing`) where IB has none.
//!
//! Invariants: what can be refused without IB is refused before anything is asked; every line is cancelled; at most
//! `OPTIONS_LINES` lines are open; an answer that lacks something says what and why.

mod answer;
mod calendar;
mod chain;
mod checks;
mod classes;
mod dates;
mod deltas;
mod desk;
mod discovery;
mod expirations;
mod money;
mod pricing;
mod quote;
mod read;
mod right;
mod rows;
mod series;
mod snapshot;
mod spot;
mod underlying;
mod window;

use std::sync::Arc;

use bus::Builder;
use ib_link::{ClientIds, MarketDataWanted, pacing::Shares};
use ib_service::{Error, Shape};
use schemas::{
    ClientId,
    options::{Chain, Expirations, Quote, Quotes},
    subject::{OPTIONS_QUEUE, OPTIONS_SERVICE},
};
use service::Process;

use crate::{desk::Desk, pricing::Model};

/// Name in heartbeats and discovery.
pub const SERVICE: &str = OPTIONS_SERVICE;

/// Requests that are worked on at once: more than lines allow, since most of their time is IB's.
const SLOTS: usize = 32;
const WAITING_MAX: usize = 64;
/// Of `OPTIONS_RATE_BP`.
const BASIS_POINT: f64 = 1e-4;

/// Runs until `process.shutdown`, then drains.
pub async fn run(process: Process) -> Result<(), Error> {
    let settings = &process.settings;
    let rate = u32::try_from(settings.number("OPTIONS_RATE_BP")).expect("checked by its kind");
    let model = Model { rate: f64::from(rate) * BASIS_POINT, dividend_yield: 0.0 };
    let lines_max = usize::try_from(settings.number("OPTIONS_LINES")).expect("checked by its kind");
    let link = ib_link::Settings {
        check_period_ms: settings.number("OPTIONS_CHECK_MS"),
        messages_per_s: Shares::OF_LOGIN.options,
        lines_max,
        // Live where the login is subscribed, delayed where not, frozen while the market is closed: IB chooses.
        market_data_type: MarketDataWanted::DelayedFrozen,
        keep_account: false,
        ..ib_service::link_settings(&process, |_| ClientIds::fixed(ClientId::OPTIONS))
    };
    let shape = Shape { service: SERVICE, queue: OPTIONS_QUEUE, slots: SLOTS, waiting_max: WAITING_MAX, link };
    ib_service::run(process, shape, |base, builder| {
        let builder = routes(builder, &Arc::new(Desk::new(&base, model, lines_max)));
        // Session, pace and queue group are kept by the rest; chains are all that there is to do here.
        (builder, std::future::pending())
    })
    .await
}

fn routes(builder: Builder, desk: &Arc<Desk>) -> Builder {
    let (a, b, c, d) = (Arc::clone(desk), Arc::clone(desk), Arc::clone(desk), Arc::clone(desk));
    builder
        .route::<Expirations, _, _>(move |params, request| expirations::expirations(Arc::clone(&a), params, request))
        .route::<Chain, _, _>(move |params, request| chain::chain(Arc::clone(&b), params, request))
        .route::<Quotes, _, _>(move |params, request| chain::quotes(Arc::clone(&c), params, request))
        .route::<Quote, _, _>(move |params, request| quote::quote(Arc::clone(&d), params, request))
}

/// A text of the caller's as a message shows it.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect()
}
