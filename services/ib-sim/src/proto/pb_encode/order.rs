//! Orders, executions and fees.

use bytes::Bytes;

use super::{only_req_id, wire_contract};
use crate::proto::event::Event;
use crate::wire::frame::protobuf;
use crate::wire::pb::order_report as wire;

pub(super) fn encode_order(event: &Event) -> Bytes {
    match event {
        Event::OpenOrder { order_id, contract, order, state } => protobuf(
            5,
            &wire::OpenOrder {
                order_id: Some(*order_id),
                contract: Some(wire_contract(contract)),
                order: Some((**order).clone()),
                order_state: Some((**state).clone()),
            },
        ),
        Event::OrderStatus(status) => protobuf(3, &**status),
        Event::OpenOrdersEnd => protobuf(53, &wire::OpenOrdersEnd {}),
        Event::OrderBound(bound) => protobuf(100, bound),
        Event::CompletedOrder { contract, order, state } => protobuf(
            101,
            &wire::CompletedOrder {
                contract: Some(wire_contract(contract)),
                order: Some((**order).clone()),
                order_state: Some((**state).clone()),
            },
        ),
        Event::CompletedOrdersEnd => protobuf(102, &wire::CompletedOrdersEnd {}),
        Event::ExecutionDetails { req_id, contract, execution } => protobuf(
            11,
            &wire::ExecutionDetails {
                req_id: Some(*req_id),
                contract: Some(wire_contract(contract)),
                execution: Some((**execution).clone()),
            },
        ),
        Event::ExecutionDetailsEnd { req_id } => only_req_id(55, *req_id),
        Event::CommissionAndFees(report) => protobuf(59, &**report),
        other => unreachable!("{other:?} belongs to another family"),
    }
}
