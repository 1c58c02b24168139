//! The handlers of the control port.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::errors::ApiError;
use crate::faults::{Failure, MAX_DELAY_MS, MAX_FRAMES_BEFORE_IDS};
use crate::gateway::{Announcement, Gateway};
use crate::proto::request::Request;
use crate::world::account::{Account, PositionChange};

type Shared = State<Arc<Gateway>>;

/// A request that the control port cannot follow.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0 }))).into_response()
    }
}

/// Reads JSON whatever content type came with it: people type these by hand.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused(error.to_string()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Since {
    #[serde(default)]
    since: u64,
}

pub(crate) async fn journal(State(gateway): Shared, Query(query): Query<Since>) -> Json<Value> {
    let (last, entries) = gateway.journal.since(query.since);
    Json(json!({ "last": last, "entries": entries }))
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
    shown["listening"] = Value::Bool(*gateway.faults.listening().borrow());
    shown
}

pub(crate) async fn faults(State(gateway): Shared) -> Json<Value> {
    Json(json!({ "faults": active(&gateway) }))
}

pub(crate) async fn clear_faults(State(gateway): Shared) -> Json<Value> {
    gateway.faults.clear();
    Json(json!({ "faults": active(&gateway) }))
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Fault {
    DropAll {},
    RefuseConnections {
        on: Option<bool>,
        listen: Option<bool>,
    },
    Stall {
        #[serde(default = "yes")]
        on: bool,
    },
    SilentHandshake {
        #[serde(default = "yes")]
        on: bool,
    },
    FreezeAccountPushes {
        #[serde(default = "yes")]
        on: bool,
    },
    Notice {
        code: i32,
        text: Option<String>,
    },
    Delay {
        message: String,
        ms: u64,
    },
    Fail {
        message: String,
        code: i32,
        text: Option<String>,
        #[serde(default = "once")]
        times: u32,
    },
    FramesBeforeIds {
        count: u32,
    },
}

fn yes() -> bool {
    true
}

fn once() -> u32 {
    1
}

pub(crate) async fn set_fault(State(gateway): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    apply(&gateway, read(&body)?)?;
    Ok(Json(json!({ "faults": active(&gateway) })))
}

fn apply(gateway: &Gateway, fault: Fault) -> Result<(), Refused> {
    let faults = &gateway.faults;
    match fault {
        Fault::DropAll {} => gateway.announce(Announcement::Drop),
        Fault::RefuseConnections { on, listen } => {
            if let Some(listen) = listen {
                faults.listen(listen);
            }
            // Naming only `listen` says nothing about what an open port does.
            if let Some(on) = on.or(listen.is_none().then_some(true)) {
                faults.set(|active| active.refuse_connections = on);
            }
        }
        Fault::Stall { on } => faults.set(|active| active.stall = on),
        Fault::SilentHandshake { on } => faults.set(|active| active.silent_handshake = on),
        Fault::FreezeAccountPushes { on } => faults.set(|active| active.freeze_account_pushes = on),
        Fault::Notice { code, text } => gateway.announce(Announcement::Notice(ApiError::injected(code, text))),
        Fault::Delay { message, ms } => {
            let message = known(message)?;
            if ms > MAX_DELAY_MS {
                return Err(Refused(format!("ms is at most {MAX_DELAY_MS}")));
            }
            faults.set(|active| match ms {
                0 => drop(active.delays.remove(&message)),
                _ => drop(active.delays.insert(message, ms)),
            });
        }
        Fault::Fail { message, code, text, times } => {
            let message = known(message)?;
            faults.set(|active| match times {
                0 => drop(active.failures.remove(&message)),
                _ => drop(active.failures.insert(message, Failure { code, text, times })),
            });
        }
        Fault::FramesBeforeIds { count } => {
            if count > MAX_FRAMES_BEFORE_IDS {
                return Err(Refused(format!("count is at most {MAX_FRAMES_BEFORE_IDS}")));
            }
            faults.set(|active| active.frames_before_ids = count);
        }
    }
    Ok(())
}

fn known(message: String) -> Result<String, Refused> {
    // The start of a session is not a request that can be held back; other faults are for that.
    if message != "StartApi" && Request::NAMES.contains(&message.as_str()) {
        Ok(message)
    } else {
        Err(Refused(format!("message {message:?} is unknown; known are {}", Request::NAMES.join(", "))))
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum ClockChange {
    Advance { advance_ms: i64 },
    Set { set: String },
}

pub(crate) async fn clock(State(gateway): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let wrong = |_| Refused("expected {\"advance_ms\": n} or {\"set\": instant}".to_owned());
    match read(&body).map_err(wrong)? {
        ClockChange::Advance { advance_ms } => gateway.clock.advance(advance_ms),
        ClockChange::Set { set } => {
            let instant = set.parse().map_err(|error| Refused(format!("set: {error}")))?;
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
    gateway.announce(Announcement::AccountChanged(change.account.clone()));
    let shown = world.accounts.get(&change.account).map(|account| show(&gateway, &account));
    Ok(Json(json!({ "account": shown })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn set(gateway: &Gateway, text: &'static str) -> Result<(), String> {
        read(&Bytes::from_static(text.as_bytes())).and_then(|fault| apply(gateway, fault)).map_err(|refused| refused.0)
    }

    #[test]
    fn every_fault_reads_and_misspelt_ones_do_not() {
        let gateway = Gateway::new(Settings::default()).unwrap();
        for text in [
            r#"{"kind":"drop_all"}"#,
            r#"{"kind":"refuse_connections","on":true}"#,
            r#"{"kind":"refuse_connections","listen":false}"#,
            r#"{"kind":"stall","on":true}"#,
            r#"{"kind":"notice","code":1100}"#,
            r#"{"kind":"delay","message":"HistoricalData","ms":500}"#,
            r#"{"kind":"fail","message":"ContractData","code":200,"times":1}"#,
            r#"{"kind":"silent_handshake"}"#,
            r#"{"kind":"frames_before_ids","count":150}"#,
            r#"{"kind":"freeze_account_pushes"}"#,
        ] {
            set(&gateway, text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        let now = active(&gateway);
        assert_eq!(now["delays"]["HistoricalData"], 500);
        assert_eq!(now["listening"], false);
        assert_eq!(now["frames_before_ids"], 150);
        for text in [
            r#"{"kind":"explode"}"#,
            r#"{"kind":"stall","onn":true}"#,
            r#"{"kind":"delay","message":"Historical","ms":5}"#,
            r#"{"kind":"delay","message":"Positions","ms":999999}"#,
            r#"{"kind":"notice"}"#,
            "stall",
        ] {
            assert!(set(&gateway, text).is_err(), "{text}");
        }
        gateway.faults.clear();
        assert_eq!(active(&gateway)["stall"], false);
        assert_eq!(active(&gateway)["listening"], true);
    }
}
