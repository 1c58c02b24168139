//! Orders on the control port: what there is, and what is to go wrong with it.
//!
//! `POST /orders` takes one of these, each `{"kind":...}`:
//! `fill_delay` (`ms`; an order trades no sooner) · `hold_fills` (`on`, default true; nothing trades) ·
//! `fill_size` (`quantity`; at most so much of an order trades in a second; 0 ends it) · `reject_next`
//! (`code`, `text`?, `times` default 1; 0 ends it) · `lose_ack` (`times` default 1; so many orders are
//! accepted and worked, but the client hears nothing of them until it connects anew) · `roll_back_ids`
//! (`client_id`, `by`; the next order id goes back, as after a reset of the settings) ·
//! `not_shortable` (`con_ids`; in place of those before) · `by_hand` (`con_id`, `action`, `quantity`,
//! `limit`?, `account`?; an order that a person enters, which no API client owns) · `clear` (the
//! faults above are off).
//!
//! Invariant: unknown kinds and fields are refused, as everywhere on this port.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::requests::{Refused, Shared, read};
use crate::broker::{Book, Entry, MAX_FILL_DELAY_MS, Rejection};
use crate::gateway::Gateway;
use crate::proto::types::Contract;
use crate::wire::pb::order::Order;
use crate::world::instrument::plain;

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Change {
    FillDelay {
        ms: i64,
    },
    HoldFills {
        #[serde(default = "yes")]
        on: bool,
    },
    FillSize {
        quantity: f64,
    },
    RejectNext {
        code: i32,
        text: Option<String>,
        #[serde(default = "once")]
        times: u32,
    },
    LoseAck {
        #[serde(default = "once")]
        times: u32,
    },
    RollBackIds {
        client_id: i32,
        by: i32,
    },
    NotShortable {
        con_ids: BTreeSet<i32>,
    },
    ByHand {
        con_id: i32,
        action: String,
        quantity: f64,
        limit: Option<f64>,
        account: Option<String>,
    },
    Clear {},
}

fn yes() -> bool {
    true
}

fn once() -> u32 {
    1
}

pub(crate) async fn show(State(gateway): Shared) -> Json<Value> {
    Json(shown(&gateway))
}

pub(crate) async fn change(State(gateway): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    apply(&gateway, read(&body)?)?;
    Ok(Json(shown(&gateway)))
}

fn shown(gateway: &Gateway) -> Value {
    gateway.broker_step(|book, _| {
        let orders: Vec<Value> = book.entries().map(row).collect();
        json!({ "orders": orders, "faults": book.faults })
    })
}

fn row(entry: &Entry) -> Value {
    json!({
        "client_id": entry.client_id,
        "order_id": entry.order_id,
        "perm_id": entry.perm_id,
        "account": entry.account,
        "symbol": entry.traded.contract.symbol,
        "sec_type": entry.traded.contract.sec_type,
        "action": entry.order.action,
        "order_type": entry.order.order_type,
        "order_ref": entry.order.order_ref,
        "parent_id": entry.terms.parent_id,
        "status": entry.status.word(),
        "transmitted": entry.is_transmitted(),
        "quantity": entry.quantity,
        "filled": entry.filled,
        "average_price": entry.average(),
        "why_held": entry.why_held(),
        "completed": entry.completed.as_ref().map(|done| done.words.clone()),
    })
}

fn apply(gateway: &Gateway, change: Change) -> Result<(), Refused> {
    let set = |with: &dyn Fn(&mut Book)| {
        gateway.broker_step(|book, _| with(book));
        Ok(())
    };
    match change {
        Change::FillDelay { ms } if !(0..=MAX_FILL_DELAY_MS).contains(&ms) => Err(Refused(format!("ms is 0 to {MAX_FILL_DELAY_MS}"))),
        Change::FillDelay { ms } => set(&|book| book.faults.fill_delay_ms = ms),
        Change::HoldFills { on } => set(&|book| book.faults.hold_fills = on),
        Change::FillSize { quantity } => set(&|book| book.faults.fill_size = (quantity > 0.0).then_some(quantity)),
        Change::RejectNext { code, text, times } => {
            set(&|book| book.faults.reject_next = (times > 0).then(|| Rejection { code, text: text.clone(), times }))
        }
        Change::LoseAck { times } => set(&|book| book.faults.lose_ack = times),
        Change::RollBackIds { client_id, by } => set(&|book| book.roll_back(client_id, by)),
        Change::NotShortable { con_ids } => set(&|book| book.faults.not_shortable.clone_from(&con_ids)),
        Change::ByHand { con_id, action, quantity, limit, account } => {
            let contract = Contract { con_id, ..Contract::default() };
            let order = Order {
                action: Some(action),
                total_quantity: Some(plain(quantity)),
                order_type: Some(if limit.is_some() { "LMT" } else { "MKT" }.into()),
                lmt_price: limit,
                account,
                ..Order::default()
            };
            let placed = gateway.broker_step(|book, desk| book.place_by_hand(desk, contract, order));
            placed.map(drop).map_err(|error| Refused(error.text))
        }
        Change::Clear {} => set(&|book| book.faults = Default::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn every_kind_reads_and_misspelt_ones_do_not() {
        let gateway = Gateway::new(Settings::default()).unwrap();
        let set = |text: &'static str| read(&Bytes::from_static(text.as_bytes())).and_then(|change| apply(&gateway, change));
        for text in [
            r#"{"kind":"fill_delay","ms":500}"#,
            r#"{"kind":"hold_fills"}"#,
            r#"{"kind":"fill_size","quantity":3}"#,
            r#"{"kind":"reject_next","code":201,"text":"Order rejected - reason:no"}"#,
            r#"{"kind":"lose_ack"}"#,
            r#"{"kind":"roll_back_ids","client_id":1,"by":5}"#,
            r#"{"kind":"not_shortable","con_ids":[265598]}"#,
            r#"{"kind":"by_hand","con_id":265598,"action":"BUY","quantity":1,"limit":1.5}"#,
        ] {
            set(text).unwrap_or_else(|refused| panic!("{text}: {refused:?}"));
        }
        let now = shown(&gateway);
        assert_eq!((&now["faults"]["fill_delay_ms"], &now["faults"]["hold_fills"]), (&json!(500), &json!(true)));
        assert_eq!(now["orders"][0]["order_id"], 0);
        set(r#"{"kind":"clear"}"#).unwrap();
        assert_eq!(shown(&gateway)["faults"]["hold_fills"], false);
        for text in [
            r#"{"kind":"explode"}"#,
            r#"{"kind":"hold_fills","onn":true}"#,
            r#"{"kind":"fill_delay","ms":-1}"#,
            r#"{"kind":"by_hand","con_id":1,"action":"BUY","quantity":1}"#,
        ] {
            assert!(set(text).is_err(), "{text}");
        }
    }
}
