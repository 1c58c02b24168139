//! The handlers of the control port.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::face::Login;
use crate::face::phase::Action;
use crate::faults::apply;
use crate::faults::kinds::Wanted;
use crate::gateway::{Announcement, Gateway};
use crate::journal::Direction;
use crate::world::account::{Account, PositionChange};

pub(super) type Shared = State<Arc<Gateway>>;

/// 1990 to 2099. Beyond it somebody mistook the unit, and near the ends of time sums overflow.
const CLOCK_MS: std::ops::Range<i64> = 631_152_000_000..4_102_444_800_000;

/// A request that the control port cannot follow.
#[derive(Debug)]
pub(crate) struct Refused(pub(super) String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0 }))).into_response()
    }
}

/// Reads JSON whatever content type came with it: people type these by hand.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused(error.to_string()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Since {
    #[serde(default)]
    since: u64,
    #[serde(default)]
    direction: Direction,
}

/// What stands behind the question mark.
fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Refused> {
    query.map(|Query(query)| query).map_err(|error| Refused(error.body_text()))
}

pub(crate) async fn journal(State(gateway): Shared, query: Result<Query<Since>, QueryRejection>) -> Result<Json<Value>, Refused> {
    let query = asked(query)?;
    let (last, entries) = gateway.journal.since(query.since, query.direction);
    Ok(Json(json!({ "last": last, "entries": entries })))
}

pub(crate) async fn clients(State(gateway): Shared) -> Json<Value> {
    Json(json!({ "clients": gateway.clients() }))
}

pub(crate) async fn counters(State(gateway): Shared) -> Json<Value> {
    Json(json!({ "counters": gateway.counters.to_json() }))
}

pub(crate) async fn state(State(gateway): Shared) -> Json<Value> {
    let accounts: Vec<Value> = gateway.world.accounts.all().iter().map(|account| show(&gateway, account)).collect();
    Json(json!({ "state": {
        "now": gateway.clock.now().to_string(),
        "clock": gateway.clock.setting().to_string(),
        "seed": gateway.settings.seed,
        "gateway": gateway.face.to_json(&gateway),
        "clients": gateway.clients(),
        "lines_open": gateway.lines.open(),
        "accounts": accounts,
        "faults": active(&gateway),
    }}))
}

fn show(gateway: &Gateway, account: &Account) -> Value {
    let statement = gateway.world.statement(account, gateway.clock.now_secs());
    let positions: Vec<Value> = statement
        .holdings
        .iter()
        .map(|held| {
            json!({
                "con_id": held.position.con_id,
                "local_symbol": held.instrument.contract.local_symbol,
                "quantity": held.position.quantity,
                "average_cost": held.position.average_cost,
                "mark": held.mark,
                "value": held.value,
                "unrealized": held.unrealized,
            })
        })
        .collect();
    json!({
        "account": account.id,
        "currency": account.currency,
        "cash": account.cash,
        "net_liquidation": statement.net_liquidation(),
        "positions": positions,
    })
}

fn active(gateway: &Gateway) -> Value {
    let mut shown = serde_json::to_value(gateway.faults.active()).unwrap_or(Value::Null);
    shown["half_open"] = Value::Bool(gateway.faults.is_half_open());
    shown["listening"] = Value::Bool(*gateway.faults.listening().borrow());
    shown
}

pub(crate) async fn faults(State(gateway): Shared) -> Json<Value> {
    Json(json!({ "faults": active(&gateway) }))
}

pub(crate) async fn clear_faults(State(gateway): Shared) -> Json<Value> {
    apply::clear(&gateway);
    Json(json!({ "faults": active(&gateway) }))
}

pub(crate) async fn set_fault(State(gateway): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let wanted = Wanted::from_json(read(&body)?).map_err(Refused)?;
    apply::want(&gateway, wanted).map_err(Refused)?;
    Ok(Json(json!({ "faults": active(&gateway) })))
}

pub(crate) async fn login(State(gateway): Shared) -> Json<Value> {
    Json(json!({ "gateway": gateway.face.to_json(&gateway) }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginChange {
    /// How the next log-in goes; set before the action.
    next: Option<Login>,
    action: Option<Action>,
}

pub(crate) async fn set_login(State(gateway): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let change: LoginChange = read(&body)?;
    if let Some(login) = change.next {
        gateway.face.set_login(&gateway, login);
    }
    if let Some(action) = change.action {
        gateway.face.act(&gateway, action).map_err(Refused)?;
    }
    Ok(Json(json!({ "gateway": gateway.face.to_json(&gateway) })))
}

pub(crate) async fn log(State(gateway): Shared, query: Result<Query<LogSince>, QueryRejection>) -> Result<Json<Value>, Refused> {
    let (last, lines) = gateway.face.log.since(asked(query)?.since);
    Ok(Json(json!({ "last": last, "lines": lines })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogSince {
    #[serde(default)]
    since: u64,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum ClockChange {
    Advance { advance_ms: i64 },
    Set { set: String },
}

pub(crate) async fn clock(State(gateway): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let wrong = |_| Refused("expected {\"advance_ms\": n} or {\"set\": instant}".to_owned());
    let within = |ms: i64| if CLOCK_MS.contains(&ms) { Ok(()) } else { Err(Refused("the clock goes from 1990 to 2099".to_owned())) };
    match read(&body).map_err(wrong)? {
        ClockChange::Advance { advance_ms } => {
            within(gateway.clock.now_ms().saturating_add(advance_ms))?;
            gateway.clock.advance(advance_ms);
        }
        ClockChange::Set { set } => {
            let instant: Timestamp = set.parse().map_err(|error| Refused(format!("set: {error}")))?;
            within(instant.as_millisecond())?;
            gateway.clock.set(instant);
        }
    }
    Ok(Json(json!({ "now": gateway.clock.now().to_string() })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    account: String,
    #[serde(default)]
    positions: Vec<PositionRow>,
    #[serde(default)]
    cash: BTreeMap<String, f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PositionRow {
    con_id: i32,
    quantity: f64,
    average_cost: Option<f64>,
}

pub(crate) async fn account(State(gateway): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let change: AccountChange = read(&body)?;
    let world = &gateway.world;
    if let Some(row) = change.positions.iter().find(|row| world.contracts.get(row.con_id).is_none()) {
        return Err(Refused(format!("no instrument has con_id {}", row.con_id)));
    }
    if let Some(currency) = change.cash.keys().find(|currency| *currency != "USD" && !world.fx.contains_key(*currency)) {
        return Err(Refused(format!("the scenario has no rate for {currency}")));
    }
    let positions: Vec<PositionChange> = change
        .positions
        .iter()
        .map(|row| PositionChange { con_id: row.con_id, quantity: row.quantity, average_cost: row.average_cost })
        .collect();
    if !world.accounts.change(&change.account, &positions, &change.cash) {
        return Err(Refused(format!("there is no account {:?}", change.account)));
    }
    gateway.broker_step(|book, _| book.touch());
    gateway.announce(Announcement::AccountChanged(change.account.clone()));
    let shown = world.accounts.get(&change.account).map(|account| show(&gateway, &account));
    Ok(Json(json!({ "account": shown })))
}
