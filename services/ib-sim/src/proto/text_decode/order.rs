//! Requests about orders, but for the order itself.

use super::contract::contract_without_primary;
use super::place::place_order;
use super::{Decoded, version_and_id};
use crate::proto::request::{Exercise, Request};
use crate::wire::pb::order_request::{ExecutionFilter, OrderCancel};
use crate::wire::text::FieldReader;

pub(super) fn decode_orders(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    Ok(match message {
        3 => return place_order(fields),
        4 => Request::CancelOrder {
            order_id: version_and_id(fields)?,
            cancel: OrderCancel { manual_order_cancel_time: fields.given()?, ..OrderCancel::default() },
        },
        5 => Request::OpenOrders,
        7 => Request::Executions {
            req_id: version_and_id(fields)?,
            filter: Box::new(ExecutionFilter {
                client_id: fields.whole()?,
                acct_code: fields.given()?,
                time: fields.given()?,
                symbol: fields.given()?,
                sec_type: fields.given()?,
                exchange: fields.given()?,
                side: fields.given()?,
                ..ExecutionFilter::default()
            }),
        },
        15 => {
            fields.skip()?;
            Request::AutoOpenOrders { bind: fields.flag()? }
        }
        16 => Request::AllOpenOrders,
        21 => Request::ExerciseOptions(Box::new(Exercise {
            order_id: version_and_id(fields)?,
            contract: contract_without_primary(fields)?,
            action: fields.int()?,
            quantity: fields.int()?,
            account: fields.text()?,
            force: fields.flag()?,
        })),
        58 => Request::GlobalCancel { cancel: OrderCancel::default() },
        _ => Request::CompletedOrders { api_only: fields.flag()? },
    })
}
