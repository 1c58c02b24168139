//! Order states, executions and fees.

use super::contract::contract;
use crate::proto::event::Event;
use crate::wire::pb::order_report::{Execution, OrderStatus};
use crate::wire::text::{FieldWriter, put};

/// No execution has neither, and clients need a number.
const NO_ID: i32 = -1;

pub(super) fn write(out: &mut FieldWriter, event: &Event) {
    match event {
        Event::OrderStatus(status) => order_status(out, status),
        Event::OpenOrdersEnd => put!(out; 1),
        // This end marker has no version, and so no field at all.
        Event::CompletedOrdersEnd => {}
        Event::OrderBound(bound) => put!(out; bound.perm_id, bound.client_id, bound.order_id),
        Event::ExecutionDetails { req_id, contract: traded, execution } => {
            put!(out; *req_id, execution.order_id.unwrap_or(NO_ID));
            contract(out, traded);
            execution_fields(out, execution);
        }
        Event::ExecutionDetailsEnd { req_id } => put!(out; 1, *req_id),
        Event::CommissionAndFees(report) => put!(out;
            1, report.exec_id, report.commission_and_fees.unwrap_or_default(), report.currency,
            // An opening trade realizes nothing, a share has no yield: the unset double, as captured.
            report.realized_pnl.unwrap_or(f64::MAX), report.bond_yield.unwrap_or(f64::MAX), report.yield_redemption_date,
        ),
        other => unreachable!("{other:?} belongs to another family"),
    }
}

fn order_status(out: &mut FieldWriter, status: &OrderStatus) {
    put!(out;
        status.order_id, status.status, status.filled, status.remaining, status.avg_fill_price.unwrap_or_default(),
        status.perm_id.unwrap_or_default(), status.parent_id.unwrap_or_default(), status.last_fill_price.unwrap_or_default(),
        status.client_id.unwrap_or_default(), status.why_held, status.mkt_cap_price.unwrap_or_default(),
    );
}

fn execution_fields(out: &mut FieldWriter, execution: &Execution) {
    put!(out;
        execution.exec_id, execution.time, execution.acct_number, execution.exchange, execution.side, execution.shares,
        execution.price.unwrap_or_default(), execution.perm_id.unwrap_or_default(), execution.client_id.unwrap_or_default(),
        execution.is_liquidation.unwrap_or_default(), execution.cum_qty, execution.avg_price.unwrap_or_default(),
        execution.order_ref, execution.ev_rule, execution.ev_multiplier, execution.model_code,
        execution.last_liquidity.unwrap_or_default(), execution.is_price_revision_pending.unwrap_or_default(),
    );
}
