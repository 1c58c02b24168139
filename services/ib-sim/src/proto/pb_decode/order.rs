//! Requests about orders.

use prost::{DecodeError, Message};

use super::contract_of;
use crate::proto::request::{Exercise, Request};
use crate::wire::pb::order_request as wire;

pub(super) fn decode_orders(message: u32, body: &[u8]) -> Result<Request, DecodeError> {
    Ok(match message {
        3 => {
            let request = wire::PlaceOrderRequest::decode(body)?;
            Request::PlaceOrder {
                order_id: request.order_id.unwrap_or_default(),
                contract: Box::new(contract_of(request.contract)),
                order: Box::new(request.order.unwrap_or_default()),
                attached: request.attached_orders.map(Box::new),
            }
        }
        4 => {
            let request = wire::CancelOrderRequest::decode(body)?;
            Request::CancelOrder { order_id: request.order_id.unwrap_or_default(), cancel: request.order_cancel.unwrap_or_default() }
        }
        5 => Request::OpenOrders,
        7 => {
            let request = wire::ExecutionRequest::decode(body)?;
            Request::Executions {
                req_id: request.req_id.unwrap_or_default(),
                filter: Box::new(request.execution_filter.unwrap_or_default()),
            }
        }
        15 => Request::AutoOpenOrders { bind: wire::AutoOpenOrdersRequest::decode(body)?.auto_bind.unwrap_or_default() },
        16 => Request::AllOpenOrders,
        21 => {
            let request = wire::ExerciseOptionsRequest::decode(body)?;
            Request::ExerciseOptions(Box::new(Exercise {
                order_id: request.order_id.unwrap_or_default(),
                contract: contract_of(request.contract),
                action: request.exercise_action.unwrap_or_default(),
                quantity: request.exercise_quantity.unwrap_or_default(),
                account: request.account.unwrap_or_default(),
                force: request.override_.unwrap_or_default(),
            }))
        }
        58 => Request::GlobalCancel { cancel: wire::GlobalCancelRequest::decode(body)?.order_cancel.unwrap_or_default() },
        _ => Request::CompletedOrders { api_only: wire::CompletedOrdersRequest::decode(body)?.api_only.unwrap_or_default() },
    })
}
