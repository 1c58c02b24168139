//! The control port: HTTP with JSON, for tests and for people at a terminal.
//!
//! | request | answer |
//! |---|---|
//! | `GET /journal?since=N&direction=in` | `{"last":n,"entries":[{"seq","direction","time","client_id","message","fields"}]}`; `out`: frames sent, with `id` and `bytes` in place of `fields`; `both` |
//! | `GET /clients` | `{"clients":[7]}`: the client ids connected |
//! | `GET /counters` | `{"counters":{"requests":n,"unhandled":n,...}}` |
//! | `GET /state` | `{"state":{"now","clock","seed","gateway":{...},"clients","lines_open","accounts":[...],"faults":{...}}}` |
//! | `GET /faults` | `{"faults":{...}}`: what is switched on |
//! | `POST /faults` | switches one fault (below), answers as `GET` |
//! | `DELETE /faults` | switches all off and opens the port |
//! | `GET /login` | `{"gateway":{"phase","for_ms","next_in_ms","login_attempt","api","exit_code"}}`, which `/state` holds too |
//! | `POST /login` | `{"next"?,"action"?}`, answers as `GET`; see below |
//! | `GET /log?since=N` | `{"last":n,"lines":[...]}`: the container's log |
//! | `POST /clock` | `{"advance_ms":n}` or `{"set":"2026-11-20T10:00:00-05:00"}`, from 1990 to 2099; answers `{"now"}` |
//! | `POST /account` | `{"account","positions":[{"con_id","quantity","average_cost"?}],"cash":{"USD":n}}`, answers the account |
//! | `GET /orders` | `{"orders":[{"client_id","order_id","perm_id","status","filled",...}],"faults":{...}}` |
//! | `POST /orders` | what goes wrong with orders (see [`orders`]), answers as `GET` |
//!
//! Faults, each `{"kind":...}`. What lasts takes `"for_ms":n` and then ends by itself; an `on` that is
//! left out is true, and false ends the fault. The same can be given from the start: `--fault` on the
//! command line, also in short as `farm:farm=ushmds,for_ms=2000`, and `[[faults]]` in a scenario file.
//!
//! | kind | fields | what happens |
//! |---|---|---|
//! | `drop_all` | | every connection ends now |
//! | `refuse_connections` | `on`, `listen` | accepts and closes; `"listen":false` closes the port itself, true opens it again |
//! | `silent_handshake` | `on` | TCP answers, the API never does |
//! | `localhost_only` | `on` | the same for whoever does not come from 127.0.0.1 |
//! | `stall` | `on` | reads on and says nothing, but for the version of a new connection |
//! | `half_open` | `on` | who is connected now is neither read nor answered nor closed, and keeps its client id; false closes these |
//! | `freeze_account_pushes` | `on` | accounts push nothing beyond first answers |
//! | `notice` | `code`, `text`? | tells every client, and changes nothing but this: 1101 ends live bars, 1300 ends connections |
//! | `delay` | `message`, `ms` | answers that request so much later; 0 ends it |
//! | `fail` | `message`, `code`, `text`?, `times` = 1 | fails that request; 0 times ends it |
//! | `frames_before_ids` | `count` | so many frames about orders come before the ids; 0 ends it |
//! | `connectivity` | `state` | `lost`: 1100, then only what the gateway knows by itself is answered, history fails with 162, nothing is pushed, a new client is told 2110; `maintained`: 1102 and late answers to what waited; `data_lost`: 1101, what waited and live market data are gone; `reset`: 1300 and the end of every connection |
//! | `farm` | `farm`, `broken` = true | `usfarm` (2103), `ushmds` (2105) or `secdefnj` (2157) is away: its streams rest, history fails with 162, what else needs it waits; false: 2104 after 2119, 2106 or 2158 |
//! | `competing_session` | `on` | market data fails with 10197, history with 162 |
//! | `client_ids_taken` | `on` | every client id is refused with 326 |
//! | `client_id_linger` | `ms` | a client id stays taken so long after its connection ended; 0 ends it |
//! | `omit` | `message`, `times`? | that message is not sent, such as an end marker; 0 times ends it |
//! | `duplicate` | `message`, `copies` = 1, `times`? | that message is sent again so often |
//! | `reorder` | `message`, `by` = 1, `times`? | so many later frames go before that message, which waits a second at most |
//! | `split_frames` | `bytes` = 1, `pause_ms` = 0, `on` | every frame goes out in such pieces |
//! | `coalesce_frames` | `frames` = 10, `ms` = 50, `on` | so many frames go out in one write, or what came within the time |
//! | `slow_frames` | `bytes_per_s` | frames go out at this speed; 0 ends it. Of these three ways of writing the newest holds |
//! | `garbage_length` | `length` = 2 GiB, `times` = 1 | before the next frame goes one with this length and eight bytes; 0 times ends it |
//!
//! `message` of `delay` and `fail` is a request's name as in the journal, such as `HistoricalData`; that of
//! `omit`, `duplicate` and `reorder` is the name of what is sent, as in the journal's other direction.
//!
//! Phases of the gateway: `starting`, `login`, `two_factor`, `two_factor_missed`, `existing_session`,
//! `locked_out`, `ready`, `session_taken`, `reconnecting`, `stopped`. `next` says how the next log-in goes:
//! `ok`, `two_factor`, `wrong_password`, `too_many_attempts` or `existing_session`. Actions: `approve` and
//! `deny` (the second factor), `continue` and `give_up` (the dialog about another session), `take_over`
//! (another session logs in), `restart` (the nightly one), `weekly_restart` (with a full log-in),
//! `reconnect_account`, `reconnect_data`, `stop`, `terminate`.
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
        .route("/login", get(requests::login).post(requests::set_login))
        .route("/log", get(requests::log))
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
