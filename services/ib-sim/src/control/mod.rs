//! The control port: HTTP with JSON, for tests and for people at a terminal.
//!
//! | request | answer |
//! |---|---|
//! | `GET /journal?since=N` | `{"last":n,"entries":[{"seq","time","client_id","message","fields"}]}` |
//! | `GET /clients` | `{"clients":[7]}`: the client ids connected |
//! | `GET /counters` | `{"counters":{"requests":n,"unhandled":n,...}}` |
//! | `GET /state` | `{"state":{"now","clock","seed","clients","accounts":[...],"faults":{...}}}` |
//! | `GET /faults` | `{"faults":{...}}`: what is switched on |
//! | `POST /faults` | switches one fault (below), answers as `GET` |
//! | `DELETE /faults` | switches all off and opens the port |
//! | `POST /clock` | `{"advance_ms":n}` or `{"set":"2026-11-20T10:00:00-05:00"}`, answers `{"now"}` |
//! | `POST /account` | `{"account","positions":[{"con_id","quantity","average_cost"?}],"cash":{"USD":n}}`, answers the account |
//! | `GET /orders` | `{"orders":[{"client_id","order_id","perm_id","status","filled",...}],"faults":{...}}` |
//! | `POST /orders` | what goes wrong with orders (see [`orders`]), answers as `GET` |
//!
//! Faults, each `{"kind":...}` and where it lasts an `"on"` that defaults to true:
//! `drop_all` (ends every connection now) · `refuse_connections` (`on`; accepts and closes; with
//! `"listen":false` the port itself closes, `true` opens it again) · `stall` (`on`; acknowledges
//! versions, reads on, answers nothing else) · `silent_handshake` (`on`; TCP answers, the API never does) · `notice` (`code`, `text`?; tells every
//! client) · `delay` (`message`, `ms`; 0 ends it) · `fail` (`message`, `code`, `text`?, `times` default
//! 1; 0 ends it) · `frames_before_ids` (`count`; 0 ends it) · `freeze_account_pushes` (`on`).
//! `message` is a request's name as in the journal, such as `HistoricalData` or `ContractData`.
//!
//! What cannot be read is answered 400 with `{"error":...}`. Invariant: unknown fields, kinds and
//! message names are refused, so that a misspelt fault never passes for one that does nothing.

mod orders;
mod requests;

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::gateway::Gateway;

/// What a control request that is being answered may still take at the end.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

pub(crate) async fn serve(listener: TcpListener, gateway: Arc<Gateway>, cancel: CancellationToken) {
    let router = Router::new()
        .route("/journal", get(requests::journal))
        .route("/clients", get(requests::clients))
        .route("/counters", get(requests::counters))
        .route("/state", get(requests::state))
        .route("/faults", get(requests::faults).post(requests::set_fault).delete(requests::clear_faults))
        .route("/orders", get(orders::show).post(orders::change))
        .route("/clock", post(requests::clock))
        .route("/account", post(requests::account))
        .with_state(gateway);
    let serving = axum::serve(listener, router).with_graceful_shutdown(cancel.clone().cancelled_owned());
    // Idle connections end with the token; one that is in the middle of a request gets a moment.
    let overdue = async {
        cancel.cancelled().await;
        let _ = timeout(LAST_ANSWERS, std::future::pending::<()>()).await;
    };
    tokio::select! {
        served = serving.into_future() => if let Err(error) = served {
            warn!(%error, "the control port ended");
        },
        () = overdue => {}
    }
}
